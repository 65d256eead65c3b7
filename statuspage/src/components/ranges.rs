//! What a reader chooses from: the range, as a row of radio buttons, so that keyboards and screen readers know it;
//! percentiles; the table; and the words by which endpoints are found.

use leptos::prelude::*;
use shared::Nanos;
use wasm_bindgen::JsCast;
use web_sys::{Element, Event, HtmlElement, HtmlInputElement, KeyboardEvent};

use super::element::{Built, html};
use super::holds;
use crate::app::State;
use crate::browser;
use crate::i18n::{Text, texts};
use crate::url_state::Layout;
use crate::view::overlay::ChartOverlay;
use crate::view::{Percentiles, period, search};

/// With fewer endpoints than this everybody finds what they look for without help.
const SOUGHT_FROM: usize = 4;

/// The choices; `configured` is the range that is shown at first.
pub(super) fn tools(state: State, configured: Nanos) -> Built {
    html("div.tools").with(ranges(state, configured)).with(search(state))
}

fn ranges(state: State, configured: Nanos) -> Built {
    let range = move || state.url_state.with(|url_state| url_state.range).unwrap_or(configured);
    let shown = range();
    let choices = period::ranges(configured, shown, state.language).into_iter().map(|(this, words)| {
        let button = html("input[type=radio][name=range]").set("value", &this.to_string());
        // Steps back change it, too.
        let button = button.kept(move |input: &HtmlInputElement| input.set_checked(range() == this));
        html("label").with(button).with(html("span").text(&words))
    });
    html("fieldset.ranges")
        .with(html("legend.spoken").text(state.text(texts::PERIOD_SHOWN)))
        .with_all(choices.collect())
        .with(percentiles(state))
        .with(besides(state, ChartOverlay::Phases, "phases", texts::PHASES))
        .with(besides(state, ChartOverlay::Locations, "places", texts::LOCATIONS))
        .on("change", move |event| {
            let button = event.target().and_then(|target| target.dyn_into::<Element>().ok());
            let range: Option<Nanos> = button.and_then(|button| button.get_attribute("value")?.parse().ok());
            let Some(range) = range else { return };
            state.look(|url_state| {
                url_state.range = Some(range).filter(|range| *range != configured);
                url_state.endpoint = None;
                url_state.path.clear();
            });
        })
}

/// The button that tells percentiles of response times, which are loaded only then.
fn percentiles(state: State) -> Built {
    let wanted = RwSignal::new(Percentiles::Hidden);
    let is_wanted = move || wanted.get() == Percentiles::Shown;
    button("percentiles", state.text(texts::PERCENTILES), is_wanted)
        .on("click", move |_| {
            wanted.set(if is_wanted() { Percentiles::Hidden } else { Percentiles::Shown });
            state.want_percentiles(wanted.get_untracked());
        })
        .shown_while(holds(state.view, |view| !view.endpoints.is_empty()))
}

/// A button that lets charts show something besides, where they can.
fn besides(state: State, this: ChartOverlay, id: &str, words: Text) -> Built {
    let is_shown = move || state.besides.get() == this;
    button(id, state.text(words), is_shown)
        .on("click", move |_| state.besides.set(if is_shown() { ChartOverlay::Off } else { this }))
        .shown_while(move || state.view.with(|view| view.available_overlays.contains(&this)))
}

/// A button that is pressed or not.
fn button(id: &str, words: &str, is_pressed: impl Fn() -> bool + 'static) -> Built {
    html("button.plain[type=button]")
        .set("id", id)
        .text(words)
        .live("aria-pressed", move || Some(if is_pressed() { "true" } else { "false" }.to_owned()))
}

/// The words that are sought, and the table; neither is offered where there is little to find.
fn search(state: State) -> Built {
    let filter = move || state.url_state.with(|url_state| url_state.filter.clone());
    let is_table = move || state.url_state.with(|url_state| url_state.layout) == Layout::Table;
    let input = html("input[id=filter][type=search][aria-keyshortcuts=/]")
        .label(state.text(texts::FIND))
        .set("placeholder", state.text(texts::FIND_BY))
        .kept(move |input: &HtmlInputElement| {
            if input.value() != filter() {
                input.set_value(&filter());
            }
        })
        .on("input", move |event| {
            if let Some(input) = event.target().and_then(|target| target.dyn_into::<HtmlInputElement>().ok()) {
                state.seek(input.value());
            }
        })
        .on("keydown", move |event| {
            if event.dyn_ref::<KeyboardEvent>().is_some_and(|event| event.key() == "Escape") {
                state.seek(String::new());
            }
        });
    browser::listen("keydown", Box::new(move |event| focus_filter(&event)));
    let counted = move || {
        let found = state.found.with(|found| found.as_ref().map(|found| found.len()));
        state
            .view
            .with(|view| search::summary(&filter(), found.unwrap_or_default(), view.endpoints.len(), state.language))
    };
    html("div.finding")
        .with(input)
        .with(html("span.quiet[role=status]").live_text(counted))
        .with(button("table", state.text(texts::TABLE), is_table).on("click", move |_| {
            state.look(|url_state| {
                url_state.layout = match url_state.layout {
                    Layout::Cards => Layout::Table,
                    Layout::Table => Layout::Cards,
                };
            });
        }))
        .shown_while(move || {
            state.view.with(|view| view.endpoints.len() >= SOUGHT_FROM) || is_table() || !filter().is_empty()
        })
}

/// `/` leads to the words that are sought, unless somebody is writing.
fn focus_filter(event: &Event) {
    let Some(event) = event.dyn_ref::<KeyboardEvent>() else { return };
    let is_writing = event.target().and_then(|target| target.dyn_into::<HtmlElement>().ok()).is_some_and(|target| {
        matches!(target.tag_name().as_str(), "INPUT" | "SELECT" | "TEXTAREA")
            && target.get_attribute("type").is_none_or(|kind| kind != "radio")
    });
    if event.key() == "/"
        && !is_writing
        && !event.ctrl_key()
        && !event.meta_key()
        && !event.alt_key()
        && let Some(input) = browser::element("filter")
    {
        event.prevent_default();
        let _ = input.focus();
    }
}

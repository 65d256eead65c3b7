//! The toolbar: time range, charts, percentiles, chart overlays, table layout and search.

use leptos::prelude::*;
use shared::Nanos;
use wasm_bindgen::JsCast;
use web_sys::{Element, Event, HtmlElement, HtmlInputElement, KeyboardEvent};

use super::dom::html::{button, div, fieldset, input, label, legend, span};
use super::dom::{ElementBuilder, target};
use crate::browser;
use crate::context::AppContext;
use crate::i18n::{Text, texts};
use crate::url_state::Layout;
use crate::view::overlay::ChartOverlay;
use crate::view::{period, search};

/// The minimum number of endpoints for which the search is shown.
const SEARCH_FROM: usize = 4;

/// Builds the toolbar. `configured` is the range that the page shows by default.
pub(super) fn toolbar(context: AppContext, configured: Nanos) -> ElementBuilder {
    div().class("toolbar").child(ranges(context, configured)).child(search(context))
}

/// Builds the time ranges as radio buttons, which keyboards and screen readers support, and the buttons for charts.
fn ranges(context: AppContext, configured: Nanos) -> ElementBuilder {
    let current = move || context.url_state.with(|url_state| url_state.range).unwrap_or(configured);
    let choices = period::ranges(configured, current(), context.language).into_iter().map(|(range, text)| {
        let button = input()
            .attr("type", "radio")
            .attr("name", "range")
            .attr("value", &range.to_string())
            // The browser's back button also changes the range.
            .effect(move |input: &HtmlInputElement| input.set_checked(current() == range));
        label().child(button).child(span().text(&text))
    });
    fieldset()
        .class("ranges")
        .child(legend().class("visually-hidden").text(context.text(texts::PERIOD_SHOWN)))
        .children(choices)
        .child(charts_button(context))
        .child(percentiles_button(context))
        .child(overlay_button(context, ChartOverlay::Phases, "phases", texts::PHASES))
        .child(overlay_button(context, ChartOverlay::Locations, "locations", texts::LOCATIONS))
        .on("change", move |event| {
            let value = target::<Element>(&event).and_then(|input| input.get_attribute("value"));
            let Some(range) = value.and_then(|value| value.parse().ok()) else { return };
            context.navigate(|url_state| {
                url_state.range = Some(range).filter(|range| *range != configured);
                url_state.endpoint = None;
                url_state.path.clear();
            });
        })
}

/// Builds the button that shows the percentiles of response times, which are loaded on the first click.
fn percentiles_button(context: AppContext) -> ElementBuilder {
    let is_shown = move || context.url_state.with(|url_state| url_state.percentiles);
    toggle_button("percentiles", context.text(texts::PERCENTILES), is_shown)
        .on("click", move |_| context.navigate(|url_state| url_state.percentiles = !url_state.percentiles))
        .show_when(move || shows_times(context) || is_shown())
}

/// Returns whether the page shows response times: in charts, or in the table.
fn shows_times(context: AppContext) -> bool {
    let is_table = context.url_state.with(|url_state| url_state.layout) == Layout::Table;
    context.view.with(|view| !view.endpoints.is_empty()) && (is_table || context.are_charts_open())
}

/// Builds the button that opens or closes all charts.
fn charts_button(context: AppContext) -> ElementBuilder {
    toggle_button("charts", context.text(texts::RESPONSE_TIMES), move || context.are_charts_open())
        .on("click", move |_| {
            let is_open = !context.are_charts_open();
            context.navigate(|url_state| {
                url_state.charts = Some(is_open).filter(|is_open| *is_open != context.charts_open_at_first);
            });
        })
        .show_when(context.view_flag(|view| !view.endpoints.is_empty()))
}

/// Builds a button that adds an overlay to the charts that support it.
fn overlay_button(context: AppContext, overlay: ChartOverlay, id: &str, text: Text) -> ElementBuilder {
    let is_shown = move || context.overlay() == overlay;
    toggle_button(id, context.text(text), is_shown)
        .on("click", move |_| {
            let next = if is_shown() { ChartOverlay::Off } else { overlay };
            context.navigate(|url_state| url_state.overlay = next);
        })
        .show_when(move || {
            context.are_charts_open() && context.view.with(|view| view.available_overlays.contains(&overlay))
        })
}

fn toggle_button(id: &str, text: &str, is_pressed: impl Fn() -> bool + 'static) -> ElementBuilder {
    button()
        .class("plain")
        .attr("type", "button")
        .id(id)
        .text(text)
        .attr("aria-pressed", move || if is_pressed() { "true" } else { "false" })
}

/// Builds the search field and the table button. Both are hidden if there are only a few endpoints.
fn search(context: AppContext) -> ElementBuilder {
    let filter = move || context.url_state.with(|url_state| url_state.filter.clone());
    let is_table = move || context.url_state.with(|url_state| url_state.layout) == Layout::Table;
    let summary = move || {
        let matching = context.matching.with(|matching| matching.as_ref().map_or(0, |matching| matching.len()));
        let total = context.view.with(|view| view.endpoints.len());
        search::summary(&filter(), matching, total, context.language)
    };
    let table_button = toggle_button("table", context.text(texts::TABLE), is_table).on("click", move |_| {
        context.navigate(|url_state| {
            url_state.layout = match url_state.layout {
                Layout::Table => Layout::Cards,
                Layout::Cards => Layout::Table,
            };
        });
    });
    browser::listen("keydown", Box::new(move |event| focus_search_field(&event)));
    div()
        .class("search")
        .child(search_field(context, filter))
        .child(span().class("quiet").role("status").text(summary))
        .child(table_button)
        .show_when(move || {
            context.view.with(|view| view.endpoints.len() >= SEARCH_FROM) || is_table() || !filter().is_empty()
        })
}

fn search_field(context: AppContext, filter: impl Fn() -> String + 'static) -> ElementBuilder {
    input()
        .id("filter")
        .attr("type", "search")
        .attr("aria-keyshortcuts", "/")
        .aria_label(context.text(texts::FIND))
        .attr("placeholder", context.text(texts::FIND_BY))
        .effect(move |input: &HtmlInputElement| {
            let filter = filter();
            // Setting the same value again would move the cursor while a visitor is typing.
            if input.value() != filter {
                input.set_value(&filter);
            }
        })
        .on("input", move |event| {
            if let Some(input) = target::<HtmlInputElement>(&event) {
                context.set_filter(input.value());
            }
        })
        .on("keydown", move |event| {
            if event.dyn_ref::<KeyboardEvent>().is_some_and(|event| event.key() == "Escape") {
                context.set_filter(String::new());
            }
        })
}

/// Moves the focus to the search field on `/`, unless the visitor is typing in another field.
fn focus_search_field(event: &Event) {
    let Some(event) = event.dyn_ref::<KeyboardEvent>() else { return };
    let is_typing = target::<HtmlElement>(event).is_some_and(|target| {
        matches!(target.tag_name().as_str(), "INPUT" | "SELECT" | "TEXTAREA")
            && target.get_attribute("type").is_none_or(|kind| kind != "radio")
    });
    if event.key() == "/"
        && !is_typing
        && !event.ctrl_key()
        && !event.meta_key()
        && !event.alt_key()
        && let Some(input) = browser::element("filter")
    {
        event.prevent_default();
        let _ = input.focus();
    }
}

//! The ranges that a reader can choose from: a row of radio buttons, so that keyboards and screen readers know it.

use leptos::prelude::*;
use shared::Nanos;
use wasm_bindgen::JsCast;
use web_sys::Element;

use super::element::{Built, html};
use crate::app::State;
use crate::view::{Percentiles, period};

/// The choice; `configured` is what is shown at first.
pub(super) fn ranges(state: State, configured: Nanos) -> Built {
    let choices = period::ranges(configured).into_iter().map(|(range, words)| {
        let button = html("input[type=radio][name=range]").set("value", &range.to_string());
        let button = if range == configured { button.set("checked", "") } else { button };
        html("label").with(button).with(html("span").text(&words))
    });
    html("fieldset.ranges")
        .with(html("legend.spoken").text("Period shown"))
        .with_all(choices.collect())
        .with(percentiles(state))
        .on("change", move |event| {
            let button = event.target().and_then(|target| target.dyn_into::<Element>().ok());
            let range = button.and_then(|button| button.get_attribute("value")?.parse().ok());
            if let Some(range) = range {
                state.pick_range(range);
            }
        })
}

/// The button that tells percentiles of response times, which are loaded only then.
fn percentiles(state: State) -> Built {
    let wanted = RwSignal::new(Percentiles::NotWanted);
    let is_wanted = move || wanted.get() == Percentiles::Wanted;
    html("button[type=button][id=percentiles]")
        .text("Percentiles")
        .live("aria-pressed", move || Some(if is_wanted() { "true" } else { "false" }.to_owned()))
        .on("click", move |_| {
            wanted.set(if is_wanted() { Percentiles::NotWanted } else { Percentiles::Wanted });
            state.want_percentiles(wanted.get_untracked());
        })
}

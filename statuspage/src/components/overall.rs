//! The first lines: the sentence, and when and from where somebody last looked.

use leptos::prelude::*;

use super::dom::{ElementBuilder, html};
use super::{holds, of, shape};
use crate::app::AppContext;
use crate::i18n::texts;
use crate::view::LoadProgress;

/// The state of things, and the progress of a load.
pub(super) fn overall(state: AppContext) -> Vec<ElementBuilder> {
    let view = state.view;
    let sentence = html("h1")
        .with(shape(move || view.with(|view| view.overall.status)))
        .with(html("span[id=overall]").live_text(of(view, |view| &view.overall.headline)));
    let datetime = of(view, |view| &view.overall.checked_datetime);
    let looked = html("span")
        .text(state.text(texts::LAST_CHECKED))
        .text(" ")
        .with(
            html("time[id=looked]")
                .live("datetime", move || Some(datetime()))
                .live_text(of(view, |view| &view.overall.checked)),
        )
        // No line begins with it.
        .text("\u{a0}· ")
        .shown_while(holds(view, |view| !view.overall.checked.is_empty()));
    let scope = html("span").live_text(of(view, |view| &view.overall.scope));
    let section = html("section.overall[aria-live=polite]")
        .with(sentence)
        .with(html("p.remark").live_text(of(view, |view| &view.overall.remark)))
        .with(html("p.looked").with(looked).with(scope))
        // What is shown in a frame leads to the whole.
        .with(html("a.whole[href=./][target=_blank][rel=noopener]").text(state.text(texts::DETAILS)));
    vec![section, progress(state)]
}

fn progress(state: AppContext) -> ElementBuilder {
    let loading = state.loading;
    let files = move || match loading.get() {
        LoadProgress::Files(done, total) => Some((done, total)),
        _ => None,
    };
    let bar = html("progress")
        .label(state.text(texts::FILES_LOADED))
        .live("max", move || files().map(|(_, total)| total.to_string()))
        .live("value", move || files().map(|(done, _)| done.to_string()))
        .shown_while(move || files().is_some());
    html("p.progress").with(html("span").live_text(move || loading.get().label(state.language))).with(bar)
}

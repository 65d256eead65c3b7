//! The first lines of the page: the overall status, the last check, the locations, and the progress of a load.

use leptos::prelude::*;

use super::dom::ElementBuilder;
use super::dom::html::{a, h1, p, progress as progress_element, section, span, time};
use super::parts::{planned, status_icon};
use crate::context::AppContext;
use crate::i18n::texts;
use crate::view::LoadProgress;

/// Builds the overall status and the progress of a load.
pub(super) fn overall(context: AppContext) -> [ElementBuilder; 2] {
    let view = context.view;
    let headline = h1()
        .child(status_icon(move || view.with(|view| view.overall.status)))
        .child(span().id("overall").text(context.view_text(|view| &view.overall.headline)));
    let checked = span()
        .text(context.text(texts::LAST_CHECKED))
        .text(" ")
        .child(
            time()
                .id("last-checked")
                .attr("datetime", context.view_text(|view| &view.overall.checked_datetime))
                .text(context.view_text(|view| &view.overall.checked)),
        )
        // The no-break space ensures that no line starts with the dot.
        .text("\u{a0}· ")
        .show_when(context.view_flag(|view| !view.overall.checked.is_empty()));
    let scope = span().text(context.view_text(|view| &view.overall.scope));
    // This link is shown only when another page embeds this one. It opens the page in a new tab.
    let details = a()
        .class("open-page")
        .attr("href", "./")
        .attr("target", "_blank")
        .attr("rel", "noopener")
        .text(context.text(texts::DETAILS));
    let section = section()
        .class("overall")
        .attr("data-planned", move || planned(view.with(|view| view.overall.is_planned)))
        .attr("aria-live", "polite")
        .child(headline)
        .child(p().class("remark").text(context.view_text(|view| &view.overall.remark)))
        .child(p().class("checked").child(checked).child(scope))
        .child(details);
    [section, progress(context)]
}

fn progress(context: AppContext) -> ElementBuilder {
    let loading = context.loading;
    let files = move || match loading.get() {
        LoadProgress::Files(done, total) => Some((done, total)),
        _ => None,
    };
    let bar = progress_element()
        .aria_label(context.text(texts::FILES_LOADED))
        .attr("max", move || files().map(|(_, total)| total.to_string()))
        .attr("value", move || files().map(|(done, _)| done.to_string()))
        .show_when(move || files().is_some());
    p().class("progress").child(span().text(move || loading.get().label(context.language))).child(bar)
}

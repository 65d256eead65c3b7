//! The first lines of the page: the overall status, the last check, the locations, the progress of a load, and the
//! endpoints that are not healthy.

use leptos::prelude::*;

use super::dom::ElementBuilder;
use super::dom::html::{a, div, h1, li, p, progress as progress_element, section, span, time, ul};
use super::parts::{fixed_status_icon, isolated, planned, status_icon};
use crate::context::AppContext;
use crate::i18n::texts;
use crate::view::LoadProgress;
use crate::view::trouble::TroubledEndpoint;

/// Builds the overall status, its announcement for screen readers, and the progress of a load.
pub(super) fn overall(context: AppContext) -> [ElementBuilder; 3] {
    let headline = h1()
        .child(status_icon(move || context.view.with(|view| view.overall.status)))
        .child(span().id("overall").text(context.view_text(|view| &view.overall.headline)));
    let checked = span()
        .text(context.text(texts::LAST_CHECKED))
        .text(" ")
        .child(
            time()
                .id("last-checked")
                .attr("datetime", context.view_text(|view| &view.overall.checked_datetime))
                .attr("title", context.view_text(|view| &view.overall.checked_at))
                .text(context.view_text(|view| &view.overall.checked)),
        )
        .show_when(context.view_flag(|view| !view.overall.checked.is_empty()));
    // The style sheet hides the dot if there is nothing before or after it.
    let scope = span().class("scope").text(context.view_text(|view| &view.overall.scope));
    // The no-break space ensures that no line starts with the dot.
    let dot = span().class("dot").text("\u{a0}· ");
    // This link is shown only when another page embeds this one. It opens the page in a new tab.
    let details = a()
        .class("open-page")
        .attr("href", "./")
        .attr("target", "_blank")
        .attr("rel", "noopener")
        .text(context.text(texts::DETAILS));
    let section = section()
        .class("overall")
        .attr("data-status", move || context.view.with(|view| view.overall.state))
        .attr("data-planned", move || planned(context.view.with(|view| view.overall.is_planned)))
        .child(headline)
        .child(p().class("remark").text(context.view_text(|view| &view.overall.remark)))
        .child(p().class("checked").child(scope).child(dot).child(checked))
        .child(details);
    // The visible sentence contains a duration. It would be read aloud every minute.
    let announcement = p()
        .class("visually-hidden")
        .id("announcement")
        .role("status")
        .text(context.view_text(|view| &view.overall.announcement));
    [section, announcement, progress(context)]
}

/// Builds the list of the endpoints that are not healthy.
pub(super) fn trouble(context: AppContext) -> ElementBuilder {
    let list = move || context.view.with(|view| view.trouble.clone());
    let more = move || context.view.with(|view| view.trouble.more.clone());
    div()
        .class("trouble")
        .child(ul().dynamic_children(list, |list| list.endpoints.iter().map(troubled).collect()))
        .child(p().class("quiet").text(more))
        .show_when(context.view_flag(|view| !view.trouble.endpoints.is_empty()))
}

fn troubled(one: &TroubledEndpoint) -> ElementBuilder {
    li().attr("data-status", one.status.as_str())
        .attr("data-planned", planned(one.is_planned))
        .child(fixed_status_icon(one.status, one.is_partial))
        .child(a().attr("href", &format!("#endpoint-{}", one.id)).child(isolated(&one.name)))
        .child(span().class("state").text(&one.state))
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

//! Incidents and maintenance: below the headline, one of them with all updates, and the history by month.

use std::sync::Arc;

use leptos::prelude::*;
use web_sys::MouseEvent;

use super::dom::html::{a, article, details, div, h2, h3, h4, li, p, section, span, summary, ul};
use super::dom::{ElementBuilder, svg};
use super::message::elements;
use super::parts::{icon, time};
use super::timeline::events;
use crate::context::AppContext;
use crate::i18n::texts;
use crate::url_state::UrlState;
use crate::view::DetailView;
use crate::view::announcements::{AnnouncementView, EntryView, Phase};
use crate::view::history::MonthView;

/// Builds the announcements below the headline.
pub(super) fn announcements(context: AppContext) -> ElementBuilder {
    let view = context.view;
    let current = div().dynamic_children(
        move || view.with(|view| view.announced.current.clone()),
        move |all| all.iter().map(|one| card(context, one, h2())).collect(),
    );
    let brief = ul().class("brief").dynamic_children(
        move || view.with(|view| view.announced.brief.clone()),
        move |all| all.iter().map(|one| line(context, one)).collect(),
    );
    section()
        .id("announcements")
        .aria_label(context.text(texts::INCIDENTS))
        .child(current)
        .child(brief)
        .show_when(context.view_flag(|view| !view.announced.current.is_empty() || !view.announced.brief.is_empty()))
}

/// Builds what the page shows instead of the endpoints.
pub(super) fn detail(context: AppContext) -> ElementBuilder {
    let view = context.view;
    section().id("detail").aria_label(context.text(texts::INCIDENTS)).attr("tabindex", "-1").dynamic_children(
        move || view.with(|view| view.detail.clone()),
        move |detail: &Option<Arc<DetailView>>| detail.iter().flat_map(|detail| content(context, detail)).collect(),
    )
}

fn content(context: AppContext, detail: &DetailView) -> Vec<ElementBuilder> {
    let heading = (!detail.heading.is_empty()).then(|| h2().class("title").text(&detail.heading));
    let note = (!detail.note.is_empty()).then(|| p().text(&detail.note));
    let months = detail.months.iter().map(|one| month(context, one));
    heading.into_iter().chain(note).chain(months).collect()
}

fn month(context: AppContext, month: &MonthView) -> ElementBuilder {
    let is_in_history = !month.heading.is_empty();
    let heading = is_in_history.then(|| h3().class("month").text(&month.heading));
    let quiet = (!month.quiet.is_empty()).then(|| p().class("quiet").text(&month.quiet));
    let cards = month.announcements.iter().map(|one| card(context, one, if is_in_history { h4() } else { h2() }));
    div().children(heading).children(quiet).children(cards)
}

/// Builds an announcement with its updates. All but the newest are folded, unless it is shown on its own.
fn card(context: AppContext, view: &AnnouncementView, heading: ElementBuilder) -> ElementBuilder {
    let mut newest: Vec<ElementBuilder> = view.entries.iter().map(entry).collect();
    if !view.earlier.is_empty() {
        let earlier = newest.split_off(1);
        let folded = details().attr("open", move || context.printing.get());
        newest.push(folded.child(summary().text(&view.earlier)).children(earlier));
    }
    let measured = (!view.measured.is_empty()).then(|| {
        let outages = div().class("entry-text").child(events(context, &view.measured));
        div().class("entry").child(span().class("label").text(context.text(texts::MEASURED))).child(outages)
    });
    article()
        .class("card")
        .attr("data-phase", view.phase.as_str())
        .child(heading.child(title(context, view)))
        .child(p().class("quiet").text(&view.summary))
        .children(newest)
        .children(measured)
}

/// Builds the icon for what an announcement is and how far it has progressed.
pub(super) fn phase_icon(phase: Phase) -> ElementBuilder {
    let outline = svg::path().attr("d", phase.outline()).attr("fill-rule", "evenodd");
    icon(outline).attr("data-phase", phase.as_str())
}

/// Builds an announcement on one line.
fn line(context: AppContext, view: &Arc<AnnouncementView>) -> ElementBuilder {
    li().child(phase_icon(view.phase))
        .child(title(context, view))
        .text(" ")
        .child(span().class("quiet").text(&view.summary))
}

fn entry(entry: &EntryView) -> ElementBuilder {
    let time = time(&entry.datetime, &entry.when);
    let remarks = (!entry.remarks.is_empty()).then(|| span().text(" · ").text(&entry.remarks));
    let text = (!entry.nodes.is_empty())
        .then(|| div().class("message-text").attr("dir", "auto").children(elements(&entry.nodes)));
    let body = div().class("entry-text").children(text).child(p().class("quiet").child(time).children(remarks));
    let label = (!entry.label.is_empty()).then(|| span().class("label").text(&entry.label));
    div().class("entry").children(label).child(body)
}

/// Builds the title, which links to the announcement.
pub(super) fn title(context: AppContext, view: &AnnouncementView) -> ElementBuilder {
    let link = view.link.clone();
    page_link(context, &view.title, move |url_state| url_state.with_announcement(Some(link.clone())))
        .attr("dir", "auto")
}

/// Builds a link to another view of the page, which is shown without loading the page again.
pub(super) fn page_link(
    context: AppContext,
    text: &str,
    target: impl Fn(&UrlState) -> UrlState + Clone + 'static,
) -> ElementBuilder {
    let query = target.clone();
    let href = move || {
        let query = context.url_state.with(|url_state| query(url_state).to_query());
        if query.is_empty() { "./".to_owned() } else { query }
    };
    a().attr("href", href).text(text).on("click", move |event| {
        let is_plain = wasm_bindgen::JsCast::dyn_ref::<MouseEvent>(&event)
            .is_some_and(|event| !event.ctrl_key() && !event.meta_key() && !event.shift_key() && !event.alt_key());
        if is_plain {
            event.prevent_default();
            context.navigate(|url_state| *url_state = target(url_state));
            context.show_top();
        }
    })
}

//! Incidents and maintenance: below the headline, one of them with all updates, and the history by month.

use std::sync::Arc;

use leptos::prelude::*;

use super::dom::ElementBuilder;
use super::dom::html::{article, details, div, h2, h3, h4, li, p, section, span, summary, ul};
use super::links::{phase_icon, title};
use super::message::elements;
use super::parts::time;
use super::timeline::events;
use crate::context::AppContext;
use crate::i18n::texts;
use crate::view::DetailView;
use crate::view::event::{AnnouncementView, EntryView};
use crate::view::history::MonthView;

/// Builds the announcements below the headline.
pub(super) fn announcements(context: AppContext) -> ElementBuilder {
    let current = div().dynamic_children(
        move || context.view.with(|view| view.announced.current.clone()),
        move |all| all.iter().map(|one| card(context, one, h2())).collect(),
    );
    let brief = ul().class("brief").dynamic_children(
        move || context.view.with(|view| view.announced.brief.clone()),
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
    section().id("detail").aria_label(context.text(texts::INCIDENTS)).attr("tabindex", "-1").dynamic_children(
        move || context.view.with(|view| view.detail.clone()),
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

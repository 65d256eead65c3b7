//! The timeline, and the list of nodes.

use std::sync::Arc;

use leptos::prelude::*;

use super::dom::html::{button, div, h3, li, ol, p, span, strong, ul};
use super::dom::{ElementBuilder, svg};
use super::links::{outage_link, phase_icon, title};
use super::message::elements;
use super::parts::{fixed_status_icon, icon, isolated, planned, section, time};
use crate::context::AppContext;
use crate::i18n::texts;
use crate::view::NodeView;
use crate::view::event::{EventKind, EventView};
use crate::view::timeline::{self, DayView};

pub(super) fn timeline(context: AppContext) -> ElementBuilder {
    let is_expanded = RwSignal::new(false);
    let shows_all = move || is_expanded.get() || context.printing.get() || context.matching.with(Option::is_some);
    let shown = move || {
        let mut days = context.view.with(|view| view.timeline.clone());
        if !shows_all() {
            days.truncate(timeline::at_first(&days).0);
        }
        days
    };
    let days = div().dynamic_children(shown, move |days: &Vec<Arc<DayView>>| {
        days.iter().map(|one| day(context, Arc::clone(one))).collect()
    });
    let hidden = move || context.view.with(|view| timeline::at_first(&view.timeline).1).filter(|_| !shows_all());
    let label = move || {
        let count = hidden().map(|count| context.language.number(count))?;
        Some(context.language.format(texts::SHOW_ALL, &[&count]))
    };
    let expand_button = move || {
        let button = button().class("plain").attr("type", "button").text(label);
        vec![button.on("click", move |_| is_expanded.set(true))]
    };
    let button = div().children_when(move || hidden().is_some(), expand_button);
    section("timeline-title", context.text(texts::TIMELINE))
        .id("timeline")
        .child(days)
        .child(button)
        .show_when(move || context.view.with(|view| view.timeline.iter().any(|day| is_day_shown(context, day))))
}

/// Returns whether a day has events about endpoints that match the search. Without a search, all days are shown.
fn is_day_shown(context: AppContext, day: &DayView) -> bool {
    context.matching.with(Option::is_none) || day.events.iter().any(|event| is_shown(context, event))
}

fn is_shown(context: AppContext, event: &EventView) -> bool {
    event.about.is_empty() || event.about.iter().any(|id| context.matches(*id))
}

fn day(context: AppContext, day: Arc<DayView>) -> ElementBuilder {
    let events = match &day.quiet {
        Some(text) => p().class("quiet").text(text),
        None => events(context, &day.events),
    };
    let heading = h3().text(&day.heading);
    div().class("day").child(heading).child(events).show_when(move || is_day_shown(context, &day))
}

/// Builds a list of events.
pub(super) fn events(context: AppContext, events: &[Arc<EventView>]) -> ElementBuilder {
    ol().class("events").children(events.iter().map(|one| event(context, Arc::clone(one))))
}

fn event(context: AppContext, event: Arc<EventView>) -> ElementBuilder {
    let item = li().class("event");
    let clock = time(&event.datetime, &event.clock);
    let item = match &event.kind {
        EventKind::Change { status, is_partial, is_planned, subject, text, reasons, link } => {
            let clock = match (link, event.about.first()) {
                (Some((address, start)), Some(id)) => outage_link(context, *id, address, *start).child(clock),
                _ => clock,
            };
            let colon = context.language.format(texts::COLON, &["", ""]);
            let sentence = p().child(strong().text(subject)).text(&colon).text(text);
            let reasons = reasons.iter().map(|reason| p().class("error").child(isolated(reason)));
            item.attr("data-kind", "status")
                .attr("data-status", status.as_str())
                .attr("data-planned", planned(*is_planned))
                .child(clock)
                .child(fixed_status_icon(*status, *is_partial))
                .child(div().child(sentence).children(reasons))
        }
        EventKind::Message(message) => {
            let bubble = svg::path().attr("d", "M1 2.5h14v9H7.5L4 15v-3.5H1Z");
            let about = p().child(strong().text(&message.about)).text(" · ").text(context.text(texts::MESSAGE));
            let words = div().class("message-text").attr("dir", "auto").children(elements(&message.nodes));
            item.attr("data-kind", "message").child(clock).child(icon(bubble)).child(div().child(about).child(words))
        }
        EventKind::Announcement(view) => {
            let line = p().child(strong().child(title(context, view))).text(" ");
            let line = line.child(span().class("quiet").text(&view.summary));
            let measured = (!view.measured.is_empty()).then(|| events(context, &view.measured));
            item.attr("data-kind", "announcement")
                .child(clock)
                .child(phase_icon(view.phase))
                .child(div().child(line).children(measured))
        }
    };
    item.show_when(move || is_shown(context, &event))
}

/// Builds the list of nodes, with the time when each last reported.
pub(super) fn nodes(context: AppContext) -> ElementBuilder {
    let list = ul().dynamic_children(
        move || context.view.with(|view| view.nodes.clone()),
        |nodes: &Vec<NodeView>| nodes.iter().map(node).collect(),
    );
    section("nodes-title", context.text(texts::LOCATION_LIST))
        .id("nodes")
        .child(list)
        .show_when(context.view_flag(|view| !view.nodes.is_empty()))
}

fn node(node: &NodeView) -> ElementBuilder {
    li().attr("data-late", if node.late { "true" } else { "false" })
        .child(isolated(&node.name))
        .text(" ")
        .child(time(&node.datetime, &node.reported).class("quiet"))
}

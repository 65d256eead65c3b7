//! What happened, day by day, and who looks.

use std::sync::Arc;

use leptos::prelude::*;

use super::element::{Built, html, svg};
use super::message::elements;
use super::page::section;
use super::{drawn_shape, holds, isolated, shape_of, time};
use crate::app::State;
use crate::i18n::texts;
use crate::view::NodeView;
use crate::view::timeline::{DayView, EventKind, EventView};

/// The timeline, newest first.
pub(super) fn timeline(state: State) -> Built {
    let view = state.view;
    let days = html("div").redrawn(
        move || view.with(|view| view.timeline.clone()),
        move |days: &Vec<Arc<DayView>>| days.iter().map(|day| one_day(state, day)).collect(),
    );
    section("timeline-title", state.text(texts::TIMELINE))
        .set("id", "timeline")
        .with(days)
        .shown_while(holds(view, |view| !view.timeline.is_empty()))
}

fn one_day(state: State, day: &DayView) -> Built {
    let drawn = html("div.day").with(html("h3").text(&day.heading));
    match &day.quiet {
        Some(words) => drawn.with(html("p.quiet").text(words)),
        None => {
            drawn.with(html("ol.events").with_all(day.events.iter().map(|event| one_event(state, event)).collect()))
        }
    }
}

fn one_event(state: State, event: &EventView) -> Built {
    let drawn = html("li.event");
    let clock = time(&event.datetime, &event.clock);
    match &event.kind {
        EventKind::Change { status, subject, text, reasons } => {
            let sentence = html("p").with(html("strong").text(subject)).text(" ").text(text);
            let reasons = reasons.iter().map(|reason| html("p.why").with(isolated(reason))).collect();
            drawn
                .set("data-kind", "status")
                .set("data-status", status.word())
                .with(clock)
                .with(shape_of(*status))
                .with(html("div").with(sentence).with_all(reasons))
        }
        EventKind::Message(message) => {
            let bubble = svg("path[d=M1 2.5h14v9H7.5L4 15v-3.5H1Z]");
            let about = html("p").with(html("strong").text(&message.about));
            let about = about.text(" · ").text(state.text(texts::MESSAGE));
            drawn
                .set("data-kind", "message")
                .with(clock)
                .with(drawn_shape(bubble))
                .with(html("div").with(about).with(html("div.words").with_all(elements(&message.nodes))))
        }
    }
}

/// The nodes, and when each last reported.
pub(super) fn observers(state: State) -> Built {
    let view = state.view;
    let list = html("ul").redrawn(
        move || view.with(|view| view.nodes.clone()),
        |nodes: &Vec<NodeView>| nodes.iter().map(node).collect(),
    );
    section("observers-title", state.text(texts::LOCATION_LIST))
        .set("id", "observers")
        .with(list)
        .shown_while(holds(view, |view| !view.nodes.is_empty()))
}

fn node(node: &NodeView) -> Built {
    html("li")
        .set("data-late", &node.late.to_string())
        .with(isolated(&node.name))
        .text(" ")
        .with(time(&node.datetime, &node.reported).class("quiet"))
}

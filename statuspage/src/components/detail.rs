//! The content of open bars, below the strip: a strip of days or hours, or a list of checks.

use leptos::prelude::*;

use super::dom::ElementBuilder;
use super::dom::html::{a, button, div, h4, li, ol, p, span};
use super::endpoint_ref::EndpointRef;
use super::parts::{fixed_status_icon, isolated, planned, time};
use super::strip;
use crate::i18n::texts;
use crate::view::level::{LevelView, ROWS_AT_FIRST, RowView};

/// Builds the open bars of an endpoint.
pub(super) fn levels(endpoint: EndpointRef) -> ElementBuilder {
    let open = move || endpoint.read(|one| (1..=one.levels.len()).collect());
    div().keyed_children(open, move |number| level(endpoint, number))
}

fn level(endpoint: EndpointRef, number: usize) -> ElementBuilder {
    let is_expanded = RwSignal::new(false);
    let rows = move || {
        let limit = if is_expanded.get() || endpoint.context.printing.get() { usize::MAX } else { ROWS_AT_FIRST };
        let mut rows =
            endpoint.read(|one| one.levels.get(number - 1).map(|level| level.rows.clone())).unwrap_or_default();
        rows.truncate(limit);
        rows
    };
    let text = |read: fn(&LevelView) -> &str| {
        move || endpoint.read(|one| one.levels.get(number - 1).map(|level| read(level).to_owned()).unwrap_or_default())
    };
    let bars = div()
        .child(strip::strip(endpoint, number))
        .child(strip::axis(endpoint, number))
        .show_when(move || !endpoint.bars(number).is_empty());
    let checks = ol()
        .class("checks")
        .aria_label(text(|level| &level.rows_label))
        .dynamic_children(rows, |rows| rows.iter().map(row).collect())
        .show_when(move || !rows().is_empty());
    let show_all = text(|level| &level.show_all);
    let button = button()
        .class("plain")
        .attr("type", "button")
        .text(show_all)
        .on("click", move |_| is_expanded.set(true))
        .show_when(move || !show_all().is_empty() && !is_expanded.get());
    let level = div()
        .class("level")
        .child(h4().attr("aria-live", "polite").text(text(|level| &level.heading)))
        .child(p().class("quiet").text(text(|level| &level.summary)))
        .child(bars)
        .child(checks)
        .child(button)
        .child(p().class("quiet").text(text(|level| &level.note)));
    if number == 1 { level.children(feed(endpoint)) } else { level }
}

/// Builds the link to the endpoint's feed, if visitors can read it.
fn feed(endpoint: EndpointRef) -> Option<ElementBuilder> {
    let url = endpoint.context.endpoint_feed(&endpoint.text(|one| &one.title)())?;
    let text = endpoint.context.language.format(texts::FEED_OF, &[&endpoint.text(|one| &one.name)()]);
    Some(p().class("quiet").child(a().attr("href", &url).text(&text)))
}

fn row(row: &RowView) -> ElementBuilder {
    li().class("check")
        .attr("data-planned", planned(row.is_planned))
        .child(fixed_status_icon(row.status, row.is_partial))
        .child(time(&row.datetime, &row.clock))
        .child(span().text(&row.text))
        .child(span().class("error").child(isolated(&row.reason)))
}

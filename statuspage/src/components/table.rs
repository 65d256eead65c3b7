//! The table of endpoints, with one row for each.

use super::dom::ElementBuilder;
use super::dom::html::{bdi, div, span, table as table_element, tbody, td, th, thead, tr};
use super::endpoint_ref::EndpointRef;
use super::parts::planned;
use crate::context::AppContext;
use crate::i18n::{Text, texts};
use crate::view::endpoint::EndpointView;
use leptos::prelude::*;

/// A column's heading, and the function that returns its text in a row.
type Column = (Text, fn(&EndpointView) -> &str);

/// The columns after the name. The last one is empty if there are no groups.
const COLUMNS: [Column; 5] = [
    (texts::STATUS, |one| &one.state),
    (texts::UPTIME, |one| &one.figures),
    (texts::OBSERVED, |one| &one.observed),
    (texts::RESPONSE_TIME, |one| &one.chart.summary),
    (texts::GROUP, |one| &one.group),
];

/// Builds a table of all endpoints that match the search.
pub(super) fn table(context: AppContext) -> ElementBuilder {
    let heading = |text| th().attr("scope", "col").text(context.text(text));
    let is_grouped = context.view_flag(|view| view.groups.iter().any(|group| !group.title.is_empty()));
    let [others @ .., (group, _)] = COLUMNS;
    let head = tr()
        .child(heading(texts::SERVICE))
        .children(others.iter().map(|(text, _)| heading(*text)))
        .child(heading(group).show_when(is_grouped));
    let ids = move || {
        let ids: Vec<usize> = context.view.with(|view| view.endpoints.iter().map(|one| one.id).collect());
        context.render_queue.rendered(ids.into_iter())
    };
    let body = tbody().keyed_children(ids, move |id| row(EndpointRef::new(context, id)));
    // A table that is wider than the window can be scrolled. It is a tab stop, so scrolling also works with a keyboard.
    div()
        .class("table")
        .role("region")
        .attr("tabindex", "0")
        .aria_label(context.text(texts::TABLE_OF_SERVICES))
        .child(table_element().child(thead().child(head)).child(body))
}

fn row(endpoint: EndpointRef) -> ElementBuilder {
    let name = span().child(endpoint.status_icon()).child(bdi().text(endpoint.text(|one| &one.name)));
    let row = tr()
        .attr("data-status", move || endpoint.status().as_str())
        .attr("data-planned", move || planned(endpoint.read(|one| one.is_planned)))
        .child(th().attr("scope", "row").child(name))
        .children(COLUMNS.iter().map(|(_, read)| td().text(endpoint.text(*read))))
        .show_when(move || endpoint.context.matches(endpoint.id));
    endpoint.render_when_visible(row)
}

//! The endpoints in a table: a line for each, to be read at a glance.

use leptos::prelude::*;

use super::element::{Built, html};
use super::endpoint::Endpoint;
use super::holds;
use crate::app::State;
use crate::i18n::{Text, texts};
use crate::view::endpoint::EndpointView;

/// A column: its heading, and what stands in it.
type Column = (Text, fn(&EndpointView) -> &str);

/// The columns behind the name; the last one is empty where there are no groups.
const COLUMNS: [Column; 5] = [
    (texts::STATUS, |one| &one.state),
    (texts::UPTIME, |one| &one.uptime),
    (texts::OBSERVED, |one| &one.observed),
    (texts::RESPONSE_TIME, |one| &one.chart.summary),
    (texts::GROUP, |one| &one.group),
];

/// All endpoints that are found.
pub(super) fn table(state: State) -> Built {
    let heading = |text| html("th[scope=col]").text(state.text(text));
    let is_grouped = holds(state.view, |view| view.groups.iter().any(|group| !group.title.is_empty()));
    let [others @ .., (group, _)] = COLUMNS;
    let head = html("tr")
        .with(heading(texts::SERVICE))
        .with_all(others.map(|(text, _)| heading(text)).to_vec())
        .with(heading(group).shown_while(is_grouped));
    let keys = move || {
        let ids: Vec<usize> = state.view.with(|view| view.endpoints.iter().map(|one| one.id).collect());
        state.drawing.among(ids.into_iter())
    };
    let body = html("tbody").keyed(keys, move |id| row(Endpoint { state, id: id as usize }));
    // It scrolls where it is wider than the window, also with the keyboard.
    html("div.table[role=region][tabindex=0]")
        .label(state.text(texts::TABLE_OF_SERVICES))
        .with(html("table").with(html("thead").with(head)).with(body))
}

fn row(endpoint: Endpoint) -> Built {
    let name = html("th[scope=row]")
        .with(html("span").with(endpoint.shape()).with(html("bdi").live_text(endpoint.text(|one| &one.name))));
    let cells = COLUMNS.iter().map(|(_, read)| html("td").live_text(endpoint.text(*read)));
    let row = html("tr")
        .live("data-status", move || Some(endpoint.status().word().to_owned()))
        .with(name)
        .with_all(cells.collect())
        .shown_while(move || endpoint.state.finds(endpoint.id));
    endpoint.drawn_in_sight(row)
}

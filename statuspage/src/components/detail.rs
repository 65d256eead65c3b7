//! What a bar opened into, below the strip: a strip of its days or hours, or a list of its checks.

use super::dom::{ElementBuilder, html};
use super::endpoint::Endpoint;
use super::{isolated, shape_of, strip, time};
use crate::view::level::{LevelView, RowView};

/// Everything that a reader has opened of an endpoint.
pub(super) fn levels(endpoint: Endpoint) -> ElementBuilder {
    let open = move || endpoint.read(|one| (1..=one.levels.len() as i64).collect());
    html("div").keyed(open, move |level| opened(endpoint, level as usize))
}

fn opened(endpoint: Endpoint, level: usize) -> ElementBuilder {
    let rows =
        move || endpoint.read(|one| one.levels.get(level - 1).map(|level| level.rows.clone()).unwrap_or_default());
    let text = |read: fn(&LevelView) -> &str| {
        move || endpoint.read(|one| one.levels.get(level - 1).map(|level| read(level).to_owned()).unwrap_or_default())
    };
    let heading = text(|level| &level.heading);
    let rows_label = text(|level| &level.rows_label);
    let bars = html("div")
        .with(strip::strip(endpoint, level))
        .with(strip::axis(endpoint, level))
        .shown_while(move || !endpoint.bars(level).is_empty());
    let checks = html("ol.checks[tabindex=0]")
        .live("aria-label", move || Some(rows_label()))
        .redrawn(rows, |rows| rows.iter().map(row).collect())
        .shown_while(move || !rows().is_empty());
    html("div.level")
        .with(html("h4[aria-live=polite]").live_text(heading))
        .with(html("p.quiet").live_text(text(|level| &level.summary)))
        .with(bars)
        .with(checks)
        .with(html("p.quiet").live_text(text(|level| &level.note)))
}

fn row(row: &RowView) -> ElementBuilder {
    html("li.check")
        .with(shape_of(row.status))
        .with(time(&row.datetime, &row.clock))
        .with(html("span").text(&row.text))
        .with(html("span.why").with(isolated(&row.reason)))
}

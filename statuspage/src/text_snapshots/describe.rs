//! Converts the visible text of a view to lines.

use crate::i18n::Calendar;
use crate::view::endpoint::EndpointView;
use crate::view::event::{AnnouncementView, EntryView, EventKind};
use crate::view::groups::GroupView;
use crate::view::level::LevelView;
use crate::view::messages::MessageView;
use crate::view::overall::Overall;
use crate::view::timeline::DayView;
use crate::view::{NodeView, PageView};

/// Returns the first lines of the page.
pub(super) fn overall(overall: &Overall) -> Vec<String> {
    vec![
        format!("[{}] {}", overall.state, overall.headline),
        overall.remark.clone(),
        overall.announcement.clone(),
        overall.checked.clone(),
        overall.scope.clone(),
    ]
}

/// Returns an endpoint's text, without its bars and chart.
pub(super) fn head(view: &EndpointView) -> Vec<String> {
    vec![
        format!("{} | {} | {} | {} | {}", view.name, view.state, view.labeled_uptime, view.outside, view.coverage),
        view.since.clone(),
        view.facts.clone(),
        format!("word: {}", view.status_label),
        view.reason.as_ref().map_or_else(String::new, |reason| format!("reason: {reason}")),
        format!("figure: {}", view.breakdown),
        format!("strip: {}", view.strip_label),
    ]
}

/// Returns the distinct descriptions of the bars for screen readers.
pub(super) fn bars(view: &EndpointView) -> Vec<String> {
    distinct(view.strip.iter().map(|bar| format!("bar: {}", bar.label)), |line| {
        line.split_once(": ").and_then(|(_, rest)| rest.split_once(": ")).map_or(line, |(_, shares)| shares)
    })
}

/// Returns the text of a chart. Readouts that differ only in time are included once.
pub(super) fn chart(view: &EndpointView, calendar: Calendar<'_>) -> Vec<String> {
    let chart = &view.chart;
    let mut lines = vec![format!("label: {}", chart.label), format!("summary: {}", chart.summary)];
    lines.extend(chart.threshold.iter().map(|(_, label)| format!("threshold: {label}")));
    lines.extend(chart.grid.iter().map(|(_, label)| format!("grid: {label}")));
    lines.push(format!("times: {}", axis(&chart.times)));
    let points = chart.points.iter().map(|point| format!("point: {}", point.readout(calendar)));
    lines.extend(distinct(points, |line| line.split_once(" · ").map_or(line, |(_, rest)| rest)));
    lines
}

/// Returns the text of an open bar.
pub(super) fn level(level: &LevelView) -> Vec<String> {
    let mut lines = vec![
        format!("heading: {}", level.heading),
        format!("summary: {}", level.summary),
        format!("label: {}", level.label),
        format!("times: {}", axis(&level.times)),
        format!("rows: {}", level.rows_label),
    ];
    let rows = level.rows.iter().map(|row| format!("row: {} {} {}", row.clock, row.text, row.reason));
    lines.extend(distinct(rows, |line| {
        line.split_once(' ').and_then(|(_, row)| row.split_once(' ')).map_or(line, |(_, text)| text)
    }));
    lines.push(format!("note: {}", level.note));
    lines
}

/// Returns the days of the timeline with their events.
pub(super) fn timeline(view: &PageView) -> Vec<String> {
    let day = |day: &DayView| {
        let mut lines = vec![format!("{}: {}", day.heading, day.quiet.as_deref().unwrap_or_default())];
        lines.extend(day.events.iter().map(|event| match &event.kind {
            EventKind::Change { subject, text, reasons, .. } => {
                format!("  {} {subject} {text} ({})", event.clock, reasons.join("; "))
            }
            EventKind::Message(posted) => format!("  {} {}", event.clock, message(posted)),
            EventKind::Announcement(view) => format!("  {} {}", event.clock, announcement(view).join(" / ")),
        }));
        lines
    };
    view.timeline.iter().flat_map(|one| day(one)).collect()
}

/// Returns an announcement with its updates and its outages.
pub(super) fn announcement(view: &AnnouncementView) -> Vec<String> {
    let mut lines = vec![format!("{}: {}", view.title, view.summary)];
    let entry =
        |entry: &EntryView| format!("  [{}] {:?} ({}, {})", entry.label, entry.nodes, entry.when, entry.remarks);
    lines.extend(view.entries.iter().map(entry));
    lines.push(view.earlier.clone());
    lines.extend(view.measured.iter().map(|event| match &event.kind {
        EventKind::Change { subject, text, .. } => format!("  {} {subject} {text}", event.clock),
        _ => String::new(),
    }));
    lines.retain(|line| !line.is_empty());
    lines
}

pub(super) fn message(message: &MessageView) -> String {
    format!("{} · {} · {:?}", message.about, message.when, message.nodes)
}

pub(super) fn node(node: &NodeView) -> String {
    format!("{} {}{}", node.name, node.reported, if node.late { " [late]" } else { "" })
}

pub(super) fn group(group: &GroupView) -> String {
    format!("{}: {}", group.title, group.summary)
}

fn axis(labels: &[(f64, String)]) -> String {
    labels.iter().map(|(_, label)| label.as_str()).collect::<Vec<_>>().join(" | ")
}

/// Keeps only the first of several lines with the same text.
fn distinct(lines: impl Iterator<Item = String>, text: fn(&str) -> &str) -> Vec<String> {
    let mut distinct: Vec<String> = Vec::new();
    for line in lines {
        if !distinct.iter().any(|known| text(known) == text(&line)) {
            distinct.push(line);
        }
    }
    distinct
}

//! This node's summary (JSON and HTML) and badges for clients that do not run scripts.
//!
//! Each node writes its own objects, and includes the histories of all nodes that it can read, so nodes do not
//! depend on each other.

pub mod badge;
pub mod html;

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use chrono::DateTime;
use shared::object_name::{BadgeTitle, SummaryForm};
use shared::status::Status;
use shared::summary::{EndpointSummary, Summary};
use shared::{MINUTE, Nanos, UnixNanos};

use self::badge::BadgeColor;
use super::history_writer::HistoryError;
use crate::sanitize::{escape_html, sanitize_for_terminal};
use crate::store::StoreError;

/// The interval between summaries while nothing changes. The time in a summary shows readers that the checker is
/// running.
pub const SUMMARY_INTERVAL: Nanos = 5 * MINUTE;
/// The summary could not be written. No data is lost.
#[derive(Debug, thiserror::Error)]
pub enum SummaryError {
    /// The histories cannot be read.
    #[error(transparent)]
    Histories(#[from] HistoryError),
    #[error("{0}; to disable summaries, set `summaries` to `false`")]
    Store(#[from] StoreError),
    /// The summary was written, but not all outputs.
    #[error("{0}; to disable outputs, set `store` in `outputs` to `[]`")]
    Outputs(#[source] StoreError),
}

/// The content of a badge.
pub(super) struct BadgeContent<'a> {
    pub(super) title: &'a str,
    pub(super) status: Status,
    /// The status in words, with notes about planned work and open incidents.
    pub(super) word: String,
    pub(super) color: BadgeColor,
    pub(super) at: UnixNanos,
}

/// Returns the contents of all badges. Endpoints with the same title share a badge, which shows the worst status.
pub(super) fn badge_contents(summary: &Summary) -> BTreeMap<SummaryForm, BadgeContent<'_>> {
    let mut contents = BTreeMap::new();
    let newest = summary.endpoints.iter().filter_map(|endpoint| endpoint.checked).max();
    let (status, at) = (summary.status, newest.unwrap_or(summary.at));
    let has_problem = |endpoint: &&EndpointSummary| endpoint.status >= Status::Degraded && !endpoint.retired;
    let mut problems = summary.endpoints.iter().filter(has_problem).peekable();
    let is_planned = problems.peek().is_some() && problems.all(|endpoint| endpoint.planned_until.is_some());
    let content = noted(status.as_str(), status, is_planned, !summary.announced.incidents.is_empty());
    contents.insert(SummaryForm::OverallBadge, BadgeContent { title: &summary.title, at, ..content });
    for endpoint in summary.endpoints.iter().filter(|endpoint| endpoint.badge.is_some()) {
        let (title, at) = (&endpoint.title, endpoint.checked.unwrap_or(summary.at));
        let (is_planned, has_incident) = (endpoint.planned_until.is_some(), !endpoint.incidents.is_empty());
        let content = noted(endpoint.status_word(), endpoint.status, is_planned, has_incident);
        match contents.entry(SummaryForm::Badge(BadgeTitle::new(title))) {
            Entry::Vacant(entry) => drop(entry.insert(BadgeContent { title, at, ..content })),
            Entry::Occupied(mut entry) if endpoint.status > entry.get().status => {
                let at = entry.get().at;
                entry.insert(BadgeContent { title, at, ..content });
            }
            Entry::Occupied(_) => {}
        }
    }
    contents
}

/// Describes a measured status, which planned work and incidents do not change.
fn noted(word: &str, status: Status, is_planned: bool, has_incident: bool) -> BadgeContent<'static> {
    let planned = if is_planned { " (planned)" } else { "" };
    let incident = if has_incident { ", open incident" } else { "" };
    let color = if is_planned { BadgeColor::Planned } else { BadgeColor::Status(status) };
    BadgeContent { title: "", status, word: format!("{word}{planned}{incident}"), color, at: 0 }
}

/// Formats a time in UTC, to the minute.
#[must_use]
pub fn format_minute(at: UnixNanos) -> String {
    DateTime::from_timestamp_nanos(at).format("%Y-%m-%d %H:%M UTC").to_string()
}

/// Escapes text for HTML and SVG, puts it on one line and shortens it. Removes characters that are invalid in XML or
/// that change the direction of the surrounding text.
#[must_use]
pub fn escape(text: &str, limit: usize) -> String {
    let is_removed = |character: &char| matches!(*character, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{fffe}' | '\u{ffff}');
    let shown: String = sanitize_for_terminal(text, limit).chars().filter(|character| !is_removed(character)).collect();
    escape_html(&shown).into_owned()
}

#[cfg(test)]
mod post_tests;
#[cfg(test)]
mod tests;

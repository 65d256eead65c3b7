//! Writes this node's summary (JSON and HTML) and badges for clients that do not run scripts.
//!
//! Each node writes its own objects, and includes the histories of all nodes that it can read, so nodes do not
//! depend on each other.

pub mod badge;
pub mod html;

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::sync::Arc;

use bytes::Bytes;
use chrono::DateTime;
use shared::announced::Posted;
use shared::check_file::CheckResult;
use shared::endpoint_status::of_incomplete;
use shared::object_name::{BadgeTitle, NodeName, SummaryForm, SummaryName};
use shared::page_config::PageConfig;
use shared::page_config::appearance::Group;
use shared::post::Authors;
use shared::status::Status;
use shared::summary::{EndpointSummary, Summary, summary};
use shared::{HOUR, MINUTE, Nanos, UnixNanos};

use self::badge::BadgeColor;
use super::history_reader::histories_up_to;
use super::history_writer::HistoryError;
use crate::posts::board::Board;
use crate::sanitize::{escape_html, sanitize_for_terminal};
use crate::store::{Store, StoreError};

/// The interval between summaries while nothing changes. The time in a summary shows readers that the checker is
/// running.
pub const SUMMARY_INTERVAL: Nanos = 5 * MINUTE;
/// The interval between writes of all badges while nothing changes. Each badge costs a request, and there may be
/// hundreds of badges.
pub const BADGE_INTERVAL: Nanos = HOUR;

/// The summary could not be written. No data is lost.
#[derive(Debug, thiserror::Error)]
pub enum SummaryError {
    /// The histories cannot be read.
    #[error(transparent)]
    Histories(#[from] HistoryError),
    #[error("{0}; to disable summaries, set `summaries` to `false`")]
    Store(#[from] StoreError),
}

/// Writes a node's summary and badges, and keeps the last summary in memory.
#[derive(Debug)]
pub struct SummaryWriter {
    node: NodeName,
    title: String,
    /// The groups of the page, which posts can name.
    groups: Vec<Group>,
    /// The authors whose posts are shown.
    authors: Authors,
    last: Option<Summary>,
}

impl SummaryWriter {
    /// Creates a writer that reads the last summary when the first round is written.
    #[must_use]
    pub fn new(node: NodeName, page: &PageConfig) -> SummaryWriter {
        let (title, groups) = (page.title.clone(), page.appearance.groups.clone());
        SummaryWriter { node, title, groups, authors: page.post_authors(), last: None }
    }

    /// Writes the summary and the badges that changed, if a status changed or the last summary is old. The results
    /// must already be in the store.
    pub async fn write(
        &mut self,
        store: &Arc<Store>,
        results: &[CheckResult],
        now: UnixNanos,
    ) -> Result<(), SummaryError> {
        let before = if let Some(last) = self.last.take() {
            Some(last)
        } else {
            let content = store.get(&self.name(SummaryForm::Json)).await?;
            content.and_then(|content| Summary::parse(&content))
        };
        if let Some(before) = before.as_ref().filter(|before| !is_due(before, results, now)) {
            self.last = Some(before.clone());
            return Ok(());
        }
        let loaded = histories_up_to(store, now).await?;
        let board = Board::load(&**store, loaded.digests).await?;
        let announcements = board.shown(&self.authors, now);
        let posted = Posted { announcements: &announcements, groups: &self.groups };
        let mut current = summary(&loaded.histories, posted, (&self.node, &self.title), now);
        if loaded.is_incomplete {
            current.status = of_incomplete(current.status);
        }
        store.put_all(self.badges(before.as_ref(), &mut current)).await?;
        store.put(&self.name(SummaryForm::Html), html::page(&current).into()).await?;
        // Write the summary last, because the next write assumes that the other objects are as current as the summary.
        store.put(&self.name(SummaryForm::Json), current.to_json().into()).await?;
        self.last = Some(current);
        Ok(())
    }

    fn name(&self, form: SummaryForm) -> SummaryName {
        SummaryName { node: self.node.clone(), form }
    }

    /// Returns the badges to write: those that changed, or all of them if [`BADGE_INTERVAL`] has passed since they were
    /// last written.
    fn badges(&self, before: Option<&Summary>, current: &mut Summary) -> Vec<(SummaryName, Bytes)> {
        let before = before.filter(|before| within(BADGE_INTERVAL, before.badges_at, current.at));
        if let Some(before) = before {
            current.badges_at = before.badges_at;
        }
        let contents = badge_contents(current);
        let contents_before = before.map(badge_contents).unwrap_or_default();
        let changed = contents.iter().filter(|(form, badge)| {
            contents_before.get(*form).is_none_or(|before| (before.status, &before.word) != (badge.status, &badge.word))
        });
        changed
            .map(|(form, badge)| {
                (self.name(form.clone()), badge::draw(badge.title, &badge.word, badge.color, badge.at).into())
            })
            .collect()
    }
}

/// Returns whether a new summary is due, which is the case immediately after a status change.
fn is_due(before: &Summary, results: &[CheckResult], now: UnixNanos) -> bool {
    let is_changed = |result: &CheckResult| {
        before.endpoint(&result.endpoint_key()).is_none_or(|endpoint| endpoint.own_status != result.status)
    };
    !within(SUMMARY_INTERVAL, before.at, now) || results.iter().any(is_changed)
}

/// Returns whether `then` is at most this long before `now`. Returns `false` for a time in the future, which can occur
/// after the clock was set back.
fn within(interval: Nanos, then: UnixNanos, now: UnixNanos) -> bool {
    (0..interval).contains(&now.saturating_sub(then))
}

/// The content of a badge.
struct BadgeContent<'a> {
    title: &'a str,
    status: Status,
    /// The status in words, with notes about planned work and open incidents.
    word: String,
    color: BadgeColor,
    at: UnixNanos,
}

/// Returns the contents of all badges. Endpoints with the same title share a badge, which shows the worst status.
fn badge_contents(summary: &Summary) -> BTreeMap<SummaryForm, BadgeContent<'_>> {
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

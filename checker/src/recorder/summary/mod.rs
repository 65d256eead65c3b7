//! Keeps this node's summaries and badges in the store, for those who run no script. What they say is
//! [`shared::summary`]'s business; [`html`] and [`badge`] draw it.
//!
//! Each node writes names of its own and tells what all nodes know, as far as it can read them, so that nobody waits
//! for anybody and no node speaks for another.

pub mod badge;
pub mod html;

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;
use chrono::DateTime;
use shared::check_file::CheckResult;
use shared::object_name::{BadgeTitle, NodeName, SummaryForm, SummaryName};
use shared::status::Status;
use shared::summary::{EndpointSummary, Summary, summary};
use shared::{HOUR, MINUTE, Nanos, UnixNanos};

use super::history_reader::histories_up_to;
use super::history_writer::HistoryError;
use crate::store::{Store, StoreError};

/// How often a summary is written while nothing changes: its reader sees by the time in it that somebody looks.
pub const SPACING: Nanos = 5 * MINUTE;
/// How often all badges are drawn anew while nothing changes: each is a request, and there may be hundreds.
pub const BADGE_SPACING: Nanos = HOUR;

/// The summary could not be kept. No round is lost by that.
#[derive(Debug, thiserror::Error)]
pub enum SummaryError {
    /// What it is made of cannot be read.
    #[error(transparent)]
    Histories(#[from] HistoryError),
    /// It cannot be stored.
    #[error("{0}; `\"summaries\": false` turns summaries off")]
    Store(#[from] StoreError),
}

/// What this node told last.
#[derive(Debug)]
pub struct KeptSummary {
    node: NodeName,
    title: String,
    told: Option<Summary>,
}

impl KeptSummary {
    /// Nothing is read yet. `title` is the page's.
    #[must_use]
    pub fn new(node: NodeName, title: String) -> KeptSummary {
        KeptSummary { node, title, told: None }
    }

    /// Tells how everything stands, if these results are news or the last time is long enough ago. They are in the
    /// store already.
    pub async fn tell(
        &mut self,
        store: &Arc<Store>,
        results: &[CheckResult],
        now: UnixNanos,
    ) -> Result<(), SummaryError> {
        let before = if let Some(told) = self.told.take() {
            Some(told)
        } else {
            let content = store.get(&self.name(SummaryForm::Json)).await?;
            content.and_then(|content| Summary::parse(&content))
        };
        if let Some(before) = before.as_ref().filter(|before| !is_due(before, results, now)) {
            self.told = Some(before.clone());
            return Ok(());
        }
        let mut told = summary(&histories_up_to(store, now).await?, &self.node, &self.title, now);
        store.put_all(self.badges(before.as_ref(), &mut told)).await?;
        store.put(&self.name(SummaryForm::Html), html::page(&told).into()).await?;
        // Last: the next write assumes that the other objects are as current as this one.
        store.put(&self.name(SummaryForm::Json), told.to_json().into()).await?;
        self.told = Some(told);
        Ok(())
    }

    fn name(&self, form: SummaryForm) -> SummaryName {
        SummaryName { node: self.node.clone(), form }
    }

    /// The badges that have to be drawn: all of them now and then, and those that say something new.
    fn badges(&self, before: Option<&Summary>, told: &mut Summary) -> Vec<(SummaryName, Bytes)> {
        let before = before.filter(|before| within(BADGE_SPACING, before.badges_at, told.at));
        if let Some(before) = before {
            told.badges_at = before.badges_at;
        }
        let shown = faces(told);
        let shown_before = before.map(faces).unwrap_or_default();
        let new = shown.iter().filter(|(form, face)| {
            shown_before.get(*form).is_none_or(|before| (before.status, before.word) != (face.status, face.word))
        });
        new.map(|(form, face)| {
            (self.name(form.clone()), badge::draw(face.title, face.word, face.status, face.at).into())
        })
        .collect()
    }
}

/// Whether it is time to tell again: for any news at once.
fn is_due(before: &Summary, results: &[CheckResult], now: UnixNanos) -> bool {
    let is_news = |result: &CheckResult| {
        before.endpoint(&result.endpoint_key()).is_none_or(|told| told.own_status != result.status)
    };
    !within(SPACING, before.at, now) || results.iter().any(is_news)
}

/// Whether `then` is no longer ago than this; what is in the future, by a clock that was set back, is too long ago.
fn within(spacing: Nanos, then: UnixNanos, now: UnixNanos) -> bool {
    (0..spacing).contains(&now.saturating_sub(then))
}

/// What a badge shows.
struct Face<'a> {
    title: &'a str,
    status: Status,
    word: &'static str,
    at: UnixNanos,
}

/// Which badges there are, and what each shows. One title has one badge: of several endpoints that share it, the worst.
fn faces(summary: &Summary) -> BTreeMap<SummaryForm, Face<'_>> {
    let mut faces = BTreeMap::new();
    let newest = summary.endpoints.iter().filter_map(|told| told.checked).max();
    let (status, at) = (summary.status, newest.unwrap_or(summary.at));
    faces.insert(SummaryForm::OverallBadge, Face { title: &summary.title, status, word: status.as_str(), at });
    for told in summary.endpoints.iter().filter(|told| told.badge.is_some()) {
        let EndpointSummary { title, status, .. } = told;
        let face = Face { title, status: *status, word: told.status_word(), at: told.checked.unwrap_or(summary.at) };
        let known = faces.entry(SummaryForm::Badge(BadgeTitle::new(title))).or_insert(face);
        if told.status > known.status {
            (known.status, known.word) = (told.status, told.status_word());
        }
    }
    faces
}

/// A moment as people everywhere read it, to the minute.
#[must_use]
pub fn minute(at: UnixNanos) -> String {
    DateTime::from_timestamp_nanos(at).format("%Y-%m-%d %H:%M UTC").to_string()
}

/// A text as HTML and SVG carry it, in one line and cut; nothing in it means anything to them, changes the direction of
/// what stands around it, or is no character of XML.
#[must_use]
pub fn escaped(text: &str, limit: usize) -> String {
    let mut escaped = String::new();
    for character in crate::sanitize::sanitize_for_terminal(text, limit).chars() {
        match character {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{fffe}' | '\u{ffff}' => {}
            other => escaped.push(other),
        }
    }
    escaped
}

#[cfg(test)]
mod tests;

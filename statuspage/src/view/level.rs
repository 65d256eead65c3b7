//! What an opened bar shows. Pure data.

use std::sync::Arc;

use shared::status::Status;

use super::strip::BarView;

/// What a bar opened into.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct LevelView {
    /// Its slot in words.
    pub heading: String,
    /// What the bar says of it, which stays to be read: `99.20% up; down for 11 min`, and why.
    pub summary: String,
    /// What the bars show, in words.
    pub label: String,
    /// Its days or hours; none if it opened into checks.
    pub bars: Vec<Arc<BarView>>,
    /// Where on the axis of time stands what.
    pub times: Vec<(f64, String)>,
    /// What happened in it at each node, or its checks, oldest first.
    pub rows: Vec<RowView>,
    /// What those are, in words.
    pub rows_label: String,
    /// What is to say instead of checks, or beside them; empty if nothing.
    pub note: String,
}

/// A check, or what happened at a node.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RowView {
    /// When, for machines.
    pub datetime: String,
    /// When; of a check to the second.
    pub clock: String,
    /// What was concluded.
    pub status: Status,
    /// What it saw: `healthy · 95.0 ms · eu-west`, `down for 4 min, until 14:06 · eu-west`.
    pub text: String,
    /// What was wrong; empty if nothing.
    pub reason: String,
}

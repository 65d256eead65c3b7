//! What an open bar shows.

use std::sync::Arc;

use shared::status::Status;

use super::strip::BarView;

/// What an open bar shows: shorter bars with outages, or checks.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct LevelView {
    /// The time of the bar.
    pub heading: String,
    /// The readout of the bar: `99.20% up; down for 11 min`, and the reason.
    pub summary: String,
    /// The description of the bars for screen readers.
    pub label: String,
    /// Days or hours; empty if the bar opens into checks.
    pub bars: Vec<Arc<BarView>>,
    /// The labels of the time axis: position in percent, and text.
    pub times: Vec<(f64, String)>,
    /// The outages reported by each node, or the checks, oldest first.
    pub rows: Vec<RowView>,
    /// The description of the rows for screen readers.
    pub rows_label: String,
    /// A note below the rows; can be empty.
    pub note: String,
}

/// A check, or an outage that a node reported.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RowView {
    /// The time as RFC 3339.
    pub datetime: String,
    /// The time; with seconds for a check.
    pub clock: String,
    pub status: Status,
    /// For example `healthy · 95.0 ms · eu-west` or `down for 4 min, until 14:06 · eu-west`.
    pub text: String,
    /// The error; can be empty.
    pub reason: String,
}

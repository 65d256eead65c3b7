//! The content of an open bar.

use std::sync::Arc;

use shared::status::Status;

use super::strip::BarView;

/// The content of an open bar: shorter bars with outages, or checks.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct LevelView {
    /// The period that the bar covers.
    pub heading: String,
    /// The readout of the bar: `99.20% up; down for 11 min`, and the reason.
    pub summary: String,
    /// The description of the bars for screen readers.
    pub label: String,
    /// Bars for days or hours, or an empty list if the bar opens into checks.
    pub bars: Vec<Arc<BarView>>,
    /// The time axis labels, each with its position in percent.
    pub times: Vec<(f64, String)>,
    /// The outages or the checks, oldest first.
    pub rows: Vec<RowView>,
    /// The description of the rows for screen readers.
    pub rows_label: String,
    /// The label of the button that shows all rows, or an empty string if there are at most [`ROWS_AT_FIRST`].
    pub show_all: String,
    /// A note shown below the rows, or an empty string.
    pub note: String,
}

/// How many rows are shown before the visitor asks for all of them.
pub const ROWS_AT_FIRST: usize = 10;

/// A check or an outage.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RowView {
    /// The time in RFC 3339 format.
    pub datetime: String,
    /// The time of day, with seconds for a check.
    pub clock: String,
    pub status: Status,
    /// Whether it is a partial outage.
    pub is_partial: bool,
    /// Whether announced maintenance covers the outage.
    pub is_planned: bool,
    /// The text of the row, such as `healthy · 95.0 ms · eu-west` or `down for 4 min, until 14:06 · eu-west, us-east`.
    pub text: String,
    /// The error, which can be empty.
    pub reason: String,
}

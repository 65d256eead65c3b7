//! What a load must bring.

use shared::UnixNanos;
use shared::object_name::HistoryPart;

/// What a load must bring.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LoadRequest {
    /// The start of the period, including the time before it from which results may still be valid.
    pub from: UnixNanos,
    /// The time from which on all check files are needed. Before it, histories are enough for nodes that have one.
    pub checks_from: UnixNanos,
    /// The end of the period: [`UnixNanos::MAX`], except for a view of the past.
    pub until: UnixNanos,
    pub parts: &'static [HistoryPart],
}

impl LoadRequest {
    pub(super) fn uses_histories(self) -> bool {
        // The check files of a past view may have expired.
        self.from < self.checks_from || self.is_past()
    }

    pub(super) fn is_past(self) -> bool {
        self.until < UnixNanos::MAX
    }
}

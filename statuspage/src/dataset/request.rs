//! The requirements of a load: the period and the data that it must provide.

use shared::history::planner::ReadPlanner;
use shared::object_name::HistoryPart;
use shared::{MINUTE, Nanos, UnixNanos};

/// Rounds that a node stores this close together can appear in listings in reverse order. The node also finds the late
/// round itself, and includes it in its next history.
const OVERLAP: Nanos = MINUTE;

/// The period and the data that a load must provide.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LoadRequest {
    /// The start of the period, or an earlier time, because results from before the period may still be valid in it.
    pub from: UnixNanos,
    /// The time from which all check files are needed. For earlier times, histories are enough.
    pub checks_from: UnixNanos,
    /// The end of the period, which is [`UnixNanos::MAX`] except in a view of the past.
    pub until: UnixNanos,
    pub parts: &'static [HistoryPart],
}

impl LoadRequest {
    pub(super) fn uses_histories(self) -> bool {
        // In a view of the past, the check files may have expired.
        self.from < self.checks_from || self.is_past()
    }

    pub(super) fn planner(self) -> ReadPlanner {
        ReadPlanner { from: self.from, checks_from: self.checks_from, until: self.until, overlap: OVERLAP }
    }

    pub(super) fn is_past(self) -> bool {
        self.until < UnixNanos::MAX
    }
}

//! What a load must provide.

use shared::history::planner::ReadPlanner;
use shared::object_name::HistoryPart;
use shared::{MINUTE, Nanos, UnixNanos};

/// Two rounds that a node stores at nearly the same time can appear in listings in reverse order. The node itself finds
/// the late one, too, and includes it in its next history.
const OVERLAP: Nanos = MINUTE;

/// What a load must provide.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LoadRequest {
    /// The start of the period, or earlier: results from before the period may still be valid in it.
    pub from: UnixNanos,
    /// The time from which all check files are needed. For earlier times, a history is enough.
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

    pub(super) fn planner(self) -> ReadPlanner {
        ReadPlanner { from: self.from, checks_from: self.checks_from, until: self.until, overlap: OVERLAP }
    }

    pub(super) fn is_past(self) -> bool {
        self.until < UnixNanos::MAX
    }
}

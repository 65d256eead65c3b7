//! What a load has to bring. Pure.

use shared::history::planner::ReadPlanner;
use shared::object_name::HistoryPart;
use shared::{MINUTE, Nanos, UnixNanos};

/// Two rounds that a node stores at nearly the same time may be listed in the other order. The node itself finds what is
/// later, and its next history has it.
const OVERLAP: Nanos = MINUTE;

/// What a load has to bring.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LoadRequest {
    /// From when on the past is wanted at all.
    pub from: UnixNanos,
    /// From when on every check file is wanted; what is before is told by histories, as far as nodes keep one.
    pub checks_from: UnixNanos,
    /// The end of what is wanted: [`UnixNanos::MAX`], unless somebody looks back.
    pub until: UnixNanos,
    /// Which objects of a history are wanted.
    pub parts: &'static [HistoryPart],
}

impl LoadRequest {
    pub(super) fn uses_histories(self) -> bool {
        // Who looks back may ask for a time whose check files have expired.
        self.from < self.checks_from || self.is_past()
    }

    pub(super) fn planner(self) -> ReadPlanner {
        ReadPlanner { from: self.from, checks_from: self.checks_from, until: self.until, overlap: OVERLAP }
    }

    pub(super) fn is_past(self) -> bool {
        self.until < UnixNanos::MAX
    }
}

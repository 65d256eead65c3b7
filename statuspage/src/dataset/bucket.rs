//! The period that one bar covers.

use shared::UnixNanos;

/// The period that one bar covers, with an inclusive `start` and an exclusive `end`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct TimeBucket {
    pub start: UnixNanos,
    pub end: UnixNanos,
}

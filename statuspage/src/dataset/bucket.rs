//! The time that one bar covers.

use shared::UnixNanos;

/// The time that one bar covers: `start` inclusive, `end` exclusive.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct TimeBucket {
    pub start: UnixNanos,
    pub end: UnixNanos,
}

//! A part of the period that is shown. Pure.

use shared::UnixNanos;

/// A slot: one bar.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct TimeBucket {
    /// The first moment of it.
    pub start: UnixNanos,
    /// The first moment after it.
    pub end: UnixNanos,
}

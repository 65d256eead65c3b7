//! The units of time in stored formats. All times and durations are whole numbers of nanoseconds.

/// A time, in nanoseconds since 1970-01-01T00:00:00Z.
pub type UnixNanos = i64;

/// A duration in nanoseconds, as in check files.
pub type Nanos = i64;

/// One second in [`Nanos`].
pub const SECOND: Nanos = 1_000_000_000;
/// One minute in [`Nanos`].
pub const MINUTE: Nanos = 60 * SECOND;
/// One hour in [`Nanos`].
pub const HOUR: Nanos = 60 * MINUTE;
/// One day of 24 hours in [`Nanos`].
pub const DAY: Nanos = 24 * HOUR;

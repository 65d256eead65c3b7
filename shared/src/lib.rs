//! The stored formats, and all calculations on them, for the checker and the status page.
//!
//! Everything is pure: no I/O, no clock, no async; `now` is a parameter. Start with [`check_file`] (the results of a
//! round), [`object_name`] (where they are stored), [`uptime`] (from results to time) and [`quorum`] (from several nodes to
//! one status).

#![warn(missing_docs)]

pub mod aggregate;
pub mod check_file;
pub mod duration;
pub mod heartbeat;
pub mod history;
pub mod json;
mod json_writer;
pub mod latency;
pub mod message;

pub mod object_name;
pub mod page_config;
pub mod quorum;
pub mod response_times;
pub mod s3;
pub mod stats;
pub mod status;
pub mod suggest;
pub mod summary;
pub mod uptime;

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

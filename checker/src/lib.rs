//! The checker: from a configuration over checks to a verdict, and into the store.
//!
//! Start at [`commands::run`]: the [`config`] is read, [`monitor`] makes every check of [`checks`] and evaluates what was seen,
//! [`recorder`] brings the round into the [`store`] and removes what has expired, and [`ui`] prints it. [`provision`]
//! prepares the bucket of the store, and [`doctor`] verifies it. [`commands::serve`] does the same beside the page that
//! [`server`] serves.

pub mod checks;
pub mod cli;
pub mod commands;
pub mod config;
pub mod doctor;
pub mod monitor;
pub mod origin;
pub mod platform;
pub mod provision;
pub mod recorder;
pub mod redact;
pub mod sanitize;
pub mod server;
pub mod store;
#[cfg(test)]
mod text_snapshots;
pub mod ui;

/// The present moment by this machine's clock. Only commands call it; everything else is told the time.
#[must_use]
pub fn now() -> shared::UnixNanos {
    chrono::Utc::now().timestamp_nanos_opt().unwrap_or(shared::UnixNanos::MAX)
}

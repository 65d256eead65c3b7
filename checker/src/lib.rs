//! The checker runs the checks of a configuration and stores their results.
//!
//! Start at [`commands::run`]: [`config`] loads the configuration, [`monitor`] runs the [`checks`] and evaluates their
//! outcomes, [`recorder`] writes the results to the [`store`] and removes expired ones, and [`ui`] prints them. [`posts`]
//! stores what people write about endpoints.
//! [`commands::serve`] also serves the page, using [`server`]. [`provision`] prepares the store's bucket, and
//! [`doctor`] verifies the setup.

pub mod checks;
pub mod cli;
pub mod commands;
pub mod config;
pub mod demo;
pub mod doctor;
pub mod headline;
pub mod metrics;
pub mod monitor;
pub mod notify;
pub mod platform;
pub mod posts;
pub mod provision;
pub mod recorder;
pub mod redact;
pub mod sanitize;
pub mod server;
pub mod store;
#[cfg(test)]
mod text_snapshots;
pub mod time_range;
pub mod titles;
pub mod tls_error;
pub mod ui;

/// Formats a count and its unit, a noun with a regular plural: `1 check file`, `2 check files`.
#[must_use]
pub fn counted(count: usize, unit: &str) -> String {
    if count == 1 { format!("1 {unit}") } else { format!("{count} {unit}s") }
}

/// Returns the current time. Only commands call this; other modules take the time as a parameter.
pub use platform::clock::now;

//! The checker: from a configuration over checks to a verdict, and into the store.
//!
//! Start at [`command::run`]: the [`config`] is read, a [`round`] makes every [`check`], [`conclude`] says what
//! was seen, [`record`] brings the round into the [`store`] and removes what [`retention`] says has expired,
//! and [`report`] prints it. [`provision`] prepares the store's bucket, and [`doctor`] proves it. [`command::serve`] does the same beside the page that [`serve`] serves.

pub mod beats;
pub mod check;
pub mod cli;
pub mod command;
pub mod conclude;
pub mod config;
pub mod confirm;
pub mod doctor;
pub mod explain;
pub mod history;
pub mod huge_pages;
pub mod memory_file;
pub mod open_files;
pub mod outlook;
pub mod page_files;
pub mod provision;
pub mod record;
pub mod report;
pub mod retention;
pub mod round;
pub mod schedule;
pub mod serve;
pub mod stop;
pub mod store;
pub mod summary;
#[cfg(test)]
mod text_snapshots;
pub mod watch;
pub mod without_user;

/// The present moment by this machine's clock. Only commands call it; everything else is told the time.
#[must_use]
pub fn now() -> shared::UnixNanos {
    chrono::Utc::now().timestamp_nanos_opt().unwrap_or(shared::UnixNanos::MAX)
}

//! Metrics for Prometheus: a node's own checks under the names of `blackbox_exporter`, and the status that all nodes in the
//! store agree on. All figures come from [`shared`]. A value that is unknown has no sample.
//!
//! [`document`] builds the text from data, without I/O. [`live`] holds the data of a daemon, [`reader`] computes the figures
//! of the store, and [`mod@file`] writes the text for Prometheus' textfile collector.

pub mod document;
pub mod exposition;
pub mod figures;
pub mod file;
pub mod health;
pub mod live;
pub mod negotiation;
mod operation;
mod probes;
pub mod reader;

pub use self::operation::NotificationCounts;

//! The data of `checker demo`: 90 days of eight services of an invented company, checked from three locations.
//!
//! [`generator`] computes every result from a seed and the time at which the demo began, so that the same values always
//! give the same data. [`writer`] stores the results as checkers store them, and [`posts`] adds what people would have
//! written.

pub mod generator;
pub mod posts;
pub mod services;
pub mod writer;

use std::path::PathBuf;

use crate::posts::publish::PublishError;
use crate::store::StoreError;

/// Why the data could not be stored.
#[derive(Debug, thiserror::Error)]
pub enum DemoError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("failed to write the demo data to `{path}`: {cause}")]
    Unwritable { path: PathBuf, cause: std::io::Error },
    #[error("failed to generate the demo data: {0}")]
    Aborted(#[from] tokio::task::JoinError),
    #[error(transparent)]
    Post(#[from] PublishError),
}

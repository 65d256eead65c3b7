//! Why a store cannot be read, each with a remedy.

use crate::i18n::{Language, Text, texts};

/// Why a store, or one of the page's files, could not be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StoreError {
    /// The request to this URL failed. Browsers do not report why they block a request.
    Blocked(String),
    /// The URL did not respond within this many seconds.
    TimedOut(String, u32),
    /// The response status is not 2xx.
    UnexpectedStatus {
        /// The status, followed by the error code and message, if any.
        status: String,
        remedy: Text,
        /// The region or endpoint that the remedy names, or an empty string.
        region: String,
    },
    /// The object is larger than this many bytes.
    TooLarge(usize),
    /// The response is not an S3 listing.
    InvalidListing,
    /// `index.json` is invalid for this reason.
    InvalidIndex(String),
    /// A check file or history is invalid for this reason.
    InvalidObject(String),
}

impl StoreError {
    /// Creates the error for a response without an error message.
    pub(crate) fn unexpected_status(status: u16, remedy: Text) -> StoreError {
        StoreError::UnexpectedStatus { status: status.to_string(), remedy, region: String::new() }
    }

    /// Describes the error and its remedy, as a clause.
    #[must_use]
    pub fn describe(&self, language: &Language) -> String {
        match self {
            StoreError::Blocked(url) => language.format(texts::BLOCKED, &[url]),
            StoreError::TimedOut(url, seconds) => language.format(texts::TIMED_OUT, &[url, &seconds.to_string()]),
            StoreError::UnexpectedStatus { status, remedy, region } => {
                language.format(texts::REFUSED, &[status, &language.format(*remedy, &[region])])
            }
            StoreError::TooLarge(limit) => language.format(texts::TOO_LARGE, &[&(limit >> 20).to_string()]),
            StoreError::InvalidListing => language.format(texts::INVALID_LISTING, &[]),
            StoreError::InvalidIndex(reason) => language.format(texts::INVALID_INDEX, &[reason]),
            StoreError::InvalidObject(reason) => {
                language.format(texts::INVALID_OBJECT, &[&language.isolate(reason.clone())])
            }
        }
    }

    /// Replaces the URL in the error, for example because it contains a signature.
    pub(crate) fn with_url(self, url: &str) -> StoreError {
        match self {
            StoreError::Blocked(_) => StoreError::Blocked(url.to_owned()),
            StoreError::TimedOut(_, seconds) => StoreError::TimedOut(url.to_owned(), seconds),
            other => other,
        }
    }

    /// Returns whether the store responded, in which case other requests may succeed.
    #[must_use]
    pub(crate) fn is_answer(&self) -> bool {
        !matches!(self, StoreError::Blocked(_) | StoreError::TimedOut(..))
    }

    /// Returns whether another request may succeed. It cannot if a file is invalid, because check files never change.
    #[must_use]
    pub fn is_retryable(&self) -> bool {
        !matches!(self, StoreError::TooLarge(_) | StoreError::InvalidObject(_))
    }
}

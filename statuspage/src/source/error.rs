//! Why a store could not be read, in words that say what to do. Pure.

use crate::i18n::{Language, Text, texts};

/// Why a store could not be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SourceError {
    /// The browser gave no reason, as it does for everything it blocks.
    Blocked(String),
    /// Nothing came for too long: from where, in seconds.
    TimedOut(String, u32),
    /// An answer, but not the one that was asked for.
    Refused {
        /// The answer's status, and what was said with it.
        said: String,
        /// What to do about it.
        remedy: Text,
        /// What the remedy names, if it names something.
        place: String,
    },
    /// More than we take.
    TooLarge(usize),
    /// The answer to a listing is something else.
    InvalidListing,
    /// The index is something else.
    InvalidIndex(String),
    /// An object is something else; why, in the program's words.
    InvalidObject(String),
}

impl SourceError {
    /// What a server answered instead, with nothing but a status.
    pub(super) fn refused(status: u16, remedy: Text) -> SourceError {
        SourceError::Refused { said: status.to_string(), remedy, place: String::new() }
    }

    /// What failed and why, with the remedy.
    #[must_use]
    pub fn describe(&self, language: &Language) -> String {
        match self {
            SourceError::Blocked(address) => language.format(texts::BLOCKED, &[address]),
            SourceError::TimedOut(address, seconds) => {
                language.format(texts::TIMED_OUT, &[address, &seconds.to_string()])
            }
            SourceError::Refused { said, remedy, place } => {
                language.format(texts::REFUSED, &[said, &language.format(*remedy, &[place])])
            }
            SourceError::TooLarge(limit) => language.format(texts::TOO_LARGE, &[&(limit >> 20).to_string()]),
            SourceError::InvalidListing => language.format(texts::INVALID_LISTING, &[]),
            SourceError::InvalidIndex(why) => language.format(texts::INVALID_INDEX, &[why]),
            SourceError::InvalidObject(why) => {
                language.format(texts::INVALID_OBJECT, &[&language.isolate(why.clone())])
            }
        }
    }

    /// The same error about another address than the one that was asked.
    pub(super) fn about(self, address: &str) -> SourceError {
        match self {
            SourceError::Blocked(_) => SourceError::Blocked(address.to_owned()),
            SourceError::TimedOut(_, seconds) => SourceError::TimedOut(address.to_owned(), seconds),
            other => other,
        }
    }

    /// Whether asking again may help; what is too large or something else stays so.
    #[must_use]
    pub fn is_retryable(&self) -> bool {
        !matches!(self, SourceError::TooLarge(_) | SourceError::InvalidObject(_))
    }
}

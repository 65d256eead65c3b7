//! The parameters of a view other than data and time.

use shared::Nanos;

use crate::i18n::{Language, texts};

/// Settings for computing a view.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ViewSettings {
    /// The range that the page shows.
    pub range: Nanos,
    /// How long a single result without an interval is valid.
    pub interval: Nanos,
    /// How often the page loads new results.
    pub refresh: Nanos,
    /// The number of bars that fit in a strip.
    pub bars_limit: usize,
    pub percentiles: Percentiles,
    pub scope: ViewScope,
    /// Whether the browser has a network connection.
    pub is_online: bool,
    /// How far the device's clock is ahead of the server's, or 0 if they agree.
    pub clock_ahead: Nanos,
}

/// How much of the page is computed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ViewScope {
    /// Only the overall status and the messages, which are shown long before thousands of bars are computed.
    Summary,
    #[default]
    Full,
}

/// Whether percentiles of response times are shown. They are loaded on demand.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Percentiles {
    #[default]
    Hidden,
    Shown,
}

/// The progress of the current load.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum LoadProgress {
    #[default]
    Listing,
    /// The number of files that are loaded, and the total number of files.
    Files(usize, usize),
    Complete,
}

impl LoadProgress {
    /// Describes the progress. Returns an empty string when the load is complete.
    #[must_use]
    pub fn label(self, language: &Language) -> String {
        match self {
            LoadProgress::Listing => language.format(texts::LISTING, &[]),
            LoadProgress::Files(done, total) => {
                language.format(texts::LOADING_FILES, &[&language.number(done), &language.number(total)])
            }
            LoadProgress::Complete => String::new(),
        }
    }
}

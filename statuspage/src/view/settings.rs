//! What a view depends on besides data and time: the range, the room there is, and how far the load is. Pure data.

use shared::Nanos;

use crate::i18n::{Language, texts};

/// What the page is told about how to reckon.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ViewSettings {
    /// The range that the page shows, in nanoseconds.
    pub range: Nanos,
    /// How long a result stands that does not say so and has no neighbors to tell, in nanoseconds.
    pub interval: Nanos,
    /// How many bars there is room for.
    pub bars_limit: usize,
    /// Whether percentiles are told.
    pub percentiles: Percentiles,
    /// How much is drawn.
    pub scope: ViewScope,
    /// Whether the device has a network at all, as far as it knows.
    pub is_online: bool,
    /// By how much the device's clock is ahead of the server's, if that is worth a word.
    pub clock_ahead: Nanos,
}

/// How much of the page is drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ViewScope {
    /// The state of things, which stands long before thousands of bars do.
    Summary,
    /// All of it.
    #[default]
    Full,
}

/// Whether a reader wants to know the percentiles of response times.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Percentiles {
    /// Nobody asked.
    #[default]
    Hidden,
    /// Somebody did.
    Shown,
}

/// How far the load in hand is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum LoadProgress {
    /// Nothing was listed yet.
    #[default]
    Listing,
    /// Files are coming in: so many of so many.
    Files(usize, usize),
    /// Everything was dealt with.
    Complete,
}

impl LoadProgress {
    /// How far the load is, in words; empty when it is complete.
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

//! The status of an endpoint and its order. What the statuses look like is the page's and the terminal's business.

use std::fmt;
use std::str::FromStr;

/// What is known about an endpoint, from the least to the worst: `Unknown < Healthy < Degraded < Down`.
///
/// The order is the original Checkup's (worst first: down, degraded, healthy, unknown).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub enum Status {
    /// Nobody looked, or nobody knows.
    #[default]
    Unknown,
    /// It works.
    Healthy,
    /// It works, but not as it should.
    Degraded,
    /// It does not work.
    Down,
}

impl Status {
    /// Every status, from the least to the worst.
    pub const ALL: [Status; 4] = [Status::Unknown, Status::Healthy, Status::Degraded, Status::Down];

    /// The one word for it, as it stands in check files, in the terminal and on the page.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Status::Unknown => "unknown",
            Status::Healthy => "healthy",
            Status::Degraded => "degraded",
            Status::Down => "down",
        }
    }

    /// A shape that distinguishes the status without color.
    #[must_use]
    pub fn symbol(self) -> char {
        match self {
            Status::Healthy => '●',
            Status::Degraded => '▲',
            Status::Down => '■',
            Status::Unknown => '○',
        }
    }
}

impl fmt::Display for Status {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(self.as_str())
    }
}

/// The text is none of the four words.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("unknown status `{0}`: expected `healthy`, `degraded`, `down` or `unknown`")]
pub struct ParseStatusError(String);

impl FromStr for Status {
    type Err = ParseStatusError;

    fn from_str(word: &str) -> Result<Self, Self::Err> {
        Status::ALL.into_iter().find(|status| status.as_str() == word).ok_or_else(|| ParseStatusError(word.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_worst_status_is_the_greatest() {
        assert_eq!(Status::ALL.into_iter().max(), Some(Status::Down));
        assert!(
            Status::Down > Status::Degraded && Status::Degraded > Status::Healthy && Status::Healthy > Status::Unknown
        );
    }

    #[test]
    fn each_word_reads_back_as_its_status() {
        for status in Status::ALL {
            assert_eq!(status.as_str().parse(), Ok(status));
        }
        assert!("green".parse::<Status>().is_err());
    }
}

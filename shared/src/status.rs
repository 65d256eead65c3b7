//! The status of an endpoint, and the order of statuses.

use std::fmt;
use std::str::FromStr;

/// The status of an endpoint, in the same order as in the original Checkup: `Unknown < Healthy < Degraded < Down`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub enum Status {
    /// There is no valid result, or the check was inconclusive.
    #[default]
    Unknown,
    /// The check passed, within its threshold if it has one.
    Healthy,
    /// The check passed, but slowly or with errors.
    Degraded,
    /// The check failed: the endpoint did not respond as expected.
    Down,
}

impl Status {
    /// All statuses, with the worst one last.
    pub const ALL: [Status; 4] = [Status::Unknown, Status::Healthy, Status::Degraded, Status::Down];

    /// Returns the name that check files and the terminal use.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Status::Unknown => "unknown",
            Status::Healthy => "healthy",
            Status::Degraded => "degraded",
            Status::Down => "down",
        }
    }

    /// Returns a symbol that is recognizable without color.
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

/// An error for text that is not a status name.
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
    fn every_name_round_trips() {
        for status in Status::ALL {
            assert_eq!(status.as_str().parse(), Ok(status));
        }
        assert!("green".parse::<Status>().is_err());
    }
}

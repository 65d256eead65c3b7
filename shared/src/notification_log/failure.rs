//! The reasons for failures to send a message.

use std::fmt;

/// Why a message could not be sent. These words are public, so they contain nothing from the provider.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FailureReason {
    /// The connection could not be established.
    Unreachable,
    /// There was no answer in time.
    TimedOut,
    /// There were too many messages.
    RateLimited,
    /// The HTTP or SMTP status, or the exit status of a command.
    Refused(u16),
    /// Sending failed for another reason.
    Failed,
}

const REFUSED: &str = "refused-";

impl fmt::Display for FailureReason {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            FailureReason::Unreachable => formatter.pad("unreachable"),
            FailureReason::TimedOut => formatter.pad("timed-out"),
            FailureReason::RateLimited => formatter.pad("rate-limited"),
            FailureReason::Refused(status) => write!(formatter, "{REFUSED}{status}"),
            FailureReason::Failed => formatter.pad("failed"),
        }
    }
}

impl FailureReason {
    /// Parses a word of a log. Unknown words, which can come from a newer version, are [`FailureReason::Failed`].
    #[must_use]
    pub fn parse(word: &str) -> FailureReason {
        match word {
            "unreachable" => FailureReason::Unreachable,
            "timed-out" => FailureReason::TimedOut,
            "rate-limited" => FailureReason::RateLimited,
            _ => {
                let status = word.strip_prefix(REFUSED).and_then(|status| status.parse().ok());
                status.map_or(FailureReason::Failed, FailureReason::Refused)
            }
        }
    }
}

//! Why a message could not be sent.

use std::fmt;

/// Why a message could not be sent. It is public, so it contains no part of the provider's response.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FailureReason {
    /// The connection could not be established.
    Unreachable,
    /// The provider did not respond in time.
    TimedOut,
    /// The provider limits the number of messages.
    RateLimited,
    /// The provider or command refused the message with this HTTP, SMTP or exit status.
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
    /// Parses a reason from a log. Unknown reasons, which can come from a newer version, become
    /// [`FailureReason::Failed`].
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

//! The outcome of an attempt to send a message, as metrics count it.

use crate::notify::channels::SendOutcome;

/// What became of an attempt to send a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum MessageOutcome {
    Delivered,
    /// The message will be sent again.
    Failed,
    Refused,
}

impl MessageOutcome {
    pub const ALL: [MessageOutcome; 3] = [MessageOutcome::Delivered, MessageOutcome::Failed, MessageOutcome::Refused];

    /// Returns the name of the outcome in metrics.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            MessageOutcome::Delivered => "delivered",
            MessageOutcome::Failed => "failed",
            MessageOutcome::Refused => "refused",
        }
    }
}

impl From<&SendOutcome> for MessageOutcome {
    fn from(outcome: &SendOutcome) -> Self {
        match outcome {
            SendOutcome::Delivered => MessageOutcome::Delivered,
            SendOutcome::Retry { .. } => MessageOutcome::Failed,
            SendOutcome::Refused { .. } => MessageOutcome::Refused,
        }
    }
}

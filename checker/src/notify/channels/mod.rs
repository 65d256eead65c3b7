//! The channels. Each has its own file, which converts a message to a request and interprets the response, without
//! I/O. [`Transport`] has one variant per way of sending.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, Request, StatusCode};

use super::message::Message;

/// How a channel sends messages.
#[derive(Debug, Clone)]
pub enum Transport {
    /// A provider with an HTTP API.
    Http(Arc<dyn HttpChannel>),
}

/// A channel that sends each message as one HTTP request.
pub trait HttpChannel: std::fmt::Debug + Send + Sync {
    /// Converts a message to a request. `now` is the time of this attempt, for signatures.
    fn requests(&self, message: &Message, now: shared::UnixNanos) -> Result<Vec<Request<Bytes>>, InvalidMessage>;

    /// Interprets the response.
    fn outcome(&self, status: StatusCode, headers: &HeaderMap, body: &[u8], now: shared::UnixNanos) -> Outcome;
}

/// An error for a message that a channel cannot express, for example because a template fails.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct InvalidMessage(pub String);

/// What became of an attempt to send a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// The provider accepted the message.
    Delivered {
        /// The provider's name of the message, for a later update or resolution.
        reference: Option<String>,
    },
    /// The provider could not accept the message now.
    Retry { reason: FailureReason, after: Option<Duration> },
    /// The provider will not accept the message unless something is changed.
    Refused { reason: FailureReason },
}

/// Why a message could not be sent. These words are public, so they contain nothing from the provider.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FailureReason {
    Unreachable,
    TimedOut,
    RateLimited,
    /// The HTTP or SMTP status, or the exit status of a command.
    Refused(u16),
    Failed,
}

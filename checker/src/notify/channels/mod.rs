//! Notification channels. Each channel's file converts messages to requests and interprets responses, without I/O.
//! [`Transport`] has one variant for each delivery method.

pub mod alertmanager;
pub mod apprise;
pub mod discord;
pub mod exec;
pub mod googlechat;
pub mod gotify;
pub mod identifier;
pub mod mail;
pub mod mailgun;
pub mod matrix;
pub mod mattermost;
pub mod ntfy;
pub mod outcome;
pub mod pagerduty;
pub mod ping;
pub mod pushover;
pub mod request;
pub mod rocketchat;
pub mod secret_url;
pub mod signature;
pub mod slack;
pub mod teams;
pub mod telegram;
pub mod webhook;
pub mod zulip;

#[cfg(test)]
mod outcome_tests;
#[cfg(test)]
mod test_channels;
#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, Request, StatusCode};
use shared::UnixNanos;
pub use shared::notification_log::FailureReason;
use shared::notification_log::IncidentScope;

use super::message::Message;
use crate::redact::Secret;

/// How a channel sends messages.
#[derive(Debug, Clone)]
pub enum Transport {
    /// A provider with an HTTP API.
    Http(Arc<dyn HttpChannel>),
    Mail(Arc<mail::Mail>),
    /// A command that the operator provides.
    Exec(Arc<exec::ExecChannel>),
    Apprise(Arc<apprise::Apprise>),
    /// An Alertmanager, which receives the current alerts after each round instead of messages.
    Alertmanager(Arc<alertmanager::Alertmanager>),
    /// A dead man's switch, which receives a request after each round instead of messages.
    Ping(Arc<ping::Ping>),
}

impl Transport {
    /// Returns where the provider keeps an incident for each subject, if it does so instead of showing messages.
    #[must_use]
    pub fn incident_scope(&self) -> Option<IncidentScope> {
        if let Transport::Http(channel) = self { channel.incident_scope() } else { None }
    }

    /// Returns whether the provider keeps an incident for each subject instead of showing messages.
    #[must_use]
    pub fn keeps_incidents(&self) -> bool {
        self.incident_scope().is_some()
    }
}

/// A user name and password.
#[derive(Debug, Clone)]
pub struct Login {
    pub username: String,
    pub password: Secret,
}

/// How a request is authorized.
#[derive(Debug, Clone)]
pub enum Authorization {
    /// A user name and password.
    Basic(Login),
    Bearer(Secret),
}

/// A channel that sends each message as one or more HTTP requests.
pub trait HttpChannel: std::fmt::Debug + Send + Sync {
    /// Converts a message to requests, usually one. `now` is the time of this attempt, for signatures.
    fn requests(&self, message: &Message, now: UnixNanos) -> Result<Vec<Request<Bytes>>, InvalidMessage>;

    /// Returns where the provider keeps an incident for each subject, if it does so instead of showing messages. If so,
    /// all news is sent, and repeating a request must be harmless.
    fn incident_scope(&self) -> Option<IncidentScope> {
        None
    }

    fn outcome(&self, status: StatusCode, headers: &HeaderMap, _body: &[u8], now: UnixNanos) -> SendOutcome {
        outcome::by_status(status, headers, now, || None)
    }
}

/// The error if a channel cannot convert a message to a request, for example because a template fails.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct InvalidMessage(pub String);

/// The outcome of an attempt to send a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SendOutcome {
    /// The provider accepted the message.
    Delivered,
    /// The attempt failed temporarily and can be retried.
    Retry { reason: FailureReason, after: Option<Duration> },
    /// The provider will refuse the message again unless the settings change.
    Refused { reason: FailureReason },
}

//! The kinds of events that channels can be notified of.

use std::fmt;
use std::str::FromStr;

/// A kind of event that a channel can be notified of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum EventKind {
    /// An endpoint has gone down.
    Down,
    /// An endpoint has become degraded.
    Degraded,
    /// An endpoint that was degraded is now down.
    Worse,
    /// An endpoint is healthy again, or at least no longer down if the channel is not notified of degraded endpoints.
    Recovered,
    /// An outage has no known end, because its endpoint is no longer monitored.
    Closed,
    /// An endpoint is still down.
    Reminder,
    /// An endpoint was down, and recovered before the channel could be notified.
    Missed,
    /// An endpoint's status changes too often to report every change.
    Flapping,
    /// A node has stopped reporting results.
    Silent,
    /// A node cannot store its results.
    Store,
    /// A verified certificate is about to expire.
    Certificate,
    /// An endpoint uses up its error budget too fast.
    Budget,
    /// An incident was opened, updated or resolved.
    Incident,
    /// Maintenance was announced, started or ended.
    Maintenance,
    /// An operator sends a test message.
    Test,
}

impl EventKind {
    /// All kinds, in the order in which they are documented.
    pub const ALL: [EventKind; 15] = [
        EventKind::Down,
        EventKind::Degraded,
        EventKind::Worse,
        EventKind::Recovered,
        EventKind::Closed,
        EventKind::Reminder,
        EventKind::Missed,
        EventKind::Flapping,
        EventKind::Silent,
        EventKind::Store,
        EventKind::Certificate,
        EventKind::Budget,
        EventKind::Incident,
        EventKind::Maintenance,
        EventKind::Test,
    ];

    /// Returns the event's name in configurations and webhooks.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            EventKind::Down => "down",
            EventKind::Degraded => "degraded",
            EventKind::Worse => "worse",
            EventKind::Recovered => "recovered",
            EventKind::Closed => "closed",
            EventKind::Reminder => "reminder",
            EventKind::Missed => "missed",
            EventKind::Flapping => "flapping",
            EventKind::Silent => "silent",
            EventKind::Store => "store",
            EventKind::Certificate => "certificate",
            EventKind::Budget => "budget",
            EventKind::Incident => "incident",
            EventKind::Maintenance => "maintenance",
            EventKind::Test => "test",
        }
    }
}

impl fmt::Display for EventKind {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(self.as_str())
    }
}

/// The error for an unknown event name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("unknown event `{0}`")]
pub struct ParseEventError(String);

impl FromStr for EventKind {
    type Err = ParseEventError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let known = EventKind::ALL.into_iter().find(|kind| kind.as_str() == text);
        known.ok_or_else(|| ParseEventError(text.to_owned()))
    }
}

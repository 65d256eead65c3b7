//! The log of notifications that each node stores: the channels that it serves, and the last news that it sent to each.
//!
//! Each node writes only its own log, and all nodes read all logs. The logs are public, so they contain no URLs, tokens
//! or answers of providers.

mod channel_id;
mod failure;
mod format;

use std::cmp::Ordering;

pub use self::channel_id::{ChannelId, InvalidChannelId};
pub use self::failure::FailureReason;
pub use self::format::InvalidLog;
use crate::check_file::EndpointKey;
use crate::object_name::NodeName;
use crate::status::Status;
use crate::{Nanos, UnixNanos};

/// The numbers of registers are lower than this, so that a hostile log cannot use up all numbers.
pub const NUMBER_LIMIT: i64 = 1 << 53;

/// The log of one node.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NotificationLog {
    /// The node that stores the log.
    pub node: NodeName,
    /// The node's position among those that can notify. Lower numbers come first.
    pub rank: u32,
    /// The time between two evaluations of the node.
    pub every: Nanos,
    /// How long the node waits for further news after the first, so that they share a message.
    pub gather: Nanos,
    /// The minimum time between two messages of the node to one channel.
    pub spacing: Nanos,
    /// Since when everything above and the list of channels are unchanged.
    pub since: UnixNanos,
    /// When the node last stored a round after it had stored none for a while. Others may have waited for it in vain, so
    /// it leaves them the news that was due before.
    pub returned: UnixNanos,
    /// The channels that the node serves.
    pub channels: Vec<ServedChannel>,
    /// The registers that the node wrote, at most one per subject.
    pub registers: Vec<Register>,
}

/// A channel in a node's log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServedChannel {
    /// The name of the channel, which is the same on all nodes.
    pub id: ChannelId,
    /// When the node first served the channel. Earlier outages are not notified.
    pub from: UnixNanos,
    /// The news that the node leaves to others that precede it.
    pub waiting: Option<Waiting>,
    /// The failures since the node last sent a message.
    pub retry: Option<Retry>,
}

/// News that a node leaves to others until its turn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Waiting {
    /// When the node first saw the news.
    pub since: UnixNanos,
    /// A hash of the news. The wait starts again when it changes.
    pub news: u32,
}

/// Failures to send a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Retry {
    /// The number of failures in a row.
    pub tries: u32,
    /// When the node tries again.
    pub next: UnixNanos,
    /// The reason for the last failure.
    pub why: FailureReason,
}

/// What a register is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub enum Topic {
    /// The status of an endpoint.
    #[default]
    Endpoint,
    /// A node that stopped reporting.
    Silent,
    /// A node that cannot store its results.
    Store,
    /// The certificate of an endpoint.
    Certificate,
    /// The error budget of an endpoint.
    Budget,
}

/// The state that a channel was notified of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub enum Notified {
    /// The endpoint is healthy, or the condition is not present.
    #[default]
    Healthy,
    /// The endpoint was reported as degraded.
    Degraded,
    /// The endpoint is down, or the condition is present.
    Down,
    /// The endpoint changes its status too often for notifying each change.
    Flapping,
}

/// The last thing that a channel was notified of about one subject.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Register {
    /// The channel that was notified.
    pub channel: ChannelId,
    /// What kind of subject it is.
    pub topic: Topic,
    /// The endpoint or, for topics about nodes, the node's name as the title.
    pub key: EndpointKey,
    /// A Lamport number: one more than the greatest that the writer had read. Of several nodes' registers about one
    /// subject, the one with the greatest number counts, so clocks do not matter.
    pub number: i64,
    /// The state that was notified.
    pub state: Notified,
    /// When the notified state has begun.
    pub since: UnixNanos,
    /// Until when the subject's past is notified: outages that ended before are not notified again.
    pub until: UnixNanos,
    /// When the message was sent, by the sender's clock.
    pub at: UnixNanos,
    /// The number of reminders since the outage was notified.
    pub reminders: u32,
    /// The provider's name of the message.
    pub reference: Option<String>,
}

impl Notified {
    /// All states, with the worst last.
    pub const ALL: [Notified; 4] = [Notified::Healthy, Notified::Degraded, Notified::Down, Notified::Flapping];

    /// Returns the name that logs contain.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Notified::Healthy => "healthy",
            Notified::Degraded => "degraded",
            Notified::Down => "down",
            Notified::Flapping => "flapping",
        }
    }

    /// Returns the corresponding status. A flapping endpoint counts as down.
    #[must_use]
    pub fn status(self) -> Status {
        match self {
            Notified::Healthy => Status::Healthy,
            Notified::Degraded => Status::Degraded,
            Notified::Down | Notified::Flapping => Status::Down,
        }
    }
}

impl Topic {
    /// All topics, in their stored order.
    pub const ALL: [Topic; 5] = [Topic::Endpoint, Topic::Silent, Topic::Store, Topic::Certificate, Topic::Budget];

    /// Returns the name that logs contain.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Topic::Endpoint => "endpoint",
            Topic::Silent => "silent",
            Topic::Store => "store",
            Topic::Certificate => "certificate",
            Topic::Budget => "budget",
        }
    }
}

impl Register {
    /// Compares two registers about one subject. The greater one counts. Registers that compare as equal are equal.
    #[must_use]
    pub fn compare(&self, node: &NodeName, other: &Register, other_node: &NodeName) -> Ordering {
        let rank = |register: &Register| {
            (register.state, register.since, register.until, register.reminders, register.reference.clone())
        };
        let by_number = (self.number, self.at, node).cmp(&(other.number, other.at, other_node));
        by_number.then_with(|| rank(self).cmp(&rank(other))).then_with(|| self.key.cmp(&other.key))
    }
}

impl NotificationLog {
    /// Creates an empty log, for a node that has not stored one.
    #[must_use]
    pub fn new(node: NodeName) -> NotificationLog {
        let (channels, registers) = (Vec::new(), Vec::new());
        NotificationLog { node, rank: 0, every: 0, gather: 0, spacing: 0, since: 0, returned: 0, channels, registers }
    }

    /// Returns the entry of a channel that the node serves.
    #[must_use]
    pub fn channel(&self, id: &ChannelId) -> Option<&ServedChannel> {
        self.channels.iter().find(|channel| channel.id == *id)
    }
}

#[cfg(test)]
mod tests;

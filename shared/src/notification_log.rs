//! The notification log that each node stores: the channels that the node serves, and the latest news that it sent to
//! each.
//!
//! Each node writes only its log, and all nodes read all logs. The logs are public, so they contain no URLs of
//! channels, tokens or responses from providers.

mod channel_id;
mod failure;
mod format;
mod limits;

use std::cmp::Ordering;

pub use self::channel_id::{ChannelId, InvalidChannelId};
pub use self::failure::FailureReason;
pub use self::format::InvalidLog;
use crate::check_file::EndpointKey;
use crate::object_name::NodeName;
use crate::status::Status;
use crate::{DAY, Nanos, UnixNanos};

/// An upper bound for register numbers, so that a hostile log cannot use up all numbers.
pub const NUMBER_LIMIT: i64 = 1 << 53;

/// The maximum number of registers in a log. Further ones are ignored, so that a hostile log takes up little memory.
pub const REGISTERS_LIMIT: usize = 50_000;

/// The maximum size of a log, in bytes. A register takes about 250 bytes.
pub const SIZE_LIMIT: usize = 32 << 20;

/// The number of times that a message is sent again to a provider that did not respond in time. The provider may have
/// accepted each of them.
pub const UNANSWERED_RETRIES: u32 = 3;

/// How long after a due attempt deferred recipients can still be notified.
const DEFERRED_VALIDITY: Nanos = DAY;

/// The log of one node.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NotificationLog {
    /// The node that stores the log.
    pub node: NodeName,
    /// The node's rank among the nodes that can send messages. Lower numbers come first.
    pub rank: u32,
    /// The interval between the node's evaluations.
    pub every: Nanos,
    /// How long the node waits for more news after the first, so that they share a message.
    pub gather: Nanos,
    /// The minimum time between two of the node's messages to one channel.
    pub spacing: Nanos,
    /// When a field above or the list of channels last changed.
    pub since: UnixNanos,
    /// When the node resumed storing rounds after a gap. Other nodes may have waited for it in vain, so it leaves them
    /// the news that was due before then.
    pub returned: UnixNanos,
    /// The channels that the node serves.
    pub channels: Vec<ServedChannel>,
    /// The registers that the node wrote, at most one per subject.
    pub registers: Vec<Register>,
    /// The number of registers beyond [`REGISTERS_LIMIT`], which were ignored when the log was parsed.
    pub ignored: usize,
}

/// A channel that a node serves, as listed in its log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServedChannel {
    /// The name of the channel, which is the same on all nodes.
    pub id: ChannelId,
    /// When the node first served the channel. Earlier outages are not reported.
    pub from: UnixNanos,
    /// The news that the node leaves to the nodes before it.
    pub waiting: Vec<Waiting>,
    /// The failed attempts since the node last delivered a message.
    pub retry: Option<Retry>,
    /// When the node delivered a message again after failures because of which other nodes took its turns. They may be
    /// sending news at that time.
    pub resumed: Option<UnixNanos>,
    /// When the node last gave up on a message that the channel may have received.
    pub unconfirmed: Option<UnixNanos>,
    /// The recipients that have not accepted a message yet although others have.
    pub deferred: Vec<Deferred>,
    /// Where the provider keeps incidents, if it does.
    pub incidents: Option<IncidentScope>,
    /// When that last changed, for example because the channel got another key. No node can resolve the incidents from
    /// before.
    pub incidents_moved_at: Option<UnixNanos>,
}

/// Identifies where a provider keeps incidents. If two channels with the same scope report a subject, they share one
/// incident. The number is public, so it is too short to reveal a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct IncidentScope(pub u16);

/// Recipients that have not accepted a message yet although others in the channel have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Deferred {
    /// The positions of these recipients in the channel's list, in ascending order. The log is public, so it does not
    /// contain their addresses.
    pub recipients: Vec<u32>,
    /// The channel's list. If it has changed, the positions are invalid.
    pub list: RecipientList,
    /// The number of attempts for these recipients.
    pub tries: u32,
    /// When the node tries again.
    pub next: UnixNanos,
    /// The state of each subject of the message, as last reported to these recipients.
    pub known: Vec<Register>,
}

/// A channel's list of recipients, as far as a public log can identify it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct RecipientList {
    /// The number of recipients.
    pub count: u32,
    /// A checksum of the addresses in their order. It is too short to confirm a guessed address, but shows most changes.
    /// Logs of earlier versions do not contain it.
    pub checksum: Option<u8>,
}

/// News that a node leaves to others until its turn, and that it first saw at the same time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Waiting {
    /// When the node first saw the news.
    pub since: UnixNanos,
    /// The hash of each piece of news, in ascending order. Each waits separately, because newer news must not delay
    /// older news.
    pub news: Vec<u32>,
}

/// Failed attempts to send a message, and the time of the next one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Retry {
    /// The number of failures in a row.
    pub tries: u32,
    /// The number of these attempts to which the provider did not respond in time.
    pub unanswered: u32,
    /// When the node tries again.
    pub next: UnixNanos,
    /// The reason for the last failure.
    pub why: FailureReason,
}

impl RecipientList {
    /// Returns whether both lists have the same number of recipients and, if both are known, the same checksum.
    #[must_use]
    pub fn is_same(self, other: RecipientList) -> bool {
        let checksums = self.checksum.zip(other.checksum);
        self.count == other.count && checksums.is_none_or(|(one, other)| one == other)
    }
}

impl Deferred {
    /// Returns whether the next attempt is so long overdue that the node gives up, for example because the channel was
    /// disabled in the meantime.
    #[must_use]
    pub fn is_expired(&self, now: UnixNanos) -> bool {
        self.next.saturating_add(DEFERRED_VALIDITY) < now
    }
}

impl ServedChannel {
    /// Creates the entry for a channel that a node begins to serve.
    #[must_use]
    pub fn new(id: ChannelId, from: UnixNanos) -> ServedChannel {
        let (waiting, deferred) = (Vec::new(), Vec::new());
        ServedChannel {
            id,
            from,
            waiting,
            retry: None,
            resumed: None,
            unconfirmed: None,
            deferred,
            incidents: None,
            incidents_moved_at: None,
        }
    }
}

/// The kind of subject that a register describes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub enum Topic {
    /// The status of an endpoint.
    #[default]
    Endpoint,
    /// A node that stopped reporting.
    Silent,
    /// A node that cannot store its results.
    Store,
    /// The expiry of an endpoint's certificate.
    Certificate,
    /// The burn rate of an endpoint's error budget.
    Budget,
    /// An incident that a person posted.
    Incident,
    /// Maintenance that a person announced.
    Maintenance,
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
    /// The endpoint's status changes too often to report every change.
    Flapping,
}

/// The latest state of one subject that a channel was notified of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Register {
    /// The channel that was notified.
    pub channel: ChannelId,
    /// The kind of subject that the channel was notified of.
    pub topic: Topic,
    /// The endpoint. For topics about nodes, the title is the node's name.
    pub key: EndpointKey,
    /// A Lamport timestamp: one more than the greatest number that the writer had read. If several nodes have registers
    /// for one subject, the one with the greatest number is current, regardless of the nodes' clocks.
    pub number: i64,
    /// The state that the channel was notified of.
    pub state: Notified,
    /// When the subject entered that state.
    pub since: UnixNanos,
    /// The time up to which the subject's past has been reported. Outages that ended earlier are not reported again.
    pub until: UnixNanos,
    /// When the message was sent, by the sender's clock.
    pub at: UnixNanos,
    /// The number of reminders since the outage was reported.
    pub reminders: u32,
}

impl Notified {
    /// All states, ordered from best to worst.
    pub const ALL: [Notified; 4] = [Notified::Healthy, Notified::Degraded, Notified::Down, Notified::Flapping];

    /// Returns the state's name in logs.
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
    /// All topics, in the order of their declaration.
    pub const ALL: [Topic; 7] = [
        Topic::Endpoint,
        Topic::Silent,
        Topic::Store,
        Topic::Certificate,
        Topic::Budget,
        Topic::Incident,
        Topic::Maintenance,
    ];

    /// Returns the topic's name in logs.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Topic::Endpoint => "endpoint",
            Topic::Silent => "silent",
            Topic::Store => "store",
            Topic::Certificate => "certificate",
            Topic::Budget => "budget",
            Topic::Incident => "incident",
            Topic::Maintenance => "maintenance",
        }
    }
}

impl Register {
    /// Compares two registers for one subject. The greater one is current. Only identical registers compare as equal.
    #[must_use]
    pub fn compare(&self, node: &NodeName, other: &Register, other_node: &NodeName) -> Ordering {
        let rank = |register: &Register| (register.state, register.since, register.until, register.reminders);
        let by_number = (self.number, self.at, node).cmp(&(other.number, other.at, other_node));
        by_number.then_with(|| rank(self).cmp(&rank(other))).then_with(|| self.key.cmp(&other.key))
    }
}

impl NotificationLog {
    /// Creates an empty log, for a node that has not stored a log yet.
    #[must_use]
    pub fn new(node: NodeName) -> NotificationLog {
        let (channels, registers) = (Vec::new(), Vec::new());
        let (rank, every, gather, spacing, since, returned) = (0, 0, 0, 0, 0, 0);
        NotificationLog { node, rank, every, gather, spacing, since, returned, channels, registers, ignored: 0 }
    }

    /// Returns the entry for a channel, if the node serves it.
    #[must_use]
    pub fn channel(&self, id: &ChannelId) -> Option<&ServedChannel> {
        self.channels.iter().find(|channel| channel.id == *id)
    }
}

#[cfg(test)]
mod tests;

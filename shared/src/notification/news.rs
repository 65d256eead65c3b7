//! News that is sent now, and news that is held back.

use super::event::EventKind;
use super::item::Item;
use crate::UnixNanos;
use crate::notification_log::{Register, Waiting};
use crate::object_name::NodeName;

/// The result of an evaluation for one channel.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Plan {
    /// The news to send now, worst first. News without items is only recorded.
    pub news: Vec<News>,
    /// A sentence that precedes the items.
    pub preface: Option<String>,
    /// What is not sent now, and why.
    pub held: Vec<Held>,
    /// When the next evaluation is needed, unless there are new results before.
    pub next: Option<UnixNanos>,
    /// The entry for [`crate::notification_log::NotificationLog::wait`].
    pub waiting: Option<Waiting>,
}

/// News about one endpoint or node.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct News {
    /// The items, in chronological order. There are several if the channel missed some, and none if the change is
    /// only recorded.
    pub items: Vec<Item>,
    /// The register to write after the channel accepted the message. Its number, time and reference are not set yet.
    pub register: Register,
    /// The provider's name of the message about the outage that these news end.
    pub resolves: Option<String>,
}

/// News that is not sent now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Held {
    /// The kind of the held news.
    pub event: EventKind,
    /// The title of the endpoint, or the name of a node.
    pub title: String,
    /// The reason for not sending the news.
    pub reason: HeldReason,
    /// When the reason ends, if that is known.
    pub until: Option<UnixNanos>,
}

/// Why news is not sent now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum HeldReason {
    /// The endpoint has not been down or degraded for long enough.
    NotLongEnough,
    /// The endpoint has not been healthy for long enough.
    NotHealthyLongEnough,
    /// The endpoint is flapping, which was notified.
    Flapping,
    /// The newest result is out of date.
    Unknown,
    /// The endpoint is in a planned maintenance window.
    Planned,
    /// The endpoint is silenced by operators.
    Silenced,
    /// An endpoint that this one depends on is failing.
    Dependency(String),
    /// Further news may follow and share the message.
    Gathering,
    /// The last message to the channel is too recent.
    Spacing,
    /// Other nodes precede this one.
    Turn(Vec<NodeName>),
    /// The channel did not accept the last message.
    Retry,
}

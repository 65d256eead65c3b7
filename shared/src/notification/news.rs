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
    /// The news that is held back, with the reasons.
    pub held: Vec<Held>,
    /// When the next evaluation is due if no new results arrive before then.
    pub next: Option<UnixNanos>,
    /// The value to pass to [`crate::notification_log::NotificationLog::wait`].
    pub waiting: Vec<Waiting>,
}

/// News about one endpoint or node.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct News {
    /// The items, in chronological order. There are several if the channel missed earlier events, and none if the
    /// change is only recorded.
    pub items: Vec<Item>,
    /// The register to record once the channel accepts the message. Its number and time are set at that point.
    /// Until then, the number is that of the register that it replaces.
    pub register: Register,
}

/// News that is held back, with the reason.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Held {
    /// The kind of event that is held back.
    pub event: EventKind,
    /// The title of the endpoint, or the name of a node.
    pub title: String,
    /// Why the news is held back.
    pub reason: HeldReason,
    /// When the reason will no longer apply, if that is known.
    pub until: Option<UnixNanos>,
}

/// Why news is held back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum HeldReason {
    /// The endpoint has not been down or degraded for long enough.
    NotLongEnough,
    /// The endpoint has not been healthy for long enough.
    NotHealthyLongEnough,
    /// The endpoint is flapping, and the channel was already notified of that.
    Flapping,
    /// The newest result is out of date.
    Unknown,
    /// The endpoint is in a planned maintenance window.
    Planned,
    /// An operator silenced the endpoint.
    Silenced,
    /// An endpoint that this one depends on is failing.
    Dependency(Option<String>),
    /// More news may follow and share the message.
    Gathering,
    /// The last message to the channel is too recent.
    Spacing,
    /// It is another node's turn to send the news.
    Turn(Vec<NodeName>),
    /// The channel did not accept the last message.
    Retry,
}

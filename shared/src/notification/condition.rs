//! News that does not come from an endpoint's status, such as silent nodes and expiring certificates.

use super::event::EventKind;
use crate::UnixNanos;
use crate::check_file::EndpointKey;
use crate::notification_log::Topic;

/// A condition that is either present or not, for example "node `eu-west` is silent".
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Condition {
    /// The subject, which is not [`Topic::Endpoint`].
    pub topic: Topic,
    /// The title and locator. For nodes, the title is the node's name and the locator is empty.
    pub key: EndpointKey,
    /// When the condition began or, if it is not present, when it ended. It is the same for all nodes. For certificates,
    /// a later time than the notified one is notified again.
    pub since: UnixNanos,
    /// Whether the condition is present.
    pub is_present: bool,
    /// Whether only this node knows, so that it sends the news itself, regardless of the line-up.
    pub is_local: bool,
    /// The text of the item, as a complete clause.
    pub detail: Option<String>,
}

impl Topic {
    /// Returns the kind of event that reports the topic.
    #[must_use]
    pub fn event(self) -> EventKind {
        match self {
            Topic::Endpoint => EventKind::Down,
            Topic::Silent => EventKind::Silent,
            Topic::Store => EventKind::Store,
            Topic::Certificate => EventKind::Certificate,
            Topic::Budget => EventKind::Budget,
        }
    }

    /// Returns whether the end of the condition is notified as well.
    #[must_use]
    pub fn recovers(self) -> bool {
        matches!(self, Topic::Endpoint | Topic::Silent | Topic::Store)
    }
}

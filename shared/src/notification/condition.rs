//! Conditions other than an endpoint's status that channels are notified of, such as silent nodes and expiring
//! certificates.

use super::event::EventKind;
use crate::UnixNanos;
use crate::check_file::EndpointKey;
use crate::notification_log::Topic;

/// A condition that is either present or not, for example "node `eu-west` is silent".
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Condition {
    /// The topic, which is never [`Topic::Endpoint`].
    pub topic: Topic,
    /// The subject's title and locator. For nodes, the title is the node's name and the locator is empty.
    pub key: EndpointKey,
    /// When the condition began or, if it is no longer present, when it ended. It should be the same on all nodes,
    /// because the IDs of messages depend on it.
    pub since: UnixNanos,
    /// The number of reminders that are due, or how severe the condition is. It is reported again to channels that were
    /// notified of a lower number.
    pub reminders: u32,
    /// The highest number of reminders that was due recently, for conditions that come and go. Channels that were
    /// notified of a higher number are notified again when it is due again. If the condition is not present, it is over
    /// only if this is `None`.
    pub lasting: Option<u32>,
    /// When the condition had lasted long enough to be reported, if that is the same in every evaluation. News about it
    /// can then be gathered with other news.
    pub due: Option<UnixNanos>,
    /// Whether the condition is present.
    pub is_present: bool,
    /// Whether only this node knows of the condition. If so, it sends the news itself, regardless of the line-up.
    pub is_local: bool,
    /// The titles and prefixes of the endpoints that a post is about. An empty list means all endpoints.
    pub about: Vec<String>,
    /// A description of the condition for the message, as a complete clause or, for error budgets, a predicate.
    pub detail: Option<String>,
}

impl Condition {
    /// Creates a condition that all nodes know of. Channels are notified of it once.
    #[must_use]
    pub fn new(topic: Topic, key: EndpointKey, since: UnixNanos, is_present: bool) -> Condition {
        let (reminders, lasting, due, is_local, about, detail) = (0, None, None, false, Vec::new(), None);
        Condition { topic, key, since, reminders, lasting, due, is_present, is_local, about, detail }
    }
}

impl EventKind {
    /// Returns the topic of this kind of event. [`EventKind::Closed`] can be about any topic, so its items contain it.
    #[must_use]
    pub fn topic(self) -> Topic {
        Topic::ALL.into_iter().find(|topic| topic.event() == self).unwrap_or_default()
    }
}

impl Topic {
    /// Returns the kind of event that reports this topic.
    #[must_use]
    pub fn event(self) -> EventKind {
        match self {
            Topic::Endpoint => EventKind::Down,
            Topic::Silent => EventKind::Silent,
            Topic::Store => EventKind::Store,
            Topic::Certificate => EventKind::Certificate,
            Topic::Budget => EventKind::Budget,
            Topic::Incident => EventKind::Incident,
            Topic::Maintenance => EventKind::Maintenance,
        }
    }

    /// Returns whether the topic is something that a person posted.
    #[must_use]
    pub fn is_post(self) -> bool {
        matches!(self, Topic::Incident | Topic::Maintenance)
    }

    /// Returns whether channels that are notified of recoveries are also notified when the condition ends.
    #[must_use]
    pub fn recovers(self) -> bool {
        matches!(self, Topic::Endpoint | Topic::Silent | Topic::Store)
    }
}

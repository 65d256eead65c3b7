//! A single piece of news in a message.

use super::event::EventKind;
use crate::check_file::EndpointKey;
use crate::notification_log::Topic;
use crate::status::Status;
use crate::{Nanos, UnixNanos};

/// One piece of news, usually about an endpoint.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Item {
    /// The kind of event that happened. The end of a condition, such as a silent node, has the same kind as its start.
    pub event: EventKind,
    /// What the item is about. [`EventKind::Closed`] can be about any topic, and most other events only about one.
    pub topic: Topic,
    /// The title of the endpoint, or the name of a node for events about nodes.
    pub title: String,
    /// The endpoint's locator, which only channels for operators may show.
    pub locator: String,
    /// The endpoint's id, if one is configured. It stays the same if the title or the locator changes.
    pub id: Option<String>,
    /// The status that the channel was last notified of.
    pub was: Status,
    /// Whether the channel was last notified that the endpoint was flapping.
    pub was_flapping: bool,
    /// The current status of the endpoint or condition.
    pub is: Status,
    /// When the current status began. If the outage is over or closed, when the outage began.
    pub since: UnixNanos,
    /// When the outage ended, if it is over. For [`EventKind::Closed`], when the outage was last seen.
    pub until: Option<UnixNanos>,
    /// The number of nodes with a known status.
    pub voters: usize,
    /// The nodes that report the endpoint as down.
    pub down_from: Vec<String>,
    /// The nodes' reasons for reporting the endpoint as down or degraded.
    pub reasons: Vec<NodeReason>,
    /// Whether the outage began during planned maintenance.
    pub is_planned: bool,
    /// The number of this reminder, starting at 1, or 0 for other events.
    pub reminder: u32,
    /// The titles of endpoints that are affected because they depend on this one.
    pub dependents: Vec<String>,
    /// Details that only some kinds of events have, as a complete clause, such as "its certificate expires in 6 days", or,
    /// for error budgets, as a predicate about the endpoint.
    pub detail: Option<String>,
}

/// One node's reason for reporting an endpoint as down or degraded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NodeReason {
    /// The name of the node.
    pub node: String,
    /// The reason as reported by the check.
    pub reason: String,
}

impl Item {
    /// Creates an item without details, about an endpoint that was healthy.
    #[must_use]
    pub fn new(event: EventKind, key: &EndpointKey, is: Status) -> Item {
        Item {
            event,
            topic: event.topic(),
            title: key.title.clone(),
            locator: key.locator.clone(),
            id: key.id.as_deref().map(str::to_owned),
            was: Status::Healthy,
            was_flapping: false,
            is,
            since: 0,
            until: None,
            voters: 0,
            down_from: Vec::new(),
            reasons: Vec::new(),
            is_planned: false,
            reminder: 0,
            dependents: Vec::new(),
            detail: None,
        }
    }

    /// Returns the length of the outage, up to `now` if it is not over.
    #[must_use]
    pub fn length(&self, now: UnixNanos) -> Nanos {
        self.until.unwrap_or(now).saturating_sub(self.since).max(0)
    }
}

/// The part of an item that determines how a summary counts it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ItemKind {
    /// The kind of event.
    pub event: EventKind,
    /// What the item is about.
    pub topic: Topic,
    /// The current status.
    pub is: Status,
    /// Whether the outage or the condition is over.
    pub is_over: bool,
}

impl Item {
    /// Returns the item's kind.
    #[must_use]
    pub fn kind(&self) -> ItemKind {
        ItemKind { event: self.event, topic: self.topic, is: self.is, is_over: self.until.is_some() }
    }
}

//! One piece of news in a message.

use super::event::EventKind;
use crate::status::Status;
use crate::{Nanos, UnixNanos};

/// One piece of news, usually about an endpoint.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Item {
    /// The kind of event that happened.
    pub event: EventKind,
    /// The title of the endpoint, or the name of a node for events about nodes.
    pub title: String,
    /// The locator of the endpoint, which only channels that address operators may show.
    pub locator: String,
    /// The status that the channel knew before.
    pub was: Status,
    /// The status that it has now.
    pub is: Status,
    /// When the current status, or for [`EventKind::Recovered`] and [`EventKind::Missed`] the outage, began.
    pub since: UnixNanos,
    /// When the outage ended, if it has ended.
    pub until: Option<UnixNanos>,
    /// The number of nodes with a known status.
    pub voters: usize,
    /// The nodes that report the endpoint down.
    pub down_from: Vec<String>,
    /// The reason that each node stored.
    pub reasons: Vec<NodeReason>,
    /// Whether the outage began during planned maintenance.
    pub is_planned: bool,
    /// The number of this reminder, starting at 1, or 0 for other events.
    pub reminder: u32,
    /// The titles of endpoints that are affected because they depend on this one.
    pub dependents: Vec<String>,
    /// Details that only some kinds of events have, as a complete clause, such as "its certificate expires in 6 days".
    pub detail: Option<String>,
}

/// Why an endpoint is down or degraded, as one node sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NodeReason {
    /// The name of the node.
    pub node: String,
    /// The reason in the check's words.
    pub reason: String,
}

impl Item {
    /// Returns how long the outage has lasted, or lasted until it ended.
    #[must_use]
    pub fn length(&self, now: UnixNanos) -> Nanos {
        self.until.unwrap_or(now).saturating_sub(self.since).max(0)
    }
}

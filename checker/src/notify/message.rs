//! A message to one channel: the news of one evaluation, worst first. Channels convert it to their format.

use jiff::tz::TimeZone;
use shared::status::Status;
use shared::{Nanos, UnixNanos};

use super::event::EventKind;

/// The maximum number of items that a message contains. The others are only counted.
pub const ITEM_LIMIT: usize = 10;

/// The news of one evaluation for one channel.
#[derive(Debug, Clone, PartialEq)]
pub struct Message {
    /// A name that is the same if another node, or a later attempt, sends the same news, such as `m-9f2c4e1b7a3d5f60`.
    pub id: String,
    /// The time of the evaluation.
    pub at: UnixNanos,
    /// The title of the page.
    pub page_title: String,
    /// The public URL of the page, if it is configured.
    pub page_url: Option<String>,
    /// A sentence that precedes the items, for example that only one node sees all endpoints down.
    pub preface: Option<String>,
    /// The items, worst first, at most [`ITEM_LIMIT`].
    pub items: Vec<Item>,
    /// The number of items that were left out, by the group of their endpoints. Endpoints without a group have an
    /// empty name.
    pub more: Vec<(String, usize)>,
    /// The time zone in which times are written.
    pub zone: TimeZone,
}

/// One piece of news, usually about an endpoint.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Item {
    pub event: EventKind,
    /// The title of the endpoint, or the name of a node for events about nodes.
    pub title: String,
    /// The locator of the endpoint, which only channels that address operators may show.
    pub locator: String,
    /// The status that the channel knew before.
    pub was: Status,
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
    pub node: String,
    pub reason: String,
}

impl Item {
    /// Returns how long the outage has lasted, or lasted until it ended.
    #[must_use]
    pub fn length(&self, now: UnixNanos) -> Nanos {
        self.until.unwrap_or(now).saturating_sub(self.since).max(0)
    }
}

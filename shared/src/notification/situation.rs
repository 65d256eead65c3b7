//! The input for evaluating one channel's news.

use super::condition::Condition;
use super::lineup::Nodes;
use super::periods::Hold;
use super::policy::{ChannelPolicy, CheckNotifications, Flapping, Pace};
use super::registers::Registers;
use super::verdicts::Verdict;
use crate::UnixNanos;
use crate::endpoint_map::EndpointMap;
use crate::notification_log::ChannelId;

/// Everything that determines the news for one channel.
#[derive(Debug, Clone, Copy)]
pub struct Situation<'a> {
    /// The channel's name in the logs.
    pub channel: &'a ChannelId,
    /// The rules that determine what the channel is notified of.
    pub policy: &'a ChannelPolicy,
    /// The enabled channels of this node. Several of them can share incidents at their provider.
    pub channels: &'a [(&'a ChannelId, &'a ChannelPolicy)],
    /// The definition of a flapping endpoint.
    pub flapping: Flapping,
    /// How long news is collected before it is sent.
    pub pace: Pace,
    /// The notification settings of individual checks.
    pub checks: &'a EndpointMap<CheckNotifications>,
    /// The status of all endpoints.
    pub verdicts: &'a [Verdict<'a>],
    /// Conditions other than an endpoint's status, such as silent nodes.
    pub conditions: &'a [Condition],
    /// The planned maintenance windows and the silences.
    pub holds: &'a [Hold],
    /// The news that each channel has already received.
    pub registers: &'a Registers<'a>,
    /// The nodes that can send messages.
    pub nodes: Nodes<'a>,
    /// The time of the evaluation.
    pub now: UnixNanos,
}

//! Everything that an evaluation depends on.

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
    /// What the channel is notified of.
    pub policy: &'a ChannelPolicy,
    /// When an endpoint is flapping.
    pub flapping: Flapping,
    /// How long news is collected before it is sent.
    pub pace: Pace,
    /// What checks configure for their endpoints.
    pub checks: &'a EndpointMap<CheckNotifications>,
    /// The status of all endpoints.
    pub verdicts: &'a [Verdict<'a>],
    /// The state of everything else that is notified.
    pub conditions: &'a [Condition],
    /// The planned maintenance windows and the silences.
    pub holds: &'a [Hold],
    /// What all channels were notified of.
    pub registers: &'a Registers<'a>,
    /// The nodes that can send.
    pub nodes: Nodes<'a>,
    /// The time of the evaluation.
    pub now: UnixNanos,
}

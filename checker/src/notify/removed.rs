//! Finds channels that were removed while outages were open. Pure.

use shared::notification::registers::Registers;
use shared::notification_log::{ChannelId, NotificationLog};
use shared::object_name::NodeName;

use super::rules::Channel;

/// Returns the channels with open outages that neither the configuration of `node` nor another node contains, so no node
/// reports the ends of these outages. `registers` are the merged `logs`.
#[must_use]
pub fn removed_channels<'r>(
    registers: &Registers<'r>,
    logs: &[NotificationLog],
    node: &NodeName,
    channels: &[Channel],
) -> Vec<&'r ChannelId> {
    let is_known = |channel: &ChannelId| {
        let mut others = logs.iter().filter(|log| log.node != *node);
        channels.iter().any(|known| known.id == *channel) || others.any(|log| log.channel(channel).is_some())
    };
    let mut removed = registers.channels();
    removed.retain(|channel| !is_known(channel) && registers.open(channel).next().is_some());
    removed
}

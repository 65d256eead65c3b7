//! The notification settings that are not secret.

use std::collections::BTreeSet;

use super::event::EventKind;
use crate::Nanos;
use crate::notification_log::ChannelId;
use crate::page_config::appearance::position_in;

/// The definition of flapping: at least this many outages begin within this time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Flapping {
    /// The minimum number of outages.
    pub outages: u32,
    /// The time within which the outages must begin.
    pub within: Nanos,
}

/// How long a daemon collects news before it sends a message. One-shot runs use the default, which does not wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Pace {
    /// How long the first piece of news waits for more, so that they share a message.
    pub gather: Nanos,
    /// The minimum time between two messages to one channel, unless the status of an endpoint gets worse or a node stops
    /// reporting or storing results.
    pub spacing: Nanos,
}

/// The rules that determine what a channel is notified of. They contain no secrets.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct ChannelPolicy {
    /// The kinds of events that the channel is notified of. [`EventKind::Down`] includes worse, missed and flapping
    /// outages, and [`EventKind::Recovered`] includes closed ones.
    pub on: BTreeSet<EventKind>,
    /// Titles of endpoints, or prefixes of titles followed by `*`. An empty list matches all endpoints.
    pub endpoints: Vec<String>,
    /// How long an endpoint must be down or degraded before the channel is notified.
    pub after: Nanos,
    /// How long an endpoint must be healthy before the channel is notified of its recovery.
    pub recovered_after: Nanos,
    /// The times between reminders. The last one repeats. An empty list disables reminders.
    pub repeat: Vec<Nanos>,
    /// Whether the provider keeps an incident for each subject instead of showing messages. Such a channel must be
    /// notified when each incident ends, and needs no minimum time between messages.
    pub keeps_incidents: bool,
}

/// The notification settings of a check.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct CheckNotifications {
    /// The only channels that are notified of this endpoint, or `None` for all channels whose patterns match its title.
    pub channels: Option<Vec<ChannelId>>,
    /// The titles of the endpoints that this one depends on.
    pub depends_on: Vec<String>,
}

impl ChannelPolicy {
    /// Returns whether the channel is notified of this kind of event.
    #[must_use]
    pub fn hears(&self, kind: EventKind) -> bool {
        let is_part_of_down = matches!(kind, EventKind::Worse | EventKind::Missed | EventKind::Flapping);
        self.on.contains(&kind)
            || is_part_of_down && self.on.contains(&EventKind::Down)
            || kind == EventKind::Closed && self.on.contains(&EventKind::Recovered)
    }

    /// Returns whether the channel is notified of an endpoint with this title.
    #[must_use]
    pub fn covers(&self, channel: &ChannelId, title: &str, check: Option<&CheckNotifications>) -> bool {
        match check.and_then(|check| check.channels.as_ref()) {
            Some(channels) => channels.contains(channel),
            None => self.includes(title),
        }
    }

    /// Returns whether the channel's patterns match the title of an endpoint.
    #[must_use]
    pub fn includes(&self, title: &str) -> bool {
        self.endpoints.is_empty() || position_in(&self.endpoints, title).is_some()
    }

    /// Returns the time from the last message about an outage to the next reminder, if `sent` reminders were sent
    /// before.
    pub(super) fn time_to_reminder(&self, sent: u32) -> Option<Nanos> {
        let index = usize::try_from(sent).unwrap_or(usize::MAX);
        self.repeat.get(index).or(self.repeat.last()).copied().filter(|time| *time > 0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_channels_of_a_check_replace_the_patterns() {
        let (ops, shop) = (ChannelId::new("ops").unwrap(), ChannelId::new("shop").unwrap());
        let policy = ChannelPolicy { endpoints: vec!["Shop *".to_owned()], ..ChannelPolicy::default() };
        let only_ops = CheckNotifications { channels: Some(vec![ops.clone()]), ..CheckNotifications::default() };
        assert!(policy.covers(&shop, "Shop API", None) && !policy.covers(&shop, "Router", None));
        assert!(policy.covers(&ops, "Router", Some(&only_ops)) && !policy.covers(&shop, "Shop API", Some(&only_ops)));
    }

    #[test]
    fn the_last_time_between_reminders_repeats() {
        let policy = ChannelPolicy { repeat: vec![4, 24], ..ChannelPolicy::default() };
        assert_eq!(
            [0, 1, 2, u32::MAX].map(|sent| policy.time_to_reminder(sent)),
            [Some(4), Some(24), Some(24), Some(24)]
        );
        assert_eq!(ChannelPolicy::default().time_to_reminder(0), None);
    }
}

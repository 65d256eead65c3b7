//! The valid configuration of notifications, with all defaults filled in.

use std::collections::BTreeSet;

use jiff::tz::TimeZone;
use shared::Nanos;
use shared::notification_log::ChannelId;

use super::channels::Transport;
use super::event::EventKind;

/// How this node takes part in notifying.
#[derive(Debug, Clone)]
pub struct Notifications {
    pub rules: Rules,
    /// The channels, in file order, including those that are not enabled.
    pub channels: Vec<Channel>,
}

/// The rules that all channels share.
#[derive(Debug, Clone, PartialEq)]
pub struct Rules {
    /// How long a daemon waits after the first news for further ones, so that they share a message.
    pub gather: Nanos,
    /// The minimum time between two messages of a daemon to one channel, unless the status gets worse.
    pub spacing: Nanos,
    pub flapping: Flapping,
    /// The position of this node among those that can notify. Lower numbers come first.
    pub rank: u32,
    /// The time zone in which messages contain times.
    pub zone: TimeZone,
    /// The public URL of the page, for links.
    pub page_url: Option<String>,
    /// The title of the page.
    pub page_title: String,
}

/// When an endpoint is flapping: this many outages began within this time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Flapping {
    pub outages: u32,
    pub within: Nanos,
}

/// A channel, and what it is notified of.
#[derive(Debug, Clone)]
pub struct Channel {
    /// The public name of the channel, which appears in the store.
    pub id: ChannelId,
    pub is_enabled: bool,
    pub policy: ChannelPolicy,
    pub transport: Transport,
}

/// What a channel is notified of. It does not contain secrets.
#[derive(Debug, Clone, PartialEq)]
pub struct ChannelPolicy {
    pub on: BTreeSet<EventKind>,
    /// Patterns of titles, with `*` for any text. All endpoints match if there are none.
    pub endpoints: Vec<String>,
    /// How long an endpoint must be down or degraded before the channel is notified.
    pub after: Nanos,
    /// How long an endpoint must be healthy before the channel is notified of its recovery.
    pub recovered_after: Nanos,
    /// The times between reminders. The last one repeats. There are no reminders if the list is empty.
    pub repeat: Vec<Nanos>,
}

/// What the configuration of a check says about notifications.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct CheckNotifications {
    /// The only channels that are notified of this endpoint, or `None` for all whose patterns match.
    pub channels: Option<Vec<ChannelId>>,
    /// The titles of the endpoints that this one depends on.
    pub depends_on: Vec<String>,
    /// The group of the endpoint on the page, or an empty string.
    pub group: String,
}

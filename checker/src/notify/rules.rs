//! The validated configuration of notifications, with all defaults filled in.

use jiff::tz::TimeZone;
use shared::endpoint_map::EndpointMap;
use shared::notification::policy::Pace;
pub use shared::notification::policy::{ChannelPolicy, CheckNotifications, Flapping};
use shared::notification_log::{ChannelId, IncidentScope};
use shared::object_name::NodeName;
use shared::page_config::appearance::{Group, position_in};
use shared::post::Authors;
use shared::{Nanos, UnixNanos};

use super::channels::Transport;
use super::message::{Item, Message};

/// The notification settings of this node.
#[derive(Debug, Clone)]
pub struct Notifications {
    pub rules: Rules,
    /// The channels in file order, including disabled ones.
    pub channels: Vec<Channel>,
    /// The notification settings of individual checks.
    pub checks: EndpointMap<CheckNotifications>,
}

impl Notifications {
    /// Returns where a channel's provider keeps incidents, if it does.
    #[must_use]
    pub fn incident_scope(&self, channel: &ChannelId) -> Option<IncidentScope> {
        self.channels.iter().find(|known| known.id == *channel)?.policy.incidents
    }
}

/// The rules that all channels share.
#[derive(Debug, Clone, PartialEq)]
pub struct Rules {
    /// How long a daemon collects news before it sends a message.
    pub gather: Nanos,
    /// The minimum time between two messages from a daemon to the same channel, unless the status gets worse.
    pub spacing: Nanos,
    pub flapping: Flapping,
    /// How many days before a certificate expires to notify channels.
    pub certificate_days: u32,
    /// This node's position among the nodes that can notify a channel. Lower ranks come first.
    pub rank: u32,
    /// The time zone for times in messages.
    pub zone: TimeZone,
    /// The public URL of the page, for links.
    pub page_url: Option<String>,
    /// The title of the status page.
    pub page_title: String,
    /// The endpoint groups on the status page.
    pub groups: Vec<Group>,
    /// The authors whose posts count.
    pub authors: Authors,
    /// The author of this node's commands, if it is not the node itself.
    pub author: Option<NodeName>,
}

/// Whether a process evaluates a single round or keeps running.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NotifierMode {
    /// The process ends after one round, so it sends news immediately.
    Once,
    /// The process keeps running, and can send news between rounds.
    Repeated,
}

impl Rules {
    /// Returns how long a node collects news, and the minimum time between two messages.
    #[must_use]
    pub fn pace(&self, mode: NotifierMode) -> Pace {
        match mode {
            NotifierMode::Once => Pace::default(),
            NotifierMode::Repeated => Pace { gather: self.gather, spacing: self.spacing },
        }
    }

    /// Returns a message with the given items, and with the page's title and URL.
    #[must_use]
    pub fn message(&self, id: String, items: Vec<Item>, at: UnixNanos) -> Message {
        Message {
            id,
            at,
            page_title: self.page_title.clone(),
            page_url: self.page_url.clone(),
            preface: None,
            items,
            more: Vec::new(),
            hidden: Vec::new(),
            zone: self.zone.clone(),
        }
    }

    /// Returns the title of the first top-level group that contains an endpoint, or an empty string.
    #[must_use]
    pub fn group_of(&self, title: &str) -> &str {
        let contains = |group: &Group| position_in(&group.endpoints, title).is_some();
        let found = self.groups.iter().find(|group| contains(group) || group.groups.iter().any(contains));
        found.map_or("", |group| &group.title)
    }
}

/// A channel with its policy and transport.
#[derive(Debug, Clone)]
pub struct Channel {
    /// The channel's public identifier, which appears in the store.
    pub id: ChannelId,
    pub is_enabled: bool,
    pub policy: ChannelPolicy,
    pub transport: Transport,
}

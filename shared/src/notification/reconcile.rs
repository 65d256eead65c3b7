//! Compares the current status of endpoints with what a channel was notified of. The difference is the news.

use super::condition::Condition;
use super::event::EventKind;
use super::item::Item;
use super::lineup::Nodes;
pub use super::periods::{Hold, HoldKind, Period};
use super::policy::{ChannelPolicy, CheckNotifications, Flapping, Pace};
use super::registers::Registers;
use super::verdicts::Verdict;
use super::{comparison, selection};
use crate::UnixNanos;
use crate::endpoint_map::EndpointMap;
use crate::notification_log::{ChannelId, Register, Waiting};
use crate::object_name::NodeName;

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
    /// The settings of checks.
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

/// The result of an evaluation for one channel.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Plan {
    /// The news to send now, worst first. News without items is only recorded.
    pub news: Vec<News>,
    /// A sentence that precedes the items.
    pub preface: Option<String>,
    /// What is not sent now, and why.
    pub held: Vec<Held>,
    /// When the next evaluation is needed, unless there are new results before.
    pub next: Option<UnixNanos>,
    /// The entry for [`crate::notification_log::NotificationLog::wait`].
    pub waiting: Option<Waiting>,
}

/// News about one subject.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct News {
    /// The items, in chronological order. There are several if the channel missed some, and none if the change is
    /// only recorded.
    pub items: Vec<Item>,
    /// The register to write after the channel accepted the message. Its number, time and reference are not set yet.
    pub register: Register,
    /// The provider's name of the message about the outage that these news end.
    pub resolves: Option<String>,
}

/// News that is not sent now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Held {
    /// The kind of news.
    pub event: EventKind,
    /// The title of the endpoint, or the name of a node.
    pub title: String,
    /// The reason for not sending the news.
    pub reason: HeldReason,
    /// When the reason ends, if that is known.
    pub until: Option<UnixNanos>,
}

/// Why news is not sent now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum HeldReason {
    /// The endpoint has not been down or degraded for long enough.
    NotLongEnough,
    /// The endpoint has not been healthy for long enough.
    NotHealthyLongEnough,
    /// The endpoint is flapping, which was notified.
    Flapping,
    /// There is no current result.
    Unknown,
    /// The endpoint is in a planned maintenance window.
    Planned,
    /// The endpoint is silenced.
    Silenced,
    /// An endpoint that this one depends on is failing.
    Dependency(String),
    /// Further news may follow and share the message.
    Gathering,
    /// The last message to the channel is too recent.
    Spacing,
    /// Other nodes precede this one.
    Turn(Vec<NodeName>),
    /// The channel did not accept the last message.
    Retry,
}

/// Determines the news for one channel.
///
/// The own log must list the channel. Logs that could not be read must not be left out: without them, news could be sent
/// twice.
#[must_use]
pub fn reconcile(situation: &Situation<'_>) -> Plan {
    let comparison = comparison::compare(situation);
    let mut plan = selection::select(situation, comparison.found);
    plan.held.extend(comparison.held);
    plan.held.sort_by(|one, other| one.title.cmp(&other.title));
    let expected = plan.held.iter().filter_map(|held| held.until).filter(|until| *until > situation.now);
    plan.next = expected.filter(|until| *until < UnixNanos::MAX).min();
    plan
}

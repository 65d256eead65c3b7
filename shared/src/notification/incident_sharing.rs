//! Determines which channels share incidents at their provider. A channel that excludes an endpoint must not close an
//! incident that another channel or node still reports.

use std::collections::BTreeSet;

use super::event::EventKind;
use super::policy::ChannelPolicy;
use super::situation::Situation;
use super::state::FORGET_AFTER;
use super::verdicts::Verdict;
use crate::notification_log::{ChannelId, Notified, Register, Topic};
use crate::status::Status;
use crate::uptime::{MERGE_WINDOW, Span};
use crate::{Nanos, UnixNanos};

/// The kinds of events with which a channel opens an incident about an endpoint's status.
const OPENING_EVENTS: [EventKind; 5] =
    [EventKind::Down, EventKind::Degraded, EventKind::Worse, EventKind::Reminder, EventKind::Flapping];

/// Returns whether another channel or node can still report an incident of an endpoint that the channel excludes. If in
/// doubt, it can: an incident that stays open does less harm than one that is closed while its endpoint is down.
pub(super) fn is_still_reported(situation: &Situation<'_>, register: &Register, verdict: &Verdict<'_>) -> bool {
    let (topic, key) = (register.topic, &register.key);
    let sharing = sharing_channels(situation);
    let is_open = |channel: &ChannelId| {
        let current = situation.registers.get(channel, topic, key);
        current.is_some_and(|current| current.state != Notified::Healthy)
    };
    let own = &situation.nodes.own.node;
    let is_served_here = |channel: &ChannelId| {
        channel == situation.channel || situation.channels.iter().any(|(served, _)| *served == channel)
    };
    let is_open_elsewhere = |channel: &ChannelId| {
        let is_followed = || situation.registers.author(channel, topic, key) != Some(own) || !is_served_here(channel);
        is_open(channel) && is_followed()
    };
    // The rules of other nodes are unknown. They may wait longer before they report that the endpoint has recovered.
    let is_healthy = |status: Status| status == Status::Healthy;
    let is_certainly_over = || is_over(situation, register, verdict, (is_healthy, FORGET_AFTER));
    if sharing.iter().any(|channel| is_open_elsewhere(channel)) && !is_certainly_over() {
        return true;
    }
    let check = situation.checks.get(verdict.key);
    let mut followers = situation.channels.iter().filter(|(channel, policy)| {
        *channel != situation.channel
            && sharing.contains(channel)
            && reports(policy, topic)
            && policy.covers(channel, &verdict.key.title, check)
    });
    let time = situation.policy.recovered_after.max(MERGE_WINDOW);
    followers.any(|(channel, policy)| {
        let is_up = |status: Status| match status {
            Status::Healthy => true,
            Status::Degraded => !policy.hears(EventKind::Degraded),
            Status::Down | Status::Unknown => false,
        };
        is_open(channel) || !is_over(situation, register, verdict, (is_up, time))
    })
}

/// Returns the channels of all nodes that share their incidents with the evaluated channel, including this one.
fn sharing_channels<'a>(situation: &Situation<'a>) -> BTreeSet<&'a ChannelId> {
    let Some(scope) = situation.policy.incidents else { return BTreeSet::new() };
    let own = situation.channels.iter().filter(|(_, policy)| policy.incidents == Some(scope));
    let own = own.map(|(channel, _)| *channel).chain([situation.channel]);
    let others = situation.nodes.others.iter().flat_map(|log| &log.channels);
    let others = others.filter(|served| served.incidents == Some(scope)).map(|served| &served.id);
    own.chain(others).collect()
}

/// Returns whether a channel opens incidents about a topic.
fn reports(policy: &ChannelPolicy, topic: Topic) -> bool {
    match topic {
        Topic::Endpoint => OPENING_EVENTS.iter().any(|event| policy.hears(*event)),
        topic => policy.hears(topic.event()),
    }
}

/// Returns whether an endpoint has been up for some time, or whether a condition is over.
fn is_over(
    situation: &Situation<'_>,
    register: &Register,
    verdict: &Verdict<'_>,
    (is_up, time): (impl Fn(Status) -> bool, Nanos),
) -> bool {
    let now = situation.now;
    let can_be_gone = !situation.nodes.has_unreadable;
    if register.topic != Topic::Endpoint {
        let mut conditions = situation.conditions.iter().filter(|condition| condition.topic == register.topic);
        let current = conditions.find(|condition| condition.key.is_same_endpoint(&register.key));
        return match current {
            Some(current) => !current.is_present && current.lasting.is_none(),
            None => can_be_gone && verdict.is_retired,
        };
    }
    let Some(last) = verdict.spans.last() else { return can_be_gone };
    let is_forgotten = can_be_gone && last.end.saturating_add(FORGET_AFTER) <= now;
    let has_been_up = || up_since(&verdict.spans, &is_up).is_some_and(|since| since.saturating_add(time) <= now);
    is_forgotten || last.end >= now && has_been_up()
}

/// Returns since when an endpoint has been up without a gap.
fn up_since(spans: &[Span], is_up: impl Fn(Status) -> bool) -> Option<UnixNanos> {
    let mut since = None;
    for span in spans.iter().rev() {
        if !is_up(span.status) || since.is_some_and(|since| span.end < since) {
            break;
        }
        since = Some(span.start);
    }
    since
}

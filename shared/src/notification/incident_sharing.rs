//! Determines which channels share incidents at their provider. A channel that excludes an endpoint must not close an
//! incident that another channel or node still reports.

use std::collections::BTreeSet;

use super::event::EventKind;
use super::policy::ChannelPolicy;
use super::situation::Situation;
use super::state::FORGET_AFTER;
use super::verdicts::Verdict;
use crate::Nanos;
use crate::notification_log::{ChannelId, Notified, Register, Topic};
use crate::status::Status;

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
    let is_open_elsewhere =
        |channel: &ChannelId| is_open(channel) && situation.registers.author(channel, topic, key) != Some(own);
    // The rules of other nodes are unknown. They may wait longer before they report that the endpoint has recovered.
    if sharing.iter().any(|channel| is_open_elsewhere(channel)) && !is_over(situation, register, verdict, FORGET_AFTER)
    {
        return true;
    }
    let check = situation.checks.get(verdict.key);
    let mut followers = situation.channels.iter().filter(|(channel, policy)| {
        *channel != situation.channel
            && sharing.contains(channel)
            && reports(policy, topic)
            && policy.covers(channel, &verdict.key.title, check)
    });
    let recovered_after = situation.policy.recovered_after;
    followers.any(|(channel, _)| is_open(channel) || !is_over(situation, register, verdict, recovered_after))
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

/// Returns whether an outage has been over for some time, or whether a condition is over.
fn is_over(situation: &Situation<'_>, register: &Register, verdict: &Verdict<'_>, time: Nanos) -> bool {
    if register.topic != Topic::Endpoint {
        let mut conditions = situation.conditions.iter().filter(|condition| condition.topic == register.topic);
        let current = conditions.find(|condition| condition.key.is_same_endpoint(&register.key));
        return current.is_some_and(|current| !current.is_present && current.lasting.is_none());
    }
    let Some(last) = verdict.spans.last() else { return !situation.nodes.has_unreadable };
    let is_healthy = last.status == Status::Healthy && last.end >= situation.now;
    let is_forgotten = last.end.saturating_add(FORGET_AFTER) <= situation.now && !situation.nodes.has_unreadable;
    is_forgotten || is_healthy && last.start.saturating_add(time) <= situation.now
}

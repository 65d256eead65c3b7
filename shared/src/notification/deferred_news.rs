//! Determines the news for recipients that did not accept it at first: the difference between the state that they know
//! and the current state.

use std::collections::HashSet;

use super::comparison;
use super::deferral::is_replaced;
use super::lineup::Nodes;
use super::news::Plan;
use super::policy::Pace;
use super::reconcile::reconcile;
use super::registers::{LONGEST_RETRY, Registers, Subjects};
use super::situation::Situation;
use crate::UnixNanos;
use crate::endpoint_map::EndpointMap;
use crate::notification_log::{Deferred, NotificationLog, Notified, Register, ServedChannel, Topic};

/// The news for recipients that have not accepted a message yet.
#[derive(Debug, Clone, PartialEq)]
pub enum DeferredNews {
    /// The deferred recipients can be notified now.
    Send(Plan),
    /// It is too early for the next attempt, or the news is held back.
    Wait,
    /// There is nothing left to send.
    Nothing,
    /// The news was held back, or the channel was disabled, for so long that the node gives up.
    Expired,
}

/// Determines the news for the deferred recipients of a channel's entries. Only the node that sent the latest news to
/// their channel notifies them.
#[must_use]
pub fn deferred_news(situation: &Situation<'_>, entries: &[Deferred]) -> Vec<DeferredNews> {
    let is_due = |deferred: &Deferred| is_due(deferred, situation.now);
    let found = if entries.iter().any(is_due) { comparison::compare(situation).found } else { Vec::new() };
    let pending = Subjects::new(found.iter().map(|found| &found.news.register));
    let news = |deferred: &Deferred| {
        if is_due(deferred) { news_of_entry(situation, deferred, &pending) } else { DeferredNews::Wait }
    };
    entries.iter().map(news).collect()
}

fn is_due(deferred: &Deferred, now: UnixNanos) -> bool {
    // A time beyond the longest delay was computed with a wrong clock.
    deferred.next <= now || deferred.next > now.saturating_add(LONGEST_RETRY)
}

/// Determines the news for the recipients of an entry that is due. `pending` contains the subjects of news for all
/// recipients.
fn news_of_entry(situation: &Situation<'_>, deferred: &Deferred, pending: &Subjects<'_>) -> DeferredNews {
    let now = situation.now;
    let own = situation.nodes.own;
    let is_current = |known: &&Register| !is_replaced(known, situation.registers, &own.node);
    let known: Vec<Register> = deferred.known.iter().filter(is_current).cloned().collect();
    if known.is_empty() {
        return DeferredNews::Nothing;
    }
    if deferred.is_expired(now) {
        return DeferredNews::Expired;
    }
    // News for all recipients comes first. Those that accept it need no earlier news.
    let mut plan = plan_for(situation, &known);
    plan.news.retain(|news| !pending.contain(&news.register));
    let is_held =
        || !plan.held.is_empty() || known.iter().any(|known| pending.contain(known) || is_undecided(known, situation));
    if !plan.news.is_empty() {
        DeferredNews::Send(plan)
    } else if is_held() {
        DeferredNews::Wait
    } else {
        DeferredNews::Nothing
    }
}

/// Determines the news about the subjects of some registers, for recipients that know these registers.
fn plan_for(situation: &Situation<'_>, known: &[Register]) -> Plan {
    let own = situation.nodes.own;
    let mut own = NotificationLog { registers: known.to_vec(), ..own.clone() };
    for served in &mut own.channels {
        *served = ServedChannel::new(served.id.clone(), served.from);
    }
    let registers = Registers::merge([&own], situation.now);
    let nodes = Nodes { own: &own, others: &[], ..situation.nodes };
    let mut plan = reconcile(&Situation { registers: &registers, nodes, pace: Pace::default(), ..*situation });
    let subjects = Subjects::new(known.iter());
    let keys = known.iter().map(|known| &known.key);
    let mut endpoints = EndpointMap::new();
    keys.clone().for_each(|key| endpoints.insert(key.clone(), ()));
    // An endpoint may have been renamed in the meantime.
    let current = situation.verdicts.iter().map(|verdict| verdict.key).filter(|key| endpoints.get(key).is_some());
    let titles: HashSet<&str> = keys.chain(current).map(|key| key.title.as_str()).collect();
    plan.news.retain(|news| !news.items.is_empty() && subjects.contain(&news.register));
    plan.held.retain(|held| titles.contains(held.title.as_str()));
    plan
}

/// Returns whether the current state of a subject is unknown, for example because the store is failing, so that there
/// can be news about it later.
fn is_undecided(known: &Register, situation: &Situation<'_>) -> bool {
    if known.topic == Topic::Endpoint {
        let is_listed = || situation.verdicts.iter().any(|verdict| verdict.key.is_same_endpoint(&known.key));
        // The outage of an endpoint that was removed is closed after a day.
        return situation.verdicts.is_empty() || known.state != Notified::Healthy && !is_listed();
    }
    // A condition that is over, such as that of a replaced certificate, can be missing.
    let current = situation.registers.get(situation.channel, known.topic, &known.key);
    if known.state == Notified::Healthy && current.is_some_and(|current| current.state == Notified::Healthy) {
        return false;
    }
    let mut same_topic = situation.conditions.iter().filter(|condition| condition.topic == known.topic);
    !same_topic.any(|condition| condition.key.is_same_endpoint(&known.key))
}

//! Closes outages and conditions whose ends will never be reported, because their subjects were removed from all nodes or
//! from the channel.

use std::collections::HashSet;

use super::comparison::{Comparison, Found, Sender, news};
use super::event::EventKind;
use super::incident_sharing::is_still_reported;
use super::item::Item;
use super::situation::Situation;
use super::state::{FORGET_AFTER, Known};
use super::verdicts::Verdict;
use crate::UnixNanos;
use crate::endpoint_map::EndpointMap;
use crate::notification_log::{Notified, Register, Topic};
use crate::object_name::NodeName;
use crate::status::Status;

/// Adds the news that closes abandoned outages and conditions. Closes only those that this node reported, because the
/// other nodes close theirs, nodes can have different configurations, and a hostile log must not fill this node's log.
pub(super) fn close_abandoned<'a>(situation: &Situation<'a>, comparison: &mut Comparison<'a>) {
    // If no history is known, for example while the store is failing, it is unknown which nodes and endpoints exist.
    if situation.nodes.newest.is_empty() {
        return;
    }
    let is_open = |register: &&Register| register.channel == *situation.channel && register.state != Notified::Healthy;
    let own = situation.nodes.own.registers.iter().filter(is_open).map(subject);
    let own: HashSet<(Topic, &str, &str)> = own.collect();
    if own.is_empty() {
        return;
    }
    let mut endpoints = EndpointMap::new();
    for verdict in situation.verdicts {
        endpoints.insert(verdict.key.clone(), verdict);
    }
    for register in situation.registers.open(situation.channel) {
        let is_followed = comparison.followed.contains(&(register.topic, &register.key));
        if is_followed || !own.contains(&subject(register)) {
            continue;
        }
        let closing = closing(situation, &endpoints, register).filter(|closing| closing.due <= situation.now);
        comparison.found.extend(closing.map(|closing| found(situation, register, closing)));
    }
}

fn subject(register: &Register) -> (Topic, &str, &str) {
    (register.topic, &register.key.title, &register.key.locator)
}

/// Why an outage or a condition is closed.
struct Closing {
    /// The status of the endpoint, or unknown if it was removed.
    is: Status,
    /// When the news is due. It must be the same in every evaluation, or the node's turn might never come.
    due: UnixNanos,
}

/// Returns how to close an outage or a condition, or `None` if its end can still be reported.
fn closing(situation: &Situation<'_>, endpoints: &EndpointMap<&Verdict<'_>>, register: &Register) -> Option<Closing> {
    let now = situation.now;
    let can_be_gone = !situation.nodes.has_unreadable;
    let is_gone = match register.topic {
        // Posts end when their authors end or withdraw them.
        Topic::Store | Topic::Incident | Topic::Maintenance => return None,
        Topic::Silent => {
            let node = NodeName::new(&register.key.title).ok();
            let is_known = node.is_some_and(|node| situation.nodes.newest.contains_key(&node));
            return (!is_known).then_some(Closing { is: Status::Unknown, due: register.at });
        }
        Topic::Endpoint | Topic::Certificate | Topic::Budget => match endpoints.get(&register.key) {
            None => can_be_gone,
            Some(verdict) => {
                let check = situation.checks.get(verdict.key);
                let is_covered = situation.policy.covers(situation.channel, &verdict.key.title, check);
                if situation.policy.keeps_incidents() && !is_covered {
                    if is_still_reported(situation, register, verdict) {
                        return None;
                    }
                    let last = verdict.spans.last().filter(|last| last.end >= now && !verdict.is_retired);
                    return Some(Closing { is: last.map_or(Status::Unknown, |last| last.status), due: register.at });
                }
                can_be_gone && register.topic == Topic::Certificate && verdict.is_retired
            }
        },
    };
    is_gone.then_some(Closing { is: Status::Unknown, due: register.at.saturating_add(FORGET_AFTER) })
}

fn found<'a>(situation: &Situation<'a>, register: &Register, Closing { is, due }: Closing) -> Found<'a> {
    let (now, topic) = (situation.now, register.topic);
    let next = Known { state: Notified::Healthy, until: now, at: now, reminders: 0, since: register.since };
    let closed = Item {
        topic,
        was: register.state.status(),
        since: register.since,
        until: Some(register.until.max(register.since)),
        ..Item::new(EventKind::Closed, &register.key, is)
    };
    let ends = topic.recovers() || situation.policy.keeps_incidents();
    let items = if ends && situation.policy.hears(EventKind::Closed) { vec![closed] } else { Vec::new() };
    let mut news = news(situation, topic, &register.key, next, items);
    news.register.number = register.number;
    Found { news, due, began: 0, replaced: register.number, is_worse: false, sender: Sender::Any }
}

//! Compares the current status of endpoints and conditions with the state that a channel was last notified of.

use std::collections::{HashMap, HashSet};

use super::condition::Condition;
use super::dependencies::{Causes, Dependencies};
use super::episodes::Episodes;
use super::event::EventKind;
use super::item::{Item, NodeReason};
use super::news::{Held, HeldReason, News};
use super::periods::{Hold, HoldKind, Period};
use super::situation::Situation;
use super::state::{Change, Known, Subject};
use super::verdicts::Verdict;
use crate::check_file::EndpointKey;
use crate::notification_log::{Notified, Register, Topic};
use crate::page_config::appearance::position_in;
use crate::status::Status;
use crate::uptime::MERGE_WINDOW;
use crate::{DAY, HOUR, Nanos, UnixNanos};

/// The news that a comparison found, and the news that it holds back.
#[derive(Debug, Default)]
pub(super) struct Comparison<'a> {
    pub(super) found: Vec<Found<'a>>,
    pub(super) held: Vec<Held>,
    /// The subjects that were reported as bad and whose current state is known, so that their ends will be reported.
    pub(super) followed: HashSet<(Topic, &'a EndpointKey)>,
}

/// News that can be sent now, unless the line-up or the pace of messages delays it.
#[derive(Debug)]
pub(super) struct Found<'a> {
    pub(super) news: News,
    /// The earliest time at which the news could have been sent.
    pub(super) due: UnixNanos,
    /// When the current status began.
    pub(super) began: UnixNanos,
    /// The number of the register that the news replaces, or 0 if the channel has no register for the subject.
    pub(super) replaced: i64,
    /// Whether the status of an endpoint got worse, or a node stopped reporting or storing results. Such news is exempt
    /// from the minimum time between messages.
    pub(super) is_worse: bool,
    pub(super) sender: Sender<'a>,
}

/// The nodes that are allowed to send a piece of news.
#[derive(Debug, Clone, Copy)]
pub(super) enum Sender<'a> {
    /// All nodes that check the endpoint.
    Checkers(&'a Verdict<'a>),
    Any,
    /// Only the node that evaluates, because no other node knows of the news.
    Own,
}

/// How long messages about an endpoint's certificate pause after it was replaced. Several servers can share a host
/// name, so results can alternate between their certificates.
const CERTIFICATE_PAUSE: Nanos = DAY;

/// The kinds of events that report an endpoint's status.
const STATUS_EVENTS: [EventKind; 7] = [
    EventKind::Down,
    EventKind::Degraded,
    EventKind::Worse,
    EventKind::Recovered,
    EventKind::Reminder,
    EventKind::Missed,
    EventKind::Flapping,
];

/// Compares all endpoints and conditions for one channel.
pub(super) fn compare<'a>(situation: &Situation<'a>) -> Comparison<'a> {
    let mut comparison = Comparison::default();
    if STATUS_EVENTS.iter().any(|event| situation.policy.hears(*event)) {
        compare_endpoints(situation, &mut comparison);
    }
    for condition in situation.conditions {
        compare_condition(situation, condition, &mut comparison);
    }
    for found in &mut comparison.found {
        found.news.register.number = found.replaced;
    }
    comparison
}

fn compare_endpoints<'a>(situation: &Situation<'a>, comparison: &mut Comparison<'a>) {
    let Situation { policy, now, verdicts, .. } = *situation;
    let hears_degraded = policy.hears(EventKind::Degraded);
    let is_covered = |index: usize| {
        let key = verdicts[index].key;
        policy.covers(situation.channel, &key.title, situation.checks.get(key))
    };
    let outages_of = |index: usize| Episodes::new(&verdicts[index].spans, hears_degraded, policy.recovered_after, now);
    let dependencies = Dependencies::new(verdicts, situation.checks, is_covered);
    let has_registers = situation.registers.of_channel(situation.channel).next().is_some();
    let served_since = situation.registers.served_since(situation.channel).unwrap_or(now);
    let may_have_results = situation.nodes.has_unreadable;
    let mut dependents: HashMap<usize, Vec<String>> = HashMap::new();
    let mut found_at: HashMap<usize, usize> = HashMap::new();
    for (index, verdict) in verdicts.iter().enumerate() {
        let register =
            if has_registers { situation.registers.get(situation.channel, Topic::Endpoint, verdict.key) } else { None };
        let is_known_bad = register.is_some_and(|register| register.state != Notified::Healthy);
        let is_bad = |status: Status| status == Status::Down || status == Status::Degraded && hears_degraded;
        // In a large configuration, nearly all endpoints are healthy, and the expensive steps below are skipped for
        // them.
        if !is_known_bad && !verdict.spans.iter().any(|span| is_bad(span.status)) || !is_covered(index) {
            continue;
        }
        if let Some(register) = register.filter(|_| is_known_bad) {
            comparison.followed.insert((Topic::Endpoint, &register.key));
        }
        let outages = outages_of(index);
        let causes =
            if dependencies.has_any(index) { dependencies.causes(index, outages_of) } else { Causes::default() };
        let reasons = reasons_to_hold(situation, verdict, &causes);
        if let Some(cause) = causes.current.filter(|_| outages.is_bad()) {
            dependents.entry(cause).or_default().push(verdict.key.title.clone());
        }
        let held: Vec<Period> = reasons.iter().map(|(period, _)| *period).collect();
        let subject = Subject {
            policy,
            flapping: situation.flapping,
            outages: &outages,
            held: &held,
            reasons: &reasons,
            margin: if dependencies.has_any(index) { MERGE_WINDOW } else { 0 },
            is_retired: verdict.is_retired,
            may_have_results,
            now,
        };
        let new = Known { state: Notified::Healthy, since: 0, until: served_since, at: served_since, reminders: 0 };
        let known = register.map_or(new, Known::from);
        let difference = subject.compare(known);
        if let Some((event, reason, until)) = difference.held {
            comparison.held.push(Held { event, title: verdict.key.title.clone(), reason, until });
        }
        let Some(next) = difference.next else { continue };
        // An outage keeps the id with which it was reported, because providers recognize their incidents by it.
        let id = register.filter(|_| is_known_bad).map_or(&verdict.key.id, |register| &register.key.id);
        let key = EndpointKey { id: id.clone(), ..verdict.key.clone() };
        let heard = difference.changes.iter().filter(|change| policy.hears(change.event));
        let items = heard.map(|change| item(situation, (verdict, &key), change)).collect();
        let due = difference.changes.iter().map(|change| change.due).min().unwrap_or(now);
        // No node checks a closed endpoint, so any node can send the news.
        let is_closed = difference.changes.iter().any(|change| change.event == EventKind::Closed);
        found_at.insert(index, comparison.found.len());
        comparison.found.push(Found {
            news: news(situation, Topic::Endpoint, &key, next, items),
            due,
            began: outages.is_since,
            replaced: register.map_or(0, |register| register.number),
            is_worse: next.state.status() > known.state.status(),
            sender: if is_closed { Sender::Any } else { Sender::Checkers(verdict) },
        });
    }
    for (cause, mut titles) in dependents {
        titles.sort();
        let found = found_at.get(&cause).and_then(|found| comparison.found[*found].news.items.last_mut());
        if let Some(item) = found.filter(|item| item.until.is_none()) {
            item.dependents = titles;
        }
    }
}

fn compare_condition<'a>(situation: &Situation<'a>, condition: &'a Condition, comparison: &mut Comparison<'a>) {
    let Situation { policy, now, .. } = *situation;
    let event = condition.topic.event();
    if !policy.hears(event) || !is_about_covered(situation, condition) {
        return;
    }
    let register = situation.registers.get(situation.channel, condition.topic, &condition.key);
    let known = register.filter(|register| register.state != Notified::Healthy);
    let sender = if condition.is_local { Sender::Own } else { Sender::Any };
    let title = &condition.key.title;
    comparison.followed.extend(known.map(|known| (condition.topic, &known.key)));
    if let Some((known, lasting)) = known.zip(condition.lasting).filter(|(known, lasting)| *lasting < known.reminders) {
        let next = Known { reminders: lasting, until: now, at: now, ..Known::from(known) };
        let news = news(situation, condition.topic, &condition.key, next, Vec::new());
        let (due, replaced) = (now.saturating_sub(HOUR), known.number);
        comparison.found.push(Found { news, due, began: 0, replaced, is_worse: false, sender });
        return;
    }
    let change = |event, was, is, since, until| Change {
        event,
        was,
        was_flapping: false,
        is,
        since,
        until,
        due: condition.since,
        reminder: 0,
    };
    let (change, state) = match (condition.is_present, known) {
        (true, known) if known.is_none_or(|known| known.reminders < condition.reminders) => {
            if let Some((reason, until)) = reason_to_hold_condition(situation, condition, register) {
                comparison.held.push(Held { event, title: title.clone(), reason, until: Some(until) });
                return;
            }
            let (was, reminder) = match known {
                Some(_) => (Status::Down, condition.reminders),
                None => (Status::Healthy, 0),
            };
            (Change { reminder, ..change(event, was, Status::Down, condition.since, None) }, Notified::Down)
        }
        (false, Some(known)) if condition.lasting.is_none() => {
            let until = Some(condition.since.max(known.since));
            (change(event, Status::Down, Status::Healthy, known.since, until), Notified::Healthy)
        }
        _ => return,
    };
    let ends = condition.topic.recovers() || policy.keeps_incidents();
    let is_heard = condition.is_present || condition.topic.is_post() || ends && policy.hears(EventKind::Recovered);
    let item = Item {
        was: change.was,
        since: change.since,
        until: change.until,
        reminder: change.reminder,
        detail: condition.detail.clone(),
        ..Item::new(change.event, &condition.key, change.is)
    };
    let items = if is_heard { vec![item] } else { Vec::new() };
    let reminders = if condition.is_present { condition.reminders } else { 0 };
    let next = Known { state, since: change.since, until: now, at: now, reminders };
    let news = news(situation, condition.topic, &condition.key, next, items);
    let replaced = register.map_or(0, |register| register.number);
    let is_new = condition.is_present && known.is_none();
    // The start or end of some conditions differs with each evaluation, so neither the wait for further news nor the
    // node's turn can depend on it.
    let has_begun = condition.since <= now;
    let long_due = if has_begun { condition.since.min(now.saturating_sub(HOUR)) } else { condition.since };
    let due = condition.due.filter(|_| is_new).unwrap_or(long_due);
    let is_worse = is_new && matches!(condition.topic, Topic::Silent | Topic::Store);
    comparison.found.push(Found { news, due, began: 0, replaced, is_worse, sender });
}

/// Returns whether a condition is about anything that the channel is notified of.
fn is_about_covered(situation: &Situation<'_>, condition: &Condition) -> bool {
    let covers = |key: &EndpointKey| situation.policy.covers(situation.channel, &key.title, situation.checks.get(key));
    match condition.topic {
        Topic::Certificate | Topic::Budget => covers(&condition.key),
        Topic::Incident | Topic::Maintenance if !condition.about.is_empty() => {
            let keys = situation.verdicts.iter().map(|verdict| verdict.key);
            let mut keys = keys.filter(|key| position_in(&condition.about, &key.title).is_some()).peekable();
            // If none of the endpoints is known, nothing shows that the post does not concern the channel.
            keys.peek().is_none() || keys.any(covers)
        }
        _ => true,
    }
}

/// Returns why a condition is not reported now, and until when. `register` is the last message about it.
fn reason_to_hold_condition(
    situation: &Situation<'_>,
    condition: &Condition,
    register: Option<&Register>,
) -> Option<(HeldReason, UnixNanos)> {
    let now = situation.now;
    let is_replaced = |register: &&Register| {
        register.topic == Topic::Certificate && register.state == Notified::Healthy && register.at <= now
    };
    let replaced = register.filter(is_replaced).map(|register| register.at.saturating_add(CERTIFICATE_PAUSE));
    if let Some(until) = replaced.filter(|until| *until > now) {
        return Some((HeldReason::Spacing, until));
    }
    // People post for readers, and silences are about what is measured.
    if condition.topic.is_post() {
        return None;
    }
    let verdict = || situation.verdicts.iter().find(|verdict| verdict.key.is_same_endpoint(&condition.key));
    let applies = |hold: &Hold| {
        let spans = verdict().map_or(&[][..], |verdict| &*verdict.spans);
        hold.applicable(spans).is_some_and(|period| period.contains(now))
    };
    let mut covering = situation.holds.iter().filter(|hold| hold.covers(&condition.key.title));
    let hold = covering.find(|hold| hold.period.contains(now) && applies(hold))?;
    Some((held_reason(hold.kind), hold.period.end))
}

pub(super) fn news(situation: &Situation<'_>, topic: Topic, key: &EndpointKey, next: Known, items: Vec<Item>) -> News {
    let register = Register {
        channel: situation.channel.clone(),
        topic,
        key: key.clone(),
        number: 0,
        state: next.state,
        since: next.since,
        until: next.until,
        at: next.at,
        reminders: next.reminders,
    };
    News { items, register }
}

fn item(situation: &Situation<'_>, (verdict, key): (&Verdict<'_>, &EndpointKey), change: &Change) -> Item {
    let voters = verdict.votes.iter().filter(|vote| vote.status != Status::Unknown);
    let named = |vote: &super::verdicts::Vote<'_>| vote.node.map(ToString::to_string);
    let down = voters.clone().filter(|vote| vote.status == Status::Down);
    let reasons = voters.clone().filter(|vote| vote.status >= Status::Degraded);
    let reasons = reasons.filter_map(|vote| Some(NodeReason { node: named(vote)?, reason: vote.reason?.to_owned() }));
    Item {
        was: change.was,
        was_flapping: change.was_flapping,
        since: change.since,
        until: change.until,
        voters: voters.clone().count(),
        down_from: down.filter_map(named).collect(),
        reasons: if change.until.is_none() { reasons.collect() } else { Vec::new() },
        is_planned: situation.holds.iter().any(|hold| {
            hold.kind == HoldKind::Planned
                && hold.covers(&verdict.key.title)
                && hold.expects(change.was.max(change.is))
                && hold.applicable(&verdict.spans).is_some_and(|period| period.contains(change.since))
        }),
        reminder: change.reminder,
        ..Item::new(change.event, key, change.is)
    }
}

/// Returns all periods during which an endpoint's outages are not reported, sorted by start, with the reasons.
fn reasons_to_hold(situation: &Situation<'_>, verdict: &Verdict<'_>, causes: &Causes) -> Vec<(Period, HeldReason)> {
    let covering = situation.holds.iter().filter(|hold| hold.covers(&verdict.key.title));
    let held = |hold: &Hold| Some((hold.until_worse(&verdict.spans)?, held_reason(hold.kind)));
    let mut reasons: Vec<_> = covering.filter_map(held).collect();
    let cause = causes.current.map(|current| situation.verdicts[current].key.title.clone());
    let dependency = || HeldReason::Dependency(cause.clone());
    reasons.extend(causes.periods.iter().map(|period| (*period, dependency())));
    reasons.sort_by_key(|(period, _)| *period);
    reasons
}

fn held_reason(kind: HoldKind) -> HeldReason {
    match kind {
        HoldKind::Planned | HoldKind::AnnouncedLate => HeldReason::Planned,
        HoldKind::Silence => HeldReason::Silenced,
    }
}

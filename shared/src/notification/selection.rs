//! Selects the news that this node sends now, in a single message.

use std::collections::{BTreeMap, HashMap};

use super::comparison::{Found, Sender};
use super::event::EventKind;
use super::lineup::{Line, Timing, Turn};
use super::news::{Held, HeldReason, News, Plan};
use super::registers::LONGEST_RETRY;
use super::situation::Situation;
use super::verdicts::Verdict;
use crate::hash::fnv1a;
use crate::notification_log::Waiting;
use crate::object_name::NodeName;
use crate::quorum::CLOCK_TOLERANCE;
use crate::status::Status;
use crate::{DAY, UnixNanos};

/// The minimum number of endpoints that must be down before a message warns that the node's network may have failed.
const SUSPICIOUS_COUNT: usize = 5;

/// Selects the news to send now. The rest is held back.
pub(super) fn select(situation: &Situation<'_>, found: Vec<Found<'_>>) -> Plan {
    let mut plan = Plan::default();
    if found.is_empty() {
        return plan;
    }
    let sent = situation.registers.of_channel(situation.channel).map(|register| register.at);
    // A time further in the future is from a hostile log, or from a clock that is wrong.
    let is_plausible = |at: &UnixNanos| *at <= situation.now.saturating_add(CLOCK_TOLERANCE);
    let last_sent = sent.filter(is_plausible).map(|at| at.min(situation.now)).max();
    if let Some((reason, until)) = wait_for_more(situation, &found, last_sent) {
        plan.held.extend(found.iter().filter_map(|found| held(&found.news, &reason, Some(until))));
        return plan;
    }
    let line = Line::new(situation.channel, &situation.nodes, last_sent.unwrap_or(0), situation.now);
    let own = situation.nodes.own.channel(situation.channel);
    let mut waits = Waits::new(own.map_or(&[], |own| &own.waiting), situation.now);
    let turns = found.iter().map(|found| {
        // This node's wait is recorded separately for each set of nodes that it leaves news to.
        let first = turn(situation, &line, found, situation.now);
        let is_left = matches!(first, Turn::Later { at, .. } if at < UnixNanos::MAX);
        if is_left { turn(situation, &line, found, waits.since(hash(found, &first), found.due)) } else { first }
    });
    let turns: Vec<Turn> = turns.collect();
    plan.waiting = waits.finish();
    // A time beyond the longest delay comes from a clock that was wrong.
    let is_waiting = |next: &UnixNanos| *next > situation.now && *next <= situation.now.saturating_add(LONGEST_RETRY);
    let retry = own.and_then(|own| own.retry).map(|retry| retry.next).filter(is_waiting);
    for (found, turn) in found.into_iter().zip(turns) {
        match (turn, retry) {
            (Turn::Now, None) => plan.news.push(found.news),
            (Turn::Now, Some(next)) => plan.held.extend(held(&found.news, &HeldReason::Retry, Some(next))),
            (Turn::Later { ahead, at }, _) => {
                plan.held.extend(held(&found.news, &HeldReason::Turn(ahead), Some(at)));
            }
        }
    }
    plan.news.sort_by_key(|news| news.items.iter().map(|item| order(item.event)).min().unwrap_or(u8::MAX));
    plan.preface = preface(situation, &plan.news);
    plan
}

/// Returns why all news is held back for now, and until when, so that later news can share the message.
fn wait_for_more(
    situation: &Situation<'_>,
    found: &[Found<'_>],
    last_sent: Option<UnixNanos>,
) -> Option<(HeldReason, UnixNanos)> {
    let (pace, now) = (situation.pace, situation.now);
    let spaced = match last_sent {
        Some(last_sent) if pace.spacing > 0 && !situation.policy.keeps_incidents() => {
            last_sent.saturating_add(pace.spacing)
        }
        _ => UnixNanos::MIN,
    };
    let gathered = |found: &mut dyn Iterator<Item = &Found<'_>>| {
        let first_due = found.map(|found| found.due).min()?;
        Some(first_due.saturating_add(pace.gather))
    };
    let all_gathered = gathered(&mut found.iter())?;
    let all = if spaced > all_gathered.max(now) {
        (HeldReason::Spacing, spaced)
    } else {
        (HeldReason::Gathering, all_gathered)
    };
    let worse = gathered(&mut found.iter().filter(|found| found.is_worse));
    let worse = worse.map(|gathered| (HeldReason::Gathering, gathered));
    // The message contains everything, so the first piece of news that cannot wait any longer determines its time.
    let first = worse.into_iter().chain([all]).min_by_key(|(_, until)| *until)?;
    (first.1 > now).then_some(first)
}

fn turn(situation: &Situation<'_>, line: &Line<'_>, found: &Found<'_>, waiting_since: UnixNanos) -> Turn {
    let timing = |known_since| Timing { due: found.due, waiting_since, known_since };
    match found.sender {
        Sender::Own => Turn::Now,
        Sender::Any => line.turn(|_| true, timing(0)),
        Sender::Checkers(verdict) => {
            let own = verdict.votes.iter().find(|vote| vote.node == Some(&situation.nodes.own.node));
            let known_since = own.map_or(0, |own| own.first_checked);
            line.turn(|node| has_checked(verdict, node, situation.now), timing(known_since))
        }
    }
}

/// Returns whether a node checked the endpoint within the last day. Its last result may have expired: otherwise, the
/// line would change with every result.
fn has_checked(verdict: &Verdict<'_>, node: &NodeName, now: UnixNanos) -> bool {
    let is_recent = |last_checked: UnixNanos| last_checked.saturating_add(DAY) >= now;
    verdict.votes.iter().any(|vote| vote.node == Some(node) && is_recent(vote.last_checked))
}

/// How long a node has left each piece of news to others.
struct Waits {
    before: HashMap<u32, UnixNanos>,
    now: UnixNanos,
    current: BTreeMap<UnixNanos, Vec<u32>>,
}

impl Waits {
    fn new(waiting: &[Waiting], now: UnixNanos) -> Waits {
        let recent = waiting.iter().filter(|waiting| waiting.since.saturating_add(DAY) > now);
        let before = recent.flat_map(|waiting| waiting.news.iter().map(|news| (*news, waiting.since.min(now))));
        Waits { before: before.collect(), now, current: BTreeMap::new() }
    }

    /// Returns the time since which the news has been left to others, or the current time for new news. The time before
    /// the news was due does not count, because the news was held back until then.
    fn since(&mut self, news: u32, due: UnixNanos) -> UnixNanos {
        let since = self.before.get(&news).copied().unwrap_or(self.now).max(due.min(self.now));
        self.current.entry(since).or_default().push(news);
        since
    }

    fn finish(self) -> Vec<Waiting> {
        let sorted = self.current.into_iter().map(|(since, mut news)| {
            news.sort_unstable();
            Waiting { since, news }
        });
        sorted.collect()
    }
}

/// Returns a hash of a piece of news and the nodes that it is left to. It excludes details that change while the news
/// waits. Later news about the same endpoint has a different hash, because the status began at another time or the news
/// replaces another register.
fn hash(found: &Found<'_>, turn: &Turn) -> u32 {
    let register = &found.news.register;
    let key = &register.key;
    let state = (register.state as u8, register.topic as u8);
    let (began, replaced) = (found.began, found.replaced);
    fnv1a(&format!("{}\n{}\n{state:?}\n{began}\n{replaced}\n{turn}", key.title, key.locator)) as u32
}

/// Returns an event's position in a message. Worse events come first.
pub(super) fn order(event: EventKind) -> u8 {
    match event {
        EventKind::Down => 0,
        EventKind::Worse => 1,
        EventKind::Flapping => 2,
        EventKind::Store => 3,
        EventKind::Silent => 4,
        EventKind::Incident => 5,
        EventKind::Budget => 6,
        EventKind::Degraded => 7,
        EventKind::Reminder => 8,
        EventKind::Missed => 9,
        EventKind::Certificate => 10,
        EventKind::Maintenance => 11,
        EventKind::Recovered => 12,
        EventKind::Closed => 13,
        EventKind::Test => 14,
    }
}

fn held(news: &News, reason: &HeldReason, until: Option<UnixNanos>) -> Option<Held> {
    let until = until.filter(|until| *until < UnixNanos::MAX);
    let item = news.items.iter().min_by_key(|item| order(item.event))?;
    Some(Held { event: item.event, title: item.title.clone(), reason: reason.clone(), until })
}

/// Returns a warning if all endpoints seem to have failed at once and only one node reports, because that node may be
/// the problem.
fn preface(situation: &Situation<'_>, news: &[News]) -> Option<String> {
    let is_down = |news: &News| news.items.iter().any(|item| item.event == EventKind::Down);
    if news.iter().filter(|news| is_down(news)).count() == 0 {
        return None;
    }
    let current = situation.verdicts.iter().filter(|verdict| !verdict.is_retired);
    let (mut count, mut first, mut last, mut only) = (0, UnixNanos::MAX, 0, None);
    for verdict in current {
        let began = verdict.spans.last().filter(|span| span.status == Status::Down && span.end >= situation.now)?.start;
        (count, first, last) = (count + 1, first.min(began), last.max(began));
        let mut voters = verdict.votes.iter().filter(|vote| vote.status != Status::Unknown);
        let voter = voters.next()?.node?;
        if voters.next().is_some() || only.is_some_and(|only| only != voter) {
            return None;
        }
        only = Some(voter);
    }
    let is_at_once = last.saturating_sub(first) <= situation.nodes.own.every.saturating_mul(2);
    let node = only.filter(|_| count >= SUSPICIOUS_COUNT && is_at_once)?;
    Some(format!("Everything appears to be down from `{node}`; the problem may be `{node}` itself"))
}

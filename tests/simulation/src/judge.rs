//! Checks the messages that a channel received against the outages that happened.

use std::collections::BTreeSet;
use std::fmt;

use shared::endpoint_status::EndpointStatus;
use shared::notification::event::EventKind;
use shared::notification::item::Item;
use shared::notification::reconcile::{News, Period};
use shared::notification::verdicts::verdicts;
use shared::object_name::NodeName;
use shared::quorum::CLOCK_TOLERANCE;
use shared::status::Status;
use shared::uptime::Span;
use shared::{MINUTE, SECOND, UnixNanos};

use crate::node::Node;
use crate::plan::{START, WorldPlan};

/// The largest possible difference between two clocks, plus some time to send a message.
const SLACK: i64 = 2 * MINUTE + 20 * SECOND;

/// How long before and after a network partition an outage can go unreported, because its results are stored late.
const LATE: i64 = 10 * MINUTE;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Counts {
    pub worlds: u64,
    /// The number of outages that required a notification.
    pub outages: u64,
    /// The number of messages that the provider accepted.
    pub messages: u64,
    /// The number of items in the accepted messages.
    pub items: u64,
    /// The number of messages after which a node could not store its log.
    pub interruptions: u64,
    /// The number of messages that repeated earlier news.
    pub duplicates: u64,
    /// The number of times that a log was stored.
    pub logs_written: u64,
}

/// A violation of the rules in one world.
#[derive(Debug)]
pub struct Violation {
    /// The seed of the world.
    pub seed: u64,
    /// A description of the violation.
    pub problem: String,
    pub trace: Vec<String>,
}

impl Counts {
    /// Adds the counts from other worlds.
    pub fn add(&mut self, other: &Counts) {
        self.worlds += other.worlds;
        self.outages += other.outages;
        self.messages += other.messages;
        self.items += other.items;
        self.interruptions += other.interruptions;
        self.duplicates += other.duplicates;
        self.logs_written += other.logs_written;
    }
}

impl fmt::Display for Counts {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            formatter,
            "{} worlds: {} outages, {} messages with {} items, {} duplicates after {} interruptions, {} logs stored",
            self.worlds,
            self.outages,
            self.messages,
            self.items,
            self.duplicates,
            self.interruptions,
            self.logs_written
        )
    }
}

impl fmt::Display for Violation {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(formatter, "world {}: {}", self.seed, self.problem)?;
        for line in &self.trace {
            writeln!(formatter, "  {line}")?;
        }
        Ok(())
    }
}

/// An item of a message that the provider accepted.
#[derive(Debug)]
struct Received {
    at: UnixNanos,
    node: String,
    item: Item,
}

/// A message that was sent but not recorded.
#[derive(Debug)]
pub(crate) struct Interruption {
    at: UnixNanos,
    /// The endpoints that the message was about.
    endpoints: BTreeSet<usize>,
}

#[derive(Debug)]
pub(crate) struct Judge {
    received: Vec<Vec<Received>>,
    messages: u64,
    /// The messages that nodes sent but recorded late, or never because they were killed.
    pub(crate) interruptions: Vec<Interruption>,
    pub(crate) logs_written: u64,
    /// The violations that were found before the end of the world.
    pub(crate) problems: Vec<String>,
}

impl Judge {
    pub(crate) fn new(endpoints: usize) -> Judge {
        let received = (0..endpoints).map(|_| Vec::new()).collect();
        Judge { received, messages: 0, interruptions: Vec::new(), logs_written: 0, problems: Vec::new() }
    }

    /// Records the items of an accepted message. Returns whether there were any.
    pub(crate) fn receive(&mut self, at: UnixNanos, node: &NodeName, news: &[News]) -> bool {
        let items: Vec<&Item> = news.iter().flat_map(|news| &news.items).collect();
        for item in &items {
            if let Some(received) = endpoint_index(item).and_then(|index| self.received.get_mut(index)) {
                received.push(Received { at, node: node.to_string(), item: (*item).clone() });
            }
        }
        self.messages += u64::from(!items.is_empty());
        !items.is_empty()
    }

    /// Records that a node did not record the message with `news` at `at`.
    pub(crate) fn interrupt(&mut self, at: UnixNanos, news: &[News]) {
        let endpoints = news.iter().flat_map(|news| &news.items).filter_map(endpoint_index).collect();
        self.interruptions.push(Interruption { at, endpoints });
    }

    pub(crate) fn judge(
        &self,
        seed: u64,
        plan: &WorldPlan,
        endpoints: &[EndpointStatus<'_>],
        nodes: &[Node],
    ) -> Result<Counts, Violation> {
        let verdicts = verdicts(endpoints, plan.end);
        let mut problems = self.problems.clone();
        let (mut outages, mut duplicates) = (0, Vec::new());
        for (index, verdict) in verdicts.iter().enumerate() {
            let received = &self.received[index];
            let Followed { reported, open, repeated } = follow(received, &mut problems);
            let interruptions = self.interruptions.iter().filter(|one| one.endpoints.contains(&index)).count();
            if repeated.len() > allowed_duplicates(interruptions) {
                problems
                    .push(format!("{} duplicates about e{index} after {interruptions} interruptions", repeated.len()));
            }
            duplicates.extend(repeated);
            let reportable: Vec<&Span> =
                verdict.spans.iter().filter(|span| must_be_reported(plan, index, span)).collect();
            if open.is_some_and(|last| !self.is_forgotten(last, received, &reportable)) {
                problems.push("an outage was reported, but its end was not".to_owned());
            }
            for span in reportable {
                outages += 1;
                let is_reported =
                    |period: &Period| period.start - SLACK < span.end && span.start < period.end.saturating_add(SLACK);
                if !reported.iter().any(is_reported) {
                    problems
                        .push(format!("the outage of e{index} {} was not reported", describe(span.start, span.end)));
                }
            }
            problems.extend(received.iter().filter_map(|one| false_alarm(plan, index, one)));
            if let Some(silence) = plan.silence.filter(|_| index == 0) {
                problems.extend(received.iter().filter_map(|one| breaks_silence(silence, one)));
            }
        }
        duplicates.sort_unstable();
        duplicates.dedup();
        if let Some(problem) = problems.into_iter().next() {
            return Err(Violation {
                seed,
                problem,
                trace: self.trace(plan, &verdicts.iter().map(|v| v.spans.clone()).collect::<Vec<_>>(), nodes),
            });
        }
        Ok(Counts {
            worlds: 1,
            outages,
            messages: self.messages,
            items: self.received.iter().map(|received| received.len() as u64).sum(),
            interruptions: self.interruptions.len() as u64,
            duplicates: duplicates.len() as u64,
            logs_written: self.logs_written,
        })
    }

    /// Returns whether no node can know about a message: its sender was killed before recording it, and either results
    /// that arrived later show that the endpoint was not down for long enough, or an earlier message already reported
    /// the recovery from the same outage.
    fn is_forgotten(&self, message: &Received, received: &[Received], reportable: &[&Span]) -> bool {
        let is_killed = |one: &Interruption| (message.at..=message.at + MINUTE).contains(&one.at);
        let was_down = |span: &&Span| span.start < message.at && message.item.since < span.end.saturating_add(SLACK);
        let reports_recovery = |earlier: &Received| {
            earlier.at < message.at
                && earlier.item.event == EventKind::Recovered
                && earlier.item.since == message.item.since
        };
        let is_reopened = received.iter().any(reports_recovery);
        self.interruptions.iter().any(is_killed) && (is_reopened || !reportable.iter().any(was_down))
    }

    fn trace(&self, plan: &WorldPlan, spans: &[Vec<Span>], nodes: &[Node]) -> Vec<String> {
        let mut trace = vec![format!("{:?}, {:?}", plan.policy, plan.quorum)];
        trace.push(format!("visibility {} s, crashes {}%", plan.visibility / SECOND, plan.crashes));
        for (node, plan) in nodes.iter().zip(&plan.nodes) {
            let periods = |periods: &[Period]| {
                periods.iter().map(|period| describe(period.start, period.end)).collect::<Vec<_>>().join(", ")
            };
            trace.push(format!(
                "node {}: every {} s from {}, rank {}, skew {} s, round {} s, pace {:?}, spool {}, checks {:?}, dead [{}], partitioned [{}]",
                node.name,
                plan.every / SECOND,
                plan.phase / SECOND,
                plan.rank,
                plan.skew / SECOND,
                plan.round / SECOND,
                plan.pace.map(|pace| (pace.gather / SECOND, pace.spacing / SECOND)),
                plan.has_spool,
                plan.checks,
                periods(&plan.dead),
                periods(&plan.partitioned),
            ));
        }
        for (index, wrong) in plan.endpoints.iter().enumerate() {
            for (period, status) in wrong {
                trace.push(format!("e{index} is {status} {}", describe(period.start, period.end)));
            }
        }
        for period in &plan.provider_down {
            trace.push(format!("the provider is down {}", describe(period.start, period.end)));
        }
        if let Some(silence) = plan.silence {
            trace.push(format!("e0 is silenced {}", describe(silence.start, silence.end)));
        }
        for (index, spans) in spans.iter().enumerate() {
            for span in spans {
                trace.push(format!("verdict of e{index}: {} {}", span.status, describe(span.start, span.end)));
            }
        }
        for Interruption { at, endpoints } in &self.interruptions {
            trace.push(format!("a message about {endpoints:?} is not recorded at {}", offset(*at)));
        }
        let mut received: Vec<&Received> = self.received.iter().flatten().collect();
        received.sort_by_key(|one| one.at);
        for Received { at, node, item } in received {
            let until = item.until.unwrap_or(item.since);
            trace.push(format!(
                "{} {node}: {} {} ({})",
                offset(*at),
                item.event,
                item.title,
                describe(item.since, until)
            ));
        }
        trace
    }
}

/// The outages that the news about an endpoint reports.
struct Followed<'r> {
    reported: Vec<Period>,
    /// The last message, if it did not report the end of its outage.
    open: Option<&'r Received>,
    /// The times of messages that repeat news, each once.
    repeated: Vec<UnixNanos>,
}

/// Returns how often news about an endpoint may be repeated if that many messages about it were not recorded. Each of
/// them is repeated once. If a node fails to record news twice, the turn of the next node can begin in the meantime, and
/// both may send it.
fn allowed_duplicates(interruptions: usize) -> usize {
    interruptions + interruptions / 2
}

fn endpoint_index(item: &Item) -> Option<usize> {
    item.title.get(1..)?.parse().ok()
}

/// Replays the news about an endpoint. Adds violations other than repeated news to `problems`.
fn follow<'r>(received: &'r [Received], problems: &mut Vec<String>) -> Followed<'r> {
    let mut repeated = Vec::new();
    let mut reported: Vec<Period> = Vec::new();
    let mut open: Option<(EventKind, u32)> = None;
    for Received { at, item, .. } in received {
        let mut repeats = false;
        match item.event {
            EventKind::Down | EventKind::Degraded | EventKind::Flapping | EventKind::Worse => {
                let is_change = match (open.map(|(event, _)| event), item.event) {
                    (None, event) => event != EventKind::Worse,
                    (Some(EventKind::Flapping), event) => event == EventKind::Down,
                    (Some(EventKind::Degraded), event) => matches!(event, EventKind::Worse | EventKind::Flapping),
                    (Some(_), event) => {
                        event == EventKind::Flapping || event == EventKind::Degraded && item.was == Status::Down
                    }
                };
                repeats = !is_change;
                if open.is_none() {
                    reported.push(Period { start: item.since, end: UnixNanos::MAX });
                }
                let event = if item.event == EventKind::Worse { EventKind::Down } else { item.event };
                open = Some((event, 0));
            }
            EventKind::Reminder => match &mut open {
                Some((_, reminders)) if *reminders < item.reminder => *reminders = item.reminder,
                _ => repeats = true,
            },
            EventKind::Recovered | EventKind::Missed => {
                let until = item.until.unwrap_or(*at);
                let overlaps = |period: &Period| item.since < period.end && period.start < until;
                repeats = match item.event {
                    EventKind::Recovered => open.is_none(),
                    _ => open.is_some() || reported.iter().any(overlaps),
                };
                match reported.last_mut().filter(|_| open.is_some()) {
                    Some(last) => last.end = until,
                    None => reported.push(Period { start: item.since, end: until }),
                }
                open = None;
            }
            other => problems.push(format!("unexpected event {other}")),
        }
        if repeats {
            repeated.push(*at);
        }
    }
    repeated.dedup();
    Followed { reported, open: received.last().filter(|_| open.is_some()), repeated }
}

fn must_be_reported(plan: &WorldPlan, endpoint: usize, span: &Span) -> bool {
    let silence = plan.silence.filter(|_| endpoint == 0);
    let is_touched =
        silence.is_some_and(|silence| silence.start - SLACK < span.end && span.start < silence.end + SLACK);
    let is_late = plan.nodes.iter().filter(|node| node.has_spool).flat_map(|node| &node.partitioned);
    let is_late = is_late.into_iter().any(|period| period.start - LATE < span.end && span.start < period.end + LATE);
    // If a node stops, its last status stays valid for up to `CLOCK_TOLERANCE` longer, so an outage must last that much
    // longer to be reported for certain.
    let stops = plan.nodes.iter().any(|node| !node.dead.is_empty() || !node.partitioned.is_empty());
    let shortest = plan.policy.after + if stops { CLOCK_TOLERANCE } else { 0 };
    span.status == Status::Down && span.end - span.start >= shortest && !is_touched && !is_late
}

/// Returns a problem if the endpoint was healthy when a reported outage began.
fn false_alarm(plan: &WorldPlan, endpoint: usize, one: &Received) -> Option<String> {
    let is_about_outage = matches!(one.item.event, EventKind::Down | EventKind::Missed);
    let was_wrong = |(period, _): &(Period, Status)| {
        period.start - SLACK <= one.item.since && one.item.since <= period.end.saturating_add(LATE)
    };
    let is_false = is_about_outage && !plan.endpoints[endpoint].iter().any(was_wrong);
    is_false.then(|| format!("e{endpoint} was reported {} at {} for no reason", one.item.event, offset(one.at)))
}

fn breaks_silence(silence: Period, one: &Received) -> Option<String> {
    let is_inside = silence.start + SLACK < one.at && one.at < silence.end - SLACK;
    // Improvements are reported even during a silence, as recoveries are.
    let is_better = one.item.was > one.item.is;
    let is_bad = !is_better && !matches!(one.item.event, EventKind::Recovered | EventKind::Missed);
    let until = one.item.until.unwrap_or(one.at);
    let is_whole_inside = silence.start + SLACK < one.item.since && until < silence.end - SLACK;
    let is_missed = one.item.event == EventKind::Missed && is_whole_inside;
    let breaks = is_inside && is_bad || is_missed;
    breaks.then(|| format!("{} at {} breaks the silence", one.item.event, offset(one.at)))
}

fn offset(moment: UnixNanos) -> String {
    let seconds = (moment - START) / SECOND;
    format!("{}:{:02}:{:02}", seconds / 3600, seconds / 60 % 60, seconds % 60)
}

fn describe(start: UnixNanos, end: UnixNanos) -> String {
    format!("{}–{}", offset(start), offset(end))
}

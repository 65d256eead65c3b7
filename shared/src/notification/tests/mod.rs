//! Tests of the notification rules. Times are in minutes after [`START`].

mod closing;
mod deferred;
mod deferred_model;
mod incident_sharing;
mod lines;
mod logs;
mod table;
mod traps;

use std::collections::{BTreeMap, BTreeSet};

use super::condition::Condition;
use super::event::EventKind;
use super::lineup::Nodes;
use super::policy::{ChannelPolicy, CheckNotifications, Flapping, Pace};
use super::reconcile::{Hold, HoldKind, Period, Plan, Situation, reconcile};
use super::registers::{Introduction, Registers, SendFailure};
use super::verdicts::{Verdict, Vote};
use crate::check_file::EndpointKey;
use crate::endpoint_map::EndpointMap;
use crate::notification_log::{ChannelId, IncidentScope, NotificationLog};
use crate::object_name::NodeName;
use crate::post::Impact;
use crate::status::Status;
use crate::uptime::Span;
use crate::{HOUR, MINUTE, Nanos, UnixNanos};

const START: UnixNanos = 1_795_330_200_000_000_000;

fn at(minute: i64) -> UnixNanos {
    START + minute * MINUTE
}

fn channel() -> ChannelId {
    ChannelId::new("ops").expect("an id")
}

fn node(name: &str) -> NodeName {
    NodeName::new(name).expect("a name")
}

fn key(title: &str) -> EndpointKey {
    EndpointKey { title: title.to_owned(), locator: format!("https://{title}/"), id: None }
}

/// Builds spans from a list such as `h0 d10`: each letter is a status, followed by the minute in which it begins. `?`
/// is an unknown status. The last span ends at `now`.
fn spans(changes: &str, now: i64) -> Vec<Span> {
    let changes: Vec<(i64, char)> = changes
        .split_whitespace()
        .map(|change| {
            let (letter, minute) = change.split_at(1);
            (minute.parse().expect("a minute"), letter.chars().next().expect("a status"))
        })
        .collect();
    let ends = changes.iter().skip(1).map(|(minute, _)| *minute).chain([now]);
    let span = |((start, letter), end): (&(i64, char), i64)| {
        let status = match letter {
            'h' => Status::Healthy,
            'g' => Status::Degraded,
            'd' => Status::Down,
            _ => return None,
        };
        (*start < now).then_some(Span { start: at(*start), end: at(end.min(now)), status })
    };
    changes.iter().zip(ends).filter_map(span).collect()
}

/// A channel, its endpoints, and the nodes that serve it. The first node runs the evaluations.
struct Scene {
    policy: ChannelPolicy,
    pace: Pace,
    checks: EndpointMap<CheckNotifications>,
    endpoints: Vec<(EndpointKey, &'static str, bool)>,
    conditions: Vec<Condition>,
    holds: Vec<Hold>,
    logs: Vec<NotificationLog>,
    /// Whether no history is known, for example while the store is failing.
    is_blind: bool,
    /// A node whose history is unreadable.
    unreadable: Option<NodeName>,
}

impl Scene {
    /// Creates a scene in which the node `a` serves the channel and checks one endpoint.
    fn new(changes: &'static str) -> Scene {
        let on = BTreeSet::from([EventKind::Down, EventKind::Recovered]);
        let policy = ChannelPolicy { on, recovered_after: 2 * MINUTE, ..ChannelPolicy::default() };
        Scene {
            policy,
            pace: Pace::default(),
            checks: EndpointMap::new(),
            endpoints: vec![(key("Shop"), changes, false)],
            conditions: Vec::new(),
            holds: Vec::new(),
            logs: vec![log("a", -1_000)],
            is_blind: false,
            unreadable: None,
        }
    }

    fn hearing(mut self, events: &[EventKind]) -> Scene {
        self.policy.on.extend(events);
        self
    }

    fn with_node(mut self, name: &str) -> Scene {
        self.logs.push(log(name, -1_000));
        self
    }

    fn with_endpoint(mut self, title: &str, changes: &'static str) -> Scene {
        self.endpoints.push((key(title), changes, false));
        self
    }

    fn with_hold(mut self, kind: HoldKind, from: i64, to: i64) -> Scene {
        let period = Period { start: at(from), end: at(to) };
        self.holds.push(Hold { kind, period, announced_at: None, endpoints: Vec::new(), impact: Impact::Down });
        self
    }

    /// Adds a window that was announced at this minute.
    fn with_window(mut self, from: i64, to: i64, announced_at: i64) -> Scene {
        let kind = if announced_at <= from { HoldKind::Planned } else { HoldKind::AnnouncedLate };
        self = self.with_hold(kind, from, to);
        self.holds.last_mut().expect("it was added").announced_at = Some(at(announced_at));
        self
    }

    fn depending(mut self, title: &str, on: &str) -> Scene {
        let depends_on = vec![on.to_owned()];
        self.checks.insert(key(title), CheckNotifications { depends_on, channels: None });
        self
    }

    fn plan(&self, now: i64) -> Plan {
        self.plan_at(at(now), |changes| spans(changes, now))
    }

    fn plan_at(&self, now: UnixNanos, spans: impl Fn(&str) -> Vec<Span>) -> Plan {
        self.evaluate(now, spans, reconcile)
    }

    fn evaluate<T>(&self, now: UnixNanos, spans: impl Fn(&str) -> Vec<Span>, rules: impl Fn(&Situation<'_>) -> T) -> T {
        let (own, others) = self.logs.split_first().expect("there is a node");
        let names: Vec<&NodeName> = self.logs.iter().map(|log| &log.node).collect();
        let verdict = |(key, changes, is_retired): &'_ (EndpointKey, &'static str, bool)| {
            let spans = spans(changes);
            let status = spans.last().filter(|last| last.end >= now).map_or(Status::Unknown, |last| last.status);
            (key.clone(), spans, status, *is_retired)
        };
        let built: Vec<_> = self.endpoints.iter().map(verdict).collect();
        let vote = |node, status| Vote {
            node: Some(node),
            status,
            reason: Some("connection refused"),
            first_checked: at(-2_000),
            last_checked: now,
        };
        let verdicts: Vec<Verdict<'_>> = built
            .iter()
            .map(|(key, spans, status, is_retired)| Verdict {
                key,
                spans: spans.clone(),
                votes: names.iter().map(|name| vote(*name, *status)).collect(),
                is_retired: *is_retired,
            })
            .collect();
        let mut newest: BTreeMap<NodeName, UnixNanos> = names.iter().map(|name| ((*name).clone(), now)).collect();
        newest.extend(self.unreadable.iter().map(|name| (name.clone(), 0)));
        if self.is_blind {
            newest.clear();
        }
        let registers = Registers::merge(&self.logs, now);
        rules(&Situation {
            channel: &channel(),
            policy: &self.policy,
            channels: &[],
            flapping: Flapping { outages: 4, within: HOUR },
            pace: self.pace,
            checks: &self.checks,
            verdicts: &verdicts,
            conditions: &self.conditions,
            holds: &self.holds,
            registers: &registers,
            nodes: Nodes { own, others, newest: &newest, has_unreadable: self.unreadable.is_some() },
            now,
        })
    }

    /// Evaluates the scene and records its news as delivered. Returns the items as text.
    fn send(&mut self, now: i64) -> Vec<String> {
        let plan = self.plan(now);
        let number = Registers::merge(&self.logs, at(now)).next_number();
        self.logs[0].wait(&channel(), plan.waiting.clone());
        self.logs[0].record(&plan.news, number, at(now));
        if !plan.news.is_empty() {
            self.logs[0].succeeded(&channel(), at(now));
        }
        words(&plan)
    }

    /// Evaluates the scene every minute, and returns all items with the minute in which they are sent.
    fn play(&mut self, minutes: std::ops::Range<i64>) -> Vec<String> {
        let sent = minutes.flat_map(|now| self.send(now).into_iter().map(move |item| format!("{now}: {item}")));
        sent.collect()
    }
}

fn log(name: &str, from: i64) -> NotificationLog {
    let mut log = NotificationLog::new(node(name));
    log.introduce(&introduction(100, &[&channel()]), at(from));
    log
}

fn introduction<'a>(rank: u32, channels: &'a [&'a ChannelId]) -> Introduction<'a> {
    Introduction { rank, every: MINUTE, pace: Pace::default(), channels, stored_since: 0 }
}

/// Formats the items of a plan, as in `down Shop 10` or `recovered Shop 10–12`.
fn words(plan: &Plan) -> Vec<String> {
    let minute = |moment: UnixNanos| (moment - START) / MINUTE;
    let items = plan.news.iter().flat_map(|news| &news.items);
    items
        .map(|item| {
            let until = item.until.map(|until| format!("–{}", minute(until))).unwrap_or_default();
            let reminder = if item.reminder > 0 { format!(" #{}", item.reminder) } else { String::new() };
            format!("{} {} {}{until}{reminder}", item.event, item.title, minute(item.since))
        })
        .collect()
}

/// Formats the news that is held back, as in `down Shop NotLongEnough 15`.
fn held(plan: &Plan) -> Vec<String> {
    let minute = |until: UnixNanos| format!(" {}", (until - START) / MINUTE);
    let held = plan.held.iter().map(|held| {
        format!("{} {} {:?}{}", held.event, held.title, held.reason, held.until.map(minute).unwrap_or_default())
    });
    held.collect()
}

fn minutes(count: i64) -> Nanos {
    count * MINUTE
}

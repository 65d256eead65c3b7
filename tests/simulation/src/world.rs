//! Runs one world by processing its events in chronological order.

use std::borrow::Cow;
use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};
use std::rc::Rc;

use shared::check_file::EndpointKey;
use shared::endpoint_map::EndpointMap;
use shared::endpoint_status::{EndpointStatus, NodeStatus};
use shared::history::LatestResult;
use shared::notification::lineup::{Nodes, stored_since};
use shared::notification::policy::CheckNotifications;
use shared::notification::reconcile::{Hold, HoldKind, News, Plan, Situation, reconcile};
use shared::notification::registers::{Introduction, Registers, SendFailure};
use shared::notification::verdicts::verdicts;
use shared::notification_log::{ChannelId, FailureReason, NotificationLog};
use shared::object_name::NodeName;
use shared::post::Impact;
use shared::{SECOND, UnixNanos};

use crate::judge::{Counts, Judge, Violation};
use crate::node::{Node, Round};
use crate::plan::{START, WorldPlan, is_in};
use crate::random::Random;
use crate::store::{Objects, StoredHistory};

/// The time limit for sending a message, which the checker enforces.
const LONGEST_SEND: i64 = 10 * SECOND;

/// An event that happens to one node.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Event {
    Start,
    End,
    /// The timer of a daemon expires.
    Timer,
    /// The provider receives a message.
    Deliver,
    /// The node stores its log after a message.
    Save,
}

/// The message that a node is sending.
#[derive(Debug)]
struct Sending {
    news: Vec<News>,
    number: i64,
    log: NotificationLog,
    is_delivered: bool,
}

struct World {
    plan: WorldPlan,
    random: Random,
    channel: ChannelId,
    keys: Vec<EndpointKey>,
    holds: Vec<Hold>,
    checks: EndpointMap<CheckNotifications>,
    nodes: Vec<Node>,
    rounds: Vec<Option<Round>>,
    sending: Vec<Option<Sending>>,
    objects: Vec<Objects>,
    agenda: BinaryHeap<Reverse<(UnixNanos, usize, Event)>>,
    judge: Judge,
    /// The rules ignore the settings of the newest result.
    latest: LatestResult,
}

/// Runs a seed's world, and checks the messages that its channel received.
pub fn run_world(seed: u64) -> Result<Counts, Violation> {
    let invalid = || Violation { seed, problem: "the world is invalid".to_owned(), trace: Vec::new() };
    let mut world = World::new(seed).ok_or_else(invalid)?;
    world.run();
    let histories: Vec<_> = world.objects.iter().map(|objects| objects.history.get(UnixNanos::MAX)).collect();
    let endpoints = world.endpoint_statuses(&histories);
    world.judge.judge(seed, &world.plan, &endpoints, &world.nodes)
}

impl World {
    fn new(seed: u64) -> Option<World> {
        let plan = WorldPlan::new(seed);
        let count = plan.nodes.len();
        let key = |index: usize| EndpointKey { title: format!("e{index}"), locator: String::new(), id: None };
        let silence = plan.silence.map(|period| Hold {
            kind: HoldKind::Silence,
            period,
            announced_at: None,
            endpoints: vec!["e0".to_owned()],
            impact: Impact::Down,
        });
        let mut world = World {
            random: Random::new(seed ^ 0xabcd_ef01),
            channel: ChannelId::new("ops").ok()?,
            keys: (0..plan.endpoints.len()).map(key).collect(),
            holds: silence.into_iter().collect(),
            checks: EndpointMap::new(),
            nodes: (0..count).map(|index| Node::new(index, plan.endpoints.len())).collect::<Option<_>>()?,
            rounds: (0..count).map(|_| None).collect(),
            sending: (0..count).map(|_| None).collect(),
            objects: (0..count).map(|_| Objects::default()).collect(),
            agenda: BinaryHeap::new(),
            judge: Judge::new(plan.endpoints.len()),
            latest: LatestResult::default(),
            plan,
        };
        for node in 0..count {
            world.at(START + world.plan.nodes[node].phase, node, Event::Start);
        }
        Some(world)
    }

    fn at(&mut self, time: UnixNanos, node: usize, event: Event) {
        self.agenda.push(Reverse((time, node, event)));
    }

    fn run(&mut self) {
        while let Some(Reverse((now, node, event))) = self.agenda.pop() {
            if now >= self.plan.end {
                break;
            }
            let is_dead = is_in(&self.plan.nodes[node].dead, now);
            match event {
                Event::Start => {
                    self.at(now + self.plan.nodes[node].every, node, Event::Start);
                    if is_dead {
                        self.kill(node, now);
                    } else {
                        self.start(node, now);
                    }
                }
                _ if is_dead => self.kill(node, now),
                Event::End => self.end(node, now),
                Event::Timer => {
                    if self.nodes[node].timer == now {
                        self.evaluate(node, now);
                    }
                }
                Event::Deliver => self.deliver(node, now),
                Event::Save => self.save(node, now),
            }
        }
    }

    /// Ends a node's process. If it was sending a message, the provider may have received it without a record in the
    /// node's log.
    fn kill(&mut self, node: usize, now: UnixNanos) {
        if let Some(sending) = self.sending[node].take().filter(|sending| sending.is_delivered) {
            self.judge.interrupt(now, &sending.news);
        }
        self.rounds[node] = None;
        self.nodes[node].restart();
    }

    fn clock(&self, node: usize, now: UnixNanos) -> UnixNanos {
        now + self.plan.nodes[node].skew
    }

    fn start(&mut self, node: usize, now: UnixNanos) {
        let plan = &self.plan.nodes[node];
        let results = plan.checks.iter().map(|endpoint| (*endpoint, self.plan.status(*endpoint, now))).collect();
        self.rounds[node] = Some(Round { at: now + plan.skew, results });
        let end = now + plan.round;
        self.at(end, node, Event::End);
    }

    fn end(&mut self, node: usize, now: UnixNanos) {
        let Some(round) = self.rounds[node].take() else { return };
        let plan = &self.plan.nodes[node];
        if is_in(&plan.partitioned, now) {
            self.nodes[node].keep(round, plan);
            return;
        }
        let history = self.nodes[node].store(round, plan);
        let visible_at = now + self.random.between(0, self.plan.visibility + 1);
        self.objects[node].history.put(visible_at, history);
        self.evaluate(node, now);
    }

    /// Evaluates the news and, if it is the node's turn, starts to send it.
    fn evaluate(&mut self, node: usize, now: UnixNanos) {
        let plan = &self.plan.nodes[node];
        if self.nodes[node].is_busy || is_in(&plan.partitioned, now) || self.nodes[node].stored.is_empty() {
            return;
        }
        let is_daemon = plan.pace.is_some();
        let (clock, rank, every) = (self.clock(node, now), plan.rank, plan.every);
        let pace = plan.pace.unwrap_or_default();
        let mut log = match self.nodes[node].log.take() {
            Some(log) if is_daemon => log,
            _ => self.read_log(node, now).unwrap_or_else(|| NotificationLog::new(self.nodes[node].name.clone())),
        };
        let mut is_changed = std::mem::take(&mut self.nodes[node].is_unsaved);
        let stored: Vec<UnixNanos> = self.nodes[node].stored.iter().copied().collect();
        let behind_at = self.nodes[node].behind_at.take();
        let introduction = Introduction {
            rank,
            every,
            pace,
            channels: &[&self.channel],
            stored_since: behind_at.unwrap_or_else(|| stored_since(&stored, every, clock)),
        };
        if log.introduce(&introduction, clock) {
            self.put_log(node, &log, now);
            is_changed = false;
        }
        let (mut plan, number) = self.reconcile(node, &log, now, clock);
        is_changed |= log.wait(&self.channel, std::mem::take(&mut plan.waiting));
        if let Some(next) = plan.next.filter(|_| is_daemon) {
            let next = now + (next - clock).max(SECOND);
            self.nodes[node].timer = next;
            self.at(next, node, Event::Timer);
        }
        if plan.news.is_empty() {
            if is_changed {
                self.put_log(node, &log, now);
            }
            self.nodes[node].log = is_daemon.then_some(log);
            return;
        }
        self.nodes[node].is_busy = true;
        self.sending[node] = Some(Sending { news: plan.news, number, log, is_delivered: false });
        let sent = now + self.random.between(SECOND / 10, LONGEST_SEND);
        self.at(sent, node, Event::Deliver);
    }

    fn reconcile(&self, node: usize, log: &NotificationLog, now: UnixNanos, clock: UnixNanos) -> (Plan, i64) {
        let others: Vec<NotificationLog> = (0..self.nodes.len())
            .filter(|other| *other != node)
            .filter_map(|other| self.read_log(other, now))
            .collect();
        let histories: Vec<Option<Rc<StoredHistory>>> = (0..self.nodes.len())
            // A node knows its own history, even if it is not visible yet.
            .map(|other| self.objects[other].history.get(if other == node { UnixNanos::MAX } else { now }))
            .collect();
        let newest: BTreeMap<NodeName, UnixNanos> = histories
            .iter()
            .zip(&self.nodes)
            .filter_map(|(history, node)| Some((node.name.clone(), history.as_ref()?.newest)))
            .collect();
        let endpoints = self.endpoint_statuses(&histories);
        let verdicts = verdicts(&endpoints, clock);
        let registers = Registers::merge(others.iter().chain([log]), clock);
        let plan = &self.plan.nodes[node];
        let situation = Situation {
            channel: &self.channel,
            policy: &self.plan.policy,
            channels: &[],
            flapping: self.plan.flapping,
            pace: plan.pace.unwrap_or_default(),
            checks: &self.checks,
            verdicts: &verdicts,
            conditions: &[],
            holds: &self.holds,
            registers: &registers,
            nodes: Nodes { own: log, others: &others, newest: &newest, has_unreadable: false },
            now: clock,
        };
        (reconcile(&situation), registers.next_number())
    }

    /// Delivers a message to the provider, which accepts it unless the provider is down.
    fn deliver(&mut self, node: usize, now: UnixNanos) {
        let clock = self.clock(node, now);
        let Some(sending) = &mut self.sending[node] else { return };
        let has_items = sending.news.iter().any(|news| !news.items.is_empty());
        if has_items && is_in(&self.plan.provider_down, now) {
            let _ = sending.log.failed(&self.channel, SendFailure::new(FailureReason::Unreachable), clock);
            sending.news.clear();
        } else {
            sending.is_delivered = self.judge.receive(now, &self.nodes[node].name, &sending.news);
            if has_items && self.random.chance(self.plan.crashes) {
                self.kill(node, now);
                return;
            }
            sending.log.record(&sending.news, sending.number, clock);
            sending.log.succeeded(&self.channel, clock);
        }
        let saved = now + self.random.between(SECOND / 100, 2 * SECOND);
        self.at(saved, node, Event::Save);
    }

    fn save(&mut self, node: usize, now: UnixNanos) {
        let Some(mut sending) = self.sending[node].take() else { return };
        let is_daemon = self.plan.nodes[node].pace.is_some();
        self.nodes[node].is_busy = false;
        let others: Vec<NotificationLog> = (0..self.nodes.len())
            .filter(|other| *other != node)
            .filter_map(|other| self.read_log(other, now))
            .collect();
        if is_in(&self.plan.nodes[node].partitioned, now) {
            // The daemon stores its log later. Until then, other nodes do not know of the message.
            if sending.is_delivered {
                self.judge.interrupt(now, &sending.news);
            }
            self.nodes[node].is_unsaved = true;
        } else {
            sending.log.prune(&others, self.clock(node, now));
            self.put_log(node, &sending.log, now);
        }
        if is_daemon {
            self.nodes[node].log = Some(sending.log);
            self.nodes[node].timer = now + SECOND;
            self.at(now + SECOND, node, Event::Timer);
        }
    }

    fn put_log(&mut self, node: usize, log: &NotificationLog, now: UnixNanos) {
        let visible_at = now + self.random.between(0, self.plan.visibility + 1);
        match NotificationLog::parse(log.to_json().as_bytes()) {
            Ok(parsed) if parsed == *log => self.objects[node].log.put(visible_at, parsed),
            _ => self.judge.problems.push("a stored log differs from the parsed one".to_owned()),
        }
        self.judge.logs_written += 1;
    }

    fn read_log(&self, node: usize, now: UnixNanos) -> Option<NotificationLog> {
        self.objects[node].log.get(now).map(|log| (*log).clone())
    }

    fn endpoint_statuses<'a>(&'a self, histories: &'a [Option<Rc<StoredHistory>>]) -> Vec<EndpointStatus<'a>> {
        let status = |(index, key): (usize, &'a EndpointKey)| {
            let node = |(history, node): (&'a Option<Rc<StoredHistory>>, &'a Node)| {
                let (spans, last_checked) = history.as_ref()?.endpoints.get(index)?;
                Some(NodeStatus {
                    node: Some(&node.name),
                    spans,
                    last_checked: Some((*last_checked)?),
                    reason: None,
                    events: &[],
                    kind: "",
                    quorum: self.plan.quorum,
                })
            };
            EndpointStatus {
                key: Cow::Borrowed(key),
                latest: &self.latest,
                quorum: self.plan.quorum,
                interval: None,
                nodes: histories.iter().zip(&self.nodes).filter_map(node).collect(),
            }
        };
        self.keys.iter().enumerate().map(status).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_always_gives_the_same_world() {
        let counts = |seed| run_world(seed).map(|counts| format!("{counts:?}")).ok();
        assert_eq!(counts(7), counts(7));
    }
}

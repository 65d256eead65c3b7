//! Determines which node sends news, without locks.
//!
//! The nodes that serve a channel form a line, and all of them compute the same order. The first node sends
//! immediately. Every other node waits long enough for the nodes before it to send the news and record it in their
//! logs, and sends the news only if none of them has.

use std::collections::BTreeMap;
use std::fmt;

use super::registers::{FAILURES_LIMIT, LONGEST_RETRY, gives_up_turn};
use crate::history::OVERLAP;
use crate::notification_log::{ChannelId, NotificationLog, Retry};
use crate::object_name::NodeName;
use crate::quorum::CLOCK_TOLERANCE;
use crate::uptime::validity;
use crate::{HOUR, MINUTE, Nanos, SECOND, UnixNanos};

/// How long a new node, or one whose position changed, leaves news to the others, because they may still be acting on
/// logs that they read earlier.
pub const SETTLING_TIME: Nanos = 30 * SECOND;

/// The longest interval for which other nodes wait, so that neither a hostile log nor a node that runs once a day delays
/// news by days.
pub const LONGEST_SLOT_INTERVAL: Nanos = HOUR;

/// The longest time for which other nodes wait until a node has gathered news and may send the next message. Nodes can
/// have longer times, but other nodes then send earlier.
pub const LONGEST_PACE: Nanos = HOUR;

/// The longest time for which other nodes wait until a node tries again, which allows for three attempts.
const LONGEST_RETRIES: Nanos = LONGEST_RETRY * FAILURES_LIMIT as Nanos;

/// The logs and storage times of all nodes, as known to the evaluating node.
#[derive(Debug, Clone, Copy)]
pub struct Nodes<'a> {
    /// The log of the evaluating node. If it lists different channels than the stored log, it must be stored before the
    /// other logs are read. Then, if two nodes start at the same time, at least one of them sees the other.
    pub own: &'a NotificationLog,
    /// The logs of all other nodes. One of the evaluating node is ignored.
    pub others: &'a [NotificationLog],
    /// When each node's newest result was stored, for every node with a history, or 0 if the history is unreadable.
    pub newest: &'a BTreeMap<NodeName, UnixNanos>,
    /// Whether a history is unreadable, so that it is unknown which endpoints its node checks.
    pub has_unreadable: bool,
}

/// Returns the time since which a node has stored its rounds without a gap, or 0 if there was no gap. During a gap,
/// other nodes wait for the node in vain. If the node is still in a gap, the result is the time at which that was
/// noticeable. `stored` contains the times at which its check files of the last [`OVERLAP`] were stored, in order.
#[must_use]
pub fn stored_since(stored: &[UnixNanos], every: Nanos, now: UnixNanos) -> UnixNanos {
    // This is shorter than the gap that `is_fresh` accepts, so the node notices a gap before any other node does.
    let gap = validity(every).saturating_add(30 * SECOND);
    if let Some(gap_start) = stored.last().map(|last| last.saturating_add(gap)).filter(|start| *start < now) {
        return gap_start;
    }
    if let Some(last_gap) = stored.windows(2).rposition(|pair| pair[1].saturating_sub(pair[0]) > gap) {
        return stored.get(last_gap + 1).copied().unwrap_or(0);
    }
    match (stored.first(), stored.last()) {
        (Some(first), Some(last)) if last.saturating_sub(*first).saturating_add(gap) < OVERLAP => *first,
        _ => 0,
    }
}

/// The nodes that serve a channel, in the order of their turns.
#[derive(Debug)]
pub(super) struct Line<'a> {
    nodes: Vec<Member<'a>>,
    own: &'a NotificationLog,
    /// When the last message was sent to the channel.
    last_sent: UnixNanos,
    /// Whether the evaluating node just delivered a message after failures, so that the other nodes may not know yet that
    /// it takes its turns again.
    has_resumed: bool,
    /// When all other nodes will know the evaluating node's position.
    settled_at: UnixNanos,
    now: UnixNanos,
}

/// The times that determine when it is a node's turn to send a piece of news.
#[derive(Debug, Clone, Copy)]
pub(super) struct Timing {
    /// The earliest time at which the news could have been sent.
    pub(super) due: UnixNanos,
    /// When the node first left the news to others. If it has not done so yet, this is the current time.
    pub(super) waiting_since: UnixNanos,
    /// The time since which other nodes know that this node can send the news.
    pub(super) known_since: UnixNanos,
}

#[derive(Debug)]
struct Member<'a> {
    log: &'a NotificationLog,
    retry: Option<Retry>,
    /// Whether the node goes to the end of the line because it cannot deliver messages.
    has_failed: bool,
}

impl Member<'_> {
    /// Determines the order of nodes that can deliver messages.
    fn rank(&self) -> (u32, Nanos, &NodeName) {
        (self.log.rank, self.log.every, &self.log.node)
    }
}

/// Whether it is a node's turn to send.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Turn {
    Now,
    /// The nodes in `ahead` go first, and this node's turn begins at `at`.
    Later {
        ahead: Vec<NodeName>,
        at: UnixNanos,
    },
}

impl fmt::Display for Turn {
    /// Writes the names of the nodes that precede this one.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Turn::Later { ahead, .. } = self else { return Ok(()) };
        ahead.iter().try_for_each(|node| write!(formatter, "{node},"))
    }
}

impl<'a> Line<'a> {
    /// Creates the line of nodes for a channel.
    pub(super) fn new(channel: &ChannelId, nodes: &Nodes<'a>, last_sent: UnixNanos, now: UnixNanos) -> Line<'a> {
        let own = &nodes.own.node;
        let logs = nodes.others.iter().filter(|log| log.node != *own);
        let mut members: Vec<_> = logs
            .filter(|log| is_fresh(log, nodes.newest, now))
            .chain([nodes.own])
            .filter_map(|log| {
                let retry = log.channel(channel)?.retry;
                Some(Member { log, retry, has_failed: retry.is_some_and(gives_up_turn) })
            })
            .collect();
        members.sort_by(|one, other| (one.has_failed, one.rank()).cmp(&(other.has_failed, other.rank())));
        let served = nodes.own.channel(channel);
        let served_since = served.map_or(now, |served| served.from);
        let resumed = served.and_then(|served| served.resumed);
        Line {
            nodes: members,
            own: nodes.own,
            last_sent,
            has_resumed: resumed.is_some_and(|resumed| now < resumed.saturating_add(SETTLING_TIME)),
            settled_at: nodes.own.since.max(served_since).saturating_add(SETTLING_TIME),
            now,
        }
    }

    /// Returns whether it is this node's turn to send news.
    pub(super) fn turn(&self, can_send: impl Fn(&NodeName) -> bool, news: Timing) -> Turn {
        let known_at = self.settled_at.max(news.known_since.saturating_add(SETTLING_TIME));
        let returned_at = self.own.returned.saturating_add(SETTLING_TIME);
        let is_settled = known_at <= self.now && returned_at <= news.due;
        let waiting_since = news.waiting_since;
        let eligible: Vec<&Member> = self.nodes.iter().filter(|member| can_send(&member.log.node)).collect();
        let names = |members: &[&Member<'_>]| members.iter().map(|member| member.log.node.clone()).collect();
        let is_own = |member: &Member<'_>| member.log.node == self.own.node;
        let Some(position) = eligible.iter().position(|member| is_own(member)) else {
            return Turn::Later { ahead: names(&eligible), at: UnixNanos::MAX };
        };
        let own = eligible[position];
        let (mut ahead, mut awaited, mut own_slots) = (eligible.clone(), eligible.clone(), 0);
        if is_settled {
            ahead.truncate(position);
            awaited.truncate(position);
        } else {
            // The node waits for the slots of all other nodes, and then for those up to and including its own, because
            // the nodes before it may not be settled either. Other nodes may wait for this node first, so it considers
            // when they expect it to send.
            let slots = ahead[..=position].iter().map(|member| slot(member.log.every));
            own_slots = slots.fold(0, Nanos::saturating_add);
            ahead.retain(|member| !is_own(member));
        }
        if ahead.is_empty() {
            return self.turn_of_first(&eligible, own);
        }
        let ready = awaited.iter().map(|member| self.ready_at(member, waiting_since)).max().unwrap_or(waiting_since);
        let slots = ahead.iter().map(|member| slot(member.log.every));
        let at = slots.fold(ready.saturating_add(own_slots), UnixNanos::saturating_add);
        if at <= self.now { Turn::Now } else { Turn::Later { ahead: names(&ahead), at } }
    }

    /// Returns when the first node in the line sends. This is now, unless a message was just delivered and the node has
    /// overtaken nodes that failed, or has resumed after failures itself. Until all nodes know of that message, one of
    /// them may still consider itself the first.
    fn turn_of_first(&self, eligible: &[&Member<'_>], own: &Member<'_>) -> Turn {
        let is_overtaken = |member: &Member<'_>| member.has_failed && !own.has_failed && member.rank() < own.rank();
        let may_send =
            |member: &&&Member<'_>| member.log.node != own.log.node && (self.has_resumed || is_overtaken(member));
        let others = eligible.iter().filter(may_send).map(|member| member.log.node.clone());
        let (ahead, at): (Vec<NodeName>, _) = (others.collect(), self.last_sent.saturating_add(SETTLING_TIME));
        if ahead.is_empty() || at <= self.now { Turn::Now } else { Turn::Later { ahead, at } }
    }

    /// Returns the earliest time at which another node can send news that this node has known since `waiting_since`.
    /// Each part of the wait is limited, so that a hostile log cannot extend it.
    fn ready_at(&self, member: &Member<'_>, waiting_since: UnixNanos) -> UnixNanos {
        let within = |limit: Nanos, moment: UnixNanos| moment.min(waiting_since.saturating_add(limit));
        let gathered = waiting_since.saturating_add(member.log.gather);
        let spaced = self.last_sent.saturating_add(member.log.spacing);
        let retry = member.retry.map_or(waiting_since, |retry| retry.next);
        within(LONGEST_PACE, gathered.max(spaced)).max(within(LONGEST_RETRIES, retry))
    }
}

/// Returns how long other nodes leave news to a node. The time allows it to see the news, act on it, send the message
/// and store its log. Clocks can differ by [`CLOCK_TOLERANCE`].
fn slot(every: Nanos) -> Nanos {
    every.clamp(0, LONGEST_SLOT_INTERVAL).saturating_mul(2).saturating_add(CLOCK_TOLERANCE + 30 * SECOND)
}

/// Returns whether a node stored results so recently that it can be expected to send messages.
fn is_fresh(log: &NotificationLog, newest: &BTreeMap<NodeName, UnixNanos>, now: UnixNanos) -> bool {
    let valid_for = validity(log.every).saturating_add(MINUTE + CLOCK_TOLERANCE);
    newest.get(&log.node).is_some_and(|newest| newest.saturating_add(valid_for) >= now)
}

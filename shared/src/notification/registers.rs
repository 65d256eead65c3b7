//! Merges the logs of all nodes, and updates a node's log.

use std::collections::{HashMap, HashSet};

use super::news::News;
use super::policy::Pace;
use crate::check_file::EndpointKey;
use crate::notification_log::{
    ChannelId, FailureReason, IncidentScope, NUMBER_LIMIT, NotificationLog, Notified, Register, Retry, ServedChannel,
    Topic, UNANSWERED_RETRIES, Waiting,
};
use crate::object_name::NodeName;
use crate::quorum::CLOCK_TOLERANCE;
use crate::{HOUR, MINUTE, Nanos, UnixNanos};

/// How long obsolete registers are kept. This is longer than outages are reported, because clocks differ.
const RETENTION: Nanos = 50 * HOUR;

/// How long a register is kept after another node replaced it.
const REPLACED_RETENTION: Nanos = HOUR;

/// The number of consecutive failures after which the next node takes its turn.
pub const FAILURES_LIMIT: u32 = 3;

/// The delay after the first failure. It doubles with each further failure.
const FIRST_RETRY: Nanos = MINUTE;
/// The longest time between two attempts.
pub(super) const LONGEST_RETRY: Nanos = HOUR;
/// The delays after attempts to which the provider did not respond in time. They grow faster than other delays, because
/// only a few more attempts follow.
const UNANSWERED_DELAYS: [Nanos; UNANSWERED_RETRIES as usize] = [5 * MINUTE, 20 * MINUTE, LONGEST_RETRY];

pub(super) type Written<'a> = (&'a NodeName, &'a Register);

/// The part of a log that describes its node.
#[derive(Debug, Clone, Copy)]
pub struct Introduction<'a> {
    /// The node's rank among the nodes that can send messages. Lower numbers come first.
    pub rank: u32,
    /// The interval between the node's evaluations.
    pub every: Nanos,
    /// How long the node collects news before it sends a message.
    pub pace: Pace,
    /// The channels that the node serves.
    pub channels: &'a [&'a ChannelId],
    /// The time since which the node's rounds have been stored without delay: the result of
    /// [`stored_since`](super::lineup::stored_since), or now if the node just stored rounds that it could not store
    /// earlier.
    pub stored_since: UnixNanos,
}

/// The latest news that each channel received, according to the logs of all nodes.
#[derive(Debug, Clone, Default)]
pub struct Registers<'a> {
    channels: HashMap<&'a ChannelId, ChannelRegisters<'a>>,
    greatest_number: i64,
}

/// The registers for one channel, indexed by subject.
#[derive(Debug, Clone, Default)]
pub(super) struct ChannelRegisters<'a> {
    by_id: HashMap<(Topic, &'a str), Written<'a>>,
    with_id: HashMap<(Topic, &'a str, &'a str), Written<'a>>,
    without_id: HashMap<(Topic, &'a str, &'a str), Written<'a>>,
    /// When a node first served the channel.
    from: Option<UnixNanos>,
}

impl<'a> Registers<'a> {
    /// Merges logs, in any order. Ignores registers from the future, whose clock was wrong or whose log is hostile:
    /// no later message could replace them.
    #[must_use]
    pub fn merge(logs: impl IntoIterator<Item = &'a NotificationLog>, now: UnixNanos) -> Registers<'a> {
        let mut merged = Registers::default();
        for log in logs {
            for served in &log.channels {
                let from = &mut merged.channels.entry(&served.id).or_default().from;
                *from = Some(from.map_or(served.from, |from| from.min(served.from)));
            }
            for register in log.registers.iter().filter(|register| !is_future(register, now)) {
                merged.greatest_number = merged.greatest_number.max(register.number);
                merged.channels.entry(&register.channel).or_default().add((&log.node, register));
            }
        }
        merged
    }

    /// Returns the number for the next registers that a node writes.
    #[must_use]
    pub fn next_number(&self) -> i64 {
        (self.greatest_number + 1).min(NUMBER_LIMIT - 1)
    }

    /// Returns a channel's current register for an endpoint, a node or another subject.
    #[must_use]
    pub fn get(&self, channel: &ChannelId, topic: Topic, key: &EndpointKey) -> Option<&'a Register> {
        self.channels.get(channel)?.get(topic, key).map(|(_, register)| register)
    }

    /// Returns the node that wrote a channel's current register for a subject.
    pub(super) fn author(&self, channel: &ChannelId, topic: Topic, key: &EndpointKey) -> Option<&'a NodeName> {
        self.channels.get(channel)?.get(topic, key).map(|(node, _)| node)
    }

    /// Returns the channels that nodes serve or have notified, in the order of their ids.
    #[must_use]
    pub fn channels(&self) -> Vec<&'a ChannelId> {
        let mut channels: Vec<&ChannelId> = self.channels.keys().copied().collect();
        channels.sort_unstable();
        channels
    }

    /// Returns a channel's current registers with an open outage or condition, in no particular order. When an endpoint
    /// is given an id, a register with the id replaces the one without.
    pub fn open(&self, channel: &ChannelId) -> impl Iterator<Item = &'a Register> + use<'_, 'a> {
        let channel = channel.clone();
        self.of_channel(&channel).filter(move |register| {
            let current = self.get(&channel, register.topic, &register.key);
            register.state != Notified::Healthy && current.is_some_and(|current| std::ptr::eq(current, *register))
        })
    }

    /// Returns a channel's current registers, in no particular order.
    pub fn of_channel(&self, channel: &ChannelId) -> impl Iterator<Item = &'a Register> + use<'_, 'a> {
        let registers = self.channels.get(channel).into_iter();
        registers.flat_map(|found| found.by_id.values().chain(found.without_id.values())).map(|(_, register)| *register)
    }

    /// Returns when a node first served a channel.
    #[must_use]
    pub fn served_since(&self, channel: &ChannelId) -> Option<UnixNanos> {
        self.channels.get(channel)?.from
    }
}

impl<'a> ChannelRegisters<'a> {
    pub(super) fn add(&mut self, (node, register): Written<'a>) {
        let (topic, key) = (register.topic, &register.key);
        let mut slots: Vec<&mut Written<'a>> = Vec::new();
        let by_title = (topic, key.title.as_str(), key.locator.as_str());
        if let Some(id) = &key.id {
            slots.push(self.by_id.entry((topic, id)).or_insert((node, register)));
            slots.push(self.with_id.entry(by_title).or_insert((node, register)));
        } else {
            slots.push(self.without_id.entry(by_title).or_insert((node, register)));
        }
        for slot in slots {
            if register.compare(node, slot.1, slot.0).is_gt() {
                *slot = (node, register);
            }
        }
    }

    /// Finds the register for the endpoint with the same ID or, if either has no ID, the same title and locator.
    pub(super) fn get(&self, topic: Topic, key: &EndpointKey) -> Option<Written<'a>> {
        let by_title = (topic, key.title.as_str(), key.locator.as_str());
        let with_id = match &key.id {
            Some(id) => self.by_id.get(&(topic, &**id)),
            None => self.with_id.get(&by_title),
        };
        let found = with_id.into_iter().chain(self.without_id.get(&by_title)).copied();
        found.max_by(|(node, one), (other_node, other)| one.compare(node, other, other_node))
    }
}

fn is_future(register: &Register, now: UnixNanos) -> bool {
    register.at > now.saturating_add(CLOCK_TOLERANCE)
}

/// Returns whether a node goes to the end of the line until it delivers a message. Otherwise, the others would wait for it
/// in vain. If the provider did not respond in time, it may have accepted the message, so the other nodes do not send it
/// as well.
pub(super) fn gives_up_turn(retry: Retry) -> bool {
    retry.tries >= FAILURES_LIMIT && retry.why != FailureReason::TimedOut
}

/// A failed attempt to notify a channel.
#[derive(Debug, Clone, Copy)]
pub struct SendFailure {
    /// The reason for the failure.
    pub why: FailureReason,
    /// Whether the provider refused the message.
    pub is_refused: bool,
    /// Whether the provider recognizes repeated messages, so that repeating one does no harm.
    pub is_repeatable: bool,
    /// The time until the next attempt that the provider requests.
    pub after: Option<Nanos>,
}

impl SendFailure {
    /// Creates a failure for which the next attempt follows soon.
    #[must_use]
    pub fn new(why: FailureReason) -> SendFailure {
        SendFailure { why, is_refused: false, is_repeatable: false, after: None }
    }
}

impl NotificationLog {
    /// Updates the part of the log that describes its node. Returns whether anything changed. If so, the log must be
    /// stored before the other logs are read.
    pub fn introduce(&mut self, node: &Introduction<'_>, now: UnixNanos) -> bool {
        let Introduction { rank, every, pace: Pace { gather, spacing }, channels, stored_since } = *node;
        let is_same = self.channels.iter().map(|served| &served.id).eq(channels.iter().copied());
        if is_same && (self.rank, self.every, self.gather, self.spacing) == (rank, every, gather, spacing) {
            // If the log is new, no other node has been waiting for this one.
            let has_returned = stored_since > self.returned.max(self.since);
            self.returned = if has_returned { stored_since } else { self.returned };
            return has_returned;
        }
        let mut before = std::mem::take(&mut self.channels);
        let served = |id: &&ChannelId| {
            let index = before.iter().position(|served| served.id == **id);
            index.map_or_else(|| ServedChannel::new((*id).clone(), now), |index| before.swap_remove(index))
        };
        self.channels = channels.iter().map(served).collect();
        (self.rank, self.every, self.since) = (rank, every, now);
        (self.gather, self.spacing) = (gather, spacing);
        true
    }

    /// Updates where the providers of channels keep incidents, and records when that changed. Returns whether anything
    /// changed.
    pub fn describe_incidents(
        &mut self,
        scope_of: impl Fn(&ChannelId) -> Option<IncidentScope>,
        now: UnixNanos,
    ) -> bool {
        let mut has_changed = false;
        for served in &mut self.channels {
            let before = std::mem::replace(&mut served.incidents, scope_of(&served.id));
            if before != served.incidents {
                has_changed = true;
                // Logs of earlier versions do not contain the scope, so it may be unchanged.
                served.incidents_moved_at = before.map(|_| now);
            }
        }
        has_changed
    }

    /// Updates the news that the node leaves to others. Returns whether the log must be stored. It need not be stored
    /// just to remove an entry, because a stored entry is harmless after others have sent the news.
    pub fn wait(&mut self, channel: &ChannelId, waiting: Vec<Waiting>) -> bool {
        let Some(served) = self.served(channel) else { return false };
        let before = std::mem::replace(&mut served.waiting, waiting);
        let is_stored = |since: UnixNanos, news: &u32| {
            before.iter().any(|waiting| waiting.since == since && waiting.news.binary_search(news).is_ok())
        };
        served.waiting.iter().any(|waiting| waiting.news.iter().any(|news| !is_stored(waiting.since, news)))
    }

    /// Records news that was delivered to a channel or that does not need to be sent. `number` comes from
    /// [`Registers::next_number`].
    pub fn record(&mut self, news: &[News], number: i64, now: UnixNanos) {
        let subjects = Subjects::new(news.iter().map(|news| &news.register));
        self.registers.retain(|register| !subjects.contain(register));
        let recorded = news.iter().map(|news| Register { number, at: now, ..news.register.clone() });
        self.registers.extend(recorded);
    }

    /// Records that a channel accepted a message. Returns whether anything changed.
    pub fn succeeded(&mut self, channel: &ChannelId, now: UnixNanos) -> bool {
        let Some(served) = self.served(channel) else { return false };
        let Some(retry) = served.retry.take() else { return false };
        if gives_up_turn(retry) {
            served.resumed = Some(now);
        }
        true
    }

    /// Records a failed attempt. The next attempt follows after 1, 2, 4 … 60 minutes, or after the time that the
    /// provider requests. If the provider refused the message, the next attempt follows after an hour.
    ///
    /// A provider that did not respond in time may have accepted the message. Unless it recognizes repeated messages,
    /// only [`UNANSWERED_RETRIES`] further attempts follow. Returns whether the node gives up on the message. If so, its news must be recorded.
    #[must_use]
    pub fn failed(&mut self, channel: &ChannelId, failure: SendFailure, now: UnixNanos) -> bool {
        let SendFailure { why, is_refused, is_repeatable, after } = failure;
        let Some(served) = self.served(channel) else { return false };
        let (tries, before) = served.retry.map_or((0, 0), |retry| (retry.tries, retry.unanswered));
        let tries = tries.saturating_add(1);
        let doubled = FIRST_RETRY.saturating_mul(2_i64.saturating_pow(tries - 1));
        let mut wait = if is_refused { LONGEST_RETRY } else { after.unwrap_or(doubled).clamp(0, LONGEST_RETRY) };
        let mut unanswered = before;
        if why == FailureReason::TimedOut && !is_repeatable {
            let Some(delay) = usize::try_from(before).ok().and_then(|before| UNANSWERED_DELAYS.get(before)) else {
                (served.retry, served.unconfirmed) = (None, Some(now));
                return true;
            };
            (wait, unanswered) = (*delay, before + 1);
        }
        served.retry = Some(Retry { tries, unanswered, next: now.saturating_add(wait), why });
        false
    }

    /// Dates registers from the future to `now`, because this node's clock was wrong. Otherwise, the node would report
    /// nothing about their subjects until then.
    pub fn correct_times(&mut self, now: UnixNanos) {
        for register in self.registers.iter_mut().filter(|register| is_future(register, now)) {
            for time in [&mut register.at, &mut register.until, &mut register.since] {
                *time = now.min(*time);
            }
        }
    }

    /// Removes registers that are no longer needed. Returns whether anything changed.
    ///
    /// A register that records a recovery is kept while any log contains an older register for the same endpoint,
    /// because the older one would otherwise become current again.
    pub fn prune(&mut self, others: &[NotificationLog], now: UnixNanos) -> bool {
        let has_changed = self.drop_replaced(others, now);
        let others_merged = Registers::merge(others.iter().filter(|log| log.node != self.node), now);
        let is_served = |channel: &ChannelId| {
            self.channels.iter().any(|served| served.id == *channel)
                || others.iter().any(|log| log.channel(channel).is_some())
        };
        let (node, before) = (&self.node, self.registers.len());
        self.registers.retain(|own| {
            let is_older_than = |age: Nanos| own.at.max(own.until) < now.saturating_sub(age);
            let channel = others_merged.channels.get(&own.channel);
            match channel.and_then(|channel| channel.get(own.topic, &own.key)) {
                Some((other_node, other)) if other.compare(other_node, own, node).is_gt() => {
                    !is_older_than(REPLACED_RETENTION)
                }
                Some(_) => true,
                None => !is_older_than(RETENTION) || own.state != Notified::Healthy && is_served(&own.channel),
            }
        });
        let has_changed = has_changed || self.registers.len() != before;
        let is_past = |at: UnixNanos| at < now.saturating_sub(RETENTION);
        let past = self.channels.iter_mut().filter(|served| served.unconfirmed.is_some_and(is_past));
        past.fold(has_changed, |_, served| served.unconfirmed.take().is_some())
    }

    pub(super) fn served(&mut self, channel: &ChannelId) -> Option<&mut ServedChannel> {
        self.channels.iter_mut().find(|served| served.id == *channel)
    }
}

/// The subjects of a list of registers, used to find other registers for the same subjects.
pub(super) struct Subjects<'n> {
    by_id: HashSet<(&'n ChannelId, Topic, &'n str)>,
    /// Whether the subject with this title and locator has an ID.
    by_title: HashMap<(&'n ChannelId, Topic, &'n str, &'n str), bool>,
}

impl<'n> Subjects<'n> {
    pub(super) fn new(registers: impl Iterator<Item = &'n Register> + Clone) -> Subjects<'n> {
        let by_id = registers.clone().filter_map(|one| Some((&one.channel, one.topic, one.key.id.as_deref()?)));
        let by_title =
            registers.map(|one| ((&one.channel, one.topic, &*one.key.title, &*one.key.locator), one.key.id.is_some()));
        Subjects { by_id: by_id.collect(), by_title: by_title.collect() }
    }

    pub(super) fn contain(&self, register: &Register) -> bool {
        let Register { channel, topic, key, .. } = register;
        let has_id = self.by_title.get(&(channel, *topic, &*key.title, &*key.locator));
        let by_title = has_id.is_some_and(|has_id| !has_id || key.id.is_none());
        by_title || key.id.as_deref().is_some_and(|id| self.by_id.contains(&(channel, *topic, id)))
    }
}

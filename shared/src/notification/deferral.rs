//! Records which recipients have not received some news yet although others in their channel have, for example because
//! their mail server asked for another attempt.
//!
//! Messages are not kept. Instead, the log records the state that these recipients know, and [`deferred_news`] determines
//! the difference from the current state. Each recipient has at most one entry for a subject, in the log of the node that
//! sent the latest news about it.
//!
//! [`deferred_news`]: super::deferred_news::deferred_news

use std::collections::{BTreeMap, HashSet};

use super::news::News;
use super::registers::{ChannelRegisters, LONGEST_RETRY, Registers, Subjects};
use crate::notification_log::{ChannelId, Deferred, NotificationLog, Notified, RecipientList, Register};
use crate::object_name::NodeName;
use crate::{MINUTE, Nanos, UnixNanos};

/// The delay before the second attempt. Mail servers usually defer mail from unknown senders for this long. It doubles
/// with each further attempt.
const FIRST_DELAY: Nanos = 5 * MINUTE;

/// The maximum number of attempts for deferred recipients. They take about a day.
pub const DEFERRED_TRIES: u32 = 28;

/// The recipients that did not accept a message.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Reception {
    /// The channel's list of recipients.
    pub list: RecipientList,
    /// The positions of the recipients that are notified later, in ascending order.
    pub deferred: Vec<u32>,
    /// The positions of the recipients that were refused, which are not notified.
    pub refused: Vec<u32>,
}

/// The number of recipients that a node does not try to notify again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct GivenUp {
    /// The recipients that did not accept the message in [`DEFERRED_TRIES`] attempts.
    pub after_tries: usize,
    /// The recipients for which the log has no space.
    pub without_space: usize,
}

impl NotificationLog {
    /// Records a message that a channel accepted, and which of its recipients are notified later. `number` comes from
    /// [`Registers::next_number`]. Returns the number of recipients that cannot be notified later, because the log has no
    /// space for them.
    #[must_use]
    pub fn deliver(
        &mut self,
        others: &[NotificationLog],
        (channel, news): (&ChannelId, &[News]),
        reception: &Reception,
        (number, now): (i64, UnixNanos),
    ) -> usize {
        let taken_over = self.take_over(others, (channel, news), now);
        let mut entries = self.served(channel).map(|served| std::mem::take(&mut served.deferred)).unwrap_or_default();
        let mut missed = Vec::new();
        if !entries.is_empty() || !reception.deferred.is_empty() {
            let registers = Registers::merge(others.iter().chain([&*self]), now);
            remove_replaced(&mut entries, &registers, &self.node);
            let earlier = Earlier { own: (&self.node, &entries), others, registers: &registers, now };
            missed = earlier.missed(channel, news, reception);
        }
        self.record(news, number, now);
        self.succeeded(channel, now);
        let deferred: HashSet<u32> = reception.deferred.iter().copied().collect();
        let has_accepted = |recipient: u32| !deferred.contains(&recipient);
        let parts = accept(&mut entries, (news, &reception.refused), has_accepted, |_| None);
        self.replace_deferred(channel, entries, parts.into_iter().chain(missed).chain(taken_over))
    }

    /// Records news that is not sent. Returns the number of recipients that cannot be notified later of what another node
    /// has deferred, because the log has no space for them.
    #[must_use]
    pub fn record_unsent(
        &mut self,
        others: &[NotificationLog],
        (channel, news): (&ChannelId, &[News]),
        (number, now): (i64, UnixNanos),
    ) -> usize {
        let taken_over = self.take_over(others, (channel, news), now);
        let mut entries = self.served(channel).map(|served| std::mem::take(&mut served.deferred)).unwrap_or_default();
        if !entries.is_empty() {
            // Otherwise, these entries would become current again, because this node records the latest news.
            let registers = Registers::merge(others.iter().chain([&*self]), now);
            remove_replaced(&mut entries, &registers, &self.node);
        }
        self.record(news, number, now);
        self.replace_deferred(channel, entries, taken_over)
    }

    /// Returns what other nodes' deferred recipients know about the subjects of news that is only recorded. Afterwards,
    /// those nodes no longer notify them, because they did not send the latest news.
    fn take_over(
        &self,
        others: &[NotificationLog],
        (channel, news): (&ChannelId, &[News]),
        now: UnixNanos,
    ) -> Vec<Deferred> {
        let unsent = news.iter().filter(|news| news.items.is_empty()).map(|news| &news.register);
        let has_entries =
            |log: &NotificationLog| log.channel(channel).is_some_and(|served| !served.deferred.is_empty());
        if unsent.clone().next().is_none() || !others.iter().any(has_entries) {
            return Vec::new();
        }
        let (unsent, registers) = (Subjects::new(unsent), Registers::merge(others.iter().chain([self]), now));
        let others = others.iter().filter(|log| log.node != self.node);
        let entries = others.filter_map(|log| Some((&log.node, &log.channel(channel)?.deferred)));
        let entries = entries.flat_map(|(node, deferred)| deferred.iter().map(move |entry| (node, entry)));
        let taken_over = entries.filter(|(_, entry)| !entry.is_expired(now)).filter_map(|(node, entry)| {
            let is_current = |known: &&Register| unsent.contain(known) && !is_replaced(known, &registers, node);
            let known: Vec<Register> = entry.known.iter().filter(is_current).cloned().collect();
            (!known.is_empty()).then(|| Deferred { known, ..entry.clone() })
        });
        taken_over.collect()
    }

    /// Records another attempt to send news to the deferred recipients of an entry.
    #[must_use]
    pub fn tried_deferred(
        &mut self,
        channel: &ChannelId,
        (tried, news): (&Deferred, &[News]),
        reception: &Reception,
        now: UnixNanos,
    ) -> GivenUp {
        let Some(served) = self.served(channel) else { return GivenUp::default() };
        let mut entries = std::mem::take(&mut served.deferred);
        // The others may have received further news that is held back, for example until it is certain that the endpoint
        // has not recovered since then.
        let registers = Registers::merge([&*self], now);
        let is_behind = |news: &&Register| {
            let current = registers.get(channel, news.topic, &news.key);
            current.is_some_and(|current| current.state != news.state)
        };
        let mut behind = ChannelRegisters::default();
        heard(news).filter(is_behind).for_each(|news| behind.add((&self.node, news)));
        let known_after = |known: &Register| behind.get(known.topic, &known.key).map(|(_, received)| received.clone());
        let deferred: HashSet<u32> = reception.deferred.iter().copied().collect();
        let tried: HashSet<u32> = tried.recipients.iter().copied().collect();
        let has_accepted = |recipient: u32| tried.contains(&recipient) && !deferred.contains(&recipient);
        let parts = accept(&mut entries, (news, &reception.refused), has_accepted, known_after);
        let mut given_up = GivenUp::default();
        let subjects = Subjects::new(heard(news));
        entries.retain_mut(|entry| {
            let is_tried = entry.recipients.iter().any(|recipient| deferred.contains(recipient));
            if !is_tried || !entry.known.iter().any(|known| subjects.contain(known)) {
                return true;
            }
            entry.tries = entry.tries.saturating_add(1);
            let wait = FIRST_DELAY.saturating_mul(2_i64.saturating_pow(entry.tries - 1)).min(LONGEST_RETRY);
            entry.next = now.saturating_add(wait);
            let is_last = entry.tries >= DEFERRED_TRIES;
            given_up.after_tries += if is_last { entry.recipients.len() } else { 0 };
            !is_last
        });
        given_up.without_space = self.replace_deferred(channel, entries, parts);
        given_up
    }

    /// Ends the attempts for the recipients of an entry.
    pub fn end_deferred(&mut self, channel: &ChannelId, deferred: &Deferred) {
        if let Some(served) = self.served(channel) {
            served.deferred.retain(|other| other != deferred);
        }
    }

    /// Ends the attempts for recipients whose list has changed, because their positions are invalid. Returns the channels
    /// with such recipients.
    pub fn end_changed_lists(&mut self, list_of: impl Fn(&ChannelId) -> RecipientList) -> Vec<ChannelId> {
        let mut changed = Vec::new();
        for served in self.channels.iter_mut().filter(|served| !served.deferred.is_empty()) {
            let (list, count) = (list_of(&served.id), served.deferred.len());
            served.deferred.retain(|deferred| deferred.list.is_same(list));
            if served.deferred.len() != count {
                changed.push(served.id.clone());
            }
        }
        changed
    }

    /// Ends the attempts to send news that other nodes have replaced with later news. Returns whether anything changed.
    pub(super) fn drop_replaced(&mut self, others: &[NotificationLog], now: UnixNanos) -> bool {
        if self.channels.iter().all(|served| served.deferred.is_empty()) {
            return false;
        }
        let channels = self.channels.iter_mut();
        let mut deferred: Vec<_> = channels.map(|served| std::mem::take(&mut served.deferred)).collect();
        let registers = Registers::merge(others.iter().chain([&*self]), now);
        let mut has_changed = false;
        for entries in &mut deferred {
            has_changed |= remove_replaced(entries, &registers, &self.node);
        }
        for (served, deferred) in self.channels.iter_mut().zip(deferred) {
            served.deferred = deferred;
        }
        has_changed
    }

    /// Sets a channel's entries, and adds as many others as the log has space for. Returns the number of recipients in
    /// the rest.
    fn replace_deferred(
        &mut self,
        channel: &ChannelId,
        entries: Vec<Deferred>,
        more: impl IntoIterator<Item = Deferred>,
    ) -> usize {
        if let Some(served) = self.served(channel) {
            served.deferred = entries;
        }
        let more = more.into_iter().map(|entry| (entry.recipients.len(), entry));
        more.map(|(count, entry)| if self.add_deferred(channel, entry) { 0 } else { count }).sum()
    }
}

/// Returns the registers of the news that a message contains. The rest is only recorded.
fn heard(news: &[News]) -> impl Iterator<Item = &Register> + Clone {
    news.iter().filter(|news| !news.items.is_empty()).map(|news| &news.register)
}

/// Returns whether another node has sent later news about a subject. Its message was for all recipients, so that node
/// also notifies those that did not accept it.
pub(super) fn is_replaced(known: &Register, registers: &Registers<'_>, node: &NodeName) -> bool {
    registers.author(&known.channel, known.topic, &known.key).is_some_and(|author| author != node)
}

fn remove_replaced(entries: &mut Vec<Deferred>, registers: &Registers<'_>, node: &NodeName) -> bool {
    let mut has_changed = false;
    for entry in &mut *entries {
        let count = entry.known.len();
        entry.known.retain(|known| !is_replaced(known, registers, node));
        has_changed |= entry.known.len() != count;
    }
    entries.retain(|entry| !entry.known.is_empty());
    has_changed
}

/// Updates entries after a message: recipients that accepted it know its news, and those that were refused are not
/// notified again. `known_after` returns what the former know about a subject of the message if they still miss later
/// news about it. Returns additional entries, for recipients that accepted the message while others in their entry did
/// not.
fn accept(
    entries: &mut Vec<Deferred>,
    (news, refused): (&[News], &[u32]),
    has_accepted: impl Fn(u32) -> bool,
    known_after: impl Fn(&Register) -> Option<Register>,
) -> Vec<Deferred> {
    if entries.is_empty() {
        return Vec::new();
    }
    let refused: HashSet<u32> = refused.iter().copied().collect();
    let subjects = Subjects::new(heard(news));
    let mut parts = Vec::new();
    for entry in &mut *entries {
        entry.recipients.retain(|recipient| !refused.contains(recipient));
        if !entry.known.iter().any(|known| subjects.contain(known)) {
            continue;
        }
        let (accepted, left): (Vec<u32>, Vec<u32>) =
            entry.recipients.iter().copied().partition(|recipient| has_accepted(*recipient));
        if accepted.is_empty() {
            continue;
        }
        let rest = entry.known.iter();
        let rest =
            rest.filter_map(|known| if subjects.contain(known) { known_after(known) } else { Some(known.clone()) });
        let rest = rest.collect();
        if left.is_empty() {
            entry.known = rest;
            continue;
        }
        entry.recipients = left;
        let Deferred { list, tries, next, .. } = *entry;
        parts.push(Deferred { recipients: accepted, list, tries, next, known: rest });
    }
    let is_needed = |entry: &Deferred| !entry.recipients.is_empty() && !entry.known.is_empty();
    entries.retain(is_needed);
    parts.retain(is_needed);
    parts
}

/// The entries for recipients that already miss news when they do not accept a further message.
struct Earlier<'a> {
    /// The node that sent the message, and its entries for the channel.
    own: (&'a NodeName, &'a [Deferred]),
    others: &'a [NotificationLog],
    /// The state that the channel was last notified of.
    registers: &'a Registers<'a>,
    now: UnixNanos,
}

/// An entry for deferred recipients, and its node.
struct Entry<'a> {
    node: &'a NodeName,
    recipients: HashSet<u32>,
    known: ChannelRegisters<'a>,
}

impl Earlier<'_> {
    /// Returns entries for the recipients that did not accept a message. They describe the last state that each recipient
    /// knows, except for subjects of which the node already has an entry for the recipient.
    fn missed(&self, channel: &ChannelId, news: &[News], reception: &Reception) -> Vec<Deferred> {
        if reception.deferred.is_empty() {
            return Vec::new();
        }
        let entries = self.entries(channel, reception.list);
        // Recipients with the same entries miss the same news.
        let mut groups: BTreeMap<Vec<usize>, Vec<u32>> = BTreeMap::new();
        for recipient in &reception.deferred {
            let with_recipient = entries.iter().enumerate().filter(|(_, entry)| entry.recipients.contains(recipient));
            let indexes = with_recipient.map(|(index, _)| index).collect();
            groups.entry(indexes).or_default().push(*recipient);
        }
        let next = self.now.saturating_add(FIRST_DELAY);
        let entry = |(indexes, recipients): (Vec<usize>, Vec<u32>)| {
            let group: Vec<&Entry<'_>> = indexes.iter().map(|index| &entries[*index]).collect();
            let known: Vec<Register> = heard(news).filter_map(|register| self.known(&group, register)).collect();
            Deferred { recipients, list: reception.list, tries: 1, next, known }
        };
        let mut missed: Vec<Deferred> = groups.into_iter().map(entry).collect();
        missed.retain(|entry| !entry.known.is_empty());
        missed
    }

    fn entries(&self, channel: &ChannelId, list: RecipientList) -> Vec<Entry<'_>> {
        let (own, own_entries) = self.own;
        let own_entries = own_entries.iter().map(|entry| (own, entry));
        let others = self.others.iter().filter_map(|log| Some((&log.node, log.channel(channel)?)));
        let others = others.flat_map(|(node, served)| served.deferred.iter().map(move |entry| (node, entry)));
        let others = others.filter(|(_, entry)| entry.list.is_same(list) && !entry.is_expired(self.now));
        let indexed = own_entries.chain(others).map(|(node, deferred)| {
            let mut known = ChannelRegisters::default();
            for register in &deferred.known {
                known.add((node, register));
            }
            Entry { node, recipients: deferred.recipients.iter().copied().collect(), known }
        });
        indexed.collect()
    }

    /// Returns the state that recipients in the given entries know about the subject of news, or `None` if one of the
    /// node's entries contains it.
    fn known(&self, entries: &[&Entry<'_>], news: &Register) -> Option<Register> {
        let author = self.registers.author(&news.channel, news.topic, &news.key);
        // The entries of a node that did not send the latest news are obsolete.
        let found = entries.iter().find_map(|entry| {
            let (_, known) = entry.known.get(news.topic, &news.key)?;
            let is_current = entry.node == self.own.0 || author == Some(entry.node);
            is_current.then_some((entry.node, known))
        });
        match found {
            Some((node, _)) if node == self.own.0 => None,
            Some((_, known)) => Some(Register { channel: news.channel.clone(), ..known.clone() }),
            None => Some(known_before(self.registers, news)),
        }
    }
}

/// Returns the register that news replaces. It describes what recipients know if they do not receive the news.
fn known_before(registers: &Registers<'_>, news: &Register) -> Register {
    let Register { channel, topic, key, .. } = news;
    registers.get(channel, *topic, key).cloned().unwrap_or_else(|| {
        let from = registers.served_since(channel).unwrap_or(news.at);
        let state = Notified::Healthy;
        Register { number: 0, state, since: 0, until: from, at: from, reminders: 0, ..news.clone() }
    })
}

//! Recipients that have not received some news yet although others in their channel have, for example because their
//! mail server asked for another attempt.
//!
//! Messages are not kept. Instead, the log records the state that these recipients know, and the difference from the
//! current state is sent to them alone.

use std::collections::HashSet;

use super::lineup::Nodes;
use super::news::{News, Plan};
use super::policy::Pace;
use super::reconcile::reconcile;
use super::registers::{LONGEST_RETRY, Registers};
use super::situation::Situation;
use crate::check_file::EndpointKey;
use crate::notification_log::{
    ChannelId, DEFERRED_LIMIT, Deferred, NotificationLog, Notified, Register, ServedChannel, Topic,
};
use crate::{MINUTE, Nanos, UnixNanos};

/// The delay before the second attempt. Mail servers usually defer mail from unknown senders for this long. It doubles
/// with each further attempt.
const FIRST_DELAY: Nanos = 5 * MINUTE;

/// The maximum number of attempts for deferred recipients. They take about a day.
pub const DEFERRED_TRIES: u32 = 28;

/// The news for recipients that have not accepted a message yet.
#[derive(Debug, Clone, PartialEq)]
pub enum DeferredNews {
    /// The deferred recipients can be notified now.
    Send(Plan),
    /// It is too early for the next attempt, or the news is held back.
    Wait,
    /// There is nothing left to send.
    Nothing,
}

impl NotificationLog {
    /// Records that some of a channel's recipients have not received news yet although the others have. `known` comes
    /// from [`known_before`]. Returns whether the log can contain another such entry.
    #[must_use]
    pub fn defer(
        &mut self,
        channel: &ChannelId,
        (recipients, recipient_count): (Vec<u32>, u32),
        known: Vec<Register>,
        now: UnixNanos,
    ) -> bool {
        let Some(served) = self.served(channel).filter(|served| served.deferred.len() < DEFERRED_LIMIT) else {
            return false;
        };
        let next = now.saturating_add(FIRST_DELAY);
        served.deferred.push(Deferred { recipients, recipient_count, tries: 1, next, known });
        true
    }

    /// Records another attempt for deferred recipients. `left` contains those that have not received the news yet.
    /// Returns the number of recipients that the node gives up on.
    #[must_use]
    pub fn tried_deferred(
        &mut self,
        channel: &ChannelId,
        deferred: &Deferred,
        left: Vec<u32>,
        now: UnixNanos,
    ) -> usize {
        let Some(served) = self.served(channel) else { return 0 };
        let Some(index) = served.deferred.iter().position(|other| other == deferred) else { return 0 };
        let entry = &mut served.deferred[index];
        entry.tries = entry.tries.saturating_add(1);
        if left.is_empty() || entry.tries >= DEFERRED_TRIES {
            served.deferred.remove(index);
            return left.len();
        }
        let wait = FIRST_DELAY.saturating_mul(2_i64.saturating_pow(entry.tries - 1)).min(LONGEST_RETRY);
        (entry.recipients, entry.next) = (left, now.saturating_add(wait));
        0
    }
}

/// Returns the registers that news replaces. They describe what recipients know if they do not receive the news.
#[must_use]
pub fn known_before(registers: &Registers<'_>, news: &[News]) -> Vec<Register> {
    let known = |news: &News| {
        let Register { channel, topic, key, .. } = &news.register;
        registers.get(channel, *topic, key).cloned().unwrap_or_else(|| {
            let from = registers.served_since(channel).unwrap_or(news.register.at);
            let state = Notified::Healthy;
            Register { number: 0, state, since: 0, until: from, at: from, reminders: 0, ..news.register.clone() }
        })
    };
    news.iter().map(known).collect()
}

/// Determines the news for deferred recipients. Only the node that deferred them notifies them.
#[must_use]
pub fn deferred_news(situation: &Situation<'_>, deferred: &Deferred) -> DeferredNews {
    let now = situation.now;
    // A time beyond the longest delay comes from a clock that was wrong.
    if deferred.next > now && deferred.next <= now.saturating_add(LONGEST_RETRY) {
        return DeferredNews::Wait;
    }
    let own = situation.nodes.own;
    let mut own = NotificationLog { registers: deferred.known.clone(), ..own.clone() };
    for served in &mut own.channels {
        *served = ServedChannel::new(served.id.clone(), served.from);
    }
    let registers = Registers::merge([&own], now);
    let nodes = Nodes { own: &own, others: &[], newest: situation.nodes.newest };
    let mut plan = reconcile(&Situation { registers: &registers, nodes, pace: Pace::default(), ..*situation });
    let is_deferred = |topic: Topic, key: &EndpointKey| {
        deferred.known.iter().any(|known| known.topic == topic && known.key.is_same_endpoint(key))
    };
    // An endpoint can have been renamed in the meantime.
    let keys = deferred.known.iter().map(|known| &known.key);
    let current = situation.verdicts.iter().map(|verdict| verdict.key);
    let current = current.filter(|key| keys.clone().any(|known| known.is_same_endpoint(key)));
    let titles: HashSet<&str> = keys.clone().chain(current).map(|key| key.title.as_str()).collect();
    plan.news.retain(|news| !news.items.is_empty() && is_deferred(news.register.topic, &news.register.key));
    plan.held.retain(|held| titles.contains(held.title.as_str()));
    match (plan.news.is_empty(), plan.held.is_empty()) {
        (false, _) => DeferredNews::Send(plan),
        (true, false) => DeferredNews::Wait,
        (true, true) => DeferredNews::Nothing,
    }
}

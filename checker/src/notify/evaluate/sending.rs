//! Sends the news that this node is responsible for, and records it in the node's log.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use futures_util::stream::{self, FuturesUnordered};
use futures_util::{StreamExt as _, future};
use shared::UnixNanos;
use shared::notification::digest::Digest;
use shared::notification::reconcile::{News, Plan};
use shared::notification_log::Notified;
use tokio::time::Instant;

use super::{Assessment, EvaluationReport, Notifier};
use crate::notify::channels::SendOutcome;
use crate::notify::delivery::{Content, Courier, Job, TIME_LIMIT};
use crate::notify::message::{ITEM_LIMIT, Message};
use crate::notify::own_log::OwnLog;
use crate::notify::rules::{Channel, Notifications};
use crate::notify::words;
use crate::store::StoreError;

/// The number of messages to send to one provider at the same time, if it receives several.
const PORTIONS_AT_ONCE: usize = 8;

/// How long after the first message further ones are sent to a provider. The rest of [`TIME_LIMIT`] is left for their
/// responses.
const PORTIONS_TIME: Duration = Duration::from_secs(5);

/// The number of failures after which no further messages are sent to a provider.
const PORTION_FAILURES: usize = 3;

/// A message to send, with the news that it contains.
#[derive(Debug)]
pub(super) struct Portion {
    pub(super) message: Message,
    pub(super) news: Vec<News>,
}

/// The outcome of sending a channel's messages.
struct Delivered<'a> {
    channel: &'a Channel,
    /// The news that the channel accepted.
    news: Vec<News>,
    /// The outcome of the first message that failed.
    failure: Option<SendOutcome>,
    problems: Vec<String>,
    /// Whether there was no time for all messages.
    is_incomplete: bool,
}

impl Notifier {
    /// Sends the news, and records each message as soon as its channel has accepted it. After a crash, only messages
    /// that were being sent can be repeated.
    pub(super) async fn send(
        &mut self,
        assessment: Assessment,
        is_store_working: bool,
        now: UnixNanos,
        report: &mut EvaluationReport,
    ) {
        let settings = self.settings.clone();
        let Some(mut own) = self.own.take() else { return };
        let Assessment { plans, number, .. } = assessment;
        let (mut has_changed, mut outgoing) = (own.is_behind(), Vec::new());
        for (index, mut plan) in plans {
            let channel = &settings.channels[index];
            report.due = [report.due, plan.next].into_iter().flatten().min();
            has_changed |= own.log.wait(&channel.id, std::mem::take(&mut plan.waiting));
            if plan.news.is_empty() {
                continue;
            }
            let portions = portions(&settings, channel, plan, now);
            let (silent, portions): (Vec<_>, Vec<_>) =
                portions.into_iter().partition(|portion| portion.message.items.is_empty());
            for portion in &silent {
                own.log.record(&portion.news, number, now);
                has_changed = true;
            }
            if !portions.is_empty() {
                outgoing.push((channel, portions));
            }
        }
        let courier = if outgoing.is_empty() { None } else { Some(self.courier().await) };
        match courier {
            None => {}
            Some(Err(error)) => report.problems.push(error.to_string()),
            Some(Ok(courier)) => {
                has_changed |=
                    self.deliver(&mut own, &courier, outgoing, (number, is_store_working, now), report).await;
            }
        }
        self.own = Some(own);
        self.finish(has_changed, is_store_working, now, report).await;
    }

    /// Sends messages to several channels concurrently. Returns whether the log has unsaved changes.
    async fn deliver(
        &self,
        own: &mut OwnLog,
        courier: &Courier,
        outgoing: Vec<(&Channel, Vec<Portion>)>,
        (number, is_store_working, now): (i64, bool, UnixNanos),
        report: &mut EvaluationReport,
    ) -> bool {
        let mut has_changed = false;
        let sending = outgoing.into_iter().map(|(channel, portions)| deliver_to(channel, portions, courier, now));
        let mut sending: FuturesUnordered<_> = sending.collect();
        while let Some(delivered) = sending.next().await {
            let Delivered { channel, news, failure, problems, is_incomplete } = delivered;
            report.problems.extend(problems);
            if !news.is_empty() {
                own.log.record(&news, number, now);
                own.log.succeeded(&channel.id);
                let summary = words::short_summary(&compose_news(&self.settings, channel, &news, now));
                report.sent.push(format!("notified `{}`: {summary}", channel.id));
            }
            match failure {
                Some(SendOutcome::Retry { reason, after }) => {
                    let after = after.map(|after| i64::try_from(after.as_nanos()).unwrap_or(i64::MAX));
                    own.log.failed(&channel.id, reason, false, after, now);
                }
                Some(SendOutcome::Refused { reason }) => {
                    // A provider that accepted other messages works.
                    own.log.failed(&channel.id, reason, news.is_empty(), None, now);
                }
                Some(SendOutcome::Delivered) | None if is_incomplete => report.due = Some(now),
                Some(SendOutcome::Delivered) | None => {}
            }
            has_changed = true;
            if is_store_working && !sending.is_empty() {
                report.problems.extend(own.save(self.view.store()).await.as_ref().err().map(not_recorded));
                has_changed = own.is_behind();
            }
        }
        has_changed
    }

    /// Stores this node's log if it has changed.
    async fn finish(
        &mut self,
        mut has_changed: bool,
        is_store_working: bool,
        now: UnixNanos,
        report: &mut EvaluationReport,
    ) {
        let Some(own) = &mut self.own else { return };
        has_changed |= own.is_complete() && own.log.prune(self.view.logs(), now);
        let failure = match (has_changed, is_store_working) {
            (false, _) => None,
            (true, true) => own.save(self.view.store()).await.err(),
            (true, false) => own.keep().err(),
        };
        report.problems.extend(failure.as_ref().map(not_recorded));
        if !own.is_complete() {
            self.own = None;
        }
    }
}

fn not_recorded(error: &StoreError) -> String {
    format!("the notification log was not stored, so other nodes may repeat messages: {error}")
}

/// Sends a channel's messages, several at the same time, until some fail or the time is up. The news of the others
/// remains to be sent.
async fn deliver_to<'a>(
    channel: &'a Channel,
    portions: Vec<Portion>,
    courier: &Courier,
    now: UnixNanos,
) -> Delivered<'a> {
    let (started, count) = (Instant::now(), portions.len());
    let (failures, attempts) = (AtomicUsize::new(0), AtomicUsize::new(0));
    let send = |Portion { message, news }: Portion| {
        let (failures, attempts) = (&failures, &attempts);
        async move {
            let is_late = attempts.load(Ordering::Relaxed) > 0 && started.elapsed() >= PORTIONS_TIME;
            if is_late || failures.load(Ordering::Relaxed) >= PORTION_FAILURES {
                return None;
            }
            attempts.fetch_add(1, Ordering::Relaxed);
            let (transport, content) = (channel.transport.clone(), Content::News(message));
            let job = Job { channel: channel.id.clone(), transport, content };
            let limit = TIME_LIMIT.saturating_sub(started.elapsed());
            let report = courier.deliver(vec![job], limit, now).await.pop()?;
            failures.fetch_add(usize::from(report.outcome != SendOutcome::Delivered), Ordering::Relaxed);
            Some((news, report))
        }
    };
    let sending = stream::iter(portions).map(send).buffered(PORTIONS_AT_ONCE);
    let attempted: Vec<_> = sending.filter_map(future::ready).collect().await;
    let is_incomplete = attempted.len() < count;
    let mut delivered = Delivered { channel, news: Vec::new(), failure: None, problems: Vec::new(), is_incomplete };
    for (news, report) in attempted {
        if report.outcome == SendOutcome::Delivered {
            delivered.news.extend(news);
        } else {
            delivered.failure.get_or_insert(report.outcome);
        }
        // Several messages usually have the same problem.
        delivered.problems.extend(report.problem.filter(|problem| !delivered.problems.contains(problem)));
    }
    delivered
}

/// Divides news into messages: one for everything or, if the provider keeps incidents, one for each piece of news,
/// because a message that only counts some of them would leave incidents open. Recoveries come first.
pub(super) fn portions(settings: &Notifications, channel: &Channel, plan: Plan, now: UnixNanos) -> Vec<Portion> {
    let Plan { mut news, preface, .. } = plan;
    if !channel.transport.keeps_incidents() {
        let message = Message { preface, ..compose_news(settings, channel, &news, now) };
        return vec![Portion { message, news }];
    }
    news.sort_by_key(|news| news.register.state != Notified::Healthy);
    let portion = |news: News| {
        // The items keep their order, because the last one determines the state of the incident.
        let items = news.items.clone();
        let composed = compose_news(settings, channel, std::slice::from_ref(&news), now);
        Portion { message: Message { items, more: Vec::new(), hidden: Vec::new(), ..composed }, news: vec![news] }
    };
    news.into_iter().map(portion).collect()
}

/// Composes one message with all news. The message has no items if the news only needs to be recorded.
#[must_use]
pub fn compose(settings: &Notifications, channel: &Channel, plan: &Plan, now: UnixNanos) -> Message {
    Message { preface: plan.preface.clone(), ..compose_news(settings, channel, &plan.news, now) }
}

fn compose_news(settings: &Notifications, channel: &Channel, news: &[News], now: UnixNanos) -> Message {
    let rules = &settings.rules;
    let digest = Digest::new(&channel.id, news, ITEM_LIMIT, |title| rules.group_of(title).to_owned());
    let Digest { id, items, more, hidden } = digest;
    Message { more, hidden, ..rules.message(id, items, now) }
}

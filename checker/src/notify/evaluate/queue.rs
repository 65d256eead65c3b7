//! Divides a channel's news into messages, and sends them.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use futures_util::{StreamExt as _, stream};
use shared::UnixNanos;
use shared::notification::reconcile::{News, Plan};
use shared::notification_log::{Deferred, Notified};
use tokio::time::Instant;

use super::composition::compose_news;
use crate::notify::channels::SendOutcome;
use crate::notify::delivery::{Content, Courier, DeliveryReport, Job, TIME_LIMIT};
use crate::notify::message::Message;
use crate::notify::rules::{Channel, Notifications};

/// The number of messages to send to one provider at the same time, if it receives several.
const MESSAGES_AT_ONCE: usize = 8;

/// How long after the first message further messages can be sent to a provider. The rest of [`TIME_LIMIT`] is left for
/// their responses.
const QUEUE_TIME: Duration = Duration::from_secs(5);

/// The number of failures after which no further messages are sent to a provider.
const FAILURES_LIMIT: usize = 3;

/// A message to send, with the news that it contains.
#[derive(Debug)]
pub(super) struct Outgoing<'a> {
    pub(super) channel: &'a Channel,
    pub(super) message: Message,
    pub(super) news: Vec<News>,
    /// The deferred recipients that receive the message, or `None` if all recipients do.
    pub(super) deferred: Option<Deferred>,
}

/// The outcome of sending a channel's messages.
pub(super) struct SentQueue<'a> {
    /// The messages that were sent, with their outcomes.
    pub(super) attempts: Vec<(Outgoing<'a>, DeliveryReport)>,
    /// Whether there was no time for all messages.
    pub(super) is_incomplete: bool,
}

/// Divides news into messages: one for everything or, if the provider keeps incidents, one for each piece of news,
/// because a message that only counts some of them would leave incidents open. Recoveries come first.
pub(super) fn queue<'a>(
    settings: &Notifications,
    channel: &'a Channel,
    plan: Plan,
    now: UnixNanos,
) -> Vec<Outgoing<'a>> {
    let Plan { mut news, preface, .. } = plan;
    if !channel.transport.keeps_incidents() {
        let message = Message { preface, ..compose_news(settings, channel, &news, now) };
        return vec![Outgoing { channel, message, news, deferred: None }];
    }
    news.sort_by_key(|news| news.register.state != Notified::Healthy);
    let outgoing = |news: News| {
        // The items keep their order, because the last one determines the state of the incident.
        let items = news.items.clone();
        let composed = compose_news(settings, channel, std::slice::from_ref(&news), now);
        let message = Message { items, more: Vec::new(), hidden: Vec::new(), ..composed };
        Outgoing { channel, message, news: vec![news], deferred: None }
    };
    news.into_iter().map(outgoing).collect()
}

/// Sends a channel's messages, several at the same time, until some of them fail or time runs out. The news in unsent
/// messages is kept for later.
pub(super) async fn send_queue<'a>(queue: Vec<Outgoing<'a>>, courier: &Courier, now: UnixNanos) -> SentQueue<'a> {
    let started = Instant::now();
    let (failures, attempts) = (AtomicUsize::new(0), AtomicUsize::new(0));
    let send = |job: Job| {
        let (failures, attempts) = (&failures, &attempts);
        async move {
            let is_late = attempts.load(Ordering::Relaxed) > 0 && started.elapsed() >= QUEUE_TIME;
            if is_late || failures.load(Ordering::Relaxed) >= FAILURES_LIMIT {
                return None;
            }
            attempts.fetch_add(1, Ordering::Relaxed);
            let limit = TIME_LIMIT.saturating_sub(started.elapsed());
            let delivered = courier.deliver(vec![job], limit, now).await.pop()?;
            failures.fetch_add(usize::from(delivered.outcome != SendOutcome::Delivered), Ordering::Relaxed);
            Some(delivered)
        }
    };
    let jobs: Vec<Job> = queue.iter().map(job).collect();
    let outcomes: Vec<Option<DeliveryReport>> = stream::iter(jobs).map(send).buffered(MESSAGES_AT_ONCE).collect().await;
    let is_incomplete = outcomes.iter().any(Option::is_none);
    let attempts = queue.into_iter().zip(outcomes).filter_map(|(outgoing, outcome)| Some((outgoing, outcome?)));
    SentQueue { attempts: attempts.collect(), is_incomplete }
}

fn job(outgoing: &Outgoing<'_>) -> Job {
    let message = outgoing.message.clone();
    let content = match &outgoing.deferred {
        Some(deferred) => Content::Rest { message, recipients: deferred.recipients.clone() },
        None => Content::News(message),
    };
    Job { channel: outgoing.channel.id.clone(), transport: outgoing.channel.transport.clone(), content }
}

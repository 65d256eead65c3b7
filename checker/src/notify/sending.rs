//! Sends the news that is this node's turn, and records that.

use futures_util::StreamExt as _;
use futures_util::stream::FuturesUnordered;
use shared::UnixNanos;
use shared::notification::digest::Digest;
use shared::notification::reconcile::{News, Plan};
use shared::notification_log::FailureReason;

use super::channels::Outcome;
use super::delivery;
use super::evaluate::{Assessment, EvaluationReport, Notifier};
use super::message::{ITEM_LIMIT, Message};
use super::rules::{Channel, Notifications};
use super::words;

/// A message to send, and what it is about.
struct Outgoing<'a> {
    channel: &'a Channel,
    message: Message,
    news: Vec<News>,
}

impl Notifier {
    /// Sends the news, and records it as soon as a channel has accepted it: a crash can then only repeat the messages
    /// that are being sent.
    pub(super) async fn send(
        &mut self,
        assessment: Assessment,
        is_store_working: bool,
        now: UnixNanos,
        report: &mut EvaluationReport,
    ) {
        let settings = self.settings.clone();
        let Some(own) = &mut self.own else { return };
        let Assessment { plans, number } = assessment;
        let (mut has_changed, mut outgoing) = (own.is_behind(), Vec::new());
        for (index, plan) in plans {
            let channel = &settings.channels[index];
            report.due = [report.due, plan.next].into_iter().flatten().min();
            has_changed |= own.log.wait(&channel.id, plan.waiting);
            if plan.news.is_empty() {
                continue;
            }
            let message = compose(&settings, channel, &plan, now);
            if message.items.is_empty() {
                own.log.record(&plan.news, number, now, None);
                has_changed = true;
            } else {
                outgoing.push(Outgoing { channel, message, news: plan.news });
            }
        }
        let deliver = async |Outgoing { channel, message, news }: Outgoing<'_>| {
            let outcome = delivery::deliver(&channel.transport, &message, now).await;
            (channel, message, news, outcome)
        };
        let mut sending: FuturesUnordered<_> = outgoing.into_iter().map(deliver).collect();
        let mut problems = Vec::new();
        while let Some((channel, message, news, outcome)) = sending.next().await {
            match outcome {
                Outcome::Delivered { reference } => {
                    own.log.record(&news, number, now, reference.as_deref());
                    own.log.succeeded(&channel.id);
                    report.sent.push(format!("notified `{}`: {}", channel.id, words::short_summary(&message)));
                }
                Outcome::Retry { reason, after } => {
                    let after = after.map(|after| i64::try_from(after.as_nanos()).unwrap_or(i64::MAX));
                    own.log.failed(&channel.id, reason, false, after, now);
                    report.problems.push(problem(channel, reason));
                }
                Outcome::Refused { reason } => {
                    own.log.failed(&channel.id, reason, true, None, now);
                    report.problems.push(problem(channel, reason));
                }
            }
            has_changed = true;
            if is_store_working && !sending.is_empty() {
                problems.extend(own.save(self.view.store()).await.err());
                has_changed = false;
            }
        }
        has_changed |= own.log.prune(self.view.logs(), now);
        if has_changed && is_store_working {
            problems.extend(own.save(self.view.store()).await.err());
        } else if has_changed {
            problems.extend(own.keep().err());
        }
        let describe = |error| format!("the log of notifications was not stored, so messages may be repeated: {error}");
        report.problems.extend(problems.into_iter().map(describe));
        if !own.is_complete() {
            self.own = None;
        }
    }
}

/// Composes the message to a channel. It has no items if the news is only recorded.
pub(super) fn compose(settings: &Notifications, channel: &Channel, plan: &Plan, now: UnixNanos) -> Message {
    let rules = &settings.rules;
    let digest = Digest::new(&channel.id, &plan.news, ITEM_LIMIT, |title| rules.group_of(title).to_owned());
    Message {
        id: digest.id,
        at: now,
        page_title: rules.page_title.clone(),
        page_url: rules.page_url.clone(),
        preface: plan.preface.clone(),
        items: digest.items,
        more: digest.more,
        zone: rules.zone.clone(),
    }
}

fn problem(channel: &Channel, reason: FailureReason) -> String {
    format!("channel `{}` was not notified: {}; it is tried again later", channel.id, describe_failure(reason))
}

/// Describes why a channel was not notified. The provider's answer is not included, because it can contain secrets.
#[must_use]
pub fn describe_failure(reason: FailureReason) -> String {
    match reason {
        FailureReason::Unreachable => "its server is unreachable".to_owned(),
        FailureReason::TimedOut => "its server did not answer in time".to_owned(),
        FailureReason::RateLimited => "its server accepts no more messages for now".to_owned(),
        FailureReason::Refused(status) => format!("it refused the message with status {status}"),
        FailureReason::Failed => "sending failed".to_owned(),
    }
}

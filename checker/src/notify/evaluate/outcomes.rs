//! Records in a node's log whether a channel accepted a message.

use shared::UnixNanos;
use shared::notification::deferral::known_before;
use shared::notification::reconcile::News;
use shared::notification::registers::Registers;
use shared::notification_log::{Deferred, FailureReason, NotificationLog, UNANSWERED_RETRIES};

use super::EvaluationReport;
use crate::notify::channels::{SendOutcome, Transport};
use crate::notify::delivery::DeliveryReport;
use crate::notify::message::Message;
use crate::notify::rules::Channel;
use crate::notify::words;

/// A message to send, with the news that it contains.
pub(super) struct Outgoing<'a> {
    pub(super) channel: &'a Channel,
    pub(super) message: Message,
    pub(super) news: Vec<News>,
    /// The recipients of the message, if others have already received its news.
    pub(super) deferred: Option<Deferred>,
}

/// Records the outcome of sending a message. `number` is the number for new registers.
pub(super) fn record(
    (own, others): (&mut NotificationLog, &[NotificationLog]),
    outgoing: &Outgoing<'_>,
    delivery: DeliveryReport,
    (number, now): (i64, UnixNanos),
    report: &mut EvaluationReport,
) {
    let channel = outgoing.channel;
    if delivery.outcome == SendOutcome::Delivered {
        report.sent.push(format!("notified `{}`: {}", channel.id, words::short_summary(&outgoing.message)));
    }
    if let Some(deferred) = &outgoing.deferred {
        report.problems.extend(delivery.problem);
        record_deferred(own, outgoing, deferred, (delivery.outcome, delivery.deferred), now, report);
        return;
    }
    let (reason, is_refused, after) = match delivery.outcome {
        SendOutcome::Delivered => {
            report.problems.extend(delivery.problem);
            let known = if delivery.deferred.is_empty() {
                Vec::new()
            } else {
                known_before(&Registers::merge(others.iter().chain([&*own])), &outgoing.news)
            };
            own.record(&outgoing.news, number, now);
            own.succeeded(&channel.id);
            let recipients = (delivery.deferred, recipient_count(&channel.transport));
            if !known.is_empty() && !own.defer(&channel.id, recipients, known, now) {
                report.problems.push(format!(
                    "channel `{}`: too many recipients did not accept earlier messages yet, so this one will not be sent to them again",
                    channel.id
                ));
            }
            return;
        }
        SendOutcome::Retry { reason, after } => (reason, false, after),
        SendOutcome::Refused { reason } => (reason, true, None),
    };
    let after = after.map(|after| i64::try_from(after.as_nanos()).unwrap_or(i64::MAX));
    if own.failed(&channel.id, reason, is_refused, after, now) {
        own.record(&outgoing.news, number, now);
        report.problems.push(format!(
            "channel `{}` did not respond in time to {} attempts: it may have accepted the message, so it is not sent again",
            channel.id,
            UNANSWERED_RETRIES + 1
        ));
    } else {
        report.problems.extend(delivery.problem);
    }
}

/// Records another attempt for recipients that did not accept a message at first.
fn record_deferred(
    own: &mut NotificationLog,
    outgoing: &Outgoing<'_>,
    deferred: &Deferred,
    (outcome, still_deferred): (SendOutcome, Vec<u32>),
    now: UnixNanos,
    report: &mut EvaluationReport,
) {
    let left = match outcome {
        SendOutcome::Delivered => still_deferred,
        // The server may have accepted the message, and the recipients have already been notified late.
        SendOutcome::Refused { .. } | SendOutcome::Retry { reason: FailureReason::TimedOut, .. } => Vec::new(),
        SendOutcome::Retry { .. } => deferred.recipients.clone(),
    };
    let given_up = own.tried_deferred(&outgoing.channel.id, deferred, left, now);
    if given_up > 0 {
        report.problems.push(format!(
            "channel `{}`: {given_up} of {} recipients did not accept a message for a day, so it is not sent again",
            outgoing.channel.id, deferred.recipient_count
        ));
    }
}

/// Returns the number of recipients of a channel, or 0 if it has no list of recipients.
pub(super) fn recipient_count(transport: &Transport) -> u32 {
    match transport {
        Transport::Mail(mail) => u32::try_from(mail.to.len()).unwrap_or(u32::MAX),
        _ => 0,
    }
}

//! Records in a node's log whether a channel accepted a message.

use shared::UnixNanos;
use shared::notification::deferral::known_before;
use shared::notification::registers::{Registers, SendFailure};
use shared::notification_log::{Deferred, FailureReason, NotificationLog, UNANSWERED_RETRIES};

use super::EvaluationReport;
use super::queue::{Outgoing, SentQueue};
use crate::notify::channels::{SendOutcome, Transport};
use crate::notify::delivery::DeliveryReport;
use crate::notify::words;

/// Records the outcome of sending a channel's messages. `number` is the number for new registers.
pub(super) fn record(
    (own, others): (&mut NotificationLog, &[NotificationLog]),
    sent: SentQueue<'_>,
    (number, now): (i64, UnixNanos),
    report: &mut EvaluationReport,
) {
    let is_delivered = |(_, delivery): &(_, DeliveryReport)| delivery.outcome == SendOutcome::Delivered;
    let (delivered, failed): (Vec<_>, Vec<_>) = sent.attempts.into_iter().partition(is_delivered);
    let has_delivered = !delivered.is_empty();
    let has_failed = !failed.is_empty();
    for (outgoing, delivery) in delivered {
        report.sent.push(format!("notified `{}`: {}", outgoing.channel.id, words::short_summary(&outgoing.message)));
        report.problems.extend(delivery.problem);
        match &outgoing.deferred {
            Some(deferred) => record_deferred(own, &outgoing, deferred, delivery.deferred, now, report),
            None => record_delivery((&mut *own, others), &outgoing, delivery.deferred, (number, now), report),
        }
    }
    // Several messages usually have the same problem, so only the first failure is recorded.
    if let Some((outgoing, delivery)) = failed.into_iter().next() {
        record_failure(own, &outgoing, delivery, has_delivered, (number, now), report);
    }
    if sent.is_incomplete && !has_failed {
        report.due = Some(now);
    }
}

fn record_delivery(
    (own, others): (&mut NotificationLog, &[NotificationLog]),
    outgoing: &Outgoing<'_>,
    deferred: Vec<u32>,
    (number, now): (i64, UnixNanos),
    report: &mut EvaluationReport,
) {
    let channel = outgoing.channel;
    let known = if deferred.is_empty() {
        Vec::new()
    } else {
        known_before(&Registers::merge(others.iter().chain([&*own]), now), &outgoing.news)
    };
    own.record(&outgoing.news, number, now);
    own.succeeded(&channel.id);
    let recipients = (deferred, recipient_count(&channel.transport));
    if !known.is_empty() && !own.defer(&channel.id, recipients, known, now) {
        report.problems.push(format!(
            "channel `{}`: too many recipients have not accepted earlier messages yet, so this one will not be sent to them again",
            channel.id
        ));
    }
}

fn record_failure(
    own: &mut NotificationLog,
    outgoing: &Outgoing<'_>,
    delivery: DeliveryReport,
    has_delivered: bool,
    (number, now): (i64, UnixNanos),
    report: &mut EvaluationReport,
) {
    let channel = outgoing.channel;
    let (why, is_refused, after) = match delivery.outcome {
        SendOutcome::Delivered => return,
        SendOutcome::Retry { reason, after } => (reason, false, after),
        SendOutcome::Refused { reason } => (reason, true, None),
    };
    if let Some(deferred) = &outgoing.deferred {
        // Give up instead of repeating a message that the server may have accepted.
        let is_over = is_refused || why == FailureReason::TimedOut;
        let left = if is_over { Vec::new() } else { deferred.recipients.clone() };
        report.problems.extend(delivery.problem);
        record_deferred(own, outgoing, deferred, left, now, report);
        return;
    }
    let failure = SendFailure {
        why,
        // A provider that accepted other messages is working.
        is_refused: is_refused && !has_delivered,
        is_repeatable: channel.transport.keeps_incidents(),
        after: after.map(|after| i64::try_from(after.as_nanos()).unwrap_or(i64::MAX)),
    };
    if own.failed(&channel.id, failure, now) {
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
    left: Vec<u32>,
    now: UnixNanos,
    report: &mut EvaluationReport,
) {
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

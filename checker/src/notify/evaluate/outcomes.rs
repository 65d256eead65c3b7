//! Records in a node's log whether a channel accepted a message.

use shared::UnixNanos;
use shared::notification::deferral::Reception;
use shared::notification::registers::SendFailure;
use shared::notification_log::{
    ChannelId, Deferred, FailureReason, NotificationLog, RecipientList, UNANSWERED_RETRIES,
};

use super::queue::{Outgoing, SentQueue};
use super::{EvaluationReport, MessageOutcome};
use crate::counted;
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
    let outcome = |(outgoing, delivery): &(Outgoing<'_>, DeliveryReport)| {
        (outgoing.channel.id.clone(), MessageOutcome::from(&delivery.outcome))
    };
    report.outcomes.extend(sent.attempts.iter().map(outcome));
    let is_delivered = |(_, delivery): &(_, DeliveryReport)| delivery.outcome == SendOutcome::Delivered;
    let (delivered, failed): (Vec<_>, Vec<_>) = sent.attempts.into_iter().partition(is_delivered);
    let has_delivered = !delivered.is_empty();
    let has_failed = !failed.is_empty();
    for (outgoing, delivery) in delivered {
        report.sent.push(format!("notified `{}`: {}", outgoing.channel.id, words::short_summary(&outgoing.message)));
        report.problems.extend(delivery.problem);
        let DeliveryReport { deferred, refused, .. } = delivery;
        let reception = Reception { list: recipient_list(&outgoing.channel.transport), deferred, refused };
        match &outgoing.deferred {
            Some(deferred) => record_deferred(own, &outgoing, deferred, &reception, now, report),
            None => record_delivery((&mut *own, others), &outgoing, &reception, (number, now), report),
        }
    }
    // Several messages usually have the same problem, so only the first failure is recorded.
    if let Some((outgoing, delivery)) = failed.into_iter().next() {
        match &outgoing.deferred {
            Some(deferred) => record_deferred_failure(own, &outgoing, deferred, delivery, now, report),
            None => record_failure((own, others), &outgoing, delivery, has_delivered, (number, now), report),
        }
    }
    if sent.is_incomplete && !has_failed {
        report.due = Some(now);
    }
}

fn record_delivery(
    (own, others): (&mut NotificationLog, &[NotificationLog]),
    outgoing: &Outgoing<'_>,
    reception: &Reception,
    (number, now): (i64, UnixNanos),
    report: &mut EvaluationReport,
) {
    let channel = &outgoing.channel.id;
    let without_space = own.deliver(others, (channel, &outgoing.news), reception, (number, now));
    report.problems.extend(no_space(channel, without_space));
}

fn record_failure(
    (own, others): (&mut NotificationLog, &[NotificationLog]),
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
    let failure = SendFailure {
        why,
        // A provider that accepted other messages is working.
        is_refused: is_refused && !has_delivered,
        is_repeatable: channel.transport.keeps_incidents(),
        after: after.map(|after| i64::try_from(after.as_nanos()).unwrap_or(i64::MAX)),
    };
    if own.failed(&channel.id, failure, now) {
        // All recipients that the server did not reject may have received the message.
        let DeliveryReport { deferred, refused, .. } = delivery;
        let exception = exception(deferred.len());
        let reception = Reception { list: recipient_list(&channel.transport), deferred, refused };
        record_delivery((own, others), outgoing, &reception, (number, now), report);
        report.problems.push(format!(
            "channel `{}` did not respond to {} attempts: it may have accepted the message, so it is not sent again{exception}",
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
    reception: &Reception,
    now: UnixNanos,
    report: &mut EvaluationReport,
) {
    let channel = &outgoing.channel.id;
    let ended = own.tried_deferred(channel, (deferred, &outgoing.news), reception, now);
    report.problems.extend(no_space(channel, ended.without_space));
    if ended.after_tries > 0 {
        report.problems.push(given_up(channel, ended.after_tries, deferred.list));
    }
}

/// Records a failed attempt for recipients that did not accept a message at first.
fn record_deferred_failure(
    own: &mut NotificationLog,
    outgoing: &Outgoing<'_>,
    deferred: &Deferred,
    delivery: DeliveryReport,
    now: UnixNanos,
    report: &mut EvaluationReport,
) {
    let unanswered = SendOutcome::Retry { reason: FailureReason::TimedOut, after: None };
    let mut left = deferred.recipients.clone();
    if delivery.outcome == unanswered {
        // Do not repeat a message that the server may have accepted, except to recipients that it has deferred again.
        left.retain(|recipient| delivery.deferred.contains(recipient));
        let rejected = left.len() + delivery.refused.len();
        let exception = exception(left.len());
        report.problems.push(format!(
            "channel `{}` did not respond: {} of {} recipients may have received the message, so it will not be sent again{exception}",
            outgoing.channel.id,
            deferred.recipients.len().saturating_sub(rejected),
            deferred.list.count
        ));
        report.problems.extend(refused(&outgoing.channel.id, delivery.refused.len(), deferred.list));
    } else {
        report.problems.extend(delivery.problem);
    }
    left.retain(|recipient| !delivery.refused.contains(recipient));
    let reception = Reception { list: deferred.list, deferred: left, refused: delivery.refused };
    record_deferred(own, outgoing, deferred, &reception, now, report);
}

/// Describes the recipients that receive a message again although it is not sent to the others again.
fn exception(deferred: usize) -> String {
    match deferred {
        0 => String::new(),
        count => format!(", except to {} that it has deferred", counted(count, "recipient")),
    }
}

fn refused(channel: &ChannelId, count: usize, list: RecipientList) -> Option<String> {
    let all = list.count;
    let problem =
        format!("channel `{channel}`: the server refused {count} of {all} recipients; check the addresses in `to`");
    (count > 0).then_some(problem)
}

/// Reports that the node gives up on deferred recipients.
pub(super) fn given_up(channel: &ChannelId, count: usize, list: RecipientList) -> String {
    let all = list.count;
    format!(
        "channel `{channel}`: {count} of {all} recipients did not accept a message for a day, so it will not be sent again"
    )
}

pub(super) fn no_space(channel: &ChannelId, count: usize) -> Option<String> {
    let problem = format!(
        "channel `{channel}`: too many messages are deferred, so this one will not be sent again to {count} of the recipients"
    );
    (count > 0).then_some(problem)
}

/// Returns a channel's list of recipients, which is empty if it has none.
pub(super) fn recipient_list(transport: &Transport) -> RecipientList {
    match transport {
        Transport::Mail(mail) => mail.recipient_list(),
        _ => RecipientList::default(),
    }
}

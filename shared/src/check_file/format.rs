//! Writes check files with the original Checkup's key order, omitted keys and escapes.

use std::borrow::Cow;

use super::{ATTEMPTS_LIMIT, Attempt, CheckResult, ERROR_LIMIT, LOCATOR_LIMIT, MESSAGE_LIMIT, TITLE_LIMIT, shortened};
use crate::Nanos;
use crate::budget::Objective;
use crate::json_writer::{EscapeMode, JsonWriter, key};
use crate::quorum::Quorum;
use crate::status::Status;

/// The expected size of a result in bytes. Reserving it in advance avoids most reallocations.
const RESULT_SIZE: usize = 288;

/// Serializes results as a check file. Strings above their limits are shortened, so no file is too large to parse.
#[must_use]
pub fn write_check_file(results: &[CheckResult]) -> String {
    let mut writer = JsonWriter::new(EscapeMode::GoHtml, results.len() * RESULT_SIZE);
    writer.array(results, |writer, result| writer.object(|writer| write_result(writer, result)));
    writer.finish()
}

fn write_result(writer: &mut JsonWriter, result: &CheckResult) {
    writer.string_unless_empty(key!("title"), &shortened_copy(&result.title, TITLE_LIMIT));
    writer.string_unless_empty(key!("endpoint"), &shortened_copy(&result.locator, LOCATOR_LIMIT));
    writer.integer_unless_zero(key!("timestamp"), result.timestamp);
    writer.key(key!("times"));
    if result.attempts.is_empty() {
        writer.array(&[placeholder(&result.notice)], |writer, attempt| {
            writer.object(|writer| write_attempt(writer, attempt));
        });
    } else {
        let attempts = result.attempts.iter().take(ATTEMPTS_LIMIT);
        writer.array(attempts, |writer, attempt| writer.object(|writer| write_attempt(writer, attempt)));
    }
    writer.integer_unless_zero(key!("threshold"), result.threshold);
    let flag = match result.status {
        Status::Healthy => Some(key!("healthy")),
        Status::Degraded => Some(key!("degraded")),
        Status::Down => Some(key!("down")),
        Status::Unknown => None,
    };
    if let Some(flag) = flag {
        writer.key(flag);
        writer.literal("true");
    }
    writer.string_unless_empty(key!("notice"), &shortened_copy(&result.notice, ERROR_LIMIT));
    writer.string_unless_empty(key!("message"), &shortened_copy(&result.message, MESSAGE_LIMIT));
    if let Some(node) = &result.node {
        writer.string_member(key!("node"), node.as_str());
    }
    writer.string_unless_empty(key!("kind"), result.kind.as_deref().unwrap_or_default());
    writer.integer_unless_zero(key!("interval"), result.interval.unwrap_or(0));
    if result.quorum != Quorum::default() {
        writer.string_member(key!("verdict"), &result.quorum.to_string());
    }
    if let Some(code) = result.code {
        writer.integer_member(key!("code"), code.into());
    }
    if let Some(expiry) = result.certificate_expiry {
        writer.integer_member(key!("cert"), expiry);
    }
    write_objective(writer, result.objective.as_deref());
    writer.string_unless_empty(key!("id"), result.id.as_deref().unwrap_or_default());
    if let Some(position) = result.position {
        writer.integer_member(key!("position"), position.into());
    }
    if let Some(post) = &result.post {
        writer.string_member(key!("post"), &post.to_string());
    }
}

/// Writes an endpoint's objective, if it has one. Check files and histories store it under the same key.
pub(crate) fn write_objective(writer: &mut JsonWriter, objective: Option<&Objective>) {
    if let Some(objective) = objective {
        writer.string_member(key!("slo"), &objective.to_string());
    }
}

/// Returns the attempt that is written for a result without attempts. The original Checkup's page computes the median
/// of each result's attempts, and shows nothing at all if a result has no attempts. [`super::CheckFile::parse`] skips
/// this attempt.
pub(super) fn placeholder(notice: &str) -> Attempt {
    let reason = if notice.is_empty() { "no attempt was made" } else { notice };
    Attempt { rtt: 0, error: Some(shortened(reason.to_owned(), ERROR_LIMIT)), ..Attempt::default() }
}

fn write_attempt(writer: &mut JsonWriter, attempt: &Attempt) {
    writer.integer_member(key!("rtt"), attempt.rtt);
    writer
        .string_unless_empty(key!("error"), &shortened_copy(attempt.error.as_deref().unwrap_or_default(), ERROR_LIMIT));
    let mut phase = |key, time: Option<Nanos>| {
        if let Some(time) = time {
            writer.integer_member(key, time);
        }
    };
    phase(key!("dns"), attempt.phases.dns);
    phase(key!("connect"), attempt.phases.connect);
    phase(key!("tls"), attempt.phases.tls);
    phase(key!("ttfb"), attempt.phases.ttfb);
}

fn shortened_copy(text: &str, limit: usize) -> Cow<'_, str> {
    if text.len() <= limit { Cow::Borrowed(text) } else { Cow::Owned(shortened(text.to_owned(), limit)) }
}

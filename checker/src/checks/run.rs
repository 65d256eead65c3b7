//! Makes the attempts of a check: paces and retries them, limits their time, and evaluates their assertions.

use shared::UnixNanos;
use shared::check_file::ERROR_LIMIT;

use super::attempt::{AttemptRecord, Probed};
use super::context::CheckContext;
use super::inversion::invert;
use super::{Check, assertions, error_text};
use crate::platform::fd_limit;
use crate::sanitize::sanitize;

/// The outcome of a check, before it is evaluated.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CheckOutcome {
    Attempts(Vec<AttemptRecord>),
    /// An attempt was not possible, so the endpoint's status is unknown.
    Skipped {
        /// The reason, as a complete clause.
        reason: String,
    },
}

impl CheckOutcome {
    /// Returns when the first certificate on the last verified path expires. Returns `None` if no attempt verified
    /// certificates.
    #[must_use]
    pub fn certificate_expiry(&self) -> Option<UnixNanos> {
        let CheckOutcome::Attempts(records) = self else { return None };
        records.iter().rev().find_map(|record| record.certificate_expiry)
    }

    /// Returns the code that each attempt received.
    #[must_use]
    pub fn codes(&self) -> Vec<Option<i32>> {
        match self {
            CheckOutcome::Attempts(records) => records.iter().map(|record| record.code).collect(),
            CheckOutcome::Skipped { .. } => Vec::new(),
        }
    }
}

/// Makes all attempts of a check, one after another, and retries those that fail.
pub async fn run(check: &Check, context: &CheckContext) -> CheckOutcome {
    let mut records: Vec<AttemptRecord> = Vec::with_capacity(check.attempts as usize);
    for number in 0..check.attempts {
        if number > 0 && !check.attempt_spacing.is_zero() {
            tokio::time::sleep(check.attempt_spacing).await;
        }
        let first = records.len();
        for retry in 0..=check.retries {
            if retry > 0 {
                tokio::time::sleep(check.retry_delay).await;
            }
            let record = match attempt(check, context).await {
                Ok((record, _)) => record,
                Err(reason) => return CheckOutcome::Skipped { reason },
            };
            let succeeded = record.attempt.error.is_none();
            records.push(record);
            if succeeded {
                for record in &mut records[first..] {
                    record.recovered_by_retry = record.attempt.error.is_some();
                }
                break;
            }
        }
    }
    CheckOutcome::Attempts(records)
}

/// Makes one attempt and evaluates its assertions. An error explains why no attempt was possible. All messages are
/// sanitized, because they can contain data from the endpoint.
pub async fn attempt(check: &Check, context: &CheckContext) -> Probed {
    let (mut record, data) = attempt_unsanitized(check, context).await.map_err(safe_text)?;
    record.attempt.error = record.attempt.error.map(safe_text);
    record.warning = record.warning.map(safe_text);
    record.undetermined = record.undetermined.map(safe_text);
    record.required_failure = record.required_failure.map(safe_text);
    Ok((record, data))
}

fn safe_text(text: String) -> String {
    sanitize(text, ERROR_LIMIT)
}

async fn attempt_unsanitized(check: &Check, context: &CheckContext) -> Probed {
    let (record, data) = check.kind.probe().probe(check.capture, context).await?;
    if record.attempt.error.as_deref() == Some(error_text::TOO_MANY_OPEN_FILES) {
        return Err(fd_limit::too_many_open_files());
    }
    let probe_timeout = check.kind.probe().timeout();
    let evaluated =
        assertions::evaluate::evaluate(&check.assertions, probe_timeout, record, data, &context.assertion_pool);
    let (record, data) = evaluated.await?;
    Ok((if check.invert { invert(record)? } else { record }, data))
}

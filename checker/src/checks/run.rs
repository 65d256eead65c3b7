//! Makes the attempts of a check: spaced, retried, within their time limit, and with their assertions evaluated.

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::Either;
use shared::check_file::Attempt;

use super::probe_data::{Capture, ProbeData};
use super::timing::{STOPWATCH, Stopwatch};
use super::{Check, CheckContext, ProbeResult, Probed, assertions, error_text};
use crate::platform::fd_limit;

/// The outcome of a check, before it is evaluated.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CheckOutcome {
    /// The attempts, retries included.
    Attempts(Vec<AttemptRecord>),
    /// An attempt was not possible, which says nothing about the endpoint.
    Skipped {
        /// Why, as a complete clause.
        reason: String,
    },
}

/// One attempt with what the status depends on.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct AttemptRecord {
    /// The attempt as it is stored.
    pub attempt: Attempt,
    /// Why the endpoint is degraded although the attempt succeeded.
    pub warning: Option<String>,
    /// Whether the attempt failed and a retry succeeded: it is stored, but does not count.
    pub recovered_by_retry: bool,
}

/// Makes all attempts of a check, one after the other, and retries those that fail.
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

/// Makes one attempt and evaluates its assertions. The error explains why that was not possible.
pub async fn attempt(check: &Check, context: &CheckContext) -> Probed {
    let (record, data) = check.kind.probe().probe(check.capture, context).await?;
    if record.attempt.error.as_deref() == Some(error_text::TOO_MANY_OPEN_FILES) {
        return Err(fd_limit::too_many_open_files());
    }
    let probe_timeout = check.kind.probe().timeout();
    assertions::evaluate::evaluate(&check.assertions, probe_timeout, record, data, &context.assertion_pool).await
}

/// Runs a probe within its time limit and measures it.
pub(super) async fn timed<F: Future<Output = ProbeResult>>(
    limit: Duration,
    capture: Capture,
    probe: impl FnOnce(Arc<Stopwatch>) -> F,
) -> (AttemptRecord, ProbeData) {
    let stopwatch = Arc::new(if capture.diagnostics { Stopwatch::start_recording() } else { Stopwatch::start() });
    let probe = probe(Arc::clone(&stopwatch));
    // The task-local stopwatch is read only with diagnostics.
    let probe = if capture.diagnostics {
        Either::Left(Box::pin(STOPWATCH.scope(Arc::clone(&stopwatch), probe)))
    } else {
        Either::Right(probe)
    };
    let result = tokio::time::timeout(limit, probe).await.unwrap_or_else(|_| Err(stopwatch.timeout_message(limit)));
    let rtt = stopwatch.elapsed();
    let (error, mut data) = match result {
        Ok(data) => (None, data),
        Err(failure) => (Some(failure), stopwatch.recorded()),
    };
    if capture.diagnostics && error.is_none() {
        let ProbeData { certificates, attempted, peer, .. } = stopwatch.recorded();
        (data.certificates, data.attempted, data.peer) = (certificates, attempted, peer);
    }
    let attempt = Attempt { rtt, error, phases: stopwatch.phases() };
    (AttemptRecord { attempt, warning: data.warning.take(), recovered_by_retry: false }, data)
}

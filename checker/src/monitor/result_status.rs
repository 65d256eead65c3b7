//! Derives a status, and a notice that explains it, from the outcome of a check, without I/O. The rules are those of
//! the original Checkup, extended by warnings.

use shared::check_file::Attempt;
use shared::duration;
use shared::stats::Stats;
use shared::status::Status;

use crate::checks::Check;
use crate::checks::CheckOutcome;

/// The evaluated status of an endpoint after a check.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Evaluation {
    pub status: Status,
    /// The reason for the status. It is empty if the attempts' errors already explain the status.
    pub notice: String,
    pub attempts: Vec<Attempt>,
}

/// Evaluates an outcome. After more failed attempts than the check allows, the endpoint is down, or has the status that
/// the check defines for failures. After a warning, or if the median exceeds the threshold, it is degraded; otherwise
/// it is healthy. After a skipped check, it is unknown.
#[must_use]
pub fn evaluate(outcome: CheckOutcome, check: &Check) -> Evaluation {
    let records = match outcome {
        CheckOutcome::Attempts(records) => records,
        CheckOutcome::Skipped { reason } => {
            return Evaluation { status: Status::Unknown, notice: reason, attempts: Vec::new() };
        }
    };
    let counted = || records.iter().filter(|record| !record.recovered_by_retry);
    let failures = counted().filter(|record| record.attempt.error.is_some()).count();
    // A check without a successful attempt is down, however many failures are allowed.
    let is_tolerated = failures <= check.failures_allowed as usize && failures < counted().count();
    let rtts = counted().filter(|record| !is_tolerated || record.attempt.error.is_none());
    let stats = Stats::from_rtts(rtts.map(|record| record.attempt.rtt).collect());
    let error = counted().find_map(|record| record.attempt.error.clone()).filter(|_| !is_tolerated);
    let (mut attempts, mut warning) = (Vec::with_capacity(records.len()), None);
    for record in records {
        attempts.push(record.attempt);
        warning = warning.or(record.warning);
    }
    let evaluation = |status, notice, attempts| Evaluation { status, notice, attempts };
    let Some(stats) = stats else {
        return evaluation(Status::Unknown, "no attempt was made".to_owned(), attempts);
    };
    if let Some(error) = error {
        // The attempts explain why an endpoint is down. As in the original Checkup, the notice repeats the error if the
        // endpoint is only degraded.
        let notice = if check.kind.probe().failure_status() == Status::Down { String::new() } else { error };
        return evaluation(check.kind.probe().failure_status(), notice, attempts);
    }
    if let Some(warning) = warning {
        return evaluation(Status::Degraded, warning, attempts);
    }
    if check.threshold > 0 && stats.median > check.threshold {
        let notice = format!("median round trip time exceeded threshold ({})", duration::format_exact(check.threshold));
        return evaluation(Status::Degraded, notice, attempts);
    }
    evaluation(Status::Healthy, String::new(), attempts)
}

#[cfg(test)]
pub(crate) mod tests {
    use crate::checks::exec::ExecCheck;
    use crate::checks::{AttemptRecord, CheckKind};
    use crate::monitor::result_status::*;
    use shared::Nanos;
    use std::time::Duration;

    /// Creates a check with a threshold and with a status for failed attempts.
    pub(crate) fn check_with(threshold: Nanos, failure_status: Status) -> Check {
        let exec = ExecCheck {
            locator: String::new(),
            command: "x".into(),
            arguments: Vec::new(),
            timeout: Duration::ZERO,
            exit_status: None,
            must_contain: None,
            must_not_contain: None,
            failure_status,
        };
        Check { threshold, ..Check::new("x", CheckKind::Exec(Box::new(exec))) }
    }

    fn check(threshold: Nanos) -> Check {
        check_with(threshold, Status::Down)
    }

    fn attempts(all: &[(Nanos, Option<&str>)]) -> CheckOutcome {
        let record = |(rtt, error): &(Nanos, Option<&str>)| AttemptRecord {
            attempt: Attempt { rtt: *rtt, error: error.map(str::to_owned), ..Attempt::default() },
            ..AttemptRecord::default()
        };
        CheckOutcome::Attempts(all.iter().map(record).collect())
    }

    #[test]
    fn one_failed_attempt_is_down() {
        let evaluation = evaluate(attempts(&[(1, None), (1, Some("refused")), (1, None)]), &check(500));
        assert_eq!((evaluation.status, evaluation.notice.as_str()), (Status::Down, ""));
    }

    #[test]
    fn some_attempts_can_fail() {
        let fails = (900, Some("refused"));
        for (allowed, outcomes, status) in [
            (1, &[(1, None), fails, (1, None)][..], Status::Healthy),
            (1, &[fails, fails, (1, None)], Status::Down),
            (2, &[fails, fails, (1, None)], Status::Healthy),
            (2, &[fails, fails], Status::Down),
            (9, &[fails], Status::Down),
            // The time until a failure is not a response time, so the median excludes it.
            (2, &[fails, fails, (600, None)], Status::Degraded),
        ] {
            let check = Check { failures_allowed: allowed, ..check(500) };
            let evaluation = evaluate(attempts(outcomes), &check);
            assert_eq!(
                (evaluation.status, evaluation.attempts.len()),
                (status, outcomes.len()),
                "{allowed} {outcomes:?}"
            );
        }
    }

    #[test]
    fn a_failure_can_count_as_degraded() {
        let check = check_with(0, Status::Degraded);
        let evaluation = evaluate(attempts(&[(1, None), (1, Some("exit status 1"))]), &check);
        assert_eq!((evaluation.status, evaluation.notice.as_str()), (Status::Degraded, "exit status 1"));
    }

    #[test]
    fn a_warning_is_degraded_and_with_a_failure_down() {
        let with_warning = || AttemptRecord { warning: Some("expires soon".to_owned()), ..AttemptRecord::default() };
        let failed = AttemptRecord {
            attempt: Attempt { error: Some("refused".to_owned()), ..Attempt::default() },
            ..AttemptRecord::default()
        };
        let evaluation = evaluate(CheckOutcome::Attempts(vec![AttemptRecord::default(), with_warning()]), &check(0));
        assert_eq!((evaluation.status, evaluation.notice.as_str()), (Status::Degraded, "expires soon"));
        assert_eq!(evaluate(CheckOutcome::Attempts(vec![with_warning(), failed]), &check(0)).status, Status::Down);
    }

    #[test]
    fn a_recovered_attempt_is_kept_and_does_not_count() {
        let failed = Attempt { rtt: 900, error: Some("reset".to_owned()), ..Attempt::default() };
        let recovered_by_retry =
            AttemptRecord { attempt: failed, recovered_by_retry: true, ..AttemptRecord::default() };
        let evaluation =
            evaluate(CheckOutcome::Attempts(vec![recovered_by_retry, AttemptRecord::default()]), &check(500));
        assert_eq!((evaluation.status, evaluation.attempts.len()), (Status::Healthy, 2));
    }

    #[test]
    fn a_median_above_the_threshold_is_degraded() {
        let evaluation =
            evaluate(attempts(&[(400_000_000, None), (600_000_000, None), (700_000_000, None)]), &check(500_000_000));
        assert_eq!(evaluation.status, Status::Degraded);
        assert_eq!(evaluation.notice, "median round trip time exceeded threshold (500ms)");
    }

    #[test]
    fn a_median_at_the_threshold_or_without_one_is_healthy() {
        assert_eq!(evaluate(attempts(&[(500, None)]), &check(500)).status, Status::Healthy);
        assert_eq!(evaluate(attempts(&[(Nanos::MAX, None)]), &check(0)).status, Status::Healthy);
    }

    #[test]
    fn a_skipped_check_is_unknown() {
        let evaluation = evaluate(CheckOutcome::Skipped { reason: "no such kind".to_owned() }, &check(0));
        assert_eq!((evaluation.status, evaluation.notice.as_str()), (Status::Unknown, "no such kind"));
        assert_eq!(evaluate(attempts(&[]), &check(0)).status, Status::Unknown);
    }
}

//! From what was observed to a status and the notice that explains it. Pure; the rules are the original's, with
//! concerns added.

use shared::check_file::Attempt;
use shared::duration;
use shared::stats::Stats;
use shared::status::Status;

use crate::checks::Check;
use crate::checks::CheckOutcome;

/// What an observation means.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Evaluation {
    /// The status.
    pub status: Status,
    /// Why, where the attempts' errors do not say it already; empty if there is nothing to say.
    pub notice: String,
    /// The attempts that were made.
    pub attempts: Vec<Attempt>,
}

/// Concludes: any failed attempt is down (or what the check says a failure means); else a concern, or a median
/// above the threshold, is degraded; else it is healthy. What could not be looked at is unknown.
#[must_use]
pub fn evaluate(observation: CheckOutcome, check: &Check) -> Evaluation {
    let tried = match observation {
        CheckOutcome::Attempts(tried) => tried,
        CheckOutcome::Skipped { reason: why } => {
            return Evaluation { status: Status::Unknown, notice: why, attempts: Vec::new() };
        }
    };
    let counted = || tried.iter().filter(|tried| !tried.recovered_by_retry);
    let stats = Stats::from_rtts(counted().map(|tried| tried.attempt.rtt).collect());
    let error = counted().find_map(|tried| tried.attempt.error.clone());
    let (mut attempts, mut warning) = (Vec::with_capacity(tried.len()), None);
    for tried in tried {
        attempts.push(tried.attempt);
        warning = warning.or(tried.warning);
    }
    let evaluation = |status, notice, attempts| Evaluation { status, notice, attempts };
    let Some(stats) = stats else {
        return evaluation(Status::Unknown, "no attempt was made".to_owned(), attempts);
    };
    if let Some(error) = error {
        // What is down says why in its attempts; the original repeats it where that is only degraded.
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
mod tests {
    use crate::checks::exec::ExecCheck;
    use crate::checks::{AttemptRecord, CheckKind};
    use crate::monitor::evaluate::*;
    use shared::Nanos;
    use std::time::Duration;

    fn check_with(threshold: Nanos, failure_status: Status) -> Check {
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

    fn attempts(of: &[(Nanos, Option<&str>)]) -> CheckOutcome {
        let tried = |(rtt, error): &(Nanos, Option<&str>)| AttemptRecord {
            attempt: Attempt { rtt: *rtt, error: error.map(str::to_owned), ..Attempt::default() },
            ..AttemptRecord::default()
        };
        CheckOutcome::Attempts(of.iter().map(tried).collect())
    }

    #[test]
    fn one_failed_attempt_is_down_however_fast() {
        let evaluation = evaluate(attempts(&[(1, None), (1, Some("refused")), (1, None)]), &check(500));
        assert_eq!((evaluation.status, evaluation.notice.as_str()), (Status::Down, ""));
    }

    #[test]
    fn a_failure_that_is_only_a_warning_is_degraded_and_its_error_the_notice() {
        let check = check_with(0, Status::Degraded);
        let evaluation = evaluate(attempts(&[(1, None), (1, Some("exit status 1"))]), &check);
        assert_eq!((evaluation.status, evaluation.notice.as_str()), (Status::Degraded, "exit status 1"));
    }

    #[test]
    fn a_concern_is_degraded_and_a_failure_beside_it_is_down() {
        let worried = || AttemptRecord { warning: Some("expires soon".to_owned()), ..AttemptRecord::default() };
        let failed = AttemptRecord {
            attempt: Attempt { error: Some("refused".to_owned()), ..Attempt::default() },
            ..AttemptRecord::default()
        };
        let evaluation = evaluate(CheckOutcome::Attempts(vec![AttemptRecord::default(), worried()]), &check(0));
        assert_eq!((evaluation.status, evaluation.notice.as_str()), (Status::Degraded, "expires soon"));
        assert_eq!(evaluate(CheckOutcome::Attempts(vec![worried(), failed]), &check(0)).status, Status::Down);
    }

    #[test]
    fn what_was_made_good_by_trying_again_is_kept_and_counts_for_nothing() {
        let failed = Attempt { rtt: 900, error: Some("reset".to_owned()), ..Attempt::default() };
        let recovered_by_retry =
            AttemptRecord { attempt: failed, recovered_by_retry: true, ..AttemptRecord::default() };
        let evaluation =
            evaluate(CheckOutcome::Attempts(vec![recovered_by_retry, AttemptRecord::default()]), &check(500));
        assert_eq!((evaluation.status, evaluation.attempts.len()), (Status::Healthy, 2));
    }

    #[test]
    fn a_median_above_the_threshold_is_degraded_and_says_so_as_the_original_did() {
        let evaluation =
            evaluate(attempts(&[(400_000_000, None), (600_000_000, None), (700_000_000, None)]), &check(500_000_000));
        assert_eq!(evaluation.status, Status::Degraded);
        assert_eq!(evaluation.notice, "median round trip time exceeded threshold (500ms)");
    }

    #[test]
    fn a_median_at_the_threshold_is_healthy_and_so_is_any_without_one() {
        assert_eq!(evaluate(attempts(&[(500, None)]), &check(500)).status, Status::Healthy);
        assert_eq!(evaluate(attempts(&[(Nanos::MAX, None)]), &check(0)).status, Status::Healthy);
    }

    #[test]
    fn what_could_not_be_looked_at_is_unknown() {
        let evaluation = evaluate(CheckOutcome::Skipped { reason: "no such kind".to_owned() }, &check(0));
        assert_eq!((evaluation.status, evaluation.notice.as_str()), (Status::Unknown, "no such kind"));
        assert_eq!(evaluate(attempts(&[]), &check(0)).status, Status::Unknown);
    }
}

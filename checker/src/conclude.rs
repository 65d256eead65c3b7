//! From what was observed to a status and the notice that explains it. Pure; the rules are the original's.

use shared::result::Attempt;
use shared::stats::Stats;
use shared::status::Status;
use shared::{Nanos, duration};

use crate::check::Observation;

/// What an observation means.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Conclusion {
    /// The status.
    pub status: Status,
    /// Why, where the attempts' errors do not say it already; empty if there is nothing to say.
    pub notice: String,
    /// The attempts that were made.
    pub attempts: Vec<Attempt>,
}

/// Concludes: any failed attempt is down; else a median above the threshold (nanoseconds, 0 is none) is
/// degraded; else it is healthy. What could not be looked at is unknown.
#[must_use]
pub fn conclude(observation: Observation, threshold: Nanos) -> Conclusion {
    let attempts = match observation {
        Observation::Attempts(attempts) => attempts,
        Observation::NotPossible(why) => {
            return Conclusion { status: Status::Unknown, notice: why, attempts: Vec::new() };
        }
    };
    let conclusion = |status, notice, attempts| Conclusion { status, notice, attempts };
    let Some(stats) = Stats::of_attempts(&attempts) else {
        return conclusion(Status::Unknown, "no attempt was made".to_owned(), attempts);
    };
    if attempts.iter().any(|attempt| attempt.error.is_some()) {
        return conclusion(Status::Down, String::new(), attempts);
    }
    if threshold > 0 && stats.median > threshold {
        let notice = format!("median round trip time exceeded threshold ({})", duration::exact(threshold));
        return conclusion(Status::Degraded, notice, attempts);
    }
    conclusion(Status::Healthy, String::new(), attempts)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn attempts(of: &[(Nanos, Option<&str>)]) -> Observation {
        let attempt = |(rtt, error): &(Nanos, Option<&str>)| Attempt {
            rtt: *rtt,
            error: error.map(str::to_owned),
            ..Attempt::default()
        };
        Observation::Attempts(of.iter().map(attempt).collect())
    }

    #[test]
    fn one_failed_attempt_is_down_however_fast() {
        let conclusion = conclude(attempts(&[(1, None), (1, Some("refused")), (1, None)]), 500);
        assert_eq!((conclusion.status, conclusion.notice.as_str()), (Status::Down, ""));
    }

    #[test]
    fn a_median_above_the_threshold_is_degraded_and_says_so_as_the_original_did() {
        let conclusion =
            conclude(attempts(&[(400_000_000, None), (600_000_000, None), (700_000_000, None)]), 500_000_000);
        assert_eq!(conclusion.status, Status::Degraded);
        assert_eq!(conclusion.notice, "median round trip time exceeded threshold (500ms)");
    }

    #[test]
    fn a_median_at_the_threshold_is_healthy_and_so_is_any_without_one() {
        assert_eq!(conclude(attempts(&[(500, None)]), 500).status, Status::Healthy);
        assert_eq!(conclude(attempts(&[(Nanos::MAX, None)]), 0).status, Status::Healthy);
    }

    #[test]
    fn what_could_not_be_looked_at_is_unknown() {
        let conclusion = conclude(Observation::NotPossible("no such kind".to_owned()), 0);
        assert_eq!((conclusion.status, conclusion.notice.as_str()), (Status::Unknown, "no such kind"));
        assert_eq!(conclude(attempts(&[]), 0).status, Status::Unknown);
    }
}

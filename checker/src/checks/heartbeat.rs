//! Heartbeat checks: one attempt reads what a job last said of itself, and holds it against the clock. Where
//! heartbeats are kept is the business of whoever hands over [`HeartbeatReader`].

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::BoxFuture;
use shared::duration::{format_coarse, format_exact};
use shared::heartbeat::Heartbeat;
use shared::object_name::HeartbeatName;
use shared::{MINUTE, Nanos, UnixNanos};

use super::ProbeResult;
use super::probe_data::ProbeData;

/// A heartbeat check, ready to be made.
#[derive(Debug, Clone)]
pub struct HeartbeatCheck {
    /// Whose heartbeat it is.
    pub name: HeartbeatName,
    /// How often the job reports in.
    pub interval: Nanos,
    /// How late it may be.
    pub grace: Nanos,
    /// The longest that reading may take.
    pub timeout: Duration,
}

/// How heartbeats are read: the content of the object, `None` if there is none, or why that cannot be known.
pub type HeartbeatReader = Arc<dyn Fn(HeartbeatName) -> HeartbeatRead + Send + Sync>;

/// One reading that is under way.
pub type HeartbeatRead = BoxFuture<'static, Result<Option<Vec<u8>>, String>>;

/// How far the clocks of two machines may be apart before a heartbeat from the future says nothing any more.
const CLOCK_SKEW_TOLERANCE: Nanos = 5 * MINUTE;

/// Reads the last heartbeat; an error says why it cannot be known, which is no fault of the job.
pub async fn read_last(check: &HeartbeatCheck, beats: Option<&HeartbeatReader>) -> Result<Option<Heartbeat>, String> {
    let Some(beats) = beats else {
        return Err("failed to read heartbeats: the configuration names no `storage` that they could be in".to_owned());
    };
    let limit = Nanos::try_from(check.timeout.as_nanos()).unwrap_or(Nanos::MAX);
    let read = tokio::time::timeout(check.timeout, beats(check.name.clone())).await;
    let read = read.map_err(|_| {
        format!("failed to read `{}`: no answer from the store within {}", check.name, format_exact(limit))
    })??;
    let parsed = read.map(|json| Heartbeat::parse(&json)).transpose();
    parsed.map_err(|error| format!("failed to use `{}`: {error}", check.name))
}

/// What the last heartbeat means at this moment; an error says why it means nothing.
///
/// That none has come yet is down, too: nobody who looks once in a while could tell a job that has yet to run for the
/// first time from one that never will.
pub fn evaluate(check: &HeartbeatCheck, last: Option<&Heartbeat>, now: UnixNanos) -> Result<ProbeResult, String> {
    let expected = format!("expected every {}", format_coarse(check.interval));
    let Some(beat) = last else { return Ok(Err(format!("no heartbeat has come yet, {expected}"))) };
    let age = now.saturating_sub(beat.at);
    if age < -CLOCK_SKEW_TOLERANCE {
        return Err(format!(
            "the last heartbeat is from {} in the future; set the clock of the job's machine or of this one",
            format_coarse(age.saturating_neg())
        ));
    }
    if age > check.interval.saturating_add(check.grace) {
        let before = beat.failure().map(|failure| format!("; before that, {failure}")).unwrap_or_default();
        return Ok(Err(format!("no heartbeat for {}, {expected}{before}", format_coarse(age))));
    }
    Ok(match beat.failure() {
        Some(failure) => Err(failure),
        None => Ok(ProbeData {
            status: beat.exit_status.map(i64::from),
            heartbeat_age: Some(age.max(0)),
            ..ProbeData::default()
        }),
    })
}

#[cfg(test)]
mod tests {
    use crate::checks::heartbeat::*;
    use shared::HOUR;

    const NOW: UnixNanos = 1_795_330_254_340_493_978;

    fn check() -> HeartbeatCheck {
        HeartbeatCheck {
            name: HeartbeatName::new("backup").unwrap(),
            interval: 10 * MINUTE,
            grace: MINUTE,
            timeout: Duration::from_millis(50),
        }
    }

    fn beat(age: Nanos) -> Heartbeat {
        Heartbeat { at: NOW - age, ..Heartbeat::default() }
    }

    fn error(last: Option<&Heartbeat>) -> String {
        evaluate(&check(), last, NOW).expect("it is known").map(drop).expect_err("it is down")
    }

    #[test]
    fn a_job_that_reported_in_within_interval_and_grace_is_healthy() {
        for age in [0, 10 * MINUTE, 11 * MINUTE, -MINUTE] {
            let seen = evaluate(&check(), Some(&beat(age)), NOW).expect("it is known").expect("it is healthy");
            assert_eq!(seen.heartbeat_age, Some(age.max(0)));
        }
    }

    #[test]
    fn a_job_that_is_silent_for_longer_is_down() {
        assert_eq!(error(Some(&beat(11 * MINUTE + 1))), "no heartbeat for 11 min, expected every 10 min");
        assert_eq!(error(Some(&beat(26 * MINUTE))), "no heartbeat for 26 min, expected every 10 min");
        assert_eq!(error(None), "no heartbeat has come yet, expected every 10 min");
    }

    #[test]
    fn a_job_that_says_it_failed_is_down_at_once_and_when_it_falls_silent() {
        let failed = |age| Heartbeat { failed: Some("disk full".to_owned()), ..beat(age) };
        assert_eq!(error(Some(&failed(MINUTE))), "the job reported a failure: disk full");
        let silent = error(Some(&failed(HOUR)));
        assert_eq!(
            silent,
            "no heartbeat for 1 h, expected every 10 min; before that, the job reported a failure: disk full"
        );
    }

    #[test]
    fn a_heartbeat_from_the_future_says_nothing_instead_of_keeping_silent_for_long() {
        let why = evaluate(&check(), Some(&beat(-2 * HOUR)), NOW).expect_err("it is not known");
        assert!(why.contains("2 h in the future"), "{why}");
    }

    #[tokio::test]
    async fn what_cannot_be_read_is_not_known() {
        let of = |read: fn() -> HeartbeatRead| -> HeartbeatReader { Arc::new(move |_| read()) };
        let cases = [
            (None, "names no `storage`"),
            (Some(of(|| Box::pin(async { Err("failed to ask".to_owned()) }))), "failed to ask"),
            (Some(of(|| Box::pin(std::future::pending()))), "no answer from the store within 50ms"),
            (Some(of(|| Box::pin(async { Ok(Some(b"<html>".to_vec())) }))), "failed to use `heartbeats/backup.json`"),
        ];
        for (beats, words) in cases {
            let why = read_last(&check(), beats.as_ref()).await.expect_err("it is not known");
            assert!(why.contains(words), "{why}");
        }
        let none = of(|| Box::pin(async { Ok(None) }));
        assert_eq!(read_last(&check(), Some(&none)).await, Ok(None));
    }
}

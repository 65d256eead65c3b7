//! Heartbeat checks: one attempt reads a job's last heartbeat and compares its age with the interval. Heartbeats are
//! read through a [`HeartbeatReader`], which hides where they are stored.

use std::time::Duration;

use futures_util::future::BoxFuture;
use shared::duration::{format_coarse, format_exact};
use shared::heartbeat::Heartbeat;
use shared::object_name::HeartbeatName;
use shared::{MINUTE, Nanos, UnixNanos};

use super::probe_data::{Capture, ProbeData};
use super::timing::timed;
use super::{CheckContext, HeartbeatReader, Probe, ProbeResult, Probed};

pub const SUBJECTS: &[&str] = &["[RTT]"];

/// The parameters of a heartbeat check.
#[derive(Debug, Clone)]
pub struct HeartbeatCheck {
    /// The name of the job's heartbeat.
    pub name: HeartbeatName,
    /// How often the job sends a heartbeat.
    pub interval: Nanos,
    /// How late a heartbeat can be before the job is down.
    pub grace: Nanos,
    /// The time limit for reading from the store.
    pub timeout: Duration,
}

/// The maximum size of a stored heartbeat, in bytes. The checker writes less than a tenth of that.
const LENGTH_LIMIT: usize = 64 << 10;
/// How far in the future a heartbeat can be before it is rejected. Clocks differ, so some tolerance is needed.
const CLOCK_SKEW_TOLERANCE: Nanos = 5 * MINUTE;

impl Probe for HeartbeatCheck {
    fn type_name(&self) -> &'static str {
        "heartbeat"
    }

    fn locator(&self) -> &str {
        self.name.job()
    }

    fn timeout(&self) -> Duration {
        self.timeout
    }

    fn uses_network(&self) -> bool {
        false
    }

    fn probe<'a>(&'a self, capture: Capture, context: &'a CheckContext) -> BoxFuture<'a, Probed> {
        Box::pin(async move {
            let last = read_last(self, context.heartbeats()).await?;
            let result = evaluate(self, last.as_ref(), context.now())?;
            // Reading is not timed, because that would measure the store instead of the job.
            Ok(timed(self.timeout, capture, |_| std::future::ready(result)).await)
        })
    }
}

/// Reads the last heartbeat. An error explains why it cannot be read, in which case the job's status is unknown.
async fn read_last(check: &HeartbeatCheck, reader: Option<&HeartbeatReader>) -> Result<Option<Heartbeat>, String> {
    let Some(reader) = reader else {
        return Err("failed to read heartbeats: the configuration has no `storage`; add the store that the heartbeats are sent to".to_owned());
    };
    let limit = Nanos::try_from(check.timeout.as_nanos()).unwrap_or(Nanos::MAX);
    let read = tokio::time::timeout(check.timeout, reader(check.name.clone())).await;
    let read = read.map_err(|_| {
        format!("failed to read `{}`: no response from the store within {}", check.name, format_exact(limit))
    })??;
    if read.as_ref().is_some_and(|json| json.len() > LENGTH_LIMIT) {
        return Err(format!("failed to read `{}`: it is larger than {LENGTH_LIMIT} bytes", check.name));
    }
    let parsed = read.map(|json| Heartbeat::parse(&json)).transpose();
    parsed.map_err(|error| format!("failed to parse `{}`: {error}", check.name))
}

/// Evaluates the last heartbeat at the time `now`. An error explains why the status is unknown.
///
/// A job without any heartbeat is down, because a check cannot distinguish a job that has not run yet from one that
/// never will.
fn evaluate(check: &HeartbeatCheck, last: Option<&Heartbeat>, now: UnixNanos) -> Result<ProbeResult, String> {
    let expected = format!("expected every {}", format_coarse(check.interval));
    let Some(heartbeat) = last else { return Ok(Err(format!("no heartbeat received yet, {expected}"))) };
    let age = now.saturating_sub(heartbeat.at);
    if age < -CLOCK_SKEW_TOLERANCE {
        return Err(format!(
            "the last heartbeat is {} in the future; set the clock of the job's machine or of this one",
            format_coarse(age.saturating_neg())
        ));
    }
    if age > check.interval.saturating_add(check.grace) {
        let before = heartbeat.failure().map(|failure| format!("; before that, {failure}")).unwrap_or_default();
        return Ok(Err(format!("no heartbeat for {}, {expected}{before}", format_coarse(age))));
    }
    Ok(match heartbeat.failure() {
        Some(failure) => Err(failure),
        None => Ok(ProbeData {
            status: heartbeat.exit_status.map(i64::from),
            heartbeat_age: Some(age.max(0)),
            ..ProbeData::default()
        }),
    })
}

#[cfg(test)]
mod tests {
    use crate::checks::HeartbeatRead;
    use crate::checks::heartbeat::*;
    use shared::HOUR;
    use std::sync::Arc;

    const NOW: UnixNanos = 1_795_330_254_340_493_978;

    fn check() -> HeartbeatCheck {
        HeartbeatCheck {
            name: HeartbeatName::new("backup").unwrap(),
            interval: 10 * MINUTE,
            grace: MINUTE,
            timeout: Duration::from_millis(50),
        }
    }

    fn heartbeat(age: Nanos) -> Heartbeat {
        Heartbeat { at: NOW - age, ..Heartbeat::default() }
    }

    fn error(last: Option<&Heartbeat>) -> String {
        evaluate(&check(), last, NOW).expect("it is known").map(drop).expect_err("it is down")
    }

    #[test]
    fn a_heartbeat_within_interval_and_grace_is_healthy() {
        for age in [0, 10 * MINUTE, 11 * MINUTE, -MINUTE] {
            let data = evaluate(&check(), Some(&heartbeat(age)), NOW).expect("it is known").expect("it is healthy");
            assert_eq!(data.heartbeat_age, Some(age.max(0)));
        }
    }

    #[test]
    fn a_late_heartbeat_is_down() {
        assert_eq!(error(Some(&heartbeat(11 * MINUTE + 1))), "no heartbeat for 11 min, expected every 10 min");
        assert_eq!(error(Some(&heartbeat(26 * MINUTE))), "no heartbeat for 26 min, expected every 10 min");
        assert_eq!(error(None), "no heartbeat received yet, expected every 10 min");
    }

    #[test]
    fn a_reported_failure_is_down() {
        let failed = |age| Heartbeat { failed: Some("disk full".to_owned()), ..heartbeat(age) };
        assert_eq!(error(Some(&failed(MINUTE))), "the job reported a failure: disk full");
        let silent = error(Some(&failed(HOUR)));
        assert_eq!(
            silent,
            "no heartbeat for 1 h, expected every 10 min; before that, the job reported a failure: disk full"
        );
    }

    #[test]
    fn a_heartbeat_far_in_the_future_is_unknown() {
        let reason = evaluate(&check(), Some(&heartbeat(-2 * HOUR)), NOW).expect_err("it is unknown");
        assert!(reason.contains("2 h in the future"), "{reason}");
    }

    #[tokio::test]
    async fn a_heartbeat_that_cannot_be_read_is_unknown() {
        let reader = |read: fn() -> HeartbeatRead| -> HeartbeatReader { Arc::new(move |_| read()) };
        let cases = [
            (None, "has no `storage`"),
            (Some(reader(|| Box::pin(async { Err("store not reachable".to_owned()) }))), "store not reachable"),
            (Some(reader(|| Box::pin(std::future::pending()))), "no response from the store within 50ms"),
            (
                Some(reader(|| Box::pin(async { Ok(Some(b"<html>".to_vec())) }))),
                "failed to parse `heartbeats/backup.json`",
            ),
            (Some(reader(|| Box::pin(async { Ok(Some(vec![b' '; 65_537])) }))), "it is larger than 65536 bytes"),
        ];
        for (heartbeats, part) in cases {
            let reason = read_last(&check(), heartbeats.as_ref()).await.expect_err("it is unknown");
            assert!(reason.contains(part), "{reason}");
        }
        let empty = reader(|| Box::pin(async { Ok(None) }));
        assert_eq!(read_last(&check(), Some(&empty)).await, Ok(None));
    }
}

//! Heartbeat checks: one attempt reads a job's last heartbeat and compares its time with the job's interval or
//! schedule. Heartbeats are read through a [`HeartbeatReader`], which hides where they are stored.

pub mod job_schedule;

use std::fmt;
use std::time::Duration;

use futures_util::future::BoxFuture;
use shared::duration::{format_coarse, format_exact};
use shared::heartbeat::Heartbeat;
use shared::object_name::HeartbeatName;
use shared::{MINUTE, Nanos, UnixNanos};

use self::job_schedule::{JobSchedule, MissedRuns};
use super::probe_data::{Capture, ProbeData};
use super::timing::timed;
use super::{CheckContext, HeartbeatReader, Probe, ProbeResult, Probed};

pub const SUBJECTS: &[&str] = &["[RTT]"];

/// The parameters of a heartbeat check.
#[derive(Debug, Clone)]
pub struct HeartbeatCheck {
    /// The name of the job's heartbeat.
    pub name: HeartbeatName,
    pub expected: ExpectedHeartbeats,
    /// How late a heartbeat can be before the job is down.
    pub grace: Nanos,
    /// The time limit for reading from the store.
    pub timeout: Duration,
}

/// How often a job is expected to send heartbeats.
#[derive(Debug, Clone)]
pub enum ExpectedHeartbeats {
    /// The job sends a heartbeat at least once per interval.
    Every(Nanos),
    /// The job sends a heartbeat after each scheduled run.
    Scheduled(Box<JobSchedule>),
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
    let Some(heartbeat) = last else { return Ok(Err(format!("no heartbeat received yet, {}", check.expected))) };
    let age = now.saturating_sub(heartbeat.at);
    if age < -CLOCK_SKEW_TOLERANCE {
        return Err(format!(
            "the last heartbeat is {} in the future; set the clock on the job's machine or on this one",
            format_coarse(age.saturating_neg())
        ));
    }
    if let Some(expected) = missed(check, heartbeat.at, now)? {
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

/// Returns the expectation that a job has not met, or `None` if its last heartbeat, sent at `last`, is recent enough.
/// An error explains why the status is unknown.
fn missed(check: &HeartbeatCheck, last: UnixNanos, now: UnixNanos) -> Result<Option<String>, String> {
    match &check.expected {
        ExpectedHeartbeats::Every(interval) => {
            let is_late = now.saturating_sub(last) > interval.saturating_add(check.grace);
            Ok(is_late.then(|| check.expected.to_string()))
        }
        ExpectedHeartbeats::Scheduled(schedule) => {
            let due = schedule.latest(now.saturating_sub(check.grace));
            let due = due.ok_or_else(|| format!("failed to compute the last scheduled time of {schedule}"))?;
            let is_late = last < schedule.earliest_heartbeat(due);
            Ok(is_late.then(|| {
                let MissedRuns { first, count } = schedule.missed_runs(last, due);
                match count {
                    1 => format!("expected at {}", schedule.format(due)),
                    2..=MissedRuns::LIMIT => {
                        format!("expected at {}; {count} runs were missed", schedule.format(first))
                    }
                    _ => {
                        let limit = MissedRuns::LIMIT;
                        format!("expected at {}; more than {limit} runs were missed", schedule.format(due))
                    }
                }
            }))
        }
    }
}

impl fmt::Display for ExpectedHeartbeats {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ExpectedHeartbeats::Every(interval) => write!(formatter, "expected every {}", format_coarse(*interval)),
            ExpectedHeartbeats::Scheduled(schedule) => write!(formatter, "expected at {schedule}"),
        }
    }
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
            expected: ExpectedHeartbeats::Every(10 * MINUTE),
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

    /// Parses a UTC time in RFC 3339 format without an offset.
    fn utc(text: &str) -> UnixNanos {
        let at: jiff::Timestamp = format!("{text}Z").parse().expect("a time");
        at.as_second() * shared::SECOND
    }

    #[test]
    fn a_scheduled_job_is_late_after_its_time_and_grace() {
        for (schedule, zone, last, now, expected) in [
            // Clocks in Berlin go back from 03:00 to 02:00 on October 25, so the last heartbeat is 24 h 5 min old at
            // 03:05.
            ("0 4 * * *", "Europe/Berlin", "2026-10-24T02:00:10", "2026-10-25T02:05:00", None),
            ("0 4 * * *", "Europe/Berlin", "2026-10-24T02:00:10", "2026-10-25T03:00:59", None),
            ("0 4 * * *", "Europe/Berlin", "2026-10-24T02:00:10", "2026-10-25T03:01:00", Some("2026-10-25 04:00 CET")),
            ("0 4 * * *", "Europe/Berlin", "2026-10-25T03:00:00", "2026-10-25T03:01:00", None),
            // Clocks in Berlin go forward from 02:00 to 03:00 on March 29, so only 23 hours pass until the next 04:00.
            ("0 4 * * *", "Europe/Berlin", "2026-03-28T03:00:00", "2026-03-29T02:00:59", None),
            ("0 4 * * *", "Europe/Berlin", "2026-03-28T03:00:00", "2026-03-29T02:01:00", Some("2026-03-29 04:00 CEST")),
            // 02:30 does not exist in Berlin on March 29, so the job is due at 03:00.
            ("30 2 * * *", "Europe/Berlin", "2026-03-28T01:30:00", "2026-03-29T01:00:59", None),
            (
                "30 2 * * *",
                "Europe/Berlin",
                "2026-03-28T01:30:00",
                "2026-03-29T01:01:00",
                Some("2026-03-29 03:00 CEST"),
            ),
            // 02:30 occurs twice in Berlin on October 25, but the job is due only once.
            ("30 2 * * *", "Europe/Berlin", "2026-10-25T00:30:00", "2026-10-25T12:00:00", None),
            (
                "30 2 * * *",
                "Europe/Berlin",
                "2026-10-24T00:30:00",
                "2026-10-25T00:31:00",
                Some("2026-10-25 02:30 CEST"),
            ),
            // No heartbeat is expected between Friday and Monday.
            ("0 18 * * MON-FRI", "UTC", "2026-11-27T18:00:00", "2026-11-29T23:00:00", None),
            ("0 18 * * 1-5", "UTC", "2026-11-27T18:00:00", "2026-11-30T18:00:30", None),
            ("0 18 * * MON-FRI", "UTC", "2026-11-27T18:00:00", "2026-11-30T18:01:00", Some("2026-11-30 18:00 UTC")),
            // `31` skips months with fewer days, but `L` means the last day of every month.
            ("0 0 31 * *", "UTC", "2026-10-31T00:00:00", "2026-12-30T00:00:00", None),
            ("0 0 L * *", "UTC", "2026-10-31T00:00:00", "2026-12-01T00:00:00", Some("2026-11-30 00:00 UTC")),
            ("@monthly", "UTC", "2026-11-01T00:00:00", "2026-11-30T00:00:00", None),
            // A heartbeat can be sent a few minutes early, but the previous run's heartbeat must not count for this
            // run.
            ("0 4 * * *", "UTC", "2026-11-29T03:55:00", "2026-11-29T05:00:00", None),
            ("0 4 * * *", "UTC", "2026-11-29T03:54:59", "2026-11-29T05:00:00", Some("2026-11-29 04:00 UTC")),
            ("*/10 * * * *", "UTC", "2026-11-29T04:09:00", "2026-11-29T04:12:00", None),
            ("*/10 * * * *", "UTC", "2026-11-29T04:08:59", "2026-11-29T04:12:00", Some("2026-11-29 04:10 UTC")),
        ] {
            let zone = job_schedule::parse_time_zone(zone).expect("a time zone");
            let schedule = JobSchedule::parse(schedule, zone).expect("a schedule");
            let check = HeartbeatCheck { expected: ExpectedHeartbeats::Scheduled(Box::new(schedule)), ..check() };
            let heartbeat = Heartbeat { at: utc(last), ..Heartbeat::default() };
            let result = evaluate(&check, Some(&heartbeat), utc(now)).expect("it is known");
            let due = result.map(drop).err().map(|error| error.rsplit("expected at ").next().map(str::to_owned));
            assert_eq!(due.flatten().as_deref(), expected, "{} {last} {now}", check.expected);
        }
    }

    #[test]
    fn the_first_missed_run_and_the_number_are_named() {
        for (schedule, zone, last, now, expected) in [
            ("0 4 * * *", "UTC", "2026-11-28T04:10:00", "2026-11-29T04:30:00", "expected at 2026-11-29 04:00 UTC"),
            (
                "0 4 * * *",
                "Europe/Berlin",
                "2026-10-23T02:00:10",
                "2026-10-26T09:00:00",
                "expected at 2026-10-24 04:00 CEST; 3 runs were missed",
            ),
            // The heartbeat was early, but counts for the run at 04:00.
            (
                "0 * * * *",
                "UTC",
                "2026-11-29T03:56:00",
                "2026-11-29T06:30:00",
                "expected at 2026-11-29 05:00 UTC; 2 runs were missed",
            ),
            (
                "0 18 * * MON-FRI",
                "UTC",
                "2026-11-26T18:00:00",
                "2026-11-30T19:00:00",
                "expected at 2026-11-27 18:00 UTC; 2 runs were missed",
            ),
            (
                "* * * * *",
                "UTC",
                "2026-11-29T00:00:00",
                "2026-11-29T01:41:00",
                "expected at 2026-11-29 00:01 UTC; 100 runs were missed",
            ),
            (
                "* * * * *",
                "UTC",
                "2026-11-29T00:00:00",
                "2026-11-29T12:00:00",
                "expected at 2026-11-29 11:59 UTC; more than 100 runs were missed",
            ),
        ] {
            let zone = job_schedule::parse_time_zone(zone).expect("a time zone");
            let schedule = JobSchedule::parse(schedule, zone).expect("a schedule");
            let check = HeartbeatCheck { expected: ExpectedHeartbeats::Scheduled(Box::new(schedule)), ..check() };
            let heartbeat = Heartbeat { at: utc(last), ..Heartbeat::default() };
            let error = evaluate(&check, Some(&heartbeat), utc(now)).expect("it is known").map(drop);
            let error = error.expect_err("it is down");
            assert_eq!(error.split_once(", ").map(|(_, missed)| missed), Some(expected), "{} {now}", check.expected);
        }
    }

    #[test]
    fn a_job_without_heartbeats_names_its_schedule() {
        let zone = job_schedule::parse_time_zone("Europe/Berlin").expect("a time zone");
        let schedule = JobSchedule::parse("0 4 * * *", zone).expect("a schedule");
        let check = HeartbeatCheck { expected: ExpectedHeartbeats::Scheduled(Box::new(schedule)), ..check() };
        let error = evaluate(&check, None, NOW).expect("it is known").map(drop).expect_err("it is down");
        assert_eq!(error, "no heartbeat received yet, expected at `0 4 * * *` (Europe/Berlin)");
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

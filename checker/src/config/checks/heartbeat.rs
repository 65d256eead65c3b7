//! The configuration of `heartbeat` checks: keys, defaults and the conversion to a [`HeartbeatCheck`].

use serde::Deserialize;
use shared::object_name::HeartbeatName;
use shared::{MINUTE, Nanos};

use super::common::{NAME, timeout};
use super::converter::CheckConverter;
use super::{CheckType, DEFAULT_TIMEOUT};
use crate::checks::heartbeat::job_schedule::{JobSchedule, parse_time_zone};
use crate::checks::heartbeat::{ExpectedHeartbeats, HeartbeatCheck};
use crate::checks::{self as kinds, CheckKind};
use crate::config::patterns;
use crate::config::raw::RawDuration;
use crate::config::spec::{CENTURY, SECOND, ValueKind, Variant, optional, required};

/// The default tolerance for late heartbeats, because jobs take a moment to start, and clocks differ.
const DEFAULT_GRACE: Nanos = MINUTE;

pub(super) const TYPE: CheckType = CheckType {
    variant: Variant {
        name: "heartbeat",
        description: "A job that sends heartbeats with `checker beat JOB`. It is down if it is late or reports that it failed.",
        fields: &[
            NAME,
            required(
                "job",
                ValueKind::Pattern(patterns::JOB_NAME),
                "The name of the job: 1 to 64 lowercase letters, digits and hyphens.",
            ),
            optional(
                "interval",
                ValueKind::Duration(SECOND, CENTURY),
                "none: required without `schedule`",
                "The interval between heartbeats.",
            ),
            optional(
                "schedule",
                ValueKind::Pattern(patterns::NOT_BLANK),
                "none: required without `interval`",
                "When the job runs: a cron expression, for example `0 4 * * MON-FRI`, or a name such as `@daily`; see [Schedules](heartbeats.md#schedules).",
            ),
            optional(
                "time_zone",
                ValueKind::Pattern(patterns::NOT_BLANK),
                "`UTC`",
                "The time zone of `schedule`, for example `Europe/Berlin`.",
            ),
            optional(
                "grace",
                ValueKind::Duration(0, CENTURY),
                "`1m`",
                "How late a heartbeat can be before the endpoint is down.",
            ),
            timeout("`10s`", "The time limit for reading from the store, after which the status is unknown."),
        ],
    },
    subjects: kinds::heartbeat::SUBJECTS,
    default_timeout: DEFAULT_TIMEOUT,
    convert,
};

#[derive(Deserialize)]
struct RawHeartbeat {
    job: String,
    interval: Option<RawDuration>,
    schedule: Option<String>,
    time_zone: Option<String>,
    grace: Option<RawDuration>,
}

fn convert(converter: &mut CheckConverter<'_>) -> Option<CheckKind> {
    let raw: RawHeartbeat = converter.read()?;
    let name = converter.accept("job", HeartbeatName::new(&raw.job))?;
    let grace = raw.grace.map_or(DEFAULT_GRACE, |grace| grace.0);
    if raw.time_zone.is_some() && raw.schedule.is_none() {
        converter.reject("time_zone", "has no effect without `schedule`: add it, or remove `time_zone`");
    }
    let expected = match (raw.interval, raw.schedule) {
        (Some(interval), None) => ExpectedHeartbeats::Every(interval.0),
        (None, Some(schedule)) => {
            let zone = parse_time_zone(raw.time_zone.as_deref().unwrap_or("UTC"));
            let zone = converter.accept("time_zone", zone)?;
            let schedule = converter.accept("schedule", JobSchedule::parse(&schedule, zone))?;
            ExpectedHeartbeats::Scheduled(Box::new(schedule))
        }
        (Some(_), Some(_)) => {
            converter.reject("schedule", "contradicts `interval`: remove one of them");
            return None;
        }
        (None, None) => {
            converter.reject("interval", "is missing: expected an interval such as `1h`, or a `schedule`");
            return None;
        }
    };
    let timeout = converter.timeout;
    Some(CheckKind::Heartbeat(Box::new(HeartbeatCheck { name, expected, grace, timeout })))
}

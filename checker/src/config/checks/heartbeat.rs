//! The configuration of `heartbeat` checks: keys, defaults and the conversion to a [`HeartbeatCheck`].

use serde::Deserialize;
use shared::object_name::HeartbeatName;
use shared::{MINUTE, Nanos};

use super::common::{NAME, timeout};
use super::converter::CheckConverter;
use super::{CheckType, DEFAULT_TIMEOUT};
use crate::checks::heartbeat::HeartbeatCheck;
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
            required("interval", ValueKind::Duration(SECOND, CENTURY), "The interval between heartbeats."),
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
    interval: RawDuration,
    grace: Option<RawDuration>,
}

fn convert(converter: &mut CheckConverter<'_>) -> Option<CheckKind> {
    let raw: RawHeartbeat = converter.read()?;
    let name = converter.accept("job", HeartbeatName::new(&raw.job))?;
    let grace = raw.grace.map_or(DEFAULT_GRACE, |grace| grace.0);
    let (interval, timeout) = (raw.interval.0, converter.timeout);
    Some(CheckKind::Heartbeat(Box::new(HeartbeatCheck { name, interval, grace, timeout })))
}

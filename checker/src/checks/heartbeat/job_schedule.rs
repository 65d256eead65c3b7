//! When a job must run: a cron expression in a time zone.

use croner::Cron;
use croner::parser::{CronParser, Seconds, Year};
use jiff::tz::TimeZone;
use jiff::{Timestamp, Zoned};
use shared::{MINUTE, Nanos, SECOND, UnixNanos};

/// The fields of a cron expression, in order.
const FIELDS: [&str; 5] = ["minute", "hour", "day of the month", "month", "day of the week"];
/// The maximum length of an expression, in bytes. Even a list of all minutes is shorter.
const LENGTH_LIMIT: usize = 300;
/// How long before its time a heartbeat counts, because the clocks of jobs and schedulers differ.
const EARLY_TOLERANCE: Nanos = 5 * MINUTE;
/// The part of the time between two runs by which a heartbeat can be early, so that it is not the late heartbeat of the
/// run before.
const EARLY_PART: Nanos = 10;

/// The start of the year 2100. Every date that a schedule can contain occurs between 1970 and then.
const YEAR_2100: UnixNanos = 4_102_444_800 * SECOND;

/// A job's schedule.
#[derive(Debug, Clone)]
pub struct JobSchedule {
    /// The cron expression as configured.
    expression: String,
    cron: Cron,
    zone: TimeZone,
}

/// The reason why a string is not the schedule of a job.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidSchedule {
    #[error(
        "invalid schedule `{0}`: expected five fields (minute, hour, day of the month, month, day of the week), for \
         example `0 4 * * *` or `30 2 * * MON-FRI`"
    )]
    Fields(String),
    #[error("invalid schedule `{0}`: `{1}` is not a valid {2}")]
    Field(String, String, &'static str),
    #[error("invalid schedule `{0}`: there is no such date")]
    Never(String),
}

/// The error for a string that is not the name of a time zone.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("unknown time zone `{0}`: expected for example `Europe/Berlin` or `UTC`")]
pub struct UnknownTimeZone(String);

/// Parses the name of a time zone in the IANA database.
pub fn parse_time_zone(name: &str) -> Result<TimeZone, UnknownTimeZone> {
    TimeZone::get(name).map_err(|_| UnknownTimeZone(name.to_owned()))
}

impl JobSchedule {
    /// Parses a cron expression with five fields, or a name such as `@daily`.
    pub fn parse(expression: &str, zone: TimeZone) -> Result<JobSchedule, InvalidSchedule> {
        let invalid = || InvalidSchedule::Fields(expression.to_owned());
        if expression.len() > LENGTH_LIMIT || !expression.is_ascii() {
            return Err(invalid());
        }
        let Some(cron) = parse_cron(expression) else {
            let fields: Vec<&str> = expression.split_whitespace().collect();
            if fields.len() != FIELDS.len() {
                return Err(invalid());
            }
            let mut named = fields.into_iter().zip(FIELDS).enumerate();
            let wrong = named.find(|(index, (field, _))| {
                let mut alone = ["*"; FIELDS.len()];
                alone[*index] = field;
                parse_cron(&alone.join(" ")).is_none()
            });
            let field = |(_, (field, name)): (_, (&str, _))| {
                InvalidSchedule::Field(expression.to_owned(), field.to_owned(), name)
            };
            return Err(wrong.map_or_else(invalid, field));
        };
        // Some dates do not exist, such as the 30th of February.
        let schedule = JobSchedule { expression: expression.trim().to_owned(), cron, zone };
        match schedule.latest(YEAR_2100) {
            Some(_) => Ok(schedule),
            None => Err(InvalidSchedule::Never(schedule.expression)),
        }
    }

    /// Returns the last scheduled time at or before `now`, if there is one since 1970.
    ///
    /// A daily time that the clocks skip in spring is due when they have gone forward. One that occurs twice in autumn
    /// is due the first time.
    #[must_use]
    pub fn latest(&self, now: UnixNanos) -> Option<UnixNanos> {
        self.search(now, true)
    }

    /// Returns the earliest time at which a heartbeat counts for a run that is due at `due`.
    #[must_use]
    pub fn earliest_heartbeat(&self, due: UnixNanos) -> UnixNanos {
        let since_last_run = self.search(due, false).map_or(Nanos::MAX, |before| due.saturating_sub(before));
        due.saturating_sub(EARLY_TOLERANCE.min(since_last_run / EARLY_PART))
    }

    fn search(&self, from: UnixNanos, inclusive: bool) -> Option<UnixNanos> {
        let found = self.cron.find_previous_occurrence(&self.zoned(from)?, inclusive).ok()?;
        found.timestamp().as_second().checked_mul(SECOND).filter(|at| *at > 0)
    }

    /// Converts a time to the zone of the schedule, without the fraction of a second.
    fn zoned(&self, at: UnixNanos) -> Option<Zoned> {
        Some(Timestamp::from_second(at.div_euclid(SECOND)).ok()?.to_zoned(self.zone.clone()))
    }

    /// Formats a time in the zone of the schedule, for example `2026-10-25 04:00 CET`.
    #[must_use]
    pub fn format(&self, at: UnixNanos) -> String {
        self.zoned(at).map(|at| at.strftime("%Y-%m-%d %H:%M %Z").to_string()).unwrap_or_default()
    }
}

/// Displays the expression and the zone: `0 4 * * *` (Europe/Berlin).
impl std::fmt::Display for JobSchedule {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "`{}` ({})", self.expression, self.zone.iana_name().unwrap_or("UTC"))
    }
}

fn parse_cron(expression: &str) -> Option<Cron> {
    let parser = CronParser::builder().seconds(Seconds::Disallowed).year(Year::Disallowed).build();
    parser.parse(expression).ok()
}

#[cfg(test)]
mod tests;

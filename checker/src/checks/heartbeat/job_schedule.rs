//! A job's schedule: a cron expression in a time zone.

use croner::Cron;
use croner::parser::{CronParser, Seconds, Year};
use jiff::tz::TimeZone;
use jiff::{Timestamp, Zoned};
use shared::{MINUTE, Nanos, SECOND, UnixNanos};

/// The names of a cron expression's fields, in order.
const FIELDS: [&str; 5] = ["minute", "hour", "day of the month", "month", "day of the week"];
/// The maximum length of an expression, in bytes. Even a list of all minutes is shorter.
const LENGTH_LIMIT: usize = 300;
/// The maximum time by which a heartbeat can be early, because the clocks of two machines differ.
const EARLY_TOLERANCE: Nanos = 5 * MINUTE;
/// A heartbeat can be early by at most the time between two runs divided by this number, so that a late heartbeat of
/// the previous run does not count.
const EARLY_PART: Nanos = 10;

/// The start of the year 2100, in nanoseconds. Every date that a schedule can match occurs between 1970 and 2100.
const YEAR_2100: UnixNanos = 4_102_444_800 * SECOND;

/// The times at which a job must run.
#[derive(Debug, Clone)]
pub struct JobSchedule {
    /// The cron expression as configured.
    expression: String,
    cron: Cron,
    zone: TimeZone,
}

/// The scheduled runs that a job has missed since its last heartbeat.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MissedRuns {
    /// The time of the first missed run, unless there are too many to count.
    pub first: UnixNanos,
    /// The number of missed runs, at most one more than [`MissedRuns::LIMIT`].
    pub count: usize,
}

impl MissedRuns {
    /// The maximum number of runs to count, because each one takes two searches of the schedule.
    pub const LIMIT: usize = 100;
}

/// The error for a string that is not a valid schedule.
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

/// The error for a name that is not in the time zone database.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("unknown time zone `{0}`: expected for example `Europe/Berlin` or `UTC`")]
pub struct UnknownTimeZone(String);

/// Finds a time zone by its name in the IANA database.
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
        // Reject dates that never occur, such as February 30.
        let schedule = JobSchedule { expression: expression.trim().to_owned(), cron, zone };
        match schedule.latest(YEAR_2100) {
            Some(_) => Ok(schedule),
            None => Err(InvalidSchedule::Never(schedule.expression)),
        }
    }

    /// Returns the last scheduled time at or before `now`, if there is one since 1970.
    ///
    /// A daily run whose time is skipped when clocks go forward is due immediately after the change. A daily run whose
    /// time occurs twice is due the first time.
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

    /// Returns the runs up to `due` for which a job has sent no heartbeat. It sent its last one at `last`, too early for
    /// the run at `due`.
    #[must_use]
    pub fn missed_runs(&self, last: UnixNanos, due: UnixNanos) -> MissedRuns {
        let mut missed = MissedRuns { first: due, count: 1 };
        while missed.count <= MissedRuns::LIMIT
            && let Some(before) = self.search(missed.first, false)
            && last < self.earliest_heartbeat(before)
        {
            missed = MissedRuns { first: before, count: missed.count + 1 };
        }
        missed
    }

    fn search(&self, from: UnixNanos, inclusive: bool) -> Option<UnixNanos> {
        let found = self.cron.find_previous_occurrence(&self.zoned(from)?, inclusive).ok()?;
        found.timestamp().as_second().checked_mul(SECOND).filter(|at| *at > 0)
    }

    /// Converts a time to the schedule's time zone and drops the fraction of a second.
    fn zoned(&self, at: UnixNanos) -> Option<Zoned> {
        Some(Timestamp::from_second(at.div_euclid(SECOND)).ok()?.to_zoned(self.zone.clone()))
    }

    /// Formats a time in the schedule's time zone, for example `2026-10-25 04:00 CET`.
    #[must_use]
    pub fn format(&self, at: UnixNanos) -> String {
        self.zoned(at).map(|at| at.strftime("%Y-%m-%d %H:%M %Z").to_string()).unwrap_or_default()
    }
}

/// Displays the expression and the time zone, for example `0 4 * * *` (Europe/Berlin).
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

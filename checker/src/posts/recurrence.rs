//! Expands a local start, a time zone, a length and a recurrence rule into windows in UTC. Pure.
//!
//! Recurrences are computed on local dates, and each is converted separately, so a change of the clocks shifts one
//! window and drops none. The length is real time.

mod rule;
mod zone;

#[cfg(test)]
mod oracle_tests;
#[cfg(test)]
mod tests;

use std::collections::BTreeSet;

use jiff::civil::{Date, DateTime};
use jiff::tz::TimeZone;
use shared::post::{MaintenancePlan, WINDOWS_LIMIT};
use shared::{DAY, Nanos, UnixNanos};

pub use self::rule::{InvalidRule, RecurrenceRule};
pub use self::zone::{ClockChange, UnknownZone, find_zone, local_text, to_local};
use self::zone::{length_text, to_utc};

/// How far ahead windows are computed, and the maximum age of the first one of a new plan.
pub const HORIZON: Nanos = 400 * DAY;

/// The number of additional windows to compute, because some can coincide when clocks go forward.
const COINCIDING: usize = 100;

/// The error for a recurrence that cannot be expanded.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidRecurrence {
    #[error("invalid start `{0}`: expected a date and a time that exist, for example `2026-12-06 02:00`")]
    Start(String),
    #[error(transparent)]
    Zone(#[from] UnknownZone),
    #[error("invalid length: a window must last longer than 0")]
    Length,
    #[error(transparent)]
    Rule(#[from] InvalidRule),
    #[error("invalid date `{0}`: expected for example `2027-01-03`")]
    Date(String),
    #[error("there is no window on {0}, so that date cannot be left out")]
    NothingExcepted(Date),
    #[error("the start {0} is more than 400 days ago")]
    TooEarly(String),
    #[error("the start {0} is more than 400 days from now; plan it later")]
    TooLate(String),
    #[error("there is no window within 400 days of now: {0}")]
    NoWindow(&'static str),
    #[error(
        "there are more than 2,000 windows within 400 days of now; repeat less often, or end the rule with `UNTIL`"
    )]
    TooMany,
    #[error("windows of {length} overlap: the one that begins at {first} has not ended at {second}", length = length_text(*.length))]
    Overlap { length: Nanos, first: String, second: String },
}

/// The local time and length of the first window, and the rule for further ones.
#[derive(Debug, Clone, PartialEq)]
pub struct Recurrence {
    start: DateTime,
    zone: TimeZone,
    length: Nanos,
    rule: Option<RecurrenceRule>,
    except: BTreeSet<Date>,
}

/// One window of a recurrence.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Occurrence {
    /// The local time that the rule results in, which does not exist if it was skipped.
    pub local: DateTime,
    pub start: UnixNanos,
    pub end: UnixNanos,
    pub change: ClockChange,
}

impl Recurrence {
    /// Parses the parts of a recurrence. `repeat` is empty for a single window.
    pub fn parse(
        (start, zone): (&str, &str),
        length: Nanos,
        repeat: &str,
        except: &[String],
    ) -> Result<Recurrence, InvalidRecurrence> {
        let start = parse_local(start).ok_or_else(|| InvalidRecurrence::Start(start.to_owned()))?;
        let zone = find_zone(zone)?;
        if length <= 0 {
            return Err(InvalidRecurrence::Length);
        }
        let rule = if repeat.trim().is_empty() { None } else { Some(RecurrenceRule::parse(repeat)?) };
        let date = |text: &String| parse_date(text).ok_or_else(|| InvalidRecurrence::Date(text.clone()));
        let except = except.iter().map(date).collect::<Result<_, _>>()?;
        Ok(Recurrence { start, zone, length, rule, except })
    }

    /// Restores the recurrence of a stored plan.
    pub fn from_plan(plan: &MaintenancePlan) -> Result<Recurrence, InvalidRecurrence> {
        Recurrence::parse((&plan.start, &plan.zone), plan.length, &plan.repeat, &plan.except)
    }

    #[must_use]
    pub fn zone(&self) -> &TimeZone {
        &self.zone
    }

    /// Returns the local time from which the rule applies.
    #[must_use]
    pub fn start(&self) -> DateTime {
        self.start
    }

    /// Expands a new recurrence. The windows begin at most [`HORIZON`] after `now`; past ones are included.
    pub fn expand(&self, now: UnixNanos) -> Result<Vec<Occurrence>, InvalidRecurrence> {
        let first = self.convert(self.start)?;
        if first.start < now.saturating_sub(HORIZON) {
            return Err(InvalidRecurrence::TooEarly(local_text(first.start, &self.zone)));
        }
        if first.start > now.saturating_add(HORIZON) {
            return Err(InvalidRecurrence::TooLate(local_text(first.start, &self.zone)));
        }
        let all = self.windows_after(UnixNanos::MIN, now)?;
        let unused = self.except.iter().find(|date| !self.fires_on(**date, now));
        if let Some(date) = unused {
            return Err(InvalidRecurrence::NothingExcepted(*date));
        }
        if all.is_empty() {
            let reason = match (&self.rule, self.except.is_empty()) {
                (Some(_), true) => "the recurrence rule does not fire",
                _ => "all of them are left out",
            };
            return Err(InvalidRecurrence::NoWindow(reason));
        }
        Ok(all)
    }

    /// Returns the windows that begin after `after` and at most [`HORIZON`] after `now`.
    pub fn windows_after(&self, after: UnixNanos, now: UnixNanos) -> Result<Vec<Occurrence>, InvalidRecurrence> {
        let mut windows = Vec::new();
        for local in self.local_times(now)? {
            let window = self.convert(local)?;
            if window.start > after && window.start <= now.saturating_add(HORIZON) && !self.excepts(local) {
                windows.push(window);
            }
            if windows.len() > WINDOWS_LIMIT + COINCIDING {
                break;
            }
        }
        // Two local times can be one moment if the first does not exist.
        windows.sort_by_key(|window| (window.start, window.local));
        windows.dedup_by_key(|window| window.start);
        if windows.len() > WINDOWS_LIMIT {
            return Err(InvalidRecurrence::TooMany);
        }
        match windows.windows(2).find(|pair| pair[1].start < pair[0].end) {
            Some(pair) => {
                let [first, second] = [pair[0], pair[1]].map(|window| local_text(window.start, &self.zone));
                Err(InvalidRecurrence::Overlap { length: self.length, first, second })
            }
            None => Ok(windows),
        }
    }

    /// Returns a plan with the given windows.
    #[must_use]
    pub fn plan(&self, windows: &[Occurrence]) -> MaintenancePlan {
        MaintenancePlan {
            start: self.start.strftime("%Y-%m-%dT%H:%M").to_string(),
            zone: self.zone.iana_name().unwrap_or("UTC").to_owned(),
            length: self.length,
            repeat: self.rule.as_ref().map(|rule| rule.as_str().to_owned()).unwrap_or_default(),
            except: self.except.iter().map(ToString::to_string).collect(),
            windows: windows.iter().map(|window| (window.start, window.end)).collect(),
        }
    }

    /// Returns the local times of all windows until a little more than [`HORIZON`] after `now`, including excepted ones.
    fn local_times(&self, now: UnixNanos) -> Result<impl Iterator<Item = DateTime>, InvalidRecurrence> {
        // No change of the clocks is longer than a day.
        let end = to_local(now.saturating_add(HORIZON + DAY), &self.zone);
        let (single, recurring) = match &self.rule {
            None => (Some(self.start), None),
            Some(rule) => (None, Some(rule.local_times(self.start, &self.zone)?)),
        };
        Ok(single.into_iter().chain(recurring.into_iter().flatten()).take_while(move |local| *local <= end))
    }

    fn excepts(&self, local: DateTime) -> bool {
        self.except.contains(&local.date())
    }

    /// Returns whether there would be a window on a date if it were not excepted. Dates after the horizon count as such.
    fn fires_on(&self, date: Date, now: UnixNanos) -> bool {
        let is_later = date > to_local(now.saturating_add(HORIZON), &self.zone).date();
        is_later || self.local_times(now).is_ok_and(|mut times| times.any(|local| local.date() == date))
    }

    fn convert(&self, local: DateTime) -> Result<Occurrence, InvalidRecurrence> {
        let out_of_range = || InvalidRecurrence::Start(local.to_string());
        let (start, change) = to_utc(local, &self.zone).ok_or_else(out_of_range)?;
        Ok(Occurrence { local, start, end: start.saturating_add(self.length), change })
    }
}

/// Parses a local time with minutes: `2026-12-06 02:00` or `2026-12-06T02:00`.
#[must_use]
pub fn parse_local(text: &str) -> Option<DateTime> {
    let text = text.trim().replacen('T', " ", 1);
    let time = DateTime::strptime("%Y-%m-%d %H:%M", &text).ok()?;
    // The parser also accepts other notations, such as years with a sign.
    (time.strftime("%Y-%m-%d %H:%M").to_string() == text && (1970..2200).contains(&time.year())).then_some(time)
}

/// Parses a date such as `2026-12-06`.
#[must_use]
pub fn parse_date(text: &str) -> Option<Date> {
    let text = text.trim();
    let date = Date::strptime("%Y-%m-%d", text).ok()?;
    (date.to_string() == text && (1970..2200).contains(&date.year())).then_some(date)
}

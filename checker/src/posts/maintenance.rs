//! Determines what a maintenance command posts, from its arguments and the current state. Pure.

use jiff::civil::{Date, DateTime};
use jiff::tz::TimeZone;
use shared::post::maintenance::{Maintenance, Window};
use shared::post::{MaintenanceChange, MaintenancePlan};
use shared::{DAY, Nanos, UnixNanos, duration};

use super::recurrence::{InvalidRecurrence, Recurrence, find_zone, local_text, parse_date, parse_local, to_local};

/// How long before its last known window a recurring plan is extended.
pub const RENEWED_BEFORE: Nanos = 60 * DAY;

/// The number of windows that an error lists.
const LISTED: usize = 3;

/// The reason why a maintenance command cannot post anything.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MaintenanceError {
    #[error(
        "invalid date `{0}`: expected for example `2026-12-06`, or `2026-12-06 02:00` if there are several windows"
    )]
    Date(String),
    #[error("there is no window on {date}{listed}")]
    NoWindow { date: String, listed: String },
    #[error("there are {count} windows on {date}: add the time, for example `{example}`")]
    Ambiguous { count: usize, date: String, example: String },
    #[error("the window that began at {0} is already over: only windows that have not begun can be canceled")]
    Over(String),
    #[error("the window on {0} is already canceled")]
    AlreadyCanceled(String),
    #[error("a window has been in progress since {0}: end it with `checker maintenance end`, then cancel the others")]
    InProgress(String),
    #[error("there is nothing to cancel: {0}")]
    NothingToCancel(&'static str),
    #[error("the window already began at {0}")]
    AlreadyBegun(String),
    #[error("there is no window left to begin: {0}")]
    NothingToBegin(&'static str),
    #[error("no window is in progress: the next one begins at {0}")]
    NotBegun(String),
    #[error("no window is in progress: the last one ended at {0}")]
    Ended(String),
    #[error("no window is in progress: {0}")]
    NothingInProgress(&'static str),
    #[error("the window already ended at {0}: another command ended it at the same time, so it was not extended")]
    EndedMeanwhile(String),
    #[error("invalid duration for `--for`: expected more than `0`, for example `1h`")]
    NoExtension,
    #[error(
        "extending the window by `{by}` would make it overlap the next one, which begins at {next}: pass a shorter duration"
    )]
    ExtendedIntoNext { by: String, next: String },
}

const ALL_CANCELED: &str = "all windows are canceled";
const ALL_OVER: &str = "all windows are over";

/// Returns the time zone of a plan. Posts can name a zone that this system does not know; their times are shown in UTC.
#[must_use]
pub fn zone_of(maintenance: &Maintenance) -> TimeZone {
    find_zone(&maintenance.plan.zone).unwrap_or(TimeZone::UTC)
}

/// Cancels all windows that have not begun, or only the one that begins on a date, or on a date and at a time.
pub fn cancel(
    maintenance: &Maintenance,
    only: Option<&str>,
    now: UnixNanos,
) -> Result<MaintenanceChange, MaintenanceError> {
    let zone = zone_of(maintenance);
    let Some(only) = only else {
        if let Some(current) = maintenance.current(now) {
            return Err(MaintenanceError::InProgress(local_text(current.start, &zone)));
        }
        return match maintenance.next(now) {
            Some(_) => Ok(MaintenanceChange::CancelAll),
            None => Err(MaintenanceError::NothingToCancel(why_none(maintenance, now))),
        };
    };
    let window = find(maintenance, &zone, only, now)?;
    if window.end <= now {
        return Err(MaintenanceError::Over(local_text(window.start, &zone)));
    }
    if window.contains(now) {
        return Err(MaintenanceError::InProgress(local_text(window.start, &zone)));
    }
    Ok(MaintenanceChange::Cancel(window.planned))
}

/// Begins the next window now. It keeps its length.
pub fn begin(maintenance: &Maintenance, now: UnixNanos) -> Result<MaintenanceChange, MaintenanceError> {
    if let Some(current) = maintenance.current(now) {
        return Err(MaintenanceError::AlreadyBegun(local_text(current.start, &zone_of(maintenance))));
    }
    let Some(next) = maintenance.next(now) else {
        return Err(MaintenanceError::NothingToBegin(why_none(maintenance, now)));
    };
    let length = next.end.saturating_sub(next.start);
    Ok(MaintenanceChange::Move { window: next.planned, start: now, end: now.saturating_add(length) })
}

/// Ends the window that is in progress now.
pub fn end(maintenance: &Maintenance, now: UnixNanos) -> Result<MaintenanceChange, MaintenanceError> {
    let current = in_progress(maintenance, now)?;
    let end = now.max(current.start.saturating_add(1));
    Ok(MaintenanceChange::Move { window: current.planned, start: current.start, end })
}

/// Extends the window that is in progress.
pub fn extend(maintenance: &Maintenance, by: Nanos, now: UnixNanos) -> Result<MaintenanceChange, MaintenanceError> {
    let current = in_progress(maintenance, now)?;
    if by <= 0 {
        return Err(MaintenanceError::NoExtension);
    }
    let end = current.end.saturating_add(by);
    match maintenance.next(now).filter(|next| next.start < end) {
        Some(next) => Err(MaintenanceError::ExtendedIntoNext {
            by: duration::format_exact(by),
            next: local_text(next.start, &zone_of(maintenance)),
        }),
        None => Ok(MaintenanceChange::Move { window: current.planned, start: current.start, end }),
    }
}

/// Checks that a window that was extended is still in progress. An end that was posted before or at the same time has
/// precedence over the extension.
pub fn check_extended(maintenance: &Maintenance, planned: UnixNanos, now: UnixNanos) -> Result<(), MaintenanceError> {
    match maintenance.windows.iter().find(|window| window.planned == planned) {
        Some(window) if window.contains(now) => Ok(()),
        Some(window) => Err(MaintenanceError::EndedMeanwhile(local_text(window.end, &zone_of(maintenance)))),
        None => Err(MaintenanceError::NothingInProgress(ALL_CANCELED)),
    }
}

/// Returns whether no window is left because all windows after those that are over were canceled.
#[must_use]
pub fn is_canceled(maintenance: &Maintenance, now: UnixNanos) -> bool {
    let is_left = |window: &Window| window.end > now;
    let is_removed = |planned: UnixNanos| maintenance.windows.iter().all(|window| window.planned != planned);
    let last = maintenance.plan.windows.last();
    !maintenance.windows.iter().any(is_left)
        && (maintenance.is_canceled || last.is_some_and(|(start, _)| is_removed(*start)))
}

/// Returns the plan that adds further windows if the last known one begins within [`RENEWED_BEFORE`]. Returns `None` if
/// no further windows are due, or if the maintenance was canceled.
pub fn renewal(maintenance: &Maintenance, now: UnixNanos) -> Result<Option<MaintenancePlan>, InvalidRecurrence> {
    let plan = &maintenance.plan;
    let last = plan.windows.iter().map(|(start, _)| *start).max().unwrap_or(UnixNanos::MIN);
    if plan.repeat.is_empty() || maintenance.is_canceled || last > now.saturating_add(RENEWED_BEFORE) {
        return Ok(None);
    }
    let recurrence = Recurrence::from_plan(plan)?;
    let further = recurrence.windows_after(last, now)?;
    Ok((!further.is_empty()).then(|| recurrence.plan(&further)))
}

fn in_progress(maintenance: &Maintenance, now: UnixNanos) -> Result<Window, MaintenanceError> {
    if let Some(current) = maintenance.current(now) {
        return Ok(current);
    }
    let zone = zone_of(maintenance);
    if let Some(next) = maintenance.next(now) {
        return Err(MaintenanceError::NotBegun(local_text(next.start, &zone)));
    }
    match maintenance.windows.iter().map(|window| window.end).max() {
        Some(end) if !maintenance.is_canceled => Err(MaintenanceError::Ended(local_text(end, &zone))),
        _ => Err(MaintenanceError::NothingInProgress(why_none(maintenance, now))),
    }
}

/// Returns why there is no window in the future.
fn why_none(maintenance: &Maintenance, now: UnixNanos) -> &'static str {
    if is_canceled(maintenance, now) { ALL_CANCELED } else { ALL_OVER }
}

/// Finds the window that begins on a date, or on a date and at a time.
fn find(maintenance: &Maintenance, zone: &TimeZone, only: &str, now: UnixNanos) -> Result<Window, MaintenanceError> {
    let (date, time) = parse_only(only).ok_or_else(|| MaintenanceError::Date(only.to_owned()))?;
    let is_wanted = |start: UnixNanos| {
        let local = to_local(start, zone);
        local.date() == date && time.is_none_or(|time| local == time)
    };
    // A window that was moved is found by either of its starts.
    let is_meant = |window: &&Window| is_wanted(window.planned) || is_wanted(window.start);
    let found: Vec<&Window> = maintenance.windows.iter().filter(is_meant).collect();
    match found.as_slice() {
        [window] => Ok(**window),
        [] if maintenance.plan.windows.iter().any(|(start, _)| is_wanted(*start)) => {
            Err(MaintenanceError::AlreadyCanceled(only.trim().to_owned()))
        }
        [] => {
            let next = maintenance.windows.iter().filter(|window| window.end > now).take(LISTED);
            let next: Vec<String> = next.map(|window| local_text(window.start, zone)).collect();
            let listed =
                if next.is_empty() { String::new() } else { format!("; the next ones begin at {}", next.join(", ")) };
            Err(MaintenanceError::NoWindow { date: only.trim().to_owned(), listed })
        }
        [first, ..] => {
            let example = to_local(first.start, zone).strftime("%Y-%m-%d %H:%M").to_string();
            Err(MaintenanceError::Ambiguous { count: found.len(), date: only.trim().to_owned(), example })
        }
    }
}

fn parse_only(text: &str) -> Option<(Date, Option<DateTime>)> {
    match parse_date(text) {
        Some(date) => Some((date, None)),
        None => parse_local(text).map(|time| (time.date(), Some(time))),
    }
}

#[cfg(test)]
mod tests;

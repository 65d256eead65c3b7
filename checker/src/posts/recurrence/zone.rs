//! Finds time zones by name, and converts local times.

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::{AmbiguousOffset, TimeZone};
use shared::suggest::suggest;
use shared::{Nanos, SECOND, UnixNanos};

/// The error for a name that is not in the time zone database.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("unknown time zone `{name}`: {remedy}")]
pub struct UnknownZone {
    name: String,
    remedy: String,
}

/// How a local time relates to a change of the clocks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ClockChange {
    /// The local time occurs once.
    None,
    /// The local time does not exist, because clocks go forward.
    Skipped,
    /// The local time occurs twice, because clocks go back.
    Repeated,
}

/// Finds a time zone by its name in the IANA database, ignoring case.
pub fn find_zone(name: &str) -> Result<TimeZone, UnknownZone> {
    let found = TimeZone::get(name).ok().filter(|zone| zone.iana_name().is_some() && !zone.is_unknown());
    found.ok_or_else(|| {
        let names: Vec<String> = jiff::tz::db().available().map(|name| name.as_str().to_owned()).collect();
        let near = similar(name, &names).map(|near| format!("did you mean `{near}`?"));
        let remedy = near.unwrap_or_else(|| "expected a name such as `Europe/Berlin` or `UTC`".to_owned());
        UnknownZone { name: name.to_owned(), remedy }
    })
}

/// Returns the name that a user probably meant: the only one for a city, or one with few different letters.
fn similar<'a>(typed: &str, names: &'a [String]) -> Option<&'a str> {
    let city = typed.replace(' ', "_");
    let has_city = |name: &&String| name.rsplit('/').next().is_some_and(|last| last.eq_ignore_ascii_case(&city));
    // Older names of a zone, such as `Turkey`, have fewer parts.
    let by_city = names.iter().filter(has_city).max_by_key(|name| name.contains('/')).map(String::as_str);
    by_city.or_else(|| suggest(&city, names.iter().map(String::as_str)))
}

/// Converts a local time. One that does not exist moves on by the gap, and of two equal ones the first counts. Returns
/// `None` if the time is out of range.
pub(super) fn to_utc(local: DateTime, zone: &TimeZone) -> Option<(UnixNanos, ClockChange)> {
    let ambiguous = zone.to_ambiguous_timestamp(local);
    let change = match ambiguous.offset() {
        AmbiguousOffset::Unambiguous { .. } => ClockChange::None,
        AmbiguousOffset::Gap { .. } => ClockChange::Skipped,
        AmbiguousOffset::Fold { .. } => ClockChange::Repeated,
    };
    let moment = ambiguous.compatible().ok()?.as_second().checked_mul(SECOND)?;
    Some((moment, change))
}

/// Returns a moment in UTC as a local time in a zone.
#[must_use]
pub fn to_local(moment: UnixNanos, zone: &TimeZone) -> DateTime {
    zone.to_datetime(Timestamp::from_nanosecond(i128::from(moment)).unwrap_or_default())
}

/// Formats a local time and its UTC offset: `2026-12-06 02:00 +01:00`.
#[must_use]
pub fn local_text(moment: UnixNanos, zone: &TimeZone) -> String {
    let zoned = Timestamp::from_nanosecond(i128::from(moment)).unwrap_or_default().to_zoned(zone.clone());
    let offset = if zone.iana_name() == Some("UTC") { "UTC".to_owned() } else { zoned.strftime("%:z").to_string() };
    format!("{} {offset}", zoned.strftime("%Y-%m-%d %H:%M"))
}

/// Formats a length, such as `1h30m`.
pub(super) fn length_text(length: Nanos) -> String {
    shared::duration::format_exact(length)
}

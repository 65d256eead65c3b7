//! Parses times that an operator types. Pure.
//!
//! A time without an offset is in the given zone. Times that do not exist there, or exist twice, are errors, because a
//! guess would be shown to readers as a fact.

use jiff::civil::DateTime;
use jiff::tz::{AmbiguousOffset, TimeZone};
use jiff::{Timestamp, Zoned};
use shared::{DAY, Nanos, UnixNanos, duration};

/// The maximum length of a silence, and how far in the future a message can end.
pub const LONGEST_NOTICE: Nanos = 366 * DAY;

/// The reason why text is not a time.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidTime {
    #[error("invalid time `{0}`: expected for example `13:50`, `2026-12-06 02:00` or `2026-12-06T02:00:00+01:00`")]
    Format(String),
    #[error(
        "the time `{time}` does not exist in {zone}, because clocks are set forward then; write it with a UTC offset, for example `{example}`"
    )]
    Missing {
        time: String,
        zone: String,
        /// The same moment by the clock before the change.
        example: String,
    },
    #[error(
        "the time `{time}` exists twice in {zone}, because clocks are set back then; write `{first}` or `{second}`"
    )]
    Twice { time: String, zone: String, first: String, second: String },
    #[error("the time `{0}` is out of range: expected a year from 1970 to 2199")]
    OutOfRange(String),
}

/// Parses a time: `13:50` on the day of `now`, `2026-12-06 02:00`, or RFC 3339.
pub fn parse_time(text: &str, now: UnixNanos, zone: &TimeZone) -> Result<UnixNanos, InvalidTime> {
    let format = || InvalidTime::Format(text.to_owned());
    if let Ok(timestamp) = text.parse::<Timestamp>() {
        return nanos(timestamp, text);
    }
    let local: DateTime = if let Some((hours, minutes)) = text.split_once(':').filter(|_| text.len() <= 5) {
        let number = |part: &str| part.parse::<i8>().ok().filter(|_| part.bytes().all(|byte| byte.is_ascii_digit()));
        let (hour, minute) = (number(hours).ok_or_else(format)?, number(minutes).ok_or_else(format)?);
        let today = zoned(now, zone).date();
        let is_complete = minutes.len() == 2 && (0..24).contains(&hour) && (0..60).contains(&minute);
        if !is_complete {
            return Err(format());
        }
        today.at(hour, minute, 0, 0)
    } else {
        // A date alone would mean midnight, which is rarely meant.
        let is_date_and_time = text.len() >= 16 && matches!(text.as_bytes().get(10), Some(b' ' | b'T' | b't'));
        text.parse().ok().filter(|_| is_date_and_time).ok_or_else(format)?
    };
    resolve_local(local, text, zone)
}

/// Converts a local time to UTC. Fails if it does not exist or exists twice.
fn resolve_local(local: DateTime, text: &str, zone: &TimeZone) -> Result<UnixNanos, InvalidTime> {
    let ambiguous = zone.to_ambiguous_timestamp(local);
    let at = |offset: jiff::tz::Offset| offset.to_timestamp(local).map(|timestamp| with_offset(timestamp, offset));
    let out_of_range = |_| InvalidTime::OutOfRange(text.to_owned());
    match ambiguous.offset() {
        AmbiguousOffset::Unambiguous { offset } => nanos(offset.to_timestamp(local).map_err(out_of_range)?, text),
        AmbiguousOffset::Gap { before, .. } => Err(InvalidTime::Missing {
            time: text.to_owned(),
            zone: name_of(zone),
            example: at(before).map_err(out_of_range)?,
        }),
        AmbiguousOffset::Fold { before, after } => Err(InvalidTime::Twice {
            time: text.to_owned(),
            zone: name_of(zone),
            first: at(before).map_err(out_of_range)?,
            second: at(after).map_err(out_of_range)?,
        }),
    }
}

fn with_offset(timestamp: Timestamp, offset: jiff::tz::Offset) -> String {
    offset
        .to_datetime(timestamp)
        .to_zoned(offset.to_time_zone())
        .map_or_else(|_| timestamp.to_string(), |zoned| zoned.strftime("%Y-%m-%dT%H:%M:%S%:z").to_string())
}

/// Returns the name of a zone, in words for users.
#[must_use]
pub fn name_of(zone: &TimeZone) -> String {
    zone.iana_name().map_or_else(|| "the local time zone".to_owned(), |name| format!("`{name}`"))
}

fn nanos(timestamp: Timestamp, text: &str) -> Result<UnixNanos, InvalidTime> {
    let years = 0..7_258_118_400_000_000_000;
    let nanos = UnixNanos::try_from(timestamp.as_nanosecond()).ok().filter(|nanos| years.contains(nanos));
    nanos.ok_or_else(|| InvalidTime::OutOfRange(text.to_owned()))
}

fn zoned(time: UnixNanos, zone: &TimeZone) -> Zoned {
    Timestamp::from_nanosecond(i128::from(time)).unwrap_or_default().to_zoned(zone.clone())
}

/// The reason why a time cannot be used for a post.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum UnusableTime {
    #[error(transparent)]
    Invalid(#[from] InvalidTime),
    #[error("`{flag} {text}` is {ahead} in the future; for an earlier day, add the date, for example `2026-12-06 02:00`", ahead = duration::format_coarse(*ahead))]
    Future { flag: &'static str, text: String, ahead: Nanos },
    #[error("`{flag} {text}` has already passed; for a later day, add the date, for example `2026-12-06 02:00`")]
    Past { flag: &'static str, text: String },
    #[error("`{flag} {text}` is more than {limit} in the future: pass an earlier time", limit = duration::format_exact(*limit))]
    TooLate { flag: &'static str, text: String, limit: Nanos },
}

/// Parses the time that a flag gives for something that has already happened.
pub fn parse_past(flag: &'static str, text: &str, now: UnixNanos, zone: &TimeZone) -> Result<UnixNanos, UnusableTime> {
    let time = parse_time(text, now, zone)?;
    if time <= now { Ok(time) } else { Err(UnusableTime::Future { flag, text: text.to_owned(), ahead: time - now }) }
}

/// Parses the time that a flag gives for something that has not happened yet, but happens within `limit`.
pub fn parse_future(
    flag: &'static str,
    text: &str,
    now: UnixNanos,
    limit: Nanos,
    zone: &TimeZone,
) -> Result<UnixNanos, UnusableTime> {
    let time = parse_time(text, now, zone)?;
    if time <= now {
        Err(UnusableTime::Past { flag, text: text.to_owned() })
    } else if time.saturating_sub(now) > limit {
        Err(UnusableTime::TooLate { flag, text: text.to_owned(), limit })
    } else {
        Ok(time)
    }
}

#[cfg(test)]
mod tests {
    use shared::civil::parse_utc;

    use super::*;

    fn berlin() -> TimeZone {
        TimeZone::get("Europe/Berlin").expect("a zone")
    }

    fn utc(text: &str) -> UnixNanos {
        parse_utc(text).expect("a time")
    }

    #[test]
    fn a_time_is_local_unless_it_has_an_offset() {
        let now = utc("2026-11-30T23:30Z");
        for (text, expected) in [
            // In Berlin, it is already December 1.
            ("00:10", "2026-11-30T23:10Z"),
            ("9:05", "2026-12-01T08:05Z"),
            ("2026-12-06 02:00", "2026-12-06T01:00Z"),
            ("2026-07-06T02:00:30", "2026-07-06T00:00:30Z"),
            ("2026-12-06T02:00:00Z", "2026-12-06T02:00Z"),
            ("2026-12-06T02:00:00+05:30", "2026-12-05T20:30Z"),
        ] {
            assert_eq!(parse_time(text, now, &berlin()), Ok(utc(expected)), "{text}");
        }
        for text in
            ["", "25:00", "12:60", "1:5", "noon", "2026-12-06", "2026-13-06 02:00", "2026-12-06 02", "-1:00", "+1:00"]
        {
            let error = parse_time(text, now, &berlin()).expect_err(text).to_string();
            assert!(error.contains("expected for example `13:50`"), "{text}: {error}");
        }
        let error = parse_time("1969-12-06T02:00:00Z", now, &berlin()).expect_err("it is too early");
        assert_eq!(error, InvalidTime::OutOfRange("1969-12-06T02:00:00Z".to_owned()));
    }

    #[test]
    fn local_times_that_do_not_exist_or_exist_twice_are_errors() {
        let error = |text: &str, now: &str| parse_time(text, utc(now), &berlin()).expect_err(text).to_string();
        assert_eq!(
            error("2026-03-29 02:30", "2026-03-29T12:00Z"),
            "the time `2026-03-29 02:30` does not exist in `Europe/Berlin`, because clocks are set forward then; write it \
             with a UTC offset, for example `2026-03-29T02:30:00+01:00`"
        );
        assert_eq!(
            error("02:30", "2026-10-25T12:00Z"),
            "the time `02:30` exists twice in `Europe/Berlin`, because clocks are set back then; write \
             `2026-10-25T02:30:00+02:00` or `2026-10-25T02:30:00+01:00`"
        );
        assert_eq!(parse_time("2026-10-25T02:30:00+01:00", 0, &berlin()), Ok(utc("2026-10-25T01:30Z")));
    }

    #[test]
    fn every_change_of_clocks_is_an_error_on_one_side_only() {
        for (date, name) in
            [("2027-03-28", "Europe/Berlin"), ("2027-03-14", "America/New_York"), ("2027-10-03", "Australia/Lord_Howe")]
        {
            let zone = TimeZone::get(name).expect("a zone");
            let minutes = (0..24 * 60).map(|minute| format!("{date} {:02}:{:02}", minute / 60, minute % 60));
            let missing = minutes.filter(|text| parse_time(text, 0, &zone).is_err()).count();
            assert_eq!(missing, if name.starts_with("Australia") { 30 } else { 60 }, "{name}");
        }
    }

    #[test]
    fn a_time_on_the_wrong_side_of_now_names_the_flag() {
        let now = utc("2026-11-30T12:00Z");
        let error = parse_past("--began", "13:50", now, &TimeZone::UTC).expect_err("it is in the future").to_string();
        assert_eq!(
            error,
            "`--began 13:50` is 1 h 50 min in the future; for an earlier day, add the date, for example `2026-12-06 02:00`"
        );
        assert!(parse_past("--began", "11:50", now, &TimeZone::UTC).is_ok());
        let until = |text| parse_future("--until", text, now, LONGEST_NOTICE, &TimeZone::UTC);
        let error = until("11:50").expect_err("it has passed").to_string();
        assert!(error.contains("`--until 11:50` has already passed"), "{error}");
        assert_eq!(until("2027-12-01T12:00:00Z"), Ok(now + LONGEST_NOTICE));
        let error = until("2126-11-30 12:00").expect_err("it is too late").to_string();
        assert_eq!(error, "`--until 2126-11-30 12:00` is more than 366d in the future: pass an earlier time");
    }
}

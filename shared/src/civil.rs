//! Dates and times without a time zone, and UTC times as text. This module is pure.

use crate::{DAY, HOUR, MINUTE, Nanos, SECOND, UnixNanos, substring};

/// A date and time without a time zone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CivilTime {
    /// The year in the Gregorian calendar.
    pub year: i64,
    /// The month, counted from 1 for January. (JavaScript counts from 0.)
    pub month: usize,
    /// From 1.
    pub day: i64,
    /// From 0.
    pub hour: i64,
    /// From 0.
    pub minute: i64,
    /// From 0.
    pub second: i64,
}

impl CivilTime {
    /// Converts nanoseconds since 1970, with Howard Hinnant's `civil_from_days`.
    #[must_use]
    pub fn from_unix(nanos: Nanos) -> CivilTime {
        let (days, rest) = (nanos.div_euclid(DAY), nanos.rem_euclid(DAY));
        let shifted = days + 719_468;
        let era = shifted.div_euclid(146_097);
        let day_of_era = shifted.rem_euclid(146_097);
        let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
        let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
        let month_from_march = (5 * day_of_year + 2) / 153;
        let month = if month_from_march < 10 { month_from_march + 3 } else { month_from_march - 9 };
        CivilTime {
            year: year_of_era + era * 400 + i64::from(month <= 2),
            month: month as usize,
            day: day_of_year - (153 * month_from_march + 2) / 5 + 1,
            hour: rest / HOUR,
            minute: rest / MINUTE % 60,
            second: rest / SECOND % 60,
        }
    }
}

/// Formats the date of a time in UTC: `2026-11-22`.
#[must_use]
pub fn iso_date(moment: UnixNanos) -> String {
    let CivilTime { year, month, day, .. } = CivilTime::from_unix(moment);
    format!("{year:04}-{month:02}-{day:02}")
}

/// Formats a time in UTC: `2026-11-22T13:02:00Z`.
#[must_use]
pub fn rfc3339(moment: UnixNanos) -> String {
    let CivilTime { hour, minute, second, .. } = CivilTime::from_unix(moment);
    format!("{}T{hour:02}:{minute:02}:{second:02}Z", iso_date(moment))
}

/// Formats a time in UTC without loss of precision: `2026-11-22T13:02:00.000000000Z`. All formatted times have the same
/// length, so sorting them as text sorts them by time.
#[must_use]
pub fn rfc3339_nanos(moment: UnixNanos) -> String {
    let seconds = rfc3339(moment);
    format!("{}.{:09}Z", seconds.trim_end_matches('Z'), moment.rem_euclid(SECOND))
}

/// Parses a time in UTC: `2026-08-22`, `2026-08-22T14:00Z`, `2026-08-22T14:00:30Z`.
#[must_use]
pub fn parse_utc(text: &str) -> Option<UnixNanos> {
    let (date, clock) = text.trim_end_matches('Z').split_once('T').unwrap_or((text, "00:00"));
    let numbers = |text: &str, separator: char| -> Option<Vec<i64>> {
        text.split(separator).map(|part| part.parse().ok()).collect()
    };
    let (date, clock) = (numbers(date, '-')?, numbers(clock, ':')?);
    let ([year, month, day], [hour, minute, seconds @ ..]) = (date.as_slice(), clock.as_slice()) else { return None };
    let (year, month, day) = (*year, *month, *day);
    let second = seconds.first().copied().unwrap_or(0);
    let is_date = (1970..2200).contains(&year) && (1..=12).contains(&month) && (1..=31).contains(&day);
    if !is_date || !(0..24).contains(hour) || !(0..60).contains(minute) || !(0..60).contains(&second) {
        return None;
    }
    // This is Howard Hinnant's `days_from_civil`, the inverse of the algorithm in `from_unix`.
    let year_from_march = if month > 2 { year } else { year - 1 };
    let (era, year_of_era) = (year_from_march.div_euclid(400), year_from_march.rem_euclid(400));
    let day_of_year = (153 * (if month > 2 { month - 3 } else { month + 9 }) + 2) / 5 + day - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    let days = era * 146_097 + day_of_era - 719_468;
    let moment = days * DAY + hour * HOUR + minute * MINUTE + second * SECOND;
    // Rejects dates such as February 30, which would otherwise become March 2.
    (CivilTime::from_unix(moment).day == day).then_some(moment)
}

/// Parses a UTC offset in the formats that browsers use: `GMT`, `GMT+05:30`, `8/22/2026, GMT-3`.
#[must_use]
pub fn parse_offset(text: &str) -> Option<Nanos> {
    let (_, offset) = substring::split_once(text, "GMT")?;
    let mut characters = offset.chars();
    let Some(sign) = characters.next() else { return Some(0) };
    let length = characters.as_str();
    let (hours, minutes) = length.split_once(':').unwrap_or((length, "0"));
    let minutes = minutes.split(':').next()?.parse::<i64>().ok()?;
    let length = hours.parse::<i64>().ok()? * HOUR + minutes * MINUTE;
    match sign {
        '+' => Some(length),
        '-' | '\u{2212}' => Some(-length),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 2026-11-22T13:02:03Z
    const NOW: UnixNanos = 1_795_352_523 * SECOND;

    #[test]
    fn times_without_hours_or_seconds_are_parsed() {
        assert_eq!(parse_utc("2026-11-22T13:02:03Z"), Some(NOW));
        assert_eq!(parse_utc("2026-11-22T13:02"), Some(NOW - 3 * SECOND));
        assert_eq!(parse_utc("2024-02-29").map(rfc3339).as_deref(), Some("2024-02-29T00:00:00Z"));
        for odd in ["", "yesterday", "2026-02-30", "2026-13-01", "2026-11-22T25:00Z", "2026-11-22T", "1-1-1", "2026-11"]
        {
            assert_eq!(parse_utc(odd), None, "{odd}");
        }
    }

    #[test]
    fn a_date_is_that_of_the_day_in_utc() {
        assert_eq!(iso_date(NOW), "2026-11-22");
        assert_eq!(iso_date(-1), "1969-12-31");
    }

    #[test]
    fn formatted_times_keep_their_nanoseconds() {
        assert_eq!(rfc3339_nanos(NOW + 7), "2026-11-22T13:02:03.000000007Z");
        assert_eq!(rfc3339_nanos(0), "1970-01-01T00:00:00.000000000Z");
        assert_eq!(rfc3339_nanos(-1), "1969-12-31T23:59:59.999999999Z");
    }

    #[test]
    fn offsets_have_the_formats_of_browsers() {
        for (text, offset) in [
            ("8/22/2026, GMT", Some(0)),
            ("GMT+05:30", Some(5 * HOUR + 30 * MINUTE)),
            ("GMT-3", Some(-3 * HOUR)),
            ("8/22/1890, GMT+00:53:28", Some(53 * MINUTE)),
            ("CET", None),
            ("GMT~1", None),
        ] {
            assert_eq!(parse_offset(text), offset, "{text}");
        }
    }
}

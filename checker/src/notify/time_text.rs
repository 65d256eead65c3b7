//! Formats times for notifications in the configured time zone: `14:02 +01:00`, or `Nov 28, 14:02 +01:00` if the time
//! is not on the day of the message. Pure.

use jiff::tz::{Offset, TimeZone};
use jiff::{Timestamp, Zoned};
use shared::UnixNanos;

/// Formats times, with a date only if they are not on the day of the message.
pub struct Clock {
    at: Zoned,
}

impl Clock {
    #[must_use]
    pub fn new(at: UnixNanos, zone: &TimeZone) -> Clock {
        Clock { at: timestamp(at).to_zoned(zone.clone()) }
    }

    /// Returns a time with its UTC offset.
    #[must_use]
    pub fn time(&self, time: UnixNanos) -> String {
        let time = self.zoned(time);
        format!("{} {}", self.without_offset(&time, &time), offset(&time))
    }

    /// Returns a time range, with only one offset if both times share it: `from 14:02 to 14:14 +01:00`.
    #[must_use]
    pub fn range(&self, since: UnixNanos, until: UnixNanos) -> String {
        let (since, until) = (self.zoned(since), self.zoned(until));
        let since_offset =
            if since.offset() == until.offset() { String::new() } else { format!(" {}", offset(&since)) };
        let (since_text, until_text) = (self.without_offset(&since, &until), self.without_offset(&until, &since));
        format!("from {since_text}{since_offset} to {until_text} {}", offset(&until))
    }

    fn zoned(&self, time: UnixNanos) -> Zoned {
        timestamp(time).to_zoned(self.at.time_zone().clone())
    }

    /// Returns a time without its offset. Includes the date if `time` or `other` is not on the day of the message.
    fn without_offset(&self, time: &Zoned, other: &Zoned) -> String {
        let format = if time.date() == self.at.date() && other.date() == self.at.date() {
            "%H:%M"
        } else if time.year() == self.at.year() {
            "%b %-d, %H:%M"
        } else {
            "%b %-d, %Y, %H:%M"
        };
        time.strftime(format).to_string()
    }
}

/// Returns a complete date and time: `2026-11-28 14:02:05 +01:00`.
#[must_use]
pub fn date_time(time: UnixNanos, zone: &TimeZone) -> String {
    let time = timestamp(time).to_zoned(zone.clone());
    format!("{} {}", time.strftime("%Y-%m-%d %H:%M:%S"), offset(&time))
}

fn offset(time: &Zoned) -> String {
    if time.offset() == Offset::UTC { "UTC".to_owned() } else { time.strftime("%:z").to_string() }
}

/// Converts a time, which always succeeds because [`Timestamp`] has a larger range.
fn timestamp(time: UnixNanos) -> Timestamp {
    Timestamp::from_nanosecond(i128::from(time)).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use shared::{DAY, HOUR, MINUTE};

    /// The time 14:02 on 2026-11-29 in Berlin.
    const NOON: UnixNanos = 1_795_957_320_000_000_000;

    fn berlin() -> TimeZone {
        TimeZone::get("Europe/Berlin").unwrap()
    }

    #[test]
    fn a_time_of_today_has_no_date() {
        assert_eq!(Clock::new(NOON, &berlin()).time(NOON - MINUTE), "14:01 +01:00");
        assert_eq!(Clock::new(NOON, &TimeZone::UTC).time(NOON - MINUTE), "13:01 UTC");
        assert_eq!(Clock::new(NOON, &berlin()).range(NOON - HOUR, NOON), "from 13:02 to 14:02 +01:00");
    }

    #[test]
    fn another_day_is_named() {
        let clock = Clock::new(NOON, &berlin());
        assert_eq!(clock.time(NOON - DAY), "Nov 28, 14:02 +01:00");
        assert_eq!(clock.time(NOON - 365 * DAY), "Nov 29, 2025, 14:02 +01:00");
        assert_eq!(clock.range(NOON - DAY, NOON), "from Nov 28, 14:02 to Nov 29, 14:02 +01:00");
    }

    #[test]
    fn both_offsets_are_shown_when_clocks_change() {
        // On 2026-10-25 in Berlin, 03:00 +02:00 becomes 02:00 +01:00.
        let change = 1_792_890_000_000_000_000;
        let clock = Clock::new(change + HOUR, &berlin());
        assert_eq!(clock.range(change - HOUR / 2, change + HOUR / 2), "from 02:30 +02:00 to 02:30 +01:00");
    }

    #[test]
    fn a_time_out_of_range_does_not_panic() {
        let clock = Clock::new(UnixNanos::MAX, &berlin());
        let _ = (clock.time(UnixNanos::MIN), clock.range(UnixNanos::MIN, UnixNanos::MAX));
    }
}

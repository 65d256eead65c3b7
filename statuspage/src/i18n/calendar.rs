//! Dates and times in the time zone that the page shows. This module is pure: the browser provides the zone's offsets
//! and the names of days, so daylight saving time can be tested natively.

use shared::{DAY, HOUR, MINUTE, Nanos, UnixNanos};

use super::language::{DateStyle, Language};
use super::texts;
use crate::civil::CivilTime;

/// An upper limit for the difference between a time zone and UTC.
const OFFSET_LIMIT: Nanos = 15 * HOUR;

/// The current time, the time zone and the language in which times are shown.
#[derive(Clone, Copy)]
pub struct Calendar<'a> {
    /// The point in time whose status the page shows. It may be in the past.
    pub now: UnixNanos,
    /// The current time, even in a view of the past. It determines which days are `Today` and `Yesterday`.
    pub today: UnixNanos,
    /// Returns the time zone's offset from UTC at a time.
    pub offset: &'a dyn Fn(UnixNanos) -> Nanos,
    pub language: &'a Language,
}

impl Calendar<'_> {
    /// Returns the local date and time.
    #[must_use]
    pub fn local(&self, moment: UnixNanos) -> CivilTime {
        CivilTime::from_unix(moment.saturating_add((self.offset)(moment)))
    }

    /// Returns the number of the local day. Consecutive days have consecutive numbers.
    #[must_use]
    pub fn day_number(&self, moment: UnixNanos) -> i64 {
        moment.saturating_add((self.offset)(moment)).div_euclid(DAY)
    }

    /// Returns the start of the local day with this number, even if the day has no midnight.
    #[must_use]
    pub fn start_of_day(&self, day_number: i64) -> UnixNanos {
        let midnight_without_zone = day_number * DAY;
        let guess = midnight_without_zone - (self.offset)(midnight_without_zone);
        let guess = midnight_without_zone - (self.offset)(guess);
        if self.day_number(guess) == day_number && self.day_number(guess - 1) < day_number {
            return guess;
        }
        // The offset changes around this midnight, so this searches for the minute in which the date changes.
        let (mut before, mut after) =
            ((midnight_without_zone - OFFSET_LIMIT) / MINUTE, (midnight_without_zone + OFFSET_LIMIT) / MINUTE);
        while after - before > 1 {
            let middle = before + (after - before) / 2;
            if self.day_number(middle * MINUTE) < day_number { before = middle } else { after = middle }
        }
        after * MINUTE
    }

    /// Returns the first full hour, in local time, after `moment`.
    #[must_use]
    pub fn next_hour(&self, moment: UnixNanos) -> UnixNanos {
        let offset = (self.offset)(moment);
        ((moment + offset).div_euclid(HOUR) + 1) * HOUR - offset
    }

    /// Formats a time in the 24-hour format, as logs do, in all languages: `14:02`. In the hour that occurs twice when
    /// daylight saving time ends, the offset from UTC is added: `02:30 +01:00`.
    #[must_use]
    #[inline(never)]
    pub fn clock(&self, moment: UnixNanos) -> String {
        let CivilTime { hour, minute, .. } = self.local(moment);
        let clock = format!("{hour:02}:{minute:02}");
        if !self.occurs_twice(moment) {
            return clock;
        }
        let offset = (self.offset)(moment) / MINUTE;
        let sign = if offset < 0 { '-' } else { '+' };
        format!("{clock} {sign}{:02}:{:02}", offset.abs() / 60, offset.abs() % 60)
    }

    /// Returns whether another moment has the same local time, because the clocks are set back.
    fn occurs_twice(&self, moment: UnixNanos) -> bool {
        let offset = (self.offset)(moment);
        // Clocks are never set back by more than this.
        [-3 * HOUR, 3 * HOUR].into_iter().any(|away| {
            let other = (self.offset)(moment.saturating_add(away));
            let is_back = if away < 0 { other > offset } else { other < offset };
            is_back && (self.offset)(moment.saturating_add(offset - other)) == other
        })
    }

    /// Formats a date, with the year unless it is the current one.
    fn dated(&self, moment: UnixNanos, style: DateStyle, with_year: DateStyle) -> String {
        let is_of_this_year = self.local(moment).year == self.local(self.today).year;
        self.language.date(if is_of_this_year { style } else { with_year }, self.day_number(moment))
    }

    /// Formats a date with its weekday: `Sunday 22 November`. The year is added unless it is the current one.
    #[must_use]
    pub fn date(&self, moment: UnixNanos) -> String {
        self.dated(moment, DateStyle::Long, DateStyle::LongWithYear)
    }

    /// Formats a date without its weekday: `22 November`. The year is added unless it is the current one.
    #[must_use]
    pub fn short_date(&self, moment: UnixNanos) -> String {
        self.dated(moment, DateStyle::Short, DateStyle::ShortWithYear)
    }

    /// Formats several days as `20 November – 22 November`, or one day with its weekday.
    #[must_use]
    pub fn date_span(&self, first: UnixNanos, last: UnixNanos) -> String {
        if self.day_number(first) == self.day_number(last) {
            return self.date(first);
        }
        [&self.short_date(first), " – ", &self.short_date(last)].concat()
    }

    /// Formats a short date for an axis: `22 Nov`.
    #[must_use]
    pub fn axis_date(&self, moment: UnixNanos) -> String {
        self.language.date(DateStyle::Axis, self.day_number(moment))
    }

    /// Returns the name of a day: `Today`, `Yesterday`, or its date.
    #[must_use]
    pub fn day_name(&self, moment: UnixNanos) -> String {
        match self.day_number(self.today) - self.day_number(moment) {
            0 => self.language.format(texts::TODAY, &[]),
            1 => self.language.format(texts::YESTERDAY, &[]),
            _ => self.date(moment),
        }
    }

    /// Formats a time in the shortest unambiguous form: `14:02` today, `yesterday 14:02`, `Friday 14:02` within a week,
    /// otherwise `12 November, 14:02`.
    #[must_use]
    #[inline(never)]
    pub fn moment(&self, moment: UnixNanos) -> String {
        let clock = self.clock(moment);
        match self.day_number(self.today) - self.day_number(moment) {
            0 => clock,
            1 => self.language.format(texts::YESTERDAY_AT, &[&clock]),
            2..7 => self.language.format(texts::WEEKDAY_AT, &[&self.weekday(moment), &clock]),
            _ => self.language.format(texts::DATE_AT, &[&self.short_date(moment), &clock]),
        }
    }

    /// Formats the end of a period: `14:25`, or with its day if that is not the day of the start.
    #[must_use]
    pub fn end_of(&self, start: UnixNanos, end: UnixNanos) -> String {
        if self.day_number(start) == self.day_number(end) { self.clock(end) } else { self.moment(end) }
    }

    /// Joins the start of a period, as text, with its end: `Sunday 13:50–14:25`.
    #[must_use]
    pub fn span(&self, text: &str, start: UnixNanos, end: UnixNanos) -> String {
        let dash = if self.day_number(start) == self.day_number(end) { "–" } else { " – " };
        [text, dash, &self.end_of(start, end)].concat()
    }

    /// Formats the month that contains the day with this number: `November 2026`.
    #[must_use]
    pub fn month(&self, day_number: i64) -> String {
        self.language.date(DateStyle::Month, day_number)
    }

    /// Formats a time with its full date: `Sunday 22 November, 14:02`.
    #[must_use]
    pub fn full_moment(&self, moment: UnixNanos) -> String {
        self.language.format(texts::DATE_AT, &[&self.date(moment), &self.clock(moment)])
    }

    /// Formats an hour, or part of one, with its weekday: `Sunday 14:00–15:00`.
    #[must_use]
    pub fn hour_span(&self, start: UnixNanos, end: UnixNanos) -> String {
        let (first, last) = (self.clock(start), self.clock(end));
        self.language.format(texts::CLOCK_SPAN, &[&self.weekday(start), &first, &last])
    }

    fn weekday(&self, moment: UnixNanos) -> String {
        self.language.date(DateStyle::Weekday, self.day_number(moment))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::civil::{parse_utc, rfc3339};
    use crate::test_support::{NOW, utc};
    use proptest::prelude::*;
    use shared::SECOND;

    /// Returns Berlin's UTC offset around the end of daylight saving time at 2026-10-25T01:00Z.
    fn berlin(moment: UnixNanos) -> Nanos {
        if moment < 1_792_890_000 * SECOND { 2 * HOUR } else { HOUR }
    }

    /// Returns Santiago's UTC offset around the start of daylight saving time at 2026-09-06T04:00Z, on a day without a
    /// midnight.
    fn santiago(moment: UnixNanos) -> Nanos {
        if moment < 1_788_667_200 * SECOND { -4 * HOUR } else { -3 * HOUR }
    }

    #[test]
    fn noon_is_noon_and_midnight_is_midnight() {
        let day = CivilTime::from_unix(NOW).day;
        assert_eq!(rfc3339(NOW), "2026-11-22T13:02:03Z");
        let midnight = NOW.div_euclid(DAY) * DAY;
        assert_eq!((utc().clock(midnight).as_str(), utc().clock(midnight + 12 * HOUR).as_str()), ("00:00", "12:00"));
        assert_eq!((utc().local(midnight).day, utc().local(midnight - 1).day), (day, day - 1));
        assert_eq!(utc().clock(midnight - 1), "23:59");
    }

    #[test]
    fn days_are_those_of_the_time_zone() {
        let tokyo = Calendar { offset: &|_| 9 * HOUR, ..utc() };
        assert_eq!(utc().date(NOW), "Sunday 22 November");
        assert_eq!(tokyo.date(NOW + 2 * HOUR), "Monday 23 November");
        assert_eq!(tokyo.day_name(NOW - 23 * HOUR), "Yesterday");
        assert_eq!(tokyo.moment(NOW - 3 * HOUR), "19:02");
        assert_eq!(tokyo.moment(NOW - 49 * HOUR), "Friday 21:02");
        assert_eq!(utc().moment(NOW - 30 * DAY), "23 October, 13:02");
        assert_eq!(utc().short_date(NOW - 400 * DAY), "18 October 2025");
        let back = Calendar { now: NOW - 30 * DAY, ..utc() };
        assert_eq!(back.moment(NOW - 31 * DAY), "22 October, 13:02", "not yesterday as of then");
    }

    #[test]
    fn a_day_with_a_clock_change_has_the_right_length() {
        let berlin = Calendar { offset: &berlin, ..utc() };
        let number = berlin.day_number(1_792_890_000 * SECOND);
        let (start, next) = (berlin.start_of_day(number), berlin.start_of_day(number + 1));
        assert_eq!(next - start, 25 * HOUR);
        assert_eq!((berlin.clock(start), berlin.clock(next)), ("00:00".to_owned(), "00:00".to_owned()));
    }

    #[test]
    fn times_that_occur_twice_show_their_offset() {
        let berlin = Calendar { offset: &berlin, ..utc() };
        let change = 1_792_890_000 * SECOND;
        let clock = |minutes: i64| berlin.clock(change + minutes * MINUTE);
        assert_eq!(
            (clock(-61), clock(-60), clock(-30)),
            ("01:59".into(), "02:00 +02:00".into(), "02:30 +02:00".into())
        );
        assert_eq!((clock(0), clock(30), clock(60)), ("02:00 +01:00".into(), "02:30 +01:00".into(), "03:00".into()));
        let new_york = |moment| if moment < change { -4 * HOUR } else { -5 * HOUR };
        let new_york = Calendar { offset: &new_york, ..utc() };
        assert_eq!(new_york.clock(change + 30 * MINUTE), "20:30 -05:00");
        let santiago = Calendar { offset: &santiago, ..utc() };
        let forward = 1_788_667_200 * SECOND;
        assert!([-30, 0, 30].iter().all(|minutes| santiago.clock(forward + minutes * MINUTE).len() == 5));
    }

    #[test]
    fn a_day_without_midnight_starts_at_one() {
        let santiago = Calendar { offset: &santiago, ..utc() };
        let number = santiago.day_number(1_788_667_200 * SECOND);
        let start = santiago.start_of_day(number);
        assert_eq!((santiago.clock(start), santiago.clock(start - 1)), ("01:00".to_owned(), "23:59".to_owned()));
        assert_eq!(santiago.start_of_day(number + 1) - start, 23 * HOUR);
    }

    #[test]
    fn hours_are_those_of_the_local_time() {
        let kolkata = Calendar { offset: &|_| 5 * HOUR + 30 * MINUTE, ..utc() };
        let next = kolkata.next_hour(NOW);
        assert_eq!((kolkata.clock(next), next - NOW), ("19:00".to_owned(), 27 * MINUTE + 57 * SECOND));
        assert_eq!(kolkata.next_hour(next) - next, HOUR);
    }

    proptest! {
        #[test]
        fn every_time_is_within_its_day(
            moment in 0..=4_000_000_000_i64, offset in -14 * 4..=14 * 4_i64,
        ) {
            let (moment, offset) = (moment * SECOND, move |_| offset * 15 * MINUTE);
            let calendar = Calendar { offset: &offset, ..utc() };
            let number = calendar.day_number(moment);
            let (start, next) = (calendar.start_of_day(number), calendar.start_of_day(number + 1));
            prop_assert!(start <= moment && moment < next && next - start == DAY);
            prop_assert_eq!(calendar.clock(start), "00:00");
            prop_assert_eq!(parse_utc(&rfc3339(moment)), Some(moment));
            prop_assert!(calendar.next_hour(moment) > moment && calendar.next_hour(moment) - moment <= HOUR);
        }
    }
}

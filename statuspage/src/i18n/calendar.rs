//! Dates and clock times in the reader's time zone, from nothing but the zone's offsets: pure, so that noon,
//! midnight and the nights of clock changes are tested natively. The browser supplies the offsets, and its language the
//! names of days.

use shared::{DAY, HOUR, MINUTE, Nanos, UnixNanos};

use super::language::{DateStyle, Language};
use super::texts;
use crate::civil::CivilTime;

/// Local clocks are at most this far from UTC, and a bit more.
const OFFSET_LIMIT: Nanos = 15 * HOUR;

/// The reader's now and the reader's time zone.
#[derive(Clone, Copy)]
pub struct Calendar<'a> {
    /// The moment the page speaks of as now.
    pub now: UnixNanos,
    /// The moment whose day is today: now, also for who looks back, since `yesterday` is the reader's.
    pub today: UnixNanos,
    /// How far local clocks are ahead of UTC at a moment.
    pub offset: &'a dyn Fn(UnixNanos) -> Nanos,
    /// What its words are.
    pub language: &'a Language,
}

impl Calendar<'_> {
    /// What a local clock and a local calendar show.
    #[must_use]
    pub fn local(&self, moment: UnixNanos) -> CivilTime {
        CivilTime::from_unix(moment.saturating_add((self.offset)(moment)))
    }

    /// The number of the local day; neighboring days have neighboring numbers.
    #[must_use]
    pub fn day_number(&self, moment: UnixNanos) -> i64 {
        moment.saturating_add((self.offset)(moment)).div_euclid(DAY)
    }

    /// The first moment of the local day with this number, also where that day has no midnight.
    #[must_use]
    pub fn start_of_day(&self, day_number: i64) -> UnixNanos {
        let midnight_without_zone = day_number * DAY;
        let guess = midnight_without_zone - (self.offset)(midnight_without_zone);
        let guess = midnight_without_zone - (self.offset)(guess);
        if self.day_number(guess) == day_number && self.day_number(guess - 1) < day_number {
            return guess;
        }
        // The clocks change around this midnight: look for the minute at which the date does.
        let (mut before, mut after) =
            ((midnight_without_zone - OFFSET_LIMIT) / MINUTE, (midnight_without_zone + OFFSET_LIMIT) / MINUTE);
        while after - before > 1 {
            let middle = before + (after - before) / 2;
            if self.day_number(middle * MINUTE) < day_number { before = middle } else { after = middle }
        }
        after * MINUTE
    }

    /// The first moment behind `moment` at which a local clock shows a full hour.
    #[must_use]
    pub fn next_hour(&self, moment: UnixNanos) -> UnixNanos {
        let offset = (self.offset)(moment);
        ((moment + offset).div_euclid(HOUR) + 1) * HOUR - offset
    }

    /// The clock time: `14:02`, by 24 hours in every language, as in logs.
    #[must_use]
    #[inline(never)]
    pub fn clock(&self, moment: UnixNanos) -> String {
        let CivilTime { hour, minute, .. } = self.local(moment);
        format!("{hour:02}:{minute:02}")
    }

    /// A date; with the year where it is another than now's.
    fn dated(&self, moment: UnixNanos, style: DateStyle, with_year: DateStyle) -> String {
        let is_of_this_year = self.local(moment).year == self.local(self.today).year;
        self.language.date(if is_of_this_year { style } else { with_year }, self.day_number(moment))
    }

    /// The date with its weekday: `Sunday 22 November`; with the year where it is another than now's.
    #[must_use]
    pub fn date(&self, moment: UnixNanos) -> String {
        self.dated(moment, DateStyle::Long, DateStyle::LongWithYear)
    }

    /// The date without its weekday: `22 November`; with the year where it is another than now's.
    #[must_use]
    pub fn short_date(&self, moment: UnixNanos) -> String {
        self.dated(moment, DateStyle::Short, DateStyle::ShortWithYear)
    }

    /// Several days, `20 November – 22 November`; a single one is told with its weekday.
    #[must_use]
    pub fn date_span(&self, first: UnixNanos, last: UnixNanos) -> String {
        if self.day_number(first) == self.day_number(last) {
            return self.date(first);
        }
        [&self.short_date(first), " – ", &self.short_date(last)].concat()
    }

    /// The date as it stands on an axis, where there is little room: `22 Nov`.
    #[must_use]
    pub fn axis_date(&self, moment: UnixNanos) -> String {
        self.language.date(DateStyle::Axis, self.day_number(moment))
    }

    /// A day as people call it: `Today`, `Yesterday`, or its date.
    #[must_use]
    pub fn day_name(&self, moment: UnixNanos) -> String {
        match self.day_number(self.today) - self.day_number(moment) {
            0 => self.language.format(texts::TODAY, &[]),
            1 => self.language.format(texts::YESTERDAY, &[]),
            _ => self.date(moment),
        }
    }

    /// A moment as short as it can be said from now: `14:02` today, `yesterday 14:02`, `Friday 14:02` within the
    /// week, `12 November, 14:02` else.
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

    /// A moment with its whole date: `Sunday 22 November, 14:02`.
    #[must_use]
    pub fn full_moment(&self, moment: UnixNanos) -> String {
        self.language.format(texts::DATE_AT, &[&self.date(moment), &self.clock(moment)])
    }

    /// An hour of the clock, or a part of it, with its day: `Sunday 14:00–15:00`.
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

    /// Berlin around the change to winter time on 2026-10-25T01:00Z.
    fn berlin(moment: UnixNanos) -> Nanos {
        if moment < 1_792_890_000 * SECOND { 2 * HOUR } else { HOUR }
    }

    /// Santiago around the change to summer time on 2026-09-06T04:00Z, when midnight does not exist.
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
    fn days_are_the_readers_days() {
        let tokyo = Calendar { offset: &|_| 9 * HOUR, ..utc() };
        assert_eq!(utc().date(NOW), "Sunday 22 November");
        assert_eq!(tokyo.date(NOW + 2 * HOUR), "Monday 23 November");
        assert_eq!(tokyo.day_name(NOW - 23 * HOUR), "Yesterday");
        assert_eq!(tokyo.moment(NOW - 3 * HOUR), "19:02");
        assert_eq!(tokyo.moment(NOW - 49 * HOUR), "Friday 21:02");
        assert_eq!(utc().moment(NOW - 30 * DAY), "23 October, 13:02");
        assert_eq!(utc().short_date(NOW - 400 * DAY), "18 October 2025");
        let back = Calendar { now: NOW - 30 * DAY, ..utc() };
        assert_eq!(back.moment(NOW - 31 * DAY), "22 October, 13:02", "not the yesterday of then");
    }

    #[test]
    fn a_day_on_which_clocks_change_has_its_right_length() {
        let berlin = Calendar { offset: &berlin, ..utc() };
        let number = berlin.day_number(1_792_890_000 * SECOND);
        let (start, next) = (berlin.start_of_day(number), berlin.start_of_day(number + 1));
        assert_eq!(next - start, 25 * HOUR);
        assert_eq!((berlin.clock(start), berlin.clock(next)), ("00:00".to_owned(), "00:00".to_owned()));
    }

    #[test]
    fn a_day_without_a_midnight_begins_at_one() {
        let santiago = Calendar { offset: &santiago, ..utc() };
        let number = santiago.day_number(1_788_667_200 * SECOND);
        let start = santiago.start_of_day(number);
        assert_eq!((santiago.clock(start), santiago.clock(start - 1)), ("01:00".to_owned(), "23:59".to_owned()));
        assert_eq!(santiago.start_of_day(number + 1) - start, 23 * HOUR);
    }

    #[test]
    fn hours_are_those_of_the_local_clock() {
        let kolkata = Calendar { offset: &|_| 5 * HOUR + 30 * MINUTE, ..utc() };
        let next = kolkata.next_hour(NOW);
        assert_eq!((kolkata.clock(next), next - NOW), ("19:00".to_owned(), 27 * MINUTE + 57 * SECOND));
        assert_eq!(kolkata.next_hour(next) - next, HOUR);
    }

    proptest! {
        #[test]
        fn every_moment_lies_in_the_day_it_is_said_to(
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

//! The period the page shows, cut into slots: hours or days of the reader's clock. Everything that is drawn or
//! reckoned stands on this one period, so that figure, strip, chart and timeline agree. Pure.

use shared::{DAY, HOUR, Nanos, UnixNanos};

use super::text;
use crate::dataset::TimeBucket;
use crate::i18n::Calendar;
use crate::i18n::{Language, texts};

/// Ranges up to this are cut into hours, longer ones into days.
pub use shared::response_times::MAX_CHECK_RANGE as HOURS_UP_TO;

/// A day on which clocks are set back is longer than others, and never as long as this.
const LONGEST_DAY: Nanos = 36 * HOUR;

/// The ranges that a reader can choose from, in words; the configured one and the one that is shown are among them.
#[must_use]
pub fn ranges(configured: Nanos, shown: Nanos, language: &Language) -> Vec<(Nanos, String)> {
    let mut ranges: Vec<Nanos> = [1, 7, 30, 90, 365].into_iter().map(|days| days * DAY).collect();
    for one in [configured, shown] {
        if !ranges.contains(&one) {
            ranges.insert(ranges.partition_point(|range| *range < one), one);
        }
    }
    let words = |range: Nanos| match range / DAY {
        365 => language.format(texts::YEAR, &[]),
        days if days > 1 && range % DAY == 0 => language.plural(texts::DAYS, days as usize, &[]),
        _ if range % HOUR == 0 => language.plural(texts::HOURS, (range / HOUR) as usize, &[]),
        _ => text::exact_length(range, language),
    };
    ranges.into_iter().map(|range| (range, words(range))).collect()
}

/// The period the page shows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Period {
    /// The slots, oldest first; the last one holds now. There is at least one.
    pub buckets: Vec<TimeBucket>,
    /// The first moment of it.
    pub from: UnixNanos,
    /// The end of the slot that holds now; axes reach to it.
    pub to: UnixNanos,
    /// Now; nothing is reckoned behind it.
    pub now: UnixNanos,
    /// Whether a slot is a matter of hours.
    pub by_hour: bool,
}

impl Period {
    /// The period of a range that ends now, in at most so many slots (but at least two).
    #[must_use]
    pub fn new(range: Nanos, buckets_limit: usize, calendar: Calendar<'_>) -> Period {
        let by_hour = range <= HOURS_UP_TO;
        let edges = if by_hour { hour_edges(range, calendar) } else { day_edges(range, calendar) };
        let per_bucket = (edges.len() - 1).div_ceil(buckets_limit.max(2));
        // Slots are filled up from the newest, so that the last one is always a whole one.
        let mut chosen: Vec<UnixNanos> = edges.iter().rev().step_by(per_bucket).copied().collect();
        if chosen.last() != edges.first() {
            chosen.extend(edges.first());
        }
        chosen.reverse();
        let buckets: Vec<TimeBucket> =
            chosen.windows(2).map(|pair| TimeBucket { start: pair[0], end: pair[1] }).collect();
        Period { from: chosen[0], to: chosen[chosen.len() - 1], buckets, now: calendar.now, by_hour }
    }

    /// A slot, cut into its hours, or into its days if it is longer than one.
    #[must_use]
    pub fn within(bucket: TimeBucket, calendar: Calendar<'_>) -> Period {
        let by_hour = bucket.end - bucket.start <= LONGEST_DAY;
        let next = |edge: UnixNanos| {
            let next =
                if by_hour { calendar.next_hour(edge) } else { calendar.start_of_day(calendar.day_number(edge) + 1) };
            next.min(bucket.end)
        };
        let mut buckets = Vec::new();
        let mut start = bucket.start;
        while start < bucket.end {
            let end = next(start);
            buckets.push(TimeBucket { start, end });
            start = end;
        }
        Period { buckets, from: bucket.start, to: bucket.end, now: calendar.now, by_hour }
    }

    /// Where a moment stands between the ends of the axis, from 0 to 1.
    #[must_use]
    pub fn share(&self, moment: UnixNanos) -> f64 {
        let share = moment.saturating_sub(self.from) as f64 / (self.to - self.from) as f64;
        share.clamp(0.0, 1.0)
    }

    /// The moment at a share of the axis.
    #[must_use]
    pub fn at_share(&self, share: f64) -> UnixNanos {
        self.from + ((self.to - self.from) as f64 * share.clamp(0.0, 1.0)) as Nanos
    }

    /// How long the period has lasted so far: `24 hours`, `7 days`.
    #[must_use]
    pub fn length_label(&self, calendar: Calendar<'_>) -> String {
        calendar.language.plural(if self.by_hour { texts::HOURS } else { texts::DAYS }, self.length(calendar), &[])
    }

    /// The period in words: `since yesterday 13:00`, `last 7 days`.
    #[must_use]
    pub fn label(&self, calendar: Calendar<'_>) -> String {
        if self.by_hour {
            calendar.language.format(texts::SINCE, &[&calendar.moment(self.from)])
        } else {
            calendar.language.plural(texts::LAST_DAYS, self.length(calendar), &[])
        }
    }

    /// The number of hours or days so far.
    fn length(&self, calendar: Calendar<'_>) -> usize {
        let length = if self.by_hour {
            (self.now - self.from) / HOUR
        } else {
            calendar.day_number(self.now) - calendar.day_number(self.from) + 1
        };
        length as usize
    }
}

/// From the full hour before the range's beginning to the next full hour.
fn hour_edges(range: Nanos, calendar: Calendar<'_>) -> Vec<UnixNanos> {
    let first = calendar.now - range;
    let mut edge = calendar.next_hour(first) - HOUR;
    let mut edges = vec![edge];
    while edge <= calendar.now {
        edge = calendar.next_hour(edge);
        edges.push(edge);
    }
    edges
}

/// The local days of the range, today being the last of them.
fn day_edges(range: Nanos, calendar: Calendar<'_>) -> Vec<UnixNanos> {
    let today = calendar.day_number(calendar.now);
    let days = (range + DAY - 1) / DAY;
    (today + 1 - days..=today + 1).map(|day| calendar.start_of_day(day)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test_support::{NOW, utc};
    use proptest::prelude::*;
    use shared::MINUTE;

    #[test]
    fn a_day_is_shown_in_hours_of_the_readers_clock() {
        let kolkata = Calendar { offset: &|_| 5 * HOUR + 30 * MINUTE, ..utc() };
        let period = Period::new(DAY, 90, kolkata);
        assert_eq!((period.buckets.len(), period.by_hour), (25, true));
        assert!(period.buckets.iter().all(|bucket| kolkata.clock(bucket.start).ends_with(":00")));
        assert!(period.from <= NOW - DAY && NOW < period.to);
        assert_eq!(period.label(kolkata), "since yesterday 18:00");
    }

    #[test]
    fn ninety_days_are_shown_in_days_and_today_is_the_last() {
        let period = Period::new(90 * DAY, 90, utc());
        assert_eq!(period.buckets.len(), 90);
        assert!(period.buckets.last().is_some_and(|bucket| bucket.start <= NOW && NOW < bucket.end));
        assert_eq!(period.label(utc()), "last 90 days");
    }

    #[test]
    fn the_configured_range_is_among_those_to_choose_from() {
        let words = |configured| {
            ranges(configured, DAY, utc().language).into_iter().map(|(_, words)| words).collect::<Vec<_>>().join(", ")
        };
        assert_eq!(words(DAY), "24 hours, 7 days, 30 days, 90 days, 1 year");
        assert_eq!(words(10 * DAY), "24 hours, 7 days, 10 days, 30 days, 90 days, 1 year");
        assert_eq!(words(HOUR), "1 hour, 24 hours, 7 days, 30 days, 90 days, 1 year");
        assert_eq!(words(36 * HOUR), "24 hours, 36 hours, 7 days, 30 days, 90 days, 1 year");
    }

    #[test]
    fn where_there_is_less_room_slots_are_longer() {
        assert_eq!(Period::new(90 * DAY, 30, utc()).buckets.len(), 30);
        assert_eq!(Period::new(365 * DAY, 90, utc()).buckets.len(), 73);
        assert_eq!(Period::new(3 * DAY, 30, utc()).buckets.len(), 25);
    }

    proptest! {
        #[test]
        fn slots_follow_each_other_and_the_last_holds_now(
            range in HOUR..366 * DAY, now in 1_000_000_000..3_000_000_000_i64, limit in 2..100_usize, offset in -48..56_i64,
        ) {
            let offset = move |_| offset * 15 * MINUTE;
            let calendar = Calendar { now: now * shared::SECOND, today: now * shared::SECOND, offset: &offset, ..utc() };
            let period = Period::new(range, limit, calendar);
            prop_assert!(period.buckets.len() <= limit);
            prop_assert!(period.buckets.windows(2).all(|pair| pair[0].end == pair[1].start && pair[0].start < pair[0].end));
            let last = period.buckets[period.buckets.len() - 1];
            prop_assert!(last.start <= calendar.now && calendar.now < last.end);
            prop_assert!((period.share(period.at_share(0.25)) - 0.25).abs() < 1e-9);
        }
    }
}

//! The period that the page shows, divided into hours or days in the page's time zone. Uptime, strip, chart and
//! timeline use the same period, so they agree.

use shared::{DAY, HOUR, Nanos, UnixNanos};

use super::text;
use crate::dataset::TimeBucket;
use crate::i18n::Calendar;
use crate::i18n::{Language, texts};

/// The longest range that is divided into hours. Longer ranges are divided into days.
pub use shared::response_times::MAX_CHECK_RANGE as HOURS_UP_TO;

/// The longest range that is divided into quarters of days. A bar for each of 7 days would be as wide as a button.
const QUARTERS_UP_TO: Nanos = 7 * DAY;

/// No day is longer than this, even when clocks are set back.
const LONGEST_DAY: Nanos = 36 * HOUR;

/// Returns the ranges that visitors can select, with their labels. The configured and the current range are included.
#[must_use]
pub fn ranges(configured: Nanos, shown: Nanos, language: &Language) -> Vec<(Nanos, String)> {
    let mut ranges: Vec<Nanos> = [1, 7, 30, 90, 365].into_iter().map(|days| days * DAY).collect();
    for one in [configured, shown] {
        if !ranges.contains(&one) {
            ranges.insert(ranges.partition_point(|range| *range < one), one);
        }
    }
    let label = |range: Nanos| match range / DAY {
        365 => language.format(texts::YEAR, &[]),
        days if days > 1 && range % DAY == 0 => language.plural(texts::DAYS, days as usize, &[]),
        _ if range % HOUR == 0 => language.plural(texts::HOURS, (range / HOUR) as usize, &[]),
        _ => text::exact_length(range, language),
    };
    ranges.into_iter().map(|range| (range, label(range))).collect()
}

/// The period that the page shows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Period {
    /// The buckets, oldest first. There is at least one, and the last one contains `now`.
    pub buckets: Vec<TimeBucket>,
    pub from: UnixNanos,
    /// The end of the last bucket and of the time axis.
    pub to: UnixNanos,
    /// The time up to which results are evaluated.
    pub now: UnixNanos,
    /// Whether each bucket covers one or more hours, rather than days.
    pub by_hour: bool,
}

impl Period {
    /// Creates the period of a range that ends now, with at most `buckets_limit` buckets.
    #[must_use]
    pub fn new(range: Nanos, buckets_limit: usize, calendar: Calendar<'_>) -> Period {
        let by_hour = range <= HOURS_UP_TO;
        let edges = if by_hour { hour_edges(range, calendar) } else { day_edges(range, calendar) };
        let per_bucket = (edges.len() - 1).div_ceil(buckets_limit.max(2));
        // Buckets are formed from the newest to the oldest, so only the oldest one can be shorter.
        let mut chosen: Vec<UnixNanos> = edges.iter().rev().step_by(per_bucket).copied().collect();
        if chosen.last() != edges.first() {
            chosen.extend(edges.first());
        }
        chosen.reverse();
        let buckets: Vec<TimeBucket> =
            chosen.windows(2).map(|pair| TimeBucket { start: pair[0], end: pair[1] }).collect();
        Period { from: chosen[0], to: chosen[chosen.len() - 1], buckets, now: calendar.now, by_hour }
    }

    /// Divides a bucket into days, or into hours if it covers at most one day.
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

    /// Returns the position of a time on the time axis, from 0 to 1.
    #[must_use]
    pub fn share(&self, moment: UnixNanos) -> f64 {
        let share = moment.saturating_sub(self.from) as f64 / (self.to - self.from) as f64;
        share.clamp(0.0, 1.0)
    }

    /// Returns the time at a position on the time axis.
    #[must_use]
    pub fn at_share(&self, share: f64) -> UnixNanos {
        self.from + ((self.to - self.from) as f64 * share.clamp(0.0, 1.0)) as Nanos
    }

    /// Returns the period's length as text: `24 hours`, `7 days`.
    #[must_use]
    pub fn length_label(&self, calendar: Calendar<'_>) -> String {
        calendar.language.plural(if self.by_hour { texts::HOURS } else { texts::DAYS }, self.length(calendar), &[])
    }

    /// Returns the period's length after "more than": `24 hours`, `7 days`.
    #[must_use]
    pub fn duration_label(&self, calendar: Calendar<'_>) -> String {
        calendar.language.plural(if self.by_hour { texts::HOURS } else { texts::FOR_DAYS }, self.length(calendar), &[])
    }

    /// Returns the labels for the start and the end of the strip: `90 days ago` and `Today`.
    #[must_use]
    pub fn edge_labels(&self, calendar: Calendar<'_>) -> [String; 2] {
        let (ago, end) = if self.by_hour { (texts::HOURS_AGO, texts::NOW) } else { (texts::DAYS_AGO, texts::TODAY) };
        [calendar.language.plural(ago, self.length(calendar), &[]), calendar.language.text(end).to_owned()]
    }

    /// Returns a description of the period for use in a sentence: `since yesterday 13:00`, `last 7 days`.
    #[must_use]
    pub fn label(&self, calendar: Calendar<'_>) -> String {
        if self.by_hour {
            calendar.language.format(texts::SINCE, &[&calendar.moment(self.from)])
        } else {
            calendar.language.plural(texts::LAST_DAYS, self.length(calendar), &[])
        }
    }

    /// Returns the number of hours or days.
    fn length(&self, calendar: Calendar<'_>) -> usize {
        let length = if self.by_hour {
            (self.now - self.from) / HOUR
        } else {
            calendar.day_number(self.now) - calendar.day_number(self.from) + 1
        };
        length as usize
    }
}

/// Returns the full hours from just before the start of the range until just after now.
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

/// Returns the starts of the local days of the range, or of quarters of these days, and the end of the last one, which
/// contains now.
fn day_edges(range: Nanos, calendar: Calendar<'_>) -> Vec<UnixNanos> {
    let today = calendar.day_number(calendar.now);
    let days = (range + DAY - 1) / DAY;
    let quarters = if range <= QUARTERS_UP_TO { 4 } else { 1 };
    let starts = (today + 1 - days..=today).map(|day| calendar.start_of_day(day));
    let mut edges: Vec<UnixNanos> =
        starts.flat_map(|start| (0..quarters).map(move |quarter| start + quarter * DAY / 4)).collect();
    edges.push(calendar.start_of_day(today + 1));
    let past = edges.partition_point(|edge| *edge <= calendar.now);
    edges.truncate(past + 1);
    edges
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test_support::{NOW, utc};
    use proptest::prelude::*;
    use shared::MINUTE;

    #[test]
    fn a_day_is_shown_in_hours_of_the_time_zone() {
        let kolkata = Calendar { offset: &|_| 5 * HOUR + 30 * MINUTE, ..utc() };
        let period = Period::new(DAY, 90, kolkata);
        assert_eq!((period.buckets.len(), period.by_hour), (25, true));
        assert!(period.buckets.iter().all(|bucket| kolkata.clock(bucket.start).ends_with(":00")));
        assert!(period.from <= NOW - DAY && NOW < period.to);
        assert_eq!(period.label(kolkata), "since yesterday at 18:00");
    }

    #[test]
    fn ninety_days_are_shown_in_days_and_end_today() {
        let period = Period::new(90 * DAY, 90, utc());
        assert_eq!(period.buckets.len(), 90);
        assert!(period.buckets.last().is_some_and(|bucket| bucket.start <= NOW && NOW < bucket.end));
        assert_eq!(period.label(utc()), "last 90 days");
    }

    #[test]
    fn a_week_is_shown_in_quarters_of_days() {
        let period = Period::new(7 * DAY, 30, utc());
        let last = period.buckets[period.buckets.len() - 1];
        assert_eq!((period.buckets.len(), period.by_hour), (27, false));
        assert_eq!((utc().clock(last.start), utc().clock(last.end)), ("12:00".to_owned(), "18:00".to_owned()));
        assert_eq!(period.label(utc()), "last 7 days");
        assert_eq!(period.edge_labels(utc()), ["7 days ago", "Today"]);
        assert_eq!(Period::new(DAY, 90, utc()).edge_labels(utc()), ["24 h ago", "Now"]);
    }

    #[test]
    fn the_configured_range_can_be_selected() {
        let labels = |configured| {
            ranges(configured, DAY, utc().language).into_iter().map(|(_, label)| label).collect::<Vec<_>>().join(", ")
        };
        assert_eq!(labels(DAY), "24 hours, 7 days, 30 days, 90 days, 1 year");
        assert_eq!(labels(10 * DAY), "24 hours, 7 days, 10 days, 30 days, 90 days, 1 year");
        assert_eq!(labels(HOUR), "1 hour, 24 hours, 7 days, 30 days, 90 days, 1 year");
        assert_eq!(labels(36 * HOUR), "24 hours, 36 hours, 7 days, 30 days, 90 days, 1 year");
    }

    #[test]
    fn if_fewer_buckets_fit_they_are_longer() {
        assert_eq!(Period::new(90 * DAY, 30, utc()).buckets.len(), 30);
        assert_eq!(Period::new(365 * DAY, 90, utc()).buckets.len(), 73);
        assert_eq!(Period::new(3 * DAY, 30, utc()).buckets.len(), 25);
    }

    proptest! {
        #[test]
        fn buckets_are_consecutive_and_the_last_contains_now(
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

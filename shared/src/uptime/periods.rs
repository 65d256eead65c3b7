//! Periods such as maintenance windows, and uptime outside of them.

use super::{Span, UptimeBreakdown};
use crate::UnixNanos;
use crate::sorting::sort_by_integer;

/// A period: `start <= t < end`.
pub type TimeRange = (UnixNanos, UnixNanos);

/// Merges periods that overlap or touch. The result is in order, and the periods do not touch. Empty periods are
/// dropped.
#[must_use]
pub fn merge(periods: impl IntoIterator<Item = TimeRange>) -> Vec<TimeRange> {
    let mut periods: Vec<TimeRange> = periods.into_iter().filter(|(start, end)| start < end).collect();
    sort_by_integer(&mut periods, |(start, _)| *start);
    let mut merged: Vec<TimeRange> = Vec::new();
    for (start, end) in periods {
        match merged.last_mut() {
            Some(last) if start <= last.1 => last.1 = last.1.max(end),
            _ => merged.push((start, end)),
        }
    }
    merged
}

/// Returns the period that contains a whole span of time (`from <= t < to`). The periods are merged.
#[must_use]
pub fn containing(periods: &[TimeRange], from: UnixNanos, to: UnixNanos) -> Option<TimeRange> {
    let after = periods.partition_point(|(start, _)| *start <= from);
    periods[..after].last().copied().filter(|(_, end)| to <= *end && from < *end)
}

impl UptimeBreakdown {
    /// Computes the breakdown of a period (`from <= t < to`) without the time in `left_out`, which counts neither as
    /// observed nor as unknown. `left_out` is merged.
    #[must_use]
    pub fn outside(spans: &[Span], left_out: &[TimeRange], from: UnixNanos, to: UnixNanos) -> UptimeBreakdown {
        let mut total = UptimeBreakdown::default();
        let mut start = from;
        let first = left_out.partition_point(|(_, end)| *end <= from);
        let overlapping = left_out[first..].iter().copied().take_while(|(begin, _)| *begin < to);
        for (begin, end) in overlapping.chain([(to, to)]) {
            if start < begin {
                total.add(UptimeBreakdown::from_spans(spans, start, begin));
            }
            start = start.max(end);
        }
        total
    }

    fn add(&mut self, other: UptimeBreakdown) {
        self.healthy += other.healthy;
        self.degraded += other.degraded;
        self.down += other.down;
        self.unknown += other.unknown;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::status::Status;
    use crate::uptime::{Observation, Ratio, spans, status_at};
    use proptest::prelude::*;

    fn any_spans() -> impl Strategy<Value = Vec<Span>> {
        let one = (0..500_i64, prop::sample::select(Status::ALL.to_vec()), prop::option::of(1..60_i64))
            .prop_map(|(at, status, interval)| Observation { at, status, interval });
        prop::collection::vec(one, 0..30).prop_map(|seen| spans(seen, 500))
    }

    fn any_periods() -> impl Strategy<Value = Vec<TimeRange>> {
        prop::collection::vec((-20..520_i64, -5..60_i64).prop_map(|(start, length)| (start, start + length)), 0..8)
    }

    #[test]
    fn periods_that_touch_are_one() {
        assert_eq!(merge([(5, 9), (1, 3), (3, 4), (8, 8), (7, 12), (20, 10)]), [(1, 4), (5, 12)]);
        assert_eq!(containing(&[(1, 4), (5, 12)], 6, 12), Some((5, 12)));
        for (from, to) in [(4, 5), (3, 6), (0, 2), (12, 12), (6, 13)] {
            assert_eq!(containing(&[(1, 4), (5, 12)], from, to), None, "{from} {to}");
        }
    }

    #[test]
    fn a_planned_outage_does_not_lower_the_uptime_outside_of_it() {
        let spans = [
            Span { start: 0, end: 900, status: Status::Healthy },
            Span { start: 900, end: 1_000, status: Status::Down },
        ];
        let uptime = |left_out: &[TimeRange]| {
            let breakdown = UptimeBreakdown::outside(&spans, left_out, 0, 1_000);
            (breakdown.uptime().map(Ratio::percent), breakdown.period())
        };
        assert_eq!(uptime(&[]), (Some("90.00%".to_owned()), 1_000));
        assert_eq!(uptime(&[(900, 1_000)]), (Some("100%".to_owned()), 900));
        assert_eq!(uptime(&[(800, 950)]), (Some("94.11%".to_owned()), 850));
        assert_eq!(uptime(&[(-100, 2_000)]), (None, 0));
    }

    proptest! {
        #[test]
        fn without_periods_nothing_is_left_out(spans in any_spans(), from in 0..400_i64, length in 0..200_i64) {
            let to = from + length;
            let whole = UptimeBreakdown::from_spans(&spans, from, to);
            prop_assert_eq!(UptimeBreakdown::outside(&spans, &[], from, to), whole);
        }

        #[test]
        fn every_moment_counts_unless_a_period_contains_it(
            spans in any_spans(), periods in any_periods(), from in 0..400_i64, length in 0..200_i64,
        ) {
            let to = from + length;
            let outside = UptimeBreakdown::outside(&spans, &merge(periods.clone()), from, to);
            for status in Status::ALL {
                let counts = |at: &i64| {
                    status_at(&spans, *at) == status && !periods.iter().any(|(start, end)| start <= at && at < end)
                };
                prop_assert_eq!(outside.time(status), (from..to).filter(counts).count() as i64, "{:?}", status);
            }
        }

        #[test]
        fn merged_periods_contain_the_same_moments(periods in any_periods()) {
            let merged = merge(periods.clone());
            prop_assert!(merged.windows(2).all(|pair| pair[0].1 < pair[1].0), "{:?}", merged);
            for at in -30..600_i64 {
                let is_inside = periods.iter().any(|(start, end)| *start <= at && at < *end);
                prop_assert_eq!(containing(&merged, at, at + 1).is_some(), is_inside, "{}", at);
            }
        }
    }
}

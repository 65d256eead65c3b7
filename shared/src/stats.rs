//! Statistics for round-trip times, which are computed when needed and never stored.

use crate::Nanos;
use crate::sorting::sort_by_integer;

/// Statistics for the round-trip times of attempts, in nanoseconds.
///
/// As in the original Checkup, the median of an even number of times is the mean of the middle two.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Stats {
    /// The sum of all times, which saturates instead of overflowing.
    pub total: Nanos,
    /// The arithmetic mean, truncated to a nanosecond.
    pub mean: Nanos,
    /// The middle value, or the mean of the middle two.
    pub median: Nanos,
    /// The smallest value that at least 95% do not exceed. With fewer than twenty values, this is the maximum.
    pub p95: Nanos,
    /// The shortest time.
    pub min: Nanos,
    /// The longest time.
    pub max: Nanos,
}

impl Stats {
    /// Computes the statistics of times in any order. Returns `None` if the list is empty.
    #[must_use]
    pub fn from_rtts(mut rtts: Vec<Nanos>) -> Option<Stats> {
        sort_by_integer(&mut rtts, |rtt| *rtt);
        let (min, max) = (*rtts.first()?, *rtts.last()?);
        let count = rtts.len() as i64;
        // Quotients and remainders are summed separately so that nothing overflows.
        let (quotients, rests) =
            rtts.iter().fold((0, 0), |(quotients, rests), rtt| (quotients + rtt / count, rests + rtt % count));
        Some(Stats {
            total: rtts.iter().fold(0, |total: i64, rtt| total.saturating_add(*rtt)),
            mean: quotients + rests / count,
            median: median_of_sorted(&rtts),
            p95: rtts[(rtts.len() * 95 - 1) / 100],
            min,
            max,
        })
    }
}

/// Returns the median of sorted numbers, or 0 if the list is empty.
fn median_of_sorted(sorted: &[Nanos]) -> Nanos {
    let middle = sorted.len() / 2;
    match sorted.len() {
        0 => 0,
        odd if odd % 2 == 1 => sorted[middle],
        _ => midpoint(sorted[middle - 1], sorted[middle]),
    }
}

/// Returns the mean of two numbers, rounded down, without overflow.
fn midpoint(low: Nanos, high: Nanos) -> Nanos {
    (low & high) + ((low ^ high) >> 1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::SECOND;
    use proptest::prelude::*;

    #[test]
    fn the_example_of_the_original_has_the_same_statistics() {
        let rtts = [7, 4, 4, 6, 6, 3].map(|seconds| seconds * SECOND).to_vec();
        assert_eq!(
            Stats::from_rtts(rtts),
            Some(Stats {
                total: 30 * SECOND,
                mean: 5 * SECOND,
                median: 5 * SECOND,
                p95: 7 * SECOND,
                min: 3 * SECOND,
                max: 7 * SECOND
            })
        );
    }

    #[test]
    fn the_95th_percentile_is_the_nearest_rank() {
        let p95 = |count: i64| Stats::from_rtts((1..=count).rev().collect()).map(|stats| stats.p95);
        assert_eq!([1, 2, 19, 20, 21, 100, 101].map(p95), [1, 2, 19, 19, 20, 95, 96].map(Some));
    }

    #[test]
    fn no_attempts_have_no_statistics() {
        assert_eq!(Stats::from_rtts(Vec::new()), None);
    }

    proptest! {
        #[test]
        fn the_median_and_the_mean_are_within_the_range(rtts in prop::collection::vec(0..=i64::MAX, 1..40)) {
            let stats = Stats::from_rtts(rtts.clone()).expect("there are attempts");
            prop_assert!(stats.min <= stats.median && stats.median <= stats.max);
            prop_assert!(stats.min <= stats.mean && stats.mean <= stats.max);
            let not_above = rtts.iter().filter(|rtt| **rtt <= stats.median).count();
            let not_below = rtts.iter().filter(|rtt| **rtt >= stats.median).count();
            prop_assert!(2 * not_above >= rtts.len() && 2 * not_below >= rtts.len());
        }
    }
}

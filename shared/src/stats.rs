//! Statistics over the round-trip times of one check. They are never stored; everyone computes them from here.

use crate::Nanos;
use crate::check_file::Attempt;

/// Total, mean, median, 95th percentile, smallest and greatest round-trip time of some attempts, in nanoseconds.
///
/// The rules are the original Checkup's: every attempt counts, also a failed one, and the median of an even
/// number is the mean of the two in the middle.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Stats {
    /// Sum of all round-trip times; it stays at the greatest number instead of overflowing.
    pub total: Nanos,
    /// `total / count`, cut to a nanosecond.
    pub mean: Nanos,
    /// The middle one, or the mean of the two in the middle.
    pub median: Nanos,
    /// The smallest that 95 of 100 are not above; of fewer than twenty the greatest.
    pub p95: Nanos,
    /// The smallest.
    pub min: Nanos,
    /// The greatest.
    pub max: Nanos,
}

impl Stats {
    /// The statistics of these attempts; `None` if there are none.
    #[must_use]
    pub fn from_attempts(attempts: &[Attempt]) -> Option<Stats> {
        Stats::from_rtts(attempts.iter().map(|attempt| attempt.rtt).collect())
    }

    /// The statistics of these round-trip times in nanoseconds; `None` if there are none.
    #[must_use]
    pub fn from_rtts(mut rtts: Vec<Nanos>) -> Option<Stats> {
        rtts.sort_unstable();
        let (min, max) = (*rtts.first()?, *rtts.last()?);
        let count = rtts.len() as i64;
        // The mean in two parts, so that a sum beyond the greatest number spoils nothing.
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

/// The median of numbers that are sorted already; 0 if there are none.
fn median_of_sorted(sorted: &[Nanos]) -> Nanos {
    let middle = sorted.len() / 2;
    match sorted.len() {
        0 => 0,
        odd if odd % 2 == 1 => sorted[middle],
        _ => midpoint(sorted[middle - 1], sorted[middle]),
    }
}

/// The mean of two numbers, without overflow, cut towards the smaller.
fn midpoint(low: Nanos, high: Nanos) -> Nanos {
    (low & high) + ((low ^ high) >> 1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::SECOND;
    use proptest::prelude::*;

    #[test]
    fn the_originals_vector_gives_the_originals_numbers() {
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
    fn ninety_five_of_a_hundred_are_not_above_the_95th_percentile() {
        let p95 = |count: i64| Stats::from_rtts((1..=count).rev().collect()).map(|stats| stats.p95);
        assert_eq!([1, 2, 19, 20, 21, 100, 101].map(p95), [1, 2, 19, 19, 20, 95, 96].map(Some));
    }

    #[test]
    fn no_attempts_have_no_statistics() {
        assert_eq!(Stats::from_rtts(Vec::new()), None);
    }

    proptest! {
        #[test]
        fn the_median_and_the_mean_lie_between_the_extremes(rtts in prop::collection::vec(0..=i64::MAX, 1..40)) {
            let stats = Stats::from_rtts(rtts.clone()).expect("there are attempts");
            prop_assert!(stats.min <= stats.median && stats.median <= stats.max);
            prop_assert!(stats.min <= stats.mean && stats.mean <= stats.max);
            let not_above = rtts.iter().filter(|rtt| **rtt <= stats.median).count();
            let not_below = rtts.iter().filter(|rtt| **rtt >= stats.median).count();
            prop_assert!(2 * not_above >= rtts.len() && 2 * not_below >= rtts.len());
        }
    }
}

//! Latency sketches: histograms with fixed buckets, from which any percentile can be computed within 5%. Merging the
//! sketches of two periods yields the sketch of the combined period.

use std::sync::LazyLock;

use crate::Nanos;

/// The upper bound of the first bucket. No network is faster than this.
pub const MIN_LATENCY: Nanos = 1_000;

/// The number of buckets from [`MIN_LATENCY`] to the maximum of [`Nanos`].
const BUCKETS: usize = 387;

/// The inclusive upper bounds of the buckets, each a tenth greater than the previous one. The middle of a bucket is
/// therefore within 1/21 of every time in it.
///
/// Computed with integers, because the last bit of a logarithm can differ between machines, but stored data must not. A
/// constant table would add 3 KB to the page.
static UPPER_BOUNDS: LazyLock<[Nanos; BUCKETS]> = LazyLock::new(|| {
    let mut next = MIN_LATENCY;
    std::array::from_fn(|_| {
        let greatest = next;
        next = greatest.saturating_add(greatest / 10);
        greatest
    })
});

/// A bucket of a sketch: a latency that is accurate to 5%, stored as a small number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Bucket(u16);

impl Bucket {
    /// Returns the bucket that contains `time`.
    #[must_use]
    pub fn from_time(time: Nanos) -> Bucket {
        let index = UPPER_BOUNDS.partition_point(|greatest| *greatest < time);
        Bucket(index.min(BUCKETS - 1) as u16)
    }

    /// Returns the bucket with this index, if it exists.
    #[must_use]
    pub fn from_index(index: u64) -> Option<Bucket> {
        u16::try_from(index).ok().filter(|index| usize::from(*index) < BUCKETS).map(Bucket)
    }

    /// Returns the bucket's index, counted from 0, which histories store.
    #[must_use]
    pub fn index(self) -> u64 {
        u64::from(self.0)
    }

    /// Returns a time that is within 5% of every time in the bucket.
    #[must_use]
    pub fn time(self) -> Nanos {
        let index = usize::from(self.0);
        let Some(below) = index.checked_sub(1).map(|below| UPPER_BOUNDS[below]) else { return MIN_LATENCY };
        // The harmonic mean of both bounds has the same relative distance to each bound.
        below.saturating_add(below / 21)
    }
}

/// A histogram of latencies, with a count for each [`Bucket`].
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Sketch {
    /// The buckets that are not empty, in order. Counts have 32 bits, because there can be millions of buckets. That is
    /// enough for one latency per second for a century.
    counts: Vec<(Bucket, u32)>,
}

impl Sketch {
    /// Adds one latency, in nanoseconds.
    pub fn add(&mut self, time: Nanos) {
        self.add_count(Bucket::from_time(time), 1);
    }

    /// Adds the counts of another sketch.
    pub fn merge(&mut self, other: &Sketch) {
        for (bucket, count) in &other.counts {
            self.add_count(*bucket, *count);
        }
    }

    fn add_count(&mut self, bucket: Bucket, count: u32) {
        match self.counts.binary_search_by_key(&bucket, |(bucket, _)| *bucket) {
            Ok(index) => self.counts[index].1 = self.counts[index].1.saturating_add(count),
            Err(index) => {
                // Saves memory: most sketches have only one bucket for a while, and a vector would otherwise start with
                // room for four.
                if self.counts.is_empty() {
                    self.counts.reserve_exact(1);
                }
                self.counts.insert(index, (bucket, count));
            }
        }
    }

    /// Returns the number of latencies in all buckets.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.counts.iter().map(|(_, count)| u64::from(*count)).sum()
    }

    /// Returns the memory of the counts, in bytes.
    pub(crate) fn memory(&self) -> usize {
        self.counts.capacity() * size_of::<(Bucket, u32)>()
    }

    /// Returns whether the sketch contains no latencies.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.counts.is_empty()
    }

    /// Returns the bucket of a percentile from 0 to 100, or `None` if the sketch is empty. For `n` sorted times, this
    /// is the bucket of the time at index `percent / 100 × (n - 1)`, rounded down.
    #[must_use]
    pub fn percentile(&self, percent: u8) -> Option<Bucket> {
        let last = self.count().checked_sub(1)?;
        let percent = u64::from(percent.min(100));
        let rank = last / 100 * percent + last % 100 * percent / 100;
        let mut before = 0_u64;
        for (bucket, count) in &self.counts {
            before += u64::from(*count);
            if before > rank {
                return Some(*bucket);
            }
        }
        self.counts.last().map(|(bucket, _)| *bucket)
    }

    /// Returns the sketch as a list of small numbers: for each bucket, the difference from the previous index, and the
    /// count.
    #[must_use]
    pub fn to_numbers(&self) -> Vec<u64> {
        let mut numbers = Vec::with_capacity(2 * self.counts.len());
        let mut before = 0;
        for (bucket, count) in &self.counts {
            numbers.extend([bucket.index() - before, u64::from(*count)]);
            before = bucket.index();
        }
        numbers
    }

    /// Creates a sketch from the output of [`Sketch::to_numbers`]. Returns `None` if the numbers are invalid.
    #[must_use]
    pub fn from_numbers(numbers: &[u64]) -> Option<Sketch> {
        let mut counts: Vec<(Bucket, u32)> = Vec::with_capacity(numbers.len() / 2);
        for pair in numbers.chunks(2) {
            let [step, count] = pair else { return None };
            let before = counts.last().map_or(0, |(bucket, _)| bucket.index());
            let is_forward = *step > 0 || counts.is_empty();
            let bucket = Bucket::from_index(before.checked_add(*step)?)?;
            let count = u32::try_from(*count).ok().filter(|count| *count > 0)?;
            if !is_forward {
                return None;
            }
            counts.push((bucket, count));
        }
        Some(Sketch { counts })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::SECOND;
    use proptest::prelude::*;

    fn sketch_of(times: &[Nanos]) -> Sketch {
        let mut sketch = Sketch::default();
        for time in times {
            sketch.add(*time);
        }
        sketch
    }

    fn is_within_five_percent(estimate: Nanos, exact: Nanos) -> bool {
        (i128::from(estimate) - i128::from(exact)).abs() * 20 <= i128::from(exact)
    }

    #[test]
    fn buckets_cover_all_durations_from_a_microsecond_on() {
        assert_eq!((UPPER_BOUNDS[0], UPPER_BOUNDS[1], UPPER_BOUNDS[BUCKETS - 1]), (1_000, 1_100, i64::MAX));
        assert!(UPPER_BOUNDS[BUCKETS - 2] < i64::MAX);
        assert_eq!(Bucket::from_time(i64::MIN), Bucket::from_time(1_000));
        assert_eq!(Bucket::from_index(BUCKETS as u64), None);
    }

    #[test]
    fn invalid_numbers_are_rejected() {
        for numbers in
            [&[1][..], &[1, 0], &[400, 1], &[1, 1, 0, 1], &[u64::MAX, 1], &[1, 1, u64::MAX, 1], &[1, 1 << 32]]
        {
            assert_eq!(Sketch::from_numbers(numbers), None, "{numbers:?}");
        }
        assert_eq!(Sketch::default().percentile(50), None);
    }

    fn any_times() -> impl Strategy<Value = Vec<Nanos>> {
        prop::collection::vec(
            prop_oneof![MIN_LATENCY..SECOND, MIN_LATENCY..=i64::MAX, 90_000_000..110_000_000_i64],
            1..200,
        )
    }

    proptest! {
        #[test]
        fn a_bucket_is_within_five_percent_of_its_times(time in MIN_LATENCY..=i64::MAX) {
            prop_assert!(is_within_five_percent(Bucket::from_time(time).time(), time));
        }

        #[test]
        fn percentiles_are_within_five_percent(mut times in any_times(), percent in 0..=100_u8) {
            let estimate = sketch_of(&times).percentile(percent).expect("there are latencies").time();
            times.sort_unstable();
            let exact = times[(times.len() - 1) * usize::from(percent) / 100];
            prop_assert!(is_within_five_percent(estimate, exact), "{estimate} for {exact}");
        }

        #[test]
        fn merging_is_associative_and_commutative(one in any_times(), two in any_times(), three in any_times()) {
            let [a, b, c] = [&one, &two, &three].map(|times| sketch_of(times));
            let merged = |parts: [&Sketch; 3]| {
                let mut sum = Sketch::default();
                for part in parts {
                    sum.merge(part);
                }
                sum
            };
            let mut of_two = b.clone();
            of_two.merge(&c);
            let all = sketch_of(&[one, two, three].concat());
            prop_assert_eq!(&merged([&a, &b, &c]), &all);
            prop_assert_eq!(&merged([&c, &a, &b]), &all);
            prop_assert_eq!(&merged([&of_two, &a, &Sketch::default()]), &all);
        }

        #[test]
        fn any_sketch_round_trips(times in any_times()) {
            let sketch = sketch_of(&times);
            prop_assert_eq!(Sketch::from_numbers(&sketch.to_numbers()), Some(sketch));
        }

        #[test]
        fn parsing_never_panics(numbers in prop::collection::vec(prop_oneof![0..400_u64, any::<u64>()], 0..9)) {
            if let Some(sketch) = Sketch::from_numbers(&numbers) {
                prop_assert_eq!(sketch.to_numbers(), numbers);
                let _ = sketch.percentile(99);
            }
        }
    }
}

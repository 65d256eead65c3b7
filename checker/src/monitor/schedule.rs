//! Determines when each endpoint is due. This module does no I/O and takes the wall-clock time as a parameter.
//!
//! Each endpoint has a fixed offset within its interval. The offset is derived from a hash of the endpoint's name,
//! which is the same after every start and on every machine. This spreads checks over time and prevents drift, however
//! long checks take.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::fmt;
use std::str::FromStr;

use shared::{Nanos, UnixNanos};

/// The number of checks that start per second when they are spread over time. A handful of checks therefore start
/// together and are stored in one file.
const STARTS_PER_SECOND: i64 = 50;

/// Returns the hash of an endpoint, which is the same on every machine: FNV-1a over the title and the locator, followed
/// by a finalizer.
#[must_use]
pub fn stable_hash(title: &str, locator: &str) -> u64 {
    let bytes = title.bytes().chain([0]).chain(locator.bytes());
    let mut hash = bytes
        .fold(0xcbf2_9ce4_8422_2325, |hash: u64, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3));
    // FNV's high bits depend little on the last bytes. MurmurHash3's finalizer makes every bit depend on every byte.
    hash = (hash ^ (hash >> 33)).wrapping_mul(0xff51_afd7_ed55_8ccd);
    hash = (hash ^ (hash >> 33)).wrapping_mul(0xc4ce_b9fe_1a85_ec53);
    hash ^ (hash >> 33)
}

/// Returns the offset of an endpoint with this hash within the interval `every`. `endpoints` is the number of
/// endpoints.
#[must_use]
pub fn offset(hash: u64, every: Nanos, endpoints: usize) -> Nanos {
    // Round up to a power of two so that adding an endpoint rarely moves the others.
    let needed = (endpoints.next_power_of_two() as i64).saturating_mul(shared::SECOND / STARTS_PER_SECOND);
    let window = needed.min(every).max(1);
    ((i128::from(window) * i128::from(hash)) >> 64) as Nanos
}

/// Returns the first time after `now` that is `offset` into an interval. Intervals are aligned to the Unix epoch.
#[must_use]
pub fn due_after(now: UnixNanos, every: Nanos, offset: Nanos) -> UnixNanos {
    let every = every.max(1);
    now.saturating_sub(offset).div_euclid(every).saturating_add(1).saturating_mul(every).saturating_add(offset)
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DueCheck {
    /// The index of the check in the configuration.
    pub index: usize,
    /// The latest time at which the endpoint was due.
    pub at: UnixNanos,
    /// The first time at which the endpoint was due, if it was due more than once.
    pub missed_since: Option<UnixNanos>,
    /// How many times the endpoint was due before `at`.
    pub missed: i64,
}

/// The due times of all endpoints, which are identified by their index.
#[derive(Debug, Default)]
pub struct Schedule {
    entries: Vec<Entry>,
    queue: BinaryHeap<Reverse<(UnixNanos, usize)>>,
}

#[derive(Debug, Clone, Copy)]
struct Entry {
    hash: u64,
    every: Nanos,
    /// The time at which the endpoint is due next. All other entries for it in the queue are outdated.
    next: UnixNanos,
}

impl Schedule {
    /// Creates a schedule for endpoints, each with its hash, interval and due time. Endpoints without a due time were
    /// checked just before `now`.
    #[must_use]
    pub fn new(endpoints: impl IntoIterator<Item = (u64, Nanos, Option<UnixNanos>)>, now: UnixNanos) -> Schedule {
        let endpoints: Vec<(u64, Nanos, Option<UnixNanos>)> = endpoints.into_iter().collect();
        let entries = endpoints.iter().map(|(hash, every, _)| Entry { hash: *hash, every: (*every).max(1), next: 0 });
        let mut schedule = Schedule { entries: entries.collect(), queue: BinaryHeap::new() };
        for (index, (_, _, due)) in endpoints.into_iter().enumerate() {
            if let Some(due) = due {
                schedule.schedule_at(index, due);
            } else {
                // The endpoint was just checked. Its next check can wait as long as the last result remains valid.
                let every = schedule.entries[index].every;
                schedule.schedule_after(index, now.saturating_add(every / 3));
            }
        }
        schedule
    }

    /// Reschedules endpoints after the clock moved back to `now` so that none of them waits longer than an interval.
    pub fn clock_moved_back(&mut self, now: UnixNanos) {
        for index in 0..self.entries.len() {
            let Entry { every, next, .. } = self.entries[index];
            if next > now.saturating_add(every) {
                self.schedule_after(index, now);
            }
        }
    }

    fn schedule_after(&mut self, index: usize, after: UnixNanos) {
        let endpoints = self.entries.len();
        let Entry { hash, every, .. } = self.entries[index];
        self.schedule_at(index, due_after(after, every, offset(hash, every, endpoints)));
    }

    fn schedule_at(&mut self, index: usize, due: UnixNanos) {
        self.entries[index].next = due;
        self.queue.push(Reverse((due, index)));
    }

    /// Returns the interval of an endpoint, and the time at which it is due next.
    #[must_use]
    pub fn entry(&self, index: usize) -> (Nanos, UnixNanos) {
        let Entry { every, next, .. } = self.entries[index];
        (every, next)
    }

    #[must_use]
    pub fn every(&self, index: usize) -> Nanos {
        self.entries[index].every
    }

    /// Changes the interval of an endpoint, starting at `now`.
    pub fn set_every(&mut self, index: usize, every: Nanos, now: UnixNanos) {
        let every = every.max(1);
        if self.entries[index].every != every {
            self.entries[index].every = every;
            self.schedule_after(index, now);
        }
    }

    /// Returns the time at which the next endpoint is due.
    #[must_use]
    pub fn next_due(&mut self) -> Option<UnixNanos> {
        while let Some(Reverse((at, index))) = self.queue.peek().copied() {
            if self.entries[index].next == at {
                return Some(at);
            }
            self.queue.pop();
        }
        None
    }

    /// Removes an endpoint that is due at `now` from the queue, and schedules its next check after `now`.
    pub fn take_due(&mut self, now: UnixNanos) -> Option<DueCheck> {
        // Ignore the latest possible time, because a check that is due then would never stop being due.
        let first = self.next_due().filter(|at| *at <= now && *at < UnixNanos::MAX)?;
        let Reverse((_, index)) = self.queue.pop()?;
        let every = self.entries[index].every;
        let missed = now.saturating_sub(first) / every;
        self.schedule_after(index, now);
        Some(DueCheck { index, at: first + missed * every, missed_since: (missed > 0).then_some(first), missed })
    }
}

/// One of the parts into which the endpoints are divided: `2/5` is the second of five.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shard {
    number: u64,
    count: u64,
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("invalid shard `{0}`: expected the part and the number of parts, for example `2/5`")]
pub struct InvalidShard(String);

impl Shard {
    /// Returns whether an endpoint with this hash belongs to the shard. For a given number of shards, each endpoint
    /// belongs to exactly one.
    #[must_use]
    pub fn contains(self, hash: u64) -> bool {
        hash % self.count == self.number - 1
    }
}

impl FromStr for Shard {
    type Err = InvalidShard;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let parse = || {
            let (number, count) = text.split_once('/')?;
            let (number, count) = (number.trim().parse().ok()?, count.trim().parse().ok()?);
            (1..=count).contains(&number).then_some(Shard { number, count })
        };
        parse().ok_or_else(|| InvalidShard(text.to_owned()))
    }
}

impl fmt::Display for Shard {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}/{}", self.number, self.count)
    }
}

#[cfg(test)]
mod tests {
    use crate::monitor::schedule::*;
    use proptest::prelude::*;
    use shared::SECOND;

    #[test]
    fn the_hash_of_an_endpoint_never_changes() {
        // A different hash would move every endpoint to another time and another shard.
        assert_eq!(stable_hash("Shop", "https://shop.example/"), 8_349_230_395_085_441_641);
        assert_ne!(stable_hash("a", "bc"), stable_hash("ab", "c"));
    }

    #[test]
    fn many_endpoints_are_spread_evenly_and_few_stay_together() {
        let hashes: Vec<u64> = (0..10_000).map(|number| stable_hash(&format!("Endpoint {number}"), "x")).collect();
        let mut in_second = [0; 60];
        for hash in &hashes {
            in_second[(offset(*hash, 60 * SECOND, hashes.len()) / SECOND) as usize] += 1;
        }
        assert!(in_second.iter().all(|count| (100..240).contains(count)), "{in_second:?}");
        assert!(hashes.iter().all(|hash| offset(*hash, 60 * SECOND, 10) < SECOND));
    }

    #[test]
    fn a_restart_keeps_due_times() {
        let due_times = |start: UnixNanos| {
            let mut schedule = Schedule::new([(stable_hash("Shop", "x"), 10 * SECOND, None)], start);
            let mut times = Vec::new();
            for _ in 0..5 {
                let at = schedule.next_due().expect("it is scheduled");
                times.push(schedule.take_due(at).expect("it is due").at % (10 * SECOND));
            }
            times
        };
        assert_eq!(due_times(1_795_348_800 * SECOND), due_times(1_795_348_803 * SECOND + 77));
    }

    #[test]
    fn missed_checks_are_counted() {
        let mut schedule = Schedule::new([(0, 10, None), (u64::MAX, 1_000, None)], 0);
        assert_eq!(schedule.next_due(), Some(10));
        assert_eq!(schedule.take_due(9), None);
        assert_eq!(schedule.take_due(45), Some(DueCheck { index: 0, at: 40, missed_since: Some(10), missed: 3 }));
        assert_eq!(schedule.take_due(45), None);
        assert_eq!(schedule.next_due(), Some(50));
    }

    #[test]
    fn a_clock_at_the_end_of_time_makes_each_check_due_at_most_once() {
        let mut schedule = Schedule::new([(0, 10, None), (7, 1_000, None)], 0);
        for now in [UnixNanos::MAX - 1, UnixNanos::MAX] {
            let due = std::iter::from_fn(|| schedule.take_due(now)).take(10).count();
            assert!(due <= 2, "{due}");
        }
        let mut schedule = Schedule::new([(0, 10, None), (7, 1_000, None)], UnixNanos::MIN);
        assert!(std::iter::from_fn(|| schedule.take_due(UnixNanos::MAX)).take(10).count() <= 2);
    }

    #[test]
    fn a_changed_interval_takes_effect_immediately() {
        let mut schedule = Schedule::new([(0, 1_000, None)], 0);
        schedule.set_every(0, 10, 101);
        assert_eq!((schedule.next_due(), schedule.every(0)), (Some(110), 10));
        schedule.set_every(0, 1_000, 105);
        assert_eq!(schedule.next_due(), Some(1_000));
        assert!(schedule.take_due(1_000).is_some());
        assert_eq!(schedule.next_due(), Some(2_000));
    }

    #[test]
    fn a_known_due_time_is_kept_unless_the_clock_moves_back() {
        let mut schedule = Schedule::new([(0, 1_000, Some(5_007)), (0, 1_000, None)], 5_000);
        assert_eq!((schedule.entry(0), schedule.entry(1)), ((1_000, 5_007), (1_000, 6_000)));
        schedule.clock_moved_back(5_006);
        assert_eq!(
            (schedule.entry(0), schedule.entry(1)),
            ((1_000, 5_007), (1_000, 6_000)),
            "both are within an interval"
        );
        schedule.clock_moved_back(1_500);
        assert_eq!((schedule.entry(0), schedule.entry(1)), ((1_000, 2_000), (1_000, 2_000)));
        assert_eq!(schedule.take_due(2_000).map(|due| (due.at, due.missed)), Some((2_000, 0)));
    }

    #[test]
    fn shards_are_parsed_and_divide_the_endpoints() {
        let shards: Vec<Shard> = (1..=5).map(|part| format!("{part}/5").parse().expect("a shard")).collect();
        for number in 0..1_000 {
            let hash = stable_hash(&format!("Endpoint {number}"), "x");
            assert_eq!(shards.iter().filter(|shard| shard.contains(hash)).count(), 1);
        }
        for text in ["0/5", "6/5", "1", "a/b", "-1/5", "1/0", ""] {
            assert!(text.parse::<Shard>().is_err(), "{text}");
        }
    }

    proptest! {
        #[test]
        fn checks_do_not_drift(every in 1..1_000_i64, hash: u64, delays in prop::collection::vec(0..5_000_i64, 1..50)) {
            let mut schedule = Schedule::new([(hash, every, None)], 0);
            let offset = offset(hash, every, 1);
            let mut last = 0;
            for delay in delays {
                let at = schedule.next_due().expect("it is scheduled");
                let due = schedule.take_due(at + delay).expect("it is due");
                prop_assert_eq!((due.at - offset) % every, 0);
                prop_assert!(due.at <= at + delay && at + delay - due.at < every);
                prop_assert_eq!(due.at - due.missed_since.unwrap_or(due.at), due.missed * every);
                prop_assert!(due.at > last);
                last = due.at;
            }
        }
    }
}

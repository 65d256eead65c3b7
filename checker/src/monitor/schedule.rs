//! When each endpoint is due. Pure: moments are the wall clock's, as a parameter.
//!
//! Each endpoint has a moment of its own within its interval, by a hash of its name that is the same on every start
//! and every machine: nothing starts all at once, nothing drifts, however long a check takes.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::fmt;
use std::str::FromStr;

use shared::{Nanos, UnixNanos};

/// How many checks start in a second before they are spread any further: a handful needs no spreading, and is
/// stored as one file.
const STARTS_A_SECOND: i64 = 50;

/// A number that is the same for the same endpoint always and everywhere: FNV-1a over title and locator, mixed.
#[must_use]
pub fn stable_hash(title: &str, locator: &str) -> u64 {
    let bytes = title.bytes().chain([0]).chain(locator.bytes());
    let mut hash = bytes
        .fold(0xcbf2_9ce4_8422_2325, |hash: u64, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3));
    // FNV's high bits depend little on the last bytes; this makes every bit depend on every byte (MurmurHash3).
    hash = (hash ^ (hash >> 33)).wrapping_mul(0xff51_afd7_ed55_8ccd);
    hash = (hash ^ (hash >> 33)).wrapping_mul(0xc4ce_b9fe_1a85_ec53);
    hash ^ (hash >> 33)
}

/// Where within `every` an endpoint with this hash is due, if there are so many endpoints.
#[must_use]
pub fn offset(hash: u64, every: Nanos, endpoints: usize) -> Nanos {
    // Steps of powers of two, so that one endpoint more moves the others seldom.
    let needed = (endpoints.next_power_of_two() as i64).saturating_mul(shared::SECOND / STARTS_A_SECOND);
    let window = needed.min(every).max(1);
    ((i128::from(window) * i128::from(hash)) >> 64) as Nanos
}

/// The first moment after `now` that lies `offset` into an interval, counted from 1970.
#[must_use]
pub fn due_after(now: UnixNanos, every: Nanos, offset: Nanos) -> UnixNanos {
    let every = every.max(1);
    now.saturating_sub(offset).div_euclid(every).saturating_add(1).saturating_mul(every).saturating_add(offset)
}

/// An endpoint that is due.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Due {
    /// Its place in the configuration.
    pub index: usize,
    /// The last moment at which it was due.
    pub at: UnixNanos,
    /// The first moment at which it was due, where more than one has passed unseen.
    pub missed_since: Option<UnixNanos>,
    /// How many moments have passed unseen before `at`.
    pub missed: i64,
}

/// Which endpoint is due when.
#[derive(Debug, Default)]
pub struct Timetable {
    entries: Vec<Entry>,
    queue: BinaryHeap<Reverse<(UnixNanos, usize)>>,
}

#[derive(Debug, Clone, Copy)]
struct Entry {
    hash: u64,
    every: Nanos,
    /// When it is due next; what else stands in the queue for it is of the past.
    next: UnixNanos,
}

impl Timetable {
    /// The timetable of endpoints with these hashes and intervals. Each is due at the moment that is given with it,
    /// or else was looked at just before `now`.
    #[must_use]
    pub fn new(endpoints: impl IntoIterator<Item = (u64, Nanos, Option<UnixNanos>)>, now: UnixNanos) -> Timetable {
        let endpoints: Vec<(u64, Nanos, Option<UnixNanos>)> = endpoints.into_iter().collect();
        let entries = endpoints.iter().map(|(hash, every, _)| Entry { hash: *hash, every: (*every).max(1), next: 0 });
        let mut timetable = Timetable { entries: entries.collect(), queue: BinaryHeap::new() };
        for (index, (_, _, due)) in endpoints.into_iter().enumerate() {
            if let Some(due) = due {
                timetable.enter_at(index, due);
            } else {
                // Not at once again, but before what was seen just now has become too old.
                let every = timetable.entries[index].every;
                timetable.enter(index, now.saturating_add(every / 3));
            }
        }
        timetable
    }

    /// Goes on where the clock was set back to `now`: nobody waits longer than an interval for that.
    pub fn set_back(&mut self, now: UnixNanos) {
        for index in 0..self.entries.len() {
            let Entry { every, next, .. } = self.entries[index];
            if next > now.saturating_add(every) {
                self.enter(index, now);
            }
        }
    }

    fn enter(&mut self, index: usize, after: UnixNanos) {
        let endpoints = self.entries.len();
        let Entry { hash, every, .. } = self.entries[index];
        self.enter_at(index, due_after(after, every, offset(hash, every, endpoints)));
    }

    fn enter_at(&mut self, index: usize, due: UnixNanos) {
        self.entries[index].next = due;
        self.queue.push(Reverse((due, index)));
    }

    /// The present interval of an endpoint, and when it is due next.
    #[must_use]
    pub fn entry(&self, index: usize) -> (Nanos, UnixNanos) {
        let Entry { every, next, .. } = self.entries[index];
        (every, next)
    }

    /// The present interval of an endpoint.
    #[must_use]
    pub fn every(&self, index: usize) -> Nanos {
        self.entries[index].every
    }

    /// Gives an endpoint another interval from `now` on.
    pub fn set_every(&mut self, index: usize, every: Nanos, now: UnixNanos) {
        let every = every.max(1);
        if self.entries[index].every != every {
            self.entries[index].every = every;
            self.enter(index, now);
        }
    }

    /// When the next endpoint is due.
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

    /// Takes one endpoint that is due at `now`; it is due again at its next moment after `now`.
    pub fn take_due(&mut self, now: UnixNanos) -> Option<Due> {
        let first = self.next_due().filter(|at| *at <= now)?;
        let Reverse((_, index)) = self.queue.pop()?;
        let every = self.entries[index].every;
        let missed = (now - first) / every;
        self.enter(index, now);
        Some(Due { index, at: first + missed * every, missed_since: (missed > 0).then_some(first), missed })
    }
}

/// A part of the endpoints: the second of five is `2/5`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shard {
    number: u64,
    count: u64,
}

/// The text names no part.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("invalid shard `{0}`: expected the part and the number of parts, for example `2/5`")]
pub struct NotAShard(String);

impl Shard {
    /// Whether an endpoint with this hash belongs to it. Of all shards of a count, exactly one says yes.
    #[must_use]
    pub fn contains(self, hash: u64) -> bool {
        hash % self.count == self.number - 1
    }
}

impl FromStr for Shard {
    type Err = NotAShard;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let read = || {
            let (number, count) = text.split_once('/')?;
            let (number, count) = (number.trim().parse().ok()?, count.trim().parse().ok()?);
            (1..=count).contains(&number).then_some(Shard { number, count })
        };
        read().ok_or_else(|| NotAShard(text.to_owned()))
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
        // Another hash would move every endpoint to another second and another shard.
        assert_eq!(stable_hash("Shop", "https://shop.example/"), 8_349_230_395_085_441_641);
        assert_ne!(stable_hash("a", "bc"), stable_hash("ab", "c"));
    }

    #[test]
    fn many_endpoints_are_spread_evenly_and_few_are_not_torn_apart() {
        let hashes: Vec<u64> = (0..10_000).map(|number| stable_hash(&format!("Endpoint {number}"), "x")).collect();
        let mut in_second = [0; 60];
        for hash in &hashes {
            in_second[(offset(*hash, 60 * SECOND, hashes.len()) / SECOND) as usize] += 1;
        }
        assert!(in_second.iter().all(|count| (100..240).contains(count)), "{in_second:?}");
        assert!(hashes.iter().all(|hash| offset(*hash, 60 * SECOND, 10) < SECOND));
    }

    #[test]
    fn an_endpoint_is_due_at_the_same_moments_however_often_we_start() {
        let moments = |start: UnixNanos| {
            let mut timetable = Timetable::new([(stable_hash("Shop", "x"), 10 * SECOND, None)], start);
            let mut moments = Vec::new();
            for _ in 0..5 {
                let at = timetable.next_due().expect("it is due some time");
                moments.push(timetable.take_due(at).expect("it is due").at % (10 * SECOND));
            }
            moments
        };
        assert_eq!(moments(1_795_348_800 * SECOND), moments(1_795_348_803 * SECOND + 77));
    }

    #[test]
    fn what_was_due_while_nobody_looked_is_missed_and_counted() {
        let mut timetable = Timetable::new([(0, 10, None), (u64::MAX, 1_000, None)], 0);
        assert_eq!(timetable.next_due(), Some(10));
        assert_eq!(timetable.take_due(9), None);
        assert_eq!(timetable.take_due(45), Some(Due { index: 0, at: 40, missed_since: Some(10), missed: 3 }));
        assert_eq!(timetable.take_due(45), None);
        assert_eq!(timetable.next_due(), Some(50));
    }

    #[test]
    fn another_interval_holds_from_now_on() {
        let mut timetable = Timetable::new([(0, 1_000, None)], 0);
        timetable.set_every(0, 10, 101);
        assert_eq!((timetable.next_due(), timetable.every(0)), (Some(110), 10));
        timetable.set_every(0, 1_000, 105);
        assert_eq!(timetable.next_due(), Some(1_000));
        assert!(timetable.take_due(1_000).is_some());
        assert_eq!(timetable.next_due(), Some(2_000));
    }

    #[test]
    fn a_moment_that_is_known_is_kept_and_a_clock_that_was_set_back_moves_it() {
        let mut timetable = Timetable::new([(0, 1_000, Some(5_007)), (0, 1_000, None)], 5_000);
        assert_eq!((timetable.entry(0), timetable.entry(1)), ((1_000, 5_007), (1_000, 6_000)));
        timetable.set_back(5_006);
        assert_eq!((timetable.entry(0), timetable.entry(1)), ((1_000, 5_007), (1_000, 6_000)), "both are soon enough");
        timetable.set_back(1_500);
        assert_eq!((timetable.entry(0), timetable.entry(1)), ((1_000, 2_000), (1_000, 2_000)));
        assert_eq!(timetable.take_due(2_000).map(|due| (due.at, due.missed)), Some((2_000, 0)));
    }

    #[test]
    fn shards_are_read_and_share_the_endpoints_between_them() {
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
        fn no_drift_adds_up(every in 1..1_000_i64, hash: u64, delays in prop::collection::vec(0..5_000_i64, 1..50)) {
            let mut timetable = Timetable::new([(hash, every, None)], 0);
            let offset = offset(hash, every, 1);
            let mut looked = 0;
            for delay in delays {
                let at = timetable.next_due().expect("it is due some time");
                let due = timetable.take_due(at + delay).expect("it is due");
                prop_assert_eq!((due.at - offset) % every, 0);
                prop_assert!(due.at <= at + delay && at + delay - due.at < every);
                prop_assert_eq!(due.at - due.missed_since.unwrap_or(due.at), due.missed * every);
                prop_assert!(due.at > looked);
                looked = due.at;
            }
        }
    }
}

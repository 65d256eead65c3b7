//! When the next round is due. Pure: moments are nanoseconds on any clock that does not jump.

use shared::Nanos;

/// When the next round is due, and how many were missed meanwhile.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Due {
    /// The moment: a whole number of intervals after the first round, and after now.
    pub at: Nanos,
    /// How many rounds were due before now and were not made.
    pub missed: i64,
}

/// The round after the one that was due at `last`, seen at `now`.
///
/// Rounds are due every `every` from the first one on, however long each takes: nothing adds up to a drift. A
/// round that takes longer than `every` makes the next ones missed, not late.
#[must_use]
pub fn next(last: Nanos, every: Nanos, now: Nanos) -> Due {
    let every = every.max(1);
    let passed = now.saturating_sub(last).max(0) / every;
    let at = last.saturating_add(every.saturating_mul(passed + 1));
    Due { at, missed: passed }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_round_that_takes_its_time_delays_no_other() {
        assert_eq!(next(0, 10, 3), Due { at: 10, missed: 0 });
        assert_eq!(next(10, 10, 19), Due { at: 20, missed: 0 });
    }

    #[test]
    fn rounds_that_were_due_meanwhile_are_missed_and_counted() {
        assert_eq!(next(0, 10, 35), Due { at: 40, missed: 3 });
        assert_eq!(next(0, 10, 10), Due { at: 20, missed: 1 });
    }

    proptest! {
        #[test]
        fn no_drift_adds_up(every in 1..1_000_i64, durations in prop::collection::vec(0..5_000_i64, 1..50)) {
            let mut due = 0;
            for duration in durations {
                let now = due + duration;
                let next = next(due, every, now);
                prop_assert!(next.at > now && next.at - now <= every);
                prop_assert_eq!(next.at % every, 0);
                prop_assert_eq!(next.at, due + every * (next.missed + 1));
                due = next.at;
            }
        }
    }
}

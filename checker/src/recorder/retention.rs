//! Selects expired check files, but only those that the store itself proves to be old, because a machine's clock can be
//! wrong by years. Pure.
//!
//! Check files are the store's record of time. At most [`MAX_GAP`] is counted as elapsed time between two of them, so a
//! clock that jumps ahead expires nothing.

use shared::object_name::{CheckFileName, NodeName};
use shared::{DAY, HOUR, Nanos, UnixNanos};

pub use shared::history::MAX_GAP;

/// Files that became due within this period are deleted without further evidence, because collecting it requires a
/// listing of the whole bucket.
const RECENTLY_DUE: Nanos = DAY + HOUR;

/// Returns the check files among `names` that were stored more than `age` before `now` and that `node` must delete.
///
/// A node deletes its own files, and those of the original Checkup, which do not belong to any node. Other nodes may
/// keep their files longer, and a writer's key should not have the permission to delete them.
#[must_use]
pub fn expired(names: &[CheckFileName], now: UnixNanos, age: Nanos, node: &NodeName) -> Vec<CheckFileName> {
    let oldest_kept = now.saturating_sub(age.max(0));
    let is_ours = |name: &CheckFileName| name.node.as_ref().is_none_or(|stored_by| stored_by == node);
    names.iter().filter(|name| name.stored_at < oldest_kept && is_ours(name)).cloned().collect()
}

/// Returns the time that determines expiry: the earlier of this machine's clock and the store's.
#[must_use]
pub fn expiry_time(now: UnixNanos, store_time: Option<UnixNanos>) -> UnixNanos {
    store_time.map_or(now, |store_time| store_time.min(now))
}

/// Returns those of the `due` files that became due within the last day.
#[must_use]
pub fn recently_due(due: &[CheckFileName], now: UnixNanos, age: Nanos) -> Vec<CheckFileName> {
    let from = now.saturating_sub(age.max(0)).saturating_sub(RECENTLY_DUE);
    due.iter().filter(|name| name.stored_at >= from).cloned().collect()
}

/// The age that a store's check files prove.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProvenAge {
    /// Files stored before this time are certainly older than the given age.
    pub horizon: UnixNanos,
    /// The start and end of the longest period without check files that is not counted in full.
    pub gap: Option<(UnixNanos, UnixNanos)>,
}

/// Returns the age that `names` prove at `now`, for files that expire at this `age`. `names` are all check files of a
/// store in ascending order.
///
/// `interval` is the longest regular time between two rounds, if it is known to be longer than [`MAX_GAP`].
#[must_use]
pub fn proven_age(names: &[CheckFileName], now: UnixNanos, age: Nanos, interval: Option<Nanos>) -> ProvenAge {
    let max_gap = interval.map_or(MAX_GAP, |interval| MAX_GAP.max(interval.saturating_mul(2)));
    let mut horizon = now.saturating_sub(age.max(0));
    let mut longest: Option<(UnixNanos, UnixNanos)> = None;
    let mut later = now;
    for name in names.iter().rev().filter(|name| name.stored_at <= now) {
        if later <= horizon {
            break;
        }
        let gap = later - name.stored_at;
        if gap > max_gap {
            horizon = horizon.saturating_sub(gap - max_gap);
            if longest.is_none_or(|(start, end)| gap > end - start) {
                longest = Some((name.stored_at, later));
            }
        }
        later = name.stored_at;
    }
    ProvenAge { horizon, gap: longest }
}

#[cfg(test)]
mod tests {
    use crate::recorder::retention::*;
    use proptest::prelude::*;

    const NOW: UnixNanos = 1_795_330_254_340_493_978;

    fn node() -> NodeName {
        NodeName::new("here").expect("it is a name")
    }

    fn file(stored_at: UnixNanos, node: Option<&str>) -> CheckFileName {
        CheckFileName { stored_at, node: node.map(|node| NodeName::new(node).expect("it is a name")) }
    }

    fn hourly(from: UnixNanos, until: UnixNanos) -> Vec<CheckFileName> {
        (0..=(until - from) / HOUR).map(|hour| file(from + hour * HOUR, Some("here"))).collect()
    }

    #[test]
    fn a_file_expires_when_it_is_older_than_the_age() {
        let names = [file(NOW - DAY - 1, Some("here")), file(NOW - DAY, Some("here")), file(NOW - HOUR, Some("here"))];
        assert_eq!(expired(&names, NOW, DAY, &node()), names[..1]);
    }

    #[test]
    fn only_own_and_original_files_expire() {
        let names = [file(NOW - DAY, Some("there")), file(NOW - DAY, None), file(NOW - DAY, Some("here"))];
        assert_eq!(expired(&names, NOW, HOUR, &node()), names[1..]);
    }

    #[test]
    fn a_file_from_the_future_does_not_expire() {
        assert_eq!(expired(&[file(NOW + DAY, Some("here"))], NOW, 0, &node()), []);
    }

    #[test]
    fn the_earlier_clock_counts() {
        assert_eq!(expiry_time(NOW, None), NOW);
        assert_eq!(expiry_time(NOW, Some(NOW - DAY)), NOW - DAY);
        assert_eq!(expiry_time(NOW, Some(NOW + DAY)), NOW);
    }

    #[test]
    fn regular_rounds_prove_their_age() {
        let names = hourly(NOW - 60 * DAY, NOW);
        let proven = proven_age(&names, NOW, 30 * DAY, None);
        assert_eq!(proven, ProvenAge { horizon: NOW - 30 * DAY, gap: None });
        let weekly: Vec<_> = (0..20).rev().map(|week| file(NOW - week * 7 * DAY, None)).collect();
        assert_eq!(proven_age(&weekly, NOW, 30 * DAY, Some(7 * DAY)).horizon, NOW - 30 * DAY);
        assert!(proven_age(&weekly, NOW, 30 * DAY, None).horizon < NOW - 90 * DAY);
    }

    #[test]
    fn a_clock_that_jumps_ahead_proves_nothing_however_long_it_runs() {
        let (years, real) = (3_650 * DAY, NOW);
        for after in [0, HOUR, DAY, 29 * DAY] {
            let mut names = hourly(real - 60 * DAY, real);
            names.extend(hourly(real + years, real + years + after));
            let proven = proven_age(&names, real + years + after, 30 * DAY, None);
            // Since the jump, real time has advanced by as much as the clock.
            let really_due = real + after - 30 * DAY;
            assert!((0..=MAX_GAP).contains(&(proven.horizon - really_due)), "{after}");
            assert_eq!(proven.gap, Some((real, real + years)));
        }
    }

    #[test]
    fn a_pause_delays_expiry_by_its_length() {
        let mut names = hourly(NOW - 100 * DAY, NOW - 40 * DAY);
        names.extend(hourly(NOW - DAY, NOW));
        let proven = proven_age(&names, NOW, 30 * DAY, None);
        let gap = names[names.len() - 25].stored_at - names[names.len() - 26].stored_at;
        assert_eq!(proven.horizon, NOW - 30 * DAY - (gap - MAX_GAP));
        assert_eq!(recently_due(&names[..10], NOW, 90 * DAY), []);
        assert_eq!(recently_due(&[file(NOW - 31 * DAY, None)], NOW, 30 * DAY).len(), 1);
    }

    proptest! {
        #[test]
        fn exactly_the_old_own_files_expire(
            files in prop::collection::vec((0..2_000_i64, prop::sample::select(vec![None, Some("here"), Some("there")])), 0..50),
            now in 0..2_500_i64, age in 0..2_500_i64,
        ) {
            let names: Vec<_> = files.iter().map(|(stored_at, node)| file(*stored_at, *node)).collect();
            let deleted = expired(&names, now, age, &node());
            for name in &names {
                let foreign = name.node.as_ref().is_some_and(|stored_by| *stored_by != node());
                prop_assert_eq!(deleted.contains(name), !foreign && now - name.stored_at > age);
            }
            let kept: Vec<_> = names.iter().filter(|name| !deleted.contains(name)).collect();
            prop_assert_eq!(kept.len() + deleted.len(), names.len());
        }

        #[test]
        fn extreme_times_do_not_overflow(stored_at in 0..=i64::MAX, now in any::<i64>(), age in any::<i64>()) {
            let names = [file(stored_at, None)];
            let _ = expired(&names, now, age, &node());
            let _ = recently_due(&names, now, age);
            let _ = proven_age(&names, now, age, Some(age));
        }

        /// Rounds are stored at the correct time until the clock jumps, which it does any number of times. No file
        /// expires before it reaches the age, apart from a tolerance for each jump.
        #[test]
        fn a_file_expires_only_if_its_age_has_really_passed(
            steps in prop::collection::vec((0..2 * DAY, prop::option::weighted(0.1, 0..5_000 * DAY)), 1..80),
            age in DAY..200 * DAY,
        ) {
            let (mut real, mut ahead, mut jumps) = (0, 0, 0);
            let mut stored = Vec::new();
            for (passed, jump) in steps {
                real += passed;
                ahead += jump.unwrap_or(0);
                jumps += i64::from(jump.is_some());
                stored.push((real, file(NOW + real + ahead, Some("here"))));
            }
            let now = NOW + real + ahead;
            let names: Vec<_> = stored.iter().map(|(_, name)| name.clone()).collect();
            let horizon = proven_age(&names, now, age, None).horizon;
            for (at, name) in &stored {
                if name.stored_at < horizon {
                    prop_assert!(real - at + jumps * MAX_GAP >= age, "a file of {} expires at {}", real - at, age);
                }
            }
        }

        #[test]
        fn without_long_gaps_exactly_the_due_files_are_proven(
            steps in prop::collection::vec(0..=MAX_GAP, 1..80), age in DAY..200 * DAY,
        ) {
            let mut at = NOW;
            let names: Vec<_> = steps.iter().map(|step| { at += step; file(at, None) }).collect();
            prop_assert_eq!(proven_age(&names, at, age, None), ProvenAge { horizon: at - age, gap: None });
        }
    }
}

//! Whether a daemon makes and stores its rounds on time.

use std::collections::{HashMap, VecDeque};

use shared::check_file::CheckResult;
use shared::civil::rfc3339;
use shared::{MINUTE, Nanos, SECOND, UnixNanos};

use crate::counted;
use crate::monitor::schedule::stable_hash;

/// How long after the start the first check must finish.
const START_LIMIT: Nanos = 2 * MINUTE;
/// How long after the end of its validity a result must be replaced.
const OVERDUE_LIMIT: Nanos = 30 * SECOND;
/// How long results can wait for the store.
const STORING_LIMIT: Nanos = MINUTE;

/// The state of a daemon's rounds.
#[derive(Debug)]
pub struct RoundHealth {
    started: UnixNanos,
    /// When the newest result of each endpoint ceases to be valid, by a hash of the endpoint.
    valid_until: HashMap<u64, UnixNanos>,
    /// The results that are not stored yet: when they arrived, and how many they are.
    waiting: VecDeque<(UnixNanos, usize)>,
    /// When the first of the latest rounds was not stored, if the last one was not.
    failing_since: Option<UnixNanos>,
}

impl RoundHealth {
    /// Creates the state of a daemon without results.
    #[must_use]
    pub fn new(started: UnixNanos) -> RoundHealth {
        RoundHealth { started, valid_until: HashMap::new(), waiting: VecDeque::new(), failing_since: None }
    }

    /// Adds results that wait to be stored.
    pub fn received(&mut self, results: &[CheckResult], now: UnixNanos) {
        for result in results {
            let Some(until) = result.valid_until() else { continue };
            let known = self.valid_until.entry(stable_hash(&result.title, &result.locator)).or_insert(until);
            *known = until.max(*known);
        }
        self.waiting.push_back((now, results.len()));
    }

    pub fn stored(&mut self, count: usize) {
        self.remove_waiting(count);
        self.failing_since = None;
    }

    /// Records that the oldest results were not stored.
    pub fn not_stored(&mut self, count: usize, now: UnixNanos) {
        self.remove_waiting(count);
        self.failing_since.get_or_insert(now);
    }

    fn remove_waiting(&mut self, mut count: usize) {
        while let Some((_, waiting)) = self.waiting.front_mut() {
            if *waiting > count {
                *waiting -= count;
                return;
            }
            count -= *waiting;
            self.waiting.pop_front();
        }
    }

    /// Forgets the endpoints that are not in the configuration.
    pub fn retain(&mut self, is_configured: impl Fn(u64) -> bool) {
        self.valid_until.retain(|hash, _| is_configured(*hash));
    }

    /// Returns why rounds are not made or stored on time, as a sentence. It names no store and no endpoint, because
    /// visitors can read it.
    #[must_use]
    pub fn problem(&self, now: UnixNanos) -> Option<String> {
        if let Some(failing) = self.failing_since {
            return Some(format!("Rounds have not been stored since {}.", rfc3339(failing)));
        }
        if let Some((oldest, _)) = self.waiting.front().filter(|(oldest, _)| now - oldest > STORING_LIMIT) {
            return Some(format!("Results have been waiting for the store since {}.", rfc3339(*oldest)));
        }
        if self.valid_until.is_empty() {
            let is_late = now - self.started > START_LIMIT;
            return is_late.then(|| format!("No check has finished since the start at {}.", rfc3339(self.started)));
        }
        let overdue = self.valid_until.values().filter(|until| now - **until > OVERDUE_LIMIT);
        let (count, first) = overdue.fold((0, UnixNanos::MAX), |(count, first), until| (count + 1, first.min(*until)));
        let all = self.valid_until.len();
        (count > 0).then(|| format!("{} overdue since {}, of {all}.", counted(count, "check"), rfc3339(first)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The time 06:50:54 UTC on 2026-11-22.
    const NOW: UnixNanos = 1_795_330_254_000_000_000;

    fn result(title: &str, timestamp: UnixNanos) -> CheckResult {
        CheckResult { title: title.to_owned(), timestamp, interval: Some(MINUTE), ..CheckResult::default() }
    }

    #[test]
    fn rounds_on_time_are_healthy() {
        let mut health = RoundHealth::new(NOW);
        assert_eq!(health.problem(NOW + START_LIMIT), None);
        health.received(&[result("A", NOW), result("B", NOW)], NOW);
        health.stored(2);
        assert_eq!(health.problem(NOW + 2 * MINUTE), None);
    }

    #[test]
    fn a_daemon_without_results_is_unhealthy() {
        let health = RoundHealth::new(NOW);
        let problem = "No check has finished since the start at 2026-11-22T06:50:54Z.";
        assert_eq!(health.problem(NOW + START_LIMIT + 1).as_deref(), Some(problem));
    }

    #[test]
    fn an_overdue_check_is_reported_until_it_is_removed() {
        let mut health = RoundHealth::new(NOW);
        health.received(&[result("A", NOW), result("B", NOW)], NOW);
        health.received(&[result("A", NOW + MINUTE)], NOW + MINUTE);
        health.stored(3);
        // A result from before a confirmed failure does not make the newest one older.
        health.received(&[result("A", NOW - MINUTE)], NOW + MINUTE);
        health.stored(1);
        let later = NOW + 3 * MINUTE;
        let problem = "1 check overdue since 2026-11-22T06:52:24Z, of 2.";
        assert_eq!(health.problem(later).as_deref(), Some(problem));
        let remaining = stable_hash("A", "");
        health.retain(|hash| hash == remaining);
        assert_eq!(health.problem(later), None);
    }

    #[test]
    fn a_store_that_fails_or_hangs_is_reported() {
        let mut health = RoundHealth::new(NOW);
        health.received(&[result("A", NOW), result("B", NOW)], NOW);
        health.received(&[result("C", NOW + SECOND)], NOW + SECOND);
        let waiting = "Results have been waiting for the store since 2026-11-22T06:50:54Z.";
        assert_eq!(health.problem(NOW + STORING_LIMIT + 1).as_deref(), Some(waiting));
        health.stored(2);
        let waiting = "Results have been waiting for the store since 2026-11-22T06:50:55Z.";
        assert_eq!(health.problem(NOW + STORING_LIMIT + 1), None);
        assert_eq!(health.problem(NOW + STORING_LIMIT + SECOND + 1).as_deref(), Some(waiting));
        health.not_stored(1, NOW + 2 * SECOND);
        health.not_stored(1, NOW + 3 * SECOND);
        let failing = "Rounds have not been stored since 2026-11-22T06:50:56Z.";
        assert_eq!(health.problem(NOW + 4 * SECOND).as_deref(), Some(failing));
        health.stored(1);
        assert_eq!(health.problem(NOW + 4 * SECOND), None);
    }
}

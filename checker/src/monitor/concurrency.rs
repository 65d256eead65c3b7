//! Limits how many checks run at the same time. This module does no I/O and takes the current time as a parameter.

use std::collections::BTreeMap;

use shared::{Nanos, SECOND, UnixNanos};

/// The maximum number of recently started checks during warm-up, when every endpoint is checked for the first time. A
/// higher limit would only use more memory, because none of these checks is urgent.
const WARM_UP_LIMIT: usize = 64;
/// The maximum number of recently started checks after warm-up, when checks are spread over time.
const RECENT_LIMIT: usize = 512;
/// The maximum number of running checks. It is high enough that other checks do not have to wait even if half of the
/// endpoints never answer. Each check may need two open files.
const TOTAL_LIMIT: usize = 4_096;
/// How long a check counts as recently started. After that, it only waits for its endpoint and costs almost nothing.
const RECENT_FOR: Nanos = SECOND;

#[derive(Debug)]
pub(super) struct ConcurrencyLimiter {
    configured: Option<usize>,
    open_files: Option<u64>,
    is_warming_up: bool,
    running: usize,
    /// The start times of recently started checks by permit, oldest first.
    recently_started: BTreeMap<u64, UnixNanos>,
    last_permit: u64,
}

impl ConcurrencyLimiter {
    /// Creates a limiter with the configured number of permits, or by default as many as the open file limit allows.
    pub(super) fn new(configured: Option<usize>, open_files: Option<u64>) -> ConcurrencyLimiter {
        ConcurrencyLimiter {
            configured,
            open_files,
            is_warming_up: true,
            running: 0,
            recently_started: BTreeMap::new(),
            last_permit: 0,
        }
    }

    /// Changes the configured limit. Running checks keep their permits.
    pub(super) fn set_configured(&mut self, configured: Option<usize>) {
        self.configured = configured;
    }

    /// Returns whether some endpoints have not been checked since the start.
    pub(super) fn is_warming_up(&self) -> bool {
        self.is_warming_up
    }

    /// Ends warm-up, after a check of every endpoint has started.
    pub(super) fn end_warm_up(&mut self) {
        self.is_warming_up = false;
    }

    fn total_limit(&self) -> usize {
        let files = self.open_files.and_then(|files| usize::try_from(files / 2).ok()).unwrap_or(TOTAL_LIMIT);
        self.configured.unwrap_or(TOTAL_LIMIT.min(files)).max(1)
    }

    fn recently_started_limit(&self) -> usize {
        let usual = if self.is_warming_up { WARM_UP_LIMIT } else { RECENT_LIMIT };
        self.configured.unwrap_or(usual).min(self.total_limit())
    }

    /// Returns a permit for a check that starts now, if one is available.
    pub(super) fn acquire(&mut self, now: UnixNanos) -> Option<u64> {
        while let Some(oldest) =
            self.recently_started.first_entry().filter(|oldest| oldest.get().saturating_add(RECENT_FOR) <= now)
        {
            oldest.remove();
        }
        if self.running >= self.total_limit() || self.recently_started.len() >= self.recently_started_limit() {
            return None;
        }
        self.running += 1;
        self.last_permit += 1;
        self.recently_started.insert(self.last_permit, now);
        Some(self.last_permit)
    }

    pub(super) fn release(&mut self, permit: u64) {
        self.running -= 1;
        self.recently_started.remove(&permit);
    }

    /// Returns the time at which the oldest recently started check is no longer recent, after which another check can
    /// start.
    pub(super) fn next_slot(&self) -> Option<UnixNanos> {
        self.recently_started.first_key_value().map(|(_, started)| started.saturating_add(RECENT_FOR))
    }
}

#[cfg(test)]
mod tests {
    use crate::monitor::concurrency::*;

    /// Takes all permits that are available at the time `now`.
    fn acquire_all(limiter: &mut ConcurrencyLimiter, now: UnixNanos) -> Vec<u64> {
        std::iter::from_fn(|| limiter.acquire(now)).collect()
    }

    #[test]
    fn hanging_checks_stop_counting_up_to_a_limit() {
        let mut limiter = ConcurrencyLimiter::new(None, None);
        assert_eq!(acquire_all(&mut limiter, 0).len(), WARM_UP_LIMIT);
        assert_eq!((limiter.acquire(SECOND - 1), limiter.next_slot()), (None, Some(SECOND)));
        assert_eq!(acquire_all(&mut limiter, SECOND).len(), WARM_UP_LIMIT);
        limiter.end_warm_up();
        assert_eq!(acquire_all(&mut limiter, 2 * SECOND).len(), RECENT_LIMIT);
        let all: usize = (3..60).map(|second| acquire_all(&mut limiter, second * SECOND).len()).sum();
        assert_eq!(2 * WARM_UP_LIMIT + RECENT_LIMIT + all, TOTAL_LIMIT);
    }

    #[test]
    fn a_check_that_ends_frees_a_permit() {
        let mut limiter = ConcurrencyLimiter::new(None, None);
        let permits = acquire_all(&mut limiter, 0);
        limiter.release(permits[3]);
        assert_eq!(acquire_all(&mut limiter, 1).len(), 1);
        // Releasing the permit of an old check does not help while too many other checks started recently.
        acquire_all(&mut limiter, SECOND);
        limiter.release(permits[0]);
        assert_eq!(limiter.acquire(SECOND), None);
    }

    #[test]
    fn the_configured_limit_and_the_file_limit_apply() {
        let mut one = ConcurrencyLimiter::new(Some(1), None);
        assert_eq!(acquire_all(&mut one, 0).len(), 1);
        assert_eq!(one.acquire(60 * SECOND), None, "however old the other is");
        one.set_configured(Some(3));
        assert_eq!(acquire_all(&mut one, 60 * SECOND).len(), 2);
        let mut few = ConcurrencyLimiter::new(None, Some(40));
        let started: usize = (0..9).map(|second| acquire_all(&mut few, second * SECOND).len()).sum();
        assert_eq!(started, 20);
    }
}

//! One round: a check of every endpoint, bounded in number, each in its own time.

use std::mem;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, Mutex, PoisonError};

use shared::check_file::CheckResult;
use shared::{Nanos, UnixNanos};
use tokio::task::JoinSet;

use super::runner::Look;
use crate::checks::Check;
use crate::checks::CheckContext;
use crate::config::model::Config;

/// How many checks of one round are under way at once unless the file says: enough for thousands of endpoints on a
/// small machine, and few enough that they do not slow each other down.
const CHECKS_AT_ONCE: usize = 64;

/// Checks every endpoint and returns the results in the configuration's order.
///
/// `interval` is how long each result is meant to stand whose check says nothing else; `clock` tells the time at
/// which each check starts.
pub async fn make_round(
    config: &Config,
    context: &Arc<CheckContext>,
    interval: Option<Nanos>,
    clock: fn() -> UnixNanos,
) -> Vec<CheckResult> {
    let places = config.concurrent_checks.unwrap_or(CHECKS_AT_ONCE).min(config.checks.len());
    let round = Arc::new(Round {
        checks: config.checks.clone(),
        next: AtomicUsize::new(0),
        results: Mutex::new(vec![None; config.checks.len()]),
    });
    // As many tasks as there are places, each of which makes one check after the other: a task for each check would
    // cost a tenth of what the check does.
    let mut under_way = JoinSet::new();
    for _ in 0..places {
        let (round, context, mut look) = (Arc::clone(&round), Arc::clone(context), Look::of(config, None));
        under_way.spawn(async move {
            while let Some((index, check)) = round.next() {
                look.interval = check.every.or(interval);
                // Those under way go on first, so that connections are begun one after the other: a server that finds
                // several waiting has to be woken for the first of them alone.
                tokio::task::yield_now().await;
                round.put(index, look.make(check, &context, clock()).await);
            }
        });
    }
    while under_way.join_next().await.is_some() {}
    let results = mem::take(&mut *round.results.lock().unwrap_or_else(PoisonError::into_inner));
    // Each is there, since each check has come to an end, also one that broke off. What they stood in is used again, as it
    // is not where they are flattened: they may be very many.
    results.into_iter().map_while(|result| result).collect()
}

/// A round that is under way.
struct Round {
    checks: Vec<Arc<Check>>,
    /// The next check that nobody makes yet.
    next: AtomicUsize,
    /// What came of each check.
    results: Mutex<Vec<Option<CheckResult>>>,
}

impl Round {
    fn next(&self) -> Option<(usize, &Check)> {
        let index = self.next.fetch_add(1, Relaxed);
        self.checks.get(index).map(|check| (index, &**check))
    }

    fn put(&self, index: usize, result: CheckResult) {
        self.results.lock().unwrap_or_else(PoisonError::into_inner)[index] = Some(result);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Environment, from_text};
    use crate::monitor::runner::new_context;
    use shared::status::Status;
    use std::path::Path;

    #[tokio::test]
    async fn a_check_that_breaks_off_is_unknown_and_those_behind_it_are_made() {
        let text = r#"{"concurrent_checks": 1, "checkers": [
            {"type": "tls", "endpoint_name": "Faulty", "endpoint_url": "127.0.0.1:9"},
            {"type": "exec", "name": "Sound", "command": "true"}]}"#;
        let environment = Environment { variable: &|_| None, host_name: "here".to_owned() };
        let config = from_text(text, Path::new(""), &environment).0.expect("it is a configuration");
        // Only the first of them asks these for the time.
        let context = Arc::new(new_context(&config, || panic!("a fault of the checker")));
        let results = make_round(&config, &context, Some(shared::MINUTE), || 7).await;
        let told: Vec<_> =
            results.iter().map(|result| (result.title.as_str(), result.status, result.timestamp)).collect();
        assert_eq!(told, [("Faulty", Status::Unknown, 7), ("Sound", Status::Healthy, 7)]);
        assert!(results[0].notice.contains("the check broke off"), "{}", results[0].notice);
        assert_eq!((results[0].interval, results[0].attempts.len()), (Some(shared::MINUTE), 0));
    }
}

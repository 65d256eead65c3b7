//! Runs one round: one check of every endpoint, with several checks running at a time.

use std::mem;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use shared::check_file::CheckResult;
use shared::{Nanos, UnixNanos};
use tokio::task::JoinSet;
use tokio::time::timeout;

use super::runner::CheckRunner;
use crate::checks::{Check, CheckContext};
use crate::config::model::Config;

/// The default number of concurrent checks in a round. It is high enough for thousands of endpoints on a small machine,
/// and low enough that checks do not slow each other down.
pub(crate) const DEFAULT_CONCURRENCY: usize = 64;

/// How often progress is reported while checks run.
const PROGRESS_INTERVAL: Duration = Duration::from_millis(500);

/// The progress of a round.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RoundProgress<'r> {
    pub done: usize,
    pub total: usize,
    /// The title of a running check: the first one in the configuration.
    pub waiting_for: &'r str,
}

/// Checks every endpoint and returns the results in configuration order.
///
/// `interval` states how long results are valid, except for checks that have their own interval. `clock` provides start
/// times. If checks take long, `report` is called regularly.
pub async fn run_round(
    config: &Config,
    context: &Arc<CheckContext>,
    interval: Option<Nanos>,
    clock: fn() -> UnixNanos,
    report: &mut dyn FnMut(RoundProgress<'_>),
) -> Vec<CheckResult> {
    let concurrency = config.concurrent_checks.unwrap_or(DEFAULT_CONCURRENCY).min(config.checks.len());
    let round = Arc::new(Round {
        checks: config.checks.clone(),
        next: AtomicUsize::new(0),
        results: Mutex::new(vec![None; config.checks.len()]),
    });
    // Each task runs several checks in sequence. A separate task for each check would make checks 10% more expensive.
    let mut tasks = JoinSet::new();
    for _ in 0..concurrency {
        let (round, context, mut runner) = (Arc::clone(&round), Arc::clone(context), CheckRunner::new(config, None));
        tasks.spawn(async move {
            while let Some((index, check)) = round.next() {
                runner.interval = check.every.or(interval);
                // Let running checks continue first so that several new connections start in a row. A server that
                // finds several of them waiting wakes up only once.
                tokio::task::yield_now().await;
                round.put(index, runner.run(check, &context, clock()).await);
            }
        });
    }
    loop {
        match timeout(PROGRESS_INTERVAL, tasks.join_next()).await {
            Ok(Some(_)) => {}
            Ok(None) => break,
            Err(_) => round.report(report),
        }
    }
    let results = mem::take(&mut *round.results.lock().unwrap_or_else(PoisonError::into_inner));
    // Every result exists, because every check has ended, even one that panicked. Unlike `flatten`, this reuses the
    // memory of the results, because there can be thousands of them.
    results.into_iter().map_while(|result| result).collect()
}

struct Round {
    checks: Vec<Arc<Check>>,
    /// The index of the next check to run.
    next: AtomicUsize,
    results: Mutex<Vec<Option<CheckResult>>>,
}

impl Round {
    fn next(&self) -> Option<(usize, &Check)> {
        let index = self.next.fetch_add(1, Relaxed);
        self.checks.get(index).map(|check| (index, &**check))
    }

    fn report(&self, report: &mut dyn FnMut(RoundProgress<'_>)) {
        let results = self.results.lock().unwrap_or_else(PoisonError::into_inner);
        let done = results.iter().flatten().count();
        let running = results.iter().position(Option::is_none).and_then(|index| self.checks.get(index));
        if let Some(check) = running {
            report(RoundProgress { done, total: self.checks.len(), waiting_for: &check.title });
        }
    }

    fn put(&self, index: usize, result: CheckResult) {
        self.results.lock().unwrap_or_else(PoisonError::into_inner)[index] = Some(result);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checks::HeartbeatReader;
    use crate::config::{Environment, from_text};
    use crate::monitor::runner::new_context;
    use shared::status::Status;
    use std::path::Path;

    #[tokio::test]
    async fn a_check_that_panics_is_unknown_and_the_next_one_runs() {
        let text = r#"{"concurrent_checks": 1, "checkers": [
            {"type": "heartbeat", "endpoint_name": "Faulty", "job": "faulty", "interval": "1d"},
            {"type": "exec", "name": "Sound", "command": "true"}]}"#;
        let environment = Environment { variable: &|_| None, host_name: "here".to_owned() };
        let config = from_text(text, Path::new(""), &environment).0.expect("it is a configuration");
        let reader: HeartbeatReader = Arc::new(|_| panic!("a bug"));
        let context = Arc::new(new_context(&config, crate::now).with_heartbeats(Some(reader)));
        let results = run_round(&config, &context, Some(shared::MINUTE), || 7, &mut |_| {}).await;
        let summary: Vec<_> =
            results.iter().map(|result| (result.title.as_str(), result.status, result.timestamp)).collect();
        assert_eq!(summary, [("Faulty", Status::Unknown, 7), ("Sound", Status::Healthy, 7)]);
        assert!(results[0].notice.contains("the check panicked"), "{}", results[0].notice);
        assert_eq!((results[0].interval, results[0].attempts.len()), (Some(shared::MINUTE), 0));
    }

    #[tokio::test]
    async fn a_slow_check_is_reported_while_the_others_are_done() {
        let text = r#"{"checkers": [
            {"type": "exec", "name": "Fast", "command": "true"},
            {"type": "heartbeat", "endpoint_name": "Slow API", "job": "slow", "interval": "1d"},
            {"type": "exec", "name": "Also fast", "command": "true"}]}"#;
        let environment = Environment { variable: &|_| None, host_name: "here".to_owned() };
        let config = from_text(text, Path::new(""), &environment).0.expect("it is a configuration");
        let released = Arc::new(tokio::sync::Notify::new());
        let gate = Arc::clone(&released);
        let reader: HeartbeatReader = Arc::new(move |_| {
            let gate = Arc::clone(&gate);
            Box::pin(async move {
                gate.notified().await;
                Ok(None)
            })
        });
        let context = Arc::new(new_context(&config, crate::now).with_heartbeats(Some(reader)));
        let mut reports = Vec::new();
        let mut report = |progress: RoundProgress<'_>| {
            reports.push((progress.done, progress.total, progress.waiting_for.to_owned()));
            if progress.done == 2 {
                released.notify_one();
            }
        };
        let results = run_round(&config, &context, None, || 7, &mut report).await;
        assert_eq!(results.len(), 3);
        assert_eq!(reports.last(), Some(&(2, 3, "Slow API".to_owned())), "{reports:?}");
    }

    #[tokio::test]
    async fn duplicate_checks_have_the_worse_result() {
        let check = |command: &str, raise: &str| {
            format!(
                r#"{{"type": "exec", "name": "Shop", "command": "{command}", "raise": "{raise}", "arguments": []}}"#
            )
        };
        let invalid = r#"{"type": "exec", "name": "Shop", "command": "true", "assertions": ["[STATUS] == x"]}"#;
        let (healthy, degraded, down) = (check("true", "error"), check("false", "warn"), check("false", "error"));
        for (checks, expected) in [
            ([&healthy, &down], Status::Down),
            ([&down, &healthy], Status::Down),
            ([&degraded, &down], Status::Down),
            ([&healthy, &degraded], Status::Degraded),
            ([&healthy, &invalid.to_owned()], Status::Unknown),
            ([&invalid.to_owned(), &healthy], Status::Unknown),
            ([&healthy, &healthy], Status::Healthy),
        ] {
            // The command is the locator, so all checks run the same command, and those that must fail expect another
            // exit status.
            let text = format!(r#"{{"checkers": [{}, {}]}}"#, checks[0], checks[1])
                .replace(r#""command": "false""#, r#""command": "true", "exit_status": 1"#);
            let environment = Environment { variable: &|_| None, host_name: "here".to_owned() };
            let config = from_text(&text, Path::new(""), &environment).0.expect("it is a configuration");
            let context = Arc::new(new_context(&config, || 7));
            let results = run_round(&config, &context, None, || 7, &mut |_| {}).await;
            assert_eq!((results.len(), results[0].status), (1, expected), "{text}");
        }
    }
}

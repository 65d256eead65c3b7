//! Measures how punctually thousands of checks start, even while other endpoints hang. A thread that only sleeps shows
//! how much of the delay the machine itself causes.

use std::collections::{HashMap, HashSet};
use std::fmt;
use std::time::{Duration, Instant};

use checker::monitor::schedule::{offset, stable_hash};
use serde_json::{Value, json};
use shared::check_file::{CheckResult, EndpointKey};
use shared::{Nanos, SECOND};
use support::checker::{Checker, results};
use support::configuration::check_with;
use support::endpoints::{Behavior, Endpoint};

use crate::nginx::Nginx;
use crate::process_usage::{Memory, memory, until};

const ENDPOINTS: usize = 5_000;
/// Additional endpoints that never respond.
const HANGING: usize = 100;
/// The interval between two checks of an endpoint.
const EVERY: Nanos = 10 * SECOND;
/// How long the schedule is measured after the first round.
const WATCHED: Duration = Duration::from_mins(5);
/// How long the sleeping thread sleeps at a time.
const NAP: Duration = Duration::from_millis(10);
/// The largest delay of a check that still counts as on time.
const ON_TIME: Nanos = 50 * SECOND / 1_000;

/// Prints how late checks start, with and without hanging endpoints.
pub(super) async fn measure() {
    let nginx = Nginx::start().await;
    println!("The schedule: {ENDPOINTS} endpoints every 10 s for {WATCHED:?}, how late each start was");
    for hanging in [0, HANGING] {
        let endpoint = Endpoint::start(Behavior::Hang).await;
        let never = |number| {
            let url = format!("{}{number}", endpoint.url);
            check_with(&format!("Hanging {number}"), &url, json!({ "timeout": "8s" }))
        };
        let checks: Vec<Value> = nginx.plain_checks(ENDPOINTS).into_iter().chain((0..hanging).map(never)).collect();
        let Watched { results, naps, .. } = watch(&checks, WATCHED).await;
        println!("  {hanging:>3} hanging: {}", Punctuality::new(&results, checks.len()));
        println!("      a thread that only sleeps: {}", described(&naps));
    }
}

/// The measurements from one call to [`watch`].
pub(crate) struct Watched {
    /// The stored results, except for the first one of each endpoint, because all endpoints are checked at the start.
    pub results: Vec<CheckResult>,
    /// The sorted delays of a thread that only sleeps.
    pub naps: Vec<Nanos>,
    /// The checker's memory at the end of the measurement.
    pub memory: Memory,
}

/// Repeats these checks every 10 s, and measures for the given time after the first round.
pub(crate) async fn watch(checks: &[Value], watched: Duration) -> Watched {
    let checker = Checker::new(&json!({ "checkers": checks, "storage": { "type": "fs", "dir": "checks" } }));
    let mut program = checker.start(&["run", "-c", "checker.json", "--every", "10s"]);
    until(&mut program, async || !checker.check_files("checks").is_empty()).await;
    let naps = tokio::task::spawn_blocking(move || take_naps(watched)).await.expect("it wakes up");
    let memory = memory(&program).expect("it runs");
    program.signal("TERM");
    let status = program.wait().await;
    assert!(status.success(), "it ended with {status}");
    let directory = checker.path("checks");
    let files = checker.check_files("checks");
    let mut results: Vec<CheckResult> = files.iter().flat_map(|name| results(&directory, name)).collect();
    results.sort_by_key(|result| result.timestamp);
    let mut seen = HashSet::new();
    results.retain(|result| !seen.insert(result.endpoint_key()));
    Watched { results, naps, memory }
}

fn take_naps(watched: Duration) -> Vec<Nanos> {
    let (start, mut late) = (Instant::now(), Vec::new());
    while start.elapsed() < watched {
        let nap = Instant::now();
        std::thread::sleep(NAP);
        late.push(nap.elapsed().saturating_sub(NAP).as_nanos() as Nanos);
    }
    late.sort_unstable();
    late
}

pub(crate) fn described(late: &[Nanos]) -> String {
    let at = |share: f64| {
        let rank = (late.len() as f64 * share).ceil() as usize;
        late[rank.saturating_sub(1)] as f64 / 1e6
    };
    format!(
        "median {:.1} ms late, 99% {:.1} ms, 99.9% {:.1} ms, maximum {:.1} ms; {:.3}% within 50 ms",
        at(0.5),
        at(0.99),
        at(0.999),
        at(1.0),
        late.partition_point(|late| *late <= ON_TIME) as f64 / late.len() as f64 * 100.0,
    )
}

/// The delay between each check's due time and its start.
pub(crate) struct Punctuality {
    late: Vec<Nanos>,
    /// The number of due times at which no check started.
    missed: i64,
}

impl Punctuality {
    pub(crate) fn new(results: &[CheckResult], endpoints: usize) -> Punctuality {
        let mut late = Vec::new();
        let mut windows: HashMap<EndpointKey, Vec<i64>> = HashMap::new();
        // The checker stores missed checks as results without attempts.
        for result in results.iter().filter(|result| !result.attempts.is_empty()) {
            let offset = offset(stable_hash(&result.title, &result.locator), EVERY, endpoints);
            let since = result.timestamp - offset;
            late.push(since.rem_euclid(EVERY));
            windows.entry(result.endpoint_key()).or_default().push(since.div_euclid(EVERY));
        }
        late.sort_unstable();
        let missed = windows.values().map(|windows| missed(windows)).sum();
        Punctuality { late, missed }
    }
}

impl fmt::Display for Punctuality {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} starts, {}; {} missed", self.late.len(), described(&self.late), self.missed)
    }
}

/// Counts the intervals between an endpoint's first and last start in which no check started.
fn missed(windows: &[i64]) -> i64 {
    let (first, last) = (windows.iter().min().copied().unwrap_or(0), windows.iter().max().copied().unwrap_or(-1));
    last - first + 1 - windows.len() as i64
}

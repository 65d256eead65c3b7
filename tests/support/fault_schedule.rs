//! Runs a checker against a store with seeded faults: single rounds, repeated rounds that are stopped or killed, the
//! spool, histories and expiry. Finally, nothing may be lost and no object may be incomplete.

use std::collections::BTreeSet;

use serde_json::{Value, json};
use shared::DAY;
use shared::check_file::CheckResult;
use shared::history::{History, Latencies};
use shared::object_name::{CheckFileName, NodeName};

use crate::bucket::Bucket;
use crate::checker::Checker;
use crate::configuration::{check, watching};
use crate::endpoints::{Behavior, Endpoint};
use crate::fault_proxy::{FaultProxy, by_seed, hash};
use crate::{ministack, now, wait_for};

/// The number of rounds that the repeating checker runs before it is stopped.
const REPEATED_ROUNDS: usize = 3;

/// Runs the schedule for a seed. Panics if anything was lost or is incorrect.
pub async fn survive(seed: u64) {
    let bucket = Bucket::new().await;
    let proxy = FaultProxy::start(&ministack::server().url, by_seed(seed)).await;
    let ok = Endpoint::start(Behavior::ok()).await;
    let mut storage = bucket.storage();
    (storage["endpoint_url"], storage["check_expiry"]) = (json!(proxy.url), json!("7d"));
    let checker = Checker::new(&watching(&[check("Shop", &ok.url)], &storage));
    let node = NodeName::new("test-node").ok();
    let expired = CheckFileName { stored_at: now() - 8 * DAY, node: node.clone() };
    let foreign = CheckFileName { stored_at: now() - 8 * DAY, node: NodeName::new("other").ok() };
    for name in [&expired, &foreign] {
        bucket.put(&format!("{}{name}", bucket.prefix), "[]").await;
    }

    let mut made = Vec::new();
    for _ in 0..2 {
        made.extend(checker.run(&["--format", "json"]).await.results());
    }
    made.extend(repeated(&checker, &ok, hash(seed).is_multiple_of(2)).await);
    // From here on, the store works without faults.
    proxy.follow(|_, _| None);
    for _ in 0..2 {
        let run = checker.run(&["--format", "json"]).await;
        assert_eq!(run.code, 0, "seed {seed}: {}", run.output());
        made.extend(run.results());
    }

    let key = |result: &CheckResult| (result.title.clone(), result.timestamp);
    let stored: BTreeSet<_> = bucket.all_results().await.iter().map(key).collect();
    let lost: Vec<_> = made.iter().map(key).filter(|result| !stored.contains(result)).collect();
    assert_eq!(lost, [], "seed {seed} lost rounds");
    let names = bucket.check_files().await;
    assert!(!names.contains(&expired) && names.contains(&foreign), "seed {seed}: {names:?}");
    let main = format!("{}history/test-node.json", bucket.prefix);
    let grown = bucket.get(&main).await;
    History::parse(grown.as_bytes()).unwrap_or_else(|error| panic!("seed {seed}: {error}"));
    let latencies = format!("{}history/test-node.latency.json", bucket.prefix);
    if bucket.keys().await.contains(&latencies) {
        Latencies::parse(bucket.get(&latencies).await.as_bytes())
            .unwrap_or_else(|error| panic!("seed {seed}: {error}"));
    }
    let rebuilt = checker.call(&["history", "rebuild", "-c", "checker.json"]).await;
    assert_eq!(rebuilt.code, 0, "seed {seed}: {}", rebuilt.output());
    assert_eq!(grown, bucket.get(&main).await, "seed {seed}: the history equals a rebuilt one");
}

/// Repeats rounds until a few are complete, stops or kills the checker, and returns the results that it printed.
async fn repeated(checker: &Checker, ok: &Endpoint, is_killed: bool) -> Vec<CheckResult> {
    let before = ok.requests().len();
    let mut running = checker.start(&["run", "-c", "checker.json", "--every", "1s", "--format", "json"]);
    let rounds = || async { (ok.requests().len() >= before + REPEATED_ROUNDS).then_some(()) };
    wait_for("some rounds", rounds).await;
    running.signal(if is_killed { "KILL" } else { "TERM" });
    running.wait().await;
    let output = running.output();
    let rounds = output.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    rounds
        .filter(|round| round["results"].is_array())
        .flat_map(|round| {
            let content = round["results"].to_string();
            shared::check_file::CheckFile::parse(content.as_bytes()).expect("results are printed").results
        })
        .collect()
}

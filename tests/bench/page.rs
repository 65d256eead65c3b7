//! Measures how long the page takes to show up to two days of checks, for `docs/performance.md`.

use std::path::Path;

use serde_json::{Value, json};
use shared::check_file::{Attempt, CheckResult, write_check_file};
use shared::object_name::{CheckFileName, INDEX, NodeName};
use shared::status::Status;
use shared::{MINUTE, UnixNanos};
use support::browser::Browser;
use support::checker::Checker;
use support::{now, wait_for};

use crate::process_usage::REPETITIONS;

const ENDPOINTS: i64 = 10;

/// Records when the page is complete.
pub(crate) const NOTE_COMPLETION: &str = r"
    new MutationObserver(() => {
        if (document.documentElement?.dataset.complete === 'true' && !window.completeAt)
            requestAnimationFrame(() => { window.completeAt ??= performance.now(); });
    }).observe(document, { subtree: true, attributes: true, attributeFilter: ['data-complete'] });
";

/// Opens the page with a growing number of check files, and prints how long each visit takes.
pub(super) async fn measure() {
    println!("The page: one-minute checks of {ENDPOINTS} endpoints, from `checker serve`, headless Chromium");
    for files in [144, 1_440, 2_880] {
        measure_page(files).await;
    }
}

async fn measure_page(files: i64) {
    let config = json!({
        "storage": { "type": "fs", "dir": "checks" }, "every": "24h",
        "page": { "title": "Measured", "range": "72h", "refresh": "1h" },
        "checkers": [{ "type": "http", "endpoint_name": "Endpoint 0", "endpoint_url": "http://127.0.0.1:9/0" }],
    });
    let checker = Checker::new(&config);
    fill(&checker.path("checks"), files);
    let served = checker.serve(&[]).await;
    let first_round = || async { (checker.check_files("checks").len() as i64 > files).then_some(()) };
    wait_for("the first round", first_round).await;
    let mut runs = Vec::new();
    for _ in 0..REPETITIONS {
        let browser = Browser::open_with(&[]).await;
        browser.devtools("Performance.enable", json!({})).await;
        browser.devtools("Page.addScriptToEvaluateOnNewDocument", json!({ "source": NOTE_COMPLETION })).await;
        browser.visit(&served.url).await;
        let complete = wait_for("the page to be complete", || async {
            browser.script("return window.completeAt || null").await.as_f64()
        })
        .await;
        let paint = browser.script("return performance.getEntriesByType('paint').at(-1)?.startTime ?? 0").await;
        let metrics = browser.devtools("Performance.getMetrics", json!({})).await;
        runs.push((complete, paint.as_f64().unwrap_or(0.0), metric(&metrics, "TaskDuration") * 1_000.0));
    }
    runs.sort_by(|one, other| one.0.total_cmp(&other.0));
    let (complete, paint, busy) = runs[REPETITIONS / 2];
    println!(
        "  {files:>5} files: first paint {paint:>5.0} ms, complete {complete:>5.0} ms, main thread busy {busy:>5.0} ms, {:.2} ms per file",
        busy / files as f64
    );
}

/// A page metric, as reported by Chromium.
pub(crate) fn metric(metrics: &Value, name: &str) -> f64 {
    let metrics = metrics["metrics"].as_array().into_iter().flatten();
    metrics.filter(|metric| metric["name"] == name).find_map(|metric| metric["value"].as_f64()).unwrap_or(0.0)
}

/// Fills a directory with one check file for each minute until now.
fn fill(directory: &Path, files: i64) {
    std::fs::create_dir_all(directory).expect("the folder can be created");
    let (begin, node) = (now() - files * MINUTE, NodeName::new("measured").expect("it is a name"));
    let mut index = serde_json::Map::new();
    for number in 0..files {
        let at = begin + number * MINUTE;
        let results: Vec<CheckResult> = (0..ENDPOINTS).map(|endpoint| result(endpoint, number, at, &node)).collect();
        let name = CheckFileName { stored_at: at + 1_000_000, node: Some(node.clone()) };
        std::fs::write(directory.join(name.to_string()), write_check_file(&results)).expect("the file can be written");
        index.insert(name.to_string(), json!(at));
    }
    std::fs::write(directory.join(INDEX), Value::Object(index).to_string()).expect("the index can be written");
}

/// A result of five attempts with varying response times. Occasionally, an endpoint is down for a quarter of an hour.
fn result(endpoint: i64, number: i64, at: UnixNanos, node: &NodeName) -> CheckResult {
    let down = (number / 15 + endpoint * 7) % 97 == 0;
    let rtt = |attempt: i64| 20_000_000 + (number * 37 + endpoint * 101 + attempt * 53) % 80 * 1_000_000;
    let attempts = (0..5).map(|attempt| Attempt {
        rtt: rtt(attempt),
        error: down.then(|| "response status 503 Service Unavailable, expected 2xx".to_owned()),
        ..Attempt::default()
    });
    CheckResult {
        title: format!("Endpoint {endpoint}"),
        locator: format!("http://127.0.0.1:9/{endpoint}"),
        timestamp: at,
        attempts: attempts.collect(),
        status: if down { Status::Down } else { Status::Healthy },
        node: Some(node.clone()),
        kind: Some("http".to_owned()),
        interval: Some(MINUTE),
        ..CheckResult::default()
    }
}

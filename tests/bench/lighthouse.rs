//! Runs Lighthouse on the page, with its simulation of a mid-range phone on a slow network.

use serde_json::Value;
use shared::page_config::{PageConfig, Source};
use shared::{DAY, HOUR, MINUTE};
use std::process::Command;
use support::browser::chromium;
use support::caddy::Caddy;
use support::fake_nodes::{FakeNodes, Outage, into_directory};
use support::{now, npm_file};

/// How many times each page is measured. The run with the median performance is printed.
const REPETITIONS: usize = 3;

const CATEGORIES: [&str; 4] = ["performance", "accessibility", "best-practices", "seo"];

/// The metrics to print, with their names.
const TIMES: [(&str, &str); 5] = [
    ("first-contentful-paint", "first paint"),
    ("largest-contentful-paint", "largest paint"),
    ("total-blocking-time", "blocked"),
    ("cumulative-layout-shift", "layout shift"),
    ("speed-index", "speed index"),
];

pub(crate) async fn measure() {
    println!("Lighthouse: mobile preset with simulated throttling, headless Chromium, the page behind Caddy");
    for (nodes, endpoints) in [(3, 6), (3, 20)] {
        let mut fake_nodes = FakeNodes::large(nodes, endpoints, 91, now());
        fake_nodes.interval = 5 * MINUTE;
        fake_nodes.now = fake_nodes.now / fake_nodes.interval * fake_nodes.interval;
        let outage = fake_nodes.now - 15 * MINUTE..fake_nodes.now;
        fake_nodes.outages = vec![Outage { endpoint: 1, nodes: 0..nodes, time: outage }];
        let caddy = Caddy::start("").await;
        into_directory(&fake_nodes.objects(), &caddy.site.path().join("store"));
        let mut config = PageConfig::new(Source::Http { url: "store/".to_owned() });
        (config.range, config.refresh) = (90 * DAY, HOUR);
        caddy.configure(&config.to_json());
        let mut reports: Vec<Value> = (0..REPETITIONS).map(|_| report(&caddy.url)).collect();
        reports.sort_by(|one, other| score(one, CATEGORIES[0]).total_cmp(&score(other, CATEGORIES[0])));
        print_report(&reports[REPETITIONS / 2], &format!("{nodes} nodes × {endpoints} endpoints × 90 days"));
    }
}

fn score(report: &Value, category: &str) -> f64 {
    report["categories"][category]["score"].as_f64().unwrap_or(f64::NAN) * 100.0
}

fn report(url: &str) -> Value {
    let profile = tempfile::tempdir().expect("a temporary folder");
    let flags = format!(
        "--headless --no-sandbox --disable-gpu --disable-quic --disable-dev-shm-usage --no-first-run \
         --disable-background-networking --disable-component-update --disable-sync --no-proxy-server \
         --user-data-dir={}",
        profile.path().display()
    );
    let mut command = Command::new("node");
    command.arg(npm_file("lighthouse", "cli/index.js")).arg(url).env("CHROME_PATH", chromium());
    command.args(["--quiet", "--output=json", "--output-path=stdout", "--no-enable-error-reporting"]);
    command.arg(format!("--only-categories={}", CATEGORIES.join(","))).arg(format!("--chrome-flags={flags}"));
    let output = command.output().expect("Lighthouse runs");
    let errors = String::from_utf8_lossy(&output.stderr);
    serde_json::from_slice(&output.stdout).unwrap_or_else(|error| unreachable!("{error}: {errors}"))
}

fn print_report(report: &Value, what: &str) {
    let scores = CATEGORIES.map(|category| format!("{category} {:.0}", score(report, category)));
    println!("  {what}: {}", scores.join(", "));
    let times = TIMES.map(|(audit, words)| {
        format!("{words} {}", report["audits"][audit]["displayValue"].as_str().unwrap_or("unknown"))
    });
    println!("    {}", times.join(", "));
    for category in &CATEGORIES[1..] {
        let audits = report["categories"][category]["auditRefs"].as_array().into_iter().flatten();
        let counted = audits.filter(|audit| audit["weight"].as_f64().is_some_and(|weight| weight > 0.0));
        for id in counted.filter_map(|audit| audit["id"].as_str()) {
            let audit = &report["audits"][id];
            if audit["score"].as_f64().is_some_and(|score| score < 1.0) {
                println!("    {category} misses: {} {}", audit["title"], audit["details"]["items"]);
            }
        }
    }
}

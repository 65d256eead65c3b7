//! Measures the figures in `docs/scaling.md`: the requests, bytes and time of a page with a long range, and how many
//! check files per second are added to a history.

use std::collections::BTreeMap;
use std::process::Command;
use std::time::Instant;

use serde_json::{Value, json};
use shared::check_file::CheckFile;
use shared::history::{DEFAULT_EXPIRY, History, HistoryBuilder, Latencies};
use shared::object_name::{CheckFileName, NodeName};
use shared::page_config::{PageConfig, Source};
use shared::{DAY, HOUR, MINUTE, Nanos};
use support::browser::Browser;
use support::caddy::Caddy;
use support::checker::Checker;
use support::fake_nodes::{FakeNodes, into_directory};
use support::{checker_binary, http_client, now, wait_for};

/// How many times a page is opened. The median is printed.
const REPETITIONS: usize = 5;

/// How many check files are added to a history.
const FILES: i64 = 40_000;

/// The assumed size of a response's headers, in bytes.
const HEADERS: usize = 300;

/// Records when the page shows the overall status and when the page is complete.
const NOTE: &str = r"
    new MutationObserver(() => {
        const { state, complete } = document.documentElement?.dataset ?? {};
        const note = name => requestAnimationFrame(() => { window[name] ??= performance.now(); });
        if (state && state !== 'loading') note('stateAt');
        if (complete === 'true') note('completeAt');
    }).observe(document, { subtree: true, attributes: true, attributeFilter: ['data-state', 'data-complete'] });
";

/// Reads the measurements of one page visit.
const READ: &str = r"
    const data = performance.getEntriesByType('resource')
        .filter(entry => ['history/', '-check.json', 'index.json'].some(mark => entry.name.includes(mark)));
    const last = Math.max(...data.filter(entry => entry.name.includes('history/')).map(entry => entry.responseEnd));
    return window.completeAt && { urls: data.map(entry => entry.name), state: window.stateAt - last,
        complete: window.completeAt - last, opened: window.completeAt };
";

pub(crate) async fn measure_pages() {
    println!("The page with a long range, from histories over plain HTTP (Caddy, gzip or zstd), headless Chromium");
    println!(
        "  times in ms: from the arrival of the last history to the overall status and to all bars; from the start of the visit to the end"
    );
    for (nodes, endpoints, days, interval) in
        [(1, 20, 90, MINUTE), (3, 20, 90, MINUTE), (3, 20, 365, MINUTE), (50, 20, 90, 5 * MINUTE), (50, 500, 90, HOUR)]
    {
        measure_page(nodes, endpoints, days, interval).await;
    }
}

async fn measure_page(nodes: usize, endpoints: usize, days: i64, interval: Nanos) {
    let mut fake_nodes = FakeNodes::large(nodes.min(3), endpoints, days + 1, now());
    fake_nodes.interval = interval;
    fake_nodes.now = fake_nodes.now / interval * interval;
    let mut objects = fake_nodes.objects();
    // To save time, most nodes are copies of the first one under other names.
    for number in 3..nodes {
        let of_first: BTreeMap<String, String> =
            objects.iter().filter(|(name, _)| name.contains("node-0")).map(renamed(number)).collect();
        objects.extend(of_first);
    }
    let caddy = Caddy::start("").await;
    into_directory(&objects, &caddy.site.path().join("store"));
    let mut config = PageConfig::new(Source::Http { url: "store/".to_owned() });
    (config.range, config.refresh) = (days * DAY, HOUR);
    caddy.configure(&config.to_json());
    let mut runs = Vec::new();
    for _ in 0..REPETITIONS {
        let browser = Browser::open_with(&[]).await;
        browser.stop_clock(fake_nodes.now + 10_000_000_000).await;
        browser.devtools("Page.addScriptToEvaluateOnNewDocument", json!({ "source": NOTE })).await;
        browser.devtools("Performance.enable", json!({})).await;
        browser.visit(&caddy.url).await;
        let read =
            wait_for("the page to be complete", || async { Some(browser.script(READ).await).filter(Value::is_object) });
        let read = read.await;
        let metrics = browser.devtools("Performance.getMetrics", json!({})).await;
        let heap = crate::page::metric(&metrics, "JSHeapUsedSize");
        runs.push((read, heap));
    }
    runs.sort_by(|(one, _), (other, _)| {
        one["complete"].as_f64().unwrap_or(0.0).total_cmp(&other["complete"].as_f64().unwrap_or(0.0))
    });
    let (read, heap) = &runs[REPETITIONS / 2];
    let urls: Vec<&str> = read["urls"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    let mut bytes = 0;
    for url in &urls {
        bytes += http_client::get_with(url, &[("accept-encoding", "gzip, br, zstd")]).await.body.len() + HEADERS;
    }
    let of = |name: &str| read[name].as_f64().unwrap_or(f64::NAN);
    println!(
        "  {nodes:>2} nodes × {endpoints:>3} endpoints × {days:>3} days: {:>2} requests, {:>7.1} KB, status {:>4.0}, bars {:>4.0}, total {:>5.0}; JavaScript heap {:.1} MB",
        urls.len(),
        bytes as f64 / 1_000.0,
        of("state"),
        of("complete"),
        of("opened"),
        heap / 1e6,
    );
}

/// Replaces the node in an object's name.
fn renamed(number: usize) -> impl Fn((&String, &String)) -> (String, String) {
    move |(name, content)| {
        let to = format!("node-{number}");
        (name.replace("node-0", &to), content.replace("node-0", &to))
    }
}

pub(crate) fn measure_history_builder() {
    println!("Building a history from {FILES} check files");
    for endpoints in [1, 10, 20] {
        let mut fake_nodes = FakeNodes::large(1, endpoints, 1, now());
        fake_nodes.days = FILES * MINUTE / DAY + 1;
        let begin = fake_nodes.now - FILES * MINUTE;
        let node = NodeName::new("node-0").ok();
        let moments: Vec<i64> = (0..FILES).map(|number| begin + number * MINUTE).collect();
        let files: Vec<(CheckFileName, CheckFile)> = moments
            .iter()
            .map(|at| {
                let name = CheckFileName { stored_at: *at + 1, node: node.clone() };
                (name, CheckFile { results: fake_nodes.results(0, *at), skipped: Vec::new() })
            })
            .collect();
        let start = Instant::now();
        let (mut history, mut latencies) = (History::new(node), Latencies::default());
        let mut builder = HistoryBuilder::append(&mut history, &mut latencies);
        for (name, file) in files {
            builder.add(&name, &file);
        }
        builder.finish(DEFAULT_EXPIRY);
        let folded = FILES as f64 / start.elapsed().as_secs_f64();
        let checker = Checker::new(&json!({
            "node": "node-0", "checkers": [], "storage": { "type": "fs", "dir": "checks" },
        }));
        std::fs::create_dir_all(checker.path("checks")).expect("the folder can be created");
        for (name, content) in fake_nodes.check_files(0, begin) {
            std::fs::write(checker.path("checks").join(name), content).expect("the file can be written");
        }
        let mut command = Command::new(checker_binary());
        command.args(["history", "rebuild", "-c", "checker.json"]).current_dir(checker.folder.path());
        let (output, spent) = crate::process_usage::spent(&command);
        println!(
            "  {endpoints:>2} endpoints: in memory {folded:>8.0} files per second; `checker history rebuild` {:>7.0} per second ({:.2} s, {:.2} s of CPU): {}",
            FILES as f64 / spent.elapsed,
            spent.elapsed,
            spent.processor,
            output.trim(),
        );
    }
}

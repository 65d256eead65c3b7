//! Measures what `docs/performance.md` and `docs/scaling.md` report: how long the page takes to draw a day of checks,
//! what a check costs beside what `wrk` needs for a request, and (in `expiry`) how long very many old objects take to
//! go, (in `histories`) what long ranges cost, (in `frames`) for how long the page keeps the main thread, and (in
//! `lighthouse`) what Lighthouse thinks of it. Figures are printed, none is asserted: they are the machine's, too.

#![expect(clippy::expect_used, clippy::print_stdout, reason = "a measurement prints, and stops at the first surprise")]

mod expiry;
mod frames;
mod histories;
mod lighthouse;

use std::fmt::Write as _;
use std::path::Path;
use std::process::Command;
use std::time::Instant;

use harness::browser::Browser;
use harness::checker::Checker;
use harness::program::Program;
use harness::{checker_binary, free_port, now, tool, wait_for, web};
use serde_json::{Value, json};
use shared::object_name::{CheckFileName, INDEX, NodeName};
use shared::result::{Attempt, CheckResult, write_check_file};
use shared::status::Status;
use shared::{MINUTE, UnixNanos};
use tempfile::TempDir;

/// Endpoints in each file of the page's measurement.
const ENDPOINTS: i64 = 10;
/// How often each measurement is repeated; the median counts.
const REPETITIONS: usize = 3;

/// Notes when the page says that everything is loaded and drawn.
const NOTE_COMPLETION: &str = r"
    new MutationObserver(() => {
        if (document.documentElement?.dataset.complete === 'true' && !window.completeAt)
            requestAnimationFrame(() => { window.completeAt ??= performance.now(); });
    }).observe(document, { subtree: true, attributes: true, attributeFilter: ['data-complete'] });
";

fn main() {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().expect("a runtime");
    // `cargo bench … -- page`, `checks`, `expiry`, `ranges`, `folding`, `frames` or `lighthouse` measures one.
    let words: Vec<String> = std::env::args().skip(1).filter(|word| !word.starts_with('-')).collect();
    let wanted = |part: &str| words.is_empty() || words.iter().any(|word| word == part);
    runtime.block_on(async {
        if wanted("page") {
            println!("The page: one-minute checks of {ENDPOINTS} endpoints, from `checker serve`, headless Chromium");
            for files in [144, 1_440, 2_880] {
                measure_page(files).await;
            }
        }
        if wanted("checks") {
            measure_checks().await;
        }
        if wanted("expiry") {
            expiry::measure().await;
        }
        if wanted("ranges") {
            histories::measure_pages().await;
        }
        if wanted("folding") {
            histories::measure_folding();
        }
        if wanted("frames") {
            frames::measure().await;
        }
        if wanted("lighthouse") {
            lighthouse::measure().await;
        }
    });
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
        let browser = Browser::open().await;
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
        "  {files:>5} files: first paint {paint:>5.0} ms, complete {complete:>5.0} ms, main thread busy {busy:>5.0} ms, {:.2} ms a file",
        busy / files as f64
    );
}

fn metric(metrics: &Value, name: &str) -> f64 {
    let metrics = metrics["metrics"].as_array().into_iter().flatten();
    metrics.filter(|metric| metric["name"] == name).find_map(|metric| metric["value"].as_f64()).unwrap_or(0.0)
}

/// Fills a directory with so many check files, one a minute, up to now.
fn fill(directory: &Path, files: i64) {
    std::fs::create_dir_all(directory).expect("the folder can be made");
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

/// Five attempts with times that go up and down; now and then an endpoint is down for a quarter of an hour.
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

async fn measure_checks() {
    let (nginx, url, _folder) = start_nginx().await;
    println!(
        "The checker: HTTP checks of a local nginx, results stored in a directory, beside `wrk` with `Connection: close`"
    );
    let one = spent_on_checks(&url, 1);
    let wrk = spent_on_wrk(&url);
    println!("  wrk:            {wrk:>6.1} µs of CPU a request");
    for endpoints in [1_000, 10_000] {
        let mut runs: Vec<Spent> = (0..REPETITIONS).map(|_| spent_on_checks(&url, endpoints)).collect();
        runs.sort_by(|one, other| one.processor.total_cmp(&other.processor));
        let spent = runs[REPETITIONS / 2];
        let each = |seconds: f64| seconds * 1e6 / endpoints as f64;
        println!(
            "  {endpoints:>6} checks: {:>6.1} µs of CPU a check ({:.1} without starting up) = {:.2} × wrk; {:.2} s in all",
            each(spent.processor),
            each(spent.processor - one.processor),
            each(spent.processor) / wrk,
            spent.elapsed,
        );
    }
    drop(nginx);
}

/// One process, without a master that could leave it behind, that answers a short text.
async fn start_nginx() -> (Program, String, TempDir) {
    let folder = TempDir::new().expect("a temporary folder");
    let (port, path) = (free_port(), folder.path().display());
    let mut configuration = String::new();
    write!(
        configuration,
        "daemon off; master_process off; pid {path}/pid; error_log /dev/null;\n\
         events {{ worker_connections 4096; }}\n\
         http {{ access_log off; client_body_temp_path {path}/body; proxy_temp_path {path}/proxy; \
         fastcgi_temp_path {path}/fastcgi; uwsgi_temp_path {path}/uwsgi; scgi_temp_path {path}/scgi;\n\
         server {{ listen 127.0.0.1:{port} backlog=4096; location / {{ return 200 'all is well'; }} }} }}\n"
    )
    .expect("a text can be written to");
    let file = folder.path().join("nginx.conf");
    std::fs::write(&file, configuration).expect("the file can be written");
    let program = Program::start(&tool("nginx"), |command| {
        command.arg("-c").arg(&file);
    });
    let url = format!("http://127.0.0.1:{port}/");
    wait_for("nginx", || async { web::answers(&url).await.then_some(()) }).await;
    (program, url, folder)
}

/// What a program took, in seconds.
#[derive(Debug, Clone, Copy)]
struct Spent {
    processor: f64,
    elapsed: f64,
}

fn spent_on_checks(url: &str, endpoints: usize) -> Spent {
    let checks: Vec<Value> = (0..endpoints)
        .map(|number| json!({ "type": "http", "endpoint_name": format!("Endpoint {number}"), "endpoint_url": format!("{url}{number}") }))
        .collect();
    let checker = Checker::new(&json!({
        "checkers": checks, "concurrent_checks": 256, "storage": { "type": "fs", "dir": "checks" },
    }));
    let mut command = Command::new(checker_binary());
    command.args(["run", "-c", "checker.json", "--fail-on", "down"]).current_dir(checker.folder.path());
    spent(&command).1
}

/// Microseconds of CPU that wrk needs for a request.
fn spent_on_wrk(url: &str) -> f64 {
    let mut command = Command::new(tool("wrk"));
    command.args(["-t1", "-c64", "-d5s", "-H", "Connection: close", url]);
    let (output, spent) = spent(&command);
    let requests = output.lines().find_map(|line| line.trim().split_once(" requests in")).expect("wrk counts");
    spent.processor * 1e6 / requests.0.parse::<f64>().expect("it is a number")
}

/// Runs a program under a shell that knows what it took, and gives its output and that.
fn spent(command: &Command) -> (String, Spent) {
    let mut shell = Command::new("bash");
    shell.args(["-c", "TIMEFORMAT='%U %S'; time \"$@\"", "bash"]).arg(command.get_program()).args(command.get_args());
    if let Some(folder) = command.get_current_dir() {
        shell.current_dir(folder);
    }
    let start = Instant::now();
    let output = shell.output().expect("it runs");
    let elapsed = start.elapsed().as_secs_f64();
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{told}");
    let times = told.lines().last().expect("the shell tells the times");
    let processor = times.split_whitespace().map(|time| time.parse::<f64>().expect("seconds")).sum();
    (String::from_utf8_lossy(&output.stdout).into_owned(), Spent { processor, elapsed })
}

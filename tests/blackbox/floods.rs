//! Endpoints that never stop sending: their checks fail with an error, and the results of other endpoints are not
//! affected.

use std::collections::BTreeMap;

use serde_json::Value;
use shared::check_file::CheckResult;
use shared::status::Status;
use support::certificates::{Authority, Validity};
use support::checker::Checker;
use support::configuration::{check, directory, watching};
use support::endpoints::{Behavior, Endpoint};
use support::floods::flooding_checks;
use support::program::Program;
use support::wait_for;

/// The number of healthy endpoints that are checked along with the floods.
const GOOD: usize = 50;
/// The number of results to wait for from each endpoint.
const ROUNDS: usize = 3;
/// The maximum additional memory that floods can use, in bytes.
const MEMORY_LIMIT: u64 = 64 << 20;

/// The expected error for each flood. On slow machines, the timeout is reached before a limit on bytes.
const SENTENCES: &[(&str, &str)] = &[
    ("informational responses", "server sent more than 1048576 bytes over one connection"),
    ("header lines", "response head is too large"),
    ("a body", "response does not contain `end`; only the first 1048576 bytes of the body were read"),
    ("chunks of one byte", "server sent more than 5242880 bytes over one connection"),
    ("tiny JSON objects", "body has too many small JSON values"),
    ("a redirect to itself", "more than 50 redirects"),
    ("bytes", "bytes that do not match `end$`"),
    ("bytes in separate packets", "bytes that do not match `end$`"),
    ("bytes over TLS", "bytes that do not match `end$`"),
    ("greeting lines", "server sent a response longer than 100 lines"),
    ("settings", "server sent more than 1048576 bytes over one connection"),
    ("HTTP/2 pings", "server sent more than 1048576 bytes over one connection"),
    ("other answers", "received more than 1000 packets that do not answer the request"),
    ("an answer over TCP", "server answered a different query"),
    ("empty messages", "received more than 100000 messages, expected `^end$`"),
    ("fragments", "server sent more than 8388608 bytes over one connection"),
    ("WebSocket pings", "server sent more than 1000 pings or pongs"),
    ("output", "command wrote more than 33554432 bytes of output"),
];

/// Waits until each of these checks has this many more results.
async fn until_checked(checker: &Checker, program: &mut Program, checks: &[Value], times: usize) {
    let counts = || {
        let mut counts = BTreeMap::<String, usize>::new();
        for result in checker.all_results("checks") {
            *counts.entry(result.title).or_default() += 1;
        }
        counts
    };
    let titles: Vec<&str> = checks.iter().filter_map(title).collect();
    let before = counts();
    let known = |counts: &BTreeMap<String, usize>, title: &str| counts.get(title).copied().unwrap_or_default();
    wait_for("results of all endpoints", || {
        let status = program.exit_status();
        assert!(status.is_none(), "the checker ended with {status:?}:\n{}", program.output());
        let now = counts();
        let are_made = titles.iter().all(|title| known(&now, title) >= known(&before, title) + times);
        async move { are_made.then_some(()) }
    })
    .await;
}

fn title(check: &Value) -> Option<&str> {
    check["endpoint_name"].as_str().or(check["name"].as_str())
}

/// Returns a program's peak memory so far, in bytes.
fn peak_memory(program: &Program) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{}/status", program.id())).expect("it runs");
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).expect("Linux has this line");
    line.trim().trim_end_matches(" kB").parse::<u64>().expect("a number") << 10
}

fn expect_good(result: &CheckResult) {
    assert_eq!((result.status, result.reason()), (Status::Healthy, None), "{result:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn floods_change_no_result_of_other_endpoints() {
    let endpoint = Endpoint::start(Behavior::ok()).await;
    let good: Vec<Value> =
        (0..GOOD).map(|number| check(&format!("Good {number}"), &format!("{}{number}", endpoint.url))).collect();
    let floods = flooding_checks(&Authority::new().server("127.0.0.1", Validity::Now), "2s").await;
    assert_eq!(floods.len(), SENTENCES.len());
    let checker = Checker::new(&watching(&good, &directory()));
    let mut program = checker.start(&["run", "-c", "checker.json", "--every", "2s"]);
    until_checked(&checker, &mut program, &good, 2).await;
    let usual = peak_memory(&program);
    let all = [good, floods].concat();
    checker.configure(&watching(&all, &directory()));
    program.signal("HUP");
    until_checked(&checker, &mut program, &all, ROUNDS).await;
    let peak = peak_memory(&program);
    program.signal("TERM");
    assert!(program.wait().await.success(), "{}", program.output());
    println!("{} MB usually, {} MB with floods", usual / 1_000_000, peak / 1_000_000);

    for result in checker.all_results("checks") {
        let Some(flood) = result.title.strip_prefix("Flood: ") else {
            expect_good(&result);
            continue;
        };
        let (_, sentence) = SENTENCES.iter().find(|(title, _)| *title == flood).expect("a sentence");
        let reason = result.reason().unwrap_or_default();
        println!("{flood}: {reason}");
        let is_late = reason.ends_with(" within 2s") || reason.ends_with(" took longer than 2s");
        let is_expected = reason.contains(sentence) || is_late;
        assert!(result.status == Status::Down && is_expected, "{flood}: {:?}: {reason}", result.status);
    }
    assert!(peak <= usual + MEMORY_LIMIT, "{usual} bytes became {peak}");
}

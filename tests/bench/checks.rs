//! Compares the cost of an HTTP check with the cost of a request by `wrk`, and measures memory with thousands of
//! endpoints.

use std::process::Command;
use std::time::Duration;

use serde_json::{Value, json};
use support::checker::Checker;
use support::{checker_binary, tool};

use crate::nginx::Nginx;
use crate::process_usage::{Memory, ProcessUsage, compare, memory, spent, until};

/// How often a program's peak memory is read. It grows little between two reads.
const READ_PEAK_EVERY: Duration = Duration::from_millis(2);

/// Prints the CPU time of a check, and the memory of a checker.
pub(super) async fn measure() {
    let nginx = Nginx::start().await;
    println!(
        "The checker: HTTP checks of a local nginx, results stored in a directory, compared with `wrk` and `Connection: close`"
    );
    let one = spent_on_round(&nginx.plain_checks(1));
    for endpoints in [1_000, 10_000] {
        let checks = nginx.plain_checks(endpoints);
        let comparison =
            compare(endpoints, async || spent_on_wrk(&nginx.plain), async || spent_on_round(&checks)).await;
        println!(
            "  {endpoints:>6} checks: {:>6.1} µs of CPU per check ({:.1} without startup), wrk {:>5.1} µs per request: {:.2} × wrk; {:.2} s in total",
            comparison.each,
            comparison.each - one.each(endpoints),
            comparison.peer,
            comparison.ratio,
            comparison.ours.elapsed,
        );
    }
    println!("Resident memory of the checker");
    for endpoints in [10_000, 100_000] {
        let checks = nginx.plain_checks(endpoints);
        let round = memory_of_round(&checks).await;
        let repeating = memory_while_repeating(&checks).await;
        println!(
            "  {endpoints:>6} endpoints: peak {:>5.1} MB in a single round; as a daemon, {:>5.1} MB after the second batch (peak {:.1} MB)",
            round.peak, repeating.now, repeating.peak,
        );
    }
}

/// A checker that stores the results of these checks in a directory, without summaries.
fn checker(checks: &[Value]) -> Checker {
    Checker::new(&json!({
        "checkers": checks, "summaries": false, "storage": { "type": "fs", "dir": "checks" },
    }))
}

/// Runs and stores one round of these checks, and returns the resources that the process used. Fails if a check fails.
pub(crate) fn spent_on_round(checks: &[Value]) -> ProcessUsage {
    let checker = checker(checks);
    let mut command = Command::new(checker_binary());
    command.args(["run", "-c", "checker.json", "--fail-on", "down"]).current_dir(checker.folder.path());
    spent(&command).1
}

/// CPU time per request by wrk, in microseconds.
fn spent_on_wrk(url: &str) -> f64 {
    let mut command = Command::new(tool("wrk"));
    command.args(["-t1", "-c64", "-d5s", "-H", "Connection: close", url]);
    let (output, spent) = spent(&command);
    let requests = output
        .lines()
        .find_map(|line| line.trim().split_once(" requests in"))
        .expect("wrk prints the number of requests");
    spent.each(requests.0.parse().expect("it is a number"))
}

/// The memory of a process that runs one round, measured just before the process exits.
async fn memory_of_round(checks: &[Value]) -> Memory {
    let checker = checker(checks);
    let mut program = checker.start(&["run", "-c", "checker.json", "--fail-on", "down"]);
    let mut last = None;
    let status = loop {
        last = memory(&program).or(last);
        if let Some(status) = program.exit_status() {
            break status;
        }
        tokio::time::sleep(READ_PEAK_EVERY).await;
    };
    assert!(status.success(), "{status}");
    last.expect("it ran for a while")
}

/// The memory of a daemon that repeats each check every minute, measured once it has stored three check files.
async fn memory_while_repeating(checks: &[Value]) -> Memory {
    let checker = checker(checks);
    let mut program = checker.start(&["run", "-c", "checker.json", "--every", "1m"]);
    until(&mut program, async || checker.check_files("checks").len() > 2).await;
    memory(&program).expect("it runs")
}

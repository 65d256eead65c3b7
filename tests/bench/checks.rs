//! Measures what an HTTP check costs beside what `wrk` needs for a request, and how much memory very many endpoints
//! take.

use std::process::Command;
use std::time::Duration;

use serde_json::{Value, json};
use support::checker::Checker;
use support::{checker_binary, tool};

use crate::nginx::Nginx;
use crate::process_usage::{Memory, ProcessUsage, compare, memory, spent, until};

/// How often the peak of a program's memory is read: as seldom as it grows by nothing worth a mention between.
const READ_PEAK_EVERY: Duration = Duration::from_millis(2);

/// Prints the processor time of a check, and the memory of a checker.
pub(super) async fn measure() {
    let nginx = Nginx::start().await;
    println!(
        "The checker: HTTP checks of a local nginx, results stored in a directory, beside `wrk` with `Connection: close`"
    );
    let one = spent_on_round(&nginx.plain_checks(1));
    for endpoints in [1_000, 10_000] {
        let checks = nginx.plain_checks(endpoints);
        let comparison =
            compare(endpoints, async || spent_on_wrk(&nginx.plain), async || spent_on_round(&checks)).await;
        println!(
            "  {endpoints:>6} checks: {:>6.1} µs of CPU a check ({:.1} without starting up), wrk {:>5.1} µs a request: {:.2} × wrk; {:.2} s in all",
            comparison.each,
            comparison.each - one.each(endpoints),
            comparison.peer,
            comparison.ratio,
            comparison.ours.elapsed,
        );
    }
    println!("The checker's resident memory");
    for endpoints in [10_000, 100_000] {
        let checks = nginx.plain_checks(endpoints);
        let round = memory_of_round(&checks).await;
        let repeating = memory_while_repeating(&checks).await;
        println!(
            "  {endpoints:>6} endpoints: {:>5.1} MB at the most in one round; repeating, {:>5.1} MB after the second batch ({:.1} MB at the most)",
            round.peak, repeating.now, repeating.peak,
        );
    }
}

/// A checker with these checks that stores what it sees in a directory, and tells nobody else.
fn checker(checks: &[Value]) -> Checker {
    Checker::new(&json!({
        "checkers": checks, "summaries": false, "storage": { "type": "fs", "dir": "checks" },
    }))
}

/// What one process takes that makes one round of these checks, none of which may fail, and stores it.
pub(crate) fn spent_on_round(checks: &[Value]) -> ProcessUsage {
    let checker = checker(checks);
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
    spent.each(requests.0.parse().expect("it is a number"))
}

/// The memory of a process that makes one round, just before it ends.
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

/// The memory of a process that repeats each check every minute, after the first round and two batches.
async fn memory_while_repeating(checks: &[Value]) -> Memory {
    let checker = checker(checks);
    let mut program = checker.start(&["run", "-c", "checker.json", "--every", "1m"]);
    until(&mut program, async || checker.check_files("checks").len() > 2).await;
    memory(&program).expect("it runs")
}

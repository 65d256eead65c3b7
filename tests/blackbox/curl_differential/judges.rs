//! The two judges: `curl`, which requests each response in a separate process, and the checker, which checks all
//! responses in one round.

use std::process::Stdio;
use std::time::Duration;

use futures_util::{StreamExt as _, stream};
use serde_json::{Value, json};
use shared::check_file::CheckResult;
use shared::status::Status;
use support::checker::Checker;
use support::configuration::{check_with, directory, watching};
use support::program::bound_command;
use support::tool;

use super::generator::Case;

/// The number of redirects that both judges follow.
const REDIRECTS: u32 = 10;
/// The time limit for responses that never end.
const IMPATIENCE: Duration = Duration::from_secs(4);
const PATIENCE: Duration = Duration::from_secs(50);
/// curl's exit status when it reaches its time limit.
const TIMED_OUT: i32 = 28;
/// The number of concurrent curl processes.
const CURLS: usize = 24;

/// Whether a response is healthy, and why.
#[derive(Debug, Clone)]
pub(super) struct Verdict {
    pub(super) is_healthy: bool,
    /// A description of the failure, if any. It is printed but not compared.
    pub(super) reason: String,
    pub(super) timed_out: bool,
}

fn time_limit(case: &Case) -> Duration {
    if case.holds { IMPATIENCE } else { PATIENCE }
}

/// Returns curl's verdicts, in the order of the cases.
pub(super) async fn judge_by_curl(cases: &[Case], origin: &str) -> Vec<Verdict> {
    stream::iter(cases).map(|case| curl(case, origin)).buffered(CURLS).collect().await
}

/// Requests one response with curl. The verdict is healthy if curl succeeds and the final status is 2xx.
async fn curl(case: &Case, origin: &str) -> Verdict {
    let mut command = bound_command(tool("curl"));
    // `--disable` ignores the user's settings.
    command.args(["--disable", "--silent", "--show-error", "--location", "--compressed", "--fail-with-body"]);
    command.args(["--noproxy", "*", "--output", "/dev/null", "--write-out", "%{http_code}"]);
    command.args(["--max-redirs", &REDIRECTS.to_string(), "--max-time", &time_limit(case).as_secs().to_string()]);
    if case.method == "HEAD" {
        command.arg("--head");
    }
    command.arg(format!("{origin}{}", case.path)).stdin(Stdio::null());
    let output = tokio::process::Command::from(command).kill_on_drop(true).output().await.expect("curl runs");
    let status = String::from_utf8_lossy(&output.stdout).into_owned();
    let is_healthy = output.status.success() && status.len() == 3 && status.starts_with('2');
    let reason = format!("status {status}; {}", String::from_utf8_lossy(&output.stderr).trim());
    Verdict { is_healthy, reason, timed_out: output.status.code() == Some(TIMED_OUT) }
}

/// Returns the checker's verdicts, in the order of the cases. Like curl, each check reads the whole body.
pub(super) async fn judge_by_checker(cases: &[Case], origin: &str) -> Vec<Verdict> {
    let checks: Vec<Value> = cases.iter().enumerate().map(|(number, case)| check(number, case, origin)).collect();
    let checker = Checker::new(&watching(&checks, &directory()));
    let run = checker.run(&["--format", "json"]).await;
    let results = run.results();
    assert_eq!(results.len(), cases.len(), "{}", run.output());
    let verdict = |result: &CheckResult| {
        let error = result.attempts.iter().find_map(|attempt| attempt.error.clone());
        let reason = error.unwrap_or_else(|| result.notice.clone());
        let timed_out = reason.contains(" within ");
        Verdict { is_healthy: result.status == Status::Healthy, reason, timed_out }
    };
    let of_case = |number: usize| results.iter().find(|result| result.title == number.to_string());
    (0..cases.len()).map(|number| verdict(of_case(number).expect("each check has a result"))).collect()
}

fn check(number: usize, case: &Case, origin: &str) -> Value {
    let more = json!({
        "method": case.method,
        "timeout": format!("{}s", time_limit(case).as_secs()),
        "max_redirects": REDIRECTS,
        "must_not_contain": "a text that no response contains",
        "headers": { "Accept-Encoding": "deflate, gzip, br, zstd" },
        "proxy": "none",
    });
    check_with(&number.to_string(), &format!("{origin}{}", case.path), more)
}

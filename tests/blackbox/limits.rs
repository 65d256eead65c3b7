//! What the machine's limits mean: nothing of theirs is ever blamed on an endpoint.

use std::process::Stdio;

use harness::checker::{Checker, Run};
use harness::configuration::{check_with, directory, watching};
use harness::endpoints::{Behaviour, Endpoint};
use harness::{PATIENCE, checker_binary};
use serde_json::{Value, json};
use shared::status::Status;

/// A round under limits that the shell sets before it becomes the checker.
async fn round(checker: &Checker, limits: &str) -> Run {
    let mut command = tokio::process::Command::new("sh");
    command.args(["-c", &format!("{limits} && exec \"$0\" run --format json")]).arg(checker_binary());
    command.current_dir(checker.folder.path()).env("HOME", checker.folder.path());
    let output = command.stdin(Stdio::null()).kill_on_drop(true).output();
    let output = tokio::time::timeout(PATIENCE, output).await.expect("it comes to an end").expect("it runs");
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    Run { code: output.status.code().unwrap_or(-1), stdout: text(&output.stdout), stderr: text(&output.stderr) }
}

fn all_at_once(url: &str) -> Value {
    let hanging = |number| check_with(&format!("Hanging {number}"), url, json!({ "timeout": "2s" }));
    let checks: Vec<Value> = (0..60).map(hanging).collect();
    watching(&checks, &directory())
}

#[tokio::test]
async fn sockets_that_run_out_leave_endpoints_unknown_and_say_what_to_do() {
    let hanging = Endpoint::start(Behaviour::Hang).await;
    for url in [hanging.url.clone(), hanging.url.replace("127.0.0.1", "localhost")] {
        let checker = Checker::new(&all_at_once(&url));
        let run = round(&checker, "ulimit -n 40").await;
        assert_eq!(run.code, 0, "{}", run.output());
        let results = run.results();
        let (down, unknown): (Vec<_>, Vec<_>) = results.iter().partition(|result| result.status == Status::Down);
        assert!(!down.is_empty() && !unknown.is_empty(), "some sockets could be opened, and some could not");
        for result in down {
            assert_eq!(result.reason(), Some("no response within 2s"), "{url}");
        }
        for result in unknown {
            let sentence = "failed to open a socket: too many open files (limit 40); raise `ulimit -n` or lower `concurrent_checks`";
            assert_eq!((result.status, result.reason()), (Status::Unknown, Some(sentence)), "{url}");
        }
    }
}

#[tokio::test]
async fn the_soft_limit_is_raised_to_the_hard_one() {
    let hanging = Endpoint::start(Behaviour::Hang).await;
    let checker = Checker::new(&all_at_once(&hanging.url));
    let run = round(&checker, "ulimit -Sn 40 && ulimit -Hn 512").await;
    for result in run.results() {
        assert_eq!((result.status, result.reason()), (Status::Down, Some("no response within 2s")));
    }
}

//! The checker never reports the machine's limits as failures of endpoints.

use std::process::Stdio;

use serde_json::{Value, json};
use shared::status::Status;
use support::checker::{Checker, Run};
use support::configuration::{check_with, directory, watching};
use support::endpoints::{Behavior, Endpoint};
use support::network_namespace::with_hanging_dns;
use support::{PATIENCE, checker_binary, wait_for};

/// Runs a round in a shell that sets limits first.
async fn round(checker: &Checker, limits: &str) -> Run {
    let mut command = tokio::process::Command::new("sh");
    command.args(["-c", &format!("{limits} && exec \"$0\" run --format json")]).arg(checker_binary());
    command.current_dir(checker.folder.path()).env("HOME", checker.folder.path());
    let output = command.stdin(Stdio::null()).kill_on_drop(true).output();
    let output = tokio::time::timeout(PATIENCE, output).await.expect("it exits").expect("it runs");
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    Run { code: output.status.code().unwrap_or(-1), stdout: text(&output.stdout), stderr: text(&output.stderr) }
}

fn all_at_once(url: &str) -> Value {
    let hanging = |number| check_with(&format!("Hanging {number}"), url, json!({ "timeout": "2s" }));
    let checks: Vec<Value> = (0..60).map(hanging).collect();
    watching(&checks, &directory())
}

#[tokio::test]
async fn endpoints_without_a_socket_are_unknown_with_a_remedy() {
    let hanging = Endpoint::start(Behavior::Hang).await;
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
async fn the_soft_limit_for_open_files_is_raised_to_the_hard_limit() {
    let hanging = Endpoint::start(Behavior::Hang).await;
    let checker = Checker::new(&all_at_once(&hanging.url));
    let run = round(&checker, "ulimit -Sn 40 && ulimit -Hn 512").await;
    for result in run.results() {
        assert_eq!((result.status, result.reason()), (Status::Down, Some("no response within 2s")));
    }
}

/// Whether the process can use huge pages. Child processes inherit this setting.
const MAY_HAVE_LARGE_PAGES: &str = "THP_enabled:.1";

#[tokio::test]
async fn a_single_round_uses_huge_pages_and_a_daemon_does_not() {
    let check = json!({ "type": "exec", "name": "Pages", "command": "grep",
        "arguments": ["-q", MAY_HAVE_LARGE_PAGES, "/proc/self/status"] });
    let checker = Checker::new(&watching(&[check], &directory()));
    let ours = std::fs::read_to_string("/proc/self/status").expect("Linux has this file");
    let may = if ours.contains("THP_enabled:\t1") { Status::Healthy } else { Status::Down };
    let round = checker.run(&["--format", "json"]).await;
    assert_eq!(round.results()[0].status, may, "as for this process: {}", round.output());
    for words in
        [["run", "-c", "checker.json", "--every", "1m"], ["serve", "-c", "checker.json", "--listen", "127.0.0.1:0"]]
    {
        let known = checker.check_files("checks").len();
        let _running = checker.start(&words);
        wait_for("a round", || async { (checker.check_files("checks").len() > known).then_some(()) }).await;
        let results = checker.all_results("checks");
        assert_eq!(results.last().map(|result| result.status), Some(Status::Down), "{words:?}");
    }
}

#[tokio::test]
async fn endless_bodies_use_no_more_memory_than_their_limit() {
    let endless = Endpoint::start(Behavior::EndlessBody).await;
    let reading = json!({ "assertions": ["[BODY] contains end"], "body_limit": 1_048_576, "timeout": "1m" });
    let mut checks: Vec<Value> =
        (0..40).map(|number| check_with(&format!("Endless {number}"), &endless.url, reading.clone())).collect();
    // The checker's peak memory so far. Without the limit, it would be gigabytes.
    checks.push(json!({ "type": "exec", "name": "Memory", "command": "sh",
        "arguments": ["-c", "grep VmHWM /proc/$PPID/status"], "assertions": ["[BODY] matches 'VmHWM:\\s+\\d{1,5} kB'"] }));
    let mut configuration = watching(&checks, &directory());
    configuration["concurrent_checks"] = json!(8);
    let round = Checker::new(&configuration).run(&["--format", "json"]).await;
    let (memory, endless): (Vec<_>, Vec<_>) = round.results().into_iter().partition(|result| result.title == "Memory");
    assert_eq!(memory[0].status, Status::Healthy, "less than 100 MB: {:?}", memory[0].reason());
    for result in endless {
        let reason = result.reason().unwrap_or_default().to_owned();
        assert!(reason.ends_with("only the first 1048576 bytes of the body were read (`body_limit`)"), "{reason}");
    }
}

#[tokio::test]
async fn no_command_waits_for_a_hanging_name_server() {
    let of_name = |name: &str| check_with(name, &format!("http://{name}.example/"), json!({ "timeout": "300ms" }));
    let watched: Vec<Value> = ["a", "b", "c"].iter().map(|name| of_name(name)).collect();
    let checker = Checker::new(&watching(&watched, &directory()));
    let folder = checker.path("");
    let way = with_hanging_dns(&folder);
    // The resolver's timeout is two and a half minutes, which is longer than any test waits.
    for (words, code) in [(&["run", "-c", "checker.json"][..], 0), (&["explain", "a", "-c", "checker.json"], 1)] {
        let mut program = checker.start_by(&way, words);
        let ended = wait_for("the command to end", || std::future::ready(program.exit_status())).await;
        assert_eq!(ended.code(), Some(code), "{}", program.output());
        assert!(program.output().contains("host name not resolved within 300ms"), "{}", program.output());
    }
    let results = checker.all_results("checks");
    assert_eq!(results.iter().map(|result| result.status).collect::<Vec<_>>(), [Status::Down; 3]);
}

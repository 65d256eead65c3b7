//! Repeated checks do not leak files, threads or processes, no matter how they end.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde_json::{Value, json};
use shared::status::Status;
use support::certificates::{Authority, Validity};
use support::checker::Checker;
use support::configuration::{directory, watching};
use support::endpoints::{Behavior, Endpoint};
use support::program::Program;
use support::{poll_until, wait_for};

use crate::check_kinds::serve;

/// The number of checks of each kind. Each check runs every second.
const OF_EACH: usize = 6;
/// The number of rounds before the first measurement, so that resources that are created only once already exist.
const ROUNDS_BEFORE: usize = 2;
/// The number of rounds between the two measurements.
const ROUNDS_BETWEEN: usize = 8;

/// A kind of check: its configuration, and its expected result.
type Sort = (Value, Status, &'static str);

/// A check of a server's certificate, and a check of its website.
fn over_tls(host: &str, status: Status, expected: &'static str) -> [Sort; 2] {
    let timeout = if expected.contains("300ms") { "300ms" } else { "30s" };
    let tls = json!({
        "type": "tls", "endpoint_url": host, "timeout": timeout,
        "trusted_roots": ["ca.pem"], "cert_expiry_threshold": "1h",
    });
    let http = json!({
        "type": "http", "endpoint_url": format!("https://{host}/"), "timeout": timeout, "tls_ca_file": "ca.pem",
    });
    [(tls, status, expected), (http, status, expected)]
}

fn command(script: &str, timeout: &str, status: Status, expected: &'static str) -> Sort {
    (json!({ "type": "exec", "command": "sh", "arguments": ["-c", script], "timeout": timeout }), status, expected)
}

/// A check that uses almost no resources.
fn quiet() -> Value {
    json!({ "type": "tcp", "endpoint_name": "quiet", "endpoint_url": "127.0.0.1:9" })
}

/// The resources of a program: its open files, its threads, its running or unreaped children, and all processes with
/// its mark in their environment. Children inherit the mark.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct ProcessResources {
    files: usize,
    threads: usize,
    children: usize,
    marked: usize,
}

impl ProcessResources {
    fn measure(program: &Program, mark: &str) -> ProcessResources {
        let of = |id: u32, name: &str| PathBuf::from(format!("/proc/{id}/{name}"));
        let count = |name: &str| std::fs::read_dir(of(program.id(), name)).expect("it runs").count();
        let (mut children, mut marked) = (0, 0);
        let processes = std::fs::read_dir("/proc").expect("there are processes").filter_map(Result::ok);
        let ids = processes.filter_map(|process| process.file_name().to_str()?.parse::<u32>().ok());
        for id in ids.filter(|id| *id != program.id()) {
            // Processes may exit while they are counted.
            let stat = std::fs::read_to_string(of(id, "stat")).unwrap_or_default();
            let parent = stat.rsplit(") ").next().and_then(|rest| rest.split(' ').nth(1)?.parse().ok());
            let environment = std::fs::read(of(id, "environ")).unwrap_or_default();
            children += usize::from(parent == Some(program.id()));
            marked += usize::from(String::from_utf8_lossy(&environment).contains(mark));
        }
        ProcessResources { files: count("fd"), threads: count("task"), children, marked }
    }

    /// Returns the smaller of the two values for each resource.
    fn or_less(self, other: ProcessResources) -> ProcessResources {
        ProcessResources {
            files: self.files.min(other.files),
            threads: self.threads.min(other.threads),
            children: self.children.min(other.children),
            marked: self.marked.min(other.marked),
        }
    }
}

/// Waits until each of the checks whose titles start with `begin` has run `times` more times.
async fn until_made(checker: &Checker, program: &mut Program, begin: &str, checks: usize, times: usize) {
    let count = || {
        let mut counts = BTreeMap::<String, usize>::new();
        for result in checker.all_results("checks").into_iter().filter(|result| result.title.starts_with(begin)) {
            *counts.entry(result.title).or_default() += 1;
        }
        if counts.len() < checks { 0 } else { counts.into_values().min().unwrap_or_default() }
    };
    let enough = count() + times;
    wait_for(&format!("{times} more rounds of {begin}"), || {
        let status = program.exit_status();
        assert!(status.is_none(), "the checker ended with {status:?}:\n{}", program.output());
        let are_made = count() >= enough;
        async move { are_made.then_some(()) }
    })
    .await;
}

/// Runs only the quiet check. Measures for at least a round, until the values are no larger than `enough`, and returns
/// the smallest value of each resource.
async fn resources_at_rest(
    checker: &Checker,
    program: &mut Program,
    mark: &str,
    enough: ProcessResources,
) -> ProcessResources {
    checker.configure(&watching(&[quiet()], &directory()));
    program.signal("HUP");
    // After two more rounds of the quiet check, all earlier checks have finished.
    until_made(checker, program, "quiet", 1, 2).await;
    let (mut least, stored) = (ProcessResources::measure(program, mark), checker.check_files("checks").len());
    poll_until(|| {
        least = least.or_less(ProcessResources::measure(program, mark));
        let rests = least.or_less(enough) == least && checker.check_files("checks").len() > stored;
        async move { rests.then_some(()) }
    })
    .await;
    least
}

#[tokio::test]
async fn repeated_checks_do_not_leak_files_threads_or_processes() {
    let authority = Authority::new();
    let well = Endpoint::start_tls(Behavior::ok(), authority.server("127.0.0.1", Validity::Now)).await;
    let expired = Endpoint::start_tls(Behavior::ok(), authority.server("127.0.0.1", Validity::EndedDaysAgo(3))).await;
    // One server closes connections during the handshake, and the other one never responds.
    let rude = serve(async |_| None).await;
    let silent = Endpoint::start(Behavior::Hang).await;
    let host = |endpoint: &Endpoint| endpoint.url.split('/').nth(2).expect("it has a host").to_owned();
    let sorts: Vec<Sort> = [
        over_tls(&host(&well), Status::Healthy, ""),
        over_tls(&host(&expired), Status::Down, "certificate expired 3 days ago"),
        over_tls(&format!("127.0.0.1:{rude}"), Status::Down, "connection "),
        over_tls(&host(&silent), Status::Down, "TLS handshake not complete within 300ms"),
        [
            command("echo done", "30s", Status::Healthy, ""),
            command("echo broken; exit 3", "30s", Status::Down, "exit status 3"),
        ],
        [
            command("sleep 600 & echo done", "30s", Status::Healthy, ""),
            command(
                "trap '' TERM; (trap '' TERM; sleep 600) & sleep 600; sleep 600",
                "300ms",
                Status::Down,
                "command not finished within 300ms",
            ),
        ],
    ]
    .concat();
    let mut checks: Vec<Value> = Vec::new();
    for (number, (check, ..)) in sorts.iter().enumerate() {
        for copy in 0..OF_EACH {
            let mut check = check.clone();
            // In the original Checkup's configuration, the title of a command is its `name`.
            let key = if check["type"] == "exec" { "name" } else { "endpoint_name" };
            check[key] = json!(format!("loud {copy} {number}"));
            checks.push(check);
        }
    }
    let loud = watching(&checks, &directory());
    let checker = Checker::new(&loud);
    authority.write_pem(&checker.path("ca.pem"));
    let mark = format!("CHECKUP_TEST={}", checker.folder.path().display());
    let mut program =
        checker.start_by(&["env".to_owned(), mark.clone()], &["run", "-c", "checker.json", "--every", "1s"]);

    until_made(&checker, &mut program, "loud", checks.len(), ROUNDS_BEFORE).await;
    let nothing = ProcessResources { files: usize::MAX, threads: usize::MAX, children: 0, marked: 0 };
    let before = resources_at_rest(&checker, &mut program, &mark, nothing).await;
    checker.configure(&loud);
    program.signal("HUP");
    until_made(&checker, &mut program, "loud", checks.len(), ROUNDS_BETWEEN).await;
    let after = resources_at_rest(&checker, &mut program, &mark, before).await;
    println!("{before:?}\n{after:?}");

    for result in checker.all_results("checks").iter().filter(|result| result.title != "quiet") {
        let number: usize = result.title.rsplit(' ').next().and_then(|number| number.parse().ok()).expect("a number");
        let (_, status, expected) = &sorts[number];
        let reason = result.reason().unwrap_or_default();
        assert!(result.status == *status && reason.contains(expected), "{}: {reason}", sorts[number].0);
    }
    assert_eq!((before.children, before.marked), (0, 0), "{before:?}: a process was left");
    assert_eq!(after.or_less(before), after, "{before:?} became {after:?} in {ROUNDS_BETWEEN} rounds");
}

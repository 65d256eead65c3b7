//! Tests the terminal's figures for long histories from several nodes. The outages are known, so the figures must be
//! exact.

use std::path::Path;

use serde_json::{Value, json};
use shared::check_file::{Attempt, CheckResult, write_check_file};
use shared::object_name::{CheckFileName, HistoryName, HistoryPart, NodeName};
use shared::quorum::Quorum;
use shared::status::Status;
use shared::{DAY, HOUR, MINUTE, Nanos, UnixNanos};
use support::checker::Checker;
use support::configuration::{check, directory, watching};
use support::now;

/// The interval between generated rounds.
const INTERVAL: Nanos = 10 * MINUTE;
/// The number of days that the nodes have run.
const DAYS: i64 = 12;

/// A node, and the outage of `Shop` that it sees: how long ago the outage started, and its duration.
struct Generated {
    name: &'static str,
    down: (Nanos, Nanos),
}

/// Two nodes saw a one-hour outage five days ago. The third node sees a current outage that the others do not see.
const NODES: [Generated; 3] = [
    Generated { name: "eu-west", down: (5 * DAY, HOUR) },
    Generated { name: "us-east", down: (5 * DAY, HOUR) },
    Generated { name: "ap-south", down: (2 * HOUR, 3 * HOUR) },
];

/// Returns the check files of all nodes until now, as names and contents.
fn check_files(now: UnixNanos, quorum: Quorum) -> Vec<(String, String)> {
    let first = (now - DAYS * DAY) / INTERVAL * INTERVAL;
    let mut files = Vec::new();
    for generated in NODES {
        let node = NodeName::new(generated.name).expect("it is a name");
        let (before, length) = generated.down;
        let from = (now - before) / INTERVAL * INTERVAL;
        for at in (first..now).step_by(INTERVAL as usize) {
            let is_down = (from..from + length).contains(&at);
            let result = |title: &str, status: Status| CheckResult {
                title: title.to_owned(),
                locator: "https://shop.example/".to_owned(),
                timestamp: at,
                attempts: vec![Attempt {
                    rtt: 90_000_000 + at / INTERVAL % 17 * 1_000_000,
                    error: (status == Status::Down).then(|| "connection refused".to_owned()),
                    ..Attempt::default()
                }],
                status,
                node: Some(node.clone()),
                interval: Some(INTERVAL),
                quorum,
                ..CheckResult::default()
            };
            let shop = result("Shop", if is_down { Status::Down } else { Status::Healthy });
            let name = CheckFileName { stored_at: at + 1, node: Some(node.clone()) };
            files.push((name.to_string(), write_check_file(&[shop, result("Site", Status::Healthy)])));
        }
    }
    files
}

fn fill(checks: &Path, files: &[(String, String)]) {
    std::fs::create_dir_all(checks).expect("the folder can be created");
    for (name, content) in files {
        std::fs::write(checks.join(name), content).expect("the file can be written");
    }
}

fn configuration(storage: &Value) -> Value {
    let mut config = watching(&[check("Shop", "http://127.0.0.1:9/")], storage);
    config["page"] = json!({ "title": "Long", "range": "10d", "refresh": "1h" });
    config
}

async fn rebuild_all(checker: &Checker) {
    for node in NODES {
        let run = checker.call(&["history", "rebuild", "-c", "checker.json", "--node", node.name]).await;
        assert_eq!(run.code, 0, "{}", run.output());
        assert!(run.stdout.contains(&format!("history/{}.json", node.name)), "{}", run.stdout);
    }
}

async fn status(checker: &Checker) -> Value {
    let run = checker.call(&["status", "-c", "checker.json", "--format", "json"]).await;
    assert_eq!(run.code, 0, "{}", run.output());
    serde_json::from_str(&run.stdout).expect("it is JSON")
}

fn endpoint<'a>(status: &'a Value, title: &str) -> &'a Value {
    let all = status["endpoints"].as_array().expect("there are endpoints");
    all.iter().find(|endpoint| endpoint["title"] == title).expect("it is among them")
}

#[tokio::test]
async fn known_outages_give_exact_figures_with_each_quorum() {
    for (quorum, down, word) in [
        (Quorum::Majority, HOUR, "degraded"),
        (Quorum::All, 0, "degraded"),
        // The third node's outage started with a round that is just over two hours old.
        (Quorum::Any, HOUR + 2 * HOUR, "down"),
    ] {
        let checker = Checker::new(&configuration(&directory()));
        let begun = now();
        fill(&checker.path("checks"), &check_files(begun, quorum));
        rebuild_all(&checker).await;
        let status = status(&checker).await;
        let shop = endpoint(&status, "Shop");
        let measured = shop["down"].as_i64().expect("it is a number");
        // The reported length of an ongoing outage grows over time.
        assert!((down..=down + if word == "down" { 2 * INTERVAL } else { 0 }).contains(&measured), "{quorum}: {shop}");
        assert_eq!((&shop["status"], &shop["verdict"]), (&json!(word), &json!(quorum.to_string())));
        assert_eq!(shop["localized"], json!(word != "down"));
        assert_eq!(endpoint(&status, "Site")["uptime"], "100%");
        assert!(status["nodes"].as_array().is_some_and(|nodes| nodes.len() == 3), "{status}");
    }
}

#[tokio::test]
async fn a_failure_at_one_location_is_a_partial_outage() {
    let checker = Checker::new(&configuration(&directory()));
    fill(&checker.path("checks"), &check_files(now(), Quorum::Majority));
    rebuild_all(&checker).await;
    let run = checker.call(&["status", "-c", "checker.json"]).await;
    assert!(run.stdout.contains("◐ partial outage Shop"), "{}", run.stdout);
    assert!(run.stdout.contains("unreachable from ap-south, reachable from 2 others"), "{}", run.stdout);
    assert!(run.stdout.contains("eu-west last reported"), "{}", run.stdout);
}

#[tokio::test]
async fn a_rebuild_gives_the_same_history_as_the_rounds() {
    let closed = "http://127.0.0.1:9/";
    let checker = Checker::new(&watching(&[check("Shop", closed)], &directory()));
    for _ in 0..3 {
        assert_eq!(checker.run(&[]).await.code, 0);
    }
    let history = HistoryName { node: NodeName::new("test-node").ok(), part: HistoryPart::Main };
    let path = checker.path("checks").join(history.to_string());
    let grown = std::fs::read(&path).expect("each round writes it");
    std::fs::remove_file(&path).expect("it can be lost");
    assert_eq!(checker.call(&["history", "rebuild", "-c", "checker.json"]).await.code, 0);
    assert_eq!(std::fs::read(&path).expect("it is made again"), grown);
}

#[tokio::test]
async fn an_invalid_history_is_named_and_replaced_by_check_files() {
    let checker = Checker::new(&configuration(&directory()));
    fill(&checker.path("checks"), &check_files(now(), Quorum::Majority));
    rebuild_all(&checker).await;
    for broken in ["", "{\"version\":1,\"newest\":", "{\"version\":99}", "[1e999]"] {
        checker.write("checks/history/us-east.json", broken);
        let run = checker.call(&["status", "-c", "checker.json", "--format", "json"]).await;
        assert!(run.stderr.contains("unreadable history") && run.stderr.contains("us-east"), "{}", run.stderr);
        let status: Value = serde_json::from_str(&run.stdout).expect("it is JSON");
        assert_eq!(endpoint(&status, "Shop")["down"].as_i64(), Some(HOUR), "{status}");
    }
}

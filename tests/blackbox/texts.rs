//! Compares the real checker's output with snapshots. Ports, times, keys and folders are replaced, because they differ
//! between runs. `INSTA_UPDATE=always` accepts changes.

use std::collections::HashMap;
use std::fmt::Write as _;
use std::path::Path;
use std::time::Duration;

use regex::{Captures, Regex};
use serde_json::{Value, json};
use shared::check_file::{Attempt, CheckResult, write_check_file};
use shared::object_name::{CheckFileName, NodeName};
use shared::status::Status;
use shared::{DAY, HOUR, MINUTE, Nanos, UnixNanos};
use support::bucket::Bucket;
use support::checker::{Checker, Run};
use support::configuration::{check, check_with, directory, watching};
use support::endpoints::{Behavior, Endpoint, refused};
use support::test_site::TestSite;
use support::{free_port, ministack, now, wait_for};

/// The interval between rounds in generated stores.
const INTERVAL: Nanos = 10 * MINUTE;

fn replace_all(text: &str, pattern: &str, replacement: &str) -> String {
    Regex::new(pattern).expect("the pattern is valid").replace_all(text, replacement).into_owned()
}

/// Replaces all matches of a pattern, such as ports, with numbers in order of appearance. Equal matches get the same
/// number.
fn number_all(text: &str, pattern: &str, name: &str) -> String {
    let mut seen = HashMap::new();
    let number = |captures: &Captures<'_>| {
        let next = seen.len() + 1;
        let number = seen.entry(captures[1].to_owned()).or_insert(next);
        captures[0].replace(&captures[1], &format!("[{name} {number}]"))
    };
    Regex::new(pattern).expect("the pattern is valid").replace_all(text, number).into_owned()
}

/// Replaces the parts of the text that differ between runs.
fn redacted(text: &str, checker: &Checker) -> String {
    let mut text = text.replace(&checker.folder.path().display().to_string(), "[folder]");
    let canonical = checker.folder.path().canonicalize().expect("the folder exists");
    text = text.replace(&canonical.display().to_string(), "[folder]");
    text = number_all(&text, r"127\.0\.0\.1:(\d{4,5})", "port");
    text = number_all(&text, r"\b(AKIA[A-Z0-9]{12,16})\b", "key");
    text = number_all(&text, r"((?:site|checkup)-\d+)", "bucket");
    for (pattern, replacement) in [
        (r"\b\d{19}(-[a-z0-9-]+-check\.json)", "[time]$1"),
        (r"(secret_access_key|public_access_key)(`?:? )\S{30,}", "$1$2[secret]"),
        (r"\b[A-Za-z0-9+/]{40}\b", "[secret]"),
        (r"\b\d{4}-\d\d-\d\d[T ]\d\d:\d\d(:\d\d)?(\.\d+)?( UTC|Z)?", "[date]"),
        (r"\b\d+(\.\d+)? (ns|µs|ms)\b", "[rtt]"),
        (r"in \d+\.\d s\b", "in [duration]"),
        (r"([A-Z][a-z]{2} \d{1,2}, )?(\d{4}, )?\b\d\d:\d\d (UTC|[+-]\d\d:\d\d)", "[clock time]"),
        (r"(been \w+|outage|data) for \d+ \w+( \d+ \w+)?", "$1 for [length]"),
        (r"\b\d+ (s|min)( \d+ s)? ago", "[ago]"),
        (r"\b[1-9]\d\.\d\d%", "[percentage]"),
        (r"spool/[0-9a-f]{8,}", "spool/[store]"),
        // The width of a column depends on text that was replaced.
        (r"(\S) {3,}", "$1  "),
        // The length of a bar in the waterfall depends on timing.
        (r"█+", "█"),
        (r" +\n", "\n"),
    ] {
        text = replace_all(&text, pattern, replacement);
    }
    text
}

/// The transcript of a call: the command, standard output, standard error and the exit status.
fn transcript(checker: &Checker, words: &[&str], run: &Run) -> String {
    let mut text = format!("$ checker {}\n{}", words.join(" "), run.stdout);
    if !run.stderr.is_empty() {
        let _ = write!(text, "[standard error]\n{}", run.stderr);
    }
    let _ = writeln!(text, "[exit status {}]\n", run.code);
    redacted(&text, checker)
}

/// Runs the checker once for each list of arguments, and joins the transcripts.
async fn session(checker: &Checker, lines: &[&[&str]]) -> String {
    let mut text = String::new();
    for words in lines {
        text.push_str(&transcript(checker, words, &checker.call(words).await));
    }
    text
}

fn assert_text(name: &str, text: &str) {
    let mut settings = insta::Settings::clone_current();
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    settings.bind(|| insta::assert_snapshot!(format!("checker_{name}"), text));
}

#[tokio::test]
async fn the_output_of_run() {
    let ok = Endpoint::start(Behavior::ok()).await;
    let checks = [
        check("Shop", &ok.url),
        check_with("Search", &ok.url, json!({ "threshold_rtt": 1 })),
        check("Billing", &refused()),
        json!({ "type": "heartbeat", "endpoint_name": "Backup", "job": "backup", "interval": "1d" }),
    ];
    let checker = Checker::new(&watching(&checks, &directory()));
    let text = session(
        &checker,
        &[
            &["run"],
            &["run", "--no-store"],
            &["run", "--message", "We are <b>on it</b>.", "--endpoint", "Shop"],
            &["run", "--message", "Hello", "--no-store"],
            &["run", "--message", "<script>x</script>"],
            &["run", "--message", "Hello", "--endpoint", "Shp"],
            &["run", "--fail-on", "down", "--node", "eu-west"],
            &["run", "-c", "missing.json"],
        ],
    )
    .await;
    assert_text("run", &text);
}

#[tokio::test]
async fn the_output_of_run_with_store_errors() {
    let ok = Endpoint::start(Behavior::ok()).await;
    let checks = [check("Shop", &ok.url)];
    let mut text = String::new();
    let key = |bucket: &str, url: &str| {
        json!({ "type": "s3", "bucket": bucket, "region": "us-east-1", "access_key_id": "AKIA0000000000000000",
            "secret_access_key": "none", "endpoint_url": url, "path_style": true })
    };
    let not_s3 = Endpoint::start(Behavior::ok()).await;
    for storage in
        [key("my-status", &refused()), key("my-status", &ministack::server().url), key("my-status", &not_s3.url)]
    {
        let checker = Checker::new(&watching(&checks, &storage));
        text.push_str(&session(&checker, &[&["run"], &["run"], &["status"], &["history", "rebuild"]]).await);
    }
    let checker = Checker::new(&watching(&checks, &directory()));
    checker.write("checks", "a file where the directory should be");
    text.push_str(&session(&checker, &[&["run"], &["status"], &["history", "rebuild"]]).await);
    let checker = Checker::new(&json!({ "checkers": checks }));
    text.push_str(&session(&checker, &[&["run"], &["status"], &["history", "rebuild"], &["beat", "backup"]]).await);
    assert_text("run_store_errors", &text);
}

#[tokio::test]
async fn the_output_of_explain() {
    let ok = Endpoint::start(Behavior::ok()).await;
    let assertions =
        json!({ "assertions": ["[STATUS] == 200", "[STATUS] == 404"], "headers": { "Authorization": "s3cr3t" } });
    let checks = [check_with("Shop", &ok.url, assertions), check("Billing", &refused())];
    let checker = Checker::new(&watching(&checks, &directory()));
    let text = session(
        &checker,
        &[&["explain", "Shop"], &["explain", "Billing"], &["explain", "Shp"], &["explain", "Warehouse"]],
    )
    .await;
    assert_text("explain", &text);
}

#[tokio::test]
async fn the_output_of_init_validate_and_beat() {
    let job = json!({ "type": "heartbeat", "endpoint_name": "Backup", "job": "backup", "interval": "1d" });
    let checker = Checker::new(&watching(&[job], &directory()));
    checker.write("broken.json", "{\n  \"checkers\": [],\n  \"nod\": 1\n}\n");
    let text = session(
        &checker,
        &[
            &["init"],
            &["init", "new.json"],
            &["init", "new.json", "--force"],
            &["init", "nowhere/new.json"],
            &["validate"],
            &["validate", "-c", "new.json"],
            &["validate", "-c", "broken.json"],
            &["run", "-c", "broken.json"],
            &["validate", "-c", "missing.json"],
            &["beat", "backup"],
            &["beat", "backup", "--failed", "disk full"],
            &["beat", "backup", "--exit-status", "3"],
            &["beat", "bakup"],
            &["beat", "warehouse"],
        ],
    )
    .await;
    assert_text("init_validate_beat", &text);
}

/// A node in a generated store: its name, how long ago it last reported, and when `Shop` was down according to it.
struct Node {
    name: &'static str,
    reported: Nanos,
    down: Option<(Nanos, Nanos)>,
}

fn write_store(checker: &Checker, nodes: &[Node], now: UnixNanos) {
    let folder = checker.path("checks");
    std::fs::create_dir_all(&folder).expect("the folder can be created");
    for node in nodes {
        let name = NodeName::new(node.name).expect("it is a name");
        let last = now - node.reported;
        for at in (0..2 * DAY / INTERVAL).map(|index| last - index * INTERVAL) {
            let is_down = node.down.is_some_and(|(from, to)| (now - from..now - to).contains(&at));
            let result = |title: &str, is_down: bool| CheckResult {
                title: title.to_owned(),
                locator: "https://shop.example/".to_owned(),
                timestamp: at,
                attempts: vec![Attempt {
                    rtt: 90_000_000,
                    error: is_down.then(|| "connection refused".to_owned()),
                    ..Attempt::default()
                }],
                status: if is_down { Status::Down } else { Status::Healthy },
                node: Some(name.clone()),
                interval: Some(INTERVAL),
                ..CheckResult::default()
            };
            let file = CheckFileName { stored_at: at + 1, node: Some(name.clone()) };
            let content = write_check_file(&[result("Shop", is_down), result("Site", false)]);
            write(&folder, &file.to_string(), &content);
        }
    }
}

fn write(folder: &Path, name: &str, content: &str) {
    std::fs::write(folder.join(name), content).expect("the file can be written");
}

async fn status_session(nodes: &[Node]) -> String {
    let checker = Checker::new(&watching(&[check("Shop", "http://127.0.0.1:9/")], &directory()));
    write_store(&checker, nodes, now());
    let mut text = String::new();
    for node in nodes {
        let words = ["history", "rebuild", "--node", node.name];
        text.push_str(&transcript(&checker, &words, &checker.call(&words).await));
    }
    text + &session(&checker, &[&["status"], &["status", "--range", "1h", "--fail-on", "degraded"]]).await
}

#[tokio::test]
async fn the_output_of_status_and_history() {
    let node = |name, reported, down| Node { name, reported, down };
    let minute = MINUTE;
    let stores = [
        ("well", vec![node("eu-west", minute, None), node("us-east", minute, None)]),
        (
            "down from one node",
            vec![
                node("eu-west", minute, None),
                node("us-east", minute, Some((5 * HOUR + 5 * MINUTE, 0))),
                node("ap-south", minute, None),
            ],
        ),
        ("down", vec![node("eu-west", minute, Some((5 * HOUR + 5 * MINUTE, 0)))]),
        ("silent", vec![node("eu-west", minute, None), node("us-east", 3 * HOUR, None)]),
        ("all silent", vec![node("eu-west", 3 * HOUR, None)]),
    ];
    let mut text = String::new();
    for (name, nodes) in stores {
        let _ = writeln!(text, "## {name}\n\n{}", status_session(&nodes).await);
    }
    let checker = Checker::new(&watching(&[check("Shop", "http://127.0.0.1:9/")], &directory()));
    text.push_str("## broken\n\n");
    text.push_str(
        &session(&checker, &[&["status"], &["history", "rebuild"], &["history", "rebuild", "--unnamed-node"]]).await,
    );
    write_store(&checker, &[node("test-node", minute, None)], now());
    let name = |ago: Nanos| CheckFileName { stored_at: now() - ago, node: NodeName::new("test-node").ok() }.to_string();
    let checks = checker.path("checks");
    std::fs::create_dir_all(checks.join("history")).expect("the folder can be created");
    write(&checks, &name(DAY), "[");
    write(&checks, &name(7 * MINUTE), "{}");
    write(&checks, "history/test-node.json", "{\"version\":99}");
    text.push_str(&session(&checker, &[&["status"], &["history", "rebuild"], &["status"]]).await);
    assert_text("status_and_history", &text);
}

#[tokio::test]
async fn the_output_of_provision_and_deprovision() {
    let site = TestSite::new().await;
    let wishes =
        ["--origin", "https://status.example", "--writer", "eu-west", "--check-expiry", "30d", "--lifecycle", "90d"];
    let other = ["--origin", "https://status.example", "--origin", "https://other.example", "--writer", "us"];
    let mut text = String::new();
    for (command, words, typed) in [
        ("provision", vec!["--dry-run"], ""),
        ("provision", vec![], "no\n"),
        ("provision", vec![], "yes\n"),
        ("provision", vec!["--yes"], ""),
        ("provision", vec!["--rotate"], "yes\nno\n"),
        ("provision", vec!["--rotate", "--yes"], ""),
    ] {
        let words = [words.as_slice(), wishes.as_slice()].concat();
        let run = site.call(command, &words, typed).await;
        text.push_str(&transcript(&site.checker, &[&[command], words.as_slice()].concat(), &run));
    }
    let run = site.call("provision", &[&["--dry-run"], other.as_slice()].concat(), "").await;
    text.push_str(&transcript(&site.checker, &[&["provision", "--dry-run"], other.as_slice()].concat(), &run));
    let run = site.call("provision", &["--yes", "--writer", "ap", "--out", "missing/folder"], "").await;
    text.push_str(&transcript(
        &site.checker,
        &["provision", "--yes", "--writer", "ap", "--out", "missing/folder"],
        &run,
    ));
    assert_text("provision", &text);

    let bucket = site.bucket.name.clone();
    let typed = format!("{bucket}\n");
    let mut text = String::new();
    for (words, typed) in [
        (vec!["--dry-run"], ""),
        (vec!["--dry-run", "--delete-data"], ""),
        (vec![], "no\n"),
        (vec!["--delete-data"], "yes\n"),
        (vec![], "yes\n"),
        (vec!["--delete-data"], typed.as_str()),
        (vec!["--yes"], ""),
    ] {
        let run = site.deprovision(&words, typed).await;
        text.push_str(&transcript(&site.checker, &[&["deprovision"], words.as_slice()].concat(), &run));
    }
    let checker = Checker::new(&watching(&[], &directory()));
    let lines: [&[&str]; 3] =
        [&["provision", "--yes"], &["provision", "-c", "checker.json"], &["deprovision", "--bucket", "A_B"]];
    text.push_str(&session(&checker, &lines).await);
    assert_text("deprovision", &text);
}

#[tokio::test]
async fn the_output_of_doctor() {
    let site = TestSite::new().await;
    let origin = "https://status.example";
    let run = site.provision(&["--origin", origin, "--writer", "eu-west", "--check-expiry", "30d"]).await;
    assert_eq!(run.code, 0, "{}", run.output());
    let ok = Endpoint::start(Behavior::ok()).await;
    let configure = |change: &dyn Fn(&mut Value)| {
        let mut config: Value = serde_json::from_str(&site.file("checker-eu-west.json")).expect("it is JSON");
        config["spool_dir"] = json!("spool");
        config["checkers"] = json!([check("Shop", &ok.url)]);
        change(&mut config);
        site.checker.write("checker.json", &config.to_string());
    };
    configure(&|_| {});
    let page = ["doctor", "--page", "config.json", "--origin", origin];
    let mut text = session(
        &site.checker,
        &[
            &["doctor", "-c", "checker.json"],
            &["run"],
            &["doctor", "-c", "checker.json", "--page", "config.json", "--origin", origin],
            &page,
            &["doctor", "--page", "config.json"],
            &["doctor", "--page", "config.json", "--origin", "https://other.example"],
            &["doctor", "-c", "missing.json"],
            &["doctor", "--page", "missing.json"],
        ],
    )
    .await;
    configure(&|config| config["storage"]["secret_access_key"] = json!("wrong"));
    text.push_str(&session(&site.checker, &[&["doctor", "-c", "checker.json"]]).await);
    configure(&|config| config["storage"]["endpoint_url"] = json!(refused()));
    text.push_str(&session(&site.checker, &[&["doctor", "-c", "checker.json"]]).await);
    configure(&|config| config["storage"]["bucket"] = json!("no-such-bucket"));
    text.push_str(&session(&site.checker, &[&["doctor", "-c", "checker.json"]]).await);
    let administrator = ministack::admin().await;
    // The doctor only reports permission to list buckets if there is another bucket.
    Bucket::new().await;
    configure(&|config| {
        config["storage"]["access_key_id"] = json!(administrator.id);
        config["storage"]["secret_access_key"] = json!(administrator.secret);
    });
    text.push_str(&session(&site.checker, &[&["doctor", "-c", "checker.json"]]).await);
    configure(&|config| config["storage"] = directory());
    text.push_str(
        &session(&site.checker, &[&["doctor", "-c", "checker.json"], &["run"], &["doctor", "-c", "checker.json"]])
            .await,
    );
    site.checker.write("config.json", "{\"source\":{}}");
    text.push_str(&session(&site.checker, &[&page]).await);
    assert_text("doctor", &text);
}

/// Returns the output of a daemon that is stopped after its first round.
async fn output_of_a_round(checker: &Checker, words: &[&str]) -> String {
    let mut running = checker.start(words);
    let badge = checker.path("checks/0-badge/test-node/_overall.svg");
    let is_done = || running.output().contains("first status") && badge.exists();
    wait_for("a round", || {
        let is_done = is_done();
        async move { is_done.then_some(()) }
    })
    .await;
    // The round ends shortly after its last file is written. A signal before its end would change the output.
    tokio::time::sleep(Duration::from_millis(500)).await;
    running.signal("TERM");
    let status = running.wait().await;
    std::fs::remove_dir_all(checker.path("checks")).expect("the store can be removed");
    redacted(&format!("$ checker {}\n{}[{status}]\n\n", words.join(" "), running.output()), checker)
}

#[tokio::test]
async fn the_output_of_a_daemon() {
    let ok = Endpoint::start(Behavior::ok()).await;
    let checker = Checker::new(&watching(&[check("Shop", &ok.url)], &directory()));
    let mut text = output_of_a_round(&checker, &["run", "--every", "1h"]).await;
    let listen = format!("127.0.0.1:{}", free_port());
    text.push_str(&output_of_a_round(&checker, &["serve", "--listen", &listen]).await);
    let address = ok.url.trim_start_matches("http://").trim_end_matches('/');
    let lines: [&[&str]; 4] = [
        &["serve", "--listen", address],
        &["serve", "--listen", "192.0.2.1:80"],
        &["serve", "--listen", "127.0.0.1:0", "--page", "missing"],
        &["serve", "--listen", "127.0.0.1:0", "-c", "missing.json"],
    ];
    text.push_str(&session(&checker, &lines).await);
    assert_text("daemon", &text);
}

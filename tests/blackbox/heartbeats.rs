//! `checker beat` in jobs, and the checks that detect missing heartbeats, with both types of store.

use serde_json::{Value, json};
use shared::check_file::CheckResult;
use shared::status::Status;
use shared::{HOUR, MINUTE};
use support::browser::Browser;
use support::bucket::Bucket;
use support::checker::Checker;
use support::configuration::{check_with, directory, watching};
use support::endpoints::{Behavior, Endpoint};
use support::page;

fn backup() -> Value {
    json!({ "type": "heartbeat", "endpoint_name": "Backup", "job": "backup", "interval": "10m", "grace": "5m" })
}

/// Runs the heartbeat check, and returns the status and notice of its result.
async fn check_once(checker: &Checker) -> (Status, String) {
    let run = checker.run(&["--format", "json"]).await;
    assert_eq!(run.code, 0, "{}", run.output());
    let results = run.results();
    assert_eq!(results.len(), 1);
    (results[0].status, results[0].reason().unwrap_or_default().to_owned())
}

async fn beat(checker: &Checker, words: &[&str]) {
    let run = checker.call(&[&["beat", "backup"], words].concat()).await;
    assert_eq!((run.code, run.stderr.as_str()), (0, ""), "cron sends mail only about problems");
    let what = if words.contains(&"--failed") { "failure" } else { "heartbeat" };
    let stored = format!("{what} of `backup` stored as heartbeats/backup.json in ");
    assert!(run.stdout.starts_with(&stored) && run.stdout.lines().count() == 1, "{}", run.stdout);
}

fn down(sentence: &str) -> (Status, String) {
    (Status::Down, sentence.to_owned())
}

/// Tests all states of a heartbeat. The function `put` writes a heartbeat object directly.
async fn test_heartbeat(checker: &Checker, put: impl AsyncFn(String)) {
    assert_eq!(check_once(checker).await, down("no heartbeat received yet, expected every 10 min"));
    beat(checker, &[]).await;
    assert_eq!(check_once(checker).await, (Status::Healthy, String::new()));
    beat(checker, &["--exit-status", "3", "--failed", "disk full"]).await;
    assert_eq!(check_once(checker).await, down("the job ended with exit status 3: disk full"));
    beat(checker, &["--exit-status", "0"]).await;
    assert_eq!(check_once(checker).await, (Status::Healthy, String::new()));
    put(format!("{{\"at\":{}}}", support::now() - 26 * MINUTE)).await;
    assert_eq!(check_once(checker).await, down("no heartbeat for 26 min, expected every 10 min"));
    put(format!("{{\"at\":{}}}", support::now() + 2 * HOUR + MINUTE)).await;
    let (status, why) = check_once(checker).await;
    assert!(status == Status::Unknown && why.contains("2 h in the future"), "{status}: {why}");
    put("<html>".to_owned()).await;
    let (status, why) = check_once(checker).await;
    assert!(status == Status::Unknown && why.contains("failed to parse `heartbeats/backup.json`"), "{status}: {why}");
}

#[tokio::test]
async fn a_job_with_a_directory_is_healthy_until_it_fails_or_is_late() {
    let checker = Checker::new(&watching(&[backup()], &directory()));
    test_heartbeat(&checker, async |content| checker.write("checks/heartbeats/backup.json", &content)).await;
}

#[tokio::test]
async fn a_job_with_a_bucket_is_healthy_until_it_fails_or_is_late() {
    let bucket = Bucket::new().await;
    let checker = Checker::new(&watching(&[backup()], &bucket.storage()));
    test_heartbeat(&checker, async |content| bucket.put("status/heartbeats/backup.json", content).await).await;
}

#[tokio::test]
async fn an_unreadable_store_leaves_the_job_unknown_and_never_down() {
    let checker = Checker::new(&watching(&[backup()], &directory()));
    beat(&checker, &[]).await;
    // A folder takes the object's name, because not even root can read a folder as a file.
    std::fs::remove_file(checker.path("checks/heartbeats/backup.json")).expect("it exists");
    std::fs::create_dir(checker.path("checks/heartbeats/backup.json")).expect("the folder can be created");
    let (status, why) = check_once(&checker).await;
    assert_eq!(status, Status::Unknown);
    assert!(why.starts_with("failed to read `heartbeats/backup.json` from the directory"), "{why}");

    let mut storage = Bucket::new().await.storage();
    storage["bucket"] = json!("no-such-bucket");
    let checker = Checker::new(&watching(&[backup()], &storage));
    let results = checker.run(&["--format", "json", "--no-store"]).await.results();
    let why = results[0].reason().unwrap_or_default();
    assert_eq!(results[0].status, Status::Unknown, "{why}");
    assert!(
        why.starts_with("failed to read `status/heartbeats/backup.json` from the bucket `no-such-bucket`"),
        "{why}"
    );

    let mut storage = Bucket::new().await.storage();
    storage["endpoint_url"] = json!(support::endpoints::refused());
    let checker = Checker::new(&watching(&[backup()], &storage));
    let results = checker.run(&["--format", "json", "--no-store"]).await.results();
    let why = results[0].reason().unwrap_or_default();
    assert_eq!(results[0].status, Status::Unknown, "{why}");
    assert!(why.contains("the connection was refused"), "{why}");
}

#[tokio::test]
async fn impossible_heartbeats_are_reported_before_they_are_expected() {
    let odd = json!({ "type": "heartbeat", "endpoint_name": "Odd", "job": "My Job", "interval": "1h" });
    let checker = Checker::new(&watching(&[backup(), odd], &directory()));
    let run = checker.call(&["validate"]).await;
    assert_eq!(run.code, 1);
    assert!(run.stdout.contains("invalid job name `My Job`"), "{}", run.output());
    checker.configure(&json!({ "checkers": [backup()] }));
    let run = checker.call(&["validate"]).await;
    assert_eq!(run.code, 1);
    assert!(
        run.stdout.contains("check `Backup` requires `storage`, because heartbeats are read from it"),
        "{}",
        run.output()
    );
    assert_eq!(check_once(&checker).await.0, Status::Unknown);
    let run = checker.call(&["beat", "backup"]).await;
    assert!(run.code == 2 && run.stderr.contains("has no `storage`"), "{}", run.output());

    checker.configure(&watching(&[backup()], &directory()));
    let run = checker.call(&["beat", "bakup"]).await;
    assert_eq!(run.code, 0, "it is stored, because another checker may have the check");
    assert!(
        run.stderr.contains("no check in this configuration uses the job `bakup`; did you mean `backup`?"),
        "{}",
        run.stderr
    );
    let run = checker.call(&["beat", "Backup"]).await;
    assert!(run.code == 2 && run.stderr.contains("lowercase letters"), "{}", run.output());
}

#[tokio::test]
async fn a_daemon_notices_heartbeats_even_after_a_reload() {
    let mut config = watching(&[backup()], &directory());
    config["every"] = json!("1s");
    let checker = Checker::new(&config);
    let program = checker.start(&["run", "--every", "1s"]);
    let statuses = async |wanted: Status| {
        support::wait_for("a result", || async {
            let results: Vec<CheckResult> = checker.all_results("checks");
            results.last().is_some_and(|last| last.status == wanted).then_some(())
        })
        .await;
    };
    statuses(Status::Down).await;
    beat(&checker, &[]).await;
    statuses(Status::Healthy).await;

    // After a reload, the checker reads the same heartbeats.
    let second = json!({ "type": "exec", "name": "Second", "command": "true" });
    config["checkers"] = json!([second, backup()]);
    checker.configure(&config);
    support::wait_for("three rounds of the new configuration", || async {
        let results = checker.all_results("checks");
        (results.iter().filter(|result| result.title == "Second").count() >= 3).then_some(())
    })
    .await;
    drop(program);
    for result in checker.all_results("checks") {
        assert_ne!(result.status, Status::Unknown, "{result:?}");
    }
}

#[tokio::test]
async fn heartbeats_do_not_affect_rebuilds_or_the_page() {
    let ok = Endpoint::start(Behavior::ok()).await;
    let shop = check_with("Shop", &ok.url, json!({}));
    let checker = Checker::new(&watching(&[shop, backup()], &directory()));
    beat(&checker, &["--failed", "only for us"]).await;
    assert_eq!(checker.run(&[]).await.code, 0);
    let rebuilt = checker.call(&["history", "rebuild"]).await;
    assert_eq!(rebuilt.code, 0, "{}", rebuilt.output());
    let served = checker.serve(&[]).await;
    let browser = Browser::open().await;
    let shown = page::visit(&browser, &served.url).await;
    assert_eq!(shown.endpoint("Shop").text_of("status"), "healthy");
    assert_eq!(shown.endpoint("Backup").text_of("status"), "down");
    assert_eq!(shown.problems(), "");
    for path in ["store/heartbeats/backup.json", "checks/heartbeats/backup.json", "heartbeats/backup.json"] {
        let status = support::http_client::get(&format!("{}{path}", served.url)).await.status;
        assert_eq!(status, 404, "heartbeats are not served: {path}");
    }
}

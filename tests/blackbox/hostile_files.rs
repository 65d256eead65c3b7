//! Large valid check files from a hostile or broken node: the memory of `checker status` is limited, however many there are.
//! It names what it leaves out, and still shows the results of the other nodes.

use serde_json::{Value, json};
use shared::MINUTE;
use support::checker::Checker;
use support::configuration::{check, directory, watching};
use support::endpoints::{Behavior, Endpoint};
use support::now;

use crate::hostile_stores::{measured, name};

/// How many large files the node stores. Keeping the results of all of them would take at least 600 MB.
const FILES: usize = 6;

/// How much more memory many large files can take than one, in KiB, for the results that are kept and the files that are
/// read at the same time.
const MEMORY_LIMIT: u64 = 256 << 10;

/// The size of a large file, in bytes. It is close to the limit of 32 MiB.
const SIZE: usize = 30 << 20;

/// Returns a check file of almost [`SIZE`] bytes and almost the maximum number of results.
fn large_file(result: impl Fn(usize) -> Value) -> String {
    let mut content = "[".to_owned();
    for number in 0..99_000 {
        let result = result(number).to_string();
        if content.len() + result.len() >= SIZE {
            break;
        }
        content.push_str(if number == 0 { "" } else { "," });
        content.push_str(&result);
    }
    content + "]"
}

/// Returns a title that differs from others in its first characters, because titles are shortened to 200 characters.
fn long_title(file: usize, number: usize) -> String {
    format!("{:-<230}", format!("{file}-{number}"))
}

/// Stores a node's files, the newest of which is a minute old, and returns the memory of `checker status` for the newest
/// one and for all of them, and the output for all of them.
async fn compared(checker: &Checker, files: usize, content: impl Fn(usize) -> String) -> (u64, u64, String, String) {
    let newest = now() - MINUTE;
    let store = |file: usize| {
        let path = checker.path("checks").join(name(newest - file as i64 * MINUTE, "other"));
        std::fs::write(&path, content(file)).expect("the file can be written");
        path
    };
    let mut paths = vec![store(0)];
    let (_, one) = measured(checker, &["status", "-c", "checker.json"]).await;
    paths.extend((1..files).map(store));
    let (run, all) = measured(checker, &["status", "-c", "checker.json"]).await;
    assert_eq!(run.code, 0, "{}", run.stderr);
    for path in paths {
        std::fs::remove_file(path).expect("it exists");
    }
    (one, all, run.stdout, run.stderr)
}

async fn with_round(endpoint: &Endpoint) -> Checker {
    let checker = Checker::new(&watching(&[check("Shop", &endpoint.url)], &directory()));
    assert_eq!(checker.run(&[]).await.code, 0);
    checker
}

#[tokio::test]
async fn the_memory_for_many_large_files_is_limited() {
    let ok = Endpoint::start(Behavior::ok()).await;
    let checker = with_round(&ok).await;
    let new_endpoints = |file| large_file(|number| json!({ "title": long_title(file, number), "healthy": true }));
    let new_reasons = |file| {
        let notice = |number: usize| format!("{file}-{number:0>190}");
        large_file(
            |number| json!({ "title": number.to_string(), "down": true, "notice": notice(number), "message": "Hello" }),
        )
    };
    let long_texts = |file| {
        let texts = |number: usize| (format!("{file}-{number}"), "\u{1f980}".repeat(1_990));
        large_file(|number| json!({ "title": texts(number).0, "endpoint": texts(number).1, "healthy": true }))
    };
    for (what, content) in [
        ("new endpoints", Box::new(new_endpoints) as Box<dyn Fn(usize) -> String>),
        ("new reasons", Box::new(new_reasons)),
        ("long texts", Box::new(long_texts)),
    ] {
        let (one, all, stdout, stderr) = compared(&checker, FILES, content).await;
        assert!(all < one + MEMORY_LIMIT, "{what}: {all} KiB for {FILES} files, {one} KiB for one");
        assert!(stdout.contains("Shop") && stdout.contains("other last reported "), "{what}");
        assert!(stderr.contains("left out the results of the node `other` from before "), "{what}: {stderr}");
    }
}

#[tokio::test]
async fn the_memory_for_large_files_after_a_history_is_limited() {
    let ok = Endpoint::start(Behavior::ok()).await;
    let checker = with_round(&ok).await;
    let stored_at = now() - 20 * MINUTE;
    let history = json!({ "version": 1, "node": "other", "newest": stored_at, "recent": [stored_at], "endpoints": [] });
    checker.write("checks/history/other.json", &history.to_string());
    let content = |file| large_file(|number| json!({ "title": long_title(file, number), "healthy": true }));
    let (one, all, stdout, stderr) = compared(&checker, FILES, content).await;
    assert!(all < one + MEMORY_LIMIT, "{all} KiB for {FILES} files, {one} KiB for one");
    assert!(stdout.contains("Shop"), "{stderr}");
    assert!(stderr.contains("left out the results of the node `other` from before "), "{stderr}");
}

#[tokio::test]
async fn invalid_results_of_many_files_are_only_counted() {
    let ok = Endpoint::start(Behavior::ok()).await;
    let checker = with_round(&ok).await;
    let content = |_| format!("[{}1]", "1,".repeat(99_999));
    let (one, all, stdout, stderr) = compared(&checker, 60, content).await;
    assert!(all < one + (64 << 10), "{all} KiB for 60 files, {one} KiB for one");
    assert!(stdout.contains("Shop"), "{stderr}");
    assert!(stderr.contains("skipped 100000 invalid results in the check file"), "{stderr}");
}

#[tokio::test]
async fn a_status_without_everything_is_unknown() {
    let ok = Endpoint::start(Behavior::ok()).await;
    let checker = with_round(&ok).await;
    let overall = async || {
        let status = checker.call(&["status", "-c", "checker.json", "--format", "json"]).await;
        serde_json::from_str::<Value>(&status.stdout).expect("it is JSON")["status"].clone()
    };
    assert_eq!(overall().await, "healthy");
    for file in 0..4 {
        let result = |number: usize| json!({ "title": format!("{file}-{number}"), "endpoint": "\u{1f980}".repeat(1_990), "healthy": true, "interval": 60 * MINUTE });
        let path = checker.path("checks").join(name(now() - (1 + file) * MINUTE, "other"));
        std::fs::write(path, large_file(result)).expect("the file can be written");
    }
    assert_eq!(overall().await, "unknown");
}

//! Large valid check files from a hostile or broken node: the memory of `checker status` is limited, however many there are.
//! It names what it leaves out, and still shows the results of the other nodes.

use serde_json::{Value, json};
use shared::MINUTE;
use support::checker::{Checker, Run};
use support::configuration::{check, directory, watching};
use support::endpoints::{Behavior, Endpoint};
use support::now;

use crate::hostile_stores::{measured, name};

/// How many large files the node stores. Keeping the results of all of them would take at least 600 MB.
const FILES: usize = 6;

/// How much memory large files can take, in KiB, for the results that are kept and a file that is read at the same time.
const MEMORY_LIMIT: u64 = 64 << 10;

const STATUS: [&str; 3] = ["status", "-c", "checker.json"];

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

/// Runs a command without files of another node, with its newest file, which is a minute old, and with all of them.
/// Checks how much memory the files take, and returns the last run.
async fn limited(checker: &Checker, words: &[&str], files: usize, content: impl Fn(usize) -> String) -> Run {
    let newest = now() - MINUTE;
    let (_, normal) = measured(checker, words).await;
    let mut last = None;
    let mut paths = Vec::new();
    for wanted in [1, files] {
        for file in paths.len()..wanted {
            let path = checker.path("checks").join(name(newest - file as i64 * MINUTE, "other"));
            std::fs::write(&path, content(file)).expect("the file can be written");
            paths.push(path);
        }
        let (run, memory) = measured(checker, words).await;
        assert_eq!(run.code, 0, "{}", run.stderr);
        assert!(memory < normal + MEMORY_LIMIT, "{memory} KiB for {wanted} files, normally {normal} KiB");
        last = Some(run);
    }
    for path in paths {
        std::fs::remove_file(path).expect("it exists");
    }
    last.expect("it ran")
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
    let new_ids = |file| {
        let id = |number: usize| format!("{file}-{number}");
        large_file(|number| json!({ "title": long_title(file, number), "down": true, "id": id(number) }))
    };
    for (what, content) in [
        ("new endpoints", Box::new(new_endpoints) as Box<dyn Fn(usize) -> String>),
        ("new reasons", Box::new(new_reasons)),
        ("long texts", Box::new(long_texts)),
        ("new ids", Box::new(new_ids)),
    ] {
        let run = limited(&checker, &STATUS, FILES, content).await;
        assert!(run.stdout.contains("Shop") && run.stdout.contains("other last reported "), "{what}");
        assert!(run.stderr.contains("left out the results of the node `other` from before "), "{what}: {}", run.stderr);
        assert!(
            run.stderr.contains(" other results, because its check files take more than "),
            "{what}: {}",
            run.stderr
        );
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
    let run = limited(&checker, &STATUS, FILES, content).await;
    assert!(run.stdout.contains("Shop"), "{}", run.stderr);
    assert!(run.stderr.contains("left out the results of the node `other` from before "), "{}", run.stderr);
}

#[tokio::test]
async fn the_memory_for_all_details_of_large_files_is_limited() {
    let ok = Endpoint::start(Behavior::ok()).await;
    let checker = with_round(&ok).await;
    let content = |file| {
        large_file(|number| json!({ "title": long_title(file, number), "healthy": true, "times": [{ "rtt": 1_000 }] }))
    };
    let words = [&STATUS[..], &["--format", "json", "--full", "--range", "1h"]].concat();
    let run = limited(&checker, &words, 2, content).await;
    let status: Value = serde_json::from_str(&run.stdout).expect("it is JSON");
    let endpoints = status["endpoints"].as_array().expect("there are endpoints");
    assert!(endpoints.iter().any(|endpoint| endpoint["response_times"]["median"] == 1_000));
    assert_eq!(status["status"], "unknown", "{}", run.stderr);
}

#[tokio::test]
async fn the_memory_for_tiny_results_is_limited() {
    let ok = Endpoint::start(Behavior::ok()).await;
    let checker = with_round(&ok).await;
    let content = |_| format!("[{}{{}}]", "{},".repeat(99_999));
    let run = limited(&checker, &STATUS, 60, content).await;
    assert!(run.stdout.contains("Shop"), "{}", run.stderr);
}

#[tokio::test]
async fn invalid_results_of_many_files_are_only_counted() {
    let ok = Endpoint::start(Behavior::ok()).await;
    let checker = with_round(&ok).await;
    let content = |_| format!("[{}1]", "1,".repeat(99_999));
    let run = limited(&checker, &STATUS, 60, content).await;
    assert!(run.stdout.contains("Shop"), "{}", run.stderr);
    assert!(run.stderr.contains("skipped 100000 invalid results in the check file"), "{}", run.stderr);
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

//! What all commands have in common on the command line: global options, help, manual pages, titles and addresses.

use std::time::Duration;

use serde_json::{Value, json};
use shared::status::Status;
use support::checker::Checker;
use support::configuration::{check, directory, watching};
use support::endpoints::{Behavior, Endpoint, refused};
use support::{free_port, http_client, wait_for};

const ESCAPE: char = '\u{1b}';

#[tokio::test]
async fn global_options_work_before_and_after_the_command() {
    let ok = Endpoint::start(Behavior::ok()).await;
    let checker = Checker::new(&watching(&[check("Shop", &ok.url)], &directory()));
    for words in [&["--color", "always", "run"][..], &["run", "--color", "always"]] {
        let run = checker.call(words).await;
        assert!(run.code == 0 && run.stdout.contains(ESCAPE), "{words:?}: {:?}", run.stdout);
    }
    let plain = checker.call_on_terminal(&["run", "--color", "never"]).await;
    assert!(plain.stdout.contains("healthy") && !plain.stdout.contains(ESCAPE), "{:?}", plain.stdout);
    let valid = checker.call(&["validate"]).await;
    let quiet = checker.call(&["validate", "-q"]).await;
    assert_eq!((valid.stderr.as_str(), quiet.stderr.as_str()), ("checker.json is valid\n", ""));
    let both = checker.call(&["validate", "-q", "-v"]).await;
    assert!(both.code == 2 && both.stderr.contains("cannot be used with"), "{}", both.stderr);
    for command in ["status", "doctor"] {
        let [long, short] = [&[command, "--format", "json"][..], &[command, "--json"]];
        let (long, short) = (checker.call(long).await, checker.call(short).await);
        let parse = |text: &str| serde_json::from_str::<Value>(text).unwrap_or_else(|error| panic!("{error}: {text}"));
        let (long, short) = (parse(&long.stdout), parse(&short.stdout));
        assert_eq!(
            long.as_object().map(serde_json::Map::len),
            short.as_object().map(serde_json::Map::len),
            "{command}"
        );
    }
}

#[tokio::test]
async fn quiet_daemons_log_only_problems() {
    let ok = Endpoint::start(Behavior::ok()).await;
    let checker = Checker::new(&watching(&[check("Shop", &ok.url)], &directory()));
    let listen = format!("localhost:{}", free_port());
    let mut running = checker.start(&["serve", "--quiet", "--listen", &listen]);
    wait_for("the first round", || async { (!checker.check_files("checks").is_empty()).then_some(()) }).await;
    running.signal("TERM");
    assert_eq!(running.wait().await.code(), Some(0));
    assert_eq!(running.output(), "");
}

#[tokio::test]
async fn repeated_rounds_have_a_time_and_names_only_on_request() {
    let ok = Endpoint::start(Behavior::ok()).await;
    for (words, has_name) in [(&[][..], false), (&["-v"], true)] {
        let checker = Checker::new(&watching(&[check("Shop", &ok.url)], &directory()));
        let mut running = checker.start(&[&["run", "--every", "1h"], words].concat());
        wait_for("a round", || async { running.output().contains("1 healthy").then_some(()) }).await;
        running.signal("TERM");
        assert_eq!(running.wait().await.code(), Some(0));
        let output = running.output();
        let heading = output.find("  STATUS").unwrap_or_else(|| panic!("{output}"));
        let time = output[..heading].lines().last().unwrap_or_default();
        let is_time = time.len() == "2026-11-30 18:20:31".len() && time.as_bytes()[10] == b' ';
        assert!(is_time && time.starts_with("20"), "{output}");
        assert_eq!(output.contains("stored as "), has_name, "{output}");
    }
}

#[tokio::test]
async fn a_slow_check_is_named_only_on_a_terminal() {
    let ok = Endpoint::start(Behavior::ok()).await;
    let slow = Endpoint::start(Behavior::AnswerAfter(Duration::from_millis(1_500), "200 OK", String::new())).await;
    let checker = Checker::new(&watching(&[check("Shop", &ok.url), check("Slow API", &slow.url)], &directory()));
    let line = "1 of 2 done, waiting for Slow API…";
    let shown = checker.call_on_terminal(&["run"]).await;
    assert!(shown.stdout.contains(line) && shown.stdout.contains("2 healthy"), "{:?}", shown.stdout);
    let piped = checker.call(&["run"]).await;
    assert!(!piped.output().contains("waiting for"), "{}", piped.output());
}

#[tokio::test]
async fn addresses_have_short_forms() {
    let ok = Endpoint::start(Behavior::ok()).await;
    for host in ["", "localhost:", ":"] {
        let checker = Checker::new(&watching(&[check("Shop", &ok.url)], &directory()));
        let port = free_port();
        let _running = checker.start(&["serve", "--listen", &format!("{host}{port}")]);
        let url = format!("http://127.0.0.1:{port}/config.json");
        wait_for("the server", || async { http_client::is_reachable(&url).await.then_some(()) }).await;
        assert_eq!(http_client::get(&url).await.status, 200, "{host}");
    }
}

#[tokio::test]
async fn titles_are_found_by_their_beginning_in_any_case() {
    let ok = Endpoint::start(Behavior::ok()).await;
    let checks = ["Shop", "Shop API", "Billing"].map(|title| check(title, &ok.url));
    let checker = Checker::new(&watching(&checks, &directory()));
    for (typed, title) in [("shop", "Shop"), ("bil", "Billing"), ("Shop A", "Shop API")] {
        let run = checker.call(&["explain", typed]).await;
        assert!(run.code == 0 && run.stdout.contains(title), "{typed}: {}", run.output());
    }
    let ambiguous = checker.call(&["explain", "sho"]).await;
    assert_eq!(ambiguous.code, 2);
    assert!(ambiguous.stderr.contains("expected only one of `Shop`, `Shop API`"), "{}", ambiguous.stderr);
    let posted = checker.run(&["--message", "Hello", "--endpoint", "BILL"]).await;
    assert!(posted.stdout.ends_with("message posted about `Billing`\n"), "{}", posted.output());
    let silenced = checker.call(&["silence", "billing", "--for", "1h"]).await;
    assert!(silenced.stdout.starts_with("silenced `Billing` until "), "{}", silenced.output());
}

#[tokio::test]
async fn manual_pages_are_printed_and_written() {
    let checker = Checker::new(&json!({}));
    let run = checker.call(&["man"]).await;
    assert_eq!(run.code, 0, "{}", run.output());
    assert!(run.stdout.contains(".TH checker 1") && run.stdout.contains("checker\\-status(1)"), "{}", run.stdout);
    assert_eq!(checker.call(&["man", "--into", "man/man1"]).await.code, 0);
    for page in ["checker.1", "checker-run.1", "checker-incident-open.1"] {
        let text = std::fs::read_to_string(checker.path("man/man1").join(page)).unwrap_or_else(|_| panic!("{page}"));
        assert!(text.contains(".SH SYNOPSIS"), "{page}: {text}");
    }
}

#[tokio::test]
async fn init_writes_a_check_for_each_url() {
    let ok = Endpoint::start(Behavior::ok()).await;
    let checker = Checker::new(&json!({}));
    std::fs::remove_file(checker.path("checker.json")).expect("it exists");
    let (health, other) = (format!("{}health", ok.url), "https://www.shop.example/");
    let init = checker.call(&["init", &health, other]).await;
    assert_eq!(init.code, 0, "{}", init.output());
    assert!(init.stderr.starts_with("wrote checker.json with 2 checks; next: "), "{}", init.stderr);
    let valid = checker.call(&["validate"]).await;
    assert_eq!((valid.code, valid.stdout.as_str()), (0, ""), "{}", valid.output());
    let explained = checker.call(&["explain", "127.0.0.1"]).await;
    assert_eq!(explained.code, 0, "{}", explained.output());
    let before = std::fs::read_to_string(checker.path("checker.json")).expect("it exists");
    assert!(before.contains("\"endpoint_name\": \"shop.example\""), "{before}");
    for (words, remedy) in [
        (&["init", "https://a.example"][..], "--force"),
        (&["init", "shop.example", "--force"], "write for example `https://shop.example`"),
        (&["init", "https://a.example", "ftp://b.example", "--force"], "unsupported scheme `ftp`"),
        (&["init", "one.json", "-c", "two.json"], "pass only one"),
    ] {
        let run = checker.call(words).await;
        assert!(run.code == 2 && run.stderr.contains(remedy), "{words:?}: {}", run.output());
    }
    assert_eq!(std::fs::read_to_string(checker.path("checker.json")).expect("it exists"), before);
}

#[tokio::test]
async fn status_begins_with_a_sentence_and_has_start_times_and_percentiles() {
    let ok = Endpoint::start(Behavior::ok()).await;
    let job = json!({ "type": "heartbeat", "endpoint_name": "Backup", "job": "backup", "interval": "1d" });
    let mut config = watching(&[check("Shop", &ok.url), check("Billing", &refused()), job], &directory());
    config["every"] = json!("1h");
    let checker = Checker::new(&config);
    for _ in 0..2 {
        assert_eq!(checker.run(&[]).await.code, 0);
    }
    let run = checker.call(&["status", "--range", "1y"]).await;
    assert_eq!(run.code, 0, "{}", run.output());
    let mut lines = run.stdout.lines();
    let headline = lines.next().unwrap_or_default();
    assert!(headline.starts_with("Billing and Backup have been down for "), "{}", run.stdout);
    assert!(lines.next().unwrap_or_default().ends_with(". 1 endpoint is healthy."), "{}", run.stdout);
    let heading = lines.nth(1).unwrap_or_default();
    assert_eq!(
        heading.split_whitespace().collect::<Vec<_>>(),
        ["STATUS", "ENDPOINT", "SINCE", "UPTIME", "OBSERVED", "P95"],
        "{}",
        run.stdout
    );
    let row =
        |title: &str| run.stdout.lines().find(|line| line.contains(title) && line.contains('%')).unwrap_or_default();
    assert!(row(" Shop").contains(':'), "the time since which it is healthy: {}", run.stdout);
    assert!(!run.stdout.contains('–'), "cells without a measurement are blank:\n{}", run.stdout);
    let column = heading.find("P95").expect("it is there");
    let cell = row(" Billing").chars().skip(column - 5).take(8).collect::<String>();
    assert_eq!(cell.trim(), "", "nothing was measured: {}", run.stdout);
}

#[tokio::test]
async fn watched_status_is_shown_again() {
    let ok = Endpoint::start(Behavior::ok()).await;
    let mut config = watching(&[check("Shop", &ok.url)], &directory());
    config["every"] = json!("1h");
    config["page"] = json!({ "refresh": "5s" });
    let checker = Checker::new(&config);
    assert_eq!(checker.run(&[]).await.code, 0);
    let mut running = checker.start(&["status", "--watch"]);
    wait_for("the first table", || async { running.output().contains("Shop is healthy").then_some(()) }).await;
    ok.behave(Behavior::Answer("503 Service Unavailable", String::new()));
    let round = checker.run(&["--format", "json"]).await;
    assert_eq!(round.results()[0].status, Status::Down);
    wait_for("the next table", || async { running.output().contains("Shop has been down for ").then_some(()) }).await;
    running.signal("TERM");
    running.wait().await;
}

#[tokio::test]
async fn the_doctor_examines_the_default_configuration() {
    let ok = Endpoint::start(Behavior::ok()).await;
    let checker = Checker::new(&watching(&[check("Shop", &ok.url)], &directory()));
    let run = checker.call(&["doctor"]).await;
    assert!(run.stdout.contains("store"), "{}", run.output());
    std::fs::remove_file(checker.path("checker.json")).expect("it exists");
    let missing = checker.call(&["doctor"]).await;
    assert!(missing.code == 2 && missing.stderr.contains("`checker.json`"), "{}", missing.output());
}

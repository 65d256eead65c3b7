//! The logs of `checker run --every` and `checker serve`: their formats, fields and levels.

use serde_json::{Value, json};
use support::checker::Checker;
use support::configuration::{check, directory, watching};
use support::endpoints::{Behavior, Endpoint, refused};
use support::{free_port, wait_for};

/// Starts the checker in a shell that discards all output except the log.
fn start_logging(checker: &Checker, words: &[&str], level: &str) -> support::program::Program {
    let way = ["bash", "-c", "RUST_LOG=$0 exec \"$@\" >/dev/null", level].map(ToString::to_string);
    checker.start_by(&way, words)
}

fn json_lines(log: &str) -> Vec<Value> {
    log.lines().map(|line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"))).collect()
}

fn of_endpoint<'a>(lines: &'a [Value], title: &str) -> Vec<&'a Value> {
    lines.iter().filter(|line| line["endpoint"] == title).collect()
}

#[tokio::test]
async fn every_log_line_is_json_and_names_node_and_endpoint() {
    let listen = format!("127.0.0.1:{}", free_port());
    let run = ["run", "-c", "checker.json", "--every", "1s", "--log-format", "json"];
    let serve = ["serve", "-c", "checker.json", "--listen", &listen, "--log-format", "json"];
    for words in [&run[..], &serve] {
        let endpoint = Endpoint::start(Behavior::ok()).await;
        let mut config = watching(&[check("Shop", &endpoint.url), check("Away", &refused())], &directory());
        config["every"] = json!("1s");
        let checker = Checker::new(&config);
        let mut running = start_logging(&checker, words, "");
        let has = |text: &'static str| {
            let has = running.output().contains(text);
            async move { has.then_some(()) }
        };
        wait_for("the first status", || has("\"endpoint\":\"Shop\"")).await;
        endpoint.behave(Behavior::Answer("500 Internal Server Error", String::new()));
        wait_for("the change", || has("status changed")).await;
        running.signal("TERM");
        running.wait().await;

        let lines = json_lines(&running.output());
        for line in &lines {
            assert!(["INFO", "WARN"].contains(&line["level"].as_str().expect("a level")), "{line}");
            let time = line["timestamp"].as_str().expect("a timestamp");
            assert!(time.ends_with('Z') && time.len() == "2026-01-01T00:00:00.000000Z".len(), "{line}");
            assert!(line["message"].is_string(), "{line}");
            assert_eq!(line["node"], "test-node", "{line}");
        }
        let shop = of_endpoint(&lines, "Shop");
        assert_eq!((&shop[0]["level"], &shop[0]["status"]), (&json!("INFO"), &json!("healthy")));
        assert_eq!((&shop[1]["level"], &shop[1]["status"]), (&json!("WARN"), &json!("down")));
        assert_eq!(shop[1]["previous"], "healthy");
        assert!(shop[1]["reason"].as_str().is_some_and(|reason| reason.contains("500")), "{}", shop[1]);
        let away = of_endpoint(&lines, "Away");
        assert_eq!((away.len(), &away[0]["level"], &away[0]["status"]), (1, &json!("WARN"), &json!("down")));
    }
}

#[tokio::test]
async fn a_level_hides_less_important_events() {
    let ok = Endpoint::start(Behavior::ok()).await;
    let checker = Checker::new(&watching(&[check("Shop", &ok.url)], &directory()));
    let mut running = start_logging(&checker, &["run", "-c", "checker.json", "--every", "1s"], "warn");
    wait_for("a second round", || async { (checker.check_files("checks").len() >= 2).then_some(()) }).await;
    running.signal("TERM");
    running.wait().await;
    assert_eq!(running.output(), "");
}

#[tokio::test]
async fn every_line_of_the_text_log_has_a_time_and_no_colors() {
    let ok = Endpoint::start(Behavior::ok()).await;
    let checker = Checker::new(&watching(&[check("Shop", &ok.url)], &directory()));
    let mut running = start_logging(&checker, &["run", "-c", "checker.json", "--every", "1s"], "checker=loud");
    wait_for("a round", || async { (!checker.check_files("checks").is_empty()).then_some(()) }).await;
    running.signal("HUP");
    wait_for("the configuration to be read", || {
        let is_read = running.output().contains("reloaded");
        async move { is_read.then_some(()) }
    })
    .await;
    checker.write("checker.json", "{ \"evry\": 1, \"chekers\": [] }");
    wait_for("the error", || {
        let is_refused = running.output().contains("`chekers`");
        async move { is_refused.then_some(()) }
    })
    .await;
    running.signal("TERM");
    running.wait().await;
    let log = running.output();
    assert!(!log.contains('\u{1b}'), "{log}");
    for line in log.lines() {
        let mut words = line.split_whitespace();
        let (time, level) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
        assert!(time.starts_with("20") && time.ends_with('Z'), "{line}");
        assert!(["INFO", "WARN", "ERROR"].contains(&level), "{line}");
        assert!(line.contains("node=\"test-node\"") || line.contains("RUST_LOG"), "{line}");
    }
    assert!(log.contains("INFO first status node=\"test-node\" endpoint=\"Shop\" status=\"healthy\""), "{log}");
    assert!(log.contains("WARN ignored `RUST_LOG`"), "{log}");
}

#[tokio::test]
async fn a_startup_error_is_in_the_log() {
    let checker = Checker::new(&json!({}));
    checker.write("checker.json", "{ \"evry\": 1 }");
    let run = checker.run(&["--every", "1s", "--log-format", "json"]).await;
    assert_eq!(run.code, 2, "{}", run.output());
    let lines = json_lines(&run.stderr);
    assert!(lines.iter().any(|line| line["level"] == "ERROR"), "{}", run.stderr);
    assert!(lines.iter().any(|line| line["message"].as_str().is_some_and(|text| text.contains("`evry`"))));
}

#[tokio::test]
async fn a_single_round_has_no_log() {
    let checker = Checker::new(&watching(&[], &directory()));
    let run = checker.run(&["--log-format", "json"]).await;
    assert!(run.code == 2 && run.stderr.contains("--every"), "{}", run.output());
}

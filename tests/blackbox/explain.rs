//! `checker explain` shows every detail of an attempt, especially of a failed one, except for secrets.

use std::time::Duration;

use serde_json::{Value, json};
use shared::status::Status;
use support::certificates::{Authority, Validity};
use support::checker::{Checker, Run};
use support::configuration::{check_with, directory, watching};
use support::endpoints::{Behavior, Endpoint, refused};

async fn explained(check: Value) -> Run {
    let checker = Checker::new(&watching(&[check], &directory()));
    let run = checker.call(&["explain", "Shop"]).await;
    assert!(!checker.path("checks").exists(), "nothing is stored");
    run
}

fn assert_shows(run: &Run, code: i32, words: &[&str]) {
    assert_eq!(run.code, code, "{}", run.output());
    let squeezed = run.stdout.split_whitespace().collect::<Vec<_>>().join(" ");
    for words in words {
        assert!(squeezed.contains(words), "`{words}` is not in:\n{}", run.output());
    }
}

#[tokio::test]
async fn an_unexpected_response_is_shown_with_all_details() {
    let busy = Endpoint::start(Behavior::Answer("503 Service Unavailable", r#"{"queue":812}"#.to_owned())).await;
    let url = busy.url.replace("http://", "http://me:s3cr3t@");
    let more = json!({
        "headers": { "Authorization": "Bearer s3cr3t", "Accept": "application/json" },
        "assertions": ["[BODY].queue < 500", "[RTT] < 1m"],
    });
    let run = explained(check_with("Shop", &url, more)).await;
    let port = busy.url.trim_end_matches('/').rsplit(':').next().expect("it has a port").to_owned();
    assert_shows(
        &run,
        1,
        &[
            "http http://127.0.0.1:",
            "addresses 127.0.0.1",
            &format!("connected to 127.0.0.1:{port}"),
            "request GET / ",
            "accept: application/json",
            "authorization: (13 bytes, not shown)",
            "connect █",
            "first byte █",
            "status 503",
            "content-length: 13",
            r#"body 13 bytes {"queue":812}"#,
            "fails [BODY].queue < 500 (`$.queue` is 812, expected < 500)",
            "holds [RTT] < 1m",
            "result down: response status 503 Service Unavailable, expected 2xx",
        ],
    );
    assert!(!run.output().contains("s3cr3t"), "{}", run.output());
}

#[tokio::test]
async fn an_incomplete_or_wrong_response_is_shown_as_far_as_received() {
    let ok = Endpoint::start(Behavior::ok()).await;
    let run = explained(check_with("Shop", &ok.url, json!({ "must_contain": "all is lost" }))).await;
    assert_shows(&run, 1, &["status 200", "body 11 bytes all is well", "does not contain `all is lost`"]);
    let resetting = Endpoint::start(Behavior::ResetInTheMiddle).await;
    let run = explained(check_with("Shop", &resetting.url, json!({ "must_contain": "the end" }))).await;
    assert_shows(&run, 1, &["status 200", "result down: connection reset by the server"]);
    let run = explained(check_with("Shop", &resetting.url, json!({}))).await;
    let why = "nothing needs it: connection reset by the server";
    assert_shows(&run, 0, &["status 200", why, "result healthy"]);
}

#[tokio::test]
async fn the_request_and_its_redirect_are_shown_as_sent() {
    let moved = Endpoint::start(Behavior::Redirect("https://me:s3cr3t@shop.example/login".to_owned())).await;
    let more = json!({ "method": "POST", "body": "well?", "headers": { "X-Key": "s3cr3t" }, "up_status": 302 });
    let run = explained(check_with("Shop", &format!("{}cart?all=1", moved.url), more)).await;
    let sent = moved.requests().remove(0).to_lowercase();
    let shown = ["x-key: (6 bytes, not shown)", "location: https://shop.example/login", "result healthy"];
    assert_shows(&run, 0, &[&["request POST /cart?all=1 "][..], &shown].concat());
    assert!(!run.output().contains("s3cr3t"), "{}", run.output());
    for line in sent.lines().skip(1).take_while(|line| !line.is_empty()) {
        // Every header that was sent is shown. Only the value of the configured one is hidden.
        let (name, value) = line.split_once(": ").expect("a header");
        let value = if name == "x-key" { "(6 bytes, not shown)" } else { value };
        assert_shows(&run, 0, &[&format!("{name}: {value}")]);
    }
    let chat = Endpoint::start(Behavior::ok()).await;
    let url = chat.url.replace("http:", "ws:");
    let check = json!({ "type": "websocket", "endpoint_name": "Shop", "endpoint_url": format!("{url}chat"),
        "headers": { "Authorization": "s3cr3t" } });
    let run = explained(check).await;
    let host_line = format!("host: {}", chat.url.trim_start_matches("http://").trim_end_matches('/'));
    let shown = ["request GET /chat ", &host_line, "upgrade: websocket", "authorization: (6 bytes, not shown)"];
    assert_shows(&run, 1, &shown);
    assert!(!run.output().contains("s3cr3t"), "{}", run.output());
}

#[tokio::test]
async fn the_result_equals_that_of_a_round_and_has_a_reason() {
    let slow = Endpoint::start(Behavior::AnswerAfter(Duration::from_millis(60), "200 OK", String::new())).await;
    let run = explained(check_with("Shop", &slow.url, json!({ "threshold_rtt": "50ms" }))).await;
    assert_shows(&run, 0, &["result degraded: median round trip time exceeded threshold (50ms)"]);
    let refused_url = refused();
    let mut config = watching(&[check_with("Shop", &refused_url, json!({}))], &directory());
    config["online_check"] = json!([refused_url.trim_start_matches("http://").trim_end_matches('/')]);
    let checker = Checker::new(&config);
    let round = checker.run(&["--format", "json"]).await.results().remove(0);
    let explained = checker.call(&["explain", "Shop"]).await;
    assert_eq!(round.status, Status::Unknown);
    assert_shows(&explained, 0, &[&format!("result unknown: {}; connection refused", round.notice)]);
}

#[tokio::test]
async fn an_address_that_refuses_connections_is_named() {
    let url = refused();
    let run = explained(check_with("Shop", &url, json!({}))).await;
    let address = url.trim_start_matches("http://").trim_end_matches('/');
    assert_shows(&run, 1, &[&format!("tried {address}"), "result down: connection refused"]);
    let run = explained(json!({ "type": "tcp", "endpoint_name": "Shop", "endpoint_url": address })).await;
    assert_shows(&run, 1, &[&format!("tried {address}"), "result down: connection refused"]);
}

#[tokio::test]
async fn certificates_are_shown_even_if_they_are_rejected() {
    let authority = Authority::new();
    let expired = Endpoint::start_tls(Behavior::ok(), authority.server("127.0.0.1", Validity::EndedDaysAgo(3))).await;
    let address = expired.url.trim_start_matches("https://").trim_end_matches('/');
    for check in [
        check_with("Shop", &expired.url, json!({ "tls_ca_file": "authority.pem" })),
        json!({ "type": "tls", "endpoint_name": "Shop", "endpoint_url": address, "trusted_roots": ["authority.pem"] }),
    ] {
        let checker = Checker::new(&watching(&[check], &directory()));
        authority.write_pem(&checker.path("authority.pem"));
        let run = checker.call(&["explain", "Shop"]).await;
        assert_shows(&run, 1, &["certificate CN=", ", until ", "result down: certificate expired 3 days ago"]);
    }
    let good = Endpoint::start_tls(Behavior::ok(), authority.server("127.0.0.1", Validity::Now)).await;
    let checker = Checker::new(&watching(
        &[check_with("Shop", &good.url, json!({ "tls_ca_file": "authority.pem" }))],
        &directory(),
    ));
    authority.write_pem(&checker.path("authority.pem"));
    assert_shows(&checker.call(&["explain", "Shop"]).await, 0, &["certificate CN=", "tls █", "result healthy"]);
}

#[tokio::test]
async fn a_failing_command_is_shown_with_its_output() {
    let command =
        json!({ "type": "exec", "name": "Shop", "command": "sh", "arguments": ["-c", "echo broken pump; exit 3"] });
    assert_shows(&explained(command).await, 1, &["status 3", "body 12 bytes broken pump", "exit status 3, expected 0"]);
}

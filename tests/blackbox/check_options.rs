//! Tests options that several types of checks share, and checks of other companies' status pages, end to end.

use http::Response;
use serde_json::{Value, json};
use shared::check_file::CheckResult;
use shared::status::Status;
use support::certificates::Authority;
use support::checker::Checker;
use support::configuration::{directory, watching};
use tokio::io::{AsyncBufReadExt as _, AsyncRead, AsyncWrite, AsyncWriteExt as _, BufReader};

use crate::check_kinds::{ExpectedResult, WELL, down, expect_of_kind, serve};

pub(super) const fn unknown(why: &'static str) -> ExpectedResult {
    (Status::Unknown, why)
}

const fn degraded(why: &'static str) -> ExpectedResult {
    (Status::Degraded, why)
}

/// Runs all checks once and compares each result with the expected one.
pub(super) async fn expect(cases: &[(Value, ExpectedResult)]) {
    let checks: Vec<Value> = cases
        .iter()
        .enumerate()
        .map(|(number, (check, _))| {
            let mut check = check.clone();
            let key = if check["type"] == "exec" { "name" } else { "endpoint_name" };
            check[key] = json!(number.to_string());
            check
        })
        .collect();
    let checker = Checker::new(&watching(&checks, &directory()));
    let run = checker.run(&["--format", "json"]).await;
    assert_eq!(run.code, 0, "{}", run.output());
    for (result, (check, (status, why))) in run.results().iter().zip(cases) {
        let text = reason(result);
        assert!(result.status == *status && text.contains(why), "{check}: {:?}: {text}", result.status);
    }
}

fn reason(result: &CheckResult) -> String {
    let error = result.attempts.first().and_then(|attempt| attempt.error.clone());
    error.filter(|_| result.status == Status::Down).unwrap_or_else(|| result.notice.clone())
}

/// Reads a request and sends this response.
async fn respond(stream: impl AsyncRead + AsyncWrite + Unpin, response: &str) -> Option<()> {
    let mut stream = BufReader::new(stream);
    let mut line = String::new();
    while stream.read_line(&mut line).await.ok()? > 2 {
        line.clear();
    }
    stream.write_all(response.as_bytes()).await.ok()
}

#[tokio::test]
async fn a_status_page_of_another_company_is_shown() {
    let summary = json!({
        "page": { "id": "p", "name": "Payments" },
        "components": [
            { "id": "c1", "name": "Card API", "status": "major_outage", "group": false },
            { "id": "c2", "name": "Dashboard", "status": "operational" },
            { "id": "c3", "name": "Payouts", "status": "degraded_performance" },
            { "id": "c4", "name": "Reports", "status": "something_new" },
        ],
        "incidents": [{ "id": "i1", "name": "Cards are declined", "components": [{ "id": "c1" }] }],
        "status": { "indicator": "critical", "description": "Major Service Outage" },
    })
    .to_string();
    let page = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{summary}", summary.len());
    let port = serve(move |stream| {
        let page = page.clone();
        async move { respond(stream, &page).await }
    })
    .await;
    let url = format!("http://127.0.0.1:{port}/");
    let of = |component: &str| json!({ "type": "statuspage", "url": url, "component": component });
    expect(&[
        (json!({ "type": "statuspage", "url": url }), down("the status page reports `Major Service Outage`")),
        (of("Card API"), down("`Card API` has a major outage: Cards are declined")),
        (of("c1"), down("Cards are declined")),
        (of("dashboard"), WELL),
        (of("Payouts"), degraded("`Payouts` has degraded performance")),
        (of("Reports"), unknown("unknown status `something_new`")),
        (of("Mail"), unknown("the status page has no component `Mail`")),
        (json!({ "type": "statuspage", "url": "http://127.0.0.1:9/" }), unknown("failed to read the status page")),
    ])
    .await;
}

#[tokio::test]
async fn an_inverted_check_must_fail() {
    let port = serve(async |stream| respond(stream, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok").await).await;
    let http = format!("http://127.0.0.1:{port}/");
    let inverted = |check: Value| {
        let mut check = check;
        check["invert"] = json!(true);
        check
    };
    let succeeded = down("check succeeded, but it must fail (`invert`)");
    expect(&[
        (inverted(json!({ "type": "tcp", "endpoint_url": format!("127.0.0.1:{port}") })), succeeded),
        (inverted(json!({ "type": "tcp", "endpoint_url": "127.0.0.1:9" })), WELL),
        (inverted(json!({ "type": "http", "endpoint_url": http })), succeeded),
        (inverted(json!({ "type": "http", "endpoint_url": http, "must_contain": "no" })), WELL),
        (inverted(json!({ "type": "http", "endpoint_url": http, "assertions": ["[STATUS] == 403"] })), WELL),
        (inverted(json!({ "type": "exec", "command": "true" })), succeeded),
        (inverted(json!({ "type": "exec", "command": "false" })), WELL),
        (inverted(json!({ "type": "exec", "command": "/no/such" })), unknown("`/no/such` not found")),
        (
            inverted(json!({ "type": "tcp", "endpoint_url": "no-such-host.invalid:80" })),
            unknown("no-such-host.invalid"),
        ),
        (inverted(json!({ "type": "statuspage", "url": "http://127.0.0.1:9/" })), unknown("status page")),
    ])
    .await;
}

#[tokio::test]
async fn some_attempts_may_fail_as_configured() {
    let folder = tempfile::tempdir().expect("a folder");
    let counting = |name: &str, failures: u32, allowed: u32| {
        let count = folder.path().join(name);
        let script = format!("echo >> {0}; test $(wc -l < {0}) -gt {failures}", count.display());
        json!({ "type": "exec", "command": "sh", "arguments": ["-c", script], "attempts": 3, "failures_allowed": allowed })
    };
    expect(&[
        (counting("a", 1, 1), WELL),
        (counting("b", 2, 1), down("exit status 1")),
        (counting("c", 1, 0), down("exit status 1")),
        (counting("d", 3, 2), down("exit status 1")),
    ])
    .await;
}

/// A gRPC health service that requires a token.
async fn guarded_health(stream: impl AsyncRead + AsyncWrite + Unpin) -> Option<()> {
    let mut connection = h2::server::handshake(stream).await.ok()?;
    while let Some(Ok((request, mut respond))) = connection.accept().await {
        let is_ours = request.headers().get("authorization").is_some_and(|token| token == "Bearer t0ken");
        let head = Response::builder().header("content-type", "application/grpc");
        let sent = if is_ours {
            let mut sender = respond.send_response(head.body(()).expect("a head"), false).ok()?;
            sender.send_data(vec![0, 0, 0, 0, 2, 8, 1].into(), false).ok()?;
            let mut trailers = http::HeaderMap::new();
            trailers.insert("grpc-status", "0".parse().expect("a value"));
            sender.send_trailers(trailers)
        } else {
            let head = head.header("grpc-status", "16").header("grpc-message", "token%20missing");
            respond.send_response(head.body(()).expect("a head"), true).map(drop)
        };
        sent.ok()?;
    }
    Some(())
}

#[tokio::test]
async fn grpc_metadata_is_sent_as_configured() {
    let port = serve(guarded_health).await;
    let cases = [
        (json!({ "headers": { "Authorization": "Bearer t0ken" } }), WELL),
        (json!({}), down("gRPC status 16 (UNAUTHENTICATED): token missing")),
        (json!({ "headers": { "grpc-timeout": "1S" } }), unknown("the `grpc-timeout` header is reserved for gRPC")),
    ];
    expect_of_kind("grpc", &format!("127.0.0.1:{port}"), &Authority::new(), &cases).await;
}

#[tokio::test]
async fn international_names_reach_every_type_of_check() {
    let named = |kind: &str, url: &str| json!({ "type": kind, "endpoint_url": url });
    // These names are valid but do not exist. The error contains their ASCII form.
    let missing = down("xn--mnchen-3ya.invalid");
    let sealed = json!({ "type": "tcp", "endpoint_url": "127.0.0.1:9", "tls": true, "server_name": "münchen.example" });
    expect(&[
        (named("tcp", "münchen.invalid:80"), missing),
        (named("tls", "münchen.invalid"), missing),
        (named("grpc", "münchen.invalid:80"), missing),
        (named("http", "http://münchen.invalid/"), missing),
        (named("websocket", "ws://münchen.invalid/"), missing),
        (sealed, down("connection refused")),
    ])
    .await;
}

//! Tests HTTP checks against local servers, some of which misbehave.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use crate::checks::net::address_policy::AddressPolicy;
use crate::checks::net::connect::Address;
use crate::checks::test_server::{ServerAction, authority, serve, serve_tls, serve_tls_until_alert, serve_with};
use crate::checks::{AttemptRecord, Check, CheckContext, CheckKind, CheckOutcome, Probe as _, run};
use crate::config::{Environment, from_text};

pub(super) fn check(url: &str, more: &str) -> std::sync::Arc<Check> {
    let timeout = if more.contains(r#""timeout""#) { "" } else { r#","timeout":"700ms""# };
    let text =
        format!(r#"{{"checkers":[{{"type":"http","endpoint_name":"A","endpoint_url":"{url}"{timeout}{more}}}]}}"#);
    let environment = Environment { variable: &|_| None, host_name: "here".to_owned() };
    let (config, problems) = from_text(&text, std::path::Path::new(""), &environment);
    config.unwrap_or_else(|| panic!("{:#?}", problems.lines("x", &text))).checks.remove(0)
}

pub(super) async fn records(check: &Check, policy: AddressPolicy) -> Vec<AttemptRecord> {
    match run(check, &CheckContext::new(policy, crate::now)).await {
        CheckOutcome::Attempts(records) => records,
        CheckOutcome::Skipped { reason } => panic!("{reason}"),
    }
}

pub(super) async fn outcome(url: &str, more: &str) -> (Option<String>, Option<String>) {
    let AttemptRecord { attempt, warning, .. } = records(&check(url, more), AddressPolicy::AllowAll).await.remove(0);
    (attempt.error, warning)
}

const JSON: &[u8] = b"HTTP/1.1 503 Busy\r\nX-Queue: long\r\nContent-Length: 23\r\n\r\n{\"queue\":{\"depth\":812}}";

#[tokio::test]
async fn assertions_report_expected_and_actual_values() {
    let url = format!("http://127.0.0.1:{}/", serve(&[ServerAction::Read, ServerAction::Send(JSON)]).await);
    let text = |text: &str| Some(text.to_owned());
    for (more, error, warning) in [
        ("", text("response status 503 Service Unavailable, expected 2xx"), None),
        (r#","assertions":["[STATUS] == 503"]"#, None, None),
        (r#","assertions":["[STATUS] == 200"]"#, text("status is 503, expected 200"), None),
        (
            r#","assertions":["[STATUS] == 503","[BODY].queue.depth < 500"]"#,
            text("`$.queue.depth` is 812, expected < 500"),
            None,
        ),
        (
            r#","assertions":["[STATUS] == 503",{"that":"[BODY].queue.depth < 500","otherwise":"degraded"}]"#,
            None,
            text("`$.queue.depth` is 812, expected < 500"),
        ),
        (
            r#","assertions":[{"that":"[HEADER x-queue] == short","otherwise":"degraded"},"[STATUS] == 200"]"#,
            text("status is 503, expected 200"),
            None,
        ),
        (r#","up_status":503,"assertions":["[HEADER x-queue] == long","[BODY_SIZE] == 23"]"#, None, None),
        (
            r#","up_status":"2xx","assertions":["[STATUS] == 503"]"#,
            text("response status 503 Service Unavailable, expected 2xx"),
            None,
        ),
    ] {
        assert_eq!(outcome(&url, more).await, (error, warning), "{more}");
    }
}

#[tokio::test]
async fn a_certificate_and_a_redirect_can_be_asserted() {
    let folder = tempfile::tempdir().expect("a folder");
    let authority = authority(folder.path());
    let answer = b"HTTP/1.1 302 Found\r\nLocation: /login\r\nContent-Length: 0\r\n\r\n";
    let port =
        serve_tls(&[], &[ServerAction::Read, ServerAction::Send(answer)], authority.server("127.0.0.1", 9)).await;
    let more = |assertion: &str| {
        format!(r#","tls_ca_file":"{}","assertions":["[STATUS] == 302","{assertion}"]"#, authority.file.display())
    };
    let url = format!("https://127.0.0.1:{port}/");
    assert_eq!(outcome(&url, &more("[CERTIFICATE] > 7d")).await.0, None);
    let short = outcome(&url, &more("[CERTIFICATE] > 30d")).await.0;
    assert_eq!(short.as_deref(), Some("time until the certificate expires is 9 d, expected > 30d"));
    assert_eq!(outcome(&url, &more("[REDIRECT] == /login")).await.0, None);
    assert_eq!(outcome(&url, &more("[TLS] < 1m")).await.0, None);
}

#[tokio::test]
async fn every_misbehavior_of_a_server_is_described() {
    let endless_headers = b"HTTP/1.1 200 OK\r\nX-A: ";
    let with_headers = |count| -> &'static [u8] {
        format!("HTTP/1.1 200 OK\r\n{}\r\nend", "X-A: b\r\n".repeat(count)).leak().as_bytes()
    };
    let too_many_headers = with_headers(5_001);
    let header_lines = "X-A: b\r\n".repeat(1_000).leak().as_bytes();
    let wants_body = r#","body_limit":65536,"assertions":["[BODY] contains end"]"#;
    let patient = format!(r#"{wants_body},"timeout":"30s""#);
    for (actions, expected) in [
        (
            vec![ServerAction::Read, ServerAction::Send(endless_headers), ServerAction::Endless],
            "response head is too large",
        ),
        (
            vec![ServerAction::Read, ServerAction::Send(b"HTTP/1.1 200 OK\r\n"), ServerAction::EndlessOf(header_lines)],
            "response head is too large: more than 5,000 headers",
        ),
        (
            vec![ServerAction::Read, ServerAction::Send(too_many_headers), ServerAction::Hang],
            "more than 5,000 headers, or more than 408 KiB",
        ),
        (
            vec![ServerAction::Read, ServerAction::Send(b"HTTP/1.1 200 OK\r\n\r\n"), ServerAction::Endless],
            "body does not contain `end`",
        ),
        (
            vec![ServerAction::Read, ServerAction::Send(b"HTTP/1.1 200 OK\r\n\r\n"), ServerAction::Trickle],
            "response not complete within 700ms",
        ),
        (vec![ServerAction::Read, ServerAction::Trickle], "server does not speak HTTP"),
        (
            vec![ServerAction::Read, ServerAction::Send(endless_headers), ServerAction::Trickle],
            "no response within 700ms",
        ),
        (vec![ServerAction::Read, ServerAction::Hang], "no response within 700ms"),
        (
            vec![ServerAction::Read, ServerAction::Send(b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\nhalf")],
            "closed by the server before",
        ),
        (
            vec![ServerAction::Read, ServerAction::Send(b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\nend")],
            "response has an invalid `Content-Length` header",
        ),
        (
            vec![
                ServerAction::Read,
                ServerAction::Send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nZZ\r\n"),
            ],
            "response is malformed: invalid chunk size line",
        ),
        (vec![ServerAction::Read, ServerAction::Send(b"\xff\xfe\x00\x00\r\n\r\n")], "server does not speak HTTP"),
        (vec![ServerAction::Reset], "connection reset by the server"),
        (
            vec![ServerAction::Read, ServerAction::HalfClose],
            "connection closed by the server before the response was complete",
        ),
        (
            vec![
                ServerAction::Read,
                ServerAction::Send(b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\nhalf"),
                ServerAction::HalfClose,
            ],
            "connection closed by the server before the response was complete",
        ),
        (
            vec![
                ServerAction::Read,
                ServerAction::Send(b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\nend"),
            ],
            "response has an invalid `Content-Length` header",
        ),
        (
            vec![
                ServerAction::Read,
                ServerAction::Send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nfffffffffffffffff\r\nend"),
            ],
            "response is malformed: ",
        ),
        (
            vec![
                ServerAction::Read,
                ServerAction::Send(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\n\xff\xfe\x00\x01"),
            ],
            "body does not contain `end`",
        ),
    ] {
        let url = format!("http://127.0.0.1:{}/", serve(&actions).await);
        // A busy machine may need longer than the usual limit to send and read a large head.
        let more = if expected.contains("700ms") { wants_body } else { &patient };
        let error = outcome(&url, more).await.0.unwrap_or_default();
        assert!(!error.is_empty() && error.contains(expected), "{actions:?}: {error}");
    }
    for count in [100, 101, 5_000] {
        let actions = [ServerAction::Read, ServerAction::Send(with_headers(count))];
        let url = format!("http://127.0.0.1:{}/", serve(&actions).await);
        assert_eq!(outcome(&url, &patient).await, (None, None), "{count} headers are allowed");
    }
}

#[tokio::test]
async fn a_body_that_nothing_needs_is_not_read() {
    let never_complete = b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf";
    let url = format!(
        "http://127.0.0.1:{}/",
        serve(&[ServerAction::Read, ServerAction::Send(never_complete), ServerAction::Hang]).await
    );
    for more in ["", r#","assertions":["[STATUS] == 200","[HEADER content-length] == 9","[RTT] < 1m"]"#] {
        assert_eq!(outcome(&url, more).await, (None, None), "{more}");
    }
    for more in [r#","must_contain":"whole""#, r#","must_not_contain":"bad""#, r#","assertions":["[BODY] == half"]"#] {
        let waited = Some("response not complete within 700ms".to_owned());
        assert_eq!(outcome(&url, more).await, (waited, None), "{more}");
    }
}

#[tokio::test]
async fn a_body_that_is_not_utf_8_is_not_json() {
    let answer = b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n\xff{\"a\":1}\xfe";
    let url = format!("http://127.0.0.1:{}/", serve(&[ServerAction::Read, ServerAction::Send(answer)]).await);
    let error = outcome(&url, r#","assertions":["[BODY].a == 1"]"#).await.0.unwrap_or_default();
    assert!(error.contains("JSON"), "{error}");
}

#[tokio::test]
async fn bytes_after_the_announced_length_are_ignored() {
    let answer = b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nend and more";
    let url = format!("http://127.0.0.1:{}/", serve(&[ServerAction::Read, ServerAction::Send(answer)]).await);
    assert_eq!(outcome(&url, r#","assertions":["[BODY] == end"]"#).await, (None, None));
}

#[tokio::test]
async fn a_tls_failure_during_a_response_is_described() {
    let folder = tempfile::tempdir().expect("a folder");
    let authority = authority(folder.path());
    let half = b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\nhalf";
    let port = serve_tls_until_alert(half, authority.server("127.0.0.1", 9)).await;
    let more = format!(r#","tls_ca_file":"{}","must_contain":"end""#, authority.file.display());
    let error = outcome(&format!("https://127.0.0.1:{port}/"), &more).await.0.unwrap_or_default();
    assert!(error.starts_with("server sent"), "{error}");
}

#[tokio::test]
async fn endless_transfers_end_with_the_limit() {
    let informational = "HTTP/1.1 100 Continue\r\n\r\n".repeat(1_000).leak().as_bytes();
    let chunks = "1\r\nx\r\n".repeat(1_000).leak().as_bytes();
    let head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
    let wants_body = r#","body_limit":65536,"must_contain":"end","timeout":"1m""#;
    for (actions, more, expected) in [
        (vec![ServerAction::Read, ServerAction::EndlessOf(informational)], r#","timeout":"1m""#, "1048576"),
        (vec![ServerAction::Read, ServerAction::EndlessOf(informational)], wants_body, "1310720"),
        (
            vec![ServerAction::Read, ServerAction::Send(head), ServerAction::EndlessOf(chunks)],
            wants_body,
            "only the first 65536 bytes",
        ),
    ] {
        let url = format!("http://127.0.0.1:{}/", serve(&actions).await);
        let error = outcome(&url, more).await.0.unwrap_or_default();
        assert!(error.contains(expected), "{expected}: {error}");
    }
}

#[tokio::test]
async fn endless_redirects_end_with_the_limit() {
    let answer = b"HTTP/1.1 302 Found\r\nLocation: /again\r\nContent-Length: 0\r\n\r\n";
    let url = format!("http://127.0.0.1:{}/", serve(&[ServerAction::Read, ServerAction::Send(answer)]).await);
    let error = outcome(&url, r#","max_redirects":50,"timeout":"30s""#).await.0;
    assert_eq!(error.as_deref(), Some("more than 50 redirects; the last one leads to `/again`"));
}

#[tokio::test]
async fn credentials_of_a_redirect_are_not_shown() {
    for (location, more, expected) in [
        (
            "http://joe:s3cr3t@127.0.0.1:9/x",
            r#","assertions":["[STATUS] == 302","[REDIRECT] == /login"]"#,
            "redirect target is `http://127.0.0.1:9/x`, expected `/login`",
        ),
        (
            "//joe:s3cr3t@127.0.0.1:9/x",
            r#","assertions":["[STATUS] == 302","[HEADER location] contains login"]"#,
            "header `location` does not contain `login` (it is `127.0.0.1:9/x`)",
        ),
        (
            "http://joe:s3cr3t@127.0.0.1:9/x",
            r#","assertions":["[STATUS] == 302","not [REDIRECT] contains s3cr3t"]"#,
            "redirect target is `http://127.0.0.1:9/x`, expected otherwise",
        ),
        (
            "ftp://joe:s3cr3t@127.0.0.1/",
            r#","max_redirects":1"#,
            "redirected to `ftp://127.0.0.1/`, which is neither `http` nor `https`",
        ),
        ("http://joe:s3cr3t@[bad/", r#","max_redirects":1"#, "redirected to `http://[bad/`, which is not a URL"),
    ] {
        let answer = format!("HTTP/1.1 302 Found\r\nLocation: {location}\r\nContent-Length: 0\r\n\r\n");
        let port = serve(&[ServerAction::Read, ServerAction::Send(answer.leak().as_bytes())]).await;
        let error = outcome(&format!("http://127.0.0.1:{port}/"), more).await.0;
        assert_eq!(error.as_deref(), Some(expected), "{location}");
    }
    let to_itself = serve_with(|mut stream| async move {
        let port = stream.local_addr().expect("an address").port();
        let _ = stream.read(&mut [0; 1_024]).await;
        let head = format!("HTTP/1.1 302 Found\r\nLocation: http://joe:s3cr3t@127.0.0.1:{port}/\r\n");
        let _ = stream.write_all(format!("{head}Content-Length: 0\r\n\r\n").as_bytes()).await;
    })
    .await;
    let url = format!("http://127.0.0.1:{to_itself}/");
    let expected = format!("more than 2 redirects; the last one leads to `{url}`");
    assert_eq!(outcome(&url, r#","max_redirects":2"#).await.0, Some(expected));
}

#[tokio::test]
async fn a_redirect_to_a_denied_address_is_not_followed() {
    let allowed = "127.0.0.2".parse().expect("an address");
    for target in ["http://127.0.0.1:9/", "http://localhost:9/", "http://[::1]:9/", "http://0x7f.1:9/"] {
        let listener = tokio::net::TcpListener::bind("127.0.0.2:0").await.expect("a port");
        let url = format!("http://{}/", listener.local_addr().expect("an address"));
        let answer = format!("HTTP/1.1 302 Found\r\nLocation: {target}\r\nContent-Length: 0\r\n\r\n");
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                let _ = stream.read(&mut [0; 1_024]).await;
                let _ = stream.write_all(answer.as_bytes()).await;
            }
        });
        let check = check(&url, r#","max_redirects":5"#);
        let error = records(&check, AddressPolicy::Only(allowed)).await.remove(0).attempt.error.unwrap_or_default();
        assert!(error.contains("`deny_private_addresses` forbids"), "{target}: {error}");
    }
}

#[tokio::test]
async fn configured_headers_are_sent_only_to_the_configured_origin() {
    let (sender, mut requests) = tokio::sync::mpsc::unbounded_channel();
    let target = serve_with(move |mut stream| {
        let sender = sender.clone();
        async move {
            let mut request = vec![0; 4_096];
            let length = stream.read(&mut request).await.unwrap_or_default();
            let _ = sender.send(String::from_utf8_lossy(&request[..length]).to_lowercase());
            let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n").await;
        }
    })
    .await;
    let redirect = format!("HTTP/1.1 307 Moved\r\nLocation: http://127.0.0.1:{target}/\r\nContent-Length: 0\r\n\r\n");
    let redirect = serve(&[ServerAction::Read, ServerAction::Send(redirect.leak().as_bytes())]).await;
    let headers = r#","max_redirects":1,"headers":{"X-Api-Key":"s3cr3t","Cookie":"a=s3cr3t","Authorization":"s3cr3t","Accept":"text/html"}"#;
    assert_eq!(outcome(&format!("http://127.0.0.1:{redirect}/"), headers).await.0, None);
    let request = requests.recv().await.expect("the redirect is followed");
    assert!(request.contains("accept: text/html") && !request.contains("s3cr3t"), "{request}");
    assert!(request.contains(&format!("host: 127.0.0.1:{target}")), "{request}");
    assert_eq!(outcome(&format!("http://127.0.0.1:{target}/"), headers).await.0, None);
    assert!(requests.recv().await.is_some_and(|request| request.contains("x-api-key: s3cr3t")));
}

#[tokio::test]
async fn redirects_to_other_schemes_are_not_followed() {
    for (location, expected) in [
        ("file:///etc/passwd", "neither `http` nor `https`"),
        ("gopher://a/", "neither `http` nor `https`"),
        ("http://", "which is not a URL"),
    ] {
        let answer = format!("HTTP/1.1 302 Found\r\nLocation: {location}\r\nContent-Length: 0\r\n\r\n");
        let port =
            serve(&[ServerAction::Read, ServerAction::Send(Box::leak(answer.into_boxed_str()).as_bytes())]).await;
        let error = outcome(&format!("http://127.0.0.1:{port}/"), r#","max_redirects":5"#).await.0;
        assert!(error.as_deref().is_some_and(|error| error.contains(expected)), "{location}: {error:?}");
    }
    let port = serve(&[ServerAction::Read, ServerAction::Send(JSON)]).await;
    for host in ["127.0.0.1", "localhost", "[::ffff:127.0.0.1]", "0x7f.1", "2130706433"] {
        let check = check(&format!("http://{host}:{port}/"), "");
        let error = records(&check, AddressPolicy::PublicOnly).await.remove(0).attempt.error;
        assert!(error.as_deref().is_some_and(|error| error.contains("deny_private_addresses")), "{host}: {error:?}");
    }
}

/// The connection's address, the policy's decision and the `Host` header come from the same parsed URL, so no spelling
/// of a host can make them differ.
#[test]
fn a_connection_goes_to_the_host_in_the_url() {
    for (url, host, header) in [
        ("http://shop.example/", "shop.example", "shop.example"),
        (" HTTP://SHOP.example:8080/a#b ", "shop.example", "shop.example:8080"),
        ("http://127.0.0.1\\\\@shop.example/", "127.0.0.1", "127.0.0.1"),
        ("http://shop.example#@127.0.0.1/", "shop.example", "shop.example"),
        ("http://a@b@127.0.0.1/", "127.0.0.1", "127.0.0.1"),
        ("http://shop.example:80@127.0.0.1:8080/", "127.0.0.1", "127.0.0.1:8080"),
        ("http://0x7f.1/", "127.0.0.1", "127.0.0.1"),
        ("http://017700000001/", "127.0.0.1", "127.0.0.1"),
        ("http://127%2e0%2e0%2e1/", "127.0.0.1", "127.0.0.1"),
        ("http://[0:0::1]:80/", "::1", "[::1]"),
        ("http:/\t/127.0.0.1/", "127.0.0.1", "127.0.0.1"),
        ("http://①27.0.0.1/", "127.0.0.1", "127.0.0.1"),
    ] {
        let check = check(&url.replace('\t', "\\t"), "");
        let CheckKind::Http(http) = &check.kind else { panic!("{check:?}") };
        let address = Address::from_url(&http.url);
        let head = http.request_head().expect("a request");
        assert_eq!((address.host.as_str(), http.host()), (host, Some(host)), "{url}");
        assert_eq!(head.headers["host"], header, "{url}");
        assert!(head.uri.authority().is_none(), "the request has only a path: {url}");
    }
}

static CONNECTIONS: AtomicUsize = AtomicUsize::new(0);

#[tokio::test]
async fn a_failed_attempt_is_retried_and_recorded() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let url = format!("http://{}/", listener.local_addr().expect("an address"));
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            // Every third connection gets a response; the others are closed.
            if CONNECTIONS.fetch_add(1, Ordering::Relaxed) % 3 == 2 {
                let _ = stream.read(&mut [0; 1_024]).await;
                let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n").await;
            }
        }
    });
    let patient = check(&url, r#","attempts":2,"retries":2,"retry_delay":"1ms""#);
    let attempts = records(&patient, AddressPolicy::AllowAll).await;
    let recovered: Vec<bool> = attempts.iter().map(|record| record.recovered_by_retry).collect();
    assert_eq!(recovered, [true, true, false, true, true, false]);
    assert!(attempts.iter().all(|record| record.recovered_by_retry == record.attempt.error.is_some()));
    let impatient = check(&url, r#","retries":1,"retry_delay":"1ms""#);
    let attempts = records(&impatient, AddressPolicy::AllowAll).await;
    assert!(attempts.len() == 2);
    assert!(attempts.iter().all(|record| !record.recovered_by_retry && record.attempt.error.is_some()));
    assert_eq!(impatient.retry_delay, Duration::from_millis(1));
}

//! Tests how requests are sent and which responses are accepted, against local servers.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use bytes::Bytes;
use http::{HeaderMap, Request, Response};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};
use tokio_rustls::TlsAcceptor;

use super::tests::{check, outcome, records};
use crate::checks::net::address_policy::AddressPolicy;
use crate::checks::test_server::{ServerAction, authority, serve, serve_with};
use crate::checks::{Check, CheckContext, CheckOutcome, run};
use crate::config::{Environment, from_text};

/// Starts a server that responds with `answer` and reports the requests it receives.
async fn serve_recording(answer: &'static [u8]) -> (u16, UnboundedReceiver<String>) {
    let (sender, requests) = unbounded_channel();
    let port = serve_with(move |mut stream| {
        let sender = sender.clone();
        async move {
            let mut request = vec![0; 4_096];
            let length = stream.read(&mut request).await.unwrap_or_default();
            let _ = sender.send(String::from_utf8_lossy(&request[..length]).to_lowercase());
            let _ = stream.write_all(answer).await;
        }
    });
    (port.await, requests)
}

#[tokio::test]
async fn any_three_digits_are_a_status() {
    for (status, more, expected) in [
        ("999 Request denied", r#","assertions":["[STATUS] == 999"]"#, None),
        ("999 Request denied", r#","up_status":999"#, None),
        ("999 Request denied", r#","up_status":["2xx","9xx"]"#, None),
        ("600", r#","up_status":"550-650""#, None),
        ("999 Request denied", "", Some("response status 999, expected 2xx")),
        ("999 Request denied", r#","assertions":["[STATUS] == 200"]"#, Some("status is 999, expected 200")),
        ("000 No", "", Some("response has an invalid status code: expected a number from 100 to 999")),
        ("20 No", "", Some("response has an invalid status code: expected a number from 100 to 999")),
    ] {
        let answer = format!("HTTP/1.1 {status}\r\nContent-Length: 0\r\n\r\n").leak().as_bytes();
        let url = format!("http://127.0.0.1:{}/", serve(&[ServerAction::Read, ServerAction::Send(answer)]).await);
        assert_eq!(outcome(&url, more).await.0.as_deref(), expected, "{status} {more}");
    }
}

#[tokio::test]
async fn methods_with_a_body_announce_its_length() {
    let (port, mut requests) = serve_recording(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n").await;
    let url = format!("http://127.0.0.1:{port}/");
    for (more, length) in [
        (r#","method":"POST""#, Some("0")),
        (r#","method":"PUT""#, Some("0")),
        (r#","method":"PATCH""#, Some("0")),
        (r#","method":"POST","body":"""#, Some("0")),
        (r#","method":"POST","body":"abc""#, Some("3")),
        (r#","body":"abc""#, Some("3")),
        (r#","method":"DELETE""#, None),
        (r#","method":"OPTIONS""#, None),
        (r#","method":"HEAD""#, None),
        ("", None),
    ] {
        assert_eq!(outcome(&url, more).await.0, None, "{more}");
        let request = requests.recv().await.expect("a request");
        let sent = request.lines().find_map(|line| line.strip_prefix("content-length: "));
        assert_eq!(sent, length, "{more}: {request}");
    }
}

#[tokio::test]
async fn a_redirect_to_a_get_announces_no_length() {
    let (target, mut requests) = serve_recording(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n").await;
    for (status, length) in [(303, None), (307, Some("content-length: 0"))] {
        let redirect =
            format!("HTTP/1.1 {status} X\r\nLocation: http://127.0.0.1:{target}/\r\nContent-Length: 0\r\n\r\n");
        let port = serve(&[ServerAction::Read, ServerAction::Send(redirect.leak().as_bytes())]).await;
        let url = format!("http://127.0.0.1:{port}/");
        assert_eq!(outcome(&url, r#","method":"POST","max_redirects":1"#).await.0, None);
        let request = requests.recv().await.expect("a request");
        assert_eq!(request.lines().find(|line| line.starts_with("content-length")), length, "{request}");
    }
}

#[tokio::test]
async fn heads_that_browsers_accept_are_accepted() {
    for (head, assertion) in [
        ("X-Space : a", "[HEADER x-space] == a"),
        ("X-Folded: b\r\n  c", "[HEADER x-folded] contains c"),
        ("X-Folded: b\r\n\tc\r\n d", "[HEADER x-folded] contains d"),
        ("X-Bell: a\u{7}b", "[HEADER x-bell] == 'a b'"),
        ("X-Escape: \u{1b}[31mred", "[HEADER x-escape] contains red"),
        ("X-Delete: a\u{7f}b", "[HEADER x-delete] == 'a b'"),
        ("X-Return: a\rb", "[HEADER x-return] == 'a b'"),
        ("X-Tab: a\tb", "[HEADER x-tab] exists"),
        ("X-Empty:", "[HEADER x-empty] exists"),
        ("X (a): b\r\n c\r\nX-A: d", "[HEADER x-a] == d"),
        ("X Y: b\r\nX-A: d", "[HEADER x-a] == d"),
        (": b\r\nX-A: d", "[HEADER x-a] == d"),
    ] {
        for method in ["GET", "POST"] {
            let response = format!("HTTP/1.1 200 OK\r\n{head}\r\nContent-Length: 3\r\n\r\n\u{7}ok");
            let actions = [ServerAction::Read, ServerAction::Send(response.leak().as_bytes())];
            let url = format!("http://127.0.0.1:{}/", serve(&actions).await);
            let more =
                format!(r#","method":"{method}","assertions":["{assertion}","[BODY_SIZE] == 3"],"must_contain":"ok""#);
            assert_eq!(outcome(&url, &more).await, (None, None), "{method} {head:?}");
        }
    }
}

#[tokio::test]
async fn spaces_before_colons_and_folded_lines_are_understood() {
    for (head, body, more) in [
        ("Transfer-Encoding : chunked", "2\r\nok\r\n0\r\n\r\n", r#""[BODY] == ok""#),
        ("Content-Length\t: 2", "ok, and more", r#""[BODY] == ok""#),
        ("X-A: b\r\n\t c\r\nContent-Length: 2", "ok", r#""[HEADER x-a] matches '^b +c$'""#),
        (" X-A: b\r\nContent-Length: 2", "ok", r#""[BODY] == ok","not [HEADER x-a] exists""#),
    ] {
        let response = format!("HTTP/1.1 200 OK\r\n{head}\r\n\r\n{body}");
        let actions = [ServerAction::Read, ServerAction::Send(response.leak().as_bytes())];
        let url = format!("http://127.0.0.1:{}/", serve(&actions).await);
        assert_eq!(outcome(&url, &format!(r#","assertions":[{more}]"#)).await, (None, None), "{head:?}");
    }
}

#[tokio::test]
async fn heads_that_are_always_rejected_are_described() {
    for (head, expected) in [
        ("no colon", "response has an invalid header line `no colon`: expected a name, a colon and a value"),
        ("X-Null: a\0b", "response has a null character in its head, which browsers and curl reject"),
        ("Content-Length: x", "response has an invalid `Content-Length` header"),
    ] {
        let response = format!("HTTP/1.1 200 OK\r\n{head}\r\n\r\n");
        let actions = [ServerAction::Read, ServerAction::Send(response.leak().as_bytes())];
        let url = format!("http://127.0.0.1:{}/", serve(&actions).await);
        assert_eq!(outcome(&url, "").await.0.as_deref(), Some(expected), "{head}");
    }
    let old = b"HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n";
    let url = format!("http://127.0.0.1:{}/", serve(&[ServerAction::Read, ServerAction::Send(old)]).await);
    let expected = "response has a `Transfer-Encoding` header, which HTTP/1.0 does not allow";
    assert_eq!(outcome(&url, "").await.0.as_deref(), Some(expected));
}

#[tokio::test]
async fn status_lines_that_browsers_accept_are_accepted() {
    for line in
        ["http/1.1 200 OK", "HTTP/1.1  200 OK", "HTTP/1.1 200OK", "HTTP/1.1 200\tOK", "HTTP/2 200", "HTTP/2.0 200 OK"]
    {
        let response = format!("{line}\r\nContent-Length: 2\r\n\r\nok").leak().as_bytes();
        let url = format!("http://127.0.0.1:{}/", serve(&[ServerAction::Read, ServerAction::Send(response)]).await);
        assert_eq!(outcome(&url, r#","must_contain":"ok""#).await, (None, None), "{line}");
    }
}

#[tokio::test]
async fn a_server_with_odd_heads_is_remembered() {
    static CONNECTIONS: AtomicUsize = AtomicUsize::new(0);
    let port = serve_with(|mut stream| async move {
        CONNECTIONS.fetch_add(1, Ordering::Relaxed);
        let _ = stream.read(&mut [0; 1_024]).await;
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nA: \x01\r\nContent-Length: 0\r\n\r\n").await;
    });
    let check = check(&format!("http://127.0.0.1:{}/", port.await), r#","attempts":3"#);
    let records = records(&check, AddressPolicy::AllowAll).await;
    assert!(records.iter().all(|record| record.attempt.error.is_none()), "{records:?}");
    assert_eq!(CONNECTIONS.load(Ordering::Relaxed), 4, "only the first attempt needs two");
}

#[tokio::test]
async fn cookies_are_sent_along_redirects() {
    let (sender, mut requests) = unbounded_channel();
    let port = serve_with(move |mut stream| {
        let sender = sender.clone();
        async move {
            let mut request = vec![0; 4_096];
            let length = stream.read(&mut request).await.unwrap_or_default();
            let request = String::from_utf8_lossy(&request[..length]).into_owned();
            let answer: &[u8] = if request.contains("session=1") {
                b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"
            } else {
                b"HTTP/1.1 302 Found\r\nSet-Cookie: session=1; Path=/\r\nSet-Cookie: other=2; Path=/other\r\nLocation: /in\r\nContent-Length: 0\r\n\r\n"
            };
            let _ = sender.send(request);
            let _ = stream.write_all(answer).await;
        }
    });
    let url = format!("http://127.0.0.1:{}/", port.await);
    let more = r#","max_redirects":3,"headers":{"Cookie":"consent=yes"}"#;
    assert_eq!(outcome(&url, more).await.0, None, "without the cookie, the redirects never end");
    assert!(requests.recv().await.is_some_and(|request| request.contains("cookie: consent=yes\r\n")));
    let second = requests.recv().await.expect("the redirect is followed");
    assert!(second.contains("cookie: consent=yes; session=1\r\n"), "{second}");
    // The next attempt starts without cookies.
    assert_eq!(outcome(&url, more).await.0, None);
    assert!(requests.recv().await.is_some_and(|request| !request.contains("session")));
}

#[tokio::test]
async fn reading_ends_when_the_verdict_is_certain() {
    let head = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\ndata: ready\n\n";
    let url = format!(
        "http://127.0.0.1:{}/",
        serve(&[ServerAction::Read, ServerAction::Send(head), ServerAction::Hang]).await
    );
    let waited = Some("response not complete within 700ms");
    for (more, expected) in [
        (r#","must_contain":"ready""#, None),
        (r#","must_contain":"ready","must_not_contain":"failed""#, waited),
        (r#","must_not_contain":"ready""#, Some("response contains `ready`")),
        (r#","assertions":["[BODY] contains ready"]"#, None),
        (r#","assertions":["[BODY] contains ready","[STATUS] == 200","[HEADER content-type] contains event"]"#, None),
        (r#","assertions":["[BODY] contains ready","[BODY_SIZE] > 5"]"#, None),
        (r#","assertions":[{"not":"[BODY] contains ready"}]"#, Some("body is `data: ready`, expected otherwise")),
        (r#","assertions":[{"any":["[BODY] contains ready","[BODY] contains later"]}]"#, None),
        (r#","assertions":["[BODY] contains later"]"#, waited),
        (r#","assertions":["[BODY] contains ready","[BODY_SIZE] < 50"]"#, waited),
        (r#","must_contain":"ready","assertions":["[BODY].status == up"]"#, waited),
        (r#","assertions":[{"any":["[BODY] contains ready","[RTT] < 1s"]}]"#, waited),
    ] {
        assert_eq!(outcome(&url, more).await.0.as_deref(), expected, "{more}");
    }
}

#[tokio::test]
async fn reading_does_not_end_early_in_another_charset() {
    // In GBK, the second byte of a character can equal the code of a Latin letter.
    let head = b"HTTP/1.1 200 OK\r\nContent-Type: text/plain; charset=gbk\r\n\r\n\x81\x61";
    let url = format!(
        "http://127.0.0.1:{}/",
        serve(&[ServerAction::Read, ServerAction::Send(head), ServerAction::Hang]).await
    );
    assert_eq!(outcome(&url, r#","must_contain":"a""#).await.0.as_deref(), Some("response not complete within 700ms"));
}

/// The way an HTTP/2 server responds.
#[derive(Debug, Clone, Copy)]
enum Http2Behavior {
    /// Responds with the request's method, URL, header names and body.
    Echo,
    NeverResponds,
    HugeHead,
    EndlessBody,
    Resets,
    GoesAway,
    EndsEarly,
}

async fn respond(stream: impl AsyncRead + AsyncWrite + Unpin, behavior: Http2Behavior) {
    let Ok(mut connection) = h2::server::handshake(stream).await else { return };
    let mut kept = Vec::new();
    while let Some(Ok((request, mut responder))) = connection.accept().await {
        let head = Response::builder().header("server", "h2");
        match behavior {
            Http2Behavior::Echo => drop(tokio::spawn(echo(request, responder))),
            Http2Behavior::NeverResponds => kept.push(responder),
            Http2Behavior::Resets => responder.send_reset(h2::Reason::INTERNAL_ERROR),
            Http2Behavior::GoesAway => connection.abrupt_shutdown(h2::Reason::ENHANCE_YOUR_CALM),
            Http2Behavior::HugeHead => {
                let head = (0..10).fold(head, |head, _| head.header("a", "x".repeat(60_000)));
                let _ = responder.send_response(head.body(()).expect("a head"), true);
            }
            Http2Behavior::EndlessBody => {
                let mut sender = responder.send_response(head.body(()).expect("a head"), false).expect("a stream");
                tokio::spawn(async move {
                    while sender.send_data(Bytes::from_static(&[b'x'; 1_000]), false).is_ok() {
                        tokio::task::yield_now().await;
                    }
                });
            }
            Http2Behavior::EndsEarly => {
                let mut sender = responder.send_response(head.body(()).expect("a head"), false).expect("a stream");
                let _ = sender.send_data(Bytes::from_static(b"half"), false);
                sender.send_reset(h2::Reason::CANCEL);
            }
        }
    }
}

async fn echo(request: Request<h2::RecvStream>, mut responder: h2::server::SendResponse<Bytes>) {
    let (head, mut body) = request.into_parts();
    let mut received = Vec::new();
    while let Some(Ok(chunk)) = body.data().await {
        received.extend_from_slice(&chunk);
    }
    let mut names: Vec<&str> = head.headers.keys().map(http::HeaderName::as_str).collect();
    names.sort_unstable();
    let text = format!("{} {} {} {}", head.method, head.uri, names.join(","), String::from_utf8_lossy(&received));
    let response = Response::builder().header("server", "h2").body(()).expect("a head");
    let mut sender = responder.send_response(response, false).expect("a stream");
    sender.send_data(text.into(), false).expect("a stream");
    sender
        .send_trailers(HeaderMap::from_iter([(http::header::ETAG, http::HeaderValue::from_static("x"))]))
        .expect("a stream");
}

/// Starts an HTTP/2 server. With `tls`, it accepts only the protocols in that configuration.
async fn serve_http2(behavior: Http2Behavior, tls: Option<Arc<rustls::ServerConfig>>) -> u16 {
    let tls = tls.map(TlsAcceptor::from);
    serve_with(move |stream| {
        let tls = tls.clone();
        async move {
            match tls {
                None => respond(stream, behavior).await,
                Some(tls) => {
                    if let Ok(stream) = tls.accept(stream).await {
                        respond(stream, behavior).await;
                    }
                }
            }
        }
    })
    .await
}

#[tokio::test]
async fn http2_works_without_tls() {
    let url = format!("http://127.0.0.1:{}/a?b", serve_http2(Http2Behavior::Echo, None).await);
    let version = r#","http_version":"2""#;
    for (more, expected) in [
        (String::new(), format!("GET {url} accept,user-agent ")),
        (r#","method":"POST","body":"hello""#.to_owned(), format!("POST {url} accept,content-length,user-agent hello")),
        (
            r#","headers":{"Host":"shop.example","Connection":"close","X-A":"b"}"#.to_owned(),
            "GET http://shop.example/a?b ".to_owned(),
        ),
    ] {
        let more = format!(
            r#"{version}{more},"must_contain":"{expected}","assertions":["[HEADER server] == h2","[STATUS] == 200"]"#
        );
        assert_eq!(outcome(&url, &more).await, (None, None), "{more}");
    }
    for more in ["", r#","http_version":"1.1""#, r#","method":"POST""#] {
        let error = outcome(&url, more).await.0;
        let expected = "server speaks only HTTP/2 on this port: set `\"http_version\": \"2\"`";
        assert_eq!(error.as_deref(), Some(expected), "{more}");
    }
}

#[tokio::test]
async fn http2_is_negotiated_over_tls() {
    let folder = tempfile::tempdir().expect("a folder");
    let authority = authority(folder.path());
    let server = |protocols: &[&[u8]]| {
        let mut config = (*authority.server("127.0.0.1", 9)).clone();
        config.alpn_protocols = protocols.iter().map(|protocol| protocol.to_vec()).collect();
        Arc::new(config)
    };
    let more = |version: &str| format!(r#","tls_ca_file":"{}"{version}"#, authority.file.display());
    let only_http2 = serve_http2(Http2Behavior::Echo, Some(server(&[b"h2"]))).await;
    let url = format!("https://127.0.0.1:{only_http2}/");
    for version in ["", r#","http_version":"auto""#, r#","http_version":"2""#] {
        let wants_body =
            format!(r#"{version},"must_contain":"GET {url}","assertions":["[CERTIFICATE] > 7d"],"attempts":2"#);
        let records = records(&check(&url, &more(&wants_body)), AddressPolicy::AllowAll).await;
        assert!(records.iter().all(|record| record.attempt.error.is_none()), "{version}: {records:?}");
    }
    let refused = outcome(&url, &more(r#","http_version":"1.1""#)).await.0;
    assert!(refused.is_some_and(|error| !error.is_empty()));
    let old: &[ServerAction] =
        &[ServerAction::Read, ServerAction::Send(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")];
    for (protocols, version, expected) in [
        (&[b"http/1.1".as_slice()][..], "", None),
        (&[b"h2", b"http/1.1"], "", None),
        (&[], "", None),
        (&[], r#","http_version":"2""#, Some("server does not offer HTTP/2, which `http_version` requires")),
    ] {
        let port = crate::checks::test_server::serve_tls(&[], old, server(protocols)).await;
        let error = outcome(&format!("https://127.0.0.1:{port}/"), &more(version)).await.0;
        assert_eq!(error.as_deref(), expected, "{protocols:?} {version}");
    }
}

#[tokio::test]
async fn misbehavior_of_an_http2_server_is_described() {
    for (behavior, expected) in [
        (Http2Behavior::NeverResponds, "no response within 700ms"),
        (Http2Behavior::HugeHead, "HTTP/2"),
        (Http2Behavior::EndlessBody, "response does not contain `end`; only the first 65536 bytes"),
        (Http2Behavior::Resets, "HTTP/2 failed: stream closed by the server: unexpected internal error"),
        (Http2Behavior::GoesAway, "HTTP/2 failed: connection closed by the server: detected excessive load"),
        (Http2Behavior::EndsEarly, "HTTP/2 failed: stream closed by the server: stream no longer needed"),
    ] {
        let url = format!("http://127.0.0.1:{}/", serve_http2(behavior, None).await);
        let timeout = if expected.contains("700ms") { "" } else { r#","timeout":"30s""# };
        let more = format!(r#","http_version":"2","body_limit":65536,"must_contain":"end"{timeout}"#);
        let error = outcome(&url, &more).await.0.unwrap_or_default();
        assert!(error.contains(expected), "{behavior:?}: {error}");
    }
    for (actions, expected) in [
        (
            vec![ServerAction::Read, ServerAction::Send(b"HTTP/1.1 400 Bad Request\r\n\r\n")],
            "server does not speak HTTP/2",
        ),
        (vec![ServerAction::Read, ServerAction::Endless], "server does not speak HTTP/2"),
        (vec![ServerAction::Read, ServerAction::HalfClose], "closed by the server"),
        // An endless sequence of 17-byte ping frames.
        (
            vec![
                ServerAction::Read,
                ServerAction::Send(b"\0\0\0\x04\0\0\0\0\0"),
                ServerAction::EndlessOf(b"\0\0\x08\x06\0\0\0\0\0abcdefgh"),
            ],
            "",
        ),
    ] {
        let url = format!("http://127.0.0.1:{}/", serve(&actions).await);
        let error = outcome(&url, r#","http_version":"2","timeout":"30s""#).await.0.unwrap_or_default();
        assert!(!error.is_empty() && error.contains(expected), "{actions:?}: {error}");
    }
}

fn configured(check: &str) -> (Arc<Check>, Vec<String>) {
    let text = format!(r#"{{"checkers":[{check}]}}"#);
    let environment = Environment { variable: &|_| None, host_name: "here".to_owned() };
    let (config, problems) = from_text(&text, std::path::Path::new(""), &environment);
    let lines = problems.lines("x", &text);
    (config.unwrap_or_else(|| panic!("{lines:#?}")).checks.remove(0), lines)
}

/// The configuration of every kind of check that connects, without the closing brace.
const CONNECTING: [&str; 7] = [
    r#"{"type":"http","endpoint_url":"http://HOST:9/""#,
    r#"{"type":"tcp","endpoint_url":"HOST:9""#,
    r#"{"type":"tls","endpoint_url":"HOST:9""#,
    r#"{"type":"dns","hostname_fqdn":"a.example","endpoint_url":"HOST:9""#,
    r#"{"type":"icmp","endpoint_url":"HOST""#,
    r#"{"type":"websocket","endpoint_url":"ws://HOST:9/""#,
    r#"{"type":"grpc","endpoint_url":"HOST:9""#,
];

#[tokio::test]
async fn every_kind_connects_over_the_configured_ip_version() {
    // The policy denies exactly the addresses of the configured IP version, so the error lists only those.
    let context = CheckContext::new(AddressPolicy::Only("::1".parse().expect("an address")), crate::now);
    for kind in CONNECTING {
        let text = format!(r#"{},"endpoint_name":"A","ip_version":4}}"#, kind.replace("HOST", "localhost"));
        let (check, _) = configured(&text);
        match run(&check, &context).await {
            CheckOutcome::Attempts(records) => {
                let error = records[0].attempt.error.as_deref().unwrap_or_default();
                assert!(error.starts_with("address 127.0.0.1 is not public"), "{text}: {error}");
            }
            // If no ICMP socket can be opened, the check is skipped before it resolves the host.
            CheckOutcome::Skipped { reason } => assert!(text.contains("icmp"), "{text}: {reason}"),
        }
    }
}

#[test]
fn an_address_of_another_ip_version_is_reported() {
    for kind in CONNECTING {
        for (host, version, is_valid) in
            [("127.0.0.1", 4, true), ("127.0.0.1", 6, false), ("[::1]", 6, true), ("[::1]", 4, false)]
        {
            let text = format!(r#"{},"endpoint_name":"A","ip_version":{version}}}"#, kind.replace("HOST", host));
            let lines = configured(&text).1.join("\n");
            assert_eq!(lines.contains("`checkers[0].ip_version` requires IPv"), !is_valid, "{text}: {lines}");
        }
    }
}

//! Every type of check, from its configuration to its result. For each key, a round succeeds with the right value, and
//! fails with a wrong value or without the key. The test servers implement the real protocols.

use std::net::{TcpListener as BlockingListener, UdpSocket as BlockingSocket};
use std::sync::Arc;

use futures_util::{SinkExt as _, StreamExt as _};
use http::{HeaderMap, Response};
use rustls::ServerConfig;
use serde_json::{Value, json};
use shared::check_file::CheckResult;
use shared::status::Status;
use support::certificates::{Authority, Validity};
use support::checker::Checker;
use support::configuration::{directory, watching};
use tokio::io::{AsyncBufReadExt as _, AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;
use tokio_tungstenite::tungstenite::handshake::server::{ErrorResponse, Request, Response as Upgrade};

/// The host name in the servers' certificates.
pub(super) const NAME: &str = "mail.example";

/// The expected status, and a substring of the expected reason.
pub(super) type ExpectedResult = (Status, &'static str);

pub(super) const WELL: ExpectedResult = (Status::Healthy, "");

pub(super) const fn down(why: &'static str) -> ExpectedResult {
    (Status::Down, why)
}

/// Runs a round of checks of one type against one endpoint, and compares each result with its expectation.
pub(super) async fn expect_of_kind(kind: &str, url: &str, authority: &Authority, cases: &[(Value, ExpectedResult)]) {
    let checks: Vec<Value> = cases
        .iter()
        .enumerate()
        .map(|(number, (more, _))| {
            let mut check = json!({ "type": kind, "endpoint_name": number.to_string(), "endpoint_url": url });
            let more = more.as_object().expect("keys of a check").clone();
            check.as_object_mut().expect("a check").extend(more);
            check
        })
        .collect();
    let checker = Checker::new(&watching(&checks, &directory()));
    authority.write_pem(&checker.path("ca.pem"));
    let run = checker.run(&["--format", "json"]).await;
    assert_eq!(run.code, 0, "{}", run.output());
    for (result, (more, (status, why))) in run.results().iter().zip(cases) {
        let text = reason(result);
        assert!(result.status == *status && text.contains(why), "{kind} {more}: {:?}: {text}", result.status);
    }
}

/// Returns the reason for a result's status.
fn reason(result: &CheckResult) -> String {
    let error = result.attempts.first().and_then(|attempt| attempt.error.clone());
    error.unwrap_or_else(|| result.notice.clone())
}

/// Starts a server that handles every connection with this function, and returns its port.
pub(super) async fn serve<F: Future<Output = Option<()>> + Send + 'static>(
    serve: impl Fn(TcpStream) -> F + Send + 'static,
) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let port = listener.local_addr().expect("an address").port();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            // Errors are ignored, because clients can disconnect at any time.
            tokio::spawn(serve(stream));
        }
    });
    port
}

fn certified(authority: &Authority) -> Arc<ServerConfig> {
    let mut server = ServerConfig::clone(&authority.server(NAME, Validity::Now));
    server.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Arc::new(server)
}

#[tokio::test]
async fn a_conversation_over_tcp_follows_its_script() {
    let port = serve(async |stream| {
        let mut stream = BufReader::new(stream);
        stream.write_all(b"220 ready\r\n").await.ok()?;
        let mut line = String::new();
        stream.read_line(&mut line).await.ok()?;
        stream.write_all(if line == "PING\r\n" { b"PONG\r\n" } else { b"WHAT?\r\n" }).await.ok()
    })
    .await;
    let cases = [
        (json!({}), WELL),
        (json!({ "script": [{ "expect": "^220 " }, { "send": "PING\r\n", "expect": "^PONG" }] }), WELL),
        (
            json!({ "script": [{ "expect": "^220 " }, { "send": "HELP\r\n", "expect": "^PONG" }] }),
            down("expected `^PONG`"),
        ),
        (json!({ "script": [{ "expect": "^421 " }], "timeout": "300ms" }), down("no")),
    ];
    expect_of_kind("tcp", &format!("127.0.0.1:{port}"), &Authority::new(), &cases).await;
}

/// A mail server that supports STARTTLS.
pub(super) async fn mail_server(authority: &Authority) -> u16 {
    let tls = TlsAcceptor::from(certified(authority));
    serve(move |stream| {
        let tls = tls.clone();
        async move {
            let mut stream = BufReader::new(stream);
            for (words, answer) in
                [("", "220 mail\r\n"), ("EHLO", "250-mail\r\n250 STARTTLS\r\n"), ("STARTTLS", "220 go\r\n")]
            {
                let mut line = String::new();
                if !words.is_empty() {
                    stream.read_line(&mut line).await.ok()?;
                }
                if !line.starts_with(words) {
                    return None;
                }
                stream.write_all(answer.as_bytes()).await.ok()?;
            }
            be_ready(tls.accept(stream.into_inner()).await.ok()?).await
        }
    })
    .await
}

/// A server that uses TLS from the start.
pub(super) async fn sealed_server(authority: &Authority) -> u16 {
    let tls = TlsAcceptor::from(certified(authority));
    serve(move |stream| {
        let tls = tls.clone();
        async move { be_ready(tls.accept(stream).await.ok()?).await }
    })
    .await
}

async fn be_ready(mut stream: impl AsyncRead + AsyncWrite + Unpin) -> Option<()> {
    stream.write_all(b"READY\r\n").await.ok()?;
    let _ = stream.read(&mut [0; 64]).await;
    Some(())
}

#[tokio::test]
async fn tls_over_tcp_is_negotiated_and_verified_as_configured() {
    let authority = Authority::new();
    let ready = json!([{ "expect": "^READY" }]);
    let sealed = sealed_server(&authority).await;
    let cases = [
        (json!({ "tls": true, "server_name": NAME, "tls_ca_file": "ca.pem", "script": ready }), WELL),
        (
            json!({ "tls": true, "tls_ca_file": "ca.pem" }),
            down("certificate is for `mail.example`, not for `127.0.0.1`"),
        ),
        (json!({ "tls": true, "server_name": NAME }), down("untrusted authority")),
        (json!({ "tls": true, "tls_skip_verify": true, "script": ready }), WELL),
        (json!({ "script": ready, "timeout": "300ms" }), down("no")),
        (json!({ "starttls": "smtp", "tls_skip_verify": true, "timeout": "300ms" }), down("no")),
    ];
    expect_of_kind("tcp", &format!("127.0.0.1:{sealed}"), &authority, &cases).await;
    let mail = mail_server(&authority).await;
    let cases = [
        (json!({ "starttls": "smtp", "server_name": NAME, "tls_ca_file": "ca.pem", "script": ready }), WELL),
        (json!({ "tls": true, "server_name": NAME, "tls_ca_file": "ca.pem" }), down("server does not speak TLS")),
        (json!({ "starttls": "imap", "server_name": NAME, "tls_ca_file": "ca.pem" }), down("")),
        (json!({ "script": ready, "timeout": "300ms" }), down("expected `^READY`")),
    ];
    let (rest, last) = cases.split_at(3);
    expect_of_kind("tcp", &format!("127.0.0.1:{mail}"), &authority, rest).await;
    // The greeting does not match, and the server sends nothing else until the timeout.
    let [(more, _)] = last else { panic!("one is left") };
    expect_of_kind("tcp", &format!("127.0.0.1:{mail}"), &authority, &[(more.clone(), down("300ms"))]).await;
}

#[tokio::test]
async fn certificates_are_verified_as_configured_even_with_starttls() {
    let authority = Authority::new();
    let trusted = |more: Value| {
        let mut check = json!({ "server_name": NAME, "trusted_roots": ["ca.pem"], "cert_expiry_threshold": "2h" });
        check.as_object_mut().expect("a check").extend(more.as_object().expect("keys").clone());
        check
    };
    let sealed = sealed_server(&authority).await;
    let cases = [
        (trusted(json!({})), WELL),
        (trusted(json!({ "server_name": "127.0.0.1" })), down("not for `127.0.0.1`")),
        (trusted(json!({ "trusted_roots": [] })), down("untrusted authority")),
        (trusted(json!({ "cert_expiry_threshold": "14d" })), (Status::Degraded, "expected at least 14d")),
        (trusted(json!({ "cert_expiry_threshold": "14d", "cert_expiry_down": "2d" })), down("expected at least 2d")),
        (trusted(json!({ "assertions": ["[CERTIFICATE] > 2d"] })), down("expected > 2d")),
        (trusted(json!({ "starttls": "smtp", "timeout": "300ms" })), down("")),
    ];
    expect_of_kind("tls", &format!("127.0.0.1:{sealed}"), &authority, &cases).await;
    let mail = mail_server(&authority).await;
    let cases = [
        (trusted(json!({ "starttls": "smtp" })), WELL),
        (trusted(json!({})), down("server does not speak TLS")),
        (trusted(json!({ "starttls": "smtp", "server_name": "other.example" })), down("not for `other.example`")),
    ];
    expect_of_kind("tls", &format!("127.0.0.1:{mail}"), &authority, &cases).await;
}

/// A web server that sends the same response to every request.
async fn answering(stream: impl AsyncRead + AsyncWrite + Unpin, answer: &str) -> Option<()> {
    let mut stream = BufReader::new(stream);
    let mut line = String::new();
    while stream.read_line(&mut line).await.ok()? > 2 {
        line.clear();
    }
    stream.write_all(answer.as_bytes()).await.ok()
}

#[tokio::test]
async fn tls_assertions_apply_after_redirects_only_if_followed() {
    let authority = Authority::new();
    let tls = TlsAcceptor::from(authority.server("127.0.0.1", Validity::Now));
    let sealed = serve(move |stream| {
        let tls = tls.clone();
        async move { answering(tls.accept(stream).await.ok()?, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n").await }
    })
    .await;
    let to = format!("HTTP/1.1 302 Found\r\nLocation: https://127.0.0.1:{sealed}/\r\nContent-Length: 0\r\n\r\n");
    let plain = serve(move |stream| {
        let to = to.clone();
        async move { answering(stream, &to).await }
    })
    .await;
    let asserting = |assertion: &str, redirects: u32| json!({ "assertions": [assertion], "max_redirects": redirects, "tls_ca_file": "ca.pem" });
    let cases = [
        (asserting("[TLS] < 1m and [CERTIFICATE] > 1h", 1), WELL),
        (asserting("[CERTIFICATE] > 2d", 1), down("expected > 2d")),
        (
            asserting("[TLS] < 1m", 0),
            (Status::Unknown, "`[TLS] < 1m`: the check does not use TLS, which `[TLS]` needs"),
        ),
    ];
    expect_of_kind("http", &format!("http://127.0.0.1:{plain}/"), &authority, &cases).await;
}

/// Echoes the messages of clients that send the token.
async fn chat(stream: impl AsyncRead + AsyncWrite + Unpin) -> Option<()> {
    #[expect(clippy::result_large_err, reason = "the library's type")]
    let guard = |request: &Request, upgrade: Upgrade| -> Result<Upgrade, ErrorResponse> {
        match request.headers().get("authorization").map(http::HeaderValue::as_bytes) {
            Some(b"Bearer t0ken") => Ok(upgrade),
            _ => Err(Response::builder().status(401).body(None).expect("a refusal")),
        }
    };
    let mut socket = tokio_tungstenite::accept_hdr_async(stream, guard).await.ok()?;
    while let Some(Ok(message)) = socket.next().await {
        if message.is_text() {
            socket.send(message).await.ok()?;
        }
    }
    Some(())
}

#[tokio::test]
async fn websockets_are_opened_and_used_as_configured() {
    let authority = Authority::new();
    let token = json!({ "Authorization": "Bearer t0ken" });
    let plain = serve(chat).await;
    let cases = [
        (json!({ "headers": token }), WELL),
        (json!({}), down("response status 401 Unauthorized")),
        (json!({ "headers": token, "send": "ping", "expect": "^ping$" }), WELL),
        (json!({ "headers": token, "send": "pong", "expect": "^ping$", "timeout": "500ms" }), down("500ms")),
        (json!({ "headers": token, "expect": "^ping$", "timeout": "500ms" }), down("500ms")),
        (
            json!({ "headers": token, "send": "[1]", "expect": "1", "assertions": ["[STATUS] == 101", "[BODY][0] == 1", "[HEADER upgrade] == websocket"] }),
            WELL,
        ),
    ];
    expect_of_kind("websocket", &format!("ws://127.0.0.1:{plain}/chat"), &authority, &cases).await;
    let tls = TlsAcceptor::from(authority.server("127.0.0.1", Validity::Now));
    let sealed = serve(move |stream| {
        let tls = tls.clone();
        async move { chat(tls.accept(stream).await.ok()?).await }
    })
    .await;
    let cases = [
        (json!({ "headers": token, "send": "ping", "expect": "^ping$", "tls_ca_file": "ca.pem" }), WELL),
        (json!({ "headers": token, "send": "ping", "expect": "^ping$", "tls_skip_verify": true }), WELL),
        (json!({ "headers": token }), down("untrusted authority")),
        (json!({ "tls_ca_file": "ca.pem" }), down("response status 401 Unauthorized")),
    ];
    expect_of_kind("websocket", &format!("wss://127.0.0.1:{sealed}/chat"), &authority, &cases).await;
    expect_of_kind("websocket", &format!("wss://127.0.0.1:{plain}/chat"), &authority, &[(json!({}), down("TLS"))])
        .await;
}

/// A gRPC health service that knows only the `shop` service.
async fn health(stream: impl AsyncRead + AsyncWrite + Unpin, scheme: &'static str) -> Option<()> {
    let mut connection = h2::server::handshake(stream).await.ok()?;
    while let Some(Ok((request, mut respond))) = connection.accept().await {
        let is_ours = request.uri().scheme_str() == Some(scheme);
        let mut body = request.into_body();
        tokio::spawn(async move {
            let mut asked = Vec::new();
            while let Some(Ok(chunk)) = body.data().await {
                asked.extend_from_slice(&chunk);
            }
            let head = Response::builder().header("content-type", "application/grpc").body(()).expect("a head");
            let mut sender = respond.send_response(head, false).ok()?;
            let serves = is_ours && asked == b"\0\0\0\0\x06\x0a\x04shop";
            if serves {
                sender.send_data(vec![0, 0, 0, 0, 2, 8, 1].into(), false).ok()?;
            }
            let mut trailers = HeaderMap::new();
            trailers.insert("grpc-status", if serves { "0" } else { "5" }.parse().expect("a value"));
            sender.send_trailers(trailers).ok()
        });
    }
    Some(())
}

#[tokio::test]
async fn a_health_service_is_queried_as_configured() {
    let authority = Authority::new();
    let plain = serve(|stream| health(stream, "http")).await;
    let cases = [
        (json!({ "service": "shop" }), WELL),
        (json!({ "service": "bank" }), down("service `bank` is unknown")),
        (json!({}), down("the server is unknown")),
        (json!({ "service": "shop", "tls": true, "tls_skip_verify": true }), down("TLS")),
    ];
    expect_of_kind("grpc", &format!("127.0.0.1:{plain}"), &authority, &cases).await;
    let tls = TlsAcceptor::from(certified(&authority));
    let sealed = serve(move |stream| {
        let tls = tls.clone();
        async move { health(tls.accept(stream).await.ok()?, "https").await }
    })
    .await;
    let cases = [
        (json!({ "service": "shop", "tls": true, "server_name": NAME, "tls_ca_file": "ca.pem" }), WELL),
        (json!({ "service": "shop", "tls": true, "tls_skip_verify": true }), WELL),
        (json!({ "service": "shop", "tls": true, "tls_ca_file": "ca.pem" }), down("not for `127.0.0.1`")),
        (json!({ "service": "shop", "tls": true, "server_name": NAME }), down("untrusted authority")),
        (json!({ "service": "shop" }), down("")),
    ];
    expect_of_kind("grpc", &format!("127.0.0.1:{sealed}"), &authority, &cases).await;
}

#[tokio::test]
async fn no_type_of_check_connects_to_denied_addresses() {
    // Until `touched` counts them, the operating system queues all connections and packets.
    let (stream, packets) = (0..100)
        .find_map(|_| {
            let stream = BlockingListener::bind("127.0.0.1:0").ok()?;
            let packets = BlockingSocket::bind(stream.local_addr().ok()?).ok()?;
            Some((stream, packets))
        })
        .expect("a port that is free for both");
    stream.set_nonblocking(true).and_then(|()| packets.set_nonblocking(true)).expect("reading does not block");
    let port = stream.local_addr().expect("an address").port();
    let touched = || {
        let connections = std::iter::from_fn(|| stream.accept().ok()).count();
        let packets = std::iter::from_fn(|| packets.recv(&mut [0; 2_048]).ok()).count();
        (connections, packets)
    };
    let at = |kind: &str, url: String| json!({ "type": kind, "endpoint_name": url, "endpoint_url": url, "hostname_fqdn": "a.example", "timeout": "200ms" });
    for host in ["127.0.0.1", "localhost"] {
        let sealed = |kind: &str| {
            let mut check = at(kind, format!("{host}:{port}"));
            check["tls"] = json!(true);
            check
        };
        let mut checks = vec![
            at("http", format!("http://{host}:{port}/")),
            at("http", format!("https://{host}:{port}/")),
            at("tcp", format!("{host}:{port}")),
            at("tls", format!("{host}:{port}")),
            at("dns", format!("{host}:{port}")),
            at("icmp", host.to_owned()),
            at("websocket", format!("ws://{host}:{port}/")),
            at("grpc", format!("{host}:{port}")),
            sealed("tcp"),
            sealed("grpc"),
            at("websocket", format!("wss://{host}:{port}/")),
        ];
        for check in &mut checks {
            if check["type"] != "dns" {
                check.as_object_mut().expect("a check").remove("hostname_fqdn");
            }
            check["endpoint_name"] = json!(format!("{} {} {}", check["type"], check["endpoint_name"], check["tls"]));
        }
        let mut config = watching(&checks, &directory());
        config["deny_private_addresses"] = json!(true);
        let checker = Checker::new(&config);
        let results = checker.run(&["--format", "json"]).await.results();
        assert_eq!(results.len(), checks.len());
        for result in &results {
            // Some machines do not allow echo requests.
            let refused = reason(result).contains("`deny_private_addresses` forbids");
            let cannot = result.title.contains("icmp") && result.status == Status::Unknown;
            assert!(refused && result.status == Status::Down || cannot, "{}: {}", result.title, reason(result));
        }
        assert_eq!(touched(), (0, 0), "{host}");
        config["deny_private_addresses"] = json!(false);
        checker.configure(&config);
        let results = checker.run(&["--format", "json"]).await.results();
        assert!(results.iter().all(|result| !reason(result).contains("deny_private_addresses")), "{results:?}");
        let (connections, packets) = touched();
        assert!(connections >= 9 && packets >= 1, "{host}: {connections} connections, {packets} packets");
    }
}

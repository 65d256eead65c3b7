//! Tests HTTP checks through local proxies, some of which misbehave.

use std::path::Path;
use std::sync::Arc;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, copy_bidirectional};
use tokio::net::TcpStream;
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

use crate::checks::net::address_policy::AddressPolicy;
use crate::checks::net::proxy_environment::ProxyEnvironment;
use crate::checks::test_server::{ServerAction, authority, serve, serve_tls, serve_with};
use crate::checks::{Check, CheckContext, CheckOutcome, run};
use crate::config::{Environment, from_text};

const OK: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
/// The user name `me` and the password `s3cret`, encoded as in a `Proxy-Authorization` header.
const LOGIN: &str = "bWU6czNjcmV0";

/// Starts a proxy that connects to port `target`, regardless of the requested host, and reports the heads of all
/// requests.
async fn proxy(target: u16) -> (u16, UnboundedReceiver<String>) {
    let (sender, requests) = unbounded_channel();
    let port = serve_with(move |mut stream| {
        let sender = sender.clone();
        async move {
            let mut request = vec![0; 4_096];
            let length = stream.read(&mut request).await.unwrap_or_default();
            request.truncate(length);
            let _ = sender.send(String::from_utf8_lossy(&request).into_owned());
            let Ok(mut server) = TcpStream::connect(("127.0.0.1", target)).await else { return };
            if request.starts_with(b"CONNECT ") {
                let _ = stream.write_all(b"HTTP/1.1 200 Connection established\r\n\r\n").await;
            } else if request.starts_with(&[5]) {
                // Reply that the proxy requires no SOCKS authentication.
                let _ = stream.write_all(&[5, 0]).await;
                request.resize(4_096, 0);
                let length = stream.read(&mut request).await.unwrap_or_default();
                let _ = sender.send(request[..length].escape_ascii().to_string());
                let _ = stream.write_all(&[5, 0, 0, 1, 0, 0, 0, 0, 0, 0]).await;
            } else {
                let _ = server.write_all(&request).await;
            }
            let _ = copy_bidirectional(&mut stream, &mut server).await;
        }
    });
    (port.await, requests)
}

/// Parses a check of `url` with the additional keys in `more`. Also returns the context for these environment
/// variables, and the problems in the configuration.
fn configured(url: &str, more: &str, variables: &[(&str, String)]) -> (Arc<Check>, CheckContext, Vec<String>) {
    let variable = |name: &str| variables.iter().find(|(known, _)| *known == name).map(|(_, value)| value.clone());
    let environment = Environment { variable: &variable, host_name: "here".to_owned() };
    let timeout = if more.contains(r#""timeout""#) { "" } else { r#","timeout":"700ms""# };
    let text =
        format!(r#"{{"checkers":[{{"type":"http","endpoint_name":"A","endpoint_url":"{url}"{timeout}{more}}}]}}"#);
    let (config, problems) = from_text(&text, Path::new(""), &environment);
    let lines = problems.lines("x", &text);
    let mut config = config.unwrap_or_else(|| panic!("{lines:#?}"));
    let proxies = ProxyEnvironment::from_variables(&variable).map(Arc::new);
    let context = CheckContext::new(config.address_policy, crate::now).with_proxies(proxies);
    (config.checks.remove(0), context, lines)
}

/// Runs a check. Returns the error of its attempt, or why it was skipped.
async fn verdict(check: &Check, context: &CheckContext) -> Result<Option<String>, String> {
    match run(check, context).await {
        CheckOutcome::Attempts(mut records) => Ok(records.remove(0).attempt.error),
        CheckOutcome::Skipped { reason } => Err(reason),
    }
}

async fn outcome(url: &str, more: &str, variables: &[(&str, String)]) -> Result<Option<String>, String> {
    let (check, context, _) = configured(url, more, variables);
    verdict(&check, &context).await
}

#[tokio::test]
async fn a_plain_request_names_the_whole_url() {
    let server = serve(&[ServerAction::Read, ServerAction::Send(OK)]).await;
    let (port, mut requests) = proxy(server).await;
    let plain = format!("http://127.0.0.1:{port}");
    let with_login = format!("http://me:s3cret@127.0.0.1:{port}");
    for (more, variables) in [
        (format!(r#","proxy":"{with_login}""#), vec![]),
        (format!(r#","proxy":"{with_login}""#), vec![("HTTP_PROXY", "http://127.0.0.1:9".to_owned())]),
        (String::new(), vec![("HTTP_PROXY", with_login.clone())]),
        (String::new(), vec![("http_proxy", with_login.clone())]),
        (String::new(), vec![("ALL_PROXY", with_login.clone()), ("NO_PROXY", "other.example".to_owned())]),
    ] {
        let more = format!(r#"{more},"must_contain":"ok""#);
        assert_eq!(outcome("http://shop.example/a?b", &more, &variables).await, Ok(None), "{variables:?}");
        let request = requests.recv().await.expect("the proxy is used");
        assert!(request.starts_with("GET http://shop.example/a?b HTTP/1.1\r\n"), "{request}");
        assert!(request.contains("host: shop.example\r\n"), "{request}");
        assert!(request.contains(&format!("proxy-authorization: Basic {LOGIN}\r\n")), "{request}");
    }
    assert_eq!(outcome("http://shop.example/", "", &[("HTTP_PROXY", plain)]).await, Ok(None));
    assert!(requests.recv().await.is_some_and(|request| !request.contains("authorization")));
}

#[tokio::test]
async fn a_request_without_a_proxy_is_direct() {
    let url = format!("http://127.0.0.1:{}/", serve(&[ServerAction::Read, ServerAction::Send(OK)]).await);
    let unused_port = || "http://127.0.0.1:9".to_owned();
    // Proxies from the environment never apply to this machine's loopback addresses.
    assert_eq!(outcome(&url, "", &[("HTTP_PROXY", unused_port())]).await, Ok(None));
    let unresolvable = "http://shop.invalid/";
    for (more, variables) in [
        (r#","proxy":"none""#, vec![("HTTP_PROXY", unused_port())]),
        ("", vec![("HTTP_PROXY", unused_port()), ("NO_PROXY", ".invalid".to_owned())]),
        ("", vec![("HTTPS_PROXY", unused_port())]),
    ] {
        let error = outcome(unresolvable, more, &variables).await.expect("no proxy is used").unwrap_or_default();
        assert!(!error.is_empty() && !error.contains("proxy"), "{variables:?}: {error}");
    }
}

#[tokio::test]
async fn an_encrypted_request_goes_through_a_tunnel() {
    let folder = tempfile::tempdir().expect("a folder");
    let authority = authority(folder.path());
    let actions = [ServerAction::Read, ServerAction::Send(OK)];
    let server = serve_tls(&[], &actions, authority.server("shop.example", 9)).await;
    let (port, mut requests) = proxy(server).await;
    let more = format!(r#","tls_ca_file":"{}","must_contain":"ok""#, authority.file.display());
    let variables = [("HTTPS_PROXY", format!("http://me:s3cret@127.0.0.1:{port}"))];
    assert_eq!(outcome("https://shop.example/", &more, &variables).await, Ok(None));
    let request = requests.recv().await.expect("the proxy is used");
    assert!(request.starts_with("CONNECT shop.example:443 HTTP/1.1\r\nHost: shop.example:443\r\n"), "{request}");
    assert!(request.contains(&format!("Proxy-Authorization: Basic {LOGIN}\r\n")), "{request}");
    // The certificate must be valid for the endpoint, not for the proxy.
    let error = outcome("https://other.example/", &more, &variables).await.expect("it is attempted");
    assert!(error.is_some_and(|error| error.contains("not for `other.example`")));
    let socks = [("ALL_PROXY", format!("socks5://127.0.0.1:{port}"))];
    assert_eq!(outcome("https://shop.example/", &more, &socks).await, Ok(None));
}

#[tokio::test]
async fn a_socks_proxy_resolves_the_name() {
    let server = serve(&[ServerAction::Read, ServerAction::Send(OK)]).await;
    let (port, mut requests) = proxy(server).await;
    let more = format!(r#","proxy":"socks5h://127.0.0.1:{port}","must_contain":"ok""#);
    assert_eq!(outcome("http://shop.example/", &more, &[]).await, Ok(None));
    requests.recv().await.expect("a greeting");
    let request = requests.recv().await.expect("a request");
    assert_eq!(request, r"\x05\x01\x00\x03\x0cshop.example\x00P");
}

#[tokio::test]
async fn a_failure_is_attributed_to_the_proxy_or_the_endpoint() {
    let answering =
        |text: &'static str| async move { serve(&[ServerAction::Read, ServerAction::Send(text.as_bytes())]).await };
    let login = "proxy requires a user name and password; add them to its URL";
    for (url, port, expected) in [
        ("http://shop.example/", 9, Err("connection refused")),
        ("https://shop.example/", 9, Err("connection refused")),
        ("http://shop.example/", answering("HTTP/1.1 407 No\r\n\r\n").await, Err(login)),
        ("https://shop.example/", answering("HTTP/1.1 407 No\r\n\r\n").await, Err(login)),
        ("https://shop.example/", answering("HTTP/1.1 403 Forbidden\r\n\r\n").await, Err("status 403 Forbidden")),
        ("https://shop.example/", answering("SSH-2.0-x\r\n").await, Err("proxy does not speak HTTP")),
        ("https://shop.example/", answering("").await, Err("connection closed by the proxy")),
        (
            "https://shop.example/",
            answering("HTTP/1.1 502 Bad Gateway\r\n\r\n").await,
            Ok("the proxy could not connect to the endpoint, status 502 Bad Gateway"),
        ),
        ("https://shop.example/", serve(&[ServerAction::Hang]).await, Ok("no connection within 700ms")),
        ("http://shop.example/", serve(&[ServerAction::Hang]).await, Ok("no response within 700ms")),
        (
            "http://shop.example/",
            answering("HTTP/1.1 502 Bad Gateway\r\n\r\n").await,
            Ok("response status 502 Bad Gateway, expected 2xx; proxy `http://127.0.0.1:"),
        ),
        (
            "http://shop.example/",
            answering("HTTP/1.1 403 Forbidden\r\n\r\n").await,
            Ok("response status 403 Forbidden, expected 2xx; proxy `http://127.0.0.1:"),
        ),
        (
            "http://shop.example/",
            answering("HTTP/1.1 404 Not Found\r\n\r\n").await,
            Ok("response status 404 Not Found, expected 2xx"),
        ),
    ] {
        let more = format!(r#","proxy":"http://127.0.0.1:{port}""#);
        let verdict = outcome(url, &more, &[]).await;
        match (&verdict, expected) {
            (Err(reason), Err(expected)) => {
                let start = format!("failed to use proxy `http://127.0.0.1:{port}`: ");
                assert!(reason.starts_with(&start) && reason.contains(expected), "{url}: {reason}");
            }
            (Ok(Some(error)), Ok(expected)) => assert!(error.contains(expected), "{url}: {error}"),
            _ => panic!("{url}: {verdict:?}, expected {expected:?}"),
        }
    }
}

#[tokio::test]
async fn a_failure_of_the_proxy_does_not_fulfill_an_inverted_check() {
    let answering =
        |text: &'static str| async move { serve(&[ServerAction::Read, ServerAction::Send(text.as_bytes())]).await };
    for (url, port, is_known) in [
        ("https://shop.example/", answering("HTTP/1.1 502 Bad Gateway\r\n\r\n").await, false),
        ("https://shop.example/", answering("HTTP/1.1 403 Forbidden\r\n\r\n").await, false),
        ("https://shop.example/", serve(&[ServerAction::Hang]).await, false),
        ("http://shop.example/", answering("HTTP/1.1 503 Busy\r\n\r\n").await, false),
        ("http://shop.example/", answering("HTTP/1.1 407 No\r\n\r\n").await, false),
        ("http://shop.example/", 9, false),
        ("http://shop.example/", answering("HTTP/1.1 404 Not Found\r\n\r\n").await, true),
    ] {
        let more = format!(r#","invert":true,"proxy":"http://127.0.0.1:{port}""#);
        let verdict = outcome(url, &more, &[]).await;
        assert_eq!(verdict.is_ok(), is_known, "{url}: {verdict:?}");
    }
}

#[tokio::test]
async fn a_proxy_over_tls_is_verified() {
    let folder = tempfile::tempdir().expect("a folder");
    let port = serve_tls(&[], &[ServerAction::Read], authority(folder.path()).server("127.0.0.1", 9)).await;
    let reason =
        outcome("http://shop.example/", &format!(r#","timeout":"30s","proxy":"https://127.0.0.1:{port}""#), &[]).await;
    let reason = reason.expect_err("the proxy is not trusted");
    assert!(reason.contains("failed to use proxy `https://127.0.0.1:") && reason.contains("untrusted"), "{reason}");
}

#[tokio::test]
async fn proxy_credentials_stay_secret() {
    let secrets = ["s3cret", LOGIN];
    let hidden = |text: &str| assert!(secrets.iter().all(|secret| !text.contains(secret)), "{text}");
    let server = serve(&[ServerAction::Read, ServerAction::Send(OK)]).await;
    for port in [9, proxy(server).await.0] {
        for url in ["http://shop.example/", "https://shop.example/"] {
            let more = format!(r#","proxy":"http://me:s3cret@127.0.0.1:{port}""#);
            let (check, context, lines) = configured(url, &more, &[]);
            hidden(&lines.join("\n"));
            hidden(&format!("{check:?} {}", check.kind.locator()));
            hidden(&format!("{:?}", run(&check, &context).await));
        }
    }
    let (check, _, lines) = configured("http://shop.example/", r#","proxy":"ftp://me:s3cret@127.0.0.1:9""#, &[]);
    assert!(lines.join("\n").contains("invalid proxy `ftp://127.0.0.1:9`"), "{lines:?}");
    hidden(&format!("{lines:?} {check:?}"));
    let variables = [("HTTP_PROXY", "ftp://me:s3cret@127.0.0.1:9".to_owned())];
    let reason = outcome("http://shop.example/", "", &variables).await.expect_err("the proxy is invalid");
    assert!(reason.starts_with("`HTTP_PROXY`: invalid proxy `ftp://127.0.0.1:9`"), "{reason}");
    hidden(&reason);
    // The endpoint never receives the proxy's credentials.
    let folder = tempfile::tempdir().expect("a folder");
    let authority = authority(folder.path());
    let echo = serve_with({
        let tls = tokio_rustls::TlsAcceptor::from(authority.server("shop.example", 9));
        move |stream| {
            let tls = tls.clone();
            async move {
                let Ok(mut stream) = tls.accept(stream).await else { return };
                let mut request = vec![0; 4_096];
                let length = stream.read(&mut request).await.unwrap_or_default();
                let _ = stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n").await;
                let _ = stream.write_all(&request[..length]).await;
                let _ = stream.shutdown().await;
            }
        }
    })
    .await;
    let more = format!(
        r#","proxy":"http://me:s3cret@127.0.0.1:{}","tls_ca_file":"{}","must_contain":"GET /","must_not_contain":"proxy-authorization""#,
        proxy(echo).await.0,
        authority.file.display()
    );
    assert_eq!(outcome("https://shop.example/", &more, &[]).await, Ok(None));
}

#[tokio::test]
async fn an_unenforceable_setting_makes_the_status_unknown() {
    let server = serve(&[ServerAction::Read, ServerAction::Send(OK)]).await;
    let port = proxy(server).await.0;
    let variables = [("HTTP_PROXY", format!("http://127.0.0.1:{port}"))];
    let (check, _, _) = configured("http://shop.example/", "", &variables);
    let proxies = ProxyEnvironment::from_variables(&|name| (name == "HTTP_PROXY").then(|| variables[0].1.clone()));
    let context = CheckContext::new(AddressPolicy::PublicOnly, crate::now).with_proxies(proxies.map(Arc::new));
    let reason = verdict(&check, &context).await.expect_err("the proxy cannot enforce it");
    assert!(reason.starts_with("`deny_private_addresses` cannot be enforced"), "{reason}");
    let reason = outcome("http://shop.example/", r#","ip_version":6"#, &variables)
        .await
        .expect_err("the proxy cannot enforce it");
    assert!(reason.starts_with("`ip_version` cannot be enforced"), "{reason}");
    let more = format!(r#","ip_version":6,"proxy":"http://127.0.0.1:{port}""#);
    let lines = configured("http://shop.example/", &more, &[]).2.join("\n");
    assert!(lines.contains("`checkers[0].ip_version` cannot be enforced"), "{lines}");
}

#[test]
fn an_unenforceable_policy_is_reported() {
    let text = r#"{"deny_private_addresses":true,"checkers":[
        {"type":"http","endpoint_name":"A","endpoint_url":"http://shop.example/"},
        {"type":"http","endpoint_name":"B","endpoint_url":"https://shop.example/"},
        {"type":"http","endpoint_name":"C","endpoint_url":"http://shop.example/","proxy":"none"},
        {"type":"http","endpoint_name":"D","endpoint_url":"https://shop.example/","proxy":"http://proxy.example"}]}"#;
    let lines = |variable: &dyn Fn(&str) -> Option<String>| {
        let environment = Environment { variable, host_name: "here".to_owned() };
        from_text(text, Path::new(""), &environment).1.lines("x", text).join("\n")
    };
    let with_proxy = lines(&|name| (name == "HTTP_PROXY").then(|| "http://proxy.example".to_owned()));
    assert!(with_proxy.contains("the status of `A` and 1 more is unknown"), "{with_proxy}");
    let without = lines(&|_| None);
    assert!(without.contains("the status of `D` is unknown"), "{without}");
}

#[tokio::test]
async fn a_status_page_is_read_through_its_proxy() {
    const SUMMARY: &[u8] =
        b"HTTP/1.1 200 OK\r\nContent-Length: 43\r\n\r\n{\"status\":{\"indicator\":\"none\"},\"page\":{}}  ";
    let server = serve(&[ServerAction::Read, ServerAction::Send(SUMMARY)]).await;
    let (port, mut requests) = proxy(server).await;
    let text = format!(
        r#"{{"checkers":[{{"type":"statuspage","endpoint_name":"A","url":"http://status.invalid","proxy":"http://127.0.0.1:{port}"}}]}}"#
    );
    let environment = Environment { variable: &|_| None, host_name: "here".to_owned() };
    let (config, _) = from_text(&text, Path::new(""), &environment);
    let check = config.expect("the configuration is valid").checks.remove(0);
    let context = CheckContext::new(AddressPolicy::default(), crate::now);
    assert_eq!(verdict(&check, &context).await, Ok(None));
    let request = requests.recv().await.expect("the proxy received a request");
    assert!(request.starts_with("GET http://status.invalid/api/v2/summary.json HTTP/1.1\r\n"), "{request}");
}

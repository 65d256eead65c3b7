//! Tests TLS against local servers with every kind of check that uses it.

use std::net::{IpAddr, Ipv4Addr};
use std::path::Path;
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use http::{HeaderMap, Response};
use rustls::version::{TLS12, TLS13};
use rustls::{ServerConfig, SupportedProtocolVersion};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio_rustls::TlsAcceptor;

use crate::checks::net::address_policy::AddressPolicy;
use crate::checks::test_certificates::{Identity, TestAuthority, server, server_with_optional_clients, write};
use crate::checks::test_server::{ServerAction, serve, serve_with};
use crate::checks::{AttemptRecord, CheckContext, CheckOutcome, run};
use crate::config::{Environment, from_text};

const KINDS: [&str; 5] = ["http", "tls", "tcp", "websocket", "grpc"];
const BOTH: [&SupportedProtocolVersion; 2] = [&TLS12, &TLS13];
const EMPTY_RESPONSE: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";

/// Responds to a check of this kind as a healthy endpoint would.
async fn answer(kind: &str, mut stream: impl AsyncRead + AsyncWrite + Unpin) {
    let mut buffer = [0; 4_096];
    match kind {
        "http" => {
            let _ = stream.read(&mut buffer).await;
            let _ = stream.write_all(EMPTY_RESPONSE).await;
        }
        "websocket" => {
            let Ok(mut socket) = tokio_tungstenite::accept_async(&mut stream).await else { return };
            let _ = socket.close(None).await;
        }
        "grpc" => return answer_health(stream).await,
        _ => {}
    }
    while stream.read(&mut buffer).await.is_ok_and(|count| count > 0) {}
}

async fn answer_health(stream: impl AsyncRead + AsyncWrite + Unpin) {
    const SERVING: &[u8] = &[0, 0, 0, 0, 2, 8, 1];
    let Ok(mut connection) = h2::server::handshake(stream).await else { return };
    while let Some(Ok((_, mut responder))) = connection.accept().await {
        let head = Response::builder().header("content-type", "application/grpc").body(()).expect("a head");
        let Ok(mut sender) = responder.send_response(head, false) else { return };
        let _ = sender.send_data(Bytes::from_static(SERVING), false);
        let _ = sender.send_trailers(HeaderMap::from_iter([("grpc-status".parse().expect("a name"), 0.into())]));
    }
}

/// Starts a healthy TLS server for this kind of check. Returns its port.
async fn serve_kind(kind: &'static str, mut config: ServerConfig) -> u16 {
    if kind == "grpc" {
        config.alpn_protocols = vec![b"h2".to_vec()];
    }
    let tls = TlsAcceptor::from(Arc::new(config));
    serve_with(move |stream| {
        let tls = tls.clone();
        async move {
            if let Ok(stream) = tls.accept(stream).await {
                answer(kind, stream).await;
            }
        }
    })
    .await
}

/// Checks an endpoint with this kind of check. `more` contains additional configuration keys.
async fn outcome(kind: &str, address: &str, more: &str) -> CheckOutcome {
    outcome_with(kind, address, more, AddressPolicy::AllowAll).await
}

async fn outcome_with(kind: &str, address: &str, more: &str, policy: AddressPolicy) -> CheckOutcome {
    let (url, tls) = match kind {
        "http" => (format!("https://{address}/"), ""),
        "websocket" => (format!("wss://{address}/"), ""),
        "tls" => (address.to_owned(), ""),
        _ => (address.to_owned(), r#","tls":true"#),
    };
    let text = format!(
        r#"{{"checkers":[{{"type":"{kind}","endpoint_name":"A","timeout":"5s","endpoint_url":"{url}"{tls}{more}}}]}}"#
    );
    let environment = Environment { variable: &|_| None, host_name: "here".to_owned() };
    let (config, problems) = from_text(&text, Path::new(""), &environment);
    let check = config.unwrap_or_else(|| panic!("{:#?}", problems.lines("x", &text))).checks.remove(0);
    run(&check, &CheckContext::new(policy, crate::now)).await
}

fn record(outcome: CheckOutcome) -> AttemptRecord {
    match outcome {
        CheckOutcome::Attempts(mut records) => records.remove(0),
        CheckOutcome::Skipped { reason } => panic!("{reason}"),
    }
}

/// Returns the check's error, or its warning if there is no error.
async fn verdict(kind: &str, port: u16, more: &str) -> Option<String> {
    let record = record(outcome(kind, &format!("127.0.0.1:{port}"), more).await);
    record.attempt.error.or(record.warning)
}

/// Returns the configuration key that trusts the certificates in a file.
fn trusting(kind: &str, file: &Path) -> String {
    match kind {
        "tls" => format!(r#","trusted_roots":["{}"]"#, file.display()),
        _ => format!(r#","tls_ca_file":"{}""#, file.display()),
    }
}

#[track_caller]
fn expect(verdict: Option<&str>, expected: Option<&str>, context: &str) {
    match expected {
        None => assert_eq!(verdict, None, "{context}"),
        Some(words) => assert!(verdict.is_some_and(|text| text.contains(words)), "{context}: {verdict:?}"),
    }
}

#[tokio::test]
async fn only_certificates_of_the_verified_path_count() {
    let folder = tempfile::tempdir().expect("a folder");
    let root = TestAuthority::new("Root", 3_000);
    let expired_root = TestAuthority::new("Old Root", -600);
    let intermediate = TestAuthority::new("Intermediate", 1_000);
    let cross_signed = root.until(-600).signed_by(&expired_root);
    let by_root = intermediate.signed_by(&root);
    let short = intermediate.until(5).signed_by(&root);
    let expired = intermediate.until(-600).signed_by(&root);
    let other = Identity::self_signed("other.example", -9, false).certificate;
    let (leaf, direct) = (intermediate.issue("127.0.0.1", 80), root.issue("127.0.0.1", 80));
    let root_until = |days| root.until(days).self_signed();
    let at_root = "certificate of the authority `Root` expire";
    for (name, identity, chain, trusted, expected) in [
        ("an unneeded expired cross-signed root", &leaf, vec![&by_root, &cross_signed], vec![root_until(3_000)], None),
        (
            "an unneeded expired root",
            &leaf,
            vec![&by_root, &cross_signed, &expired_root.self_signed()],
            vec![root_until(3_000)],
            None,
        ),
        ("an unneeded old copy of the root", &direct, vec![&root_until(5)], vec![root_until(3_000)], None),
        ("both copies are trusted", &direct, vec![], vec![root_until(5), root_until(3_000)], None),
        ("an unrelated expired certificate", &direct, vec![&other], vec![root_until(3_000)], None),
        ("a second path that is valid longer", &leaf, vec![&short, &by_root], vec![root_until(3_000)], None),
        ("a valid path and an expired one", &leaf, vec![&expired, &by_root], vec![root_until(3_000)], None),
        (
            "a needed intermediate that expires",
            &leaf,
            vec![&short],
            vec![root_until(3_000)],
            Some("certificate of the authority `Intermediate` expires in 5 d"),
        ),
        (
            "a needed intermediate that has expired",
            &leaf,
            vec![&expired],
            vec![root_until(3_000)],
            Some("certificate of the authority `Intermediate` expired 600 days ago, and no other chain leads to"),
        ),
        ("a root that expires", &direct, vec![], vec![root_until(5)], Some(at_root)),
        ("a root that has expired", &direct, vec![], vec![root_until(-600)], Some(at_root)),
        ("a missing intermediate", &leaf, vec![], vec![root_until(3_000)], Some("does not send an intermediate")),
    ] {
        let file = write(folder.path(), "trusted", &trusted.iter().collect::<Vec<_>>());
        let port = serve_kind("tls", server(identity, &chain, None, &BOTH)).await;
        expect(verdict("tls", port, &trusting("tls", &file)).await.as_deref(), expected, name);
        let port = serve_kind("http", server(identity, &chain, None, &BOTH)).await;
        let asserting = format!(r#"{},"assertions":["[CERTIFICATE] > 14d"]"#, trusting("http", &file));
        // Assertions see only the time until expiry, not which certificate expires first.
        let expected = match expected {
            Some(words) if words.contains("expires in") || name == "a root that expires" => {
                Some("time until the certificate expires is 5 d, expected > 14d")
            }
            expected => expected,
        };
        expect(verdict("http", port, &asserting).await.as_deref(), expected, name);
    }
}

#[tokio::test]
async fn a_certificate_can_be_trusted_by_its_own_file() {
    let folder = tempfile::tempdir().expect("a folder");
    let authority = TestAuthority::new("Root", 3_000);
    let issued = authority.issue("127.0.0.1", 80);
    let stranger = Identity::self_signed("127.0.0.1", 80, true);
    for kind in KINDS {
        for (identity, expected) in [
            (&Identity::self_signed("127.0.0.1", 80, true), None),
            (&Identity::self_signed("127.0.0.1", 80, false), None),
            (&issued, None),
            (&Identity::self_signed("127.0.0.1", -600, true), Some("certificate expired 600 days ago")),
            (
                &Identity::self_signed("shop.example", 80, true),
                Some("certificate is for `shop.example`, not for `127.0.0.1`"),
            ),
        ] {
            let (file, _) = identity.write(folder.path(), "server");
            let port = serve_kind(kind, server(identity, &[], None, &BOTH)).await;
            expect(verdict(kind, port, &trusting(kind, &file)).await.as_deref(), expected, kind);
        }
        let (file, _) = issued.write(folder.path(), "server");
        let port = serve_kind(kind, server(&stranger, &[], None, &BOTH)).await;
        let expected = Some("certificate is self-signed, and not one of the trusted certificates");
        expect(verdict(kind, port, &trusting(kind, &file)).await.as_deref(), expected, kind);
    }
}

#[tokio::test]
async fn clients_identify_themselves() {
    let folder = tempfile::tempdir().expect("a folder");
    let authority = TestAuthority::new("Root", 3_000);
    let identity = authority.issue("127.0.0.1", 80);
    let trusted = write(folder.path(), "trusted", &[&authority.self_signed()]);
    let (certificate, key) = authority.issue("client.example", 80).write(folder.path(), "client");
    let both = folder.path().join("both.pem");
    let text = |file: &Path| std::fs::read_to_string(file).expect("it was written");
    std::fs::write(&both, text(&key) + &text(&certificate)).expect("the file can be written");
    let (stranger, stranger_key) = TestAuthority::new("Other", 9).issue("client.example", 9).write(folder.path(), "x");
    let with_key = |certificate: &Path, key: &Path| {
        format!(r#","client_cert_file":"{}","client_key_file":"{}""#, certificate.display(), key.display())
    };
    for kind in KINDS {
        for version in BOTH {
            let port = serve_kind(kind, server(&identity, &[], Some(&authority), &[version])).await;
            for (client, expected) in [
                (with_key(&certificate, &key), None),
                (format!(r#","client_cert_file":"{}""#, both.display()), None),
                (String::new(), Some("requires a client certificate: set `client_cert_file` and `client_key_file`")),
                (
                    with_key(&stranger, &stranger_key),
                    Some("client certificate is signed by an authority that the server"),
                ),
            ] {
                let more = trusting(kind, &trusted) + &client;
                let context = format!("{kind}, {version:?}, {client}");
                expect(verdict(kind, port, &more).await.as_deref(), expected, &context);
            }
        }
    }
}

#[tokio::test]
async fn a_missing_client_certificate_is_named_after_the_handshake() {
    let folder = tempfile::tempdir().expect("a folder");
    let authority = TestAuthority::new("Root", 3_000);
    let trusted = write(folder.path(), "trusted", &[&authority.self_signed()]);
    // Like nginx, the TLS layer only requests a certificate, and the HTTP layer rejects clients without one.
    let config = server_with_optional_clients(&authority.issue("127.0.0.1", 80), &authority);
    let tls = TlsAcceptor::from(Arc::new(config));
    let port = serve_with(move |stream| {
        let tls = tls.clone();
        async move {
            let Ok(mut stream) = tls.accept(stream).await else { return };
            let _ = stream.read(&mut [0; 4_096]).await;
            let _ = stream.write_all(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n").await;
        }
    })
    .await;
    let expected = "response status 400 Bad Request, expected 2xx; the server asked for a client certificate, and may \
                    require one: set `client_cert_file` and `client_key_file`";
    assert_eq!(verdict("http", port, &trusting("http", &trusted)).await.as_deref(), Some(expected));
}

#[tokio::test]
async fn unusable_client_certificate_files_are_named() {
    let folder = tempfile::tempdir().expect("a folder");
    let authority = TestAuthority::new("Root", 3_000);
    let (certificate, key) = authority.issue("client.example", 80).write(folder.path(), "client");
    let (_, other_key) = authority.issue("client.example", 80).write(folder.path(), "other");
    let missing = folder.path().join("missing.pem");
    let broken = folder.path().join("broken.pem");
    std::fs::write(&broken, "-----BEGIN PRIVATE KEY-----\nc2VjcmV0\n").expect("the file can be written");
    for (certificate, key, expected) in [
        (&missing, &key, "missing.pem`: No such file"),
        (&key, &key, "client.key`: the file contains no certificate"),
        (&certificate, &certificate, "client.pem`: the file contains no private key"),
        (&certificate, &other_key, "other.key`: the private key does not match the certificate"),
        (&certificate, &broken, "broken.pem`: a PEM section has no `END` line"),
    ] {
        let more = format!(r#","client_cert_file":"{}","client_key_file":"{}""#, certificate.display(), key.display());
        for kind in KINDS {
            let CheckOutcome::Skipped { reason } = outcome(kind, "127.0.0.1:9", &more).await else {
                panic!("{kind}: {expected}");
            };
            assert!(reason.contains(expected) && !reason.contains("c2VjcmV0"), "{kind}: {reason}");
        }
    }
}

/// Starts an HTTPS server that records the heads of all requests. Returns its port.
async fn serve_requests(config: ServerConfig, requests: Arc<Mutex<Vec<String>>>) -> u16 {
    let tls = TlsAcceptor::from(Arc::new(config));
    serve_with(move |stream| {
        let (tls, requests) = (tls.clone(), Arc::clone(&requests));
        async move {
            let Ok(mut stream) = tls.accept(stream).await else { return };
            let mut buffer = [0; 4_096];
            let count = stream.read(&mut buffer).await.unwrap_or_default();
            let name = stream.get_ref().1.server_name().unwrap_or("none").to_owned();
            let head = String::from_utf8_lossy(&buffer[..count]).into_owned();
            requests.lock().expect("no thread panics").push(format!("SNI: {name}\r\n{head}"));
            let _ = stream.write_all(EMPTY_RESPONSE).await;
        }
    })
    .await
}

#[tokio::test]
async fn another_server_name_and_address_can_be_used() {
    let folder = tempfile::tempdir().expect("a folder");
    let authority = TestAuthority::new("Root", 3_000);
    let trusted = write(folder.path(), "trusted", &[&authority.self_signed()]);
    for kind in ["http", "websocket"] {
        let identity = authority.issue("shop.example", 80);
        let port = serve_kind(kind, server(&identity, &[], None, &BOTH)).await;
        for (address, keys, expected) in [
            (format!("shop.example:{port}"), r#","resolve":"127.0.0.1""#.to_owned(), None),
            ("shop.example".to_owned(), format!(r#","resolve":"127.0.0.1:{port}""#), None),
            ("shop.example".to_owned(), format!(r#","resolve":"localhost:{port}""#), None),
            (format!("127.0.0.1:{port}"), r#","server_name":"shop.example""#.to_owned(), None),
            ("api.example".to_owned(), format!(r#","resolve":"127.0.0.1:{port}","server_name":"shop.example""#), None),
            (
                "api.example".to_owned(),
                format!(r#","resolve":"127.0.0.1:{port}""#),
                Some("certificate is for `shop.example`, not for `api.example`"),
            ),
            (
                format!("127.0.0.1:{port}"),
                String::new(),
                Some("certificate is for `shop.example`, not for `127.0.0.1`"),
            ),
        ] {
            let record = record(outcome(kind, &address, &(trusting(kind, &trusted) + &keys)).await);
            expect(record.attempt.error.as_deref(), expected, &format!("{kind} {address} {keys}"));
        }
        // The address policy applies to the address in `resolve`.
        let keys = format!(r#","resolve":"127.0.0.1:{port}""#);
        let only = AddressPolicy::Only(IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1)));
        let denied = record(outcome_with(kind, "shop.example", &keys, only).await).attempt.error;
        assert!(denied.is_some_and(|error| error.contains("deny_private_addresses")), "{kind}");
    }
}

#[tokio::test]
async fn the_request_stays_the_same_with_another_address() {
    let folder = tempfile::tempdir().expect("a folder");
    let authority = TestAuthority::new("Root", 3_000);
    let trusted = write(folder.path(), "trusted", &[&authority.self_signed()]);
    let requests = Arc::default();
    let port =
        serve_requests(server(&authority.issue("shop.example", 80), &[], None, &BOTH), Arc::clone(&requests)).await;
    let more = format!(r#"{},"resolve":"127.0.0.1:{port}""#, trusting("http", &trusted));
    assert_eq!(record(outcome("http", "shop.example:7443", &more).await).attempt.error, None);
    let request = requests.lock().expect("no thread panics").remove(0).to_lowercase();
    assert!(
        request.starts_with("sni: shop.example\r\n") && request.contains("\nhost: shop.example:7443\r\n"),
        "{request}"
    );
}

#[tokio::test]
async fn a_redirect_to_another_host_drops_the_route_and_identity() {
    let folder = tempfile::tempdir().expect("a folder");
    let authority = TestAuthority::new("Root", 3_000);
    let trusted = write(folder.path(), "trusted", &[&authority.self_signed()]);
    let (certificate, key) = authority.issue("client.example", 80).write(folder.path(), "client");
    let elsewhere = serve_kind("http", server(&authority.issue("127.0.0.1", 80), &[], Some(&authority), &BOTH)).await;
    let here = serve_kind("http", server(&authority.issue("shop.example", 80), &[], Some(&authority), &BOTH)).await;
    for (target, expected) in [
        (format!("https://shop.example:{here}/"), None),
        (format!("https://127.0.0.1:{elsewhere}/"), Some("requires a client certificate")),
    ] {
        let head = format!("HTTP/1.1 302 Found\r\nLocation: {target}\r\nContent-Length: 0\r\n\r\n");
        let first = serve(&[ServerAction::Read, ServerAction::Send(head.leak().as_bytes())]).await;
        let text = format!(
            r#"{{"checkers":[{{"type":"http","endpoint_name":"A","endpoint_url":"http://shop.example/","timeout":"5s",
            "max_redirects":2,"resolve":"127.0.0.1:{first}","client_cert_file":"{}","client_key_file":"{}"{}}}]}}"#,
            certificate.display(),
            key.display(),
            trusting("http", &trusted)
        );
        let environment = Environment { variable: &|_| None, host_name: "here".to_owned() };
        let (config, problems) = from_text(&text, Path::new(""), &environment);
        let check = config.unwrap_or_else(|| panic!("{:#?}", problems.lines("x", &text))).checks.remove(0);
        let outcome = run(&check, &CheckContext::new(AddressPolicy::AllowAll, crate::now)).await;
        expect(record(outcome).attempt.error.as_deref(), expected, &target);
    }
}

#[tokio::test]
async fn a_minimum_version_is_required() {
    let folder = tempfile::tempdir().expect("a folder");
    let authority = TestAuthority::new("Root", 3_000);
    let trusted = write(folder.path(), "trusted", &[&authority.self_signed()]);
    let identity = authority.issue("127.0.0.1", 80);
    let too_old = Some("server chose TLS 1.2, expected at least TLS 1.3 (`min_tls_version`)");
    for kind in KINDS {
        for (version, least, expected) in
            [(&TLS12, "1.2", None), (&TLS12, "1.3", too_old), (&TLS13, "1.2", None), (&TLS13, "1.3", None)]
        {
            let port = serve_kind(kind, server(&identity, &[], None, &[version])).await;
            let more = format!(r#"{},"min_tls_version":"{least}""#, trusting(kind, &trusted));
            assert_eq!(verdict(kind, port, &more).await.as_deref(), expected, "{kind} {version:?} {least}");
        }
    }
}

#[tokio::test]
async fn results_contain_the_time_at_which_a_certificate_expires() {
    let days =
        |outcome: &CheckOutcome| outcome.certificate_expiry().map(|expiry| (expiry - crate::now()) / shared::DAY);
    let folder = tempfile::tempdir().expect("a folder");
    let authority = TestAuthority::new("Root", 3_000);
    let trusted = write(folder.path(), "trusted", &[&authority.self_signed()]);
    let identity = authority.issue("127.0.0.1", 80);
    for kind in KINDS {
        let port = serve_kind(kind, server(&identity, &[], None, &BOTH)).await;
        let address = format!("127.0.0.1:{port}");
        let verified = outcome(kind, &address, &trusting(kind, &trusted)).await;
        assert_eq!(days(&verified), Some(80), "{kind}: {verified:?}");
        let refused = outcome(kind, "127.0.0.1:9", "").await;
        assert_eq!(days(&refused), None, "{kind}");
    }
    let port = serve_kind("http", server(&identity, &[], None, &BOTH)).await;
    let address = format!("127.0.0.1:{port}");
    let unverified = outcome("http", &address, r#","tls_skip_verify":true"#).await;
    assert_eq!((days(&unverified), record(unverified).attempt.error), (None, None));
    // A check that fails for another reason still reports the time.
    let failed = outcome("http", &address, &format!(r#"{},"up_status":404"#, trusting("http", &trusted))).await;
    assert_eq!(days(&failed), Some(80));
}

#[tokio::test]
async fn without_verification_only_the_leaf_certificate_counts() {
    let other = Identity::self_signed("other.example", -9, false).certificate;
    for (days, expected) in [(80, None), (-600, Some("time until the certificate expires is -600 d, expected > 14d"))] {
        let identity = Identity::self_signed("shop.example", days, true);
        let port = serve_kind("http", server(&identity, &[&other], None, &BOTH)).await;
        let more = r#","tls_skip_verify":true,"assertions":["[CERTIFICATE] > 14d"]"#;
        assert_eq!(verdict("http", port, more).await.as_deref(), expected);
    }
}

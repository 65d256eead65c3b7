//! Tests WebSocket checks against local servers, some of which misbehave.

use crate::checks::net::address_policy::AddressPolicy;
use crate::checks::test_server::{ServerAction, serve, serve_with};
use crate::checks::websocket::*;
use crate::checks::{Check, CheckContext, CheckKind, CheckOutcome, run};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;

fn check(port: u16, send: Option<&str>, expect: Option<&str>) -> WebSocketCheck {
    WebSocketCheck {
        locator: "x".to_owned(),
        url: format!("ws://127.0.0.1:{port}/chat"),
        address: Address { host: "127.0.0.1".to_owned(), port },
        headers: HeaderMap::new(),
        timeout: Duration::from_millis(700),
        ip_version: None,
        tls: None,
        send: send.map(str::to_owned),
        expect: expect.map(|pattern| TextPattern::parse(pattern).expect("a pattern")),
    }
}

async fn error(port: u16, send: Option<&str>, expect: Option<&str>) -> Option<String> {
    error_of(check(port, send, expect)).await
}

async fn error_of(check: WebSocketCheck) -> Option<String> {
    let kind = CheckKind::WebSocket(Box::new(check));
    match run(&Check::new("x", kind), &CheckContext::new(AddressPolicy::AllowAll, crate::now)).await {
        CheckOutcome::Attempts(mut records) => records.remove(0).attempt.error,
        CheckOutcome::Skipped { reason } => panic!("{reason}"),
    }
}

/// Starts a server that sends "hello" and echoes messages; on "bye" it closes the connection.
async fn echo() -> u16 {
    serve_with(|stream| async {
        let Ok(mut socket) = tokio_tungstenite::accept_async(stream).await else { return };
        let _ = socket.send(Message::text("hello")).await;
        while let Some(Ok(message)) = socket.next().await {
            if message == Message::text("bye") {
                let _ = socket.close(None).await;
            } else if message.is_text() {
                let _ = socket.send(message).await;
            }
        }
    })
    .await
}

#[tokio::test]
async fn a_message_is_sent_and_a_matching_reply_awaited() {
    let port = echo().await;
    assert_eq!(error(port, None, None).await, None);
    assert_eq!(error(port, Some("ping"), Some("^ping$")).await, None);
    let left = error(port, Some("bye"), Some("^pong$")).await;
    assert_eq!(left.as_deref(), Some("connection closed by the server; received `hello`, expected `^pong$`"));
    let never = error(port, Some("ping"), Some("^pong$")).await;
    assert_eq!(never.as_deref(), Some("response not complete within 700ms"));
}

/// Reads the head of a request.
async fn read_request(stream: &mut tokio::net::TcpStream) -> String {
    let (mut request, mut buffer) = (Vec::new(), [0; 4_096]);
    while !request.ends_with(b"\r\n\r\n") {
        let count = stream.read(&mut buffer).await.expect("a request");
        request.extend_from_slice(&buffer[..count]);
    }
    String::from_utf8(request).expect("it is text")
}

#[tokio::test]
async fn the_upgrade_is_accepted_in_every_spelling() {
    let respond = |head: String| async move {
        serve_with(move |mut stream| {
            let head = head.clone();
            async move {
                let request = read_request(&mut stream).await;
                let key = request.lines().find_map(|line| line.strip_prefix("Sec-WebSocket-Key: ")).expect("a key");
                let offered = request.lines().find_map(|line| line.strip_prefix("Sec-WebSocket-Protocol: "));
                let accept = derive_accept_key(key.as_bytes());
                let head = head.replace("ACCEPT", &accept).replace("OFFERED", offered.unwrap_or("nothing"));
                // Send the start of the first message together with the response.
                let _ = stream.write_all(format!("{head}\r\n\r\n\u{1}\u{2}he").as_bytes()).await;
                let _ = stream.write_all(&[0x80, 3, b'l', b'l', b'o']).await;
                while stream.read(&mut [0; 4_096]).await.is_ok_and(|count| count > 0) {}
            }
        })
        .await
    };
    let start = "HTTP/1.1 101 Switching Protocols\r\nSec-WebSocket-Accept: ACCEPT\r\nUpgrade: websocket";
    for (protocols, rest, expected) in [
        (&[][..], "Connection: keep-alive, Upgrade", None),
        (&[], "Connection: keep-alive\r\nConnection: upgrade", None),
        (&["mqtt", "stomp"], "Connection: Upgrade\r\nSec-WebSocket-Protocol: stomp", None),
        (
            &["mqtt", "stomp"],
            "Connection: Upgrade\r\nSec-WebSocket-Protocol: OFFERED",
            Some("server violates the WebSocket protocol: it selected more than one subprotocol"),
        ),
        (
            &[],
            "Connection: keep-alive",
            Some(
                "server violates the WebSocket protocol: the `Connection` header of its response does not contain \
                 `Upgrade`",
            ),
        ),
    ] {
        let mut headers = HeaderMap::new();
        for protocol in protocols {
            headers.append("sec-websocket-protocol", protocol.parse().expect("a value"));
        }
        let port = respond(format!("{start}\r\n{rest}")).await;
        let check = WebSocketCheck { headers, ..check(port, None, Some("^hello$")) };
        assert_eq!(error_of(check).await.as_deref(), expected, "{rest}");
    }
}

#[tokio::test]
async fn every_misbehavior_of_a_server_is_described() {
    for (actions, expected) in [
        (
            vec![ServerAction::Read, ServerAction::Send(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n")],
            "response status 404 Not Found, expected 101",
        ),
        (
            vec![ServerAction::Read, ServerAction::Send(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")],
            "response status 200 OK, expected 101",
        ),
        (
            vec![
                ServerAction::Read,
                ServerAction::Send(
                    b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n",
                ),
            ],
            "violates the WebSocket protocol",
        ),
        (vec![ServerAction::Read, ServerAction::Send(b"SSH-2.0-x\r\n\r\n")], "server does not speak HTTP"),
        (vec![ServerAction::Read, ServerAction::Endless], "server does not speak HTTP"),
        (vec![ServerAction::Read, ServerAction::Trickle], "server does not speak HTTP"),
        (
            vec![
                ServerAction::Read,
                ServerAction::Send(b"HTTP/1.1 101 Switching Protocols\r\n"),
                ServerAction::EndlessOf(b"X-A: b\r\n"),
            ],
            "response head ",
        ),
        (
            vec![
                ServerAction::Read,
                ServerAction::Send(b"HTTP/1.1 101 Switching Protocols\r\nX-A: "),
                ServerAction::Endless,
            ],
            "response head is too large",
        ),
        (
            vec![
                ServerAction::Read,
                ServerAction::Send(b"HTTP/1.1 101 Switching Protocols\r\nX-A: "),
                ServerAction::Trickle,
            ],
            "no response within 700ms",
        ),
        (vec![ServerAction::Hang], "no response within 700ms"),
        (vec![ServerAction::Reset], "reset by the server"),
        (vec![], "connection "),
    ] {
        let error = error(serve(&actions).await, None, None).await.unwrap_or_default();
        assert!(!error.is_empty() && error.contains(expected), "{actions:?}: {error}");
    }
    assert_eq!(error(9, None, None).await.as_deref(), Some("connection refused"));
}

/// Starts a server that sends these bytes together with its response, and then closes the connection.
async fn send_with_response(bytes: &'static [u8]) -> u16 {
    serve_with(move |mut stream| async move {
        let request = read_request(&mut stream).await;
        let key = request.lines().find_map(|line| line.strip_prefix("Sec-WebSocket-Key: ")).expect("a key");
        let accept = derive_accept_key(key.as_bytes());
        let head = format!(
            "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
             Sec-WebSocket-Accept: {accept}\r\n\r\n"
        );
        let _ = stream.write_all(&[head.as_bytes(), bytes].concat()).await;
        while stream.read(&mut [0; 4_096]).await.is_ok_and(|count| count > 0) {}
    })
    .await
}

#[tokio::test]
async fn a_close_right_after_the_handshake_is_judged_by_its_code() {
    let closed = |rest: &str| Some(format!("connection closed by the server{rest}"));
    for (bytes, expected) in [
        (&b"\x88\x00"[..], None),
        (b"\x88\x02\x03\xe8", None),
        (b"\x88\x05\x03\xe9bye", None),
        (b"\x88\x02\x03\xf3", closed(" with code 1011")),
        (b"\x88\x0a\x03\xf3db\x1b down", closed(" with code 1011, `db down`")),
        (b"\x88\x02\x03\xf0", closed(" with code 1008")),
        (b"\x88\x02\x03\xf4", closed(" with code 1012")),
        (b"\x88\x09\x11\x5aexpired", closed(" with code 4442, `expired`")),
        // Messages and pings arrive before the connection is closed.
        (b"\x81\x05hello\x89\x00\x88\x02\x03\xf3", closed(" with code 1011")),
        (b"\x81\x05hello\x89\x00", None),
        (b"\x81\x81\0\0\0\0x", Some("server violates the WebSocket protocol: ".to_owned())),
    ] {
        let error = error(send_with_response(bytes).await, None, None).await;
        let is_expected = match (&error, &expected) {
            (Some(error), Some(expected)) => error.starts_with(expected.as_str()),
            (error, expected) => error == expected,
        };
        assert!(is_expected, "{}: {error:?}, expected {expected:?}", bytes.escape_ascii());
    }
    let port = send_with_response(b"\x88\x0a\x03\xf3overload").await;
    let expected = "connection closed by the server with code 1011, `overload`; received nothing, expected `^pong$`";
    assert_eq!(error(port, None, Some("^pong$")).await.as_deref(), Some(expected));
    // A matching message is enough.
    let port = send_with_response(b"\x81\x05hello\x88\x02\x03\xf3").await;
    assert_eq!(error(port, None, Some("^hello$")).await, None);
}

/// Starts a server that accepts the upgrade and then sends the same raw bytes several times.
async fn raw(bytes: &'static [u8], times: usize) -> u16 {
    serve_with(move |stream| async move {
        let Ok(mut socket) = tokio_tungstenite::accept_async(stream).await else { return };
        for _ in 0..times {
            if socket.get_mut().write_all(bytes).await.is_err() {
                return;
            }
        }
        let _ = socket.get_mut().shutdown().await;
        while socket.get_mut().read(&mut [0; 1_024]).await.is_ok_and(|count| count > 0) {}
    })
    .await
}

/// A ping of the maximum size.
const PING: &[u8] = &{
    let mut ping = [b'x'; 127];
    (ping[0], ping[1]) = (0x89, 125);
    ping
};

#[tokio::test]
async fn every_misbehavior_after_the_upgrade_is_described() {
    for (bytes, times, expected) in [
        // The header of a message that is too large for any machine's memory.
        (&b"\x81\x7f\x7f\xff\xff\xff\xff\xff\xff\xff"[..], 1, "server sent a message longer than"),
        // An incomplete message, then message fragments that never end.
        (b"\x01\x7d".as_slice(), 1, "connection closed by the server"),
        (b"\x01", usize::MAX, "server violates the WebSocket protocol"),
        // Endless pings from a server that does not read the pongs.
        (b"\x89\x00", usize::MAX, "server sent more than 1000 pings or pongs"),
        (PING, usize::MAX, "server sent more than 1000 pings or pongs"),
        // A text message that is not valid UTF-8.
        (b"\x81\x02\xff\xfe", 1, "server sent a text message that is not valid UTF-8"),
        // A masked frame, which servers must not send.
        (b"\x81\x81\0\0\0\0x", 1, "server violates the WebSocket protocol"),
        // A connection that is closed without a close frame.
        (b"", 0, "connection closed by the server"),
    ] {
        let error = error(raw(bytes, times).await, None, Some("^pong$")).await.unwrap_or_default();
        assert!(error.contains(expected), "{bytes:?}: {error}");
    }
}

// This test is single-threaded, like the checks, so a search that blocked the thread would also stop the timer.
#[tokio::test]
async fn a_long_message_is_searched_without_delaying_checks() {
    let message: Vec<u8> = "Störung → 12345\r\n".repeat(25_000).encode_utf16().flat_map(u16::to_le_bytes).collect();
    let (message, pattern) = (Bytes::from(message), TextPattern::parse_multi_line("(?i)^done$").expect("a pattern"));
    let mut search = Box::pin(search(&message, &pattern));
    let mut ticks = 0;
    let (found, facts) = loop {
        tokio::select! {
            searched = &mut search => break searched.expect("it does not panic"),
            () = tokio::time::sleep(Duration::from_millis(1)) => ticks += 1,
        }
    };
    assert_eq!(found, Found::No);
    assert!(facts.is_some_and(|facts| facts.converted.is_some()), "it is UTF-16");
    assert!(ticks > 1, "other tasks ran meanwhile");
}

//! WebSocket checks: one attempt connects and upgrades the connection. It can then send a message and wait for a
//! matching one.

mod handshake;

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::BoxFuture;
use futures_util::{SinkExt as _, StreamExt as _};
use http::HeaderMap;
use http::request::Parts;
use regex::bytes::Regex;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;
use tokio_tungstenite::tungstenite::error::ProtocolError;
use tokio_tungstenite::tungstenite::protocol::{Role, WebSocketConfig};
use tokio_tungstenite::tungstenite::{Error, Message};

use super::net::address_filter::{AddressFilter, IpVersion};
use super::net::connect::{self, Address, TlsOptions};
use super::net::tls_config::TlsClient;
use super::net::tls_handshake;
use super::probe_data::{Capture, ProbeData};
use super::timing::{Stopwatch, timed};
use super::{CheckContext, Failure, Probe, ProbeResult, Probed, error_text};

pub const SUBJECTS: &[&str] = &[
    "[STATUS]",
    "[RTT]",
    "[DNS]",
    "[CONNECT]",
    "[TLS]",
    "[TTFB]",
    "[HEADER name]",
    "[BODY]",
    "[BODY_SIZE]",
    "[JSON $.path]",
];

/// The parameters of a WebSocket check.
#[derive(Debug, Clone)]
pub struct WebSocketCheck {
    /// The URL as configured, without user name and password.
    pub locator: String,
    /// The URL to which the request is sent.
    pub url: String,
    /// The host and port in the URL.
    pub address: Address,
    /// Additional headers for the upgrade request.
    pub headers: HeaderMap,
    /// The time limit for one attempt.
    pub timeout: Duration,
    /// The IP version to connect over. If not set, both are tried.
    pub ip_version: Option<IpVersion>,
    /// The TLS parameters, if the connection uses TLS.
    pub tls: Option<TlsOptions>,
    /// The message to send after the upgrade.
    pub send: Option<String>,
    /// The pattern that a received message must match.
    pub expect: Option<Regex>,
}

/// The maximum length of a message, in bytes.
const MESSAGE_LIMIT: usize = 1 << 20;
/// The maximum number of bytes to receive before a message matches.
const RECEIVED_LIMIT: u64 = 8 << 20;
/// The maximum number of messages to receive without a match. Even the busiest streams send fewer within a time limit.
const MESSAGES_LIMIT: u32 = 100_000;
/// The maximum number of pings and pongs to receive. Servers send one every few seconds.
const CONTROL_FRAMES_LIMIT: u32 = 1_000;
/// The number of messages to match before other checks get a turn.
const MESSAGES_PER_TURN: u32 = 256;
/// The maximum number of bytes of pongs to buffer for a server that does not read them.
const UNSENT_LIMIT: usize = 16 << 10;
/// The size of the read buffer, in bytes. All frames in it are parsed without a pause.
const READ_BUFFER: usize = 8 << 10;

impl WebSocketCheck {
    fn request(&self) -> Result<http::Request<()>, Failure> {
        let mut request = self.url.as_str().into_client_request().map_err(|error| describe_websocket_error(&error))?;
        request.headers_mut().extend(self.headers.clone());
        Ok(request)
    }
}

impl Probe for WebSocketCheck {
    fn type_name(&self) -> &'static str {
        "websocket"
    }

    fn locator(&self) -> &str {
        &self.locator
    }

    fn timeout(&self) -> Duration {
        self.timeout
    }

    fn host(&self) -> Option<&str> {
        Some(&self.address.host)
    }

    fn how_to_enable_tls(&self) -> Option<&'static str> {
        self.tls.is_none().then_some("a `wss://` URL")
    }

    fn request_head(&self) -> Option<Parts> {
        Some(self.request().ok()?.into_parts().0)
    }

    fn preflight(&self) -> Result<(), String> {
        TlsOptions::preflight(self.tls.as_ref())
    }

    fn probe<'a>(&'a self, capture: Capture, context: &'a CheckContext) -> BoxFuture<'a, Probed> {
        Box::pin(async move {
            let tls = context.optional_tls_client(self.tls.as_ref()).await?;
            Ok(timed(self.timeout, capture, |stopwatch| {
                talk(self, tls, context.address_filter(self.ip_version), stopwatch)
            })
            .await)
        })
    }
}

async fn talk(
    check: &WebSocketCheck,
    tls: Option<Arc<TlsClient>>,
    filter: AddressFilter,
    stopwatch: Arc<Stopwatch>,
) -> ProbeResult {
    let stream = connect::connect(&check.address, filter, &stopwatch).await?.with_limit(RECEIVED_LIMIT);
    match (&check.tls, tls) {
        (Some(options), Some(tls)) => {
            let stream = tls_handshake::handshake(stream, &tls, &options.server_name, &[], true, &stopwatch).await?;
            converse(check, stream, &stopwatch).await
        }
        _ => converse(check, stream, &stopwatch).await,
    }
}

async fn converse(
    check: &WebSocketCheck,
    mut stream: impl AsyncRead + AsyncWrite + Unpin,
    stopwatch: &Stopwatch,
) -> ProbeResult {
    let request = check.request()?;
    let sent = check.send.as_ref().map_or(0, String::len);
    let limits = WebSocketConfig::default()
        .max_message_size(Some(MESSAGE_LIMIT))
        .max_frame_size(Some(MESSAGE_LIMIT))
        .read_buffer_size(READ_BUFFER)
        .write_buffer_size(0)
        .max_write_buffer_size(sent + UNSENT_LIMIT);
    let (response, received) = handshake::upgrade(&mut stream, request).await?;
    let mut socket = WebSocketStream::from_partially_read(stream, received, Role::Client, Some(limits)).await;
    stopwatch.first_byte();
    if let Some(text) = &check.send {
        socket.send(Message::text(text.clone())).await.map_err(|error| describe_websocket_error(&error))?;
    }
    let mut data = ProbeData {
        status: Some(response.status().as_u16().into()),
        headers: Some(response.headers().clone()),
        ..ProbeData::default()
    };
    if let Some(pattern) = &check.expect {
        stopwatch.start_body();
        let mut last = None;
        let (mut messages, mut control_frames) = (0, 0);
        loop {
            match socket.next().await {
                Some(Ok(message @ (Message::Text(_) | Message::Binary(_)))) => {
                    messages += 1;
                    if messages > MESSAGES_LIMIT {
                        return Err(format!("received more than {MESSAGES_LIMIT} messages, expected `{pattern}`"));
                    }
                    if messages % MESSAGES_PER_TURN == 0 {
                        tokio::task::yield_now().await;
                    }
                    let bytes = message.into_data();
                    if pattern.is_match(&bytes) {
                        data.body = Some(bytes.to_vec());
                        break;
                    }
                    last = Some(error_text::excerpt(&bytes));
                }
                Some(Ok(Message::Close(_))) | None => {
                    let received = last.map_or_else(|| "nothing".to_owned(), |last| format!("`{last}`"));
                    return Err(format!("connection closed by the server; received {received}, expected `{pattern}`"));
                }
                Some(Ok(_)) => {
                    control_frames += 1;
                    if control_frames > CONTROL_FRAMES_LIMIT {
                        return Err(format!("server sent more than {CONTROL_FRAMES_LIMIT} pings or pongs"));
                    }
                }
                Some(Err(error)) => return Err(describe_websocket_error(&error)),
            }
        }
    }
    // Do not wait for the server's close frame.
    let _ = socket.close(None).await;
    Ok(data)
}

fn describe_websocket_error(error: &Error) -> Failure {
    match error {
        Error::Io(error) => error_text::describe_error(error),
        Error::Capacity(_) => format!("server sent a message longer than {MESSAGE_LIMIT} bytes"),
        Error::ConnectionClosed
        | Error::AlreadyClosed
        | Error::Protocol(ProtocolError::ResetWithoutClosingHandshake) => "connection closed by the server".to_owned(),
        Error::Utf8(_) => "server sent a text message that is not valid UTF-8".to_owned(),
        Error::Protocol(problem) => {
            format!("server violates the WebSocket protocol: {}", error_text::lowercase_first(&problem.to_string()))
        }
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
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
            expect: expect.map(|pattern| Regex::new(pattern).expect("a pattern")),
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

    #[tokio::test]
    async fn the_upgrade_is_accepted_in_every_spelling() {
        let respond = |head: String| async move {
            serve_with(move |mut stream| {
                let head = head.clone();
                async move {
                    let (mut request, mut buffer) = (Vec::new(), [0; 4_096]);
                    while !request.ends_with(b"\r\n\r\n") {
                        let count = stream.read(&mut buffer).await.expect("a request");
                        request.extend_from_slice(&buffer[..count]);
                    }
                    let request = String::from_utf8(request).expect("it is text");
                    let key = request.lines().find_map(|line| line.strip_prefix("Sec-WebSocket-Key: ")).expect("a key");
                    let offered = request.lines().find_map(|line| line.strip_prefix("Sec-WebSocket-Protocol: "));
                    let accept = derive_accept_key(key.as_bytes());
                    let head = head.replace("ACCEPT", &accept).replace("OFFERED", offered.unwrap_or("nothing"));
                    // Send the start of the first message together with the response.
                    let _ = stream.write_all(format!("{head}\r\n\r\n\u{1}\u{2}he").as_bytes()).await;
                    let _ = stream.write_all(&[0x80, 3, b'l', b'l', b'o']).await;
                    while stream.read(&mut buffer).await.is_ok_and(|count| count > 0) {}
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
            // The header of a message that would not fit into any memory.
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
}

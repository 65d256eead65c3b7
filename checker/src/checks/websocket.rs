//! WebSocket checks: one attempt connects and upgrades the connection. It can then send a message and wait for a
//! matching one.

mod handshake;

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::BoxFuture;
use futures_util::{FutureExt as _, SinkExt as _, StreamExt as _};
use http::HeaderMap;
use http::request::Parts;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;
use tokio_tungstenite::tungstenite::error::ProtocolError;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use tokio_tungstenite::tungstenite::protocol::{CloseFrame, Role, WebSocketConfig};
use tokio_tungstenite::tungstenite::{Bytes, Error, Message};

use super::body_text::{Found, TextFacts};
use super::net::address_filter::{AddressFilter, IpVersion};
use super::net::connect::{self, Address, TlsOptions};
use super::net::tls_config::TlsClient;
use super::net::tls_handshake;
use super::output_streams::search_message;
use super::probe_data::{Capture, ProbeData};
use super::text_pattern::TextPattern;
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
    pub expect: Option<TextPattern>,
}

/// The maximum length of a message, in bytes.
const MESSAGE_LIMIT: usize = 1 << 20;
/// The maximum number of bytes to receive before a message matches.
const RECEIVED_LIMIT: u64 = 8 << 20;
/// The maximum number of messages to receive without a match. Even the busiest streams send fewer within a time limit.
const MESSAGES_LIMIT: u32 = 100_000;
/// The maximum number of pings and pongs to receive. Servers send one every few seconds.
const CONTROL_FRAMES_LIMIT: u32 = 1_000;
/// The number of messages to match before yielding to other checks.
const MESSAGES_PER_TURN: u32 = 256;
/// The number of bytes to match before yielding to other checks. Longer messages are matched in a separate thread.
const BYTES_PER_TURN: usize = 16 << 10;
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
        let (mut messages, mut bytes_in_turn, mut control_frames) = (0, 0, 0);
        loop {
            match socket.next().await {
                Some(Ok(message @ (Message::Text(_) | Message::Binary(_)))) => {
                    messages += 1;
                    if messages > MESSAGES_LIMIT {
                        stopwatch.mark_inconclusive();
                        return Err(format!("received more than {MESSAGES_LIMIT} messages, expected `{pattern}`"));
                    }
                    let bytes = message.into_data();
                    bytes_in_turn += bytes.len();
                    if messages % MESSAGES_PER_TURN == 0 || bytes_in_turn > BYTES_PER_TURN {
                        bytes_in_turn = 0;
                        tokio::task::yield_now().await;
                    }
                    match search(&bytes, pattern).await? {
                        (Found::Yes, facts) => {
                            (data.body, data.facts) = (Some(bytes.to_vec()), facts);
                            break;
                        }
                        // One such message is enough to make a missing match uncertain.
                        (Found::Unclear(_), _) => stopwatch.mark_inconclusive(),
                        (Found::No, _) => {}
                    }
                    last = Some(error_text::excerpt(&bytes));
                }
                Some(Ok(Message::Close(frame))) => return Err(closed(frame.as_ref(), last.as_deref(), pattern)),
                None => return Err(closed(None, last.as_deref(), pattern)),
                Some(Ok(_)) => {
                    control_frames += 1;
                    if control_frames > CONTROL_FRAMES_LIMIT {
                        return Err(format!("server sent more than {CONTROL_FRAMES_LIMIT} pings or pongs"));
                    }
                }
                Some(Err(error)) => {
                    // A message that was not read could match.
                    if matches!(error, Error::Capacity(_)) {
                        stopwatch.mark_inconclusive();
                    }
                    return Err(describe_websocket_error(&error));
                }
            }
        }
    }
    if check.expect.is_none() {
        // Give the runtime a chance to notice data that has already arrived.
        tokio::task::yield_now().await;
        expect_open(&mut socket)?;
    }
    // Do not wait for the server's close frame.
    let _ = socket.close(None).await;
    Ok(data)
}

/// Searches a message for a match. Also returns the facts about its text.
async fn search(message: &Bytes, pattern: &TextPattern) -> Result<(Found, Option<Box<TextFacts>>), Failure> {
    if message.len() <= BYTES_PER_TURN {
        return Ok(search_message(message, pattern));
    }
    let (message, pattern) = (message.clone(), pattern.clone());
    let search = tokio::task::spawn_blocking(move || search_message(&message, &pattern)).await;
    search.map_err(|_| "failed to search a message: the search panicked".to_owned())
}

/// Returns an error if the server has already ended the connection, or violated the protocol. Does not wait for data.
fn expect_open(socket: &mut WebSocketStream<impl AsyncRead + AsyncWrite + Unpin>) -> Result<(), Failure> {
    for _ in 0..MESSAGES_PER_TURN {
        match socket.next().now_or_never() {
            Some(Some(Ok(Message::Close(frame)))) => {
                return match frame.filter(|frame| !is_normal(frame.code)) {
                    Some(frame) => Err(describe_close(Some(&frame))),
                    None => Ok(()),
                };
            }
            Some(Some(Ok(_))) => {}
            Some(Some(Err(error))) => return Err(describe_websocket_error(&error)),
            Some(None) => return Err(describe_close(None)),
            None => break,
        }
    }
    Ok(())
}

/// Returns whether this close code indicates a normal end (RFC 6455, section 7.4.1). A server that is going away still
/// accepted the connection.
fn is_normal(code: CloseCode) -> bool {
    matches!(code, CloseCode::Normal | CloseCode::Away | CloseCode::Status)
}

/// Describes a connection that the server closed, with the close code and reason, if any.
fn describe_close(frame: Option<&CloseFrame>) -> Failure {
    let Some(CloseFrame { code, reason }) = frame else { return "connection closed by the server".to_owned() };
    let code = u16::from(*code);
    match error_text::excerpt(reason.as_bytes()) {
        reason if reason.is_empty() => format!("connection closed by the server with code {code}"),
        reason => format!("connection closed by the server with code {code}, `{reason}`"),
    }
}

/// Describes a connection that the server closed before it sent a matching message.
fn closed(frame: Option<&CloseFrame>, last: Option<&str>, pattern: &TextPattern) -> Failure {
    let received = last.map_or_else(|| "nothing".to_owned(), |last| format!("`{last}`"));
    format!("{}; received {received}, expected `{pattern}`", describe_close(frame))
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
mod tests;

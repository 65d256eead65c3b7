//! gRPC checks: one attempt calls the standard health service (`grpc.health.v1.Health/Check`) over HTTP/2.

mod call_status;
mod message;

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::future::BoxFuture;
use h2::client::{Builder, SendRequest};
use http::header::{CONTENT_TYPE, HeaderValue, TE, USER_AGENT};
use http::request::Parts;
use http::{HeaderMap, Request};
use tokio::io::{AsyncRead, AsyncWrite};

use self::call_status::{check_status, status_code};
use self::message::{UndecodedMessage, decode_response, encode_request};
use super::net::address_filter::{AddressFilter, IpVersion};
use super::net::connect::{self, Address, TlsOptions};
use super::net::http2_error::describe_http2_error;
use super::net::tls_config::TlsClient;
use super::net::tls_handshake::{self, DescribedErrors};
use super::probe_data::{Capture, ProbeData};
use super::timing::{Stopwatch, timed};
use super::{CheckContext, Failure, Probe, ProbeResult, Probed};

pub const SUBJECTS: &[&str] = &["[RTT]", "[DNS]", "[CONNECT]", "[TLS]", "[TTFB]"];

/// The parameters of a gRPC check.
#[derive(Debug, Clone)]
pub struct GrpcCheck {
    pub locator: String,
    pub address: Address,
    /// The time limit for one attempt.
    pub timeout: Duration,
    /// The IP version to connect over. If not set, both are tried.
    pub ip_version: Option<IpVersion>,
    /// The TLS parameters, if the connection uses TLS.
    pub tls: Option<TlsOptions>,
    /// The service whose health is checked. An empty name means the whole server.
    pub service: String,
    /// The metadata to send with the call.
    pub headers: HeaderMap,
}

/// The protocol that the client offers in the TLS handshake (ALPN).
const ALPN: &[u8] = b"h2";
const PATH: &str = "/grpc.health.v1.Health/Check";
/// The maximum length of a response message, in bytes. A valid one is seven bytes long, including its prefix.
const MESSAGE_LIMIT: usize = 4_096;
/// The maximum size of a response head, in bytes.
const HEAD_LIMIT: u32 = 64 * 1_024;

const INVALID_RESPONSE: &str = "response is not from a gRPC health service";

impl GrpcCheck {
    fn request(&self) -> Result<Request<()>, Failure> {
        let scheme = if self.tls.is_some() { "https" } else { "http" };
        let url = format!("{scheme}://{}{PATH}", self.address);
        let request = Request::post(url).body(());
        let mut request = request.map_err(|error| format!("invalid address `{}`: {error}", self.address))?;
        let headers = request.headers_mut();
        headers.extend(self.headers.clone());
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/grpc"));
        headers.insert(TE, HeaderValue::from_static("trailers"));
        let version = HeaderValue::from_static(concat!("checkup/", env!("CARGO_PKG_VERSION")));
        headers.entry(USER_AGENT).or_insert(version);
        Ok(request)
    }
}

impl Probe for GrpcCheck {
    fn type_name(&self) -> &'static str {
        "grpc"
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
        self.tls.is_none().then_some("`tls`")
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
                check_health(self, tls, context.address_filter(self.ip_version), stopwatch)
            })
            .await)
        })
    }
}

async fn check_health(
    check: &GrpcCheck,
    tls: Option<Arc<TlsClient>>,
    filter: AddressFilter,
    stopwatch: Arc<Stopwatch>,
) -> ProbeResult {
    let stream = connect::connect(&check.address, filter, &stopwatch).await?;
    match (&check.tls, tls) {
        (Some(options), Some(tls)) => {
            let stream =
                tls_handshake::handshake(stream, &tls, &options.server_name, &[ALPN], true, &stopwatch).await?;
            if stream.get_ref().1.alpn_protocol() != Some(ALPN) {
                return Err("server does not offer HTTP/2".to_owned());
            }
            call(check, DescribedErrors(stream), &stopwatch).await?;
        }
        _ => call(check, stream, &stopwatch).await?,
    }
    Ok(ProbeData::default())
}

/// Makes the call over `stream` while driving the HTTP/2 connection.
async fn call(
    check: &GrpcCheck,
    stream: impl AsyncRead + AsyncWrite + Unpin,
    stopwatch: &Stopwatch,
) -> Result<(), Failure> {
    let mut builder = Builder::new();
    builder.max_header_list_size(HEAD_LIMIT).enable_push(false);
    let (client, connection) = builder.handshake(stream).await.map_err(|error| describe_http2_error(&error))?;
    let exchange = std::pin::pin!(exchange(check, client, stopwatch));
    let mut connection = std::pin::pin!(connection);
    tokio::select! {
        biased;
        outcome = exchange => outcome,
        ended = &mut connection => Err(match ended {
            Ok(()) => "connection closed by the server before the response was complete".to_owned(),
            Err(error) => describe_http2_error(&error),
        }),
    }
}

async fn exchange(check: &GrpcCheck, client: SendRequest<Bytes>, stopwatch: &Stopwatch) -> Result<(), Failure> {
    let request = check.request()?;
    let mut client = client.ready().await.map_err(|error| describe_http2_error(&error))?;
    let (response, mut sender) = client.send_request(request, false).map_err(|error| describe_http2_error(&error))?;
    sender.send_data(encode_request(&check.service).into(), true).map_err(|error| describe_http2_error(&error))?;
    let response = response.await.map_err(|error| describe_http2_error(&error))?;
    stopwatch.first_byte();
    if !response.status().is_success() {
        return Err(format!("response status {}, expected 200 OK", response.status()));
    }
    if !is_grpc(response.headers()) {
        return Err(INVALID_RESPONSE.to_owned());
    }
    let (head, mut body) = response.into_parts();
    let mut message = Vec::new();
    while let Some(chunk) = body.data().await {
        let chunk = chunk.map_err(|error| describe_http2_error(&error))?;
        // Ignore the error, which means that the connection is closed.
        let _ = body.flow_control().release_capacity(chunk.len());
        if message.len() + chunk.len() > MESSAGE_LIMIT {
            return Err(INVALID_RESPONSE.to_owned());
        }
        message.extend_from_slice(&chunk);
    }
    let trailers = body.trailers().await.map_err(|error| describe_http2_error(&error))?.unwrap_or_default();
    // A response without a message or trailers contains its gRPC status in the head.
    let has_status = !message.is_empty() || trailers.contains_key(call_status::STATUS);
    let (headers, others) = if has_status { (&trailers, &head.headers) } else { (&head.headers, &trailers) };
    if let Some(code) = status_code(headers, others) {
        stopwatch.note_code(code);
    }
    check_status(headers, others, &check.service)?;
    match decode_response(&message) {
        Ok(1) => Ok(()),
        Ok(0) => Err(format!("{} has an unknown status, expected serving", subject(&check.service))),
        Ok(2) => Err(format!("{} is not serving", subject(&check.service))),
        Ok(3) => Err(format!("{} is unknown to the server", subject(&check.service))),
        Ok(other) => Err(format!("{} has the status {other}, expected 1 (serving)", subject(&check.service))),
        Err(UndecodedMessage::Compressed) => Err("response is compressed, although the request forbids it".to_owned()),
        Err(UndecodedMessage::Invalid) => Err(INVALID_RESPONSE.to_owned()),
    }
}

/// Returns whether a response comes from a gRPC server, as opposed to a web server or a proxy.
fn is_grpc(headers: &HeaderMap) -> bool {
    const GRPC: &[u8] = b"application/grpc";
    // gRPC requires a media type, but a missing one does not prove that the server is not a gRPC server.
    let Some(media_type) = headers.get(CONTENT_TYPE).map(HeaderValue::as_bytes) else { return true };
    let has_media_type = media_type.get(..GRPC.len()).is_some_and(|start| start.eq_ignore_ascii_case(GRPC))
        && matches!(media_type.get(GRPC.len()), None | Some(b'+' | b';' | b' '));
    has_media_type || headers.contains_key(call_status::STATUS)
}

fn subject(service: &str) -> String {
    if service.is_empty() { "the server".to_owned() } else { format!("service `{service}`") }
}

#[cfg(test)]
mod tests {
    use crate::checks::grpc::*;
    use crate::checks::net::address_policy::AddressPolicy;
    use crate::checks::net::tls_config::TlsTrust;
    use crate::checks::test_server::{ServerAction, authority, serve, serve_with};
    use crate::checks::{Check, CheckContext, CheckKind, CheckOutcome, run};
    use http::Response;
    use rustls::pki_types::ServerName;
    use tokio_rustls::TlsAcceptor;

    /// A health service's response: the message, and the status in the trailers.
    type HealthResponse = (&'static [u8], &'static str);

    async fn respond_to(stream: impl AsyncRead + AsyncWrite + Unpin, respond: fn(&[u8]) -> HealthResponse) {
        let Ok(mut connection) = h2::server::handshake(stream).await else { return };
        while let Some(Ok((request, mut responder))) = connection.accept().await {
            let mut body = request.into_body();
            let mut received = Vec::new();
            tokio::spawn(async move {
                while let Some(Ok(chunk)) = body.data().await {
                    received.extend_from_slice(&chunk);
                }
                let (message, status) = respond(&received);
                let head = Response::builder().header("content-type", "application/grpc").body(()).expect("a head");
                let mut sender = responder.send_response(head, false).expect("the client is there");
                sender.send_data(Bytes::from_static(message), false).expect("the client is there");
                let mut trailers = HeaderMap::new();
                if !status.is_empty() {
                    trailers.insert("grpc-status", status.parse().expect("a value"));
                }
                if status == "13" {
                    trailers.insert("grpc-message", "disk%20full".parse().expect("a value"));
                }
                sender.send_trailers(trailers).expect("the client is there");
            });
        }
    }

    async fn serve_health(tls: Option<TlsAcceptor>, respond: fn(&[u8]) -> HealthResponse) -> u16 {
        serve_with(move |stream| {
            let tls = tls.clone();
            async move {
                match tls {
                    None => respond_to(stream, respond).await,
                    Some(tls) => {
                        if let Ok(stream) = tls.accept(stream).await {
                            respond_to(stream, respond).await;
                        }
                    }
                }
            }
        })
        .await
    }

    fn check(port: u16, service: &str, trust: Option<TlsTrust>) -> GrpcCheck {
        let server_name = ServerName::try_from("127.0.0.1").expect("a name");
        GrpcCheck {
            locator: "x".to_owned(),
            address: Address { host: "127.0.0.1".to_owned(), port },
            timeout: Duration::from_millis(700),
            ip_version: None,
            tls: trust.map(|trust| TlsOptions { settings: trust.into(), server_name }),
            service: service.to_owned(),
            headers: HeaderMap::new(),
        }
    }

    async fn error(port: u16, service: &str, trust: Option<TlsTrust>) -> Option<String> {
        let kind = CheckKind::Grpc(Box::new(check(port, service, trust)));
        match run(&Check::new("x", kind), &CheckContext::new(AddressPolicy::AllowAll, crate::now)).await {
            CheckOutcome::Attempts(mut records) => records.remove(0).attempt.error,
            CheckOutcome::Skipped { reason } => panic!("{reason}"),
        }
    }

    const SERVING: &[u8] = &[0, 0, 0, 0, 2, 8, 1];

    #[tokio::test]
    async fn the_health_response_determines_the_status() {
        let respond: fn(&[u8]) -> HealthResponse = |request| match request {
            b"\0\0\0\0\0" => (SERVING, "0"),
            b"\0\0\0\0\x06\x0a\x04shop" => (&[0, 0, 0, 0, 2, 8, 2], "0"),
            b"\0\0\0\0\x05\x0a\x03old" => (&[0, 0, 0, 0, 0], "0"),
            b"\0\0\0\0\x07\x0a\x05newer" => (&[0, 0, 0, 0, 6, 26, 2, b'o', b'k', 8, 1], "0"),
            b"\0\0\0\0\x07\x0a\x05other" => (&[0, 0, 0, 0, 2, 8, 9], "0"),
            b"\0\0\0\0\x08\x0a\x06packed" => (&[1, 0, 0, 0, 2, 8, 1], "0"),
            b"\0\0\0\0\x08\x0a\x06silent" => (SERVING, ""),
            b"\0\0\0\0\x09\x0a\x07invalid" => (&[0, 0, 0, 0, 3, 8, 1, 1], "0"),
            b"\0\0\0\0\x05\x0a\x03api" => (&[], "12"),
            b"\0\0\0\0\x05\x0a\x03bad" => (&[], "13"),
            _ => (&[], "5"),
        };
        let port = serve_health(None, respond).await;
        for (service, expected) in [
            ("", None),
            ("shop", Some("service `shop` is not serving")),
            ("old", Some("service `old` has an unknown status, expected serving")),
            ("newer", None),
            ("other", Some("service `other` has the status 9, expected 1 (serving)")),
            ("packed", Some("response is compressed, although the request forbids it")),
            ("silent", Some("response without a gRPC status")),
            ("invalid", Some(INVALID_RESPONSE)),
            ("api", Some("server does not implement the health service")),
            ("bad", Some("gRPC status 13 (INTERNAL): disk full")),
            ("missing", Some("service `missing` is unknown to the server")),
        ] {
            assert_eq!(error(port, service, None).await.as_deref(), expected, "{service}");
        }
    }

    /// How an HTTP/2 server mishandles a request.
    #[derive(Debug, Clone, Copy)]
    enum Misbehavior {
        NeverResponds,
        EndlessMessage,
        EndlessEmptyPieces,
        HugeHead,
        NoTrailers,
        NoStatus,
        StatusInHead,
        FailureInHead,
        /// The status can appear in the headers, and more than once in the trailers.
        Statuses(Option<&'static str>, &'static [&'static str]),
        OtherMediaType,
        Resets,
        Disconnects,
        WebPage,
    }

    async fn serve_misbehavior(behavior: Misbehavior) -> u16 {
        serve_with(move |stream| async move {
            let Ok(mut connection) = h2::server::handshake(stream).await else { return };
            let mut kept = Vec::new();
            while let Some(Ok((_, mut responder))) = connection.accept().await {
                let head = Response::builder().header("content-type", "application/grpc");
                match behavior {
                    Misbehavior::NeverResponds => kept.push(responder),
                    Misbehavior::Resets => responder.send_reset(h2::Reason::INTERNAL_ERROR),
                    Misbehavior::Disconnects => connection.abrupt_shutdown(h2::Reason::ENHANCE_YOUR_CALM),
                    Misbehavior::HugeHead => {
                        let huge = "x".repeat(60_000);
                        let head = head.header("a", &huge).header("b", &huge).body(()).expect("a head");
                        let _ = responder.send_response(head, true);
                    }
                    Misbehavior::WebPage => {
                        let head = Response::builder().status(404).body(()).expect("a head");
                        let _ = responder.send_response(head, true);
                    }
                    Misbehavior::FailureInHead => {
                        let head = Response::builder().header("grpc-status", "14").body(()).expect("a head");
                        let _ = responder.send_response(head, true);
                    }
                    Misbehavior::Statuses(in_head, in_trailers) => {
                        let head = in_head.into_iter().fold(head, |head, status| head.header("grpc-status", status));
                        let head = head.body(()).expect("a head");
                        let mut sender = responder.send_response(head, false).expect("the client is there");
                        let _ = sender.send_data(Bytes::from_static(SERVING), false);
                        let mut trailers = HeaderMap::new();
                        for status in in_trailers {
                            trailers.append("grpc-status", status.parse().expect("a value"));
                        }
                        let _ = sender.send_trailers(trailers);
                    }
                    Misbehavior::NoStatus | Misbehavior::StatusInHead | Misbehavior::OtherMediaType => {
                        let head = match behavior {
                            Misbehavior::StatusInHead => head.header("grpc-status", "0"),
                            Misbehavior::OtherMediaType => Response::builder().header("content-type", "text/html"),
                            _ => head,
                        };
                        let head = head.body(()).expect("a head");
                        let mut sender = responder.send_response(head, false).expect("the client is there");
                        let _ = sender.send_data(Bytes::from_static(SERVING), true);
                    }
                    Misbehavior::NoTrailers => {
                        let head = head.body(()).expect("a head");
                        let mut sender = responder.send_response(head, false).expect("the client is there");
                        let _ = sender.send_data(Bytes::from_static(&[0, 0xff, 0xff, 0xff, 0xff, 8]), true);
                    }
                    Misbehavior::EndlessMessage | Misbehavior::EndlessEmptyPieces => {
                        let head = head.body(()).expect("a head");
                        let mut sender = responder.send_response(head, false).expect("the client is there");
                        let piece: &[u8] =
                            if matches!(behavior, Misbehavior::EndlessMessage) { &[0; 8_192] } else { &[] };
                        tokio::spawn(async move {
                            while sender.send_data(Bytes::from_static(piece), false).is_ok() {
                                tokio::task::yield_now().await;
                            }
                        });
                    }
                }
            }
        })
        .await
    }

    #[tokio::test]
    async fn every_misbehavior_over_http_2_is_described() {
        for (behavior, expected) in [
            (Misbehavior::NeverResponds, "no response within 700ms"),
            (Misbehavior::EndlessMessage, INVALID_RESPONSE),
            (Misbehavior::EndlessEmptyPieces, "HTTP/2 failed: detected excessive load"),
            (Misbehavior::HugeHead, "server does not speak HTTP/2, or violates the protocol"),
            (Misbehavior::NoTrailers, "response without a gRPC status"),
            (Misbehavior::NoStatus, "response without a gRPC status"),
            (Misbehavior::StatusInHead, "response without a gRPC status"),
            (Misbehavior::FailureInHead, "gRPC status 14 (UNAVAILABLE)"),
            (Misbehavior::Statuses(None, &["0", "13"]), "contradictory gRPC status: both `0` and `13`"),
            (Misbehavior::Statuses(Some("13"), &["0"]), "contradictory gRPC status: both `0` and `13`"),
            (Misbehavior::Statuses(Some("0"), &["0", "0"]), ""),
            (Misbehavior::OtherMediaType, INVALID_RESPONSE),
            (Misbehavior::Resets, "HTTP/2 failed: stream closed by the server"),
            (Misbehavior::Disconnects, "HTTP/2 failed: connection closed by the server"),
            (Misbehavior::WebPage, "response status 404 Not Found, expected 200 OK"),
        ] {
            let error = error(serve_misbehavior(behavior).await, "", None).await.unwrap_or_default();
            assert!(error.contains(expected) && error.is_empty() == expected.is_empty(), "{behavior:?}: {error}");
        }
    }

    #[tokio::test]
    async fn metadata_is_sent_with_the_call() {
        let mut headers = HeaderMap::new();
        headers.append("authorization", "Bearer secret".parse().expect("a value"));
        headers.append("user-agent", "probe".parse().expect("a value"));
        let check = GrpcCheck { headers, ..check(9, "", None) };
        let sent = check.request().expect("a request").into_parts().0.headers;
        for (name, value) in [
            ("authorization", "Bearer secret"),
            ("user-agent", "probe"),
            ("te", "trailers"),
            ("content-type", "application/grpc"),
        ] {
            assert_eq!(sent.get(name).map(HeaderValue::as_bytes), Some(value.as_bytes()), "{name}");
        }
        assert_eq!(sent.len(), 4);
    }

    #[tokio::test]
    async fn http_2_is_negotiated_over_tls() {
        let folder = tempfile::tempdir().expect("a folder");
        let authority = authority(folder.path());
        let trust = || Some(TlsTrust::Authorities(vec![authority.file.clone()]));
        let mut server = rustls::ServerConfig::clone(&authority.server("127.0.0.1", 9));
        let without = serve_health(Some(TlsAcceptor::from(Arc::new(server.clone()))), |_| (SERVING, "0")).await;
        assert_eq!(error(without, "", trust()).await.as_deref(), Some("server does not offer HTTP/2"));
        server.alpn_protocols = vec![ALPN.to_vec()];
        let with = serve_health(Some(TlsAcceptor::from(Arc::new(server))), |_| (SERVING, "0")).await;
        assert_eq!(error(with, "", trust()).await, None);
    }

    #[tokio::test]
    async fn every_misbehavior_of_a_server_is_described() {
        for (actions, expected) in [
            (
                vec![ServerAction::Read, ServerAction::Send(b"HTTP/1.1 400 Bad Request\r\n\r\n")],
                "server does not speak HTTP/2",
            ),
            (vec![ServerAction::Read, ServerAction::Endless], "server does not speak HTTP/2"),
            (vec![ServerAction::Read], "closed by the server before"),
            (vec![ServerAction::Read, ServerAction::Reset], "reset by the server"),
            (vec![ServerAction::Hang], "no response within 700ms"),
            (vec![], "connection"),
            (vec![ServerAction::Read, ServerAction::HalfClose], "closed by the server before"),
            (vec![ServerAction::Read, ServerAction::Trickle], "server does not speak HTTP/2"),
            (
                vec![ServerAction::Read, ServerAction::Send(b"\0\0\0\x04\0\0\0\0\0"), ServerAction::Hang],
                "no response within 700ms",
            ),
            // A settings frame that arrives byte by byte.
            (
                vec![ServerAction::Read, ServerAction::Send(b"\0\x40\0\x04\0\0\0\0\0"), ServerAction::Trickle],
                "no response within 700ms",
            ),
            // A frame that is longer than the negotiated limit.
            (
                vec![ServerAction::Read, ServerAction::Send(b"\xff\xff\xff\x04\0\0\0\0\0")],
                "server does not speak HTTP/2",
            ),
        ] {
            let error = error(serve(&actions).await, "", None).await.unwrap_or_default();
            assert!(error.contains(expected), "{actions:?}: {error}");
        }
    }
}

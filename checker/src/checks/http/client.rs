//! Sends one HTTP/1.1 request over a separate connection, driven by hyper in the attempt's task.
//!
//! reqwest's client is not used, because it is built to share connections. When each connection is used only once, its
//! tasks, channels and timers cost four times as much as the request itself.

use std::io::{self, IoSlice};
use std::pin::{Pin, pin};
use std::task::{Context, Poll};

use bytes::Bytes;
use http::header::{ACCEPT, CONNECTION, HOST, HeaderMap, HeaderValue, USER_AGENT};
use http::uri::PathAndQuery;
use http::{Method, Request, Response, StatusCode, Uri};
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use rustls::pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio_rustls::client::TlsStream;
use tokio_util::either::Either;
use url::{Position, Url};

use super::{HttpRoute, uses_tls};
use crate::checks::net::address_policy::AddressPolicy;
use crate::checks::net::connect::{self, Address, url_host};
use crate::checks::net::metered::TcpConnection;
use crate::checks::net::tls_config::TlsClient;
use crate::checks::net::tls_handshake;
use crate::checks::timing::Stopwatch;
use crate::checks::{Failure, error_text};

const USER_AGENT_VALUE: &str = concat!("checkup/", env!("CARGO_PKG_VERSION"));

/// The only protocol that is offered over TLS, so that the server cannot choose another.
const HTTP_1_1: &[u8] = b"http/1.1";

/// The stream type that hyper uses. The TLS state is boxed because the stream is moved several times.
type ClientStream = TokioIo<NoShutdownStream<Either<TcpConnection, Box<TlsStream<TcpConnection>>>>>;

/// A stream that is closed only when it is dropped. Shutting it down first would send an extra packet for no benefit.
struct NoShutdownStream<S>(S);

impl<S: AsyncRead + Unpin> AsyncRead for NoShutdownStream<S> {
    fn poll_read(mut self: Pin<&mut Self>, context: &mut Context<'_>, into: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_read(context, into)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for NoShutdownStream<S> {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_write(context, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        pieces: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_write_vectored(context, pieces)
    }

    fn is_write_vectored(&self) -> bool {
        self.0.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_flush(context)
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

/// A future that drives a connection. The connection makes progress only while this future is polled.
type Connection = Pin<Box<http1::Connection<ClientStream, Full<Bytes>>>>;

/// The parts from which [`send`] builds a request.
pub(super) struct HttpRequest<'a> {
    pub(super) url: &'a Url,
    pub(super) method: &'a Method,
    pub(super) headers: &'a HeaderMap,
    pub(super) body: Option<&'a str>,
    /// How to reach the server, if the URL alone does not decide that.
    pub(super) route: Option<&'a HttpRoute>,
    /// Whether the client certificate is meant for this server.
    pub(super) identifies: bool,
}

/// The head of a response, whose body is read with [`HttpResponse::chunk`].
pub(super) struct HttpResponse {
    response: Response<Incoming>,
    /// The connection that delivers the body, or `None` once it has closed.
    connection: Option<Connection>,
}

/// Connects, sends the request and waits for the response head. The connection fails if it receives more than
/// `received_limit` bytes.
pub(super) async fn send(
    request: HttpRequest<'_>,
    received_limit: u64,
    tls: Option<&TlsClient>,
    policy: AddressPolicy,
    stopwatch: &Stopwatch,
) -> Result<HttpResponse, Failure> {
    let address = match request.route {
        Some(route) => route.address(request.url),
        None => Address::from_url(request.url),
    };
    let is_one_packet = !uses_tls(request.url) && request.headers.is_empty() && request.body.is_none();
    let stream = if is_one_packet {
        connect::connect_for_single_write(&address, policy, stopwatch).await?
    } else {
        connect::connect(&address, policy, stopwatch).await?
    };
    let stream = stream.with_limit(received_limit);
    let stream = match tls.filter(|_| uses_tls(request.url)) {
        None => Either::Left(stream),
        Some(tls) => {
            let name = server_name(&request)?;
            let stream =
                tls_handshake::handshake(stream, tls, &name, &[HTTP_1_1], request.identifies, stopwatch).await?;
            Either::Right(Box::new(stream))
        }
    };
    let stream: ClientStream = TokioIo::new(NoShutdownStream(stream));
    // Some old servers send these malformed headers. Browsers and the original Checkup accept them too.
    let (mut sender, connection) = http1::Builder::new()
        .allow_spaces_after_header_name_in_responses(true)
        .allow_obsolete_multiline_headers_in_responses(true)
        .handshake(stream)
        .await
        .map_err(|error| error_text::describe_error(&error))?;
    let mut connection = Box::pin(connection);
    let mut response = pin!(sender.send_request(build_request(&request)?));
    // Nothing else polls the connection until the response head arrives.
    let mut is_open = true;
    let response = loop {
        tokio::select! {
            biased;
            response = &mut response => break response,
            // If the connection fails, the response fails too, and its error is reported.
            _ = &mut connection, if is_open => is_open = false,
        }
    };
    let response = response.map_err(|error| error_text::describe_error(&error))?;
    Ok(HttpResponse { response, connection: is_open.then_some(connection) })
}

/// The name for which the server's certificate must be valid.
fn server_name(request: &HttpRequest<'_>) -> Result<ServerName<'static>, Failure> {
    if let Some(name) = request.route.and_then(|route| route.server_name.clone()) {
        return Ok(name);
    }
    let host = url_host(request.url);
    ServerName::try_from(host.to_owned()).map_err(|_| format!("invalid host name `{host}` for TLS"))
}

impl HttpResponse {
    pub(super) fn status(&self) -> StatusCode {
        self.response.status()
    }

    pub(super) fn headers(&self) -> &HeaderMap {
        self.response.headers()
    }

    /// Returns the next chunk of the body, or `None` at its end.
    pub(super) async fn chunk(&mut self) -> Option<Result<Bytes, hyper::Error>> {
        let body = self.response.body_mut();
        loop {
            let frame = match &mut self.connection {
                None => body.frame().await,
                Some(connection) => tokio::select! {
                    biased;
                    frame = body.frame() => frame,
                    _ = connection => {
                        self.connection = None;
                        continue;
                    }
                },
            };
            match frame? {
                Err(error) => return Some(Err(error)),
                // Skip trailers, which are not part of the body.
                Ok(frame) => {
                    if let Ok(data) = frame.into_data() {
                        return Some(Ok(data));
                    }
                }
            }
        }
    }
}

/// Builds the request that hyper sends.
pub(super) fn build_request(request: &HttpRequest<'_>) -> Result<Request<Full<Bytes>>, Failure> {
    let HttpRequest { url, method, headers, body, .. } = request;
    let path = &url[Position::BeforePath..Position::AfterQuery];
    let path = PathAndQuery::try_from(path).map_err(|error| format!("invalid path `{path}`: {error}"))?;
    let mut request = Request::new(Full::from(body.unwrap_or_default().to_owned()));
    *request.method_mut() = (*method).clone();
    *request.uri_mut() = Uri::from(path);
    *request.headers_mut() = (*headers).clone();
    let sent = request.headers_mut();
    let authority = &url[Position::BeforeHost..Position::AfterPort];
    let host = HeaderValue::from_str(authority).map_err(|_| format!("invalid host `{authority}`"))?;
    for (name, value) in [
        (HOST, host),
        (ACCEPT, HeaderValue::from_static("*/*")),
        (USER_AGENT, HeaderValue::from_static(USER_AGENT_VALUE)),
        (CONNECTION, HeaderValue::from_static("close")),
    ] {
        sent.entry(name).or_insert(value);
    }
    Ok(request)
}

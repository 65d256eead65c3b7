//! One request and its answer over a connection of its own, spoken by hyper in the task that makes the attempt.
//!
//! reqwest's client is not asked: it is made to share connections, and the tasks, channels and timers that it needs
//! for that cost four times as much as the request itself where every connection is used once.

use std::io::{self, IoSlice};
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::header::{ACCEPT, CONNECTION, HOST, HeaderMap, HeaderValue, USER_AGENT};
use http::uri::PathAndQuery;
use http::{Method, Request, Response, StatusCode, Uri};
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use rustls::ClientConfig;
use rustls::pki_types::{CertificateDer, ServerName};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio_rustls::client::TlsStream;
use tokio_util::either::Either;

use super::target::Target;
use crate::checks::net::address_policy::AddressPolicy;
use crate::checks::net::connect::{self, Address};
use crate::checks::probe_data::Capture;
use crate::checks::timing::Stopwatch;
use crate::checks::{Failure, error_text};

/// How we introduce ourselves to the endpoints.
const USER_AGENT_VALUE: &str = concat!("checkup/", env!("CARGO_PKG_VERSION"));

/// What is spoken over TLS, so that a server that knows more does not choose it.
const HTTP_1_1: &[u8] = b"http/1.1";

/// A connection as hyper sees it.
///
/// It is moved a few times, for which the state of TLS is too large.
type Stream = TokioIo<NoShutdownStream<Either<TcpStream, Box<TlsStream<TcpStream>>>>>;

/// A connection that is closed when it is dropped, and in no other way: a farewell of its own would be one more
/// packet for nothing.
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

/// What hyper knows of a connection, and works on while it is asked to.
type Connection = Pin<Box<http1::Connection<Stream, Full<Bytes>>>>;

/// What is sent, and to where.
pub(super) struct HttpRequest<'a> {
    pub(super) target: &'a Target,
    pub(super) method: &'a Method,
    pub(super) headers: &'a HeaderMap,
    pub(super) body: Option<&'a str>,
}

/// The head of an answer, and the way to the rest of it.
pub(super) struct HttpResponse {
    /// The head, and what is left of the body; moved as one, since it is large.
    response: Response<Incoming>,
    /// The certificates that the server showed, its own first, if they are wanted.
    pub(super) certificates: Vec<CertificateDer<'static>>,
    /// Reads what comes, as long as it is asked to.
    connection: Option<Connection>,
}

/// Connects, asks and waits until the head of the answer is there; `tls` says whose certificates are trusted, for a
/// URL that asks for TLS.
pub(super) async fn send(
    request: HttpRequest<'_>,
    tls: Option<Arc<ClientConfig>>,
    capture: Capture,
    policy: AddressPolicy,
    stopwatch: &Stopwatch,
) -> Result<HttpResponse, Failure> {
    let host = request.target.host();
    let address = Address { host: host.to_owned(), port: request.target.port() };
    let is_one_packet = !request.target.is_tls() && request.headers.is_empty() && request.body.is_none();
    let stream = if is_one_packet {
        connect::connect_for_single_write(&address, policy, stopwatch).await?
    } else {
        connect::connect(&address, policy, stopwatch).await?
    };
    let mut certificates = Vec::new();
    let stream = match tls.filter(|_| request.target.is_tls()) {
        None => Either::Left(stream),
        Some(config) => {
            let name = ServerName::try_from(address.host.clone())
                .map_err(|_| format!("`{host}` is no host name that a certificate can be for"))?;
            let stream = connect::handshake(stream, config, &name, &[HTTP_1_1], stopwatch).await?;
            if capture.certificate {
                let shown = stream.get_ref().1.peer_certificates();
                certificates.extend(shown.into_iter().flatten().map(|shown| shown.clone().into_owned()));
            }
            Either::Right(Box::new(stream))
        }
    };
    let stream: Stream = TokioIo::new(NoShutdownStream(stream));
    let (mut sender, connection) =
        http1::handshake(stream).await.map_err(|error| error_text::describe_error(&error))?;
    let mut connection = Box::pin(connection);
    let mut response = pin!(sender.send_request(build_request(&request)?));
    // The connection works only while it is asked to, which is what the loop does until the answer has begun.
    let mut is_open = true;
    let response = loop {
        tokio::select! {
            biased;
            response = &mut response => break response,
            // How it ended, the answer tells.
            _ = &mut connection, if is_open => is_open = false,
        }
    };
    let response = response.map_err(|error| error_text::describe_error(&error))?;
    Ok(HttpResponse { response, certificates, connection: is_open.then_some(connection) })
}

impl HttpResponse {
    pub(super) fn status(&self) -> StatusCode {
        self.response.status()
    }

    pub(super) fn headers(&self) -> &HeaderMap {
        self.response.headers()
    }

    /// The next piece of the body; `None` after its end.
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
                // Trailers are no part of the body.
                Ok(frame) => {
                    if let Ok(data) = frame.into_data() {
                        return Some(Ok(data));
                    }
                }
            }
        }
    }
}

pub(super) fn build_request(request: &HttpRequest<'_>) -> Result<Request<Full<Bytes>>, Failure> {
    let HttpRequest { target, method, headers, body } = request;
    let path = target.path_and_query();
    let path = PathAndQuery::try_from(path).map_err(|error| format!("`{path}` cannot be asked for: {error}"))?;
    let mut request = Request::new(Full::from(body.unwrap_or_default().to_owned()));
    *request.method_mut() = (*method).clone();
    *request.uri_mut() = Uri::from(path);
    *request.headers_mut() = (*headers).clone();
    let sent = request.headers_mut();
    let host = HeaderValue::from_str(target.authority());
    let host = host.map_err(|_| format!("`{}` is no host that a request can name", target.host()))?;
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

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
use crate::checks::net::address_policy::Reach;
use crate::checks::net::connect::{self, Address};
use crate::checks::probe_data::Wanted;
use crate::checks::timing::Stopwatch;
use crate::checks::{Failure, error_text};

/// How we introduce ourselves to the endpoints.
const OUR_NAME: &str = concat!("checkup/", env!("CARGO_PKG_VERSION"));

/// What is spoken over TLS, so that a server that knows more does not choose it.
const HTTP_1_1: &[u8] = b"http/1.1";

/// A connection as hyper sees it.
///
/// It is moved a few times, for which the state of TLS is too large.
type Stream = TokioIo<UsedOnce<Either<TcpStream, Box<TlsStream<TcpStream>>>>>;

/// A connection that is closed when it is dropped, and in no other way: a farewell of its own would be one more
/// packet for nothing.
struct UsedOnce<S>(S);

impl<S: AsyncRead + Unpin> AsyncRead for UsedOnce<S> {
    fn poll_read(mut self: Pin<&mut Self>, context: &mut Context<'_>, into: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_read(context, into)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for UsedOnce<S> {
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
pub(super) struct Question<'a> {
    pub(super) target: &'a Target,
    pub(super) method: &'a Method,
    pub(super) headers: &'a HeaderMap,
    pub(super) body: Option<&'a str>,
}

/// The head of an answer, and the way to the rest of it.
pub(super) struct Answer {
    /// The head, and what is left of the body; moved as one, since it is large.
    response: Response<Incoming>,
    /// The certificates that the server showed, its own first, if they are wanted.
    pub(super) certificates: Vec<CertificateDer<'static>>,
    /// Reads what comes, as long as it is asked to.
    connection: Option<Connection>,
}

/// Connects, asks and waits until the head of the answer is there; `tls` says whose certificates are trusted, for a
/// URL that asks for TLS.
pub(super) async fn ask(
    question: Question<'_>,
    tls: Option<Arc<ClientConfig>>,
    wanted: Wanted,
    reach: Reach,
    stopwatch: &Stopwatch,
) -> Result<Answer, Failure> {
    let host = question.target.host();
    let address = Address { host: host.to_owned(), port: question.target.port() };
    let is_one_packet = !question.target.is_tls() && question.headers.is_empty() && question.body.is_none();
    let stream = if is_one_packet {
        connect::connect_for_one_packet(&address, reach, stopwatch).await?
    } else {
        connect::connect(&address, reach, stopwatch).await?
    };
    let mut certificates = Vec::new();
    let stream = match tls.filter(|_| question.target.is_tls()) {
        None => Either::Left(stream),
        Some(config) => {
            let name = ServerName::try_from(address.host.clone())
                .map_err(|_| format!("`{host}` is no host name that a certificate can be for"))?;
            let stream = connect::handshake(stream, config, &name, &[HTTP_1_1], stopwatch).await?;
            if wanted.certificate {
                let shown = stream.get_ref().1.peer_certificates();
                certificates.extend(shown.into_iter().flatten().map(|shown| shown.clone().into_owned()));
            }
            Either::Right(Box::new(stream))
        }
    };
    let stream: Stream = TokioIo::new(UsedOnce(stream));
    let (mut sender, connection) = http1::handshake(stream).await.map_err(|error| error_text::of_error(&error))?;
    let mut connection = Box::pin(connection);
    let mut answer = pin!(sender.send_request(request(&question)?));
    // The connection works only while it is asked to, which is what the loop does until the answer has begun.
    let mut is_open = true;
    let answer = loop {
        tokio::select! {
            biased;
            answer = &mut answer => break answer,
            // How it ended, the answer tells.
            _ = &mut connection, if is_open => is_open = false,
        }
    };
    let response = answer.map_err(|error| error_text::of_error(&error))?;
    Ok(Answer { response, certificates, connection: is_open.then_some(connection) })
}

impl Answer {
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

pub(super) fn request(question: &Question<'_>) -> Result<Request<Full<Bytes>>, Failure> {
    let Question { target, method, headers, body } = question;
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
        (USER_AGENT, HeaderValue::from_static(OUR_NAME)),
        (CONNECTION, HeaderValue::from_static("close")),
    ] {
        sent.entry(name).or_insert(value);
    }
    Ok(request)
}

//! HTTP/1.1 over one connection, driven by hyper in the attempt's task.
//!
//! reqwest's client is not used, because it is built to share connections. When each connection is used only once, its
//! tasks, channels and timers cost four times as much as the request itself.

use std::pin::{Pin, pin};

use bytes::Bytes;
use http::response::Parts;
use http::{Request, Response};
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;

use super::stream::{ClientStream, HttpTransport};

/// The maximum number of response headers, several times as many as any legitimate server sends.
const HEADERS_LIMIT: usize = 5_000;

/// Drives an HTTP/1.1 connection, which makes progress only while this future is polled.
type Http1Connection = Pin<Box<http1::Connection<TokioIo<ClientStream>, Full<Bytes>>>>;

/// The body of an HTTP/1.1 response.
pub(super) struct Http1Body {
    body: Incoming,
    /// The connection that delivers the body, or `None` once it has closed.
    connection: Option<Http1Connection>,
}

/// How strictly a response head is parsed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Strictness {
    /// Rejects control characters and more than 100 headers. This mode costs the least.
    Strict,
    /// Repairs malformed heads, and accepts up to [`HEADERS_LIMIT`] headers.
    Lenient,
}

/// Sends a request and waits for the response head.
pub(super) async fn send(
    transport: HttpTransport,
    request: Request<Full<Bytes>>,
    strictness: Strictness,
) -> Result<(Parts, Http1Body), hyper::Error> {
    let mut builder = http1::Builder::new();
    // Some old servers send these malformed headers. Browsers and the original Checkup accept them, too.
    builder.allow_spaces_after_header_name_in_responses(true).allow_obsolete_multiline_headers_in_responses(true);
    let stream = match strictness {
        Strictness::Strict => ClientStream::new(transport),
        Strictness::Lenient => {
            builder.max_headers(HEADERS_LIMIT);
            ClientStream::with_repair(transport)
        }
    };
    let (mut sender, connection) = builder.handshake(TokioIo::new(stream)).await?;
    let mut connection = Box::pin(connection);
    let mut response = pin!(sender.send_request(request));
    // Nothing else polls the connection until the response head arrives.
    let mut is_open = true;
    let response: Response<Incoming> = loop {
        tokio::select! {
            biased;
            response = &mut response => break response?,
            // If the connection fails, the response fails too, and its error is reported.
            _ = &mut connection, if is_open => is_open = false,
        }
    };
    let (head, body) = response.into_parts();
    Ok((head, Http1Body { body, connection: is_open.then_some(connection) }))
}

impl Http1Body {
    /// Returns the next chunk of the body, or `None` at its end.
    pub(super) async fn chunk(&mut self) -> Option<Result<Bytes, hyper::Error>> {
        loop {
            let frame = match &mut self.connection {
                None => self.body.frame().await,
                Some(connection) => tokio::select! {
                    biased;
                    frame = self.body.frame() => frame,
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

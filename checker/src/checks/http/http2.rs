//! HTTP/2 over one connection, driven in the attempt's task. Limits on received bytes and on the response head restrict
//! the resources that a hostile server can use.

use std::pin::{Pin, pin};

use bytes::Bytes;
use h2::RecvStream;
use h2::client::Builder;
use http::header::{CONNECTION, HOST, HeaderName, HeaderValue, TE, TRANSFER_ENCODING, UPGRADE};
use http::response::Parts;
use http::uri::{Authority, PathAndQuery, Scheme, Uri};
use http::{Request, Version};

use super::stream::{ClientStream, HttpTransport};
use crate::checks::Failure;
use crate::checks::net::http2_error::describe_http2_error;

/// The ALPN protocol name of HTTP/2.
pub(super) const ALPN: &[u8] = b"h2";
/// The maximum size of a response head in bytes, the same as for HTTP/1.1.
const HEAD_LIMIT: u32 = 408 << 10;

/// Drives an HTTP/2 connection, which makes progress only while this future is polled.
type Http2Connection = Pin<Box<h2::client::Connection<ClientStream, Bytes>>>;

/// The body of an HTTP/2 response.
pub(super) struct Http2Body {
    body: RecvStream,
    /// The connection that delivers the body, or `None` once it has closed.
    connection: Option<Http2Connection>,
}

/// Sends a request, built as for HTTP/1.1, and waits for the response head.
pub(super) async fn send(
    transport: HttpTransport,
    request: Request<()>,
    body: Option<Bytes>,
    scheme: Scheme,
) -> Result<(Parts, Http2Body), Failure> {
    let request = convert(request, scheme)?;
    let mut builder = Builder::new();
    builder.max_header_list_size(HEAD_LIMIT).enable_push(false);
    let describe = |error: h2::Error| describe_http2_error(&error);
    let (client, connection) = builder.handshake(ClientStream::new(transport)).await.map_err(describe)?;
    let mut connection = Box::pin(connection);
    let response = async {
        let mut client = client.ready().await?;
        let (response, mut sender) = client.send_request(request, body.is_none())?;
        if let Some(body) = body {
            sender.send_data(body, true)?;
        }
        response.await
    };
    let mut response = pin!(response);
    let mut is_open = true;
    let response = loop {
        tokio::select! {
            biased;
            response = &mut response => break response.map_err(describe)?,
            ended = &mut connection, if is_open => match ended {
                Ok(()) => is_open = false,
                Err(error) => return Err(describe_http2_error(&error)),
            },
        }
    };
    let (head, body) = response.into_parts();
    Ok((head, Http2Body { body, connection: is_open.then_some(connection) }))
}

/// Converts the head of an HTTP/1.1 request. HTTP/2 uses neither `Host` nor connection-specific headers.
fn convert(request: Request<()>, scheme: Scheme) -> Result<Request<()>, Failure> {
    let (mut head, ()) = request.into_parts();
    let host = head.headers.remove(HOST);
    let host = host.as_ref().map(HeaderValue::as_bytes).unwrap_or_default();
    let authority = Authority::try_from(host)
        .map_err(|_| format!("invalid host `{}` for HTTP/2", String::from_utf8_lossy(host)))?;
    for name in [CONNECTION, TRANSFER_ENCODING, UPGRADE, HeaderName::from_static("keep-alive")] {
        head.headers.remove(name);
    }
    if head.headers.get(TE).is_some_and(|value| value != "trailers") {
        head.headers.remove(TE);
    }
    let mut parts = head.uri.into_parts();
    parts.path_and_query.get_or_insert(PathAndQuery::from_static("/"));
    (parts.scheme, parts.authority) = (Some(scheme), Some(authority));
    head.uri = Uri::from_parts(parts).map_err(|error| format!("invalid URL for HTTP/2: {error}"))?;
    head.version = Version::HTTP_2;
    Ok(Request::from_parts(head, ()))
}

impl Http2Body {
    /// Returns the next chunk of the body, or `None` at its end.
    pub(super) async fn chunk(&mut self) -> Option<Result<Bytes, Failure>> {
        loop {
            let data = match &mut self.connection {
                None => self.body.data().await,
                Some(connection) => tokio::select! {
                    biased;
                    data = self.body.data() => data,
                    ended = connection => {
                        self.connection = None;
                        match ended {
                            Ok(()) => continue,
                            Err(error) => return Some(Err(describe_http2_error(&error))),
                        }
                    }
                },
            };
            return match data {
                None => None,
                Some(Err(error)) => Some(Err(describe_http2_error(&error))),
                Some(Ok(data)) => {
                    // An error only means that the connection has closed.
                    let _ = self.body.flow_control().release_capacity(data.len());
                    Some(Ok(data))
                }
            };
        }
    }
}

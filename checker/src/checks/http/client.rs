//! Sends each HTTP request over a new connection: directly or through a proxy, with or without TLS, as HTTP/1.1 or
//! HTTP/2.

use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;

use bytes::Bytes;
use http::header::{ACCEPT, CONNECTION, CONTENT_LENGTH, HOST, HeaderMap, HeaderValue, TRANSFER_ENCODING, USER_AGENT};
use http::response::Parts;
use http::uri::{PathAndQuery, Scheme};
use http::{HeaderName, Method, Request, StatusCode, Uri};
use http_body_util::Full;
use rustls::pki_types::ServerName;
use tokio_util::either::Either;
use url::{Position, Url};

use super::http_version::HttpVersion;
use super::http1::{self, Http1Body, Strictness};
use super::http2::{self, Http2Body};
use super::proxied::{ProxyProgress, ProxyRoute};
use super::stream::{HttpTransport, LayeredStream};
use super::{HttpCheck, HttpRoute, uses_tls};
use crate::checks::net::address_filter::AddressFilter;
use crate::checks::net::address_policy::AddressPolicy;
use crate::checks::net::connect::{self, Address, url_host};
use crate::checks::net::tls_config::TlsClient;
use crate::checks::net::tls_handshake::{self, DescribedErrors};
use crate::checks::net::tunnel::{TunnelError, open_tunnel};
use crate::checks::timing::Stopwatch;
use crate::checks::{Failure, error_text};

const USER_AGENT_VALUE: &str = concat!("checkup/", env!("CARGO_PKG_VERSION"));
const PROXY_AUTHORIZATION: HeaderName = http::header::PROXY_AUTHORIZATION;

/// The ALPN protocol name of HTTP/1.1.
const HTTP_1_1: &[u8] = b"http/1.1";

/// The content of an HTTP request, and how to reach its server.
pub(super) struct HttpRequest<'a> {
    pub(super) url: &'a Url,
    pub(super) method: &'a Method,
    pub(super) headers: &'a HeaderMap,
    pub(super) body: Option<&'a str>,
    /// Overrides the address or the TLS server name that the URL implies.
    pub(super) route: Option<&'a HttpRoute>,
    /// Whether to present the client certificate to this server.
    pub(super) identifies: bool,
    pub(super) proxy: Option<&'a ProxyRoute>,
}

/// The settings and state that all requests of an attempt share.
pub(super) struct Connector<'a> {
    pub(super) check: &'a HttpCheck,
    pub(super) tls: Option<Arc<TlsClient>>,
    pub(super) filter: AddressFilter,
    /// The maximum number of bytes to receive over one connection. Beyond this, the connection fails.
    pub(super) received_limit: u64,
    pub(super) stopwatch: &'a Stopwatch,
    pub(super) progress: &'a ProxyProgress,
}

/// A response whose head has arrived. [`HttpResponse::chunk`] reads its body.
pub(super) struct HttpResponse {
    head: Parts,
    body: ResponseBody,
}

enum ResponseBody {
    Http1(Http1Body),
    Http2(Box<Http2Body>),
}

/// An open connection to the server, ready for a request.
struct Opened {
    transport: HttpTransport,
    speaks_http2: bool,
}

/// The result of a TLS handshake.
enum Handshake {
    Done(Opened),
    /// The server accepts none of the offered HTTP versions.
    Refused,
}

impl Connector<'_> {
    /// Connects, sends the request and waits for the response head.
    pub(super) async fn send(&self, request: &HttpRequest<'_>) -> Result<HttpResponse, Failure> {
        let needs_leniency = &self.check.server.needs_leniency;
        // Only requests without side effects are safe to repeat.
        let is_repeatable = matches!(*request.method, Method::GET | Method::HEAD);
        let is_strict = is_repeatable && !needs_leniency.load(Relaxed);
        let mut strictness = if is_strict { Strictness::Strict } else { Strictness::Lenient };
        loop {
            let Opened { transport, speaks_http2 } = self.open(request).await?;
            if speaks_http2 {
                let (head, body) = Box::pin(send_http2(transport, request)).await?;
                return Ok(HttpResponse { head, body: ResponseBody::Http2(Box::new(body)) });
            }
            match http1::send(transport, build_request(request)?, strictness).await {
                Ok((head, body)) => return Ok(HttpResponse { head, body: ResponseBody::Http1(body) }),
                Err(error) if error.is_parse() && strictness == Strictness::Strict => {
                    needs_leniency.store(true, Relaxed);
                    strictness = Strictness::Lenient;
                    self.stopwatch.start_next_connection();
                }
                Err(error) => return Err(error_text::describe_error(&error)),
            }
        }
    }

    async fn open(&self, request: &HttpRequest<'_>) -> Result<Opened, Failure> {
        let address = match request.route {
            Some(route) => route.address(request.url),
            None => Address::from_url(request.url),
        };
        loop {
            let handshake = match request.proxy {
                Some(route) => Box::pin(self.open_through(route, request, &address)).await?,
                None => self.open_directly(request, &address).await?,
            };
            match handshake {
                Handshake::Done(opened) => return Ok(opened),
                Handshake::Refused => {
                    self.check.server.refuses_http1.store(true, Relaxed);
                    self.stopwatch.start_next_connection();
                }
            }
        }
    }

    async fn open_directly(&self, request: &HttpRequest<'_>, address: &Address) -> Result<Handshake, Failure> {
        let is_one_packet = !uses_tls(request.url) && request.headers.is_empty() && request.body.is_none();
        let stream = if is_one_packet {
            connect::connect_for_single_write(address, self.filter, self.stopwatch).await?
        } else {
            connect::connect(address, self.filter, self.stopwatch).await?
        };
        let stream = stream.with_limit(self.received_limit);
        match self.tls.as_ref().filter(|_| uses_tls(request.url)) {
            None => Ok(Handshake::Done(self.unencrypted(Either::Left(stream)))),
            Some(tls) => self.handshake(stream, tls, request).await,
        }
    }

    fn unencrypted(&self, transport: HttpTransport) -> Opened {
        let speaks_http2 = self.check.http_version == HttpVersion::Http2;
        Opened { transport, speaks_http2 }
    }

    /// Connects through a proxy. The address policy does not apply to the proxy, because the operator chose it.
    async fn open_through(
        &self,
        route: &ProxyRoute,
        request: &HttpRequest<'_>,
        address: &Address,
    ) -> Result<Handshake, Failure> {
        self.progress.wait_for_proxy(&route.proxy);
        let host = &route.proxy.address;
        let stream = connect::connect(host, AddressPolicy::AllowAll, self.stopwatch).await?;
        let stream = stream.with_limit(self.received_limit);
        match &route.tls {
            None => self.pass(stream, route, request, address).await,
            Some(tls) => {
                let name = tls_name(&host.host)?;
                let stream = tls_handshake::handshake(stream, tls, &name, &[HTTP_1_1], false, self.stopwatch).await?;
                self.pass(stream, route, request, address).await
            }
        }
    }

    /// Opens a tunnel over a connection to a proxy and performs the TLS handshake with the endpoint, if needed.
    async fn pass<S: LayeredStream + 'static>(
        &self,
        mut stream: S,
        route: &ProxyRoute,
        request: &HttpRequest<'_>,
        address: &Address,
    ) -> Result<Handshake, Failure> {
        // Discard the proxy's certificate, which must not be mistaken for the endpoint's.
        self.stopwatch.start_next_connection();
        if !route.reads_requests(request.url, self.check.http_version) {
            self.progress.wait_for_tunnel(&route.proxy);
            open_tunnel(&mut stream, &route.proxy, address).await.map_err(|error| match error {
                TunnelError::Endpoint(why) => why,
                TunnelError::Proxy(why) => {
                    self.progress.wait_for_proxy(&route.proxy);
                    why
                }
            })?;
        }
        self.stopwatch.connected();
        self.progress.reached_endpoint();
        match self.tls.as_ref().filter(|_| uses_tls(request.url)) {
            None => Ok(Handshake::Done(self.unencrypted(Either::Right(Box::new(stream))))),
            Some(tls) => self.handshake(stream, tls, request).await,
        }
    }

    async fn handshake<S: LayeredStream + 'static>(
        &self,
        stream: S,
        tls: &TlsClient,
        request: &HttpRequest<'_>,
    ) -> Result<Handshake, Failure> {
        let version = self.check.http_version;
        let refuses_http1 = self.check.server.refuses_http1.load(Relaxed);
        // Servers prefer HTTP/2, which costs more, so offer it only if needed.
        let protocols: &[&[u8]] = match version {
            HttpVersion::Http2 => &[http2::ALPN],
            HttpVersion::Auto if refuses_http1 => &[http2::ALPN, HTTP_1_1],
            HttpVersion::Auto | HttpVersion::Http1 => &[HTTP_1_1],
        };
        let name = match request.route.and_then(|route| route.server_name.clone()) {
            Some(name) => name,
            None => tls_name(url_host(request.url))?,
        };
        let handshake =
            tls_handshake::try_handshake(stream, tls, &name, protocols, request.identifies, self.stopwatch).await;
        let stream = match handshake {
            Ok(stream) => stream,
            Err(failed) if failed.refuses_protocols && version == HttpVersion::Auto && !refuses_http1 => {
                return Ok(Handshake::Refused);
            }
            Err(failed) => return Err(failed.reason),
        };
        let speaks_http2 = stream.get_ref().1.alpn_protocol() == Some(http2::ALPN);
        if version == HttpVersion::Http2 && !speaks_http2 {
            return Err("server does not offer HTTP/2, which `http_version` requires".to_owned());
        }
        // h2 keeps only an error's message, so describe TLS errors before h2 receives them.
        let transport = Either::Right(if speaks_http2 {
            Box::new(DescribedErrors(stream)) as Box<dyn LayeredStream>
        } else {
            Box::new(stream)
        });
        Ok(Handshake::Done(Opened { transport, speaks_http2 }))
    }
}

fn tls_name(host: &str) -> Result<ServerName<'static>, Failure> {
    ServerName::try_from(host.to_owned()).map_err(|_| format!("invalid host name `{host}` for TLS"))
}

async fn send_http2(transport: HttpTransport, request: &HttpRequest<'_>) -> Result<(Parts, Http2Body), Failure> {
    let scheme = if uses_tls(request.url) { Scheme::HTTPS } else { Scheme::HTTP };
    let body = request.body.filter(|body| !body.is_empty()).map(|body| Bytes::from(body.to_owned()));
    // HTTP/2 requests pass through a proxy in a tunnel, so build them as if there were no proxy.
    let request = build_request(&HttpRequest { proxy: None, ..*request })?;
    http2::send(transport, request.map(drop), body, scheme).await
}

impl HttpResponse {
    pub(super) fn status(&self) -> StatusCode {
        self.head.status
    }

    pub(super) fn headers(&self) -> &HeaderMap {
        &self.head.headers
    }

    /// Returns the next chunk of the body, or `None` at its end.
    pub(super) async fn chunk(&mut self) -> Option<Result<Bytes, Failure>> {
        match &mut self.body {
            ResponseBody::Http1(body) => {
                body.chunk().await.map(|chunk| chunk.map_err(|error| error_text::describe_error(&error)))
            }
            ResponseBody::Http2(body) => body.chunk().await,
        }
    }
}

/// Builds the request as it is sent over HTTP/1.1.
pub(super) fn build_request(request: &HttpRequest<'_>) -> Result<Request<Full<Bytes>>, Failure> {
    let HttpRequest { url, method, headers, body, proxy, .. } = request;
    let authority = &url[Position::BeforeHost..Position::AfterPort];
    let path = &url[Position::BeforePath..Position::AfterQuery];
    // A proxy that forwards requests needs the absolute URL.
    let proxy = proxy.filter(|route| route.reads_requests(url, HttpVersion::Http1));
    let uri = match proxy {
        None => PathAndQuery::try_from(path).map(Uri::from),
        Some(_) => Uri::try_from(format!("http://{authority}{path}")),
    };
    let uri = uri.map_err(|error| format!("invalid path `{path}`: {error}"))?;
    let mut request = Request::new(Full::from(body.unwrap_or_default().to_owned()));
    *request.method_mut() = (*method).clone();
    *request.uri_mut() = uri;
    *request.headers_mut() = (*headers).clone();
    let sent = request.headers_mut();
    let host = HeaderValue::from_str(authority).map_err(|_| format!("invalid host `{authority}`"))?;
    for (name, value) in [
        (HOST, host),
        (ACCEPT, HeaderValue::from_static("*/*")),
        (USER_AGENT, HeaderValue::from_static(USER_AGENT_VALUE)),
        (CONNECTION, HeaderValue::from_static("close")),
    ] {
        sent.entry(name).or_insert(value);
    }
    if let Some(authorization) = proxy.and_then(|route| route.proxy.authorization()) {
        sent.entry(PROXY_AUTHORIZATION).or_insert(authorization);
    }
    let length = body.map_or(0, str::len);
    // Servers expect a body with these methods, so even an empty one needs a length (RFC 9110, section 8.6).
    let announces_length = length > 0 || matches!(**method, Method::POST | Method::PUT | Method::PATCH);
    if announces_length && !sent.contains_key(TRANSFER_ENCODING) {
        sent.entry(CONTENT_LENGTH).or_insert(length.into());
    }
    Ok(request)
}

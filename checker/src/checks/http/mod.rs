//! HTTP and HTTPS checks: one attempt sends a request over a new connection and follows redirects.

mod body;
mod charset;
mod client;
mod content_type;
mod cookies;
mod early_end;
#[cfg(test)]
pub(super) mod encoding_tests;
mod head_repair;
mod http1;
mod http2;
mod http_version;
mod meta;
#[cfg(test)]
pub(super) mod oracle_tests;
#[cfg(test)]
mod protocol_tests;
mod proxied;
#[cfg(test)]
mod proxy_tests;
mod stream;
#[cfg(test)]
mod tests;
#[cfg(test)]
mod undeclared_tests;

use std::borrow::Cow;
use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use futures_util::future::BoxFuture;
use http::request::Parts;
use percent_encoding::percent_decode_str;
use reqwest::header::{
    ACCEPT, ACCEPT_ENCODING, ACCEPT_LANGUAGE, CONTENT_LENGTH, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue,
    LOCATION, SET_COOKIE, USER_AGENT,
};
use reqwest::{Method, StatusCode, Url};
use rustls::pki_types::ServerName;

use self::client::{Connector, HttpRequest, HttpResponse};
use self::cookies::CookieJar;
use self::early_end::EarlyEnd;
pub use self::http_version::{HttpVersion, ServerTraits};
pub use self::proxied::ProxyChoice;
use self::proxied::ProxyProgress;
use super::assertions::Assertion;
use super::expected_text::expect_texts;
use super::net::address_filter::IpVersion;
use super::net::connect::{Address, url_host};
use super::net::proxy_environment::ProxyEnvironment;
use super::net::tls_config::{TlsClient, TlsSettings};
use super::net::tunnel::wrong_credentials;
use super::probe_data::{Capture, ProbeData};
use super::status_codes::StatusCodes;
use super::timing::{Stopwatch, timed};
use super::{CheckContext, Probe, ProbeResult, Probed};
use crate::counted;
use crate::redact::{has_userinfo, redact_reference, redact_userinfo};

pub const SUBJECTS: &[&str] = &[
    "[STATUS]",
    "[RTT]",
    "[DNS]",
    "[CONNECT]",
    "[TLS]",
    "[TTFB]",
    "[CERTIFICATE]",
    "[REDIRECT]",
    "[HEADER name]",
    "[BODY]",
    "[BODY_SIZE]",
    "[JSON $.path]",
];

/// How long to read a body that is only displayed and does not affect the outcome.
const DIAGNOSTIC_BODY_TIMEOUT: Duration = Duration::from_millis(500);

/// The maximum number of bytes received before the response body: the TLS handshake, all informational (1xx) responses
/// and the response head. hyper accepts a head of 408 KiB.
const HEAD_LIMIT: u64 = 1 << 20;
/// The maximum number of bytes transferred per body byte, on average. Chunks and TLS records have headers.
const BODY_OVERHEAD: u64 = 4;

/// The parameters of an HTTP check.
#[derive(Debug, Clone)]
pub struct HttpCheck {
    /// The URL as configured, without user name and password.
    pub locator: String,
    /// The URL of the first request. It uses `http` or `https` and has a host, but no user name or password, because
    /// those are sent in a header.
    pub url: Url,
    /// The HTTP method of the first request.
    pub method: Method,
    /// Headers in addition to the default ones.
    pub headers: HeaderMap,
    /// The body to send with the request.
    pub body: Option<String>,
    /// The time limit for one attempt.
    pub timeout: Duration,
    /// The IP version to connect over. If `None`, both are tried.
    pub ip_version: Option<IpVersion>,
    pub http_version: HttpVersion,
    pub proxy: ProxyChoice,
    pub server: ServerTraits,
    /// The status codes of a healthy endpoint.
    pub up_status: StatusCodes,
    /// A string that the body must contain.
    pub must_contain: Option<String>,
    /// A string that the body must not contain.
    pub must_not_contain: Option<String>,
    /// The maximum number of redirects to follow.
    pub max_redirects: u32,
    /// The maximum number of bytes of the body to read, if it is read at all.
    pub body_limit: usize,
    pub tls: TlsSettings,
    /// Boxed because few checks have a route.
    pub route: Option<Box<HttpRoute>>,
    /// The check's assertions, which determine how much of a body is read.
    pub assertions: Arc<[Assertion]>,
}

/// Overrides the address or the TLS server name of the configured host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HttpRoute {
    /// The address to connect to instead of the URL's host and port.
    pub connect_to: Option<Address>,
    /// The port of the configured URL. If a redirect leads to a different port, `connect_to` replaces only the host.
    pub url_port: u16,
    /// The server name to send (SNI), for which the certificate must be valid.
    pub server_name: Option<ServerName<'static>>,
}

impl HttpRoute {
    /// Returns the address to connect to for a URL on the configured host.
    fn address(&self, url: &Url) -> Address {
        let address = Address::from_url(url);
        match &self.connect_to {
            None => address,
            Some(connect_to) if address.port == self.url_port => connect_to.clone(),
            Some(connect_to) => Address { host: connect_to.host.clone(), ..address },
        }
    }
}

/// Why a string is not a URL that can be checked.
#[derive(Debug, thiserror::Error)]
pub enum InvalidUrl {
    /// The string is not an absolute URL.
    #[error("invalid URL `{0}`: {1}; expected a URL such as `https://shop.example/health`")]
    Syntax(String, String),
    /// The URL's scheme is not `http` or `https`.
    #[error("unsupported scheme `{1}` in `{0}`: expected an `http://` or `https://` URL")]
    UnsupportedScheme(String, String),
}

impl HttpCheck {
    /// The maximum number of body bytes to read by default.
    pub const DEFAULT_BODY_LIMIT: usize = 1 << 20;

    /// Creates a check that requests this URL, with defaults for all other parameters.
    #[must_use]
    pub fn get(url: Url) -> HttpCheck {
        HttpCheck {
            locator: url.to_string(),
            url,
            method: Method::GET,
            headers: HeaderMap::new(),
            body: None,
            timeout: Duration::from_secs(10),
            ip_version: None,
            http_version: HttpVersion::default(),
            proxy: ProxyChoice::default(),
            server: ServerTraits::default(),
            up_status: StatusCodes::default(),
            must_contain: None,
            must_not_contain: None,
            max_redirects: 0,
            body_limit: HttpCheck::DEFAULT_BODY_LIMIT,
            tls: TlsSettings::default(),
            route: None,
            assertions: Arc::new([]),
        }
    }

    /// Parses an absolute `http` or `https` URL.
    pub fn parse_url(text: &str) -> Result<Url, InvalidUrl> {
        let url =
            Url::parse(text.trim()).map_err(|error| InvalidUrl::Syntax(redact_userinfo(text), error.to_string()))?;
        match url.scheme() {
            "http" | "https" if url.has_host() => Ok(url),
            other => Err(InvalidUrl::UnsupportedScheme(redact_userinfo(text), other.to_owned())),
        }
    }

    /// Removes the user name and password from a URL and returns them as the value of an `Authorization` header.
    pub fn take_credentials(url: &mut Url) -> Option<HeaderValue> {
        let decoded = |text: &str| percent_decode_str(text).collect::<Vec<u8>>();
        if !has_userinfo(url) {
            return None;
        }
        let mut plain = decoded(url.username());
        plain.push(b':');
        plain.extend(decoded(url.password().unwrap_or_default()));
        // These calls cannot fail for a URL that already has a user name or a password.
        let _ = (url.set_username(""), url.set_password(None));
        let mut value = HeaderValue::try_from(format!("Basic {}", BASE64_STANDARD.encode(plain))).ok()?;
        value.set_sensitive(true);
        Some(value)
    }

    /// Returns whether the first request goes through a proxy.
    #[must_use]
    pub fn uses_proxy(&self, environment: Option<&ProxyEnvironment>) -> bool {
        match &self.proxy {
            ProxyChoice::Direct => false,
            ProxyChoice::Through(_) => true,
            ProxyChoice::Environment => {
                environment.is_some_and(|proxies| !matches!(proxies.for_url(&self.url), Ok(None)))
            }
        }
    }

    /// Returns whether the URL uses TLS, or could redirect to one that does.
    fn can_use_tls(&self) -> bool {
        uses_tls(&self.url) || self.max_redirects > 0
    }

    /// Returns whether a TLS configuration is needed. Configured authority files are read even if no URL uses TLS, so
    /// an unreadable file is reported.
    fn needs_trust_anchors(&self) -> bool {
        self.can_use_tls() || self.tls != TlsSettings::default()
    }

    /// Returns the first request of an attempt.
    fn request(&self) -> HttpRequest<'_> {
        HttpRequest {
            url: &self.url,
            method: &self.method,
            headers: &self.headers,
            body: self.body.as_deref(),
            route: self.route.as_deref(),
            identifies: true,
            proxy: None,
        }
    }

    fn needs_body(&self) -> bool {
        self.must_contain.is_some() || self.must_not_contain.is_some()
    }

    /// Returns the maximum number of bytes to receive over one connection.
    fn received_limit(&self, capture: Capture) -> u64 {
        let reads_body = self.needs_body() || capture.body || capture.diagnostics;
        let body = if reads_body { BODY_OVERHEAD.saturating_mul(self.body_limit as u64) } else { 0 };
        HEAD_LIMIT.saturating_add(body)
    }
}

impl Probe for HttpCheck {
    fn type_name(&self) -> &'static str {
        "http"
    }

    fn locator(&self) -> &str {
        &self.locator
    }

    fn timeout(&self) -> Duration {
        self.timeout
    }

    fn host(&self) -> Option<&str> {
        let connect_to = self.route.as_ref().and_then(|route| route.connect_to.as_ref());
        Some(connect_to.map_or_else(|| url_host(&self.url), |address| address.host.as_str()))
    }

    fn how_to_enable_tls(&self) -> Option<&'static str> {
        let remedy = "an `https://` URL, or with `max_redirects` if a redirect leads to one";
        (!self.can_use_tls()).then_some(remedy)
    }

    fn request_head(&self) -> Option<Parts> {
        Some(client::build_request(&self.request()).ok()?.into_parts().0)
    }

    fn preflight(&self) -> Result<(), String> {
        self.tls.preflight()
    }

    fn probe<'a>(&'a self, capture: Capture, context: &'a CheckContext) -> BoxFuture<'a, Probed> {
        Box::pin(async move {
            let tls = if self.needs_trust_anchors() { Some(context.tls_client(&self.tls).await?) } else { None };
            proxied::prepare(self, context).await?;
            let progress = ProxyProgress::default();
            let attempt =
                timed(self.timeout, capture, |stopwatch| exchange(self, tls, capture, context, &progress, stopwatch));
            let (mut record, data) = attempt.await;
            progress.judge(&mut record)?;
            Ok((record, data))
        })
    }
}

fn uses_tls(url: &Url) -> bool {
    url.scheme() == "https"
}

/// Sends the request, follows redirects, and compares the response with the expected one.
async fn exchange(
    check: &HttpCheck,
    tls: Option<Arc<TlsClient>>,
    capture: Capture,
    context: &CheckContext,
    progress: &ProxyProgress,
    stopwatch: Arc<Stopwatch>,
) -> ProbeResult {
    let connector = Connector {
        check,
        tls,
        filter: context.address_filter(check.ip_version),
        received_limit: check.received_limit(capture),
        stopwatch: &stopwatch,
        progress,
    };
    let mut cookies: Option<CookieJar> = None;
    let mut url = Cow::Borrowed(&check.url);
    let mut method = check.method.clone();
    let mut headers = Cow::Borrowed(&check.headers);
    let mut body = check.body.as_deref();
    let (mut route, mut identifies) = (check.route.as_deref(), true);
    let mut redirects = 0;
    loop {
        let proxy = proxied::route(check, &url, context, progress).await?;
        let mut sent = Cow::Borrowed(&*headers);
        if let Some(cookies) = &cookies {
            cookies.add_to(&url, sent.to_mut());
        }
        let request =
            HttpRequest { url: &url, method: &method, headers: &sent, body, route, identifies, proxy: proxy.as_ref() };
        let response = connector.send(&request).await?;
        stopwatch.first_byte();
        stopwatch.note_code(response.status().as_u16().into());
        let forwarding = proxy.as_ref().filter(|route| route.reads_requests(&url, check.http_version));
        if let Some(route) = forwarding.filter(|_| response.status() == StatusCode::PROXY_AUTHENTICATION_REQUIRED) {
            progress.wait_for_proxy(&route.proxy);
            return Err(wrong_credentials(route.proxy.credentials.is_some()));
        }
        stopwatch.record(|data| capture_head(data, &response));
        let Some(location) = redirect_location(check, &response) else {
            let status = response.status();
            let judged = evaluate(check, response, capture, &stopwatch).await;
            return match forwarding {
                Some(route) => route.explain(status, judged, &stopwatch),
                None => judged,
            };
        };
        if redirects == check.max_redirects {
            let limit = counted(check.max_redirects as usize, "redirect");
            return Err(format!("more than {limit}; the last one leads to `{}`", redact_reference(&location)));
        }
        redirects += 1;
        let next = url
            .join(&location)
            .map_err(|_| format!("redirected to `{}`, which is not a URL", redact_reference(&location)))?;
        if !matches!(next.scheme(), "http" | "https") {
            let target = redact_userinfo(next.as_str());
            return Err(format!("redirected to `{target}`, which is neither `http` nor `https`"));
        }
        let status = response.status();
        // As in browsers, only 307 and 308 repeat methods other than GET and HEAD.
        let repeats = matches!(status, StatusCode::TEMPORARY_REDIRECT | StatusCode::PERMANENT_REDIRECT);
        if !repeats && !matches!(method, Method::GET | Method::HEAD) {
            method = Method::GET;
            body = None;
            headers.to_mut().remove(CONTENT_TYPE);
            headers.to_mut().remove(CONTENT_LENGTH);
        }
        if next.origin() != url.origin() {
            headers = Cow::Owned(headers_for_other_origin(&headers));
        }
        if response.headers().contains_key(SET_COOKIE) {
            cookies.get_or_insert_default().store(&url, response.headers(), context.now());
        }
        // The route and the client certificate apply only to the configured host.
        identifies = next.host() == check.url.host();
        route = check.route.as_deref().filter(|_| identifies);
        stopwatch.start_next_connection();
        url = Cow::Owned(next);
    }
}

/// Keeps only headers that cannot be credentials, because credentials are meant only for the configured host.
fn headers_for_other_origin(headers: &HeaderMap) -> HeaderMap {
    const KEPT: [HeaderName; 6] = [ACCEPT, ACCEPT_ENCODING, ACCEPT_LANGUAGE, CONTENT_LENGTH, CONTENT_TYPE, USER_AGENT];
    let kept = headers.iter().filter(|(name, _)| KEPT.contains(name));
    kept.map(|(name, value)| (name.clone(), value.clone())).collect()
}

/// Returns the location of a redirect that will be followed.
fn redirect_location(check: &HttpCheck, response: &HttpResponse) -> Option<String> {
    let follows = check.max_redirects > 0 && matches!(response.status().as_u16(), 301 | 302 | 303 | 307 | 308);
    let location = response.headers().get(LOCATION).filter(|_| follows)?;
    Some(String::from_utf8_lossy(location.as_bytes()).into_owned())
}

fn capture_head(data: &mut ProbeData, response: &HttpResponse) {
    let headers = response.headers();
    data.status = Some(response.status().as_u16().into());
    data.redirect = headers.get(LOCATION).map(|location| String::from_utf8_lossy(location.as_bytes()).into_owned());
    data.headers = Some(headers.clone());
}

/// Checks whether a response is as expected, and reads its body if needed.
async fn evaluate(check: &HttpCheck, response: HttpResponse, capture: Capture, stopwatch: &Stopwatch) -> ProbeResult {
    let status = response.status();
    if !check.up_status.contains(status.as_u16()) {
        let reason = status.canonical_reason().map(|reason| format!(" {reason}")).unwrap_or_default();
        if capture.diagnostics {
            // The outcome is already known; the body is read only for display.
            let _ = tokio::time::timeout(DIAGNOSTIC_BODY_TIMEOUT, body::read(check, response, stopwatch, None)).await;
        }
        return Err(format!("response status {}{reason}, expected {}", status.as_u16(), check.up_status));
    }
    let mut data = ProbeData { status: Some(status.as_u16().into()), ..ProbeData::default() };
    if capture.headers {
        capture_head(&mut data, &response);
    }
    if !check.needs_body() && !capture.body {
        if capture.diagnostics {
            // The body is read only for display, so a read error does not affect the status.
            let read =
                tokio::time::timeout(DIAGNOSTIC_BODY_TIMEOUT, body::read(check, response, stopwatch, None)).await;
            let recorded = stopwatch.recorded();
            data.body = recorded.body.or_else(|| Some(Vec::new()));
            data.encoded = recorded.encoded;
            data.truncation = match read {
                Ok(Ok(body)) => body.truncation,
                Ok(Err(why)) => Some(format!("the rest was not received, but nothing needs it: {why}")),
                Err(_) => Some("the rest was not read, because nothing needs it".to_owned()),
            };
        }
        return Ok(data);
    }
    // Without conditions, another kind of check requested the body, and needs all of it.
    let has_conditions = check.needs_body() || !check.assertions.is_empty();
    let early_end = has_conditions.then(|| (EarlyEnd::new(check), &mut data));
    // The part of a body that was not received or not decoded could contain anything.
    let body = body::read(check, response, stopwatch, early_end).await;
    body.inspect_err(|_| stopwatch.mark_inconclusive())?.store_in(&mut data);
    let (must_contain, must_not_contain) = (check.must_contain.as_deref(), check.must_not_contain.as_deref());
    expect_texts("response", &data, must_contain, must_not_contain, stopwatch)?;
    Ok(data)
}

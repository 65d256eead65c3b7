//! HTTP and HTTPS checks: one attempt is one request (and its redirects) over a connection of its own.
//!
//! [`target`] says where it goes, [`client`] speaks to the server, [`status_codes`] knows which answers are up.

mod client;
pub mod status_codes;
pub mod target;
#[cfg(test)]
mod tests;

use std::borrow::Cow;
use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use percent_encoding::percent_decode_str;
use reqwest::header::{
    AUTHORIZATION, CONTENT_LENGTH, CONTENT_TYPE, COOKIE, HOST, HeaderMap, HeaderValue, LOCATION, PROXY_AUTHORIZATION,
};
use reqwest::{Method, StatusCode, Url};
use rustls::ClientConfig;

use self::client::{HttpRequest, HttpResponse};
use self::status_codes::StatusCodes;
use self::target::Target;
use super::expected_text::expect_texts;
use super::net::tls_config::TlsTrust;
use super::probe_data::{Capture, ProbeData};
use super::timing::Stopwatch;
use super::{CheckContext, Failure, ProbeResult, error_text, tls};
use crate::redact::{has_user, without_user};

/// How long the body of an answer may take that is only read to be shown.
const DIAGNOSTIC_BODY_TIMEOUT: Duration = Duration::from_millis(500);

/// An HTTP check, ready to be made.
#[derive(Debug, Clone)]
pub struct HttpCheck {
    /// The URL as configured, without a user and a password; people know it by that.
    pub locator: String,
    /// Where requests go, without a user and a password: they are a header.
    pub target: Target,
    /// The request's method.
    pub method: Method,
    /// The request's headers, besides those that every request has.
    pub headers: HeaderMap,
    /// The request's body.
    pub body: Option<String>,
    /// The longest an attempt may take.
    pub timeout: Duration,
    /// The answers that are up.
    pub up_status: StatusCodes,
    /// A text that the body must contain.
    pub must_contain: Option<String>,
    /// A text that the body must not contain.
    pub must_not_contain: Option<String>,
    /// How many redirects are followed.
    pub max_redirects: u32,
    /// How many bytes of the body are read, if any need be.
    pub body_limit: usize,
    /// Whose certificates are trusted.
    pub trust: TlsTrust,
}

/// The text is no URL that can be checked.
#[derive(Debug, thiserror::Error)]
pub enum InvalidUrl {
    /// It cannot be read as one.
    #[error("invalid URL `{0}`: {1}; expected for example `https://shop.example/health`")]
    Syntax(String, String),
    /// It has another scheme.
    #[error("unsupported scheme `{1}` in `{0}`: expected an `http://` or `https://` URL")]
    UnsupportedScheme(String, String),
}

impl HttpCheck {
    /// Reads an absolute `http` or `https` URL.
    pub fn parse_url(text: &str) -> Result<Url, InvalidUrl> {
        let url = Url::parse(text.trim()).map_err(|error| InvalidUrl::Syntax(without_user(text), error.to_string()))?;
        match url.scheme() {
            "http" | "https" if url.has_host() => Ok(url),
            other => Err(InvalidUrl::UnsupportedScheme(without_user(text), other.to_owned())),
        }
    }

    /// Takes user name and password out of a URL: they are sent as a header, and go nowhere else.
    pub fn take_credentials(url: &mut Url) -> Option<HeaderValue> {
        let decoded = |text: &str| percent_decode_str(text).collect::<Vec<u8>>();
        if !has_user(url) {
            return None;
        }
        let mut plain = decoded(url.username());
        plain.push(b':');
        plain.extend(decoded(url.password().unwrap_or_default()));
        // Neither can fail for a URL that had them.
        let _ = (url.set_username(""), url.set_password(None));
        let mut value = HeaderValue::try_from(format!("Basic {}", BASE64_STANDARD.encode(plain))).ok()?;
        value.set_sensitive(true);
        Some(value)
    }

    /// Whether TLS may be spoken: with the URL itself or with where it redirects.
    #[must_use]
    pub fn can_use_tls(&self) -> bool {
        self.target.is_tls() || self.max_redirects > 0
    }

    /// Whether authorities are needed. Files of them that cannot be read
    /// make a check impossible in any case, since somebody wanted them.
    pub(super) fn needs_trust_anchors(&self) -> bool {
        self.can_use_tls() || self.trust != TlsTrust::System
    }

    /// The head of the first request as it is sent.
    pub fn head(&self) -> Result<http::request::Parts, Failure> {
        let (target, method, headers) = (&self.target, &self.method, &self.headers);
        let request = HttpRequest { target, method, headers, body: self.body.as_deref() };
        let mut head = client::build_request(&request)?.into_parts().0;
        if let Some(body) = &self.body {
            // What speaks for us counts a body when it goes out.
            head.headers.entry(CONTENT_LENGTH).or_insert_with(|| body.len().into());
        }
        Ok(head)
    }

    fn needs_body(&self) -> bool {
        self.must_contain.is_some() || self.must_not_contain.is_some()
    }
}

/// Sends the request, follows its redirects, and holds the answer against what is expected; `tls` says whose
/// certificates are trusted.
pub async fn request(
    check: &HttpCheck,
    tls: Option<Arc<ClientConfig>>,
    capture: Capture,
    context: &CheckContext,
    stopwatch: Arc<Stopwatch>,
) -> ProbeResult {
    let mut target = Cow::Borrowed(&check.target);
    let mut method = check.method.clone();
    let mut headers = Cow::Borrowed(&check.headers);
    let mut body = check.body.as_deref();
    let mut redirects = 0;
    loop {
        let request = HttpRequest { target: &target, method: &method, headers: &headers, body };
        let response = client::send(request, tls.clone(), capture, context.policy, &stopwatch).await?;
        stopwatch.first_byte();
        stopwatch.record(|seen| note_head(seen, &response));
        let Some(to) = redirect_target(check, &response) else {
            return expect(check, response, capture, context, &stopwatch).await;
        };
        if redirects == check.max_redirects {
            return Err(format!("more than {} redirects; the last one leads to `{to}`", check.max_redirects));
        }
        redirects += 1;
        let next = target.join(&to).map_err(|_| format!("redirected to `{to}`, which is no URL"))?;
        if !matches!(next.scheme(), "http" | "https") {
            return Err(format!("redirected to `{next}`, which is neither `http` nor `https`"));
        }
        let status = response.status();
        // As browsers do: another method than GET or HEAD is not repeated, unless the answer asks for it.
        let repeats = matches!(status, StatusCode::TEMPORARY_REDIRECT | StatusCode::PERMANENT_REDIRECT);
        if !repeats && !matches!(method, Method::GET | Method::HEAD) {
            method = Method::GET;
            body = None;
            headers.to_mut().remove(CONTENT_TYPE);
            headers.to_mut().remove(CONTENT_LENGTH);
        }
        let next = Target::of(&next);
        if !next.has_origin_of(&target) {
            // What proves who we are is meant for the first host alone.
            for name in [AUTHORIZATION, COOKIE, PROXY_AUTHORIZATION, HOST] {
                headers.to_mut().remove(name);
            }
        }
        stopwatch.start_next_connection();
        target = Cow::Owned(next);
    }
}

/// Where a redirect leads, if redirects are followed and this is one.
fn redirect_target(check: &HttpCheck, response: &HttpResponse) -> Option<String> {
    let follows = check.max_redirects > 0 && matches!(response.status().as_u16(), 301 | 302 | 303 | 307 | 308);
    let location = response.headers().get(LOCATION).filter(|_| follows)?;
    Some(String::from_utf8_lossy(location.as_bytes()).into_owned())
}

/// What the head of an answer says.
fn note_head(seen: &mut ProbeData, response: &HttpResponse) {
    let headers = response.headers();
    seen.status = Some(response.status().as_u16().into());
    seen.redirect = headers.get(LOCATION).map(|to| String::from_utf8_lossy(to.as_bytes()).into_owned());
    seen.headers = Some(headers.clone());
}

async fn expect(
    check: &HttpCheck,
    mut response: HttpResponse,
    capture: Capture,
    context: &CheckContext,
    stopwatch: &Stopwatch,
) -> ProbeResult {
    let status = response.status();
    if !check.up_status.contains(status.as_u16()) {
        let reason = status.canonical_reason().map(|reason| format!(" {reason}")).unwrap_or_default();
        if capture.diagnostics {
            // It counts for nothing any more, so that it must not take long either.
            let _ = tokio::time::timeout(DIAGNOSTIC_BODY_TIMEOUT, read_body(check, response, stopwatch)).await;
        }
        return Err(format!("response status {}{reason}, expected {}", status.as_u16(), check.up_status));
    }
    let mut seen = ProbeData { status: Some(status.as_u16().into()), ..ProbeData::default() };
    if capture.headers {
        note_head(&mut seen, &response);
    }
    if !response.certificates.is_empty() {
        seen.certificate_expires_in = Some(tls::time_left(&response.certificates, (context.clock)())?);
        seen.certificates = std::mem::take(&mut response.certificates);
    }
    if !check.needs_body() && !capture.body {
        if capture.diagnostics {
            // It is shown, but decides nothing: what only waits for it would be up.
            let read = tokio::time::timeout(DIAGNOSTIC_BODY_TIMEOUT, read_body(check, response, stopwatch)).await;
            let noted = stopwatch.recorded();
            seen.body = noted.body.or_else(|| Some(Vec::new()));
            seen.truncation = match read {
                Ok(Ok((_, cut))) => cut,
                Ok(Err(why)) => Some(format!("no more came, and nothing needs it: {why}")),
                Err(_) => Some("what comes later was not waited for, since nothing needs it".to_owned()),
            };
        }
        return Ok(seen);
    }
    let (body, cut) = read_body(check, response, stopwatch).await?;
    let (must_contain, must_not_contain) = (check.must_contain.as_deref(), check.must_not_contain.as_deref());
    expect_texts("response", (&body, cut.as_deref()), must_contain, must_not_contain)?;
    (seen.body, seen.truncation) = (Some(body), cut);
    Ok(seen)
}

/// The body up to the limit, and a sentence about that if it is not all of it.
async fn read_body(
    check: &HttpCheck,
    mut response: HttpResponse,
    stopwatch: &Stopwatch,
) -> Result<(Vec<u8>, Option<String>), Failure> {
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await {
        let chunk = chunk.map_err(|error| error_text::describe_error(&error))?;
        stopwatch.start_body();
        let room = check.body_limit - body.len();
        body.extend_from_slice(&chunk[..chunk.len().min(room)]);
        stopwatch.record(|seen| seen.body.get_or_insert_default().extend_from_slice(&chunk[..chunk.len().min(room)]));
        if chunk.len() > room {
            let cut = format!("only the first {} bytes of the body were read (`body_limit`)", check.body_limit);
            stopwatch.record(|seen| seen.truncation = Some(cut.clone()));
            return Ok((body, Some(cut)));
        }
    }
    Ok((body, None))
}

//! HTTP and HTTPS checks: one attempt is one request (and its redirects) over a connection of its own.
//!
//! [`client`] makes connections and times their phases, [`status_codes`] knows which answers are up.

pub mod client;
pub mod status_codes;
#[cfg(test)]
mod tests;

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use memchr::memmem;
use reqwest::header::{
    AUTHORIZATION, CONTENT_LENGTH, CONTENT_TYPE, COOKIE, HOST, HeaderMap, LOCATION, PROXY_AUTHORIZATION,
};
use reqwest::tls::TlsInfo;
use reqwest::{Method, Response, StatusCode, Url};
use rustls::pki_types::CertificateDer;

pub use self::client::HttpClients;
use self::status_codes::StatusCodes;
use super::reach::Reach;
use super::seen::{Seen, Wanted};
use super::stopwatch::Stopwatch;
use super::tls_trust::TlsTrust;
use super::{Failure, Outcome, Probes, tls, wording};
use crate::without_user::without_user;

/// How long the body of an answer may take that is only read to be shown.
const LAST_WORDS: Duration = Duration::from_millis(500);

/// An HTTP check, ready to be made.
#[derive(Debug, Clone)]
pub struct HttpCheck {
    /// The URL as configured, without a user and a password; people know it by that.
    pub locator: String,
    /// The URL as understood, with a user and a password if it has them.
    pub url: Url,
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
pub enum NotAUrl {
    /// It cannot be read as one.
    #[error("read `{0}` as a URL: {1}; write one such as `https://shop.example/health`")]
    Unreadable(String, String),
    /// It has another scheme.
    #[error("check `{0}`: its scheme is `{1}`; write an `http://` or `https://` URL")]
    OtherScheme(String, String),
}

impl HttpCheck {
    /// Reads an absolute `http` or `https` URL.
    pub fn parse_url(text: &str) -> Result<Url, NotAUrl> {
        let url =
            Url::parse(text.trim()).map_err(|error| NotAUrl::Unreadable(without_user(text), error.to_string()))?;
        match url.scheme() {
            "http" | "https" if url.has_host() => Ok(url),
            other => Err(NotAUrl::OtherScheme(without_user(text), other.to_owned())),
        }
    }

    fn needs_body(&self) -> bool {
        self.must_contain.is_some() || self.must_not_contain.is_some()
    }
}

/// Sends the request, follows its redirects, and holds the answer against what is expected.
pub async fn request(
    check: &HttpCheck,
    client: reqwest::Client,
    wanted: Wanted,
    probes: &Probes,
    stopwatch: Arc<Stopwatch>,
) -> Outcome {
    let mut url = check.url.clone();
    let mut method = check.method.clone();
    let mut headers = check.headers.clone();
    let mut body = check.body.clone();
    let mut redirects = 0;
    loop {
        // A name is decided upon when it is looked up; an address in the URL never is.
        if let Some(denied) = literal_address(&url).filter(|address| !probes.reach.allows(*address)) {
            return Err(Reach::refusal(denied));
        }
        if let Some(address) = literal_address(&url) {
            let port = url.port_or_known_default().unwrap_or_default();
            stopwatch.note(|seen| seen.tried.push(SocketAddr::new(address, port)));
        }
        let mut request = client.request(method.clone(), url.clone()).headers(headers.clone());
        if let Some(body) = &body {
            request = request.body(body.clone());
        }
        let response =
            request.send().await.map_err(|error| wording::of_error(&error, url.host_str().unwrap_or_default()))?;
        stopwatch.first_byte();
        stopwatch.note(|seen| note_head(seen, &response));
        let Some(target) = redirect_target(check, &response) else {
            return expect(check, response, wanted, probes, &stopwatch).await;
        };
        if redirects == check.max_redirects {
            return Err(format!("more than {} redirects; the last one leads to `{target}`", check.max_redirects));
        }
        redirects += 1;
        let next = url.join(&target).map_err(|_| format!("redirected to `{target}`, which is no URL"))?;
        if !matches!(next.scheme(), "http" | "https") {
            return Err(format!("redirected to `{next}`, which is neither `http` nor `https`"));
        }
        // As browsers do: another method than GET or HEAD is not repeated, unless the answer asks for it.
        let repeats = matches!(response.status(), StatusCode::TEMPORARY_REDIRECT | StatusCode::PERMANENT_REDIRECT);
        if !repeats && !matches!(method, Method::GET | Method::HEAD) {
            method = Method::GET;
            body = None;
            headers.remove(CONTENT_TYPE);
            headers.remove(CONTENT_LENGTH);
        }
        if next.origin() != url.origin() {
            // What proves who we are is meant for the first host alone.
            for name in [AUTHORIZATION, COOKIE, PROXY_AUTHORIZATION, HOST] {
                headers.remove(name);
            }
        }
        stopwatch.next_connection();
        url = next;
    }
}

/// The address in a URL that names no host.
fn literal_address(url: &Url) -> Option<IpAddr> {
    url.host_str()?.trim_start_matches('[').trim_end_matches(']').parse().ok()
}

/// Where a redirect leads, if redirects are followed and this is one.
fn redirect_target(check: &HttpCheck, response: &Response) -> Option<String> {
    let follows = check.max_redirects > 0 && matches!(response.status().as_u16(), 301 | 302 | 303 | 307 | 308);
    let location = response.headers().get(LOCATION).filter(|_| follows)?;
    Some(String::from_utf8_lossy(location.as_bytes()).into_owned())
}

/// What the head of an answer says.
fn note_head(seen: &mut Seen, response: &Response) {
    seen.status = Some(response.status().as_u16().into());
    seen.peer = response.remote_addr();
    seen.redirect = response.headers().get(LOCATION).map(|to| String::from_utf8_lossy(to.as_bytes()).into_owned());
    seen.headers = Some(response.headers().clone());
}

async fn expect(
    check: &HttpCheck,
    response: Response,
    wanted: Wanted,
    probes: &Probes,
    stopwatch: &Stopwatch,
) -> Outcome {
    let status = response.status();
    if !check.up_status.contains(status.as_u16()) {
        let reason = status.canonical_reason().map(|reason| format!(" {reason}")).unwrap_or_default();
        if wanted.notes {
            // It counts for nothing any more, so that it must not take long either.
            let _ = tokio::time::timeout(LAST_WORDS, read_body(check, response, stopwatch)).await;
        }
        return Err(format!("response status {}{reason}, expected {}", status.as_u16(), check.up_status));
    }
    let mut seen = Seen { status: Some(status.as_u16().into()), peer: response.remote_addr(), ..Seen::default() };
    if wanted.head {
        note_head(&mut seen, &response);
    }
    if wanted.certificate {
        let certificate = response.extensions().get::<TlsInfo>().and_then(TlsInfo::peer_certificate);
        seen.certificates = certificate.map(|der| CertificateDer::from(der.to_vec())).into_iter().collect();
        if !seen.certificates.is_empty() {
            seen.certificate = Some(tls::time_left(&seen.certificates, (probes.clock)())?);
        }
    }
    if !check.needs_body() && !wanted.body {
        return Ok(seen);
    }
    let (body, whole) = read_body(check, response, stopwatch).await?;
    if let Some(text) = &check.must_contain
        && memmem::find(&body, text.as_bytes()).is_none()
    {
        let where_looked = if whole { String::new() } else { format!(" in its first {} bytes", check.body_limit) };
        return Err(format!("response does not contain `{text}`{where_looked}"));
    }
    if let Some(text) = &check.must_not_contain
        && memmem::find(&body, text.as_bytes()).is_some()
    {
        return Err(format!("response contains `{text}`"));
    }
    seen.body = Some(body);
    Ok(seen)
}

/// The body up to the limit, and whether that is all of it.
async fn read_body(
    check: &HttpCheck,
    mut response: Response,
    stopwatch: &Stopwatch,
) -> Result<(Vec<u8>, bool), Failure> {
    let mut body = Vec::new();
    let url = response.url().clone();
    while let Some(chunk) =
        response.chunk().await.map_err(|error| wording::of_error(&error, url.host_str().unwrap_or_default()))?
    {
        stopwatch.reading_body();
        let room = check.body_limit - body.len();
        body.extend_from_slice(&chunk[..chunk.len().min(room)]);
        stopwatch.note(|seen| seen.body.get_or_insert_default().extend_from_slice(&chunk[..chunk.len().min(room)]));
        if chunk.len() > room {
            return Ok((body, false));
        }
    }
    Ok((body, true))
}

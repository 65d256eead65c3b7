//! HTTP and HTTPS checks: one attempt is one request (and its redirects) over a connection of its own.
//!
//! [`client`] makes connections and times their phases, [`wording`] says in plain words what failed,
//! [`status_codes`] knows which answers are up.

pub mod client;
mod phases;
pub mod status_codes;
mod wording;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use memchr::memmem;
use reqwest::header::{
    AUTHORIZATION, CONTENT_LENGTH, CONTENT_TYPE, COOKIE, HOST, HeaderMap, LOCATION, PROXY_AUTHORIZATION,
};
use reqwest::{Method, Response, StatusCode, Url};
use shared::duration;
use shared::result::Attempt;

pub use self::client::HttpClients;
use self::phases::{PHASES, Stopwatch};
use self::status_codes::StatusCodes;

/// An HTTP check, ready to be made.
#[derive(Debug, Clone)]
pub struct HttpCheck {
    /// The URL as configured; people know it by that.
    pub locator: String,
    /// The URL as understood.
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

/// Whose certificates are trusted.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum TlsTrust {
    /// The system's authorities.
    System,
    /// The authorities in a PEM file, and no others.
    Authorities(PathBuf),
    /// Anybody's.
    Anything,
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

/// Why an attempt failed, for a person. It ends up in [`Attempt::error`].
type Failure = String;

impl HttpCheck {
    /// Reads an absolute `http` or `https` URL.
    pub fn parse_url(text: &str) -> Result<Url, NotAUrl> {
        let url = Url::parse(text.trim()).map_err(|error| NotAUrl::Unreadable(text.to_owned(), error.to_string()))?;
        match url.scheme() {
            "http" | "https" if url.has_host() => Ok(url),
            other => Err(NotAUrl::OtherScheme(text.to_owned(), other.to_owned())),
        }
    }

    fn needs_body(&self) -> bool {
        self.must_contain.is_some() || self.must_not_contain.is_some()
    }
}

/// Makes one attempt.
pub async fn attempt(check: &HttpCheck, client: &reqwest::Client) -> Attempt {
    let stopwatch = Arc::new(Stopwatch::start());
    let request = PHASES.scope(Arc::clone(&stopwatch), request(check, client, &stopwatch));
    let failure = match tokio::time::timeout(check.timeout, request).await {
        Ok(outcome) => outcome.err(),
        Err(_) => Some(stopwatch.timed_out_after(check.timeout)),
    };
    Attempt { rtt: stopwatch.elapsed(), error: failure, phases: stopwatch.phases() }
}

/// Sends the request, follows its redirects, and holds the answer against what is expected.
async fn request(check: &HttpCheck, client: &reqwest::Client, stopwatch: &Stopwatch) -> Result<(), Failure> {
    let mut url = check.url.clone();
    let mut method = check.method.clone();
    let mut headers = check.headers.clone();
    let mut body = check.body.clone();
    let mut redirects = 0;
    loop {
        let mut request = client.request(method.clone(), url.clone()).headers(headers.clone());
        if let Some(body) = &body {
            request = request.body(body.clone());
        }
        let response = request.send().await.map_err(|error| wording::of_request(&error, &url))?;
        stopwatch.first_byte();
        let Some(target) = redirect_target(check, &response) else {
            return expect(check, response, stopwatch).await;
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

/// Where a redirect leads, if redirects are followed and this is one.
fn redirect_target(check: &HttpCheck, response: &Response) -> Option<String> {
    let follows = check.max_redirects > 0 && matches!(response.status().as_u16(), 301 | 302 | 303 | 307 | 308);
    let location = response.headers().get(LOCATION).filter(|_| follows)?;
    Some(String::from_utf8_lossy(location.as_bytes()).into_owned())
}

async fn expect(check: &HttpCheck, response: Response, stopwatch: &Stopwatch) -> Result<(), Failure> {
    let status = response.status();
    if !check.up_status.contains(status.as_u16()) {
        let reason = status.canonical_reason().map(|reason| format!(" {reason}")).unwrap_or_default();
        return Err(format!("response status {}{reason}, expected {}", status.as_u16(), check.up_status));
    }
    if !check.needs_body() {
        return Ok(());
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
    Ok(())
}

/// The body up to the limit, and whether that is all of it.
async fn read_body(
    check: &HttpCheck,
    mut response: Response,
    stopwatch: &Stopwatch,
) -> Result<(Vec<u8>, bool), Failure> {
    let mut body = Vec::new();
    let url = response.url().clone();
    while let Some(chunk) = response.chunk().await.map_err(|error| wording::of_request(&error, &url))? {
        stopwatch.reading_body();
        let room = check.body_limit - body.len();
        body.extend_from_slice(&chunk[..chunk.len().min(room)]);
        if chunk.len() > room {
            return Ok((body, false));
        }
    }
    Ok((body, true))
}

impl Stopwatch {
    /// What was being waited for when the time was up.
    fn timed_out_after(&self, timeout: Duration) -> Failure {
        let limit = duration::exact(timeout.as_nanos() as i64);
        match self.waiting_for() {
            phases::Phase::Dns => format!("host name not resolved within {limit}"),
            phases::Phase::Connect => format!("no connection within {limit}"),
            phases::Phase::Tls => format!("TLS handshake not complete within {limit}"),
            phases::Phase::FirstByte => format!("no response within {limit}"),
            phases::Phase::Body => format!("response not complete within {limit}"),
        }
    }
}

//! Sends a GET and takes the answer in, within limits of time and size. Knows nothing of stores.

use gloo_net::http::{Request, Response};
use js_sys::{Date, Reflect, Uint8Array};
use shared::{SECOND, UnixNanos};
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::JsFuture;
use web_sys::{AbortSignal, ReadableStreamDefaultReader, ReferrerPolicy, RequestCache, RequestCredentials};

use super::error::SourceError;

/// How long an answer may take, body and all. A store that hangs should say so before a reader gives up.
const TIME_LIMIT_SECONDS: u32 = 20;

const MILLISECOND: i64 = SECOND / 1_000;

/// Whether an object may change.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Freshness {
    /// It never changes: what the browser has is good.
    Immutable,
    /// It may have changed: the browser has to ask.
    Revalidated,
}

/// What a server answered.
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) body: Vec<u8>,
    response: Response,
}

impl Answer {
    pub(super) fn is_good(&self) -> bool {
        (200..300).contains(&self.status)
    }

    /// When it was known, if it is none of the network's: the service worker gave what it had kept.
    pub(super) fn cached_at(&self) -> Option<UnixNanos> {
        let milliseconds: i64 = self.response.headers().get("kept-at")?.parse().ok()?;
        milliseconds.checked_mul(MILLISECOND)
    }

    /// What the server's clock says, as far as the server tells; an answer may have waited in a cache on the way.
    pub(super) fn server_time(&self) -> Option<UnixNanos> {
        let headers = self.response.headers();
        let age: i64 = headers.get("age").and_then(|age| age.parse().ok()).unwrap_or(0);
        let milliseconds = Date::parse(&headers.get("date")?) as i64;
        (milliseconds > 0).then(|| milliseconds.saturating_mul(MILLISECOND).saturating_add(age.saturating_mul(SECOND)))
    }
}

/// Gets a URL, relative to the page's or absolute. No header of ours, so that no preflight is needed; no cookies.
pub(super) async fn get(url: &str, freshness: Freshness, size_limit: usize) -> Result<Answer, SourceError> {
    let cache = match freshness {
        Freshness::Immutable => RequestCache::Default,
        Freshness::Revalidated => RequestCache::NoCache,
    };
    let time_limit = AbortSignal::timeout_with_u32(TIME_LIMIT_SECONDS * 1_000);
    let failed = |error: &JsValue| {
        let name = Reflect::get(error, &"name".into()).ok().and_then(|name| name.as_string());
        match name.as_deref() {
            Some("TimeoutError" | "AbortError") => SourceError::TimedOut(url.to_owned(), TIME_LIMIT_SECONDS),
            _ => SourceError::Blocked(url.to_owned()),
        }
    };
    let answer = Request::get(url)
        .cache(cache)
        .credentials(RequestCredentials::SameOrigin)
        .referrer_policy(ReferrerPolicy::NoReferrer)
        .abort_signal(Some(&time_limit))
        .send()
        .await;
    let response = match answer {
        Ok(response) => response,
        Err(gloo_net::Error::JsError(error)) if error.name == "TimeoutError" || error.name == "AbortError" => {
            return Err(SourceError::TimedOut(url.to_owned(), TIME_LIMIT_SECONDS));
        }
        Err(_) => return Err(SourceError::Blocked(url.to_owned())),
    };
    let body = read(&response, size_limit).await.map_err(|error| failed(&error))?;
    match body {
        Some(body) => Ok(Answer { status: response.status(), body, response }),
        None => Err(SourceError::TooLarge(size_limit)),
    }
}

/// Takes the body in piece by piece, since neither a header nor a list has to be right about its size; `None` if
/// it is larger than the limit.
async fn read(response: &Response, size_limit: usize) -> Result<Option<Vec<u8>>, JsValue> {
    let Some(stream) = response.body() else { return Ok(Some(Vec::new())) };
    let reader: ReadableStreamDefaultReader = stream.get_reader().unchecked_into();
    let (done, value) = (JsValue::from("done"), JsValue::from("value"));
    let mut body = Vec::new();
    loop {
        let piece = JsFuture::from(reader.read()).await?;
        if Reflect::get(&piece, &done)?.is_truthy() {
            return Ok(Some(body));
        }
        let bytes: Uint8Array = Reflect::get(&piece, &value)?.unchecked_into();
        let (start, length) = (body.len(), bytes.length() as usize);
        if start + length > size_limit {
            // What else comes is of no interest; that the server may not hear of it is none either.
            let _ = reader.cancel();
            return Ok(None);
        }
        body.resize(start + length, 0);
        bytes.copy_to(&mut body[start..]);
    }
}

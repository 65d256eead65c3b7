//! Sends GET requests and reads the responses, with limits on time and size.

use gloo_net::http::Response;
use js_sys::{Array, Date, Function, Reflect, Uint8Array};
use shared::{SECOND, UnixNanos};
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::JsFuture;
use web_sys::{
    AbortSignal, ReadableStream, ReadableStreamDefaultReader, ReadableWritablePair, ReferrerPolicy, RequestCache,
    RequestCredentials, RequestInit,
};

use crate::store::StoreError;

/// The time limit for a request, including the response body. It is short enough that visitors see an error before
/// they give up.
const TIME_LIMIT_SECONDS: u32 = 20;

const MILLISECOND: i64 = SECOND / 1_000;

/// Whether the browser may use its cache without sending a request.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Freshness {
    /// For objects that never change once they are stored.
    Immutable,
    Revalidated,
}

/// A response, including its body.
pub(super) struct FetchResponse {
    pub(super) status: u16,
    pub(super) body: Vec<u8>,
    response: Response,
}

impl FetchResponse {
    pub(super) fn is_success(&self) -> bool {
        (200..300).contains(&self.status)
    }

    /// Returns when the response was received from the network, if it comes from the service worker's cache.
    pub(super) fn cached_at(&self) -> Option<UnixNanos> {
        let milliseconds: i64 = self.header("cached-at")?.parse().ok()?;
        milliseconds.checked_mul(MILLISECOND)
    }

    /// Returns the server's time, from the `Date` and `Age` headers.
    pub(super) fn server_time(&self) -> Option<UnixNanos> {
        let age: i64 = self.header("age").and_then(|age| age.parse().ok()).unwrap_or(0);
        let milliseconds = Date::parse(&self.header("date")?) as i64;
        (milliseconds > 0).then(|| milliseconds.saturating_mul(MILLISECOND).saturating_add(age.saturating_mul(SECOND)))
    }

    fn header(&self, name: &str) -> Option<String> {
        self.response.headers().get(name)
    }
}

/// Fetches a URL, absolute or relative to the page. The request contains no custom headers, which would require a
/// preflight request, and no cookies for other origins.
pub(super) async fn get(url: &str, freshness: Freshness, size_limit: usize) -> Result<FetchResponse, StoreError> {
    let cache = match freshness {
        Freshness::Immutable => RequestCache::Default,
        Freshness::Revalidated => RequestCache::NoCache,
    };
    // gloo-net's request builder would make the page 2 KB larger.
    let request = RequestInit::new();
    request.set_cache(cache);
    request.set_credentials(RequestCredentials::SameOrigin);
    request.set_referrer_policy(ReferrerPolicy::NoReferrer);
    request.set_signal(Some(&AbortSignal::timeout_with_u32(TIME_LIMIT_SECONDS * 1_000)));
    let fetched = async {
        let window = web_sys::window().ok_or(JsValue::UNDEFINED)?;
        let response = JsFuture::from(window.fetch_with_str_and_init(url, &request)).await?;
        let response = Response::from(response.unchecked_into::<web_sys::Response>());
        let body = read(response.body(), size_limit).await?;
        Ok(body.map(|body| FetchResponse { status: response.status(), body, response }))
    };
    let fetched = fetched.await.map_err(|error: JsValue| {
        let name = Reflect::get(&error, &"name".into()).ok().and_then(|name| name.as_string());
        match name.as_deref() {
            Some("TimeoutError" | "AbortError") => StoreError::TimedOut(url.to_owned(), TIME_LIMIT_SECONDS),
            _ => StoreError::Blocked(url.to_owned()),
        }
    });
    fetched?.ok_or(StoreError::TooLarge(size_limit))
}

/// Decompresses an object that was stored with gzip, if the store serves it without the header that makes browsers do so:
/// some services drop the header, and so do tools that copy a bucket to a folder.
pub(super) async fn decompress(content: Vec<u8>, size_limit: usize) -> Result<Vec<u8>, StoreError> {
    const GZIP_MAGIC: [u8; 2] = [0x1f, 0x8b];
    if !content.starts_with(&GZIP_MAGIC) {
        return Ok(content);
    }
    let decompressed = async {
        // web-sys declares this class only as an unstable API.
        let class: Function = Reflect::get(&js_sys::global(), &"DecompressionStream".into())?.unchecked_into();
        let gzip: ReadableWritablePair = Reflect::construct(&class, &Array::of1(&"gzip".into()))?.unchecked_into();
        let compressed = web_sys::Response::new_with_opt_js_u8_array(Some(&Uint8Array::from(content.as_slice())))?;
        read(compressed.body().map(|body| body.pipe_through(&gzip)), size_limit).await
    };
    match decompressed.await {
        Ok(decompressed) => decompressed.ok_or(StoreError::TooLarge(size_limit)),
        // The parser names the problem.
        Err(_) => Ok(content),
    }
}

/// Reads a body in chunks, because a declared size may be wrong. Returns `None` if it exceeds the limit.
async fn read(stream: Option<ReadableStream>, size_limit: usize) -> Result<Option<Vec<u8>>, JsValue> {
    let Some(stream) = stream else { return Ok(Some(Vec::new())) };
    let reader: ReadableStreamDefaultReader = stream.get_reader().unchecked_into();
    let (done, value) = (JsValue::from("done"), JsValue::from("value"));
    let mut body = Vec::new();
    loop {
        let chunk = JsFuture::from(reader.read()).await?;
        if Reflect::get(&chunk, &done)?.is_truthy() {
            return Ok(Some(body));
        }
        let bytes: Uint8Array = Reflect::get(&chunk, &value)?.unchecked_into();
        let (start, length) = (body.len(), bytes.length() as usize);
        if start + length > size_limit {
            let _ = reader.cancel();
            return Ok(None);
        }
        body.resize(start + length, 0);
        bytes.copy_to(&mut body[start..]);
    }
}

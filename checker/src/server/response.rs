//! HTTP responses: validators, caching, compression and security headers. Pure.

use axum::body::Body;
use axum::http::header::{self, HeaderName};
use axum::http::{Extensions, HeaderMap, HeaderValue, StatusCode, Version};
use axum::response::Response;
use bytes::Bytes;
use sha2::{Digest as _, Sha256};
use tower_http::CompressionLevel;
use tower_http::compression::CompressionLayer;
use tower_http::compression::predicate::{And, Predicate as _, SizeAbove};

/// The page needs only scripts, styles and data from its own origin. The origins that may embed it are appended.
const POLICY: &str = "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; worker-src 'self'; style-src 'self'; \
     img-src 'self' data:; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'self'";

/// Returns the security headers that every response has. Pages from these origins may embed the page.
pub(super) fn security_headers(embed_by: &[String]) -> HeaderMap {
    let policy = [&[POLICY.to_owned()], embed_by].concat().join(" ");
    let mut headers = HeaderMap::from_iter([
        (header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
        (header::REFERRER_POLICY, HeaderValue::from_static("no-referrer")),
        (HeaderName::from_static("cross-origin-opener-policy"), HeaderValue::from_static("same-origin")),
    ]);
    // The configuration validates origins; if one is invalid anyway, no other origin may embed the page.
    let policy = HeaderValue::try_from(policy).unwrap_or(HeaderValue::from_static(POLICY));
    headers.insert(header::CONTENT_SECURITY_POLICY, policy);
    headers
}

/// The maximum length of a host name that a response repeats; DNS names have at most 253 characters.
const HOST_LIMIT: usize = 253;

/// The size, in bytes, below which responses are not compressed.
const COMPRESSION_MINIMUM: u64 = 512;

/// How long a response may be cached.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Freshness {
    /// Caches can keep the response indefinitely, because a file with different content has a different name.
    Immutable,
    /// Caches must revalidate the response before each use, because it can change at any time.
    Revalidate,
    /// Caches can keep the response for a minute, because it contains its own time and is requested often.
    Minute,
}

impl Freshness {
    fn cache_control(self) -> HeaderValue {
        HeaderValue::from_static(match self {
            Freshness::Immutable => "public, max-age=31536000, immutable",
            Freshness::Revalidate => "no-cache",
            Freshness::Minute => "public, max-age=60",
        })
    }
}

/// Content in one of its possible encodings.
#[derive(Debug, Clone)]
pub(super) struct Representation {
    pub(super) content: Bytes,
    pub(super) etag: HeaderValue,
    pub(super) content_type: &'static str,
    /// The content encoding, if the content is compressed.
    pub(super) encoding: Option<&'static str>,
    pub(super) freshness: Freshness,
}

/// Returns a strong validator: 128 bits of the content's SHA-256 hash, and the encoding.
pub(super) fn etag(content: &[u8], encoding: Option<&str>) -> HeaderValue {
    let hash = Sha256::digest(content).first_chunk().map_or(0, |start| u128::from_be_bytes(*start));
    let etag = match encoding {
        Some(encoding) => format!("\"{hash:032x}-{encoding}\""),
        None => format!("\"{hash:032x}\""),
    };
    HeaderValue::from_str(&etag).unwrap_or_else(|_| HeaderValue::from_static("\"\""))
}

pub(super) fn json(content: Vec<u8>, freshness: Freshness, request: &HeaderMap) -> Response {
    let etag = etag(&content, None);
    let content_type = "application/json";
    send(&Representation { content: content.into(), etag, content_type, encoding: None, freshness }, request)
}

/// Sends content, or 304 if the client already has it.
pub(super) fn send(representation: &Representation, request: &HeaderMap) -> Response {
    let is_known = is_known(request, &representation.etag);
    let mut response = if is_known {
        let mut response = Response::new(Body::empty());
        *response.status_mut() = StatusCode::NOT_MODIFIED;
        response
    } else {
        let mut response = Response::new(Body::from(representation.content.clone()));
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(representation.content_type));
        if let Some(encoding) = representation.encoding {
            headers.insert(header::CONTENT_ENCODING, HeaderValue::from_static(encoding));
        }
        response
    };
    let headers = response.headers_mut();
    headers.insert(header::ETAG, representation.etag.clone());
    headers.insert(header::CACHE_CONTROL, representation.freshness.cache_control());
    headers.insert(header::VARY, HeaderValue::from_static("accept-encoding"));
    response
}

/// Returns whether the client already has the content with this validator. Uses the weak comparison, as RFC 9110
/// requires for GET.
fn is_known(request: &HeaderMap, etag: &HeaderValue) -> bool {
    let tags = request.get_all(header::IF_NONE_MATCH).iter().filter_map(|value| value.to_str().ok());
    tags.flat_map(|tags| tags.split(','))
        .map(str::trim)
        .any(|tag| tag == "*" || tag.strip_prefix("W/").unwrap_or(tag).as_bytes() == etag.as_bytes())
}

pub(super) fn not_found() -> Response {
    plain(StatusCode::NOT_FOUND, "Not found.\n")
}

/// Returns a permanent redirect to a URL that is relative to the request's URL.
pub(super) fn redirect(location: &str) -> Response {
    let mut response = plain(StatusCode::PERMANENT_REDIRECT, "");
    // A request's path is always valid in a header, so the error cannot occur.
    if let Ok(location) = HeaderValue::try_from(location) {
        response.headers_mut().insert(header::LOCATION, location);
    }
    response
}

pub(super) fn bad_request(sentence: &'static str) -> Response {
    plain(StatusCode::BAD_REQUEST, sentence)
}

/// Returns the response to a request for a different host, including the host as the client spelled it.
pub(super) fn misdirected(host: &str) -> Response {
    let shown: String = host.chars().filter(char::is_ascii_graphic).take(HOST_LIMIT).collect();
    plain(
        StatusCode::MISDIRECTED_REQUEST,
        format!(
            "`{shown}` is not a name of this server, which listens on this machine only. Open its address instead, or start it with `--allowed-host {shown}`.\n"
        ),
    )
}

pub(super) fn unavailable() -> Response {
    plain(
        StatusCode::SERVICE_UNAVAILABLE,
        "The store is temporarily unavailable; see the checker's log for the cause.\n",
    )
}

/// Returns the response to a client without the right bearer token.
pub(super) fn unauthorized() -> Response {
    let mut response = plain(StatusCode::UNAUTHORIZED, "The metrics require a token.\n");
    response.headers_mut().insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer realm=\"metrics\""));
    response
}

/// Returns content that is only valid now. It is not compressed, because that would take longer than producing it.
pub(super) fn current(status: StatusCode, content_type: &'static str, content: Bytes) -> Response {
    let mut response = plain(status, content);
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
    response.extensions_mut().insert(Prepared);
    response
}

fn plain(status: StatusCode, sentence: impl Into<Body>) -> Response {
    let mut response = Response::new(sentence.into());
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

/// Marks a response that is not compressed on the fly, for example because it is already compressed.
#[derive(Debug, Clone, Copy)]
pub(super) struct Prepared;

/// The condition for compressing a response.
type ShouldCompress = And<SizeAbove, fn(StatusCode, Version, &HeaderMap, &Extensions) -> bool>;

/// The quality for compression on the fly: a check file of ten endpoints takes 13 µs and becomes six times smaller.
/// The best quality would take a hundred times as long to save another tenth.
const QUALITY: i32 = 2;

/// Compresses responses that are not compressed yet, favoring speed over size.
pub(super) fn compression() -> CompressionLayer<ShouldCompress> {
    let should_compress: fn(StatusCode, Version, &HeaderMap, &Extensions) -> bool = |status, _, headers, extensions| {
        status == StatusCode::OK
            && headers.get(header::CONTENT_TYPE).is_some_and(is_compressible)
            && extensions.get::<Prepared>().is_none()
    };
    CompressionLayer::new()
        .quality(CompressionLevel::Precise(QUALITY))
        .compress_when(SizeAbove::new(COMPRESSION_MINIMUM).and(should_compress))
}

/// Returns whether compression makes content of this type smaller.
pub(super) fn is_compressible(content_type: &HeaderValue) -> bool {
    let kind = content_type.as_bytes();
    kind.starts_with(b"text/")
        || [&b"application/json"[..], b"application/wasm"].contains(&kind)
        || kind.ends_with(b"+json")
        || kind.ends_with(b"+xml")
}

/// Completes a response: adds security headers, and weakens the validator of content that was compressed on the fly.
pub(super) fn finish(mut response: Response, security: &HeaderMap) -> Response {
    let headers = response.headers_mut();
    headers.extend(security.clone());
    if let (Some(encoding), Some(etag)) = (headers.get(header::CONTENT_ENCODING), headers.get(header::ETAG))
        && let (Ok(encoding), Ok(etag)) = (encoding.to_str(), etag.to_str())
        && !etag.ends_with(&format!("-{encoding}\""))
        && let Ok(weak) = HeaderValue::from_str(&format!("W/{etag}"))
    {
        // A strong validator identifies the exact bytes.
        headers.insert(header::ETAG, weak);
    }
    response
}

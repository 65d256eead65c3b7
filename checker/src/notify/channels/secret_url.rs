//! Provider URLs. Most contain a token, so only the scheme, host and port are ever shown.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::HeaderValue;
use http::request::Builder;
use percent_encoding::percent_decode_str;
use url::Url;

/// An `http` or `https` URL. Everything except its scheme, host and port can be secret.
#[derive(Clone, PartialEq, Eq)]
pub struct SecretUrl(Url);

/// The error for an invalid provider URL. It omits the URL, which can contain a secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("invalid URL: expected `https://` or `http://` and a host, for example `https://hooks.example.com/services/…`")]
pub struct InvalidSecretUrl;

impl SecretUrl {
    /// Parses a URL. Drops its fragment, which is never sent to servers.
    pub fn parse(text: &str) -> Result<SecretUrl, InvalidSecretUrl> {
        let mut url = Url::parse(text.trim()).map_err(|_| InvalidSecretUrl)?;
        if !matches!(url.scheme(), "http" | "https") || url.host_str().is_none_or(str::is_empty) {
            return Err(InvalidSecretUrl);
        }
        url.set_fragment(None);
        Ok(SecretUrl(url))
    }

    /// Returns the scheme, host and port, which are not secret.
    #[must_use]
    pub fn origin(&self) -> String {
        self.0.origin().ascii_serialization()
    }

    /// Returns the URL with the given segments appended to its path. Special characters are encoded, so that a slash
    /// cannot add a segment.
    #[must_use]
    pub fn with_path<'a>(&self, segments: impl IntoIterator<Item = &'a str>) -> SecretUrl {
        let mut url = self.0.clone();
        if let Ok(mut path) = url.path_segments_mut() {
            path.pop_if_empty().extend(segments);
        }
        SecretUrl(url)
    }

    /// Splits off the last path segment, such as `topic` in `https://ntfy.sh/topic`.
    #[must_use]
    pub fn split_last_segment(&self) -> Option<(SecretUrl, String)> {
        let last = self.0.path_segments()?.rfind(|segment| !segment.is_empty())?;
        let last = percent_decode_str(last).decode_utf8().ok()?.into_owned();
        let mut url = self.0.clone();
        url.path_segments_mut().ok()?.pop_if_empty().pop();
        Some((SecretUrl(url), last))
    }

    /// Starts a request. Moves a user name and password from the URL to the `Authorization` header.
    #[must_use]
    pub fn request(&self, method: http::Method) -> Builder {
        let mut url = self.0.clone();
        let mut request = http::Request::builder().method(method);
        if !url.username().is_empty() || url.password().is_some() {
            let decoded = |text: &str| percent_decode_str(text).decode_utf8_lossy().into_owned();
            let header = basic_auth(&decoded(url.username()), &decoded(url.password().unwrap_or_default()));
            request = request.header(http::header::AUTHORIZATION, header);
            // These calls cannot fail, because the URL has a host.
            let _ = url.set_username("");
            let _ = url.set_password(None);
        }
        request.uri(url.as_str())
    }
}

impl fmt::Debug for SecretUrl {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "SecretUrl({}/…)", self.origin())
    }
}

/// Returns the value of an `Authorization` header for a user name and password.
#[must_use]
pub fn basic_auth(username: &str, password: &str) -> HeaderValue {
    sensitive(&format!("Basic {}", STANDARD.encode(format!("{username}:{password}"))))
}

/// Returns the value of an `Authorization` header for a token.
#[must_use]
pub fn bearer_auth(token: &str) -> HeaderValue {
    sensitive(&format!("Bearer {token}"))
}

/// Returns a header value that is hidden in debug output. Removes control characters, which headers cannot contain.
#[must_use]
pub fn sensitive(text: &str) -> HeaderValue {
    let text: String = text.chars().filter(|character| !character.is_control()).collect();
    let mut value = HeaderValue::from_bytes(text.as_bytes()).unwrap_or(HeaderValue::from_static(""));
    value.set_sensitive(true);
    value
}

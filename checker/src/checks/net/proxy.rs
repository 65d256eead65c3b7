//! Proxies that checks connect through. User names and passwords are never shown.

use std::fmt;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use http::HeaderValue;
use percent_encoding::percent_decode_str;

use super::connect::Address;

/// The protocol that a proxy uses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ProxyScheme {
    Http,
    /// HTTP over a TLS connection to the proxy.
    Https,
    /// SOCKS version 5 (RFC 1928). The proxy resolves host names.
    Socks5,
}

/// A proxy. It is formatted as its URL without credentials.
#[derive(Clone, PartialEq, Eq)]
pub struct Proxy {
    pub scheme: ProxyScheme,
    pub address: Address,
    pub credentials: Option<ProxyCredentials>,
}

/// The user name and password for a proxy.
#[derive(Clone, PartialEq, Eq)]
pub struct ProxyCredentials {
    pub user: Vec<u8>,
    pub password: Vec<u8>,
}

/// The error for a string that is not a valid proxy URL.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "invalid proxy `{0}`: expected a URL with `http`, `https` or `socks5`, for example `http://proxy.example:3128`"
)]
pub struct InvalidProxy(String);

impl Proxy {
    /// Parses a proxy's URL. The default scheme is `http`.
    pub fn parse(text: &str) -> Result<Proxy, InvalidProxy> {
        let text = text.trim();
        let invalid = || InvalidProxy(without_credentials(text));
        let (scheme, rest) = text.split_once("://").unwrap_or(("http", text));
        let (scheme, default_port) = match scheme.to_ascii_lowercase().as_str() {
            "http" => (ProxyScheme::Http, 80),
            "https" => (ProxyScheme::Https, 443),
            "socks5" | "socks5h" => (ProxyScheme::Socks5, 1_080),
            _ => return Err(invalid()),
        };
        let (userinfo, host) = match rest.rsplit_once('@') {
            Some((userinfo, host)) => (Some(userinfo), host),
            None => (None, rest),
        };
        // These characters end the host in a URL, so credentials must percent-encode them.
        let ends_host = |one: char| "/?#\\".contains(one) || one.is_whitespace() || one.is_control();
        if userinfo.is_some_and(|userinfo| userinfo.contains(ends_host)) || host.contains("://") {
            return Err(invalid());
        }
        let address = Address::parse(host, Some(default_port)).map_err(|_| invalid())?;
        let decoded = |text: &str| percent_decode_str(text).collect::<Vec<u8>>();
        let credentials = userinfo.map(|userinfo| {
            let (user, password) = userinfo.split_once(':').unwrap_or((userinfo, ""));
            ProxyCredentials { user: decoded(user), password: decoded(password) }
        });
        Ok(Proxy { scheme, address, credentials })
    }

    /// Returns the value of the `Proxy-Authorization` header, or `None` without credentials.
    #[must_use]
    pub fn authorization(&self) -> Option<HeaderValue> {
        let ProxyCredentials { user, password } = self.credentials.as_ref()?;
        let plain = [user, b":".as_slice(), password].concat();
        let mut value = HeaderValue::try_from(format!("Basic {}", BASE64_STANDARD.encode(plain))).ok()?;
        value.set_sensitive(true);
        Some(value)
    }
}

/// Removes everything between the scheme and the last `@`, which includes any password.
fn without_credentials(text: &str) -> String {
    let Some((before, host)) = text.rsplit_once('@') else { return text.to_owned() };
    match before.split_once("://") {
        Some((scheme, _)) if scheme.bytes().all(|byte| byte.is_ascii_alphanumeric()) => format!("{scheme}://{host}"),
        _ => host.to_owned(),
    }
}

impl fmt::Display for Proxy {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = match self.scheme {
            ProxyScheme::Http => "http",
            ProxyScheme::Https => "https",
            ProxyScheme::Socks5 => "socks5",
        };
        write!(formatter, "{scheme}://{}", self.address)
    }
}

impl fmt::Debug for Proxy {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Proxy({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn proxies_are_parsed_in_every_spelling() {
        for (text, shown, user, password) in [
            ("http://proxy.example:3128", "http://proxy.example:3128", None, None),
            ("http://proxy.example", "http://proxy.example:80", None, None),
            ("https://proxy.example/", "https://proxy.example:443", None, None),
            ("proxy.example:3128", "http://proxy.example:3128", None, None),
            ("127.0.0.1:3128", "http://127.0.0.1:3128", None, None),
            (" http://[::1]:3128 ", "http://[::1]:3128", None, None),
            ("socks5://proxy.example", "socks5://proxy.example:1080", None, None),
            ("socks5h://proxy.example:9050", "socks5://proxy.example:9050", None, None),
            ("http://me:p%40ss@proxy.example:3128", "http://proxy.example:3128", Some("me"), Some("p@ss")),
            ("me:word@proxy.example:3128", "http://proxy.example:3128", Some("me"), Some("word")),
            ("HTTP://me:p@ss:@proxy.example", "http://proxy.example:80", Some("me"), Some("p@ss:")),
        ] {
            let proxy = Proxy::parse(text).expect(text);
            assert_eq!(proxy.to_string(), shown, "{text}");
            let credentials = proxy.credentials.as_ref();
            assert_eq!(credentials.map(|credentials| credentials.user.as_slice()), user.map(str::as_bytes), "{text}");
            let known = credentials.map(|credentials| credentials.password.as_slice());
            assert_eq!(known, password.map(str::as_bytes), "{text}");
        }
    }

    #[test]
    fn an_invalid_proxy_does_not_reveal_its_password() {
        for text in [
            "ftp://me:s3cret@proxy.example",
            "http://me:s3cret@",
            "http://me:s3cret@proxy.example:99999",
            "http://me:s3cret#1@proxy.example",
            "http://me:s3/cret@proxy.example",
            "http://me:s3?cret@proxy.example",
            "me:s3cret@proxy example",
            "me:s3://cret@proxy.example",
            "http://me:s3cret@proxy.example/path",
        ] {
            let error = Proxy::parse(text).expect_err(text).to_string();
            assert!(!error.contains("s3") && !error.contains("cret") && !error.contains("me:"), "{text}: {error}");
        }
        for text in ["", "http://", "http://proxy.example:0", "ftp://proxy.example", ":3128"] {
            assert!(Proxy::parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn credentials_are_sent_but_never_shown() {
        let proxy = Proxy::parse("http://Aladdin:open%20sesame@proxy.example").expect("a proxy");
        let value = proxy.authorization().expect("it has credentials");
        assert_eq!(value, "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==");
        let shown = format!("{proxy} {proxy:?} {value:?}");
        assert!(!shown.contains("Aladdin") && !shown.contains("sesame") && !shown.contains("QWxh"), "{shown}");
    }
}

//! Where a request goes: an absolute `http` or `https` URL, taken apart once into what each request needs of it.
//!
//! Most URLs are plain, and are taken apart without the library, which knows all the others and costs ten times as much: there
//! may be very many.

use std::net::Ipv4Addr;
use std::ops::Range;

use reqwest::Url;
use url::{ParseError, Position};

/// An absolute `http` or `https` URL without user, password and fragment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    text: Box<str>,
    /// Where the host stands, an IPv6 address without its brackets.
    host: Range<usize>,
    port: u16,
    /// Where host and port stand, as a request names them.
    authority: Range<usize>,
    is_tls: bool,
}

impl Target {
    /// The target of a URL that has a host.
    #[must_use]
    pub fn of(url: &Url) -> Target {
        let text: Box<str> =
            [&url[..Position::BeforeUsername], &url[Position::BeforeHost..Position::AfterQuery]].concat().into();
        let begin = url[..Position::BeforeUsername].len();
        let authority = begin..begin + url[Position::BeforeHost..Position::AfterPort].len();
        let host = url.host_str().unwrap_or_default().len();
        let bracket = usize::from(text[begin..].starts_with('['));
        Target {
            host: begin + bracket..begin + host - bracket,
            port: url.port_or_known_default().unwrap_or_default(),
            authority,
            is_tls: url.scheme() == "https",
            text,
        }
    }

    /// The target of a text that means nothing else to anybody: lower case letters, digits and the usual marks, as the library
    /// would write it.
    #[must_use]
    pub fn of_plain(text: &str) -> Option<Target> {
        let (is_tls, begin) = match text.strip_prefix("http") {
            Some(rest) if rest.starts_with("://") => (false, "http://".len()),
            Some(rest) if rest.starts_with("s://") => (true, "https://".len()),
            _ => return None,
        };
        let rest = &text[begin..];
        let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
        let usual = if is_tls { 443 } else { 80 };
        let (host, port) = match authority.split_once(':') {
            None => (authority, usual),
            Some((host, port)) => {
                let digits = !port.starts_with('0') && port.bytes().all(|byte| byte.is_ascii_digit());
                (host, port.parse().ok().filter(|port| digits && *port != usual)?)
            }
        };
        let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~' | b'/');
        if !is_plain_host(host) || !path.bytes().all(is_plain) || path.contains("/.") {
            return None;
        }
        Some(Target {
            host: begin..begin + host.len(),
            port,
            authority: begin..begin + authority.len(),
            is_tls,
            text: if path.is_empty() { [text, "/"].concat().into() } else { text.into() },
        })
    }

    /// Where a redirect from here leads.
    pub(super) fn join(&self, to: &str) -> Result<Url, ParseError> {
        Url::parse(&self.text)?.join(to)
    }

    /// The host, an IPv6 address without brackets.
    #[must_use]
    pub fn host(&self) -> &str {
        &self.text[self.host.clone()]
    }

    /// The port, whether or not it is written.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Whether TLS is spoken.
    #[must_use]
    pub fn is_tls(&self) -> bool {
        self.is_tls
    }

    /// Host and port as the header `Host` names them.
    pub(super) fn authority(&self) -> &str {
        &self.text[self.authority.clone()]
    }

    /// Path and query.
    pub(super) fn path_and_query(&self) -> &str {
        &self.text[self.authority.end..]
    }

    /// Whether the other is on the same host, at the same port and by the same scheme.
    pub(super) fn has_origin_of(&self, other: &Target) -> bool {
        (self.is_tls, self.host(), self.port) == (other.is_tls, other.host(), other.port)
    }
}

/// Whether a host is a name in ASCII that stands for itself, or an IPv4 address as everybody writes it.
fn is_plain_host(host: &str) -> bool {
    let is_usual = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || matches!(byte, b'-' | b'.');
    if host.is_empty() || !host.bytes().all(is_usual) || host.contains("xn--") {
        return false;
    }
    let last = host.rsplit('.').next().unwrap_or_default();
    // What ends like a number is one to browsers, in any of a dozen ways of writing.
    if last.bytes().next().is_none_or(|byte| byte.is_ascii_digit()) {
        return host.parse::<Ipv4Addr>().is_ok();
    }
    host.split('.').all(|label| !label.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_url_is_taken_apart() {
        for (text, is_tls, host, port, authority, path) in [
            ("http://shop.example", false, "shop.example", 80, "shop.example", "/"),
            ("https://me:word@Shop.example:8443/a?b=c#d", true, "shop.example", 8443, "shop.example:8443", "/a?b=c"),
            ("https://[2001:DB8::1]/x y", true, "2001:db8::1", 443, "[2001:db8::1]", "/x%20y"),
            ("http://127.0.0.1:80/0", false, "127.0.0.1", 80, "127.0.0.1", "/0"),
            ("http://bücher.example/", false, "xn--bcher-kva.example", 80, "xn--bcher-kva.example", "/"),
        ] {
            let target = Target::of(&Url::parse(text).expect(text));
            assert_eq!((target.is_tls(), target.host(), target.port()), (is_tls, host, port), "{text}");
            assert_eq!((target.authority(), target.path_and_query()), (authority, path), "{text}");
            assert!(!target.text.contains("word"), "{text}");
        }
    }

    #[test]
    fn what_the_library_would_write_otherwise_is_not_plain() {
        for text in [
            "http://Shop.example/",
            "http://127.1/",
            "http://1.2.3.4.5/",
            "http://0x7f.0.0.1/",
            "http://a.example:080/",
            "https://a.example:443/",
            "http://a.example/b/../c",
            "http://a.example/?x",
            "http://user@a.example/",
            "http://xn--a.example/",
            "http:///x",
            "ftp://a.example/",
        ] {
            assert_eq!(Target::of_plain(text), None, "{text}");
        }
    }

    #[test]
    fn a_redirect_leads_where_a_browser_would_go() {
        let target = Target::of_plain("http://shop.example/a/b").expect("it is plain");
        assert_eq!(target.join("../c?d").map(String::from).as_deref(), Ok("http://shop.example/c?d"));
        let origin = |text: &str| Target::of(&Url::parse(text).expect(text));
        assert!(target.has_origin_of(&origin("http://shop.example:80/")));
        for other in ["https://shop.example/", "http://shop.example:81/", "http://other.example/"] {
            assert!(!target.has_origin_of(&origin(other)), "{other}");
        }
    }

    proptest! {
        #[test]
        fn a_plain_url_is_taken_apart_as_the_library_does(
            text in "https?://([a-z0-9-]{0,4}\\.){0,4}[a-zA-Z0-9x-]{0,5}(:[0-9]{0,5})?(/[a-z0-9A-Z._~%-]{0,3}){0,4}"
        ) {
            if let Some(target) = Target::of_plain(&text) {
                let url = Url::parse(&text);
                prop_assert!(url.is_ok(), "{}", text);
                prop_assert_eq!(target, Target::of(&url.expect("it was just looked at")));
            }
        }
    }
}

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
        let bytes = text.as_bytes();
        let (is_tls, begin) = if bytes.starts_with(b"http://") {
            (false, "http://".len())
        } else if bytes.starts_with(b"https://") {
            (true, "https://".len())
        } else {
            return None;
        };
        let until = |from: usize, last: fn(u8) -> bool| {
            bytes[from..].iter().position(|byte| last(*byte)).map_or(bytes.len(), |length| from + length)
        };
        let host = begin..until(begin, |byte| matches!(byte, b':' | b'/'));
        let authority = begin..until(host.end, |byte| byte == b'/');
        let usual = if is_tls { 443 } else { 80 };
        let port = match &bytes[host.end..authority.end] {
            [] => usual,
            written => plain_port(&written[1..]).filter(|port| *port != usual)?,
        };
        if !is_plain_host(&text[host.clone()]) || !is_plain_path(&bytes[authority.end..]) {
            return None;
        }
        let text = if authority.end == bytes.len() { [text, "/"].concat().into() } else { text.into() };
        Some(Target { text, host, port, authority, is_tls })
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

/// A port in digits, as everybody writes it.
fn plain_port(digits: &[u8]) -> Option<u16> {
    if digits.len() > 5 || digits.first().is_none_or(|first| *first == b'0') {
        return None;
    }
    let port = digits
        .iter()
        .try_fold(0_u32, |port, digit| digit.is_ascii_digit().then(|| port * 10 + u32::from(digit - b'0')))?;
    u16::try_from(port).ok()
}

/// Whether a path has nothing but letters, digits and the usual marks, and no segment that begins with a dot.
fn is_plain_path(path: &[u8]) -> bool {
    let mut before = 0;
    path.iter().all(|byte| {
        let is_hidden = *byte == b'.' && before == b'/';
        before = *byte;
        !is_hidden && (byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~' | b'/'))
    })
}

/// Whether a host is a name in ASCII that stands for itself, or an IPv4 address as everybody writes it.
fn is_plain_host(host: &str) -> bool {
    let (mut before, mut last_label) = (b'.', 0);
    for (place, byte) in host.bytes().enumerate() {
        match byte {
            b'.' if before == b'.' => return false,
            b'.' => last_label = place + 1,
            // What begins with `xn--` stands for something else.
            b'-' if before == b'-' => return false,
            b'a'..=b'z' | b'0'..=b'9' | b'-' => {}
            _ => return false,
        }
        before = byte;
    }
    match host.as_bytes().get(last_label) {
        None => false,
        // What ends like a number is one to browsers, in any of a dozen ways of writing.
        Some(first) if first.is_ascii_digit() => host.parse::<Ipv4Addr>().is_ok(),
        Some(_) => true,
    }
}

#[cfg(test)]
mod tests {
    use crate::checks::http::target::*;
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

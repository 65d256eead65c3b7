//! Converts internationalized host names for all kinds of checks.

use std::borrow::Cow;

/// Converts a host name to the form that DNS, TLS and HTTP use: `münchen.example` becomes `xn--mnchen-3ya.example`, as
/// in browsers (UTS 46). ASCII names are returned unchanged, because many of them work although IDNA forbids them.
/// Returns `None` if the name is invalid.
#[must_use]
pub fn to_ascii(host: &str) -> Option<Cow<'_, str>> {
    if host.is_ascii() {
        return Some(Cow::Borrowed(host));
    }
    idna::domain_to_ascii_cow(host.as_bytes(), idna::AsciiDenyList::EMPTY).ok()
}

#[cfg(test)]
mod tests {
    use crate::checks::net::idna::*;

    #[test]
    fn names_are_converted_as_in_browsers() {
        for (host, ascii) in [
            ("münchen.example", Some("xn--mnchen-3ya.example")),
            ("MÜNCHEN.Example", Some("xn--mnchen-3ya.example")),
            // The same name, written with a combining diaeresis or with an ideographic full stop.
            ("mu\u{308}nchen.example", Some("xn--mnchen-3ya.example")),
            ("münchen\u{3002}example.", Some("xn--mnchen-3ya.example.")),
            ("straße.example", Some("xn--strae-oqa.example")),
            ("उदाहरण.परीक्षा", Some("xn--p1b6ci4b4b3a.xn--11b5bs3a9aj6g")),
            ("_dmarc.münchen.example", Some("_dmarc.xn--mnchen-3ya.example")),
            ("*.münchen.example", Some("*.xn--mnchen-3ya.example")),
            ("Shop_1.example", Some("Shop_1.example")),
            ("r3---a.example", Some("r3---a.example")),
            ("192.0.2.1", Some("192.0.2.1")),
            ("fe80::1%eth0", Some("fe80::1%eth0")),
            ("", Some("")),
            ("a\u{200d}ü.example", None),
            ("xn--ü.example", None),
        ] {
            assert_eq!(to_ascii(host).as_deref(), ascii, "{host}");
        }
    }
}

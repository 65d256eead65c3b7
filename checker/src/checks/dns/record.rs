//! Normalizes DNS records in text form so that different spellings of the same record compare as equal.

use std::borrow::Cow;
use std::net::IpAddr;

use hickory_proto::rr::RecordType;

use crate::checks::net::idna;

/// Returns the canonical spelling of a record. Case and a trailing dot are ignored in names. Other values must match
/// exactly, except for quotes.
pub(super) fn canonical(record: RecordType, text: &str) -> String {
    let text = text.trim();
    // Keep the root domain, which is written as a single dot.
    let name = |word: &str| match word.trim_end_matches('.') {
        "" => word.to_owned(),
        name => idna::to_ascii(name).unwrap_or(Cow::Borrowed(name)).to_ascii_lowercase(),
    };
    let unquoted = |word: &str| word.replace('"', "");
    let map_words = |map: &dyn Fn(usize, &str) -> String| {
        let words = text.split_whitespace().enumerate().map(|(index, word)| map(index, word));
        words.collect::<Vec<_>>().join(" ")
    };
    match record {
        RecordType::A | RecordType::AAAA => text.parse().map_or_else(|_| name(text), |ip: IpAddr| ip.to_string()),
        RecordType::TXT => quoted_parts(text).unwrap_or_else(|| text.to_owned()),
        RecordType::CAA => match text.splitn(3, char::is_whitespace).collect::<Vec<_>>()[..] {
            [flags, tag, value] => {
                let value = value.trim_start();
                let inside = value.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')).unwrap_or(value);
                format!("{flags} {} {inside}", tag.to_ascii_lowercase())
            }
            _ => text.to_owned(),
        },
        // The fields are order, preference, flags, service, regular expression and replacement.
        RecordType::NAPTR => map_words(&|index, word| match index {
            2 => unquoted(word).to_ascii_lowercase(),
            5 => name(word),
            _ => unquoted(word),
        }),
        RecordType::SVCB | RecordType::HTTPS => map_words(&|index, word| match index {
            0 => word.to_owned(),
            1 => name(word),
            _ => parameter(&unquoted(word)),
        }),
        // The fields are usage, selector, matching type, and a digest that some tools split into several words.
        RecordType::TLSA => match text.split_whitespace().collect::<Vec<_>>()[..] {
            [usage, selector, kind, ref digest @ ..] => {
                format!("{usage} {selector} {kind} {}", digest.concat().to_ascii_lowercase())
            }
            _ => text.to_owned(),
        },
        _ => map_words(&|_, word| name(&unquoted(word))),
    }
}

/// Normalizes a service parameter such as `alpn=h2`. The library ends lists with a comma, writes `=` even without a
/// value, and writes unknown keys as `unknown7` instead of `key7` (RFC 9460).
fn parameter(word: &str) -> String {
    let word = word.trim_end_matches(',');
    let word = word.strip_suffix('=').filter(|key| !key.contains('=')).unwrap_or(word);
    word.strip_prefix("unknown").map_or_else(|| word.to_owned(), |number| format!("key{number}"))
}

/// Joins one or more quoted strings. Returns `None` if anything is outside of quotes.
fn quoted_parts(text: &str) -> Option<String> {
    let mut whole = String::new();
    let mut rest = text.strip_prefix('"')?;
    loop {
        let mut letters = rest.char_indices();
        let end = loop {
            match letters.next()? {
                (end, '"') => break end,
                (_, '\\') => whole.push(letters.next()?.1),
                (_, letter) => whole.push(letter),
            }
        };
        rest = rest[end + 1..].trim_start();
        if rest.is_empty() {
            return Some(whole);
        }
        rest = rest.strip_prefix('"')?;
    }
}

#[cfg(test)]
mod tests {
    use crate::checks::dns::record::*;

    #[test]
    fn names_ignore_case_and_values_are_exact() {
        use RecordType::{AAAA, CAA, CNAME, HTTPS, MX, NAPTR, TLSA, TXT};
        for (record, one, other, same) in [
            (AAAA, "2001:DB8::1", "2001:db8:0:0::1", true),
            (CNAME, "CDN.example.", "cdn.example", true),
            (CNAME, "münchen.example", "XN--mnchen-3ya.example.", true),
            (MX, "10 Mail.example.", "10 mail.example", true),
            (MX, "10 mail.example.", "20 mail.example.", false),
            (TXT, "token=AbC.", "\"token=AbC.\"", true),
            (TXT, "one two", "\"one \" \"two\"", true),
            (TXT, "greet \"you\"", r#""greet \"you\"""#, true),
            (TXT, "token=AbC", "token=abc", false),
            (TXT, "token=AbC.", "token=AbC", false),
            (TXT, "a  b", "a b", false),
            (CAA, "0 issue \"ca.example; account=7\"", "0 ISSUE ca.example; account=7", true),
            (CAA, "0 issue \"ca.example; account=Ab\"", "0 issue \"ca.example; account=ab\"", false),
            (CAA, "0 iodef \"mailto:a@b.example\"", "0 iodef \"mailto:a@b.example.\"", false),
            (NAPTR, "1 2 \"U\" \"E2U+sip\" \"!^.*$!sip:A@b!\" .", "1 2 u E2U+sip !^.*$!sip:A@b! .", true),
            (NAPTR, "1 2 \"U\" \"E2U+sip\" \"!^.*$!sip:A@b!\" .", "1 2 U E2U+sip !^.*$!sip:a@b! .", false),
            (HTTPS, "1 . alpn=h2,h3,", "1 . alpn=\"h2,h3\"", true),
            (HTTPS, "1 . no-default-alpn=", "1 . no-default-alpn", true),
            (TLSA, "3 1 1 070F17 1F", "3 1 1 070f171f", true),
            (TLSA, "3 1 1 070f17", "3 1 2 070f17", false),
            (MX, "0 .", "0", false),
            (HTTPS, "1 . ech=\"AbC\"", "1 . ech=\"abc\"", false),
        ] {
            assert_eq!(canonical(record, one) == canonical(record, other), same, "{one} and {other}");
        }
    }
}

//! Matches patterns against text in an unknown charset, in which non-ASCII bytes can mean any character.

use super::body_text::{BodyText, Found, TextFacts, Wanted};
use super::text_pattern::TextPattern;
use super::utf_8_text::{has_characters, switches_charset};

/// Characters to try for an unknown one: a letter in lowercase and uppercase, a symbol, and a space.
const SUBSTITUTES: [&str; 4] = ["ö", "Ö", "°", "\u{a0}"];
/// The escape sequences that name characters in a pattern.
const NAMING_ESCAPES: [&str; 5] = [r"\p", r"\P", r"\x", r"\u", r"\U"];

/// Returns whether text with invalid bytes could match if its charset were known. If the pattern names
/// characters that may not be ASCII, the bytes could mean those.
pub(super) fn can_match(text: &[u8], pattern: &TextPattern) -> bool {
    if pattern.is_about_bytes() || has_characters(text, false) {
        return false;
    }
    let written = pattern.as_str();
    let names_characters = !written.is_ascii() || NAMING_ESCAPES.iter().any(|escape| written.contains(escape));
    if names_characters || switches_charset(text) {
        return true;
    }
    let facts = TextFacts { is_utf_8: true, ..TextFacts::default() };
    let is_match = |text: &[u8]| BodyText::new(text, Some(&facts)).search(Wanted::Match(pattern)) != Found::No;
    SUBSTITUTES.iter().any(|substitute| {
        is_match(&substituted(text, substitute, |_| true)) || is_match(&substituted(text, substitute, <[u8]>::is_ascii))
    })
}

/// Replaces each non-ASCII byte if `is_start` accepts the byte before it (at the start of the text, an empty slice), and
/// removes all others.
fn substituted(text: &[u8], substitute: &str, is_start: fn(&[u8]) -> bool) -> Vec<u8> {
    let mut replaced = Vec::with_capacity(text.len());
    for (at, byte) in text.iter().enumerate() {
        if byte.is_ascii() {
            replaced.push(*byte);
        } else if is_start(&text[at.saturating_sub(1)..at]) {
            replaced.extend_from_slice(substitute.as_bytes());
        }
    }
    replaced
}

#[cfg(test)]
mod tests {
    use crate::checks::unknown_letters::*;

    #[test]
    fn invalid_bytes_are_unknown_letters() {
        for (text, pattern, expected) in [
            (&b"St\xf6rung"[..], "admin", false),
            (b"St\xf6rung", "^St[a-z]rung", false),
            (b"St\xf6rung", r"St\srung", true),
            (b"St\xf6rung", "St.rung", true),
            (b"St\xf6rung", r"St\wrung", true),
            (b"St\xf6rung", r"St\Wrung", true),
            (b"St\xf6rung", r"\brung", true),
            (b"St\xf6rung", r"rung\b", true),
            (b"St\xf6rung", "St(?i)[^a-z]rung$", true),
            (b"St\xf6rung", "Störung", true),
            (b"ok \xff", "Störung", true),
            (b"ok \xff", r"\x{f6}", true),
            (b"ok \xff", r"(?-u)\xff", false),
            // A character can have one or several bytes.
            (b"\xb4\xed\xce\xf3", "^.$", true),
            (b"\xb4\xed\xce\xf3", "^.{4}$", true),
            (b"\xff\xfd\x18\xff\xfd\x20login: ", "anonymous", false),
            (b"text \x1b$B>c32\x1b(B", "anonymous", true),
            ("Störung".as_bytes(), "St.rung", false),
        ] {
            let compiled = TextPattern::parse(pattern).expect(pattern);
            assert_eq!(can_match(text, &compiled), expected, "{pattern} {text:?}");
        }
    }
}

//! Joins the output streams of a command, and searches messages.

use super::body_text::{BodyText, Found, TextFacts, Wanted};
use super::expected_text::INVALID_BYTES;
use super::probe_data::ProbeData;
use super::searched_text::OutputStream;
use super::text_pattern::TextPattern;
use super::{undeclared_text, unknown_letters};

/// Joins the output streams of a command. A line break separates them unless the first one ends with one.
#[must_use]
pub(super) fn join(stdout: Vec<u8>, stderr: Vec<u8>) -> ProbeData {
    if stdout.is_empty() || stderr.is_empty() {
        let body = if stdout.is_empty() { stderr } else { stdout };
        return ProbeData { facts: undeclared_text::recognize(&[&body]), body: Some(body), ..ProbeData::default() };
    }
    let border: &[u8] = if stdout.ends_with(b"\n") { b"" } else { b"\n" };
    let parts = [&stdout[..], border, &stderr[..]];
    let stream = |start, bytes: &[u8]| OutputStream::new(start, bytes.len(), undeclared_text::recognize(&[bytes]));
    let streams = vec![stream(0, &stdout), stream(stdout.len() + border.len(), &stderr)];
    ProbeData { body: Some(parts.concat()), facts: undeclared_text::recognize(&parts), streams, ..ProbeData::default() }
}

/// Searches data from a server for a match. Also returns the facts about its text.
#[must_use]
pub(super) fn search_message(message: &[u8], pattern: &TextPattern) -> (Found, Option<Box<TextFacts>>) {
    let facts = undeclared_text::recognize(&[message]);
    let text = BodyText::new(message, facts.as_deref());
    let found = match text.search(Wanted::Match(pattern)) {
        Found::No if unknown_letters::can_match(text.text(), pattern) => Found::Unclear(INVALID_BYTES),
        found => found,
    };
    (found, facts)
}

#[cfg(test)]
mod tests {
    use crate::checks::output_streams::*;

    fn find(data: &ProbeData, text: &str) -> Found {
        data.searched_text().expect("a body").search(Wanted::Text(text))
    }

    fn find_match(data: &ProbeData, pattern: &str) -> Found {
        let pattern = TextPattern::parse(pattern).expect(pattern);
        data.searched_text().expect("a body").search(Wanted::Match(&pattern))
    }

    #[test]
    fn no_match_spans_two_streams() {
        let data = |stdout: &str, stderr: &str| join(stdout.into(), stderr.into());
        let split = data("42", "ERROR: disk\n");
        assert_eq!(split.body.as_deref(), Some(&b"42\nERROR: disk\n"[..]));
        for pattern in [r"\bERROR\b", "(?m)^ERROR", "(?m)42$", "(?m)^42$", "^42", "disk\n$"] {
            assert_eq!(find_match(&split, pattern), Found::Yes, "{pattern}");
        }
        for pattern in ["^ERROR", "42$", r"^42\s*$", "^[^E]*$"] {
            assert!(matches!(find_match(&split, pattern), Found::Unclear(_)), "{pattern}");
        }
        for pattern in ["(?s)42.*ERROR", r"42\s", r"\sERROR"] {
            assert_eq!(find_match(&split, pattern), Found::No, "{pattern}");
        }
        assert_eq!(find(&split, "2\nE"), Found::No);
        assert_eq!(find(&data("O", "K"), "OK"), Found::No);
        assert_eq!(find(&data("OK", "K"), "OK"), Found::Yes);
        assert_eq!(find(&data("", "OK"), "OK"), Found::Yes);
    }

    #[test]
    fn the_border_between_streams_is_one_line_break() {
        for (stdout, stderr, body, size) in
            [("a", "b", "a\nb", 2), ("a\n", "b", "a\nb", 3), ("a", "", "a", 1), ("", "b", "b", 1), ("", "", "", 0)]
        {
            let data = join(stdout.into(), stderr.into());
            let joined = data.body.clone().expect("a body");
            assert_eq!((joined.as_slice(), data.body_size(&joined)), (body.as_bytes(), size));
        }
    }

    #[test]
    fn messages_that_cannot_be_read_are_unclear() {
        let search = |message: &[u8], pattern: &str| {
            search_message(message, &TextPattern::parse_multi_line(pattern).expect(pattern)).0
        };
        for message in [
            &b"\x1f\x8b\x08\0\0\0"[..],
            b"log\n!a\0d\0m\0i\0n\0",
            b"a\0\0\0d\0\0\0m\0\0\0in",
            b"\x1b[1mad\x1b[0mmin",
            "adm\u{ad}in".as_bytes(),
        ] {
            assert!(matches!(search(message, "^adm$|admin"), Found::Unclear(_)), "{message:?}");
        }
        assert!(matches!(search(b"STATE \xcd\xa3\xd6\xb9", "停止"), Found::Unclear(_)));
        assert_eq!(search(b"St\xf6rung", "Störung"), Found::Unclear(INVALID_BYTES));
        assert_eq!(search(b"St\xf6rung", "St.rung"), Found::Unclear(INVALID_BYTES));
        for message in [&b"hello"[..], "Störung".as_bytes(), b"", b"St\xf6rung", b"\xff\xfd\x18login: "] {
            assert_eq!(search(message, "admin"), Found::No, "{message:?}");
        }
        assert_eq!(search(b"\xff\x01", "(?-u)admin"), Found::No);
        assert_eq!(search(b"a\0d\0m\0i\0n\0", "^admin$"), Found::Yes);
    }
}

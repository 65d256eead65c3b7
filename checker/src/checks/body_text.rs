//! Searches bodies for text. Command output and WebSocket messages do not declare a charset, so their text is searched
//! in several forms.

use std::mem::take;

use memchr::{memchr, memmem};
use regex::bytes::Regex;

/// The reason why text was not found for certain: it occurs in UTF-16 or UTF-32, but the whole body is not UTF-16.
const WIDE_PART: &str = "a part that seems to be UTF-16 or UTF-32 does";

/// What is known about a body that declares neither a charset nor an encoding, and is not plain UTF-8.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct UndeclaredText {
    /// The body in UTF-8 without a byte order mark, if it is UTF-16 or starts with a mark.
    pub converted: Option<Vec<u8>>,
    /// The format, if the body starts with compressed data: `gzip`, `zlib` or `zstd`.
    pub compression: Option<&'static str>,
}

/// A body in all forms in which it can contain text.
#[derive(Debug, Clone, Copy)]
pub struct BodyText<'a> {
    raw: &'a [u8],
    undeclared: Option<&'a UndeclaredText>,
}

/// The result of a search.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Found {
    Yes,
    No,
    /// The body may contain the text, for this reason.
    Unclear(&'static str),
}

impl<'a> BodyText<'a> {
    #[must_use]
    pub fn new(raw: &'a [u8], undeclared: Option<&'a UndeclaredText>) -> BodyText<'a> {
        BodyText { raw, undeclared }
    }

    /// Returns the body in UTF-8 if it was converted, and its bytes otherwise.
    #[must_use]
    pub fn text(self) -> &'a [u8] {
        self.converted().unwrap_or(self.raw)
    }

    /// Returns the body's bytes, followed by its converted form, if there is one.
    pub fn forms(self) -> impl Iterator<Item = &'a [u8]> {
        std::iter::once(self.raw).chain(self.converted())
    }

    /// Returns the format of a compressed body.
    #[must_use]
    pub fn compression(self) -> Option<&'static str> {
        self.undeclared?.compression
    }

    /// Returns the reason why the text of a compressed body is unknown, as a clause about "it".
    #[must_use]
    pub fn why_unknown(self) -> Option<&'static str> {
        Some(match self.compression()? {
            "gzip" => "it is compressed with `gzip`",
            "zstd" => "it is compressed with `zstd`",
            _ => "it is compressed with `zlib`",
        })
    }

    /// Searches for a string.
    #[must_use]
    pub fn find(self, text: &str) -> Found {
        let occurs = |spelling: &[u8]| self.forms().any(|form| memmem::find(form, spelling).is_some());
        let is_hidden = || {
            // UTF-8 text can contain the bytes of a spelling by chance, unless they include the bytes of binary data.
            let has_nulls = memchr(0, self.raw).is_some();
            let is_rare = |spelling: &[u8]| has_nulls || spelling.iter().copied().any(is_binary);
            wide_spellings(text).iter().any(|spelling| is_rare(spelling) && occurs(spelling))
        };
        match self.undeclared {
            _ if occurs(text.as_bytes()) => Found::Yes,
            Some(_) => self.not_found(is_hidden),
            None => Found::No,
        }
    }

    /// Searches for a match. A pattern for bytes never matches text that was converted.
    #[must_use]
    pub fn find_match(self, pattern: &Regex) -> Found {
        let is_met_by = |run: &str| pattern.is_match(run.as_bytes());
        let is_hidden = || !is_about_bytes(pattern) && self.forms().any(|form| any_wide_run(form, is_met_by));
        match self.undeclared {
            _ if self.forms_for(pattern).any(|form| pattern.is_match(form)) => Found::Yes,
            Some(_) => self.not_found(is_hidden),
            None => Found::No,
        }
    }

    /// Returns whether a match ends before the end of the body, so that it remains a match if the body continues.
    #[must_use]
    pub fn has_final_match(self, pattern: &Regex) -> bool {
        self.forms_for(pattern).any(|form| pattern.shortest_match(form).is_some_and(|end| end < form.len()))
    }

    fn not_found(self, is_hidden: impl FnOnce() -> bool) -> Found {
        match self.why_unknown() {
            Some(reason) => Found::Unclear(reason),
            None if is_hidden() => Found::Unclear(WIDE_PART),
            None => Found::No,
        }
    }

    fn converted(self) -> Option<&'a [u8]> {
        self.undeclared?.converted.as_deref()
    }

    fn forms_for(self, pattern: &Regex) -> impl Iterator<Item = &'a [u8]> {
        self.forms().take(if is_about_bytes(pattern) { 1 } else { 2 })
    }
}

/// Returns whether a pattern matches bytes instead of characters.
#[must_use]
pub fn is_about_bytes(pattern: &Regex) -> bool {
    pattern.as_str().contains("(?-u")
}

/// Returns whether a byte does not occur in text of any ASCII-compatible charset (WHATWG's MIME Sniffing standard,
/// "binary data byte").
#[must_use]
pub fn is_binary(byte: u8) -> bool {
    matches!(byte, 0..=8 | 0x0b | 0x0e..=0x1a | 0x1c..=0x1f)
}

/// Encodes a string in UTF-16 and UTF-32.
fn wide_spellings(text: &str) -> [Vec<u8>; 4] {
    let units = || text.encode_utf16();
    let characters = || text.chars().map(u32::from);
    [
        units().flat_map(u16::to_le_bytes).collect(),
        units().flat_map(u16::to_be_bytes).collect(),
        characters().flat_map(u32::to_le_bytes).collect(),
        characters().flat_map(u32::to_be_bytes).collect(),
    ]
}

/// Returns whether the predicate holds for any run of ASCII and Latin-1 characters in UTF-16 or UTF-32. Such characters
/// are single bytes between one or three null bytes. A run includes the bytes before and after it, because the byte
/// order is unknown.
fn any_wide_run(bytes: &[u8], holds: impl Fn(&str) -> bool) -> bool {
    // UTF-16 and UTF-32 have an even number of bytes, so that the first or the last one is something else.
    let is_odd = bytes.len() % 2 == 1;
    [1, 3].into_iter().any(|gap| {
        let mut run = WideRun { is_first_optional: is_odd, ..WideRun::default() };
        let (mut nulls, mut is_after_text) = (0, false);
        for field in bytes.split(|byte| *byte == 0) {
            nulls += 1;
            let (Some(first), Some(last)) = (field.first(), field.last()) else { continue };
            if take(&mut nulls) != gap {
                // The next text has another encoding. Its null bytes do not show to which of them a character belongs.
                run.is_last_optional = true;
                if take(&mut run).is_met_by(&holds) {
                    return true;
                }
                run.is_first_optional = is_after_text;
            }
            is_after_text = true;
            let is_single = field.len() == 1;
            let is_printable = run.push(*first, is_single);
            if is_single && is_printable {
                continue;
            }
            if take(&mut run).is_met_by(&holds) {
                return true;
            }
            if !is_single {
                run.push(*last, is_single);
            }
        }
        run.is_last_optional |= is_odd;
        run.is_met_by(&holds)
    })
}

/// Consecutive characters that are separated by null bytes.
#[derive(Default)]
struct WideRun {
    text: String,
    /// Whether any of the characters has null bytes, or the start or the end of the body, on both sides.
    has_single: bool,
    /// Whether the first character can be part of the text before it.
    is_first_optional: bool,
    /// Whether the last character can be part of the text after it.
    is_last_optional: bool,
}

impl WideRun {
    /// Appends a character. Returns whether it is printable.
    fn push(&mut self, byte: u8, is_single: bool) -> bool {
        let is_printable = matches!(byte, b'\t' | b'\n' | b'\r' | b' '..=b'~' | 0xa0..);
        if is_printable {
            let is_optional =
                if self.text.is_empty() { &mut self.is_first_optional } else { &mut self.is_last_optional };
            *is_optional |= !is_single;
            self.text.push(char::from(byte));
            self.has_single |= is_single;
        }
        is_printable
    }

    /// Returns whether the predicate holds for the characters, with or without the optional ones.
    fn is_met_by(&self, holds: impl Fn(&str) -> bool) -> bool {
        let second = self.text.chars().next().filter(|_| self.is_first_optional).map(char::len_utf8);
        let last = self.text.char_indices().next_back().filter(|_| self.is_last_optional).map(|(start, _)| start);
        let starts = [Some(0), second].into_iter().flatten();
        let ends = || [Some(self.text.len()), last].into_iter().flatten();
        let mut readings = starts.flat_map(|start| ends().filter_map(move |end| self.text.get(start..end)));
        self.has_single && readings.any(|reading| reading.chars().nth(1).is_some() && holds(reading))
    }
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;

    use crate::checks::body_text::*;

    fn wide_runs(bytes: &[u8]) -> Vec<String> {
        let runs = RefCell::new(Vec::new());
        any_wide_run(bytes, |run| {
            runs.borrow_mut().push(run.to_owned());
            false
        });
        runs.into_inner()
    }

    #[test]
    fn runs_of_wide_characters_are_found_at_any_position() {
        for (bytes, runs) in [
            (&b"F\0a\0t\0a\0l\0"[..], &["Fatal"][..]),
            (b"\0F\0a\0t\0a\0l", &["Fatal"]),
            (b"okF\0a\0t\0a\0l\0\n\0", &["Fatal\n", "atal\n"]),
            (b"ok\0F\0a\0t\0a\0l", &["kFatal", "Fatal"]),
            (b"F\0a\0t\0a\0l\0do", &["Fatald", "Fatal"]),
            (b"ok\0\0\0K\0\0\0O\0\0\0do", &["kKOd", "kKO", "KOd", "KO"]),
            (b"K\0O\0d", &["KOd", "KO", "Od"]),
            (b"d\0K\0O", &["dKO", "dK", "KO"]),
            (b"\x01\0\0K\0O\0\0\0\x02K\0O\0", &["KO", "KO"]),
            (b"K\0\0\0O\0\0\0", &["KO"]),
            (b"\0\0\0K\0\0\0O", &["KO"]),
            (b"S\0t\0\xf6\0r\0", &["Stör"]),
            (b"5\x002\0Fatal error\0", &["52F", "52"]),
            (b"K\0\x01\0O\0", &[]),
            (b"./a\0./b\0", &[]),
            (b"ok\0\0\0\0", &[]),
            (b"\0", &[]),
            (b"", &[]),
            (b"x", &[]),
        ] {
            assert_eq!(wide_runs(bytes), runs, "{bytes:?}");
        }
    }

    #[test]
    fn plain_text_is_never_taken_for_a_wide_spelling() {
        let undeclared = UndeclaredText::default();
        for (body, text) in [("Fatal", "慆"), ("é", "쎩"), ("é", "꧃")] {
            let body = BodyText::new(body.as_bytes(), Some(&undeclared));
            assert_eq!(body.find(text), Found::No, "{text}");
        }
        assert_eq!(BodyText::new(b"5\x002\0Fatal\0", Some(&undeclared)).find("慆"), Found::Unclear(WIDE_PART));
    }
}

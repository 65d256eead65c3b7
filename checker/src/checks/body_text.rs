//! Searches bodies for text. The charset of a body can be undeclared or declared wrongly, so its text is searched in
//! several forms.

use std::borrow::Cow;

use encoding_rs::Encoding;
use memchr::{memchr, memmem};
use regex::bytes::Regex;

use super::wide_runs::any_wide_run;
use super::{legacy_text, visible_text};

/// The reason why text was not found for certain: it occurs in UTF-16 or UTF-32, but the whole body is not UTF-16.
const WIDE_PART: &str = "a part that seems to be UTF-16 or UTF-32 does";
/// The reason if text occurs in a body, but not after its conversion from the declared charset.
const UNCONVERTED: &str = "its bytes do, before they are converted from the declared charset";
/// The reason if text occurs in a body that is read in a legacy charset.
const LEGACY: &str = "its bytes do in another charset";
/// The reason if a pattern matches only what terminals show.
const VISIBLE: &str = "its text does without escape sequences and invisible characters";

/// Facts about a body that is not plain UTF-8.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct UndeclaredText {
    /// The body in UTF-8 without a byte order mark, if it is UTF-16 or starts with a mark.
    pub converted: Option<Vec<u8>>,
    /// The format, such as `gzip`, if the body starts with compressed data.
    pub compression: Option<&'static str>,
    /// The body before its conversion from a declared charset, which can be wrong.
    pub original: Option<OriginalText>,
}

/// Text in the charset that a response declares.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OriginalText {
    pub bytes: Vec<u8>,
    pub encoding: &'static Encoding,
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

    /// Returns the body in every form in which it can equal a text. The last one is its text.
    pub fn readings(self) -> impl Iterator<Item = Cow<'a, [u8]>> {
        self.visible_forms().map(Cow::Owned).chain(self.forms().map(Cow::Borrowed))
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
            "zlib" => "it is compressed with `zlib`",
            "xz" => "it is compressed with `xz`",
            "bzip2" => "it is compressed with `bzip2`",
            "lz4" => "it is compressed with `lz4`",
            "br" => "it is compressed with `br`",
            _ => "it is compressed",
        })
    }

    #[must_use]
    pub fn find(self, text: &str) -> Found {
        let is_in = |form: &[u8]| memmem::find(form, text.as_bytes()).is_some();
        if self.forms().any(is_in) || self.visible_forms().any(|form| is_in(&form)) {
            Found::Yes
        } else if let Some(reason) = self.why_unknown() {
            Found::Unclear(reason)
        } else if self.original().is_some_and(|original| is_in(&original.bytes)) {
            Found::Unclear(UNCONVERTED)
        } else if self.has_wide_spelling(text) {
            Found::Unclear(WIDE_PART)
        } else if self.legacy_forms().any(|form| legacy_text::contains(form, text)) {
            Found::Unclear(LEGACY)
        } else {
            Found::No
        }
    }

    /// Searches for a match. A pattern for bytes never matches text that was converted from an undeclared charset.
    #[must_use]
    pub fn find_match(self, pattern: &Regex) -> Found {
        let is_about_bytes = is_about_bytes(pattern);
        if self.has_match(pattern) {
            Found::Yes
        } else if let Some(reason) = self.why_unknown() {
            Found::Unclear(reason)
        } else if is_about_bytes {
            Found::No
        } else if self.original().is_some_and(|original| original.is_match(pattern)) {
            Found::Unclear(UNCONVERTED)
        } else if self.has_wide_match(pattern) {
            Found::Unclear(WIDE_PART)
        } else if self.legacy_forms().any(|form| legacy_text::is_match(form, pattern)) {
            Found::Unclear(LEGACY)
        } else if self.visible_forms().any(|form| pattern.is_match(&form)) {
            Found::Unclear(VISIBLE)
        } else {
            Found::No
        }
    }

    /// Returns whether a match is certain.
    #[must_use]
    pub fn has_match(self, pattern: &Regex) -> bool {
        self.forms_for(pattern).any(|form| pattern.is_match(form))
    }

    /// Returns whether a match ends before the end of the body, so that it remains a match if the body continues.
    #[must_use]
    pub fn has_final_match(self, pattern: &Regex) -> bool {
        self.forms_for(pattern).any(|form| pattern.shortest_match(form).is_some_and(|end| end < form.len()))
    }

    fn has_wide_spelling(self, text: &str) -> bool {
        if self.undeclared.is_none() {
            return false;
        }
        let spellings = wide_spellings(text);
        self.all_forms().any(|form| {
            // UTF-8 text can contain the bytes of a spelling by chance, unless they include the bytes of binary data.
            let has_nulls = memchr(0, form).is_some();
            let is_rare = |spelling: &[u8]| has_nulls || spelling.iter().copied().any(is_binary);
            spellings.iter().any(|spelling| is_rare(spelling) && memmem::find(form, spelling).is_some())
        })
    }

    fn has_wide_match(self, pattern: &Regex) -> bool {
        let is_met_by = |run: &str| pattern.is_match(run.as_bytes());
        self.undeclared.is_some() && self.all_forms().any(|form| any_wide_run(form, is_met_by))
    }

    fn converted(self) -> Option<&'a [u8]> {
        self.undeclared?.converted.as_deref()
    }

    fn original(self) -> Option<&'a OriginalText> {
        self.undeclared?.original.as_ref()
    }

    /// Returns the forms in which a search is certain: the body, followed by its converted form, if there is one.
    fn forms(self) -> impl Iterator<Item = &'a [u8]> {
        std::iter::once(self.raw).chain(self.converted())
    }

    fn visible_forms(self) -> impl Iterator<Item = Vec<u8>> {
        self.forms().filter_map(visible_text::visible)
    }

    fn all_forms(self) -> impl Iterator<Item = &'a [u8]> {
        self.forms().chain(self.original().map(|original| original.bytes.as_slice()))
    }

    /// Returns the forms that can be in another charset, unless invalid characters show that the charset is unknown. Text
    /// in a charset with several bytes per character contains the bytes of other such charsets by chance.
    fn legacy_forms(self) -> impl Iterator<Item = &'a [u8]> {
        let original = self.original().filter(|original| original.encoding.is_single_byte());
        let has_characters = std::str::from_utf8(self.text()).is_ok();
        let forms = self.forms().chain(original.map(|original| original.bytes.as_slice()));
        forms.filter(move |_| has_characters)
    }

    fn forms_for(self, pattern: &Regex) -> impl Iterator<Item = &'a [u8]> {
        let is_about_bytes = is_about_bytes(pattern);
        let converted = self.converted().filter(|_| !is_about_bytes);
        let original = self.original().filter(|_| is_about_bytes).map(|original| original.bytes.as_slice());
        std::iter::once(self.raw).chain(converted).chain(original)
    }
}

impl OriginalText {
    /// Returns whether the text matches a pattern without being converted. In UTF-16, only text between null bytes that
    /// is not a single character can be in another charset.
    fn is_match(&self, pattern: &Regex) -> bool {
        /// The number of bytes of the shortest such text.
        const SHORTEST: usize = 3;
        if self.encoding.is_ascii_compatible() {
            return pattern.is_match(&self.bytes);
        }
        let mut parts = self.bytes.split(|byte| *byte == 0);
        parts.any(|part| part.len() >= SHORTEST && pattern.is_match(part))
    }
}

/// Returns whether a pattern matches bytes instead of characters: whether it disables the flag `u` anywhere.
#[must_use]
pub fn is_about_bytes(pattern: &Regex) -> bool {
    let mut rest = pattern.as_str();
    while let Some(at) = rest.find(['\\', '(']) {
        let after = &rest[at..];
        if let Some(flags) = after.strip_prefix("(?") {
            let end = flags.find(|flag: char| flag != '-' && !flag.is_ascii_alphabetic()).unwrap_or(flags.len());
            if flags[..end].split_once('-').is_some_and(|(_, disabled)| disabled.contains('u')) {
                return true;
            }
        }
        // The character after a backslash has no other meaning.
        let is_escape = after.starts_with('\\');
        rest = after.char_indices().nth(if is_escape { 2 } else { 1 }).map_or("", |(next, _)| &after[next..]);
    }
    false
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

#[cfg(test)]
mod tests {
    use encoding_rs::{GB18030, UTF_16LE, WINDOWS_1252};

    use crate::checks::body_text::*;

    #[test]
    fn plain_text_is_never_taken_for_a_wide_spelling() {
        let undeclared = UndeclaredText::default();
        for (body, text) in [("Fatal", "慆"), ("é", "쎩"), ("é", "꧃")] {
            let body = BodyText::new(body.as_bytes(), Some(&undeclared));
            assert_eq!(body.find(text), Found::No, "{text}");
        }
        assert_eq!(BodyText::new(b"5\x002\0Fatal\0", Some(&undeclared)).find("慆"), Found::Unclear(WIDE_PART));
    }

    #[test]
    fn patterns_for_bytes_disable_the_unicode_flag() {
        for (pattern, expected) in [
            (r"(?-u)Fatal", true),
            (r"^Fatal(?-u:\xf6)", true),
            (r"(?i-u)fatal", true),
            (r"(?s-iu)fatal", true),
            (r"\\(?-u)Fatal", true),
            (r"usage: \(?-u", false),
            (r"(?i)fatal", false),
            (r"(?u-i)fatal", false),
            (r"(?P<u>-u)", false),
            (r"(?-i)u", false),
            (r"(x?-u)", false),
        ] {
            let pattern = Regex::new(pattern).unwrap_or_else(|_| panic!("{pattern}"));
            assert_eq!(is_about_bytes(&pattern), expected, "{pattern}");
        }
    }

    #[test]
    fn a_declared_charset_can_be_wrong() {
        let unclear = |reason| Found::Unclear(reason);
        let utf_16 = |text: &str| text.encode_utf16().flat_map(u16::to_le_bytes).collect::<Vec<u8>>();
        let (gbk, ..) = GB18030.encode("错误");
        for (bytes, encoding, text, expected) in [
            (b"Fatal error".to_vec(), UTF_16LE, "Fatal", unclear(UNCONVERTED)),
            ([utf_16("ok\r\n"), b"Fatal error".to_vec()].concat(), UTF_16LE, "Fatal", unclear(UNCONVERTED)),
            ([utf_16("ok\r\n"), b"Fatal error".to_vec()].concat(), UTF_16LE, "error", unclear(UNCONVERTED)),
            (utf_16("all is ok"), UTF_16LE, "Fatal", Found::No),
            (utf_16("Fatal"), UTF_16LE, "Fatal", Found::Yes),
            ([b"\n".to_vec(), utf_16("Fatal")].concat(), UTF_16LE, "Fatal", unclear(WIDE_PART)),
            ([b"ok\n".to_vec(), utf_16("Fatal")].concat(), WINDOWS_1252, "Fatal", unclear(WIDE_PART)),
            (b"St\xf6rung".to_vec(), WINDOWS_1252, "Fatal", Found::No),
            (b"St\xf6rung".to_vec(), WINDOWS_1252, "Störung", Found::Yes),
            ("Störung".into(), WINDOWS_1252, "Störung", unclear(UNCONVERTED)),
            ([b"<p>", &*gbk].concat(), WINDOWS_1252, "错误", unclear(LEGACY)),
            ([b"<p>", &*gbk].concat(), GB18030, "错误", Found::Yes),
            ([b"<p>", &*gbk].concat(), GB18030, "故障", Found::No),
        ] {
            let (converted, _) = encoding.decode_without_bom_handling(&bytes);
            let converted = converted.into_owned();
            let original = Some(OriginalText { bytes: bytes.clone(), encoding });
            let undeclared = UndeclaredText { original, ..UndeclaredText::default() };
            let body = BodyText::new(converted.as_bytes(), Some(&undeclared));
            assert_eq!(body.find(text), expected, "{text} {bytes:?}");
            assert_eq!(body.find_match(&Regex::new(text).expect("a pattern")), expected, "{text} {bytes:?}");
        }
    }

    #[test]
    fn escape_sequences_and_invisible_characters_do_not_hide_text() {
        for (body, text, string, pattern) in [
            ("\x1b[31mERROR\x1b[0m: disk", "ERROR: disk", Found::Yes, Found::Unclear(VISIBLE)),
            ("x\x1b[31mERROR", "^xERR", Found::No, Found::Unclear(VISIBLE)),
            ("\x1b[31mERROR", "^ERROR", Found::No, Found::Unclear(VISIBLE)),
            ("\x1b[32mOK\x1b[0m", "ERROR", Found::No, Found::No),
            ("Fa\u{ad}tal\u{a0}error", "Fatal error", Found::Yes, Found::Unclear(VISIBLE)),
            ("FAILED\0", "^FAILED$", Found::No, Found::Unclear(VISIBLE)),
        ] {
            let body = BodyText::new(body.as_bytes(), None);
            assert_eq!(body.find(text), string, "{text}");
            assert_eq!(body.find_match(&Regex::new(text).expect("a pattern")), pattern, "{text}");
        }
    }
}

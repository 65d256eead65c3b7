//! Searches texts. The charset of a text can be undeclared or declared wrongly, and terminals hide parts of it, so it
//! is read in several ways.

use std::borrow::Cow;

use encoding_rs::Encoding;
use memchr::{memchr, memmem};

use super::text_pattern::TextPattern;
use super::visible_text::{Spaces, visible};
use super::wide_runs::any_wide_run;
use super::{json_escapes, legacy_text};

/// The reason why a match is not certain if a pattern matches only what terminals show.
const VISIBLE: &str = "its text does without escape sequences and invisible characters";
/// The reason if a pattern matches only without the whitespace around the text.
const TRIMMED: &str = "its text does without the whitespace around it";
/// The reason if a text occurs only before its conversion from the declared charset.
const UNCONVERTED: &str = "its bytes do, before they are converted from the declared charset";
/// The reason if a text occurs in UTF-16 or UTF-32, but not all of the body is UTF-16.
const WIDE_PART: &str = "a part that seems to be UTF-16 or UTF-32 does";
/// The reason if a text occurs only if the body is read in a legacy charset.
const LEGACY: &str = "its bytes do in another charset";
/// The reason if a text occurs only in decoded JSON strings.
const ESCAPED: &str = "its text does if escapes such as `\\u00f6` are decoded";

/// Facts about a text that determine how it is read.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TextFacts {
    /// The text in UTF-8 without a byte order mark, if it is UTF-16 or starts with a mark.
    pub converted: Option<Vec<u8>>,
    /// The format, such as `gzip`, if the text starts with compressed data.
    pub compression: Option<&'static str>,
    /// The text before its conversion from a declared charset, which can be wrong.
    pub original: Option<OriginalText>,
    /// Whether the text is declared as UTF-8, so that it is not read in other charsets.
    pub is_utf_8: bool,
}

/// Text in the charset that a response declares.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OriginalText {
    pub bytes: Vec<u8>,
    pub encoding: &'static Encoding,
}

/// A text that can be read in several ways.
#[derive(Debug, Clone, Copy)]
pub struct BodyText<'a> {
    raw: &'a [u8],
    facts: Option<&'a TextFacts>,
}

/// The target of a search: a string or a match.
#[derive(Debug, Clone, Copy)]
pub enum Wanted<'w> {
    Text(&'w str),
    Match(&'w TextPattern),
}

/// One way to read a text.
#[derive(Debug, Clone)]
pub struct Reading<'a> {
    pub text: Cow<'a, [u8]>,
    /// Whether this is only what terminals show.
    pub is_visible: bool,
    /// Why this reading can be wrong, or `None` if it is certain.
    pub doubt: Option<&'static str>,
}

/// The result of a search.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Found {
    Yes,
    No,
    /// The text may contain what was searched for, for this reason.
    Unclear(&'static str),
}

impl<'a> BodyText<'a> {
    #[must_use]
    pub fn new(raw: &'a [u8], facts: Option<&'a TextFacts>) -> BodyText<'a> {
        BodyText { raw, facts }
    }

    /// Returns the text in UTF-8 if it was converted, and its bytes otherwise.
    #[must_use]
    pub fn text(self) -> &'a [u8] {
        self.converted().unwrap_or(self.raw)
    }

    /// Returns the format of a compressed text.
    #[must_use]
    pub fn compression(self) -> Option<&'static str> {
        self.facts?.compression
    }

    /// Returns the reason why a compressed text is unknown, as a clause about "it".
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

    /// Returns the ways to read all of the text. Strings are searched in what terminals show. A match of a pattern there
    /// is not certain, because a pattern can require that characters are absent.
    pub fn readings<'r>(self, wanted: Wanted<'r>) -> impl Iterator<Item = Reading<'r>>
    where
        'a: 'r,
    {
        let (is_about_bytes, original) =
            (wanted.is_about_bytes(), self.facts.and_then(|facts| facts.original.as_ref()));
        let plain = std::iter::once(self.raw).chain(self.converted().filter(|_| !is_about_bytes));
        let shown = plain.clone().filter(move |_| !is_about_bytes).filter_map(move |text| wanted.visible(text));
        let visible_doubt = wanted.pattern().map(|_| VISIBLE);
        let unconverted_doubt = Some(UNCONVERTED).filter(|_| !is_about_bytes);
        let unconverted = original.into_iter().flat_map(move |original| original.parts(is_about_bytes));
        let plain = plain.map(|text| Reading { text: text.into(), is_visible: false, doubt: None });
        let shown = shown.map(move |text| Reading { text: text.into(), is_visible: true, doubt: visible_doubt });
        let unconverted =
            unconverted.map(move |text| Reading { text: text.into(), is_visible: false, doubt: unconverted_doubt });
        plain.chain(shown).chain(unconverted).flat_map(move |reading| wanted.forms(reading))
    }

    /// Searches the text, also with its JSON escapes decoded.
    #[must_use]
    pub fn search(self, wanted: Wanted<'_>) -> Found {
        match self.search_written(wanted) {
            Found::No => self.escape_doubt(wanted).map_or(Found::No, Found::Unclear),
            found => found,
        }
    }

    /// Searches the text as written.
    #[must_use]
    pub fn search_written(self, wanted: Wanted<'_>) -> Found {
        let mut doubt = None;
        for reading in self.readings(wanted).filter(|reading| wanted.is_in(reading)) {
            let Some(reason) = reading.doubt else { return Found::Yes };
            doubt = doubt.or(Some(reason));
        }
        let doubt = self.why_unknown().or(doubt).or_else(|| self.charset_doubt(wanted));
        doubt.map_or(Found::No, Found::Unclear)
    }

    /// Returns whether a certain match ends before the end of the text, so that it remains a match if the text
    /// continues.
    #[must_use]
    pub fn has_final_match(self, pattern: &TextPattern) -> bool {
        let mut certain = self.readings(Wanted::Match(pattern)).filter(|reading| reading.doubt.is_none());
        certain.any(|reading| pattern.ends_before_end(&reading.text))
    }

    /// Searches for a string or a match in other charsets, also in parts of the text. Returns the reason why it is not
    /// certain.
    fn charset_doubt(self, wanted: Wanted<'_>) -> Option<&'static str> {
        if wanted.is_about_bytes() {
            return None;
        }
        let original = self.facts.and_then(|facts| facts.original.as_ref());
        let original_bytes = original.map(|original| original.bytes.as_slice());
        let mut sources = [Some(self.raw), self.converted(), original_bytes].into_iter().flatten();
        if sources.any(|bytes| wanted.is_in_wide_part(bytes)) {
            return Some(WIDE_PART);
        }
        // Text in a charset with several bytes per character contains the bytes of other such charsets by chance.
        // Invalid characters show that the charset is unknown.
        let legacy = match original {
            Some(original) => original_bytes.filter(|_| original.encoding.is_single_byte()),
            None => Some(self.raw).filter(|_| !self.has_known_charset()),
        };
        let is_legacy = |bytes: &[u8]| std::str::from_utf8(self.raw).is_ok() && wanted.is_in_legacy_charset(bytes);
        legacy.is_some_and(is_legacy).then_some(LEGACY)
    }

    /// Searches the text with its JSON escapes decoded. Returns the reason why a match is not certain.
    fn escape_doubt(self, wanted: Wanted<'_>) -> Option<&'static str> {
        if wanted.is_about_bytes() {
            return None;
        }
        let decoded = json_escapes::decoded(self.text())?;
        let is_found = BodyText::new(&decoded, None).readings(wanted).any(|reading| wanted.is_in(&reading));
        is_found.then_some(ESCAPED)
    }

    /// Returns whether the text is declared as UTF-8, or was converted to it.
    #[must_use]
    pub fn has_known_charset(self) -> bool {
        self.facts.is_some_and(|facts| facts.is_utf_8 || facts.converted.is_some() || facts.original.is_some())
    }

    fn converted(self) -> Option<&'a [u8]> {
        self.facts?.converted.as_deref()
    }
}

impl OriginalText {
    /// Returns the parts that can be in another charset than the declared one. In UTF-16, only text between null bytes
    /// that is not a single character can.
    fn parts(&self, is_about_bytes: bool) -> impl Iterator<Item = &[u8]> {
        /// The number of bytes of the shortest such text.
        const SHORTEST: usize = 3;
        let is_split = !is_about_bytes && !self.encoding.is_ascii_compatible();
        let parts = self.bytes.split(move |byte| is_split && *byte == 0);
        parts.filter(move |part| !is_split || part.len() >= SHORTEST)
    }
}

impl<'w> Wanted<'w> {
    /// Returns whether a reading contains the string or a match.
    #[must_use]
    pub fn is_in(self, reading: &Reading<'_>) -> bool {
        match self {
            Wanted::Text(text) => {
                let shown = if reading.is_visible { visible(text.as_bytes(), Spaces::All) } else { None };
                memmem::find(&reading.text, shown.as_deref().unwrap_or(text.as_bytes())).is_some()
            }
            Wanted::Match(pattern) => pattern.has_match(&reading.text),
        }
    }

    fn pattern(self) -> Option<&'w TextPattern> {
        match self {
            Wanted::Text(_) => None,
            Wanted::Match(pattern) => Some(pattern),
        }
    }

    fn is_about_bytes(self) -> bool {
        self.pattern().is_some_and(TextPattern::is_about_bytes)
    }

    /// Returns a reading in all forms in which anchors can match: with `\n` as the only line break, without a final
    /// line break, and without the whitespace around it.
    fn forms(self, reading: Reading<'_>) -> impl Iterator<Item = Reading<'_>> {
        let mut forms = Vec::new();
        if let Some(pattern) = self.pattern() {
            let (is_visible, doubt) = (reading.is_visible, reading.doubt);
            let mut add = |text: Option<Vec<u8>>, doubt| {
                forms.extend(text.map(|text| Reading { text: text.into(), is_visible, doubt }));
            };
            let lines = pattern.with_plain_lines(&reading.text);
            let text = lines.as_deref().unwrap_or(&reading.text);
            add(pattern.without_final_break(text).map(<[u8]>::to_vec), doubt);
            add(pattern.trimmed(text).map(<[u8]>::to_vec), doubt.or(Some(TRIMMED)));
            add(lines, doubt);
        }
        std::iter::once(reading).chain(forms)
    }

    /// Returns what terminals show of a text, unless nothing changes.
    fn visible(self, text: &[u8]) -> Option<Vec<u8>> {
        match self {
            Wanted::Match(_) => visible(text, Spaces::OutsideNumbers),
            Wanted::Text(wanted) => match visible(wanted.as_bytes(), Spaces::All) {
                // Every text would contain it.
                Some(wanted) if wanted.is_empty() => None,
                Some(_) => Some(visible(text, Spaces::All).unwrap_or_else(|| text.to_vec())),
                None => visible(text, Spaces::All),
            },
        }
    }

    /// Returns whether a part of the bytes that seems to be UTF-16 or UTF-32 contains the string or a match.
    fn is_in_wide_part(self, bytes: &[u8]) -> bool {
        let has_nulls = memchr(0, bytes).is_some();
        match self {
            // UTF-8 text can contain the bytes of a spelling by chance, unless they include the bytes of binary data.
            Wanted::Text(text) => wide_spellings(text).iter().any(|spelling| {
                let is_rare = has_nulls || spelling.iter().copied().any(is_binary);
                is_rare && memmem::find(bytes, spelling).is_some()
            }),
            Wanted::Match(pattern) => has_nulls && any_wide_run(bytes, |run| pattern.could_match(run.as_bytes())),
        }
    }

    fn is_in_legacy_charset(self, bytes: &[u8]) -> bool {
        match self {
            Wanted::Text(text) => legacy_text::contains(bytes, text),
            Wanted::Match(pattern) => legacy_text::is_match(bytes, pattern),
        }
    }
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

    fn find(text: BodyText<'_>, wanted: &str) -> Found {
        text.search(Wanted::Text(wanted))
    }

    fn find_match(text: BodyText<'_>, pattern: &str) -> Found {
        text.search(Wanted::Match(&TextPattern::parse(pattern).expect(pattern)))
    }

    #[test]
    fn plain_text_is_never_taken_for_a_wide_spelling() {
        let facts = TextFacts::default();
        for (body, text) in [("Fatal", "慆"), ("é", "쎩"), ("é", "꧃")] {
            let body = BodyText::new(body.as_bytes(), Some(&facts));
            assert_eq!(find(body, text), Found::No, "{text}");
        }
        assert_eq!(find(BodyText::new(b"5\x002\0Fatal\0", Some(&facts)), "慆"), Found::Unclear(WIDE_PART));
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
            let facts = TextFacts { original, ..TextFacts::default() };
            let body = BodyText::new(converted.as_bytes(), Some(&facts));
            assert_eq!(find(body, text), expected, "{text} {bytes:?}");
            assert_eq!(find_match(body, text), expected, "{text} {bytes:?}");
        }
    }

    #[test]
    fn anchors_match_around_final_whitespace() {
        for (body, pattern, expected) in [
            ("FAILED\n", "^FAILED$", Found::Yes),
            ("FAILED\r\n", "^FAILED$", Found::Yes),
            ("a\rFAILED\r", "(?m)^FAILED$", Found::Yes),
            ("FAILED\n\n", "^FAILED$", Found::Unclear(TRIMMED)),
            (" FAILED \n", "^FAILED$", Found::Unclear(TRIMMED)),
            ("\nFAILED", "^FAILED", Found::Unclear(TRIMMED)),
            ("FAILED\n", r"FAILED\z", Found::Unclear(TRIMMED)),
            ("\x1b[1mFAILED\n", "^FAILED$", Found::Unclear(VISIBLE)),
            ("F\0\0\0A\0\0\0I\0\0\0L\0\0\0\n\0\0\0", "^FAIL$", Found::Unclear(WIDE_PART)),
            ("FAILED\nOK\n", "^FAILED$", Found::No),
        ] {
            assert_eq!(find_match(BodyText::new(body.as_bytes(), None), pattern), expected, "{pattern} {body:?}");
        }
        let pattern = TextPattern::parse("^FAILED$").expect("a pattern");
        assert!(!BodyText::new(b"FAILED\n", None).has_final_match(&pattern), "the text can continue");
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
            ("\x1b[31mERROR\x1b[0m\r\nok", "(?m)^ERROR$", Found::No, Found::Unclear(VISIBLE)),
            // Spaces are spaces, but in a pattern not between the digits of a number.
            ("0\u{a0}12", r"\d \d", Found::No, Found::No),
            ("0\u{a0}12", "0 12", Found::Yes, Found::No),
            ("5\u{a0}€", r"5 €", Found::Yes, Found::Unclear(VISIBLE)),
            // The string to search for can contain invisible characters, too.
            ("Erreur : disque", "Erreur\u{a0}: d", Found::Yes, Found::No),
            ("\x1b[31m👩\u{200d}💻 down\x1b[0m: x", "👩\u{200d}💻 down: x", Found::Yes, Found::No),
            ("FAIL\u{fe0f}ED", "FAILED", Found::Yes, Found::Unclear(VISIBLE)),
            ("ok", "\u{200b}", Found::No, Found::No),
        ] {
            let body = BodyText::new(body.as_bytes(), None);
            assert_eq!(find(body, text), string, "{text}");
            assert_eq!(find_match(body, text), pattern, "{text}");
        }
    }

    #[test]
    fn escapes_in_json_do_not_hide_text() {
        for (body, text, expected) in [
            (r#"{"m":"St\u00f6rung"}"#, "Störung", Found::Unclear(ESCAPED)),
            (r#"{"m":"St\u00f6rung"}"#, r"u00f6", Found::Yes),
            (r#"{"m":"\u003cerror\u003e"}"#, "<error>", Found::Unclear(ESCAPED)),
            (r#"{"m":"https:\/\/x"}"#, "https://x", Found::Unclear(ESCAPED)),
            (r#"{"m":"\u001b[1mERR\u001b[0mOR"}"#, "ERROR", Found::Unclear(ESCAPED)),
            (r#"{"m":"St\u00f6rung"}"#, "Fatal", Found::No),
            (r"C:\temp", "C:\temp", Found::No),
        ] {
            assert_eq!(find(BodyText::new(body.as_bytes(), None), text), expected, "{text} {body}");
        }
        let lines = BodyText::new(br#"{"m":"a\nFATAL"}"#, None);
        assert!(matches!(find_match(lines, "(?m)^FATAL"), Found::Unclear(_)));
    }

    #[test]
    fn only_text_in_an_unknown_charset_is_read_in_legacy_charsets() {
        let declared = TextFacts { is_utf_8: true, ..TextFacts::default() };
        for (text, wanted, found) in [
            ("Größe", "Ã¶", Found::No),
            ("Größe", "Fatal", Found::No),
            ("A · B", "路", Found::Unclear(LEGACY)),
            ("STATE: \u{363}\u{5b9}", "停止", Found::Unclear(LEGACY)),
        ] {
            for (facts, expected) in [(None, found), (Some(&declared), Found::No)] {
                let body = BodyText::new(text.as_bytes(), facts);
                assert_eq!((find(body, wanted), find_match(body, wanted)), (expected, expected), "{text} {wanted}");
            }
        }
    }
}

//! Regular expressions for text whose lines can end with `\n`, `\r\n` or `\r`.

use std::fmt;

use memchr::memchr;
use regex::bytes::{Regex, RegexBuilder};

/// The size limit of a compiled regular expression, in bytes.
const SIZE_LIMIT: usize = 1 << 20;

/// A regular expression. In multi-line mode, `^` and `$` match at line breaks of every kind.
#[derive(Debug, Clone)]
pub struct TextPattern {
    regex: Regex,
    /// Whether it matches bytes instead of characters.
    is_about_bytes: bool,
    /// Whether `^` or `$` can match at line breaks.
    has_line_anchors: bool,
    /// Whether `$` can match only at the end of the text.
    has_end_anchor: bool,
}

impl TextPattern {
    /// Compiles an expression in which `^` and `$` match only at the start and the end of the text, unless it contains
    /// `(?m)`. An error is a complete clause.
    pub fn parse(pattern: &str) -> Result<TextPattern, String> {
        TextPattern::compile(pattern, false)
    }

    /// Compiles an expression in which `^` and `$` also match at line breaks.
    pub fn parse_multi_line(pattern: &str) -> Result<TextPattern, String> {
        TextPattern::compile(pattern, true)
    }

    fn compile(pattern: &str, is_multi_line: bool) -> Result<TextPattern, String> {
        let regex = RegexBuilder::new(pattern).size_limit(SIZE_LIMIT).multi_line(is_multi_line).build();
        let regex = regex.map_err(|error| {
            let error = error.to_string();
            // The library's message has several lines. The last line describes the mistake.
            let reason = error.lines().last().unwrap_or_default().trim_start_matches("error: ");
            format!("invalid regular expression `{pattern}`: {reason}")
        })?;
        let has_line_anchors = pattern.contains(['^', '$']) && (is_multi_line || pattern.contains("(?"));
        let has_end_anchor = pattern.contains('$') && !is_multi_line;
        let is_about_bytes = is_about_bytes(pattern);
        Ok(TextPattern { regex, is_about_bytes, has_line_anchors, has_end_anchor })
    }

    /// Returns the expression as written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        self.regex.as_str()
    }

    /// Returns whether the pattern matches bytes instead of characters: whether it disables the flag `u` anywhere.
    #[must_use]
    pub fn is_about_bytes(&self) -> bool {
        self.is_about_bytes
    }

    /// Returns whether this text has a match, without its form from [`TextPattern::with_plain_lines`].
    #[must_use]
    pub fn has_match(&self, text: &[u8]) -> bool {
        self.regex.is_match(text)
    }

    /// Returns whether this text has a match that ends before the end of the text.
    #[must_use]
    pub fn ends_before_end(&self, text: &[u8]) -> bool {
        self.regex.shortest_match(text).is_some_and(|end| end < text.len())
    }

    /// Returns the text with `\n` as the only line break, in which `^` and `$` can match at more positions. Returns
    /// `None` if nothing changes.
    #[must_use]
    pub fn with_plain_lines(&self, text: &[u8]) -> Option<Vec<u8>> {
        if !self.has_line_anchors {
            return None;
        }
        let mut rest = text;
        let mut plain = Vec::new();
        while let Some(at) = memchr(b'\r', rest) {
            plain.extend_from_slice(&rest[..at]);
            plain.push(b'\n');
            rest = &rest[at + line_break_length(&rest[at..])..];
        }
        plain.extend_from_slice(rest);
        (rest.len() < text.len()).then_some(plain)
    }

    /// Returns the text without its final line break, before which `$` also matches. Returns `None` if nothing changes.
    #[must_use]
    pub fn without_final_break<'t>(&self, text: &'t [u8]) -> Option<&'t [u8]> {
        let before = |line_break: &[u8]| text.strip_suffix(line_break);
        before(b"\r\n").or_else(|| before(b"\n")).or_else(|| before(b"\r")).filter(|_| self.has_end_anchor)
    }

    /// Returns the text without leading and trailing whitespace, which `==` ignores, if the pattern has an anchor.
    /// Returns `None` if nothing changes.
    #[must_use]
    pub fn trimmed<'t>(&self, text: &'t [u8]) -> Option<&'t [u8]> {
        let has_anchors = ["^", "$", r"\A", r"\z"].iter().any(|anchor| self.as_str().contains(anchor));
        Some(text.trim_ascii()).filter(|trimmed| has_anchors && trimmed.len() < text.len())
    }

    /// Returns whether the text has a match, possibly only without leading and trailing whitespace.
    #[must_use]
    pub fn could_match(&self, text: &[u8]) -> bool {
        self.is_match(text) || self.trimmed(text).is_some_and(|trimmed| self.is_match(trimmed))
    }

    /// Returns whether the text has a match, with line breaks of every kind.
    #[must_use]
    pub fn is_match(&self, text: &[u8]) -> bool {
        self.find_end(text).is_some()
    }

    /// Returns the end of the first match, with line breaks of every kind.
    #[must_use]
    pub fn find_end(&self, text: &[u8]) -> Option<usize> {
        let end = |text: &[u8]| self.regex.find(text).map(|found| found.end());
        end(text).or_else(|| {
            let plain_end = end(&self.with_plain_lines(text)?)?;
            Some((0..plain_end).fold(0, |end, _| end + line_break_length(&text[end..])))
        })
    }
}

/// Returns the length of the line break at the start of the text, or 1 for any other byte.
fn line_break_length(text: &[u8]) -> usize {
    if text.starts_with(b"\r\n") { 2 } else { 1 }
}

/// Returns whether a pattern disables the flag `u` anywhere.
fn is_about_bytes(pattern: &str) -> bool {
    let mut rest = pattern;
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

impl fmt::Display for TextPattern {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use crate::checks::text_pattern::*;

    #[test]
    fn lines_can_end_in_every_way() {
        for (pattern, text, is_match) in [
            ("(?m)^Fatal$", "ok\nFatal\n", true),
            ("(?m)^Fatal$", "ok\r\nFatal\r\n", true),
            ("(?m)^ERROR", "50%\rERROR\n", true),
            ("(?m)50%$", "50%\rERROR\n", true),
            ("(?m)^$", "ok\r\nFatal\r\n", true),
            ("(?m)^x$", "ok\r\nFatal\r\n", false),
            ("^Fatal", "ok\r\nFatal\r\n", false),
            // A dot matches everything except `\n`, as in other programs.
            (r"Fatal.*\n", "Fatal error\r\n", true),
            (r"(?m)^Fatal.*\n", "ok\r\nFatal error\r\n", true),
            ("(?m)^50%.*ERROR$", "50%\rERROR\n", true),
            (r"(?m)^ERROR.*\n", "50%\rERROR x\r\nnext", true),
            (r"(?m)^ERROR.+\nnext$", "50%\rERROR x\r\nnext\r\n", true),
            (r"\r\nnext", "ERROR x\r\nnext", true),
            ("a(?:b|c)$", "ab", true),
        ] {
            let compiled = TextPattern::parse(pattern).expect(pattern);
            assert_eq!(compiled.is_match(text.as_bytes()), is_match, "{pattern} {text:?}");
            assert_eq!(compiled.find_end(text.as_bytes()).is_some(), is_match, "{pattern} {text:?}");
        }
        let banner = TextPattern::parse_multi_line("^220 ready$").expect("a pattern");
        assert_eq!(banner.find_end(b"220-hello\r\n220 ready\r\n"), Some(20));
        assert_eq!(banner.to_string(), "^220 ready$");
    }

    #[test]
    fn the_end_of_a_text_can_be_a_line_break() {
        for (pattern, text, without_break, trimmed) in [
            ("^OK$", "OK\n", Some("OK"), Some("OK")),
            ("^OK$", "OK\r\n", Some("OK"), Some("OK")),
            ("^OK$", "OK\r", Some("OK"), Some("OK")),
            ("^OK$", " OK\n\n", Some(" OK\n"), Some("OK")),
            ("^OK$", "OK", None, None),
            ("^OK", "OK\n", None, Some("OK")),
            (r"OK\z", "OK \n", None, Some("OK")),
            (r"\AOK", "\nOK", None, Some("OK")),
            ("OK", "OK\n", None, None),
        ] {
            let compiled = TextPattern::parse(pattern).expect(pattern);
            let bytes = text.as_bytes();
            assert_eq!(compiled.without_final_break(bytes), without_break.map(str::as_bytes), "{pattern} {text:?}");
            assert_eq!(compiled.trimmed(bytes), trimmed.map(str::as_bytes), "{pattern} {text:?}");
        }
        let line = TextPattern::parse_multi_line("^OK$").expect("a pattern");
        assert_eq!(line.without_final_break(b"OK\n"), None, "it matches anyway");
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
            let compiled = TextPattern::parse(pattern).expect(pattern);
            assert_eq!(compiled.is_about_bytes(), expected, "{pattern}");
        }
    }

    #[test]
    fn an_invalid_pattern_is_rejected_with_a_reason() {
        let error = TextPattern::parse("(?m)^(").expect_err("it is invalid");
        assert_eq!(error, "invalid regular expression `(?m)^(`: unclosed group");
    }
}

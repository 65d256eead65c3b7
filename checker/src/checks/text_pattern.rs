//! Regular expressions for text whose lines can end with `\n`, `\r\n` or `\r`.

use std::fmt;

use regex::bytes::{Regex, RegexBuilder};

/// The size limit of a compiled regular expression, in bytes.
const SIZE_LIMIT: usize = 1 << 20;

/// A regular expression. In multi-line mode, `^` and `$` match at line breaks of every kind.
#[derive(Debug, Clone)]
pub struct TextPattern {
    regex: Regex,
    /// The same expression with `\r` as a line break, if that can lead to more matches. It does not replace the first
    /// one, because its `.` does not match `\r`, so that `error.*\n` would not match `error\r\n`.
    crlf: Option<Regex>,
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
        let build = |is_crlf| {
            let mut builder = RegexBuilder::new(pattern);
            builder.size_limit(SIZE_LIMIT).multi_line(is_multi_line).crlf(is_crlf).build()
        };
        let regex = build(false).map_err(|error| {
            let error = error.to_string();
            // The library's message has several lines. The last line describes the mistake.
            let reason = error.lines().last().unwrap_or_default().trim_start_matches("error: ");
            format!("invalid regular expression `{pattern}`: {reason}")
        })?;
        let has_line_anchors = pattern.contains(['^', '$']) && (is_multi_line || pattern.contains("(?"));
        // It has the same syntax, so it fails only if it is slightly too large.
        let crlf = if has_line_anchors { build(true).ok() } else { None };
        Ok(TextPattern { regex, crlf })
    }

    /// Returns the expression as written.
    #[must_use]
    pub fn regex(&self) -> &Regex {
        &self.regex
    }

    /// Returns the expressions of which one must match.
    pub fn alternatives(&self) -> impl Iterator<Item = &Regex> {
        std::iter::once(&self.regex).chain(&self.crlf)
    }

    #[must_use]
    pub fn is_match(&self, text: &[u8]) -> bool {
        self.alternatives().any(|regex| regex.is_match(text))
    }

    /// Returns the end of the first match.
    #[must_use]
    pub fn find_end(&self, text: &[u8]) -> Option<usize> {
        self.alternatives().find_map(|regex| regex.find(text)).map(|found| found.end())
    }
}

impl fmt::Display for TextPattern {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.regex.as_str())
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
    fn an_invalid_pattern_is_rejected_with_a_reason() {
        let error = TextPattern::parse("(?m)^(").expect_err("it is invalid");
        assert_eq!(error, "invalid regular expression `(?m)^(`: unclosed group");
    }
}

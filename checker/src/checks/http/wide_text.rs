//! Recognizes UTF-16 and UTF-32 without a byte order mark by their null bytes. A search of such text for ASCII strings
//! would find nothing.

use encoding_rs::{Encoding, UTF_16BE, UTF_16LE};
use memchr::memchr_iter;

/// A charset whose ASCII characters contain null bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::checks) enum WideCharset {
    Utf16(&'static Encoding),
    /// UTF-32, which no browser supports.
    Utf32,
}

impl WideCharset {
    pub(super) fn name(self) -> &'static str {
        match self {
            WideCharset::Utf16(encoding) if encoding == UTF_16BE => "utf-16be",
            WideCharset::Utf16(_) => "utf-16le",
            WideCharset::Utf32 => "utf-32",
        }
    }
}

/// Recognizes text by the null bytes of its first two characters, which are ASCII in JSON and markup (RFC 4627, section
/// 3).
pub(super) fn by_start(body: &[u8]) -> Option<WideCharset> {
    match body {
        [1..=127, 0] | [1..=127, 0, 1..=127, 0, ..] => Some(WideCharset::Utf16(UTF_16LE)),
        [0, 1..=127] | [0, 1..=127, 0, 1..=127, ..] => Some(WideCharset::Utf16(UTF_16BE)),
        [1..=127, 0, 0, 0]
        | [1..=127, 0, 0, 0, 1..=127, 0, 0, 0, ..]
        | [0, 0, 0, 1..=127]
        | [0, 0, 0, 1..=127, 0, 0, 0, 1..=127, ..] => Some(WideCharset::Utf32),
        _ => None,
    }
}

/// Recognizes text that starts with other characters. The entire body must be text in the charset.
pub(in crate::checks) fn by_content(body: &[u8]) -> Option<WideCharset> {
    let ascii_16 = |read: fn([u8; 2]) -> u16| {
        let units = body.chunks_exact(2).filter_map(|unit| unit.try_into().ok()).map(read);
        count_ascii(char::decode_utf16(units).map(Result::ok))
    };
    let ascii_32 = |read: fn([u8; 4]) -> u32| {
        let units = body.chunks_exact(4).filter_map(|unit| unit.try_into().ok()).map(read);
        count_ascii(units.map(char::from_u32))
    };
    if ascii_32(u32::from_le_bytes).max(ascii_32(u32::from_be_bytes)) > Some(0) {
        return Some(WideCharset::Utf32);
    }
    // Many texts are valid in both byte orders, but with the wrong one, they contain no spaces and no digits.
    let (little, big) = (ascii_16(u16::from_le_bytes), ascii_16(u16::from_be_bytes));
    let encoding = if little >= big { UTF_16LE } else { UTF_16BE };
    (little.max(big) > Some(0)).then_some(WideCharset::Utf16(encoding))
}

/// Returns the number of ASCII characters, or `None` if a character is invalid or a control character other than white
/// space.
fn count_ascii(characters: impl Iterator<Item = Option<char>>) -> Option<usize> {
    let is_printable = |character: char| {
        matches!(character, '\t' | '\n' | '\x0c' | '\r' | '\x1b')
            || !(character.is_control() || u32::from(character) & 0xfffe == 0xfffe)
    };
    let mut count = 0;
    for character in characters {
        count += usize::from(character.filter(|character| is_printable(*character))?.is_ascii());
    }
    Some(count)
}

/// Returns whether null bytes can separate the characters of a word, as in UTF-16 and UTF-32. Null bytes at the end, or
/// between long strings, do not hide text.
pub(super) fn has_separated_characters(body: &[u8]) -> bool {
    let is_null = |at: usize| body.get(at) == Some(&0);
    let is_other = |at: usize| body.get(at).is_some_and(|byte| *byte != 0);
    memchr_iter(0, body).any(|at| {
        let is_utf_16 = at > 0 && is_other(at - 1) && is_other(at + 1) && is_null(at + 2) && is_other(at + 3);
        let is_utf_32 = at > 0 && is_other(at - 1) && is_null(at + 1) && is_null(at + 2) && is_other(at + 3);
        is_utf_16 || is_utf_32
    })
}

#[cfg(test)]
mod tests {
    use crate::checks::http::wide_text::*;

    fn utf_16(text: &str, write: fn(u16) -> [u8; 2]) -> Vec<u8> {
        text.encode_utf16().flat_map(write).collect()
    }

    fn utf_32(text: &str, write: fn(u32) -> [u8; 4]) -> Vec<u8> {
        text.chars().flat_map(|character| write(character.into())).collect()
    }

    #[test]
    fn wide_text_is_recognized_without_a_mark() {
        for text in ["{}", "\"€\"", "ok", "Ошибка: 500, и ещё", "障害 500 \r\n<p>", "\t😀 emoji"] {
            for (body, expected) in [
                (utf_16(text, u16::to_le_bytes), WideCharset::Utf16(UTF_16LE)),
                (utf_16(text, u16::to_be_bytes), WideCharset::Utf16(UTF_16BE)),
                (utf_32(text, u32::to_le_bytes), WideCharset::Utf32),
                (utf_32(text, u32::to_be_bytes), WideCharset::Utf32),
            ] {
                let recognized = by_start(&body).or_else(|| by_content(&body));
                assert_eq!(recognized, Some(expected), "{text} {body:?}");
            }
        }
    }

    #[test]
    fn only_null_bytes_between_characters_hide_words() {
        for hidden in [&b"xxE\0r\0r\0o\0r\0"[..], b"xx\0E\0r\0r\0o\0r", b"E\0\0\0r\0\0\0", b"\0\0\0E\0\0\0r"] {
            assert!(has_separated_characters(hidden), "{hidden:?}");
        }
        for visible in [&b"OK\0"[..], b"OK\0\0\0\0", b"OK\0fine\0done\0", b"", b"OK", b"\0\0\0\0", b"a\0\0\0\0b"] {
            assert!(!has_separated_characters(visible), "{visible:?}");
        }
    }
}

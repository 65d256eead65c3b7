//! Recognizes UTF-16 and UTF-32 without a byte order mark by their null bytes. A search of such text for ASCII strings
//! would find nothing.

use encoding_rs::{Encoding, UTF_16BE, UTF_16LE};
use memchr::memchr;

use crate::checks::body_text::is_binary;

/// Returns the byte order if all of a text is UTF-16. It must contain ASCII characters in only one of the byte orders,
/// and neither control characters nor longer fields that null bytes separate. Its last character can be incomplete.
pub(super) fn byte_order(text: &[u8]) -> Option<&'static Encoding> {
    if text.len() % 2 == 1 || memchr(0, text).is_none() || is_utf_32(text) {
        return None;
    }
    let little = WideReading::new(text, u16::from_le_bytes).unwrap_or_default();
    let big = WideReading::new(text, u16::from_be_bytes).unwrap_or_default();
    let has_clear_order = |one: &WideReading, other: &WideReading| match (one.distinct, other.distinct) {
        (0, 0) => one.ascii > 0 && other.ascii == 0,
        (one, other) => one > 0 && other == 0,
    };
    let is_clear = |one: &WideReading, other: &WideReading| !one.has_controls && has_clear_order(one, other);
    let (encoding, reading) = if is_clear(&little, &big) {
        (UTF_16LE, little)
    } else if is_clear(&big, &little) {
        (UTF_16BE, big)
    } else {
        return None;
    };
    (!has_long_fields(text) || reading.is_plausible()).then_some(encoding)
}

/// Returns whether all of a text is UTF-32 and contains ASCII characters.
pub(super) fn is_utf_32(text: &[u8]) -> bool {
    let has_ascii = |read: fn([u8; 4]) -> u32| {
        let units = text.chunks_exact(4).filter_map(|unit| unit.try_into().ok()).map(read);
        let mut has_ascii = false;
        for character in units.map(char::from_u32) {
            let Some(character) = character.filter(|character| is_printable(*character)) else { return false };
            has_ascii |= character.is_ascii();
        }
        has_ascii
    };
    has_ascii(u32::from_le_bytes) || has_ascii(u32::from_be_bytes)
}

/// The number of characters of each kind in a text that is read as UTF-16.
#[derive(Debug, Default)]
struct WideReading {
    /// Whether control characters other than white space occur.
    has_controls: bool,
    ascii: usize,
    /// The ASCII characters that are rare characters in the other byte order.
    distinct: usize,
    /// White space, brackets and quotes.
    separators: usize,
    latin: usize,
    symbols: usize,
    others: usize,
}

impl WideReading {
    /// Counts the characters. Returns `None` if one of them is invalid.
    fn new(text: &[u8], read: fn([u8; 2]) -> u16) -> Option<WideReading> {
        let units = text.chunks_exact(2).filter_map(|unit| unit.try_into().ok()).map(read);
        let is_cut = text.last_chunk().is_some_and(|last| (0xd800..0xdc00).contains(&read(*last)));
        let mut reading = WideReading::default();
        for character in char::decode_utf16(units.take(text.len() / 2 - usize::from(is_cut))) {
            reading.count(character.ok()?);
        }
        Some(reading)
    }

    fn count(&mut self, character: char) {
        self.has_controls |= !is_printable(character);
        self.ascii += usize::from(character.is_ascii());
        // In the other byte order, these are the frequent characters `─`, `☀`, `　` and `一`.
        self.distinct += usize::from(character.is_ascii() && !"%&0N".contains(character));
        self.separators += usize::from(" \t\r\n{}[]<>\"".contains(character));
        *match character {
            ..='\u{ff}' => &mut self.latin,
            character if is_symbol(character) => &mut self.symbols,
            _ => &mut self.others,
        } += 1;
    }

    /// Returns whether this is Latin text with other characters or symbols. In fields that null bytes separate, two
    /// bytes are rarely a symbol, and single spaces, line breaks or brackets are rare.
    fn is_plausible(&self) -> bool {
        (self.others == 0 && self.latin >= 2 * self.symbols) || (self.separators > 0 && self.latin >= 2 * self.others)
    }
}

fn is_printable(character: char) -> bool {
    matches!(character, '\t' | '\n' | '\x0c' | '\r' | '\x1b')
        || !(character.is_control() || character == '\u{feff}' || u32::from(character) & 0xfffe == 0xfffe)
}

/// Returns whether this is punctuation, a currency sign, an arrow, a line of a box, a similar symbol, or an emoji.
fn is_symbol(character: char) -> bool {
    matches!(
        character,
        '\u{2010}'..='\u{2027}' | '\u{2030}'..='\u{205e}' | '\u{20a0}'..='\u{20cf}' | '\u{2100}'..='\u{23ff}'
            | '\u{2460}'..='\u{28ff}' | '\u{2b00}'..='\u{2bff}' | '\u{fe0f}' | '\u{10000}'..
    )
}

/// Returns whether this can be text in an ASCII-compatible charset whose fields are separated by null bytes, and any of
/// the fields is longer than one byte, unlike in UTF-16.
fn has_long_fields(text: &[u8]) -> bool {
    let is_printable = |byte: &u8| *byte == 0 || !is_binary(*byte);
    text.iter().all(is_printable) && text.split(|byte| *byte == 0).any(|field| field.len() > 1)
}

#[cfg(test)]
mod tests {
    use crate::checks::wide_text::*;

    fn utf_16(text: &str, write: fn(u16) -> [u8; 2]) -> Vec<u8> {
        text.encode_utf16().flat_map(write).collect()
    }

    fn utf_32(text: &str, write: fn(u32) -> [u8; 4]) -> Vec<u8> {
        text.chars().flat_map(|character| write(character.into())).collect()
    }

    #[test]
    fn wide_text_is_recognized_without_a_mark() {
        for text in [
            "{}",
            "ok",
            "0",
            "{\"a\":\"€\"}",
            "{\"a\":\"障害\"}",
            "Störung 障害 500",
            "ok │ 障害\r\n",
            "Ошибка: 500, и ещё",
            "ok ─\r\n",
            "┌────────┬────────┐\r\n│ name ok │\r\n",
            "• item\r\n",
            "… done",
            "5 € → 6 ™ ✓ █",
            "done 😀\n",
            "😀😀😀 ok\n",
            "⠋ loading",
        ] {
            for (write, encoding) in [(u16::to_le_bytes as fn(u16) -> [u8; 2], UTF_16LE), (u16::to_be_bytes, UTF_16BE)]
            {
                assert_eq!(byte_order(&utf_16(text, write)), Some(encoding), "{text} {}", encoding.name());
            }
            for write in [u32::to_le_bytes, u32::to_be_bytes] {
                let text = utf_32(text, write);
                assert_eq!((is_utf_32(&text), byte_order(&text)), (true, None), "{text:?}");
            }
        }
        let cut = utf_16("ok 😀", u16::to_le_bytes);
        assert_eq!(byte_order(&cut[..cut.len() - 2]), Some(UTF_16LE));
    }

    #[test]
    fn other_data_is_not_taken_for_wide_text() {
        for other in [
            &b""[..],
            b"ok",
            b"OK\0",
            b"OK\0fine\0done\0!",
            b"./a\0./b\0",
            b"5\x002\0Fatal error\0",
            b"1 2\x003 4\0",
            b"1\x59\x57\x65\r\0\n\0",
            b"%\0%\0\0%",
            b"O\0K\0\0O\0K",
            b"O\0K\0\0\0",
            b"log\n\xff\xfeF\0a\0t\0a\0l\0\n\0",
            b"O\0K\0\x01\0",
            b"O\0K\0\0\xd8O\0",
        ] {
            assert_eq!((byte_order(other), is_utf_32(other)), (None, false), "{other:?}");
        }
    }
}

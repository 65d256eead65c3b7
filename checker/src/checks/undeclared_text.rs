//! Recognizes UTF-16 and compressed data in text whose charset or encoding is not declared, such as command output and
//! WebSocket messages.

use std::borrow::Cow;

use encoding_rs::{UTF_16BE, UTF_16LE};

use super::body_text::{TextFacts, is_binary};
use super::{compression, wide_text};

const UTF_8_MARK: &[u8] = b"\xef\xbb\xbf";
/// The replacement for invalid characters. It never occurs in valid UTF-8.
const INVALID: u8 = 0xff;

/// Examines data that consists of one or several parts, such as the output streams of a command. Returns `None` for
/// plain UTF-8.
#[must_use]
pub fn recognize(parts: &[&[u8]]) -> Option<Box<TextFacts>> {
    let compression = parts.iter().find_map(|part| compression::at_start(without_marks(part)));
    let is_plain = compression.is_none() && parts.iter().all(|part| is_plain(part));
    (!is_plain).then(|| Box::new(TextFacts { converted: convert(parts), compression, ..TextFacts::default() }))
}

/// Converts the parts that are UTF-16 to UTF-8, and removes byte order marks. Returns `None` if nothing changes.
fn convert(parts: &[&[u8]]) -> Option<Vec<u8>> {
    let converted: Vec<Option<Cow<'_, [u8]>>> = parts.iter().map(|part| convert_part(part)).collect();
    if converted.iter().all(Option::is_none) {
        return None;
    }
    let texts = converted.into_iter().zip(parts).map(|(text, part)| text.unwrap_or(Cow::Borrowed(part)));
    Some(texts.collect::<Vec<_>>().concat())
}

fn convert_part(part: &[u8]) -> Option<Cow<'_, [u8]>> {
    let text = without_marks(part);
    match utf_16_to_utf_8(text) {
        Some(converted) => Some(Cow::Owned(converted)),
        None => (text.len() < part.len()).then_some(Cow::Borrowed(text)),
    }
}

/// Converts text if it has a byte order mark or all of it is UTF-16.
fn utf_16_to_utf_8(text: &[u8]) -> Option<Vec<u8>> {
    let (encoding, units) = match text {
        // The byte order mark of UTF-32.
        [0xff, 0xfe, 0, 0, ..] => return None,
        [0xff, 0xfe, units @ ..] => (UTF_16LE, units),
        [0xfe, 0xff, units @ ..] => (UTF_16BE, units),
        _ => (wide_text::byte_order(text)?, text),
    };
    let read = if encoding == UTF_16LE { u16::from_le_bytes } else { u16::from_be_bytes };
    let (pairs, rest) = units.as_chunks();
    let mut converted = Vec::with_capacity(units.len());
    let mut buffer = [0; 4];
    for character in char::decode_utf16(pairs.iter().map(|pair| read(*pair))) {
        match character {
            Ok(character) => converted.extend_from_slice(character.encode_utf8(&mut buffer).as_bytes()),
            Err(_) => converted.push(INVALID),
        }
    }
    converted.extend(rest.iter().map(|_| INVALID));
    Some(without_marks(&converted).to_vec())
}

fn is_plain(text: &[u8]) -> bool {
    !text.starts_with(UTF_8_MARK) && !text.iter().copied().any(is_binary) && std::str::from_utf8(text).is_ok()
}

/// Removes UTF-8 byte order marks. Some programs write several.
pub(super) fn without_marks(mut text: &[u8]) -> &[u8] {
    while let Some(rest) = text.strip_prefix(UTF_8_MARK) {
        text = rest;
    }
    text
}

#[cfg(test)]
mod tests;

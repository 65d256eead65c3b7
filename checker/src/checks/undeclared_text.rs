//! Recognizes UTF-16 and compressed data in command output and WebSocket messages, which declare neither a charset nor
//! an encoding.

use std::borrow::Cow;

use encoding_rs::{Encoding, UTF_16BE, UTF_16LE};
use memchr::memchr;
use regex::bytes::Regex;

use super::body_text::{BodyText, Found, UndeclaredText, is_binary};
use super::http::compression;
use super::http::wide_text::{self, WideCharset};

const UTF_8_MARK: &[u8] = b"\xef\xbb\xbf";

/// Examines data that consists of one or several parts, such as the output streams of a command. Returns `None` for
/// plain UTF-8.
#[must_use]
pub fn recognize(parts: &[&[u8]]) -> Option<Box<UndeclaredText>> {
    let compression = parts.iter().find_map(|part| compression::at_start(without_marks(part)));
    let is_plain = compression.is_none() && parts.iter().all(|part| is_plain(part));
    (!is_plain).then(|| Box::new(UndeclaredText { converted: convert(parts), compression }))
}

/// Returns whether a pattern matches one message of a stream. Does not decompress the message, so that many small
/// messages cannot cause much work.
pub(super) fn is_match(message: &[u8], pattern: &Regex) -> bool {
    let is_met_by = |body: BodyText<'_>| body.find_match(pattern) == Found::Yes;
    let is_met_after_conversion = |text| {
        let undeclared = UndeclaredText { converted: Some(text), compression: None };
        is_met_by(BodyText::new(message, Some(&undeclared)))
    };
    is_met_by(BodyText::new(message, None)) || convert(&[message]).is_some_and(is_met_after_conversion)
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
        Some(converted) => Some(Cow::Owned(converted.into_bytes())),
        None => (text.len() < part.len()).then_some(Cow::Borrowed(text)),
    }
}

/// Converts text if all of it is UTF-16. Without a byte order mark, it must contain ASCII characters in only one of the
/// byte orders, and neither control characters nor longer fields that null bytes separate.
fn utf_16_to_utf_8(text: &[u8]) -> Option<String> {
    let (encoding, units) = match text {
        [0xff, 0xfe, units @ ..] if !units.is_empty() => (UTF_16LE, units),
        [0xfe, 0xff, units @ ..] if !units.is_empty() => (UTF_16BE, units),
        _ => (byte_order(text)?, text),
    };
    let converted = encoding.decode_without_bom_handling_and_without_replacement(units)?;
    (!converted.contains('\0')).then(|| converted.into_owned())
}

fn byte_order(text: &[u8]) -> Option<&'static Encoding> {
    if memchr(0, text).is_none() || has_long_fields(text) {
        return None;
    }
    let WideCharset::Utf16(encoding) = wide_text::by_content(text)? else { return None };
    let other = if encoding == UTF_16LE { UTF_16BE } else { UTF_16LE };
    let swapped = other.decode_without_bom_handling_and_without_replacement(text);
    let is_ambiguous = swapped.is_some_and(|text| text.chars().any(|character| character.is_ascii()));
    (!is_ambiguous).then_some(encoding)
}

/// Returns whether this can be text in an ASCII-compatible charset whose fields are separated by null bytes, and any of
/// the fields is longer than one byte, unlike in UTF-16.
fn has_long_fields(text: &[u8]) -> bool {
    let is_printable = |byte: &u8| *byte == 0 || !is_binary(*byte);
    text.iter().all(is_printable) && text.split(|byte| *byte == 0).any(|field| field.len() > 1)
}

fn is_plain(text: &[u8]) -> bool {
    !text.starts_with(UTF_8_MARK) && !text.iter().copied().any(is_binary) && std::str::from_utf8(text).is_ok()
}

/// Removes UTF-8 byte order marks. Some programs write several.
fn without_marks(mut text: &[u8]) -> &[u8] {
    while let Some(rest) = text.strip_prefix(UTF_8_MARK) {
        text = rest;
    }
    text
}

#[cfg(test)]
mod tests;

//! Detects a body's charset from its byte order mark, the `Content-Type` header, and `<meta>` or `<?xml`, in the order
//! of precedence of the WHATWG's Encoding and HTML standards. If the content contradicts the result, the charset is
//! unknown.

use encoding_rs::{DecoderResult, Encoding, UTF_8, UTF_16BE, UTF_16LE, WINDOWS_1252, X_USER_DEFINED};
use memchr::memchr;
use tokio::task::yield_now;

use super::content_type::ContentType;
use super::wide_text::WideCharset;
use super::{compression, meta, wide_text};
use crate::checks::error_text::excerpt;
use crate::checks::expected_text::has_characters;

pub(super) const UTF_8_MARK: &[u8] = b"\xef\xbb\xbf";
const UTF_16BE_MARK: &[u8] = b"\xfe\xff";
const UTF_16LE_MARK: &[u8] = b"\xff\xfe";
const UTF_32BE_MARK: &[u8] = b"\0\0\xfe\xff";
const UTF_32LE_MARK: &[u8] = b"\xff\xfe\0\0";

/// Labels that servers send although they do not name a charset, and `MySQL`'s names for UTF-8. All are treated as
/// UTF-8.
const PLACEHOLDERS: [&str; 9] =
    ["none", "null", "undefined", "unknown", "default", "auto", "binary", "utf8mb4", "utf-8mb4"];

/// The number of bytes to convert before yielding to other checks.
const BYTES_PER_TURN: usize = 64 << 10;
/// The replacement for bytes that are invalid in the charset. It never occurs in valid UTF-8.
const INVALID: u8 = 0xff;

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Charset {
    /// UTF-8, ASCII or binary data, which need no conversion.
    Utf8,
    /// UTF-8 that starts with a byte order mark.
    Utf8WithMark,
    Known(&'static Encoding),
    /// Why the text is unknown, as a complete clause.
    Unknown(String),
}

/// Returns whether the start of a body is UTF-8 no matter what follows. ASCII needs no declared charset, because a
/// later `<meta>` cannot change its meaning.
pub(super) fn is_certainly_utf8(content_type: &ContentType, start: &[u8]) -> bool {
    let is_declared =
        content_type.charset.is_some() || !(content_type.media_type.is_empty() || content_type.is_markup());
    has_characters(start, true) && (is_declared || start.is_ascii()) && detect(content_type, start) == Charset::Utf8
}

/// Detects the charset of a body from its content and the `Content-Type` header.
pub(super) fn detect(content_type: &ContentType, body: &[u8]) -> Charset {
    if body.is_empty() || content_type.is_media() {
        return Charset::Utf8;
    }
    if let Some(format) = compression::by_signature(body) {
        return undeclared_compression(format);
    }
    if let Some(charset) = by_mark(body) {
        return charset;
    }
    let label = content_type.charset.as_deref();
    let charset = match label {
        Some(label) => by_label(label),
        None if content_type.media_type.is_empty() || content_type.is_markup() => {
            let label = meta::charset(body);
            // As in the HTML standard, a document whose `<meta>` is readable as ASCII is never UTF-16, and
            // `x-user-defined` means windows-1252.
            label.map_or(Charset::Utf8, |label| match by_label(&label) {
                Charset::Known(encoding) if encoding == UTF_16BE || encoding == UTF_16LE => Charset::Utf8,
                Charset::Known(encoding) if encoding == X_USER_DEFINED => Charset::Known(WINDOWS_1252),
                charset => charset,
            })
        }
        None => Charset::Utf8,
    };
    let is_ascii_compatible = match &charset {
        Charset::Utf8 => true,
        Charset::Known(encoding) => encoding.is_ascii_compatible(),
        Charset::Utf8WithMark | Charset::Unknown(_) => false,
    };
    if is_ascii_compatible
        && memchr(0, body).is_some()
        && let Some(charset) = by_null_bytes(content_type, body)
    {
        return charset;
    }
    match charset {
        Charset::Known(_) if is_ascii_compatible && body.is_ascii() => Charset::Utf8,
        // JSON must be UTF-8 (RFC 8259), but some old servers send it in the charset that they declare.
        Charset::Known(_) if content_type.is_json() && is_ascii_compatible && std::str::from_utf8(body).is_ok() => {
            Charset::Utf8
        }
        charset => charset,
    }
}

/// Returns the charset of a body whose null bytes do not fit the declared charset.
fn by_null_bytes(content_type: &ContentType, body: &[u8]) -> Option<Charset> {
    let is_text = content_type.is_text();
    let wide = wide_text::by_start(body).filter(|wide| is_text || wide_text::by_content(body) == Some(*wide));
    match (wide, &content_type.charset) {
        (Some(wide), Some(label)) => {
            let reason = format!("body seems to be `{}`, but is declared as `{}`", wide.name(), shown(label));
            Some(Charset::Unknown(reason))
        }
        (Some(WideCharset::Utf16(encoding)), None) => Some(Charset::Known(encoding)),
        (Some(wide @ WideCharset::Utf32), None) => Some(unknown(wide.name())),
        (None, _) if !wide_text::has_separated_characters(body) => None,
        (None, _) => {
            let reason = match wide_text::by_content(body) {
                Some(wide) => format!("body seems to be `{}`, but has no byte order mark", wide.name()),
                None if is_text => "body contains null bytes between characters, like UTF-16 or binary data".to_owned(),
                None => return None,
            };
            Some(Charset::Unknown(reason))
        }
    }
}

/// Returns the charset of a body that is compressed without a `Content-Encoding`.
pub(super) fn undeclared_compression(format: &str) -> Charset {
    Charset::Unknown(format!("body seems to be compressed (`{format}`), but has no matching `Content-Encoding` header"))
}

fn by_mark(body: &[u8]) -> Option<Charset> {
    if body.starts_with(UTF_8_MARK) {
        Some(Charset::Utf8WithMark)
    } else if body.starts_with(UTF_32LE_MARK) || body.starts_with(UTF_32BE_MARK) {
        Some(unknown("utf-32"))
    } else if body.starts_with(UTF_16LE_MARK) {
        Some(Charset::Known(UTF_16LE))
    } else if body.starts_with(UTF_16BE_MARK) {
        Some(Charset::Known(UTF_16BE))
    } else {
        None
    }
}

fn by_label(label: &str) -> Charset {
    match Encoding::for_label_no_replacement(label.as_bytes()) {
        Some(encoding) if encoding == UTF_8 => Charset::Utf8,
        Some(encoding) => Charset::Known(encoding),
        None if PLACEHOLDERS.contains(&label) => Charset::Utf8,
        None => unknown(label),
    }
}

fn unknown(label: &str) -> Charset {
    Charset::Unknown(format!("body has the charset `{}`, which is not supported", shown(label)))
}

fn shown(label: &str) -> String {
    excerpt(label.as_bytes())
}

/// Converts text to UTF-8. Replaces bytes that are invalid in the encoding with `INVALID`. If the text is truncated,
/// drops an incomplete last character.
pub(super) async fn to_utf8(text: &[u8], encoding: &'static Encoding, is_complete: bool) -> Vec<u8> {
    let mut decoder = encoding.new_decoder_with_bom_removal();
    let mut converted = Vec::with_capacity(text.len() + text.len() / 2);
    let mut buffer = vec![0; BYTES_PER_TURN];
    let mut rest = text;
    loop {
        let (piece, after) = rest.split_at(rest.len().min(BYTES_PER_TURN));
        let is_last = is_complete && after.is_empty();
        let mut unread = piece;
        loop {
            let (result, read, written) = decoder.decode_to_utf8_without_replacement(unread, &mut buffer, is_last);
            converted.extend_from_slice(&buffer[..written]);
            unread = &unread[read..];
            match result {
                DecoderResult::InputEmpty => break,
                DecoderResult::OutputFull => {}
                DecoderResult::Malformed(..) => converted.push(INVALID),
            }
        }
        if after.is_empty() {
            return converted;
        }
        rest = after;
        yield_now().await;
    }
}

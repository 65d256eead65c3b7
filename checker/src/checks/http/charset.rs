//! Detects a body's charset from its byte order mark, the `Content-Type` header, and `<meta>` or `<?xml`, in the order
//! of precedence of the WHATWG's Encoding and HTML standards.

use encoding_rs::{DecoderResult, Encoding, UTF_8, UTF_16BE, UTF_16LE, WINDOWS_1252, X_USER_DEFINED};
use http::HeaderValue;
use tokio::task::yield_now;

use super::meta;
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

/// The number of bytes to convert before other checks get a turn.
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
    /// The reason why the text cannot be converted, as a complete clause.
    Unknown(String),
}

/// Returns whether the start of a body is UTF-8 no matter what follows. ASCII needs no declared charset, because a
/// later `<meta>` cannot change its meaning.
pub(super) fn is_certainly_utf8(content_type: Option<&HeaderValue>, start: &[u8]) -> bool {
    let is_declared = content_type.and_then(|value| value.to_str().ok()).is_some_and(|value| {
        let value = value.to_ascii_lowercase();
        let media_type = value.split(';').next().unwrap_or_default().trim();
        value.contains("charset") || !(media_type.ends_with("html") || media_type.ends_with("xml"))
    });
    has_characters(start, true) && (is_declared || start.is_ascii()) && detect(content_type, start) == Charset::Utf8
}

/// Detects the charset of a body from its content and the `Content-Type` header.
pub(super) fn detect(content_type: Option<&HeaderValue>, body: &[u8]) -> Charset {
    if body.is_empty() {
        return Charset::Utf8;
    }
    let content_type = content_type.map(|value| String::from_utf8_lossy(value.as_bytes()).to_ascii_lowercase());
    let content_type = content_type.as_deref().unwrap_or_default();
    let mut parts = content_type.split(';').map(str::trim);
    let media_type = parts.next().unwrap_or_default();
    if ["image/", "audio/", "video/", "font/"].iter().any(|kind| media_type.starts_with(kind))
        && !media_type.ends_with("+xml")
    {
        return Charset::Utf8;
    }
    if let Some(charset) = by_mark(body) {
        return charset;
    }
    let parameter = parts.find_map(|parameter| parameter.strip_prefix("charset")?.trim_start().strip_prefix('='));
    let label = parameter.map(|label| label.trim_matches(|quote: char| quote.is_whitespace() || "\"'".contains(quote)));
    let is_json = media_type.ends_with("/json") || media_type.ends_with("+json");
    let charset = match label.filter(|label| !label.is_empty()) {
        Some(label) => by_label(label),
        None if media_type.is_empty() || media_type.ends_with("html") || media_type.ends_with("xml") => {
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
    match charset {
        Charset::Known(encoding) if encoding.is_ascii_compatible() && body.is_ascii() => Charset::Utf8,
        // JSON must be UTF-8 (RFC 8259), but some old servers send it in the charset that they declare.
        Charset::Known(encoding) if is_json && encoding.is_ascii_compatible() && std::str::from_utf8(body).is_ok() => {
            Charset::Utf8
        }
        Charset::Utf8 if label.is_none() && (is_json || is_text(media_type)) => {
            by_zeros(body).map_or(Charset::Utf8, Charset::Known)
        }
        charset => charset,
    }
}

fn is_text(media_type: &str) -> bool {
    media_type.is_empty() || media_type.starts_with("text/") || media_type.ends_with("xml")
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

/// Recognizes UTF-16 without a byte order mark by the zero bytes of two leading ASCII characters (RFC 4627).
fn by_zeros(body: &[u8]) -> Option<&'static Encoding> {
    match body {
        [1..=127, 0, 1..=127, 0, ..] => Some(UTF_16LE),
        [0, 1..=127, 0, 1..=127, ..] => Some(UTF_16BE),
        _ => None,
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
    Charset::Unknown(format!("body has the charset `{label}`, which is not supported"))
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

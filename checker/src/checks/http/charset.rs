//! Detects a body's charset from its byte order mark, the `Content-Type` header, and `<meta>` or `<?xml`, in the order
//! of precedence of the WHATWG's Encoding and HTML standards. If the content contradicts the result, the charset is
//! unknown.

use encoding_rs::{DecoderResult, Encoding, UTF_8, UTF_16BE, UTF_16LE, WINDOWS_1252, X_USER_DEFINED};
use memchr::{memchr, memchr2};
use tokio::task::yield_now;

use super::content_type::ContentType;
use super::meta;
use crate::checks::error_text::excerpt;
use crate::checks::undeclared_text::without_marks;
use crate::checks::utf_8_text::has_characters;
use crate::checks::{compression, wide_text};

const UTF_16BE_MARK: &[u8] = b"\xfe\xff";
const UTF_16LE_MARK: &[u8] = b"\xff\xfe";
const UTF_32BE_MARK: &[u8] = b"\0\0\xfe\xff";
const UTF_32LE_MARK: &[u8] = b"\xff\xfe\0\0";
const ESCAPE: u8 = 0x1b;

/// Labels that servers send although they do not name a charset, and names of UTF-8 in `MySQL` and programming
/// languages. Text with such a label is not converted.
const PLACEHOLDERS: [&str; 12] = [
    "none",
    "null",
    "undefined",
    "unknown",
    "default",
    "auto",
    "binary",
    "utf8mb3",
    "utf8mb4",
    "utf-8mb3",
    "utf-8mb4",
    "utf_8",
];

/// Charsets that browsers do not support, but in which ASCII text has the same bytes: code pages of DOS, and others.
const ASCII_COMPATIBLE: [&str; 22] = [
    "437",
    "720",
    "737",
    "775",
    "850",
    "852",
    "855",
    "857",
    "858",
    "860",
    "861",
    "862",
    "863",
    "864",
    "865",
    "866",
    "869",
    "maccyrillic",
    "macroman",
    "mac-roman",
    "latin-1",
    "iso-latin-1",
];

/// The number of bytes to convert before yielding to other checks.
const BYTES_PER_TURN: usize = 64 << 10;
/// The replacement for bytes that are invalid in the charset. It never occurs in valid UTF-8.
const INVALID: u8 = 0xff;

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Charset {
    /// Declared as UTF-8, so that no conversion is needed.
    Utf8,
    /// Binary data, or text in a charset that is not declared.
    Undeclared,
    Known(&'static Encoding),
    /// Why the text is unknown, as a complete clause.
    Unknown(String),
}

/// Returns whether the start of a body is UTF-8 no matter what follows. ASCII needs no declared charset, because a
/// later `<meta>` cannot change its meaning.
pub(super) fn is_certainly_utf8(content_type: &ContentType, start: &[u8]) -> bool {
    let is_declared =
        content_type.charset.is_some() || !(content_type.media_type.is_empty() || content_type.is_markup());
    has_characters(start, true)
        && (is_declared || start.is_ascii())
        && without_marks(start).len() == start.len()
        && matches!(detect(content_type, start), Charset::Utf8 | Charset::Undeclared)
}

/// Detects the charset of a body from its content and the `Content-Type` header.
pub(super) fn detect(content_type: &ContentType, body: &[u8]) -> Charset {
    if body.is_empty() || content_type.is_media() {
        return Charset::Undeclared;
    }
    let text = without_marks(body);
    if let Some(format) = compression::at_start(text) {
        return undeclared_compression(format);
    }
    if text.len() < body.len() {
        return Charset::Utf8;
    }
    if let Some(charset) = by_mark(body) {
        return charset;
    }
    let charset = by_declaration(content_type, body);
    if let Some(contradiction) = contradiction(content_type, &charset, body) {
        return contradiction;
    }
    match charset {
        Charset::Known(encoding) if encoding.is_ascii_compatible() && body.is_ascii() => Charset::Undeclared,
        charset => charset,
    }
}

/// Returns the charset that the response or the body itself declares.
fn by_declaration(content_type: &ContentType, body: &[u8]) -> Charset {
    let charset = match &content_type.charset {
        Some(label) => by_label(label, body),
        None if content_type.media_type.is_empty() || content_type.is_markup() => {
            let label = meta::charset(body);
            // As in the HTML standard, a document whose `<meta>` is readable as ASCII is never UTF-16, and
            // `x-user-defined` means windows-1252.
            label.map_or(Charset::Undeclared, |label| match by_label(&label, body) {
                Charset::Known(encoding) if encoding == UTF_16BE || encoding == UTF_16LE => Charset::Undeclared,
                Charset::Known(encoding) if encoding == X_USER_DEFINED => Charset::Known(WINDOWS_1252),
                charset => charset,
            })
        }
        None if content_type.is_json() => Charset::Utf8,
        None => Charset::Undeclared,
    };
    match charset {
        // JSON must be UTF-8 (RFC 8259), but some old servers send it in the charset that they declare. UTF-16 contains
        // null bytes, and ISO-2022 contains escape sequences.
        Charset::Known(_)
            if content_type.is_json() && memchr2(0, ESCAPE, body).is_none() && std::str::from_utf8(body).is_ok() =>
        {
            Charset::Undeclared
        }
        charset => charset,
    }
}

/// Returns the reason why the charset is unknown if the whole body seems to be in a charset other than the declared
/// one, or in UTF-32, which no browser supports.
fn contradiction(content_type: &ContentType, charset: &Charset, body: &[u8]) -> Option<Charset> {
    let has_nulls = memchr(0, body).is_some();
    let seems = match charset {
        Charset::Unknown(_) => return None,
        _ if has_nulls && wide_text::is_utf_32(body) => "utf-32",
        Charset::Known(encoding) if has_nulls && wide_text::byte_order(body) == Some(*encoding) => return None,
        _ if has_nulls => match wide_text::byte_order(body)? {
            encoding if encoding == UTF_16BE => "utf-16be",
            _ => "utf-16le",
        },
        Charset::Known(encoding) if *encoding == UTF_16BE || *encoding == UTF_16LE => {
            std::str::from_utf8(body).is_ok().then_some("utf-8")?
        }
        _ => return None,
    };
    match &content_type.charset {
        Some(label) => {
            let reason = format!("body seems to be `{seems}`, but is declared as `{}`", shown(label));
            Some(Charset::Unknown(reason))
        }
        None if seems == "utf-32" => Some(unknown(seems)),
        None => None,
    }
}

/// Returns the charset of a body that is compressed without a `Content-Encoding`.
fn undeclared_compression(format: &str) -> Charset {
    // The content coding of zlib data has another name.
    let format = if format == "zlib" { "deflate" } else { format };
    Charset::Unknown(format!("body seems to be compressed (`{format}`), but has no matching `Content-Encoding` header"))
}

fn by_mark(body: &[u8]) -> Option<Charset> {
    if body.starts_with(UTF_32LE_MARK) || body.starts_with(UTF_32BE_MARK) {
        Some(unknown("utf-32"))
    } else if body.starts_with(UTF_16LE_MARK) {
        Some(Charset::Known(UTF_16LE))
    } else if body.starts_with(UTF_16BE_MARK) {
        Some(Charset::Known(UTF_16BE))
    } else {
        None
    }
}

fn by_label(label: &str, body: &[u8]) -> Charset {
    let is_utf_8 = PLACEHOLDERS.contains(&label)
        // The name of a locale, such as `en_US.UTF-8`.
        || label.rsplit_once('.').is_some_and(|(_, charset)| matches!(charset, "utf-8" | "utf8"));
    match Encoding::for_label_no_replacement(label.as_bytes()) {
        Some(encoding) if encoding == UTF_8 => Charset::Utf8,
        Some(encoding) => Charset::Known(encoding),
        None if is_utf_8 || (body.is_ascii() && is_ascii_compatible(label)) => Charset::Undeclared,
        None => unknown(label),
    }
}

/// Returns whether ASCII text has the same bytes in a charset that browsers do not support.
fn is_ascii_compatible(label: &str) -> bool {
    let name = label.strip_prefix("x-").unwrap_or(label);
    let prefixes = ["cp-", "cp", "ibm-", "ibm", "dos-", "dos"];
    ASCII_COMPATIBLE.contains(&prefixes.iter().find_map(|prefix| name.strip_prefix(prefix)).unwrap_or(name))
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

//! Decodes the escapes in the text of a JSON document. Some programs write `ö` as `\u00f6`, or `/` as `\/`.

use memchr::memchr;

/// Returns a text with its escapes decoded, if it starts like JSON or contains an escape such as `\u00f6`. Returns
/// `None` if nothing changes.
pub(super) fn decoded(text: &[u8]) -> Option<Vec<u8>> {
    let first = memchr(b'\\', text)?;
    let is_json = matches!(text.trim_ascii_start().first(), Some(b'{' | b'[' | b'"'));
    if !is_json && !text[first..].windows(6).any(|part| code_unit(part).is_some()) {
        return None;
    }
    Some(decode(text))
}

/// Decodes the escapes of a text that may be JSON.
#[must_use]
pub(super) fn decode(text: &[u8]) -> Vec<u8> {
    let mut decoded = Vec::with_capacity(text.len());
    let mut rest = text;
    let mut buffer = [0; 4];
    while let Some(at) = memchr(b'\\', rest) {
        decoded.extend_from_slice(&rest[..at]);
        let (character, length) = escape(&rest[at..]);
        decoded.extend_from_slice(character.encode_utf8(&mut buffer).as_bytes());
        rest = &rest[at + length..];
    }
    decoded.extend_from_slice(rest);
    decoded
}

/// Returns the first character of a text that starts with a backslash, and the length of its escape. A backslash that
/// does not start an escape is a literal character.
fn escape(text: &[u8]) -> (char, usize) {
    match text.get(1) {
        Some(same @ (b'"' | b'\\' | b'/')) => (char::from(*same), 2),
        Some(b'n') => ('\n', 2),
        Some(b'r') => ('\r', 2),
        Some(b't') => ('\t', 2),
        Some(b'b') => ('\u{8}', 2),
        Some(b'f') => ('\u{c}', 2),
        Some(b'u') => match (code_unit(text), text.get(6..).and_then(code_unit)) {
            (Some(high @ 0xd800..=0xdbff), Some(low @ 0xdc00..=0xdfff)) => {
                let pair = char::decode_utf16([high, low]).next();
                (pair.and_then(Result::ok).unwrap_or(char::REPLACEMENT_CHARACTER), 12)
            }
            (Some(unit), _) => (char::from_u32(unit.into()).unwrap_or(char::REPLACEMENT_CHARACTER), 6),
            (None, _) => ('\\', 1),
        },
        _ => ('\\', 1),
    }
}

/// Returns the UTF-16 code unit that an escape at the start of the text represents.
fn code_unit(text: &[u8]) -> Option<u16> {
    let digits = text.strip_prefix(b"\\u")?.get(..4)?;
    let digits = std::str::from_utf8(digits).ok().filter(|_| digits.iter().all(u8::is_ascii_hexdigit))?;
    u16::from_str_radix(digits, 16).ok()
}

#[cfg(test)]
mod tests {
    use crate::checks::json_escapes::*;

    #[test]
    fn escapes_are_decoded() {
        for (text, expected) in [
            (r#"{"m":"St\u00f6rung"}"#, Some("{\"m\":\"Störung\"}")),
            (r"log: St\u00F6rung", Some("log: Störung")),
            (r#"["\ud83d\ude00\/\\\"\n\r\t\b\f"]"#, Some("[\"😀/\\\"\n\r\t\u{8}\u{c}\"]")),
            (r#" {"m":"C:\\temp"}"#, Some(" {\"m\":\"C:\\temp\"}")),
            (r#""\ud83d \ude00 \u12 \x \"#, Some("\"\u{fffd} \u{fffd} \\u12 \\x \\")),
            (r"C:\temp\new \u12", None),
            ("{}", None),
            ("", None),
        ] {
            assert_eq!(decoded(text.as_bytes()).as_deref(), expected.map(str::as_bytes), "{text}");
        }
    }
}

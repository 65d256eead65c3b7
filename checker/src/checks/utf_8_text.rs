//! Determines whether bytes are UTF-8 text.

use memchr::memmem;

/// The start of ISO-2022 escape sequences that select another charset. The bytes after them resemble ASCII.
const ISO_2022_SWITCHES: [&[u8]; 2] = [b"\x1b$", b"\x1b(I"];

/// Returns whether the text is valid UTF-8 and does not use ISO-2022. The last character of truncated text can be
/// incomplete.
pub(super) fn has_characters(text: &[u8], is_truncated: bool) -> bool {
    let is_valid = match std::str::from_utf8(text) {
        Ok(_) => true,
        Err(error) => is_truncated && error.error_len().is_none(),
    };
    is_valid && !switches_charset(text)
}

/// Returns whether the text uses ISO-2022, in which ASCII bytes can mean other characters.
pub(super) fn switches_charset(text: &[u8]) -> bool {
    ISO_2022_SWITCHES.iter().any(|switch| memmem::find(text, switch).is_some())
}

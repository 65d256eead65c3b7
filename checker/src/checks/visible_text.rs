//! Removes what terminals do not show from text: escape sequences, such as those for colors, and invisible characters.

use std::borrow::Cow;

use memchr::{memchr, memchr2_iter};

const ESCAPE: u8 = 0x1b;
const BELL: u8 = 0x07;
/// The single character that means the same as an escape character and `[`, in UTF-8.
const CONTROL_SEQUENCE: [u8; 2] = [0xc2, 0x9b];

/// The spaces that do not allow a line break and become ordinary ones.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Spaces {
    All,
    /// All except those between two digits of a number.
    OutsideNumbers,
}

/// Returns the text without terminal escape sequences, null bytes at its ends, and invisible characters. Returns `None`
/// if nothing changes.
pub(super) fn visible(text: &[u8], spaces: Spaces) -> Option<Vec<u8>> {
    let trimmed = without_outer_nulls(text);
    let bytes = match sequence_start(trimmed) {
        Some(_) => Cow::Owned(without_escape_sequences(trimmed)),
        None => Cow::Borrowed(trimmed),
    };
    let characters = if bytes.is_ascii() { "" } else { std::str::from_utf8(&bytes).unwrap_or_default() };
    if characters.chars().any(|one| is_no_break_space(one) || is_invisible(one)) {
        return Some(shown(characters, spaces).into_bytes()).filter(|shown| shown != text);
    }
    (bytes.len() < text.len()).then(|| bytes.into_owned())
}

/// Returns a string without invisible parts, with ordinary spaces.
pub(super) fn visible_string(text: &str) -> Cow<'_, str> {
    match visible(text.as_bytes(), Spaces::All) {
        Some(shown) => Cow::Owned(String::from_utf8_lossy(&shown).into_owned()),
        None => Cow::Borrowed(text),
    }
}

fn shown(text: &str, spaces: Spaces) -> String {
    let mut shown = String::with_capacity(text.len());
    let mut characters = text.chars().peekable();
    while let Some(character) = characters.next() {
        if is_no_break_space(character) {
            let is_digit = |character: char| character.is_ascii_digit();
            let is_in_number = shown.ends_with(is_digit) && characters.peek().copied().is_some_and(is_digit);
            shown.push(if is_in_number && spaces == Spaces::OutsideNumbers { character } else { ' ' });
        } else if !is_invisible(character) {
            shown.push(character);
        }
    }
    shown
}

fn is_no_break_space(character: char) -> bool {
    matches!(character, '\u{a0}' | '\u{202f}')
}

fn is_invisible(character: char) -> bool {
    matches!(
        character,
        '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}'
            | '\u{fe00}'..='\u{fe0f}' | '\u{feff}'
    )
}

fn without_outer_nulls(text: &[u8]) -> &[u8] {
    let is_outer = |byte: &u8| *byte == 0 || byte.is_ascii_whitespace();
    let start = text.iter().take_while(|byte| is_outer(byte)).count();
    let end = start + text[start..].iter().rposition(|byte| !is_outer(byte)).map_or(0, |last| last + 1);
    let outer_nulls = |outer: &[u8]| memchr(0, outer).is_some();
    let start = if outer_nulls(&text[..start]) { start } else { 0 };
    let end = if outer_nulls(&text[end..]) { end } else { text.len() };
    &text[start.min(end)..end]
}

fn without_escape_sequences(text: &[u8]) -> Vec<u8> {
    let mut kept = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = sequence_start(rest) {
        kept.extend_from_slice(&rest[..at]);
        rest = &rest[at + sequence_length(&rest[at..])..];
    }
    kept.extend_from_slice(rest);
    kept
}

/// Returns the position of the first escape sequence.
fn sequence_start(text: &[u8]) -> Option<usize> {
    let [first, _] = CONTROL_SEQUENCE;
    memchr2_iter(ESCAPE, first, text).find(|at| text[*at] == ESCAPE || text[*at..].starts_with(&CONTROL_SEQUENCE))
}

/// Returns the length of the escape sequence at the start of the text (ECMA-48). The end of an incomplete one is left
/// out.
fn sequence_length(text: &[u8]) -> usize {
    let count = |start: usize, is_part: fn(&u8) -> bool| {
        start + text.get(start..).unwrap_or_default().iter().take_while(|byte| is_part(byte)).count()
    };
    let with_final = |end: usize, is_final: fn(&u8) -> bool| end + usize::from(text.get(end).is_some_and(is_final));
    match text.get(1) {
        Some(b'[' | 0x9b) => {
            let end = count(count(2, |byte| matches!(byte, b'0'..=b'?')), |byte| matches!(byte, b' '..=b'/'));
            with_final(end, |byte| matches!(byte, b'@'..=b'~'))
        }
        // A string, such as a window title or a link, up to its terminator.
        Some(b']' | b'P' | b'X' | b'^' | b'_') => {
            let end = count(2, |byte| *byte >= b' ');
            match text.get(end..) {
                Some([BELL, ..]) => end + 1,
                Some([ESCAPE, b'\\', ..]) => end + 2,
                _ => 2,
            }
        }
        Some(b' '..=b'~') => {
            with_final(count(1, |byte| matches!(byte, b' '..=b'/')), |byte| matches!(byte, b'0'..=b'~'))
        }
        _ => 1,
    }
}

#[cfg(test)]
mod tests {
    use crate::checks::visible_text::*;

    #[test]
    fn what_terminals_hide_is_removed() {
        for (text, expected) in [
            (&b"\x1b[31mERROR\x1b[0m: disk\n"[..], &b"ERROR: disk\n"[..]),
            (b"\x1b[38;5;196mE\x1b[1;4mRR\x1b[mOR", b"ERROR"),
            (b"\x1b[?25l50%\x1b[2K\rERROR\x1b(B", b"50%\rERROR"),
            (b"\x1b]0;title\x07Fa\x1b]8;;http://x/\x1b\\tal", b"Fatal"),
            (b"\x1b]Fatal\n\x1b]Fatal", b"Fatal\nFatal"),
            (b"\x1b[12\nFatal\x1b", b"\nFatal"),
            (b"FAILED\0", b"FAILED"),
            (b"FAILED\n\0\0\n", b"FAILED"),
            (b"\0\0FAILED\n", b"FAILED\n"),
            (b"\0\n", b""),
            ("\u{feff}\u{feff}Fa\u{ad}ta\u{200b}l\u{a0}error".as_bytes(), b"Fatal error"),
            ("Störung\u{a0}\u{1b}[0m!".as_bytes(), "Störung !".as_bytes()),
            ("ERR\u{9b}31mOR \u{9b}".as_bytes(), b"ERROR "),
            ("FA\u{fe0f}I\u{61c}L\u{34f}ED".as_bytes(), b"FAILED"),
            ("5\u{a0}000\u{a0}€".as_bytes(), "5 000 €".as_bytes()),
        ] {
            assert_eq!(visible(text, Spaces::All).as_deref(), Some(expected), "{text:?}");
        }
        for text in
            [&b""[..], b"\n", b"Fatal\n", b"Fa\0tal", "Störung".as_bytes(), b"St\xf6\xad rung\xa0", "©".as_bytes()]
        {
            assert_eq!(visible(text, Spaces::All), None, "{text:?}");
        }
    }

    #[test]
    fn spaces_in_numbers_can_be_kept() {
        let shown = |text: &str| visible(text.as_bytes(), Spaces::OutsideNumbers);
        assert_eq!(shown("5\u{202f}000\u{a0}€").as_deref(), Some("5\u{202f}000 €".as_bytes()));
        assert_eq!(shown("5\u{a0}000"), None);
    }
}

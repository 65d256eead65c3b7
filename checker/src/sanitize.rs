//! Makes text from endpoints, services, stores and configurations safe to store and to show.

use std::borrow::Cow;

pub use shared::message::escape_html;

/// Returns the text on one line, without characters that can control a terminal or disguise text, and truncated to
/// `limit` characters.
#[must_use]
pub fn sanitize_for_terminal(text: &str, limit: usize) -> String {
    if is_safe(text, limit) {
        return text.to_owned();
    }
    sanitize(text.split_whitespace().collect::<Vec<_>>().join(" "), limit)
}

/// Removes characters that can control a terminal or disguise text, replaces line breaks and tabs with spaces, and
/// truncates the text to `limit` characters.
#[must_use]
pub fn sanitize(mut text: String, limit: usize) -> String {
    if !text.bytes().all(|byte| byte.is_ascii_graphic() || byte == b' ') {
        text = text
            .chars()
            .map(|character| if character.is_whitespace() { ' ' } else { character })
            .filter(|character| !is_deceptive(*character))
            .collect();
    }
    shared::check_file::shortened(text, limit)
}

/// Returns the text without characters that can disguise it. Keeps line breaks and styles, unlike [`sanitize`], because
/// this is the last step before text is printed.
#[must_use]
pub fn without_disguise(text: &str) -> Cow<'_, str> {
    if text.is_ascii() || !text.contains(is_disguise) { text.into() } else { text.replace(is_disguise, "").into() }
}

/// Returns whether a character controls a terminal or changes how text appears: control characters such as ESC, marks
/// that change the direction of text, and invisible tags.
fn is_deceptive(character: char) -> bool {
    character.is_control() || is_disguise(character)
}

/// Returns whether a character is invisible and changes how other text appears.
fn is_disguise(character: char) -> bool {
    matches!(character,
        // Bidirectional marks, embeddings, overrides and isolates (UAX #9).
        '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}'
        // Deprecated format characters, the byte order mark, interlinear annotations, and tags.
        | '\u{206a}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
}

/// Returns whether readers see nothing of a text: it contains only white space, control characters and characters
/// without a shape.
#[must_use]
pub fn is_blank(text: &str) -> bool {
    text.chars().all(|character| character.is_whitespace() || is_deceptive(character) || is_invisible(character))
}

/// Returns whether a character has no shape, although it is neither white space nor a control character: format
/// characters, fillers, variation selectors, and the blank pattern of Braille.
fn is_invisible(character: char) -> bool {
    matches!(character,
        '\u{ad}' | '\u{34f}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}' | '\u{180b}'..='\u{180f}'
        | '\u{200b}'..='\u{200d}' | '\u{2060}'..='\u{2065}' | '\u{2800}' | '\u{3164}' | '\u{fe00}'..='\u{fe0f}'
        | '\u{ffa0}' | '\u{1d173}'..='\u{1d17a}' | '\u{e0100}'..='\u{e01ef}')
}

/// Returns whether the text can be used unchanged. Almost all text can.
#[must_use]
pub fn is_safe(text: &str, limit: usize) -> bool {
    let mut previous = b' ';
    let is_usual = |byte: u8| {
        let is_usual = byte.is_ascii_graphic() || byte == b' ' && previous != b' ';
        previous = byte;
        is_usual
    };
    text.len() <= limit && text.bytes().all(is_usual) && !text.ends_with(' ')
}

/// Replaces the characters for which there is a replacement.
#[must_use]
pub fn escape_with(text: &str, replacement: impl Fn(char) -> Option<&'static str>) -> Cow<'_, str> {
    if !text.chars().any(|character| replacement(character).is_some()) {
        return Cow::Borrowed(text);
    }
    let mut escaped = String::with_capacity(text.len() + text.len() / 8);
    for character in text.chars() {
        match replacement(character) {
            Some(replacement) => escaped.push_str(replacement),
            None => escaped.push(character),
        }
    }
    Cow::Owned(escaped)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_cannot_control_the_terminal() {
        assert_eq!(sanitize_for_terminal("a\u{1b}[2Jb\r\nc", 40), "a[2Jb c");
        for text in [" a", "a ", "a  b", "a\tb", "a\u{7f}b", "ab\u{9b}"] {
            assert!(["a", "a b", "ab"].contains(&sanitize_for_terminal(text, 40).as_str()), "{text:?}");
        }
        assert_eq!(sanitize_for_terminal("a b c", 40), "a b c");
        assert_eq!(sanitize_for_terminal("abcdef", 4), "abc…");
    }

    #[test]
    fn printed_text_keeps_lines_and_styles() {
        assert_eq!(without_disguise("\u{1b}[1mä\u{202e}b\u{1b}[0m\nc\u{2066}"), "\u{1b}[1mäb\u{1b}[0m\nc");
        assert!(matches!(without_disguise("● ä\n"), Cow::Borrowed("● ä\n")));
    }

    #[test]
    fn stored_text_has_no_control_or_direction_characters() {
        let sanitized = |text: &str| sanitize(text.to_owned(), 40);
        for (text, expected) in [
            ("expected `^a  b$`", "expected `^a  b$`"),
            ("a\u{1b}]0;owned\u{7}\nb\tc\0", "a]0;owned b c"),
            ("safe\u{202e}txt.exe\u{2066}\u{200f}", "safetxt.exe"),
            ("line\u{2028}separator\u{85}", "line separator "),
            ("tag\u{e0041}s\u{feff}", "tags"),
            ("schön 日本 👩\u{200d}🔧 שלום", "schön 日本 👩\u{200d}🔧 שלום"),
        ] {
            assert_eq!(sanitized(text), expected);
        }
        assert_eq!(sanitized(&"ä".repeat(50)).chars().count(), 40);
    }
}

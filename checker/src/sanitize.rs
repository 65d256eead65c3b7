//! Makes text from endpoints, services and configurations safe to print.

/// The text on one line, without control characters, so that it cannot control a terminal, and cut to `limit`
/// characters.
#[must_use]
pub fn sanitize_for_terminal(text: &str, limit: usize) -> String {
    if is_safe(text, limit) {
        return text.to_owned();
    }
    let one_line: String = text.split_whitespace().collect::<Vec<_>>().join(" ");
    let printable: String = one_line.chars().filter(|character| !character.is_control()).collect();
    shared::check_file::shortened(printable, limit)
}

/// Whether the text can be used unchanged, like almost all text.
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
}

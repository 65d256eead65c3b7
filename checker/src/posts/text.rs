//! Validates the texts of posts before anything is stored.

use shared::message::{DisallowedMarkup, Message};
use shared::post::{TEXT_LIMIT, TITLE_LIMIT};

use crate::sanitize::is_blank;

/// The reason why a text or title cannot be posted.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidText {
    #[error(transparent)]
    Markup(#[from] DisallowedMarkup),
    #[error("the text has {0} characters, more than the limit of {TEXT_LIMIT}; shorten it and link to the details")]
    TooLong(usize),
    #[error("the text is empty: pass some with `--text` or `--file`")]
    Empty,
    #[error("the text contains the control character U+{code:04X}: remove it", code = u32::from(*.0))]
    Control(char),
    #[error("the title is empty: pass a short summary, for example `\"Checkout fails for some cards\"`")]
    EmptyTitle,
    #[error("the title has {0} characters, more than the limit of {TITLE_LIMIT}; move the details to the text")]
    LongTitle(usize),
    #[error("invalid title: it must be a single line without control characters")]
    MultilineTitle,
}

/// Checks that a text contains only allowed markup and characters, is not too long, and that readers see something of it.
pub fn check_text(text: &str) -> Result<(), InvalidText> {
    let length = text.chars().count();
    if length > TEXT_LIMIT {
        return Err(InvalidText::TooLong(length));
    }
    if let Some(control) =
        text.chars().find(|character| is_control(*character) && !matches!(character, '\n' | '\r' | '\t'))
    {
        return Err(InvalidText::Control(control));
    }
    let message = Message::parse_strict(text)?;
    if is_blank(&message.text()) { Err(InvalidText::Empty) } else { Ok(()) }
}

/// Returns whether a character is refused in texts. The byte order mark belongs to files, and only at their start.
fn is_control(character: char) -> bool {
    character.is_control() || character == '\u{feff}'
}

/// Checks a title, which is plain text.
pub fn check_title(title: &str) -> Result<(), InvalidText> {
    let length = title.chars().count();
    if is_blank(title) {
        Err(InvalidText::EmptyTitle)
    } else if length > TITLE_LIMIT {
        Err(InvalidText::LongTitle(length))
    } else if title.chars().any(is_control) {
        Err(InvalidText::MultilineTitle)
    } else {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_has_limits_and_only_allowed_markup() {
        assert_eq!(check_text("We're <b>on it</b>."), Ok(()));
        assert_eq!(check_text(&"ü".repeat(TEXT_LIMIT)), Ok(()));
        assert_eq!(check_text(&"ü".repeat(TEXT_LIMIT + 1)), Err(InvalidText::TooLong(TEXT_LIMIT + 1)));
        let error = check_text("<script>x</script>").expect_err("it is refused").to_string();
        assert!(error.contains("`<script>` is not allowed"), "{error}");
        for text in ["", " ", " <b> </b>", "<b>\u{200b}</b>", "<p></p>", "\u{a0}"] {
            assert_eq!(check_text(text), Err(InvalidText::Empty), "{text:?}");
        }
    }

    #[test]
    fn a_text_has_no_control_characters() {
        assert_eq!(check_text("One.\r\n\tTwo.\n"), Ok(()));
        for character in ['\0', '\u{1b}', '\u{9b}', '\u{feff}'] {
            assert_eq!(check_text(&format!("We {character}know.")), Err(InvalidText::Control(character)));
            assert_eq!(check_title(&format!("We {character}know.")), Err(InvalidText::MultilineTitle));
        }
        let error = check_text("\u{1b}[2J").expect_err("it is refused").to_string();
        assert_eq!(error, "the text contains the control character U+001B: remove it");
    }

    #[test]
    fn a_title_is_one_short_line() {
        assert_eq!(check_title("Checkout fails for some cards"), Ok(()));
        for title in ["", " ", "\u{200b}", "\u{200b} \u{2060}\u{feff}\u{ad}\u{3164}\u{2800}\u{fe0f}\u{e0041}"] {
            assert_eq!(check_title(title), Err(InvalidText::EmptyTitle), "{title:?}");
        }
        assert_eq!(check_title("\u{200b}ü\u{2764}\u{fe0f}"), Ok(()));
        assert_eq!(check_title("a\nb"), Err(InvalidText::MultilineTitle));
        assert_eq!(check_title(&"x".repeat(201)), Err(InvalidText::LongTitle(201)));
    }
}

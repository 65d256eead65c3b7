//! The page's words for lengths of time, lists and statuses, where more than one place says them. Pure.

use shared::status::Status;
use shared::{DAY, HOUR, MINUTE, Nanos, duration};

/// How long ago, in one unit: `less than a minute ago`, `12 min ago`, `3 h ago`, `2 days ago`.
#[must_use]
pub fn ago(length: Nanos) -> String {
    match length {
        ..MINUTE => "less than a minute ago".to_owned(),
        MINUTE..HOUR => format!("{} min ago", length / MINUTE),
        HOUR..DAY => format!("{} h ago", length / HOUR),
        _ => format!("{} ago", counted((length / DAY) as usize, "day", "days")),
    }
}

/// A length of time without seconds where there are minutes, so that it stands still while it is read.
#[must_use]
pub fn length(length: Nanos) -> String {
    let whole = if length >= MINUTE { length / MINUTE * MINUTE } else { length };
    duration::in_words(whole)
}

/// A part of a clock time: `07`.
#[must_use]
pub fn two_digits(number: i64) -> String {
    format!("{number:02}")
}

/// `1 endpoint`, `2 endpoints`.
#[must_use]
pub fn counted(count: usize, one: &str, many: &str) -> String {
    if count == 1 { format!("{count} {one}") } else { format!("{count} {many}") }
}

/// `A`, `A and B`, `A, B and C`.
#[must_use]
pub fn listed(names: &[&str]) -> String {
    match names {
        [] => String::new(),
        [only] => (*only).to_owned(),
        [first @ .., last] => format!("{} and {last}", first.join(", ")),
    }
}

/// A status at the beginning of a sentence.
#[must_use]
pub fn capital(status: Status) -> &'static str {
    match status {
        Status::Unknown => "Unknown",
        Status::Healthy => "Healthy",
        Status::Degraded => "Degraded",
        Status::Down => "Down",
    }
}

/// A number of a drawing, with two decimals. The standard library's way with floating-point numbers would weigh
/// more than all drawings together.
#[must_use]
pub fn number(value: f64) -> String {
    let hundredths = (value * 100.0).round() as i64;
    let sign = if hundredths < 0 { "-" } else { "" };
    let hundredths = hundredths.unsigned_abs();
    format!("{sign}{}.{:02}", hundredths / 100, hundredths % 100)
}

/// The shape of a status in text, so that no state is told by colour alone.
#[must_use]
pub fn symbol(status: Status) -> char {
    match status {
        Status::Unknown => '○',
        Status::Healthy => '●',
        Status::Degraded => '▲',
        Status::Down => '■',
    }
}

/// A name as it can stand in a sentence: something, in one line, not endless.
#[must_use]
pub fn name(title: &str, locator: &str) -> String {
    const LIMIT: usize = 60;
    // Characters that turn the direction of text would turn the sentence around them.
    let turns = |character: &char| matches!(character, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    let words = |text: &str| {
        let plain: String = text.chars().filter(|character| !turns(character)).collect();
        plain.split_whitespace().collect::<Vec<_>>().join(" ")
    };
    let name = [words(title), words(locator)].into_iter().find(|name| !name.is_empty());
    shared::result::shortened(name.unwrap_or_else(|| "an endpoint without a name".to_owned()), LIMIT)
}

#[cfg(test)]
mod tests {
    use super::*;
    use shared::SECOND;

    #[test]
    fn times_are_told_in_one_unit() {
        for (length, text) in [
            (0, "less than a minute ago"),
            (MINUTE - 1, "less than a minute ago"),
            (90 * SECOND, "1 min ago"),
            (2 * HOUR - 1, "1 h ago"),
            (DAY, "1 day ago"),
            (3 * DAY, "3 days ago"),
        ] {
            assert_eq!(ago(length), text);
        }
        assert_eq!(length(4 * MINUTE + 10 * SECOND), "4 min");
        assert_eq!(length(42 * SECOND), "42 s");
    }

    #[test]
    fn numbers_of_drawings_have_two_decimals() {
        let numbers: Vec<String> = [0.0, 12.345, -0.004, -3.5, 100.0].into_iter().map(number).collect();
        assert_eq!(numbers, ["0.00", "12.35", "0.00", "-3.50", "100.00"]);
    }

    #[test]
    fn lists_read_as_sentences_do() {
        assert_eq!(listed(&["A"]), "A");
        assert_eq!(listed(&["A", "B"]), "A and B");
        assert_eq!(listed(&["A", "B", "C"]), "A, B and C");
    }

    #[test]
    fn an_endpoint_without_a_title_goes_by_its_locator() {
        assert_eq!(name(" ", "https://x"), "https://x");
        assert_eq!(name("", ""), "an endpoint without a name");
        assert_eq!(name("a\n b", ""), "a b");
        assert_eq!(name("\u{202e}live\u{2069}", ""), "live");
        assert_eq!(name(&"x".repeat(200), "").chars().count(), 60);
    }
}

//! The page's words for lengths of time, lists and statuses, where more than one place says them. Pure.

use shared::looks::Looks;
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

/// A length of time in full words, for a sentence: `12 minutes`, `3 hours 5 minutes`, `2 days 4 hours`.
#[must_use]
pub fn in_full(length: Nanos) -> String {
    let (size, unit, below, below_unit) = match length {
        ..MINUTE => return "less than a minute".to_owned(),
        MINUTE..HOUR => (MINUTE, "minute", 0, ""),
        HOUR..DAY => (HOUR, "hour", MINUTE, "minute"),
        _ => (DAY, "day", HOUR, "hour"),
    };
    let plural = |count: i64, unit: &str| format!("{count} {unit}{}", if count == 1 { "" } else { "s" });
    let whole = plural(length / size, unit);
    let rest = if below > 0 { length % size / below } else { 0 };
    if rest > 0 { format!("{whole} {}", plural(rest, below_unit)) } else { whole }
}

/// What the page calls a status: its own word, or the one that whoever hosts it has chosen.
#[must_use]
pub fn called(looks: &Looks, status: Status) -> &str {
    looks.words[status as usize].as_deref().unwrap_or(status.word())
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

/// A word at the beginning of a sentence.
#[must_use]
pub fn capital(word: &str) -> String {
    let mut letters = word.chars();
    letters.next().map_or_else(String::new, |first| format!("{}{}", first.to_ascii_uppercase(), letters.as_str()))
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
        for (length, text) in [
            (42 * SECOND, "less than a minute"),
            (MINUTE, "1 minute"),
            (12 * MINUTE + SECOND, "12 minutes"),
            (HOUR, "1 hour"),
            (3 * HOUR + 5 * MINUTE, "3 hours 5 minutes"),
            (2 * DAY + 4 * HOUR + MINUTE, "2 days 4 hours"),
        ] {
            assert_eq!(in_full(length), text);
        }
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
    fn statuses_are_called_as_the_host_likes() {
        let mut looks = Looks::default();
        looks.words[Status::Healthy as usize] = Some("operational".to_owned());
        assert_eq!((called(&looks, Status::Healthy), called(&looks, Status::Down)), ("operational", "down"));
        assert_eq!((capital("operational").as_str(), capital("").as_str()), ("Operational", ""));
        assert!(Status::ALL.into_iter().enumerate().all(|(place, status)| status as usize == place));
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

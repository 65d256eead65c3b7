//! Formats durations, names and symbols for several modules.

use shared::status::Status;
use shared::uptime::UptimeBreakdown;
use shared::{DAY, HOUR, MINUTE, Nanos, SECOND};

use crate::i18n::{Language, Text, texts};

/// The maximum number of names in a sentence. The others are counted.
pub(super) const NAMES_LIMIT: usize = 3;

/// Formats how long ago a time was, in one unit: `less than a minute ago`, `12 min ago`, `3 h ago`, `2 days ago`.
#[must_use]
#[inline(never)]
pub fn ago(length: Nanos, language: &Language) -> String {
    let (text, unit) = match length {
        ..MINUTE => (texts::JUST_NOW, MINUTE),
        MINUTE..HOUR => (texts::MINUTES_AGO, MINUTE),
        HOUR..DAY => (texts::HOURS_AGO, HOUR),
        _ => (texts::DAYS_AGO, DAY),
    };
    language.plural(text, (length / unit) as usize, &[])
}

/// Formats a duration in its two largest units: `12 min`, `1 h 5 min`, `89 d 23 h`, `4 min 10 s`. The duration is
/// truncated, never rounded up.
#[must_use]
pub fn exact_length(length: Nanos, language: &Language) -> String {
    let (great, small) = match length {
        DAY.. => ((texts::SHORT_DAYS, DAY), (texts::SHORT_HOURS, HOUR)),
        HOUR..DAY => ((texts::SHORT_HOURS, HOUR), (texts::SHORT_MINUTES, MINUTE)),
        MINUTE..HOUR => ((texts::SHORT_MINUTES, MINUTE), (texts::SHORT_SECONDS, SECOND)),
        _ => ((texts::SHORT_SECONDS, SECOND), (texts::SHORT_SECONDS, SECOND)),
    };
    // Seconds are omitted for ten minutes or more.
    let is_long = (10 * MINUTE..HOUR).contains(&length);
    two_units(if is_long { length / MINUTE * MINUTE } else { length.max(0) }, great, small, language)
}

/// Formats a duration without seconds unless it is shorter than a minute, because it must not change while someone
/// reads it.
#[must_use]
#[inline(never)]
pub fn length(length: Nanos, language: &Language) -> String {
    exact_length(if length >= MINUTE { length / MINUTE * MINUTE } else { length }, language)
}

/// Formats a duration with unabbreviated units, as in "for 3 hours 5 minutes": `12 minutes`, `2 days 4 hours`.
#[must_use]
pub fn full_length(length: Nanos, language: &Language) -> String {
    let (great, small) = match length {
        ..MINUTE => return language.format(texts::UNDER_A_MINUTE, &[]),
        MINUTE..HOUR => ((texts::MINUTES, MINUTE), (texts::MINUTES, MINUTE)),
        HOUR..DAY => ((texts::HOURS, HOUR), (texts::MINUTES, MINUTE)),
        _ => ((texts::FOR_DAYS, DAY), (texts::HOURS, HOUR)),
    };
    two_units(length, great, small, language)
}

/// Formats a duration in two units, or only in the larger one if the other would be zero.
fn two_units(length: Nanos, great: (Text, Nanos), small: (Text, Nanos), language: &Language) -> String {
    let format = |(text, unit), length: Nanos| language.plural(text, (length / unit) as usize, &[]);
    let (first, rest) = (format(great, length), length % great.1);
    if rest < small.1 { first } else { language.format(texts::TWO_UNITS, &[&first, &format(small, rest)]) }
}

/// Appends how long an endpoint was down, degraded and not observed: `; down for 11 min`. `partial` is the degraded time
/// in which some nodes reported it down.
#[must_use]
pub fn append_durations(mut text: String, breakdown: &UptimeBreakdown, partial: Nanos, language: &Language) -> String {
    for (time, label) in [
        (breakdown.down, texts::DOWN),
        (partial, texts::PARTIAL_OUTAGE),
        (breakdown.degraded - partial, texts::DEGRADED),
        (breakdown.unknown, texts::NOT_OBSERVED),
    ] {
        if time > 0 {
            let length = language.format(texts::FOR, &[language.text(label), &exact_length(time, language)]);
            text = language.format(texts::SEMICOLON, &[&text, &length]);
        }
    }
    text
}

/// Formats a part of a time with two digits: `07`.
#[must_use]
pub fn two_digits(number: i64) -> String {
    format!("{number:02}")
}

/// Capitalizes the first letter, if it is an ASCII letter.
#[must_use]
#[inline(never)]
pub fn capitalize(word: &str) -> String {
    let mut letters = word.chars();
    letters.next().map_or_else(String::new, |first| format!("{}{}", first.to_ascii_uppercase(), letters.as_str()))
}

/// Starts a word with a lowercase letter, if it starts with an ASCII letter.
#[must_use]
pub fn uncapitalize(word: &str) -> String {
    let mut letters = word.chars();
    letters.next().map_or_else(String::new, |first| format!("{}{}", first.to_ascii_lowercase(), letters.as_str()))
}

/// Returns a character that resembles the status's icon.
#[must_use]
pub fn symbol(status: Status) -> char {
    match status {
        Status::Unknown => '○',
        Status::Healthy => '●',
        Status::Degraded => '▲',
        Status::Down => '■',
    }
}

/// Returns text without line breaks and without control characters for text direction, which would affect the text
/// around it.
#[must_use]
pub fn on_one_line(text: &str) -> String {
    let is_directional = |character: &char| matches!(character, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    let plain: String = text.chars().filter(|character| !is_directional(character)).collect();
    plain.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Lists `count` names: `A, B and C`, or `A, B, C and 7 others`.
#[must_use]
pub fn counted_names(names: &[String], count: usize, language: &Language) -> String {
    let shown: Vec<&str> = names.iter().take(NAMES_LIMIT).map(String::as_str).collect();
    match count - shown.len() {
        0 => language.list(&shown),
        others => language.plural(texts::AND_OTHERS, others, &[&language.joined(texts::COMMA, &shown)]),
    }
}

/// Returns an endpoint's name for use in a sentence: on one line, shortened, and never empty.
#[must_use]
pub fn display_name(title: &str, locator: &str, language: &Language) -> String {
    const LIMIT: usize = 60;
    shared::check_file::shortened(full_name(title, locator, language), LIMIT)
}

/// Returns an endpoint's whole name on one line, which is never empty.
#[must_use]
pub fn full_name(title: &str, locator: &str, language: &Language) -> String {
    let name = [on_one_line(title), on_one_line(locator)].into_iter().find(|name| !name.is_empty());
    name.unwrap_or_else(|| language.format(texts::UNNAMED_SERVICE, &[]))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test_support::english;

    #[test]
    fn durations_have_one_or_two_units() {
        for (length, text) in [
            (0, "less than a minute ago"),
            (MINUTE - 1, "less than a minute ago"),
            (90 * SECOND, "1 min ago"),
            (2 * HOUR - 1, "1 h ago"),
            (DAY, "1 day ago"),
            (3 * DAY, "3 days ago"),
        ] {
            assert_eq!(ago(length, english()), text);
        }
        assert_eq!(length(4 * MINUTE + 10 * SECOND, english()), "4 min");
        assert_eq!(length(42 * SECOND, english()), "42 s");
        for (length, text) in [
            (42 * SECOND, "less than a minute"),
            (MINUTE, "1 minute"),
            (12 * MINUTE + SECOND, "12 minutes"),
            (HOUR, "1 hour"),
            (3 * HOUR + 5 * MINUTE, "3 hours 5 minutes"),
            (2 * DAY + 4 * HOUR + MINUTE, "2 days 4 hours"),
        ] {
            assert_eq!(full_length(length, english()), text);
        }
    }

    #[test]
    fn durations_match_the_command_line() {
        for seconds in [0, 42, 61, 599, 600, 759, 3_599, 3_600, 3_900, 86_399, 86_400, 7_775_999] {
            assert_eq!(exact_length(seconds * SECOND, english()), shared::duration::format_coarse(seconds * SECOND));
        }
    }

    #[test]
    fn the_first_letter_is_capitalized() {
        assert_eq!((capitalize("operational").as_str(), capitalize("").as_str()), ("Operational", ""));
    }

    #[test]
    fn an_endpoint_without_a_title_is_named_by_its_locator() {
        assert_eq!(display_name(" ", "https://x", english()), "https://x");
        assert_eq!(display_name("", "", english()), "an unnamed service");
        assert_eq!(display_name("a\n b", "", english()), "a b");
        assert_eq!(display_name("\u{202e}live\u{2069}", "", english()), "live");
        assert_eq!(display_name(&"x".repeat(200), "", english()).chars().count(), 60);
        assert_eq!(full_name(&"x".repeat(200), "", english()).chars().count(), 200);
    }
}

//! What the page says and how it writes dates and numbers, in the language of whoever reads it. The texts lie in
//! `statuspage/locales/`, one file a language; what the browser knows of a language is handed in. Pure.

use shared::status::Status;
use shared::{Nanos, duration};

use super::texts::{self, Text};

/// How a date is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DateStyle {
    /// `Sunday 22 November`
    Long,
    /// `Sunday, 22 November 2026`
    LongWithYear,
    /// `22 November`
    Short,
    /// `22 November 2026`
    ShortWithYear,
    /// `22 Nov`
    Axis,
    /// `Sunday`
    Weekday,
}

/// What is known of a language beside its texts; in a browser `Intl` knows it.
pub trait LocaleFormat {
    /// The plural category of a number: `one`, `few`, `other`, …
    fn category(&self, number: usize) -> String;
    /// A number of things.
    fn count(&self, number: usize) -> String;
    /// A day, by its number since 1970.
    fn date(&self, style: DateStyle, day_number: i64) -> String;
    /// What stands between the whole and its decimals.
    fn decimal(&self) -> &str;
    /// What stands before and behind the figures of a percentage.
    fn percent(&self) -> (&str, &str);
}

/// The texts of a locale file, in the order of their keys in `en.txt`.
pub struct Texts(Vec<Option<String>>);

impl Texts {
    /// Reads lines of `key = text` in any order; other lines and unknown keys are ignored.
    #[must_use]
    pub fn parse(file: &str) -> Texts {
        let lines: Vec<(&str, &str)> = file.lines().filter_map(|line| line.split_once(" = ")).collect();
        let text = |key| lines.iter().find(|(known, _)| *known == key).map(|(_, text)| (*text).to_owned());
        Texts(texts::KEYS.lines().map(text).collect())
    }

    /// Whether no key is missing.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        self.0.iter().all(Option::is_some)
    }

    /// Takes the texts that are missing from a fallback.
    pub fn fill_from(&mut self, fallback: Texts) {
        for (text, fallback) in self.0.iter_mut().zip(fallback.0) {
            *text = text.take().or(fallback);
        }
    }
}

/// A language. Its functions are called from wherever something is said: in the place of calls they would weigh much.
pub struct Language {
    texts: Vec<String>,
    format: Box<dyn LocaleFormat>,
}

impl Language {
    /// A language whose texts are all there; `None` if any is missing.
    #[must_use]
    pub fn new(texts: Texts, format: Box<dyn LocaleFormat>) -> Option<Language> {
        let texts = texts.0.into_iter().collect::<Option<Vec<String>>>()?;
        Some(Language { texts, format })
    }

    /// Calls the statuses as whoever hosts the page does, by their places in [`Status::ALL`].
    #[must_use]
    pub fn with_status_labels(mut self, words: &[Option<String>; 4]) -> Language {
        for (text, word) in STATUSES.iter().zip(words) {
            if let (Some(place), Some(word)) = (self.texts.get_mut(text.index()), word) {
                place.clone_from(word);
            }
        }
        self
    }

    /// A text as it is, without anything to fill in.
    #[must_use]
    #[inline(never)]
    pub fn text(&self, text: Text) -> &str {
        self.texts.get(text.index()).map_or("", String::as_str)
    }

    /// A text with its places filled in.
    #[must_use]
    #[inline(never)]
    pub fn format(&self, text: Text, values: &[&str]) -> String {
        filled(self.text(text), values)
    }

    /// A text in the form that a number asks for; `{0}` is the number, and `{1}` the first value.
    #[must_use]
    #[inline(never)]
    pub fn plural(&self, text: Text, number: usize, values: &[&str]) -> String {
        let category = self.format.category(number);
        let place = self.text(texts::PLURALS).split('|').position(|known| known == category);
        let mut form = "";
        for (here, one) in self.text(text).split('|').enumerate() {
            form = one;
            if Some(here) == place {
                break;
            }
        }
        let number = self.format.count(number);
        let mut all = vec![number.as_str()];
        all.extend(values);
        filled(form, &all)
    }

    /// A number of things.
    #[must_use]
    #[inline(never)]
    pub fn number(&self, number: usize) -> String {
        self.format.count(number)
    }

    /// A day, by its number since 1970.
    #[must_use]
    pub fn date(&self, style: DateStyle, day_number: i64) -> String {
        self.format.date(style, day_number)
    }

    /// Figures with a point before their decimals, as this language writes them.
    #[must_use]
    pub fn decimal(&self, text: &str) -> String {
        match text.split_once('.') {
            Some((whole, decimals)) => [whole, self.format.decimal(), decimals].concat(),
            None => text.to_owned(),
        }
    }

    /// A percentage such as `99.97%`, as this language writes it.
    #[must_use]
    #[inline(never)]
    pub fn percent(&self, text: &str) -> String {
        let (before, behind) = self.format.percent();
        [before, &self.decimal(text.strip_suffix('%').unwrap_or(text)), behind].concat()
    }

    /// A response time: `95.0 ms`.
    #[must_use]
    #[inline(never)]
    pub fn response_time(&self, nanos: Nanos) -> String {
        self.isolate(self.decimal(&duration::format_rtt(nanos)))
    }

    /// A name or a figure with its unit as it can stand in a sentence: one that is written in the other direction would lose
    /// its place.
    #[must_use]
    #[inline(never)]
    pub fn isolate(&self, name: String) -> String {
        // Hebrew, Arabic and their neighbors, with the forms that letters take beside each other, and old scripts.
        let turns = |letter| matches!(letter, '\u{590}'..'\u{900}' | '\u{fb1d}'..'\u{ff00}' | '\u{10800}'..'\u{11000}');
        let is_to_isolate = self.text(texts::DIRECTION) == "rtl" || name.chars().any(turns);
        if is_to_isolate { ["\u{2068}", &name, "\u{2069}"].concat() } else { name }
    }

    /// The word for a status.
    #[must_use]
    #[inline(never)]
    pub fn status_label(&self, status: Status) -> &str {
        self.text(STATUSES[status as usize])
    }

    /// `A`, `A and B`, `A, B and C`.
    #[must_use]
    pub fn list(&self, names: &[&str]) -> String {
        match names {
            [first @ .., last] if !first.is_empty() => {
                self.format(texts::AND, &[&self.joined(texts::COMMA, first), last])
            }
            _ => names.concat(),
        }
    }

    /// Parts put together two by two by a text such as `{0}, {1}`.
    #[must_use]
    pub fn joined(&self, by: Text, parts: &[&str]) -> String {
        let mut joined = String::new();
        for part in parts {
            joined = if joined.is_empty() { (*part).to_owned() } else { self.format(by, &[&joined, part]) };
        }
        joined
    }
}

/// What the statuses are called, in the order of [`Status::ALL`].
const STATUSES: [Text; 4] = [texts::UNKNOWN, texts::HEALTHY, texts::DEGRADED, texts::DOWN];

/// Puts values into the places of a text: `{0} of {1}`. There are no more than ten.
fn filled(text: &str, values: &[&str]) -> String {
    let mut filled = String::with_capacity(text.len() + 16);
    let mut rest = text;
    while let Some((before, behind)) = rest.split_once('{') {
        filled.push_str(before);
        let place = behind.bytes().next().unwrap_or_default().wrapping_sub(b'0');
        filled.push_str(values.get(usize::from(place)).copied().unwrap_or_default());
        rest = behind.get(2..).unwrap_or_default();
    }
    filled.push_str(rest);
    filled
}

#[cfg(test)]
mod tests;

//! The page's translations and its formats for dates and numbers, in one language. Translations come from
//! `statuspage/locales/`, and formats from the browser. This module is pure.

use shared::status::Status;
use shared::{Nanos, duration, substring};

use super::texts::{self, Text};

/// A style in which dates are formatted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DateStyle {
    /// A date with its weekday, such as `Sunday 22 November`.
    Long,
    /// A date with its weekday and year, such as `Sunday, 22 November 2026`.
    LongWithYear,
    /// A date without its weekday, such as `22 November`.
    Short,
    /// A date with its year, such as `22 November 2026`.
    ShortWithYear,
    /// The shortest form of a date, such as `22 Nov`.
    Axis,
    /// The full name of the weekday, such as `Sunday`.
    Weekday,
    /// The month with its year, such as `November 2026`.
    Month,
}

/// The formats of a language. In a browser, `Intl` provides them.
pub trait LocaleFormat {
    /// Returns a number's plural category in Unicode CLDR: `one`, `few`, `other`, …
    fn category(&self, number: usize) -> String;
    fn count(&self, number: usize) -> String;
    /// Formats a date, given as a number of days since 1970-01-01.
    fn date(&self, style: DateStyle, day_number: i64) -> String;
    /// Returns the decimal separator, such as `.` or `,`.
    fn decimal(&self) -> &str;
    /// Returns the prefix and suffix of a percentage.
    fn percent(&self) -> (&str, &str);
}

/// The strings of a locale file, in the order of the keys in `en.txt`.
pub struct Texts(Vec<Option<String>>);

impl Texts {
    /// Parses lines of the form `key = text`, in any order. Other lines and unknown keys are ignored.
    #[must_use]
    pub fn parse(file: &str) -> Texts {
        let lines: Vec<(&str, &str)> = file.lines().filter_map(|line| substring::split_once(line, " = ")).collect();
        let text = |key| lines.iter().find(|(known, _)| *known == key).map(|(_, text)| (*text).to_owned());
        Texts(texts::KEYS.lines().map(text).collect())
    }

    /// Returns whether every key has a translation.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        self.0.iter().all(Option::is_some)
    }

    /// Replaces missing translations with those of a fallback language.
    pub fn fill_from(&mut self, fallback: Texts) {
        for (text, fallback) in self.0.iter_mut().zip(fallback.0) {
            *text = text.take().or(fallback);
        }
    }
}

/// A language with its translations and formats. Its methods have many call sites, so inlining them would enlarge the
/// page.
pub struct Language {
    texts: Vec<String>,
    format: Box<dyn LocaleFormat>,
}

impl Language {
    /// Creates a language. Returns `None` if a translation is missing.
    #[must_use]
    pub fn new(texts: Texts, format: Box<dyn LocaleFormat>) -> Option<Language> {
        let texts = texts.0.into_iter().collect::<Option<Vec<String>>>()?;
        Some(Language { texts, format })
    }

    /// Replaces the status labels with configured ones, in the order of [`Status::ALL`].
    #[must_use]
    pub fn with_status_labels(mut self, labels: &[Option<String>; 4]) -> Language {
        for (text, label) in STATUSES.iter().zip(labels) {
            if let (Some(text), Some(label)) = (self.texts.get_mut(text.index()), label) {
                text.clone_from(label);
            }
        }
        self
    }

    /// Returns a translation with its placeholders unchanged.
    #[must_use]
    #[inline(never)]
    pub fn text(&self, text: Text) -> &str {
        self.texts.get(text.index()).map_or("", String::as_str)
    }

    /// Returns a translation with its placeholders replaced.
    #[must_use]
    #[inline(never)]
    pub fn format(&self, text: Text, values: &[&str]) -> String {
        fill(self.text(text), values)
    }

    /// Returns a translation in the plural form for a number. `{0}` is the number, and `{1}` is the first value.
    #[must_use]
    #[inline(never)]
    pub fn plural(&self, text: Text, number: usize, values: &[&str]) -> String {
        let category = self.format.category(number);
        let form_index = self.text(texts::PLURALS).split('|').position(|known| known == category);
        let mut form = "";
        // The last form is used for all other categories.
        for (index, one) in self.text(text).split('|').enumerate() {
            form = one;
            if Some(index) == form_index {
                break;
            }
        }
        let number = self.format.count(number);
        let mut all = vec![number.as_str()];
        all.extend(values);
        fill(form, &all)
    }

    #[must_use]
    #[inline(never)]
    pub fn number(&self, number: usize) -> String {
        self.format.count(number)
    }

    /// Formats a date, given as a number of days since 1970-01-01.
    #[must_use]
    pub fn date(&self, style: DateStyle, day_number: i64) -> String {
        self.format.date(style, day_number)
    }

    /// Formats a number such as `1.5` with this language's decimal separator.
    #[must_use]
    pub fn decimal(&self, text: &str) -> String {
        match text.split_once('.') {
            Some((whole, decimals)) => [whole, self.format.decimal(), decimals].concat(),
            None => text.to_owned(),
        }
    }

    /// Formats a percentage such as `99.97%` for this language.
    #[must_use]
    #[inline(never)]
    pub fn percent(&self, text: &str) -> String {
        let (prefix, suffix) = self.format.percent();
        [prefix, &self.decimal(text.strip_suffix('%').unwrap_or(text)), suffix].concat()
    }

    /// Formats a response time, such as `95.0 ms`.
    #[must_use]
    #[inline(never)]
    pub fn response_time(&self, nanos: Nanos) -> String {
        self.isolate(self.decimal(&duration::format_rtt(nanos)))
    }

    /// Isolates a name, or a number with its unit, from the direction of the surrounding text.
    #[must_use]
    #[inline(never)]
    pub fn isolate(&self, name: String) -> String {
        // Hebrew, Arabic and related scripts, their presentation forms, and historic scripts.
        let is_rtl =
            |letter| matches!(letter, '\u{590}'..'\u{900}' | '\u{fb1d}'..'\u{ff00}' | '\u{10800}'..'\u{11000}');
        let needs_isolation = self.text(texts::DIRECTION) == "rtl" || name.chars().any(is_rtl);
        if needs_isolation { ["\u{2068}", &name, "\u{2069}"].concat() } else { name }
    }

    /// Returns the label for a status.
    #[must_use]
    #[inline(never)]
    pub fn status_label(&self, status: Status) -> &str {
        self.text(STATUSES[status as usize])
    }

    /// Formats a list for use in a sentence: `A`, `A and B`, `A, B and C`.
    #[must_use]
    pub fn list(&self, names: &[&str]) -> String {
        match names {
            [first @ .., last] if !first.is_empty() => {
                self.format(texts::AND, &[&self.joined(texts::COMMA, first), last])
            }
            _ => names.concat(),
        }
    }

    /// Joins parts with a translation such as `{0}, {1}`.
    #[must_use]
    pub fn joined(&self, separator: Text, parts: &[&str]) -> String {
        let mut joined = String::new();
        for part in parts {
            joined = if joined.is_empty() { (*part).to_owned() } else { self.format(separator, &[&joined, part]) };
        }
        joined
    }
}

/// The status labels, in the order of [`Status::ALL`].
const STATUSES: [Text; 4] = [texts::UNKNOWN, texts::HEALTHY, texts::DEGRADED, texts::DOWN];

/// Replaces the placeholders of a translation such as `{0} of {1}`. A placeholder's number has one digit.
fn fill(text: &str, values: &[&str]) -> String {
    let mut filled = String::with_capacity(text.len() + 16);
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('{') {
        filled.push_str(before);
        let index = after.bytes().next().unwrap_or_default().wrapping_sub(b'0');
        filled.push_str(values.get(usize::from(index)).copied().unwrap_or_default());
        rest = after.get(2..).unwrap_or_default();
    }
    filled.push_str(rest);
    filled
}

#[cfg(test)]
mod tests;

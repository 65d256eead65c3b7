//! What the page says and how it writes dates and numbers, in the language of whoever reads it. The texts lie in
//! `statuspage/locales/`, one file a language; what the browser knows of a language is handed in. Pure.

use shared::status::Status;
use shared::{Nanos, duration};

use super::texts;

/// A text, by the position of its key in `en.txt`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Text(pub(super) u8);

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
            if let (Some(place), Some(word)) = (self.texts.get_mut(usize::from(text.0)), word) {
                place.clone_from(word);
            }
        }
        self
    }

    /// A text as it is, without anything to fill in.
    #[must_use]
    #[inline(never)]
    pub fn text(&self, text: Text) -> &str {
        self.texts.get(usize::from(text.0)).map_or("", String::as_str)
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
        self.isolate(self.decimal(&duration::rtt(nanos)))
    }

    /// A name or a figure with its unit as it can stand in a sentence: one that is written in the other direction would lose
    /// its place.
    #[must_use]
    #[inline(never)]
    pub fn isolate(&self, name: String) -> String {
        // Hebrew, Arabic and their neighbours, with the forms that letters take beside each other, and old scripts.
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
pub(crate) mod tests {
    use super::*;
    use crate::civil::CivilTime;
    use shared::looks::LANGUAGES;
    use shared::{DAY, HOUR};

    /// What a browser knows of English, and of the plurals of the others (Unicode CLDR).
    struct TestFormat {
        code: &'static str,
    }

    const WEEKDAYS: [&str; 7] = ["Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"];
    const MONTHS: [&str; 12] = [
        "January",
        "February",
        "March",
        "April",
        "May",
        "June",
        "July",
        "August",
        "September",
        "October",
        "November",
        "December",
    ];

    impl LocaleFormat for TestFormat {
        fn category(&self, number: usize) -> String {
            let category = match (self.code, number) {
                ("ja" | "zh", _) => "other",
                ("ar", 0) => "zero",
                ("ar", 2) => "two",
                ("fr" | "pt", 0) | (_, 1) => "one",
                ("ar", number) if (3..=10).contains(&(number % 100)) => "few",
                ("ar", number) if (11..=99).contains(&(number % 100)) => "many",
                ("es" | "fr" | "pt", number) if number > 0 && number % 1_000_000 == 0 => "many",
                _ => "other",
            };
            category.to_owned()
        }

        fn count(&self, number: usize) -> String {
            number.to_string()
        }

        fn date(&self, style: DateStyle, day_number: i64) -> String {
            let date = CivilTime::from_unix(day_number * DAY + HOUR);
            let (day, month, year) = (date.day, MONTHS[date.month - 1], date.year);
            let weekday = WEEKDAYS[(day_number + 4).rem_euclid(7) as usize];
            match style {
                DateStyle::Long => format!("{weekday} {day} {month}"),
                DateStyle::LongWithYear => format!("{weekday}, {day} {month} {year}"),
                DateStyle::Short => format!("{day} {month}"),
                DateStyle::ShortWithYear => format!("{day} {month} {year}"),
                DateStyle::Axis => format!("{day} {}", &month[..3]),
                DateStyle::Weekday => weekday.to_owned(),
            }
        }

        fn decimal(&self) -> &str {
            if matches!(self.code, "de" | "fr" | "es" | "pt") { "," } else { "." }
        }

        fn percent(&self) -> (&str, &str) {
            if self.code == "de" { ("", "\u{a0}%") } else { ("", "%") }
        }
    }

    fn file(code: &str) -> String {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/locales/");
        std::fs::read_to_string(format!("{folder}{code}.txt")).expect("each language has a file")
    }

    /// A language as a reader of it has it, but for spaces that no line breaks at: tests write plain ones.
    pub(crate) fn language(code: &'static str) -> Language {
        let texts = Texts::parse(&file(code).replace('\u{a0}', " "));
        Language::new(texts, Box::new(TestFormat { code })).unwrap_or_else(|| panic!("{code}: a key is missing"))
    }

    /// The language in which tests read the page.
    pub(crate) fn english() -> &'static Language {
        thread_local!(static ENGLISH: &'static Language = Box::leak(Box::new(language("en"))));
        ENGLISH.with(|english| *english)
    }

    /// English with another word for a status.
    pub(crate) fn with_status_labels(status: Status, word: &str) -> Language {
        let mut words = [const { None }; 4];
        words[status as usize] = Some(word.to_owned());
        language("en").with_status_labels(&words)
    }

    /// The keys and the texts of a file.
    fn lines(file: &str) -> Vec<(&str, &str)> {
        let lines = file.lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
        lines.map(|line| line.split_once(" = ").unwrap_or_else(|| panic!("`{line}` has no key"))).collect()
    }

    /// The places of a text that are filled in, each once.
    fn places(text: &str) -> Vec<&str> {
        let mut places: Vec<&str> =
            text.split('{').skip(1).map(|rest| rest.split_once('}').expect("it is closed").0).collect();
        places.sort_unstable();
        places.dedup();
        places
    }

    /// Each key of English with its text in a language, and with the English one.
    fn pairs<'f>(file: &'f str, english: &'f str) -> Vec<(&'f str, &'f str, &'f str)> {
        let texts = lines(file);
        let text_of = |key| texts.iter().find(|(known, _)| *known == key).map(|(_, text)| *text);
        let pairs = lines(english).into_iter();
        pairs
            .map(|(key, english)| (key, text_of(key).unwrap_or_else(|| panic!("`{key}` is missing")), english))
            .collect()
    }

    #[test]
    fn no_language_lacks_a_text_or_has_one_too_many() {
        let sorted_keys = |file: &str| {
            let mut keys: Vec<String> = lines(file).iter().map(|(key, _)| (*key).to_owned()).collect();
            keys.sort_unstable();
            keys
        };
        let english = sorted_keys(&file("en"));
        assert!(english.windows(2).all(|pair| pair[0] != pair[1]), "a key twice");
        for code in LANGUAGES {
            assert_eq!(sorted_keys(&file(code)), english, "{code}");
            for line in file(code).lines() {
                assert_eq!(line, line.trim(), "{code}: a space at an end");
            }
        }
        let files = std::fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/locales")).expect("it is a folder");
        assert_eq!(files.count(), LANGUAGES.len());
    }

    #[test]
    fn every_text_fills_in_what_the_english_one_does() {
        let english = file("en");
        for code in LANGUAGES {
            for (key, text, wanted) in pairs(&file(code), &english) {
                assert_eq!(places(text), places(wanted), "{code}: {key}");
                // A form for one or for none need not name the number; the last one is for all others.
                let last = text.rsplit('|').next().expect("there is a form");
                assert_eq!(places(last), places(wanted), "{code}: {key}");
                for place in places(text) {
                    assert!(place.parse::<usize>().is_ok_and(|place| place < 5), "{code}: {key}");
                }
            }
        }
    }

    #[test]
    fn what_is_counted_has_as_many_forms_as_the_language_has_categories() {
        let english = file("en");
        for code in LANGUAGES {
            let file = file(code);
            let plurals = lines(&file).iter().find(|(key, _)| *key == "plurals").expect("they are told").1.to_owned();
            for (key, text, wanted) in pairs(&file, &english) {
                let forms = text.split('|').count();
                // A sentence may go round the number, and is the same for all.
                let all = if wanted.contains('|') { plurals.split('|').count() } else { 1 };
                assert!(forms == all || forms == 1, "{code}: {key}: {text}");
            }
        }
    }

    #[test]
    fn numbers_choose_their_forms() {
        let hours = |code, number| language(code).plural(texts::HOURS, number, &[]);
        assert_eq!([0, 1, 2].map(|number| hours("en", number)), ["0 hours", "1 hour", "2 hours"]);
        assert_eq!([1, 2].map(|number| hours("de", number)), ["1 Stunde", "2 Stunden"]);
        assert_eq!([0, 1, 2].map(|number| hours("fr", number)), ["0 heure", "1 heure", "2 heures"]);
        assert_eq!(hours("es", 1_000_000), "1000000 horas", "a category that no form is for has the last one");
        assert_eq!([1, 2].map(|number| hours("ja", number)), ["1時間", "2時間"]);
        assert_eq!([1, 2].map(|number| hours("zh", number)), ["1 小时", "2 小时"]);
        let arabic = [0, 1, 2, 3, 11, 100].map(|number| hours("ar", number));
        assert_eq!(arabic, ["0 ساعة", "ساعة واحدة", "ساعتان", "3 ساعات", "11 ساعة", "100 ساعة"]);
    }

    #[test]
    fn words_at_the_beginning_of_sentences_can_be_made_great() {
        // Only ASCII letters are; other scripts have no great letters, or the word has one already.
        for code in LANGUAGES {
            for (key, text) in lines(&file(code)) {
                let first = text.chars().next().expect("it says something");
                assert!(first.is_ascii() || !first.is_lowercase(), "{code}: {key}: {text}");
            }
        }
    }

    #[test]
    fn figures_are_written_as_the_language_does() {
        assert_eq!(
            (language("en").percent("99.97%"), language("en").response_time(1_240_000_000)),
            ("99.97%".into(), "1.24 s".into())
        );
        assert_eq!(
            (language("de").percent("100%"), language("de").percent("99.97%")),
            ("100\u{a0}%".into(), "99,97\u{a0}%".into())
        );
        assert_eq!(language("fr").response_time(95_000_000), "95,0 ms");
    }

    #[test]
    fn lists_read_as_sentences_do() {
        let listed = |code, names: &[&str]| language(code).list(names);
        assert_eq!((listed("en", &[]), listed("en", &["A"])), (String::new(), "A".to_owned()));
        assert_eq!(
            (listed("en", &["A", "B"]), listed("en", &["A", "B", "C"])),
            ("A and B".into(), "A, B and C".into())
        );
        assert_eq!(
            (listed("de", &["A", "B", "C"]), listed("ja", &["A", "B", "C"])),
            ("A, B und C".into(), "A、B、C".into())
        );
    }

    #[test]
    fn statuses_are_called_as_the_host_likes() {
        let own = with_status_labels(Status::Healthy, "operational");
        assert_eq!((own.status_label(Status::Healthy), own.status_label(Status::Down)), ("operational", "down"));
        assert!(Status::ALL.into_iter().enumerate().all(|(place, status)| status as usize == place));
    }

    #[test]
    fn names_keep_their_place_in_sentences_from_right_to_left() {
        assert_eq!(language("ar").isolate("1-a.json".to_owned()), "\u{2068}1-a.json\u{2069}");
        assert_eq!(language("de").isolate("1-a.json".to_owned()), "1-a.json");
        assert_eq!(
            language("de").isolate("שלום".to_owned()),
            "\u{2068}שלום\u{2069}",
            "two of them would change places"
        );
    }

    #[test]
    fn keys_come_in_any_order_and_a_missing_one_is_taken_from_the_fallback() {
        let english = file("en");
        assert!(Texts::parse(&english).is_complete() && Texts::parse(&english.replace('\n', "\r\n")).is_complete());
        let backwards = file("de").lines().rev().collect::<Vec<_>>().join("\n");
        let without = backwards.replace("\nup = ", "\nno_such_key = ");
        let mut texts = Texts::parse(&without);
        assert!(Texts::parse(&backwards).is_complete() && !texts.is_complete());
        texts.fill_from(Texts::parse(&english));
        let language = Language::new(texts, Box::new(TestFormat { code: "de" })).expect("English has the rest");
        assert_eq!((language.text(texts::UP), language.text(texts::DOWN)), ("{0} up", "ausgefallen"));
    }

    #[test]
    fn without_some_text_there_is_no_language() {
        let parse = |file: &str| Language::new(Texts::parse(file), Box::new(TestFormat { code: "en" })).is_some();
        assert!(!parse("") && !parse("<!doctype html>"));
        assert!(!parse(&file("en").replace("\nup = ", "\ndown_again = ")));
    }

    #[test]
    fn what_is_filled_in_is_not_filled_in_again() {
        assert_eq!(filled("{0} is {1}", &["{1}", "down"]), "{1} is down");
        assert_eq!(filled("{7}{", &["x"]), "");
    }
}

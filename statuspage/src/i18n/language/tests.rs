use super::*;
use crate::test_support::{TestFormat, language, locale_file as file, with_status_labels};
use shared::page_config::appearance::LANGUAGES;

/// Returns the keys and strings of a locale file.
fn lines(file: &str) -> Vec<(&str, &str)> {
    let lines = file.lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
    lines.map(|line| line.split_once(" = ").unwrap_or_else(|| panic!("`{line}` has no key"))).collect()
}

/// Returns the distinct placeholders of a string.
fn placeholders(text: &str) -> Vec<&str> {
    let mut placeholders: Vec<&str> =
        text.split('{').skip(1).map(|rest| rest.split_once('}').expect("it is closed").0).collect();
    placeholders.sort_unstable();
    placeholders.dedup();
    placeholders
}

/// Returns each key with its translation and the English string.
fn pairs<'f>(file: &'f str, english: &'f str) -> Vec<(&'f str, &'f str, &'f str)> {
    let texts = lines(file);
    let text_of = |key| texts.iter().find(|(known, _)| *known == key).map(|(_, text)| *text);
    let pairs = lines(english).into_iter();
    pairs.map(|(key, english)| (key, text_of(key).unwrap_or_else(|| panic!("`{key}` is missing")), english)).collect()
}

#[test]
fn all_languages_have_the_same_keys() {
    let sorted_keys = |file: &str| {
        let mut keys: Vec<String> = lines(file).iter().map(|(key, _)| (*key).to_owned()).collect();
        keys.sort_unstable();
        keys
    };
    let english = sorted_keys(&file("en"));
    assert!(english.windows(2).all(|pair| pair[0] != pair[1]), "a duplicate key");
    for code in LANGUAGES {
        assert_eq!(sorted_keys(&file(code)), english, "{code}");
        for line in file(code).lines() {
            assert_eq!(line, line.trim(), "{code}: a line starts or ends with a space");
        }
    }
    let files = std::fs::read_dir("locales").expect("it is a folder");
    assert_eq!(files.count(), LANGUAGES.len());
}

#[test]
fn all_languages_use_the_same_placeholders() {
    let english = file("en");
    for code in LANGUAGES {
        for (key, text, wanted) in pairs(&file(code), &english) {
            assert_eq!(placeholders(text), placeholders(wanted), "{code}: {key}");
            // The forms for zero and one do not need to contain the number. The last form is used for all other
            // numbers.
            let last = text.rsplit('|').next().expect("there is a form");
            assert_eq!(placeholders(last), placeholders(wanted), "{code}: {key}");
            for placeholder in placeholders(text) {
                assert!(placeholder.parse::<usize>().is_ok_and(|number| number < 5), "{code}: {key}");
            }
        }
    }
}

#[test]
fn plural_texts_have_a_form_for_each_category() {
    let english = file("en");
    for code in LANGUAGES {
        let file = file(code);
        let plurals = lines(&file).iter().find(|(key, _)| *key == "plurals").expect("the key exists").1.to_owned();
        for (key, text, wanted) in pairs(&file, &english) {
            let forms = text.split('|').count();
            // A single form that fits all numbers is allowed.
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
    assert_eq!(hours("es", 1_000_000), "1000000 horas", "a category without a form uses the last one");
    assert_eq!([1, 2].map(|number| hours("ja", number)), ["1時間", "2時間"]);
    assert_eq!([1, 2].map(|number| hours("zh", number)), ["1 小时", "2 小时"]);
    let arabic = [0, 1, 2, 3, 11, 100].map(|number| hours("ar", number));
    assert_eq!(arabic, ["0 ساعة", "ساعة واحدة", "ساعتان", "3 ساعات", "11 ساعة", "100 ساعة"]);
}

#[test]
fn all_texts_start_with_a_letter_that_can_be_capitalized() {
    // Only ASCII letters are capitalized, so any other first letter must be uppercase or caseless.
    for code in LANGUAGES {
        for (key, text) in lines(&file(code)) {
            let first = text.chars().next().expect("it is not empty");
            assert!(first.is_ascii() || !first.is_lowercase(), "{code}: {key}: {text}");
        }
    }
}

#[test]
fn numbers_have_the_format_of_the_language() {
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
fn lists_have_the_conjunction_of_the_language() {
    let listed = |code, names: &[&str]| language(code).list(names);
    assert_eq!((listed("en", &[]), listed("en", &["A"])), (String::new(), "A".to_owned()));
    assert_eq!((listed("en", &["A", "B"]), listed("en", &["A", "B", "C"])), ("A and B".into(), "A, B and C".into()));
    assert_eq!(
        (listed("de", &["A", "B", "C"]), listed("ja", &["A", "B", "C"])),
        ("A, B und C".into(), "A、B、C".into())
    );
}

#[test]
fn status_labels_can_be_configured() {
    let language = with_status_labels(Status::Healthy, "operational");
    let labels = [Status::Healthy, Status::Down].map(|status| language.status_label(status));
    assert_eq!(labels, ["operational", "down"]);
    assert!(Status::ALL.into_iter().enumerate().all(|(index, status)| status as usize == index));
}

#[test]
fn names_are_isolated_from_the_other_direction() {
    assert_eq!(language("ar").isolate("1-a.json".to_owned()), "\u{2068}1-a.json\u{2069}");
    assert_eq!(language("de").isolate("1-a.json".to_owned()), "1-a.json");
    assert_eq!(language("de").isolate("שלום".to_owned()), "\u{2068}שלום\u{2069}", "two of them would swap");
}

#[test]
fn the_fallback_replaces_missing_texts() {
    let english = file("en");
    assert!(Texts::parse(&english).is_complete() && Texts::parse(&english.replace('\n', "\r\n")).is_complete());
    let backwards = file("de").lines().rev().collect::<Vec<_>>().join("\n");
    let without = backwards.replace("\nup = ", "\nno_such_key = ");
    let mut texts = Texts::parse(&without);
    assert!(Texts::parse(&backwards).is_complete() && !texts.is_complete());
    texts.fill_from(Texts::parse(&english));
    let language = Language::new(texts, Box::new(TestFormat { code: "de" })).expect("English is complete");
    assert_eq!((language.text(texts::UP), language.text(texts::DOWN)), ("{0} up", "ausgefallen"));
}

#[test]
fn a_language_needs_all_texts() {
    let parse = |file: &str| Language::new(Texts::parse(file), Box::new(TestFormat { code: "en" })).is_some();
    assert!(!parse("") && !parse("<!doctype html>"));
    assert!(!parse(&file("en").replace("\nup = ", "\ndown_again = ")));
}

#[test]
fn placeholders_in_values_are_not_replaced() {
    assert_eq!(fill("{0} is {1}", &["{1}", "down"]), "{1} is down");
    assert_eq!(fill("{7}{", &["x"]), "");
}

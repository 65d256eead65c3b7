//! Determines whether a value could mean the same as an operand of another type: `"100%"` as 100, 0 as `false`, or `""`
//! as `null`. Such values are neither equal nor different.

use std::cmp::Ordering;

use serde_json::Value as Json;

use super::decimal::{Decimal, HugeExponent};
use super::json_texts::{JsonTexts, scalar_text};
use super::operand::{Operand, Reason};
use crate::checks::visible_text::visible_string;

const SIMILAR: Reason = "its type differs, but it can mean the same; compare it with a value of its type";
const HAS_NUMBER: Reason = "it contains this number; use `contains` or `matches`";
const NOT_A_FLAG: Reason = "it is neither `true` nor `false`; compare it with a string";
const NO_UNIT: Reason = "it is a number without a unit; compare it with a number";

/// Words that mean `true` in configuration files, databases and status reports.
const TRUE_WORDS: &[&str] = &[
    "true",
    "t",
    "yes",
    "y",
    "on",
    "enabled",
    "up",
    "ok",
    "healthy",
    "online",
    "running",
    "ready",
    "active",
    "alive",
    "available",
    "success",
    "successful",
    "pass",
    "passed",
    "passing",
];
/// Words that mean `false`.
const FALSE_WORDS: &[&str] = &[
    "false",
    "f",
    "no",
    "n",
    "off",
    "disabled",
    "down",
    "unhealthy",
    "offline",
    "stopped",
    "inactive",
    "dead",
    "unavailable",
    "error",
    "fail",
    "failed",
    "failing",
    "failure",
    "fatal",
    "critical",
    "none",
];
/// Words for a value that is absent.
const NULL_WORDS: &[&str] = &["null", "none", "nil", "undefined", "n/a", "na", "nan", "-"];

/// Returns the reason why a text could mean an operand that is not a text.
pub(super) fn of_text(text: &str, operand: &Operand) -> Option<Reason> {
    let text = visible_string(text);
    let text = text.trim();
    let is_same = match operand {
        Operand::Text(_) => false,
        Operand::Number(number) if text.is_empty() => is_zero(number),
        Operand::Number(number) => match text.to_ascii_lowercase().as_str() {
            "true" => !is_zero(number),
            "false" | "null" => is_zero(number),
            _ => return contains_number(text, number).then_some(HAS_NUMBER),
        },
        Operand::Duration { .. } => return Decimal::parse(text).map(|_| NO_UNIT),
        Operand::Flag(flag) => match flag_of(text) {
            None => return Some(NOT_A_FLAG),
            meaning => meaning == Some(*flag),
        },
        Operand::Null => text.is_empty() || is_word(text, NULL_WORDS),
        Operand::Empty(_) => matches!(text.replace(char::is_whitespace, "").as_str(), "" | "[]" | "{}"),
    };
    is_same.then_some(SIMILAR)
}

/// Returns the reason why a scalar, or an empty list or object, could mean an operand of another type. A comparison with
/// `null` asks whether there is a value, such as `false`, 0 or `[]`.
pub(super) fn of_json(json: &Json, operand: &Operand, texts: JsonTexts<'_>) -> Option<Reason> {
    let is_same = match (json, operand) {
        (Json::String(text), _) => return of_text(text, operand),
        (Json::Number(_), Operand::Duration { .. }) => return Some(NO_UNIT),
        (Json::Number(_), Operand::Text(word)) if !word.trim().is_empty() => {
            let number = scalar_text(json, texts).and_then(|text| Decimal::parse(&text));
            let has_digits = word.contains(|character: char| character.is_ascii_digit());
            number.map_or(has_digits, |number| contains_number(word, &number))
        }
        (Json::Number(number), Operand::Flag(flag)) => (number.as_f64() != Some(0.0)) == *flag,
        (Json::Bool(flag), Operand::Number(number)) => is_zero(number) != *flag,
        (Json::Bool(flag), Operand::Text(word)) if !word.trim().is_empty() => flag_of(word.trim()) == Some(*flag),
        (Json::Null, Operand::Text(word)) => word.trim().is_empty() || is_word(word.trim(), NULL_WORDS),
        (_, Operand::Null) => false,
        _ => is_empty(json) && is_empty_operand(operand),
    };
    is_same.then_some(SIMILAR)
}

/// Returns whether a value is empty or zero: `null`, `false`, 0, or an empty list or object.
fn is_empty(json: &Json) -> bool {
    match json {
        Json::Null => true,
        Json::Bool(flag) => !flag,
        Json::Number(number) => number.as_f64() == Some(0.0),
        Json::String(text) => text.trim().is_empty(),
        Json::Array(elements) => elements.is_empty(),
        Json::Object(members) => members.is_empty(),
    }
}

fn is_empty_operand(operand: &Operand) -> bool {
    match operand {
        Operand::Number(number) => is_zero(number),
        Operand::Text(text) => text.trim().is_empty(),
        Operand::Flag(flag) => !flag,
        Operand::Duration { nanos, .. } => *nanos == 0,
        Operand::Null | Operand::Empty(_) => true,
    }
}

fn is_zero(number: &Decimal) -> bool {
    is_same_number("0", number)
}

/// Returns whether a text is the same number. A number that is too large to compare could be.
fn is_same_number(text: &str, number: &Decimal) -> bool {
    matches!(number.compare_from(text), Ok(Some(Ordering::Equal)) | Err(HugeExponent))
}

fn is_word(text: &str, words: &[&str]) -> bool {
    words.iter().any(|word| text.eq_ignore_ascii_case(word))
}

/// Returns what a text means as a flag. Numbers other than 0 mean `true`.
fn flag_of(text: &str) -> Option<bool> {
    if let Some(number) = Decimal::parse(text) {
        return Some(!is_zero(&number));
    }
    let is_false = text.is_empty() || is_word(text, FALSE_WORDS) || is_word(text, NULL_WORDS);
    if is_false { Some(false) } else { is_word(text, TRUE_WORDS).then_some(true) }
}

/// Returns whether a number occurs in a text, such as 100 in `100%`, `~100 ms` or `1e2`, or 1500 in `1,500 MB`.
fn contains_number(text: &str, wanted: &Decimal) -> bool {
    let bytes = text.as_bytes();
    let mut at = 0;
    while let Some(start) = bytes[at..].iter().position(u8::is_ascii_digit).map(|found| at + found) {
        let end = start + run_length(&bytes[start..]);
        at = end;
        let run = &text[start..end];
        let has_point = start > 0 && bytes[start - 1] == b'.';
        let before = &text[..start - usize::from(has_point)];
        let sign = if is_negative(before) { "-" } else { "" };
        let point = if has_point { "." } else { "" };
        let is_wanted = |digits: &str| is_same_number(&format!("{sign}{point}{digits}"), wanted);
        let exponent = exponent(&text[end..]);
        let is_hexadecimal = || {
            let digits = text[end..].strip_prefix(['x', 'X']).filter(|_| run == "0")?;
            let length = digits.find(|next: char| !next.is_ascii_hexdigit()).unwrap_or(digits.len());
            Some(is_same_number(&u64::from_str_radix(&digits[..length], 16).ok()?.to_string(), wanted))
        };
        let without_groups: String = run.chars().filter(|next| !SEPARATORS.contains(next)).collect();
        if run.split(SEPARATORS).any(is_wanted)
            || is_wanted(&format!("{run}{exponent}"))
            || is_wanted(&without_groups)
            || is_wanted(&run.replace(',', "."))
            || is_hexadecimal().unwrap_or_default()
        {
            return true;
        }
    }
    false
}

/// Characters between groups of digits, or between numbers.
const SEPARATORS: [char; 4] = [',', '_', '\'', ' '];

/// Returns the length of the digits at the start of a text, including points and separators between them.
fn run_length(bytes: &[u8]) -> usize {
    let is_inner = |at: usize| {
        let is_between = b".,_' ".contains(&bytes[at]);
        is_between && bytes.get(at + 1).is_some_and(u8::is_ascii_digit) && bytes[at - 1].is_ascii_digit()
    };
    (0..bytes.len()).find(|at| !bytes[*at].is_ascii_digit() && !is_inner(*at)).unwrap_or(bytes.len())
}

/// Returns whether the text before a number ends with a minus sign that is not a hyphen, as in `2026-11-30`.
fn is_negative(before: &str) -> bool {
    let is_joined = |rest: &str| rest.ends_with(|last: char| last.is_alphanumeric() || last == '-');
    before.strip_suffix(['-', '\u{2212}']).is_some_and(|rest| !is_joined(rest))
}

/// Returns the exponent at the start of a text, such as `e3`, or an empty string.
fn exponent(text: &str) -> &str {
    let Some(power) = text.strip_prefix(['e', 'E']) else { return "" };
    let digits = power.strip_prefix(['-', '+']).unwrap_or(power);
    let count = digits.bytes().take_while(u8::is_ascii_digit).count();
    if count == 0 { "" } else { &text[..text.len() - digits.len() + count] }
}

#[cfg(test)]
mod tests {
    use crate::checks::assertions::likeness::*;

    #[test]
    fn numbers_in_texts_are_found() {
        for (text, number, expected) in [
            ("100%", "100", true),
            ("100 ", "100", true),
            ("~100.0ms", "100", true),
            ("HTTP 500 Internal Server Error", "500", true),
            ("1,500 MB", "1500", true),
            ("1 500", "1500", true),
            ("1'500'000", "1500000", true),
            ("1,5", "1.5", true),
            ("5 7 9", "7", true),
            ("$1e2 each", "100", true),
            ("1e2", "1", true),
            ("0x1F", "31", true),
            (".5 %", "0.5", true),
            ("-5%", "-5", true),
            ("\u{2212}5%", "-5", true),
            ("-5%", "5", false),
            ("1500", "500", false),
            ("0.5", "5", false),
            ("2.0.1", "2", false),
            ("2026-11-30", "30", true),
            ("2026-11-30", "-30", false),
            ("Störung 7", "7", true),
            ("many", "0", false),
            ("", "0", false),
        ] {
            let number = Decimal::parse(number).expect("a number");
            assert_eq!(contains_number(text, &number), expected, "{text} {number}");
        }
    }

    #[test]
    fn texts_can_mean_values_of_other_types() {
        for (text, operand, expected) in [
            ("no", Operand::Flag(false), Some(SIMILAR)),
            ("Down", Operand::Flag(false), Some(SIMILAR)),
            ("0.0", Operand::Flag(false), Some(SIMILAR)),
            ("", Operand::Flag(false), Some(SIMILAR)),
            ("", Operand::Flag(true), None),
            ("OK", Operand::Flag(true), Some(SIMILAR)),
            ("OK", Operand::Flag(false), None),
            ("2", Operand::Flag(true), Some(SIMILAR)),
            ("degraded", Operand::Flag(true), Some(NOT_A_FLAG)),
            ("degraded", Operand::Flag(false), Some(NOT_A_FLAG)),
            ("None", Operand::Null, Some(SIMILAR)),
            (" ", Operand::Null, Some(SIMILAR)),
            ("ok", Operand::Null, None),
            ("\u{200b}", Operand::Empty("[]"), Some(SIMILAR)),
            ("x", Operand::Empty("[]"), None),
            ("False", Operand::Number(Decimal::parse("0").expect("a number")), Some(SIMILAR)),
            ("false", Operand::Number(Decimal::parse("1").expect("a number")), None),
            ("true", Operand::Number(Decimal::parse("1").expect("a number")), Some(SIMILAR)),
            ("", Operand::Number(Decimal::parse("0.0").expect("a number")), Some(SIMILAR)),
            ("", Operand::Number(Decimal::parse("1").expect("a number")), None),
            ("60", Operand::Duration { word: "60s".to_owned(), nanos: 60 }, Some(NO_UNIT)),
            ("x", Operand::Text("y".to_owned()), None),
        ] {
            assert_eq!(of_text(text, &operand), expected, "{text:?} {operand}");
        }
    }
}

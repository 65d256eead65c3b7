//! Finds numbers in a body that the filters of a JSON path would compare incorrectly, because filters compare numbers
//! as doubles.

use std::cmp::Ordering;
use std::str::FromStr as _;

use serde_json::{Number, Value as Json};

use super::decimal::{Decimal, clear_order};
use super::document::Document;

/// The numbers in a JSON path's filters.
#[derive(Debug, Clone, Default)]
pub(super) struct FilterNumbers {
    /// The numbers in the path, each with the double that filters compare instead.
    literals: Vec<(Decimal, f64)>,
    /// Whether a filter compares the values that two paths select.
    compares_paths: bool,
}

impl FilterNumbers {
    pub(super) fn of_path(path: &str) -> FilterNumbers {
        let mut numbers = FilterNumbers::default();
        let Some(filter) = path.find('?') else { return numbers };
        // Reduce each string to its opening quote so that digits and operators in strings are ignored.
        let filter: String = outside_quotes(&path[filter..]).map(|(_, character)| character).collect();
        let mut is_in_word = false;
        for (at, character) in filter.char_indices() {
            let rest = &filter[at..];
            if !is_in_word && (character.is_ascii_digit() || character == '-') {
                let end = rest.find(|next: char| !(next.is_ascii_alphanumeric() || "+-.".contains(next)));
                let text = &rest[..end.unwrap_or(rest.len())];
                let double = Number::from_str(text).ok().and_then(|number| number.as_f64());
                numbers.literals.extend(Decimal::parse(text).zip(double));
            }
            if "=<>".contains(character) && !rest[1..].starts_with('=') {
                let operand = rest[1..].trim_start();
                numbers.compares_paths |= !operand.starts_with(|first: char| "-0123456789'\"tfn".contains(first));
            }
            is_in_word = character.is_alphanumeric() || "_.+-".contains(character);
        }
        numbers
    }

    /// Returns the text of the first number in the document that a filter cannot compare exactly, if there is one.
    pub(super) fn inexact_in(&self, document: &Document<'_>) -> Option<String> {
        if self.literals.is_empty() && !self.compares_paths {
            return None;
        }
        let mut numbers = Vec::new();
        document.readings().for_each(|root| collect_doubles(root, &mut numbers));
        let text = |value: &Json| document.number_text(value);
        for (double, value) in &numbers {
            for (literal, literal_double) in &self.literals {
                if clear_order(*double, *literal_double).is_none()
                    && compare(&text(value), literal) != double.partial_cmp(literal_double)
                {
                    return Some(text(value));
                }
            }
        }
        if self.compares_paths {
            numbers.sort_by(|(left, _), (right, _)| left.total_cmp(right));
            for ((left, left_value), (right, right_value)) in numbers.iter().zip(numbers.iter().skip(1)) {
                if clear_order(*left, *right).is_some() {
                    continue;
                }
                let order = Decimal::parse(&text(right_value)).and_then(|right| compare(&text(left_value), &right));
                if order != left.partial_cmp(right) {
                    return Some(text(left_value));
                }
            }
        }
        None
    }
}

fn compare(text: &str, number: &Decimal) -> Option<Ordering> {
    number.compare_from(text).ok().flatten()
}

fn collect_doubles<'a>(value: &'a Json, numbers: &mut Vec<(f64, &'a Json)>) {
    match value {
        Json::Number(number) => numbers.extend(number.as_f64().map(|double| (double, value))),
        Json::Array(elements) => elements.iter().for_each(|element| collect_doubles(element, numbers)),
        Json::Object(members) => members.values().for_each(|member| collect_doubles(member, numbers)),
        _ => {}
    }
}

/// Returns the characters outside of quotes, with their positions. Inside quotes, a backslash escapes the next
/// character.
pub(super) fn outside_quotes(text: &str) -> impl Iterator<Item = (usize, char)> {
    let mut characters = text.char_indices();
    std::iter::from_fn(move || {
        let (at, character) = characters.next()?;
        if !matches!(character, '\'' | '"') {
            return Some((at, character));
        }
        while let Some((_, inside)) = characters.next().filter(|(_, inside)| *inside != character) {
            if inside == '\\' {
                characters.next();
            }
        }
        // Return only the opening quote of a quoted string.
        Some((at, character))
    })
}

#[cfg(test)]
mod tests {
    use crate::checks::assertions::filter_numbers::*;

    #[test]
    fn the_numbers_of_filters_are_found() {
        for (path, literals, compares_paths) in [
            ("$.a[5].b", &[][..], false),
            ("$[?@.a == 1.50]", &["1.50"], false),
            ("$[?@.a1 >= -2e3 && @['7'] < 0]", &["-2e3", "0"], false),
            ("$[?@.a == '5' || @.b != null]", &[], false),
            ("$[?@.a == @.b]", &[], true),
            ("$[?@.a<$.max]", &[], true),
            ("$[?@.up]", &[], false),
        ] {
            let numbers = FilterNumbers::of_path(path);
            let found: Vec<String> = numbers.literals.iter().map(|(number, _)| number.to_string()).collect();
            assert_eq!(
                (found.iter().map(String::as_str).collect::<Vec<_>>().as_slice(), numbers.compares_paths),
                (literals, compares_paths),
                "{path}"
            );
        }
    }

    #[test]
    fn only_numbers_that_are_nearly_equal_are_inexact() {
        for (path, body, inexact) in [
            ("$[?@.id == 9007199254740992]", r#"[{"id":9007199254740993}]"#, Some("9007199254740993")),
            ("$[?@.id == 9007199254740992]", r#"[{"id":9007199254740992},{"x":0.30000000000000004}]"#, None),
            ("$[?@.v > 0.1]", r#"[{"v":0.10000000000000000001}]"#, Some("0.10000000000000000001")),
            ("$[?@.v > 0.1]", r#"[{"v":0.1},{"v":0.10},{"v":1e-1},{"v":7.30000000000000000001}]"#, None),
            ("$[?@.name == 'a']", r#"[{"id":9007199254740993},{"id":9007199254740992}]"#, None),
            ("$[?@.id == $.max]", r#"[{"id":9007199254740993},{"id":9007199254740992}]"#, Some("9007199254740993")),
            ("$[?@.id == $.max]", r#"[{"id":9007199254740992},{"id":9007199254740992},{"v":0.1},{"v":0.10}]"#, None),
        ] {
            let document = Document::parse(body.as_bytes()).expect(body);
            assert_eq!(FilterNumbers::of_path(path).inexact_in(&document).as_deref(), inexact, "{path} {body}");
        }
    }
}

//! Finds values in a body that the comparisons in a JSON path's filters distinguish although they read the same, such
//! as `"500"` and 500.

use std::borrow::Cow;
use std::cmp::Ordering;

use serde_json::Value as Json;
use serde_json_path::JsonPath;

use super::comparison::{equals_json, scalar_text};
use super::decimal::Decimal;
use super::document::Document;
use super::filter_parser::{ParsedComparison, ParsedFilters, ParsedValue};
use super::json_texts::JsonTexts;
use super::operand::{Operand, Operator};
use crate::checks::error_text::excerpt;
use crate::checks::visible_text::visible_string;

/// The comparisons in the filters of a JSON path.
#[derive(Debug, Clone, Default)]
pub(super) struct FilterComparisons(Vec<FilterComparison>);

#[derive(Debug, Clone)]
struct FilterComparison {
    /// Selects all values that the filter examines.
    examined: JsonPath,
    left: ComparedValue,
    operator: Operator,
    right: ComparedValue,
}

/// One side of a comparison.
#[derive(Debug, Clone)]
enum ComparedValue {
    Literal(Operand),
    /// Selects a value from an examined value.
    Relative(JsonPath),
    /// Selects a value from the whole body.
    Absolute(JsonPath),
}

impl FilterComparisons {
    pub(super) fn new(filters: &ParsedFilters) -> FilterComparisons {
        FilterComparisons(filters.comparisons.iter().filter_map(FilterComparison::compile).collect())
    }

    /// Returns a clause about the first value that a filter distinguishes from another although it reads the same.
    pub(super) fn ambiguity_in(&self, document: &Document<'_>, is_utf_8: bool) -> Option<String> {
        let doubles = |number: &Json| document.double_text(number);
        let texts = JsonTexts::new(&doubles, is_utf_8);
        self.0.iter().find_map(|comparison| comparison.ambiguity_in(&document.root, texts))
    }
}

impl FilterComparison {
    /// Compiles the paths of a comparison. They are parts of a valid path, so all of them are valid.
    fn compile(parsed: &ParsedComparison) -> Option<FilterComparison> {
        Some(FilterComparison {
            examined: JsonPath::parse(&parsed.examined).ok()?,
            left: ComparedValue::compile(&parsed.left)?,
            operator: parsed.operator,
            right: ComparedValue::compile(&parsed.right)?,
        })
    }

    fn ambiguity_in(&self, root: &Json, texts: JsonTexts<'_>) -> Option<String> {
        let (left, right) = match (&self.left, &self.right) {
            (ComparedValue::Literal(literal), query) | (query, ComparedValue::Literal(literal)) => {
                return self.examined.query(root).all().into_iter().find_map(|examined| {
                    let value = query.values(examined, root).into_iter();
                    let mut ambiguous = value.filter(|value| is_ambiguous(value, self.operator, literal, texts));
                    Some(clause(ambiguous.next()?, &quoted(literal)))
                });
            }
            sides => sides,
        };
        self.examined.query(root).all().into_iter().find_map(|examined| {
            let (left, right) = (left.values(examined, root), right.values(examined, root));
            // A query that selects several values has no value to compare.
            let ([left], [right]) = (left.as_slice(), right.as_slice()) else { return None };
            let is_ambiguous = are_ambiguous(left, self.operator, right, texts);
            is_ambiguous.then(|| clause(left, &excerpt(right.to_string().as_bytes())))
        })
    }
}

impl ComparedValue {
    fn compile(parsed: &ParsedValue) -> Option<ComparedValue> {
        Some(match parsed {
            ParsedValue::Literal(literal) => ComparedValue::Literal(literal.clone()),
            ParsedValue::Relative(path) => ComparedValue::Relative(JsonPath::parse(path).ok()?),
            ParsedValue::Absolute(path) => ComparedValue::Absolute(JsonPath::parse(path).ok()?),
        })
    }

    fn values<'j>(&self, examined: &'j Json, root: &'j Json) -> Vec<&'j Json> {
        match self {
            ComparedValue::Literal(_) => Vec::new(),
            ComparedValue::Relative(path) => path.query(examined).all(),
            ComparedValue::Absolute(path) => path.query(root).all(),
        }
    }
}

fn clause(value: &Json, other: &str) -> String {
    format!("a filter distinguishes the value `{}` from {other}", excerpt(value.to_string().as_bytes()))
}

fn quoted(literal: &Operand) -> String {
    match literal {
        Operand::Text(text) => format!("`{}`", excerpt(Json::from(text.as_str()).to_string().as_bytes())),
        other => other.to_string(),
    }
}

/// Returns whether a comparison of two values in the body has another outcome if their types and notations are ignored.
fn are_ambiguous(left: &Json, operator: Operator, right: &Json, texts: JsonTexts<'_>) -> bool {
    match (operand(left, texts), operand(right, texts)) {
        (_, Some(right)) => is_ambiguous(left, operator, &right, texts),
        (Some(left), None) => is_ambiguous(right, operator, &left, texts),
        (None, None) => false,
    }
}

/// Returns a scalar as an operand. Returns `None` if its exact value is unknown.
fn operand(json: &Json, texts: JsonTexts<'_>) -> Option<Operand> {
    match json {
        Json::String(text) => Some(Operand::Text(text.clone())),
        Json::Number(_) => Decimal::parse(&scalar_text(json, texts)?).map(Operand::Number),
        Json::Bool(flag) => Some(Operand::Flag(*flag)),
        Json::Null => Some(Operand::Null),
        Json::Array(_) | Json::Object(_) => None,
    }
}

/// Returns whether a comparison with a literal has another outcome if the value's type and notation are ignored.
fn is_ambiguous(value: &Json, operator: Operator, literal: &Operand, texts: JsonTexts<'_>) -> bool {
    // Numbers are examined separately, because filters compare them as doubles.
    if matches!((value, literal), (Json::Number(_), Operand::Number(_))) {
        return false;
    }
    if operator.is_order() {
        return is_order_ambiguous(value, literal);
    }
    let is_same = match (value, literal) {
        (Json::String(text), Operand::Text(literal)) => text == literal,
        (Json::Bool(flag), Operand::Flag(literal)) => flag == literal,
        (Json::Null, Operand::Null) => true,
        _ => false,
    };
    equals_json(value, literal, texts) != Ok(is_same)
}

/// Returns whether a value could be ordered relative to a literal, but a filter does not compare them by their numbers.
fn is_order_ambiguous(value: &Json, literal: &Operand) -> bool {
    match (value, literal) {
        (Json::String(text), Operand::Number(_)) => Quantity::parse(text).is_some(),
        (Json::String(text), Operand::Text(literal)) => {
            let numbers = Quantity::parse(text).zip(Quantity::parse(literal));
            numbers.is_some_and(|(left, right)| left.order(&right).is_some_and(|order| order != text.cmp(literal)))
        }
        (Json::Number(_), Operand::Text(literal)) => Quantity::parse(literal).is_some(),
        (Json::Array(elements), _) => elements.iter().any(|element| can_be_ordered(element, literal)),
        (Json::Object(members), _) => members.values().any(|member| can_be_ordered(member, literal)),
        _ => false,
    }
}

/// Returns whether a value inside a list or an object could be ordered relative to a literal.
fn can_be_ordered(value: &Json, literal: &Operand) -> bool {
    match (value, literal) {
        (Json::Number(_), Operand::Number(_)) | (Json::String(_), Operand::Text(_)) => true,
        _ => is_order_ambiguous(value, literal),
    }
}

/// A number with a unit, such as `95%`.
struct Quantity {
    number: Decimal,
    rest: String,
}

impl Quantity {
    fn parse(text: &str) -> Option<Quantity> {
        let text: Cow<'_, str> = visible_string(text);
        let text = text.trim();
        let is_part = |(at, character): &(usize, char)| {
            character.is_ascii_digit() || *character == '.' || (*at == 0 && matches!(character, '+' | '-'))
        };
        let length = text.char_indices().take_while(is_part).count();
        let number = text[..length].trim_start_matches('+').trim_end_matches('.');
        match Decimal::parse(text) {
            Some(number) => Some(Quantity { number, rest: String::new() }),
            None => Some(Quantity { number: Decimal::parse(number)?, rest: text[length..].trim().to_owned() }),
        }
    }

    /// Returns the order of two quantities in the same unit. Dates have no unit, so their text determines the order.
    fn order(&self, other: &Quantity) -> Option<Ordering> {
        let has_digits = self.rest.contains(|character: char| character.is_ascii_digit());
        let order = || self.number_order(other);
        if self.rest == other.rest && !has_digits { order() } else { None }
    }

    fn number_order(&self, other: &Quantity) -> Option<Ordering> {
        other.number.compare_from(&self.number.to_string()).ok().flatten()
    }
}

#[cfg(test)]
mod tests {
    use crate::checks::assertions::filter_comparisons::*;

    #[test]
    fn values_that_read_the_same_are_ambiguous() {
        for (path, body, expected) in [
            ("$.n[?@.s == 'DOWN']", r#"{"n":[{"s":"DOWN"},{"s":"UP"},{"t":"DOWN "}]}"#, None),
            ("$.n[?@.s == 'DOWN']", r#"{"n":[{"s":["DOWN"]}]}"#, Some(r#"`["DOWN"]` from `"DOWN"`"#)),
            ("$.n[?@.s == 'DOWN']", r#"{"n":[{"s":"DO\u200bWN"}]}"#, Some("from `\"DOWN\"`")),
            ("$.n[?@.s != 'DOWN']", r#"{"n":[{"s":"\u001b[31mDOWN\u001b[0m"}]}"#, Some("from `\"DOWN\"`")),
            ("$.n[?@.s == 'DOWN']", r#"{"n":[{"s":"\"DOWN\""}]}"#, Some("from `\"DOWN\"`")),
            ("$.n[?@.code == 500]", r#"{"n":[{"code":"500"}]}"#, Some("`\"500\"` from 500")),
            // Only the values that the filter compares matter.
            ("$.n[?@.Port == 80]", r#"{"n":[{"Port":80,"Meta":{"Port":"80"}}],"Port":"80"}"#, None),
            ("$.n[?@.a.Port == 80]", r#"{"n":[{"Port":"80","a":{"Port":443}}]}"#, None),
            ("$.n[?@.x[?@.up == false]]", r#"{"n":[{"up":"false","x":[{"up":"false"}]}]}"#, Some("`\"false\"` from")),
            ("$.n[?value(@.e[*].s) == 500]", r#"{"n":[{"e":[{"s":"500"}]}]}"#, Some("`\"500\"` from 500")),
            ("$..[?@.up == false]", r#"{"a":{"b":{"up":"false"}}}"#, Some("`\"false\"` from false")),
            // Two values in the body.
            ("$.p[?@.used > @.limit]", r#"{"p":[{"used":"1000","limit":"900"}]}"#, Some("`\"1000\"` from \"900\"")),
            ("$.p[?@.used > @.limit]", r#"{"p":[{"used":"800","limit":"900"}]}"#, None),
            ("$.p[?@.used > @.limit]", r#"{"p":[{"used":1000,"limit":900},{"used":"x","limit":"900"}]}"#, None),
            ("$.p[?@.used > @.limit]", r#"{"p":[{"used":"7","limit":5}]}"#, Some("`\"7\"` from 5")),
            ("$.p[?@.c > $.max]", r#"{"p":[{"c":7}],"max":"5"}"#, Some("`7` from \"5\"")),
            ("$.p[?@.a == @.b]", r#"{"p":[{"a":[1],"b":[2]},{"a":1,"b":[2]},{"a":1}]}"#, None),
            ("$.p[?@.a == @.b]", r#"{"p":[{"a":["x"],"b":"x"}]}"#, Some("from \"x\"")),
            // Order.
            ("$.p[?@.used > 90]", r#"{"p":[{"used":"95%"}]}"#, Some("`\"95%\"` from 90")),
            ("$.p[?@.used > 90]", r#"{"p":[{"used":"-"},{"used":null},{"used":"n/a"},{"used":{}}]}"#, None),
            ("$.p[?@.used > 90]", r#"{"p":[{"used":[95]}]}"#, Some("`[95]` from 90")),
            ("$.p[?@.used > 90]", r#"{"p":[{"used":{"value":95,"unit":"%"}}]}"#, Some("from 90")),
            ("$.p[?@.c[0] > 5]", r#"{"p":[{"c":["7"]}]}"#, Some("`\"7\"` from 5")),
            ("$.p[?@.used > '900']", r#"{"p":[{"used":"1000"}]}"#, Some("from `\"900\"`")),
            ("$.p[?@.used > '90%']", r#"{"p":[{"used":"100%"}]}"#, Some("from `\"90%\"`")),
            ("$.p[?@.day < '2026-01-01']", r#"{"p":[{"day":"2025-12-31"},{"day":"10000-01-01"}]}"#, None),
        ] {
            let document = Document::parse(body.as_bytes()).expect(body);
            let found = FilterComparisons::new(&ParsedFilters::of_path(path)).ambiguity_in(&document, true);
            match expected {
                Some(expected) => {
                    assert!(found.as_ref().is_some_and(|it| it.contains(expected)), "{path} {body}: {found:?}");
                }
                None => assert_eq!(found, None, "{path} {body}"),
            }
        }
    }
}

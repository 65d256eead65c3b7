//! Finds values in a body that the comparisons in a JSON path's filters distinguish although they read the same, such
//! as `"500"` and 500.

use serde_json::Value as Json;
use serde_json_path::JsonPath;

use super::comparison::equals_json;
use super::decimal::Decimal;
use super::document::Document;
use super::filter_parser::{ParsedComparison, ParsedFilters, ParsedValue};
use super::json_texts::{JsonTexts, scalar_text};
use super::operand::{Operand, Operator};
use super::path_choices::choices;
use super::path_route::PathRoute;
use super::quantity::{has_number, is_text_order_ambiguous};
use crate::checks::error_text::excerpt;

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
    /// Selects a value from an examined value, on this route.
    Relative(JsonPath, String, PathRoute),
    /// Selects a value from the whole body.
    Absolute(JsonPath, String),
}

/// The clause about a call such as `value(@.list[*])` that does not have a value.
const SEVERAL: &str = "a filter compares several values at once";

impl FilterComparisons {
    pub(super) fn new(filters: &ParsedFilters) -> FilterComparisons {
        FilterComparisons(filters.comparisons.iter().filter_map(FilterComparison::compile).collect())
    }

    /// Returns the strings in the filters.
    pub(super) fn literals(&self) -> impl Iterator<Item = &str> {
        let sides = self.0.iter().flat_map(|comparison| [&comparison.left, &comparison.right]);
        sides.filter_map(|side| match side {
            ComparedValue::Literal(Operand::Text(text)) => Some(text.as_str()),
            _ => None,
        })
    }

    /// Returns a clause about the first value that a filter distinguishes from another although it reads the same.
    pub(super) fn ambiguity_in(&self, document: &Document<'_>, is_utf_8: bool) -> Option<String> {
        let doubles = |number: &Json| document.double_text(number);
        let texts = JsonTexts::new(&doubles, is_utf_8);
        let mut comparisons = self.0.iter();
        comparisons.find_map(|comparison| document.readings().find_map(|root| comparison.ambiguity_in(root, texts)))
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
        let examined = self.examined.query(root).all();
        if examined.is_empty() {
            return None;
        }
        let sides = [&self.left, &self.right];
        if let Some(problem) = sides.into_iter().find_map(|side| side.absence_in(&examined, root, self.operator)) {
            return Some(problem);
        }
        let (left, right) = match (&self.left, &self.right) {
            (ComparedValue::Literal(literal), query) | (query, ComparedValue::Literal(literal)) => {
                return examined.into_iter().find_map(|examined| {
                    let values = query.values(examined, root);
                    if values.len() > 1 {
                        return Some(SEVERAL.to_owned());
                    }
                    let ambiguous = |value: &&Json| is_ambiguous(value, self.operator, literal, texts);
                    Some(clause(values.into_iter().find(ambiguous)?, &quoted(literal)))
                });
            }
            sides => sides,
        };
        examined.into_iter().find_map(|examined| {
            match (left.values(examined, root).as_slice(), right.values(examined, root).as_slice()) {
                ([left], [right]) => are_ambiguous(left, self.operator, right, texts)
                    .then(|| clause(left, &excerpt(right.to_string().as_bytes()))),
                ([], [value]) | ([value], []) if self.operator.is_order() => Some(format!(
                    "a filter compares the value `{}` with one that is missing",
                    excerpt(value.to_string().as_bytes())
                )),
                ([], _) | (_, []) => None,
                _ => Some(SEVERAL.to_owned()),
            }
        })
    }
}

impl ComparedValue {
    fn compile(parsed: &ParsedValue) -> Option<ComparedValue> {
        Some(match parsed {
            ParsedValue::Literal(literal) => ComparedValue::Literal(literal.clone()),
            ParsedValue::Relative(path) => {
                let route = if choices(path).is_empty() { PathRoute::from_values(path) } else { PathRoute::default() };
                ComparedValue::Relative(JsonPath::parse(path).ok()?, path.clone(), route)
            }
            ParsedValue::Absolute(path) => ComparedValue::Absolute(JsonPath::parse(path).ok()?, path.clone()),
        })
    }

    /// Returns a clause if there is no value to compare: if a value of the whole body is missing or has no order, or if
    /// none of the examined values can have a member.
    fn absence_in(&self, examined: &[&Json], root: &Json, operator: Operator) -> Option<String> {
        match self {
            ComparedValue::Literal(_) => None,
            ComparedValue::Relative(_, path, route) => {
                if let Some(obstacle) = examined.iter().find_map(|value| route.obstacle_in(value, "@")) {
                    return Some(format!("a filter cannot read a value: {obstacle}"));
                }
                (path != "$" && !examined.iter().any(|value| route.can_start_in(value)))
                    .then(|| format!("a filter reads `{}` of values without members", path.replacen('$', "@", 1)))
            }
            ComparedValue::Absolute(path, text) => match path.query(root).first() {
                None => Some(format!("a filter compares values with `{text}`, which is missing")),
                Some(Json::Number(_) | Json::String(_)) => None,
                Some(_) => {
                    operator.is_order().then(|| format!("a filter compares values with `{text}`, which has no order"))
                }
            },
        }
    }

    fn values<'j>(&self, examined: &'j Json, root: &'j Json) -> Vec<&'j Json> {
        match self {
            ComparedValue::Literal(_) => Vec::new(),
            ComparedValue::Relative(path, ..) => path.query(examined).all(),
            ComparedValue::Absolute(path, _) => path.query(root).all(),
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
        (Json::String(text), Operand::Number(_)) => has_number(text),
        (Json::String(text), Operand::Text(literal)) => is_text_order_ambiguous(text, literal),
        (Json::Number(_), Operand::Text(literal)) => has_number(literal),
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
            ("$.n[?@.up == false]", r#"{"n":[{"up":"false","up":true}]}"#, Some("`\"false\"` from false")),
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
            ("$.p[?@.day < '2026-01-01']", r#"{"p":[{"day":"2025-12-31"},{"day":"2026-11-30"}]}"#, None),
            ("$.p[?@.lag > '60s']", r#"{"p":[{"lag":"1m30s"}]}"#, Some("from `\"60s\"`")),
            ("$.p[?@.used > 90]", r#"{"p":[{"used":"+Inf"}]}"#, Some("from 90")),
            // Missing values.
            ("$.p[?@.used > $.limit]", r#"{"p":[{"used":95}]}"#, Some("with `$.limit`, which is missing")),
            ("$.p[?@.used > $.limit]", r#"{"p":[{"used":95}],"limit":null}"#, Some("which has no order")),
            ("$.p[?@.used > $.limit]", r#"{"p":[]}"#, None),
            ("$.p[?@.used > @.limit]", r#"{"p":[{"used":95}]}"#, Some("`95` with one that is missing")),
            ("$.p[?@.used > 90]", r#"{"p":[{"free":5}]}"#, None),
            ("$.p[?@.s == 'DOWN']", r#"{"p":["DOWN"]}"#, Some("reads `@.s` of values without members")),
            ("$.p[?@.s == 'DOWN']", r#"{"p":{"id":1,"s":"DOWN"}}"#, Some("reads `@.s` of values without members")),
            ("$.p[?@.s == 'DOWN']", r#"{"p":[["s","DOWN"]]}"#, Some("reads `@.s` of values without members")),
            ("$.p[?@ == 'DOWN']", r#"{"p":["DOWN"]}"#, None),
            ("$.p[?value(@.e[*]) == 5]", r#"{"p":[{"e":[5,5]}]}"#, Some("compares several values")),
            (
                "$.p[?@.j.s == 'DOWN']",
                r#"{"p":[{"j":"{\"s\":\"DOWN\"}"}]}"#,
                Some("`@.j` is a string that contains JSON"),
            ),
            ("$.p[?@.j.s == 'DOWN']", r#"{"p":[{"j":null},{"j":{"s":"UP"}}]}"#, None),
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

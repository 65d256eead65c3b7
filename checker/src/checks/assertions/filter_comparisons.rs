//! Finds values in a body that a JSON path's filters distinguish from the filter's literals, although they read the
//! same, such as `"500"` and 500.

use serde_json::Value as Json;
use serde_json_path::JsonPath;

use super::comparison::equals_json;
use super::decimal::Decimal;
use super::document::Document;
use super::filter_numbers::outside_quotes;
use super::json_texts::JsonTexts;
use super::operand::{Operand, Operator};
use crate::checks::error_text::excerpt;

/// The comparisons of values with literals in the filters of a JSON path.
#[derive(Debug, Clone, Default)]
pub(super) struct FilterComparisons {
    /// The path up to the first filter, or to the whole body if that is not a path. `None` without comparisons.
    filtered: Option<JsonPath>,
    comparisons: Vec<FilterComparison>,
}

#[derive(Debug, Clone, PartialEq)]
struct FilterComparison {
    compared: ComparedValue,
    operator: Operator,
    literal: Operand,
}

/// The value that a filter compares with a literal.
#[derive(Debug, Clone, PartialEq)]
enum ComparedValue {
    /// The filtered value itself (`@`).
    Itself,
    /// A member with this name, at any depth.
    Member(String),
}

impl FilterComparisons {
    pub(super) fn of_path(path: &str) -> FilterComparisons {
        let filter = outside_quotes(path).find(|(_, character)| *character == '?').map(|(at, _)| at);
        let Some((before, filter)) = filter.map(|at| path.split_at(at)) else { return FilterComparisons::default() };
        let comparisons = comparisons(filter);
        let prefix = before.rfind('[').map_or("$", |bracket| &before[..bracket]);
        let filtered = JsonPath::parse(prefix).or_else(|_| JsonPath::parse("$")).ok();
        FilterComparisons { filtered: filtered.filter(|_| !comparisons.is_empty()), comparisons }
    }

    /// Returns a clause about the first value that a filter distinguishes from a literal although it reads the same.
    pub(super) fn ambiguity_in(&self, document: &Document<'_>, is_utf_8: bool) -> Option<String> {
        let doubles = |number: &Json| document.double_text(number);
        let texts = JsonTexts::new(&doubles, is_utf_8);
        let filtered = self.filtered.as_ref()?.query(&document.root).all();
        self.comparisons.iter().find_map(|comparison| {
            let mut found = None;
            for value in &filtered {
                comparison.compared.visit(value, false, &mut |scalar| {
                    if found.is_none() && comparison.is_ambiguous(scalar, texts) {
                        found = Some(scalar);
                    }
                });
            }
            let shown = excerpt(found?.to_string().as_bytes());
            Some(format!("a filter distinguishes the value `{shown}` from {}", quoted(&comparison.literal)))
        })
    }
}

impl FilterComparison {
    fn is_ambiguous(&self, scalar: &Json, texts: JsonTexts<'_>) -> bool {
        match (scalar, &self.literal) {
            (Json::Number(_), Operand::Number(_)) => false,
            (Json::String(text), Operand::Number(_)) if self.operator.is_order() => {
                Decimal::parse(text.trim()).is_some()
            }
            _ if self.operator.is_order() => false,
            (scalar, literal) => equals_json(scalar, literal, texts).is_err(),
        }
    }
}

impl ComparedValue {
    /// Visits all scalars in a value that can be compared. `is_compared` is whether this value can.
    fn visit<'j>(&self, value: &'j Json, is_compared: bool, call: &mut impl FnMut(&'j Json)) {
        match value {
            Json::Array(elements) => {
                let is_compared = *self == ComparedValue::Itself;
                elements.iter().for_each(|element| self.visit(element, is_compared, call));
            }
            Json::Object(members) => {
                for (key, member) in members {
                    let is_compared = match self {
                        ComparedValue::Itself => true,
                        ComparedValue::Member(name) => key == name,
                    };
                    self.visit(member, is_compared, call);
                }
            }
            scalar if is_compared => call(scalar),
            _ => {}
        }
    }

    /// Returns the value that the query at the end of these tokens selects, if it is known.
    fn at_end(tokens: &[FilterToken<'_>]) -> Option<ComparedValue> {
        match tokens {
            [.., FilterToken::Other('['), FilterToken::Text(name), FilterToken::Other(']')] => {
                Some(ComparedValue::Member(name.clone()))
            }
            [.., FilterToken::Word("@")] => Some(ComparedValue::Itself),
            [.., FilterToken::Word(word)] => word.rsplit('.').next().map(|name| ComparedValue::Member(name.to_owned())),
            _ => None,
        }
    }
}

fn quoted(literal: &Operand) -> String {
    match literal {
        Operand::Text(text) => format!("`{}`", excerpt(Json::from(text.as_str()).to_string().as_bytes())),
        other => other.to_string(),
    }
}

/// A part of a filter.
#[derive(Debug, PartialEq)]
enum FilterToken<'f> {
    Text(String),
    /// A number, a keyword, or a part of a query, such as `@.name`.
    Word(&'f str),
    Operator(Operator),
    Other(char),
}

fn tokens(filter: &str) -> Vec<FilterToken<'_>> {
    let mut tokens = Vec::new();
    let mut rest = filter;
    while let Some(first) = rest.chars().next() {
        let is_in_word = |character: char| character.is_alphanumeric() || "_.@$+-".contains(character);
        let operator = Operator::WORDS.iter().find(|(word, _)| rest.starts_with(word));
        let length = if let Some((word, operator)) = operator {
            tokens.push(FilterToken::Operator(*operator));
            word.len()
        } else if matches!(first, '\'' | '"') {
            let (text, length) = string(rest, first);
            tokens.push(FilterToken::Text(text));
            length
        } else if is_in_word(first) {
            let length = rest.find(|next| !is_in_word(next)).unwrap_or(rest.len());
            tokens.push(FilterToken::Word(&rest[..length]));
            length
        } else {
            if !first.is_whitespace() {
                tokens.push(FilterToken::Other(first));
            }
            first.len_utf8()
        };
        rest = &rest[length..];
    }
    tokens
}

/// Returns the string at the start of the text, and its length including the quotes.
fn string(text: &str, quote: char) -> (String, usize) {
    let mut inside = String::new();
    let mut characters = text.char_indices().skip(1);
    while let Some((at, character)) = characters.next() {
        match character {
            character if character == quote => return (inside, at + 1),
            '\\' => inside.extend(characters.next().map(|(_, escaped)| escaped)),
            character => inside.push(character),
        }
    }
    (inside, text.len())
}

fn comparisons(filter: &str) -> Vec<FilterComparison> {
    let tokens = tokens(filter);
    let mut found = Vec::new();
    for (at, token) in tokens.iter().enumerate() {
        let FilterToken::Operator(operator) = token else { continue };
        let (left, right) = (&tokens[..at], &tokens[at + 1..]);
        let compared = match (left.last().and_then(literal), right.first().and_then(literal)) {
            (None, Some(literal)) => ComparedValue::at_end(left).map(|compared| (compared, literal)),
            (Some(literal), None) => ComparedValue::at_end(query_at_start(right)).map(|compared| (compared, literal)),
            _ => None,
        };
        let operator = *operator;
        found.extend(compared.map(|(compared, literal)| FilterComparison { compared, operator, literal }));
    }
    found
}

fn query_at_start<'t, 'f>(tokens: &'t [FilterToken<'f>]) -> &'t [FilterToken<'f>] {
    let mut depth = 0_usize;
    let end = tokens.iter().position(|token| match token {
        FilterToken::Other('[') => {
            depth += 1;
            false
        }
        FilterToken::Other(']') if depth > 0 => {
            depth -= 1;
            false
        }
        FilterToken::Word(_) | FilterToken::Text(_) => false,
        FilterToken::Operator(_) | FilterToken::Other(_) => true,
    });
    &tokens[..end.unwrap_or(tokens.len())]
}

fn literal(token: &FilterToken<'_>) -> Option<Operand> {
    match token {
        FilterToken::Text(text) => Some(Operand::Text(text.clone())),
        FilterToken::Word("true") => Some(Operand::Flag(true)),
        FilterToken::Word("false") => Some(Operand::Flag(false)),
        FilterToken::Word("null") => Some(Operand::Null),
        FilterToken::Word(word) => Decimal::parse(word).map(Operand::Number),
        FilterToken::Operator(_) | FilterToken::Other(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use crate::checks::assertions::filter_comparisons::*;

    #[test]
    fn the_comparisons_of_filters_are_found() {
        for (path, expected) in [
            ("$.a[5].b", &[][..]),
            ("$[?@.up]", &[]),
            ("$.n[?@.code == 500]", &["code Equal 500"]),
            ("$.n[?500!=@.code]", &["code NotEqual 500"]),
            ("$.n[?@.a['b'] == 'it\\'s' && (@ < -2e3 || $.c..d >= @.e)]", &["b Equal it's", "@ Less -2e3"]),
            ("$.n[?@.x[?@.up == false].y == null]", &["up Equal false", "y Equal null"]),
            ("$.n[?length(@.a) == 3]", &[]),
            ("$['?'][?@['a b'] != \"?\"]", &["a b NotEqual ?"]),
        ] {
            let found = FilterComparisons::of_path(path).comparisons;
            let found = found.iter().map(|FilterComparison { compared, operator, literal }| match compared {
                ComparedValue::Itself => format!("@ {operator:?} {literal}"),
                ComparedValue::Member(name) => format!("{name} {operator:?} {literal}"),
            });
            assert_eq!(found.collect::<Vec<_>>(), expected, "{path}");
        }
    }
}

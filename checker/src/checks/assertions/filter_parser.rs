//! Parses the filters of a JSON path: the comparisons in them, and the queries that select the compared values.
//! `serde_json_path` does not expose its syntax tree.

use super::decimal::Decimal;
use super::filter_numbers::outside_quotes;
use super::operand::{Operand, Operator};
use super::path_choices::{choices, closing};
use crate::checks::json_escapes;

/// A comparison in a filter.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct ParsedComparison {
    /// A path that selects all values that the filter examines (`@`).
    pub(super) examined: String,
    pub(super) left: ParsedValue,
    pub(super) operator: Operator,
    pub(super) right: ParsedValue,
}

/// One side of a comparison.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum ParsedValue {
    Literal(Operand),
    /// A path from an examined value (`@`), written as a path from the root.
    Relative(String),
    /// A path from the root of the body (`$`).
    Absolute(String),
}

/// A query such as `@.a[-1]`.
#[derive(Debug, PartialEq)]
pub(super) struct NegativeIndex {
    pub(super) query: String,
    /// The query with each negative index replaced by a slice: `@.a[-1:]`.
    pub(super) with_slices: String,
}

/// The comparisons and tests in the filters of a path.
#[derive(Debug, Default)]
pub(super) struct ParsedFilters {
    pub(super) comparisons: Vec<ParsedComparison>,
    /// The first query that contains a negative index, and whose value is compared or passed to a function.
    pub(super) negative_index: Option<NegativeIndex>,
    /// A comparison that never holds, as a complete clause.
    pub(super) mistake: Option<String>,
    /// The first negated query that is not compared, as written. It tests whether a value is absent.
    pub(super) negated_test: Option<String>,
}

impl ParsedFilters {
    /// Parses the filters of a valid path.
    pub(super) fn of_path(path: &str) -> ParsedFilters {
        let mut filters = ParsedFilters::default();
        if let Some(segments) = path.strip_prefix('$') {
            filters.add_query("$", segments);
        }
        filters
    }

    /// Adds the filters of a query. `base` is a path that selects the values from which the query starts.
    fn add_query(&mut self, base: &str, segments: &str) {
        let mut end = 0;
        while let Some(open) = outside_quotes(&segments[end..]).find(|(_, next)| *next == '[').map(|(at, _)| end + at) {
            let inside = &segments[open + 1..];
            let Some(length) = closing(inside, '[', ']') else { return };
            for selector in selectors(&inside[..length]) {
                if let Some(filter) = selector.trim_start().strip_prefix('?') {
                    self.add_filter(&format!("{base}{}[*]", &segments[..open]), filter);
                }
            }
            end = open + 1 + length + 1;
        }
    }

    /// Adds the comparisons of a filter or of a function's arguments, and returns its tokens. `examined` selects the values
    /// that it examines.
    fn add_filter<'f>(&mut self, examined: &str, filter: &'f str) -> Vec<FilterToken<'f>> {
        let mut tokens = Vec::new();
        let mut rest = filter.trim_start();
        while !rest.is_empty() {
            let (token, length) = self.token(examined, rest);
            tokens.push(token);
            rest = rest[length..].trim_start();
        }
        for (at, token) in tokens.iter().enumerate() {
            let FilterToken::Operator(operator) = token else { continue };
            let sides = at.checked_sub(1).and_then(|left| Some((tokens.get(left)?, tokens.get(at + 1)?)));
            let Some((left, right)) = sides else { continue };
            self.add_negative_index([left, right]);
            self.mistake = self.mistake.take().or(mistake(*operator, left, right));
            if let (Some(left), Some(right)) = (left.compared(), right.compared()) {
                let (examined, operator) = (examined.to_owned(), *operator);
                self.comparisons.push(ParsedComparison { examined, left, operator, right });
            }
        }
        for (at, pair) in tokens.windows(2).enumerate() {
            let is_compared = matches!(tokens.get(at + 2), Some(FilterToken::Operator(_)));
            if let ([FilterToken::Other('!'), FilterToken::Query(query)], false) = (pair, is_compared) {
                self.negated_test.get_or_insert_with(|| (*query).to_owned());
            }
        }
        tokens
    }

    fn add_negative_index<'t>(&mut self, operands: impl IntoIterator<Item = &'t FilterToken<'t>>) {
        let negative = operands.into_iter().find_map(FilterToken::negative_index);
        self.negative_index = self.negative_index.take().or(negative);
    }

    /// Returns the token at the start of the text, and its length. Adds the filters inside it.
    fn token<'f>(&mut self, examined: &str, text: &'f str) -> (FilterToken<'f>, usize) {
        let first = text.chars().next().unwrap_or_default();
        let operator = Operator::WORDS.iter().find(|(word, _)| text.starts_with(word));
        if let Some((word, operator)) = operator {
            return (FilterToken::Operator(*operator), word.len());
        }
        if matches!(first, '\'' | '"') {
            let (inside, length) = string(text, first);
            return (FilterToken::Literal(Operand::Text(inside)), length);
        }
        if matches!(first, '@' | '$') {
            let length = 1 + segments_length(&text[1..]);
            self.add_query(if first == '@' { examined } else { "$" }, &text[1..length]);
            return (FilterToken::Query(&text[..length]), length);
        }
        let length = text.find(|next: char| !(next.is_alphanumeric() || "_.+-".contains(next))).unwrap_or(text.len());
        if length == 0 {
            return (FilterToken::Other(first), first.len_utf8());
        }
        let (word, after) = text.split_at(length);
        if let Some(arguments) = after.strip_prefix('(') {
            let end = closing(arguments, '(', ')').unwrap_or(arguments.len());
            let operands = self.add_filter(examined, &arguments[..end]);
            self.add_negative_index(&operands);
            let length = (length + 1 + end + 1).min(text.len());
            let argument = arguments[..end].trim();
            let token = match (word, &*operands) {
                ("value", _) => FilterToken::Value(argument),
                ("count", [FilterToken::Query(query)]) if choices(query).is_empty() => {
                    self.mistake.get_or_insert_with(|| {
                        format!("`count({query})` is at most 1: write `length({query})` for the length of a list")
                    });
                    FilterToken::Number(&text[..length])
                }
                ("count" | "length", _) => FilterToken::Number(&text[..length]),
                _ => FilterToken::Other('('),
            };
            return (token, length);
        }
        let literal = match word {
            "true" => Some(Operand::Flag(true)),
            "false" => Some(Operand::Flag(false)),
            "null" => Some(Operand::Null),
            number => Decimal::parse(number).map(Operand::Number),
        };
        (literal.map_or(FilterToken::Other(first), FilterToken::Literal), length)
    }
}

/// A part of a filter.
#[derive(Debug)]
enum FilterToken<'f> {
    Literal(Operand),
    Query(&'f str),
    /// The query in a call such as `value(@.a)`.
    Value(&'f str),
    /// A call of a function that returns a number.
    Number(&'f str),
    Operator(Operator),
    /// A character of any other part.
    Other(char),
}

impl FilterToken<'_> {
    /// Returns one side of a comparison. Returns `None` for functions that return numbers.
    fn compared(&self) -> Option<ParsedValue> {
        match self {
            FilterToken::Literal(literal) => Some(ParsedValue::Literal(literal.clone())),
            FilterToken::Query(query) | FilterToken::Value(query) => match query.strip_prefix('@') {
                Some(segments) => Some(ParsedValue::Relative(format!("${segments}"))),
                None => Some(ParsedValue::Absolute((*query).to_owned())),
            },
            FilterToken::Number(_) | FilterToken::Operator(_) | FilterToken::Other(_) => None,
        }
    }

    fn negative_index(&self) -> Option<NegativeIndex> {
        let FilterToken::Query(query) = self else { return None };
        let (mut parts, mut start) = (Vec::new(), 0);
        for (open, _) in outside_quotes(query).filter(|(_, character)| *character == '[') {
            let inside = &query[open + 1..];
            let Some(length) = inside.find(']') else { break };
            let index = inside[..length].trim().parse::<i64>().ok();
            let Some(index) = index.filter(|index| *index < 0) else { continue };
            let end = if index == -1 { String::new() } else { (index + 1).to_string() };
            parts.push(format!("{}[{index}:{end}", &query[start..open]));
            start = open + 1 + length;
        }
        parts.push(query[start..].to_owned());
        (start > 0).then(|| NegativeIndex { query: (*query).to_owned(), with_slices: parts.concat() })
    }
}

/// Returns a clause about a comparison that never holds.
fn mistake(operator: Operator, left: &FilterToken<'_>, right: &FilterToken<'_>) -> Option<String> {
    let of_sides = |call: &FilterToken<'_>, other: &FilterToken<'_>| match (call, other) {
        (FilterToken::Number(call), FilterToken::Literal(literal)) if !matches!(literal, Operand::Number(_)) => {
            Some(format!("`{call}` is a number, but `{literal}` is not"))
        }
        (_, FilterToken::Literal(literal @ (Operand::Flag(_) | Operand::Null))) if operator.is_order() => {
            Some(format!("`{literal}` has no order, so it cannot be compared with `{}`", operator.word()))
        }
        _ => None,
    };
    of_sides(left, right).or_else(|| of_sides(right, left))
}

/// Splits the inside of brackets at its commas.
fn selectors(inside: &str) -> Vec<&str> {
    let (mut depth, mut start, mut selectors) = (0_usize, 0, Vec::new());
    for (at, character) in outside_quotes(inside) {
        match character {
            '[' | '(' => depth += 1,
            ']' | ')' => depth = depth.saturating_sub(1),
            ',' if depth == 0 => {
                selectors.push(&inside[start..at]);
                start = at + 1;
            }
            _ => {}
        }
    }
    selectors.push(&inside[start..]);
    selectors
}

/// Returns the length of the segments of a query, such as `.name['x'][0]`.
fn segments_length(text: &str) -> usize {
    let mut length = 0;
    loop {
        let rest = text[length..].trim_start();
        let start = text.len() - rest.len();
        if let Some(inside) = rest.strip_prefix('[') {
            let Some(end) = closing(inside, '[', ']') else { return text.len() };
            length = start + 1 + end + 1;
        } else if rest.starts_with('.') {
            let name = rest.trim_start_matches('.').trim_start();
            let end =
                name.find(|next: char| !(next.is_alphanumeric() || next == '_' || next == '*' || !next.is_ascii()));
            length = text.len() - name.len() + end.unwrap_or(name.len());
        } else {
            return length;
        }
    }
}

/// Returns the string at the start of the text, and its length including the quotes.
fn string(text: &str, quote: char) -> (String, usize) {
    let mut is_escaped = false;
    let end = text[1..].find(|character: char| {
        let is_end = character == quote && !is_escaped;
        is_escaped = character == '\\' && !is_escaped;
        is_end
    });
    let end = end.map_or(text.len(), |end| end + 1);
    let inside = json_escapes::decode(text[1..end].replace("\\'", "'").as_bytes());
    (String::from_utf8_lossy(&inside).into_owned(), (end + 1).min(text.len()))
}

#[cfg(test)]
mod tests {
    use crate::checks::assertions::filter_parser::*;

    fn shown(value: &ParsedValue) -> String {
        match value {
            ParsedValue::Literal(literal) => literal.to_string(),
            ParsedValue::Relative(path) => format!("@{}", &path[1..]),
            ParsedValue::Absolute(path) => path.clone(),
        }
    }

    #[test]
    fn the_comparisons_of_filters_are_found() {
        for (path, expected) in [
            ("$.a[5].b", &[][..]),
            ("$[?@.up]", &[]),
            ("$.n[?@.code == 500]", &["$.n[*]: @.code Equal 500"]),
            ("$.n[?500!=@.code]", &["$.n[*]: 500 NotEqual @.code"]),
            (
                "$.n[?@.a['b'] == 'it\\'s' && (@ < -2e3 || $.c >= @.e)]",
                &["$.n[*]: @.a['b'] Equal it's", "$.n[*]: @ Less -2e3", "$.n[*]: $.c GreaterOrEqual @.e"],
            ),
            (
                "$.n[?@.x[?@.up == false].y && @.z == null]",
                &["$.n[*].x[*]: @.up Equal false", "$.n[*]: @.z Equal null"],
            ),
            ("$..[?@.a[0] > 5].b[0, ?@.c == 1]", &["$..[*]: @.a[0] Greater 5", "$..[?@.a[0] > 5].b[*]: @.c Equal 1"]),
            ("$.n[?length(@.a) == 3]", &[]),
            ("$.n[?value(@.e[*].s) == 500]", &["$.n[*]: @.e[*].s Equal 500"]),
            ("$.n[?count(@.e[?@.s == 'x']) > 1]", &["$.n[*].e[*]: @.s Equal x"]),
            (r"$.n[?@.s == 'St\u00f6rung \\\'']", &[r"$.n[*]: @.s Equal Störung \'"]),
            (r#"$.n[?"a\"b\n"!=@.s]"#, &["$.n[*]: a\"b\n NotEqual @.s"]),
            ("$['?'][?@['a b'] != \"?\"]", &["$['?'][*]: @['a b'] NotEqual ?"]),
        ] {
            let found = ParsedFilters::of_path(path).comparisons;
            let found = found.iter().map(|ParsedComparison { examined, left, operator, right }| {
                format!("{examined}: {} {operator:?} {}", shown(left), shown(right))
            });
            assert_eq!(found.collect::<Vec<_>>(), expected, "{path}");
        }
    }

    #[test]
    fn traps_in_filters_are_found() {
        for (path, negative_index, negated_test) in [
            ("$[?@.a[-1].b == 1]", Some("@.a[-1:].b"), None),
            ("$[?1 == $[ -1 ]]", Some("$[-1:]"), None),
            ("$[?@.a[-3][0][-1] == 1]", Some("@.a[-3:-2][0][-1:]"), None),
            ("$[?value(@[-1]) == 1]", Some("@[-1:]"), None),
            ("$[?match(@.a[-2], 'x')]", Some("@.a[-2:-1]"), None),
            ("$[?value(@[-1:]) == 1 && @[-1] && @['[-1]'] == 1]", None, None),
            ("$[-1]", None, None),
            ("$[?!@.up]", None, Some("@.up")),
            ("$[?@.x && !(!@.up[0])]", None, Some("@.up[0]")),
            ("$[?@.x != 1 && !(@.up == true)]", None, None),
        ] {
            let found = ParsedFilters::of_path(path);
            let negative = found.negative_index.map(|negative| negative.with_slices);
            let found = (negative.as_deref(), found.negated_test.as_deref());
            assert_eq!(found, (negative_index, negated_test), "{path}");
        }
    }
}

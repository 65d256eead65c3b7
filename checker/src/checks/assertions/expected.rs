//! The predicates of conditions. They test existence, compare a value with an operand, search for a string, or match a
//! pattern.

use std::fmt;

use super::comparison;
use super::json_texts::JsonTexts;
use super::operand::{Judgment, Operand, Operator, Reason};
use super::search::{self, SearchTerm};
use super::value::{ActualValue, exceeds_search_limit};
use crate::checks::status_codes::StatusCodes;
use crate::checks::text_pattern::TextPattern;

#[derive(Debug, Clone)]
pub(super) enum Predicate {
    Exists,
    Compares(Operator, Operand),
    IsOneOf(StatusCodes),
    NotOneOf(StatusCodes),
    Contains(Operand),
    Matches(TextPattern),
}

const NO_LENGTH: Reason = "only lists, objects and strings have a length";

impl Predicate {
    pub(super) fn judge(&self, value: &ActualValue<'_>, texts: JsonTexts<'_>) -> Judgment {
        match (self, value) {
            (_, ActualValue::Missing) | (Predicate::Exists, ActualValue::NoLength) => Judgment::Unmet,
            (Predicate::Exists, _) => Judgment::Met,
            (_, ActualValue::NoLength) => Judgment::Incomparable(NO_LENGTH),
            (Predicate::IsOneOf(codes), value) => value.status().is_some_and(|code| codes.contains(code)).into(),
            (Predicate::NotOneOf(codes), value) => value.status().is_some_and(|code| !codes.contains(code)).into(),
            (Predicate::Contains(operand), value) => search::judge(value, &SearchTerm::operand(operand), texts),
            (Predicate::Matches(pattern), value) => search::judge(value, &SearchTerm::Match(pattern), texts),
            (Predicate::Compares(operator, operand), value) => comparison::judge(*operator, value, operand, texts),
        }
    }

    /// Returns whether truncation leaves the outcome open. A match is final, but without one, the missing part could
    /// still contain a match.
    pub(super) fn is_undetermined_for(&self, value: &ActualValue<'_>) -> bool {
        match (self, value) {
            (Predicate::Exists, _) => false,
            (Predicate::Contains(_), ActualValue::Body(_)) => self.judge(value, JsonTexts::none()) != Judgment::Met,
            // A match that ends where the body was cut off, for example with `$`, is not necessarily a match in the
            // whole body.
            (Predicate::Matches(pattern), ActualValue::Body(part)) => !part.has_final_match(pattern),
            (Predicate::Compares(_, operand), ActualValue::AtLeast(least)) => !comparison::is_certain(*least, operand),
            _ => true,
        }
    }

    /// Returns whether the outcome is undetermined if some bytes are not valid in the body's charset, in which case the
    /// body's non-ASCII characters are unknown.
    pub(super) fn needs_characters(&self, value: &ActualValue<'_>) -> bool {
        let is_unmet = || self.judge(value, JsonTexts::none()) != Judgment::Met;
        match self {
            Predicate::Exists | Predicate::IsOneOf(_) | Predicate::NotOneOf(_) => false,
            Predicate::Contains(operand) => !operand.to_string().is_ascii() && is_unmet(),
            Predicate::Matches(pattern) => match value {
                ActualValue::Body(body) => is_unmet() && body.could_match(pattern),
                _ => !pattern.is_about_bytes() && is_unmet(),
            },
            Predicate::Compares(Operator::Equal | Operator::NotEqual, operand) => !operand.to_string().is_ascii(),
            Predicate::Compares(..) => true,
        }
    }

    /// Returns whether this is a pattern for bytes that matches the body.
    pub(super) fn matches_bytes(&self, body: &[u8]) -> bool {
        matches!(self, Predicate::Matches(pattern) if pattern.is_about_bytes() && pattern.is_match(body))
    }

    /// Returns whether the values are too large to examine all of them.
    pub(super) fn is_too_large(&self, value: &ActualValue<'_>) -> bool {
        let examines_all =
            matches!(self, Predicate::Contains(_) | Predicate::Matches(_) | Predicate::Compares(Operator::NotEqual, _));
        examines_all && matches!(value, ActualValue::Nodes(nodes) if exceeds_search_limit(nodes))
    }

    /// Formats the expectation so that it can follow "does not".
    pub(super) fn infinitive(&self) -> String {
        match self {
            Predicate::Contains(operand) => format!("contain `{operand}`"),
            Predicate::Matches(pattern) => format!("match `{pattern}`"),
            other => other.to_string(),
        }
    }

    /// Formats the expectation as a statement about the subject, such as "contains `error`".
    pub(super) fn statement(&self) -> String {
        match self {
            Predicate::Exists => "exists".to_owned(),
            Predicate::Contains(operand) => format!("contains `{operand}`"),
            Predicate::Matches(pattern) => format!("matches `{pattern}`"),
            Predicate::Compares(Operator::NotEqual, operand) => format!("is not {}", Quoted(operand)),
            Predicate::NotOneOf(codes) => format!("is not {codes}"),
            other => format!("is {other}"),
        }
    }
}

impl fmt::Display for Predicate {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Predicate::Exists => formatter.write_str("to exist"),
            Predicate::Compares(Operator::Equal, operand) => write!(formatter, "{}", Quoted(operand)),
            Predicate::Compares(operator, operand) => write!(formatter, "{} {}", operator.word(), Quoted(operand)),
            Predicate::IsOneOf(codes) => write!(formatter, "{codes}"),
            Predicate::NotOneOf(codes) => write!(formatter, "!= {codes}"),
            Predicate::Contains(operand) => write!(formatter, "to contain `{operand}`"),
            Predicate::Matches(pattern) => write!(formatter, "to match `{pattern}`"),
        }
    }
}

/// Formats an operand, with strings in backticks.
struct Quoted<'a>(&'a Operand);

impl fmt::Display for Quoted<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Operand::Text(text) => write!(formatter, "`{text}`"),
            other => write!(formatter, "{other}"),
        }
    }
}

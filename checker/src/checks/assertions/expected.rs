//! The predicates of conditions. They test existence, compare a value with an operand, search for a string, or match a
//! pattern.

use std::cmp::Ordering;
use std::fmt;

use memchr::memmem;
use regex::bytes::Regex;
use serde_json::Value as Json;
use shared::{Nanos, duration};

use super::value::ActualValue;
use crate::checks::status_codes::StatusCodes;

#[derive(Debug, Clone)]
pub(super) enum Predicate {
    Exists,
    Compares(Operator, Operand),
    IsOneOf(StatusCodes),
    NotOneOf(StatusCodes),
    Contains(Operand),
    Matches(Regex),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Operator {
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

#[derive(Debug, Clone, PartialEq)]
pub(super) enum Operand {
    Number(f64),
    Duration(Nanos),
    Text(String),
    Flag(bool),
    Null,
}

impl Predicate {
    pub(super) fn holds(&self, value: &ActualValue<'_>) -> bool {
        match (self, value) {
            (_, ActualValue::Missing) => false,
            (Predicate::Exists, _) => true,
            (Predicate::IsOneOf(codes), value) => value.status().is_some_and(|code| codes.contains(code)),
            (Predicate::NotOneOf(codes), value) => value.status().is_some_and(|code| !codes.contains(code)),
            (Predicate::Matches(pattern), value) => value.bytes().is_some_and(|bytes| pattern.is_match(&bytes)),
            (Predicate::Contains(operand), value) => {
                let equals = |element: &Json| compare_json(element, operand) == Some(Ordering::Equal);
                match value {
                    ActualValue::Nodes(nodes) => nodes.iter().any(|node| equals(node)),
                    ActualValue::Json(json) if json.is_array() => {
                        json.as_array().is_some_and(|list| list.iter().any(equals))
                    }
                    value => {
                        let needle = operand.to_string();
                        value.bytes().is_some_and(|bytes| memmem::find(&bytes, needle.as_bytes()).is_some())
                    }
                }
            }
            (Predicate::Compares(operator, operand), value) => {
                use Ordering::{Equal, Greater, Less};
                let ordering = compare(value, operand);
                match operator {
                    Operator::Equal => ordering == Some(Equal),
                    Operator::NotEqual => ordering != Some(Equal),
                    Operator::Less => ordering == Some(Less),
                    Operator::LessOrEqual => matches!(ordering, Some(Less | Equal)),
                    Operator::Greater => ordering == Some(Greater),
                    Operator::GreaterOrEqual => matches!(ordering, Some(Greater | Equal)),
                }
            }
        }
    }

    /// Returns whether truncation leaves the outcome open. A match is final, but without one, the missing part could
    /// still contain a match.
    pub(super) fn is_undetermined_for(&self, value: &ActualValue<'_>) -> bool {
        match (self, value) {
            (Predicate::Exists, _) => false,
            (Predicate::Contains(_), ActualValue::Bytes(_)) => !self.holds(value),
            // A match that ends where the body was cut off, for example with `$`, is not necessarily a match in the
            // whole body.
            (Predicate::Matches(pattern), ActualValue::Bytes(part)) => {
                pattern.shortest_match(part).is_none_or(|end| end == part.len())
            }
            (Predicate::Compares(_, operand), ActualValue::MoreThan(_)) => compare(value, operand).is_none(),
            _ => true,
        }
    }

    /// Returns whether the value is too large to search.
    pub(super) fn is_too_large(&self, value: &ActualValue<'_>) -> bool {
        matches!((self, value), (Predicate::Matches(_), ActualValue::Nodes(_))) && value.bytes().is_none()
    }

    /// Formats the expectation so that it can follow "does not".
    pub(super) fn infinitive(&self) -> String {
        match self {
            Predicate::Contains(operand) => format!("contain `{operand}`"),
            Predicate::Matches(pattern) => format!("match `{pattern}`"),
            other => other.to_string(),
        }
    }
}

/// Compares a value with an operand. Returns `None` if their types differ.
fn compare(value: &ActualValue<'_>, operand: &Operand) -> Option<Ordering> {
    match (value, operand) {
        (ActualValue::Duration(nanos), Operand::Duration(operand)) => Some(nanos.cmp(operand)),
        (ActualValue::MoreThan(less), Operand::Number(operand)) => {
            (*operand <= *less as f64).then_some(Ordering::Greater)
        }
        (ActualValue::Json(json), operand) => compare_json(json, operand),
        (ActualValue::Bytes(bytes), operand) => {
            // Ignore the line ending of a one-word body, such as `OK` or `42`.
            let text = String::from_utf8_lossy(bytes);
            match operand {
                Operand::Number(operand) => text.trim().parse::<f64>().ok()?.partial_cmp(operand),
                operand => Some(text.trim().cmp(operand.to_string().as_str())),
            }
        }
        _ => None,
    }
}

fn compare_json(json: &Json, operand: &Operand) -> Option<Ordering> {
    match (json, operand) {
        (Json::Number(number), Operand::Number(operand)) => number.as_f64()?.partial_cmp(operand),
        (Json::String(text), Operand::Text(operand)) => Some(text.as_str().cmp(operand)),
        (Json::Bool(flag), Operand::Flag(operand)) => Some(flag.cmp(operand)),
        (Json::Null, Operand::Null) => Some(Ordering::Equal),
        _ => None,
    }
}

impl fmt::Display for Predicate {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Predicate::Exists => formatter.write_str("it to exist"),
            Predicate::Compares(Operator::Equal, operand) => write!(formatter, "{}", Quoted(operand)),
            Predicate::Compares(operator, operand) => write!(formatter, "{} {}", operator.word(), Quoted(operand)),
            Predicate::IsOneOf(codes) => write!(formatter, "{codes}"),
            Predicate::NotOneOf(codes) => write!(formatter, "!= {codes}"),
            Predicate::Contains(operand) => write!(formatter, "to contain `{operand}`"),
            Predicate::Matches(pattern) => write!(formatter, "to match `{pattern}`"),
        }
    }
}

impl Operator {
    pub(super) const WORDS: [(&'static str, Operator); 6] = [
        ("==", Operator::Equal),
        ("!=", Operator::NotEqual),
        ("<=", Operator::LessOrEqual),
        (">=", Operator::GreaterOrEqual),
        ("<", Operator::Less),
        (">", Operator::Greater),
    ];

    pub(super) fn word(self) -> &'static str {
        Operator::WORDS.iter().find(|(_, operator)| *operator == self).map_or("", |(word, _)| word)
    }
}

impl fmt::Display for Operand {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Operand::Number(number) => write!(formatter, "{number}"),
            Operand::Duration(nanos) => formatter.write_str(&duration::format_exact(*nanos)),
            Operand::Text(text) => formatter.write_str(text),
            Operand::Flag(flag) => write!(formatter, "{flag}"),
            Operand::Null => formatter.write_str("null"),
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

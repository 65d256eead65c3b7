//! The predicates of conditions. They test existence, compare a value with an operand, search for a string, or match a
//! pattern.

use std::cmp::Ordering;
use std::fmt;

use memchr::memmem;
use regex::bytes::Regex;
use serde_json::Value as Json;
use shared::{Nanos, duration};

use super::decimal::{Decimal, HugeExponent};
use super::value::ActualValue;
use crate::checks::body_text::{Found, is_about_bytes};
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
    Number(Decimal),
    Duration(Nanos),
    Text(String),
    Flag(bool),
    Null,
}

/// The result of comparing a value with the expected one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Judgment {
    Met,
    Unmet,
    /// The values cannot be compared, so neither the condition nor its negation holds. Contains the reason unless it is
    /// obvious.
    Incomparable(Option<&'static str>),
}

/// A function that returns the original text of a number that was read as a double, if the text is known.
pub(super) type DoubleText<'a> = &'a dyn Fn(&Json) -> Option<&'a str>;

/// The order of two values: `None` if their types differ, or an error that explains why the order is unknown.
type Compared = Result<Option<Ordering>, &'static str>;

const TOO_LARGE: &str = "the number is too large to compare";
const SEVERAL: &str = "the path selects several values; use `contains` or a filter";
const INEXACT: &str = "the exact number is unknown, because an object repeats a key";

impl From<bool> for Judgment {
    fn from(is_met: bool) -> Judgment {
        if is_met { Judgment::Met } else { Judgment::Unmet }
    }
}

impl From<Found> for Judgment {
    fn from(found: Found) -> Judgment {
        match found {
            Found::Yes => Judgment::Met,
            Found::No => Judgment::Unmet,
            Found::Unclear(reason) => Judgment::Incomparable(Some(reason)),
        }
    }
}

impl Predicate {
    pub(super) fn judge(&self, value: &ActualValue<'_>, texts: DoubleText<'_>) -> Judgment {
        match (self, value) {
            (_, ActualValue::Missing) => Judgment::Unmet,
            (Predicate::Exists, _) => Judgment::Met,
            (Predicate::IsOneOf(codes), value) => value.status().is_some_and(|code| codes.contains(code)).into(),
            (Predicate::NotOneOf(codes), value) => value.status().is_some_and(|code| !codes.contains(code)).into(),
            (Predicate::Matches(pattern), ActualValue::Body(body)) => body.find_match(pattern).into(),
            (Predicate::Contains(operand), ActualValue::Body(body)) => body.find(&operand.to_string()).into(),
            (Predicate::Matches(pattern), value) => value.bytes().is_some_and(|bytes| pattern.is_match(&bytes)).into(),
            (Predicate::Contains(operand), value) => match value {
                ActualValue::Nodes(nodes) => judge_any(nodes.iter().copied(), operand, texts),
                ActualValue::Json(json) if json.is_array() => {
                    judge_any(json.as_array().into_iter().flatten(), operand, texts)
                }
                value => {
                    let needle = operand.to_string();
                    value.bytes().is_some_and(|bytes| memmem::find(&bytes, needle.as_bytes()).is_some()).into()
                }
            },
            (Predicate::Compares(operator, operand), ActualValue::Nodes(nodes)) => {
                operator.judge_several(nodes, operand, texts)
            }
            (Predicate::Compares(operator, operand), value) => operator.judge(compare(value, operand, texts)),
        }
    }

    /// Returns whether truncation leaves the outcome open. A match is final, but without one, the missing part could
    /// still contain a match.
    pub(super) fn is_undetermined_for(&self, value: &ActualValue<'_>) -> bool {
        match (self, value) {
            (Predicate::Exists, _) => false,
            (Predicate::Contains(_), ActualValue::Body(_)) => self.judge(value, &|_| None) != Judgment::Met,
            // A match that ends where the body was cut off, for example with `$`, is not necessarily a match in the
            // whole body.
            (Predicate::Matches(pattern), ActualValue::Body(part)) => !part.has_final_match(pattern),
            (Predicate::Compares(_, operand), ActualValue::AtLeast(_)) => {
                !matches!(compare(value, operand, &|_| None), Ok(Some(_)))
            }
            _ => true,
        }
    }

    /// Returns whether the outcome is undetermined if some bytes are not valid in the body's charset, in which case the
    /// body's non-ASCII characters are unknown.
    pub(super) fn needs_characters(&self, value: &ActualValue<'_>) -> bool {
        let is_unmet = || self.judge(value, &|_| None) != Judgment::Met;
        match self {
            Predicate::Exists | Predicate::IsOneOf(_) | Predicate::NotOneOf(_) => false,
            Predicate::Contains(operand) => !operand.to_string().is_ascii() && is_unmet(),
            Predicate::Matches(pattern) => !is_about_bytes(pattern) && is_unmet(),
            Predicate::Compares(Operator::Equal | Operator::NotEqual, operand) => !operand.to_string().is_ascii(),
            Predicate::Compares(..) => true,
        }
    }

    /// Returns whether this is a pattern for bytes that matches the body.
    pub(super) fn matches_bytes(&self, body: &[u8]) -> bool {
        matches!(self, Predicate::Matches(pattern) if is_about_bytes(pattern) && pattern.is_match(body))
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

/// Determines whether any of the values equals the operand.
fn judge_any<'a>(values: impl Iterator<Item = &'a Json>, operand: &Operand, texts: DoubleText<'_>) -> Judgment {
    let mut judgment = Judgment::Unmet;
    for value in values {
        match compare_json(value, operand, texts) {
            Ok(Some(Ordering::Equal)) => return Judgment::Met,
            Ok(_) => {}
            Err(reason) => judgment = Judgment::Incomparable(Some(reason)),
        }
    }
    judgment
}

fn compare(value: &ActualValue<'_>, operand: &Operand, texts: DoubleText<'_>) -> Compared {
    match (value, operand) {
        (ActualValue::Duration(nanos), Operand::Duration(operand)) => Ok(Some(nanos.cmp(operand))),
        (ActualValue::AtLeast(least), Operand::Number(operand)) => {
            let order = operand.compare_from(&least.to_string()).map_err(|HugeExponent| TOO_LARGE)?;
            // The actual value can exceed `least` by an unknown amount.
            Ok(order.filter(|order| order.is_gt()))
        }
        (ActualValue::Json(json), operand) => compare_json(json, operand, texts),
        (ActualValue::Body(body), operand) => {
            let compared: Vec<Compared> = body.readings().map(|text| compare_text(&text, operand)).collect();
            let equal = Ok(Some(Ordering::Equal));
            if compared.contains(&equal) {
                return equal;
            }
            match (body.why_unknown(), body.find(&operand.to_string())) {
                (Some(reason), _) | (None, Found::Unclear(reason)) => Err(reason),
                _ => compared.iter().rfind(|one| **one != Ok(None)).copied().unwrap_or(Ok(None)),
            }
        }
        _ => Ok(None),
    }
}

fn compare_text(text: &[u8], operand: &Operand) -> Compared {
    // Ignore the line ending of a one-word body, such as `OK` or `42`.
    let text = String::from_utf8_lossy(text);
    match operand {
        Operand::Number(operand) => operand.compare_from(text.trim()).map_err(|HugeExponent| TOO_LARGE),
        operand => Ok(Some(text.trim().cmp(operand.to_string().as_str()))),
    }
}

fn compare_json(json: &Json, operand: &Operand, texts: DoubleText<'_>) -> Compared {
    match (json, operand) {
        (Json::Number(number), Operand::Number(operand)) => {
            let compared = if number.is_f64() {
                if let Some(order) = number.as_f64().and_then(|number| operand.clear_order(number)) {
                    return Ok(Some(order));
                }
                operand.compare_from(texts(json).ok_or(INEXACT)?)
            } else {
                operand.compare_from(&number.to_string())
            };
            compared.map_err(|HugeExponent| TOO_LARGE)
        }
        (Json::String(text), Operand::Text(operand)) => Ok(Some(text.as_str().cmp(operand))),
        (Json::Bool(flag), Operand::Flag(operand)) => Ok(Some(flag.cmp(operand))),
        (Json::Null, Operand::Null) => Ok(Some(Ordering::Equal)),
        _ => Ok(None),
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

impl Operator {
    pub(super) const WORDS: [(&'static str, Operator); 6] = [
        ("==", Operator::Equal),
        ("!=", Operator::NotEqual),
        ("<=", Operator::LessOrEqual),
        (">=", Operator::GreaterOrEqual),
        ("<", Operator::Less),
        (">", Operator::Greater),
    ];

    fn judge(self, compared: Compared) -> Judgment {
        let order = match compared {
            Ok(order) => order,
            Err(reason) => return Judgment::Incomparable(Some(reason)),
        };
        match (self, order) {
            (Operator::Equal, order) => (order == Some(Ordering::Equal)).into(),
            (Operator::NotEqual, order) => (order != Some(Ordering::Equal)).into(),
            (_, None) => Judgment::Incomparable(None),
            (Operator::Less, Some(order)) => order.is_lt().into(),
            (Operator::LessOrEqual, Some(order)) => order.is_le().into(),
            (Operator::Greater, Some(order)) => order.is_gt().into(),
            (Operator::GreaterOrEqual, Some(order)) => order.is_ge().into(),
        }
    }

    /// Compares several values with the operand. All of them must differ from it for `!=`. Every other comparison is
    /// ambiguous, so neither it nor its negation holds.
    fn judge_several(self, values: &[&Json], operand: &Operand, texts: DoubleText<'_>) -> Judgment {
        if self != Operator::NotEqual {
            return Judgment::Incomparable(Some(SEVERAL));
        }
        match judge_any(values.iter().copied(), operand, texts) {
            Judgment::Met => Judgment::Unmet,
            Judgment::Unmet => Judgment::Met,
            incomparable @ Judgment::Incomparable(_) => incomparable,
        }
    }

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

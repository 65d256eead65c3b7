//! Assertions: conditions that the data of an attempt must meet. Each is compiled once, and reports the expected and
//! the actual value.
//!
//! A condition compares a [`subject`], whose actual value is a [`value`], with what is [`expected`]; an
//! [`expression`] combines conditions. [`syntax`] parses the text form, [`applicability`] checks that a kind of check
//! provides the subjects, and [`mod@evaluate`] runs a check's assertions.

pub mod applicability;
pub mod evaluate;
mod expected;
mod expression;
mod json_memory;
mod subject;
mod syntax;
#[cfg(test)]
mod tests;
mod value;

use std::cell::OnceCell;

use serde_json::Value as Json;
use shared::check_file::Attempt;
use shared::status::Status;

use self::expression::{Evaluated, Expression, Truth};
use self::subject::{PathCost, Subject};
use super::probe_data::{Capture, ProbeData};

/// A condition, and the status if it is not met.
#[derive(Debug, Clone)]
pub struct Assertion {
    pub text: String,
    /// The status if the condition is not met: down or degraded.
    pub otherwise: Status,
    condition: Condition,
}

#[derive(Debug, Clone)]
pub struct Condition(Expression);

/// The outcome of an assertion.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AssertionResult {
    /// The subject and its actual value: `status is 200`.
    pub observed: String,
    /// Why the condition is not met, or why that is unknown; `None` if it is met.
    pub failure: Option<String>,
}

impl Assertion {
    /// How deeply conditions can be nested.
    pub const MAX_DEPTH: usize = syntax::MAX_DEPTH;

    /// Creates an assertion; without `text`, the condition's own text is shown.
    #[must_use]
    pub fn new(text: Option<&str>, otherwise: Status, condition: Condition) -> Assertion {
        let text = text.map_or_else(|| condition.0.to_string(), str::to_owned);
        Assertion { text, otherwise, condition }
    }

    /// Parses the text form; the endpoint is down if the condition is not met.
    pub fn parse(text: &str) -> Result<Assertion, String> {
        Ok(Assertion::new(Some(text), Status::Down, Condition::parse(text)?))
    }

    #[must_use]
    pub fn evaluate(&self, evidence: &Evidence<'_>) -> AssertionResult {
        let Evaluated { observed, truth } = self.condition.0.evaluate(evidence);
        let failure = match truth {
            Truth::Holds => None,
            Truth::Fails(failure) | Truth::Undetermined(failure) => Some(failure),
        };
        AssertionResult { observed, failure }
    }

    /// Whether nothing that follows the part of the body in the evidence can change the outcome. The evidence states that
    /// the body is truncated.
    #[must_use]
    pub fn is_decided(&self, evidence: &Evidence<'_>) -> bool {
        let subjects = self.subjects();
        if !subjects.iter().any(|subject| subject.capture().body) {
            return true;
        }
        // A part of a JSON document decides nothing, and times are measured later.
        let can_be_decided = subjects.iter().all(|subject| !matches!(subject, Subject::JsonPath(_)) && !subject.is_time());
        can_be_decided && !matches!(self.condition.0.evaluate(evidence).truth, Truth::Undetermined(_))
    }

    /// Whether the evaluation can take much longer than reading the body.
    #[must_use]
    pub fn can_be_expensive(&self) -> bool {
        self.subjects()
            .iter()
            .any(|subject| matches!(subject, Subject::JsonPath(path) if path.cost == PathCost::Unbounded))
    }

    /// Whether the assertion parses the body as JSON.
    fn uses_json(&self) -> bool {
        self.subjects().iter().any(|subject| matches!(subject, Subject::JsonPath(_)))
    }

    /// What an attempt must capture for this assertion.
    #[must_use]
    pub fn capture(&self) -> Capture {
        self.subjects().into_iter().fold(Capture::default(), |capture, subject| capture.union(subject.capture()))
    }

    /// Whether it examines the status code, and thus replaces the default rule for it.
    #[must_use]
    pub fn uses_status(&self) -> bool {
        self.subjects().iter().any(|subject| matches!(subject, Subject::Status))
    }

    fn subjects(&self) -> Vec<&Subject> {
        self.condition.0.subjects()
    }
}

impl Condition {
    /// Parses the text form, such as `[STATUS] == 200`.
    pub fn parse(text: &str) -> Result<Condition, String> {
        syntax::parse(text).map(Condition)
    }

    /// A condition that is met if all parts are met.
    #[must_use]
    pub fn all(parts: Vec<Condition>) -> Condition {
        Condition(Expression::All(parts.into_iter().map(|part| part.0).collect()))
    }

    /// A condition that is met if at least one part is met.
    #[must_use]
    pub fn any(parts: Vec<Condition>) -> Condition {
        Condition(Expression::Any(parts.into_iter().map(|part| part.0).collect()))
    }

    /// A condition that is met if this one is known not to be.
    #[must_use]
    pub fn negated(self) -> Condition {
        Condition(Expression::Not(Box::new(self.0)))
    }
}

/// The data that assertions examine. The body is parsed as JSON on first use, once for all assertions.
pub struct Evidence<'a> {
    data: &'a ProbeData,
    attempt: &'a Attempt,
    json: OnceCell<Option<Json>>,
}

impl<'a> Evidence<'a> {
    /// Creates the evidence from the data of an attempt.
    #[must_use]
    pub fn new(data: &'a ProbeData, attempt: &'a Attempt) -> Evidence<'a> {
        Evidence { data, attempt, json: OnceCell::new() }
    }

    /// The body as JSON; `None` if it is not JSON or too large to be parsed.
    fn json(&self) -> Option<&Json> {
        let parse = || {
            let body = self.data.body.as_deref().filter(|body| !json_memory::is_too_large(body))?;
            serde_json::from_slice(body).ok()
        };
        self.json.get_or_init(parse).as_ref()
    }
}

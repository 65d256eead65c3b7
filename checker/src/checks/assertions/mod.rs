//! Assertions: conditions that an attempt's data must meet. Each assertion is compiled once, and its result states the
//! expected and the actual value.
//!
//! A condition compares the actual [`value`] of a [`subject`] with the [`expected`] one (see [`comparison`]), or
//! searches it (see [`search`]), and an [`expression`] combines conditions. A [`document`] is a body that was parsed as
//! a [`json_tree`], and its numbers are compared as [`decimal`]s. A value that could mean the same as an operand of another
//! type is neither equal nor different (see [`likeness`]). Comparisons in the filters of its paths must not depend on types
//! or notations (see [`filter_comparisons`]), and paths must not lead into values that they cannot enter (see
//! [`path_route`]).
//! [`syntax`] parses the text form, [`word_traps`] rejects likely mistakes, [`applicability`] checks that a kind of
//! check provides the subjects, and [`mod@evaluate`] evaluates a check's assertions.

pub mod advice;
pub mod applicability;
mod comparison;
mod decimal;
mod document;
pub mod evaluate;
mod expected;
mod expression;
mod filter_comparisons;
mod filter_numbers;
mod filter_parser;
mod header_text;
mod json_framing;
mod json_memory;
mod json_texts;
mod json_tree;
mod likeness;
#[cfg(test)]
mod likeness_tests;
mod operand;
#[cfg(test)]
pub(super) mod oracle_tests;
#[cfg(test)]
mod oracle_values;
mod path_choices;
mod path_container;
mod path_remedy;
mod path_route;
mod quantity;
mod search;
mod subject;
mod syntax;
#[cfg(test)]
mod tests;
mod value;
#[cfg(test)]
mod value_tests;
mod word_traps;

use std::cell::OnceCell;

use serde_json::Value as Json;
use shared::check_file::Attempt;
use shared::status::Status;

use self::document::Document;
use self::expected::Predicate;
use self::expression::{Evaluated, Expression, Truth};
use self::subject::{PathCost, Subject};
use super::body_text::BodyText;
use super::probe_data::{Capture, ProbeData};
use super::utf_8_text::has_characters;

/// A condition, and the endpoint's status if it is not met.
#[derive(Debug, Clone)]
pub struct Assertion {
    pub text: String,
    /// The endpoint's status if the condition is not met: down or degraded.
    pub otherwise: Status,
    condition: Condition,
}

#[derive(Debug, Clone)]
pub struct Condition(Expression);

/// The outcome of evaluating an assertion.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AssertionResult {
    /// The subject and its actual value, such as `status is 200`.
    pub observed: String,
    /// Why the condition is not met or is undetermined, or `None` if it is met.
    pub failure: Option<String>,
    /// Whether the available data is insufficient to evaluate the condition.
    pub is_undetermined: bool,
}

impl Assertion {
    /// The maximum nesting depth of conditions.
    pub const MAX_DEPTH: usize = syntax::MAX_DEPTH;

    /// Creates an assertion. Without `text`, the assertion is shown as the text form of its condition.
    #[must_use]
    pub fn new(text: Option<&str>, otherwise: Status, condition: Condition) -> Assertion {
        let text = text.map_or_else(|| condition.0.to_string(), str::to_owned);
        Assertion { text, otherwise, condition }
    }

    /// Parses the text form of an assertion. If the condition is not met, the endpoint is down.
    pub fn parse(text: &str) -> Result<Assertion, String> {
        Ok(Assertion::new(Some(text), Status::Down, Condition::parse(text)?))
    }

    #[must_use]
    pub fn evaluate(&self, evidence: &Evidence<'_>) -> AssertionResult {
        let Evaluated { observed, truth } = self.condition.0.evaluate(evidence);
        let is_undetermined = matches!(truth, Truth::Undetermined { .. });
        let failure = match truth {
            Truth::Holds => None,
            Truth::Fails(failure) | Truth::Undetermined { unmet: failure, .. } => Some(failure),
        };
        AssertionResult { observed, failure, is_undetermined }
    }

    /// Returns whether the outcome is final, whatever the rest of the body contains. The evidence must mark the body as
    /// truncated.
    #[must_use]
    pub fn is_decided(&self, evidence: &Evidence<'_>) -> bool {
        let subjects = self.subjects();
        if !subjects.iter().any(|subject| subject.capture().body) {
            return true;
        }
        // An incomplete JSON document cannot be parsed, and times are not final before the attempt ends.
        let can_be_decided =
            subjects.iter().all(|subject| !matches!(subject, Subject::JsonPath(_)) && !subject.is_time());
        can_be_decided && !matches!(self.condition.0.evaluate(evidence).truth, Truth::Undetermined { .. })
    }

    /// Returns whether evaluating the assertion can take much longer than reading the body.
    #[must_use]
    pub fn can_be_expensive(&self) -> bool {
        self.subjects()
            .iter()
            .any(|subject| matches!(subject, Subject::JsonPath(path) if path.cost == PathCost::Unbounded))
    }

    /// Returns whether the assertion parses the body as JSON, for its paths or to compare it with a value.
    fn uses_json(&self) -> bool {
        let uses_json = |(subject, predicate): (&Subject, &Predicate)| match subject.root() {
            Subject::JsonPath(_) => true,
            Subject::Body => matches!(predicate, Predicate::Compares(..)),
            _ => false,
        };
        self.condition.0.conditions().into_iter().any(uses_json)
    }

    /// Returns the data that an attempt must capture for this assertion.
    #[must_use]
    pub fn capture(&self) -> Capture {
        self.subjects().into_iter().fold(Capture::default(), |capture, subject| capture.union(subject.capture()))
    }

    /// Returns whether the assertion examines the status code and therefore replaces the default rule for status codes.
    #[must_use]
    pub fn uses_status(&self) -> bool {
        self.subjects().iter().any(|subject| matches!(subject, Subject::Status))
    }

    fn subjects(&self) -> Vec<&Subject> {
        self.condition.0.subjects()
    }
}

impl Condition {
    /// Parses the text form of a condition, such as `[STATUS] == 200`.
    pub fn parse(text: &str) -> Result<Condition, String> {
        syntax::parse(text).map(Condition)
    }

    /// Creates a condition that is met if all parts are met.
    #[must_use]
    pub fn all(parts: Vec<Condition>) -> Condition {
        Condition(Expression::All(parts.into_iter().map(|part| part.0).collect()))
    }

    /// Creates a condition that is met if at least one part is met.
    #[must_use]
    pub fn any(parts: Vec<Condition>) -> Condition {
        Condition(Expression::Any(parts.into_iter().map(|part| part.0).collect()))
    }

    /// Negates the condition. If it is undetermined, so is the negation.
    #[must_use]
    pub fn negated(self) -> Condition {
        Condition(Expression::Not(Box::new(self.0)))
    }
}

/// The data that assertions examine. The body is parsed as JSON on first use, once for all assertions.
pub struct Evidence<'a> {
    data: &'a ProbeData,
    attempt: &'a Attempt,
    document: OnceCell<Option<Document<'a>>>,
    /// Whether all of the body's characters are known. Determined on first use.
    has_characters: OnceCell<bool>,
}

impl<'a> Evidence<'a> {
    /// Creates the evidence from an attempt's data.
    #[must_use]
    pub fn new(data: &'a ProbeData, attempt: &'a Attempt) -> Evidence<'a> {
        Evidence { data, attempt, document: OnceCell::new(), has_characters: OnceCell::new() }
    }

    /// Returns the body as JSON, or `None` if it is not valid JSON or too large to parse. If it consists of several
    /// output streams, exactly one of them must be JSON.
    fn document(&self) -> Option<&Document<'a>> {
        let parse = || {
            let body = self.data.searched_text().filter(|body| !json_memory::is_too_large(body.whole().text()))?;
            body.only(|part| Document::parse(part.text()))
        };
        self.document.get_or_init(parse).as_ref()
    }

    /// Returns the reason why the body has no document.
    fn why_no_document(&self) -> &'static str {
        match self.data.searched_text() {
            Some(body) if body.has_streams() => {
                let are_json: Vec<bool> = body.parts().map(|part| Document::is_json(part.text())).collect();
                match are_json.as_slice() {
                    [true, ..] => "both standard output and standard error are JSON",
                    [false, true] => "standard output is not JSON, and not empty",
                    _ => "neither standard output nor standard error is JSON",
                }
            }
            _ => json_framing::why_not_json(self.text().unwrap_or_default()),
        }
    }

    /// Returns the original text of a number in the body that was read as a double.
    fn double_text(&self, value: &Json) -> Option<&'a str> {
        self.document.get()?.as_ref()?.double_text(value)
    }

    /// Returns the body in UTF-8 if it was converted, and its bytes otherwise.
    fn text(&self) -> Option<&'a [u8]> {
        self.data.text().map(BodyText::text)
    }

    /// Returns whether the text of the body is declared as UTF-8, or was converted to it.
    fn is_certainly_utf_8(&self) -> bool {
        self.data.text().is_some_and(BodyText::has_known_charset)
    }

    fn has_characters(&self) -> bool {
        let text = self.text().unwrap_or_default();
        *self.has_characters.get_or_init(|| has_characters(text, self.data.truncation.is_some()))
    }
}

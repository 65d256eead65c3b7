//! Assertions: what has to hold of what an attempt saw. Pure; each is compiled once, and says what was expected and
//! what was there.
//!
//! What is looked at is a [`subject`], what is there a [`value`], and what is asked of it stands in [`expected`]; what
//! follows is concluded in [`expression`]. [`read`] makes assertions of what stands in a configuration, [`syntax`] of their
//! compact form; [`applicability`] says which kind of check knows what.

mod applicability;
pub mod evaluate;
mod expected;
mod expression;
#[doc(hidden)]
pub mod fuzzing;
pub mod read;
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

/// Something that has to hold.
#[derive(Debug, Clone)]
pub struct Assertion {
    /// As a person wrote it.
    pub text: String,
    /// What it means if it does not hold: down or degraded.
    pub otherwise: Status,
    expression: Expression,
}

/// What an assertion says of an attempt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AssertionResult {
    /// What was looked at, and what was there: `status is 200`.
    pub observed: String,
    /// What is wrong; `None` if it holds.
    pub failure: Option<String>,
}

impl Assertion {
    /// Holds what was seen against the assertion.
    #[must_use]
    pub fn evaluate(&self, evidence: &Evidence<'_>) -> AssertionResult {
        let Evaluated { observed, truth } = self.expression.evaluate(evidence);
        let failure = match truth {
            Truth::Holds => None,
            Truth::Fails(failure) | Truth::Undetermined(failure) => Some(failure),
        };
        AssertionResult { observed, failure }
    }

    /// Whether judging may take much longer than reading the body does.
    #[must_use]
    pub fn can_be_expensive(&self) -> bool {
        self.expression
            .subjects()
            .iter()
            .any(|subject| matches!(subject, Subject::JsonPath(path) if path.cost == PathCost::Unbounded))
    }

    /// What the attempt has to look at for it.
    #[must_use]
    pub fn capture(&self) -> Capture {
        self.expression
            .subjects()
            .into_iter()
            .fold(Capture::default(), |capture, subject| capture.union(subject.capture()))
    }

    /// Whether it looks at the status, so that nobody else has to.
    #[must_use]
    pub fn uses_status(&self) -> bool {
        self.expression.subjects().iter().any(|subject| matches!(subject, Subject::Status))
    }
}

/// What was seen. The body is read as JSON when that is first needed, once for all assertions.
pub struct Evidence<'a> {
    seen: &'a ProbeData,
    attempt: &'a Attempt,
    json: OnceCell<Option<Json>>,
}

impl<'a> Evidence<'a> {
    /// What an attempt saw.
    #[must_use]
    pub fn new(seen: &'a ProbeData, attempt: &'a Attempt) -> Evidence<'a> {
        Evidence { seen, attempt, json: OnceCell::new() }
    }

    fn json(&self) -> Option<&Json> {
        self.json.get_or_init(|| serde_json::from_slice(self.seen.body.as_deref()?).ok()).as_ref()
    }
}

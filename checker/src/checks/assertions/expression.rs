//! Combines conditions with three-valued logic: a condition holds, fails, or is undetermined.

use std::fmt;

use super::expected::Predicate;
use super::subject::Subject;
use super::value::{ActualValue, SEARCH_LIMIT};
use super::{Evidence, json_memory};

#[derive(Debug, Clone)]
pub(super) enum Expression {
    All(Vec<Expression>),
    Any(Vec<Expression>),
    Not(Box<Expression>),
    Holds(Subject, Predicate),
}

/// The outcome of evaluating one part of a condition.
pub(super) struct Evaluated {
    pub(super) observed: String,
    pub(super) truth: Truth,
}

/// Whether one part of a condition holds, with the reason if it does not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Truth {
    Holds,
    Fails(String),
    /// Unknown because the body was truncated. The negation is then unknown as well.
    Undetermined(String),
}

impl Expression {
    pub(super) fn evaluate(&self, evidence: &Evidence<'_>) -> Evaluated {
        match self {
            Expression::All(parts) => {
                let evaluated: Vec<Evaluated> = parts.iter().map(|part| part.evaluate(evidence)).collect();
                // A single failing part makes the whole condition fail, even if other parts are undetermined.
                let fails = evaluated.iter().find(|part| matches!(part.truth, Truth::Fails(_)));
                let unmet = fails.or_else(|| evaluated.iter().find(|part| part.truth != Truth::Holds));
                Evaluated {
                    observed: observed(&evaluated),
                    truth: unmet.map_or(Truth::Holds, |part| part.truth.clone()),
                }
            }
            Expression::Any(parts) => {
                let evaluated: Vec<Evaluated> = parts.iter().map(|part| part.evaluate(evidence)).collect();
                let is_undetermined = evaluated.iter().any(|part| matches!(part.truth, Truth::Undetermined(_)));
                let unmet = evaluated.iter().map(|part| part.truth.unmet()).collect::<Option<Vec<&str>>>();
                let truth = match unmet.map(|unmet| unmet.join("; and ")) {
                    None => Truth::Holds,
                    Some(unmet) if is_undetermined => Truth::Undetermined(unmet),
                    Some(unmet) => Truth::Fails(unmet),
                };
                Evaluated { observed: observed(&evaluated), truth }
            }
            Expression::Not(part) => {
                let Evaluated { observed, truth } = part.evaluate(evidence);
                let truth = match (truth, &evidence.data.truncation) {
                    (Truth::Holds, _) => Truth::Fails(format!("{observed}, expected otherwise")),
                    (Truth::Undetermined(_), Some(truncation)) => {
                        Truth::Undetermined(format!("{truncation}, which does not rule out {part}"))
                    }
                    (Truth::Undetermined(unmet), None) => Truth::Undetermined(unmet),
                    (Truth::Fails(_), _) => Truth::Holds,
                };
                Evaluated { observed, truth }
            }
            Expression::Holds(subject, predicate) => evaluate_condition(subject, predicate, evidence),
        }
    }

    pub(super) fn subjects(&self) -> Vec<&Subject> {
        match self {
            Expression::All(parts) | Expression::Any(parts) => parts.iter().flat_map(Expression::subjects).collect(),
            Expression::Not(part) => part.subjects(),
            Expression::Holds(subject, _) => vec![subject.root()],
        }
    }
}

fn evaluate_condition(subject: &Subject, predicate: &Predicate, evidence: &Evidence<'_>) -> Evaluated {
    let value = subject.value_in(evidence);
    let truncation = evidence.data.truncation.as_deref().filter(|_| subject.root().capture().body);
    let is_path = matches!(subject.root(), Subject::JsonPath(..));
    if let Some(truncation) = truncation.filter(|_| is_path) {
        // A truncated JSON document cannot be parsed, but the complete one may be valid.
        return Evaluated {
            observed: truncation.to_owned(),
            truth: Truth::Undetermined(format!("{truncation}, expected {subject} {predicate}")),
        };
    }
    if is_path && evidence.data.body.as_deref().is_some_and(json_memory::is_too_large) {
        return Evaluated {
            observed: json_memory::TOO_LARGE.to_owned(),
            truth: Truth::Undetermined(format!("{}, expected {subject} {predicate}", json_memory::TOO_LARGE)),
        };
    }
    if predicate.is_too_large(&value) {
        let observed = format!("{subject} exceeds {SEARCH_LIMIT} bytes, the search limit");
        return Evaluated {
            truth: Truth::Undetermined(format!("{observed}, expected {subject} {predicate}")),
            observed,
        };
    }
    let is_not_json = is_path && evidence.data.body.is_some() && evidence.json().is_none();
    let observed = if is_not_json { "body is not JSON".to_owned() } else { format!("{subject} is {value}") };
    let failure = || match (predicate, is_not_json) {
        (_, true) => format!("{observed}, expected {subject} {predicate}"),
        (Predicate::Contains(_) | Predicate::Matches(_), _) if !matches!(value, ActualValue::Missing) => {
            format!("{subject} does not {} (it is {value})", predicate.infinitive())
        }
        _ => format!("{observed}, expected {predicate}"),
    };
    let truth = match truncation.filter(|_| predicate.is_undetermined_for(&value)) {
        Some(truncation) => Truth::Undetermined(format!("{}; {truncation}", failure())),
        None if predicate.holds(&value) => Truth::Holds,
        None => Truth::Fails(failure()),
    };
    Evaluated { observed, truth }
}

fn observed(evaluated: &[Evaluated]) -> String {
    evaluated.iter().map(|part| part.observed.as_str()).collect::<Vec<_>>().join("; ")
}

impl Truth {
    /// Returns the reason why a part does not hold or is undetermined.
    fn unmet(&self) -> Option<&str> {
        match self {
            Truth::Holds => None,
            Truth::Fails(unmet) | Truth::Undetermined(unmet) => Some(unmet),
        }
    }
}

impl fmt::Display for Expression {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut joined = |parts: &[Expression], word: &str| {
            let parts: Vec<String> = parts.iter().map(ToString::to_string).collect();
            write!(formatter, "({})", parts.join(word))
        };
        match self {
            Expression::All(parts) => joined(parts, " and "),
            Expression::Any(parts) => joined(parts, " or "),
            Expression::Not(part) => write!(formatter, "not {part}"),
            Expression::Holds(subject, predicate) => write!(formatter, "{subject} {predicate}"),
        }
    }
}

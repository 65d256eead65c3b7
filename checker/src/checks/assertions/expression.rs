//! What is concluded from the parts of an assertion: what holds, what fails, and what nobody knows.

use std::fmt;

use super::Evidence;
use super::expected::Predicate;
use super::subject::Subject;
use super::value::{ActualValue, SEARCH_LIMIT};

#[derive(Debug, Clone)]
pub(super) enum Expression {
    All(Vec<Expression>),
    Any(Vec<Expression>),
    Not(Box<Expression>),
    Holds(Subject, Predicate),
}

/// What a part of an assertion says of an attempt.
pub(super) struct Evaluated {
    pub(super) observed: String,
    pub(super) truth: Truth,
}

/// Whether something holds, and if not, what is wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Truth {
    Holds,
    Fails(String),
    /// Nobody knows: the body was not read to its end. Neither this nor its opposite holds.
    Undetermined(String),
}

impl Expression {
    pub(super) fn evaluate(&self, evidence: &Evidence<'_>) -> Evaluated {
        match self {
            Expression::All(parts) => {
                let evaluated: Vec<Evaluated> = parts.iter().map(|part| part.evaluate(evidence)).collect();
                // One part that fails settles it, whatever is open beside it.
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
                let truth = match (truth, &evidence.seen.truncation) {
                    (Truth::Holds, _) => Truth::Fails(format!("{observed}, expected not to be so")),
                    (Truth::Undetermined(_), Some(cut)) => {
                        Truth::Undetermined(format!("{cut}, which does not rule out {part}"))
                    }
                    (Truth::Undetermined(unmet), None) => Truth::Undetermined(unmet),
                    (Truth::Fails(_), _) => Truth::Holds,
                };
                Evaluated { observed, truth }
            }
            Expression::Holds(subject, test) => evaluate_condition(subject, test, evidence),
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

fn evaluate_condition(subject: &Subject, test: &Predicate, evidence: &Evidence<'_>) -> Evaluated {
    let value = subject.value_in(evidence);
    let cut = evidence.seen.truncation.as_deref().filter(|_| subject.root().capture().body);
    let is_path = matches!(subject.root(), Subject::JsonPath(..));
    if let Some(cut) = cut.filter(|_| is_path) {
        // Half a document has no values yet; that it is no JSON would be said of what was not read.
        return Evaluated {
            observed: cut.to_owned(),
            truth: Truth::Undetermined(format!("{cut}, expected {subject} {test}")),
        };
    }
    if test.is_too_large(&value) {
        let observed = format!("{subject} is more than {SEARCH_LIMIT} bytes, which are not searched");
        return Evaluated { truth: Truth::Undetermined(format!("{observed}, expected {subject} {test}")), observed };
    }
    let no_json = is_path && evidence.seen.body.is_some() && evidence.json().is_none();
    let observed = if no_json { "body is no JSON".to_owned() } else { format!("{subject} is {value}") };
    let failure = || match (test, no_json) {
        (_, true) => format!("{observed}, expected {subject} {test}"),
        (Predicate::Contains(_) | Predicate::Matches(_), _) if !matches!(value, ActualValue::Missing) => {
            format!("{subject} does not {} (it is {value})", test.infinitive())
        }
        _ => format!("{observed}, expected {test}"),
    };
    let truth = match cut.filter(|_| test.is_undetermined_for(&value)) {
        Some(cut) => Truth::Undetermined(format!("{}; {cut}", failure())),
        None if test.holds(&value) => Truth::Holds,
        None => Truth::Fails(failure()),
    };
    Evaluated { observed, truth }
}

fn observed(evaluated: &[Evaluated]) -> String {
    evaluated.iter().map(|part| part.observed.as_str()).collect::<Vec<_>>().join("; ")
}

impl Truth {
    /// What is wrong, or not known to be right.
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
            Expression::Holds(subject, test) => write!(formatter, "{subject} {test}"),
        }
    }
}

//! Combines conditions with three-valued logic: a condition holds, fails, or is undetermined.

use std::borrow::Cow;
use std::fmt;

use serde_json::Value as Json;

use super::expected::Predicate;
use super::json_texts::JsonTexts;
use super::operand::{Judgment, Operator};
use super::subject::Subject;
use super::value::{ActualValue, SEARCH_LIMIT};
use super::{Evidence, json_memory};
use crate::checks::body_text::BodyText;
use crate::checks::error_text::excerpt;
use crate::checks::expected_text::INVALID_BYTES;

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
    /// The relevant data is unknown or cannot be compared, so neither this part of the condition nor its negation
    /// holds.
    Undetermined {
        unmet: String,
        /// Why the negation does not hold.
        negation_unmet: String,
    },
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
                let undetermined: Vec<&str> = evaluated.iter().filter_map(|part| part.truth.negation_unmet()).collect();
                let unmet = evaluated.iter().map(|part| part.truth.unmet()).collect::<Option<Vec<&str>>>();
                let truth = match unmet.map(|unmet| unmet.join("; and ")) {
                    None => Truth::Holds,
                    Some(unmet) if undetermined.is_empty() => Truth::Fails(unmet),
                    Some(unmet) => Truth::Undetermined { unmet, negation_unmet: undetermined.join("; and ") },
                };
                Evaluated { observed: observed(&evaluated), truth }
            }
            Expression::Not(part) => {
                let Evaluated { observed, truth } = part.evaluate(evidence);
                let truth = match truth {
                    Truth::Holds => Truth::Fails(format!("{observed}, expected otherwise")),
                    Truth::Undetermined { unmet, negation_unmet } => {
                        Truth::Undetermined { unmet: negation_unmet, negation_unmet: unmet }
                    }
                    Truth::Fails(_) => Truth::Holds,
                };
                Evaluated { observed, truth }
            }
            Expression::Holds(subject, predicate) => evaluate_condition(subject, predicate, evidence),
        }
    }

    pub(super) fn subjects(&self) -> Vec<&Subject> {
        self.conditions().into_iter().map(|(subject, _)| subject.root()).collect()
    }

    /// Returns the subject and the predicate of each condition.
    pub(super) fn conditions(&self) -> Vec<(&Subject, &Predicate)> {
        match self {
            Expression::All(parts) | Expression::Any(parts) => parts.iter().flat_map(Expression::conditions).collect(),
            Expression::Not(part) => part.conditions(),
            Expression::Holds(subject, predicate) => vec![(subject, predicate)],
        }
    }
}

fn evaluate_condition(subject: &Subject, predicate: &Predicate, evidence: &Evidence<'_>) -> Evaluated {
    if let Some(obstacle) = obstacle(subject, predicate, evidence) {
        return unexamined(subject, predicate, obstacle.into_owned());
    }
    let value = subject.value_in(evidence);
    if predicate.is_too_large(&value) {
        let obstacle = format!("{subject} exceeds {SEARCH_LIMIT} bytes, the search limit");
        return unexamined(subject, predicate, obstacle);
    }
    let doubles = |number: &Json| evidence.double_text(number);
    let judgment = predicate.judge(&value, JsonTexts::new(&doubles, evidence.is_certainly_utf_8()));
    let shown = subject.without_credentials(&value);
    let observed = match value.single() {
        // Find the number's original text only if the condition is not met, because it takes a second pass over the
        // body.
        Some(json) if judgment != Judgment::Met => match evidence.double_text(json) {
            Some(text) => format!("{subject} is {}", excerpt(text.as_bytes())),
            None => format!("{subject} is {shown}"),
        },
        _ => format!("{subject} is {shown}"),
    };
    let failure = || match predicate {
        Predicate::Contains(_) | Predicate::Matches(_) if !matches!(value, ActualValue::Missing) => {
            format!("{subject} does not {} (it is {shown})", predicate.infinitive())
        }
        Predicate::Exists => format!("{observed}, expected it to exist"),
        _ => format!("{observed}, expected {predicate}"),
    };
    let undetermined = |reason: &str| Truth::Undetermined {
        unmet: format!("{}{reason}", failure()),
        negation_unmet: format!("{observed}, expected not {predicate}{reason}"),
    };
    let is_about_text = matches!(subject.root(), Subject::Body) && !matches!(judgment, Judgment::Incomparable(_));
    let truncation = evidence.data.truncation.as_deref().filter(|_| subject.root().capture().body);
    let truth = if let Some(truncation) = truncation.filter(|_| predicate.is_undetermined_for(&value)) {
        Truth::Undetermined {
            unmet: format!("{}; {truncation}", failure()),
            negation_unmet: not_ruled_out(truncation, subject, predicate),
        }
    } else if is_about_text && needs_characters(subject, predicate, &value) && !evidence.has_characters() {
        undetermined(&format!("; it {INVALID_BYTES}"))
    } else {
        match judgment {
            Judgment::Met => Truth::Holds,
            Judgment::Unmet if is_missing_certificate(subject, predicate, &value) => undetermined(""),
            Judgment::Unmet => Truth::Fails(failure()),
            Judgment::Incomparable(reason) => undetermined(&format!("; {reason}")),
        }
    };
    Evaluated { observed, truth }
}

/// Returns the outcome for a subject that cannot be examined.
fn unexamined(subject: &Subject, predicate: &Predicate, obstacle: String) -> Evaluated {
    let unmet = match predicate {
        Predicate::Compares(Operator::Equal, _) | Predicate::IsOneOf(_) => {
            format!("{obstacle}, expected {subject} to be {predicate}")
        }
        _ => format!("{obstacle}, expected {subject} {predicate}"),
    };
    let negation_unmet = not_ruled_out(&obstacle, subject, predicate);
    Evaluated { observed: obstacle, truth: Truth::Undetermined { unmet, negation_unmet } }
}

fn not_ruled_out(obstacle: &str, subject: &Subject, predicate: &Predicate) -> String {
    format!("{obstacle}, which does not rule out that {subject} {}", predicate.statement())
}

/// Returns the reason why a subject cannot be examined, if there is one.
fn obstacle<'a>(subject: &Subject, predicate: &Predicate, evidence: &'a Evidence<'_>) -> Option<Cow<'a, str>> {
    let data = evidence.data;
    let root = subject.root();
    let body = data.body.as_deref();
    let obstacle = data.encoded.as_ref().and_then(|encoded| match root {
        Subject::BodySize => encoded.undecoded.as_deref(),
        // A pattern for bytes can match even if the charset is unknown.
        _ if matches!(subject, Subject::Body) && body.is_some_and(|body| predicate.matches_bytes(body)) => {
            encoded.undecoded.as_deref()
        }
        _ if root.capture().body => encoded.undecoded.as_deref().or(encoded.unknown_charset.as_deref()),
        _ => None,
    });
    if let Some(obstacle) = obstacle {
        return Some(obstacle.into());
    }
    let text = data.text();
    let is_parsed = matches!(subject, Subject::JsonPath(_) | Subject::Length(_)) && root.capture().body;
    if let Some(format) = text.and_then(BodyText::compression).filter(|_| is_parsed) {
        return Some(format!("body is compressed with `{format}`").into());
    }
    let Subject::JsonPath(path) = root else { return None };
    if let Some(truncation) = &data.truncation {
        // A truncated document cannot be parsed, but that does not make it invalid.
        return Some(truncation.into());
    }
    if json_memory::is_too_large(text?.text()) {
        return Some(json_memory::TOO_LARGE.into());
    }
    let Some(document) = evidence.document() else { return Some(evidence.why_no_document().into()) };
    if let Some(key) = document.repeated_key(&path.compiled, &path.text) {
        let key = excerpt(key.as_bytes());
        return Some(format!("an object in the body repeats the key `{key}` with different values").into());
    }
    let is_elsewhere = |root| path.route.obstacle_in(root, "$").or_else(|| path.containers.absence_in(root));
    if let Some(absence) = document.readings().find_map(is_elsewhere) {
        return Some(absence.into());
    }
    let ambiguity = path.comparisons.ambiguity_in(document, evidence.is_certainly_utf_8());
    let inexact = || {
        let number = path.numbers.inexact_in(document)?;
        Some(format!("filters cannot compare the number {} exactly", excerpt(number.as_bytes())))
    };
    ambiguity.or_else(inexact).map(Cow::from)
}

/// Returns whether the outcome depends on the body's characters and not only on its bytes.
fn needs_characters(subject: &Subject, predicate: &Predicate, value: &ActualValue<'_>) -> bool {
    match subject {
        Subject::Length(_) => !matches!(predicate, Predicate::Exists),
        _ => predicate.needs_characters(value),
    }
}

/// Returns whether the condition compares the expiry of a missing certificate. If so, its negation does not hold
/// either.
fn is_missing_certificate(subject: &Subject, predicate: &Predicate, value: &ActualValue<'_>) -> bool {
    !matches!(predicate, Predicate::Exists) && matches!((subject, value), (Subject::Certificate, ActualValue::Missing))
}

fn observed(evaluated: &[Evaluated]) -> String {
    evaluated.iter().map(|part| part.observed.as_str()).collect::<Vec<_>>().join("; ")
}

impl Truth {
    /// Returns the reason why a part does not hold or is undetermined.
    fn unmet(&self) -> Option<&str> {
        match self {
            Truth::Holds => None,
            Truth::Fails(unmet) | Truth::Undetermined { unmet, .. } => Some(unmet),
        }
    }

    /// Returns the reason why an undetermined part's negation does not hold.
    fn negation_unmet(&self) -> Option<&str> {
        match self {
            Truth::Holds | Truth::Fails(_) => None,
            Truth::Undetermined { negation_unmet, .. } => Some(negation_unmet),
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

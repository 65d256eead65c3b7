//! What is concluded from the parts of an assertion: what holds, what fails, and what nobody knows.

use std::fmt;

use super::Evidence;
use super::expected::Test;
use super::subject::Subject;
use super::value::{SEARCHED, Value};

#[derive(Debug, Clone)]
pub(super) enum Expression {
    All(Vec<Expression>),
    Any(Vec<Expression>),
    Not(Box<Expression>),
    Is(Subject, Test),
}

/// What a part of an assertion says of an attempt.
pub(super) struct Judged {
    pub(super) found: String,
    pub(super) truth: Truth,
}

/// Whether something holds, and if not, what is wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Truth {
    Holds,
    Fails(String),
    /// Nobody knows: the body was not read to its end. Neither this nor its opposite holds.
    Open(String),
}

impl Expression {
    pub(super) fn judge(&self, evidence: &Evidence<'_>) -> Judged {
        match self {
            Expression::All(parts) => {
                let judged: Vec<Judged> = parts.iter().map(|part| part.judge(evidence)).collect();
                // One part that fails settles it, whatever is open beside it.
                let fails = judged.iter().find(|part| matches!(part.truth, Truth::Fails(_)));
                let unmet = fails.or_else(|| judged.iter().find(|part| part.truth != Truth::Holds));
                Judged { found: found(&judged), truth: unmet.map_or(Truth::Holds, |part| part.truth.clone()) }
            }
            Expression::Any(parts) => {
                let judged: Vec<Judged> = parts.iter().map(|part| part.judge(evidence)).collect();
                let is_open = judged.iter().any(|part| matches!(part.truth, Truth::Open(_)));
                let unmet = judged.iter().map(|part| part.truth.unmet()).collect::<Option<Vec<&str>>>();
                let truth = match unmet.map(|unmet| unmet.join("; and ")) {
                    None => Truth::Holds,
                    Some(unmet) if is_open => Truth::Open(unmet),
                    Some(unmet) => Truth::Fails(unmet),
                };
                Judged { found: found(&judged), truth }
            }
            Expression::Not(part) => {
                let Judged { found, truth } = part.judge(evidence);
                let truth = match (truth, &evidence.seen.cut) {
                    (Truth::Holds, _) => Truth::Fails(format!("{found}, expected not to be so")),
                    (Truth::Open(_), Some(cut)) => Truth::Open(format!("{cut}, which does not rule out {part}")),
                    (Truth::Open(unmet), None) => Truth::Open(unmet),
                    (Truth::Fails(_), _) => Truth::Holds,
                };
                Judged { found, truth }
            }
            Expression::Is(subject, test) => judge_one(subject, test, evidence),
        }
    }

    pub(super) fn subjects(&self) -> Vec<&Subject> {
        match self {
            Expression::All(parts) | Expression::Any(parts) => parts.iter().flat_map(Expression::subjects).collect(),
            Expression::Not(part) => part.subjects(),
            Expression::Is(subject, _) => vec![subject.root()],
        }
    }
}

fn judge_one(subject: &Subject, test: &Test, evidence: &Evidence<'_>) -> Judged {
    let value = subject.look(evidence);
    let cut = evidence.seen.cut.as_deref().filter(|_| subject.root().wanted().body);
    let is_path = matches!(subject.root(), Subject::Path(..));
    if let Some(cut) = cut.filter(|_| is_path) {
        // Half a document has no values yet; that it is no JSON would be said of what was not read.
        return Judged { found: cut.to_owned(), truth: Truth::Open(format!("{cut}, expected {subject} {test}")) };
    }
    if test.gives_up_on(&value) {
        let found = format!("{subject} is more than {SEARCHED} bytes, which are not searched");
        return Judged { truth: Truth::Open(format!("{found}, expected {subject} {test}")), found };
    }
    let no_json = is_path && evidence.seen.body.is_some() && evidence.json().is_none();
    let found = if no_json { "body is no JSON".to_owned() } else { format!("{subject} is {value}") };
    let failure = || match (test, no_json) {
        (_, true) => format!("{found}, expected {subject} {test}"),
        (Test::Contains(_) | Test::Matches(_), _) if !matches!(value, Value::Missing) => {
            format!("{subject} does not {} (it is {value})", test.infinitive())
        }
        _ => format!("{found}, expected {test}"),
    };
    let truth = match cut.filter(|_| test.leaves_open(&value)) {
        Some(cut) => Truth::Open(format!("{}; {cut}", failure())),
        None if test.holds(&value) => Truth::Holds,
        None => Truth::Fails(failure()),
    };
    Judged { found, truth }
}

fn found(judged: &[Judged]) -> String {
    judged.iter().map(|part| part.found.as_str()).collect::<Vec<_>>().join("; ")
}

impl Truth {
    /// What is wrong, or not known to be right.
    fn unmet(&self) -> Option<&str> {
        match self {
            Truth::Holds => None,
            Truth::Fails(unmet) | Truth::Open(unmet) => Some(unmet),
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
            Expression::Is(subject, test) => write!(formatter, "{subject} {test}"),
        }
    }
}

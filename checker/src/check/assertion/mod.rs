//! Assertions: what has to hold of what an attempt saw. Pure; each is compiled once, and says what was expected and
//! what was there. [`read`] makes them from what stands in a configuration, [`known`] says which kind knows what.

mod known;
pub mod read;

use std::borrow::Cow;
use std::cell::OnceCell;
use std::cmp::Ordering;
use std::{fmt, io};

use memchr::memmem;
use regex::bytes::Regex;
use reqwest::header::HeaderName;
use serde_json::Value as Json;
use serde_json_path::JsonPath;
use shared::result::Attempt;
use shared::status::Status;
use shared::{Nanos, duration};

use super::http::status_codes::StatusCodes;
use super::seen::{Seen, Wanted};
use super::wording::excerpt;

/// Something that has to hold.
#[derive(Debug, Clone)]
pub struct Assertion {
    /// As a person wrote it.
    pub text: String,
    /// What it means if it does not hold: down or degraded.
    pub otherwise: Status,
    expression: Expression,
}

#[derive(Debug, Clone)]
enum Expression {
    All(Vec<Expression>),
    Any(Vec<Expression>),
    Not(Box<Expression>),
    Is(Subject, Test),
}

/// What is looked at.
#[derive(Debug, Clone)]
enum Subject {
    Status,
    Rtt,
    Dns,
    Connect,
    Tls,
    FirstByte,
    Certificate,
    Redirect,
    Header(HeaderName),
    Body,
    BodySize,
    Path(Box<Path>),
    Length(Box<Subject>),
}

#[derive(Debug, Clone)]
struct Path {
    compiled: JsonPath,
    /// As a person wrote it.
    text: String,
    effort: Effort,
}

/// How much time looking may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Effort {
    /// As much as the body is long.
    Small,
    /// More than that, and who writes the body may make it so.
    Any,
}

#[derive(Debug, Clone)]
enum Test {
    Exists,
    Compares(Operator, Operand),
    IsOneOf(StatusCodes),
    IsNoneOf(StatusCodes),
    Contains(Operand),
    Matches(Regex),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Operator {
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

#[derive(Debug, Clone, PartialEq)]
enum Operand {
    Number(f64),
    Duration(Nanos),
    Text(String),
    Flag(bool),
    Null,
}

/// What is there.
#[derive(Debug, Clone)]
enum Value<'a> {
    Missing,
    Duration(Nanos),
    Bytes(&'a [u8]),
    /// A number that is not known, but is larger than this one.
    MoreThan(usize),
    Json(Cow<'a, Json>),
    /// All that a path leads to; they may be parts of each other, so that nobody copies them.
    Nodes(Vec<&'a Json>),
}

/// What a part of an assertion says of an attempt.
struct Judged {
    found: String,
    truth: Truth,
}

/// Whether something holds, and if not, what is wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Truth {
    Holds,
    Fails(String),
    /// Nobody knows: the body was not read to its end. Neither this nor its opposite holds.
    Open(String),
}

/// What an assertion says of an attempt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verdict {
    /// What was looked at, and what was there: `status is 200`.
    pub found: String,
    /// What is wrong; `None` if it holds.
    pub failure: Option<String>,
}

impl Assertion {
    /// Holds what was seen against the assertion.
    #[must_use]
    pub fn judge(&self, evidence: &Evidence<'_>) -> Verdict {
        let Judged { found, truth } = self.expression.judge(evidence);
        let failure = match truth {
            Truth::Holds => None,
            Truth::Fails(failure) | Truth::Open(failure) => Some(failure),
        };
        Verdict { found, failure }
    }

    /// Whether judging may take much longer than reading the body does.
    #[must_use]
    pub fn may_take_long(&self) -> bool {
        self.expression
            .subjects()
            .iter()
            .any(|subject| matches!(subject, Subject::Path(path) if path.effort == Effort::Any))
    }

    /// What the attempt has to look at for it.
    #[must_use]
    pub fn wanted(&self) -> Wanted {
        self.expression.subjects().into_iter().fold(Wanted::default(), |wanted, subject| wanted.and(subject.wanted()))
    }

    /// Whether it looks at the status, so that nobody else has to.
    #[must_use]
    pub fn is_about_status(&self) -> bool {
        self.expression.subjects().iter().any(|subject| matches!(subject, Subject::Status))
    }
}

/// What was seen. The body is read as JSON when that is first needed, once for all assertions.
pub struct Evidence<'a> {
    seen: &'a Seen,
    attempt: &'a Attempt,
    json: OnceCell<Option<Json>>,
}

impl<'a> Evidence<'a> {
    /// What an attempt saw.
    #[must_use]
    pub fn new(seen: &'a Seen, attempt: &'a Attempt) -> Evidence<'a> {
        Evidence { seen, attempt, json: OnceCell::new() }
    }

    fn json(&self) -> Option<&Json> {
        self.json.get_or_init(|| serde_json::from_slice(self.seen.body.as_deref()?).ok()).as_ref()
    }
}

impl Expression {
    fn judge(&self, evidence: &Evidence<'_>) -> Judged {
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

    fn subjects(&self) -> Vec<&Subject> {
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

impl Subject {
    /// What it is about in the end: a length is about what it is the length of.
    fn root(&self) -> &Subject {
        match self {
            Subject::Length(subject) => subject.root(),
            subject => subject,
        }
    }

    fn wanted(&self) -> Wanted {
        Wanted {
            head: matches!(self, Subject::Header(_) | Subject::Redirect),
            body: matches!(self, Subject::Body | Subject::BodySize | Subject::Path(..)),
            certificate: matches!(self, Subject::Certificate),
            notes: false,
        }
    }

    fn look<'a>(&self, evidence: &'a Evidence<'_>) -> Value<'a> {
        let phases = &evidence.attempt.phases;
        let time = |nanos: Option<Nanos>| nanos.map_or(Value::Missing, Value::Duration);
        let seen = evidence.seen;
        match self {
            Subject::Status => seen.status.map_or(Value::Missing, number),
            Subject::Rtt => Value::Duration(evidence.attempt.rtt),
            Subject::Dns => time(phases.dns),
            Subject::Connect => time(phases.connect),
            Subject::Tls => time(phases.tls),
            Subject::FirstByte => time(phases.ttfb),
            Subject::Certificate => time(seen.certificate),
            Subject::Redirect => text(seen.redirect.clone()),
            Subject::Header(name) => {
                let values = seen.headers.iter().flat_map(|headers| headers.get_all(name));
                let values: Vec<_> = values.map(|value| String::from_utf8_lossy(value.as_bytes())).collect();
                text((!values.is_empty()).then(|| values.join(", ")))
            }
            Subject::Body => seen.body.as_deref().map_or(Value::Missing, Value::Bytes),
            Subject::BodySize => match &seen.body {
                Some(body) if seen.cut.is_some() => Value::MoreThan(body.len()),
                Some(body) => number(body.len()),
                None => Value::Missing,
            },
            Subject::Path(path) => {
                let Some(json) = evidence.json() else { return Value::Missing };
                let nodes = path.compiled.query(json).all();
                match nodes.as_slice() {
                    [] => Value::Missing,
                    [node] => Value::Json(Cow::Borrowed(node)),
                    _ => Value::Nodes(nodes),
                }
            }
            Subject::Length(subject) => match subject.look(evidence) {
                Value::Nodes(nodes) => number(nodes.len()),
                Value::Json(json) => match &*json {
                    Json::Array(list) => number(list.len()),
                    Json::Object(members) => number(members.len()),
                    Json::String(text) => number(text.chars().count()),
                    _ => Value::Missing,
                },
                Value::Bytes(bytes) => {
                    let count = String::from_utf8_lossy(bytes).chars().count();
                    // The last one may have been cut in the middle.
                    if seen.cut.is_some() { Value::MoreThan(count.saturating_sub(1)) } else { number(count) }
                }
                Value::Missing | Value::Duration(_) | Value::MoreThan(_) => Value::Missing,
            },
        }
    }
}

fn text<'a>(text: Option<String>) -> Value<'a> {
    text.map_or(Value::Missing, |text| Value::Json(Cow::Owned(Json::String(text))))
}

fn number<'a>(number: impl Into<Json>) -> Value<'a> {
    Value::Json(Cow::Owned(number.into()))
}

impl Test {
    fn holds(&self, value: &Value<'_>) -> bool {
        match (self, value) {
            (_, Value::Missing) => false,
            (Test::Exists, _) => true,
            (Test::IsOneOf(codes), value) => status(value).is_some_and(|code| codes.contains(code)),
            (Test::IsNoneOf(codes), value) => status(value).is_some_and(|code| !codes.contains(code)),
            (Test::Matches(pattern), value) => bytes(value).is_some_and(|bytes| pattern.is_match(&bytes)),
            (Test::Contains(operand), value) => {
                let is_it = |element: &Json| compare_json(element, operand) == Some(Ordering::Equal);
                match value {
                    Value::Nodes(nodes) => nodes.iter().any(|node| is_it(node)),
                    Value::Json(json) if json.is_array() => json.as_array().is_some_and(|list| list.iter().any(is_it)),
                    value => {
                        let sought = operand.to_string();
                        bytes(value).is_some_and(|bytes| memmem::find(&bytes, sought.as_bytes()).is_some())
                    }
                }
            }
            (Test::Compares(operator, operand), value) => {
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

    /// Whether a body that was cut off leaves it open if this is what was read of it: what was found there stays,
    /// what is not there may come later.
    fn leaves_open(&self, value: &Value<'_>) -> bool {
        match (self, value) {
            (Test::Exists, _) => false,
            (Test::Contains(_), Value::Bytes(_)) => !self.holds(value),
            // A match that needs the end of what was read, as with `$`, is none of the whole body.
            (Test::Matches(pattern), Value::Bytes(part)) => {
                pattern.shortest_match(part).is_none_or(|end| end == part.len())
            }
            (Test::Compares(_, operand), Value::MoreThan(_)) => compare(value, operand).is_none(),
            _ => true,
        }
    }

    /// What it asks for, after "does not".
    fn infinitive(&self) -> String {
        match self {
            Test::Contains(operand) => format!("contain `{operand}`"),
            Test::Matches(pattern) => format!("match `{pattern}`"),
            other => other.to_string(),
        }
    }
}

fn status(value: &Value<'_>) -> Option<u16> {
    match value {
        Value::Json(number) => number.as_u64().and_then(|code| u16::try_from(code).ok()),
        _ => None,
    }
}

/// What can be searched: a text, or the bytes of a body.
fn bytes<'a>(value: &'a Value<'_>) -> Option<Cow<'a, [u8]>> {
    match value {
        Value::Bytes(bytes) => Some((*bytes).into()),
        Value::Json(json) => Some(match &**json {
            Json::String(text) => text.as_bytes().into(),
            other => other.to_string().into_bytes().into(),
        }),
        Value::Nodes(nodes) => serde_json::to_vec(nodes).ok().map(Cow::Owned),
        Value::Missing | Value::Duration(_) | Value::MoreThan(_) => None,
    }
}

/// How what is there compares with what is asked for; `None` if they are of different kinds.
fn compare(value: &Value<'_>, operand: &Operand) -> Option<Ordering> {
    match (value, operand) {
        (Value::Duration(nanos), Operand::Duration(operand)) => Some(nanos.cmp(operand)),
        (Value::MoreThan(less), Operand::Number(operand)) => (*operand <= *less as f64).then_some(Ordering::Greater),
        (Value::Json(json), operand) => compare_json(json, operand),
        (Value::Bytes(bytes), operand) => {
            // A body that is one word, such as `OK` or `42`, is compared without the line's end.
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

/// The beginning of something as JSON, for people; what is behind it is not even written.
#[derive(Default)]
struct Beginning(Vec<u8>);

impl Beginning {
    /// More than an excerpt shows.
    const LIMIT: usize = 1_024;

    fn of(value: &impl serde::Serialize) -> String {
        let mut beginning = Beginning::default();
        // That it is full is no error: what is there is what was wanted.
        let _ = serde_json::to_writer(&mut beginning, value);
        excerpt(&beginning.0)
    }
}

impl io::Write for Beginning {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.0.len() > Beginning::LIMIT {
            return Err(io::ErrorKind::WriteZero.into());
        }
        self.0.extend_from_slice(&bytes[..bytes.len().min(Beginning::LIMIT)]);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
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

impl fmt::Display for Subject {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Subject::Status => formatter.write_str("status"),
            Subject::Rtt => formatter.write_str("round-trip time"),
            Subject::Dns => formatter.write_str("time to look up the name"),
            Subject::Connect => formatter.write_str("time to connect"),
            Subject::Tls => formatter.write_str("time of the TLS handshake"),
            Subject::FirstByte => formatter.write_str("time to first byte"),
            Subject::Certificate => formatter.write_str("certificate's time left"),
            Subject::Redirect => formatter.write_str("redirect target"),
            Subject::Header(name) => write!(formatter, "header `{name}`"),
            Subject::Body => formatter.write_str("body"),
            Subject::BodySize => formatter.write_str("size of the body"),
            Subject::Path(path) => write!(formatter, "`{}`", path.text),
            Subject::Length(subject) => write!(formatter, "length of {subject}"),
        }
    }
}

impl fmt::Display for Test {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Test::Exists => formatter.write_str("it to be there"),
            Test::Compares(Operator::Equal, operand) => write!(formatter, "{}", Quoted(operand)),
            Test::Compares(operator, operand) => write!(formatter, "{} {}", operator.word(), Quoted(operand)),
            Test::IsOneOf(codes) => write!(formatter, "{codes}"),
            Test::IsNoneOf(codes) => write!(formatter, "!= {codes}"),
            Test::Contains(operand) => write!(formatter, "to contain `{operand}`"),
            Test::Matches(pattern) => write!(formatter, "to match `{pattern}`"),
        }
    }
}

impl Operator {
    const WORDS: [(&'static str, Operator); 6] = [
        ("==", Operator::Equal),
        ("!=", Operator::NotEqual),
        ("<=", Operator::LessOrEqual),
        (">=", Operator::GreaterOrEqual),
        ("<", Operator::Less),
        (">", Operator::Greater),
    ];

    fn word(self) -> &'static str {
        Operator::WORDS.iter().find(|(_, operator)| *operator == self).map_or("", |(word, _)| word)
    }
}

impl fmt::Display for Operand {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Operand::Number(number) => write!(formatter, "{number}"),
            Operand::Duration(nanos) => formatter.write_str(&duration::exact(*nanos)),
            Operand::Text(text) => formatter.write_str(text),
            Operand::Flag(flag) => write!(formatter, "{flag}"),
            Operand::Null => formatter.write_str("null"),
        }
    }
}

/// An operand as it is told to people: texts in marks.
struct Quoted<'a>(&'a Operand);

impl fmt::Display for Quoted<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Operand::Text(text) => write!(formatter, "`{text}`"),
            other => write!(formatter, "{other}"),
        }
    }
}

impl fmt::Display for Value<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Value::Missing => formatter.write_str("not there"),
            // A second and more in words, as of certificates; less with three figures.
            Value::Duration(nanos) if *nanos >= shared::MINUTE => formatter.write_str(&duration::in_words(*nanos)),
            Value::Duration(nanos) => formatter.write_str(&duration::rtt(*nanos)),
            Value::Bytes(bytes) => write!(formatter, "`{}`", excerpt(bytes)),
            Value::MoreThan(number) => write!(formatter, "more than {number}"),
            Value::Nodes(nodes) => write!(formatter, "`{}`", Beginning::of(nodes)),
            Value::Json(json) => match &**json {
                Json::String(text) => write!(formatter, "`{}`", excerpt(text.as_bytes())),
                Json::Array(_) | Json::Object(_) => write!(formatter, "`{}`", Beginning::of(json)),
                json => write!(formatter, "{json}"),
            },
        }
    }
}

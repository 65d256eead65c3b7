//! What assertions look at, and what they find there in what an attempt saw.

use std::borrow::Cow;
use std::fmt;

use reqwest::header::HeaderName;
use serde_json::Value as Json;
use serde_json_path::JsonPath;
use shared::Nanos;

use super::Evidence;
use super::value::Value;
use crate::checks::probe_data::Wanted;

/// What is looked at.
#[derive(Debug, Clone)]
pub(super) enum Subject {
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
pub(super) struct Path {
    pub(super) compiled: JsonPath,
    /// As a person wrote it.
    pub(super) text: String,
    pub(super) effort: Effort,
}

/// How much time looking may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Effort {
    /// As much as the body is long.
    Small,
    /// More than that, and who writes the body may make it so.
    Any,
}

impl Subject {
    /// What it is about in the end: a length is about what it is the length of.
    pub(super) fn root(&self) -> &Subject {
        match self {
            Subject::Length(subject) => subject.root(),
            subject => subject,
        }
    }

    pub(super) fn wanted(&self) -> Wanted {
        Wanted {
            head: matches!(self, Subject::Header(_) | Subject::Redirect),
            body: matches!(self, Subject::Body | Subject::BodySize | Subject::Path(..)),
            certificate: matches!(self, Subject::Certificate),
            notes: false,
        }
    }

    pub(super) fn look<'a>(&self, evidence: &'a Evidence<'_>) -> Value<'a> {
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

//! The subjects that conditions can examine, and the code that reads their values from an attempt's data.

use std::borrow::Cow;
use std::fmt;

use reqwest::header::{HeaderName, HeaderValue, LOCATION};
use serde_json::Value as Json;
use serde_json_path::JsonPath;
use shared::Nanos;

use super::Evidence;
use super::filter_comparisons::FilterComparisons;
use super::filter_numbers::FilterNumbers;
use super::header_text::HeaderText;
use super::path_container::PathContainers;
use super::path_route::PathRoute;
use super::value::ActualValue;
use crate::checks::probe_data::Capture;
use crate::redact::redact_reference;

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
    JsonPath(Box<JsonPathQuery>),
    Length(Box<Subject>),
}

#[derive(Debug, Clone)]
pub(super) struct JsonPathQuery {
    pub(super) compiled: JsonPath,
    /// The lists and objects from which the path selects several values.
    pub(super) containers: PathContainers,
    /// The values on the way of a path that selects at most one value.
    pub(super) route: PathRoute,
    /// Whether the path selects at most one value in any document (RFC 9535, section 2.3.5.1).
    pub(super) is_singular: bool,
    /// The text of the query, for error messages.
    pub(super) text: String,
    pub(super) cost: PathCost,
    pub(super) numbers: FilterNumbers,
    pub(super) comparisons: FilterComparisons,
    /// A negated query in a filter that only tests whether a value is missing, as written.
    pub(super) negated_test: Option<String>,
}

/// The worst-case cost of a JSON path query.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum PathCost {
    /// The cost is proportional to the body length.
    Linear,
    /// The cost can far exceed the body length, because a hostile body can multiply the work.
    Unbounded,
}

impl Subject {
    /// Returns the subject inside `len(…)`, or the subject itself.
    pub(super) fn root(&self) -> &Subject {
        match self {
            Subject::Length(subject) => subject.root(),
            subject => subject,
        }
    }

    /// Returns whether the value is a time measurement, which is not final before the attempt ends.
    pub(super) fn is_time(&self) -> bool {
        matches!(self, Subject::Rtt | Subject::Dns | Subject::Connect | Subject::Tls | Subject::FirstByte)
    }

    pub(super) fn capture(&self) -> Capture {
        Capture {
            headers: matches!(self, Subject::Header(_) | Subject::Redirect),
            body: matches!(self, Subject::Body | Subject::BodySize | Subject::JsonPath(..)),
            diagnostics: false,
        }
    }

    /// Returns the value to show in messages: the target of a redirect without a user name and password.
    pub(super) fn without_credentials<'a>(&self, value: &'a ActualValue<'a>) -> Cow<'a, ActualValue<'a>> {
        match (self, value) {
            (Subject::Redirect, ActualValue::Text(target)) => {
                Cow::Owned(ActualValue::Text(redact_reference(&target.text).into()))
            }
            (Subject::Header(name), ActualValue::Text(targets)) if *name == LOCATION => {
                let targets: Vec<_> = targets.text.split(", ").map(redact_reference).collect();
                Cow::Owned(ActualValue::Text(targets.join(", ").into()))
            }
            _ => Cow::Borrowed(value),
        }
    }

    pub(super) fn value_in<'a>(&self, evidence: &'a Evidence<'_>) -> ActualValue<'a> {
        let phases = &evidence.attempt.phases;
        let time = |nanos: Option<Nanos>| nanos.map_or(ActualValue::Missing, ActualValue::Duration);
        let data = evidence.data;
        match self {
            Subject::Status => data.status.map_or(ActualValue::Missing, number),
            Subject::Rtt => ActualValue::Duration(evidence.attempt.rtt),
            Subject::Dns => time(phases.dns),
            Subject::Connect => time(phases.connect),
            Subject::Tls => time(phases.tls),
            Subject::FirstByte => time(phases.ttfb),
            Subject::Certificate => time(data.certificate_expires_in),
            Subject::Redirect => text(data.redirect.clone().map(HeaderText::from)),
            Subject::Header(name) => {
                let values = data.headers.iter().flat_map(|headers| headers.get_all(name));
                let values: Vec<_> = values.map(HeaderValue::as_bytes).collect();
                text(HeaderText::join(&values))
            }
            Subject::Body => data.searched_text().map_or(ActualValue::Missing, ActualValue::Body),
            Subject::BodySize => match &data.body {
                Some(body) if data.truncation.is_some() => {
                    ActualValue::AtLeast(data.body_size(body) + usize::from(!data.may_be_complete))
                }
                Some(body) => number(data.body_size(body)),
                None => ActualValue::Missing,
            },
            Subject::JsonPath(path) => {
                let Some(document) = evidence.document() else { return ActualValue::Missing };
                let nodes = path.compiled.query(&document.root).all();
                match nodes.as_slice() {
                    [] => ActualValue::Missing,
                    [node] if path.is_singular => ActualValue::Json(Cow::Borrowed(node)),
                    _ => ActualValue::Nodes(nodes),
                }
            }
            Subject::Length(subject) => match (&**subject, subject.value_in(evidence)) {
                (_, ActualValue::Nodes(nodes)) => number(nodes.len()),
                (Subject::JsonPath(path), ActualValue::Missing)
                    if !path.is_singular && evidence.document().is_some() =>
                {
                    number(0)
                }
                (_, ActualValue::Json(json)) => match &*json {
                    Json::Array(list) => number(list.len()),
                    Json::Object(members) => number(members.len()),
                    Json::String(text) => number(text.chars().count()),
                    _ => ActualValue::NoLength,
                },
                (_, ActualValue::Text(header)) => number(header.text.chars().count()),
                (_, ActualValue::Body(body)) => {
                    let count = String::from_utf8_lossy(body.whole().text()).chars().count();
                    if data.truncation.is_some() { ActualValue::AtLeast(count) } else { number(count) }
                }
                (_, ActualValue::Missing) => ActualValue::Missing,
                (_, ActualValue::NoLength | ActualValue::Duration(_) | ActualValue::AtLeast(_)) => {
                    ActualValue::NoLength
                }
            },
        }
    }

    /// Returns whether values of this subject are durations.
    pub(super) fn is_duration(&self) -> bool {
        self.is_time() || matches!(self, Subject::Certificate)
    }
}

fn text<'a>(text: Option<HeaderText>) -> ActualValue<'a> {
    text.map_or(ActualValue::Missing, ActualValue::Text)
}

fn number<'a>(number: impl Into<Json>) -> ActualValue<'a> {
    ActualValue::Json(Cow::Owned(number.into()))
}

impl fmt::Display for Subject {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Subject::Status => formatter.write_str("status"),
            Subject::Rtt => formatter.write_str("round-trip time"),
            Subject::Dns => formatter.write_str("name lookup time"),
            Subject::Connect => formatter.write_str("time to connect"),
            Subject::Tls => formatter.write_str("TLS handshake time"),
            Subject::FirstByte => formatter.write_str("time to first byte"),
            Subject::Certificate => formatter.write_str("time until the certificate expires"),
            Subject::Redirect => formatter.write_str("redirect target"),
            Subject::Header(name) => write!(formatter, "header `{name}`"),
            Subject::Body => formatter.write_str("body"),
            Subject::BodySize => formatter.write_str("body size"),
            Subject::JsonPath(path) => write!(formatter, "`{}`", path.text),
            Subject::Length(subject) => write!(formatter, "length of {subject}"),
        }
    }
}

//! What assertions find, and how it is told to people.

use std::borrow::Cow;
use std::{fmt, io};

use serde_json::Value as Json;
use shared::{Nanos, duration};

use crate::checks::error_text::excerpt;

/// How much of all that a path leads to is searched, in bytes: values that are parts of each other are written again and
/// again, and whoever writes the body says how often.
pub(super) const SEARCH_LIMIT: usize = 4 << 20;

/// What is there.
#[derive(Debug, Clone)]
pub(super) enum ActualValue<'a> {
    Missing,
    Duration(Nanos),
    Bytes(&'a [u8]),
    /// A number that is not known, but is larger than this one.
    MoreThan(usize),
    Json(Cow<'a, Json>),
    /// All that a path leads to; they may be parts of each other, so that nobody copies them.
    Nodes(Vec<&'a Json>),
}

impl ActualValue<'_> {
    /// What may be a status.
    pub(super) fn status(&self) -> Option<u16> {
        match self {
            ActualValue::Json(number) => number.as_u64().and_then(|code| u16::try_from(code).ok()),
            _ => None,
        }
    }

    /// What can be searched: a text, or the bytes of a body; none of what is too much.
    pub(super) fn bytes(&self) -> Option<Cow<'_, [u8]>> {
        match self {
            ActualValue::Bytes(bytes) => Some((*bytes).into()),
            ActualValue::Json(json) => Some(match &**json {
                Json::String(text) => text.as_bytes().into(),
                other => other.to_string().into_bytes().into(),
            }),
            ActualValue::Nodes(nodes) => {
                let mut text = BoundedWriter { most: SEARCH_LIMIT, bytes: Vec::new() };
                serde_json::to_writer(&mut text, nodes).ok().map(|()| text.bytes.into())
            }
            ActualValue::Missing | ActualValue::Duration(_) | ActualValue::MoreThan(_) => None,
        }
    }
}

/// Keeps so many bytes of what is written, and takes no more.
struct BoundedWriter {
    most: usize,
    bytes: Vec<u8>,
}

impl io::Write for BoundedWriter {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let room = self.most - self.bytes.len();
        self.bytes.extend_from_slice(&bytes[..bytes.len().min(room)]);
        if bytes.len() > room { Err(io::ErrorKind::WriteZero.into()) } else { Ok(bytes.len()) }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// The beginning of something as JSON, for people; what is behind it is not even written.
fn beginning(value: &impl serde::Serialize) -> String {
    /// More than an excerpt shows, in bytes.
    const SHOWN: usize = 1_024;
    let mut text = BoundedWriter { most: SHOWN, bytes: Vec::new() };
    // That it is full is no error: what is there is what was wanted.
    let _ = serde_json::to_writer(&mut text, value);
    excerpt(&text.bytes)
}

impl fmt::Display for ActualValue<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ActualValue::Missing => formatter.write_str("not there"),
            // A second and more in words, as of certificates; less with three figures.
            ActualValue::Duration(nanos) if *nanos >= shared::MINUTE => {
                formatter.write_str(&duration::format_coarse(*nanos))
            }
            ActualValue::Duration(nanos) => formatter.write_str(&duration::format_rtt(*nanos)),
            ActualValue::Bytes(bytes) => write!(formatter, "`{}`", excerpt(bytes)),
            ActualValue::MoreThan(number) => write!(formatter, "more than {number}"),
            ActualValue::Nodes(nodes) => write!(formatter, "`{}`", beginning(nodes)),
            ActualValue::Json(json) => match &**json {
                Json::String(text) => write!(formatter, "`{}`", excerpt(text.as_bytes())),
                Json::Array(_) | Json::Object(_) => write!(formatter, "`{}`", beginning(json)),
                json => write!(formatter, "{json}"),
            },
        }
    }
}

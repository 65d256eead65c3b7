//! The actual values of subjects, and how messages show them.

use std::borrow::Cow;
use std::{fmt, io};

use serde_json::Value as Json;
use shared::{Nanos, duration};

use super::header_text::HeaderText;
use crate::checks::error_text::excerpt;
use crate::checks::searched_text::SearchedText;

/// The maximum number of bytes to search or compare in the values that a path selects. Nested values are written
/// several times, so a hostile body can multiply its size.
pub(super) const SEARCH_LIMIT: usize = 4 << 20;

/// The actual value of a subject.
#[derive(Debug, Clone)]
pub(super) enum ActualValue<'a> {
    Missing,
    /// The length of a value that has none, such as a number.
    NoLength,
    Duration(Nanos),
    Body(SearchedText<'a>),
    /// A header, or the target of a redirect.
    Text(HeaderText),
    /// A number that is only known to be at least this large.
    AtLeast(usize),
    Json(Cow<'a, Json>),
    /// The values selected by a path that can select several. They can contain each other, so they are borrowed instead
    /// of copied. This list is never empty.
    Nodes(Vec<&'a Json>),
}

impl ActualValue<'_> {
    /// Returns the value as a status code, or `None` if it is not one.
    pub(super) fn status(&self) -> Option<u16> {
        match self {
            ActualValue::Json(number) => number.as_u64().and_then(|code| u16::try_from(code).ok()),
            _ => None,
        }
    }

    /// Returns the JSON value, if it is exactly one.
    pub(super) fn single(&self) -> Option<&Json> {
        match self {
            ActualValue::Json(json) => Some(json),
            ActualValue::Nodes(nodes) => match nodes.as_slice() {
                [node] => Some(node),
                _ => None,
            },
            _ => None,
        }
    }
}

/// Returns whether the values are larger than [`SEARCH_LIMIT`] as JSON.
pub(super) fn exceeds_search_limit(nodes: &[&Json]) -> bool {
    let mut text = BoundedWriter { most: SEARCH_LIMIT, bytes: Vec::new() };
    serde_json::to_writer(&mut text, nodes).is_err()
}

/// A writer that fails once it has received more than `most` bytes.
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

/// Formats the start of a value as JSON, without formatting the rest.
fn excerpt_of_json(value: &impl serde::Serialize) -> String {
    /// The number of bytes to format, which is more than any excerpt shows.
    const SHOWN: usize = 1_024;
    let mut text = BoundedWriter { most: SHOWN, bytes: Vec::new() };
    // Writing fails only if the limit is reached.
    let _ = serde_json::to_writer(&mut text, value);
    excerpt(&text.bytes)
}

fn write_json(json: &Json, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
    match json {
        Json::String(text) => write!(formatter, "`{}`", excerpt(text.as_bytes())),
        Json::Array(_) | Json::Object(_) => write!(formatter, "`{}`", excerpt_of_json(json)),
        json => write!(formatter, "{json}"),
    }
}

impl fmt::Display for ActualValue<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ActualValue::Missing => formatter.write_str("missing"),
            ActualValue::NoLength => formatter.write_str("unknown"),
            // Durations of one minute or more are written in words, as for certificates. Shorter durations have three
            // significant digits.
            ActualValue::Duration(nanos) if *nanos >= shared::MINUTE => {
                formatter.write_str(&duration::format_coarse(*nanos))
            }
            // Only expired certificates have negative times.
            ActualValue::Duration(nanos) if *nanos < 0 => {
                write!(formatter, "-{}", duration::format_coarse(nanos.saturating_neg()))
            }
            ActualValue::Duration(nanos) => formatter.write_str(&duration::format_rtt(*nanos)),
            ActualValue::Body(body) => write!(formatter, "`{}`", excerpt(body.whole().text())),
            ActualValue::Text(header) => write!(formatter, "`{}`", excerpt(header.text.as_bytes())),
            ActualValue::AtLeast(least) => match least.checked_sub(1) {
                Some(less) => write!(formatter, "more than {less}"),
                None => formatter.write_str("unknown"),
            },
            ActualValue::Json(json) => write_json(json, formatter),
            ActualValue::Nodes(nodes) => match nodes.as_slice() {
                [node] => write_json(node, formatter),
                nodes => write!(formatter, "`{}`", excerpt_of_json(&nodes)),
            },
        }
    }
}

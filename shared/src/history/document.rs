//! Reads the JSON of histories, one endpoint at a time.

use super::format::{InvalidHistory, VERSION};
use crate::json::{self, Json};
use crate::object_name::NodeName;

/// The maximum number of JSON values of an endpoint. An endpoint that changes its status every minute of a year takes
/// 1.6 million.
const VALUES_LIMIT: usize = 2_000_000;

pub(super) fn inconsistent(what: &'static str) -> InvalidHistory {
    InvalidHistory::Inconsistent(what)
}

/// A history whose endpoints are still text. A tree of all endpoints would take ten times the memory of the text.
pub(super) struct Document<'t> {
    pub(super) members: Json<'t>,
    pub(super) endpoints: &'t str,
}

/// Parses all members except the endpoints, and rejects unsupported format versions.
pub(super) fn read(content: &[u8]) -> Result<Document<'_>, InvalidHistory> {
    let text = std::str::from_utf8(content).map_err(|error| InvalidHistory::Malformed(error.to_string()))?;
    let (mut members, mut endpoints, mut invalid) = (Vec::new(), "[]", None);
    let read = json::each_member(text, &mut |key, value| {
        if key == "endpoints" {
            endpoints = value;
            return;
        }
        match json::parse(value) {
            Ok(value) => members.push((key, value)),
            Err(error) => invalid = Some(error),
        }
    });
    if let Some(error) = read.err().or(invalid) {
        return Err(InvalidHistory::Malformed(error.to_string()));
    }
    let members = Json::Object(members);
    match number(members.get("version")) {
        Some(version) if version == i64::from(VERSION) => Ok(Document { members, endpoints }),
        Some(other) => Err(InvalidHistory::UnsupportedVersion(other)),
        None => Err(InvalidHistory::Malformed("the key `version` is missing".to_owned())),
    }
}

/// Passes each endpoint of a list to `read`, one at a time.
pub(super) fn each_endpoint(
    text: &str,
    read: &mut dyn FnMut(&Json<'_>) -> Result<(), InvalidHistory>,
) -> Result<(), InvalidHistory> {
    let mut invalid = None;
    let done = json::each_element(text, VALUES_LIMIT, &mut |endpoint| {
        read(&endpoint).map_err(|error| {
            invalid = Some(error);
            "an invalid endpoint"
        })
    });
    let malformed = |error: json::JsonError| InvalidHistory::Malformed(error.to_string());
    invalid.map_or(done.map_err(malformed), Err)
}

pub(super) fn number(json: Option<&Json<'_>>) -> Option<i64> {
    json?.as_integer()
}

pub(super) fn text<'j>(json: Option<&'j Json<'_>>) -> Option<&'j str> {
    if let Json::String(text) = json? { Some(text) } else { None }
}

/// Returns the elements of a list. A missing list is empty.
pub(super) fn list<'j, 't>(json: Option<&'j Json<'t>>) -> Option<&'j [Json<'t>]> {
    match json {
        Some(Json::Array(list)) => Some(list),
        Some(_) => None,
        None => Some(&[]),
    }
}

pub(super) fn numbers(json: Option<&Json<'_>>) -> Option<Vec<i64>> {
    list(json)?.iter().map(Json::as_integer).collect()
}

pub(super) fn read_node(json: &Json<'_>) -> Result<Option<NodeName>, InvalidHistory> {
    let Some(name) = json.get("node") else { return Ok(None) };
    NodeName::new(text(Some(name)).unwrap_or_default()).map(Some).map_err(|_| inconsistent("the node's name"))
}

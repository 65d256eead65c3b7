//! Texts that several kinds of outputs contain.

use crate::UnixNanos;
use crate::civil::CivilTime;
use crate::post::{Affected, Impact};

/// The maximum number of scopes or nodes to name.
const NAMES_LIMIT: usize = 20;

/// Formats a time in UTC, to the minute: `2026-11-22 06:50 UTC`.
pub(super) fn minute(at: UnixNanos) -> String {
    let CivilTime { year, month, day, hour, minute, .. } = CivilTime::from_unix(at);
    format!("{year:04}-{month:02}-{day:02} {hour:02}:{minute:02} UTC")
}

/// Lists endpoints and groups with their impacts: `API, Shop (degraded)`. The pattern `*` is "all services".
pub(super) fn scopes(affects: &[Affected]) -> String {
    let one = |affected: &Affected| {
        let scope = if affected.scope.0 == "*" { "all services" } else { &affected.scope.0 };
        match affected.impact {
            Impact::None => scope.to_owned(),
            impact => format!("{scope} ({})", impact.as_str()),
        }
    };
    list(affects.iter().map(one))
}

/// Joins the first names with commas, and counts the others.
pub(super) fn list(names: impl ExactSizeIterator<Item = String>) -> String {
    let more = names.len().saturating_sub(NAMES_LIMIT);
    let mut shown: Vec<String> = names.take(NAMES_LIMIT).collect();
    if more > 0 {
        shown.push(format!("{more} more"));
    }
    shown.join(", ")
}

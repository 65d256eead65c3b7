//! What in spans of status is worth a line: incidents, and holes in the looking.

use super::Span;
use crate::status::Status;
use crate::{MINUTE, Nanos, SECOND, UnixNanos};

/// The incidents that reach into the time from `from` on: every span that was degraded or down, in order.
pub fn outages(spans: &[Span], from: UnixNanos) -> impl Iterator<Item = &Span> {
    let first = spans.partition_point(|span| span.end <= from);
    spans[first..].iter().filter(|span| span.status >= Status::Degraded)
}

/// What begins, or ends, this close together is one event: a round takes its time, and nodes are not in step.
pub const MERGE_WINDOW: Nanos = 90 * SECOND;

/// The incidents that are worth a line: all but the moments in which a first node saw already, or a last one saw still,
/// what made an endpoint degraded on its way down or back.
pub fn significant_outages(spans: &[Span], from: UnixNanos) -> impl Iterator<Item = &Span> {
    outages(spans, from).filter(|span| {
        let is_passing = span.status == Status::Degraded && span.end - span.start < MERGE_WINDOW;
        let place = spans.partition_point(|other| other.start < span.start);
        let touches =
            |other: &Span| other.status == Status::Down && (other.end == span.start || span.end == other.start);
        let neighbors = [place.checked_sub(1), Some(place + 1)].into_iter().flatten();
        !(is_passing && neighbors.filter_map(|place| spans.get(place)).any(touches))
    })
}

/// A hole in the looking is worth a word from this length on.
const MIN_GAP: Nanos = MINUTE;

/// The stretches up to `now` that reach into the time from `from` on and in which nobody looked at anything, after somebody
/// first had; `spans` are those of all endpoints.
#[must_use]
pub fn gaps<'a>(spans: impl Iterator<Item = &'a Span>, from: UnixNanos, now: UnixNanos) -> Vec<Span> {
    let mut spans: Vec<(UnixNanos, UnixNanos)> = spans.map(|span| (span.start, span.end)).collect();
    spans.sort_by_cached_key(|(start, _)| *start);
    let Some((_, mut known_until)) = spans.first().copied() else { return Vec::new() };
    let mut gaps = Vec::new();
    for (start, end) in spans.into_iter().chain([(now, now)]) {
        if start - known_until >= MIN_GAP && start > from {
            gaps.push(Span { start: known_until, end: start, status: Status::Unknown });
        }
        known_until = known_until.max(end);
    }
    gaps
}

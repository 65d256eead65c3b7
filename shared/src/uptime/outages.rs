//! Finds outages in status spans, and gaps in which nothing was checked.

use super::{Span, overlapping};
use crate::sorting::sort_by_integer;
use crate::status::Status;
use crate::{MINUTE, Nanos, SECOND, UnixNanos};

/// Status changes this close together are one event, because rounds take time and nodes are not aligned.
pub const MERGE_WINDOW: Nanos = 90 * SECOND;

/// Returns the outages that end after `from`, in order: degraded and down spans.
///
/// A degraded span next to a down one is part of that outage if it is shorter than half the interval between checks:
/// some nodes had not noticed the change yet. Without an interval, [`MERGE_WINDOW`] is the limit.
pub fn outages(spans: &[Span], from: UnixNanos, interval: Option<Nanos>) -> impl Iterator<Item = &Span> {
    let limit = interval.map_or(MERGE_WINDOW, |interval| interval / 2);
    let all = overlapping(spans, from, UnixNanos::MAX).filter(|span| span.status >= Status::Degraded);
    all.filter(move |span| {
        let is_short = span.status == Status::Degraded && span.end - span.start < limit;
        let index = spans.partition_point(|other| other.start < span.start);
        let touches =
            |other: &Span| other.status == Status::Down && (other.end == span.start || span.end == other.start);
        let neighbors = [index.checked_sub(1), Some(index + 1)].into_iter().flatten();
        !(is_short && neighbors.filter_map(|index| spans.get(index)).any(touches))
    })
}

/// The shortest gap that is reported.
const MIN_GAP: Nanos = MINUTE;

/// Returns the periods without any checks between the first check and `now`, if they end after `from`. `spans` are
/// those of all endpoints.
#[must_use]
pub fn gaps<'a>(spans: impl Iterator<Item = &'a Span>, from: UnixNanos, now: UnixNanos) -> Vec<Span> {
    let mut spans: Vec<(UnixNanos, UnixNanos)> = spans.map(|span| (span.start, span.end)).collect();
    sort_by_integer(&mut spans, |(start, _)| *start);
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

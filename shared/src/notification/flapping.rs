//! Finds endpoints whose status changes too often to report every change.

use super::episodes::Episodes;
use super::periods::Period;
use super::policy::Flapping;
use crate::{MINUTE, Nanos, UnixNanos};

/// How long a flapping endpoint must be continuously down before the channel is notified.
pub(super) const DOWN_AGAIN: Nanos = 15 * MINUTE;
/// How long a flapping endpoint must be healthy before the channel is notified of its recovery.
pub(super) const CALM: Nanos = 30 * MINUTE;

/// Returns when an endpoint began to flap, and when that became clear. Returns `None` if it is not flapping, or if no
/// outage began after the last notification, at `after`.
pub(super) fn flapping_since(
    outages: &Episodes,
    flapping: Flapping,
    held: &[Period],
    after: UnixNanos,
    now: UnixNanos,
) -> Option<(UnixNanos, UnixNanos)> {
    let count = usize::try_from(flapping.outages).ok().filter(|count| *count > 0)?;
    let newest = outages.all.last()?;
    if newest.start <= after || now.saturating_sub(newest.end) >= CALM {
        return None;
    }
    let is_held = |moment: UnixNanos| held.iter().any(|period| period.contains(moment));
    let is_recent = |start: &UnixNanos| newest.start.saturating_sub(*start) < flapping.within;
    let starts = outages.all.iter().rev().map(|outage| outage.start).filter(|start| !is_held(*start));
    let first = starts.take_while(is_recent).take(count).enumerate().find(|(index, _)| index + 1 == count)?;
    (!is_held(newest.start)).then_some((first.1, newest.start))
}

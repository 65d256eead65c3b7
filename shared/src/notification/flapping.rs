//! Finds endpoints whose status changes too often to report every change.

use std::iter;

use super::episodes::Episodes;
use super::periods::Period;
use super::policy::{ChannelPolicy, Flapping};
use crate::{MINUTE, Nanos, UnixNanos};

/// How long a flapping endpoint must be continuously down before the channel is notified.
pub(super) const DOWN_AGAIN: Nanos = 15 * MINUTE;
/// How long a flapping endpoint must be healthy before the channel is notified of its recovery.
pub(super) const CALM: Nanos = 30 * MINUTE;

/// Returns when an endpoint began to flap, and when that became clear. Returns `None` if it is not flapping, or if no
/// outage began after the last notification, at `after`.
///
/// Only outages that lasted long enough to be reported count. A channel with a long [`ChannelPolicy::after`] is not
/// notified of short ones, however many there are.
pub(super) fn flapping_since(
    outages: &Episodes,
    (flapping, policy): (Flapping, &ChannelPolicy),
    held: &[Period],
    after: UnixNanos,
    now: UnixNanos,
) -> Option<(UnixNanos, UnixNanos)> {
    let count = usize::try_from(flapping.outages).ok().filter(|count| *count > 0)?;
    let mut counted = outages.all.iter().rev().filter_map(|outage| Some((outage, outage.notable(policy, held)?)));
    let (newest, notable) = counted.next()?;
    if newest.start <= after || now.saturating_sub(newest.end) >= CALM {
        return None;
    }
    let is_held = |moment: UnixNanos| held.iter().any(|period| period.contains(moment));
    let is_recent = |start: &UnixNanos| newest.start.saturating_sub(*start) < flapping.within;
    let starts = iter::once(newest.start).chain(counted.map(|(outage, _)| outage.start));
    let mut recent = starts.filter(|start| !is_held(*start)).take_while(is_recent);
    let first = recent.nth(count - 1)?;
    (!is_held(newest.start)).then_some((first, notable.due))
}

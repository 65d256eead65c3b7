//! Compares the current status of endpoints with the status that a channel was notified of. The difference is the news.

pub use super::news::{Held, HeldReason, News, Plan};
pub use super::periods::{Hold, HoldKind, Period, covered_titles};
pub use super::situation::Situation;
use super::{closing, comparison, selection};
use crate::UnixNanos;

/// Determines the news for one channel.
///
/// The evaluating node's log must list the channel. If a log cannot be read, do not call this function without it,
/// because news could be sent twice.
#[must_use]
pub fn reconcile(situation: &Situation<'_>) -> Plan {
    let mut comparison = comparison::compare(situation);
    closing::close_abandoned(situation, &mut comparison);
    let mut plan = selection::select(situation, comparison.found);
    plan.held.extend(comparison.held);
    plan.held.sort_by(|one, other| one.title.cmp(&other.title));
    let expected = plan.held.iter().filter_map(|held| held.until).filter(|until| *until > situation.now);
    plan.next = expected.filter(|until| *until < UnixNanos::MAX).min();
    plan
}

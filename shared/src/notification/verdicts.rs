//! Determines the status of endpoints over the last two days from the quorum of all nodes.

use crate::check_file::EndpointKey;
use crate::endpoint_status::{EndpointStatus, current_statuses};
use crate::object_name::NodeName;
use crate::quorum::{self, CLOCK_TOLERANCE};
use crate::status::Status;
use crate::uptime::Span;
use crate::{DAY, Nanos, UnixNanos};

/// How far back outages are reported.
pub const REPORTED_TIME: Nanos = 2 * DAY;

/// An endpoint's status over the last [`REPORTED_TIME`], and the votes behind it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verdict<'a> {
    /// The endpoint's title, locator and id.
    pub key: &'a EndpointKey,
    /// The combined status until now, as sorted spans that do not overlap. The first span can begin earlier than
    /// [`REPORTED_TIME`].
    pub spans: Vec<Span>,
    /// The current votes of the nodes that check the endpoint.
    pub votes: Vec<Vote<'a>>,
    /// Whether the endpoint was removed from the configurations of all its nodes.
    pub is_retired: bool,
}

/// The current vote of one node.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Vote<'a> {
    /// The node's name, or `None` for a checker without one.
    pub node: Option<&'a NodeName>,
    /// The status that the node reports, or unknown if its last report has expired.
    pub status: Status,
    /// The reason in the node's newest result, if that result is degraded or down.
    pub reason: Option<&'a str>,
    /// When the node's history of the endpoint begins.
    pub first_checked: UnixNanos,
    /// When the node's newest check of the endpoint started.
    pub last_checked: UnixNanos,
}

/// Determines the status of all endpoints over the last [`REPORTED_TIME`].
///
/// If several nodes check an endpoint, one whose clock is behind still votes with its last status for up to
/// [`CLOCK_TOLERANCE`], as in [`quorum::vote_at`]. Otherwise, each round would begin with only the votes of the other
/// nodes.
#[must_use]
pub fn verdicts<'a>(endpoints: &'a [EndpointStatus<'a>], now: UnixNanos) -> Vec<Verdict<'a>> {
    let statuses = current_statuses(endpoints, now);
    endpoints.iter().zip(statuses).map(|(endpoint, (_, is_retired))| verdict(endpoint, is_retired, now)).collect()
}

fn verdict<'a>(endpoint: &'a EndpointStatus<'a>, is_retired: bool, now: UnixNanos) -> Verdict<'a> {
    let is_alone = endpoint.nodes.len() == 1;
    let nodes: Vec<Vec<Span>> = endpoint.nodes.iter().map(|node| recent(node.spans, is_alone, now)).collect();
    let votes = endpoint.votes(now).into_iter().zip(&endpoint.nodes).map(|(status, node)| Vote {
        node: node.node,
        status,
        reason: node.reason,
        first_checked: node.spans.first().map(|span| span.start).or(node.last_checked).unwrap_or(now),
        last_checked: node.last_checked.unwrap_or(0),
    });
    Verdict { key: &endpoint.key, spans: quorum::combine(&nodes, endpoint.quorum), votes: votes.collect(), is_retired }
}

/// Returns a node's spans over the last [`REPORTED_TIME`], until now. If other nodes also check the endpoint, the last
/// status stays valid for [`CLOCK_TOLERANCE`] longer.
fn recent(spans: &[Span], is_alone: bool, now: UnixNanos) -> Vec<Span> {
    let first = spans.partition_point(|span| span.end <= now.saturating_sub(REPORTED_TIME));
    let end = spans.partition_point(|span| span.start < now).max(first);
    let mut recent = spans[first..end].to_vec();
    if let Some(last) = recent.last_mut() {
        let tolerance = if is_alone { 0 } else { CLOCK_TOLERANCE };
        last.end = if last.end < now { last.end.saturating_add(tolerance).min(now) } else { now };
    }
    recent
}

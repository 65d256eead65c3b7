//! The measured outages that outputs contain, with their identities.

use std::sync::Arc;

use super::RETENTION;
use super::index::{OutageSpan, OutputIndex, endpoint_key};
use crate::announced::Posted;
use crate::check_file::EndpointKey;
use crate::endpoint_status::{EndpointStatus, Outage};
use crate::hash::fnv1a;
use crate::status::Status;
use crate::uptime::Span;
use crate::{MINUTE, Nanos, UnixNanos};

/// The length of the shortest outage that outputs contain.
pub const MIN_OUTAGE: Nanos = 2 * MINUTE;

/// An outage of an endpoint as it appears in outputs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NamedOutage {
    /// The title and locator of the endpoint.
    pub key: EndpointKey,
    /// The identity, which stays the same if results that arrive late change the start.
    pub id: UnixNanos,
    /// When the outage began and ended, and the endpoint's status. An ongoing outage ends now.
    pub span: Span,
    /// Whether some nodes reported the endpoint down, but too few for it to be down.
    pub is_partial: bool,
    /// The newest reason that a node reported.
    pub reason: Option<Arc<str>>,
    /// The names of the nodes that reported the outage.
    pub nodes: Vec<String>,
    /// The status immediately after the outage, or `None` while it is ongoing.
    pub next: Option<Status>,
    /// Whether the endpoint has had a known status since the outage.
    pub is_over: bool,
    /// Whether announced maintenance covers the whole outage.
    pub is_planned: bool,
}

impl NamedOutage {
    /// Returns the text from which the identities of the outage's entries are built.
    #[must_use]
    pub fn path(&self) -> String {
        format!("outage/{:016x}/{}", fnv1a(&endpoint_key(&self.key)), self.id)
    }

    /// Returns when the outage ended, or `None` while it is ongoing.
    #[must_use]
    pub fn ended(&self) -> Option<UnixNanos> {
        self.next.map(|_| self.span.end)
    }
}

/// Returns the outages of all endpoints that lasted at least [`MIN_OUTAGE`] and ended within [`RETENTION`], in the order
/// of the endpoints. The index provides their identities, and remembers new ones.
pub fn name_outages(
    endpoints: &[EndpointStatus<'_>],
    posted: Posted<'_>,
    now: UnixNanos,
    index: &mut OutputIndex,
) -> Vec<NamedOutage> {
    let from = now.saturating_sub(RETENTION);
    let mut named = Vec::new();
    for endpoint in endpoints {
        let spans = endpoint.spans(now);
        let outages = endpoint.outages(from, now);
        let current = endpoint.tally(now).status;
        let mut found = Vec::new();
        for outage in &outages {
            let (next, is_over) = sequel(&spans, &outages, outage, current);
            let Span { start, end, status } = outage.span;
            if end.saturating_sub(start) >= MIN_OUTAGE {
                found.push((outage, next, is_over, OutageSpan { start, end, is_ongoing: next.is_none(), status }));
            }
        }
        let identified: Vec<OutageSpan> = found.iter().map(|(.., span)| *span).collect();
        let ids = index.identify(&endpoint.key, &identified, now);
        let planned = posted.planned(&endpoint.key.title, &spans);
        for ((outage, next, is_over, _), id) in found.into_iter().zip(ids) {
            let affected = outage.nodes.iter().filter_map(|index| endpoint.nodes.get(*index));
            named.push(NamedOutage {
                key: endpoint.key.clone().into_owned(),
                id,
                span: outage.span,
                is_partial: outage.is_partial,
                reason: outage.reason.clone(),
                nodes: affected.filter_map(|node| node.node).map(ToString::to_string).collect(),
                next,
                is_over,
                is_planned: planned.covers(&outage.span),
            });
        }
    }
    named
}

/// Returns the status immediately after an outage, or `None` if it is ongoing, and whether a status is known after it.
///
/// A short degraded span after the outage, before all nodes have noticed the change, still belongs to it.
fn sequel(spans: &[Span], outages: &[Outage], outage: &Outage, current: Status) -> (Option<Status>, bool) {
    let is_transition =
        |span: &Span| span.status == Status::Degraded && outages.iter().all(|other| other.span.start != span.start);
    let mut last = outage.span;
    let mut index = spans.partition_point(|span| span.start <= last.start);
    while let Some(span) = spans.get(index).filter(|span| span.start == last.end && is_transition(span)) {
        last = *span;
        index += 1;
    }
    match spans.get(index) {
        Some(next) if next.start == last.end => (Some(next.status), true),
        Some(_) => (Some(Status::Unknown), true),
        // The newest result can begin now, so that its span is still empty.
        None => match current {
            Status::Degraded | Status::Down => (None, false),
            Status::Healthy => (Some(Status::Healthy), true),
            Status::Unknown => (Some(Status::Unknown), false),
        },
    }
}

//! Combines the histories of all nodes into each endpoint's status, now and over a period. The page and the terminal
//! show these figures.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use crate::check_file::EndpointKey;
use crate::history::{EndpointHistory, Event, History, LatestResult};
use crate::object_name::NodeName;
use crate::quorum::{self, Quorum, Tally, combine};
use crate::status::Status;
use crate::uptime::{self, Span, UptimeBreakdown};
use crate::{Nanos, UnixNanos};

/// An endpoint as seen by all nodes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EndpointStatus<'a> {
    /// The title and locator, which are the same on all nodes.
    pub key: Cow<'a, EndpointKey>,
    /// The newest result from any node. Its settings reflect the current configuration.
    pub latest: &'a LatestResult,
    /// How many nodes must agree on the status. If nodes are configured differently, this is the most common value.
    pub quorum: Quorum,
    /// The time between checks, if the newest result contains it.
    pub interval: Option<Nanos>,
    /// The nodes that check the endpoint.
    pub nodes: Vec<NodeStatus<'a>>,
}

/// An endpoint as seen by one node.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NodeStatus<'a> {
    /// The node's name, or `None` for a checker without one.
    pub node: Option<&'a NodeName>,
    /// The status over time, as spans in order and without overlap. The last span can end in the future.
    pub spans: &'a [Span],
    /// When the node's newest check started.
    pub last_checked: Option<UnixNanos>,
    /// The reason for the newest result's status, if it is degraded or down.
    pub reason: Option<&'a str>,
    /// The reasons for degraded and down spans, in the order of the spans.
    pub events: &'a [Event],
    /// The kind of check, or an empty string if it is unknown.
    pub kind: &'a str,
    /// How many nodes must agree on the status, according to this node.
    pub quorum: Quorum,
}

/// A period in which an endpoint was degraded or down.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outage {
    /// The period, with the combined status of all nodes.
    pub span: Span,
    /// Whether some nodes reported the endpoint down, but too few for it to be down.
    pub is_partial: bool,
    /// The newest reason that a node reported for the outage, if there is one.
    pub reason: Option<Arc<str>>,
    /// The indexes of the nodes that reported the endpoint degraded or down.
    pub nodes: Vec<usize>,
}

/// Combines histories into the status of every endpoint, in configuration order.
#[must_use]
pub fn endpoint_statuses<'a>(histories: impl IntoIterator<Item = &'a History>) -> Vec<EndpointStatus<'a>> {
    let histories: Vec<&'a History> = histories.into_iter().collect();
    let groups = EndpointGroups::new(&histories);
    let mut indexes: HashMap<&EndpointKey, usize> = HashMap::new();
    let mut endpoints: Vec<EndpointStatus<'a>> = Vec::new();
    for history in &histories {
        for (key, one) in &history.endpoints {
            let group = groups.representative(history, key);
            let index = *indexes.entry(group).or_insert(endpoints.len());
            if index == endpoints.len() {
                endpoints.push(EndpointStatus {
                    key: Cow::Borrowed(key),
                    latest: &one.latest,
                    quorum: one.latest.quorum,
                    interval: None,
                    // Room for all nodes would take most of the memory if each node has its own endpoints.
                    nodes: Vec::with_capacity(1),
                });
            }
            endpoints[index].add(history.node.as_ref(), group, key, one);
        }
    }
    for endpoint in &mut endpoints {
        let quorums = endpoint.nodes.iter().map(|node| (node.last_checked.unwrap_or(0), node.quorum));
        endpoint.quorum = Quorum::of_most(quorums);
    }
    endpoints
        .sort_by(|one, other| one.latest.position.cmp(&other.latest.position).then_with(|| one.key.cmp(&other.key)));
    endpoints
}

/// Finds the keys that identify the same endpoint. With ids, the titles and locators can differ between nodes.
struct EndpointGroups<'a> {
    /// Maps each id to the first key that contains it.
    by_id: BTreeMap<&'a str, &'a EndpointKey>,
    by_title: BTreeMap<(&'a str, &'a str), &'a EndpointKey>,
}

impl<'a> EndpointGroups<'a> {
    fn new(histories: &[&'a History]) -> EndpointGroups<'a> {
        let (mut by_id, mut by_title) = (BTreeMap::new(), BTreeMap::new());
        for key in histories.iter().flat_map(|history| history.endpoints.keys()) {
            if let Some(id) = key.id.as_deref() {
                let first = *by_id.entry(id).or_insert(key);
                by_title.entry((key.title.as_str(), key.locator.as_str())).or_insert(first);
            }
        }
        EndpointGroups { by_id, by_title }
    }

    /// Returns the key under which all nodes' results for an endpoint are combined.
    fn representative(&self, history: &History, key: &'a EndpointKey) -> &'a EndpointKey {
        if let Some(id) = key.id.as_deref() {
            return self.by_id.get(id).copied().unwrap_or(key);
        }
        let same = self.by_title.get(&(key.title.as_str(), key.locator.as_str())).copied();
        // If the same history also contains the endpoint with the id, they are two separate endpoints, one of which
        // once had the other's title.
        let has_both = |same: &&EndpointKey| history.endpoints.keys().any(|other| other.id == same.id);
        same.filter(|same| !has_both(same)).unwrap_or(key)
    }
}

impl<'a> EndpointStatus<'a> {
    /// Adds a node's history of the endpoint. `group` is the key of the combined endpoint, and `key` the node's own.
    fn add(&mut self, node: Option<&'a NodeName>, group: &EndpointKey, key: &'a EndpointKey, one: &'a EndpointHistory) {
        let last = one.timeline.last;
        if last.map(|last| last.at) > self.last_checked() {
            self.interval = last.and_then(|last| last.interval);
            self.latest = &one.latest;
            self.key = if key.id == group.id {
                Cow::Borrowed(key)
            } else {
                Cow::Owned(EndpointKey { id: group.id.clone(), ..key.clone() })
            };
        }
        self.nodes.push(NodeStatus {
            node,
            spans: &one.timeline.spans,
            last_checked: last.map(|last| last.at),
            reason: one.latest.reason.as_deref(),
            events: &one.events,
            kind: &one.latest.kind,
            quorum: one.latest.quorum,
        });
    }

    /// Counts the votes of all nodes at `now` and determines the status.
    #[must_use]
    pub fn tally(&self, now: UnixNanos) -> Tally {
        Tally::new(&self.spans_of_nodes(), self.quorum, now)
    }

    /// Returns each node's vote at `now`.
    #[must_use]
    pub fn votes(&self, now: UnixNanos) -> Vec<Status> {
        quorum::votes(&self.spans_of_nodes(), now)
    }

    fn spans_of_nodes(&self) -> Vec<&'a [Span]> {
        self.nodes.iter().map(|node| node.spans).collect()
    }

    /// Returns when any node last started a check of the endpoint.
    #[must_use]
    pub fn last_checked(&self) -> Option<UnixNanos> {
        self.nodes.iter().filter_map(|node| node.last_checked).max()
    }

    /// Returns whether the endpoint was checked, or had a known status, since `from`.
    #[must_use]
    pub fn is_within(&self, from: UnixNanos) -> bool {
        let had_status = self.nodes.iter().filter_map(|node| node.spans.last()).any(|span| span.end > from);
        had_status || self.last_checked().is_some_and(|at| at >= from)
    }

    /// Returns the kinds of check that nodes currently use for the endpoint, with the first node of each kind, if there
    /// are several kinds. Such nodes check different things under the same title and locator.
    #[must_use]
    pub fn conflicting_kinds(&self, now: UnixNanos) -> Vec<(&'a str, Option<&'a NodeName>)> {
        let mut kinds: Vec<(&'a str, Option<&'a NodeName>)> = Vec::new();
        for node in self.nodes.iter().filter(|node| quorum::vote_at(node.spans, now) != Status::Unknown) {
            if !node.kind.is_empty() && kinds.iter().all(|(kind, _)| *kind != node.kind) {
                kinds.push((node.kind, node.node));
            }
        }
        if kinds.len() > 1 { kinds } else { Vec::new() }
    }

    fn node_votes(&self, now: UnixNanos) -> Vec<NodeVote<'a>> {
        let nodes = self.nodes.iter().filter_map(|node| Some((node, node.last_checked?)));
        nodes.map(|(node, at)| NodeVote::new(node.node, node.spans, self.nodes.len(), at, now)).collect()
    }

    /// Returns each node's spans, until `now`.
    fn spans_until(&self, now: UnixNanos) -> Vec<Vec<Span>> {
        self.nodes.iter().map(|node| cut(node.spans, now)).collect()
    }

    /// Returns the combined status over time, until `now`.
    #[must_use]
    pub fn spans(&self, now: UnixNanos) -> Vec<Span> {
        combine(&self.spans_until(now), self.quorum)
    }

    /// Returns the periods until `now` in which any node reported the endpoint down.
    #[must_use]
    pub fn down_anywhere(&self, now: UnixNanos) -> Vec<Span> {
        quorum::down_anywhere(&self.spans_until(now))
    }

    /// Returns the outages between `from` and `now`, oldest first.
    #[must_use]
    pub fn outages(&self, from: UnixNanos, now: UnixNanos) -> Vec<Outage> {
        let (spans, down) = (self.spans(now), self.down_anywhere(now));
        let outages = uptime::outages(&spans, from, self.interval);
        outages.map(|span| self.outage(*span, uptime::overlaps(&down, span.start, span.end))).collect()
    }

    fn outage(&self, span: Span, is_down_anywhere: bool) -> Outage {
        let is_partial = is_down_anywhere && span.status != Status::Down;
        let cause = if is_partial { Status::Down } else { span.status };
        let (mut nodes, mut newest) = (Vec::new(), None);
        for (index, node) in self.nodes.iter().enumerate() {
            let overlapping = uptime::overlapping(node.spans, span.start, span.end);
            for own in overlapping.filter(|own| own.status >= Status::Degraded) {
                if nodes.last() != Some(&index) {
                    nodes.push(index);
                }
                if let Some(reason) = node.reason_of(own) {
                    newest = newest.max(Some((own.status == cause, own.start, reason)));
                }
            }
        }
        Outage { span, is_partial, reason: newest.map(|(_, _, reason)| reason), nodes }
    }

    /// Computes how long each status lasted in a period (`from <= t < to`).
    #[must_use]
    pub fn breakdown(&self, from: UnixNanos, to: UnixNanos) -> UptimeBreakdown {
        UptimeBreakdown::from_spans(&self.spans(to), from, to)
    }
}

impl NodeStatus<'_> {
    /// Returns the reason for one of the node's spans, if it is known.
    #[must_use]
    pub fn reason_of(&self, span: &Span) -> Option<Arc<str>> {
        let event = self.events.binary_search_by_key(&span.start, |event| event.at);
        let is_newest = self.spans.last() == Some(span);
        let newest = || self.reason.filter(|_| is_newest).map(Arc::from);
        event.ok().map(|index| Arc::clone(&self.events[index].reason)).or_else(newest)
    }
}

/// A node's last report about an endpoint.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NodeVote<'a> {
    /// The node's name, or `None` for a checker without one.
    pub node: Option<&'a NodeName>,
    /// Whether the report is still valid.
    pub is_current: bool,
    /// Whether the report could still be valid if the node's clock is behind.
    pub is_within_skew: bool,
    /// When the node's newest check of the endpoint started.
    pub reported_at: UnixNanos,
}

impl<'a> NodeVote<'a> {
    /// Creates a node's vote from its spans. `nodes` is the number of nodes that check the endpoint.
    #[must_use]
    pub fn new(
        node: Option<&'a NodeName>,
        spans: &[Span],
        nodes: usize,
        reported_at: UnixNanos,
        now: UnixNanos,
    ) -> NodeVote<'a> {
        let is_within_skew = quorum::vote_at(spans, now) != Status::Unknown;
        let is_current = is_within_skew && (nodes > 1 || uptime::status_at(spans, now) != Status::Unknown);
        NodeVote { node, is_current, is_within_skew, reported_at }
    }
}

/// Marks endpoints as retired if every node that used to report them is running but reports only other endpoints.
///
/// Such endpoints were removed from the configuration, so their unknown status is not a problem. `votes` returns each
/// node's last report about an endpoint.
pub fn mark_retired<'w, E>(endpoints: &mut [E], votes: impl Fn(&E) -> &[NodeVote<'w>], mark: impl Fn(&mut E)) {
    // This list is sorted by name, so lookups are fast even if a hostile store has thousands of nodes.
    let mut alive: Vec<(Option<NodeName>, UnixNanos)> = Vec::new();
    for vote in endpoints.iter().flat_map(&votes).filter(|vote| vote.is_current) {
        match alive.binary_search_by(|(name, _)| name.as_ref().cmp(&vote.node)) {
            Ok(index) => alive[index].1 = alive[index].1.max(vote.reported_at),
            Err(index) => alive.insert(index, (vote.node.cloned(), vote.reported_at)),
        }
    }
    for endpoint in endpoints {
        let has_stopped = |vote: &NodeVote<'_>| {
            // A node with a valid result is still checking the endpoint, even if that result is unknown.
            !vote.is_current
                && alive
                    .binary_search_by(|(name, _)| name.as_ref().cmp(&vote.node))
                    .is_ok_and(|index| alive[index].1 > vote.reported_at)
        };
        if votes(endpoint).iter().all(has_stopped) {
            mark(endpoint);
        }
    }
}

/// Returns the English description of an endpoint's status.
#[must_use]
pub fn status_words(status: Status, is_localized: bool, is_retired: bool) -> &'static str {
    match status {
        _ if is_retired => "not monitored",
        _ if is_localized => "partial outage",
        status => status.as_str(),
    }
}

/// Computes the overall status of endpoints, given as their status and whether they are retired. It is the worst
/// status, except that unknown is worse than healthy. Retired endpoints are ignored.
#[must_use]
pub fn overall_status(endpoints: &mut dyn Iterator<Item = (Status, bool)>) -> Status {
    let mut worst = Status::Unknown;
    let mut is_any_unknown = false;
    for (status, _) in endpoints.filter(|(_, is_retired)| !is_retired) {
        worst = worst.max(status);
        is_any_unknown |= status == Status::Unknown;
    }
    if worst == Status::Healthy && is_any_unknown { Status::Unknown } else { worst }
}

/// Returns the overall status if endpoints may be missing: healthy becomes unknown, because the missing endpoints may
/// not be healthy.
#[must_use]
pub fn of_incomplete(status: Status) -> Status {
    if status == Status::Healthy { Status::Unknown } else { status }
}

/// Returns the current status of each endpoint, and whether the endpoint is retired.
#[must_use]
pub fn current_statuses(endpoints: &[EndpointStatus<'_>], now: UnixNanos) -> Vec<(Status, bool)> {
    let rows = endpoints.iter().map(|endpoint| (endpoint.tally(now).status, endpoint.node_votes(now), false));
    let mut rows: Vec<(Status, Vec<NodeVote<'_>>, bool)> = rows.collect();
    mark_retired(&mut rows, |(_, votes, _)| votes, |(status, _, retired)| *retired = *status == Status::Unknown);
    rows.into_iter().map(|(status, _, retired)| (status, retired)).collect()
}

/// Returns the spans before `moment`. A span that contains `moment` ends there.
fn cut(spans: &[Span], moment: UnixNanos) -> Vec<Span> {
    let before = spans.iter().take_while(|span| span.start < moment);
    before.map(|span| Span { end: span.end.min(moment), ..*span }).collect()
}

#[cfg(test)]
mod tests;

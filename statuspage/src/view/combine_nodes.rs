//! Combines one endpoint's results from all nodes into spans, the current status and reasons. [`super::endpoint`] turns
//! them into text.

use std::sync::Arc;

use shared::endpoint_status::{self, NodeVote};
use shared::object_name::NodeName;
use shared::post::PlannedWork;
use shared::quorum::{self, Tally};
use shared::status::Status;
use shared::uptime::{self, Span, UptimeBreakdown};
use shared::{Nanos, UnixNanos};

use super::notes::Note;
use super::period::Period;
use super::text;
use crate::dataset::{EndpointData, NodeSamples, Sample};
use crate::i18n::{Language, texts};

/// The spans and the current status of an endpoint.
#[expect(clippy::struct_excessive_bools, reason = "they are independent of each other")]
pub struct EvaluatedEndpoint<'a> {
    /// The endpoint's index in the dataset.
    pub id: usize,
    pub endpoint: &'a EndpointData,
    /// The status spans according to the quorum.
    pub spans: Vec<Span>,
    /// The periods in which any of several nodes reported the endpoint down.
    down_anywhere: Vec<Span>,
    /// Each node with its spans.
    spans_of_nodes: Vec<(&'a NodeSamples, Vec<Span>)>,
    pub status: Status,
    /// The current votes, by index in `nodes`.
    pub tally: Tally,
    /// The newest sample that is not in the future.
    pub latest: &'a Sample,
    /// When any node last checked the endpoint.
    pub checked: UnixNanos,
    /// The newest vote of each node.
    pub(super) nodes: Vec<NodeVote<'a>>,
    /// Whether the endpoint's nodes still report other endpoints, but no longer this one.
    pub retired: bool,
    /// Whether another monitored endpoint has the same title.
    pub has_duplicate_title: bool,
    /// The position among the endpoints with the same title, counted from 1 in locator order, or 0 if the title is
    /// unique.
    pub duplicate_number: usize,
    pub errors_hidden: bool,
    pub locator_hidden: bool,
    /// The maintenance that was announced for the endpoint.
    pub planned: PlannedWork,
    /// The incidents and maintenance windows that are marked on the endpoint's bars.
    pub(super) notes: Vec<Note>,
}

impl<'a> EvaluatedEndpoint<'a> {
    /// Evaluates an endpoint. Returns `None` if there are no samples.
    #[must_use]
    pub fn new(
        id: usize,
        endpoint: &'a EndpointData,
        now: UnixNanos,
        interval: Nanos,
    ) -> Option<EvaluatedEndpoint<'a>> {
        let mut spans_of_nodes = Vec::with_capacity(endpoint.nodes.len());
        let mut nodes = Vec::with_capacity(endpoint.nodes.len());
        let mut reporters = Vec::with_capacity(endpoint.nodes.len());
        let mut latest: Option<&Sample> = None;
        for node in &endpoint.nodes {
            let Some(newest) = node.newest(now) else { continue };
            let spans = node.spans(now, interval);
            let checked = node.last_checked(&spans, now).unwrap_or(newest.at);
            nodes.push(NodeVote::new(node.node.as_ref(), &spans, endpoint.nodes.len(), checked, now));
            reporters.push(node);
            spans_of_nodes.push(spans);
            latest = latest.into_iter().chain([newest]).max_by_key(|sample| sample.at);
        }
        let quorum = endpoint.quorum();
        let spans = quorum::combine(&spans_of_nodes, quorum);
        let spans_by_node: Vec<&[Span]> = spans_of_nodes.iter().map(Vec::as_slice).collect();
        let tally = Tally::new(&spans_by_node, quorum, now);
        let status = tally.status;
        let down_anywhere = if nodes.len() > 1 { quorum::down_anywhere(&spans_of_nodes) } else { Vec::new() };
        Some(EvaluatedEndpoint {
            id,
            endpoint,
            spans,
            down_anywhere,
            spans_of_nodes: reporters.into_iter().zip(spans_of_nodes).collect(),
            status,
            tally,
            latest: latest?,
            checked: nodes.iter().map(|vote| vote.reported_at).max()?,
            nodes,
            retired: false,
            has_duplicate_title: false,
            duplicate_number: 0,
            errors_hidden: false,
            locator_hidden: false,
            planned: PlannedWork::default(),
            notes: Vec::new(),
        })
    }

    /// Returns whether the endpoint has results in the period.
    #[must_use]
    pub fn is_within(&self, period: &Period) -> bool {
        self.latest.at >= period.from || self.spans.last().is_some_and(|span| span.end > period.from)
    }

    /// Returns the name for use in a sentence, with the locator if other endpoints have the same title.
    #[must_use]
    pub fn name(&self, language: &Language) -> String {
        let (title, locator) = (&self.endpoint.key.title, self.locator());
        let mut name = text::display_name(title, locator, language);
        if self.has_duplicate_title && !locator.is_empty() {
            name = [&name, " (", &text::display_name("", locator, language), ")"].concat();
        }
        language.isolate(name)
    }

    /// Returns the value that identifies the endpoint in the page's URL: the title, or the locator if the title is
    /// empty or not unique. If the locator is not shown as a whole, a number replaces it.
    #[must_use]
    pub fn address(&self) -> String {
        let title = &self.endpoint.key.title;
        match self.locator() {
            _ if self.duplicate_number == 0 && !title.is_empty() => title.clone(),
            locator if !locator.is_empty() && *locator == self.endpoint.key.locator => locator.to_owned(),
            _ => [title, "~", &self.duplicate_number.to_string()].concat(),
        }
    }

    /// Returns the locator without its query, which can contain a token, or an empty string if the locator is hidden.
    #[must_use]
    pub fn locator(&self) -> &'a str {
        let locator = if self.locator_hidden { "" } else { &self.endpoint.key.locator };
        locator.split(['?', '#']).next().unwrap_or_default()
    }

    /// Returns when the endpoint was first checked, if that was after the first bar of the period.
    #[must_use]
    pub fn new_since(&self, period: &Period) -> Option<UnixNanos> {
        let first = self.spans.first()?.start;
        (first >= period.buckets[0].end).then_some(first)
    }

    /// Returns the number of nodes that report the endpoint down, and the number of voters. Returns `None` if only one
    /// node checks the endpoint or no node reports it down.
    #[must_use]
    pub fn nodes_down(&self) -> Option<(usize, usize)> {
        (self.endpoint.nodes.len() > 1 && !self.tally.down.is_empty())
            .then_some((self.tally.down.len(), self.tally.voters))
    }

    /// Returns the label for the current status.
    #[must_use]
    pub fn label<'l>(&self, language: &'l Language) -> &'l str {
        match self.status {
            _ if self.retired => language.text(texts::NOT_MONITORED),
            _ if self.tally.is_localized() => language.text(texts::PARTIAL_OUTAGE),
            status => language.status_label(status),
        }
    }

    /// Returns when the current status started, or `None` if no results are valid.
    #[must_use]
    pub fn since(&self, now: UnixNanos) -> Option<UnixNanos> {
        self.current_span(now).map(|span| span.start)
    }

    /// Returns the span of the current status.
    pub(super) fn current_span(&self, now: UnixNanos) -> Option<Span> {
        uptime::current_span(&self.spans, self.status, now)
    }

    /// Returns when the announced maintenance ends that covers the current status, if any.
    #[must_use]
    pub fn planned_until(&self, now: UnixNanos) -> Option<UnixNanos> {
        self.planned.until(self.status, now)
    }

    /// Returns when a node last reported on the endpoint.
    #[must_use]
    pub fn reported_by(&self, node: Option<&NodeName>) -> Option<UnixNanos> {
        self.nodes.iter().find(|vote| vote.node == node).map(|vote| vote.reported_at)
    }

    /// Returns a sort key for the page: endpoints that need attention come first, and retired ones last.
    #[must_use]
    pub fn urgency(&self) -> i64 {
        match self.status {
            Status::Down => 0,
            Status::Degraded => 1,
            Status::Unknown if !self.retired => 2,
            Status::Healthy => 3,
            Status::Unknown => 4,
        }
    }

    /// Returns whether a node still checks this endpoint, allowing for clock skew.
    #[must_use]
    pub fn is_checked_by(&self, node: Option<&NodeName>) -> bool {
        self.nodes.iter().any(|vote| vote.is_within_skew && vote.node == node)
    }

    /// Returns the uptime breakdown of a period, up to now.
    #[must_use]
    pub fn breakdown(&self, from: UnixNanos, to: UnixNanos, now: UnixNanos) -> UptimeBreakdown {
        UptimeBreakdown::from_spans(&self.spans, from, to.min(now))
    }

    /// Returns how long the endpoint was degraded because some nodes, but too few for the quorum, reported it down.
    #[must_use]
    pub fn partial_outage(&self, breakdown: &UptimeBreakdown, from: UnixNanos, to: UnixNanos, now: UnixNanos) -> Nanos {
        (UptimeBreakdown::from_spans(&self.down_anywhere, from, to.min(now)).down - breakdown.down).max(0)
    }

    /// Returns the outages that end after `from`.
    pub fn outages(&self, from: UnixNanos) -> impl Iterator<Item = Outage> {
        let outages = uptime::outages(&self.spans, from, self.latest.interval);
        outages.map(move |span| {
            let is_down = span.status == Status::Down;
            let is_partial = !is_down && uptime::overlaps(&self.down_anywhere, span.start, span.end);
            Outage { span: *span, is_partial, is_planned: self.planned.covers(span) }
        })
    }

    /// Returns the names of the nodes that reported the endpoint degraded or down during an outage.
    #[must_use]
    pub fn nodes_of(&self, outage: &Outage) -> Vec<String> {
        let Outage { span, .. } = outage;
        let is_affected = |spans: &Vec<Span>| {
            uptime::overlapping(spans, span.start, span.end).any(|own| own.status >= Status::Degraded)
        };
        let nodes = self.spans_of_nodes.iter().filter(|(_, spans)| is_affected(spans));
        nodes.filter_map(|(node, _)| Some(node.node.as_ref()?.to_string())).collect()
    }

    /// Returns the newest reason for an outage.
    #[must_use]
    pub fn reason_of(&self, outage: &Outage) -> Option<Arc<str>> {
        let Outage { span, is_partial, .. } = *outage;
        self.reason(if is_partial { Status::Down } else { span.status }, span.start, span.end.max(span.start + 1))
    }

    /// Returns the samples of all nodes in a period (`from <= t < to`).
    pub fn samples(&self, from: UnixNanos, to: UnixNanos) -> impl Iterator<Item = &'a Sample> {
        self.endpoint.nodes.iter().flat_map(move |node| node.samples(from, to))
    }

    /// Returns the newest reason for a status in a period (`from <= t < to`).
    #[must_use]
    pub fn reason(&self, status: Status, from: UnixNanos, to: UnixNanos) -> Option<Arc<str>> {
        if self.errors_hidden {
            return None;
        }
        // The reason may be that of a span that began before the period: histories have one reason per span.
        let began = |spans: &[Span]| match uptime::overlapping(spans, from, to).next() {
            Some(span) if span.status >= Status::Degraded => span.start.min(from),
            _ => from,
        };
        let samples = self.spans_of_nodes.iter().flat_map(|(node, spans)| node.samples(began(spans), to));
        // If nodes disagree, the quorum can result in a status that no node reported. In that case, any reason explains
        // it.
        let preference = |sample: &&Sample| (sample.at >= from, sample.status == status, sample.at);
        samples.filter(|sample| sample.reason.is_some()).max_by_key(preference)?.reason.clone()
    }
}

/// A period in which an endpoint was degraded or down.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Outage {
    pub span: Span,
    /// Whether some nodes reported the endpoint down, but too few for the quorum.
    pub is_partial: bool,
    /// Whether announced maintenance covers the whole outage.
    pub is_planned: bool,
}

impl Outage {
    /// Returns the label for the outage's status.
    #[must_use]
    pub fn label<'l>(&self, language: &'l Language) -> &'l str {
        if self.is_partial { language.text(texts::PARTIAL_OUTAGE) } else { language.status_label(self.span.status) }
    }
}

/// Marks and numbers endpoints whose title is not unique. `all` must be in key order.
pub fn mark_duplicate_titles(all: &mut [EvaluatedEndpoint<'_>]) {
    for same in all.chunk_by_mut(|one, other| one.endpoint.key.title == other.endpoint.key.title) {
        let has_duplicate_title = same.iter().filter(|one| !one.retired).count() > 1;
        let is_one_of_several = same.len() > 1;
        for (index, one) in same.iter_mut().enumerate() {
            one.has_duplicate_title = has_duplicate_title && !one.endpoint.key.title.is_empty();
            one.duplicate_number = if is_one_of_several { index + 1 } else { 0 };
        }
    }
}

/// Marks endpoints as retired if their nodes report only other endpoints.
pub fn mark_retired(all: &mut [EvaluatedEndpoint<'_>]) {
    let mark = |evaluated: &mut EvaluatedEndpoint<'_>| evaluated.retired = evaluated.status == Status::Unknown;
    endpoint_status::mark_retired(all, |evaluated| &evaluated.nodes, mark);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test_support::NOW;
    use crate::test_support::{dataset, evaluate};
    use shared::HOUR;

    #[test]
    fn an_endpoint_is_retired_only_while_its_node_reports() {
        let dataset = dataset(&[
            ("A", "n1", 30, Status::Healthy),
            ("B", "n1", 0, Status::Healthy),
            ("C", "n2", 30, Status::Healthy),
        ]);
        let all = evaluate(&dataset);
        assert_eq!(
            all.iter().map(|evaluated| (evaluated.status, evaluated.retired)).collect::<Vec<_>>(),
            [(Status::Unknown, true), (Status::Healthy, false), (Status::Unknown, false),]
        );
    }

    #[test]
    fn duplicate_titles_are_shown_with_locators() {
        let mut dataset = dataset(&[
            ("A", "n1", 0, Status::Down),
            ("B", "n1", 0, Status::Down),
            ("C", "n1", 0, Status::Healthy),
            ("D", "n1", 30, Status::Healthy),
        ]);
        dataset.endpoints[1].key.title = "A".to_owned();
        dataset.endpoints[3].key.title = "C".to_owned();
        let mut all = evaluate(&dataset);
        mark_duplicate_titles(&mut all);
        let names: Vec<String> = all.iter().map(|one| one.name(crate::test_support::english())).collect();
        assert_eq!(names, ["A (https://A)", "A (https://B)", "C", "C"], "retired endpoints need no locator");
        all[0].locator_hidden = true;
        assert_eq!(all[0].name(crate::test_support::english()), "A");
    }

    #[test]
    fn queries_of_locators_are_not_shown() {
        let mut dataset = dataset(&[("A", "n1", 0, Status::Down), ("B", "n1", 0, Status::Down)]);
        for (endpoint, token) in dataset.endpoints.iter_mut().zip(["one", "two"]) {
            endpoint.key.title = "A".to_owned();
            endpoint.key.locator = format!("https://shop.example/health?token={token}#x");
        }
        let mut all = evaluate(&dataset);
        mark_duplicate_titles(&mut all);
        let shown: Vec<_> = all.iter().map(|one| (one.locator(), one.address())).collect();
        let locator = "https://shop.example/health";
        assert_eq!(shown, [(locator, "A~1".to_owned()), (locator, "A~2".to_owned())]);
    }

    #[test]
    fn results_from_the_future_are_ignored() {
        let mixed = dataset(&[("A", "", -60, Status::Down), ("A", "", 1, Status::Healthy)]);
        assert_eq!(evaluate(&mixed)[0].status, Status::Healthy);
        let future = dataset(&[("A", "", -60, Status::Down)]);
        assert!(EvaluatedEndpoint::new(0, &future.endpoints[0], NOW, HOUR).is_none());
    }
}

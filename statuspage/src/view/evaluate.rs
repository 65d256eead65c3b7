//! One endpoint as it is reckoned from what its nodes say: its spans, its status now and since when, its reasons. Pure; what
//! is said of it has a room of its own, [`super::endpoint`].

use std::sync::Arc;

use shared::aggregate::{self, NodeVote};
use shared::object_name::NodeName;
use shared::quorum::{self, Tally};
use shared::status::Status;
use shared::uptime::{self, Span, UptimeBreakdown};
use shared::{Nanos, UnixNanos};

use super::period::Period;
use super::text;
use crate::dataset::{EndpointData, Sample};
use crate::i18n::Language;

/// An endpoint whose time has been reckoned.
#[expect(clippy::struct_excessive_bools, reason = "each is a fact of its own; any of them can go together")]
pub struct EvaluatedEndpoint<'a> {
    /// Its number.
    pub id: usize,
    /// What is known of it.
    pub endpoint: &'a EndpointData,
    /// The spans as all nodes together saw them.
    pub spans: Vec<Span>,
    /// Its status now.
    pub status: Status,
    /// What the nodes say now, each by its place in `nodes`.
    pub tally: Tally,
    /// Its newest look that is not in the future.
    pub latest: &'a Sample,
    /// What each node that looks at it said last.
    pub(super) nodes: Vec<NodeVote<'a>>,
    /// Whether those who watched it report, but no longer about it.
    pub retired: bool,
    /// Whether another one that is watched has the same title.
    pub has_duplicate_title: bool,
    /// Its place among all of its title, in the order of their locators, from 1; 0 if there is no other.
    pub duplicate_number: usize,
    /// How long a result stands that does not say so and has no neighbors to tell.
    pub(super) interval: Nanos,
    /// Whether its error texts are kept from readers.
    pub errors_hidden: bool,
    /// Whether its locator is.
    pub locator_hidden: bool,
}

impl<'a> EvaluatedEndpoint<'a> {
    /// Evaluates an endpoint; `None` if it has no samples yet.
    #[must_use]
    pub fn new(
        id: usize,
        endpoint: &'a EndpointData,
        now: UnixNanos,
        interval: Nanos,
    ) -> Option<EvaluatedEndpoint<'a>> {
        let mut spans_of_nodes = Vec::with_capacity(endpoint.nodes.len());
        let mut nodes = Vec::with_capacity(endpoint.nodes.len());
        let mut latest: Option<&Sample> = None;
        for of_node in &endpoint.nodes {
            let Some(newest) = of_node.newest(now) else { continue };
            let spans = of_node.spans(now, interval);
            nodes.push(NodeVote::new(of_node.node.as_ref(), &spans, endpoint.nodes.len(), newest.at, now));
            spans_of_nodes.push(spans);
            latest = latest.into_iter().chain([newest]).max_by_key(|sample| sample.at);
        }
        let spans = quorum::combine(&spans_of_nodes, endpoint.quorum);
        let says: Vec<&[Span]> = spans_of_nodes.iter().map(Vec::as_slice).collect();
        let tally = Tally::new(&says, endpoint.quorum, now);
        let status = tally.status;
        Some(EvaluatedEndpoint {
            id,
            endpoint,
            spans,
            status,
            tally,
            latest: latest?,
            nodes,
            retired: false,
            has_duplicate_title: false,
            duplicate_number: 0,
            interval,
            errors_hidden: false,
            locator_hidden: false,
        })
    }

    /// Whether there is anything to show of it in the period.
    #[must_use]
    pub fn is_within(&self, period: &Period) -> bool {
        self.latest.at >= period.from || self.spans.last().is_some_and(|span| span.end > period.from)
    }

    /// Its name in a sentence.
    #[must_use]
    pub fn name(&self, language: &Language) -> String {
        let (title, locator) = (&self.endpoint.key.title, self.locator());
        let mut name = text::display_name(title, locator, language);
        if self.has_duplicate_title && !locator.is_empty() {
            name = [&name, " (", &text::display_name("", locator, language), ")"].concat();
        }
        language.isolate(name)
    }

    /// What the page's address calls it: its title, or its locator where others have the same title or it has none. Where
    /// that is kept from readers it is told by its place, which says nothing of what is hidden.
    #[must_use]
    pub fn address(&self) -> String {
        let title = &self.endpoint.key.title;
        match self.locator() {
            _ if self.duplicate_number == 0 && !title.is_empty() => title.clone(),
            "" => [title, "~", &self.duplicate_number.to_string()].concat(),
            locator => locator.to_owned(),
        }
    }

    /// Its locator, unless it is kept from readers.
    #[must_use]
    pub fn locator(&self) -> &'a str {
        if self.locator_hidden { "" } else { &self.endpoint.key.locator }
    }

    /// From how many of how many places that say something it is down; `None` if only one looks.
    #[must_use]
    pub fn nodes_down(&self) -> Option<(usize, usize)> {
        (self.endpoint.nodes.len() > 1 && !self.tally.down.is_empty())
            .then_some((self.tally.down.len(), self.tally.voters))
    }

    /// When what is the case now began; `None` if nobody knows what is.
    #[must_use]
    pub fn since(&self, now: UnixNanos) -> Option<UnixNanos> {
        self.current_span(now).map(|span| span.start)
    }

    /// The span of what is the case now.
    pub(super) fn current_span(&self, now: UnixNanos) -> Option<Span> {
        uptime::current_span(&self.spans, self.status, now)
    }

    /// When a node last said something of it.
    #[must_use]
    pub fn newest_of(&self, node: Option<&NodeName>) -> Option<UnixNanos> {
        self.nodes.iter().find(|word| word.node == node).map(|word| word.reported_at)
    }

    /// The order on the page: what needs attention first, what nobody looks at any more last.
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

    /// Whether this node's word on it stands now, also if its clock is a little behind.
    #[must_use]
    pub fn is_checked_by(&self, node: Option<&NodeName>) -> bool {
        self.nodes.iter().any(|vote| vote.is_within_skew && vote.node == node)
    }

    /// The time of a period, divided; nothing behind now counts.
    #[must_use]
    pub fn breakdown(&self, from: UnixNanos, to: UnixNanos, now: UnixNanos) -> UptimeBreakdown {
        UptimeBreakdown::from_spans(&self.spans, from, to.min(now))
    }

    /// The looks of all nodes from `from` to before `to`.
    pub fn samples(&self, from: UnixNanos, to: UnixNanos) -> impl Iterator<Item = &'a Sample> {
        self.endpoint.nodes.iter().flat_map(move |node| node.samples(from, to))
    }

    /// The newest reason that was given for this status from `from` to before `to`.
    #[must_use]
    pub fn reason(&self, status: Status, from: UnixNanos, to: UnixNanos) -> Option<Arc<str>> {
        if self.errors_hidden { None } else { newest_reason(|| self.samples(from, to), status) }
    }
}

/// Marks the endpoints that a title does not tell from each other, among all that are shown in the order of their keys.
pub fn mark_duplicate_titles(all: &mut [EvaluatedEndpoint<'_>]) {
    for same in all.chunk_by_mut(|one, other| one.endpoint.key.title == other.endpoint.key.title) {
        let has_duplicate_title = same.iter().filter(|one| !one.retired).count() > 1;
        let is_one_of_several = same.len() > 1;
        for (place, one) in same.iter_mut().enumerate() {
            one.has_duplicate_title = has_duplicate_title && !one.endpoint.key.title.is_empty();
            one.duplicate_number = if is_one_of_several { place + 1 } else { 0 };
        }
    }
}

/// The newest reason among looks, of those with this status if there are any.
pub(super) fn newest_reason<'a, I: Iterator<Item = &'a Sample>>(
    samples: impl Fn() -> I,
    status: Status,
) -> Option<Arc<str>> {
    let with_reason = || samples().filter(|sample| sample.reason.is_some());
    // Where nodes disagree, the verdict may be a status that no node gave: then any reason explains it.
    let newest = with_reason().filter(|sample| sample.status == status).max_by_key(|sample| sample.at);
    newest.or_else(|| with_reason().max_by_key(|sample| sample.at))?.reason.clone()
}

/// Marks the endpoints that nobody looks at any more although those who did still report about others.
pub fn mark_retired(all: &mut [EvaluatedEndpoint<'_>]) {
    let mark = |evaluated: &mut EvaluatedEndpoint<'_>| evaluated.retired = evaluated.status == Status::Unknown;
    aggregate::mark_retired(all, |evaluated| &evaluated.nodes, mark);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test_support::NOW;
    use crate::test_support::{dataset, evaluate};
    use shared::HOUR;

    #[test]
    fn an_endpoint_that_was_taken_out_is_retired_and_one_whose_node_died_is_not() {
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
    fn endpoints_of_one_title_are_told_from_each_other_by_their_locators() {
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
        assert_eq!(names, ["A (https://A)", "A (https://B)", "C", "C"], "what is no longer watched confuses nobody");
        all[0].locator_hidden = true;
        assert_eq!(all[0].name(crate::test_support::english()), "A");
    }

    #[test]
    fn results_of_the_future_wait_until_they_are_due() {
        let due = dataset(&[("A", "", -60, Status::Down), ("A", "", 1, Status::Healthy)]);
        assert_eq!(evaluate(&due)[0].status, Status::Healthy);
        let future = dataset(&[("A", "", -60, Status::Down)]);
        assert!(EvaluatedEndpoint::new(0, &future.endpoints[0], NOW, HOUR).is_none());
    }
}

//! Periods during which outages are not reported.

use crate::UnixNanos;
use crate::page_config::appearance::{Group, position_in};
use crate::post::{Impact, Scope, not_before};
use crate::status::Status;
use crate::uptime::Span;

/// A half-open period, which includes `start` but not `end`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Period {
    /// The first nanosecond of the period.
    pub start: UnixNanos,
    /// The first nanosecond after the period.
    pub end: UnixNanos,
}

impl Period {
    /// Returns whether the period contains a moment.
    #[must_use]
    pub fn contains(&self, moment: UnixNanos) -> bool {
        self.start <= moment && moment < self.end
    }
}

/// A period during which outages of some endpoints are not reported.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hold {
    /// Why outages are not reported.
    pub kind: HoldKind,
    /// The period during which outages are not reported.
    pub period: Period,
    /// When planned work was announced. An outage that had already begun is reported, until the endpoint recovers or
    /// gets worse. `None` for silences, which also apply to earlier outages.
    pub announced_at: Option<UnixNanos>,
    /// Titles of endpoints, or prefixes of titles followed by `*`. An empty list matches all endpoints.
    pub endpoints: Vec<String>,
    /// The worst impact that is expected. Outages that are worse are reported.
    pub impact: Impact,
}

/// Why outages are not reported during a period.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HoldKind {
    /// An operator planned maintenance for the period.
    Planned,
    /// An operator announced maintenance after the period began. It does not count as planned.
    AnnouncedLate,
    /// An operator silenced notifications for the period.
    Silence,
}

impl Hold {
    /// Returns whether the period applies to an endpoint.
    #[must_use]
    pub fn covers(&self, title: &str) -> bool {
        self.endpoints.is_empty() || position_in(&self.endpoints, title).is_some()
    }

    /// Returns whether a status is no worse than expected.
    #[must_use]
    pub fn expects(&self, status: Status) -> bool {
        self.impact == Impact::Down || status <= Status::Degraded
    }

    /// Returns the part of the period that applies to an endpoint with the given status.
    pub(super) fn applicable(&self, spans: &[Span]) -> Option<Period> {
        let Period { start, end } = self.period;
        let start = self.announced_at.map_or(start, |announced_at| start.max(not_before(spans, announced_at)));
        (start < end).then_some(Period { start, end })
    }

    /// Returns the applicable part of the period before an endpoint with the given status was worse than expected.
    pub(super) fn until_worse(&self, spans: &[Span]) -> Option<Period> {
        let Period { start, end } = self.applicable(spans)?;
        let worse = spans.iter().find(|span| !self.expects(span.status) && span.end > start && span.start < end);
        let end = worse.map_or(end, |span| span.start);
        (start < end).then_some(Period { start, end })
    }
}

/// Returns the titles and prefixes that a scope covers. A scope can be the title of a group.
#[must_use]
pub fn covered_titles(scope: &Scope, groups: &[Group]) -> Vec<String> {
    let mut titles = vec![scope.0.clone()];
    let all = groups.iter().flat_map(|group| std::iter::once(group).chain(&group.groups));
    for group in all.filter(|group| group.title == scope.0) {
        let nested = group.groups.iter().flat_map(|nested| &nested.endpoints);
        titles.extend(group.endpoints.iter().chain(nested).cloned());
    }
    titles
}

/// Returns the parts of a period that none of the other periods covers, in order. The other periods must be sorted by
/// start.
pub(super) fn outside(period: Period, others: &[Period]) -> impl Iterator<Item = Period> {
    let mut start = period.start;
    let ends = others.iter().copied().chain([Period { start: period.end, end: period.end }]);
    ends.filter_map(move |other| {
        let part = Period { start, end: other.start.min(period.end) };
        start = start.max(other.end);
        (part.start < part.end).then_some(part)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn period((start, end): (i64, i64)) -> Period {
        Period { start, end }
    }

    #[test]
    fn a_scope_covers_the_endpoints_of_a_group() {
        let group = |title: &str, endpoints: &[&str], groups| Group {
            title: title.to_owned(),
            endpoints: endpoints.iter().map(|title| (*title).to_owned()).collect(),
            groups,
        };
        let groups = [group("Platform", &["Search"], vec![group("API", &["API *"], Vec::new())])];
        let titles = |scope: &str| covered_titles(&Scope(scope.to_owned()), &groups);
        assert_eq!(titles("Platform"), ["Platform", "Search", "API *"]);
        assert_eq!(titles("API"), ["API", "API *"]);
        assert_eq!(titles("Plat*"), ["Plat*"], "a prefix applies to titles of endpoints only");
    }

    #[test]
    fn the_rest_of_a_period_is_outside_of_the_others() {
        for (whole, others, rest) in [
            ((0, 10), vec![], vec![(0, 10)]),
            ((0, 10), vec![(2, 4)], vec![(0, 2), (4, 10)]),
            ((0, 10), vec![(2, 4), (3, 6), (6, 7)], vec![(0, 2), (7, 10)]),
            ((0, 10), vec![(0, 10)], vec![]),
            ((0, 10), vec![(-5, 3), (8, 20)], vec![(3, 8)]),
            ((0, 10), vec![(-5, -3), (12, 20)], vec![(0, 10)]),
            ((0, 10), vec![(-5, 20), (1, 2)], vec![]),
        ] {
            let others: Vec<Period> = others.into_iter().map(period).collect();
            let expected: Vec<Period> = rest.into_iter().map(period).collect();
            assert_eq!(outside(period(whole), &others).collect::<Vec<_>>(), expected, "{others:?}");
        }
    }
}

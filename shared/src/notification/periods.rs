//! Periods during which outages are not reported.

use crate::UnixNanos;
use crate::page_config::appearance::position_in;

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
    /// Titles of endpoints, or prefixes of titles followed by `*`. An empty list matches all endpoints.
    pub endpoints: Vec<String>,
}

/// Why outages are not reported during a period.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HoldKind {
    /// An operator planned maintenance for the period.
    Planned,
    /// An operator silenced notifications for the period.
    Silence,
}

impl Hold {
    /// Returns whether the period applies to an endpoint.
    #[must_use]
    pub fn covers(&self, title: &str) -> bool {
        self.endpoints.is_empty() || position_in(&self.endpoints, title).is_some()
    }
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

//! Determines an endpoint's status from the votes of several nodes.

use std::fmt;
use std::num::NonZeroUsize;
use std::str::FromStr;

use crate::sorting::sort_by_integer;
use crate::status::Status;
use crate::uptime::{Span, push, status_at};
use crate::{MINUTE, Nanos, UnixNanos};

/// The largest clock difference between nodes that does not affect the status.
pub const CLOCK_TOLERANCE: Nanos = 2 * MINUTE;

/// How many of the nodes with a known status must agree on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Quorum {
    /// One node is enough: the endpoint is down as soon as any node reports it down.
    Any,
    /// More than half of the nodes must agree.
    #[default]
    Majority,
    /// All nodes must agree: until the last one reports the endpoint down, it is only degraded.
    All,
    /// This many nodes must agree, or all if there are fewer.
    AtLeast(NonZeroUsize),
}

impl fmt::Display for Quorum {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Quorum::Any => formatter.write_str("any"),
            Quorum::Majority => formatter.write_str("majority"),
            Quorum::All => formatter.write_str("all"),
            Quorum::AtLeast(count) => count.fmt(formatter),
        }
    }
}

/// An error for text that is not a quorum.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("invalid quorum `{0}`: expected `any`, `majority`, `all` or a number of nodes")]
pub struct ParseQuorumError(pub String);

impl FromStr for Quorum {
    type Err = ParseQuorumError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "any" => Ok(Quorum::Any),
            "majority" => Ok(Quorum::Majority),
            "all" => Ok(Quorum::All),
            count => count.parse().map(Quorum::AtLeast).map_err(|_| ParseQuorumError(text.to_owned())),
        }
    }
}

impl Quorum {
    /// Returns the most common quorum among an endpoint's nodes, so a single node cannot change it for the others. In a
    /// tie, the quorum in the newest result takes precedence.
    ///
    /// `nodes` contains the time of each node's newest result, and its quorum.
    #[must_use]
    pub fn of_most(nodes: impl Iterator<Item = (UnixNanos, Quorum)> + Clone) -> Quorum {
        let all = nodes.clone();
        let count = |quorum: Quorum| all.clone().filter(|(_, other)| *other == quorum).count();
        let most = nodes.max_by_key(|(at, quorum)| (count(*quorum), *at));
        most.map(|(_, quorum)| quorum).unwrap_or_default()
    }

    /// Returns how many nodes must agree, at least one.
    fn needed(self, voters: usize) -> usize {
        match self {
            Quorum::Any => 1,
            Quorum::Majority => voters / 2 + 1,
            Quorum::All => voters,
            Quorum::AtLeast(count) => count.get().min(voters),
        }
        .max(1)
    }

    /// Determines the status at one time. Nodes with an unknown status do not vote.
    ///
    /// If some nodes report the endpoint down, but too few for the quorum, it is degraded.
    #[must_use]
    pub fn decide(self, statuses: impl IntoIterator<Item = Status>) -> Status {
        let (mut healthy, mut degraded, mut down) = (0_usize, 0_usize, 0_usize);
        for status in statuses {
            match status {
                Status::Unknown => {}
                Status::Healthy => healthy += 1,
                Status::Degraded => degraded += 1,
                Status::Down => down += 1,
            }
        }
        let voters = healthy + degraded + down;
        let needed = self.needed(voters);
        if voters == 0 {
            Status::Unknown
        } else if down >= needed {
            Status::Down
        } else if down > 0 || degraded >= needed {
            Status::Degraded
        } else {
            Status::Healthy
        }
    }
}

/// The current votes on an endpoint.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Tally {
    /// The status that results from the votes.
    pub status: Status,
    /// The indexes of the nodes that report the endpoint down.
    pub down: Vec<usize>,
    /// The number of nodes with a known status.
    pub voters: usize,
}

impl Tally {
    /// Counts the votes at `now`. Each node's spans end when its last result expires.
    ///
    /// With several nodes, one whose clock is behind by less than [`CLOCK_TOLERANCE`] votes with its last status.
    #[must_use]
    pub fn new(nodes: &[&[Span]], quorum: Quorum, now: UnixNanos) -> Tally {
        let votes = votes(nodes, now);
        let indexed = votes.iter().enumerate();
        Tally {
            status: quorum.decide(votes.iter().copied()),
            down: indexed.filter(|(_, status)| **status == Status::Down).map(|(index, _)| index).collect(),
            voters: votes.iter().filter(|status| **status != Status::Unknown).count(),
        }
    }

    /// Returns whether some nodes report the endpoint down, but too few for it to be down.
    #[must_use]
    pub fn is_localized(&self) -> bool {
        self.status != Status::Down && !self.down.is_empty()
    }
}

/// Returns each node's vote at `now`.
#[must_use]
pub fn votes(nodes: &[&[Span]], now: UnixNanos) -> Vec<Status> {
    match nodes {
        [only] => vec![status_at(only, now)],
        several => several.iter().map(|spans| vote_at(spans, now)).collect(),
    }
}

/// Returns a node's vote: its status, or its last status if that expired less than [`CLOCK_TOLERANCE`] ago.
#[must_use]
pub fn vote_at(spans: &[Span], moment: UnixNanos) -> Status {
    match status_at(spans, moment) {
        Status::Unknown => spans
            .last()
            .filter(|last| last.end <= moment && moment.saturating_sub(last.end) < CLOCK_TOLERANCE)
            .map_or(Status::Unknown, |last| last.status),
        known => known,
    }
}

/// Combines each node's spans (in order, without overlap) into those of the endpoint. This takes `O(n log n)` time for
/// `n` spans in total.
#[must_use]
pub fn combine(nodes: &[Vec<Span>], quorum: Quorum) -> Vec<Span> {
    if let [only] = nodes {
        return only.clone();
    }
    // The status changes of all nodes, in order.
    let mut changes: Vec<(UnixNanos, usize, Status)> = Vec::new();
    for (node, spans) in nodes.iter().enumerate() {
        for (index, span) in spans.iter().enumerate() {
            changes.push((span.start, node, span.status));
            if spans.get(index + 1).is_none_or(|next| next.start > span.end) {
                changes.push((span.end, node, Status::Unknown));
            }
        }
    }
    sort_by_integer(&mut changes, |(moment, ..)| *moment);
    let mut current_votes = vec![Status::Unknown; nodes.len()];
    let mut combined = Vec::new();
    let mut open: Option<(UnixNanos, Status)> = None;
    let mut rest = changes.as_slice();
    while let Some((moment, ..)) = rest.first().copied() {
        let together = rest.partition_point(|(at, ..)| *at == moment);
        for (_, node, status) in &rest[..together] {
            current_votes[*node] = *status;
        }
        rest = &rest[together..];
        if let Some((start, status)) = open {
            push(&mut combined, Span { start, end: moment, status });
        }
        open = Some((moment, quorum.decide(current_votes.iter().copied())));
    }
    combined
}

/// Returns the periods in which any node reports the endpoint down. Those outside of the endpoint's down spans are
/// partial outages.
#[must_use]
pub fn down_anywhere(nodes: &[Vec<Span>]) -> Vec<Span> {
    let down = |spans: &Vec<Span>| spans.iter().filter(|span| span.status == Status::Down).copied().collect();
    combine(&nodes.iter().map(down).collect::<Vec<Vec<Span>>>(), Quorum::Any)
}

#[cfg(test)]
mod tests {
    use super::*;
    use Status::{Degraded, Down, Healthy, Unknown};
    use proptest::prelude::*;

    fn at_least(count: usize) -> Quorum {
        Quorum::AtLeast(NonZeroUsize::new(count).expect("it is a number from 1 on"))
    }

    #[test]
    fn every_quorum_round_trips() {
        for quorum in [Quorum::Any, Quorum::Majority, Quorum::All, at_least(3)] {
            assert_eq!(quorum.to_string().parse(), Ok(quorum));
        }
        for text in ["", "0", "-1", "most", "All", "1.5"] {
            let error = text.parse::<Quorum>().expect_err(text);
            assert!(error.to_string().contains("`majority`"), "{error}");
        }
    }

    #[test]
    fn one_node_does_not_change_the_quorum_of_the_others() {
        let (any, all, majority) = (Quorum::Any, Quorum::All, Quorum::Majority);
        let of_most = |nodes: &[(UnixNanos, Quorum)]| Quorum::of_most(nodes.iter().copied());
        assert_eq!(of_most(&[(1, majority), (2, majority), (9, any)]), majority);
        assert_eq!(of_most(&[(1, majority), (2, any)]), any, "a new configuration");
        assert_eq!(of_most(&[(1, all)]), all);
        assert_eq!(of_most(&[]), majority);
    }

    #[test]
    fn one_of_three_nodes_that_reports_down_is_localized() {
        let (up, gone) = ([Span { start: 0, end: 10, status: Healthy }], [Span { start: 0, end: 10, status: Down }]);
        let tally = Tally::new(&[&up, &gone, &up], Quorum::Majority, 5);
        assert_eq!((tally.status, tally.voters, tally.down.as_slice()), (Degraded, 3, &[1][..]));
        assert!(tally.is_localized());
        let tally = Tally::new(&[&up, &gone, &gone], Quorum::Majority, 5);
        assert!(tally.status == Down && !tally.is_localized());
        assert!(!Tally::new(&[&up, &up], Quorum::Any, 5).is_localized());
    }

    #[test]
    fn a_silent_node_leaves_the_vote() {
        let (long, short) =
            ([Span { start: 0, end: 1_000 * MINUTE, status: Healthy }], [Span { start: 0, end: MINUTE, status: Down }]);
        assert_eq!(Tally::new(&[&long, &short, &short], Quorum::Majority, 10 * MINUTE).status, Healthy);
        assert_eq!(Tally::new(&[&short, &short], Quorum::Majority, 10 * MINUTE), Tally::default());
    }

    #[test]
    fn clocks_that_differ_by_two_minutes_change_nothing() {
        // Checks run every minute, and each result is valid for a minute and a half.
        let with_clock_behind =
            |by: Nanos| [Span { start: 0, end: 60 * MINUTE - by + 90 * crate::SECOND, status: Down }];
        for by in [0, MINUTE, 2 * MINUTE, 3 * MINUTE + 29 * crate::SECOND] {
            assert_eq!(vote_at(&with_clock_behind(by), 60 * MINUTE), Down, "{by}");
        }
        assert_eq!(vote_at(&with_clock_behind(3 * MINUTE + 30 * crate::SECOND), 60 * MINUTE), Unknown);
    }

    #[test]
    fn a_majority_of_the_voters_decides() {
        let majority = Quorum::Majority;
        assert_eq!(majority.decide([Down, Down, Healthy]), Down);
        assert_eq!(majority.decide([Healthy, Healthy, Healthy]), Healthy);
        assert_eq!(majority.decide([Down, Unknown, Unknown]), Down);
        assert_eq!(majority.decide([Unknown, Unknown]), Unknown);
        assert_eq!(majority.decide([]), Unknown);
    }

    #[test]
    fn one_of_three_nodes_down_is_degraded() {
        assert_eq!(Quorum::Majority.decide([Down, Healthy, Healthy]), Degraded);
        assert_eq!(Quorum::All.decide([Down, Down, Healthy]), Degraded);
        assert_eq!(Quorum::Any.decide([Down, Healthy, Healthy]), Down);
        assert_eq!(at_least(2).decide([Down, Down, Healthy, Healthy]), Down);
        assert_eq!(at_least(2).decide([Down]), Down);
    }

    #[test]
    fn combined_spans_meet_at_their_edges() {
        let one = vec![Span { start: 0, end: 10, status: Healthy }, Span { start: 10, end: 20, status: Down }];
        let other = vec![Span { start: 5, end: 15, status: Down }];
        assert_eq!(
            combine(&[one, other], Quorum::Any),
            [Span { start: 0, end: 5, status: Healthy }, Span { start: 5, end: 20, status: Down }]
        );
    }

    fn any_spans() -> impl Strategy<Value = Vec<Span>> {
        let step = (0..20_i64, 1..30_i64, prop::sample::select(vec![Healthy, Degraded, Down]));
        prop::collection::vec(step, 0..12).prop_map(|steps| {
            let (mut spans, mut moment) = (Vec::new(), 0);
            for (gap, length, status) in steps {
                push(&mut spans, Span { start: moment + gap, end: moment + gap + length, status });
                moment += gap + length;
            }
            spans
        })
    }

    proptest! {
        #[test]
        fn combined_spans_agree_with_a_vote_at_every_time(
            nodes in prop::collection::vec(any_spans(), 0..5),
            quorum in prop::sample::select(vec![Quorum::Any, Quorum::Majority, Quorum::All, at_least(2)]),
        ) {
            let (combined, down) = (combine(&nodes, quorum), down_anywhere(&nodes));
            for moment in -1..400 {
                let expected = match nodes.as_slice() {
                    [only] => status_at(only, moment),
                    several => quorum.decide(several.iter().map(|spans| status_at(spans, moment))),
                };
                prop_assert_eq!(status_at(&combined, moment), expected, "at {}", moment);
                let is_down_anywhere = nodes.iter().any(|spans| status_at(spans, moment) == Down);
                prop_assert_eq!(status_at(&down, moment) == Down, is_down_anywhere, "at {}", moment);
            }
        }
    }
}

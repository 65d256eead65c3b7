//! Several nodes, one status: what an endpoint's spans are when all nodes are voters.

use std::fmt;
use std::num::NonZeroUsize;
use std::str::FromStr;

use crate::status::Status;
use crate::uptime::{Span, push, status_at};
use crate::{MINUTE, Nanos, UnixNanos};

/// By how much the clocks of nodes may differ without changing a verdict; what differs by more should be looked at.
pub const CLOCK_TOLERANCE: Nanos = 2 * MINUTE;

/// How many of the nodes that have something to say must agree before a status is the endpoint's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Quorum {
    /// One is enough.
    Any,
    /// More than half of them.
    #[default]
    Majority,
    /// All of them.
    All,
    /// This many, or all if fewer are voters.
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

/// The text is no quorum.
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
    /// How many of `voters` must agree; at least one.
    fn needed(self, voters: usize) -> usize {
        match self {
            Quorum::Any => 1,
            Quorum::Majority => voters / 2 + 1,
            Quorum::All => voters,
            Quorum::AtLeast(count) => count.get().min(voters),
        }
        .max(1)
    }

    /// The verdict on one moment. A node that knows nothing leaves the vote; if none is left it is unknown.
    ///
    /// Where some say down, but too few for the quorum, the endpoint is degraded: it is neither well nor gone.
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

/// What the nodes say of an endpoint at the present moment.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Tally {
    /// The verdict.
    pub status: Status,
    /// Which nodes say down, by their places.
    pub down: Vec<usize>,
    /// How many nodes have something to say.
    pub voters: usize,
}

impl Tally {
    /// What the nodes say at `now`, from each node's spans up to where its last result stands.
    ///
    /// Among several, a node whose clock is behind by no more than [`CLOCK_TOLERANCE`] is voters with what it said last.
    #[must_use]
    pub fn new(nodes: &[&[Span]], quorum: Quorum, now: UnixNanos) -> Tally {
        let votes = votes(nodes, now);
        let places = votes.iter().enumerate();
        Tally {
            status: quorum.decide(votes.iter().copied()),
            down: places.filter(|(_, status)| **status == Status::Down).map(|(place, _)| place).collect(),
            voters: votes.iter().filter(|status| **status != Status::Unknown).count(),
        }
    }

    /// Whether some nodes cannot reach it and others can, and the former are too few to call it down.
    #[must_use]
    pub fn is_localized(&self) -> bool {
        self.status != Status::Down && !self.down.is_empty()
    }
}

/// What each of the nodes says at `now`, by their places.
#[must_use]
pub fn votes(nodes: &[&[Span]], now: UnixNanos) -> Vec<Status> {
    match nodes {
        [only] => vec![status_at(only, now)],
        several => several.iter().map(|spans| vote_at(spans, now)).collect(),
    }
}

/// What a node says at a moment, if it is not silent for longer than clocks differ.
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

/// The endpoint's spans from each node's spans (in order, without overlap), in `O(n log n)` of all spans.
#[must_use]
pub fn combine(nodes: &[Vec<Span>], quorum: Quorum) -> Vec<Span> {
    if let [only] = nodes {
        return only.clone();
    }
    // The moments at which a node's status changes, in order.
    let mut changes: Vec<(UnixNanos, usize, Status)> = Vec::new();
    for (node, spans) in nodes.iter().enumerate() {
        for (index, span) in spans.iter().enumerate() {
            changes.push((span.start, node, span.status));
            if spans.get(index + 1).is_none_or(|next| next.start > span.end) {
                changes.push((span.end, node, Status::Unknown));
            }
        }
    }
    changes.sort_by_cached_key(|(moment, ..)| *moment);
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

#[cfg(test)]
mod tests {
    use super::*;
    use Status::{Degraded, Down, Healthy, Unknown};
    use proptest::prelude::*;

    fn at_least(count: usize) -> Quorum {
        Quorum::AtLeast(NonZeroUsize::new(count).expect("it is a number from 1 on"))
    }

    #[test]
    fn each_policy_reads_back_as_it_is_written() {
        for quorum in [Quorum::Any, Quorum::Majority, Quorum::All, at_least(3)] {
            assert_eq!(quorum.to_string().parse(), Ok(quorum));
        }
        for text in ["", "0", "-1", "most", "All", "1.5"] {
            let error = text.parse::<Quorum>().expect_err(text);
            assert!(error.to_string().contains("`majority`"), "{error}");
        }
    }

    #[test]
    fn one_place_of_three_that_sees_it_down_is_localized_and_named() {
        let (up, gone) = ([Span { start: 0, end: 10, status: Healthy }], [Span { start: 0, end: 10, status: Down }]);
        let present = Tally::new(&[&up, &gone, &up], Quorum::Majority, 5);
        assert_eq!((present.status, present.voters, present.down.as_slice()), (Degraded, 3, &[1][..]));
        assert!(present.is_localized());
        let present = Tally::new(&[&up, &gone, &gone], Quorum::Majority, 5);
        assert!(present.status == Down && !present.is_localized());
        assert!(!Tally::new(&[&up, &up], Quorum::Any, 5).is_localized());
    }

    #[test]
    fn a_silent_node_leaves_the_vote_and_all_silent_is_unknown() {
        let (long, short) =
            ([Span { start: 0, end: 1_000 * MINUTE, status: Healthy }], [Span { start: 0, end: MINUTE, status: Down }]);
        assert_eq!(Tally::new(&[&long, &short, &short], Quorum::Majority, 10 * MINUTE).status, Healthy);
        assert_eq!(Tally::new(&[&short, &short], Quorum::Majority, 10 * MINUTE), Tally::default());
    }

    #[test]
    fn clocks_that_differ_by_two_minutes_change_no_verdict() {
        // Checks every minute, each standing for one and a half.
        let of_clock_behind = |by: Nanos| [Span { start: 0, end: 60 * MINUTE - by + 90 * crate::SECOND, status: Down }];
        for by in [0, MINUTE, 2 * MINUTE, 3 * MINUTE + 29 * crate::SECOND] {
            assert_eq!(vote_at(&of_clock_behind(by), 60 * MINUTE), Down, "{by}");
        }
        assert_eq!(vote_at(&of_clock_behind(3 * MINUTE + 30 * crate::SECOND), 60 * MINUTE), Unknown);
    }

    #[test]
    fn a_majority_of_those_who_know_decides() {
        let majority = Quorum::Majority;
        assert_eq!(majority.decide([Down, Down, Healthy]), Down);
        assert_eq!(majority.decide([Healthy, Healthy, Healthy]), Healthy);
        assert_eq!(majority.decide([Down, Unknown, Unknown]), Down);
        assert_eq!(majority.decide([Unknown, Unknown]), Unknown);
        assert_eq!(majority.decide([]), Unknown);
    }

    #[test]
    fn one_of_three_nodes_down_is_neither_green_nor_red() {
        assert_eq!(Quorum::Majority.decide([Down, Healthy, Healthy]), Degraded);
        assert_eq!(Quorum::All.decide([Down, Down, Healthy]), Degraded);
        assert_eq!(Quorum::Any.decide([Down, Healthy, Healthy]), Down);
        assert_eq!(at_least(2).decide([Down, Down, Healthy, Healthy]), Down);
        assert_eq!(at_least(2).decide([Down]), Down);
    }

    #[test]
    fn the_nodes_spans_meet_at_their_edges() {
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
        fn at_every_moment_the_verdict_is_that_of_the_moment(
            nodes in prop::collection::vec(any_spans(), 0..5),
            quorum in prop::sample::select(vec![Quorum::Any, Quorum::Majority, Quorum::All, at_least(2)]),
        ) {
            let combined = combine(&nodes, quorum);
            for moment in -1..400 {
                let expected = match nodes.as_slice() {
                    [only] => status_at(only, moment),
                    several => quorum.decide(several.iter().map(|spans| status_at(spans, moment))),
                };
                prop_assert_eq!(status_at(&combined, moment), expected, "at {}", moment);
            }
        }
    }
}

//! Several nodes, one status: what an endpoint's spans are when all nodes are heard.

use std::fmt;
use std::num::NonZeroUsize;
use std::str::FromStr;

use crate::sorted;
use crate::status::Status;
use crate::uptime::{Span, push, status_at};
use crate::{MINUTE, Nanos, UnixNanos};

/// By how much the clocks of nodes may differ without changing a verdict; what differs by more should be looked at.
pub const CLOCK_TOLERANCE: Nanos = 2 * MINUTE;

/// How many of the nodes that have something to say must agree before a status is the endpoint's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Policy {
    /// One is enough.
    Any,
    /// More than half of them.
    #[default]
    Majority,
    /// All of them.
    All,
    /// This many, or all if fewer are heard.
    AtLeast(NonZeroUsize),
}

impl fmt::Display for Policy {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Policy::Any => formatter.write_str("any"),
            Policy::Majority => formatter.write_str("majority"),
            Policy::All => formatter.write_str("all"),
            Policy::AtLeast(count) => count.fmt(formatter),
        }
    }
}

/// The text is no policy.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("invalid quorum `{0}`: expected `any`, `majority`, `all` or a number of nodes")]
pub struct NotAPolicy(pub String);

impl FromStr for Policy {
    type Err = NotAPolicy;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "any" => Ok(Policy::Any),
            "majority" => Ok(Policy::Majority),
            "all" => Ok(Policy::All),
            count => count.parse().map(Policy::AtLeast).map_err(|_| NotAPolicy(text.to_owned())),
        }
    }
}

impl Policy {
    /// How many of `voters` must agree; at least one.
    fn needed(self, voters: usize) -> usize {
        match self {
            Policy::Any => 1,
            Policy::Majority => voters / 2 + 1,
            Policy::All => voters,
            Policy::AtLeast(count) => count.get().min(voters),
        }
        .max(1)
    }

    /// The verdict on one moment. A node that knows nothing leaves the vote; if none is left it is unknown.
    ///
    /// Where some say down, but too few for the policy, the endpoint is degraded: it is neither well nor gone.
    #[must_use]
    pub fn verdict(self, statuses: impl IntoIterator<Item = Status>) -> Status {
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
pub struct Present {
    /// The verdict.
    pub status: Status,
    /// Which nodes say down, by their places.
    pub down: Vec<usize>,
    /// How many nodes have something to say.
    pub heard: usize,
}

impl Present {
    /// What the nodes say at `now`, from each node's spans up to where its last result stands.
    ///
    /// Among several, a node whose clock is behind by no more than [`CLOCK_TOLERANCE`] is heard with what it said last.
    #[must_use]
    pub fn of(nodes: &[&[Span]], policy: Policy, now: UnixNanos) -> Present {
        let says = says(nodes, now);
        let places = says.iter().enumerate();
        Present {
            status: policy.verdict(says.iter().copied()),
            down: places.filter(|(_, status)| **status == Status::Down).map(|(place, _)| place).collect(),
            heard: says.iter().filter(|status| **status != Status::Unknown).count(),
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
pub fn says(nodes: &[&[Span]], now: UnixNanos) -> Vec<Status> {
    match nodes {
        [only] => vec![status_at(only, now)],
        several => several.iter().map(|spans| says_at(spans, now)).collect(),
    }
}

/// What a node says at a moment, if it is not silent for longer than clocks differ.
#[must_use]
pub fn says_at(spans: &[Span], moment: UnixNanos) -> Status {
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
pub fn combine(nodes: &[Vec<Span>], policy: Policy) -> Vec<Span> {
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
    sorted::by_key(&mut changes, |(moment, ..)| *moment);
    let mut now_says = vec![Status::Unknown; nodes.len()];
    let mut combined = Vec::new();
    let mut open: Option<(UnixNanos, Status)> = None;
    let mut rest = changes.as_slice();
    while let Some((moment, ..)) = rest.first().copied() {
        let together = rest.partition_point(|(at, ..)| *at == moment);
        for (_, node, status) in &rest[..together] {
            now_says[*node] = *status;
        }
        rest = &rest[together..];
        if let Some((start, status)) = open {
            push(&mut combined, Span { start, end: moment, status });
        }
        open = Some((moment, policy.verdict(now_says.iter().copied())));
    }
    combined
}

#[cfg(test)]
mod tests {
    use super::*;
    use Status::{Degraded, Down, Healthy, Unknown};
    use proptest::prelude::*;

    fn at_least(count: usize) -> Policy {
        Policy::AtLeast(NonZeroUsize::new(count).expect("it is a number from 1 on"))
    }

    #[test]
    fn each_policy_reads_back_as_it_is_written() {
        for policy in [Policy::Any, Policy::Majority, Policy::All, at_least(3)] {
            assert_eq!(policy.to_string().parse(), Ok(policy));
        }
        for text in ["", "0", "-1", "most", "All", "1.5"] {
            let error = text.parse::<Policy>().expect_err(text);
            assert!(error.to_string().contains("`majority`"), "{error}");
        }
    }

    #[test]
    fn one_place_of_three_that_sees_it_down_is_localized_and_named() {
        let (up, gone) = ([Span { start: 0, end: 10, status: Healthy }], [Span { start: 0, end: 10, status: Down }]);
        let present = Present::of(&[&up, &gone, &up], Policy::Majority, 5);
        assert_eq!((present.status, present.heard, present.down.as_slice()), (Degraded, 3, &[1][..]));
        assert!(present.is_localized());
        let present = Present::of(&[&up, &gone, &gone], Policy::Majority, 5);
        assert!(present.status == Down && !present.is_localized());
        assert!(!Present::of(&[&up, &up], Policy::Any, 5).is_localized());
    }

    #[test]
    fn a_silent_node_leaves_the_vote_and_all_silent_is_unknown() {
        let (long, short) =
            ([Span { start: 0, end: 1_000 * MINUTE, status: Healthy }], [Span { start: 0, end: MINUTE, status: Down }]);
        assert_eq!(Present::of(&[&long, &short, &short], Policy::Majority, 10 * MINUTE).status, Healthy);
        assert_eq!(Present::of(&[&short, &short], Policy::Majority, 10 * MINUTE), Present::default());
    }

    #[test]
    fn clocks_that_differ_by_two_minutes_change_no_verdict() {
        // Checks every minute, each standing for one and a half.
        let of_clock_behind = |by: Nanos| [Span { start: 0, end: 60 * MINUTE - by + 90 * crate::SECOND, status: Down }];
        for by in [0, MINUTE, 2 * MINUTE, 3 * MINUTE + 29 * crate::SECOND] {
            assert_eq!(says_at(&of_clock_behind(by), 60 * MINUTE), Down, "{by}");
        }
        assert_eq!(says_at(&of_clock_behind(3 * MINUTE + 30 * crate::SECOND), 60 * MINUTE), Unknown);
    }

    #[test]
    fn a_majority_of_those_who_know_decides() {
        let majority = Policy::Majority;
        assert_eq!(majority.verdict([Down, Down, Healthy]), Down);
        assert_eq!(majority.verdict([Healthy, Healthy, Healthy]), Healthy);
        assert_eq!(majority.verdict([Down, Unknown, Unknown]), Down);
        assert_eq!(majority.verdict([Unknown, Unknown]), Unknown);
        assert_eq!(majority.verdict([]), Unknown);
    }

    #[test]
    fn one_of_three_nodes_down_is_neither_green_nor_red() {
        assert_eq!(Policy::Majority.verdict([Down, Healthy, Healthy]), Degraded);
        assert_eq!(Policy::All.verdict([Down, Down, Healthy]), Degraded);
        assert_eq!(Policy::Any.verdict([Down, Healthy, Healthy]), Down);
        assert_eq!(at_least(2).verdict([Down, Down, Healthy, Healthy]), Down);
        assert_eq!(at_least(2).verdict([Down]), Down);
    }

    #[test]
    fn the_nodes_spans_meet_at_their_edges() {
        let one = vec![Span { start: 0, end: 10, status: Healthy }, Span { start: 10, end: 20, status: Down }];
        let other = vec![Span { start: 5, end: 15, status: Down }];
        assert_eq!(
            combine(&[one, other], Policy::Any),
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
            policy in prop::sample::select(vec![Policy::Any, Policy::Majority, Policy::All, at_least(2)]),
        ) {
            let combined = combine(&nodes, policy);
            for moment in -1..400 {
                let expected = match nodes.as_slice() {
                    [only] => status_at(only, moment),
                    several => policy.verdict(several.iter().map(|spans| status_at(spans, moment))),
                };
                prop_assert_eq!(status_at(&combined, moment), expected, "at {}", moment);
            }
        }
    }
}

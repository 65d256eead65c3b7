//! Several nodes, one status: what an endpoint's spans are when all nodes are heard.

use crate::UnixNanos;
use crate::status::Status;
use crate::uptime::{Span, push};

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
    AtLeast(usize),
}

impl Policy {
    /// How many of `voters` must agree; at least one.
    fn needed(self, voters: usize) -> usize {
        match self {
            Policy::Any => 1,
            Policy::Majority => voters / 2 + 1,
            Policy::All => voters,
            Policy::AtLeast(count) => count.min(voters),
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
    changes.sort_by_key(|(moment, ..)| *moment);
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
    use crate::uptime::status_at;
    use Status::{Degraded, Down, Healthy, Unknown};
    use proptest::prelude::*;

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
        assert_eq!(Policy::AtLeast(2).verdict([Down, Down, Healthy, Healthy]), Down);
        assert_eq!(Policy::AtLeast(2).verdict([Down]), Down);
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
            policy in prop::sample::select(vec![Policy::Any, Policy::Majority, Policy::All, Policy::AtLeast(2)]),
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

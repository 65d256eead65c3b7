//! From the histories of all nodes to how each endpoint stands: now, and over a period. Page and terminal take their
//! figures from here.

use std::collections::BTreeMap;

use crate::UnixNanos;
use crate::history::{History, Latest};
use crate::object_name::NodeName;
use crate::result::EndpointKey;
use crate::status::Status;
use crate::uptime::{Reckoning, Span};
use crate::verdict::{Policy, Present, combine};

/// What all nodes know of one endpoint.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Standing {
    /// The endpoint.
    pub key: EndpointKey,
    /// What the newest result of all said beside its status: the configuration it is checked by.
    pub latest: Latest,
    /// Which nodes look at it, and what each saw.
    pub nodes: Vec<NodeStanding>,
}

/// What one node knows of an endpoint.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NodeStanding {
    /// Which node; `None` is a checker that gives no name.
    pub node: Option<NodeName>,
    /// The spans of it, in order and without overlap; the last one may reach into the future.
    pub spans: Vec<Span>,
    /// What is wrong by its newest result, if anything is.
    pub reason: Option<String>,
}

/// How every endpoint stands that any of these histories knows, in the order of the configuration.
#[must_use]
pub fn standings<'a>(histories: impl IntoIterator<Item = &'a History>) -> Vec<Standing> {
    let mut standings: BTreeMap<&EndpointKey, (UnixNanos, Standing)> = BTreeMap::new();
    for history in histories {
        for (key, past) in &history.endpoints {
            let at = past.track.last.map_or(0, |last| last.at);
            let new = || (at, Standing { key: key.clone(), latest: past.latest.clone(), nodes: Vec::new() });
            let (newest, standing) = standings.entry(key).or_insert_with(new);
            if at > *newest {
                *newest = at;
                standing.latest.clone_from(&past.latest);
            }
            let (spans, reason) = (past.track.spans.clone(), past.latest.reason.clone());
            standing.nodes.push(NodeStanding { node: history.node.clone(), spans, reason });
        }
    }
    let mut standings: Vec<Standing> = standings.into_values().map(|(_, standing)| standing).collect();
    standings.sort_by_key(|standing| standing.latest.place);
    standings
}

impl Standing {
    /// How several nodes agree on it.
    #[must_use]
    pub fn policy(&self) -> Policy {
        self.latest.verdict
    }

    /// What the nodes say now.
    #[must_use]
    pub fn present(&self, now: UnixNanos) -> Present {
        let spans: Vec<&[Span]> = self.nodes.iter().map(|node| node.spans.as_slice()).collect();
        Present::of(&spans, self.policy(), now)
    }

    /// The verdict over time, up to `now`.
    #[must_use]
    pub fn spans(&self, now: UnixNanos) -> Vec<Span> {
        let nodes: Vec<Vec<Span>> = self.nodes.iter().map(|node| cut(&node.spans, now)).collect();
        combine(&nodes, self.policy())
    }

    /// How the time of a period divides.
    #[must_use]
    pub fn reckoning(&self, from: UnixNanos, to: UnixNanos) -> Reckoning {
        Reckoning::of(&self.spans(to), from, to)
    }
}

/// How all of it stands: the worst of what is known, and unknown if nothing is.
#[must_use]
pub fn worst(presents: impl IntoIterator<Item = Status>) -> Status {
    presents.into_iter().max().unwrap_or_default()
}

/// The part of the spans before a moment.
fn cut(spans: &[Span], moment: UnixNanos) -> Vec<Span> {
    let before = spans.iter().take_while(|span| span.start < moment);
    before.map(|span| Span { end: span.end.min(moment), ..*span }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::history::{DEFAULT_EXPIRY, Folding, Gap, Latencies};
    use crate::object_name::CheckFileName;
    use crate::result::{CheckFile, CheckResult};
    use crate::uptime::Share;
    use crate::{DAY, HOUR, MINUTE};

    const START: UnixNanos = 20_779 * DAY;

    /// A day of a node that looks every minute; it sees down in these minutes, and looks away in those.
    fn history(node: &str, policy: Policy, down: std::ops::Range<i64>, away: std::ops::Range<i64>) -> History {
        let node = NodeName::new(node).ok();
        let file = |minute: i64| {
            let at = START + minute * MINUTE;
            let status = if down.contains(&minute) { Status::Down } else { Status::Healthy };
            let result = CheckResult {
                title: "Shop".to_owned(),
                timestamp: at,
                status,
                interval: Some(MINUTE),
                verdict: policy,
                notice: if status == Status::Down { "connection refused".to_owned() } else { String::new() },
                ..CheckResult::default()
            };
            let name = CheckFileName { stored_at: at + 1, node: node.clone() };
            (name, CheckFile { results: vec![result], skipped: Vec::new() })
        };
        let files: Vec<_> = (0..1_440).filter(|minute| !away.contains(minute)).map(file).collect();
        let (mut history, mut latencies) = (History::of(node.clone()), Latencies::default());
        let names: Vec<_> = files.iter().map(|(name, _)| name.clone()).collect();
        let mut folding = Folding::again(&mut history, &mut latencies, Gap::WHOLE, &names, START + DAY);
        for (name, file) in files {
            folding.add(&name, &file);
        }
        folding.finish(DEFAULT_EXPIRY);
        history
    }

    fn three(policy: Policy) -> Vec<History> {
        // An outage of an hour that all see, half an hour that two see, and an hour that one sees.
        vec![
            history("a", policy, 600..660, 1_000..1_100),
            history("b", policy, 600..690, 0..0),
            history("c", policy, 600..750, 0..0),
        ]
    }

    fn down_minutes(policy: Policy) -> (i64, String, String) {
        let reckoning = standings(&three(policy))[0].reckoning(START, START + DAY);
        let text = |share: Option<Share>| share.map(Share::percent).unwrap_or_default();
        (reckoning.down / MINUTE, text(reckoning.uptime()), text(reckoning.coverage()))
    }

    #[test]
    fn known_outages_give_known_figures_for_each_policy() {
        assert_eq!(down_minutes(Policy::All), (60, "95.83%".to_owned(), "100%".to_owned()));
        assert_eq!(down_minutes(Policy::Majority), (90, "93.75%".to_owned(), "100%".to_owned()));
        assert_eq!(down_minutes(Policy::Any), (150, "89.58%".to_owned(), "100%".to_owned()));
        let two = "2".parse().expect("it is a policy");
        assert_eq!(down_minutes(two), (90, "93.75%".to_owned(), "100%".to_owned()));
    }

    #[test]
    fn one_node_alone_has_the_coverage_of_its_own_time() {
        let only = [history("a", Policy::Any, 600..660, 1_000..1_100)];
        let reckoning = standings(&only)[0].reckoning(START, START + DAY);
        // Away for a hundred minutes, of which the last result before stood for half a minute more.
        assert_eq!(reckoning.unknown, 99 * MINUTE + MINUTE / 2);
        assert_eq!(reckoning.coverage().map(Share::percent).as_deref(), Some("93.09%"));
        assert_eq!(reckoning.uptime().map(Share::percent).as_deref(), Some("95.52%"));
    }

    #[test]
    fn what_one_of_three_sees_is_localized_and_all_silent_is_unknown() {
        let histories = three(Policy::Majority);
        let standing = &standings(&histories)[0];
        let at = |minute: i64| standing.present(START + minute * MINUTE);
        assert_eq!(at(610).status, Status::Down);
        let localized = at(720);
        assert!(localized.is_localized() && localized.status == Status::Degraded);
        assert_eq!(standing.nodes[localized.down[0]].node.as_ref().map(NodeName::as_str), Some("c"));
        assert_eq!((at(2_000).status, at(2_000).heard), (Status::Unknown, 0));
        assert!(histories.iter().all(|history| history.is_late(START + 2_000 * MINUTE)));
        assert!(!histories[0].is_late(START + DAY));
    }

    #[test]
    fn ten_failures_among_many_checks_colour_no_other_day() {
        let histories = [history("a", Policy::Majority, 30..40, 0..0)];
        let standing = &standings(&histories)[0];
        let hours: Vec<Status> =
            (0..24).map(|hour| standing.reckoning(START + hour * HOUR, START + (hour + 1) * HOUR).worst()).collect();
        assert_eq!(hours[0], Status::Down);
        assert!(hours[1..].iter().all(|status| *status == Status::Healthy));
    }

    #[test]
    fn nobody_known_is_unknown() {
        assert_eq!(worst([]), Status::Unknown);
        assert_eq!(worst([Status::Healthy, Status::Down]), Status::Down);
        assert_eq!(standings(&[]), []);
    }
}

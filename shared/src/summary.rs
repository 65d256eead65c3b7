//! How everything stands, in as few words as will do: what a checker stores for those who run no script, and the JSON of
//! it. How it is drawn is others' business.

use serde::{Deserialize, Serialize};

use crate::aggregate::{EndpointStatus, current_statuses, endpoint_statuses, overall_status};
use crate::check_file::EndpointKey;
use crate::history::History;
use crate::object_name::{BadgeTitle, NodeName, SummaryForm, SummaryName};
use crate::quorum::Tally;
use crate::status::Status;
use crate::uptime::{StatusTimeline, current_span, status_at};
use crate::{DAY, Nanos, UnixNanos};

/// How long what nobody looks at any more is told of, as unknown; after that it is nothing of today's.
pub const UNKNOWN_RETENTION: Nanos = DAY;

/// How everything stands at one moment, as one node knows it from what all nodes stored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Summary {
    /// The page's title.
    pub title: String,
    /// The node that tells it.
    pub node: String,
    /// The moment.
    pub at: UnixNanos,
    /// When all badges were last drawn.
    pub badges_at: UnixNanos,
    /// How all of it stands.
    #[serde(with = "word")]
    pub status: Status,
    /// Which nodes it is told from, and when each of them last reported.
    pub nodes: Vec<NodeReport>,
    /// How each endpoint stands, in the order of the configuration.
    pub endpoints: Vec<EndpointSummary>,
}

/// A node that is heard.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NodeReport {
    /// Its name; `None` for check files that name no node.
    pub node: Option<String>,
    /// When it last reported.
    pub reported: UnixNanos,
}

/// How one endpoint stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EndpointSummary {
    /// What people call it.
    pub title: String,
    /// What is looked at.
    pub endpoint: String,
    /// The verdict of all nodes.
    #[serde(with = "word")]
    pub status: Status,
    /// Whether some nodes cannot reach it, too few to call it down.
    pub localized: bool,
    /// Since when it is so, if that is known.
    pub since: Option<UnixNanos>,
    /// When any node last looked.
    pub checked: Option<UnixNanos>,
    /// From when on nobody knows, unless somebody looks again before.
    pub until: Option<UnixNanos>,
    /// The nodes that cannot reach it.
    pub down_from: Vec<String>,
    /// How many nodes have something to say.
    #[serde(rename = "heard")]
    pub voters: usize,
    /// What the node that tells it sees itself.
    #[serde(with = "word")]
    pub own_status: Status,
    /// The badge of its title, if this node looks at it and so draws it.
    pub badge: Option<String>,
}

/// How all endpoints stand that any of these histories knows of lately, told by `node`.
#[must_use]
pub fn summary(histories: &[History], node: &NodeName, title: &str, now: UnixNanos) -> Summary {
    let is_recent = |moment: UnixNanos| now.saturating_sub(moment) < UNKNOWN_RETENTION;
    let endpoints = endpoint_statuses(histories);
    let told =
        endpoints.iter().map(|endpoint| told(endpoint, histories, node, now)).zip(current_statuses(&endpoints, now));
    let (endpoints, statuses): (Vec<EndpointSummary>, Vec<(Status, bool)>) =
        told.filter(|(told, _)| told.until.is_some_and(is_recent)).unzip();
    let reporters = histories.iter().filter_map(|history| {
        let reported = history.newest().filter(|newest| is_recent(*newest))?;
        Some(NodeReport { node: history.node.as_ref().map(ToString::to_string), reported })
    });
    Summary {
        title: title.to_owned(),
        node: node.to_string(),
        at: now,
        badges_at: now,
        status: overall_status(&mut statuses.into_iter()),
        nodes: reporters.collect(),
        endpoints,
    }
}

fn told(endpoint: &EndpointStatus, histories: &[History], node: &NodeName, now: UnixNanos) -> EndpointSummary {
    let present = endpoint.tally(now);
    let tracks =
        || histories.iter().filter_map(|history| Some((history, &history.endpoints.get(&endpoint.key)?.timeline)));
    let own = tracks().find(|(history, _)| history.node.as_ref() == Some(node)).map(|(_, timeline)| timeline);
    let is_own =
        own.and_then(StatusTimeline::valid_until).is_some_and(|until| now.saturating_sub(until) < UNKNOWN_RETENTION);
    let badge = || SummaryName { node: node.clone(), form: SummaryForm::Badge(BadgeTitle::new(&endpoint.key.title)) };
    let name_of = |place: &usize| {
        let node = endpoint.nodes.get(*place)?.node.as_ref();
        Some(node.map_or_else(|| "a checker without a name".to_owned(), ToString::to_string))
    };
    EndpointSummary {
        title: endpoint.key.title.clone(),
        endpoint: endpoint.key.locator.clone(),
        status: present.status,
        localized: present.is_localized(),
        since: since(endpoint, &present, now),
        checked: tracks().filter_map(|(_, timeline)| Some(timeline.last?.at)).max(),
        until: tracks().filter_map(|(_, timeline)| timeline.valid_until()).max(),
        down_from: present.down.iter().filter_map(name_of).collect(),
        voters: present.voters,
        own_status: own.map_or(Status::Unknown, |timeline| status_at(&timeline.spans, now)),
        badge: is_own.then(|| badge().to_string()),
    }
}

/// Since when the verdict is what it is now.
fn since(endpoint: &EndpointStatus, present: &Tally, now: UnixNanos) -> Option<UnixNanos> {
    let spans = endpoint.spans(now);
    match present.status {
        Status::Unknown => spans.last().map(|last| last.end),
        status => current_span(&spans, status, now).map(|span| span.start),
    }
}

impl Summary {
    /// Reads what is stored; `None` if it is none, or of a version that is not known here.
    #[must_use]
    pub fn parse(json: &[u8]) -> Option<Summary> {
        serde_json::from_slice(json).ok()
    }

    /// What is stored.
    #[must_use]
    pub fn to_json(&self) -> String {
        // Numbers and texts always have a JSON.
        serde_json::to_string(self).unwrap_or_default()
    }

    /// What it says of an endpoint.
    #[must_use]
    pub fn endpoint(&self, key: &EndpointKey) -> Option<&EndpointSummary> {
        self.endpoints.iter().find(|told| told.title == key.title && told.endpoint == key.locator)
    }
}

impl EndpointSummary {
    /// Its status in a word, for people.
    #[must_use]
    pub fn status_word(&self) -> &'static str {
        if self.localized { "localized" } else { self.status.as_str() }
    }
}

/// A status as its word.
mod word {
    use serde::de::Error as _;
    use serde::{Deserialize as _, Deserializer, Serializer};

    use crate::status::Status;

    #[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands over references")]
    pub(super) fn serialize<S: Serializer>(status: &Status, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(status.as_str())
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Status, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(D::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check_file::{CheckFile, CheckResult};
    use crate::object_name::CheckFileName;
    use crate::{MINUTE, SECOND};

    const NOW: UnixNanos = 1_795_330_254_340_493_978;

    fn node(name: &str) -> NodeName {
        NodeName::new(name).expect("a name")
    }

    /// A history of rounds, each a minute's: how long ago, and what it found of each endpoint.
    fn history(name: &str, rounds: &[(Nanos, &[(&str, Status)])]) -> History {
        let (mut history, mut latencies) = (History::new(Some(node(name))), crate::history::Latencies::default());
        let mut builder = crate::history::HistoryBuilder::append(&mut history, &mut latencies);
        for (ago, found) in rounds {
            let results = found.iter().map(|(title, status)| CheckResult {
                title: (*title).to_owned(),
                locator: format!("https://{title}/"),
                timestamp: NOW - ago,
                status: *status,
                interval: Some(MINUTE),
                node: Some(node(name)),
                ..CheckResult::default()
            });
            let file = CheckFile { results: results.collect(), skipped: Vec::new() };
            builder.add(&CheckFileName { stored_at: NOW - ago, node: Some(node(name)) }, &file);
        }
        builder.finish(Nanos::MAX);
        history
    }

    #[test]
    fn it_tells_the_verdict_of_all_nodes_since_when_and_until_when() {
        use Status::{Down, Healthy};
        let here =
            history("here", &[(2 * MINUTE, &[("a", Healthy), ("b", Down)]), (MINUTE, &[("a", Healthy), ("b", Down)])]);
        let there = history("there", &[(MINUTE, &[("a", Down), ("b", Down), ("c", Healthy)])]);
        let summary = summary(&[here, there], &node("here"), "My status", NOW);
        let told: Vec<_> =
            summary.endpoints.iter().map(|told| (told.title.as_str(), told.status_word(), told.voters)).collect();
        assert_eq!(told, [("a", "localized", 2), ("b", "down", 2), ("c", "healthy", 1)]);
        let [a, b, c] = summary.endpoints.as_slice() else { panic!("{summary:?}") };
        assert_eq!((summary.status, a.own_status, b.own_status, c.own_status), (Down, Healthy, Down, Status::Unknown));
        assert_eq!(a.down_from, ["there"]);
        assert_eq!(
            (b.since, b.checked, b.until),
            (Some(NOW - 2 * MINUTE), Some(NOW - MINUTE), Some(NOW + 30 * SECOND))
        );
        assert_eq!(a.badge.as_deref(), Some("0-badge/here/a.svg"));
        assert_eq!(c.badge, None, "this node does not look at it");
        let reporters: Vec<_> = summary.nodes.iter().filter_map(|reporter| reporter.node.as_deref()).collect();
        assert_eq!(reporters, ["here", "there"]);
    }

    #[test]
    fn what_is_old_is_unknown_and_what_is_very_old_is_nothing_of_todays() {
        let rounds = |ago| history("here", &[(ago, &[("a", Status::Healthy)][..])]);
        let old = summary(&[rounds(DAY / 2)], &node("here"), "", NOW);
        assert_eq!((old.status, old.endpoints[0].status), (Status::Unknown, Status::Unknown));
        assert_eq!(old.endpoints[0].since, old.endpoints[0].until, "nobody knows since then");
        let ancient = summary(&[rounds(2 * DAY)], &node("here"), "", NOW);
        assert_eq!((ancient.status, ancient.endpoints.len(), ancient.nodes.len()), (Status::Unknown, 0, 0));
    }

    #[test]
    fn it_is_read_back_equal() {
        let here = history("here", &[(MINUTE, &[("<b>&\"", Status::Degraded)])]);
        let summary = summary(&[here], &node("here"), "My \"status\"", NOW);
        assert_eq!(Summary::parse(summary.to_json().as_bytes()), Some(summary.clone()));
        assert!(
            summary
                .endpoint(&EndpointKey { title: "<b>&\"".to_owned(), locator: "https://<b>&\"/".to_owned() })
                .is_some()
        );
        for other in ["", "{}", "[]", "null"] {
            assert_eq!(Summary::parse(other.as_bytes()), None, "{other}");
        }
    }
}

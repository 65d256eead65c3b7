//! The summary of the current status, and its JSON. Checkers store it for programs and for visitors without JavaScript.

use serde::ser::SerializeStruct;
use serde::{Deserialize, Serialize, Serializer};

use crate::announced::{Announced, Posted};
use crate::check_file::EndpointKey;
use crate::endpoint_status::{EndpointStatus, current_statuses, endpoint_statuses, overall_status, status_words};
use crate::history::History;
use crate::object_name::{BadgeTitle, NodeName, SummaryForm, SummaryName};
use crate::quorum::Tally;
use crate::serialize_time::write_time;
use crate::status::Status;
use crate::uptime::{Span, StatusTimeline, current_span, status_at};
use crate::{DAY, Nanos, UnixNanos};

/// How long endpoints that are no longer checked stay in the summary, with an unknown status.
pub const UNKNOWN_RETENTION: Nanos = DAY;

/// The status of all endpoints, computed by one node from the histories of all nodes.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Summary {
    /// The title of the page.
    pub title: String,
    /// The node that stores the summary.
    pub node: String,
    /// When the summary was computed. All statuses are as of this time.
    pub at: UnixNanos,
    /// When all badges were last written.
    pub badges_at: UnixNanos,
    /// The overall status of all endpoints (see [`overall_status`]).
    #[serde(deserialize_with = "word::deserialize")]
    pub status: Status,
    /// The nodes that reported recently.
    pub nodes: Vec<NodeReport>,
    /// The endpoints, in configuration order.
    pub endpoints: Vec<EndpointSummary>,
    /// The open incidents, the maintenance in progress or planned soon, and the current messages.
    #[serde(default)]
    pub announced: Announced,
}

/// A node that reported recently.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct NodeReport {
    /// The node's name, or `None` for check files without a node.
    pub node: Option<String>,
    /// When the node's newest check file was stored.
    pub reported: UnixNanos,
}

/// The status of one endpoint.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct EndpointSummary {
    /// The name of the endpoint.
    pub title: String,
    /// The endpoint's URL, `host:port` or command.
    pub endpoint: String,
    /// The status according to the votes of all nodes.
    #[serde(deserialize_with = "word::deserialize")]
    pub status: Status,
    /// Whether some nodes report the endpoint down, but too few for it to be down.
    pub localized: bool,
    /// Whether every node that used to report the endpoint now reports only others.
    #[serde(default)]
    pub retired: bool,
    /// When the current status began, if known.
    pub since: Option<UnixNanos>,
    /// When any node last started a check of the endpoint.
    pub checked: Option<UnixNanos>,
    /// When the newest result expires.
    pub until: Option<UnixNanos>,
    /// The nodes that report the endpoint down.
    pub down_from: Vec<String>,
    /// The number of nodes with a known status.
    #[serde(rename = "heard")]
    pub voters: usize,
    /// The status as seen by the storing node.
    #[serde(rename = "here", alias = "own_status", deserialize_with = "word::deserialize")]
    pub own_status: Status,
    /// The badge's name, if the storing node checks the endpoint.
    pub badge: Option<String>,
    /// When the announced maintenance ends that covers the current status.
    #[serde(default)]
    pub planned_until: Option<UnixNanos>,
    /// The identities of the open incidents that affect the endpoint.
    #[serde(default)]
    pub incidents: Vec<String>,
}

/// Computes the summary that `node` stores. It includes all endpoints that were checked recently.
#[must_use]
pub fn summary(histories: &[History], posted: Posted<'_>, (node, title): (&NodeName, &str), now: UnixNanos) -> Summary {
    let is_recent = |moment: UnixNanos| now.saturating_sub(moment) < UNKNOWN_RETENTION;
    let endpoints = endpoint_statuses(histories);
    let rows = endpoints
        .iter()
        .zip(current_statuses(&endpoints, now))
        .map(|(endpoint, status)| (summarize((endpoint, status.1), histories, posted, node, now), status));
    let (endpoints, statuses): (Vec<EndpointSummary>, Vec<(Status, bool)>) =
        rows.filter(|(one, _)| one.until.is_some_and(is_recent)).unzip();
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
        announced: Announced::new(posted.announcements, now),
    }
}

fn summarize(
    (endpoint, retired): (&EndpointStatus<'_>, bool),
    histories: &[History],
    posted: Posted<'_>,
    node: &NodeName,
    now: UnixNanos,
) -> EndpointSummary {
    let (tally, spans) = (endpoint.tally(now), endpoint.spans(now));
    let timelines =
        || histories.iter().filter_map(|history| Some((history, &history.endpoint(&endpoint.key)?.timeline)));
    let own = timelines().find(|(history, _)| history.node.as_ref() == Some(node)).map(|(_, timeline)| timeline);
    let is_own =
        own.and_then(StatusTimeline::valid_until).is_some_and(|until| now.saturating_sub(until) < UNKNOWN_RETENTION);
    let badge = || SummaryName { node: node.clone(), form: SummaryForm::Badge(BadgeTitle::new(&endpoint.key.title)) };
    let name_of = |index: &usize| {
        let node = endpoint.nodes.get(*index)?.node.as_ref();
        Some(node.map_or_else(|| "an unnamed node".to_owned(), ToString::to_string))
    };
    EndpointSummary {
        title: endpoint.key.title.clone(),
        endpoint: endpoint.key.locator.clone(),
        status: tally.status,
        localized: tally.is_localized(),
        retired,
        since: since(&spans, &tally, now),
        checked: timelines().filter_map(|(_, timeline)| Some(timeline.last?.at)).max(),
        until: timelines().filter_map(|(_, timeline)| timeline.valid_until()).max(),
        down_from: tally.down.iter().filter_map(name_of).collect(),
        voters: tally.voters,
        own_status: own.map_or(Status::Unknown, |timeline| status_at(&timeline.spans, now)),
        badge: is_own.then(|| badge().to_string()),
        planned_until: posted.planned(&endpoint.key.title, &spans).until(tally.status, now),
        incidents: posted.open_incidents(&endpoint.key.title, now),
    }
}

/// Returns when the current status began.
fn since(spans: &[Span], tally: &Tally, now: UnixNanos) -> Option<UnixNanos> {
    match tally.status {
        Status::Unknown => spans.last().map(|last| last.end),
        status => current_span(spans, status, now).map(|span| span.start),
    }
}

impl Summary {
    /// Parses a stored summary. Returns `None` if it is invalid, for example because another version wrote it.
    #[must_use]
    pub fn parse(json: &[u8]) -> Option<Summary> {
        serde_json::from_slice(json).ok()
    }

    /// Returns the summary as JSON. [`Summary::parse`] returns an equal summary.
    #[must_use]
    pub fn to_json(&self) -> String {
        // Serializing numbers and strings cannot fail.
        serde_json::to_string(self).unwrap_or_default()
    }

    /// Returns the summary of one endpoint.
    #[must_use]
    pub fn endpoint(&self, key: &EndpointKey) -> Option<&EndpointSummary> {
        self.endpoints.iter().find(|one| one.title == key.title && one.endpoint == key.locator)
    }
}

impl EndpointSummary {
    /// Returns the status in words.
    #[must_use]
    pub fn status_word(&self) -> &'static str {
        status_words(self.status, self.localized, self.retired)
    }
}

impl Serialize for Summary {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut fields = serializer.serialize_struct("Summary", 10)?;
        fields.serialize_field("title", &self.title)?;
        fields.serialize_field("node", &self.node)?;
        write_time(&mut fields, "at", "at_rfc3339", Some(self.at))?;
        write_time(&mut fields, "badges_at", "badges_at_rfc3339", Some(self.badges_at))?;
        fields.serialize_field("status", self.status.as_str())?;
        fields.serialize_field("nodes", &self.nodes)?;
        fields.serialize_field("endpoints", &self.endpoints)?;
        fields.serialize_field("announced", &self.announced)?;
        fields.end()
    }
}

impl Serialize for NodeReport {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut fields = serializer.serialize_struct("NodeReport", 3)?;
        fields.serialize_field("node", &self.node)?;
        write_time(&mut fields, "reported", "reported_rfc3339", Some(self.reported))?;
        fields.end()
    }
}

impl Serialize for EndpointSummary {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut fields = serializer.serialize_struct("EndpointSummary", 18)?;
        fields.serialize_field("title", &self.title)?;
        fields.serialize_field("endpoint", &self.endpoint)?;
        fields.serialize_field("status", self.status.as_str())?;
        fields.serialize_field("localized", &self.localized)?;
        fields.serialize_field("retired", &self.retired)?;
        write_time(&mut fields, "since", "since_rfc3339", self.since)?;
        write_time(&mut fields, "checked", "checked_rfc3339", self.checked)?;
        write_time(&mut fields, "until", "until_rfc3339", self.until)?;
        fields.serialize_field("down_from", &self.down_from)?;
        fields.serialize_field("heard", &self.voters)?;
        fields.serialize_field("here", self.own_status.as_str())?;
        fields.serialize_field("badge", &self.badge)?;
        write_time(&mut fields, "planned_until", "planned_until_rfc3339", self.planned_until)?;
        fields.serialize_field("incidents", &self.incidents)?;
        fields.end()
    }
}

/// Deserializes a status from its name.
mod word {
    use serde::de::Error as _;
    use serde::{Deserialize as _, Deserializer};

    use crate::status::Status;

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Status, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(D::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check_file::{CheckFile, CheckResult};
    use crate::civil::rfc3339_nanos;
    use crate::object_name::{CheckFileName, PostId};
    use crate::page_config::appearance::Group;
    use crate::post::fold::{Announcements, fold};
    use crate::post::{Affected, Details, Impact, MaintenancePlan, Post, Scope};
    use crate::{MINUTE, SECOND};

    const NOW: UnixNanos = 1_795_330_254_340_493_978;

    fn node(name: &str) -> NodeName {
        NodeName::new(name).expect("a name")
    }

    const NOTHING: Posted<'static> = Posted {
        announcements: &Announcements {
            incidents: Vec::new(),
            maintenance: Vec::new(),
            silences: Vec::new(),
            messages: Vec::new(),
        },
        groups: &[],
    };

    /// Returns an open incident about `a`, a window in progress for the group `All`, and two messages, one of which has
    /// ended.
    fn announcements() -> Announcements {
        let affects = |scope: &str| Some(vec![Affected { scope: Scope(scope.to_owned()), impact: Impact::Down }]);
        let post = |at: UnixNanos, scope: &str, details: Details| {
            let id = PostId { posted_at: at, author: node("anna") };
            let (title, text) = (Some("It fails".to_owned()), Some("We\u{2019}re <b>on it</b>.".to_owned()));
            Post { subject: id.clone(), id, edit: None, title, affects: affects(scope), text, at: None, details }
        };
        let plan = MaintenancePlan { windows: vec![(NOW - MINUTE, NOW + MINUTE)], ..MaintenancePlan::default() };
        let posts = [
            post(NOW - 3 * MINUTE, "a", Details::Incident { state: None, began: None, ended: None }),
            post(NOW - 2 * MINUTE, "All", Details::Maintenance { plan: Some(plan), change: None }),
            post(NOW - MINUTE, "a", Details::Message { until: Some(NOW + MINUTE) }),
            post(NOW - MINUTE + 1, "a", Details::Message { until: Some(NOW) }),
        ];
        fold(&posts, &[], NOW)
    }

    /// Builds a history from rounds, each with its age and the statuses of endpoints. The interval between checks is
    /// one minute.
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
    fn a_summary_combines_all_nodes() {
        use Status::{Down, Healthy};
        let here =
            history("here", &[(2 * MINUTE, &[("a", Healthy), ("b", Down)]), (MINUTE, &[("a", Healthy), ("b", Down)])]);
        let there = history("there", &[(MINUTE, &[("a", Down), ("b", Down), ("c", Healthy)])]);
        let summary = summary(&[here, there], NOTHING, (&node("here"), "My status"), NOW);
        let rows: Vec<_> =
            summary.endpoints.iter().map(|one| (one.title.as_str(), one.status_word(), one.voters)).collect();
        assert_eq!(rows, [("a", "partial outage", 2), ("b", "down", 2), ("c", "healthy", 1)]);
        let [a, b, c] = summary.endpoints.as_slice() else { panic!("{summary:?}") };
        assert_eq!((summary.status, a.own_status, b.own_status, c.own_status), (Down, Healthy, Down, Status::Unknown));
        assert_eq!(a.down_from, ["there"]);
        assert_eq!(
            (b.since, b.checked, b.until),
            (Some(NOW - 2 * MINUTE), Some(NOW - MINUTE), Some(NOW + 30 * SECOND))
        );
        assert_eq!(a.badge.as_deref(), Some("0-badge/here/a.svg"));
        assert_eq!(c.badge, None, "this node does not check it");
        let reporters: Vec<_> = summary.nodes.iter().filter_map(|reporter| reporter.node.as_deref()).collect();
        assert_eq!(reporters, ["here", "there"]);
    }

    #[test]
    fn a_summary_contains_open_incidents_and_covering_maintenance() {
        let rounds: [(Nanos, &[(&str, Status)]); 1] = [(MINUTE, &[("a", Status::Down), ("b", Status::Down)])];
        let announcements = announcements();
        let groups = [Group { title: "All".to_owned(), endpoints: vec!["a".to_owned()], groups: Vec::new() }];
        let posted = Posted { announcements: &announcements, groups: &groups };
        let summary = summary(&[history("here", &rounds)], posted, (&node("here"), ""), NOW);
        let [a, b] = summary.endpoints.as_slice() else { panic!("{summary:?}") };
        assert_eq!((a.planned_until, b.planned_until), (Some(NOW + MINUTE), None));
        assert_eq!((a.incidents.len(), b.incidents.as_slice()), (1, &[][..]));
        let [incident] = summary.announced.incidents.as_slice() else { panic!("{summary:?}") };
        assert_eq!((incident.state.as_str(), incident.text.as_str()), ("investigating", "We\u{2019}re on it."));
        let [window] = summary.announced.maintenance.as_slice() else { panic!("{summary:?}") };
        assert!(window.in_progress && !window.announced_afterwards);
        let [message] = summary.announced.messages.as_slice() else { panic!("{summary:?}") };
        assert_eq!((message.text.as_str(), message.until), ("We\u{2019}re on it.", NOW + MINUTE));
        assert_eq!(summary.status, Status::Down, "the measured status does not change");
    }

    #[test]
    fn old_endpoints_are_unknown_and_older_ones_are_removed() {
        let rounds = |ago| history("here", &[(ago, &[("a", Status::Healthy)][..])]);
        let old = summary(&[rounds(DAY / 2)], NOTHING, (&node("here"), ""), NOW);
        assert_eq!((old.status, old.endpoints[0].status), (Status::Unknown, Status::Unknown));
        assert_eq!(old.endpoints[0].since, old.endpoints[0].until, "unknown since the result expired");
        let ancient = summary(&[rounds(2 * DAY)], NOTHING, (&node("here"), ""), NOW);
        assert_eq!((ancient.status, ancient.endpoints.len(), ancient.nodes.len()), (Status::Unknown, 0, 0));
    }

    #[test]
    fn a_summary_round_trips() {
        let here = history("here", &[(MINUTE, &[("<b>&\"", Status::Degraded)])]);
        let announcements = announcements();
        let posted = Posted { announcements: &announcements, groups: &[] };
        let summary = summary(&[here], posted, (&node("here"), "My \"status\""), NOW);
        let Announced { incidents, maintenance, messages } = &summary.announced;
        assert_eq!((incidents.len(), maintenance.len(), messages.len()), (1, 1, 1));
        assert_eq!(Summary::parse(summary.to_json().as_bytes()), Some(summary.clone()));
        assert!(
            summary
                .endpoint(&EndpointKey { title: "<b>&\"".to_owned(), locator: "https://<b>&\"/".to_owned(), id: None })
                .is_some()
        );
        let mut json: serde_json::Value = serde_json::from_str(&summary.to_json()).expect("it is JSON");
        if let Some(announced) = json["announced"].as_object_mut() {
            announced.remove("messages");
        }
        assert!(Summary::parse(json.to_string().as_bytes()).is_some(), "earlier versions wrote no messages");
        assert_eq!((&json["at"], &json["at_rfc3339"]), (&NOW.into(), &"2026-11-22T06:50:54.340493978Z".into()));
        assert_eq!(json["nodes"][0]["reported_rfc3339"], "2026-11-22T06:49:54.340493978Z");
        for key in ["since", "checked", "until"] {
            let (time, text) = (&json["endpoints"][0][key], &json["endpoints"][0][format!("{key}_rfc3339")]);
            assert_eq!(time.as_i64().map(rfc3339_nanos).as_deref(), text.as_str(), "{key}");
        }
        assert_eq!(json["endpoints"][0]["here"], "degraded", "stored keys never change");
        for other in ["", "{}", "[]", "null"] {
            assert_eq!(Summary::parse(other.as_bytes()), None, "{other}");
        }
    }
}

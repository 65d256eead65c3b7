//! Settings and histories for tests of evaluations.

use jiff::tz::TimeZone;
use shared::check_file::{CheckFile, CheckResult, EndpointKey};
use shared::endpoint_map::EndpointMap;
use shared::history::{DEFAULT_EXPIRY, History, HistoryBuilder, Latencies};
use shared::notification::event::EventKind;
use shared::notification_log::{ChannelId, Notified, Register, Topic};
use shared::object_name::{CheckFileName, NodeName};
use shared::post::Authors;
use shared::status::Status;
use shared::{HOUR, MINUTE, SECOND, UnixNanos};

use super::channels::Transport;
use super::rules::{Channel, ChannelPolicy, Flapping, Notifications, Rules};

pub(crate) const START: UnixNanos = 1_795_330_200 * SECOND;

/// Returns settings with one channel, named `ops`.
pub(crate) fn settings(transport: Transport) -> Notifications {
    let on = [EventKind::Down, EventKind::Recovered].into();
    let channel = Channel {
        id: ChannelId::new("ops").expect("it is an id"),
        is_enabled: true,
        policy: ChannelPolicy { on, recovered_after: 2 * MINUTE, ..ChannelPolicy::default() },
        transport,
    };
    let rules = Rules {
        gather: 0,
        spacing: 0,
        flapping: Flapping { outages: 4, within: HOUR },
        certificate_days: 14,
        rank: 100,
        zone: TimeZone::UTC,
        page_url: None,
        page_title: String::new(),
        groups: Vec::new(),
        authors: Authors::default(),
        author: None,
    };
    Notifications { rules, channels: vec![channel], checks: EndpointMap::new() }
}

/// Returns a register of the channel `ops`.
pub(crate) fn register(topic: Topic, title: &str, state: Notified, at: UnixNanos) -> Register {
    Register {
        channel: ChannelId::new("ops").expect("it is an id"),
        topic,
        key: EndpointKey { title: title.to_owned(), ..EndpointKey::default() },
        number: 1,
        state,
        since: at,
        until: at,
        at,
        reminders: 0,
    }
}

/// Returns a node's history. Checks are every 10 s, and each entry contains the second, the endpoint's id and the
/// status.
pub(crate) fn history(node: &str, results: &[(i64, &str, Status)]) -> History {
    let result = |(second, id, status): &(i64, &str, Status)| CheckResult {
        title: "Shop".to_owned(),
        locator: "https://shop.example/".to_owned(),
        id: Some((*id).into()),
        timestamp: START + second * SECOND,
        status: *status,
        interval: Some(10 * SECOND),
        ..CheckResult::default()
    };
    history_of(node, results.iter().map(result))
}

/// Returns a node's history, in which each result was stored at the time of its check.
pub(crate) fn history_of(node: &str, results: impl Iterator<Item = CheckResult>) -> History {
    let node = NodeName::new(node).expect("it is a name");
    let (mut history, mut latencies) = (History::new(Some(node.clone())), Latencies::default());
    let mut builder = HistoryBuilder::append(&mut history, &mut latencies);
    for result in results {
        let stored_at = result.timestamp;
        let file = CheckFile { results: vec![result], skipped: Vec::new() };
        builder.add(&CheckFileName { stored_at, node: Some(node.clone()) }, &file);
    }
    builder.finish(DEFAULT_EXPIRY);
    history
}

/// Returns results with the same status every 10 s.
pub(crate) fn rounds(
    seconds: std::ops::Range<i64>,
    id: &'static str,
    status: Status,
) -> Vec<(i64, &'static str, Status)> {
    seconds.step_by(10).map(|second| (second, id, status)).collect()
}

//! Measures how long it takes to apply the notification rules to many endpoints.

use std::collections::BTreeMap;
use std::time::Instant;

use shared::check_file::EndpointKey;
use shared::endpoint_map::EndpointMap;
use shared::endpoint_status::{EndpointStatus, NodeStatus};
use shared::history::LatestResult;
use shared::notification::lineup::Nodes;
use shared::notification::policy::{ChannelPolicy, Flapping, Pace};
use shared::notification::reconcile::{Situation, reconcile};
use shared::notification::registers::{Introduction, Registers};
use shared::notification::verdicts::verdicts;
use shared::notification_log::{ChannelId, NotificationLog};
use shared::object_name::NodeName;
use shared::status::Status;
use shared::uptime::Span;
use shared::{DAY, HOUR, MINUTE, UnixNanos};

const ENDPOINTS: usize = 10_000;
const NOW: UnixNanos = 1_795_930_200_000_000_000;
const RUNS: usize = 5;

pub(super) fn measure() {
    println!("Notification rules for {ENDPOINTS} endpoints on three nodes, without news");
    let nodes = ["a", "b", "c"].map(|name| NodeName::new(name).expect("it is a name"));
    let endpoints: Vec<EndpointStatus> = (0..ENDPOINTS).map(|number| endpoint(number, &nodes)).collect();
    let channel = ChannelId::new("ops").expect("it is an id");
    let logs = nodes.clone().map(|node| log(node, &channel));
    let newest: BTreeMap<NodeName, UnixNanos> = nodes.iter().map(|node| (node.clone(), NOW)).collect();
    let (policy, checks) = (ChannelPolicy::default(), EndpointMap::new());
    for _ in 0..RUNS {
        let start = Instant::now();
        let verdicts = verdicts(&endpoints, NOW);
        let combined = start.elapsed();
        let registers = Registers::merge(&logs);
        let plan = reconcile(&Situation {
            channel: &channel,
            policy: &policy,
            flapping: Flapping { outages: 4, within: HOUR },
            pace: Pace::default(),
            checks: &checks,
            verdicts: &verdicts,
            conditions: &[],
            holds: &[],
            registers: &registers,
            nodes: Nodes { own: &logs[0], others: &logs[1..], newest: &newest },
            now: NOW,
        });
        println!("  verdicts {combined:.1?}, total {:.1?}, {} news", start.elapsed(), plan.news.len());
    }
}

/// Returns an endpoint with gaps and an outage in the last two days.
fn endpoint(number: usize, nodes: &[NodeName]) -> EndpointStatus {
    let span = |part: i64| Span {
        start: NOW - 2 * DAY + part * 2 * HOUR,
        end: NOW - 2 * DAY + part * 2 * HOUR + 119 * MINUTE,
        status: if part == 10 { Status::Down } else { Status::Healthy },
    };
    let newest = Span { start: NOW - MINUTE, end: NOW + MINUTE, status: Status::Healthy };
    let node = |node: &NodeName| NodeStatus {
        node: Some(node.clone()),
        spans: (0..20).map(span).chain([newest]).collect(),
        last_checked: Some(NOW - MINUTE),
        reason: None,
        events: Vec::new(),
        kind: String::new(),
    };
    EndpointStatus {
        key: EndpointKey {
            title: format!("Endpoint {number}"),
            locator: format!("https://{number}.example/"),
            id: None,
        },
        latest: LatestResult::default(),
        interval: Some(MINUTE),
        nodes: nodes.iter().map(node).collect(),
    }
}

fn log(node: NodeName, channel: &ChannelId) -> NotificationLog {
    let mut log = NotificationLog::new(node);
    let introduction =
        Introduction { rank: 100, every: MINUTE, pace: Pace::default(), channels: &[channel], stored_since: 0 };
    log.introduce(&introduction, NOW - 3 * DAY);
    log
}

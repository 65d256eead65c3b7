//! Measures how long it takes to apply the notification rules to many endpoints.

#![expect(clippy::expect_used, clippy::print_stdout, reason = "a measurement prints, and stops at the first error")]

use std::collections::BTreeMap;
use std::time::Instant;

use shared::check_file::{CheckFile, CheckResult};
use shared::endpoint_map::EndpointMap;
use shared::endpoint_status::endpoint_statuses;
use shared::history::{DEFAULT_EXPIRY, History, HistoryBuilder, Latencies};
use shared::notification::lineup::Nodes;
use shared::notification::policy::{ChannelPolicy, Flapping, Pace};
use shared::notification::reconcile::{Situation, reconcile};
use shared::notification::registers::{Introduction, Registers};
use shared::notification::verdicts::verdicts;
use shared::notification_log::{ChannelId, NotificationLog};
use shared::object_name::{CheckFileName, NodeName};
use shared::status::Status;
use shared::{HOUR, MINUTE, Nanos, UnixNanos};

/// The checker's allocator.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const ENDPOINTS: usize = 10_000;
const NOW: UnixNanos = 1_795_930_200_000_000_000;
const ROUNDS: i64 = 50;
const INTERVAL: Nanos = HOUR;
const RUNS: usize = 5;

fn main() {
    println!("Notification rules for {ENDPOINTS} endpoints on three nodes, without news");
    let nodes = ["a", "b", "c"].map(|name| NodeName::new(name).expect("it is a name"));
    let histories = nodes.each_ref().map(history);
    let channel = ChannelId::new("ops").expect("it is an id");
    let logs = nodes.clone().map(|node| log(node, &channel));
    let newest: BTreeMap<NodeName, UnixNanos> = nodes.iter().map(|node| (node.clone(), NOW)).collect();
    let (policy, checks) = (ChannelPolicy::default(), EndpointMap::new());
    for _ in 0..RUNS {
        let start = Instant::now();
        let endpoints = endpoint_statuses(&histories);
        let combined = start.elapsed();
        let verdicts = verdicts(&endpoints, NOW);
        let judged = start.elapsed();
        let registers = Registers::merge(&logs, NOW);
        let plan = reconcile(&Situation {
            channel: &channel,
            policy: &policy,
            channels: &[],
            flapping: Flapping { outages: 4, within: HOUR },
            pace: Pace::default(),
            checks: &checks,
            verdicts: &verdicts,
            conditions: &[],
            holds: &[],
            registers: &registers,
            nodes: Nodes { own: &logs[0], others: &logs[1..], newest: &newest, has_unreadable: false },
            now: NOW,
        });
        println!(
            "  histories {combined:.1?}, verdicts {:.1?}, total {:.1?}, {} news",
            judged.saturating_sub(combined),
            start.elapsed(),
            plan.news.len()
        );
    }
}

/// Returns a history of two days. Every tenth endpoint was down for an hour, before the channel existed.
fn history(node: &NodeName) -> History {
    let (mut history, mut latencies) = (History::new(Some(node.clone())), Latencies::default());
    let mut builder = HistoryBuilder::append(&mut history, &mut latencies);
    for round in (0..ROUNDS).rev() {
        let at = NOW - MINUTE - round * INTERVAL;
        let result = |number: usize| CheckResult {
            title: format!("Endpoint {number}"),
            locator: format!("https://{number}.example/"),
            timestamp: at,
            status: if round == ROUNDS / 2 && number.is_multiple_of(10) { Status::Down } else { Status::Healthy },
            interval: Some(INTERVAL),
            ..CheckResult::default()
        };
        let results: Vec<CheckResult> = (0..ENDPOINTS).map(result).collect();
        let file = CheckFile { results, skipped: Vec::new() };
        builder.add(&CheckFileName { stored_at: at, node: Some(node.clone()) }, &file);
    }
    builder.finish(DEFAULT_EXPIRY);
    history
}

fn log(node: NodeName, channel: &ChannelId) -> NotificationLog {
    let mut log = NotificationLog::new(node);
    let introduction =
        Introduction { rank: 100, every: MINUTE, pace: Pace::default(), channels: &[channel], stored_since: 0 };
    log.introduce(&introduction, NOW - HOUR);
    log
}

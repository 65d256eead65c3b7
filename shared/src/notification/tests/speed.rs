//! How long an evaluation of many endpoints takes. Run with `cargo test --release -p shared --lib speed -- --ignored
//! --nocapture`.

use std::time::Instant;

use super::*;
use crate::endpoint_status::{EndpointStatus, NodeStatus};
use crate::history::LatestResult;
use crate::notification::verdicts::verdicts;

#[test]
#[ignore = "prints measurements"]
fn ten_thousand_endpoints() {
    let now = at(10_000);
    let nodes = ["a", "b", "c"].map(node);
    let endpoint = |index: i64| EndpointStatus {
        key: key(&format!("Endpoint {index}")),
        latest: LatestResult::default(),
        interval: Some(MINUTE),
        nodes: nodes
            .iter()
            .map(|node| NodeStatus {
                node: Some(node.clone()),
                spans: (0..20)
                    .map(|part| Span {
                        start: at(part * 500),
                        end: at(part * 500 + 490),
                        status: if part == 10 { Status::Down } else { Status::Healthy },
                    })
                    .chain([Span { start: at(9_990), end: at(10_001), status: Status::Healthy }])
                    .collect(),
                last_checked: Some(at(9_999)),
                reason: None,
                events: Vec::new(),
                kind: String::new(),
            })
            .collect(),
    };
    let endpoints: Vec<EndpointStatus> = (0..10_000).map(endpoint).collect();
    let logs = [log("a", -1_000), log("b", -1_000), log("c", -1_000)];
    let newest: BTreeMap<NodeName, UnixNanos> = nodes.iter().map(|node| (node.clone(), now)).collect();
    let policy = Scene::new("h0").policy;
    for _ in 0..3 {
        let start = Instant::now();
        let verdicts = verdicts(&endpoints, now);
        let combined = start.elapsed();
        let start = Instant::now();
        let registers = Registers::merge(&logs);
        let plan = reconcile(&Situation {
            channel: &channel(),
            policy: &policy,
            flapping: Flapping { outages: 4, within: HOUR },
            pace: Pace::default(),
            checks: &EndpointMap::new(),
            verdicts: &verdicts,
            conditions: &[],
            holds: &[],
            registers: &registers,
            nodes: Nodes { own: &logs[0], others: &logs[1..], newest: &newest },
            now,
        });
        println!("verdicts {combined:?}, reconcile {:?}, {} news", start.elapsed(), plan.news.len());
    }
}

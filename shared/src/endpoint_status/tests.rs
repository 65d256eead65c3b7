use super::*;
use crate::check_file::{CheckFile, CheckResult};
use crate::history::{DEFAULT_EXPIRY, HistoryBuilder, Latencies, RebuildFrom};
use crate::object_name::CheckFileName;
use crate::uptime::Ratio;
use crate::{DAY, HOUR, MINUTE};

const START: UnixNanos = 20_779 * DAY;

/// Builds the history of a day with a check every minute, except in the minutes `away`. The endpoint is down in the
/// minutes `down`.
fn history(node: &str, quorum: Quorum, down: std::ops::Range<i64>, away: std::ops::Range<i64>) -> History {
    let node = NodeName::new(node).ok();
    let file = |minute: i64| {
        let at = START + minute * MINUTE;
        let status = if down.contains(&minute) { Status::Down } else { Status::Healthy };
        let result = CheckResult {
            title: "Shop".to_owned(),
            timestamp: at,
            status,
            interval: Some(MINUTE),
            quorum,
            notice: if status == Status::Down { "connection refused".to_owned() } else { String::new() },
            ..CheckResult::default()
        };
        let name = CheckFileName { stored_at: at + 1, node: node.clone() };
        (name, CheckFile { results: vec![result], skipped: Vec::new() })
    };
    let files: Vec<_> = (0..1_440).filter(|minute| !away.contains(minute)).map(file).collect();
    let (mut history, mut latencies) = (History::new(node.clone()), Latencies::default());
    let names: Vec<_> = files.iter().map(|(name, _)| name.clone()).collect();
    let mut builder = HistoryBuilder::rebuild(&mut history, &mut latencies, RebuildFrom::START, &names, START + DAY);
    for (name, file) in files {
        builder.add(&name, &file);
    }
    builder.finish(DEFAULT_EXPIRY);
    history
}

fn three(quorum: Quorum) -> Vec<History> {
    // All nodes see the first hour of the outage, two see the next half hour, and one sees another hour.
    vec![
        history("a", quorum, 600..660, 1_000..1_100),
        history("b", quorum, 600..690, 0..0),
        history("c", quorum, 600..750, 0..0),
    ]
}

fn down_minutes(quorum: Quorum) -> (i64, String, String) {
    let breakdown = endpoint_statuses(&three(quorum))[0].breakdown(START, START + DAY);
    let text = |share: Option<Ratio>| share.map(Ratio::percent).unwrap_or_default();
    (breakdown.down / MINUTE, text(breakdown.uptime()), text(breakdown.coverage()))
}

#[test]
fn each_quorum_gives_the_expected_figures() {
    assert_eq!(down_minutes(Quorum::All), (60, "95.83%".to_owned(), "100%".to_owned()));
    assert_eq!(down_minutes(Quorum::Majority), (90, "93.75%".to_owned(), "100%".to_owned()));
    assert_eq!(down_minutes(Quorum::Any), (150, "89.58%".to_owned(), "100%".to_owned()));
    let two = "2".parse().expect("it is a quorum");
    assert_eq!(down_minutes(two), (90, "93.75%".to_owned(), "100%".to_owned()));
}

#[test]
fn the_coverage_of_a_single_node_is_its_uptime() {
    let only = [history("a", Quorum::Any, 600..660, 1_000..1_100)];
    let breakdown = endpoint_statuses(&only)[0].breakdown(START, START + DAY);
    // There were no checks for 100 minutes, but the result before them was valid for another 30 seconds.
    assert_eq!(breakdown.unknown, 99 * MINUTE + MINUTE / 2);
    assert_eq!(breakdown.coverage().map(Ratio::percent).as_deref(), Some("93.09%"));
    assert_eq!(breakdown.uptime().map(Ratio::percent).as_deref(), Some("95.52%"));
}

#[test]
fn every_outage_has_its_nodes_and_its_reason() {
    let histories = three(Quorum::Majority);
    let mut endpoint = endpoint_statuses(&histories)[0].clone();
    let now = START + DAY;
    let outages = |endpoint: &EndpointStatus| -> Vec<(i64, i64, bool, Vec<usize>, String)> {
        let minute = |moment: UnixNanos| (moment - START) / MINUTE;
        let outages = endpoint.outages(START, now).into_iter().map(|Outage { span, is_partial, reason, nodes }| {
            let reason = reason.as_deref().unwrap_or_default().to_owned();
            (minute(span.start), minute(span.end), is_partial, nodes, reason)
        });
        outages.collect()
    };
    let refused = || "connection refused".to_owned();
    assert_eq!(
        outages(&endpoint),
        [(600, 690, false, vec![0, 1, 2], refused()), (690, 750, true, vec![2], refused())],
        "the reason of a partial outage that follows an outage is known from its start"
    );
    endpoint.interval = Some(121 * MINUTE);
    assert_eq!(outages(&endpoint).len(), 1, "the partial outage is shorter than half an interval");
    let partial: i64 = endpoint.down_anywhere(now).iter().map(|span| span.end - span.start).sum();
    assert_eq!(partial, 150 * MINUTE);
}

#[test]
fn one_of_three_reports_a_local_failure_and_silence_is_unknown() {
    let histories = three(Quorum::Majority);
    let endpoint = &endpoint_statuses(&histories)[0];
    let at = |minute: i64| endpoint.tally(START + minute * MINUTE);
    assert_eq!(at(610).status, Status::Down);
    let localized = at(720);
    assert!(localized.is_localized() && localized.status == Status::Degraded);
    assert_eq!(endpoint.nodes[localized.down[0]].node.map(NodeName::as_str), Some("c"));
    assert_eq!((at(2_000).status, at(2_000).voters), (Status::Unknown, 0));
    assert!(histories.iter().all(|history| history.is_overdue(START + 2_000 * MINUTE)));
    assert!(!histories[0].is_overdue(START + DAY));
}

#[test]
fn ten_failures_among_many_checks_color_no_other_day() {
    let histories = [history("a", Quorum::Majority, 30..40, 0..0)];
    let endpoint = &endpoint_statuses(&histories)[0];
    let hours: Vec<Status> =
        (0..24).map(|hour| endpoint.breakdown(START + hour * HOUR, START + (hour + 1) * HOUR).worst()).collect();
    assert_eq!(hours[0], Status::Down);
    assert!(hours[1..].iter().all(|status| *status == Status::Healthy));
}

#[test]
fn no_data_is_unknown() {
    assert_eq!(overall_status(&mut [].into_iter()), Status::Unknown);
    assert_eq!(overall_status(&mut [(Status::Healthy, false), (Status::Down, false)].into_iter()), Status::Down);
    assert_eq!(endpoint_statuses(&[]), []);
    assert_eq!(Status::ALL.map(of_incomplete), [Status::Unknown, Status::Unknown, Status::Degraded, Status::Down]);
}

#[test]
fn an_unknown_endpoint_counts_unless_it_is_retired() {
    assert_eq!(overall_status(&mut [(Status::Healthy, false), (Status::Unknown, false)].into_iter()), Status::Unknown);
    assert_eq!(overall_status(&mut [(Status::Healthy, false), (Status::Unknown, true)].into_iter()), Status::Healthy);
    // From minute 600 on, the node checks a different endpoint.
    let mut histories = [history("a", Quorum::Majority, 0..0, 600..1_440), history("a", Quorum::Majority, 0..0, 0..0)];
    let [before, after] = &mut histories;
    let renamed = |(key, past): (EndpointKey, _)| (EndpointKey { title: "Other".to_owned(), ..key }, past);
    before.endpoints.extend(std::mem::take(&mut after.endpoints).into_iter().map(renamed));
    let now = START + DAY;
    let of = |histories: &[History]| {
        let endpoints = endpoint_statuses(histories);
        let names = endpoints.iter().map(|endpoint| endpoint.key.title.clone());
        let mut statuses: Vec<_> = names.zip(current_statuses(&endpoints, now)).collect();
        statuses.sort();
        statuses
    };
    let both = of(&histories[..1]);
    assert_eq!(both, [("Other".to_owned(), (Status::Healthy, false)), ("Shop".to_owned(), (Status::Unknown, true))]);
    histories[0].endpoints.retain(|key, _| key.title == "Shop");
    assert_eq!(of(&histories[..1]), [("Shop".to_owned(), (Status::Unknown, false))], "it is just silent");
    let shop = &endpoint_statuses(&histories[..1])[0];
    assert!(shop.is_within(START) && !shop.is_within(START + 601 * MINUTE));
}

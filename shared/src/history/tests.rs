//! Tests that histories do not depend on the order in which their files are added, or on the number of steps.

mod events;
mod ids;
mod memory;
mod steps;

use std::collections::BTreeMap;

use super::*;
use crate::SECOND;
use crate::check_file::{Attempt, CheckFile, CheckResult};
use crate::status::Status;
use crate::uptime::{self, UptimeBreakdown};

/// 2026-11-22T00:00:00Z.
const DAY_ONE: UnixNanos = 20_779 * DAY;

fn node() -> Option<NodeName> {
    NodeName::new("here").ok()
}

fn result(title: &str, at: UnixNanos, status: Status) -> CheckResult {
    let error = (status == Status::Down).then(|| format!("refused at {at}"));
    CheckResult {
        title: title.to_owned(),
        locator: "https://example.com".to_owned(),
        timestamp: at,
        attempts: vec![Attempt { rtt: 90_000_000 + at % 20_000_000, error, ..Attempt::default() }],
        status,
        interval: Some(MINUTE),
        ..CheckResult::default()
    }
}

/// A node's check files in the store, by name.
type CheckFiles = BTreeMap<CheckFileName, CheckFile>;

fn put(files: &mut CheckFiles, stored_at: UnixNanos, results: Vec<CheckResult>) -> CheckFileName {
    let name = CheckFileName { stored_at, node: node() };
    files.insert(name.clone(), CheckFile { results, skipped: Vec::new() });
    name
}

/// Adds the files that a listing finds, as a checker does after storing `own`.
fn update(files: &CheckFiles, known: &mut (History, Latencies), own: &[CheckFileName], now: UnixNanos, expiry: Nanos) {
    let (history, latencies) = known;
    let listed: Vec<CheckFileName> =
        files.keys().filter(|name| name.stored_at >= history.list_from()).cloned().collect();
    let mut names = history.uncovered(&listed, now);
    names.extend(own_check_files(history, own, now).into_iter().filter(|name| name.stored_at < history.list_from()));
    names.sort_unstable();
    names.dedup();
    let added: Vec<(CheckFileName, CheckFile)> = names.iter().map(|name| (name.clone(), files[name].clone())).collect();
    for (name, file) in &added {
        let is_first = history.can_append([(name, file.results.as_slice())], now).is_ok();
        assert_eq!(history.can_append_each(name, now, |take| file.results.iter().for_each(take)), is_first);
    }
    let gap = [
        history.can_append(added.iter().map(|(name, file)| (name, file.results.as_slice())), now).err(),
        history.rebuild_for(latencies),
    ]
    .into_iter()
    .flatten()
    .min();
    match gap {
        None => {
            let mut builder = HistoryBuilder::append(history, latencies);
            for (name, file) in added {
                builder.add(&name, &file);
            }
            builder.finish(expiry);
        }
        Some(gap) => rebuild_from(files, known, gap, now, expiry),
    }
}

fn rebuild_from(
    files: &CheckFiles,
    (history, latencies): &mut (History, Latencies),
    gap: RebuildFrom,
    now: UnixNanos,
    expiry: Nanos,
) {
    let listed: Vec<CheckFileName> = files.keys().filter(|name| name.stored_at >= gap.list_from()).cloned().collect();
    let mut builder = HistoryBuilder::rebuild(history, latencies, gap, &listed, now);
    for name in &listed {
        builder.add(name, &files[name]);
    }
    builder.finish(expiry);
}

fn rebuilt(files: &CheckFiles, now: UnixNanos, expiry: Nanos) -> (History, Latencies) {
    let mut known = (History::new(node()), Latencies::default());
    rebuild_from(files, &mut known, RebuildFrom::START, now, expiry);
    known
}

fn bytes(known: &(History, Latencies)) -> (String, String) {
    (known.0.to_json(), known.1.to_json())
}

/// This golden file must never change, because stored histories must stay readable.
const GOLDEN: &str = include_str!("../../golden/history/here.json");
const GOLDEN_LATENCIES: &str = include_str!("../../golden/history/here.latency.json");

/// Returns the check files of the golden history: two days of checks every ten minutes, with an outage and a message.
fn golden_files() -> CheckFiles {
    let mut files = CheckFiles::new();
    for step in 0..300 {
        let at = DAY_ONE + step * 10 * MINUTE + step % 7;
        let status = match step {
            72..75 => Status::Down,
            80 => Status::Degraded,
            _ => Status::Healthy,
        };
        let message = if step == 73 { "We are <b>on it</b>.".to_owned() } else { String::new() };
        let shop = CheckResult { message, interval: Some(10 * MINUTE), ..result("Shop", at, status) };
        let api = CheckResult { interval: None, quorum: Quorum::All, ..result("API", at + 5, Status::Healthy) };
        put(&mut files, at + SECOND, vec![shop, api]);
    }
    files
}

#[test]
fn a_history_of_thousands_of_endpoints_round_trips() {
    let mut files = CheckFiles::new();
    let titles = (0..20_000).map(|number| format!("Endpoint {number}"));
    let results = titles.map(|title| result(&title, DAY_ONE, Status::Healthy)).collect();
    put(&mut files, DAY_ONE + SECOND, results);
    let known = rebuilt(&files, DAY_ONE + MINUTE, 90 * DAY);
    assert_eq!(known.0.endpoints.len(), 20_000);
    let again = (
        History::parse(known.0.to_json().as_bytes()).expect("it was written"),
        Latencies::parse(known.1.to_json().as_bytes()).expect("they were written"),
    );
    assert!(bytes(&again) == bytes(&known), "the round trip changed it");
}

#[test]
fn the_golden_history_round_trips_to_the_byte() {
    let history = History::parse(GOLDEN.trim_end().as_bytes()).expect("it was stored");
    assert_eq!(history.to_json(), GOLDEN.trim_end());
    let latencies = Latencies::parse(GOLDEN_LATENCIES.trim_end().as_bytes()).expect("they were stored");
    assert_eq!(latencies.to_json(), GOLDEN_LATENCIES.trim_end());
    let shop = endpoint_of(&history, "Shop");
    let noon = DAY_ONE + DAY / 2;
    assert_eq!(uptime::status_at(&shop.timeline.spans, noon + SECOND), Status::Down);
    assert_eq!(UptimeBreakdown::from_spans(&shop.timeline.spans, DAY_ONE, DAY_ONE + DAY).down, 30 * MINUTE + 3);
    assert_eq!(endpoint_of(&history, "API").latest.quorum, Quorum::All);
    assert_eq!(history.messages.first().map(|posted| posted.message.as_str()), Some("We are <b>on it</b>."));
    assert_eq!((history, latencies), rebuilt(&golden_files(), DAY_ONE + 3 * DAY, DEFAULT_EXPIRY));
}

/// Returns the check files of a day with checks every minute, in which `A` is down from 12:00 to 12:30 and `B` is
/// always healthy.
fn one_day() -> CheckFiles {
    let mut files = CheckFiles::new();
    for minute in 0..1_440 {
        let at = DAY_ONE + minute * MINUTE;
        let status = if (720..750).contains(&minute) { Status::Down } else { Status::Healthy };
        put(&mut files, at + SECOND, vec![result("B", at, Status::Healthy), result("A", at, status)]);
    }
    files
}

/// Returns an endpoint's rows, parsed from the written history.
fn rows_of(history: &History, title: &str) -> EndpointRows {
    let rows = HistoryRows::parse(history.to_json().as_bytes()).expect("it was just written");
    rows.endpoints.into_iter().find(|endpoint| endpoint.key.title == title).expect("it is known")
}

fn percentiles_of(row: &Series<Percentiles>, period: i64) -> Percentiles {
    row.iter().find(|(known, _)| *known == period).expect("it is there").1
}

/// Sums an endpoint's sketches in a period (`from <= t < to`).
fn sketch_between((history, latencies): &(History, Latencies), title: &str, from: UnixNanos, to: UnixNanos) -> Sketch {
    let mut sum = Sketch::default();
    let rows = LatencyRows::parse(latencies.to_json().as_bytes()).expect("they were just written");
    let sketches = rows.endpoints.into_iter().find(|sketches| sketches.key.title == title).unwrap_or_default();
    sketches.add_between(&mut sum, from, to);
    add_open_between(&rows_of(history, title).open, &mut sum, from, to);
    sum
}

fn endpoint_of<'a>(history: &'a History, title: &str) -> &'a EndpointHistory {
    history.endpoints.iter().find(|(key, _)| key.title == title).map(|(_, endpoint)| endpoint).expect("it was checked")
}

#[test]
fn an_outage_gives_three_spans_with_exact_ends() {
    let now = DAY_ONE + DAY;
    let (history, _) = rebuilt(&one_day(), now, DEFAULT_EXPIRY);
    let endpoint = endpoint_of(&history, "A");
    let moments: Vec<(i64, i64, Status)> = endpoint
        .timeline
        .spans
        .iter()
        .map(|span| ((span.start - DAY_ONE) / SECOND, (span.end - DAY_ONE) / SECOND, span.status))
        .collect();
    let end = 86_400 + 30;
    assert_eq!(moments, [(0, 43_200, Status::Healthy), (43_200, 45_000, Status::Down), (45_000, end, Status::Healthy)]);
    let breakdown = UptimeBreakdown::from_spans(&endpoint.timeline.spans, DAY_ONE, now);
    assert_eq!(breakdown.uptime().map(uptime::Ratio::percent).as_deref(), Some("97.91%"));
    let noon = DAY_ONE + DAY / 2;
    assert_eq!(endpoint.events, [Event { at: noon, reason: format!("refused at {noon}").into() }]);
    assert_eq!(endpoint_of(&history, "B").latest.position, 0);
    assert_eq!(history.file_count(), 1_440);
}

#[test]
fn daily_percentiles_are_those_of_the_checks() {
    let files = one_day();
    let (history, _) = rebuilt(&files, DAY_ONE + DAY, DEFAULT_EXPIRY);
    let mut times: Vec<Nanos> = files.values().map(|file| file.results[0].attempts[0].rtt).collect();
    times.sort_unstable();
    let percentiles = percentiles_of(&rows_of(&history, "B").by_day(), day_of(DAY_ONE));
    for (bucket, exact) in [(percentiles.p50, times[1_439 / 2]), (percentiles.p95, times[1_439 * 95 / 100])] {
        assert!((bucket.time() - exact).abs() * 20 <= exact, "{} for {exact}", bucket.time());
    }
    assert_eq!(rows_of(&history, "B").by_hour().len(), 24);
}

#[test]
fn closed_days_have_the_percentiles_of_open_ones() {
    let mut files = one_day();
    let (open, nothing) = rebuilt(&files, DAY_ONE + DAY, DEFAULT_EXPIRY);
    assert!(nothing.endpoints.is_empty());
    let at = DAY_ONE + DAY + 2 * HOUR;
    put(&mut files, at, vec![result("A", at, Status::Healthy), result("B", at, Status::Healthy)]);
    let (closed, latencies) = rebuilt(&files, at, DEFAULT_EXPIRY);
    let day = day_of(DAY_ONE);
    let both = |history: &History| {
        let endpoint = rows_of(history, "B");
        (percentiles_of(&endpoint.by_day(), day), percentiles_of(&endpoint.by_hour(), day * HOURS_PER_DAY))
    };
    assert_eq!(both(&open), both(&closed));
    assert_eq!((endpoint_of(&closed, "B").open.len(), latencies.endpoints.len()), (1, 2));
    assert_eq!(sketch_between(&(closed, latencies), "B", DAY_ONE, at + HOUR).count(), 1_441);
}

#[test]
fn a_late_round_is_inserted_in_order() {
    let mut files = one_day();
    let noon = DAY_ONE + DAY / 2 + SECOND;
    let late = CheckFileName { stored_at: noon, node: node() };
    let content = files.remove(&late).expect("it was stored");
    let now = DAY_ONE + DAY;
    let mut known = rebuilt(&files, now, DEFAULT_EXPIRY);
    files.insert(late.clone(), content);
    update(&files, &mut known, &[late], now, DEFAULT_EXPIRY);
    assert_eq!(bytes(&known), bytes(&rebuilt(&files, now, DEFAULT_EXPIRY)));
}

#[test]
fn overlapping_runs_lose_nothing() {
    let mut files = one_day();
    let now = DAY_ONE + DAY + MINUTE;
    let mut known = rebuilt(&files, now, DEFAULT_EXPIRY);
    let (mut one, mut other) = (known.clone(), known.clone());
    let at = DAY_ONE + DAY;
    let first = put(&mut files, at, vec![result("A", at - 2 * SECOND, Status::Down)]);
    update(&files, &mut one, std::slice::from_ref(&first), now, DEFAULT_EXPIRY);
    let content = files.remove(&first).expect("it was stored");
    let second = put(&mut files, at + SECOND, vec![result("A", at - 3 * SECOND, Status::Healthy)]);
    update(&files, &mut other, &[second], now, DEFAULT_EXPIRY);
    files.insert(first, content);
    // The next run finds the missing files, no matter which run wrote last.
    for mut written in [one, other] {
        update(&files, &mut written, &[], now, DEFAULT_EXPIRY);
        known = written;
        assert_eq!(bytes(&known), bytes(&rebuilt(&files, now, DEFAULT_EXPIRY)));
    }
}

#[test]
fn data_older_than_the_check_files_is_kept() {
    let mut files = one_day();
    let mut known = rebuilt(&files, DAY_ONE + DAY, DEFAULT_EXPIRY);
    for minute in 0..1_440 {
        let at = DAY_ONE + 3 * DAY + minute * MINUTE;
        let own = put(&mut files, at, vec![result("A", at, Status::Healthy)]);
        if minute % 500 == 0 || minute == 1_439 {
            update(&files, &mut known, &[own], at, DEFAULT_EXPIRY);
        }
    }
    let complete = bytes(&known);
    // All files of the first day and some of the second have expired.
    files.retain(|name, _| name.stored_at >= DAY_ONE + 3 * DAY + HOUR);
    rebuild_from(&files, &mut known, RebuildFrom::START, DAY_ONE + 4 * DAY, DEFAULT_EXPIRY);
    assert_eq!(bytes(&known), complete);
    assert_eq!(known.0.file_count(), 2_880);
}

#[test]
fn data_older_than_the_expiry_is_removed() {
    let mut files = CheckFiles::new();
    for hour in 0..24 * 60 {
        let at = DAY_ONE + hour * HOUR;
        put(&mut files, at, vec![CheckResult { interval: Some(HOUR), ..result("A", at, Status::Healthy) }]);
    }
    let (history, latencies) = rebuilt(&files, DAY_ONE + 60 * DAY, 30 * DAY);
    let endpoint = endpoint_of(&history, "A");
    assert_eq!(endpoint.timeline.spans[0].start, DAY_ONE + 29 * DAY);
    assert_eq!(rows_of(&history, "A").by_day().len(), 31);
    assert_eq!(latencies.endpoints.values().next().map(|sketches| sketches.days.len()), Some(30));
}

#[test]
fn old_days_are_merged_into_blocks() {
    let mut files = CheckFiles::new();
    for hour in 0..24 * 200 {
        let at = DAY_ONE + hour * HOUR;
        put(&mut files, at, vec![CheckResult { interval: Some(HOUR), ..result("A", at, Status::Healthy) }]);
    }
    let (history, latencies) = rebuilt(&files, DAY_ONE + 200 * DAY, DEFAULT_EXPIRY);
    let sketches = latencies.endpoints.values().next().expect("it was checked");
    assert!(sketches.blocks.len() >= 3 && sketches.days.len() <= 92 + 28, "{:?}", sketches.blocks.keys());
    let both = (history, latencies);
    assert_eq!(sketch_between(&both, "A", 0, DAY_ONE + 300 * DAY).count(), 24 * 200);
    assert_eq!(sketch_between(&both, "A", DAY_ONE + 193 * DAY, DAY_ONE + 300 * DAY).count(), 24 * 7);
}

#[test]
fn a_file_from_the_future_is_added_when_its_time_comes() {
    let mut files = one_day();
    let now = DAY_ONE + DAY;
    // While the clock is off by a year, a round is stored and added.
    let mut known = rebuilt(&files, now, DEFAULT_EXPIRY);
    let wrong = now + 365 * DAY;
    let own = put(&mut files, wrong, vec![result("A", wrong, Status::Down)]);
    update(&files, &mut known, &[own], wrong, DEFAULT_EXPIRY);
    let own = put(&mut files, now + MINUTE, vec![result("A", now + MINUTE, Status::Healthy)]);
    update(&files, &mut known, &[own], now + MINUTE, DEFAULT_EXPIRY);
    assert_eq!(bytes(&known), bytes(&rebuilt(&files, now + MINUTE, DEFAULT_EXPIRY)));
    assert_eq!(uptime::status_at(&endpoint_of(&known.0, "A").timeline.spans, now + MINUTE), Status::Healthy);
    assert_eq!(known.0.newest(), Some(now + MINUTE));
}

#[test]
fn lost_latencies_are_rebuilt() {
    let mut files = one_day();
    let at = DAY_ONE + DAY + 2 * HOUR;
    put(&mut files, at, vec![result("A", at, Status::Healthy)]);
    let mut known = rebuilt(&files, at, DEFAULT_EXPIRY);
    let complete = bytes(&known);
    known.1 = Latencies::default();
    update(&files, &mut known, &[], at, DEFAULT_EXPIRY);
    assert_eq!(bytes(&known), complete);
}

#[test]
fn results_of_impossible_times_are_counted_and_ignored() {
    let mut files = one_day();
    let at = DAY_ONE + DAY;
    put(&mut files, at, vec![result("A", 7, Status::Down), result("A", at + HOUR, Status::Down)]);
    let mut known = (History::new(node()), Latencies::default());
    let names: Vec<CheckFileName> = files.keys().cloned().collect();
    let mut builder = HistoryBuilder::rebuild(&mut known.0, &mut known.1, RebuildFrom::START, &names, at);
    for name in &names {
        builder.add(name, &files[name]);
    }
    assert_eq!(builder.finish(DEFAULT_EXPIRY), BuildReport { implausible: 2, ..BuildReport::default() });
    assert_eq!(endpoint_of(&known.0, "A").timeline.spans.len(), 3);
}

#[test]
fn files_of_other_nodes_are_ignored() {
    let mut files = one_day();
    let theirs = CheckFileName { stored_at: DAY_ONE + 5, node: NodeName::new("there").ok() };
    files.insert(theirs.clone(), CheckFile { results: vec![result("X", DAY_ONE, Status::Down)], skipped: Vec::new() });
    let (mut history, mut latencies) = rebuilt(&files, DAY_ONE + DAY, DEFAULT_EXPIRY);
    assert_eq!(history.uncovered(std::slice::from_ref(&theirs), DAY_ONE + DAY), []);
    let mut builder = HistoryBuilder::append(&mut history, &mut latencies);
    builder.add(&theirs, &files[&theirs]);
    builder.finish(DEFAULT_EXPIRY);
    assert_eq!((history.endpoints.len(), history.file_count()), (2, 1_440));
}

#[test]
fn messages_outlive_their_files_up_to_a_daily_limit() {
    let mut files = CheckFiles::new();
    for minute in 0..30 {
        let at = DAY_ONE + minute * MINUTE;
        let message = format!("It is {minute} past.");
        put(&mut files, at, vec![CheckResult { message, ..result("A", at, Status::Healthy) }]);
    }
    let (history, _) = rebuilt(&files, DAY_ONE + DAY, DEFAULT_EXPIRY);
    assert_eq!(history.messages.len(), MESSAGES_PER_DAY);
    let first = history.messages.first().expect("a message was posted");
    assert_eq!((first.at, first.message.as_str(), first.about[0].title.as_str()), (DAY_ONE, "It is 0 past.", "A"));
}

#[test]
fn a_message_that_is_also_a_post_is_not_kept() {
    let mut files = CheckFiles::new();
    let message = |text: &str| CheckResult { message: text.to_owned(), ..result("A", DAY_ONE, Status::Healthy) };
    let post = Some(Box::new("1795330254340493978-anna".parse().expect("an id")));
    put(&mut files, DAY_ONE, vec![CheckResult { post, ..message("The password is canary.") }]);
    put(&mut files, DAY_ONE + 1, vec![message("We know.")]);
    let (history, _) = rebuilt(&files, DAY_ONE + DAY, DEFAULT_EXPIRY);
    assert_eq!(history.messages.iter().map(|posted| posted.message.as_str()).collect::<Vec<_>>(), ["We know."]);
}

#[test]
fn the_position_of_a_result_takes_precedence_over_its_index() {
    let mut files = CheckFiles::new();
    let third = CheckResult { position: Some(2), ..result("A", DAY_ONE, Status::Healthy) };
    put(&mut files, DAY_ONE, vec![third, result("B", DAY_ONE, Status::Healthy)]);
    let (history, _) = rebuilt(&files, DAY_ONE + MINUTE, DEFAULT_EXPIRY);
    assert_eq!(["A", "B"].map(|title| endpoint_of(&history, title).latest.position), [2, 1]);
}

#[test]
fn two_checkers_with_one_name_are_detected() {
    let mut files = one_day();
    let (history, _) = rebuilt(&files, DAY_ONE + DAY, DEFAULT_EXPIRY);
    assert_eq!(history.duplicate_node_evidence(), None);
    for minute in 0..1_440 {
        let at = DAY_ONE + minute * MINUTE + 17 * SECOND;
        put(&mut files, at, vec![result("A", at, Status::Healthy)]);
    }
    let (history, _) = rebuilt(&files, DAY_ONE + DAY, DEFAULT_EXPIRY);
    assert_eq!(history.duplicate_node_evidence(), Some(DuplicateNodeEvidence { stored: 2_880, expected: 1_440 }));
}

#[test]
fn invalid_histories_are_rejected() {
    let good = rebuilt(&one_day(), DAY_ONE + DAY, DEFAULT_EXPIRY).0.to_json();
    assert!(History::parse(good.as_bytes()).is_ok());
    for (from, to) in [
        ("\"version\":1", "\"version\":2"),
        ("\"version\":1", "\"version\":\"one\""),
        ("\"newest\":", "\"newest\":9"),
        ("\"spans\":[", "\"spans\":[1,"),
        ("\"spans\":[", "\"spans\":[1,-5,1,"),
        ("\"spans\":[", "\"spans\":[1,5,7,"),
        ("\"spans\":[", "\"spans\":[9223372036854775807,5,1,"),
        // A span that ends centuries later would let a removed node vote forever.
        ("\"spans\":[", "\"spans\":[1,4000000000000000000,1,"),
        ("\"node\":\"here\"", "\"node\":\"../etc\""),
        ("\"from\":", "\"from\":99999999999"),
        ("\"each\":[[", "\"each\":[[9999,1],["),
        ("\"recent\":[", "\"recent\":[-1,"),
    ] {
        let bad = good.replacen(from, to, 1);
        assert_ne!(bad, good, "{from} is there");
        assert!(History::parse(bad.as_bytes()).is_err(), "{to}");
    }
    for bad in ["", "{}", "[]", "null", "{\"version\":1}", &good[..good.len() / 2]] {
        assert!(History::parse(bad.as_bytes()).is_err() && Latencies::parse(bad.as_bytes()).is_err(), "{bad}");
    }
}

#[test]
fn a_quarter_without_outages_is_one_span() {
    let mut files = CheckFiles::new();
    for hour in 0..24 * 90 {
        let at = DAY_ONE + hour * HOUR + hour % 7;
        put(&mut files, at, vec![CheckResult { interval: Some(HOUR), ..result("A", at, Status::Healthy) }]);
    }
    let (history, _) = rebuilt(&files, DAY_ONE + 90 * DAY, DEFAULT_EXPIRY);
    assert_eq!(endpoint_of(&history, "A").timeline.spans.len(), 1);
}

#[test]
fn no_stored_time_or_interval_keeps_a_silent_node_from_being_late() {
    let json = |last: UnixNanos, interval: Nanos| {
        format!(
            r#"{{"version":1,"newest":{DAY_ONE},"recent":[{DAY_ONE}],"endpoints":[{{"title":"A","endpoint":"","last":[{last},1,{interval}]}}]}}"#
        )
    };
    let is_overdue_after = |days: i64| {
        let history = History::parse(json(DAY_ONE, Nanos::MAX).as_bytes()).expect("it is consistent");
        history.is_overdue(DAY_ONE + days * DAY)
    };
    assert_eq!([46, 47].map(is_overdue_after), [false, true], "an interval counts as at most 31 days");
    for (last, interval) in [(Nanos::MAX, MINUTE), (DAY_ONE + 30 * DAY, 31 * DAY)] {
        let json = json(last, interval);
        let error = InvalidHistory::Inconsistent("the newest result");
        // The checker reads histories, and the page reads their rows.
        assert_eq!(History::parse(json.as_bytes()), Err(error.clone()));
        assert_eq!(HistoryRows::parse(json.as_bytes()), Err(error));
    }
}

//! Tests that an endpoint with an id keeps its history when its title or locator changes.

use super::*;
use crate::check_file::write_check_file;

fn result_with(title: &str, id: Option<&str>, at: UnixNanos, status: Status) -> CheckResult {
    CheckResult { id: id.map(Into::into), message: format!("about {title}"), ..result(title, at, status) }
}

/// The titles and ids of an endpoint over time, two hours each.
const PHASES: [(&str, Option<&str>); 4] =
    [("Shop", None), ("Shop", Some("shop")), ("Store", Some("shop")), ("Market", Some("shop"))];

fn files_of_phases() -> CheckFiles {
    let mut files = CheckFiles::new();
    for (hours, (title, id)) in (0..).step_by(2).zip(PHASES) {
        for minute in 0..120 {
            let at = DAY_ONE + hours * HOUR + minute * MINUTE;
            let status = if minute == 60 { Status::Down } else { Status::Healthy };
            let other = result("Other", at, Status::Healthy);
            put(&mut files, at + SECOND, vec![result_with(title, id, at, status), other]);
        }
    }
    files
}

/// The expected history after all [`PHASES`]. It must never change, because stored histories must stay readable.
const GOLDEN_WITH_ID: &str = include_str!("../../../golden/history/with-id.json");

#[test]
fn a_renamed_endpoint_keeps_its_history() {
    let files = files_of_phases();
    let (history, latencies) = rebuilt(&files, DAY_ONE + 2 * DAY, DEFAULT_EXPIRY);
    let keys: Vec<_> = history.endpoints.keys().map(|key| (key.title.as_str(), key.id.as_deref())).collect();
    assert_eq!(keys, [("Market", Some("shop")), ("Other", None)]);
    let shop = endpoint_of(&history, "Market");
    assert_eq!(UptimeBreakdown::from_spans(&shop.timeline.spans, DAY_ONE, DAY_ONE + 8 * HOUR).down, 4 * MINUTE);
    assert_eq!(shop.events.len(), 4);
    assert_eq!(shop.former.as_ref().map(|former| former.title.as_str()), Some("Shop"));
    assert!(history.messages.iter().all(|message| message.about.iter().all(|key| key.title == "Market")));
    assert_eq!(history.endpoint(&EndpointKey { id: Some("shop".into()), ..EndpointKey::default() }), Some(shop));
    let mut golden = History::parse(GOLDEN_WITH_ID.as_bytes()).expect("it was stored");
    assert_eq!(golden.to_json(), GOLDEN_WITH_ID.trim_end());
    // The golden file was written when a history kept the first three errors of a day.
    for (key, past) in &mut golden.endpoints {
        assert_eq!(past.events, history.endpoints[key].events[..past.events.len()]);
        past.events.clone_from(&history.endpoints[key].events);
    }
    assert_eq!(golden, history);
    assert_eq!(latencies.endpoints.len(), 0, "no day is closed");
}

#[test]
fn single_steps_and_a_rebuild_of_the_day_change_nothing() {
    let files = files_of_phases();
    let mut known = (History::new(node()), Latencies::default());
    for name in files.keys() {
        update(&files, &mut known, std::slice::from_ref(name), name.stored_at, DEFAULT_EXPIRY);
    }
    let now = DAY_ONE + 9 * HOUR;
    assert_eq!(bytes(&known), bytes(&rebuilt(&files, now, DEFAULT_EXPIRY)));
    let gap = known.0.rebuild_from(DAY_ONE + HOUR);
    rebuild_from(&files, &mut known, gap, now, DEFAULT_EXPIRY);
    assert_eq!(bytes(&known), bytes(&rebuilt(&files, now, DEFAULT_EXPIRY)));
}

#[test]
fn latencies_follow_a_renamed_endpoint() {
    let mut files = files_of_phases();
    let at = DAY_ONE + 2 * DAY;
    put(&mut files, at + SECOND, vec![result_with("Bazaar", Some("shop"), at, Status::Healthy)]);
    let (history, latencies) = rebuilt(&files, at + HOUR, DEFAULT_EXPIRY);
    let titles: Vec<&str> = latencies.endpoints.keys().map(|key| key.title.as_str()).collect();
    assert_eq!(titles, ["Bazaar", "Other"]);
    assert!(endpoint_of(&history, "Bazaar").days.len() == 1);
}

#[test]
fn different_ids_and_a_reused_title_are_separate_endpoints() {
    let mut files = CheckFiles::new();
    for (minute, results) in [
        vec![("Shop", Some("a")), ("Blog", Some("b"))],
        // The two endpoints swap their titles.
        vec![("Blog", Some("a")), ("Shop", Some("b"))],
        vec![("Blog", Some("a")), ("Shop", None)],
    ]
    .into_iter()
    .enumerate()
    {
        let at = DAY_ONE + minute as i64 * MINUTE;
        let results = results.into_iter().map(|(title, id)| result_with(title, id, at, Status::Healthy)).collect();
        put(&mut files, at + SECOND, results);
    }
    let history = rebuilt(&files, DAY_ONE + HOUR, DEFAULT_EXPIRY).0;
    let keys: Vec<_> = history.endpoints.keys().map(|key| (key.title.as_str(), key.id.as_deref())).collect();
    assert_eq!(keys, [("Blog", Some("a")), ("Shop", Some("b"))]);
}

#[test]
fn ids_are_stored_as_the_last_key_of_a_result() {
    let written = write_check_file(&[result_with("Shop", Some("shop"), DAY_ONE, Status::Healthy)]);
    assert!(written.ends_with(r#","id":"shop"}]"#), "{written}");
    let read = CheckFile::parse(written.as_bytes()).expect("it was written");
    assert_eq!(read.results[0].id.as_deref(), Some("shop"));
    assert!(!write_check_file(&[result("Shop", DAY_ONE, Status::Healthy)]).contains("\"id\""));
}

#[test]
fn nodes_with_different_titles_agree_by_id() {
    use crate::endpoint_status::endpoint_statuses;

    let history = |node: &str, title: &str, id: Option<&str>, at: UnixNanos| {
        let node = NodeName::new(node).ok();
        let (mut history, mut latencies) = (History::new(node.clone()), Latencies::default());
        let file = CheckFile { results: vec![result_with(title, id, at, Status::Healthy)], skipped: Vec::new() };
        let mut builder = HistoryBuilder::append(&mut history, &mut latencies);
        builder.add(&CheckFileName { stored_at: at + SECOND, node }, &file);
        builder.finish(DEFAULT_EXPIRY);
        history
    };
    let histories = [
        history("a", "Shop", None, DAY_ONE),
        history("b", "Store", Some("shop"), DAY_ONE + 2 * SECOND),
        history("c", "Shop", Some("shop"), DAY_ONE + SECOND),
        history("d", "Other", Some("other"), DAY_ONE),
    ];
    let endpoints = endpoint_statuses(&histories);
    let rows = endpoints.iter().map(|one| (one.key.title.as_str(), one.key.id.as_deref(), one.nodes.len()));
    assert_eq!(rows.collect::<Vec<_>>(), [("Other", Some("other"), 1), ("Store", Some("shop"), 3)]);
}

//! Tests that outages keep their reasons, and that the reasons of a flapping endpoint take little space.

use proptest::prelude::*;

use super::*;
use crate::json::{self, Json};

/// Returns the check files of `days` days with a check every `step`. The endpoint fails whenever `error` returns one.
fn flapping(days: i64, step: Nanos, error: impl Fn(i64) -> Option<String>) -> CheckFiles {
    let mut files = CheckFiles::new();
    for number in 0..days * DAY / step {
        let at = DAY_ONE + number * step;
        let error = error(number);
        let status = if error.is_some() { Status::Down } else { Status::Healthy };
        let attempts = vec![Attempt { rtt: 1_000_000, error, ..Attempt::default() }];
        let result = CheckResult { attempts, interval: Some(step), ..result("A", at, status) };
        put(&mut files, at, vec![result]);
    }
    files
}

/// Returns the events of all spans that are not healthy: the start of each, with its reason.
fn reasons(endpoint: &EndpointHistory) -> Vec<(UnixNanos, Option<&str>)> {
    let outages = endpoint.timeline.spans.iter().filter(|span| span.status == Status::Down);
    let reason = |start| endpoint.events.iter().find(|event| event.at == start).map(|event| &*event.reason);
    outages.map(|span| (span.start, reason(span.start))).collect()
}

/// Returns an object without one of its keys.
fn without_key(json: &str, key: &str) -> String {
    let start = json.find(&format!("\"{key}\":[")).expect("the key was written");
    let end = start + json[start..].find(']').expect("the list ends") + 2;
    [&json[..start], &json[end..]].concat()
}

#[test]
fn every_outage_of_a_flapping_endpoint_has_its_reason() {
    let errors = ["connection refused", "no response within 10 s", "status 502", "status 503"];
    let files = flapping(2, MINUTE, |number| (number % 2 == 1).then(|| errors[number as usize / 2 % 4].to_owned()));
    let (history, _) = rebuilt(&files, DAY_ONE + 2 * DAY, DEFAULT_EXPIRY);
    let outages = reasons(endpoint_of(&history, "A"));
    assert_eq!(outages.len(), 1_440);
    for (index, (_, reason)) in outages.iter().enumerate() {
        assert_eq!(*reason, Some(errors[index % 4]), "outage {index}");
    }
    // Each error is written once per day, and the history reads back unchanged.
    let json = history.to_json();
    assert_eq!(errors.map(|error| json.matches(error).count()), [2, 2, 2, 3], "the last one is also the latest");
    assert_eq!(History::parse(json.as_bytes()).as_ref(), Ok(&history));
}

#[test]
fn a_repeated_error_takes_a_few_bytes() {
    let of = |count: usize| {
        let files = flapping(1, MINUTE, |number| (number % 2 == 1).then(|| "connection refused".to_owned()));
        let (mut history, _) = rebuilt(&files, DAY_ONE + DAY, DEFAULT_EXPIRY);
        history.endpoints.values_mut().for_each(|endpoint| endpoint.events.truncate(count));
        history.to_json().len()
    };
    assert!(of(720) - of(1) < 30, "{} and {}", of(720), of(1));
}

#[test]
fn of_many_different_errors_the_newest_are_kept() {
    let files = flapping(1, MINUTE, |number| (number % 2 == 1).then(|| format!("request {number} failed")));
    let (history, _) = rebuilt(&files, DAY_ONE + DAY, DEFAULT_EXPIRY);
    let outages = reasons(endpoint_of(&history, "A"));
    let known: Vec<&str> = outages.iter().filter_map(|(_, reason)| *reason).collect();
    assert_eq!(known.len(), ERRORS_PER_DAY);
    assert_eq!(known.last(), Some(&"request 1439 failed"));
    assert!(outages[outages.len() - ERRORS_PER_DAY..].iter().all(|(_, reason)| reason.is_some()));
}

#[test]
fn an_error_that_recurs_is_not_replaced() {
    // Every fourth outage has the same error, and all others differ.
    let error = |number: i64| if number % 8 == 1 { "refused".to_owned() } else { format!("request {number} failed") };
    let files = flapping(1, MINUTE, |number| (number % 2 == 1).then(|| error(number)));
    let (history, _) = rebuilt(&files, DAY_ONE + DAY, DEFAULT_EXPIRY);
    let outages = reasons(endpoint_of(&history, "A"));
    assert_eq!(outages.iter().filter(|(_, reason)| *reason == Some("refused")).count(), 180);
}

#[test]
fn programs_that_do_not_know_repeated_reasons_read_the_history() {
    let files = flapping(1, HOUR, |number| (number % 2 == 1).then(|| "refused".to_owned()));
    let (history, _) = rebuilt(&files, DAY_ONE + DAY, DEFAULT_EXPIRY);
    let json = history.to_json();
    let Ok(Json::Object(_)) = json::parse(&json) else { panic!("not an object: {json}") };
    let old = History::parse(without_key(&json, "reasons").as_bytes()).expect("an old program reads it");
    let endpoint = endpoint_of(&old, "A");
    assert_eq!(endpoint.events, endpoint_of(&history, "A").events[..1], "the day's first outage has its reason");
    // A history without the key, as an old program writes it, keeps the events that it has.
    assert_eq!(History::parse(old.to_json().as_bytes()), Ok(old));
}

#[test]
fn contradicting_reasons_make_a_history_invalid() {
    let files = flapping(1, HOUR, |number| (number % 2 == 1).then(|| "refused".to_owned()));
    let json = rebuilt(&files, DAY_ONE + DAY, DEFAULT_EXPIRY).0.to_json();
    let with = |reasons: &str| {
        let changed = json.replace("\"reasons\":[12,0]", &format!("\"reasons\":{reasons}"));
        assert_ne!(changed, json);
        History::parse(changed.as_bytes()).map(|history| endpoint_of(&history, "A").events.len())
    };
    assert_eq!(with("[9223372036854775807,0]"), Ok(12), "there are no more outages");
    assert_eq!((with("[]"), with("[12,-1]"), with("[3,-1,2,0]")), (Ok(1), Ok(1), Ok(3)));
    for invalid in ["[12]", "[12,1]", "[-1,0]", "[12,\"0\"]", "{}", "[0.5,0]"] {
        assert!(with(invalid).is_err(), "{invalid}");
    }
}

#[test]
fn the_reason_of_an_outage_at_the_expiry_is_kept() {
    // The endpoint flaps for a day, then stays down.
    let files = flapping(10, HOUR, |number| (number % 2 == 1 || number > 24).then(|| "refused".to_owned()));
    let (history, _) = rebuilt(&files, DAY_ONE + 10 * DAY, 3 * DAY);
    let endpoint = endpoint_of(&history, "A");
    assert_eq!(endpoint.timeline.spans.len(), 1);
    assert_eq!(endpoint.events, [Event { at: DAY_ONE + 25 * HOUR, reason: "refused".into() }]);
    assert_eq!(History::parse(history.to_json().as_bytes()), Ok(history));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    #[test]
    fn reasons_survive_updates_and_stay_within_their_limit(
        errors in prop::collection::vec(prop::option::weighted(0.6, 0..12_u8), 1..120),
        batch in 1..30_usize,
    ) {
        let text = |error: u8| format!("{error}: {}", "e".repeat(300));
        let all = flapping(5, HOUR, |number| errors[number as usize % errors.len()].map(text));
        let names: Vec<CheckFileName> = all.keys().cloned().collect();
        let mut known = (History::new(node()), Latencies::default());
        let mut files = CheckFiles::new();
        let mut now = DAY_ONE;
        for batch in names.chunks(batch) {
            files.extend(batch.iter().map(|name| (name.clone(), all[name].clone())));
            now = batch[batch.len() - 1].stored_at;
            update(&files, &mut known, batch, now, DEFAULT_EXPIRY);
            let json = known.0.to_json();
            prop_assert_eq!(History::parse(json.as_bytes()), Ok(known.0.clone()));
        }
        prop_assert_eq!(bytes(&known), bytes(&rebuilt(&files, now, DEFAULT_EXPIRY)));
        // Each error is written with at most its limit, and at most once per day.
        let longest = "e".repeat(EVENT_LIMIT - 10);
        let written = known.0.to_json().matches(&longest).count();
        prop_assert!(written <= 6 * ERRORS_PER_DAY + 1, "{} errors", written);
        // Every outage has a reason unless its day had more errors.
        let endpoint = endpoint_of(&known.0, "A");
        for (start, reason) in reasons(endpoint) {
            let midnight = start_of_day(start);
            let of_day = endpoint.events.iter().filter(|event| start_of_day(event.at) == midnight);
            let different: BTreeSet<&str> = of_day.map(|event| &*event.reason).collect();
            prop_assert!(reason.is_some() || different.len() == ERRORS_PER_DAY);
        }
    }
}

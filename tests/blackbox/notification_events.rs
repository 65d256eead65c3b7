//! Tests events other than the outage of a single endpoint, end to end: silent nodes, certificates that expire soon, and
//! outages of many endpoints at once.

use std::collections::BTreeSet;

use serde_json::{Value, json};
use support::certificates::{Authority, Validity};
use support::checker::Checker;
use support::configuration::{check, check_with, directory};
use support::endpoints::{Behavior, Endpoint};

use super::notifications::{Webhook, accepted, failing, nodes, notifying, round, round_at};

fn hearing(webhook: &Webhook, events: &[&str]) -> Value {
    let mut channel = webhook.channel();
    channel["on"] = json!(events);
    channel
}

#[tokio::test]
async fn a_silent_node_is_notified_once_and_once_when_it_returns() {
    let (shop, webhook) = (Endpoint::start(Behavior::ok()).await, Webhook::start().await);
    let folder = tempfile::tempdir().expect("a temporary folder");
    let channel = hearing(&webhook, &["silent", "down", "recovered"]);
    let nodes = nodes(&["eu-west", "us-east"], folder.path(), &shop, &[channel]);
    let [stays, stops] = nodes.as_slice() else { panic!("there are two nodes") };
    for minute in ["+0m", "+1m"] {
        round_at(stays, minute).await;
        round_at(stops, minute).await;
    }
    for minute in 2..20 {
        round_at(stays, &format!("+{minute}m")).await;
        // The other node's last round was in minute 1.
        if minute != 11 {
            let expected: &[&str] = if minute < 11 { &[] } else { &["silent us-east"] };
            assert_eq!(webhook.news(), expected, "minute {minute}");
        }
    }
    for minute in ["+20m", "+21m", "+22m"] {
        round_at(stops, minute).await;
        round_at(stays, minute).await;
        assert_eq!(webhook.news(), ["silent us-east"; 2], "{minute}");
    }
    let messages = webhook.messages();
    let is =
        |index: usize, text: &str| messages[index]["summary"].as_str().is_some_and(|summary| summary.contains(text));
    assert!(is(0, "Location us-east has not reported since"), "{messages:?}");
    assert!(is(1, "Location us-east is reporting again: it was silent"), "{messages:?}");
    assert_ne!(messages[0]["id"], messages[1]["id"]);
}

/// Returns the action and the key of each event that `PagerDuty` received.
fn incidents(pager: &Webhook) -> Vec<(String, String)> {
    let text = |event: &Value, key: &str| event[key].as_str().unwrap_or_default().to_owned();
    pager.messages().iter().map(|event| (text(event, "event_action"), text(event, "dedup_key"))).collect()
}

#[tokio::test]
async fn the_incident_of_a_removed_node_is_resolved() {
    let (shop, pager) = (Endpoint::start(Behavior::ok()).await, Webhook::start().await);
    let folder = tempfile::tempdir().expect("a temporary folder");
    let channel = json!({ "type": "pagerduty", "routing_key": "key", "url": pager.0.url });
    let nodes = nodes(&["eu-west", "us-east"], folder.path(), &shop, &[channel]);
    let [stays, stops] = nodes.as_slice() else { panic!("there are two nodes") };
    round_at(stops, "+0m").await;
    for minute in ["+0m", "+1m", "+10m", "+11m"] {
        round_at(stays, minute).await;
    }
    let sent = incidents(&pager);
    let [(action, key)] = sent.as_slice() else { panic!("there is one incident: {sent:?}") };
    assert_eq!(action, "trigger");
    std::fs::remove_file(folder.path().join("history/us-east.json")).expect("it exists");
    for minute in ["+12m", "+13m"] {
        round_at(stays, minute).await;
        assert_eq!(incidents(&pager)[1..], [("resolve".to_owned(), key.clone())]);
    }
}

#[tokio::test]
async fn the_incident_of_an_excluded_endpoint_is_resolved() {
    let (shop, pager) = (Endpoint::start(failing()).await, Webhook::start().await);
    let notifiers = [json!({ "type": "pagerduty", "routing_key": "key", "url": pager.0.url })];
    let mut config = notifying(&shop, &directory(), &notifiers);
    let checker = Checker::new(&config);
    round_at(&checker, "+0m").await;
    config["checkers"][0]["notify"] = json!([]);
    checker.configure(&config);
    for minute in ["+1m", "+2m"] {
        round_at(&checker, minute).await;
        let sent = incidents(&pager);
        let [(trigger, opened), (resolve, closed)] = sent.as_slice() else { panic!("there is one incident: {sent:?}") };
        assert_eq!((trigger.as_str(), resolve.as_str(), opened), ("trigger", "resolve", closed));
    }
}

#[tokio::test]
async fn a_certificate_that_expires_soon_is_notified_twice() {
    let authority = Authority::new();
    let server = authority.server("127.0.0.1", Validity::EndsInDays(6));
    let (shop, webhook) = (Endpoint::start_tls(Behavior::ok(), server).await, Webhook::start().await);
    let channel = hearing(&webhook, &["certificate", "down", "recovered"]);
    let create = |days: Option<u32>| {
        let mut config = notifying(&shop, &directory(), std::slice::from_ref(&channel));
        config["checkers"] = json!([check_with("Shop", &shop.url, json!({ "tls_ca_file": "ca.pem" }))]);
        config["notify"]["certificate_days"] = json!(days.unwrap_or(14));
        let checker = Checker::new(&config);
        authority.write_pem(&checker.path("ca.pem"));
        checker
    };
    let (checker, late) = (create(None), create(Some(4)));
    let details = || {
        let details = webhook.messages().into_iter().map(|message| message["items"][0]["detail"].clone());
        details.map(|detail| detail.as_str().unwrap_or_default().to_owned()).collect::<Vec<_>>()
    };
    let (first, reminder) = ("its certificate expires in 6 days", "its certificate expires in 3 days");
    for (off, expected) in [
        ("+0m", &[first][..]),
        ("+1m", &[first]),
        ("+47h", &[first]),
        ("+72h", &[first, reminder]),
        ("+74h", &[first, reminder]),
        ("+143h", &[first, reminder]),
    ] {
        round_at(&checker, off).await;
        assert_eq!(details(), expected, "{off}");
    }
    assert_eq!(webhook.news(), ["certificate Shop"; 2]);
    // A certificate that is valid for longer than `certificate_days` causes no message.
    round_at(&late, "+0m").await;
    assert_eq!(details().len(), 2);
    round_at(&late, "+72h").await;
    assert_eq!(details()[2..], [reminder]);
}

#[tokio::test]
async fn hundreds_of_failures_are_one_message_for_each_channel() {
    let (shop, first, second) = (Endpoint::start(Behavior::ok()).await, Webhook::start().await, Webhook::start().await);
    let notifiers = [first.channel(), json!({ "type": "slack", "webhook": second.0.url })];
    let mut config = notifying(&shop, &directory(), &notifiers);
    let checks = (0..300).map(|index| check(&format!("Shop {index}"), &format!("{}{index}", shop.url)));
    config["checkers"] = Value::Array(checks.collect());
    let checker = Checker::new(&config);
    for (behavior, messages) in [(Behavior::ok(), 0), (failing(), 1), (failing(), 1), (Behavior::ok(), 2)] {
        shop.behave(behavior);
        round(&checker, &[]).await;
        assert_eq!((first.messages().len(), second.0.requests().len()), (messages, messages));
    }
    let message = &first.messages()[0];
    assert_eq!((message["items"].as_array().map(Vec::len), &message["more"]), (Some(10), &json!(290)));
    let requests = second.0.requests();
    assert!(requests.iter().all(|request| request.len() < 10_000 && request.contains("290 more")), "{requests:?}");
}

#[tokio::test]
async fn each_of_many_outages_is_an_incident_that_its_recovery_resolves() {
    const COUNT: usize = 25;
    let (shop, pager) = (Endpoint::start(Behavior::ok()).await, Webhook::start().await);
    let notifiers = [json!({ "type": "pagerduty", "routing_key": "key", "url": pager.0.url })];
    let mut config = notifying(&shop, &directory(), &notifiers);
    let checks = (0..COUNT).map(|index| check(&format!("Shop {index}"), &format!("{}{index}", shop.url)));
    config["checkers"] = Value::Array(checks.collect());
    let checker = Checker::new(&config);
    round_at(&checker, "+0m").await;
    shop.behave(failing());
    // A provider that fails does not receive a request for each outage.
    pager.0.behave(failing());
    let run = checker.call_with_clock(&["run", "-c", "checker.json"], "+1m", |_| {}).await;
    assert!((1..2 * COUNT).contains(&pager.messages().len()), "{}", run.output());
    pager.0.behave(accepted());
    let before = pager.messages().len();
    round_at(&checker, "+10m").await;
    round_at(&checker, "+11m").await;
    shop.behave(Behavior::ok());
    round_at(&checker, "+12m").await;
    round_at(&checker, "+13m").await;
    let sent = pager.messages().split_off(before);
    let keys = |action: &str| {
        let sent = sent.iter().filter(|event| event["event_action"] == json!(action));
        sent.map(|event| event["dedup_key"].to_string()).collect::<BTreeSet<_>>()
    };
    assert_eq!((sent.len(), keys("trigger").len()), (2 * COUNT, COUNT), "{sent:?}");
    assert_eq!(keys("trigger"), keys("resolve"));
}

#[tokio::test]
async fn a_template_does_not_break_on_a_quote() {
    const TITLE: &str = r#"The "new" Shop's {{ page }} \ </b>"#;
    let (shop, webhook) = (Endpoint::start(failing()).await, Webhook::start().await);
    let mut channel = webhook.channel();
    channel["body"] = json!({ "text": "{{ items[0].title }}", "all": "Alert: {{ text }}", "items": "{{ items }}" });
    let mut config = notifying(&shop, &directory(), &[channel]);
    config["checkers"] = json!([check(TITLE, &shop.url)]);
    webhook.0.behave(accepted());
    round(&Checker::new(&config), &[]).await;
    let message = &webhook.messages()[0];
    assert_eq!((&message["text"], &message["items"][0]["title"]), (&json!(TITLE), &json!(TITLE)));
    assert!(message["all"].as_str().is_some_and(|text| text.contains(TITLE)), "{message}");
}

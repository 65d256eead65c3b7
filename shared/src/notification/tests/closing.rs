//! Tests which outages and conditions are closed because their subjects were removed.

use super::*;
use crate::notification_log::{Notified, Topic};

const DAY: i64 = 24 * 60;

/// Returns a scene in which the node `a` has reported an outage to a provider that keeps incidents.
fn incident() -> Scene {
    let mut scene = Scene::new("h0 d10");
    scene.policy.keeps_incidents = true;
    assert_eq!(scene.send(11), ["down Shop 10"]);
    scene
}

fn restrict(scene: &mut Scene, channels: Vec<ChannelId>) {
    let check = CheckNotifications { channels: Some(channels), ..CheckNotifications::default() };
    scene.checks.insert(key("Shop"), check);
}

#[test]
fn an_incident_is_closed_when_its_channel_excludes_the_endpoint() {
    let mut excluded = incident();
    excluded.policy.endpoints = vec!["Blog".to_owned()];
    let mut restricted = incident();
    restrict(&mut restricted, vec![ChannelId::new("boss").expect("an id")]);
    let mut disabled = incident();
    restrict(&mut disabled, Vec::new());
    for mut scene in [excluded, restricted, disabled] {
        let plan = scene.plan(12);
        let item = &plan.news[0].items[0];
        assert_eq!((item.was, item.is, item.topic), (Status::Down, Status::Down, Topic::Endpoint));
        assert_eq!(scene.play(12..100), ["12: closed Shop 10–11"]);
        // If the channel includes the endpoint again, the outage is reported again.
        (scene.policy.endpoints, scene.checks) = (Vec::new(), EndpointMap::new());
        assert_eq!(scene.play(100..200), ["100: down Shop 10"]);
    }
}

#[test]
fn an_incident_is_closed_when_its_check_is_renamed_or_removed() {
    let mut scene = Scene::new("h0 d10");
    (scene.policy.keeps_incidents, scene.policy.endpoints) = (true, vec!["Shop".to_owned()]);
    scene.endpoints[0].0.id = Some("shop".into());
    assert_eq!(scene.send(11), ["down Shop 10"]);
    scene.endpoints[0].0.title = "Store".to_owned();
    let plan = scene.plan(12);
    assert_eq!(
        (words(&plan), plan.news[0].items[0].id.as_deref()),
        (vec!["closed Shop 10–11".to_owned()], Some("shop"))
    );
    assert_eq!(scene.play(12..100).len(), 1);
    // The check that included the channel was removed from the configuration.
    let mut scene = Scene::new("h0 d10 ?20");
    (scene.policy.keeps_incidents, scene.policy.endpoints) = (true, vec!["Blog".to_owned()]);
    restrict(&mut scene, vec![channel()]);
    assert_eq!(scene.send(11), ["down Shop 10"]);
    (scene.checks, scene.endpoints[0].2) = (EndpointMap::new(), true);
    assert_eq!(scene.plan(22).news[0].items[0].is, Status::Unknown);
    assert_eq!(scene.play(22..100), ["22: closed Shop 10–11"]);
}

#[test]
fn only_the_node_that_reported_an_outage_closes_it() {
    let mut scene = incident().with_node("b");
    scene.policy.endpoints = vec!["Blog".to_owned()];
    scene.logs.swap(0, 1);
    assert_eq!(scene.play(12..100), [""; 0], "the node `b` can have another configuration");
    scene.logs.swap(0, 1);
    assert_eq!(scene.play(12..100), ["12: closed Shop 10–11"]);
}

#[test]
fn a_message_about_an_excluded_endpoint_is_not_followed_by_another() {
    let mut scene = Scene::new("h0 d10");
    scene.send(11);
    scene.policy.endpoints = vec!["Blog".to_owned()];
    assert_eq!(scene.play(12..100), [""; 0]);
}

#[test]
fn incidents_about_certificates_and_budgets_are_closed_too() {
    for topic in [Topic::Certificate, Topic::Budget] {
        let mut scene = Scene::new("h0").hearing(&[EventKind::Certificate, EventKind::Budget]);
        scene.policy.keeps_incidents = true;
        scene.conditions = vec![Condition::new(topic, key("Shop"), at(10), true)];
        assert_eq!(scene.send(11), [format!("{} Shop 10", topic.as_str())]);
        scene.policy.endpoints = vec!["Blog".to_owned()];
        let plan = scene.plan(12);
        assert_eq!((words(&plan), plan.news[0].items[0].topic), (vec!["closed Shop 10–11".to_owned()], topic));
        assert_eq!(scene.play(12..100).len(), 1);
    }
    // A check that failed verified no certificate, so the condition of an endpoint that exists is not over.
    let mut scene = Scene::new("h0").hearing(&[EventKind::Certificate]);
    scene.policy.keeps_incidents = true;
    scene.conditions = vec![Condition::new(Topic::Certificate, key("Shop"), at(10), true)];
    scene.send(11);
    scene.conditions = Vec::new();
    assert_eq!(scene.send(11 + 2 * DAY), [""; 0]);
    scene.endpoints[0].2 = true;
    assert_eq!(scene.send(12 + 2 * DAY), ["closed Shop 10–11"]);
}

/// Returns a scene in which the node `a` has reported that the node `b` is silent.
fn silent() -> Scene {
    let mut scene = Scene::new("h0").hearing(&[EventKind::Silent]).with_node("b");
    let node = EndpointKey { title: "b".to_owned(), ..EndpointKey::default() };
    scene.conditions = vec![Condition::new(Topic::Silent, node, at(10), true)];
    assert_eq!(scene.send(20), ["silent b 10"]);
    scene.conditions = Vec::new();
    scene
}

#[test]
fn a_silent_node_is_closed_once_no_history_names_it() {
    let mut scene = silent();
    assert_eq!(scene.play(21..100), [""; 0], "its history still exists");
    scene.logs.truncate(1);
    let plan = scene.plan(100);
    assert_eq!(plan.news[0].items[0].topic, Topic::Silent);
    assert_eq!(scene.play(100..200), ["100: closed b 10–20"]);
    assert_eq!(scene.logs[0].registers[0].state, Notified::Healthy);
    let mut scene = silent();
    // The node `c` did not report it.
    scene.logs[1] = log("c", -1_000);
    scene.logs.swap(0, 1);
    assert_eq!(scene.play(21..100), [""; 0]);
    // A second node in line closes what it reported when its turn comes.
    scene.logs[0].introduce(&introduction(50, &[&channel()]), at(-1_000));
    scene.logs.swap(0, 1);
    assert_eq!(scene.play(100..200), ["105: closed b 10–20"]);
}

#[test]
fn nothing_is_closed_while_no_history_is_known() {
    let mut scene = silent();
    scene.endpoints[0].1 = "h0 d30";
    scene.send(35);
    (scene.endpoints, scene.is_blind) = (Vec::new(), true);
    assert_eq!(scene.play(2 * DAY..2 * DAY + 10), [""; 0], "the store is failing");
    scene.is_blind = false;
    scene.logs.truncate(1);
    let mut closed = scene.send(2 * DAY + 10);
    closed.sort();
    assert_eq!(closed, ["closed Shop 30–35", "closed b 10–20"]);
}

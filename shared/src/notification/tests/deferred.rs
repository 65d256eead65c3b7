//! Tests which news is sent to recipients that did not accept it at first.

use super::*;
use crate::notification::deferral::{DEFERRED_TRIES, GivenUp, Reception};
use crate::notification::deferred_news::{DeferredNews, deferred_news};
use crate::notification_log::{Deferred, Notified, RecipientList, Topic};

const LIST: RecipientList = RecipientList { count: 3, checksum: Some(7) };

fn reception(deferred: &[u32]) -> Reception {
    Reception { list: LIST, deferred: deferred.to_vec(), refused: Vec::new() }
}

/// Sends the news in a given minute to all recipients. Some of them do not accept it.
fn send(scene: &mut Scene, now: i64, reception: &Reception) {
    let plan = scene.plan(now);
    assert!(!plan.news.is_empty());
    let number = Registers::merge(&scene.logs, at(now)).next_number();
    let (own, others) = scene.logs.split_first_mut().expect("there is a node");
    assert_eq!(own.deliver(others, (&channel(), &plan.news), reception, (number, at(now))), 0);
}

/// Sends the news, which the second recipient does not accept, and returns its entry.
fn defer(scene: &mut Scene, now: i64) -> Deferred {
    send(scene, now, &reception(&[1]));
    entries(scene)[0].clone()
}

fn entries(scene: &Scene) -> &[Deferred] {
    &scene.logs[0].channels[0].deferred
}

fn deferred_plan(scene: &Scene, deferred: &Deferred, now: i64) -> DeferredNews {
    scene.evaluate(
        at(now),
        |changes| spans(changes, now),
        |situation| deferred_news(situation, std::slice::from_ref(deferred)).remove(0),
    )
}

fn news(scene: &Scene, deferred: &Deferred, now: i64) -> Option<Vec<String>> {
    match deferred_plan(scene, deferred, now) {
        DeferredNews::Send(plan) => Some(words(&plan)),
        DeferredNews::Wait => None,
        DeferredNews::Nothing => Some(Vec::new()),
        DeferredNews::Expired => Some(vec!["expired".to_owned()]),
    }
}

/// Sends the news of an entry again, which some recipients do not accept.
fn try_again(scene: &mut Scene, deferred: &Deferred, now: i64, reception: &Reception) -> GivenUp {
    let DeferredNews::Send(plan) = deferred_plan(scene, deferred, now) else { panic!("there is news") };
    scene.logs[0].tried_deferred(&channel(), (deferred, &plan.news), reception, at(now))
}

/// Describes the entries of the first node, as in `[1, 2] knows Shop healthy`.
fn shown(scene: &Scene) -> Vec<String> {
    let entry = |entry: &Deferred| {
        let known: Vec<String> =
            entry.known.iter().map(|known| format!("{} {}", known.key.title, known.state.as_str())).collect();
        format!("{:?} know {}", entry.recipients, known.join(", "))
    };
    let mut shown: Vec<String> = entries(scene).iter().map(entry).collect();
    shown.sort();
    shown
}

/// Makes another node the first one.
fn switch_node(scene: &mut Scene) {
    scene.logs.swap(0, 1);
}

/// Creates a scene with two nodes, the first of which has just notified all but the second recipient of an outage.
fn two_nodes(changes: &'static str) -> Scene {
    let mut scene = Scene::new(changes).with_node("b");
    scene.logs[1].rank = 200;
    defer(&mut scene, 11);
    switch_node(&mut scene);
    scene.logs.iter_mut().for_each(|log| log.rank = 300 - log.rank);
    scene
}

#[test]
fn a_deferred_recipient_receives_the_news_later() {
    let mut scene = Scene::new("h0 d10").with_node("b").with_endpoint("Blog", "h0 d2 h4");
    scene.send(9);
    let deferred = defer(&mut scene, 11);
    assert_eq!(scene.plan(20).news, vec![], "the other recipients receive nothing again");
    assert_eq!(news(&scene, &deferred, 15), None);
    assert_eq!(news(&scene, &deferred, 16), Some(vec!["down Shop 10".to_owned()]));
}

#[test]
fn a_deferred_recipient_receives_the_current_state() {
    let mut scene = Scene::new("h0 d10 h12");
    let deferred = defer(&mut scene, 11);
    scene.send(14);
    assert_eq!(news(&scene, &deferred, 30), Some(vec!["missed Shop 10–12".to_owned()]));
    let mut scene = Scene::new("h0 d10 h20 d40");
    scene.send(11);
    let deferred = defer(&mut scene, 23);
    assert_eq!(news(&scene, &deferred, 30), Some(vec!["recovered Shop 10–20".to_owned()]));
    scene.endpoints = vec![(key("Other"), "h0", false)];
    assert_eq!(news(&scene, &deferred, 90), None, "the outage of a removed endpoint is closed after a day");
    let mut known = deferred.clone();
    known.known[0].state = Notified::Healthy;
    assert_eq!(news(&scene, &known, 90), Some(Vec::new()), "the endpoint was removed");
}

#[test]
fn deferred_recipients_are_tried_for_a_day() {
    let mut scene = Scene::new("h0 d10");
    let mut deferred = defer(&mut scene, 11);
    let mut tries = 1;
    loop {
        tries += 1;
        let now = (deferred.next - START) / MINUTE;
        let given_up = try_again(&mut scene, &deferred, now, &reception(&[1]));
        let Some(next) = entries(&scene).first() else {
            assert_eq!((given_up, tries), (GivenUp { after_tries: 1, without_space: 0 }, DEFERRED_TRIES));
            break;
        };
        deferred = next.clone();
    }
    assert!((deferred.next - at(11)) / HOUR >= 24, "{}", deferred.next - at(11));
    let mut scene = Scene::new("h0 d10");
    let deferred = defer(&mut scene, 11);
    assert_eq!(try_again(&mut scene, &deferred, 20, &reception(&[])), GivenUp::default());
    assert_eq!(entries(&scene), []);
}

#[test]
fn entries_expire_a_day_after_an_attempt_was_due() {
    let mut scene = Scene::new("h0 d10");
    let deferred = defer(&mut scene, 11);
    assert_eq!(news(&scene, &deferred, 16 + 24 * 60), Some(vec!["down Shop 10".to_owned()]));
    assert_eq!(news(&scene, &deferred, 17 + 24 * 60), Some(vec!["expired".to_owned()]));
}

#[test]
fn recipients_that_accept_newer_news_receive_no_older_news() {
    let mut scene = Scene::new("h0 d10 h20").with_endpoint("Blog", "h0 d10");
    send(&mut scene, 11, &reception(&[0, 1]));
    assert_eq!(shown(&scene), ["[0, 1] know Shop healthy, Blog healthy"]);
    send(&mut scene, 22, &reception(&[1, 2]));
    let expected = ["[0] know Blog healthy", "[1] know Shop healthy, Blog healthy", "[2] know Shop down"];
    assert_eq!(shown(&scene), expected, "the second recipient still misses the older news");
    let entry = |recipient: u32| entries(&scene).iter().find(|entry| entry.recipients == [recipient]);
    let news = |recipient| news(&scene, entry(recipient).expect("it is deferred"), 30);
    assert_eq!(news(0), Some(vec!["down Blog 10".to_owned()]));
    assert_eq!(news(1), Some(vec!["down Blog 10".to_owned(), "missed Shop 10–20".to_owned()]));
    assert_eq!(news(2), Some(vec!["recovered Shop 10–20".to_owned()]));
}

#[test]
fn deferred_news_waits_for_newer_news_to_all() {
    let mut scene = Scene::new("h0 d10 h20");
    let deferred = defer(&mut scene, 11);
    scene.pace.spacing = minutes(30);
    assert_eq!(news(&scene, &deferred, 30), None, "the recovery is sent to all recipients in minute 41");
    scene.send(41);
    assert_eq!(news(&scene, &deferred, 41), Some(vec!["missed Shop 10–20".to_owned()]));
}

#[test]
fn only_news_that_was_sent_leaves_an_entry() {
    let mut scene = Scene::new("h0 d10").with_endpoint("Blog", "h0 d10 h20");
    send(&mut scene, 11, &reception(&[0, 1]));
    let deferred = entries(&scene)[0].clone();
    assert_eq!(news(&scene, &deferred, 21), Some(vec!["down Shop 10".to_owned()]), "the recovery is not certain yet");
    try_again(&mut scene, &deferred, 21, &reception(&[1]));
    assert_eq!(shown(&scene), ["[0] know Blog healthy", "[1] know Shop healthy, Blog healthy"]);
    let tries: Vec<u32> = entries(&scene).iter().map(|entry| entry.tries).collect();
    assert_eq!(tries, [2, 1]);
}

#[test]
fn recipients_learn_of_an_outage_that_was_not_certain() {
    let mut scene = Scene::new("h0 d1 h2 d4 h15 d16");
    send(&mut scene, 4, &reception(&[1]));
    send(&mut scene, 6, &reception(&[1]));
    let deferred = entries(&scene)[0].clone();
    assert_eq!(news(&scene, &deferred, 16), Some(vec!["missed Shop 1–2".to_owned()]), "it seems to recover");
    try_again(&mut scene, &deferred, 16, &reception(&[]));
    let deferred = entries(&scene)[0].clone();
    assert_eq!(news(&scene, &deferred, 17), Some(vec!["down Shop 4".to_owned()]));
    try_again(&mut scene, &deferred, 17, &reception(&[]));
    assert_eq!(entries(&scene), []);
}

#[test]
fn refused_recipients_leave_all_entries() {
    let mut scene = Scene::new("h0 d10 h20").with_endpoint("Blog", "h0 d15");
    defer(&mut scene, 11);
    send(&mut scene, 16, &reception(&[1]));
    assert_eq!(shown(&scene), ["[1] know Blog healthy", "[1] know Shop healthy"]);
    send(&mut scene, 22, &Reception { refused: vec![1], ..reception(&[]) });
    assert_eq!(shown(&scene), [""; 0]);
}

#[test]
fn news_that_is_only_recorded_is_not_deferred() {
    let mut scene = Scene::new("h0 d10 h20").with_endpoint("Blog", "h0 d10");
    scene.policy.on = BTreeSet::from([EventKind::Down]);
    defer(&mut scene, 11);
    scene.endpoints.push((key("New"), "h0 d21", false));
    send(&mut scene, 22, &reception(&[2]));
    let expected = ["[1] know Shop healthy, Blog healthy", "[2] know New healthy"];
    assert_eq!(shown(&scene), expected, "the recovery of Shop was not sent");
}

#[test]
fn a_node_that_sends_later_news_takes_over_deferred_recipients() {
    let mut scene = two_nodes("h0 d10 h20");
    send(&mut scene, 40, &reception(&[1, 2]));
    assert_eq!(shown(&scene), ["[1] know Shop healthy", "[2] know Shop down"]);
    switch_node(&mut scene);
    let deferred = entries(&scene)[0].clone();
    assert_eq!(news(&scene, &deferred, 50), Some(Vec::new()), "the other node notifies the recipient");
    let (own, others) = scene.logs.split_first_mut().expect("there is a node");
    assert!(own.prune(others, at(50)));
    assert_eq!(shown(&scene), [""; 0]);
}

#[test]
fn news_that_another_node_has_replaced_is_not_sent() {
    let mut scene = two_nodes("h0 d10 h20 d60");
    send(&mut scene, 40, &reception(&[]));
    switch_node(&mut scene);
    let deferred = entries(&scene)[0].clone();
    assert_eq!(news(&scene, &deferred, 50), Some(Vec::new()));
    scene.logs.iter_mut().for_each(|log| log.rank = 300 - log.rank);
    send(&mut scene, 61, &reception(&[1]));
    assert_eq!(shown(&scene), ["[1] know Shop healthy"]);
    assert_eq!(entries(&scene)[0].known[0].until, at(22), "the recipient knows of the recovery");
}

#[test]
fn a_node_that_only_records_later_news_takes_over_deferred_recipients() {
    let mut scene = two_nodes("h0 d10 h20");
    scene.policy.on = BTreeSet::from([EventKind::Down]);
    let plan = scene.plan(40);
    assert_eq!((plan.news.len(), words(&plan)), (1, Vec::new()), "the recovery is not sent");
    let number = Registers::merge(&scene.logs, at(40)).next_number();
    let (own, others) = scene.logs.split_first_mut().expect("there is a node");
    assert_eq!(own.record_unsent(others, (&channel(), &plan.news), (number, at(40))), 0);
    assert_eq!(shown(&scene), ["[1] know Shop healthy"]);
    let deferred = entries(&scene)[0].clone();
    assert_eq!(news(&scene, &deferred, 50), Some(vec!["missed Shop 10–20".to_owned()]));
    switch_node(&mut scene);
    let (own, others) = scene.logs.split_first_mut().expect("there is a node");
    assert!(own.prune(others, at(50)));
    assert_eq!(shown(&scene), [""; 0]);
}

#[test]
fn entries_that_another_node_has_replaced_do_not_become_current_again() {
    let mut scene = two_nodes("h0 d10 h20");
    scene.policy.on = BTreeSet::from([EventKind::Down, EventKind::Reminder]);
    scene.policy.repeat = vec![minutes(2)];
    // The second recipient accepts the reminder of the other node.
    send(&mut scene, 15, &reception(&[]));
    switch_node(&mut scene);
    scene.logs.iter_mut().for_each(|log| log.rank = 300 - log.rank);
    assert_eq!(shown(&scene), ["[1] know Shop healthy"]);
    let plan = scene.plan(40);
    assert_eq!((plan.news.len(), words(&plan)), (1, Vec::new()), "the recovery is not sent");
    let number = Registers::merge(&scene.logs, at(40)).next_number();
    let (own, others) = scene.logs.split_first_mut().expect("there is a node");
    assert_eq!(own.record_unsent(others, (&channel(), &plan.news), (number, at(40))), 0);
    assert_eq!(shown(&scene), [""; 0]);
}

#[test]
fn a_condition_that_is_over_is_not_deferred_any_longer() {
    let mut scene = Scene::new("h0").hearing(&[EventKind::Certificate]);
    scene.logs = vec![log("a", -2_000)];
    scene.conditions = vec![Condition::new(Topic::Certificate, key("Shop"), at(10), true)];
    let deferred = defer(&mut scene, 11);
    assert_eq!(news(&scene, &deferred, 17), Some(vec!["certificate Shop 10".to_owned()]));
    // The certificate was replaced, which channels are not notified of.
    scene.conditions[0] = Condition::new(Topic::Certificate, key("Shop"), at(12), false);
    assert_eq!(scene.send(12), [""; 0]);
    scene.conditions.clear();
    assert_eq!(news(&scene, &deferred, 17), Some(Vec::new()));
}

#[test]
fn entries_wait_while_the_store_fails() {
    let mut scene = Scene::new("h0 d10");
    let deferred = defer(&mut scene, 11);
    scene.endpoints.clear();
    assert_eq!(news(&scene, &deferred, 20), None);
    let mut condition = deferred;
    condition.known[0].topic = Topic::Certificate;
    assert_eq!(news(&scene, &condition, 20), None, "the certificate is unknown");
}

#[test]
fn changed_lists_end_the_attempts() {
    let mut scene = Scene::new("h0 d10");
    let deferred = defer(&mut scene, 11);
    let list = |count, checksum| RecipientList { count, checksum };
    for (current, is_kept) in
        [(LIST, true), (list(3, Some(8)), false), (list(2, Some(7)), false), (list(0, None), false)]
    {
        let mut log = scene.logs[0].clone();
        assert_eq!(log.end_changed_lists(|_| current).is_empty(), is_kept, "{current:?}");
        assert_eq!(log.channels[0].deferred.is_empty(), !is_kept, "{current:?}");
    }
    let old = Deferred { list: list(3, None), ..deferred };
    scene.logs[0].channels[0].deferred = vec![old];
    assert_eq!(scene.logs[0].end_changed_lists(|_| LIST), [], "earlier versions wrote no checksums");
}

#[test]
fn entries_end_when_a_channel_is_not_served() {
    let mut scene = Scene::new("h0 d10");
    defer(&mut scene, 11);
    let other = ChannelId::new("other").expect("an id");
    scene.logs[0].introduce(&introduction(100, &[&other]), at(12));
    scene.logs[0].introduce(&introduction(100, &[&channel()]), at(13));
    assert_eq!(entries(&scene), []);
}

#[test]
fn a_log_takes_no_more_entries_than_other_nodes_can_read() {
    let mut scene = Scene::new("h0 d10");
    let deferred = defer(&mut scene, 11);
    let with = |count: usize, locator: usize| {
        let mut register = deferred.known[0].clone();
        register.key.locator = "x".repeat(locator);
        Deferred { known: vec![register; count], ..deferred.clone() }
    };
    let is_readable = |log: &NotificationLog| NotificationLog::parse(log.to_json().as_bytes()).as_ref() == Ok(log);
    for (entry, fits) in [(with(9_000, 20), 1), (with(1, 20), 19), (with(500, 2_000), 1)] {
        let mut log = scene.logs[0].clone();
        let added = (0..25).filter(|_| log.add_deferred(&channel(), entry.clone())).count();
        assert_eq!(added, fits);
        assert!(log.is_storable() && is_readable(&log));
    }
    let many = Deferred { recipients: (0..200_000).collect(), ..deferred };
    assert!(!scene.logs[0].add_deferred(&channel(), many), "other nodes could not read the log");
    assert_eq!(entries(&scene).len(), 1);
}

#[test]
fn recipients_without_space_are_counted() {
    let mut scene = Scene::new("h0 d10 h20");
    let deferred = defer(&mut scene, 11);
    scene.logs[0].channels[0].deferred = vec![deferred; 20];
    let plan = scene.plan(22);
    let result = scene.logs[0].deliver(&[], (&channel(), &plan.news), &reception(&[0, 1, 2]), (9, at(22)));
    assert_eq!((result, entries(&scene).len()), (2, 20));
}

//! Tests which news is sent to recipients that did not accept it at first.

use super::*;
use crate::notification::deferral::{DEFERRED_TRIES, DeferredNews, deferred_news, known_before};
use crate::notification_log::Deferred;

/// Sends the news in a given minute. One of the channel's three recipients does not accept it.
fn defer(scene: &mut Scene, now: i64) -> Deferred {
    let plan = scene.plan(now);
    let registers = Registers::merge(&scene.logs, at(now));
    let (known, number) = (known_before(&registers, &plan.news), registers.next_number());
    scene.logs[0].record(&plan.news, number, at(now));
    assert!(scene.logs[0].defer(&channel(), (vec![1], 3), known, at(now)));
    scene.logs[0].channels[0].deferred[0].clone()
}

fn news(scene: &Scene, deferred: &Deferred, now: i64) -> Option<Vec<String>> {
    match scene.evaluate(at(now), |changes| spans(changes, now), |situation| deferred_news(situation, deferred)) {
        DeferredNews::Send(plan) => Some(words(&plan)),
        DeferredNews::Wait => None,
        DeferredNews::Nothing => Some(Vec::new()),
    }
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
    assert_eq!(news(&scene, &deferred, 30), Some(vec!["missed Shop 10–12".to_owned()]));
    let mut scene = Scene::new("h0 d10 h20 d40");
    scene.send(11);
    let deferred = defer(&mut scene, 23);
    assert_eq!(news(&scene, &deferred, 30), Some(vec!["recovered Shop 10–20".to_owned()]));
    scene.send(23);
    scene.endpoints = vec![(key("Other"), "h0", false)];
    assert_eq!(news(&scene, &deferred, 90), Some(Vec::new()), "the endpoint no longer exists");
}

#[test]
fn deferred_recipients_are_tried_for_a_day() {
    let mut scene = Scene::new("h0 d10");
    let mut deferred = defer(&mut scene, 11);
    let mut tries = 1;
    loop {
        tries += 1;
        let given_up = scene.logs[0].tried_deferred(&channel(), &deferred, vec![1], deferred.next);
        let Some(next) = scene.logs[0].channels[0].deferred.first() else {
            assert_eq!((given_up, tries), (1, DEFERRED_TRIES));
            break;
        };
        deferred = next.clone();
    }
    assert!((deferred.next - at(11)) / crate::HOUR >= 24, "{}", deferred.next - at(11));
    let deferred = defer(&mut Scene::new("h0 d10"), 11);
    let mut log = scene.logs[0].clone();
    log.channels[0].deferred = vec![deferred.clone()];
    assert_eq!(log.tried_deferred(&channel(), &deferred, Vec::new(), at(20)), 0);
    assert!(log.channels[0].deferred.is_empty());
}

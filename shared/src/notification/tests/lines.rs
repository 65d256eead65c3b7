//! Tests which node sends news, and when.

use super::*;
use crate::notification::lineup::stored_since;
use crate::notification::reconcile::HeldReason;
use crate::notification_log::{FailureReason, Retry, ServedChannel, Waiting};
use crate::{HOUR, SECOND};

/// Returns the minute in which the node `me` sends, in a scene in which it first sees the news at minute 11 and nothing
/// changes after that.
fn turn(mut scene: Scene, me: &str) -> Option<i64> {
    let index = scene.logs.iter().position(|log| log.node.as_str() == me).expect("it is a node");
    scene.logs.swap(0, index);
    (11..200).find(|now| {
        let plan = scene.plan(*now);
        scene.logs[0].wait(&channel(), plan.waiting);
        !plan.news.is_empty()
    })
}

fn since(plan: &Plan) -> Vec<UnixNanos> {
    plan.waiting.iter().map(|waiting| waiting.since).collect()
}

fn three() -> Scene {
    Scene::new("h0 d10").with_node("b").with_node("c")
}

#[test]
fn the_first_node_sends_at_once_and_the_others_wait() {
    // A slot takes two intervals and two and a half minutes.
    assert_eq!(["a", "b", "c"].map(|me| turn(three(), me)), [Some(11), Some(16), Some(20)]);
}

#[test]
fn rank_then_interval_then_name_determine_the_order() {
    let mut scene = three();
    scene.logs[2].introduce(&introduction(50, &[&channel()]), at(-1_000));
    assert_eq!(turn(scene, "c"), Some(11));
    let mut scene = three();
    scene.logs[1].introduce(&Introduction { every: 20 * SECOND, ..introduction(100, &[&channel()]) }, at(-1_000));
    assert_eq!(turn(scene, "b"), Some(11));
}

#[test]
fn a_node_without_fresh_results_is_not_waited_for() {
    let mut scene = three();
    scene.logs.remove(0);
    assert_eq!(turn(scene, "b"), Some(11), "the node `a` stores nothing");
}

#[test]
fn a_node_that_does_not_serve_the_channel_is_not_waited_for() {
    let mut scene = three();
    scene.logs[0].introduce(&introduction(100, &[]), at(0));
    assert_eq!(turn(scene, "b"), Some(11));
}

#[test]
fn the_wait_begins_when_a_node_sees_the_news() {
    // The outage's results are stored long after the notification was due.
    let mut scene = three();
    scene.logs.swap(0, 1);
    assert!(scene.plan(100).news.is_empty());
    let plan = scene.plan(100);
    assert_eq!(since(&plan), [at(100)]);
    assert!(scene.logs[0].wait(&channel(), plan.waiting.clone()));
    assert!(!scene.logs[0].wait(&channel(), plan.waiting), "the log is stored once");
    assert!(scene.plan(104).news.is_empty() && !scene.plan(105).news.is_empty());
}

#[test]
fn the_wait_begins_again_with_other_news() {
    let mut scene = three();
    scene.logs.swap(0, 1);
    scene.logs[0].wait(&channel(), vec![Waiting { since: at(0), news: vec![7] }]);
    assert_eq!(since(&scene.plan(11)), [at(11)]);
}

#[test]
fn newer_news_does_not_delay_older_news() {
    let mut scene = three();
    scene.logs.swap(0, 1);
    let first = scene.endpoints.clone();
    let others = [("Blog", "h0 d11"), ("Shop 2", "h0 d12"), ("Shop 3", "h0 d13"), ("Shop 4", "h0 d14")];
    let mut sent = Vec::new();
    for now in 11..=17 {
        let failed = others.iter().map(|(title, changes)| (key(title), *changes, false)).take((now - 11) as usize);
        scene.endpoints = first.iter().cloned().chain(failed).collect();
        let plan = scene.plan(now);
        scene.logs[0].wait(&channel(), plan.waiting.clone());
        sent.push(plan.news.len());
    }
    // The node waits for five minutes, because turns are separate for each endpoint.
    assert_eq!(sent, [0, 0, 0, 0, 0, 1, 2]);
}

#[test]
fn a_retry_in_the_far_future_comes_from_a_wrong_clock() {
    let mut scene = Scene::new("h0 d10");
    let _ = scene.logs[0].failed(&channel(), SendFailure::new(FailureReason::Failed), at(11) + 30 * crate::DAY);
    assert_eq!(scene.plan(12).news.len(), 1);
    scene.logs[0].succeeded(&channel(), at(12));
    for failures in 1..70 {
        let _ = scene.logs[0].failed(&channel(), SendFailure::new(FailureReason::Failed), at(11));
        let next = scene.logs[0].channel(&channel()).and_then(|served| served.retry).map(|retry| retry.next);
        assert_eq!(next, Some(at(11) + (MINUTE << (failures - 1).min(6)).min(HOUR)), "{failures}");
    }
}

#[test]
fn a_wait_from_before_a_silence_does_not_count() {
    let mut scene = three();
    scene.logs.swap(0, 1);
    assert!(scene.plan(11).news.is_empty());
    let waiting = scene.plan(11).waiting;
    scene.logs[0].wait(&channel(), waiting);
    scene.holds = vec![Hold {
        kind: HoldKind::Silence,
        period: Period { start: at(12), end: at(30) },
        announced_at: None,
        endpoints: vec!["Shop".to_owned()],
        impact: Impact::Down,
    }];
    // The stored log still contains the wait, because only changes that matter to other nodes are stored.
    assert_eq!(since(&scene.plan(31)), [at(30)]);
    assert!(scene.plan(31).news.is_empty());
}

#[test]
fn a_node_that_returns_leaves_earlier_news_to_the_others() {
    let back = Introduction { stored_since: at(11), ..introduction(100, &[]) };
    let mut scene = three();
    assert!(scene.logs[0].introduce(&Introduction { channels: &[&channel()], ..back }, at(11)));
    assert!(!scene.logs[0].introduce(&Introduction { channels: &[&channel()], ..back }, at(12)));
    let plan = scene.plan(11);
    assert!(matches!(&plan.held[0].reason, HeldReason::Turn(ahead) if ahead.len() == 2), "{plan:?}");
    let logs = scene.logs.clone();
    // The node waits for the slots of both other nodes, and then for its own slot.
    assert_eq!(turn(scene, "a"), Some(11 + 14));
    // News that becomes due later is sent at once, as is all news if there are no other nodes.
    let later = Scene { logs: logs.clone(), endpoints: vec![(key("Shop"), "h0 d20", false)], ..three() };
    assert_eq!(turn(later, "a"), Some(21));
    assert_eq!(turn(Scene { logs: logs[..1].to_vec(), ..three() }, "a"), Some(11));
}

#[test]
fn a_node_that_just_began_to_serve_a_channel_waits_until_others_know() {
    let mut scene = three();
    scene.logs[0] = log("a", 11);
    assert_eq!(turn(scene, "a"), Some(12));
}

#[test]
fn a_gap_in_the_rounds_makes_a_node_return() {
    let stored = |minutes: &[i64]| minutes.iter().map(|minute| at(*minute)).collect::<Vec<_>>();
    let steady: Vec<i64> = (0..=15).collect();
    let since = |minutes: &[i64], every, now| stored_since(&stored(minutes), every, at(now));
    assert_eq!(since(&steady, MINUTE, 16), 0);
    assert_eq!(since(&[0, 1, 2, 3], MINUTE, 4), at(0), "there are no earlier rounds");
    assert_eq!(since(&[0, 1, 4, 5], MINUTE, 6), at(4));
    assert_eq!(since(&[0, 1, 2, 9], MINUTE, 10), at(9));
    assert_eq!(since(&steady, MINUTE, 17), 0, "the next round may still be running");
    assert_eq!(since(&steady, MINUTE, 30), at(17), "the gap has not ended");
    assert_eq!(since(&[0], HOUR, 1), 0, "a gap between hourly rounds is not seen");
    assert_eq!(since(&[], MINUTE, 0), 0);
}

#[test]
fn a_node_that_overtook_a_failing_one_waits_after_a_message() {
    let mut scene = three();
    for now in [1, 2, 4] {
        let _ = scene.logs[0].failed(&channel(), SendFailure::new(FailureReason::Failed), at(now));
    }
    scene.logs.swap(0, 1);
    scene.endpoints.push((key("Blog"), "h0 d10", false));
    let plan = scene.plan(11);
    assert_eq!(plan.news.len(), 2, "the node `b` is the first");
    // The node has just sent one of the two, when its log still contained failures.
    scene.logs[0].record(&plan.news[..1], 1, at(11));
    let plan = scene.plan(11);
    assert!(matches!(&plan.held[0].reason, HeldReason::Turn(ahead) if ahead == &[node("a")]), "{plan:?}");
    assert_eq!(plan.next, Some(at(11) + 30 * SECOND));
    assert_eq!(scene.plan(12).news.len(), 1);
    // Nothing changes if all nodes can deliver messages, or if the failing node would be behind this one.
    for log in [1, 2] {
        scene.logs[1].succeeded(&channel(), at(11));
        for now in [1, 2, 4].into_iter().filter(|_| log == 2) {
            let _ = scene.logs[2].failed(&channel(), SendFailure::new(FailureReason::Failed), at(now));
        }
        scene.logs[1].introduce(&introduction(200, &[&channel()]), at(-1_000));
        assert_eq!(scene.plan(11).news.len(), 1, "{log}");
    }
}

#[test]
fn after_three_failures_the_next_node_takes_its_turn() {
    let mut scene = three();
    for now in [11, 12, 14] {
        assert_eq!(turn_of_b(&scene), None, "the node `a` tries again");
        assert!(!scene.logs[0].failed(&channel(), SendFailure::new(FailureReason::Failed), at(now)));
    }
    assert_eq!(turn_of_b(&scene), Some(15));
    let retry = scene.logs[0].channels[0].retry.expect("it failed");
    assert_eq!((retry.tries, retry.next), (3, at(18)));
    // The node `a` now waits for the others.
    assert!(matches!(&scene.plan(20).held[0].reason, HeldReason::Turn(ahead) if ahead.len() == 2));
    assert!(scene.logs[0].succeeded(&channel(), at(20)) && !scene.logs[0].succeeded(&channel(), at(20)));
}

#[test]
fn a_node_that_delivers_again_waits_until_the_others_know() {
    let mut scene = Scene::new("h0 d10").with_node("b").with_endpoint("Blog", "h0 d10");
    let plan = scene.plan(11);
    let deliver = |scene: &mut Scene| {
        scene.logs[0].record(&plan.news[..1], 1, at(18));
        assert!(scene.logs[0].succeeded(&channel(), at(18)));
    };
    for now in [11, 12] {
        let _ = scene.logs[0].failed(&channel(), SendFailure::new(FailureReason::Failed), at(now));
    }
    let mut after_two = Scene { logs: scene.logs.clone(), ..Scene::new("h0 d10").with_endpoint("Blog", "h0 d10") };
    deliver(&mut after_two);
    assert_eq!(after_two.plan(18).news.len(), 1);
    // After the third failure, the node `b` may already be sending the rest.
    let _ = scene.logs[0].failed(&channel(), SendFailure::new(FailureReason::Failed), at(14));
    deliver(&mut scene);
    let held = scene.plan(18);
    assert!(matches!(&held.held[0].reason, HeldReason::Turn(ahead) if ahead == &[node("b")]), "{held:?}");
    assert_eq!((held.news.len(), held.next), (0, Some(at(18) + 30 * SECOND)));
    assert_eq!(scene.plan(19).news.len(), 1);
}

#[test]
fn a_provider_that_may_have_accepted_a_message_gets_it_four_times() {
    let mut scene = three();
    for (now, next) in [(11, 16), (16, 36), (36, 96)] {
        assert!(!scene.logs[0].failed(&channel(), SendFailure::new(FailureReason::TimedOut), at(now)));
        assert_eq!(scene.logs[0].channels[0].retry.map(|retry| retry.next), Some(at(next)));
        assert_eq!(turn_of_b(&scene), None, "the node `a` tries again, although it has failed");
    }
    assert!(scene.logs[0].failed(&channel(), SendFailure::new(FailureReason::TimedOut), at(96)));
    assert_eq!((scene.logs[0].channels[0].retry, scene.logs[0].channels[0].unconfirmed), (None, Some(at(96))));
    scene.logs[0].prune(&[], at(96 + 51 * 60));
    assert_eq!(scene.logs[0].channels[0].unconfirmed, None);
}

#[test]
fn other_failures_do_not_count_as_unanswered() {
    let mut log = log("a", 0);
    let mut fail = |why| log.failed(&channel(), SendFailure::new(why), at(0));
    for _ in 0..3 {
        assert!(!fail(FailureReason::TimedOut) && !fail(FailureReason::Unreachable));
    }
    assert!(fail(FailureReason::TimedOut));
}

#[test]
fn a_hostile_log_delays_others_by_a_few_hours_at_most() {
    let far = i64::MAX / 4;
    let mut hostile = log("a", -1_000);
    (hostile.rank, hostile.every, hostile.gather, hostile.spacing) = (0, 24 * HOUR, 24 * HOUR, 24 * HOUR);
    hostile.channels[0].retry = Some(Retry { tries: 1, unanswered: 1, next: far, why: FailureReason::TimedOut });
    let minutes = |log: NotificationLog| {
        let mut scene = Scene { logs: vec![super::log("b", -1_000), log], ..Scene::new("h0 d10") };
        (11..2_000).find(|now| {
            let plan = scene.plan(*now);
            scene.logs[0].wait(&channel(), plan.waiting);
            !plan.news.is_empty()
        })
    };
    let paced = NotificationLog { channels: vec![ServedChannel::new(channel(), at(-1_000))], ..hostile.clone() };
    assert_eq!(minutes(paced), Some(11 + 60 + 123), "an hour, and a slot of two hours");
    assert_eq!(minutes(hostile), Some(11 + 180 + 123), "three attempts, and a slot of two hours");
}

#[test]
fn a_message_from_the_future_holds_nothing_back() {
    let mut scene = Scene::new("h0 d10").with_endpoint("Blog", "h0 d30 h60");
    scene.pace.spacing = HOUR;
    scene.send(15);
    let mut hostile = scene.logs[0].registers[0].clone();
    (hostile.key, hostile.at) = (key("Wiki"), at(10_000_000));
    scene.logs.push(NotificationLog { registers: vec![hostile], ..log("b", -1_000) });
    let sent = (65..200).find(|now| !scene.plan(*now).news.is_empty());
    assert_eq!(sent, Some(75), "an hour after the message at minute 15");
}

fn turn_of_b(scene: &Scene) -> Option<i64> {
    let mut logs = scene.logs.clone();
    logs.swap(0, 1);
    let other = Scene { logs, ..three() };
    (15..16).find(|now| !other.plan(*now).news.is_empty())
}

#[test]
fn failures_delay_by_up_to_an_hour() {
    let mut log = log("a", 0);
    let mut next = |refused, after| {
        let _ = log.failed(
            &channel(),
            SendFailure { is_refused: refused, after, ..SendFailure::new(FailureReason::Failed) },
            at(0),
        );
        (log.channels[0].retry.expect("it failed").next - at(0)) / SECOND
    };
    assert_eq!([0; 8].map(|_| next(false, None)), [60, 120, 240, 480, 960, 1_920, 3_600, 3_600]);
    assert_eq!(next(true, None), 3_600);
    assert_eq!((next(false, Some(7 * SECOND)), next(false, Some(9 * HOUR))), (7, 3_600));
    for _ in 0..100 {
        next(false, None);
    }
}

#[test]
fn an_endpoint_is_left_to_the_nodes_that_check_it() {
    let scene = Scene::new("h0 d10").with_node("b");
    assert_eq!(turn(scene, "b"), Some(16));
    // Only one node knows of a local condition, so it does not wait for others.
    let mut scene = Scene::new("h0").with_node("b").hearing(&[EventKind::Store]);
    scene.logs.swap(0, 1);
    let store = Condition::new(crate::notification_log::Topic::Store, key("b"), at(5), true);
    scene.conditions = vec![Condition { is_local: true, ..store }];
    assert_eq!(words(&scene.plan(11)), ["store b 5"]);
}

#[test]
fn others_wait_until_the_news_of_a_daemon_is_gathered_and_spaced() {
    let pace = Pace { gather: 30 * SECOND, spacing: 5 * MINUTE };
    let mut scene = Scene::new("h0 d10 h20").with_node("b");
    scene.logs[0].introduce(&Introduction { pace, ..introduction(100, &[&channel()]) }, at(-1_000));
    scene.send(18);
    // The daemon sends at minute 23 at the earliest.
    scene.logs.swap(0, 1);
    let until = (22..60).find(|now| {
        let plan = scene.plan(*now);
        scene.logs[0].wait(&channel(), plan.waiting);
        !plan.news.is_empty()
    });
    assert_eq!(until, Some(28));
}

#[test]
fn a_node_that_returned_waits_as_long_as_the_others_wait_for_it() {
    let pace = Pace { gather: 0, spacing: 6 * MINUTE };
    let mut scene = Scene::new("h0 d10").with_node("b").with_endpoint("Blog", "h0 d12");
    scene.pace = pace;
    scene.logs[0].introduce(&Introduction { pace, ..introduction(100, &[&channel()]) }, at(-1_000));
    assert_eq!(scene.send(11), ["down Shop 10"]);
    scene.logs[0].returned = at(13);
    let minute = |me: &str| {
        let (mut logs, pace) = (scene.logs.clone(), if me == "a" { pace } else { Pace::default() });
        if me == "b" {
            logs.swap(0, 1);
        }
        let mut scene = Scene { pace, logs, ..Scene::new("h0 d10").with_endpoint("Blog", "h0 d12") };
        (13..60).find(|now| {
            let plan = scene.plan(*now);
            scene.logs[0].wait(&channel(), plan.waiting);
            !plan.news.is_empty()
        })
    };
    // The other node waits until minute 17 and for one slot, and this one for two slots.
    assert_eq!((minute("b"), minute("a")), (Some(22), Some(26)));
}

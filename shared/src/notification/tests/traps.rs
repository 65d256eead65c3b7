//! Tests for mistakes that other notification systems have made.

use super::*;
use crate::notification_log::{FailureReason, Notified, Register, Topic};

#[test]
fn the_same_alert_is_not_sent_every_round() {
    let mut scene = Scene::new("h0 d10");
    assert_eq!(scene.play(0..2_000), ["11: down Shop 10"]);
}

#[test]
fn a_restart_sends_nothing_again() {
    let mut scene = Scene::new("h0 d10");
    scene.send(11);
    // Across restarts, the process keeps only its log.
    let stored = scene.logs[0].to_json();
    scene.logs[0] = NotificationLog::parse(stored.as_bytes()).expect("it is a log");
    assert!(!scene.logs[0].introduce(&introduction(100, &[&channel()]), at(12)));
    assert_eq!(scene.play(12..100), [""; 0]);
}

#[test]
fn a_recovery_while_the_notifier_was_away_is_notified_later() {
    let mut scene = Scene::new("h0 d10 h20");
    scene.send(11);
    assert_eq!(scene.send(600), ["recovered Shop 10–20"]);
}

#[test]
fn a_recovery_that_the_provider_refused_is_sent_later() {
    let mut scene = Scene::new("h0 d10 h20");
    scene.send(11);
    for now in [22, 24, 28] {
        assert_eq!(words(&scene.plan(now)), ["recovered Shop 10–20"]);
        let _ = scene.logs[0].failed(&channel(), SendFailure::new(FailureReason::RateLimited), at(now));
    }
    assert_eq!(held(&scene.plan(31)), ["recovered Shop Retry 32"], "the third failure delays by 4 minutes");
    assert_eq!(scene.send(40), ["recovered Shop 10–20"]);
    assert_eq!(scene.play(41..100), [""; 0]);
}

#[test]
fn an_outage_while_the_provider_was_down_is_missed_not_lost() {
    let mut scene = Scene::new("h0 d10 h20");
    let _ = scene.logs[0].failed(&channel(), SendFailure::new(FailureReason::Unreachable), at(11));
    assert_eq!(scene.send(30), ["missed Shop 10–20"]);
}

#[test]
fn a_recovery_in_maintenance_is_sent_and_no_down_follows() {
    let mut scene = Scene::new("h0 d10 h40 d45 h50").with_hold(HoldKind::Planned, 20, 60);
    assert_eq!(scene.play(0..200), ["11: down Shop 10", "42: recovered Shop 10–40"]);
}

#[test]
fn ten_thousand_failures_are_one_message() {
    let mut scene = Scene::new("h0 d10 h60");
    scene.endpoints = (0..10_000).map(|index| (key(&format!("e{index}")), "h0 d10 h60", false)).collect();
    let plan = scene.plan(11);
    assert_eq!(plan.news.len(), 10_000);
    let digest = super::super::digest::Digest::new(&channel(), &plan.news, 10, |_| "Shops".to_owned());
    assert_eq!((digest.items.len(), digest.more.as_slice()), (10, [("Shops".to_owned(), 9_990)].as_slice()));
    assert_eq!(scene.send(11).len(), 10_000);
    assert_eq!(scene.send(12).len(), 0);
    assert_eq!(scene.send(62).len(), 10_000, "they recover in one message");
}

#[test]
fn one_cause_is_one_message() {
    let mut scene = Scene::new("h0 d10 h40")
        .with_endpoint("Billing", "h0 d11 h41")
        .depending("Billing", "Shop")
        .with_endpoint("Router", "h0 d11 h41")
        .depending("Router", "Billing");
    let plan = scene.plan(12);
    assert_eq!(words(&plan), ["down Shop 10"]);
    assert_eq!(plan.news[0].items[0].dependents, ["Billing", "Router"]);
    let dependency = "down Billing Dependency(Some(\"Shop\"))";
    assert_eq!(held(&plan)[0], dependency);
    assert_eq!(scene.play(0..200), ["11: down Shop 10", "42: recovered Shop 10–40"]);
}

#[test]
fn a_dependent_endpoint_that_stays_down_is_notified_later() {
    let mut scene = Scene::new("h0 d10 h40").with_endpoint("Billing", "h0 d9 h60").depending("Billing", "Shop");
    let expected = ["11: down Shop 10", "42: recovered Shop 10–40", "42: down Billing 9", "62: recovered Billing 9–60"];
    let mut sent = scene.play(0..200);
    sent[1..3].sort_by_key(|item| item.contains("down"));
    assert_eq!(sent, expected);
}

#[test]
fn endpoints_that_depend_on_each_other_are_not_both_held_back() {
    let scene =
        Scene::new("h0 d10").with_endpoint("Blog", "h0 d10").depending("Shop", "Blog").depending("Blog", "Shop");
    assert_eq!(words(&scene.plan(20)), ["down Shop 10"]);
}

#[test]
fn a_dependency_that_the_channel_does_not_hear_of_does_not_count() {
    let mut scene = Scene::new("h0 d10").with_endpoint("Router", "h0 d10").depending("Shop", "Router");
    scene.policy.endpoints = vec!["Shop".to_owned()];
    assert_eq!(words(&scene.plan(20)), ["down Shop 10"]);
}

#[test]
fn a_long_outage_is_not_forgotten() {
    let mut scene = Scene::new("h0 d10").hearing(&[EventKind::Reminder]);
    scene.policy.repeat = vec![4 * HOUR, 24 * HOUR];
    scene.send(11);
    let days: Vec<usize> = (1..=20).map(|day| scene.send(11 + 240 + day * 24 * 60).len()).collect();
    assert!(days.iter().all(|count| *count == 1), "{days:?}");
}

#[test]
fn a_monitor_that_lost_its_network_suspects_itself() {
    let mut scene = Scene::new("h0 d10");
    scene.endpoints = (0..6).map(|index| (key(&format!("e{index}")), "h0 d10", false)).collect();
    let expected = "Everything appears to be down from `a`; the problem may be `a` itself";
    assert_eq!(scene.plan(11).preface.as_deref(), Some(expected));
    assert_eq!(scene.with_node("b").plan(11).preface, None, "two nodes agree");
}

#[test]
fn a_daemon_gathers_news_and_spaces_messages() {
    let mut scene = Scene::new("h0 d10 h100").with_endpoint("Blog", "h0 d12 h101").with_endpoint("Docs", "h0 d16 h103");
    scene.pace = Pace { gather: minutes(3), spacing: minutes(5) };
    assert_eq!(held(&scene.plan(12))[0], "down Shop Gathering 13");
    let expected = [
        "13: down Shop 10",
        "13: down Blog 12",
        "19: down Docs 16",
        "105: recovered Shop 10–100",
        "105: recovered Blog 12–101",
        "105: recovered Docs 16–103",
    ];
    assert_eq!(scene.play(0..200), expected);
}

#[test]
fn worse_news_does_not_wait_for_the_spacing() {
    let mut scene = Scene::new("h0 g10 h14").with_endpoint("Blog", "h0 d13").hearing(&[EventKind::Degraded]);
    scene.pace.spacing = minutes(60);
    assert_eq!(scene.play(0..20), ["12: degraded Shop 10", "14: down Blog 13"]);
}

#[test]
fn a_new_outage_does_not_wait_for_the_spacing() {
    let mut scene = Scene::new("h0 d10 h20").with_endpoint("Blog", "h0 d12 h22").with_endpoint("Docs", "h0 d13 h90");
    scene.pace = Pace { gather: minutes(2), spacing: minutes(30) };
    let expected = [
        "12: down Shop 10",
        // Outages that begin at about the same time share a message.
        "14: down Blog 12",
        "14: down Docs 13",
        // Recoveries wait for each other.
        "44: recovered Shop 10–20",
        "44: recovered Blog 12–22",
        "94: recovered Docs 13–90",
    ];
    assert_eq!(scene.play(1..200), expected);
}

#[test]
fn a_new_problem_of_a_node_does_not_wait_for_the_spacing() {
    let node_key = |name: &str| EndpointKey { title: name.to_owned(), ..EndpointKey::default() };
    for topic in [Topic::Silent, Topic::Store] {
        let mut scene = Scene::new("h0 d10").hearing(&[EventKind::Silent, EventKind::Store]);
        scene.pace = Pace { gather: minutes(2), spacing: minutes(30) };
        assert_eq!(scene.play(0..15), ["12: down Shop 10"]);
        // Two nodes fail at about the same time, and are reported after 10 minutes.
        let condition = |(name, since): (&str, i64)| Condition {
            due: Some(at(since + 10)),
            is_local: topic == Topic::Store,
            ..Condition::new(topic, node_key(name), at(since), true)
        };
        scene.conditions = vec![condition(("eu-west", 5))];
        assert_eq!(scene.plan(16).held.first().map(|held| held.until), Some(Some(at(17))), "{topic:?}");
        scene.conditions.push(condition(("us-east", 6)));
        assert_eq!(
            scene.play(16..20),
            [format!("17: {} eu-west 5", topic.as_str()), format!("17: {} us-east 6", topic.as_str())]
        );
        // The end and a higher number of endpoints are not new problems.
        scene.conditions[0].reminders = 1;
        scene.conditions[1].is_present = false;
        assert_eq!(scene.play(20..47), [""; 0], "{topic:?}");
        assert_eq!(scene.send(47).len(), 2, "{topic:?}");
    }
}

#[test]
fn incidents_do_not_wait_for_the_spacing() {
    let mut scene = Scene::new("h0 d10 h20").with_endpoint("Blog", "h0 d10 h22");
    scene.pace = Pace { gather: 0, spacing: minutes(30) };
    scene.policy.incidents = Some(IncidentScope(1));
    let expected = ["11: down Shop 10", "11: down Blog 10", "22: recovered Shop 10–20", "24: recovered Blog 10–22"];
    assert_eq!(scene.play(1..200), expected);
}

#[test]
fn a_renamed_endpoint_with_an_id_is_the_same() {
    let mut scene = Scene::new("h0 d10");
    scene.endpoints[0].0.id = Some("shop".into());
    scene.send(11);
    scene.endpoints[0].0.title = "Store".to_owned();
    assert_eq!(scene.play(12..60), [""; 0]);
    assert_eq!(scene.logs[0].registers.len(), 1);
    assert_eq!(scene.logs[0].registers[0].state, Notified::Down);
}

#[test]
fn results_that_were_stored_late_do_not_repeat_news() {
    let mut scene = Scene::new("h0 d10 h20");
    assert_eq!(scene.play(0..30), ["11: down Shop 10", "22: recovered Shop 10–20"]);
    // Late results from another node change when the outage began and ended.
    for changed in ["h0 d8 h21", "h0 d12 h19", "h0 d10 h24", "h0 d10 h14 d17 h20", "h0 d10 h20 g21 h23", "h0"] {
        scene.endpoints[0].1 = changed;
        assert_eq!(words(&scene.plan(40)), [""; 0], "{changed}");
    }
}

#[test]
fn an_outage_soon_after_a_recovery_is_not_lost() {
    let mut scene = Scene::new("h0 d10 h20");
    assert_eq!(scene.play(0..30), ["11: down Shop 10", "22: recovered Shop 10–20"]);
    // The recovery was reported after two minutes without failures, but results that were stored late contain some.
    for (changed, expected) in [("h0 d10 h20 d21 h30", "missed Shop 21–30"), ("h0 d10 h20 d21", "down Shop 21")] {
        scene.endpoints[0].1 = changed;
        assert_eq!(words(&scene.plan(40)), [expected]);
    }
    // Outages before a node served the channel are not reported.
    let scene = Scene { logs: vec![log("a", 22)], ..Scene::new("h0 d20 h21 d21 h30") };
    assert_eq!(words(&scene.plan(40)), [""; 0]);
}

#[test]
fn results_that_were_stored_late_do_not_end_an_outage_that_continues() {
    let mut scene = Scene::new("h0 d10");
    scene.send(11);
    for (changed, expected) in [
        ("h0 d9", vec![]),
        ("h0 d12", vec![]),
        ("h0 d2 h9 d12", vec![]),
        ("h0 d12 h20", vec!["recovered Shop 10–20"]),
        ("h0 d30", vec!["recovered Shop 10–10", "down Shop 30"]),
        ("h0", vec!["recovered Shop 10–10"]),
    ] {
        scene.endpoints[0].1 = changed;
        assert_eq!(words(&scene.plan(40)), expected, "{changed}");
    }
}

#[test]
fn several_senders_send_no_duplicates() {
    // A node that stops causes no duplicates either.
    for (stopped, at) in [(None, 0), (Some(0), 5), (Some(0), 20), (Some(1), 20)] {
        let mut scene = Scene::new("h0 d10 h60").with_node("b").with_node("c");
        let mut sent = Vec::new();
        for now in 0..200 {
            // All nodes evaluate at the same time, so none of them sees what the others send.
            let mut logs = scene.logs.clone();
            for index in (0..3).filter(|index| stopped != Some(*index) || now < at) {
                let read = scene.logs.clone();
                scene.logs.swap(0, index);
                sent.extend(scene.send(now));
                logs[index] = std::mem::replace(&mut scene.logs, read).swap_remove(0);
            }
            scene.logs = logs;
        }
        assert_eq!(sent, ["down Shop 10", "recovered Shop 10–60"], "{stopped:?} at {at}");
    }
}

#[test]
fn a_flood_of_outages_is_not_a_flood_of_messages() {
    let mut scene = Scene::new("h0 d10");
    scene.endpoints = (0..80)
        .map(|index| (key(&format!("e{index}")), &*String::leak(format!("h0 d{} h{}", 10 + index, 90 + index)), false))
        .collect();
    scene.pace = Pace { gather: minutes(4), spacing: minutes(5) };
    let messages = (0..200).filter(|now| !scene.send(*now).is_empty()).count();
    assert!((30..=200 / 5).contains(&messages), "{messages}");
}

#[test]
fn a_provider_that_disabled_the_webhook_is_asked_once_an_hour() {
    let mut scene = Scene::new("h0 d10");
    let mut attempts = Vec::new();
    for now in 0..12 * 60 {
        if !scene.plan(now).news.is_empty() {
            attempts.push(now);
            let _ = scene.logs[0].failed(
                &channel(),
                SendFailure { is_refused: true, ..SendFailure::new(FailureReason::Refused(404)) },
                at(now),
            );
        }
    }
    assert_eq!(attempts, (0..12).map(|hour| 11 + 60 * hour).collect::<Vec<_>>());
    assert_eq!(scene.send(11 + 12 * 60), ["down Shop 10"], "it works again");
}

#[test]
fn a_message_sent_with_a_wrong_clock_does_not_hide_later_changes() {
    let mut scene = Scene::new("h0 d10 h20 d40 h60");
    scene.logs[0].registers = {
        let mut ahead = Scene::new("h0 d10");
        ahead.send(15);
        ahead.logs[0].registers.clone()
    };
    for register in &mut scene.logs[0].registers {
        (register.at, register.until, register.since) = (at(2_000), at(2_000), at(1_995));
    }
    scene.logs[0].correct_times(at(16));
    assert_eq!(scene.play(16..70), ["22: recovered Shop 16–20", "41: down Shop 40", "62: recovered Shop 40–60"]);
}

#[test]
fn a_message_of_another_node_from_the_future_repeats_nothing() {
    let mut scene = Scene::new("h0 d10 h20").with_node("b");
    scene.logs[1].registers = vec![Register {
        channel: channel(),
        topic: Topic::Endpoint,
        key: key("Shop"),
        number: crate::notification_log::NUMBER_LIMIT - 1,
        state: Notified::Down,
        since: at(1),
        until: i64::MAX,
        at: i64::MAX,
        reminders: 0,
    }];
    assert_eq!(scene.play(0..60), ["11: down Shop 10", "22: recovered Shop 10–20"]);
}

#[test]
fn an_outage_keeps_the_id_with_which_it_was_reported() {
    let mut scene = Scene::new("h0 d10 h20");
    scene.send(15);
    scene.endpoints[0].0.id = Some("shop".into());
    assert_eq!(scene.plan(30).news[0].items[0].id, None, "providers recognize the incident by its id");
    scene.send(30);
    scene.endpoints[0].1 = "h0 d10 h20 d40";
    assert_eq!(scene.plan(45).news[0].items[0].id.as_deref(), Some("shop"));
}

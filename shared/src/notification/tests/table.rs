//! Tests of the news that follows from the last reported status and the current one.

use super::*;
use crate::notification_log::Topic;

#[test]
fn an_outage_and_its_recovery_are_notified_once() {
    let mut scene = Scene::new("h0 d10 h20");
    assert_eq!(scene.play(0..60), ["11: down Shop 10", "22: recovered Shop 10–20"]);
}

#[test]
fn an_outage_is_notified_after_the_configured_time() {
    let mut scene = Scene::new("h0 d10 h30");
    scene.policy.after = minutes(5);
    assert_eq!(held(&scene.plan(12)), ["down Shop NotLongEnough 15"]);
    assert_eq!(scene.plan(12).next, Some(at(15)));
    assert_eq!(scene.play(0..60), ["15: down Shop 10", "32: recovered Shop 10–30"]);
}

#[test]
fn a_shorter_outage_is_not_notified() {
    let mut scene = Scene::new("h0 d10 h14");
    scene.policy.after = minutes(5);
    assert_eq!(scene.play(0..60), [""; 0]);
}

#[test]
fn a_short_recovery_does_not_end_an_outage() {
    let mut scene = Scene::new("h0 d10 h20 d21 h30");
    assert_eq!(
        held(&{
            scene.send(15);
            scene.plan(21)
        }),
        ["recovered Shop NotHealthyLongEnough 22"]
    );
    assert_eq!(scene.play(16..60), ["32: recovered Shop 10–30"]);
}

#[test]
fn a_degraded_endpoint_that_goes_down_is_worse() {
    let mut scene = Scene::new("h0 g10 d20 h30").hearing(&[EventKind::Degraded]);
    // Degraded spans shorter than 90 s are part of an outage.
    let expected = ["12: degraded Shop 10", "21: worse Shop 20", "32: recovered Shop 10–30"];
    assert_eq!(scene.play(0..60), expected);
}

#[test]
fn a_channel_that_does_not_hear_of_degraded_endpoints_gets_their_recovery() {
    let mut scene = Scene::new("h0 d10 g20");
    scene.send(11);
    let plan = scene.plan(22);
    assert_eq!(words(&plan), ["recovered Shop 10–20"]);
    assert_eq!(plan.news[0].items[0].is, Status::Degraded, "it is back, but slow");
}

#[test]
fn a_partial_recovery_counts_after_a_while() {
    // Another node's results are older, so the endpoint is briefly degraded.
    let mut scene = Scene::new("h0 d10 g15 h16");
    scene.policy.recovered_after = MINUTE / 2;
    let sent = scene.play(10..20);
    assert!(sent.iter().all(|item| !item.starts_with("15:")), "{sent:?}");
    assert!(sent.last().is_some_and(|last| last.starts_with("16: recovered") || last.starts_with("17: recovered")));
}

#[test]
fn a_channel_that_hears_of_degraded_endpoints_gets_the_improvement() {
    let mut scene = Scene::new("h0 d10 g20 h40").hearing(&[EventKind::Degraded]);
    assert_eq!(scene.play(0..60), ["11: down Shop 10", "22: degraded Shop 20", "42: recovered Shop 10–40"]);
}

#[test]
fn reminders_have_numbers_and_stop_with_the_outage() {
    let mut scene = Scene::new("h0 d10 h100").hearing(&[EventKind::Reminder]);
    scene.policy.repeat = vec![minutes(10), minutes(30)];
    let expected = [
        "11: down Shop 10",
        "21: reminder Shop 10 #1",
        "51: reminder Shop 10 #2",
        "81: reminder Shop 10 #3",
        "102: recovered Shop 10–100",
    ];
    assert_eq!(scene.play(0..200), expected);
}

#[test]
fn an_unknown_status_is_not_a_recovery() {
    let mut scene = Scene::new("h0 d10 ?20 d40 h50");
    scene.send(15);
    assert_eq!(held(&scene.plan(30)), ["recovered Shop Unknown 1460"]);
    assert_eq!(scene.play(16..100), ["52: recovered Shop 10–50"]);
}

#[test]
fn an_outage_without_results_is_closed_after_a_day() {
    let mut scene = Scene::new("h0 d10 ?20");
    scene.send(15);
    let day = 24 * 60;
    assert_eq!(scene.play(16..20 + day), [""; 0]);
    let plan = scene.plan(20 + day);
    assert_eq!(words(&plan), ["closed Shop 10–20"]);
    let item = &plan.news[0].items[0];
    assert_eq!((item.was, item.is), (Status::Down, Status::Unknown));
    scene.send(20 + day);
    assert_eq!(scene.plan(21 + day).news, []);
    // A channel without recoveries is not notified of closed outages, and is notified again if the endpoint returns and
    // is still down.
    scene = Scene::new("h0 d10 ?20 d2000");
    scene.policy.on = BTreeSet::from([EventKind::Down]);
    scene.send(15);
    assert_eq!(scene.play(16..2_100), ["2001: down Shop 10"]);
}

#[test]
fn the_outage_of_a_retired_endpoint_is_closed() {
    for pace in [Pace::default(), Pace { gather: MINUTE, spacing: MINUTE }] {
        let mut scene = Scene::new("h0 d10 ?20").with_endpoint("Blog", "h0 d10 h19 ?20");
        scene.pace = pace;
        scene.send(15);
        for endpoint in &mut scene.endpoints {
            endpoint.2 = true;
        }
        // Only the outage of the other endpoint has a known end.
        let expected = ["30: recovered Blog 10–19", "30: closed Shop 10–20"];
        assert_eq!(scene.play(30..60), expected, "{pace:?}");
    }
}

#[test]
fn a_renamed_endpoint_without_an_id_is_closed_and_down_again() {
    let mut scene = Scene::new("h0 d10 ?20");
    scene.send(15);
    scene.endpoints = vec![(key("Shop"), "h0 d10 ?20", true), (key("Store"), "d20", false)];
    assert_eq!(scene.play(21..60), ["21: down Store 20", "21: closed Shop 10–20"]);
}

#[test]
fn the_outage_of_an_endpoint_that_disappeared_is_closed_after_a_day() {
    let mut scene = Scene::new("h0 d10");
    scene.send(15);
    scene.endpoints = vec![(key("Other"), "h0", false)];
    assert_eq!(scene.plan(16).news, []);
    let plan = scene.plan(16 + 24 * 60);
    assert_eq!(words(&plan), ["closed Shop 10–15"]);
    // Other nodes do not repeat a log's claims about unknown endpoints, because the log could be hostile.
    let mut scene = scene.with_node("b");
    scene.logs.swap(0, 1);
    let sent = (16 + 24 * 60..).take(300).find(|now| {
        let plan = scene.plan(*now);
        scene.logs[0].wait(&channel(), plan.waiting.clone());
        !plan.news.is_empty()
    });
    assert_eq!(sent, None);
}

#[test]
fn outages_that_ended_meanwhile_are_missed_and_share_a_message() {
    let scene = Scene::new("h0 d10 h30 d50 h60").with_endpoint("Blog", "h0 d20 h40");
    let plan = scene.plan(90);
    assert_eq!(words(&plan), ["missed Shop 10–30", "missed Shop 50–60", "missed Blog 20–40"]);
    let mut scene = scene;
    scene.send(90);
    assert_eq!(scene.play(91..200), [""; 0]);
}

#[test]
fn an_outage_that_began_during_another_message_is_notified_with_the_recovery() {
    let mut scene = Scene::new("h0 d10 h20 d30");
    scene.send(15);
    assert_eq!(scene.send(40), ["recovered Shop 10–20", "down Shop 30"]);
    assert_eq!(scene.play(41..100), [""; 0]);
}

#[test]
fn outages_before_a_channel_was_first_served_are_not_notified() {
    let mut scene = Scene::new("h0 d10 h30 d40");
    scene.logs = vec![log("a", 35)];
    assert_eq!(scene.plan(39).news, []);
    assert_eq!(scene.send(45), ["down Shop 40"]);
    // An endpoint that is already down when a node first serves the channel is reported.
    scene = Scene::new("h0 d10");
    scene.logs = vec![log("a", 35)];
    assert_eq!(scene.send(36), ["down Shop 10"]);
}

#[test]
fn a_flapping_endpoint_is_notified_once_until_it_is_calm() {
    let mut scene = Scene::new("h0 d10 h12 d20 h22 d30 h32 d40 h42 d50 h52 d55 h57");
    scene.policy.recovered_after = minutes(1);
    let sent = scene.play(0..200);
    assert_eq!(sent[..2], ["11: down Shop 10", "13: recovered Shop 10–12"]);
    assert_eq!(sent[6..], ["41: flapping Shop 10", "87: recovered Shop 10–57"], "{sent:?}");
}

#[test]
fn an_endpoint_that_flapped_before_a_silence_is_not_reported_as_flapping_during_it() {
    let mut scene = Scene::new("h0 d10 h12 d20 h22 d30 h32 d40 h42");
    scene.policy.recovered_after = minutes(1);
    assert_eq!(words(&scene.plan(50)), ["flapping Shop 10"], "the provider was down until now");
    let items = words(&scene.with_hold(HoldKind::Silence, 45, 90).plan(50));
    assert_eq!(items, ["missed Shop 10–12", "missed Shop 20–22", "missed Shop 30–32", "missed Shop 40–42"]);
}

#[test]
fn a_flapping_endpoint_that_stays_down_is_notified_again() {
    let mut scene = Scene::new("h0 d10 h15 d20 h25 d30 h35 d40 h45 d50 h90");
    let sent = scene.play(0..200);
    assert_eq!(sent[6..], ["41: flapping Shop 10", "65: down Shop 50", "92: recovered Shop 50–90"], "{sent:?}");
}

#[test]
fn outages_shorter_than_after_are_not_flapping() {
    let mut scene = Scene::new("h0 d10 h12 d20 h22 d30 h32 d40 h42 d50 h52 d55 h57");
    scene.policy.after = minutes(3);
    assert_eq!(scene.play(0..200), [""; 0]);
    // Four of these outages are long enough. The short ones neither start nor prolong the flapping.
    let mut scene = Scene::new("h0 d10 h15 d20 h21 d25 h30 d35 h36 d40 h45 d50 h55 d65 h66 d80 h81");
    scene.policy.after = minutes(3);
    let sent = scene.play(0..200);
    assert_eq!(sent[..2], ["13: down Shop 10", "17: recovered Shop 10–15"], "{sent:?}");
    assert_eq!(sent[6..], ["53: flapping Shop 10", "85: recovered Shop 10–55"], "{sent:?}");
}

#[test]
fn a_window_holds_back_what_is_new_and_bad() {
    let mut scene = Scene::new("h0 d10 h40").with_hold(HoldKind::Planned, 5, 60);
    assert_eq!(held(&scene.plan(20)), ["down Shop Planned 60"]);
    assert_eq!(scene.play(0..200), [""; 0]);
}

#[test]
fn an_outage_that_outlasts_a_window_counts_from_its_end() {
    let mut scene = Scene::new("h0 d10 h100").with_hold(HoldKind::Planned, 5, 60);
    scene.policy.after = minutes(3);
    assert!(scene.plan(64).news[0].items[0].is_planned);
    assert_eq!(scene.play(0..200), ["63: down Shop 10", "102: recovered Shop 10–100"]);
}

#[test]
fn an_outage_before_a_window_recovers_inside() {
    let mut scene = Scene::new("h0 d10 h40").with_hold(HoldKind::Planned, 20, 60);
    assert_eq!(scene.play(0..200), ["11: down Shop 10", "42: recovered Shop 10–40"]);
}

#[test]
fn an_outage_that_began_before_the_announcement_is_not_held_back() {
    let scene = |changes, (from, to, announced_at)| {
        let mut scene = Scene::new(changes).with_window(from, to, announced_at);
        scene.policy.after = minutes(5);
        scene
    };
    let sent = ["15: down Shop 10", "42: recovered Shop 10–40"];
    for window in [(12, 60, 11), (8, 60, 11), (11, 12, 11), (30, 60, 11)] {
        let mut scene = scene("h0 d10 h40", window);
        assert!(scene.plan(15).news.iter().flat_map(|news| &news.items).all(|item| !item.is_planned), "{window:?}");
        assert_eq!(scene.play(0..200), sent, "{window:?}");
    }
    assert_eq!(scene("h0 d10 h40", (9, 60, 9)).play(0..200), [""; 0], "it began afterwards");
    assert_eq!(scene("h0 d10 h40", (5, 60, 9)).play(0..200), [""; 0], "the window began earlier");
    let again = scene("h0 d10 h40 d50 h70", (30, 80, 20)).play(0..200);
    assert_eq!(again, sent, "the second outage began afterwards");
    let mut long = scene("h0 d10 h100", (5, 60, 9));
    assert!(!long.plan(66).news[0].items[0].is_planned, "the window was announced late");
    let mut planned = scene("h0 d10 h100", (9, 60, 9));
    assert!(planned.plan(66).news[0].items[0].is_planned);
    assert_eq!(
        (long.play(0..66), planned.play(0..66)),
        (vec!["65: down Shop 10".to_owned()], vec!["65: down Shop 10".to_owned()])
    );
}

#[test]
fn alerts_about_an_earlier_outage_are_not_held_back() {
    let scene = |announced_at| {
        let mut scene = Scene::new("h0 d10").hearing(&[EventKind::Budget]).with_window(12, 60, announced_at);
        scene.conditions = vec![Condition::new(Topic::Budget, key("Shop"), at(13), true)];
        held(&scene.plan(14)).into_iter().filter(|held| held.starts_with("budget")).collect::<Vec<_>>()
    };
    assert_eq!(scene(9), ["budget Shop Planned 60"]);
    assert_eq!(scene(11), [""; 0]);
}

#[test]
fn an_outage_that_is_worse_than_planned_is_reported() {
    let scene = |changes| {
        let mut scene = Scene::new(changes).hearing(&[EventKind::Degraded]).with_hold(HoldKind::Planned, 5, 60);
        scene.holds[0].impact = Impact::Degraded;
        scene
    };
    assert_eq!(scene("h0 g10 h40").play(0..200), [""; 0]);
    let mut worse = scene("h0 g10 d20 h40");
    assert!(!worse.plan(21).news[0].items[0].is_planned);
    assert_eq!(worse.play(0..200), ["21: down Shop 20", "42: recovered Shop 20–40"]);
    assert_eq!(scene("h0 d3 h40").play(0..200), ["4: down Shop 3", "42: recovered Shop 3–40"]);
}

#[test]
fn a_silence_holds_back_outages_and_reminders() {
    let mut scene = Scene::new("h0 d10 h100").hearing(&[EventKind::Reminder]).with_hold(HoldKind::Silence, 20, 60);
    scene.policy.repeat = vec![minutes(15)];
    let sent = scene.play(0..200);
    assert_eq!(sent[..3], ["11: down Shop 10", "60: reminder Shop 10 #1", "75: reminder Shop 10 #2"]);
}

#[test]
fn a_silence_holds_back_alerts_about_certificates_and_budgets() {
    for (topic, kind) in [(Topic::Certificate, EventKind::Certificate), (Topic::Budget, EventKind::Budget)] {
        let mut scene = Scene::new("h0").hearing(&[kind]).with_hold(HoldKind::Silence, 5, 60);
        scene.conditions = ["Mail", "Shop"].map(|title| Condition::new(topic, key(title), at(10), true)).into();
        scene.holds[0].endpoints = vec!["Sh*".to_owned()];
        assert_eq!(held(&scene.plan(12)), [format!("{kind} Shop Silenced 60")]);
        assert_eq!(scene.send(12), [format!("{kind} Mail 10")]);
        assert_eq!(scene.send(59), [""; 0]);
        assert_eq!(scene.send(60), [format!("{kind} Shop 10")]);
    }
}

#[test]
fn news_that_a_channel_does_not_hear_of_is_only_recorded() {
    let mut scene = Scene::new("h0 d10 h20");
    scene.policy.on = BTreeSet::from([EventKind::Recovered]);
    assert_eq!(scene.play(0..60), ["22: recovered Shop 10–20"]);
    scene = Scene::new("h0 d10 h20");
    scene.policy.on = BTreeSet::from([EventKind::Silent]);
    assert_eq!(scene.play(0..60), [""; 0]);
    assert_eq!(scene.logs[0].registers, []);
}

#[test]
fn conditions_are_notified_when_they_begin_and_end() {
    let eu_west = EndpointKey { title: "eu-west".to_owned(), ..EndpointKey::default() };
    let condition = |topic, is_present, since| Condition::new(topic, eu_west.clone(), at(since), is_present);
    let mut scene = Scene::new("h0").hearing(&[EventKind::Silent, EventKind::Certificate]);
    let mut send = |topic, is_present, since, now| {
        scene.conditions = vec![condition(topic, is_present, since)];
        scene.send(now)
    };
    // The end of a condition has the same event kind, with the time at which it ended.
    assert_eq!(send(Topic::Silent, true, 10, 12), ["silent eu-west 10"]);
    assert_eq!(send(Topic::Silent, true, 10, 13), [""; 0]);
    assert_eq!(send(Topic::Silent, false, 20, 21), ["silent eu-west 10–20"]);
    assert_eq!(send(Topic::Silent, false, 20, 22), [""; 0]);
}

/// The exact start of some conditions is unknown, so each evaluation reports a different one.
#[test]
fn a_condition_whose_start_moves_is_notified_by_daemons_and_by_the_next_node() {
    let condition = |now| Condition::new(Topic::Budget, key("Shop"), at(now), true);
    let mut scene = Scene::new("h0").hearing(&[EventKind::Budget]);
    scene.pace = Pace { gather: 5 * MINUTE, spacing: 0 };
    scene.conditions = vec![condition(12)];
    assert_eq!(scene.send(12), ["budget Shop 12"]);
    let mut scene = Scene::new("h0").with_node("b").hearing(&[EventKind::Budget]);
    scene.logs.swap(0, 1);
    let sent = (12..30).find(|now| {
        scene.conditions = vec![condition(*now)];
        let plan = scene.plan(*now);
        scene.logs[0].wait(&channel(), plan.waiting.clone());
        !plan.news.is_empty()
    });
    assert_eq!(sent, Some(17), "the first node does not send, so the second one takes its turn");
}

#[test]
fn a_budget_that_burns_faster_is_notified_again() {
    let mut scene = Scene::new("h0").hearing(&[EventKind::Budget]);
    let mut send = |level: Option<u32>, lasting: Option<u32>, now| {
        let condition = Condition::new(Topic::Budget, key("Shop"), at(10), level.is_some());
        scene.conditions = vec![Condition { reminders: level.unwrap_or(0), lasting, ..condition }];
        scene.send(now)
    };
    assert_eq!(send(Some(0), None, 10), ["budget Shop 10"]);
    assert_eq!(send(Some(2), Some(2), 20), ["budget Shop 10 #2"]);
    // A burn rate that goes up and down causes no messages, even if it is below all thresholds for a moment.
    for (level, now) in [(Some(1), 30), (Some(2), 31), (Some(0), 70), (None, 78), (Some(2), 79), (None, 139)] {
        assert_eq!(send(level, Some(2), now), [""; 0], "{now}");
    }
    // A burn rate that stays lower is recorded.
    assert_eq!(send(Some(0), Some(0), 140), [""; 0]);
    assert_eq!(send(None, Some(0), 141), [""; 0]);
    assert_eq!(send(Some(2), Some(2), 150), ["budget Shop 10 #2"]);
    assert_eq!(send(None, Some(1), 151), [""; 0]);
    assert_eq!(send(Some(2), Some(2), 152), ["budget Shop 10 #2"], "it was lower for a while");
    assert_eq!(send(None, None, 160), [""; 0]);
    assert_eq!(send(Some(1), None, 170), ["budget Shop 10"]);
}

/// Evaluates a certificate with this many due reminders, or with `None` if it does not expire soon. Returns the news.
fn send_certificate(scene: &mut Scene, reminders: Option<u32>, now: i64) -> Vec<String> {
    let condition = Condition::new(Topic::Certificate, key("Shop"), at(10), reminders.is_some());
    scene.conditions = vec![Condition { reminders: reminders.unwrap_or(0), ..condition }];
    scene.send(now)
}

#[test]
fn a_certificate_is_notified_once_and_again_before_it_expires() {
    let mut scene = Scene::new("h0").hearing(&[EventKind::Certificate]);
    let mut send = |reminders, now| send_certificate(&mut scene, reminders, now);
    assert_eq!(send(Some(0), 30), ["certificate Shop 10"]);
    assert_eq!(send(Some(0), 31), [""; 0]);
    assert_eq!(send(Some(1), 41), ["certificate Shop 10 #1"]);
    // A node with an older result does not repeat the first message.
    assert_eq!(send(Some(0), 42), [""; 0]);
    assert_eq!(send(Some(1), 43), [""; 0]);
    // The renewal of a certificate causes no message.
    assert_eq!(send(None, 51), [""; 0]);
    // A provider that keeps incidents is notified of the renewal.
    let mut incident = Scene::new("h0").hearing(&[EventKind::Certificate]);
    incident.policy.incidents = Some(IncidentScope(1));
    assert_eq!(send_certificate(&mut incident, Some(0), 30), ["certificate Shop 10"]);
    assert_eq!(send_certificate(&mut incident, None, 40), ["certificate Shop 10–10"]);
    // A certificate that already expires soon when it is first seen has no reminder.
    let mut scene = Scene::new("h0").hearing(&[EventKind::Certificate]);
    let mut send = |reminders, now| send_certificate(&mut scene, reminders, now);
    assert_eq!(send(Some(1), 30), ["certificate Shop 10"]);
    assert_eq!(send(Some(1), 31), [""; 0]);
}

#[test]
fn alternating_certificates_are_notified_once_a_day() {
    let mut scene = Scene::new("h0").hearing(&[EventKind::Certificate]);
    let mut send = |reminders, now| send_certificate(&mut scene, reminders, now);
    let day = 24 * 60;
    let minutes: Vec<i64> =
        (0..=2 * day).filter(|now| !send(Some(1).filter(|_| now % 2 == 0), *now).is_empty()).collect();
    assert_eq!(minutes, [10, 10 + day + 2]);
    assert_eq!(held(&scene.plan(2 * day)), [format!("certificate Shop Spacing {}", 10 + day + 3 + day)]);
}

#[test]
fn items_contain_the_votes_and_reasons() {
    let plan = Scene::new("h0 d10").with_node("b").plan(11);
    let item = &plan.news[0].items[0];
    assert_eq!((item.voters, item.down_from.as_slice()), (2, ["a".to_owned(), "b".to_owned()].as_slice()));
    assert_eq!(item.reasons.len(), 2);
    assert_eq!((item.was, item.is, item.until), (Status::Healthy, Status::Down, None));
}

//! Tests of merging the logs of several nodes, including hostile ones.

use proptest::prelude::*;

use super::*;
use crate::notification_log::{Deferred, NUMBER_LIMIT, Notified, RecipientList, Register, Topic};

fn register(title: &str, number: i64, state: Notified) -> Register {
    Register {
        channel: channel(),
        topic: Topic::Endpoint,
        key: key(title),
        number,
        state,
        since: at(0),
        until: at(1),
        at: at(1),
        reminders: 0,
    }
}

fn with(mut log: NotificationLog, registers: Vec<Register>) -> NotificationLog {
    log.registers = registers;
    log
}

#[test]
fn the_greatest_number_counts_whatever_the_clocks_show() {
    let mut ahead = register("Shop", 3, Notified::Down);
    ahead.at = at(9_000);
    let logs = [with(log("a", 0), vec![ahead]), with(log("b", 0), vec![register("Shop", 4, Notified::Healthy)])];
    let merged = Registers::merge(&logs, at(10_000));
    assert_eq!(merged.get(&channel(), Topic::Endpoint, &key("Shop")).map(|found| found.state), Some(Notified::Healthy));
    assert_eq!((merged.next_number(), merged.served_since(&channel())), (5, Some(at(0))));
    assert_eq!(merged.of_channel(&channel()).count(), 1);
}

#[test]
fn a_recovery_is_kept_while_another_log_contains_the_outage() {
    let old = at(-100 * 60);
    let aged = |mut register: Register| {
        (register.at, register.until) = (old, old);
        register
    };
    let outage = with(log("a", 0), vec![aged(register("Shop", 1, Notified::Down))]);
    let mut recovery = with(log("b", 0), vec![aged(register("Shop", 2, Notified::Healthy))]);
    assert!(!recovery.prune(std::slice::from_ref(&outage), at(0)));
    let mut outage_after = outage;
    assert!(outage_after.prune(std::slice::from_ref(&recovery), at(0)), "the replaced register is removed");
    assert!(recovery.prune(&[outage_after], at(0)) && recovery.registers.is_empty());
}

#[test]
fn an_outage_is_kept_while_any_node_serves_the_channel() {
    let mut old = register("Shop", 1, Notified::Down);
    (old.at, old.until) = (at(-9_000), at(-9_000));
    let mut own = with(log("a", 0), vec![old]);
    own.introduce(&introduction(100, &[]), at(0));
    assert!(!own.prune(&[log("b", 0)], at(0)));
    assert!(own.prune(&[], at(0)));
}

#[test]
fn registers_of_other_nodes_are_not_copied() {
    let unknown = (0..50).map(|index| {
        let mut register = register(&format!("Unknown {index}"), index, Notified::Down);
        (register.at, register.until) = (at(-9_000), at(-9_000));
        register
    });
    let mut scene = Scene::new("h0");
    scene.logs.push(with(log("b", -1_000), unknown.collect()));
    assert_eq!(scene.plan(10).news, vec![]);
    scene.logs[0].registers = scene.logs[1].registers.split_off(48);
    assert_eq!(scene.plan(10).news.len(), 2, "the node closes the outages that it recorded");
}

#[test]
fn a_log_that_is_too_large_is_not_storable() {
    let mut log = log("a", 0);
    log.registers = vec![register("Shop", 1, Notified::Down); crate::notification_log::REGISTERS_LIMIT];
    assert!(log.is_storable());
    log.registers.push(register("Shop", 1, Notified::Down));
    assert!(!log.is_storable());
    log.registers.truncate(20_000);
    log.registers.iter_mut().for_each(|register| register.key.locator = "x".repeat(2_000));
    assert!(!log.is_storable());
}

#[test]
fn a_hostile_number_cannot_be_greater_than_all_others() {
    let json = |number: i64| {
        format!(
            r#"{{"version":1,"node":"a","sent":[{{"channel":"ops","title":"x","n":{number},"as":"down","until":0,"at":0}}]}}"#
        )
    };
    let parse = |number| NotificationLog::parse(json(number).as_bytes()).expect("it is a log").registers.len();
    assert_eq!([parse(NUMBER_LIMIT - 1), parse(NUMBER_LIMIT), parse(i64::MAX), parse(-1)], [1, 0, 0, 0]);
}

fn any_register() -> impl Strategy<Value = Register> {
    let key = ("[ab]", "[xy]?", prop::option::of("[12]")).prop_map(|(title, locator, id)| EndpointKey {
        title,
        locator,
        id: id.map(String::into_boxed_str),
    });
    let times = (any_time(), any_time(), any_time());
    let state = prop::sample::select(Notified::ALL.to_vec());
    let topic = prop::sample::select(Topic::ALL.to_vec());
    (key, times, state, topic, 0..4_i64, any::<u32>(), prop::sample::select(vec!["ops", "b"])).prop_map(
        |(key, (since, until, at), state, topic, number, reminders, channel)| Register {
            channel: ChannelId::new(channel).expect("an id"),
            topic,
            key,
            number,
            state,
            since,
            until,
            at,
            reminders,
        },
    )
}

fn any_time() -> impl Strategy<Value = i64> {
    prop_oneof![Just(i64::MIN), Just(i64::MAX), Just(0), any::<i64>(), (-100..100_i64).prop_map(at)]
}

fn any_log() -> impl Strategy<Value = NotificationLog> {
    let registers = prop::collection::vec(any_register(), 0..8);
    let header = (prop::sample::select(vec!["a", "b", "c"]), any::<u32>(), 0..i64::MAX, any_time());
    (header, registers, any_retry()).prop_map(|((name, rank, every, since), registers, (tries, next))| {
        let mut log = log(name, 0);
        (log.rank, log.every, log.since, log.registers) = (rank, every, since, registers);
        log.channels[0].from = since;
        log.channels[0].retry = Some(crate::notification_log::Retry {
            tries,
            unanswered: tries % 5,
            next,
            why: crate::notification_log::FailureReason::Failed,
        });
        log
    })
}

fn any_retry() -> impl Strategy<Value = (u32, i64)> {
    (any::<u32>(), any_time())
}

/// Returns the current register of every subject, in a comparable form.
fn merged(logs: &[NotificationLog]) -> Vec<String> {
    let registers = Registers::merge(logs, UnixNanos::MAX);
    let mut found = Vec::new();
    for channel in ["ops", "b"].map(|id| ChannelId::new(id).expect("an id")) {
        for register in logs.iter().flat_map(|log| &log.registers) {
            let current = registers.get(&channel, register.topic, &register.key);
            found.push(format!("{channel} {:?} {:?} {current:?}", register.topic, register.key));
        }
        found.push(format!("{:?}", registers.served_since(&channel)));
    }
    found.push(registers.next_number().to_string());
    found.sort();
    found.dedup();
    found
}

proptest! {
    #[test]
    fn merging_is_commutative_associative_and_idempotent(
        logs in prop::collection::vec(any_log(), 0..4), rotation in 0..4_usize,
    ) {
        let expected = merged(&logs);
        let mut others = logs.clone();
        others.reverse();
        prop_assert_eq!(&merged(&others), &expected);
        let rotation = rotation.min(others.len());
        others.rotate_left(rotation);
        prop_assert_eq!(&merged(&others), &expected);
        others.extend(logs);
        prop_assert_eq!(&merged(&others), &expected);
    }

    #[test]
    fn logs_are_never_larger_than_estimated(mut log in any_log(), title in "[a\u{1}\"é]{0,20}", number: u32, time in any_time()) {
        for register in &mut log.registers {
            register.key.title.clone_from(&title);
            register.number = NUMBER_LIMIT - 1;
        }
        let list = RecipientList { count: number, checksum: Some(255) };
        let known = log.registers.clone();
        let deferred = Deferred { recipients: vec![number; 9], list, tries: number, next: time, known };
        let waiting = crate::notification_log::Waiting { since: time, news: vec![number; 9] };
        (log.channels[0].unconfirmed, log.channels[0].resumed) = (Some(time), Some(time));
        (log.channels[0].deferred, log.channels[0].waiting) = (vec![deferred; 3], vec![waiting; 3]);
        prop_assert!(log.to_json().len() <= log.greatest_size());
    }

    #[test]
    fn hostile_logs_never_panic(logs in prop::collection::vec(any_log(), 1..4), now in any_time(), changes in "[hdg][0-9]( [hdg?][1-9][0-9]){0,3}") {
        let mut scene = Scene::new("h0").with_endpoint("a", "d0").hearing(&EventKind::ALL);
        scene.policy.repeat = vec![minutes(1)];
        scene.pace = Pace { gather: minutes(1), spacing: minutes(2) };
        scene.logs = logs;
        let plan = scene.plan_at(now, |_| spans(&changes, 100));
        scene.logs[0].wait(&channel(), plan.waiting);
        scene.logs[0].record(&plan.news, 7, now);
        let _ = scene.logs[0].failed(&channel(), SendFailure::new(crate::notification_log::FailureReason::Failed), now);
        let (own, others) = scene.logs.split_first_mut().expect("there is a log");
        own.prune(others, now);
        scene.plan_at(now.saturating_add(MINUTE), |_| spans(&changes, 100));
    }

    #[test]
    fn a_recorded_plan_leaves_no_difference(changes in "h0( [hdg?][1-9][0-9]){0,6}", now in 1..100_i64, degraded in any::<bool>()) {
        let mut changes: Vec<(i64, &str)> =
            changes.split(' ').map(|change| (change[1..].parse().expect("a minute"), change)).collect();
        changes.sort_by_key(|(minute, _)| *minute);
        let text: Vec<&str> = changes.into_iter().map(|(_, change)| change).collect();
        let text = text.join(" ");
        let mut scene = Scene::new("h0");
        if degraded {
            scene = scene.hearing(&[EventKind::Degraded]);
        }
        let plan = scene.plan_at(at(now), |_| spans(&text, now));
        scene.logs[0].record(&plan.news, 1, at(now));
        let again = scene.plan_at(at(now), |_| spans(&text, now));
        prop_assert_eq!(again.news, vec![]);
    }
}

//! Tests that no channel closes an incident that another channel or node still reports to the same provider.

use std::fmt::Write as _;

use proptest::prelude::*;

use super::*;
use crate::notification_log::{Notified, ServedChannel, Topic};

const DAY: i64 = 24 * 60;

/// Two channels of one provider, on a node that can read the logs of other nodes.
struct Sharing {
    scene: Scene,
    ids: [ChannelId; 2],
    policies: [ChannelPolicy; 2],
    /// Whether only the other nodes serve the second channel.
    is_second_removed: bool,
}

impl Sharing {
    fn new(changes: &'static str) -> Sharing {
        let mut scene = Scene::new(changes);
        let ids = ["first", "second"].map(|id| ChannelId::new(id).expect("an id"));
        scene.policy.incidents = Some(IncidentScope(7));
        scene.logs = vec![serving("a", &ids), serving("b", &ids)];
        let policies = [scene.policy.clone(), scene.policy.clone()];
        Sharing { scene, ids, policies, is_second_removed: false }
    }

    fn plan(&self, index: usize, now: i64, changes: Option<&str>) -> Plan {
        let channels = [(&self.ids[0], &self.policies[0]), (&self.ids[1], &self.policies[1])];
        let served = if self.is_second_removed { &channels[..1] } else { &channels };
        let Some((channel, policy)) = served.get(index).copied() else { return Plan::default() };
        self.scene.evaluate(
            at(now),
            |of_scene| spans(changes.unwrap_or(of_scene), now),
            |situation| {
                // Each node can send, as if no other node were first in line.
                let line: Vec<NotificationLog> =
                    situation.nodes.others.iter().map(|log| without_channel(log, channel)).collect();
                let nodes = Nodes { others: &line, ..situation.nodes };
                let flapping = Flapping { outages: 0, within: 0 };
                reconcile(&Situation { channel, policy, channels: served, nodes, flapping, ..*situation })
            },
        )
    }

    /// Evaluates both channels and then records their news, in this order. Returns the items with their channels.
    fn send(&mut self, order: [usize; 2], now: i64, changes: Option<&str>) -> Vec<(usize, EventKind)> {
        let plans = order.map(|index| (index, self.plan(index, now, changes)));
        let number = Registers::merge(&self.scene.logs, at(now)).next_number();
        let mut items = Vec::new();
        for (index, plan) in plans {
            self.scene.logs[0].record(&plan.news, number, at(now));
            items.extend(plan.news.iter().flat_map(|news| &news.items).map(|item| (index, item.event)));
        }
        items
    }

    fn news(&mut self, now: i64) -> Vec<String> {
        let items = self.send([0, 1], now, None).into_iter();
        items.map(|(index, event)| format!("{event} {}", self.ids[index])).collect()
    }

    fn exclude(&mut self, index: usize) {
        self.policies[index].endpoints = vec!["Blog".to_owned()];
    }

    fn include(&mut self, index: usize) {
        self.policies[index].endpoints.clear();
    }

    fn is_open(&self, index: usize, now: i64) -> bool {
        let registers = Registers::merge(&self.scene.logs, at(now));
        registers.open(&self.ids[index]).any(|open| open.state != Notified::Healthy)
    }
}

fn serving(name: &str, ids: &[ChannelId; 2]) -> NotificationLog {
    let mut log = NotificationLog::new(node(name));
    log.introduce(&introduction(100, &[&ids[0], &ids[1]]), at(-1_000));
    log
}

/// Removes a node from a channel's line-up, but not its registers.
fn without_channel(log: &NotificationLog, channel: &ChannelId) -> NotificationLog {
    let mut channels = log.channels.clone();
    channels.retain(|served| served.id != *channel);
    NotificationLog { channels, ..log.clone() }
}

#[test]
fn a_narrowed_channel_does_not_close_what_another_one_reports() {
    for other in 0..2 {
        let mut sharing = Sharing::new("h0 d10 h50");
        assert_eq!(sharing.news(11), ["down first", "down second"]);
        sharing.exclude(other);
        for now in 12..52 {
            assert_eq!(sharing.news(now), [""; 0], "minute {now}");
        }
        // The incident is resolved by the channel that follows it, and then the other channel forgets it.
        let [own, other] = [1 - other, other].map(|index| sharing.ids[index].to_string());
        assert_eq!(sharing.news(52), [format!("recovered {own}")]);
        assert_eq!(sharing.news(53), [format!("closed {other}")]);
        assert_eq!(sharing.news(54), [""; 0]);
    }
}

#[test]
fn an_endpoint_that_moves_to_another_channel_keeps_its_incident() {
    for order in [[0, 1], [1, 0]] {
        let mut sharing = Sharing::new("h0 d10");
        sharing.exclude(1);
        assert_eq!(sharing.news(11), ["down first"]);
        sharing.exclude(0);
        sharing.include(1);
        assert_eq!(sharing.send(order, 12, None), [(1, EventKind::Down)]);
        assert_eq!(sharing.send(order, 13, None), []);
    }
    // The endpoint recovers before the other channel reports it.
    let mut sharing = Sharing::new("h0 d10 h20");
    sharing.exclude(1);
    assert_eq!(sharing.news(11), ["down first"]);
    sharing.exclude(0);
    sharing.include(1);
    sharing.policies[1].after = 30 * MINUTE;
    assert_eq!(sharing.news(12), [""; 0]);
    assert_eq!(sharing.news(21), [""; 0]);
    assert_eq!(sharing.news(22), ["closed first"]);
}

#[test]
fn an_incident_that_no_channel_follows_is_closed() {
    let mut sharing = Sharing::new("h0 d10");
    sharing.news(11);
    sharing.exclude(0);
    sharing.exclude(1);
    assert_eq!(sharing.news(12), ["closed first", "closed second"]);
    // The other channel opens no incidents about the status of endpoints.
    let mut sharing = Sharing::new("h0 d10");
    sharing.policies[1].on = BTreeSet::from([EventKind::Certificate, EventKind::Recovered]);
    sharing.news(11);
    sharing.exclude(0);
    assert_eq!(sharing.news(12), ["closed first"]);
    // The other channel has another provider.
    let mut sharing = Sharing::new("h0 d10");
    sharing.news(11);
    sharing.policies[1].incidents = Some(IncidentScope(8));
    sharing.exclude(0);
    assert_eq!(sharing.news(12), ["closed first"]);
}

#[test]
fn an_incident_that_another_node_reports_is_not_closed() {
    let reported = || {
        let mut sharing = Sharing::new("h0 d10");
        sharing.exclude(1);
        sharing.news(11);
        sharing.exclude(0);
        sharing
    };
    let number = |sharing: &Sharing| Registers::merge(&sharing.scene.logs, at(11)).next_number();
    assert_eq!(reported().news(12), ["closed first"]);
    // The other node has sent the last message about it, for example a reminder.
    let mut sharing = reported();
    let mut register = sharing.scene.logs[0].registers[0].clone();
    register.number = number(&sharing);
    sharing.scene.logs[1].registers = vec![register.clone()];
    assert_eq!(sharing.news(12), [""; 0]);
    sharing.scene.logs[1].registers[0].number = 0;
    assert_eq!(sharing.news(12), ["closed first"], "its message was older");
    // On the other node, the channel has another name.
    for (scope, expected) in [(7, &[][..]), (8, &["closed first"])] {
        let mut sharing = reported();
        let third = ChannelId::new("third").expect("an id");
        sharing.scene.logs[1].introduce(&introduction(100, &[&third]), at(-1_000));
        sharing.scene.logs[1].describe_incidents(|_| Some(IncidentScope(scope)), at(11));
        sharing.scene.logs[1].registers =
            vec![crate::notification_log::Register { channel: third, ..register.clone() }];
        assert_eq!(sharing.news(12), expected);
    }
    // It is abandoned only while the endpoint is down.
    let mut sharing = reported();
    sharing.scene.endpoints[0].1 = "h0 d10 h20";
    sharing.scene.logs[1].registers = vec![register];
    assert_eq!(sharing.news(25), [""; 0]);
    assert_eq!(sharing.news(21 + DAY), ["closed first"]);
}

#[test]
fn an_incident_of_a_channel_that_only_other_nodes_serve_is_not_closed() {
    for (is_shared, expected) in [(true, &[][..]), (false, &["closed first"])] {
        let mut sharing = Sharing::new("h0 d10");
        assert_eq!(sharing.news(11), ["down first", "down second"]);
        sharing.exclude(0);
        sharing.is_second_removed = true;
        sharing.scene.logs[1].describe_incidents(|_| is_shared.then_some(IncidentScope(7)), at(11));
        assert_eq!(sharing.news(12), expected);
    }
}

#[test]
fn an_incident_is_closed_if_the_other_channel_does_not_hear_of_degraded_endpoints() {
    for (hears_degraded, expected) in [(false, &["closed first"][..]), (true, &[])] {
        let mut sharing = Sharing::new("h0 d10 g20");
        sharing.exclude(1);
        assert_eq!(sharing.news(11), ["down first"]);
        sharing.exclude(0);
        sharing.include(1);
        sharing.policies[1].after = minutes(30);
        if hears_degraded {
            sharing.policies[1].on.insert(EventKind::Degraded);
        }
        assert_eq!(sharing.news(21), [""; 0]);
        assert_eq!(sharing.news(25), expected);
    }
}

#[test]
fn the_certificate_incident_of_a_removed_endpoint_is_closed() {
    let mut sharing = Sharing::new("h0");
    for policy in &mut sharing.policies {
        policy.on.insert(EventKind::Certificate);
    }
    sharing.scene.conditions = vec![Condition::new(Topic::Certificate, key("Shop"), at(10), true)];
    sharing.exclude(1);
    assert_eq!(sharing.news(11), ["certificate first"]);
    sharing.exclude(0);
    sharing.include(1);
    sharing.scene.conditions.clear();
    assert_eq!(sharing.news(12), [""; 0], "the other channel can still report it");
    sharing.scene.endpoints[0].2 = true;
    assert_eq!(sharing.news(13), ["closed first"]);
}

#[derive(Debug, Clone)]
struct Step {
    minutes: i64,
    /// Whether the other node evaluates.
    switches_node: bool,
    is_reversed: bool,
    /// Whether the endpoint goes down or recovers.
    toggles: bool,
    /// The channels that begin or cease to cover the endpoint on the node that evaluates.
    moves: [bool; 2],
}

fn any_step() -> impl Strategy<Value = Step> {
    let moved = || prop::bool::weighted(0.15);
    (1..9_i64, any::<bool>(), any::<bool>(), prop::bool::weighted(0.2), [moved(), moved()]).prop_map(
        |(minutes, switches_node, is_reversed, toggles, moves)| Step {
            minutes,
            switches_node,
            is_reversed,
            toggles,
            moves,
        },
    )
}

proptest! {
    #[test]
    fn no_current_incident_is_closed(steps in prop::collection::vec(any_step(), 1..60)) {
        let mut sharing = Sharing::new("");
        let mut covers = [[true; 2]; 2];
        let (mut now, mut changes, mut node, mut is_down, mut is_open) = (0, "h-100".to_owned(), 0, false, false);
        for step in steps {
            now += step.minutes;
            if step.switches_node {
                sharing.scene.logs.swap(0, 1);
                node = 1 - node;
            }
            if step.toggles {
                is_down = !is_down;
                let _ = write!(changes, " {}{now}", if is_down { 'd' } else { 'h' });
                now += 1;
            }
            for (index, (covers, moves)) in covers[node].iter_mut().zip(step.moves).enumerate() {
                *covers ^= moves;
                if *covers { sharing.include(index) } else { sharing.exclude(index) }
            }
            let order = if step.is_reversed { [1, 0] } else { [0, 1] };
            for (_, event) in sharing.send(order, now, Some(&changes)) {
                is_open = match event {
                    EventKind::Down => true,
                    EventKind::Recovered | EventKind::Closed => false,
                    _ => is_open,
                };
            }
            // If a channel covers the endpoint and has reported the outage, its incident is open.
            let follows = |index: usize| covers[node][index] && sharing.is_open(index, now);
            prop_assert!(!is_down || is_open || !(follows(0) || follows(1)), "minute {}: {}", now, changes);
        }
    }
}

#[test]
fn a_log_records_when_the_incidents_of_a_channel_moved() {
    let channel = ChannelId::new("on-call").expect("an id");
    let mut log = NotificationLog::new(NodeName::new("a").expect("a name"));
    log.channels = vec![ServedChannel::new(channel, 0)];
    let mut moved_at = |scope: Option<u16>, now| {
        let has_changed = log.describe_incidents(|_| scope.map(IncidentScope), now);
        (has_changed, log.channels[0].incidents_moved_at)
    };
    assert_eq!(moved_at(Some(7), 1), (true, None), "an earlier version did not store it");
    assert_eq!(moved_at(Some(7), 2), (false, None));
    assert_eq!(moved_at(Some(8), 3), (true, Some(3)));
    assert_eq!(moved_at(Some(8), 4), (false, Some(3)));
    assert_eq!(NotificationLog::parse(log.to_json().as_bytes()), Ok(log));
}

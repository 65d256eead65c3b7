//! Determines how long each node has been waiting for the nodes before it to send news. The logs alone do not show
//! this, because a node does not store its log just to remove a wait that is over.

use std::collections::BTreeMap;

use shared::UnixNanos;
use shared::budget::Objective;
use shared::endpoint_map::EndpointMap;
use shared::endpoint_status::endpoint_statuses;
use shared::history::History;
use shared::notification::condition::Condition;
use shared::notification::lineup::Nodes;
use shared::notification::policy::Pace;
use shared::notification::reconcile::{Hold, Plan, Situation, reconcile};
use shared::notification::registers::Registers;
use shared::notification::verdicts::{Verdict, verdicts};
use shared::notification_log::{ChannelId, NotificationLog, Topic};
use shared::object_name::NodeName;
use shared::post::digest::PostDigest;

use super::{HELD_TIME, enabled_channels, message_channels};
use crate::notify::budget_conditions::burning_budgets;
use crate::notify::conditions::silent_nodes;
use crate::notify::holds::holds;
use crate::notify::post_conditions::posted;
use crate::notify::rules::{Channel, Notifications};

/// When each node started to wait for other nodes to send news, for each channel.
pub type Waits = BTreeMap<(NodeName, ChannelId), UnixNanos>;

/// Evaluates the rules for each node, and returns the waits in the nodes' logs that are not over. Assumes that all nodes
/// have the same settings. News about certificates is missing, because histories do not contain them.
#[must_use]
pub fn current_waits(
    (settings, objectives): (&Notifications, &EndpointMap<Objective>),
    (histories, digests): (&[History], &[PostDigest]),
    logs: &[NotificationLog],
    now: UnixNanos,
) -> Waits {
    let endpoints = endpoint_statuses(histories);
    let all_logs: Vec<&NotificationLog> = logs.iter().collect();
    let mut conditions = silent_nodes(histories, &all_logs, now);
    conditions.extend(burning_budgets(&endpoints, objectives, &all_logs, now));
    let newest = histories.iter().filter_map(|history| Some((history.node.clone()?, history.newest()?)));
    let rules = &settings.rules;
    let announcements = rules.authors.announcements(digests, now);
    conditions.extend(posted(&announcements, (&rules.groups, &rules.zone), now));
    let holds = holds(digests, (&rules.groups, &rules.authors), (now.saturating_sub(HELD_TIME), now));
    let world = World {
        settings,
        verdicts: &verdicts(&endpoints, now),
        conditions: &conditions,
        holds: &holds,
        newest: &newest.collect(),
        logs,
        registers: &Registers::merge(logs, now),
        now,
    };
    let mut waits = Waits::new();
    for log in logs {
        let is_waiting = |channel: &Channel| log.channel(&channel.id).is_some_and(|served| !served.waiting.is_empty());
        for (_, channel) in message_channels(settings).filter(|(_, channel)| is_waiting(channel)) {
            // Waits that are not in the log begin now.
            let waiting = world.plan(log, channel).waiting;
            let since = waiting.iter().map(|waiting| waiting.since).filter(|since| *since < now).min();
            waits.extend(since.map(|since| ((log.node.clone(), channel.id.clone()), since)));
        }
    }
    waits
}

/// The input of all evaluations.
struct World<'a> {
    settings: &'a Notifications,
    verdicts: &'a [Verdict<'a>],
    conditions: &'a [Condition],
    holds: &'a [Hold],
    newest: &'a BTreeMap<NodeName, UnixNanos>,
    logs: &'a [NotificationLog],
    registers: &'a Registers<'a>,
    now: UnixNanos,
}

impl World<'_> {
    /// Evaluates the rules for one node and channel.
    fn plan(&self, own: &NotificationLog, channel: &Channel) -> Plan {
        // A node does not know that it is silent.
        let is_own_silence =
            |condition: &Condition| condition.topic == Topic::Silent && condition.key.title == own.node.as_str();
        let conditions = self.conditions.iter().filter(|condition| !is_own_silence(condition)).cloned();
        reconcile(&Situation {
            channel: &channel.id,
            policy: &channel.policy,
            channels: &enabled_channels(self.settings),
            flapping: self.settings.rules.flapping,
            pace: Pace { gather: own.gather, spacing: own.spacing },
            checks: &self.settings.checks,
            verdicts: self.verdicts,
            conditions: &conditions.collect::<Vec<_>>(),
            holds: self.holds,
            registers: self.registers,
            nodes: Nodes { own, others: self.logs, newest: self.newest, has_unreadable: false },
            now: self.now,
        })
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use shared::notification_log::{Notified, Register, ServedChannel};
    use shared::status::Status;
    use shared::{MINUTE, SECOND};

    use super::*;
    use crate::notify::channels::Transport;
    use crate::notify::channels::exec::ExecChannel;
    use crate::notify::test_rules::{START, history, register, rounds, settings};

    /// Returns the histories and the logs of two nodes, the second of which has waited since second 610 to report an
    /// outage that began in second 600.
    fn waiting(settings: &Notifications, results: &[(i64, &str, Status)]) -> (Vec<History>, Vec<NotificationLog>) {
        let histories: Vec<History> = ["a", "b"].map(|node| history(node, results)).into();
        let log = |name: &str| {
            let node = NodeName::new(name).expect("it is a name");
            let channels = vec![ServedChannel::new(settings.channels[0].id.clone(), START)];
            NotificationLog { every: 10 * SECOND, since: START, channels, ..NotificationLog::new(node) }
        };
        let mut logs: Vec<NotificationLog> = ["a", "b"].map(log).into();
        // Until then, both nodes have the same results.
        let until: Vec<_> = results.iter().copied().filter(|(second, ..)| *second <= 610).collect();
        let before = ["a", "b"].map(|node| history(node, &until));
        let now = START + 610 * SECOND;
        let endpoints = endpoint_statuses(&before);
        let newest = before.iter().filter_map(|history| Some((history.node.clone()?, history.newest()?)));
        let verdicts = verdicts(&endpoints, now);
        let (newest, registers) = (newest.collect(), Registers::merge(&logs, now));
        let (verdicts, newest, registers) = (&verdicts, &newest, &registers);
        let world = World { settings, verdicts, conditions: &[], holds: &[], newest, logs: &logs, registers, now };
        let waiting = world.plan(&logs[1], &settings.channels[0]).waiting;
        assert!(logs[1].wait(&settings.channels[0].id, waiting));
        (histories, logs)
    }

    #[test]
    fn a_wait_ends_when_its_news_is_outdated() {
        let command = ExecChannel { command: "true".into(), arguments: Vec::new() };
        let settings = settings(Transport::Exec(Arc::new(command)));
        let now = START + 700 * SECOND;
        let waits = |histories: &[History], logs: &[NotificationLog]| {
            current_waits((&settings, &EndpointMap::new()), (histories, &[]), logs, now)
                .into_values()
                .collect::<Vec<_>>()
        };
        let healthy = rounds(0..600, "shop", Status::Healthy);
        let down = [healthy.clone(), rounds(600..701, "shop", Status::Down)].concat();
        let (histories, mut logs) = waiting(&settings, &down);
        assert_eq!(waits(&histories, &logs), [START + 610 * SECOND]);
        let key = histories[0].endpoints.keys().next().expect("there is an endpoint").clone();
        let since = START + 10 * MINUTE;
        let sent = register(Topic::Endpoint, "Shop", Notified::Down, START + 11 * MINUTE);
        logs[0].registers.push(Register { key, since, ..sent });
        assert_eq!(waits(&histories, &logs), [0; 0], "the first node has sent the news");
        let ended = [healthy, rounds(600..620, "shop", Status::Down), rounds(620..701, "shop", Status::Healthy)];
        let (histories, logs) = waiting(&settings, &ended.concat());
        assert_eq!(waits(&histories, &logs), [0; 0], "the outage is over, so the node waits with other news");
    }
}

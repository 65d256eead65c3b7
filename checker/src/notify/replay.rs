//! Runs the rules over stored histories without sending anything, as if one node had evaluated them continuously.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use shared::budget::Objective;
use shared::check_file::EndpointKey;
use shared::endpoint_map::EndpointMap;
use shared::endpoint_status::{EndpointStatus, NodeStatus, endpoint_statuses};
use shared::history::History;
use shared::notification::lineup::Nodes;
use shared::notification::policy::Pace;
use shared::notification::reconcile::{Hold, Plan, Situation, reconcile};
use shared::notification::registers::{Introduction, Registers};
use shared::notification::verdicts::{REPORTED_TIME, verdicts};
use shared::notification_log::{ChannelId, NotificationLog};
use shared::object_name::NodeName;
use shared::status::Status;
use shared::{MINUTE, UnixNanos};

use super::budget_conditions::burning_budgets;
use super::evaluate::composition::compose;
use super::evaluate::{enabled_channels, message_channels};
use super::message::Message;
use super::rules::Notifications;

/// The number of minutes at the start of an outage during which the error budget is evaluated every minute.
const BUDGET_MINUTES: i64 = 60;

/// A message that would have been sent.
#[derive(Debug, Clone)]
pub struct ReplayedMessage {
    pub channel: ChannelId,
    pub message: Message,
}

/// Returns the messages that the rules would have sent between `from` and `now`, in order. They do not cover silent
/// nodes, store failures and certificates, which histories do not record. `holds` are the maintenance windows and
/// silences in this period.
#[must_use]
pub fn replay(
    (settings, pace): (&Notifications, Pace),
    objectives: &EndpointMap<Objective>,
    (histories, holds): (&[History], &[Hold]),
    (from, now): (UnixNanos, UnixNanos),
) -> Vec<ReplayedMessage> {
    let node = NodeName::from_host_name("replay");
    let mut endpoints = failing_endpoints(histories, from);
    // Only nodes that check an endpoint send news about it, so turn one of them into the replaying node.
    let replaced = endpoints.iter_mut().filter_map(|endpoint| {
        let first = endpoint.nodes.first_mut()?;
        let name = first.node.replace(&node);
        Some((endpoint.key.clone().into_owned(), name.map_or_else(String::new, NodeName::to_string)))
    });
    let replaced: BTreeMap<EndpointKey, String> = replaced.collect();
    let mut own = NotificationLog::new(node.clone());
    let served: Vec<&ChannelId> = message_channels(settings).map(|(_, channel)| &channel.id).collect();
    let introduction =
        Introduction { rank: settings.rules.rank, every: MINUTE, pace, channels: &served, stored_since: 0 };
    own.introduce(&introduction, from);
    let channels = enabled_channels(settings);
    let mut moments = moments(&endpoints, objectives, (from, now));
    let mut messages = Vec::new();
    while let Some(at) = moments.pop_first() {
        let reasons = reasons_at(&endpoints, at);
        let mut verdicts = verdicts(&endpoints, at);
        for ((verdict, endpoint), reasons) in verdicts.iter_mut().zip(&endpoints).zip(&reasons) {
            // An endpoint with later results was not removed, although its nodes reported only other endpoints at this
            // time.
            let is_over = |node: &NodeStatus<'_>| node.spans.last().is_none_or(|last| last.end <= at);
            verdict.is_retired &= endpoint.nodes.iter().all(is_over);
            for (vote, reason) in verdict.votes.iter_mut().zip(reasons) {
                vote.reason = reason.as_deref();
            }
        }
        let conditions = burning_budgets(&endpoints, objectives, &[&own], at);
        let newest = BTreeMap::from([(node.clone(), at)]);
        for (index, channel) in message_channels(settings) {
            let registers = Registers::merge([&own], at);
            let situation = Situation {
                channel: &channel.id,
                policy: &channel.policy,
                channels: &channels,
                flapping: settings.rules.flapping,
                pace,
                checks: &settings.checks,
                verdicts: &verdicts,
                conditions: &conditions,
                holds,
                registers: &registers,
                nodes: Nodes { own: &own, others: &[], newest: &newest, has_unreadable: false },
                now: at,
            };
            let mut plan = reconcile(&situation);
            let number = registers.next_number();
            moments.extend(plan.next.filter(|next| *next > at && *next <= now));
            own.wait(&channel.id, std::mem::take(&mut plan.waiting));
            if plan.news.is_empty() {
                continue;
            }
            restore_names(&mut plan, &node, &replaced);
            let message = compose(settings, &settings.channels[index], &plan, at);
            own.record(&plan.news, number, at);
            if !message.items.is_empty() {
                own.succeeded(&channel.id);
                messages.push(ReplayedMessage { channel: channel.id.clone(), message });
            }
        }
        own.prune(&[], at);
    }
    messages
}

/// Replaces the replaying node's name with the names of the nodes that it replaced.
fn restore_names(plan: &mut Plan, node: &NodeName, replaced: &BTreeMap<EndpointKey, String>) {
    for news in &mut plan.news {
        let Some(name) = replaced.get(&news.register.key) else { continue };
        if let Some(preface) = &mut plan.preface {
            *preface = preface.replace(&format!("`{node}`"), &format!("`{name}`"));
        }
        for item in &mut news.items {
            let names = item.down_from.iter_mut().chain(item.reasons.iter_mut().map(|reason| &mut reason.node));
            names.filter(|other| *other == node.as_str()).for_each(|other| other.clone_from(name));
        }
    }
}

/// Returns the endpoints that were degraded or down at some point. The others cause no messages.
fn failing_endpoints(histories: &[History], from: UnixNanos) -> Vec<EndpointStatus<'_>> {
    let mut endpoints = endpoint_statuses(histories);
    let since = from.saturating_sub(REPORTED_TIME);
    endpoints.retain(|endpoint| {
        let mut spans = endpoint.nodes.iter().flat_map(|node| node.spans);
        spans.any(|span| span.status >= Status::Degraded && span.end > since)
    });
    for node in endpoints.iter_mut().flat_map(|endpoint| &mut endpoint.nodes) {
        // Drop the reason for the newest result, because it does not explain earlier outages.
        node.reason = None;
    }
    endpoints
}

/// Returns the reasons for the nodes' statuses at `at`, in the order of the endpoints and their nodes. Histories contain
/// the reason for the first result of each outage.
fn reasons_at(endpoints: &[EndpointStatus<'_>], at: UnixNanos) -> Vec<Vec<Option<Arc<str>>>> {
    let reason = |node: &NodeStatus<'_>| {
        let begun = node.spans.partition_point(|span| span.start < at);
        node.reason_of(node.spans[..begun].last()?)
    };
    endpoints.iter().map(|endpoint| endpoint.nodes.iter().map(reason).collect()).collect()
}

/// Returns the times at which to evaluate the rules: whenever a status changed and, for endpoints with an objective,
/// every minute early in an outage.
fn moments(
    endpoints: &[EndpointStatus<'_>],
    objectives: &EndpointMap<Objective>,
    (from, now): (UnixNanos, UnixNanos),
) -> BTreeSet<UnixNanos> {
    let mut moments = BTreeSet::from([from, now]);
    for endpoint in endpoints {
        for span in endpoint.nodes.iter().flat_map(|node| node.spans) {
            moments.extend([span.start.saturating_add(1), span.end]);
            if span.status == Status::Down && objectives.get(&endpoint.key).is_some() {
                let minutes = (1..=BUDGET_MINUTES).map(|minute| span.start.saturating_add(minute * MINUTE));
                moments.extend(minutes.take_while(|at| *at < span.end));
            }
        }
    }
    moments.retain(|at| (from..=now).contains(at));
    moments
}

#[cfg(test)]
mod tests {
    use shared::SECOND;

    use super::*;
    use crate::notify::channels::Transport;
    use crate::notify::channels::secret_url::SecretUrl;
    use crate::notify::channels::slack::Slack;
    use crate::notify::test_rules::{START, history, rounds, settings};

    fn replayed(histories: &[History], pace: Pace) -> Vec<ReplayedMessage> {
        let webhook = SecretUrl::parse("https://hooks.example.com/x").expect("it is a URL");
        let settings = settings(Transport::Http(Arc::new(Slack { webhook, username: None, channel: None })));
        let range = (START - MINUTE, START + 600 * SECOND);
        replay((&settings, pace), &EndpointMap::new(), (histories, &[]), range)
    }

    #[test]
    fn a_gap_between_results_repeats_nothing() {
        let down = [rounds(100..200, "a", Status::Down), rounds(223..400, "a", Status::Down)].concat();
        let other = rounds(0..600, "b", Status::Healthy);
        let mut results = [rounds(0..100, "a", Status::Healthy), down, other].concat();
        results.sort_by_key(|(second, ..)| *second);
        let messages = replayed(&[history("eu", &results)], Pace::default());
        let items = messages.iter().flat_map(|sent| &sent.message.items);
        assert_eq!(items.map(|item| item.event.as_str()).collect::<Vec<_>>(), ["down"], "{messages:#?}");
        assert_eq!(messages[0].message.at, START + 100 * SECOND + 1);
        let gathered = replayed(&[history("eu", &results)], Pace { gather: 30 * SECOND, spacing: 0 });
        assert_eq!(gathered[0].message.at, START + 130 * SECOND);
    }

    #[test]
    fn endpoints_with_one_title_keep_their_nodes() {
        let down = |node, id| history(node, &rounds(0..300, id, Status::Down));
        let messages = replayed(&[down("eu", "a"), down("us", "b")], Pace::default());
        let items = messages.iter().flat_map(|sent| &sent.message.items);
        let down = items.filter(|item| item.event.as_str() == "down");
        let mut nodes: Vec<String> = down.map(|item| item.down_from.join(" ")).collect();
        nodes.sort();
        assert_eq!(nodes, ["eu", "us"]);
    }
}

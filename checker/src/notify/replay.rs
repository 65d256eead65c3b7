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
use shared::{MINUTE, Nanos, SECOND, UnixNanos};

use super::budget_conditions::burning_budgets;
use super::evaluate::composition::compose;
use super::evaluate::{enabled_channels, message_channels};
use super::message::Message;
use super::rules::Notifications;

/// The number of minutes at the start of an outage during which the error budget is evaluated every minute.
const BUDGET_MINUTES: i64 = 60;

/// The time within which the checks of a single run are assumed to start. Histories do not contain when rounds ended.
const ROUND_DURATION: Nanos = 10 * SECOND;

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
    if pace == Pace::default() {
        moments = ends_of_rounds(moments);
    }
    moments.extend([from, now]);
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
                own.succeeded(&channel.id, at);
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
    let mut moments = BTreeSet::new();
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

/// Returns the last moment of each round, because single runs evaluate the rules after their last check. Otherwise,
/// endpoints that fail in one round would be reported one by one, and before the endpoints that they depend on.
fn ends_of_rounds(moments: BTreeSet<UnixNanos>) -> BTreeSet<UnixNanos> {
    let mut ends = BTreeSet::new();
    let mut start = UnixNanos::MIN;
    let mut last = None;
    for at in moments {
        if at >= start.saturating_add(ROUND_DURATION) {
            ends.extend(last);
            start = at;
        }
        last = Some(at);
    }
    ends.extend(last);
    ends
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use shared::check_file::CheckResult;
    use shared::notification::policy::CheckNotifications;

    use super::*;
    use crate::notify::channels::Transport;
    use crate::notify::channels::secret_url::SecretUrl;
    use crate::notify::channels::slack::Slack;
    use crate::notify::message::Item;
    use crate::notify::test_rules::{START, history, history_of, rounds, settings};

    fn slack() -> Notifications {
        let webhook = SecretUrl::parse("https://hooks.example.com/x").expect("it is a URL");
        settings(Transport::Http(Arc::new(Slack { webhook, username: None, channel: None })))
    }

    /// Returns settings in which `Shop` depends on `Router`.
    fn dependent() -> Notifications {
        let depends_on = vec!["Router".to_owned()];
        let key = EndpointKey { title: "Shop".to_owned(), ..EndpointKey::default() };
        let mut settings = slack();
        settings.checks.insert(key, CheckNotifications { channels: None, depends_on });
        settings
    }

    fn replayed(histories: &[History], pace: Pace) -> Vec<ReplayedMessage> {
        let range = (START - MINUTE, START + 600 * SECOND);
        replay((&slack(), pace), &EndpointMap::new(), (histories, &[]), range)
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

    /// Returns the history of an endpoint and of the router that it depends on. Each round contains whether they fail.
    fn with_router(rounds: &[(bool, bool)], step: i64, offset: i64, interval: Option<i64>) -> History {
        let results = (0..).zip(rounds).flat_map(|(round, (router, shop))| {
            let result = |title: &str, offset: i64, is_down: bool| CheckResult {
                title: title.to_owned(),
                timestamp: START + round * step * SECOND + offset,
                status: if is_down { Status::Down } else { Status::Healthy },
                interval: interval.map(|interval| interval * SECOND),
                ..CheckResult::default()
            };
            let mut both = [result("Router", SECOND, *router), result("Shop", SECOND + offset, *shop)];
            both.sort_by_key(|result| result.timestamp);
            both
        });
        history_of("eu", results)
    }

    proptest! {
        #[test]
        fn endpoints_that_fail_with_their_dependency_are_not_reported(
            fails in prop::collection::vec((any::<bool>(), any::<bool>()), 1..30),
            step in prop::sample::select(vec![10_i64, 60, 300]),
            offset in prop::sample::select(vec![-300_000_000_i64, 300_000_000]),
            has_interval in any::<bool>(),
            recovered_after in prop::sample::select(vec![0, 2 * MINUTE]),
        ) {
            let fails: Vec<(bool, bool)> = fails.into_iter().map(|(router, shop)| (router, router && shop)).collect();
            let history = with_router(&fails, step, offset, has_interval.then_some(step));
            let mut settings = dependent();
            settings.channels[0].policy.recovered_after = recovered_after;
            let end = START + fails.len() as i64 * step * SECOND + 1_800 * SECOND;
            let sent = replay((&settings, Pace::default()), &EndpointMap::new(), (&[history], &[]), (START - MINUTE, end));
            let items: Vec<_> = sent.iter().flat_map(|sent| &sent.message.items).collect();
            prop_assert!(items.iter().all(|item| item.title == "Router"), "{:#?}", items);
        }
    }

    #[test]
    fn endpoints_that_fail_in_one_round_share_a_message() {
        let result = |title: &str, minute: i64, offset: i64| CheckResult {
            title: title.to_owned(),
            timestamp: START + minute * MINUTE + offset * SECOND,
            status: if minute > 0 { Status::Down } else { Status::Healthy },
            interval: Some(MINUTE),
            ..CheckResult::default()
        };
        let titles = [("Blog", 0), ("Router", 1), ("Shop", 2)];
        let results = (0..3).flat_map(|minute| titles.map(|(title, offset)| result(title, minute, offset)));
        let history = history_of("eu", results);
        let range = (START, START + 3 * MINUTE);
        let sent = replay((&dependent(), Pace::default()), &EndpointMap::new(), (&[history], &[]), range);
        let items = |sent: &ReplayedMessage| {
            let item = |item: &Item| (item.title.clone(), item.dependents.join(" "));
            sent.message.items.iter().map(item).collect::<Vec<_>>()
        };
        let items: Vec<_> = sent.iter().map(items).collect();
        let expected = [("Blog", ""), ("Router", "Shop")].map(|(title, more)| (title.to_owned(), more.to_owned()));
        assert_eq!(items, [expected]);
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

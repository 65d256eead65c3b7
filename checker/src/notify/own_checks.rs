//! The endpoints that this node's own checks find down while its store is failing. Their outages cannot be reported as
//! usual, because the votes and logs of the other nodes are unknown.

use std::collections::BTreeMap;

use shared::check_file::{CheckResult, EndpointKey};
use shared::endpoint_map::EndpointMap;
use shared::notification::condition::Condition;
use shared::notification::policy::{ChannelPolicy, CheckNotifications};
use shared::notification_log::{ChannelId, Topic};
use shared::object_name::CheckFileName;
use shared::status::Status;
use shared::{Nanos, UnixNanos};

use crate::store::spool::Spool;

/// The maximum number of rounds to read at once. Every single run reads all of them, and older ones are ignored.
const ROUNDS_LIMIT: usize = 2_000;

/// The number of results after which no older rounds are read, because each takes up to a kilobyte of memory.
const RESULTS_LIMIT: usize = 100_000;

/// The maximum number of titles to list.
const TITLES_LIMIT: usize = 3;

/// The results of this node's checks since its store began to fail.
#[derive(Debug, Default)]
pub struct OwnChecks {
    /// The newest round that was read.
    read: Option<CheckFileName>,
    outages: BTreeMap<EndpointKey, OwnOutage>,
}

/// The outages of one endpoint, according to this node.
#[derive(Debug, Default)]
struct OwnOutage {
    /// When the current outage began.
    since: Option<UnixNanos>,
    /// The length of the longest outage that is over.
    longest: Nanos,
}

impl OwnChecks {
    /// Reads the rounds in the spool that were added since the last call. `waiting` lists all of them, oldest first.
    pub async fn read(&mut self, spool: &Spool, waiting: &[CheckFileName]) {
        let read = self.read.as_ref().map_or(0, |read| waiting.partition_point(|name| name <= read));
        let (mut rounds, mut count) = (Vec::new(), 0);
        for name in waiting[read..].iter().rev().take(ROUNDS_LIMIT) {
            let results = spool.results(name).await;
            count += results.len();
            rounds.push(results);
            if count >= RESULTS_LIMIT {
                break;
            }
        }
        for results in rounds.iter().rev() {
            self.add(results);
        }
        self.read = waiting.last().cloned().or(self.read.take());
    }

    /// Returns whether no check found an endpoint down.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.outages.is_empty()
    }

    fn add(&mut self, results: &[CheckResult]) {
        for result in results {
            let key = result.endpoint_key();
            match (result.status, self.outages.get_mut(&key)) {
                (Status::Down, outage) => {
                    let since = match outage {
                        Some(outage) => &mut outage.since,
                        None => &mut self.outages.entry(key).or_default().since,
                    };
                    since.get_or_insert(result.timestamp);
                }
                (Status::Healthy | Status::Degraded, Some(outage)) => {
                    let length = outage.since.take().map_or(0, |since| result.timestamp.saturating_sub(since));
                    outage.longest = outage.longest.max(length);
                }
                (Status::Healthy | Status::Degraded | Status::Unknown, _) => {}
            }
        }
    }

    /// Adds the endpoints that are down to the condition that reports a failing store, but only those that the channel
    /// is notified of. Each further endpoint makes the condition more severe, so that it is reported again.
    pub fn describe(
        &self,
        condition: &mut Condition,
        (channel, policy): (&ChannelId, &ChannelPolicy),
        checks: &EndpointMap<CheckNotifications>,
        now: UnixNanos,
    ) {
        if condition.topic != Topic::Store || !condition.is_present {
            return;
        }
        let mut down: Vec<&str> = Vec::new();
        for (key, outage) in &self.outages {
            let length = outage.since.map_or(0, |since| now.saturating_sub(since));
            if !policy.covers(channel, &key.title, checks.get(key)) || length.max(outage.longest) < policy.after {
                continue;
            }
            condition.reminders = condition.reminders.saturating_add(1);
            if outage.since.is_some() && length >= policy.after {
                down.push(&key.title);
            }
        }
        condition.detail = detail(&down);
    }
}

/// Describes the endpoints that are down: `its own checks find 4 services down: API, Blog, Shop and 1 more`.
fn detail(down: &[&str]) -> Option<String> {
    let (last, first) = down.split_last()?;
    let titles = match down.len() {
        1 => (*last).to_owned(),
        2..=TITLES_LIMIT => format!("{} and {last}", first.join(", ")),
        count => format!("{} and {} more", down[..TITLES_LIMIT].join(", "), count - TITLES_LIMIT),
    };
    let services = if down.len() == 1 { "service" } else { "services" };
    Some(format!("its own checks find {} {services} down: {titles}", down.len()))
}

#[cfg(test)]
mod tests {
    use shared::MINUTE;

    use super::*;

    fn key(title: &str) -> EndpointKey {
        EndpointKey { title: title.to_owned(), ..EndpointKey::default() }
    }

    fn result(title: &str, minute: i64, status: Status) -> CheckResult {
        CheckResult { title: title.to_owned(), timestamp: minute * MINUTE, status, ..CheckResult::default() }
    }

    /// Returns the number of outages, and the detail.
    fn described(own: &OwnChecks, policy: &ChannelPolicy, minute: i64) -> (u32, Option<String>) {
        let mut condition = Condition::new(Topic::Store, key("eu-west"), 0, true);
        let channel = ChannelId::new("ops").unwrap();
        own.describe(&mut condition, (&channel, policy), &EndpointMap::new(), minute * MINUTE);
        (condition.reminders, condition.detail)
    }

    #[test]
    fn each_endpoint_counts_once_it_was_down_for_long_enough() {
        let mut own = OwnChecks::default();
        let policy = ChannelPolicy { after: 2 * MINUTE, ..ChannelPolicy::default() };
        let detail = |text: &str| Some(format!("its own checks find {text}"));
        own.add(&[result("Shop", 10, Status::Down), result("Blog", 10, Status::Healthy)]);
        assert_eq!(described(&own, &policy, 11), (0, None));
        assert_eq!(described(&own, &policy, 12), (1, detail("1 service down: Shop")));
        own.add(&[result("Shop", 13, Status::Unknown), result("Blog", 13, Status::Down)]);
        assert_eq!(described(&own, &policy, 15), (2, detail("2 services down: Blog and Shop")));
        own.add(&[result("Shop", 16, Status::Healthy)]);
        assert_eq!(described(&own, &policy, 16), (2, detail("1 service down: Blog")));
        // An endpoint that fails again does not make the condition more severe.
        own.add(&[result("Shop", 17, Status::Down)]);
        assert_eq!(described(&own, &policy, 20), (2, detail("2 services down: Blog and Shop")));
    }

    #[test]
    fn a_channel_hears_only_of_its_endpoints() {
        let mut own = OwnChecks::default();
        let titles = ["Shop A", "Shop B", "Shop C", "Shop D", "Intranet"];
        own.add(&titles.map(|title| result(title, 1, Status::Down)));
        let policy = ChannelPolicy { endpoints: vec!["Shop *".to_owned()], ..ChannelPolicy::default() };
        let expected = "its own checks find 4 services down: Shop A, Shop B, Shop C and 1 more";
        assert_eq!(described(&own, &policy, 2), (4, Some(expected.to_owned())));
    }
}

//! Determines which conditions channels can be notified of, in addition to endpoint statuses: silent nodes, store
//! failures, expiring certificates and error budgets.

use shared::budget::{BURN_ALERTS, Objective};
use shared::check_file::{CheckResult, EndpointKey};
use shared::endpoint_map::EndpointMap;
use shared::endpoint_status::EndpointStatus;
use shared::history::History;
use shared::notification::condition::Condition;
use shared::notification::verdicts::REPORTED_TIME;
use shared::notification_log::{NotificationLog, Notified, Register, Topic};
use shared::object_name::NodeName;
use shared::uptime::{self, FALLBACK_INTERVAL};
use shared::{DAY, HOUR, MINUTE, Nanos, SECOND, UnixNanos, duration};

/// Channels are notified again when a certificate expires within this many days.
const REMINDER_DAYS: u32 = 3;

/// The minimum time before a node is considered silent, and before channels are notified of a failing store.
const PATIENCE: Nanos = 10 * MINUTE;

/// The intervals to choose from for nodes without a configured one. Rounding to these keeps a node's log unchanged
/// while its measured interval varies.
const USUAL_INTERVALS: [Nanos; 15] = [
    SECOND,
    5 * SECOND,
    10 * SECOND,
    15 * SECOND,
    30 * SECOND,
    MINUTE,
    2 * MINUTE,
    5 * MINUTE,
    10 * MINUTE,
    15 * MINUTE,
    30 * MINUTE,
    HOUR,
    2 * HOUR,
    6 * HOUR,
    DAY,
];

/// Estimates the time between a node's rounds from the gaps between its newest check files, rounded to a usual
/// interval.
#[must_use]
pub fn typical_interval(stored: &[UnixNanos]) -> Nanos {
    let Some(median) = uptime::typical_interval(stored) else { return FALLBACK_INTERVAL };
    let closest = USUAL_INTERVALS.into_iter().min_by_key(|usual| usual.abs_diff(median));
    closest.unwrap_or(FALLBACK_INTERVAL)
}

/// Determines which other nodes have stopped reporting. Nodes that have been silent for longer than [`REPORTED_TIME`]
/// are assumed to have been removed.
#[must_use]
pub fn silent_nodes(histories: &[History], logs: &[&NotificationLog], now: UnixNanos) -> Vec<Condition> {
    let condition = |history: &History| {
        let (node, newest) = (history.node.as_ref()?, history.newest()?);
        let interval = interval_of(history, node, logs);
        let silence = now.saturating_sub(newest);
        if silence > REPORTED_TIME {
            return None;
        }
        let patience = PATIENCE.max(interval.saturating_mul(3));
        let is_present = silence >= patience;
        let since = if is_present { newest } else { returned_at(history, patience).unwrap_or(newest) };
        Some(Condition { since, is_present, ..about_node(Topic::Silent, node, now) })
    };
    histories.iter().filter_map(condition).collect()
}

/// Returns when a node stored its first file after its newest gap of at least `patience`, or its oldest recent file if
/// none of them follows a gap.
fn returned_at(history: &History, patience: Nanos) -> Option<UnixNanos> {
    let recent: Vec<UnixNanos> = history.recent_files().collect();
    let gap = recent.windows(2).rposition(|pair| pair[1].saturating_sub(pair[0]) >= patience);
    recent.get(gap.map_or(0, |gap| gap + 1)).copied()
}

/// Returns the time between a node's rounds: the shortest interval in its results, the one in its log, or the median
/// time between its newest files. If none of these is known, assumes one round per day.
fn interval_of(history: &History, node: &NodeName, logs: &[&NotificationLog]) -> Nanos {
    let in_results = history.endpoints.values().filter_map(|endpoint| endpoint.timeline.last?.interval).min();
    let in_log = || logs.iter().find(|log| log.node == *node).map(|log| log.every).filter(|every| *every > 0);
    let measured = || uptime::typical_interval(&history.recent_files().collect::<Vec<_>>());
    in_results.or_else(in_log).or_else(measured).unwrap_or(DAY)
}

/// Describes whether this node can store its results. `failing_since` is the time of the first round that was not
/// stored.
#[must_use]
pub fn store_condition(node: &NodeName, failing_since: Option<UnixNanos>, now: UnixNanos) -> Condition {
    let since = failing_since.unwrap_or(now);
    let is_present = failing_since.is_some() && now.saturating_sub(since) >= PATIENCE;
    Condition { since, is_present, is_local: true, ..about_node(Topic::Store, node, now) }
}

fn about_node(topic: Topic, node: &NodeName, now: UnixNanos) -> Condition {
    let key = EndpointKey { title: node.to_string(), locator: String::new(), id: None };
    Condition { topic, key, since: now, reminders: 0, is_present: false, is_local: false, detail: None }
}

/// A certificate that a check verified.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SeenCertificate {
    pub key: EndpointKey,
    /// The number of whole days until the certificate expires.
    pub days: u32,
}

/// Returns the certificates that a round verified, at most one per endpoint.
#[must_use]
pub fn seen_certificates(results: &[CheckResult]) -> Vec<SeenCertificate> {
    let seen =
        |result: &CheckResult| Some(SeenCertificate { key: result.endpoint_key(), days: result.certificate_days? });
    results.iter().filter_map(seen).collect()
}

/// Determines which certificates expire in fewer than `days` days. `logs` contains earlier notifications.
#[must_use]
pub fn expiring_certificates(
    seen: &[SeenCertificate],
    days: u32,
    logs: &[&NotificationLog],
    now: UnixNanos,
) -> Vec<Condition> {
    let notified = notified(logs, Topic::Certificate);
    let condition = |certificate: &SeenCertificate| {
        let is_present = certificate.days < days;
        let detail = is_present.then(|| match certificate.days {
            0 => "its certificate expires within a day".to_owned(),
            1 => "its certificate expires in 1 day".to_owned(),
            days => format!("its certificate expires in {days} days"),
        });
        let key = certificate.key.clone();
        let since = since(&notified, &key).or(is_present.then_some(now))?;
        let reminders = u32::from(certificate.days <= REMINDER_DAYS);
        Some(Condition { topic: Topic::Certificate, key, since, reminders, is_present, is_local: false, detail })
    };
    seen.iter().filter_map(condition).collect()
}

/// Determines which endpoints use up their error budgets too fast. `logs` contains earlier notifications.
#[must_use]
pub fn burning_budgets(
    endpoints: &[EndpointStatus<'_>],
    objectives: &EndpointMap<Objective>,
    logs: &[&NotificationLog],
    now: UnixNanos,
) -> Vec<Condition> {
    let notified = notified(logs, Topic::Budget);
    let condition = |endpoint: &EndpointStatus| {
        let objective = objectives.get(&endpoint.key)?;
        let spans = endpoint.spans(now);
        let alert = objective.burn_alert(&spans, now);
        let detail = alert.map(|alert| {
            format!(
                "it is using up its error budget at least {} {} allows over {}; {} is left",
                match alert.rate().as_str() {
                    "1" => "as fast as".to_owned(),
                    rate => format!("{rate} times as fast as"),
                },
                objective.target,
                duration::format_exact(alert.long),
                objective.budget(&spans, now).percent_left(),
            )
        });
        let (key, is_present) = (endpoint.key.clone().into_owned(), alert.is_some());
        let since = since(&notified, &key).or(is_present.then_some(now))?;
        // Each higher threshold is reported again.
        let reminders = alert.map_or(0, |alert| {
            let slower = BURN_ALERTS.iter().filter(|other| other.rate_tenths < alert.rate_tenths);
            u32::try_from(slower.count()).unwrap_or(0)
        });
        Some(Condition { topic: Topic::Budget, key, since, reminders, is_present, is_local: false, detail })
    };
    if objectives.is_empty() {
        return Vec::new();
    }
    endpoints.iter().filter_map(condition).collect()
}

/// Ends the conditions that this node reported for endpoints that no longer have an objective: neither in its
/// configuration nor in the newest results of any node. Otherwise, nodes with different configurations would report them
/// in turn.
#[must_use]
pub fn ended_budgets(
    histories: &[&History],
    objectives: &EndpointMap<Objective>,
    own: Option<&NotificationLog>,
    now: UnixNanos,
) -> Vec<Condition> {
    let open = notified(own.as_slice(), Topic::Budget).into_iter().filter(|register| register.state == Notified::Down);
    let mut ended: Vec<Condition> = Vec::new();
    for register in open {
        let key = &register.key;
        let has_objective = |history: &History| {
            let mut same = history.endpoints.iter().filter(|(other, _)| other.is_same_endpoint(key));
            same.any(|(_, endpoint)| endpoint.latest.objective.is_some())
        };
        let is_current = |history: &&History| history.newest().is_some_and(|newest| newest + REPORTED_TIME > now);
        let is_known = ended.iter().any(|condition| condition.key.is_same_endpoint(key));
        if is_known || objectives.get(key).is_some() || histories.iter().copied().filter(is_current).any(has_objective)
        {
            continue;
        }
        let (topic, key, since) = (Topic::Budget, key.clone(), register.since);
        ended.push(Condition { topic, key, since, reminders: 0, is_present: false, is_local: false, detail: None });
    }
    ended
}

fn notified<'a>(logs: &[&'a NotificationLog], topic: Topic) -> Vec<&'a Register> {
    logs.iter().flat_map(|log| &log.registers).filter(|register| register.topic == topic).collect()
}

/// Returns when an open condition began, according to the logs, so that the time stays the same until the condition
/// ends.
fn since(notified: &[&Register], key: &EndpointKey) -> Option<UnixNanos> {
    let same = notified.iter().filter(|register| register.key.is_same_endpoint(key));
    let newest = same.max_by_key(|register| (register.number, register.at))?;
    (newest.state == Notified::Down).then_some(newest.since)
}

#[cfg(test)]
mod tests {
    use shared::check_file::CheckFile;
    use shared::history::{DEFAULT_EXPIRY, HistoryBuilder, Latencies};
    use shared::notification_log::ChannelId;
    use shared::object_name::CheckFileName;
    use shared::status::Status;

    use super::*;

    #[test]
    fn an_interval_is_the_usual_one_that_is_closest() {
        let stored = |gap: Nanos| (0..10).map(|round| round * gap + (round % 3) * SECOND).collect::<Vec<_>>();
        for gap in [10 * SECOND, MINUTE, 5 * MINUTE, HOUR] {
            assert_eq!(typical_interval(&stored(gap)), gap);
        }
        assert_eq!(typical_interval(&[]), FALLBACK_INTERVAL);
        assert_eq!(typical_interval(&[5]), FALLBACK_INTERVAL);
    }

    /// Returns the history of the node `b` with rounds at these times.
    fn rounds(times: impl Iterator<Item = UnixNanos>, interval: Option<Nanos>) -> [History; 1] {
        let node = NodeName::new("b").expect("it is a name");
        let (mut history, mut latencies) = (History::new(Some(node.clone())), Latencies::default());
        let mut builder = HistoryBuilder::append(&mut history, &mut latencies);
        for at in times {
            let result = CheckResult { timestamp: at, status: Status::Healthy, interval, ..CheckResult::default() };
            let file = CheckFile { results: vec![result], skipped: Vec::new() };
            builder.add(&CheckFileName { stored_at: at, node: Some(node.clone()) }, &file);
        }
        builder.finish(DEFAULT_EXPIRY);
        [history]
    }

    #[test]
    fn a_silence_ends_with_the_first_round_after_it() {
        let minutes = [0, 1, 2, 60, 61, 62, 63];
        let history = rounds(minutes.iter().map(|minute| DAY + minute * MINUTE), Some(MINUTE));
        let conditions = silent_nodes(&history, &[], DAY + 64 * MINUTE);
        assert_eq!((conditions[0].is_present, conditions[0].since), (false, DAY + 60 * MINUTE));
    }

    #[test]
    fn nodes_that_run_rarely_are_not_silent() {
        let node = NodeName::new("b").expect("it is a name");
        let history = |count: i64, every: Nanos, interval: Option<Nanos>| {
            rounds((0..count).map(|round| DAY + round * every), interval)
        };
        let is_silent = |histories: &[History], logs: &[&NotificationLog], after: Nanos| {
            let newest = histories[0].newest().expect("there are rounds");
            silent_nodes(histories, logs, newest + after).iter().any(|condition| condition.is_present)
        };
        assert!(is_silent(&history(3, HOUR, Some(MINUTE)), &[], 11 * MINUTE));
        assert!(is_silent(&history(3, MINUTE, None), &[], 11 * MINUTE));
        assert!(!is_silent(&history(3, HOUR, None), &[], 40 * HOUR), "the interval is unknown");
        let mut log = NotificationLog::new(node.clone());
        log.every = HOUR;
        let is_silent_after = |minutes: i64| is_silent(&history(3, HOUR, None), &[&log], minutes * MINUTE);
        assert!(!is_silent_after(179) && is_silent_after(180));
    }

    #[test]
    fn a_store_that_fails_briefly_is_not_a_condition() {
        let node = NodeName::new("eu-west").expect("it is a name");
        let condition = |failing_since| store_condition(&node, failing_since, DAY);
        assert!(!condition(None).is_present && !condition(Some(DAY - 9 * MINUTE)).is_present);
        let present = condition(Some(DAY - HOUR));
        assert!(present.is_present && present.is_local && present.since == DAY - HOUR);
    }

    #[test]
    fn the_condition_of_a_removed_objective_ends() {
        let key = EndpointKey { title: "Shop".to_owned(), ..EndpointKey::default() };
        let node = NodeName::new("a").expect("it is a name");
        let mut log = NotificationLog::new(node.clone());
        log.registers.push(Register {
            channel: ChannelId::new("ops").expect("it is an id"),
            topic: Topic::Budget,
            key: key.clone(),
            number: 1,
            state: Notified::Down,
            since: DAY,
            until: DAY,
            at: DAY,
            reminders: 0,
        });
        let objective: Objective = "99.9% over 30d".parse().expect("it is an objective");
        let history = |objective: Option<Objective>| {
            let (mut history, mut latencies) = (History::new(Some(node.clone())), Latencies::default());
            let mut builder = HistoryBuilder::append(&mut history, &mut latencies);
            let (title, objective) = (key.title.clone(), objective.map(Box::new));
            let result = CheckResult { title, timestamp: DAY, objective, ..CheckResult::default() };
            let file = CheckFile { results: vec![result], skipped: Vec::new() };
            builder.add(&CheckFileName { stored_at: DAY, node: Some(node.clone()) }, &file);
            builder.finish(DEFAULT_EXPIRY);
            history
        };
        let is_ended = |in_results: Option<Objective>, in_configuration: bool, now: UnixNanos| {
            let mut objectives = EndpointMap::new();
            if in_configuration {
                objectives.insert(key.clone(), objective);
            }
            let ended = ended_budgets(&[&history(in_results)], &objectives, Some(&log), now);
            ended.first().is_some_and(|condition| !condition.is_present)
        };
        assert!(is_ended(None, false, DAY + HOUR));
        assert!(!is_ended(None, true, DAY + HOUR));
        assert!(!is_ended(Some(objective), false, DAY + HOUR), "another node still has the objective");
        assert!(is_ended(Some(objective), false, DAY + 3 * DAY), "the other node does not report any more");
    }

    #[test]
    fn a_certificate_is_a_condition_in_its_last_days() {
        let key = EndpointKey { title: "Shop".to_owned(), locator: "https://shop.example/".to_owned(), id: None };
        let condition = |days, limit| {
            let seen = [SeenCertificate { key: key.clone(), days }];
            expiring_certificates(&seen, limit, &[], DAY).pop().map(|one| (one.detail, one.reminders))
        };
        let expires = |detail: &str, reminders| Some((Some(format!("its certificate expires {detail}")), reminders));
        assert_eq!(condition(14, 14), None);
        assert_eq!(condition(13, 14), expires("in 13 days", 0));
        assert_eq!(condition(4, 14), expires("in 4 days", 0));
        assert_eq!(condition(3, 14), expires("in 3 days", 1));
        assert_eq!(condition(1, 14), expires("in 1 day", 1));
        assert_eq!(condition(0, 1), expires("within a day", 1));
        assert_eq!(condition(1, 1), None);
        assert_eq!(condition(29, 30), expires("in 29 days", 0));
    }
}

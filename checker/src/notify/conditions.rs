//! Determines which conditions channels can be notified of, in addition to endpoint statuses and error budgets: silent
//! nodes, store failures and expiring certificates.

use shared::check_file::{CheckResult, EndpointKey};
use shared::history::History;
use shared::notification::condition::Condition;
use shared::notification::verdicts::REPORTED_TIME;
use shared::notification_log::{NotificationLog, Notified, Register, Topic};
use shared::object_name::NodeName;
use shared::uptime::{self, FALLBACK_INTERVAL};
use shared::{DAY, HOUR, MINUTE, Nanos, SECOND, UnixNanos};

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
        let due = is_present.then(|| newest.saturating_add(patience));
        Some(Condition { due, ..about_node(Topic::Silent, node, since, is_present) })
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

/// Describes a store that has been failing since this node's first round that was not stored.
#[must_use]
pub fn failing_store(node: &NodeName, since: UnixNanos, now: UnixNanos) -> Condition {
    let is_present = now.saturating_sub(since) >= PATIENCE;
    let due = is_present.then(|| since.saturating_add(PATIENCE));
    Condition { due, is_local: true, ..about_node(Topic::Store, node, since, is_present) }
}

/// Describes a store that works. `stored` contains the times at which this node's newest check files were stored, in
/// order.
#[must_use]
pub fn working_store(own: &NotificationLog, stored: &[UnixNanos], now: UnixNanos) -> Condition {
    let condition = about_node(Topic::Store, &own.node, now, false);
    let ended = since(&notified(&[own], Topic::Store), &condition.key).and_then(|began| {
        let is_during = |at: &UnixNanos| *at > began && *at <= now;
        let returned = Some(own.returned).filter(is_during)?;
        // Rounds from the spool keep the times of their checks, so the newest file at that time is the first round that
        // was stored without delay.
        let first = stored.iter().rev().copied().find(|at| *at <= returned);
        Some(first.filter(is_during).unwrap_or(returned))
    });
    Condition { since: ended.unwrap_or(now), is_local: true, ..condition }
}

fn about_node(topic: Topic, node: &NodeName, since: UnixNanos, is_present: bool) -> Condition {
    let key = EndpointKey { title: node.to_string(), locator: String::new(), id: None };
    Condition::new(topic, key, since, is_present)
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
        |result: &CheckResult| Some(SeenCertificate { key: result.endpoint_key(), days: result.certificate_days()? });
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
        Some(Condition { reminders, detail, ..Condition::new(Topic::Certificate, key, since, is_present) })
    };
    seen.iter().filter_map(condition).collect()
}

pub(super) fn notified<'a>(logs: &[&'a NotificationLog], topic: Topic) -> Vec<&'a Register> {
    logs.iter().flat_map(|log| &log.registers).filter(|register| register.topic == topic).collect()
}

/// Returns when an open condition began, according to the logs, so that the time stays the same until the condition
/// ends.
pub(super) fn since(notified: &[&Register], key: &EndpointKey) -> Option<UnixNanos> {
    let same = notified.iter().filter(|register| register.key.is_same_endpoint(key));
    let newest = same.max_by_key(|register| (register.number, register.at))?;
    (newest.state == Notified::Down).then_some(newest.since)
}

#[cfg(test)]
mod tests {
    use shared::status::Status;

    use super::*;
    use crate::notify::test_rules::{history_of, register};

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
        let result = |timestamp| CheckResult { timestamp, status: Status::Healthy, interval, ..CheckResult::default() };
        [history_of("b", times.map(result))]
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
        assert!(!failing_store(&node, DAY - 9 * MINUTE, DAY).is_present);
        let present = failing_store(&node, DAY - HOUR, DAY);
        assert!(present.is_present && present.is_local && present.since == DAY - HOUR);
        assert_eq!(present.due, Some(DAY - 50 * MINUTE));
    }

    #[test]
    fn a_store_works_again_from_the_first_stored_round() {
        let at = |minute: i64| DAY + minute * MINUTE;
        let mut log = NotificationLog::new(NodeName::new("eu-west").expect("it is a name"));
        let sent = register(Topic::Store, "eu-west", Notified::Down, at(10));
        log.registers.push(Register { since: at(0), ..sent });
        // The rounds of minutes 0 to 29 come from the spool, and the node returned soon after minute 30.
        let stored: Vec<UnixNanos> = (0..=35).map(at).collect();
        let end = |log: &NotificationLog, stored: &[UnixNanos]| {
            let condition = working_store(log, stored, at(36));
            assert!(!condition.is_present && condition.is_local);
            condition.since
        };
        assert_eq!(end(&log, &stored), at(36), "the time is unknown");
        log.returned = at(30) + 20 * SECOND;
        assert_eq!(end(&log, &stored), at(30));
        assert_eq!(end(&log, &stored[32..]), at(30) + 20 * SECOND, "the file is older than those in the history");
        log.returned = at(-5);
        assert_eq!(end(&log, &stored), at(36), "the node returned before the outage");
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

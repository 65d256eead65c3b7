//! Determines which endpoints use up their error budgets too fast.

use shared::budget::{BURN_ALERTS, BurnAlert, Objective};
use shared::endpoint_map::EndpointMap;
use shared::endpoint_status::EndpointStatus;
use shared::history::History;
use shared::notification::condition::Condition;
use shared::notification::verdicts::REPORTED_TIME;
use shared::notification_log::{NotificationLog, Notified, Topic};
use shared::uptime::Span;
use shared::{HOUR, Nanos, UnixNanos, duration};

use super::conditions::{notified, since};

/// How long a lower burn rate must last before channels are notified again when it rises.
const RELIEF: Nanos = HOUR;

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
                "is using up its error budget at least {} {} allows over {}; {} is left",
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
        let open_since = since(&notified, &key);
        let since = open_since.or(is_present.then_some(now))?;
        // Each higher threshold is reported again.
        let reminders = alert.as_ref().map_or(0, level);
        let lasting = open_since.and_then(|_| lasting_level(objective, &spans, is_present, now));
        Some(Condition { reminders, lasting, detail, ..Condition::new(Topic::Budget, key, since, is_present) })
    };
    if objectives.is_empty() {
        return Vec::new();
    }
    endpoints.iter().filter_map(condition).collect()
}

/// Returns the number of alerts with a lower burn rate.
fn level(alert: &BurnAlert) -> u32 {
    let slower = BURN_ALERTS.iter().filter(|other| other.rate_tenths < alert.rate_tenths);
    u32::try_from(slower.count()).unwrap_or(0)
}

/// Returns the highest level that still counts although its alert may have stopped firing recently, or `None` if the
/// problem is over. A burn rate near a threshold crosses it repeatedly, which must not cause a message each time.
///
/// The problem is over when no alert has fired for the length of its short window, so that the decision is based on two
/// short windows in a row. A longer time would leave incidents open for too long after the problem was solved.
fn lasting_level(objective: &Objective, spans: &[Span], is_firing: bool, now: UnixNanos) -> Option<u32> {
    let highest = |period: fn(&BurnAlert) -> Nanos| {
        let fired = BURN_ALERTS.iter().filter(|alert| objective.has_fired(alert, spans, period(alert), now));
        fired.map(level).max()
    };
    if !is_firing {
        highest(|alert| alert.short)?;
    }
    highest(|alert| alert.short.max(RELIEF))
}

/// Ends the conditions that this node reported for endpoints that no longer have an objective, either in its
/// configuration or in the newest results of any node. Otherwise, nodes with different configurations would take turns
/// reporting them.
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
        ended.push(Condition::new(Topic::Budget, key.clone(), register.since, false));
    }
    ended
}

#[cfg(test)]
mod tests {
    use shared::check_file::{CheckResult, EndpointKey};
    use shared::endpoint_status::endpoint_statuses;
    use shared::notification_log::Register;
    use shared::object_name::NodeName;
    use shared::status::Status;
    use shared::{DAY, MINUTE};

    use super::*;
    use crate::notify::test_rules::{history_of, register};

    fn key() -> EndpointKey {
        EndpointKey { title: "Shop".to_owned(), ..EndpointKey::default() }
    }

    /// Returns the log of a node that reported the budget of `Shop` at this level.
    fn notified_log(level: u32) -> NotificationLog {
        let mut log = NotificationLog::new(NodeName::new("a").expect("it is a name"));
        log.registers.push(Register { reminders: level, ..register(Topic::Budget, "Shop", Notified::Down, DAY) });
        log
    }

    #[test]
    fn a_brief_pause_does_not_end_an_alert() {
        let down = |minute: i64| matches!(minute, 600..602 | 640);
        let results = (0..1_000).map(|minute| CheckResult {
            title: key().title,
            timestamp: DAY + minute * MINUTE,
            status: if down(minute) { Status::Down } else { Status::Healthy },
            interval: Some(MINUTE),
            ..CheckResult::default()
        });
        let history = history_of("a", results);
        let endpoints = endpoint_statuses([&history]);
        let mut objectives = EndpointMap::new();
        objectives.insert(key(), "99.9% over 30d".parse::<Objective>().expect("it is an objective"));
        let log = notified_log(2);
        let condition = |logs: &[&NotificationLog], minute: i64| {
            let found = burning_budgets(&endpoints, &objectives, logs, DAY + minute * MINUTE);
            found.into_iter().next().map(|one| (one.is_present, one.reminders, one.lasting))
        };
        // The outage of two minutes is too short for the slower alerts. The last hour contains enough downtime until
        // minute 661, and the last 5 minutes until minute 607.
        assert_eq!(condition(&[], 602), Some((true, 2, None)), "no channel was notified");
        assert_eq!(condition(&[&log], 602), Some((true, 2, Some(2))));
        assert_eq!(condition(&[&log], 608), Some((false, 0, Some(2))), "it may return");
        assert_eq!(condition(&[], 608), None, "channels that were not notified before are not notified now");
        assert_eq!(condition(&[&log], 611), Some((false, 0, Some(2))));
        assert_eq!(condition(&[&log], 613), Some((false, 0, None)), "it did not return for 5 minutes");
        // With another minute of downtime, the budget of 6 hours is used up too fast as well.
        assert_eq!(condition(&[&log], 641), Some((true, 2, Some(2))));
        assert_eq!(condition(&[&log], 660), Some((true, 1, Some(2))), "the higher rate counts for an hour");
        assert_eq!(condition(&[&log], 668), Some((true, 1, Some(2))));
        assert_eq!(condition(&[&log], 700), Some((false, 0, Some(2))));
        assert_eq!(condition(&[&log], 702), Some((false, 0, None)));
    }

    #[test]
    fn the_condition_of_a_removed_objective_ends() {
        let log = notified_log(0);
        let objective: Objective = "99.9% over 30d".parse().expect("it is an objective");
        let is_ended = |in_results: Option<Objective>, in_configuration: bool, now: UnixNanos| {
            let mut objectives = EndpointMap::new();
            if in_configuration {
                objectives.insert(key(), objective);
            }
            let (title, objective) = (key().title, in_results.map(Box::new));
            let result = CheckResult { title, timestamp: DAY, objective, ..CheckResult::default() };
            let ended = ended_budgets(&[&history_of("a", [result].into_iter())], &objectives, Some(&log), now);
            ended.first().is_some_and(|condition| !condition.is_present)
        };
        assert!(is_ended(None, false, DAY + HOUR));
        assert!(!is_ended(None, true, DAY + HOUR));
        assert!(!is_ended(Some(objective), false, DAY + HOUR), "another node still has the objective");
        assert!(is_ended(Some(objective), false, DAY + 3 * DAY), "the other node no longer reports");
    }
}

//! The first lines of the page: the overall status in one sentence.

use shared::UnixNanos;
use shared::page_config::appearance::Appearance;
use shared::status::Status;

use super::combine_nodes::EvaluatedEndpoint;
use super::period::Period;
use super::settings::LoadProgress;
use super::text;
use crate::i18n::{Language, texts};
use crate::{civil::rfc3339, i18n::Calendar};

/// The maximum number of endpoints that the headline names. The others are counted.
const NAMES_LIMIT: usize = 3;

/// The first lines of the page.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Overall {
    /// The value of `html[data-state]`: a status, or `loading`.
    pub state: &'static str,
    pub status: Status,
    /// Whether announced maintenance covers all problems.
    pub is_planned: bool,
    pub headline: String,
    /// More details about the status, which can be empty.
    pub remark: String,
    /// When the last check ran, or an empty string if no checks ran.
    pub checked: String,
    /// The time of the last check in RFC 3339 format.
    pub checked_datetime: String,
    /// The number of nodes and the period.
    pub scope: String,
}

/// Endpoints that are missing from the data, which the first lines must take into account.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Missing {
    /// Whether any endpoints may be missing.
    pub is_incomplete: bool,
    /// The minimum number of endpoints that were omitted because there are too many.
    pub left_out: usize,
}

/// Creates the first lines. `evaluated` is in page order.
#[must_use]
pub fn overall(
    evaluated: &[EvaluatedEndpoint<'_>],
    missing: Missing,
    period: &Period,
    calendar: Calendar<'_>,
    loading: LoadProgress,
    appearance: &Appearance,
) -> Overall {
    let language = calendar.language;
    let mut status = overall_status(evaluated.iter());
    if missing.is_incomplete {
        status = shared::endpoint_status::of_incomplete(status);
    }
    let newest = evaluated.iter().map(|evaluated| evaluated.checked).max();
    let (headline, remark) = if evaluated.is_empty() {
        empty_state(missing.is_incomplete, period, calendar, loading)
    } else {
        let remark = remark(evaluated, status, missing, appearance, language);
        (sentence(evaluated, status, missing, period, calendar), remark)
    };
    // While the page is still loading, a lack of results does not mean that the status is unknown.
    let is_loading = loading != LoadProgress::Complete && evaluated.is_empty();
    let mut scope = Vec::new();
    let mut nodes = Vec::new();
    for node in evaluated.iter().flat_map(|evaluated| &evaluated.endpoint.nodes) {
        if !nodes.contains(&&node.node) {
            nodes.push(&node.node);
        }
    }
    if nodes.len() > 1 {
        scope.push(language.plural(texts::FROM_LOCATIONS, nodes.len(), &[]));
    }
    let (text, length) = (period.label(calendar), period.length_label(calendar));
    scope.push(language.format(if period.by_hour { texts::SHOWING_HOURS } else { texts::SHOWING }, &[&text, &length]));
    Overall {
        state: if is_loading { "loading" } else { status.as_str() },
        status,
        is_planned: !missing.is_incomplete && is_planned(evaluated.iter(), calendar.now),
        headline,
        remark,
        checked: newest
            .map(|at| language.format(texts::COMMA, &[&calendar.moment(at), &text::ago(calendar.now - at, language)]))
            .unwrap_or_default(),
        checked_datetime: newest.map(rfc3339).unwrap_or_default(),
        scope: scope.join(" · "),
    }
}

/// Returns the overall status of endpoints.
#[must_use]
pub fn overall_status<'r>(evaluated: impl Iterator<Item = &'r EvaluatedEndpoint<'r>>) -> Status {
    shared::endpoint_status::overall_status(&mut evaluated.map(|evaluated| (evaluated.status, evaluated.retired)))
}

/// Returns whether at least one endpoint has a problem, and announced maintenance covers the problems of all endpoints.
#[must_use]
pub fn is_planned<'r>(evaluated: impl Iterator<Item = &'r EvaluatedEndpoint<'r>>, now: UnixNanos) -> bool {
    let mut is_any = false;
    for one in evaluated.filter(|one| !one.retired && one.status != Status::Healthy) {
        is_any = true;
        if one.planned_until(now).is_none() {
            return false;
        }
    }
    is_any
}

fn empty_state(
    is_incomplete: bool,
    period: &Period,
    calendar: Calendar<'_>,
    loading: LoadProgress,
) -> (String, String) {
    let format = |text| calendar.language.format(text, &[&period.length_label(calendar)]);
    match loading {
        LoadProgress::Complete if is_incomplete => (format(texts::UNREADABLE_TITLE), format(texts::UNREADABLE_REMARK)),
        LoadProgress::Complete => (format(texts::NO_CHECKS_TITLE), format(texts::NO_CHECKS_REMARK)),
        _ => (format(texts::LOADING_TITLE), String::new()),
    }
}

fn sentence(
    evaluated: &[EvaluatedEndpoint<'_>],
    status: Status,
    missing: Missing,
    period: &Period,
    calendar: Calendar<'_>,
) -> String {
    let language = calendar.language;
    let monitored: Vec<&EvaluatedEndpoint<'_>> = evaluated.iter().filter(|evaluated| !evaluated.retired).collect();
    let of_status: Vec<&EvaluatedEndpoint<'_>> =
        monitored.iter().copied().filter(|evaluated| evaluated.status == status).collect();
    let label = language.status_label(status);
    let all_count = language.number(monitored.len());
    let all_are =
        |count| if missing.is_incomplete { some_are(count, label, language) } else { all_are(count, label, language) };
    let subject = |all: &[&EvaluatedEndpoint<'_>]| {
        let names: Vec<String> = all.iter().map(|evaluated| evaluated.name(language)).collect();
        match names.as_slice() {
            _ if all.len() == monitored.len() => all_are(all.len()),
            names if names.len() <= NAMES_LIMIT => {
                let names: Vec<&str> = names.iter().map(String::as_str).collect();
                language.format(texts::THEY_ARE, &[&language.list(&names), label])
            }
            _ => language.plural(texts::SOME_ARE, all.len(), &[&all_count, label]),
        }
    };
    // The latest end, unless some of the problems are not planned.
    let planned: Option<Vec<UnixNanos>> = of_status.iter().map(|one| one.planned_until(calendar.now)).collect();
    let planned_until = planned.and_then(|ends| ends.into_iter().max());
    match (status, of_status.as_slice()) {
        (Status::Healthy, [only]) => language.format(texts::ONE_IS, &[&only.name(language), label]),
        (Status::Healthy, all) => all_are(all.len()),
        // All known endpoints are healthy.
        (Status::Unknown, []) if missing.left_out > 0 => {
            let total = evaluated.len() + missing.left_out;
            language.plural(texts::FIRST_SHOWN, total, &[&language.number(evaluated.len())])
        }
        (Status::Unknown, []) if missing.is_incomplete && !monitored.is_empty() => {
            let healthy = language.status_label(Status::Healthy);
            language.format(texts::INCOMPLETE, &[&some_are(monitored.len(), healthy, language)])
        }
        (Status::Unknown, []) => language.format(texts::NOTHING_MONITORED, &[]),
        (Status::Unknown, all) if all.len() == monitored.len() => {
            let newest = all.iter().map(|evaluated| evaluated.checked).max().unwrap_or(calendar.now);
            let (moment, length) = (calendar.moment(newest), text::full_length(calendar.now - newest, language));
            language.format(texts::UNKNOWN_SINCE, &[&text::capitalize(label), &moment, &length])
        }
        (_, all) if planned_until.is_some() => {
            let subject = match all {
                [only] => language.format(texts::ONE_IS, &[&only.name(language), label]),
                all => subject(all),
            };
            let end = calendar.end_of(calendar.now, planned_until.unwrap_or(calendar.now));
            language.format(texts::ASIDE, &[&subject, &language.format(texts::PLANNED_UNTIL, &[&end])])
        }
        (_, [only]) => {
            let since = since(&[only], period, calendar);
            let name = only.name(language);
            let Some((down, voters)) = only.nodes_down() else {
                return language.format(texts::ONE_IS_SINCE, &[&name, label, &since]);
            };
            let text = match down {
                _ if only.tally.is_localized() => texts::UNREACHABLE_FROM_SOME,
                _ if down < voters => texts::DOWN_FROM_SOME,
                _ => texts::DOWN_FROM_ALL,
            };
            language.format(text, &[&name, &language.number(down), &language.number(voters), &since, label])
        }
        (_, all) => language.format(texts::COMMA, &[&subject(all), &since(all, period, calendar)]),
    }
}

/// Returns `since 14:02 (12 minutes)`, or `the first since 14:02 (12 minutes)` if the statuses started at different
/// times. An unknown status starts with the last check.
fn since(all: &[&EvaluatedEndpoint<'_>], period: &Period, calendar: Calendar<'_>) -> String {
    let starts = || all.iter().map(|evaluated| evaluated.since(calendar.now).unwrap_or(evaluated.checked));
    let (Some(first), Some(last)) = (starts().min(), starts().max()) else { return String::new() };
    let started_together = last - first <= shared::uptime::MERGE_WINDOW;
    let language = calendar.language;
    if first <= period.from {
        let text = if started_together { texts::FOR_MORE_THAN } else { texts::FIRST_FOR_MORE_THAN };
        return language.format(text, &[&period.length_label(calendar)]);
    }
    let text = if started_together { texts::SINCE_FOR } else { texts::FIRST_SINCE_FOR };
    language.format(text, &[&calendar.moment(first), &text::full_length(calendar.now - first, language)])
}

/// Returns a sentence such as `Both services are healthy` or `All 5 services are healthy`.
fn all_are(count: usize, label: &str, language: &Language) -> String {
    if count == 2 {
        language.format(texts::BOTH_ARE, &[label])
    } else {
        language.plural(texts::ALL_ARE, count, &[label])
    }
}

/// Returns a sentence such as `5 services are healthy`.
fn some_are(count: usize, label: &str, language: &Language) -> String {
    language.plural(texts::OTHERS_ARE, count, &[label])
}

/// Returns the endpoints that the headline omits, and the configured remark for this status.
fn remark(
    evaluated: &[EvaluatedEndpoint<'_>],
    status: Status,
    missing: Missing,
    appearance: &Appearance,
    language: &Language,
) -> String {
    let count =
        |status: Status| evaluated.iter().filter(|evaluated| evaluated.status == status && !evaluated.retired).count();
    let retired = evaluated.iter().filter(|evaluated| evaluated.retired).count();
    let mut parts = Vec::new();
    // The headline already contains the number of healthy endpoints.
    let refers_below =
        missing.is_incomplete && missing.left_out == 0 && status == Status::Unknown && count(status) == 0;
    for other in [Status::Degraded, Status::Unknown, Status::Healthy] {
        let number = count(other);
        if other != status && number > 0 && !(refers_below && other == Status::Healthy) {
            parts.push(some_are(number, language.status_label(other), language));
        }
    }
    if retired > 0 {
        parts.push(some_are(retired, language.text(texts::NOT_MONITORED), language));
    }
    let mut text = String::new();
    if !parts.is_empty() {
        let listed = language.list(&parts.iter().map(String::as_str).collect::<Vec<_>>());
        text = language.format(texts::SENTENCE, &[&listed]);
    }
    let below = refers_below.then(|| language.text(texts::UNREADABLE_REMARK));
    for remark in below.into_iter().chain(appearance.status_remarks[status as usize].as_deref()) {
        if !text.is_empty() {
            text.push(' ');
        }
        text.push_str(remark);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test_support::utc;
    use crate::test_support::with_status_labels;
    use crate::test_support::{dataset, evaluate, period};
    use Status::{Degraded, Down, Healthy};

    const INCOMPLETE: Missing = Missing { is_incomplete: true, left_out: 0 };

    fn overall_of(checks: &[(&str, &str, i64, Status)]) -> Overall {
        let dataset = dataset(checks);
        let mut all = evaluate(&dataset);
        all.sort_by_key(EvaluatedEndpoint::urgency);
        overall(&all, Missing::default(), &period(), utc(), LoadProgress::Complete, &Appearance::default())
    }

    #[test]
    fn without_data_the_status_is_unknown_with_a_remedy() {
        let overall = overall_of(&[]);
        assert_eq!((overall.state, overall.headline.as_str()), ("unknown", "No check results"));
        assert!(overall.remark.contains("checker"));
        assert_eq!(
            super::overall(&[], INCOMPLETE, &period(), utc(), LoadProgress::Complete, &Appearance::default()).headline,
            "Failed to load check results"
        );
        assert_eq!(
            super::overall(&[], Missing::default(), &period(), utc(), LoadProgress::Listing, &Appearance::default())
                .state,
            "loading"
        );
    }

    #[test]
    fn old_data_is_unknown() {
        let overall = overall_of(&[("A", "", 46, Healthy), ("A", "", 45, Healthy)]);
        assert_eq!(overall.headline, "Unknown: no checks since 12:17 (45 minutes)");
        assert_eq!((overall.state, overall.checked.as_str()), ("unknown", "12:17, 45 min ago"));
    }

    #[test]
    fn the_headline_names_services() {
        let sentence = |checks: &[(&str, &str, i64, Status)]| overall_of(checks).headline;
        assert_eq!(sentence(&[("A", "", 0, Healthy)]), "A is healthy");
        assert_eq!(sentence(&[("A", "", 0, Healthy), ("B", "", 0, Healthy)]), "Both services are healthy");
        assert_eq!(
            sentence(&[("A", "", 1, Down), ("A", "", 0, Down), ("B", "", 0, Healthy)]),
            "A has been down since 13:01 (1 minute)"
        );
        assert_eq!(
            sentence(&[("A", "", 0, Down), ("B", "", 0, Down), ("C", "", 0, Healthy)]),
            "A and B are down, since 13:02 (less than a minute)"
        );
        assert_eq!(
            sentence(&[("A", "", 0, Down), ("B", "", 0, Down)]),
            "Both services are down, since 13:02 (less than a minute)"
        );
    }

    #[test]
    fn the_headline_names_locations_and_the_start() {
        let sentence = |checks: &[(&str, &str, i64, Status)]| overall_of(checks).headline;
        let round = |ago: i64, second: Status, third: Status| {
            [("Shop", "n1", ago, Down), ("Shop", "n2", ago, second), ("Shop", "n3", ago, third)]
        };
        let all = |second, third| sentence(&(0..=12).flat_map(|ago| round(ago, second, third)).collect::<Vec<_>>());
        assert_eq!(all(Down, Healthy), "Shop has been down since 12:50 (12 minutes), as seen from 2 of 3 locations");
        assert_eq!(all(Down, Down), "Shop has been down since 12:50 (12 minutes), as seen from all 3 locations");
        assert_eq!(all(Healthy, Healthy), "Shop has been unreachable from 1 of 3 locations since 12:50 (12 minutes)");
        let later: Vec<_> = (0..9).flat_map(|ago| [("A", "", ago, Down), ("B", "", ago / 3, Down)]).collect();
        assert_eq!(sentence(&later), "Both services are down, the first since 12:54 (8 minutes)");
        let long: Vec<_> = (0..1_700).map(|ago| ("A", "", ago, Down)).collect();
        assert_eq!(sentence(&long), "A has been down for more than 24 hours");
    }

    #[test]
    fn an_incomplete_page_is_never_healthy_and_never_mentions_all() {
        let of = |missing, checks: &[(&str, &str, i64, Status)]| {
            let dataset = dataset(checks);
            let all = evaluate(&dataset);
            let overall =
                super::overall(&all, missing, &period(), utc(), LoadProgress::Complete, &Appearance::default());
            (overall.state, overall.headline, overall.remark)
        };
        let three = |status| [("A", "", 0, status), ("B", "", 0, status), ("C", "", 0, status)];
        let expected = (
            "unknown",
            "Incomplete: 3 services are healthy".to_owned(),
            "See below for the cause and how to fix it.".to_owned(),
        );
        assert_eq!(of(INCOMPLETE, &three(Healthy)), expected);
        let left_out = Missing { is_incomplete: true, left_out: 50 };
        assert_eq!(of(left_out, &three(Healthy)).1, "At least 53 services; the first 3 are shown");
        assert_eq!(of(left_out, &three(Down)).1, "3 services are down, since 13:02 (less than a minute)");
        assert_eq!(of(left_out, &[("A", "", 0, Healthy), ("B", "", 0, Down)]).0, "down");
        assert_eq!(of(INCOMPLETE, &[]).1, "Failed to load check results");
    }

    #[test]
    fn status_labels_and_remarks_can_be_configured() {
        let dataset = dataset(&[("A", "", 0, Healthy), ("B", "", 0, Healthy)]);
        let mut appearance = Appearance::default();
        appearance.status_remarks[Healthy as usize] = Some("Thanks for visiting.".to_owned());
        let language = with_status_labels(Healthy, "operational");
        let calendar = Calendar { language: &language, ..utc() };
        let overall =
            overall(&evaluate(&dataset), Missing::default(), &period(), calendar, LoadProgress::Complete, &appearance);
        assert_eq!(overall.headline, "Both services are operational");
        assert_eq!((overall.state, overall.remark.as_str()), ("healthy", "Thanks for visiting."));
    }

    #[test]
    fn the_remark_counts_the_other_services() {
        let overall =
            overall_of(&[("A", "", 0, Down), ("B", "", 0, Degraded), ("C", "", 0, Healthy), ("D", "", 0, Healthy)]);
        assert_eq!(
            (overall.state, overall.remark.as_str()),
            ("down", "1 service is degraded and 2 services are healthy.")
        );
    }

    #[test]
    fn a_service_without_checks_makes_the_page_unknown() {
        let overall = overall_of(&[("A", "n1", 0, Healthy), ("B", "n2", 60, Healthy)]);
        let sentence = "B has been unknown since 12:02 (1 hour)";
        assert_eq!((overall.state, overall.headline.as_str()), ("unknown", sentence));
        assert_eq!(overall.scope, "from 2 locations · showing results since yesterday 13:00 (24 hours)");
    }
}

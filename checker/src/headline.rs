//! The overall status in a sentence, as at the top of the page. All figures come from [`shared`]. Pure.

use std::fmt::Write as _;

use jiff::tz::TimeZone;
use shared::endpoint_status::{EndpointStatus, of_incomplete, overall_status};
use shared::status::Status;
use shared::uptime::{MERGE_WINDOW, current_span};
use shared::{DAY, HOUR, MINUTE, Nanos, SECOND, UnixNanos};

use crate::counted;
use crate::notify::time_text::Clock;
use crate::sanitize::sanitize_for_terminal;

/// The maximum number of endpoints that the sentence names. The others are counted.
const NAMES_LIMIT: usize = 3;
/// The maximum length of a title, in characters.
const TITLE_LIMIT: usize = 80;

/// An endpoint's current status, as far as the sentence depends on it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CurrentStatus {
    pub title: String,
    pub status: Status,
    /// Whether some nodes report the endpoint down, but too few for it to be down.
    pub is_partial: bool,
    pub is_retired: bool,
    /// When the status began, if that is known.
    pub since: Option<UnixNanos>,
    /// The number of nodes that report the endpoint down, and the number of nodes with a known status.
    pub down: usize,
    pub voters: usize,
    pub checked: Option<UnixNanos>,
    /// When the announced maintenance that covers a problem ends.
    pub planned_until: Option<UnixNanos>,
}

impl CurrentStatus {
    #[must_use]
    pub fn new(
        endpoint: &EndpointStatus<'_>,
        is_retired: bool,
        planned_until: Option<UnixNanos>,
        now: UnixNanos,
    ) -> CurrentStatus {
        let (tally, spans) = (endpoint.tally(now), endpoint.spans(now));
        CurrentStatus {
            title: endpoint.key.title.clone(),
            status: tally.status,
            is_partial: tally.is_localized(),
            is_retired,
            since: since(&spans, tally.status, endpoint.last_checked(), now),
            down: tally.down.len(),
            voters: tally.voters,
            checked: endpoint.last_checked(),
            planned_until,
        }
    }
}

/// Returns when a status began. An unknown status begins with the last check.
fn since(
    spans: &[shared::uptime::Span],
    status: Status,
    checked: Option<UnixNanos>,
    now: UnixNanos,
) -> Option<UnixNanos> {
    match status {
        Status::Unknown => checked,
        status => current_span(spans, status, now).map(|span| span.start),
    }
}

/// The words for what is monitored, and from where.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Audience {
    /// Operators read about endpoints and nodes.
    Operators,
    /// Customers read about services and locations.
    Customers,
}

impl Audience {
    fn endpoint(self) -> &'static str {
        match self {
            Audience::Operators => "endpoint",
            Audience::Customers => "service",
        }
    }

    fn node(self) -> &'static str {
        match self {
            Audience::Operators => "node",
            Audience::Customers => "location",
        }
    }
}

/// The first lines about the overall status.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Headline {
    pub status: Status,
    /// A sentence without a period, such as `Shop has been down for 12 minutes`.
    pub sentence: String,
    /// More details, which can be empty: `Since 14:02 +01:00, from all 3 nodes. 7 endpoints are healthy.`
    pub details: String,
}

/// The context of a headline.
#[derive(Debug, Clone, Copy)]
pub struct HeadlineContext<'a> {
    pub audience: Audience,
    /// Whether endpoints may be missing, because part of the store is unreadable.
    pub is_incomplete: bool,
    /// The start of the period whose results are known.
    pub from: UnixNanos,
    pub now: UnixNanos,
    pub zone: &'a TimeZone,
}

/// Creates the headline for endpoints in page order.
#[must_use]
pub fn headline(endpoints: &[CurrentStatus], context: HeadlineContext<'_>) -> Headline {
    let status = overall_status(&mut endpoints.iter().map(|one| (one.status, one.is_retired)));
    let status = if context.is_incomplete { of_incomplete(status) } else { status };
    let monitored: Vec<&CurrentStatus> = endpoints.iter().filter(|one| !one.is_retired).collect();
    let affected: Vec<&CurrentStatus> = monitored.iter().copied().filter(|one| one.status == status).collect();
    let (sentence, since) = sentence(&monitored, &affected, status, context);
    let refers_to_healthy = status == Status::Unknown && affected.is_empty();
    let others = others(endpoints, if refers_to_healthy { Status::Healthy } else { status }, context.audience);
    let details = [since, others].into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join(" ");
    Headline { status, sentence, details }
}

/// Returns the sentence, and when its status began.
fn sentence(
    monitored: &[&CurrentStatus],
    affected: &[&CurrentStatus],
    status: Status,
    context: HeadlineContext<'_>,
) -> (String, String) {
    let HeadlineContext { audience, now, .. } = context;
    let endpoint = audience.endpoint();
    match affected {
        [] if monitored.is_empty() && context.is_incomplete => ("The results cannot be read".to_owned(), String::new()),
        [] if monitored.is_empty() => {
            ("No results".to_owned(), format!("Nothing was stored in the last {}.", period(now - context.from)))
        }
        [] => {
            let verb = if monitored.len() == 1 { "is" } else { "are" };
            let shown = counted(monitored.len(), endpoint);
            (format!("Incomplete: {shown} {verb} healthy"), format!("Other {endpoint}s may be missing."))
        }
        _ if status == Status::Healthy => (healthy(monitored, endpoint), String::new()),
        _ if status == Status::Unknown => no_data(monitored, affected, context),
        _ => problem(monitored, affected, status, context),
    }
}

fn healthy(monitored: &[&CurrentStatus], endpoint: &str) -> String {
    match monitored {
        [only] => format!("{} is healthy", name(only)),
        [_, _] => format!("Both {endpoint}s are healthy"),
        all => format!("All {} are healthy", counted(all.len(), endpoint)),
    }
}

fn no_data(
    monitored: &[&CurrentStatus],
    affected: &[&CurrentStatus],
    context: HeadlineContext<'_>,
) -> (String, String) {
    let (newest, now) = (affected.iter().filter_map(|one| one.checked).max(), context.now);
    let about = if affected.len() == monitored.len() {
        String::new()
    } else {
        format!(" about {}", subject(monitored, affected, context.audience))
    };
    let last = newest.map(|at| format!("Last checked at {}.", Clock::new(now, context.zone).time(at)));
    let length = newest.map(|at| format!(" for {}", in_words(now.saturating_sub(at)))).unwrap_or_default();
    (format!("No data{about}{length}"), last.unwrap_or_default())
}

fn problem(
    monitored: &[&CurrentStatus],
    affected: &[&CurrentStatus],
    status: Status,
    context: HeadlineContext<'_>,
) -> (String, String) {
    let HeadlineContext { now, audience, .. } = context;
    let clock = Clock::new(now, context.zone);
    let starts = || affected.iter().filter_map(|one| one.since);
    let (first, last) = (starts().min(), starts().max());
    let is_partial = affected.iter().all(|one| one.is_partial);
    let subject = subject(monitored, affected, audience);
    let (has, is) = if affected.len() == 1 { ("has", "is") } else { ("have", "are") };
    let planned: Option<Vec<UnixNanos>> = affected.iter().map(|one| one.planned_until).collect();
    let planned = planned.and_then(|ends| ends.into_iter().max());
    let state = if is_partial { "had a partial outage".to_owned() } else { format!("been {status}") };
    let sentence = match (planned, first, last) {
        (Some(end), ..) => format!("{subject} {is} {status}, as planned until {}", clock.time(end)),
        (None, Some(first), Some(last)) if last.saturating_sub(first) <= MERGE_WINDOW && first > context.from => {
            format!("{subject} {has} {state} for {}", in_words(now.saturating_sub(first)))
        }
        (None, Some(first), _) if first <= context.from => {
            format!("{subject} {has} {state} for more than {}", period(now - context.from))
        }
        _ if is_partial => format!("{subject} {has} a partial outage"),
        _ => format!("{subject} {is} {status}"),
    };
    let from = match affected {
        [only] if only.voters > 1 && only.down > 0 => {
            let nodes = counted(only.voters, audience.node());
            if only.down == only.voters {
                format!(", from all {nodes}")
            } else {
                format!(", from {} of {nodes}", only.down)
            }
        }
        _ => String::new(),
    };
    let since = match first {
        Some(first) if first > context.from => {
            let is_first = last.is_some_and(|last| last.saturating_sub(first) > MERGE_WINDOW);
            format!("{} {}{from}.", if is_first { "The first since" } else { "Since" }, clock.time(first))
        }
        _ => String::new(),
    };
    (sentence, since)
}

/// Names the endpoints, or counts them if there are many.
fn subject(monitored: &[&CurrentStatus], affected: &[&CurrentStatus], audience: Audience) -> String {
    let endpoint = audience.endpoint();
    match affected {
        [only] => name(only),
        all if all.len() == monitored.len() && all.len() == 2 => format!("Both {endpoint}s"),
        all if all.len() == monitored.len() => format!("All {}", counted(all.len(), endpoint)),
        all if all.len() > NAMES_LIMIT => format!("{} of {}", all.len(), counted(monitored.len(), endpoint)),
        [rest @ .., last] => {
            let rest: Vec<String> = rest.iter().map(|one| name(one)).collect();
            format!("{} and {}", rest.join(", "), name(last))
        }
        [] => String::new(),
    }
}

/// Counts the endpoints with other statuses: `2 endpoints are degraded, 4 are healthy; 1 is not monitored.`
fn others(endpoints: &[CurrentStatus], status: Status, audience: Audience) -> String {
    let count = |other| endpoints.iter().filter(|one| !one.is_retired && one.status == other).count();
    let mut parts: Vec<String> = Vec::new();
    for other in [Status::Degraded, Status::Unknown, Status::Healthy] {
        let number = count(other);
        if other != status && number > 0 {
            let what = if parts.is_empty() { counted(number, audience.endpoint()) } else { number.to_string() };
            parts.push(format!("{what} {} {other}", if number == 1 { "is" } else { "are" }));
        }
    }
    let retired = endpoints.iter().filter(|one| one.is_retired).count();
    let mut text = parts.join(", ");
    if retired > 0 {
        let what = if text.is_empty() { counted(retired, audience.endpoint()) } else { format!("; {retired}") };
        let _ = write!(text, "{what} {} not monitored", if retired == 1 { "is" } else { "are" });
    }
    if text.is_empty() { text } else { format!("{text}.") }
}

fn name(one: &CurrentStatus) -> String {
    sanitize_for_terminal(&one.title, TITLE_LIMIT)
}

/// Formats the length of a period in hours, or in days if it is long.
fn period(length: Nanos) -> String {
    let (unit, name) = if length < 2 * DAY { (HOUR, "hour") } else { (DAY, "day") };
    counted(usize::try_from(length / unit).unwrap_or_default(), name)
}

/// Formats a duration in words: `12 minutes`, `3 hours 5 minutes`, `2 days`. Truncates to minutes, hours or days.
#[must_use]
pub fn in_words(nanos: Nanos) -> String {
    let nanos = nanos.max(0);
    let count = |number: Nanos, unit| counted(usize::try_from(number).unwrap_or_default(), unit);
    match nanos {
        ..MINUTE => count(nanos / SECOND, "second"),
        MINUTE..HOUR => count(nanos / MINUTE, "minute"),
        HOUR..DAY if nanos % HOUR < MINUTE => count(nanos / HOUR, "hour"),
        HOUR..DAY => format!("{} {}", count(nanos / HOUR, "hour"), count(nanos % HOUR / MINUTE, "minute")),
        _ => count(nanos / DAY, "day"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The time 13:02 UTC on 2026-11-29.
    const NOW: UnixNanos = 1_795_957_320_000_000_000;

    fn current(title: &str, status: Status, ago: Nanos) -> CurrentStatus {
        CurrentStatus {
            title: title.to_owned(),
            status,
            is_partial: false,
            is_retired: false,
            since: Some(NOW - ago),
            down: if status == Status::Down { 3 } else { 0 },
            voters: 3,
            checked: Some(NOW - ago.min(MINUTE)),
            planned_until: None,
        }
    }

    fn lines(endpoints: &[CurrentStatus], audience: Audience) -> [String; 2] {
        let zone = TimeZone::UTC;
        let context = HeadlineContext { audience, is_incomplete: false, from: NOW - DAY, now: NOW, zone: &zone };
        let headline = headline(endpoints, context);
        [headline.sentence, headline.details]
    }

    #[test]
    fn a_problem_is_named_with_its_length_and_its_nodes() {
        use Status::{Degraded, Down, Healthy, Unknown};
        let healthy = |number: usize| (0..number).map(|number| current(&format!("S{number}"), Healthy, 2 * DAY));
        let with = |first: Vec<CurrentStatus>, others| first.into_iter().chain(healthy(others)).collect::<Vec<_>>();
        let shop = || current("Shop", Down, 12 * MINUTE);
        let partial = CurrentStatus { is_partial: true, down: 1, ..current("Shop", Degraded, 32 * MINUTE) };
        let planned = CurrentStatus { planned_until: Some(NOW + HOUR), ..shop() };
        let retired = CurrentStatus { is_retired: true, ..current("Old", Unknown, DAY) };
        for (endpoints, sentence, details) in [
            (with(vec![], 1), "S0 is healthy", ""),
            (with(vec![], 2), "Both endpoints are healthy", ""),
            (with(vec![], 8), "All 8 endpoints are healthy", ""),
            (with(vec![retired], 8), "All 8 endpoints are healthy", "1 endpoint is not monitored."),
            (
                with(vec![shop(), current("API", Degraded, HOUR)], 4),
                "Shop has been down for 12 minutes",
                "Since 12:50 UTC, from all 3 nodes. 1 endpoint is degraded, 4 are healthy.",
            ),
            (
                with(vec![shop(), current("API", Down, 3 * HOUR)], 1),
                "Shop and API are down",
                "The first since 10:02 UTC. 1 endpoint is healthy.",
            ),
            (
                vec![shop(), current("API", Down, 12 * MINUTE)],
                "Both endpoints have been down for 12 minutes",
                "Since 12:50 UTC.",
            ),
            (vec![current("Shop", Down, 2 * DAY)], "Shop has been down for more than 24 hours", ""),
            (vec![partial], "Shop has had a partial outage for 32 minutes", "Since 12:30 UTC, from 1 of 3 nodes."),
            (vec![planned], "Shop is down, as planned until 14:02 UTC", "Since 12:50 UTC, from all 3 nodes."),
            (vec![], "No results", "Nothing was stored in the last 24 hours."),
        ] {
            assert_eq!(lines(&endpoints, Audience::Operators), [sentence, details]);
        }
    }

    #[test]
    fn customers_read_about_services_and_locations() {
        let shop = current("Shop", Status::Down, 12 * MINUTE);
        let all = vec![shop.clone(), current("API", Status::Healthy, DAY)];
        let [sentence, details] = lines(&all, Audience::Customers);
        assert_eq!(sentence, "Shop has been down for 12 minutes");
        assert_eq!(details, "Since 12:50 UTC, from all 3 locations. 1 service is healthy.");
    }

    #[test]
    fn missing_data_is_never_healthy() {
        let zone = TimeZone::UTC;
        let context = HeadlineContext {
            audience: Audience::Operators,
            is_incomplete: true,
            from: NOW - DAY,
            now: NOW,
            zone: &zone,
        };
        let incomplete = headline(&[current("Shop", Status::Healthy, DAY)], context);
        assert_eq!(
            (incomplete.status, incomplete.sentence.as_str()),
            (Status::Unknown, "Incomplete: 1 endpoint is healthy")
        );
        assert_eq!(incomplete.details, "Other endpoints may be missing.");
        assert_eq!(headline(&[], context).sentence, "The results cannot be read");
        let silent = |title| CurrentStatus { checked: Some(NOW - 3 * HOUR), ..current(title, Status::Unknown, HOUR) };
        assert_eq!(
            lines(&[silent("Shop"), silent("API")], Audience::Operators),
            ["No data for 3 hours", "Last checked at 10:02 UTC."]
        );
        assert_eq!(
            lines(&[silent("Shop"), current("API", Status::Healthy, DAY)], Audience::Operators),
            ["No data about Shop for 3 hours", "Last checked at 10:02 UTC. 1 endpoint is healthy."]
        );
    }

    #[test]
    fn durations_are_in_words() {
        for (nanos, words) in [
            (SECOND, "1 second"),
            (59 * SECOND, "59 seconds"),
            (12 * MINUTE + 59 * SECOND, "12 minutes"),
            (HOUR, "1 hour"),
            (3 * HOUR + 5 * MINUTE, "3 hours 5 minutes"),
            (90 * DAY, "90 days"),
            (-5, "0 seconds"),
        ] {
            assert_eq!(in_words(nanos), words);
        }
    }
}

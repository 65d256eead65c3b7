//! The first lines of the page: the overall status in one sentence.

use shared::page_config::appearance::Appearance;
use shared::status::Status;
use shared::{Nanos, UnixNanos};

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
    /// The headline without durations, for screen readers. It changes only when the status does.
    pub announcement: String,
    /// More details about the status, which can be empty.
    pub remark: String,
    /// Since when, and from how many nodes: `since 12:50, from all 3 locations`. It can be empty.
    pub scope: String,
    /// How long ago the last check ran, or an empty string if no checks ran.
    pub checked: String,
    /// When the last check ran, as text.
    pub checked_at: String,
    /// The time of the last check in RFC 3339 format.
    pub checked_datetime: String,
}

/// The overall status in words.
#[derive(Default)]
struct Sentence {
    /// The status with its duration: `Shop has been down for 12 minutes`.
    headline: String,
    /// The status without its duration: `Shop is down`.
    announcement: String,
    /// When the status began: `since 12:50`, or an empty string.
    since: String,
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
    (loading, refresh): (LoadProgress, Nanos),
    appearance: &Appearance,
) -> Overall {
    let language = calendar.language;
    let mut status = overall_status(evaluated.iter());
    if missing.is_incomplete {
        status = shared::endpoint_status::of_incomplete(status);
    }
    let newest = evaluated.iter().map(|evaluated| evaluated.checked).max();
    let (sentence, remark) = if evaluated.is_empty() {
        empty_state(missing.is_incomplete, period, calendar, loading, refresh)
    } else {
        let remark = remark(evaluated, status, missing, appearance, language);
        (sentence(evaluated, status, missing, period, calendar), remark)
    };
    // While the page is still loading, a lack of results does not mean that the status is unknown.
    let is_loading = loading != LoadProgress::Complete && evaluated.is_empty();
    let mut scope = vec![sentence.since.as_str()];
    let locations = locations(evaluated, status, language);
    scope.push(&locations);
    scope.retain(|part| !part.is_empty());
    Overall {
        state: if is_loading { "loading" } else { status.as_str() },
        status,
        is_planned: !missing.is_incomplete && is_planned(evaluated.iter(), calendar.now),
        scope: language.joined(texts::COMMA, &scope),
        headline: sentence.headline,
        announcement: sentence.announcement,
        remark,
        checked: newest.map(|at| text::ago(calendar.now - at, language)).unwrap_or_default(),
        checked_at: newest.map(|at| calendar.moment(at)).unwrap_or_default(),
        checked_datetime: newest.map(rfc3339).unwrap_or_default(),
    }
}

/// Returns from how many nodes the results are, and how many of them report the only endpoint that is down.
fn locations(evaluated: &[EvaluatedEndpoint<'_>], status: Status, language: &Language) -> String {
    let mut with_status = evaluated.iter().filter(|one| one.status == status && !one.retired);
    if let (Some(only), None) = (with_status.next(), with_status.next())
        && let Some((down, voters)) = only.nodes_down()
    {
        let counts = [down, voters].map(|count| language.number(count));
        let text = if down < voters { texts::FROM_SOME_LOCATIONS } else { texts::FROM_ALL_LOCATIONS };
        return language.format(text, &[&counts[0], &counts[1]]);
    }
    let mut nodes = Vec::new();
    for node in evaluated.iter().flat_map(|evaluated| &evaluated.endpoint.nodes) {
        if !nodes.contains(&&node.node) {
            nodes.push(&node.node);
        }
    }
    if nodes.len() > 1 { language.plural(texts::FROM_LOCATIONS, nodes.len(), &[]) } else { String::new() }
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
    refresh: Nanos,
) -> (Sentence, String) {
    let language = calendar.language;
    let (headline, remark) = match loading {
        LoadProgress::Complete if is_incomplete => {
            let remark = language.format(texts::TRYING_AGAIN, &[&text::length(refresh, language)]);
            (texts::UNREADABLE_TITLE, remark)
        }
        LoadProgress::Complete => {
            (texts::NO_CHECKS_TITLE, language.format(texts::NO_CHECKS_REMARK, &[&period.length_label(calendar)]))
        }
        _ => (texts::LOADING_TITLE, String::new()),
    };
    let headline = language.text(headline).to_owned();
    (Sentence { announcement: headline.clone(), headline, since: String::new() }, remark)
}

fn sentence(
    evaluated: &[EvaluatedEndpoint<'_>],
    status: Status,
    missing: Missing,
    period: &Period,
    calendar: Calendar<'_>,
) -> Sentence {
    let language = calendar.language;
    let monitored: Vec<&EvaluatedEndpoint<'_>> = evaluated.iter().filter(|evaluated| !evaluated.retired).collect();
    let of_status: Vec<&EvaluatedEndpoint<'_>> =
        monitored.iter().copied().filter(|evaluated| evaluated.status == status).collect();
    let announcement = plain_sentence(evaluated.len(), &monitored, &of_status, status, missing, language);
    // The latest end, unless some of the problems are not planned.
    let planned: Option<Vec<UnixNanos>> = of_status.iter().map(|one| one.planned_until(calendar.now)).collect();
    let planned_until = planned.and_then(|ends| ends.into_iter().max());
    if status == Status::Healthy || of_status.is_empty() {
        return Sentence { headline: announcement.clone(), announcement, since: String::new() };
    }
    if status == Status::Unknown && of_status.len() == monitored.len() {
        let newest = of_status.iter().map(|evaluated| evaluated.checked).max().unwrap_or(calendar.now);
        let length = text::full_length(calendar.now - newest, language);
        let headline = language.format(texts::UNKNOWN_FOR, &[&length, &calendar.moment(newest)]);
        return Sentence { headline, announcement, since: String::new() };
    }
    let (since, length) = start(&of_status, period, calendar);
    let headline = match (planned_until, length) {
        (Some(end), _) => {
            let end = calendar.end_of(calendar.now, end);
            language.format(texts::ASIDE, &[&announcement, &language.format(texts::PLANNED_UNTIL, &[&end])])
        }
        // An incomplete page never mentions all services.
        (None, _) if missing.is_incomplete && of_status.len() == monitored.len() && of_status.len() > 1 => {
            announcement.clone()
        }
        (None, None) => announcement.clone(),
        (None, Some(length)) => lasting_sentence(&monitored, &of_status, status, &length, language),
    };
    Sentence { headline, announcement, since }
}

/// Returns the overall status without its duration: `Shop is down`, `All 5 services are healthy`.
fn plain_sentence(
    known: usize,
    monitored: &[&EvaluatedEndpoint<'_>],
    of_status: &[&EvaluatedEndpoint<'_>],
    status: Status,
    missing: Missing,
    language: &Language,
) -> String {
    let label = language.status_label(status);
    match (status, of_status) {
        // All known endpoints are healthy.
        (Status::Unknown, []) if missing.left_out > 0 => {
            let total = known + missing.left_out;
            language.plural(texts::FIRST_SHOWN, total, &[&language.number(known)])
        }
        (Status::Unknown, []) if missing.is_incomplete && !monitored.is_empty() => {
            let healthy = language.status_label(Status::Healthy);
            language.format(texts::INCOMPLETE, &[&some_are(monitored.len(), healthy, language)])
        }
        (Status::Unknown, []) => language.format(texts::NOTHING_MONITORED, &[]),
        (_, [only]) => {
            let text = if only.tally.is_localized() { texts::PARTIAL_IS } else { texts::ONE_IS };
            language.format(text, &[&only.name(language), label])
        }
        (_, all) if all.len() == monitored.len() && missing.is_incomplete => some_are(all.len(), label, language),
        (_, all) if all.len() == monitored.len() => all_are(all.len(), label, language),
        (_, all) if all.len() <= NAMES_LIMIT => language.format(texts::THEY_ARE, &[&names(all, language), label]),
        (_, all) => language.plural(texts::SOME_ARE, all.len(), &[&language.number(monitored.len()), label]),
    }
}

/// Returns the overall status with its duration: `Shop has been down for 12 minutes`.
fn lasting_sentence(
    monitored: &[&EvaluatedEndpoint<'_>],
    of_status: &[&EvaluatedEndpoint<'_>],
    status: Status,
    length: &str,
    language: &Language,
) -> String {
    let label = language.status_label(status);
    let count = of_status.len();
    match of_status {
        [only] => {
            let text = if only.tally.is_localized() { texts::PARTIAL_FOR } else { texts::ONE_IS_FOR };
            language.format(text, &[&only.name(language), label, length])
        }
        [_, _] if count == monitored.len() => language.format(texts::BOTH_ARE_FOR, &[label, length]),
        _ if count == monitored.len() => language.plural(texts::ALL_ARE_FOR, count, &[label, length]),
        all if count <= NAMES_LIMIT => language.format(texts::THEY_ARE_FOR, &[&names(all, language), label, length]),
        _ => {
            let total = language.number(monitored.len());
            language.plural(texts::SOME_ARE_FOR, count, &[&total, label, length])
        }
    }
}

fn names(all: &[&EvaluatedEndpoint<'_>], language: &Language) -> String {
    let names: Vec<String> = all.iter().map(|evaluated| evaluated.name(language)).collect();
    language.list(&names.iter().map(String::as_str).collect::<Vec<_>>())
}

/// Returns since when, and for how long, or `None` if the statuses started at different times. An unknown status starts
/// with the last check.
fn start(all: &[&EvaluatedEndpoint<'_>], period: &Period, calendar: Calendar<'_>) -> (String, Option<String>) {
    let starts = || all.iter().map(|evaluated| evaluated.since(calendar.now).unwrap_or(evaluated.checked));
    let (Some(first), Some(last)) = (starts().min(), starts().max()) else { return (String::new(), None) };
    let started_together = last - first <= shared::uptime::MERGE_WINDOW;
    let language = calendar.language;
    let is_before = first <= period.from;
    let since = match (is_before, started_together) {
        (true, true) => String::new(),
        (true, false) => language.format(texts::FIRST_FOR_MORE_THAN, &[&period.duration_label(calendar)]),
        (false, true) => language.format(texts::SINCE, &[&calendar.moment(first)]),
        (false, false) => language.format(texts::FIRST_SINCE, &[&calendar.moment(first)]),
    };
    let length = if is_before {
        language.format(texts::MORE_THAN, &[&period.duration_label(calendar)])
    } else {
        text::full_length(calendar.now - first, language)
    };
    (since, started_together.then_some(length))
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

/// Returns `2 services are degraded`, or `2 are degraded` if it is not the first part of a sentence.
fn counted(count: usize, label: &str, is_first: bool, language: &Language) -> String {
    language.plural(if is_first { texts::OTHERS_ARE } else { texts::MORE_ARE }, count, &[label])
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
    let mut parts: Vec<String> = Vec::new();
    // The headline already contains the number of healthy endpoints.
    let refers_below =
        missing.is_incomplete && missing.left_out == 0 && status == Status::Unknown && count(status) == 0;
    for other in [Status::Degraded, Status::Unknown, Status::Healthy] {
        let number = count(other);
        if other != status && number > 0 && !(refers_below && other == Status::Healthy) {
            let label = language.status_label(other);
            parts.push(counted(number, label, parts.is_empty(), language));
        }
    }
    let mut text = language.joined(texts::COMMA, &parts.iter().map(String::as_str).collect::<Vec<_>>());
    if retired > 0 {
        let part = counted(retired, language.text(texts::NOT_MONITORED), text.is_empty(), language);
        text = if text.is_empty() { part } else { language.format(texts::SEMICOLON, &[&text, &part]) };
    }
    if !text.is_empty() {
        text = language.format(texts::SENTENCE, &[&text]);
    }
    let below = refers_below.then(|| language.text(texts::SEE_BELOW));
    for remark in below.into_iter().chain(appearance.status_remarks[status as usize].as_deref()) {
        if !text.is_empty() {
            text.push(' ');
        }
        text.push_str(remark);
    }
    text
}

#[cfg(test)]
mod tests;

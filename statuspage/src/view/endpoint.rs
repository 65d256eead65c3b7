//! The text and figures of one endpoint.

use std::sync::Arc;

use shared::object_name::NodeName;
use shared::page_config::appearance::{Appearance, description};
use shared::stats::Stats;
use shared::status::Status;
use shared::uptime::{Ratio, Span, UptimeBreakdown};
use shared::{Nanos, UnixNanos};

use super::affected::group_titles;
use super::axes::round_label;
use super::chart::{self, ChartView};
use super::combine_nodes::EvaluatedEndpoint;
use super::level::LevelView;
use super::period::Period;
use super::strip::{self, BarView};
use super::text;
use crate::dataset::{Sample, TimeBucket};
use crate::i18n::Calendar;
use crate::i18n::{Language, texts};

/// An endpoint on the page.
#[expect(clippy::struct_excessive_bools, reason = "they are independent of each other")]
#[derive(Debug, Clone, PartialEq)]
pub struct EndpointView {
    /// The endpoint's index in the dataset, which never changes while the page is open.
    pub id: usize,
    /// The title as stored, which can be empty.
    pub title: String,
    /// The locator as stored, or an empty string if it is hidden.
    pub locator: String,
    /// The value that identifies the endpoint in the page's URL.
    pub address: String,
    /// The titles of the endpoint's groups.
    pub group: String,
    /// The label for the status, for a partial outage, or for an endpoint that is not monitored.
    pub status_label: String,
    /// The name for use in a sentence, which is shortened.
    pub name: String,
    /// The whole name on one line.
    pub full_name: String,
    pub status: Status,
    /// Whether announced maintenance covers the current status.
    pub is_planned: bool,
    /// The status and for how long: `Down for 12 min`.
    pub state: String,
    /// When the status began: `since 14:02`, or an empty string if that is unknown.
    pub since: String,
    /// Whether only some nodes report the endpoint down.
    pub is_localized: bool,
    /// Whether nodes have stopped checking the endpoint.
    pub is_retired: bool,
    pub has_duplicate_title: bool,
    /// The error, or `None` if the endpoint is healthy.
    pub reason: Option<String>,
    /// What the endpoint is for, or an empty string.
    pub about: String,
    /// The URL of a page for operators, or an empty string.
    pub link: String,
    /// The locator and how often it is checked: `https://shop.example · checked every 5 min`.
    pub facts: String,
    /// The uptime: `99.97%`, or a dash if no checks ran.
    pub uptime: String,
    /// The uptime with a label: `99.97% uptime`, or `100% uptime since 00:26` if the endpoint is new.
    pub labeled_uptime: String,
    /// The uptime outside of planned maintenance, `99.98% outside planned maintenance`, or an empty string if it is the
    /// same.
    pub outside: String,
    /// Both figures: `99.91% · 99.98% outside planned maintenance`.
    pub figures: String,
    /// How much of the time was observed, or an empty string if that is nearly all of it: `monitored 98.20% of the time`.
    pub coverage: String,
    /// The coverage without a label: `98.20%`.
    pub observed: String,
    /// An explanation of how the uptime was computed.
    pub breakdown: String,
    /// The description of the strip for screen readers.
    pub strip_label: String,
    /// The bars of the strip, oldest first.
    pub strip: Vec<Arc<BarView>>,
    /// The content of the open bars.
    pub levels: Vec<LevelView>,
    pub chart: ChartView,
}

/// A service whose coverage is at least this share of the time counts as fully observed: a checker that is restarted
/// misses a few seconds.
const FULLY_OBSERVED: f64 = 0.999;

/// The beginning of the reason that checkers store for a slow endpoint.
const SLOW_REASON: &str = "median round trip time exceeded threshold";

/// Returns which nodes report the endpoint down if others can reach it: `Unreachable from eu-west (1 of 3 locations)`.
fn localized(evaluated: &EvaluatedEndpoint<'_>, language: &Language) -> Option<String> {
    let tally = &evaluated.tally;
    if !tally.is_localized() {
        return None;
    }
    let names: Vec<&str> = tally
        .down
        .iter()
        .filter_map(|index| evaluated.nodes.get(*index))
        .map(|vote| vote.node.map_or(language.text(texts::UNNAMED_LOCATION), NodeName::as_str))
        .collect();
    let [down, voters] = [tally.down.len(), tally.voters].map(|count| language.number(count));
    Some(language.format(texts::UNREACHABLE_FROM, &[&language.list(&names), &down, &voters]))
}

/// Returns why the endpoint is slow, if it is degraded because it is slow: `Slow: median 1.40 s, over the 800 ms
/// threshold`. Histories do not have the median.
fn slow(evaluated: &EvaluatedEndpoint<'_>, span: Span, now: UnixNanos, language: &Language) -> Option<String> {
    let is_slow = |sample: &&Sample| {
        sample.threshold > 0 && sample.reason.as_ref().is_some_and(|reason| reason.starts_with(SLOW_REASON))
    };
    let sample = evaluated.samples(span.start, now + 1).filter(is_slow).max_by_key(|sample| sample.at)?;
    let threshold = language.isolate(round_label(sample.threshold, language));
    Some(match Stats::from_rtts(sample.rtts.to_vec()) {
        Some(stats) => language.format(texts::SLOW, &[&language.response_time(stats.median), &threshold]),
        None => language.format(texts::SLOW_OVER, &[&threshold]),
    })
}

/// Returns why the endpoint is not healthy. Without details, this names the nodes that cannot reach it, or that it is
/// slow.
fn reason(
    evaluated: &EvaluatedEndpoint<'_>,
    localized: Option<&String>,
    span: Option<Span>,
    calendar: Calendar<'_>,
) -> Option<String> {
    let (now, language) = (calendar.now, calendar.language);
    let Some(span) = span.filter(|span| span.status != Status::Healthy) else { return localized.cloned() };
    let cause = if localized.is_some() { Status::Down } else { span.status };
    if cause == Status::Degraded
        && let Some(slow) = slow(evaluated, span, now, language)
    {
        return Some(slow);
    }
    let reason = evaluated.reason(cause, span.start, now + 1).map(|reason| reason.trim().to_owned());
    match (localized, reason) {
        (Some(localized), Some(reason)) => Some(language.format(texts::COLON, &[localized, &reason])),
        (Some(localized), None) => Some(localized.clone()),
        (None, reason) => reason,
    }
}

/// Creates an endpoint with its bars and its chart. `marks` are the times of messages.
#[must_use]
pub fn endpoint(
    evaluated: &EvaluatedEndpoint<'_>,
    period: &Period,
    opened: Option<TimeBucket>,
    calendar: Calendar<'_>,
    marks: &[UnixNanos],
    appearance: &Appearance,
) -> EndpointView {
    EndpointView {
        strip: strip::strip(evaluated, period, opened, calendar),
        chart: chart::chart(evaluated, period, calendar, marks),
        ..head(evaluated, period, calendar, appearance)
    }
}

/// Creates an endpoint without its bars and its chart, which take a hundred times as long to compute.
#[must_use]
pub fn head(
    evaluated: &EvaluatedEndpoint<'_>,
    period: &Period,
    calendar: Calendar<'_>,
    appearance: &Appearance,
) -> EndpointView {
    let now = calendar.now;
    let total = evaluated.breakdown(period.from, now, now);
    let span = evaluated.current_span(now);
    let language = calendar.language;
    let localized = localized(evaluated, language);
    let name = evaluated.name(language);
    let reason = reason(evaluated, localized.as_ref(), span, calendar);
    let uptime = total.uptime().map_or_else(|| "–".to_owned(), |share| language.percent(&share.percent()));
    let observed = total.coverage().map_or_else(|| "–".to_owned(), |share| language.percent(&share.percent()));
    let (labeled_uptime, coverage) = uptime_texts(evaluated, &total, &uptime, period, calendar);
    let outside = outside_text(evaluated, &total, period, now, language);
    let figures = if outside.is_empty() { uptime.clone() } else { [&uptime, " · ", &outside].concat() };
    let partial = evaluated.partial_outage(&total, period.from, now, now);
    let mut breakdown = breakdown_text(&total, partial, &uptime, language);
    if let Some(budget) = budget_text(evaluated, now, language) {
        breakdown = language.format(texts::SEMICOLON, &[&breakdown, &budget]);
    }
    let title = &evaluated.endpoint.key.title;
    let described = description(&appearance.descriptions, title);
    let text_of = |text: Option<&String>| text.cloned().unwrap_or_default();
    EndpointView {
        id: evaluated.id,
        title: title.clone(),
        locator: evaluated.locator().to_owned(),
        address: evaluated.address(),
        group: group_titles(&appearance.groups, title).join(" · "),
        status_label: evaluated.label(language).to_owned(),
        status: evaluated.status,
        is_planned: evaluated.planned_until(now).is_some(),
        state: state(evaluated, span, period, calendar),
        since: match span.filter(|span| span.status != Status::Healthy && span.start > period.from) {
            Some(span) => language.format(texts::SINCE, &[&calendar.moment(span.start)]),
            None => String::new(),
        },
        about: text_of(described.and_then(|one| one.about.as_ref())),
        link: text_of(described.and_then(|one| one.link.as_ref()).filter(|_| appearance.details == Some(true))),
        facts: facts(evaluated, language),
        labeled_uptime,
        outside,
        figures,
        is_localized: localized.is_some(),
        reason,
        breakdown,
        uptime,
        coverage,
        observed,
        strip_label: language.format(texts::UPTIME_OF, &[&name, &period.label(calendar)]),
        strip: Vec::new(),
        levels: Vec::new(),
        chart: ChartView::default(),
        is_retired: evaluated.retired,
        has_duplicate_title: evaluated.has_duplicate_title,
        name: text::display_name(title, evaluated.locator(), language),
        full_name: text::full_name(title, evaluated.locator(), language),
    }
}

/// Returns the uptime with a label, and how much of the time was observed. The time before the first check of a new
/// endpoint does not count.
fn uptime_texts(
    evaluated: &EvaluatedEndpoint<'_>,
    total: &UptimeBreakdown,
    uptime: &str,
    period: &Period,
    calendar: Calendar<'_>,
) -> (String, String) {
    let (now, language) = (calendar.now, calendar.language);
    if total.observed() == 0 {
        return (language.text(texts::NOT_OBSERVED).to_owned(), String::new());
    }
    let labeled = language.format(texts::UPTIME_IS, &[uptime]);
    let (labeled, total) = match evaluated.new_since(period) {
        Some(start) => {
            let since = language.format(texts::SINCE, &[&calendar.moment(start)]);
            ([&labeled, " ", &since].concat(), evaluated.breakdown(start, now, now))
        }
        None => (labeled, *total),
    };
    let coverage = total.coverage().filter(|coverage| coverage.fraction() < FULLY_OBSERVED);
    let coverage = coverage.map(|coverage| {
        let percent = language.percent(&coverage.percent());
        language.format(texts::MONITORED, &[&percent])
    });
    (labeled, coverage.unwrap_or_default())
}

/// Returns the locator and how often it is checked, as far as they are known.
fn facts(evaluated: &EvaluatedEndpoint<'_>, language: &Language) -> String {
    let mut facts = Vec::new();
    let locator = evaluated.locator();
    if !locator.is_empty() {
        facts.push(language.isolate(locator.to_owned()));
    }
    if let Some(interval) = evaluated.latest.interval.filter(|_| !evaluated.retired) {
        facts.push(language.format(texts::CHECKED_EVERY, &[&text::exact_length(interval, language)]));
    }
    facts.join(" · ")
}

/// Returns the status and when it began, and until when announced maintenance covers it.
fn state(evaluated: &EvaluatedEndpoint<'_>, span: Option<Span>, period: &Period, calendar: Calendar<'_>) -> String {
    let language = calendar.language;
    if let Some(until) = evaluated.planned_until(calendar.now) {
        let planned = language.format(texts::PLANNED_UNTIL, &[&calendar.end_of(calendar.now, until)]);
        return [&measured_state(evaluated, span, period, calendar), " · ", &planned].concat();
    }
    measured_state(evaluated, span, period, calendar)
}

fn measured_state(
    evaluated: &EvaluatedEndpoint<'_>,
    span: Option<Span>,
    period: &Period,
    calendar: Calendar<'_>,
) -> String {
    let language = calendar.language;
    let mut label = evaluated.label(language);
    let Some(span) = span else {
        let last = evaluated.checked;
        let length = text::length(calendar.now - last, language);
        return match evaluated.latest.status {
            _ if evaluated.retired => {
                language.format(texts::STATE_SINCE, &[&text::capitalize(label), &calendar.moment(last)])
            }
            Status::Unknown => language.format(texts::INCONCLUSIVE, &[&text::capitalize(label)]),
            _ => language.format(texts::NO_DATA_FOR, &[&length]),
        };
    };
    if !evaluated.tally.is_localized() {
        label = language.status_label(span.status);
    }
    let label = text::capitalize(label);
    if span.status == Status::Healthy {
        return label;
    }
    // If the status began before the period, its start is unknown.
    let length = if span.start <= period.from {
        language.format(texts::MORE_THAN, &[&period.duration_label(calendar)])
    } else {
        text::length(calendar.now - span.start, language)
    };
    language.format(texts::STATE_FOR, &[&label, &length])
}

/// Returns the uptime outside of planned maintenance, or an empty string if that is the same figure.
fn outside_text(
    evaluated: &EvaluatedEndpoint<'_>,
    total: &UptimeBreakdown,
    period: &Period,
    now: UnixNanos,
    language: &Language,
) -> String {
    let outside = evaluated.planned.outside(&evaluated.spans, period.from, now);
    let [all, outside] = [total, &outside].map(|breakdown| breakdown.uptime().map(Ratio::percent));
    let differs = |outside: &String| all.as_ref() != Some(outside);
    let outside = outside.filter(differs).map(|share| language.percent(&share));
    outside.map(|share| language.format(texts::OUTSIDE_MAINTENANCE, &[&share])).unwrap_or_default()
}

/// Explains how the uptime was computed: `99.97% = up for 23 h 59 min of 24 h observed; down for 26 s; not observed for
/// 12 min`.
fn breakdown_text(total: &UptimeBreakdown, partial: Nanos, uptime: &str, language: &Language) -> String {
    if total.observed() == 0 {
        return language.format(texts::NO_OBSERVATIONS, &[]);
    }
    let length = |length| text::exact_length(length, language);
    let text = language.format(texts::UP_FOR, &[uptime, &length(total.up()), &length(total.observed())]);
    text::append_durations(text, total, partial, language)
}

/// Describes how much of the error budget is left: `76.8% of the error budget is left (99.9% in 30 days)`. Returns `None`
/// without an objective, or if only check files are known, which do not cover its window.
fn budget_text(evaluated: &EvaluatedEndpoint<'_>, now: UnixNanos, language: &Language) -> Option<String> {
    let objective = evaluated.endpoint.objective()?;
    if evaluated.endpoint.nodes.iter().all(|node| node.history.is_none()) {
        return None;
    }
    let left = objective.budget(&evaluated.spans, now).percent_left();
    let target = objective.target.to_string();
    let window = text::length(objective.window, language);
    let percent = |text: &str| language.percent(text);
    Some(language.format(texts::BUDGET_LEFT, &[&percent(&left), &percent(&target), &window]))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dataset::Dataset;
    use crate::test_support::{dataset, evaluate, period, utc};
    use shared::page_config::appearance::Description;

    fn view(checks: &[(&str, &str, i64, Status)]) -> EndpointView {
        let dataset = dataset(checks);
        endpoint(&evaluate(&dataset)[0], &period(), None, utc(), &[], &Appearance::default())
    }

    #[test]
    fn an_outage_has_a_start_and_a_reason() {
        let view = view(&[
            ("A", "", 3, Status::Healthy),
            ("A", "", 2, Status::Down),
            ("A", "", 1, Status::Down),
            ("A", "", 0, Status::Down),
        ]);
        assert_eq!((view.status, view.state.as_str()), (Status::Down, "Down for 2 min"));
        assert_eq!(view.reason.as_deref(), Some("connection refused"));
        assert_eq!(view.uptime, "33.33%");
        assert!(
            view.breakdown
                .starts_with("33.33% = up for 1 min of 3 min observed; down for 2 min; not observed for 24 h")
                || view.breakdown.contains("not observed for 23 h 59 min")
                || view.breakdown.contains("1 d"),
            "{}",
            view.breakdown
        );
    }

    #[test]
    fn votes_within_the_clock_tolerance_still_count() {
        // The last results of the first two nodes have expired, and that of the third is valid for another second.
        let mut checks = Vec::new();
        for ago in 2..9 {
            checks.extend([("A", "n1", ago, Status::Down), ("A", "n2", ago, Status::Down)]);
        }
        checks.push(("A", "n3", 1, Status::Healthy));
        let dataset = dataset(&checks);
        let all = evaluate(&dataset);
        let view = endpoint(&all[0], &period(), None, utc(), &[], &Appearance::default());
        assert_eq!((view.status, view.state.as_str()), (Status::Down, "Down for 8 min"));
        assert!(all[0].spans.last().is_some_and(|last| last.status == Status::Healthy), "{:?}", all[0].spans);
    }

    #[test]
    fn a_node_that_stops_reporting_turns_unknown() {
        let view = view(&[("A", "", 46, Status::Healthy), ("A", "", 45, Status::Healthy)]);
        assert_eq!((view.status, view.state.as_str()), (Status::Unknown, "No data for 45 min"));
        assert_eq!((view.uptime.as_str(), view.labeled_uptime.as_str()), ("100%", "100% uptime since 12:16"));
        assert_eq!(view.coverage, "monitored 5.43% of the time");
    }

    #[test]
    fn an_outage_older_than_the_period_has_no_start() {
        let checks: Vec<_> = (0..=1_600).map(|minute| ("A", "", minute, Status::Down)).collect();
        let view = view(&checks);
        assert_eq!((view.state.as_str(), view.since.as_str()), ("Down for more than 24 hours", ""));
        assert_eq!((view.labeled_uptime.as_str(), view.coverage.as_str()), ("0.00% uptime", ""));
    }

    #[test]
    fn a_localized_failure_names_the_node_and_the_reason() {
        let checks = [
            ("A", "n1", 0, Status::Healthy),
            ("A", "n2", 0, Status::Healthy),
            ("A", "n3", 0, Status::Down),
            ("A", "n1", 1, Status::Healthy),
            ("A", "n2", 1, Status::Healthy),
            ("A", "n3", 1, Status::Down),
        ];
        let view = view(&checks);
        let expected = "Unreachable from n3 (1 of 3 locations): connection refused";
        assert_eq!((view.status, view.reason.as_deref()), (Status::Degraded, Some(expected)));
        assert!(view.is_localized && view.state == "Partial outage for 1 min", "{}", view.state);
    }

    #[test]
    fn a_slow_endpoint_names_its_median_and_threshold_even_without_details() {
        let mut dataset = dataset(&[("A", "", 1, Status::Healthy), ("A", "", 0, Status::Degraded)]);
        let sample = dataset.endpoints[0].nodes[0].samples.last_mut().expect("there are two");
        sample.threshold = 80_000_000;
        sample.reason = Some("median round trip time exceeded threshold (80ms)".into());
        let reason = |dataset: &Dataset| {
            let mut all = evaluate(dataset);
            all[0].errors_hidden = true;
            head(&all[0], &period(), utc(), &Appearance::default()).reason
        };
        assert_eq!(reason(&dataset).as_deref(), Some("Slow: median 95.0 ms, over the 80 ms threshold"));
        let sample = dataset.endpoints[0].nodes[0].samples.last_mut().expect("there are two");
        sample.rtts = Box::default();
        assert_eq!(reason(&dataset).as_deref(), Some("Slow: over the 80 ms threshold"));
    }

    #[test]
    fn an_endpoint_is_described() {
        let dataset = dataset(&[("A", "", 0, Status::Healthy)]);
        let one = Description {
            title: "A".to_owned(),
            about: Some("Where you pay.".to_owned()),
            link: Some("https://wiki.example/".to_owned()),
        };
        let mut appearance = Appearance { descriptions: vec![one], ..Appearance::default() };
        let shown = |appearance: &Appearance| {
            let view = head(&evaluate(&dataset)[0], &period(), utc(), appearance);
            (view.about, view.link, view.facts)
        };
        let facts = "https://A · checked every 1 min".to_owned();
        assert_eq!(shown(&appearance), ("Where you pay.".to_owned(), String::new(), facts.clone()));
        appearance.details = Some(true);
        assert_eq!(shown(&appearance).1, "https://wiki.example/");
    }
}

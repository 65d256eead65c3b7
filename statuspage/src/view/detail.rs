//! The content of open bars: the days or hours of a bar, and the checks of an hour.

use std::sync::Arc;

use shared::object_name::NodeName;
use shared::sorting::sort_by_integer;
use shared::{DAY, HOUR};

use super::axes;
use super::combine_nodes::{EvaluatedEndpoint, Outage};
use super::endpoint::EndpointView;
use super::level::{LevelView, ROWS_AT_FIRST, RowView};
use super::overlay::PHASES;
use super::period::Period;
use super::strip;
use super::{text, timeline};
use crate::dataset::TimeBucket;
use crate::dataset::{EndpointData, Sample};
use crate::dataset::{HOUR_FILES_LIMIT, HourChecks};
use crate::i18n::texts;
use crate::url_state::UrlState;
use crate::{civil::rfc3339, i18n::Calendar};

/// The maximum length of a bar that opens into its checks.
const CHECKS_UP_TO: i64 = 3 * HOUR;

/// The maximum number of checks to show for an hour.
const ROWS_LIMIT: usize = 500;

/// The maximum number of events to show for a day. An endpoint that flaps every minute has about a thousand a day.
const EVENTS_LIMIT: usize = 100;

/// The open bars, outermost first.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct OpenBars {
    /// The id of the endpoint that the bars belong to.
    pub id: Option<usize>,
    pub path: Vec<TimeBucket>,
}

/// Returns the open bars that a URL selects. The URL identifies each bar by any time within it.
#[must_use]
pub fn open_bars(
    url_state: &UrlState,
    endpoints: &[Arc<EndpointView>],
    period: &Period,
    calendar: Calendar<'_>,
) -> OpenBars {
    // A URL written by hand may contain the title or locator instead of the address.
    let names: [fn(&EndpointView) -> &str; 3] = [|one| &one.address, |one| &one.title, |one| &one.locator];
    let find = |name: &String| names.iter().find_map(|read| endpoints.iter().find(|one| read(one) == name));
    let Some(found) = url_state.endpoint.as_ref().and_then(find) else { return OpenBars::default() };
    let mut opened = OpenBars { id: Some(found.id), path: Vec::new() };
    let mut buckets = period.buckets.clone();
    for moment in &url_state.path {
        let Some(bucket) = buckets.iter().copied().find(|bucket| bucket.start <= *moment && *moment < bucket.end)
        else {
            break;
        };
        opened.path.push(bucket);
        if opens_into_checks(bucket) {
            break;
        }
        buckets = Period::within(bucket, calendar).buckets;
    }
    opened
}

/// Returns whether a bar opens into checks instead of shorter bars.
#[must_use]
pub fn opens_into_checks(bucket: TimeBucket) -> bool {
    bucket.end - bucket.start <= CHECKS_UP_TO
}

/// Returns the content of an endpoint's open bars. `hour` contains the checks that were loaded for an hour.
#[must_use]
pub fn levels(
    evaluated: &EvaluatedEndpoint<'_>,
    opened: &OpenBars,
    hour: Option<&HourChecks>,
    period: &Period,
    calendar: Calendar<'_>,
) -> Vec<LevelView> {
    let language = calendar.language;
    let mut outer = period.clone();
    let mut levels = Vec::new();
    for (number, bucket) in opened.path.iter().enumerate() {
        let bar = strip::bar(evaluated, *bucket, &outer, calendar);
        let heading = bar.when;
        let summary = match bar.reason {
            Some(reason) => language.format(texts::DASH, &[&bar.summary, reason.trim()]),
            None => bar.summary,
        };
        if opens_into_checks(*bucket) {
            levels.push(LevelView { summary, ..checks(evaluated, *bucket, hour, heading, calendar) });
            break;
        }
        outer = Period::within(*bucket, calendar);
        let mut times = axes::times(&outer, calendar);
        if outer.to - outer.from > 2 * DAY {
            // Days are labeled below the middle of their bars, hours below their start.
            for (position, _) in &mut times {
                *position += 50.0 / outer.buckets.len() as f64;
            }
        }
        let mut rows = outage_rows(evaluated, *bucket, &outer, calendar);
        let left_out = rows.len().saturating_sub(EVENTS_LIMIT);
        rows.truncate(EVENTS_LIMIT);
        let more = || language.format(texts::SENTENCE, &[&language.plural(texts::AND_MORE, left_out, &[])]);
        levels.push(LevelView {
            label: language.format(texts::UPTIME_OF, &[&evaluated.name(language), &heading]),
            show_all: show_all(&rows, calendar),
            rows,
            rows_label: language.format(texts::OUTAGES_OF, &[&heading]),
            note: if left_out > 0 { more() } else { String::new() },
            heading,
            summary,
            times,
            bars: strip::strip(evaluated, &outer, opened.path.get(number + 1).copied(), calendar),
        });
    }
    levels
}

/// Returns the label of the button that shows all rows, or an empty string if all are shown anyway.
fn show_all(rows: &[RowView], calendar: Calendar<'_>) -> String {
    let language = calendar.language;
    if rows.len() <= ROWS_AT_FIRST {
        return String::new();
    }
    language.format(texts::SHOW_ALL, &[&language.number(rows.len())])
}

/// Returns the outages in a bar, oldest first, each with the nodes that reported it.
fn outage_rows(
    evaluated: &EvaluatedEndpoint<'_>,
    bucket: TimeBucket,
    period: &Period,
    calendar: Calendar<'_>,
) -> Vec<RowView> {
    let outages = evaluated.outages(bucket.start).take_while(|outage| outage.span.start < bucket.end);
    let row = |outage: Outage| {
        let start = outage.span.start.max(bucket.start);
        let nodes = evaluated.nodes_of(&outage);
        let mut text = timeline::duration_text(outage, bucket.start, calendar);
        add_part(&mut text, &text::counted_names(&nodes, nodes.len(), calendar.language));
        RowView {
            datetime: rfc3339(start),
            clock: if period.by_hour { calendar.clock(start) } else { calendar.moment(start) },
            status: outage.span.status,
            is_partial: outage.is_partial,
            is_planned: outage.is_planned,
            text,
            reason: evaluated.reason_of(&outage).as_deref().unwrap_or_default().trim().to_owned(),
        }
    };
    outages.map(row).collect()
}

/// Appends a part of a row, unless it is empty.
fn add_part(text: &mut String, part: &str) {
    if !part.is_empty() {
        text.push_str(" · ");
        text.push_str(part);
    }
}

/// Returns the checks of an hour: those that were loaded for it, or else those in memory.
fn checks(
    evaluated: &EvaluatedEndpoint<'_>,
    bucket: TimeBucket,
    hour: Option<&HourChecks>,
    heading: String,
    calendar: Calendar<'_>,
) -> LevelView {
    let key = &evaluated.endpoint.key;
    let loaded = hour.filter(|hour| hour.bucket == bucket);
    let endpoint = match loaded {
        Some(hour) => hour.dataset.endpoints.iter().find(|endpoint| endpoint.key.is_same_endpoint(key)),
        None => Some(evaluated.endpoint),
    };
    let mut rows = endpoint.map(|endpoint| rows(endpoint, bucket, calendar)).unwrap_or_default();
    if evaluated.errors_hidden {
        for row in &mut rows {
            row.reason.clear();
        }
    }
    let count = rows.len();
    rows.truncate(ROWS_LIMIT);
    let language = calendar.language;
    let number = |number| language.number(number);
    let note = match loaded {
        Some(HourChecks { problem: Some(problem), .. }) => {
            language.format(texts::SENTENCE, &[&text::capitalize(&problem.describe(language))])
        }
        Some(HourChecks { is_loading: true, .. }) => language.format(texts::LOADING_HOUR, &[]),
        Some(HourChecks { left_out, .. }) if *left_out > 0 => {
            language.format(texts::FIRST_FILES, &[&number(HOUR_FILES_LIMIT), &number(*left_out)])
        }
        _ if count > ROWS_LIMIT => language.format(texts::FIRST_CHECKS, &[&number(ROWS_LIMIT), &number(count)]),
        _ if rows.is_empty() => language.format(texts::NO_CHECK_STORED, &[]),
        _ => String::new(),
    };
    let rows_label = language.format(texts::CHECKS_OF, &[&heading]);
    LevelView { heading, show_all: show_all(&rows, calendar), rows, rows_label, note, ..LevelView::default() }
}

fn rows(endpoint: &EndpointData, bucket: TimeBucket, calendar: Calendar<'_>) -> Vec<RowView> {
    let mut samples: Vec<(Option<&NodeName>, &Sample)> = Vec::new();
    for node in &endpoint.nodes {
        let checks = node.samples(bucket.start, bucket.end).filter(|sample| sample.length == 0);
        samples.extend(checks.map(|sample| (node.node.as_ref(), sample)));
    }
    sort_by_integer(&mut samples, |(_, sample)| sample.at);
    samples.into_iter().map(|(node, sample)| row(node, sample, calendar)).collect()
}

fn row(node: Option<&NodeName>, sample: &Sample, calendar: Calendar<'_>) -> RowView {
    let language = calendar.language;
    let mut text = language.status_label(sample.status).to_owned();
    if let Some(stats) = shared::stats::Stats::from_rtts(sample.rtts.to_vec()) {
        add_part(&mut text, &language.response_time(stats.median));
    }
    let mut before = 0;
    for (name, end) in PHASES.iter().zip(sample.phases) {
        if end > before {
            add_part(&mut text, language.text(*name));
            text.push(' ');
            text.push_str(&language.response_time(i64::from(end - before) * 1_000));
        }
        before = end;
    }
    add_part(&mut text, node.map_or("", NodeName::as_str));
    RowView {
        datetime: rfc3339(sample.at),
        clock: format!("{}:{}", calendar.clock(sample.at), text::two_digits(calendar.local(sample.at).second)),
        status: sample.status,
        is_partial: false,
        is_planned: false,
        text,
        reason: sample.reason.as_deref().unwrap_or_default().trim().to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dataset::Cache;
    use crate::test_support::{NOW, detailed, utc};
    use crate::test_support::{dataset, evaluate};
    use crate::view::{LoadProgress, ViewSettings, endpoint, page};
    use shared::check_file::{CheckFile, CheckResult};
    use shared::object_name::CheckFileName;
    use shared::page_config::appearance::Appearance;
    use shared::status::Status;

    fn samples() -> Vec<(&'static str, &'static str, i64, Status)> {
        (0..600).map(|ago| ("A", "n1", ago, if ago == 90 { Status::Down } else { Status::Healthy })).collect()
    }

    #[test]
    fn a_day_opens_into_its_hours_and_an_hour_into_its_checks() {
        let dataset = dataset(&samples());
        let (all, week) = (evaluate(&dataset), Period::new(8 * DAY, 90, utc()));
        let today = *week.buckets.last().expect("there are days");
        let hour = TimeBucket { start: today.start + 11 * HOUR, end: today.start + 12 * HOUR };
        let opened = OpenBars { id: Some(0), path: vec![today, hour] };
        let levels = levels(&all[0], &opened, None, &week, utc());
        assert_eq!(levels.len(), 2);
        assert_eq!((levels[0].heading.as_str(), levels[0].bars.len()), ("Sunday 22 November", 24));
        assert_eq!(levels[0].summary, "99.83% up; down for 1 min; not observed for 3 h 3 min – connection refused");
        assert_eq!(levels[0].bars[11].status, Status::Down);
        assert!(levels[0].bars[11].is_open && !levels[0].bars[10].is_open);
        assert_eq!(levels[0].bars[23].status, Status::Unknown, "it is not over");
        let times: Vec<&str> = levels[0].times.iter().map(|(_, label)| label.as_str()).collect();
        assert_eq!((levels[0].times[1].0, times), (25.0, vec!["00:00", "06:00", "12:00", "18:00"]));
        assert_eq!(
            (levels[1].rows.len(), levels[1].show_all.as_str(), levels[1].note.as_str()),
            (60, "Show all 60", "")
        );
        assert_eq!((levels[0].rows.len(), levels[0].show_all.as_str()), (1, ""), "a short list is shown whole");
        let failed = levels[1].rows.iter().find(|row| row.status == Status::Down).expect("it was down");
        assert_eq!((failed.clock.as_str(), failed.reason.as_str()), ("11:32:03", "connection refused"));
        assert_eq!(failed.text, "down · n1");
        assert_eq!(levels[1].rows[0].text, "healthy · 95.0 ms · n1");
    }

    #[test]
    fn an_outage_is_one_line_with_its_nodes() {
        let mut all = samples();
        all.extend((0..600).map(|ago| ("A", "n2", ago, if ago / 2 == 45 { Status::Down } else { Status::Healthy })));
        let dataset = dataset(&all);
        let (mut all, week) = (evaluate(&dataset), Period::new(8 * DAY, 90, utc()));
        let opened = OpenBars { id: Some(0), path: vec![*week.buckets.last().expect("there are days")] };
        let rows = |all: &[EvaluatedEndpoint<'_>]| {
            let rows = levels(&all[0], &opened, None, &week, utc())[0].rows.clone();
            rows.iter().map(|row| format!("{} {} {}", row.clock, row.text, row.reason)).collect::<Vec<_>>()
        };
        assert_eq!(
            rows(&all),
            [
                "11:31 partial outage for 1 min, until 11:32 · n2 connection refused",
                "11:32 down for 1 min, until 11:33 · n1 and n2 connection refused",
            ]
        );
        all[0].errors_hidden = true;
        assert!(rows(&all).iter().all(|row| !row.contains("refused")), "{:?}", rows(&all));
    }

    #[test]
    fn a_day_lists_the_first_outages_and_counts_the_others() {
        let flaps = |ago: i64| if ago % 2 == 0 { Status::Down } else { Status::Healthy };
        let dataset = dataset(&(0..600).map(|ago| ("A", "", ago, flaps(ago))).collect::<Vec<_>>());
        let (all, week) = (evaluate(&dataset), Period::new(8 * DAY, 90, utc()));
        let opened = OpenBars { id: Some(0), path: vec![*week.buckets.last().expect("there are days")] };
        let day = &levels(&all[0], &opened, None, &week, utc())[0];
        assert_eq!(
            (day.rows.len(), day.show_all.as_str(), day.note.as_str()),
            (EVENTS_LIMIT, "Show all 100", "200 more.")
        );
    }

    #[test]
    fn days_are_labeled_below_the_middle_of_their_bars() {
        let dataset = dataset(&samples());
        let (all, year) = (evaluate(&dataset), Period::new(90 * DAY, 30, utc()));
        let three_days = *year.buckets.last().expect("there are days");
        let levels = levels(&all[0], &OpenBars { id: Some(0), path: vec![three_days] }, None, &year, utc());
        assert_eq!(levels[0].bars.len(), 3);
        let times: Vec<(i64, &str)> =
            levels[0].times.iter().map(|(position, label)| (*position as i64, label.as_str())).collect();
        assert_eq!(times, [(16, "20 Nov"), (50, "21 Nov"), (83, "22 Nov")]);
    }

    #[test]
    fn a_url_opens_the_bars_that_contain_its_times() {
        let dataset = dataset(&samples());
        let (all, week) = (evaluate(&dataset), Period::new(8 * DAY, 90, utc()));
        let today = *week.buckets.last().expect("there are days");
        let heads = [Arc::new(endpoint::head(&all[0], &week, utc(), &detailed()))];
        let open = |name: &str, path: Vec<i64>| {
            let url_state = UrlState { endpoint: Some(name.to_owned()), path, ..UrlState::default() };
            open_bars(&url_state, &heads, &week, utc())
        };
        let hour = TimeBucket { start: today.start + 11 * HOUR, end: today.start + 12 * HOUR };
        let noon = today.start + 11 * HOUR + HOUR / 2;
        assert_eq!(open("A", vec![today.start, noon, noon]), OpenBars { id: Some(0), path: vec![today, hour] });
        assert_eq!(open("https://A", vec![noon]).path, [today], "by locator, and by any time of the day");
        assert_eq!(open("B", vec![noon]), OpenBars::default());
        assert!(open("A", vec![NOW - 90 * DAY]).path.is_empty());
    }

    #[test]
    fn hidden_errors_are_not_shown() {
        let dataset = dataset(&samples());
        let (mut all, week) = (evaluate(&dataset), Period::new(8 * DAY, 90, utc()));
        let today = *week.buckets.last().expect("there are days");
        let hour = TimeBucket { start: today.start + 11 * HOUR, end: today.start + 12 * HOUR };
        let opened = OpenBars { id: Some(0), path: vec![today, hour] };
        for (errors_hidden, is_shown) in [(false, true), (true, false)] {
            all[0].errors_hidden = errors_hidden;
            let mut view = endpoint::endpoint(&all[0], &week, None, utc(), &[], &detailed());
            view.levels = levels(&all[0], &opened, None, &week, utc());
            assert_eq!(format!("{view:?}").contains("refused"), is_shown);
        }
    }

    /// Returns the address of each endpoint, and for each of `names` the index of the endpoint it opens. Each test
    /// endpoint's locator ends with its index.
    fn addresses(titles: &[&str], appearance: &Appearance, names: &[&str]) -> (Vec<String>, Vec<Option<usize>>) {
        let results = titles.iter().enumerate().map(|(number, title)| CheckResult {
            title: (*title).to_owned(),
            locator: format!("https://{number}"),
            timestamp: NOW,
            status: Status::Healthy,
            ..CheckResult::default()
        });
        // Results are added in reverse, because their order must not matter.
        let file = CheckFile { results: results.rev().collect(), skipped: Vec::new() };
        let mut cache = Cache::default();
        cache.dataset.add(&CheckFileName { stored_at: NOW, node: None }, file);
        let settings = ViewSettings { range: DAY, interval: HOUR, bars_limit: 90, ..ViewSettings::default() };
        let mut shown = |endpoint: Option<&str>| {
            let url_state = UrlState { endpoint: endpoint.map(str::to_owned), ..UrlState::default() };
            page(&mut cache, utc(), settings, appearance, &url_state, LoadProgress::Complete)
        };
        let mut opened = |name: &&str| shown(Some(name)).opened.id.map(|id| titles.len() - 1 - id);
        let opened = names.iter().map(&mut opened).collect();
        (shown(None).endpoints.iter().rev().map(|one| one.address.clone()).collect(), opened)
    }

    #[test]
    fn an_address_is_the_title_unless_others_have_the_same() {
        let names = ["A", "B", "https://0", "https://2", "A~1", "C"];
        let (addresses, opened) = addresses(&["A", "B", "A", ""], &detailed(), &names);
        assert_eq!(addresses, ["https://0", "B", "https://2", "https://3"]);
        assert_eq!(opened, [Some(2), Some(1), Some(0), Some(2), None, None], "a title opens the first on the page");
    }

    #[test]
    fn addresses_with_hidden_locators_are_numbered() {
        let hidden = Appearance { hidden_locators: vec!["*".to_owned()], ..detailed() };
        let names = ["A~1", "A~2", "B", "~0", "A~3", "https://0", "https://3"];
        let (addresses, opened) = addresses(&["A", "B", "A", ""], &hidden, &names);
        assert_eq!(addresses, ["A~1", "B", "A~2", "~0"]);
        assert_eq!(opened, [Some(0), Some(2), Some(1), Some(3), None, None, None], "guessed locators open nothing");
    }

    #[test]
    fn endpoints_before_the_period_are_not_numbered() {
        let hidden = Appearance { hidden_locators: vec!["*".to_owned()], ..detailed() };
        let mut cache = Cache::default();
        for (locator, timestamp) in [("https://0", NOW - 30 * DAY), ("https://1", NOW)] {
            let result = CheckResult {
                title: "A".to_owned(),
                locator: locator.to_owned(),
                timestamp,
                status: Status::Healthy,
                ..CheckResult::default()
            };
            let file = CheckFile { results: vec![result], skipped: Vec::new() };
            cache.dataset.add(&CheckFileName { stored_at: timestamp, node: None }, file);
        }
        let mut addresses = |range| {
            let settings = ViewSettings { range, interval: HOUR, bars_limit: 90, ..ViewSettings::default() };
            let shown = page(&mut cache, utc(), settings, &hidden, &UrlState::default(), LoadProgress::Complete);
            let mut addresses: Vec<String> = shown.endpoints.iter().map(|one| one.address.clone()).collect();
            addresses.sort_unstable();
            addresses
        };
        assert_eq!(addresses(90 * DAY), ["A~1", "A~2"]);
        assert_eq!(addresses(DAY), ["A"]);
    }

    #[test]
    fn a_bar_of_several_days_opens_into_its_days() {
        let dataset = dataset(&samples());
        let (all, year) = (evaluate(&dataset), Period::new(365 * DAY, 90, utc()));
        let opened = OpenBars { id: Some(0), path: vec![*year.buckets.last().expect("there are some")] };
        let levels = levels(&all[0], &opened, None, &year, utc());
        assert_eq!((levels.len(), levels[0].bars.len()), (1, 5));
    }

    #[test]
    fn a_loaded_hour_shows_its_problems() {
        let dataset = dataset(&samples());
        let (all, week) = (evaluate(&dataset), Period::new(8 * DAY, 90, utc()));
        let hour = TimeBucket { start: NOW - 30 * HOUR, end: NOW - 29 * HOUR };
        let opened = OpenBars { id: Some(0), path: vec![hour] };
        let note = |loaded: &HourChecks| levels(&all[0], &opened, Some(loaded), &week, utc())[0].note.clone();
        assert_eq!(
            note(&HourChecks { is_loading: true, ..HourChecks::new(hour) }),
            "Loading the checks of this period…"
        );
        assert!(note(&HourChecks::new(hour)).starts_with("No checks are stored for this period"));
        let problem = Some(crate::store::StoreError::InvalidListing);
        assert!(
            note(&HourChecks { problem, ..HourChecks::new(hour) }).starts_with("The response is not an S3 listing")
        );
        assert!(note(&HourChecks { left_out: 7, ..HourChecks::new(hour) }).contains("7 more are not loaded"));
    }
}

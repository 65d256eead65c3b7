//! Helpers that unit tests share: a fixed current time, languages, and datasets.

use shared::check_file::{Attempt, CheckFile, CheckResult};
use shared::history::{DEFAULT_EXPIRY, History, HistoryBuilder, HistoryRows, Latencies, LatencyRows};
use shared::object_name::{CheckFileName, NodeName};
use shared::page_config::appearance::Appearance;
use shared::post::{Affected, Impact, Post, PostId, Scope};
use shared::status::Status;
use shared::uptime::TimeRange;
use shared::{DAY, HOUR, MINUTE, Nanos, SECOND, UnixNanos};

use crate::civil::CivilTime;
use crate::dataset::{Cache, Dataset};
use crate::i18n::{Calendar, DateStyle, Language, LocaleFormat, Texts};
use crate::view::combine_nodes::{EvaluatedEndpoint, mark_retired};
use crate::view::period::Period;

#[expect(unreachable_pub, reason = "black-box tests use the same functions from another crate")]
#[path = "../../tests/support/posts.rs"]
mod posts;

pub(crate) use self::posts::{id as post_id, update as incident_post};

/// 2026-11-22T13:02:03Z, a Sunday.
pub(crate) const NOW: UnixNanos = 1_795_352_523 * SECOND;

pub(crate) fn utc() -> Calendar<'static> {
    Calendar { now: NOW, today: NOW, offset: &|_| 0, language: english() }
}

/// The English formats, and the plural categories of all languages from Unicode CLDR.
pub(crate) struct TestFormat {
    pub(crate) code: &'static str,
}

const WEEKDAYS: [&str; 7] = ["Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"];
const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];

impl LocaleFormat for TestFormat {
    fn category(&self, number: usize) -> String {
        let category = match (self.code, number) {
            ("ja" | "zh", _) => "other",
            ("ar", 0) => "zero",
            ("ar", 2) => "two",
            ("fr" | "pt", 0) | (_, 1) => "one",
            ("ar", number) if (3..=10).contains(&(number % 100)) => "few",
            ("ar", number) if (11..=99).contains(&(number % 100)) => "many",
            ("es" | "fr" | "pt", number) if number > 0 && number % 1_000_000 == 0 => "many",
            _ => "other",
        };
        category.to_owned()
    }

    fn count(&self, number: usize) -> String {
        number.to_string()
    }

    fn date(&self, style: DateStyle, day_number: i64) -> String {
        let date = CivilTime::from_unix(day_number * DAY + HOUR);
        let (day, month, year) = (date.day, MONTHS[date.month - 1], date.year);
        let weekday = WEEKDAYS[(day_number + 4).rem_euclid(7) as usize];
        match style {
            DateStyle::Long => format!("{weekday} {day} {month}"),
            DateStyle::LongWithYear => format!("{weekday}, {day} {month} {year}"),
            DateStyle::Short => format!("{day} {month}"),
            DateStyle::ShortWithYear => format!("{day} {month} {year}"),
            DateStyle::Axis => format!("{day} {}", &month[..3]),
            DateStyle::Weekday => weekday.to_owned(),
            DateStyle::Month => format!("{month} {year}"),
        }
    }

    fn decimal(&self) -> &str {
        if matches!(self.code, "de" | "fr" | "es" | "pt") { "," } else { "." }
    }

    fn percent(&self) -> (&str, &str) {
        if self.code == "de" { ("", "\u{a0}%") } else { ("", "%") }
    }
}

pub(crate) fn locale_file(code: &str) -> String {
    std::fs::read_to_string(format!("locales/{code}.txt")).expect("each language has a file")
}

/// Returns a language with plain spaces instead of no-break spaces.
pub(crate) fn language(code: &'static str) -> Language {
    let texts = Texts::parse(&locale_file(code).replace('\u{a0}', " "));
    Language::new(texts, Box::new(TestFormat { code })).unwrap_or_else(|| panic!("{code}: a key is missing"))
}

pub(crate) fn english() -> &'static Language {
    thread_local!(static ENGLISH: &'static Language = Box::leak(Box::new(language("en"))));
    ENGLISH.with(|english| *english)
}

/// Returns English with a different label for a status.
pub(crate) fn with_status_labels(status: Status, label: &str) -> Language {
    let mut labels = [const { None }; 4];
    labels[status as usize] = Some(label.to_owned());
    language("en").with_status_labels(&labels)
}

/// Creates a dataset with these checks: title, node (empty for a checker without a name), minutes ago, status.
pub(crate) fn dataset(checks: &[(&str, &str, i64, Status)]) -> Dataset {
    let mut dataset = Dataset::default();
    for (title, node, minutes_ago, status) in checks {
        let at = NOW - minutes_ago * MINUTE;
        let node = (!node.is_empty()).then(|| NodeName::new(node).expect("a name"));
        let error = (*status == Status::Down).then(|| "connection refused".to_owned());
        let result = CheckResult {
            title: (*title).to_owned(),
            locator: format!("https://{title}"),
            timestamp: at,
            attempts: vec![Attempt { rtt: 95_000_000, error, ..Attempt::default() }],
            status: *status,
            node: node.clone(),
            interval: Some(MINUTE),
            ..CheckResult::default()
        };
        // Files from the same minute must have distinct names.
        let name = CheckFileName { stored_at: at + title.bytes().map(i64::from).sum::<i64>(), node };
        dataset.add(&name, CheckFile { results: vec![result], skipped: Vec::new() });
    }
    dataset.sort_samples();
    dataset
}

/// Creates a digest with incidents of these titles, one a minute.
pub(crate) fn digest(author: &str, titles: &[&str]) -> Vec<u8> {
    let incidents = titles
        .iter()
        .zip(0..)
        .map(|(title, number)| posts::incident(&post_id(author, NOW - HOUR + number * MINUTE), title, &[], ""));
    digest_of(author, &incidents.collect::<Vec<_>>())
}

/// Creates a digest of these posts.
pub(crate) fn digest_of(author: &str, posts: &[Post]) -> Vec<u8> {
    posts::digest(author, posts).1.into_bytes()
}

/// Creates planned maintenance with these windows.
pub(crate) fn maintenance_post(id: &PostId, title: &str, scope: &str, impact: Impact, windows: &[TimeRange]) -> Post {
    posts::maintenance(id, title, &[(scope, impact)], windows, "")
}

pub(crate) fn affected(scope: &str, impact: Impact) -> Affected {
    Affected { scope: Scope(scope.to_owned()), impact }
}

/// Creates a cache with these checks and what these authors posted.
pub(crate) fn cache_with_posts(checks: &[(&str, &str, i64, Status)], posts: &[Post]) -> Cache {
    let mut cache = Cache::default();
    cache.dataset = dataset(checks);
    let mut authors: Vec<&NodeName> = posts.iter().map(|post| &post.id.author).collect();
    authors.sort_unstable();
    authors.dedup();
    for author in authors {
        cache.add_digest(author, &digest_of(author.as_str(), posts));
    }
    cache
}

/// Returns the appearance of a page that shows locators and errors.
pub(crate) fn detailed() -> Appearance {
    Appearance { details: Some(true), ..Appearance::default() }
}

pub(crate) fn evaluate(dataset: &Dataset) -> Vec<EvaluatedEndpoint<'_>> {
    let endpoints = dataset.endpoints.iter().enumerate();
    let mut all: Vec<EvaluatedEndpoint<'_>> =
        endpoints.filter_map(|(id, endpoint)| EvaluatedEndpoint::new(id, endpoint, NOW, 10 * MINUTE)).collect();
    mark_retired(&mut all);
    all
}

pub(crate) fn period() -> Period {
    Period::new(DAY, 90, utc())
}

/// When the newest check file was stored.
const NEWEST: UnixNanos = NOW - MINUTE;

/// Returns the response time this many minutes ago. Responses are much slower today than before.
pub(crate) fn response_time_at(minutes_ago: i64) -> Nanos {
    let slow = if minutes_ago < 700 { 400_000_000 } else { 0 };
    50_000_000 + slow + minutes_ago * 7_919 % 100_000 * 1_000
}

pub(crate) fn check_file(at: UnixNanos, rtt: Nanos) -> CheckFile {
    let result = CheckResult {
        title: "A".to_owned(),
        timestamp: at,
        attempts: vec![Attempt { rtt, ..Attempt::default() }],
        status: Status::Healthy,
        interval: Some(MINUTE),
        ..CheckResult::default()
    };
    CheckFile { results: vec![result], skipped: Vec::new() }
}

/// Creates the history of a node that ran `times` checks a minute for five days.
pub(crate) fn history_of_node(times: i64) -> (HistoryRows, LatencyRows) {
    let rounds = (0..5 * 1_440 * times).rev();
    history_of("here", rounds.map(|round| check_file(NEWEST - round * MINUTE / times, response_time_at(round))))
}

/// Creates the history of a node that ran a check every minute for this many minutes, up to now. `error` maps minutes
/// ago to the error of the check, if it failed.
pub(crate) fn history_with_errors(
    node: &str,
    minutes: i64,
    error: impl Fn(i64) -> Option<&'static str>,
) -> HistoryRows {
    let files = (0..minutes).rev().map(|ago| {
        let mut file = check_file(NOW - ago * MINUTE, 95_000_000);
        for result in &mut file.results {
            result.attempts[0].error = error(ago).map(str::to_owned);
            result.status = if error(ago).is_some() { Status::Down } else { Status::Healthy };
        }
        file
    });
    history_of(node, files).0
}

fn history_of(node: &str, files: impl Iterator<Item = CheckFile>) -> (HistoryRows, LatencyRows) {
    let node = NodeName::new(node).ok();
    let (mut history, mut latencies) = (History::new(node.clone()), Latencies::default());
    let mut builder = HistoryBuilder::append(&mut history, &mut latencies);
    for file in files {
        builder.add(&CheckFileName { stored_at: file.results[0].timestamp, node: node.clone() }, &file);
    }
    builder.finish(DEFAULT_EXPIRY);
    let rows = HistoryRows::parse(history.to_json().as_bytes()).expect("it was just written");
    (rows, LatencyRows::parse(latencies.to_json().as_bytes()).expect("they were just written"))
}

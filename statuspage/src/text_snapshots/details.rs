//! Tests the text of open bars, charts of long ranges, and percentiles.

use Status::{Degraded, Down, Healthy};
use shared::status::Status;
use shared::{DAY, HOUR, MINUTE, Nanos};

use super::{Check, assert_texts, cache, calendar, describe, section, settings};
use crate::dataset::TimeBucket;
use crate::dataset::{Cache, HourChecks};
use crate::i18n::Language;
use crate::store::StoreError;
use crate::test_support::NOW;
use crate::test_support::detailed;
use crate::test_support::evaluate;
use crate::url_state::UrlState;
use crate::view::chart::{self, ChartView};
use crate::view::overlay::ChartOverlay;
use crate::view::period::Period;
use crate::view::{self, LoadProgress, Percentiles};

/// The name of a load state, and a function that puts an hour into that state.
type Variant = (&'static str, fn(HourChecks) -> HourChecks);

fn checks() -> Vec<Check> {
    let status = |ago| match ago {
        90 | 91 => Down,
        200..=210 => Degraded,
        _ => Healthy,
    };
    let other = |ago| if ago == 90 { Down } else { Healthy };
    (0..600).flat_map(|ago| [("Shop", "eu", ago, status(ago)), ("Shop", "us", ago, other(ago))]).collect()
}

/// Returns the levels of the first endpoint while the bars at these times are open.
fn levels(cache: &mut Cache, range: Nanos, path: Vec<i64>, language: &Language) -> String {
    let (appearance, calendar) = (detailed(), calendar(language));
    let url_state = UrlState { endpoint: Some("Shop".to_owned()), path, ..UrlState::default() };
    let view = view::page(cache, calendar, settings(range), &appearance, &url_state, LoadProgress::Complete);
    let whole = view::full_endpoint(cache, &view.endpoints[0], calendar, settings(range), &appearance, &view.opened);
    whole.expect("it is known").levels.iter().map(|level| section("level", &describe::level(level))).collect()
}

#[test]
fn opened_bars() {
    assert_texts("open_bars", |language| {
        let mut cache = cache(&checks());
        let noon = NOW - 90 * MINUTE;
        let mut text = levels(&mut cache, 8 * DAY, vec![noon, noon], language);
        text += &levels(&mut cache, 365 * DAY, vec![noon, noon, noon], language);
        text + &levels(&mut cache, DAY, vec![noon], language)
    });
}

#[test]
fn opened_hours_in_each_state_of_their_load() {
    assert_texts("open_hours", |language| {
        let mut cache = cache(&checks());
        let start = NOW - 30 * HOUR;
        let mut text = String::new();
        let variants: [Variant; 4] = [
            ("loading", |hour| HourChecks { is_loading: true, ..hour }),
            ("nothing stored", |hour| hour),
            ("unreadable", |hour| HourChecks { problem: Some(StoreError::InvalidListing), ..hour }),
            ("too many", |hour| HourChecks { left_out: 1_234, ..hour }),
        ];
        for (name, change) in variants {
            let period = Period::new(8 * DAY, 90, calendar(language));
            let day =
                period.buckets.iter().find(|bucket| bucket.start <= start && start < bucket.end).expect("it is there");
            let hours = Period::within(*day, calendar(language)).buckets;
            let hour: TimeBucket =
                *hours.iter().find(|bucket| bucket.start <= start && start < bucket.end).expect("it is there");
            cache.hour = Some(change(HourChecks::new(hour)));
            text += name;
            text += "\n";
            text += &levels(&mut cache, 8 * DAY, vec![start, start], language);
        }
        text
    });
}

#[test]
fn a_day_full_of_outages_and_an_hour_full_of_checks() {
    assert_texts("full_levels", |language| {
        let flaps = |ago: i64| if ago % 2 == 0 { Down } else { Healthy };
        let mut day = cache(&(0..600).map(|ago| ("Shop", "", ago, flaps(ago))).collect::<Vec<_>>());
        let mut text = levels(&mut day, 8 * DAY, vec![NOW], language);
        let nodes = ["a", "b", "c", "d", "e", "f", "g", "h", "i", "j"];
        let mut hour =
            cache(&(60..120).flat_map(|ago| nodes.map(|node| ("Shop", node, ago, Healthy))).collect::<Vec<_>>());
        let noon = NOW - 62 * MINUTE;
        text += &levels(&mut hour, 8 * DAY, vec![noon, noon], language);
        text
    });
}

#[test]
fn checks_with_phases() {
    assert_texts("phases", |language| {
        let mut cache = cache(&checks());
        for sample in &mut cache.dataset.endpoints[0].nodes[0].samples {
            sample.phases = [10_000, 47_500, 60_000, 95_000];
        }
        let noon = NOW - 90 * MINUTE;
        let mut text = levels(&mut cache, DAY, vec![noon], language);
        for overlay in [ChartOverlay::Phases, ChartOverlay::Locations] {
            let layers = view::overlay_layers(&cache, 0, calendar(language), settings(DAY), &detailed(), overlay);
            text += &section("layers", &layers.into_iter().map(|layer| layer.name).collect::<Vec<_>>());
        }
        text
    });
}

fn chart_lines(cache: &Cache, range: Nanos, language: &Language) -> Vec<String> {
    let calendar = calendar(language);
    let ChartView { points, label, summary, threshold, grid, .. } =
        chart::chart(&evaluate(&cache.dataset)[0], &Period::new(range, 90, calendar), calendar, &[]);
    let mut lines = vec![label, summary];
    lines.extend(threshold.map(|(_, label)| label));
    lines.extend(grid.into_iter().map(|(_, label)| label));
    lines.extend(points.iter().rev().take(2).map(|point| point.readout(calendar)));
    lines
}

#[test]
fn charts_of_attempts_thresholds_and_wide_spreads() {
    assert_texts("charts", |language| {
        let mut text = String::new();
        let mut of = |name: &str, change: &dyn Fn(&mut crate::dataset::Sample)| {
            let mut cache = cache(&(0..600).map(|ago| ("Shop", "", ago, Healthy)).collect::<Vec<_>>());
            cache.dataset.endpoints[0].nodes[0].samples.iter_mut().for_each(change);
            text += &section(name, &chart_lines(&cache, DAY, language));
        };
        of("one attempt", &|_| ());
        of("twenty attempts", &|sample| sample.rtts = (1..=20).map(|tens| tens * 10_000_000).collect());
        of("a threshold", &|sample| sample.threshold = 150_000_000);
        of("a wide spread", &|sample| sample.rtts = Box::from([1_000_000, 1_100_000, 2_000_000_000]));
        of("failures", &|sample| {
            (sample.failed, sample.reason) = (true, Some("connection refused".into()));
            sample.rtts = Box::default();
        });
        text
    });
}

#[test]
fn percentiles_of_days() {
    assert_texts("percentiles_of_days", |language| {
        let mut text = String::new();
        for nodes in [&["eu"][..], &["eu", "us"]] {
            for failed in [false, true] {
                let mut cache = cache(&nodes.iter().map(|node| ("Shop", *node, 0, Healthy)).collect::<Vec<_>>());
                for node in &mut cache.dataset.endpoints[0].nodes {
                    let day = |ago: i64| crate::dataset::Sample {
                        at: NOW - ago * DAY,
                        length: DAY,
                        rtts: Box::from([80_000_000, 120_000_000]),
                        failed,
                        ..node.samples[0].clone()
                    };
                    let samples = (1..30).rev().map(day).collect();
                    node.history = Some(crate::dataset::NodeHistory {
                        timeline: shared::uptime::StatusTimeline::default(),
                        samples,
                        open: Vec::new(),
                    });
                }
                let name = format!("{} nodes{}", nodes.len(), if failed { ", with failures" } else { "" });
                text += &section(&name, &chart_lines(&cache, 30 * DAY, language));
            }
        }
        text
    });
}

#[test]
fn requested_percentiles() {
    assert_texts("percentiles", |language| {
        let mut text = String::new();
        for (name, status) in [("answered", Healthy), ("never answered", Down)] {
            let mut cache = cache(&(0..60).map(|ago| ("Shop", "", ago, status)).collect::<Vec<_>>());
            let (appearance, calendar) = (detailed(), calendar(language));
            let settings = view::ViewSettings { percentiles: Percentiles::Shown, ..settings(DAY) };
            let view =
                view::page(&mut cache, calendar, settings, &appearance, &UrlState::default(), LoadProgress::Complete);
            let whole = view::full_endpoint(&cache, &view.endpoints[0], calendar, settings, &appearance, &view.opened);
            text += &section(name, &[whole.expect("it is known").chart.summary]);
        }
        text
    });
}

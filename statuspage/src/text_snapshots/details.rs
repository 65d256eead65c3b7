//! What opened bars, charts of long ranges and percentiles say.

use Status::{Degraded, Down, Healthy};
use shared::looks::Looks;
use shared::status::Status;
use shared::{DAY, HOUR, MINUTE, Nanos};

use super::{Check, assert_texts, calendar, describe, memory, section, settings};
use crate::i18n::Language;
use crate::i18n::calendar::tests::NOW;
use crate::load::{Hour, Memory};
use crate::source::SourceError;
use crate::view::chart::{self, ChartView};
use crate::view::endpoint::tests::reckon;
use crate::view::layers::Besides;
use crate::view::period::{Period, Slot};
use crate::view::{self, Loading, Looking, Percentiles};

/// A name for a state of a load, and what brings an hour into it.
type Variant = (&'static str, fn(Hour) -> Hour);

fn checks() -> Vec<Check> {
    let status = |ago| match ago {
        90 | 91 => Down,
        200..=210 => Degraded,
        _ => Healthy,
    };
    let other = |ago| if ago == 90 { Down } else { Healthy };
    (0..600).flat_map(|ago| [("Shop", "eu", ago, status(ago)), ("Shop", "us", ago, other(ago))]).collect()
}

/// The levels of the first endpoint below these moments.
fn levels(memory: &mut Memory, range: Nanos, path: Vec<i64>, language: &Language) -> String {
    let (looks, calendar) = (Looks::default(), calendar(language));
    let looking = Looking { endpoint: Some("Shop".to_owned()), path, ..Looking::default() };
    let view = view::page(memory, calendar, settings(range), &looks, &looking, Loading::Complete);
    let whole = view::whole(memory, &view.endpoints[0], calendar, settings(range), &looks, &view.opened);
    whole.expect("it is known").levels.iter().map(|level| section("level", &describe::level(level))).collect()
}

#[test]
fn opened_bars() {
    assert_texts("opened_bars", |language| {
        let mut memory = memory(&checks());
        let noon = NOW - 90 * MINUTE;
        let mut text = levels(&mut memory, 7 * DAY, vec![noon, noon], language);
        text += &levels(&mut memory, 365 * DAY, vec![noon, noon, noon], language);
        text + &levels(&mut memory, DAY, vec![noon], language)
    });
}

#[test]
fn opened_hours_in_each_state_of_their_load() {
    assert_texts("opened_hours", |language| {
        let mut memory = memory(&checks());
        let start = NOW - 30 * HOUR;
        let mut text = String::new();
        let variants: [Variant; 4] = [
            ("loading", |hour| Hour { is_loading: true, ..hour }),
            ("nothing stored", |hour| hour),
            ("unreadable", |hour| Hour { problem: Some(SourceError::NotAListing), ..hour }),
            ("too many", |hour| Hour { left_out: 1_234, ..hour }),
        ];
        for (name, change) in variants {
            let period = Period::new(7 * DAY, 90, calendar(language));
            let day = period.slots.iter().find(|slot| slot.start <= start && start < slot.end).expect("it is there");
            let hours = Period::of_slot(*day, calendar(language)).slots;
            let hour: Slot = *hours.iter().find(|slot| slot.start <= start && start < slot.end).expect("it is there");
            memory.hour = Some(change(Hour::of(hour)));
            text += name;
            text += "\n";
            text += &levels(&mut memory, 7 * DAY, vec![start, start], language);
        }
        text
    });
}

#[test]
fn a_day_full_of_outages_and_an_hour_full_of_checks() {
    assert_texts("full_levels", |language| {
        let flaps = |ago: i64| if ago % 2 == 0 { Down } else { Healthy };
        let mut day = memory(&(0..600).map(|ago| ("Shop", "", ago, flaps(ago))).collect::<Vec<_>>());
        let mut text = levels(&mut day, 7 * DAY, vec![NOW], language);
        let nodes = ["a", "b", "c", "d", "e", "f", "g", "h", "i", "j"];
        let mut hour =
            memory(&(60..120).flat_map(|ago| nodes.map(|node| ("Shop", node, ago, Healthy))).collect::<Vec<_>>());
        let noon = NOW - 62 * MINUTE;
        text += &levels(&mut hour, 7 * DAY, vec![noon, noon], language);
        text
    });
}

#[test]
fn checks_with_phases() {
    assert_texts("phases", |language| {
        let mut memory = memory(&checks());
        for look in &mut memory.record.endpoints[0].nodes[0].looks {
            look.phases = [10_000, 47_500, 60_000, 95_000];
        }
        let noon = NOW - 90 * MINUTE;
        let mut text = levels(&mut memory, DAY, vec![noon], language);
        for besides in [Besides::Phases, Besides::Places] {
            let layers = view::besides(&memory, 0, calendar(language), settings(DAY), &Looks::default(), besides);
            text += &section("layers", &layers.into_iter().map(|layer| layer.name).collect::<Vec<_>>());
        }
        text
    });
}

fn chart_lines(memory: &Memory, range: Nanos, language: &Language) -> Vec<String> {
    let calendar = calendar(language);
    let ChartView { points, label, summary, threshold, grid, .. } =
        chart::chart(&reckon(&memory.record)[0], &Period::new(range, 90, calendar), calendar, &[]);
    let mut lines = vec![label, summary];
    lines.extend(threshold.map(|(_, label)| label));
    lines.extend(grid.into_iter().map(|(_, label)| label));
    lines.extend(points.iter().rev().take(2).map(|point| point.sentence(calendar)));
    lines
}

#[test]
fn charts_of_attempts_thresholds_and_wide_spreads() {
    assert_texts("charts", |language| {
        let mut text = String::new();
        let mut of = |name: &str, change: &dyn Fn(&mut crate::record::Look)| {
            let mut memory = memory(&(0..600).map(|ago| ("Shop", "", ago, Healthy)).collect::<Vec<_>>());
            memory.record.endpoints[0].nodes[0].looks.iter_mut().for_each(change);
            text += &section(name, &chart_lines(&memory, DAY, language));
        };
        of("one attempt", &|_| ());
        of("twenty attempts", &|look| look.rtts = (1..=20).map(|tens| tens * 10_000_000).collect());
        of("a threshold", &|look| look.threshold = 150_000_000);
        of("a wide spread", &|look| look.rtts = Box::from([1_000_000, 1_100_000, 2_000_000_000]));
        of("failures", &|look| {
            (look.failed, look.reason) = (true, Some("connection refused".into()));
            look.rtts = Box::default();
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
                let mut memory = memory(&nodes.iter().map(|node| ("Shop", *node, 0, Healthy)).collect::<Vec<_>>());
                for of_node in &mut memory.record.endpoints[0].nodes {
                    let day = |ago: i64| crate::record::Look {
                        at: NOW - ago * DAY,
                        length: DAY,
                        rtts: Box::from([80_000_000, 120_000_000]),
                        failed,
                        ..of_node.looks[0].clone()
                    };
                    let looks = (1..30).rev().map(day).collect();
                    of_node.past = Some(crate::record::KnownPast {
                        track: shared::uptime::Track::default(),
                        looks,
                        open: Vec::new(),
                    });
                }
                let name = format!("{} nodes{}", nodes.len(), if failed { ", with failures" } else { "" });
                text += &section(&name, &chart_lines(&memory, 30 * DAY, language));
            }
        }
        text
    });
}

#[test]
fn percentiles_that_were_asked_for() {
    assert_texts("percentiles", |language| {
        let mut text = String::new();
        for (name, status) in [("answered", Healthy), ("never answered", Down)] {
            let mut memory = memory(&(0..60).map(|ago| ("Shop", "", ago, status)).collect::<Vec<_>>());
            let (looks, calendar) = (Looks::default(), calendar(language));
            let settings = view::Settings { percentiles: Percentiles::Wanted, ..settings(DAY) };
            let view = view::page(&mut memory, calendar, settings, &looks, &Looking::default(), Loading::Complete);
            let whole = view::whole(&memory, &view.endpoints[0], calendar, settings, &looks, &view.opened);
            text += &section(name, &[whole.expect("it is known").chart.summary]);
        }
        text
    });
}

//! Tests the text of the page in each state: first lines, endpoints, timeline and nodes.

use Status::{Degraded, Down, Healthy, Unknown};
use shared::check_file::{CheckFile, CheckResult};
use shared::object_name::CheckFileName;
use shared::page_config::appearance::{Appearance, Group};
use shared::status::Status;
use shared::{DAY, HOUR, MINUTE, SECOND, UnixNanos};

use super::{Check, assert_texts, cache, calendar, describe, page, section, settings};
use crate::dataset::Cache;
use crate::dataset::StoredMessage;
use crate::i18n::Language;
use crate::store::StoreError;
use crate::test_support::NOW;
use crate::test_support::history_of_node;
use crate::test_support::{detailed, evaluate, period};
use crate::url_state::UrlState;
use crate::view::{self, LoadProgress, endpoint, overall};

/// Returns one node's checks of an endpoint, every minute up to now. `status` maps minutes ago to a status.
fn steady(title: &'static str, node: &'static str, minutes: i64, status: impl Fn(i64) -> Status) -> Vec<Check> {
    (0..minutes).map(|ago| (title, node, ago, status(ago))).collect()
}

fn always(title: &'static str, node: &'static str, status: Status) -> Vec<Check> {
    steady(title, node, 15, |_| status)
}

/// Returns checks that have this status for the last `minutes` and are healthy before that.
fn lately(title: &'static str, node: &'static str, minutes: i64, status: Status) -> Vec<Check> {
    steady(title, node, 30, move |ago| if ago < minutes { status } else { Healthy })
}

/// Returns named combinations of results, each of which makes the page show different sentences.
fn scenarios() -> Vec<(&'static str, Vec<Check>)> {
    vec![
        ("no results", vec![]),
        ("one healthy", always("Shop", "", Healthy)),
        ("two healthy", [always("Shop", "", Healthy), always("Mail", "", Healthy)].concat()),
        ("three healthy", ["Shop", "Mail", "Search"].map(|title| always(title, "", Healthy)).concat()),
        ("one healthy, checked by three nodes", ["eu", "us", "ap"].map(|node| always("Shop", node, Healthy)).concat()),
        ("one down", lately("Shop", "", 12, Down)),
        ("one degraded", lately("Shop", "", 12, Degraded)),
        ("one of two down", [lately("Shop", "", 1, Down), always("Mail", "", Healthy)].concat()),
        ("both down together", [lately("Shop", "", 5, Down), lately("Mail", "", 5, Down)].concat()),
        ("both down, one after the other", [lately("Shop", "", 9, Down), lately("Mail", "", 3, Down)].concat()),
        ("all of three down", ["Shop", "Mail", "Search"].map(|title| lately(title, "", 5, Down)).concat()),
        (
            "two of three down",
            [lately("Shop", "", 5, Down), lately("Mail", "", 5, Down), always("Search", "", Healthy)].concat(),
        ),
        (
            "four of five down",
            ["A", "B", "C", "D"]
                .map(|title| lately(title, "", 5, Down))
                .into_iter()
                .chain([always("E", "", Healthy)])
                .collect::<Vec<_>>()
                .concat(),
        ),
        (
            "down, degraded and healthy",
            [
                lately("Shop", "", 5, Down),
                lately("Mail", "", 5, Degraded),
                always("Search", "", Healthy),
                always("API", "", Healthy),
            ]
            .concat(),
        ),
        (
            "down from one of three nodes",
            [always("Shop", "eu", Healthy), always("Shop", "us", Healthy), lately("Shop", "ap", 5, Down)].concat(),
        ),
        ("down from one of two nodes", [always("Shop", "eu", Healthy), lately("Shop", "ap", 5, Down)].concat()),
        (
            "down from two of three nodes",
            [lately("Shop", "eu", 5, Down), lately("Shop", "us", 5, Down), lately("Shop", "ap", 0, Down)].concat(),
        ),
        ("down from all three nodes", ["eu", "us", "ap"].map(|node| lately("Shop", node, 5, Down)).concat()),
        ("down for the whole period", steady("Shop", "", 1_700, |_| Down)),
        (
            "two down for the whole period, one after the other",
            [steady("Shop", "", 1_700, |_| Down), lately("Mail", "", 5, Down)].concat(),
        ),
        ("the only checker stopped", vec![("Shop", "eu", 46, Healthy), ("Shop", "eu", 45, Healthy)]),
        ("one of two checkers stopped", [always("Shop", "eu", Healthy), vec![("Mail", "us", 60, Healthy)]].concat()),
        ("the last check is unknown", vec![("Shop", "", 1, Healthy), ("Shop", "", 0, Unknown)]),
        ("one retired", [always("Shop", "eu", Healthy), vec![("Mail", "eu", 30, Healthy)]].concat()),
        (
            "two retired",
            [always("Shop", "eu", Healthy), vec![("Mail", "eu", 30, Healthy), ("API", "eu", 30, Healthy)]].concat(),
        ),
        (
            "two of three not checked",
            [always("Shop", "eu", Healthy), vec![("Mail", "us", 60, Healthy), ("API", "us", 60, Healthy)]].concat(),
        ),
        ("only unknown results", vec![("Shop", "", 0, Unknown)]),
        ("without a title", lately("", "", 5, Down)),
    ]
}

fn of_each(language: &Language, describe: impl Fn(&mut Cache, &Language) -> Vec<String>) -> String {
    let describe = |(name, checks): (&str, Vec<Check>)| section(name, &describe(&mut cache(&checks), language));
    scenarios().into_iter().map(describe).collect()
}

#[test]
fn the_first_lines_in_each_state() {
    assert_texts("first_lines", |language| {
        of_each(language, |cache, language| {
            describe::overall(&page(cache, &detailed(), LoadProgress::Complete, language).overall)
        })
    });
}

#[test]
fn the_first_lines_without_results() {
    assert_texts("first_lines_without_results", |language| {
        let mut text = String::new();
        for loading in [LoadProgress::Listing, LoadProgress::Files(12, 1_440)] {
            let view = page(&mut Cache::default(), &detailed(), loading, language);
            let mut lines = describe::overall(&view.overall);
            lines.push(loading.label(language));
            text += &section("loading", &lines);
        }
        let mut unreadable = Cache::default();
        unreadable.list_error = Some(StoreError::InvalidListing);
        let view = page(&mut unreadable, &detailed(), LoadProgress::Complete, language);
        text + &section("unreadable store", &describe::overall(&view.overall))
    });
}

#[test]
fn the_first_lines_of_incomplete_pages() {
    assert_texts("first_lines_of_incomplete_pages", |language| {
        let of = |name: &str, left_out: usize, status| {
            let checks = ["Shop", "Mail", "Search"].map(|title| always(title, "eu", status)).concat();
            let mut cache = cache(&checks);
            cache.nodes_left_out = true;
            cache.dataset.nodes[0].left_out = left_out;
            let view = page(&mut cache, &detailed(), LoadProgress::Complete, language);
            let mut lines = describe::overall(&view.overall);
            lines.extend(view.groups.iter().map(describe::group));
            section(name, &lines)
        };
        of("not all is known", 0, Healthy) + &of("too many", 2_050, Healthy) + &of("too many, down", 2_050, Down)
    });
}

#[test]
fn endpoints_in_each_state() {
    assert_texts("endpoints", |language| {
        of_each(language, |cache, language| {
            let view = page(cache, &detailed(), LoadProgress::Complete, language);
            let mut lines: Vec<String> = view.groups.iter().map(describe::group).collect();
            lines.extend(view.endpoints.iter().flat_map(|head| describe::head(head)));
            lines
        })
    });
}

#[test]
fn bars_and_charts_in_each_state() {
    assert_texts("bars_and_charts", |language| {
        of_each(language, |cache, language| {
            let appearance = detailed();
            let view = page(cache, &appearance, LoadProgress::Complete, language);
            let calendar = calendar(language);
            let whole = |head| view::full_endpoint(cache, head, calendar, settings(DAY), &appearance, &view.opened);
            let endpoints = view.endpoints.iter().filter_map(|head| whole(head));
            endpoints.flat_map(|one| [describe::bars(&one), describe::chart(&one, calendar)].concat()).collect()
        })
    });
}

#[test]
fn the_timeline_and_the_nodes_in_each_state() {
    assert_texts("timeline", |language| {
        of_each(language, |cache, language| {
            let view = page(cache, &detailed(), LoadProgress::Complete, language);
            let mut lines = describe::timeline(&view);
            lines.extend(view.nodes.iter().map(describe::node));
            lines
        })
    });
}

#[test]
fn the_timeline_of_a_month() {
    assert_texts("timeline_of_a_month", |language| {
        let flaps = steady("Shop", "eu", 1_400, |ago| if ago % 2 == 0 { Down } else { Healthy });
        let mut days: Vec<Check> = (0..20 * 24).map(|hours| ("Mail", "us", hours * 60, Healthy)).collect();
        days.extend(
            (24 * 24..28 * 24).map(|hours| ("Mail", "us", hours * 60, if hours == 600 { Down } else { Healthy })),
        );
        let mut text = String::new();
        for (name, checks) in [("flapping", flaps), ("a gap and an outage", days)] {
            let mut cache = cache(&checks);
            for sample in
                cache.dataset.endpoints.iter_mut().flat_map(|one| &mut one.nodes).flat_map(|node| &mut node.samples)
            {
                sample.interval = if name == "flapping" { Some(MINUTE) } else { Some(HOUR) };
            }
            let view = view::page(
                &mut cache,
                calendar(language),
                settings(30 * DAY),
                &detailed(),
                &UrlState::default(),
                LoadProgress::Complete,
            );
            let mut lines = describe::timeline(&view);
            let left_out = lines.len().saturating_sub(12);
            lines.drain(6..6 + left_out.min(lines.len() - 6));
            lines.extend(describe::overall(&view.overall));
            lines.extend(view.endpoints.iter().flat_map(|head| describe::head(head)));
            text += &section(name, &lines);
        }
        text
    });
}

#[test]
fn messages_name_their_services() {
    assert_texts("messages", |language| {
        let checks = ["A", "B", "C", "D", "E", "F"].map(|title| always(title, "", Healthy)).concat();
        let mut cache = cache(&checks);
        for (hours, about) in
            [(1, vec![0]), (2, vec![0, 1]), (3, vec![0, 1, 2, 3]), (4, (0..5).collect()), (30, (0..6).collect())]
        {
            cache.dataset.messages.push(StoredMessage {
                at: NOW - hours * HOUR,
                node: None,
                html: "We are <b>on it</b>".to_owned(),
                about,
            });
        }
        let view = view::page(
            &mut cache,
            calendar(language),
            settings(7 * DAY),
            &detailed(),
            &UrlState::default(),
            LoadProgress::Complete,
        );
        let messages: Vec<String> = view.messages.iter().map(|message| describe::message(message)).collect();
        section("in force", &messages) + &section("timeline", &describe::timeline(&view))
    });
}

#[test]
fn groups_count_statuses() {
    assert_texts("groups", |language| {
        let group = |title: &str, endpoints: &[&str]| Group {
            title: title.to_owned(),
            endpoints: endpoints.iter().map(ToString::to_string).collect(),
            groups: Vec::new(),
        };
        let appearance = Appearance {
            groups: vec![
                group("One", &["A"]),
                group("Two", &["A*", "B*"]),
                group("Many", &["C*"]),
                group("Some", &["D*"]),
            ],
            ..detailed()
        };
        let of = |titles: &[&'static str], status| {
            titles.iter().flat_map(|title| always(title, "", status)).collect::<Vec<_>>()
        };
        let checks = [
            of(&["A", "A2", "B", "C1", "C2", "C3", "D1", "D2", "E"], Healthy),
            of(&["D3", "D4"], Degraded),
            of(&["D5"], Down),
        ];
        let view = page(&mut cache(&checks.concat()), &appearance, LoadProgress::Complete, language);
        section("groups", &view.groups.iter().map(describe::group).collect::<Vec<_>>())
            + &section(
                "endpoints",
                &view.endpoints.iter().map(|one| format!("{}: {}", one.name, one.group)).collect::<Vec<_>>(),
            )
    });
}

#[test]
fn endpoints_that_are_not_shown_are_counted() {
    assert_texts("endpoints_not_shown", |language| {
        let shown = |count: usize| {
            let result = |number| CheckResult {
                title: format!("E{number}"),
                timestamp: NOW,
                status: Healthy,
                ..CheckResult::default()
            };
            let mut cache = Cache::default();
            let file = CheckFile { results: (0..count).map(result).collect(), skipped: Vec::new() };
            cache.dataset.add(&CheckFileName { stored_at: NOW, node: None }, file);
            page(&mut cache, &detailed(), LoadProgress::Complete, language).not_shown.unwrap_or_default()
        };
        section("not drawn", &[shown(500), shown(501), shown(502)])
    });
}

#[test]
fn the_first_lines_if_nothing_is_monitored() {
    assert_texts("nothing_monitored", |language| {
        let (cache, calendar) = (cache(&[("Shop", "eu", 60, Healthy)]), calendar(language));
        let mut all = evaluate(&cache.dataset);
        all[0].retired = true;
        let appearance = detailed();
        let overall = overall::overall(
            &all,
            overall::Missing::default(),
            &period(),
            calendar,
            (LoadProgress::Complete, MINUTE),
            &appearance,
        );
        let head = endpoint::head(&all[0], &period(), calendar, &appearance);
        section("first lines", &describe::overall(&overall)) + &section("endpoint", &describe::head(&head))
    });
}

#[test]
fn an_endpoint_without_a_title_and_a_locator() {
    assert_texts("without_name", |language| {
        let mut cache = cache(&always("Shop", "", Healthy));
        let key = &mut cache.dataset.endpoints[0].key;
        key.title.clear();
        key.locator.clear();
        let view = page(&mut cache, &detailed(), LoadProgress::Complete, language);
        section("first lines", &describe::overall(&view.overall))
            + &section("endpoint", &describe::head(&view.endpoints[0]))
    });
}

#[test]
fn endpoints_with_the_same_title_show_their_locators() {
    assert_texts("same_title", |language| {
        let mut cache = cache(&[always("Shop", "", Healthy), lately("Mail", "", 5, Down)].concat());
        cache.dataset.endpoints[1].key.title = "Shop".to_owned();
        let view = page(&mut cache, &detailed(), LoadProgress::Complete, language);
        section("first lines", &describe::overall(&view.overall)) + &section("timeline", &describe::timeline(&view))
    });
}

#[test]
fn two_checkers_with_the_same_name() {
    assert_texts("two_checkers", |language| {
        let mut cache = Cache::default();
        cache.dataset.add_history(history_of_node(2).0, UnixNanos::MAX);
        let view = page(&mut cache, &detailed(), LoadProgress::Complete, language);
        section("nodes", &view.nodes.iter().map(describe::node).collect::<Vec<_>>())
    });
}

#[test]
fn nodes_with_problems() {
    assert_texts("nodes", |language| {
        let ahead = vec![("Shop", "eu", -10, Healthy), ("Shop", "eu", 0, Healthy), ("Shop", "", 0, Healthy)];
        let mut text = section("a clock that is ahead", &{
            let mut cache = cache(&ahead);
            page(&mut cache, &detailed(), LoadProgress::Complete, language)
                .nodes
                .iter()
                .map(describe::node)
                .collect::<Vec<_>>()
        });
        let mut past = cache(&[("Shop", "eu", 60, Healthy), ("Shop", "us", 120, Healthy)]);
        let url_state = UrlState { at: Some(NOW - HOUR - SECOND), ..UrlState::default() };
        let back = crate::i18n::Calendar { now: NOW - HOUR, ..calendar(language) };
        let view = view::page(&mut past, back, settings(DAY), &detailed(), &url_state, LoadProgress::Complete);
        let mut lines: Vec<String> = view.nodes.iter().map(describe::node).collect();
        lines.extend(view.past);
        text += &section("in the past", &lines);
        text
    });
}

//! Tests the messages about failed loads and invalid configurations.

use shared::check_file::SkippedElement;
use shared::object_name::{CheckFileName, HistoryName, HistoryPart, NodeName};
use shared::status::Status;
use shared::{HOUR, MINUTE};

use super::{assert_texts, cache, calendar, page, section, settings};
use crate::dataset::{Cache, NodeUsage};
use crate::i18n::texts;
use crate::store::StoreError;
use crate::test_support::NOW;
use crate::test_support::detailed;
use crate::url_state::{Embed, UrlState};
use crate::view::config_error::{self, ConfigError};
use crate::view::problems::problems;
use crate::view::{LoadProgress, ViewSettings, banner};

fn unexpected_status(remedy: crate::i18n::Text) -> StoreError {
    StoreError::UnexpectedStatus { status: "403: AccessDenied".to_owned(), remedy, region: "eu-west-3".to_owned() }
}

/// Returns one error for each kind and each remedy.
fn errors() -> Vec<StoreError> {
    let mut errors = vec![
        StoreError::Blocked("https://s3.example.com".to_owned()),
        StoreError::TimedOut("store/".to_owned(), 20),
        StoreError::TooLarge(8 << 20),
        StoreError::InvalidListing,
        StoreError::InvalidIndex("it is not JSON".to_owned()),
        StoreError::InvalidObject("invalid check file: it is not a JSON array of results".to_owned()),
    ];
    errors.extend(
        [
            texts::KEY_MISMATCH,
            texts::KEY_UNKNOWN,
            texts::CLOCK_DAYS_OFF,
            texts::CLOCK_OFF,
            texts::PERMISSIONS_MISSING,
            texts::CHECK_BUCKET,
            texts::CHECK_KEYS,
            texts::CHECK_ADDRESS,
            texts::CHECK_SOURCE,
            texts::CHECK_URL,
            texts::OTHER_REGION,
            texts::OTHER_REGION_OF,
            texts::DELETED,
            texts::DELETED_OR_INCOMPLETE,
            texts::STORE_OVERLOADED,
            texts::STORE_ERROR,
            texts::SERVER_ERROR,
            texts::DIRECTORY_FORBIDDEN,
            texts::DIRECTORY_MISSING,
            texts::CONFIG_MISSING,
            texts::CONFIG_FORBIDDEN,
        ]
        .map(unexpected_status),
    );
    errors
}

#[test]
fn errors_of_the_store() {
    assert_texts("store_errors", |language| {
        section("errors", &errors().iter().map(|error| error.describe(language)).collect::<Vec<_>>())
    });
}

fn name(number: i64) -> CheckFileName {
    CheckFileName { stored_at: NOW + number, node: NodeName::new("eu").ok() }
}

#[test]
fn problems_while_loading() {
    let skipped = |index| SkippedElement { index, reason: "`status` is missing".to_owned() };
    assert_texts("problems", |language| {
        let mut text = String::new();
        let mut of = |heading: &str, change: &dyn Fn(&mut Cache)| {
            let mut cache = Cache::default();
            change(&mut cache);
            text += &section(heading, &problems(&cache, calendar(language), &UrlState::default()));
        };
        of("list", &|cache| cache.list_error = Some(StoreError::InvalidListing));
        of("files", &|cache| {
            cache.failed.push((name(1), StoreError::TimedOut("store/".to_owned(), 20)));
            cache.failed.extend((2..5).map(|number| (name(number), StoreError::TooLarge(8 << 20))));
            cache.unreadable.extend(
                (10..60).map(|number| (name(number), StoreError::InvalidObject("invalid check file".to_owned()))),
            );
        });
        for more in [1, 7] {
            of("many reasons", &|cache| {
                let error = |number: i64| StoreError::Blocked(format!("https://{number}.example"));
                cache.failed.extend((0..5 + more).map(|number| (name(number), error(number))));
            });
        }
        of("elements", &|cache| {
            cache.dataset.skipped.push((name(1), vec![skipped(3)]));
            cache.dataset.skipped.push((name(2), vec![skipped(3), skipped(4), skipped(5)]));
        });
        of("histories", &|cache| {
            for part in [HistoryPart::Main, HistoryPart::Latency] {
                for node in [NodeName::new("eu").ok(), None] {
                    cache
                        .unreadable_histories
                        .push((HistoryName { node, part }, StoreError::InvalidObject("invalid history".to_owned())));
                }
            }
        });
        of("another node's history", &|cache| {
            let name = HistoryName { node: NodeName::new("eu").ok(), part: HistoryPart::Main };
            cache
                .unreadable_histories
                .push((name, StoreError::InvalidObject("invalid history: the node's name is inconsistent".to_owned())));
        });
        for count in [1, 3, 12] {
            of("foreign objects", &|cache| {
                cache.unrelated = (0..count.min(10)).map(|number| format!("notes-{number}.txt")).collect();
                cache.unrelated_count = count;
            });
        }
        of("too much", &|cache| {
            let mut usage = NodeUsage::default();
            (usage.node, usage.left_out, usage.messages_left_out) = (NodeName::new("eu").ok(), 2_050, true);
            cache.dataset.nodes.push(usage);
            (cache.left_out, cache.nodes_left_out) = (12_345, true);
        });
        text
    });
}

#[test]
fn results_from_the_future() {
    assert_texts("future", |language| {
        let mut text = String::new();
        for minutes in [&[10_i64][..], &[10, 11]] {
            let checks: Vec<_> = minutes.iter().map(|minutes| ("A", "", -minutes, Status::Healthy)).collect();
            text += &section("future", &problems(&cache(&checks), calendar(language), &UrlState::default()));
        }
        text
    });
}

#[test]
fn a_node_whose_history_is_unreadable() {
    assert_texts("unreadable_history", |language| {
        let mut cache = cache(&[("Shop", "eu", 0, Status::Healthy)]);
        let name = HistoryName { node: NodeName::new("eu").ok(), part: HistoryPart::Main };
        cache.unreadable_histories.push((name, StoreError::InvalidObject("invalid history".to_owned())));
        let view = page(&mut cache, &detailed(), LoadProgress::Complete, language);
        let nodes: Vec<String> = view.nodes.iter().map(super::describe::node).collect();
        section("nodes", &nodes) + &section("problems", &view.problems)
    });
}

#[test]
fn banners() {
    assert_texts("banners", |language| {
        let mut cache = Cache::default();
        cache.cached_at = Some(NOW - 12 * MINUTE);
        let online = settings(HOUR);
        let offline = ViewSettings { is_online: false, ..online };
        let mut lines = vec![
            banner::banner(&cache, calendar(language), online, Embed::Off),
            banner::banner(&cache, calendar(language), offline, Embed::Off),
            banner::banner(&cache, calendar(language), online, Embed::Banner),
        ];
        for clock_ahead in [3 * HOUR, -5 * MINUTE] {
            let settings = ViewSettings { clock_ahead, ..online };
            lines.push(banner::banner(&Cache::default(), calendar(language), settings, Embed::Off));
        }
        section("notes", &lines)
    });
}

/// Configurations that are invalid or contain keys that are skipped.
const CONFIGURATIONS: [&str; 12] = [
    "<!doctype html>",
    "",
    "{",
    "[]",
    "{}",
    r#"{ "source": 7 }"#,
    r#"{ "source": { "type": "ftp" } }"#,
    r#"{ "source": { "type": "http" } }"#,
    r#"{ "source": { "type": "s3" } }"#,
    r#"{ "titel": "A", "source": { "type": "s3", "bucket": 7, "region": "", "public_access_key_id": "AKIA" } }"#,
    r#"{ "range": "10 parsecs", "refresh": "0s", "interval": 7, "offline": "no", "source": { "type": "http", "url": "store/" } }"#,
    r#"{ "source": { "type": "s3", "bucket": "b", "region": "r", "address_style": "odd", "secret_access_key": "x" } }"#,
];

#[test]
fn invalid_configurations() {
    assert_texts("invalid_configurations", |language| {
        let of = |text: &str| match config_error::parse(text) {
            Ok(config) => config.skipped,
            Err(error) => error.describe(language),
        };
        let mut text: String = CONFIGURATIONS.iter().map(|text| section(&format!("`{text}`"), &of(text))).collect();
        for error in [unexpected_status(texts::CONFIG_MISSING), unexpected_status(texts::CONFIG_FORBIDDEN)] {
            text += &section("unread", &ConfigError::Unavailable(error).describe(language));
        }
        text
    });
}

#[test]
fn invalid_appearances_are_skipped() {
    let configuration = r##"{ "source": { "type": "http", "url": "store/" }, "title": 7, "language": "tlh",
        "look": { "logo": "javascript:1", "colors": { "light": { "accent": "red", "odd": "#fff" } }, "font": "comic", "radius": 900 },
        "texts": { "healthy": 7, "odd": "x" }, "links": [{ "text": "A" }], "groups": [{ "endpoints": ["A"] }], "order": "A",
        "hide": { "errors": 7 } }"##;
    let skipped = config_error::parse(configuration).expect("the page is shown").skipped;
    let mut settings = insta::Settings::clone_current();
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    settings.bind(|| insta::assert_snapshot!("skipped_appearance", section("skipped", &skipped)));
}

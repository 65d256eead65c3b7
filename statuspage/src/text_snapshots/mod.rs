//! Snapshots of all text that the page can show, in English and German.
//!
//! `INSTA_UPDATE=always cargo test -p statuspage text_snapshots` accepts changes.

mod announcements;
mod describe;
mod details;
mod phrases;
mod problems;
mod states;

use shared::page_config::appearance::Appearance;
use shared::status::Status;
use shared::{DAY, MINUTE, Nanos};

use crate::dataset::Cache;
use crate::i18n::Calendar;
use crate::i18n::Language;
use crate::test_support::dataset;
use crate::test_support::language;
use crate::test_support::utc;
use crate::url_state::UrlState;
use crate::view::{self, LoadProgress, PageView, ViewSettings};

/// A check: title, node (empty for a checker without a name), minutes ago, status.
type Check = (&'static str, &'static str, i64, Status);

/// Compares the text in each language with the stored snapshots.
fn assert_texts(name: &str, describe: impl Fn(&Language) -> String) {
    for code in ["en", "de"] {
        let text = describe(&language(code));
        let mut settings = insta::Settings::clone_current();
        settings.set_prepend_module_to_snapshot(false);
        settings.set_omit_expression(true);
        settings.bind(|| insta::assert_snapshot!(format!("{name}.{code}"), text));
    }
}

fn calendar(language: &Language) -> Calendar<'_> {
    Calendar { language, ..utc() }
}

fn settings(range: Nanos) -> ViewSettings {
    ViewSettings { range, interval: MINUTE, bars_limit: 90, is_online: true, ..ViewSettings::default() }
}

fn cache(checks: &[Check]) -> Cache {
    let mut cache = Cache::default();
    cache.dataset = dataset(checks);
    cache
}

/// Returns the page for the last day.
fn page(cache: &mut Cache, appearance: &Appearance, loading: LoadProgress, language: &Language) -> PageView {
    view::page(cache, calendar(language), settings(DAY), appearance, &UrlState::default(), loading)
}

/// Indents lines below a heading.
fn section(heading: &str, lines: &[String]) -> String {
    let lines: Vec<String> = lines.iter().filter(|line| !line.is_empty()).map(|line| format!("  {line}\n")).collect();
    format!("{heading}\n{}\n", lines.concat())
}

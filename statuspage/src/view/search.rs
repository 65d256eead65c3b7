//! Searches endpoints by name, locator, group or status.

use shared::endpoint_status::status_words;
use shared::sorting::sort_by_integer;
use shared::substring::contains;

use super::endpoint::EndpointView;
use super::page::PageView;
use crate::i18n::{Language, texts};

/// Splits the search into lowercase words.
#[must_use]
pub fn terms(filter: &str, lower: &dyn Fn(&str) -> String) -> Vec<String> {
    lower(filter).split_whitespace().map(str::to_owned).collect()
}

/// Returns the ids of the endpoints that match all words of the search, in ascending order, or `None` if the search is
/// empty.
#[must_use]
pub fn matching(view: &PageView, filter: &str, lower: &dyn Fn(&str) -> String) -> Option<Vec<usize>> {
    let terms = terms(filter, lower);
    if terms.is_empty() {
        return None;
    }
    let endpoints = view.endpoints.iter().filter(|one| matches_all(&terms, &lower(&searchable_text(one))));
    let mut found: Vec<usize> = endpoints.map(|one| one.id).collect();
    sort_by_integer(&mut found, |id| *id as i64);
    Some(found)
}

/// Describes how many endpoints match. Returns an empty string if the search is empty.
#[must_use]
pub fn summary(filter: &str, matching: usize, all: usize, language: &Language) -> String {
    if filter.trim().is_empty() {
        return String::new();
    }
    language.plural(texts::FOUND, all, &[&language.number(matching)])
}

/// Returns the text that is searched. It also contains the English status name, so links with a search term work in all
/// languages.
fn searchable_text(one: &EndpointView) -> String {
    let words = status_words(one.status, one.is_localized, one.is_retired);
    [&one.title, &one.locator, &one.group, one.status.as_str(), &one.status_label, words].join("\n")
}

fn matches_all(terms: &[String], text: &str) -> bool {
    terms.iter().all(|term| contains(text, term))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dataset::Cache;
    use crate::i18n::Calendar;
    use crate::test_support::dataset;
    use crate::test_support::detailed;
    use crate::test_support::utc;
    use crate::test_support::with_status_labels;
    use crate::view::{LoadProgress, ViewSettings, page};
    use shared::DAY;
    use shared::page_config::appearance::{Appearance, Group};
    use shared::status::Status;

    #[test]
    fn endpoints_are_found_by_name_locator_group_and_status() {
        let mut cache = Cache::default();
        cache.dataset = dataset(&[
            ("Cart", "", 0, Status::Healthy),
            ("Payments", "", 0, Status::Down),
            ("Ärzte", "", 0, Status::Healthy),
            ("Wiki", "", 60, Status::Healthy),
            ("Mail", "", 0, Status::Down),
            ("Mail", "n1", 0, Status::Healthy),
        ]);
        let group = Group { title: "Shop".to_owned(), endpoints: vec!["Cart".to_owned()], groups: Vec::new() };
        let appearance = Appearance { groups: vec![group], ..detailed() };
        let language = with_status_labels(Status::Healthy, "Operational");
        let calendar = Calendar { language: &language, ..utc() };
        let settings = ViewSettings { range: DAY, interval: shared::MINUTE, bars_limit: 90, ..ViewSettings::default() };
        let view = page(
            &mut cache,
            calendar,
            settings,
            &appearance,
            &crate::url_state::UrlState::default(),
            LoadProgress::Complete,
        );
        let titles = |filter: &str| {
            let found = matching(&view, filter, &|text| text.to_lowercase());
            let is_found = |id: usize| found.as_ref().is_none_or(|found| found.contains(&id));
            let endpoints = view.endpoints.iter().filter(|one| is_found(one.id));
            endpoints.map(|one| one.title.as_str()).collect::<Vec<_>>().join(" ")
        };
        assert_eq!(titles(""), "Cart Mail Payments Wiki Ärzte");
        assert_eq!((titles("CART"), titles("ärzte")), ("Cart".to_owned(), "Ärzte".to_owned()));
        assert_eq!((titles("shop"), titles("down")), ("Cart".to_owned(), "Payments".to_owned()));
        assert_eq!((titles("https operational ca"), titles("cart down")), ("Cart".to_owned(), String::new()));
        assert_eq!((titles("partial outage"), titles("not monitored")), ("Mail".to_owned(), "Wiki".to_owned()));
        assert_eq!(
            (summary(" ", 3, 3, utc().language), summary("x", 1, 3, utc().language)),
            (String::new(), "1 of 3 services".to_owned())
        );
    }
}

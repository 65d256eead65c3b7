//! Describes what failed to load, with remedies. Files with the same error share one sentence.

use shared::check_file::SkippedElement;
use shared::object_name::{CheckFileName, HistoryPart, NodeName};
use shared::quorum::CLOCK_TOLERANCE;

use super::text::capitalize;
use crate::dataset::{AUTHORS_LIMIT, Cache, FILES, MESSAGES, NODES_LIMIT};
use crate::i18n::Calendar;
use crate::i18n::{Language, texts};
use crate::url_state::UrlState;

/// The maximum number of names in a sentence. The others are counted.
const NAMES_LIMIT: usize = 3;

/// The maximum number of different file errors to show. The others are counted.
const REASONS_LIMIT: usize = 5;

/// The maximum number of characters of a name to show. Stores allow a thousand.
const NAME_LENGTH_LIMIT: usize = 80;

/// Returns one sentence per problem, with the most severe ones first.
#[must_use]
pub fn problems(cache: &Cache, calendar: Calendar<'_>, url_state: &UrlState) -> Vec<String> {
    let language = calendar.language;
    let mut problems = Vec::new();
    if let Some(error) = &cache.list_error {
        problems.push(language.format(texts::SENTENCE, &[&capitalize(&error.describe(language))]));
    }
    for failed in [&cache.failed, &cache.unreadable] {
        by_reason(failed.iter().map(|(name, error)| (name, error.describe(language))), &mut problems, language);
    }
    let skipped = cache.dataset.skipped.iter().map(|(name, skipped)| (name, invalid_results(skipped, language)));
    by_reason(skipped, &mut problems, language);
    problems.extend(cache.unreadable_histories.iter().map(|(name, error)| {
        let node = name.node.as_ref().map_or(language.text(texts::UNNAMED_LOCATIONS), NodeName::as_str);
        let text = match name.part {
            HistoryPart::Main => texts::HISTORY_OF_UNREADABLE,
            HistoryPart::Latency => texts::NO_PERCENTILES_OF,
        };
        language.format(text, &[node, &error.describe(language)])
    }));
    problems.extend(posts(cache, language));
    if cache.unrelated_count > 0 {
        let names = list(&cache.unrelated, cache.unrelated_count, language);
        problems.push(language.plural(texts::UNRELATED_OBJECTS, cache.unrelated_count, &[&names]));
    }
    if cache.left_out > 0 {
        let numbers = [cache.left_out, FILES.node].map(|number| language.number(number));
        problems.push(language.format(texts::TOO_MANY_FILES, &[&numbers[0], &numbers[1]]));
    }
    for usage in &cache.dataset.nodes {
        let node = usage.node.as_ref().map_or(language.text(texts::UNNAMED_LOCATION), NodeName::as_str);
        if usage.left_out > 0 {
            problems.push(language.format(texts::TOO_MANY_SERVICES, &[node, &language.number(usage.left_out)]));
        }
        if usage.messages_left_out {
            problems.push(language.format(texts::TOO_MANY_MESSAGES, &[node, &language.number(MESSAGES.node)]));
        }
    }
    if cache.nodes_left_out {
        problems.push(language.format(texts::TOO_MANY_LOCATIONS, &[&language.number(NODES_LIMIT)]));
    }
    if url_state.at.is_none() {
        problems.extend(future(cache, calendar));
    }
    problems
}

/// Reports the problems with what people posted.
fn posts(cache: &Cache, language: &Language) -> Vec<String> {
    let posts = &cache.posts;
    let mut problems = Vec::new();
    if let Some(error) = &posts.list_error {
        problems.push(language.format(texts::POSTS_UNLISTED, &[&error.describe(language)]));
    }
    for (author, error) in posts.unreadable() {
        problems.push(language.format(texts::POSTS_OF_UNREADABLE, &[author.as_str(), &error.describe(language)]));
    }
    for (author, count) in posts.skipped() {
        problems.push(language.plural(texts::INVALID_POSTS, count, &[author.as_str()]));
    }
    if posts.authors_left_out {
        problems.push(language.format(texts::TOO_MANY_AUTHORS, &[&language.number(AUTHORS_LIMIT)]));
    }
    problems
}

/// Reports results from the future, which indicate that a clock is wrong.
fn future(cache: &Cache, calendar: Calendar<'_>) -> Option<String> {
    let limit = calendar.now + CLOCK_TOLERANCE;
    let nodes = cache.dataset.endpoints.iter().flat_map(|endpoint| &endpoint.nodes);
    let count: usize =
        nodes.map(|node| node.samples.len() - node.samples.partition_point(|sample| sample.at <= limit)).sum();
    (count > 0).then(|| calendar.language.plural(texts::FROM_THE_FUTURE, count, &[]))
}

/// Describes the invalid results of a check file.
fn invalid_results(skipped: &[SkippedElement], language: &Language) -> String {
    let Some(first) = skipped.first() else { return String::new() };
    let others = skipped.len() - 1;
    let text = if others > 0 { texts::INVALID_RESULTS } else { texts::INVALID_RESULT };
    language.format(text, &[&first.index.to_string(), &first.reason, &language.number(others)])
}

/// Adds one sentence per error, with the names of the affected files.
fn by_reason<'a>(
    failed: impl Iterator<Item = (&'a CheckFileName, String)>,
    problems: &mut Vec<String>,
    language: &Language,
) {
    let mut reasons: Vec<(String, Vec<String>)> = Vec::new();
    let mut not_shown = 0;
    for (name, reason) in failed {
        match reasons.iter().position(|(known, _)| *known == reason) {
            Some(index) => reasons[index].1.push(name.to_string()),
            None if reasons.len() < REASONS_LIMIT => reasons.push((reason, vec![name.to_string()])),
            None => not_shown += 1,
        }
    }
    for (reason, names) in &reasons {
        let sentence = language.format(texts::COLON, &[&list(names, names.len(), language), reason]);
        problems.push(language.format(texts::SENTENCE, &[&sentence]));
    }
    if not_shown > 0 {
        problems.push(language.plural(texts::OTHER_REASONS, not_shown, &[]));
    }
}

/// Lists the first names, in backticks, and how many more of the `count` names there are.
fn list(names: &[String], count: usize, language: &Language) -> String {
    let mut shown: Vec<String> = names
        .iter()
        .take(NAMES_LIMIT)
        .map(|name| language.isolate(format!("`{}`", shared::check_file::shortened(name.clone(), NAME_LENGTH_LIMIT))))
        .collect();
    if count > shown.len() {
        shown.push(language.plural(texts::AND_MORE, count - shown.len(), &[]));
    }
    language.list(&shown.iter().map(String::as_str).collect::<Vec<_>>())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::StoreError;
    use crate::test_support::{NOW, utc};
    use shared::MINUTE;

    fn name(number: i64) -> CheckFileName {
        CheckFileName { stored_at: NOW + number, node: None }
    }

    #[test]
    fn an_empty_cache_has_no_problems() {
        assert!(problems(&Cache::default(), utc(), &UrlState::default()).is_empty());
    }

    #[test]
    fn files_with_the_same_error_share_a_sentence() {
        let mut cache = Cache::default();
        for number in 0..40 {
            cache.failed.push((name(number), StoreError::TimedOut("store/".to_owned(), 20)));
        }
        cache.unreadable.push((
            name(50),
            StoreError::InvalidObject("invalid check file: it is not a JSON array of results".to_owned()),
        ));
        let problems = problems(&cache, utc(), &UrlState::default());
        assert_eq!(problems.len(), 2);
        assert!(problems[0].contains("and 37 more: no response from `store/` within 20 seconds"), "{}", problems[0]);
        assert!(
            problems[1].starts_with(&format!("`{}`: invalid check file: it is not a JSON array", name(50))),
            "{}",
            problems[1]
        );
    }

    #[test]
    fn a_failed_listing_comes_before_unrelated_objects() {
        let mut cache = Cache::default();
        cache.list_error = Some(StoreError::InvalidListing);
        cache.unrelated.push("notes.txt".to_owned());
        cache.unrelated_count = 1;
        let problems = problems(&cache, utc(), &UrlState::default());
        assert!(problems[0].starts_with("The response is not an S3 listing") && problems[0].contains("`bucket`"));
        assert_eq!(problems[1], "Skipped 1 object that is not a check file: `notes.txt`.");
    }

    #[test]
    fn results_from_the_future_are_reported() {
        let future = crate::test_support::dataset(&[("A", "", -10, shared::status::Status::Down)]);
        let mut cache = Cache::default();
        cache.dataset = future;
        assert!(problems(&cache, utc(), &UrlState::default())[0].starts_with("Ignored 1 result from the future"));
        let later = Calendar { now: NOW + 9 * MINUTE, ..utc() };
        assert!(problems(&cache, later, &UrlState::default()).is_empty());
        let back = UrlState { at: Some(NOW), ..UrlState::default() };
        assert!(problems(&cache, utc(), &back).is_empty(), "a view of the past has later results");
    }
}

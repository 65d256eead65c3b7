//! What the configuration says about the page, read by the code that the page itself reads its `config.json` with.

use shared::page_config::PageConfig;

use super::document::{JsonValue, Located};
use super::model::{Page, SERVED_STORE};
use super::problem::{Problem, Problems};
use crate::origin::validate_origin;

/// The key that is no part of the page's own configuration: the web server heeds it.
const EMBED_BY: &str = "embed_by";

/// From a tree that fits the table. What is skipped on a page is a warning here.
pub(super) fn convert(page: Option<&Located>, problems: &mut Problems) -> Page {
    let Some(page) = page else { return Page::default() };
    let mut told = page.to_json();
    if let Some(keys) = told.as_object_mut() {
        keys.remove(EMBED_BY);
        keys.insert("source".to_owned(), serde_json::json!({ "type": "http", "url": SERVED_STORE }));
    }
    let mut read = Page::default();
    match PageConfig::parse(&told.to_string()) {
        Ok(config) => read.told = config,
        Err(wrong) => {
            wrong.0.iter().for_each(|text| problems.add(Problem::error(place_of(page, text), in_the_page(text))));
        }
    }
    for text in std::mem::take(&mut read.told.skipped) {
        problems.add(Problem::warning(place_of(page, &text), in_the_page(&text)));
    }
    let embed_by = page.member(EMBED_BY);
    if let Some(JsonValue::Array(origins)) = embed_by.map(|origins| &origins.value) {
        for origin in origins {
            let text = origin.text().unwrap_or_default();
            match validate_origin(text) {
                Ok(()) => read.embed_by.push(text.to_owned()),
                Err(error) => problems.add(Problem::error(origin.at, format!("`page.{EMBED_BY}`: {error}"))),
            }
        }
    }
    read
}

/// The page's own words, which begin with a key, as they are right in this file.
fn in_the_page(text: &str) -> String {
    text.strip_prefix('`').map_or_else(|| text.to_owned(), |rest| format!("`page.{rest}"))
}

/// Where the key stands that a problem names: `` `links[0].url` … ``.
fn place_of<'t>(page: &'t Located, text: &'t str) -> usize {
    let path = text.split('`').nth(1).unwrap_or_default();
    let mut place = page;
    for step in path.split(['.', '[']) {
        let next = match step.strip_suffix(']') {
            None => place.member(step),
            Some(number) => match &place.value {
                JsonValue::Array(list) => number.parse().ok().and_then(|number: usize| list.get(number)),
                _ => None,
            },
        };
        let Some(next) = next else { break };
        place = next;
    }
    place.at
}

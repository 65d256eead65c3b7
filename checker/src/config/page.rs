//! Converts the page's settings. The code that reads the page's `config.json` validates them.

use shared::object_name::NodeName;
use shared::page_config::PageConfig;

use super::document::{JsonValue, Located};
use super::model::{Page, SERVED_STORE};
use super::origin::validate_origin;
use super::problem::{Problem, Problems};

/// The only page setting that is not part of the page's `config.json`, because the web server uses it.
const EMBED_BY: &str = "embed_by";
/// The settings that are lists of names of authors.
const AUTHOR_KEYS: [&str; 2] = ["authors", "editors"];

/// Converts a tree that validation has accepted. Warns about settings that the page would ignore.
pub(super) fn convert(page: Option<&Located>, problems: &mut Problems) -> Page {
    let Some(page) = page else { return Page::default() };
    let mut json = page.to_json();
    if let Some(keys) = json.as_object_mut() {
        keys.remove(EMBED_BY);
        keys.insert("source".to_owned(), serde_json::json!({ "type": "http", "url": SERVED_STORE }));
    }
    let mut converted = Page::default();
    match PageConfig::parse(&json.to_string()) {
        Ok(config) => converted.config = config,
        Err(errors) => {
            errors.0.iter().for_each(|text| problems.add(Problem::error(position(page, text), prefixed(text))));
        }
    }
    // Invalid names of authors are errors, because the page would show fewer or more posts than intended.
    let is_name = |text: &String| AUTHOR_KEYS.iter().any(|key| text.starts_with(&format!("`{key}[")));
    for text in std::mem::take(&mut converted.config.skipped).into_iter().filter(|text| !is_name(text)) {
        problems.add(Problem::warning(position(page, &text), prefixed(&text)));
    }
    for key in AUTHOR_KEYS {
        let Some(JsonValue::Array(names)) = page.member(key).map(|names| &names.value) else { continue };
        for name in names.iter().filter(|name| NodeName::new(name.text().unwrap_or_default()).is_err()) {
            let text = name.text().unwrap_or_default();
            let remedy = "use 1–32 lowercase letters, digits and hyphens, for example `anna`";
            let text = format!("invalid author name `{text}` in `page.{key}`: {remedy}");
            problems.add(Problem::error(name.at, text));
        }
    }
    let embed_by = page.member(EMBED_BY);
    if let Some(JsonValue::Array(origins)) = embed_by.map(|origins| &origins.value) {
        for origin in origins {
            let text = origin.text().unwrap_or_default();
            match validate_origin(text) {
                Ok(()) => converted.embed_by.push(text.to_owned()),
                Err(error) => problems.add(Problem::error(origin.at, format!("`page.{EMBED_BY}`: {error}"))),
            }
        }
    }
    converted
}

/// Adds `page.` to the key at the start of a problem, because the page's configuration is nested under that key in this
/// file.
fn prefixed(text: &str) -> String {
    text.strip_prefix('`').map_or_else(|| text.to_owned(), |rest| format!("`page.{rest}"))
}

/// Returns the position of the key at the start of a problem, such as `` `links[0].url` … ``.
fn position<'t>(page: &'t Located, text: &'t str) -> usize {
    let path = text.split('`').nth(1).unwrap_or_default();
    let mut current = page;
    for step in path.split(['.', '[']) {
        let next = match step.strip_suffix(']') {
            None => current.member(step),
            Some(number) => match &current.value {
                JsonValue::Array(list) => number.parse().ok().and_then(|number: usize| list.get(number)),
                _ => None,
            },
        };
        let Some(next) = next else { break };
        current = next;
    }
    current.at
}

//! Where visitors of the page can read the feeds and the calendar.

use super::PageConfig;
use super::fields::Fields;
use super::links::is_relative;
use super::source::is_http_url;
use crate::json::{self, Json};
use serde_json::json;

/// Reads the URL of the folder with the outputs. An invalid one is reported, and the page then offers no feeds.
pub(super) fn read(value: Option<&Json<'_>>, skipped: &mut Vec<String>) -> Option<String> {
    let object @ Json::Object(members) = value? else {
        skipped.push("`outputs` must be an object such as `{ \"url\": \"./\" }`; it is skipped".to_owned());
        return None;
    };
    let mut fields = Fields { object, members, path: "outputs.", problems: skipped };
    fields.refuse_unknown(&["url"]);
    let mut url = fields.required_text("url", "the URL of the folder that contains `feed.atom`, for example `./`")?;
    let is_relative = is_relative(&url) && !url.contains(char::is_whitespace);
    if !is_relative && !is_http_url(&url) {
        fields.problem("url", "must be relative or start with `http://` or `https://`; it is skipped");
        return None;
    }
    if !url.ends_with('/') {
        url.push('/');
    }
    Some(url)
}

/// Adds the URL of the folder with the outputs to the text of a `config.json`, and keeps its formatting. Returns `None` if
/// the configuration is invalid, or already contains `outputs`.
#[must_use]
pub fn with_outputs(text: &str, url: &str) -> Option<String> {
    PageConfig::parse(text).ok()?;
    let Ok(Json::Object(existing)) = json::parse(text.trim_start_matches('\u{feff}')) else { return None };
    if existing.iter().any(|(key, _)| key == "outputs") {
        return None;
    }
    let members = text.trim_end().strip_suffix('}')?.trim_end();
    let linked = format!("{members},\n  \"outputs\": {}\n}}\n", json!({ "url": url }));
    PageConfig::parse(&linked).is_ok_and(|config| config.outputs.is_some()).then_some(linked)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn outputs(text: &str) -> (Option<String>, Vec<String>) {
        let mut skipped = Vec::new();
        let url = read(Some(&json::parse(text).expect("it is JSON")), &mut skipped);
        (url, skipped)
    }

    #[test]
    fn the_folder_is_relative_or_on_a_web_server() {
        for (url, expected) in [
            ("./", "./"),
            ("feeds", "feeds/"),
            ("/status/", "/status/"),
            ("https://b.example/0-feed/eu-west", "https://b.example/0-feed/eu-west/"),
        ] {
            let (read, skipped) = outputs(&format!(r#"{{"url":"{url}"}}"#));
            assert_eq!((read.as_deref(), skipped), (Some(expected), Vec::new()), "{url}");
        }
    }

    #[test]
    fn other_addresses_are_skipped() {
        for url in ["javascript:alert(1)", "//b.example/", "\\\\b.example", "https://", "ftp://b.example/", "a b", ""] {
            let (read, skipped) = outputs(&format!(r#"{{"url":"{url}"}}"#));
            assert_eq!((read, skipped.len()), (None, 1), "{url}");
        }
        assert_eq!(outputs("7").1, ["`outputs` must be an object such as `{ \"url\": \"./\" }`; it is skipped"]);
        let (read, skipped) = outputs(r#"{"url":"./","uri":"x"}"#);
        assert_eq!((read.as_deref(), skipped.len()), (Some("./"), 1), "{skipped:?}");
    }

    #[test]
    fn the_folder_is_added_without_reformatting() {
        let text = "{ \"title\": \"Ünïcode }\",\n\t\"source\" :{\"type\":\"http\",\"url\":\"store/\"} }\n\n";
        let linked = with_outputs(text, "./").expect("it has none");
        let expected = "{ \"title\": \"Ünïcode }\",\n\t\"source\" :{\"type\":\"http\",\"url\":\"store/\"},\n  \"outputs\": {\"url\":\"./\"}\n}\n";
        assert_eq!(linked, expected);
        let config = PageConfig::parse(text).expect("it is valid");
        assert_eq!(PageConfig::parse(&linked), Ok(PageConfig { outputs: Some("./".to_owned()), ..config.clone() }));
        assert_eq!(
            with_outputs(&config.to_json(), "https://b.example/x/").map(|text| PageConfig::parse(&text)),
            Some(Ok(PageConfig { outputs: Some("https://b.example/x/".to_owned()), ..config }))
        );
    }

    #[test]
    fn existing_and_invalid_configurations_are_not_changed() {
        let source = r#""source":{"type":"http","url":"store/"}"#;
        for text in [
            format!(r#"{{{source},"outputs":{{"url":"feeds/"}}}}"#),
            format!(r#"{{{source},"outputs":null}}"#),
            format!("{{{source}"),
            "{}".to_owned(),
            "<!doctype html>".to_owned(),
        ] {
            assert_eq!(with_outputs(&text, "./"), None, "{text}");
        }
        assert_eq!(with_outputs(&format!("{{{source}}}"), "javascript:alert(1)"), None);
    }
}

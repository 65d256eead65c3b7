//! Where visitors of the page can read the feeds and the calendar.

use super::fields::Fields;
use super::links::is_relative;
use super::source::is_http_url;
use crate::json::Json;

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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::json;

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
}

//! Feeds as JSON Feed 1.1.

use serde::Serialize;

use super::feed::Feed;
use crate::civil::rfc3339;
use crate::object_name::OutputForm;

const VERSION: &str = "https://jsonfeed.org/version/1.1";

#[derive(Serialize)]
struct JsonFeed<'a> {
    version: &'static str,
    title: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    home_page_url: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    feed_url: Option<String>,
    language: &'static str,
    authors: [JsonAuthor<'a>; 1],
    items: Vec<JsonItem<'a>>,
}

#[derive(Serialize)]
struct JsonAuthor<'a> {
    name: &'a str,
}

#[derive(Serialize)]
struct JsonItem<'a> {
    id: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    url: Option<&'a str>,
    title: &'a str,
    content_html: &'a str,
    content_text: &'a str,
    date_published: String,
    date_modified: String,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    tags: Vec<&'a str>,
}

/// Returns a feed as JSON.
#[must_use]
pub fn to_json_feed(feed: &Feed) -> String {
    let page_url = feed.page_url.as_deref();
    let items = feed.entries.iter().map(|entry| JsonItem {
        id: &entry.id,
        url: page_url,
        title: &entry.title,
        content_html: &entry.html,
        content_text: &entry.text,
        date_published: rfc3339(entry.published),
        date_modified: rfc3339(entry.updated),
        tags: entry.subject.names(),
    });
    let json = JsonFeed {
        version: VERSION,
        title: &feed.title,
        home_page_url: page_url,
        feed_url: feed.own_url(&OutputForm::JsonFeed),
        language: "en",
        authors: [JsonAuthor { name: &feed.title }],
        items: items.collect(),
    };
    // Serializing strings cannot fail.
    serde_json::to_string(&json).unwrap_or_default()
}

//! Writes feeds in the format RSS 2.0.

use std::collections::BTreeMap;

use chrono::DateTime;
use rss::extension::Extension;
use rss::{Category, Channel, Guid, Item};
use shared::object_name::OutputForm;
use shared::outputs::{Feed, FeedEntry};
use shared::{SECOND, UnixNanos};

/// The namespace of the element with the feed's own URL, which RSS itself does not have.
const ATOM: &str = "http://www.w3.org/2005/Atom";

/// Returns a feed as XML.
pub(super) fn to_xml(feed: &Feed) -> Vec<u8> {
    let item = |entry: &FeedEntry| Item {
        title: Some(entry.title.clone()),
        link: feed.page_url.clone(),
        description: Some(entry.html.clone()),
        categories: entry.subject.names().into_iter().map(category).collect(),
        guid: Some(Guid { value: entry.id.clone(), permalink: false }),
        pub_date: Some(time(entry.published)),
        ..Item::default()
    };
    let mut channel = Channel {
        title: feed.title.clone(),
        // RSS requires a link. Without a page, use the feed's identity, which is a URI.
        link: feed.page_url.clone().unwrap_or_else(|| feed.id.clone()),
        description: format!("{}: incidents and outages", feed.title),
        language: Some("en".to_owned()),
        last_build_date: Some(time(feed.updated)),
        generator: Some("Checkup".to_owned()),
        items: feed.entries.iter().map(item).collect(),
        ..Channel::default()
    };
    if let Some(url) = feed.own_url(&OutputForm::Rss) {
        let attributes = [("href", url.as_str()), ("rel", "self"), ("type", OutputForm::Rss.media_type())];
        let attrs = attributes.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
        let link = Extension { name: "atom:link".to_owned(), value: None, attrs, children: BTreeMap::new() };
        channel.namespaces.insert("atom".to_owned(), ATOM.to_owned());
        channel.extensions.insert("atom".to_owned(), BTreeMap::from([("link".to_owned(), vec![link])]));
    }
    // Writing to memory cannot fail.
    channel.write_to(Vec::new()).unwrap_or_default()
}

fn category(name: &str) -> Category {
    Category { name: name.to_owned(), domain: None }
}

/// Formats a time as in email (RFC 2822).
fn time(at: UnixNanos) -> String {
    DateTime::from_timestamp(at.div_euclid(SECOND), 0).unwrap_or_default().to_rfc2822()
}

//! Feeds as Atom (RFC 4287).

use atom_syndication::{Category, Content, Entry, Feed as AtomFeed, FixedDateTime, Generator, Link, Person, Text};
use chrono::DateTime;
use shared::object_name::OutputForm;
use shared::outputs::{Feed, FeedEntry};
use shared::{SECOND, UnixNanos};

/// Returns a feed as XML. `form` determines the feed's own URL.
pub(super) fn to_xml(feed: &Feed, form: &OutputForm) -> Vec<u8> {
    let link = |rel: &str, href: &str, media_type: &str| Link {
        href: href.to_owned(),
        rel: rel.to_owned(),
        mime_type: Some(media_type.to_owned()),
        ..Link::default()
    };
    let own = feed.own_url(form).map(|url| link("self", &url, form.media_type()));
    let page = feed.page_url.as_deref().map(|url| link("alternate", url, "text/html"));
    let entry = |entry: &FeedEntry| Entry {
        title: Text::plain(entry.title.as_str()),
        id: entry.id.clone(),
        updated: time(entry.updated),
        published: Some(time(entry.published)),
        categories: entry.subject.names().into_iter().map(category).collect(),
        links: page.clone().into_iter().collect(),
        content: Some(Content {
            value: Some(entry.html.clone()),
            content_type: Some("html".to_owned()),
            ..Content::default()
        }),
        ..Entry::default()
    };
    let atom = AtomFeed {
        title: Text::plain(feed.title.as_str()),
        id: feed.id.clone(),
        updated: time(feed.updated),
        authors: vec![Person { name: feed.title.clone(), ..Person::default() }],
        generator: Some(Generator { value: "Checkup".to_owned(), ..Generator::default() }),
        links: own.into_iter().chain(page.clone()).collect(),
        entries: feed.entries.iter().map(entry).collect(),
        ..AtomFeed::default()
    };
    // Writing to memory cannot fail.
    atom.write_to(Vec::new()).unwrap_or_default()
}

fn category(name: &str) -> Category {
    Category { term: name.to_owned(), ..Category::default() }
}

/// Converts a time to whole seconds, which all readers understand.
fn time(at: UnixNanos) -> FixedDateTime {
    DateTime::from_timestamp(at.div_euclid(SECOND), 0).unwrap_or_default().fixed_offset()
}

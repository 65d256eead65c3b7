//! Computes the content of the Subscribe menu: feeds, the calendar, public channels and mailing lists.

use shared::object_name::{BadgeTitle, OutputForm};
use shared::page_config::appearance::Link;

use crate::i18n::{Text, texts};

/// The feeds with the names of their formats, which are the same in every language.
const FEEDS: [(&str, OutputForm); 3] =
    [("Atom", OutputForm::Atom), ("RSS", OutputForm::Rss), ("JSON Feed", OutputForm::JsonFeed)];

/// A heading of the menu, and the entries below it.
pub type SubscribeSection<'a> = (Text, Vec<SubscribeEntry<'a>>);

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SubscribeEntry<'a> {
    /// The text of an entry without a label.
    pub name: &'a str,
    /// The text of an entry that depends on the language.
    pub label: Option<Text>,
    pub url: String,
    pub kind: EntryKind,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EntryKind {
    Link,
    /// An address that other programs need, so visitors can copy it.
    Address,
    /// A link that opens in a calendar app, with the scheme `webcal:`.
    CalendarApp,
}

/// A link to a feed in the page's head.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FeedLink {
    pub media_type: &'static str,
    /// The name of the format.
    pub name: &'static str,
    pub url: String,
}

/// Returns the links to the feeds in the folder with this URL, which ends with a slash.
#[must_use]
pub fn feed_links(folder: &str) -> Vec<FeedLink> {
    let link =
        |(name, form): (_, OutputForm)| FeedLink { media_type: form.media_type(), name, url: url(folder, &form) };
    FEEDS.map(link).into()
}

/// Returns the URL of an endpoint's feed. Endpoints without a title have none.
#[must_use]
pub fn endpoint_feed(folder: &str, title: &str) -> Option<String> {
    (!title.is_empty()).then(|| url(folder, &OutputForm::EndpointAtom(BadgeTitle::new(title))))
}

/// Returns the content of the menu. `folder` is the URL of the folder with the feeds, if visitors can read it.
#[must_use]
pub fn sections<'a>(folder: Option<&str>, links: &'a [Link]) -> Vec<SubscribeSection<'a>> {
    let mut sections = Vec::new();
    if let Some(folder) = folder {
        let entry = |name, label, form: &OutputForm, kind| SubscribeEntry { name, label, url: url(folder, form), kind };
        let feeds = FEEDS.map(|(name, form)| entry(name, None, &form, EntryKind::Address));
        sections.push((texts::FEEDS, feeds.into()));
        let calendar = [
            entry("", Some(texts::ADD_TO_CALENDAR), &OutputForm::Calendar, EntryKind::CalendarApp),
            entry("iCalendar", None, &OutputForm::Calendar, EntryKind::Address),
        ];
        sections.push((texts::MAINTENANCE_CALENDAR, calendar.into()));
    }
    if !links.is_empty() {
        let entry = |link: &'a Link| SubscribeEntry {
            name: &link.text,
            label: None,
            url: link.url.clone(),
            kind: EntryKind::Link,
        };
        sections.push((texts::CHANNELS, links.iter().map(entry).collect()));
    }
    sections
}

fn url(folder: &str, form: &OutputForm) -> String {
    [folder, &form.to_string()].concat()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test_support::english;

    fn rows(sections: &[SubscribeSection<'_>]) -> Vec<String> {
        let row = |one: &SubscribeEntry<'_>| {
            let text = one.label.map_or(one.name, |label| english().text(label));
            format!("{text} {} {:?}", one.url, one.kind)
        };
        sections
            .iter()
            .flat_map(|(heading, entries)| {
                [english().text(*heading).to_owned()].into_iter().chain(entries.iter().map(row))
            })
            .collect()
    }

    #[test]
    fn the_menu_has_feeds_the_calendar_and_channels() {
        let links = [Link { text: "Telegram".to_owned(), url: "https://t.me/example".to_owned() }];
        assert_eq!(
            rows(&sections(Some("feeds/"), &links)),
            [
                "Feeds",
                "Atom feeds/feed.atom Address",
                "RSS feeds/feed.rss Address",
                "JSON Feed feeds/feed.json Address",
                "Maintenance calendar",
                "Add to a calendar app feeds/maintenance.ics CalendarApp",
                "iCalendar feeds/maintenance.ics Address",
                "Channels",
                "Telegram https://t.me/example Link",
            ]
        );
    }

    #[test]
    fn without_outputs_the_menu_has_only_channels() {
        let links = [Link { text: "List".to_owned(), url: "mailto:join@lists.example".to_owned() }];
        assert_eq!(rows(&sections(None, &links)), ["Channels", "List mailto:join@lists.example Link"]);
        assert_eq!(sections(None, &[]), []);
    }

    #[test]
    fn the_head_has_a_link_for_each_format() {
        let links = feed_links("./");
        let atom = FeedLink { media_type: "application/atom+xml", name: "Atom", url: "./feed.atom".to_owned() };
        assert_eq!((links.len(), &links[0]), (3, &atom));
    }

    #[test]
    fn endpoints_have_their_own_feeds() {
        let feed = |title| endpoint_feed("https://status.example/", title);
        assert_eq!(feed("Billing API").as_deref(), Some("https://status.example/endpoint/Billing__API.atom"));
        assert_eq!(feed("../x?").as_deref(), Some("https://status.example/endpoint/_2e_2e_2fx_3f.atom"));
        assert_eq!(feed(""), None);
    }
}

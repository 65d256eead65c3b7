//! Feeds: an entry for each update of an incident, and two entries for each measured outage.

use super::index::OutputIndex;
use super::outages::NamedOutage;
use super::text::{list, minute, scopes};
use super::{ENTRY_LIMIT, RETENTION};
use crate::UnixNanos;
use crate::announced::Posted;
use crate::duration::format_coarse;
use crate::message::{Message, escape_html};
use crate::object_name::{NodeName, OutputForm};
use crate::page_config::appearance::group_titles;
use crate::post::incident::{Incident, Update};
use crate::post::{Affected, impact_on};
use crate::status::Status;

/// What feeds are built from.
#[derive(Debug, Clone, Copy)]
pub struct FeedSource<'a> {
    /// The title of the page.
    pub title: &'a str,
    /// The node that writes the feeds.
    pub node: &'a NodeName,
    /// The public URL of the page, with a trailing slash.
    pub page_url: Option<&'a str>,
    /// The identities of the feeds and entries.
    pub index: &'a OutputIndex,
    /// The measured outages of all endpoints.
    pub outages: &'a [NamedOutage],
    /// The state of all posts, and the groups of the page.
    pub posted: Posted<'a>,
}

/// A feed in no particular format.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Feed {
    /// The identity, which is a `tag:` URI.
    pub id: String,
    /// The title, as plain text.
    pub title: String,
    /// When an entry last changed, or when the index was created if there are no entries.
    pub updated: UnixNanos,
    /// The public URL of the page.
    pub page_url: Option<String>,
    /// The entries, with the newest one first.
    pub entries: Vec<FeedEntry>,
}

/// An entry of a feed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FeedEntry {
    /// The identity, which is a `tag:` URI.
    pub id: String,
    /// The title, as plain text.
    pub title: String,
    /// The content as plain text.
    pub text: String,
    /// The content as HTML, which contains only the elements that posts can contain.
    pub html: String,
    /// When the reported event happened.
    pub published: UnixNanos,
    /// When the entry last changed. It is never earlier than `published`.
    pub updated: UnixNanos,
    /// The endpoints that the entry is about.
    pub subject: FeedSubject,
}

/// The endpoints that an entry of a feed is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FeedSubject {
    /// The endpoints with this title.
    Endpoint(String),
    /// The endpoints and groups that a post affects. An empty list means all endpoints.
    Affected(Vec<Affected>),
}

impl FeedSubject {
    /// Returns whether the entry is about an endpoint. `groups` contains the titles of its groups.
    fn includes(&self, title: &str, groups: &[&str]) -> bool {
        match self {
            FeedSubject::Endpoint(own) => own == title,
            FeedSubject::Affected(affects) => affects.is_empty() || impact_on(affects, title, groups).is_some(),
        }
    }

    /// Returns the names of the endpoints and groups, for categories and tags.
    #[must_use]
    pub fn names(&self) -> Vec<&str> {
        match self {
            FeedSubject::Endpoint(title) => vec![title],
            FeedSubject::Affected(affects) => affects.iter().map(|affected| affected.scope.0.as_str()).collect(),
        }
    }
}

impl Feed {
    /// Builds the feed of all endpoints.
    #[must_use]
    pub fn new(source: &FeedSource<'_>, now: UnixNanos) -> Feed {
        let id = format!("feed/{}/{}", source.node, source.index.created);
        Feed::with_entries(source, &id, source.title.to_owned(), source.entries(now))
    }

    /// Builds the feed of the endpoints with this title.
    #[must_use]
    pub fn of_endpoint(source: &FeedSource<'_>, title: &str, form: &OutputForm, now: UnixNanos) -> Feed {
        let groups = group_titles(source.posted.groups, title);
        let mut entries = source.entries(now);
        entries.retain(|entry| entry.subject.includes(title, &groups));
        let id = format!("feed/{}/{}/{form}", source.node, source.index.created);
        Feed::with_entries(source, &id, format!("{title} – {}", source.title), entries)
    }

    fn with_entries(source: &FeedSource<'_>, id: &str, title: String, mut entries: Vec<FeedEntry>) -> Feed {
        entries.sort_by(|one, other| other.published.cmp(&one.published).then_with(|| one.id.cmp(&other.id)));
        entries.truncate(ENTRY_LIMIT);
        let created = source.index.created;
        Feed {
            id: source.index.tag(created, id),
            title,
            updated: entries.iter().map(|entry| entry.updated).max().unwrap_or(created),
            page_url: source.page_url.map(str::to_owned),
            entries,
        }
    }

    /// Returns the feed's own URL in this form, if the outputs are next to the page.
    #[must_use]
    pub fn own_url(&self, form: &OutputForm) -> Option<String> {
        self.page_url.as_ref().map(|url| format!("{url}{form}"))
    }
}

impl FeedSource<'_> {
    /// Returns all entries, in no particular order.
    fn entries(&self, now: UnixNanos) -> Vec<FeedEntry> {
        let from = now.saturating_sub(RETENTION);
        let mut entries = Vec::new();
        for incident in &self.posted.announcements.incidents {
            let recent = incident.updates.iter().filter(|update| update.at <= now && update.at > from);
            entries.extend(recent.map(|update| self.update(incident, update)));
        }
        for outage in self.outages {
            if outage.span.start > from {
                entries.push(self.beginning(outage));
            }
            if let Some(next) = outage.next {
                entries.push(self.end(outage, next));
            }
        }
        entries
    }

    fn update(&self, incident: &Incident, update: &Update) -> FeedEntry {
        let (title, message) = (incident.display_title(), Message::parse(&update.text));
        let affects = scopes(&incident.affects);
        let affects = if affects.is_empty() { affects } else { format!("Affects {affects}") };
        let parts = [message.text(), affects.clone()];
        let text = parts.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join("\n\n");
        let mut html = message.to_html();
        if !affects.is_empty() {
            html = format!("{html}<p>{}</p>", escape_html(&affects));
        }
        FeedEntry {
            id: self.index.tag(update.id.posted_at, &format!("update/{}", update.id)),
            title: match update.state {
                Some(state) => format!("{title}: {}", state.as_str()),
                None if update.id == incident.id => title.to_owned(),
                None => format!("{title}: update"),
            },
            text,
            html,
            published: update.at,
            updated: update.revised_at.max(update.at),
            subject: FeedSubject::Affected(incident.affects.clone()),
        }
    }

    fn beginning(&self, outage: &NamedOutage) -> FeedEntry {
        let planned = if outage.is_planned { " (planned)" } else { "" };
        let title = format!("{} {}{planned}", outage.key.title, began(outage));
        let mut text = format!("Since {}", minute(outage.span.start));
        if !outage.nodes.is_empty() {
            text = format!("{text}, reported by {}", list(outage.nodes.iter().cloned()));
        }
        if let Some(reason) = &outage.reason {
            text = format!("{text}: {reason}");
        }
        self.outage_entry(outage, "began", title, text, outage.span.start)
    }

    fn end(&self, outage: &NamedOutage, next: Status) -> FeedEntry {
        let (name, was) = (&outage.key.title, was(outage));
        let (start, end) = (outage.span.start, outage.span.end);
        let length = format_coarse(end.saturating_sub(start));
        let title = match next {
            Status::Healthy => format!("{name} is healthy again after {length}"),
            next => format!("{name} {was} for {length}, then {}", next.as_str()),
        };
        let text = format!("{name} {was} for {length}, from {} to {}.", minute(start), minute(end));
        self.outage_entry(outage, "ended", title, text, end)
    }

    fn outage_entry(&self, outage: &NamedOutage, part: &str, title: String, text: String, at: UnixNanos) -> FeedEntry {
        FeedEntry {
            id: self.index.tag(outage.id, &format!("{}/{part}", outage.path())),
            title,
            html: format!("<p>{}</p>", escape_html(&text)),
            text,
            published: at,
            updated: at,
            subject: FeedSubject::Endpoint(outage.key.title.clone()),
        }
    }
}

fn began(outage: &NamedOutage) -> &'static str {
    match outage.span.status {
        Status::Down => "is down",
        _ if outage.is_partial => "has a partial outage",
        _ => "is degraded",
    }
}

fn was(outage: &NamedOutage) -> &'static str {
    match outage.span.status {
        Status::Down => "was down",
        _ if outage.is_partial => "had a partial outage",
        _ => "was degraded",
    }
}

//! The open incidents, the maintenance that is in progress or planned soon, and the current messages, for programs and for
//! clients without JavaScript. The page shows them at its top.

use std::collections::BTreeMap;

use serde::ser::SerializeStruct as _;
use serde::{Deserialize, Serialize, Serializer};

use crate::message::Message;
use crate::page_config::appearance::{Group, group_titles};
use crate::post::fold::Announcements;
use crate::post::incident::Incident;
use crate::post::maintenance::{Maintenance, Window};
use crate::post::notice::Notice;
use crate::post::{Affected, PlannedWork, PostId, impact_on};
use crate::serialize_time::write_time;
use crate::uptime::Span;
use crate::{DAY, Nanos, UnixNanos};

/// How far ahead planned maintenance is included.
pub const PLANNED_WITHIN: Nanos = 7 * DAY;

/// The maximum number of incidents, of windows and of messages from one author, so that no author crowds out another.
const AUTHOR_LIMIT: usize = 10;

/// The maximum number of characters of a text, without its markup.
const TEXT_LIMIT: usize = 2_000;

/// The open incidents, the windows and the messages to show now.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
pub struct Announced {
    /// The open incidents, newest first.
    pub incidents: Vec<OpenIncident>,
    /// The windows in progress, and then those that begin within [`PLANNED_WITHIN`].
    pub maintenance: Vec<AnnouncedWindow>,
    /// The messages that have not ended, newest first.
    #[serde(default)]
    pub messages: Vec<CurrentMessage>,
}

/// An incident that has not ended.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct OpenIncident {
    /// The identity of the incident.
    pub id: String,
    /// The author of the newest update.
    pub author: String,
    /// The current title, as plain text.
    pub title: String,
    /// The name of the current state.
    pub state: String,
    /// The titles of the affected endpoints and groups, and the declared impacts.
    pub affects: BTreeMap<String, String>,
    /// The time at which the incident began.
    pub since: UnixNanos,
    /// When the newest update applies.
    pub updated: UnixNanos,
    /// The newest text, without markup.
    pub text: String,
}

/// A maintenance window that is in progress or planned.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct AnnouncedWindow {
    /// The identity of the maintenance.
    pub id: String,
    /// The author of the latest post.
    pub author: String,
    /// The current title, as plain text.
    pub title: String,
    /// The titles of the affected endpoints and groups, and the expected impacts.
    pub affects: BTreeMap<String, String>,
    /// The time at which the window begins.
    pub start: UnixNanos,
    /// The time at which the window ends.
    pub end: UnixNanos,
    /// Whether the window is in progress.
    pub in_progress: bool,
    /// Whether the window was announced after it began.
    pub announced_afterwards: bool,
    /// The description as text without markup.
    pub text: String,
}

/// A message that has not ended.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct CurrentMessage {
    /// The identity of the message.
    pub id: String,
    /// The author of the latest post.
    pub author: String,
    /// The titles of the endpoints and groups that the message is about, without impacts. Empty for all endpoints.
    pub affects: BTreeMap<String, String>,
    /// The time from which the message is shown.
    pub since: UnixNanos,
    /// The time at which the message ends.
    pub until: UnixNanos,
    /// The text without markup.
    pub text: String,
}

/// How many incidents, windows and messages are left out of [`Announced`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct LeftOut {
    /// The number of open incidents.
    pub incidents: usize,
    /// The number of maintenance windows.
    pub maintenance: usize,
    /// The number of messages that have not ended.
    pub messages: usize,
}

/// Everything that could be shown now, in the order of [`Announced`].
struct Current<'a> {
    incidents: Vec<&'a Incident>,
    in_progress: Vec<(&'a Maintenance, Window)>,
    planned: Vec<(&'a Maintenance, Window)>,
    messages: Vec<&'a Notice>,
}

impl<'a> Current<'a> {
    fn new(announcements: &'a Announcements, now: UnixNanos) -> Current<'a> {
        let current = announcements.current_maintenance(now);
        let planned = announcements.upcoming_maintenance(now, PLANNED_WITHIN).into_iter();
        Current {
            incidents: announcements.open_incidents().filter(|incident| incident.began <= now).collect(),
            in_progress: current.filter_map(|maintenance| Some((maintenance, maintenance.current(now)?))).collect(),
            planned: planned.filter_map(|maintenance| Some((maintenance, maintenance.next(now)?))).collect(),
            messages: announcements.messages.iter().filter(|message| message.is_active(now)).collect(),
        }
    }
}

impl Announced {
    /// Selects what to show now.
    #[must_use]
    pub fn new(announcements: &Announcements, now: UnixNanos) -> Announced {
        let Current { incidents, in_progress, planned, messages } = Current::new(announcements, now);
        let incidents = limited(incidents, |incident| &incident.id);
        let in_progress = limited(in_progress, |(maintenance, _)| &maintenance.id);
        let planned = limited(planned, |(maintenance, _)| &maintenance.id);
        let messages = limited(messages, |message| &message.id);
        let windows = in_progress.into_iter().chain(planned);
        Announced {
            incidents: incidents.into_iter().map(OpenIncident::new).collect(),
            maintenance: windows.map(|(maintenance, window)| AnnouncedWindow::new(maintenance, window, now)).collect(),
            messages: messages.into_iter().map(CurrentMessage::new).collect(),
        }
    }

    /// Counts the incidents, windows and messages that are left out, because their author has posted too many.
    #[must_use]
    pub fn left_out(&self, announcements: &Announcements, now: UnixNanos) -> LeftOut {
        let Current { incidents, in_progress, planned, messages } = Current::new(announcements, now);
        LeftOut {
            incidents: incidents.len().saturating_sub(self.incidents.len()),
            maintenance: (in_progress.len() + planned.len()).saturating_sub(self.maintenance.len()),
            messages: messages.len().saturating_sub(self.messages.len()),
        }
    }

    /// Returns whether an incident, maintenance or a message is included.
    #[must_use]
    pub fn contains(&self, id: &PostId) -> bool {
        let id = id.to_string();
        self.incidents.iter().any(|incident| incident.id == id)
            || self.maintenance.iter().any(|window| window.id == id)
            || self.messages.iter().any(|message| message.id == id)
    }

    /// Returns whether there is nothing to show.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.incidents.is_empty() && self.maintenance.is_empty() && self.messages.is_empty()
    }
}

/// Limits how many items of each author are included.
fn limited<T>(all: Vec<T>, id: impl Fn(&T) -> &PostId) -> Vec<T> {
    let mut counts = BTreeMap::new();
    let is_included = |item: &T| {
        let count: &mut usize = counts.entry(id(item).author.clone()).or_default();
        *count += 1;
        *count <= AUTHOR_LIMIT
    };
    all.into_iter().filter(is_included).collect()
}

impl OpenIncident {
    fn new(incident: &Incident) -> OpenIncident {
        let newest = incident.updates.last();
        let with_text = incident.updates.iter().rev().find(|update| !update.text.is_empty());
        OpenIncident {
            id: incident.id.to_string(),
            author: newest.map_or(&incident.id.author, |update| &update.author).to_string(),
            title: incident.display_title().to_owned(),
            state: incident.state.as_str().to_owned(),
            affects: affects(&incident.affects),
            since: incident.began,
            updated: newest.map_or(incident.began, |update| update.at),
            text: with_text.map(|update| plain_text(&update.text)).unwrap_or_default(),
        }
    }
}

impl AnnouncedWindow {
    fn new(maintenance: &Maintenance, window: Window, now: UnixNanos) -> AnnouncedWindow {
        AnnouncedWindow {
            id: maintenance.id.to_string(),
            author: maintenance.author.to_string(),
            title: maintenance.display_title().to_owned(),
            affects: affects(&maintenance.affects),
            start: window.start,
            end: window.end,
            in_progress: window.contains(now),
            announced_afterwards: !window.is_announced_before(),
            text: plain_text(&maintenance.text),
        }
    }
}

impl CurrentMessage {
    fn new(message: &Notice) -> CurrentMessage {
        CurrentMessage {
            id: message.id.to_string(),
            author: message.author.to_string(),
            affects: affects(&message.affects),
            since: message.from,
            until: message.until,
            text: plain_text(&message.text),
        }
    }
}

fn affects(affected: &[Affected]) -> BTreeMap<String, String> {
    affected.iter().map(|one| (one.scope.0.clone(), one.impact.as_str().to_owned())).collect()
}

fn plain_text(html: &str) -> String {
    Message::parse(html).text().chars().take(TEXT_LIMIT).collect()
}

/// The state of all posts, and the groups of the page, which posts can name.
#[derive(Debug, Clone, Copy)]
pub struct Posted<'a> {
    /// The state of all posts.
    pub announcements: &'a Announcements,
    /// The groups of the page.
    pub groups: &'a [Group],
}

impl Posted<'_> {
    /// Returns the maintenance that was announced for an endpoint before it began. `spans` are the endpoint's spans.
    #[must_use]
    pub fn planned(&self, title: &str, spans: &[Span]) -> PlannedWork {
        PlannedWork::new(&self.announcements.maintenance, title, &group_titles(self.groups, title), spans)
    }

    /// Returns the identities of the open incidents that affect an endpoint.
    #[must_use]
    pub fn open_incidents(&self, title: &str, now: UnixNanos) -> Vec<String> {
        let groups = group_titles(self.groups, title);
        let open = self.announcements.open_incidents().filter(|incident| incident.began <= now);
        let is_affecting = |incident: &&Incident| {
            incident.affects.is_empty() || impact_on(&incident.affects, title, &groups).is_some()
        };
        open.filter(is_affecting).map(|incident| incident.id.to_string()).take(AUTHOR_LIMIT).collect()
    }
}

impl Serialize for Announced {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut fields = serializer.serialize_struct("Announced", 3)?;
        fields.serialize_field("incidents", &self.incidents)?;
        fields.serialize_field("maintenance", &self.maintenance)?;
        fields.serialize_field("messages", &self.messages)?;
        fields.end()
    }
}

impl Serialize for OpenIncident {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut fields = serializer.serialize_struct("OpenIncident", 10)?;
        fields.serialize_field("id", &self.id)?;
        fields.serialize_field("author", &self.author)?;
        fields.serialize_field("title", &self.title)?;
        fields.serialize_field("state", &self.state)?;
        fields.serialize_field("affects", &self.affects)?;
        write_time(&mut fields, "since", "since_rfc3339", Some(self.since))?;
        write_time(&mut fields, "updated", "updated_rfc3339", Some(self.updated))?;
        fields.serialize_field("text", &self.text)?;
        fields.end()
    }
}

impl Serialize for AnnouncedWindow {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut fields = serializer.serialize_struct("AnnouncedWindow", 11)?;
        fields.serialize_field("id", &self.id)?;
        fields.serialize_field("author", &self.author)?;
        fields.serialize_field("title", &self.title)?;
        fields.serialize_field("affects", &self.affects)?;
        write_time(&mut fields, "start", "start_rfc3339", Some(self.start))?;
        write_time(&mut fields, "end", "end_rfc3339", Some(self.end))?;
        fields.serialize_field("in_progress", &self.in_progress)?;
        fields.serialize_field("announced_afterwards", &self.announced_afterwards)?;
        fields.serialize_field("text", &self.text)?;
        fields.end()
    }
}

impl Serialize for CurrentMessage {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut fields = serializer.serialize_struct("CurrentMessage", 8)?;
        fields.serialize_field("id", &self.id)?;
        fields.serialize_field("author", &self.author)?;
        fields.serialize_field("affects", &self.affects)?;
        write_time(&mut fields, "since", "since_rfc3339", Some(self.since))?;
        write_time(&mut fields, "until", "until_rfc3339", Some(self.until))?;
        fields.serialize_field("text", &self.text)?;
        fields.end()
    }
}

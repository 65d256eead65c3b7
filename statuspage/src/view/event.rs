//! The events of the timeline, and the announcements that they contain.

use std::sync::Arc;

use shared::UnixNanos;
use shared::message::Node;
use shared::status::Status;

use super::messages::MessageView;
use crate::url_state::Shown;

/// The maximum number of different errors that an event lists.
pub(super) const REASONS_LIMIT: usize = 3;

/// An event of the timeline.
#[derive(Debug, Clone, PartialEq)]
pub struct EventView {
    /// The start time in RFC 3339 format.
    pub datetime: String,
    /// The start time in the visitor's time zone: `14:02`.
    pub clock: String,
    /// The ids of the endpoints that the event is about, or an empty list if it is about all of them.
    pub about: Vec<usize>,
    pub kind: EventKind,
}

#[derive(Debug, Clone, PartialEq)]
pub enum EventKind {
    /// Endpoints were not healthy, or no checks ran.
    Change {
        status: Status,
        is_partial: bool,
        /// Whether announced maintenance covers the outages.
        is_planned: bool,
        /// The names of the affected endpoints.
        subject: String,
        /// The description, such as `down for 4 min, until 14:06`.
        text: String,
        /// The distinct errors, at most [`REASONS_LIMIT`].
        reasons: Vec<String>,
        /// The address of the first endpoint and the start of its outage, which the page's URL can contain.
        link: Option<(String, UnixNanos)>,
    },
    Message(Arc<MessageView>),
    /// An incident with its outages, or a maintenance window.
    Announcement(Arc<AnnouncementView>),
}

/// An incident or planned maintenance.
#[derive(Debug, Clone, PartialEq)]
pub struct AnnouncementView {
    /// What the title links to.
    pub link: Shown,
    pub phase: Phase,
    pub title: String,
    /// State, time and affected endpoints on one line.
    pub summary: String,
    /// The updates, newest first; for planned maintenance, its text and windows.
    pub entries: Vec<EntryView>,
    /// The label of all entries but the first, which are folded, or an empty string if none are folded.
    pub earlier: String,
    /// The outages that were measured meanwhile, newest first.
    pub measured: Vec<Arc<EventView>>,
    /// The ids of the affected endpoints.
    pub about: Vec<usize>,
}

/// How far an announcement has progressed, for style sheets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    /// An incident that has not ended.
    Open,
    /// An incident that has ended.
    Resolved,
    /// Planned maintenance, at any time.
    Maintenance,
}

impl Phase {
    /// Returns the SVG path in a box of 16 by 16 units: a speech bubble with an exclamation mark, a check mark or a
    /// calendar.
    #[must_use]
    pub fn outline(self) -> &'static str {
        match self {
            Phase::Open => "M1 2h14v10H7.5L4 15.5V12H1ZM7 4v4h2V4ZM7 9v2h2V9Z",
            Phase::Resolved => "M6.2 13.5 1 8.3l1.9-1.9 3.3 3.3 6.9-6.9L15 4.7Z",
            Phase::Maintenance => "M2 3h2V1h2v2h4V1h2v2h2v12H2ZM4 7v6h8V7Z",
        }
    }

    /// Returns the value in the document.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Phase::Open => "open",
            Phase::Resolved => "resolved",
            Phase::Maintenance => "maintenance",
        }
    }
}

/// An update of an incident, the text of planned maintenance, or a window.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EntryView {
    /// The new state, or an empty string.
    pub label: String,
    /// The text, which contains only allowed elements.
    pub nodes: Vec<Node>,
    /// The time in RFC 3339 format.
    pub datetime: String,
    /// The time in the visitor's time zone and language.
    pub when: String,
    /// The author, and remarks such as `edited`.
    pub remarks: String,
}

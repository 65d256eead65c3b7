//! Incidents, as computed from their posts.

use super::entry::{CurrentPost, Latest};
use super::{Affected, Details, KEPT_FOR, PostId};
use crate::object_name::NodeName;
use crate::{DAY, UnixNanos};

/// How far the work on an incident has progressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum IncidentState {
    /// The cause is not known yet.
    Investigating,
    /// The cause is known and is being fixed.
    Identified,
    /// A fix is in place and is being observed.
    Monitoring,
    /// The incident has ended, and everything works.
    Resolved,
    /// An analysis, posted after the incident was resolved.
    Postmortem,
}

impl IncidentState {
    /// All states, in their usual order.
    pub const ALL: [IncidentState; 5] = [
        IncidentState::Investigating,
        IncidentState::Identified,
        IncidentState::Monitoring,
        IncidentState::Resolved,
        IncidentState::Postmortem,
    ];

    /// Returns the state's name in posts and commands.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            IncidentState::Investigating => "investigating",
            IncidentState::Identified => "identified",
            IncidentState::Monitoring => "monitoring",
            IncidentState::Resolved => "resolved",
            IncidentState::Postmortem => "postmortem",
        }
    }

    /// Returns whether an incident in this state has ended.
    #[must_use]
    pub fn is_closed(self) -> bool {
        matches!(self, IncidentState::Resolved | IncidentState::Postmortem)
    }
}

/// An incident with all its updates.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Incident {
    /// The identity of the incident, which is that of its first post.
    pub id: PostId,
    /// The current title. It is empty if no post that was read has one.
    pub title: String,
    /// The state according to the latest update.
    pub state: IncidentState,
    /// The endpoints that are affected according to the latest post.
    pub affects: Vec<Affected>,
    /// When the incident began, which can be before its first post.
    pub began: UnixNanos,
    /// When the incident ended, or `None` if it is open.
    pub ended: Option<UnixNanos>,
    /// The updates in the order of their times.
    pub updates: Vec<Update>,
    /// Whether the first post was read. Without it, the incident counts as resolved.
    pub is_complete: bool,
}

/// One update of an incident.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Update {
    /// The identity of the post. For an edited post, that of the original.
    pub id: PostId,
    /// The author of the current version.
    pub author: NodeName,
    /// The state that the update sets, if any.
    pub state: Option<IncidentState>,
    /// The text, in the HTML subset of [`crate::message`].
    pub text: String,
    /// When the update applies, according to its author.
    pub at: UnixNanos,
    /// When the update was stored, if the author assigned it an earlier time.
    pub posted_later: Option<UnixNanos>,
    /// When the current version was stored.
    pub revised_at: UnixNanos,
    /// Whether a later post replaced the original text.
    pub is_edited: bool,
}

impl Incident {
    /// Computes an incident that began at the time of its first entry from all entries, which are in the order of their
    /// times.
    pub(super) fn new(id: PostId, began: UnixNanos, entries: &[CurrentPost<'_>], latest: &Latest<'_>) -> Incident {
        let mut incident = Incident {
            id,
            title: latest.title.to_owned(),
            state: IncidentState::Investigating,
            affects: latest.affects.to_vec(),
            began,
            ended: None,
            updates: Vec::new(),
            is_complete: entries.iter().any(|entry| entry.original.is_first()),
        };
        for entry in entries {
            let post = entry.post;
            let Details::Incident { state, began, ended } = &post.details else { continue };
            incident.began = began.unwrap_or(incident.began);
            if let Some(state) = *state {
                // An analysis does not change when the incident ended.
                let ended = ended.or(incident.ended).unwrap_or(entry.at);
                incident.ended = state.is_closed().then_some(ended);
                incident.state = state;
            }
            incident.updates.push(Update {
                id: entry.original.id.clone(),
                author: post.id.author.clone(),
                state: *state,
                text: post.text.clone().unwrap_or_default(),
                at: entry.at,
                posted_later: entry.posted_later(),
                revised_at: post.id.posted_at,
                is_edited: entry.original.id != post.id,
            });
        }
        // Its author has erased the first post, and does not resolve what remains.
        if !incident.is_complete && incident.ended.is_none() {
            incident.ended = entries.last().map(|entry| entry.at);
            incident.state = IncidentState::Resolved;
        }
        incident.ended = incident.ended.map(|ended| ended.max(incident.began));
        incident
    }

    /// Returns the title. It is `Untitled incident` if no post that was read has a title, for example because the first
    /// one is invalid.
    #[must_use]
    pub fn display_title(&self) -> &str {
        if self.title.is_empty() { "Untitled incident" } else { &self.title }
    }

    /// Returns whether the incident has not ended yet.
    #[must_use]
    pub fn is_open(&self) -> bool {
        self.ended.is_none()
    }

    /// Returns whether the incident must stay in the digest although it is closed.
    pub(super) fn is_recent(&self, now: UnixNanos) -> bool {
        self.ended.is_none_or(|ended| ended.saturating_add(KEPT_FOR) > now)
    }

    /// Returns whether the incident ended within the last day, so that the page still shows it below the headline.
    #[must_use]
    pub fn ended_recently(&self, now: UnixNanos) -> bool {
        self.ended.is_some_and(|ended| ended.saturating_add(DAY) > now)
    }
}

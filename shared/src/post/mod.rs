//! Posts: what people write about endpoints, as incidents, maintenance windows, silences and messages.
//!
//! A post is immutable and has its own object. Later posts change the content of earlier ones, and [`fold`] computes the
//! current state from the set of all posts, in any order. Readers do not list posts. They read one [`digest`] per
//! author, which contains all of the author's posts that still matter.

mod authors;
pub mod digest;
mod entry;
pub mod fold;
mod format;
pub mod incident;
pub mod maintenance;
pub mod notice;
mod order;
mod planned;
mod scope;

pub use self::authors::Authors;
pub use self::format::InvalidPost;
pub use self::incident::IncidentState;
pub use self::maintenance::{MaintenanceChange, MaintenancePlan};
pub use self::planned::PlannedWork;
pub(crate) use self::planned::not_before;
pub use self::scope::{Affected, Impact, Scope, impact_on};
pub use crate::object_name::{PostId, PostKind};
use crate::{DAY, Nanos, UnixNanos};

/// The maximum length of a post's text, in characters of HTML.
pub const TEXT_LIMIT: usize = 20_000;

/// The maximum length of a post's title, in characters.
pub const TITLE_LIMIT: usize = 200;

/// The maximum number of scopes that a post can name.
pub const SCOPES_LIMIT: usize = 500;

/// The maximum number of windows of a plan, which is more than four per day for 400 days.
pub const WINDOWS_LIMIT: usize = 2_000;

/// How long posts stay in the digest after the end of what they are about.
pub const KEPT_FOR: Nanos = 400 * DAY;

/// One post. Everything but its identity and subject is optional, because a post contains only what it changes.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Post {
    /// The identity of the post, which is part of its object's name.
    pub id: PostId,
    /// The first post of the incident, maintenance, silence or message that this post belongs to.
    pub subject: PostId,
    /// The earlier post that this post changes.
    pub edit: Option<Edit>,
    /// The new title.
    pub title: Option<String>,
    /// The endpoints that are affected from now on.
    pub affects: Option<Vec<Affected>>,
    /// The text, in the HTML subset of [`crate::message`].
    pub text: Option<String>,
    /// The time that the author assigned to the post, if it differs from the time when it was stored.
    pub at: Option<UnixNanos>,
    /// The part that depends on the kind of post.
    pub details: Details,
}

/// A change to an earlier post by its author or an editor.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Edit {
    /// The post replaces an earlier one completely.
    Replaces(PostId),
    /// An earlier post does not count from now on.
    Withdraws(PostId),
}

/// The part of a post that depends on its kind.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Details {
    /// Part of an incident.
    Incident {
        /// The new state.
        state: Option<IncidentState>,
        /// When the incident began, if that is not the time of its first post.
        began: Option<UnixNanos>,
        /// When the incident ended, if that is not the time of the post that resolves it.
        ended: Option<UnixNanos>,
    },
    /// Part of planned maintenance.
    Maintenance {
        /// The plan, with all windows.
        plan: Option<MaintenancePlan>,
        /// A change to one or all windows.
        change: Option<MaintenanceChange>,
    },
    /// A silence, or a change to it.
    Silence {
        /// The time at which the silence ends.
        until: Option<UnixNanos>,
    },
    /// A message, or a change to it.
    Message {
        /// When the message disappears from the page.
        until: Option<UnixNanos>,
    },
}

impl Post {
    /// Returns the post's kind, which is part of its object's name.
    #[must_use]
    pub fn kind(&self) -> PostKind {
        match self.details {
            Details::Incident { .. } => PostKind::Incident,
            Details::Maintenance { .. } => PostKind::Maintenance,
            Details::Silence { .. } => PostKind::Silence,
            Details::Message { .. } => PostKind::Message,
        }
    }

    /// Returns when the post applies: the time that the author assigned, or the time when it was stored.
    #[must_use]
    pub fn at(&self) -> UnixNanos {
        self.at.unwrap_or(self.id.posted_at)
    }

    /// Returns whether this is the first post of its subject.
    #[must_use]
    pub fn is_first(&self) -> bool {
        self.id == self.subject
    }
}

#[cfg(test)]
mod tests;

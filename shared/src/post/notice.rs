//! Silences and messages, as computed from their posts. Both apply from their first post until a given time.

use super::entry::{CurrentPost, Latest};
use super::{Affected, Details, KEPT_FOR, PostId};
use crate::object_name::NodeName;
use crate::{DAY, Nanos, UnixNanos};

/// How long a message without an end is shown, as in the original Checkup.
pub const MESSAGE_DURATION: Nanos = DAY;

/// How long an ended silence stays in the digest. Nodes that were offline can still learn that it applied.
const ENDED_SILENCE_KEPT_FOR: Nanos = 2 * DAY;

/// A silence or a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Notice {
    /// The identity of the notice, which is that of its first post.
    pub id: PostId,
    /// The author of the latest post.
    pub author: NodeName,
    /// The endpoints that it is about. An empty list means all endpoints.
    pub affects: Vec<Affected>,
    /// The text of a message, or the reason for a silence, in the HTML subset of [`crate::message`].
    pub text: String,
    /// The time at which the notice begins.
    pub from: UnixNanos,
    /// The time at which the notice ends.
    pub until: UnixNanos,
}

impl Notice {
    /// Computes a notice that begins at the time of its first entry from all entries, which are in the order of their
    /// times.
    pub(super) fn new(id: PostId, from: UnixNanos, entries: &[CurrentPost<'_>], latest: &Latest<'_>) -> Notice {
        let mut notice_until = from.saturating_add(MESSAGE_DURATION);
        for entry in entries {
            if let Details::Silence { until: Some(until) } | Details::Message { until: Some(until) } =
                entry.post.details
            {
                notice_until = until.max(from);
            }
        }
        Notice {
            id,
            author: latest.author.clone(),
            affects: latest.affects.to_vec(),
            text: latest.text.to_owned(),
            from,
            until: notice_until,
        }
    }

    /// Returns whether the notice applies now.
    #[must_use]
    pub fn is_active(&self, now: UnixNanos) -> bool {
        self.from <= now && now < self.until
    }

    /// Returns whether a silence must stay in the digest.
    pub(super) fn is_recent_silence(&self, now: UnixNanos) -> bool {
        self.until.saturating_add(ENDED_SILENCE_KEPT_FOR) > now
    }

    /// Returns whether a message must stay in the digest.
    pub(super) fn is_recent_message(&self, now: UnixNanos) -> bool {
        self.until.saturating_add(KEPT_FOR) > now
    }
}

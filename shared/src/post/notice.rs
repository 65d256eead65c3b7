//! Silences and messages, as computed from their posts. Both apply from their first post until a given time.

use super::fold::Entry;
use super::{Affected, Details, PostId};
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
    /// When the notice begins.
    pub from: UnixNanos,
    /// When the notice ends.
    pub until: UnixNanos,
}

impl Notice {
    /// Computes a notice from its entries, which are in the order of their times.
    pub(super) fn from_entries(id: PostId, entries: &[Entry<'_>]) -> Option<Notice> {
        let first = entries.first()?;
        let mut notice = Notice {
            id,
            author: first.post.id.author.clone(),
            affects: Vec::new(),
            text: String::new(),
            from: first.at,
            until: first.at.saturating_add(MESSAGE_DURATION),
        };
        for entry in entries {
            let post = entry.post;
            let (Details::Silence { until } | Details::Message { until }) = &post.details else { continue };
            notice.author = post.id.author.clone();
            if let Some(affects) = &post.affects {
                notice.affects.clone_from(affects);
            }
            if let Some(text) = &post.text {
                notice.text.clone_from(text);
            }
            notice.until = until.unwrap_or(notice.until).max(notice.from);
        }
        Some(notice)
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
        self.until.saturating_add(super::digest::KEPT_FOR) > now
    }
}

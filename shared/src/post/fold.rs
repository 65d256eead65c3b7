//! Computes the current state of incidents, maintenance, silences and messages from posts.
//!
//! The result depends only on the set of posts, not on their order or repetition, so readers can combine the digests of
//! all authors in any way.

use std::collections::BTreeMap;

use super::incident::Incident;
use super::maintenance::Maintenance;
use super::notice::Notice;
use super::{Edit, Post, PostId, PostKind};
use crate::object_name::NodeName;
use crate::quorum::CLOCK_TOLERANCE;
use crate::{MINUTE, Nanos, UnixNanos};

/// How much earlier than its storage an author can date a post without a remark.
const UNREMARKABLE_DELAY: Nanos = 5 * MINUTE;

/// The current state of everything that people posted.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Announcements {
    /// All incidents, newest first.
    pub incidents: Vec<Incident>,
    /// All maintenance, ordered by identity.
    pub maintenance: Vec<Maintenance>,
    /// All silences, ordered by identity.
    pub silences: Vec<Notice>,
    /// All messages, newest first.
    pub messages: Vec<Notice>,
}

/// A post in its current version.
#[derive(Debug, Clone, Copy)]
pub(super) struct Entry<'a> {
    /// The identity of the original post.
    pub(super) id: &'a PostId,
    /// The current version.
    pub(super) post: &'a Post,
    /// When the post applies.
    pub(super) at: UnixNanos,
}

impl Entry<'_> {
    /// Returns when the original post was stored, if the author assigned it a much earlier time.
    pub(super) fn posted_later(&self) -> Option<UnixNanos> {
        let posted_at = self.id.posted_at;
        (self.at.saturating_add(UNREMARKABLE_DELAY) < posted_at).then_some(posted_at)
    }
}

/// Computes the current state at the time `now`. Posts from the future are left out.
///
/// Only the author of a post and the `editors` can replace or withdraw it. Withdrawing the first post of an incident,
/// maintenance, silence or message withdraws all of it.
#[must_use]
pub fn fold<'a>(posts: impl IntoIterator<Item = &'a Post>, editors: &[NodeName], now: UnixNanos) -> Announcements {
    let latest = now.saturating_add(CLOCK_TOLERANCE);
    let mut by_id = BTreeMap::<&PostId, &Post>::new();
    for post in posts.into_iter().filter(|post| post.id.posted_at <= latest) {
        // Two posts with one identity come from a hostile store. Any rule works that does not depend on their order.
        by_id.entry(&post.id).and_modify(|known| *known = (*known).max(post)).or_insert(post);
    }
    let edits = latest_edits(&by_id, editors);
    let mut subjects = BTreeMap::<(PostKind, &PostId), Vec<Entry<'_>>>::new();
    for (id, original) in by_id.iter().filter(|(_, post)| post.edit.is_none()) {
        let post = match edits.get(id).copied() {
            Some(Post { edit: Some(Edit::Withdraws(_)), .. }) => continue,
            Some(edited) if edited.kind() == original.kind() => edited,
            _ => original,
        };
        let at = post.at.unwrap_or_else(|| original.at());
        subjects.entry((original.kind(), &original.subject)).or_default().push(Entry { id, post, at });
    }
    let mut announcements = Announcements::default();
    for ((kind, subject), mut entries) in subjects {
        if matches!(edits.get(subject), Some(Post { edit: Some(Edit::Withdraws(_)), .. })) {
            continue;
        }
        entries.sort_by_key(|entry| (entry.at, entry.id));
        let id = subject.clone();
        match kind {
            PostKind::Incident => announcements.incidents.extend(Incident::from_entries(id, &entries)),
            PostKind::Maintenance => announcements.maintenance.extend(Maintenance::from_entries(id, &entries)),
            PostKind::Silence => announcements.silences.extend(Notice::from_entries(id, &entries)),
            PostKind::Message => announcements.messages.extend(Notice::from_entries(id, &entries)),
        }
    }
    announcements.incidents.sort_by(|one, other| (other.began, &other.id).cmp(&(one.began, &one.id)));
    announcements.messages.sort_by(|one, other| (other.from, &other.id).cmp(&(one.from, &one.id)));
    announcements
}

/// Returns the latest valid edit of each original post.
fn latest_edits<'a>(by_id: &BTreeMap<&'a PostId, &'a Post>, editors: &[NodeName]) -> BTreeMap<&'a PostId, &'a Post> {
    let mut edits = BTreeMap::new();
    // The posts are in ascending order, so a later edit replaces an earlier one.
    for post in by_id.values() {
        let Some(original) = original_of(post, by_id) else { continue };
        if post.id.author == original.id.author || editors.contains(&post.id.author) {
            edits.insert(&original.id, *post);
        }
    }
    edits
}

/// Returns the original post that an edit changes, directly or through other edits. An edit must be later than the post
/// that it changes, so there are no cycles.
fn original_of<'a>(edit: &'a Post, by_id: &BTreeMap<&'a PostId, &'a Post>) -> Option<&'a Post> {
    let mut post = edit;
    while let Some(Edit::Replaces(target) | Edit::Withdraws(target)) = &post.edit {
        post = by_id.get(target).copied().filter(|earlier| earlier.id < post.id)?;
    }
    (post.id != edit.id).then_some(post)
}

impl Announcements {
    /// Returns the incidents that have not ended, newest first.
    pub fn open_incidents(&self) -> impl Iterator<Item = &Incident> {
        self.incidents.iter().filter(|incident| incident.is_open())
    }

    /// Returns the maintenance with a window in progress.
    pub fn current_maintenance(&self, now: UnixNanos) -> impl Iterator<Item = &Maintenance> {
        self.maintenance.iter().filter(move |maintenance| maintenance.current(now).is_some())
    }

    /// Returns the maintenance whose next window begins within `ahead` nanoseconds, soonest first.
    #[must_use]
    pub fn upcoming_maintenance(&self, now: UnixNanos, ahead: Nanos) -> Vec<&Maintenance> {
        let start = |maintenance: &&Maintenance| maintenance.next(now).map(|window| window.start);
        let is_soon = |maintenance: &&Maintenance| start(maintenance).is_some_and(|at| at <= now.saturating_add(ahead));
        let mut upcoming: Vec<&Maintenance> = self.maintenance.iter().filter(is_soon).collect();
        upcoming.sort_by_key(start);
        upcoming
    }
}

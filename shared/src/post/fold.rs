//! Computes the current state of incidents, maintenance, silences and messages from posts.
//!
//! The result depends only on the set of posts, not on their order or repetition, so readers can combine the digests of
//! all authors in any way.
//!
//! The page also runs this code, so it uses sorted lists, which make the page much smaller than maps.

use super::incident::Incident;
use super::maintenance::Maintenance;
use super::notice::Notice;
use super::order::{position_of, sort_by_id};
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
    let by_id = PostsById::new(posts.into_iter().filter(|post| post.id.posted_at <= latest));
    let edits = by_id.latest_edits(editors);
    let mut subjects: Vec<&PostId> = by_id.0.iter().map(|post| &post.subject).collect();
    sort_by_id(&mut subjects, |id| id);
    subjects.dedup();
    let mut entries = Vec::new();
    for (original, edit) in by_id.0.iter().zip(&edits).filter(|(post, _)| post.edit.is_none()) {
        let post = match *edit {
            Some(Post { edit: Some(Edit::Withdraws(_)), .. }) => continue,
            Some(edited) if edited.kind() == original.kind() => edited,
            _ => original,
        };
        let at = post.at.unwrap_or_else(|| original.at());
        entries.push((original.kind(), &original.subject, Entry { id: &original.id, post, at }));
    }
    // The entries are in the order of their ids, and sorting is stable.
    entries.sort_by_cached_key(|(.., entry)| entry.at);
    entries.sort_by_cached_key(|(_, subject, _)| position_of(&subjects, subject, |id| id).unwrap_or(0) as i64);
    entries.sort_by_cached_key(|(kind, ..)| *kind as i64);
    let mut announcements = Announcements::default();
    for group in entries.chunk_by(|one, other| (one.0, one.1) == (other.0, other.1)) {
        let Some((kind, subject, _)) = group.first().copied() else { continue };
        let edit = by_id.position(subject).and_then(|index| edits[index]);
        if matches!(edit, Some(Post { edit: Some(Edit::Withdraws(_)), .. })) {
            continue;
        }
        let own: Vec<Entry<'_>> = group.iter().map(|(.., entry)| *entry).collect();
        let id = subject.clone();
        match kind {
            PostKind::Incident => announcements.incidents.extend(Incident::from_entries(id, &own)),
            PostKind::Maintenance => announcements.maintenance.extend(Maintenance::from_entries(id, &own)),
            PostKind::Silence => announcements.silences.extend(Notice::from_entries(id, &own)),
            PostKind::Message => announcements.messages.extend(Notice::from_entries(id, &own)),
        }
    }
    announcements.incidents.reverse();
    announcements.incidents.sort_by_cached_key(|incident| latest_first(incident.began));
    announcements.messages.reverse();
    announcements.messages.sort_by_cached_key(|message| latest_first(message.from));
    announcements
}

/// Returns the versions of a post, oldest first: the original, and all valid edits. If the post is an edit itself,
/// returns the versions of the post that it changes. Returns nothing if the original is missing.
#[must_use]
pub fn versions<'a>(
    posts: impl IntoIterator<Item = &'a Post>,
    id: &PostId,
    editors: &[NodeName],
    now: UnixNanos,
) -> Vec<&'a Post> {
    let latest = now.saturating_add(CLOCK_TOLERANCE);
    let by_id = PostsById::new(posts.into_iter().filter(|post| post.id.posted_at <= latest));
    let Some(named) = by_id.position(id) else { return Vec::new() };
    let original = if by_id.0[named].edit.is_none() { Some(named) } else { by_id.original_of(by_id.0[named]) };
    let Some(index) = original else { return Vec::new() };
    let author = &by_id.0[index].id.author;
    let is_valid = |edit: &&Post| {
        let is_allowed = edit.id.author == *author || editors.contains(&edit.id.author);
        is_allowed && by_id.original_of(edit) == original
    };
    std::iter::once(by_id.0[index]).chain(by_id.0.iter().copied().filter(is_valid)).collect()
}

/// Returns a key that sorts later times first.
fn latest_first(at: UnixNanos) -> i64 {
    at.saturating_neg()
}

/// Distinct posts in the order of their identities.
struct PostsById<'a>(Vec<&'a Post>);

impl<'a> PostsById<'a> {
    fn new(posts: impl Iterator<Item = &'a Post>) -> PostsById<'a> {
        let mut all: Vec<&Post> = posts.collect();
        sort_by_id(&mut all, |post| &post.id);
        let mut posts: Vec<&Post> = Vec::with_capacity(all.len());
        for post in all {
            match posts.last_mut() {
                // Two posts with one identity come from a hostile store. Any rule works that does not depend on their
                // order.
                Some(known) if known.id == post.id => *known = (*known).max(post),
                _ => posts.push(post),
            }
        }
        PostsById(posts)
    }

    fn position(&self, id: &PostId) -> Option<usize> {
        position_of(&self.0, id, |post| &post.id)
    }

    /// Returns the latest valid edit of each original post, in the order of the posts.
    fn latest_edits(&self, editors: &[NodeName]) -> Vec<Option<&'a Post>> {
        let mut edits = vec![None; self.0.len()];
        // The posts are in ascending order, so a later edit replaces an earlier one.
        for post in &self.0 {
            let Some(index) = self.original_of(post) else { continue };
            if post.id.author == self.0[index].id.author || editors.contains(&post.id.author) {
                edits[index] = Some(*post);
            }
        }
        edits
    }

    /// Returns the position of the original post that an edit changes, directly or through other edits. An edit must be
    /// later than the post that it changes, so there are no cycles.
    fn original_of(&self, edit: &Post) -> Option<usize> {
        let (mut post, mut original) = (edit, None);
        while let Some(Edit::Replaces(target) | Edit::Withdraws(target)) = &post.edit {
            let index = self.position(target)?;
            if self.0[index].id >= post.id {
                return None;
            }
            (post, original) = (self.0[index], Some(index));
        }
        original
    }
}

impl Announcements {
    /// Returns the incidents that have not ended, newest first.
    pub fn open_incidents(&self) -> impl Iterator<Item = &Incident> {
        self.incidents.iter().filter(|incident| incident.is_open())
    }

    /// Returns whether a message that was stored with results is also a post. Readers then show only the post, which
    /// can end earlier or later than the result's message.
    #[must_use]
    pub fn has_message(&self, html: &str) -> bool {
        self.messages.iter().any(|message| message.text == html)
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
        upcoming.sort_by_cached_key(|maintenance| start(maintenance).unwrap_or_default());
        upcoming
    }
}

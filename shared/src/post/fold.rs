//! Computes the current state of incidents, maintenance, silences and messages from posts.
//!
//! The result depends only on the set of posts, not on their order or repetition, so readers can combine the digests of
//! all authors in any way.
//!
//! The page also runs this code, so it uses sorted lists, which make the page much smaller than maps.

use super::entry::{CurrentPost, Latest};
use super::incident::Incident;
use super::maintenance::Maintenance;
use super::notice::Notice;
use super::order::{position_of, sort_by_id};
use super::{Edit, Post, PostId, PostKind};
use crate::object_name::NodeName;
use crate::quorum::CLOCK_TOLERANCE;
use crate::sorting::sort_by_integer;
use crate::{Nanos, UnixNanos};

/// The current state of all posts.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Announcements {
    /// All incidents, the latest start first.
    pub incidents: Vec<Incident>,
    /// All maintenance, ordered by identity.
    pub maintenance: Vec<Maintenance>,
    /// All silences, ordered by identity.
    pub silences: Vec<Notice>,
    /// All messages, the latest start first.
    pub messages: Vec<Notice>,
}

/// Computes the current state at the time `now`. Posts from the future are left out.
///
/// Only the author of a post and the `editors` can replace or withdraw it. Withdrawing the first post of an incident,
/// maintenance, silence or message withdraws all of it. The kind of the earliest post determines what it is. If the first
/// post is missing, an incident counts as resolved, and everything else is left out.
///
/// Posts do not change, so those with the same identity must be equal. A digest contains each identity only once.
#[must_use]
pub fn fold<'a>(posts: impl IntoIterator<Item = &'a Post>, editors: &[NodeName], now: UnixNanos) -> Announcements {
    let latest = now.saturating_add(CLOCK_TOLERANCE);
    fold_all(posts.into_iter().filter(|post| post.id.posted_at <= latest).collect(), editors)
}

fn fold_all(posts: Vec<&Post>, editors: &[NodeName]) -> Announcements {
    let posts = PostsById::new(posts);
    let edits = posts.edits(editors);
    let is_withdrawn =
        |index: usize| edits[index].last().is_some_and(|edit| matches!(edit.edit, Some(Edit::Withdraws(_))));
    let mut subjects = posts.0.clone();
    sort_by_id(&mut subjects, |post| &post.subject);
    let subject_of = |entry: &CurrentPost<'_>| position_of(&subjects, &entry.original.subject, |post| &post.subject);
    let mut entries = Vec::new();
    for (index, original) in posts.0.iter().enumerate() {
        if original.edit.is_none() {
            entries.push(CurrentPost::new(original, &edits[index]));
        }
    }
    // The entries are in the order of their identities, and sorting is stable.
    sort_by_integer(&mut entries, |entry| entry.at);
    sort_by_integer(&mut entries, |entry| subject_of(entry).unwrap_or(0) as i64);
    let mut all = Announcements::default();
    for all_own in entries.chunk_by(|one, other| one.original.subject == other.original.subject) {
        let mut own = all_own.to_vec();
        own.retain(|entry| !entry.is_withdrawn());
        let own = own.as_slice();
        let Some(first) = own.first() else { continue };
        let subject = &first.original.subject;
        if posts.position(subject).is_some_and(is_withdrawn) {
            continue;
        }
        let latest = Latest::new(first, own);
        let id = subject.clone();
        let is_complete = own.iter().any(|entry| entry.original.is_first());
        match first.post.kind() {
            // Readers still see what others posted about an incident. Other posts have no effect without the first one.
            PostKind::Maintenance | PostKind::Silence | PostKind::Message if !is_complete => {}
            PostKind::Incident => all.incidents.push(Incident::new(id, first.at, own, &latest)),
            PostKind::Maintenance => {
                let changed_at = all_own.iter().filter_map(CurrentPost::changed_at).max();
                all.maintenance.push(Maintenance::new(id, own, &latest, changed_at.unwrap_or(UnixNanos::MIN)));
            }
            PostKind::Silence => all.silences.push(Notice::new(id, first.at, own, &latest)),
            PostKind::Message => all.messages.push(Notice::new(id, first.at, own, &latest)),
        }
    }
    sort_by_integer(&mut all.incidents, |incident| incident.began.saturating_neg());
    sort_by_integer(&mut all.messages, |message| message.from.saturating_neg());
    all
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
    let by_id = PostsById::new(posts.into_iter().filter(|post| post.id.posted_at <= latest).collect());
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

/// Distinct posts in the order of their identities.
struct PostsById<'a>(Vec<&'a Post>);

impl<'a> PostsById<'a> {
    fn new(mut posts: Vec<&'a Post>) -> PostsById<'a> {
        sort_by_id(&mut posts, |post| &post.id);
        PostsById(posts)
    }

    fn position(&self, id: &PostId) -> Option<usize> {
        position_of(&self.0, id, |post| &post.id)
    }

    /// Returns the valid edits of each original post, oldest first, in the order of the posts.
    fn edits(&self, editors: &[NodeName]) -> Vec<Vec<&'a Post>> {
        let mut edits = vec![Vec::new(); self.0.len()];
        for post in &self.0 {
            let Some(index) = self.original_of(post) else { continue };
            if post.id.author == self.0[index].id.author || editors.contains(&post.id.author) {
                edits[index].push(*post);
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
        sort_by_integer(&mut upcoming, |maintenance| start(maintenance).unwrap_or_default());
        upcoming
    }
}

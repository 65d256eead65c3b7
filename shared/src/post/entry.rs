//! Posts in their current versions, from which incidents, maintenance and notices are computed.

use super::{Affected, Details, Edit, Post};
use crate::object_name::NodeName;
use crate::{MINUTE, Nanos, UnixNanos};

/// How much earlier than its storage an author can date a post without the page showing both times.
const UNREMARKABLE_DELAY: Nanos = 5 * MINUTE;

/// A post in its current version.
#[derive(Debug, Clone, Copy)]
pub(super) struct CurrentPost<'a> {
    /// The version that was posted first.
    pub(super) original: &'a Post,
    /// The current version, which is the latest valid edit.
    pub(super) post: &'a Post,
    /// When the post applies, according to the current version.
    pub(super) at: UnixNanos,
    /// All valid edits, oldest first.
    edits: &'a [&'a Post],
}

impl<'a> CurrentPost<'a> {
    /// Creates an entry from the original and its valid edits, oldest first. A latest edit of another kind is ignored.
    pub(super) fn new(original: &'a Post, edits: &'a [&'a Post]) -> CurrentPost<'a> {
        let edit = edits.last().filter(|edit| edit.kind() == original.kind());
        let post = edit.copied().unwrap_or(original);
        CurrentPost { original, post, at: post.at.unwrap_or_else(|| original.at()), edits }
    }

    /// Returns the endpoints that the versions of the post declared, oldest first, with the times of the declarations.
    pub(super) fn declared(&self) -> impl Iterator<Item = (UnixNanos, &'a [Affected])> {
        let versions = [self.original].into_iter().chain(self.edits.iter().copied());
        let kind = self.original.kind();
        versions
            .filter(move |post| post.kind() == kind)
            .filter_map(|post| Some((post.id.posted_at, post.affects.as_deref()?)))
    }

    /// Returns whether the latest edit withdraws the post.
    pub(super) fn is_withdrawn(&self) -> bool {
        self.edits.last().is_some_and(|edit| is_withdrawal(edit))
    }

    /// Returns when an edit last changed the windows of the post, or withdrew or restored its windows or endpoints. Such
    /// an edit counts as a new announcement: otherwise, undoing it could excuse an outage afterwards.
    pub(super) fn changed_at(&self) -> Option<UnixNanos> {
        let (mut before, mut changed_at) = (self.original, None);
        for edit in self.edits {
            if is_other_announcement(before, edit) {
                changed_at = Some(edit.id.posted_at);
            }
            before = *edit;
        }
        changed_at
    }

    /// Returns when the original post was stored, if the author assigned it a much earlier time.
    pub(super) fn posted_later(&self) -> Option<UnixNanos> {
        let posted_at = self.original.id.posted_at;
        (self.at.saturating_add(UNREMARKABLE_DELAY) < posted_at).then_some(posted_at)
    }
}

fn is_withdrawal(post: &Post) -> bool {
    matches!(post.edit, Some(Edit::Withdraws(_)))
}

/// Returns whether two consecutive versions of a post announce other windows, or only one of them announces anything.
fn is_other_announcement(before: &Post, after: &Post) -> bool {
    match (is_withdrawal(before), is_withdrawal(after)) {
        (true, true) => false,
        (false, false) => !has_same_windows(before, after),
        (true, false) => announces_windows(after) || after.affects.is_some(),
        (false, true) => announces_windows(before) || before.affects.is_some(),
    }
}

/// Returns whether a post plans windows, or changes one.
fn announces_windows(post: &Post) -> bool {
    matches!(&post.details, Details::Maintenance { plan, change } if plan.is_some() || change.is_some())
}

fn has_same_windows(one: &Post, other: &Post) -> bool {
    match (&one.details, &other.details) {
        (Details::Maintenance { plan: before, change }, Details::Maintenance { plan: after, change: other_change }) => {
            let windows = [before, after].map(|plan| plan.as_ref().map(|plan| &plan.windows));
            windows[0] == windows[1] && change == other_change
        }
        _ => !announces_windows(one) && !announces_windows(other),
    }
}

/// The latest values of what posts of all kinds can contain.
pub(super) struct Latest<'a> {
    pub(super) author: &'a NodeName,
    pub(super) title: &'a str,
    pub(super) affects: &'a [Affected],
    pub(super) text: &'a str,
}

impl<'a> Latest<'a> {
    /// Collects the latest values from the first entry and all later ones of the same kind.
    pub(super) fn new(first: &CurrentPost<'a>, entries: &[CurrentPost<'a>]) -> Latest<'a> {
        let mut latest = Latest { author: &first.post.id.author, title: "", affects: &[], text: "" };
        for entry in entries.iter().filter(|entry| entry.post.kind() == first.post.kind()) {
            let Post { id, title, affects, text, .. } = entry.post;
            latest.author = &id.author;
            latest.title = title.as_deref().unwrap_or(latest.title);
            latest.affects = affects.as_deref().unwrap_or(latest.affects);
            latest.text = text.as_deref().unwrap_or(latest.text);
        }
        latest
    }
}

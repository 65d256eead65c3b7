//! Determines which posts an erasure deletes. Pure.

use std::cmp::Reverse;
use std::collections::BTreeSet;

use shared::UnixNanos;
use shared::message::Message;
use shared::object_name::NodeName;
use shared::post::fold::{fold, versions};
use shared::post::{Edit, Post, PostId, PostKind};

use super::resolve::{LATEST, ResolveError, Sought, resolve};
use crate::sanitize::sanitize_for_terminal;

/// The maximum length of the title or text in a description, in characters.
const WORDS_WIDTH: usize = 60;

/// The reason why nothing was erased.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EraseError {
    #[error(transparent)]
    Unresolved(#[from] ResolveError),
    #[error("the post `{id}` belongs to `{}`: only its author can erase it, with `--author {}`", id.author, id.author)]
    Foreign { id: PostId },
    #[error(
        "the post `{id}` changes the {} `{subject}`, and erasing it alone would undo the change: erase everything with `checker post erase {subject}`",
        kind.as_str()
    )]
    UndoesChange { id: PostId, subject: PostId, kind: PostKind },
    #[error(
        "erasing the post `{id}` alone would reopen the incident `{subject}`: reopen and resolve the incident again first, or erase everything with `checker post erase {subject}`"
    )]
    Reopens { id: PostId, subject: PostId },
    #[error("`{author}` has posted nothing{about}: pass the author of the post with `--author`")]
    NothingPosted { author: NodeName, about: &'static str },
    #[error("canceled: nothing was erased; pass `--yes` to skip the prompt")]
    NotConfirmed,
}

/// The posts that an erasure is about.
#[derive(Debug, PartialEq, Eq)]
pub struct Erasure<'a> {
    /// The post, or the first post of what is erased completely.
    pub id: PostId,
    pub kind: PostKind,
    /// Whether the author's posts about a whole incident, maintenance, silence or message are deleted.
    pub is_complete: bool,
    /// The author's posts, which are deleted.
    pub own: Vec<&'a Post>,
    /// The posts of others, which remain.
    pub others: Vec<&'a Post>,
}

impl<'a> Erasure<'a> {
    /// Selects a post with all its edits. The ID of an incident, maintenance, silence or message selects everything that
    /// was posted about it, even if its first post is missing. `latest` is the author's newest post that is not an edit.
    pub fn select(
        posts: &[&'a Post],
        author: &NodeName,
        (id, kind): (&str, Option<PostKind>),
        editors: &[NodeName],
        now: UnixNanos,
    ) -> Result<Erasure<'a>, EraseError> {
        if id == LATEST && !posts.iter().any(|post| post.id.author == *author && is_original_of(post, kind)) {
            let about = if kind.is_some() { " about incidents" } else { "" };
            return Err(EraseError::NothingPosted { author: author.clone(), about });
        }
        let id = find(posts, author, id, kind)?;
        let original = posts.iter().copied().find(|post| post.id == *id);
        let edits = versions(posts.iter().copied(), id, editors, now);
        let is_erased = |post: &&Post| match original {
            Some(original) if !original.is_first() => post.id == *id || edits.contains(post),
            _ => post.id == *id || post.subject == *id || target(post) == Some(id) || edits.contains(post),
        };
        let (selected, rest): (Vec<&Post>, Vec<&Post>) = posts.iter().copied().partition(is_erased);
        let (own, others): (Vec<&Post>, Vec<&Post>) = selected.into_iter().partition(|post| post.id.author == *author);
        let is_foreign = original.is_some_and(|original| original.id.author != *author);
        let Some(first) = own.first().copied().filter(|_| !is_foreign) else {
            let id = others.first().map_or(id, |post| if is_foreign { id } else { &post.id });
            return Err(EraseError::Foreign { id: id.clone() });
        };
        if let Some(original) = original.filter(|original| !original.is_first()) {
            let (id, subject, kind) = (original.id.clone(), original.subject.clone(), original.kind());
            let is_open = |posts: &mut dyn Iterator<Item = &'a Post>| {
                fold(posts, editors, now).open_incidents().any(|incident| incident.id == subject)
            };
            if kind != PostKind::Incident {
                return Err(EraseError::UndoesChange { id, subject, kind });
            }
            let is_open_after = is_open(&mut rest.iter().copied().chain(others.iter().copied()));
            if is_open_after && !is_open(&mut posts.iter().copied()) {
                return Err(EraseError::Reopens { id, subject });
            }
        }
        let is_complete = original.is_none_or(Post::is_first);
        Ok(Erasure { id: id.clone(), kind: original.unwrap_or(first).kind(), is_complete, own, others })
    }

    /// Describes what is erased, for the author who confirms it: the kind, the ID, and the title or the text.
    #[must_use]
    pub fn describe(&self) -> String {
        let kind = self.kind.as_str();
        let newest_first = || self.own.iter().rev();
        let title = newest_first().find_map(|post| post.title.as_deref()).map(str::to_owned);
        let text = || newest_first().find_map(|post| post.text.as_deref()).map(|text| Message::parse(text).text());
        let words = title.filter(|_| self.is_complete).or_else(text).unwrap_or_default();
        let words = sanitize_for_terminal(&words, WORDS_WIDTH);
        let words = if words.is_empty() { words } else { format!(" ({words})") };
        match self.own.first().filter(|_| !self.is_complete) {
            Some(post) => format!("the post `{}` about the {kind} `{}`{words}", self.id, post.subject),
            None => format!("the {kind} `{}`{words}", self.id),
        }
    }
}

fn is_original_of(post: &Post, kind: Option<PostKind>) -> bool {
    post.edit.is_none() && kind.is_none_or(|kind| post.kind() == kind)
}

fn sought(kind: Option<PostKind>) -> Sought {
    match kind {
        Some(_) => Sought {
            what: "post about an incident",
            remedy: "list them with `checker incident show ID`",
            if_none: "open one with `checker incident open`",
        },
        None => Sought {
            what: "post",
            remedy: "list them with `checker KIND list --all`: `incident`, `maintenance`, `silence` or `message`",
            if_none: "there is nothing to erase",
        },
    }
}

/// Finds a post that is not an edit, or the ID of a missing post that others refer to.
fn find<'a>(
    posts: &[&'a Post],
    author: &NodeName,
    id: &str,
    kind: Option<PostKind>,
) -> Result<&'a PostId, ResolveError> {
    let of_kind = || posts.iter().copied().filter(|post| kind.is_none_or(|kind| post.kind() == kind));
    let mut originals: Vec<&Post> = posts.iter().copied().filter(|post| is_original_of(post, kind)).collect();
    originals.sort_unstable_by_key(|post| (post.id.author != *author, Reverse(&post.id)));
    let known: BTreeSet<&PostId> = posts.iter().map(|post| &post.id).collect();
    let mentioned = of_kind().flat_map(|post| [Some(&post.subject), target(post)].into_iter().flatten());
    let missing = mentioned.filter(|id| !known.contains(id));
    resolve(id, sought(kind), originals.iter().map(|post| &post.id).chain(missing))
}

/// Returns the post that an edit changes.
fn target(post: &Post) -> Option<&PostId> {
    match &post.edit {
        Some(Edit::Replaces(id) | Edit::Withdraws(id)) => Some(id),
        None => None,
    }
}

#[cfg(test)]
mod tests {
    use shared::HOUR;
    use shared::post::{Details, IncidentState, MaintenanceChange, MaintenancePlan};

    use super::*;

    const NOW: UnixNanos = 1_795_330_254_340_493_978;

    fn name(author: &str) -> NodeName {
        NodeName::new(author).expect("a name")
    }

    /// A post that was stored this many seconds after [`NOW`], about the post that was stored after `subject` seconds.
    fn post((author, at): (&str, i64), subject: (&str, i64), details: Details) -> Post {
        let id = |(author, at): (&str, i64)| PostId { posted_at: NOW + at * shared::SECOND, author: name(author) };
        Post {
            id: id((author, at)),
            subject: id(subject),
            edit: None,
            title: None,
            affects: None,
            text: None,
            at: None,
            details,
        }
    }

    fn incident(id: (&str, i64), state: Option<IncidentState>) -> Post {
        post(id, ("anna", 0), Details::Incident { state, began: None, ended: None })
    }

    /// Returns the own posts and those of others by their seconds.
    fn erased(
        posts: &[Post],
        author: &str,
        id: &str,
        kind: Option<PostKind>,
    ) -> Result<(Vec<i64>, Vec<i64>), EraseError> {
        let posts: Vec<&Post> = posts.iter().collect();
        let found = Erasure::select(&posts, &name(author), (id, kind), &[], NOW + HOUR)?;
        let seconds = |posts: Vec<&Post>| posts.iter().map(|post| (post.id.posted_at - NOW) / shared::SECOND).collect();
        Ok((seconds(found.own), seconds(found.others)))
    }

    #[test]
    fn a_change_cannot_be_erased_alone() {
        let plan = MaintenancePlan { windows: vec![(NOW, NOW + HOUR)], ..MaintenancePlan::default() };
        let first = ("anna", 0);
        let cancel = MaintenanceChange::CancelAll;
        for (details, change) in [
            (
                Details::Maintenance { plan: Some(plan), change: None },
                Details::Maintenance { plan: None, change: Some(cancel) },
            ),
            (Details::Silence { until: Some(NOW + HOUR) }, Details::Silence { until: Some(NOW) }),
            (Details::Message { until: Some(NOW + HOUR) }, Details::Message { until: Some(NOW) }),
        ] {
            let posts = [post(first, first, details), post(("anna", 1), first, change)];
            let (id, subject, kind) = (posts[1].id.clone(), posts[0].id.clone(), posts[0].kind());
            let error = EraseError::UndoesChange { id, subject, kind };
            assert_eq!(erased(&posts, "anna", "latest", None), Err(error));
            assert_eq!(erased(&posts, "anna", &posts[0].id.to_string(), None), Ok((vec![0, 1], vec![])));
        }
    }

    #[test]
    fn latest_requires_a_post_of_the_author() {
        let posts = [incident(("anna", 0), None)];
        for (kind, about) in [(None, ""), (Some(PostKind::Incident), " about incidents")] {
            let error = erased(&posts, "ben", "latest", kind).unwrap_err().to_string();
            let expected = format!("`ben` has posted nothing{about}: pass the author of the post with `--author`");
            assert_eq!(error, expected);
        }
    }

    #[test]
    fn a_description_has_the_kind_the_id_and_the_title_or_text() {
        let first = Post { title: Some("Checkout\u{1b} fails".to_owned()), ..incident(("anna", 0), None) };
        let update = Post { text: Some("We <b>know</b>.".to_owned()), ..incident(("anna", 1), None) };
        let posts = [&first, &update];
        let described = |id: &PostId| {
            let id = id.to_string();
            Erasure::select(&posts, &name("anna"), (&id, None), &[], NOW + HOUR).unwrap().describe()
        };
        assert_eq!(described(&first.id), format!("the incident `{}` (Checkout fails)", first.id));
        let part = format!("the post `{}` about the incident `{}` (We know.)", update.id, first.id);
        assert_eq!(described(&update.id), part);
    }

    #[test]
    fn an_incident_is_not_reopened() {
        let mut posts = vec![
            incident(("anna", 0), None),
            incident(("anna", 1), Some(IncidentState::Resolved)),
            incident(("anna", 2), None),
        ];
        let resolution = posts[1].id.to_string();
        let error = EraseError::Reopens { id: posts[1].id.clone(), subject: posts[0].id.clone() };
        assert_eq!(erased(&posts, "anna", &resolution, None), Err(error));
        assert_eq!(erased(&posts, "anna", "latest", None), Ok((vec![2], vec![])), "it changes no state");
        posts.push(incident(("anna", 3), Some(IncidentState::Investigating)));
        assert_eq!(erased(&posts, "anna", &resolution, None), Ok((vec![1], vec![])), "it was reopened");
        posts.push(incident(("ben", 4), Some(IncidentState::Resolved)));
        assert_eq!(erased(&posts, "anna", &resolution, None), Ok((vec![1], vec![])), "another post resolves it");
    }

    #[test]
    fn what_remains_without_the_first_post_is_found_by_its_id() {
        let first = incident(("anna", 0), None);
        let replaced = incident(("anna", 5), None);
        let edit = Post { edit: Some(Edit::Replaces(replaced.id.clone())), ..incident(("cleo", 6), None) };
        let posts = [incident(("ben", 1), None), incident(("ben", 2), None), incident(("anna", 3), None), edit];
        let id = first.id.to_string();
        for kind in [None, Some(PostKind::Incident)] {
            assert_eq!(erased(&posts, "ben", &id, kind), Ok((vec![1, 2], vec![3, 6])));
            assert_eq!(erased(&posts, "anna", &id, kind), Ok((vec![3], vec![1, 2, 6])));
            let short = &replaced.id.posted_at.to_string()[6..];
            assert_eq!(erased(&posts, "cleo", short, kind), Ok((vec![6], vec![])), "the edit of an erased post");
        }
        let error = EraseError::Foreign { id: posts[0].id.clone() };
        assert_eq!(erased(&posts, "dora", &id, None), Err(error));
        assert!(matches!(erased(&posts, "ben", &id, Some(PostKind::Silence)), Err(EraseError::Unresolved(_))));
    }
}

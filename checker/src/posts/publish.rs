//! Stores posts and keeps the digests of them complete, without locks.
//!
//! A post is stored first. Then the author's posts are listed and the digest of all of them is written, until a listing
//! contains nothing new. The digest therefore contains every post that was stored before the last listing, even if
//! several commands run at the same time. If a command is interrupted, the author's next command or `checker post tidy`
//! completes the digest.

use std::collections::{BTreeMap, BTreeSet};

use shared::object_name::{DigestName, NodeName, PostName};
use shared::post::digest::{POSTS_LIMIT, PostDigest, SIZE_LIMIT};
use shared::post::{Affected, Details, Edit, Post, PostId};
use shared::quorum::CLOCK_TOLERANCE;
use shared::{DAY, Nanos, UnixNanos, duration};

use super::board::Board;
use super::store::PostStore;
use crate::store::StoreError;

/// The maximum number of times that a command writes the digest, after which it fails because other commands keep
/// posting. Each write after the first means that another command has stored a post, so this many commands can run at
/// once.
const WRITES: usize = 32;
/// The maximum size of a digest, in MiB, for errors.
const SIZE_MIB: usize = SIZE_LIMIT >> 20;
/// The number of names to try for one post. Names contain nanoseconds, so they are rarely taken.
const NAMES_TO_TRY: usize = 16;
/// Posts that are missing in a digest were left out on purpose if they are older than its listing by more than this. A
/// post's time comes from its author's clock, which can be wrong.
const CLOCK_MARGIN: Nanos = DAY;

/// The content of a post that has no identity yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Draft {
    /// The first post of the same incident, maintenance, silence or message, or `None` to begin a new one.
    pub subject: Option<PostId>,
    pub edit: Option<Edit>,
    pub title: Option<String>,
    pub affects: Option<Vec<Affected>>,
    /// The text as HTML. Callers validate it.
    pub text: Option<String>,
    /// The time that the author assigns, if it is not the time of storage.
    pub at: Option<UnixNanos>,
    pub details: Details,
}

impl Draft {
    /// Creates the first post of something new.
    #[must_use]
    pub fn new(details: Details) -> Draft {
        Draft { subject: None, edit: None, title: None, affects: None, text: None, at: None, details }
    }

    /// Creates a post that belongs to an earlier one.
    #[must_use]
    pub fn about(subject: PostId, details: Details) -> Draft {
        Draft { subject: Some(subject), ..Draft::new(details) }
    }

    fn into_post(self, id: PostId) -> Post {
        Post {
            subject: self.subject.unwrap_or_else(|| id.clone()),
            id,
            edit: self.edit,
            title: self.title,
            affects: self.affects,
            text: self.text,
            at: self.at,
            details: self.details,
        }
    }

    /// Returns whether a post belongs to the same subject, or is the post that this one changes.
    fn refers_to(&self, post: &Post) -> bool {
        let target = match &self.edit {
            Some(Edit::Replaces(id) | Edit::Withdraws(id)) => Some(id),
            None => None,
        };
        self.subject.as_ref() == Some(&post.subject) || target == Some(&post.id)
    }
}

/// A stored post that the author's digest contains.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Published {
    pub post: Post,
    /// Problems with other posts of the author, one sentence each.
    pub problems: Vec<String>,
}

/// The reason why a post was not published.
#[derive(Debug, thiserror::Error)]
pub enum PublishError {
    #[error("nothing was posted: {0}")]
    NotStored(StoreError),
    /// The response to the request was lost.
    #[error("the post `{name}` may or may not be stored: {cause}; check with `checker post tidy`")]
    Unconfirmed { name: PostName, cause: StoreError },
    #[error("nothing was posted: the {NAMES_TO_TRY} names starting with `{0}` are taken; try again")]
    NamesTaken(PostId),
    #[error(
        "nothing was posted: `{newest}` is dated {ahead} ahead of this machine's clock, so a post after it would not be shown yet; check the clocks of this machine and of `{author}`",
        ahead = duration::format_coarse(*ahead), author = newest.author
    )]
    FromFuture { newest: PostId, ahead: Nanos },
    #[error(
        "nothing was posted: this machine's clock is {ahead} ahead of the store's, so the post would not be shown yet; set the clock",
        ahead = duration::format_coarse(*.0)
    )]
    ClockAhead(Nanos),
    #[error("nothing was posted: a newer version of this program wrote the digest of `{0}`; update this program")]
    NewerDigest(NodeName),
    #[error(
        "nothing was posted: the digest of `{0}` would exceed the limit of {POSTS_LIMIT} posts or {SIZE_MIB} MiB; post under another name with `--author`"
    )]
    DigestFull(NodeName),
    #[error(
        "the post `{name}` is stored but not shown, because the digest of `{}` could not be updated: {cause}; `checker post tidy` updates it",
        name.id.author
    )]
    DigestNotWritten { name: PostName, cause: Box<TidyError> },
}

/// The reason why an author's digest could not be brought up to date.
#[derive(Debug, thiserror::Error)]
pub enum TidyError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("other commands keep changing the posts of `{0}`")]
    Unsettled(NodeName),
    #[error("the digest of `{0}` would exceed the limit of {POSTS_LIMIT} posts or {SIZE_MIB} MiB")]
    Full(NodeName),
    #[error("a newer version of this program wrote the digest of `{0}`; update this program")]
    Newer(NodeName),
}

/// The reason why posts were not erased completely.
#[derive(Debug, thiserror::Error)]
pub enum EraseFailure {
    #[error("nothing was erased: a newer version of this program wrote the digest of `{0}`; update this program")]
    NewerDigest(NodeName),
    #[error("nothing was erased: {0}")]
    NothingDeleted(StoreError),
    #[error("erased {}, but not {}: {cause}; erase the rest again{}", names(deleted), names(left), digest_problem(digest.as_ref()))]
    Incomplete { deleted: Vec<PostName>, left: Vec<PostName>, cause: StoreError, digest: Option<TidyError> },
    #[error("erased {} from the store{}", names(deleted), digest_problem(Some(digest)))]
    DigestNotWritten { deleted: Vec<PostName>, digest: TidyError },
}

/// The maximum number of posts to name in an error.
const NAMED_POSTS: usize = 10;

fn names(posts: &[PostName]) -> String {
    let mut names: Vec<String> = posts.iter().take(NAMED_POSTS).map(|name| format!("`{}`", name.id)).collect();
    let more = posts.len().saturating_sub(names.len());
    if more > 0 {
        names.push(format!("{more} more"));
    }
    let last = names.pop().unwrap_or_default();
    if names.is_empty() { last } else { format!("{} and {last}", names.join(", ")) }
}

fn digest_problem(cause: Option<&TidyError>) -> String {
    let describe = |cause| {
        format!(
            "; readers still see what was erased, because the digest could not be updated: {cause}; `checker post tidy` updates it"
        )
    };
    cause.map(describe).unwrap_or_default()
}

/// The outcome of bringing an author's digest up to date.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tidied {
    pub digest: PostDigest,
    /// The posts that the digest did not contain before.
    pub added: Vec<PostId>,
    /// The posts that the digest no longer contains, because they were erased or ended long ago.
    pub removed: Vec<PostId>,
    /// Problems with single posts, one sentence each.
    pub problems: Vec<String>,
}

/// Stores a post and updates the digest of its author.
///
/// The post's identity is later than those of all known posts about the same subject, even if another author's clock is
/// ahead: readers order posts by their identities. `now` is the time at which `board` was read, or earlier.
pub async fn publish(
    store: &impl PostStore,
    board: &Board,
    author: &NodeName,
    draft: Draft,
    now: UnixNanos,
) -> Result<Published, PublishError> {
    if board.is_newer(author) {
        return Err(PublishError::NewerDigest(author.clone()));
    }
    if let Some(ahead) = store.time().map(|time| now.saturating_sub(time)).filter(|ahead| *ahead > CLOCK_TOLERANCE) {
        return Err(PublishError::ClockAhead(ahead));
    }
    let newest = board.posts().filter(|post| draft.refers_to(post)).map(|post| &post.id).max();
    let mut posted_at = newest.map_or(now, |newest| now.max(newest.posted_at.saturating_add(1)));
    if let Some(newest) = newest.filter(|_| posted_at.saturating_sub(now) > CLOCK_TOLERANCE) {
        return Err(PublishError::FromFuture { newest: newest.clone(), ahead: newest.posted_at.saturating_sub(now) });
    }
    let own = board.digest_of(author);
    let first = posted_at;
    for _ in 0..NAMES_TO_TRY {
        let post = draft.clone().into_post(PostId { posted_at, author: author.clone() });
        let name = PostName { id: post.id.clone(), kind: post.kind() };
        let known = own.into_iter().flat_map(|digest| &digest.posts).chain([&post]).cloned();
        if content_of(&PostDigest::new(author.clone(), known, now)).is_none() {
            return Err(PublishError::DigestFull(author.clone()));
        }
        match store.put_post(&name, post.to_json()).await {
            Ok(()) => {
                let known = BTreeMap::from([(post.id.clone(), post.clone())]);
                let updated = update(store, author, own, known, Unread::Recent, now).await;
                let failed = |cause| PublishError::DigestNotWritten { name, cause: Box::new(cause) };
                return Ok(Published { post, problems: updated.map_err(failed)?.problems });
            }
            Err(StoreError::AlreadyExists { .. }) => posted_at = posted_at.saturating_add(1),
            Err(cause) if cause.is_transient() => return Err(PublishError::Unconfirmed { name, cause }),
            Err(cause) => return Err(PublishError::NotStored(cause)),
        }
    }
    Err(PublishError::NamesTaken(PostId { posted_at: first, author: author.clone() }))
}

/// Reads all posts of an author and writes the digest of them.
pub async fn tidy(
    store: &impl PostStore,
    board: &Board,
    author: &NodeName,
    now: UnixNanos,
) -> Result<Tidied, TidyError> {
    if board.is_newer(author) {
        return Err(TidyError::Newer(author.clone()));
    }
    update(store, author, board.digest_of(author), BTreeMap::new(), Unread::All, now).await
}

/// The posts of one author, including those that the digest leaves out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredPosts {
    pub posts: Vec<Post>,
    /// Problems with single posts, one sentence each.
    pub problems: Vec<String>,
}

/// Reads all posts of an author. A digest leaves out what ended long ago.
pub async fn stored_posts(store: &impl PostStore, board: &Board, author: &NodeName) -> Result<StoredPosts, StoreError> {
    let mut posts: Vec<Post> = board.digest_of(author).map(|digest| digest.posts.clone()).unwrap_or_default();
    let mut problems = Vec::new();
    let known: BTreeSet<PostId> = posts.iter().map(id_of).collect();
    let others: Vec<PostName> =
        store.list_posts(author).await?.into_iter().filter(|name| !known.contains(&name.id)).collect();
    for (name, read) in store.get_posts(&others).await? {
        match read.and_then(|content| parse(&name, &content)) {
            Ok(post) => posts.push(post),
            Err(reason) => problems.push(skipped(&name, &reason)),
        }
    }
    Ok(StoredPosts { posts, problems })
}

fn skipped(name: &PostName, reason: &str) -> String {
    format!("skipped the post `{name}`: {reason}")
}

/// Permanently deletes posts of one author, and removes them from the author's digest, even if some cannot be deleted.
pub async fn erase(
    store: &impl PostStore,
    board: &Board,
    author: &NodeName,
    names: &[PostName],
    now: UnixNanos,
) -> Result<Tidied, EraseFailure> {
    if board.is_newer(author) {
        return Err(EraseFailure::NewerDigest(author.clone()));
    }
    let failure = store.delete_posts(names).await.err();
    let listed = match &failure {
        Some(_) => store.list_posts(author).await.unwrap_or_else(|_| names.iter().cloned().collect()),
        None => BTreeSet::new(),
    };
    let (left, deleted): (Vec<PostName>, Vec<PostName>) = names.iter().cloned().partition(|name| listed.contains(name));
    let updated = update(store, author, board.digest_of(author), BTreeMap::new(), Unread::Recent, now).await;
    match (failure.filter(|_| !left.is_empty()), updated) {
        (Some(cause), _) if deleted.is_empty() => Err(EraseFailure::NothingDeleted(cause)),
        (None, Ok(tidied)) => Ok(tidied),
        (None, Err(digest)) => Err(EraseFailure::DigestNotWritten { deleted, digest }),
        (Some(cause), updated) => Err(EraseFailure::Incomplete { deleted, left, cause, digest: updated.err() }),
    }
}

/// Returns whether a digest left out a post on purpose, because it was written long after the post. A listing from the
/// future comes from a wrong clock and proves nothing.
#[must_use]
pub fn is_settled(digest: &PostDigest, id: &PostId, now: UnixNanos) -> bool {
    let listed_at = digest.listed_at.filter(|listed_at| *listed_at <= now.saturating_add(CLOCK_TOLERANCE));
    listed_at.is_some_and(|listed_at| id.posted_at <= listed_at.saturating_sub(CLOCK_MARGIN))
}

/// The posts to read although the digest does not contain them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Unread {
    /// Those that the digest did not leave out on purpose.
    Recent,
    All,
}

/// Writes an author's digest until a listing contains nothing new. `stored` contains the posts that were just stored.
async fn update(
    store: &impl PostStore,
    author: &NodeName,
    before: Option<&PostDigest>,
    stored: BTreeMap<PostId, Post>,
    unread: Unread,
    now: UnixNanos,
) -> Result<Tidied, TidyError> {
    let before_ids: BTreeSet<PostId> = before.into_iter().flat_map(|digest| &digest.posts).map(id_of).collect();
    let trusted = before.filter(|_| unread == Unread::Recent);
    let mut known = stored.clone();
    known.extend(trusted.into_iter().flat_map(|digest| &digest.posts).map(|post| (post.id.clone(), post.clone())));
    let mut problems = Vec::new();
    let mut written: Option<(BTreeSet<PostName>, PostDigest)> = None;
    for writes in 0..=WRITES {
        let listed = store.list_posts(author).await?;
        let last_listed = match written {
            Some((last, digest)) if last == listed => return Ok(tidied(&before_ids, digest, problems)),
            Some((last, _)) => Some(last),
            None => None,
        };
        if writes == WRITES {
            break;
        }
        let is_new = |name: &PostName| match &last_listed {
            Some(last) => !last.contains(name),
            None => !trusted.is_some_and(|digest| is_settled(digest, &name.id, now)),
        };
        // Posts that are missing were erased. A listing may still lack a post that was stored a moment ago.
        let is_listed = |id: &PostId, post: &Post| listed.contains(&PostName { id: id.clone(), kind: post.kind() });
        known.retain(|id, post| is_listed(id, post) || last_listed.is_none() && stored.contains_key(id));
        let to_read: Vec<PostName> =
            listed.iter().filter(|name| !known.contains_key(&name.id) && is_new(name)).cloned().collect();
        for (name, read) in store.get_posts(&to_read).await? {
            match read.and_then(|content| parse(&name, &content)) {
                Ok(post) => drop(known.insert(post.id.clone(), post)),
                Err(reason) => problems.push(skipped(&name, &reason)),
            }
        }
        let digest = PostDigest::new(author.clone(), known.values().cloned(), now);
        let content = content_of(&digest).ok_or_else(|| TidyError::Full(author.clone()))?;
        store.put_digest(&DigestName { author: author.clone() }, content).await?;
        written = Some((listed, digest));
    }
    Err(TidyError::Unsettled(author.clone()))
}

fn tidied(before: &BTreeSet<PostId>, digest: PostDigest, problems: Vec<String>) -> Tidied {
    let after: BTreeSet<PostId> = digest.posts.iter().map(id_of).collect();
    let (added, removed) = (after.difference(before), before.difference(&after));
    Tidied { added: added.cloned().collect(), removed: removed.cloned().collect(), digest, problems }
}

fn id_of(post: &Post) -> PostId {
    post.id.clone()
}

/// Parses a post, whose name must agree with its content.
fn parse(name: &PostName, content: &[u8]) -> Result<Post, String> {
    let post = Post::parse(content, name.id.clone()).map_err(|error| error.to_string())?;
    if post.kind() == name.kind { Ok(post) } else { Err(format!("it is of the kind `{}`", post.kind().as_str())) }
}

/// Returns a digest as JSON, or `None` if it exceeds the limits.
fn content_of(digest: &PostDigest) -> Option<String> {
    let json = digest.to_json();
    (digest.posts.len() <= POSTS_LIMIT && json.len() <= SIZE_LIMIT).then_some(json)
}

//! All posts in a store, read from the digests of all authors.

use futures_util::{StreamExt as _, stream};
use shared::UnixNanos;
use shared::object_name::{DigestName, NodeName};
use shared::post::digest::{InvalidDigest, PostDigest};
use shared::post::fold::{self, Announcements};
use shared::post::{Authors, Edit, Post, PostId};

use super::store::PostStore;
use crate::store::StoreError;

/// How many digests are read at once.
const READS_AT_ONCE: usize = 8;

/// The posts of all authors.
#[derive(Debug, Default)]
pub struct Board {
    /// The valid digests, ordered by author.
    pub digests: Vec<PostDigest>,
    /// The digests that cannot be used, with reasons.
    pub unreadable: Vec<(DigestName, String)>,
    /// The authors who can change the posts of others.
    pub editors: Vec<NodeName>,
    /// The authors whose digests were written by a newer version of the program.
    newer: Vec<NodeName>,
}

/// The state of a post with all its edits.
#[derive(Debug, Clone, Copy)]
pub struct Versions<'a> {
    pub original: &'a Post,
    /// The version that readers see, which can be an edit.
    pub current: &'a Post,
}

impl Versions<'_> {
    /// Returns whether the post was withdrawn.
    #[must_use]
    pub fn is_withdrawn(&self) -> bool {
        matches!(self.current.edit, Some(Edit::Withdraws(_)))
    }

    /// Returns whether a later post replaced the original.
    #[must_use]
    pub fn is_edited(&self) -> bool {
        self.current.id != self.original.id
    }
}

impl Board {
    /// Reads all digests. A digest that is invalid or too large does not prevent the others from being read.
    pub async fn read(store: &impl PostStore) -> Result<Board, StoreError> {
        let names = store.list_digests().await?;
        Board::load(store, names).await
    }

    /// Reads digests whose names are already known.
    pub async fn load(store: &impl PostStore, names: Vec<DigestName>) -> Result<Board, StoreError> {
        let mut reads = stream::iter(names)
            .map(async |name| {
                let read = store.get_digest(&name).await;
                (name, read)
            })
            .buffered(READS_AT_ONCE);
        let mut board = Board::default();
        while let Some((name, read)) = reads.next().await {
            match read {
                Ok(content) => board.add(name, content.as_deref()),
                Err(error @ StoreError::TooLarge { .. }) => board.unreadable.push((name, error.to_string())),
                Err(error) => return Err(error),
            }
        }
        board.digests.sort_by(|one, other| one.author.cmp(&other.author));
        Ok(board)
    }

    fn add(&mut self, name: DigestName, content: Option<&[u8]>) {
        match content.map(PostDigest::parse) {
            None => {}
            Some(Ok(digest)) if digest.author == name.author => self.digests.push(digest),
            Some(Ok(digest)) => {
                let reason = format!("it contains the posts of `{}`", digest.author);
                self.unreadable.push((name, reason));
            }
            Some(Err(error)) => {
                if matches!(error, InvalidDigest::UnsupportedVersion(_)) {
                    self.newer.push(name.author.clone());
                }
                self.unreadable.push((name, error.to_string()));
            }
        }
    }

    /// Returns the digest of an author.
    #[must_use]
    pub fn digest_of(&self, author: &NodeName) -> Option<&PostDigest> {
        self.digests.iter().find(|digest| digest.author == *author)
    }

    /// Returns whether a newer version of the program wrote an author's digest.
    #[must_use]
    pub fn is_newer(&self, author: &NodeName) -> bool {
        self.newer.contains(author)
    }

    /// Returns the posts of all authors.
    pub fn posts(&self) -> impl Iterator<Item = &Post> {
        self.digests.iter().flat_map(|digest| &digest.posts)
    }

    /// Returns the current state of what readers of the page see.
    #[must_use]
    pub fn shown(&self, authors: &Authors, now: UnixNanos) -> Announcements {
        authors.announcements(&self.digests, now)
    }

    /// Returns the current state of all posts.
    #[must_use]
    pub fn announcements(&self, now: UnixNanos) -> Announcements {
        fold::fold(self.posts(), &self.editors, now)
    }

    /// Returns a post with its edits. If the post is an edit, returns those of the original.
    #[must_use]
    pub fn versions(&self, id: &PostId, now: UnixNanos) -> Option<Versions<'_>> {
        let versions = fold::versions(self.posts(), id, &self.editors, now);
        Some(Versions { original: versions.first().copied()?, current: versions.last().copied()? })
    }
}

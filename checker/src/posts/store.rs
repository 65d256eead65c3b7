//! The operations on a store that posts need, so that tests can interrupt commands between any two of them.

use std::collections::BTreeSet;
use std::time::Duration;

use backon::{ExponentialBuilder, Retryable as _};
use bytes::Bytes;
use shared::UnixNanos;
use shared::object_name::{DigestName, NodeName, PostName};

use crate::store::{Listing, ReadObject, Store, StoreError};

/// The number of attempts to store a post while the store is busy or unreachable.
const ATTEMPTS: usize = 4;
/// The shortest delay before the second attempt. Each further delay is twice as long.
const FIRST_DELAY: Duration = Duration::from_millis(250);

/// A store of posts and digests.
#[expect(async_fn_in_trait, reason = "commands wait for these futures on one thread")]
pub trait PostStore {
    /// Returns the store's description, for messages.
    fn describe(&self) -> String;

    /// Returns the store's time, if it is known.
    fn time(&self) -> Option<UnixNanos>;

    /// Lists the digests of all authors.
    async fn list_digests(&self) -> Result<Vec<DigestName>, StoreError>;

    /// Reads a digest. Returns `None` if it does not exist.
    async fn get_digest(&self, name: &DigestName) -> Result<Option<Vec<u8>>, StoreError>;

    /// Stores a digest, which replaces an older one.
    async fn put_digest(&self, name: &DigestName, content: String) -> Result<(), StoreError>;

    /// Lists all posts of one author.
    async fn list_posts(&self, author: &NodeName) -> Result<BTreeSet<PostName>, StoreError>;

    /// Reads posts, skipping those that do not exist.
    async fn get_posts(&self, names: &[PostName]) -> Result<Vec<(PostName, ReadObject)>, StoreError>;

    /// Stores a post. The error is [`StoreError::AlreadyExists`] if another post has this name.
    async fn put_post(&self, name: &PostName, content: String) -> Result<(), StoreError>;

    /// Deletes posts. Deleting a missing post is not an error.
    async fn delete_posts(&self, names: &[PostName]) -> Result<(), StoreError>;
}

impl PostStore for Store {
    fn describe(&self) -> String {
        Store::describe(self)
    }

    fn time(&self) -> Option<UnixNanos> {
        self.store_time()
    }

    async fn list_digests(&self) -> Result<Vec<DigestName>, StoreError> {
        self.list(Listing::all()).await
    }

    async fn get_digest(&self, name: &DigestName) -> Result<Option<Vec<u8>>, StoreError> {
        self.get(name).await
    }

    async fn put_digest(&self, name: &DigestName, content: String) -> Result<(), StoreError> {
        self.put(name, content.into()).await
    }

    async fn list_posts(&self, author: &NodeName) -> Result<BTreeSet<PostName>, StoreError> {
        let all: Vec<PostName> = self.list(Listing::all()).await?;
        Ok(all.into_iter().filter(|name| name.id.author == *author).collect())
    }

    async fn get_posts(&self, names: &[PostName]) -> Result<Vec<(PostName, ReadObject)>, StoreError> {
        let mut posts = Vec::new();
        let mut rest = names;
        while !rest.is_empty() {
            let batch = self.get_batch(rest).await?;
            rest = rest.get(batch.names.max(1)..).unwrap_or_default();
            posts.extend(batch.objects);
        }
        Ok(posts)
    }

    async fn put_post(&self, name: &PostName, content: String) -> Result<(), StoreError> {
        // Storing a post again is harmless: a post with the same content is not an error.
        let content = Bytes::from(content);
        let backoff = ExponentialBuilder::new()
            .with_min_delay(FIRST_DELAY)
            .with_max_times(ATTEMPTS.saturating_sub(1))
            .with_jitter();
        let put = || self.put(name, content.clone());
        put.retry(backoff).sleep(tokio::time::sleep).when(StoreError::is_transient).await
    }

    async fn delete_posts(&self, names: &[PostName]) -> Result<(), StoreError> {
        self.delete(names, |_| {}).await.failure.map_or(Ok(()), Err)
    }
}

//! The page's interface to a store: listings, objects and errors. [`crate::source`] implements it over HTTP. This
//! module is pure.

mod error;
mod fetch_all;
mod listing;

use shared::UnixNanos;
pub use shared::check_file::OBJECT_SIZE_LIMIT;

pub use error::StoreError;
#[cfg(test)]
pub(crate) use fetch_all::CONCURRENT_FETCHES;
pub(crate) use fetch_all::fetch_all;
pub use listing::{HistoryListing, InlineContents, ListedDigest, ListedFile, Listing, StoreObject};

/// How the page reads a store. Tests use a different implementation.
pub(crate) trait Store {
    /// Lists the check files that were stored at `from` or later, at least up to `until`.
    async fn list(&self, from: UnixNanos, until: UnixNanos, contents: InlineContents) -> Result<Listing, StoreError>;

    async fn get(&self, object: &StoreObject) -> Result<Vec<u8>, StoreError>;

    /// Returns whether only [`Store::list_histories`] lists the digests of posts.
    fn lists_digests_apart(&self) -> bool;

    /// Lists all histories and digests of posts, and the newest check files if the same request returns them.
    async fn list_histories(&self) -> Result<HistoryListing, StoreError>;
}

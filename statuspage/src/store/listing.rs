//! Listings of check files, histories and digests of posts, and the objects that can be fetched from a store.

use shared::UnixNanos;
use shared::check_file::CheckFile;
use shared::object_name::{CheckFileName, DigestName, HistoryName};

/// A check file in a listing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListedFile {
    pub name: CheckFileName,
    /// The size in bytes, if the listing contains it.
    pub size: Option<usize>,
    /// The content, if the listing contains it.
    pub file: Option<CheckFile>,
}

/// Whether a listing may contain the contents of check files.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum InlineContents {
    /// For the first listing, when no files are in memory yet.
    Allowed,
    Omitted,
}

/// The digest of an author's posts, with its entity tag if the listing contains it.
pub type ListedDigest = (DigestName, Option<String>);

#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Listing {
    /// The check files, oldest first.
    pub files: Vec<ListedFile>,
    /// The digests of posts, or `None` if the listing does not reach them.
    pub digests: Option<Vec<ListedDigest>>,
    /// The names of all other listed objects.
    pub unrelated: Vec<String>,
    /// When the listing was received, by the device's clock, if it comes from the service worker's cache.
    pub cached_at: Option<UnixNanos>,
}

/// An object that can be fetched from a store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StoreObject {
    CheckFile(CheckFileName),
    /// A history, with its entity tag if the listing contains it.
    History(HistoryName, Option<String>),
    /// The digest of an author's posts, with its entity tag if the listing contains it.
    Digest(DigestName, Option<String>),
}

/// A listing of all histories and all digests of posts.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct HistoryListing {
    /// The names of the histories, each with its entity tag if the listing contains it.
    pub histories: Vec<(HistoryName, Option<String>)>,
    pub digests: Vec<ListedDigest>,
    /// The newest check files, if the same request returned them.
    pub newest: Option<Listing>,
    /// When the listing was received, if it comes from the service worker's cache.
    pub cached_at: Option<UnixNanos>,
}

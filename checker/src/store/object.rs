//! Names of objects in a store, and the rules for writing, caching and reading each kind of object.

use std::fmt;
use std::ops::RangeInclusive;

use shared::UnixNanos;
use shared::notification_log::SIZE_LIMIT;
use shared::object_name::{
    self, CheckFileName, DigestName, HISTORY_FOLDER, HeartbeatName, HistoryName, HistoryPart, LogName, OutputForm,
    OutputName, POST_FOLDER, PostName, SummaryName, patterns,
};
use shared::post::digest;

use super::limits::{CHECK_FILE_LIMIT, HISTORY_LIMIT, LATENCIES_LIMIT, POST_LIMIT, SUMMARY_LIMIT};

/// A check file never changes once it is stored.
const IMMUTABLE: &str = "public, max-age=31536000, immutable";
/// Histories, heartbeats and logs are replaced repeatedly, so caches must revalidate them. Posts can be erased.
const REVALIDATE: &str = "no-cache";
/// Summaries, badges and other outputs contain their own times, can be a minute old and are fetched often.
const ONE_MINUTE: &str = "public, max-age=60";

const JSON: &str = "application/json";

/// The maximum size of a heartbeat, in bytes. It contains a time and a short text.
const HEARTBEAT_LIMIT: u64 = 16 << 10;

/// The rules for writing, caching and reading objects of one kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ObjectRules {
    /// The value of the `Content-Type` header.
    pub content_type: &'static str,
    /// The value of the `Cache-Control` header, which determines how long caches between the store and its readers may
    /// keep the object.
    pub cache_control: &'static str,
    pub(super) write: WriteMode,
    /// Whether a bucket stores the object compressed with gzip. Readers recognize both forms.
    pub(super) is_compressed: bool,
    /// The maximum size, in bytes, both as stored and decompressed. A larger object is not read at all.
    pub(super) size_limit: u64,
    /// Whether the object must survive a power failure.
    pub(super) is_durable: bool,
    /// The list of these objects that a directory store keeps for plain HTTP readers.
    pub(super) listed_in: Option<ListFile>,
    /// Whether a directory store reads and writes only inside the object's own folder. The object's writer then needs
    /// no other permission, and a missing store is reported as an error, not as a missing object.
    pub(super) is_self_contained: bool,
}

/// How to write an object whose name already exists.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum WriteMode {
    /// The existing object is kept. The write fails unless the contents are the same.
    Create,
    /// The existing object is replaced. Readers see either the old or the new contents.
    Replace,
}

/// The lists that a directory store keeps for plain HTTP readers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ListFile {
    /// The index of all check files, in the original Checkup's format.
    Index,
    /// The histories, the digests of posts and the newest check files.
    HistoryIndex,
}

/// The rules for an object that is replaced, read as a whole and not listed.
const REPLACED: ObjectRules = ObjectRules {
    content_type: JSON,
    cache_control: REVALIDATE,
    write: WriteMode::Replace,
    is_compressed: false,
    size_limit: CHECK_FILE_LIMIT,
    is_durable: true,
    listed_in: None,
    is_self_contained: false,
};

/// The name of an object, without the store's prefix.
pub trait ObjectName: fmt::Display {
    /// Returns the rules for objects of this kind.
    fn rules(&self) -> ObjectRules;
}

/// The name of an object that stores can list and delete.
pub trait ListedName: ObjectName + Clone + Ord + Send + Sync + 'static {
    /// The folder of these objects: empty, or ending with a slash.
    const FOLDER: &'static str;

    /// Whether a directory store also lists what is not a regular file. It cannot be read, but was not deleted either.
    const LISTS_IRREGULAR: bool = false;

    /// Parses a name without the store's prefix. Returns `None` for the names of other kinds of objects.
    fn parse(name: &str) -> Option<Self>;

    /// Returns when the object was stored, if its name contains the time.
    fn stored_at(&self) -> Option<UnixNanos>;

    /// Returns the key after which a bucket listing must start to contain all objects stored at `time` or later.
    fn start_after(prefix: &str, time: UnixNanos) -> Option<String>;

    /// Returns the pattern, for use in policies, that matches this object and all others from the same writer.
    fn pattern(&self, prefix: &str) -> String;
}

impl ObjectName for CheckFileName {
    fn rules(&self) -> ObjectRules {
        ObjectRules { cache_control: IMMUTABLE, write: WriteMode::Create, listed_in: Some(ListFile::Index), ..REPLACED }
    }
}

impl ListedName for CheckFileName {
    const FOLDER: &'static str = "";

    fn parse(name: &str) -> Option<CheckFileName> {
        CheckFileName::parse(name)
    }

    fn stored_at(&self) -> Option<UnixNanos> {
        Some(self.stored_at)
    }

    fn start_after(prefix: &str, time: UnixNanos) -> Option<String> {
        Some(object_name::start_after(prefix, time))
    }

    fn pattern(&self, prefix: &str) -> String {
        patterns::for_check_file(prefix, self)
    }
}

impl ObjectName for HistoryName {
    fn rules(&self) -> ObjectRules {
        let size_limit = match self.part {
            HistoryPart::Main => HISTORY_LIMIT,
            HistoryPart::Latency => LATENCIES_LIMIT,
        };
        ObjectRules { is_compressed: true, size_limit, listed_in: Some(ListFile::HistoryIndex), ..REPLACED }
    }
}

impl ListedName for HistoryName {
    const FOLDER: &'static str = HISTORY_FOLDER;

    /// The node of a history that was deleted is assumed to have been removed.
    const LISTS_IRREGULAR: bool = true;

    fn parse(name: &str) -> Option<HistoryName> {
        HistoryName::parse(name)
    }

    fn stored_at(&self) -> Option<UnixNanos> {
        None
    }

    fn start_after(_: &str, _: UnixNanos) -> Option<String> {
        None
    }

    fn pattern(&self, prefix: &str) -> String {
        format!("{prefix}{self}")
    }
}

impl ObjectName for SummaryName {
    fn rules(&self) -> ObjectRules {
        // A summary need not be durable: the checker writes it again within minutes of a power failure.
        ObjectRules {
            content_type: self.media_type(),
            cache_control: ONE_MINUTE,
            size_limit: SUMMARY_LIMIT,
            is_durable: false,
            ..REPLACED
        }
    }
}

impl ObjectName for OutputName {
    fn rules(&self) -> ObjectRules {
        let cache_control = if self.form == OutputForm::Index { REVALIDATE } else { ONE_MINUTE };
        // Outputs must survive a power failure, because they are written again only if their content changes.
        ObjectRules { content_type: self.form.media_type(), cache_control, size_limit: SUMMARY_LIMIT, ..REPLACED }
    }
}

impl ObjectName for HeartbeatName {
    fn rules(&self) -> ObjectRules {
        ObjectRules { size_limit: HEARTBEAT_LIMIT, is_self_contained: true, ..REPLACED }
    }
}

impl ObjectName for LogName {
    fn rules(&self) -> ObjectRules {
        ObjectRules { is_compressed: true, size_limit: SIZE_LIMIT as u64, ..REPLACED }
    }
}

impl ObjectName for PostName {
    fn rules(&self) -> ObjectRules {
        ObjectRules { write: WriteMode::Create, size_limit: POST_LIMIT, ..REPLACED }
    }
}

impl ListedName for PostName {
    const FOLDER: &'static str = POST_FOLDER;

    fn parse(name: &str) -> Option<PostName> {
        PostName::parse(name)
    }

    fn stored_at(&self) -> Option<UnixNanos> {
        Some(self.id.posted_at)
    }

    fn start_after(prefix: &str, time: UnixNanos) -> Option<String> {
        Some(object_name::start_after(&format!("{prefix}{POST_FOLDER}"), time))
    }

    fn pattern(&self, prefix: &str) -> String {
        patterns::posts(prefix, &self.id.author)
    }
}

impl ObjectName for DigestName {
    fn rules(&self) -> ObjectRules {
        let size_limit = digest::SIZE_LIMIT as u64;
        ObjectRules { is_compressed: true, size_limit, listed_in: Some(ListFile::HistoryIndex), ..REPLACED }
    }
}

impl ListedName for DigestName {
    const FOLDER: &'static str = HISTORY_FOLDER;

    fn parse(name: &str) -> Option<DigestName> {
        DigestName::parse(name)
    }

    fn stored_at(&self) -> Option<UnixNanos> {
        None
    }

    fn start_after(_: &str, _: UnixNanos) -> Option<String> {
        None
    }

    fn pattern(&self, prefix: &str) -> String {
        format!("{prefix}{self}")
    }
}

/// The name of any object in the folder of histories, so that one listing finds all of them.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum HistoryFolderName {
    History(HistoryName),
    /// The digest of an author's posts.
    Digest(DigestName),
}

impl fmt::Display for HistoryFolderName {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            HistoryFolderName::History(name) => name.fmt(formatter),
            HistoryFolderName::Digest(name) => name.fmt(formatter),
        }
    }
}

impl ObjectName for HistoryFolderName {
    fn rules(&self) -> ObjectRules {
        match self {
            HistoryFolderName::History(name) => name.rules(),
            HistoryFolderName::Digest(name) => name.rules(),
        }
    }
}

impl ListedName for HistoryFolderName {
    const FOLDER: &'static str = HISTORY_FOLDER;
    const LISTS_IRREGULAR: bool = HistoryName::LISTS_IRREGULAR;

    fn parse(name: &str) -> Option<HistoryFolderName> {
        let digest = || DigestName::parse(name).map(HistoryFolderName::Digest);
        HistoryName::parse(name).map(HistoryFolderName::History).or_else(digest)
    }

    fn stored_at(&self) -> Option<UnixNanos> {
        None
    }

    fn start_after(_: &str, _: UnixNanos) -> Option<String> {
        None
    }

    fn pattern(&self, prefix: &str) -> String {
        format!("{prefix}{self}")
    }
}

/// Selects which objects of a kind to list. Time limits apply only to kinds whose names contain a time.
#[derive(Debug, Clone)]
pub struct Listing {
    pub(super) times: RangeInclusive<UnixNanos>,
    /// The number of names after which reading from a bucket stops.
    pub(super) enough: usize,
}

impl Listing {
    #[must_use]
    pub fn all() -> Listing {
        Listing { times: 0..=UnixNanos::MAX, enough: usize::MAX }
    }

    /// Selects objects stored at `from` or later.
    #[must_use]
    pub fn since(from: UnixNanos) -> Listing {
        Listing { times: from..=UnixNanos::MAX, ..Listing::all() }
    }

    /// Selects objects stored at `until` or earlier. Reading from a bucket stops there.
    #[must_use]
    pub fn until(until: UnixNanos) -> Listing {
        Listing { times: 0..=until, ..Listing::all() }
    }

    /// Selects objects stored in a period, including its ends.
    #[must_use]
    pub fn during(times: RangeInclusive<UnixNanos>) -> Listing {
        Listing { times, ..Listing::all() }
    }

    /// Selects the `count` oldest objects, and possibly a few more.
    #[must_use]
    pub fn oldest(count: usize) -> Listing {
        Listing { enough: count, ..Listing::all() }
    }

    /// Returns whether the listing covers the object's time.
    pub(super) fn contains(&self, name: &impl ListedName) -> bool {
        name.stored_at().is_none_or(|stored_at| self.times.contains(&stored_at))
    }
}

/// An object's name, as a string, and the rules for its kind.
#[derive(Debug, Clone)]
pub(super) struct Object {
    pub(super) name: String,
    pub(super) rules: ObjectRules,
}

impl Object {
    pub(super) fn new(name: &impl ObjectName) -> Object {
        Object { name: name.to_string(), rules: name.rules() }
    }
}

//! Stores for check files, histories, summaries, heartbeats and posts: one module per kind of store, all behind [`Store`].
//!
//! [`object`] defines how each kind of object is written, cached and read. [`upload`] makes sure that no round is lost:
//! it retries, and keeps in the [`spool`] whatever cannot be stored now.

mod blocking_io;
mod compression;
pub(crate) mod directory;
mod limits;
pub mod object;
pub mod read_buffer;
pub(crate) mod s3;
pub mod settings;
pub mod spool;
pub mod upload;

use std::borrow::Cow;
use std::io;
use std::path::PathBuf;
use std::time::Duration;

use bytes::Bytes;
use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use shared::UnixNanos;
use shared::notification_log::{REGISTERS_LIMIT, SIZE_LIMIT};
use shared::object_name::CheckFileName;

pub use self::directory::DirectoryStore;
use self::limits::{GET_ALL_TIMEOUT, GET_TIMEOUT, LIST_TIMEOUT, PUT_TIMEOUT};
use self::object::Object;
pub use self::object::{ListedName, Listing, ObjectName};
use self::read_buffer::ReadBuffer;
pub use self::s3::S3Store;
pub use self::s3::error::S3Error;
use crate::store::settings::{Storage, StoreLocation};

/// The number of names to try for one check file. Names are unique by construction (time and node), so if more than
/// one or two in a row are taken, something is wrong with the store.
const NAMES_TO_TRY: usize = 16;

/// A store of objects. To add a kind of store, add a module next to this one and a variant here.
#[derive(Debug)]
pub enum Store {
    /// A bucket of an S3 service.
    S3(S3Store),
    /// A directory on this machine.
    Directory(DirectoryStore),
}

impl Store {
    /// Opens the store. A missing directory is created, if possible; no request is sent to a bucket yet. Problems are
    /// reported when the store is used.
    pub async fn open(storage: &Storage) -> Store {
        match &storage.location {
            StoreLocation::S3(bucket) => Store::S3(S3Store::open(bucket).await),
            StoreLocation::Directory(path) => Store::Directory(DirectoryStore::open(path.clone()).await),
        }
    }

    /// Describes the store in words: ``the bucket `b` at `https://s3.example.com` ``, ``the directory `checks` ``.
    #[must_use]
    pub fn describe(&self) -> String {
        match self {
            Store::S3(store) => store.describe(),
            Store::Directory(store) => store.describe(),
        }
    }

    /// Writes an object.
    ///
    /// Objects of most kinds replace an older one of the same name; readers see either the old or the new contents. A
    /// check file or post never replaces another: the error is [`StoreError::AlreadyExists`], unless the existing file has
    /// the same contents, so a caller that missed the response can repeat the call.
    pub async fn put(&self, name: &impl ObjectName, content: Bytes) -> Result<(), StoreError> {
        let object = Object::new(name);
        let writing = async {
            match self {
                // Box the future, because the SDK's futures are large.
                Store::S3(store) => Box::pin(store.put(&object, content)).await,
                Store::Directory(store) => store.put(object.clone(), content).await,
            }
        };
        self.within(PUT_TIMEOUT, || format!("store `{name}`"), writing).await
    }

    /// Writes several objects, each as [`Store::put`] does, in any order. Stops at the first error.
    pub async fn put_all<N: ObjectName>(&self, objects: Vec<(N, Bytes)>) -> Result<(), StoreError> {
        let at_once = match self {
            Store::S3(_) => s3::WRITES_AT_ONCE,
            Store::Directory(_) => 1,
        };
        stream::iter(objects)
            .map(async |(name, content)| self.put(&name, content).await)
            .buffer_unordered(at_once)
            .try_collect()
            .await
    }

    /// Reads an object. Returns `None` if it does not exist.
    pub async fn get(&self, name: &impl ObjectName) -> Result<Option<Vec<u8>>, StoreError> {
        let object = Object::new(name);
        let reading = async {
            match self {
                Store::S3(store) => Box::pin(store.get(&object)).await,
                Store::Directory(store) => store.get(object.clone()).await,
            }
        };
        self.within(GET_TIMEOUT, || format!("return `{name}`"), reading).await
    }

    /// Reads an object unless it still has the version that the caller has read before. This saves transferring it.
    pub async fn get_if_changed(
        &self,
        name: &impl ObjectName,
        known: Option<&ObjectVersion>,
    ) -> Result<Fetched, StoreError> {
        let object = Object::new(name);
        let reading = async {
            match self {
                Store::S3(store) => Box::pin(store.get_if_changed(&object, known)).await,
                Store::Directory(store) => store.get_if_changed(object.clone(), known).await,
            }
        };
        self.within(GET_TIMEOUT, || format!("return `{name}`"), reading).await
    }

    /// Reads objects in the order of `names`, skipping those that do not exist. If they are large, reads only the first
    /// ones, but at least one.
    pub async fn get_batch<N: ListedName>(&self, names: &[N]) -> Result<Batch<N>, StoreError> {
        self.get_batch_with(names, None).await
    }

    /// Like [`Store::get_batch`], but a large object of a directory uses the buffer.
    pub async fn get_batch_with<N: ListedName>(
        &self,
        names: &[N],
        buffer: Option<&ReadBuffer>,
    ) -> Result<Batch<N>, StoreError> {
        let reading = async {
            match self {
                Store::S3(store) => Box::pin(store.get_batch(names)).await,
                Store::Directory(store) => store.get_batch(names, buffer).await,
            }
        };
        self.within(GET_ALL_TIMEOUT, || format!("return {} objects", names.len()), reading).await
    }

    /// Lists the names of objects of one kind in ascending order. Objects of other kinds are skipped.
    pub async fn list<N: ListedName>(&self, listing: Listing) -> Result<Vec<N>, StoreError> {
        let work = async {
            match self {
                Store::S3(store) => Box::pin(store.list(&listing)).await,
                Store::Directory(store) => store.list(listing.clone()).await,
            }
        };
        self.within(LIST_TIMEOUT, || "list its objects".to_owned(), work).await
    }

    /// Deletes objects, continuing after those that cannot be deleted. Deleting a missing object is not an error.
    /// `progress` is called regularly with the number of processed objects.
    pub async fn delete<N: ListedName>(&self, names: &[N], progress: impl FnMut(usize)) -> Deletion {
        match self {
            Store::S3(store) => Box::pin(store.delete(names, progress)).await,
            Store::Directory(store) => store.delete(names).await,
        }
    }

    /// Checks whether another program blocks writers of a directory by holding its lock. Buckets have no lock.
    pub async fn test_lock(&self) -> Result<(), StoreError> {
        match self {
            Store::S3(_) => Ok(()),
            Store::Directory(store) => store.test_lock().await,
        }
    }

    /// Returns the store's time when it last stored or sent something, or `None` if it is unknown. The time is that of
    /// the S3 service or of the file system's server.
    #[must_use]
    pub fn store_time(&self) -> Option<UnixNanos> {
        match self {
            Store::S3(store) => store.service_time(),
            Store::Directory(store) => store.file_time(),
        }
    }

    /// Waits for an operation, up to a time limit. `task` describes the operation for the error.
    async fn within<T>(
        &self,
        limit: Duration,
        task: impl FnOnce() -> String,
        work: impl Future<Output = Result<T, StoreError>>,
    ) -> Result<T, StoreError> {
        let error = || StoreError::TimedOut { store: self.describe(), task: task(), limit: limit.as_secs() };
        tokio::time::timeout(limit, work).await.unwrap_or_else(|_| Err(error()))
    }
}

/// The version of an object that was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ObjectVersion(String);

/// The outcome of reading an object that may not have changed since it was last read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fetched {
    /// The object still has the version that the caller knows.
    Unchanged,
    Missing,
    Changed {
        content: Vec<u8>,
        /// The version, or `None` if the store does not provide one.
        version: Option<ObjectVersion>,
    },
}

/// The contents of an object, or the reason why this object cannot be read although the store is available.
pub type ReadObject = Result<Vec<u8>, String>;

/// The first of several objects to read.
#[derive(Debug, PartialEq, Eq)]
pub struct Batch<N> {
    /// The existing objects, in the order of their names.
    pub objects: Vec<(N, ReadObject)>,
    /// The number of names in this batch, including those of missing objects.
    pub names: usize,
}

impl<N> Default for Batch<N> {
    fn default() -> Batch<N> {
        Batch { objects: Vec::new(), names: 0 }
    }
}

impl<N> Batch<N> {
    /// Adds an object, unless it is missing. An object that is too large does not prevent the others from being read.
    fn add(&mut self, name: N, read: Result<Option<Vec<u8>>, StoreError>) -> Result<(), StoreError> {
        match read {
            Ok(content) => self.objects.extend(content.map(|content| (name, Ok(content)))),
            Err(error @ StoreError::TooLarge { .. }) => self.objects.push((name, Err(error.to_string()))),
            Err(error) => return Err(error),
        }
        self.names += 1;
        Ok(())
    }
}

/// The outcome of deleting objects.
#[derive(Debug, Default)]
pub struct Deletion {
    /// The number of deleted objects.
    pub deleted: usize,
    /// Why other objects still exist, or `None` if all were deleted.
    pub failure: Option<StoreError>,
}

impl From<StoreError> for Deletion {
    fn from(error: StoreError) -> Self {
        Deletion { deleted: 0, failure: Some(error) }
    }
}

/// Returns the name to try after one that is taken: one nanosecond later.
fn next_name(name: &CheckFileName) -> CheckFileName {
    CheckFileName { stored_at: name.stored_at.saturating_add(1), node: name.node.clone() }
}

/// A store operation failed. The message contains the cause and, where possible, a remedy, but no secrets.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// A request to an S3 service failed.
    #[error("failed to {task}: {cause}")]
    S3 {
        /// The operation, as a phrase that can follow "failed to": ``write `status/1….json` to the bucket `b` ``.
        task: String,
        /// The cause, with its remedy.
        cause: S3Error,
    },
    /// A file system operation failed.
    #[error("failed to {task}: {}", describe_io_error(cause))]
    File {
        /// The operation, as a phrase that can follow "failed to".
        task: String,
        cause: io::Error,
    },
    /// An operation did not end within its time limit.
    #[error("{store} did not {task} within {limit} s")]
    TimedOut {
        store: String,
        /// The operation, as a phrase that can follow "did not": `list its objects`.
        task: String,
        /// The limit, in seconds.
        limit: u64,
    },
    /// The store is still busy storing earlier rounds.
    #[error("{store} is still busy with earlier rounds")]
    Busy { store: String },
    #[error("`{name}` in {store} is larger than the limit of {limit}; it is not read")]
    TooLarge {
        name: String,
        store: String,
        /// The limit that the object exceeds, such as `64 MiB`.
        limit: String,
    },
    /// A notification log exceeds the limit for its size or number of entries.
    #[error(
        "the notification log `{name}` exceeds the limit of {REGISTERS_LIMIT} entries or {} MiB; {remedy}",
        SIZE_LIMIT >> 20
    )]
    LogTooLarge { name: String, remedy: &'static str },
    /// An object that must not be replaced already has this name.
    #[error("`{name}` already exists in {store} with different content")]
    AlreadyExists { name: String, store: String },
    /// All names that were tried for a check file are taken.
    #[error(
        "the check file `{name}` cannot be stored: all {NAMES_TO_TRY} names that were tried are taken; check whether two checkers have the same node name or the clock is stuck"
    )]
    NamesTaken {
        /// The first name that was tried.
        name: CheckFileName,
    },
    /// The checker is shutting down, and the time for storing has run out.
    #[error("{store} did not respond within {limit} s after the shutdown request")]
    Stopped {
        store: String,
        /// The time allowed for storing after the shutdown request, in seconds.
        limit: u64,
    },
    /// The round could not be stored, but is safe in the spool.
    #[error("{cause}; the round is kept in `{}` and will be sent before the next one", path.display())]
    Kept {
        /// The spool file that contains the round.
        path: PathBuf,
        /// Why the round could not be stored.
        cause: Box<StoreError>,
    },
    /// Neither the store nor the spool accepted the round: the caller has the only copy.
    #[error("{cause}; the round could not be kept in the spool either: {spool_cause}")]
    NotKept {
        /// Why the store did not accept the round.
        cause: Box<StoreError>,
        /// Why the spool did not accept the round.
        spool_cause: Box<StoreError>,
    },
}

impl StoreError {
    /// Returns whether access to the object is denied.
    #[must_use]
    pub fn is_denied(&self) -> bool {
        match self {
            StoreError::S3 { cause: S3Error::AccessDenied { .. }, .. } => true,
            StoreError::File { cause, .. } => cause.kind() == io::ErrorKind::PermissionDenied,
            _ => false,
        }
    }

    /// Returns whether files or folders of a directory store cannot be read until the operator changes something, for
    /// example because a folder is a symbolic link.
    #[must_use]
    pub fn is_lasting_file_error(&self) -> bool {
        matches!(self, StoreError::File { .. }) && !self.is_transient()
    }

    /// Returns whether the same request may succeed a moment later because the store was only busy, slow or
    /// unreachable.
    #[must_use]
    pub fn is_transient(&self) -> bool {
        match self {
            StoreError::S3 { cause, .. } => cause.is_transient(),
            StoreError::File { cause, .. } => matches!(
                cause.kind(),
                io::ErrorKind::Interrupted
                    | io::ErrorKind::WouldBlock
                    | io::ErrorKind::TimedOut
                    | io::ErrorKind::ResourceBusy
                    | io::ErrorKind::StaleNetworkFileHandle
            ),
            StoreError::AlreadyExists { .. }
            | StoreError::NamesTaken { .. }
            | StoreError::TooLarge { .. }
            | StoreError::LogTooLarge { .. } => false,
            StoreError::Stopped { .. } | StoreError::TimedOut { .. } | StoreError::Busy { .. } => true,
            StoreError::Kept { cause, .. } | StoreError::NotKept { cause, .. } => cause.is_transient(),
        }
    }
}

/// Describes a file system error, with a remedy if there is one.
fn describe_io_error(error: &io::Error) -> Cow<'static, str> {
    Cow::Borrowed(match error.kind() {
        io::ErrorKind::PermissionDenied => "permission denied; give the user that runs the checker write access there",
        io::ErrorKind::StorageFull => "no space is left on the device; free some space there",
        io::ErrorKind::QuotaExceeded => "the disk quota is exceeded; free some space there or raise the quota",
        io::ErrorKind::ReadOnlyFilesystem => {
            "the file system is read-only; mount it writable or configure another directory"
        }
        io::ErrorKind::NotADirectory | io::ErrorKind::AlreadyExists => {
            "a file exists where a directory is expected; move it away or configure another directory"
        }
        _ => return Cow::Owned(error.to_string()),
    })
}

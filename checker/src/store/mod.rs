//! Where rounds are kept: one file per kind of store, all behind [`Store`]. What waits for a store that cannot be
//! reached is [`spool`]'s business, and [`upload`] makes sure that no round is lost.

mod blocking_io;
pub(crate) mod directory;
pub(crate) mod s3;
pub mod settings;
pub mod spool;
pub mod upload;

use std::fmt;
use std::io;
use std::ops::RangeInclusive;
use std::path::PathBuf;

use bytes::Bytes;
use shared::UnixNanos;
use shared::object_name::{CheckFileName, HeartbeatName, HistoryName, SummaryName};

pub use self::directory::DirectoryStore;
pub use self::s3::S3Store;
pub use self::s3::error::S3Problem;
use crate::platform::shutdown::STORING_AFTER_STOP;
use crate::store::settings::{Storage, StoreLocation};

/// A place that keeps check files. A new kind of store is a file beside this one and an arm here.
#[derive(Debug)]
pub enum Store {
    /// A bucket of an S3 service.
    S3(S3Store),
    /// A directory of this machine.
    Directory(DirectoryStore),
}

impl Store {
    /// Opens the store. A directory is created if it can be; a bucket is not asked anything yet. What is wrong with it is told
    /// when it is used.
    pub async fn open(storage: &Storage) -> Store {
        match &storage.location {
            StoreLocation::S3(bucket) => Store::S3(S3Store::open(bucket).await),
            StoreLocation::Directory(path) => Store::Directory(DirectoryStore::open(path.clone()).await),
        }
    }

    /// What people call it: ``the bucket `b` at `https://s3.example.com` ``, ``the directory `checks` ``.
    #[must_use]
    pub fn describe(&self) -> String {
        match self {
            Store::S3(store) => store.describe(),
            Store::Directory(store) => store.describe(),
        }
    }

    /// Stores a check file and never replaces one: if another file has the name, the next free nanosecond is taken.
    ///
    /// Returns the name it really has. To store the same content under the same name again changes nothing, so
    /// that a caller whose answer was lost on the way may simply ask again.
    pub async fn put_check_file(&self, name: &CheckFileName, content: &Bytes) -> Result<CheckFileName, StoreError> {
        match self {
            Store::S3(store) => store.put_check_file(name, content).await,
            Store::Directory(store) => store.put_check_file(name, content).await,
        }
    }

    /// The names of all check files stored at `from` or later, in order; other objects are passed over.
    pub async fn list_check_files(&self, from: UnixNanos) -> Result<Vec<CheckFileName>, StoreError> {
        self.list_check_files_of(from..=UnixNanos::MAX).await
    }

    /// The names of all check files stored at `until` or earlier, in order. A bucket is not read any further.
    pub async fn list_check_files_until(&self, until: UnixNanos) -> Result<Vec<CheckFileName>, StoreError> {
        self.list_check_files_of(0..=until).await
    }

    async fn list_check_files_of(&self, times: RangeInclusive<UnixNanos>) -> Result<Vec<CheckFileName>, StoreError> {
        match self {
            Store::S3(store) => store.list_check_files(times).await,
            Store::Directory(store) => store.list_check_files(times).await,
        }
    }

    /// A check file's content; `None` if there is no such file.
    pub async fn read_check_file(&self, name: &CheckFileName) -> Result<Option<Vec<u8>>, StoreError> {
        match self {
            Store::S3(store) => store.read_check_file(name).await,
            Store::Directory(store) => store.read_check_file(name).await,
        }
    }

    /// The contents of check files in the order of their names; what is there no more is left out.
    pub async fn read_check_files(
        &self,
        names: &[CheckFileName],
    ) -> Result<Vec<(CheckFileName, ReadFile)>, StoreError> {
        match self {
            Store::S3(store) => store.read_check_files(names).await,
            Store::Directory(store) => store.read_check_files(names).await,
        }
    }

    /// Up to so many names of the oldest check files, or some more.
    pub async fn list_oldest_check_files(&self, most: usize) -> Result<Vec<CheckFileName>, StoreError> {
        match self {
            Store::S3(store) => store.list_check_files_up_to(0..=UnixNanos::MAX, most).await,
            Store::Directory(store) => store.list_check_files(0..=UnixNanos::MAX).await,
        }
    }

    /// Writes an object of a node's history in the place of the one before; readers see the old one or the new one.
    pub async fn put_history(&self, name: &HistoryName, content: String) -> Result<(), StoreError> {
        match self {
            Store::S3(store) => store.put_history(name, &content).await,
            Store::Directory(store) => store.put_history(name, content).await,
        }
    }

    /// An object of a node's history; `None` if there is no such object.
    pub async fn read_history(&self, name: &HistoryName) -> Result<Option<Vec<u8>>, StoreError> {
        match self {
            Store::S3(store) => store.read_history(name).await,
            Store::Directory(store) => store.read_history(name).await,
        }
    }

    /// The names of all objects of histories, in order.
    pub async fn list_histories(&self) -> Result<Vec<HistoryName>, StoreError> {
        match self {
            Store::S3(store) => store.list_histories().await,
            Store::Directory(store) => store.list_histories().await,
        }
    }

    /// Writes summaries and badges in the place of those before, the last of them after all others; readers of each see the
    /// old one or the new one.
    pub async fn put_summaries(&self, objects: Vec<(SummaryName, String)>) -> Result<(), StoreError> {
        match self {
            Store::S3(store) => store.put_summaries(objects).await,
            Store::Directory(store) => store.put_summaries(objects).await,
        }
    }

    /// A summary or a badge; `None` if there is no such object.
    pub async fn read_summary(&self, name: &SummaryName) -> Result<Option<Vec<u8>>, StoreError> {
        match self {
            Store::S3(store) => store.read_summary(name).await,
            Store::Directory(store) => store.read_summary(name).await,
        }
    }

    /// Writes a job's heartbeat in the place of the one before; readers see the old one or the new one.
    pub async fn put_heartbeat(&self, name: &HeartbeatName, content: &str) -> Result<(), StoreError> {
        match self {
            Store::S3(store) => store.put_heartbeat(name, content).await,
            Store::Directory(store) => store.put_heartbeat(name, content).await,
        }
    }

    /// A job's heartbeat, or the beginning of it if it is too long to be one; `None` if none has come yet.
    pub async fn read_heartbeat(&self, name: &HeartbeatName) -> Result<Option<Vec<u8>>, StoreError> {
        match self {
            Store::S3(store) => store.read_heartbeat(name).await,
            Store::Directory(store) => store.read_heartbeat(name).await,
        }
    }

    /// Removes check files; those that cannot be removed do not keep the others. One that was gone before is no
    /// error. `progress` hears now and then how many are done.
    pub async fn remove_check_files(&self, names: &[CheckFileName], progress: impl FnMut(usize)) -> Removal {
        match self {
            Store::S3(store) => store.remove_check_files(names, progress).await,
            Store::Directory(store) => store.remove_check_files(names).await,
        }
    }
}

/// A check file's content, or why this one cannot be read although the store can.
pub type ReadFile = Result<Vec<u8>, String>;

/// What became of check files that were to be removed.
#[derive(Debug, Default)]
pub struct Removal {
    /// How many are gone.
    pub removed: usize,
    /// Why others are still there, if any are.
    pub failure: Option<StoreError>,
}

impl From<StoreError> for Removal {
    fn from(error: StoreError) -> Self {
        Removal { removed: 0, failure: Some(error) }
    }
}

/// The next name after one that is taken: a nanosecond later.
fn next_name(name: &CheckFileName) -> CheckFileName {
    CheckFileName { stored_at: name.stored_at.saturating_add(1), node: name.node.clone() }
}

/// How much of a heartbeat is read, in bytes; what is longer is none.
const HEARTBEAT_LIMIT: usize = 16 << 10;

/// How many names are tried for one check file. Names are unique by construction (time and node), so that more
/// than one or two taken in a row mean that something is wrong with the store.
const NAMES_TO_TRY: usize = 16;

/// The store did not do its work. The text is whole: what caused it stands in it, and no secret does.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// An S3 service did not do what was asked.
    #[error("failed to {task}: {problem}")]
    S3 {
        /// What was tried, as a fragment: ``write `status/1….json` to the bucket `b` ``.
        task: String,
        /// What is wrong and what helps.
        problem: S3Problem,
    },
    /// The file system did not do what was asked.
    #[error("failed to {task}: {}", FileProblem(cause))]
    File {
        /// What was tried, as a fragment.
        task: String,
        /// What the system says.
        cause: io::Error,
    },
    /// Every name tried for a check file was taken by another one.
    #[error(
        "the check file `{name}` cannot be stored: its name and the {NAMES_TO_TRY} after it are taken; check whether two checkers have the same node name or the clock has stopped"
    )]
    NamesTaken {
        /// The name that was wanted.
        name: CheckFileName,
    },
    /// Somebody wanted us to stop, and there was no time to wait for the store any longer.
    #[error("{store} did not respond within {} s after the request to stop", STORING_AFTER_STOP.as_secs())]
    Stopped {
        /// What people call the store.
        store: String,
    },
    /// The round could not be stored now. It is safe and will be sent first next time.
    #[error("{cause}; the round is kept in `{}` and sent first next time", path.display())]
    Kept {
        /// Where the round waits.
        path: PathBuf,
        /// Why it could not be stored.
        cause: Box<StoreError>,
    },
    /// The round could not be stored, and not be kept for the next time either: the caller has the only copy.
    #[error("{cause}; the round could not be kept for the next time either: {spool_cause}")]
    NotKept {
        /// Why it could not be stored.
        cause: Box<StoreError>,
        /// Why it could not be kept.
        spool_cause: Box<StoreError>,
    },
}

impl StoreError {
    /// Whether the same request may well succeed a moment later: the store was busy, slow or out of reach.
    #[must_use]
    pub fn is_passing(&self) -> bool {
        match self {
            StoreError::S3 { problem, .. } => problem.is_passing(),
            StoreError::File { cause, .. } => matches!(
                cause.kind(),
                io::ErrorKind::Interrupted
                    | io::ErrorKind::WouldBlock
                    | io::ErrorKind::TimedOut
                    | io::ErrorKind::ResourceBusy
                    | io::ErrorKind::StaleNetworkFileHandle
            ),
            StoreError::NamesTaken { .. } => false,
            StoreError::Stopped { .. } => true,
            StoreError::Kept { cause, .. } | StoreError::NotKept { cause, .. } => cause.is_passing(),
        }
    }
}

/// What a file system's error means for a person, with what helps.
struct FileProblem<'a>(&'a io::Error);

impl fmt::Display for FileProblem<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.kind() {
            io::ErrorKind::PermissionDenied => {
                formatter.write_str("permission denied; let the user who runs the checker write there")
            }
            io::ErrorKind::StorageFull => formatter.write_str("no space is left on the device; make room there"),
            io::ErrorKind::QuotaExceeded => formatter.write_str("the quota is used up; make room there or raise it"),
            io::ErrorKind::ReadOnlyFilesystem => {
                formatter.write_str("the file system is read-only; mount it writable or name another directory")
            }
            io::ErrorKind::NotADirectory | io::ErrorKind::AlreadyExists => {
                formatter.write_str("a file stands where a directory is needed; move it away or name another directory")
            }
            _ => write!(formatter, "{}", self.0),
        }
    }
}

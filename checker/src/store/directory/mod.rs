//! A store in a directory. Objects are files, and next to them are the lists that plain HTTP readers need, so the page
//! needs only a static web server for the directory.
//!
//! Many processes may write at once. Each file is either complete or missing, and each list is rewritten as a whole,
//! under a lock, from the files that exist, so it is correct again after any interruption.

mod files;
pub(super) mod folder;
pub(crate) mod index;
#[cfg(test)]
mod tests;

use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use shared::UnixNanos;
use tokio::time::timeout;

use self::files::PutOutcome;

use super::blocking_io::{BlockingIo, MANY_FILES_LIMIT, TASK_LIMIT};
use super::limits::describe_size;
use super::object::{Listing, Object};
use super::read_buffer::{LARGE_SIZE, ReadBuffer};
use super::{Batch, Deletion, Fetched, ListedName, ObjectVersion, StoreError};

/// How long opening the store waits for the directory to be created.
const OPENING_LIMIT: Duration = Duration::from_secs(2);

/// A store whose objects are files in a directory.
#[derive(Debug, Clone)]
pub struct DirectoryStore {
    path: PathBuf,
    io: BlockingIo,
    /// The time at which the file system last wrote an object, by its own clock, or 0 if it has not written one yet.
    written_at: Arc<AtomicI64>,
}

impl DirectoryStore {
    /// Opens the directory, and creates it if it does not exist. An error is reported by the first operation that
    /// needs the directory; until it can be created, rounds are kept in the spool.
    pub(super) async fn open(path: PathBuf) -> DirectoryStore {
        let store = DirectoryStore { path, io: BlockingIo::default(), written_at: Arc::default() };
        // A hanging mount must not delay the checks, so the attempt continues in the background.
        let _ = timeout(OPENING_LIMIT, store.blocking(String::new(), folder::create_directory)).await;
        store
    }

    pub(super) fn describe(&self) -> String {
        format!("the directory `{}`", self.path.display())
    }

    pub(super) async fn put(&self, object: Object, content: Bytes) -> Result<(), StoreError> {
        let task = format!("write `{}` to {}", object.name, self.describe());
        let name = object.name.clone();
        match self.blocking(task, move |path| files::put(path, &object, &content)).await? {
            PutOutcome::Written(at) => {
                let since_1970 = at.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
                let nanos = i64::try_from(since_1970.as_nanos()).unwrap_or(i64::MAX);
                self.written_at.store(nanos, Ordering::Relaxed);
                Ok(())
            }
            PutOutcome::NameTaken => Err(StoreError::AlreadyExists { name, store: self.describe() }),
        }
    }

    /// Returns the time at which the file system last wrote an object, by its own clock, or `None` if it has not
    /// written one yet.
    pub(super) fn file_time(&self) -> Option<UnixNanos> {
        Some(self.written_at.load(Ordering::Relaxed)).filter(|time| *time > 0)
    }

    pub(super) async fn get(&self, object: Object) -> Result<Option<Vec<u8>>, StoreError> {
        let task = format!("read `{}` from {}", object.name, self.describe());
        let (name, limit) = (object.name.clone(), describe_size(object.rules.size_limit));
        match self.blocking(task, move |path| files::get(path, &object)).await {
            Err(StoreError::File { cause, .. }) if cause.kind() == io::ErrorKind::FileTooLarge => {
                Err(StoreError::TooLarge { name, store: self.describe(), limit })
            }
            read => read,
        }
    }

    /// Reading a file is cheap, so the version is a hash of its contents, which no clock and no file system can affect.
    pub(super) async fn get_if_changed(
        &self,
        object: Object,
        known: Option<&ObjectVersion>,
    ) -> Result<Fetched, StoreError> {
        let Some(content) = self.get(object).await? else { return Ok(Fetched::Missing) };
        let mut hasher = DefaultHasher::new();
        content.hash(&mut hasher);
        let version = ObjectVersion(format!("{:016x}", hasher.finish()));
        Ok(if known == Some(&version) {
            Fetched::Unchanged
        } else {
            Fetched::Changed { content, version: Some(version) }
        })
    }

    pub(super) async fn get_batch<N: ListedName>(
        &self,
        names: &[N],
        buffer: Option<&ReadBuffer>,
    ) -> Result<Batch<N>, StoreError> {
        let task = format!("read {} objects from {}", names.len(), self.describe());
        let (names, buffer) = (names.to_vec(), buffer.cloned());
        // Read all objects in one task: starting a task for each would take longer than reading the object.
        self.blocking_up_to(MANY_FILES_LIMIT, task, move |path| {
            let (mut batch, mut size) = (Batch::default(), 0);
            for name in names {
                let mut object = Object::new(&name);
                let limit = object.rules.size_limit;
                if !batch.objects.is_empty() {
                    object.rules.size_limit = limit.min((LARGE_SIZE as u64).saturating_sub(size));
                }
                match files::get_with(path, &object, |size| {
                    buffer.as_ref().map_or_else(|| Vec::with_capacity(size), |buffer| buffer.take(size))
                }) {
                    Ok(Some(content)) => {
                        size += content.len() as u64;
                        batch.objects.push((name, Ok(content)));
                    }
                    Ok(None) => {}
                    // The file may fit into the next batch.
                    Err(error) if error.kind() == io::ErrorKind::FileTooLarge && object.rules.size_limit < limit => {
                        break;
                    }
                    // One file's permissions and size do not affect the other files.
                    Err(error) => match files::describe_unreadable(&error, &object) {
                        Some(reason) => batch.objects.push((name, Err(reason))),
                        None => return Err(error),
                    },
                }
                batch.names += 1;
            }
            Ok(batch)
        })
        .await
    }

    pub(super) async fn list<N: ListedName>(&self, listing: Listing) -> Result<Vec<N>, StoreError> {
        let folder = if N::FOLDER.is_empty() { String::new() } else { format!("`{}` in ", N::FOLDER) };
        let task = format!("list {folder}{}", self.describe());
        self.blocking_up_to(MANY_FILES_LIMIT, task, move |path| {
            let mut names: Vec<N> = files::listed_names(&folder::Folder::open(path)?)?;
            names.retain(|name| listing.contains(name));
            names.sort_unstable();
            Ok(names)
        })
        .await
    }

    pub(super) async fn delete<N: ListedName>(&self, names: &[N]) -> Deletion {
        if names.is_empty() {
            return Deletion::default();
        }
        let task = |count: usize| format!("delete {count} of {} objects from {}", names.len(), self.describe());
        let to_delete: Vec<Object> = names.iter().map(Object::new).collect();
        let work = move |path: &Path| files::delete(path, &to_delete);
        match self.blocking_up_to(MANY_FILES_LIMIT, task(names.len()), work).await {
            Ok(None) => Deletion { deleted: names.len(), failure: None },
            Ok(Some((left, cause))) => {
                Deletion { deleted: names.len() - left, failure: Some(StoreError::File { task: task(left), cause }) }
            }
            Err(error) => error.into(),
        }
    }

    /// Checks whether rounds can be stored, without changing anything: no other program may hold the lock for long.
    pub(super) async fn test_lock(&self) -> Result<(), StoreError> {
        self.blocking(format!("lock {}", self.describe()), files::test_lock).await
    }

    /// Runs file system work on a thread that may block. `task` describes it in errors.
    async fn blocking<T: Send + 'static>(
        &self,
        task: String,
        work: impl FnOnce(&Path) -> io::Result<T> + Send + 'static,
    ) -> Result<T, StoreError> {
        self.blocking_up_to(TASK_LIMIT, task, work).await
    }

    /// Like [`Self::blocking`], but with another time limit.
    async fn blocking_up_to<T: Send + 'static>(
        &self,
        limit: Duration,
        task: String,
        work: impl FnOnce(&Path) -> io::Result<T> + Send + 'static,
    ) -> Result<T, StoreError> {
        let path = self.path.clone();
        let result = self.io.run(limit, move || work(&path)).await;
        result.map_err(|cause| StoreError::File { task, cause })
    }
}

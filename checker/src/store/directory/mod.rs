//! A directory as store: check files as files, and beside them the index that plain HTTP readers need, so that any
//! static web server over the directory is enough for the page.
//!
//! Many processes may write at once. A check file is in place or not there at all; the index is rewritten whole,
//! under a lock, from what is there, so that it is right again after any interruption.

pub(super) mod atomic_file;
mod files;
pub(crate) mod index;
#[cfg(test)]
mod tests;

use std::fs;
use std::io::{self, Read as _};
use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use shared::UnixNanos;
use shared::object_name::{
    CheckFileName, HEARTBEAT_FOLDER, HISTORY_FOLDER, HISTORY_INDEX, HeartbeatName, HistoryName, SummaryName,
};
use tokio::time::timeout;

use self::files::{LOCK_TIMEOUT, check_files, histories, lock, open_file, put, read_if_there, remove};
use super::blocking_io::{Disk, MANY_FILES_LIMIT, PIECE_LIMIT};
use super::{FileProblem, HEARTBEAT_LIMIT, ReadFile, Removal, StoreError};

/// How long opening waits for the directory to be there.
const OPENING_LIMIT: Duration = Duration::from_secs(2);

/// A directory that keeps check files.
#[derive(Debug, Clone)]
pub struct DirectoryStore {
    path: PathBuf,
    disk: Disk,
}

impl DirectoryStore {
    /// Opens the directory; it is created if it is not there. That it cannot be now is told by whoever uses it: a round that
    /// is made meanwhile waits in the spool.
    pub(super) async fn open(path: PathBuf) -> DirectoryStore {
        let store = DirectoryStore { path, disk: Disk::default() };
        // A mount that hangs keeps nobody from looking at endpoints: the work goes on, and nobody waits for it.
        let _ = timeout(OPENING_LIMIT, store.blocking(String::new(), atomic_file::create_directory)).await;
        store
    }

    pub(super) fn describe(&self) -> String {
        format!("the directory `{}`", self.path.display())
    }

    pub(super) async fn put_check_file(
        &self,
        name: &CheckFileName,
        content: &Bytes,
    ) -> Result<CheckFileName, StoreError> {
        let task = format!("write `{name}` to {}", self.describe());
        let (wanted, content) = (name.clone(), content.clone());
        let stored = self.blocking(task, move |path| put(path, &wanted, &content)).await?;
        stored.ok_or_else(|| StoreError::NamesTaken { name: name.clone() })
    }

    pub(super) async fn list_check_files(
        &self,
        times: RangeInclusive<UnixNanos>,
    ) -> Result<Vec<CheckFileName>, StoreError> {
        let task = format!("list {}", self.describe());
        self.blocking_up_to(MANY_FILES_LIMIT, task, move |path| {
            let mut names = check_files(path, |_| {})?;
            names.retain(|name| times.contains(&name.stored_at));
            names.sort_unstable();
            Ok(names)
        })
        .await
    }

    pub(super) async fn read_check_file(&self, name: &CheckFileName) -> Result<Option<Vec<u8>>, StoreError> {
        let task = format!("read `{name}` from {}", self.describe());
        let name = name.to_string();
        self.blocking(task, move |path| read_if_there(&path.join(name))).await
    }

    pub(super) async fn read_check_files(
        &self,
        names: &[CheckFileName],
    ) -> Result<Vec<(CheckFileName, ReadFile)>, StoreError> {
        let task = format!("read check files from {}", self.describe());
        let names = names.to_vec();
        // One piece of work for all of them: to hand over each would take longer than to read it.
        self.blocking_up_to(MANY_FILES_LIMIT, task, move |path| {
            let mut files = Vec::with_capacity(names.len());
            for name in names {
                match read_if_there(&path.join(name.to_string())) {
                    Ok(Some(content)) => files.push((name, Ok(content))),
                    Ok(None) => {}
                    // That one file belongs to somebody else says nothing about the others.
                    Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {
                        files.push((name, Err(FileProblem(&error).to_string())));
                    }
                    Err(error) => return Err(error),
                }
            }
            Ok(files)
        })
        .await
    }

    pub(super) async fn put_history(&self, name: &HistoryName, content: String) -> Result<(), StoreError> {
        let task = format!("write `{name}` to {}", self.describe());
        let name = name.to_string();
        self.blocking(task, move |path| {
            let folder = path.join(HISTORY_FOLDER);
            atomic_file::create_directory(&folder)?;
            let temporary = atomic_file::write_temporary(path, content.as_bytes())?;
            let _lock = lock(path, LOCK_TIMEOUT)?;
            atomic_file::place(temporary, &path.join(name))?;
            let list = index::recent(check_files(path, |_| {})?, &histories(path)?);
            atomic_file::place(atomic_file::write_temporary(path, list.as_bytes())?, &path.join(HISTORY_INDEX))?;
            atomic_file::sync_directory(&folder)
        })
        .await
    }

    pub(super) async fn read_history(&self, name: &HistoryName) -> Result<Option<Vec<u8>>, StoreError> {
        let task = format!("read `{name}` from {}", self.describe());
        let name = name.to_string();
        self.blocking(task, move |path| read_if_there(&path.join(name))).await
    }

    pub(super) async fn list_histories(&self) -> Result<Vec<HistoryName>, StoreError> {
        let task = format!("list {}", self.describe());
        self.blocking(task, histories).await
    }

    pub(super) async fn put_summaries(&self, objects: Vec<(SummaryName, String)>) -> Result<(), StoreError> {
        let task = format!("write summaries to {}", self.describe());
        self.blocking(task, move |path| {
            let mut folders = std::collections::BTreeSet::new();
            for (name, content) in objects {
                let target = path.join(name.to_string());
                if let Some(folder) = target.parent().filter(|folder| folders.insert(folder.to_path_buf())) {
                    atomic_file::create_directory(folder)?;
                }
                // What a power cut takes is made again in a few minutes: nobody has to wait for the disk.
                atomic_file::place(atomic_file::write_fleeting(path, content.as_bytes())?, &target)?;
            }
            Ok(())
        })
        .await
    }

    pub(super) async fn read_summary(&self, name: &SummaryName) -> Result<Option<Vec<u8>>, StoreError> {
        let task = format!("read `{name}` from {}", self.describe());
        let name = name.to_string();
        self.blocking(task, move |path| read_if_there(&path.join(name))).await
    }

    pub(super) async fn put_heartbeat(&self, name: &HeartbeatName, content: &str) -> Result<(), StoreError> {
        let task = format!("write `{name}` to {}", self.describe());
        let (name, content) = (name.to_string(), content.as_bytes().to_vec());
        self.blocking(task, move |path| {
            // All of it happens in this folder, so that a job needs no right to write anywhere else.
            let folder = path.join(HEARTBEAT_FOLDER);
            atomic_file::create_directory(&folder)?;
            let now = SystemTime::now();
            for entry in fs::read_dir(&folder)?.flatten() {
                if entry.file_name().to_str().is_some_and(atomic_file::is_temporary) {
                    atomic_file::sweep_if_stale(&entry, now);
                }
            }
            atomic_file::place(atomic_file::write_temporary(&folder, &content)?, &path.join(name))?;
            atomic_file::sync_directory(&folder)
        })
        .await
    }

    pub(super) async fn read_heartbeat(&self, name: &HeartbeatName) -> Result<Option<Vec<u8>>, StoreError> {
        let task = format!("read `{name}` from {}", self.describe());
        let name = name.to_string();
        self.blocking(task, move |path| {
            let file = match open_file(&path.join(name)) {
                // A store that has gone is no store without heartbeats.
                Err(error) if error.kind() == io::ErrorKind::NotFound && path.is_dir() => return Ok(None),
                opened => opened?,
            };
            let mut content = Vec::new();
            file.take(HEARTBEAT_LIMIT as u64).read_to_end(&mut content)?;
            Ok(Some(content))
        })
        .await
    }

    pub(super) async fn remove_check_files(&self, names: &[CheckFileName]) -> Removal {
        if names.is_empty() {
            return Removal::default();
        }
        let task = |what: &str| format!("remove {what} from {}", self.describe());
        let to_remove = names.to_vec();
        let work = move |path: &Path| remove(path, &to_remove);
        let done = self.blocking_up_to(MANY_FILES_LIMIT, task("check files"), work).await;
        let Some((left, cause)) = (match done {
            Ok(left) => left,
            Err(error) => return error.into(),
        }) else {
            return Removal { removed: names.len(), failure: None };
        };
        let task = task(&format!("{left} of {} check files", names.len()));
        Removal { removed: names.len() - left, failure: Some(StoreError::File { task, cause }) }
    }

    /// Runs file system work where it may block, and says what was tried if it fails.
    async fn blocking<T: Send + 'static>(
        &self,
        task: String,
        work: impl FnOnce(&Path) -> io::Result<T> + Send + 'static,
    ) -> Result<T, StoreError> {
        self.blocking_up_to(PIECE_LIMIT, task, work).await
    }

    /// The same for work that may take this long.
    async fn blocking_up_to<T: Send + 'static>(
        &self,
        limit: Duration,
        task: String,
        work: impl FnOnce(&Path) -> io::Result<T> + Send + 'static,
    ) -> Result<T, StoreError> {
        let path = self.path.clone();
        let done = self.disk.work(limit, move || work(&path)).await;
        done.map_err(|cause| StoreError::File { task, cause })
    }
}

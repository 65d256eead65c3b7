//! Synchronous operations on the files of a directory store: writing, reading, listing and deleting objects, and
//! updating the lists under a lock.

use std::collections::BTreeSet;
use std::fs::{File, TryLockError};
use std::io;
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant, SystemTime};

use rustix::fs::FileType;
use shared::object_name::{CheckFileName, HISTORY_INDEX, INDEX};

use super::folder::{self, Folder, PersistOutcome, is_temporary};
use super::index::{self, Index};
use crate::store::compression;
use crate::store::limits::{NAMES_LIMIT, describe_size};
use crate::store::object::{ListFile, ListedName, Object, WriteMode};

/// The file that writers lock while they change the lists. It is empty and never deleted: deleting it would let two
/// writers hold the lock at once.
pub(super) const LOCK: &str = ".index.lock";

/// How long to wait for the lock. Writers hold it for milliseconds, so a writer that holds it longer than this is
/// suspended or stuck.
pub(super) const LOCK_TIMEOUT: Duration = Duration::from_secs(15);

/// The pause between attempts to take the lock, which is shorter than the time for which a writer holds it.
const LOCK_PAUSE: Duration = Duration::from_micros(500);

/// The maximum size of an index, in bytes: enough for four million names. A larger index is rebuilt from the files.
const INDEX_LIMIT: u64 = 256 << 20;

/// The outcome of writing an object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum PutOutcome {
    /// The file was written at this time, by the file system's clock.
    Written(SystemTime),
    /// A different object already has this name and must not be replaced.
    NameTaken,
}

/// Writes an object, and updates the list that contains it.
pub(super) fn put(directory: &Path, object: &Object, content: &[u8]) -> io::Result<PutOutcome> {
    // Create the directory if it was deleted after it was opened. Otherwise, the round would be lost.
    let root = Folder::create(directory)?;
    let (path, name) = split(&object.name);
    let folder = root.create_subfolder(path)?;
    let staging = if object.rules.is_self_contained { &folder } else { &root };
    if object.rules.is_self_contained {
        sweep(&folder)?;
    }
    // Do the slow work before taking the lock.
    let temporary =
        if object.rules.is_durable { staging.write_temporary(content)? } else { staging.write_volatile(content)? };
    let written_at = temporary.modified()?;
    let _lock = if object.rules.listed_in.is_some() { Some(lock(&root, LOCK_TIMEOUT)?) } else { None };
    match object.rules.write {
        WriteMode::Create => {
            let outcome = temporary.persist_new(&folder, name)?;
            // A file with the same content comes from an earlier attempt that was interrupted.
            let is_same = || folder.read(name, content.len() as u64).is_ok_and(|existing| existing == content);
            if outcome == PersistOutcome::NameTaken && !is_same() {
                return Ok(PutOutcome::NameTaken);
            }
        }
        WriteMode::Replace => temporary.persist(&folder, name)?,
    }
    match object.rules.listed_in {
        Some(ListFile::Index) => rewrite_index(&root, |_| true)?,
        Some(ListFile::HistoryIndex) => {
            let list = index::recent(names(&root, |_, _| {})?, &names(&root, |_, _| {})?);
            root.replace_in(HISTORY_INDEX, list.as_bytes())?;
        }
        None => {}
    }
    if object.rules.is_durable {
        folder.sync()?;
    }
    Ok(PutOutcome::Written(written_at))
}

/// Splits an object's name into its folder and its file name.
fn split(name: &str) -> (&str, &str) {
    name.rsplit_once('/').unwrap_or(("", name))
}

impl Folder {
    /// Replaces a file in a subfolder.
    fn replace_in(&self, name: &str, content: &[u8]) -> io::Result<()> {
        let (path, file) = split(name);
        self.write_temporary(content)?.persist(&self.create_subfolder(path)?, file)
    }
}

/// Reads an object up to its size limit. If it is larger, the error is of kind [`io::ErrorKind::FileTooLarge`].
pub(super) fn get(directory: &Path, object: &Object) -> io::Result<Option<Vec<u8>>> {
    get_with(directory, object, Vec::with_capacity)
}

/// Like [`get`], but reads into an empty vector from `allocate`, which gets the object's size.
pub(super) fn get_with(
    directory: &Path,
    object: &Object,
    allocate: impl FnOnce(usize) -> Vec<u8>,
) -> io::Result<Option<Vec<u8>>> {
    let (path, name) = split(&object.name);
    let limit = object.rules.size_limit;
    let root = match Folder::open(directory) {
        // Report a missing directory as an error: an object can be missing only from a directory that exists.
        Err(error) if object.rules.is_self_contained => return Err(error),
        opened => opened,
    };
    let content = root.and_then(|root| root.subfolder(path)?.read_with(name, limit, allocate));
    let content = match content {
        Ok(content) => content,
        Err(error) if object.rules.is_self_contained && error.kind() == io::ErrorKind::InvalidInput => {
            return Err(error);
        }
        Err(error) => return unless_missing(error),
    };
    if !object.rules.is_compressed {
        return Ok(Some(content));
    }
    compression::decompress(content, limit).map(Some).map_err(|_| io::ErrorKind::FileTooLarge.into())
}

/// Returns `None` if there is no regular file with this name, otherwise the error.
fn unless_missing<T>(error: io::Error) -> io::Result<Option<T>> {
    match error.kind() {
        io::ErrorKind::NotFound | io::ErrorKind::InvalidInput => Ok(None),
        _ => Err(error),
    }
}

/// Deletes objects. Check files are removed from the index first, so readers do not request missing files. Returns
/// how many files could not be deleted, and the first reason.
pub(super) fn delete(directory: &Path, objects: &[Object]) -> io::Result<Option<(usize, io::Error)>> {
    let names: BTreeSet<&str> = objects.iter().map(|object| object.name.as_str()).collect();
    let root = Folder::open(directory)?;
    let _lock = lock(&root, LOCK_TIMEOUT)?;
    if objects.iter().any(|object| object.rules.listed_in == Some(ListFile::Index)) {
        rewrite_index(&root, |name| !names.contains(name.to_string().as_str()))?;
        root.sync()?;
    }
    let mut left: Option<(usize, io::Error)> = None;
    for name in &names {
        let (path, file) = split(name);
        let removed = if path.is_empty() {
            root.remove(file)
        } else {
            match root.subfolder(path) {
                Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
                folder => folder.and_then(|folder| folder.remove(file)),
            }
        };
        if let Err(error) = removed {
            left = Some(left.map_or((1, error), |(count, first)| (count + 1, first)));
        }
    }
    Ok(left)
}

/// Waits until no other writer is changing the lists. The lock is released when the returned file is closed.
pub(super) fn lock(root: &Folder, timeout: Duration) -> io::Result<File> {
    take_lock(root.open_lock(LOCK)?, timeout)
}

/// Checks whether writers can take the lock, without changing anything.
pub(super) fn test_lock(directory: &Path) -> io::Result<()> {
    match Folder::open(directory)?.open_file(LOCK) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) if error.kind() == io::ErrorKind::InvalidInput => Err(folder::irregular_lock(LOCK)),
        opened => take_lock(opened?, LOCK_TIMEOUT).map(drop),
    }
}

fn take_lock(file: File, timeout: Duration) -> io::Result<File> {
    let start = Instant::now();
    loop {
        match file.try_lock() {
            Ok(()) => return Ok(file),
            // Without locks, names are still unique, and the next write corrects a list that two writers changed at
            // once.
            Err(TryLockError::Error(error)) if error.kind() == io::ErrorKind::Unsupported => return Ok(file),
            Err(TryLockError::Error(error)) => return Err(error),
            // A suspended writer must not block all others indefinitely.
            Err(TryLockError::WouldBlock) if start.elapsed() >= timeout => {
                return Err(io::Error::new(
                    io::ErrorKind::TimedOut,
                    format!("another program holds the lock `{LOCK}`"),
                ));
            }
            Err(TryLockError::WouldBlock) => thread::sleep(LOCK_PAUSE),
        }
    }
}

/// Rewrites the index from the existing files that pass the filter. The caller holds the lock.
fn rewrite_index(root: &Folder, is_kept: impl Fn(&CheckFileName) -> bool) -> io::Result<()> {
    let now = SystemTime::now();
    let existing: Vec<CheckFileName> = names(root, |folder, name| folder.remove_if_stale(name, now))?;
    let before = match root.read(INDEX, INDEX_LIMIT) {
        Ok(json) => index::parse(&json),
        Err(error) if error.kind() == io::ErrorKind::FileTooLarge => Index::new(),
        Err(error) => unless_missing(error)?.unwrap_or_default(),
    };
    let index = index::from_names(existing.into_iter().filter(is_kept), &before);
    root.replace(INDEX, index::to_json(&index).as_bytes())
}

/// Deletes temporary files left by crashed writers.
fn sweep(folder: &Folder) -> io::Result<()> {
    let now = SystemTime::now();
    folder.each_name(|name, _| {
        if is_temporary(name) {
            folder.remove_if_stale(name, now);
        }
        Ok(())
    })
}

/// Returns the names of all objects of one kind, in no particular order. Calls `temporary` for each writer's temporary
/// file.
fn names<N: ListedName>(root: &Folder, temporary: impl Fn(&Folder, &str)) -> io::Result<Vec<N>> {
    names_of_type(root, |file_type| file_type == FileType::RegularFile, temporary)
}

/// Returns the names of all objects of one kind for a listing, in no particular order.
pub(super) fn listed_names<N: ListedName>(root: &Folder) -> io::Result<Vec<N>> {
    let is_listed = |file_type| match file_type {
        FileType::RegularFile => true,
        // It was deleted in the meantime.
        FileType::Unknown => false,
        _ => N::LISTS_IRREGULAR,
    };
    names_of_type(root, is_listed, |_, _| {})
}

fn names_of_type<N: ListedName>(
    root: &Folder,
    is_listed: impl Fn(FileType) -> bool,
    temporary: impl Fn(&Folder, &str),
) -> io::Result<Vec<N>> {
    let folder = match root.subfolder(N::FOLDER) {
        Err(error) if error.kind() == io::ErrorKind::NotFound && !N::FOLDER.is_empty() => return Ok(Vec::new()),
        opened => opened?,
    };
    let mut names = Vec::new();
    folder.each_name(|file_name, file_type| {
        if is_temporary(file_name) {
            temporary(&folder, file_name);
        } else if is_listed(file_type) {
            names.extend(N::parse(&format!("{}{file_name}", N::FOLDER)));
        }
        if names.len() > NAMES_LIMIT {
            return Err(io::Error::other(format!(
                "it has more than {NAMES_LIMIT} objects of one kind; set `check_expiry`"
            )));
        }
        Ok(())
    })?;
    Ok(names)
}

/// Returns why one object cannot be read, or `None` if the error also affects other objects.
pub(super) fn describe_unreadable(error: &io::Error, object: &Object) -> Option<String> {
    match error.kind() {
        io::ErrorKind::PermissionDenied => Some(crate::store::describe_io_error(error).into_owned()),
        io::ErrorKind::FileTooLarge => {
            Some(format!("it is larger than the limit of {}", describe_size(object.rules.size_limit)))
        }
        _ => None,
    }
}

//! Synchronous operations on the files of a directory store: writing, reading, listing and deleting objects, and
//! updating the lists under a lock.

use std::collections::BTreeSet;
use std::fs::{self, File, TryLockError};
use std::io::{self, Read as _};
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant, SystemTime};

use rustix::fs::OFlags;
use rustix::io::Errno;
use shared::object_name::{CheckFileName, HISTORY_INDEX, INDEX};

use super::atomic_file::{self, PersistOutcome};
use super::index::{self, Index};
use crate::store::object::{ListFile, ListedName, Object, WriteMode};

/// The file that writers lock while they change the lists. It is empty and never deleted: deleting it would let two
/// writers in.
pub(super) const LOCK: &str = ".index.lock";

/// Writers hold the lock for milliseconds; after this long, the holder is suspended or stuck.
pub(super) const LOCK_TIMEOUT: Duration = Duration::from_secs(15);

/// The pause between attempts to take the lock: shorter than the time for which a writer holds it.
const LOCK_PAUSE: Duration = Duration::from_micros(500);

/// Writes an object, and updates the list that contains it. Returns `false` if a different object with this name
/// exists and must not be replaced.
pub(super) fn put(directory: &Path, object: &Object, content: &[u8]) -> io::Result<bool> {
    let target = directory.join(&object.name);
    let folder = target.parent().unwrap_or(directory);
    // The directory may have been deleted since it was opened; creating it again is better than losing a round.
    atomic_file::create_directory(folder)?;
    let staging = if object.rules.is_self_contained { folder } else { directory };
    if object.rules.is_self_contained {
        sweep(folder)?;
    }
    // Do the slow work before taking the lock.
    let temporary = if object.rules.is_durable {
        atomic_file::write_temporary(staging, content)?
    } else {
        atomic_file::write_volatile(staging, content)?
    };
    let _lock = if object.rules.listed_in.is_some() { Some(lock(directory, LOCK_TIMEOUT)?) } else { None };
    match object.rules.write {
        WriteMode::Create => {
            let outcome = atomic_file::persist_new(temporary, &target)?;
            // A file with the same contents is from an earlier attempt that was interrupted.
            let is_same = || read_if_exists(&target).is_ok_and(|existing| existing.is_some_and(|old| old == content));
            if outcome == PersistOutcome::NameTaken && !is_same() {
                return Ok(false);
            }
        }
        WriteMode::Replace => atomic_file::persist(temporary, &target)?,
    }
    match object.rules.listed_in {
        Some(ListFile::Index) => rewrite_index(directory, |_| true)?,
        Some(ListFile::HistoryIndex) => {
            let list = index::recent(names(directory, |_| {})?, &names(directory, |_| {})?);
            atomic_file::replace(directory, HISTORY_INDEX, list.as_bytes())?;
        }
        None => {}
    }
    if object.rules.is_durable {
        atomic_file::sync_directory(folder)?;
    }
    Ok(true)
}

/// Reads an object, up to its size limit.
pub(super) fn get(directory: &Path, object: &Object) -> io::Result<Option<Vec<u8>>> {
    let path = directory.join(&object.name);
    let content = match object.rules.read_limit {
        None => read(&path, u64::MAX),
        Some(limit) => read(&path, limit as u64),
    };
    match content {
        Ok(content) => Ok(Some(content)),
        // An object can only be missing from a directory that exists.
        Err(error) if object.rules.is_self_contained => {
            if error.kind() == io::ErrorKind::NotFound && directory.is_dir() { Ok(None) } else { Err(error) }
        }
        Err(error) => unless_missing(error),
    }
}

/// A file's contents; `None` if the file does not exist.
fn read_if_exists(path: &Path) -> io::Result<Option<Vec<u8>>> {
    read(path, u64::MAX).map(Some).or_else(unless_missing)
}

fn unless_missing(error: io::Error) -> io::Result<Option<Vec<u8>>> {
    match error.kind() {
        io::ErrorKind::NotFound | io::ErrorKind::InvalidInput => Ok(None),
        _ => Err(error),
    }
}

fn read(path: &Path, limit: u64) -> io::Result<Vec<u8>> {
    let mut content = Vec::new();
    open_file(path)?.take(limit).read_to_end(&mut content)?;
    Ok(content)
}

/// Opens only regular files: a symbolic link could expose files outside the store to its readers, and opening a pipe
/// would block.
fn open_file(path: &Path) -> io::Result<File> {
    use std::os::unix::fs::OpenOptionsExt as _;
    let no_file = || io::Error::new(io::ErrorKind::InvalidInput, "not a regular file");
    let flags = OFlags::NOFOLLOW | OFlags::NONBLOCK;
    let opened = File::options().read(true).custom_flags(flags.bits().cast_signed()).open(path);
    let file = opened.map_err(|error| match Errno::from_io_error(&error) {
        Some(Errno::LOOP | Errno::NXIO) => no_file(),
        _ => error,
    })?;
    if file.metadata()?.is_file() { Ok(file) } else { Err(no_file()) }
}

/// Deletes objects. Check files are removed from the index first, so that readers do not request missing files.
/// Returns how many files could not be deleted, and the first reason.
pub(super) fn delete(directory: &Path, objects: &[Object]) -> io::Result<Option<(usize, io::Error)>> {
    let names: BTreeSet<&str> = objects.iter().map(|object| object.name.as_str()).collect();
    let _lock = lock(directory, LOCK_TIMEOUT)?;
    if objects.iter().any(|object| object.rules.listed_in == Some(ListFile::Index)) {
        rewrite_index(directory, |name| !names.contains(name.to_string().as_str()))?;
        atomic_file::sync_directory(directory)?;
    }
    let mut left: Option<(usize, io::Error)> = None;
    for name in &names {
        match fs::remove_file(directory.join(name)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                left = Some(left.map_or((1, error), |(count, first)| (count + 1, first)));
            }
            _ => {}
        }
    }
    Ok(left)
}

/// Waits until no other writer is changing the lists. The lock is released when the returned file is closed.
pub(super) fn lock(directory: &Path, timeout: Duration) -> io::Result<File> {
    let file = File::options().create(true).truncate(false).write(true).open(directory.join(LOCK))?;
    let start = Instant::now();
    loop {
        match file.try_lock() {
            Ok(()) => return Ok(file),
            // Without locks, names are still unique, and the next write corrects a list that lost a race.
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
fn rewrite_index(directory: &Path, is_kept: impl Fn(&CheckFileName) -> bool) -> io::Result<()> {
    let now = SystemTime::now();
    let existing: Vec<CheckFileName> = names(directory, |other| atomic_file::remove_if_stale(other, now))?;
    let before = read_if_exists(&directory.join(INDEX))?.map_or_else(Index::new, |json| index::parse(&json));
    let index = index::from_names(existing.into_iter().filter(is_kept), &before);
    atomic_file::replace(directory, INDEX, index::to_json(&index).as_bytes())
}

/// Deletes temporary files left by crashed writers.
fn sweep(folder: &Path) -> io::Result<()> {
    let now = SystemTime::now();
    for entry in fs::read_dir(folder)?.flatten() {
        if entry.file_name().to_str().is_some_and(atomic_file::is_temporary) {
            atomic_file::remove_if_stale(&entry, now);
        }
    }
    Ok(())
}

/// The names of all objects of one kind, in no particular order. Calls `temporary` for each temporary file of a
/// writer.
pub(super) fn names<N: ListedName>(directory: &Path, temporary: impl Fn(&fs::DirEntry)) -> io::Result<Vec<N>> {
    let entries = match fs::read_dir(directory.join(N::FOLDER)) {
        Err(error) if error.kind() == io::ErrorKind::NotFound && !N::FOLDER.is_empty() => return Ok(Vec::new()),
        entries => entries?,
    };
    let mut names = Vec::new();
    for entry in entries {
        let entry = entry?;
        let file_name = entry.file_name();
        let Some(file_name) = file_name.to_str() else { continue };
        if atomic_file::is_temporary(file_name) {
            temporary(&entry);
        } else if let Some(name) = N::parse(&format!("{}{file_name}", N::FOLDER))
            && entry.file_type()?.is_file()
        {
            names.push(name);
        }
    }
    Ok(names)
}

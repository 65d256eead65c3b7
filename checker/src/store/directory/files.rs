//! What is done to the files of a directory, in one go and where it may block: putting check files there, removing them,
//! and keeping the index, under a lock, as they are.

use std::fs::{self, File, TryLockError};
use std::io::{self, Read as _};
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant, SystemTime};

use rustix::fs::OFlags;
use rustix::io::Errno;
use shared::object_name::{CheckFileName, HISTORY_FOLDER, HistoryName, INDEX};

use super::atomic_file::{self, Placed};
use super::index::{self, Index};
use crate::store::{NAMES_TO_TRY, next_name};

/// The file that writers lock while they change the index. It stays, empty: to remove it would let two writers in.
pub(super) const LOCK: &str = ".index.lock";

/// A writer holds the lock for milliseconds; whoever waits this long waits for one that is halted.
pub(super) const LOCK_TIMEOUT: Duration = Duration::from_secs(15);

/// How long to wait before the lock is tried again: shorter than a writer holds it.
const LOCK_PAUSE: Duration = Duration::from_micros(500);

/// A file's content; `None` if there is no such file.
pub(super) fn read_if_there(path: &Path) -> io::Result<Option<Vec<u8>>> {
    let mut content = Vec::new();
    match open_file(path).and_then(|mut file| file.read_to_end(&mut content)) {
        Ok(_) => Ok(Some(content)),
        Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::InvalidInput) => Ok(None),
        Err(error) => Err(error),
    }
}

/// Opens a file, and nothing else: a link would let whoever writes here show readers what lies elsewhere, and a pipe would be
/// waited for.
pub(super) fn open_file(path: &Path) -> io::Result<File> {
    use std::os::unix::fs::OpenOptionsExt as _;
    let no_file = || io::Error::new(io::ErrorKind::InvalidInput, "it is no file");
    let flags = OFlags::NOFOLLOW | OFlags::NONBLOCK;
    let opened = File::options().read(true).custom_flags(flags.bits().cast_signed()).open(path);
    let file = opened.map_err(|error| match Errno::from_io_error(&error) {
        Some(Errno::LOOP | Errno::NXIO) => no_file(),
        _ => error,
    })?;
    if file.metadata()?.is_file() { Ok(file) } else { Err(no_file()) }
}

/// Puts a check file in place and into the index; `None` if all names tried are taken.
pub(super) fn put(directory: &Path, wanted: &CheckFileName, content: &[u8]) -> io::Result<Option<CheckFileName>> {
    // The directory may have been removed since it was opened: better a new one than a lost round.
    atomic_file::create_directory(directory)?;
    let mut name = wanted.clone();
    for _ in 0..NAMES_TO_TRY {
        let path = directory.join(name.to_string());
        // What is slow is done before the lock is taken.
        let temporary = atomic_file::write_temporary(directory, content)?;
        let _lock = lock(directory, LOCK_TIMEOUT)?;
        let placed = atomic_file::place_new(temporary, &path)?;
        // A file with our name and our content is our own, from an attempt whose end was not seen.
        if placed == Placed::New || read_if_there(&path).is_ok_and(|there| there.is_some_and(|there| there == content))
        {
            heal_index(directory, |_| true)?;
            return Ok(Some(name));
        }
        name = next_name(&name);
    }
    Ok(None)
}

/// Takes names out of the index, and then the files out of the directory, so that no reader is sent to a file
/// that is gone; says how many cannot be removed and why the first of them cannot.
pub(super) fn remove(directory: &Path, names: &[CheckFileName]) -> io::Result<Option<(usize, io::Error)>> {
    let removed: std::collections::BTreeSet<&CheckFileName> = names.iter().collect();
    let _lock = lock(directory, LOCK_TIMEOUT)?;
    heal_index(directory, |name| !removed.contains(name))?;
    let mut left: Option<(usize, io::Error)> = None;
    for name in &removed {
        match fs::remove_file(directory.join(name.to_string())) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                left = Some(left.map_or((1, error), |(count, first)| (count + 1, first)));
            }
            _ => {}
        }
    }
    Ok(left)
}

/// Waits until no other writer changes the index. The lock ends with the file that is returned, or the process.
pub(super) fn lock(directory: &Path, timeout: Duration) -> io::Result<File> {
    let file = File::options().create(true).truncate(false).write(true).open(directory.join(LOCK))?;
    let start = Instant::now();
    loop {
        match file.try_lock() {
            Ok(()) => return Ok(file),
            // Where there are no locks, names are still unique, and the next store heals an index that lost a race.
            Err(TryLockError::Error(error)) if error.kind() == io::ErrorKind::Unsupported => return Ok(file),
            Err(TryLockError::Error(error)) => return Err(error),
            // A writer that was halted in the middle must not halt all others for ever.
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

/// Rewrites the index from the files that are there and that `keeps` wants. The caller holds the lock.
fn heal_index(directory: &Path, keeps: impl Fn(&CheckFileName) -> bool) -> io::Result<()> {
    let now = SystemTime::now();
    let there = check_files(directory, |other| atomic_file::sweep_if_stale(other, now))?;
    let before = read_if_there(&directory.join(INDEX))?.map_or_else(Index::new, |json| index::read(&json));
    let index = index::of(there.into_iter().filter(keeps), &before);
    atomic_file::replace(directory, INDEX, index::write(&index).as_bytes())?;
    atomic_file::sync_directory(directory)
}

/// The histories of a directory, in order.
pub(super) fn histories(directory: &Path) -> io::Result<Vec<HistoryName>> {
    let entries = match fs::read_dir(directory.join(HISTORY_FOLDER)) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(error),
    };
    let mut names = Vec::new();
    for entry in entries {
        let file_name = entry?.file_name();
        names.extend(file_name.to_str().and_then(|name| HistoryName::parse(&format!("{HISTORY_FOLDER}{name}"))));
    }
    names.sort_unstable();
    Ok(names)
}

/// The check files of a directory, in no order and nothing else of such a name; temporary files of ours are given to `temporary`.
pub(super) fn check_files(directory: &Path, temporary: impl Fn(&fs::DirEntry)) -> io::Result<Vec<CheckFileName>> {
    let mut names = Vec::new();
    for entry in fs::read_dir(directory)? {
        let entry = entry?;
        let file_name = entry.file_name();
        let Some(text) = file_name.to_str() else { continue };
        if atomic_file::is_temporary(text) {
            temporary(&entry);
        } else if let Some(name) = CheckFileName::parse(text)
            && entry.file_type()?.is_file()
        {
            names.push(name);
        }
    }
    Ok(names)
}

//! Atomic writes: after a crash or a power failure, a file has either its old or its new contents.

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::Path;
use std::time::{Duration, SystemTime};

use tempfile::NamedTempFile;

/// The prefix and suffix of temporary files. The leading dot hides them from listings and most web servers.
const TEMPORARY: (&str, &str) = (".checkup-", ".tmp");

/// The age at which the writer of a temporary file must have crashed: no write takes even a minute.
const STALE_AGE: Duration = Duration::from_hours(1);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::store) enum PersistOutcome {
    /// The file now has the name.
    Created,
    /// Another file has the name; it was not changed.
    NameTaken,
}

/// Writes content to a durable temporary file. The directory must be on the target's file system.
pub(in crate::store) fn write_temporary(directory: &Path, content: &[u8]) -> io::Result<NamedTempFile> {
    let file = write_volatile(directory, content)?;
    file.as_file().sync_all()?;
    Ok(file)
}

/// Like [`write_temporary`], but a power failure may destroy the contents.
pub(in crate::store) fn write_volatile(directory: &Path, content: &[u8]) -> io::Result<NamedTempFile> {
    let mut builder = tempfile::Builder::new();
    builder.prefix(TEMPORARY.0).suffix(TEMPORARY.1);
    // A web server that runs as another user must be able to read the files; the umask still applies.
    #[cfg(unix)]
    builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
    let mut file = builder.tempfile_in(directory)?;
    file.write_all(content)?;
    Ok(file)
}

/// Gives a temporary file its final name, unless another file already has it.
pub(in crate::store) fn persist_new(file: NamedTempFile, path: &Path) -> io::Result<PersistOutcome> {
    match file.persist_noclobber(path) {
        Ok(_) => Ok(PersistOutcome::Created),
        Err(refused) if refused.error.kind() == io::ErrorKind::AlreadyExists => Ok(PersistOutcome::NameTaken),
        // Some file systems support neither hard links nor renames that never replace a file.
        Err(refused) if fs::symlink_metadata(path).is_err() => {
            refused.file.persist(path).map(|_| PersistOutcome::Created).map_err(|refused| refused.error)
        }
        Err(_) => Ok(PersistOutcome::NameTaken),
    }
}

/// Replaces a file, or creates it. Readers see either the old or the new contents.
pub(in crate::store) fn replace(directory: &Path, name: &str, content: &[u8]) -> io::Result<()> {
    persist(write_temporary(directory, content)?, &directory.join(name))
}

/// Gives a temporary file its final name, replacing any file that has it. Readers see either the old or the new
/// contents.
pub(in crate::store) fn persist(file: NamedTempFile, path: &Path) -> io::Result<()> {
    file.persist(path).map(|_| ()).map_err(|refused| refused.error)
}

/// Creates a directory and its parents, and makes their names durable.
pub(in crate::store) fn create_directory(path: &Path) -> io::Result<()> {
    let missing: Vec<&Path> = path.ancestors().take_while(|folder| !folder.exists()).collect();
    fs::create_dir_all(path)?;
    for parent in missing.iter().filter_map(|folder| folder.parent()) {
        // The writer may lack permission to read a parent; the system then writes the names to disk later.
        let _ = sync_directory(if parent.as_os_str().is_empty() { Path::new(".") } else { parent });
    }
    Ok(())
}

/// Makes the names in a directory durable.
pub(in crate::store) fn sync_directory(directory: &Path) -> io::Result<()> {
    // Other systems cannot open a directory as a file, and do not need to.
    if cfg!(unix) { File::open(directory)?.sync_all() } else { Ok(()) }
}

/// Whether this is the name of a checker's temporary file.
pub(in crate::store) fn is_temporary(name: &str) -> bool {
    name.starts_with(TEMPORARY.0) && name.ends_with(TEMPORARY.1)
}

/// Deletes a temporary file if its writer has crashed. Errors are ignored, because the file does no harm.
pub(in crate::store) fn remove_if_stale(entry: &fs::DirEntry, now: SystemTime) {
    let modified = entry.metadata().and_then(|metadata| metadata.modified());
    if modified.is_ok_and(|modified| now.duration_since(modified).is_ok_and(|age| age > STALE_AGE)) {
        let _ = fs::remove_file(entry.path());
    }
}

#[cfg(test)]
mod tests {
    use crate::store::directory::atomic_file::*;

    #[test]
    fn a_new_file_never_replaces_another() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("a");
        assert_eq!(
            persist_new(write_temporary(directory.path(), b"one").unwrap(), &path).unwrap(),
            PersistOutcome::Created
        );
        assert_eq!(
            persist_new(write_temporary(directory.path(), b"two").unwrap(), &path).unwrap(),
            PersistOutcome::NameTaken
        );
        assert_eq!(fs::read(&path).unwrap(), b"one");
        assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 1, "no temporary file is left");
    }

    #[test]
    fn a_directory_is_created_with_its_parents() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("a/b/c");
        for _ in 0..2 {
            create_directory(&path).unwrap();
            assert!(path.is_dir());
        }
        fs::write(path.join("file"), "").unwrap();
        assert!(create_directory(&path.join("file/d")).is_err());
    }

    #[cfg(unix)]
    #[test]
    fn other_users_may_read_stored_files() {
        use std::os::unix::fs::PermissionsExt as _;
        let directory = tempfile::tempdir().unwrap();
        replace(directory.path(), "a", b"one").unwrap();
        File::create(directory.path().join("usual")).unwrap();
        let mode = |name| fs::metadata(directory.path().join(name)).unwrap().permissions().mode();
        assert_eq!(mode("a"), mode("usual"));
    }

    #[test]
    fn only_stale_temporary_files_are_deleted() {
        let directory = tempfile::tempdir().unwrap();
        let (_, fresh) = write_temporary(directory.path(), b"half").unwrap().keep().unwrap();
        let (_, stale) = write_temporary(directory.path(), b"half").unwrap().keep().unwrap();
        let now = SystemTime::now();
        let before = now - Duration::from_hours(2);
        File::options().write(true).open(&stale).unwrap().set_modified(before).unwrap();
        for entry in fs::read_dir(directory.path()).unwrap() {
            let entry = entry.unwrap();
            assert!(is_temporary(entry.file_name().to_str().unwrap()));
            remove_if_stale(&entry, now);
        }
        assert!(fresh.exists() && !stale.exists());
    }
}

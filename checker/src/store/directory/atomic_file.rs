//! Writing a file so that it is there whole or not at all, even after a power cut. What is written is others' business.

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::Path;
use std::time::{Duration, SystemTime};

use tempfile::NamedTempFile;

/// How our temporary files begin and end. The dot keeps them out of listings and of most web servers.
const TEMPORARY: (&str, &str) = (".checkup-", ".tmp");

/// The age at which a temporary file's writer is surely dead: no write of ours takes a minute.
const STALE_AGE: Duration = Duration::from_hours(1);

/// Whether a new file could be put in place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::store) enum Placed {
    /// The file is there.
    New,
    /// Another file has the name; it was not touched.
    NameTaken,
}

/// Writes all of a file under a temporary name beside its later place and makes it durable there.
pub(in crate::store) fn write_temporary(directory: &Path, content: &[u8]) -> io::Result<NamedTempFile> {
    let file = write_fleeting(directory, content)?;
    file.as_file().sync_all()?;
    Ok(file)
}

/// The same for what may be gone after a power cut.
pub(in crate::store) fn write_fleeting(directory: &Path, content: &[u8]) -> io::Result<NamedTempFile> {
    let mut builder = tempfile::Builder::new();
    builder.prefix(TEMPORARY.0).suffix(TEMPORARY.1);
    // A web server that runs as another user must be able to read what we store; the umask still has its say.
    #[cfg(unix)]
    builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
    let mut file = builder.tempfile_in(directory)?;
    file.write_all(content)?;
    Ok(file)
}

/// Gives a temporary file its name, unless another file has it.
pub(in crate::store) fn place_new(file: NamedTempFile, path: &Path) -> io::Result<Placed> {
    match file.persist_noclobber(path) {
        Ok(_) => Ok(Placed::New),
        Err(refused) if refused.error.kind() == io::ErrorKind::AlreadyExists => Ok(Placed::NameTaken),
        // Some file systems know neither hard links nor a rename that refuses to replace.
        Err(refused) if fs::symlink_metadata(path).is_err() => {
            refused.file.persist(path).map(|_| Placed::New).map_err(|refused| refused.error)
        }
        Err(_) => Ok(Placed::NameTaken),
    }
}

/// Writes a file that takes the place of the one that has its name; readers see the old one or the new one.
pub(in crate::store) fn replace(directory: &Path, name: &str, content: &[u8]) -> io::Result<()> {
    place(write_temporary(directory, content)?, &directory.join(name))
}

/// Gives a temporary file the name of the file whose place it takes; readers see the old one or the new one.
pub(in crate::store) fn place(file: NamedTempFile, path: &Path) -> io::Result<()> {
    file.persist(path).map(|_| ()).map_err(|refused| refused.error)
}

/// Makes a directory, with those above it, and makes their names durable.
pub(in crate::store) fn create_directory(path: &Path) -> io::Result<()> {
    let missing: Vec<&Path> = path.ancestors().take_while(|folder| !folder.exists()).collect();
    fs::create_dir_all(path)?;
    for parent in missing.iter().filter_map(|folder| folder.parent()) {
        // Whoever may write to a folder may not always read it; then its names have to wait for the system.
        let _ = sync_directory(if parent.as_os_str().is_empty() { Path::new(".") } else { parent });
    }
    Ok(())
}

/// Makes the names in a directory durable.
pub(in crate::store) fn sync_directory(directory: &Path) -> io::Result<()> {
    // Elsewhere a directory cannot be opened as a file, and its names are durable without it.
    if cfg!(unix) { File::open(directory)?.sync_all() } else { Ok(()) }
}

/// Whether a name is that of a temporary file of ours.
pub(in crate::store) fn is_temporary(name: &str) -> bool {
    name.starts_with(TEMPORARY.0) && name.ends_with(TEMPORARY.1)
}

/// Removes a temporary file whose writer is dead. That it cannot be removed is nobody's trouble.
pub(in crate::store) fn sweep_if_stale(entry: &fs::DirEntry, now: SystemTime) {
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
        assert_eq!(place_new(write_temporary(directory.path(), b"one").unwrap(), &path).unwrap(), Placed::New);
        assert_eq!(place_new(write_temporary(directory.path(), b"two").unwrap(), &path).unwrap(), Placed::NameTaken);
        assert_eq!(fs::read(&path).unwrap(), b"one");
        assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 1, "no temporary file is left");
    }

    #[test]
    fn a_directory_is_made_with_those_above_it() {
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
    fn others_may_read_what_is_stored() {
        use std::os::unix::fs::PermissionsExt as _;
        let directory = tempfile::tempdir().unwrap();
        replace(directory.path(), "a", b"one").unwrap();
        File::create(directory.path().join("usual")).unwrap();
        let mode = |name| fs::metadata(directory.path().join(name)).unwrap().permissions().mode();
        assert_eq!(mode("a"), mode("usual"));
    }

    #[test]
    fn only_stale_temporary_files_are_swept() {
        let directory = tempfile::tempdir().unwrap();
        let (_, fresh) = write_temporary(directory.path(), b"half").unwrap().keep().unwrap();
        let (_, stale) = write_temporary(directory.path(), b"half").unwrap().keep().unwrap();
        let now = SystemTime::now();
        let before = now - Duration::from_hours(2);
        File::options().write(true).open(&stale).unwrap().set_modified(before).unwrap();
        for entry in fs::read_dir(directory.path()).unwrap() {
            let entry = entry.unwrap();
            assert!(is_temporary(entry.file_name().to_str().unwrap()));
            sweep_if_stale(&entry, now);
        }
        assert!(fresh.exists() && !stale.exists());
    }
}

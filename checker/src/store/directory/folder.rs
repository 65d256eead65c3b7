//! A folder handle. Files are opened relative to the folder, cannot be outside of it, and are written atomically. After
//! a crash or a power failure, a file has either its old or its new contents.
//!
//! Names are single components that are opened without following symbolic links, so neither a link in the folder
//! nor one that replaces a folder at the wrong moment leads elsewhere.

use std::fs::{self, File};
use std::hash::{BuildHasher as _, RandomState};
use std::io::{self, Read as _, Write as _};
use std::os::fd::OwnedFd;
use std::path::Path;
use std::time::{Duration, SystemTime};

use rustix::fs::{self as system, AtFlags, CWD, Dir, FileType, Mode, OFlags, RenameFlags};
use rustix::io::Errno;

/// The prefix and suffix of temporary files. The dot hides them from listings and most web servers.
const TEMPORARY: (&str, &str) = (".checkup-", ".tmp");

/// The age at which the writer of a temporary file must have crashed: no write takes even a minute.
const STALE_AGE: Duration = Duration::from_hours(1);

/// How many random names are tried for a temporary file.
const TEMPORARY_NAMES: usize = 16;

/// Folders are opened without the right to list them, where the system supports that: a writer of heartbeats may lack
/// that right.
#[cfg(target_os = "linux")]
const FOLDER_FLAGS: OFlags = OFlags::PATH.union(OFlags::DIRECTORY).union(OFlags::CLOEXEC);
#[cfg(not(target_os = "linux"))]
const FOLDER_FLAGS: OFlags = OFlags::DIRECTORY.union(OFlags::CLOEXEC);

/// Files and folders are readable by everyone, subject to the umask, because a web server may run as another user.
const FILE_MODE: Mode = Mode::from_raw_mode(0o666);
const FOLDER_MODE: Mode = Mode::from_raw_mode(0o777);

/// The outcome of [`Temporary::persist_new`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::store) enum PersistOutcome {
    /// The file received its final name.
    Created,
    /// Another file already has the name, and was not changed.
    NameTaken,
}

#[derive(Debug)]
pub(in crate::store) struct Folder(OwnedFd);

impl Folder {
    /// Opens a folder. Its path comes from the operator and can contain symbolic links.
    pub(in crate::store) fn open(path: &Path) -> io::Result<Folder> {
        Ok(Folder(system::openat(CWD, path, FOLDER_FLAGS, Mode::empty())?))
    }

    /// Opens a folder, and creates it with its parents if it does not exist.
    pub(in crate::store) fn create(path: &Path) -> io::Result<Folder> {
        create_directory(path)?;
        Folder::open(path)
    }

    /// Opens the folder at a relative path of plain names, such as `history`. The empty path is this folder.
    pub(in crate::store) fn subfolder(&self, path: &str) -> io::Result<Folder> {
        let mut folder = Folder(self.0.try_clone()?);
        for name in path.split('/').filter(|name| !name.is_empty()) {
            folder = folder.open_subfolder(name)?;
        }
        Ok(folder)
    }

    /// Like [`Self::subfolder`], but creates missing folders.
    pub(in crate::store) fn create_subfolder(&self, path: &str) -> io::Result<Folder> {
        let mut folder = Folder(self.0.try_clone()?);
        for name in path.split('/').filter(|name| !name.is_empty()) {
            folder = match folder.open_subfolder(name) {
                Err(error) if error.kind() == io::ErrorKind::NotFound => {
                    match system::mkdirat(&folder.0, name, FOLDER_MODE) {
                        Err(Errno::EXIST) => {}
                        made => made?,
                    }
                    // Ignore errors: a writer may lack permission to read the parent. The system then writes the name
                    // to disk later.
                    let _ = folder.sync();
                    folder.open_subfolder(name)?
                }
                opened => opened?,
            };
        }
        Ok(folder)
    }

    fn open_subfolder(&self, name: &str) -> io::Result<Folder> {
        validate(name)?;
        match system::openat(&self.0, name, FOLDER_FLAGS | OFlags::NOFOLLOW, Mode::empty()) {
            Ok(folder) => Ok(Folder(folder)),
            Err(Errno::NOTDIR | Errno::LOOP) if self.file_type(name) == Some(FileType::Symlink) => {
                Err(io::Error::other(format!(
                    "`{name}` is a symbolic link, and links are not followed; replace it with a folder"
                )))
            }
            Err(error) => Err(error.into()),
        }
    }

    /// Opens a file only if it is regular: a symbolic link could expose files outside the folder, and opening a pipe
    /// would block.
    pub(in crate::store) fn open_file(&self, name: &str) -> io::Result<File> {
        validate(name)?;
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
        let file = match system::openat(&self.0, name, flags, Mode::empty()) {
            Err(Errno::LOOP | Errno::NXIO) => return Err(not_a_file()),
            opened => File::from(opened?),
        };
        if file.metadata()?.is_file() { Ok(file) } else { Err(not_a_file()) }
    }

    /// Reads a regular file. If it is larger than the limit, the error is of kind [`io::ErrorKind::FileTooLarge`].
    pub(in crate::store) fn read(&self, name: &str, limit: u64) -> io::Result<Vec<u8>> {
        self.read_with(name, limit, Vec::with_capacity)
    }

    /// Like [`Folder::read`], but reads into an empty vector from `allocate`, which gets the file's size.
    pub(in crate::store) fn read_with(
        &self,
        name: &str,
        limit: u64,
        allocate: impl FnOnce(usize) -> Vec<u8>,
    ) -> io::Result<Vec<u8>> {
        read_whole(self.open_file(name)?, limit, allocate)
    }

    /// Calls a function with each name in this folder, in no particular order. Skips names that are not valid UTF-8.
    pub(in crate::store) fn each_name(&self, mut take: impl FnMut(&str, FileType) -> io::Result<()>) -> io::Result<()> {
        for entry in Dir::new(self.readable()?)? {
            let entry = entry?;
            let Ok(name) = entry.file_name().to_str() else { continue };
            if name == "." || name == ".." {
                continue;
            }
            let file_type = match entry.file_type() {
                // If the type is still unknown, the file has been deleted.
                FileType::Unknown => self.file_type(name).unwrap_or(FileType::Unknown),
                known => known,
            };
            take(name, file_type)?;
        }
        Ok(())
    }

    fn file_type(&self, name: &str) -> Option<FileType> {
        let stat = system::statat(&self.0, name, AtFlags::SYMLINK_NOFOLLOW).ok()?;
        Some(FileType::from_raw_mode(stat.st_mode))
    }

    /// Opens a file that writers lock, and creates it if it does not exist. Opening a pipe would block, so only a regular
    /// file is opened.
    pub(in crate::store) fn open_lock(&self, name: &str) -> io::Result<File> {
        validate(name)?;
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
        let file = match system::openat(&self.0, name, flags, FILE_MODE) {
            Err(Errno::LOOP | Errno::NXIO | Errno::ISDIR) => return Err(irregular_lock(name)),
            opened => File::from(opened?),
        };
        if file.metadata()?.is_file() { Ok(file) } else { Err(irregular_lock(name)) }
    }

    /// Deletes a file. A missing file is not an error.
    pub(in crate::store) fn remove(&self, name: &str) -> io::Result<()> {
        validate(name)?;
        match system::unlinkat(&self.0, name, AtFlags::empty()) {
            Err(Errno::NOENT) => Ok(()),
            removed => Ok(removed?),
        }
    }

    /// Moves a file, or a symbolic link, to another folder on the same file system. A missing file is not an error.
    pub(in crate::store) fn move_to(&self, name: &str, other: &Folder) -> io::Result<()> {
        validate(name)?;
        match system::renameat(&self.0, name, &other.0, name) {
            Err(Errno::NOENT) => Ok(()),
            moved => Ok(moved?),
        }
    }

    /// Writes content to a durable temporary file. The folder must be on the target's file system.
    pub(in crate::store) fn write_temporary(&self, content: &[u8]) -> io::Result<Temporary<'_>> {
        let temporary = self.write_volatile(content)?;
        temporary.file.sync_all()?;
        Ok(temporary)
    }

    /// Like [`Self::write_temporary`], but a power failure may destroy the content.
    pub(in crate::store) fn write_volatile(&self, content: &[u8]) -> io::Result<Temporary<'_>> {
        let mut temporary = self.create_temporary()?;
        temporary.file.write_all(content)?;
        Ok(temporary)
    }

    fn create_temporary(&self) -> io::Result<Temporary<'_>> {
        let flags = OFlags::RDWR | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        for _ in 0..TEMPORARY_NAMES {
            let name = format!("{}{:016x}{}", TEMPORARY.0, RandomState::new().hash_one(0), TEMPORARY.1);
            match system::openat(&self.0, name.as_str(), flags, FILE_MODE) {
                Err(Errno::EXIST) => {}
                opened => return Ok(Temporary { folder: self, name, file: opened?.into(), is_kept: false }),
            }
        }
        Err(Errno::EXIST.into())
    }

    /// Creates or replaces a file. Readers see either the old or the new contents.
    pub(in crate::store) fn replace(&self, name: &str, content: &[u8]) -> io::Result<()> {
        self.write_temporary(content)?.persist(self, name)
    }

    /// Makes the names in this folder durable.
    pub(in crate::store) fn sync(&self) -> io::Result<()> {
        Ok(system::fsync(self.readable()?)?)
    }

    fn readable(&self) -> io::Result<OwnedFd> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        Ok(system::openat(&self.0, ".", flags, Mode::empty())?)
    }

    /// Deletes a temporary file if its writer has crashed. Errors are ignored: the file does no harm.
    pub(in crate::store) fn remove_if_stale(&self, name: &str, now: SystemTime) {
        let Ok(stat) = system::statat(&self.0, name, AtFlags::SYMLINK_NOFOLLOW) else { return };
        let modified =
            u64::try_from(stat.st_mtime).map(|seconds| SystemTime::UNIX_EPOCH + Duration::from_secs(seconds));
        if modified.is_ok_and(|modified| now.duration_since(modified).is_ok_and(|age| age > STALE_AGE)) {
            let _ = self.remove(name);
        }
    }
}

/// A temporary file without its final name. It is deleted when dropped.
#[derive(Debug)]
pub(in crate::store) struct Temporary<'f> {
    folder: &'f Folder,
    name: String,
    file: File,
    is_kept: bool,
}

impl Temporary<'_> {
    /// Returns when the file was written, according to the file system's clock.
    pub(in crate::store) fn modified(&self) -> io::Result<SystemTime> {
        self.file.metadata()?.modified()
    }

    /// Gives the file its final name, unless another file already has it.
    pub(in crate::store) fn persist_new(mut self, folder: &Folder, name: &str) -> io::Result<PersistOutcome> {
        validate(name)?;
        let (from, to) = (&self.folder.0, &folder.0);
        match system::renameat_with(from, self.name.as_str(), to, name, RenameFlags::NOREPLACE) {
            Ok(()) => {
                self.is_kept = true;
                return Ok(PersistOutcome::Created);
            }
            Err(Errno::EXIST) => return Ok(PersistOutcome::NameTaken),
            Err(_) => {}
        }
        match system::linkat(from, self.name.as_str(), to, name, AtFlags::empty()) {
            Ok(()) => Ok(PersistOutcome::Created),
            Err(Errno::EXIST) => Ok(PersistOutcome::NameTaken),
            // Fall back to a plain rename: some file systems support neither hard links nor renames that never replace
            // a file.
            Err(_) if folder.file_type(name).is_none() => self.persist(folder, name).map(|()| PersistOutcome::Created),
            Err(_) => Ok(PersistOutcome::NameTaken),
        }
    }

    /// Gives the file its final name, replacing any file that has it. Readers see either the old or the new contents.
    pub(in crate::store) fn persist(mut self, folder: &Folder, name: &str) -> io::Result<()> {
        validate(name)?;
        system::renameat(&self.folder.0, self.name.as_str(), &folder.0, name)?;
        self.is_kept = true;
        Ok(())
    }
}

impl Drop for Temporary<'_> {
    fn drop(&mut self) {
        if !self.is_kept {
            let _ = self.folder.remove(&self.name);
        }
    }
}

/// Reads a file, and fails if it is larger than the limit.
pub(in crate::store) fn read_whole(
    file: File,
    limit: u64,
    allocate: impl FnOnce(usize) -> Vec<u8>,
) -> io::Result<Vec<u8>> {
    let too_large = || io::Error::from(io::ErrorKind::FileTooLarge);
    let size = file.metadata()?.len();
    if size > limit {
        return Err(too_large());
    }
    let mut content = allocate(usize::try_from(size).unwrap_or_default());
    file.take(limit + 1).read_to_end(&mut content)?;
    if content.len() as u64 > limit { Err(too_large()) } else { Ok(content) }
}

/// Rejects names that are not a single component. [`shared::object_name`] does not produce any, so this is only the
/// last line of defense.
fn validate(name: &str) -> io::Result<()> {
    if name.is_empty() || name == "." || name == ".." || name.contains(['/', '\0']) {
        return Err(io::Error::other(format!("`{}` is not the name of a file", name.escape_debug())));
    }
    Ok(())
}

pub(super) fn irregular_lock(name: &str) -> io::Error {
    io::Error::other(format!("the lock `{name}` is not a regular file; delete it"))
}

fn not_a_file() -> io::Error {
    io::Error::new(io::ErrorKind::InvalidInput, "not a regular file")
}

/// Creates a directory with its parents, and makes their names durable.
pub(in crate::store) fn create_directory(path: &Path) -> io::Result<()> {
    let missing: Vec<&Path> = path.ancestors().take_while(|folder| !folder.exists()).collect();
    fs::create_dir_all(path)?;
    for parent in missing.iter().filter_map(|folder| folder.parent()) {
        let parent = if parent.as_os_str().is_empty() { Path::new(".") } else { parent };
        // Ignore errors: a writer may lack permission to read a parent. The system then writes its names to disk later.
        let _ = Folder::open(parent).and_then(|parent| parent.sync());
    }
    Ok(())
}

/// Returns whether this is the name of a checker's temporary file.
pub(in crate::store) fn is_temporary(name: &str) -> bool {
    name.starts_with(TEMPORARY.0) && name.ends_with(TEMPORARY.1)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{PermissionsExt as _, symlink};

    use crate::store::directory::folder::*;

    fn temporary() -> (tempfile::TempDir, Folder) {
        let directory = tempfile::tempdir().unwrap();
        let folder = Folder::open(directory.path()).unwrap();
        (directory, folder)
    }

    #[test]
    fn a_new_file_never_replaces_another() {
        let (directory, folder) = temporary();
        let persist = |content: &[u8]| folder.write_temporary(content).unwrap().persist_new(&folder, "a").unwrap();
        assert_eq!(persist(b"one"), PersistOutcome::Created);
        assert_eq!(persist(b"two"), PersistOutcome::NameTaken);
        assert_eq!(fs::read(directory.path().join("a")).unwrap(), b"one");
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

    #[test]
    fn other_users_may_read_stored_files() {
        let (directory, folder) = temporary();
        folder.replace("a", b"one").unwrap();
        folder.create_subfolder("b").unwrap();
        File::create(directory.path().join("usual")).unwrap();
        fs::create_dir(directory.path().join("usual-folder")).unwrap();
        let mode = |name| fs::metadata(directory.path().join(name)).unwrap().permissions().mode();
        assert_eq!((mode("a"), mode("b")), (mode("usual"), mode("usual-folder")));
    }

    #[test]
    fn only_stale_temporary_files_are_deleted() {
        let (directory, folder) = temporary();
        let now = SystemTime::now();
        let leave = |modified| {
            let mut temporary = folder.write_temporary(b"half").unwrap();
            temporary.file.set_modified(modified).unwrap();
            temporary.is_kept = true;
            temporary.name.clone()
        };
        let (fresh, stale) = (leave(now), leave(now - Duration::from_hours(2)));
        for name in [&fresh, &stale] {
            assert!(is_temporary(name));
            folder.remove_if_stale(name, now);
        }
        let exists = |name: &str| directory.path().join(name).exists();
        assert!(exists(&fresh) && !exists(&stale));
    }

    #[test]
    fn links_lead_nowhere() {
        let (directory, folder) = temporary();
        let outside = tempfile::tempdir().unwrap();
        fs::write(outside.path().join("secret"), "secret").unwrap();
        symlink(outside.path(), directory.path().join("folder")).unwrap();
        symlink(outside.path().join("secret"), directory.path().join("file")).unwrap();
        for error in [folder.subfolder("folder").unwrap_err(), folder.create_subfolder("folder/new").unwrap_err()] {
            assert!(error.to_string().contains("`folder` is a symbolic link"), "{error}");
        }
        assert_eq!(folder.open_file("file").unwrap_err().kind(), io::ErrorKind::InvalidInput);
        assert!(folder.open_lock("file").is_err());
        // Writing replaces the link, and deleting removes it.
        folder.replace("file", b"ours").unwrap();
        assert_eq!(folder.read("file", 4).unwrap(), b"ours");
        folder.remove("folder").unwrap();
        assert_eq!(fs::read_to_string(outside.path().join("secret")).unwrap(), "secret");
        for name in ["..", ".", "", "../secret", "a/b", "/etc/passwd"] {
            assert!(folder.open_file(name).is_err() && folder.remove(name).is_err(), "{name}");
            assert!(folder.replace(name, b"").is_err(), "{name}");
        }
        assert!(folder.subfolder("..").is_err());
    }

    #[test]
    fn the_root_can_be_a_link() {
        let (directory, folder) = temporary();
        folder.replace("a", b"one").unwrap();
        let link = tempfile::tempdir().unwrap().keep().join("link");
        symlink(directory.path(), &link).unwrap();
        assert_eq!(Folder::create(&link).unwrap().read("a", 10).unwrap(), b"one");
        fs::remove_dir_all(link.parent().unwrap()).unwrap();
    }

    #[test]
    fn a_larger_file_than_the_limit_is_not_read() {
        let (directory, folder) = temporary();
        folder.replace("a", b"four").unwrap();
        assert_eq!(folder.read("a", 4).unwrap(), b"four");
        assert_eq!(folder.read("a", 3).unwrap_err().kind(), io::ErrorKind::FileTooLarge);
        File::create(directory.path().join("sparse")).unwrap().set_len(1 << 30).unwrap();
        assert_eq!(folder.read("sparse", 1 << 20).unwrap_err().kind(), io::ErrorKind::FileTooLarge);
    }
}

//! Replaces files atomically. Readers see either the old or the new content, even if the program is interrupted.

use std::fs::{self, Permissions};
use std::io::{self, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use tempfile::Builder;

use super::operator_file::irregularity;

/// The prefix of temporary files. The dot hides them from most programs.
const PREFIX: &str = ".checkup-";

/// The users who may read a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Readers {
    Owner,
    Everyone,
}

/// Creates or replaces a file in an existing folder. If the path is a symbolic link, its target is replaced. A pipe or
/// device is not replaced.
pub fn replace_file(path: &Path, content: &[u8], readers: Readers) -> io::Result<()> {
    let target = fs::canonicalize(path);
    let path = target.as_deref().unwrap_or(path);
    if let Some(kind) = fs::metadata(path).ok().and_then(|metadata| irregularity(&metadata)) {
        return Err(io::Error::other(format!("it is {kind}, not a regular file")));
    }
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let mut temporary = Builder::new().prefix(PREFIX).tempfile_in(folder)?;
    temporary.write_all(content)?;
    if readers == Readers::Everyone {
        temporary.as_file().set_permissions(Permissions::from_mode(0o644))?;
    }
    temporary.persist(path)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_replaced_whole_and_has_its_readers() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        for (content, readers, mode) in [("one", Readers::Everyone, 0o644), ("two", Readers::Owner, 0o600)] {
            replace_file(&path, content.as_bytes(), readers).unwrap();
            assert_eq!(std::fs::read_to_string(&path).unwrap(), content);
            assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, mode);
        }
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1, "no temporary file is left");
    }

    #[test]
    fn only_regular_files_are_replaced() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        std::os::unix::fs::symlink("target", path("link")).unwrap();
        fs::write(path("target"), "old").unwrap();
        replace_file(&path("link"), b"new", Readers::Owner).unwrap();
        assert_eq!(fs::read_to_string(path("target")).unwrap(), "new");
        assert!(fs::symlink_metadata(path("link")).unwrap().is_symlink());
        rustix::fs::mkfifoat(rustix::fs::CWD, path("pipe"), rustix::fs::Mode::RUSR).unwrap();
        let error = replace_file(&path("pipe"), b"new", Readers::Owner).unwrap_err().to_string();
        assert_eq!(error, "it is a pipe or device, not a regular file");
    }

    #[test]
    fn a_failure_leaves_nothing() {
        let folder = tempfile::tempdir().unwrap();
        assert!(replace_file(&folder.path().join("missing").join("file"), b"one", Readers::Owner).is_err());
        // A directory cannot be replaced by a file.
        let taken = folder.path().join("taken");
        std::fs::create_dir(&taken).unwrap();
        assert!(replace_file(&taken, b"one", Readers::Owner).is_err());
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
    }
}

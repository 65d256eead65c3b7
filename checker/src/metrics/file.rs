//! Writes metrics to a file for the textfile collector of Prometheus' `node_exporter`.

use std::fs::Permissions;
use std::io::{self, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use tempfile::Builder;

/// The file can be read by the exporter, which runs as another user.
const MODE: u32 = 0o644;

/// The metrics file was not written. The previous one is unchanged.
#[derive(Debug, thiserror::Error)]
#[error("metrics file `{path}` not written: {cause}")]
pub struct MetricsFileError {
    path: PathBuf,
    cause: io::Error,
}

/// Replaces the file at once, so that readers never see a part of it.
pub fn write(path: &Path, content: &str) -> Result<(), MetricsFileError> {
    replace(path, content).map_err(|cause| MetricsFileError { path: path.to_owned(), cause })
}

fn replace(path: &Path, content: &str) -> io::Result<()> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let mut temporary = Builder::new().prefix(".checkup-metrics-").tempfile_in(folder)?;
    temporary.write_all(content.as_bytes())?;
    temporary.as_file().set_permissions(Permissions::from_mode(MODE))?;
    temporary.persist(path)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_replaced_whole_and_readable_by_others() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("checkup.prom");
        for content in ["a 1\n", "b 2\n"] {
            write(&path, content).unwrap();
            assert_eq!(std::fs::read_to_string(&path).unwrap(), content);
        }
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, MODE);
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1, "no temporary file is left");
    }

    #[test]
    fn a_failure_names_the_file_and_leaves_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let error = write(&folder.path().join("missing").join("checkup.prom"), "a 1\n").unwrap_err();
        let text = error.to_string();
        assert!(text.starts_with("metrics file `") && text.contains("checkup.prom` not written: "), "{text}");
        // A directory cannot be replaced by a file.
        let taken = folder.path().join("taken.prom");
        std::fs::create_dir(&taken).unwrap();
        assert!(write(&taken, "a 1\n").is_err());
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
    }
}

//! Writes metrics to a file for the textfile collector of Prometheus' `node_exporter`.

use std::io;
use std::path::{Path, PathBuf};

use crate::platform::whole_file::{Readers, replace_file};

/// The metrics file was not written. The previous one is unchanged.
#[derive(Debug, thiserror::Error)]
#[error("metrics file `{path}` not written: {cause}")]
pub struct MetricsFileError {
    path: PathBuf,
    cause: io::Error,
}

/// Replaces the file, which everyone can read: the exporter runs as another user.
pub fn write(path: &Path, content: &str) -> Result<(), MetricsFileError> {
    replace_file(path, content.as_bytes(), Readers::Everyone)
        .map_err(|cause| MetricsFileError { path: path.to_owned(), cause })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_names_the_file() {
        let folder = tempfile::tempdir().unwrap();
        let text = write(&folder.path().join("missing").join("checkup.prom"), "a 1\n").unwrap_err().to_string();
        assert!(text.starts_with("metrics file `") && text.contains("checkup.prom` not written: "), "{text}");
    }
}

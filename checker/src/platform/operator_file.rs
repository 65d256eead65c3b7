//! Reads files that an operator specifies, such as a configuration or certificates. A pipe would block and a device
//! might never end, so only regular files are read, up to a limit.

use std::fs::{File, Metadata};
use std::io::{self, Read as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

use rustix::fs::OFlags;

/// The maximum size of an operator's file, in bytes. A configuration of ten thousand endpoints takes several megabytes.
pub const OPERATOR_FILE_LIMIT: u64 = 64 << 20;

/// Reads a regular file. Symbolic links are followed, because Kubernetes mounts configurations that way.
pub fn read_operator_file(path: &Path) -> io::Result<Vec<u8>> {
    // Without this flag, opening a pipe would block until another process opens it for writing.
    let flags = OFlags::NONBLOCK.bits().cast_signed();
    let file = File::options().read(true).custom_flags(flags).open(path)?;
    let metadata = file.metadata()?;
    if let Some(kind) = irregularity(&metadata) {
        return Err(io::Error::other(format!("it is {kind}, not a regular file")));
    }
    let too_large = || io::Error::other(format!("it is larger than the limit of {} MiB", OPERATOR_FILE_LIMIT >> 20));
    if metadata.len() > OPERATOR_FILE_LIMIT {
        return Err(too_large());
    }
    let mut content = Vec::with_capacity(usize::try_from(metadata.len()).unwrap_or_default());
    file.take(OPERATOR_FILE_LIMIT + 1).read_to_end(&mut content)?;
    if content.len() as u64 > OPERATOR_FILE_LIMIT { Err(too_large()) } else { Ok(content) }
}

/// Returns in words what kind of file this is, or `None` if it is a regular file.
#[must_use]
pub fn irregularity(metadata: &Metadata) -> Option<&'static str> {
    let kind = if metadata.is_dir() { "a directory" } else { "a pipe or device" };
    (!metadata.is_file()).then_some(kind)
}

/// Reads a regular file as text.
pub fn read_operator_text(path: &Path) -> io::Result<String> {
    String::from_utf8(read_operator_file(path)?)
        .map_err(|_| io::Error::new(io::ErrorKind::InvalidData, "it is not valid UTF-8"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_regular_files_of_a_limited_size_are_read() {
        let directory = tempfile::tempdir().unwrap();
        let path = |name: &str| directory.path().join(name);
        std::fs::write(path("file"), "text").unwrap();
        std::os::unix::fs::symlink("file", path("link")).unwrap();
        std::fs::write(path("binary"), [0xff]).unwrap();
        for name in ["file", "link"] {
            assert_eq!(read_operator_text(&path(name)).unwrap(), "text");
        }
        rustix::fs::mkfifoat(rustix::fs::CWD, path("pipe"), rustix::fs::Mode::RUSR).unwrap();
        File::create(path("sparse")).unwrap().set_len(1 << 40).unwrap();
        for (path, reason) in [
            (path("pipe"), "a pipe or device"),
            (Path::new("/dev/zero").to_owned(), "a pipe or device"),
            (directory.path().to_owned(), "a directory"),
            (path("sparse"), "the limit of 64 MiB"),
            (path("binary"), "not valid UTF-8"),
        ] {
            let error = read_operator_text(&path).unwrap_err().to_string();
            assert!(error.contains(reason), "{}: {error}", path.display());
        }
    }
}

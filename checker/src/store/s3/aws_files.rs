//! Checks the files from which the AWS SDK reads its settings. The SDK would wait indefinitely for data from a pipe,
//! and would read an endless device indefinitely.
#![expect(deprecated, reason = "the types that replace these belong to a crate that is only an indirect dependency")]

use std::fs::{self, Metadata};
use std::os::unix::fs::{FileTypeExt as _, MetadataExt as _};
use std::path::PathBuf;

use aws_config::profile::profile_file::{ProfileFileKind, ProfileFiles};

use crate::platform::operator_file::irregularity;

/// The variables that name the files, and the default paths of the files.
const FILES: [(&str, &str); 2] =
    [("AWS_CONFIG_FILE", "~/.aws/config"), ("AWS_SHARED_CREDENTIALS_FILE", "~/.aws/credentials")];

/// A file that exists, but is neither regular nor `/dev/null`.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{path}` is {kind}, not a regular file; replace it, or set `{variable}` to another file")]
pub struct IrregularFile {
    pub path: String,
    pub kind: &'static str,
    pub variable: &'static str,
}

/// Returns the first file that the SDK must not read, if there is one. `variable` returns a variable of the
/// environment.
pub(super) async fn irregular_file(variable: impl Fn(&str) -> Option<String>) -> Option<IrregularFile> {
    for (name, default) in FILES {
        let path = expand(variable(name).unwrap_or_else(|| default.to_owned()), variable("HOME"));
        // The SDK ignores missing and unreadable files.
        let Ok(metadata) = tokio::fs::metadata(&path).await else { continue };
        if let Some(kind) = irregularity(&metadata).filter(|_| !is_null_device(&metadata)) {
            return Some(IrregularFile { path: path.display().to_string(), kind, variable: name });
        }
    }
    None
}

/// Returns settings that prevent the SDK from reading any files.
pub(super) fn no_files() -> ProfileFiles {
    ProfileFiles::builder().with_contents(ProfileFileKind::Config, "").build()
}

/// Replaces `~` at the start of a path, as the SDK does.
fn expand(path: String, home: Option<String>) -> PathBuf {
    match (path.strip_prefix("~/"), home) {
        (Some(rest), Some(home)) => PathBuf::from(home).join(rest),
        _ => PathBuf::from(path),
    }
}

/// Returns whether this is `/dev/null`, which operators use to disable a file.
fn is_null_device(metadata: &Metadata) -> bool {
    metadata.file_type().is_char_device() && fs::metadata("/dev/null").is_ok_and(|null| null.rdev() == metadata.rdev())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn only_regular_files_and_the_null_device_are_accepted() {
        let home = tempfile::tempdir().unwrap();
        let path = |name: &str| home.path().join(name);
        fs::create_dir(path(".aws")).unwrap();
        fs::write(path("file"), "").unwrap();
        rustix::fs::mkfifoat(rustix::fs::CWD, path("pipe"), rustix::fs::Mode::RWXU).unwrap();
        std::os::unix::fs::symlink("pipe", path("link")).unwrap();
        let shown = |name: &str| path(name).display().to_string();
        let examine = async |config: Option<&str>, credentials: Option<&str>| {
            let variable = |name: &str| match name {
                "HOME" => Some(home.path().display().to_string()),
                "AWS_CONFIG_FILE" => config.map(str::to_owned),
                _ => credentials.map(str::to_owned),
            };
            irregular_file(variable).await.map(|file| (file.path, file.kind, file.variable))
        };
        for accepted in [None, Some("~/file"), Some("/dev/null"), Some("~/missing"), Some("")] {
            assert_eq!(examine(accepted, accepted).await, None, "{accepted:?}");
        }
        for (refused, path, kind) in [
            ("~/pipe", shown("pipe"), "a pipe or device"),
            ("~/link", shown("link"), "a pipe or device"),
            ("~/.aws", shown(".aws"), "a directory"),
            ("/dev/zero", "/dev/zero".to_owned(), "a pipe or device"),
        ] {
            let expected = |variable| Some((path.clone(), kind, variable));
            assert_eq!(examine(Some(refused), None).await, expected("AWS_CONFIG_FILE"), "{refused}");
            assert_eq!(examine(None, Some(refused)).await, expected("AWS_SHARED_CREDENTIALS_FILE"), "{refused}");
        }
        fs::rename(path("pipe"), path(".aws/credentials")).unwrap();
        let expected = Some((shown(".aws/credentials"), "a pipe or device", "AWS_SHARED_CREDENTIALS_FILE"));
        assert_eq!(examine(None, None).await, expected);
    }
}

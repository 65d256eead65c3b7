//! Writes outputs, summaries and badges as static files, for web servers that cannot read the store.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use bytes::Bytes;
use shared::UnixNanos;
use shared::object_name::{OutputForm, SummaryForm};
use shared::outputs::OutputIndex;
use shared::page_config::with_outputs;

use super::dataset::Dataset;
use super::render;
use super::writer::hash;
use crate::config::model::OutputKind;
use crate::platform::whole_file::{Readers, replace_file};
use crate::recorder::summary::{badge, badge_contents, html};

/// The file that remembers the identities of outages and which files were written. Its name starts with a dot, because it
/// is not for visitors.
const INDEX_FILE: &str = ".checkup-outputs.json";

/// The configuration of a page in the same folder.
const PAGE_CONFIG_FILE: &str = "config.json";

/// A file cannot be read or written.
#[derive(Debug, thiserror::Error)]
#[error("failed to export to `{}`: {cause}", path.display())]
pub struct ExportError {
    path: PathBuf,
    cause: io::Error,
}

/// How many files were written, unchanged and removed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Exported {
    pub written: usize,
    pub unchanged: usize,
    pub removed: usize,
}

/// Reads the index of an earlier export. Returns `None` if there is no valid one.
pub fn exported_index(folder: &Path) -> Result<Option<OutputIndex>, ExportError> {
    let path = folder.join(INDEX_FILE);
    match fs::read(&path) {
        Ok(content) => Ok(OutputIndex::parse(&content)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(cause) => Err(ExportError { path, cause }),
    }
}

/// Writes all files that changed into a folder, and removes those of endpoints that no longer exist. Readers see either the
/// old or the new contents of each file.
pub fn export(folder: &Path, data: &Dataset, mut index: OutputIndex, now: UnixNanos) -> Result<Exported, ExportError> {
    let files = files(data, &mut index, now);
    let mut exported = Exported::default();
    for (path, content) in &files {
        if write(&folder.join(path), content)? {
            exported.written += 1;
        } else {
            exported.unchanged += 1;
        }
    }
    let before: BTreeSet<String> = index.written.keys().cloned().collect();
    for path in before.into_iter().filter(|path| !files.contains_key(path) && is_exported(path)) {
        let path = folder.join(path);
        match fs::remove_file(&path) {
            Ok(()) => exported.removed += 1,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(cause) => return Err(ExportError { path, cause }),
        }
    }
    index.written = files.iter().map(|(path, content)| (path.clone(), hash(content))).collect();
    write(&folder.join(INDEX_FILE), index.to_json().as_bytes())?;
    Ok(exported)
}

/// Adds the URL of the exported files to the configuration of a page in the same folder, unless it already has one.
/// Returns the path of the changed configuration.
pub fn link_outputs(folder: &Path, url: &str) -> Result<Option<PathBuf>, ExportError> {
    let path = folder.join(PAGE_CONFIG_FILE);
    let failed = |cause| ExportError { path: path.clone(), cause };
    let text = match fs::read_to_string(&path) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(cause) => return Err(failed(cause)),
    };
    let Some(linked) = with_outputs(&text, url) else { return Ok(None) };
    // The file can be a symbolic link, which is kept.
    write(&fs::canonicalize(&path).map_err(failed)?, linked.as_bytes())?;
    Ok(Some(path))
}

/// Returns the content of all files by path. Relative to the page, `checker serve` uses the same paths.
fn files(data: &Dataset, index: &mut OutputIndex, now: UnixNanos) -> BTreeMap<String, Bytes> {
    let rendered = render(&OutputKind::ALL, data, index, now);
    let mut files: BTreeMap<String, Bytes> =
        rendered.into_iter().map(|(form, content)| (form.to_string(), content)).collect();
    files.insert("summary.json".to_owned(), data.summary.to_json().into());
    files.insert("summary.html".to_owned(), html::page(&data.summary).into());
    for (form, content) in badge_contents(&data.summary) {
        if let Some(name) = badge_file(&form) {
            files.insert(name, badge::draw(content.title, &content.word, content.color, content.at).into());
        }
    }
    files
}

fn badge_file(form: &SummaryForm) -> Option<String> {
    Some(format!("badge/{}", form.badge_file_name()?))
}

/// Returns whether an export can have written this path. The index is not trusted, because anyone who can write to the
/// folder can change it.
fn is_exported(path: &str) -> bool {
    let is_badge = path.strip_prefix("badge/").is_some_and(|name| SummaryForm::parse_badge(name).is_some());
    is_badge || OutputForm::parse(path).is_some()
}

/// Writes a file, unless it already has this content. Returns whether it was written.
fn write(path: &Path, content: &[u8]) -> Result<bool, ExportError> {
    let failed = |cause| ExportError { path: path.to_owned(), cause };
    if fs::read(path).is_ok_and(|known| known == content) {
        return Ok(false);
    }
    fs::create_dir_all(path.parent().unwrap_or(Path::new("."))).map_err(failed)?;
    replace_file(path, content, Readers::Everyone).map_err(failed)?;
    Ok(true)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;
    use shared::page_config::PageConfig;

    #[test]
    fn only_exported_files_are_removed() {
        for path in ["feed.atom", "endpoint/Shop.atom", "badge/Shop.svg", "badge/_overall.svg", "badge/Shop.json"] {
            assert!(is_exported(path), "{path}");
        }
        for path in ["index.html", "config.json", "../feed.atom", "/etc/passwd", "badge/../x.svg", "summary.json"] {
            assert!(!is_exported(path), "{path}");
        }
    }

    #[test]
    fn a_page_in_the_folder_links_the_outputs() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(link_outputs(folder.path(), "./").unwrap(), None, "there is no page");
        let stored = folder.path().join("stored.json");
        fs::write(&stored, "{\"source\":{\"type\":\"http\",\"url\":\"checks/\"}}").unwrap();
        let path = folder.path().join(PAGE_CONFIG_FILE);
        std::os::unix::fs::symlink("stored.json", &path).unwrap();
        assert_eq!(link_outputs(folder.path(), "./").unwrap(), Some(path.clone()));
        let page = PageConfig::parse(&fs::read_to_string(&stored).unwrap()).unwrap();
        assert_eq!((page.outputs.as_deref(), page.skipped.len()), (Some("./"), 0));
        assert!(fs::symlink_metadata(&path).unwrap().is_symlink());
        assert_eq!(link_outputs(folder.path(), "other/").unwrap(), None, "the URL of an operator is kept");
    }

    #[test]
    fn a_file_is_written_once_and_everyone_can_read_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("api/v2/summary.json");
        assert!(write(&path, b"1").unwrap());
        assert!(!write(&path, b"1").unwrap());
        assert!(write(&path, b"2").unwrap());
        assert_eq!(fs::read(&path).unwrap(), b"2");
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o644);
        assert_eq!(fs::read_dir(path.parent().unwrap()).unwrap().count(), 1, "no temporary file is left");
        fs::create_dir(folder.path().join("feed.atom")).unwrap();
        let error = write(&folder.path().join("feed.atom"), b"1").unwrap_err().to_string();
        assert!(error.starts_with("failed to export to `") && error.contains("feed.atom"), "{error}");
    }
}

//! The files of the status page, in memory: those built into the checker, or those of a folder. How they are sent
//! is [`crate::server`]'s business.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use shared::object_name::PAGE_CONFIG;

/// The page itself; `/` is this file.
pub const INDEX_HTML: &str = "index.html";

/// The built page's files by name, empty if the checker was built without it.
const EMBEDDED: &[(&str, &[u8])] = include!(concat!(env!("OUT_DIR"), "/embedded_page.rs"));

/// What is served if the checker was built without the page.
const NOT_BUILT: &str = include_str!("page_not_built.html");

/// A built page is well below a megabyte; a folder above these limits is not one.
const MOST_FILES: usize = 1_000;
/// See [`MOST_FILES`].
const MOST_BYTES: u64 = 64 * 1024 * 1024;

/// The page's files by name: `index.html`, `icons/a.svg`.
#[derive(Debug, Clone)]
pub struct PageFiles(BTreeMap<String, Cow<'static, [u8]>>);

/// The folder is no built page.
#[derive(Debug, thiserror::Error)]
pub enum PageFilesError {
    /// It cannot be read.
    #[error("failed to read the page's file `{}`: {cause}", path.display())]
    Unreadable {
        /// Which file or folder.
        path: PathBuf,
        /// What the system says.
        cause: io::Error,
    },
    /// It has no `index.html`.
    #[error("invalid page folder `{}`: it has no `index.html`; name the folder that `trunk build --release` fills, usually `dist`", .0.display())]
    NoIndex(PathBuf),
    /// It holds far more than a page does.
    #[error("invalid page folder `{}`: it contains more than {MOST_FILES} files or {} MB; name the folder that `trunk build --release` fills, usually `dist`", .0.display(), MOST_BYTES >> 20)]
    TooMuch(PathBuf),
}

impl PageFiles {
    /// The page that was built into the checker, or one that says how to build it.
    #[must_use]
    pub fn embedded() -> PageFiles {
        PageFiles::embedded_or_note(EMBEDDED)
    }

    fn embedded_or_note(embedded: &'static [(&'static str, &'static [u8])]) -> PageFiles {
        let files = if embedded.is_empty() { &[(INDEX_HTML, NOT_BUILT.as_bytes())] } else { embedded };
        PageFiles(files.iter().map(|(name, content)| ((*name).to_owned(), Cow::Borrowed(*content))).collect())
    }

    /// The page in a folder, read once. Hidden files and the folder's own `config.json` are left out.
    pub fn from_directory(folder: &Path) -> Result<PageFiles, PageFilesError> {
        let mut reader = Reader { folder, files: BTreeMap::new(), bytes: 0 };
        reader.read("")?;
        if reader.files.contains_key(INDEX_HTML) {
            Ok(PageFiles(reader.files))
        } else {
            Err(PageFilesError::NoIndex(folder.to_owned()))
        }
    }

    /// The files, each with its name, in order.
    pub fn into_files(self) -> impl Iterator<Item = (String, Cow<'static, [u8]>)> {
        self.0.into_iter()
    }
}

struct Reader<'a> {
    folder: &'a Path,
    files: BTreeMap<String, Cow<'static, [u8]>>,
    bytes: u64,
}

impl Reader<'_> {
    /// Reads a folder below the page's: its name with a slash at the end, or nothing for the page's own.
    fn read(&mut self, below: &str) -> Result<(), PageFilesError> {
        let folder = if below.is_empty() { self.folder.to_owned() } else { self.folder.join(below) };
        let unreadable = |path: &Path| {
            let path = path.to_owned();
            move |cause| PageFilesError::Unreadable { path, cause }
        };
        for entry in fs::read_dir(&folder).map_err(unreadable(&folder))? {
            let entry = entry.map_err(unreadable(&folder))?;
            let Ok(file_name) = entry.file_name().into_string() else { continue };
            let (name, path) = (format!("{below}{file_name}"), entry.path());
            if file_name.starts_with('.') || name == PAGE_CONFIG {
                continue;
            }
            // A link to a folder may lead in circles, or out; a link to a file is somebody's choice.
            if entry.file_type().map_err(unreadable(&path))?.is_dir() {
                self.read(&format!("{name}/"))?;
                continue;
            }
            let metadata = fs::metadata(&path).map_err(unreadable(&path))?;
            if !metadata.is_file() {
                continue;
            }
            self.bytes += metadata.len();
            if self.files.len() >= MOST_FILES || self.bytes > MOST_BYTES {
                return Err(PageFilesError::TooMuch(self.folder.to_owned()));
            }
            self.files.insert(name, Cow::Owned(fs::read(&path).map_err(unreadable(&path))?));
        }
        Ok(())
    }
}

/// What a browser is told that a file is, by its name's ending.
#[must_use]
pub fn content_type(name: &str) -> &'static str {
    match name.rsplit_once('.').map_or("", |(_, ending)| ending) {
        "html" => "text/html; charset=utf-8",
        "js" | "mjs" => "text/javascript; charset=utf-8",
        "css" => "text/css; charset=utf-8",
        "json" => "application/json",
        "wasm" => "application/wasm",
        "svg" => "image/svg+xml",
        "png" => "image/png",
        "ico" => "image/x-icon",
        "webmanifest" => "application/manifest+json",
        "woff2" => "font/woff2",
        "txt" => "text/plain; charset=utf-8",
        _ => "application/octet-stream",
    }
}

/// Whether a file's name carries a hash of its content, as the page's build writes it (`page-0123456789abcdef_bg.wasm`),
/// so that the content under this name never changes.
#[must_use]
pub fn has_hashed_name(name: &str) -> bool {
    /// A hash has 64 bits; leading zeros are not written, and fewer digits than these are next to impossible.
    const HASH_DIGITS: std::ops::RangeInclusive<usize> = 13..=16;
    name.split('-').skip(1).any(|part| {
        let digits = part.bytes().take_while(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f')).count();
        HASH_DIGITS.contains(&digits) && part[digits..].starts_with(['.', '_'])
    })
}

#[cfg(test)]
mod tests {
    use crate::server::assets::*;

    fn names(page: PageFiles) -> Vec<String> {
        page.into_files().map(|(name, _)| name).collect()
    }

    #[test]
    fn a_folder_is_read_with_what_lies_below_and_without_its_configuration() {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir_all(folder.path().join("icons/.git")).unwrap();
        for name in ["index.html", "config.json", ".env", "icons/a.svg", "icons/config.json", "icons/.git/config"] {
            fs::write(folder.path().join(name), "x").unwrap();
        }
        let page = PageFiles::from_directory(folder.path()).unwrap();
        assert_eq!(names(page), ["icons/a.svg", "icons/config.json", "index.html"]);
    }

    #[cfg(unix)]
    #[test]
    fn links_to_folders_are_not_followed() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("index.html"), "x").unwrap();
        std::os::unix::fs::symlink(folder.path(), folder.path().join("round")).unwrap();
        std::os::unix::fs::symlink("index.html", folder.path().join("also.html")).unwrap();
        assert_eq!(names(PageFiles::from_directory(folder.path()).unwrap()), ["also.html", "index.html"]);
    }

    #[test]
    fn a_folder_that_is_no_page_says_which_is() {
        let folder = tempfile::tempdir().unwrap();
        let error = PageFiles::from_directory(folder.path()).unwrap_err().to_string();
        assert!(error.contains("has no `index.html`") && error.contains("usually `dist`"), "{error}");
        let error = PageFiles::from_directory(&folder.path().join("gone")).unwrap_err().to_string();
        assert!(error.contains("gone`: "), "{error}");
        for number in 0..=MOST_FILES {
            fs::write(folder.path().join(number.to_string()), "").unwrap();
        }
        assert!(matches!(PageFiles::from_directory(folder.path()), Err(PageFilesError::TooMuch(_))));
    }

    #[test]
    fn the_embedded_page_is_one_or_says_how_to_build_it() {
        assert!(names(PageFiles::embedded()).iter().any(|name| name == INDEX_HTML));
        let mut note = PageFiles::embedded_or_note(&[]).into_files();
        let (name, content) = note.next().unwrap();
        assert_eq!(name, INDEX_HTML);
        assert!(str::from_utf8(&content).unwrap().contains("trunk build --release"));
    }

    #[test]
    fn names_with_a_hash_are_known() {
        for name in ["page-0123456789abcdef.js", "page-0123456789abcdef_bg.wasm", "a/style-123456789abcdef.css"] {
            assert!(has_hashed_name(name), "{name}");
        }
        for name in ["index.html", "page.js", "page-0123.js", "0123456789abcdef.js", "page-0123456789abcdefg.js"] {
            assert!(!has_hashed_name(name), "{name}");
        }
    }

    #[test]
    fn what_browsers_are_strict_about_has_its_type() {
        for (name, expected) in [
            ("index.html", "text/html; charset=utf-8"),
            ("page-0123456789abcdef_bg.wasm", "application/wasm"),
            ("a.b.js", "text/javascript; charset=utf-8"),
            ("LICENSE", "application/octet-stream"),
        ] {
            assert_eq!(content_type(name), expected);
        }
    }
}

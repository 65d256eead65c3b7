//! The files of the status page, in memory: embedded in the program, or read from a directory.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use shared::object_name::{OutputForm, PAGE_CONFIG};

use crate::sanitize::{escape_html, sanitize_for_terminal};

/// The file that is served at `/`. Every page directory must contain it.
pub const INDEX_HTML: &str = "index.html";

/// The files of the built page by name. Empty if the checker was built without the page.
const EMBEDDED: &[(&str, &[u8])] = include!(concat!(env!("OUT_DIR"), "/embedded_page.rs"));

/// The end of the page's title, after which links to its feeds are inserted.
const TITLE_END: &str = "</title>";
/// The maximum length of a feed's title, in characters.
const TITLE_LIMIT: usize = 200;

/// The page to serve if the checker was built without the status page.
const NOT_BUILT: &str = include_str!("page_not_built.html");

/// The maximum number of files in a page directory. A built page has about twenty; a directory with more than this is
/// not a page.
const FILE_LIMIT: usize = 1_000;
/// The maximum total size of these files, in bytes. A built page is well below one megabyte.
const BYTE_LIMIT: u64 = 64 * 1024 * 1024;

/// The files of the page by name, such as `index.html` and `icons/a.svg`.
#[derive(Debug, Clone)]
pub struct PageFiles(BTreeMap<String, Cow<'static, [u8]>>);

#[derive(Debug, thiserror::Error)]
pub enum PageFilesError {
    #[error("failed to read the page file `{}`: {cause}", path.display())]
    Unreadable { path: PathBuf, cause: io::Error },
    #[error("invalid page directory `{}`: `index.html` is missing; use the output of `trunk build --release`, usually `dist`", .0.display())]
    NoIndex(PathBuf),
    #[error("invalid page directory `{}`: it contains more than {FILE_LIMIT} files or {} MB; use the output of `trunk build --release`, usually `dist`", .0.display(), BYTE_LIMIT >> 20)]
    TooLarge(PathBuf),
}

impl PageFiles {
    /// Returns the embedded page, or a page that explains how to build it.
    #[must_use]
    pub fn embedded() -> PageFiles {
        PageFiles::embedded_or_note(EMBEDDED)
    }

    fn embedded_or_note(embedded: &'static [(&'static str, &'static [u8])]) -> PageFiles {
        let files = if embedded.is_empty() { &[(INDEX_HTML, NOT_BUILT.as_bytes())] } else { embedded };
        PageFiles(files.iter().map(|(name, content)| ((*name).to_owned(), Cow::Borrowed(*content))).collect())
    }

    /// Reads the page in a directory, once. Skips hidden files and the `config.json` next to `index.html`.
    pub fn from_directory(folder: &Path) -> Result<PageFiles, PageFilesError> {
        let mut reader = DirectoryReader { folder, files: BTreeMap::new(), bytes: 0 };
        reader.read("")?;
        if reader.files.contains_key(INDEX_HTML) {
            Ok(PageFiles(reader.files))
        } else {
            Err(PageFilesError::NoIndex(folder.to_owned()))
        }
    }

    /// Links to the feeds in the page's head, so that feed readers find them.
    #[must_use]
    pub fn with_feeds(mut self, title: &str) -> PageFiles {
        let title = escape_html(&sanitize_for_terminal(title, TITLE_LIMIT)).into_owned();
        let forms = [OutputForm::Atom, OutputForm::Rss, OutputForm::JsonFeed];
        let link = |form: OutputForm| {
            let media_type = form.media_type();
            format!("<link rel=\"alternate\" type=\"{media_type}\" title=\"{title}\" href=\"{form}\">")
        };
        if let Some(index) = self.0.get_mut(INDEX_HTML)
            && let Ok(html) = str::from_utf8(index)
            && let Some((head, rest)) = html.split_once(TITLE_END)
        {
            *index = Cow::Owned(format!("{head}{TITLE_END}{}{rest}", forms.map(link).concat()).into_bytes());
        }
        self
    }

    /// Returns the files with their names, in name order.
    pub fn into_files(self) -> impl Iterator<Item = (String, Cow<'static, [u8]>)> {
        self.0.into_iter()
    }
}

struct DirectoryReader<'a> {
    folder: &'a Path,
    files: BTreeMap<String, Cow<'static, [u8]>>,
    bytes: u64,
}

impl DirectoryReader<'_> {
    /// Reads a directory of the page. `below` is empty for the root, otherwise the directory's name with a trailing
    /// slash.
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
            // Links to directories are skipped, because they can form cycles; links to files are followed.
            if entry.file_type().map_err(unreadable(&path))?.is_dir() {
                self.read(&format!("{name}/"))?;
                continue;
            }
            let metadata = fs::metadata(&path).map_err(unreadable(&path))?;
            if !metadata.is_file() {
                continue;
            }
            self.bytes += metadata.len();
            if self.files.len() >= FILE_LIMIT || self.bytes > BYTE_LIMIT {
                return Err(PageFilesError::TooLarge(self.folder.to_owned()));
            }
            self.files.insert(name, Cow::Owned(fs::read(&path).map_err(unreadable(&path))?));
        }
        Ok(())
    }
}

/// Returns the media type of a file, derived from its extension.
#[must_use]
pub fn content_type(name: &str) -> &'static str {
    match mime_guess::from_path(name).first_raw() {
        Some("text/html") => "text/html; charset=utf-8",
        Some("text/javascript" | "application/javascript") => "text/javascript; charset=utf-8",
        Some("text/css") => "text/css; charset=utf-8",
        Some("text/plain") => "text/plain; charset=utf-8",
        Some(other) => other,
        None => "application/octet-stream",
    }
}

/// Returns whether a name contains a hash of the file's contents, as in `page-0123456789abcdef_bg.wasm`. A file with
/// such a name never changes.
#[must_use]
pub fn has_hashed_name(name: &str) -> bool {
    /// A hash has 64 bits, written without leading zeros; hashes with fewer digits than this are very unlikely.
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
    fn a_directory_is_read_with_subdirectories_and_without_configuration() {
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
    fn links_to_directories_are_not_followed() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("index.html"), "x").unwrap();
        std::os::unix::fs::symlink(folder.path(), folder.path().join("round")).unwrap();
        std::os::unix::fs::symlink("index.html", folder.path().join("also.html")).unwrap();
        assert_eq!(names(PageFiles::from_directory(folder.path()).unwrap()), ["also.html", "index.html"]);
    }

    #[test]
    fn the_error_for_an_invalid_directory_suggests_the_right_one() {
        let folder = tempfile::tempdir().unwrap();
        let error = PageFiles::from_directory(folder.path()).unwrap_err().to_string();
        assert!(error.contains("`index.html` is missing") && error.contains("usually `dist`"), "{error}");
        let error = PageFiles::from_directory(&folder.path().join("gone")).unwrap_err().to_string();
        assert!(error.contains("gone`: "), "{error}");
        for number in 0..=FILE_LIMIT {
            fs::write(folder.path().join(number.to_string()), "").unwrap();
        }
        assert!(matches!(PageFiles::from_directory(folder.path()), Err(PageFilesError::TooLarge(_))));
    }

    #[test]
    fn the_embedded_page_exists_or_explains_how_to_build_it() {
        assert!(names(PageFiles::embedded()).iter().any(|name| name == INDEX_HTML));
        let mut note = PageFiles::embedded_or_note(&[]).into_files();
        let (name, content) = note.next().unwrap();
        assert_eq!(name, INDEX_HTML);
        assert!(str::from_utf8(&content).unwrap().contains("trunk build --release"));
    }

    #[test]
    fn feeds_are_announced_in_the_head() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("index.html"), "<head><title>Status</title></head>").unwrap();
        let page = PageFiles::from_directory(folder.path()).unwrap().with_feeds("A \"B\" <c>");
        let (_, html) = page.into_files().next().unwrap();
        let html = str::from_utf8(&html).unwrap();
        let atom = "<link rel=\"alternate\" type=\"application/atom+xml\" title=\"A &quot;B&quot; &lt;c&gt;\" href=\"feed.atom\">";
        assert!(html.starts_with(&format!("<head><title>Status</title>{atom}<link")), "{html}");
        assert!(html.ends_with("href=\"feed.json\"></head>"), "{html}");
        let note = PageFiles::embedded_or_note(&[]).with_feeds("x").into_files().next().unwrap().1;
        assert!(str::from_utf8(&note).is_ok());
    }

    #[test]
    fn names_with_a_hash_are_recognized() {
        for name in ["page-0123456789abcdef.js", "page-0123456789abcdef_bg.wasm", "a/style-123456789abcdef.css"] {
            assert!(has_hashed_name(name), "{name}");
        }
        for name in ["index.html", "page.js", "page-0123.js", "0123456789abcdef.js", "page-0123456789abcdefg.js"] {
            assert!(!has_hashed_name(name), "{name}");
        }
    }

    #[test]
    fn content_types_are_those_that_browsers_require() {
        for (name, expected) in [
            ("index.html", "text/html; charset=utf-8"),
            ("page-0123456789abcdef_bg.wasm", "application/wasm"),
            ("a.b.js", "text/javascript; charset=utf-8"),
            ("a.mjs", "text/javascript; charset=utf-8"),
            ("a.css", "text/css; charset=utf-8"),
            ("a.json", "application/json"),
            ("a.svg", "image/svg+xml"),
            ("a.png", "image/png"),
            ("favicon.ico", "image/x-icon"),
            ("a.webmanifest", "application/manifest+json"),
            ("a.woff2", "font/woff2"),
            ("a.txt", "text/plain; charset=utf-8"),
            ("LICENSE", "application/octet-stream"),
        ] {
            assert_eq!(content_type(name), expected);
        }
    }
}

//! `checker init`: writes a configuration, with a check for each URL or for the status page itself. It replaces an
//! existing file only with `--force`.

use std::fs::OpenOptions;
use std::io::{ErrorKind, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::PathBuf;

use super::Outcome;
use crate::cli::InitArguments;
use crate::config::starter::{InvalidTarget, for_urls, starter};
use crate::counted;
use crate::ui;

/// The file to write if none is given.
const DEFAULT_FILE: &str = "checker.json";
/// The end of arguments that are files, not URLs.
const FILE_SUFFIX: &str = ".json";

#[derive(Debug, thiserror::Error)]
pub enum InitError {
    #[error("`{0}` already exists: choose another file with `-c FILE`, or replace it with `--force`")]
    Exists(PathBuf),
    #[error("failed to write `{0}`")]
    Unwritable(PathBuf, #[source] std::io::Error),
    #[error("several files to write: pass only one, for example `-c checker.json`")]
    SeveralFiles,
    #[error(transparent)]
    Target(#[from] InvalidTarget),
}

pub fn init(arguments: &InitArguments) -> Result<Outcome, InitError> {
    let is_file = |target: &&String| target.ends_with(FILE_SUFFIX) && !target.contains("://");
    let (named, urls): (Vec<&String>, Vec<&String>) = arguments.targets.iter().partition(is_file);
    let mut files = arguments.config.iter().cloned().chain(named.into_iter().map(PathBuf::from));
    let path = files.next().unwrap_or_else(|| PathBuf::from(DEFAULT_FILE));
    if files.next().is_some() {
        return Err(InitError::SeveralFiles);
    }
    let urls: Vec<String> = urls.into_iter().cloned().collect();
    let text = if urls.is_empty() { starter() } else { for_urls(&urls)? };
    let mut options = OpenOptions::new();
    // The file will contain credentials, so only its owner can read it. An existing file keeps its permissions.
    options.write(true).mode(0o600);
    if arguments.force {
        options.create(true).truncate(true);
    } else {
        options.create_new(true);
    }
    let written = options.open(&path).and_then(|mut file| file.write_all(text.as_bytes()));
    match written {
        Ok(()) => {}
        Err(error) if error.kind() == ErrorKind::AlreadyExists => return Err(InitError::Exists(path)),
        Err(error) => return Err(InitError::Unwritable(path, error)),
    }
    let path = path.display();
    let checks = if urls.is_empty() { String::new() } else { format!(" with {}", counted(urls.len(), "check")) };
    ui::info(&format!(
        "wrote {path}{checks}; next: `checker run -c {path}` runs the checks, `checker serve -c {path}` also serves the page"
    ));
    Ok(Outcome::Done)
}

//! `checker init`: writes a starter configuration. It replaces an existing file only with `--force`.

use std::fs::OpenOptions;
use std::io::{ErrorKind, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::PathBuf;

use super::Outcome;
use crate::cli::InitArguments;
use crate::config::starter::STARTER;
use crate::ui;

#[derive(Debug, thiserror::Error)]
pub enum InitError {
    #[error("`{0}` already exists: choose another file, or replace it with `--force`")]
    Exists(PathBuf),
    #[error("failed to write `{0}`")]
    Unwritable(PathBuf, #[source] std::io::Error),
}

pub fn init(arguments: &InitArguments) -> Result<Outcome, InitError> {
    let path = &arguments.path;
    let mut options = OpenOptions::new();
    // The file will contain credentials, so only its owner can read it. An existing file keeps its permissions.
    options.write(true).mode(0o600);
    if arguments.force {
        options.create(true).truncate(true);
    } else {
        options.create_new(true);
    }
    let written = options.open(path).and_then(|mut file| file.write_all(STARTER.as_bytes()));
    match written {
        Ok(()) => {}
        Err(error) if error.kind() == ErrorKind::AlreadyExists => return Err(InitError::Exists(path.clone())),
        Err(error) => return Err(InitError::Unwritable(path.clone(), error)),
    }
    if arguments.quiet {
        return Ok(Outcome::Done);
    }
    let path = path.display();
    ui::info(&format!(
        "wrote {path}; next: `checker run -c {path}` runs the checks, `checker serve -c {path}` also serves the page"
    ));
    Ok(Outcome::Done)
}

//! What is remembered of endpoints between runs, in a file beside the spool, for checks that want a worse status
//! confirmed: a checker that is started anew for each round has no other memory.

use std::collections::HashMap;
use std::io::{self, ErrorKind};
use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use shared::check_file::{CheckFile, write_check_file};

use super::confirmation::Memory;
use crate::config::model::Config;

/// The memory cannot be kept.
#[derive(Debug, thiserror::Error)]
#[error("failed to save unconfirmed statuses to `{0}`: {1}")]
pub struct NotKept(String, io::Error);

#[derive(Serialize, Deserialize)]
struct Remembered {
    title: String,
    locator: String,
    believed: String,
    /// The content of a check file.
    pending: String,
}

fn path(config: &Config) -> Option<PathBuf> {
    let needed = config.checks.iter().any(|check| check.failures_before_down > 1);
    needed.then(|| config.spool_dir.join(format!("unconfirmed-{}.json", config.node)))
}

/// What was remembered, one for each check in their order. What cannot be read is forgotten: it only delays nothing.
#[must_use]
pub fn load(config: &Config) -> Vec<Memory> {
    let Some(path) = path(config) else { return vec![Memory::default(); config.checks.len()] };
    let content = std::fs::read(path).unwrap_or_default();
    let remembered: Vec<Remembered> = serde_json::from_slice(&content).unwrap_or_default();
    let mut remembered: HashMap<(String, String), Memory> = remembered
        .into_iter()
        .map(|entry| {
            let pending = CheckFile::parse(entry.pending.as_bytes()).unwrap_or_default().results;
            let memory = Memory { believed: entry.believed.parse().unwrap_or_default(), pending };
            ((entry.title, entry.locator), memory)
        })
        .collect();
    let names = config.checks.iter().map(|check| (check.title.clone(), check.kind.locator().to_owned()));
    names.map(|name| remembered.remove(&name).unwrap_or_default()).collect()
}

/// Keeps what is remembered for the next run, if a check asks for it.
pub fn save(config: &Config, memories: &[Memory]) -> Result<(), NotKept> {
    let Some(path) = path(config) else { return Ok(()) };
    let entries = config.checks.iter().zip(memories).filter(|(check, _)| check.failures_before_down > 1);
    let remembered: Vec<Remembered> = entries
        .map(|(check, memory)| Remembered {
            title: check.title.clone(),
            locator: check.kind.locator().to_owned(),
            believed: memory.believed.to_string(),
            pending: write_check_file(&memory.pending),
        })
        .collect();
    let write = || {
        std::fs::create_dir_all(&config.spool_dir)?;
        // Written whole or not at all: another run may read it meanwhile.
        let mut file = tempfile::NamedTempFile::new_in(&config.spool_dir)?;
        serde_json::to_writer(&mut file, &remembered).map_err(|error| io::Error::new(ErrorKind::InvalidData, error))?;
        file.persist(&path).map_err(|error| error.error)
    };
    write().map(drop).map_err(|error| NotKept(path.display().to_string(), error))
}

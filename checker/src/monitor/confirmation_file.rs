//! Keeps unconfirmed results between runs in a file in the spool directory. A checker that is started separately for
//! each round has no other state.

use std::collections::HashMap;
use std::io::{self, ErrorKind};
use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use shared::check_file::{CheckFile, write_check_file};

use super::confirmation::ConfirmationState;
use crate::config::model::Config;
use crate::platform::whole_file::{Readers, replace_file};

#[derive(Debug, thiserror::Error)]
#[error("failed to save unconfirmed statuses to `{0}`: {1}")]
pub struct SaveError(String, io::Error);

#[derive(Serialize, Deserialize)]
struct StoredState {
    title: String,
    locator: String,
    #[serde(rename = "believed")]
    confirmed_status: String,
    /// The unconfirmed results, encoded in the check file format.
    #[serde(rename = "pending")]
    unconfirmed: String,
}

fn path(config: &Config) -> Option<PathBuf> {
    let needed = config.checks.iter().any(|check| check.failures_before_down > 1);
    needed.then(|| config.spool_dir.join(format!("unconfirmed-{}.json", config.node)))
}

/// Loads the saved state of each check, in configuration order. Unreadable state is dropped, so the next result
/// takes effect immediately.
#[must_use]
pub fn load(config: &Config) -> Vec<ConfirmationState> {
    let Some(path) = path(config) else { return vec![ConfirmationState::default(); config.checks.len()] };
    let content = std::fs::read(path).unwrap_or_default();
    let stored: Vec<StoredState> = serde_json::from_slice(&content).unwrap_or_default();
    let mut states: HashMap<(String, String), ConfirmationState> = stored
        .into_iter()
        .map(|entry| {
            let unconfirmed = CheckFile::parse(entry.unconfirmed.as_bytes()).unwrap_or_default().results;
            let confirmation =
                ConfirmationState { confirmed_status: entry.confirmed_status.parse().unwrap_or_default(), unconfirmed };
            ((entry.title, entry.locator), confirmation)
        })
        .collect();
    let names = config.checks.iter().map(|check| (check.title.clone(), check.kind.locator().to_owned()));
    names.map(|name| states.remove(&name).unwrap_or_default()).collect()
}

/// Saves the state for the next run, if any check needs it.
pub fn save(config: &Config, confirmations: &[ConfirmationState]) -> Result<(), SaveError> {
    let Some(path) = path(config) else { return Ok(()) };
    let entries = config.checks.iter().zip(confirmations).filter(|(check, _)| check.failures_before_down > 1);
    let stored: Vec<StoredState> = entries
        .map(|(check, confirmation)| StoredState {
            title: check.title.clone(),
            locator: check.kind.locator().to_owned(),
            confirmed_status: confirmation.confirmed_status.to_string(),
            unconfirmed: write_check_file(&confirmation.unconfirmed),
        })
        .collect();
    let write = || {
        std::fs::create_dir_all(&config.spool_dir)?;
        let json = serde_json::to_vec(&stored).map_err(|error| io::Error::new(ErrorKind::InvalidData, error))?;
        replace_file(&path, &json, Readers::Owner)
    };
    write().map_err(|error| SaveError(path.display().to_string(), error))
}

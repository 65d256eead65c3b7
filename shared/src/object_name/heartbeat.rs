//! Formats and parses the names of heartbeats.

use std::fmt;
use std::str::FromStr;

use super::is_valid_name;

/// The folder for heartbeats, next to the check files.
pub const HEARTBEAT_FOLDER: &str = "heartbeats/";
pub(super) const HEARTBEAT_SUFFIX: &str = ".json";
const JOB_NAME_LIMIT: usize = 64;

/// The name of a job's heartbeat, without the store's prefix: `heartbeats/<job>.json`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct HeartbeatName(String);

/// An error for text that is not a job name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("invalid job name `{0}`: use 1–64 lowercase letters, digits and hyphens, for example `nightly-backup`")]
pub struct InvalidJobName(pub String);

impl HeartbeatName {
    /// Creates the heartbeat's name if the job name is valid.
    pub fn new(job: &str) -> Result<HeartbeatName, InvalidJobName> {
        if is_valid_name(job, JOB_NAME_LIMIT) {
            Ok(HeartbeatName(job.to_owned()))
        } else {
            Err(InvalidJobName(job.to_owned()))
        }
    }

    /// Parses a name without the prefix. Returns `None` if it is not a heartbeat's name.
    #[must_use]
    pub fn parse(name: &str) -> Option<HeartbeatName> {
        HeartbeatName::new(name.strip_prefix(HEARTBEAT_FOLDER)?.strip_suffix(HEARTBEAT_SUFFIX)?).ok()
    }

    /// Returns the job's name, which is part of the object's name.
    #[must_use]
    pub fn job(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for HeartbeatName {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{HEARTBEAT_FOLDER}{}{HEARTBEAT_SUFFIX}", self.0)
    }
}

impl FromStr for HeartbeatName {
    type Err = InvalidJobName;

    fn from_str(job: &str) -> Result<Self, Self::Err> {
        HeartbeatName::new(job)
    }
}

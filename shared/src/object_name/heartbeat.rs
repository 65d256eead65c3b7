//! The names of the objects in which jobs say that they ran.

use std::fmt;
use std::str::FromStr;

use super::is_valid_name;

/// Where heartbeats are kept: a folder beside the check files.
pub const HEARTBEAT_FOLDER: &str = "heartbeats/";
/// How the name of a heartbeat ends.
pub(super) const HEARTBEAT_SUFFIX: &str = ".json";
/// The longest name of a job, in characters.
const JOB_NAME_LIMIT: usize = 64;

/// The name of the object in which a job says that it ran, without the store's prefix: `heartbeats/<job>.json`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct HeartbeatName(String);

/// The text is no name for a job.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("invalid job name `{0}`: use 1–64 lowercase letters, digits and hyphens, for example `nightly-backup`")]
pub struct InvalidJobName(pub String);

impl HeartbeatName {
    /// The object of this job, if the text can be a job's name.
    pub fn new(job: &str) -> Result<HeartbeatName, InvalidJobName> {
        if is_valid_name(job, JOB_NAME_LIMIT) {
            Ok(HeartbeatName(job.to_owned()))
        } else {
            Err(InvalidJobName(job.to_owned()))
        }
    }

    /// Reads a name that has no prefix any more; `None` if it is no heartbeat's.
    #[must_use]
    pub fn parse(name: &str) -> Option<HeartbeatName> {
        HeartbeatName::new(name.strip_prefix(HEARTBEAT_FOLDER)?.strip_suffix(HEARTBEAT_SUFFIX)?).ok()
    }

    /// The job's name.
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

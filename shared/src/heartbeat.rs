//! The JSON format of heartbeats, which jobs store after each run. The checker determines whether the last one is
//! recent enough.

use serde::{Deserialize, Serialize};

use crate::UnixNanos;
use crate::check_file::shortened;

/// The maximum length of a failure description, in characters: a sentence on a page, not a log.
pub const FAILURE_LIMIT: usize = 300;

/// The last heartbeat of a job: `{"at":1795330254340493978,"exit_status":3,"failed":"no space left"}`.
///
/// Only `at` is required; unknown keys are ignored.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Heartbeat {
    /// When the heartbeat was sent, by the clock of the job's machine.
    pub at: UnixNanos,
    /// The job's exit status. Any value other than 0 is a failure.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exit_status: Option<i32>,
    /// A description of the failure, provided by the job.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failed: Option<String>,
}

/// An error for an object that is not a heartbeat.
#[derive(Debug, thiserror::Error)]
#[error("invalid heartbeat; send another one with `checker beat`")]
pub struct InvalidHeartbeat(#[from] serde_json::Error);

impl Heartbeat {
    /// Parses the content of a heartbeat object.
    pub fn parse(json: &[u8]) -> Result<Heartbeat, InvalidHeartbeat> {
        Ok(serde_json::from_slice(json)?)
    }

    /// Returns the heartbeat as JSON.
    #[must_use]
    pub fn write(&self) -> String {
        // Serializing numbers and strings cannot fail. The fallback does not parse as a heartbeat.
        serde_json::to_string(self).unwrap_or_else(|_| "{}".to_owned())
    }

    /// Returns the job's failure as a clause, or `None` if the job succeeded.
    #[must_use]
    pub fn failure(&self) -> Option<String> {
        let detail = self.failed.as_deref().map(str::trim).filter(|text| !text.is_empty());
        let detail = detail.map(|text| format!(": {}", shortened(text.to_owned(), FAILURE_LIMIT))).unwrap_or_default();
        match self.exit_status {
            Some(status) if status != 0 => Some(format!("the job ended with exit status {status}{detail}")),
            _ if self.failed.is_some() => Some(format!("the job reported a failure{detail}")),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOLDEN: &str = include_str!("../golden/heartbeat.json");

    #[test]
    fn the_golden_heartbeat_round_trips() {
        let golden = Heartbeat {
            at: 1_795_330_254_340_493_978,
            exit_status: Some(3),
            failed: Some("no space left on the device".to_owned()),
        };
        assert_eq!(Heartbeat::parse(GOLDEN.as_bytes()).unwrap(), golden);
        assert_eq!(golden.write(), GOLDEN.trim_end());
        assert_eq!(Heartbeat { at: 7, ..Heartbeat::default() }.write(), r#"{"at":7}"#);
        assert_eq!(Heartbeat::parse(br#"{"at":7,"mood":"well"}"#).unwrap().at, 7);
    }

    #[test]
    fn a_heartbeat_without_a_time_is_invalid() {
        for json in ["", "{}", "null", "[]", r#"{"at":"now"}"#, r#"{"failed":"x"}"#] {
            assert!(Heartbeat::parse(json.as_bytes()).is_err(), "{json}");
        }
    }

    #[test]
    fn a_failure_includes_the_jobs_text() {
        for (exit_status, failed, sentence) in [
            (None, None, None),
            (Some(0), None, None),
            (Some(3), None, Some("the job ended with exit status 3")),
            (Some(3), Some("disk full"), Some("the job ended with exit status 3: disk full")),
            (Some(0), Some("disk full"), Some("the job reported a failure: disk full")),
            (None, Some(" "), Some("the job reported a failure")),
        ] {
            let beat = Heartbeat { at: 0, exit_status, failed: failed.map(str::to_owned) };
            assert_eq!(beat.failure().as_deref(), sentence);
        }
    }
}

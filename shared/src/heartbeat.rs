//! Heartbeats: what a job leaves in the store to say that it ran, and the JSON of it. Whether the last one is recent
//! enough is decided by whoever watches the job.

use serde::{Deserialize, Serialize};

use crate::UnixNanos;
use crate::check_file::shortened;

/// The longest text that a job can say about its failure, in characters: it is a sentence on a page, not a log.
pub const FAILURE_LIMIT: usize = 300;

/// What a job last said of itself: `{"at":1795330254340493978,"exit_status":3,"failed":"no space left"}`.
///
/// Only `at` has to be there; unknown keys are ignored.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Heartbeat {
    /// When it came, by the clock of the job's machine.
    pub at: UnixNanos,
    /// How the job ended; anything but 0 is a failure.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exit_status: Option<i32>,
    /// That it failed, in the job's own words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failed: Option<String>,
}

/// The object holds no heartbeat.
#[derive(Debug, thiserror::Error)]
#[error("invalid heartbeat; let the job report in again with `checker beat`")]
pub struct InvalidHeartbeat(#[from] serde_json::Error);

impl Heartbeat {
    /// Reads what is stored.
    pub fn parse(json: &[u8]) -> Result<Heartbeat, InvalidHeartbeat> {
        Ok(serde_json::from_slice(json)?)
    }

    /// What is stored.
    #[must_use]
    pub fn write(&self) -> String {
        // Numbers and texts always have a JSON; an empty object would be read as none.
        serde_json::to_string(self).unwrap_or_else(|_| "{}".to_owned())
    }

    /// What the job says went wrong, in a sentence; `None` if it went well.
    #[must_use]
    pub fn failure(&self) -> Option<String> {
        let said = self.failed.as_deref().map(str::trim).filter(|text| !text.is_empty());
        let said = said.map(|text| format!(": {}", shortened(text.to_owned(), FAILURE_LIMIT))).unwrap_or_default();
        match self.exit_status {
            Some(status) if status != 0 => Some(format!("the job ended with exit status {status}{said}")),
            _ if self.failed.is_some() => Some(format!("the job reported a failure{said}")),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOLDEN: &str = include_str!("../golden/heartbeat.json");

    #[test]
    fn what_was_stored_reads_and_writes_back_equal() {
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
    fn what_has_no_time_is_no_heartbeat() {
        for json in ["", "{}", "null", "[]", r#"{"at":"now"}"#, r#"{"failed":"x"}"#] {
            assert!(Heartbeat::parse(json.as_bytes()).is_err(), "{json}");
        }
    }

    #[test]
    fn a_failure_is_told_in_the_jobs_own_words() {
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

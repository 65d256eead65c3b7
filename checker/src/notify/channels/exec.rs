//! A command that receives the message as JSON on its standard input.

use std::path::PathBuf;

use super::outcome::TEMPORARY_FAILURE;
use super::{FailureReason, SendOutcome};
use crate::notify::message::Message;
use crate::notify::message_json::to_json;

/// A command that delivers messages. Exit status 0 means delivered, 75 means retry later, and any other status means
/// refused.
#[derive(Debug, Clone)]
pub struct ExecChannel {
    /// The program: a path, or a name to search for in `PATH`.
    pub command: PathBuf,
    pub arguments: Vec<String>,
}

impl ExecChannel {
    #[must_use]
    pub fn input(&self, message: &Message) -> String {
        format!("{}\n", to_json(message))
    }

    /// Interprets the exit status, which is `None` if a signal terminated the command.
    #[must_use]
    pub fn outcome(&self, exit_status: Option<i32>) -> SendOutcome {
        match exit_status {
            Some(0) => SendOutcome::Delivered,
            Some(status) if status == i32::from(TEMPORARY_FAILURE) => {
                SendOutcome::Retry { reason: FailureReason::Refused(TEMPORARY_FAILURE), after: None }
            }
            Some(status) => SendOutcome::Refused { reason: FailureReason::Refused(status.unsigned_abs() as u16) },
            None => SendOutcome::Retry { reason: FailureReason::Failed, after: None },
        }
    }
}

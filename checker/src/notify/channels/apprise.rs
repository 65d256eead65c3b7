//! Apprise, a program that can notify more than 100 other services. <https://github.com/caronc/apprise>

use std::path::PathBuf;

use super::mail::subject;
use super::{FailureReason, SendOutcome};
use crate::notify::message::Message;
use crate::notify::outline::{Outline, PLAIN};
use crate::notify::words::Urgency;
use crate::redact::Secret;

/// The environment variable that passes the URLs to Apprise. Command-line arguments would be visible to other users of
/// the machine.
pub const URLS_VARIABLE: &str = "APPRISE_URLS";

/// The `apprise` program, which receives URLs in an environment variable and the message text on standard input.
#[derive(Debug, Clone)]
pub struct Apprise {
    /// The program: a path, or a name to search for in `PATH`.
    pub command: PathBuf,
    /// One or more Apprise URLs, which can contain secrets.
    pub urls: Vec<Secret>,
}

impl Apprise {
    #[must_use]
    pub fn arguments(&self, message: &Message) -> Vec<String> {
        let kind = match Urgency::from_message(message) {
            Urgency::Critical => "failure",
            Urgency::Warning => "warning",
            Urgency::Good => "success",
            Urgency::Info => "info",
        };
        let title = format!("--title={}", subject(None, message));
        vec![format!("--notification-type={kind}"), "--input-format=text".to_owned(), title]
    }

    /// Returns the value of [`URLS_VARIABLE`].
    #[must_use]
    pub fn urls(&self) -> String {
        self.urls.iter().map(Secret::reveal).collect::<Vec<_>>().join(" ")
    }

    #[must_use]
    pub fn input(&self, message: &Message) -> String {
        Outline::new(message).render(&PLAIN)
    }

    /// Interprets the exit status, which is `None` if a signal terminated the program. Apprise exits with 1 if a
    /// service did not accept the message, and does not report the reason.
    #[must_use]
    pub fn outcome(&self, exit_status: Option<i32>) -> SendOutcome {
        match exit_status {
            Some(0) => SendOutcome::Delivered,
            Some(1) | None => SendOutcome::Retry { reason: FailureReason::Failed, after: None },
            Some(status) => SendOutcome::Refused { reason: FailureReason::Refused(status.unsigned_abs() as u16) },
        }
    }
}

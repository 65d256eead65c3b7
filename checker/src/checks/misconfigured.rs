//! Replaces a check whose configuration is invalid so that the other checks can run.

use std::time::Duration;

use futures_util::future::{BoxFuture, ready};

use super::probe_data::Capture;
use super::{CheckContext, Probe, Probed};

/// A check that always reports why it cannot run.
#[derive(Debug, Clone)]
pub struct MisconfiguredCheck {
    /// The kind of check as configured.
    pub type_name: String,
    pub locator: String,
    /// The problem in the configuration, as a complete clause.
    pub reason: String,
}

impl Probe for MisconfiguredCheck {
    fn type_name(&self) -> &str {
        &self.type_name
    }

    fn locator(&self) -> &str {
        &self.locator
    }

    fn timeout(&self) -> Duration {
        Duration::ZERO
    }

    fn uses_network(&self) -> bool {
        false
    }

    fn probe<'a>(&'a self, _: Capture, _: &'a CheckContext) -> BoxFuture<'a, Probed> {
        Box::pin(ready(Err(self.reason.clone())))
    }
}

//! Periods in which news is held back.

use super::policy::CheckNotifications;
use crate::UnixNanos;

/// A period: `start <= t < end`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Period {
    /// The first nanosecond of the period.
    pub start: UnixNanos,
    /// The first nanosecond after the period.
    pub end: UnixNanos,
}

/// A period in which outages of some endpoints are not notified.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hold {
    /// Why outages are not notified.
    pub kind: HoldKind,
    /// When outages are not notified.
    pub period: Period,
    /// Titles of endpoints, or beginnings of titles followed by `*`. All endpoints match if there are none.
    pub endpoints: Vec<String>,
}

/// Why outages are not notified during a period.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HoldKind {
    /// A planned maintenance window.
    Planned,
    /// A silence, which an operator sets.
    Silence,
}

impl Hold {
    /// Returns whether the period applies to an endpoint.
    #[must_use]
    pub fn covers(&self, title: &str) -> bool {
        let _ = CheckNotifications::default;
        self.endpoints.is_empty() || crate::page_config::appearance::position_in(&self.endpoints, title).is_some()
    }
}

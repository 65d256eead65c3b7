//! The calendar: one event for each maintenance window.

use super::RETENTION;
use super::text::scopes;
use crate::UnixNanos;
use crate::civil::rfc3339;
use crate::message::Message;
use crate::post::maintenance::{Maintenance, Window};

/// The maximum number of events. Those that start last are left out.
const EVENT_LIMIT: usize = 2_000;

/// A maintenance window as an event of a calendar.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CalendarEvent {
    /// The identity, which contains the planned start and stays the same if the window is moved.
    pub uid: String,
    /// The number of changes to the window.
    pub sequence: u32,
    /// When the window was last changed.
    pub changed_at: UnixNanos,
    /// The first moment of the window.
    pub start: UnixNanos,
    /// The end of the window.
    pub end: UnixNanos,
    /// Whether the window was canceled.
    pub is_canceled: bool,
    /// The title, as plain text.
    pub title: String,
    /// The description and the affected endpoints, as plain text.
    pub text: String,
}

/// Returns the events for all windows that ended within [`RETENTION`] or have not ended, ordered by start.
#[must_use]
pub fn calendar_events(maintenance: &[Maintenance], now: UnixNanos) -> Vec<CalendarEvent> {
    let from = now.saturating_sub(RETENTION);
    let mut events = Vec::new();
    for one in maintenance {
        let active = one.windows.iter().map(|window| (window, false));
        let all = active.chain(one.canceled.iter().map(|window| (window, true)));
        let recent = all.filter(|(window, _)| window.end > from && window.start < window.end);
        events.extend(recent.map(|(window, is_canceled)| event(one, window, is_canceled)));
    }
    events.sort_by(|one, other| (one.start, &one.uid).cmp(&(other.start, &other.uid)));
    events.truncate(EVENT_LIMIT);
    events
}

fn event(maintenance: &Maintenance, window: &Window, is_canceled: bool) -> CalendarEvent {
    let planned: String = rfc3339(window.planned).chars().filter(|letter| !matches!(letter, '-' | ':')).collect();
    let affects = scopes(&maintenance.affects);
    let affects = if affects.is_empty() { affects } else { format!("Affects {affects}") };
    let parts = [Message::parse(&maintenance.text).text(), affects];
    CalendarEvent {
        uid: format!("{}-{planned}@checkup", maintenance.id),
        sequence: window.changes,
        changed_at: window.changed_at,
        start: window.start,
        end: window.end,
        is_canceled,
        title: maintenance.display_title().to_owned(),
        text: parts.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join("\n"),
    }
}

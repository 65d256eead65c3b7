//! An in-memory store in which changes become visible with a delay.

use std::rc::Rc;

use shared::UnixNanos;
use shared::notification_log::NotificationLog;
use shared::uptime::Span;

/// A node's stored history of all endpoints.
#[derive(Debug, Default)]
pub(crate) struct StoredHistory {
    /// The spans of each endpoint, and when it was last checked.
    pub(crate) endpoints: Vec<(Vec<Span>, Option<UnixNanos>)>,
    pub(crate) newest: UnixNanos,
}

/// The versions of an object. After a new version is stored, the previous one remains visible for a while.
#[derive(Debug)]
pub(crate) struct Versions<T> {
    stored: Vec<(UnixNanos, Rc<T>)>,
}

impl<T> Default for Versions<T> {
    fn default() -> Self {
        Versions { stored: Vec::new() }
    }
}

impl<T> Versions<T> {
    pub(crate) fn put(&mut self, visible_at: UnixNanos, content: T) {
        // Only the most recent versions can still be visible.
        if self.stored.len() > 8 {
            self.stored.drain(..4);
        }
        // A later version never becomes visible before an earlier one.
        let visible_at = self.stored.last().map_or(visible_at, |(last, _)| visible_at.max(*last));
        self.stored.push((visible_at, Rc::new(content)));
    }

    pub(crate) fn get(&self, now: UnixNanos) -> Option<Rc<T>> {
        self.stored.iter().rfind(|(visible_at, _)| *visible_at <= now).map(|(_, content)| Rc::clone(content))
    }
}

/// The objects that one node stores.
#[derive(Debug, Default)]
pub(crate) struct Objects {
    pub(crate) history: Versions<StoredHistory>,
    /// The log, parsed from its stored JSON.
    pub(crate) log: Versions<NotificationLog>,
}

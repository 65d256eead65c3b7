//! Planned maintenance, as computed from its posts.
//!
//! The author's command expands the rule into windows in UTC, so readers need neither time zones nor recurrence rules.

use super::fold::Entry;
use super::{Affected, Details, PostId, WINDOWS_LIMIT};
use crate::object_name::NodeName;
use crate::{Nanos, UnixNanos};

/// The maximum number of windows of a maintenance, from all of its plans.
const ALL_WINDOWS_LIMIT: usize = 4 * WINDOWS_LIMIT;

/// The plan of a maintenance: the rule, and the windows that it results in.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct MaintenancePlan {
    /// The local time of the first window, `2026-12-06T02:00`.
    pub start: String,
    /// The IANA time zone of `start`, `Europe/Berlin`.
    pub zone: String,
    /// The length of each window.
    pub length: Nanos,
    /// The recurrence rule (RFC 5545), `FREQ=MONTHLY;BYDAY=1SU`, or an empty string for a single window.
    pub repeat: String,
    /// The local dates on which there is no window, `2027-01-03`.
    pub except: Vec<String>,
    /// The starts and ends of all windows in UTC, in ascending order.
    pub windows: Vec<(UnixNanos, UnixNanos)>,
}

/// A change to one window, or the cancellation of all windows that have not ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum MaintenanceChange {
    /// All windows that end after the post are canceled.
    CancelAll,
    /// One window is canceled. It is identified by its planned start.
    Cancel(UnixNanos),
    /// One window, identified by its planned start, begins or ends at another time.
    Move {
        /// The planned start of the window.
        window: UnixNanos,
        /// The actual start.
        start: UnixNanos,
        /// The actual end.
        end: UnixNanos,
    },
}

/// A maintenance with all its windows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Maintenance {
    /// The identity of the maintenance, which is that of its first post.
    pub id: PostId,
    /// The author of the latest post.
    pub author: NodeName,
    /// The current title.
    pub title: String,
    /// The endpoints that are affected, and how.
    pub affects: Vec<Affected>,
    /// The latest text, in the HTML subset of [`crate::message`].
    pub text: String,
    /// The rule from which the windows were expanded.
    pub plan: MaintenancePlan,
    /// The windows that are not canceled, ordered by start.
    pub windows: Vec<Window>,
    /// Whether all windows were canceled after the latest plan, so that the plan is not extended.
    pub is_canceled: bool,
}

/// One window of a maintenance.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Window {
    /// The planned start, which identifies the window.
    pub planned: UnixNanos,
    /// When the window begins.
    pub start: UnixNanos,
    /// When the window ends.
    pub end: UnixNanos,
    /// When the window was announced, by the author's clock.
    pub announced_at: UnixNanos,
}

impl Window {
    /// Returns whether the window was announced before it began. Only such windows count for the second uptime figure.
    #[must_use]
    pub fn is_announced_before(&self) -> bool {
        self.announced_at <= self.start
    }

    /// Returns whether the window is in progress.
    #[must_use]
    pub fn contains(&self, moment: UnixNanos) -> bool {
        self.start <= moment && moment < self.end
    }
}

impl Maintenance {
    /// Computes a maintenance from its entries, which are in the order of their times.
    pub(super) fn from_entries(id: PostId, entries: &[Entry<'_>]) -> Option<Maintenance> {
        let first = entries.first()?;
        let mut maintenance = Maintenance {
            id,
            author: first.post.id.author.clone(),
            title: String::new(),
            affects: Vec::new(),
            text: String::new(),
            plan: MaintenancePlan::default(),
            windows: Vec::new(),
            is_canceled: false,
        };
        // Both lists are sorted: the windows by their planned start.
        let (mut windows, mut canceled) = (Vec::<Window>::new(), Vec::new());
        let position = |windows: &[Window], planned| windows.binary_search_by_key(&planned, |window| window.planned);
        for entry in entries {
            let post = entry.post;
            let Details::Maintenance { plan, change } = &post.details else { continue };
            maintenance.author = post.id.author.clone();
            if let Some(title) = &post.title {
                maintenance.title.clone_from(title);
            }
            if let Some(affects) = &post.affects {
                maintenance.affects.clone_from(affects);
            }
            if let Some(text) = &post.text {
                maintenance.text.clone_from(text);
            }
            let posted_at = post.id.posted_at;
            if let Some(plan) = plan {
                // A plan that extends an earlier one does not restore single windows that were canceled.
                let is_new =
                    |start: &UnixNanos| canceled.binary_search(start).is_err() && position(&windows, *start).is_err();
                let new: Vec<(UnixNanos, UnixNanos)> =
                    plan.windows.iter().copied().filter(|(start, _)| is_new(start)).collect();
                for (start, end) in new.into_iter().take(ALL_WINDOWS_LIMIT.saturating_sub(windows.len())) {
                    windows.push(Window { planned: start, start, end, announced_at: posted_at });
                }
                windows.sort_by_cached_key(|window| window.planned);
                // If a plan has two windows with the same start, the first one counts.
                windows.dedup_by_key(|window| window.planned);
                maintenance.plan.clone_from(plan);
                maintenance.is_canceled = false;
            }
            match *change {
                None => {}
                Some(MaintenanceChange::CancelAll) => {
                    windows.retain(|window| window.end <= posted_at);
                    maintenance.is_canceled = true;
                }
                Some(MaintenanceChange::Cancel(planned)) => {
                    windows.retain(|window| window.planned != planned);
                    if let Err(index) = canceled.binary_search(&planned) {
                        canceled.insert(index, planned);
                    }
                }
                Some(MaintenanceChange::Move { window: planned, start, end }) => {
                    if let Ok(index) = position(&windows, planned) {
                        let window = &mut windows[index];
                        // Time that is added after the window began was not announced before it.
                        let begins_earlier = start < window.start;
                        (window.start, window.end) = (start, end.max(start));
                        if begins_earlier {
                            window.announced_at = posted_at;
                        }
                    }
                }
            }
        }
        windows.sort_by_cached_key(|window| window.end);
        windows.sort_by_cached_key(|window| window.start);
        maintenance.windows = windows;
        Some(maintenance)
    }

    /// Returns the window that is in progress, if any.
    #[must_use]
    pub fn current(&self, now: UnixNanos) -> Option<Window> {
        self.windows.iter().copied().find(|window| window.contains(now))
    }

    /// Returns the next window that has not begun, if any.
    #[must_use]
    pub fn next(&self, now: UnixNanos) -> Option<Window> {
        self.windows.iter().copied().find(|window| window.start > now)
    }

    /// Returns whether the maintenance must stay in the digest.
    pub(super) fn is_recent(&self, now: UnixNanos) -> bool {
        let last = self.windows.iter().map(|window| window.end).max();
        last.unwrap_or(self.id.posted_at).saturating_add(super::digest::KEPT_FOR) > now
    }
}

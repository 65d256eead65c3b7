//! Planned maintenance, as computed from its posts.
//!
//! The author's command expands the rule into windows in UTC, so readers need neither time zones nor recurrence rules.

use super::entry::{CurrentPost, Latest};
use super::{Affected, Details, KEPT_FOR, PostId, WINDOWS_LIMIT};
use crate::object_name::NodeName;
use crate::sorting::sort_by_integer;
use crate::uptime::TimeRange;
use crate::{Nanos, UnixNanos};

/// The maximum number of windows of planned maintenance, from all of its plans.
const ALL_WINDOWS_LIMIT: usize = 4 * WINDOWS_LIMIT;

/// The plan of maintenance work: the rule, and the windows that it results in.
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
        /// The start that replaces the planned one.
        start: UnixNanos,
        /// The end that replaces the planned one.
        end: UnixNanos,
    },
}

/// Planned maintenance with all its windows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Maintenance {
    /// The identity of the maintenance, which is that of its first post.
    pub id: PostId,
    /// The author of the latest post.
    pub author: NodeName,
    /// The title according to the latest post. It is empty if no post that was read has one.
    pub title: String,
    /// The endpoints that are affected, and how.
    pub affects: Vec<Affected>,
    /// The affected endpoints after each change and the time of the change, oldest first. The last entry is current.
    pub declared: Vec<(UnixNanos, Vec<Affected>)>,
    /// The latest text, in the HTML subset of [`crate::message`].
    pub text: String,
    /// The rule from which the windows were expanded.
    pub plan: MaintenancePlan,
    /// The windows that are not canceled, ordered by start.
    pub windows: Vec<Window>,
    /// The windows that are canceled, ordered by planned start.
    pub canceled: Vec<Window>,
    /// Whether all windows were canceled after the latest plan, so that the plan is not extended.
    pub is_canceled: bool,
}

/// One window of planned maintenance.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Window {
    /// The planned start, which identifies the window.
    pub planned: UnixNanos,
    /// When the window begins, which can differ from its plan.
    pub start: UnixNanos,
    /// When the window ends, which can differ from its plan.
    pub end: UnixNanos,
    /// The part that was announced before it began, which is empty if the whole window was announced afterwards. Only
    /// this part counts as planned.
    pub announced: TimeRange,
    /// When the beginning of that part was announced. An outage that had already begun was not planned.
    pub announced_at: UnixNanos,
    /// When the rest of the window was announced.
    pub rest_announced_at: UnixNanos,
    /// The number of times that the window was changed, canceled or planned again.
    pub changes: u32,
    /// When the window was last changed.
    pub changed_at: UnixNanos,
}

impl Window {
    /// Creates a window that was announced at `posted_at`.
    pub(super) fn new((start, end): TimeRange, posted_at: UnixNanos) -> Window {
        let announced = if posted_at <= start { (start, end) } else { (start, start) };
        Window {
            planned: start,
            start,
            end,
            announced,
            announced_at: posted_at,
            rest_announced_at: posted_at,
            changes: 0,
            changed_at: posted_at,
        }
    }

    /// Counts a change that was announced at `posted_at`.
    fn count_change(&mut self, posted_at: UnixNanos) {
        self.changes = self.changes.saturating_add(1);
        self.changed_at = self.changed_at.max(posted_at);
    }

    /// Changes the start and the end, as announced at `posted_at`.
    ///
    /// A window that has not begun at its new start can change freely. Later, it cannot begin earlier than announced, and
    /// it can be extended only until its end. If it moves to a start outside of the announced part, that part is
    /// announced again.
    pub(super) fn change(&mut self, start: UnixNanos, end: UnixNanos, posted_at: UnixNanos) {
        let (from, until) = self.announced;
        if posted_at <= start && !(from..until).contains(&start) {
            self.announced_at = posted_at;
        }
        let continues = posted_at <= self.end && start >= self.start;
        if !continues {
            self.rest_announced_at = posted_at;
        }
        self.announced = if posted_at <= start {
            (start, end)
        } else {
            (start.max(from), if posted_at <= until { end } else { end.min(until) })
        };
        (self.start, self.end) = (start, end);
        self.count_change(posted_at);
    }

    /// Returns whether a change that was posted at `posted_at` would extend the window although it was already over. The
    /// author of such a change did not know the end, for example because both commands ran at the same time.
    pub(super) fn is_revived(&self, start: UnixNanos, end: UnixNanos, posted_at: UnixNanos) -> bool {
        self.end <= posted_at && start < self.end && self.end < end
    }

    /// Returns whether the whole window was announced before it began. Otherwise, at least a part of it was announced
    /// afterwards.
    #[must_use]
    pub fn is_announced_before(&self) -> bool {
        self.announced == (self.start, self.end)
    }

    /// Returns the parts that were announced after they began.
    #[must_use]
    pub fn announced_afterwards(&self) -> [TimeRange; 2] {
        let (from, until) = self.announced;
        let (from, until) = if from < until { (from, until) } else { (self.start, self.start) };
        [(self.start, from), (until, self.end)]
    }

    /// Returns whether the window is in progress.
    #[must_use]
    pub fn contains(&self, moment: UnixNanos) -> bool {
        self.start <= moment && moment < self.end
    }
}

impl Maintenance {
    /// Computes planned maintenance from its entries, which are in the order of their times. Everything that was
    /// announced before `changed_at` counts as announced at that time, because an edit changed it then.
    pub(super) fn new(
        id: PostId,
        entries: &[CurrentPost<'_>],
        latest: &Latest<'_>,
        changed_at: UnixNanos,
    ) -> Maintenance {
        let (mut current_plan, mut is_canceled) = (None, false);
        let mut canceled: Vec<Window> = Vec::new();
        // The windows by their planned start, which identifies them. Canceled windows are `None`, so a plan that extends
        // an earlier one does not restore them.
        let mut windows: Vec<(UnixNanos, Option<Window>)> = Vec::new();
        for entry in entries {
            let Details::Maintenance { plan, change } = &entry.post.details else { continue };
            let posted_at = entry.post.id.posted_at;
            if let Some(plan) = plan {
                let announced_at = entry.original.id.posted_at.max(changed_at);
                for range in plan.windows.iter().take(ALL_WINDOWS_LIMIT.saturating_sub(windows.len())) {
                    let mut window = Window::new(*range, announced_at);
                    if let Ok(index) = position(&canceled, range.0) {
                        window.changes = canceled[index].changes;
                        window.count_change(posted_at);
                    }
                    windows.push((range.0, Some(window)));
                }
                sort_by_integer(&mut windows, |(planned, _)| *planned);
                // Of several windows with the same start, the first one counts.
                windows.dedup_by(|later, earlier| later.0 == earlier.0);
                current_plan = Some(plan);
                is_canceled = false;
            }
            let index = |planned| windows.partition_point(|(known, _)| *known < planned);
            match *change {
                None => {}
                Some(MaintenanceChange::CancelAll) => {
                    windows.retain(|(_, window)| match window {
                        Some(window) if window.end > posted_at => {
                            cancel(&mut canceled, *window, posted_at);
                            false
                        }
                        _ => true,
                    });
                    is_canceled = true;
                }
                Some(MaintenanceChange::Cancel(planned)) => {
                    let index = index(planned);
                    match windows.get_mut(index) {
                        Some(known) if known.0 == planned => {
                            if let Some(window) = known.1.take() {
                                cancel(&mut canceled, window, posted_at);
                            }
                        }
                        _ => windows.insert(index, (planned, None)),
                    }
                }
                Some(MaintenanceChange::Move { window: planned, start, end }) => {
                    let index = index(planned);
                    if let Some((known, Some(window))) = windows.get_mut(index)
                        && *known == planned
                        && !window.is_revived(start, end, posted_at)
                    {
                        window.change(start, end.max(start), posted_at.max(changed_at));
                    }
                }
            }
        }
        // A window that was planned again is not canceled.
        canceled.retain(|canceled| {
            let again = windows.binary_search_by_key(&canceled.planned, |(planned, _)| *planned);
            !again.is_ok_and(|index| windows[index].1.is_some())
        });
        let mut windows: Vec<Window> = windows.into_iter().filter_map(|(_, window)| window).collect();
        sort_by_integer(&mut windows, |window| window.end);
        sort_by_integer(&mut windows, |window| window.start);
        Maintenance {
            id,
            author: latest.author.clone(),
            title: latest.title.to_owned(),
            affects: latest.affects.to_vec(),
            declared: declared(entries, latest.affects, changed_at),
            text: latest.text.to_owned(),
            plan: current_plan.cloned().unwrap_or_default(),
            windows,
            canceled,
            is_canceled,
        }
    }

    /// Returns the title. It is `Untitled maintenance` if no post that was read has a title.
    #[must_use]
    pub fn display_title(&self) -> &str {
        if self.title.is_empty() { "Untitled maintenance" } else { &self.title }
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
        last.unwrap_or(self.id.posted_at).saturating_add(KEPT_FOR) > now
    }
}

/// Adds a window that was canceled at `posted_at`, which replaces an earlier cancellation of the same window.
fn cancel(canceled: &mut Vec<Window>, mut window: Window, posted_at: UnixNanos) {
    window.count_change(posted_at);
    match position(canceled, window.planned) {
        Ok(index) => canceled[index] = window,
        Err(index) => canceled.insert(index, window),
    }
}

/// Returns the index of a canceled window, or the index at which it belongs.
fn position(canceled: &[Window], planned: UnixNanos) -> Result<usize, usize> {
    canceled.binary_search_by_key(&planned, |window| window.planned)
}

/// Returns the affected endpoints after each change and the time of the change, but not before `changed_at`. `current` are
/// those of the latest post.
fn declared(
    entries: &[CurrentPost<'_>],
    current: &[Affected],
    changed_at: UnixNanos,
) -> Vec<(UnixNanos, Vec<Affected>)> {
    let mut declared: Vec<(UnixNanos, Vec<Affected>)> = Vec::new();
    let mut add = |since: UnixNanos, affects: &[Affected]| match declared.last() {
        Some((_, last)) if last == affects => {}
        last => {
            let since = since.max(last.map_or(changed_at, |(before, _)| *before));
            declared.push((since, affects.to_vec()));
        }
    };
    for entry in entries.iter().filter(|entry| matches!(entry.post.details, Details::Maintenance { .. })) {
        for (since, affects) in entry.declared() {
            add(since, affects);
        }
    }
    // An edit can also remove what the original declared.
    let newest = entries.iter().map(|entry| entry.post.id.posted_at).max();
    add(newest.unwrap_or_default(), current);
    declared
}

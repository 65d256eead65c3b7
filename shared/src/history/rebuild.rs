//! Determines whether new check files can be appended to a history, or how far back it must be rebuilt.

use std::collections::BTreeMap;

use super::continuity::Identities;
use super::{
    CLOSE_DELAY, DAILY_RETENTION, DAYS_PER_BLOCK, EndpointHistory, History, Latencies, MAX_ROUND_DURATION, day_of,
    start_of_day,
};
use crate::check_file::CheckResult;
use crate::object_name::CheckFileName;
use crate::quorum::CLOCK_TOLERANCE;
use crate::uptime::StatusTimeline;
use crate::{DAY, HOUR, UnixNanos};

/// A rebuild of the history from all check files stored since this time.
///
/// Values are ordered by time, so the minimum of several covers all of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct RebuildFrom {
    from: UnixNanos,
}

impl RebuildFrom {
    /// Rebuilds the whole history, starting with the oldest check file.
    pub const START: RebuildFrom = RebuildFrom { from: 0 };

    /// Returns where to start listing the check files that the rebuild needs.
    #[must_use]
    pub fn list_from(self) -> UnixNanos {
        self.from.saturating_sub(CLOCK_TOLERANCE).max(0)
    }
}

impl History {
    /// Checks whether these files, which are not included yet, can be appended at `now`. Otherwise, the error is the
    /// point from which to rebuild the history.
    ///
    /// If a day is closed (see [`History::closes_with`]), appending also needs the latencies.
    pub fn can_append<'a>(
        &self,
        files: impl IntoIterator<Item = (&'a CheckFileName, &'a [CheckResult])>,
        now: UnixNanos,
    ) -> Result<(), RebuildFrom> {
        let mut check = AppendCheck::new(self);
        for (name, results) in files {
            check.add_file(name);
            for result in results {
                check.add(name, result);
            }
        }
        check.finish(now)
    }

    /// Checks like [`History::can_append`] whether a file can be appended, but takes its results one at a time: `pass`
    /// passes each of them to its argument.
    pub fn can_append_each(
        &self,
        name: &CheckFileName,
        now: UnixNanos,
        pass: impl FnOnce(&mut dyn FnMut(&CheckResult)),
    ) -> bool {
        let mut check = AppendCheck::new(self);
        check.add_file(name);
        pass(&mut |result| check.add(name, result));
        check.finish(now).is_ok()
    }

    fn comes_late(&self, identities: &Identities, result: &CheckResult, moment: UnixNanos) -> bool {
        let mut key = result.endpoint_key();
        if key.id.is_some() || !identities.is_empty() {
            key = identities.find(self, &key).unwrap_or(key);
        }
        let known = self.endpoints.get(&key).and_then(|past| past.timeline.last);
        moment < self.open_from() || known.is_some_and(|last| moment <= last.at)
    }

    /// Returns how far back to rebuild so that everything since `moment` is recomputed.
    #[must_use]
    pub fn rebuild_from(&self, moment: UnixNanos) -> RebuildFrom {
        // The validity of results without an interval depends on earlier results.
        let has_intervals = self.endpoints.values().all(|past| past.timeline.last_without_interval.is_none());
        let from = if has_intervals { self.start_of_unit(moment).max(0) } else { 0 };
        RebuildFrom { from }
    }

    /// Returns whether appending a file that was stored at this time closes a day.
    #[must_use]
    pub fn closes_with(&self, stored_at: UnixNanos) -> bool {
        start_of_day(stored_at.max(self.newest).saturating_sub(CLOSE_DELAY)) > self.open_from()
    }

    /// Returns how far back to rebuild if the latencies were lost or written by another run, or `None` if they belong
    /// to this history.
    #[must_use]
    pub fn rebuild_for(&self, latencies: &Latencies) -> Option<RebuildFrom> {
        let closed = day_of(self.open_from());
        if self.newest == 0 || latencies.until == closed {
            return None;
        }
        let from = if latencies.until == 0 { 0 } else { latencies.until.min(closed) };
        Some(self.rebuild_from(from.saturating_mul(DAY)))
    }

    /// Returns the start of the day or block whose sketch includes this time.
    fn start_of_unit(&self, moment: UnixNanos) -> UnixNanos {
        if moment < self.blocks_until() {
            day_of(moment).div_euclid(DAYS_PER_BLOCK).saturating_mul(DAYS_PER_BLOCK * DAY)
        } else {
            start_of_day(moment)
        }
    }

    fn end_of_unit(&self, start: UnixNanos) -> UnixNanos {
        start.saturating_add(if start < self.blocks_until() { DAYS_PER_BLOCK * DAY } else { DAY })
    }

    /// Returns the end of the last block. Later sketches are daily.
    pub(super) fn blocks_until(&self) -> UnixNanos {
        let daily_from = day_of(self.newest.saturating_sub(DAILY_RETENTION)).max(0);
        daily_from.div_euclid(DAYS_PER_BLOCK).saturating_mul(DAYS_PER_BLOCK * DAY)
    }

    /// Returns where a rebuild from these files actually starts. This is later than requested if files that were
    /// included no longer exist. Everything before that is kept.
    pub(super) fn actual_rebuild_start(&self, gap: RebuildFrom, names: &[CheckFileName]) -> UnixNanos {
        let (Some((oldest, _)), Some((last, _))) = (self.files.first_key_value(), self.files.last_key_value()) else {
            return UnixNanos::MIN;
        };
        let mut available: BTreeMap<i64, u64> = BTreeMap::new();
        for name in names.iter().filter(|name| name.node == self.node && name.stored_at >= gap.from) {
            *available.entry(day_of(name.stored_at)).or_default() += 1;
        }
        let oldest = self.start_of_unit(oldest.saturating_mul(DAY));
        // Older files expire first, so all files stored after the oldest file's day still exist.
        let oldest_available = available.keys().next().map_or(last + 1, |day| *day);
        let available_from = self.start_of_unit(oldest_available.saturating_mul(DAY));
        let mut from = self.start_of_unit(gap.from).max(oldest);
        if day_of(from) < day_of(available_from)
            && self.files.range(day_of(from)..day_of(available_from)).next().is_some()
        {
            from = available_from;
        }
        let mut known = self.files.range(day_of(from)..day_of(self.end_of_unit(from)));
        if !known.all(|(day, count)| available.get(day).is_some_and(|available| available >= count)) {
            from = self.end_of_unit(from);
        }
        if from <= oldest { UnixNanos::MIN } else { from }
    }

    /// Removes everything that the rebuild replaces, from the start of a day on.
    pub(super) fn cut(&mut self, from: UnixNanos, now: UnixNanos) {
        let (day, hour) = (day_of(from), from.div_euclid(HOUR));
        let _ = (self.files.split_off(&day), self.recent.split_off(&from));
        self.newest = self.recent.last().copied().unwrap_or(0);
        if self.newest == 0 {
            // The names of the recent files were removed, but the number of files per day is still known.
            self.newest = self.files.last_key_value().map_or(0, |(day, _)| (day + 1).saturating_mul(DAY) - 1);
        }
        self.messages.retain(|message| message.at < from);
        for past in self.endpoints.values_mut() {
            let _ = (past.days.split_off(&day), past.hours.split_off(&hour));
            past.open.retain(|(open, _)| *open < hour);
            past.events.retain(|event| event.at < from);
            let is_from_the_future =
                past.timeline.last.is_some_and(|last| last.at > now.saturating_add(CLOCK_TOLERANCE));
            if from == UnixNanos::MIN || is_from_the_future {
                past.timeline.cut(from);
                past.timeline =
                    StatusTimeline { spans: std::mem::take(&mut past.timeline.spans), ..StatusTimeline::default() };
            } else {
                // Later results will be added again, and their validity must not depend on their previous copies.
                past.timeline.recent_without_interval.retain(|at| *at < from);
            }
        }
        self.endpoints.retain(|_, past| {
            let (latest, former) = (past.latest.clone(), past.former.clone());
            **past != EndpointHistory { latest, former, ..EndpointHistory::default() }
        });
    }
}

/// Determines whether files can be appended to a history.
struct AppendCheck<'h> {
    history: &'h History,
    identities: Identities,
    /// The time of the earliest plausible result or file.
    earliest: UnixNanos,
    is_any_late: bool,
    has_intervals: bool,
}

impl<'h> AppendCheck<'h> {
    fn new(history: &'h History) -> AppendCheck<'h> {
        let identities = Identities::new(history);
        AppendCheck { history, identities, earliest: UnixNanos::MAX, is_any_late: false, has_intervals: true }
    }

    /// Adds a file, because a rebuild covers all new files, including those without results.
    fn add_file(&mut self, name: &CheckFileName) {
        self.earliest = self.earliest.min(name.stored_at);
    }

    fn add(&mut self, name: &CheckFileName, result: &CheckResult) {
        let moment = moment_of(result, name);
        if self.history.newest > 0 && is_plausible(moment, name) {
            self.earliest = self.earliest.min(moment);
            self.has_intervals &= result.interval.is_some();
            self.is_any_late = self.is_any_late || self.history.comes_late(&self.identities, result, moment);
        }
    }

    fn finish(self, now: UnixNanos) -> Result<(), RebuildFrom> {
        if self.history.newest == 0 {
            return Ok(());
        }
        // While the clock was wrong, old data expired too early, so everything is rebuilt.
        let is_from_the_future = self.history.newest > now.saturating_add(CLOCK_TOLERANCE);
        let moment = if is_from_the_future { 0 } else { self.earliest };
        if !is_from_the_future && !self.is_any_late {
            Ok(())
        } else if self.has_intervals {
            Err(self.history.rebuild_from(moment))
        } else {
            Err(RebuildFrom::START)
        }
    }
}

/// Returns the time of a result, or the time of its file if the result has none.
pub(super) fn moment_of(result: &CheckResult, name: &CheckFileName) -> UnixNanos {
    if result.timestamp > 0 { result.timestamp } else { name.stored_at }
}

/// Returns whether a file with this name can contain a result from this time.
pub(super) fn is_plausible(moment: UnixNanos, name: &CheckFileName) -> bool {
    let latest = name.stored_at.saturating_add(CLOCK_TOLERANCE);
    (name.stored_at.saturating_sub(MAX_ROUND_DURATION)..=latest).contains(&moment)
}

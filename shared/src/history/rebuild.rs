//! Whether a history can go on with files that have come, or from when on it has to be made again.

use std::collections::BTreeMap;

use super::{
    CLOSE_DELAY, DAILY_RETENTION, DAYS_PER_BLOCK, EndpointHistory, History, Latencies, MAX_ROUND_DURATION, day_of,
    start_of_day,
};
use crate::check_file::CheckResult;
use crate::object_name::CheckFileName;
use crate::quorum::CLOCK_TOLERANCE;
use crate::uptime::StatusTimeline;
use crate::{DAY, HOUR, UnixNanos};

/// A history cannot simply go on: it has to be made again from the check files since a moment.
///
/// Of two gaps the smaller one begins earlier, and to mend it mends both.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct RebuildFrom {
    from: UnixNanos,
}

impl RebuildFrom {
    /// All of the past.
    pub const START: RebuildFrom = RebuildFrom { from: 0 };

    /// Where a listing has to start to have all files that are needed.
    #[must_use]
    pub fn list_from(self) -> UnixNanos {
        self.from.saturating_sub(CLOCK_TOLERANCE).max(0)
    }
}

impl History {
    /// Whether the history can go on as of `now` with these files, which are not in it, or what is needed first.
    ///
    /// `latencies` are needed when a day is closed; see [`History::closes_with`].
    pub fn can_append<'a>(
        &self,
        files: impl IntoIterator<Item = (&'a CheckFileName, &'a [CheckResult])>,
        now: UnixNanos,
    ) -> Result<(), RebuildFrom> {
        if self.newest == 0 {
            return Ok(());
        }
        let latest_plausible = now.saturating_add(CLOCK_TOLERANCE);
        // Under a wrong clock, what is old was forgotten too early: all of it is made again.
        let from_the_future = (self.newest > latest_plausible).then_some(0);
        let files: Vec<_> = files.into_iter().collect();
        let plausible: Vec<(&CheckResult, UnixNanos)> = files
            .iter()
            .flat_map(|(name, results)| results.iter().map(|result| (result, moment_of(result, name), *name)))
            .filter(|(_, moment, name)| is_plausible(*moment, name))
            .map(|(result, moment, _)| (result, moment))
            .collect();
        let is_late = plausible.iter().any(|(result, moment)| self.comes_late(result, *moment));
        // Not only what is late is made again, but all that is new; also a file without results is counted.
        let moments = plausible.iter().map(|(_, moment)| *moment);
        let earliest = moments.chain(files.iter().map(|(name, _)| name.stored_at)).min().filter(|_| is_late);
        let is_told = plausible.iter().all(|(result, _)| result.interval.is_some());
        match from_the_future.or(earliest) {
            None => Ok(()),
            Some(moment) if is_told => Err(self.rebuild_from(moment)),
            Some(_) => Err(RebuildFrom::START),
        }
    }

    fn comes_late(&self, result: &CheckResult, moment: UnixNanos) -> bool {
        let known = self.endpoints.get(&result.endpoint_key()).and_then(|past| past.timeline.last);
        moment < self.open_from() || known.is_some_and(|last| moment <= last.at)
    }

    /// What is needed to make the history again from a moment on.
    #[must_use]
    pub fn rebuild_from(&self, moment: UnixNanos) -> RebuildFrom {
        // Where nobody says how long results stand, they depend on those before them.
        let is_told = self.endpoints.values().all(|past| past.timeline.last_without_interval.is_none());
        let from = if is_told { self.start_of_unit(moment).max(0) } else { 0 };
        RebuildFrom { from }
    }

    /// Whether a day is closed when a file that is stored at this time is added.
    #[must_use]
    pub fn closes_with(&self, stored_at: UnixNanos) -> bool {
        start_of_day(stored_at.max(self.newest).saturating_sub(CLOSE_DELAY)) > self.open_from()
    }

    /// What is needed to mend latencies that do not belong to this history (they were lost, or another run was
    /// quicker); `None` if they do.
    #[must_use]
    pub fn rebuild_for(&self, latencies: &Latencies) -> Option<RebuildFrom> {
        let closed = day_of(self.open_from());
        if self.newest == 0 || latencies.until == closed {
            return None;
        }
        let from = if latencies.until == 0 { 0 } else { latencies.until.min(closed) };
        Some(self.rebuild_from(from.saturating_mul(DAY)))
    }

    /// The beginning of the shortest stretch around a moment for which sketches are kept.
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

    /// The first moment for which sketches are kept day by day.
    pub(super) fn blocks_until(&self) -> UnixNanos {
        let daily_from = day_of(self.newest.saturating_sub(DAILY_RETENTION)).max(0);
        daily_from.div_euclid(DAYS_PER_BLOCK).saturating_mul(DAYS_PER_BLOCK * DAY)
    }

    /// From which moment on the history can be made again from these files: later than asked for where files that
    /// it knew are there no more. What is before stays as it is.
    pub(super) fn actual_rebuild_start(&self, gap: RebuildFrom, names: &[CheckFileName]) -> UnixNanos {
        let (Some((oldest, _)), Some((last, _))) = (self.files.first_key_value(), self.files.last_key_value()) else {
            return UnixNanos::MIN;
        };
        let mut there: BTreeMap<i64, u64> = BTreeMap::new();
        for name in names.iter().filter(|name| name.node == self.node && name.stored_at >= gap.from) {
            *there.entry(day_of(name.stored_at)).or_default() += 1;
        }
        let oldest = self.start_of_unit(oldest.saturating_mul(DAY));
        // Files expire in the order of time: from the oldest that is there on, all are, but for some of its day.
        let oldest_there = there.keys().next().map_or(last + 1, |day| *day);
        let there_from = self.start_of_unit(oldest_there.saturating_mul(DAY));
        let mut from = self.start_of_unit(gap.from).max(oldest);
        if day_of(from) < day_of(there_from) && self.files.range(day_of(from)..day_of(there_from)).next().is_some() {
            from = there_from;
        }
        let mut known = self.files.range(day_of(from)..day_of(self.end_of_unit(from)));
        if !known.all(|(day, count)| there.get(day).is_some_and(|there| there >= count)) {
            from = self.end_of_unit(from);
        }
        if from <= oldest { UnixNanos::MIN } else { from }
    }

    /// Forgets what is known from the beginning of a day on, save where nothing will replace it.
    pub(super) fn cut(&mut self, from: UnixNanos, now: UnixNanos) {
        let (day, hour) = (day_of(from), from.div_euclid(HOUR));
        let _ = (self.files.split_off(&day), self.recent.split_off(&from));
        self.newest = self.recent.last().copied().unwrap_or(0);
        if self.newest == 0 {
            // The names are forgotten, but the last day is not.
            self.newest = self.files.last_key_value().map_or(0, |(day, _)| (day + 1).saturating_mul(DAY) - 1);
        }
        self.messages.retain(|said| said.at < from);
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
            }
        }
        self.endpoints
            .retain(|_, past| **past != EndpointHistory { latest: past.latest.clone(), ..EndpointHistory::default() });
    }
}

/// When a result was made; its file's time, if it does not say.
pub(super) fn moment_of(result: &CheckResult, name: &CheckFileName) -> UnixNanos {
    if result.timestamp > 0 { result.timestamp } else { name.stored_at }
}

/// Whether a result in a file of this name can be of this moment.
pub(super) fn is_plausible(moment: UnixNanos, name: &CheckFileName) -> bool {
    let latest = name.stored_at.saturating_add(CLOCK_TOLERANCE);
    (name.stored_at.saturating_sub(MAX_ROUND_DURATION)..=latest).contains(&moment)
}

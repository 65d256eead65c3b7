//! Adds check files to a history. The result does not depend on the order of the files or the number of steps, and
//! adding a file twice changes nothing.
//!
//! Most files are newer than the whole history and are appended. A late file (another run was faster, a clock was set
//! back, or a round waited in the spool) changes everything computed after it. In that case, the history is cut at the
//! start of that day and rebuilt from the check files since then.

use std::borrow::Borrow;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::continuity::Identities;
use super::endpoint::{Limits, RecordedResult};
use super::memory::{MemoryLimit, TOLERATED_DELAYS, memory_of_pending};
use super::messages::FileMessages;
use super::rebuild::{RebuildFrom, is_plausible, moment_of};
use super::{
    BuildReport, DAYS_PER_BLOCK, EVENT_RETENTION, EndpointHistory, HOURLY_RETENTION, History, Latencies, MAX_GAP,
    MAX_ROUND_DURATION, OVERLAP, day_of, start_of_day,
};
use crate::check_file::{CheckFile, CheckResult, EndpointKey};
use crate::object_name::CheckFileName;
use crate::quorum::CLOCK_TOLERANCE;
use crate::{DAY, HOUR, Nanos, UnixNanos};

/// Adds check files to a history, in name order.
#[derive(Debug)]
pub struct HistoryBuilder<'a> {
    history: &'a mut History,
    latencies: &'a mut Latencies,
    /// Earlier results are ignored: a rebuild keeps the history's older entries.
    from: UnixNanos,
    /// Files stored after this time are ignored.
    until: UnixNanos,
    /// Results that are not added yet, because later files can still contain earlier results.
    pending: BTreeMap<EndpointKey, Vec<RecordedResult>>,
    /// The time of the earliest pending result.
    earliest: UnixNanos,
    /// All results from before this time have already been added.
    flushed: UnixNanos,
    /// The messages of the newest file.
    messages: FileMessages,
    identities: Identities,
    report: BuildReport,
    memory_limit: MemoryLimit,
    has_latencies: bool,
}

impl Latencies {
    /// Removes all sketches since `from`, which is the start of a day or block.
    fn cut(&mut self, from: UnixNanos) {
        for sketches in self.endpoints.values_mut() {
            let _ = sketches.hours.split_off(&from.div_euclid(HOUR));
            let _ = sketches.days.split_off(&day_of(from));
            let _ = sketches.blocks.split_off(&day_of(from).div_euclid(DAYS_PER_BLOCK));
        }
    }
}

impl<'a> HistoryBuilder<'a> {
    /// Starts appending to a history. [`History::can_append`] must have returned `Ok`.
    pub fn append(history: &'a mut History, latencies: &'a mut Latencies) -> HistoryBuilder<'a> {
        latencies.node.clone_from(&history.node);
        HistoryBuilder::between(history, latencies, UnixNanos::MIN, UnixNanos::MAX)
    }

    /// Starts rebuilding a history at `now`. `listed` must contain all check files since `start`.
    pub fn rebuild(
        history: &'a mut History,
        latencies: &'a mut Latencies,
        start: RebuildFrom,
        listed: &[CheckFileName],
        now: UnixNanos,
    ) -> HistoryBuilder<'a> {
        let from = history.actual_rebuild_start(start, listed);
        history.cut(from, now);
        latencies.node.clone_from(&history.node);
        latencies.cut(from);
        HistoryBuilder::between(history, latencies, from, now.saturating_add(CLOCK_TOLERANCE))
    }

    fn between(
        history: &'a mut History,
        latencies: &'a mut Latencies,
        from: UnixNanos,
        until: UnixNanos,
    ) -> HistoryBuilder<'a> {
        let (pending, earliest) = (BTreeMap::new(), UnixNanos::MAX);
        let (flushed, report, identities) = (UnixNanos::MIN, BuildReport::default(), Identities::new(history));
        let memory_limit = MemoryLimit::default();
        HistoryBuilder {
            history,
            latencies,
            from,
            until,
            pending,
            earliest,
            flushed,
            messages: FileMessages::default(),
            identities,
            report,
            memory_limit,
            has_latencies: true,
        }
    }

    /// Leaves out latencies, for readers that need only the status.
    #[must_use]
    pub fn without_latencies(mut self) -> Self {
        self.has_latencies = false;
        self
    }

    /// Adds the next file in name order. Ignores other nodes' files.
    pub fn add(&mut self, name: &CheckFileName, file: &CheckFile) {
        self.add_results(name, &file.results);
    }

    /// Like [`HistoryBuilder::add`], but takes only the results of the file.
    pub fn add_results(&mut self, name: &CheckFileName, results: &[CheckResult]) {
        if self.begin_file(name) {
            for (index, result) in results.iter().enumerate() {
                self.add_result(name, index, result, CheckResult::endpoint_key);
            }
            self.end_file(name);
        }
    }

    /// Like [`HistoryBuilder::add`], but takes the results one at a time, so they are never all in memory: `pass` passes
    /// each of them to its argument.
    pub fn add_each(&mut self, name: &CheckFileName, pass: impl FnOnce(&mut dyn FnMut(CheckResult))) {
        if self.begin_file(name) {
            let into_key =
                |result: CheckResult| EndpointKey { title: result.title, locator: result.locator, id: result.id };
            let mut indexes = 0..;
            pass(&mut |result| self.add_result(name, indexes.next().unwrap_or_default(), result, into_key));
            self.end_file(name);
        }
    }

    /// Returns whether the file is added.
    fn begin_file(&mut self, name: &CheckFileName) -> bool {
        if name.node != self.history.node || name.stored_at > self.until {
            return false;
        }
        self.memory_limit.begin_file(name.stored_at);
        if name.stored_at >= self.from {
            *self.history.files.entry(day_of(name.stored_at)).or_default() += 1;
            self.history.newest = self.history.newest.max(name.stored_at);
            self.history.recent.insert(name.stored_at);
            self.history.recent = self.history.recent.split_off(&self.history.newest.saturating_sub(OVERLAP));
        }
        true
    }

    fn add_result<R: Borrow<CheckResult>>(
        &mut self,
        name: &CheckFileName,
        index: usize,
        result: R,
        into_key: impl Fn(R) -> EndpointKey,
    ) {
        let one: &CheckResult = result.borrow();
        if self.memory_limit.is_exhausted(one.status) {
            self.report.excess += 1;
            return;
        }
        if name.stored_at >= self.from
            && let Some(text) = self.messages.add(one)
        {
            self.memory_limit.count_message(one, text);
        }
        let moment = moment_of(one, name);
        if !is_plausible(moment, name) {
            self.report.implausible += 1;
        } else if moment >= self.from {
            let mut recorded = RecordedResult::new(one, moment, name.stored_at, index);
            recorded.latency = recorded.latency.filter(|_| self.has_latencies);
            self.earliest = self.earliest.min(moment);
            self.add_pending(into_key(result), recorded);
            self.limit_memory(name.stored_at);
        }
    }

    fn add_pending(&mut self, key: EndpointKey, mut recorded: RecordedResult) {
        self.memory_limit.count(&key, &recorded);
        // Saves memory: most of the thousands of endpoints have one result, and a vector would otherwise start with room
        // for four.
        let pending = self.pending.entry(key).or_insert_with(|| Vec::with_capacity(1));
        if let Some(last) = pending.last().filter(|last| last.latest == recorded.latest) {
            recorded.latest = Arc::clone(&last.latest);
        }
        pending.push(recorded);
    }

    fn end_file(&mut self, name: &CheckFileName) {
        std::mem::take(&mut self.messages).add_to(self.history, name.stored_at);
        // No later file can contain a result from before this time.
        let final_until = name.stored_at.saturating_sub(MAX_ROUND_DURATION);
        if final_until.saturating_sub(self.flushed) >= HOUR {
            self.flush(final_until);
        }
    }

    /// Adds all pending results from before a time to the history.
    fn flush(&mut self, before: UnixNanos) {
        self.flushed = before;
        if self.earliest >= before {
            return;
        }
        self.earliest = UnixNanos::MAX;
        let pending = std::mem::take(&mut self.pending);
        if !self.identities.is_empty() || pending.keys().any(|key| key.id.is_some()) {
            self.flush_in_order(before, pending);
            return;
        }
        if self.history.endpoints.is_empty() {
            // Collecting sorted entries is faster than inserting each of them.
            let new = pending.into_iter().filter_map(|(key, pending)| {
                let results = self.take_before(before, &key, pending);
                let mut endpoint = (!results.is_empty()).then(Box::<EndpointHistory>::default)?;
                for result in results {
                    endpoint.add(result);
                }
                Some((key, endpoint))
            });
            let new = new.collect();
            self.history.endpoints = new;
            return;
        }
        for (key, pending) in pending {
            let results = self.take_before(before, &key, pending);
            if !results.is_empty() {
                let endpoint = self.history.endpoints.entry(key).or_default();
                for result in results {
                    self.report.late += usize::from(!endpoint.add_in_order(result, self.memory_limit.is_limited()));
                }
            }
        }
    }

    /// Like [`HistoryBuilder::flush`], but for histories with ids: results are added in chronological order, because
    /// the last one determines the endpoint's title and locator.
    fn flush_in_order(&mut self, before: UnixNanos, pending: BTreeMap<EndpointKey, Vec<RecordedResult>>) {
        let mut results = Vec::new();
        for (key, pending) in pending {
            let ready = self.take_before(before, &key, pending);
            results.extend(ready.into_iter().map(|result| (key.clone(), result)));
        }
        results.sort_by_cached_key(|(_, result)| result.order());
        for (key, result) in results {
            let key = self.identities.claim(self.history, self.latencies, &key);
            let endpoint = self.history.endpoints.entry(key).or_default();
            self.report.late += usize::from(!endpoint.add_in_order(result, self.memory_limit.is_limited()));
        }
    }

    /// Returns the results from before a time, in order. The others remain pending.
    fn take_before(
        &mut self,
        before: UnixNanos,
        key: &EndpointKey,
        mut results: Vec<RecordedResult>,
    ) -> Vec<RecordedResult> {
        results.sort_unstable_by_key(RecordedResult::order);
        let later = results.split_off(results.partition_point(|result| result.observation.at < before));
        if let Some(first) = later.first() {
            self.earliest = self.earliest.min(first.observation.at);
            self.pending.insert(key.clone(), later);
        }
        results
    }

    /// Adds all pending results, closes the hours and days that have ended, and removes everything older than `expiry`.
    #[expect(clippy::must_use_candidate, reason = "the history is finished even if the report is ignored")]
    pub fn finish(mut self, expiry: Nanos) -> BuildReport {
        self.flush(UnixNanos::MAX);
        self.limit_history();
        self.identities.update_messages(self.history);
        let newest = self.history.newest;
        let kept_from = kept_from(&self.history.files, newest, expiry);
        let limits = Limits {
            open_from: self.history.open_from(),
            hourly_from: start_of_day(newest.saturating_sub(HOURLY_RETENTION)),
            events_from: self::kept_from(&self.history.files, newest, EVENT_RETENTION),
            blocks_until: self.history.blocks_until(),
            kept_from,
        };
        for (key, endpoint) in &mut self.history.endpoints {
            if endpoint.open.first().is_some_and(|(hour, _)| hour.saturating_mul(HOUR) < limits.open_from) {
                endpoint.close(self.latencies.endpoints.entry(key.clone()).or_default(), &limits);
            }
            endpoint.expire(&limits);
        }
        self.latencies.endpoints.values_mut().for_each(|sketches| sketches.expire(&limits));
        self.latencies.until = day_of(limits.open_from);
        self.history.endpoints.retain(|_, endpoint| !endpoint.is_expired(kept_from));
        let endpoints = &self.history.endpoints;
        self.latencies.endpoints.retain(|key, sketches| endpoints.contains_key(key) && !sketches.is_empty());
        self.history.files = self.history.files.split_off(&day_of(kept_from));
        self.history.messages.retain(|message| message.at >= kept_from);
        self.report
    }
}

impl HistoryBuilder<'_> {
    /// Limits the memory of the history and of the results that are not added yet to `growth` bytes more than `before`,
    /// which is the memory of the history before any file was added. If more is added, the oldest data is removed, and
    /// results that come late or do not fit are left out: see [`super::BuildReport`].
    #[must_use]
    pub fn with_memory_limit(mut self, before: usize, growth: usize) -> Self {
        self.memory_limit = MemoryLimit::new(before, growth);
        self
    }

    /// Keeps within the limit while the results of a file are added.
    fn limit_memory(&mut self, stored_at: UnixNanos) {
        let Some(of_pending) = self.memory_limit.due() else { return };
        for delay in TOLERATED_DELAYS {
            if memory_of_pending(&self.pending) <= of_pending {
                break;
            }
            self.flush(stored_at.saturating_sub(delay));
        }
        self.limit_history();
    }

    #[cfg(test)]
    pub(super) fn identities(&self) -> &Identities {
        &self.identities
    }

    fn limit_history(&mut self) {
        let removed = self.memory_limit.enforce(self.history, &self.pending);
        if removed.is_some() && !self.identities.is_empty() {
            // The index contains copies of the keys that were removed.
            self.identities = Identities::new(self.history);
        }
        self.report.left_out_before = self.report.left_out_before.max(removed);
    }
}

/// Returns the start of the data that is younger than `expiry`. Only check files prove that time has passed, so a gap
/// between two days with files counts as at most [`MAX_GAP`].
fn kept_from(files: &BTreeMap<i64, u64>, newest: UnixNanos, expiry: Nanos) -> UnixNanos {
    let mut from = newest.saturating_sub(expiry.max(DAY));
    let mut later = day_of(newest);
    for day in files.keys().rev() {
        if later.saturating_mul(DAY) <= from {
            break;
        }
        let gap = later.saturating_sub(*day).saturating_mul(DAY);
        from = from.saturating_sub((gap - MAX_GAP).max(0));
        later = *day;
    }
    start_of_day(from).max(0)
}

/// Returns this node's files that are not from the future, in order.
#[must_use]
pub fn own_check_files(history: &History, names: &[CheckFileName], now: UnixNanos) -> BTreeSet<CheckFileName> {
    let is_own =
        |name: &&CheckFileName| name.node == history.node && name.stored_at <= now.saturating_add(CLOCK_TOLERANCE);
    names.iter().filter(is_own).cloned().collect()
}

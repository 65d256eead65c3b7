//! Adds check files to a history. The result does not depend on the order of the files or the number of steps, and
//! adding a file twice changes nothing.
//!
//! Most files are newer than the whole history and are appended. A late file (another run was faster, a clock was set
//! back, or a round waited in the spool) changes everything computed after it. In that case, the history is cut at the
//! start of that day and rebuilt from the check files since then.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::continuity::Identities;
use super::rebuild::{RebuildFrom, is_plausible, moment_of};
use super::{
    DAYS_PER_BLOCK, ERRORS_PER_DAY, EVENT_LIMIT, EVENT_RETENTION, EndpointHistory, Event, HOURLY_RETENTION, History,
    Latencies, LatestResult, MAX_GAP, MAX_ROUND_DURATION, MESSAGES_PER_DAY, OVERLAP, Percentiles, PostedMessage,
    Sketches, day_of, start_of_day,
};
use crate::check_file::{CheckFile, CheckResult, EndpointKey, shortened};
use crate::latency::Sketch;
use crate::object_name::CheckFileName;
use crate::quorum::CLOCK_TOLERANCE;
use crate::stats::Stats;
use crate::status::Status;
use crate::uptime::Observation;
use crate::{DAY, HOUR, Nanos, UnixNanos};

/// A report about the results that [`HistoryBuilder::finish`] left out of the history.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct BuildReport {
    /// The number of results whose time is implausible for the file that contains them.
    pub implausible: usize,
}

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
    identities: Identities,
    report: BuildReport,
}

/// The part of a result that a history keeps.
#[derive(Debug)]
struct RecordedResult {
    observation: Observation,
    stored_at: UnixNanos,
    /// Equal values of an endpoint are shared, because a day's results can be pending for thousands of endpoints.
    latest: Arc<LatestResult>,
    latency: Option<Nanos>,
}

impl RecordedResult {
    fn order(&self) -> impl Ord + use<> {
        (self.observation.sort_key(), self.stored_at, self.latest.position)
    }
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
        HistoryBuilder { history, latencies, from, until, pending, earliest, flushed, identities, report }
    }

    /// Adds the next file in name order. Ignores other nodes' files.
    pub fn add(&mut self, name: &CheckFileName, file: &CheckFile) {
        self.add_results(name, &file.results);
    }

    /// Like [`HistoryBuilder::add`], but takes only the results of the file.
    pub fn add_results(&mut self, name: &CheckFileName, results: &[CheckResult]) {
        if name.node != self.history.node || name.stored_at > self.until {
            return;
        }
        if name.stored_at >= self.from {
            *self.history.files.entry(day_of(name.stored_at)).or_default() += 1;
            self.history.newest = self.history.newest.max(name.stored_at);
            self.history.recent.insert(name.stored_at);
            self.history.recent = self.history.recent.split_off(&self.history.newest.saturating_sub(OVERLAP));
            self.add_messages(name.stored_at, results);
        }
        for (position, result) in results.iter().enumerate() {
            let moment = moment_of(result, name);
            if !is_plausible(moment, name) {
                self.report.implausible += 1;
            } else if moment >= self.from {
                // Saves memory: most of the thousands of endpoints have one result, and a vector would otherwise start
                // with room for four.
                let pending = self.pending.entry(result.endpoint_key()).or_insert_with(|| Vec::with_capacity(1));
                let mut recorded = RecordedResult::new(result, moment, name.stored_at, position);
                if let Some(last) = pending.last().filter(|last| last.latest == recorded.latest) {
                    recorded.latest = Arc::clone(&last.latest);
                }
                pending.push(recorded);
                self.earliest = self.earliest.min(moment);
            }
        }
        // No later file can contain a result from before this time.
        let final_until = name.stored_at.saturating_sub(MAX_ROUND_DURATION);
        if final_until.saturating_sub(self.flushed) >= HOUR {
            self.flush(final_until);
        }
    }

    fn add_messages(&mut self, stored_at: UnixNanos, results: &[CheckResult]) {
        let mut posted: BTreeMap<&str, Vec<EndpointKey>> = BTreeMap::new();
        for result in results.iter().filter(|result| !result.message.trim().is_empty()) {
            posted.entry(&result.message).or_default().push(result.endpoint_key());
        }
        let messages = &mut self.history.messages;
        for (message, mut about) in posted {
            about.sort_unstable();
            about.dedup();
            messages.insert(PostedMessage { at: stored_at, message: message.to_owned(), about });
            let day = day_of(stored_at);
            let of_day: Vec<&PostedMessage> = messages.iter().filter(|message| day_of(message.at) == day).collect();
            if let Some(last) = of_day.get(MESSAGES_PER_DAY).map(|message| (*message).clone()) {
                messages.remove(&last);
            }
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
                    endpoint.add(result);
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
            self.history.endpoints.entry(key).or_default().add(result);
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

/// Removes the periods before `first`. Usually, there is nothing to remove.
fn drop_before<T>(periods: &mut BTreeMap<i64, T>, first: i64) {
    if periods.keys().next().is_some_and(|period| *period < first) {
        *periods = periods.split_off(&first);
    }
}

/// The times before which data is merged or removed.
struct Limits {
    open_from: UnixNanos,
    hourly_from: UnixNanos,
    events_from: UnixNanos,
    blocks_until: UnixNanos,
    kept_from: UnixNanos,
}

impl EndpointHistory {
    fn add(&mut self, result: RecordedResult) {
        let RecordedResult { observation, latest, latency, .. } = result;
        let at = observation.at;
        // Saves memory: most of the thousands of endpoints have one span for a long time, and a vector would otherwise
        // start with room for four.
        if self.timeline.spans.is_empty() {
            self.timeline.spans.reserve_exact(1);
        }
        self.timeline.add(observation);
        if let Some(latency) = latency {
            self.sketch_of(at.div_euclid(HOUR)).add(latency);
        }
        // A new result replaces an existing one with the same time, including its reason.
        while self.events.pop_if(|event| event.at >= at).is_some() {}
        let begins = self.timeline.spans.last().is_some_and(|span| span.start == at);
        if begins && let Some(reason) = &latest.reason {
            self.add_event(at, reason);
        }
        if self.latest != *latest {
            self.latest = Arc::unwrap_or_clone(latest);
        }
    }

    /// Adds the reason for the newest span. If the day has too many different errors, those of the one that occurred
    /// longest ago are removed.
    fn add_event(&mut self, at: UnixNanos, reason: &str) {
        let midnight = start_of_day(at);
        let today = self.events.iter().rev().take_while(|event| event.at >= midnight);
        // The different errors of the day, newest first.
        let mut errors: Vec<&Arc<str>> = Vec::new();
        let mut known = None;
        for Event { reason: earlier, .. } in today {
            if **earlier == *reason {
                known = Some(Arc::clone(earlier));
                break;
            }
            if !errors.contains(&earlier) {
                errors.push(earlier);
            }
        }
        let oldest = errors.get(ERRORS_PER_DAY - 1).map(|oldest| Arc::clone(oldest));
        if let Some(oldest) = oldest.filter(|_| known.is_none()) {
            self.events.retain(|event| event.at < midnight || event.reason != oldest);
        }
        self.events.push(Event { at, reason: known.unwrap_or_else(|| Arc::from(reason)) });
    }

    fn sketch_of(&mut self, hour: i64) -> &mut Sketch {
        let index = self.open.partition_point(|(other, _)| *other < hour);
        if self.open.get(index).is_none_or(|(other, _)| *other != hour) {
            self.open.reserve_exact(1);
            self.open.insert(index, (hour, Sketch::default()));
        }
        &mut self.open[index].1
    }

    /// Moves the sketches of closed hours to the latencies, and keeps the hours' percentiles.
    fn close(&mut self, sketches: &mut Sketches, limits: &Limits) {
        let closed_until = limits.open_from.div_euclid(HOUR);
        let open = self.open.split_off(self.open.partition_point(|(hour, _)| *hour < closed_until));
        let closed = std::mem::replace(&mut self.open, open);
        let mut days: BTreeMap<i64, Sketch> = BTreeMap::new();
        for (hour, sketch) in closed {
            days.entry(hour.div_euclid(24)).or_default().merge(&sketch);
            if hour.saturating_mul(HOUR) >= limits.hourly_from {
                self.hours.extend(Percentiles::from_sketch(&sketch).map(|percentiles| (hour, percentiles)));
                sketches.hours.insert(hour, sketch);
            }
        }
        for (day, sketch) in days {
            self.days.extend(Percentiles::from_sketch(&sketch).map(|percentiles| (day, percentiles)));
            sketches.days.insert(day, sketch);
        }
    }

    fn expire(&mut self, limits: &Limits) {
        drop_before(&mut self.hours, limits.hourly_from.div_euclid(HOUR));
        drop_before(&mut self.days, day_of(limits.kept_from));
        self.events.retain(|event| event.at >= limits.events_from);
        // The first span can have started before the data that is kept.
        let earlier = self.events.partition_point(|event| event.at < limits.kept_from);
        self.events.drain(..earlier.saturating_sub(1));
        self.timeline.last_without_interval =
            self.timeline.last_without_interval.filter(|moment| *moment >= limits.kept_from);
        self.timeline.spans.retain(|span| span.end > limits.kept_from);
        if let Some(first) = self.timeline.spans.first_mut() {
            first.start = first.start.max(limits.kept_from);
        }
    }

    fn is_expired(&self, kept_from: UnixNanos) -> bool {
        self.timeline.spans.is_empty()
            && self.days.is_empty()
            && self.timeline.last.is_none_or(|last| last.at < kept_from)
    }
}

impl Sketches {
    fn expire(&mut self, limits: &Limits) {
        self.hours = self.hours.split_off(&limits.hourly_from.div_euclid(HOUR));
        let daily = self.days.split_off(&day_of(limits.blocks_until));
        for (day, sketch) in std::mem::replace(&mut self.days, daily) {
            self.blocks.entry(day.div_euclid(DAYS_PER_BLOCK)).or_default().merge(&sketch);
        }
        self.days = self.days.split_off(&day_of(limits.kept_from));
        self.blocks.retain(|block, _| (block + 1).saturating_mul(DAYS_PER_BLOCK * DAY) > limits.kept_from);
    }

    fn is_empty(&self) -> bool {
        self.hours.is_empty() && self.days.is_empty() && self.blocks.is_empty()
    }
}

impl RecordedResult {
    fn new(result: &CheckResult, at: UnixNanos, stored_at: UnixNanos, position: usize) -> RecordedResult {
        // Failed attempts are omitted, because the time until a connection is refused is not a response time.
        let answered =
            result.attempts.iter().filter(|attempt| attempt.error.is_none()).map(|attempt| attempt.rtt).collect();
        let is_bad = matches!(result.status, Status::Degraded | Status::Down);
        let reason = result.reason().filter(|_| is_bad).map(|reason| shortened(reason.to_owned(), EVENT_LIMIT));
        RecordedResult {
            observation: Observation { at, status: result.status, interval: result.interval },
            stored_at,
            latency: Stats::from_rtts(answered).map(|stats| stats.median),
            latest: Arc::new(LatestResult {
                position,
                kind: result.kind.clone().unwrap_or_default(),
                threshold: result.threshold,
                quorum: result.quorum,
                objective: result.objective.clone(),
                reason,
            }),
        }
    }
}

/// Returns this node's files that are not from the future, in order.
#[must_use]
pub fn own_check_files(history: &History, names: &[CheckFileName], now: UnixNanos) -> BTreeSet<CheckFileName> {
    let is_own =
        |name: &&CheckFileName| name.node == history.node && name.stored_at <= now.saturating_add(CLOCK_TOLERANCE);
    names.iter().filter(is_own).cloned().collect()
}

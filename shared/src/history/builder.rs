//! Adding check files to a history, so that it is the same whatever the order, the number of steps and the repetitions.
//!
//! Most files are newer than all that is known: they go on where the history ends. One that is late (another run was
//! quicker, a clock was set back, a round waited in the spool) changes what was reckoned after it: then the history is
//! cut at the beginning of that day and made again from the check files since.

use std::collections::{BTreeMap, BTreeSet};

use super::rebuild::{RebuildFrom, is_plausible, moment_of};
use super::{
    DAYS_PER_BLOCK, EVENT_LIMIT, EVENT_RETENTION, EVENTS_PER_DAY, EndpointHistory, Event, HOURLY_RETENTION, History,
    Latencies, LatestResult, MAX_ROUND_DURATION, MESSAGES_PER_DAY, OVERLAP, Percentiles, PostedMessage, Sketches,
    day_of, start_of_day,
};
use crate::check_file::{CheckFile, CheckResult, EndpointKey, shortened};
use crate::latency::Sketch;
use crate::object_name::CheckFileName;
use crate::quorum::CLOCK_TOLERANCE;
use crate::stats::Stats;
use crate::status::Status;
use crate::uptime::Observation;
use crate::{DAY, HOUR, Nanos, UnixNanos};

/// What was left out of a fold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct BuildReport {
    /// Results whose time is none that their file could have.
    pub implausible: usize,
}

/// A history to which files are being added, in the order of their names.
#[derive(Debug)]
pub struct HistoryBuilder<'a> {
    history: &'a mut History,
    latencies: &'a mut Latencies,
    /// Results from this moment on are taken.
    from: UnixNanos,
    /// Files up to this moment are taken; those from the future wait until their time has come.
    until: UnixNanos,
    /// Results that a file to come may precede.
    waiting: BTreeMap<EndpointKey, Vec<RecordedResult>>,
    /// The time of the earliest of them.
    earliest: UnixNanos,
    /// Up to when nothing waits any more.
    flushed: UnixNanos,
    report: BuildReport,
}

/// What a history takes from a result.
#[derive(Debug)]
struct RecordedResult {
    observation: Observation,
    stored_at: UnixNanos,
    latest: LatestResult,
    latency: Option<Nanos>,
}

impl RecordedResult {
    /// The order in which results count.
    fn order(&self) -> impl Ord + use<> {
        (self.observation.sort_key(), self.stored_at, self.latest.position)
    }
}

impl Latencies {
    /// Forgets what is known from the beginning of a unit on.
    fn cut(&mut self, from: UnixNanos) {
        for sketches in self.endpoints.values_mut() {
            let _ = sketches.hours.split_off(&from.div_euclid(HOUR));
            let _ = sketches.days.split_off(&day_of(from));
            let _ = sketches.blocks.split_off(&day_of(from).div_euclid(DAYS_PER_BLOCK));
        }
    }
}

impl<'a> HistoryBuilder<'a> {
    /// Goes on where a history ends, which [`History::can_append`] has to say.
    pub fn append(history: &'a mut History, latencies: &'a mut Latencies) -> HistoryBuilder<'a> {
        latencies.node.clone_from(&history.node);
        HistoryBuilder::between(history, latencies, UnixNanos::MIN, UnixNanos::MAX)
    }

    /// Makes a history again as of `now` from the check files since a gap, all of whose names are `listed`.
    pub fn rebuild(
        history: &'a mut History,
        latencies: &'a mut Latencies,
        gap: RebuildFrom,
        listed: &[CheckFileName],
        now: UnixNanos,
    ) -> HistoryBuilder<'a> {
        let from = history.actual_rebuild_start(gap, listed);
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
        let (waiting, earliest) = (BTreeMap::new(), UnixNanos::MAX);
        let (flushed, report) = (UnixNanos::MIN, BuildReport::default());
        HistoryBuilder { history, latencies, from, until, waiting, earliest, flushed, report }
    }

    /// Adds a file; files come in the order of their names. Files that only others need are passed over.
    pub fn add(&mut self, name: &CheckFileName, file: &CheckFile) {
        self.add_results(name, &file.results);
    }

    /// Adds the results of a file.
    pub fn add_results(&mut self, name: &CheckFileName, results: &[CheckResult]) {
        if name.node != self.history.node || name.stored_at > self.until {
            return;
        }
        if name.stored_at >= self.from {
            *self.history.files.entry(day_of(name.stored_at)).or_default() += 1;
            self.history.newest = self.history.newest.max(name.stored_at);
            self.history.recent.insert(name.stored_at);
            self.history.recent = self.history.recent.split_off(&self.history.newest.saturating_sub(OVERLAP));
            self.listen(name.stored_at, results);
        }
        for (place, result) in results.iter().enumerate() {
            let moment = moment_of(result, name);
            if !is_plausible(moment, name) {
                self.report.implausible += 1;
            } else if moment >= self.from {
                // Mostly there is one, and very many endpoints: a vector's usual first size would be for four.
                let waiting = self.waiting.entry(result.endpoint_key()).or_insert_with(|| Vec::with_capacity(1));
                waiting.push(RecordedResult::of(result, moment, name.stored_at, place));
                self.earliest = self.earliest.min(moment);
            }
        }
        // No file to come can have a result from before this.
        let settled = name.stored_at.saturating_sub(MAX_ROUND_DURATION);
        if settled.saturating_sub(self.flushed) >= HOUR {
            self.flush(settled);
        }
    }

    /// Keeps what the file's results say to people.
    fn listen(&mut self, stored_at: UnixNanos, results: &[CheckResult]) {
        let mut said: BTreeMap<&str, Vec<EndpointKey>> = BTreeMap::new();
        for result in results.iter().filter(|result| !result.message.trim().is_empty()) {
            said.entry(&result.message).or_default().push(result.endpoint_key());
        }
        let messages = &mut self.history.messages;
        for (message, mut about) in said {
            about.sort_unstable();
            about.dedup();
            messages.insert(PostedMessage { at: stored_at, message: message.to_owned(), about });
            let day = day_of(stored_at);
            let of_this_day: Vec<&PostedMessage> = messages.iter().filter(|said| day_of(said.at) == day).collect();
            if let Some(last) = of_this_day.get(MESSAGES_PER_DAY).map(|said| (*said).clone()) {
                messages.remove(&last);
            }
        }
    }

    /// Reckons what waits from before a moment.
    fn flush(&mut self, before: UnixNanos) {
        self.flushed = before;
        if self.earliest >= before {
            return;
        }
        self.earliest = UnixNanos::MAX;
        let waiting = std::mem::take(&mut self.waiting);
        if self.history.endpoints.is_empty() {
            // All at once they are found without being looked for.
            let new = waiting.into_iter().filter_map(|(key, waiting)| {
                let seen = self.settled(&key, waiting, before);
                let mut past = (!seen.is_empty()).then(Box::<EndpointHistory>::default)?;
                for seen in seen {
                    past.see(seen);
                }
                Some((key, past))
            });
            let new = new.collect();
            self.history.endpoints = new;
            return;
        }
        for (key, waiting) in waiting {
            let seen = self.settled(&key, waiting, before);
            if !seen.is_empty() {
                let past = self.history.endpoints.entry(key).or_default();
                for seen in seen {
                    past.see(seen);
                }
            }
        }
    }

    /// What was seen of an endpoint before a moment, in order; what is from after it goes on waiting.
    fn settled(
        &mut self,
        key: &EndpointKey,
        mut waiting: Vec<RecordedResult>,
        before: UnixNanos,
    ) -> Vec<RecordedResult> {
        waiting.sort_unstable_by_key(RecordedResult::order);
        let still_waiting = waiting.split_off(waiting.partition_point(|seen| seen.observation.at < before));
        if let Some(first) = still_waiting.first() {
            self.earliest = self.earliest.min(first.observation.at);
            self.waiting.insert(key.clone(), still_waiting);
        }
        waiting
    }

    /// Reckons all that waits, closes what is over, and forgets what is older than `expiry`.
    #[expect(clippy::must_use_candidate, reason = "the work is done, whether or not anybody asks what was left out")]
    pub fn finish(mut self, expiry: Nanos) -> BuildReport {
        self.flush(UnixNanos::MAX);
        let newest = self.history.newest;
        let kept_from = start_of_day(newest.saturating_sub(expiry.max(DAY))).max(0);
        let limits = Limits {
            open_from: self.history.open_from(),
            hourly_from: start_of_day(newest.saturating_sub(HOURLY_RETENTION)),
            events_from: start_of_day(newest.saturating_sub(EVENT_RETENTION)),
            blocks_until: self.history.blocks_until(),
            kept_from,
        };
        for (key, past) in &mut self.history.endpoints {
            if past.open.first().is_some_and(|(hour, _)| hour.saturating_mul(HOUR) < limits.open_from) {
                past.close(self.latencies.endpoints.entry(key.clone()).or_default(), &limits);
            }
            past.forget(&limits);
        }
        self.latencies.endpoints.values_mut().for_each(|sketches| sketches.forget(&limits));
        self.latencies.until = day_of(limits.open_from);
        self.history.endpoints.retain(|_, past| !past.is_over(kept_from));
        let endpoints = &self.history.endpoints;
        self.latencies.endpoints.retain(|key, sketches| endpoints.contains_key(key) && !sketches.is_empty());
        self.history.files = self.history.files.split_off(&day_of(kept_from));
        self.history.messages.retain(|said| said.at >= kept_from);
        self.report
    }
}

/// Leaves what is from a period on. Nearly always that is all of it, which costs a glance.
fn drop_before<T>(periods: &mut BTreeMap<i64, T>, first: i64) {
    if periods.keys().next().is_some_and(|period| *period < first) {
        *periods = periods.split_off(&first);
    }
}

/// Where what is known gets coarser, and where it ends.
struct Limits {
    open_from: UnixNanos,
    hourly_from: UnixNanos,
    events_from: UnixNanos,
    blocks_until: UnixNanos,
    kept_from: UnixNanos,
}

impl EndpointHistory {
    fn see(&mut self, seen: RecordedResult) {
        let RecordedResult { observation, latest, latency, .. } = seen;
        let at = observation.at;
        // Of very many endpoints most have one span for a long time; a vector's usual first size would be for four.
        if self.timeline.spans.is_empty() {
            self.timeline.spans.reserve_exact(1);
        }
        self.timeline.add(observation);
        if let Some(latency) = latency {
            self.sketch_of(at.div_euclid(HOUR)).add(latency);
        }
        // Results of the same moment replace each other, and so do their reasons.
        while self.events.pop_if(|event| event.at >= at).is_some() {}
        let begins = self.timeline.spans.last().is_some_and(|span| span.start == at);
        let today = self.events.iter().rev().take_while(|event| day_of(event.at) == day_of(at)).count();
        if begins
            && today < EVENTS_PER_DAY
            && let Some(reason) = &latest.reason
        {
            self.events.push(Event { at, reason: reason.clone() });
        }
        self.latest = latest;
    }

    /// The sketch of an hour that is not closed.
    fn sketch_of(&mut self, hour: i64) -> &mut Sketch {
        let place = self.open.partition_point(|(other, _)| *other < hour);
        if self.open.get(place).is_none_or(|(other, _)| *other != hour) {
            self.open.reserve_exact(1);
            self.open.insert(place, (hour, Sketch::default()));
        }
        &mut self.open[place].1
    }

    /// Moves the sketches of closed days to the others and tells their percentiles.
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

    fn forget(&mut self, limits: &Limits) {
        drop_before(&mut self.hours, limits.hourly_from.div_euclid(HOUR));
        drop_before(&mut self.days, day_of(limits.kept_from));
        self.events.retain(|event| event.at >= limits.events_from);
        self.timeline.last_without_interval =
            self.timeline.last_without_interval.filter(|moment| *moment >= limits.kept_from);
        self.timeline.spans.retain(|span| span.end > limits.kept_from);
        if let Some(first) = self.timeline.spans.first_mut() {
            first.start = first.start.max(limits.kept_from);
        }
    }

    fn is_over(&self, kept_from: UnixNanos) -> bool {
        self.timeline.spans.is_empty()
            && self.days.is_empty()
            && self.timeline.last.is_none_or(|last| last.at < kept_from)
    }
}

impl Sketches {
    fn forget(&mut self, limits: &Limits) {
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
    fn of(result: &CheckResult, at: UnixNanos, stored_at: UnixNanos, place: usize) -> RecordedResult {
        // How quickly a connection was refused is no response time.
        let answered =
            result.attempts.iter().filter(|attempt| attempt.error.is_none()).map(|attempt| attempt.rtt).collect();
        let is_bad = matches!(result.status, Status::Degraded | Status::Down);
        let reason = result.reason().filter(|_| is_bad).map(|reason| shortened(reason.to_owned(), EVENT_LIMIT));
        RecordedResult {
            observation: Observation { at, status: result.status, interval: result.interval },
            stored_at,
            latency: Stats::from_rtts(answered).map(|stats| stats.median),
            latest: LatestResult {
                position: place,
                kind: result.kind.clone().unwrap_or_default(),
                threshold: result.threshold,
                quorum: result.quorum,
                reason,
            },
        }
    }
}

/// The names among these that a history of this node can take, in order.
#[must_use]
pub fn own_check_files(history: &History, names: &[CheckFileName], now: UnixNanos) -> BTreeSet<CheckFileName> {
    let is_own =
        |name: &&CheckFileName| name.node == history.node && name.stored_at <= now.saturating_add(CLOCK_TOLERANCE);
    names.iter().filter(is_own).cloned().collect()
}

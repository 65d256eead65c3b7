//! Adds single results to the history of an endpoint, and removes old data from it.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::{
    DAYS_PER_BLOCK, ERRORS_PER_DAY, EVENT_LIMIT, EndpointHistory, Event, LatestResult, Percentiles, Sketches, day_of,
    start_of_day,
};
use crate::check_file::{CheckResult, answered, shortened};
use crate::latency::Sketch;
use crate::stats::Stats;
use crate::status::Status;
use crate::uptime::Observation;
use crate::{DAY, HOUR, Nanos, UnixNanos};

/// The part of a result that a history keeps.
#[derive(Debug)]
pub(super) struct RecordedResult {
    pub(super) observation: Observation,
    stored_at: UnixNanos,
    /// Equal values of an endpoint are shared, because a day's results can be pending for thousands of endpoints.
    pub(super) latest: Arc<LatestResult>,
    pub(super) latency: Option<Nanos>,
}

impl RecordedResult {
    /// `index` is the index of the result in its file.
    pub(super) fn new(result: &CheckResult, at: UnixNanos, stored_at: UnixNanos, index: usize) -> RecordedResult {
        let is_bad = matches!(result.status, Status::Degraded | Status::Down);
        let reason = result.reason().filter(|_| is_bad).map(|reason| shortened(reason.to_owned(), EVENT_LIMIT).into());
        RecordedResult {
            observation: Observation { at, status: result.status, interval: result.interval },
            stored_at,
            latency: Stats::from_rtts(answered(&result.attempts).into_vec()).map(|stats| stats.median),
            latest: Arc::new(LatestResult {
                position: result.position_or(index),
                kind: result.kind.clone().unwrap_or_default(),
                threshold: result.threshold,
                quorum: result.quorum,
                objective: result.objective.clone(),
                reason,
            }),
        }
    }

    pub(super) fn order(&self) -> impl Ord + use<> {
        (self.observation.sort_key(), self.stored_at, self.latest.position)
    }
}

/// Removes the periods before `first`. Usually, there is nothing to remove.
fn drop_before<T>(periods: &mut BTreeMap<i64, T>, first: i64) {
    if periods.keys().next().is_some_and(|period| *period < first) {
        *periods = periods.split_off(&first);
    }
}

/// The times before which data is merged or removed.
pub(super) struct Limits {
    pub(super) open_from: UnixNanos,
    pub(super) hourly_from: UnixNanos,
    pub(super) events_from: UnixNanos,
    pub(super) blocks_until: UnixNanos,
    pub(super) kept_from: UnixNanos,
}

impl Limits {
    /// Removes everything from before a time.
    pub(super) fn all_from(from: UnixNanos) -> Limits {
        Limits { open_from: from, hourly_from: from, events_from: from, blocks_until: from, kept_from: from }
    }
}

impl EndpointHistory {
    /// Adds a result, unless the memory limit caused newer results to be added before it. Returns whether it was added.
    pub(super) fn add_in_order(&mut self, result: RecordedResult, is_limited: bool) -> bool {
        let is_newer = |last: Observation| result.observation.sort_key() < last.sort_key();
        let is_late = is_limited && self.timeline.last.is_some_and(is_newer);
        if !is_late {
            self.add(result);
        }
        !is_late
    }

    pub(super) fn add(&mut self, result: RecordedResult) {
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
    fn add_event(&mut self, at: UnixNanos, reason: &Arc<str>) {
        let midnight = start_of_day(at);
        let today = self.events.iter().rev().take_while(|event| event.at >= midnight);
        // The different errors of the day, newest first.
        let mut errors: Vec<&Arc<str>> = Vec::new();
        let mut known = None;
        for Event { reason: earlier, .. } in today {
            if earlier == reason {
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
        self.events.push(Event { at, reason: known.unwrap_or_else(|| Arc::clone(reason)) });
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
    pub(super) fn close(&mut self, sketches: &mut Sketches, limits: &Limits) {
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

    pub(super) fn expire(&mut self, limits: &Limits) {
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

    pub(super) fn is_expired(&self, kept_from: UnixNanos) -> bool {
        self.timeline.spans.is_empty()
            && self.days.is_empty()
            && self.timeline.last.is_none_or(|last| last.at < kept_from)
    }
}

impl Sketches {
    pub(super) fn expire(&mut self, limits: &Limits) {
        self.hours = self.hours.split_off(&limits.hourly_from.div_euclid(HOUR));
        let daily = self.days.split_off(&day_of(limits.blocks_until));
        for (day, sketch) in std::mem::replace(&mut self.days, daily) {
            self.blocks.entry(day.div_euclid(DAYS_PER_BLOCK)).or_default().merge(&sketch);
        }
        self.days = self.days.split_off(&day_of(limits.kept_from));
        self.blocks.retain(|block, _| (block + 1).saturating_mul(DAYS_PER_BLOCK * DAY) > limits.kept_from);
    }

    pub(super) fn is_empty(&self) -> bool {
        self.hours.is_empty() && self.days.is_empty() && self.blocks.is_empty()
    }
}

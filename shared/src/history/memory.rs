//! Limits the memory of a history that a reader builds from check files. A hostile or broken node can store any number
//! of large check files, so its oldest data is removed until the rest fits. If the results of a single file do not fit,
//! some of them are left out.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::endpoint::{Limits, RecordedResult};
use super::{EndpointHistory, History, LatestResult, PostedMessage};
use crate::check_file::{CheckResult, EndpointKey};
use crate::status::Status;
use crate::uptime::Span;
use crate::{HOUR, MINUTE, Nanos, UnixNanos};

/// The memory for an entry of a map or an allocation, in addition to its contents, in bytes. Maps are half empty on
/// average.
const OVERHEAD: usize = 16;

/// The share of the growth limit that results can take before they are added to the history.
const PENDING_SHARE: usize = 4;

/// The share of the growth limit by which a history can grow before its memory is computed again.
const GROWTH_SHARE: usize = 8;

/// How late results can be, in steps that are tried until the pending ones take little memory. Results that come later
/// are left out. The last step adds all pending results, even if a clock is ahead.
pub(super) const TOLERATED_DELAYS: [Nanos; 3] = [HOUR, 5 * MINUTE, -HOUR];

/// The limit of a builder, and what it needs to keep within the limit.
#[derive(Debug, Default)]
pub(super) struct MemoryLimit {
    /// The limit, or `None` if memory is not limited.
    limit: Option<Bytes>,
    /// By how much the history and the pending results may have grown since their memory was last computed, in bytes.
    growth: usize,
    /// The memory of the history if it contained only the newest file, in bytes.
    of_file: usize,
    /// The time of the earliest result in the newest file.
    newest_from: UnixNanos,
}

/// A limit in bytes.
#[derive(Debug, Clone, Copy)]
struct Bytes {
    total: usize,
    /// The part of the total by which files can extend the history.
    growth: usize,
}

/// Whether endpoints that were not healthy at the end of the removed period are kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Unhealthy {
    Kept,
    Removed,
}

impl History {
    /// Estimates the memory of the endpoints and messages, in bytes.
    #[must_use]
    pub fn memory(&self) -> usize {
        let endpoints = self.endpoints.iter().map(|(key, past)| memory_of_key(key) + OVERHEAD + memory_of_past(past));
        let messages = self.messages.iter().map(memory_of_message);
        endpoints.chain(messages).sum()
    }

    /// Removes percentiles and sketches, which take most of the memory of a long history.
    pub fn remove_latencies(&mut self) {
        for past in self.endpoints.values_mut() {
            past.days.clear();
            past.hours.clear();
            past.open = Vec::new();
        }
    }

    /// Removes the oldest data from before `newest_from` until the rest takes at most `limit` bytes. Endpoints that are
    /// not healthy are removed last. Returns the time before which data was removed, if any.
    pub(super) fn limit_memory(&mut self, limit: usize, newest_from: UnixNanos) -> Option<UnixNanos> {
        let mut removed = None;
        for unhealthy in [Unhealthy::Kept, Unhealthy::Removed] {
            let mut from = self.oldest();
            while from < newest_from && self.memory() > limit {
                let rest = newest_from - from;
                from = if rest <= MINUTE { newest_from } else { from + rest / 2 };
                self.remove_before(from, unhealthy);
                removed = removed.max(Some(from));
            }
        }
        removed
    }

    /// Returns the time of the oldest data, except for percentiles.
    fn oldest(&self) -> UnixNanos {
        let of_endpoints = self.endpoints.values().filter_map(|past| {
            let (last, first) = (past.timeline.last.map(|last| last.at), past.timeline.spans.first());
            [last, first.map(|first| first.start)].into_iter().flatten().min()
        });
        of_endpoints.chain(self.messages.iter().map(|message| message.at)).min().unwrap_or(UnixNanos::MAX).max(0)
    }

    fn remove_before(&mut self, from: UnixNanos, unhealthy: Unhealthy) {
        self.messages.retain(|message| message.at >= from);
        self.endpoints.retain(|_, past| {
            let is_unhealthy = |span: &Span| span.end > from && span.status >= Status::Degraded;
            let is_kept = unhealthy == Unhealthy::Kept && past.timeline.spans.last().is_some_and(is_unhealthy);
            is_kept || past.timeline.last.is_some_and(|last| last.at >= from)
        });
        let limits = Limits::all_from(from);
        for past in self.endpoints.values_mut() {
            past.expire(&limits);
            past.open.retain(|(hour, _)| hour.saturating_mul(HOUR) >= from.saturating_sub(HOUR));
            past.open.shrink_to_fit();
            past.events.shrink_to_fit();
            past.timeline.spans.shrink_to_fit();
        }
    }
}

impl MemoryLimit {
    /// Creates a limit of `growth` bytes more than the history had.
    pub(super) fn new(before: usize, growth: usize) -> MemoryLimit {
        MemoryLimit { limit: Some(Bytes { total: before.saturating_add(growth), growth }), ..MemoryLimit::default() }
    }

    pub(super) fn is_limited(&self) -> bool {
        self.limit.is_some()
    }

    pub(super) fn begin_file(&mut self, stored_at: UnixNanos) {
        (self.newest_from, self.of_file) = (stored_at, 0);
    }

    /// Returns whether another result of the newest file with this status would exceed the limit. Of the limit's growth,
    /// healthy results can take half.
    pub(super) fn is_exhausted(&self, status: Status) -> bool {
        let reserved = |limit: Bytes| if status == Status::Healthy { limit.growth / 2 } else { 0 };
        self.limit.is_some_and(|limit| self.of_file >= limit.total.saturating_sub(reserved(limit)))
    }

    /// Counts a message of the newest file, which is about the endpoint of this result. `text` is the size of the
    /// message if it is new.
    pub(super) fn count_message(&mut self, result: &CheckResult, text: usize) {
        if self.is_limited() {
            let memory = size_of::<EndpointKey>() + result.title.len() + result.locator.len() + 2 * OVERHEAD + text;
            self.of_file += memory;
            self.growth += memory;
        }
    }

    /// Counts a result of the newest file.
    pub(super) fn count(&mut self, key: &EndpointKey, result: &RecordedResult) {
        if self.is_limited() {
            self.newest_from = self.newest_from.min(result.observation.at);
            let reason = result.latest.reason.as_deref().map_or(0, |reason| size_of::<super::Event>() + reason.len());
            let endpoint = size_of::<EndpointHistory>() + 3 * OVERHEAD + size_of::<Span>() + result.latest.kind.len();
            let memory = memory_of_key(key) + endpoint + reason;
            self.of_file += memory;
            self.growth += memory;
        }
    }

    /// Returns the limit for pending results, in bytes, if their memory must be computed again.
    pub(super) fn due(&self) -> Option<usize> {
        let limit = self.limit.filter(|limit| self.growth >= limit.growth / GROWTH_SHARE)?;
        Some(limit.growth / PENDING_SHARE)
    }

    /// Removes the oldest data of a history until the rest and the pending results are within the limit. Returns the
    /// time before which data was removed, if any.
    pub(super) fn enforce(
        &mut self,
        history: &mut History,
        pending: &BTreeMap<EndpointKey, Vec<RecordedResult>>,
    ) -> Option<UnixNanos> {
        let limit = self.limit?;
        self.growth = 0;
        history.limit_memory(limit.total.saturating_sub(memory_of_pending(pending)), self.newest_from)
    }
}

/// Estimates the memory of results that are not added yet, in bytes.
pub(super) fn memory_of_pending(pending: &BTreeMap<EndpointKey, Vec<RecordedResult>>) -> usize {
    let of_results = |results: &Vec<RecordedResult>| {
        let of_each = results.iter().map(|result| {
            let latest = size_of::<LatestResult>() + OVERHEAD + memory_of_latest(&result.latest);
            size_of::<RecordedResult>() + latest / Arc::strong_count(&result.latest)
        });
        of_each.sum::<usize>()
    };
    pending.iter().map(|(key, results)| memory_of_key(key) + OVERHEAD + of_results(results)).sum()
}

fn memory_of_key(key: &EndpointKey) -> usize {
    let texts = key.title.len() + key.locator.len() + key.id.as_deref().map_or(0, str::len);
    let memory = size_of::<EndpointKey>() + 2 * OVERHEAD + texts;
    // The index of ids has a copy of the key.
    if key.id.is_some() { 2 * memory } else { memory }
}

fn memory_of_latest(latest: &LatestResult) -> usize {
    latest.kind.len() + latest.reason.as_ref().map_or(0, |reason| reason.len() / Arc::strong_count(reason))
}

fn memory_of_past(past: &EndpointHistory) -> usize {
    let sketches = past.open.iter().map(|(_, sketch)| size_of_val(sketch) + OVERHEAD + sketch.memory());
    let events = past.events.iter().map(|event| event.reason.len() / Arc::strong_count(&event.reason));
    let columns = past.events.capacity() * size_of::<super::Event>()
        + past.timeline.spans.capacity() * size_of::<Span>()
        + (past.days.len() + past.hours.len()) * 2 * size_of::<(i64, super::Percentiles)>();
    let texts = memory_of_latest(&past.latest) + past.former.as_deref().map_or(0, memory_of_key);
    size_of::<EndpointHistory>() + 2 * OVERHEAD + columns + texts + events.chain(sketches).sum::<usize>()
}

fn memory_of_message(message: &PostedMessage) -> usize {
    let about: usize = message.about.iter().map(memory_of_key).sum();
    size_of::<PostedMessage>() + message.message.len() + about
}

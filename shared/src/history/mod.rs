//! The history that each node stores: status spans with exact ends, latency percentiles per hour and day, the latest
//! errors, and messages.
//!
//! A history depends only on the *set* of the node's check files: [`builder`] accepts them in any order, at any time
//! and more than once. [`mod@format`] writes the JSON, [`rows`] reads it, and [`planner`] decides what a reader
//! fetches.

mod build_report;
mod builder;
mod continuity;
mod document;
mod endpoint;
mod format;
mod memory;
mod messages;
pub mod planner;
mod rebuild;
mod rows;

#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::budget::Objective;
use crate::check_file::EndpointKey;
use crate::latency::{Bucket, Sketch};
use crate::object_name::{CheckFileName, NodeName};
use crate::quorum::{CLOCK_TOLERANCE, Quorum};
use crate::uptime::StatusTimeline;
use crate::{DAY, HOUR, MINUTE, Nanos, UnixNanos};

pub use self::build_report::BuildReport;
pub use self::builder::{HistoryBuilder, own_check_files};
pub use self::format::InvalidHistory;
pub use self::rebuild::RebuildFrom;
pub use self::rows::{EndpointRows, HistoryRows, LatencyRows, MessageRow, Series, SketchRows, add_open_between};

/// A history lists the names of all files that are at most this much older than the newest one, so files from an
/// overlapping run of the same node are not missed. Listing this many files takes one request, even with fifty nodes.
pub const OVERLAP: Nanos = 15 * MINUTE;

/// The longest gap between check files that counts in full when something expires. A longer gap can be caused by a
/// clock that jumped ahead, and counts as this much.
pub const MAX_GAP: Nanos = 2 * DAY;

/// How long a day stays open after its end, because a round that starts before midnight may be stored after midnight.
pub const CLOSE_DELAY: Nanos = HOUR;

/// How long hourly percentiles are kept. Daily ones are kept longer.
pub const HOURLY_RETENTION: Nanos = 7 * DAY;

/// How much older than its file a result can be. Rounds take time, but never a whole day.
pub const MAX_ROUND_DURATION: Nanos = DAY;

/// How far back histories reach by default: enough to compare a month with the same month a year ago.
pub const DEFAULT_EXPIRY: Nanos = 400 * DAY;

/// How long errors are kept.
const EVENT_RETENTION: Nanos = 35 * DAY;
/// How many different errors are kept per day. A flapping endpoint repeats the same ones.
const ERRORS_PER_DAY: usize = 8;
/// The maximum length of an error, in characters.
const EVENT_LIMIT: usize = 200;
const MESSAGES_PER_DAY: usize = 20;

/// How long daily sketches are kept. Older ones are merged into blocks.
const DAILY_RETENTION: Nanos = 92 * DAY;
const HOURS_PER_DAY: i64 = 24;
const DAYS_PER_BLOCK: i64 = 28;

/// The history of one node.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct History {
    /// The node's name, or `None` for check files without a node.
    pub node: Option<NodeName>,
    /// The recorded endpoints, boxed because there may be thousands of them and the nodes of a map are often half
    /// empty.
    pub endpoints: BTreeMap<EndpointKey, Box<EndpointHistory>>,
    /// Messages, in the order of their rounds.
    pub messages: BTreeSet<PostedMessage>,
    /// When the newest file was stored, or 0 if there are no files.
    newest: UnixNanos,
    /// The storage times of the newest file and of all files that are at most [`OVERLAP`] older.
    recent: BTreeSet<UnixNanos>,
    /// The number of files per day, keyed by days since 1970 (UTC).
    files: BTreeMap<i64, u64>,
}

/// An endpoint's history, as recorded by one node.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct EndpointHistory {
    /// The status over time, as this node alone saw it.
    pub timeline: StatusTimeline,
    /// The newest result, except for its status.
    pub latest: LatestResult,
    /// Percentiles of each closed day, keyed by days since 1970 (UTC).
    pub days: BTreeMap<i64, Percentiles>,
    /// Percentiles of each closed hour, keyed by hours since 1970 and kept for [`HOURLY_RETENTION`].
    pub hours: BTreeMap<i64, Percentiles>,
    /// Latency sketches of recent hours, whose percentiles can still change, in order. There are only a few per
    /// endpoint, and a map would take six times the memory.
    pub open: Vec<(i64, Sketch)>,
    /// The reasons for degraded and down spans, in the order of the spans.
    pub events: Vec<Event>,
    /// The key that the endpoint had before it got its id. Results that still have this key belong to the endpoint.
    /// Boxed because few endpoints have a former key.
    pub former: Option<Box<EndpointKey>>,
}

/// An endpoint's newest result, except for its status and time.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct LatestResult {
    /// The check's index in the checker's configuration or, if the result does not contain it, the result's index in its
    /// file.
    pub position: usize,
    /// The kind of check, or an empty string if it is unknown.
    pub kind: String,
    /// The response time above which the endpoint is degraded, or 0 if there is no threshold.
    pub threshold: Nanos,
    /// How many nodes must agree on the status.
    pub quorum: Quorum,
    /// The endpoint's service level objective, if one is configured. Boxed because few endpoints have one.
    pub objective: Option<Box<Objective>>,
    /// The reason for the status, if it is degraded or down. The span's event shares it, because it can be long.
    pub reason: Option<Arc<str>>,
}

/// The reason for a degraded or down span.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Event {
    /// The start of the span.
    pub at: UnixNanos,
    /// The notice or error of the span's first result. Spans with the same reason share it.
    pub reason: Arc<str>,
}

/// A message that was posted with a round.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct PostedMessage {
    /// When the round was stored.
    pub at: UnixNanos,
    /// The message in limited HTML, exactly as it was posted (see [`crate::message`]).
    pub message: String,
    /// The endpoints whose results contain the message.
    pub about: Vec<EndpointKey>,
}

/// Latency percentiles of an hour or a day.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Percentiles {
    /// The bucket of the median latency.
    pub p50: Bucket,
    /// The bucket of the 95th percentile.
    pub p95: Bucket,
}

impl Percentiles {
    /// Computes the percentiles of a sketch. Returns `None` if the sketch is empty.
    #[must_use]
    pub fn from_sketch(sketch: &Sketch) -> Option<Percentiles> {
        Some(Percentiles { p50: sketch.percentile(50)?, p95: sketch.percentile(95)? })
    }
}

/// A node's latency sketches of all closed days, from which any percentile of any range can be computed.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Latencies {
    /// The node's name, or `None` for check files without a node.
    pub node: Option<NodeName>,
    /// The sketches of each endpoint.
    pub endpoints: BTreeMap<EndpointKey, Sketches>,
    /// The first day that is not closed.
    until: i64,
}

/// The latency sketches of one endpoint.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Sketches {
    /// Hourly sketches, keyed by hours since 1970 and kept for [`HOURLY_RETENTION`].
    pub hours: BTreeMap<i64, Sketch>,
    /// Daily sketches, keyed by days since 1970 (UTC) and kept for 92 days.
    pub days: BTreeMap<i64, Sketch>,
    /// Sketches of older data in blocks of 28 days, keyed by blocks since 1970.
    pub blocks: BTreeMap<i64, Sketch>,
}

impl History {
    /// Creates an empty history. `node` is `None` for check files without a node.
    #[must_use]
    pub fn new(node: Option<NodeName>) -> History {
        History { node, ..History::default() }
    }

    /// Returns an endpoint's history. If both keys contain the same id, their titles and locators can differ.
    #[must_use]
    pub fn endpoint(&self, key: &EndpointKey) -> Option<&EndpointHistory> {
        let same = || self.endpoints.iter().find(|(known, _)| known.is_same_endpoint(key)).map(|(_, past)| past);
        let is_any_id_relevant = || key.id.is_some() || self.endpoints.keys().any(|known| known.id.is_some());
        self.endpoints.get(key).or_else(|| is_any_id_relevant().then(same)?).map(|past| &**past)
    }

    /// Returns when the newest file was stored, or `None` if there are no files.
    #[must_use]
    pub fn newest(&self) -> Option<UnixNanos> {
        (self.newest > 0).then_some(self.newest)
    }

    /// Returns when the newest file and those that are at most [`OVERLAP`] older were stored, in order.
    pub fn recent_files(&self) -> impl Iterator<Item = UnixNanos> {
        self.recent.iter().copied()
    }

    /// Returns whether the node missed its next round: none of its results is still valid, even if its clock is behind.
    #[must_use]
    pub fn is_overdue(&self, now: UnixNanos) -> bool {
        let until = self.endpoints.values().filter_map(|past| past.timeline.valid_until()).max();
        until.is_none_or(|until| until.saturating_add(CLOCK_TOLERANCE) <= now)
    }

    /// Returns the number of check files that are included.
    #[must_use]
    pub fn file_count(&self) -> u64 {
        self.files.values().sum()
    }

    /// Returns evidence that two checkers use this node's name: many more rounds were stored recently than one checker
    /// would store.
    #[must_use]
    pub fn duplicate_node_evidence(&self) -> Option<DuplicateNodeEvidence> {
        let intervals = self.endpoints.values().filter_map(|past| past.timeline.last?.interval);
        duplicate_node_evidence(
            self.newest,
            intervals.filter(|interval| *interval > 0).min(),
            self.files.iter().map(|(day, count)| (*day, *count)),
        )
    }

    /// Returns where to start listing check files for [`History::uncovered`].
    #[must_use]
    pub fn list_from(&self) -> UnixNanos {
        self.newest.saturating_sub(OVERLAP).max(0)
    }

    /// Returns whether the history includes a file of this node. Files older than [`OVERLAP`] are assumed to be
    /// included.
    #[must_use]
    pub fn covers(&self, name: &CheckFileName) -> bool {
        name.stored_at < self.list_from() || self.recent.contains(&name.stored_at)
    }

    /// Returns this node's files that are neither included nor from the future.
    #[must_use]
    pub fn uncovered(&self, names: &[CheckFileName], now: UnixNanos) -> Vec<CheckFileName> {
        let is_new = |name: &&CheckFileName| {
            name.node == self.node && !self.covers(name) && name.stored_at <= now.saturating_add(CLOCK_TOLERANCE)
        };
        names.iter().filter(is_new).cloned().collect()
    }

    /// Returns the start of the first hour that is not closed.
    fn open_from(&self) -> UnixNanos {
        start_of_day(self.newest.saturating_sub(CLOSE_DELAY))
    }
}

/// Compares the number of rounds since the start of the last full day with the number that the shortest interval
/// allows.
fn duplicate_node_evidence(
    newest: UnixNanos,
    interval: Option<Nanos>,
    files: impl Iterator<Item = (i64, u64)>,
) -> Option<DuplicateNodeEvidence> {
    let interval = interval?;
    let yesterday = day_of(newest) - 1;
    let (mut first, mut stored) = (None, 0);
    for (day, count) in files {
        // A new history may start after the beginning of yesterday.
        let from = *first.get_or_insert(day.max(yesterday));
        if day >= from {
            stored += count;
        }
    }
    let length = newest.saturating_sub(first.unwrap_or(yesterday).saturating_mul(DAY));
    let expected = (length / interval).unsigned_abs() + 1;
    // Requires a surplus of half the scheduled rounds, which is more than people cause by running checks manually.
    (stored >= 10 && stored * 2 > expected * 3).then_some(DuplicateNodeEvidence { stored, expected })
}

/// Evidence that a node has stored more rounds than one checker would.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DuplicateNodeEvidence {
    /// How many rounds were stored recently.
    pub stored: u64,
    /// How many rounds one checker would store in the same time.
    pub expected: u64,
}

/// Returns the UTC day that contains `moment`, as the number of days since 1970-01-01.
fn day_of(moment: UnixNanos) -> i64 {
    moment.div_euclid(DAY)
}

/// Returns the start of the UTC day that contains `moment`.
fn start_of_day(moment: UnixNanos) -> UnixNanos {
    day_of(moment).saturating_mul(DAY)
}

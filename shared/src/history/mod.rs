//! The history that each node stores: spans of status with exact ends, latency percentiles per hour and day, the latest
//! errors, and messages.
//!
//! A history depends only on the *set* of the node's check files: [`builder`] accepts them in any order, at any time and
//! more than once. [`mod@format`] writes the JSON, [`rows`] reads it, and [`planner`] decides what a reader fetches.

mod builder;
mod format;
pub mod planner;
mod rebuild;
mod rows;

#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};

use crate::check_file::EndpointKey;
use crate::latency::{Bucket, Sketch};
use crate::object_name::{CheckFileName, NodeName};
use crate::quorum::{CLOCK_TOLERANCE, Quorum};
use crate::uptime::StatusTimeline;
use crate::{DAY, HOUR, MINUTE, Nanos, UnixNanos};

pub use self::builder::{BuildReport, HistoryBuilder, own_check_files};
pub use self::format::InvalidHistory;
pub use self::rebuild::RebuildFrom;
pub use self::rows::{EndpointRows, HistoryRows, LatencyRows, MessageRow, Series, SketchRows, add_open_between};

/// How far back from the newest file a history keeps the name of every file, so that it notices the files of an
/// overlapping run of the same node. Listing this much takes one request, even with fifty nodes.
pub const OVERLAP: Nanos = 15 * MINUTE;

/// The longest period without check files that counts in full when something expires. A longer one can be caused by a
/// clock that jumped ahead, and counts as this much.
pub const MAX_GAP: Nanos = 2 * DAY;

/// How long after its end a day is closed: a round that starts before midnight may be stored after midnight.
pub const CLOSE_DELAY: Nanos = HOUR;

/// How long hourly percentiles are kept. Daily ones are kept longer.
pub const HOURLY_RETENTION: Nanos = 7 * DAY;

/// How much older than its file a result can be: rounds take time, but never a day.
pub const MAX_ROUND_DURATION: Nanos = DAY;

/// How far back histories reach by default: enough to compare a month with the same month a year ago.
pub const DEFAULT_EXPIRY: Nanos = 400 * DAY;

/// How long errors are kept.
const EVENT_RETENTION: Nanos = 35 * DAY;
/// How many errors are kept per day: flapping endpoints repeat the same one.
const EVENTS_PER_DAY: usize = 3;
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
    /// `None` for check files without a node.
    pub node: Option<NodeName>,
    /// Boxed, because there may be thousands, and the nodes of a map are often half empty.
    pub endpoints: BTreeMap<EndpointKey, Box<EndpointHistory>>,
    /// Messages in the order of the rounds that posted them.
    pub messages: BTreeSet<PostedMessage>,
    /// When the newest file was stored; 0 if there are no files.
    newest: UnixNanos,
    /// The storage times of the newest file and of those that are at most [`OVERLAP`] older.
    recent: BTreeSet<UnixNanos>,
    /// The number of files per day, by days since 1970 (UTC).
    files: BTreeMap<i64, u64>,
}

/// What one node recorded about an endpoint.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct EndpointHistory {
    /// Status over time, as this node alone saw it.
    pub timeline: StatusTimeline,
    /// The newest result, except for its status.
    pub latest: LatestResult,
    /// Percentiles of each closed day, by days since 1970 (UTC).
    pub days: BTreeMap<i64, Percentiles>,
    /// Percentiles of each closed hour, by hours since 1970, for [`HOURLY_RETENTION`].
    pub hours: BTreeMap<i64, Percentiles>,
    /// Sketches of the hours that are not closed, in order. There are only a few per endpoint, for which a map would
    /// take six times the memory.
    pub open: Vec<(i64, Sketch)>,
    /// The reasons for degraded and down spans.
    pub events: Vec<Event>,
}

/// An endpoint's newest result, except for its status and time.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct LatestResult {
    /// The index of the result in its file. Results are in the order of the checker's configuration.
    pub position: usize,
    /// The kind of check, empty if unknown.
    pub kind: String,
    /// The response time above which the endpoint is degraded; 0 if there is no threshold.
    pub threshold: Nanos,
    /// How many nodes must agree.
    pub quorum: Quorum,
    /// Why the status is degraded or down.
    pub reason: Option<String>,
}

/// The reason for a degraded or down span.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Event {
    /// The start of the span.
    pub at: UnixNanos,
    /// The notice or error of the first result of the span.
    pub reason: String,
}

/// A message that was posted with a round.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct PostedMessage {
    /// When the round was stored.
    pub at: UnixNanos,
    /// Limited HTML as it was posted (see [`crate::message`]).
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
    /// Returns `None` if the sketch is empty.
    #[must_use]
    pub fn from_sketch(sketch: &Sketch) -> Option<Percentiles> {
        Some(Percentiles { p50: sketch.percentile(50)?, p95: sketch.percentile(95)? })
    }
}

/// The latency sketches of all closed days, from which any percentile of any range can be computed.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Latencies {
    /// `None` for check files without a node.
    pub node: Option<NodeName>,
    /// The sketches of each endpoint.
    pub endpoints: BTreeMap<EndpointKey, Sketches>,
    /// The first day that is not closed.
    until: i64,
}

/// The latency sketches of one endpoint.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Sketches {
    /// By hours since 1970, for [`HOURLY_RETENTION`].
    pub hours: BTreeMap<i64, Sketch>,
    /// By days since 1970 (UTC), for 92 days.
    pub days: BTreeMap<i64, Sketch>,
    /// By blocks of 28 days since 1970, for everything older.
    pub blocks: BTreeMap<i64, Sketch>,
}

impl History {
    /// Creates an empty history; `node` is `None` for check files without a node.
    #[must_use]
    pub fn new(node: Option<NodeName>) -> History {
        History { node, ..History::default() }
    }

    /// When the newest file was stored; `None` if there are no files.
    #[must_use]
    pub fn newest(&self) -> Option<UnixNanos> {
        (self.newest > 0).then_some(self.newest)
    }

    /// Whether the node missed its next round: none of its results is still valid, even if its clock is behind.
    #[must_use]
    pub fn is_overdue(&self, now: UnixNanos) -> bool {
        let until = self.endpoints.values().filter_map(|past| past.timeline.valid_until()).max();
        until.is_none_or(|until| until.saturating_add(CLOCK_TOLERANCE) <= now)
    }

    /// How many check files are included.
    #[must_use]
    pub fn file_count(&self) -> u64 {
        self.files.values().sum()
    }

    /// Evidence that two checkers use the name of this node: many more rounds were stored recently than one checker
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

    /// Where to start listing check files for [`History::uncovered`].
    #[must_use]
    pub fn list_from(&self) -> UnixNanos {
        self.newest.saturating_sub(OVERLAP).max(0)
    }

    /// Whether a file of this node is included. Files older than [`OVERLAP`] are assumed to be.
    #[must_use]
    pub fn covers(&self, name: &CheckFileName) -> bool {
        name.stored_at < self.list_from() || self.recent.contains(&name.stored_at)
    }

    /// The files of this node that are neither included nor from the future.
    #[must_use]
    pub fn uncovered(&self, names: &[CheckFileName], now: UnixNanos) -> Vec<CheckFileName> {
        let is_new = |name: &&CheckFileName| {
            name.node == self.node && !self.covers(name) && name.stored_at <= now.saturating_add(CLOCK_TOLERANCE)
        };
        names.iter().filter(is_new).cloned().collect()
    }

    /// The start of the first hour that is not closed.
    fn open_from(&self) -> UnixNanos {
        start_of_day(self.newest.saturating_sub(CLOSE_DELAY))
    }
}

/// Compares the number of rounds since the start of the last full day with what the shortest interval allows.
fn duplicate_node_evidence(
    newest: UnixNanos,
    interval: Option<Nanos>,
    files: impl Iterator<Item = (i64, u64)>,
) -> Option<DuplicateNodeEvidence> {
    let interval = interval?;
    let yesterday = day_of(newest) - 1;
    let (mut first, mut stored) = (None, 0);
    for (day, count) in files {
        // The first day is incomplete.
        let from = *first.get_or_insert(day.max(yesterday));
        if day >= from {
            stored += count;
        }
    }
    let length = newest.saturating_sub(first.unwrap_or(yesterday).saturating_mul(DAY));
    let expected = (length / interval).unsigned_abs() + 1;
    // A surplus of half the scheduled rounds is too large for checks that people run manually.
    (stored >= 10 && stored * 2 > expected * 3).then_some(DuplicateNodeEvidence { stored, expected })
}

/// A node has stored more rounds than one checker would.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DuplicateNodeEvidence {
    /// How many rounds were stored recently.
    pub stored: u64,
    /// How many one checker would store in the same time.
    pub expected: u64,
}

impl EndpointHistory {
    /// The reason for the status change at the start of this span.
    #[must_use]
    pub fn reason_since(&self, start: UnixNanos) -> Option<&str> {
        self.events.iter().find(|event| event.at == start).map(|event| event.reason.as_str())
    }
}

/// The number of the UTC day that contains `moment`, counted from 1970-01-01.
fn day_of(moment: UnixNanos) -> i64 {
    moment.div_euclid(DAY)
}

/// The start of the UTC day.
fn start_of_day(moment: UnixNanos) -> UnixNanos {
    day_of(moment).saturating_mul(DAY)
}

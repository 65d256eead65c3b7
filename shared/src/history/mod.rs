//! What one node knows about the past, compact: spans of status with exact ends, percentiles of latency per hour and
//! day, the last errors, the messages. A history is a function of the *set* of the node's check files: [`builder`] says
//! how files are added in any order, at any time and more than once, [`mod@format`] how it stands in JSON.
//!
//! Reading and writing objects is others' business; so is what a history looks like.

mod builder;
mod format;
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

/// How far behind the newest file a history remembers each file's name: two runs of one node that overlap are told
/// apart by it. A listing of that long is one request, also with fifty nodes.
pub const OVERLAP: Nanos = 15 * MINUTE;

/// How long after its end a day's sketches are closed: a round that began before midnight is stored after it.
pub const CLOSE_DELAY: Nanos = HOUR;

/// How long hours are told one by one; before that, days are.
pub const HOURLY_RETENTION: Nanos = 7 * DAY;

/// How far a result's time may be behind that of its file: a round takes its time, but no day.
pub const MAX_ROUND_DURATION: Nanos = DAY;

/// How long a history reaches back unless somebody says otherwise: a year can be compared with the one before.
pub const DEFAULT_EXPIRY: Nanos = 400 * DAY;

/// How long the last errors are told.
const EVENT_RETENTION: Nanos = 35 * DAY;
/// How many of them a day: one that comes and goes all day says the same each time.
const EVENTS_PER_DAY: usize = 3;
/// The longest text of them, in characters.
const EVENT_LIMIT: usize = 200;
/// How many messages of a day are kept.
const MESSAGES_PER_DAY: usize = 20;

/// How long sketches are kept day by day; before that, [`DAYS_PER_BLOCK`] by block.
const DAILY_RETENTION: Nanos = 92 * DAY;
/// How many hours a day of UTC has.
const HOURS_PER_DAY: i64 = 24;
/// How many days are one block.
const DAYS_PER_BLOCK: i64 = 28;

/// What one node knows about the past.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct History {
    /// Whose it is; `None` is that of check files that name no node.
    pub node: Option<NodeName>,
    /// What it knows of each endpoint. There may be very many, and a map leaves half of its room unused.
    pub endpoints: BTreeMap<EndpointKey, Box<EndpointHistory>>,
    /// What was said, by the time of the file it was said in.
    pub messages: BTreeSet<PostedMessage>,
    /// When the newest file in it was stored; 0 if there is none.
    newest: UnixNanos,
    /// When each file was stored that is at most [`OVERLAP`] older than the newest.
    recent: BTreeSet<UnixNanos>,
    /// How many files were stored on each day (of UTC, by number).
    files: BTreeMap<i64, u64>,
}

/// What a node knows of one endpoint.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct EndpointHistory {
    /// The statuses over time.
    pub timeline: StatusTimeline,
    /// What the newest result said beside its status.
    pub latest: LatestResult,
    /// The percentiles of each closed day (of UTC, by number).
    pub days: BTreeMap<i64, Percentiles>,
    /// The percentiles of each closed hour (by number) of the last days.
    pub hours: BTreeMap<i64, Percentiles>,
    /// The sketch of each hour (by number) that is not closed, in order. They are few, and there may be very many
    /// endpoints: a map would take six times the memory.
    pub open: Vec<(i64, Sketch)>,
    /// What was wrong, at the beginning of a span.
    pub events: Vec<Event>,
}

/// What the newest result of an endpoint says beside its status.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct LatestResult {
    /// Its place among the results of its file: the order of the checker's configuration.
    pub position: usize,
    /// The kind of check; empty if it did not say.
    pub kind: String,
    /// The response time above which the endpoint is degraded; 0 is none.
    pub threshold: Nanos,
    /// How several nodes agree.
    pub quorum: Quorum,
    /// What is wrong, if anything is.
    pub reason: Option<String>,
}

/// What was wrong when a span began.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Event {
    /// The beginning of the span.
    pub at: UnixNanos,
    /// What was wrong, in words.
    pub reason: String,
}

/// A message, as it was posted with a round.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct PostedMessage {
    /// When the round was stored.
    pub at: UnixNanos,
    /// Its text: a little HTML (see [`crate::message`]).
    pub message: String,
    /// What it is about.
    pub about: Vec<EndpointKey>,
}

/// The middle and the upper end of the latencies of a period.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Percentiles {
    /// Half of them are below.
    pub p50: Bucket,
    /// One in twenty is above.
    pub p95: Bucket,
}

impl Percentiles {
    /// Those of a sketch; `None` if it is empty.
    #[must_use]
    pub fn from_sketch(sketch: &Sketch) -> Option<Percentiles> {
        Some(Percentiles { p50: sketch.percentile(50)?, p95: sketch.percentile(95)? })
    }
}

/// The sketches of all closed days: with them any percentile of any range can be told.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Latencies {
    /// Whose they are.
    pub node: Option<NodeName>,
    /// Those of each endpoint.
    pub endpoints: BTreeMap<EndpointKey, Sketches>,
    /// The first day that is not closed.
    until: i64,
}

/// The sketches of one endpoint.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Sketches {
    /// By the number of the hour, for the last days.
    pub hours: BTreeMap<i64, Sketch>,
    /// By the number of the day.
    pub days: BTreeMap<i64, Sketch>,
    /// By the number of the block of 28 days, where days are not kept any more.
    pub blocks: BTreeMap<i64, Sketch>,
}

impl History {
    /// A history that knows nothing yet.
    #[must_use]
    pub fn new(node: Option<NodeName>) -> History {
        History { node, ..History::default() }
    }

    /// When the newest file in it was stored; `None` if there is none.
    #[must_use]
    pub fn newest(&self) -> Option<UnixNanos> {
        (self.newest > 0).then_some(self.newest)
    }

    /// Whether the node should have reported by now and has not: nothing that it said still stands, also if its
    /// clock is a little behind.
    #[must_use]
    pub fn is_overdue(&self, now: UnixNanos) -> bool {
        let until = self.endpoints.values().filter_map(|past| past.timeline.valid_until()).max();
        until.is_none_or(|until| until.saturating_add(CLOCK_TOLERANCE) <= now)
    }

    /// How many files are in it.
    #[must_use]
    pub fn file_count(&self) -> u64 {
        self.files.values().sum()
    }

    /// How many times as many rounds were lately stored as one checker stores, if it is far more: most likely two
    /// checkers have the same name.
    #[must_use]
    pub fn duplicate_node_evidence(&self) -> Option<DuplicateNodeEvidence> {
        let intervals = self.endpoints.values().filter_map(|past| past.timeline.last?.interval);
        duplicate_node_evidence(
            self.newest,
            intervals.filter(|interval| *interval > 0).min(),
            self.files.iter().map(|(day, count)| (*day, *count)),
        )
    }

    /// From when on a listing has to start for [`History::uncovered`].
    #[must_use]
    pub fn list_from(&self) -> UnixNanos {
        self.newest.saturating_sub(OVERLAP).max(0)
    }

    /// Whether a file of this node is in the history. What is older than [`OVERLAP`] is taken to be in it.
    #[must_use]
    pub fn covers(&self, name: &CheckFileName) -> bool {
        name.stored_at < self.list_from() || self.recent.contains(&name.stored_at)
    }

    /// The names among these that are this node's, not in the history, and not from the future.
    #[must_use]
    pub fn uncovered(&self, names: &[CheckFileName], now: UnixNanos) -> Vec<CheckFileName> {
        let is_new = |name: &&CheckFileName| {
            name.node == self.node && !self.covers(name) && name.stored_at <= now.saturating_add(CLOCK_TOLERANCE)
        };
        names.iter().filter(is_new).cloned().collect()
    }

    /// The first moment whose hours are not closed.
    fn open_from(&self) -> UnixNanos {
        start_of_day(self.newest.saturating_sub(CLOSE_DELAY))
    }
}

/// From when on a reader has to list check files at first: all nodes that are alive are among them, however long the
/// histories are. `None` if there is no history, and check files are all there is.
#[must_use]
pub fn look_from<'a>(histories: impl IntoIterator<Item = &'a History>) -> Option<UnixNanos> {
    histories.into_iter().filter(|history| history.newest > 0).map(History::list_from).max()
}

/// From when on a reader has to list check files after all, if the first listing shows that histories are not enough:
/// a node has none, and `reaches` is from when on it is wanted, or it is behind.
#[must_use]
pub fn look_further<'a>(
    histories: impl IntoIterator<Item = &'a History>,
    listed: &[CheckFileName],
    looked_from: UnixNanos,
    reaches: UnixNanos,
) -> Option<UnixNanos> {
    let covered: BTreeMap<Option<&NodeName>, UnixNanos> =
        histories.into_iter().map(|history| (history.node.as_ref(), history.list_from())).collect();
    needed_from(listed, looked_from, |node| covered.get(&node).copied().unwrap_or(reaches))
}

/// The same, where `covered` tells for each node from when on its files are wanted.
#[must_use]
pub fn needed_from(
    listed: &[CheckFileName],
    looked_from: UnixNanos,
    covered: impl Fn(Option<&NodeName>) -> UnixNanos,
) -> Option<UnixNanos> {
    listed.iter().map(|name| covered(name.node.as_ref())).min().filter(|needed| *needed < looked_from)
}

/// Whether far more rounds were stored on the last full day and since than the shortest interval gives.
fn duplicate_node_evidence(
    newest: UnixNanos,
    interval: Option<Nanos>,
    files: impl Iterator<Item = (i64, u64)>,
) -> Option<DuplicateNodeEvidence> {
    let interval = interval?;
    let yesterday = day_of(newest) - 1;
    let (mut first, mut stored) = (None, 0);
    for (day, count) in files {
        // What was stored on the first day of all began somewhere in it.
        let from = *first.get_or_insert(day.max(yesterday));
        if day >= from {
            stored += count;
        }
    }
    let length = newest.saturating_sub(first.unwrap_or(yesterday).saturating_mul(DAY));
    let expected = (length / interval).unsigned_abs() + 1;
    // Rounds by hand come on top; one and a half times as many as the clock gives are somebody else's.
    (stored >= 10 && stored * 2 > expected * 3).then_some(DuplicateNodeEvidence { stored, expected })
}

/// More rounds than one checker makes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DuplicateNodeEvidence {
    /// How many were stored lately.
    pub stored: u64,
    /// How many one checker stores in that time.
    pub expected: u64,
}

impl EndpointHistory {
    /// What was wrong in the span that begins at a moment.
    #[must_use]
    pub fn reason_since(&self, start: UnixNanos) -> Option<&str> {
        self.events.iter().find(|event| event.at == start).map(|event| event.reason.as_str())
    }
}

/// The number of the day (of UTC) that a moment is in.
fn day_of(moment: UnixNanos) -> i64 {
    moment.div_euclid(DAY)
}

/// The first moment of the day (of UTC) that a moment is in.
fn start_of_day(moment: UnixNanos) -> UnixNanos {
    day_of(moment).saturating_mul(DAY)
}

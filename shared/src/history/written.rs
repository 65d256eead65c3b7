//! The JSON of a history and of its latencies: columns of small numbers, since they compress to nearly nothing.
//!
//! Reading is strict, other than for check files: a history that does not add up would tell wrong figures, and the
//! check files are there to make it again.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::{Event, History, Latencies, Latest, Past, Percentiles, Said, Sketches};
use crate::latency::{Bucket, Sketch};
use crate::object_name::NodeName;
use crate::result::{EndpointKey, LOCATOR_LIMIT, MESSAGE_LIMIT, TITLE_LIMIT, shortened};
use crate::status::Status;
use crate::uptime::{Observation, Span, Track};
use crate::{Nanos, UnixNanos};

/// The version that is written. One with another number is not read, and the check files count.
const VERSION: u32 = 1;

/// The most endpoints that are read: as many as a page keeps.
const ENDPOINTS_LIMIT: usize = 10_000;

/// The object is no history that can be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotAHistory {
    /// It is no JSON of ours.
    #[error("read it as a history: {0}")]
    Malformed(String),
    /// A newer program wrote it.
    #[error("read a history of version {0}: this program knows version {VERSION}; update it")]
    Newer(u32),
    /// Its numbers do not add up.
    #[error("read it as a history: {0} does not add up")]
    Contradictory(&'static str),
}

#[derive(Serialize, Deserialize)]
struct HistoryAsWritten {
    version: u32,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    node: Option<String>,
    newest: UnixNanos,
    /// The times of the recent files: the first, then how much later each other is.
    #[serde(default)]
    recent: Vec<i64>,
    files: Column<u64>,
    #[serde(default)]
    endpoints: Vec<PastAsWritten>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    messages: Vec<(UnixNanos, String, Vec<usize>)>,
}

#[derive(Serialize, Deserialize)]
struct PastAsWritten {
    title: String,
    endpoint: String,
    #[serde(default)]
    place: usize,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    kind: String,
    #[serde(default, skip_serializing_if = "is_zero")]
    threshold: Nanos,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    verdict: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
    /// The newest result: its time, its status, its interval.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    last: Option<(UnixNanos, u8, Option<Nanos>)>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    without_interval: Vec<UnixNanos>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    untold: Option<UnixNanos>,
    /// For each span how long after the one before it begins, how long it is, and its status.
    #[serde(default)]
    spans: Vec<i64>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    events: Vec<(UnixNanos, String)>,
    #[serde(default)]
    days: Percentages,
    #[serde(default)]
    hours: Percentages,
    #[serde(default)]
    open: Column<Vec<u64>>,
}

/// The percentiles of periods that follow each other; buckets by their places, -1 where there is none.
#[derive(Serialize, Deserialize, Default)]
struct Percentages {
    from: i64,
    p50: Vec<i64>,
    p95: Vec<i64>,
}

/// Something for each of the periods that follow each other.
#[derive(Serialize, Deserialize)]
struct Column<T> {
    from: i64,
    each: Vec<T>,
}

impl<T> Default for Column<T> {
    fn default() -> Self {
        Column { from: 0, each: Vec::new() }
    }
}

#[derive(Serialize, Deserialize)]
struct LatenciesAsWritten {
    version: u32,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    node: Option<String>,
    until: i64,
    #[serde(default)]
    endpoints: Vec<SketchesAsWritten>,
}

#[derive(Serialize, Deserialize)]
struct SketchesAsWritten {
    title: String,
    endpoint: String,
    #[serde(default)]
    hours: Column<Vec<u64>>,
    #[serde(default)]
    days: Column<Vec<u64>>,
    #[serde(default)]
    blocks: Column<Vec<u64>>,
}

#[cfg_attr(
    target_pointer_width = "64",
    expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")
)]
fn is_zero(number: &i64) -> bool {
    *number == 0
}

impl History {
    /// Writes the content of the object; the same history gives the same bytes.
    #[must_use]
    pub fn to_json(&self) -> String {
        let keys: Vec<&EndpointKey> = self.endpoints.keys().collect();
        let mut before = 0;
        let written = HistoryAsWritten {
            version: VERSION,
            node: self.node.as_ref().map(ToString::to_string),
            newest: self.newest,
            recent: self.recent.iter().map(|time| time - std::mem::replace(&mut before, *time)).collect(),
            files: column(&self.files, |count| *count, 0),
            endpoints: self.endpoints.iter().map(|(key, past)| PastAsWritten::of(key, past)).collect(),
            messages: self
                .messages
                .iter()
                .map(|said| {
                    let places = said.about.iter().filter_map(|about| keys.binary_search(&about).ok());
                    (said.at, said.message.clone(), places.collect())
                })
                .collect(),
        };
        write(&written)
    }

    /// Reads what [`History::to_json`] wrote.
    pub fn parse(content: &[u8]) -> Result<History, NotAHistory> {
        let written: HistoryAsWritten = read(content)?;
        if written.endpoints.len() > ENDPOINTS_LIMIT {
            return Err(NotAHistory::Contradictory("the number of endpoints"));
        }
        let wrong = NotAHistory::Contradictory;
        let mut recent = BTreeSet::new();
        let mut time: UnixNanos = 0;
        for step in written.recent {
            time = time.checked_add(step).filter(|_| step > 0).ok_or(wrong("the list of recent files"))?;
            recent.insert(time);
        }
        if written.newest < 0 || recent.last().is_some_and(|last| *last != written.newest) {
            return Err(wrong("the time of the newest file"));
        }
        let mut keys = Vec::new();
        let mut endpoints = BTreeMap::new();
        for past in written.endpoints {
            let (key, past) = past.read()?;
            keys.push(key.clone());
            endpoints.insert(key, past);
        }
        let said = written.messages.into_iter().map(|(at, message, places)| Said {
            at,
            message: shortened(message, MESSAGE_LIMIT),
            about: places.iter().filter_map(|place| keys.get(*place).cloned()).collect(),
        });
        Ok(History {
            node: read_node(written.node.as_deref())?,
            endpoints,
            messages: said.collect(),
            newest: written.newest,
            recent,
            files: read_column(written.files, |count| Some((count > 0).then_some(count)), "the number of files")?,
        })
    }
}

impl PastAsWritten {
    fn of(key: &EndpointKey, past: &Past) -> PastAsWritten {
        let Latest { place, kind, threshold, verdict, reason } = &past.latest;
        let mut end_before = 0;
        PastAsWritten {
            title: key.title.clone(),
            endpoint: key.locator.clone(),
            place: *place,
            kind: kind.clone(),
            threshold: *threshold,
            verdict: if *verdict == crate::verdict::Policy::default() { String::new() } else { verdict.to_string() },
            reason: reason.clone(),
            last: past.track.last.map(|last| (last.at, code_of(last.status), last.interval)),
            without_interval: past.track.without_interval.clone(),
            untold: past.track.untold,
            spans: past
                .track
                .spans
                .iter()
                .flat_map(|span| {
                    let gap = span.start - std::mem::replace(&mut end_before, span.end);
                    [gap, span.end - span.start, i64::from(code_of(span.status))]
                })
                .collect(),
            events: past.events.iter().map(|event| (event.at, event.reason.clone())).collect(),
            days: Percentages::of(&past.days),
            hours: Percentages::of(&past.hours),
            open: column(&past.open, Sketch::to_numbers, Vec::new()),
        }
    }

    fn read(self) -> Result<(EndpointKey, Past), NotAHistory> {
        let wrong = NotAHistory::Contradictory;
        let mut spans = Vec::with_capacity(self.spans.len() / 3);
        let mut end: UnixNanos = 0;
        for triple in self.spans.chunks(3) {
            let span = read_span(triple, end).ok_or(wrong("a span"))?;
            end = span.end;
            spans.push(span);
        }
        let last = match self.last {
            None => None,
            Some((at, code, interval)) => {
                let status = status_of(i64::from(code)).ok_or(wrong("the newest result"))?;
                Some(Observation { at, status, interval: interval.filter(|interval| *interval > 0) })
            }
        };
        let latest = Latest {
            place: self.place,
            kind: shortened(self.kind, TITLE_LIMIT),
            threshold: self.threshold.max(0),
            verdict: self.verdict.parse().unwrap_or_default(),
            reason: self.reason.map(|reason| shortened(reason, super::EVENT_LIMIT)),
        };
        let event = |(at, reason)| Event { at, reason: shortened(reason, super::EVENT_LIMIT) };
        let past = Past {
            track: Track { spans, last, without_interval: self.without_interval, untold: self.untold },
            latest,
            days: self.days.read()?,
            hours: self.hours.read()?,
            open: read_sketches(self.open)?,
            events: self.events.into_iter().map(event).collect(),
        };
        Ok((read_key(self.title, self.endpoint), past))
    }
}

fn read_span(triple: &[i64], end_before: UnixNanos) -> Option<Span> {
    let &[gap, length, code] = triple else { return None };
    let start = end_before.checked_add(gap).filter(|_| gap >= 0)?;
    let end = start.checked_add(length).filter(|_| length > 0)?;
    let status = status_of(code).filter(|status| *status != Status::Unknown)?;
    Some(Span { start, end, status })
}

fn code_of(status: Status) -> u8 {
    match status {
        Status::Unknown => 0,
        Status::Healthy => 1,
        Status::Degraded => 2,
        Status::Down => 3,
    }
}

fn status_of(code: i64) -> Option<Status> {
    Status::ALL.into_iter().find(|status| i64::from(code_of(*status)) == code)
}

impl Percentages {
    fn of(periods: &BTreeMap<i64, Percentiles>) -> Percentages {
        let place = |bucket: Bucket| bucket.place() as i64;
        let p50 = column(periods, |percentiles| place(percentiles.p50), -1);
        Percentages {
            from: p50.from,
            p50: p50.each,
            p95: column(periods, |percentiles| place(percentiles.p95), -1).each,
        }
    }

    fn read(self) -> Result<BTreeMap<i64, Percentiles>, NotAHistory> {
        let both = self.p50.into_iter().zip(self.p95).collect();
        let bucket = |place: i64| Bucket::at(u64::try_from(place).ok()?);
        let read = |(p50, p95)| match (p50, p95) {
            (-1, -1) => Some(None),
            (p50, p95) => Some(Some(Percentiles { p50: bucket(p50)?, p95: bucket(p95)? })),
        };
        read_column(Column { from: self.from, each: both }, read, "a percentile")
    }
}

impl Latencies {
    /// Writes the content of the object; the same latencies give the same bytes.
    #[must_use]
    pub fn to_json(&self) -> String {
        let numbers = |sketches: &BTreeMap<i64, Sketch>| column(sketches, Sketch::to_numbers, Vec::new());
        let written = LatenciesAsWritten {
            version: VERSION,
            node: self.node.as_ref().map(ToString::to_string),
            until: self.until,
            endpoints: self
                .endpoints
                .iter()
                .map(|(key, sketches)| SketchesAsWritten {
                    title: key.title.clone(),
                    endpoint: key.locator.clone(),
                    hours: numbers(&sketches.hours),
                    days: numbers(&sketches.days),
                    blocks: numbers(&sketches.blocks),
                })
                .collect(),
        };
        write(&written)
    }

    /// Reads what [`Latencies::to_json`] wrote.
    pub fn parse(content: &[u8]) -> Result<Latencies, NotAHistory> {
        let written: LatenciesAsWritten = read(content)?;
        let mut endpoints = BTreeMap::new();
        for each in written.endpoints.into_iter().take(ENDPOINTS_LIMIT) {
            let sketches = Sketches {
                hours: read_sketches(each.hours)?,
                days: read_sketches(each.days)?,
                blocks: read_sketches(each.blocks)?,
            };
            endpoints.insert(read_key(each.title, each.endpoint), sketches);
        }
        Ok(Latencies { node: read_node(written.node.as_deref())?, endpoints, until: written.until })
    }
}

#[expect(clippy::expect_used, reason = "plain structs with string keys always serialize")]
fn write(written: &impl Serialize) -> String {
    serde_json::to_string(written).expect("these are plain structs")
}

/// Reads JSON of the version that is known.
fn read<'a, T: Deserialize<'a>>(content: &'a [u8]) -> Result<T, NotAHistory> {
    #[derive(Deserialize)]
    struct Versioned {
        version: u32,
    }
    let malformed = |error: serde_json::Error| NotAHistory::Malformed(shortened(error.to_string(), super::EVENT_LIMIT));
    match serde_json::from_slice::<Versioned>(content).map_err(malformed)?.version {
        VERSION => serde_json::from_slice(content).map_err(malformed),
        other => Err(NotAHistory::Newer(other)),
    }
}

fn read_node(node: Option<&str>) -> Result<Option<NodeName>, NotAHistory> {
    node.map(NodeName::new).transpose().map_err(|_| NotAHistory::Contradictory("the node's name"))
}

fn read_key(title: String, locator: String) -> EndpointKey {
    EndpointKey { title: shortened(title, TITLE_LIMIT), locator: shortened(locator, LOCATOR_LIMIT) }
}

/// What each period has, from the first to the last, with `none` where there is nothing.
fn column<V, T: Clone>(periods: &BTreeMap<i64, V>, write: impl Fn(&V) -> T, none: T) -> Column<T> {
    let (Some((first, _)), Some((last, _))) = (periods.first_key_value(), periods.last_key_value()) else {
        return Column::default();
    };
    let each = (*first..=*last).map(|period| periods.get(&period).map_or_else(|| none.clone(), &write)).collect();
    Column { from: *first, each }
}

/// Reads a column; `read` gives `None` for what is wrong and `Some(None)` for nothing.
fn read_column<T, V>(
    column: Column<T>,
    read: impl Fn(T) -> Option<Option<V>>,
    what: &'static str,
) -> Result<BTreeMap<i64, V>, NotAHistory> {
    let wrong = NotAHistory::Contradictory(what);
    // Far from where numbers end, so that nobody has to fear reckoning with them.
    if column.from.unsigned_abs() > u64::from(u32::MAX) {
        return Err(wrong);
    }
    let mut periods = BTreeMap::new();
    for (period, value) in (column.from..).zip(column.each) {
        if let Some(value) = read(value).ok_or(wrong.clone())? {
            periods.insert(period, value);
        }
    }
    Ok(periods)
}

fn read_sketches(column: Column<Vec<u64>>) -> Result<BTreeMap<i64, Sketch>, NotAHistory> {
    let read = |numbers: Vec<u64>| Sketch::from_numbers(&numbers).map(|sketch| (!sketch.is_empty()).then_some(sketch));
    read_column(column, read, "a sketch")
}

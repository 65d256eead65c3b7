//! The JSON of a history and of its latencies as it is written: columns of small numbers, since they compress to nearly
//! nothing. [`super::outline`] reads it.

use std::collections::BTreeMap;

use serde::{Serialize, Serializer};

use super::outline::{LatenciesOutline, Outline, PastOutline, SketchesOutline};
use super::{History, Latencies, Latest, Past, Percentiles, Said, Sketches};
use crate::latency::{Bucket, Sketch};
use crate::result::EndpointKey;
use crate::status::Status;
use crate::{Nanos, UnixNanos};

/// The version that is written. One with another number is not read, and the check files count.
pub(super) const VERSION: u32 = 1;

/// The most endpoints that are read: as many as a page keeps.
pub(super) const ENDPOINTS_LIMIT: usize = 10_000;

/// The object is no history that can be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotAHistory {
    /// It is no JSON of ours.
    #[error("read it as a history: {0}")]
    Malformed(String),
    /// A newer program wrote it.
    #[error("read a history of version {0}: this program knows version {VERSION}; update it")]
    Newer(i64),
    /// Its numbers do not add up.
    #[error("read it as a history: {0} does not add up")]
    Contradictory(&'static str),
}

#[derive(Serialize)]
struct HistoryAsWritten<'a> {
    version: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    node: Option<String>,
    newest: UnixNanos,
    /// The times of the recent files: the first, then how much later each other is.
    recent: Vec<i64>,
    files: Column<u64>,
    #[serde(serialize_with = "write_endpoints")]
    endpoints: &'a BTreeMap<EndpointKey, Past>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    messages: Vec<(UnixNanos, &'a str, Vec<usize>)>,
}

#[derive(Serialize)]
struct PastAsWritten<'a> {
    title: &'a str,
    endpoint: &'a str,
    place: usize,
    #[serde(skip_serializing_if = "str::is_empty")]
    kind: &'a str,
    #[serde(skip_serializing_if = "is_zero")]
    threshold: Nanos,
    #[serde(skip_serializing_if = "String::is_empty")]
    verdict: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<&'a str>,
    /// The newest result: its time, its status, its interval.
    #[serde(skip_serializing_if = "Option::is_none")]
    last: Option<(UnixNanos, u8, Option<Nanos>)>,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    without_interval: &'a [UnixNanos],
    #[serde(skip_serializing_if = "Option::is_none")]
    untold: Option<UnixNanos>,
    /// For each span how long after the one before it begins, how long it is, and its status.
    spans: Vec<i64>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    events: Vec<(UnixNanos, &'a str)>,
    days: Percentages,
    hours: Percentages,
    open: Column<Vec<u64>>,
}

/// The percentiles of periods that follow each other; buckets by their places, -1 where there is none.
#[derive(Serialize)]
struct Percentages {
    from: i64,
    p50: Vec<i64>,
    p95: Vec<i64>,
}

/// Something for each of the periods that follow each other.
#[derive(Serialize)]
struct Column<T> {
    from: i64,
    each: Vec<T>,
}

#[derive(Serialize)]
struct LatenciesAsWritten {
    version: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    node: Option<String>,
    until: i64,
    endpoints: Vec<SketchesAsWritten>,
}

#[derive(Serialize)]
struct SketchesAsWritten {
    title: String,
    endpoint: String,
    hours: Column<Vec<u64>>,
    days: Column<Vec<u64>>,
    blocks: Column<Vec<u64>>,
}

#[cfg_attr(
    target_pointer_width = "64",
    expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")
)]
fn is_zero(number: &i64) -> bool {
    *number == 0
}

/// One endpoint at a time: there may be very many.
fn write_endpoints<S: Serializer>(endpoints: &BTreeMap<EndpointKey, Past>, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_seq(endpoints.iter().map(|(key, past)| PastAsWritten::of(key, past)))
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
            files: column(each(&self.files), |count| *count, &0),
            endpoints: &self.endpoints,
            messages: self
                .messages
                .iter()
                .map(|said| {
                    let places = said.about.iter().filter_map(|about| keys.binary_search(&about).ok());
                    (said.at, said.message.as_str(), places.collect())
                })
                .collect(),
        };
        write(&written, self.endpoints.len() * 384)
    }

    /// Reads what [`History::to_json`] wrote.
    pub fn parse(content: &[u8]) -> Result<History, NotAHistory> {
        let Outline { node, endpoints, messages, newest, recent, files, .. } = Outline::parse(content)?;
        let keys: Vec<EndpointKey> = endpoints.iter().map(|past| past.key.clone()).collect();
        let said = messages.into_iter().map(|said| Said {
            at: said.at,
            message: said.message,
            about: said.about.iter().filter_map(|place| keys.get(*place).cloned()).collect(),
        });
        let past = |past: PastOutline| Past {
            track: past.track,
            latest: past.latest,
            days: past.days.into_iter().collect(),
            hours: past.hours.into_iter().collect(),
            open: past.open,
            events: past.events,
        };
        Ok(History {
            node,
            messages: said.collect(),
            newest,
            recent: recent.into_iter().collect(),
            files: files.into_iter().collect(),
            endpoints: keys.iter().cloned().zip(endpoints.into_iter().map(past)).collect(),
        })
    }
}

impl<'a> PastAsWritten<'a> {
    fn of(key: &'a EndpointKey, past: &'a Past) -> PastAsWritten<'a> {
        let Latest { place, kind, threshold, verdict, reason } = &past.latest;
        let mut end_before = 0;
        PastAsWritten {
            title: &key.title,
            endpoint: &key.locator,
            place: *place,
            kind,
            threshold: *threshold,
            verdict: if *verdict == crate::verdict::Policy::default() { String::new() } else { verdict.to_string() },
            reason: reason.as_deref(),
            last: past.track.last.map(|last| (last.at, code_of(last.status), last.interval)),
            without_interval: &past.track.without_interval,
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
            events: past.events.iter().map(|event| (event.at, event.reason.as_str())).collect(),
            days: Percentages::of(&past.days),
            hours: Percentages::of(&past.hours),
            open: column(past.open.iter().map(|(hour, sketch)| (*hour, sketch)), Sketch::to_numbers, &Vec::new()),
        }
    }
}

fn code_of(status: Status) -> u8 {
    match status {
        Status::Unknown => 0,
        Status::Healthy => 1,
        Status::Degraded => 2,
        Status::Down => 3,
    }
}

/// The status of a code.
pub(super) fn status_of(code: i64) -> Option<Status> {
    Status::ALL.into_iter().find(|status| i64::from(code_of(*status)) == code)
}

impl Percentages {
    fn of(periods: &BTreeMap<i64, Percentiles>) -> Percentages {
        let place = |bucket: Bucket| bucket.place() as i64;
        let p50 = column(each(periods), |percentiles| place(percentiles.p50), &-1);
        Percentages {
            from: p50.from,
            p50: p50.each,
            p95: column(each(periods), |percentiles| place(percentiles.p95), &-1).each,
        }
    }
}

impl Latencies {
    /// Writes the content of the object; the same latencies give the same bytes.
    #[must_use]
    pub fn to_json(&self) -> String {
        let numbers = |sketches: &BTreeMap<i64, Sketch>| column(each(sketches), Sketch::to_numbers, &Vec::new());
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
        write(&written, 0)
    }

    /// Reads what [`Latencies::to_json`] wrote.
    pub fn parse(content: &[u8]) -> Result<Latencies, NotAHistory> {
        let LatenciesOutline { node, endpoints, until } = LatenciesOutline::parse(content)?;
        let sketches = |each: SketchesOutline| {
            let sketches = Sketches {
                hours: each.hours.into_iter().collect(),
                days: each.days.into_iter().collect(),
                blocks: each.blocks.into_iter().collect(),
            };
            (each.key, sketches)
        };
        Ok(Latencies { node, endpoints: endpoints.into_iter().map(sketches).collect(), until })
    }
}

#[expect(clippy::expect_used, reason = "plain structs with string keys always serialize")]
fn write(written: &impl Serialize, expected_size: usize) -> String {
    let mut json = Vec::with_capacity(expected_size);
    serde_json::to_writer(&mut json, written).expect("these are plain structs");
    String::from_utf8(json).expect("JSON is UTF-8")
}

/// What each period has, from the first to the last, with `none` where there is nothing; periods come in order.
fn column<'a, V: 'a, T: Clone>(
    periods: impl IntoIterator<Item = (i64, &'a V)>,
    write: impl Fn(&V) -> T,
    none: &T,
) -> Column<T> {
    let mut column = Column { from: 0, each: Vec::new() };
    for (period, value) in periods {
        if column.each.is_empty() {
            column.from = period;
        }
        column.each.resize((period - column.from) as usize, none.clone());
        column.each.push(write(value));
    }
    column
}

/// What each period has, with its number.
fn each<V>(periods: &BTreeMap<i64, V>) -> impl Iterator<Item = (i64, &V)> {
    periods.iter().map(|(period, value)| (*period, value))
}

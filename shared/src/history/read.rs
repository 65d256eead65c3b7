//! Reading what [`super::written`] wrote: a history and its latencies.
//!
//! Reading is strict, other than for check files: a history that does not add up would tell wrong figures, and the
//! check files are there to make it again.

use std::collections::{BTreeMap, BTreeSet};

use super::written::{VERSION, code_of};
use super::{Event, History, Latencies, Latest, Past, Percentiles, Said, Sketches};
use crate::UnixNanos;
use crate::json::{self, Json, WrongType};
use crate::latency::{Bucket, Sketch};
use crate::object_name::NodeName;
use crate::result::{EndpointKey, LOCATOR_LIMIT, MESSAGE_LIMIT, TITLE_LIMIT, shortened};
use crate::status::Status;
use crate::uptime::{Observation, Span, Track};

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
    Newer(i64),
    /// Its numbers do not add up.
    #[error("read it as a history: {0} does not add up")]
    Contradictory(&'static str),
}

impl From<WrongType> for NotAHistory {
    fn from(wrong: WrongType) -> NotAHistory {
        NotAHistory::Malformed(wrong.to_string())
    }
}

impl History {
    /// Reads what [`History::to_json`] wrote.
    pub fn parse(content: &[u8]) -> Result<History, NotAHistory> {
        let written = read(content)?;
        let wrong = NotAHistory::Contradictory;
        let pasts = written.array("endpoints")?;
        if pasts.len() > ENDPOINTS_LIMIT {
            return Err(wrong("the number of endpoints"));
        }
        let newest = required(written.integer("newest")?, "newest")?;
        let mut recent = BTreeSet::new();
        let mut time: UnixNanos = 0;
        for step in written.array("recent")? {
            let step = step.as_integer().filter(|step| *step > 0);
            time = step.and_then(|step| time.checked_add(step)).ok_or(wrong("the list of recent files"))?;
            recent.insert(time);
        }
        if newest < 0 || recent.last().is_some_and(|last| *last != newest) {
            return Err(wrong("the time of the newest file"));
        }
        let mut keys = Vec::new();
        let mut endpoints = BTreeMap::new();
        for past in pasts {
            let key = read_key(past)?;
            keys.push(key.clone());
            endpoints.insert(key, read_past(past)?);
        }
        let said = written.array("messages")?.iter().map(|said| read_said(said, &keys).ok_or(wrong("a message")));
        let count = |count: &Json<'_>| Some(read_count(count)?).map(|count| (count > 0).then_some(count));
        let files = required(written.get("files"), "files")?;
        Ok(History {
            node: read_node(&written)?,
            endpoints,
            messages: said.collect::<Result<_, _>>()?,
            newest,
            recent,
            files: read_column(Some(files), count, "the number of files")?,
        })
    }
}

impl Latencies {
    /// Reads what [`Latencies::to_json`] wrote.
    pub fn parse(content: &[u8]) -> Result<Latencies, NotAHistory> {
        let written = read(content)?;
        let mut endpoints = BTreeMap::new();
        for each in written.array("endpoints")?.iter().take(ENDPOINTS_LIMIT) {
            let sketches = Sketches {
                hours: read_sketches(each.get("hours"))?,
                days: read_sketches(each.get("days"))?,
                blocks: read_sketches(each.get("blocks"))?,
            };
            endpoints.insert(read_key(each)?, sketches);
        }
        Ok(Latencies { node: read_node(&written)?, endpoints, until: required(written.integer("until")?, "until")? })
    }
}

fn read_past(past: &Json<'_>) -> Result<Past, NotAHistory> {
    let wrong = NotAHistory::Contradictory;
    let written = past.array("spans")?;
    let mut spans = Vec::with_capacity(written.len() / 3);
    let mut end: UnixNanos = 0;
    for triple in written.chunks(3) {
        let span = read_span(triple, end).ok_or(wrong("a span"))?;
        end = span.end;
        spans.push(span);
    }
    let last = match past.get("last") {
        None => None,
        Some(last) => Some(read_observation(last).ok_or(wrong("the newest result"))?),
    };
    let text = |key| past.text(key).map(Option::unwrap_or_default);
    let latest = Latest {
        place: past.get("place").map_or(Some(0), read_count).ok_or(wrong("an endpoint's place"))? as usize,
        kind: shortened(text("kind")?.to_owned(), TITLE_LIMIT),
        threshold: past.integer("threshold")?.unwrap_or(0).max(0),
        verdict: text("verdict")?.parse().unwrap_or_default(),
        reason: past.text("reason")?.map(|reason| shortened(reason.to_owned(), super::EVENT_LIMIT)),
    };
    let without_interval = past.array("without_interval")?.iter().map(Json::as_integer).collect::<Option<_>>();
    let events = past.array("events")?.iter().map(read_event).collect::<Option<_>>();
    Ok(Past {
        track: Track {
            spans,
            last,
            without_interval: without_interval.ok_or(wrong("a result without an interval"))?,
            untold: past.integer("untold")?,
        },
        latest,
        days: read_percentages(past.get("days"))?,
        hours: read_percentages(past.get("hours"))?,
        open: read_sketches(past.get("open"))?,
        events: events.ok_or(wrong("an event"))?,
    })
}

fn read_span(triple: &[Json<'_>], end_before: UnixNanos) -> Option<Span> {
    let [gap, length, code] = triple else { return None };
    let (gap, length) = (gap.as_integer()?, length.as_integer()?);
    let start = end_before.checked_add(gap).filter(|_| gap >= 0)?;
    let end = start.checked_add(length).filter(|_| length > 0)?;
    let status = status_of(code).filter(|status| *status != Status::Unknown)?;
    Some(Span { start, end, status })
}

fn read_observation(last: &Json<'_>) -> Option<Observation> {
    let [at, code, interval] = elements(last)? else { return None };
    let interval = interval.as_integer().filter(|interval| *interval > 0);
    Some(Observation { at: at.as_integer()?, status: status_of(code)?, interval })
}

fn read_event(event: &Json<'_>) -> Option<Event> {
    let [at, Json::Text(reason)] = elements(event)? else { return None };
    Some(Event { at: at.as_integer()?, reason: shortened(reason.to_string(), super::EVENT_LIMIT) })
}

fn read_said(said: &Json<'_>, keys: &[EndpointKey]) -> Option<Said> {
    let [at, Json::Text(message), Json::Array(places)] = elements(said)? else { return None };
    let about = places.iter().filter_map(|place| keys.get(usize::try_from(place.as_integer()?).ok()?).cloned());
    Some(Said { at: at.as_integer()?, message: shortened(message.to_string(), MESSAGE_LIMIT), about: about.collect() })
}

fn elements<'j, 't>(array: &'j Json<'t>) -> Option<&'j [Json<'t>]> {
    if let Json::Array(elements) = array { Some(elements) } else { None }
}

fn read_count(count: &Json<'_>) -> Option<u64> {
    u64::try_from(count.as_integer()?).ok()
}

fn status_of(code: &Json<'_>) -> Option<Status> {
    let code = code.as_integer()?;
    Status::ALL.into_iter().find(|status| i64::from(code_of(*status)) == code)
}

fn read_percentages(periods: Option<&Json<'_>>) -> Result<BTreeMap<i64, Percentiles>, NotAHistory> {
    let Some(periods) = periods else { return Ok(BTreeMap::new()) };
    let (p50, p95) = (periods.array("p50")?, periods.array("p95")?);
    let wrong = NotAHistory::Contradictory("a percentile");
    if p50.len() != p95.len() {
        return Err(wrong);
    }
    let from = read_from(periods).ok_or(wrong.clone())?;
    let mut read = BTreeMap::new();
    for (period, (p50, p95)) in (from..).zip(p50.iter().zip(p95)) {
        if p50.as_integer() != Some(-1) || p95.as_integer() != Some(-1) {
            let bucket = |place| Bucket::at(read_count(place)?);
            let (Some(p50), Some(p95)) = (bucket(p50), bucket(p95)) else { return Err(wrong) };
            read.insert(period, Percentiles { p50, p95 });
        }
    }
    Ok(read)
}

/// Reads JSON of the version that is known.
fn read(content: &[u8]) -> Result<Json<'_>, NotAHistory> {
    let text = std::str::from_utf8(content).map_err(|error| NotAHistory::Malformed(error.to_string()))?;
    let written = json::parse(text).map_err(|error| NotAHistory::Malformed(error.to_string()))?;
    match required(written.integer("version")?, "version")? {
        version if version == i64::from(VERSION) => Ok(written),
        other => Err(NotAHistory::Newer(other)),
    }
}

fn required<T>(value: Option<T>, key: &str) -> Result<T, NotAHistory> {
    value.ok_or_else(|| NotAHistory::Malformed(format!("`{key}` is missing")))
}

fn read_node(written: &Json<'_>) -> Result<Option<NodeName>, NotAHistory> {
    let node = written.text("node")?.map(NodeName::new);
    node.transpose().map_err(|_| NotAHistory::Contradictory("the node's name"))
}

fn read_key(written: &Json<'_>) -> Result<EndpointKey, NotAHistory> {
    let title = required(written.text("title")?, "title")?.to_owned();
    let locator = required(written.text("endpoint")?, "endpoint")?.to_owned();
    Ok(EndpointKey { title: shortened(title, TITLE_LIMIT), locator: shortened(locator, LOCATOR_LIMIT) })
}

/// Reads a column; `read` gives `None` for what is wrong and `Some(None)` for nothing.
fn read_column<V>(
    column: Option<&Json<'_>>,
    read: impl Fn(&Json<'_>) -> Option<Option<V>>,
    what: &'static str,
) -> Result<BTreeMap<i64, V>, NotAHistory> {
    let Some(column) = column else { return Ok(BTreeMap::new()) };
    let wrong = NotAHistory::Contradictory(what);
    let from = read_from(column).ok_or(wrong.clone())?;
    let mut periods = BTreeMap::new();
    for (period, value) in (from..).zip(column.array("each")?) {
        if let Some(value) = read(value).ok_or(wrong.clone())? {
            periods.insert(period, value);
        }
    }
    Ok(periods)
}

/// The first period, far from where numbers end, so that nobody has to fear reckoning with it.
fn read_from(column: &Json<'_>) -> Option<i64> {
    column.get("from")?.as_integer().filter(|from| u32::try_from(from.unsigned_abs()).is_ok())
}

fn read_sketches(column: Option<&Json<'_>>) -> Result<BTreeMap<i64, Sketch>, NotAHistory> {
    let read = |numbers: &Json<'_>| {
        let numbers: Vec<u64> = elements(numbers)?.iter().map(read_count).collect::<Option<_>>()?;
        Sketch::from_numbers(&numbers).map(|sketch| (!sketch.is_empty()).then_some(sketch))
    };
    read_column(column, read, "a sketch")
}

//! Parses histories into rows in the order of the file, which is all that a reader needs. The page uses the rows; the
//! checker converts them to the maps of [`History`] and [`Latencies`] to add to them.
//!
//! Unlike check files, histories are parsed strictly: an inconsistent one would lead to wrong figures, and it can be
//! rebuilt from the check files.

use super::document::{Document, each_endpoint, inconsistent, list, number, numbers, read, read_node, text};
use super::format::{InvalidHistory, status_of};
use super::{
    DAYS_PER_BLOCK, DuplicateNodeEvidence, EVENT_LIMIT, EndpointHistory, Event, HOURS_PER_DAY, History, Latencies,
    LatestResult, OVERLAP, Percentiles, PostedMessage, Sketches, duplicate_node_evidence, start_of_day,
};
use crate::check_file::{EndpointKey, LOCATOR_LIMIT, MESSAGE_LIMIT, TITLE_LIMIT, id_of, objective_of, shortened};
use crate::json::Json;
use crate::latency::{Bucket, Sketch};
use crate::object_name::{CheckFileName, NodeName};
use crate::status::Status;
use crate::uptime::{LONGEST_INTERVAL, Observation, Span, StatusTimeline, validity};
use crate::{DAY, HOUR, Nanos, UnixNanos};

/// Values keyed by hour, day or block numbers, in ascending order.
pub type Series<T> = Vec<(i64, T)>;

/// A [`History`] as rows in file order.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct HistoryRows {
    /// The node's name, or `None` for check files without a node.
    pub node: Option<NodeName>,
    /// The endpoints in key order.
    pub endpoints: Vec<EndpointRows>,
    /// Messages, in the order of their rounds.
    pub messages: Vec<MessageRow>,
    /// When the newest file was stored, or 0 if there are no files.
    pub newest: UnixNanos,
    /// The storage times of the newest file and of all files that are at most [`OVERLAP`] older, in order.
    pub(super) recent: Vec<UnixNanos>,
    /// The number of files per day, keyed by days since 1970 (UTC).
    pub(super) files: Series<u64>,
    /// The shortest interval of any endpoint.
    interval: Option<Nanos>,
}

/// An [`EndpointHistory`] as rows in file order.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct EndpointRows {
    /// The title and locator, by which the rows are sorted.
    pub key: EndpointKey,
    /// The status over time, as this node alone saw it.
    pub timeline: StatusTimeline,
    /// The newest result, except for its status.
    pub latest: LatestResult,
    /// Percentiles of each closed day, keyed by days since 1970 (UTC).
    pub days: Series<Percentiles>,
    /// Percentiles of each closed hour, keyed by hours since 1970.
    pub hours: Series<Percentiles>,
    /// Latency sketches of recent hours, whose percentiles can still change.
    pub open: Series<Sketch>,
    /// The reasons for degraded and down spans: the first event of each error of a day, then the repeated ones.
    pub events: Vec<Event>,
}

/// A [`PostedMessage`] that refers to endpoints by index instead of key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MessageRow {
    /// When the round was stored.
    pub at: UnixNanos,
    /// The message in limited HTML, exactly as it was posted (see [`crate::message`]).
    pub message: String,
    /// The indexes of the endpoints that the message is about.
    pub about: Vec<usize>,
}

/// [`Latencies`] as rows in file order.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct LatencyRows {
    /// The node's name, or `None` for check files without a node.
    pub node: Option<NodeName>,
    /// The endpoints in key order.
    pub endpoints: Vec<SketchRows>,
    /// The first day that is not closed.
    pub(super) until: i64,
}

/// [`Sketches`] as rows in file order.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct SketchRows {
    /// The title and locator, by which the rows are sorted.
    pub key: EndpointKey,
    /// Hourly sketches, keyed by hours since 1970 and kept for [`super::HOURLY_RETENTION`].
    pub hours: Series<Sketch>,
    /// Daily sketches, keyed by days since 1970 (UTC).
    pub days: Series<Sketch>,
    /// Sketches of older data in blocks of 28 days, keyed by blocks since 1970.
    pub blocks: Series<Sketch>,
}

impl History {
    /// Parses the output of [`History::to_json`]. Any inconsistency is an error.
    pub fn parse(content: &[u8]) -> Result<History, InvalidHistory> {
        // Convert each endpoint immediately: the rows of all endpoints would take as much memory as the history.
        let mut endpoints: Vec<(EndpointKey, Box<EndpointHistory>)> = Vec::new();
        let rows = HistoryRows::parse_each(content, &mut |rows, json| {
            let EndpointRows { key, timeline, latest, days, hours, open, mut events } = rows;
            events.sort_unstable();
            let (days, hours) = (days.into_iter().collect(), hours.into_iter().collect());
            let former = read_former(json);
            endpoints.push((key, Box::new(EndpointHistory { timeline, latest, days, hours, open, events, former })));
        })?;
        let HistoryRows { node, messages, newest, recent, files, .. } = rows;
        let key = |index: &usize| endpoints.get(*index).map(|(key, _)| key.clone());
        let posted = messages.into_iter().map(|row| PostedMessage {
            at: row.at,
            message: row.message,
            about: row.about.iter().filter_map(key).collect(),
        });
        Ok(History {
            node,
            messages: posted.collect(),
            newest,
            recent: recent.into_iter().collect(),
            files: files.into_iter().collect(),
            endpoints: endpoints.into_iter().collect(),
        })
    }
}

impl Latencies {
    /// Parses the output of [`Latencies::to_json`]. Any inconsistency is an error.
    pub fn parse(content: &[u8]) -> Result<Latencies, InvalidHistory> {
        let LatencyRows { node, endpoints, until } = LatencyRows::parse(content)?;
        let sketches = |rows: SketchRows| {
            let sketches = Sketches {
                hours: rows.hours.into_iter().collect(),
                days: rows.days.into_iter().collect(),
                blocks: rows.blocks.into_iter().collect(),
            };
            (rows.key, sketches)
        };
        Ok(Latencies { node, endpoints: endpoints.into_iter().map(sketches).collect(), until })
    }
}

impl HistoryRows {
    /// Parses the output of [`History::to_json`]. Any inconsistency is an error.
    pub fn parse(content: &[u8]) -> Result<HistoryRows, InvalidHistory> {
        let mut endpoints = Vec::new();
        let rows = HistoryRows::parse_each(content, &mut |endpoint, _| endpoints.push(endpoint))?;
        let interval = endpoints.iter().filter_map(|endpoint| endpoint.timeline.last?.interval).min();
        Ok(HistoryRows { endpoints, interval, ..rows })
    }

    /// Like [`HistoryRows::parse`], but passes each endpoint to `take` instead of returning it. Its JSON contains members
    /// that `EndpointRows` omits.
    fn parse_each(
        content: &[u8],
        take: &mut dyn FnMut(EndpointRows, &Json<'_>),
    ) -> Result<HistoryRows, InvalidHistory> {
        let Document { members: json, endpoints: text } = read(content)?;
        let newest = number(json.get("newest"))
            .filter(|newest| *newest >= 0)
            .ok_or(inconsistent("the time of the newest file"))?;
        let mut recent = Vec::new();
        let mut time: UnixNanos = 0;
        for step in numbers(json.get("recent")).ok_or(inconsistent("the list of recent files"))? {
            time = time.checked_add(step).filter(|_| step > 0).ok_or(inconsistent("the list of recent files"))?;
            recent.push(time);
        }
        if recent.last().is_some_and(|last| *last != newest) {
            return Err(inconsistent("the time of the newest file"));
        }
        let files = row(json.get("files"), "each", |count| match u64::try_from(count.as_integer()?).ok()? {
            0 => Some(None),
            count => Some(Some(count)),
        });
        let longest = newest.saturating_add(DAY + validity(LONGEST_INTERVAL));
        each_endpoint(text, &mut |json| {
            let endpoint = EndpointRows::read(json)?;
            if endpoint.timeline.spans.last().is_some_and(|last| last.end > longest) {
                return Err(inconsistent("a span"));
            }
            // Otherwise, a result from the far future would keep a silent node from being late.
            if endpoint.timeline.valid_until().is_some_and(|until| until > longest) {
                return Err(inconsistent("the newest result"));
            }
            take(endpoint, json);
            Ok(())
        })?;
        let messages = list(json.get("messages")).and_then(|messages| messages.iter().map(read_message).collect());
        Ok(HistoryRows {
            node: read_node(&json)?,
            interval: None,
            endpoints: Vec::new(),
            messages: messages.ok_or(inconsistent("a message"))?,
            newest,
            recent,
            files: files.ok_or(inconsistent("the number of files"))?,
        })
    }

    /// Returns where to start listing check files that the history may not include.
    #[must_use]
    pub fn list_from(&self) -> UnixNanos {
        self.newest.saturating_sub(OVERLAP).max(0)
    }

    /// Returns whether the history includes a file of this node. Files older than [`OVERLAP`] are assumed to be
    /// included.
    #[must_use]
    pub fn covers(&self, name: &CheckFileName) -> bool {
        name.stored_at < self.list_from() || self.recent.binary_search(&name.stored_at).is_ok()
    }

    /// Returns the same evidence as [`History::duplicate_node_evidence`].
    #[must_use]
    pub fn duplicate_node_evidence(&self) -> Option<DuplicateNodeEvidence> {
        duplicate_node_evidence(self.newest, self.interval, self.files.iter().copied())
    }
}

impl EndpointRows {
    fn read(json: &Json<'_>) -> Result<EndpointRows, InvalidHistory> {
        let triples = numbers(json.get("spans")).ok_or(inconsistent("a span"))?;
        let mut spans = Vec::with_capacity(triples.len() / 3);
        let mut end: UnixNanos = 0;
        for triple in triples.chunks(3) {
            let span = read_span(triple, end).ok_or(inconsistent("a span"))?;
            end = span.end;
            spans.push(span);
        }
        let last = match list(json.get("last")) {
            Some([]) => None,
            Some(last) => Some(read_last(last).ok_or(inconsistent("the newest result"))?),
            None => return Err(inconsistent("the newest result")),
        };
        let events = read_events(json, &spans);
        let count = |name: &str| number(json.get(name)).unwrap_or(0).max(0);
        Ok(EndpointRows {
            key: read_key(json)?,
            timeline: StatusTimeline {
                spans,
                last,
                recent_without_interval: numbers(json.get("without_interval"))
                    .ok_or(inconsistent("the newest result"))?,
                last_without_interval: number(json.get("untold")),
            },
            latest: LatestResult {
                position: count("place") as usize,
                kind: shortened(text(json.get("kind")).unwrap_or_default().to_owned(), TITLE_LIMIT),
                threshold: count("threshold"),
                quorum: text(json.get("verdict")).unwrap_or_default().parse().unwrap_or_default(),
                objective: objective_of(json),
                reason: text(json.get("reason")).map(|reason| shortened(reason.to_owned(), EVENT_LIMIT).into()),
            },
            days: percentiles(json.get("days"))?,
            hours: percentiles(json.get("hours"))?,
            open: sketches(json.get("open"))?,
            events: events.ok_or(inconsistent("an event"))?,
        })
    }

    /// Returns hourly percentiles, including those of hours that are not closed.
    #[must_use]
    pub fn by_hour(&self) -> Series<Percentiles> {
        let mut row = self.hours.clone();
        row.extend(to_percentiles(&self.open));
        row
    }

    /// Returns daily percentiles, including those of days that are not closed.
    #[must_use]
    pub fn by_day(&self) -> Series<Percentiles> {
        let mut days: Series<Sketch> = Vec::new();
        for (hour, sketch) in &self.open {
            let day = hour.div_euclid(HOURS_PER_DAY);
            match days.last_mut().filter(|(last, _)| *last == day) {
                Some((_, sum)) => sum.merge(sketch),
                None => days.push((day, sketch.clone())),
            }
        }
        let mut row = self.days.clone();
        row.extend(to_percentiles(&days));
        row
    }
}

fn to_percentiles(row: &Series<Sketch>) -> Series<Percentiles> {
    row.iter().filter_map(|(period, sketch)| Some((*period, Percentiles::from_sketch(sketch)?))).collect()
}

impl LatencyRows {
    /// Parses the output of [`Latencies::to_json`]. Any inconsistency is an error.
    pub fn parse(content: &[u8]) -> Result<LatencyRows, InvalidHistory> {
        let Document { members: json, endpoints: text } = read(content)?;
        let mut endpoints = Vec::new();
        each_endpoint(text, &mut |json| {
            endpoints.push(SketchRows {
                key: read_key(json)?,
                hours: sketches(json.get("hours"))?,
                days: sketches(json.get("days"))?,
                blocks: sketches(json.get("blocks"))?,
            });
            Ok(())
        })?;
        Ok(LatencyRows {
            node: read_node(&json)?,
            endpoints,
            until: number(json.get("until")).ok_or(inconsistent("the number of the last day"))?,
        })
    }
}

impl SketchRows {
    /// Adds the latencies of a period (`from <= t < to`) to `sum`: all hours, days or blocks whose middle is in the
    /// period.
    pub fn add_between(&self, sum: &mut Sketch, from: UnixNanos, to: UnixNanos) {
        let hours_from = self.hours.first().map_or(UnixNanos::MAX, |(hour, _)| start_of_day(hour.saturating_mul(HOUR)));
        add_between(&self.hours, HOUR, (from, to), UnixNanos::MAX, sum);
        add_between(&self.days, DAY, (from, to), hours_from, sum);
        add_between(&self.blocks, DAYS_PER_BLOCK * DAY, (from, to), hours_from, sum);
    }
}

/// Adds to `sum` the hours that are not closed and whose middle is in a period (`from <= t < to`).
pub fn add_open_between(open: &Series<Sketch>, sum: &mut Sketch, from: UnixNanos, to: UnixNanos) {
    add_between(open, HOUR, (from, to), UnixNanos::MAX, sum);
}

fn add_between(
    row: &Series<Sketch>,
    length: Nanos,
    (from, to): (UnixNanos, UnixNanos),
    excluded_from: UnixNanos,
    sum: &mut Sketch,
) {
    for (number, sketch) in row {
        let start = number.saturating_mul(length);
        let middle = start.saturating_add(length / 2);
        if start < excluded_from && from <= middle && middle < to {
            sum.merge(sketch);
        }
    }
}

fn read_key(json: &Json<'_>) -> Result<EndpointKey, InvalidHistory> {
    let text = |name: &str, limit| Some(shortened(text(json.get(name))?.to_owned(), limit));
    match (text("title", TITLE_LIMIT), text("endpoint", LOCATOR_LIMIT)) {
        (Some(title), Some(locator)) => Ok(EndpointKey { title, locator, id: id_of(json) }),
        _ => Err(inconsistent("the name of an endpoint")),
    }
}

fn read_former(json: &Json<'_>) -> Option<Box<EndpointKey>> {
    let [title, locator] = list(json.get("former"))? else { return None };
    let read = |json, limit| Some(shortened(text(Some(json))?.to_owned(), limit));
    let (title, locator) = (read(title, TITLE_LIMIT)?, read(locator, LOCATOR_LIMIT)?);
    Some(Box::new(EndpointKey { title, locator, id: None }))
}

fn read_span(triple: &[i64], end_before: UnixNanos) -> Option<Span> {
    let &[gap, length, code] = triple else { return None };
    let start = end_before.checked_add(gap).filter(|_| gap >= 0)?;
    let end = start.checked_add(length).filter(|_| length > 0)?;
    let status = status_of(code).filter(|status| *status != Status::Unknown)?;
    Some(Span { start, end, status })
}

fn read_last(last: &[Json]) -> Option<Observation> {
    let [at, code, interval] = last else { return None };
    let interval = interval.as_integer().filter(|interval| *interval > 0);
    Some(Observation { at: at.as_integer()?, status: status_of(code.as_integer()?)?, interval })
}

fn read_event(json: &Json<'_>) -> Option<Event> {
    let [at, reason] = list(Some(json))? else { return None };
    let reason = shortened(text(Some(reason))?.to_owned(), EVENT_LIMIT);
    Some(Event { at: at.as_integer()?, reason: reason.into() })
}

/// Reads the first event of each error, and adds an event for each outage that refers to one of them.
fn read_events(json: &Json<'_>, spans: &[Span]) -> Option<Vec<Event>> {
    let mut events: Vec<Event> = list(json.get("events"))?.iter().map(read_event).collect::<Option<_>>()?;
    let mut outages = spans.iter().filter(|span| span.status >= Status::Degraded);
    let written = events.len();
    for run in numbers(json.get("reasons"))?.chunks(2) {
        let &[count, index] = run else { return None };
        for span in outages.by_ref().take(usize::try_from(count).ok()?) {
            if index >= 0 {
                let first = events[..written].get(usize::try_from(index).ok()?)?.clone();
                if first.at != span.start {
                    events.push(Event { at: span.start, ..first });
                }
            }
        }
    }
    Some(events)
}

fn read_message(json: &Json<'_>) -> Option<MessageRow> {
    let [at, message, about] = list(Some(json))? else { return None };
    let about = numbers(Some(about))?.into_iter().map(|index| usize::try_from(index).ok()).collect::<Option<_>>()?;
    Some(MessageRow { at: at.as_integer()?, message: shortened(text(Some(message))?.to_owned(), MESSAGE_LIMIT), about })
}

/// Reads a column. `read` returns `None` for invalid values and `Some(None)` for periods without a value.
fn row<T>(column: Option<&Json<'_>>, each: &str, read: impl Fn(&Json<'_>) -> Option<Option<T>>) -> Option<Series<T>> {
    let Some(column) = column else { return Some(Vec::new()) };
    let from = number(column.get("from")).unwrap_or(0);
    let each = list(column.get(each))?;
    // This is far below the limits of integers, so arithmetic on period numbers cannot overflow.
    if from.unsigned_abs() > u64::from(u32::MAX) {
        return None;
    }
    let mut row = Vec::with_capacity(each.len());
    for (period, value) in (from..).zip(each) {
        row.extend(read(value)?.map(|value| (period, value)));
    }
    Some(row)
}

fn percentiles(column: Option<&Json<'_>>) -> Result<Series<Percentiles>, InvalidHistory> {
    let bucket = |json: &Json| match json.as_integer()? {
        -1 => Some(None),
        index => Bucket::from_index(u64::try_from(index).ok()?).map(Some),
    };
    let of = |each: &str| row(column, each, bucket).ok_or(inconsistent("a percentile"));
    let (p50, p95) = (of("p50")?, of("p95")?);
    if p50.len() != p95.len() {
        return Err(inconsistent("a percentile"));
    }
    let both = p50.into_iter().zip(p95);
    both.map(
        |((period, p50), (other, p95))| {
            if period == other { Ok((period, Percentiles { p50, p95 })) } else { Err(inconsistent("a percentile")) }
        },
    )
    .collect()
}

fn sketches(column: Option<&Json<'_>>) -> Result<Series<Sketch>, InvalidHistory> {
    let read = |json: &Json| {
        let numbers: Option<Vec<u64>> =
            numbers(Some(json))?.into_iter().map(|number| u64::try_from(number).ok()).collect();
        let sketch = Sketch::from_numbers(&numbers?)?;
        Some((!sketch.is_empty()).then_some(sketch))
    };
    row(column, "each", read).ok_or(inconsistent("a sketch"))
}

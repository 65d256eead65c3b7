//! Writes histories and latencies as JSON, in columns of small numbers, which compress well. [`super::rows`] reads
//! them.

use std::collections::BTreeMap;

use super::{EndpointHistory, Event, History, Latencies, LatestResult, Percentiles, day_of};
use crate::check_file::{EndpointKey, write_objective};
use crate::json_writer::{EscapeMode, JsonWriter, key};
use crate::latency::{Bucket, Sketch};
use crate::quorum::Quorum;
use crate::status::Status;

/// The format version. Readers ignore histories of other versions and read the check files instead.
pub(super) const VERSION: u32 = 1;

/// The expected size of an endpoint in bytes, with some reserve: memory that is not written to takes no space, but a text
/// that outgrows its memory is copied, and then takes up to three times its size.
const ENDPOINT_SIZE: usize = 512;

/// An error for an object that is not a usable history.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidHistory {
    /// The object is not the expected JSON.
    #[error("invalid history: {0}")]
    Malformed(String),
    /// The history was written by a newer program.
    #[error("unsupported history version {0}: this program reads version {VERSION}; update it")]
    UnsupportedVersion(i64),
    /// The history's values contradict each other.
    #[error("invalid history: {0} is inconsistent")]
    Inconsistent(&'static str),
}

impl History {
    /// Returns the history as JSON. Equal histories produce equal bytes.
    #[must_use]
    pub fn to_json(&self) -> String {
        let keys: Vec<&EndpointKey> = self.endpoints.keys().collect();
        let mut writer = JsonWriter::new(EscapeMode::Minimal, self.endpoints.len() * ENDPOINT_SIZE);
        writer.object(|writer| {
            writer.integer_member(key!("version"), VERSION.into());
            if let Some(node) = &self.node {
                writer.string_member(key!("node"), node.as_str());
            }
            writer.integer_member(key!("newest"), self.newest);
            // Writes the first time, then the difference from each time to the next.
            let mut before = 0;
            writer.key(key!("recent"));
            writer.array(&self.recent, |writer, time| writer.integer(time - std::mem::replace(&mut before, *time)));
            writer.key(key!("files"));
            write_column(writer, each(&self.files), |writer, count| writer.integer(*count as i64), "0");
            writer.key(key!("endpoints"));
            writer.array(&self.endpoints, |writer, (key, endpoint)| {
                writer.object(|writer| write_endpoint(writer, key, endpoint));
            });
            if !self.messages.is_empty() {
                writer.key(key!("messages"));
                writer.array(&self.messages, |writer, message| {
                    let indexes = message.about.iter().filter_map(|about| keys.binary_search(&about).ok());
                    writer.array(0..3, |writer, column| match column {
                        0 => writer.integer(message.at),
                        1 => writer.string(&message.message),
                        _ => writer.array(indexes.clone(), |writer, index| writer.integer(index as i64)),
                    });
                });
            }
        });
        writer.finish()
    }
}

fn write_endpoint(writer: &mut JsonWriter, key: &EndpointKey, endpoint: &EndpointHistory) {
    let LatestResult { position, kind, threshold, quorum, objective, reason } = &endpoint.latest;
    writer.string_member(key!("title"), &key.title);
    writer.string_member(key!("endpoint"), &key.locator);
    write_id(writer, key);
    writer.integer_member(key!("place"), *position as i64);
    writer.string_unless_empty(key!("kind"), kind);
    writer.integer_unless_zero(key!("threshold"), *threshold);
    if *quorum != Quorum::default() {
        writer.string_member(key!("verdict"), &quorum.to_string());
    }
    write_objective(writer, objective.as_deref());
    if let Some(reason) = reason {
        writer.string_member(key!("reason"), reason);
    }
    if let Some(former) = &endpoint.former {
        writer.key(key!("former"));
        writer.array([&former.title, &former.locator], |writer, text| writer.string(text));
    }
    // Writes the newest result as its time, status and interval.
    if let Some(last) = &endpoint.timeline.last {
        writer.key(key!("last"));
        writer.array(0..3, |writer, column| match (column, last.interval) {
            (0, _) => writer.integer(last.at),
            (1, _) => writer.integer(code_of(last.status).into()),
            (_, Some(interval)) => writer.integer(interval),
            (_, None) => writer.literal("null"),
        });
    }
    if !endpoint.timeline.recent_without_interval.is_empty() {
        writer.key(key!("without_interval"));
        writer.array(&endpoint.timeline.recent_without_interval, |writer, at| writer.integer(*at));
    }
    if let Some(last_without_interval) = endpoint.timeline.last_without_interval {
        writer.integer_member(key!("untold"), last_without_interval);
    }
    // Writes each span as the gap before it, its length and its status.
    let mut end_before = 0;
    let numbers = endpoint.timeline.spans.iter().flat_map(|span| {
        let gap = span.start - std::mem::replace(&mut end_before, span.end);
        [gap, span.end - span.start, code_of(span.status).into()]
    });
    writer.key(key!("spans"));
    writer.array(numbers, JsonWriter::integer);
    if !endpoint.events.is_empty() {
        write_events(writer, endpoint);
    }
    writer.key(key!("days"));
    write_percentiles(writer, &endpoint.days);
    writer.key(key!("hours"));
    write_percentiles(writer, &endpoint.hours);
    writer.key(key!("open"));
    write_column(writer, endpoint.open.iter().map(|(hour, sketch)| (*hour, sketch)), write_sketch, "[]");
}

/// Writes each error once per day, with the time of its first event. If an error occurred again, `reasons` refers to it
/// by index: for consecutive outages with the same error, it contains their number and the index, or -1 for outages
/// without an error. Programs that do not know `reasons` read the first event of each error.
fn write_events(writer: &mut JsonWriter, endpoint: &EndpointHistory) {
    let mut written: Vec<&Event> = Vec::new();
    let mut runs: Vec<(i64, i64)> = Vec::new();
    let mut events = endpoint.events.iter().peekable();
    for span in endpoint.timeline.spans.iter().filter(|span| span.status >= Status::Degraded) {
        while let Some(event) = events.next_if(|event| event.at < span.start) {
            written.push(event);
        }
        let index = events.next_if(|event| event.at == span.start).map_or(-1, |event| {
            let is_same = |known: &&Event| day_of(known.at) == day_of(event.at) && known.reason == event.reason;
            let index = written.iter().rposition(is_same).unwrap_or(written.len());
            if index == written.len() {
                written.push(event);
            }
            index as i64
        });
        match runs.last_mut() {
            Some((count, last)) if *last == index => *count += 1,
            _ => runs.push((1, index)),
        }
    }
    written.extend(events);
    writer.key(key!("events"));
    writer.array(&written, |writer, event| {
        writer.array(0..2, |writer, column| match column {
            0 => writer.integer(event.at),
            _ => writer.string(&event.reason),
        });
    });
    if written.len() < endpoint.events.len() {
        writer.key(key!("reasons"));
        writer.array(runs.iter().flat_map(|(count, index)| [*count, *index]), JsonWriter::integer);
    }
}

fn write_id(writer: &mut JsonWriter, key: &EndpointKey) {
    writer.string_unless_empty(key!("id"), key.id.as_deref().unwrap_or_default());
}

fn code_of(status: Status) -> u8 {
    match status {
        Status::Unknown => 0,
        Status::Healthy => 1,
        Status::Degraded => 2,
        Status::Down => 3,
    }
}

pub(super) fn status_of(code: i64) -> Option<Status> {
    Status::ALL.into_iter().find(|status| i64::from(code_of(*status)) == code)
}

/// Writes bucket indexes, with -1 for periods without percentiles.
fn write_percentiles(writer: &mut JsonWriter, periods: &BTreeMap<i64, Percentiles>) {
    let index = |bucket: Bucket| bucket.index() as i64;
    writer.object(|writer| {
        writer.integer_member(key!("from"), first(each(periods)));
        writer.key(key!("p50"));
        write_each(writer, each(periods), |writer, percentiles| writer.integer(index(percentiles.p50)), "-1");
        writer.key(key!("p95"));
        write_each(writer, each(periods), |writer, percentiles| writer.integer(index(percentiles.p95)), "-1");
    });
}

fn write_sketch(writer: &mut JsonWriter, sketch: &Sketch) {
    writer.array(sketch.to_numbers(), |writer, number| writer.integer(number as i64));
}

impl Latencies {
    /// Returns the latencies as JSON. Equal latencies produce equal bytes.
    #[must_use]
    pub fn to_json(&self) -> String {
        let mut writer = JsonWriter::new(EscapeMode::Minimal, 0);
        writer.object(|writer| {
            writer.integer_member(key!("version"), VERSION.into());
            if let Some(node) = &self.node {
                writer.string_member(key!("node"), node.as_str());
            }
            writer.integer_member(key!("until"), self.until);
            writer.key(key!("endpoints"));
            writer.array(&self.endpoints, |writer, (key, sketches)| {
                writer.object(|writer| {
                    writer.string_member(key!("title"), &key.title);
                    writer.string_member(key!("endpoint"), &key.locator);
                    write_id(writer, key);
                    let of = [
                        (key!("hours"), &sketches.hours),
                        (key!("days"), &sketches.days),
                        (key!("blocks"), &sketches.blocks),
                    ];
                    for (key, sketches) in of {
                        writer.key(key);
                        write_column(writer, each(sketches), write_sketch, "[]");
                    }
                });
            });
        });
        writer.finish()
    }
}

/// Writes the first period, then one value for each period from there on. `none` is written for periods without a
/// value. Periods are in order.
fn write_column<'a, V: 'a>(
    writer: &mut JsonWriter,
    periods: impl Iterator<Item = (i64, &'a V)> + Clone,
    write: impl FnMut(&mut JsonWriter, &V),
    none: &'static str,
) {
    writer.object(|writer| {
        writer.integer_member(key!("from"), first(periods.clone()));
        writer.key(key!("each"));
        write_each(writer, periods, write, none);
    });
}

fn write_each<'a, V: 'a>(
    writer: &mut JsonWriter,
    periods: impl Iterator<Item = (i64, &'a V)>,
    mut write: impl FnMut(&mut JsonWriter, &V),
    none: &'static str,
) {
    let mut next = None;
    let values = periods.flat_map(|(period, value)| {
        let empty = period - next.replace(period + 1).unwrap_or(period);
        (0..empty).map(|_| None).chain([Some(value)])
    });
    writer.array(values, |writer, value| match value {
        Some(value) => write(writer, value),
        None => writer.literal(none),
    });
}

fn first<'a, V: 'a>(mut periods: impl Iterator<Item = (i64, &'a V)>) -> i64 {
    periods.next().map_or(0, |(period, _)| period)
}

fn each<V>(periods: &BTreeMap<i64, V>) -> impl Iterator<Item = (i64, &V)> + Clone {
    periods.iter().map(|(period, value)| (*period, value))
}

//! The JSON of a history and of its latencies as it is written: columns of small numbers, since they compress to nearly
//! nothing. [`super::rows`] reads it.

use std::collections::BTreeMap;

use super::rows::{EndpointRows, HistoryRows, LatencyRows, SketchRows};
use super::{EndpointHistory, History, Latencies, LatestResult, Percentiles, PostedMessage, Sketches};
use crate::check_file::EndpointKey;
use crate::json_writer::{EscapeMode, JsonWriter, key};
use crate::latency::{Bucket, Sketch};
use crate::quorum::Quorum;
use crate::status::Status;

/// The version that is written. One with another number is not read, and the check files count.
pub(super) const VERSION: u32 = 1;

/// How many bytes an endpoint may come to, so that the text has seldom to be moved while it grows.
const EXPECTED: usize = 384;

/// The object is no history that can be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidHistory {
    /// It is no JSON of ours.
    #[error("invalid history: {0}")]
    Malformed(String),
    /// A newer program wrote it.
    #[error("unsupported history version {0}: this program reads version {VERSION}; update it")]
    UnsupportedVersion(i64),
    /// Its numbers do not add up.
    #[error("invalid history: {0} is inconsistent")]
    Inconsistent(&'static str),
}

impl History {
    /// Writes the content of the object; the same history gives the same bytes.
    #[must_use]
    pub fn to_json(&self) -> String {
        let keys: Vec<&EndpointKey> = self.endpoints.keys().collect();
        let mut writer = JsonWriter::new(EscapeMode::Minimal, self.endpoints.len() * EXPECTED);
        writer.object(|writer| {
            writer.number(key!("version"), VERSION.into());
            if let Some(node) = &self.node {
                writer.text(key!("node"), node.as_str());
            }
            writer.number(key!("newest"), self.newest);
            // The first time, then how much later each other is.
            let mut before = 0;
            writer.key(key!("recent"));
            writer.array(&self.recent, |writer, time| writer.integer(time - std::mem::replace(&mut before, *time)));
            writer.key(key!("files"));
            write_column(writer, each(&self.files), |writer, count| writer.integer(*count as i64), "0");
            writer.key(key!("endpoints"));
            writer.array(&self.endpoints, |writer, (key, past)| writer.object(|writer| write_past(writer, key, past)));
            if !self.messages.is_empty() {
                writer.key(key!("messages"));
                writer.array(&self.messages, |writer, said| {
                    let places = said.about.iter().filter_map(|about| keys.binary_search(&about).ok());
                    writer.array(0..3, |writer, place| match place {
                        0 => writer.integer(said.at),
                        1 => writer.quoted(&said.message),
                        _ => writer.array(places.clone(), |writer, place| writer.integer(place as i64)),
                    });
                });
            }
        });
        writer.finish()
    }

    /// Reads what [`History::to_json`] wrote.
    pub fn parse(content: &[u8]) -> Result<History, InvalidHistory> {
        let HistoryRows { node, endpoints, messages, newest, recent, files, .. } = HistoryRows::parse(content)?;
        let keys: Vec<EndpointKey> = endpoints.iter().map(|past| past.key.clone()).collect();
        let said = messages.into_iter().map(|said| PostedMessage {
            at: said.at,
            message: said.message,
            about: said.about.iter().filter_map(|place| keys.get(*place).cloned()).collect(),
        });
        let past = |past: EndpointRows| {
            Box::new(EndpointHistory {
                timeline: past.timeline,
                latest: past.latest,
                days: past.days.into_iter().collect(),
                hours: past.hours.into_iter().collect(),
                open: past.open,
                events: past.events,
            })
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

fn write_past(writer: &mut JsonWriter, key: &EndpointKey, past: &EndpointHistory) {
    let LatestResult { position, kind, threshold, quorum, reason } = &past.latest;
    writer.text(key!("title"), &key.title);
    writer.text(key!("endpoint"), &key.locator);
    writer.number(key!("place"), *position as i64);
    writer.string_unless_empty(key!("kind"), kind);
    writer.integer_unless_zero(key!("threshold"), *threshold);
    if *quorum != Quorum::default() {
        writer.text(key!("verdict"), &quorum.to_string());
    }
    if let Some(reason) = reason {
        writer.text(key!("reason"), reason);
    }
    // The newest result: its time, its status, its interval.
    if let Some(last) = &past.timeline.last {
        writer.key(key!("last"));
        writer.array(0..3, |writer, place| match (place, last.interval) {
            (0, _) => writer.integer(last.at),
            (1, _) => writer.integer(code_of(last.status).into()),
            (_, Some(interval)) => writer.integer(interval),
            (_, None) => writer.literal("null"),
        });
    }
    if !past.timeline.recent_without_interval.is_empty() {
        writer.key(key!("without_interval"));
        writer.array(&past.timeline.recent_without_interval, |writer, at| writer.integer(*at));
    }
    if let Some(last_without_interval) = past.timeline.last_without_interval {
        writer.number(key!("untold"), last_without_interval);
    }
    // For each span how long after the one before it begins, how long it is, and its status.
    let mut end_before = 0;
    let numbers = past.timeline.spans.iter().flat_map(|span| {
        let gap = span.start - std::mem::replace(&mut end_before, span.end);
        [gap, span.end - span.start, code_of(span.status).into()]
    });
    writer.key(key!("spans"));
    writer.array(numbers, JsonWriter::integer);
    if !past.events.is_empty() {
        writer.key(key!("events"));
        writer.array(&past.events, |writer, event| {
            writer.array(0..2, |writer, place| match place {
                0 => writer.integer(event.at),
                _ => writer.quoted(&event.reason),
            });
        });
    }
    writer.key(key!("days"));
    write_percentiles(writer, &past.days);
    writer.key(key!("hours"));
    write_percentiles(writer, &past.hours);
    writer.key(key!("open"));
    write_column(writer, past.open.iter().map(|(hour, sketch)| (*hour, sketch)), write_sketch, "[]");
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

/// The percentiles of periods that follow each other; buckets by their places, -1 where there is none.
fn write_percentiles(writer: &mut JsonWriter, periods: &BTreeMap<i64, Percentiles>) {
    let place = |bucket: Bucket| bucket.index() as i64;
    writer.object(|writer| {
        writer.number(key!("from"), first(each(periods)));
        writer.key(key!("p50"));
        write_each(writer, each(periods), |writer, percentiles| writer.integer(place(percentiles.p50)), "-1");
        writer.key(key!("p95"));
        write_each(writer, each(periods), |writer, percentiles| writer.integer(place(percentiles.p95)), "-1");
    });
}

fn write_sketch(writer: &mut JsonWriter, sketch: &Sketch) {
    writer.array(sketch.to_numbers(), |writer, number| writer.integer(number as i64));
}

impl Latencies {
    /// Writes the content of the object; the same latencies give the same bytes.
    #[must_use]
    pub fn to_json(&self) -> String {
        let mut writer = JsonWriter::new(EscapeMode::Minimal, 0);
        writer.object(|writer| {
            writer.number(key!("version"), VERSION.into());
            if let Some(node) = &self.node {
                writer.text(key!("node"), node.as_str());
            }
            writer.number(key!("until"), self.until);
            writer.key(key!("endpoints"));
            writer.array(&self.endpoints, |writer, (key, sketches)| {
                writer.object(|writer| {
                    writer.text(key!("title"), &key.title);
                    writer.text(key!("endpoint"), &key.locator);
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

    /// Reads what [`Latencies::to_json`] wrote.
    pub fn parse(content: &[u8]) -> Result<Latencies, InvalidHistory> {
        let LatencyRows { node, endpoints, until } = LatencyRows::parse(content)?;
        let sketches = |each: SketchRows| {
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

/// What each period has, from the first to the last, with `none` where there is nothing; periods come in order.
fn write_column<'a, V: 'a>(
    writer: &mut JsonWriter,
    periods: impl Iterator<Item = (i64, &'a V)> + Clone,
    write: impl FnMut(&mut JsonWriter, &V),
    none: &'static str,
) {
    writer.object(|writer| {
        writer.number(key!("from"), first(periods.clone()));
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
    let places = periods.flat_map(|(period, value)| {
        let empty = period - next.replace(period + 1).unwrap_or(period);
        (0..empty).map(|_| None).chain([Some(value)])
    });
    writer.array(places, |writer, value| match value {
        Some(value) => write(writer, value),
        None => writer.literal(none),
    });
}

/// The first of some periods; 0 if there is none.
fn first<'a, V: 'a>(mut periods: impl Iterator<Item = (i64, &'a V)>) -> i64 {
    periods.next().map_or(0, |(period, _)| period)
}

/// What each period has, with its number.
fn each<V>(periods: &BTreeMap<i64, V>) -> impl Iterator<Item = (i64, &V)> + Clone {
    periods.iter().map(|(period, value)| (*period, value))
}

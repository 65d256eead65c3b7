//! Checks reduced to what the page shows, and the history of an endpoint.

use std::sync::Arc;

use shared::check_file::{CheckResult, answered};
use shared::history::{EndpointRows, Series};
use shared::latency::Sketch;
use shared::response_times;
use shared::sorting::sort_by_integer;
use shared::status::Status;
use shared::uptime::{self, Observation, StatusTimeline};
use shared::{Nanos, UnixNanos};

/// The history of an endpoint, as recorded by one node.
#[derive(Debug)]
pub struct NodeHistory {
    pub timeline: StatusTimeline,
    /// The percentiles of each day and hour, the errors and the newest result, in chronological order.
    pub samples: Vec<Sample>,
    /// The latencies of hours that are not closed.
    pub open: Series<Sketch>,
}

/// A check, or the percentiles of an hour or day.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sample {
    pub at: UnixNanos,
    pub status: Status,
    /// The time until the next check, if the result contains it.
    pub interval: Option<Nanos>,
    /// The round-trip times of the successful attempts.
    pub rtts: Box<[Nanos]>,
    /// When the first successful attempt had finished DNS, connect and TLS and received the first byte, in microseconds
    /// since its start. A phase that was not measured ends when the previous one does.
    pub phases: [u32; 4],
    /// Whether any of the attempts failed.
    pub failed: bool,
    /// The response time above which the endpoint is degraded, or 0 if there is no threshold.
    pub threshold: Nanos,
    /// The reason for the status, or `None` if the endpoint is healthy.
    pub reason: Option<Arc<str>>,
    /// The length of the hour or day, or 0 for a check.
    pub length: Nanos,
}

impl response_times::Sample for Sample {
    fn at(&self) -> UnixNanos {
        self.at
    }

    fn length(&self) -> Nanos {
        self.length
    }

    fn rtts(&self) -> &[Nanos] {
        &self.rtts
    }
}

impl Sample {
    pub(super) fn new(result: &CheckResult) -> Sample {
        let succeeded = result.attempts.iter().find(|attempt| attempt.error.is_none());
        let phases = succeeded.map(|attempt| attempt.phases).unwrap_or_default();
        let mut end = 0_i64;
        let phases = [phases.dns, phases.connect, phases.tls, phases.ttfb].map(|length| {
            end = end.saturating_add(length.unwrap_or(0) / 1_000);
            end.clamp(0, i64::from(u32::MAX)) as u32
        });
        Sample {
            phases,
            at: result.timestamp,
            status: result.status,
            interval: result.interval,
            rtts: answered(&result.attempts),
            failed: result.attempts.iter().any(|attempt| attempt.error.is_some()),
            threshold: result.threshold,
            reason: if result.status == Status::Healthy { None } else { result.reason().map(Arc::from) },
            length: 0,
        }
    }

    /// Returns the status and how long it is valid.
    #[must_use]
    pub fn observation(&self) -> Observation {
        Observation { at: self.at, status: self.status, interval: self.interval }
    }
}

/// Converts a history's response times and errors to samples: one for each hour of the last days, one for each day, one
/// for each error, and one for the newest result.
pub(super) fn samples_from(past: &EndpointRows) -> Vec<Sample> {
    let blank = |at, reason: Option<Arc<str>>| Sample {
        at,
        status: uptime::status_at(&past.timeline.spans, at),
        interval: past.timeline.last.and_then(|last| last.interval),
        rtts: Box::default(),
        phases: [0; 4],
        failed: reason.is_some(),
        threshold: past.latest.threshold,
        reason,
        length: 0,
    };
    let mut samples: Vec<Sample> =
        response_times::from_history(past, |at, length, rtts| Sample { rtts, length, ..blank(at, None) });
    samples.extend(past.events.iter().map(|event| blank(event.at, Some(Arc::clone(&event.reason)))));
    sort_by_integer(&mut samples, |sample| sample.at);
    if let Some(last) = past.timeline.last {
        samples.push(Sample { status: last.status, ..blank(last.at, past.latest.reason.clone()) });
    }
    samples
}

//! One check reduced to what the page shows, and what a node's history says in place of checks. Pure.

use std::sync::Arc;

use shared::check_file::CheckResult;
use shared::history::{EndpointRows, Series};
use shared::latency::Sketch;
use shared::response_times;
use shared::status::Status;
use shared::uptime::{self, Observation, StatusTimeline};
use shared::{Nanos, UnixNanos};

/// What a node's history says of an endpoint.
#[derive(Debug)]
pub struct NodeHistory {
    /// The statuses over time.
    pub timeline: StatusTimeline,
    /// The percentiles of each day or hour, the errors and the newest result, as looks, oldest first.
    pub samples: Vec<Sample>,
    /// The latencies of the hours that are not closed.
    pub open: Series<Sketch>,
}

/// One check, reduced to what the page shows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sample {
    /// When.
    pub at: UnixNanos,
    /// What was concluded.
    pub status: Status,
    /// How long it stands, if it says so.
    pub interval: Option<Nanos>,
    /// The round-trip times of the attempts that were answered well.
    pub rtts: Box<[Nanos]>,
    /// When the first good attempt had looked up the name, was connected, was sure of whom it spoke to, and got the first
    /// byte, in microseconds from its beginning; a phase that nobody timed took no time.
    pub phases: [u32; 4],
    /// Whether any attempt failed.
    pub failed: bool,
    /// The response time above which the endpoint is degraded; 0 is none.
    pub threshold: Nanos,
    /// What was wrong, in words.
    pub reason: Option<Arc<str>>,
    /// The length of the hour or day whose percentiles these are; 0 if it is one check.
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
        let good = result.attempts.iter().find(|attempt| attempt.error.is_none());
        let phases = good.map(|attempt| attempt.phases).unwrap_or_default();
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
            rtts: response_times::answered(&result.attempts),
            failed: result.attempts.iter().any(|attempt| attempt.error.is_some()),
            threshold: result.threshold,
            reason: if result.status == Status::Healthy { None } else { result.reason().map(Arc::from) },
            length: 0,
        }
    }

    /// What it says about time.
    #[must_use]
    pub fn observation(&self) -> Observation {
        Observation { at: self.at, status: self.status, interval: self.interval }
    }
}

/// What a history says about response times and errors, as looks: one for each hour of the last days and for each day,
/// one for each error, and the newest result.
pub(super) fn samples_from(past: &EndpointRows) -> Vec<Sample> {
    let blank = |at, reason: Option<&str>| Sample {
        at,
        status: uptime::status_at(&past.timeline.spans, at),
        interval: past.timeline.last.and_then(|last| last.interval),
        rtts: Box::default(),
        phases: [0; 4],
        failed: reason.is_some(),
        threshold: past.latest.threshold,
        reason: reason.map(Arc::from),
        length: 0,
    };
    let mut samples: Vec<Sample> =
        response_times::from_history(past, |at, length, rtts| Sample { rtts, length, ..blank(at, None) });
    samples.extend(past.events.iter().map(|event| blank(event.at, Some(&event.reason))));
    samples.sort_by_cached_key(|sample| sample.at);
    if let Some(last) = past.timeline.last {
        samples.push(Sample { status: last.status, ..blank(last.at, past.latest.reason.as_deref()) });
    }
    samples
}

//! How everything stands as JSON. All moments and lengths of time are in nanoseconds; all arithmetic is
//! [`shared`]'s.

use serde_json::{Value, json};
use shared::UnixNanos;
use shared::aggregate::EndpointStatus;
use shared::history::{EndpointRows, History, HistoryRows, InvalidHistory, Latencies, LatencyRows};
use shared::latency::Sketch;
use shared::object_name::NodeName;
use shared::response_times::{
    LatencySketches, Measurement, PERCENTILES, Resolution, add_node, from_history, known, stats,
};
use shared::status::Status;
use shared::uptime::{Ratio, Span, UptimeBreakdown, current_span, gaps, outages};

use super::{Told, name_of};
use crate::recorder::history_reader::CheckMeasurements;

/// What is told on request.
pub(super) struct Details<'a> {
    /// The edges of the hours or days.
    pub(super) edges: &'a [UnixNanos],
    /// What response times are told from.
    pub(super) measurements: Measurements,
}

/// What response times are told from, as the page reads it.
pub(super) enum Measurements {
    /// Every check of the period.
    Checks(CheckMeasurements),
    /// What the nodes keep of longer ones.
    Histories {
        /// The percentiles of hours and days.
        outlines: Vec<HistoryRows>,
        /// The sketches.
        latencies: Vec<LatencyRows>,
    },
}

impl Measurements {
    /// Those that these nodes keep.
    pub(super) fn kept(histories: &[History], latencies: &[Latencies]) -> Result<Measurements, InvalidHistory> {
        let outlines = histories.iter().map(|history| HistoryRows::parse(history.to_json().as_bytes()));
        let latencies = latencies.iter().map(|latencies| LatencyRows::parse(latencies.to_json().as_bytes()));
        Ok(Measurements::Histories {
            outlines: outlines.collect::<Result<_, _>>()?,
            latencies: latencies.collect::<Result<_, _>>()?,
        })
    }

    /// The response times of an endpoint from `from` to `now`, in a period that ends at `to`.
    fn told(&self, standing: &EndpointStatus, from: UnixNanos, to: UnixNanos, now: UnixNanos) -> Value {
        let samples = self.samples(standing);
        let all = || samples.iter().flat_map(|samples| known(samples, &[], from, now + 1));
        let resolution = Resolution::for_period(all(), to - from);
        let chosen: Vec<&Measurement> = all().filter(|sample| resolution.includes(*sample)).collect();
        let stats = stats(&chosen);
        let sum = self.sum(standing, (from, now + 1));
        let of_attempts = stats.filter(|_| matches!(self, Measurements::Checks(_)));
        let mut told = json!({
            "of": if matches!(self, Measurements::Checks(_)) { "checks" } else { "percentiles" },
            "median": stats.map(|stats| stats.median),
            "min": stats.map(|stats| stats.min),
            "max": stats.map(|stats| stats.max),
            "p95_of_attempts": of_attempts.map(|stats| stats.p95),
        });
        for percent in PERCENTILES {
            let time = sum.as_ref().and_then(|sum| Some(sum.percentile(percent)?.time()));
            told[format!("p{percent}")] = json!(time);
        }
        told
    }

    /// What is known of each node, in the order of time.
    fn samples(&self, standing: &EndpointStatus) -> Vec<Vec<Measurement>> {
        match self {
            Measurements::Checks(checks) => checks_of(checks, standing).cloned().collect(),
            Measurements::Histories { outlines, .. } => {
                let pasts = outlines.iter().filter_map(|outline| past_of(outline, standing));
                let in_order = |past| {
                    let mut measured = from_history(past, |at, length, rtts| Measurement { at, length, rtts });
                    measured.sort_by_cached_key(|one| one.at);
                    measured
                };
                pasts.map(in_order).collect()
            }
        }
    }

    /// The sketch of all times; `None` if a node's are missing.
    fn sum(&self, standing: &EndpointStatus, period: (UnixNanos, UnixNanos)) -> Option<Sketch> {
        let mut sum = Sketch::default();
        match self {
            Measurements::Checks(checks) => {
                checks_of(checks, standing).for_each(|checks| add_node(&mut sum, None, checks.iter(), period));
            }
            Measurements::Histories { outlines, latencies } => {
                for outline in outlines {
                    let Some(past) = past_of(outline, standing) else { continue };
                    let known = latencies.iter().find(|known| known.node == outline.node)?;
                    let closed = known.endpoints.iter().find(|sketches| sketches.key == standing.key);
                    let newest = past.timeline.last.map(|last| last.at);
                    // The history reaches up to the newest check.
                    let behind = std::iter::empty::<&Measurement>();
                    add_node(&mut sum, Some(LatencySketches { closed, open: &past.open, newest }), behind, period);
                }
            }
        }
        Some(sum)
    }
}

fn checks_of<'a>(
    checks: &'a CheckMeasurements,
    standing: &EndpointStatus,
) -> impl Iterator<Item = &'a Vec<Measurement>> {
    let nodes = standing.nodes.iter().map(|node| node.node.clone());
    let keys: Vec<_> = nodes.map(|node| (node, standing.key.clone())).collect();
    keys.into_iter().filter_map(|key| checks.get(&key))
}

fn past_of<'a>(outline: &'a HistoryRows, standing: &EndpointStatus) -> Option<&'a EndpointRows> {
    outline.endpoints.iter().find(|past| past.key == standing.key)
}

impl Told {
    pub(super) fn json(&self, details: Option<&Details<'_>>) -> Value {
        let endpoints = self.standings.iter().zip(&self.statuses);
        let endpoints = endpoints.map(|(standing, (_, is_retired))| self.endpoint(standing, *is_retired, details));
        let nodes: Vec<Value> = self.histories.iter().map(|history| self.node(history)).collect();
        let count =
            |wanted| self.statuses.iter().filter(|(status, is_retired)| *status == wanted && !is_retired).count();
        json!({
            "from": self.from,
            "now": self.now,
            "status": self.overall().as_str(),
            "counts": {
                "healthy": count(Status::Healthy),
                "degraded": count(Status::Degraded),
                "down": count(Status::Down),
                "unknown": count(Status::Unknown),
                "retired": self.statuses.iter().filter(|(_, is_retired)| *is_retired).count(),
            },
            "checked": self.standings.iter().filter_map(EndpointStatus::last_checked).max(),
            "unobserved": self.unobserved(),
            "endpoints": endpoints.collect::<Vec<_>>(),
            "nodes": nodes,
        })
    }

    fn endpoint(&self, standing: &EndpointStatus, is_retired: bool, details: Option<&Details<'_>>) -> Value {
        let (present, spans) = (standing.tally(self.now), standing.spans(self.now));
        let down_from = present.down.iter().map(|place| name_of(standing.nodes[*place].node.as_ref()));
        let nodes = standing.nodes.iter().zip(standing.votes(self.now)).map(|(node, status)| {
            json!({ "node": node.node.as_ref().map(NodeName::as_str), "status": status.as_str(), "checked": node.last_checked })
        });
        let mut told = json!({
            "title": standing.key.title,
            "endpoint": standing.key.locator,
            "verdict": standing.quorum().to_string(),
            "status": present.status.as_str(),
            "since": current_span(&spans, present.status, self.now).map(|span| span.start),
            "checked": standing.last_checked(),
            "retired": is_retired,
            "localized": present.is_localized(),
            "down_from": down_from.collect::<Vec<_>>(),
            "heard": present.voters,
            "nodes": nodes.collect::<Vec<_>>(),
            "incidents": outages(&spans, self.from).map(|span| self.incident(span)).collect::<Vec<_>>(),
        });
        put(&mut told, &UptimeBreakdown::from_spans(&spans, self.from, self.now));
        if let Some(details) = details {
            let slots = details.edges.windows(2).map(|edges| {
                let breakdown = UptimeBreakdown::from_spans(&spans, edges[0], edges[1].min(self.now));
                let mut slot = json!({ "start": edges[0], "end": edges[1], "status": breakdown.worst().as_str() });
                put(&mut slot, &breakdown);
                slot
            });
            told["slots"] = slots.collect();
            let to = details.edges.last().copied().unwrap_or(self.now);
            told["response_times"] = details.measurements.told(standing, self.from, to, self.now);
        }
        told
    }

    /// When nobody looked at anything.
    fn unobserved(&self) -> Vec<Value> {
        let spans: Vec<Span> = self.standings.iter().flat_map(|standing| standing.spans(self.now)).collect();
        let holes = gaps(spans.iter(), self.from, self.now);
        holes
            .iter()
            .map(|hole| json!({ "start": hole.start, "end": hole.end, "length": hole.end - hole.start }))
            .collect()
    }

    fn incident(&self, span: &Span) -> Value {
        let end = Some(span.end).filter(|end| *end < self.now);
        json!({ "status": span.status.as_str(), "start": span.start, "end": end, "length": span.end - span.start })
    }

    fn node(&self, history: &History) -> Value {
        let crowd = history.duplicate_node_evidence();
        json!({
            "node": history.node.as_ref().map(NodeName::as_str),
            "newest": history.newest(),
            "late": history.is_overdue(self.now),
            "shared_name": crowd.is_some(),
        })
    }
}

/// Puts shares and times beside what is told.
fn put(told: &mut Value, breakdown: &UptimeBreakdown) {
    let share = |share: Option<Ratio>| share.map(Ratio::percent);
    told["uptime"] = json!(share(breakdown.uptime()));
    told["coverage"] = json!(share(breakdown.coverage()));
    for status in Status::ALL {
        told[status.as_str()] = json!(breakdown.time(status));
    }
}

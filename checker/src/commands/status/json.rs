//! The JSON output of `checker status`. Times and durations are in nanoseconds. Times are also given as text, because
//! JavaScript and many tools parse numbers as floating-point numbers, which cannot represent them exactly. All figures
//! are computed in [`shared`].

use std::collections::BTreeMap;

use serde::ser::{Serialize, SerializeMap as _, Serializer};
use serde_json::{Map, Value, json};
use shared::UnixNanos;
use shared::announced::Announced;
use shared::civil::rfc3339_nanos;
use shared::endpoint_status::{EndpointStatus, Outage};
use shared::history::{EndpointRows, History, HistoryRows, InvalidHistory, Latencies, LatencyRows};
use shared::latency::Sketch;
use shared::object_name::NodeName;
use shared::post::PlannedWork;
use shared::response_times::{
    LatencySketches, Measurement, PERCENTILES, Resolution, add_node, from_history, known, stats,
};
use shared::status::Status;
use shared::uptime::{Ratio, Span, UptimeBreakdown, current_span, gaps};

use super::{StatusReport, name_of};
use crate::recorder::measurements::CheckMeasurements;

pub(super) struct Details<'a> {
    pub(super) edges: &'a [UnixNanos],
    pub(super) measurements: Measurements,
}

/// The measurements from which response times are computed, as on the page.
pub(super) enum Measurements {
    Checks(CheckMeasurements),
    /// Used for periods longer than [`shared::response_times::MAX_CHECK_RANGE`], which have too many check files to
    /// read.
    Histories {
        /// Percentiles by hour and day.
        outlines: Vec<HistoryRows>,
        latencies: Vec<LatencyRows>,
    },
}

impl Measurements {
    pub(super) fn from_histories(
        histories: &[History],
        latencies: &[Latencies],
    ) -> Result<Measurements, InvalidHistory> {
        let outlines = histories.iter().map(|history| HistoryRows::parse(history.to_json().as_bytes()));
        let latencies = latencies.iter().map(|latencies| LatencyRows::parse(latencies.to_json().as_bytes()));
        Ok(Measurements::Histories {
            outlines: outlines.collect::<Result<_, _>>()?,
            latencies: latencies.collect::<Result<_, _>>()?,
        })
    }

    /// Returns an endpoint's response times from `from` to `now`, in a period that ends at `to`.
    fn to_json(&self, endpoint: &EndpointStatus<'_>, from: UnixNanos, to: UnixNanos, now: UnixNanos) -> Value {
        let samples = self.samples(endpoint);
        let all = || samples.iter().flat_map(|samples| known(samples, &[], from, now + 1));
        let resolution = Resolution::for_period(all(), to - from);
        let chosen: Vec<&Measurement> = all().filter(|sample| resolution.includes(*sample)).collect();
        let stats = stats(&chosen);
        let sum = self.sum(endpoint, (from, now + 1));
        let of_attempts = stats.filter(|_| matches!(self, Measurements::Checks(_)));
        let mut json = json!({
            "of": if matches!(self, Measurements::Checks(_)) { "checks" } else { "percentiles" },
            "median": stats.map(|stats| stats.median),
            "min": stats.map(|stats| stats.min),
            "max": stats.map(|stats| stats.max),
            "p95_of_attempts": of_attempts.map(|stats| stats.p95),
        });
        for percent in PERCENTILES {
            let time = sum.as_ref().and_then(|sum| Some(sum.percentile(percent)?.time()));
            json[format!("p{percent}")] = json!(time);
        }
        json
    }

    /// Returns each node's measurements in chronological order.
    fn samples(&self, endpoint: &EndpointStatus<'_>) -> Vec<Vec<Measurement>> {
        match self {
            Measurements::Checks(checks) => checks_of(checks, endpoint).cloned().collect(),
            Measurements::Histories { outlines, .. } => {
                let rows = outlines.iter().filter_map(|outline| rows_of(outline, endpoint));
                let in_order = |past| {
                    let mut measured = from_history(past, |at, length, rtts| Measurement { at, length, rtts });
                    measured.sort_by_cached_key(|one| one.at);
                    measured
                };
                rows.map(in_order).collect()
            }
        }
    }

    /// Returns the combined sketch of all response times, or `None` if a node has no sketches.
    fn sum(&self, endpoint: &EndpointStatus<'_>, period: (UnixNanos, UnixNanos)) -> Option<Sketch> {
        let mut sum = Sketch::default();
        match self {
            Measurements::Checks(checks) => {
                checks_of(checks, endpoint).for_each(|checks| add_node(&mut sum, None, checks.iter(), period));
            }
            Measurements::Histories { outlines, latencies } => {
                for outline in outlines {
                    let Some(past) = rows_of(outline, endpoint) else { continue };
                    let known = latencies.iter().find(|known| known.node == outline.node)?;
                    let closed = known.endpoints.iter().find(|sketches| sketches.key.is_same_endpoint(&endpoint.key));
                    let newest = past.timeline.last.map(|last| last.at);
                    // The history extends to the newest check, so there are no newer measurements.
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
    endpoint: &EndpointStatus<'_>,
) -> impl Iterator<Item = &'a Vec<Measurement>> {
    let nodes = endpoint.nodes.iter().filter_map(|node| checks.get(&node.node.cloned()));
    let exact = nodes.filter_map(|checks| checks.get(&*endpoint.key));
    // Results with another title or locator belong to the endpoint only if they have the same id.
    let all = if endpoint.key.id.is_some() { Some(checks) } else { None };
    let others = all.into_iter().flat_map(BTreeMap::values).flatten().filter(|(key, _)| **key != *endpoint.key);
    exact.chain(others.filter(|(key, _)| key.is_same_endpoint(&endpoint.key)).map(|(_, checks)| checks))
}

pub(super) fn rows_of<'a>(outline: &'a HistoryRows, endpoint: &EndpointStatus<'_>) -> Option<&'a EndpointRows> {
    outline.endpoints.iter().find(|past| past.key.is_same_endpoint(&endpoint.key))
}

/// The JSON output of a report. Endpoints are converted only when they are written, because thousands of them with all
/// their details would take too much memory.
pub(super) struct JsonReport<'a> {
    pub(super) report: &'a StatusReport<'a>,
    pub(super) details: Option<&'a Details<'a>>,
}

/// The key of the endpoints, which [`JsonReport`] writes one at a time.
const ENDPOINTS: &str = "endpoints";

impl Serialize for JsonReport<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        for (key, value) in self.report.members() {
            if key == ENDPOINTS {
                map.serialize_entry(&key, &JsonEndpoints(self))?;
            } else {
                map.serialize_entry(&key, &value)?;
            }
        }
        map.end()
    }
}

struct JsonEndpoints<'a>(&'a JsonReport<'a>);

impl Serialize for JsonEndpoints<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let JsonReport { report, details } = self.0;
        serializer.collect_seq(report.endpoints.iter().zip(&report.statuses).map(|(endpoint, (_, is_retired))| {
            let mut json = report.endpoint(endpoint, *is_retired, *details);
            insert_texts_of_times(&mut json);
            json
        }))
    }
}

impl StatusReport<'_> {
    /// Returns all members of the JSON output. The endpoints are empty.
    fn members(&self) -> Map<String, Value> {
        let nodes: Vec<Value> = self.histories.iter().map(|history| self.node(history)).collect();
        let count =
            |wanted| self.statuses.iter().filter(|(status, is_retired)| *status == wanted && !is_retired).count();
        let mut json = json!({
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
            "checked": self.endpoints.iter().filter_map(EndpointStatus::last_checked).max(),
            "unobserved": self.unobserved(),
            ENDPOINTS: [],
            "nodes": nodes,
            "announced": Announced::new(self.posted.announcements, self.now),
        });
        insert_texts_of_times(&mut json);
        match json {
            Value::Object(members) => members,
            _ => Map::new(),
        }
    }

    fn endpoint(&self, endpoint: &EndpointStatus<'_>, is_retired: bool, details: Option<&Details<'_>>) -> Value {
        let (tally, spans) = (endpoint.tally(self.now), endpoint.spans(self.now));
        let down_from = tally.down.iter().map(|index| name_of(endpoint.nodes[*index].node));
        let nodes = endpoint.nodes.iter().zip(endpoint.votes(self.now)).map(|(node, status)| {
            json!({ "node": node.node.map(NodeName::as_str), "status": status.as_str(), "checked": node.last_checked })
        });
        let planned = self.posted.planned(&endpoint.key.title, &spans);
        let mut json = json!({
            "title": endpoint.key.title,
            "endpoint": endpoint.key.locator,
            "verdict": endpoint.quorum.to_string(),
            "status": tally.status.as_str(),
            "since": current_span(&spans, tally.status, self.now).map(|span| span.start),
            "checked": endpoint.last_checked(),
            "retired": is_retired,
            "planned_until": planned.until(tally.status, self.now),
            "open_incidents": self.posted.open_incidents(&endpoint.key.title, self.now),
            "localized": tally.is_localized(),
            "down_from": down_from.collect::<Vec<_>>(),
            "heard": tally.voters,
            "nodes": nodes.collect::<Vec<_>>(),
            "incidents": endpoint.outages(self.from, self.now).iter().map(|outage| self.incident(endpoint, outage, &planned)).collect::<Vec<_>>(),
        });
        json["uptime_outside_maintenance"] = json!(self.uptime_outside(endpoint).map(Ratio::percent));
        let down = endpoint.down_anywhere(self.now);
        insert_breakdown(&mut json, &spans, &down, self.from, self.now);
        if let Some((objective, budget)) = self.budget(endpoint) {
            json["budget"] = json!({
                "target": objective.target.to_string(),
                "window": objective.window,
                "total": budget.total,
                "spent": budget.spent,
                "left": budget.left(),
                "left_percent": budget.percent_left(),
            });
        }
        if let Some(details) = details {
            let slots = details.edges.windows(2).map(|edges| {
                let mut slot = json!({ "start": edges[0], "end": edges[1] });
                let worst = insert_breakdown(&mut slot, &spans, &down, edges[0], edges[1].min(self.now));
                slot["status"] = json!(worst.as_str());
                slot
            });
            json["slots"] = slots.collect();
            let to = details.edges.last().copied().unwrap_or(self.now);
            json["response_times"] = details.measurements.to_json(endpoint, self.from, to, self.now);
        }
        json
    }

    /// Returns the periods without results.
    fn unobserved(&self) -> Vec<Value> {
        let spans: Vec<Span> = self.endpoints.iter().flat_map(|endpoint| endpoint.spans(self.now)).collect();
        let gaps = gaps(spans.iter(), self.from, self.now);
        gaps.iter().map(|gap| json!({ "start": gap.start, "end": gap.end, "length": gap.end - gap.start })).collect()
    }

    fn incident(&self, endpoint: &EndpointStatus<'_>, outage: &Outage, planned: &PlannedWork) -> Value {
        let Outage { span, is_partial, reason, nodes } = outage;
        let nodes = nodes.iter().map(|index| name_of(endpoint.nodes[*index].node));
        json!({
            "status": span.status.as_str(),
            "localized": is_partial,
            "planned": planned.covers(span),
            "start": span.start,
            "end": Some(span.end).filter(|end| *end < self.now),
            "length": span.end - span.start,
            "reason": reason.as_deref(),
            "nodes": nodes.collect::<Vec<_>>(),
        })
    }

    fn node(&self, history: &History) -> Value {
        let evidence = history.duplicate_node_evidence();
        json!({
            "node": history.node.as_ref().map(NodeName::as_str),
            "newest": history.newest(),
            "late": history.is_overdue(self.now),
            "shared_name": evidence.is_some(),
        })
    }
}

/// The keys whose values are times.
const TIMES: [&str; 8] = ["from", "now", "checked", "since", "start", "end", "newest", "planned_until"];

/// Adds each time as text under an additional key, in all objects.
fn insert_texts_of_times(json: &mut Value) {
    match json {
        Value::Array(elements) => elements.iter_mut().for_each(insert_texts_of_times),
        Value::Object(members) => {
            members.values_mut().for_each(insert_texts_of_times);
            for key in TIMES {
                if let Some(time) = members.get(key) {
                    let text = time.as_i64().map(rfc3339_nanos);
                    members.insert(format!("{key}_rfc3339"), json!(text));
                }
            }
        }
        _ => {}
    }
}

/// Inserts the figures of a period, and returns its worst status. `down` are the periods in which any node reported the
/// endpoint down.
fn insert_breakdown(json: &mut Value, spans: &[Span], down: &[Span], from: UnixNanos, to: UnixNanos) -> Status {
    let breakdown = UptimeBreakdown::from_spans(spans, from, to);
    let percent = |ratio: Option<Ratio>| ratio.map(Ratio::percent);
    json["uptime"] = json!(percent(breakdown.uptime()));
    json["coverage"] = json!(percent(breakdown.coverage()));
    for status in Status::ALL {
        json[status.as_str()] = json!(breakdown.time(status));
    }
    json["partial_outage"] = json!(UptimeBreakdown::from_spans(down, from, to).down - breakdown.down);
    breakdown.worst()
}

//! The figures of all endpoints and nodes in a store, computed by [`shared`] as for the page and `checker status`.

use std::collections::BTreeMap;

use shared::announced::Posted;
use shared::budget::{ErrorBudget, Objective};
use shared::endpoint_map::EndpointMap;
use shared::endpoint_status::{EndpointStatus, current_statuses, endpoint_statuses};
use shared::history::History;
use shared::object_name::NodeName;
use shared::status::Status;
use shared::summary::UNKNOWN_RETENTION;
use shared::uptime::{Ratio, UptimeBreakdown};
use shared::{DAY, Nanos, UnixNanos};

use super::exposition::{Family, Labels, MetricsWriter, SampleValue};
use crate::time_range;

/// The time ranges of uptime and coverage.
pub const RANGES: [(&str, Nanos); 4] = [("24h", DAY), ("7d", 7 * DAY), ("30d", 30 * DAY), ("90d", LONGEST_RANGE)];

/// The range that contains all others of [`RANGES`].
pub const LONGEST_RANGE: Nanos = 90 * DAY;

const STATUS: Family =
    Family::gauge("checkup_endpoint_status", "Whether the endpoint has this status; one of them is 1.");
const UPTIME: Family = Family::gauge("checkup_endpoint_uptime_ratio", "The uptime as a share of the observed time.");
const COVERAGE: Family = Family::gauge("checkup_endpoint_coverage_ratio", "The share of the range that was observed.");
const PLANNED: Family =
    Family::gauge("checkup_endpoint_planned", "Whether announced maintenance covers the current status.");
const TARGET: Family = Family::gauge("checkup_endpoint_slo_target_ratio", "The uptime that the objective requires.");
const BUDGET: Family =
    Family::gauge("checkup_endpoint_error_budget_seconds", "The downtime that the objective allows in its window.");
const SPENT: Family =
    Family::gauge("checkup_endpoint_error_budget_spent_seconds", "The downtime in the objective's window so far.");
const ROUND: Family =
    Family::gauge("checkup_round_timestamp_seconds", "When the node's newest round was stored, in seconds since 1970.");

/// The figures of a store at one time.
#[derive(Debug, Clone)]
pub struct StoreFigures {
    /// When the figures were computed.
    pub at: UnixNanos,
    endpoints: Vec<EndpointFigures>,
    /// When each node's newest round was stored.
    rounds: Vec<(Labels, UnixNanos)>,
}

/// The uptime and the coverage of one of [`RANGES`].
type RangeRatios = (Option<Ratio>, Option<Ratio>);

#[derive(Debug, Clone)]
struct EndpointFigures {
    labels: Labels,
    status: Status,
    is_planned: bool,
    ranges: [RangeRatios; RANGES.len()],
    budget: Option<(Objective, ErrorBudget)>,
}

impl StoreFigures {
    /// Computes the figures at `now`. Endpoints that are no longer monitored are left out.
    #[must_use]
    pub fn new<'h>(
        histories: impl IntoIterator<Item = &'h History> + Clone,
        posted: Posted<'_>,
        objectives: &EndpointMap<Objective>,
        now: UnixNanos,
    ) -> StoreFigures {
        let mut endpoints = endpoint_statuses(histories.clone());
        endpoints.retain(|endpoint| endpoint.is_within(now.saturating_sub(UNKNOWN_RETENTION)));
        let starts = RANGES.map(|(_, range)| time_range::start(range, now));
        let mut figures: Vec<EndpointFigures> = Vec::with_capacity(endpoints.len());
        let mut indexes: BTreeMap<Labels, usize> = BTreeMap::new();
        for (endpoint, (status, is_retired)) in endpoints.iter().zip(current_statuses(&endpoints, now)) {
            if is_retired {
                continue;
            }
            let labels = labels_of(endpoint);
            // Titles that differ only in characters that are removed share their samples, which show the worst status.
            let index = indexes.get(&labels).copied();
            if index.is_some_and(|index| status <= figures[index].status) {
                continue;
            }
            let one = EndpointFigures::new(endpoint, labels, status, (posted, objectives), &starts, now);
            if let Some(index) = index {
                figures[index] = one;
            } else {
                indexes.insert(one.labels.clone(), figures.len());
                figures.push(one);
            }
        }
        let round = |history: &History| {
            let name = history.node.as_ref().map(NodeName::as_str).unwrap_or_default();
            Some((Labels::new(&[("node", name)]), history.newest()?))
        };
        StoreFigures { at: now, endpoints: figures, rounds: histories.into_iter().filter_map(round).collect() }
    }

    /// Returns the number of endpoints.
    #[must_use]
    pub fn len(&self) -> usize {
        self.endpoints.len()
    }

    /// Returns whether there are no endpoints.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.endpoints.is_empty()
    }

    pub(super) fn write(&self, writer: &mut MetricsWriter) {
        writer.family(&STATUS, |samples| {
            for endpoint in &self.endpoints {
                for status in Status::ALL {
                    let value = SampleValue::from(status == endpoint.status);
                    samples.sample(&endpoint.labels, Some(("status", status.as_str())), value);
                }
            }
        });
        let mut ratios = |family: &Family, ratio: &dyn Fn(&RangeRatios) -> Option<Ratio>| {
            writer.family(family, |samples| {
                for endpoint in &self.endpoints {
                    for ((range, _), ratios) in RANGES.iter().zip(&endpoint.ranges) {
                        if let Some(ratio) = ratio(ratios) {
                            let value = SampleValue::Ratio(ratio.fraction());
                            samples.sample(&endpoint.labels, Some(("range", range)), value);
                        }
                    }
                }
            });
        };
        ratios(&UPTIME, &|(uptime, _)| *uptime);
        ratios(&COVERAGE, &|(_, coverage)| *coverage);
        let mut values = |family: &Family, value: &dyn Fn(&EndpointFigures) -> Option<SampleValue>| {
            writer.family(family, |samples| {
                for endpoint in &self.endpoints {
                    if let Some(value) = value(endpoint) {
                        samples.sample(&endpoint.labels, None, value);
                    }
                }
            });
        };
        values(&PLANNED, &|endpoint| Some(endpoint.is_planned.into()));
        values(&TARGET, &|endpoint| Some(SampleValue::Ratio(endpoint.budget?.0.target.fraction())));
        values(&BUDGET, &|endpoint| Some(SampleValue::Seconds(endpoint.budget?.1.total)));
        values(&SPENT, &|endpoint| Some(SampleValue::Seconds(endpoint.budget?.1.spent)));
        writer.family(&ROUND, |samples| {
            for (labels, at) in &self.rounds {
                samples.sample(labels, None, SampleValue::Seconds(*at));
            }
        });
    }
}

impl EndpointFigures {
    fn new(
        endpoint: &EndpointStatus<'_>,
        labels: Labels,
        status: Status,
        (posted, objectives): (Posted<'_>, &EndpointMap<Objective>),
        starts: &[UnixNanos; RANGES.len()],
        now: UnixNanos,
    ) -> EndpointFigures {
        let spans = endpoint.spans(now);
        let ranges = starts.map(|from| {
            let breakdown = UptimeBreakdown::from_spans(&spans, from, now);
            (breakdown.uptime(), breakdown.coverage())
        });
        let objective = objectives.get(&endpoint.key).copied().or(endpoint.latest.objective.as_deref().copied());
        EndpointFigures {
            labels,
            status,
            is_planned: posted.planned(&endpoint.key.title, &spans).until(status, now).is_some(),
            ranges,
            budget: objective.map(|objective| (objective, objective.budget(&spans, now))),
        }
    }
}

fn labels_of(endpoint: &EndpointStatus<'_>) -> Labels {
    let id = endpoint.key.id.as_deref().unwrap_or_default();
    Labels::new(&[("title", &endpoint.key.title), ("target", &endpoint.key.locator), ("id", id)])
}

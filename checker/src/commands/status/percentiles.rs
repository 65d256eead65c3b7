//! The 95th percentiles in the table of `checker status`, from the stored histories and their latencies.

use std::sync::Arc;

use shared::endpoint_status::EndpointStatus;
use shared::history::{EndpointRows, History, HistoryRows, LatencyRows};
use shared::latency::Sketch;
use shared::object_name::{HistoryName, HistoryPart};
use shared::response_times::{LatencySketches, Measurement, add_node};
use shared::{Nanos, UnixNanos};

use super::json::rows_of;
use crate::recorder::history_writer::read_latencies;
use crate::store::Store;

/// Reads the latencies of one node after the other, and returns the percentile of each endpoint in a period
/// (`from <= t < to`). It is `None` if nothing was measured, or if the latencies of a node are missing.
pub(super) async fn percentiles(
    store: &Arc<Store>,
    histories: &[History],
    endpoints: &[EndpointStatus<'_>],
    period: (UnixNanos, UnixNanos),
) -> Vec<Option<Nanos>> {
    let mut sums: Vec<Option<Sketch>> = vec![Some(Sketch::default()); endpoints.len()];
    for history in histories {
        // Histories that were read for the status lack the sketches of hours that are not closed.
        let name = HistoryName { node: history.node.clone(), part: HistoryPart::Main };
        let stored = store.get(&name).await.ok().flatten();
        let outline = stored.and_then(|stored| HistoryRows::parse(&stored).ok());
        let latencies = read_latencies(store, history.node.as_ref()).await.ok().flatten();
        let latencies = latencies.and_then(|latencies| LatencyRows::parse(latencies.to_json().as_bytes()).ok());
        let checks =
            |endpoint: &EndpointStatus<'_>| endpoint.nodes.iter().any(|node| node.node == history.node.as_ref());
        for (endpoint, sum) in endpoints.iter().zip(&mut sums).filter(|(endpoint, _)| checks(endpoint)) {
            let past = outline.as_ref().and_then(|outline| rows_of(outline, endpoint));
            let known = past.filter(|past| latencies.is_some() || !has_closed_hours(past));
            let (Some(past), Some(total)) = (known, sum.as_mut()) else {
                *sum = None;
                continue;
            };
            let closed = latencies.as_ref().and_then(|latencies| {
                latencies.endpoints.iter().find(|sketches| sketches.key.is_same_endpoint(&endpoint.key))
            });
            let sketches = LatencySketches { closed, open: &past.open, newest: past.timeline.last.map(|last| last.at) };
            add_node(total, Some(sketches), std::iter::empty::<&Measurement>(), period);
        }
    }
    sums.into_iter().map(|sum| Some(sum?.percentile(95)?.time())).collect()
}

/// Returns whether the sketches of some hours are only in the latencies, which is the case after a node's first day.
fn has_closed_hours(past: &EndpointRows) -> bool {
    past.by_hour().len() > past.open.len()
}

//! The percentiles of an endpoint's response times over the period that is shown: from the sketches of those nodes that
//! keep a history, and from the checks of the others. Sketches are merged; percentiles never are. Pure.

use shared::duration;
use shared::history::{LatenciesOutline, add_open_between};
use shared::latency::Sketch;
use shared::stats::Stats;

use super::endpoint::Reckoned;
use super::period::Period;

/// Which are told.
const TOLD: [u8; 4] = [50, 90, 95, 99];

/// `p50 95 ms · p90 120 ms · p95 140 ms · p99 310 ms`; `None` as long as a node's sketches are missing.
#[must_use]
pub fn in_words(reckoned: &Reckoned<'_>, latencies: &[LatenciesOutline], period: &Period) -> Option<String> {
    let (from, to) = (period.from, period.now + 1);
    let key = &reckoned.endpoint.key;
    let mut sum = Sketch::default();
    for node in &reckoned.endpoint.nodes {
        let mut checks_from = from;
        if let Some(past) = &node.past {
            let known = latencies.iter().find(|known| known.node == node.node)?;
            if let Some(sketches) = known.endpoints.iter().find(|sketches| sketches.key == *key) {
                sketches.add_between(&mut sum, from, to);
            }
            add_open_between(&past.open, &mut sum, from, to);
            checks_from = past.track.last.map_or(from, |last| last.at + 1);
        }
        for look in node.looks.iter().filter(|look| look.at >= checks_from && look.at < to) {
            // As histories count: one time a check.
            if let Some(stats) = Stats::of(look.rtts.to_vec()) {
                sum.add(stats.median);
            }
        }
    }
    let told = TOLD
        .iter()
        .filter_map(|percent| Some(format!("p{percent} {}", duration::rtt(sum.percentile(*percent)?.time()))));
    let told: Vec<String> = told.collect();
    Some(if told.is_empty() { "no answers".to_owned() } else { told.join(" · ") })
}

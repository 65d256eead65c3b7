//! The percentiles of an endpoint's response times over the period. They come from the sketches of nodes with a
//! history, and from the checks of the other nodes. Sketches can be merged, but percentiles cannot.

use shared::history::LatencyRows;
use shared::latency::Sketch;
use shared::response_times::{LatencySketches, PERCENTILES, add_node};

use super::combine_nodes::EvaluatedEndpoint;
use super::period::Period;
use crate::i18n::{Language, texts};

/// Returns `p50 95 ms · p90 120 ms · p95 140 ms · p99 310 ms`, or `None` while a node's sketches are missing.
#[must_use]
pub fn summary(
    evaluated: &EvaluatedEndpoint<'_>,
    latencies: &[LatencyRows],
    period: &Period,
    language: &Language,
) -> Option<String> {
    let (from, to) = (period.from, period.now + 1);
    let key = &evaluated.endpoint.key;
    let mut sum = Sketch::default();
    for node in &evaluated.endpoint.nodes {
        let sketches = match &node.history {
            None => None,
            Some(history) => {
                let known = latencies.iter().find(|known| known.node == node.node)?;
                let closed = known.endpoints.iter().find(|sketches| sketches.key.is_same_endpoint(key));
                Some(LatencySketches { closed, open: &history.open, newest: history.timeline.last.map(|last| last.at) })
            }
        };
        add_node(&mut sum, sketches, node.samples.iter(), (from, to));
    }
    let percentiles = PERCENTILES
        .iter()
        .filter_map(|percent| Some(format!("p{percent} {}", language.response_time(sum.percentile(*percent)?.time()))));
    let percentiles: Vec<String> = percentiles.collect();
    Some(if percentiles.is_empty() { language.format(texts::NO_ANSWERS, &[]) } else { percentiles.join(" · ") })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dataset::Cache;
    use crate::test_support::{NOW, check_file, detailed, evaluate, history_of_node, response_time_at, utc};
    use crate::view::{self, LoadProgress, ViewSettings};
    use shared::object_name::{CheckFileName, NodeName};
    use shared::{DAY, HOUR, MINUTE, Nanos, UnixNanos};

    #[test]
    fn histories_and_check_files_are_combined() {
        let (rows, latencies) = history_of_node(1);
        let mut cache = Cache::default();
        cache.dataset.add_history(rows, UnixNanos::MAX);
        // A check that is not covered by a history and is much slower than the others.
        let name = CheckFileName { stored_at: NOW, node: NodeName::new("here").ok() };
        cache.dataset.add(&name, check_file(NOW, 9_000_000_000));
        cache.dataset.sort_samples();
        let period = Period::new(2 * DAY, 90, utc());
        let all = evaluate(&cache.dataset);
        assert_eq!(summary(&all[0], &[], &period, utc().language), None, "the sketches are missing");
        let text = summary(&all[0], &[latencies], &period, utc().language).expect("the sketches are there");
        let mut exact: Vec<Nanos> = (0..2 * 1_440 + 2).map(response_time_at).collect();
        exact.sort_unstable();
        for (percent, part) in PERCENTILES.iter().zip(text.split(" · ")) {
            let number: f64 = part.split(' ').nth(1).and_then(|number| number.parse().ok()).expect("a number");
            let exact = exact[exact.len() * usize::from(*percent) / 100] as f64 / 1e6;
            assert!((number - exact).abs() <= 0.05 * exact, "{part} instead of {exact}");
        }
        assert_eq!(summary(&all[0], &[], &Period::new(HOUR, 90, utc()), utc().language), None);
    }

    fn node_lines(times: i64) -> String {
        let mut cache = Cache::default();
        cache.dataset.add_history(history_of_node(times).0, UnixNanos::MAX);
        let settings = ViewSettings { range: 30 * DAY, interval: MINUTE, bars_limit: 90, ..ViewSettings::default() };
        let view = view::page(
            &mut cache,
            utc(),
            settings,
            &detailed(),
            &crate::url_state::UrlState::default(),
            LoadProgress::Complete,
        );
        let lines: Vec<String> = view.nodes.iter().map(|node| format!("{} {}", node.name, node.reported)).collect();
        lines.join("; ")
    }

    #[test]
    fn two_checkers_with_one_name_are_reported() {
        assert_eq!(node_lines(1), "here reported 1 min ago");
        assert!(node_lines(2).contains("two checkers seem to share this name"), "{}", node_lines(2));
    }
}

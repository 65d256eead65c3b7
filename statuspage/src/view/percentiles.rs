//! The percentiles of an endpoint's response times over the period that is shown: from the sketches of those nodes that
//! keep a history, and from the checks of the others. Sketches are merged; percentiles never are. Pure.

use shared::history::LatencyRows;
use shared::latency::Sketch;
use shared::response_times::{LatencySketches, PERCENTILES, add_node};

use super::evaluate::EvaluatedEndpoint;
use super::period::Period;
use crate::i18n::{Language, texts};

/// `p50 95 ms · p90 120 ms · p95 140 ms · p99 310 ms`; `None` as long as a node's sketches are missing.
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
        let history = match &node.past {
            None => None,
            Some(past) => {
                let known = latencies.iter().find(|known| known.node == node.node)?;
                let closed = known.endpoints.iter().find(|sketches| sketches.key == *key);
                Some(LatencySketches { closed, open: &past.open, newest: past.timeline.last.map(|last| last.at) })
            }
        };
        add_node(&mut sum, history, node.samples.iter(), (from, to));
    }
    let told = PERCENTILES
        .iter()
        .filter_map(|percent| Some(format!("p{percent} {}", language.response_time(sum.percentile(*percent)?.time()))));
    let told: Vec<String> = told.collect();
    Some(if told.is_empty() { language.format(texts::NO_ANSWERS, &[]) } else { told.join(" · ") })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dataset::Cache;
    use crate::test_support::{NOW, check_file, evaluate, history_of_node, response_time_at, utc};
    use crate::view::{self, LoadProgress, ViewSettings};
    use shared::object_name::{CheckFileName, NodeName};
    use shared::page_config::appearance::Appearance;
    use shared::{DAY, HOUR, MINUTE, Nanos, UnixNanos};

    #[test]
    fn they_are_those_of_all_checks_in_histories_and_in_check_files_together() {
        let (outline, latencies) = history_of_node(1);
        let mut cache = Cache::default();
        cache.dataset.add_history(outline, UnixNanos::MAX);
        // A minute that no history covers, and that is far slower than all others.
        let name = CheckFileName { stored_at: NOW, node: NodeName::new("here").ok() };
        cache.dataset.add(&name, check_file(NOW, 9_000_000_000));
        cache.dataset.sort_samples();
        let period = Period::new(2 * DAY, 90, utc());
        let all = evaluate(&cache.dataset);
        assert_eq!(summary(&all[0], &[], &period, utc().language), None, "the sketches are missing");
        let told = summary(&all[0], &[latencies], &period, utc().language).expect("they are there");
        let mut exact: Vec<Nanos> = (0..2 * 1_440 + 2).map(response_time_at).collect();
        exact.sort_unstable();
        for (percent, told) in PERCENTILES.iter().zip(told.split(" · ")) {
            let number: f64 = told.split(' ').nth(1).and_then(|number| number.parse().ok()).expect("a number");
            let exact = exact[exact.len() * usize::from(*percent) / 100] as f64 / 1e6;
            assert!((number - exact).abs() <= 0.05 * exact, "{told} for {exact}");
        }
        assert_eq!(summary(&all[0], &[], &Period::new(HOUR, 90, utc()), utc().language), None);
    }

    fn observers(times: i64) -> String {
        let mut cache = Cache::default();
        cache.dataset.add_history(history_of_node(times).0, UnixNanos::MAX);
        let settings = ViewSettings { range: 30 * DAY, interval: MINUTE, bars_limit: 90, ..ViewSettings::default() };
        let view = view::page(
            &mut cache,
            utc(),
            settings,
            &Appearance::default(),
            &crate::url_state::UrlState::default(),
            LoadProgress::Complete,
        );
        let told: Vec<String> = view.nodes.iter().map(|node| format!("{} {}", node.name, node.reported)).collect();
        told.join("; ")
    }

    #[test]
    fn two_checkers_with_one_name_are_noticed_and_named() {
        assert_eq!(observers(1), "here reported 1 min ago");
        assert!(observers(2).contains("two checkers seem to share this name"), "{}", observers(2));
    }
}

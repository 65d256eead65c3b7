//! Overlays of charts: the phases of requests, and the response times of each node.

use shared::Nanos;
use shared::object_name::NodeName;
use shared::stats::Stats;

use super::chart_paths::{area, line};
use super::combine_nodes::EvaluatedEndpoint;
use super::period::Period;
use super::sample_groups::{SampleGroup, groups, measure};
use crate::i18n::{Language, Text, texts};
pub use crate::url_state::ChartOverlay;

/// The labels of a request's phases, in order. The remaining time is spent reading the response.
pub const PHASES: [Text; 4] = [texts::PHASE_DNS, texts::PHASE_CONNECT, texts::PHASE_TLS, texts::PHASE_FIRST_BYTE];

/// One line or area of an overlay.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Layer {
    pub name: String,
    /// The `d` attribute of an SVG path.
    pub path: String,
}

/// Returns the layers of a chart overlay for an endpoint.
#[must_use]
pub fn layers(
    evaluated: &EvaluatedEndpoint<'_>,
    period: &Period,
    overlay: ChartOverlay,
    language: &Language,
) -> Vec<Layer> {
    let (all, _, scale) = measure(evaluated, period);
    match overlay {
        ChartOverlay::Off => Vec::new(),
        ChartOverlay::Phases => {
            let layer = |(phase, name): (usize, &Text)| {
                let edges = |group: &SampleGroup<'_>, _: &Stats| {
                    (if phase > 0 { phase_end(group, phase - 1) } else { 0 }, phase_end(group, phase))
                };
                Layer { name: language.format(*name, &[]), path: area(&all, evaluated, period, &scale, &edges) }
            };
            PHASES.iter().enumerate().map(layer).collect()
        }
        ChartOverlay::Locations => {
            let layer = |node: &crate::dataset::NodeSamples| {
                let own = groups(evaluated, period, std::slice::from_ref(node), 0);
                let name =
                    node.node.as_ref().map_or(language.text(texts::UNNAMED_LOCATION), NodeName::as_str).to_owned();
                Layer { name, path: line(&own, evaluated, period, &scale, |stats| stats.median) }
            };
            evaluated.endpoint.nodes.iter().map(layer).collect()
        }
    }
}

/// Returns how long after the start of an attempt a phase ends, as the mean of the checks that measured it.
fn phase_end(group: &SampleGroup<'_>, phase: usize) -> Nanos {
    let ends = || group.samples.iter().map(|sample| i64::from(sample.phases[phase])).filter(|end| *end > 0);
    ends().sum::<i64>() * 1_000 / (ends().count() as i64).max(1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test_support::english;
    use crate::test_support::{dataset, evaluate, period};
    use crate::view::geometry::HEIGHT;
    use shared::status::Status::Healthy;

    #[test]
    fn phases_are_stacked() {
        let mut dataset = dataset(&[("A", "", 2, Healthy), ("A", "", 1, Healthy), ("A", "", 0, Healthy)]);
        for sample in &mut dataset.endpoints[0].nodes[0].samples {
            // The connection is established halfway through the 95 ms.
            sample.phases = [10_000, 47_500, 47_500, 95_000];
        }
        let layers = layers(&evaluate(&dataset)[0], &period(), ChartOverlay::Phases, english());
        let heights = |layer: usize| {
            let corners = layers[layer].path.trim_matches(['M', 'Z']).split('L');
            corners.map(|corner| corner.split(' ').nth(1)?.parse().ok()).collect::<Option<Vec<f64>>>().expect("numbers")
        };
        assert_eq!(
            layers.iter().map(|layer| layer.name.as_str()).collect::<Vec<_>>(),
            ["DNS", "connect", "TLS", "first byte"]
        );
        assert_eq!(heights(0)[3..], [HEIGHT; 3], "the first one starts at the baseline");
        for (lower, upper) in [(0, 1), (1, 2), (2, 3)] {
            assert_eq!(heights(lower)[..3], heights(upper)[3..], "each one starts where the one below ends");
        }
        let middle = f64::midpoint(heights(3)[0], HEIGHT);
        assert!((heights(1)[0] - middle).abs() < 0.02, "{} is not {middle}", heights(1)[0]);
        assert_eq!(heights(2)[..3], heights(2)[3..], "TLS has no height");
    }

    #[test]
    fn each_node_has_a_separate_line() {
        let samples = |ago| [("A", "eu", ago, Healthy), ("A", "us", ago, Healthy)];
        let mut dataset = dataset(&(0..5).flat_map(samples).collect::<Vec<_>>());
        for sample in &mut dataset.endpoints[0].nodes[1].samples {
            sample.rtts = Box::from([190_000_000]);
        }
        let layers = layers(&evaluate(&dataset)[0], &period(), ChartOverlay::Locations, english());
        assert_eq!(layers.iter().map(|layer| layer.name.as_str()).collect::<Vec<_>>(), ["eu", "us"]);
        assert!(layers.iter().all(|layer| layer.path.matches('L').count() == 4), "{layers:?}");
        assert_ne!(layers[0].path, layers[1].path);
        assert!(super::layers(&evaluate(&dataset)[0], &period(), ChartOverlay::Off, english()).is_empty());
    }
}

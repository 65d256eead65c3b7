//! Groups samples into the points of a chart.

use shared::response_times::{self, Resolution};
use shared::sorting::sort_by_integer;
use shared::stats::Stats;
use shared::{Nanos, UnixNanos, uptime};

use super::axes::Scale;
use super::combine_nodes::EvaluatedEndpoint;
use super::geometry::WIDTH;
use super::period::Period;
use crate::dataset::{NodeSamples, Sample};

/// The maximum number of points in a chart. A line of 1,000 pixels cannot show more, and 300 points are rendered
/// quickly.
const POINTS_LIMIT: i64 = 300;

/// Samples that are drawn as one point.
pub(super) struct SampleGroup<'a> {
    pub(super) first: UnixNanos,
    pub(super) last: UnixNanos,
    /// The length of the group's latest hour or day, and its number since 1970, or `None` if the group contains only
    /// checks.
    bucket: Option<(Nanos, i64)>,
    pub(super) samples: Vec<&'a Sample>,
    /// Statistics for all successful attempts of all checks. The median is that of the attempts, not a median of
    /// medians.
    pub(super) stats: Option<Stats>,
}

/// Returns the points of an endpoint's chart, their combined statistics, and their scale.
pub(super) fn measure<'a>(
    evaluated: &EvaluatedEndpoint<'a>,
    period: &Period,
) -> (Vec<SampleGroup<'a>>, Option<Stats>, Scale) {
    let groups = groups(evaluated, period, &evaluated.endpoint.nodes, 0);
    let samples: Vec<&Sample> = groups.iter().flat_map(|group| &group.samples).copied().collect();
    let all = response_times::stats(&samples);
    let least = groups.iter().filter_map(|group| group.stats).map(|stats| stats.median).min();
    let scale = Scale::new(all, least, evaluated.latest.threshold);
    (groups, all, scale)
}

/// Groups the samples of nodes.
///
/// The checks of a single node are separate points unless there are too many. The checks of several nodes in one round
/// are one point, and so are the hours or days of several nodes. Otherwise the line would connect different nodes at
/// the same time. Samples within `least` of the first sample of a point always belong to that point.
pub(super) fn groups<'a>(
    evaluated: &EvaluatedEndpoint<'a>,
    period: &Period,
    nodes: &'a [NodeSamples],
    least: Nanos,
) -> Vec<SampleGroup<'a>> {
    let resolution = Resolution::for_period(evaluated.samples(period.from, period.now + 1), period.to - period.from);
    let all = nodes.iter().flat_map(|node| node.samples(period.from, period.now + 1));
    let mut samples: Vec<&Sample> = all.filter(|sample| resolution.includes(*sample)).collect();
    sort_by_integer(&mut samples, |sample| sample.at);
    let is_crowded = samples.len() as i64 > POINTS_LIMIT;
    let mut width = least.max(if is_crowded { (period.to - period.from) / POINTS_LIMIT } else { 0 });
    if nodes.len() > 1 {
        let times_of = |samples: &[Sample]| samples.iter().map(|sample| sample.at).collect::<Vec<_>>();
        let gaps = nodes.iter().filter_map(|node| uptime::typical_interval(&times_of(&node.samples)));
        // Three quarters of a round: less than the time between two checks by one node, but enough to include the
        // checks by the other nodes.
        width = width.max(gaps.min().unwrap_or(0) / 4 * 3);
    }
    let mut groups: Vec<SampleGroup<'a>> = Vec::new();
    for sample in samples {
        let bucket = sample.at.checked_div(sample.length).map(|number| (sample.length, number));
        // The group for the same hour or day is not always the latest one: between two nodes' samples of an open hour
        // or day, there can be a node's newest check.
        let same_time = bucket.and_then(|_| groups.iter().rposition(|group| group.bucket == bucket));
        // If there are no groups, this index wraps around, so `get_mut` finds nothing.
        let latest = groups.len().wrapping_sub(1);
        match groups.get_mut(same_time.unwrap_or(latest)) {
            Some(group) if same_time.is_some() || sample.at - group.first < width => {
                group.samples.push(sample);
                group.last = sample.at;
                group.bucket = bucket.or(group.bucket);
            }
            _ => groups.push(SampleGroup {
                first: sample.at,
                last: sample.at,
                bucket,
                samples: vec![sample],
                stats: None,
            }),
        }
    }
    for group in &mut groups {
        group.stats = response_times::stats(&group.samples);
    }
    groups
}

impl SampleGroup<'_> {
    pub(super) fn has_failed(&self) -> bool {
        self.samples.iter().any(|sample| sample.failed)
    }

    /// Returns the length of the hours or days, or 0 for checks.
    pub(super) fn length(&self) -> Nanos {
        self.samples.iter().fold(0, |length, sample| length.max(sample.length))
    }

    pub(super) fn x(&self, period: &Period) -> f64 {
        period.share(self.first + (self.last - self.first) / 2) * WIDTH
    }
}

//! The response-time chart of one endpoint: points, SVG paths and text.
//!
//! Only successful attempts have response times. Failed attempts are marked on the baseline.

use std::sync::Arc;

use shared::stats::Stats;
use shared::{DAY, HOUR, MINUTE, Nanos, UnixNanos};

use super::axes::{Scale, round_label, times};
use super::chart_paths::{area, failures, line, moments};
use super::combine_nodes::EvaluatedEndpoint;
use super::geometry::WIDTH;
use super::period::Period;
use super::sample_groups::{self, SampleGroup, measure};
use crate::i18n::{Calendar, Language, Text, texts};

/// A chart of response times.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct ChartView {
    /// The points of the chart, oldest first.
    pub points: Vec<Point>,
    /// The path of the median line.
    pub line: String,
    /// The path of the 95th percentiles. For checks, these are the percentiles of each hour.
    pub upper: String,
    /// The path of the band between the fastest and the slowest attempt.
    pub band: String,
    /// The path of the failure marks on the baseline.
    pub failures: String,
    /// The path of the marks that show when messages were posted.
    pub marks: String,
    /// The threshold's position in pixels from the top and its label, if it is part of the axis.
    pub threshold: Option<(f64, String)>,
    /// The grid lines, each with its position in pixels from the top and its label.
    pub grid: Vec<(f64, String)>,
    /// The time axis labels, each with its position in percent.
    pub times: Vec<(f64, String)>,
    /// The chart's description for screen readers.
    pub label: String,
    /// The readout if no point is selected.
    pub summary: String,
}

/// A point of the chart: one check, or several that are drawn together.
#[derive(Debug, Clone, PartialEq)]
pub struct Point {
    /// The time of the point's first check.
    pub at: UnixNanos,
    /// The position from left to right, from 0 to [`WIDTH`].
    pub x: f64,
    /// The median's position in pixels from the top, or `None` if no attempt succeeded.
    pub y: Option<f64>,
    /// The time of the point's last check.
    last: UnixNanos,
    stats: Option<Stats>,
    /// The length of the hour or day, or 0 for checks.
    length: Nanos,
    /// The number of checks, or of nodes with percentiles.
    samples: usize,
    failed: usize,
    reason: Option<Arc<str>>,
}

/// Creates an endpoint's chart. `marks` are the times of messages.
#[must_use]
pub fn chart(
    evaluated: &EvaluatedEndpoint<'_>,
    period: &Period,
    calendar: Calendar<'_>,
    marks: &[UnixNanos],
) -> ChartView {
    let (groups, all, scale) = measure(evaluated, period);
    let threshold = evaluated.latest.threshold;
    let failed = groups.iter().filter(|group| group.has_failed()).count();
    let are_percentiles = groups.iter().any(|group| group.length() > 0);
    let language = calendar.language;
    let mut summary = match all {
        Some(all) if are_percentiles => stats_text(texts::TYPICALLY, &all, language),
        Some(all) => stats_text(attempts_text(&all), &all, language),
        None => language.format(texts::NO_ANSWERS, &[]),
    };
    let (name, time) = (evaluated.name(language), period.label(calendar));
    let mut label = language.format(texts::RESPONSE_TIMES_OF, &[&name, &time, &summary]);
    if failed > 0 {
        label = language.format(texts::SEMICOLON, &[&label, language.text(texts::FAILURES_MARKED)]);
    }
    if scale.logarithmic {
        summary.push_str(" · ");
        summary.push_str(language.text(texts::LOGARITHMIC));
    }
    ChartView {
        line: line(&groups, evaluated, period, &scale, |stats| stats.median),
        upper: if are_percentiles {
            line(&groups, evaluated, period, &scale, |stats| stats.max)
        } else {
            // A single point has too few attempts for a 95th percentile.
            let hours = sample_groups::groups(evaluated, period, &evaluated.endpoint.nodes, HOUR);
            line(&hours, evaluated, period, &scale, |stats| stats.p95)
        },
        band: area(&groups, evaluated, period, &scale, &|_, stats| (stats.min, stats.max)),
        failures: failures(&groups, period),
        marks: moments(marks, period),
        threshold: (threshold > 0 && threshold as f64 <= scale.top).then(|| {
            (
                scale.height(threshold),
                language.format(texts::THRESHOLD, &[&language.isolate(round_label(threshold, language))]),
            )
        }),
        grid: scale.grid(language),
        times: times(period, calendar),
        points: groups.iter().map(|group| point(group, evaluated, period, &scale)).collect(),
        label,
        summary,
    }
}

impl ChartView {
    /// Returns the index of the point that is nearest to a position from 0 to 1, or `None` if there are no points.
    #[must_use]
    pub fn nearest(&self, share: f64) -> Option<usize> {
        let x = share * WIDTH;
        let after = self.points.partition_point(|point| point.x < x);
        let distance = |index: usize| self.points.get(index).map(|point| ((point.x - x).abs(), index));
        let before = after.checked_sub(1).and_then(distance);
        let nearest = before.into_iter().chain(distance(after)).min_by(|one, other| one.0.total_cmp(&other.0));
        nearest.map(|(_, index)| index)
    }
}

impl Point {
    /// Formats the readout of the point: `14:02 · median 212 ms · p95 1.10 s · max 1.40 s`.
    #[must_use]
    pub fn readout(&self, calendar: Calendar<'_>) -> String {
        let Point { at, last, length, .. } = *self;
        let mut parts = vec![if length >= DAY {
            calendar.date(at)
        } else if length > 0 {
            let start = at.div_euclid(length) * length;
            calendar.hour_span(start, start + length)
        } else if last - at < MINUTE {
            calendar.moment(at)
        } else {
            format!("{}–{}", calendar.moment(at), calendar.clock(last))
        }];
        let language = calendar.language;
        if let Some(stats) = self.stats {
            let text = if length == 0 { attempts_text(&stats) } else { texts::TYPICALLY };
            let is_one = stats.min == stats.max;
            parts.push(if is_one { language.response_time(stats.median) } else { stats_text(text, &stats, language) });
        }
        if self.failed > 0 {
            let text = match self.samples {
                _ if length > 0 => texts::WITH_FAILURES,
                1 => texts::FAILED,
                _ => texts::SOME_FAILED,
            };
            parts.push(language.format(text, &[&language.number(self.failed), &language.number(self.samples)]));
        }
        parts.extend(self.reason.as_ref().map(|reason| reason.trim().to_owned()));
        parts.join(" · ")
    }
}

fn point(group: &SampleGroup<'_>, evaluated: &EvaluatedEndpoint<'_>, period: &Period, scale: &Scale) -> Point {
    let reason = group.samples.iter().rev().find_map(|sample| sample.reason.clone());
    Point {
        at: group.first,
        x: group.x(period),
        y: group.stats.map(|stats| scale.height(stats.median)),
        last: group.last,
        stats: group.stats,
        length: group.length(),
        samples: group.samples.len(),
        failed: group.samples.iter().filter(|sample| sample.failed).count(),
        reason: reason.filter(|_| !evaluated.errors_hidden),
    }
}

/// Returns the phrase for the response times of attempts. With few attempts, the 95th percentile is the maximum.
fn attempts_text(stats: &Stats) -> Text {
    if stats.p95 < stats.max { texts::MEDIAN_P95_MAX } else { texts::MEDIAN_MAX }
}

fn stats_text(text: Text, stats: &Stats, language: &Language) -> String {
    let [median, max, p95] = [stats.median, stats.max, stats.p95].map(|time| language.response_time(time));
    language.format(text, &[&median, &max, &p95])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dataset::{NodeHistory, Sample};
    use crate::test_support::{NOW, utc};
    use crate::test_support::{dataset, evaluate, period};
    use shared::status::Status::{self, Down, Healthy};
    use shared::uptime;

    fn chart_of(samples: &[(&str, &str, i64, Status)]) -> ChartView {
        let dataset = dataset(samples);
        chart(&evaluate(&dataset)[0], &period(), utc(), &[])
    }

    #[test]
    fn charts_without_checks_show_hours_or_days() {
        let mut dataset = dataset(&[("A", "", 0, Healthy)]);
        let node = &mut dataset.endpoints[0].nodes[0];
        let coarse = |at, length| Sample { at, length, ..node.samples[0].clone() };
        let days = (1..30).map(|ago| coarse(NOW - ago * DAY, DAY));
        let hours = (1..7 * 24).map(|ago| coarse(NOW - ago * HOUR, HOUR));
        let mut samples: Vec<Sample> = days.chain(hours).collect();
        samples.sort_by_key(|sample| sample.at);
        node.history = Some(NodeHistory { timeline: uptime::StatusTimeline::default(), samples, open: Vec::new() });
        let month = chart(&evaluate(&dataset)[0], &Period::new(30 * DAY, 90, utc()), utc(), &[]);
        assert_eq!(month.upper.matches('M').count(), month.points.len(), "a dot for each day, with gaps between");
        let points = |range| {
            let points = chart(&evaluate(&dataset)[0], &Period::new(range, 90, utc()), utc(), &[]).points;
            points.into_iter().map(|point| point.readout(utc())).collect::<Vec<_>>()
        };
        let (month, day) = (points(30 * DAY), points(DAY));
        assert_eq!((month.len(), month[0].as_str()), (30, "Saturday 24 October · 95.0 ms"));
        assert_eq!((day.len(), day[0].as_str()), (25, "Saturday 13:00–14:00 · 95.0 ms"));
    }

    #[test]
    fn days_of_several_nodes_are_one_point() {
        let mut dataset = dataset(&[("A", "n1", 0, Healthy), ("A", "n2", 0, Healthy), ("A", "n3", 0, Healthy)]);
        for (index, node) in dataset.endpoints[0].nodes.iter_mut().enumerate() {
            let rtt = 40_000_000 * (index as i64 + 1);
            let day =
                |ago| Sample { at: NOW - ago * DAY, length: DAY, rtts: Box::from([rtt]), ..node.samples[0].clone() };
            let samples = (1..30).rev().map(day).collect();
            node.history = Some(NodeHistory { timeline: uptime::StatusTimeline::default(), samples, open: Vec::new() });
        }
        let points = chart(&evaluate(&dataset)[0], &Period::new(30 * DAY, 90, utc()), utc(), &[]).points;
        let days = points.iter().filter(|point| point.readout(utc()).contains("Typically")).count();
        assert_eq!(days, 29, "{points:?}");
        assert_eq!(points[0].readout(utc()), "Saturday 24 October · Typically 80.0 ms, 95% within 120 ms");
    }

    #[test]
    fn the_open_day_of_several_nodes_is_one_point() {
        let ago = |node, minutes: [i64; 3]| minutes.map(|minutes| ("A", node, minutes, Healthy));
        let mut dataset = dataset(&[ago("n1", [14, 9, 4]), ago("n2", [10, 5, 0])].concat());
        for (index, node) in dataset.endpoints[0].nodes.iter_mut().enumerate() {
            let rtt = 40_000_000 * (index as i64 + 1);
            let newest = node.samples.last().expect("there are checks").clone();
            let day = |at| Sample { at, length: DAY, rtts: Box::from([rtt]), ..newest.clone() };
            // The open day's sample is dated just before the node's newest check.
            let samples = vec![day(NOW - DAY), day(newest.at - 1), Sample { rtts: Box::default(), ..newest.clone() }];
            node.history = Some(NodeHistory { timeline: uptime::StatusTimeline::default(), samples, open: Vec::new() });
            node.samples.clear();
        }
        let points = chart(&evaluate(&dataset)[0], &Period::new(30 * DAY, 90, utc()), utc(), &[]).points;
        let days: Vec<_> = points.iter().filter(|point| point.stats.is_some()).collect();
        assert_eq!(days.len(), 2, "{points:?}");
    }

    #[test]
    fn each_check_is_a_point() {
        let chart = chart_of(&[("A", "", 2, Healthy), ("A", "", 1, Healthy), ("A", "", 0, Healthy)]);
        assert_eq!(chart.points.len(), 3);
        assert!(chart.upper.starts_with('M') && chart.upper.ends_with("h0"), "one hour: {}", chart.upper);
        assert_eq!(chart.points[2].readout(utc()), "13:02 · 95.0 ms");
        assert!(chart.line.starts_with('M') && chart.line.matches('L').count() == 2, "{}", chart.line);
        assert_eq!(chart.summary, "median 95.0 ms · max 95.0 ms");
    }

    #[test]
    fn many_attempts_have_a_95th_percentile() {
        let samples: Vec<_> = (0..120).map(|ago| ("A", "", ago, Healthy)).collect();
        let mut dataset = dataset(&samples);
        for sample in &mut dataset.endpoints[0].nodes[0].samples {
            sample.rtts = (1..=20).map(|tens| tens * 10_000_000).collect();
        }
        let chart = chart(&evaluate(&dataset)[0], &period(), utc(), &[]);
        assert_eq!(chart.summary, "median 105 ms · p95 190 ms · max 200 ms");
        assert_eq!(chart.points[119].readout(utc()), "13:02 · median 105 ms · p95 190 ms · max 200 ms");
        assert_eq!(
            (chart.line.matches('L').count(), chart.upper.matches('L').count()),
            (119, 1),
            "each check, and hours"
        );
        let height =
            |path: &str| path.split(['M', 'L', 'h']).nth(1).and_then(|corner| corner.split(' ').nth(1)?.parse().ok());
        let (line, upper): (Option<f64>, Option<f64>) = (height(&chart.line), height(&chart.upper));
        assert!(upper < line && upper > Some(14.0), "above the median and below the slowest: {chart:?}");
    }

    #[test]
    fn a_failure_is_a_mark_on_the_baseline() {
        let chart = chart_of(&[("A", "", 2, Healthy), ("A", "", 1, Down), ("A", "", 0, Healthy)]);
        assert_eq!((chart.points.len(), chart.points[1].y), (3, None));
        assert_eq!(chart.points[1].readout(utc()), "13:01 · failed · connection refused");
        assert_eq!((chart.failures.matches('M').count(), chart.line.matches('M').count()), (1, 2));
    }

    #[test]
    fn lines_and_bands_have_gaps() {
        let chart =
            chart_of(&[("A", "", 31, Healthy), ("A", "", 30, Healthy), ("A", "", 1, Healthy), ("A", "", 0, Healthy)]);
        assert_eq!(chart.line.matches('M').count(), 2);
        assert_eq!(chart.band.matches('Z').count(), 2);
    }

    #[test]
    fn many_checks_are_drawn_as_a_few_hundred_points() {
        let samples: Vec<_> = (0..1_440).map(|ago| ("A", "", ago, Healthy)).collect();
        let chart = chart_of(&samples);
        assert!((200..=301).contains(&chart.points.len()), "{}", chart.points.len());
        assert_eq!(chart.line.matches('M').count(), 1);
    }

    #[test]
    fn checks_of_several_nodes_in_one_round_are_one_point() {
        let samples: Vec<_> =
            (0..20).flat_map(|ago| ["n1", "n2", "n3"].map(|node| ("A", node, ago, Healthy))).collect();
        assert_eq!(chart_of(&samples).points.len(), 20);
    }

    #[test]
    fn the_nearest_point_is_found() {
        let chart = chart_of(&[("A", "", 700, Healthy), ("A", "", 0, Healthy)]);
        assert_eq!((chart.nearest(0.0), chart.nearest(1.0)), (Some(0), Some(1)));
        assert_eq!(ChartView::default().nearest(0.5), None);
    }
}

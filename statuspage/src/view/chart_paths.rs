//! The paths of a chart: lines and areas through groups of checks, with gaps where no check ran. Pure geometry.

use shared::stats::Stats;
use shared::uptime::UptimeBreakdown;
use shared::{Nanos, UnixNanos};

use super::axes::Scale;
use super::evaluate::EvaluatedEndpoint;
use super::geometry::{HEIGHT, WIDTH, number};
use super::period::Period;
use super::sample_groups::SampleGroup;

/// Whether nobody looked for a while between two points: a gap stays a gap.
fn is_gap(evaluated: &EvaluatedEndpoint<'_>, from: UnixNanos, to: UnixNanos) -> bool {
    UptimeBreakdown::from_spans(&evaluated.spans, from, to).unknown > 0
}

/// The stretches of points with a response time between which no gap is.
fn stretches<'b, 'a>(
    groups: &'b [SampleGroup<'a>],
    evaluated: &EvaluatedEndpoint<'_>,
) -> Vec<Vec<(&'b SampleGroup<'a>, Stats)>> {
    let mut stretches: Vec<Vec<(&SampleGroup<'a>, Stats)>> = Vec::new();
    let mut open = false;
    let mut last: Option<&SampleGroup<'_>> = None;
    for group in groups {
        if last.is_some_and(|last| is_gap(evaluated, last.last, group.first)) {
            open = false;
        }
        last = Some(group);
        let Some(stats) = group.stats else {
            // A failure between percentiles of hours or days does not say that nobody answered.
            open &= groups.iter().any(|group| group.length() > 0);
            continue;
        };
        if !open {
            stretches.push(Vec::new());
            open = true;
        }
        if let Some(stretch) = stretches.last_mut() {
            stretch.push((group, stats));
        }
    }
    stretches
}

/// A path through the points.
pub(super) fn line(
    groups: &[SampleGroup<'_>],
    evaluated: &EvaluatedEndpoint<'_>,
    period: &Period,
    scale: &Scale,
    of: fn(&Stats) -> Nanos,
) -> String {
    let mut path = Vec::new();
    for stretch in stretches(groups, evaluated) {
        for (group, stats) in &stretch {
            path.push(corner(path_command(group, &stretch), group.x(period), scale.height(of(stats))));
        }
        if stretch.len() == 1 {
            // A line without length is drawn as a dot by its round ends.
            path.push("h0".to_owned());
        }
    }
    path.concat()
}

/// The path of an area; `of` gives its lower and its upper edge at a point.
pub(super) fn area(
    groups: &[SampleGroup<'_>],
    evaluated: &EvaluatedEndpoint<'_>,
    period: &Period,
    scale: &Scale,
    of: &dyn Fn(&SampleGroup<'_>, &Stats) -> (Nanos, Nanos),
) -> String {
    let mut path = Vec::new();
    for stretch in stretches(groups, evaluated).into_iter().filter(|stretch| stretch.len() > 1) {
        for (group, stats) in &stretch {
            path.push(corner(path_command(group, &stretch), group.x(period), scale.height(of(group, stats).1)));
        }
        for (group, stats) in stretch.iter().rev() {
            path.push(corner('L', group.x(period), scale.height(of(group, stats).0)));
        }
        path.push("Z".to_owned());
    }
    path.concat()
}

/// Whether a stretch begins at a bucket or goes on.
fn path_command(group: &SampleGroup<'_>, stretch: &[(&SampleGroup<'_>, Stats)]) -> char {
    if stretch.first().is_some_and(|(first, _)| std::ptr::eq(*first, group)) { 'M' } else { 'L' }
}

fn corner(command: char, x: f64, y: f64) -> String {
    format!("{command}{} {}", number(x), number(y))
}

pub(super) fn failures(groups: &[SampleGroup<'_>], period: &Period) -> String {
    let failed = groups.iter().filter(|group| group.has_failed());
    let marks: Vec<String> = failed.map(|group| corner('M', group.x(period), HEIGHT) + "v-8").collect();
    marks.concat()
}

pub(super) fn moments(marks: &[UnixNanos], period: &Period) -> String {
    let inside = marks.iter().filter(|at| (period.from..=period.now).contains(*at));
    let lines: Vec<String> =
        inside.map(|at| format!("M{} 0V{}", number(period.share(*at) * WIDTH), number(HEIGHT))).collect();
    lines.concat()
}

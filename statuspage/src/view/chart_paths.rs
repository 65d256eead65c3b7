//! Creates the SVG paths of a chart: lines and areas through groups of checks, with gaps where no checks ran.

use shared::stats::Stats;
use shared::uptime::UptimeBreakdown;
use shared::{Nanos, UnixNanos};

use super::axes::Scale;
use super::combine_nodes::EvaluatedEndpoint;
use super::geometry::{HEIGHT, WIDTH, number};
use super::period::Period;
use super::sample_groups::SampleGroup;

/// Returns whether the status was unknown for some time between two points.
fn is_gap(evaluated: &EvaluatedEndpoint<'_>, from: UnixNanos, to: UnixNanos) -> bool {
    UptimeBreakdown::from_spans(&evaluated.spans, from, to).unknown > 0
}

/// Returns the runs of consecutive points that have a response time and no gaps between them.
fn runs<'b, 'a>(
    groups: &'b [SampleGroup<'a>],
    evaluated: &EvaluatedEndpoint<'_>,
) -> Vec<Vec<(&'b SampleGroup<'a>, Stats)>> {
    let mut runs: Vec<Vec<(&SampleGroup<'a>, Stats)>> = Vec::new();
    let mut open = false;
    let mut last: Option<&SampleGroup<'_>> = None;
    for group in groups {
        if last.is_some_and(|last| is_gap(evaluated, last.last, group.first)) {
            open = false;
        }
        last = Some(group);
        let Some(stats) = group.stats else {
            // A failure does not interrupt the percentiles of hours or days, because other attempts succeeded.
            open &= groups.iter().any(|group| group.length() > 0);
            continue;
        };
        if !open {
            runs.push(Vec::new());
            open = true;
        }
        if let Some(run) = runs.last_mut() {
            run.push((group, stats));
        }
    }
    runs
}

/// Returns the path of a line through the points.
pub(super) fn line(
    groups: &[SampleGroup<'_>],
    evaluated: &EvaluatedEndpoint<'_>,
    period: &Period,
    scale: &Scale,
    value: fn(&Stats) -> Nanos,
) -> String {
    let mut path = Vec::new();
    for run in runs(groups, evaluated) {
        for (group, stats) in &run {
            path.push(corner(path_command(group, &run), group.x(period), scale.height(value(stats))));
        }
        if run.len() == 1 {
            // A line of zero length is drawn as a dot, because its ends are round.
            path.push("h0".to_owned());
        }
    }
    path.concat()
}

/// Returns the path of an area. `edges` returns the area's lower and upper edge at a point.
pub(super) fn area(
    groups: &[SampleGroup<'_>],
    evaluated: &EvaluatedEndpoint<'_>,
    period: &Period,
    scale: &Scale,
    edges: &dyn Fn(&SampleGroup<'_>, &Stats) -> (Nanos, Nanos),
) -> String {
    let mut path = Vec::new();
    for run in runs(groups, evaluated).into_iter().filter(|run| run.len() > 1) {
        for (group, stats) in &run {
            path.push(corner(path_command(group, &run), group.x(period), scale.height(edges(group, stats).1)));
        }
        for (group, stats) in run.iter().rev() {
            path.push(corner('L', group.x(period), scale.height(edges(group, stats).0)));
        }
        path.push("Z".to_owned());
    }
    path.concat()
}

/// Returns the path command for a point: a move to the first point of a run, or a line to the others.
fn path_command(group: &SampleGroup<'_>, run: &[(&SampleGroup<'_>, Stats)]) -> char {
    if run.first().is_some_and(|(first, _)| std::ptr::eq(*first, group)) { 'M' } else { 'L' }
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

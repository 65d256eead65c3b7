//! The strip of uptime bars: geometry and text.

use std::sync::Arc;

use shared::status::Status;
use shared::uptime::UptimeBreakdown;
use shared::{DAY, Nanos, UnixNanos};

use super::combine_nodes::EvaluatedEndpoint;
use super::geometry::{BAR_HEIGHT, WIDTH, number};
use super::notes::{self, BarNotes};
use super::period::Period;
use super::text;
use crate::dataset::TimeBucket;
use crate::i18n::Calendar;
use crate::i18n::{Language, texts};

/// The height of the mark above a bar, in pixels. Like the status icons, the mark is a block for downtime and a
/// triangle for degraded time, so bars differ even without color.
const MARK_HEIGHT: f64 = 4.0;

/// The upper edge of the parts of a bar, in pixels.
const PARTS_FROM: f64 = 6.0;

/// The minimum height of a part in pixels, so that a failure of one second is visible in a bar of several days.
fn least_height(status: Status) -> f64 {
    match status {
        Status::Down => 9.0,
        Status::Degraded => 6.0,
        _ => 3.0,
    }
}

/// The upper edge and the height of the line below bars with maintenance windows, in pixels.
const WINDOW_LINE: (f64, f64) = (BAR_HEIGHT + 2.0, 3.0);

/// The position of the marks below bars with incidents, in pixels.
const INCIDENT_MARK: f64 = BAR_HEIGHT + 4.0;

/// The gap between two parts, in pixels.
const PART_GAP: f64 = 1.0;

/// The statuses for which a strip draws one path each. Unobserved time is hatched, which needs separate elements.
pub const PATH_STATUSES: [Status; 3] = [Status::Healthy, Status::Degraded, Status::Down];

/// A bar of a strip.
#[derive(Debug, Clone, PartialEq)]
pub struct BarView {
    pub start: UnixNanos,
    /// Exclusive.
    pub end: UnixNanos,
    /// The worst status in the bar.
    pub status: Status,
    pub is_open: bool,
    /// Whether announced maintenance covers all time with the worst status.
    pub is_planned: bool,
    /// Whether the endpoint was first checked after the bar.
    pub is_before_first: bool,
    /// The incidents and maintenance windows in the bar.
    pub notes: BarNotes,
    /// The left edge's position, in percent of the strip.
    pub x: f64,
    /// The width in percent of the strip.
    pub width: f64,
    /// The parts of the bar, from top to bottom.
    pub parts: Vec<BarPart>,
    /// The period of the bar, such as `Sunday 14:00–15:00`.
    pub when: String,
    /// The uptime breakdown: `99.20% up; down for 11 min`.
    pub summary: String,
    /// The newest error of the worst status.
    pub reason: Option<Arc<str>>,
    /// The description of the bar for screen readers.
    pub label: String,
}

/// The part of a bar for one status.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct BarPart {
    pub status: Status,
    /// Whether announced maintenance covers the time.
    pub is_planned: bool,
    /// The position of the upper edge, in pixels.
    pub y: f64,
    pub height: f64,
}

/// The SVG paths of all bars. Rendering a few elements is much faster than rendering several per bar.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct BarPaths {
    /// The paths for [`PATH_STATUSES`], in a strip that is [`WIDTH`] wide.
    pub parts: [String; 3],
    /// The path of the time that announced maintenance covers.
    pub planned: String,
    /// The path of the lines below bars with maintenance windows.
    pub windows: String,
    /// The path of the marks below bars with incidents.
    pub incidents: String,
    /// The path of the gaps between the bars.
    pub gaps: String,
    /// The path of the bars from before the first check.
    pub before_first: String,
    /// Unobserved time, which is hatched and therefore has no path.
    pub unknown: Vec<Segment>,
}

/// A part that is the same in several consecutive bars.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Segment {
    pub part: BarPart,
    /// The left edge's position, in percent of the strip.
    pub x: f64,
    /// The width in percent of the strip.
    pub width: f64,
}

/// Returns the SVG paths of bars.
#[must_use]
pub fn bar_paths(bars: &[Arc<BarView>]) -> BarPaths {
    let mut paths = BarPaths::default();
    let mut segments: Vec<Segment> = Vec::new();
    for bar in bars {
        if bar.x > 0.0 {
            paths.gaps += &["M", &units(bar.x), " 0V", &number(BAR_HEIGHT)].concat();
        }
        if bar.is_before_first {
            paths.before_first += &block(bar.x, bar.width, PARTS_FROM, BAR_HEIGHT - PARTS_FROM);
            continue;
        }
        for part in &bar.parts {
            let continues = |last: &&mut Segment| last.part == *part && (last.x + last.width - bar.x).abs() < 1e-6;
            // If the part continues a segment of the previous bar, that segment is extended.
            match segments.iter_mut().rev().take(2 * Status::ALL.len()).find(continues) {
                Some(last) => last.width = bar.x + bar.width - last.x,
                None => segments.push(Segment { part: *part, x: bar.x, width: bar.width }),
            }
        }
        let mark = match bar.status {
            Status::Degraded => triangle(bar.x, bar.width),
            Status::Down => block(bar.x, bar.width, 0.0, MARK_HEIGHT),
            _ => String::new(),
        };
        *paths.of(bar.status, bar.is_planned) += &mark;
        if bar.notes.has_window {
            paths.windows += &block(bar.x, bar.width, WINDOW_LINE.0, WINDOW_LINE.1);
        }
        if bar.notes.has_incident {
            // A line of zero length is drawn as a dot, because its ends are round.
            let center = units(bar.x + bar.width / 2.0);
            paths.incidents += &["M", &center, " ", &number(INCIDENT_MARK), "h0"].concat();
        }
    }
    for Segment { part, x, width } in &segments {
        if part.status != Status::Unknown {
            *paths.of(part.status, part.is_planned) += &block(*x, *width, part.y, part.height);
        }
    }
    segments.retain(|segment| segment.part.status == Status::Unknown);
    paths.unknown = segments;
    paths
}

impl BarPaths {
    /// Returns the path for a status. Unknown has no path, so it gets the first one, to which nothing must be added.
    fn of(&mut self, status: Status, is_planned: bool) -> &mut String {
        let index = PATH_STATUSES.iter().position(|known| *known == status).unwrap_or(0);
        if is_planned { &mut self.planned } else { &mut self.parts[index] }
    }
}

fn block(x: f64, width: f64, y: f64, height: f64) -> String {
    let width = units(width);
    format!("M{} {}h{width}v{}h-{width}Z", units(x), number(y), number(height))
}

fn triangle(x: f64, width: f64) -> String {
    let (half, mark) = (units(width / 2.0), number(MARK_HEIGHT));
    format!("M{} {mark}l{half} -{mark}l{half} {mark}Z", units(x))
}

/// Converts percent of the strip to units of its `viewBox`.
fn units(percent: f64) -> String {
    number(percent / 100.0 * WIDTH)
}

/// Returns the bars of an endpoint, oldest first.
#[must_use]
pub fn strip(
    evaluated: &EvaluatedEndpoint<'_>,
    period: &Period,
    opened: Option<TimeBucket>,
    calendar: Calendar<'_>,
) -> Vec<Arc<BarView>> {
    let bar =
        |bucket: &TimeBucket| BarView { is_open: opened == Some(*bucket), ..bar(evaluated, *bucket, period, calendar) };
    period.buckets.iter().map(|bucket| Arc::new(bar(bucket))).collect()
}

/// Creates a bar without text for several endpoints. `current` is the status of the worst of them if the bar contains now
/// and one of them has a problem.
pub(super) fn combined_bar(
    breakdown: &UptimeBreakdown,
    current: Option<Status>,
    bucket: TimeBucket,
    period: &Period,
) -> BarView {
    let x = period.share(bucket.start) * 100.0;
    BarView {
        start: bucket.start,
        end: bucket.end,
        status: breakdown.worst(),
        is_open: false,
        is_planned: false,
        is_before_first: breakdown.period() == 0,
        notes: BarNotes::default(),
        x,
        width: period.share(bucket.end) * 100.0 - x,
        parts: current.map_or_else(|| parts(breakdown, [0, 0]), |status| whole(status, false)),
        when: String::new(),
        summary: String::new(),
        reason: None,
        label: String::new(),
    }
}

/// Creates a bar that is not open.
pub(super) fn bar(
    evaluated: &EvaluatedEndpoint<'_>,
    bucket: TimeBucket,
    period: &Period,
    calendar: Calendar<'_>,
) -> BarView {
    let breakdown = evaluated.breakdown(bucket.start, bucket.end, period.now);
    let status = breakdown.worst();
    let reason = match status {
        Status::Degraded | Status::Down => evaluated.reason(status, bucket.start, bucket.end),
        _ => None,
    };
    let when = when(bucket, period, calendar);
    let language = calendar.language;
    let is_before_first = evaluated.new_since(period).is_some_and(|first| bucket.end <= first);
    let partial = evaluated.partial_outage(&breakdown, bucket.start, bucket.end, period.now);
    let outages = evaluated.outages(bucket.start).take_while(|outage| outage.span.start < bucket.end);
    let summary = summary(&breakdown, partial, outages.count(), language);
    let notes = notes::of_bar(&evaluated.notes, bucket, language);
    let mut label = language.format(texts::COLON, &[&when, &summary]);
    if let Some(reason) = &reason {
        label = language.format(texts::DASH, &[&label, reason]);
    }
    if !notes.text.is_empty() {
        label = language.format(texts::SEMICOLON, &[&label, &notes.text]);
    }
    let planned = [Status::Degraded, Status::Down].map(|status| {
        evaluated.planned.covered_time(status, &evaluated.spans, bucket.start, bucket.end.min(period.now))
    });
    let is_planned = match status {
        Status::Degraded => planned[0] == breakdown.degraded,
        Status::Down => planned[1] == breakdown.down,
        _ => false,
    };
    let is_current = (bucket.start..bucket.end).contains(&period.now);
    let parts = if is_current && evaluated.status >= Status::Degraded && !evaluated.retired {
        whole(evaluated.status, evaluated.planned_until(period.now).is_some())
    } else {
        parts(&breakdown, planned)
    };
    let x = period.share(bucket.start) * 100.0;
    BarView {
        start: bucket.start,
        end: bucket.end,
        status,
        is_open: false,
        is_planned,
        is_before_first,
        notes,
        x,
        width: period.share(bucket.end) * 100.0 - x,
        parts,
        when,
        summary,
        reason,
        label,
    }
}

fn when(bucket: TimeBucket, period: &Period, calendar: Calendar<'_>) -> String {
    if period.by_hour || bucket.end - bucket.start < DAY / 2 {
        return calendar.hour_span(bucket.start, bucket.end);
    }
    calendar.date_span(bucket.start, bucket.end - 1)
}

/// Summarizes a bar: `100% up`, `99.20% up; down for 11 min`, `97.20% up; down for 40 min; 2 outages` or `not
/// observed`.
fn summary(breakdown: &UptimeBreakdown, partial: Nanos, outages: usize, language: &Language) -> String {
    let Some(uptime) = breakdown.uptime() else { return language.format(texts::NOT_OBSERVED, &[]) };
    let up = language.format(texts::UP, &[&language.percent(&uptime.percent())]);
    let durations = text::append_durations(up, breakdown, partial, language);
    // For a single outage, the total duration is enough.
    if outages < 2 {
        return durations;
    }
    language.format(texts::SEMICOLON, &[&durations, &language.plural(texts::OUTAGES, outages, &[])])
}

/// Returns the parts of a bar from top to bottom: unobserved, healthy, degraded and down. Down is at the bottom, where
/// heights are easiest to compare. Each part, including the gap above it, has at least its [`least_height`].
///
/// `planned` is the degraded time and the downtime that announced maintenance covers.
fn parts(breakdown: &UptimeBreakdown, [degraded, down]: [Nanos; 2]) -> Vec<BarPart> {
    let times = [
        (Status::Unknown, false, breakdown.unknown),
        (Status::Healthy, false, breakdown.healthy),
        (Status::Degraded, true, degraded),
        (Status::Degraded, false, breakdown.degraded - degraded),
        (Status::Down, true, down),
        (Status::Down, false, breakdown.down - down),
    ];
    let period = breakdown.period();
    let total = BAR_HEIGHT - PARTS_FROM;
    if period <= 0 {
        return whole(Status::Unknown, false);
    }
    let occurred = times.into_iter().filter(|(.., time)| *time > 0);
    let least_of = |status: Status, is_planned: bool| {
        // Planned and unplanned time of the same status share its minimum height.
        let is_shared = occurred.clone().any(|(other, is_other, _)| other == status && is_other != is_planned);
        least_height(status) / if is_shared { 2.0 } else { 1.0 }
    };
    // Each part gets the minimum height, and the rest is distributed by time.
    let rest = total - occurred.clone().map(|(status, is_planned, _)| least_of(status, is_planned)).sum::<f64>();
    let mut y = PARTS_FROM;
    occurred
        .clone()
        .map(|(status, is_planned, time)| {
            let height = least_of(status, is_planned) + rest * (time as f64 / period as f64);
            let gap = if y > PARTS_FROM { PART_GAP } else { 0.0 };
            let part = BarPart { status, is_planned, y: y + gap, height: height - gap };
            y += height;
            part
        })
        .collect()
}

/// Returns the part of a bar that has only one status. The bar of an endpoint with a problem has the color of its
/// current status, because a problem that has just begun would be hard to see.
fn whole(status: Status, is_planned: bool) -> Vec<BarPart> {
    vec![BarPart { status, is_planned, y: PARTS_FROM, height: BAR_HEIGHT - PARTS_FROM }]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test_support::utc;
    use crate::test_support::{dataset, evaluate, period};
    use proptest::prelude::*;
    use shared::SECOND;

    #[test]
    fn a_short_failure_stays_visible() {
        let breakdown = UptimeBreakdown { healthy: DAY - SECOND, down: SECOND, ..UptimeBreakdown::default() };
        let parts = parts(&breakdown, [0, 0]);
        assert_eq!(parts.iter().map(|part| part.status).collect::<Vec<_>>(), [Status::Healthy, Status::Down]);
        assert!((8.0..8.1).contains(&parts[1].height), "at least 8 of 26 pixels: {parts:?}");
        assert_eq!(summary(&breakdown, 0, 1, utc().language), "99.998% up; down for 1 s");
    }

    #[test]
    fn a_bar_counts_several_outages() {
        let down = |ago: i64| matches!(ago, 20 | 21 | 30);
        let samples: Vec<_> =
            (0..120).map(|ago| ("A", "", ago, if down(ago) { Status::Down } else { Status::Healthy })).collect();
        let dataset = dataset(&samples);
        let bars = strip(&evaluate(&dataset)[0], &period(), None, utc());
        assert!(bars[23].label.ends_with("down for 3 min; 2 outages – connection refused"), "{}", bars[23].label);
    }

    #[test]
    fn the_current_bar_of_an_endpoint_with_a_problem_has_the_color_of_the_problem() {
        let parts_of_last = |now: Status| {
            let status = |ago: i64| if ago < 2 { now } else { Status::Healthy };
            let samples: Vec<_> = (0..180).map(|ago| ("A", "", ago, status(ago))).collect();
            let dataset = dataset(&samples);
            strip(&evaluate(&dataset)[0], &period(), None, utc())[24]
                .parts
                .iter()
                .map(|part| part.status)
                .collect::<Vec<_>>()
        };
        assert_eq!(parts_of_last(Status::Down), [Status::Down]);
        assert_eq!(parts_of_last(Status::Degraded), [Status::Degraded]);
        assert_eq!(parts_of_last(Status::Healthy), [Status::Healthy]);
    }

    #[test]
    fn bars_from_before_the_first_check_are_not_hatched() {
        let samples: Vec<_> = (0..120).map(|ago| ("A", "", ago, Status::Healthy)).collect();
        let dataset = dataset(&samples);
        let bars = strip(&evaluate(&dataset)[0], &period(), None, utc());
        let before: Vec<bool> = bars.iter().map(|bar| bar.is_before_first).collect();
        assert_eq!((before.iter().filter(|is_before| **is_before).count(), before[24]), (22, false));
        let paths = bar_paths(&bars);
        assert_eq!((paths.before_first.matches('M').count(), paths.unknown.len()), (22, 1), "{:?}", paths.unknown);
    }

    #[test]
    fn unobserved_time_is_unknown() {
        let dataset = dataset(&[("A", "", 0, Status::Healthy), ("A", "", 1, Status::Healthy)]);
        let bars = strip(&evaluate(&dataset)[0], &period(), None, utc());
        assert_eq!((bars.len(), bars[0].status, bars[24].status), (25, Status::Unknown, Status::Healthy));
        assert_eq!(bars[0].label, "Saturday 13:00–14:00: not observed");
        assert!(bars[24].label.starts_with("Sunday 13:00–14:00: 100% up; not observed for"), "{}", bars[24].label);
    }

    #[test]
    fn a_bar_shows_its_worst_status_and_error() {
        let samples: Vec<_> =
            (0..180).map(|ago| ("A", "", ago, if ago == 90 { Status::Down } else { Status::Healthy })).collect();
        let dataset = dataset(&samples);
        let bars = strip(&evaluate(&dataset)[0], &period(), None, utc());
        assert_eq!(bars[22].status, Status::Down, "90 minutes before 13:02 is in the hour from 11:00");
        assert_eq!(bars[22].label, "Sunday 11:00–12:00: 98.33% up; down for 1 min – connection refused");
        assert_eq!(bars[23].status, Status::Healthy);
    }

    #[test]
    fn an_outage_of_several_hours_is_drawn_in_each() {
        let samples: Vec<_> = (0..600).map(|ago| ("A", "", ago, Status::Down)).collect();
        let dataset = dataset(&samples);
        let bars = strip(&evaluate(&dataset)[0], &period(), None, utc());
        assert_eq!(bars.iter().filter(|bar| bar.status == Status::Down).count(), 11);
    }

    /// Creates bars of equal width with these breakdowns.
    fn bars(breakdowns: &[UptimeBreakdown]) -> Vec<Arc<BarView>> {
        let one = |(index, breakdown): (usize, &UptimeBreakdown)| {
            let width = 100.0 / breakdowns.len() as f64;
            let bar =
                bar(&evaluate(&dataset(&[("A", "", 0, Status::Healthy)]))[0], period().buckets[0], &period(), utc());
            Arc::new(BarView {
                x: index as f64 * width,
                width,
                is_before_first: false,
                status: breakdown.worst(),
                parts: parts(breakdown, [0, 0]),
                ..bar
            })
        };
        breakdowns.iter().enumerate().map(one).collect()
    }

    #[test]
    fn equal_parts_of_consecutive_bars_are_one_segment() {
        let [healthy, unknown] = [
            UptimeBreakdown { healthy: DAY, ..UptimeBreakdown::default() },
            UptimeBreakdown { unknown: DAY, ..UptimeBreakdown::default() },
        ];
        let paths = bar_paths(&bars(&[unknown, unknown, healthy, healthy]));
        let part = BarPart { status: Status::Unknown, is_planned: false, y: 6.0, height: 26.0 };
        assert_eq!(paths.unknown, [Segment { part, x: 0.0, width: 50.0 }]);
        assert_eq!(paths.parts[0], "M500.00 6.00h500.00v26.00h-500.00Z");
        assert_eq!(paths.gaps, "M250.00 0V32.00M500.00 0V32.00M750.00 0V32.00");
    }

    #[test]
    fn statuses_differ_without_colors() {
        let [healthy, degraded, down] = [
            UptimeBreakdown { healthy: DAY, ..UptimeBreakdown::default() },
            UptimeBreakdown { healthy: DAY - SECOND, degraded: SECOND, ..UptimeBreakdown::default() },
            UptimeBreakdown { healthy: DAY - SECOND, down: SECOND, ..UptimeBreakdown::default() },
        ];
        let mark = |breakdown: UptimeBreakdown, index: usize| {
            let path = bar_paths(&bars(&[breakdown])).parts[index].clone();
            path.split_inclusive('Z')
                .filter(|part| !part.contains("26.00") && !part.contains("v8.00") && !part.contains("v5.00"))
                .collect::<String>()
        };
        assert_eq!(mark(healthy, 0), "");
        assert_eq!(mark(degraded, 1), "M0.00 4.00l500.00 -4.00l500.00 4.00Z", "a triangle");
        assert_eq!(mark(down, 2), "M0.00 0.00h1000.00v4.00h-1000.00Z", "a block");
    }

    proptest! {
        #[test]
        fn the_parts_fill_the_bar(
            healthy in 0..DAY, degraded in 0..DAY, down in 0..DAY, unknown in 0..DAY,
        ) {
            let parts = parts(&UptimeBreakdown { healthy, degraded, down, unknown }, [degraded / 2, down / 3]);
            let bottom = parts.iter().fold(PARTS_FROM, |edge: f64, part| {
                let gap = if edge > PARTS_FROM { PART_GAP } else { 0.0 };
                let least = least_height(part.status) / 2.0 - PART_GAP;
                assert!((part.y - edge - gap).abs() < 1e-9 && part.height >= least);
                part.y + part.height
            });
            prop_assert!((bottom - BAR_HEIGHT).abs() < 1e-9);
        }
    }
}

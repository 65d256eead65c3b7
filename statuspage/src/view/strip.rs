//! The strip of uptime bars: the shares of each slot, their geometry and their sentence. Pure.

use std::sync::Arc;

use shared::UnixNanos;
use shared::status::Status;
use shared::uptime::{self, UptimeBreakdown};

use super::evaluate::EvaluatedEndpoint;
use super::geometry::{BAR_HEIGHT, WIDTH, number};
use super::period::Period;
use super::text;
use crate::dataset::TimeBucket;
use crate::i18n::Calendar;
use crate::i18n::{Language, texts};

/// Above each bar there is room for the mark of its worst status, which is a block where it was down and a roof where it
/// was degraded, as the shapes of both are elsewhere: so they stay apart without colors. In pixels.
const MARK_HEIGHT: f64 = 4.0;

/// The upper edge of what is shared out among statuses, in pixels.
const PARTS_FROM: f64 = 6.0;

/// A failure of a second among days stays visible: no part is lower than this, in pixels.
const PART_LEAST: f64 = 3.0;

/// What separates a part from the one above it, in pixels.
const PART_GAP: f64 = 1.0;

/// The statuses of which a strip has a path each; what nobody observed is hatched, which no path can be.
pub const PATH_STATUSES: [Status; 3] = [Status::Healthy, Status::Degraded, Status::Down];

/// One bar.
#[derive(Debug, Clone, PartialEq)]
pub struct BarView {
    /// The first moment of its slot.
    pub start: UnixNanos,
    /// The first moment after its slot.
    pub end: UnixNanos,
    /// The worst status in it.
    pub status: Status,
    /// Whether a reader has opened it.
    pub is_open: bool,
    /// Where it begins and how wide it is, in percent of the strip.
    pub x: f64,
    /// Its width in percent of the strip.
    pub width: f64,
    /// Its parts, from the top down.
    pub parts: Vec<BarPart>,
    /// Its slot in words: `Sunday 14:00–15:00`.
    pub when: String,
    /// Its shares in words: `99.20% up; down for 11 min`.
    pub summary: String,
    /// The newest error of the worst status in it.
    pub reason: Option<Arc<str>>,
    /// All of it in a sentence, for those who hear the page.
    pub label: String,
}

/// A part of a bar.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct BarPart {
    /// Whose share it is.
    pub status: Status,
    /// Its upper edge in pixels.
    pub y: f64,
    /// Its height in pixels.
    pub height: f64,
}

/// What is drawn of bars: few elements for many of them, since a browser takes its time for each.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct BarPaths {
    /// The path of each drawn status, in units of [`WIDTH`] to the width of the strip.
    pub parts: [String; 3],
    /// The path of the slits between the bars.
    pub slits: String,
    /// What nobody observed.
    pub unknown: Vec<Segment>,
}

/// A part that goes on through several bars.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Segment {
    /// What it is.
    pub part: BarPart,
    /// Where it begins and how wide it is, in percent of the strip.
    pub x: f64,
    /// Its width in percent of the strip.
    pub width: f64,
}

/// What is drawn of bars.
#[must_use]
pub fn bar_paths(bars: &[Arc<BarView>]) -> BarPaths {
    let mut drawing = BarPaths::default();
    let mut segments: Vec<Segment> = Vec::new();
    for bar in bars {
        if bar.x > 0.0 {
            drawing.slits += &["M", &units(bar.x), " 0V", &number(BAR_HEIGHT)].concat();
        }
        for part in &bar.parts {
            let goes_on = |open: &&mut Segment| open.part == *part && (open.x + open.width - bar.x).abs() < 1e-6;
            // One that goes on was added with the bar before.
            match segments.iter_mut().rev().take(2 * Status::ALL.len()).find(goes_on) {
                Some(open) => open.width = bar.x + bar.width - open.x,
                None => segments.push(Segment { part: *part, x: bar.x, width: bar.width }),
            }
        }
        match bar.status {
            Status::Degraded => drawing.parts[1] += &roof(bar.x, bar.width),
            Status::Down => drawing.parts[2] += &block(bar.x, bar.width, 0.0, MARK_HEIGHT),
            _ => {}
        }
    }
    for Segment { part, x, width } in &segments {
        let Some(place) = PATH_STATUSES.iter().position(|status| *status == part.status) else { continue };
        drawing.parts[place] += &block(*x, *width, part.y, part.height);
    }
    segments.retain(|stretch| stretch.part.status == Status::Unknown);
    drawing.unknown = segments;
    drawing
}

fn block(x: f64, width: f64, y: f64, height: f64) -> String {
    let width = units(width);
    format!("M{} {}h{width}v{}h-{width}Z", units(x), number(y), number(height))
}

fn roof(x: f64, width: f64) -> String {
    let (half, mark) = (units(width / 2.0), number(MARK_HEIGHT));
    format!("M{} {mark}l{half} -{mark}l{half} {mark}Z", units(x))
}

/// A share of the strip in units of its drawing.
fn units(percent: f64) -> String {
    number(percent / 100.0 * WIDTH)
}

/// The bars of an endpoint, oldest first.
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

/// One bar, not open.
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
    let incidents = uptime::significant_outages(&evaluated.spans, bucket.start);
    let summary = summary(&breakdown, incidents.take_while(|span| span.start < bucket.end).count(), language);
    let mut label = language.format(texts::COLON, &[&when, &summary]);
    if let Some(reason) = &reason {
        label = language.format(texts::DASH, &[&label, reason]);
    }
    let x = period.share(bucket.start) * 100.0;
    BarView {
        start: bucket.start,
        end: bucket.end,
        status,
        is_open: false,
        x,
        width: period.share(bucket.end) * 100.0 - x,
        parts: parts(&breakdown),
        when,
        summary,
        reason,
        label,
    }
}

fn when(bucket: TimeBucket, period: &Period, calendar: Calendar<'_>) -> String {
    if period.by_hour {
        return calendar.hour_span(bucket.start, bucket.end);
    }
    calendar.date_span(bucket.start, bucket.end - 1)
}

/// `100% up`, `99.20% up; down for 11 min`, `97.20% up; down for 40 min; 2 outages`, `not observed`.
fn summary(breakdown: &UptimeBreakdown, incidents: usize, language: &Language) -> String {
    let Some(uptime) = breakdown.uptime() else { return language.format(texts::NOT_OBSERVED, &[]) };
    let up = language.format(texts::UP, &[&language.percent(&uptime.percent())]);
    let shares = text::append_durations(up, breakdown, language);
    // Of a single one all is said.
    if incidents < 2 {
        return shares;
    }
    language.format(texts::SEMICOLON, &[&shares, &language.plural(texts::OUTAGES, incidents, &[])])
}

/// The parts of a bar from the top down: what nobody observed, healthy, degraded, and down at the bottom, where
/// its height is easiest to compare. Each that occurred is at least [`PART_LEAST`] high, with the gap above it.
fn parts(breakdown: &UptimeBreakdown) -> Vec<BarPart> {
    let order = [Status::Unknown, Status::Healthy, Status::Degraded, Status::Down];
    let period = breakdown.period();
    let whole = BAR_HEIGHT - PARTS_FROM;
    if period <= 0 {
        return vec![BarPart { status: Status::Unknown, y: PARTS_FROM, height: whole }];
    }
    let share = |status: Status| breakdown.time(status) as f64 / period as f64;
    let occurred = order.into_iter().filter(|status| breakdown.time(*status) > 0);
    let count = occurred.clone().count() as f64;
    // Every part gets the least height, and what is left is shared out by time.
    let to_share = whole - PART_LEAST * count;
    let mut y = PARTS_FROM;
    occurred
        .map(|status| {
            let height = PART_LEAST + to_share * share(status);
            let gap = if y > PARTS_FROM { PART_GAP } else { 0.0 };
            let part = BarPart { status, y: y + gap, height: height - gap };
            y += height;
            part
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test_support::utc;
    use crate::test_support::{dataset, evaluate, period};
    use proptest::prelude::*;
    use shared::{DAY, SECOND};

    #[test]
    fn a_short_failure_stays_visible_and_is_not_more_than_it_was() {
        let breakdown = UptimeBreakdown { healthy: DAY - SECOND, down: SECOND, ..UptimeBreakdown::default() };
        let parts = parts(&breakdown);
        assert_eq!(parts.iter().map(|part| part.status).collect::<Vec<_>>(), [Status::Healthy, Status::Down]);
        let drawn = PART_LEAST - PART_GAP;
        assert!(parts[1].height >= drawn && parts[1].height < drawn + 0.1);
        assert_eq!(summary(&breakdown, 1, utc().language), "99.998% up; down for 1 s");
    }

    #[test]
    fn of_several_incidents_a_bar_tells_how_many() {
        let down = |ago: i64| matches!(ago, 20 | 21 | 30);
        let samples: Vec<_> =
            (0..120).map(|ago| ("A", "", ago, if down(ago) { Status::Down } else { Status::Healthy })).collect();
        let dataset = dataset(&samples);
        let bars = strip(&evaluate(&dataset)[0], &period(), None, utc());
        assert!(bars[23].label.ends_with("down for 3 min; 2 outages – connection refused"), "{}", bars[23].label);
    }

    #[test]
    fn a_slot_nobody_observed_is_unknown_and_not_green() {
        let dataset = dataset(&[("A", "", 0, Status::Healthy), ("A", "", 1, Status::Healthy)]);
        let bars = strip(&evaluate(&dataset)[0], &period(), None, utc());
        assert_eq!((bars.len(), bars[0].status, bars[24].status), (25, Status::Unknown, Status::Healthy));
        assert_eq!(bars[0].label, "Saturday 13:00–14:00: not observed");
        assert!(bars[24].label.starts_with("Sunday 13:00–14:00: 100% up; not observed for"), "{}", bars[24].label);
    }

    #[test]
    fn a_bar_shows_its_worst_status_and_the_error_of_that_status() {
        let samples: Vec<_> =
            (0..180).map(|ago| ("A", "", ago, if ago == 90 { Status::Down } else { Status::Healthy })).collect();
        let dataset = dataset(&samples);
        let bars = strip(&evaluate(&dataset)[0], &period(), None, utc());
        assert_eq!(bars[22].status, Status::Down, "13:02 less 90 min is in the hour from 11:00");
        assert_eq!(bars[22].label, "Sunday 11:00–12:00: 98.33% up; down for 1 min – connection refused");
        assert_eq!(bars[23].status, Status::Healthy);
    }

    #[test]
    fn an_outage_of_several_slots_is_painted_on_each() {
        let samples: Vec<_> = (0..600).map(|ago| ("A", "", ago, Status::Down)).collect();
        let dataset = dataset(&samples);
        let bars = strip(&evaluate(&dataset)[0], &period(), None, utc());
        assert_eq!(bars.iter().filter(|bar| bar.status == Status::Down).count(), 11);
    }

    /// Three bars with these reckonings.
    fn bars(breakdowns: &[UptimeBreakdown]) -> Vec<Arc<BarView>> {
        let one = |(place, breakdown): (usize, &UptimeBreakdown)| {
            let width = 100.0 / breakdowns.len() as f64;
            let bar =
                bar(&evaluate(&dataset(&[("A", "", 0, Status::Healthy)]))[0], period().buckets[0], &period(), utc());
            Arc::new(BarView {
                x: place as f64 * width,
                width,
                status: breakdown.worst(),
                parts: parts(breakdown),
                ..bar
            })
        };
        breakdowns.iter().enumerate().map(one).collect()
    }

    #[test]
    fn what_is_the_same_in_neighboring_bars_is_drawn_at_once() {
        let [healthy, unknown] = [
            UptimeBreakdown { healthy: DAY, ..UptimeBreakdown::default() },
            UptimeBreakdown { unknown: DAY, ..UptimeBreakdown::default() },
        ];
        let drawing = bar_paths(&bars(&[unknown, unknown, healthy, healthy]));
        let part = BarPart { status: Status::Unknown, y: 6.0, height: 26.0 };
        assert_eq!(drawing.unknown, [Segment { part, x: 0.0, width: 50.0 }]);
        assert_eq!(drawing.parts[0], "M500.00 6.00h500.00v26.00h-500.00Z");
        assert_eq!(drawing.slits, "M250.00 0V32.00M500.00 0V32.00M750.00 0V32.00");
    }

    #[test]
    fn without_colors_each_status_has_a_shape_of_its_own() {
        let [healthy, degraded, down] = [
            UptimeBreakdown { healthy: DAY, ..UptimeBreakdown::default() },
            UptimeBreakdown { healthy: DAY - SECOND, degraded: SECOND, ..UptimeBreakdown::default() },
            UptimeBreakdown { healthy: DAY - SECOND, down: SECOND, ..UptimeBreakdown::default() },
        ];
        let above = |breakdown: UptimeBreakdown, place: usize| {
            let path = bar_paths(&bars(&[breakdown])).parts[place].clone();
            path.split_inclusive('Z')
                .filter(|part| !part.contains("26.00") && !part.contains("v2.00"))
                .collect::<String>()
        };
        assert_eq!(above(healthy, 0), "");
        assert_eq!(above(degraded, 1), "M0.00 4.00l500.00 -4.00l500.00 4.00Z", "a roof");
        assert_eq!(above(down, 2), "M0.00 0.00h1000.00v4.00h-1000.00Z", "a block");
    }

    proptest! {
        #[test]
        fn the_parts_fill_the_bar(
            healthy in 0..DAY, degraded in 0..DAY, down in 0..DAY, unknown in 0..DAY,
        ) {
            let parts = parts(&UptimeBreakdown { healthy, degraded, down, unknown });
            let bottom = parts.iter().fold(PARTS_FROM, |edge: f64, part| {
                let gap = if edge > PARTS_FROM { PART_GAP } else { 0.0 };
                assert!((part.y - edge - gap).abs() < 1e-9 && part.height >= PART_LEAST - PART_GAP);
                part.y + part.height
            });
            prop_assert!((bottom - BAR_HEIGHT).abs() < 1e-9);
        }
    }
}

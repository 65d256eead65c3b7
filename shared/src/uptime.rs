//! From results to time: spans of status, and how much of a period was up, degraded, down or unknown.
//!
//! Uptime is time, not a count of checks: a result stands from its timestamp until the next one, or until its
//! interval times [`TOLERANCE`] has passed; after that the status is unknown. Unknown time has no span.

use crate::sorted;
use crate::status::Status;
use crate::{MINUTE, Nanos, SECOND, UnixNanos};

/// How much longer than its interval a result stands, as a fraction: one late round does not tear a hole, one
/// that is missing does.
pub const TOLERANCE: (i64, i64) = (3, 2);

/// How long a result stands whose interval nobody said and nothing tells: the original's documented example.
pub const FALLBACK_INTERVAL: Nanos = 10 * MINUTE;

/// A stretch of time with one status: `start <= t < end`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Span {
    /// The first moment of it.
    pub start: UnixNanos,
    /// The first moment after it.
    pub end: UnixNanos,
    /// The status; never unknown, since unknown is where no span is.
    pub status: Status,
}

/// What one result says about time: from when, which status, and how long it was meant to stand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Observation {
    /// When the check started.
    pub at: UnixNanos,
    /// What was concluded.
    pub status: Status,
    /// How long it is meant to stand in nanoseconds; `None` if the result does not say.
    pub interval: Option<Nanos>,
}

/// The spans of one endpoint as one node saw it up to `now`, in order and without overlap.
///
/// `observations` come in any order; of two at the same moment the worse counts. Those after `now` are left out.
/// Where a result does not say its interval, the usual gap between the results before it stands for it.
#[must_use]
pub fn spans(mut observations: Vec<Observation>, now: UnixNanos) -> Vec<Span> {
    observations.retain(|observation| observation.at <= now);
    sorted::by_key(&mut observations, |seen| seen.interval.unwrap_or(i64::MIN));
    sorted::by_key(&mut observations, |seen| seen.status as i64);
    sorted::by_key(&mut observations, |seen| seen.at);
    let mut track = Track::default();
    for observation in observations {
        track.add(observation);
    }
    track.cut(now);
    track.spans
}

impl Observation {
    /// What brings observations in order; of two at the same moment the last one counts, and that is the worse.
    #[must_use]
    pub fn place_in_time(&self) -> (UnixNanos, Status, Option<Nanos>) {
        (self.at, self.status, self.interval)
    }
}

/// How many gaps between results are remembered to tell the usual one: enough that an outage or a round by hand
/// among them does not move the median.
pub const GAPS_REMEMBERED: usize = 8;

/// The spans of one endpoint as one node sees it, growing with each observation.
///
/// The last span reaches to where the last observation stands, which may be in the future. This is all there is to
/// know to go on, so that a track that was written down and read back goes on as if nothing had happened.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Track {
    /// The spans, in order and without overlap.
    pub spans: Vec<Span>,
    /// The newest observation.
    pub last: Option<Observation>,
    /// When the latest observations were made, if they do not say their interval: oldest first, one more than
    /// [`GAPS_REMEMBERED`] at the most. One that says it ends the sequence.
    pub without_interval: Vec<UnixNanos>,
    /// When the newest of all observations that do not say their interval was made.
    pub untold: Option<UnixNanos>,
}

impl Track {
    /// Adds the next observation. What was known from its moment on is replaced by what it says.
    pub fn add(&mut self, observation: Observation) {
        let stands = observation.interval.unwrap_or_else(|| {
            self.untold = Some(observation.at);
            self.without_interval.push(observation.at);
            if self.without_interval.len() > GAPS_REMEMBERED + 1 {
                self.without_interval.remove(0);
            }
            usual_gap(&self.without_interval).unwrap_or(FALLBACK_INTERVAL)
        });
        if observation.interval.is_some() {
            self.without_interval.clear();
        }
        self.cut(observation.at);
        let end = observation.at.saturating_add(stands_for(stands));
        push(&mut self.spans, Span { start: observation.at, end, status: observation.status });
        self.last = Some(observation);
    }

    /// Until when the newest observation stands, whatever it says.
    #[must_use]
    pub fn stands_until(&self) -> Option<UnixNanos> {
        let last = self.last?;
        let interval = last.interval.or_else(|| usual_gap(&self.without_interval)).unwrap_or(FALLBACK_INTERVAL);
        Some(last.at.saturating_add(stands_for(interval)))
    }

    /// Forgets what the spans say from `moment` on.
    pub fn cut(&mut self, moment: UnixNanos) {
        while let Some(last) = self.spans.last_mut() {
            if last.start < moment {
                last.end = last.end.min(moment);
                break;
            }
            self.spans.pop();
        }
    }
}

/// How long a result with this interval stands: the interval times [`TOLERANCE`].
#[must_use]
pub fn stands_for(interval: Nanos) -> Nanos {
    let (numerator, denominator) = TOLERANCE;
    (interval / denominator).saturating_mul(numerator)
}

/// The median gap between moments that are in order; `None` if there are fewer than two different ones.
#[must_use]
pub fn usual_gap(times: &[UnixNanos]) -> Option<Nanos> {
    let mut gaps: Vec<Nanos> =
        times.windows(2).map(|pair| pair[1].saturating_sub(pair[0])).filter(|gap| *gap > 0).collect();
    sorted::numbers(&mut gaps);
    gaps.get(gaps.len() / 2).copied()
}

/// Adds a span behind the others, or lengthens the last one if it goes on; empty and unknown ones are left out.
pub fn push(spans: &mut Vec<Span>, span: Span) {
    if span.end <= span.start || span.status == Status::Unknown {
        return;
    }
    match spans.last_mut() {
        Some(last) if last.end == span.start && last.status == span.status => last.end = span.end,
        _ => spans.push(span),
    }
}

/// The status at a moment; unknown where no span is. The spans are in order.
#[must_use]
pub fn status_at(spans: &[Span], moment: UnixNanos) -> Status {
    let after = spans.partition_point(|span| span.start <= moment);
    match spans[..after].last() {
        Some(span) if moment < span.end => span.status,
        _ => Status::Unknown,
    }
}

/// The span of the status that is the case at `now`, where spans were cut at `now`. Where a clock is a little behind, or
/// nodes are not in step, the status stands although its span has ended: then it is the last one of that status.
#[must_use]
pub fn present_span(spans: &[Span], status: Status, now: UnixNanos) -> Option<Span> {
    let is_of_status = |span: &Span| span.status == status;
    let current = spans.last().copied().filter(|span| span.start <= now && span.end >= now);
    match current.filter(is_of_status) {
        None if status != Status::Unknown => spans.iter().copied().rfind(is_of_status).or(spans.last().copied()),
        span => span,
    }
}

/// The incidents that reach into the time from `from` on: every span that was degraded or down, in order.
pub fn incidents(spans: &[Span], from: UnixNanos) -> impl Iterator<Item = &Span> {
    let first = spans.partition_point(|span| span.end <= from);
    spans[first..].iter().filter(|span| span.status >= Status::Degraded)
}

/// What begins, or ends, this close together is one event: a round takes its time, and nodes are not in step.
pub const TOGETHER: Nanos = 90 * SECOND;

/// The incidents that are worth a line: all but the moments in which a first node saw already, or a last one saw still,
/// what made an endpoint degraded on its way down or back.
pub fn notable_incidents(spans: &[Span], from: UnixNanos) -> impl Iterator<Item = &Span> {
    incidents(spans, from).filter(|span| {
        let is_passing = span.status == Status::Degraded && span.end - span.start < TOGETHER;
        let place = spans.partition_point(|other| other.start < span.start);
        let touches =
            |other: &Span| other.status == Status::Down && (other.end == span.start || span.end == other.start);
        let neighbours = [place.checked_sub(1), Some(place + 1)].into_iter().flatten();
        !(is_passing && neighbours.filter_map(|place| spans.get(place)).any(touches))
    })
}

/// A hole in the looking is worth a word from this length on.
const HOLE_LEAST: Nanos = MINUTE;

/// The stretches up to `now` that reach into the time from `from` on and in which nobody looked at anything, after somebody
/// first had; `spans` are those of all endpoints.
#[must_use]
pub fn holes<'a>(spans: impl Iterator<Item = &'a Span>, from: UnixNanos, now: UnixNanos) -> Vec<Span> {
    let mut spans: Vec<(UnixNanos, UnixNanos)> = spans.map(|span| (span.start, span.end)).collect();
    sorted::by_key(&mut spans, |(start, _)| *start);
    let Some((_, mut known_until)) = spans.first().copied() else { return Vec::new() };
    let mut holes = Vec::new();
    for (start, end) in spans.into_iter().chain([(now, now)]) {
        if start - known_until >= HOLE_LEAST && start > from {
            holes.push(Span { start: known_until, end: start, status: Status::Unknown });
        }
        known_until = known_until.max(end);
    }
    holes
}

/// How the time of a period divides; the four add up to the period.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Reckoning {
    /// Time that was healthy.
    pub healthy: Nanos,
    /// Time that was degraded.
    pub degraded: Nanos,
    /// Time that was down.
    pub down: Nanos,
    /// Time that nobody observed.
    pub unknown: Nanos,
}

impl Reckoning {
    /// Divides the period `from <= t < to` by spans that are in order and do not overlap.
    #[must_use]
    pub fn of(spans: &[Span], from: UnixNanos, to: UnixNanos) -> Reckoning {
        let mut reckoning = Reckoning { unknown: to.saturating_sub(from).max(0), ..Reckoning::default() };
        let first = spans.partition_point(|span| span.end <= from);
        for span in spans[first..].iter().take_while(|span| span.start < to) {
            let length = span.end.min(to).saturating_sub(span.start.max(from)).max(0);
            *reckoning.time_mut(span.status) += length;
            if span.status != Status::Unknown {
                reckoning.unknown -= length;
            }
        }
        reckoning
    }

    fn time_mut(&mut self, status: Status) -> &mut Nanos {
        match status {
            Status::Unknown => &mut self.unknown,
            Status::Healthy => &mut self.healthy,
            Status::Degraded => &mut self.degraded,
            Status::Down => &mut self.down,
        }
    }

    /// The time spent in a status.
    #[must_use]
    pub fn time(&self, status: Status) -> Nanos {
        match status {
            Status::Unknown => self.unknown,
            Status::Healthy => self.healthy,
            Status::Degraded => self.degraded,
            Status::Down => self.down,
        }
    }

    /// The whole period.
    #[must_use]
    pub fn period(&self) -> Nanos {
        self.observed() + self.unknown
    }

    /// The time somebody knew the status.
    #[must_use]
    pub fn observed(&self) -> Nanos {
        self.up() + self.down
    }

    /// The time it worked: healthy and degraded.
    #[must_use]
    pub fn up(&self) -> Nanos {
        self.healthy + self.degraded
    }

    /// Uptime = up / observed; `None` if nothing was observed.
    #[must_use]
    pub fn uptime(&self) -> Option<Share> {
        Share::of(self.up(), self.observed())
    }

    /// Coverage = observed / period; `None` if the period is empty.
    #[must_use]
    pub fn coverage(&self) -> Option<Share> {
        Share::of(self.observed(), self.period())
    }

    /// The worst status that occurred, unknown if nothing was observed.
    #[must_use]
    pub fn worst(&self) -> Status {
        Status::ALL.into_iter().rev().find(|status| self.time(*status) > 0).unwrap_or_default()
    }
}

/// A part of a whole, kept exactly: `0 <= part <= whole`, `whole > 0`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Share {
    part: Nanos,
    whole: Nanos,
}

impl Share {
    fn of(part: Nanos, whole: Nanos) -> Option<Share> {
        (whole > 0).then_some(Share { part, whole })
    }

    /// As a number from 0 to 1, for geometry; text comes from [`Share::percent`].
    #[must_use]
    pub fn fraction(self) -> f64 {
        self.part as f64 / self.whole as f64
    }

    /// As text, cut and never rounded up: `100%` means all of it, to the nanosecond; else two decimals
    /// (`99.97%`), and as many more, up to five, as it takes to show the first figure that is no nine.
    #[must_use]
    pub fn percent(self) -> String {
        if self.part >= self.whole {
            return "100%".to_owned();
        }
        // In units of 10^-7, five decimals of a percentage, cut: a figure after the other, so that nothing overflows.
        let (mut cut, mut rest) = (0, self.part);
        for _ in 0..7 {
            let ten = rest.saturating_mul(10);
            cut = cut * 10 + ten / self.whole;
            rest = ten % self.whole;
        }
        let (whole, decimals) = (cut / 100_000, format!("{:05}", cut % 100_000));
        let nines = decimals.bytes().take_while(|byte| *byte == b'9').count();
        let shown = if whole == 99 { (nines + 1).clamp(2, 5) } else { 2 };
        format!("{whole}.{}%", &decimals[..shown])
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{DAY, HOUR, SECOND};
    use proptest::prelude::*;

    fn seen(at: UnixNanos, status: Status) -> Observation {
        Observation { at: at * MINUTE, status, interval: Some(MINUTE) }
    }

    fn span(start: UnixNanos, end: UnixNanos, status: Status) -> Span {
        Span { start: start * SECOND, end: end * SECOND, status }
    }

    #[test]
    fn a_result_stands_until_the_next_one() {
        let seen = vec![seen(0, Status::Healthy), seen(1, Status::Down), seen(2, Status::Healthy)];
        assert_eq!(
            spans(seen, 3 * MINUTE),
            [span(0, 60, Status::Healthy), span(60, 120, Status::Down), span(120, 180, Status::Healthy)]
        );
    }

    #[test]
    fn a_late_round_tears_no_hole_and_a_missing_one_does() {
        let mut late = seen(1, Status::Healthy);
        late.at += 20 * SECOND;
        assert_eq!(spans(vec![seen(0, Status::Healthy), late], late.at), [span(0, 80, Status::Healthy)]);
        let missing = vec![seen(0, Status::Healthy), seen(2, Status::Healthy)];
        assert_eq!(spans(missing, 2 * MINUTE), [span(0, 90, Status::Healthy)]);
    }

    #[test]
    fn a_node_that_stops_reporting_turns_unknown() {
        let spans = spans(vec![seen(0, Status::Healthy)], 10 * MINUTE);
        assert_eq!(status_at(&spans, 89 * SECOND), Status::Healthy);
        assert_eq!(status_at(&spans, 90 * SECOND), Status::Unknown);
        assert_eq!(present_span(&spans, Status::Unknown, 10 * MINUTE), None);
    }

    #[test]
    fn a_result_of_this_moment_is_current() {
        let spans = spans(vec![seen(0, Status::Down)], MINUTE);
        assert_eq!(present_span(&spans, Status::Down, MINUTE), Some(span(0, 60, Status::Down)));
    }

    #[test]
    fn a_status_that_stands_although_its_span_has_ended_began_with_the_last_one_of_it() {
        let spans = [span(0, 60, Status::Down), span(60, 120, Status::Healthy), span(120, 130, Status::Down)];
        assert_eq!(present_span(&spans, Status::Healthy, 140 * SECOND), Some(spans[1]));
        assert_eq!(present_span(&spans, Status::Degraded, 140 * SECOND), Some(spans[2]), "there is none of it");
    }

    #[test]
    fn nodes_out_of_step_make_no_incident_of_their_own() {
        let span = |start: i64, end: i64, status| Span { start: start * SECOND, end: end * SECOND, status };
        let notable = |spans: &[Span]| notable_incidents(spans, 0).map(|span| span.status).collect::<Vec<_>>();
        let outage = [
            span(0, 60, Status::Healthy),
            span(60, 80, Status::Degraded),
            span(80, 400, Status::Down),
            span(400, 489, Status::Degraded),
            span(489, 600, Status::Healthy),
        ];
        assert_eq!(notable(&outage), [Status::Down]);
        let slow = [span(60, 80, Status::Degraded), span(81, 400, Status::Down), span(400, 490, Status::Degraded)];
        assert_eq!(notable(&slow), [Status::Degraded, Status::Down, Status::Degraded], "what stands apart, or lasts");
    }

    #[test]
    fn incidents_and_holes_are_those_that_reach_into_the_period() {
        let spans = [span(0, 60, Status::Down), span(60, 120, Status::Degraded), span(300, 400, Status::Healthy)];
        assert_eq!(incidents(&spans, 60 * SECOND).collect::<Vec<_>>(), [&spans[1]]);
        assert_eq!(incidents(&spans, 59 * SECOND).count(), 2);
        let hole = [span(120, 300, Status::Unknown)];
        assert_eq!(holes(spans.iter(), 299 * SECOND, 459 * SECOND), hole);
        assert_eq!(holes(spans.iter(), 0, 460 * SECOND).len(), 2, "a minute is worth a word");
        assert_eq!(holes(spans.iter(), 300 * SECOND, 459 * SECOND), []);
        assert_eq!(holes([].iter(), 0, HOUR), [], "nobody has looked yet");
    }

    #[test]
    fn uptime_does_not_change_with_how_often_somebody_looked() {
        let uptime = |minutes: Vec<(UnixNanos, Nanos)>| {
            let seen = minutes.into_iter().map(|(minute, every)| Observation {
                at: minute * MINUTE,
                status: if (10..20).contains(&minute) { Status::Down } else { Status::Healthy },
                interval: Some(every * MINUTE),
            });
            let reckoning = Reckoning::of(&spans(seen.collect(), HOUR), 0, HOUR);
            (reckoning.uptime().map(Share::percent), reckoning.coverage().map(Share::percent))
        };
        let often = |from, to| (from..to).map(|minute| (minute, 1));
        let seldom = |from: UnixNanos, to| (from..to).step_by(5).map(|minute| (minute, 5));
        let expected = (Some("83.33%".to_owned()), Some("100%".to_owned()));
        assert_eq!(uptime(often(0, 60).collect()), expected);
        assert_eq!(uptime(seldom(0, 60).collect()), expected);
        assert_eq!(uptime(often(0, 15).chain(seldom(15, 60)).collect()), expected);
        assert_eq!(uptime(seldom(0, 15).chain(often(15, 60)).collect()), expected);
    }

    #[test]
    fn results_without_an_interval_stand_for_the_usual_gap() {
        let old = |at| Observation { at: at * MINUTE, status: Status::Healthy, interval: None };
        let spans = spans(vec![old(0), old(10), old(20), old(60)], 2 * HOUR);
        assert_eq!(spans, [span(0, 35 * 60, Status::Healthy), span(3_600, 75 * 60, Status::Healthy)]);
    }

    #[test]
    fn an_unknown_result_is_a_gap() {
        let seen = vec![seen(0, Status::Healthy), seen(1, Status::Unknown), seen(2, Status::Healthy)];
        assert_eq!(spans(seen, 3 * MINUTE), [span(0, 60, Status::Healthy), span(120, 180, Status::Healthy)]);
    }

    #[test]
    fn a_hundred_percent_means_no_second_of_downtime() {
        let quiet = Reckoning { healthy: 90 * DAY, ..Reckoning::default() };
        assert_eq!(quiet.uptime().map(Share::percent).as_deref(), Some("100%"));
        let one_second = Reckoning { healthy: 90 * DAY - SECOND, down: SECOND, ..Reckoning::default() };
        assert_eq!(one_second.uptime().map(Share::percent).as_deref(), Some("99.99998%"));
        let one_nano = Reckoning { healthy: 90 * DAY - 1, down: 1, ..Reckoning::default() };
        assert_eq!(one_nano.uptime().map(Share::percent).as_deref(), Some("99.99999%"));
    }

    #[test]
    fn percentages_are_cut() {
        for (part, whole, text) in [
            (2, 3, "66.66%"),
            (99_979, 100_000, "99.97%"),
            (99_999, 100_000, "99.9990%"),
            (0, 1, "0.00%"),
            (9_999, 10_000, "99.990%"),
        ] {
            assert_eq!(Share { part, whole }.percent(), text);
        }
    }

    #[test]
    fn nothing_observed_has_no_uptime() {
        let nothing = Reckoning::of(&[], 0, DAY);
        assert_eq!((nothing.uptime(), nothing.worst(), nothing.unknown), (None, Status::Unknown, DAY));
        assert_eq!(nothing.coverage().map(Share::percent).as_deref(), Some("0.00%"));
    }

    #[test]
    fn degraded_is_up_but_is_told() {
        let reckoning = Reckoning::of(&[span(0, 30, Status::Degraded), span(30, 60, Status::Healthy)], 0, 60 * SECOND);
        assert_eq!(reckoning.uptime().map(Share::percent).as_deref(), Some("100%"));
        assert_eq!(reckoning.worst(), Status::Degraded);
    }

    fn any_observations() -> impl Strategy<Value = Vec<Observation>> {
        let one = (0..10_000_i64, prop::sample::select(Status::ALL.to_vec()), prop::option::of(1..500_i64))
            .prop_map(|(at, status, interval)| Observation { at, status, interval });
        prop::collection::vec(one, 0..60)
    }

    proptest! {
        #[test]
        fn the_four_kinds_of_time_add_up_to_the_period(
            seen in any_observations(), now in 0..12_000_i64, from in 0..10_000_i64, length in 0..5_000_i64,
        ) {
            let spans = spans(seen, now);
            let reckoning = Reckoning::of(&spans, from, from + length);
            prop_assert_eq!(reckoning.healthy + reckoning.degraded + reckoning.down + reckoning.unknown, length);
            for status in Status::ALL {
                let counted = (from..from + length).filter(|moment| status_at(&spans, *moment) == status).count();
                prop_assert_eq!(reckoning.time(status), counted as i64);
            }
        }

        #[test]
        fn spans_are_in_order_without_overlap_and_end_by_now(seen in any_observations(), now in 0..12_000_i64) {
            let spans = spans(seen, now);
            prop_assert!(spans.iter().all(|span| span.start < span.end && span.end <= now && span.status != Status::Unknown));
            for pair in spans.windows(2) {
                prop_assert!(pair[0].end <= pair[1].start);
                prop_assert!(pair[0].end < pair[1].start || pair[0].status != pair[1].status);
            }
        }

        #[test]
        fn the_order_of_observations_changes_nothing(seen in any_observations(), now in 0..12_000_i64) {
            let mut turned = seen.clone();
            turned.reverse();
            prop_assert_eq!(spans(seen, now), spans(turned, now));
        }

        #[test]
        fn a_period_divides_like_its_parts(seen in any_observations(), cut in 0..5_000_i64) {
            let spans = spans(seen, 10_000);
            let (whole, left, right) = (Reckoning::of(&spans, 0, 5_000), Reckoning::of(&spans, 0, cut), Reckoning::of(&spans, cut, 5_000));
            for status in Status::ALL {
                prop_assert_eq!(whole.time(status), left.time(status) + right.time(status));
            }
        }

        #[test]
        fn no_share_is_shown_as_more_than_it_is(part in 0..=i64::MAX, whole in 1..=i64::MAX) {
            prop_assume!(part <= whole);
            let text = Share { part, whole }.percent();
            let shown: f64 = text.trim_end_matches('%').parse().expect("it is a number");
            prop_assert!(shown / 100.0 <= part as f64 / whole as f64 + 1e-12);
            prop_assert_eq!(text == "100%", part == whole);
        }

        #[test]
        fn extreme_times_do_not_overflow(at in any::<i64>(), interval in any::<i64>(), now in any::<i64>()) {
            let seen = Observation { at, status: Status::Down, interval: Some(interval) };
            let spans = spans(vec![seen, Observation { at: at.saturating_add(1), ..seen }], now);
            let _ = Reckoning::of(&spans, i64::MIN, now);
        }
    }
}

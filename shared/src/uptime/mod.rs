//! From results to time: spans of status; how much of a period was up, degraded, down or unknown ([`UptimeBreakdown`]); and what of it
//! is worth a line ([`outages`], [`gaps`]).
//!
//! Uptime is time, not a count of checks: a result stands from its timestamp until the next one, or until its
//! interval times [`VALIDITY_FACTOR`] has passed; after that the status is unknown. Unknown time has no span.

mod breakdown;
mod outages;

pub use self::breakdown::{Ratio, UptimeBreakdown};
pub use self::outages::{MERGE_WINDOW, gaps, outages, significant_outages};
use crate::status::Status;
use crate::{MINUTE, Nanos, UnixNanos};

/// How much longer than its interval a result stands, as a fraction: one late round does not tear a hole, one
/// that is missing does.
pub const VALIDITY_FACTOR: (i64, i64) = (3, 2);

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
    observations.sort_by_cached_key(|seen| seen.interval.unwrap_or(i64::MIN));
    observations.sort_by_cached_key(|seen| seen.status as i64);
    observations.sort_by_cached_key(|seen| seen.at);
    let mut timeline = StatusTimeline::default();
    for observation in observations {
        timeline.add(observation);
    }
    timeline.cut(now);
    timeline.spans
}

impl Observation {
    /// What brings observations in order; of two at the same moment the last one counts, and that is the worse.
    #[must_use]
    pub fn sort_key(&self) -> (UnixNanos, Status, Option<Nanos>) {
        (self.at, self.status, self.interval)
    }
}

/// How many gaps between results are remembered to tell the usual one: enough that an outage or a round by hand
/// among them does not move the median.
pub const REMEMBERED_INTERVALS: usize = 8;

/// The spans of one endpoint as one node sees it, growing with each observation.
///
/// The last span reaches to where the last observation stands, which may be in the future. This is all there is to
/// know to go on, so that a track that was written down and read back goes on as if nothing had happened.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct StatusTimeline {
    /// The spans, in order and without overlap.
    pub spans: Vec<Span>,
    /// The newest observation.
    pub last: Option<Observation>,
    /// When the latest observations were made, if they do not say their interval: oldest first, one more than
    /// [`REMEMBERED_INTERVALS`] at the most. One that says it ends the sequence.
    pub recent_without_interval: Vec<UnixNanos>,
    /// When the newest of all observations that do not say their interval was made.
    pub last_without_interval: Option<UnixNanos>,
}

impl StatusTimeline {
    /// Adds the next observation. What was known from its moment on is replaced by what it says.
    pub fn add(&mut self, observation: Observation) {
        let stands = observation.interval.unwrap_or_else(|| {
            self.last_without_interval = Some(observation.at);
            self.recent_without_interval.push(observation.at);
            if self.recent_without_interval.len() > REMEMBERED_INTERVALS + 1 {
                self.recent_without_interval.remove(0);
            }
            typical_interval(&self.recent_without_interval).unwrap_or(FALLBACK_INTERVAL)
        });
        if observation.interval.is_some() {
            self.recent_without_interval.clear();
        }
        self.cut(observation.at);
        let end = observation.at.saturating_add(validity(stands));
        push(&mut self.spans, Span { start: observation.at, end, status: observation.status });
        self.last = Some(observation);
    }

    /// Until when the newest observation stands, whatever it says.
    #[must_use]
    pub fn valid_until(&self) -> Option<UnixNanos> {
        let last = self.last?;
        let interval =
            last.interval.or_else(|| typical_interval(&self.recent_without_interval)).unwrap_or(FALLBACK_INTERVAL);
        Some(last.at.saturating_add(validity(interval)))
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

/// How long a result with this interval stands: the interval times [`VALIDITY_FACTOR`].
#[must_use]
pub fn validity(interval: Nanos) -> Nanos {
    let (numerator, denominator) = VALIDITY_FACTOR;
    (interval / denominator).saturating_mul(numerator)
}

/// The median gap between moments that are in order; `None` if there are fewer than two different ones.
#[must_use]
pub fn typical_interval(times: &[UnixNanos]) -> Option<Nanos> {
    let mut gaps: Vec<Nanos> =
        times.windows(2).map(|pair| pair[1].saturating_sub(pair[0])).filter(|gap| *gap > 0).collect();
    gaps.sort_unstable();
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
pub fn current_span(spans: &[Span], status: Status, now: UnixNanos) -> Option<Span> {
    let is_of_status = |span: &Span| span.status == status;
    let current = spans.last().copied().filter(|span| span.start <= now && span.end >= now);
    match current.filter(is_of_status) {
        None if status != Status::Unknown => spans.iter().copied().rfind(is_of_status).or(spans.last().copied()),
        span => span,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{HOUR, SECOND};
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
        assert_eq!(current_span(&spans, Status::Unknown, 10 * MINUTE), None);
    }

    #[test]
    fn a_result_of_this_moment_is_current() {
        let spans = spans(vec![seen(0, Status::Down)], MINUTE);
        assert_eq!(current_span(&spans, Status::Down, MINUTE), Some(span(0, 60, Status::Down)));
    }

    #[test]
    fn a_status_that_stands_although_its_span_has_ended_began_with_the_last_one_of_it() {
        let spans = [span(0, 60, Status::Down), span(60, 120, Status::Healthy), span(120, 130, Status::Down)];
        assert_eq!(current_span(&spans, Status::Healthy, 140 * SECOND), Some(spans[1]));
        assert_eq!(current_span(&spans, Status::Degraded, 140 * SECOND), Some(spans[2]), "there is none of it");
    }

    #[test]
    fn nodes_out_of_step_make_no_incident_of_their_own() {
        let span = |start: i64, end: i64, status| Span { start: start * SECOND, end: end * SECOND, status };
        let notable = |spans: &[Span]| significant_outages(spans, 0).map(|span| span.status).collect::<Vec<_>>();
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
        assert_eq!(outages(&spans, 60 * SECOND).collect::<Vec<_>>(), [&spans[1]]);
        assert_eq!(outages(&spans, 59 * SECOND).count(), 2);
        let hole = [span(120, 300, Status::Unknown)];
        assert_eq!(gaps(spans.iter(), 299 * SECOND, 459 * SECOND), hole);
        assert_eq!(gaps(spans.iter(), 0, 460 * SECOND).len(), 2, "a minute is worth a word");
        assert_eq!(gaps(spans.iter(), 300 * SECOND, 459 * SECOND), []);
        assert_eq!(gaps([].iter(), 0, HOUR), [], "nobody has looked yet");
    }

    #[test]
    fn uptime_does_not_change_with_how_often_somebody_looked() {
        let uptime = |minutes: Vec<(UnixNanos, Nanos)>| {
            let seen = minutes.into_iter().map(|(minute, every)| Observation {
                at: minute * MINUTE,
                status: if (10..20).contains(&minute) { Status::Down } else { Status::Healthy },
                interval: Some(every * MINUTE),
            });
            let breakdown = UptimeBreakdown::from_spans(&spans(seen.collect(), HOUR), 0, HOUR);
            (breakdown.uptime().map(Ratio::percent), breakdown.coverage().map(Ratio::percent))
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
            let breakdown = UptimeBreakdown::from_spans(&spans, from, from + length);
            prop_assert_eq!(breakdown.healthy + breakdown.degraded + breakdown.down + breakdown.unknown, length);
            for status in Status::ALL {
                let counted = (from..from + length).filter(|moment| status_at(&spans, *moment) == status).count();
                prop_assert_eq!(breakdown.time(status), counted as i64);
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
            let (whole, left, right) = (UptimeBreakdown::from_spans(&spans, 0, 5_000), UptimeBreakdown::from_spans(&spans, 0, cut), UptimeBreakdown::from_spans(&spans, cut, 5_000));
            for status in Status::ALL {
                prop_assert_eq!(whole.time(status), left.time(status) + right.time(status));
            }
        }

        #[test]
        fn extreme_times_do_not_overflow(at in any::<i64>(), interval in any::<i64>(), now in any::<i64>()) {
            let seen = Observation { at, status: Status::Down, interval: Some(interval) };
            let spans = spans(vec![seen, Observation { at: at.saturating_add(1), ..seen }], now);
            let _ = UptimeBreakdown::from_spans(&spans, i64::MIN, now);
        }
    }
}

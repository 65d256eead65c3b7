//! Turns results into status spans, and spans into figures: the time that was up, degraded, down or unknown
//! ([`UptimeBreakdown`]), [`outages()`] and [`gaps`], all of the time or outside of [`TimeRange`]s.
//!
//! Uptime is measured in time, not in checks: a result is valid from its timestamp until the next one, or until its
//! interval times [`VALIDITY_FACTOR`] has passed. After that the status is unknown, and unknown time has no span.

mod breakdown;
mod outages;
mod periods;

pub use self::breakdown::{Ratio, UptimeBreakdown};
pub use self::outages::{MERGE_WINDOW, gaps, outages};
pub use self::periods::{TimeRange, containing, merge};
use crate::sorting::sort_by_integer;
use crate::status::Status;
use crate::{DAY, MINUTE, Nanos, UnixNanos};

/// How long a result is valid, in multiples of its interval. A late round leaves no gap, but a missing round does.
pub const VALIDITY_FACTOR: (i64, i64) = (3, 2);

/// The longest interval between checks. A longer one in a result would keep a node's vote valid long after the node was
/// removed.
pub const LONGEST_INTERVAL: Nanos = 31 * DAY;

/// The interval assumed for results that have none, if it cannot be derived from neighboring results. The original
/// Checkup's documentation uses this interval in its example.
pub const FALLBACK_INTERVAL: Nanos = 10 * MINUTE;

/// A period with one status: `start <= t < end`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Span {
    /// The first nanosecond of the period.
    pub start: UnixNanos,
    /// The first nanosecond after the period.
    pub end: UnixNanos,
    /// The status during the span. It is never unknown, because unknown time has no span.
    pub status: Status,
}

/// The part of a result that matters for uptime.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Observation {
    /// When the check started, or when its file was stored if the result has no time.
    pub at: UnixNanos,
    /// The status of the result.
    pub status: Status,
    /// The time until the next check in nanoseconds, if the result contains it.
    pub interval: Option<Nanos>,
}

/// Computes the spans of one endpoint as one node saw it until `now`, in order and without overlap.
///
/// `observations` can be in any order. If two have the same time, the worse one takes precedence. Those after `now` are
/// ignored. A result without an interval gets the typical time between the results before it.
#[must_use]
pub fn spans(mut observations: Vec<Observation>, now: UnixNanos) -> Vec<Span> {
    observations.retain(|observation| observation.at <= now);
    sort_by_integer(&mut observations, |observation| observation.interval.unwrap_or(i64::MIN));
    sort_by_integer(&mut observations, |observation| observation.status as i64);
    sort_by_integer(&mut observations, |observation| observation.at);
    let mut timeline = StatusTimeline::default();
    for observation in observations {
        timeline.add(observation);
    }
    timeline.cut(now);
    timeline.spans
}

impl Observation {
    /// Returns a key that sorts by time. If two observations have the same time, the worse one comes last and therefore
    /// takes precedence.
    #[must_use]
    pub fn sort_key(&self) -> (UnixNanos, Status, Option<Nanos>) {
        (self.at, self.status, self.interval)
    }
}

/// The number of recent intervals between results that are kept. Their median is the typical interval, which an outage
/// or a manual check does not change.
pub const REMEMBERED_INTERVALS: usize = 8;

/// The spans of one endpoint as one node sees it, extended by each observation.
///
/// The last span ends when the last observation expires, which can be in the future. A timeline that was stored and
/// parsed continues exactly like the original.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct StatusTimeline {
    /// The status spans, in order and without overlap.
    pub spans: Vec<Span>,
    /// The newest observation, even if its status is unknown and it therefore has no span.
    pub last: Option<Observation>,
    /// The times of the newest observations without an interval, oldest first. There is at most one more than
    /// [`REMEMBERED_INTERVALS`]. An observation with an interval clears the list.
    pub recent_without_interval: Vec<UnixNanos>,
    /// The time of the newest observation without an interval.
    pub last_without_interval: Option<UnixNanos>,
}

impl StatusTimeline {
    /// Adds the next observation, which replaces everything since its time.
    pub fn add(&mut self, observation: Observation) {
        let interval = observation.interval.unwrap_or_else(|| {
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
        let end = observation.at.saturating_add(validity(interval));
        push(&mut self.spans, Span { start: observation.at, end, status: observation.status });
        self.last = Some(observation);
    }

    /// Returns when the newest observation expires, regardless of its status.
    #[must_use]
    pub fn valid_until(&self) -> Option<UnixNanos> {
        let last = self.last?;
        let interval =
            last.interval.or_else(|| typical_interval(&self.recent_without_interval)).unwrap_or(FALLBACK_INTERVAL);
        Some(last.at.saturating_add(validity(interval)))
    }

    /// Removes the time since `moment` from all spans.
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

/// Returns how long a result with this interval is valid: the interval times [`VALIDITY_FACTOR`]. Intervals longer than
/// [`LONGEST_INTERVAL`] are shortened.
#[must_use]
pub fn validity(interval: Nanos) -> Nanos {
    let (numerator, denominator) = VALIDITY_FACTOR;
    (interval.min(LONGEST_INTERVAL) / denominator).saturating_mul(numerator)
}

/// Returns the median time between results, or `None` if there are fewer than two distinct times. `times` are in order.
#[must_use]
pub fn typical_interval(times: &[UnixNanos]) -> Option<Nanos> {
    let mut gaps: Vec<Nanos> =
        times.windows(2).map(|pair| pair[1].saturating_sub(pair[0])).filter(|gap| *gap > 0).collect();
    sort_by_integer(&mut gaps, |gap| *gap);
    gaps.get(gaps.len() / 2).copied()
}

/// Appends a span, or extends the last one if the status stays the same. Empty and unknown spans are ignored.
pub fn push(spans: &mut Vec<Span>, span: Span) {
    if span.end <= span.start || span.status == Status::Unknown {
        return;
    }
    match spans.last_mut() {
        Some(last) if last.end == span.start && last.status == span.status => last.end = span.end,
        _ => spans.push(span),
    }
}

/// Returns the spans that overlap a period (`from <= t < to`). The spans are in order.
pub fn overlapping(spans: &[Span], from: UnixNanos, to: UnixNanos) -> impl Iterator<Item = &Span> {
    let first = spans.partition_point(|span| span.end <= from);
    spans[first..].iter().take_while(move |span| span.start < to)
}

/// Returns whether any of the spans overlaps a period (`from <= t < to`). The spans are in order.
#[must_use]
pub fn overlaps(spans: &[Span], from: UnixNanos, to: UnixNanos) -> bool {
    overlapping(spans, from, to).next().is_some()
}

/// Returns the status at a time. The spans are in order.
#[must_use]
pub fn status_at(spans: &[Span], moment: UnixNanos) -> Status {
    let after = spans.partition_point(|span| span.start <= moment);
    match spans[..after].last() {
        Some(span) if moment < span.end => span.status,
        _ => Status::Unknown,
    }
}

/// Returns the span of the current status, among spans that were cut at `now`.
///
/// If a clock is behind or the nodes' checks are not aligned, the status can be current although its span has ended. In
/// that case, this is the last span with that status.
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
    fn no_interval_keeps_a_result_valid_forever() {
        let seen = Observation { at: 0, status: Status::Healthy, interval: Some(Nanos::MAX) };
        assert_eq!(spans(vec![seen], Nanos::MAX)[0].end, 31 * DAY / 2 * 3);
    }

    #[test]
    fn a_result_is_valid_until_the_next_one() {
        let seen = vec![seen(0, Status::Healthy), seen(1, Status::Down), seen(2, Status::Healthy)];
        assert_eq!(
            spans(seen, 3 * MINUTE),
            [span(0, 60, Status::Healthy), span(60, 120, Status::Down), span(120, 180, Status::Healthy)]
        );
    }

    #[test]
    fn a_late_round_leaves_no_gap_but_a_missing_one_does() {
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
    fn a_current_status_began_with_its_last_span() {
        let spans = [span(0, 60, Status::Down), span(60, 120, Status::Healthy), span(120, 130, Status::Down)];
        assert_eq!(current_span(&spans, Status::Healthy, 140 * SECOND), Some(spans[1]));
        assert_eq!(current_span(&spans, Status::Degraded, 140 * SECOND), Some(spans[2]), "no span has this status");
    }

    #[test]
    fn unaligned_nodes_cause_no_outage() {
        let span = |start: i64, end: i64, status| Span { start: start * SECOND, end: end * SECOND, status };
        let statuses = |spans: &[Span], interval: Option<i64>| {
            outages(spans, 0, interval.map(|seconds| seconds * SECOND)).map(|span| span.status).collect::<Vec<_>>()
        };
        let outage = [
            span(0, 60, Status::Healthy),
            span(60, 80, Status::Degraded),
            span(80, 400, Status::Down),
            span(400, 489, Status::Degraded),
            span(489, 600, Status::Healthy),
        ];
        assert_eq!(statuses(&outage, None), [Status::Down]);
        assert_eq!(statuses(&outage, Some(180)), [Status::Down], "both are shorter than half an interval");
        assert_eq!(statuses(&outage, Some(178)), [Status::Down, Status::Degraded]);
        assert_eq!(statuses(&outage, Some(30)), [Status::Degraded, Status::Down, Status::Degraded]);
        let slow = [span(60, 80, Status::Degraded), span(81, 400, Status::Down), span(400, 490, Status::Degraded)];
        assert_eq!(
            statuses(&slow, None),
            [Status::Degraded, Status::Down, Status::Degraded],
            "separate or long ones count"
        );
    }

    #[test]
    fn outages_and_gaps_overlap_the_period() {
        let spans = [span(0, 60, Status::Down), span(60, 120, Status::Degraded), span(300, 400, Status::Healthy)];
        let outages = |seconds: i64| outages(&spans, seconds * SECOND, Some(MINUTE)).collect::<Vec<_>>();
        assert_eq!((outages(60), outages(59).len()), (vec![&spans[1]], 2));
        let gap = [span(120, 300, Status::Unknown)];
        assert_eq!(gaps(spans.iter(), 299 * SECOND, 459 * SECOND), gap);
        assert_eq!(gaps(spans.iter(), 0, 460 * SECOND).len(), 2, "a minute is long enough");
        assert_eq!(gaps(spans.iter(), 300 * SECOND, 459 * SECOND), []);
        assert_eq!(gaps([].iter(), 0, HOUR), [], "there were no checks yet");
    }

    #[test]
    fn uptime_does_not_depend_on_the_interval() {
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
    fn results_without_an_interval_use_the_typical_one() {
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
        fn a_breakdown_adds_up_to_the_period(
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
        fn the_order_of_observations_does_not_matter(seen in any_observations(), now in 0..12_000_i64) {
            let mut reversed = seen.clone();
            reversed.reverse();
            prop_assert_eq!(spans(seen, now), spans(reversed, now));
        }

        #[test]
        fn the_breakdowns_of_parts_add_up(seen in any_observations(), cut in 0..5_000_i64) {
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

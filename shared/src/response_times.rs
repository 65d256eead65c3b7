//! Response times over a period: from every check if check files are read, from hourly and daily percentiles if only
//! histories are read, and from sketches for other percentiles. The page and the terminal show these figures.

use crate::check_file::EndpointKey;
use crate::history::{EndpointRows, HistoryRows, Series, SketchRows, add_open_between};
use crate::latency::Sketch;
use crate::stats::Stats;
use crate::{DAY, HOUR, Nanos, UnixNanos};

/// The longest range that uses every check and shows hours. Longer ranges use histories and show days.
pub const MAX_CHECK_RANGE: Nanos = 3 * DAY;

/// The longest period that uses hourly percentiles if there are no check files. Longer periods use daily percentiles.
const MAX_HOURLY_RANGE: Nanos = 8 * DAY;

/// The percentiles that are shown for a period.
pub const PERCENTILES: [u8; 4] = [50, 90, 95, 99];

/// A check, or the percentiles of an hour or a day.
pub trait Sample {
    /// Returns when the check started, or the middle of the hour or day.
    fn at(&self) -> UnixNanos;
    /// Returns the length of the hour or day, or 0 for a check.
    fn length(&self) -> Nanos;
    /// Returns the round-trip times of successful attempts, or the percentiles.
    fn rtts(&self) -> &[Nanos];
}

/// A sample that owns its response times.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Measurement {
    /// When the check started, or the middle of the hour or day.
    pub at: UnixNanos,
    /// The length of the hour or day, or 0 for a check.
    pub length: Nanos,
    /// The round-trip times of successful attempts, or the percentiles.
    pub rtts: Box<[Nanos]>,
}

impl Sample for Measurement {
    fn at(&self) -> UnixNanos {
        self.at
    }

    fn length(&self) -> Nanos {
        self.length
    }

    fn rtts(&self) -> &[Nanos] {
        &self.rtts
    }
}

/// Converts all daily and hourly percentiles of a history to samples. `make` creates a sample from its time, length and
/// round-trip times.
pub fn from_history<S>(past: &EndpointRows, make: impl Fn(UnixNanos, Nanos, Box<[Nanos]>) -> S) -> Vec<S> {
    let newest = past.timeline.last.map_or(0, |last| last.at);
    let (hours, days) = (past.by_hour(), past.by_day());
    let days = days.iter().map(|(day, both)| (day * DAY, DAY, both));
    let hours = hours.iter().map(|(hour, both)| (hour * HOUR, HOUR, both));
    days.chain(hours)
        .map(|(start, length, both)| {
            // The median is included twice so that it remains the median.
            let rtts = Box::from([both.p50.time(), both.p50.time(), both.p95.time()]);
            make((start + length / 2).min(newest - 1), length, rtts)
        })
        .collect()
}

/// Returns one node's samples in a period (`from <= t < to`): its checks, and its percentiles from before the first
/// check. Both inputs are sorted by time.
pub fn known<'a, S: Sample>(
    past: &'a [S],
    checks: &'a [S],
    from: UnixNanos,
    to: UnixNanos,
) -> impl Iterator<Item = &'a S> {
    let checks_from = checks.first().map_or(UnixNanos::MAX, Sample::at);
    between(past, from, to.min(checks_from)).iter().chain(between(checks, from, to))
}

/// Returns the samples in a period (`from <= t < to`). `samples` are sorted by time.
fn between<S: Sample>(samples: &[S], from: UnixNanos, to: UnixNanos) -> &[S] {
    let first = samples.partition_point(|sample| sample.at() < from);
    let behind = samples.partition_point(|sample| sample.at() < to);
    &samples[first..behind.max(first)]
}

/// Which samples to use for a period. The last week has both hourly and daily ones, which must not be mixed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Resolution {
    is_fine: bool,
    hourly_from: UnixNanos,
}

impl Resolution {
    /// Chooses the resolution for a period of this length from the samples of all nodes.
    #[must_use]
    pub fn for_period<'a, S: Sample + 'a>(mut samples: impl Iterator<Item = &'a S>, length: Nanos) -> Resolution {
        let hourly = samples.find(|sample| sample.length() == HOUR);
        Resolution { is_fine: length <= MAX_HOURLY_RANGE, hourly_from: hourly.map_or(UnixNanos::MAX, Sample::at) }
    }

    /// Returns whether a sample has this resolution.
    #[must_use]
    pub fn includes(self, sample: &impl Sample) -> bool {
        match sample.length() {
            0 => true,
            HOUR => self.is_fine,
            length => !self.is_fine || sample.at() + length / 2 < self.hourly_from,
        }
    }
}

/// Computes statistics for the response times of samples. Returns `None` if there are no response times.
#[must_use]
pub fn stats<S: Sample>(samples: &[&S]) -> Option<Stats> {
    Stats::from_rtts(samples.iter().flat_map(|sample| sample.rtts()).copied().collect())
}

/// Computes the median of an endpoint's response times in a period until now, given as its start and length, from the
/// histories of all nodes. Returns `None` if there are no response times.
#[must_use]
pub fn median_of_histories(
    histories: &[HistoryRows],
    key: &EndpointKey,
    (from, length): (UnixNanos, Nanos),
    now: UnixNanos,
) -> Option<Nanos> {
    let rows = histories.iter().filter_map(|history| {
        let past = history.endpoints.iter().find(|past| past.key.is_same_endpoint(key))?;
        let mut samples = from_history(past, |at, length, rtts| Measurement { at, length, rtts });
        samples.sort_by_key(|sample| sample.at);
        Some(samples)
    });
    let rows: Vec<Vec<Measurement>> = rows.collect();
    let all = || rows.iter().flat_map(|samples| known(samples, &[], from, now.saturating_add(1)));
    let resolution = Resolution::for_period(all(), length);
    let chosen: Vec<&Measurement> = all().filter(|sample| resolution.includes(*sample)).collect();
    stats(&chosen).map(|stats| stats.median)
}

/// An endpoint's latency sketches in a node's history.
#[derive(Debug, Clone, Copy)]
pub struct LatencySketches<'a> {
    /// Sketches of closed hours, days and blocks, if any.
    pub closed: Option<&'a SketchRows>,
    /// Sketches of hours that are not closed.
    pub open: &'a Series<Sketch>,
    /// The time of the newest check in the history.
    pub newest: Option<UnixNanos>,
}

/// Adds one node's response times in a period (`from <= t < to`) to `sum`: those in its history and those of newer
/// checks.
pub fn add_node<'a, S: Sample + 'a>(
    sum: &mut Sketch,
    history: Option<LatencySketches<'_>>,
    checks: impl Iterator<Item = &'a S>,
    (from, to): (UnixNanos, UnixNanos),
) {
    let mut checks_from = from;
    if let Some(history) = history {
        if let Some(closed) = history.closed {
            closed.add_between(sum, from, to);
        }
        add_open_between(history.open, sum, from, to);
        checks_from = history.newest.map_or(from, |newest| newest + 1);
    }
    for check in checks.filter(|check| check.at() >= checks_from && check.at() < to) {
        // Like histories, this counts one response time per check.
        if let Some(stats) = Stats::from_rtts(check.rtts().to_vec()) {
            sum.add(stats.median);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample(at: UnixNanos, length: Nanos, rtt: Nanos) -> Measurement {
        Measurement { at, length, rtts: Box::from([rtt]) }
    }

    #[test]
    fn percentiles_are_used_before_the_first_check() {
        let (past, checks) = ([sample(10, HOUR, 1), sample(30, HOUR, 2)], [sample(20, 0, 3), sample(40, 0, 4)]);
        let times = |from, to| known(&past, &checks, from, to).map(|sample| sample.rtts[0]).collect::<Vec<_>>();
        assert_eq!(times(0, 100), [1, 3, 4]);
        assert_eq!((times(11, 40), times(50, 10)), (vec![3], vec![]));
    }

    #[test]
    fn a_week_uses_hours_after_days_and_a_month_only_days() {
        let samples = [sample(DAY / 2, DAY, 1), sample(5 * DAY / 2, DAY, 2), sample(2 * DAY + HOUR / 2, HOUR, 3)];
        let of_period = |length: Nanos| {
            let resolution = Resolution::for_period(samples.iter(), length);
            let chosen: Vec<&Measurement> = samples.iter().filter(|sample| resolution.includes(*sample)).collect();
            stats(&chosen).expect("there are some")
        };
        assert_eq!((of_period(7 * DAY).min, of_period(7 * DAY).max, of_period(7 * DAY).total), (1, 3, 4));
        assert_eq!((of_period(30 * DAY).min, of_period(30 * DAY).max, of_period(30 * DAY).total), (1, 2, 3));
        assert_eq!(stats::<Measurement>(&[]), None);
    }

    #[test]
    fn only_checks_after_the_history_are_added() {
        let (mut sum, mut of_hour) = (Sketch::default(), Sketch::default());
        of_hour.add(5_000_000);
        let open: Series<Sketch> = vec![(0, of_hour)];
        let history = LatencySketches { closed: None, open: &open, newest: Some(HOUR / 2) };
        let checks = [sample(HOUR / 2, 0, 1_000_000), sample(HOUR / 2 + 1, 0, 9_000_000)];
        add_node(&mut sum, Some(history), checks.iter(), (0, HOUR));
        assert_eq!(sum.count(), 2);
        add_node(&mut sum, None, checks.iter(), (0, HOUR / 2));
        assert_eq!(sum.count(), 2, "nothing is before");
    }
}

//! How long each status lasted in a period, and percentages as text.

use super::{Span, overlapping};
use crate::status::Status;
use crate::{Nanos, UnixNanos};

/// How long each status lasted in a period. The four durations add up to the length of the period.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct UptimeBreakdown {
    /// Healthy time. Like all fields, it is in nanoseconds.
    pub healthy: Nanos,
    /// Time during which the endpoint worked, but slowly or with errors.
    pub degraded: Nanos,
    /// Time during which the endpoint did not work. It reduces the uptime.
    pub down: Nanos,
    /// Time without a valid result. It does not affect the uptime.
    pub unknown: Nanos,
}

impl UptimeBreakdown {
    /// Computes the breakdown of a period (`from <= t < to`). The spans are in order and do not overlap.
    #[must_use]
    pub fn from_spans(spans: &[Span], from: UnixNanos, to: UnixNanos) -> UptimeBreakdown {
        let mut breakdown = UptimeBreakdown { unknown: to.saturating_sub(from).max(0), ..UptimeBreakdown::default() };
        for span in overlapping(spans, from, to) {
            let length = span.end.min(to).saturating_sub(span.start.max(from)).max(0);
            *breakdown.time_mut(span.status) += length;
            if span.status != Status::Unknown {
                breakdown.unknown -= length;
            }
        }
        breakdown
    }

    fn time_mut(&mut self, status: Status) -> &mut Nanos {
        match status {
            Status::Unknown => &mut self.unknown,
            Status::Healthy => &mut self.healthy,
            Status::Degraded => &mut self.degraded,
            Status::Down => &mut self.down,
        }
    }

    /// Returns how long a status lasted.
    #[must_use]
    pub fn time(&self, status: Status) -> Nanos {
        match status {
            Status::Unknown => self.unknown,
            Status::Healthy => self.healthy,
            Status::Degraded => self.degraded,
            Status::Down => self.down,
        }
    }

    /// Returns the length of the period.
    #[must_use]
    pub fn period(&self) -> Nanos {
        self.observed() + self.unknown
    }

    /// Returns the time with a known status.
    #[must_use]
    pub fn observed(&self) -> Nanos {
        self.up() + self.down
    }

    /// Returns the healthy and degraded time, which counts toward the uptime.
    #[must_use]
    pub fn up(&self) -> Nanos {
        self.healthy + self.degraded
    }

    /// Returns the uptime (up / observed), or `None` if nothing was observed.
    #[must_use]
    pub fn uptime(&self) -> Option<Ratio> {
        Ratio::new(self.up(), self.observed())
    }

    /// Returns the coverage (observed / period), or `None` if the period is empty.
    #[must_use]
    pub fn coverage(&self) -> Option<Ratio> {
        Ratio::new(self.observed(), self.period())
    }

    /// Returns the worst status in the period, or unknown if nothing was observed.
    #[must_use]
    pub fn worst(&self) -> Status {
        Status::ALL.into_iter().rev().find(|status| self.time(*status) > 0).unwrap_or_default()
    }
}

/// An exact ratio from 0 to 1: `0 <= part <= whole` and `whole > 0`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ratio {
    part: Nanos,
    whole: Nanos,
}

impl Ratio {
    fn new(part: Nanos, whole: Nanos) -> Option<Ratio> {
        (whole > 0).then_some(Ratio { part, whole })
    }

    /// Returns the ratio as a number, for drawing. Text uses [`Ratio::percent`].
    #[must_use]
    pub fn fraction(self) -> f64 {
        self.part as f64 / self.whole as f64
    }

    /// Formats the ratio as a percentage, truncated and never rounded up: `100%` means that not a single nanosecond is
    /// missing.
    ///
    /// It has two decimals (`99.97%`), or up to five to show the first digit that is not a nine (`99.998%`).
    #[must_use]
    pub fn percent(self) -> String {
        if self.part >= self.whole {
            return "100%".to_owned();
        }
        // Computed digit by digit to avoid overflow, in units of 10^-7, which gives percentages five decimals.
        let (mut truncated, mut rest) = (0, self.part);
        for _ in 0..7 {
            let ten = rest.saturating_mul(10);
            truncated = truncated * 10 + ten / self.whole;
            rest = ten % self.whole;
        }
        let (whole, decimals) = (truncated / 100_000, format!("{:05}", truncated % 100_000));
        let nines = decimals.bytes().take_while(|byte| *byte == b'9').count();
        let shown = if whole == 99 { (nines + 1).clamp(2, 5) } else { 2 };
        format!("{whole}.{decimals:.shown$}%")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{DAY, SECOND};
    use proptest::prelude::*;

    fn span(start: UnixNanos, end: UnixNanos, status: Status) -> Span {
        Span { start: start * SECOND, end: end * SECOND, status }
    }

    #[test]
    fn a_hundred_percent_means_no_second_of_downtime() {
        let quiet = UptimeBreakdown { healthy: 90 * DAY, ..UptimeBreakdown::default() };
        assert_eq!(quiet.uptime().map(Ratio::percent).as_deref(), Some("100%"));
        let one_second = UptimeBreakdown { healthy: 90 * DAY - SECOND, down: SECOND, ..UptimeBreakdown::default() };
        assert_eq!(one_second.uptime().map(Ratio::percent).as_deref(), Some("99.99998%"));
        let one_nano = UptimeBreakdown { healthy: 90 * DAY - 1, down: 1, ..UptimeBreakdown::default() };
        assert_eq!(one_nano.uptime().map(Ratio::percent).as_deref(), Some("99.99999%"));
    }

    #[test]
    fn percentages_are_truncated() {
        for (part, whole, text) in [
            (2, 3, "66.66%"),
            (99_979, 100_000, "99.97%"),
            (99_999, 100_000, "99.9990%"),
            (0, 1, "0.00%"),
            (9_999, 10_000, "99.990%"),
        ] {
            assert_eq!(Ratio { part, whole }.percent(), text);
        }
    }

    #[test]
    fn without_observations_there_is_no_uptime() {
        let nothing = UptimeBreakdown::from_spans(&[], 0, DAY);
        assert_eq!((nothing.uptime(), nothing.worst(), nothing.unknown), (None, Status::Unknown, DAY));
        assert_eq!(nothing.coverage().map(Ratio::percent).as_deref(), Some("0.00%"));
    }

    #[test]
    fn degraded_time_is_up_but_is_the_worst_status() {
        let breakdown = UptimeBreakdown::from_spans(
            &[span(0, 30, Status::Degraded), span(30, 60, Status::Healthy)],
            0,
            60 * SECOND,
        );
        assert_eq!(breakdown.uptime().map(Ratio::percent).as_deref(), Some("100%"));
        assert_eq!(breakdown.worst(), Status::Degraded);
    }

    proptest! {
        #[test]
        fn no_percentage_is_rounded_up(part in 0..=i64::MAX, whole in 1..=i64::MAX) {
            prop_assume!(part <= whole);
            let text = Ratio { part, whole }.percent();
            let shown: f64 = text.trim_end_matches('%').parse().expect("it is a number");
            prop_assert!(shown / 100.0 <= part as f64 / whole as f64 + 1e-12);
            prop_assert_eq!(text == "100%", part == whole);
        }
    }
}

//! The axes of a chart: positions of response times, grid lines at round numbers, and time labels.

use shared::stats::Stats;
use shared::{DAY, HOUR, Nanos, SECOND, UnixNanos};

use super::geometry::HEIGHT;
use super::period::Period;
use crate::i18n::Calendar;
use crate::i18n::Language;

/// The room above the highest grid line for its label, in pixels.
const HEADROOM: f64 = 14.0;
/// If the slowest response takes at least this many times as long as the median, the axis is logarithmic, because the
/// median would not be visible on a linear axis.
const LOGARITHMIC_FROM: Nanos = 40;
/// A threshold that exceeds the maximum by more than this factor is not part of the axis, because it would flatten the
/// line.
const THRESHOLD_LIMIT: Nanos = 2;
/// The maximum number of labels on the time axis, so that they do not overlap on a phone.
const TIME_LABELS_LIMIT: usize = 5;

/// The response time scale of a chart.
pub(super) struct Scale {
    /// The response time at the upper end of the scale, in nanoseconds.
    pub(super) top: f64,
    bottom: f64,
    pub(super) logarithmic: bool,
}

impl Scale {
    /// Creates the scale for all response times of a chart whose lowest point is `least`.
    pub(super) fn new(all: Option<Stats>, least: Option<Nanos>, threshold: Nanos) -> Scale {
        let Some(Stats { median, max, .. }) = all else {
            return Scale { top: 1.0, bottom: 0.0, logarithmic: false };
        };
        let highest = if threshold <= max.saturating_mul(THRESHOLD_LIMIT) { max.max(threshold) } else { max };
        if max / median.max(1) >= LOGARITHMIC_FROM {
            let bottom = power_of_ten(least.unwrap_or(0).max(1_000));
            let below = power_of_ten(highest);
            let top = if below < highest as f64 { below * 10.0 } else { below };
            return Scale { top: top.max(bottom * 10.0), bottom, logarithmic: true };
        }
        let step = round_step(highest.max(1) as f64 / 3.0);
        Scale { top: (highest as f64 / step).ceil().max(1.0) * step, bottom: 0.0, logarithmic: false }
    }

    /// Returns a response time's position, in pixels from the top.
    pub(super) fn height(&self, nanos: Nanos) -> f64 {
        let value = nanos as f64;
        let share = if self.logarithmic {
            (value.max(self.bottom) / self.bottom).log10() / (self.top / self.bottom).log10()
        } else {
            value / self.top
        };
        HEIGHT - share.clamp(0.0, 1.0) * (HEIGHT - HEADROOM)
    }

    /// Returns grid lines at round numbers, without the baseline.
    pub(super) fn grid(&self, language: &Language) -> Vec<(f64, String)> {
        let mut values = Vec::new();
        if self.logarithmic {
            let decades = (self.top / self.bottom).log10().round().max(1.0);
            let every = [10.0, 100.0, 1_000.0, 10_000.0][((decades - 1.0) / 3.0).clamp(0.0, 3.0) as usize];
            let mut value = self.top;
            while value > self.bottom * 1.5 {
                values.push(value);
                value /= every;
            }
        } else if self.top > 1.0 {
            let step = round_step(self.top / 3.0);
            let mut value = step;
            while value <= self.top * 1.001 {
                values.push(value);
                value += step;
            }
        }
        values.into_iter().map(|value| (self.height(value as Nanos), round_label(value as Nanos, language))).collect()
    }
}

/// Returns the largest power of ten up to `limit`, at least 1.
fn power_of_ten(limit: Nanos) -> f64 {
    let mut power = 1;
    while limit / power >= 10 {
        power *= 10;
    }
    power as f64
}

/// Returns the next round number: 1, 2 or 5 times a power of ten.
fn round_step(least: f64) -> f64 {
    let power = power_of_ten(least as Nanos);
    [1.0, 2.0, 5.0, 10.0].into_iter().map(|factor| factor * power).find(|step| *step >= least * 0.999).unwrap_or(power)
}

/// Formats a round time with at most one decimal: `50 ms`, `2.5 s`.
pub(super) fn round_label(nanos: Nanos, language: &Language) -> String {
    let (size, unit) = match nanos {
        ..1_000_000 => (1e3, "µs"),
        1_000_000..SECOND => (1e6, "ms"),
        _ => (1e9, "s"),
    };
    let tenths = (nanos as f64 / size * 10.0).round() as i64;
    let mut label = (tenths / 10).to_string();
    if tenths % 10 != 0 {
        label = language.decimal(&format!("{label}.{}", tenths % 10));
    }
    format!("{label} {unit}")
}

/// Returns labels at full hours or midnights, as many as fit. Positions are in percent.
pub(super) fn times(period: &Period, calendar: Calendar<'_>) -> Vec<(f64, String)> {
    let length = period.to - period.from;
    let position = |moment: UnixNanos| period.share(moment) * 100.0;
    if length <= 2 * DAY {
        let every = [1, 2, 3, 6, 12, 24].into_iter().find(|hours| length / (hours * HOUR) < TIME_LABELS_LIMIT as i64);
        let every = every.unwrap_or(24);
        let mut labels = Vec::new();
        let mut moment = calendar.next_hour(period.from - 1);
        while moment < period.to {
            if calendar.local(moment).hour % every == 0 {
                labels.push((position(moment), calendar.clock(moment)));
            }
            moment = calendar.next_hour(moment);
        }
        return labels;
    }
    let (first, last) = (calendar.day_number(period.from), calendar.day_number(period.now));
    let every = ((last - first) as usize + 1).div_ceil(TIME_LABELS_LIMIT) as i64;
    let days = (first..=last).filter(|day| (last - day) % every == 0).map(|day| calendar.start_of_day(day));
    days.filter(|start| *start >= period.from).map(|start| (position(start), calendar.axis_date(start))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test_support::period;
    use crate::test_support::utc;

    #[test]
    fn axes_have_round_numbers_with_units() {
        let labels = |nanos: Nanos| {
            let stats = Stats::from_rtts(vec![nanos]);
            Scale::new(stats, None, 0).grid(utc().language).into_iter().map(|(_, label)| label).collect::<Vec<_>>()
        };
        assert_eq!(labels(95_000_000), ["50 ms", "100 ms"]);
        assert_eq!(labels(1_400_000_000), ["500 ms", "1 s", "1.5 s"]);
        assert_eq!(labels(312_000), ["200 µs", "400 µs"]);
    }

    #[test]
    fn a_wide_spread_gets_a_logarithmic_axis() {
        let stats = Stats::from_rtts([vec![10_000_000; 50], vec![9_000_000_000]].concat());
        let scale = Scale::new(stats, None, 0);
        assert!(scale.logarithmic);
        let heights: Vec<f64> = scale.grid(utc().language).into_iter().map(|(height, _)| height).collect();
        assert!(heights.is_sorted() && heights.len() >= 2, "{heights:?}");
    }

    #[test]
    fn a_high_threshold_is_not_part_of_the_axis() {
        let stats = Stats::from_rtts(vec![95_000_000]);
        assert!(Scale::new(stats, None, 180_000_000).top >= 1.8e8);
        assert!(Scale::new(stats, None, 5 * SECOND).top < 2e8);
    }

    #[test]
    fn the_time_axis_has_full_hours_of_the_time_zone() {
        let labels: Vec<String> = times(&period(), utc()).into_iter().map(|(_, label)| label).collect();
        assert_eq!(labels, ["18:00", "00:00", "06:00", "12:00"]);
        let month = Period::new(30 * DAY, 90, utc());
        let labels: Vec<String> = times(&month, utc()).into_iter().map(|(_, label)| label).collect();
        assert_eq!(labels, ["29 Oct", "4 Nov", "10 Nov", "16 Nov", "22 Nov"]);
    }
}

//! Error budgets: how much downtime a service level objective (SLO) allows, how much of it is left, and how fast it is
//! being used up.
//!
//! The burn-rate alerts are those of chapter 5 of Google's SRE workbook, "Multiwindow, Multi-Burn-Rate Alerts"
//! (<https://sre.google/workbook/alerting-on-slos/>, table 5-8).

use std::fmt;
use std::str::FromStr;

use crate::status::Status;
use crate::uptime::{Span, UptimeBreakdown};
use crate::{DAY, HOUR, MINUTE, Nanos, UnixNanos, duration, substring};

/// The shortest window that an objective can have. A shorter one would contain too few checks.
pub const SHORTEST_WINDOW: Nanos = DAY;
/// The longest window that an objective can have. By default, histories do not reach back any further.
pub const LONGEST_WINDOW: Nanos = 400 * DAY;

/// 100%, in the unit in which targets are stored (0.0001%).
const WHOLE: u32 = 1_000_000;
/// The maximum number of decimal places in a target's percentage.
const DECIMALS: usize = 4;

/// The fraction of time that an endpoint should be up, such as `99.9%`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Target(u32);

/// The error for text that is not a valid target.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("invalid target `{0}`: expected a percentage below 100% with up to four decimals, for example `99.9%`")]
pub struct InvalidTarget(pub String);

impl Target {
    /// Returns the unavailability that the target allows, in parts per million: `1000` for 99.9%.
    #[must_use]
    pub fn allowed(self) -> u32 {
        WHOLE - self.0
    }

    /// Returns the target as a number from 0 to 1, for programs.
    #[must_use]
    pub fn fraction(self) -> f64 {
        f64::from(self.0) / f64::from(WHOLE)
    }
}

impl FromStr for Target {
    type Err = InvalidTarget;

    fn from_str(text: &str) -> Result<Target, InvalidTarget> {
        let invalid = || InvalidTarget(text.to_owned());
        let number = text.trim().strip_suffix('%').ok_or_else(invalid)?.trim_end();
        let (whole, decimals) = number.split_once('.').unwrap_or((number, "0"));
        let is_number = |digits: &str| {
            !digits.is_empty() && digits.len() <= DECIMALS && digits.bytes().all(|byte| byte.is_ascii_digit())
        };
        if !is_number(whole) || !is_number(decimals) {
            return Err(invalid());
        }
        let units: u32 = format!("{whole}{decimals:0<DECIMALS$}").parse().map_err(|_| invalid())?;
        if (1..WHOLE).contains(&units) { Ok(Target(units)) } else { Err(invalid()) }
    }
}

impl fmt::Display for Target {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = format!("{}.{:04}", self.0 / 10_000, self.0 % 10_000);
        write!(formatter, "{}%", text.trim_end_matches('0').trim_end_matches('.'))
    }
}

/// A service level objective (SLO): the fraction of a rolling window during which an endpoint should be up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Objective {
    /// The fraction of the window during which the endpoint should be up.
    pub target: Target,
    /// The length of the window, which always ends at the current time.
    pub window: Nanos,
}

/// An error for text that is not an objective.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("invalid objective `{0}`: expected a target and a window from 1d to 400d, for example `99.9% over 30d`")]
pub struct InvalidObjective(pub String);

impl FromStr for Objective {
    type Err = InvalidObjective;

    fn from_str(text: &str) -> Result<Objective, InvalidObjective> {
        let parts = || {
            let (target, window) = substring::split_once(text, " over ")?;
            let window = duration::parse(window).ok()?;
            let target = target.parse().ok()?;
            (SHORTEST_WINDOW..=LONGEST_WINDOW).contains(&window).then_some(Objective { target, window })
        };
        parts().ok_or_else(|| InvalidObjective(text.to_owned()))
    }
}

impl fmt::Display for Objective {
    /// Writes the objective as it is stored: `99.9% over 30d`.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} over {}", self.target, duration::format_exact(self.window))
    }
}

impl Objective {
    /// Returns how much downtime the objective allows in a period of this length.
    #[must_use]
    pub fn allowed(&self, period: Nanos) -> Nanos {
        scale(period, self.target.allowed(), WHOLE)
    }

    /// Computes the error budget for the window that ends at `now`. The spans must be sorted and must not overlap.
    #[must_use]
    pub fn budget(&self, spans: &[Span], now: UnixNanos) -> ErrorBudget {
        ErrorBudget { total: self.allowed(self.window), spent: downtime(spans, self.window, now) }
    }

    /// Returns the most urgent alert for which the budget burns too fast in both windows, if any.
    #[must_use]
    pub fn burn_alert(&self, spans: &[Span], now: UnixNanos) -> Option<BurnAlert> {
        BURN_ALERTS.into_iter().find(|alert| self.fires(alert, spans, now))
    }

    /// Returns whether an alert fired at any time in the period of this length that ends at `now`.
    #[must_use]
    pub fn has_fired(&self, alert: &BurnAlert, spans: &[Span], period: Nanos, now: UnixNanos) -> bool {
        let from = now.saturating_sub(period);
        // The downtime in a window does not fall while the endpoint is down, and does not rise while it is up. So an
        // alert that fires in the period also fires at its start or at the end of an outage.
        let recent = spans.iter().rev().take_while(|span| span.end > from);
        let outages = recent.filter(|span| span.status == Status::Down && span.start < now);
        let mut moments = outages.map(|span| span.end.min(now)).chain([from]);
        moments.any(|at| self.fires(alert, spans, at))
    }

    fn fires(&self, alert: &BurnAlert, spans: &[Span], now: UnixNanos) -> bool {
        alert.long <= self.window
            && [alert.long, alert.short].into_iter().all(|window| self.burns(alert, spans, window, now))
    }

    /// Returns whether the downtime in the window that ends at `now` reaches this alert's multiple of the allowed
    /// downtime. Unknown time counts as uptime, so that a period without checks does not trigger an alert.
    fn burns(&self, alert: &BurnAlert, spans: &[Span], window: Nanos, now: UnixNanos) -> bool {
        let allowed = i128::from(window) * i128::from(self.target.allowed()) * i128::from(alert.rate_tenths);
        i128::from(downtime(spans, window, now)) * i128::from(WHOLE) * 10 >= allowed
    }
}

/// The downtime that an objective allows in its window, and the actual downtime, in nanoseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ErrorBudget {
    /// The downtime that the objective allows.
    pub total: Nanos,
    /// The downtime in the window so far. It can exceed `total`.
    pub spent: Nanos,
}

impl ErrorBudget {
    /// Returns how much downtime is left. It is negative if the objective is missed.
    #[must_use]
    pub fn left(&self) -> Nanos {
        self.total - self.spent
    }

    /// Formats the remaining budget as a percentage, rounded down. `100%` means that nothing was spent.
    #[must_use]
    pub fn percent_left(&self) -> String {
        if self.spent == 0 {
            return "100%".to_owned();
        }
        // In microseconds, so that the product fits.
        let [left, total] = [self.left(), self.total].map(|nanos| nanos / 1_000);
        let tenths = (left.max(0) * 1_000).checked_div(total).unwrap_or(0).min(999);
        if tenths == 0 { "0%".to_owned() } else { format!("{}.{}%", tenths / 10, tenths % 10) }
    }
}

/// An alert that fires while the budget burns at least this fast over two windows: a long one, which shows that the
/// problem is significant, and a short one, which shows that it continues.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BurnAlert {
    /// The burn rate in tenths. At a rate of 1, the budget lasts exactly until the end of the objective's window.
    pub rate_tenths: u32,
    /// The long window, in nanoseconds.
    pub long: Nanos,
    /// The short window, in nanoseconds.
    pub short: Nanos,
}

/// The alerts from table 5-8, most urgent first. With a window of 30 days, they fire when 2% of the budget is used up
/// in an hour, 5% in 6 hours, or 10% in 3 days.
pub const BURN_ALERTS: [BurnAlert; 3] = [
    BurnAlert { rate_tenths: 144, long: HOUR, short: 5 * MINUTE },
    BurnAlert { rate_tenths: 60, long: 6 * HOUR, short: 30 * MINUTE },
    BurnAlert { rate_tenths: 10, long: 3 * DAY, short: 6 * HOUR },
];

impl BurnAlert {
    /// Formats the burn rate: `14.4` or `6`.
    #[must_use]
    pub fn rate(&self) -> String {
        let (whole, tenths) = (self.rate_tenths / 10, self.rate_tenths % 10);
        if tenths == 0 { whole.to_string() } else { format!("{whole}.{tenths}") }
    }
}

fn downtime(spans: &[Span], window: Nanos, now: UnixNanos) -> Nanos {
    UptimeBreakdown::from_spans(spans, now.saturating_sub(window), now).time(Status::Down)
}

/// Multiplies a duration by a fraction of at most 1, without overflow.
fn scale(duration: Nanos, part: u32, whole: u32) -> Nanos {
    let (part, whole) = (i64::from(part), i64::from(whole));
    duration / whole * part + duration % whole * part / whole
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::SECOND;
    use proptest::prelude::*;

    const NOW: UnixNanos = 20_779 * DAY;

    fn objective(target: &str) -> Objective {
        Objective { target: target.parse().expect("it is a target"), window: 30 * DAY }
    }

    /// Returns 30 days of spans with a single outage of this length, which began `ago` before [`NOW`].
    fn outage(ago: Nanos, length: Nanos) -> Vec<Span> {
        let (start, end) = (NOW - ago, NOW - ago + length);
        vec![
            Span { start: NOW - 30 * DAY, end: start, status: Status::Healthy },
            Span { start, end, status: Status::Down },
            Span { start: end, end: NOW, status: Status::Healthy },
        ]
    }

    #[test]
    fn targets_are_percentages_below_a_hundred() {
        for (text, shown) in [("99.9%", "99.9%"), ("99%", "99%"), (" 99.9990 % ", "99.999%"), ("0.0001%", "0.0001%")] {
            assert_eq!(text.trim().parse::<Target>().map(|target| target.to_string()), Ok(shown.to_owned()), "{text}");
        }
        for text in ["", "99.9", "100%", "0%", "100.0%", "99.99999%", "-1%", "99,9%", "1e1%", "101%", "%", ".5%", "9.%"]
        {
            assert_eq!(text.parse::<Target>(), Err(InvalidTarget(text.to_owned())));
        }
    }

    #[test]
    fn objectives_are_stored_as_text() {
        assert_eq!(objective("99.9%").to_string(), "99.9% over 30d");
        for text in ["", "99.9%", "99.9% over", "99.9% over 1h", "99.9% over 401d", "100% over 30d", "99.9% over 30"] {
            assert_eq!(text.parse::<Objective>(), Err(InvalidObjective(text.to_owned())));
        }
    }

    #[test]
    fn three_nines_allow_43_minutes_a_month() {
        let objective = objective("99.9%");
        assert_eq!(objective.budget(&[], NOW).total, 43 * MINUTE + 12 * SECOND);
        let budget = objective.budget(&outage(DAY, 10 * MINUTE), NOW);
        assert_eq!((budget.spent, budget.left()), (10 * MINUTE, 33 * MINUTE + 12 * SECOND));
        assert_eq!(budget.percent_left(), "76.8%");
        assert_eq!(objective.budget(&outage(31 * DAY, HOUR), NOW).percent_left(), "100%");
    }

    #[test]
    fn a_budget_can_be_exceeded() {
        let budget = objective("99.9%").budget(&outage(DAY, HOUR), NOW);
        assert_eq!((budget.left(), budget.percent_left()), (-(16 * MINUTE + 48 * SECOND), "0%".to_owned()));
    }

    #[test]
    fn alerts_fire_at_the_rates_of_the_workbook() {
        let objective = objective("99.9%");
        let alert = |ago, length| objective.burn_alert(&outage(ago, length), NOW).map(|alert| alert.rate());
        // 14.4 × 0.1% of an hour is 51.84 s.
        assert_eq!(alert(51 * SECOND, 51 * SECOND), None);
        assert_eq!(alert(52 * SECOND, 52 * SECOND).as_deref(), Some("14.4"));
        // The outage is outside the window of 5 minutes but inside that of 30 minutes: 6 × 0.1% of 6 hours is 129.6 s.
        assert_eq!(alert(10 * MINUTE, 129 * SECOND), None);
        assert_eq!(alert(10 * MINUTE, 130 * SECOND).as_deref(), Some("6"));
        // 0.1% of 3 days is 259.2 s.
        assert_eq!(alert(5 * HOUR, 259 * SECOND), None);
        assert_eq!(alert(5 * HOUR, 260 * SECOND).as_deref(), Some("1"));
        assert_eq!(alert(7 * HOUR, 40 * MINUTE), None, "the problem is over");
    }

    #[test]
    fn a_window_shorter_than_an_alert_does_not_use_it() {
        let objective = Objective { window: DAY, ..objective("99.9%") };
        assert_eq!(objective.burn_alert(&outage(5 * HOUR, 260 * SECOND), NOW), None);
    }

    #[test]
    fn unknown_time_does_not_burn_the_budget() {
        assert_eq!(objective("99.9%").burn_alert(&[], NOW), None);
        assert_eq!(objective("99.9%").budget(&[], NOW).spent, 0);
    }

    proptest! {
        #[test]
        fn an_alert_that_fired_is_found(
            lengths in prop::collection::vec((1..400_i64, 1..40_i64), 1..12), period in 0..400_i64, after in 0..400_i64,
        ) {
            let objective = objective("99%");
            let mut spans: Vec<Span> = Vec::new();
            let mut start = NOW;
            for (healthy, down) in lengths {
                for (minutes, status) in [(healthy, Status::Healthy), (down, Status::Down)] {
                    spans.push(Span { start, end: start + minutes * MINUTE, status });
                    start += minutes * MINUTE;
                }
            }
            let (now, period) = (start + (after - 20) * MINUTE, period * MINUTE);
            for alert in BURN_ALERTS {
                let fires = |minute: i64| objective.fires(&alert, &spans, now - minute * MINUTE);
                let expected = (0..=period / MINUTE).any(fires);
                prop_assert_eq!(objective.has_fired(&alert, &spans, period, now), expected, "{:?}", alert);
            }
        }

        #[test]
        fn extreme_times_do_not_overflow(
            units in 1..WHOLE, window in SHORTEST_WINDOW..=LONGEST_WINDOW, start in any::<i64>(), end in any::<i64>(),
            now in any::<i64>(),
        ) {
            let objective = Objective { target: Target(units), window };
            let spans = [Span { start, end: end.max(start), status: Status::Down }];
            let budget = objective.budget(&spans, now);
            prop_assert!((0..=window).contains(&budget.total) && (0..=window).contains(&budget.spent));
            prop_assert_eq!(i128::from(budget.total), i128::from(window) * i128::from(WHOLE - units) / i128::from(WHOLE));
            prop_assert!(!budget.percent_left().is_empty());
            let _ = objective.burn_alert(&spans, now);
            let _ = objective.has_fired(&BURN_ALERTS[0], &spans, window, now);
            let target = Target(units);
            prop_assert_eq!(target.to_string().parse(), Ok(target));
            prop_assert_eq!(objective.to_string().parse(), Ok(objective));
        }
    }
}

//! Error budgets: how much unavailability an objective allows within its window.

use std::fmt;
use std::str::FromStr;

use crate::Nanos;

/// The whole in parts per million.
const WHOLE: u32 = 1_000_000;

/// A service level objective: the availability that an endpoint must have within a rolling window.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Objective {
    /// The availability that the endpoint must have.
    pub target: Target,
    /// The length of the window, which ends now.
    pub window: Nanos,
}

/// A target availability between 0 and 100%, exclusive, with up to four decimals.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Target {
    /// The unavailability that the target allows, in parts per million: `1000` for 99.9%.
    allowed: u32,
}

/// An error for text that is not a target availability.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("invalid target `{0}`: expected a percentage below 100 with up to four decimals, for example `99.9%`")]
pub struct InvalidTarget(pub String);

impl Target {
    /// Returns the unavailability that the target allows, in parts per million: `1000` for 99.9%.
    #[must_use]
    pub fn allowed(self) -> u32 {
        self.allowed
    }
}

impl FromStr for Target {
    type Err = InvalidTarget;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let parse = || {
            let number = text.strip_suffix('%')?;
            let (whole, decimals) = number.split_once('.').unwrap_or((number, "0"));
            let are_digits = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
            if !are_digits(whole) || !are_digits(decimals) || whole.len() > 2 || decimals.len() > 4 {
                return None;
            }
            let target: u32 = format!("{whole}{decimals:0<4}").parse().ok()?;
            (1..WHOLE).contains(&target).then(|| Target { allowed: WHOLE - target })
        };
        parse().ok_or_else(|| InvalidTarget(text.to_owned()))
    }
}

impl fmt::Display for Target {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let target = WHOLE - self.allowed;
        let decimals = format!("{:04}", target % 10_000);
        let decimals = decimals.trim_end_matches('0');
        let point = if decimals.is_empty() { "" } else { "." };
        write!(formatter, "{}{point}{decimals}%", target / 10_000)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn targets_are_percentages_below_100() {
        for (text, allowed) in
            [("99.9%", 1_000), ("99%", 10_000), ("99.9999%", 1), ("0.5%", 995_000), ("90.25%", 97_500)]
        {
            let target: Target = text.parse().expect(text);
            assert_eq!((target.allowed(), target.to_string().as_str()), (allowed, text));
        }
        for text in ["", "%", "99", "100%", "0%", "99.99999%", "-1%", "+9%", "9 %", "99.%", ".9%", "1e1%", "999.9%"] {
            assert!(text.parse::<Target>().is_err(), "{text}");
        }
    }
}

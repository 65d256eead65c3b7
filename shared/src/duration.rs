//! Parses and formats durations such as `500ms`, `10m` or `7d`. All values are in nanoseconds.

use crate::{DAY, HOUR, MINUTE, Nanos, SECOND};

/// The units and their sizes, largest first.
pub const UNITS: [(&str, Nanos); 9] = [
    ("w", 7 * DAY),
    ("d", DAY),
    ("h", HOUR),
    ("m", MINUTE),
    ("s", SECOND),
    ("ms", 1_000_000),
    ("us", 1_000),
    ("µs", 1_000),
    ("ns", 1),
];

/// An error for text that is not a duration.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("invalid duration `{0}`: expected a number with a unit, for example `500ms`, `30s`, `10m`, `1h30m` or `7d`")]
pub struct ParseDurationError(pub String);

/// Parses a duration such as `500ms`, `1h30m` or `1.5s`. Only `0` needs no unit.
pub fn parse(text: &str) -> Result<Nanos, ParseDurationError> {
    let refused = || ParseDurationError(text.to_owned());
    let mut rest = text.trim();
    if rest == "0" {
        return Ok(0);
    }
    if rest.is_empty() {
        return Err(refused());
    }
    let mut total: Nanos = 0;
    while !rest.is_empty() {
        let number_end = rest.find(|c: char| !c.is_ascii_digit() && c != '.').ok_or_else(refused)?;
        let (number, tail) = rest.split_at_checked(number_end).ok_or_else(refused)?;
        let unit_end = tail.find(|c: char| c.is_ascii_digit() || c == '.').unwrap_or(tail.len());
        let (unit, tail) = tail.split_at_checked(unit_end).ok_or_else(refused)?;
        let (_, size) = UNITS.iter().find(|(name, _)| *name == unit).ok_or_else(refused)?;
        let part = decimal_times(number, *size).ok_or_else(refused)?;
        total = total.checked_add(part).ok_or_else(refused)?;
        rest = tail;
    }
    Ok(total)
}

/// Multiplies `number` (digits, optionally with a decimal point) by `size`, truncated to a nanosecond.
fn decimal_times(number: &str, size: Nanos) -> Option<Nanos> {
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    if whole.is_empty() || fraction.len() > 18 || fraction.contains('.') {
        return None;
    }
    let whole: Nanos = whole.parse().ok()?;
    // Processing the digits from last to first prevents overflow. Truncating after each step does not change the
    // result.
    let part = fraction.bytes().rev().fold(0, |part, figure| (i64::from(figure - b'0') * size + part) / 10);
    whole.checked_mul(size)?.checked_add(part)
}

/// Formats a duration so that [`parse`] returns the same value: `10m`, `1h30m`, `1s500ms`.
#[must_use]
pub fn format_exact(nanos: Nanos) -> String {
    if nanos <= 0 {
        return "0".to_owned();
    }
    let mut rest = nanos;
    let mut text = String::new();
    for (name, size) in UNITS.into_iter().filter(|(name, _)| !matches!(*name, "w" | "µs")) {
        if rest >= size {
            text.push_str(&(rest / size).to_string());
            text.push_str(name);
            rest %= size;
        }
    }
    text
}

/// Formats a round-trip time with three significant digits: `95.0 ms`, `1.24 s`, `312 µs`.
#[must_use]
pub fn format_rtt(nanos: Nanos) -> String {
    let nanos = nanos.max(0);
    let (size, unit) = match nanos {
        0 => return "0 ms".to_owned(),
        1..1_000 => return format!("{nanos} ns"),
        1_000..1_000_000 => (1_000, "µs"),
        1_000_000..SECOND => (1_000_000, "ms"),
        _ => (SECOND, "s"),
    };
    // Uses integers, because code that formats floats would increase the page's size.
    let (whole, part) = (nanos / size, nanos % size);
    let rounded = |scale: i64| whole * scale + (part * scale + size / 2) / size;
    if nanos < size / 200 * 1_999 {
        let hundredths = rounded(100);
        format!("{}.{:02} {unit}", hundredths / 100, hundredths % 100)
    } else if nanos < size / 20 * 1_999 {
        let tenths = rounded(10);
        format!("{}.{} {unit}", tenths / 10, tenths % 10)
    } else {
        format!("{} {unit}", rounded(1))
    }
}

/// Formats a duration in its two largest units, truncated: `12 min`, `1 h 5 min`, `89 d 23 h`, `42 s`.
#[must_use]
pub fn format_coarse(nanos: Nanos) -> String {
    let seconds = nanos.max(0) / SECOND;
    let (days, hours, minutes, rest) = (seconds / 86_400, seconds / 3_600 % 24, seconds / 60 % 60, seconds % 60);
    let two = |great: i64, great_unit: &str, small: i64, small_unit: &str| {
        if small == 0 { format!("{great} {great_unit}") } else { format!("{great} {great_unit} {small} {small_unit}") }
    };
    if days > 0 {
        two(days, "d", hours, "h")
    } else if hours > 0 {
        two(hours, "h", minutes, "min")
    } else if minutes >= 10 {
        format!("{minutes} min")
    } else if minutes > 0 {
        two(minutes, "min", rest, "s")
    } else {
        format!("{rest} s")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn common_notations_are_parsed() {
        for (text, nanos) in [
            ("500ms", 500_000_000),
            ("10m", 10 * MINUTE),
            ("7d", 7 * DAY),
            ("2w", 14 * DAY),
            ("1h30m", 90 * MINUTE),
            ("1.5s", 1_500_000_000),
            (" 30s ", 30 * SECOND),
            ("0", 0),
            ("0s", 0),
            ("250µs", 250_000),
            ("1.000000000000000001d", DAY),
            ("0.999999999999999999w", 7 * DAY - 1),
        ] {
            assert_eq!(parse(text), Ok(nanos), "{text}");
        }
    }

    #[test]
    fn invalid_durations_are_rejected_with_an_example() {
        for text in ["", "10", "m", "10 m", "-5s", "5 minutes", "1.2.3s", ".5s", "99999999999999d", "1e3s", "NaNs"] {
            let error = parse(text).expect_err(text);
            assert!(error.to_string().contains("500ms"), "{error}");
        }
    }

    #[test]
    fn round_trip_times_have_three_digits() {
        for (nanos, text) in [
            (0, "0 ms"),
            (312, "312 ns"),
            (312_400, "312 µs"),
            (9_996_000, "10.0 ms"),
            (95_000_000, "95.0 ms"),
            (212_345_678, "212 ms"),
            (1_240_000_000, "1.24 s"),
            (12_400_000_000, "12.4 s"),
        ] {
            assert_eq!(format_rtt(nanos), text);
        }
    }

    #[test]
    fn coarse_durations_are_truncated() {
        for (nanos, text) in [
            (59_999_999_999, "59 s"),
            (61 * SECOND, "1 min 1 s"),
            (12 * MINUTE + 59 * SECOND, "12 min"),
            (65 * MINUTE, "1 h 5 min"),
            (DAY - 1, "23 h 59 min"),
            (90 * DAY - 1, "89 d 23 h"),
            (-5, "0 s"),
        ] {
            assert_eq!(format_coarse(nanos), text);
        }
    }

    proptest! {
        #[test]
        fn exact_notations_round_trip(nanos in 0..=i64::MAX) {
            prop_assert_eq!(parse(&format_exact(nanos)), Ok(nanos));
        }

        #[test]
        fn parsing_never_panics(text in ".{0,30}") {
            let _ = parse(&text);
        }
    }
}

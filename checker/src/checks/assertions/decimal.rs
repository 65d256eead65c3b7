//! Compares decimal numbers of any length exactly. As doubles, 9007199254740993 and 9007199254740992 would be equal.

use std::cmp::Ordering;
use std::fmt;

/// A decimal number: its original text, and its approximation as a double, which is exact to about 15 digits.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Decimal {
    text: String,
    approximation: f64,
}

/// The relative difference above which the order of two doubles is certain, although parsing rounds them.
const TOLERANCE: f64 = 1e-9;
/// The absolute value below which the order of two doubles is not certain, because very small doubles have fewer
/// digits.
const SMALLEST: f64 = 1e-290;

/// The error for a number that cannot be compared because its exponent does not fit into 64 bits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct HugeExponent;

impl Decimal {
    /// Parses a number with an optional sign, fraction and exponent, such as `-1.5e3`.
    pub(super) fn parse(text: &str) -> Option<Decimal> {
        Written::parse(text)?;
        // `f64` accepts every number with this syntax.
        Some(Decimal { text: text.to_owned(), approximation: text.parse().ok()? })
    }

    /// Compares a double with this number. Returns `None` if rounding makes their order uncertain.
    pub(super) fn clear_order(&self, double: f64) -> Option<Ordering> {
        clear_order(double, self.approximation)
    }

    /// Compares a number in text form with this one. Returns `None` if the text is not a number.
    pub(super) fn compare_from(&self, text: &str) -> Result<Option<Ordering>, HugeExponent> {
        let (Some(number), Some(this)) = (Written::parse(text), Written::parse(&self.text)) else { return Ok(None) };
        number.cmp(&this).map(Some)
    }
}

/// Compares two rounded numbers. Returns `None` if rounding makes their order uncertain.
pub(super) fn clear_order(left: f64, right: f64) -> Option<Ordering> {
    let larger = left.abs().max(right.abs());
    let is_clear = larger > SMALLEST && (left - right).abs() > TOLERANCE * larger;
    if is_clear { left.partial_cmp(&right) } else { None }
}

impl fmt::Display for Decimal {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.text)
    }
}

/// A number in text form, split into its parts.
struct Written<'a> {
    is_negative: bool,
    integer: &'a str,
    fraction: &'a str,
    /// The exponent's digits with their sign, or an empty string if there is no exponent.
    exponent: &'a str,
}

impl<'a> Written<'a> {
    fn parse(text: &'a str) -> Option<Written<'a>> {
        let unsigned = text.strip_prefix(['-', '+']).unwrap_or(text);
        let (digits, exponent) = match unsigned.split_once(['e', 'E']) {
            Some((digits, exponent)) => (digits, exponent),
            None => (unsigned, ""),
        };
        let (integer, fraction) = digits.split_once('.').unwrap_or((digits, ""));
        let is_number = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
        let power = exponent.strip_prefix(['-', '+']).unwrap_or(exponent);
        let has_exponent = digits.len() < unsigned.len();
        let is_valid = is_number(integer)
            && is_number(fraction)
            && is_number(power)
            && integer.len() + fraction.len() > 0
            && has_exponent != power.is_empty();
        is_valid.then_some(Written { is_negative: text.starts_with('-'), integer, fraction, exponent })
    }

    fn digits(&self) -> impl Iterator<Item = u8> {
        self.integer.bytes().chain(self.fraction.bytes()).skip_while(|digit| *digit == b'0')
    }

    /// Returns the position of the decimal point relative to the first nonzero digit, or `None` for zero.
    fn magnitude(&self) -> Result<Option<i64>, HugeExponent> {
        let significant = self.digits().count();
        if significant == 0 {
            return Ok(None);
        }
        let exponent = match self.exponent {
            "" => 0,
            exponent => exponent.parse::<i64>().map_err(|_| HugeExponent)?,
        };
        let leading = i64::try_from(significant).map_err(|_| HugeExponent)? - self.fraction.len() as i64;
        leading.checked_add(exponent).map(Some).ok_or(HugeExponent)
    }

    fn cmp(&self, other: &Written<'_>) -> Result<Ordering, HugeExponent> {
        let sign = |number: &Written<'_>| if number.is_negative { -1 } else { 1 };
        let (this, that) = (self.magnitude()?, other.magnitude()?);
        let (Some(this), Some(that)) = (this, that) else {
            return Ok((this.map_or(0, |_| sign(self))).cmp(&that.map_or(0, |_| sign(other))));
        };
        if self.is_negative != other.is_negative {
            return Ok(sign(self).cmp(&sign(other)));
        }
        let larger = this.cmp(&that).then_with(|| compare_digits(self.digits(), other.digits()));
        Ok(if self.is_negative { larger.reverse() } else { larger })
    }
}

/// Compares two fractions digit by digit. Missing digits are zeros.
fn compare_digits(mut left: impl Iterator<Item = u8>, mut right: impl Iterator<Item = u8>) -> Ordering {
    loop {
        match (left.next(), right.next()) {
            (None, None) => return Ordering::Equal,
            (left, right) => match left.unwrap_or(b'0').cmp(&right.unwrap_or(b'0')) {
                Ordering::Equal => {}
                different => return different,
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use crate::checks::assertions::decimal::*;

    fn compare(left: &str, right: &str) -> Result<Option<Ordering>, HugeExponent> {
        Decimal::parse(right).expect("a number").compare_from(left)
    }

    #[test]
    fn numbers_of_any_size_are_compared_exactly() {
        for (smaller, larger) in [
            ("9007199254740992", "9007199254740993"),
            ("0.1", "0.1000000000000000000000000000000001"),
            ("-9007199254740993", "-9007199254740992"),
            ("-1", "0"),
            ("0", "1e-400"),
            ("-1e-400", "-0"),
            ("9.99e2", "1000"),
            ("99999999999999999999999999999999", "1e32"),
            ("1e399", "1.0000000001E+399"),
            ("1e-9223372036854775800", "1e9223372036854775800"),
            ("0012", "12.5"),
        ] {
            assert_eq!(compare(smaller, larger), Ok(Some(Ordering::Less)), "{smaller} {larger}");
            assert_eq!(compare(larger, smaller), Ok(Some(Ordering::Greater)), "{smaller} {larger}");
        }
        for (left, right) in [
            ("1", "1.000"),
            ("100", "1e2"),
            ("0.001", "1E-3"),
            ("-0", "0.0e99999999999999999999"),
            ("+5", "5."),
            (".5", "0.50"),
            ("007", "7"),
        ] {
            assert_eq!(compare(left, right), Ok(Some(Ordering::Equal)), "{left} {right}");
        }
        assert_eq!(compare("1e99999999999999999999", "1"), Err(HugeExponent));
        for text in ["", "-", ".", "e5", "1e", "1e+", "1.2.3", "0x10", "inf", "NaN", "1_000", "१", " 1", "1e1e1"] {
            assert_eq!(compare(text, "1"), Ok(None), "{text}");
            assert_eq!(Decimal::parse(text), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn integers_compare_as_i128(left in any::<i64>(), near in -3_i128..4, zeros in 0_usize..4) {
            let right = i128::from(left) + near;
            let scaled = format!("{left}{}e-{zeros}", "0".repeat(zeros));
            prop_assert_eq!(compare(&scaled, &right.to_string()), Ok(Some(i128::from(left).cmp(&right))));
        }
    }
}

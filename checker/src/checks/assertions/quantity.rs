//! Numbers with units in texts, such as `95%`, for comparisons in filters, which compare texts character by character.

use std::cmp::Ordering;

use super::decimal::Decimal;
use crate::checks::visible_text::visible_string;

/// A number at the start of a text, and the text after it.
struct Quantity {
    number: Decimal,
    rest: String,
}

/// Returns whether a text starts with a number, or is a word for one, such as `+Inf`.
pub(super) fn has_number(text: &str) -> bool {
    Quantity::parse(text).is_some() || text.trim().parse::<f64>().is_ok()
}

/// Returns whether the numbers in two texts could have another order than their characters. Dates and times with the
/// same form have the same order.
pub(super) fn is_text_order_ambiguous(left: &str, right: &str) -> bool {
    let Some((left_number, right_number)) = Quantity::parse(left).zip(Quantity::parse(right)) else { return false };
    match left_number.order(&right_number) {
        Some(order) => order != left.cmp(right),
        None => form_of_time(left).is_none_or(|form| form_of_time(right) != Some(form)),
    }
}

impl Quantity {
    fn parse(text: &str) -> Option<Quantity> {
        let text = visible_string(text);
        let text = text.trim();
        if let Some(number) = Decimal::parse(text) {
            return Some(Quantity { number, rest: String::new() });
        }
        let digits = |text: &str| text.bytes().take_while(u8::is_ascii_digit).count();
        let sign = usize::from(text.starts_with(['+', '-']));
        let whole = sign + digits(&text[sign..]);
        let fraction = text[whole..].strip_prefix('.').map_or(0, digits);
        let end = if fraction > 0 { whole + 1 + fraction } else { whole };
        let number = Decimal::parse(text[..end].trim_start_matches('+'))?;
        Some(Quantity { number, rest: text[end..].trim().to_owned() })
    }

    /// Returns the order of two quantities in the same unit.
    fn order(&self, other: &Quantity) -> Option<Ordering> {
        let has_digits = self.rest.contains(|character: char| character.is_ascii_digit());
        if self.rest != other.rest || has_digits {
            return None;
        }
        other.number.compare_from(&self.number.to_string()).ok().flatten()
    }
}

/// Returns the form of a date or time, with `0` in place of all digits. Returns `None` for other texts.
fn form_of_time(text: &str) -> Option<String> {
    let form: String = text.trim().chars().map(|next| if next.is_ascii_digit() { '0' } else { next }).collect();
    (form.starts_with("0000-00-00") || form.starts_with("00:00")).then(|| form.chars().take(10).collect())
}

#[cfg(test)]
mod tests {
    use crate::checks::assertions::quantity::*;

    #[test]
    fn an_order_is_ambiguous_if_numbers_and_characters_can_differ() {
        for (left, right, expected) in [
            ("1000", "900", true),
            ("800", "900", false),
            ("100%", "90%", true),
            ("1m30s", "60s", true),
            ("2h", "90m", true),
            ("2Gi", "512Mi", true),
            ("1500m", "2", true),
            ("1,500", "900", true),
            ("1.9.0", "1.10.0", true),
            ("2025-12-31", "2026-01-01", false),
            ("2025-12-31T10:00:00Z", "2026-01-01", false),
            ("09:30", "10:00", false),
            ("9:30", "10:00", true),
            ("10000-01-01", "2026-01-01", true),
            ("n/a", "90", false),
            ("beta", "alpha", false),
        ] {
            assert_eq!(is_text_order_ambiguous(left, right), expected, "{left} {right}");
            assert_eq!(is_text_order_ambiguous(right, left), expected, "{right} {left}");
        }
    }

    #[test]
    fn numbers_at_the_start_of_texts_are_found() {
        for (text, expected) in
            [("95%", true), ("-3 °C", true), ("+Inf", true), ("7", true), ("-", false), ("n/a", false), ("", false)]
        {
            assert_eq!(has_number(text), expected, "{text}");
        }
    }
}

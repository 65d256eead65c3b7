//! The sizes of charts and strips, and the format of numbers in SVG.

/// The width of a drawing in its `viewBox`, which is stretched to the available width.
pub const WIDTH: f64 = 1_000.0;
/// The height of a chart in pixels, from the top to the baseline.
pub const HEIGHT: f64 = 104.0;
/// The height of a bar in pixels.
pub const BAR_HEIGHT: f64 = 32.0;

/// Formats a number with two decimals. The standard library's code for floating-point numbers would enlarge the page.
#[must_use]
pub fn number(value: f64) -> String {
    let hundredths = (value * 100.0).round() as i64;
    let sign = if hundredths < 0 { "-" } else { "" };
    let hundredths = hundredths.unsigned_abs();
    format!("{sign}{}.{:02}", hundredths / 100, hundredths % 100)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_have_two_decimals() {
        let numbers: Vec<String> = [0.0, 12.345, -0.004, -3.5, 100.0].into_iter().map(number).collect();
        assert_eq!(numbers, ["0.00", "12.35", "0.00", "-3.50", "100.00"]);
    }
}

//! The sizes of drawings, and how their numbers are written.

/// The width of the drawing in its own units; it is stretched to the width there is.
pub const WIDTH: f64 = 1_000.0;
/// The height of the drawing in pixels, the baseline being its lower edge.
pub const HEIGHT: f64 = 104.0;
/// The height of a bar in pixels; the components draw it so.
pub const BAR_HEIGHT: f64 = 32.0;

/// A number of a drawing, with two decimals. The standard library's way with floating-point numbers would weigh
/// more than all drawings together.
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
    fn numbers_of_drawings_have_two_decimals() {
        let numbers: Vec<String> = [0.0, 12.345, -0.004, -3.5, 100.0].into_iter().map(number).collect();
        assert_eq!(numbers, ["0.00", "12.35", "0.00", "-3.50", "100.00"]);
    }
}

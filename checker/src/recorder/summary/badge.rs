//! A badge: title, status and time of the last check in an SVG image of about a kilobyte, without scripts, styles or
//! fonts.

use shared::UnixNanos;
use shared::status::Status;

use super::{escape, format_minute};
use crate::sanitize::sanitize_for_terminal;

/// The length limit for titles, in characters.
const TITLE_LIMIT: usize = 40;
/// The height of a badge, in pixels.
const HEIGHT: usize = 20;
/// The padding on both sides of each text, in pixels.
const MARGIN: usize = 6;
/// The background color of the title.
const TITLE_BACKGROUND: &str = "#3a3f45";

/// The meaning of a badge's color.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BadgeColor {
    Status(Status),
    /// A problem that announced maintenance covers.
    Planned,
    /// A number, which is neither good nor bad.
    Figure,
}

/// Draws a badge. It contains the time of the last check, because an image does not show how old it is.
#[must_use]
pub fn draw(title: &str, word: &str, color: BadgeColor, at: UnixNanos) -> String {
    let time = format_minute(at);
    image(title, &format!("{word} · {time}"), &format!("{word}, last checked {time}"), color)
}

/// Draws a badge with a number, such as the uptime. `what` is the number's name, which is shown after the title.
#[must_use]
pub fn draw_figure(title: &str, what: &str, figure: &str) -> String {
    let title = sanitize_for_terminal(title, TITLE_LIMIT.saturating_sub(what.len() + 1));
    image(&format!("{title} {what}"), figure, figure, BadgeColor::Figure)
}

/// Draws an image with two texts. Screen readers read the title and `description`.
fn image(title: &str, state: &str, description: &str, color: BadgeColor) -> String {
    let shown = sanitize_for_terminal(title, TITLE_LIMIT);
    let (left, right) = (width_of(&shown), width_of(state));
    let (left_box, right_box) = (left + 2 * MARGIN, right + 2 * MARGIN);
    let width = left_box + right_box;
    let (name, state) = (escape(title, TITLE_LIMIT), escape(state, usize::MAX));
    let label = format!("{name}: {}", escape(description, usize::MAX));
    // `textLength` makes the text fit its box in any font.
    let text = |words: &str, x: usize, width: usize| {
        format!(r#"<text x="{x}" y="14" textLength="{width}" lengthAdjust="spacingAndGlyphs">{words}</text>"#)
    };
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width}\" height=\"{HEIGHT}\" viewBox=\"0 0 {width} {HEIGHT}\" \
         role=\"img\" aria-label=\"{label}\"><title>{label}</title>\
         <rect width=\"{width}\" height=\"{HEIGHT}\" rx=\"3\" fill=\"{ground}\"/>\
         <path d=\"M3 0H{left_box}V{HEIGHT}H3a3 3 0 0 1-3-3V3a3 3 0 0 1 3-3z\" fill=\"{TITLE_BACKGROUND}\"/>\
         <g fill=\"#fff\" font-family=\"Verdana,DejaVu Sans,sans-serif\" font-size=\"11\">{}{}</g></svg>\n",
        text(&name, MARGIN, left),
        text(&state, left_box + MARGIN, right),
        ground = background(color),
    )
}

/// Returns a background color. White text on it has a contrast ratio of at least 4.5:1.
fn background(color: BadgeColor) -> &'static str {
    match color {
        BadgeColor::Status(Status::Healthy) => "#1f7048",
        BadgeColor::Status(Status::Degraded) => "#8a5600",
        BadgeColor::Status(Status::Down) => "#b3261e",
        BadgeColor::Status(Status::Unknown) => "#5c6268",
        BadgeColor::Planned => "#2457a6",
        BadgeColor::Figure => "#40566b",
    }
}

/// Returns the approximate width of text at 11 pixels: 7 for most characters, 11 for East Asian characters and symbols.
fn width_of(text: &str) -> usize {
    text.chars().map(|character| if u32::from(character) < 0x1100 { 7 } else { 11 }).sum::<usize>().max(7)
}

#[cfg(test)]
mod tests {
    use crate::recorder::summary::badge::*;

    const AT: UnixNanos = 1_795_330_254_340_493_978;

    #[test]
    fn a_badge_contains_title_status_and_time() {
        let svg = draw("Shop", "healthy", BadgeColor::Status(Status::Healthy), AT);
        assert!(svg.contains("<title>Shop: healthy, last checked 2026-11-22 06:50 UTC</title>"), "{svg}");
        assert!(svg.contains(">Shop</text>") && svg.contains(">healthy · 2026-11-22 06:50 UTC</text>"), "{svg}");
        assert!(svg.len() < 1_100, "{}", svg.len());
        assert!(!svg.contains("style") && !svg.contains("script") && !svg.contains("href"), "{svg}");
    }

    #[test]
    fn a_title_cannot_contain_markup() {
        let title = "\"/><script>alert(1)</script>&\u{202e}\u{1b}[2J\u{ffff}";
        let svg = draw(title, "down", BadgeColor::Status(Status::Down), AT);
        assert!(!svg.contains("<script") && !svg.contains(['\u{1b}', '\u{202e}', '\u{ffff}']), "{svg}");
        assert!(svg.contains("&quot;/&gt;&lt;script&gt;alert(1)&lt;/script&gt;&amp;[2J"), "{svg}");
        let long = draw(&"w".repeat(5_000_000), "down", BadgeColor::Status(Status::Down), AT);
        assert!(long.len() < 1_400, "{}", long.len());
    }

    #[test]
    fn each_status_has_its_own_color_with_enough_contrast() {
        let channel = |hex: &str| {
            let value = f64::from(u8::from_str_radix(hex, 16).expect("it is hex")) / 255.0;
            if value <= 0.040_45 { value / 12.92 } else { ((value + 0.055) / 1.055).powf(2.4) }
        };
        let mut backgrounds = vec![TITLE_BACKGROUND];
        backgrounds.extend(Status::ALL.map(BadgeColor::Status).map(background));
        backgrounds.extend([BadgeColor::Planned, BadgeColor::Figure].map(background));
        for color in &backgrounds {
            let [red, green, blue] = [&color[1..3], &color[3..5], &color[5..7]].map(channel);
            let luminance = 0.2126 * red + 0.7152 * green + 0.0722 * blue;
            assert!(1.05 / (luminance + 0.05) >= 4.5, "{color}");
        }
        backgrounds.sort_unstable();
        backgrounds.dedup();
        assert_eq!(backgrounds.len(), 3 + Status::ALL.len());
    }
}

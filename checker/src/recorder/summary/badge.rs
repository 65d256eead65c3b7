//! A badge: title, state and the time of the last check as a picture of about a kilobyte, without script, style or font.

use shared::UnixNanos;
use shared::status::Status;

use super::{escaped, minute};
use crate::sanitize::sanitize_for_terminal;

/// The most of a title that is shown, in characters.
const TITLE_LIMIT: usize = 40;
/// The height of a badge, in pixels.
const HEIGHT: usize = 20;
/// The room on either side of a text, in pixels.
const MARGIN: usize = 6;
/// The ground of the title.
const TITLE_GROUND: &str = "#3a3f45";

/// The badge of something in this state as of `at`. A picture cannot know how old it is, so it says of when it is.
#[must_use]
pub fn draw(title: &str, word: &str, status: Status, at: UnixNanos) -> String {
    let moment = minute(at);
    let state = format!("{word} · {moment}");
    let shown = sanitize_for_terminal(title, TITLE_LIMIT);
    let (left, right) = (width_of(&shown), width_of(&state));
    let (left_box, right_box) = (left + 2 * MARGIN, right + 2 * MARGIN);
    let width = left_box + right_box;
    let (name, state) = (escaped(title, TITLE_LIMIT), escaped(&state, usize::MAX));
    let spoken = format!("{name}: {}, last checked {moment}", escaped(word, usize::MAX));
    // A text is made to fit its box, whatever font the reader has.
    let text = |words: &str, x: usize, width: usize| {
        format!(r#"<text x="{x}" y="14" textLength="{width}" lengthAdjust="spacingAndGlyphs">{words}</text>"#)
    };
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width}\" height=\"{HEIGHT}\" viewBox=\"0 0 {width} {HEIGHT}\" \
         role=\"img\" aria-label=\"{spoken}\"><title>{spoken}</title>\
         <rect width=\"{width}\" height=\"{HEIGHT}\" rx=\"3\" fill=\"{ground}\"/>\
         <path d=\"M3 0H{left_box}V{HEIGHT}H3a3 3 0 0 1-3-3V3a3 3 0 0 1 3-3z\" fill=\"{TITLE_GROUND}\"/>\
         <g fill=\"#fff\" font-family=\"Verdana,DejaVu Sans,sans-serif\" font-size=\"11\">{}{}</g></svg>\n",
        text(&name, MARGIN, left),
        text(&state, left_box + MARGIN, right),
        ground = ground_of(status),
    )
}

/// The ground of a state, on which white text has a contrast of at least 4.5 to 1.
fn ground_of(status: Status) -> &'static str {
    match status {
        Status::Healthy => "#1f7048",
        Status::Degraded => "#8a5600",
        Status::Down => "#b3261e",
        Status::Unknown => "#5c6268",
    }
}

/// About how wide a text is at eleven pixels: most letters are seven, those of East Asia and pictures eleven.
fn width_of(text: &str) -> usize {
    text.chars().map(|character| if u32::from(character) < 0x1100 { 7 } else { 11 }).sum::<usize>().max(7)
}

#[cfg(test)]
mod tests {
    use crate::recorder::summary::badge::*;

    const AT: UnixNanos = 1_795_330_254_340_493_978;

    #[test]
    fn it_says_what_of_what_and_of_when() {
        let svg = draw("Shop", "healthy", Status::Healthy, AT);
        assert!(svg.contains("<title>Shop: healthy, last checked 2026-11-22 06:50 UTC</title>"), "{svg}");
        assert!(svg.contains(">Shop</text>") && svg.contains(">healthy · 2026-11-22 06:50 UTC</text>"), "{svg}");
        assert!(svg.len() < 1_100, "{}", svg.len());
        assert!(!svg.contains("style") && !svg.contains("script") && !svg.contains("href"), "{svg}");
    }

    #[test]
    fn a_title_is_nothing_but_a_title() {
        let title = "\"/><script>alert(1)</script>&\u{202e}\u{1b}[2J\u{ffff}";
        let svg = draw(title, "down", Status::Down, AT);
        assert!(!svg.contains("<script") && !svg.contains(['\u{1b}', '\u{202e}', '\u{ffff}']), "{svg}");
        assert!(svg.contains("&quot;/&gt;&lt;script&gt;alert(1)&lt;/script&gt;&amp;[2J"), "{svg}");
        let long = draw(&"w".repeat(5_000_000), "down", Status::Down, AT);
        assert!(long.len() < 1_400, "{}", long.len());
    }

    #[test]
    fn every_state_has_a_ground_of_its_own_that_white_stands_out_from() {
        let channel = |hex: &str| {
            let value = f64::from(u8::from_str_radix(hex, 16).expect("it is hex")) / 255.0;
            if value <= 0.040_45 { value / 12.92 } else { ((value + 0.055) / 1.055).powf(2.4) }
        };
        let mut grounds = vec![TITLE_GROUND];
        grounds.extend(Status::ALL.map(ground_of));
        for ground in &grounds {
            let [red, green, blue] = [&ground[1..3], &ground[3..5], &ground[5..7]].map(channel);
            let luminance = 0.2126 * red + 0.7152 * green + 0.0722 * blue;
            assert!(1.05 / (luminance + 0.05) >= 4.5, "{ground}");
        }
        grounds.sort_unstable();
        grounds.dedup();
        assert_eq!(grounds.len(), 1 + Status::ALL.len());
    }
}

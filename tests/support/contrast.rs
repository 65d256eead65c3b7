//! Measures contrast as defined by WCAG, with and without color vision, and the size of targets.

use serde_json::{Value, json};

use crate::browser::Browser;

/// The minimum contrast of text of any size (WCAG 2.2, 1.4.3).
pub const TEXT: f64 = 4.5;
/// The minimum contrast of meaningful graphics (WCAG 2.2, 1.4.11).
pub const DRAWING: f64 = 3.0;

/// The colors of an element or text and of its background.
#[derive(Debug, Clone, PartialEq)]
pub struct ContrastSample {
    /// A description: the element's selector, and part of its text.
    pub what: String,
    /// The red, green and blue values, each from 0 to 255.
    pub color: [f64; 3],
    pub ground: [f64; 3],
    pub least: f64,
}

/// Finds every distinct combination of a background color and the color of text or graphics on it.
const SAMPLE: &str = r"
    const [text, drawing] = arguments;
    const parts = color => {
        const numbers = color.match(/[\d.]+/g).map(Number);
        return color.startsWith('color(srgb') ? numbers.map((number, index) => index < 3 ? number * 255 : number) : numbers;
    };
    const over = ([r, g, b, a = 1], ground) => [r, g, b].map((value, index) => value * a + ground[index] * (1 - a));
    const ground = element => {
        if (!element) return [255, 255, 255];
        const color = parts(getComputedStyle(element).backgroundColor);
        return (color[3] ?? 1) === 1 ? color.slice(0, 3) : over(color, ground(element.parentElement));
    };
    const found = new Map();
    const see = (element, color, least, what) => {
        if (!/^(rgb|color)/.test(color)) return;
        const behind = ground(element.parentElement && element.namespaceURI.endsWith('svg') ? element.parentElement : element);
        const seen = { color: over(parts(color), behind), ground: behind, least };
        const key = JSON.stringify(seen);
        if (!found.has(key)) found.set(key, { ...seen, what });
    };
    const isSeen = element => element.checkVisibility({ visibilityProperty: true, opacityProperty: true });
    const isSpoken = element => element.closest('.visually-hidden, noscript, script, style');
    const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    for (let node; (node = texts.nextNode());) {
        const element = node.parentElement;
        if (!node.data.trim() || isSpoken(element) || !isSeen(element)) continue;
        const style = getComputedStyle(element);
        const color = element.namespaceURI.endsWith('svg') ? style.fill : style.color;
        see(element, color, text, `${element.tagName}.${element.getAttribute('class') ?? ''} ${node.data.trim().slice(0, 30)}`);
    }
    // Shapes and lines that carry meaning. A chart's grid and band are decoration.
    const drawn = '.icon, .part[data-status]:not([fill]), .hatch-line, .line, .failures, .mark, .threshold, .chart .base';
    for (const element of document.querySelectorAll(drawn)) {
        if (element.closest('.endpoint:nth-child(n + 21)')) continue;
        const { fill, stroke } = getComputedStyle(element);
        const isLine = element.matches('.line, .failures, .mark, .threshold, .base');
        see(element.closest('svg'), isLine ? stroke : fill, drawing, `${element.getAttribute('class')} ${element.dataset.status ?? ''}`);
    }
    return [...found.values()];
";

/// Paints these colors as rows of squares, each eight pixels wide, on top of the page.
const PAINT: &str = r"
    const row = document.createElement('div');
    row.style.cssText = 'position: fixed; inset: 0; z-index: 99; background: #fff';
    for (const [index, [r, g, b]] of arguments[0].entries()) {
        const field = document.createElement('div');
        field.style.cssText = `position: absolute; width: 8px; height: 8px; left: ${index % 32 * 8}px; top: ${Math.floor(index / 32) * 8}px; background: rgb(${r} ${g} ${b})`;
        row.append(field);
    }
    document.body.append(row);
    return new Promise(done => requestAnimationFrame(() => requestAnimationFrame(() => done(true))));
";

/// Reads the colors of pixels from a screenshot.
const READ: &str = r"
    const [picture, points] = arguments;
    const image = new Image();
    image.src = 'data:image/png;base64,' + picture;
    return image.decode().then(() => {
        const canvas = document.createElement('canvas');
        [canvas.width, canvas.height] = [image.width, image.height];
        const drawing = canvas.getContext('2d');
        drawing.drawImage(image, 0, 0);
        return points.map(([x, y]) => [...drawing.getImageData(x, y, 1, 1).data.slice(0, 3)]);
    });
";

/// Measures all targets. A strip of bars is a single target, because a position in it selects a time, as in a slider. A
/// link within a sentence is exempt (WCAG 2.2, 2.5.8).
const HIT: &str = r"
    const targets = [...document.querySelectorAll('a[href], button, input, select, textarea, summary, .strip, [tabindex]:not(.bar)')]
        .filter(element => element.checkVisibility({ visibilityProperty: true }))
        .filter(element => !(element.matches('a[href]') && element.closest('p, li, .message-text')))
        .map(element => [element, (element.closest('label') ?? element).getBoundingClientRect()]);
    const isSmall = box => Math.min(box.width, box.height) < 24;
    const middle = box => [box.left + box.width / 2, box.top + box.height / 2];
    const distance = ([x, y], box) =>
        Math.hypot(Math.max(box.left - x, 0, x - box.right), Math.max(box.top - y, 0, y - box.bottom));
    // A small target needs space around it: a circle at its center must not intersect other targets or their circles.
    const isCrowded = box => targets.some(([, other]) => other !== box && (distance(middle(box), other) < 12
        || isSmall(other) && Math.hypot(...middle(box).map((value, index) => value - middle(other)[index])) < 24));
    const failing = targets.filter(([, box]) => isSmall(box) && isCrowded(box));
    return { count: targets.length, failing: failing.map(([element, box]) => `${element.outerHTML.slice(0, 120)}: ${box.width} × ${box.height}`) };
";

/// Returns every distinct combination of a color and its background on the page.
pub async fn samples(browser: &Browser) -> Vec<ContrastSample> {
    let found = browser.script_with(SAMPLE, vec![json!(TEXT), json!(DRAWING)]).await;
    let found = found.as_array().expect("it is a list");
    let samples = found.iter().map(|one| ContrastSample {
        what: one["what"].as_str().unwrap_or_default().to_owned(),
        color: color(&one["color"]),
        ground: color(&one["ground"]),
        least: one["least"].as_f64().expect("it is a number"),
    });
    samples.collect()
}

/// Converts samples to what a person without color vision sees, as emulated by the browser.
pub async fn in_grayscale(browser: &Browser, samples: &[ContrastSample]) -> Vec<ContrastSample> {
    let colors: Vec<[f64; 3]> = samples.iter().flat_map(|sample| [sample.color, sample.ground]).collect();
    browser.script_with(PAINT, vec![json!(colors)]).await;
    let middle_of = |index: usize| [(index % 32 * 8 + 4) as f64, (index / 32 * 8 + 4) as f64];
    let seen = gray_levels(browser, &(0..colors.len()).map(middle_of).collect::<Vec<_>>()).await;
    browser.script("document.body.lastElementChild.remove()").await;
    assert_eq!(seen.len(), colors.len());
    let is_grey = |[red, green, blue]: &[f64; 3]| (red - green).abs() + (green - blue).abs() < 0.5;
    assert!(seen.iter().all(is_grey), "every color is gray: {seen:?}");
    let pairs = samples.iter().zip(seen.chunks(2));
    pairs.map(|(sample, seen)| ContrastSample { color: seen[0], ground: seen[1], ..sample.clone() }).collect()
}

/// Returns the colors at these points of the window, as seen without color vision.
pub async fn gray_levels(browser: &Browser, points: &[[f64; 2]]) -> Vec<[f64; 3]> {
    browser.devtools("Emulation.setEmulatedVisionDeficiency", json!({ "type": "achromatopsia" })).await;
    let picture = browser.devtools("Page.captureScreenshot", json!({ "format": "png" })).await;
    browser.devtools("Emulation.setEmulatedVisionDeficiency", json!({ "type": "none" })).await;
    let seen = browser.script_with(READ, vec![picture["data"].clone(), json!(points)]).await;
    seen.as_array().expect("it is a list").iter().map(color).collect()
}

/// Describes the samples that have too little contrast.
#[must_use]
pub fn too_low(samples: &[ContrastSample]) -> Vec<String> {
    let faint = samples.iter().filter(|sample| ratio(sample.color, sample.ground) < sample.least);
    faint.map(|sample| format!("{:.2} : 1 for {sample:?}", ratio(sample.color, sample.ground))).collect()
}

/// Returns the number of targets, and describes those that are too small and too close to others.
pub async fn tap_targets(browser: &Browser) -> (u64, Vec<String>) {
    let result = browser.script(HIT).await;
    let failing = result["failing"].as_array().expect("it is a list");
    let failing = failing.iter().filter_map(|one| one.as_str().map(str::to_owned)).collect();
    (result["count"].as_u64().expect("it is a number"), failing)
}

/// Computes the contrast ratio of two colors, from 1 to 21 (WCAG 2.2, "contrast ratio").
#[must_use]
pub fn ratio(one: [f64; 3], other: [f64; 3]) -> f64 {
    let (one, other) = (luminance(one), luminance(other));
    (one.max(other) + 0.05) / (one.min(other) + 0.05)
}

fn luminance(color: [f64; 3]) -> f64 {
    let linear = |value: f64| {
        let share = value / 255.0;
        if share <= 0.040_45 { share / 12.92 } else { ((share + 0.055) / 1.055).powf(2.4) }
    };
    let [red, green, blue] = color.map(linear);
    0.2126 * red + 0.7152 * green + 0.0722 * blue
}

fn color(value: &Value) -> [f64; 3] {
    [0, 1, 2].map(|index| value[index].as_f64().expect("it is a color"))
}

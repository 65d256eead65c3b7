//! What readers ask of their system counts on the page, too: less motion, and colors of their own.

use serde_json::Value;
use support::contrast;
use support::page_scenario::{self, PageState};

/// Everything that would move: animations that run, and how long those and transitions would take.
const MOTION: &str = r"
    const seconds = text => text.split(',').map(part => parseFloat(part) * (part.trim().endsWith('ms') ? 1 : 1000));
    const moving = [...document.querySelectorAll('*')].flatMap(element => ['', '::before', '::after'].map(part => {
        const style = getComputedStyle(element, part);
        const longest = Math.max(...seconds(style.transitionDuration), ...seconds(style.animationDuration));
        return longest > 10 ? `${element.tagName}.${element.getAttribute('class')}${part}: ${longest} ms` : null;
    })).filter(Boolean);
    if (getComputedStyle(document.documentElement).scrollBehavior === 'smooth') moving.push('scrolling');
    return { running: document.getAnimations().length, moving: [...new Set(moving)].slice(0, 10) };
";

/// The colors of a page whose colors are the reader's: of the bars by status, of the shapes, and of the ranges.
const COLORS: &str = r"
    const numbers = color => color.match(/[\d.]+/g).slice(0, 3).map(Number);
    const of = (selector, property) => {
        const element = document.querySelector(selector);
        return element && numbers(getComputedStyle(element)[property]);
    };
    const ground = of('html', 'backgroundColor');
    const seen = selector => {
        const opacity = Number(getComputedStyle(document.querySelector(selector)).fillOpacity);
        return of(selector, 'fill').map((value, place) => opacity * value + (1 - opacity) * ground[place]);
    };
    return {
        ground, bars: ['healthy', 'degraded', 'down'].map(status => seen(`.part[data-status=${status}]`)),
        shape: of('h1 .shape', 'fill'), line: of('.chart .line', 'stroke'),
        chosen: of('.ranges :checked + span', 'borderBottomColor'), other: of('.ranges :not(:checked) + span', 'borderBottomColor'),
    };
";

#[tokio::test]
async fn nothing_moves_for_readers_who_want_less_motion() {
    let browser = page_scenario::open_browser().await;
    browser.prefer(&[("prefers-reduced-motion", "reduce")]).await;
    for state in [PageState::Down, PageState::Loading] {
        let scenario = state.start().await;
        scenario.visit(&browser).await;
        assert_eq!(browser.script("return matchMedia('(prefers-reduced-motion: reduce)').matches;").await, true);
        let motion = browser.script(MOTION).await;
        assert_eq!(motion, serde_json::json!({ "running": 0, "moving": [] }), "{}", state.name());
    }
}

/// For a bar of each status, the places in the window of the ground beside its mark, of the middle of its mark, and of the
/// mark's upper corner.
const MARKS: &str = r"
    const section = document.querySelector('[data-title=Payments]');
    section.scrollIntoView({ block: 'center' });
    return ['healthy', 'degraded', 'down'].map(status => {
        const box = section.querySelector(`.strip .bar[data-status=${status}]`).getBoundingClientRect();
        const middle = box.left + box.width / 2;
        return [[middle, box.top - 4], [middle, box.top + 2.5], [box.left + 2.5, box.top + 1]];
    });
";

/// Green and red that stand 3 : 1 apart from each other and from the ground do not exist together with a third color
/// between them, so that what is seen without colors is the shape: a block, a roof or nothing stands above each bar.
#[tokio::test]
async fn without_colors_the_bars_of_each_status_have_a_shape_of_their_own() {
    let browser = page_scenario::open_browser().await;
    let scenario = PageState::Degraded.start().await;
    for theme in ["light", "dark"] {
        browser.prefer(&[("prefers-color-scheme", theme)]).await;
        scenario.visit(&browser).await;
        let places = browser.script(MARKS).await;
        let places: Vec<[f64; 2]> = places
            .as_array()
            .expect("it is a list")
            .iter()
            .flat_map(|bar| bar.as_array().expect("they are places"))
            .map(|place| [0, 1].map(|axis| place[axis].as_f64().expect("it is a number")))
            .collect();
        let seen = contrast::gray_levels(&browser, &places).await;
        let is_drawn: Vec<[bool; 2]> = seen
            .chunks(3)
            .map(|bar| [1, 2].map(|place| contrast::ratio(bar[place], bar[0]) >= contrast::DRAWING))
            .collect();
        assert_eq!(is_drawn, [[false, false], [true, false], [true, true]], "{theme}: {seen:?}");
    }
}

#[tokio::test]
async fn in_colors_of_the_readers_own_statuses_and_choices_stay_apart() {
    let browser = page_scenario::open_browser().await;
    let scenario = PageState::Degraded.start().await;
    for theme in ["light", "dark"] {
        browser.prefer(&[("forced-colors", "active"), ("prefers-color-scheme", theme)]).await;
        let page = scenario.visit(&browser).await;
        page.assert_clean();
        assert_eq!(browser.script("return matchMedia('(forced-colors: active)').matches;").await, true);
        let told = browser.script(COLORS).await;
        let color = |value: &Value| [0, 1, 2].map(|place| value[place].as_f64().expect("it is a color"));
        let ground = color(&told["ground"]);
        let bars: Vec<[f64; 3]> = told["bars"].as_array().expect("it is a list").iter().map(color).collect();
        for (place, bar) in bars.iter().enumerate() {
            assert!(!bars[..place].contains(bar), "{theme}: two statuses have one color: {told:#}");
        }
        for (what, color) in
            [("shape", color(&told["shape"])), ("line", color(&told["line"])), ("chosen", color(&told["chosen"]))]
                .into_iter()
                .chain(bars.iter().map(|bar| ("bar", *bar)))
        {
            assert!(contrast::ratio(color, ground) >= contrast::DRAWING, "{theme}: {what} {color:?} on {ground:?}");
        }
        assert_ne!(told["chosen"], told["other"], "{theme}: one sees which range is shown");
        let texts = contrast::samples(&browser).await;
        let faint =
            contrast::too_low(&texts.into_iter().filter(|sample| sample.least > contrast::DRAWING).collect::<Vec<_>>());
        assert!(faint.is_empty(), "{theme}: {faint:#?}");
    }
}

//! The page respects the visitor's system preferences: reduced motion and forced colors.

use serde_json::Value;
use support::contrast;
use support::page_scenario::{self, PageState};

/// Lists everything that moves: running animations, and elements with durations for animations or transitions.
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

/// Reads the colors of a page with forced colors: bars by status, a shape, a chart's line, and the selected and other
/// ranges.
const COLORS: &str = r"
    const numbers = color => color.match(/[\d.]+/g).slice(0, 3).map(Number);
    const of = (selector, property) => {
        const element = document.querySelector(selector);
        return element && numbers(getComputedStyle(element)[property]);
    };
    const ground = of('html', 'backgroundColor');
    const seen = selector => {
        const opacity = Number(getComputedStyle(document.querySelector(selector)).fillOpacity);
        return of(selector, 'fill').map((value, index) => opacity * value + (1 - opacity) * ground[index]);
    };
    return {
        ground, bars: ['healthy', 'degraded', 'down'].map(status => seen(`.part[data-status=${status}]`)),
        shape: of('h1 .icon', 'fill'), line: of('.chart .line', 'stroke'),
        chosen: of('.ranges :checked + span', 'borderBottomColor'), other: of('.ranges :not(:checked) + span', 'borderBottomColor'),
    };
";

#[tokio::test]
async fn nothing_moves_with_reduced_motion() {
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

/// Returns three positions in the window for a bar of each status: the background next to its mark, the center of the
/// mark, and the upper corner of the mark.
const MARKS: &str = r"
    const section = document.querySelector('[data-title=Payments]');
    section.scrollIntoView({ block: 'center' });
    return ['healthy', 'degraded', 'down'].map(status => {
        const box = section.querySelector(`.strip .bar[data-status=${status}]`).getBoundingClientRect();
        const middle = box.left + box.width / 2;
        return [[middle, box.top - 4], [middle, box.top + 2.5], [box.left + 2.5, box.top + 1]];
    });
";

/// A green and a red that contrast 3:1 with each other and with the background leave no room for a third color in
/// between. So bars also differ by the shape above them: a block, a triangle or nothing.
#[tokio::test]
async fn without_colors_the_bars_of_each_status_have_a_distinct_shape() {
    let browser = page_scenario::open_browser().await;
    let scenario = PageState::Degraded.start().await;
    for theme in ["light", "dark"] {
        browser.prefer(&[("prefers-color-scheme", theme)]).await;
        scenario.visit(&browser).await;
        let positions = browser.script(MARKS).await;
        let positions: Vec<[f64; 2]> = positions
            .as_array()
            .expect("it is a list")
            .iter()
            .flat_map(|bar| bar.as_array().expect("they are positions"))
            .map(|index| [0, 1].map(|axis| index[axis].as_f64().expect("it is a number")))
            .collect();
        let seen = contrast::gray_levels(&browser, &positions).await;
        let is_drawn: Vec<[bool; 2]> = seen
            .chunks(3)
            .map(|bar| [1, 2].map(|index| contrast::ratio(bar[index], bar[0]) >= contrast::DRAWING))
            .collect();
        assert_eq!(is_drawn, [[false, false], [true, false], [true, true]], "{theme}: {seen:?}");
    }
}

#[tokio::test]
async fn with_forced_colors_statuses_and_choices_stay_distinct() {
    let browser = page_scenario::open_browser().await;
    let scenario = PageState::Degraded.start().await;
    for theme in ["light", "dark"] {
        browser.prefer(&[("forced-colors", "active"), ("prefers-color-scheme", theme)]).await;
        let page = scenario.visit(&browser).await;
        page.assert_clean();
        assert_eq!(browser.script("return matchMedia('(forced-colors: active)').matches;").await, true);
        browser.script("document.querySelector('#charts[aria-pressed=false]')?.click()").await;
        let chart = || async {
            (browser.script("return !!document.querySelector('.chart .line')").await == true).then_some(())
        };
        support::wait_for("the charts", chart).await;
        let colors = browser.script(COLORS).await;
        let color = |value: &Value| [0, 1, 2].map(|index| value[index].as_f64().expect("it is a color"));
        let ground = color(&colors["ground"]);
        let bars: Vec<[f64; 3]> = colors["bars"].as_array().expect("it is a list").iter().map(color).collect();
        for (index, bar) in bars.iter().enumerate() {
            assert!(!bars[..index].contains(bar), "{theme}: two statuses have the same color: {colors:#}");
        }
        for (what, color) in
            [("shape", color(&colors["shape"])), ("line", color(&colors["line"])), ("chosen", color(&colors["chosen"]))]
                .into_iter()
                .chain(bars.iter().map(|bar| ("bar", *bar)))
        {
            assert!(contrast::ratio(color, ground) >= contrast::DRAWING, "{theme}: {what} {color:?} on {ground:?}");
        }
        assert_ne!(colors["chosen"], colors["other"], "{theme}: the selected range is visible");
        let texts = contrast::samples(&browser).await;
        let faint =
            contrast::too_low(&texts.into_iter().filter(|sample| sample.least > contrast::DRAWING).collect::<Vec<_>>());
        assert!(faint.is_empty(), "{theme}: {faint:#?}");
    }
}

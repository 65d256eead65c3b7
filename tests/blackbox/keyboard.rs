//! Keyboard access to the whole page: Tab reaches every control in visual order, arrow keys move within a control,
//! Enter opens, Escape closes, and the focus is visible.

use serde_json::Value;
use support::browser::Browser;
use support::page::{self, Page};
use support::page_scenario::{self, PageState};
use support::wait_for;

/// Returns descriptions of the focused element and of its focus ring.
const FOCUS: &str = r"
    const one = document.activeElement;
    if (!one || one === document.body) return null;
    const kind = one.matches('.strip') ? (one.closest('.level') ? 'inner strip' : 'strip')
        : one.matches('.ranges input') ? 'range' : one.matches('.chart') ? 'chart' : one.matches('.skip') ? 'skip'
        : one.matches('#subscribe summary') ? 'menu' : one.matches('summary') ? 'summary' : one.matches('a') ? 'link'
        : one.id || one.tagName;
    const bar = one.querySelector('.bar[data-current=true]');
    const ring = one.matches('.ranges input') ? one.nextElementSibling : bar ?? one;
    const style = getComputedStyle(ring);
    const isRinged = bar ? style.stroke !== 'none' && parseFloat(style.strokeWidth) >= 2
        : style.outlineStyle !== 'none' && parseFloat(style.outlineWidth) >= 2;
    return { kind, of: one.closest('.endpoint')?.dataset.title ?? '', label: (one.getAttribute('aria-valuetext') ?? '').replace(/\s+/g, ' '),
        open: bar?.dataset.open, isRinged };
";

async fn focus(browser: &Browser) -> Value {
    browser.script(FOCUS).await
}

/// Waits until a script returns true.
async fn until(browser: &Browser, what: &str, script: &str) {
    let is_so = || async { (browser.script(script).await == true).then_some(()) };
    wait_for(what, is_so).await;
}

/// Presses Tab until the focus leaves the page, and returns the tab stops.
async fn walk(browser: &Browser) -> Vec<Value> {
    let mut stops = Vec::new();
    for _ in 0..200 {
        browser.press("Tab").await;
        match focus(browser).await {
            Value::Null => return stops,
            stop => {
                browser.script("(window.walked ??= []).push(document.activeElement);").await;
                stops.push(stop);
            }
        }
    }
    panic!("the focus never leaves the page: {stops:#?}");
}

fn words(stops: &[Value]) -> Vec<String> {
    let word = |stop: &Value| {
        format!("{} {}", stop["kind"].as_str().unwrap_or_default(), stop["of"].as_str().unwrap_or_default())
    };
    stops.iter().map(|stop| word(stop).trim().to_owned()).collect()
}

#[tokio::test]
async fn tab_reaches_every_control_once_in_order_with_a_visible_focus() {
    let scenario = PageState::Announced.start().await;
    let browser = page_scenario::open_browser().await;
    scenario.visit(&browser).await;
    let stops = walk(&browser).await;
    let titles = ["Website", "Shop", "Payments", "Sign-in", "Search", "Mail"];
    // Each service has a single tab stop.
    let of_endpoints = titles.iter().map(|title| format!("strip {title}"));
    let expected: Vec<String> = ["skip", "menu", "link", "range", "charts", "filter", "table"]
        .map(str::to_owned)
        .into_iter()
        .chain(of_endpoints)
        .collect();
    let actual: Vec<String> = words(&stops).into_iter().take(expected.len()).collect();
    assert_eq!(actual, expected, "{:#?}", words(&stops));
    let hidden: Vec<&Value> = stops.iter().filter(|stop| stop["isRinged"] != true).collect();
    assert!(hidden.is_empty(), "the focus is invisible: {hidden:#?}");
    // All elements are measured at once, because their heights change when they scroll into view.
    let tops = browser.script("return window.walked.map(one => one.getBoundingClientRect().top);").await;
    let tops: Vec<f64> = tops.as_array().into_iter().flatten().filter_map(Value::as_f64).collect();
    assert_eq!(tops.len(), stops.len());
    assert!(tops.windows(2).all(|pair| pair[0] <= pair[1] + 40.0), "it moves down the page: {tops:?}");
    // Shift+Tab visits the same stops in reverse order.
    browser.press("Shift+Tab").await;
    assert_eq!(words(&[focus(&browser).await]), words(&stops[stops.len() - 1..]));
}

#[tokio::test]
async fn the_failed_check_behind_a_bar_is_found_by_keyboard() {
    let scenario = PageState::Down.start().await;
    let browser = page_scenario::open_browser().await;
    scenario.visit(&browser).await;
    let to = |kind: &'static str, of: &'static str| {
        let browser = &browser;
        async move {
            for _ in 0..60 {
                browser.press("Tab").await;
                let here = focus(browser).await;
                if here["kind"] == kind && here["of"] == of {
                    return here;
                }
            }
            panic!("Tab never reaches {kind} of {of}");
        }
    };
    // The newest bar receives the focus first. Its readout opens, and Escape closes only the readout.
    let today = to("strip", "Shop").await;
    assert!(today["label"].as_str().is_some_and(|label| label.contains("down for")), "{today}");
    until(&browser, "the readout", "return document.querySelectorAll('.strip-box .readout.open').length === 1;").await;
    browser.press("Escape").await;
    until(
        &browser,
        "the readout to disappear",
        "return document.querySelectorAll('.strip-box .readout.open').length === 0;",
    )
    .await;
    assert_eq!(focus(&browser).await["label"], today["label"], "the focus stays");
    // Arrows move by one day; Home and End jump to the first and last day.
    browser.press("ArrowLeft").await;
    let yesterday = focus(&browser).await;
    assert!(yesterday["label"].as_str().is_some_and(|label| label.starts_with("Saturday, November 21")), "{yesterday}");
    browser.press("Home").await;
    assert_ne!(focus(&browser).await["label"], yesterday["label"]);
    browser.press("End").await;
    assert_eq!(focus(&browser).await["label"], today["label"]);
    // Enter opens the day, and its hours are the next tab stop.
    browser.press("Enter").await;
    until(&browser, "the hours", "return document.querySelectorAll('.level .bar').length === 24;").await;
    assert_eq!(focus(&browser).await["open"], "true");
    let mut hour = to("inner strip", "Shop").await;
    for _ in 0..24 {
        if hour["label"].as_str().is_some_and(|label| label.contains("14:00–15:00")) {
            break;
        }
        browser.press("ArrowLeft").await;
        hour = focus(&browser).await;
    }
    assert!(hour["label"].as_str().is_some_and(|label| label.contains("down for 10 min")), "{hour}");
    browser.press("Enter").await;
    until(&browser, "the checks", "return document.querySelectorAll('.checks .check').length > 0;").await;
    let read = "return [...document.querySelectorAll('.checks .check')].some(row => row.textContent.includes('down') && row.textContent.includes('connection refused'));";
    until(&browser, "the failed check", read).await;
    // Enter on the day's bar closes the day.
    browser.press("Shift+Tab").await;
    assert_eq!(words(&[focus(&browser).await]), ["strip Shop"]);
    browser.press("Enter").await;
    until(&browser, "the day to close", "return document.querySelector('.level') === null;").await;
}

#[tokio::test]
async fn ranges_percentiles_and_charts_work_with_keys() {
    let scenario = PageState::Three.start().await;
    let browser = page_scenario::open_browser().await;
    scenario.visit(&browser).await;
    for expected in ["skip", "menu", "range"] {
        browser.press("Tab").await;
        assert_eq!(words(&[focus(&browser).await]), [expected]);
    }
    browser.press("ArrowLeft").await;
    page::when(&browser, "30 days", |page| page.is_complete() && page.endpoint("Shop").bar_statuses().len() == 30)
        .await;
    browser.press("ArrowRight").await;
    page::when(&browser, "90 days", |page| page.is_complete() && page.endpoint("Shop").bar_statuses().len() == 90)
        .await;
    // The switch opens all charts, and its state is in the URL.
    browser.press("Tab").await;
    assert_eq!(words(&[focus(&browser).await]), ["charts"]);
    browser.press("Space").await;
    let charts = |count: usize| format!("return document.querySelectorAll('svg.chart').length === {count};");
    until(&browser, "the charts", &charts(3)).await;
    assert_eq!(browser.script("return location.search").await, "?charts=open");
    browser.press("Tab").await;
    assert_eq!(words(&[focus(&browser).await]), ["percentiles"]);
    browser.press("Space").await;
    page::when(&browser, "percentiles", |page| page.is_complete() && page.text_of("text").contains("p99")).await;
    assert_eq!(browser.script("return location.search").await, "?charts=open&percentiles=shown");
    browser.press("Enter").await;
    page::when(&browser, "no percentiles", |page| !page.text_of("text").contains("p99")).await;
    for expected in ["strip Website", "chart Website"] {
        browser.press("Tab").await;
        assert_eq!(words(&[focus(&browser).await]), [expected]);
    }
    let crosses = |count: usize| format!("return document.querySelectorAll('.crosshair').length === {count};");
    browser.press("ArrowLeft").await;
    // All three charts share one crosshair.
    until(&browser, "the crosshair", &crosses(3)).await;
    let readout = "return document.querySelector('.chart-readout').textContent;";
    let newest = browser.script(readout).await;
    browser.press("ArrowLeft").await;
    let is_another = || async { Some(browser.script(readout).await).filter(|readout| *readout != newest) };
    wait_for("another point", is_another).await;
    browser.press("Escape").await;
    until(&browser, "no crosshair", &crosses(0)).await;
    // Space on a strip closes and opens the chart of its service.
    browser.press("Shift+Tab").await;
    browser.press("Space").await;
    until(&browser, "one chart to close", &charts(2)).await;
    browser.press("Space").await;
    until(&browser, "the chart to open again", &charts(3)).await;
    page::when(&browser, "the page", Page::is_complete).await.assert_clean();
}

#[tokio::test]
async fn the_skip_link_leads_to_the_services() {
    let scenario = PageState::Three.start().await;
    let browser = page_scenario::open_browser().await;
    scenario.visit(&browser).await;
    browser.press("Tab").await;
    until(&browser, "the skip link", "return document.activeElement.getBoundingClientRect().height > 10;").await;
    browser.press("Enter").await;
    until(&browser, "the services", "return document.activeElement.id === 'services';").await;
    browser.press("Tab").await;
    assert_eq!(words(&[focus(&browser).await]), ["strip Website"]);
}

#[tokio::test]
async fn a_click_on_the_name_opens_the_chart_of_one_service() {
    let scenario = PageState::Three.start().await;
    let browser = page_scenario::open_browser().await;
    scenario.visit(&browser).await;
    let charts = "return [...document.querySelectorAll('section.endpoint')].map(one => one.querySelectorAll('svg.chart').length).join(' ')";
    assert_eq!(browser.script(charts).await, "0 0 0", "charts are closed at first");
    browser.script("document.querySelector('[data-title=Shop] .toggle').click()").await;
    wait_for("the chart", || async { (browser.script(charts).await == "0 1 0").then_some(()) }).await;
    let expanded = "return document.querySelector('[data-title=Shop] .toggle').getAttribute('aria-expanded')";
    assert_eq!(browser.script(expanded).await, "true");
}

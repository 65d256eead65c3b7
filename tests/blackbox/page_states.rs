//! Every state of the page, in both themes, on a desktop and on a phone: there are no violations of the security policy
//! or of axe's rules, everything is readable, even without colors, and every target is large enough for a finger.

use serde_json::json;
use support::axe;
use support::browser::Browser;
use support::contrast::{self, ContrastSample};
use support::page::{self, Page};
use support::page_scenario::{self, PageState};

/// Visitors: one uses a desktop with the light theme, and one uses a phone with the dark theme.
const READERS: [(&str, u32, u32); 2] = [("light", 1_280, 1_024), ("dark", 360, 780)];

async fn emulate(browser: &Browser, (theme, width, height): (&str, u32, u32)) {
    browser.resize(width, height).await;
    browser.prefer(&[("prefers-color-scheme", theme)]).await;
}

/// The problems and color samples that were found in any of the states.
#[derive(Debug, Default)]
struct Found {
    wrong: Vec<String>,
    samples: Vec<ContrastSample>,
}

impl Found {
    async fn inspect(&mut self, browser: &Browser, page: &Page, context: &str) {
        let mut wrong = Vec::new();
        // The web server sends the real policy with the page, so violations and errors are recorded.
        if page.0["witness"] != json!({ "violations": [], "errors": [], "canary": 0 }) {
            wrong.push(format!("{:#}", page.0["witness"]));
        }
        let samples = contrast::samples(browser).await;
        wrong.extend(contrast::too_low(&samples));
        self.samples.extend(samples);
        let (_, small) = contrast::tap_targets(browser).await;
        wrong.extend(small.iter().take(5).map(|target| format!("too small: {target}")));
        wrong.extend(axe::violations(browser).await);
        self.wrong.extend(wrong.into_iter().map(|one| format!("{context}: {one}")));
    }
}

async fn walk(states: &[PageState]) {
    let browser = page_scenario::open_browser().await;
    let mut found = Found::default();
    for state in states {
        let scenario = state.start().await;
        for reader in READERS {
            emulate(&browser, reader).await;
            let page = scenario.visit(&browser).await;
            found.inspect(&browser, &page, &format!("{} ({})", state.name(), reader.0)).await;
        }
    }
    assert!(found.samples.len() > 20, "it found samples: {:?}", found.samples);
    let mut samples: Vec<ContrastSample> = Vec::new();
    for sample in found.samples {
        let is_known = |known: &ContrastSample| (known.color, known.ground) == (sample.color, sample.ground);
        if !samples.iter().any(is_known) {
            samples.push(sample);
        }
    }
    let grey = contrast::in_grayscale(&browser, &samples).await;
    found.wrong.extend(contrast::too_low(&grey).into_iter().map(|faint| format!("in grayscale: {faint}")));
    assert!(found.wrong.is_empty(), "{:#?}", found.wrong);
}

#[tokio::test]
async fn pages_with_few_endpoints_are_accessible_and_within_the_policy() {
    let states: Vec<PageState> = PageState::ALL.into_iter().filter(|state| !MANY.contains(state)).collect();
    walk(&states).await;
}

#[tokio::test]
async fn pages_with_many_endpoints_are_accessible_and_within_the_policy() {
    walk(&MANY).await;
}

/// The slowest states. They have a separate test, which uses another browser.
const MANY: [PageState; 2] = [PageState::Twenty, PageState::FiveHundred];

#[tokio::test]
async fn incidents_maintenance_and_the_history_are_accessible() {
    let browser = page_scenario::open_browser().await;
    let mut found = Found::default();
    for state in [PageState::Incident, PageState::Maintenance] {
        let mut scenario = state.start().await;
        let url = scenario.url.clone();
        for (query, text) in page_scenario::announcement_queries(state) {
            scenario.url = format!("{url}{query}");
            for reader in READERS {
                emulate(&browser, reader).await;
                let page = scenario.visit(&browser).await;
                assert!(page.text_of("detail").contains(text), "{query}: {}", page.text_of("detail"));
                browser.script("document.querySelectorAll('details').forEach(one => one.open = true)").await;
                found.inspect(&browser, &page, &format!("{query} ({})", reader.0)).await;
            }
        }
    }
    assert!(found.wrong.is_empty(), "{:#?}", found.wrong);
}

#[tokio::test]
async fn expanded_details_and_overlays_are_accessible() {
    let scenario = PageState::Down.start().await;
    let browser = page_scenario::open_browser().await;
    let mut found = Found::default();
    for reader in READERS {
        emulate(&browser, reader).await;
        scenario.visit(&browser).await;
        browser.script("document.querySelector('#charts').click();").await;
        browser.script("document.querySelector('#percentiles').click();").await;
        browser
            .script("document.querySelector('[data-title=Shop] .bar:last-child').dispatchEvent(new Event('click', { bubbles: true }));")
            .await;
        let hours = || async {
            let bar = "const bar = document.querySelector('.level .bar[data-status=down]'); bar?.dispatchEvent(new Event('click', { bubbles: true })); return !!bar;";
            browser.script(bar).await.as_bool().filter(|there| *there)
        };
        support::wait_for("the hours of the day", hours).await;
        let is_loaded = |page: &Page| page.is_complete() && page.text_of("text").contains("p99");
        let page = page::when(&browser, "percentiles", is_loaded).await;
        let checks = || async {
            browser
                .script("return document.querySelector('.level .level, .level + .level') !== null")
                .await
                .as_bool()
                .filter(|there| *there)
        };
        support::wait_for("the checks of the hour", checks).await;
        // The readouts of a bar and of a chart, which exist only while the pointer is over them.
        for focus in [".strip", ".chart"] {
            browser.script_with("document.querySelector(arguments[0]).focus();", vec![json!(focus)]).await;
            browser.press("ArrowLeft").await;
            found.inspect(&browser, &page, &format!("{focus} ({})", reader.0)).await;
        }
    }
    assert!(found.wrong.is_empty(), "{:#?}", found.wrong);
}

#[tokio::test]
async fn the_open_subscribe_menu_is_accessible() {
    let scenario = PageState::Down.start().await;
    let browser = page_scenario::open_browser().await;
    let mut found = Found::default();
    for reader in READERS {
        emulate(&browser, reader).await;
        let page = scenario.visit(&browser).await;
        browser.script("document.querySelector('#subscribe summary').click()").await;
        let entries = || async {
            let count = "return window.showOutage && document.querySelectorAll('#subscribe[open] li').length";
            (browser.script(count).await == 6).then_some(())
        };
        support::wait_for("the menu", entries).await;
        found.inspect(&browser, &page, reader.0).await;
        let corners = "const { left, right } = document.querySelector('#subscribe .menu').getBoundingClientRect();
            return [left >= 0, right <= document.documentElement.clientWidth]";
        assert_eq!(browser.script(corners).await, json!([true, true]), "the menu is inside the window ({})", reader.0);
    }
    assert!(found.wrong.is_empty(), "{:#?}", found.wrong);
}

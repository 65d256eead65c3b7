//! What holds in every state of the page, in both themes, on a desk and on a phone: the policy that the web server sends
//! refuses nothing, axe finds nothing to complain of, everything can be read, also without colors, and everything
//! that can be pointed at is large enough for a finger.

use serde_json::json;
use support::axe;
use support::browser::Browser;
use support::contrast::{self, ContrastSample};
use support::page::{self, Page};
use support::page_scenario::{self, PageState};

/// A reader at a desk in the light, and one with a phone in the dark.
const READERS: [(&str, u32, u32); 2] = [("light", 1_280, 1_024), ("dark", 360, 780)];

async fn look_as(browser: &Browser, (theme, width, height): (&str, u32, u32)) {
    browser.resize(width, height).await;
    browser.prefer(&[("prefers-color-scheme", theme)]).await;
}

/// What was found on the way through the states.
#[derive(Debug, Default)]
struct Found {
    wrong: Vec<String>,
    samples: Vec<ContrastSample>,
}

impl Found {
    /// Looks at the page as it is.
    async fn look(&mut self, browser: &Browser, page: &Page, place: &str) {
        let mut wrong = Vec::new();
        // The web server sent the real policy with the page: here is what the browser refused, and what broke.
        if page.0["witness"] != json!({ "violations": [], "errors": [], "canary": 0 }) {
            wrong.push(format!("{:#}", page.0["witness"]));
        }
        let samples = contrast::samples(browser).await;
        wrong.extend(contrast::too_low(&samples));
        self.samples.extend(samples);
        let (_, small) = contrast::tap_targets(browser).await;
        wrong.extend(small.iter().take(5).map(|target| format!("too small: {target}")));
        wrong.extend(axe::violations(browser).await);
        self.wrong.extend(wrong.into_iter().map(|one| format!("{place}: {one}")));
    }
}

async fn walk(states: &[PageState]) {
    let browser = page_scenario::open_browser().await;
    let mut found = Found::default();
    for state in states {
        let scenario = state.start().await;
        for reader in READERS {
            look_as(&browser, reader).await;
            let page = scenario.visit(&browser).await;
            found.look(&browser, &page, &format!("{} ({})", state.name(), reader.0)).await;
        }
    }
    assert!(found.samples.len() > 20, "it looked at something: {:?}", found.samples);
    let mut samples: Vec<ContrastSample> = Vec::new();
    for sample in found.samples {
        let is_known = |known: &ContrastSample| (known.color, known.ground) == (sample.color, sample.ground);
        if !samples.iter().any(is_known) {
            samples.push(sample);
        }
    }
    let grey = contrast::in_grayscale(&browser, &samples).await;
    found.wrong.extend(contrast::too_low(&grey).into_iter().map(|faint| format!("in greyscale: {faint}")));
    assert!(found.wrong.is_empty(), "{:#?}", found.wrong);
}

#[tokio::test]
async fn with_few_endpoints_or_none_everybody_can_use_the_page_and_the_policy_refuses_nothing() {
    let states: Vec<PageState> = PageState::ALL.into_iter().filter(|state| !MANY.contains(state)).collect();
    walk(&states).await;
}

#[tokio::test]
async fn with_many_endpoints_everybody_can_use_the_page_and_the_policy_refuses_nothing() {
    walk(&MANY).await;
}

/// These take the longest, and so have a browser of their own.
const MANY: [PageState; 2] = [PageState::Twenty, PageState::FiveHundred];

#[tokio::test]
async fn what_was_opened_and_asked_for_can_be_used_by_everybody_too() {
    let scenario = PageState::Down.start().await;
    let browser = page_scenario::open_browser().await;
    let mut found = Found::default();
    for reader in READERS {
        look_as(&browser, reader).await;
        scenario.visit(&browser).await;
        browser.script("document.querySelector('#percentiles').click();").await;
        browser
            .script("document.querySelector('.bar:last-child').dispatchEvent(new Event('click', { bubbles: true }));")
            .await;
        let hours = || async {
            let bar = "const bar = document.querySelector('.level .bar[data-status=down]'); bar?.dispatchEvent(new Event('click', { bubbles: true })); return !!bar;";
            browser.script(bar).await.as_bool().filter(|there| *there)
        };
        support::wait_for("the hours of the day", hours).await;
        let is_told = |page: &Page| page.is_complete() && page.text_of("text").contains("p99");
        let page = page::when(&browser, "percentiles", is_told).await;
        let checks = || async {
            browser
                .script("return document.querySelector('.level .level, .level + .level') !== null")
                .await
                .as_bool()
                .filter(|there| *there)
        };
        support::wait_for("the checks of the hour", checks).await;
        // The read-outs of a bar and of a chart, which are there only while something is pointed at.
        for focus in [".bar[tabindex='0']", ".chart", ".figure"] {
            browser.script_with("document.querySelector(arguments[0]).focus();", vec![json!(focus)]).await;
            browser.press("ArrowLeft").await;
            found.look(&browser, &page, &format!("{focus} ({})", reader.0)).await;
        }
    }
    assert!(found.wrong.is_empty(), "{:#?}", found.wrong);
}

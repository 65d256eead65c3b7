//! Compares the page's English text in each state with snapshots. `INSTA_UPDATE=always` accepts changes.

use serde_json::json;
use support::page::{self, Page};
use support::page_scenario::{self, PageState};

/// Reads the page's visible text, then the labels of its graphics. If there are many endpoints, only the first two are
/// included. Bars are omitted, because unit tests cover their labels.
const READ: &str = r"
    // Elements outside the window are not rendered and have no text.
    for (const one of document.querySelectorAll('body *')) one.style.contentVisibility = 'visible';
    const sections = [...document.querySelectorAll('section.endpoint')];
    if (sections.length > 6) sections.slice(2).forEach(section => section.style.display = 'none');
    const labeled = [...document.querySelectorAll('[aria-label], [placeholder]')];
    const spoken = labeled.filter(one => !one.closest('.bar') && one.closest('[hidden]') === null && one.getClientRects().length)
        .map(one => one.getAttribute('aria-label') ?? one.placeholder);
    return [document.title, document.body.innerText, [...new Set(spoken)].join('\n')].join('\n---\n');
";

/// Replaces the ports of local servers, which differ between runs.
fn without_ports(text: &str) -> String {
    let mut parts = text.split("127.0.0.1:");
    let mut redacted = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        redacted.push_str("127.0.0.1:[port]");
        redacted.push_str(part.trim_start_matches(|character: char| character.is_ascii_digit()));
    }
    redacted
}

async fn assert_texts(states: &[PageState]) {
    let browser = page_scenario::open_browser().await;
    browser.resize(1_280, 1_024).await;
    for state in states {
        let scenario = state.start().await;
        scenario.visit(&browser).await;
        let is_shown = |page: &Page| !page.text_of("overall").is_empty() || page.text_of("state") == "broken";
        page::when(&browser, "the first lines", is_shown).await;
        let text = browser.script_with(READ, vec![json!(null)]).await;
        let text = without_ports(text.as_str().expect("it is text"));
        let mut settings = insta::Settings::clone_current();
        settings.set_prepend_module_to_snapshot(false);
        settings.set_omit_expression(true);
        settings.bind(|| insta::assert_snapshot!(format!("page {}", state.name()).replace(' ', "_"), text));
    }
}

#[tokio::test]
async fn the_text_of_pages_with_endpoints() {
    let states = [
        PageState::Healthy,
        PageState::Down,
        PageState::Localized,
        PageState::Degraded,
        PageState::Announced,
        PageState::Incident,
        PageState::Maintenance,
        PageState::Incomplete,
        PageState::One,
        PageState::Three,
    ];
    assert_texts(&states).await;
}

#[tokio::test]
async fn the_text_of_pages_without_endpoints() {
    assert_texts(&[PageState::Empty, PageState::Unreadable, PageState::Loading, PageState::Broken]).await;
}

#[tokio::test]
async fn the_text_of_pages_with_many_endpoints() {
    assert_texts(&[PageState::Twenty, PageState::FiveHundred]).await;
}

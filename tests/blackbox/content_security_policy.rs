//! The Content-Security-Policy that both web servers send: its directives, and whether the browser blocks foreign
//! scripts, styles and images.

use serde_json::{Value, json};
use support::checker::Checker;
use support::configuration::{check, directory, watching};
use support::endpoints::{Behavior, Endpoint};
use support::http_client;
use support::page;
use support::page_scenario::{self, PageState};

/// Code injected into the page, each with the directive that blocks it. A timer in the page runs it, because scripts
/// from WebDriver have more permissions than the page's own scripts.
const INJECTIONS: [(&str, &str); 12] = [
    (
        "script-src-elem",
        "const script = document.createElement('script'); script.text = 'canary()'; document.head.append(script);",
    ),
    (
        "script-src-elem",
        "const script = document.createElement('script'); script.src = 'https://elsewhere.example/canary.js'; document.head.append(script);",
    ),
    (
        "script-src-elem",
        "const script = document.createElement('script'); script.src = 'data:text/javascript,canary()'; document.head.append(script);",
    ),
    (
        "script-src-attr",
        "const bold = document.createElement('b'); bold.setAttribute('onclick', 'canary()'); document.body.append(bold); bold.click();",
    ),
    ("script-src", "eval('canary()');"),
    ("script-src", "new Function('canary()')();"),
    (
        "style-src-elem",
        "const style = document.createElement('style'); style.textContent = 'body { display: none }'; document.head.append(style);",
    ),
    ("style-src-attr", "document.body.setAttribute('style', 'display: none');"),
    ("img-src", "document.body.append(Object.assign(new Image(), { src: 'https://elsewhere.example/canary.png' }));"),
    ("connect-src", "fetch('https://elsewhere.example/canary').catch(() => {});"),
    (
        "frame-src",
        "document.body.append(Object.assign(document.createElement('iframe'), { src: 'data:text/html,canary' }));",
    ),
    (
        "base-uri",
        "document.head.append(Object.assign(document.createElement('base'), { href: 'https://elsewhere.example/' }));",
    ),
];

/// Fails unless the page has a strict policy and the browser enforces it.
async fn assert_blocks_injections(url: &str, what: &str) {
    let answer = http_client::get(url).await;
    let policy = answer.header("content-security-policy");
    let directives: Vec<&str> = policy.split(';').map(str::trim).collect();
    assert_eq!(directives[0], "default-src 'none'", "{what}: {policy}");
    assert!(directives.contains(&"script-src 'self' 'wasm-unsafe-eval'"), "{what}: {policy}");
    assert!(directives.contains(&"style-src 'self'"), "{what}: {policy}");
    for loose in ["'unsafe-inline'", "'unsafe-eval'", "'unsafe-hashes'", "*", "http:", "https:", "blob:"] {
        let is_loose = |directive: &&str| directive.split(' ').any(|word| word == loose);
        assert!(!directives.iter().any(is_loose), "{what}: {loose} is in {policy}");
    }

    let browser = page_scenario::open_browser().await;
    let page = page::visit(&browser, url).await;
    page.assert_clean();
    for (directive, way) in INJECTIONS {
        browser.script("window.witness.violations = [];").await;
        browser.script(&format!("setTimeout(() => {{ {way} }});")).await;
        let is_refused = || async {
            let violations = browser.script("return window.witness.violations;").await;
            violations.as_array().is_some_and(|all| !all.is_empty()).then_some(violations)
        };
        let violations = support::poll_until(is_refused).await;
        let violations = violations.unwrap_or_else(|| panic!("{what}: not blocked: {way}"));
        assert!(
            violations[0].as_str().is_some_and(|line| line.starts_with(&format!("{directive} "))),
            "{what}: {violations} for {way}"
        );
    }
    assert_eq!(browser.script("return window.witness.canary;").await, 0, "{what}: no injection ran");
    assert_eq!(browser.script("return getComputedStyle(document.body).display;").await, "block", "{what}");
}

#[tokio::test]
async fn injections_are_blocked_behind_caddy() {
    let scenario = PageState::Three.start().await;
    assert_blocks_injections(&scenario.url, "the Caddyfile").await;
}

#[tokio::test]
async fn injections_are_blocked_behind_checker_serve() {
    let shop = Endpoint::start(Behavior::ok()).await;
    let checker = Checker::new(&watching(&[check("Shop", &shop.url)], &directory()));
    let served = checker.serve(&[]).await;
    assert_blocks_injections(&served.url, "`checker serve`").await;
}

#[tokio::test]
async fn injections_run_without_a_policy() {
    let scenario = PageState::Three.start().await;
    let browser = page_scenario::open_browser().await;
    // The same page and injections, in a browser that ignores the policy.
    browser.devtools("Page.setBypassCSP", json!({ "enabled": true })).await;
    page::visit(&browser, &scenario.url).await;
    for (directive, way) in INJECTIONS.iter().filter(|(directive, _)| directive.starts_with("script-src")) {
        if way.contains("elsewhere.example") {
            continue;
        }
        browser.script("window.witness.canary = 0;").await;
        browser.script(&format!("setTimeout(() => {{ {way} }});")).await;
        let sings =
            || async { browser.script("return window.witness.canary;").await.as_u64().filter(|count| *count > 0) };
        support::wait_for(&format!("the canary of {directive}"), sings).await;
    }
    assert_eq!(browser.script("return window.witness.violations;").await, Value::Array(Vec::new()));
}

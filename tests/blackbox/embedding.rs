//! The page in a frame, as a banner or as bars. Only pages from the configured origins can embed it.

use serde_json::{Value, json};
use shared::DAY;
use support::axe;
use support::browser::Browser;
use support::caddy::{Caddy, copy_folder};
use support::checker::Checker;
use support::configuration::{check, directory, watching};
use support::endpoints::{Behavior, Endpoint};
use support::fake_nodes::FakeNodes;
use support::page::{self, Page};
use support::{http_client, wait_for};

use crate::search::{browser_at_the_end_of, one_down, serve_store};

/// A page on another origin.
async fn host() -> (Endpoint, String) {
    let host = Endpoint::start(Behavior::ok()).await;
    let origin = host.url.trim_end_matches('/').to_owned();
    (host, origin)
}

/// Opens the other page, which shows the status page in a frame, and switches to the frame.
async fn embedded(browser: &Browser, host: &Endpoint, url: &str, height: u32) {
    let page = format!(
        "<!doctype html><title>Theirs</title><iframe src=\"{url}\" width=600 height={height} frameborder=0></iframe>"
    );
    host.behave(Behavior::Answer("200 OK", page));
    browser.visit(&host.url).await;
    browser.enter_frame(0).await;
}

/// Waits until the browser has refused to show the page.
async fn assert_refused(browser: &Browser) {
    wait_for("the frame to be refused", || async {
        (browser.script("return location.protocol").await == "chrome-error:").then_some(())
    })
    .await;
    assert_eq!(browser.script("return document.documentElement.dataset.state ?? null").await, Value::Null);
}

/// Reads the text of each visible element, and the total height.
const SEEN: &str = "const seen = [...document.querySelectorAll('h1, h2, h3, p, a, summary, .strip, svg.chart, footer, header')]
    .filter(one => one.checkVisibility() && !one.matches('.visually-hidden'));
    return { what: seen.map(one => (one.localName + ' ' + one.textContent).trim().slice(0, 60)), height: document.body.scrollHeight,
        bars: document.querySelectorAll('.strip .bar').length, wide: document.documentElement.scrollWidth > innerWidth }";

/// Like [`serve_store`], but allows pages from this origin to embed the page.
async fn serve_store_for(origin: &str, fake_nodes: &FakeNodes, keys: Value) -> Caddy {
    let caddy = Caddy::start_for("", origin).await;
    let filled = serve_store(fake_nodes, keys).await;
    copy_folder(&filled.site.path().join("store"), &caddy.site.path().join("store"));
    let config = std::fs::read_to_string(filled.site.path().join("config.json")).expect("it exists");
    caddy.configure(&config);
    caddy
}

#[tokio::test]
async fn a_banner_is_one_line_and_only_allowed_origins_show_it() {
    let ((named, origin), (other, _)) = (host().await, host().await);
    let fake_nodes = one_down(3);
    let caddy = serve_store_for(&origin, &fake_nodes, json!({ "title": "Example Inc." })).await;
    let policy = http_client::get(&caddy.url).await.header("content-security-policy").to_owned();
    assert!(policy.ends_with(&format!("frame-ancestors 'self' {origin}")), "{policy}");

    let browser = browser_at_the_end_of(&fake_nodes).await;
    let url = format!("{}?embed=banner", caddy.url);
    embedded(&browser, &named, &url, 200).await;
    let page = page::when(&browser, "the banner", Page::is_complete).await;
    page.assert_clean();
    let seen = browser.script(SEEN).await;
    let sentence = page.text_of("overall");
    assert!(sentence.starts_with("Service 00 has been down for"), "{sentence}");
    let what = seen["what"].as_array().expect("it is a list");
    assert_eq!(what.len(), 2, "{seen:#}");
    assert!(what[0].as_str().is_some_and(|line| line.starts_with("h1 Service 00 has been down for")), "{seen:#}");
    assert_eq!(what[1], "a Details");
    assert!(seen["height"].as_i64() < Some(60) && seen["wide"] == false, "{seen:#}");
    let link = "const link = document.querySelector('.open-page'); return [link.href, link.target, link.rel, document.querySelectorAll('h1 .icon').length]";
    assert_eq!(browser.script(link).await, json!([caddy.url, "_blank", "noopener", 1]));
    assert_eq!(
        browser.script("return navigator.serviceWorker.getRegistrations().then(all => all.length)").await,
        0,
        "an embedded page registers no service worker"
    );

    let browser = Browser::open().await;
    embedded(&browser, &other, &url, 200).await;
    assert_refused(&browser).await;
}

#[tokio::test]
async fn serve_allows_embedding_by_configured_origins() {
    let ((named, origin), (other, _)) = (host().await, host().await);
    let ok = Endpoint::start(Behavior::ok()).await;
    let mut config = watching(&[check("Shop", &ok.url), check("Mail", &ok.url)], &directory());
    config["page"] = json!({ "embed_by": [origin], "groups": [{ "title": "Customers", "endpoints": ["Shop"] }] });
    let served = Checker::new(&config);
    let served = (served.serve(&[]).await, served);
    let url = format!("{}?embed=bars", served.0.url);
    let browser = Browser::open().await;
    served.0.until_summed_up().await;
    embedded(&browser, &named, &url, 200).await;
    let page = page::when(&browser, "the bars", |page| page.is_complete() && page.endpoints().len() == 2).await;
    page.assert_clean();
    let seen = browser.script(SEEN).await;
    let what: Vec<&str> = seen["what"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    let count = |beginning: &str| what.iter().filter(|line| line.starts_with(beginning)).count();
    assert_eq!((count("h3"), count("div"), count("a Details")), (2, 2, 1), "no chart, and groups expanded: {seen:#}");
    assert_eq!((count("footer"), count("header"), &seen["wide"]), (0, 0, &json!(false)), "{seen:#}");
    assert!(seen["bars"].as_i64() > Some(20), "{seen:#}");

    let browser = Browser::open().await;
    embedded(&browser, &other, &url, 200).await;
    assert_refused(&browser).await;
    drop((ok, named, other));
}

#[tokio::test]
async fn old_data_is_dated_in_a_line_that_fits_the_frame() {
    let (named, origin) = host().await;
    let mut fake_nodes = one_down(3);
    // With the date, the sentence is longer than a line.
    fake_nodes.outages[0].time.start -= DAY;
    let mut caddy = serve_store_for(&origin, &fake_nodes, json!({ "refresh": "5s" })).await;
    let browser = browser_at_the_end_of(&fake_nodes).await;
    let note = |page: &Page| page.text_of("note");
    for (embed, height) in [("banner", 48), ("bars", 420)] {
        embedded(&browser, &named, &format!("{}?embed={embed}", caddy.url), height).await;
        page::when(&browser, embed, |page| page.is_complete() && note(page).is_empty()).await.assert_clean();
        let heights = "const line = document.querySelector('#banner').getBoundingClientRect();
            return [line.height, line.bottom > 0 && line.top >= 0, document.documentElement.scrollHeight - innerHeight]";
        assert_eq!(browser.script(heights).await[0], 0, "{embed}: without a note, no space is reserved");
        // The store is gone. The page still shows the data that it loaded before.
        caddy.stop();
        let page = page::when(&browser, "the age", |page| !note(page).is_empty()).await;
        assert_eq!(note(&page), "As of less than a minute ago", "{embed}");
        let seen = browser.script(SEEN).await;
        assert_eq!(seen["what"][1], "p As of less than a minute ago", "{embed}: {seen:#}");
        let seen = browser.script(heights).await;
        assert!(seen[0].as_f64() < Some(16.0) && seen[1] == true, "{embed}: one visible line: {seen}");
        assert!(embed == "bars" || seen[2] == 0, "the banner fits into its frame: {seen}");
        caddy.start_again().await;
        page::when(&browser, "the age to disappear", |page| note(page).is_empty()).await;
    }
}

#[tokio::test]
async fn the_embedded_page_is_accessible() {
    let fake_nodes = one_down(3);
    let caddy = serve_store(&fake_nodes, json!({})).await;
    let browser = browser_at_the_end_of(&fake_nodes).await;
    for (embed, width) in [("banner", 320), ("bars", 320), ("banner", 1_280), ("bars", 1_280)] {
        browser.resize(width, 400).await;
        let page = page::visit(&browser, &format!("{}?embed={embed}", caddy.url)).await;
        page.assert_clean();
        let seen = browser.script(SEEN).await;
        assert_eq!(seen["wide"], false, "{embed} at {width}: {seen:#}");
        assert_eq!(axe::violations(&browser).await, Vec::<String>::new(), "{embed} at {width}");
    }
}

//! The appearance settings in `config.json`: valid keys are applied, invalid ones are skipped and reported in the
//! console, and hidden text is nowhere in the page.

use serde_json::{Value, json};
use support::browser::Browser;
use support::checker::Checker;
use support::configuration::{check, directory, watching};
use support::endpoints::{Behavior, Endpoint};
use support::page;

use crate::search::{browser_at_the_end_of, one_down, serve_store};

/// Records the page's console warnings.
const NOTE: &str = "window.warned = []; console.warn = text => window.warned.push(String(text));";

async fn warned(browser: &Browser) -> Vec<String> {
    let warning = browser.script("return window.warned").await;
    warning.as_array().into_iter().flatten().filter_map(|text| text.as_str().map(str::to_owned)).collect()
}

fn full() -> Value {
    json!({
        "title": "Example Inc.", "logo": "logo.svg", "favicon": "logo.svg", "footer": "Example Inc., <b>Berlin</b>",
        "links": [{ "text": "Help", "url": "https://help.example/" }],
        "theme": { "light": { "ground": "#ffeedd" }, "dark": { "ground": "#001122" }, "radius": 13, "font": "serif" },
        "labels": { "healthy": { "word": "operational" }, "down": { "word": "out of order", "remark": "Call 0800 1." } },
        "order": ["Service 02"],
        "hidden": { "errors": ["Service 00"], "locators": ["Service 0*"] },
    })
}

#[tokio::test]
async fn the_page_has_the_configured_appearance() {
    let fake_nodes = one_down(3);
    let caddy = serve_store(&fake_nodes, full()).await;
    std::fs::write(
        caddy.site.path().join("logo.svg"),
        "<svg xmlns='http://www.w3.org/2000/svg' width='9' height='9'/>",
    )
    .expect("the file can be written");
    let browser = browser_at_the_end_of(&fake_nodes).await;
    browser.devtools("Page.addScriptToEvaluateOnNewDocument", json!({ "source": NOTE })).await;
    let page = page::visit(&browser, &format!("{}?theme=light", caddy.url)).await;
    page.assert_clean();
    assert_eq!(warned(&browser).await, Vec::<String>::new());
    let seen = browser
        .script(
            "const style = getComputedStyle(document.documentElement), logo = document.querySelector('.logo');
             return { ground: style.backgroundColor, font: getComputedStyle(document.body).fontFamily.split(',')[0],
                corner: getComputedStyle(document.querySelector('.readout') ?? document.querySelector('select')).borderTopLeftRadius,
                logo: logo.complete && logo.naturalWidth, icon: document.querySelector('link[rel=icon]').getAttribute('href'),
                link: document.querySelector('nav a').href, footer: document.querySelector('footer').textContent,
                bold: document.querySelectorAll('footer b').length }",
        )
        .await;
    assert_eq!((&seen["ground"], &seen["font"]), (&json!("rgb(255, 238, 221)"), &json!("Charter")));
    assert_eq!((&seen["corner"], &seen["logo"], &seen["icon"]), (&json!("13px"), &json!(9), &json!("logo.svg")));
    assert_eq!((&seen["link"], &seen["bold"]), (&json!("https://help.example/"), &json!(0)));
    assert!(seen["footer"].as_str().is_some_and(|footer| footer.starts_with("Example Inc., <b>Berlin</b>")));
    assert!(page.text_of("overall").starts_with("Service 00 has been out of order for"), "{}", page.text_of("overall"));
    let happened = browser.script("return document.querySelector('.event').textContent").await;
    assert!(
        happened.as_str().is_some_and(|warning| warning.contains("Service 00: out of order, ongoing")),
        "{happened}"
    );
    let text = page.text_of("text");
    assert!(text.contains("2 services are operational. Call 0800 1."), "{text}");
    let titles: Vec<String> = page.endpoints().iter().map(|endpoint| endpoint.text_of("title")).collect();
    assert_eq!(
        titles,
        ["Service 02", "Service 00", "Service 01"],
        "the configured order, which does not depend on the status"
    );
    // Hidden text is not in the document at all, not even in attributes.
    let whole = browser.script("return document.documentElement.outerHTML").await.to_string();
    assert!(!whole.contains("refused") && !whole.contains("service-00.example"), "hidden text is absent");
    page::visit(&browser, &format!("{}?theme=dark", caddy.url)).await;
    let dark = browser.script("return getComputedStyle(document.documentElement).backgroundColor").await;
    assert_eq!(dark, "rgb(0, 17, 34)");
}

#[tokio::test]
async fn invalid_keys_are_reported_in_the_console_and_skipped() {
    let odd = json!({
        "title": ["Odd"], "foter": "x", "logo": "https://elsewhere.example/x.svg", "links": [{ "text": "x", "url": "javascript:canary()" }],
        "theme": { "light": { "ground": "red;} body{display:none" }, "font": "url(x)" }, "groups": [{ "endpoints": ["*"] }],
        "footer": "Still here",
    });
    let fake_nodes = one_down(1);
    let caddy = serve_store(&fake_nodes, odd).await;
    let browser = browser_at_the_end_of(&fake_nodes).await;
    browser.devtools("Page.addScriptToEvaluateOnNewDocument", json!({ "source": NOTE })).await;
    let page = page::visit(&browser, &format!("{}?theme=light", caddy.url)).await;
    page.assert_clean();
    let warned = warned(&browser).await;
    for key in ["`title`", "`foter`", "`logo`", "`links[0]`", "`theme.light.ground`", "`theme.font`", "`groups[0]`"] {
        assert!(warned.iter().any(|warning| warning.starts_with(&format!("config.json: {key}"))), "{key}: {warned:#?}");
    }
    assert!(page.text_of("text").contains("Still here") && page.text_of("state") == "down");
    assert_eq!(browser.script("return document.querySelectorAll('.logo, nav:not([hidden])').length").await, 0);
    let ground = browser.script("return getComputedStyle(document.documentElement).backgroundColor").await;
    assert_eq!(ground, "rgb(252, 252, 250)");
}

#[tokio::test]
async fn serve_passes_on_the_configured_appearance() {
    let ok = Endpoint::start(Behavior::ok()).await;
    let mut config = watching(&[check("Service 00", &ok.url), check("Shop", &ok.url)], &directory());
    config["page"] = full();
    config["page"]["groups"] = json!([{ "title": "Customers", "endpoints": ["Shop"] }]);
    config["page"]["theme"]["light"]["link"] = json!("blue");
    config["every"] = json!("1h");
    let checker = Checker::new(&config);
    let run = checker.call(&["validate", "-c", "checker.json"]).await;
    assert_eq!(run.code, 0, "values that a page would skip cause warnings:\n{}", run.output());
    assert!(run.output().contains("warning: `page.theme.light.link` must be a color"), "{}", run.output());
    let served = checker.serve(&[]).await;
    let browser = Browser::open().await;
    browser.visit(&format!("{}?theme=light", served.url)).await;
    let is_there = |page: &page::Page| page.text_of("state") == "healthy";
    page::when(&browser, "the first round", is_there).await;
    let page = page::when(&browser, "the endpoints", |page| page.endpoints().len() == 2).await;
    let warning = "const root = document.documentElement;
        return [getComputedStyle(root).backgroundColor, document.querySelector('nav a').href,
            document.querySelector('.group summary').textContent, document.title]";
    let warning = browser.script(warning).await;
    assert_eq!((&warning[0], &warning[1]), (&json!("rgb(255, 238, 221)"), &json!("https://help.example/")));
    assert!(warning[2].as_str().is_some_and(|group| group.starts_with("Customers")), "{warning}");
    assert!(warning[3].as_str().is_some_and(|title| title.ends_with("Example Inc.")), "{warning}");
    assert_eq!(page.text_of("overall"), "Both services are operational");
    assert_eq!(page.endpoint("Service 00").text_of("locator"), "", "its locator is hidden");
}

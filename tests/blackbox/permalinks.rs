//! The view in the page's URL: a link shows the same view to others, back and forward work, past times can be shown,
//! and arrow keys navigate the page.

use std::path::Path;

use serde_json::{Value, json};
use shared::{DAY, HOUR, SECOND};
use support::browser::Browser;
use support::fake_nodes::Outage;
use support::page::{self, Page};

use crate::search::{browser_at_the_end_of, one_down, serve_store};

/// Returns the query string of the page's URL.
async fn query(browser: &Browser) -> String {
    browser.script("return location.search").await.as_str().unwrap_or_default().to_owned()
}

fn bars(page: &Page) -> usize {
    page.endpoint("Service 00").bar_statuses().len()
}

/// Waits until a script returns this value.
async fn until(browser: &Browser, what: &str, script: &str, wanted: Value) {
    support::wait_for(what, || async { (browser.script(script).await == wanted).then_some(()) }).await;
}

#[tokio::test]
async fn the_url_has_the_view_and_back_and_forward_restore_it() {
    let fake_nodes = one_down(5);
    let caddy = serve_store(&fake_nodes, json!({})).await;
    let browser = browser_at_the_end_of(&fake_nodes).await;
    page::visit(&browser, &caddy.url).await;
    assert_eq!(query(&browser).await, "");
    browser.script(&format!("document.querySelector('.ranges [value=\"{}\"]').click()", 30 * DAY)).await;
    page::when(&browser, "thirty days", |page| bars(page) == 30).await;
    assert_eq!(query(&browser).await, "?range=30d");
    browser.script("[...document.querySelectorAll('section.endpoint .bar')][25].dispatchEvent(new MouseEvent('click', { bubbles: true }))").await;
    let opened = "return document.querySelector('.level h4')?.textContent ?? ''";
    let day = support::wait_for("the day to open", || async {
        browser.script(opened).await.as_str().filter(|heading| !heading.is_empty()).map(str::to_owned)
    })
    .await;
    let link = query(&browser).await;
    assert!(link.starts_with("?range=30d&endpoint=Service%2000&day=20"), "{link}");
    browser.script("document.querySelector('#table').click()").await;
    until(&browser, "the table", "return document.querySelectorAll('tbody tr').length", json!(5)).await;
    let headings =
        "return [...document.querySelectorAll('thead th:not([hidden])')].map(heading => heading.textContent)";
    let expected = json!(["Service", "Status", "Uptime", "Observed", "Response time"]);
    assert_eq!(browser.script(headings).await, expected, "there is no column for groups");

    browser.script("history.back()").await;
    until(&browser, "the day again", opened, json!(day)).await;
    browser.script("history.go(-2)").await;
    page::when(&browser, "ten days", |page| bars(page) == 10).await;
    assert_eq!((query(&browser).await.as_str(), browser.script(opened).await), ("", json!("")));
    let chosen = "return document.querySelector('.ranges :checked').value";
    assert_eq!(browser.script(chosen).await, json!((10 * DAY).to_string()), "the selection follows");
    browser.script("history.forward()").await;
    page::when(&browser, "thirty days", |page| bars(page) == 30).await;

    // Another visitor follows the link.
    let other = browser_at_the_end_of(&fake_nodes).await;
    let page = page::visit(&other, &format!("{}{link}", caddy.url)).await;
    page.assert_clean();
    assert_eq!(bars(&page), 30 + 24, "the days, and the hours of the open day");
    until(&other, "the same day", opened, json!(day)).await;
}

/// Gives the first two endpoints of a store the same title, but different locators.
fn make_twins(folder: &Path) {
    for entry in std::fs::read_dir(folder).expect("the folder exists") {
        let path = entry.expect("the folder can be read").path();
        if path.is_dir() {
            make_twins(&path);
        } else {
            let content = std::fs::read_to_string(&path).expect("the file can be read");
            std::fs::write(&path, content.replace("Service 01", "Service 00")).expect("the file can be written");
        }
    }
}

#[tokio::test]
async fn endpoints_with_the_same_title_have_distinct_links() {
    let fake_nodes = one_down(3);
    let caddy = serve_store(&fake_nodes, json!({ "hidden": { "locators": ["*"] } })).await;
    make_twins(&caddy.site.path().join("store"));
    let browser = browser_at_the_end_of(&fake_nodes).await;
    let page = page::visit(&browser, &caddy.url).await;
    let twins = page.endpoints().iter().filter(|one| one.text_of("title") == "Service 00").count();
    assert_eq!((page.endpoints().len(), twins), (3, 2));
    let opened =
        "return [...document.querySelectorAll('.level')].map(level => level.closest('section').dataset.status)";
    let mut links = Vec::new();
    for (status, day) in [("healthy", 5), ("down", 7)] {
        let click = format!(
            "document.querySelectorAll('[data-title=\"Service 00\"][data-status={status}] .strip:not(.level *) .bar')[{day}]
                 .dispatchEvent(new MouseEvent('click', {{ bubbles: true }}))"
        );
        browser.script(&click).await;
        until(&browser, "the day to open", opened, json!([status])).await;
        links.push(query(&browser).await);
    }
    assert!(links[0].starts_with("?endpoint=Service%2000~2&day="), "{links:?}");
    assert!(links[1].starts_with("?endpoint=Service%2000~1&day="), "{links:?}");
    browser.script("history.back()").await;
    until(&browser, "the first one again", opened, json!(["healthy"])).await;
    browser.script("history.forward()").await;
    until(&browser, "the second one again", opened, json!(["down"])).await;

    // Another visitor follows the links. The links do not reveal hidden locators.
    let other = browser_at_the_end_of(&fake_nodes).await;
    for (link, status) in links.iter().zip(["healthy", "down"]) {
        page::visit(&other, &format!("{}{link}", caddy.url)).await.assert_clean();
        until(&other, "the same day", opened, json!([status])).await;
        let text = other.script("return location + document.documentElement.outerHTML").await;
        assert!(!text.as_str().unwrap_or_default().contains("service-0"), "{text}");
    }
}

#[tokio::test]
async fn an_invalid_link_shows_the_default_view() {
    let fake_nodes = one_down(2);
    let caddy = serve_store(&fake_nodes, json!({})).await;
    let browser = browser_at_the_end_of(&fake_nodes).await;
    let odd =
        "?range=x&endpoint=%3Cscript%3Ecanary()%3C/script%3E&day=soon&zone=Nowhere/Land&theme=pink&at=never&view=9&%";
    let page = page::visit(&browser, &format!("{}{odd}", caddy.url)).await;
    page.assert_clean();
    assert_eq!((bars(&page), page.text_of("state").as_str()), (10, "down"));
    let zone = browser.script("return document.querySelector('#zone').value").await;
    assert_eq!(zone, "", "an unknown time zone is not shown as selected");
    let page = page::visit(&browser, &format!("{}?at=2199-12-31T00:00Z", caddy.url)).await;
    page.assert_clean();
    assert_eq!((bars(&page), page.text_of("state").as_str()), (10, "down"), "a time in the future means now");
    assert_eq!(browser.script("return document.querySelector('#past').hidden").await, true);
}

#[tokio::test]
async fn the_page_can_be_shown_as_of_a_past_time() {
    let mut fake_nodes = one_down(2);
    let noon = (fake_nodes.now / DAY - 4) * DAY + DAY / 2;
    fake_nodes.outages = vec![Outage { endpoint: 1, nodes: 0..1, time: noon - HOUR..noon + HOUR }];
    let caddy = serve_store(&fake_nodes, json!({})).await;
    let browser = browser_at_the_end_of(&fake_nodes).await;
    let then = (noon / SECOND).to_string();
    let at = browser.script(&format!("return new Date({then} * 1000).toISOString().slice(0, 16) + 'Z'")).await;
    let at = at.as_str().unwrap_or_default();
    let page = page::visit(&browser, &format!("{}?zone=UTC&at={at}", caddy.url)).await;
    page.assert_clean();
    // The time includes the date, because `yesterday` would be relative to the visitor's time.
    let text = page.text_of("overall");
    assert_eq!(text, "Service 01 has been down for 1 hour");
    let scope = page.text_of("scope");
    assert!(scope.starts_with("since ") && scope.ends_with("day 11:00"), "{scope}");
    assert!(page.text_of("text").contains("Status as of"), "{}", page.text_of("text"));
    assert_eq!(page.endpoint("Service 01").text_of("state"), "Down for 1 h");
    assert_eq!(page.nodes().len(), 1);
    assert!(page.nodes()[0].starts_with("eu-west reported") && page.problems().is_empty(), "{:?}", page.nodes());
    assert_eq!(page.text_of("freshness"), "15 min ago", "the earliest possible time");
    // Returns to the present.
    browser.script("document.querySelector('#past button').click()").await;
    let page =
        page::when(&browser, "the present", |page| page.text_of("state") == "healthy" && page.is_complete()).await;
    assert_eq!(query(&browser).await, "?zone=UTC");
    assert!(page.events("status").concat().contains("down for 2 h"), "{:?}", page.events("status"));
    page.assert_clean();
}

#[tokio::test]
async fn the_selected_time_zone_and_theme_are_used() {
    let fake_nodes = one_down(1);
    let caddy = serve_store(&fake_nodes, json!({})).await;
    let browser = browser_at_the_end_of(&fake_nodes).await;
    let clock = |offset_minutes: i64| {
        let minutes = ((fake_nodes.now - 3 * HOUR) / (60 * SECOND) + offset_minutes).rem_euclid(24 * 60);
        format!("{:02}:{:02}", minutes / 60, minutes % 60)
    };
    let ground = "return getComputedStyle(document.documentElement).backgroundColor";
    for (zone, theme, offset, color) in [
        ("UTC", "light", 0, "rgb(252, 252, 250)"),
        ("Asia/Kolkata", "dark", 330, "rgb(19, 21, 23)"),
        ("America/Phoenix", "light", -420, "rgb(252, 252, 250)"),
    ] {
        let page = page::visit(&browser, &format!("{}?zone={zone}&theme={theme}", caddy.url)).await;
        page.assert_clean();
        let text = page.text_of("scope");
        assert!(text.contains(&clock(offset)), "{zone}: {} is not in {text}", clock(offset));
        assert_eq!(browser.script(ground).await, color);
        assert_eq!(browser.script("return document.querySelector('#zone').value").await, zone);
    }
    // The page's own control has the same effect as the URL.
    browser.script("const zone = document.querySelector('#zone'); zone.value = 'UTC'; zone.dispatchEvent(new Event('change', { bubbles: true }))").await;
    let wanted = clock(0);
    page::when(&browser, "UTC", |page| page.text_of("scope").contains(&wanted)).await;
    assert_eq!(query(&browser).await, "?zone=UTC&theme=light");
}

#[tokio::test]
async fn arrow_keys_move_enter_opens_and_escape_closes() {
    let fake_nodes = one_down(3);
    let caddy = serve_store(&fake_nodes, json!({})).await;
    let browser = browser_at_the_end_of(&fake_nodes).await;
    page::visit(&browser, &caddy.url).await;
    let here = "const strip = document.activeElement.closest('.strip');
        return strip && [strip.closest('section').dataset.title, [...strip.querySelectorAll('.bar')].findIndex(bar => bar.dataset.current === 'true')]";
    browser.script("document.querySelector('.strip').focus()").await;
    assert_eq!(browser.script(here).await, json!(["Service 00", 9]), "the newest bar is the current one");
    for (key, title, bar) in [
        ("ArrowLeft", "Service 00", 8),
        ("ArrowDown", "Service 01", 8),
        ("ArrowDown", "Service 02", 8),
        ("ArrowDown", "Service 02", 8),
        ("ArrowUp", "Service 01", 8),
    ] {
        browser.press(key).await;
        assert_eq!(browser.script(here).await, json!([title, bar]), "{key}");
    }
    browser.press("Enter").await;
    let level = "return document.querySelectorAll('.level').length";
    until(&browser, "the day to open", level, json!(1)).await;
    let pinned = "return document.querySelector('.level .quiet').textContent";
    assert!(browser.script(pinned).await.as_str().is_some_and(|text| text.starts_with("100% up")));
    let read_outs = "return document.querySelectorAll('.readout.open').length";
    assert_eq!(browser.script(read_outs).await, 0, "the open day has the text, and no readout covers it");
    browser.press("ArrowLeft").await;
    until(&browser, "the readout of another day", read_outs, json!(1)).await;
    browser.press("Escape").await;
    until(&browser, "the readout to close", read_outs, json!(0)).await;
    assert_eq!(browser.script(level).await, 1, "the readout closes first");
    browser.press("Escape").await;
    until(&browser, "the day to close", level, json!(0)).await;
    assert_eq!(browser.script(here).await, json!(["Service 01", 7]), "the focus stays");
}

#[tokio::test]
async fn an_outage_has_a_permanent_link() {
    let fake_nodes = one_down(3);
    let caddy = serve_store(&fake_nodes, json!({})).await;
    let browser = browser_at_the_end_of(&fake_nodes).await;
    page::visit(&browser, &caddy.url).await;
    let link = "return document.querySelector('#timeline .event[data-status=down] > a').getAttribute('href')";
    let link = browser.script(link).await;
    let link = link.as_str().unwrap_or_default();
    assert!(link.starts_with("?endpoint=Service%2000&day=20"), "{link}");
    browser.script("document.querySelector('#timeline .event[data-status=down] > a').click()").await;
    let opened = "return document.querySelector('[data-title=\"Service 00\"] .level h4')?.textContent ?? ''";
    let day = support::wait_for("the day to open", || async {
        browser.script(opened).await.as_str().filter(|heading| !heading.is_empty()).map(str::to_owned)
    })
    .await;
    assert_eq!(query(&browser).await, link);
    let other = browser_at_the_end_of(&fake_nodes).await;
    page::visit(&other, &format!("{}{link}", caddy.url)).await.assert_clean();
    until(&other, "the same day", opened, json!(day)).await;
}

#[tokio::test]
async fn charts_percentiles_and_overlays_are_in_the_url() {
    let mut fake_nodes = one_down(2);
    fake_nodes.names = vec!["eu-west".to_owned(), "us-east".to_owned()];
    let caddy = serve_store(&fake_nodes, json!({ "charts": "folded" })).await;
    let browser = browser_at_the_end_of(&fake_nodes).await;
    let page =
        page::visit(&browser, &format!("{}?charts=open&percentiles=shown&overlay=locations&range=1y", caddy.url)).await;
    page.assert_clean();
    let chosen = "return document.querySelector('.ranges :checked').value";
    assert_eq!(browser.script(chosen).await, json!((365 * DAY).to_string()), "`1y` is a year");
    let shown = "return [document.querySelectorAll('.paths .location').length, document.querySelector('.chart-readout').textContent.includes('p99')]";
    until(&browser, "the charts with locations and percentiles", shown, json!([4, true])).await;
    browser.script("document.getElementById('charts').click()").await;
    until(&browser, "no charts", "return document.querySelectorAll('svg.chart').length", json!(0)).await;
    assert_eq!(query(&browser).await, "?range=365d&percentiles=shown&overlay=locations");
}

//! Optional chart overlays: the phases of checks, the response times from each location, and one crosshair for all
//! charts.

use serde_json::{Value, json};
use shared::object_name::INDEX;
use shared::page_config::{PageConfig, Source};
use shared::{DAY, MINUTE, SECOND};
use std::collections::BTreeMap;
use support::browser::Browser;
use support::caddy::Caddy;
use support::fake_nodes::{FakeNodes, into_directory};
use support::{now, page, wait_for};

/// Reads the first chart's overlays: the number of points in each path, and the legend.
const OVERLAYS: &str = r"
    const box = document.querySelector('.chart-box');
    return {
        corners: [...box.querySelectorAll('.paths > g > .phase, .paths > g > .location')].map(path => path.getAttribute('d').split('L').length),
        names: [...box.querySelectorAll('.legend > span')].map(key => key.textContent),
        offered: ['phases', 'locations'].filter(id => !document.getElementById(id).hidden),
        pressed: ['phases', 'locations'].filter(id => document.getElementById(id).ariaPressed === 'true'),
    };
";

/// Serves a store with one day of check files from two nodes, and with histories for longer ranges.
async fn open() -> (Caddy, Browser) {
    let mut fake_nodes = FakeNodes::small(&["eu-west", "us-east"], now());
    fake_nodes.days = 9;
    let caddy = Caddy::start("").await;
    let mut objects = fake_nodes.objects();
    for node in 0..2 {
        objects.extend(fake_nodes.check_files(node, fake_nodes.now - DAY));
    }
    let check_files: BTreeMap<&String, u8> =
        objects.keys().filter(|name| !name.contains('/')).map(|name| (name, 0)).collect();
    let index = json!(check_files).to_string();
    objects.insert(INDEX.to_owned(), index);
    into_directory(&objects, &caddy.site.path().join("store"));
    let mut config = PageConfig::new(Source::Http { url: "store/".to_owned() });
    (config.range, config.refresh, config.interval) = (DAY, DAY, 10 * MINUTE);
    caddy.configure(&config.to_json());
    let browser = Browser::open().await;
    browser.stop_clock(fake_nodes.now + 20 * SECOND).await;
    page::visit(&browser, &caddy.url).await.assert_clean();
    (caddy, browser)
}

async fn until(browser: &Browser, what: &str, condition: impl Fn(&Value) -> bool) -> Value {
    wait_for(what, || async { Some(browser.script(OVERLAYS).await).filter(|chart| condition(chart)) }).await
}

#[tokio::test]
async fn phases_and_locations_are_drawn_on_request_if_available() {
    let (_caddy, browser) = open().await;
    let chart = browser.script(OVERLAYS).await;
    assert_eq!(chart, json!({ "corners": [], "names": [], "offered": ["phases", "locations"], "pressed": [] }));
    browser.script("document.getElementById('phases').click()").await;
    let chart =
        until(&browser, "phases", |chart| chart["names"] == json!(["DNS", "connect", "TLS", "first byte"])).await;
    let corners: Vec<u64> =
        chart["corners"].as_array().into_iter().flatten().filter_map(serde_json::Value::as_u64).collect();
    assert!(corners.len() == 4 && corners.iter().all(|count| *count > 200), "both edges of a day: {chart}");
    assert_eq!(chart["pressed"], json!(["phases"]));
    browser.script("document.getElementById('locations').click()").await;
    let chart = until(&browser, "locations", |chart| chart["names"] == json!(["eu-west", "us-east"])).await;
    assert_eq!((chart["corners"].as_array().map(Vec::len), &chart["pressed"]), (Some(2), &json!(["locations"])));
    // Histories do not include the phases of checks.
    browser.script("document.getElementById('phases').click()").await;
    until(&browser, "phases again", |chart| chart["pressed"] == json!(["phases"])).await;
    browser.script("document.querySelector('.ranges [value=\"604800000000000\"]').click()").await;
    let chart = until(&browser, "a week", |chart| chart["offered"] == json!(["locations"])).await;
    assert_eq!((&chart["corners"], &chart["names"]), (&json!([]), &json!([])));
}

#[tokio::test]
async fn pointing_at_a_chart_points_at_all_charts() {
    let (_caddy, browser) = open().await;
    let point = r"
        const chart = document.querySelector('.chart');
        const { left, top, width } = chart.getBoundingClientRect();
        chart.dispatchEvent(new PointerEvent('pointermove', { clientX: left + width / 2, clientY: top + 9, bubbles: true }));
    ";
    browser.script(point).await;
    let read = r"
        const charts = [...document.querySelectorAll('.chart-box')];
        const crosses = charts.map(chart => chart.querySelector('.crosshair')?.getAttribute('d'));
        const words = charts.map(chart => chart.querySelector('.chart-readout').textContent.split(' · ')[0]);
        return crosses.every(Boolean) ? [new Set(crosses).size, charts.length, new Set(words).size] : null;
    ";
    let crosshairs =
        wait_for("the crosshair", || async { Some(browser.script(read).await).filter(Value::is_array) }).await;
    assert_eq!(crosshairs, json!([1, 2, 1]), "the same time in both charts, with one text");
}

//! What charts show when somebody asks: where the time of checks went, and what each place measures; and that all of
//! them are pointed at together.

use serde_json::{Value, json};
use shared::object_name::INDEX;
use shared::page_config::{PageConfig, Source};
use shared::{DAY, MINUTE, SECOND};
use std::collections::BTreeMap;
use support::browser::Browser;
use support::caddy::Caddy;
use support::fake_nodes::{FakeNodes, into_directory};
use support::{now, page, wait_for};

/// What is drawn besides in the first chart: how many corners each path has, and what they are called.
const BESIDES: &str = r"
    const box = document.querySelector('.chart-box');
    return {
        corners: [...box.querySelectorAll('.paths > g > .phase, .paths > g > .place')].map(path => path.getAttribute('d').split('L').length),
        names: [...box.querySelectorAll('.keys > span')].map(key => key.textContent),
        offered: ['phases', 'places'].filter(id => !document.getElementById(id).hidden),
        pressed: ['phases', 'places'].filter(id => document.getElementById(id).ariaPressed === 'true'),
    };
";

/// A day of two places, told check by check, with histories for what is longer.
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
    wait_for(what, || async { Some(browser.script(BESIDES).await).filter(|told| condition(told)) }).await
}

#[tokio::test]
async fn phases_and_places_are_drawn_when_somebody_asks_and_only_where_checks_tell() {
    let (_caddy, browser) = open().await;
    let told = browser.script(BESIDES).await;
    assert_eq!(told, json!({ "corners": [], "names": [], "offered": ["phases", "places"], "pressed": [] }));
    browser.script("document.getElementById('phases').click()").await;
    let told = until(&browser, "phases", |told| told["names"] == json!(["DNS", "connect", "TLS", "first byte"])).await;
    let corners: Vec<u64> =
        told["corners"].as_array().into_iter().flatten().filter_map(serde_json::Value::as_u64).collect();
    assert!(corners.len() == 4 && corners.iter().all(|count| *count > 200), "both edges of a day: {told}");
    assert_eq!(told["pressed"], json!(["phases"]));
    browser.script("document.getElementById('places').click()").await;
    let told = until(&browser, "places", |told| told["names"] == json!(["eu-west", "us-east"])).await;
    assert_eq!((told["corners"].as_array().map(Vec::len), &told["pressed"]), (Some(2), &json!(["places"])));
    // Histories say nothing of phases.
    browser.script("document.getElementById('phases').click()").await;
    until(&browser, "phases again", |told| told["pressed"] == json!(["phases"])).await;
    browser.script("document.querySelector('.ranges [value=\"604800000000000\"]').click()").await;
    let told = until(&browser, "a week", |told| told["offered"] == json!(["places"])).await;
    assert_eq!((&told["corners"], &told["names"]), (&json!([]), &json!([])));
}

#[tokio::test]
async fn pointing_at_one_chart_points_at_all() {
    let (_caddy, browser) = open().await;
    let point = r"
        const chart = document.querySelector('.chart');
        const { left, top, width } = chart.getBoundingClientRect();
        chart.dispatchEvent(new PointerEvent('pointermove', { clientX: left + width / 2, clientY: top + 9, bubbles: true }));
    ";
    browser.script(point).await;
    let told = r"
        const charts = [...document.querySelectorAll('.chart-box')];
        const crosses = charts.map(chart => chart.querySelector('.cross')?.getAttribute('d'));
        const words = charts.map(chart => chart.querySelector('.chart-readout').textContent.split(' · ')[0]);
        return crosses.every(Boolean) ? [new Set(crosses).size, charts.length, new Set(words).size] : null;
    ";
    let told = wait_for("the crosshair", || async { Some(browser.script(told).await).filter(Value::is_array) }).await;
    assert_eq!(told, json!([1, 2, 1]), "one moment in both charts, and the same words for it");
}

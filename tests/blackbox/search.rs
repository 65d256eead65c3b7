//! Finding one of many endpoints: collapsible groups, the filter, the table, and a responsive page with 500 endpoints.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use shared::{HOUR, SECOND};
use support::browser::Browser;
use support::caddy::Caddy;
use support::fake_nodes::{FakeNodes, Outage, into_directory};
use support::now;
use support::page::{self, Page};

/// Serves the page for a directory filled by these nodes, with these keys in its `config.json`.
pub(crate) async fn serve_store(fake_nodes: &FakeNodes, keys: Value) -> Caddy {
    let caddy = Caddy::start("").await;
    let (objects, store) = (fake_nodes.objects(), caddy.site.path().join("store"));
    into_directory(&objects, &store);
    // Views of individual checks need the complete index of check files.
    let check_files = objects.keys().filter(|name| !name.contains('/'));
    let index: BTreeMap<&String, u8> = check_files.map(|name| (name, 0)).collect();
    std::fs::write(store.join("index.json"), json!(index).to_string()).expect("the file can be written");
    let mut config = json!({ "source": { "type": "http", "url": "store/" }, "range": "10d", "refresh": "1h" });
    for (key, value) in keys.as_object().expect("keys and values") {
        config[key] = value.clone();
    }
    caddy.configure(&config.to_string());
    caddy
}

/// A node that checks this many endpoints, the first of which has been down for three hours.
pub(crate) fn one_down(endpoints: usize) -> FakeNodes {
    let mut fake_nodes = FakeNodes::small(&["eu-west"], now());
    fake_nodes.endpoints = endpoints;
    // Rounds start at multiples of ten minutes.
    fake_nodes.now = fake_nodes.now / fake_nodes.interval * fake_nodes.interval;
    fake_nodes.outages = vec![Outage { endpoint: 0, nodes: 0..1, time: fake_nodes.now - 3 * HOUR..fake_nodes.now }];
    fake_nodes
}

/// A browser whose clock is frozen shortly after the nodes' last rounds.
pub(crate) async fn browser_at_the_end_of(fake_nodes: &FakeNodes) -> Browser {
    let browser = Browser::open().await;
    browser.stop_clock(fake_nodes.now + 20 * SECOND).await;
    browser
}

/// The titles of the visible endpoints.
async fn seen(browser: &Browser) -> Vec<String> {
    let script = "return [...document.querySelectorAll('section.endpoint')]
        .filter(one => one.checkVisibility()).map(one => one.dataset.title)";
    let titles = browser.script(script).await;
    titles.as_array().into_iter().flatten().filter_map(|title| title.as_str().map(str::to_owned)).collect()
}

/// The headings of the groups, with a mark for open groups.
async fn groups(browser: &Browser) -> Vec<String> {
    let script = "return [...document.querySelectorAll('details.group')].filter(one => one.checkVisibility())
        .map(one => (one.open ? 'open ' : '') + one.querySelector('.line').textContent)";
    let texts = browser.script(script).await;
    texts.as_array().into_iter().flatten().filter_map(|text| text.as_str().map(str::to_owned)).collect()
}

/// Waits until a script returns this value.
async fn until(browser: &Browser, what: &str, script: &str, wanted: Value) {
    support::wait_for(what, || async { (browser.script(script).await == wanted).then_some(()) }).await;
}

fn grouped() -> Value {
    json!({ "groups": [
        { "title": "Well", "endpoints": ["Service 01", "Service 02"] },
        { "title": "Outer", "endpoints": ["Service 03"], "groups": [{ "title": "Inner", "endpoints": ["Service 00"] }] },
    ] })
}

#[tokio::test]
async fn a_group_has_the_worst_status_and_is_collapsed_while_healthy() {
    let fake_nodes = one_down(14);
    let caddy = serve_store(&fake_nodes, grouped()).await;
    let browser = browser_at_the_end_of(&fake_nodes).await;
    let page = page::visit(&browser, &caddy.url).await;
    page.assert_clean();
    let heads = groups(&browser).await;
    let expected = ["Well2 healthy", "open Outer1 of 2 down", "open Inner1 down", "Other servicesall 10 healthy"];
    assert_eq!(heads, expected);
    // A folded group has the bars and the uptime of its members, and the first service that is down is listed above.
    let folded = "return [...document.querySelectorAll('.group:not([open]) .folded')].map(one =>
        [one.querySelectorAll('.strip-picture path[data-status=healthy][d^=M]').length, one.querySelector('.figure').textContent])";
    until(&browser, "the bars of the groups", folded, json!([[1, "100% uptime"], [1, "100% uptime"]])).await;
    let trouble = "return [...document.querySelectorAll('.trouble li')].map(one => one.textContent)";
    assert_eq!(browser.script(trouble).await, json!(["Service 00Down for 3\u{a0}h"]));
    assert_eq!(seen(&browser).await, ["Service 03", "Service 00"], "collapsed services are not drawn");
    // By keyboard.
    browser.script("document.querySelector('details.group > summary').focus()").await;
    browser.press("Enter").await;
    until(&browser, "the group to open", "return document.querySelector('details.group').open", json!(true)).await;
    assert_eq!(seen(&browser).await, ["Service 01", "Service 02", "Service 03", "Service 00"]);
    browser.press("Enter").await;
    until(&browser, "the group to collapse", "return document.querySelector('details.group').open", json!(false)).await;
}

#[tokio::test]
async fn typing_filters_endpoints_by_name_group_and_status() {
    let fake_nodes = one_down(5);
    let caddy = serve_store(&fake_nodes, grouped()).await;
    let browser = browser_at_the_end_of(&fake_nodes).await;
    page::visit(&browser, &caddy.url).await;
    browser.press("/").await;
    assert_eq!(browser.script("return document.activeElement.id + document.activeElement.value").await, "filter");
    let found = "return document.querySelector('.search [role=status]').textContent";
    for (typed, count, titles) in [
        ("well", "2 of 5 services", vec!["Service 01", "Service 02"]),
        ("DOWN", "1 of 5 services", vec!["Service 00"]),
        ("healthy service-03", "1 of 5 services", vec!["Service 03"]),
        ("inner outer", "1 of 5 services", vec!["Service 00"]),
        ("nowhere", "0 of 5 services", vec![]),
    ] {
        browser.script("document.querySelector('#filter').select()").await;
        browser.devtools("Input.insertText", json!({ "text": typed })).await;
        until(&browser, typed, found, json!(count)).await;
        assert_eq!(seen(&browser).await, titles, "{typed}");
    }
    let nothing = browser.script("return document.querySelector('#no-matches').checkVisibility()").await;
    assert_eq!(nothing, true, "an empty result is explained");
    browser.press("Escape").await;
    until(&browser, "all of them again", found, json!("")).await;
    assert_eq!(groups(&browser).await.len(), 4);
    page::when(&browser, "the page", Page::is_complete).await.assert_clean();
}

#[tokio::test]
async fn a_search_filters_the_timeline() {
    let mut fake_nodes = one_down(5);
    let end = fake_nodes.now - 2 * HOUR;
    fake_nodes.outages.push(Outage { endpoint: 1, nodes: 0..1, time: end - HOUR..end });
    let caddy = serve_store(&fake_nodes, json!({})).await;
    let browser = browser_at_the_end_of(&fake_nodes).await;
    page::visit(&browser, &caddy.url).await;
    let events = "return [...document.querySelectorAll('#timeline .event')].filter(one => one.checkVisibility())
        .map(one => one.querySelector('strong').textContent).sort()";
    let quiet = "return [...document.querySelectorAll('#timeline .quiet')].filter(one => one.checkVisibility()).length";
    until(&browser, "all events", events, json!(["Service 00", "Service 01"])).await;
    assert_ne!(browser.script(quiet).await, 0, "days without outages are listed");
    for (typed, expected) in
        [("service 01", json!(["Service 01"])), ("down", json!(["Service 00"])), ("service 02", json!([]))]
    {
        browser.script("document.querySelector('#filter').select()").await;
        browser.devtools("Input.insertText", json!({ "text": typed })).await;
        until(&browser, typed, events, expected).await;
        assert_eq!(browser.script(quiet).await, 0, "days without matching events are hidden");
    }
    let timeline = "return document.querySelector('#timeline').checkVisibility()";
    assert_eq!(browser.script(timeline).await, false, "no event matches");
    browser.script("document.querySelector('#filter').focus()").await;
    browser.press("Escape").await;
    until(&browser, "all events again", events, json!(["Service 00", "Service 01"])).await;
    page::when(&browser, "the page", Page::is_complete).await.assert_clean();
}

#[tokio::test]
async fn the_table_shows_the_same_figures_as_the_bars() {
    let fake_nodes = one_down(5);
    let caddy = serve_store(&fake_nodes, grouped()).await;
    let browser = browser_at_the_end_of(&fake_nodes).await;
    let page = page::visit(&browser, &format!("{}?filter=service", caddy.url)).await;
    browser.script("document.querySelector('#table').click()").await;
    let lines = r"const text = cell => cell.textContent.replace(/\s+/g, ' ');
        return [...document.querySelectorAll('tbody tr')].map(row => [...row.children].map(text))";
    let counted = "return document.querySelectorAll('tbody tr').length";
    until(&browser, "the table", counted, json!(5)).await;
    for line in browser.script(lines).await.as_array().expect("there are lines") {
        let cell = |number: usize| line[number].as_str().unwrap_or_default().to_owned();
        let shown = page.endpoint(&cell(0));
        assert_eq!((cell(2), shown.text_of("coverage").as_str()), (shown.text_of("uptime"), ""));
        assert_eq!(cell(3), "100%");
        assert!(shown.text_of("text").contains(&cell(1)), "{line}");
        let group = match cell(0).as_str() {
            "Service 00" => "Outer · Inner",
            "Service 03" => "Outer",
            "Service 04" => "",
            _ => "Well",
        };
        assert_eq!(cell(5), group);
    }
    assert!(seen(&browser).await.is_empty(), "the table replaces the bars");
    page::when(&browser, "the page", Page::is_complete).await.assert_clean();
}

#[tokio::test]
async fn on_a_phone_a_long_title_leaves_room_for_figures() {
    let fake_nodes = one_down(5);
    let caddy = serve_store(&fake_nodes, json!({})).await;
    let history = caddy.site.path().join("store/history/eu-west.json");
    let content = std::fs::read_to_string(&history).expect("there is a history");
    let long = content.replace("Service 01", "https://a-rather-long-name.without-any-space.example/");
    std::fs::write(&history, long).expect("the file can be written");
    let browser = browser_at_the_end_of(&fake_nodes).await;
    browser.resize(360, 800).await;
    let page = page::visit(&browser, &format!("{}?view=table", caddy.url)).await;
    page.assert_clean();
    // The name, the status, the uptime and the coverage are visible without horizontal scrolling.
    let in_sight = "const edge = document.querySelector('.table').getBoundingClientRect().right;
        return [...document.querySelectorAll('tbody tr')].map(row => [...row.children].filter(cell => cell.offsetWidth)
            .map(cell => [cell.textContent.length > 0, cell.getBoundingClientRect().right <= edge + 1]))";
    let row = json!([[true, true], [true, true], [true, true], [true, true]]);
    assert_eq!(browser.script(in_sight).await, json!(vec![row; 5]));
    let long = "return document.querySelectorAll('tbody tr')[1].textContent.startsWith('https://a-rather-long')";
    assert_eq!(browser.script(long).await, true);
}

#[tokio::test]
async fn five_hundred_endpoints_are_drawn_when_they_scroll_into_view() {
    let mut fake_nodes = one_down(500);
    (fake_nodes.days, fake_nodes.interval) = (2, HOUR);
    fake_nodes.now = fake_nodes.now / HOUR * HOUR;
    let caddy = serve_store(&fake_nodes, json!({})).await;
    let browser = browser_at_the_end_of(&fake_nodes).await;
    let page = page::visit(&browser, &caddy.url).await;
    page.assert_clean();
    assert_eq!(page.endpoints().len(), 500);
    let drawn =
        "return [...document.querySelectorAll('section.endpoint')].filter(one => one.querySelector('.bar')).length";
    let at_first = browser.script(drawn).await.as_u64().expect("it is a number");
    assert!((1..100).contains(&at_first), "{at_first} of 500 have bars");
    let last = "const all = document.querySelectorAll('section.endpoint'); const last = all[all.length - 1];
        last.scrollIntoView(); return last.querySelectorAll('.bar').length";
    until(&browser, "the last bars", last, json!(10)).await;
}

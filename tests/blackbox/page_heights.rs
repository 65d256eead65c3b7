//! How much of the page fits on a screen, with the data of a small company, of a larger one, and of many services.

use serde_json::{Value, json};
use shared::post::{Impact, IncidentState, Post};
use shared::{DAY, HOUR, MINUTE, Nanos, SECOND};
use support::browser::Browser;
use support::caddy::Caddy;
use support::fake_nodes::{FakeNodes, Outage, into_directory};
use support::page::{self, Page};
use support::page_scenario::NOW;
use support::posts;

const TITLES: [&str; 8] =
    ["Shop", "Mobile API", "Website", "Billing API", "Search", "Object storage", "Build runners", "Mail"];

/// Three nodes that have checked this many endpoints for a while. The first is down, the second is down from one node,
/// and the fourth is slow.
fn company(endpoints: usize, days: i64) -> FakeNodes {
    let ago = |from: Nanos, length: Nanos| NOW - from..NOW - from + length;
    let mut nodes = FakeNodes::small(&["ap-south", "eu-west", "us-east"], NOW);
    (nodes.titles, nodes.endpoints, nodes.days, nodes.failures) = (TITLES.to_vec(), endpoints, days, 4);
    nodes.interval = if endpoints > 40 { HOUR } else { 5 * MINUTE };
    nodes.now = NOW / nodes.interval * nodes.interval;
    nodes.outages = vec![
        Outage { endpoint: 0, nodes: 0..3, time: ago(15 * MINUTE, DAY) },
        Outage { endpoint: 0, nodes: 0..3, time: ago(8 * DAY, 25 * MINUTE) },
        Outage { endpoint: 1, nodes: 0..1, time: ago(30 * MINUTE, DAY) },
        Outage { endpoint: 2, nodes: 0..3, time: ago(10 * DAY, 95 * MINUTE) },
    ];
    nodes.slowness = vec![Outage { endpoint: 3, nodes: 0..3, time: ago(50 * MINUTE, DAY) }];
    nodes
}

fn incident() -> Vec<Post> {
    let open = posts::id("anna", NOW - 13 * MINUTE);
    let identified = "We have found the cause, a failed database, and expect to be back by 14:30 UTC.";
    let update = posts::id("anna", NOW - 5 * MINUTE);
    vec![
        posts::incident(&open, "Shop checkout is down", &[("Shop", Impact::Down)], "We are looking into it."),
        posts::update(&update, &open, Some(IncidentState::Identified), identified),
    ]
}

async fn serve(nodes: &FakeNodes, posts: &[Post], keys: Value) -> Caddy {
    let caddy = Caddy::start("").await;
    let mut objects = nodes.objects();
    if !posts.is_empty() {
        objects.extend([posts::digest("anna", posts)]);
    }
    let files = objects.keys().filter(|name| !name.contains('/')).map(|name| (name.clone(), json!(0)));
    let index = Value::Object(files.collect()).to_string();
    into_directory(&objects, &caddy.site.path().join("store"));
    std::fs::write(caddy.site.path().join("store/index.json"), index).expect("the file can be written");
    let mut config = json!({
        "title": "Acme Cloud", "range": format!("{}d", nodes.days.min(90)), "refresh": "1d", "details": true,
        "source": { "type": "http", "url": "store/" },
        "links": [{ "text": "Support", "url": "https://help.example/" }],
    });
    for (key, value) in keys.as_object().expect("keys and values") {
        config[key] = value.clone();
    }
    caddy.configure_exactly(&config.to_string());
    caddy
}

async fn open(nodes: &FakeNodes, caddy: &Caddy, width: u32) -> (Browser, Page) {
    let browser = Browser::open().await;
    browser.resize(width, 900).await;
    browser.stop_clock(nodes.now + 40 * SECOND).await;
    let page = page::visit(&browser, &caddy.url).await;
    page.assert_clean();
    (browser, page)
}

/// Returns a height in pixels once all sections have been laid out.
async fn height_of(browser: &Browser, script: &str) -> f64 {
    let all = "for (const one of document.querySelectorAll('body *')) one.style.contentVisibility = 'visible';";
    browser.script(all).await;
    browser.script(script).await.as_f64().expect("it is a number")
}

fn groups() -> Value {
    json!({ "groups": [
        { "title": "Customer apps", "endpoints": ["Shop", "Mobile API", "Website"] },
        { "title": "Platform", "endpoints": ["Billing API", "Search", "Object storage"] },
        { "title": "Internal", "endpoints": ["Build runners", "Mail"] },
    ] })
}

#[tokio::test]
async fn eight_services_and_an_incident_fit_on_one_tall_screen() {
    let nodes = company(8, 90);
    let caddy = serve(&nodes, &incident(), groups()).await;
    let (browser, page) = open(&nodes, &caddy, 1_440).await;
    assert_eq!((page.endpoints().len(), page.announcements().len()), (8, 1));
    let bottom = "return document.querySelector('#services').getBoundingClientRect().bottom + scrollY;";
    let height = height_of(&browser, bottom).await;
    assert!(height <= 1_450.0, "the services end at {height} px");
    // On a phone, nothing is wider than the screen.
    browser.resize(360, 780).await;
    page::visit(&browser, &caddy.url).await;
    assert_eq!(browser.script("return document.documentElement.scrollWidth <= innerWidth;").await, true);
}

#[tokio::test]
async fn twenty_services_and_everything_below_them_fit_in_five_screens() {
    let nodes = company(20, 30);
    let caddy = serve(&nodes, &incident(), json!({})).await;
    let (browser, page) = open(&nodes, &caddy, 1_440).await;
    assert_eq!(page.endpoints().len(), 20);
    let height = height_of(&browser, "return document.documentElement.scrollHeight;").await;
    assert!(height <= 5_000.0, "the page is {height} px high");
}

#[tokio::test]
async fn sixty_services_have_one_line_each() {
    let nodes = company(60, 30);
    let caddy = serve(&nodes, &[], json!({})).await;
    let (browser, page) = open(&nodes, &caddy, 1_440).await;
    assert_eq!(page.endpoints().len(), 60);
    let height = height_of(&browser, "return document.querySelector('#services').offsetHeight;").await;
    assert!(height <= 3_600.0, "the rows are {height} px high");
    let lines = "return [...document.querySelectorAll('.endpoint[data-status=healthy]')].map(row =>
        ['.head', '.strip', '.figure'].map(part => row.querySelector(part).getBoundingClientRect()).map(box => box.top + box.height / 2))
        .every(([name, strip, figure]) => Math.abs(name - strip) < 6 && Math.abs(name - figure) < 6);";
    assert_eq!(browser.script(lines).await, true, "name, strip and figure are on one line");
}

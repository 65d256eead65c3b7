//! Tests the page's figures for long time ranges with several nodes. The outages are known, so the figures must be
//! exact. The page must also load them with few requests and little data.

use std::collections::BTreeMap;
use std::sync::OnceLock;

use serde_json::{Value, json};
use shared::object_name::CheckFileName;
use shared::page_config::{PageConfig, Source};
use shared::quorum::Quorum;
use shared::{DAY, HOUR, MINUTE, Nanos, SECOND};
use support::browser::Browser;
use support::bucket::Bucket;
use support::caddy::Caddy;
use support::checker::Checker;
use support::configuration::{check, directory, watching};
use support::fake_nodes::{FakeNodes, Outage, into_bucket, into_directory};
use support::page::{self, Page};
use support::{http_client, ministack, now};

/// The assumed size of a response's headers, in bytes.
const HEADERS: usize = 300;

/// Ninety days of results for twenty endpoints that three nodes check every minute. There are two known outages: all
/// nodes see a two-hour outage, and only the third node sees an ongoing outage.
pub(crate) fn ninety_days() -> &'static (FakeNodes, BTreeMap<String, String>) {
    static FAKE_NODES: OnceLock<(FakeNodes, BTreeMap<String, String>)> = OnceLock::new();
    FAKE_NODES.get_or_init(|| {
        let mut fake_nodes = FakeNodes::large(3, 20, 91, now());
        let ago = |from: Nanos, length: Nanos| fake_nodes.now - from..fake_nodes.now - from + length;
        let noon = (fake_nodes.now / DAY - 40) * DAY + DAY / 2;
        fake_nodes.outages = vec![
            Outage { endpoint: 0, nodes: 0..3, time: noon..noon + 2 * HOUR },
            Outage { endpoint: 1, nodes: 2..3, time: ago(3 * HOUR, 3 * HOUR) },
        ];
        let objects = fake_nodes.objects();
        (fake_nodes, objects)
    })
}

/// Returns the URLs of the listings, histories, indexes and check files that the page requested.
pub(crate) fn data_requests(page: &Page) -> Vec<String> {
    let is_data =
        |url: &String| ["list-type", "history/", "-check.json", "index.json"].iter().any(|mark| url.contains(mark));
    page.requests().into_iter().filter(is_data).collect()
}

/// Returns the total size of the responses to these requests.
pub(crate) async fn weight(requests: &[String]) -> usize {
    let mut bytes = 0;
    for url in requests {
        let answer = http_client::get_with(url, &[("accept-encoding", "gzip, br, zstd")]).await;
        assert_eq!(answer.status, 200, "{url}");
        bytes += answer.body.len() + HEADERS;
    }
    bytes
}

/// Fails unless the page shows the known figures for the ninety days.
fn assert_shows_ninety_days(page: &Page, fake_nodes: &FakeNodes) {
    page.assert_clean();
    assert_eq!(page.endpoints().len(), fake_nodes.endpoints);
    // The outage lasted two hours of slightly less than ninety days, because today is not over: the uptime is at least
    // 99.9% and less than 100%.
    let known = page.endpoint("Service 00");
    assert!(known.text_of("text").contains("down for 2 h"), "{:#}", known.0);
    assert!(known.text_of("uptime").starts_with("99.90"), "{}", known.text_of("uptime"));
    // In some time zones, the outage affects two days.
    let days = known.bar_statuses().iter().filter(|status| *status == "down").count();
    assert!((1..=2).contains(&days), "{:?}", known.bar_statuses());
    assert_eq!(known.bar_statuses().len(), 90);
    let localized = page.endpoint("Service 01");
    assert_eq!(localized.text_of("status"), "degraded");
    let who = "Unreachable from node-2 (1 of 3 locations): connection refused";
    assert_eq!(localized.text_of("reason"), who);
    assert!(localized.text_of("text").contains("Partial outage for"), "{:#}", localized.0);
    assert_eq!(page.endpoint("Service 02").text_of("uptime"), "100%");
    assert!(page.problems().is_empty(), "{}", page.problems());
}

/// Fails if the ninety days take too many requests or too much data, or if the page does not show them.
async fn assert_few_requests_and_little_data(page: &Page, fake_nodes: &FakeNodes) {
    let requests = data_requests(page);
    assert!(requests.len() <= 3 + fake_nodes.names.len(), "{} requests: {requests:#?}", requests.len());
    assert_shows_ninety_days(page, fake_nodes);
    let bytes = weight(&requests).await;
    assert!(bytes <= 60_000, "{bytes} bytes");
}

#[tokio::test]
async fn ninety_days_of_three_nodes_take_few_requests_from_s3() {
    let (fake_nodes, objects) = ninety_days();
    let bucket = Bucket::new().await;
    into_bucket(objects, &bucket).await;
    let mut config = bucket.page_config(Some(&ministack::reader(&bucket.name).await));
    (config.range, config.refresh) = (90 * DAY, 5 * SECOND);
    let caddy = Caddy::start(&ministack::server().url).await;
    caddy.configure(&config.to_json());
    let browser = Browser::open().await;
    browser.stop_clock(fake_nodes.now + 20 * SECOND).await;
    let page = page::visit(&browser, &caddy.url).await;
    assert_few_requests_and_little_data(&page, fake_nodes).await;
    // A refresh lists the store again, but requests nothing that is already loaded.
    let listings = |page: &Page| data_requests(page).iter().filter(|url| url.contains("list-type")).count();
    let before = listings(&page);
    let page = page::when(&browser, "a refresh", |page| listings(page) >= before + 2 && page.is_complete()).await;
    let histories = data_requests(&page).iter().filter(|url| url.contains(".json") && url.contains("history")).count();
    assert_eq!(histories, fake_nodes.names.len(), "{:#?}", page.requests());
}

/// Opens the page with a range of ninety days. Also returns its web server and browser.
pub(crate) async fn open_ninety_days(
    fake_nodes: &FakeNodes,
    objects: &BTreeMap<String, String>,
) -> (Caddy, Browser, Page) {
    let caddy = Caddy::start("").await;
    into_directory(objects, &caddy.site.path().join("store"));
    caddy.configure(&from_directory(90 * DAY));
    let browser = Browser::open().await;
    browser.stop_clock(fake_nodes.now + 20 * SECOND).await;
    let page = page::visit(&browser, &caddy.url).await;
    (caddy, browser, page)
}

#[tokio::test]
async fn ninety_days_of_three_nodes_take_few_requests_over_http() {
    let (fake_nodes, objects) = ninety_days();
    let (_caddy, _browser, page) = open_ninety_days(fake_nodes, objects).await;
    assert_few_requests_and_little_data(&page, fake_nodes).await;
}

/// The page's configuration for a directory named `store` next to the page.
fn from_directory(range: Nanos) -> String {
    let mut config = PageConfig::new(Source::Http { url: "store/".to_owned() });
    (config.range, config.refresh, config.interval) = (range, HOUR, 30 * MINUTE);
    // These tests do not cover offline storage of thousands of files.
    config.offline = false;
    config.to_json()
}

/// A directory filled by several nodes, a checker that reports its status, and a page that shows it.
struct StoreAndPage {
    checker: Checker,
    caddy: Caddy,
}

impl StoreAndPage {
    async fn new(objects: &BTreeMap<String, String>) -> StoreAndPage {
        let mut config = watching(&[check("Service 00", "http://127.0.0.1:9/")], &directory());
        config["page"] = json!({ "title": "Long", "range": "10d", "refresh": "1h" });
        let checker = Checker::new(&config);
        into_directory(objects, &checker.path("checks"));
        let caddy = Caddy::start("").await;
        std::os::unix::fs::symlink(checker.path("checks"), caddy.site.path().join("store")).expect("it is a folder");
        caddy.configure(&from_directory(10 * DAY));
        StoreAndPage { checker, caddy }
    }

    async fn visit(&self, browser: &Browser) -> Page {
        page::visit(browser, &self.caddy.url).await
    }

    async fn status(&self) -> Value {
        let run = self.checker.call(&["status", "-c", "checker.json", "--format", "json"]).await;
        assert_eq!(run.code, 0, "{}", run.output());
        serde_json::from_str(&run.stdout).expect("it is JSON")
    }
}

/// Fails unless the page and the terminal show the same figures for every endpoint.
fn assert_agreement(page: &Page, status: &Value) {
    page.assert_clean();
    let reported = status["endpoints"].as_array().expect("there are endpoints");
    assert_eq!(page.endpoints().len(), reported.len());
    for reported in reported {
        let shown = page.endpoint(reported["title"].as_str().unwrap_or_default());
        let of = |name: &str| reported[name].as_str().unwrap_or_default();
        assert_eq!(shown.text_of("status"), of("status"), "{reported}");
        assert_eq!(shown.text_of("uptime"), of("uptime"), "{reported}");
        assert_eq!(shown.text_of("coverage"), crate::figures::coverage(reported), "{reported}");
    }
}

/// Three nodes: all of them see a one-hour outage, two of them see a two-hour outage, and only one of them sees an
/// ongoing outage.
fn three_nodes(quorum: Quorum) -> FakeNodes {
    let mut fake_nodes = FakeNodes::small(&["ap-south", "eu-west", "us-east"], now());
    fake_nodes.quorum = quorum;
    let ago = |from: Nanos, length: Nanos| fake_nodes.now - from..fake_nodes.now - from + length;
    fake_nodes.outages = vec![
        Outage { endpoint: 0, nodes: 0..3, time: ago(5 * DAY, HOUR) },
        Outage { endpoint: 0, nodes: 0..2, time: ago(3 * DAY, 2 * HOUR) },
        Outage { endpoint: 0, nodes: 0..1, time: ago(4 * HOUR, 4 * HOUR) },
    ];
    fake_nodes
}

#[tokio::test]
async fn page_and_terminal_agree_with_each_quorum() {
    let browser = Browser::open().await;
    for (quorum, down, status) in [
        ("majority", 3 * HOUR, "degraded"),
        ("all", HOUR, "degraded"),
        ("2", 3 * HOUR, "degraded"),
        ("any", 7 * HOUR, "down"),
    ] {
        let fake_nodes = three_nodes(quorum.parse().expect("it is a quorum"));
        let site = StoreAndPage::new(&fake_nodes.objects()).await;
        // The page and the command must run in the same minute, because the reported length of ongoing outages grows
        // every minute.
        let (page, reported) = (site.visit(&browser).await, site.status().await);
        assert_agreement(&page, &reported);
        let first = &reported["endpoints"][0];
        assert_eq!(first["status"], status, "{quorum}");
        let reported = first["down"].as_i64().expect("it is a number");
        let grows = if status == "down" { 15 * MINUTE } else { 0 };
        assert!((down..=down + grows).contains(&reported), "{quorum}: {reported}");
        let shown = page.endpoint("Service 00");
        if status == "degraded" {
            let reason = "Unreachable from ap-south (1 of 3 locations): connection refused";
            assert_eq!(shown.text_of("reason"), reason);
        }
    }
}

#[tokio::test]
async fn a_silent_node_leaves_the_vote_and_all_silent_means_unknown() {
    let mut fake_nodes = three_nodes(Quorum::Majority);
    // The only node from which the endpoint is down has been silent for two hours.
    fake_nodes.silences = vec![(0, fake_nodes.now - 2 * HOUR..fake_nodes.now)];
    let site = StoreAndPage::new(&fake_nodes.objects()).await;
    let browser = Browser::open().await;
    let page = site.visit(&browser).await;
    assert_agreement(&page, &site.status().await);
    assert_eq!(page.endpoint("Service 00").text_of("status"), "healthy");
    let nodes = page.nodes();
    assert!(nodes[0].starts_with("ap-south no reports since") && nodes[1].starts_with("eu-west reported"), "{nodes:?}");
    // The store is unchanged. Only the elapsed time shows that the checkers no longer run.
    browser.stop_clock(fake_nodes.now + HOUR).await;
    let page = site.visit(&browser).await;
    assert_eq!(page.text_of("state"), "unknown");
    assert!(page.text_of("overall").starts_with("No data for "), "{}", page.text_of("overall"));
    assert!(page.nodes().iter().all(|node| node.contains("no reports since")), "{:?}", page.nodes());
}

#[tokio::test]
async fn an_unreadable_history_is_named_and_replaced_by_check_files() {
    // A long interval keeps the number of check files small, because all of them are read eight times.
    let fake_nodes = FakeNodes { interval: 30 * MINUTE, ..three_nodes(Quorum::Majority) };
    let mut objects = fake_nodes.objects();
    objects.extend(fake_nodes.check_files(1, 0));
    let good = objects["history/eu-west.json"].clone();
    let site = StoreAndPage::new(&objects).await;
    // The complete index lists all check files. The page reads it when the short index is not enough.
    let index: BTreeMap<&String, u8> =
        objects.keys().filter(|name| !name.contains('/')).map(|name| (name, 0)).collect();
    site.checker.write("checks/index.json", &json!(index).to_string());
    let browser = Browser::open().await;
    let expected = site.visit(&browser).await.endpoint("Service 00").text_of("uptime");
    for broken in [
        "",
        &good[..good.len() / 2],
        &good.replacen("\"version\":1", "\"version\":99", 1),
        &good.replacen("eu-west", "us-east", 1),
        &good.replacen("\"spans\":[", "\"spans\":[1,-9223372036854775808,3,", 1),
        "<!doctype html>",
        "[[[[[[[[[[[[[[[[",
    ] {
        site.checker.write("checks/history/eu-west.json", broken);
        let page = site.visit(&browser).await;
        page.assert_clean();
        assert!(page.problems().contains("The history of eu-west is unreadable"), "{}", page.problems());
        assert_eq!(page.endpoint("Service 00").text_of("uptime"), expected, "{broken:.40}");
        assert_eq!(page.nodes().iter().filter(|node| node.contains("history unreadable")).count(), 1);
    }
    assert_agreement(&site.visit(&browser).await, &site.status().await);
}

#[tokio::test]
async fn stores_without_histories_are_shown_from_their_check_files() {
    let fake_nodes = FakeNodes { interval: 30 * MINUTE, ..three_nodes(Quorum::Majority) };
    let nameless = |files: Vec<(String, String)>| {
        files.into_iter().map(|(name, content)| {
            let name = CheckFileName::parse(&name).expect("it is a name");
            let content = content.replace("\"node\":\"eu-west\",", "");
            (CheckFileName { node: None, ..name }.to_string(), content)
        })
    };
    // The original Checkup's files are tested alone, and together with two nodes that write histories.
    let original: BTreeMap<String, String> = nameless(fake_nodes.check_files(1, 0)).collect();
    let mut mixed = fake_nodes.objects();
    mixed.retain(|name, _| !name.contains("eu-west"));
    mixed.extend(original.clone());
    let browser = Browser::open().await;
    for (objects, nodes) in [(original, 1), (mixed, 3)] {
        let site = StoreAndPage::new(&objects).await;
        let index: BTreeMap<&String, u8> =
            objects.keys().filter(|name| !name.contains('/')).map(|name| (name, 0)).collect();
        site.checker.write("checks/index.json", &json!(index).to_string());
        if nodes == 1 {
            std::fs::remove_dir_all(site.checker.path("checks/history")).expect("the folder exists");
        }
        // The page and the command use the same time, because a result could expire in between.
        let status = site.status().await;
        browser.stop_clock(status["now"].as_i64().expect("it has a time")).await;
        let page = site.visit(&browser).await;
        assert_agreement(&page, &status);
        assert_eq!(page.nodes().len(), nodes, "{:?}", page.nodes());
        assert!(page.nodes().iter().any(|node| node.starts_with("an unnamed location reported")));
    }
}

#[tokio::test]
async fn small_clock_differences_do_not_matter_and_large_ones_are_named() {
    let mut fake_nodes = three_nodes(Quorum::Majority);
    let browser = Browser::open().await;
    let mut seen = Vec::new();
    for wrong in [0, 2 * MINUTE, -2 * MINUTE] {
        fake_nodes.clocks = vec![(1, wrong)];
        let site = StoreAndPage::new(&fake_nodes.objects()).await;
        browser.stop_clock(fake_nodes.now).await;
        let page = site.visit(&browser).await;
        page.assert_clean();
        seen.push((page.endpoint("Service 00").text_of("status"), page.endpoint("Service 00").text_of("reason")));
    }
    assert!(seen.iter().all(|one| *one == seen[0]), "{seen:?}");
    fake_nodes.clocks = vec![(1, 30 * MINUTE)];
    let site = StoreAndPage::new(&fake_nodes.objects()).await;
    let page = site.visit(&browser).await;
    assert!(page.nodes()[1].contains("its clock is 20 min ahead"), "{:?}", page.nodes());
}

#[tokio::test]
async fn choosing_a_shorter_range_loads_nothing() {
    let site = StoreAndPage::new(&three_nodes(Quorum::Majority).objects()).await;
    let browser = Browser::open().await;
    let page = site.visit(&browser).await;
    assert_eq!(page.endpoint("Service 00").bar_statuses().len(), 10);
    let before = data_requests(&page);
    let focus = "document.querySelector('.ranges :checked').focus(); return document.activeElement.name;";
    assert_eq!(browser.script(focus).await, "range");
    browser.press("ArrowLeft").await;
    let page = page::when(&browser, "seven days", |page| {
        (25..=28).contains(&page.endpoint("Service 00").bar_statuses().len())
            && page.text_of("text").contains("7 days ago")
    })
    .await;
    assert!(page.is_complete());
    browser.press("ArrowLeft").await;
    let page = page::when(&browser, "a day", |page| page.endpoint("Service 00").bar_statuses().len() == 25).await;
    assert_eq!(page.endpoint("Service 00").text_of("uptime"), "100%", "one of three is not down");
    assert_eq!(data_requests(&page), before, "shorter ranges are in memory");
    // For a longer range, the page requests the histories again. Unchanged ones are not transferred again.
    let year = "document.querySelector('.ranges [value=\"31536000000000000\"]').click();";
    browser.script(year).await;
    let is_year = |page: &Page| page.is_complete() && page.endpoint("Service 00").bar_statuses().len() == 73;
    let page = page::when(&browser, "a year", is_year).await;
    assert!(data_requests(&page).len() <= 2 * before.len(), "{:#?}", page.requests());
    let again = "return performance.getEntriesByType('resource').filter(entry => entry.name.includes('history/') && entry.responseStatus == 304 || entry.transferSize < 1000 && entry.name.includes('history/ap')).length;";
    assert!(browser.script(again).await.as_u64() >= Some(1), "an unchanged history is not sent again");
}

/// Parses an endpoint's percentiles from text like `p50 95 ms · p90 1.20 s`. The values are in nanoseconds.
fn percentiles(page: &Page, title: &str) -> Vec<(u8, f64)> {
    let text = page.endpoint(title).text_of("text");
    // When charts are collapsed, the label is `Response times` instead of `Response time`.
    let reported = text.split("Response time").nth(1).unwrap_or_default().trim_start_matches(['s', ':', ' ']);
    let mut words = reported.split([' ', '·']).filter(|word| !word.is_empty());
    let mut percentiles = Vec::new();
    while let Some(percent) = words.next().and_then(|word| word.strip_prefix('p')?.parse().ok()) {
        // Until the latency sketches are loaded, the figures are prefixed with `about`.
        let Some(number) = words.next().and_then(|number| number.parse::<f64>().ok()) else { break };
        let unit = match words.next() {
            Some(unit) if unit.starts_with("µs") => 1e3,
            Some(unit) if unit.starts_with("ms") => 1e6,
            _ => 1e9,
        };
        percentiles.push((percent, number * unit));
    }
    percentiles
}

#[tokio::test]
async fn percentiles_of_a_range_are_accurate_and_cost_one_request_per_node() {
    let (fake_nodes, objects) = ninety_days();
    let (_caddy, browser, page) = open_ninety_days(fake_nodes, objects).await;
    let before = data_requests(&page).len();
    for (days, range) in [(90, 90 * DAY), (7, 7 * DAY), (1, DAY)] {
        browser.script(&format!("document.querySelector('.ranges [value=\"{range}\"]').click();")).await;
        if days == 90 {
            browser.script("document.querySelector('#percentiles').click();").await;
        }
        let is_loaded = |page: &Page| page.is_complete() && percentiles(page, "Service 03").len() == 4;
        let wanted = match days {
            1 => "24 h ago".to_owned(),
            days => format!("{days} days ago"),
        };
        let page =
            page::when(&browser, "percentiles", |page| is_loaded(page) && page.text_of("text").contains(&wanted)).await;
        let bars = page.endpoint("Service 03").0["bars"].as_array().cloned().unwrap_or_default();
        let from: i64 = bars[0]["start"].as_str().and_then(|start| start.parse().ok()).expect("a moment");
        let mut times: Vec<Nanos> = Vec::new();
        for node in 0..fake_nodes.names.len() {
            times.extend(fake_nodes.answers(node, 3, from));
        }
        times.sort_unstable();
        for (percent, reported) in percentiles(&page, "Service 03") {
            let exact = times[(times.len() - 1) * usize::from(percent) / 100] as f64;
            assert!((reported - exact).abs() <= 0.05 * exact, "p{percent} of {days} days: {reported} for {exact}");
        }
    }
    let page = page::when(&browser, "the page", Page::is_complete).await;
    let latencies: Vec<String> = page.requests().into_iter().filter(|url| url.contains(".latency.json")).collect();
    assert_eq!(latencies.len(), fake_nodes.names.len(), "{latencies:#?}");
    for url in &latencies {
        let bytes = weight(std::slice::from_ref(url)).await;
        println!("{bytes} bytes of latencies");
        assert!(bytes <= 100_000, "{bytes} bytes");
    }
    // The additional requests fetch the short index and check for changed histories.
    assert!(data_requests(&page).len() <= 2 * before + fake_nodes.names.len(), "{:#?}", page.requests());
}

#[tokio::test]
async fn days_expand_into_hours_and_hours_into_checks() {
    let mut fake_nodes = three_nodes(Quorum::Majority);
    let noon = (fake_nodes.now / DAY - 4) * DAY + DAY / 2;
    fake_nodes.outages = vec![Outage { endpoint: 0, nodes: 0..3, time: noon..noon + 20 * MINUTE }];
    let mut objects = fake_nodes.objects();
    for node in 0..3 {
        objects.extend(fake_nodes.check_files(node, 0));
    }
    let bucket = Bucket::new().await;
    into_bucket(&objects, &bucket).await;
    let mut config = bucket.page_config(Some(&ministack::reader(&bucket.name).await));
    (config.range, config.refresh) = (10 * DAY, HOUR);
    let caddy = Caddy::start(&ministack::server().url).await;
    caddy.configure(&config.to_json());
    let browser = Browser::open().await;
    browser.stop_clock(fake_nodes.now + 20 * SECOND).await;
    let page = page::visit(&browser, &caddy.url).await;
    let before = data_requests(&page).len();
    // The bar of that day has the focus and opens with Enter.
    let focus_down = |level: &'static str| {
        let browser = &browser;
        async move {
            let strip = format!("document.querySelector('[data-title=\"Service 00\"] {level} .strip')");
            browser.script(&format!("{strip}.focus();")).await;
            let read = format!(
                "const {{ status, open }} = {strip}.querySelector('.bar[data-current=true]').dataset; return [status, open];"
            );
            loop {
                let current = browser.script(&read).await;
                if current[0] == "down" {
                    return current[1].clone();
                }
                browser.press("ArrowLeft").await;
            }
        }
    };
    assert_eq!(focus_down("> .strip-box").await, "false");
    browser.press("Enter").await;
    let hours = "[...document.querySelectorAll('.level .bar')].length";
    let count = || async { browser.script(&format!("return {hours};")).await.as_u64().filter(|count| *count == 24) };
    support::wait_for("the hours of the day", count).await;
    assert_eq!(focus_down("> .strip-box").await, "true");
    // The page lists the outages of that day, with the nodes that reported it.
    let happened = browser.script("return [...document.querySelectorAll('.check')].map(row => row.textContent);").await;
    let happened: Vec<&str> = happened.as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    let [row] = happened.as_slice() else { panic!("it is one line: {happened:#?}") };
    let row = row.replace('\u{a0}', " ");
    assert!(row.contains(" for 20 min, until "), "{row}");
    assert!(row.ends_with(" · ap-south, eu-west and us-eastconnection refused"), "{row}");
    let page = page::when(&browser, "the page", Page::is_complete).await;
    assert_eq!(data_requests(&page).len(), before, "the hours are in memory");
    assert_eq!(focus_down(".level").await, "false");
    browser.press("Enter").await;
    let rows = "return [...document.querySelectorAll('.level:last-child .check')].map(row => row.textContent);";
    let all = |count: usize| {
        let browser = &browser;
        async move { browser.script(rows).await.as_array().filter(|rows| rows.len() == count).cloned() }
    };
    support::wait_for("the first checks of the hour", || all(10)).await;
    let show_all = "const button = document.querySelector('.level:last-child button:not([hidden])'); button.click(); return button.textContent;";
    assert_eq!(browser.script(show_all).await, "Show all 18");
    let rows = support::wait_for("the checks of the hour", || all(18)).await;
    let failed: Vec<&Value> = rows.iter().filter(|row| row.as_str().is_some_and(|row| row.contains("down"))).collect();
    assert_eq!(failed.len(), 6, "{rows:#?}");
    assert!(
        failed.iter().all(|row| row.as_str().is_some_and(|row| row.ends_with("connection refused"))),
        "{failed:#?}"
    );
    let page = page::when(&browser, "the page", Page::is_complete).await;
    // The page sends one listing request, and one request for each node and round in the hour and in the minutes after
    // it.
    let requests = data_requests(&page).len() - before;
    assert!((1 + 3 * 6..=1 + 3 * 7).contains(&requests), "{requests} requests: {:#?}", page.requests());
    page.assert_clean();
}

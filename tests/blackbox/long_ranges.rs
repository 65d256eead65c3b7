//! Long ranges and several nodes on the page: known outages in, exact figures out, in few requests and little data.

use std::collections::BTreeMap;
use std::sync::OnceLock;

use harness::browser::Browser;
use harness::bucket::Bucket;
use harness::caddy::Caddy;
use harness::checker::Checker;
use harness::configuration::{check, directory, watching};
use harness::fleet::{Fleet, Outage, into_bucket, into_directory};
use harness::page::{self, Page};
use harness::{ministack, now, web};
use serde_json::{Value, json};
use shared::object_name::CheckFileName;
use shared::page_config::{PageConfig, Source};
use shared::verdict::Policy;
use shared::{DAY, HOUR, MINUTE, Nanos, SECOND};

/// What answers weigh besides their bodies, in bytes.
const HEADERS: usize = 300;

/// Ninety days and a bit of twenty endpoints, looked at by three nodes every minute, with two outages that are known:
/// one of two hours that all nodes see, and one that goes on and that the third node alone sees.
fn ninety_days() -> &'static (Fleet, BTreeMap<String, String>) {
    static FLEET: OnceLock<(Fleet, BTreeMap<String, String>)> = OnceLock::new();
    FLEET.get_or_init(|| {
        let mut fleet = Fleet::large(3, 20, 91, now());
        let ago = |from: Nanos, length: Nanos| fleet.now - from..fleet.now - from + length;
        fleet.outages = vec![
            Outage { endpoint: 0, nodes: 0..3, time: ago(40 * DAY, 2 * HOUR) },
            Outage { endpoint: 1, nodes: 2..3, time: ago(3 * HOUR, 3 * HOUR) },
        ];
        let objects = fleet.objects();
        (fleet, objects)
    })
}

/// The requests of a page that are for data.
fn data_requests(page: &Page) -> Vec<String> {
    let is_data =
        |url: &String| ["list-type", "history/", "-check.json", "index.json"].iter().any(|mark| url.contains(mark));
    page.requests().into_iter().filter(is_data).collect()
}

/// What the answers to these requests weigh on the wire.
async fn weight(requests: &[String]) -> usize {
    let mut bytes = 0;
    for url in requests {
        let answer = web::get_with(url, &[("accept-encoding", "gzip, br, zstd")]).await;
        assert_eq!(answer.status, 200, "{url}");
        bytes += answer.body.len() + HEADERS;
    }
    bytes
}

/// Fails unless the page shows what is known of those ninety days.
fn assert_shows_ninety_days(page: &Page, fleet: &Fleet) {
    page.assert_clean();
    assert_eq!(page.endpoints().len(), fleet.endpoints);
    // Of ninety days but for what is to come today, two hours: at least 99.9% and less than all.
    let known = page.endpoint("Service 00");
    assert!(known.text_of("text").contains("down for 2 h"), "{:#}", known.0);
    assert!(known.text_of("uptime").starts_with("99.90"), "{}", known.text_of("uptime"));
    assert_eq!(known.bar_statuses().iter().filter(|status| *status == "down").count(), 1);
    assert_eq!(known.bar_statuses().len(), 90);
    let localized = page.endpoint("Service 01");
    assert_eq!(localized.text_of("status"), "degraded");
    let who = "unreachable from node-2, reachable from 2 others: connection refused";
    assert_eq!(localized.text_of("reason"), who);
    assert!(localized.text_of("text").contains("Localized since"), "{:#}", localized.0);
    assert_eq!(page.endpoint("Service 02").text_of("uptime"), "100%");
    assert!(page.problems().is_empty(), "{}", page.problems());
}

#[tokio::test]
async fn ninety_days_of_three_nodes_are_few_requests_and_little_data_from_s3() {
    let (fleet, objects) = ninety_days();
    let bucket = Bucket::new().await;
    into_bucket(objects, &bucket).await;
    let mut config = bucket.page_config(Some(&ministack::reader(&bucket.name).await));
    (config.range, config.refresh) = (90 * DAY, 5 * SECOND);
    let caddy = Caddy::start(&ministack::server().url).await;
    caddy.configure(&config.to_json());
    let browser = Browser::open().await;
    browser.stop_clock(fleet.now + 20 * SECOND).await;
    let page = page::visit(&browser, &caddy.url).await;
    let requests = data_requests(&page);
    assert!(requests.len() <= 3 + fleet.nodes.len(), "{} requests: {requests:#?}", requests.len());
    assert_shows_ninety_days(&page, fleet);
    let bytes = weight(&requests).await;
    assert!(bytes <= 60_000, "{bytes} bytes");
    // A refresh lists again and gets nothing that it has.
    let listings = |page: &Page| data_requests(page).iter().filter(|url| url.contains("list-type")).count();
    let before = listings(&page);
    let page = page::when(&browser, "a refresh", |page| listings(page) >= before + 2 && page.is_complete()).await;
    let histories = data_requests(&page).iter().filter(|url| url.contains(".json") && url.contains("history")).count();
    assert_eq!(histories, fleet.nodes.len(), "{:#?}", page.requests());
}

#[tokio::test]
async fn ninety_days_of_three_nodes_are_few_requests_and_little_data_from_plain_http() {
    let (fleet, objects) = ninety_days();
    let caddy = Caddy::start("").await;
    into_directory(objects, &caddy.site.path().join("store"));
    caddy.configure(&from_directory(90 * DAY));
    let browser = Browser::open().await;
    browser.stop_clock(fleet.now + 20 * SECOND).await;
    let page = page::visit(&browser, &caddy.url).await;
    let requests = data_requests(&page);
    assert!(requests.len() <= 3 + fleet.nodes.len(), "{} requests: {requests:#?}", requests.len());
    assert_shows_ninety_days(&page, fleet);
    let bytes = weight(&requests).await;
    assert!(bytes <= 60_000, "{bytes} bytes");
}

/// The page's configuration for a directory `store` beside it.
fn from_directory(range: Nanos) -> String {
    let mut config = PageConfig::new(Source::Http { url: "store/".to_owned() });
    (config.range, config.refresh) = (range, HOUR);
    config.to_json()
}

/// A directory that a fleet has filled, a checker that can tell its status, and a page that shows it.
struct Place {
    checker: Checker,
    caddy: Caddy,
}

impl Place {
    async fn new(objects: &BTreeMap<String, String>) -> Place {
        let mut config = watching(&[check("Service 00", "http://127.0.0.1:9/")], &directory());
        config["page"] = json!({ "title": "Long", "range": "10d", "refresh": "1h" });
        let checker = Checker::new(&config);
        into_directory(objects, &checker.path("checks"));
        let caddy = Caddy::start("").await;
        std::os::unix::fs::symlink(checker.path("checks"), caddy.site.path().join("store")).expect("it is a folder");
        caddy.configure(&from_directory(10 * DAY));
        Place { checker, caddy }
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

/// Fails unless page and terminal give the same digits of every endpoint.
fn assert_agreement(page: &Page, status: &Value) {
    page.assert_clean();
    let told = status["endpoints"].as_array().expect("there are endpoints");
    assert_eq!(page.endpoints().len(), told.len());
    for told in told {
        let shown = page.endpoint(told["title"].as_str().unwrap_or_default());
        let of = |name: &str| told[name].as_str().unwrap_or_default();
        assert_eq!(shown.text_of("status"), of("status"), "{told}");
        assert_eq!(shown.text_of("uptime"), of("uptime"), "{told}");
        assert_eq!(shown.text_of("coverage"), format!("of {} observed", of("coverage")), "{told}");
    }
}

/// Three nodes: an outage of an hour that all see, one of two hours that two see, and one that goes on and that one
/// sees.
fn three_nodes(policy: Policy) -> Fleet {
    let mut fleet = Fleet::small(&["ap-south", "eu-west", "us-east"], now());
    fleet.policy = policy;
    let ago = |from: Nanos, length: Nanos| fleet.now - from..fleet.now - from + length;
    fleet.outages = vec![
        Outage { endpoint: 0, nodes: 0..3, time: ago(5 * DAY, HOUR) },
        Outage { endpoint: 0, nodes: 0..2, time: ago(3 * DAY, 2 * HOUR) },
        Outage { endpoint: 0, nodes: 0..1, time: ago(4 * HOUR, 4 * HOUR) },
    ];
    fleet
}

#[tokio::test]
async fn page_and_terminal_give_the_same_exact_figures_for_each_policy() {
    let browser = Browser::open().await;
    for (policy, down, status) in [
        ("majority", 3 * HOUR, "degraded"),
        ("all", HOUR, "degraded"),
        ("2", 3 * HOUR, "degraded"),
        ("any", 7 * HOUR, "down"),
    ] {
        let fleet = three_nodes(policy.parse().expect("it is a policy"));
        let place = Place::new(&fleet.objects()).await;
        // The moment is of one minute for both: what goes on grows with each.
        let (page, told) = (place.visit(&browser).await, place.status().await);
        assert_agreement(&page, &told);
        let first = &told["endpoints"][0];
        assert_eq!(first["status"], status, "{policy}");
        let told = first["down"].as_i64().expect("it is a number");
        let grows = if status == "down" { 15 * MINUTE } else { 0 };
        assert!((down..=down + grows).contains(&told), "{policy}: {told}");
        let shown = page.endpoint("Service 00");
        if status == "degraded" {
            assert_eq!(
                shown.text_of("reason"),
                "unreachable from ap-south, reachable from 2 others: connection refused"
            );
        }
    }
}

#[tokio::test]
async fn a_silent_node_leaves_the_vote_and_when_all_are_silent_nobody_knows() {
    let mut fleet = three_nodes(Policy::Majority);
    // The only one that sees it down has said nothing for two hours.
    fleet.silences = vec![(0, fleet.now - 2 * HOUR..fleet.now)];
    let place = Place::new(&fleet.objects()).await;
    let browser = Browser::open().await;
    let page = place.visit(&browser).await;
    assert_agreement(&page, &place.status().await);
    assert_eq!(page.endpoint("Service 00").text_of("status"), "healthy");
    let nodes = page.nodes();
    assert!(nodes[0].starts_with("ap-south silent since") && nodes[1].starts_with("eu-west reported"), "{nodes:?}");
    // Nobody serves anything: time alone tells that the checkers are dead.
    browser.stop_clock(fleet.now + HOUR).await;
    let page = place.visit(&browser).await;
    assert_eq!(page.text_of("state"), "unknown");
    assert!(page.text_of("overall").starts_with("Unknown: nobody has looked since"), "{}", page.text_of("overall"));
    assert!(page.nodes().iter().all(|node| node.contains("silent since")), "{:?}", page.nodes());
}

#[tokio::test]
async fn a_history_that_cannot_be_read_is_named_and_check_files_fill_in() {
    let fleet = three_nodes(Policy::Majority);
    let mut objects = fleet.objects();
    objects.extend(fleet.check_files(1, 0));
    let good = objects["history/eu-west.json"].clone();
    let place = Place::new(&objects).await;
    // What a directory lists in full when its short list is not enough.
    let index: BTreeMap<&String, u8> =
        objects.keys().filter(|name| !name.contains('/')).map(|name| (name, 0)).collect();
    place.checker.write("checks/index.json", &json!(index).to_string());
    let browser = Browser::open().await;
    let expected = place.visit(&browser).await.endpoint("Service 00").text_of("uptime");
    for broken in [
        "",
        &good[..good.len() / 2],
        &good.replacen("\"version\":1", "\"version\":99", 1),
        &good.replacen("eu-west", "us-east", 1),
        &good.replacen("\"spans\":[", "\"spans\":[1,-9223372036854775808,3,", 1),
        "<!doctype html>",
        "[[[[[[[[[[[[[[[[",
    ] {
        place.checker.write("checks/history/eu-west.json", broken);
        let page = place.visit(&browser).await;
        page.assert_clean();
        assert!(page.problems().contains("History unreadable: that of eu-west"), "{}", page.problems());
        assert_eq!(page.endpoint("Service 00").text_of("uptime"), expected, "{:.40}", broken);
        assert_eq!(page.nodes().iter().filter(|node| node.contains("history unreadable")).count(), 1);
    }
    assert_agreement(&place.visit(&browser).await, &place.status().await);
}

#[tokio::test]
async fn old_stores_and_mixed_fleets_are_shown_from_their_check_files() {
    let fleet = three_nodes(Policy::Majority);
    let nameless = |files: Vec<(String, String)>| {
        files.into_iter().map(|(name, content)| {
            let name = CheckFileName::parse(&name).expect("it is a name");
            let content = content.replace("\"node\":\"eu-west\",", "");
            (CheckFileName { node: None, ..name }.to_string(), content)
        })
    };
    // The original alone, and beside two nodes that keep histories.
    let original: BTreeMap<String, String> = nameless(fleet.check_files(1, 0)).collect();
    let mut mixed = fleet.objects();
    mixed.retain(|name, _| !name.contains("eu-west"));
    mixed.extend(original.clone());
    let browser = Browser::open().await;
    for (objects, nodes) in [(original, 1), (mixed, 3)] {
        let place = Place::new(&objects).await;
        let index: BTreeMap<&String, u8> =
            objects.keys().filter(|name| !name.contains('/')).map(|name| (name, 0)).collect();
        place.checker.write("checks/index.json", &json!(index).to_string());
        if nodes == 1 {
            std::fs::remove_dir_all(place.checker.path("checks/history")).expect("the folder is there");
        }
        let page = place.visit(&browser).await;
        assert_agreement(&page, &place.status().await);
        assert_eq!(page.nodes().len(), nodes, "{:?}", page.nodes());
        assert!(page.nodes().iter().any(|node| node.starts_with("a checker without a name reported")));
    }
}

#[tokio::test]
async fn clocks_that_differ_by_two_minutes_change_no_verdict_and_more_is_named() {
    let mut fleet = three_nodes(Policy::Majority);
    let browser = Browser::open().await;
    let mut seen = Vec::new();
    for wrong in [0, 2 * MINUTE, -2 * MINUTE] {
        fleet.clocks = vec![(1, wrong)];
        let place = Place::new(&fleet.objects()).await;
        browser.stop_clock(fleet.now).await;
        let page = place.visit(&browser).await;
        page.assert_clean();
        seen.push((page.endpoint("Service 00").text_of("status"), page.endpoint("Service 00").text_of("reason")));
    }
    assert!(seen.iter().all(|one| *one == seen[0]), "{seen:?}");
    fleet.clocks = vec![(1, 30 * MINUTE)];
    let place = Place::new(&fleet.objects()).await;
    let page = place.visit(&browser).await;
    assert!(page.nodes()[1].contains("its clock is 20 min ahead"), "{:?}", page.nodes());
}

#[tokio::test]
async fn a_reader_chooses_another_range_with_the_keyboard_and_nothing_is_loaded_again() {
    let place = Place::new(&three_nodes(Policy::Majority).objects()).await;
    let browser = Browser::open().await;
    let page = place.visit(&browser).await;
    assert_eq!(page.endpoint("Service 00").bar_statuses().len(), 10);
    let before = data_requests(&page);
    let focus = "document.querySelector('.ranges :checked').focus(); return document.activeElement.name;";
    assert_eq!(browser.script(focus).await, "range");
    browser.press("ArrowLeft").await;
    let page = page::when(&browser, "seven days", |page| page.endpoint("Service 00").bar_statuses().len() == 7).await;
    assert!(page.text_of("text").contains("last 7 days"));
    browser.press("ArrowLeft").await;
    let page = page::when(&browser, "a day", |page| page.endpoint("Service 00").bar_statuses().len() == 25).await;
    assert_eq!(page.endpoint("Service 00").text_of("uptime"), "100%", "one of three is not down");
    assert_eq!(data_requests(&page), before, "shorter ranges are known already");
    // What is longer is looked at once more, and what has not changed is not sent again.
    let year = "document.querySelector('.ranges [value=\"31536000000000000\"]').click();";
    browser.script(year).await;
    let is_year = |page: &Page| page.is_complete() && page.endpoint("Service 00").bar_statuses().len() == 73;
    let page = page::when(&browser, "a year", is_year).await;
    assert!(data_requests(&page).len() <= 2 * before.len(), "{:#?}", page.requests());
    let again = "return performance.getEntriesByType('resource').filter(entry => entry.name.includes('history/') && entry.responseStatus == 304 || entry.transferSize < 1000 && entry.name.includes('history/ap')).length;";
    assert!(browser.script(again).await.as_u64() >= Some(1), "an unchanged history is not sent again");
}

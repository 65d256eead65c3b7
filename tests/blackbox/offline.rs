//! The page without a network, a server or a store: it shows its stored data with the data's age, and never shows a
//! healthy status without a recent check.

use std::path::Path;

use serde_json::{Value, json};
use shared::object_name::{CheckFileName, INDEX};
use shared::page_config::{PageConfig, Source};
use shared::{DAY, HOUR, MINUTE, Nanos, SECOND, UnixNanos};
use support::browser::{Browser, Truth};
use support::bucket::Bucket;
use support::caddy::Caddy;
use support::fake_nodes::{FakeNodes, into_directory};
use support::page::{self, Page};
use support::switchable_proxy::SwitchableProxy;
use support::{ministack, now, wait_for};

fn name(stored_at: UnixNanos) -> String {
    CheckFileName { stored_at, node: None }.to_string()
}

/// A round with two endpoints. One result is valid for a day, and the other one for five minutes.
fn round(at: UnixNanos) -> Value {
    let result = |title: &str, interval: Nanos| {
        json!({ "title": title, "endpoint": format!("https://{title}.example/"), "timestamp": at, "times": [{ "rtt": 95_000_000 }],
            "healthy": true, "interval": interval })
    };
    json!([result("Lasting", DAY), result("Passing", 5 * MINUTE)])
}

/// Writes rounds and their index to a directory.
fn store(folder: &Path, rounds: &[UnixNanos]) {
    std::fs::create_dir_all(folder).expect("the folder can be created");
    for at in rounds {
        std::fs::write(folder.join(name(*at)), round(*at).to_string()).expect("the file can be written");
    }
    let index: serde_json::Map<String, Value> = rounds.iter().map(|at| (name(*at), json!(at))).collect();
    std::fs::write(folder.join(INDEX), Value::Object(index).to_string()).expect("the file can be written");
}

fn from_directory(range: Nanos, refresh: Nanos) -> PageConfig {
    let mut config = PageConfig::new(Source::Http { url: "store/".to_owned() });
    (config.range, config.refresh) = (range, refresh);
    config
}

/// Visits a page, and waits until the browser has stored the page and its data.
async fn visit_and_keep(browser: &Browser, url: &str) -> Page {
    page::visit(browser, url).await;
    page::when(browser, "the page to be stored", |page| page.is_kept() && page.is_complete()).await
}

/// Reads an endpoint from the page: its status, its uptime, and the number of its bars.
fn shown(page: &Page, title: &str) -> (String, String, usize) {
    let endpoint = page.endpoint(title);
    (endpoint.text_of("status"), endpoint.text_of("uptime"), endpoint.bar_statuses().len())
}

/// The DevTools parameters that disconnect the browser from the network or reconnect it.
fn offline(is_offline: bool) -> Value {
    json!({ "offline": is_offline, "latency": 0, "downloadThroughput": -1, "uploadThroughput": -1 })
}

#[tokio::test]
async fn without_a_network_the_page_opens_with_dated_data() {
    let mut caddy = Caddy::start("").await;
    let folder = caddy.site.path().join("store");
    let start = now();
    let rounds: Vec<UnixNanos> = (0..30).rev().map(|number| start - SECOND - number * 5 * MINUTE).collect();
    store(&folder, &rounds);
    // The index lists a file that is missing. The error response for this file must not be stored.
    let gone = name(start - 7 * MINUTE);
    let index = std::fs::read_to_string(folder.join(INDEX)).expect("it exists");
    std::fs::write(folder.join(INDEX), index.replacen('{', &format!("{{\"{gone}\":1,"), 1)).expect("it can be written");
    caddy.configure(&from_directory(DAY, 5 * SECOND).to_json());
    let browser = Browser::open().await;
    let fresh = visit_and_keep(&browser, &caddy.url).await;
    assert_eq!((shown(&fresh, "Passing").0.as_str(), fresh.loaded()), ("healthy", 30));
    assert!(fresh.problems().contains(&gone) && fresh.text_of("note").is_empty(), "{:#}", fresh.0);

    // The server is stopped, and the browser reports that the device is offline.
    caddy.stop();
    browser.set_clock_off(12 * MINUTE, Truth::Browser).await;
    browser.devtools("Network.emulateNetworkConditions", offline(true)).await;
    let kept = page::visit(&browser, &caddy.url).await;
    kept.assert_clean();
    let note = kept.text_of("note");
    assert!(note.starts_with("Offline: showing the status as of "), "{note}");
    assert!(note.contains(", 12 minutes ago.") || note.contains(", 13 minutes ago."), "{note}");
    assert_eq!(kept.loaded(), 30, "all files still exist: {:#}", kept.0);
    assert_eq!(shown(&kept, "Lasting").0, "healthy", "its result is valid for a day");
    assert_eq!(shown(&kept, "Passing").0, "unknown", "its result has expired");
    assert_eq!(kept.text_of("state"), "unknown");
    assert_eq!(shown(&kept, "Lasting").2, shown(&fresh, "Lasting").2);
    assert_eq!(kept.problems(), "", "the missing file is not reported");

    // The server is available again and has a new round.
    let news = now() + 12 * MINUTE;
    store(&folder, &[rounds, vec![news]].concat());
    caddy.start_again().await;
    browser.devtools("Network.emulateNetworkConditions", offline(false)).await;
    let is_fresh = |page: &Page| page.text_of("state") == "healthy" && page.text_of("note").is_empty();
    let page = page::when(&browser, "the page to show the present", is_fresh).await;
    assert_eq!(page.loaded(), 31);
    page.assert_clean();
}

#[tokio::test]
async fn data_from_an_unreachable_bucket_outlives_the_signature() {
    let bucket = Bucket::new().await;
    let start = now();
    let rounds: Vec<UnixNanos> = (0..12).rev().map(|number| start - SECOND - number * HOUR).collect();
    for at in &rounds {
        bucket.put(&format!("status/{}", name(*at)), round(*at).to_string()).await;
    }
    let mut proxy = SwitchableProxy::new(&ministack::server().url);
    proxy.open().await;
    let mut config = bucket.page_config(Some(&ministack::reader(&bucket.name).await));
    if let Source::S3(source) = &mut config.source {
        source.endpoint_url = Some(proxy.url.clone());
    }
    (config.range, config.refresh) = (2 * DAY, 5 * SECOND);
    let caddy = Caddy::start(&proxy.url).await;
    caddy.configure(&config.to_json());
    let browser = Browser::open().await;
    let fresh = visit_and_keep(&browser, &caddy.url).await;
    assert_eq!((fresh.loaded(), fresh.text_of("state").as_str()), (12, "healthy"), "{:#}", fresh.0);

    proxy.close();
    browser.set_clock_off(25 * HOUR, Truth::Browser).await;
    let kept = page::visit(&browser, &caddy.url).await;
    kept.assert_clean();
    let note = kept.text_of("note");
    // 25 hours after 23:00 is two calendar days later.
    assert!(note.starts_with("The store is not responding: showing the status as of "), "{note}");
    assert!(note.contains(", 1 day 1 hour ago."), "{note}");
    assert_eq!((kept.loaded(), kept.problems().as_str()), (12, ""));
    assert_eq!(kept.text_of("state"), "unknown");
    assert_eq!(shown(&kept, "Passing").0, "unknown");

    // S3 accepts signatures that are a few hours in the future, but not ones that are a day in the future.
    browser.set_clock_off(-20 * HOUR, Truth::Browser).await;
    proxy.open().await;
    page::visit(&browser, &caddy.url).await;
    let page = page::when(&browser, "the store to respond", |page| page.text_of("note").is_empty()).await;
    assert_eq!(page.text_of("state"), "unknown", "no checks for five hours");
}

#[tokio::test]
async fn histories_are_stored_offline_too() {
    let mut caddy = Caddy::start("").await;
    let fake_nodes = FakeNodes::small(&["ap-south", "eu-west"], now());
    into_directory(&fake_nodes.objects(), &caddy.site.path().join("store"));
    caddy.configure(&from_directory(10 * DAY, HOUR).to_json());
    let browser = Browser::open().await;
    let fresh = visit_and_keep(&browser, &caddy.url).await;
    caddy.stop();
    let kept = page::visit(&browser, &caddy.url).await;
    kept.assert_clean();
    assert!(kept.text_of("note").contains("showing the status as of"), "{:#}", kept.0);
    for title in ["Service 00", "Service 01"] {
        assert_eq!(shown(&kept, title), shown(&fresh, title));
        assert_eq!(kept.endpoint(title).text_of("coverage"), fresh.endpoint(title).text_of("coverage"));
    }
}

/// Replaces one of the page's files with a file that has another name and other content, as a new build does.
fn rebuild(site: &Path, mark: &str) {
    let index = std::fs::read_to_string(site.join("index.html")).expect("there is a page");
    let style = index.split("href=./").find(|rest| rest.starts_with("style-")).expect("there is a style");
    let style = style.split([' ', '>']).next().expect("it has a name").to_owned();
    let content = std::fs::read_to_string(site.join(&style)).unwrap_or_default();
    let renamed = format!("style-{mark:0>16}.css");
    let marked = format!("{content}\n:root {{ --build: {mark} }}\n");
    std::fs::write(site.join(&renamed), marked).expect("the file can be written");
    let (before, after) = index.split_once(&style).expect("it is named");
    // The new content does not match the integrity hash, so the hash is removed.
    let after = after.split_once("rel=stylesheet").expect("it is a style").1;
    let index = format!("{before}{renamed} rel=stylesheet{after}");
    std::fs::write(site.join("index.html"), index).expect("the file can be written");
    let _ = std::fs::remove_file(site.join(style));
}

const BUILD: &str = "return getComputedStyle(document.documentElement).getPropertyValue('--build').trim()";

/// The builds of the page that the browser has stored, oldest first.
const KEPT_BUILDS: &str = "return caches.keys().then(names => Promise.all(names.filter(name => name.startsWith('checkup shell'))
    .map(name => caches.open(name).then(cache => cache.match(location.origin + '/')).then(page => page ? page.text() : ''))))
    .then(pages => pages.map(page => (page.match(/style-0*([0-9a-f]+)[.]css/) ?? [])[1] ?? 'none'))";

async fn newest_kept_build_is(browser: &Browser, mark: &str) {
    wait_for("the build to be stored", || async {
        let kept = browser.script(KEPT_BUILDS).await;
        kept.as_array().and_then(|kept| kept.last()).filter(|newest| *newest == mark).map(|_| ())
    })
    .await;
}

#[tokio::test]
async fn a_new_build_replaces_the_old_one_but_never_partially() {
    let mut caddy = Caddy::start("").await;
    let site = caddy.site.path().to_owned();
    store(&site.join("store"), &[now() - SECOND]);
    caddy.configure(&from_directory(DAY, 5 * SECOND).to_json());
    rebuild(&site, "1");
    let browser = Browser::open().await;
    visit_and_keep(&browser, &caddy.url).await;
    newest_kept_build_is(&browser, "1").await;

    // The page that is already open does not change.
    rebuild(&site, "2");
    let later = now();
    store(&site.join("store"), &[later - MINUTE, later]);
    let page = page::when(&browser, "a refresh", |page| page.loaded() >= 2).await;
    page.assert_clean();
    assert_eq!(browser.script(BUILD).await, "1");
    page::visit(&browser, &caddy.url).await.assert_clean();
    assert_eq!(browser.script(BUILD).await, "2");
    newest_kept_build_is(&browser, "2").await;

    // The browser shows a build with missing files as far as possible, but does not store it.
    rebuild(&site, "3");
    std::fs::remove_file(site.join("style-0000000000000003.css")).expect("it exists");
    browser.visit(&caddy.url).await;
    page::when(&browser, "the page to be complete", Page::is_complete).await;
    caddy.stop();
    page::visit(&browser, &caddy.url).await.assert_clean();
    assert_eq!(browser.script(BUILD).await, "2");
    let kept = browser.script(KEPT_BUILDS).await;
    assert!(kept.as_array().is_some_and(|kept| kept.len() <= 2), "old builds are removed: {kept}");
}

#[tokio::test]
async fn the_host_can_disable_offline_storage_and_remove_stored_data() {
    let caddy = Caddy::start("").await;
    store(&caddy.site.path().join("store"), &[now() - SECOND]);
    caddy.configure(&from_directory(DAY, HOUR).to_json());
    let browser = Browser::open().await;
    visit_and_keep(&browser, &caddy.url).await;
    let kept = "return Promise.all([navigator.serviceWorker.getRegistrations(), caches.keys(), indexedDB.databases()])
        .then(all => all.map(each => each.length))";
    let before = browser.script(kept).await;
    assert_eq!((before[0].clone(), before[2].clone()), (json!(1), json!(1)), "{before}");
    caddy.configure(&PageConfig { offline: false, ..from_directory(DAY, HOUR) }.to_json());
    let page = page::visit(&browser, &caddy.url).await;
    assert_eq!(page.text_of("state"), "healthy");
    wait_for("the stored data to be removed", || async {
        (browser.script(kept).await == json!([0, 0, 0])).then_some(())
    })
    .await;
    page.assert_clean();
}

#[tokio::test]
async fn offline_storage_is_limited_and_keeps_the_newest_files() {
    let mut caddy = Caddy::start("").await;
    let start = now();
    let rounds: Vec<UnixNanos> = (0..5_200).rev().map(|number| start - SECOND - number * 15 * SECOND).collect();
    store(&caddy.site.path().join("store"), &rounds);
    caddy.configure(&from_directory(DAY, HOUR).to_json());
    let browser = Browser::open().await;
    let fresh = visit_and_keep(&browser, &caddy.url).await;
    assert_eq!(fresh.loaded(), 5_200);
    caddy.stop();
    let kept = page::visit(&browser, &caddy.url).await;
    assert!((4_900..=5_000).contains(&kept.loaded()), "{}", kept.loaded());
    assert_eq!(shown(&kept, "Passing").0, "healthy", "the newest file is present");
}

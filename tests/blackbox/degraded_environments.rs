//! The page under difficult conditions: a slow network, no WebAssembly, a wrong clock, a device that sleeps, and on
//! paper.

use std::time::Duration;

use serde_json::{Value, json};
use shared::object_name::{CheckFileName, INDEX};
use shared::page_config::{PageConfig, Source};
use shared::{DAY, HOUR, MINUTE, Nanos, SECOND, UnixNanos};
use support::browser::{Browser, Truth};
use support::caddy::Caddy;
use support::checker::Checker;
use support::configuration::{check, directory, watching};
use support::endpoints::{Behavior, Endpoint};
use support::page;
use support::{contrast, now, wait_for};

use crate::search::{browser_at_the_end_of, one_down, serve_store};

/// Serves the page with a store for one healthy endpoint that is checked every five minutes.
async fn shop(refresh: Nanos, rounds: &[UnixNanos]) -> Caddy {
    shop_every(5 * MINUTE, refresh, rounds).await
}

async fn shop_every(interval: Nanos, refresh: Nanos, rounds: &[UnixNanos]) -> Caddy {
    let caddy = Caddy::start("").await;
    store(&caddy, interval, rounds);
    let mut config = PageConfig::new(Source::Http { url: "store/".to_owned() });
    config.refresh = refresh;
    caddy.configure(&config.to_json());
    caddy
}

fn store(caddy: &Caddy, interval: Nanos, rounds: &[UnixNanos]) {
    let folder = caddy.site.path().join("store");
    std::fs::create_dir_all(&folder).expect("the folder can be created");
    let mut index = serde_json::Map::new();
    for at in rounds {
        let name = CheckFileName { stored_at: *at, node: None }.to_string();
        let round = json!([{ "title": "Shop", "endpoint": "https://shop.example/", "timestamp": at, "interval": interval,
            "times": [{ "rtt": 95_000_000 }], "healthy": true }]);
        std::fs::write(folder.join(&name), round.to_string()).expect("the file can be written");
        index.insert(name, json!(at));
    }
    std::fs::write(folder.join(INDEX), Value::Object(index).to_string()).expect("the file can be written");
}

/// Records the page's text from the first frame on.
const NOTE: &str = "window.texts = new Set();
    { const record = () => { if (document.body) window.texts.add(document.body.innerText.trim()); requestAnimationFrame(record); }; record(); }";

#[tokio::test]
async fn a_slow_network_shows_progress_and_then_the_whole_page() {
    let rounds: Vec<UnixNanos> = (0..60).map(|number| now() - SECOND - number * MINUTE).collect();
    let caddy = shop(HOUR, &rounds).await;
    let browser = Browser::open().await;
    browser.devtools("Page.addScriptToEvaluateOnNewDocument", json!({ "source": NOTE })).await;
    // Chromium's preset "Slow 3G".
    let slow = json!({ "offline": false, "latency": 400, "downloadThroughput": 50_000, "uploadThroughput": 50_000 });
    browser.devtools("Network.emulateNetworkConditions", slow).await;
    let page = page::visit(&browser, &caddy.url).await;
    page.assert_clean();
    assert_eq!((page.loaded(), page.text_of("state").as_str(), page.problems().as_str()), (60, "healthy", ""));
    let texts = browser.script("return [...window.texts]").await;
    let texts: Vec<&str> = texts.as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    let position = |words: &str| texts.iter().position(|text| text.contains(words));
    let (first, then) = (position("Loading the page…"), position("Loading check files: "));
    assert!(first.is_some() && first < then, "{:#?}", &texts[..texts.len().min(8)]);
}

#[tokio::test]
async fn without_histories_a_long_interval_reaches_into_the_next_day() {
    let rounds: Vec<UnixNanos> = (0..6).map(|number| now() - HOUR - number * 6 * HOUR).collect();
    let caddy = shop_every(6 * HOUR, HOUR, &rounds).await;
    let browser = Browser::open().await;
    let page = page::visit(&browser, &caddy.url).await;
    page.assert_clean();
    let shop = page.endpoint("Shop");
    assert_eq!((shop.text_of("coverage").as_str(), page.problems().as_str()), ("", ""));
    let bars = shop.0["bars"].as_array().expect("there are bars").iter();
    assert_eq!(bars.filter(|bar| bar["status"] == "unknown").count(), 0, "{:#}", shop.0);
}

#[tokio::test]
async fn without_webassembly_a_link_leads_to_the_summary() {
    let ok = Endpoint::start(Behavior::ok()).await;
    let checker = Checker::new(&watching(&[check("Shop", &ok.url)], &directory()));
    let served = checker.serve(&[]).await;
    served.until_summed_up().await;
    let browser = Browser::open_with(&["--js-flags=--jitless"]).await;
    browser.visit(&served.url).await;
    assert_eq!(browser.script("return typeof WebAssembly").await, "undefined");
    let link = wait_for("the page to report it", || async {
        let link = browser.script("return document.querySelector('#boot a')?.href").await;
        link.as_str().map(str::to_owned)
    })
    .await;
    let page = browser.script("return [document.documentElement.dataset.state, document.body.innerText]").await;
    assert_eq!(page[0], "broken");
    assert!(page[1].as_str().is_some_and(|text| text.contains("requires WebAssembly")), "{page}");
    browser.visit(&link).await;
    let row = browser.script("return document.querySelector('tbody tr').textContent").await;
    assert!(row.as_str().is_some_and(|row| row.starts_with("Shop● healthy")), "{row}");
}

#[tokio::test]
async fn a_device_with_a_wrong_clock_shows_the_servers_time() {
    let caddy = shop(HOUR, &[now() - SECOND]).await;
    for (off, words) in [(3 * HOUR, "3 hours ahead"), (-26 * HOUR, "1 day 2 hours behind")] {
        let browser = Browser::open().await;
        browser.set_clock_off(off, Truth::Servers).await;
        let page = page::visit(&browser, &caddy.url).await;
        page.assert_clean();
        assert_eq!(
            page.text_of("note"),
            format!("This device's clock is {words}; the times on this page are the server's.")
        );
        assert_eq!((page.text_of("state").as_str(), page.problems().as_str()), ("healthy", ""), "{:#}", page.0);
        assert!(page.text_of("freshness").ends_with("less than a minute ago"), "{}", page.text_of("freshness"));
    }
    // A difference of one minute is too small for a note.
    let browser = Browser::open().await;
    browser.set_clock_off(MINUTE, Truth::Servers).await;
    assert_eq!(page::visit(&browser, &caddy.url).await.text_of("note"), "");
}

/// Simulates a device that can sleep. While it sleeps, the page is hidden, timers stop, and time passes.
const SLEEPER: &str = "{
    const [timeout, now] = [window.setTimeout, Date.now];
    let hidden = false;
    Object.defineProperty(document, 'hidden', { get: () => hidden });
    // Long timers never fire, so only waking up can cause an update.
    window.setTimeout = (action, time, ...more) => time >= 5000 ? 0 : timeout.call(window, action, time, ...more);
    const turn = () => document.dispatchEvent(new Event('visibilitychange'));
    window.sleepFor = length => { hidden = true; turn(); Date.now = () => now() + length; };
    window.wakeUp = () => {
        window.states = [];
        const root = document.documentElement;
        new MutationObserver(() => {
            if (window.states.at(-1) !== root.dataset.state) window.states.push(root.dataset.state);
        }).observe(root, { attributeFilter: ['data-state', 'data-loaded'] });
        hidden = false;
        turn();
    };
}";

#[tokio::test]
async fn a_phone_that_slept_for_hours_never_shows_old_data_as_current() {
    let start = now() - SECOND;
    let caddy = shop(DAY, &[start]).await;
    let browser = Browser::open().await;
    browser.devtools("Page.addScriptToEvaluateOnNewDocument", json!({ "source": SLEEPER })).await;
    let page = page::visit(&browser, &caddy.url).await;
    assert_eq!(page.text_of("state"), "healthy");
    browser.script(&format!("window.sleepFor({})", 8 * HOUR / 1_000_000)).await;
    store(&caddy, 5 * MINUTE, &[start, now() + 8 * HOUR]);
    browser.script("window.wakeUp()").await;
    let page = page::when(&browser, "the page to refresh", |page| page.loaded() == 2).await;
    assert_eq!(page.text_of("state"), "healthy");
    page.assert_clean();
    let states = browser.script("return window.states").await;
    assert_eq!(states, json!(["unknown", "healthy"]), "the evening's status is not shown in the morning");
}

#[tokio::test]
async fn a_printed_page_is_expanded_and_dark_on_white() {
    let fake_nodes = one_down(14);
    let groups = json!({ "charts": "folded", "groups": [{ "title": "Inside", "endpoints": ["Service 0*"], "groups":
        [{ "title": "Further inside", "endpoints": ["Service 05"] }] }, { "title": "Outside", "endpoints": ["Service 1*"] }] });
    let caddy = serve_store(&fake_nodes, groups).await;
    let browser = browser_at_the_end_of(&fake_nodes).await;
    page::visit(&browser, &format!("{}?theme=dark", caddy.url)).await;
    let count =
        "return [document.querySelectorAll('section.endpoint').length, document.querySelectorAll('svg.chart').length]";
    let folded = browser.script(count).await;
    assert!(folded[0].as_i64() < Some(14) && folded[1] == 0, "healthy groups and charts are collapsed: {folded}");
    browser.devtools("Emulation.setEmulatedMedia", json!({ "media": "print" })).await;
    browser.script("window.dispatchEvent(new Event('beforeprint'))").await;
    wait_for("everything to expand", || async { (browser.script(count).await == json!([14, 14])).then_some(()) }).await;
    let seen = "const visible = selector => [...document.querySelectorAll(selector)].filter(one => one.checkVisibility()).length;
        return { ground: getComputedStyle(document.documentElement).backgroundColor, text: getComputedStyle(document.body).color,
            controls: visible('button:not(.toggle), select, input, .ranges, .progress'), charts: visible('svg.chart'), bars: visible('.strip') }";
    let seen = browser.script(seen).await;
    let expected =
        json!({ "ground": "rgb(255, 255, 255)", "text": "rgb(0, 0, 0)", "controls": 0, "charts": 14, "bars": 14 });
    assert_eq!(seen, expected);
    let faint = contrast::too_low(&contrast::samples(&browser).await);
    assert!(faint.is_empty(), "{faint:#?}");
    browser.script("window.dispatchEvent(new Event('afterprint'))").await;
    wait_for("the previous state", || async { (browser.script(count).await == folded).then_some(()) }).await;

    // The browser also fires these events when it prints to a PDF.
    browser.script("window.addEventListener('beforeprint', () => { window.printed = true; })").await;
    let printed = browser.devtools("Page.printToPDF", json!({ "printBackground": false })).await;
    let document = printed["data"].as_str().unwrap_or_default();
    // A PDF of this size contains more than a few words.
    assert!(document.starts_with("JVBERi") && document.len() > 20_000, "{} characters", document.len());
    assert_eq!(browser.script("return window.printed").await, true);
}

#[tokio::test]
async fn endpoints_below_the_fold_are_drawn_when_they_scroll_into_view() {
    let fake_nodes = one_down(60);
    let caddy = serve_store(&fake_nodes, json!({})).await;
    let browser = browser_at_the_end_of(&fake_nodes).await;
    page::visit(&browser, &caddy.url).await;
    let drawn = "const all = [...document.querySelectorAll('section.endpoint')];
        return [all.length, all.filter(one => one.querySelector('.bar')).length, !!all.at(-1)?.querySelector('.bar')]";
    let at_first = browser.script(drawn).await;
    assert!(at_first[0] == 60 && at_first[1].as_i64() < Some(40) && at_first[2] == false, "{at_first}");
    browser.script("[...document.querySelectorAll('section.endpoint')].at(-1).scrollIntoView()").await;
    wait_for("the last bars", || async { (browser.script(drawn).await[2] == true).then_some(()) }).await;
    assert!(browser.script(drawn).await[1].as_i64() < Some(60), "the ones in between were never in view");
    browser.script("window.dispatchEvent(new Event('beforeprint'))").await;
    wait_for("all bars", || async { (browser.script(drawn).await == json!([60, 60, true])).then_some(()) }).await;

    page::visit(&browser, &format!("{}?view=table", caddy.url)).await;
    let times = "return [...document.querySelectorAll('tbody tr')].map(row => row.cells[4].textContent !== '')";
    let filled = browser.script(times).await;
    assert_eq!(
        (&filled[0], &filled[59], filled.as_array().map(Vec::len)),
        (&json!(true), &json!(false), Some(60)),
        "{filled}"
    );
    browser.script("document.querySelector('tbody tr:last-child').scrollIntoView()").await;
    wait_for("the last time", || async { (browser.script(times).await[59] == true).then_some(()) }).await;
}

#[tokio::test]
async fn a_store_that_never_responds_times_out() {
    // A server that accepts the request and never responds.
    let silent = Endpoint::start(Behavior::AnswerAfter(Duration::from_mins(2), "200 OK", String::new())).await;
    let caddy = Caddy::start(silent.url.trim_end_matches('/')).await;
    caddy.configure(&PageConfig::new(Source::Http { url: silent.url.clone() }).to_json());
    let browser = Browser::open().await;
    let page = page::visit(&browser, &caddy.url).await;
    page.assert_clean();
    assert!(page.problems().contains("within 20 seconds"), "{}", page.problems());
    assert_eq!(page.text_of("state"), "unknown");
}

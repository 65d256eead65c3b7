//! A page that stays open for days does not leak memory.

use serde_json::json;
use shared::object_name::INDEX;
use shared::page_config::{PageConfig, Source};
use shared::{DAY, HOUR, MINUTE, SECOND};
use support::browser::Browser;
use support::caddy::Caddy;
use support::fake_nodes::{FakeNodes, into_directory};
use support::{page, wait_for};

/// Advances the clock by a minute per refresh, and refreshes immediately instead of after five seconds. Listings end at
/// the page's current time. Also keeps a reference to the memory of the WebAssembly module for measurements.
const HURRY: &str = r"{
    window.refreshes = 0;
    const [ask, timeout, instantiate] = [window.fetch, window.setTimeout, WebAssembly.instantiateStreaming];
    window.fetch = async (request, ...more) => {
        const answer = await ask.call(window, request, ...more);
        if (!(request.url ?? String(request)).includes('/index.json')) return answer;
        window.refreshes += 1;
        const until = Date.now() + '000000';
        const known = Object.entries(await answer.json()).filter(([name]) => name.slice(0, 19) <= until);
        return new Response(JSON.stringify(Object.fromEntries(known)), { headers: { 'Content-Type': 'application/json' } });
    };
    window.setTimeout = (action, time, ...more) => timeout.call(window, action, time === 5000 ? 0 : time, ...more);
    Date.now = () => BEGIN + window.refreshes * 60000;
    WebAssembly.instantiateStreaming = (...all) => instantiate(...all).then(made => {
        window.wasmMemory = Object.values(made.instance.exports).find(one => one instanceof WebAssembly.Memory);
        return made;
    });
}";

/// Runs garbage collection, and returns the page's memory use and its numbers of DOM nodes and listeners.
#[derive(Debug, Clone, Copy)]
struct PageResources {
    heap: f64,
    wasm: f64,
    nodes: f64,
    listeners: f64,
}

async fn resources_after(browser: &Browser, refreshes: u64) -> PageResources {
    let done = || async {
        let count = browser.script("return window.refreshes;").await.as_u64();
        count.filter(|count| *count >= refreshes)
    };
    wait_for(&format!("refresh number {refreshes}"), done).await;
    // The second run frees objects that the first one finalized.
    browser.devtools("HeapProfiler.collectGarbage", json!({})).await;
    browser.devtools("HeapProfiler.collectGarbage", json!({})).await;
    let counts = browser.devtools("Memory.getDOMCounters", json!({})).await;
    let heap = browser.devtools("Runtime.getHeapUsage", json!({})).await;
    let wasm = browser.script("return window.wasmMemory.buffer.byteLength;").await;
    PageResources {
        heap: heap["usedSize"].as_f64().expect("it is a number"),
        wasm: wasm.as_f64().expect("it is a number"),
        nodes: counts["nodes"].as_f64().expect("it is a number"),
        listeners: counts["jsEventListeners"].as_f64().expect("it is a number"),
    }
}

#[tokio::test]
async fn memory_is_constant_over_a_thousand_refreshes() {
    // A whole day of check files exists from the start. The page loads them up to its current time, and drops the
    // oldest ones.
    let mut fake_nodes = FakeNodes::small(&["eu-west"], 1_795_356_300 * SECOND);
    (fake_nodes.endpoints, fake_nodes.interval, fake_nodes.days) = (3, MINUTE, 1);
    fake_nodes.outages = (0..12)
        .map(|number| support::fake_nodes::Outage {
            endpoint: 1,
            nodes: 0..1,
            time: fake_nodes.now - DAY + (number * 2 + 3) * HOUR
                ..fake_nodes.now - DAY + (number * 2 + 3) * HOUR + 10 * MINUTE,
        })
        .collect();
    let caddy = Caddy::start("").await;
    let store = caddy.site.path().join("store");
    let files: std::collections::BTreeMap<String, String> = fake_nodes.check_files(0, 0).into_iter().collect();
    into_directory(&files, &store);
    std::fs::remove_dir_all(store.join("history")).expect("the folder exists");
    let index: std::collections::BTreeMap<&String, u8> = files.keys().map(|name| (name, 0)).collect();
    std::fs::write(store.join(INDEX), json!(index).to_string()).expect("the file can be written");
    let mut config = PageConfig::new(Source::Http { url: "store/".to_owned() });
    (config.range, config.refresh) = (HOUR, 5 * SECOND);
    caddy.configure(&config.to_json());

    let browser = Browser::open_with(&[]).await;
    let begin = (fake_nodes.now - DAY + 2 * HOUR) / 1_000_000;
    let hurry = HURRY.replace("BEGIN", &begin.to_string());
    browser.devtools("Page.addScriptToEvaluateOnNewDocument", json!({ "source": hurry })).await;
    page::visit(&browser, &caddy.url).await;
    // During the first 300 refreshes, caches fill up: compiled code, interned strings, and the table of requested URLs.
    let before = resources_after(&browser, 300).await;
    let middle = resources_after(&browser, 600).await;
    let after = resources_after(&browser, 1_000).await;
    println!("{before:?}\n{middle:?}\n{after:?}");
    let page = page::when(&browser, "the page", page::Page::is_complete).await;
    assert!((60..=190).contains(&page.loaded()), "check files of an hour or two are in memory: {}", page.loaded());
    assert_eq!(page.text_of("state"), "healthy", "{}", page.text_of("overall"));
    page.assert_clean();
    // A refresh in progress uses up to half a megabyte. A leak of 1.5 KB per refresh would exceed this limit.
    assert!(after.heap - before.heap < 1_000_000.0, "{before:?} became {after:?}");
    assert!((after.nodes - before.nodes).abs() < 300.0, "{before:?} became {after:?}");
    assert!((after.listeners - before.listeners).abs() < 50.0, "{before:?} became {after:?}");
    // WebAssembly's memory never shrinks and grows in steps of 64 KB; fragmentation can cause a few steps.
    assert!(after.wasm - before.wasm <= 4.0 * 65_536.0, "{before:?} became {after:?}");
}

//! Measures the page with 500 endpoints: the time from the arrival of the last data to a complete page, and the time
//! per letter typed into the filter.

use serde_json::{Value, json};
use shared::page_config::{PageConfig, Source};
use shared::{DAY, HOUR};
use support::browser::Browser;
use support::caddy::Caddy;
use support::fake_nodes::{FakeNodes, into_directory};
use support::{now, wait_for};

use crate::page::NOTE_COMPLETION;
use crate::process_usage::REPETITIONS;

/// The number of endpoints on the page.
const ENDPOINTS: usize = 500;

/// Once the page is complete, returns how long that took after the last data arrived, and the number of bars.
const READ: &str = "
    const came = performance.getEntriesByType('resource').filter(entry => entry.name.includes('store/')).map(entry => entry.responseEnd);
    return window.completeAt ? [window.completeAt - Math.max(...came), document.querySelectorAll('.bar').length] : null;
";

/// Types a word letter by letter, deletes it, and returns the longest time to a finished frame.
const TYPE: &str = "
    const word = 'service 07', input = document.querySelector('#filter'), times = [];
    const type = async text => {
        await new Promise(requestAnimationFrame);
        const start = performance.now();
        input.value = text;
        input.dispatchEvent(new Event('input', { bubbles: true }));
        document.body.getBoundingClientRect();
        times.push(performance.now() - start);
    };
    (async () => {
        for (let length = 1; length <= word.length; length++) await type(word.slice(0, length));
        for (let length = word.length - 1; length >= 0; length--) await type(word.slice(0, length));
        window.typed = times;
    })();
";

/// Measures the page with bars and the page with the table.
pub(crate) async fn measure() {
    let mut fake_nodes = FakeNodes::large(1, ENDPOINTS, 91, now());
    fake_nodes.interval = HOUR;
    fake_nodes.now = fake_nodes.now / HOUR * HOUR;
    let caddy = Caddy::start("").await;
    into_directory(&fake_nodes.objects(), &caddy.site.path().join("store"));
    let mut config = PageConfig::new(Source::Http { url: "store/".to_owned() });
    (config.range, config.refresh) = (90 * DAY, HOUR);
    caddy.configure(&config.to_json());
    for view in ["strips", "table"] {
        let mut runs = Vec::new();
        for _ in 0..REPETITIONS {
            let browser = Browser::open_with(&[]).await;
            browser.stop_clock(fake_nodes.now + 10_000_000_000).await;
            browser.devtools("Page.addScriptToEvaluateOnNewDocument", json!({ "source": NOTE_COMPLETION })).await;
            browser.visit(&format!("{}?view={view}", caddy.url)).await;
            let read =
                wait_for("the page", || async { Some(browser.script(READ).await).filter(Value::is_array) }).await;
            browser.script(TYPE).await;
            let typed = wait_for("the letters", || async {
                Some(browser.script("return window.typed || null").await).filter(Value::is_array)
            });
            let typed = typed.await;
            let longest = typed.as_array().into_iter().flatten().filter_map(Value::as_f64).fold(0.0, f64::max);
            runs.push((read[0].as_f64().unwrap_or(f64::NAN), read[1].as_u64().unwrap_or(0), longest));
        }
        runs.sort_by(|one, other| one.0.total_cmp(&other.0));
        let (complete, bars, longest) = runs[REPETITIONS / 2];
        println!(
            "  {ENDPOINTS} endpoints × 90 days, {view}: complete {complete:>4.0} ms after the data, {bars} bars drawn; at most {longest:>3.0} ms per letter"
        );
    }
}

//! Measures how long the page blocks the main thread: tasks of 50 ms or more delay scrolling and clicks.

use serde_json::json;
use shared::page_config::{PageConfig, Source};
use shared::{DAY, MINUTE, SECOND};
use support::browser::Browser;
use support::caddy::Caddy;
use support::fake_nodes::{FakeNodes, into_directory};
use support::{now, wait_for};

/// How many times a page is opened. The median is printed.
const REPETITIONS: usize = 5;

/// Records tasks of 50 ms or more, and the time at which the page is complete.
const NOTE: &str = r"
    window.long = [];
    new PerformanceObserver(list => window.long.push(...list.getEntries().map(({ startTime, duration }) => [startTime, duration])))
        .observe({ type: 'longtask', buffered: true });
    new MutationObserver(() => {
        if (document.documentElement?.dataset.complete === 'true')
            requestAnimationFrame(() => { window.completeAt ??= performance.now(); });
    }).observe(document, { subtree: true, attributes: true, attributeFilter: ['data-complete'] });
";

/// Once the page is complete, returns the tasks recorded since the last call.
const READ: &str = r"
    if (!window.completeAt || document.documentElement.dataset.complete !== 'true') return null;
    return new Promise(done => setTimeout(() => done({ long: window.long.splice(0), complete: window.completeAt }), 300));
";

/// A visitor's actions, each with its script.
const DEEDS: [(&str, &str); 4] = [
    ("another range (30 days)", "document.querySelector('.ranges [value=\"2592000000000000\"]').click();"),
    ("back to 90 days", "document.querySelector('.ranges [value=\"7776000000000000\"]').click();"),
    (
        "opening a day",
        "document.querySelector('.bar:last-child').dispatchEvent(new Event('click', { bubbles: true }));",
    ),
    ("a refresh", "return new Promise(done => setTimeout(done, 5500));"),
];

pub(crate) async fn measure() {
    println!("Tasks of the main thread of 50 ms or more, headless Chromium, 20 endpoints × 90 days × 3 nodes");
    let fake_nodes =
        FakeNodes { interval: 5 * MINUTE, ..FakeNodes::large(3, 20, 91, now() / (5 * MINUTE) * (5 * MINUTE)) };
    let caddy = Caddy::start("").await;
    into_directory(&fake_nodes.objects(), &caddy.site.path().join("store"));
    let mut config = PageConfig::new(Source::Http { url: "store/".to_owned() });
    (config.range, config.refresh) = (90 * DAY, 5 * SECOND);
    caddy.configure(&config.to_json());
    let mut runs: Vec<Vec<(&str, Vec<f64>)>> = Vec::new();
    for _ in 0..REPETITIONS {
        let browser = Browser::open_with(&[]).await;
        browser.stop_clock(fake_nodes.now + 20 * SECOND).await;
        browser.devtools("Page.addScriptToEvaluateOnNewDocument", json!({ "source": NOTE })).await;
        browser.visit(&caddy.url).await;
        let mut seen = vec![("opening", noted(&browser).await)];
        for (what, deed) in DEEDS {
            browser.script(deed).await;
            seen.push((what, noted(&browser).await));
        }
        runs.push(seen);
    }
    for (index, (what, _)) in runs[0].iter().enumerate() {
        let mut longest: Vec<f64> = runs.iter().map(|seen| seen[index].1.iter().copied().fold(0.0, f64::max)).collect();
        longest.sort_by(f64::total_cmp);
        let counts: Vec<usize> = runs.iter().map(|seen| seen[index].1.len()).collect();
        println!(
            "  {what:<26} longest {:>4.0} ms (median of {REPETITIONS}; {longest:.0?}); count: {counts:?}",
            longest[REPETITIONS / 2]
        );
    }
}

/// Returns the lengths of the long tasks since the last call.
async fn noted(browser: &Browser) -> Vec<f64> {
    let read = wait_for("the page to be complete", || async {
        Some(browser.script(READ).await).filter(|read| !read.is_null())
    })
    .await;
    let tasks = read["long"].as_array().into_iter().flatten();
    tasks.filter_map(|task| task[1].as_f64()).collect::<Vec<f64>>()
}

//! The whole chain: a real checker stores results, and a real browser shows exactly these results.

use serde_json::{Value, json};
use shared::check_file::{Attempt, CheckResult, write_check_file};
use shared::object_name::{CheckFileName, NodeName};
use shared::stats::Stats;
use shared::status::Status;
use shared::uptime::{Observation, UptimeBreakdown, spans};
use shared::{DAY, HOUR, MINUTE, UnixNanos, duration};
use support::browser::Browser;
use support::bucket::Bucket;
use support::caddy::Caddy;
use support::checker::Checker;
use support::configuration::{check, check_with, directory, watching};
use support::endpoints::{Behavior, Endpoint};
use support::ministack::{self, AccessKey};
use support::page::{self, EndpointOnPage, Page};
use support::{now, wait_for};

/// Opens a bucket's page and fails if it has problems. Also returns its web server and browser.
async fn open_page(bucket: &Bucket, reader: Option<&AccessKey>) -> (Caddy, Browser, Page) {
    let caddy = Caddy::start(&ministack::server().url).await;
    caddy.configure(&bucket.page_config(reader).to_json());
    let browser = Browser::open().await;
    let page = page::visit(&browser, &caddy.url).await;
    page.assert_clean();
    (caddy, browser, page)
}

/// Returns one endpoint's results, in order.
fn of<'a>(results: &'a [CheckResult], title: &str) -> Vec<&'a CheckResult> {
    results.iter().filter(|result| result.title == title).collect()
}

/// Returns the median of all successful attempts, formatted like on the page.
fn median(results: &[&CheckResult]) -> Option<String> {
    let attempts = results.iter().flat_map(|result| &result.attempts);
    let answered = attempts.filter(|attempt| attempt.error.is_none()).map(|attempt| attempt.rtt);
    Stats::from_rtts(answered.collect()).map(|stats| format!("median {}", duration::format_rtt(stats.median)))
}

/// Computes a period's uptime breakdown from the stored results.
fn breakdown(results: &[&CheckResult], from: UnixNanos, to: UnixNanos) -> UptimeBreakdown {
    let seen = results.iter();
    let seen =
        seen.map(|result| Observation { at: result.timestamp, status: result.status, interval: result.interval });
    UptimeBreakdown::from_spans(&spans(seen.collect(), to), from, to)
}

/// Fails unless the page shows the endpoint as these results describe it.
fn assert_shows(shown: &EndpointOnPage, results: &[&CheckResult]) {
    let last = results.last().expect("there are results");
    assert_eq!(shown.text_of("locator"), last.locator);
    assert_eq!(shown.text_of("status"), last.status.as_str(), "{}", last.title);
    assert_eq!(shown.points(), results.len(), "each check is a point of the chart of {}", last.title);
    if let Some(median) = median(results) {
        assert!(shown.text_of("text").contains(&median), "`{median}` is not in {}", shown.text_of("text"));
    }
    if last.status > Status::Healthy {
        let mut reason = last.reason().expect("it has a reason");
        // The page explains in its own words why a service is slow.
        if reason.starts_with("median round trip time exceeded") {
            reason = "Slow: median ";
        }
        assert!(shown.text_of("reason").contains(reason), "`{reason}` is not in `{}`", shown.text_of("reason"));
    }
}

#[tokio::test]
async fn a_page_on_another_origin_shows_the_results_in_a_bucket() {
    let bucket = Bucket::new().await;
    let shop = Endpoint::start(Behavior::ok()).await;
    let api = Endpoint::start(Behavior::Answer("503 Service Unavailable", String::new())).await;
    let checks = [
        check_with("Shop", &shop.url, json!({ "attempts": 3 })),
        check("API", &api.url),
        check_with("Slow <search>", &shop.url, json!({ "threshold_rtt": 1 })),
        check("Broken", &api.url),
    ];
    let mut config = watching(&checks, &bucket.storage());
    config["every"] = json!("1m");
    let checker = Checker::new(&config);
    assert_eq!(checker.run(&[]).await.code, 0);
    let message = "We're <b>on it</b>. <a href=\"https://status.example/\">More</a>";
    assert_eq!(checker.run(&["--message", message, "--endpoint", "API"]).await.code, 0);
    api.behave(Behavior::ok());
    let last = checker.run(&[]).await;
    assert_eq!(last.code, 0, "{}", last.output());
    api.behave(Behavior::Answer("503 Service Unavailable", String::new()));
    let mut config = watching(&[check("Broken", &api.url)], &bucket.storage());
    config["every"] = json!("1m");
    checker.configure(&config);
    assert_eq!(checker.run(&[]).await.code, 0);

    let store = &ministack::server().url;
    let reader = ministack::reader(&bucket.name).await;
    let caddy = Caddy::start(store).await;
    let mut page_config = bucket.page_config(Some(&reader));
    page_config.title = "The state of Example".to_owned();
    caddy.configure(&page_config.to_json());
    let browser = Browser::open().await;
    let page = page::visit(&browser, &caddy.url).await;

    page.assert_clean();
    assert_eq!(page.problems(), "");
    let results = bucket.all_results().await;
    assert_eq!(page.loaded(), bucket.check_files().await.len() as u64);
    assert_eq!(page.endpoints().len(), 4);
    for title in ["Shop", "API", "Slow <search>", "Broken"] {
        assert_shows(&page.endpoint(title), &of(&results, title));
    }
    assert_eq!(
        (page.text_of("state"), page.endpoint("API").text_of("status")),
        ("down".to_owned(), "healthy".to_owned())
    );
    assert_eq!(page.endpoint("Shop").text_of("uptime").split_whitespace().next(), Some("100%"));
    assert!(page.text_of("title").contains("The state of Example"), "{}", page.text_of("title"));
    assert!(page.text_of("freshness").len() > 4, "the last check is dated: {}", page.text_of("freshness"));

    let (text, html) = page.messages().into_iter().next().expect("the message is shown");
    assert!(text.contains("We're on it. More"), "{text}");
    assert!(html.contains("<b>") && html.contains("href=\"https://status.example/\""), "{html}");
    assert!(page.events("message").iter().any(|event| event.contains("We're on it")), "{:?}", page.0["events"]);
    let recovered = page.events("status").iter().any(|event| event.contains("API") && event.contains("until"));
    assert!(recovered, "the timeline has the recovery of the API: {:?}", page.events("status"));

    for request in page.requests() {
        let known = request.starts_with(&caddy.url) || request.starts_with(&format!("{store}/{}/", bucket.name));
        assert!(known, "{request} goes to a third party");
        assert!(!request.contains(&reader.secret), "the key itself is never sent");
    }
    assert!(page.requests().iter().any(|request| request.contains("X-Amz-Signature")), "requests are signed");
}

#[tokio::test]
async fn figures_and_bars_cover_the_time_of_the_stored_results() {
    let bucket = Bucket::new().await;
    // Three hours of checks, one per minute, that ended two hours ago and include a half-hour outage.
    let begin = (now() / HOUR - 5) * HOUR;
    let node = NodeName::new("eu-west").expect("it is a name");
    let mut results = Vec::new();
    for minute in 0..180 {
        let at = begin + minute * MINUTE;
        let down = (60..90).contains(&minute);
        let result = CheckResult {
            title: "Shop".to_owned(),
            locator: "https://shop.example/".to_owned(),
            timestamp: at,
            attempts: vec![Attempt {
                rtt: 50_000_000 + minute * 1_000_000,
                error: down.then(|| "connection refused".to_owned()),
                ..Attempt::default()
            }],
            status: if down { Status::Down } else { Status::Healthy },
            node: Some(node.clone()),
            interval: Some(MINUTE),
            ..CheckResult::default()
        };
        let name = CheckFileName { stored_at: at + 1, node: Some(node.clone()) };
        bucket.put(&format!("status/{name}"), write_check_file(std::slice::from_ref(&result))).await;
        results.push(result);
    }

    // The page ignores heartbeats, which are stored next to check files.
    bucket.put("status/heartbeats/backup.json", "{}".to_owned()).await;
    let reader = ministack::reader(&bucket.name).await;
    let (_caddy, browser, page) = open_page(&bucket, Some(&reader)).await;
    assert_eq!(page.problems(), "");

    let all: Vec<&CheckResult> = results.iter().collect();
    let shop = page.endpoint("Shop");
    let bars = shop.0["bars"].as_array().cloned().unwrap_or_default();
    assert!(bars.len() >= 24, "{} bars", bars.len());
    // All bars together are a single tab stop.
    let stops = browser.script(r#"return document.querySelectorAll('.strip[tabindex="0"]').length"#).await;
    assert_eq!(stops, 1);
    let edge = |bar: &Value, name: &str| bar[name].as_str().and_then(|text| text.parse::<i64>().ok()).expect("a time");
    // Figures and bars cover the same period: one day, from the start of the first bar.
    let from = edge(&bars[0], "start");
    assert!((now() - from - DAY).abs() <= HOUR, "{from}");
    let breakdown = breakdown(&all, from, now());
    let uptime = breakdown.uptime().expect("some time was observed").percent();
    // The time before the first check does not count as unobserved.
    let first = results.iter().map(|result| result.timestamp).min().expect("there are results");
    let since_first = self::breakdown(&all, first, now());
    let coverage = since_first.coverage().expect("the period is not empty").percent();
    assert_eq!((uptime.as_str(), breakdown.down), ("83.37%", 30 * MINUTE), "150.5 of 180.5 minutes");
    assert!(shop.text_of("uptime").contains(&uptime), "`{uptime}` is not in `{}`", shop.text_of("uptime"));
    assert!(shop.text_of("coverage").contains(&coverage), "`{coverage}` is not in `{}`", shop.text_of("coverage"));
    assert_eq!((shop.points(), page.loaded()), (180, 180));

    // There have been no checks for two hours, so nothing on the page shows a healthy status.
    assert_eq!((page.text_of("state"), shop.text_of("status")), ("unknown".to_owned(), "unknown".to_owned()));
    for bar in bars {
        let of_bar = breakdown_of(&all, edge(&bar, "start"), edge(&bar, "end"));
        assert_eq!(bar["status"], of_bar.worst().as_str(), "a bar shows the worst status of its time: {bar}");
        let label = bar["label"].as_str().unwrap_or_default();
        match of_bar.worst() {
            Status::Down => assert!(label.contains("down") && label.contains("connection refused"), "{label}"),
            Status::Healthy => assert!(label.contains("100% up"), "{label}"),
            _ => assert!(!label.contains("up"), "unobserved time is unknown: {label}"),
        }
    }
    let outages: Vec<String> = page.events("status").into_iter().filter(|event| event.contains("down")).collect();
    assert_eq!(outages.len(), 1, "one outage is one entry: {:?}", page.events("status"));
    assert!(outages[0].contains("30 min") && outages[0].contains("connection refused"), "{}", outages[0]);
}

/// Computes the uptime breakdown for part of the period.
fn breakdown_of(results: &[&CheckResult], from: UnixNanos, to: UnixNanos) -> UptimeBreakdown {
    let seen = results.iter();
    let seen =
        seen.map(|result| Observation { at: result.timestamp, status: result.status, interval: result.interval });
    UptimeBreakdown::from_spans(&spans(seen.collect(), now()), from, to)
}

#[tokio::test]
async fn the_page_follows_the_results_of_serve_without_a_reload() {
    let shop = Endpoint::start(Behavior::ok()).await;
    let mut config = watching(&[check_with("Shop", &shop.url, json!({ "attempts": 2 }))], &directory());
    config["every"] = json!("1s");
    config["page"] = json!({ "title": "Here", "range": "1h", "refresh": "5s", "charts": "open" });
    let checker = Checker::new(&config);
    let served = checker.serve(&[]).await;
    let stored = || async { (checker.check_files("checks").len() >= 2).then_some(()) };
    wait_for("two rounds", stored).await;

    let browser = Browser::open().await;
    page::visit(&browser, &served.url).await;
    // Results that arrive during a slow write are stored together, so one file can have two points.
    let drawn = |page: &Page| page.loaded() >= 2 && page.endpoint("Shop").points() as u64 >= page.loaded();
    let page = page::when(&browser, "a point of each file", drawn).await;
    assert_eq!(
        (page.text_of("state"), page.endpoint("Shop").text_of("status")),
        ("healthy".to_owned(), "healthy".to_owned())
    );
    browser.script("window.neverReloaded = true").await;

    shop.behave(Behavior::Answer("500 Internal Server Error", String::new()));
    // The overall status is drawn before the endpoints.
    let is_down = |page: &Page| page.text_of("state") == "down" && page.endpoint("Shop").text_of("status") == "down";
    let page = page::when(&browser, "the page to follow", is_down).await;
    let reason = page.endpoint("Shop").text_of("reason");
    assert!(reason.contains("response status 500 Internal Server Error, expected 2xx"), "{reason}");
    assert_eq!(browser.script("return window.neverReloaded").await, true);

    // Every file is requested exactly once, except for the first ones, which are included in the listing. The listing
    // itself is also requested once.
    served.program.signal("TERM");
    let stored = wait_for("the checker to stop", || async {
        let before = checker.check_files("checks");
        (!support::http_client::is_reachable(&served.url).await).then_some(before)
    })
    .await;
    let files: Vec<String> = page.requests().into_iter().filter(|request| request.ends_with("-check.json")).collect();
    let distinct: std::collections::BTreeSet<&String> = files.iter().collect();
    assert_eq!(files.len(), distinct.len(), "each file is requested once");
    let came_along = page.loaded() - files.len() as u64;
    assert!(came_along >= 2, "{came_along} of {} were included in the listing", page.loaded());
    let lists = page.requests().into_iter().filter(|request| request.ends_with("&with=results")).count();
    assert_eq!(lists, 1);
    assert!(page.loaded() <= stored.len() as u64);
    page.assert_clean();
    for request in page.requests() {
        assert!(request.starts_with(&served.url), "{request} goes to a third party");
    }
}

#[tokio::test]
async fn a_public_bucket_needs_no_key() {
    let bucket = Bucket::new().await;
    bucket.open_to_everyone().await;
    let shop = Endpoint::start(Behavior::ok()).await;
    let checker = Checker::new(&watching(&[check("Shop", &shop.url)], &bucket.storage()));
    assert_eq!(checker.run(&[]).await.code, 0);
    let (_caddy, _browser, page) = open_page(&bucket, None).await;
    assert_eq!((page.text_of("state").as_str(), page.loaded()), ("healthy", 1));
    assert!(page.requests().iter().all(|request| !request.contains("X-Amz-")), "{:?}", page.requests());
}

#[tokio::test]
async fn a_listing_of_several_pages_is_read_completely() {
    let bucket = Bucket::new().await;
    let begin = now() - 20 * HOUR;
    let content = |at| {
        format!(
            r#"[{{"title":"Shop","endpoint":"http://shop.example/","timestamp":{at},"times":[{{"rtt":1000000}}],"healthy":true}}]"#
        )
    };
    let files: Vec<(String, String)> = (0..1_050)
        .map(|number| {
            let at = begin + number * MINUTE;
            let name = CheckFileName { stored_at: at, node: NodeName::new("eu").ok() };
            (format!("status/{name}"), content(at))
        })
        .collect();
    bucket.put_each(files).await;
    let reader = ministack::reader(&bucket.name).await;
    let (_caddy, _browser, page) = open_page(&bucket, Some(&reader)).await;
    assert_eq!(page.loaded(), 1_050);
}

#[tokio::test]
async fn several_nodes_vote_on_one_status() {
    let bucket = Bucket::new().await;
    let shop = Endpoint::start(Behavior::ok()).await;
    let checker = Checker::new(&watching(&[check("Shop", &shop.url)], &bucket.storage()));
    for node in ["eu-west", "us-east"] {
        assert_eq!(checker.run(&["--node", node]).await.code, 0);
    }
    shop.behave(Behavior::Answer("500 Internal Server Error", String::new()));
    assert_eq!(checker.run(&["--node", "asia"]).await.code, 0);
    let reader = ministack::reader(&bucket.name).await;
    let (_caddy, _browser, page) = open_page(&bucket, Some(&reader)).await;
    assert_eq!(page.endpoints().len(), 1, "one endpoint, checked by three nodes");
    let statuses = [Status::Healthy, Status::Healthy, Status::Down];
    let verdict = shared::quorum::Quorum::default().decide(statuses);
    assert_eq!(page.endpoint("Shop").text_of("status"), verdict.as_str());
}

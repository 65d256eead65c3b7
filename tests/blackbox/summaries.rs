//! Summaries and badges for clients without JavaScript, in both types of store, served by `checker serve` and by Caddy,
//! and opened in a real browser.

use serde_json::{Value, json};
use shared::MINUTE;
use shared::status::Status;
use shared::summary::Summary;
use support::browser::Browser;
use support::bucket::Bucket;
use support::caddy::{Caddy, copy_folder};
use support::checker::Checker;
use support::configuration::{check, directory, watching};
use support::endpoints::{Behavior, Endpoint, refused};
use support::{http_client, ministack};

/// A title that runs a script unless it is escaped.
const HOSTILE: &str = "</text></table><script>canary()</script>&\"'<b onload=x>";

fn summary(content: &str) -> Summary {
    Summary::parse(content.as_bytes()).unwrap_or_else(|| panic!("it is not a summary: {content}"))
}

/// Reads a node's summary from a checker's directory.
fn stored_summary(checker: &Checker, node: &str) -> Summary {
    let content = std::fs::read_to_string(checker.path(&format!("checks/0-summary/{node}.json")));
    summary(&content.expect("it exists"))
}

#[tokio::test]
async fn a_bucket_gets_summaries_and_badges_with_types_and_lifetimes() {
    let bucket = Bucket::new().await;
    let ok = Endpoint::start(Behavior::ok()).await;
    let mut config = watching(&[check("Billing API", &ok.url), check("Shop", &refused())], &bucket.storage());
    config["page"] = json!({ "title": "My status" });
    let checker = Checker::new(&config);
    let run = checker.run(&[]).await;
    assert_eq!((run.code, run.stderr.as_str()), (0, ""));
    for (name, content_type, words) in [
        ("0-summary/test-node.json", "application/json", "\"status\":\"down\""),
        ("0-summary/test-node.html", "text/html; charset=utf-8", "1 of 2 services is down"),
        ("0-badge/test-node/Billing__API.svg", "image/svg+xml", "Billing API: healthy, last checked "),
        ("0-badge/test-node/Shop.svg", "image/svg+xml", "Shop: down, last checked "),
        ("0-badge/test-node/_overall.svg", "image/svg+xml", "My status: down, last checked "),
    ] {
        let key = format!("status/{name}");
        let content = bucket.get(&key).await;
        assert!(content.contains(words), "`{words}` is not in {name}:\n{content}");
        assert_eq!(bucket.headers(&key).await, (content_type.to_owned(), "public, max-age=60".to_owned()), "{name}");
    }
    let summary = summary(&bucket.get("status/0-summary/test-node.json").await);
    let round = &bucket.all_results().await;
    assert_eq!(
        summary.endpoints.iter().filter_map(|summary| summary.checked).max(),
        round.iter().map(|result| result.timestamp).max()
    );

    config["summaries"] = json!(false);
    config["node"] = json!("silent");
    checker.configure(&config);
    assert_eq!(checker.run(&[]).await.code, 0);
    let keys = bucket.keys().await;
    assert!(keys.iter().any(|key| key.contains("history/silent")), "{keys:?}");
    assert!(!keys.iter().any(|key| key.contains("0-summary/silent") || key.contains("0-badge/silent")), "{keys:?}");
}

#[tokio::test]
async fn a_writer_without_permission_for_summaries_still_stores_rounds() {
    let bucket = Bucket::new().await;
    let arn = |names: &str| format!("arn:aws:s3:::{}{names}", bucket.name);
    let rights = json!({ "Version": "2012-10-17", "Statement": [
        { "Effect": "Allow", "Action": ["s3:ListBucket", "s3:GetObject"], "Resource": [arn(""), arn("/*")] },
        { "Effect": "Allow", "Action": "s3:PutObject", "Resource": [arn("/status/*-check.json"), arn("/status/history/*")] },
    ] });
    let old = ministack::user(&format!("{}-old", bucket.name), &rights).await;
    let mut storage = bucket.storage();
    storage["access_key_id"] = json!(old.id);
    storage["secret_access_key"] = json!(old.secret);
    let ok = Endpoint::start(Behavior::ok()).await;
    let run = Checker::new(&watching(&[check("Shop", &ok.url)], &storage)).run(&[]).await;
    assert_eq!((run.code, bucket.check_files().await.len()), (0, 1), "{}", run.output());
    for words in ["warning: summary not updated", "s3:PutObject", "set `summaries` to `false`"] {
        assert!(run.stderr.contains(words), "`{words}` is not in:\n{}", run.stderr);
    }
}

#[tokio::test]
async fn unchecked_endpoints_become_unknown_and_summaries_are_kept() {
    let ok = Endpoint::start(Behavior::ok()).await;
    let mut config = watching(&[check("Shop", &ok.url)], &directory());
    (config["node"], config["every"]) = (json!("gone"), json!("1m"));
    config["storage"]["check_expiry"] = json!("1h");
    let checker = Checker::new(&config);
    let before = checker.call_with_clock(&["run", "-c", "checker.json"], "-2h", |_| {}).await;
    assert_eq!(before.code, 0, "{}", before.output());
    assert_eq!(stored_summary(&checker, "gone").status, Status::Healthy);

    config["node"] = json!("here");
    config["checkers"] = json!([check("Billing", &ok.url)]);
    checker.configure(&config);
    assert_eq!(checker.run(&[]).await.code, 0);
    let here = stored_summary(&checker, "here");
    let statuses: Vec<_> = here
        .endpoints
        .iter()
        .map(|summary| (summary.title.as_str(), summary.status_word(), summary.badge.is_some()))
        .collect();
    assert_eq!(statuses, [("Billing", "healthy", true), ("Shop", "unknown", false)]);
    assert!(here.endpoints[1].since.is_some_and(|since| since < support::now() - 60 * MINUTE));
    assert_eq!(
        stored_summary(&checker, "gone").status,
        Status::Healthy,
        "a node does not change another node's summary, and its time shows its age"
    );

    // The silent node returns: its old round expires, and its old summary is kept until a new one replaces it.
    config["node"] = json!("gone");
    config["checkers"] = json!([check("Shop", &refused())]);
    checker.configure(&config);
    let back = checker.run(&[]).await;
    assert!(back.stdout.contains("removed 1 expired check file"), "{}", back.output());
    for name in ["gone", "here"] {
        for file in [format!("0-summary/{name}.html"), format!("0-badge/{name}/_overall.svg")] {
            assert!(checker.path(&format!("checks/{file}")).exists(), "{file}");
        }
    }
    assert!(
        std::fs::read_to_string(checker.path("checks/0-badge/gone/Shop.svg"))
            .is_ok_and(|svg| svg.contains("Shop: down"))
    );
}

#[tokio::test]
async fn caddy_caches_summaries_for_a_minute_and_escapes_titles() {
    let ok = Endpoint::start(Behavior::ok()).await;
    // The second title resembles a file name with a content hash.
    let checks = [check(HOSTILE, &ok.url), check("node-0123456789ab", &ok.url)];
    let checker = Checker::new(&watching(&checks, &directory()));
    assert_eq!(checker.run(&[]).await.code, 0);
    let caddy = Caddy::start("").await;
    copy_folder(&checker.path("checks"), &caddy.site.path().join("checks"));
    let summary = stored_summary(&checker, "test-node");
    let badge = |index: usize| format!("checks/{}", summary.endpoints[index].badge.clone().expect("it has one"));
    let badges = [badge(0), badge(1)];
    for (path, content_type) in [
        ("checks/0-summary/test-node.json", "application/json"),
        ("checks/0-summary/test-node.html", "text/html; charset=utf-8"),
        (badges[0].as_str(), "image/svg+xml"),
        (badges[1].as_str(), "image/svg+xml"),
        ("checks/0-badge/test-node/_overall.svg", "image/svg+xml"),
    ] {
        let answer = http_client::get(&format!("{}{path}", caddy.url)).await;
        assert_eq!((answer.status, answer.header("content-type")), (200, content_type), "{path}");
        assert_eq!(answer.header("cache-control"), "public, max-age=60", "{path}");
    }
    let led = http_client::get(&format!("{}summary.html", caddy.url)).await;
    assert_eq!((led.status, led.header("location")), (302, "/checks/0-summary/test-node.html"));

    let browser = Browser::open().await;
    browser.visit(&format!("{}summary.html", caddy.url)).await;
    let titles = "return [...document.querySelectorAll('tbody th')].map(cell => cell.textContent)";
    assert_eq!(browser.script(titles).await, json!([HOSTILE, "node-0123456789ab"]));
    let harmless = "return [witness.canary, witness.violations.length,\
                    document.querySelectorAll('script, b[onload], parsererror').length]";
    assert_eq!(browser.script(harmless).await, json!([0, 0, 0]));
    browser.visit(&format!("{}{}", caddy.url, badges[0])).await;
    assert_eq!(browser.script(harmless).await, json!([0, 0, 0]));
    let title = browser.script("return document.querySelector('title').textContent").await;
    assert!(title.as_str().is_some_and(|title| title.starts_with("</text></table><script>")), "{title}");
    let fits = "const box = document.documentElement.getBoundingClientRect();\
                return [...document.querySelectorAll('text')].every(text => text.getBoundingClientRect().right <= box.right)";
    assert_eq!(browser.script(fits).await, Value::Bool(true));
}

#[tokio::test]
async fn without_javascript_a_link_leads_to_the_summary() {
    let ok = Endpoint::start(Behavior::ok()).await;
    let checker = Checker::new(&watching(&[check("Shop", &ok.url)], &directory()));
    let served = checker.serve(&[]).await;
    served.until_summed_up().await;
    let badge = http_client::get(&format!("{}badge/Shop.svg", served.url)).await;
    assert_eq!((badge.status, badge.header("content-type")), (200, "image/svg+xml"));
    assert_eq!(http_client::get(&format!("{}badge/Shopp.svg", served.url)).await.status, 404);

    let browser = Browser::open().await;
    browser.devtools("Emulation.setScriptExecutionDisabled", json!({ "value": true })).await;
    browser.visit(&served.url).await;
    let link = browser.script("return document.querySelector('noscript a').href").await;
    assert_eq!(link, json!(format!("{}summary.html", served.url)));
    let boot = browser.script("return document.getElementById('boot').checkVisibility()").await;
    assert_eq!(boot, false, "the page is not loading");
    browser.visit(link.as_str().expect("it is text")).await;
    let row = browser.script("return document.querySelector('tbody tr').textContent").await;
    assert!(row.as_str().is_some_and(|row| row.starts_with("Shop● healthy")), "{row}");
}

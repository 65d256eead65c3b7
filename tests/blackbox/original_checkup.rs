//! Migration from the original Checkup: the page shows its files, and the checker loads its configuration.

use serde_json::{Value, json};
use shared::SECOND;
use shared::check_file::{CheckFile, CheckResult};
use shared::object_name::CheckFileName;
use shared::page_config::{PageConfig, Source};
use shared::status::Status;
use support::browser::Browser;
use support::caddy::Caddy;
use support::checker::Checker;
use support::configuration::{check, directory, watching};
use support::endpoints::{Behavior, Endpoint};
use support::page::{self, Page};
use support::root;

const FILES: [&str; 3] =
    ["1795330254340493978-check.json", "1795330255356052177-check.json", "1795330256374067482-check.json"];

fn golden(name: &str) -> String {
    std::fs::read_to_string(root().join("shared/golden").join(name)).expect("the sample is present")
}

/// The last results that the original Checkup wrote.
fn last_results() -> Vec<CheckResult> {
    CheckFile::parse(golden(FILES[2]).as_bytes()).expect("the original wrote it").results
}

/// Opens the page for the original Checkup's directory, with the clock one second after the last file was stored. The
/// original stored one file per second.
async fn page_of_the_original(browser: &Browser, url: &str) -> Page {
    let last = CheckFileName::parse(FILES[2]).expect("it is a name");
    browser.stop_clock(last.stored_at + SECOND).await;
    page::visit(browser, url).await
}

fn assert_shows_the_original(page: &Page) {
    page.assert_clean();
    let results = last_results();
    assert_eq!((page.endpoints().len(), results.len()), (10, 10));
    for result in &results {
        let shown = page.endpoint(&result.title);
        assert_eq!(shown.text_of("locator"), result.locator);
        assert_eq!(shown.text_of("status"), result.status.as_str(), "{}", result.title);
        assert_eq!(shown.points(), 3);
        let reason = shown.text_of("reason");
        if result.status <= Status::Healthy {
            assert_eq!(reason, "");
            continue;
        }
        let stored = result.reason().expect("the original has a reason");
        if stored.starts_with("median round trip time exceeded threshold") {
            assert!(reason.starts_with("Slow: median "), "{reason}");
        } else {
            let stored = stored.split_whitespace().collect::<Vec<_>>().join(" ");
            assert!(reason.contains(&stored), "`{stored}` is not in `{reason}`");
        }
    }
    assert_eq!(page.text_of("state"), "down");
    let messages: Vec<String> = page.events("message");
    assert!(messages.iter().any(|text| text.contains("We're investigating connectivity issues.")), "{messages:?}");
}

#[tokio::test]
async fn the_originals_files_are_shown_unchanged() {
    let caddy = Caddy::start("").await;
    let store = caddy.site.path().join("store");
    std::fs::create_dir(&store).expect("the folder can be created");
    for name in FILES.iter().chain(&["index.json"]) {
        std::fs::write(store.join(name), golden(name)).expect("the file can be written");
    }
    caddy.configure(&PageConfig::new(Source::Http { url: "store/".to_owned() }).to_json());
    let browser = Browser::open().await;
    let page = page_of_the_original(&browser, &caddy.url).await;
    assert_eq!((page.problems().as_str(), page.loaded()), ("", 3));
    assert_shows_the_original(&page);
}

#[tokio::test]
async fn the_originals_directory_is_served_and_used_as_a_store() {
    let shop = Endpoint::start(Behavior::ok()).await;
    let mut config = watching(&[check("New", &shop.url)], &directory());
    config["page"] = json!({ "charts": "open" });
    let checker = Checker::new(&config);
    std::fs::create_dir(checker.path("checks")).expect("the folder can be created");
    for name in FILES.iter().chain(&["index.json"]) {
        checker.write(&format!("checks/{name}"), &golden(name));
    }
    let served = checker.serve(&[]).await;
    let stored = || async { (checker.check_files("checks").len() == 4).then_some(()) };
    support::wait_for("a round next to the original's", stored).await;
    let browser = Browser::open().await;
    // According to the page's clock, today's round is in the future.
    let page = page_of_the_original(&browser, &served.url).await;
    assert!(page.problems().starts_with("Ignored 1 result from the future"), "{}", page.problems());
    assert_shows_the_original(&page);
    for name in FILES {
        let now = std::fs::read_to_string(checker.path("checks").join(name)).expect("it exists");
        assert_eq!(now, golden(name), "the original's files are not modified");
    }
    assert_eq!(support::checker::index(&checker.path("checks")), checker.check_files("checks"));
}

#[tokio::test]
async fn an_original_configuration_with_http_checks_runs_unchanged() {
    let shop = Endpoint::start(Behavior::ok()).await;
    let config = json!({
        "checkers": [
            { "type": "http", "endpoint_name": "Shop", "endpoint_url": shop.url, "attempts": 5, "threshold_rtt": 500_000_000,
              "attempt_spacing": 1_000_000, "headers": { "X-From": ["checkup"] } },
            { "type": "http", "endpoint_name": "Needs text", "endpoint_url": shop.url, "attempts": 2, "must_contain": "absent" },
        ],
        "concurrent_checks": 2,
        "timestamp": "2026-11-22T12:00:00Z",
        "storage": { "provider": "fs", "dir": "checks", "check_expiry": 604_800_000_000_000_i64 },
    });
    let checker = Checker::new(&json!({}));
    checker.write("checkup.json", &config.to_string());
    let run = checker.call(&["run", "-c", "checkup.json"]).await;
    assert_eq!(run.code, 0, "{}", run.output());
    let results = checker.all_results("checks");
    let statuses: Vec<_> =
        results.iter().map(|result| (result.title.as_str(), result.status, result.attempts.len())).collect();
    assert_eq!(statuses, [("Shop", Status::Healthy, 5), ("Needs text", Status::Down, 2)]);
    assert!(results.iter().all(|result| result.timestamp == 1_795_348_800_000_000_000), "{results:?}");
}

#[tokio::test]
async fn an_original_configuration_with_all_types_runs_unchanged() {
    let checker = Checker::new(&json!({}));
    checker.write("checkup.json", &golden("checkup.json"));
    let valid = checker.call(&["validate", "-c", "checkup.json"]).await;
    assert_eq!((valid.code, valid.stdout.as_str()), (0, ""), "{}", valid.output());
    let run = checker.call(&["run", "-c", "checkup.json", "--format", "json"]).await;
    assert_eq!(run.code, 0, "{}", run.output());
    assert!(!run.output().contains("not supported yet"), "{}", run.output());
    let results = run.results();
    let kinds: Vec<_> = results.iter().filter_map(|result| result.kind.as_deref()).collect();
    assert_eq!(kinds, ["http", "http", "http", "http", "http", "tcp", "tcp", "exec", "exec", "tls"]);
    let of = |title: &str| results.iter().find(|result| result.title == title).map(|result| result.status);
    assert_eq!(of("TCP closed"), Some(Status::Down));
    assert_eq!((of("Exec ok"), of("Exec warn")), (Some(Status::Healthy), Some(Status::Degraded)));
}

/// Computes the median in the same way as the original Checkup's page, which fails if a result has no attempts, and
/// then shows nothing at all.
fn median_of_the_original(result: &Value) -> i64 {
    let times = result["times"].as_array().unwrap_or_else(|| panic!("no attempts in {result}"));
    let mut rtts: Vec<i64> = times.iter().map(|attempt| attempt["rtt"].as_i64().expect("a time")).collect();
    rtts.sort_unstable();
    let half = rtts.len() / 2;
    if rtts.len().is_multiple_of(2) { i64::midpoint(rtts[half - 1], rtts[half]) } else { rtts[half] }
}

#[tokio::test]
async fn the_originals_page_can_compute_statistics_of_unknown_results() {
    let checker = Checker::new(&watching(
        &[
            json!({ "type": "exec", "name": "works", "command": "true" }),
            json!({ "type": "http", "endpoint_name": "invalid", "endpoint_url": "htp://a" }),
            json!({ "type": "tls", "endpoint_name": "no authorities", "endpoint_url": "127.0.0.1:9", "trusted_roots": ["gone.pem"] }),
        ],
        &directory(),
    ));
    let run = checker.run(&[]).await;
    assert_eq!(run.code, 0, "{}", run.output());
    let file = checker.check_files("checks").pop().expect("a round is stored");
    let content = std::fs::read_to_string(checker.path("checks").join(file.to_string())).expect("it exists");
    let results: Vec<Value> = serde_json::from_str(&content).expect("it is JSON");
    let medians: Vec<i64> = results.iter().map(median_of_the_original).collect();
    assert!(medians[0] > 0 && medians[1..] == [0, 0], "{content}");
    assert!(results[1]["times"][0]["error"].as_str().is_some_and(|error| error.contains("htp://a")), "{content}");
    // The attempts of unknown results are stored only for the original Checkup's page, and are ignored when they are
    // read back.
    let results = checker.all_results("checks");
    let attempts: Vec<_> = results.iter().map(|result| (result.status, result.attempts.len())).collect();
    assert_eq!(attempts, [(Status::Healthy, 1), (Status::Unknown, 0), (Status::Unknown, 0)]);
}

#[tokio::test]
async fn an_original_configuration_with_gos_zero_values_and_shell_variables_runs_unchanged() {
    let checker = Checker::new(&json!({}));
    let config = r#"{"timestamp":"0001-01-01T00:00:00Z","concurrent_checks":0,"notifier":null,"Storage":{"provider":"fs","dir":"checks","url":null},
        "checkers":[
            {"type":"exec","name":"Shell","command":"sh","arguments":["-c","test $$ -gt 1 && for i in a b; do echo \"<${i}>\"; done"],"must_contain":"<b>","raise":"fatal"},
            {"type":"exec","Command":"true","attempts":-1},
            {"type":"tcp","endpoint_url":"127.0.0.1:9","timeout":0,"tls_ca_file":""}
        ]}"#;
    checker.write("checkup.json", config);
    let run = checker.call(&["run", "-c", "checkup.json"]).await;
    assert_eq!(run.code, 0, "{}", run.output());
    let results = checker.all_results("checks");
    let statuses: Vec<_> = results.iter().map(|result| (result.title.as_str(), result.status)).collect();
    let expected = [("Shell", Status::Healthy), ("true", Status::Healthy), ("127.0.0.1:9", Status::Down)];
    assert_eq!(statuses, expected, "{}", run.output());
    // With a different name, the same file is validated strictly.
    checker.write("checker.json", config);
    let valid = checker.call(&["validate", "-c", "checker.json"]).await;
    assert_eq!(valid.code, 1, "{}", valid.output());
    assert!(valid.stdout.contains("did you mean `storage`?"), "{}", valid.output());
}

#[tokio::test]
async fn an_invalid_check_is_named_and_does_not_affect_others() {
    let checker = Checker::new(&watching(
        &[
            json!({ "type": "exec", "name": "works", "command": "true" }),
            json!({ "type": "tls", "endpoint_name": "no authorities", "endpoint_url": "127.0.0.1:9", "trusted_roots": ["gone.pem"] }),
            json!({ "type": "exec", "name": "no command", "command": "./gone.sh" }),
        ],
        &directory(),
    ));
    let valid = checker.call(&["validate", "-c", "checker.json"]).await;
    assert_eq!(valid.code, 1, "{}", valid.output());
    for words in [["`no authorities`", "gone.pem"], ["`no command`", "gone.sh"]] {
        let named = valid.stdout.lines().any(|line| words.iter().all(|word| line.contains(word)));
        assert!(named, "{words:?} is not in one line of:\n{}", valid.output());
    }
    let results = checker.run(&["--format", "json"]).await.results();
    let statuses: Vec<_> = results.iter().map(|result| result.status).collect();
    assert_eq!(statuses, [Status::Healthy, Status::Unknown, Status::Down], "{results:?}");
    assert!(results[1].notice.contains("gone.pem"), "{results:?}");
}

//! Hostile nodes: their objects neither hide nor outvote the results of other nodes, and invalid objects are reported
//! by name.

use serde_json::{Value, json};
use shared::object_name::{CheckFileName, INDEX, NodeName};
use shared::page_config::{PageConfig, Source};
use shared::{DAY, MINUTE};
use support::browser::Browser;
use support::caddy::Caddy;
use support::checker::Checker;
use support::fake_nodes::{FakeNodes, Outage, into_directory};
use support::page::{self, Page};
use support::{http_client, now, page_directory, wait_for};

fn name(node: &str, at: i64) -> String {
    CheckFileName { stored_at: at, node: NodeName::new(node).ok() }.to_string()
}

/// A check file with the results of endpoints that were checked a minute ago.
fn file(titles: impl IntoIterator<Item = String>, status: &str) -> String {
    let results: Vec<Value> = titles
        .into_iter()
        .map(|title| json!({ "title": title, "timestamp": now() - MINUTE, "times": [{ "rtt": 1_000_000 }], status: true, "interval": 5 * MINUTE }))
        .collect();
    json!(results).to_string()
}

/// Opens the page for a directory with these objects, behind a plain web server.
async fn visit(objects: &[(String, String)], index: Option<&str>) -> (Browser, Caddy, Page) {
    let caddy = Caddy::start("").await;
    let store = caddy.site.path().join("store");
    std::fs::create_dir(&store).expect("the folder can be created");
    for (name, content) in objects {
        std::fs::write(store.join(name), content).expect("the file can be written");
    }
    let names: serde_json::Map<String, Value> = objects.iter().map(|(name, _)| (name.clone(), json!(0))).collect();
    let names = json!(names).to_string();
    std::fs::write(store.join(INDEX), index.unwrap_or(&names)).expect("the file can be written");
    caddy.configure(&PageConfig::new(Source::Http { url: "store/".to_owned() }).to_json());
    let browser = Browser::open().await;
    let page = page::visit(&browser, &caddy.url).await;
    page.assert_clean();
    (browser, caddy, page)
}

/// A checker that has no checks and whose store has these objects.
fn reader(objects: &[(String, String)]) -> Checker {
    let checker = Checker::new(&json!({ "storage": { "type": "fs", "dir": "checks" }, "checkers": [] }));
    for (name, content) in objects {
        let path = checker.path("checks").join(name);
        std::fs::create_dir_all(path.parent().expect("it has a folder")).expect("the folder can be created");
        std::fs::write(path, content).expect("the file can be written");
    }
    checker
}

fn flood(count: usize) -> (String, String) {
    (name("flood", now() - MINUTE), file((0..count).map(|number| format!("Flood {number}")), "healthy"))
}

#[tokio::test]
async fn ten_thousand_endpoints_from_one_node_do_not_hide_an_outage() {
    let outage = (name("eu-west", now() - 2 * MINUTE), file(["Shop".to_owned()], "down"));
    let objects = [flood(10_050), outage];
    let (_browser, _caddy, page) = visit(&objects, None).await;
    assert_eq!((page.text_of("state").as_str(), page.endpoint("Shop").text_of("status").as_str()), ("down", "down"));
    let headline = page.text_of("overall");
    assert!(headline.contains("Shop has been down") && !headline.contains("All "), "{headline}");
    assert!(page.problems().contains("flood reported more services than this page can show"), "{}", page.problems());
    let status = reader(&objects).call(&["status", "-c", "checker.json", "--format", "json"]).await;
    let status: Value = serde_json::from_str(&status.stdout).expect("it is JSON");
    assert_eq!((&status["status"], &status["counts"]["healthy"]), (&json!("down"), &json!(10_050)));
}

#[tokio::test]
async fn a_page_that_cannot_show_everything_never_claims_to() {
    let (_browser, _caddy, page) = visit(&[flood(10_050)], None).await;
    let headline = page.text_of("overall");
    assert!(headline.contains("At least 10,050 services; the first 10,000 are shown"), "{headline}");
    assert_eq!(page.text_of("state"), "unknown");
    assert!(!page.text_of("text").to_lowercase().contains("all 10,000"), "neither do its groups");
}

#[tokio::test]
async fn many_node_names_make_the_page_incomplete() {
    let nodes = (0..300).map(|number| {
        let node = format!("node-{number:03}");
        (name(&node, now() - 2 * MINUTE), file(["Shop".to_owned()], "healthy"))
    });
    let (_browser, _caddy, page) = visit(&nodes.collect::<Vec<_>>(), None).await;
    assert_eq!(
        (page.text_of("state").as_str(), page.endpoint("Shop").text_of("status").as_str()),
        ("unknown", "healthy")
    );
    assert!(page.text_of("overall").contains("Incomplete: 1 service is healthy"), "{}", page.text_of("overall"));
    assert!(page.problems().contains("more than 200 locations"), "{}", page.problems());
}

#[tokio::test]
async fn a_file_without_a_node_does_not_vote_for_nodes() {
    let forged: Vec<Value> = (0..5)
        .map(|number| json!({ "title": "Shop", "timestamp": now() - MINUTE, "healthy": true, "node": format!("n-{number}"), "interval": 5 * MINUTE }))
        .collect();
    let unnamed = CheckFileName { stored_at: now() - MINUTE, node: None }.to_string();
    let mut objects = vec![(unnamed, json!(forged).to_string())];
    objects.extend(["eu", "us"].map(|node| (name(node, now() - MINUTE), file(["Shop".to_owned()], "down"))));
    let (_browser, _caddy, page) = visit(&objects, None).await;
    assert_eq!(page.endpoint("Shop").text_of("status"), "down", "two of three nodes report it down");
}

#[tokio::test]
async fn a_hostile_check_file_behind_serve_is_named_and_hides_nothing() {
    let nested = |depth: usize| ["[".repeat(depth), "]".repeat(depth)].concat();
    let many = format!("[{}]", vec!["{}"; 2_700_000].join(","));
    let hostile = [
        (name("deep", now() - MINUTE), nested(65)),
        (name("nan", now() - MINUTE), "[{\"title\":\"A\",\"timestamp\":NaN}]".to_owned()),
        (name("many", now() - MINUTE), many),
        (name("half", now() - MINUTE), "[{\"title\":\"A\"".to_owned()),
    ];
    // An array of this depth is accepted as a check file, but contains no valid result.
    let odd = (name("odd", now() - MINUTE), nested(64));
    let good = (name("eu-west", now() - MINUTE), file(["Shop".to_owned()], "healthy"));
    let checker = reader(&[&hostile[..], &[good, odd.clone()]].concat());
    let served = checker.serve(&["--page", page_directory().to_str().expect("the path is text")]).await;
    let browser = Browser::open().await;
    let page = page::visit(&browser, &served.url).await;
    page.assert_clean();
    assert_eq!(page.endpoint("Shop").text_of("status"), "healthy");
    assert_eq!(page.text_of("state"), "unknown", "the status of four nodes is unknown: {}", page.text_of("overall"));
    for (name, _) in hostile.iter().chain([&odd]) {
        assert!(page.problems().contains(name), "{name} is not in {}", page.problems());
    }
    // The memory limit leaves room for the program itself, but not for two million results.
    let limited = ["prlimit", "--data=400000000", "--"].map(str::to_owned);
    let status = checker.call_by(&limited, &["status", "-c", "checker.json"]).await;
    assert_eq!(status.code, 0, "{}", status.output());
    for (name, _) in &hostile {
        assert!(status.stderr.contains(name), "{name} is not in {}", status.stderr);
    }
    assert!(status.stdout.contains("Shop"), "{}", status.stdout);
}

#[tokio::test]
async fn stored_texts_cannot_control_the_terminal() {
    // This text clears the screen, sets the terminal's title, and makes the following text run from right to left.
    let hostile = "\u{1b}[2J\u{1b}]0;x\u{7}\u{202e}";
    let result = json!({ "title": format!("Shop{hostile}"), "endpoint": format!("https://shop.example/{hostile}"),
        "timestamp": now() - MINUTE, "times": [{ "rtt": 1_000_000, "error": format!("refused{hostile}") }],
        "down": true, "message": format!("Hello{hostile}"), "interval": 5 * MINUTE });
    let checker = reader(&[(name("eu", now() - MINUTE), json!([result]).to_string())]);
    for range in ["24h", "30d"] {
        let status = checker.call(&["status", "-c", "checker.json", "--range", range]).await;
        assert_eq!(status.code, 0, "{}", status.output());
        assert!(status.stdout.contains("Shop") && status.stdout.contains("refused"), "{}", status.stdout);
        let is_hostile = |character: char| character.is_control() && character != '\n' || character == '\u{202e}';
        assert!(!status.output().contains(is_hostile), "{:?}", status.output());
    }
}

#[tokio::test]
async fn stored_html_runs_no_script_behind_serve() {
    let script = name("other", now() - MINUTE);
    let html = format!(
        "<!doctype html><p>shown</p><script>canary()</script><img src=\"x\" onerror=\"canary()\">\
         <script src=\"../{script}\"></script><script src=\"../0-badge/other/Shop.svg\"></script>"
    );
    let svg = "<svg xmlns=\"http://www.w3.org/2000/svg\"><script>canary()</script></svg>";
    let objects = [
        ("0-summary/other.html", html.as_str()),
        ("0-badge/other/_overall.svg", svg),
        ("0-badge/other/Shop.svg", "canary()"),
        (script.as_str(), "canary()"),
    ];
    let checker = reader(&objects.map(|(name, content)| (name.to_owned(), content.to_owned())));
    let served = checker.serve(&[]).await;
    let browser = Browser::open().await;
    for (path, content) in &objects[..2] {
        let url = format!("{}store/{path}", served.url);
        assert_eq!(http_client::get(&url).await.text(), *content, "it is served as stored");
        browser.visit(&url).await;
        let is_blocked = || async {
            let blocked = "return witness.violations.some(line => line.startsWith('script-src'))";
            (browser.script(blocked).await == true).then_some(())
        };
        wait_for("the policy to block the script", is_blocked).await;
        assert_eq!(browser.script("return witness.canary").await, 0, "{path}");
    }
}

/// Returns the objects of two nodes with histories. Both nodes report the second endpoint down.
fn two_nodes() -> Vec<(String, String)> {
    let mut nodes = FakeNodes::small(&["eu", "us"], now());
    (nodes.titles, nodes.interval, nodes.days) = (vec!["Shop", "Mail"], 5 * MINUTE, 2);
    nodes.outages = vec![Outage { endpoint: 1, nodes: 0..2, time: now() - DAY / 2..now() + DAY }];
    nodes.objects().into_iter().collect()
}

#[tokio::test]
async fn an_object_with_an_unknown_version_is_named_and_skipped() {
    for damaged in ["history/us.json", "history/us.latency.json"] {
        let mut objects = two_nodes();
        let object = objects.iter_mut().find(|(name, _)| name == damaged).expect("it exists");
        object.1 = object.1.replacen("\"version\":1", "\"version\":2", 1);
        let checker = reader(&objects);
        for range in ["24h", "30d"] {
            let words = ["status", "-c", "checker.json", "--format", "json", "--full", "--range", range];
            let status = checker.call(&words).await;
            assert_eq!(status.code, 0, "{}", status.output());
            let json: Value = serde_json::from_str(&status.stdout).expect("it is JSON");
            let statuses: Vec<&Value> =
                json["endpoints"].as_array().into_iter().flatten().map(|endpoint| &endpoint["status"]).collect();
            assert_eq!(statuses, ["healthy", "down"], "{damaged} {range}: {}", status.output());
            let is_read = !damaged.contains("latency") || range == "30d";
            assert_eq!(status.stderr.contains(damaged), is_read, "{damaged} {range}: {}", status.stderr);
        }
    }
}

#[tokio::test]
async fn a_history_applies_only_to_the_node_in_its_name() {
    let mut healthy = FakeNodes::small(&["eu", "us"], now());
    (healthy.titles, healthy.interval, healthy.days) = (vec!["Shop", "Mail"], 5 * MINUTE, 2);
    let forged = healthy.objects().remove("history/eu.json").expect("it is there");
    let mut objects = two_nodes();
    let object = objects.iter_mut().find(|(name, _)| name == "history/us.json").expect("it is there");
    assert!(forged.contains("\"node\":\"eu\""), "{forged}");
    object.1 = forged;

    let checker = reader(&objects);
    let status = checker.call(&["status", "-c", "checker.json", "--format", "json"]).await;
    assert!(status.stderr.contains("unreadable history `history/us.json`"), "{}", status.stderr);
    let status: Value = serde_json::from_str(&status.stdout).expect("it is JSON");
    let mail = status["endpoints"].as_array().into_iter().flatten().find(|endpoint| endpoint["title"] == "Mail");
    assert_eq!(mail.expect("it is an endpoint")["status"], "down", "{status}");

    let caddy = Caddy::start("").await;
    into_directory(&objects.into_iter().collect(), &caddy.site.path().join("store"));
    caddy.configure(&PageConfig::new(Source::Http { url: "store/".to_owned() }).to_json());
    let browser = Browser::open().await;
    let page = page::visit(&browser, &caddy.url).await;
    page.assert_clean();
    assert_eq!(page.endpoint("Mail").text_of("status"), "down");
    assert!(page.problems().contains("it belongs to another node"), "{}", page.problems());
}

#[tokio::test]
async fn an_unreadable_index_does_not_hide_histories() {
    let caddy = Caddy::start("").await;
    let store = caddy.site.path().join("store");
    into_directory(&two_nodes().into_iter().collect(), &store);
    let browser = Browser::open().await;
    caddy.configure(&PageConfig::new(Source::Http { url: "store/".to_owned() }).to_json());
    for index in ["{\"half", "<!doctype html>", "[]"] {
        std::fs::write(store.join(INDEX), index).expect("the file can be written");
        let page = page::visit(&browser, &caddy.url).await;
        page.assert_clean();
        assert_eq!(page.text_of("state"), "down", "{index}: {}", page.text_of("overall"));
        assert_eq!(page.endpoint("Shop").text_of("status"), "healthy");
        assert!(page.problems().contains("index.json"), "{}", page.problems());
    }
    let gone = http_client::get(&format!("{}store/nothing.json", caddy.url)).await;
    assert_eq!(gone.status, 404, "the store is a plain directory");
}

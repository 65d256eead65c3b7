//! `checker demo`: generated data, served like any other status page, in a directory that is removed at the end.

use serde_json::Value;
use shared::page_config::PageConfig;
use support::checker::Checker;
use support::{free_port, http_client, page_directory, wait_for};

#[tokio::test]
async fn a_demo_serves_invented_services_and_removes_its_data() {
    let checker = Checker::new(&Value::Object(serde_json::Map::new()));
    std::fs::create_dir(checker.path("tmp")).expect("it can be created");
    let port = free_port();
    let page = page_directory();
    let words =
        ["demo", "--listen", &port.to_string(), "--page", page.to_str().expect("it is text")].map(str::to_owned);
    let tmp = checker.path("tmp");
    let mut running = checker.start_with(&words.each_ref().map(String::as_str), |command| {
        command.env("TMPDIR", &tmp);
    });
    let url = format!("http://127.0.0.1:{port}/");
    let summary = format!("{url}summary.json");
    wait_for("the summary", || async {
        let is_served = http_client::is_reachable(&summary).await && http_client::get(&summary).await.status == 200;
        is_served.then_some(())
    })
    .await;
    let summary: Value = serde_json::from_str(&http_client::get(&summary).await.text()).expect("it is JSON");
    assert_eq!((summary["status"].as_str(), summary["nodes"].as_array().map(Vec::len)), (Some("down"), Some(3)));
    let statuses: Vec<_> = summary["endpoints"]
        .as_array()
        .expect("there are endpoints")
        .iter()
        .map(|endpoint| {
            (endpoint["title"].as_str().unwrap_or_default(), endpoint["status"].as_str().unwrap_or_default())
        })
        .collect();
    assert_eq!(statuses.len(), 8);
    assert!(statuses.contains(&("Shop", "down")) && statuses.contains(&("Website", "healthy")), "{statuses:?}");
    let announced = &summary["announced"];
    assert_eq!(announced["incidents"][0]["title"], "Shop checkout is down");
    assert_eq!(announced["maintenance"][0]["title"], "Database upgrade");
    assert!(announced["messages"][0]["text"].as_str().unwrap_or_default().starts_with("Demo data"), "{announced}");
    let config = PageConfig::parse(&http_client::get(&format!("{url}config.json")).await.text()).expect("it is valid");
    assert_eq!((config.title.as_str(), config.skipped.len()), ("Acme Cloud", 0));
    assert_eq!(http_client::get(&url).await.status, 200);
    assert_eq!(http_client::get(&format!("{url}healthz")).await.text(), "ok\n");
    running.signal("TERM");
    assert_eq!(running.wait().await.code(), Some(0), "{}", running.output());
    assert_eq!(std::fs::read_dir(&tmp).expect("it exists").count(), 0, "{}", running.output());
    assert!(!running.output().contains("warning"), "{}", running.output());
}

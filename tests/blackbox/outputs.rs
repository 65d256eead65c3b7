//! Outputs for other programs: as stored in a bucket, as served, as exported, and as a real client reads them.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

use serde_json::{Value, json};
use shared::MINUTE;
use shared::duration::format_rtt;
use shared::object_name::OutputForm;
use shared::page_config::PageConfig;
use shared::post::Impact;
use support::bucket::Bucket;
use support::caddy::{Caddy, copy_folder};
use support::checker::Checker;
use support::configuration::{check, directory, watching};
use support::endpoints::{Behavior, Endpoint, refused};
use support::http_client::{self, HttpResponse};
use support::program::bound_command;
use support::quirky_service::{QuirkyService, Reply};
use support::{ministack, now, posts, tool, wait_for};

const DOCUMENTS: [&str; 8] = [
    "summary",
    "status",
    "components",
    "incidents",
    "incidents/unresolved",
    "scheduled-maintenances",
    "scheduled-maintenances/upcoming",
    "scheduled-maintenances/active",
];

fn parsed(response: &HttpResponse) -> Value {
    serde_json::from_str(&response.text()).expect("it is JSON")
}

/// Runs `statuspage-prometheus-exporter` once on a page, and returns its samples: the name with its labels, and the value.
fn exported(summary: &str) -> BTreeMap<String, String> {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let services = json!({ "checkup": { "name": "checkup", "type": "status_page", "url": summary } });
    std::fs::write(folder.path().join("services.json"), services.to_string()).expect("the file can be written");
    let mut command: Command = bound_command(tool("readers-python"));
    command.args(["-m", "statuspage_prometheus_exporter.status_monitoring"]).current_dir(folder.path());
    command.env("RUN_MODE", "once").env("METRICS_TEXTFILE_PATH", "metrics.prom").env("HOME", folder.path());
    for name in ["http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "all_proxy"] {
        command.env_remove(name);
    }
    let output = command.output().expect("the exporter starts");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let text = std::fs::read_to_string(folder.path().join("metrics.prom")).expect("it wrote the metrics");
    let samples = text.lines().filter(|line| !line.starts_with('#')).filter_map(|line| line.rsplit_once(' '));
    samples.map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
}

/// Fails if the exporter's gauges differ from `checker status`.
async fn compare_with_status(checker: &Checker, summary: &str) {
    let run = checker.call(&["status", "-c", "checker.json", "--format", "json"]).await;
    assert_eq!(run.code, 0, "{}", run.output());
    let report: Value = serde_json::from_str(&run.stdout).expect("it is JSON");
    let samples = exported(summary);
    let value = |name: &str| samples.get(name).map_or("missing", String::as_str);
    assert_eq!(value("statuspage_probe_check{service_name=\"checkup\"}"), "1.0", "{samples:?}");
    let endpoints = report["endpoints"].as_array().expect("it is a list");
    assert!(!endpoints.is_empty());
    for endpoint in endpoints {
        let title = endpoint["title"].as_str().expect("it is text");
        let name = format!("statuspage_component_status{{component_name=\"{title}\",service_name=\"checkup\"}}");
        let expected = if endpoint["status"] == "healthy" { "1.0" } else { "0.0" };
        assert_eq!(value(&name), expected, "{title}: {samples:?}");
    }
    let overall = if report["status"] == "healthy" { "1.0" } else { "0.0" };
    assert_eq!(value("statuspage_service_status{service_name=\"checkup\"}"), overall, "{samples:?}");
}

#[tokio::test]
async fn a_bucket_gets_outputs_with_types_and_lifetimes() {
    let bucket = Bucket::new().await;
    bucket.open_to_everyone().await;
    let ok = Endpoint::start(Behavior::ok()).await;
    let mut config = watching(&[check("Billing API", &ok.url), check("Shop", &refused())], &bucket.storage());
    config["outputs"] = json!({ "store": ["feeds", "calendar", "statuspage", "badges"] });
    let checker = Checker::new(&config);
    let run = checker.run(&[]).await;
    assert_eq!((run.code, run.stderr.as_str()), (0, ""));
    for (path, content_type, words) in [
        ("feed.atom", "application/atom+xml", "<feed xmlns=\"http://www.w3.org/2005/Atom\">"),
        ("feed.rss", "application/rss+xml", "<rss version=\"2.0\""),
        ("feed.json", "application/feed+json", "https://jsonfeed.org/version/1.1"),
        ("endpoint/Billing__API.atom", "application/atom+xml", "<title>Billing API – Status</title>"),
        ("maintenance.ics", "text/calendar; charset=utf-8", "BEGIN:VCALENDAR"),
        ("api/v2/status.json", "application/json", "\"indicator\":\"major\""),
        ("badge/Shop.json", "application/json", "\"message\":\"down\""),
        ("badge/Shop.uptime.svg", "image/svg+xml", "<title>Shop uptime: "),
        ("badge/Billing__API.response-time.svg", "image/svg+xml", "<title>Billing API response time: "),
    ] {
        let key = format!("status/0-feed/test-node/{path}");
        let content = bucket.get(&key).await;
        assert!(content.contains(words), "`{words}` is not in {path}:\n{content}");
        assert_eq!(bucket.headers(&key).await, (content_type.to_owned(), "public, max-age=60".to_owned()), "{path}");
    }
    let endpoint = &bucket.storage()["endpoint_url"];
    let endpoint = endpoint.as_str().expect("it is text").trim_end_matches('/');
    let summary = format!("{endpoint}/{}/status/0-feed/test-node/api/v2/summary.json", bucket.name);
    compare_with_status(&checker, &summary).await;
}

#[tokio::test]
async fn outputs_are_stored_again_only_if_their_content_changes() {
    let bucket = Bucket::new().await;
    let ok = Endpoint::start(Behavior::ok()).await;
    let checker = Checker::new(&watching(&[check("Shop", &ok.url)], &bucket.storage()));
    let mut outputs = Vec::new();
    for minutes in ["-12m", "-6m", "-1s"] {
        let run = checker.call_with_clock(&["run", "-c", "checker.json"], minutes, |_| {}).await;
        assert_eq!((run.code, run.stderr.as_str()), (0, ""));
        let keys = bucket.keys().await.into_iter();
        let keys: Vec<String> = keys.filter(|key| key.contains("/0-feed/") && !key.ends_with("/index.json")).collect();
        if outputs.is_empty() {
            assert_eq!(keys.len(), 5, "{keys:?}");
            // The mark shows whether an output is stored again.
            for key in &keys {
                bucket.put(key, "unchanged").await;
            }
            outputs.clone_from(&keys);
        }
        assert_eq!(keys, outputs);
        for key in &keys {
            assert_eq!(bucket.get(key).await, "unchanged", "{minutes}, {key}");
        }
    }
}

#[tokio::test]
async fn a_hundred_quiet_rounds_put_no_outputs() {
    let bucket = Bucket::new().await;
    let service = QuirkyService::start(&ministack::server().url, |_, _| Reply::Forwarded).await;
    let ok = Endpoint::start(Behavior::ok()).await;
    let mut storage = bucket.storage();
    storage["endpoint_url"] = json!(service.url);
    let mut config = watching(&[check("Shop", &ok.url)], &storage);
    config["outputs"] = json!({ "store": ["feeds", "calendar", "statuspage"] });
    let checker = Checker::new(&config);
    let puts = |part: &str| {
        let requests = service.requests();
        requests.iter().filter(|name| name.starts_with("PUT ") && name.contains(part)).count()
    };
    let mut first = 0;
    for round in 0..=100 {
        // The service accepts clocks that are wrong by at most 15 minutes.
        let clock = format!("{:+}s", 16 * (round - 50));
        let run = checker.call_with_clock(&["run", "-c", "checker.json"], &clock, |_| {}).await;
        assert_eq!((run.code, run.stderr.as_str()), (0, ""), "round {round}");
        if round == 0 {
            first = puts("/0-feed/");
            assert_eq!(first, 5 + DOCUMENTS.len() + 1, "all outputs and the index: {:?}", service.requests());
        }
        assert_eq!(puts("/0-feed/"), first, "round {round}");
    }
    assert_eq!(puts("-check.json"), 101, "each round was stored");
    assert!(puts("/0-summary/") > 2, "summaries contain the time");
}

#[tokio::test]
async fn a_writer_without_permission_for_outputs_still_stores_rounds() {
    let bucket = Bucket::new().await;
    let arn = |names: &str| format!("arn:aws:s3:::{}{names}", bucket.name);
    let stored = ["/status/*-check.json", "/status/history/*", "/status/0-summary/*", "/status/0-badge/*"].map(arn);
    let rights = json!({ "Version": "2012-10-17", "Statement": [
        { "Effect": "Allow", "Action": ["s3:ListBucket", "s3:GetObject"], "Resource": [arn(""), arn("/*")] },
        { "Effect": "Allow", "Action": "s3:PutObject", "Resource": stored },
    ] });
    let old = ministack::user(&format!("{}-old", bucket.name), &rights).await;
    let mut storage = bucket.storage();
    storage["access_key_id"] = json!(old.id);
    storage["secret_access_key"] = json!(old.secret);
    let ok = Endpoint::start(Behavior::ok()).await;
    let run = Checker::new(&watching(&[check("Shop", &ok.url)], &storage)).run(&[]).await;
    assert_eq!((run.code, bucket.check_files().await.len()), (0, 1), "{}", run.output());
    for words in ["warning: outputs not updated", "s3:PutObject", "set `store` in `outputs` to `[]`"] {
        assert!(run.stderr.contains(words), "`{words}` is not in:\n{}", run.stderr);
    }
}

#[tokio::test]
async fn serve_answers_feeds_the_api_and_badges() {
    let ok = Endpoint::start(Behavior::ok()).await;
    let mut config = watching(&[check("Shop", &ok.url), check("API", &refused())], &directory());
    config["page"] = json!({ "title": "My <status>" });
    config["outputs"] = json!({ "url": "https://status.example" });
    let checker = Checker::new(&config);
    let served = checker.serve(&[]).await;
    served.until_summed_up().await;
    let feed = format!("{}feed.atom", served.url);
    wait_for("the feeds", || async { (http_client::get(&feed).await.status == 200).then_some(()) }).await;
    for (path, content_type) in [
        ("feed.atom", "application/atom+xml"),
        ("feed.rss", "application/rss+xml"),
        ("feed.json", "application/feed+json"),
        ("endpoint/Shop.atom", "application/atom+xml"),
        ("maintenance.ics", "text/calendar; charset=utf-8"),
        ("badge/Shop.json", "application/json"),
        ("badge/Shop.uptime.svg", "image/svg+xml"),
        ("badge/Shop.response-time.svg", "image/svg+xml"),
        ("store/0-feed/test-node/feed.atom", "application/atom+xml"),
        ("status/feed.atom", "application/atom+xml"),
    ] {
        let answer = http_client::get(&format!("{}{path}", served.url)).await;
        assert_eq!((answer.status, answer.header("content-type")), (200, content_type), "{path}");
        assert_eq!(answer.header("cache-control"), "public, max-age=60", "{path}");
        assert_eq!(answer.header("access-control-allow-origin"), "", "{path}");
    }
    for document in DOCUMENTS {
        let answer = http_client::get(&format!("{}api/v2/{document}.json", served.url)).await;
        assert_eq!((answer.status, answer.header("access-control-allow-origin")), (200, "*"), "{document}");
        assert_eq!(parsed(&answer)["page"]["name"], "My <status>", "{document}");
    }
    for path in ["index.json", "endpoint/Shopp.atom", "badge/Shopp.json", "api/v2/x.json", "api/v2/summary", "feed.xml"]
    {
        assert_eq!(http_client::get(&format!("{}{path}", served.url)).await.status, 404, "{path}");
    }
    let atom = http_client::get(&feed).await.text();
    assert!(atom.contains("<link href=\"https://status.example/feed.atom\" rel=\"self\""), "{atom}");
    let index = http_client::get(&served.url).await.text();
    let link = "<link rel=\"alternate\" type=\"application/atom+xml\" title=\"My &lt;status&gt;\" href=\"feed.atom\">";
    assert!(index.contains(link), "{index}");
    compare_with_status(&checker, &format!("{}api/v2/summary.json", served.url)).await;

    // The checker's own client of the API reads it, too.
    let watcher = json!({ "type": "statuspage", "endpoint_name": "Upstream", "url": served.url });
    let other = Checker::new(&watching(&[watcher], &directory()));
    let run = other.run(&["--format", "json"]).await;
    let results: Value = serde_json::from_str(&run.stdout).expect("it is JSON");
    assert_eq!(
        results["results"][0]["degraded"], true,
        "the indicator `major` means that some services are down: {results:#}"
    );
}

#[tokio::test]
async fn outputs_can_be_turned_off() {
    let ok = Endpoint::start(Behavior::ok()).await;
    let mut config = watching(&[check("Shop", &ok.url)], &directory());
    config["outputs"] = json!({ "store": [], "serve": false });
    let checker = Checker::new(&config);
    let served = checker.serve(&[]).await;
    served.until_summed_up().await;
    for path in ["feed.atom", "maintenance.ics", "api/v2/summary.json", "badge/Shop.json", "badge/Shop.uptime.svg"] {
        assert_eq!(http_client::get(&format!("{}{path}", served.url)).await.status, 404, "{path}");
    }
    assert!(!checker.path("checks/0-feed").exists());
    assert!(!http_client::get(&served.url).await.text().contains("rel=\"alternate\""));
}

#[tokio::test]
async fn an_endpoint_without_current_results_is_not_operational() {
    let ok = Endpoint::start(Behavior::ok()).await;
    let mut config = watching(&[check("Shop", &ok.url)], &directory());
    config["every"] = json!("1m");
    let checker = Checker::new(&config);
    let run = checker.call_with_clock(&["run", "-c", "checker.json"], "-30m", |_| {}).await;
    assert_eq!(run.code, 0, "{}", run.output());
    // This server checks another endpoint, and its first round takes longer than this test.
    let hanging = Endpoint::start(Behavior::Hang).await;
    config["checkers"] = json!([check("Other", &hanging.url)]);
    config["node"] = json!("other");
    checker.configure(&config);
    let served = checker.serve(&[]).await;
    let summary = parsed(&http_client::get(&format!("{}api/v2/summary.json", served.url)).await);
    assert_eq!(summary["components"][0]["name"], "Shop", "{summary:#}");
    assert_eq!(summary["components"][0]["status"], "degraded_performance", "{summary:#}");
    assert_eq!(summary["status"], json!({ "indicator": "minor", "description": "No recent data" }));
    let badge = parsed(&http_client::get(&format!("{}badge/Shop.json", served.url)).await);
    assert_eq!((&badge["message"], &badge["color"]), (&json!("unknown"), &json!("lightgrey")), "{badge:#}");
    let samples = exported(&format!("{}api/v2/summary.json", served.url));
    let name = "statuspage_component_status{component_name=\"Shop\",service_name=\"checkup\"}";
    assert_eq!(samples.get(name).map(String::as_str), Some("0.0"));
}

/// Returns the paths of all files below a folder, except hidden ones.
fn files(folder: &Path, below: &str) -> Vec<String> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder.join(below)).expect("the folder is readable").flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        let path = if below.is_empty() { name.clone() } else { format!("{below}/{name}") };
        if entry.path().is_dir() {
            found.extend(files(folder, &path));
        } else if !name.starts_with('.') {
            found.push(path);
        }
    }
    found.sort();
    found
}

#[tokio::test]
async fn export_writes_what_changed_and_removes_what_is_gone() {
    let ok = Endpoint::start(Behavior::ok()).await;
    let mut config = watching(&[check("Shop", &ok.url), check("API", &ok.url)], &directory());
    let checker = Checker::new(&config);
    let incident =
        posts::incident(&posts::id("anna", now() - MINUTE), "It fails", &[("Shop", Impact::Down)], "We know.");
    let (name, content) = posts::digest("anna", &[incident]);
    std::fs::create_dir_all(checker.path("checks/history")).expect("the folder can be created");
    std::fs::write(checker.path(&format!("checks/{name}")), content).expect("the file can be written");
    assert_eq!(checker.run(&[]).await.code, 0);
    let export = ["export", "-c", "checker.json", "--into", "site"];
    let run = checker.call(&export).await;
    assert_eq!((run.code, run.stderr.as_str()), (0, ""), "{}", run.output());
    let site = checker.path("site");
    let written = files(&site, "");
    assert_eq!(run.stdout, format!("wrote {} files to `site`; 0 unchanged\n", written.len()));
    for document in DOCUMENTS {
        assert!(written.contains(&format!("api/v2/{document}.json")), "{written:?}");
    }
    for path in
        ["feed.atom", "endpoint/API.atom", "badge/Shop.svg", "badge/_overall.svg", "badge/Shop.json", "summary.html"]
    {
        assert!(written.contains(&path.to_owned()), "{path} is not in {written:?}");
    }
    let read = |path: &str| std::fs::read_to_string(site.join(path)).expect("it exists");
    assert_eq!(
        read("feed.atom"),
        std::fs::read_to_string(checker.path("checks/0-feed/test-node/feed.atom")).expect("it exists")
    );
    assert!(read("feed.atom").contains("<title>It fails</title>") && !read("endpoint/API.atom").contains("It fails"));

    // Only the time of the summary changes. The page without scripts shows minutes.
    let again = checker.call(&export).await;
    let expected = ["1 file", "2 files"].map(|files| format!("wrote {files} to `site`; "));
    assert!(expected.iter().any(|expected| again.stdout.starts_with(expected)), "{}", again.output());

    // Caddy serves exported files with their types, and a node's outputs from a published directory.
    let mut caddy = Caddy::start("").await;
    copy_folder(&site, caddy.site.path());
    copy_folder(&checker.path("checks"), &caddy.site.path().join("checks"));
    for is_rewritten in [false, true] {
        if is_rewritten {
            std::fs::remove_file(caddy.site.path().join("feed.atom")).expect("it is there");
            caddy.outputs = "/checks/0-feed/test-node".to_owned();
            caddy.stop();
            caddy.start_again().await;
        }
        for (path, content_type) in [
            ("feed.atom", "application/atom+xml"),
            ("feed.rss", "application/rss+xml"),
            ("endpoint/Shop.atom", "application/atom+xml"),
            ("maintenance.ics", "text/calendar; charset=utf-8"),
            ("badge/Shop.svg", "image/svg+xml"),
            ("checks/0-feed/test-node/feed.atom", "application/atom+xml"),
        ] {
            let answer = http_client::get(&format!("{}{path}", caddy.url)).await;
            let found = (answer.status, answer.header("content-type"), answer.header("cache-control"));
            assert_eq!(found, (200, content_type, "public, max-age=60"), "{path}, rewritten: {is_rewritten}");
        }
    }
    let hidden = http_client::get(&format!("{}.checkup-outputs.json", caddy.url)).await;
    assert_eq!(hidden.status, 404);
    let api = http_client::get(&format!("{}checks/0-feed/test-node/api/v2/summary.json", caddy.url)).await;
    assert_eq!(api.status, 404, "it is not stored by default");

    // An endpoint that no longer exists leaves no files behind.
    config["checkers"] = json!([check("Shop", &ok.url)]);
    checker.configure(&config);
    for entry in std::fs::read_dir(checker.path("checks/history")).expect("it is there").flatten() {
        std::fs::remove_file(entry.path()).expect("it is ours");
    }
    for name in checker.check_files("checks") {
        std::fs::remove_file(checker.path(&format!("checks/{name}"))).expect("it is ours");
    }
    assert_eq!(checker.run(&[]).await.code, 0);
    let last = checker.call(&export).await;
    assert!(last.code == 0 && last.stdout.contains(", removed 5\n"), "{}", last.output());
    assert!(!site.join("endpoint/API.atom").exists() && site.join("endpoint/Shop.atom").exists());
}

#[tokio::test]
async fn export_links_the_feeds_of_a_page_in_the_same_folder() {
    let ok = Endpoint::start(Behavior::ok()).await;
    let checker = Checker::new(&watching(&[check("Shop", &ok.url)], &directory()));
    assert_eq!(checker.run(&[]).await.code, 0);
    let site = checker.path("site");
    std::fs::create_dir(&site).expect("the folder can be created");
    let before = "{\n  \"title\": \"Our status\",\n  \"source\": { \"type\": \"http\", \"url\": \"checks/\" }\n}\n";
    std::fs::write(site.join("config.json"), before).expect("the file can be written");
    let export = ["export", "-c", "checker.json", "--into", "site"];
    let run = checker.call(&export).await;
    assert!(
        run.stdout.ends_with("\nadded the URL of the feeds and the calendar to `site/config.json`\n"),
        "{}",
        run.output()
    );
    let written = std::fs::read_to_string(site.join("config.json")).expect("it exists");
    let page = PageConfig::parse(&written).expect("the page can read it");
    assert_eq!((page.outputs.as_deref(), page.title.as_str(), page.skipped.len()), (Some("./"), "Our status", 0));
    for form in [OutputForm::Atom, OutputForm::Rss, OutputForm::JsonFeed, OutputForm::Calendar] {
        assert!(site.join(form.to_string()).is_file(), "{form}");
    }
    let again = checker.call(&export).await;
    assert!(again.code == 0 && !again.stdout.contains("config.json"), "{}", again.output());
    assert_eq!(std::fs::read_to_string(site.join("config.json")).expect("it exists"), written);
}

#[tokio::test]
async fn badges_have_the_figures_of_the_report() {
    let ok = Endpoint::start(Behavior::ok()).await;
    let mut config = watching(&[check("Shop", &ok.url)], &directory());
    (config["every"], config["page"]) = (json!("1m"), json!({ "range": "7d" }));
    let checker = Checker::new(&config);
    for minutes in ["-5m", "-4m", "-3m"] {
        let run = checker.call_with_clock(&["run", "-c", "checker.json"], minutes, |_| {}).await;
        assert_eq!(run.code, 0, "{}", run.output());
    }
    assert_eq!(checker.call(&["export", "-c", "checker.json", "--into", "site"]).await.code, 0);
    let in_utc = |command: &mut Command| {
        command.env("TZ", "UTC");
    };
    let run = checker.call_with(&["status", "-c", "checker.json", "--full", "--format", "json"], in_utc).await;
    let report: Value = serde_json::from_str(&run.stdout).expect("it is JSON");
    let shop = &report["endpoints"][0];
    let badge = |name: &str| std::fs::read_to_string(checker.path(&format!("site/badge/{name}"))).expect("it exists");
    let coverage = shop["coverage"].as_str().expect("it is text").split('.').next().unwrap_or_default();
    let uptime = format!("Shop uptime: {} in 7 d ({coverage}% observed)", shop["uptime"].as_str().expect("it is text"));
    assert!(badge("Shop.uptime.svg").contains(&uptime), "{uptime}: {}", badge("Shop.uptime.svg"));
    let median = shop["response_times"]["median"].as_i64().unwrap_or_else(|| panic!("{shop:#}"));
    let response_time = format!("Shop response time: {} in 7 d", format_rtt(median));
    assert!(badge("Shop.response-time.svg").contains(&response_time), "{response_time}");
}

#[tokio::test]
async fn hidden_errors_are_not_in_outputs() {
    let broken = Endpoint::start(Behavior::Answer("503 Service Unavailable", String::new())).await;
    let mut config = watching(&[check("Secret", &broken.url), check("Public", &broken.url)], &directory());
    (config["every"], config["page"]) = (json!("1m"), json!({ "hidden": { "errors": ["Sec*"] } }));
    let checker = Checker::new(&config);
    for minutes in ["-5m", "-4m", "-3m", "-2m", "-1m"] {
        let run = checker.call_with_clock(&["run", "-c", "checker.json"], minutes, |_| {}).await;
        assert_ne!(run.code, 2, "{}", run.output());
    }
    assert_eq!(checker.call(&["export", "-c", "checker.json", "--into", "site"]).await.code, 0);
    let read = |name: &str| std::fs::read_to_string(checker.path(&format!("site/{name}"))).expect("it exists");
    let (secret, public) = (read("endpoint/Secret.atom"), read("endpoint/Public.atom"));
    assert!(secret.contains("Secret is down") && !secret.contains("503 Service"), "{secret}");
    assert!(public.contains("503 Service"), "{public}");
    let incidents: Value = serde_json::from_str(&read("api/v2/incidents.json")).expect("it is JSON");
    for incident in incidents["incidents"].as_array().expect("a list") {
        let is_public = incident["name"].as_str().is_some_and(|name| name.contains("Public"));
        assert_eq!(incident.to_string().contains("503 Service"), is_public, "{incident:#}");
    }
}

#[tokio::test]
async fn an_export_without_results_changes_nothing() {
    let ok = Endpoint::start(Behavior::ok()).await;
    let checker = Checker::new(&watching(&[check("Shop", &ok.url)], &directory()));
    let export = ["export", "-c", "checker.json", "--into", "site"];
    assert_eq!(checker.call(&["run", "-c", "checker.json"]).await.code, 0);
    assert_eq!(checker.call(&export).await.code, 0);
    let feed = checker.path("site/endpoint/Shop.atom");
    assert!(feed.exists());
    std::fs::rename(checker.path("checks"), checker.path("unmounted")).expect("it can be moved");
    let run = checker.call(&export).await;
    assert!(run.code == 2 && run.stderr.contains("nothing was exported: "), "{}", run.output());
    assert!(feed.exists());
}

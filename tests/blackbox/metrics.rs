//! Metrics, read by the programs that users have: Debian's Prometheus, `promtool`, the reference parsers, and beside
//! `blackbox_exporter`.

use std::collections::BTreeSet;

use serde_json::{Value, json};
use shared::object_name::CheckFileName;
use shared::{MINUTE, SECOND};
use support::blackbox_exporter::BlackboxExporter;
use support::certificates::{Authority, Validity};
use support::checker::{Checker, Served};
use support::configuration::{check, check_with, directory, watching};
use support::endpoints::{Behavior, Endpoint, refused};
use support::prometheus::{MetricSample, Prometheus, check_metrics, parse_open_metrics, parse_text, promtool};
use support::{http_client, now, root, wait_for};

use crate::notifications::{Webhook, failing, notifying};

/// The `Accept` header of Prometheus 2.
const OPEN_METRICS: &str = "application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,text/plain;version=0.0.4;q=0.5,*/*;q=0.1";

/// A title that tries to end its label, to add a label and to add a sample.
const HOSTILE: &str = "Shop\",status=\"healthy\"} 1\ncheckup_endpoint_status{title=\"\\";

/// A configuration with endpoints that are healthy, down and degraded, and with metrics.
async fn watched(metrics: Value, every: &str) -> (Checker, Endpoint) {
    let shop = Endpoint::start(Behavior::ok()).await;
    let checks = [
        check_with("Shop", &shop.url, json!({ "slo": { "target": "99.9%" } })),
        check("Refused", &refused()),
        json!({ "type": "exec", "name": "Slow \"job\\", "command": "sleep", "arguments": ["0.01"], "threshold_rtt": "1ms" }),
    ];
    let mut config = watching(&checks, &directory());
    config["every"] = json!(every);
    config["metrics"] = metrics;
    (Checker::new(&config), shop)
}

/// Waits until the metrics contain the figures of the store.
async fn metrics_of(served: &Served, headers: &[(&str, &str)]) -> String {
    let url = format!("{}metrics", served.url);
    wait_for("the figures of the store", || async {
        let response = http_client::get_with(&url, headers).await;
        assert_eq!(response.status, 200, "{}", response.text());
        Some(response.text()).filter(|text| text.contains("checkup_round_timestamp_seconds{"))
    })
    .await
}

fn find<'a>(samples: &'a [MetricSample], name: &str, labels: &[(&str, &str)]) -> Option<&'a MetricSample> {
    let has_labels = |sample: &MetricSample| labels.iter().all(|(name, value)| sample.label(name) == *value);
    samples.iter().find(|sample| sample.name == name && has_labels(sample))
}

#[track_caller]
fn value(samples: &[MetricSample], name: &str, labels: &[(&str, &str)]) -> f64 {
    find(samples, name, labels).unwrap_or_else(|| panic!("no `{name}` with {labels:?} in {samples:#?}")).value
}

#[track_caller]
fn assert_equal(found: f64, expected: f64) {
    assert!((found - expected).abs() < f64::EPSILON, "{found} is not {expected}");
}

#[tokio::test]
async fn both_formats_are_valid_and_have_the_same_values() {
    let (checker, _shop) = watched(json!(true), "1h").await;
    let served = checker.serve(&[]).await;
    let text = metrics_of(&served, &[]).await;
    assert_eq!(check_metrics(&text), "", "promtool has no remarks about:\n{text}");
    let samples = parse_text(&text);
    let of = |title| [("title", title), ("node", "test-node")];
    assert_equal(value(&samples, "probe_success", &of("Shop")), 1.0);
    assert_equal(value(&samples, "probe_http_status_code", &of("Shop")), 200.0);
    assert_equal(value(&samples, "probe_success", &of("Refused")), 0.0);
    assert!(find(&samples, "probe_http_status_code", &of("Refused")).is_none(), "there was no response: {text}");
    assert_equal(value(&samples, "probe_success", &of("Slow \"job\\")), 1.0);
    assert_equal(value(&samples, "checkup_exec_exit_status", &of("Slow \"job\\")), 0.0);
    for (title, expected) in [("Shop", "healthy"), ("Refused", "down"), ("Slow \"job\\", "degraded")] {
        for status in ["healthy", "degraded", "down", "unknown"] {
            let found = value(&samples, "checkup_endpoint_status", &[("title", title), ("status", status)]);
            assert_equal(found, f64::from(u8::from(status == expected)));
        }
    }
    assert_equal(value(&samples, "checkup_spool_rounds", &[]), 0.0);
    assert_equal(value(&samples, "checkup_build_info", &[("version", env!("CARGO_PKG_VERSION"))]), 1.0);
    // OpenMetrics has the same samples. The reference parser is strict.
    let response = http_client::get_with(&format!("{}metrics", served.url), &[("accept", OPEN_METRICS)]).await;
    assert_eq!(response.header("content-type"), "application/openmetrics-text; version=1.0.0; charset=utf-8");
    let open = parse_open_metrics(&response.text()).unwrap_or_else(|error| panic!("{error}"));
    let names = |samples: &[MetricSample]| -> BTreeSet<(String, Vec<(String, String)>)> {
        samples.iter().map(|sample| (sample.name.clone(), sample.labels.clone().into_iter().collect())).collect()
    };
    assert_eq!(names(&open), names(&samples));
    let without_end = response.text().replace("# EOF\n", "");
    assert!(parse_open_metrics(&without_end).is_err(), "the parser notices a missing end");
}

#[tokio::test]
async fn hostile_titles_add_neither_labels_nor_samples() {
    let shop = Endpoint::start(Behavior::ok()).await;
    let mut config = watching(&[check(HOSTILE, &shop.url)], &directory());
    config["metrics_file"] = json!("checkup.prom");
    let checker = Checker::new(&config);
    let run = checker.run(&[]).await;
    assert_eq!(run.code, 0, "{}", run.output());
    // Another node stores such titles, too.
    let name = CheckFileName { stored_at: now(), node: "evil".parse().ok() };
    let results = json!([
        { "title": HOSTILE, "endpoint": "a\",node=\"test-node\"} 1\nprobe_success 1", "timestamp": now() - SECOND, "times": [{ "rtt": 1 }],
          "down": true, "kind": "http\"} 1\nx 1", "id": "a\"b\n", "interval": MINUTE }
    ]);
    checker.write(&format!("checks/{name}"), &results.to_string());
    let file = std::fs::read_to_string(checker.path("checkup.prom")).expect("the round wrote it");
    let status = checker.call(&["status", "-c", "checker.json", "--format", "prometheus"]).await;
    assert_eq!(status.code, 0, "{}", status.output());
    assert!(status.stdout.contains("node=\"evil\""), "the other node is included: {}", status.stdout);
    for text in [&file, &status.stdout] {
        let known: BTreeSet<&str> =
            ["title", "target", "id", "kind", "node", "status", "range", "phase", "version"].into();
        for sample in parse_text(text) {
            let labels: BTreeSet<&str> = sample.labels.keys().map(String::as_str).collect();
            assert!(labels.is_subset(&known), "{sample:?}");
            assert!(["probe_", "checkup_"].iter().any(|prefix| sample.name.starts_with(prefix)), "{sample:?}");
            if sample.labels.contains_key("title") {
                let title = HOSTILE.split_whitespace().collect::<Vec<_>>().join(" ");
                assert_eq!(sample.label("title"), title, "{sample:?}");
            }
            assert!(!sample.name.starts_with("probe_") || sample.label("node") == "test-node", "{sample:?}");
        }
    }
}

#[tokio::test]
async fn a_real_prometheus_scrapes_the_checker_with_a_token() {
    let (checker, shop) = watched(json!({ "token": "${SCRAPE_TOKEN:-s3cret-token}" }), "3s").await;
    let served = checker.serve(&[]).await;
    let url = format!("{}metrics", served.url);
    for headers in [&[][..], &[("authorization", "Bearer wrong")]] {
        let response = http_client::get_with(&url, headers).await;
        assert_eq!((response.status, response.header("www-authenticate")), (401, "Bearer realm=\"metrics\""));
        assert!(!response.text().contains("probe_"), "{}", response.text());
    }
    let target = served.url.trim_start_matches("http://").trim_end_matches('/');
    let job = |name: &str, token: &str| {
        json!({
            "job_name": name, "authorization": { "credentials": token }, "static_configs": [{ "targets": [target] }],
        })
    };
    let prometheus = Prometheus::start(&json!([job("checkup", "s3cret-token"), job("stranger", "guessed")])).await;
    let down = prometheus.until(r#"checkup_endpoint_status{job="checkup",status="down"} == 1"#).await;
    assert_eq!(down.iter().map(|sample| sample.label("title")).collect::<Vec<_>>(), ["Refused"]);
    let success = prometheus.until(r#"probe_success{job="checkup"}"#).await;
    assert_eq!(success.len(), 3, "{success:?}");
    assert!(prometheus.query(r#"probe_success{job="stranger"}"#).await.is_empty(), "a wrong token reads nothing");
    assert_equal(prometheus.until(r#"up{job="stranger"}"#).await[0].value, 0.0);
    // A change arrives, too.
    shop.behave(Behavior::Answer("503 Service Unavailable", String::new()));
    let changed = prometheus.until(r#"checkup_endpoint_status{title="Shop",status="down"} == 1"#).await;
    assert_eq!(changed.len(), 1, "{changed:?}");
    assert_equal(prometheus.until(r#"probe_http_status_code{title="Shop"} == 503"#).await[0].value, 503.0);
    assert!(!served.program.output().contains("s3cret-token"), "{}", served.program.output());
}

#[tokio::test]
async fn the_exporter_has_the_same_names_and_values() {
    let delay = std::time::Duration::from_millis(300);
    let authority = Authority::new();
    let server = authority.server("127.0.0.1", Validity::Now);
    let slow = Behavior::AnswerAfter(delay, "404 Not Found", "gone".to_owned());
    let endpoint = Endpoint::start_tls(slow, server).await;
    let plain = Endpoint::start(Behavior::ok()).await;
    let checker = Checker::new(&json!({}));
    let ca = checker.path("ca.pem");
    authority.write_pem(&ca);
    let checks = [
        check_with("Slow", &endpoint.url, json!({ "up_status": 404, "tls_ca_file": "ca.pem" })),
        check("Plain", &plain.url),
        check("Refused", &refused()),
    ];
    let mut config = watching(&checks, &directory());
    config["metrics_file"] = json!("checkup.prom");
    checker.configure(&config);
    let run = checker.run(&[]).await;
    assert_eq!(run.code, 0, "{}", run.output());
    let ours = parse_text(&std::fs::read_to_string(checker.path("checkup.prom")).expect("the round wrote it"));
    let http = |more: Value| json!({ "prober": "http", "http": more });
    let exporter = BlackboxExporter::start(&json!({
        "Slow": http(json!({ "valid_status_codes": [404], "tls_config": { "ca_file": ca } })),
        "Plain": http(json!({})),
        "Refused": http(json!({})),
    }))
    .await;
    for check in &checks {
        let (title, target) = (check["endpoint_name"].as_str().expect("a title"), check["endpoint_url"].as_str());
        let query = [("module", title), ("target", target.expect("a URL"))];
        let url = url::Url::parse_with_params(&format!("{}probe", exporter.url), query).expect("it is valid");
        let theirs = parse_text(&http_client::get(url.as_str()).await.text());
        let ours: Vec<MetricSample> = ours
            .iter()
            .filter(|sample| sample.name.starts_with("probe_") && sample.label("title") == title)
            .cloned()
            .collect();
        // Every name and phase of ours is one of the exporter's.
        for sample in &ours {
            let known = find(&theirs, &sample.name, &[("phase", sample.label("phase"))]);
            assert!(known.is_some(), "{title}: the exporter has no {sample:?} in {theirs:#?}");
        }
        for name in ["probe_success", "probe_http_status_code", "probe_ssl_earliest_cert_expiry"] {
            let (ours, theirs) = (find(&ours, name, &[]), find(&theirs, name, &[]));
            // The exporter reports 0 for what it does not know.
            let theirs = theirs.map(|sample| sample.value).filter(|value| *value > 0.0 || name == "probe_success");
            assert_eq!(ours.map(|sample| sample.value), theirs, "{title}: {name}");
        }
        if title == "Slow" {
            // Both measured the time that the server waited, in the same phase.
            for (name, labels) in
                [("probe_duration_seconds", &[][..]), ("probe_http_duration_seconds", &[("phase", "processing")])]
            {
                for samples in [&ours, &theirs] {
                    assert!(value(samples, name, labels) >= delay.as_secs_f64(), "{name}: {samples:#?}");
                }
            }
        }
    }
    assert_equal(value(&ours, "probe_success", &[("title", "Refused")]), 0.0);
}

#[tokio::test]
async fn the_metrics_file_is_replaced_after_each_round() {
    let (checker, shop) = watched(json!(false), "1h").await;
    let config = std::fs::read_to_string(checker.path("checker.json")).expect("it exists");
    let mut config: Value = serde_json::from_str(&config).expect("it is JSON");
    config["metrics_file"] = json!("checkup.prom");
    checker.configure(&config);
    let read = || parse_text(&std::fs::read_to_string(checker.path("checkup.prom")).expect("a round wrote it"));
    let status = |samples: &[MetricSample], status: &str| {
        value(samples, "checkup_endpoint_status", &[("title", "Shop"), ("status", status)])
    };
    assert_eq!(checker.run(&[]).await.code, 0);
    assert_equal(status(&read(), "healthy"), 1.0);
    shop.behave(Behavior::Answer("500 Internal Server Error", String::new()));
    assert_eq!(checker.run(&[]).await.code, 0);
    assert_equal(status(&read(), "down"), 1.0);
    // A daemon writes the file, too.
    std::fs::remove_file(checker.path("checkup.prom")).expect("it exists");
    let daemon = checker.start(&["run", "-c", "checker.json", "--every", "1s"]);
    wait_for("the daemon's metrics file", || async { checker.path("checkup.prom").is_file().then_some(()) }).await;
    wait_for("the figures in it", || async {
        let text = std::fs::read_to_string(checker.path("checkup.prom")).ok()?;
        text.contains("checkup_endpoint_status{").then_some(())
    })
    .await;
    drop(daemon);
    // A file that cannot be written does not fail the round.
    config["metrics_file"] = json!("missing/checkup.prom");
    checker.configure(&config);
    let run = checker.run(&[]).await;
    assert_eq!(run.code, 0, "{}", run.output());
    assert!(run.stderr.contains("warning: metrics file `"), "{}", run.output());
    assert!(run.stdout.contains("stored as "), "{}", run.output());
}

#[tokio::test]
async fn waiting_rounds_and_notifications_are_counted() {
    let (shop, webhook) = (Endpoint::start(failing()).await, Webhook::start().await);
    let mut config = notifying(&shop, &directory(), &[webhook.channel()]);
    (config["every"], config["metrics"]) = (json!("1s"), json!(true));
    let checker = Checker::new(&config);
    let served = checker.serve(&[]).await;
    let url = format!("{}metrics", served.url);
    let until = async |what: &str, name: &str, labels: &[(&str, &str)], expected: &dyn Fn(f64) -> bool| {
        wait_for(what, || async {
            let samples = parse_text(&http_client::get(&url).await.text());
            find(&samples, name, labels).filter(|sample| expected(sample.value)).map(|_| ())
        })
        .await;
    };
    let (name, channel) = ("checkup_notifications_total", ("channel", "hook"));
    until("the delivery", name, &[channel, ("outcome", "delivered")], &|count| count >= 1.0).await;
    webhook.0.behave(failing());
    shop.behave(Behavior::ok());
    until("the failure", name, &[channel, ("outcome", "failed")], &|count| count >= 1.0).await;
    until("no refusal", name, &[channel, ("outcome", "refused")], &|count| count < 1.0).await;
    until("an empty spool", "checkup_spool_rounds", &[], &|rounds| rounds < 1.0).await;
    let (checks, away) = (checker.path("checks"), checker.path("away"));
    std::fs::rename(&checks, &away).expect("it is a folder");
    std::fs::write(&checks, "").expect("it can be written");
    until("two waiting rounds", "checkup_spool_rounds", &[], &|rounds| rounds >= 2.0).await;
    std::fs::remove_file(&checks).expect("it is a file");
    std::fs::rename(&away, &checks).expect("it can be moved back");
    until("the rounds to be stored", "checkup_spool_rounds", &[], &|rounds| rounds < 1.0).await;
}

#[tokio::test]
async fn health_follows_the_store() {
    let (checker, _shop) = watched(json!(false), "1s").await;
    let served = checker.serve(&[]).await;
    let (url, metrics) = (format!("{}healthz", served.url), format!("{}metrics", served.url));
    let health = async || {
        let response = http_client::get(&url).await;
        (response.status, response.text())
    };
    served.until_summed_up().await;
    assert_eq!(health().await, (200, "ok\n".to_owned()));
    assert_eq!(http_client::get(&metrics).await.status, 404, "metrics are off by default");
    // A file in place of the directory makes every write fail, even for root.
    let (checks, away) = (checker.path("checks"), checker.path("away"));
    std::fs::rename(&checks, &away).expect("it is a folder");
    std::fs::write(&checks, "").expect("it can be written");
    let (status, reason) =
        wait_for("the failure", || async { Some(health().await).filter(|(status, _)| *status != 200) }).await;
    assert_eq!(status, 503);
    assert!(reason.starts_with("Rounds have not been stored since 20") && reason.ends_with("Z.\n"), "{reason}");
    std::fs::remove_file(&checks).expect("it is a file");
    std::fs::rename(&away, &checks).expect("it can be moved back");
    wait_for("the recovery", || async { Some(health().await).filter(|(status, _)| *status == 200) }).await;
}

#[tokio::test]
async fn the_examples_for_prometheus_and_grafana_fit_the_metrics() {
    let folder = root().join("deploy/prometheus");
    for words in [
        &["check", "config", "prometheus.yml"][..],
        &["check", "rules", "alerts.yml"],
        &["test", "rules", "alerts.test.yml"],
    ] {
        let (succeeded, output) = promtool(&folder, words);
        assert!(succeeded, "{words:?}: {output}");
    }
    let channel = json!({ "type": "webhook", "id": "ops", "url": "http://127.0.0.1:9/" });
    let (checker, _shop) = watched(json!(true), "1h").await;
    let config = std::fs::read_to_string(checker.path("checker.json")).expect("it exists");
    let mut config: Value = serde_json::from_str(&config).expect("it is JSON");
    config["notifiers"] = json!([channel]);
    checker.configure(&config);
    let served = checker.serve(&[]).await;
    let samples = parse_text(&metrics_of(&served, &[]).await);
    // Only a check over TLS has the expiry of a certificate.
    let mut known: BTreeSet<&str> = samples.iter().map(|sample| sample.name.as_str()).collect();
    known.insert("probe_ssl_earliest_cert_expiry");
    let dashboard = std::fs::read_to_string(root().join("deploy/grafana/checkup.json")).expect("it exists");
    let dashboard: Value = serde_json::from_str(&dashboard).expect("it is JSON");
    let panels = dashboard["panels"].as_array().expect("it has panels");
    let targets = panels.iter().flat_map(|panel| panel["targets"].as_array().into_iter().flatten());
    let expressions: Vec<String> = targets.map(|target| target["expr"].as_str().expect("a query").to_owned()).collect();
    let alerts = std::fs::read_to_string(folder.join("alerts.yml")).expect("it exists");
    let names = regex::Regex::new(r"\b(?:probe|checkup)_[a-z_]+").expect("it is valid");
    let mut used = BTreeSet::new();
    for text in expressions.iter().chain([&alerts]) {
        used.extend(names.find_iter(text).map(|name| name.as_str()));
    }
    assert!(used.len() >= 12 && used.is_subset(&known), "{:?}", used.difference(&known).collect::<Vec<_>>());
    // Prometheus accepts every query of the dashboard.
    let prometheus = Prometheus::start(&json!([])).await;
    for expression in &expressions {
        let query = expression.replace("$title", ".*").replace("$node", ".*").replace("$range", "30d");
        prometheus.query(&query.replace("$__rate_interval", "5m")).await;
    }
}

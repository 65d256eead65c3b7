//! Compares every figure on the page with `checker status` for the same store at the same time. The page reads check
//! files or histories, depending on its range. The command reads histories, and check files only for response times.

mod announced;
mod expected;
mod metrics;
mod outputs;

use serde_json::{Value, json};
use shared::object_name::INDEX;
use shared::page_config::{PageConfig, Source};
use shared::quorum::Quorum;
use shared::{DAY, HOUR, MINUTE, Nanos};
use support::browser::Browser;
use support::caddy::Caddy;
use support::checker::Checker;
use support::configuration::{check, directory, watching};
use support::fake_nodes::{FakeNodes, Outage, into_directory};
use support::now;
use support::page::{self, Page};

use expected::{StatusJson, budget, list, number, text};

/// Three nodes and six endpoints: outages that one, two or all nodes see (one of them ongoing), slowness, a node that
/// was silent for hours, a node that is silent now, and a period without any checks.
fn fake_nodes(quorum: Quorum) -> FakeNodes {
    let mut fake_nodes =
        FakeNodes { endpoints: 6, quorum, ..FakeNodes::small(&["ap-south", "eu-west", "us-east"], now()) };
    fake_nodes.objective = "99% over 30d".parse().ok();
    let ago = |from: Nanos, length: Nanos| fake_nodes.now - from..fake_nodes.now - from + length;
    fake_nodes.outages = vec![
        Outage { endpoint: 0, nodes: 0..3, time: ago(9 * HOUR, 100 * MINUTE) },
        Outage { endpoint: 1, nodes: 1..2, time: ago(7 * HOUR, 3 * HOUR) },
        Outage { endpoint: 2, nodes: 0..2, time: ago(30 * MINUTE, 30 * MINUTE) },
        Outage { endpoint: 0, nodes: 0..3, time: ago(6 * DAY, 5 * HOUR) },
        Outage { endpoint: 4, nodes: 0..2, time: ago(5 * DAY, 40 * MINUTE) },
    ];
    fake_nodes.slowness = vec![
        Outage { endpoint: 3, nodes: 0..3, time: ago(11 * HOUR, 2 * HOUR) },
        Outage { endpoint: 3, nodes: 0..3, time: ago(40 * MINUTE, 40 * MINUTE) },
    ];
    let unobserved = ago(4 * DAY, 3 * HOUR);
    fake_nodes.silences = vec![
        (0, ago(20 * HOUR, 2 * HOUR)),
        (0, unobserved.clone()),
        (1, unobserved.clone()),
        (2, unobserved),
        (2, ago(5 * HOUR, 5 * HOUR)),
    ];
    fake_nodes
}

/// Reads all of an endpoint's figures from the page.
fn shown(page: &Page, title: &str) -> Value {
    let shown = page.endpoint(title);
    let bar = |bar: &Value| {
        let label = bar["label"].as_str().unwrap_or_default();
        // `Sunday 14:00–15:00: 99.20% up; down for 11 min – connection refused`
        let (_, shares) = label.split_once(": ").unwrap_or_default();
        let shares = shares.split_once(" – ").map_or(shares, |(shares, _)| shares);
        json!([bar["start"], bar["end"], bar["status"], shares])
    };
    json!({
        "endpoint": shown.text_of("locator"), "status": shown.text_of("status"), "state": shown.text_of("state"),
        "localized": shown.0["localized"] == true, "uptime": shown.text_of("uptime"),
        "coverage": shown.text_of("coverage"), "breakdown": shown.text_of("breakdown"),
        "bars": shown.0["bars"].as_array().expect("there are bars").iter().map(bar).collect::<Vec<_>>(),
        "times": shown.text_of("times").trim_end_matches(" · logarithmic"),
    })
}

fn expected(report: &StatusJson<'_>, of: &Value, reads_histories: bool) -> Value {
    let mut breakdown = StatusJson::breakdown(of);
    // Check files alone do not cover the objective's window.
    if reads_histories {
        breakdown = format!("{breakdown}; {}", budget(of));
    }
    let bar = |slot: &Value| {
        let edge = |name: &str| number(slot, name).to_string();
        json!([edge("start"), edge("end"), slot["status"], report.shares(of, slot)])
    };
    json!({
        "endpoint": of["endpoint"], "status": of["status"], "state": report.state(of),
        "localized": of["localized"], "uptime": of["uptime"],
        "coverage": StatusJson::coverage(of), "breakdown": breakdown,
        "bars": list(of, "slots").iter().map(bar).collect::<Vec<_>>(),
        "times": format!("Response time: {}", StatusJson::response_times(of)),
    })
}

/// How much of the time the page must show an endpoint to be observed.
pub(crate) fn coverage(json: &Value) -> String {
    StatusJson::coverage(json)
}

/// Reads the timeline's events from the page: their times, and their text.
fn events(page: &Page) -> Vec<Value> {
    let event = |event: &Value| json!([event["times"][0], event["text"].as_str().unwrap_or_default().trim()]);
    page.0["events"].as_array().expect("there are events").iter().map(event).collect()
}

/// Reads the nodes from the page: each name and description, and whether the node is late.
const NODES: &str = "return [...document.querySelectorAll('#nodes li')].map(line =>
    [line.querySelector('bdi').textContent, line.querySelector('time').textContent, line.dataset.late === 'true'])";

/// Formats times as ISO 8601 in UTC.
const MOMENTS: &str = "return arguments[0].map(at => new Date(at / 1e6).toISOString().slice(0, 19) + 'Z')";

async fn compare(quorum: Quorum, range: &str, nanos: Nanos) {
    let fake_nodes = fake_nodes(quorum);
    let mut objects = fake_nodes.objects();
    for node in 0..3 {
        objects.extend(fake_nodes.check_files(node, fake_nodes.now - 3 * DAY));
    }
    let files: serde_json::Map<String, Value> =
        objects.keys().filter(|name| !name.contains('/')).map(|name| (name.clone(), json!(0))).collect();
    objects.insert(INDEX.to_owned(), Value::Object(files).to_string());
    let mut config = watching(&[check("Service 00", "http://127.0.0.1:9/")], &directory());
    config["page"] = json!({ "range": range });
    let checker = Checker::new(&config);
    into_directory(&objects, &checker.path("checks"));
    let caddy = Caddy::start("").await;
    std::os::unix::fs::symlink(checker.path("checks"), caddy.site.path().join("store")).expect("it is a folder");
    let mut config = PageConfig::new(Source::Http { url: "store/".to_owned() });
    (config.range, config.refresh, config.offline) = (nanos, DAY, false);
    caddy.configure(&config.to_json());

    let words = ["status", "-c", "checker.json", "--format", "json", "--full"];
    let in_utc = |command: &mut std::process::Command| {
        command.env("TZ", "UTC");
    };
    let run = checker.call_with(&words, in_utc).await;
    assert_eq!(run.code, 0, "{}", run.output());
    let status: Value = serde_json::from_str(&run.stdout).expect("it is JSON");
    let report = StatusJson(&status);
    // The clock is frozen and the time zone is UTC, so the page and the command use the same time and the same
    // midnights.
    let browser = Browser::open().await;
    browser.devtools("Emulation.setTimezoneOverride", json!({ "timezoneId": "UTC" })).await;
    browser.stop_clock(report.now()).await;
    let page = page::visit(&browser, &caddy.url).await;
    page.assert_clean();
    assert_eq!(page.problems(), "");
    let context = format!("{quorum} over {range}");
    assert_eq!((report.endpoints().len(), page.endpoints().len()), (6, 6));
    for of in report.endpoints() {
        let title = text(of, "title");
        assert_eq!(shown(&page, title), expected(&report, of, nanos > 3 * DAY), "{context}: {of:#}");
        // The chart's label has the same figures for screen readers.
        let chart = page.endpoint(title).text_of("chart").replace('\u{a0}', " ");
        assert!(chart.contains(&format!(": {}", StatusJson::response_times(of))), "{context}: {chart}");
        // The reason names the locations from which the endpoint is down.
        if of["localized"] == true {
            let from: Vec<&str> = list(of, "down_from").iter().filter_map(Value::as_str).collect();
            let (down, heard) = (from.len(), number(of, "heard"));
            let who = format!("Unreachable from {} ({down} of {heard} locations): ", from.join(" and "));
            assert!(page.endpoint(title).text_of("reason").starts_with(&who), "{context}: {who}");
        }
        let down: Vec<&Value> = list(of, "nodes").iter().filter(|node| node["status"] == "down").collect();
        let down: Vec<&Value> = down.into_iter().map(|node| &node["node"]).collect();
        assert_eq!(json!(down), of["down_from"], "{context}: {of:#}");
    }
    let of_page = |name: &str| page.text_of(name);
    assert_eq!(of_page("state"), status["status"], "{context}");
    assert_eq!((of_page("overall"), of_page("remark")), (report.sentence(), report.remark()), "{context}");
    assert_eq!((of_page("freshness"), of_page("scope")), report.freshness(), "{context}");
    let nodes = browser.script(NODES).await.to_string().replace('\u{a0}', " ");
    assert_eq!(nodes, json!(report.nodes()).to_string(), "{context}");
    let (moments, texts): (Vec<i64>, Vec<String>) = report.events().into_iter().unzip();
    let moments = browser.script_with(MOMENTS, vec![json!(moments)]).await;
    let moments = moments.as_array().cloned().unwrap_or_default();
    let happened: Vec<Value> = moments.iter().zip(texts).map(|(at, text)| json!([at, text])).collect();
    assert_eq!(json!(events(&page)), json!(happened), "{context}");
    browser.script("document.querySelector('#percentiles').click()").await;
    // The page draws endpoints one after another.
    let all = |page: &Page| {
        report.endpoints().iter().all(|of| page.endpoint(text(of, "title")).text_of("times").contains("p99"))
    };
    let page = page::when(&browser, "percentiles", all).await;
    for of in report.endpoints() {
        let shown = page.endpoint(text(of, "title")).text_of("times");
        assert_eq!(shown, format!("Response time: {}", StatusJson::percentiles(of)), "{context}");
    }
    // The comparison is meaningful only if the store has every status, incidents, and figures that are neither zero nor
    // the maximum.
    let is = |name: &str, value: Value| report.endpoints().iter().any(|report| report[name] == value);
    assert!(is("status", json!("healthy")) && is("status", json!("degraded")), "{status:#}");
    assert!(report.endpoints().iter().filter(|report| report["down"].as_i64() > Some(0)).count() >= 2, "{status:#}");
    let mut budgets = report.endpoints().iter().map(|of| text(&of["budget"], "left_percent"));
    assert!(budgets.any(|left| left != "0%" && left != "100%"), "{status:#}");
    assert!(happened.len() >= 4 && report.endpoints().iter().any(|of| list(of, "incidents").len() > 1), "{status:#}");
}

#[tokio::test]
async fn page_and_terminal_agree_about_a_day_of_check_files() {
    compare(Quorum::Majority, "24h", DAY).await;
    compare(Quorum::Any, "24h", DAY).await;
}

#[tokio::test]
async fn page_and_terminal_agree_about_days_of_histories() {
    compare(Quorum::Majority, "10d", 10 * DAY).await;
    compare(Quorum::All, "8d", 8 * DAY).await;
}

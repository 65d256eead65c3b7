//! Every figure that stands on the page beside what `checker status` says of the same store at the same moment: the page
//! reads check files or histories, depending on its range; the terminal reads histories.

use harness::browser::Browser;
use harness::caddy::Caddy;
use harness::checker::Checker;
use harness::configuration::{check, directory, watching};
use harness::fleet::{Fleet, Outage, into_directory};
use harness::now;
use harness::page::{self, Page};
use serde_json::{Value, json};
use shared::object_name::INDEX;
use shared::page_config::{PageConfig, Source};
use shared::verdict::Policy;
use shared::{DAY, HOUR, MINUTE, Nanos, duration};

/// Three nodes and six endpoints: outages that all see, that one sees and that go on; slowness; a node that was silent for
/// hours and one that is; a time in which nobody looked.
fn fleet(policy: Policy) -> Fleet {
    let mut fleet = Fleet { endpoints: 6, policy, ..Fleet::small(&["ap-south", "eu-west", "us-east"], now()) };
    let ago = |from: Nanos, length: Nanos| fleet.now - from..fleet.now - from + length;
    fleet.outages = vec![
        Outage { endpoint: 0, nodes: 0..3, time: ago(9 * HOUR, 100 * MINUTE) },
        Outage { endpoint: 1, nodes: 1..2, time: ago(7 * HOUR, 3 * HOUR) },
        Outage { endpoint: 2, nodes: 0..2, time: ago(30 * MINUTE, 30 * MINUTE) },
        Outage { endpoint: 0, nodes: 0..3, time: ago(6 * DAY, 5 * HOUR) },
        Outage { endpoint: 4, nodes: 0..2, time: ago(5 * DAY, 40 * MINUTE) },
    ];
    fleet.slowness = vec![
        Outage { endpoint: 3, nodes: 0..3, time: ago(11 * HOUR, 2 * HOUR) },
        Outage { endpoint: 3, nodes: 0..3, time: ago(40 * MINUTE, 40 * MINUTE) },
    ];
    let nobody = ago(4 * DAY, 3 * HOUR);
    fleet.silences = vec![
        (0, ago(20 * HOUR, 2 * HOUR)),
        (0, nobody.clone()),
        (1, nobody.clone()),
        (2, nobody),
        (2, ago(5 * HOUR, 5 * HOUR)),
    ];
    fleet
}

/// What stands on the page that `checker status` says, too, in its form.
fn said(page: &Page, told: &Value) -> Value {
    let shown = page.endpoint(told["title"].as_str().unwrap_or_default());
    json!({
        "endpoint": shown.text_of("locator"), "status": shown.text_of("status"),
        "localized": shown.0["localized"] == true, "uptime": shown.text_of("uptime"),
        "coverage": shown.text_of("coverage"), "reckoning": shown.text_of("reckoning"),
    })
}

/// What has to stand there.
fn expected(told: &Value) -> Value {
    let text = |name: &str| told[name].as_str().unwrap_or_default().to_owned();
    let time = |name: &str| told[name].as_i64().expect("it is a time");
    let [healthy, degraded, down, unknown] = ["healthy", "degraded", "down", "unknown"].map(time);
    let (up, observed) = (healthy + degraded, healthy + degraded + down);
    let in_words = duration::in_words;
    let mut reckoning = format!("{} = up for {} of {} observed", text("uptime"), in_words(up), in_words(observed));
    for (time, what) in [(down, "down"), (degraded, "degraded"), (unknown, "not observed")] {
        if time > 0 {
            reckoning = format!("{reckoning}; {what} for {}", in_words(time));
        }
    }
    json!({
        "endpoint": text("endpoint"), "status": text("status"), "localized": told["localized"],
        "uptime": text("uptime"), "coverage": format!("of {} observed", text("coverage")), "reckoning": reckoning,
    })
}

/// Who looks: name, moment in whole seconds, and whether it is late.
const NODES: &str = "return [...document.querySelectorAll('#observers li')].map(line =>
    [line.querySelector('bdi, b, strong')?.textContent ?? line.textContent.trim().split(' ')[0],
     Math.floor(Date.parse(line.querySelector('time').dateTime) / 1000), line.dataset.late === 'true'])";

async fn compare(policy: Policy, range: &str, nanos: Nanos) {
    let fleet = fleet(policy);
    let mut objects = fleet.objects();
    for node in 0..3 {
        objects.extend(fleet.check_files(node, fleet.now - 3 * DAY));
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
    (config.range, config.refresh) = (nanos, DAY);
    caddy.configure(&config.to_json());

    let run = checker.call(&["status", "-c", "checker.json", "--format", "json"]).await;
    assert_eq!(run.code, 0, "{}", run.output());
    let status: Value = serde_json::from_str(&run.stdout).expect("it is JSON");
    // The same moment for both.
    let browser = Browser::open().await;
    browser.stop_clock(status["now"].as_i64().expect("it is a time")).await;
    let page = page::visit(&browser, &caddy.url).await;
    page.assert_clean();
    assert_eq!(page.problems(), "");
    let told = status["endpoints"].as_array().expect("there are endpoints");
    assert_eq!((told.len(), page.endpoints().len()), (6, 6));
    for told in told {
        assert_eq!(said(&page, told), expected(told), "{policy} over {range}: {told:#}");
    }
    assert_eq!(page.text_of("state"), status["status"], "{policy} over {range}");
    let nodes = status["nodes"].as_array().expect("there are nodes");
    let nodes: Vec<Value> = nodes
        .iter()
        .map(|node| json!([node["node"], node["newest"].as_i64().unwrap_or(0) / shared::SECOND, node["late"]]))
        .collect();
    assert_eq!(browser.script(NODES).await, Value::Array(nodes), "{policy} over {range}");
    // It was about something: every status, and figures that are neither nothing nor all.
    let is = |name: &str, value: Value| told.iter().any(|told| told[name] == value);
    assert!(is("status", json!("healthy")) && is("status", json!("degraded")), "{told:#?}");
    let between = told.iter().filter(|told| told["down"].as_i64() > Some(0)).count();
    assert!(between >= 2, "{told:#?}");
}

#[tokio::test]
async fn over_a_day_whose_checks_are_read_one_by_one() {
    compare(Policy::Majority, "24h", DAY).await;
    compare(Policy::Any, "24h", DAY).await;
}

#[tokio::test]
async fn over_days_that_histories_tell() {
    compare(Policy::Majority, "10d", 10 * DAY).await;
    compare(Policy::All, "7d", 7 * DAY).await;
}

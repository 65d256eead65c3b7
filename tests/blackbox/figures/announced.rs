//! Compares what people posted, and the figures that depend on it, everywhere: on the page, in the table, the JSON and the
//! metrics of `checker status`, in the summary that a round stores, and in exported outputs. All clocks are stopped at the same time.

use std::process::Command;

use serde_json::{Value, json};
use shared::civil::rfc3339;
use shared::object_name::INDEX;
use shared::page_config::appearance::Group;
use shared::page_config::{PageConfig, Source};
use shared::post::{Details, Impact, IncidentState, MaintenanceChange, Post, PostId};
use shared::{DAY, HOUR, MINUTE, Nanos};
use support::browser::Browser;
use support::caddy::Caddy;
use support::checker::Checker;
use support::configuration::{check, directory, watching};
use support::endpoints::{Behavior, Endpoint};
use support::fake_nodes::{FakeNodes, Outage, into_directory};
use support::page::{self, Page};
use support::page_scenario::NOW;
use support::posts;

use super::expected::{StatusJson, list, number, text};
use super::metrics;
use super::outputs::Exported;

/// The range of the page and of the commands. At [`NOW`], it began 230 h 5 min ago.
const RANGE: Nanos = 10 * DAY;

/// The endpoints of the group `Money`. The page unfolds the group, because one of them is degraded.
const GROUP: [&str; 2] = ["Service 04", "Service 05"];

/// Two nodes and six endpoints. Two outages and slowness are in progress.
fn fake_nodes() -> FakeNodes {
    let mut fake_nodes = FakeNodes { endpoints: 6, ..FakeNodes::small(&["eu-west", "us-east"], NOW) };
    fake_nodes.objective = "99% over 30d".parse().ok();
    let ago =
        |endpoint, from: Nanos, length: Nanos| Outage { endpoint, nodes: 0..2, time: NOW - from..NOW - from + length };
    fake_nodes.outages = vec![
        ago(0, 9 * HOUR, 2 * HOUR),
        ago(1, 2 * DAY, 3 * HOUR),
        ago(2, 30 * MINUTE, 30 * MINUTE),
        ago(3, 20 * MINUTE, 20 * MINUTE),
    ];
    fake_nodes.slowness = vec![ago(4, 40 * MINUTE, 40 * MINUTE)];
    fake_nodes
}

fn change(id: &PostId, subject: &PostId, change: MaintenanceChange) -> Post {
    let details = Details::Maintenance { plan: None, change: Some(change) };
    Post { text: None, details, ..posts::update(id, subject, None, "") }
}

/// What anna and ben posted: maintenance that covers an outage partly, entirely, only in retrospect or with a milder
/// impact; one window that is moved and one that is canceled; and incidents about an endpoint, a group and everything.
/// One incident has no title.
fn posted() -> Vec<Post> {
    let id = |author: &str, ago: Nanos| posts::id(author, NOW - ago);
    let maintenance = |id: &PostId, title: &str, scope: &str, impact, start: Nanos, length: Nanos| {
        posts::maintenance(id, title, &[(scope, impact)], &[(NOW + start, NOW + start + length)], "")
    };
    let racks = id("ben", 4 * HOUR);
    let windows = [(NOW + DAY, NOW + DAY + HOUR), (NOW + 2 * DAY, NOW + 2 * DAY + HOUR)];
    let moved = MaintenanceChange::Move { window: windows[0].0, start: NOW + 3 * HOUR, end: NOW + 4 * HOUR };
    let (search, payments, mail) = (id("anna", 50 * MINUTE), id("ben", 15 * MINUTE), id("ben", 7 * HOUR));
    let untitled = id("ben", 45 * MINUTE);
    vec![
        maintenance(&id("anna", 2 * DAY), "Upgrade", "Service 00", Impact::Down, -9 * HOUR, HOUR),
        maintenance(&id("anna", DAY), "Late", "Service 01", Impact::Down, -2 * DAY, 3 * HOUR),
        maintenance(&id("ben", 3 * HOUR), "Move", "Service 02", Impact::Down, -35 * MINUTE, 2 * HOUR),
        maintenance(&id("ben", 2 * HOUR), "Cables", "Service 03", Impact::Degraded, -HOUR, 2 * HOUR),
        posts::maintenance(&racks, "Racks", &[("Money", Impact::Down)], &windows, ""),
        change(&id("ben", HOUR), &racks, moved),
        change(&id("ben", MINUTE), &racks, MaintenanceChange::Cancel(windows[1].0)),
        posts::incident(&search, "Search is slow", &[("Service 04", Impact::Degraded)], "We know."),
        posts::update(&id("anna", 20 * MINUTE), &search, Some(IncidentState::Identified), "A <b>disk</b> is full."),
        posts::update(&untitled, &untitled, Some(IncidentState::Monitoring), "Most of it works."),
        posts::incident(&payments, "Payments fail", &[("Money", Impact::None)], "We are looking into it."),
        posts::incident(&mail, "Late mail", &[("*", Impact::None)], "It is late."),
        posts::update(&id("ben", 5 * HOUR), &mail, Some(IncidentState::Resolved), "It arrives."),
    ]
}

/// The titles, the uptimes, and the uptimes outside of planned maintenance where they differ.
const UPTIMES: [(&str, &str, Option<&str>); 6] = [
    ("Service 00", "99.13%", Some("99.56%")),
    ("Service 01", "98.69%", None),
    ("Service 02", "99.78%", Some("100%")),
    ("Service 03", "99.85%", None),
    ("Service 04", "100%", None),
    ("Service 05", "100%", None),
];

/// The lines about posts in the table of `checker status`.
const TABLE: [&str; 6] = [
    "  investigating  Payments fail, incident since 13:50 UTC, affects Money",
    "  monitoring     Untitled incident, incident since 13:20 UTC",
    "  identified     Search is slow, incident since 13:15 UTC, affects Service 04 (degraded)",
    "  in progress    Move, maintenance until 15:30 UTC, affects Service 02 (down)",
    "  in progress    Cables, maintenance until 15:05 UTC, affects Service 03 (degraded)",
    "  planned        Racks, maintenance from 17:05 to 18:05 UTC, affects Money (down)",
];

/// The lines below the headline of the page, each with the time of its newest update. The page also has the incident
/// that ended today.
const PAGE: [(&str, &str); 7] = [
    ("Payments failInvestigating · since 13:50 (15 min) · affects Money", "2026-11-22T13:50:00Z"),
    ("Untitled incidentMonitoring · since 13:20 (45 min) · affects all services", "2026-11-22T13:20:00Z"),
    ("Search is slowIdentified · since 13:15 (50 min) · affects Service 04", "2026-11-22T13:45:00Z"),
    ("MoveMaintenance in progress until 15:30 · affects Service 02", ""),
    ("CablesMaintenance in progress until 15:05 · affects Service 03", ""),
    ("Late mail Resolved · 07:05–09:05 (2 h) · affects all services", ""),
    ("Racks Planned maintenance · Today, 17:05–18:05 (1 h) · affects Money", ""),
];

/// Stops a command's clock at [`NOW`], in UTC.
fn stop_clock(command: &mut Command) {
    command.env("TZ", "UTC");
}

async fn call(checker: &Checker, words: &[&str]) -> String {
    let moment = rfc3339(NOW).replace('T', " ").replace('Z', "");
    let run = checker.call_with_clock(words, &moment, stop_clock).await;
    assert_eq!(run.code, 0, "{words:?}: {}", run.output());
    run.stdout
}

/// Writes the store, and runs a round that stores a summary. The round checks one more endpoint.
async fn stored() -> Checker {
    let mut objects = fake_nodes().objects();
    let files: serde_json::Map<String, Value> =
        objects.keys().filter(|name| !name.contains('/')).map(|name| (name.clone(), json!(0))).collect();
    objects.insert(INDEX.to_owned(), Value::Object(files).to_string());
    objects.extend(["anna", "ben"].map(|author| posts::digest(author, &posted())));
    let endpoint = Endpoint::start(Behavior::ok()).await;
    let mut config = watching(&[check("Local", &endpoint.url)], &directory());
    config["page"] = json!({ "range": "10d", "groups": [{ "title": "Money", "endpoints": GROUP }] });
    let checker = Checker::new(&config);
    into_directory(&objects, &checker.path("checks"));
    call(&checker, &["run", "-c", "checker.json"]).await;
    checker
}

/// Opens the page for a checker's store.
async fn open_page(browser: &Browser, checker: &Checker) -> (Caddy, Page) {
    let caddy = Caddy::start("").await;
    std::os::unix::fs::symlink(checker.path("checks"), caddy.site.path().join("store")).expect("it is a folder");
    let mut config = PageConfig::new(Source::Http { url: "store/".to_owned() });
    (config.range, config.refresh, config.offline) = (RANGE, DAY, false);
    let endpoints = GROUP.map(str::to_owned).to_vec();
    config.appearance.groups = vec![Group { title: "Money".to_owned(), endpoints, groups: Vec::new() }];
    caddy.configure(&config.to_json());
    browser.devtools("Emulation.setTimezoneOverride", json!({ "timezoneId": "UTC" })).await;
    browser.stop_clock(NOW).await;
    let page = page::visit(browser, &caddy.url).await;
    page.assert_clean();
    assert_eq!(page.problems(), "");
    (caddy, page)
}

/// Finds the line of the table that contains an endpoint.
fn line_of<'a>(table: &'a str, title: &str) -> &'a str {
    // The headline can also contain the title.
    let mut rows = table.lines().skip_while(|line| !line.contains("ENDPOINT"));
    rows.find(|line| line.contains(&format!(" {title} "))).unwrap_or_else(|| panic!("no {title} in:\n{table}"))
}

#[tokio::test]
async fn page_table_json_summary_metrics_and_outputs_agree() {
    let checker = stored().await;
    let table = call(&checker, &["status", "-c", "checker.json"]).await;
    let status = call(&checker, &["status", "-c", "checker.json", "--format", "json"]).await;
    let status: Value = serde_json::from_str(&status).expect("it is JSON");
    let report = StatusJson(&status);
    let summary = std::fs::read_to_string(checker.path("checks/0-summary/test-node.json")).expect("it exists");
    let summary: Value = serde_json::from_str(&summary).expect("it is JSON");
    assert_eq!((report.now(), number(&summary, "at")), (NOW, NOW));
    let mut reports = Vec::new();
    for range in metrics::RANGES {
        let words = ["status", "-c", "checker.json", "--format", "json", "--range", range];
        reports.push(serde_json::from_str(&call(&checker, &words).await).expect("it is JSON"));
    }
    metrics::compare(&call(&checker, &["status", "-c", "checker.json", "--format", "prometheus"]).await, &reports);
    let full = call(&checker, &["status", "-c", "checker.json", "--format", "json", "--full"]).await;
    call(&checker, &["export", "-c", "checker.json", "--into", "site"]).await;
    let full = serde_json::from_str(&full).expect("it is JSON");
    Exported { folder: &checker.path("site"), report: &full, longest: &reports[3] }.compare();
    let browser = Browser::open().await;
    let (caddy, page) = open_page(&browser, &checker).await;

    assert_eq!(
        (page.text_of("state").as_str(), &status["status"], &summary["status"]),
        ("down", &json!("down"), &json!("down"))
    );
    assert_eq!(report.endpoints().len(), 7);
    // The endpoint of the round was checked just now, so it has no figures yet.
    for of in report.endpoints().iter().filter(|of| of["title"] != "Local") {
        let title = text(of, "title");
        let (line, shown) = (line_of(&table, title), page.endpoint(title));
        // Both uptimes, or one if they are equal.
        let (uptime, outside) = (text(of, "uptime"), text(of, "uptime_outside_maintenance"));
        let different =
            if uptime == outside { String::new() } else { format!("{outside} outside planned maintenance") };
        assert_eq!(
            (shown.text_of("uptime"), shown.text_of("outside")),
            (uptime.to_owned(), different.clone()),
            "{of:#}"
        );
        assert!(line.contains(&format!("  {uptime}  ")), "{line}");
        assert_eq!(line.contains("outside planned maintenance"), !different.is_empty(), "{line}");
        assert!(line.contains(&different), "{line}");
        // The status, and until when maintenance covers it.
        let planned_until = of["planned_until"].as_i64().map(|until| rfc3339(until)[11..16].to_owned());
        let planned = planned_until.as_ref().map(|until| format!(" · planned until {until}")).unwrap_or_default();
        assert_eq!(shown.text_of("status"), text(of, "status"), "{of:#}");
        assert_eq!(shown.text_of("state"), format!("{}{planned}", report.state(of)), "{of:#}");
        assert_eq!(shown.0["planned"] == true, planned_until.is_some(), "{of:#}");
        let planned = planned_until.map(|until| format!("  (planned until {until} UTC)")).unwrap_or_default();
        assert!(line.contains(text(of, "status")) && line.contains(&planned), "{line}");
        assert_eq!(line.contains("planned until"), !planned.is_empty(), "{line}");
        let summarized =
            list(&summary, "endpoints").iter().find(|one| one["title"] == of["title"]).expect("it is there");
        for key in ["status", "since", "checked", "localized", "down_from", "heard", "planned_until"] {
            assert_eq!(summarized[key], of[key], "{key} of {title}");
        }
        assert_eq!(summarized["incidents"], of["open_incidents"], "{title}");
    }
    for (title, uptime, outside) in UPTIMES {
        let of = report.endpoints().iter().find(|of| of["title"] == title).expect("it is there");
        assert_eq!((text(of, "uptime"), text(of, "uptime_outside_maintenance")), (uptime, outside.unwrap_or(uptime)));
    }
    // The table view has both figures in one cell.
    page::visit(&browser, &format!("{}?view=table", caddy.url)).await;
    let cells = "return [...document.querySelectorAll('.table tbody tr')].map(row => [row.querySelector('bdi').textContent, row.cells[2].textContent])";
    let cells = browser.script(cells).await;
    for (title, uptime, outside) in UPTIMES {
        let figures = outside.map(|outside| format!("{uptime} · {outside} outside planned maintenance"));
        let cell = json!([title, figures.as_deref().unwrap_or(uptime)]);
        assert!(cells.as_array().is_some_and(|cells| cells.contains(&cell)), "{cell} is not in {cells}");
    }

    // Open incidents, and maintenance in progress or planned.
    assert_eq!(summary["announced"], status["announced"]);
    let of_kind = |kind: &str| {
        list(&status["announced"], kind).iter().map(|one| text(one, "title").to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(of_kind("incidents"), ["Payments fail", "Untitled incident", "Search is slow"]);
    assert_eq!(of_kind("maintenance"), ["Move", "Cables", "Racks"]);
    let rows = table.lines().skip_while(|line| !line.contains("ENDPOINT")).skip_while(|line| !line.is_empty());
    let lines: Vec<&str> = rows.skip(1).take(TABLE.len() + 1).collect();
    assert_eq!(lines, [&TABLE[..], &[""]].concat());
    let shown = page.announcements();
    assert_eq!(shown.len(), PAGE.len(), "{shown:?}");
    for ((line, _), shown) in PAGE.iter().zip(&shown) {
        assert!(shown.starts_with(line), "{shown}");
    }
    let updated = "return [...document.querySelectorAll('#announcements .card')].map(card => card.querySelector('time')?.dateTime ?? '')";
    page::visit(&browser, &caddy.url).await;
    assert_eq!(browser.script(updated).await, json!(PAGE[..5].iter().map(|(_, updated)| updated).collect::<Vec<_>>()));
    let updated: Vec<String> =
        list(&status["announced"], "incidents").iter().map(|one| rfc3339(number(one, "updated"))).collect();
    assert_eq!(updated, [PAGE[0].1, PAGE[1].1, PAGE[2].1]);

    // The outages that were planned.
    let outages = report.endpoints().iter().flat_map(|of| list(of, "incidents"));
    let mut outages: Vec<(String, bool)> =
        outages.map(|outage| (rfc3339(number(outage, "start")), outage["planned"] == true)).collect();
    outages.sort();
    assert_eq!(outages.iter().filter(|(_, is_planned)| *is_planned).count(), 1, "{outages:?}");
    let events = "return [...document.querySelectorAll('#timeline .event[data-kind=status]')].map(one => [one.querySelector('time').dateTime, one.dataset.planned === 'true']).sort()";
    assert_eq!(browser.script(events).await, json!(outages));
}

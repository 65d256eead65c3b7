//! Snapshots of the output of commands that can be produced without I/O.

use std::fmt::Write as _;

use anstream::adapter::strip_str;
use http::{HeaderMap, HeaderValue, header};
use shared::announced::Announced;
use shared::check_file::{Attempt, CheckResult, Phases};
use shared::object_name::{CheckFileName, NodeName};
use shared::status::Status;
use shared::summary::{EndpointSummary, NodeReport, Summary};
use shared::{DAY, HOUR, MINUTE, Nanos, SECOND, UnixNanos};

use super::{assert_text, environment};
use crate::checks::AttemptRecord;
use crate::checks::probe_data::ProbeData;
use crate::config::from_text;
use crate::config::starter::{for_urls, starter};
use crate::doctor::{self, Finding, Side, clock, freshness};
use crate::monitor::result_status::Evaluation;
use crate::monitor::{announcement::Announcement, runner::CheckRunner};
use crate::recorder::summary::badge::{self, BadgeColor};
use crate::recorder::summary::html;
use crate::ui::explain::explain;
use crate::ui::table::{self, Styles};

const NOW: UnixNanos = 1_795_330_254_340_493_978;

fn node(name: &str) -> NodeName {
    NodeName::new(name).expect("a name")
}

fn attempt(milliseconds: Nanos, error: Option<&str>) -> Attempt {
    Attempt { rtt: milliseconds * 1_000_000, error: error.map(str::to_owned), ..Attempt::default() }
}

fn result(title: &str, status: Status, notice: &str, attempts: Vec<Attempt>) -> CheckResult {
    CheckResult {
        title: title.to_owned(),
        locator: "https://shop.example/".to_owned(),
        timestamp: NOW,
        status,
        notice: notice.to_owned(),
        attempts,
        kind: Some("http".to_owned()),
        node: Some(node("eu-west")),
        interval: Some(MINUTE),
        ..CheckResult::default()
    }
}

fn results() -> Vec<CheckResult> {
    let slow = "median round trip time exceeded threshold (500ms)";
    let refused = || attempt(1, Some("connection refused"));
    vec![
        result("Shop", Status::Healthy, "", vec![attempt(95, None), attempt(88, None)]),
        result("Search", Status::Degraded, slow, vec![attempt(640, None)]),
        result("Billing", Status::Down, "", vec![refused(), attempt(20, None), refused()]),
        result("Backup", Status::Unknown, "no attempt was made", Vec::new()),
        result(
            "A title that is longer than any column of a table is wide",
            Status::Healthy,
            "",
            vec![attempt(7, None)],
        ),
    ]
}

#[test]
fn rounds() {
    let name = CheckFileName { stored_at: NOW, node: Some(node("eu-west")) };
    let mut text = table::render(&results(), Styles::Plain);
    let _ = writeln!(text, "\n{}", table::render(&[], Styles::Plain));
    let _ = writeln!(text, "{}", table::json_line(&node("eu-west"), Some(&name), &results()[..2]));
    let _ = writeln!(text, "{}", table::json_line(&node("eu-west"), None, &[]));
    assert_text("run", &text);
}

#[test]
fn windows_without_a_check_and_subjects_of_messages() {
    let text = r#"{"checkers": [{"type": "exec", "name": "A", "command": "true"}]}"#;
    let config = from_text(text, std::path::Path::new(""), &environment()).0.expect("it is valid");
    let missed = |count| CheckRunner::new(&config, None).missed(&config.checks[0], NOW, count).notice;
    let subject = |about: &[&str]| {
        Announcement { message: "x".to_owned(), about: about.iter().map(|title| (*title).to_owned()).collect() }
            .subject()
    };
    let lines = [missed(1), missed(3), subject(&[]), subject(&["Shop", "API"])];
    assert_text("missed_and_subjects", &lines.join("\n"));
}

/// One check of each kind with distinct output.
fn explained() -> String {
    let text = r#"{"checkers": [
        {"type": "http", "endpoint_name": "Shop", "endpoint_url": "https://shop.example/health?full=1", "method": "POST",
         "headers": {"Authorization": "Bearer ${KEY}", "Accept": "text/html"}, "body": "x",
         "assertions": ["[STATUS] == 200", "[RTT] < 1ms", "[BODY] contains 'well'"]},
        {"type": "tcp", "endpoint_name": "Port", "endpoint_url": "db.example:5432"},
        {"type": "heartbeat", "endpoint_name": "Backup", "job": "backup", "interval": "1d"}]}"#;
    let config = from_text(text, std::path::Path::new(""), &environment()).0.expect("it is valid");
    let [http, tcp, heartbeat] = config.checks.as_slice() else { panic!("there are three") };
    let pairs = [
        (header::SERVER, HeaderValue::from_static("nginx")),
        (header::SET_COOKIE, HeaderValue::from_static("session=s3cr3t")),
        (header::LOCATION, HeaderValue::from_static("//me:s3cr3t@elsewhere.example/")),
    ];
    let milliseconds = |count: Nanos| Some(count * 1_000_000);
    let phases =
        Phases { dns: milliseconds(2), connect: milliseconds(18), tls: milliseconds(30), ttfb: milliseconds(40) };
    let conclusion = |status, notice: &str| Evaluation { status, notice: notice.to_owned(), attempts: Vec::new() };
    let addresses = ["192.0.2.1".to_owned(), "2001:db8::1".to_owned()];
    let peer = "192.0.2.1:443".parse().expect("an address");
    let seen = ProbeData {
        status: Some(200),
        headers: Some(HeaderMap::from_iter(pairs)),
        body: Some(b"all is well".to_vec()),
        truncation: Some("only the first 11 bytes of the body were read (`body_limit`)".to_owned()),
        certificate_expires_in: Some(9 * DAY),
        certificates: vec![b"nonsense".to_vec().into()],
        peer: Some(peer),
        ..ProbeData::default()
    };
    let tried = AttemptRecord { attempt: Attempt { rtt: 95_000_000, error: None, phases }, ..AttemptRecord::default() };
    let mut text =
        explain(http, &addresses, &tried, &seen, &conclusion(Status::Degraded, "certificate expires in 9 d"));
    let failed = AttemptRecord { attempt: attempt(1, Some("connection refused")), ..AttemptRecord::default() };
    let seen = ProbeData { attempted: vec![peer], ..ProbeData::default() };
    let unknown = "this node is offline: none of its `online_check` addresses can be reached";
    text.push('\n');
    text.push_str(&explain(tcp, &[], &failed, &seen, &conclusion(Status::Unknown, unknown)));
    text.push('\n');
    let seen = ProbeData { heartbeat_age: Some(HOUR + 2 * MINUTE), ..ProbeData::default() };
    let tried = AttemptRecord { attempt: attempt(0, None), ..AttemptRecord::default() };
    text.push_str(&explain(heartbeat, &[], &tried, &seen, &conclusion(Status::Healthy, "")));
    strip_str(&text).to_string()
}

#[test]
fn every_detail_of_an_attempt() {
    assert_text("explain", &explained());
}

#[test]
fn doctor_findings() {
    let file = |age: Nanos, node: Option<NodeName>| CheckFileName { stored_at: NOW - age, node };
    let here = || node("eu-west");
    let mut findings = vec![
        Finding::ok(Side::Page, "the page can list the store"),
        Finding::warning(Side::Checker, "something odd", "what to do"),
        Finding::failure(Side::Store, "something wrong", "what to do"),
    ];
    for ahead in [Some(MINUTE), Some(-8 * MINUTE), Some(20 * MINUTE), None] {
        findings.extend(clock::accepted_finding(Side::Checker, ahead));
        findings.push(clock::refused_finding(Side::Page, ahead));
    }
    for (age, node, interval) in [
        (MINUTE, Some(here()), Some(MINUTE)),
        (HOUR, Some(here()), Some(MINUTE)),
        (HOUR, Some(here()), None),
        (-HOUR, Some(here()), None),
        (DAY, None, None),
    ] {
        findings.push(freshness::node_finding(&file(age, node), interval, NOW));
    }
    let names = [file(8 * DAY, Some(here()))];
    for age in [None, Some(7 * DAY), Some(9 * DAY)] {
        findings.push(freshness::expiry_finding(&names, &here(), age, NOW));
    }
    let mut text = strip_str(&doctor::text(&findings)).to_string();
    let _ = writeln!(text, "\n{:#}", doctor::to_json(&findings[..2]));
    assert_text("doctor.findings", &text);
}

fn endpoint(title: &str, status: Status, down_from: &[&str]) -> EndpointSummary {
    EndpointSummary {
        title: title.to_owned(),
        endpoint: "https://shop.example/".to_owned(),
        status,
        localized: status == Status::Degraded && !down_from.is_empty(),
        retired: false,
        since: Some(NOW - HOUR),
        checked: Some(NOW - SECOND),
        until: None,
        down_from: down_from.iter().map(|node| (*node).to_owned()).collect(),
        voters: 3,
        own_status: status,
        badge: None,
        planned_until: None,
        incidents: Vec::new(),
    }
}

#[test]
fn summaries_for_clients_without_scripts() {
    use Status::{Degraded, Down, Healthy, Unknown};
    let page = |status, endpoints: Vec<EndpointSummary>| {
        let nodes = vec![
            NodeReport { node: Some("eu-west".to_owned()), reported: NOW },
            NodeReport { node: Some("us-east".to_owned()), reported: NOW - HOUR },
            NodeReport { node: None, reported: NOW },
        ];
        let summary = Summary {
            title: "My status".to_owned(),
            node: "eu-west".to_owned(),
            at: NOW,
            badges_at: NOW,
            status,
            nodes,
            endpoints,
            announced: Announced::default(),
        };
        html::page(&summary)
    };
    let never = EndpointSummary { since: None, checked: None, ..endpoint("Never", Unknown, &[]) };
    let pages = [
        ("nothing", page(Unknown, Vec::new())),
        ("healthy", page(Healthy, vec![endpoint("Shop", Healthy, &[]), endpoint("API", Healthy, &[])])),
        ("degraded", page(Degraded, vec![endpoint("Shop", Healthy, &[]), endpoint("API", Degraded, &[])])),
        ("localized", page(Degraded, vec![endpoint("API", Degraded, &["us-east"])])),
        (
            "down",
            page(Down, vec![endpoint("Shop", Down, &["eu-west", "us-east"]), endpoint("API", Down, &["eu-west"])]),
        ),
        ("unknown", page(Unknown, vec![endpoint("Shop", Healthy, &[]), never])),
    ];
    for (name, html) in pages {
        assert_text(&format!("summary_html.{name}"), &html);
    }
}

#[test]
fn badges() {
    let of_status = |status: Status| badge::draw("Shop", status.as_str(), BadgeColor::Status(status), NOW);
    let mut svgs: Vec<String> = Status::ALL.map(of_status).into();
    svgs.push(badge::draw("Shop", "partial outage", BadgeColor::Status(Status::Degraded), NOW));
    svgs.push(badge::draw("Shop", "down (planned), open incident", BadgeColor::Planned, NOW));
    assert_text("badges", &svgs.concat());
}

#[test]
fn the_starter_configuration() {
    assert_text("starter", &starter());
    let urls = ["https://www.shop.example/", "https://api.example/health"].map(str::to_owned);
    assert_text("starter_for_urls", &for_urls(&urls).expect("they are URLs"));
}

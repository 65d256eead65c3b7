//! Tests status page checks with a local server.

use crate::checks::net::address_policy::AddressPolicy;
use crate::checks::statuspage::summary::{ReportedStatus, reported_status};
use crate::checks::statuspage::*;
use crate::checks::test_server::serve_with;
use crate::checks::{Check, CheckKind, CheckOutcome, run};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

/// An abridged summary in the Atlassian Statuspage format.
const SUMMARY: &str = r#"{
  "page": {"id": "kctbh9vrtdwd", "name": "Shop", "url": "https://status.shop.example", "time_zone": "Etc/UTC"},
  "components": [
    {"id": "8l4ygp009s5s", "name": "Git", "status": "operational", "position": 1, "group_id": null, "group": false},
    {"id": "4230lsnqdsld", "name": "Webhooks", "status": "degraded_performance", "group": false},
    {"id": "0l2p9nhqnxpd", "name": "API", "status": "partial_outage", "description": null},
    {"id": "br0l2tvcx85d", "name": "Payments", "status": "major_outage"},
    {"id": "kr09ddfgbfsf", "name": "Pages", "status": "under_maintenance"},
    {"id": "pjmpxvq2cmr2", "name": "Störung", "status": "on_fire"},
    {"id": "a1", "name": "Europe", "status": "operational"},
    {"id": "a2", "name": "Europe", "status": "major_outage"},
    {"id": "a3", "name": "Login"}
  ],
  "incidents": [
    {"id": "i1", "name": "Cards are declined", "status": "investigating", "components": [{"id": "br0l2tvcx85d"}]}
  ],
  "scheduled_maintenances": [],
  "status": {"indicator": "major", "description": "Partial System Outage"}
}"#;

#[test]
fn reported_statuses_are_mapped() {
    let degraded = |reason: &str| Ok(ReportedStatus::Degraded(reason.to_owned()));
    let down = |reason: &str| Ok(ReportedStatus::Down(reason.to_owned()));
    for (component, expected) in [
        (Some("Git"), Ok(ReportedStatus::Healthy)),
        (Some("8l4ygp009s5s"), Ok(ReportedStatus::Healthy)),
        (Some(" git"), Ok(ReportedStatus::Healthy)),
        (Some("Webhooks"), degraded("`Webhooks` has degraded performance")),
        (Some("API"), degraded("`API` has a partial outage")),
        (Some("Pages"), degraded("`Pages` is under maintenance")),
        (Some("Payments"), down("`Payments` has a major outage: Cards are declined")),
        (Some("a2"), down("`Europe` has a major outage")),
        (Some("Störung"), Err("the status page reports the unknown status `on_fire` for `Störung`")),
        (Some("Login"), Err("the status page reports the unknown status `` for `Login`")),
        (
            Some("Europe"),
            Err("the status page has 2 components named `Europe`: set `component` to an id, for example `a1`"),
        ),
        (Some("Payment"), Err("the status page has no component `Payment`; did you mean `Payments`?")),
        (Some("Mail"), Err("the status page has no component `Mail`")),
        (
            None,
            degraded(
                "the status page reports `Partial System Outage`: `Payments` has a major outage: Cards are declined",
            ),
        ),
    ] {
        let expected = expected.map_err(str::to_owned);
        assert_eq!(reported_status(SUMMARY.as_bytes(), component), expected, "{component:?}");
    }
}

#[test]
fn a_group_is_at_best_degraded_if_one_of_its_components_is_not_healthy() {
    let of = |status: &str, component: &str| {
        let group = format!(r#"{{"id": 7, "name": "Europe", "status": "{status}", "group": true, "group_id": null}}"#);
        let member = r#"{"id": 8, "name": "Paris", "status": "major_outage", "group_id": 7}"#;
        let json =
            format!(r#"{{"components": [{group}, {member}], "incidents": [{{"name": null, "components": [8]}}]}}"#);
        reported_status(json.as_bytes(), Some(component))
    };
    let paris = || "`Paris` has a major outage".to_owned();
    assert_eq!(of("operational", "Europe"), Ok(ReportedStatus::Degraded(paris())));
    assert_eq!(of("major_outage", "7"), Ok(ReportedStatus::Down("`Europe` has a major outage".to_owned())));
    assert_eq!(of("operational", "Paris"), Ok(ReportedStatus::Down(paris())));
}

#[test]
fn missing_parts_can_be_null() {
    let json = r#"{"status": {"indicator": "minor", "description": null}, "components": null, "incidents": null}"#;
    let expected = Ok(ReportedStatus::Degraded("the status page reports `minor`".to_owned()));
    assert_eq!(reported_status(json.as_bytes(), None), expected);
    for json in [r#"{"components": [{"id": "a", "status": ["down"]}]}"#, r#"{"components": [1]}"#] {
        assert!(reported_status(json.as_bytes(), None).is_err(), "{json}");
    }
}

#[test]
fn the_overall_status_is_mapped() {
    let of = |status: &str| reported_status(format!("{{\"status\": {status}}}").as_bytes(), None);
    for (indicator, expected) in [("none", None), ("minor", Some(false)), ("maintenance", Some(false))] {
        let reported = of(&format!("{{\"indicator\": \"{indicator}\"}}")).expect("it is known");
        assert_eq!(reported == ReportedStatus::Healthy, expected.is_none(), "{indicator}");
    }
    let critical = of(r#"{"indicator": "critical", "description": "Major Service Outage"}"#);
    assert_eq!(critical, Ok(ReportedStatus::Down("the status page reports `Major Service Outage`".to_owned())));
    for (json, expected) in [
        (r#"{"indicator": "fine"}"#, "the status page reports the unknown overall status `fine`"),
        ("{}", "the status page reports the unknown overall status ``"),
        ("null", "the status page does not report an overall status: set `component`"),
    ] {
        assert_eq!(of(json), Err(expected.to_owned()));
    }
    for json in ["", "<html>", "[]", "{", "{\"components\": 1}"] {
        let expected = "the status page has no summary in the Statuspage format";
        assert_eq!(reported_status(json.as_bytes(), None), Err(expected.to_owned()), "{json}");
    }
    let marked = format!("\u{feff}{SUMMARY}");
    assert_eq!(reported_status(marked.as_bytes(), Some("Git")), Ok(ReportedStatus::Healthy));
}

#[test]
fn a_component_with_a_problem_makes_the_whole_page_degraded() {
    let page = |indicator: &str, components: &str| {
        let status = format!(r#"{{"indicator": "{indicator}", "description": "Text"}}"#);
        let incidents = r#"[{"name": "Fire"}, {"name": "Flood", "components": [{"id": "b"}]}]"#;
        let json = format!(r#"{{"status": {status}, "components": [{components}], "incidents": {incidents}}}"#);
        reported_status(json.as_bytes(), None)
    };
    let degraded = |reason: &str| Ok(ReportedStatus::Degraded(reason.to_owned()));
    let down = |reason: &str| Ok(ReportedStatus::Down(reason.to_owned()));
    let one = |status: &str| format!(r#"{{"id": "a", "name": "Git", "status": "{status}"}}"#);
    let two = |status: &str| format!(r#"{}, {{"id": "b", "name": "API", "status": "{status}"}}"#, one("operational"));
    let hidden = r#"{"id": "h", "name": "Mail", "status": "major_outage", "only_show_if_degraded": true}"#;
    let group = |status: &str| {
        format!(
            r#"{{"id": "g", "name": "Europe", "status": "{status}", "group": true, "group_id": null}},
               {{"id": "m", "name": "Paris", "status": "{status}", "group": false, "group_id": "g"}}"#
        )
    };
    let alone = r#"{"id": "g", "name": "Europe", "status": "partial_outage", "group": true}"#;
    for (indicator, components, expected) in [
        ("none", two("operational"), Ok(ReportedStatus::Healthy)),
        ("none", two("under_maintenance"), Ok(ReportedStatus::Healthy)),
        ("none", two(""), Ok(ReportedStatus::Healthy)),
        ("none", two("degraded_performance"), degraded("`API` has degraded performance: Flood")),
        ("none", two("partial_outage"), degraded("`API` has a partial outage: Flood")),
        ("none", two("major_outage"), degraded("`API` has a major outage: Flood")),
        ("minor", two("major_outage"), degraded("the status page reports `Text`: `API` has a major outage: Flood")),
        ("none", hidden.to_owned(), degraded("`Mail` has a major outage")),
        ("none", group("major_outage"), degraded("`Paris` has a major outage")),
        ("none", alone.to_owned(), degraded("`Europe` has a partial outage")),
        ("none", two("on_fire"), Err("the status page reports the unknown status `on_fire` for `API`".to_owned())),
        ("none", format!("{}, {}", one("on_fire"), two("major_outage")), degraded("`API` has a major outage: Flood")),
        (
            "none",
            format!("{}, {}", one("on_fire"), two("partial_outage")),
            degraded("`API` has a partial outage: Flood"),
        ),
        ("minor", two("operational"), degraded("the status page reports `Text`: Fire")),
        ("minor", two("on_fire"), degraded("the status page reports `Text`: Fire")),
        ("critical", two("on_fire"), down("the status page reports `Text`: Fire")),
        ("minor", two("partial_outage"), degraded("the status page reports `Text`: `API` has a partial outage: Flood")),
        (
            "maintenance",
            one("under_maintenance"),
            degraded("the status page reports `Text`: `Git` is under maintenance"),
        ),
        ("critical", two("partial_outage"), down("the status page reports `Text`: Fire")),
        ("critical", one("major_outage"), down("the status page reports `Text`: `Git` has a major outage")),
    ] {
        assert_eq!(page(indicator, &components), expected, "{indicator} {components}");
    }
}

#[test]
fn the_url_of_the_summary_is_derived() {
    for (page, summary) in [
        ("https://status.example", "https://status.example/api/v2/summary.json"),
        ("https://status.example/#top", "https://status.example/api/v2/summary.json"),
        ("https://a.example/status/", "https://a.example/status/api/v2/summary.json"),
        ("https://a.example/api/v2/summary.json", "https://a.example/api/v2/summary.json"),
        ("https://a.example/proxy/v2.json?page=7", "https://a.example/proxy/v2.json?page=7"),
    ] {
        assert_eq!(summary_url(Url::parse(page).expect("a URL")).as_str(), summary);
    }
}

/// Starts a web server that sends this response for the summary in `/status/`, and redirects all other requests to it.
async fn serve(response: String) -> u16 {
    serve_with(move |mut stream| {
        let response = response.clone();
        async move {
            let (mut request, mut buffer) = (Vec::new(), [0; 4_096]);
            while !request.ends_with(b"\r\n\r\n") {
                let Ok(count @ 1..) = stream.read(&mut buffer).await else { return };
                request.extend_from_slice(&buffer[..count]);
            }
            let response = if request.starts_with(b"GET /status/api/v2/summary.json ") {
                response
            } else {
                "HTTP/1.1 301 Moved Permanently\r\nLocation: /status/api/v2/summary.json\r\nContent-Length: 0\r\n\r\n"
                    .to_owned()
            };
            let _ = stream.write_all(response.as_bytes()).await;
        }
    })
    .await
}

async fn outcome(url: &str, component: &str) -> CheckOutcome {
    let url = summary_url(Url::parse(url).expect("a URL"));
    let request = HttpCheck { max_redirects: MAX_REDIRECTS, body_limit: BODY_LIMIT, ..HttpCheck::get(url) };
    let check = StatuspageCheck { request, component: Some(component.to_owned()) };
    let check = Check::new("x", CheckKind::Statuspage(Box::new(check)));
    run(&check, &CheckContext::new(AddressPolicy::AllowAll, crate::now)).await
}

#[tokio::test]
async fn a_page_is_read_over_http() {
    let ok = |body: &str| format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{body}", body.len());
    let port = serve(ok(SUMMARY)).await;
    for path in ["status", "moved"] {
        for (component, error, warning) in [
            ("Git", None, None),
            ("API", None, Some("`API` has a partial outage")),
            ("Payments", Some("`Payments` has a major outage: Cards are declined"), None),
        ] {
            let CheckOutcome::Attempts(records) = outcome(&format!("http://127.0.0.1:{port}/{path}"), component).await
            else {
                panic!("{component} is known")
            };
            assert_eq!(records[0].attempt.error.as_deref(), error, "{component}");
            assert_eq!(records[0].warning.as_deref(), warning, "{component}");
        }
    }
}

#[tokio::test]
async fn a_page_that_cannot_be_read_is_unknown() {
    let reason =
        async |port: u16, component: &str| match outcome(&format!("http://127.0.0.1:{port}/status"), component).await {
            CheckOutcome::Skipped { reason } => reason,
            CheckOutcome::Attempts(records) => panic!("{records:?}"),
        };
    let not_found = "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n".to_owned();
    let html = "HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\n<html>".to_owned();
    let huge = format!("HTTP/1.1 200 OK\r\n\r\n{}", " ".repeat(BODY_LIMIT + 1));
    for (response, component, expected) in [
        (not_found, "Git", "failed to read the status page: response status 404 Not Found, expected 2xx"),
        (html, "Git", "the status page has no summary in the Statuspage format"),
        (huge, "Git", "failed to read the status page: only the first 2097152 bytes of the body were read"),
        (format!("HTTP/1.1 200 OK\r\n\r\n{SUMMARY}"), "Mail", "the status page has no component `Mail`"),
    ] {
        let reason = reason(serve(response).await, component).await;
        assert!(reason.starts_with(expected), "{reason}");
    }
    assert_eq!(reason(9, "Git").await, "failed to read the status page: connection refused");
}

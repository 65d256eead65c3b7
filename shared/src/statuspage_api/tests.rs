use serde_json::Value;

use super::*;
use crate::announced::Announced;
use crate::check_file::EndpointKey;
use crate::object_name::{NodeName, PostId, StatuspageDocument};
use crate::page_config::appearance::Group;
use crate::post::fold::{Announcements, fold};
use crate::post::{Affected, Details, Impact, IncidentState, MaintenanceChange, MaintenancePlan, Post, Scope};
use crate::uptime::Span;
use crate::{HOUR, MINUTE};

const NOW: UnixNanos = 1_795_330_254_340_493_978;

fn endpoint(title: &str, status: Status) -> EndpointSummary {
    EndpointSummary {
        title: title.to_owned(),
        endpoint: format!("https://{title}/"),
        status,
        localized: false,
        retired: false,
        since: Some(NOW - HOUR),
        checked: Some(NOW),
        until: Some(NOW + MINUTE),
        down_from: Vec::new(),
        voters: 1,
        own_status: status,
        badge: None,
        planned_until: None,
        incidents: Vec::new(),
    }
}

fn summary(endpoints: Vec<EndpointSummary>) -> Summary {
    let statuses: Vec<_> = endpoints.iter().map(|endpoint| (endpoint.status, endpoint.retired)).collect();
    Summary {
        title: "My status".to_owned(),
        node: "eu".to_owned(),
        at: NOW,
        badges_at: NOW,
        status: crate::endpoint_status::overall_status(&mut statuses.into_iter()),
        nodes: Vec::new(),
        endpoints,
        announced: Announced::default(),
    }
}

fn document(
    document: StatuspageDocument,
    summary: &Summary,
    announcements: &Announcements,
    outages: &[NamedOutage],
    groups: &[Group],
) -> Value {
    let index = OutputIndex::new(None, NOW - 24 * HOUR);
    let posted = Posted { announcements, groups };
    let page_url = Some("https://status.example/");
    let source = StatuspageSource { summary, page_url, index: &index, outages, posted };
    serde_json::from_str(&Statuspage::new(&source, NOW).to_json(document)).expect("it is JSON")
}

fn status_of(endpoints: Vec<EndpointSummary>) -> (String, String, Vec<String>) {
    let json = document(StatuspageDocument::Summary, &summary(endpoints), &Announcements::default(), &[], &[]);
    let text = |value: &Value| value.as_str().expect("it is text").to_owned();
    let components = json["components"].as_array().expect("it is a list");
    let components = components.iter().map(|component| text(&component["status"])).collect();
    (text(&json["status"]["indicator"]), text(&json["status"]["description"]), components)
}

#[test]
fn statuses_have_the_words_of_the_original() {
    use Status::{Degraded, Down, Healthy, Unknown};
    let localized = |title: &str| EndpointSummary { localized: true, ..endpoint(title, Degraded) };
    let planned = |title: &str| EndpointSummary { planned_until: Some(NOW + HOUR), ..endpoint(title, Down) };
    let retired = |title: &str| EndpointSummary { retired: true, ..endpoint(title, Unknown) };
    let healthy = || endpoint("a", Healthy);
    for (endpoints, indicator, description, components) in [
        (vec![healthy()], "none", "All Systems Operational", &["operational"][..]),
        (vec![healthy(), retired("b")], "none", "All Systems Operational", &["operational"]),
        (
            vec![healthy(), endpoint("b", Degraded)],
            "minor",
            "Partially Degraded Service",
            &["operational", "degraded_performance"],
        ),
        (vec![healthy(), localized("b")], "minor", "Minor Service Outage", &["operational", "partial_outage"]),
        (vec![healthy(), endpoint("b", Down)], "major", "Partial System Outage", &["operational", "major_outage"]),
        (vec![endpoint("b", Down)], "critical", "Major System Outage", &["major_outage"]),
        (
            vec![healthy(), planned("b")],
            "maintenance",
            "Service Under Maintenance",
            &["operational", "under_maintenance"],
        ),
        (vec![healthy(), endpoint("b", Unknown)], "minor", "No recent data", &["operational", "degraded_performance"]),
        (vec![], "minor", "No recent data", &[]),
    ] {
        let found = status_of(endpoints);
        assert_eq!((found.0.as_str(), found.1.as_str()), (indicator, description));
        assert_eq!(found.2, components);
    }
}

#[test]
fn an_unknown_status_is_never_operational() {
    use Status::{Healthy, Unknown};
    let unknown = document(
        StatuspageDocument::Components,
        &summary(vec![endpoint("a", Unknown)]),
        &Announcements::default(),
        &[],
        &[],
    );
    let component = &unknown["components"][0];
    assert_eq!(component["status"], "degraded_performance");
    assert_eq!(component["description"], "not observed since 2026-11-22T05:50:54Z");
    // Endpoints that cannot be read may not be operational either.
    let incomplete = Summary { status: Unknown, ..summary(vec![endpoint("a", Healthy)]) };
    let status = document(StatuspageDocument::Status, &incomplete, &Announcements::default(), &[], &[]);
    assert_eq!(status["status"]["indicator"], "minor");
}

fn posts() -> Announcements {
    let post = |at: UnixNanos, subject: Option<&PostId>, details: Details| {
        let id = PostId { posted_at: at, author: NodeName::new("anna").expect("a name") };
        let subject = subject.unwrap_or(&id).clone();
        let affects = Some(vec![Affected { scope: Scope("b".to_owned()), impact: Impact::Down }]);
        let (title, text) = (Some("It fails".to_owned()), Some("We are <b>on it</b>.".to_owned()));
        Post { id, subject, edit: None, title, affects, text, at: None, details }
    };
    let incident = |state| Details::Incident { state, began: None, ended: None };
    let open = post(NOW - HOUR, None, incident(None));
    let monitoring = post(NOW - MINUTE, Some(&open.id), incident(Some(IncidentState::Monitoring)));
    let closed = post(NOW - 3 * HOUR, None, incident(Some(IncidentState::Resolved)));
    let windows = vec![
        (NOW - 2 * HOUR, NOW - HOUR),
        (NOW - MINUTE, NOW + MINUTE),
        (NOW + HOUR, NOW + 2 * HOUR),
        (NOW + 5 * HOUR, NOW + 6 * HOUR),
    ];
    let plan = MaintenancePlan { windows, ..MaintenancePlan::default() };
    let planned = post(NOW - 4 * HOUR, None, Details::Maintenance { plan: Some(plan), change: None });
    let change = Details::Maintenance { plan: None, change: Some(MaintenanceChange::Cancel(NOW + 5 * HOUR)) };
    let cancel = post(NOW - 3 * HOUR + 1, Some(&planned.id), change);
    fold(&[open, monitoring, closed, planned, cancel], &[], NOW)
}

fn outage(title: &str, start: UnixNanos, next: Option<Status>, is_over: bool) -> NamedOutage {
    NamedOutage {
        key: EndpointKey { title: title.to_owned(), locator: format!("https://{title}/"), id: None },
        id: start,
        span: Span { start, end: next.map_or(NOW, |_| start + 5 * MINUTE), status: Status::Down },
        is_partial: false,
        reason: Some("connection refused".into()),
        nodes: vec!["eu".to_owned()],
        next,
        is_over,
        is_planned: false,
    }
}

#[test]
fn documents_list_written_incidents_outages_and_windows() {
    let both = summary(vec![endpoint("a", Status::Down), endpoint("b", Status::Healthy)]);
    let outages = [
        outage("a", NOW - 10 * MINUTE, None, false),
        outage("a", NOW - 20 * HOUR, Some(Status::Healthy), true),
        outage("a", NOW - 30 * HOUR, Some(Status::Unknown), false),
        outage("b", NOW - 10 * MINUTE, Some(Status::Healthy), true),
        NamedOutage { is_planned: true, ..outage("a", NOW - 40 * HOUR, Some(Status::Healthy), true) },
    ];
    let announcements = posts();
    let list = |name, key: &str| {
        let json = document(name, &both, &announcements, &outages, &[]);
        json[key].as_array().expect("it is a list").clone()
    };
    let rows = |list: &[Value]| {
        list.iter().map(|one| format!("{}: {}", one["name"], one["status"]).replace('"', "")).collect::<Vec<_>>()
    };
    let incidents = list(StatuspageDocument::Incidents, "incidents");
    assert_eq!(
        rows(&incidents),
        [
            "a is down: investigating",
            "It fails: monitoring",
            "It fails: resolved",
            "a is down: resolved",
            "a is down: investigating"
        ],
        "the incident covers the outage of `b`"
    );
    assert_eq!(incidents[1]["incident_updates"][0]["body"], "We are on it.");
    assert_eq!(incidents[1]["incident_updates"][0]["status"], "monitoring");
    assert_eq!((&incidents[1]["impact"], &incidents[1]["components"][0]["name"]), (&"major".into(), &"b".into()));
    assert_eq!(
        incidents[4]["incident_updates"][0]["body"],
        "a was down from 2026-11-21T00:50:54Z to 2026-11-21T00:55:54Z, and has not been observed since. Reason: connection refused."
    );
    let open = ["a is down: investigating", "It fails: monitoring", "a is down: investigating"];
    assert_eq!(rows(&list(StatuspageDocument::UnresolvedIncidents, "incidents")), open);
    assert_eq!(rows(&list(StatuspageDocument::Summary, "incidents")), open);
    for (name, expected) in [
        (StatuspageDocument::Maintenances, &["completed", "in_progress", "scheduled"][..]),
        (StatuspageDocument::UpcomingMaintenances, &["scheduled"]),
        (StatuspageDocument::ActiveMaintenances, &["in_progress"]),
        (StatuspageDocument::Summary, &["in_progress", "scheduled"]),
    ] {
        let windows = list(name, "scheduled_maintenances");
        assert_eq!(windows.iter().map(|one| one["status"].as_str().unwrap_or("")).collect::<Vec<_>>(), expected);
    }
}

#[test]
fn documents_have_the_keys_of_the_original() {
    let both = summary(vec![endpoint("a", Status::Down), endpoint("b", Status::Healthy)]);
    let groups = [Group { title: "All".to_owned(), endpoints: vec!["*".to_owned()], groups: Vec::new() }];
    let json = document(StatuspageDocument::Summary, &both, &posts(), &[], &groups);
    let keys = |value: &Value| {
        let mut keys: Vec<&str> = value.as_object().expect("it is an object").keys().map(String::as_str).collect();
        keys.sort_unstable();
        keys.join(" ")
    };
    assert_eq!(keys(&json), "components incidents page scheduled_maintenances status");
    assert_eq!(keys(&json["page"]), "id name time_zone updated_at url");
    let component = "created_at description group group_id id name only_show_if_degraded page_id position showcase start_date \
                     status updated_at";
    assert_eq!(keys(&json["components"][0]), component);
    assert_eq!(keys(&json["components"][2]), component.replacen("created_at", "components created_at", 1));
    let incident = "components created_at id impact incident_updates monitoring_at name page_id reminder_intervals resolved_at \
                    shortlink started_at status updated_at";
    assert_eq!(keys(&json["incidents"][0]), incident);
    assert_eq!(
        keys(&json["incidents"][0]["incident_updates"][0]),
        "affected_components body created_at custom_tweet deliver_notifications display_at id incident_id status tweet_id \
         updated_at"
    );
    let scheduled = incident.replacen("shortlink", "scheduled_for scheduled_until shortlink", 1);
    assert_eq!(keys(&json["scheduled_maintenances"][0]), scheduled);
    let group = &json["components"][2];
    assert_eq!(
        (&group["name"], &group["status"], &group["group"]),
        (&"All".into(), &"major_outage".into(), &true.into())
    );
    assert_eq!(group["components"][1], json["components"][1]["id"]);
    assert_eq!(json["components"][0]["group_id"], group["id"]);
    assert_eq!(json["page"]["updated_at"], "2026-11-22T06:49:54.340Z");
}

#[test]
fn identities_are_twelve_characters_of_base_32() {
    let id = component_id("Shop", "https://shop.example/");
    assert_eq!(id, component_id("Shop", "https://shop.example/"));
    assert!(
        id.len() == 12 && id.bytes().all(|byte| byte.is_ascii_lowercase() || (b'2'..=b'7').contains(&byte)),
        "{id}"
    );
    assert_ne!(id, component_id("Shop", "https://shop.example/2"));
}

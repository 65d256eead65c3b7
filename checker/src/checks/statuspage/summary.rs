//! Parses a status page's summary, and maps the status that it reports to an endpoint's status.

use std::collections::HashSet;

use serde::Deserialize;
use shared::suggest::suggest;

use crate::checks::error_text;

const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";
/// The maximum length of a component name that is suggested as a correction, in bytes.
const MAX_SUGGESTED_LENGTH: usize = 64;

/// The status that a page reports, with the reason unless it is healthy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum ReportedStatus {
    Healthy,
    Degraded(String),
    Down(String),
}

/// The parts of `summary.json` that determine a status.
#[derive(Deserialize)]
struct PageSummary {
    #[serde(default)]
    components: Vec<Component>,
    #[serde(default)]
    incidents: Vec<Incident>,
    status: Option<OverallStatus>,
}

#[derive(Deserialize)]
struct Component {
    #[serde(default)]
    id: String,
    #[serde(default)]
    name: String,
    #[serde(default)]
    status: String,
    /// Whether this is a group, whose status follows from its components.
    group: Option<bool>,
    group_id: Option<String>,
}

/// The overall status that the page reports.
#[derive(Deserialize)]
struct OverallStatus {
    #[serde(default)]
    indicator: String,
    #[serde(default)]
    description: String,
}

/// An unresolved incident on the page.
#[derive(Deserialize)]
struct Incident {
    #[serde(default)]
    name: String,
    #[serde(default)]
    components: Vec<ComponentId>,
}

#[derive(Deserialize)]
struct ComponentId {
    #[serde(default)]
    id: String,
}

/// Returns the reported status of a component or, without one, of the whole page. An error explains why the status is
/// unknown.
pub(super) fn reported_status(json: &[u8], component: Option<&str>) -> Result<ReportedStatus, String> {
    let json = json.strip_prefix(BYTE_ORDER_MARK).unwrap_or(json);
    let Ok(summary) = serde_json::from_slice::<PageSummary>(json) else {
        return Err("the status page has no summary in the Statuspage format".to_owned());
    };
    match component {
        Some(name) => component_status(&summary, name),
        None => overall_status(&summary),
    }
}

fn component_status(summary: &PageSummary, name: &str) -> Result<ReportedStatus, String> {
    status_of(summary, find(&summary.components, name)?)
}

fn status_of(summary: &PageSummary, component: &Component) -> Result<ReportedStatus, String> {
    let reported = |what: &str| {
        let concerns = |incident: &&Incident| incident.components.iter().any(|one| one.id == component.id);
        with_incident(format!("`{}` {what}", excerpt(&component.name)), summary.incidents.iter().find(concerns))
    };
    Ok(match component.status.as_str() {
        "operational" => ReportedStatus::Healthy,
        "degraded_performance" => ReportedStatus::Degraded(reported("has degraded performance")),
        // A partial outage affects only some of the company's customers.
        "partial_outage" => ReportedStatus::Degraded(reported("has a partial outage")),
        "under_maintenance" => ReportedStatus::Degraded(reported("is under maintenance")),
        "major_outage" | "full_outage" => ReportedStatus::Down(reported("has a major outage")),
        other => {
            let (status, name) = (excerpt(other), excerpt(&component.name));
            return Err(format!("the status page reports the unknown status `{status}` for `{name}`"));
        }
    })
}

/// Returns the status from the page's indicator. If a component has a problem, the status is at best degraded, because
/// some pages set the indicator by hand. A single component's outage does not make the whole page down.
fn overall_status(summary: &PageSummary) -> Result<ReportedStatus, String> {
    let Some(OverallStatus { indicator, description }) = &summary.status else {
        return Err("the status page does not report an overall status: set `component`".to_owned());
    };
    let description = if description.trim().is_empty() { indicator } else { description };
    let reported = format!("the status page reports `{}`", excerpt(description));
    // A page that reports no problems can still list components under maintenance.
    let least = if indicator == "none" { UNDER_MAINTENANCE + 1 } else { UNDER_MAINTENANCE };
    let worst = worst_component(summary).filter(|component| severity(component) >= least);
    let worst = worst.map(|component| status_of(summary, component));
    let is_critical = match indicator.as_str() {
        "none" => {
            return Ok(match worst.transpose()? {
                Some(ReportedStatus::Down(reason)) => ReportedStatus::Degraded(reason),
                Some(other) => other,
                None => ReportedStatus::Healthy,
            });
        }
        "minor" | "major" | "maintenance" => false,
        "critical" => true,
        other => return Err(format!("the status page reports the unknown overall status `{}`", excerpt(other))),
    };
    Ok(match (worst.and_then(Result::ok), is_critical) {
        (Some(ReportedStatus::Down(reason)), true) => ReportedStatus::Down(format!("{reported}: {reason}")),
        (Some(ReportedStatus::Down(reason) | ReportedStatus::Degraded(reason)), false) => {
            ReportedStatus::Degraded(format!("{reported}: {reason}"))
        }
        (_, true) => ReportedStatus::Down(with_incident(reported, summary.incidents.first())),
        (_, false) => ReportedStatus::Degraded(with_incident(reported, summary.incidents.first())),
    })
}

/// The severity of a component under maintenance.
const UNDER_MAINTENANCE: u8 = 1;

/// Returns how bad a component's status is. An unknown status does not hide a known problem.
fn severity(component: &Component) -> u8 {
    match component.status.as_str() {
        // A component without a status reports nothing.
        "operational" | "" => 0,
        "under_maintenance" => UNDER_MAINTENANCE,
        "degraded_performance" => 3,
        "partial_outage" => 4,
        "major_outage" | "full_outage" => 5,
        _ => 2,
    }
}

/// Returns the first component with the worst status. Skips groups whose components are listed.
fn worst_component(summary: &PageSummary) -> Option<&Component> {
    let listed: HashSet<&str> = summary.components.iter().filter_map(|one| one.group_id.as_deref()).collect();
    let is_counted = |one: &&Component| !(one.group == Some(true) && listed.contains(one.id.as_str()));
    // If several components are equally bad, `max_by_key` returns the last one.
    summary.components.iter().rev().filter(is_counted).max_by_key(|component| severity(component))
}

/// Finds a component by its id, its exact name, or its name regardless of case.
fn find<'a>(components: &'a [Component], name: &str) -> Result<&'a Component, String> {
    let shown = excerpt(name);
    let lowercase = name.trim().to_lowercase();
    let matchers: [&dyn Fn(&Component) -> bool; 3] =
        [&|component| component.id == name, &|component| component.name == name, &|component| {
            component.name.trim().to_lowercase() == lowercase
        }];
    for matches in matchers {
        let mut found = components.iter().filter(|component| matches(component));
        let Some(component) = found.next() else { continue };
        let others = found.count();
        if others == 0 {
            return Ok(component);
        }
        return Err(format!(
            "the status page has {} components named `{shown}`: set `component` to an id, for example `{}`",
            others + 1,
            excerpt(&component.id)
        ));
    }
    let names = components.iter().map(|component| component.name.as_str());
    let suggestion = suggest(name, names.filter(|name| name.len() <= MAX_SUGGESTED_LENGTH));
    let suggestion = suggestion.map(|name| format!("; did you mean `{}`?", excerpt(name))).unwrap_or_default();
    Err(format!("the status page has no component `{shown}`{suggestion}"))
}

fn with_incident(reason: String, incident: Option<&Incident>) -> String {
    match incident.map(|incident| excerpt(&incident.name)).filter(|name| !name.is_empty()) {
        Some(name) => format!("{reason}: {name}"),
        None => reason,
    }
}

/// Shortens text from the page to a single line.
fn excerpt(text: &str) -> String {
    error_text::excerpt(text.trim().as_bytes())
}

//! Parses a status page's summary, and maps the status that it reports to an endpoint's status.

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
    let component = find(&summary.components, name)?;
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

fn overall_status(summary: &PageSummary) -> Result<ReportedStatus, String> {
    let Some(OverallStatus { indicator, description }) = &summary.status else {
        return Err("the status page does not report an overall status: set `component`".to_owned());
    };
    let description = if description.trim().is_empty() { indicator } else { description };
    let reported =
        || with_incident(format!("the status page reports `{}`", excerpt(description)), summary.incidents.first());
    match indicator.as_str() {
        "none" => Ok(ReportedStatus::Healthy),
        "minor" | "major" | "maintenance" => Ok(ReportedStatus::Degraded(reported())),
        "critical" => Ok(ReportedStatus::Down(reported())),
        other => Err(format!("the status page reports the unknown overall status `{}`", excerpt(other))),
    }
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

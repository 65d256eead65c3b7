//! Parses a status page's summary, and maps the status that it reports to an endpoint's status.

use std::collections::HashSet;

use serde::{Deserialize, Deserializer};
use serde_json::Value as Json;
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
    #[serde(default, deserialize_with = "or_default")]
    components: Vec<Component>,
    #[serde(default, deserialize_with = "or_default")]
    incidents: Vec<Incident>,
    status: Option<OverallStatus>,
}

#[derive(Deserialize)]
struct Component {
    #[serde(default, deserialize_with = "text")]
    id: String,
    #[serde(default, deserialize_with = "text")]
    name: String,
    #[serde(default, deserialize_with = "text")]
    status: String,
    /// Whether this is a group, whose status follows from its components.
    group: Option<bool>,
    /// The id of the group, or an empty string.
    #[serde(default, deserialize_with = "text")]
    group_id: String,
}

/// The overall status that the page reports.
#[derive(Deserialize)]
struct OverallStatus {
    #[serde(default, deserialize_with = "text")]
    indicator: String,
    #[serde(default, deserialize_with = "text")]
    description: String,
}

/// An unresolved incident on the page.
#[derive(Deserialize)]
struct Incident {
    #[serde(default, deserialize_with = "text")]
    name: String,
    #[serde(default, deserialize_with = "or_default")]
    components: Vec<ComponentId>,
}

/// A component that an incident names, by its id alone or as an object.
#[derive(Deserialize)]
#[serde(untagged)]
enum ComponentId {
    Alone(#[serde(deserialize_with = "text")] String),
    Object {
        #[serde(default, deserialize_with = "text")]
        id: String,
    },
}

impl ComponentId {
    fn id(&self) -> &str {
        match self {
            ComponentId::Alone(id) | ComponentId::Object { id } => id,
        }
    }
}

/// Reads `null` as the default value.
fn or_default<'de, D: Deserializer<'de>, T: Deserialize<'de> + Default>(value: D) -> Result<T, D::Error> {
    Ok(Option::deserialize(value)?.unwrap_or_default())
}

/// Reads a string. Some pages write ids as numbers, and `null` for an empty string.
fn text<'de, D: Deserializer<'de>>(value: D) -> Result<String, D::Error> {
    match Json::deserialize(value)? {
        Json::String(text) => Ok(text),
        Json::Number(number) => Ok(number.to_string()),
        Json::Null => Ok(String::new()),
        other => Err(serde::de::Error::custom(format!("expected a string, found {other}"))),
    }
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
    let members = summary.components.iter().filter(|one| !one.group_id.is_empty() && one.group_id == component.id);
    // Some pages do not derive the status of a group from its components.
    let worst = worst_of([component].into_iter().chain(members)).unwrap_or(component);
    Ok(match status_of(summary, worst)? {
        // A single component's outage does not make the whole group down.
        ReportedStatus::Down(reason) if !std::ptr::eq(worst, component) => ReportedStatus::Degraded(reason),
        reported => reported,
    })
}

fn status_of(summary: &PageSummary, component: &Component) -> Result<ReportedStatus, String> {
    let reported = |what: &str| {
        let concerns = |incident: &&Incident| incident.components.iter().any(|one| one.id() == component.id);
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
    let listed: HashSet<&str> = summary.components.iter().map(|one| one.group_id.as_str()).collect();
    let is_counted = |one: &&Component| !(one.group == Some(true) && listed.contains(one.id.as_str()));
    worst_of(summary.components.iter().filter(is_counted))
}

/// Returns the first component with the worst status.
fn worst_of<'a>(components: impl DoubleEndedIterator<Item = &'a Component>) -> Option<&'a Component> {
    // If several components are equally bad, `max_by_key` returns the last one.
    components.rev().max_by_key(|component| severity(component))
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

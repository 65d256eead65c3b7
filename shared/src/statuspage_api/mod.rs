//! The status in the format of the Statuspage API, version 2, which many programs read. Its documents have all keys of
//! the original; those for which there is no value are `null`.
//!
//! An unknown status is never reported as operational.

mod documents;
mod incidents;
mod maintenance;
#[cfg(test)]
mod tests;

use serde::Serialize;

use crate::UnixNanos;
use crate::announced::Posted;
use crate::civil::rfc3339;
use crate::hash::fnv1a;
use crate::outputs::{NamedOutage, OutputIndex};
use crate::page_config::appearance::group_titles;
use crate::status::Status;
use crate::summary::{EndpointSummary, Summary};

pub use self::documents::Statuspage;

/// What the documents are built from.
#[derive(Debug, Clone, Copy)]
pub struct StatuspageSource<'a> {
    /// The current status of all endpoints.
    pub summary: &'a Summary,
    /// The public URL of the page.
    pub page_url: Option<&'a str>,
    /// The index of the outputs. The time of its creation applies to components whose age is unknown.
    pub index: &'a OutputIndex,
    /// The measured outages of all endpoints.
    pub outages: &'a [NamedOutage],
    /// The state of all posts, and the groups of the page.
    pub posted: Posted<'a>,
}

/// The status of a component, from best to worst.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum ComponentStatus {
    Operational,
    UnderMaintenance,
    /// The API has no word for an unknown status.
    Unknown,
    DegradedPerformance,
    PartialOutage,
    MajorOutage,
}

impl ComponentStatus {
    fn of_endpoint(endpoint: &EndpointSummary) -> ComponentStatus {
        match endpoint.status {
            Status::Healthy => ComponentStatus::Operational,
            Status::Unknown => ComponentStatus::Unknown,
            _ if endpoint.planned_until.is_some() => ComponentStatus::UnderMaintenance,
            Status::Degraded if endpoint.localized => ComponentStatus::PartialOutage,
            Status::Degraded => ComponentStatus::DegradedPerformance,
            Status::Down => ComponentStatus::MajorOutage,
        }
    }

    fn as_str(self) -> &'static str {
        match self {
            ComponentStatus::Operational => "operational",
            ComponentStatus::UnderMaintenance => "under_maintenance",
            ComponentStatus::Unknown | ComponentStatus::DegradedPerformance => "degraded_performance",
            ComponentStatus::PartialOutage => "partial_outage",
            ComponentStatus::MajorOutage => "major_outage",
        }
    }
}

/// The overall status: an indicator for programs, and its description.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
struct OverallStatus {
    indicator: &'static str,
    description: &'static str,
}

impl OverallStatus {
    /// Returns the overall status of components. `is_incomplete` means that there may be others.
    fn new(components: &[ComponentStatus], is_incomplete: bool) -> OverallStatus {
        let no_data = ComponentStatus::Unknown;
        let worst = components.iter().copied().max().unwrap_or(no_data);
        let is_everywhere = components.iter().all(|status| *status == worst);
        let (indicator, description) = match worst {
            ComponentStatus::MajorOutage if is_everywhere => ("critical", "Major System Outage"),
            ComponentStatus::MajorOutage => ("major", "Partial System Outage"),
            ComponentStatus::PartialOutage => ("minor", "Minor Service Outage"),
            ComponentStatus::DegradedPerformance => ("minor", "Partially Degraded Service"),
            ComponentStatus::Unknown => ("minor", "No recent data"),
            _ if is_incomplete => ("minor", "No recent data"),
            ComponentStatus::UnderMaintenance => ("maintenance", "Service Under Maintenance"),
            ComponentStatus::Operational => ("none", "All Systems Operational"),
        };
        OverallStatus { indicator, description }
    }
}

/// An endpoint or a group of endpoints.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
struct Component {
    id: String,
    name: String,
    status: &'static str,
    created_at: String,
    updated_at: String,
    position: usize,
    description: Option<String>,
    showcase: bool,
    start_date: Option<String>,
    group_id: Option<String>,
    page_id: String,
    group: bool,
    only_show_if_degraded: bool,
    /// The identities of the components in a group.
    #[serde(skip_serializing_if = "Option::is_none")]
    components: Option<Vec<String>>,
}

/// The components, and the status of each of them that is not a group.
struct Components {
    all: Vec<Component>,
    statuses: Vec<ComponentStatus>,
}

impl Components {
    fn new(source: &StatuspageSource<'_>, page_id: &str) -> Components {
        let (mut statuses, mut groups) = (Vec::new(), Vec::<(Component, ComponentStatus)>::new());
        let mut all: Vec<Component> = Vec::new();
        for endpoint in source.summary.endpoints.iter().filter(|endpoint| !endpoint.retired) {
            let status = ComponentStatus::of_endpoint(endpoint);
            let created = source.index.created;
            let since = milliseconds(endpoint.since.unwrap_or(created));
            let created_at = milliseconds(endpoint.since.map_or(created, |since| since.min(created)));
            let observed = || endpoint.since.map_or_else(|| "yet".to_owned(), |at| format!("since {}", rfc3339(at)));
            let group = group_titles(source.posted.groups, &endpoint.title).first().copied();
            let component = Component {
                id: component_id(&endpoint.title, &endpoint.endpoint),
                name: endpoint.title.clone(),
                status: status.as_str(),
                created_at,
                updated_at: since.clone(),
                position: all.len() + 1,
                description: (status == ComponentStatus::Unknown).then(|| format!("not observed {}", observed())),
                showcase: false,
                start_date: None,
                group_id: group.map(|title| short_id(&["group", title])),
                page_id: page_id.to_owned(),
                group: false,
                only_show_if_degraded: false,
                components: None,
            };
            if let Some(title) = group {
                let known = groups.iter_mut().find(|(known, _)| Some(&known.id) == component.group_id.as_ref());
                if let Some((group, worst)) = known {
                    *worst = (*worst).max(status);
                    group.updated_at = group.updated_at.clone().max(since);
                    group.components.get_or_insert_default().push(component.id.clone());
                } else {
                    let members = Some(vec![component.id.clone()]);
                    let id = short_id(&["group", title]);
                    let group = Component {
                        id,
                        name: title.to_owned(),
                        group: true,
                        group_id: None,
                        description: None,
                        components: members,
                        ..component.clone()
                    };
                    groups.push((group, status));
                }
            }
            all.push(component);
            statuses.push(status);
        }
        for (index, (group, worst)) in groups.into_iter().enumerate() {
            all.push(Component { status: worst.as_str(), position: index + 1, ..group });
        }
        Components { all, statuses }
    }

    /// Returns the components that are not groups and whose title meets a condition.
    fn with_title(&self, is_included: impl Fn(&str) -> bool) -> Vec<Component> {
        self.all.iter().filter(|component| !component.group && is_included(&component.name)).cloned().collect()
    }
}

fn component_id(title: &str, locator: &str) -> String {
    short_id(&[title, locator])
}

/// Returns an ID in the style of the original: 12 characters of base32 (RFC 4648) for 60 bits of a hash.
fn short_id(parts: &[&str]) -> String {
    const DIGITS: &[u8; 32] = b"abcdefghijklmnopqrstuvwxyz234567";
    let hash = fnv1a(&parts.join("\n"));
    (0..12).map(|index| char::from(DIGITS[(hash >> (59 - 5 * index)) as usize & 31])).collect()
}

/// Formats a time in UTC as the original does: `2026-11-22T06:50:54.340Z`.
fn milliseconds(at: UnixNanos) -> String {
    let seconds = rfc3339(at);
    let fraction = at.rem_euclid(crate::SECOND) / 1_000_000;
    format!("{}.{fraction:03}Z", seconds.trim_end_matches('Z'))
}

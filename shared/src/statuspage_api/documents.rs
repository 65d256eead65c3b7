//! The documents of the API.

use serde::Serialize;

use super::incidents::{ApiIncident, incidents};
use super::maintenance::{MaintenanceStatus, ScheduledMaintenance, scheduled_maintenances};
use super::{Component, Components, OverallStatus, StatuspageSource, milliseconds, short_id};
use crate::UnixNanos;
use crate::object_name::StatuspageDocument;
use crate::status::Status;

/// The content of all documents.
#[derive(Debug)]
pub struct Statuspage {
    page: ApiPage,
    status: OverallStatus,
    components: Vec<Component>,
    incidents: Vec<ApiIncident>,
    maintenances: Vec<(MaintenanceStatus, ScheduledMaintenance)>,
}

#[derive(Debug, Clone, Serialize)]
struct ApiPage {
    id: String,
    name: String,
    url: Option<String>,
    time_zone: &'static str,
    updated_at: String,
}

/// A document. Lists that it does not contain are left out.
#[derive(Serialize)]
struct ApiDocument<'a> {
    page: &'a ApiPage,
    #[serde(skip_serializing_if = "Option::is_none")]
    components: Option<&'a [Component]>,
    #[serde(skip_serializing_if = "Option::is_none")]
    incidents: Option<Vec<&'a ApiIncident>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    scheduled_maintenances: Option<Vec<&'a ScheduledMaintenance>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    status: Option<OverallStatus>,
}

impl Statuspage {
    /// Computes the content of all documents.
    #[must_use]
    pub fn new(source: &StatuspageSource<'_>, now: UnixNanos) -> Statuspage {
        let page_id = short_id(&["page", &source.summary.title]);
        let components = Components::new(source, &page_id);
        let is_incomplete = source.summary.status == Status::Unknown;
        let status = OverallStatus::new(&components.statuses, is_incomplete);
        let incidents = incidents(source, &components, &page_id, now);
        let maintenances = scheduled_maintenances(source, &components, &page_id, now);
        let changes = components.all.iter().map(|component| &component.updated_at);
        let changes = changes.chain(incidents.iter().map(|incident| &incident.updated_at));
        let changes = changes.chain(maintenances.iter().map(|(_, maintenance)| &maintenance.updated_at));
        // All times have the same length, so they sort as text.
        let updated_at = changes.max().cloned().unwrap_or_else(|| milliseconds(source.index.created));
        let page = ApiPage {
            id: page_id,
            name: source.summary.title.clone(),
            url: source.page_url.map(str::to_owned),
            time_zone: "Etc/UTC",
            updated_at,
        };
        Statuspage { page, status, components: components.all, incidents, maintenances }
    }

    /// Returns a document as JSON.
    #[must_use]
    pub fn to_json(&self, document: StatuspageDocument) -> String {
        use StatuspageDocument as Name;
        let empty = ApiDocument {
            page: &self.page,
            components: None,
            incidents: None,
            scheduled_maintenances: None,
            status: None,
        };
        let unresolved = || self.incidents.iter().filter(|incident| incident.is_unresolved()).collect();
        let maintenances = |is_included: &dyn Fn(MaintenanceStatus) -> bool| {
            let included = self.maintenances.iter().filter(|(status, _)| is_included(*status));
            Some(included.map(|(_, maintenance)| maintenance).collect())
        };
        let document = match document {
            Name::Summary => ApiDocument {
                components: Some(&self.components),
                incidents: Some(unresolved()),
                scheduled_maintenances: maintenances(&|status| status != MaintenanceStatus::Completed),
                status: Some(self.status),
                ..empty
            },
            Name::Status => ApiDocument { status: Some(self.status), ..empty },
            Name::Components => ApiDocument { components: Some(&self.components), ..empty },
            Name::Incidents => ApiDocument { incidents: Some(self.incidents.iter().collect()), ..empty },
            Name::UnresolvedIncidents => ApiDocument { incidents: Some(unresolved()), ..empty },
            Name::Maintenances => ApiDocument { scheduled_maintenances: maintenances(&|_| true), ..empty },
            Name::UpcomingMaintenances => ApiDocument {
                scheduled_maintenances: maintenances(&|status| status == MaintenanceStatus::Scheduled),
                ..empty
            },
            Name::ActiveMaintenances => ApiDocument {
                scheduled_maintenances: maintenances(&|status| status == MaintenanceStatus::InProgress),
                ..empty
            },
        };
        // Serializing numbers and strings cannot fail.
        serde_json::to_string(&document).unwrap_or_default()
    }
}

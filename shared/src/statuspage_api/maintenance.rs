//! Scheduled maintenance: one item for each window.

use serde::Serialize;

use super::incidents::{ApiIncident, IncidentUpdate};
use super::{Components, StatuspageSource, milliseconds, short_id};
use crate::UnixNanos;
use crate::message::Message;
use crate::outputs::RETENTION;
use crate::page_config::appearance::group_titles;
use crate::post::impact_on;
use crate::post::maintenance::{Maintenance, Window};

/// The maximum number of windows that have ended, and of windows that have not ended.
const WINDOWS_LIMIT: usize = 50;

/// The progress of a window.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum MaintenanceStatus {
    Scheduled,
    InProgress,
    Completed,
}

impl MaintenanceStatus {
    fn as_str(self) -> &'static str {
        match self {
            MaintenanceStatus::Scheduled => "scheduled",
            MaintenanceStatus::InProgress => "in_progress",
            MaintenanceStatus::Completed => "completed",
        }
    }
}

/// A window, which has all keys of an incident.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct ScheduledMaintenance {
    #[serde(flatten)]
    incident: ApiIncident,
    scheduled_for: String,
    scheduled_until: String,
    #[serde(skip)]
    pub(super) updated_at: String,
}

/// Returns the windows that ended recently or have not ended, ordered by start.
pub(super) fn scheduled_maintenances(
    source: &StatuspageSource<'_>,
    components: &Components,
    page_id: &str,
    now: UnixNanos,
) -> Vec<(MaintenanceStatus, ScheduledMaintenance)> {
    let from = now.saturating_sub(RETENTION);
    let all = source.posted.announcements.maintenance.iter();
    let all = all.flat_map(|maintenance| maintenance.windows.iter().map(move |window| (maintenance, window)));
    let mut recent: Vec<(&Maintenance, &Window)> = all.filter(|(_, window)| window.end > from).collect();
    recent.sort_by_key(|(_, window)| window.start);
    let (ended, others): (Vec<_>, Vec<_>) = recent.into_iter().partition(|(_, window)| window.end <= now);
    let skipped = ended.len().saturating_sub(WINDOWS_LIMIT);
    let listed = ended.into_iter().skip(skipped).chain(others.into_iter().take(WINDOWS_LIMIT));
    let item = |(maintenance, window): (&Maintenance, &Window)| {
        let status = match window {
            window if window.start > now => MaintenanceStatus::Scheduled,
            window if window.contains(now) => MaintenanceStatus::InProgress,
            _ => MaintenanceStatus::Completed,
        };
        (status, scheduled(source, (maintenance, window, status), components, page_id))
    };
    listed.map(item).collect()
}

fn scheduled(
    source: &StatuspageSource<'_>,
    (maintenance, window, status): (&Maintenance, &Window, MaintenanceStatus),
    components: &Components,
    page_id: &str,
) -> ScheduledMaintenance {
    let identity = format!("{}/{}", maintenance.id, window.planned);
    let id = short_id(&["maintenance", &identity]);
    let is_affected =
        |title: &str| impact_on(&maintenance.affects, title, &group_titles(source.posted.groups, title)).is_some();
    let created = maintenance.id.posted_at;
    let updated = match status {
        MaintenanceStatus::Scheduled => window.changed_at,
        MaintenanceStatus::InProgress => window.changed_at.max(window.start),
        MaintenanceStatus::Completed => window.changed_at.max(window.end),
    };
    let body = Message::parse(&maintenance.text).text();
    let body = if body.is_empty() { maintenance.display_title().to_owned() } else { body };
    let update_ids = (short_id(&["maintenance update", &identity]), id.as_str());
    let update = IncidentUpdate::new(update_ids, status.as_str(), body, (created, window.changed_at));
    let updated_at = milliseconds(updated);
    let incident = ApiIncident {
        name: maintenance.display_title().to_owned(),
        status: status.as_str(),
        created_at: milliseconds(created),
        updated_at: updated_at.clone(),
        monitoring_at: None,
        resolved_at: (status == MaintenanceStatus::Completed).then(|| milliseconds(window.end)),
        impact: "maintenance",
        shortlink: source.page_url.map(str::to_owned),
        started_at: milliseconds(window.start),
        page_id: page_id.to_owned(),
        incident_updates: vec![update],
        components: components.with_title(is_affected),
        reminder_intervals: None,
        id,
    };
    ScheduledMaintenance {
        incident,
        scheduled_for: milliseconds(window.start),
        scheduled_until: milliseconds(window.end),
        updated_at,
    }
}

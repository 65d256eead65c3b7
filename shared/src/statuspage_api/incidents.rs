//! Incidents: those that people wrote, and measured outages that none of them covers.

use serde::Serialize;

use super::{Component, Components, StatuspageSource, component_id, milliseconds, short_id};
use crate::UnixNanos;
use crate::civil::rfc3339;
use crate::message::Message;
use crate::outputs::{NamedOutage, RETENTION};
use crate::page_config::appearance::group_titles;
use crate::post::incident::Incident as PostedIncident;
use crate::post::{Impact, impact_on};
use crate::status::Status;

/// The number of incidents that the original lists.
const INCIDENTS_LIMIT: usize = 50;

/// An incident. Its updates are in order, the newest first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct ApiIncident {
    pub(super) id: String,
    pub(super) name: String,
    pub(super) status: &'static str,
    pub(super) created_at: String,
    pub(super) updated_at: String,
    pub(super) monitoring_at: Option<String>,
    pub(super) resolved_at: Option<String>,
    pub(super) impact: &'static str,
    pub(super) shortlink: Option<String>,
    pub(super) started_at: String,
    pub(super) page_id: String,
    pub(super) incident_updates: Vec<IncidentUpdate>,
    pub(super) components: Vec<Component>,
    pub(super) reminder_intervals: Option<String>,
}

/// An update of an incident or of scheduled maintenance.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct IncidentUpdate {
    id: String,
    status: &'static str,
    body: String,
    incident_id: String,
    created_at: String,
    updated_at: String,
    display_at: String,
    affected_components: Option<Vec<Component>>,
    deliver_notifications: bool,
    custom_tweet: Option<String>,
    tweet_id: Option<String>,
}

impl IncidentUpdate {
    pub(super) fn new(
        (id, incident_id): (String, &str),
        status: &'static str,
        body: String,
        (created_at, updated_at): (UnixNanos, UnixNanos),
    ) -> IncidentUpdate {
        IncidentUpdate {
            id,
            status,
            body,
            incident_id: incident_id.to_owned(),
            created_at: milliseconds(created_at),
            updated_at: milliseconds(updated_at.max(created_at)),
            display_at: milliseconds(created_at),
            affected_components: None,
            deliver_notifications: false,
            custom_tweet: None,
            tweet_id: None,
        }
    }
}

impl ApiIncident {
    pub(super) fn is_unresolved(&self) -> bool {
        self.resolved_at.is_none()
    }
}

/// Returns the most recent incidents, newest first.
pub(super) fn incidents(
    source: &StatuspageSource<'_>,
    components: &Components,
    page_id: &str,
    now: UnixNanos,
) -> Vec<ApiIncident> {
    let from = now.saturating_sub(RETENTION);
    let posted = &source.posted.announcements.incidents;
    let recent = posted.iter().filter(|one| one.began <= now && one.ended.is_none_or(|ended| ended > from));
    let mut all: Vec<ApiIncident> = recent.map(|one| written(source, one, components, page_id)).collect();
    let uncovered =
        source.outages.iter().filter(|outage| !outage.is_planned && !is_covered(source, outage)).map(|outage| {
            let id = component_id(&outage.key.title, &outage.key.locator);
            let own = components.all.iter().filter(|component| component.id == id).cloned().collect();
            measured(source, outage, own, page_id)
        });
    all.extend(uncovered);
    all.sort_by(|one, other| other.started_at.cmp(&one.started_at).then_with(|| one.id.cmp(&other.id)));
    all.truncate(INCIDENTS_LIMIT);
    all
}

fn written(
    source: &StatuspageSource<'_>,
    incident: &PostedIncident,
    components: &Components,
    page_id: &str,
) -> ApiIncident {
    let id = short_id(&["incident", &incident.id.to_string()]);
    let is_affected = |title: &str| {
        incident.affects.is_empty()
            || impact_on(&incident.affects, title, &group_titles(source.posted.groups, title)).is_some()
    };
    let affected = components.with_title(is_affected);
    let impact = match incident.affects.iter().map(|affected| affected.impact).max() {
        None | Some(Impact::None) => "none",
        Some(Impact::Degraded) => "minor",
        Some(Impact::Down) if affected.len() == components.statuses.len() => "critical",
        Some(Impact::Down) => "major",
    };
    let (mut state, mut monitoring_at, mut updates) = ("investigating", None, Vec::new());
    for update in &incident.updates {
        state = update.state.map_or(state, |state| state.as_str());
        if state == "monitoring" && monitoring_at.is_none() {
            monitoring_at = Some(milliseconds(update.at));
        }
        let ids = (short_id(&["update", &update.id.to_string()]), id.as_str());
        let body = Message::parse(&update.text).text();
        updates.push(IncidentUpdate::new(ids, state, body, (update.at, update.revised_at)));
    }
    updates.reverse();
    let updated_at = updates.iter().map(|update| &update.updated_at).max();
    ApiIncident {
        name: incident.display_title().to_owned(),
        status: incident.state.as_str(),
        created_at: milliseconds(incident.id.posted_at),
        updated_at: updated_at.cloned().unwrap_or_else(|| milliseconds(incident.id.posted_at)),
        monitoring_at,
        resolved_at: incident.ended.map(milliseconds),
        impact,
        shortlink: source.page_url.map(str::to_owned),
        started_at: milliseconds(incident.began),
        page_id: page_id.to_owned(),
        incident_updates: updates,
        components: affected,
        reminder_intervals: None,
        id,
    }
}

/// Returns whether a written incident overlaps an outage of an endpoint that it affects.
fn is_covered(source: &StatuspageSource<'_>, outage: &NamedOutage) -> bool {
    let title = outage.key.title.as_str();
    let groups = group_titles(source.posted.groups, title);
    source.posted.announcements.incidents.iter().any(|incident| {
        let overlaps = incident.began < outage.span.end && incident.ended.is_none_or(|ended| outage.span.start < ended);
        overlaps && (incident.affects.is_empty() || impact_on(&incident.affects, title, &groups).is_some())
    })
}

fn measured(
    source: &StatuspageSource<'_>,
    outage: &NamedOutage,
    components: Vec<Component>,
    page_id: &str,
) -> ApiIncident {
    let id = short_id(&[&outage.path()]);
    let (problem, impact) = match outage.span.status {
        Status::Down => ("down", "major"),
        _ if outage.is_partial => ("down in some locations", "minor"),
        _ => ("degraded", "minor"),
    };
    // If no status has been known since then, it is unknown whether the outage is over.
    let ended = outage.ended().filter(|_| outage.is_over);
    let (name, begun) = (&outage.key.title, rfc3339(outage.span.start));
    let (status, mut body) = match (ended, outage.ended()) {
        (Some(ended), _) => ("resolved", format!("{name} was {problem} from {begun} to {}.", rfc3339(ended))),
        (None, Some(until)) => {
            let until = rfc3339(until);
            ("investigating", format!("{name} was {problem} from {begun} to {until}, and has not been observed since."))
        }
        (None, None) => ("investigating", format!("{name} has been {problem} since {begun}.")),
    };
    if let Some(reason) = &outage.reason {
        body = format!("{body} Reason: {reason}.");
    }
    let (started, updated) = (outage.span.start, outage.ended().unwrap_or(outage.span.start));
    let update_ids = (short_id(&[&outage.path(), "update"]), id.as_str());
    ApiIncident {
        name: format!("{name} is {problem}"),
        status,
        created_at: milliseconds(started),
        updated_at: milliseconds(updated),
        monitoring_at: None,
        resolved_at: ended.map(milliseconds),
        impact,
        shortlink: source.page_url.map(str::to_owned),
        started_at: milliseconds(started),
        page_id: page_id.to_owned(),
        incident_updates: vec![IncidentUpdate::new(update_ids, status, body, (started, updated))],
        components,
        reminder_intervals: None,
        id,
    }
}

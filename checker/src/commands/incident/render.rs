//! Formats incidents for terminals and programs. Pure.

use std::fmt::Write as _;

use jiff::tz::TimeZone;
use serde_json::{Map, Value, json};
use shared::civil::rfc3339;
use shared::message::Message;
use shared::post::Affected;
use shared::post::incident::Incident;

use crate::notify::time_text::date_time;
use crate::posts::resolve::ShortIds;
use crate::sanitize::sanitize_for_terminal;

/// The maximum length of a title, in characters.
const TITLE_WIDTH: usize = 80;
/// The maximum length of a text, in characters.
const TEXT_WIDTH: usize = 2_000;

/// Formats a list of incidents, one per line. Short ids are unique among `all` incidents.
pub(crate) fn list(incidents: &[&Incident], all: &[Incident], zone: &TimeZone) -> String {
    if incidents.is_empty() {
        return "No incidents.\n".to_owned();
    }
    let ids = ShortIds::new(all.iter().map(|incident| &incident.id));
    let mut text = format!("{:<14} {:<14} {:<27} TITLE\n", "ID", "STATE", "BEGAN");
    for incident in incidents {
        let id = ids.get(&incident.id);
        let (state, began) = (incident.state.as_str(), date_time(incident.began, zone));
        let title = sanitize_for_terminal(incident.display_title(), TITLE_WIDTH);
        let _ = writeln!(text, "{id:<14} {state:<14} {began:<27} {title}");
    }
    text
}

/// Formats an incident with all its updates, oldest first.
pub(crate) fn show(incident: &Incident, zone: &TimeZone) -> String {
    let mut text = format!("{}\n", sanitize_for_terminal(incident.display_title(), TITLE_WIDTH));
    let _ = writeln!(text, "id:       {}", incident.id);
    let _ = writeln!(text, "state:    {}", incident.state.as_str());
    let _ = writeln!(text, "began:    {}", date_time(incident.began, zone));
    if let Some(ended) = incident.ended {
        let _ = writeln!(text, "ended:    {}", date_time(ended, zone));
    }
    if !incident.affects.is_empty() {
        let _ = writeln!(text, "affects:  {}", affected(&incident.affects));
    }
    for update in &incident.updates {
        let state = update.state.map(|state| format!(", {}", state.as_str())).unwrap_or_default();
        let _ = write!(text, "\n{} by {}{state} (`{}`", date_time(update.at, zone), update.author, update.id);
        if let Some(posted) = update.posted_later {
            let _ = write!(text, ", posted later: {}", date_time(posted, zone));
        }
        let _ = writeln!(text, "{})", if update.is_edited { ", edited" } else { "" });
        let words = Message::parse(&update.text).text();
        if !words.is_empty() {
            let _ = writeln!(text, "  {}", sanitize_for_terminal(&words, TEXT_WIDTH));
        }
    }
    text
}

/// Formats endpoints with their impacts: `Shop (degraded), Billing * (down)`.
pub(crate) fn affected(affected: &[Affected]) -> String {
    let one =
        |one: &Affected| format!("{} ({})", sanitize_for_terminal(&one.scope.0, TITLE_WIDTH), one.impact.as_str());
    affected.iter().map(one).collect::<Vec<_>>().join(", ")
}

/// Returns endpoints with their impacts as JSON.
pub(crate) fn affected_json(affected: &[Affected]) -> Value {
    affected.iter().map(|one| (one.scope.0.clone(), json!(one.impact.as_str()))).collect::<Map<_, _>>().into()
}

pub(crate) fn list_json(incidents: &[&Incident]) -> Value {
    incidents.iter().map(|incident| to_json(incident)).collect()
}

/// Returns an incident as JSON, with times in UTC.
pub(crate) fn to_json(incident: &Incident) -> Value {
    let updates = incident.updates.iter().map(|update| {
        json!({
            "id": update.id.to_string(),
            "author": update.author.as_str(),
            "state": update.state.map(shared::post::IncidentState::as_str),
            "text": update.text,
            "at": rfc3339(update.at),
            "posted_later": update.posted_later.map(rfc3339),
            "edited": update.is_edited,
        })
    });
    json!({
        "id": incident.id.to_string(),
        "title": incident.title,
        "state": incident.state.as_str(),
        "open": incident.is_open(),
        "affects": affected_json(&incident.affects),
        "began": rfc3339(incident.began),
        "ended": incident.ended.map(rfc3339),
        "updates": updates.collect::<Vec<_>>(),
    })
}

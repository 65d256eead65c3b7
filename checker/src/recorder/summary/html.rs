//! A summary as an HTML page without scripts or styles, which works in any browser and under any
//! Content-Security-Policy.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use shared::announced::{Announced, AnnouncedWindow, CurrentMessage, OpenIncident};
use shared::status::Status;
use shared::summary::{EndpointSummary, Summary};

use super::{SUMMARY_INTERVAL, escape, format_minute};
use crate::counted;

/// The length limit for titles, in characters.
const TITLE_LIMIT: usize = 200;
/// The length limit for texts of posts, in characters.
const TEXT_LIMIT: usize = 2_000;
/// The maximum number of titles to list for one post.
const MAX_TITLES: usize = 20;
/// The maximum number of nodes to list.
const MAX_NODES: usize = 20;

#[must_use]
pub fn page(summary: &Summary) -> String {
    let title = escape(&summary.title, TITLE_LIMIT);
    let mut page = format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta name=\"color-scheme\" content=\"light dark\">\n<title>{title}: {}</title>\n</head>\n<body>\n<main>\n\
         <h1>{title}</h1>\n<p>{} <strong>{}</strong> (as of {})</p>\n",
        summary.status.as_str(),
        summary.status.symbol(),
        overall(summary),
        format_minute(summary.at),
    );
    announced(&mut page, &summary.announced);
    if !summary.endpoints.is_empty() {
        page.push_str(
            "<table>\n<thead><tr><th scope=\"col\">Service</th><th scope=\"col\">Status</th>\
             <th scope=\"col\">Since</th><th scope=\"col\">Last checked</th></tr></thead>\n<tbody>\n",
        );
        summary.endpoints.iter().for_each(|endpoint| row(&mut page, endpoint));
        page.push_str("</tbody>\n</table>\n");
    }
    let _ = write!(
        page,
        "<p>Written by the checker <b>{}</b> at {} from the results of {}. It is updated at least every {}: if the time above \
         is much older, the current status is unknown.</p>\n</main>\n</body>\n</html>\n",
        escape(&summary.node, TITLE_LIMIT),
        format_minute(summary.at),
        nodes(summary),
        shared::duration::format_coarse(SUMMARY_INTERVAL),
    );
    page
}

/// Lists the open incidents, the maintenance in progress or planned soon, and the current messages.
fn announced(page: &mut String, announced: &Announced) {
    let mut list = |heading: &str, items: Vec<String>| {
        if !items.is_empty() {
            let _ = write!(page, "<h2>{heading}</h2>\n<ul>\n<li>{}</li>\n</ul>\n", items.join("</li>\n<li>"));
        }
    };
    list("Incidents", announced.incidents.iter().map(incident).collect());
    list("Maintenance", announced.maintenance.iter().map(window).collect());
    list("Messages", announced.messages.iter().map(message).collect());
}

fn incident(incident: &OpenIncident) -> String {
    let (since, updated) = (format_minute(incident.since), format_minute(incident.updated));
    let state = escape(&incident.state, TITLE_LIMIT);
    let (title, affects) = (escape(&incident.title, TITLE_LIMIT), affects(&incident.affects));
    let text = text(&incident.text, &format!("<br>{updated}: "));
    format!("<strong>{title}</strong>: {state} since {since}{affects}{text}")
}

fn window(window: &AnnouncedWindow) -> String {
    let (start, end) = (format_minute(window.start), format_minute(window.end));
    let in_progress = || format!("in progress until {end}");
    let when = if window.in_progress { in_progress() } else { format!("planned from {start} to {end}") };
    let afterwards = if window.announced_afterwards { ", announced afterwards" } else { "" };
    let (title, affects) = (escape(&window.title, TITLE_LIMIT), affects(&window.affects));
    format!("<strong>{title}</strong>: {when}{afterwards}{affects}{}", text(&window.text, "<br>"))
}

fn message(message: &CurrentMessage) -> String {
    let (since, until) = (format_minute(message.since), format_minute(message.until));
    let text = escape(&message.text, TEXT_LIMIT);
    format!("{since}: {text} (until {until}{})", affects(&message.affects))
}

fn affects(affects: &BTreeMap<String, String>) -> String {
    let one = |(title, impact): (&String, &String)| match impact.as_str() {
        "none" => escape(title, TITLE_LIMIT),
        impact => format!("{} ({})", escape(title, TITLE_LIMIT), escape(impact, TITLE_LIMIT)),
    };
    let shown: Vec<String> = affects.iter().take(MAX_TITLES).map(one).collect();
    let more = affects.len().saturating_sub(shown.len());
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    if shown.is_empty() { String::new() } else { format!(", affects {}{more}", shown.join(", ")) }
}

/// Returns a text on one line after `before`, or nothing for an empty text.
fn text(text: &str, before: &str) -> String {
    let text = escape(text, TEXT_LIMIT);
    if text.is_empty() { text } else { format!("{before}{text}") }
}

fn overall(summary: &Summary) -> String {
    let monitored = || summary.endpoints.iter().filter(|endpoint| !endpoint.retired);
    let count = |status: Status| monitored().filter(|endpoint| endpoint.status == status).count();
    let all = monitored().count();
    let are = |count: usize, status: &str| {
        format!("{count} of {} {} {status}", counted(all, "service"), if count == 1 { "is" } else { "are" })
    };
    match summary.status {
        Status::Unknown => "The status is unknown".to_owned(),
        Status::Healthy if count(Status::Healthy) == all => "All services are healthy".to_owned(),
        Status::Healthy => {
            format!("{}; the status of the others is unknown", are(count(Status::Healthy), "healthy"))
        }
        status => are(count(status), status.as_str()),
    }
}

fn row(page: &mut String, endpoint: &EndpointSummary) {
    let shape = if endpoint.localized { '◐' } else { endpoint.status.symbol() };
    let from = match endpoint.down_from.as_slice() {
        [] => String::new(),
        _ if endpoint.voters < 2 => String::new(),
        nodes => {
            let names =
                nodes.iter().take(MAX_NODES).map(|node| escape(node, TITLE_LIMIT)).collect::<Vec<_>>().join(", ");
            format!(" (not reachable from {names}; {} of {} locations)", nodes.len(), endpoint.voters)
        }
    };
    let planned =
        endpoint.planned_until.map(|end| format!(" (planned until {})", format_minute(end))).unwrap_or_default();
    let time = |at: Option<_>| at.map_or_else(|| "unknown".to_owned(), format_minute);
    let _ = writeln!(
        page,
        "<tr><th scope=\"row\">{}</th><td>{shape} {}{planned}{from}</td><td>{}</td><td>{}</td></tr>",
        escape(&endpoint.title, TITLE_LIMIT),
        endpoint.status_word(),
        time(endpoint.since),
        time(endpoint.checked),
    );
}

fn nodes(summary: &Summary) -> String {
    let names = summary.nodes.iter().filter_map(|reporter| reporter.node.as_deref());
    let mut names: Vec<String> = names.take(MAX_NODES).map(|name| escape(name, TITLE_LIMIT)).collect();
    let more = summary.nodes.len().saturating_sub(names.len());
    if more > 0 {
        names.push(format!("{more} more"));
    }
    if names.is_empty() { "no node".to_owned() } else { names.join(", ") }
}

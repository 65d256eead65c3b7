//! A summary as a page that needs no script and no style, so that it works under any Content-Security-Policy and in any
//! browser.

use std::fmt::Write as _;

use shared::status::Status;
use shared::summary::{EndpointSummary, Summary};

use super::{SPACING, escaped, minute};

/// The most of a title that is shown, in characters.
const TITLE_LIMIT: usize = 200;
/// The most nodes that are named.
const NODES: usize = 20;

/// The page.
#[must_use]
pub fn page(summary: &Summary) -> String {
    let title = escaped(&summary.title, TITLE_LIMIT);
    let mut page = format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta name=\"color-scheme\" content=\"light dark\">\n<title>{title}: {}</title>\n</head>\n<body>\n<main>\n\
         <h1>{title}</h1>\n<p>{} <strong>{}</strong> (looked at {})</p>\n",
        summary.status.as_str(),
        summary.status.symbol(),
        overall(summary),
        minute(summary.at),
    );
    if !summary.endpoints.is_empty() {
        page.push_str(
            "<table>\n<thead><tr><th scope=\"col\">Endpoint</th><th scope=\"col\">State</th>\
             <th scope=\"col\">Since</th><th scope=\"col\">Last checked</th></tr></thead>\n<tbody>\n",
        );
        summary.endpoints.iter().for_each(|told| row(&mut page, told));
        page.push_str("</tbody>\n</table>\n");
    }
    let _ = write!(
        page,
        "<p>The checker <b>{}</b> wrote this at {} from what {} stored. It writes it again at least every {}: if that time \
         is long past, nobody knows how things stand.</p>\n</main>\n</body>\n</html>\n",
        escaped(&summary.node, TITLE_LIMIT),
        minute(summary.at),
        nodes(summary),
        shared::duration::format_coarse(SPACING),
    );
    page
}

fn overall(summary: &Summary) -> String {
    let count = |status: Status| summary.endpoints.iter().filter(|told| told.status == status).count();
    let all = summary.endpoints.len();
    match summary.status {
        Status::Unknown => "Nobody knows how things stand".to_owned(),
        Status::Healthy if count(Status::Healthy) == all => "Everything works".to_owned(),
        Status::Healthy => format!("Everything works that is known: {} of {all}", count(Status::Healthy)),
        status => {
            let count = count(status);
            format!("{count} of {all} {} {status}", if count == 1 { "is" } else { "are" })
        }
    }
}

fn row(page: &mut String, told: &EndpointSummary) {
    let shape = if told.localized { '◐' } else { told.status.symbol() };
    let from = match told.down_from.as_slice() {
        [] => String::new(),
        _ if told.voters < 2 => String::new(),
        nodes => {
            let named = nodes.iter().take(NODES).map(|node| escaped(node, TITLE_LIMIT)).collect::<Vec<_>>().join(", ");
            format!(" (not reached from {named}; {} of {} nodes)", nodes.len(), told.voters)
        }
    };
    let moment = |at: Option<_>| at.map_or_else(|| "not known".to_owned(), minute);
    let _ = writeln!(
        page,
        "<tr><th scope=\"row\">{}</th><td>{shape} {}{from}</td><td>{}</td><td>{}</td></tr>",
        escaped(&told.title, TITLE_LIMIT),
        told.status_word(),
        moment(told.since),
        moment(told.checked),
    );
}

fn nodes(summary: &Summary) -> String {
    let names = summary.nodes.iter().filter_map(|reporter| reporter.node.as_deref());
    let mut names: Vec<String> = names.take(NODES).map(|name| escaped(name, TITLE_LIMIT)).collect();
    let more = summary.nodes.len().saturating_sub(names.len());
    if more > 0 {
        names.push(format!("{more} more"));
    }
    if names.is_empty() { "no node".to_owned() } else { names.join(", ") }
}

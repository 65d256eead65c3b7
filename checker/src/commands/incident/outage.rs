//! Describes an endpoint's current outage for a new incident.

use shared::UnixNanos;
use shared::endpoint_status::{EndpointStatus, Outage, endpoint_statuses};
use shared::status::Status;

use super::IncidentError;
use crate::commands::posting::Posting;
use crate::recorder::history_reader::histories_up_to;
use crate::titles::find_title;

/// What was measured, in the words of a post.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct MeasuredOutage {
    pub(super) title: String,
    /// The endpoint with its impact, in the spelling of `--affects`.
    pub(super) affected: String,
    pub(super) began: UnixNanos,
    /// A first text, as HTML. Reasons are left out, because they can contain internal names.
    pub(super) text: String,
}

/// Finds the current outage of an endpoint.
pub(super) async fn describe(posting: &Posting, typed: &str) -> anyhow::Result<MeasuredOutage> {
    let read = histories_up_to(&posting.store, posting.now).await?;
    let endpoints = endpoint_statuses(&read.histories);
    let unknown = |remedy| IncidentError::UnknownEndpoint { title: typed.to_owned(), remedy };
    if endpoints.is_empty() {
        return Err(unknown("expected an endpoint with stored results".to_owned()).into());
    }
    let title = find_title(typed, endpoints.iter().map(|endpoint| endpoint.key.title.as_str())).map_err(unknown)?;
    let mut named = endpoints.iter().filter(|one| one.key.title == title);
    let current = named.find_map(|endpoint| Some((endpoint, current_outage(endpoint, posting.now)?)));
    let (endpoint, outage) = current.ok_or_else(|| IncidentError::NoOutage(title.to_owned()))?;
    let nodes = outage.nodes.iter().filter_map(|index| Some(endpoint.nodes.get(*index)?.node?.to_string()));
    Ok(in_words(title, outage.span.status, outage.span.start, &nodes.collect::<Vec<_>>()))
}

/// Returns the endpoint's newest outage if it is degraded or down now.
fn current_outage(endpoint: &EndpointStatus<'_>, now: UnixNanos) -> Option<Outage> {
    let status = endpoint.tally(now).status;
    matches!(status, Status::Degraded | Status::Down).then(|| endpoint.outages(0, now).pop()).flatten()
}

fn in_words(title: &str, status: Status, began: UnixNanos, nodes: &[String]) -> MeasuredOutage {
    let escaped = title.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
    let seen = match nodes {
        [] => String::new(),
        [only] => format!(", as seen from {only}"),
        [first @ .., last] => format!(", as seen from {} and {last}", first.join(", ")),
    };
    MeasuredOutage {
        title: format!("{title} is {status}"),
        affected: format!("{title}={status}"),
        began,
        text: format!("{escaped} is {status}{seen}. We are investigating."),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_outage_is_described_without_markup_from_titles() {
        let nodes = ["eu", "us", "asia"].map(str::to_owned);
        let outage = in_words("A<b>&C", Status::Down, 7, &nodes);
        assert_eq!(outage.text, "A&lt;b&gt;&amp;C is down, as seen from eu, us and asia. We are investigating.");
        assert_eq!((outage.title.as_str(), outage.affected.as_str()), ("A<b>&C is down", "A<b>&C=down"));
        assert_eq!(in_words("Shop", Status::Degraded, 7, &[]).text, "Shop is degraded. We are investigating.");
    }
}

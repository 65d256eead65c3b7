//! The first lines of the page: the state of things in one sentence built from facts. Pure.

use shared::status::Status;
use shared::uptime;

use super::Loading;
use super::endpoint::{Reckoned, since};
use super::period::Period;
use super::words::{self, counted, listed};
use crate::calendar::{Calendar, rfc3339};

/// How many endpoints a sentence names before it counts them.
const NAMES_LIMIT: usize = 3;

/// The state of things.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Overall {
    /// What `html[data-state]` says: a status, or `loading`.
    pub state: &'static str,
    /// The status behind it.
    pub status: Status,
    /// The sentence.
    pub sentence: String,
    /// What more there is to say; empty if nothing.
    pub remark: String,
    /// When somebody last looked, in words; empty if nobody did.
    pub looked: String,
    /// The same for machines.
    pub looked_datetime: String,
    /// From where, and which period is shown.
    pub scope: String,
}

/// Says how things are; `reckoned` stands in the order of urgency.
#[must_use]
pub fn overall(
    reckoned: &[Reckoned<'_>],
    list_failed: bool,
    period: &Period,
    calendar: Calendar<'_>,
    loading: Loading,
) -> Overall {
    let status = status(reckoned);
    let newest = reckoned.iter().map(|reckoned| reckoned.latest.at).max();
    let (sentence, remark) = if reckoned.is_empty() {
        nothing(list_failed, period, calendar, loading)
    } else {
        (sentence(reckoned, status, period, calendar), remark(reckoned, status))
    };
    // As long as nothing is known, a page that still loads does not speak of the unknown.
    let is_loading = loading != Loading::Complete && reckoned.is_empty();
    let mut scope = Vec::new();
    let mut nodes = Vec::new();
    for node in reckoned.iter().flat_map(|reckoned| &reckoned.endpoint.nodes) {
        if !nodes.contains(&&node.node) {
            nodes.push(&node.node);
        }
    }
    if nodes.len() > 1 {
        scope.push(format!("from {} places", nodes.len()));
    }
    scope.push(period.in_words(calendar));
    Overall {
        state: if is_loading { "loading" } else { status.word() },
        status,
        sentence,
        remark,
        looked: newest
            .map(|at| format!("{}, {}", calendar.moment(at), words::ago(calendar.now - at)))
            .unwrap_or_default(),
        looked_datetime: newest.map(rfc3339).unwrap_or_default(),
        scope: scope.join(" · "),
    }
}

/// The worst that is, where an unknown counts unless it is known why nobody looks; no data is unknown.
fn status(reckoned: &[Reckoned<'_>]) -> Status {
    let watched = || reckoned.iter().filter(|reckoned| !reckoned.retired).map(|reckoned| reckoned.status);
    let worst = watched().max().unwrap_or_default();
    if worst == Status::Healthy && watched().any(|status| status == Status::Unknown) { Status::Unknown } else { worst }
}

fn nothing(list_failed: bool, period: &Period, calendar: Calendar<'_>, loading: Loading) -> (String, String) {
    match loading {
        Loading::Complete if list_failed => (
            "The checks could not be read".to_owned(),
            "What went wrong, and what to do about it, stands below.".to_owned(),
        ),
        Loading::Complete => (
            format!("No checks {}", period.in_words(calendar)),
            "Nobody has looked, so nobody knows. A checker that runs and stores into this place fills the page."
                .to_owned(),
        ),
        _ => ("Loading the latest checks".to_owned(), String::new()),
    }
}

fn sentence(reckoned: &[Reckoned<'_>], status: Status, period: &Period, calendar: Calendar<'_>) -> String {
    let watched: Vec<&Reckoned<'_>> = reckoned.iter().filter(|reckoned| !reckoned.retired).collect();
    let of_status: Vec<&Reckoned<'_>> = watched.iter().copied().filter(|reckoned| reckoned.status == status).collect();
    let names: Vec<String> = of_status.iter().map(|reckoned| reckoned.name()).collect();
    match (status, of_status.as_slice()) {
        (Status::Healthy, [only]) => format!("{} is healthy", only.name()),
        (Status::Healthy, all) => format!("{} healthy", whole(all.len())),
        (Status::Unknown, []) => "Nothing is watched any more".to_owned(),
        (Status::Unknown, all) if all.len() == watched.len() => {
            let newest = all.iter().map(|reckoned| reckoned.latest.at).max().unwrap_or(calendar.now);
            format!(
                "Unknown: nobody has looked since {} ({})",
                calendar.moment(newest),
                words::length(calendar.now - newest)
            )
        }
        (Status::Unknown, all) => format!("{} not checked any more", part(all.len(), watched.len())),
        (bad, [only]) => {
            let since = uptime::current(&only.spans, calendar.now).map(|span| since(span.start, period, calendar));
            format!("{} is {bad} {}", only.name(), since.unwrap_or_default())
        }
        (bad, all) if all.len() == watched.len() => format!("{} {bad}", whole(all.len())),
        (bad, all) if all.len() <= NAMES_LIMIT => {
            format!("{} are {bad}", listed(&names.iter().map(String::as_str).collect::<Vec<_>>()))
        }
        (bad, all) => format!("{} {bad}", part(all.len(), watched.len())),
    }
}

/// `1 of 5 endpoints is`, `2 of 5 endpoints are`.
fn part(some: usize, all: usize) -> String {
    format!("{some} of {all} endpoints {}", if some == 1 { "is" } else { "are" })
}

/// `Both endpoints are`, `All 5 endpoints are`.
fn whole(all: usize) -> String {
    if all == 2 { "Both endpoints are".to_owned() } else { format!("All {all} endpoints are") }
}

/// What the sentence leaves out: the others.
fn remark(reckoned: &[Reckoned<'_>], status: Status) -> String {
    let count =
        |wanted: Status| reckoned.iter().filter(|reckoned| reckoned.status == wanted && !reckoned.retired).count();
    let retired = reckoned.iter().filter(|reckoned| reckoned.retired).count();
    let mut parts = Vec::new();
    for (other, word) in [(Status::Degraded, "degraded"), (Status::Unknown, "unknown"), (Status::Healthy, "healthy")] {
        let number = count(other);
        if other != status && number > 0 {
            parts.push(format!("{} {word}", counted(number, "endpoint is", "endpoints are")));
        }
    }
    if retired > 0 {
        parts.push(format!("{} no longer watched", counted(retired, "endpoint is", "endpoints are")));
    }
    let mut text = listed(&parts.iter().map(String::as_str).collect::<Vec<_>>());
    if !text.is_empty() {
        text.push('.');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::calendar::tests::utc;
    use crate::view::endpoint::tests::{period, reckon, record};
    use Status::{Degraded, Down, Healthy};

    fn said(looks: &[(&str, &str, i64, Status)]) -> Overall {
        let record = record(looks);
        let mut all = reckon(&record);
        all.sort_by_key(Reckoned::urgency);
        overall(&all, false, &period(), utc(), Loading::Complete)
    }

    #[test]
    fn no_data_is_unknown_and_says_what_to_do() {
        let said = said(&[]);
        assert_eq!((said.state, said.sentence.as_str()), ("unknown", "No checks since yesterday 13:00"));
        assert!(said.remark.contains("checker"));
        assert_eq!(overall(&[], true, &period(), utc(), Loading::Complete).sentence, "The checks could not be read");
        assert_eq!(overall(&[], false, &period(), utc(), Loading::Listing).state, "loading");
    }

    #[test]
    fn old_data_is_unknown_however_healthy_it_was() {
        let said = said(&[("A", "", 46, Healthy), ("A", "", 45, Healthy)]);
        assert_eq!(said.sentence, "Unknown: nobody has looked since 12:17 (45 min)");
        assert_eq!((said.state, said.looked.as_str()), ("unknown", "12:17, 45 min ago"));
    }

    #[test]
    fn the_sentence_is_built_from_facts() {
        let sentence = |looks: &[(&str, &str, i64, Status)]| said(looks).sentence;
        assert_eq!(sentence(&[("A", "", 0, Healthy)]), "A is healthy");
        assert_eq!(sentence(&[("A", "", 0, Healthy), ("B", "", 0, Healthy)]), "Both endpoints are healthy");
        assert_eq!(
            sentence(&[("A", "", 1, Down), ("A", "", 0, Down), ("B", "", 0, Healthy)]),
            "A is down since 13:01 (1 min)"
        );
        assert_eq!(sentence(&[("A", "", 0, Down), ("B", "", 0, Down), ("C", "", 0, Healthy)]), "A and B are down");
        assert_eq!(sentence(&[("A", "", 0, Down), ("B", "", 0, Down)]), "Both endpoints are down");
    }

    #[test]
    fn the_remark_counts_the_others() {
        let said = said(&[("A", "", 0, Down), ("B", "", 0, Degraded), ("C", "", 0, Healthy), ("D", "", 0, Healthy)]);
        assert_eq!((said.state, said.remark.as_str()), ("down", "1 endpoint is degraded and 2 endpoints are healthy."));
    }

    #[test]
    fn one_endpoint_that_nobody_looks_at_is_enough_not_to_be_green() {
        let said = said(&[("A", "n1", 0, Healthy), ("B", "n2", 60, Healthy)]);
        assert_eq!((said.state, said.sentence.as_str()), ("unknown", "1 of 2 endpoints is not checked any more"));
        assert_eq!(said.scope, "from 2 places · since yesterday 13:00");
    }
}

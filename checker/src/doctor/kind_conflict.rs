//! Finds endpoints that nodes check in different ways, so combining their results is meaningless. Pure.

use shared::UnixNanos;
use shared::endpoint_status::EndpointStatus;
use shared::object_name::NodeName;

use super::{Finding, Side};
use crate::sanitize::sanitize_for_terminal;

/// How to fix a conflict.
pub const REMEDY: &str = "give each check its own title";

/// The maximum length of titles and locators, in characters.
const LIMIT: usize = 80;

/// Describes the conflict if nodes check the endpoint in different ways at `now`.
#[must_use]
pub fn describe(endpoint: &EndpointStatus<'_>, now: UnixNanos) -> Option<String> {
    let kinds = endpoint.conflicting_kinds(now);
    if kinds.is_empty() {
        return None;
    }
    let name = |node: Option<&NodeName>| node.map_or_else(|| "an unnamed node".to_owned(), |node| format!("`{node}`"));
    let checks: Vec<String> = kinds.iter().map(|(kind, node)| format!("`{kind}` on {}", name(*node))).collect();
    let [title, locator] = [&endpoint.key.title, &endpoint.key.locator].map(|text| sanitize_for_terminal(text, LIMIT));
    Some(format!("`{title}` (`{locator}`) is not the same check on all nodes ({})", checks.join(", ")))
}

/// Returns a finding for each conflict.
#[must_use]
pub fn findings(endpoints: &[EndpointStatus<'_>], now: UnixNanos) -> Vec<Finding> {
    let conflicts = endpoints.iter().filter_map(|endpoint| describe(endpoint, now));
    conflicts.map(|what| Finding::warning(Side::Store, what, REMEDY)).collect()
}

#[cfg(test)]
mod tests {
    use shared::MINUTE;
    use shared::check_file::EndpointKey;
    use std::borrow::Cow;

    use shared::endpoint_status::NodeStatus;
    use shared::history::LatestResult;
    use shared::quorum::Quorum;
    use shared::status::Status;
    use shared::uptime::Span;

    use super::*;

    const NOW: UnixNanos = 1_795_330_254_340_493_978;

    /// Returns the findings about an endpoint whose nodes use checks of these kinds, each this many minutes ago.
    fn findings_about(kinds: &[(&str, i64)]) -> Vec<Finding> {
        let names = ["eu", "us", "ap"].map(|name| NodeName::new(name).ok());
        let span =
            |age: i64| Span { start: NOW - (age + 1) * MINUTE, end: NOW - (age - 1) * MINUTE, status: Status::Healthy };
        let spans: Vec<[Span; 1]> = kinds.iter().map(|(_, age)| [span(*age)]).collect();
        let nodes = kinds.iter().zip(&spans).zip(&names).map(|(((kind, age), spans), name)| NodeStatus {
            node: name.as_ref(),
            spans,
            last_checked: Some(NOW - age * MINUTE),
            reason: None,
            events: &[],
            kind,
            quorum: Quorum::default(),
        });
        let latest = LatestResult::default();
        let key = EndpointKey { title: "Shop".to_owned(), locator: "shop:443".to_owned(), id: None };
        let endpoint = EndpointStatus {
            key: Cow::Borrowed(&key),
            latest: &latest,
            quorum: Quorum::default(),
            interval: None,
            nodes: nodes.collect(),
        };
        findings(&[endpoint], NOW)
    }

    #[test]
    fn current_checks_of_different_kinds_are_a_conflict() {
        let found = findings_about(&[("tcp", 0), ("tls", 0), ("tls", 0)]);
        assert_eq!(found.len(), 1);
        assert_eq!(
            found[0].what,
            "`Shop` (`shop:443`) is not the same check on all nodes (`tcp` on `eu`, `tls` on `us`)"
        );
        for kinds in [&[("tcp", 0), ("tcp", 0)][..], &[("tcp", 0), ("", 0)], &[("tcp", 0), ("tls", 90)], &[]] {
            assert_eq!(findings_about(kinds), [], "{kinds:?}");
        }
    }
}

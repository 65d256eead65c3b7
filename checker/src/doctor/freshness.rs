//! Findings based on the names of check files: when each node last reported, and whether old files are deleted. Pure.

use std::collections::BTreeMap;

use shared::object_name::{CheckFileName, NodeName};
use shared::{HOUR, Nanos, UnixNanos, duration};

use super::{Finding, Side};

/// How long a file can exist beyond its configured age: checkers delete expired files only once an hour.
const EXPIRY_SLACK: Nanos = 3 * HOUR;

/// The description of a node without a name.
const UNNAMED: &str = "the original Checkup's node";

/// Returns the newest check file of each node.
#[must_use]
pub fn newest(names: &[CheckFileName]) -> BTreeMap<Option<NodeName>, CheckFileName> {
    let mut newest: BTreeMap<Option<NodeName>, CheckFileName> = BTreeMap::new();
    for name in names {
        let entry = newest.entry(name.node.clone()).or_insert_with(|| name.clone());
        if name.stored_at > entry.stored_at {
            *entry = name.clone();
        }
    }
    newest
}

/// Returns a finding about the age of a node's newest check file, given the node's interval.
#[must_use]
pub fn node_finding(newest: &CheckFileName, interval: Option<Nanos>, now: UnixNanos) -> Finding {
    let age = now.saturating_sub(newest.stored_at);
    let node = newest.node.as_ref().map_or_else(|| UNNAMED.to_owned(), |node| format!("the node `{node}`"));
    if age < -shared::MINUTE {
        return Finding::warning(
            Side::Store,
            format!("{node} stored its newest check file {} in the future", duration::format_coarse(-age)),
            "set the clocks, preferably with NTP",
        );
    }
    let reported = format!("{node} stored its newest check file {} ago", duration::format_coarse(age));
    match interval {
        Some(interval) if age > shared::uptime::validity(interval) => Finding::warning(
            Side::Store,
            format!("{reported}, but reports every {}", duration::format_exact(interval)),
            "check whether its checker is running; the page shows its results as unknown",
        ),
        _ => Finding::ok(Side::Store, reported),
    }
}

/// Returns a finding about whether a node's old check files are deleted.
#[must_use]
pub fn expiry_finding(names: &[CheckFileName], node: &NodeName, age: Option<Nanos>, now: UnixNanos) -> Finding {
    let Some(age) = age else {
        return Finding::ok(Side::Store, format!("the node `{node}` keeps its check files indefinitely"));
    };
    let after = duration::format_exact(age);
    let oldest = names.iter().filter(|name| name.node.as_ref() == Some(node)).map(|name| name.stored_at).min();
    match oldest.map(|stored_at| now.saturating_sub(stored_at)) {
        Some(oldest) if oldest > age.saturating_add(EXPIRY_SLACK) => Finding::warning(
            Side::Store,
            format!(
                "expiry does not work: the node `{node}` has a check file that is {} old, but its check files expire after {after}",
                duration::format_coarse(oldest)
            ),
            "check whether the checker is running, and whether its keys can delete its own check files",
        ),
        _ => Finding::ok(Side::Store, format!("the node `{node}` has no check files older than its limit of {after}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::Level;
    use shared::{DAY, MINUTE};

    const NOW: UnixNanos = 1_795_330_254_340_493_978;

    fn file(age: Nanos, node: &str) -> CheckFileName {
        CheckFileName { stored_at: NOW - age, node: Some(NodeName::new(node).expect("it is a name")) }
    }

    #[test]
    fn each_nodes_newest_file_is_found() {
        let newest = newest(&[file(DAY, "a"), file(MINUTE, "a"), file(HOUR, "b")]);
        let ages: Vec<_> = newest.values().map(|name| NOW - name.stored_at).collect();
        assert_eq!(ages, [MINUTE, HOUR]);
    }

    #[test]
    fn a_node_that_stops_reporting_is_found() {
        let fresh = node_finding(&file(MINUTE, "a"), Some(MINUTE), NOW);
        assert_eq!(fresh.level, Level::Ok, "{fresh:?}");
        let late = node_finding(&file(HOUR, "a"), Some(MINUTE), NOW);
        assert!(late.level == Level::Warning && late.what.contains("1 h ago"), "{late:?}");
        assert_eq!(node_finding(&file(HOUR, "a"), None, NOW).level, Level::Ok);
        assert!(node_finding(&file(-HOUR, "a"), None, NOW).what.contains("future"));
    }

    #[test]
    fn files_that_are_not_deleted_are_found() {
        let node = NodeName::new("a").unwrap();
        let names = [file(8 * DAY, "a"), file(30 * DAY, "b")];
        assert_eq!(expiry_finding(&names, &node, Some(7 * DAY), NOW).level, Level::Warning);
        assert_eq!(expiry_finding(&names, &node, Some(9 * DAY), NOW).level, Level::Ok);
        assert_eq!(expiry_finding(&names, &node, None, NOW).level, Level::Ok);
    }
}

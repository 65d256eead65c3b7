//! What the names in a store say about its nodes: who reported last when, and whether old files go. Pure.

use std::collections::BTreeMap;

use shared::object_name::{CheckFileName, NodeName};
use shared::{HOUR, Nanos, UnixNanos, duration};

use super::{Finding, Side};

/// A checker looks for expired files once an hour; some rounds later they are gone.
const EXPIRY_SLACK: Nanos = 3 * HOUR;

/// How a node without a name is called: the original Checkup's files have none.
const NO_NAME: &str = "the original Checkup's node";

/// The newest check file of each node, by node.
#[must_use]
pub fn newest(names: &[CheckFileName]) -> BTreeMap<Option<NodeName>, CheckFileName> {
    let mut newest: BTreeMap<Option<NodeName>, CheckFileName> = BTreeMap::new();
    for name in names {
        let there = newest.entry(name.node.clone()).or_insert_with(|| name.clone());
        if name.stored_at > there.stored_at {
            *there = name.clone();
        }
    }
    newest
}

/// What a node's newest check file means, if its rounds are made so far apart.
#[must_use]
pub fn of_node(newest: &CheckFileName, interval: Option<Nanos>, now: UnixNanos) -> Finding {
    let age = now.saturating_sub(newest.stored_at);
    let node = newest.node.as_ref().map_or_else(|| NO_NAME.to_owned(), |node| format!("the node `{node}`"));
    if age < -shared::MINUTE {
        return Finding::warning(
            Side::Store,
            format!("{node} stored its newest check file {} in the future", duration::format_coarse(-age)),
            "set the clocks, best by NTP",
        );
    }
    let reported = format!("{node} stored its newest check file {} ago", duration::format_coarse(age));
    match interval {
        Some(interval) if age > shared::uptime::validity(interval) => Finding::warning(
            Side::Store,
            format!("{reported}, and reports every {}", duration::format_exact(interval)),
            "see whether that checker still runs; the page shows its part as unknown",
        ),
        _ => Finding::ok(Side::Store, reported),
    }
}

/// Whether a node's files go at their age.
#[must_use]
pub fn of_expiry(names: &[CheckFileName], node: &NodeName, age: Option<Nanos>, now: UnixNanos) -> Finding {
    let Some(age) = age else {
        return Finding::ok(Side::Store, format!("the node `{node}` keeps its check files for ever"));
    };
    let after = duration::format_exact(age);
    let oldest = names.iter().filter(|name| name.node.as_ref() == Some(node)).map(|name| name.stored_at).min();
    match oldest.map(|stored_at| now.saturating_sub(stored_at)) {
        Some(oldest) if oldest > age.saturating_add(EXPIRY_SLACK) => Finding::warning(
            Side::Store,
            format!(
                "expiry is not at work: the node `{node}` has a check file {} old, and they expire after {after}",
                duration::format_coarse(oldest)
            ),
            "see whether the checker runs, and whether its keys may delete its own check files",
        ),
        _ => {
            Finding::ok(Side::Store, format!("no check file of the node `{node}` is older than it should be ({after})"))
        }
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
    fn a_node_that_stops_reporting_is_told() {
        let fresh = of_node(&file(MINUTE, "a"), Some(MINUTE), NOW);
        assert_eq!(fresh.level, Level::Ok, "{fresh:?}");
        let late = of_node(&file(HOUR, "a"), Some(MINUTE), NOW);
        assert!(late.level == Level::Warning && late.what.contains("1 h ago"), "{late:?}");
        assert_eq!(of_node(&file(HOUR, "a"), None, NOW).level, Level::Ok);
        assert!(of_node(&file(-HOUR, "a"), None, NOW).what.contains("future"));
    }

    #[test]
    fn files_that_stay_too_long_are_told() {
        let node = NodeName::new("a").unwrap();
        let names = [file(8 * DAY, "a"), file(30 * DAY, "b")];
        assert_eq!(of_expiry(&names, &node, Some(7 * DAY), NOW).level, Level::Warning);
        assert_eq!(of_expiry(&names, &node, Some(9 * DAY), NOW).level, Level::Ok);
        assert_eq!(of_expiry(&names, &node, None, NOW).level, Level::Ok);
    }
}

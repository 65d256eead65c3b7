//! Plans what a reader fetches: which histories, where to start listing check files, and which check files no history
//! covers.
//!
//! The checker and the page send the requests, with [`ReadPlanner`] between them:
//!
//! 1. List the histories, and fetch [`changed_histories`].
//! 2. List check files from [`ReadPlanner::first_listing`] on, and if [`ReadPlanner::second_listing`] asks for it, once
//!    more from an earlier time on.
//! 3. Fetch the check files for which [`ReadPlanner::is_needed`] returns `true`, and add them to the histories.
//!
//! A node without a history that has stored nothing since the start of the first listing is not found. It is not
//! running, and finding it would mean listing all check files.

use super::rows::HistoryRows;
use super::{History, OVERLAP};
use crate::object_name::{CheckFileName, HistoryName, HistoryPart, NodeName};
use crate::{Nanos, UnixNanos};

/// The coverage of a history: which check files it includes.
pub trait Coverage {
    /// Returns the node that stores the history, or `None` for check files without a node.
    fn node(&self) -> Option<&NodeName>;
    /// Returns when the newest check file was stored, or 0 if there are no check files.
    fn newest(&self) -> UnixNanos;
    /// Returns whether the history includes this node's check file.
    fn covers(&self, name: &CheckFileName) -> bool;
}

impl Coverage for History {
    fn node(&self) -> Option<&NodeName> {
        self.node.as_ref()
    }

    fn newest(&self) -> UnixNanos {
        self.newest
    }

    fn covers(&self, name: &CheckFileName) -> bool {
        History::covers(self, name)
    }
}

impl Coverage for HistoryRows {
    fn node(&self) -> Option<&NodeName> {
        self.node.as_ref()
    }

    fn newest(&self) -> UnixNanos {
        self.newest
    }

    fn covers(&self, name: &CheckFileName) -> bool {
        HistoryRows::covers(self, name)
    }
}

/// The requirements of a reader, which determine what it fetches.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ReadPlanner {
    /// The time from which check files of nodes without a history are read.
    pub from: UnixNanos,
    /// The time from which check files are fetched even if a history covers them, or `UnixNanos::MAX` if histories are
    /// enough.
    pub checks_from: UnixNanos,
    /// Check files stored after this time are ignored.
    pub until: UnixNanos,
    /// A history may lack check files that are up to this much older than its newest one.
    pub overlap: Nanos,
}

impl ReadPlanner {
    /// Returns where to start listing check files, so that the listing includes all running nodes and everything that
    /// their histories lack.
    #[must_use]
    pub fn first_listing<H: Coverage>(&self, histories: &[H]) -> UnixNanos {
        let newest = histories.iter().map(Coverage::newest).max().unwrap_or(0);
        let running = histories.iter().map(Coverage::newest).filter(|at| *at > 0 && *at >= newest - OVERLAP);
        running.map(|at| self.end_of_coverage(at)).min().unwrap_or(self.from)
    }

    /// Returns where to start a second listing if `listed`, which starts at `listed_from`, shows that the first one
    /// started too late: a node has no history, or its history is behind.
    ///
    /// `start` returns the time from which a node without a history must be read, usually [`ReadPlanner::from`].
    #[must_use]
    pub fn second_listing<'a, H: Coverage>(
        &self,
        histories: &[H],
        listed: impl IntoIterator<Item = &'a CheckFileName>,
        listed_from: UnixNanos,
        start: impl Fn(Option<&NodeName>) -> UnixNanos,
    ) -> Option<UnixNanos> {
        let needed_from = |name: &CheckFileName| match history_of(histories, name) {
            Some(history) => self.end_of_coverage(history.newest()),
            None => start(name.node.as_ref()),
        };
        listed.into_iter().map(needed_from).min().filter(|needed| *needed < listed_from)
    }

    /// Returns whether to fetch a check file.
    #[must_use]
    pub fn is_needed<H: Coverage>(&self, histories: &[H], name: &CheckFileName) -> bool {
        let is_covered = || history_of(histories, name).is_some_and(|history| history.covers(name));
        name.stored_at <= self.until && (name.stored_at >= self.checks_from || !is_covered())
    }

    fn end_of_coverage(&self, newest: UnixNanos) -> UnixNanos {
        newest.saturating_sub(self.overlap).max(0)
    }
}

fn history_of<'h, H: Coverage>(histories: &'h [H], name: &CheckFileName) -> Option<&'h H> {
    histories.iter().find(|history| history.node() == name.node.as_ref())
}

/// Returns the histories to fetch: those in `parts` without an entity tag, or with a different one than in `seen`.
pub fn changed_histories<'a, T: PartialEq>(
    listed: &'a [(HistoryName, Option<T>)],
    parts: &'a [HistoryPart],
    seen: impl Fn(&HistoryName) -> Option<&'a T>,
) -> impl Iterator<Item = &'a (HistoryName, Option<T>)> {
    listed.iter().filter(move |(name, tag)| parts.contains(&name.part) && (tag.is_none() || seen(name) != tag.as_ref()))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::{DAY, HOUR, MINUTE};
    use proptest::prelude::*;

    const NOW: UnixNanos = 20_779 * DAY;
    const PLANNER: ReadPlanner =
        ReadPlanner { from: NOW - 7 * DAY, checks_from: UnixNanos::MAX, until: NOW, overlap: OVERLAP };

    struct Covered {
        node: Option<NodeName>,
        files: BTreeSet<UnixNanos>,
    }

    impl Coverage for Covered {
        fn node(&self) -> Option<&NodeName> {
            self.node.as_ref()
        }

        fn newest(&self) -> UnixNanos {
            self.files.last().copied().unwrap_or(0)
        }

        fn covers(&self, name: &CheckFileName) -> bool {
            self.files.contains(&name.stored_at)
        }
    }

    fn name(node: &str, stored_at: UnixNanos) -> CheckFileName {
        CheckFileName { stored_at, node: NodeName::new(node).ok() }
    }

    fn history(node: &str, newest: UnixNanos) -> Covered {
        Covered { node: NodeName::new(node).ok(), files: BTreeSet::from([newest]) }
    }

    fn second_listing(histories: &[Covered], listed: &[CheckFileName], from: UnixNanos) -> Option<UnixNanos> {
        PLANNER.second_listing(histories, listed, from, |_| PLANNER.from)
    }

    #[test]
    fn without_histories_everything_is_listed() {
        assert_eq!(PLANNER.first_listing::<Covered>(&[]), PLANNER.from);
        assert!(PLANNER.is_needed::<Covered>(&[], &name("a", NOW)));
        assert!(!PLANNER.is_needed::<Covered>(&[], &name("a", NOW + 1)));
    }

    #[test]
    fn one_short_listing_is_enough_if_all_nodes_have_histories() {
        let histories = [history("a", NOW - MINUTE), history("b", NOW - 3 * MINUTE), history("stopped", NOW - 3 * DAY)];
        let from = PLANNER.first_listing(&histories);
        assert_eq!(from, NOW - 3 * MINUTE - OVERLAP);
        let listed = [name("a", NOW), name("b", NOW - 3 * MINUTE)];
        assert_eq!(second_listing(&histories, &listed, from), None);
        assert_eq!(listed.map(|name| PLANNER.is_needed(&histories, &name)), [true, false]);
    }

    #[test]
    fn a_node_without_a_history_or_behind_needs_a_longer_listing() {
        let histories = [history("a", NOW), history("behind", NOW - HOUR)];
        let from = PLANNER.first_listing(&histories);
        assert_eq!(second_listing(&histories, &[name("a", NOW)], from), None);
        assert_eq!(second_listing(&histories, &[name("behind", NOW)], from), Some(NOW - HOUR - OVERLAP));
        assert_eq!(second_listing(&histories, &[name("new", NOW)], from), Some(PLANNER.from));
        let unnamed = CheckFileName { stored_at: NOW, node: None };
        assert_eq!(second_listing(&histories, &[unnamed], from), Some(PLANNER.from));
    }

    #[test]
    fn covered_check_files_are_fetched_where_all_are_needed() {
        let histories = [history("a", NOW - HOUR)];
        let planner = ReadPlanner { checks_from: NOW - HOUR, ..PLANNER };
        assert!(planner.is_needed(&histories, &name("a", NOW - HOUR)));
        assert!(!ReadPlanner { checks_from: NOW, ..planner }.is_needed(&histories, &name("a", NOW - HOUR)));
    }

    #[test]
    fn a_history_is_fetched_again_if_its_tag_changed() {
        let of = |node: &str, part| HistoryName { node: NodeName::new(node).ok(), part };
        let listed = [
            (of("a", HistoryPart::Main), Some(1)),
            (of("b", HistoryPart::Main), Some(2)),
            (of("c", HistoryPart::Main), None),
            (of("d", HistoryPart::Latency), Some(1)),
        ];
        let changed = changed_histories(&listed, &[HistoryPart::Main], |_| Some(&1));
        let nodes: Vec<_> = changed.filter_map(|(name, _)| name.node.as_ref()).map(NodeName::as_str).collect();
        assert_eq!(nodes, ["b", "c"]);
    }

    /// Generates the ages of a node's check files in minutes, and how many of the oldest ones its history covers.
    fn any_node() -> impl Strategy<Value = (BTreeSet<i64>, prop::sample::Index, bool)> {
        let ages = prop_oneof![
            prop::collection::btree_set(0..60_i64, 1..20),
            prop::collection::btree_set(0..9_000_i64, 1..20)
        ];
        (ages, any::<prop::sample::Index>(), any::<bool>())
    }

    proptest! {
        #[test]
        fn every_check_file_of_a_running_node_is_covered_or_fetched(nodes in prop::collection::vec(any_node(), 1..5)) {
            let (mut histories, mut stored) = (Vec::new(), Vec::new());
            for (number, (ages, covered, has_history)) in nodes.into_iter().enumerate() {
                let node = format!("node-{number}");
                let files: BTreeSet<UnixNanos> = ages.iter().map(|age| NOW - age * MINUTE).collect();
                stored.extend(files.iter().map(|at| name(&node, *at)));
                if has_history {
                    let files = files.iter().take(covered.index(files.len()) + 1).copied().collect();
                    histories.push(Covered { node: NodeName::new(&node).ok(), files });
                }
            }
            stored.sort_unstable();
            let list = |from| stored.iter().filter(|name| name.stored_at >= from).cloned().collect::<Vec<_>>();
            let first = PLANNER.first_listing(&histories);
            let found = list(first);
            let from = second_listing(&histories, &found, first).unwrap_or(first);
            let listed = list(from);
            prop_assert_eq!(second_listing(&histories, &list(from), from.min(PLANNER.from)), None);
            let needed: BTreeSet<_> = listed.iter().filter(|name| PLANNER.is_needed(&histories, name)).collect();
            for name in stored.iter().filter(|name| found.iter().any(|other| other.node == name.node)) {
                let is_covered = history_of(&histories, name).is_some_and(|history| history.covers(name));
                let has_history = history_of(&histories, name).is_some();
                let is_wanted = has_history || name.stored_at >= PLANNER.from;
                prop_assert!(!(is_covered && needed.contains(name)), "{name} is fetched although it is covered");
                prop_assert!(is_covered || needed.contains(name) || !is_wanted, "{name} is missing");
            }
        }
    }
}

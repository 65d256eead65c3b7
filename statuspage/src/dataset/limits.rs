//! Limits how much of a store is kept in memory. No node can crowd out another: a share is reserved for each node, no
//! matter what the others stored.

use shared::object_name::{CheckFileName, NodeName};

/// The maximum number of nodes. A store with more nodes is hostile, or too large for a page.
pub const NODES_LIMIT: usize = 200;

/// The maximum number of check files in memory. The newest ones are kept: a little more than a month of checks every
/// minute.
pub const FILES: Limit = Limit::shared(50_000);

/// The maximum number of endpoints. A page with tens of thousands of endpoints is slow.
pub(super) const ENDPOINTS: Limit = Limit { node: 10_000, total: 50_000 };

/// The maximum number of endpoints to search for a matching id. A hostile file with many unknown ids could otherwise
/// slow down the page.
pub(super) const WITH_IDS: usize = 2_000;

/// The maximum number of results from check files. Each one takes at least 100 bytes of memory.
pub(super) const SAMPLES: Limit = Limit::shared(2_000_000);

/// The maximum number of messages. Histories keep 20 messages per day.
pub const MESSAGES: Limit = Limit { node: 1_000, total: 5_000 };

/// How much data is kept from one node, and from all nodes.
#[derive(Debug, Clone, Copy)]
pub struct Limit {
    pub node: usize,
    pub total: usize,
}

impl Limit {
    /// Creates a limit that one node can exhaust, except for the shares of the other nodes.
    pub(super) const fn shared(total: usize) -> Limit {
        Limit { node: total, total }
    }

    pub(super) const fn doubled(self) -> Limit {
        Limit { node: 2 * self.node, total: 2 * self.total }
    }

    /// Returns whether there is room for one more item from a node that has `own` of `total` items. An equal share is
    /// reserved for each of [`NODES_LIMIT`] nodes.
    pub(super) const fn has_room(self, own: usize, total: usize) -> bool {
        own < self.total / NODES_LIMIT || own < self.node && total < self.total
    }

    /// Returns the first of `names` for which there is room in addition to the `loaded` files.
    pub(super) fn choose(self, names: Vec<CheckFileName>, loaded: &[CheckFileName]) -> Vec<CheckFileName> {
        let mut counts: Vec<(Option<NodeName>, usize)> = Vec::new();
        let mut total = 0;
        let mut is_chosen = |name: &CheckFileName, is_loaded: bool| {
            let index = counts.partition_point(|(node, _)| *node < name.node);
            if counts.get(index).is_none_or(|(node, _)| *node != name.node) {
                counts.insert(index, (name.node.clone(), 0));
            }
            let own = &mut counts[index].1;
            let is_chosen = is_loaded || self.has_room(*own, total);
            if is_chosen {
                *own += 1;
                total += 1;
            }
            is_chosen
        };
        for name in loaded {
            is_chosen(name, true);
        }
        names.into_iter().filter(|name| is_chosen(name, false)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_files_of_one_node_do_not_crowd_out_those_of_another() {
        let name = |node: &str, at| CheckFileName { stored_at: at, node: NodeName::new(node).ok() };
        let limit = Limit::shared(2 * NODES_LIMIT);
        let mut names: Vec<_> = (0..1_000).map(|at| name("flood", 10_000 - at)).collect();
        names.extend((0..3).map(|at| name("eu", 100 - at)));
        let chosen = limit.choose(names.clone(), &[]);
        let of = |node: &str| chosen.iter().filter(|chosen| chosen.node == NodeName::new(node).ok()).count();
        assert_eq!((of("flood"), of("eu")), (2 * NODES_LIMIT, 2));
        assert_eq!(limit.choose(names, &chosen).len(), 0);
    }
}

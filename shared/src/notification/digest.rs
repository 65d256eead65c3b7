//! Shortens news to the items of one message.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use super::item::Item;
use super::news::News;
use super::selection::order;
use crate::hash::fnv1a;
use crate::notification_log::ChannelId;

/// The content of a message.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Digest {
    /// A name that is the same if another node, or a later attempt, sends the same news, such as `m-9f2c4e1b7a3d5f60`.
    pub id: String,
    /// The items, with the worst first.
    pub items: Vec<Item>,
    /// The number of items that were left out, by the group of their endpoints.
    pub more: Vec<(String, usize)>,
}

impl Digest {
    /// Creates the content of a message with at most `limit` items. `group_of` returns the group of an endpoint.
    #[must_use]
    pub fn new(channel: &ChannelId, news: &[News], limit: usize, group_of: impl Fn(&str) -> String) -> Digest {
        let mut items: Vec<&Item> = news.iter().flat_map(|news| &news.items).collect();
        items.sort_by_key(|item| order(item.event));
        let mut more: BTreeMap<String, usize> = BTreeMap::new();
        for item in items.iter().skip(limit) {
            *more.entry(group_of(&item.title)).or_default() += 1;
        }
        let id = id(channel, &items);
        Digest { id, items: items.into_iter().take(limit).cloned().collect(), more: more.into_iter().collect() }
    }
}

/// Returns a hash of everything that is the same for each node.
fn id(channel: &ChannelId, items: &[&Item]) -> String {
    let mut parts: Vec<String> = items
        .iter()
        .map(|item| format!("{}\n{}\n{}\n{}\n{}", item.event, item.title, item.locator, item.since, item.reminder))
        .collect();
    parts.sort_unstable();
    let mut text = channel.to_string();
    for part in parts {
        let _ = write!(text, "\n{part}");
    }
    format!("m-{:016x}", fnv1a(&text))
}

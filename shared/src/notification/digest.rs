//! Reduces news to the items that fit into one message.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use super::item::{Item, ItemKind};
use super::news::News;
use super::selection::order;
use crate::hash::fnv1a;
use crate::notification_log::ChannelId;

/// The content of a message.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Digest {
    /// The message's ID, such as `m-9f2c4e1b7a3d5f60`. It is the same if another node or a later attempt sends the same
    /// news.
    pub id: String,
    /// The items of the message, worst first.
    pub items: Vec<Item>,
    /// The number of omitted items in each group of endpoints.
    pub more: Vec<(String, usize)>,
    /// The kinds of the omitted items.
    pub hidden: Vec<ItemKind>,
}

impl Digest {
    /// Creates the content of a message with at most `limit` items. `group_of` returns the group for an endpoint's
    /// title.
    #[must_use]
    pub fn new(channel: &ChannelId, news: &[News], limit: usize, group_of: impl Fn(&str) -> String) -> Digest {
        let id = id(channel, news);
        let mut items: Vec<&Item> = news.iter().flat_map(|news| &news.items).collect();
        items.sort_by_key(|item| order(item.event));
        let mut more: BTreeMap<String, usize> = BTreeMap::new();
        for item in items.iter().skip(limit) {
            *more.entry(group_of(&item.title)).or_default() += 1;
        }
        let hidden = items.iter().skip(limit).map(|item| item.kind()).collect();
        let items = items.into_iter().take(limit).cloned().collect();
        Digest { id, items, more: more.into_iter().collect(), hidden }
    }
}

/// Returns a message ID, which is a hash of the details that are the same on all nodes. The number of the register that
/// the news replaces distinguishes messages with the same words.
fn id(channel: &ChannelId, news: &[News]) -> String {
    let items = news.iter().flat_map(|news| news.items.iter().map(|item| (item, news.register.number)));
    let mut parts: Vec<String> = items
        .map(|(item, replaced)| {
            let is_over = item.until.is_some();
            let Item { event, title, locator, since, reminder, .. } = item;
            format!("{event}\n{title}\n{locator}\n{since}\n{reminder}\n{is_over}\n{replaced}")
        })
        .collect();
    parts.sort_unstable();
    let mut text = channel.to_string();
    for part in parts {
        let _ = write!(text, "\n{part}");
    }
    format!("m-{:016x}", fnv1a(&text))
}

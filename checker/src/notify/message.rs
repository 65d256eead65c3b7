//! A message to one channel, with the news of one evaluation, worst first. Channels convert messages to their formats.

use jiff::tz::TimeZone;
use shared::UnixNanos;
pub use shared::notification::item::{Item, ItemKind, NodeReason};

/// The maximum number of items in a message. Further items are only counted.
pub const ITEM_LIMIT: usize = 10;

/// The news of one evaluation for one channel.
#[derive(Debug, Clone, PartialEq)]
pub struct Message {
    /// An identifier such as `m-9f2c4e1b7a3d5f60`, which is the same if another node or a later attempt sends the same
    /// news.
    pub id: String,
    /// The time of the evaluation.
    pub at: UnixNanos,
    /// The title of the status page.
    pub page_title: String,
    /// The public URL of the page, if it is configured.
    pub page_url: Option<String>,
    /// A sentence that precedes the items, for example that only one node sees all endpoints down.
    pub preface: Option<String>,
    /// The items, worst first, at most [`ITEM_LIMIT`].
    pub items: Vec<Item>,
    /// The number of omitted items for each group of endpoints. The name is empty for endpoints without a group.
    pub more: Vec<(String, usize)>,
    /// The kinds of the omitted items.
    pub hidden: Vec<ItemKind>,
    /// The time zone for times in the message.
    pub zone: TimeZone,
}

//! A message to one channel: the news of one evaluation, worst first. Channels convert it to their format.

use jiff::tz::TimeZone;
use shared::UnixNanos;
pub use shared::notification::item::{Item, NodeReason};

/// The maximum number of items that a message contains. The others are only counted.
pub const ITEM_LIMIT: usize = 10;

/// The news of one evaluation for one channel.
#[derive(Debug, Clone, PartialEq)]
pub struct Message {
    /// A name that is the same if another node, or a later attempt, sends the same news, such as `m-9f2c4e1b7a3d5f60`.
    pub id: String,
    /// The time of the evaluation.
    pub at: UnixNanos,
    /// The title of the page.
    pub page_title: String,
    /// The public URL of the page, if it is configured.
    pub page_url: Option<String>,
    /// A sentence that precedes the items, for example that only one node sees all endpoints down.
    pub preface: Option<String>,
    /// The items, worst first, at most [`ITEM_LIMIT`].
    pub items: Vec<Item>,
    /// The number of items that were left out, by the group of their endpoints. Endpoints without a group have an
    /// empty name.
    pub more: Vec<(String, usize)>,
    /// The time zone in which times are written.
    pub zone: TimeZone,
}

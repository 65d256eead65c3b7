//! The content of outputs for other programs: feeds, the calendar, and the identities that keep their entries stable.
//!
//! The checker renders it as Atom, RSS, JSON Feed and iCalendar. It does not contain the time of writing, so an output
//! changes only if there is news, or if something is older than [`RETENTION`].

mod calendar;
mod feed;
mod index;
mod json_feed;
mod outages;
#[cfg(test)]
mod tests;
mod text;

pub use self::calendar::{CalendarEvent, calendar_events};
pub use self::feed::{Feed, FeedEntry, FeedSource, FeedSubject};
pub use self::index::{KnownOutage, OutputIndex};
pub use self::json_feed::to_json_feed;
pub use self::outages::{MIN_OUTAGE, NamedOutage, name_outages};
use crate::{DAY, Nanos};

/// How long outages, updates and past maintenance windows stay in outputs.
pub const RETENTION: Nanos = 90 * DAY;

/// The maximum number of entries in a feed.
pub const ENTRY_LIMIT: usize = 100;

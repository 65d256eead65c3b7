//! The checks of one hour, loaded because somebody opened it.

use shared::MINUTE;
use shared::object_name::CheckFileName;
use shared::result::CheckFile;

use super::{More, Object, Store, get_all};
use crate::record::Record;
use crate::source::{Contents, SourceError};
use crate::view::period::Slot;

/// The most check files that are loaded of an hour that somebody opens: ten nodes that look every minute.
pub const HOUR_FILES_LIMIT: usize = 600;

/// How long after a check its round is stored as a rule.
const STORED_WITHIN: i64 = 10 * MINUTE;

/// The checks of an hour, loaded because somebody asked for them.
#[derive(Debug, Default)]
pub struct Hour {
    /// Which hour.
    pub slot: Slot,
    /// What its check files say.
    pub record: Record,
    /// Whether they are still coming in.
    pub is_loading: bool,
    /// How many check files are more than [`HOUR_FILES_LIMIT`].
    pub left_out: usize,
    /// Why they could not be loaded.
    pub problem: Option<SourceError>,
}

impl Hour {
    /// An hour of which nothing is known.
    #[must_use]
    pub fn of(slot: Slot) -> Hour {
        Hour { slot, ..Hour::default() }
    }
}

/// Loads the checks of an hour.
pub(crate) async fn load_hour(store: &impl Store, slot: Slot) -> Hour {
    let mut hour = Hour::of(slot);
    let until = slot.end.saturating_add(STORED_WITHIN);
    let listing = match store.list(slot.start, until, Contents::LeftOut).await {
        Ok(listing) => listing,
        Err(error) => {
            hour.problem = Some(error);
            return hour;
        }
    };
    let names = listing.files.into_iter().map(|listed| listed.name);
    let mut names: Vec<CheckFileName> = names.filter(|name| (slot.start..until).contains(&name.stored_at)).collect();
    hour.left_out = names.len().saturating_sub(HOUR_FILES_LIMIT);
    names.truncate(HOUR_FILES_LIMIT);
    get_all(store, names.into_iter().map(Object::CheckFile).collect(), &mut |object, answer| {
        match (object, answer.map(|content| CheckFile::parse(&content))) {
            (Object::CheckFile(name), Ok(Ok(file))) => hour.record.add(&name, file),
            (_, Err(error)) => hour.problem = Some(error),
            _ => {}
        }
        More::Wanted
    })
    .await;
    hour.record.put_in_order();
    hour
}

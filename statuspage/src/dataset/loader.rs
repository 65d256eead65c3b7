//! List → choose → fetch → record. What failed is part of the answer: one bad file never keeps the others away, and
//! the next refresh adds only what is new and asks again for what may have passed.

use std::cell::RefCell;
use std::ops::ControlFlow;

use shared::UnixNanos;
use shared::history::planner::changed_histories;
use shared::object_name::NodeName;

use super::cache::Cache;
use super::request::LoadRequest;
use super::store::{Store, get_all};
use crate::source::{HistoryListing, InlineContents, Listing, SourceError, StoreObject};

/// After so many failures in a row nobody answers any more, and the rest waits for the next refresh.
const FAILURES_IN_A_ROW_LIMIT: usize = 30;

/// Something that a load brought.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LoadEvent {
    /// All histories: with them nearly everything is known.
    Histories,
    /// A check file.
    File,
}

/// Brings the memory up to date with what is wanted; calls `after` whenever something was dealt with.
pub(crate) async fn refresh(
    store: &impl Store,
    cache: &RefCell<Cache>,
    request: LoadRequest,
    mut after: impl FnMut(LoadEvent),
) {
    cache.borrow_mut().drop_before(request.from);
    let mut cached_at = None;
    let listing = if request.uses_histories() {
        let looked = load_histories(store, cache, request).await;
        after(LoadEvent::Histories);
        match looked {
            Ok(_) if request.is_past() => store.list(request.checks_from, request.until, InlineContents::Omitted).await,
            Ok(sample) => {
                cached_at = sample.cached_at;
                list_beside_histories(store, cache, sample.newest, request).await
            }
            Err(error) => Err(error),
        }
    } else {
        let list_from = cache.borrow().list_from(request.from);
        list_to_now(store, cache, list_from).await
    };
    let names = match listing {
        Ok(listing) => {
            let mut cache = cache.borrow_mut();
            cache.cached_at = cached_at.or(listing.cached_at);
            cache.choose(listing, request)
        }
        Err(error) => {
            cache.borrow_mut().list_error = Some(error);
            return;
        }
    };
    let mut failures_in_a_row = 0;
    let objects = names.iter().cloned().map(StoreObject::CheckFile).collect();
    get_all(store, objects, &mut |object, answer| {
        failures_in_a_row = if answer.is_err() { failures_in_a_row + 1 } else { 0 };
        cache.borrow_mut().take(object, answer, request.checks_from);
        after(LoadEvent::File);
        if failures_in_a_row < FAILURES_IN_A_ROW_LIMIT {
            return ControlFlow::Continue(());
        }
        cache.borrow_mut().give_up_on(&names);
        ControlFlow::Break(())
    })
    .await;
}

/// Lists all check files from a moment on, with their contents where that is worth it.
async fn list_to_now(store: &impl Store, cache: &RefCell<Cache>, from: UnixNanos) -> Result<Listing, SourceError> {
    let contents = cache.borrow().contents();
    store.list(from, UnixNanos::MAX, contents).await
}

/// Brings the histories up to date; returns what the store says of them.
async fn load_histories(
    store: &impl Store,
    cache: &RefCell<Cache>,
    request: LoadRequest,
) -> Result<HistoryListing, SourceError> {
    let sample = store.list_histories().await?;
    cache.borrow_mut().unreadable_histories.retain(|(known, _)| sample.histories.iter().any(|(name, _)| name == known));
    let changed = {
        let cache = cache.borrow();
        let changed = changed_histories(&sample.histories, request.parts, |name| cache.etag_of(name)).cloned();
        changed.map(|(name, tag)| StoreObject::History(name, tag)).collect()
    };
    get_all(store, changed, &mut |object, answer| {
        cache.borrow_mut().take(object, answer, request.checks_from);
        ControlFlow::Continue(())
    })
    .await;
    Ok(sample)
}

/// Lists the check files that histories do not cover: few, unless a node has no history or is behind with it.
async fn list_beside_histories(
    store: &impl Store,
    cache: &RefCell<Cache>,
    newest: Option<Listing>,
    request: LoadRequest,
) -> Result<Listing, SourceError> {
    let running_from = request.planner().first_listing(&cache.borrow().dataset.histories);
    let has_histories = !cache.borrow().dataset.histories.is_empty();
    let mut from = running_from;
    if request.checks_from < UnixNanos::MAX {
        from = from.min(cache.borrow().list_from(request.checks_from));
    }
    let listing = match newest {
        // A short list reaches back further than any node that is alive is behind.
        Some(listing) if has_histories && from == running_from => listing,
        _ => list_to_now(store, cache, from).await?,
    };
    let further = {
        let cache = cache.borrow();
        let names = listing.files.iter().map(|listed| &listed.name);
        let start = |node: Option<&NodeName>| cache.list_from_for(node, request.from);
        request.planner().second_listing(&cache.dataset.histories, names, from, start)
    };
    match further {
        Some(further) => list_to_now(store, cache, further).await,
        None => Ok(listing),
    }
}

#[cfg(test)]
mod tests;

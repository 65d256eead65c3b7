//! List → choose → fetch → record. What failed is part of the answer: one bad file never keeps the others away, and
//! the next refresh adds only what is new and asks again for what may have passed.

use std::cell::RefCell;
use std::ops::ControlFlow;

use shared::UnixNanos;
use shared::history;
use shared::object_name::{CheckFileName, HistoryName};

use super::cache::{Cache, not_covered_from};
use super::request::LoadRequest;
use crate::store::{HistoryListing, InlineContents, Listing, Store, StoreError, StoreObject, fetch_all};

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
    fetch_all(store, objects, &mut |object, answer| {
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
async fn list_to_now(store: &impl Store, cache: &RefCell<Cache>, from: UnixNanos) -> Result<Listing, StoreError> {
    let contents = cache.borrow().contents();
    store.list(from, UnixNanos::MAX, contents).await
}

/// Brings the histories up to date; returns what the store says of them.
async fn load_histories(
    store: &impl Store,
    cache: &RefCell<Cache>,
    request: LoadRequest,
) -> Result<HistoryListing, StoreError> {
    let sample = store.list_histories().await?;
    cache.borrow_mut().unreadable_histories.retain(|(known, _)| sample.histories.iter().any(|(name, _)| name == known));
    let is_new = |(name, tag): &&(HistoryName, Option<String>)| {
        request.parts.contains(&name.part) && (tag.is_none() || cache.borrow().etag_of(name) != tag.as_ref())
    };
    let changed = sample.histories.iter().filter(is_new).cloned();
    let changed = changed.map(|(name, tag)| StoreObject::History(name, tag)).collect();
    fetch_all(store, changed, &mut |object, answer| {
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
) -> Result<Listing, StoreError> {
    let alive_from = cache.borrow().alive_from();
    let mut from = alive_from.unwrap_or(request.from);
    if request.checks_from < UnixNanos::MAX {
        from = from.min(cache.borrow().list_from(request.checks_from));
    }
    let listing = match newest {
        // A short list reaches back further than any node that is alive is behind.
        Some(listing) if alive_from == Some(from) => listing,
        _ => list_to_now(store, cache, from).await?,
    };
    let names: Vec<CheckFileName> = listing.files.iter().map(|listed| listed.name.clone()).collect();
    let further = {
        let cache = cache.borrow();
        let histories = &cache.dataset.histories;
        history::needed_from(&names, from, |node| {
            let history = histories.iter().find(|history| history.node.as_ref() == node);
            history.map_or_else(|| cache.list_from_for(node, request.from), not_covered_from)
        })
    };
    match further {
        Some(further) => list_to_now(store, cache, further).await,
        None => Ok(listing),
    }
}

#[cfg(test)]
mod tests;

//! Lists a store, selects what is missing, fetches it and adds it to the cache.
//!
//! Errors become part of the cache, so one invalid file never hides the others. The next refresh fetches only new files
//! and those whose error may have been temporary.

use std::cell::RefCell;
use std::ops::ControlFlow;

use futures_util::future::join;
use shared::UnixNanos;
use shared::history::planner::changed_histories;
use shared::object_name::NodeName;

use super::cache::Cache;
use super::request::LoadRequest;
use crate::store::{HistoryListing, InlineContents, Listing, Store, StoreError, StoreObject, fetch_all};

/// After this many failures in a row, the store is considered down, and the remaining files wait for the next refresh.
const FAILURES_IN_A_ROW_LIMIT: usize = 30;

/// An event that reports the progress of a load.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LoadEvent {
    /// All histories were loaded. They contain nearly all of the data.
    Histories,
    /// One check file was loaded, or failed to load.
    File,
}

/// Loads the data that `request` needs and the cache lacks. Calls `on_event` on progress.
pub(crate) async fn refresh(
    store: &impl Store,
    cache: &RefCell<Cache>,
    request: LoadRequest,
    mut on_event: impl FnMut(LoadEvent),
) {
    {
        let mut cache = cache.borrow_mut();
        cache.drop_before(request.from);
        cache.start_refresh();
    }
    let (mut cached_at, mut digests) = (None, Vec::new());
    let listing = if request.uses_histories() {
        let histories = load_histories(store, cache, request).await;
        on_event(LoadEvent::Histories);
        match histories {
            Ok(_) if request.is_past() => store.list(request.checks_from, request.until, InlineContents::Omitted).await,
            Ok(listing) => {
                cached_at = listing.cached_at;
                list_uncovered(store, cache, listing.newest, request).await
            }
            Err(error) => Err(error),
        }
    } else {
        let listing = list_with_digests(store, cache, request).await;
        listing.map(|(listing, changed)| {
            digests = changed;
            listing
        })
    };
    let names = match listing {
        Ok(listing) => {
            let mut cache = cache.borrow_mut();
            cache.cached_at = cached_at.or(listing.cached_at);
            cache.choose(listing, request)
        }
        Err(error) => {
            // A directory's histories and newest check files have a separate index, which may still be valid.
            let histories = if error.is_answer() { load_histories(store, cache, request).await.ok() } else { None };
            let newest = histories.and_then(|histories| histories.newest);
            let mut cache = cache.borrow_mut();
            let names = newest.map(|listing| cache.choose(listing, request)).unwrap_or_default();
            cache.list_error = Some(error);
            names
        }
    };
    let mut failures_in_a_row = 0;
    // Digests come first, because incidents are shown above everything that check files contain.
    let objects = digests.into_iter().chain(names.iter().cloned().map(StoreObject::CheckFile)).collect();
    fetch_all(store, objects, &mut |object, content| {
        failures_in_a_row = if content.is_err() { failures_in_a_row + 1 } else { 0 };
        cache.borrow_mut().add_response(object, content, request.checks_from);
        on_event(LoadEvent::File);
        if failures_in_a_row < FAILURES_IN_A_ROW_LIMIT {
            return ControlFlow::Continue(());
        }
        cache.borrow_mut().give_up_on(&names);
        ControlFlow::Break(())
    })
    .await;
}

/// Lists all check files since a time.
async fn list_to_now(store: &impl Store, cache: &RefCell<Cache>, from: UnixNanos) -> Result<Listing, StoreError> {
    let contents = cache.borrow().contents();
    store.list(from, UnixNanos::MAX, contents).await
}

/// Lists all check files of the period, and the digests of posts. Returns the listing, and the digests to fetch.
async fn list_with_digests(
    store: &impl Store,
    cache: &RefCell<Cache>,
    request: LoadRequest,
) -> Result<(Listing, Vec<StoreObject>), StoreError> {
    let list_from = cache.borrow().list_from(request.from);
    let apart = async { if store.lists_digests_apart() { Some(store.list_histories().await) } else { None } };
    let (listing, apart) = join(list_to_now(store, cache, list_from), apart).await;
    let mut listing = listing?;
    let listed = match (listing.digests.take(), apart) {
        (Some(digests), _) => Ok(digests),
        (None, Some(apart)) => apart.map(|apart| apart.digests),
        // The listing ended before the digests.
        (None, None) => store.list_histories().await.map(|histories| histories.digests),
    };
    let mut cache = cache.borrow_mut();
    let changed = match listed {
        Ok(listed) => cache.posts.choose(listed),
        Err(error) => {
            cache.posts.list_error = Some(error);
            Vec::new()
        }
    };
    Ok((listing, changed))
}

/// Lists the histories and the digests of posts, and loads those that changed.
async fn load_histories(
    store: &impl Store,
    cache: &RefCell<Cache>,
    request: LoadRequest,
) -> Result<HistoryListing, StoreError> {
    let mut listing = store.list_histories().await?;
    listing.histories.retain(|(name, _)| cache.borrow_mut().admits(name.node.as_ref()));
    cache
        .borrow_mut()
        .unreadable_histories
        .retain(|(known, _)| listing.histories.iter().any(|(name, _)| name == known));
    let changed = {
        let cache = cache.borrow();
        let changed = changed_histories(&listing.histories, request.parts, |name| cache.etag_of(name)).cloned();
        changed.map(|(name, etag)| StoreObject::History(name, etag)).collect::<Vec<_>>()
    };
    let digests = cache.borrow_mut().posts.choose(std::mem::take(&mut listing.digests));
    let changed = [digests, changed].concat();
    fetch_all(store, changed, &mut |object, content| {
        cache.borrow_mut().add_response(object, content, request.checks_from);
        ControlFlow::Continue(())
    })
    .await;
    Ok(listing)
}

/// Lists the check files that histories do not cover. There are only a few, unless a node has no history or an outdated
/// one.
async fn list_uncovered(
    store: &impl Store,
    cache: &RefCell<Cache>,
    newest: Option<Listing>,
    request: LoadRequest,
) -> Result<Listing, StoreError> {
    let has_histories = !cache.borrow().dataset.histories.is_empty();
    let active_from = request.planner().first_listing(&cache.borrow().dataset.histories);
    let mut from = active_from;
    if request.checks_from < UnixNanos::MAX {
        from = from.min(cache.borrow().list_from(request.checks_from));
    }
    let listing = match newest {
        // If there are histories, the short index reaches back far enough for all active nodes.
        Some(listing) if has_histories && from == active_from => listing,
        _ => list_to_now(store, cache, from).await?,
    };
    let earlier = {
        let cache = cache.borrow();
        let names = listing.files.iter().map(|listed| &listed.name);
        let start = |node: Option<&NodeName>| cache.list_from_for(node, request.from);
        request.planner().second_listing(&cache.dataset.histories, names, from, start)
    };
    match earlier {
        Some(earlier) => list_to_now(store, cache, earlier).await,
        None => Ok(listing),
    }
}

#[cfg(test)]
mod tests;

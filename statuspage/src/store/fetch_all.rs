//! Fetches many objects concurrently, in no particular order.

use std::ops::ControlFlow;

use futures_util::stream::{self, StreamExt};

use super::{Store, StoreError, StoreObject};

/// The number of concurrent requests. Browsers send 6 at a time over HTTP/1, and many more over HTTP/2.
pub(crate) const CONCURRENT_FETCHES: usize = 24;

/// Fetches objects and passes each result to `handle` as soon as it arrives, until `handle` returns `Break`.
pub(crate) async fn fetch_all(
    store: &impl Store,
    objects: Vec<StoreObject>,
    handle: &mut dyn FnMut(StoreObject, Result<Vec<u8>, StoreError>) -> ControlFlow<()>,
) {
    let requests = objects.into_iter().map(|object| async move {
        let content = store.get(&object).await;
        (object, content)
    });
    let mut fetched = stream::iter(requests).buffer_unordered(CONCURRENT_FETCHES);
    while let Some((object, content)) = fetched.next().await {
        if handle(object, content).is_break() {
            break;
        }
    }
}

//! A store as loads see it, so that tests can be one, and getting many of its objects at once.

use std::future::poll_fn;
use std::ops::ControlFlow;
use std::pin::Pin;
use std::task::Poll;

use shared::UnixNanos;

use crate::source::{HistoryListing, InlineContents, Listing, SourceError, StoreObject};

/// How many files are asked for at once: browsers send six at a time over HTTP/1, and many more over HTTP/2.
pub(super) const CONCURRENT_FETCHES: usize = 24;

/// How the page reads a store, so that tests can be one.
pub(crate) trait Store {
    /// Lists the check files from `from` on, at least to `until`.
    async fn list(&self, from: UnixNanos, until: UnixNanos, contents: InlineContents) -> Result<Listing, SourceError>;
    async fn get(&self, name: &StoreObject) -> Result<Vec<u8>, SourceError>;
    /// The names of all histories, and the newest check files if the same answer lists them.
    async fn list_histories(&self) -> Result<HistoryListing, SourceError>;
}

/// Gets objects, several at a time; `take` is given each with what came of it, and says whether to go on.
pub(super) async fn get_all(
    store: &impl Store,
    objects: Vec<StoreObject>,
    take: &mut dyn FnMut(StoreObject, Result<Vec<u8>, SourceError>) -> ControlFlow<()>,
) {
    let mut objects = objects.into_iter().map(|object| -> Pin<Box<dyn Future<Output = _>>> {
        Box::pin(async move {
            let answer = store.get(&object).await;
            (object, answer)
        })
    });
    let mut asked: Vec<_> = objects.by_ref().take(CONCURRENT_FETCHES).collect();
    while !asked.is_empty() {
        // When one is answered all of these few are looked at: what knows which one it was would weigh half a kilobyte.
        let (place, (object, answer)) = poll_fn(|context| {
            let answers = asked.iter_mut().enumerate();
            let mut polled = answers.map(|(place, answer)| answer.as_mut().poll(context).map(|answer| (place, answer)));
            polled.find(Poll::is_ready).unwrap_or(Poll::Pending)
        })
        .await;
        drop(asked.remove(place));
        if take(object, answer).is_break() {
            break;
        }
        asked.extend(objects.next());
    }
}

//! Reads heartbeats from the store on behalf of heartbeat checks, which do not depend on stores.

use std::sync::Arc;

use tokio::sync::OnceCell;

use crate::checks::HeartbeatReader;
use crate::store::settings::Storage;
use crate::store::{Store, StoreError};

/// Creates a reader for the heartbeats in a store, which is opened on first use.
#[must_use]
pub fn heartbeat_reader(storage: &Storage) -> HeartbeatReader {
    let (storage, opened) = (Arc::new(storage.clone()), Arc::new(OnceCell::<Store>::new()));
    Arc::new(move |name| {
        let (storage, opened) = (Arc::clone(&storage), Arc::clone(&opened));
        Box::pin(async move {
            let error_text = |error: StoreError| error.to_string();
            let store = opened.get_or_init(|| Store::open(&storage)).await;
            store.get(&name).await.map_err(error_text)
        })
    })
}

//! Computes the figures of the store for a daemon. It reads the histories of other nodes only if they have changed.

use std::sync::Arc;

use shared::announced::Posted;
use shared::budget::Objective;
use shared::endpoint_map::EndpointMap;
use shared::history::History;
use shared::object_name::NodeName;
use shared::page_config::PageConfig;
use shared::{DAY, UnixNanos};

use super::figures::{LONGEST_RANGE, StoreFigures};
use crate::notify::store_view::StoreView;
use crate::store::{Store, StoreError};

/// This node's view of the store.
#[derive(Debug)]
pub struct FiguresReader {
    view: StoreView,
}

impl FiguresReader {
    #[must_use]
    pub fn new(store: Arc<Store>, node: NodeName) -> FiguresReader {
        // A range can start up to a day earlier: see [`crate::time_range`].
        FiguresReader { view: StoreView::new(store, node, LONGEST_RANGE + DAY) }
    }

    /// Reads what other nodes and authors have stored since the last call.
    pub async fn refresh(&mut self, now: UnixNanos) -> Result<(), StoreError> {
        self.view.refresh_histories(now).await?;
        self.view.refresh_digests().await;
        Ok(())
    }

    /// Computes the figures at `now`. `own` is the history of this node.
    #[must_use]
    pub fn figures(
        &self,
        own: &History,
        page: &PageConfig,
        objectives: &EndpointMap<Objective>,
        now: UnixNanos,
    ) -> StoreFigures {
        let announcements = page.post_authors().announcements(self.view.digests(), now);
        let posted = Posted { announcements: &announcements, groups: &page.appearance.groups };
        StoreFigures::new(std::iter::once(own).chain(self.view.histories()), posted, objectives, now)
    }
}

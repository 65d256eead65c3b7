//! The histories and notification logs of all nodes, which are read again only if they changed.

use std::collections::BTreeMap;
use std::sync::Arc;

use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use shared::history::History;
use shared::notification_log::NotificationLog;
use shared::object_name::{HistoryName, HistoryPart, NodeName, NotificationLogName};
use shared::{MINUTE, Nanos, UnixNanos};

use crate::store::{Fetched, Listing, ObjectName, ObjectVersion, Store, StoreError};

/// The interval between listings that find new nodes.
const LIST_INTERVAL: Nanos = 10 * MINUTE;

/// How many objects are read at once. Histories can be large, so it is a small number.
const READS_AT_ONCE: usize = 4;

/// What this node knows of the other nodes.
#[derive(Debug)]
pub struct StoreView {
    store: Arc<Store>,
    node: NodeName,
    /// How far back spans are kept.
    reach: Nanos,
    listed_at: Option<UnixNanos>,
    histories: BTreeMap<HistoryName, Cached<History>>,
    logs: BTreeMap<NotificationLogName, Cached<NotificationLog>>,
}

/// An object that was read. Its value is `None` if the object is missing or invalid.
#[derive(Debug)]
struct Cached<T> {
    version: Option<ObjectVersion>,
    value: Option<T>,
}

impl<T> Default for Cached<T> {
    fn default() -> Self {
        Cached { version: None, value: None }
    }
}

impl StoreView {
    /// Creates a view for a node that keeps its own history. `reach` is how far back spans are needed.
    #[must_use]
    pub fn new(store: Arc<Store>, node: NodeName, reach: Nanos) -> StoreView {
        let (histories, logs) = (BTreeMap::new(), BTreeMap::new());
        StoreView { store, node, reach, listed_at: None, histories, logs }
    }

    /// Changes how far back spans are kept. Histories that were pruned more are read again.
    pub fn set_reach(&mut self, reach: Nanos) {
        if reach > self.reach {
            self.histories.values_mut().for_each(|cached| cached.version = None);
        }
        self.reach = reach;
    }

    /// Returns the store that is read.
    #[must_use]
    pub fn store(&self) -> &Arc<Store> {
        &self.store
    }

    /// Reads the histories of the other nodes that changed. Invalid ones are skipped until they change.
    pub async fn refresh_histories(&mut self, now: UnixNanos) -> Result<(), StoreError> {
        if self.listed_at.is_none_or(|listed| !(0..LIST_INTERVAL).contains(&now.saturating_sub(listed))) {
            let mut names: Vec<HistoryName> = self.store.list(Listing::all()).await?;
            names.retain(|name| name.part == HistoryPart::Main && name.node.as_ref() != Some(&self.node));
            keep_listed(&mut self.histories, names);
            self.listed_at = Some(now);
        }
        let since = now.saturating_sub(self.reach);
        refresh(&self.store, &mut self.histories, |name, content| {
            let mut history = History::parse(content).ok().filter(|history| history.node == name.node)?;
            prune(&mut history, since);
            Some(history)
        })
        .await
    }

    /// Reads the logs of all nodes that changed, including this node's own. Invalid ones are skipped.
    pub async fn refresh_logs(&mut self) -> Result<(), StoreError> {
        let names: Vec<NotificationLogName> = self.store.list(Listing::all()).await?;
        keep_listed(&mut self.logs, names);
        refresh(&self.store, &mut self.logs, |name, content| {
            NotificationLog::parse(content).ok().filter(|log| log.node == name.node)
        })
        .await
    }

    /// Reads this node's own log, without listing the others.
    pub async fn refresh_own_log(&mut self) -> Result<(), StoreError> {
        let name = NotificationLogName { node: self.node.clone() };
        let known = self.logs.remove(&name).unwrap_or_default();
        let mut own = BTreeMap::from([(name, known)]);
        let read = refresh(&self.store, &mut own, |name, content| {
            NotificationLog::parse(content).ok().filter(|log| log.node == name.node)
        });
        read.await?;
        self.logs.append(&mut own);
        Ok(())
    }

    /// Writes this node's own log.
    pub async fn write_own_log(&mut self, log: NotificationLog) -> Result<(), StoreError> {
        let name = NotificationLogName { node: self.node.clone() };
        // If the write fails, it may have succeeded nevertheless, so the object is read again in any case.
        let written = self.store.put(&name, log.to_json().into()).await;
        self.logs.insert(name, Cached { version: None, value: Some(log) });
        written
    }

    /// Returns the known histories of the other nodes.
    pub fn histories(&self) -> impl Iterator<Item = &History> {
        self.histories.values().filter_map(|cached| cached.value.as_ref())
    }

    /// Returns the known logs of all nodes.
    pub fn logs(&self) -> impl Iterator<Item = &NotificationLog> {
        self.logs.values().filter_map(|cached| cached.value.as_ref())
    }

    /// Returns this node's own log, if it is known.
    #[must_use]
    pub fn own_log(&self) -> Option<&NotificationLog> {
        self.logs.get(&NotificationLogName { node: self.node.clone() })?.value.as_ref()
    }
}

fn keep_listed<N: Ord, T>(known: &mut BTreeMap<N, Cached<T>>, listed: Vec<N>) {
    let mut before = std::mem::take(known);
    for name in listed {
        let cached = before.remove(&name).unwrap_or_default();
        known.insert(name, cached);
    }
}

async fn refresh<N: ObjectName, T>(
    store: &Store,
    objects: &mut BTreeMap<N, Cached<T>>,
    parse: impl Fn(&N, &[u8]) -> Option<T>,
) -> Result<(), StoreError> {
    let read = async |(name, cached): (&N, &mut Cached<T>)| {
        match store.get_if_changed(name, cached.version.as_ref()).await {
            Ok(Fetched::Unchanged) => {}
            Ok(Fetched::Missing) | Err(StoreError::TooLarge { .. }) => *cached = Cached::default(),
            Ok(Fetched::Changed { content, version }) => *cached = Cached { version, value: parse(name, &content) },
            Err(error) => return Err(error),
        }
        Ok(())
    };
    stream::iter(objects.iter_mut()).map(read).buffer_unordered(READS_AT_ONCE).try_collect().await
}

/// Removes what notifications do not need. With thousands of endpoints, it is most of a history.
fn prune(history: &mut History, since: UnixNanos) {
    history.messages.clear();
    for endpoint in history.endpoints.values_mut() {
        endpoint.days.clear();
        endpoint.hours.clear();
        endpoint.open = Vec::new();
        endpoint.events.retain(|event| event.at >= since);
        endpoint.timeline.spans.retain(|span| span.end >= since);
        endpoint.timeline.spans.shrink_to_fit();
    }
}

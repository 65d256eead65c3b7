//! Reads the newest result of each of a node's checks from its check files.

use std::collections::{BTreeMap, BTreeSet};
use std::pin::pin;
use std::sync::Arc;

use futures_util::TryStreamExt as _;
use shared::UnixNanos;
use shared::check_file::{CheckResult, EndpointKey};
use shared::history::History;
use shared::object_name::{CheckFileName, NodeName};

use super::check_files::check_files;
use crate::store::{Listing, Store, StoreError};

/// The number of check files to read at a time. The newest ones usually contain everything.
const FILES_AT_ONCE: usize = 16;

/// Reads the newest result of each check of a node that is valid at `now`. `history` is the node's history.
pub async fn newest_results(
    store: &Arc<Store>,
    node: &NodeName,
    history: &History,
    now: UnixNanos,
) -> Result<Vec<CheckResult>, StoreError> {
    let current = history.endpoints.iter().filter_map(|(key, one)| {
        let last = one.timeline.last.filter(|_| one.timeline.valid_until().is_some_and(|until| until > now))?;
        Some((key, last.at))
    });
    let (mut missing, times): (BTreeSet<&EndpointKey>, Vec<UnixNanos>) = current.unzip();
    let Some(first) = times.into_iter().min() else { return Ok(Vec::new()) };
    // A result is stored after its check has started.
    let mut names: Vec<CheckFileName> = store.list(Listing::since(first)).await?;
    names.retain(|name| name.node.as_ref() == Some(node));
    names.sort_by_key(|name| name.stored_at);
    let mut newest: BTreeMap<EndpointKey, CheckResult> = BTreeMap::new();
    while !missing.is_empty() && !names.is_empty() {
        let next = names.split_off(names.len().saturating_sub(FILES_AT_ONCE));
        let mut batches = pin!(check_files(store, next));
        while let Some(batch) = batches.try_next().await? {
            for (name, results) in batch.files {
                results.into_each(&mut |result| add(&mut newest, result, &name));
            }
        }
        missing.retain(|key| !newest.contains_key(*key));
    }
    Ok(newest.into_values().collect())
}

fn add(newest: &mut BTreeMap<EndpointKey, CheckResult>, result: CheckResult, name: &CheckFileName) {
    let timestamp = if result.timestamp > 0 { result.timestamp } else { name.stored_at };
    let known = newest.entry(result.endpoint_key()).or_default();
    if timestamp >= known.timestamp {
        *known = CheckResult { timestamp, ..result };
    }
}

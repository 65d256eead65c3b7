//! Writes this node's history: adds each round, and rebuilds the history from check files if it is missing or a round
//! was stored late.

use std::pin::pin;
use std::sync::Arc;

use futures_util::TryStreamExt as _;
use shared::check_file::CheckResult;
use shared::history::{History, HistoryBuilder, InvalidHistory, Latencies, RebuildFrom, own_check_files};
use shared::object_name::{CheckFileName, HistoryName, HistoryPart, NodeName};
use shared::{MINUTE, Nanos, SECOND, UnixNanos};

use super::check_files::check_files;
use crate::store::{Listing, Store, StoreError};

/// The interval between listings that find rounds from other runs of this node. Shorter than
/// [`shared::history::OVERLAP`], so no round is missed.
const LIST_INTERVAL: Nanos = 10 * MINUTE;

/// The minimum time between two writes. Readers add newer check files themselves.
const WRITE_INTERVAL: Nanos = 30 * SECOND;

/// The maximum number of check files to read after a round. Reading more would take too long, so the operator must
/// start a rebuild.
const FILES_PER_ROUND: usize = 5_000;

/// The history could not be updated. No data is lost, because the check files contain it.
#[derive(Debug, thiserror::Error)]
pub enum HistoryError {
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A newer version of the program wrote the history, which must not be replaced.
    #[error("`{name}` cannot be updated: {cause}")]
    Newer { name: HistoryName, cause: InvalidHistory },
    /// Adding the missing check files would take too long.
    #[error(
        "more than {FILES_PER_ROUND} check files are missing from the history; run `checker history rebuild` once (until then, readers use the check files)"
    )]
    TooManyFiles,
}

/// Writes a node's history, and keeps it in memory between rounds.
#[derive(Debug)]
pub struct HistoryWriter {
    node: NodeName,
    expiry: Nanos,
    /// Shared with readers that evaluate the history after a round.
    current: Option<Arc<History>>,
    listed_at: Option<UnixNanos>,
    written_at: Option<UnixNanos>,
    /// Stored check files that the history may lack, because adding them failed or was interrupted.
    missed: Vec<CheckFileName>,
}

impl HistoryWriter {
    /// Creates a writer that reads the history when the first round is added.
    #[must_use]
    pub fn new(node: NodeName, expiry: Nanos) -> HistoryWriter {
        HistoryWriter { node, expiry, current: None, listed_at: None, written_at: None, missed: Vec::new() }
    }

    /// Adds a stored round, and other check files that were stored since the last call. If that fails or is
    /// interrupted, the next call also adds them.
    pub async fn add(
        &mut self,
        store: &Arc<Store>,
        round: (&CheckFileName, &[CheckResult]),
        others: &[CheckFileName],
        now: UnixNanos,
    ) -> Result<(), HistoryError> {
        self.missed.extend_from_slice(others);
        if self.missed.len() > FILES_PER_ROUND {
            return Err(HistoryError::TooManyFiles);
        }
        let others = self.missed.clone();
        self.missed.push(round.0.clone());
        let history = match self.current.take() {
            // This copies the history only if a reader still uses it.
            Some(history) => Arc::unwrap_or_clone(history),
            None => match read(store, Some(&self.node)).await? {
                LoadedHistory::Valid(history) => history,
                LoadedHistory::Missing | LoadedHistory::Invalid(_) => History::new(Some(self.node.clone())),
            },
        };
        if history.newest().is_none() {
            let oldest = store.list::<CheckFileName>(Listing::oldest(FILES_PER_ROUND)).await?;
            if oldest.len() >= FILES_PER_ROUND {
                return Err(HistoryError::TooManyFiles);
            }
        }
        let mut listed = Vec::new();
        if self.listed_at.is_none_or(|listed| !(0..LIST_INTERVAL).contains(&now.saturating_sub(listed))) {
            listed = store.list(Listing::since(history.list_from())).await?;
            self.listed_at = Some(now);
        }
        let updated = update(store, history, round, &listed, &others, self.expiry, now).await?;
        // Write immediately if a day is finished or the history was rebuilt.
        let is_due = self.written_at.is_none_or(|written| !(0..WRITE_INTERVAL).contains(&now.saturating_sub(written)));
        if is_due || updated.latencies.is_some() {
            write(store, &updated).await?;
            self.written_at = Some(now);
        }
        self.current = Some(Arc::new(updated.history));
        self.missed.clear();
        Ok(())
    }

    /// Returns the history with all rounds added so far, or `None` if the last update failed.
    #[must_use]
    pub fn current(&self) -> Option<Arc<History>> {
        self.current.clone()
    }
}

/// A history to write, and its latencies if they changed.
#[derive(Debug)]
struct HistoryUpdate {
    history: History,
    latencies: Option<Latencies>,
}

async fn update(
    store: &Arc<Store>,
    mut history: History,
    (name, results): (&CheckFileName, &[CheckResult]),
    listed: &[CheckFileName],
    sent: &[CheckFileName],
    expiry: Nanos,
    now: UnixNanos,
) -> Result<HistoryUpdate, HistoryError> {
    // Rounds that were just sent from the spool are missing from the history, regardless of their age.
    let mut names = history.uncovered(listed, now);
    names.extend(own_check_files(&history, sent, now));
    names.retain(|other| other != name);
    names.sort_unstable();
    names.dedup();
    let mut others = Vec::new();
    let mut batches = pin!(check_files(store, names));
    while let Some(batch) = batches.try_next().await? {
        others.extend(batch.files.into_iter().map(|(name, results)| (name, results.into_file())));
    }
    let mut files: Vec<(&CheckFileName, &[CheckResult])> =
        others.iter().map(|(name, file)| (name, file.results.as_slice())).collect();
    files.insert(files.partition_point(|(other, _)| *other < name), (name, results));
    let mut rebuild_from = history.can_append(files.iter().copied(), now).err();
    let closes = files.iter().any(|(name, _)| history.closes_with(name.stored_at));
    if rebuild_from.is_none() && !closes {
        append(&mut history, &mut Latencies::default(), &files, expiry);
        return Ok(HistoryUpdate { history, latencies: None });
    }
    let mut latencies = read_latencies(store, history.node.as_ref()).await?.unwrap_or_default();
    rebuild_from = [rebuild_from, history.rebuild_for(&latencies)].into_iter().flatten().min();
    match rebuild_from {
        None => append(&mut history, &mut latencies, &files, expiry),
        Some(rebuild_from) => {
            let listed: Vec<CheckFileName> = store.list(Listing::since(rebuild_from.list_from())).await?;
            if own_check_files(&history, &listed, now).len() > FILES_PER_ROUND {
                return Err(HistoryError::TooManyFiles);
            }
            rebuild_into(store, (&mut history, &mut latencies), rebuild_from, &listed, expiry, now, |_| {}).await?;
        }
    }
    Ok(HistoryUpdate { history, latencies: Some(latencies) })
}

fn append(history: &mut History, latencies: &mut Latencies, files: &[(&CheckFileName, &[CheckResult])], expiry: Nanos) {
    let mut builder = HistoryBuilder::append(history, latencies);
    for (name, results) in files {
        builder.add_results(name, results);
    }
    builder.finish(expiry);
}

/// The outcome of a rebuild.
#[derive(Debug, Default)]
pub struct RebuildReport {
    /// The number of check files that were read.
    pub files: usize,
    /// The check files that could not be parsed, with reasons.
    pub unreadable: Vec<(CheckFileName, String)>,
    /// The number of results that were skipped because their time is implausible.
    pub implausible: usize,
    /// Why the previous history was invalid, if it was.
    pub replaced: Option<InvalidHistory>,
}

/// Rebuilds a history from all existing check files. Keeps entries that are older than the oldest check file.
///
/// `progress` is called with the number of processed files and their total.
pub async fn rebuild(
    store: &Arc<Store>,
    node: Option<&NodeName>,
    expiry: Nanos,
    now: UnixNanos,
    mut progress: impl FnMut(usize, usize),
) -> Result<RebuildReport, HistoryError> {
    let (mut history, replaced) = match read(store, node).await? {
        LoadedHistory::Valid(history) => (history, None),
        LoadedHistory::Missing => (History::new(node.cloned()), None),
        LoadedHistory::Invalid(cause) => (History::new(node.cloned()), Some(cause)),
    };
    let mut latencies = read_latencies(store, node).await?.unwrap_or_default();
    let listed: Vec<CheckFileName> = store.list(Listing::all()).await?;
    let total = own_check_files(&history, &listed, now).len();
    let both = (&mut history, &mut latencies);
    let done =
        rebuild_into(store, both, RebuildFrom::START, &listed, expiry, now, |done| progress(done, total)).await?;
    // Do not write an empty history.
    if history.newest().is_some() {
        write(store, &HistoryUpdate { history, latencies: Some(latencies) }).await?;
    }
    Ok(RebuildReport { replaced, ..done })
}

async fn rebuild_into(
    store: &Arc<Store>,
    (history, latencies): (&mut History, &mut Latencies),
    from: RebuildFrom,
    listed: &[CheckFileName],
    expiry: Nanos,
    now: UnixNanos,
    mut progress: impl FnMut(usize),
) -> Result<RebuildReport, HistoryError> {
    let names: Vec<CheckFileName> = own_check_files(history, listed, now).into_iter().collect();
    let mut report = RebuildReport::default();
    let mut builder = HistoryBuilder::rebuild(history, latencies, from, listed, now);
    let mut batches = pin!(check_files(store, names));
    while let Some(batch) = batches.try_next().await? {
        report.files += batch.files.len();
        report.unreadable.extend(batch.problems.unreadable);
        for (name, results) in batch.files {
            builder.add_each(&name, |take| results.into_each(take));
        }
        progress(report.files);
    }
    report.implausible = builder.finish(expiry).implausible;
    Ok(report)
}

/// The result of loading a history from the store.
#[derive(Debug)]
pub enum LoadedHistory {
    Valid(History),
    Missing,
    Invalid(InvalidHistory),
}

pub async fn read(store: &Store, node: Option<&NodeName>) -> Result<LoadedHistory, HistoryError> {
    let name = HistoryName { node: node.cloned(), part: HistoryPart::Main };
    let content = match store.get(&name).await {
        Err(error @ StoreError::TooLarge { .. }) => {
            return Ok(LoadedHistory::Invalid(InvalidHistory::Malformed(error.to_string())));
        }
        read => read?,
    };
    let Some(content) = content else { return Ok(LoadedHistory::Missing) };
    match History::parse(&content) {
        Ok(history) if history.node.as_ref() == node => Ok(LoadedHistory::Valid(history)),
        Ok(_) => Ok(LoadedHistory::Invalid(InvalidHistory::Inconsistent("the node's name"))),
        Err(cause @ InvalidHistory::UnsupportedVersion(_)) => Err(HistoryError::Newer { name, cause }),
        Err(cause) => Ok(LoadedHistory::Invalid(cause)),
    }
}

/// Reads a node's latencies. Returns `None` if they are missing or invalid, in which case the node rebuilds them.
pub(crate) async fn read_latencies(store: &Store, node: Option<&NodeName>) -> Result<Option<Latencies>, HistoryError> {
    let name = HistoryName { node: node.cloned(), part: HistoryPart::Latency };
    let content = match store.get(&name).await {
        Err(StoreError::TooLarge { .. }) => None,
        read => read?,
    };
    match content.map(|content| Latencies::parse(&content)) {
        Some(Err(cause @ InvalidHistory::UnsupportedVersion(_))) => Err(HistoryError::Newer { name, cause }),
        Some(Ok(latencies)) => Ok(Some(latencies)),
        Some(Err(_)) | None => Ok(None),
    }
}

/// Writes the latencies first: if the second write fails, they do not match the history, and readers notice.
async fn write(store: &Store, HistoryUpdate { history, latencies }: &HistoryUpdate) -> Result<(), HistoryError> {
    let name = |part| HistoryName { node: history.node.clone(), part };
    if let Some(latencies) = latencies {
        store.put(&name(HistoryPart::Latency), latencies.to_json().into()).await?;
    }
    store.put(&name(HistoryPart::Main), history.to_json().into()).await?;
    Ok(())
}

#[cfg(test)]
mod tests;

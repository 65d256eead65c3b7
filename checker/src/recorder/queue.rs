//! Records a daemon's rounds. The queue waits for the store, for the work that follows a stored round and for new
//! results at the same time so that a slow store does not delay any round. Rounds that the store does not accept within
//! seconds are kept in the spool.

use std::path::PathBuf;
use std::pin::Pin;
use std::time::Duration;

use bytes::Bytes;
use shared::UnixNanos;
use shared::check_file::{CheckResult, write_check_file};
use shared::object_name::{CheckFileName, NodeName};
use tokio::sync::mpsc::UnboundedReceiver;
use tokio::time::{Instant, sleep_until};

use super::upkeep::UpkeepOutcome;
use crate::store::StoreError;
use crate::store::spool::Spool;
use crate::store::upload::Upload;

/// The number of results beyond which batches are not merged: the page reads at most 8 MiB of a check file, which is
/// about a thousand results with long errors.
const MERGED_RESULTS_LIMIT: usize = 500;

/// How long results wait for a busy store before they are also kept in the spool, in case the process is killed.
const SPOOL_AFTER: Duration = Duration::from_secs(2);

/// A function that returns the time at which results are stored.
pub type StoringClock = fn(&[CheckResult]) -> UnixNanos;

/// An event that occurs while rounds are recorded.
#[derive(Debug)]
pub enum RecordEvent<'r> {
    /// The results have arrived, and wait to be stored.
    Received(&'r [CheckResult]),
    Stored {
        results: &'r [CheckResult],
        upload: &'r Upload,
    },
    /// The round was not stored. The error states where it is.
    NotStored {
        results: &'r [CheckResult],
        error: &'r StoreError,
    },
    UpkeepDone(&'r UpkeepOutcome),
}

/// Results that are stored as one check file.
#[derive(Debug)]
pub(super) struct QueuedRound {
    pub(super) name: CheckFileName,
    pub(super) content: Bytes,
    pub(super) results: Vec<CheckResult>,
    /// The spool file with this content, if any.
    pub(super) kept: Option<PathBuf>,
}

/// Stores rounds. This is a trait so that tests can use a store that hangs.
pub(super) trait RoundStore {
    async fn store(&mut self, round: &QueuedRound) -> Result<Upload, StoreError>;
}

/// Does the work that follows a stored round.
pub(super) trait FollowUp {
    /// Does the work. `others` are check files that were stored since the last call.
    async fn follow_up(&mut self, round: (&CheckFileName, &[CheckResult]), others: &[CheckFileName]) -> UpkeepOutcome;
}

/// Records batches of results, merged into rounds.
pub(super) struct Queue<R> {
    pub(super) node: NodeName,
    pub(super) spool: Spool,
    pub(super) clock: StoringClock,
    pub(super) report: R,
    /// The store's description, for errors.
    pub(super) store_description: String,
}

/// Results that wait until the store has accepted an earlier round.
#[derive(Debug)]
struct Pending {
    results: Vec<CheckResult>,
    /// The deadline for writing all pending results to the spool, or `None` if they are already there or cannot be
    /// kept.
    keep_at: Option<Instant>,
    /// The spool file with the first `count` of these results, if any.
    kept: Option<Kept>,
}

#[derive(Debug)]
struct Kept {
    name: CheckFileName,
    content: Bytes,
    path: PathBuf,
    count: usize,
}

/// A stored round that is not in the history yet.
struct Unrecorded {
    name: CheckFileName,
    results: Vec<CheckResult>,
    /// Check files that were stored before this round.
    others: Vec<CheckFileName>,
}

impl<R: FnMut(RecordEvent<'_>)> Queue<R> {
    /// Records all batches of results until their sender is dropped.
    pub(super) async fn run(
        mut self,
        store: impl RoundStore,
        upkeep: impl FollowUp,
        batches: &mut UnboundedReceiver<Vec<CheckResult>>,
    ) {
        let (mut idle_store, mut idle_upkeep) = (Some(store), Some(upkeep));
        let (mut storing, mut upkeeping) = (None, None);
        let (mut pending, mut unrecorded): (Option<Pending>, Option<Unrecorded>) = (None, None);
        let mut is_open = true;
        loop {
            if pending.is_some()
                && let Some(mut store) = idle_store.take()
                && let Some(waiting) = pending.take()
            {
                let round = self.round(waiting).await;
                storing = Some(Box::pin(async move {
                    let stored = store.store(&round).await;
                    (store, round, stored)
                }));
            }
            if unrecorded.is_some()
                && let Some(mut upkeep) = idle_upkeep.take()
                && let Some(Unrecorded { name, results, others }) = unrecorded.take()
            {
                upkeeping = Some(Box::pin(async move {
                    let outcome = upkeep.follow_up((&name, &results), &others).await;
                    (upkeep, outcome)
                }));
            }
            if !is_open && storing.is_none() && upkeeping.is_none() {
                return;
            }
            let keep_at = pending.as_ref().and_then(|pending| pending.keep_at);
            let has_room = pending.as_ref().is_none_or(|pending| pending.results.len() < MERGED_RESULTS_LIMIT);
            tokio::select! {
                (store, round, stored) = or_never(&mut storing) => {
                    (storing, idle_store) = (None, Some(store));
                    self.stored(round, stored, &mut unrecorded);
                }
                (upkeep, outcome) = or_never(&mut upkeeping) => {
                    (upkeeping, idle_upkeep) = (None, Some(upkeep));
                    (self.report)(RecordEvent::UpkeepDone(&outcome));
                }
                batch = batches.recv(), if is_open && has_room => match batch {
                    None => is_open = false,
                    Some(mut results) => {
                        merge_more(&mut results, batches);
                        (self.report)(RecordEvent::Received(&results));
                        add(&mut pending, results);
                    }
                },
                () = sleep_until(keep_at.unwrap_or_else(Instant::now)), if keep_at.is_some() => {
                    pending = match pending.take() {
                        Some(waiting) => self.keep(waiting).await,
                        None => None,
                    };
                }
            }
        }
    }

    fn stored(&mut self, round: QueuedRound, stored: Result<Upload, StoreError>, unrecorded: &mut Option<Unrecorded>) {
        match stored {
            Ok(upload) => {
                (self.report)(RecordEvent::Stored { results: &round.results, upload: &upload });
                let mut others = upload.sent;
                // The history update reads the earlier round from the store.
                if let Some(before) = unrecorded.take() {
                    others.extend(before.others);
                    others.push(before.name);
                }
                *unrecorded = Some(Unrecorded { name: upload.name, results: round.results, others });
            }
            Err(error) => (self.report)(RecordEvent::NotStored { results: &round.results, error: &error }),
        }
    }

    /// Returns a round with all pending results. If some of them are in the spool, writes all of them there first.
    async fn round(&self, mut pending: Pending) -> QueuedRound {
        if pending.kept.as_ref().is_some_and(|kept| kept.count < pending.results.len()) {
            self.keep_all(&mut pending).await;
        }
        match pending.kept {
            Some(Kept { name, content, path, count }) if count == pending.results.len() => {
                QueuedRound { name, content, results: pending.results, kept: Some(path) }
            }
            _ => {
                let (name, content) = self.check_file(&pending.results);
                QueuedRound { name, content, results: pending.results, kept: None }
            }
        }
    }

    fn check_file(&self, results: &[CheckResult]) -> (CheckFileName, Bytes) {
        let name = CheckFileName { stored_at: (self.clock)(results), node: Some(self.node.clone()) };
        (name, write_check_file(results).into())
    }

    /// Keeps all pending results in the spool. If there are too many to merge with further results, leaves them there
    /// and returns `None`.
    async fn keep(&mut self, mut pending: Pending) -> Option<Pending> {
        pending.keep_at = None;
        self.keep_all(&mut pending).await;
        if pending.results.len() < MERGED_RESULTS_LIMIT {
            return Some(pending);
        }
        match pending.kept.take_if(|kept| kept.count == pending.results.len()) {
            None => Some(pending),
            Some(Kept { path, .. }) => {
                let cause = Box::new(StoreError::Busy { store: self.store_description.clone() });
                let error = StoreError::Kept { path, cause };
                (self.report)(RecordEvent::NotStored { results: &pending.results, error: &error });
                None
            }
        }
    }

    /// Writes all pending results to the spool, then deletes the previous spool file, which contains only some of them.
    async fn keep_all(&self, pending: &mut Pending) {
        let (name, content) = self.check_file(&pending.results);
        // If the spool cannot be written, the results stay in memory, and storing them reports the error.
        let Ok(path) = self.spool.keep(&name, &content).await else { return };
        let kept = Kept { name, content, path, count: pending.results.len() };
        if let Some(part) = pending.kept.replace(kept) {
            let _ = self.spool.delete_file(part.path).await;
        }
    }
}

/// Adds results that arrived while the store was busy. As separate rounds, each batch would have to wait for the store
/// again.
fn merge_more(results: &mut Vec<CheckResult>, batches: &mut UnboundedReceiver<Vec<CheckResult>>) {
    while results.len() < MERGED_RESULTS_LIMIT
        && let Ok(more) = batches.try_recv()
    {
        results.extend(more);
    }
}

fn add(pending: &mut Option<Pending>, results: Vec<CheckResult>) {
    match pending {
        Some(pending) => pending.results.extend(results),
        None => *pending = Some(Pending { results, keep_at: None, kept: None }),
    }
    if let Some(pending) = pending {
        pending.keep_at.get_or_insert_with(|| Instant::now() + SPOOL_AFTER);
    }
}

/// Awaits the future, or never completes if there is no future.
async fn or_never<T, F: Future<Output = T>>(future: &mut Option<Pin<Box<F>>>) -> T {
    match future {
        Some(future) => future.await,
        None => std::future::pending().await,
    }
}

#[cfg(test)]
mod tests;

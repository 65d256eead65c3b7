//! The work that follows a stored round: updating this node's history and summary, and deleting expired files. It does
//! not delay the next round.

use std::sync::Arc;
use std::time::Duration;

use shared::UnixNanos;
use shared::check_file::CheckResult;
use shared::history::History;
use shared::object_name::CheckFileName;
use tokio::time::timeout;

use super::expiry::{Expiry, ExpiryOutcome};
use super::history_writer::{HistoryError, HistoryWriter};
use super::publisher::Publisher;
use super::summary::SummaryError;
use crate::platform::shutdown::{ShutdownBudget, UPKEEP_AFTER_SHUTDOWN};
use crate::store::{Store, StoreError};

/// The time limit for updating the history and the summary after a round. A later round completes the update.
const HISTORY_TIMEOUT: Duration = Duration::from_mins(2);

/// The outcome of the work that follows a round. No data is lost if it fails.
#[derive(Debug)]
pub struct UpkeepOutcome {
    /// Whether the history contains the round. If not, a later round or a rebuild adds it.
    pub history: Result<(), HistoryError>,
    /// Whether the summary is up to date. It depends on the history, and is not written without it.
    pub summary: Result<(), SummaryError>,
    pub expiry: ExpiryOutcome,
    /// The history that contains the round, unless it could not be updated.
    pub current: Option<Arc<History>>,
}

/// Maintains one node's history and summary, and deletes its expired files.
#[derive(Debug)]
pub(super) struct Upkeep {
    pub(super) store: Arc<Store>,
    pub(super) budget: ShutdownBudget,
    pub(super) work: UpkeepWork,
}

#[derive(Debug)]
pub(super) struct UpkeepWork {
    pub(super) history: HistoryWriter,
    /// Writes the summary and outputs, unless the configuration disables all of them.
    pub(super) publisher: Option<Publisher>,
    pub(super) expiry: Expiry,
}

impl Upkeep {
    /// Adds a stored round, and other check files that were stored since the last call, to the history. Then writes the
    /// summary and deletes expired files.
    pub(super) async fn run(
        &mut self,
        round: (&CheckFileName, &[CheckResult]),
        others: &[CheckFileName],
        now: UnixNanos,
        progress: impl FnMut(usize, usize),
    ) -> UpkeepOutcome {
        let stopped = StoreError::Stopped { store: self.store.describe(), limit: UPKEEP_AFTER_SHUTDOWN.as_secs() };
        // If the work is interrupted, the outcome contains the completed parts.
        let mut outcome = UpkeepOutcome {
            history: Err(stopped.into()),
            summary: Ok(()),
            expiry: ExpiryOutcome::default(),
            current: None,
        };
        let (store, work) = (&self.store, &mut self.work);
        let working = async {
            let timed_out = || StoreError::TimedOut {
                store: store.describe(),
                task: "complete the update of the history and summary".to_owned(),
                limit: HISTORY_TIMEOUT.as_secs(),
            };
            let updating = work.update_history(store, round, others, now, &mut outcome);
            if timeout(HISTORY_TIMEOUT, Box::pin(updating)).await.is_err() {
                match outcome.history {
                    Ok(()) => outcome.summary = Err(timed_out().into()),
                    Err(HistoryError::Store(StoreError::Stopped { .. })) => outcome.history = Err(timed_out().into()),
                    Err(_) => {}
                }
            }
            outcome.expiry = work.expiry.run(store, now, progress).await;
        };
        let _ = self.budget.run(Box::pin(working)).await;
        outcome.current = self.work.history.current();
        outcome
    }
}

impl UpkeepWork {
    async fn update_history(
        &mut self,
        store: &Arc<Store>,
        (name, results): (&CheckFileName, &[CheckResult]),
        others: &[CheckFileName],
        now: UnixNanos,
        outcome: &mut UpkeepOutcome,
    ) {
        outcome.history = Box::pin(self.history.add(store, (name, results), others, now)).await;
        if let Some(publisher) = &mut self.publisher
            && outcome.history.is_ok()
        {
            outcome.summary = Box::pin(publisher.write(store, results, now)).await;
        }
    }
}

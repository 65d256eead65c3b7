//! Records rounds: stores the check file, updates this node's history and summary, and deletes expired check files.

pub mod check_files;
pub mod expiry;
pub mod history_reader;
pub mod history_writer;
pub mod measurements;
pub mod outputs;
pub mod own_results;
mod publisher;
pub mod queue;
pub mod retention;
pub mod summary;
pub mod upkeep;

use std::sync::Arc;

use shared::UnixNanos;
use shared::check_file::{CheckResult, write_check_file};
use shared::object_name::{CheckFileName, NodeName};
use tokio::sync::mpsc::UnboundedReceiver;

use self::expiry::Expiry;
use self::history_writer::HistoryWriter;
use self::publisher::Publisher;
use self::queue::{FollowUp, Queue, QueuedRound, RecordEvent, RoundStore, StoringClock};
use self::upkeep::{Upkeep, UpkeepOutcome, UpkeepWork};
use crate::config::model::Config;
use crate::platform::shutdown::{STORING_AFTER_SHUTDOWN, Shutdown, ShutdownBudget};
use crate::store::spool::Spool;
use crate::store::upload::{Upload, keep_for_next_time, store_round};
use crate::store::{Store, StoreError};

/// Records the rounds of one node in its store.
pub struct Recorder {
    node: NodeName,
    rounds: Rounds,
    upkeep: Upkeep,
}

/// The outcome of recording a round that was stored.
#[derive(Debug)]
pub struct RecordOutcome {
    pub upload: Upload,
    pub upkeep: UpkeepOutcome,
}

impl Recorder {
    /// Opens the configured store. Returns `None` if none is configured. After a shutdown request, a round that is not
    /// stored in time is kept in the spool, and the next round completes the other work.
    pub async fn open(config: &Config, shutdown: &Shutdown) -> Option<Recorder> {
        let storage = config.storage.as_ref()?;
        let store = Arc::new(Store::open(storage).await);
        let work = UpkeepWork {
            history: HistoryWriter::new(config.node.clone(), storage.history_expiry),
            publisher: Publisher::new(config),
            expiry: Expiry { node: config.node.clone(), age: storage.check_expiry, interval: config.every, last: None },
        };
        Some(Recorder {
            node: config.node.clone(),
            rounds: Rounds {
                store: Arc::clone(&store),
                spool: Spool::open(&config.spool_dir, storage, &config.node),
                budget: ShutdownBudget::for_storing(shutdown.clone()),
            },
            upkeep: Upkeep { store, budget: ShutdownBudget::for_upkeep(shutdown.clone()), work },
        })
    }

    #[must_use]
    pub fn store(&self) -> &Arc<Store> {
        &self.rounds.store
    }

    #[must_use]
    pub fn spool(&self) -> &Spool {
        &self.rounds.spool
    }

    /// Stores a round with the time `now`, and does the work that follows. If storing fails, the round is not in the
    /// store, and the error states where it is.
    ///
    /// `progress` is called with the number of processed expired files and their total.
    pub async fn record(
        &mut self,
        results: &[CheckResult],
        now: UnixNanos,
        progress: impl FnMut(usize, usize),
    ) -> Result<RecordOutcome, StoreError> {
        let name = CheckFileName { stored_at: now, node: Some(self.node.clone()) };
        let round = QueuedRound { name, content: write_check_file(results).into(), results: Vec::new(), kept: None };
        let upload = Box::pin(self.rounds.store(&round)).await?;
        // Free the content for the next steps: with thousands of endpoints, it takes up megabytes.
        drop(round);
        let upkeep = self.upkeep.run((&upload.name, results), &upload.sent, now, progress).await;
        Ok(RecordOutcome { upload, upkeep })
    }

    /// Records all batches of results until their sender is dropped, and reports the outcome. A slow store does not
    /// delay batches: waiting batches are merged, and are in the spool within seconds.
    pub async fn record_all(
        self,
        batches: &mut UnboundedReceiver<Vec<CheckResult>>,
        clock: StoringClock,
        report: impl FnMut(RecordEvent<'_>),
    ) {
        let Recorder { node, rounds, upkeep } = self;
        let (spool, store_description) = (rounds.spool.clone(), rounds.store.describe());
        let queue = Queue { node, spool, clock, report, store_description };
        queue.run(rounds, DaemonUpkeep { upkeep, clock }, batches).await;
    }
}

/// Stores rounds, or keeps them in the spool if that fails.
struct Rounds {
    store: Arc<Store>,
    spool: Spool,
    budget: ShutdownBudget,
}

impl RoundStore for Rounds {
    async fn store(&mut self, QueuedRound { name, content, kept, .. }: &QueuedRound) -> Result<Upload, StoreError> {
        let storing = Box::pin(store_round(&self.store, &self.spool, name.clone(), content, kept.clone()));
        if let Some(upload) = self.budget.run(storing).await {
            return upload;
        }
        let limit = STORING_AFTER_SHUTDOWN.as_secs();
        let cause = StoreError::Stopped { store: self.store.describe(), limit };
        Err(keep_for_next_time(&self.spool, name, content, cause).await)
    }
}

/// A daemon's work after each stored round, without a progress bar.
struct DaemonUpkeep {
    upkeep: Upkeep,
    clock: StoringClock,
}

impl FollowUp for DaemonUpkeep {
    async fn follow_up(&mut self, round: (&CheckFileName, &[CheckResult]), others: &[CheckFileName]) -> UpkeepOutcome {
        self.upkeep.run(round, others, (self.clock)(round.1), |_, _| {}).await
    }
}

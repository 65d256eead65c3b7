//! Records rounds: stores the check file, updates this node's history and summary, and deletes expired check files.

pub mod history_reader;
pub mod history_writer;
pub mod retention;
pub mod summary;

use std::sync::Arc;

use shared::check_file::{CheckResult, write_check_file};
use shared::object_name::{CheckFileName, NodeName};
use shared::{HOUR, Nanos, UnixNanos};

use self::history_writer::{HistoryError, HistoryWriter};
use self::retention::expired;
use self::summary::{SummaryError, SummaryWriter};
use crate::config::model::Config;
use crate::platform::shutdown::{STORING_AFTER_SHUTDOWN, ShutdownBudget};
use crate::store::spool::Spool;
use crate::store::upload::{Upload, keep_for_next_time, store_round};
use crate::store::{Deletion, Listing, Store, StoreError};

/// The interval between deletions of expired files. Each costs a listing, and once an hour is often enough.
const EXPIRY_INTERVAL: Nanos = HOUR;

/// Records the rounds of one node in its store.
pub struct Recorder {
    store: Arc<Store>,
    spool: Spool,
    node: NodeName,
    check_expiry: Option<Nanos>,
    last_expiry: Option<UnixNanos>,
    history: HistoryWriter,
    /// `None` if summaries are turned off in the configuration.
    summary: Option<SummaryWriter>,
}

/// The outcome of recording a round that is in the store.
#[derive(Debug)]
pub struct RecordOutcome {
    pub upload: Upload,
    /// The expired files that were deleted. If deleting fails, nothing is lost.
    pub expired: Deletion,
    /// Whether the history contains the round. If not, a later round or a rebuild will add it.
    pub history: Result<(), HistoryError>,
    /// Whether the summary is up to date. It depends on the history, and is not written without it.
    pub summary: Result<(), SummaryError>,
}

impl Recorder {
    /// Opens the configured store; `None` if none is configured.
    pub async fn open(config: &Config) -> Option<Recorder> {
        let storage = config.storage.as_ref()?;
        Some(Recorder {
            store: Arc::new(Store::open(storage).await),
            spool: Spool::open(&config.spool_dir, storage),
            node: config.node.clone(),
            check_expiry: storage.check_expiry,
            last_expiry: None,
            history: HistoryWriter::new(config.node.clone(), storage.history_expiry),
            summary: config
                .summaries
                .then(|| SummaryWriter::new(config.node.clone(), config.page.config.title.clone())),
        })
    }

    #[must_use]
    pub fn store(&self) -> &Arc<Store> {
        &self.store
    }

    /// Stores a round with the time `now`. If this fails, the round is not in the store, and the error states where it
    /// is.
    ///
    /// When `budget` runs out, a round that is not stored yet is kept in the spool, and the next round continues the
    /// other work. `progress` is called with the number of processed expired files and their total.
    pub async fn record(
        &mut self,
        results: &[CheckResult],
        now: UnixNanos,
        budget: &mut ShutdownBudget,
        progress: impl FnMut(usize, usize),
    ) -> Result<RecordOutcome, StoreError> {
        let name = CheckFileName { stored_at: now, node: Some(self.node.clone()) };
        let content = write_check_file(results).into();
        let storing = Box::pin(store_round(&self.store, &self.spool, name.clone(), &content));
        let Some(upload) = budget.store(storing).await else {
            return Err(keep_for_next_time(&self.spool, &name, &content, self.stopped()).await);
        };
        // With thousands of endpoints, the content takes up megabytes, which the next steps can use.
        drop(content);
        let (upload, history) = (upload?, Err(self.stopped().into()));
        let mut outcome = RecordOutcome { upload, expired: Deletion::default(), history, summary: Ok(()) };
        // If this is canceled, the outcome contains whatever was completed.
        let _ = budget.keep_up(Box::pin(self.follow_up(&mut outcome, results, now, progress))).await;
        Ok(outcome)
    }

    /// Updates the history and the summary, and deletes expired files, after the round was stored.
    async fn follow_up(
        &mut self,
        outcome: &mut RecordOutcome,
        results: &[CheckResult],
        now: UnixNanos,
        progress: impl FnMut(usize, usize),
    ) {
        let Upload { name, sent, .. } = &outcome.upload;
        outcome.history = Box::pin(self.history.add(&self.store, (name, results), sent, now)).await;
        if let Some(summary) = &mut self.summary
            && outcome.history.is_ok()
        {
            outcome.summary = Box::pin(summary.write(&self.store, results, now)).await;
        }
        outcome.expired = self.delete_expired(now, progress).await;
    }

    fn stopped(&self) -> StoreError {
        StoreError::Stopped { store: self.store.describe(), limit: STORING_AFTER_SHUTDOWN.as_secs() }
    }

    async fn delete_expired(&mut self, now: UnixNanos, mut progress: impl FnMut(usize, usize)) -> Deletion {
        let Some(age) = self.check_expiry else { return Deletion::default() };
        if self.last_expiry.is_some_and(|last| now.saturating_sub(last) < EXPIRY_INTERVAL) {
            return Deletion::default();
        }
        self.last_expiry = Some(now);
        let old = match self.store.list::<CheckFileName>(Listing::until(now.saturating_sub(age))).await {
            Ok(old) => old,
            Err(error) => return error.into(),
        };
        let expired = expired(&old, now, age, &self.node);
        if expired.is_empty() {
            return Deletion::default();
        }
        progress(0, expired.len());
        self.store.delete(&expired, |done| progress(done, expired.len())).await
    }
}

//! Brings a round into the store, by way of the spool if need be, and removes what has expired.

pub mod history_reader;
pub mod history_writer;
pub mod retention;
pub mod summary;

use shared::check_file::{CheckResult, write_check_file};
use shared::object_name::{CheckFileName, NodeName};
use shared::{HOUR, Nanos, UnixNanos};

use self::history_writer::{HistoryError, KeptHistory};
use self::retention::expired;
use self::summary::{KeptSummary, SummaryError};
use crate::config::model::Config;
use crate::platform::shutdown::{Patience, STORING_AFTER_STOP};
use crate::store::spool::Spool;
use crate::store::upload::{Upload, keep_for_next_time, store_round};
use crate::store::{Deletion, Listing, Store, StoreError};

/// How often a checker that repeats looks for expired files; a listing costs a request, and an hour is soon enough.
const EXPIRY_SPACING: Nanos = HOUR;

/// Where rounds are recorded, and what was done so far.
pub struct Record {
    store: std::sync::Arc<Store>,
    spool: Spool,
    node: NodeName,
    check_expiry: Option<Nanos>,
    looked_for_expired: Option<UnixNanos>,
    history: KeptHistory,
    /// What is told to those who run no script, if anything is.
    summary: Option<KeptSummary>,
}

/// What became of a round.
#[derive(Debug)]
pub struct Recorded {
    /// How it was stored.
    pub upload: Upload,
    /// How many expired files were removed, and why others were not: that is a pity, but loses nothing.
    pub expired: Deletion,
    /// Whether the history knows the round; if not, the next round or a rebuild brings it in.
    pub history: Result<(), HistoryError>,
    /// Whether the summary is told, where it was to be; it is of no worth without the history, and waits for that.
    pub summary: Result<(), SummaryError>,
}

impl Record {
    /// Opens the configured store; `None` if none is configured.
    pub async fn open(config: &Config) -> Option<Record> {
        let storage = config.storage.as_ref()?;
        Some(Record {
            store: std::sync::Arc::new(Store::open(storage).await),
            spool: Spool::open(&config.spool_dir, storage),
            node: config.node.clone(),
            check_expiry: storage.check_expiry,
            looked_for_expired: None,
            history: KeptHistory::new(config.node.clone(), storage.history_expiry),
            summary: config.summaries.then(|| KeptSummary::new(config.node.clone(), config.page.config.title.clone())),
        })
    }

    /// The store itself.
    #[must_use]
    pub fn store(&self) -> &std::sync::Arc<Store> {
        &self.store
    }

    /// Stores a round under the time `now`. An error means that it is not in the store; it says where it is.
    /// Once `patience` has an end, the round is kept in the spool, or what is to be done beside it waits for the next one.
    /// `progress` hears how many of how many expired files are done with.
    pub async fn keep(
        &mut self,
        results: &[CheckResult],
        now: UnixNanos,
        patience: &mut Patience,
        progress: impl FnMut(usize, usize),
    ) -> Result<Recorded, StoreError> {
        let name = CheckFileName { stored_at: now, node: Some(self.node.clone()) };
        let content = write_check_file(results).into();
        let storing = Box::pin(store_round(&self.store, &self.spool, name.clone(), &content));
        let Some(upload) = patience.store(storing).await else {
            return Err(keep_for_next_time(&self.spool, &name, &content, self.stopped()).await);
        };
        // Of very many endpoints it is megabytes, which what comes next can use.
        drop(content);
        let (upload, history) = (upload?, Err(self.stopped().into()));
        let mut recorded = Recorded { upload, expired: Deletion::default(), history, summary: Ok(()) };
        // What is broken off is not done; what was done before it is.
        let _ = patience.keep_up(Box::pin(self.keep_up(&mut recorded, results, now, progress))).await;
        Ok(recorded)
    }

    /// Does what is to be done in the store beside a round that is in it.
    async fn keep_up(
        &mut self,
        recorded: &mut Recorded,
        results: &[CheckResult],
        now: UnixNanos,
        progress: impl FnMut(usize, usize),
    ) {
        let Upload { name, sent, .. } = &recorded.upload;
        recorded.history = Box::pin(self.history.add(&self.store, (name, results), sent, now)).await;
        if let Some(summary) = &mut self.summary
            && recorded.history.is_ok()
        {
            recorded.summary = Box::pin(summary.tell(&self.store, results, now)).await;
        }
        recorded.expired = self.remove_expired(now, progress).await;
    }

    fn stopped(&self) -> StoreError {
        StoreError::Stopped { store: self.store.describe(), limit: STORING_AFTER_STOP.as_secs() }
    }

    async fn remove_expired(&mut self, now: UnixNanos, mut progress: impl FnMut(usize, usize)) -> Deletion {
        let Some(age) = self.check_expiry else { return Deletion::default() };
        if self.looked_for_expired.is_some_and(|looked| now.saturating_sub(looked) < EXPIRY_SPACING) {
            return Deletion::default();
        }
        self.looked_for_expired = Some(now);
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

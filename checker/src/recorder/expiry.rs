//! Deletes this node's expired check files, but only those that the store proves to be old.

use std::time::Duration;

use shared::duration::format_coarse;
use shared::object_name::{CheckFileName, NodeName};
use shared::{HOUR, Nanos, UnixNanos};
use tokio::time::timeout;

use super::retention::{MAX_GAP, ProvenAge, expired, expiry_time, proven_age, recently_due};
use super::summary::format_minute;
use crate::counted;
use crate::store::{Deletion, Listing, Store, StoreError};

/// The interval between deletions of expired files. Each deletion requires a listing, and once an hour is often enough.
const EXPIRY_INTERVAL: Nanos = HOUR;

/// The time limit for deleting expired files. The next round continues the work.
const EXPIRY_TIMEOUT: Duration = Duration::from_mins(2);

/// The smallest clock difference to report. A smaller one has no effect on files that are days old.
const CLOCK_DIFFERENCE: Nanos = HOUR;

/// The outcome of deleting expired files.
#[derive(Debug, Default)]
pub struct ExpiryOutcome {
    /// The deletion of expired files. If it fails, no data is lost.
    pub deletion: Deletion,
    pub warnings: Vec<ExpiryWarning>,
}

/// Why files are kept although they have expired according to this machine's clock.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ExpiryWarning {
    #[error(
        "this machine's clock is {} ahead of the store's, which determines when check files expire; set it, preferably with NTP",
        format_coarse(*.0)
    )]
    ClockAhead(Nanos),
    /// The store does not prove the age of these files.
    #[error(
        "kept {} that are older than `check_expiry` according to this machine's clock: no check file was stored from {} to {}, so the clock may have jumped; check it, and if it is right, run `checker expire`",
        counted(*files, "check file"), format_minute(gap.0), format_minute(gap.1)
    )]
    UnprovenAge {
        files: usize,
        /// The start and end of the period without check files.
        gap: (UnixNanos, UnixNanos),
    },
}

/// The expired check files, divided into those to delete and those to keep.
#[derive(Debug, Default)]
pub struct ExpiryPlan {
    /// The check files to delete.
    pub due: Vec<CheckFileName>,
    /// The files to keep until an operator confirms that they are old.
    pub unproven: Vec<CheckFileName>,
    /// The start and end of the period without check files that prevents files from being deleted.
    pub gap: Option<(UnixNanos, UnixNanos)>,
    /// How far this machine's clock is ahead of the store's, if by more than [`CLOCK_DIFFERENCE`].
    pub clock_ahead: Option<Nanos>,
}

/// Deletes one node's expired files every hour.
#[derive(Debug)]
pub(super) struct Expiry {
    pub(super) node: NodeName,
    /// The age at which check files are deleted. `None` keeps all check files.
    pub(super) age: Option<Nanos>,
    /// The longest time between two rounds, if configured.
    pub(super) interval: Option<Nanos>,
    pub(super) last: Option<UnixNanos>,
}

impl Expiry {
    /// Deletes expired files if [`EXPIRY_INTERVAL`] has passed since the last expiry. `progress` is called with the
    /// number of processed files and their total.
    pub(super) async fn run(
        &mut self,
        store: &Store,
        now: UnixNanos,
        mut progress: impl FnMut(usize, usize),
    ) -> ExpiryOutcome {
        let Some(age) = self.age else { return ExpiryOutcome::default() };
        if self.last.is_some_and(|last| (0..EXPIRY_INTERVAL).contains(&now.saturating_sub(last))) {
            return ExpiryOutcome::default();
        }
        self.last = Some(now);
        let mut deleted = 0;
        let deleting = async {
            let plan = match plan(store, &self.node, now, age, self.interval).await {
                Ok(plan) => plan,
                Err(error) => return ExpiryOutcome { deletion: error.into(), warnings: Vec::new() },
            };
            let mut warnings: Vec<ExpiryWarning> =
                plan.clock_ahead.map(ExpiryWarning::ClockAhead).into_iter().collect();
            if let Some(gap) = plan.gap.filter(|_| !plan.unproven.is_empty()) {
                warnings.push(ExpiryWarning::UnprovenAge { files: plan.unproven.len(), gap });
            }
            let mut deletion = Deletion::default();
            if !plan.due.is_empty() {
                progress(0, plan.due.len());
                let mut report = |done| {
                    deleted = done;
                    progress(done, plan.due.len());
                };
                deletion = store.delete(&plan.due, &mut report).await;
            }
            ExpiryOutcome { deletion, warnings }
        };
        if let Ok(outcome) = timeout(EXPIRY_TIMEOUT, deleting).await {
            return outcome;
        }
        // The next round continues the deletion.
        self.last = None;
        let failure = StoreError::TimedOut {
            store: store.describe(),
            task: "delete all expired check files".to_owned(),
            limit: EXPIRY_TIMEOUT.as_secs(),
        };
        ExpiryOutcome { deletion: Deletion { deleted, failure: Some(failure) }, warnings: Vec::new() }
    }
}

/// Plans which of a node's check files to delete because they are older than `age`. Lists the whole store only if files
/// have been due for more than a day and no independent clock confirms it.
pub async fn plan(
    store: &Store,
    node: &NodeName,
    now: UnixNanos,
    age: Nanos,
    interval: Option<Nanos>,
) -> Result<ExpiryPlan, StoreError> {
    let old = store.list::<CheckFileName>(Listing::until(now.saturating_sub(age))).await?;
    let store_time = store.store_time();
    let ahead = store_time.map(|store_time| now.saturating_sub(store_time));
    let clock_ahead = ahead.filter(|ahead| *ahead > CLOCK_DIFFERENCE);
    let now = expiry_time(now, store_time);
    let due = expired(&old, now, age, node);
    let recent = recently_due(&due, now, age);
    let is_confirmed = recent.len() == due.len() || has_independent_clock(store) && is_in_use(store, now).await?;
    if is_confirmed {
        return Ok(ExpiryPlan { due, clock_ahead, ..ExpiryPlan::default() });
    }
    let all = store.list::<CheckFileName>(Listing::all()).await?;
    let ProvenAge { horizon, gap } = proven_age(&all, now, age, interval);
    let is_recent = |name: &CheckFileName| recent.first().is_some_and(|first| name >= first);
    let (due, unproven) = due.into_iter().partition(|name| name.stored_at < horizon || is_recent(name));
    Ok(ExpiryPlan { due, unproven, gap, clock_ahead })
}

/// Returns whether the store's time comes from another machine. A directory uses this machine's clock, unless it is a
/// network mount.
fn has_independent_clock(store: &Store) -> bool {
    matches!(store, Store::S3(_)) && store.store_time().is_some()
}

/// Returns whether a check file was stored shortly before `now`, not counting the round that was just stored.
async fn is_in_use(store: &Store, now: UnixNanos) -> Result<bool, StoreError> {
    let recent = store.list::<CheckFileName>(Listing::since(now.saturating_sub(MAX_GAP))).await?;
    Ok(recent.iter().filter(|name| name.stored_at <= now).count() > 1)
}

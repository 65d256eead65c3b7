//! Deletes expired check files of this node, as far as the store proves that they are old.

use std::time::Duration;

use shared::object_name::{CheckFileName, NodeName};
use shared::{HOUR, Nanos, UnixNanos};
use tokio::time::timeout;

use super::retention::{ProvenAge, expired, expiry_time, proven_age, recently_due};
use super::summary::format_minute;
use crate::store::{Deletion, Listing, Store, StoreError};

/// The interval between two deletions of expired files. Each costs a listing, and an hour is soon enough.
const EXPIRY_INTERVAL: Nanos = HOUR;

/// The limit for one expiry. The next one continues.
const EXPIRY_TIMEOUT: Duration = Duration::from_mins(2);

/// The outcome of an expiry.
#[derive(Debug, Default)]
pub struct ExpiryOutcome {
    /// The deleted files. A failure loses nothing.
    pub deletion: Deletion,
    /// The files that are kept although they are old by this machine's clock.
    pub unproven: Option<UnprovenAge>,
}

/// Files that are old by this machine's clock, but not by what the store proves.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "{files} check files are older than `check_expiry` by this machine's clock and are kept: no check file was stored from {} to {}, so the clock may have jumped; check it, and if it is right, run `checker expire`",
    format_minute(gap.0), format_minute(gap.1)
)]
pub struct UnprovenAge {
    pub files: usize,
    /// The time without check files: its start and end.
    pub gap: (UnixNanos, UnixNanos),
}

/// Which files expire now.
#[derive(Debug, Default)]
pub struct ExpiryPlan {
    /// The files to delete.
    pub due: Vec<CheckFileName>,
    /// The files to keep until an operator confirms that they are old.
    pub unproven: Vec<CheckFileName>,
    /// The time without check files because of which they are kept: its start and end.
    pub gap: Option<(UnixNanos, UnixNanos)>,
}

/// Deletes the expired files of one node, every hour.
#[derive(Debug)]
pub(super) struct Expiry {
    pub(super) node: NodeName,
    /// `None` keeps all files.
    pub(super) age: Option<Nanos>,
    /// The longest time between two rounds, if it is configured.
    pub(super) interval: Option<Nanos>,
    pub(super) last: Option<UnixNanos>,
}

impl Expiry {
    /// Deletes expired files, if the last expiry was long ago. `progress` is called with the number of processed files
    /// and their total.
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
                Err(error) => return ExpiryOutcome { deletion: error.into(), unproven: None },
            };
            let unproven = match plan.gap {
                Some(gap) if !plan.unproven.is_empty() => Some(UnprovenAge { files: plan.unproven.len(), gap }),
                _ => None,
            };
            let mut deletion = Deletion::default();
            if !plan.due.is_empty() {
                progress(0, plan.due.len());
                let mut report = |done| {
                    deleted = done;
                    progress(done, plan.due.len());
                };
                deletion = store.delete(&plan.due, &mut report).await;
            }
            ExpiryOutcome { deletion, unproven }
        };
        if let Ok(outcome) = timeout(EXPIRY_TIMEOUT, deleting).await {
            return outcome;
        }
        // The next round continues.
        self.last = None;
        let failure = StoreError::TimedOut {
            store: store.describe(),
            task: "delete all expired check files".to_owned(),
            limit: EXPIRY_TIMEOUT.as_secs(),
        };
        ExpiryOutcome { deletion: Deletion { deleted, failure: Some(failure) }, unproven: None }
    }
}

/// Plans which check files of a node older than `age` expire. Lists the whole store only if files have been due for more
/// than a day.
pub async fn plan(
    store: &Store,
    node: &NodeName,
    now: UnixNanos,
    age: Nanos,
    interval: Option<Nanos>,
) -> Result<ExpiryPlan, StoreError> {
    let old = store.list::<CheckFileName>(Listing::until(now.saturating_sub(age))).await?;
    let now = expiry_time(now, store.store_time());
    let due = expired(&old, now, age, node);
    let recent = recently_due(&due, now, age);
    if recent.len() == due.len() {
        return Ok(ExpiryPlan { due, ..ExpiryPlan::default() });
    }
    let all = store.list::<CheckFileName>(Listing::all()).await?;
    let ProvenAge { horizon, gap } = proven_age(&all, now, age, interval);
    let is_recent = |name: &CheckFileName| recent.first().is_some_and(|first| name >= first);
    let (due, unproven) = due.into_iter().partition(|name| name.stored_at < horizon || is_recent(name));
    Ok(ExpiryPlan { due, unproven, gap })
}

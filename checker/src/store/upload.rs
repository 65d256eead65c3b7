//! Stores check files reliably: rounds from the spool are sent first, failed attempts are retried, and whatever still
//! cannot be stored is kept in the [`Spool`].

use std::path::PathBuf;
use std::time::Duration;

use backon::{ExponentialBuilder, Retryable as _};
use bytes::Bytes;
use shared::object_name::CheckFileName;
use tokio::time::Instant;

use super::limits::describe_size;
use super::spool::{OTHERS_REMEDY, Spool, WaitingRound, WaitingRounds};
use super::{NAMES_TO_TRY, Store, StoreError, next_name};

/// The number of attempts for one file while the store is busy or unreachable.
const ATTEMPTS: usize = 4;

/// The shortest delay before the second attempt. Each further delay is twice as long. Jitter adds up to the same
/// amount again, so nodes that failed together do not all retry together.
const FIRST_DELAY: Duration = Duration::from_millis(125);

/// No attempt starts later than this after the first one: while a store hangs, other rounds are waiting.
const RETRY_WINDOW: Duration = Duration::from_secs(10);

/// How long the store may take before the round is also kept in the spool, in case the process is killed.
const SPOOL_AFTER: Duration = Duration::from_secs(2);

/// The maximum number of waiting rounds that are sent before the current one. After a long outage, it takes several
/// rounds to empty the spool, so none of them is delayed by minutes.
const SPOOL_BATCH: usize = 500;

/// How long sending the waiting rounds can delay the current round.
const SPOOL_TIME: Duration = Duration::from_secs(30);

/// The time limit for storing the current round, including all attempts. After this, the round is kept in the spool.
const ROUND_TIMEOUT: Duration = Duration::from_mins(1);

/// The outcome of storing a round and the rounds that waited before it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Upload {
    /// The name of the round's check file in the store.
    pub name: CheckFileName,
    /// The number of waiting rounds that were stored, now or earlier by another checker.
    pub sent_from_spool: usize,
    /// The names of these rounds' check files in the store.
    pub sent: Vec<CheckFileName>,
    /// The number of rounds that are still waiting.
    pub still_waiting: usize,
    /// Warnings to report even though the round was stored, for example about quarantined rounds or an unreadable
    /// spool.
    pub warnings: Vec<String>,
}

/// Stores a round, after the rounds that are waiting in the spool, oldest first.
///
/// If the store does not accept the round, it is kept in the spool, and the error contains the path to its file; only
/// with [`StoreError::NotKept`] does the caller have the only copy. If the store refuses a waiting round but accepts
/// this one, the waiting round is quarantined: it no longer blocks others, and is not lost.
///
/// While the store is slow, or was unreachable until recently, the spool also keeps the round, so killing the process
/// does not lose it. `kept` is the round's spool file, if it already has one.
///
/// This takes at most [`SPOOL_TIME`] and one attempt for the spool, and [`ROUND_TIMEOUT`] for the round.
pub async fn store_round(
    store: &Store,
    spool: &Spool,
    name: CheckFileName,
    content: &Bytes,
    kept: Option<PathBuf>,
) -> Result<Upload, StoreError> {
    upload(store, spool, name, content, kept).await
}

/// Returns a warning if the status page does not load a check file of this size, in bytes.
fn too_large_for_page(size: usize) -> Option<String> {
    let limit = shared::check_file::OBJECT_SIZE_LIMIT;
    (size > limit).then(|| {
        let (size, limit) = (describe_size(size as u64), describe_size(limit as u64));
        format!("the round takes up {size}, but the status page loads at most {limit}; split the checks with `--shard`")
    })
}

/// Returns a warning if rounds of other nodes are waiting in the spool.
fn not_sent(rounds: &WaitingRounds, spool: &Spool) -> Option<String> {
    let (others, folder) = (rounds.describe_others()?, spool.folder().display());
    Some(format!("the spool `{folder}` contains {others}, which this node does not send: {OTHERS_REMEDY}"))
}

/// Writes check files, which must not replace existing ones: see [`Store::put`].
trait ObjectWriter: Sync {
    /// Returns the store's description, for errors.
    fn describe(&self) -> String;

    fn put(&self, name: &CheckFileName, content: &Bytes) -> impl Future<Output = Result<(), StoreError>> + Send;
}

impl ObjectWriter for Store {
    fn describe(&self) -> String {
        Store::describe(self)
    }

    async fn put(&self, name: &CheckFileName, content: &Bytes) -> Result<(), StoreError> {
        Store::put(self, name, content.clone()).await
    }
}

/// Like [`store_round`], for any writer, so that tests can use one that fails or hangs.
async fn upload(
    store: &impl ObjectWriter,
    spool: &Spool,
    name: CheckFileName,
    content: &Bytes,
    mut kept: Option<PathBuf>,
) -> Result<Upload, StoreError> {
    let mut warnings: Vec<String> = too_large_for_page(content.len()).into_iter().collect();
    // An unreadable spool must not prevent the current round from being stored.
    let rounds = spool.rounds().await.unwrap_or_else(|error| {
        warnings.push(error.to_string());
        WaitingRounds::default()
    });
    warnings.extend(not_sent(&rounds, spool));
    let mut waiting = rounds.own;
    waiting.retain(|other| kept.as_deref() != Some(&spool.folder().join(other.to_string())));
    if kept.is_none() && !waiting.is_empty() {
        kept = spool.keep(&name, content).await.ok();
    }
    let mut to_send = waiting.iter().take(SPOOL_BATCH);
    let mut sending = Sending { store, spool, sent_from_spool: 0, sent: Vec::new(), warnings };
    let (mut stuck, mut left) = (None, 0);
    let deadline = Instant::now() + SPOOL_TIME;
    while Instant::now() < deadline
        && let Some(old) = to_send.next()
    {
        if let Err(cause) = sending.send(old, ATTEMPTS).await {
            stuck = Some((old, cause));
            break;
        }
    }
    // Either the store or the stuck round causes the failure; storing the current round shows which.
    let attempts = if stuck.as_ref().is_some_and(|(_, cause)| cause.is_transient()) { 1 } else { ATTEMPTS };
    let mut storing = Box::pin(put_in_time(store, &name, content, attempts));
    let stored = if let Ok(stored) = tokio::time::timeout(SPOOL_AFTER, storing.as_mut()).await {
        stored
    } else {
        if kept.is_none() {
            kept = spool.keep(&name, content).await.ok();
        }
        storing.await
    };
    let stored = match stored {
        Ok(stored) => stored,
        Err(cause) => return Err(keep_for_next_time(spool, &name, content, cause).await),
    };
    if let Some(path) = kept
        && let Err(error) = spool.delete_file(path).await
    {
        sending.warnings.push(error.to_string());
    }
    // A second transient error means that the store is slow again, so the remaining rounds keep waiting.
    let mut is_slow = stuck.is_none();
    if let Some((old, cause)) = stuck {
        left += sending.quarantine_if_refused(old, &cause).await;
    }
    for old in to_send {
        if is_slow || Instant::now() >= deadline {
            left += 1;
        } else if let Err(cause) = sending.send(old, 1).await {
            is_slow = cause.is_transient();
            left += sending.quarantine_if_refused(old, &cause).await;
        }
    }
    let still_waiting = left + waiting.len().saturating_sub(SPOOL_BATCH);
    let Sending { sent_from_spool, sent, warnings, .. } = sending;
    Ok(Upload { name: stored, sent_from_spool, sent, still_waiting, warnings })
}

/// Waiting rounds that are being sent to the store.
struct Sending<'s, W> {
    store: &'s W,
    spool: &'s Spool,
    sent_from_spool: usize,
    sent: Vec<CheckFileName>,
    warnings: Vec<String>,
}

impl<W: ObjectWriter> Sending<'_, W> {
    /// Sends a waiting round. The round is removed from the spool only after it is in the store. Invalid files are
    /// quarantined.
    async fn send(&mut self, name: &CheckFileName, attempts: usize) -> Result<(), StoreError> {
        let content = match self.spool.read(name).await? {
            WaitingRound::Round(content) => content,
            // Another checker that shares the spool has already sent it.
            WaitingRound::Gone => {
                self.sent_from_spool += 1;
                return Ok(());
            }
            WaitingRound::Invalid(reason) => {
                let path = self.spool.quarantine(name).await?;
                self.warnings.push(format!(
                    "`{name}` in the spool is not a round of this checker and was not sent: {reason}; it was moved to `{}`",
                    path.display()
                ));
                return Ok(());
            }
        };
        let stored = put_in_time(self.store, name, &content, attempts).await?;
        self.spool.delete(name).await?;
        self.sent_from_spool += 1;
        self.sent.push(stored);
        Ok(())
    }

    /// Quarantines a waiting round that the store refuses permanently. Adds a warning, and returns the number of rounds
    /// that are still waiting (0 or 1).
    async fn quarantine_if_refused(&mut self, name: &CheckFileName, cause: &StoreError) -> usize {
        if cause.is_transient() {
            self.warnings.push(format!("failed to send a waiting round: {cause}; it will be retried next time"));
            return 1;
        }
        match self.spool.quarantine(name).await {
            Ok(path) => {
                self.warnings.push(format!(
                    "failed to send a waiting round: {cause}; because the store accepts other rounds, this one was moved to `{}`; \
                     move it back to `{}` to send it again",
                    path.display(),
                    self.spool.folder().display()
                ));
                0
            }
            Err(error) => {
                self.warnings.push(format!("failed to send a waiting round: {cause}; it remains in the spool, because moving it to `refused/` failed: {error}"));
                1
            }
        }
    }
}

/// Spools a round that the store did not accept, unless it is already in the spool. Returns the error to report.
pub async fn keep_for_next_time(spool: &Spool, name: &CheckFileName, content: &Bytes, cause: StoreError) -> StoreError {
    let cause = Box::new(cause);
    match spool.keep(name, content).await {
        // An absolute path is valid whatever the operator's working directory is.
        Ok(path) => StoreError::Kept { path: std::path::absolute(&path).unwrap_or(path), cause },
        Err(spool_cause) => StoreError::NotKept { cause, spool_cause: Box::new(spool_cause) },
    }
}

/// Stores a check file within [`ROUND_TIMEOUT`].
async fn put_in_time(
    store: &impl ObjectWriter,
    name: &CheckFileName,
    content: &Bytes,
    attempts: usize,
) -> Result<CheckFileName, StoreError> {
    let storing = put_with_retries(store, name, content, attempts);
    tokio::time::timeout(ROUND_TIMEOUT, storing).await.unwrap_or_else(|_| {
        let (store, task) = (store.describe(), format!("store `{name}`"));
        Err(StoreError::TimedOut { store, task, limit: ROUND_TIMEOUT.as_secs() })
    })
}

/// Stores a check file, retrying transient errors after increasing delays.
async fn put_with_retries(
    store: &impl ObjectWriter,
    name: &CheckFileName,
    content: &Bytes,
    attempts: usize,
) -> Result<CheckFileName, StoreError> {
    let start = Instant::now();
    (|| put_under_free_name(store, name, content))
        .retry(backoff(attempts))
        .sleep(tokio::time::sleep)
        .when(|error| error.is_transient() && start.elapsed() < RETRY_WINDOW)
        .await
}

fn backoff(attempts: usize) -> ExponentialBuilder {
    ExponentialBuilder::new()
        .with_min_delay(FIRST_DELAY)
        .with_factor(2.0)
        .with_jitter()
        .with_max_times(attempts.saturating_sub(1))
}

/// Stores a check file under its name, or under the next free nanosecond. Returns the name it was stored under.
async fn put_under_free_name(
    store: &impl ObjectWriter,
    name: &CheckFileName,
    content: &Bytes,
) -> Result<CheckFileName, StoreError> {
    let mut free = name.clone();
    for _ in 0..NAMES_TO_TRY {
        match store.put(&free, content).await {
            Ok(()) => return Ok(free),
            Err(StoreError::AlreadyExists { .. }) => free = next_name(&free),
            Err(error) => return Err(error),
        }
    }
    Err(StoreError::NamesTaken { name: name.clone() })
}

/// Stores a check file, for tests in other modules.
#[cfg(test)]
pub(crate) async fn put_check_file(
    store: &Store,
    name: &CheckFileName,
    content: impl Into<Bytes>,
) -> Result<CheckFileName, StoreError> {
    put_under_free_name(store, name, &content.into()).await
}

#[cfg(test)]
mod tests;

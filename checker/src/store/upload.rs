//! Stores check files reliably: rounds from the spool are sent first, failed attempts are retried, and whatever still
//! cannot be stored is kept in the [`Spool`].

use std::time::Duration;

use backon::{ExponentialBuilder, Retryable as _};
use bytes::Bytes;
use shared::object_name::CheckFileName;

use super::spool::Spool;
use super::{NAMES_TO_TRY, Store, StoreError, next_name};

/// The number of attempts for one file while the store is busy or unreachable.
const ATTEMPTS: usize = 4;

/// The shortest delay before the second attempt. Each further delay is twice as long. Jitter adds up to the same
/// amount again, so that nodes that failed together do not all retry together.
const FIRST_DELAY: Duration = Duration::from_millis(125);

/// No attempt starts later than this after the first, because other rounds are waiting while a store hangs.
const RETRY_WINDOW: Duration = Duration::from_secs(10);

/// How long the store may take before the round is also kept in the spool, in case the process is killed.
const SPOOL_AFTER: Duration = Duration::from_secs(2);

/// The maximum number of waiting rounds that are sent before the current one. After a long outage, it takes several
/// rounds to empty the spool, so that none of them is delayed by minutes.
const SPOOL_BATCH: usize = 500;

/// The outcome of storing a round and of earlier rounds that were in the spool.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Upload {
    /// The name of the round's check file in the store.
    pub name: CheckFileName,
    /// How many waiting rounds were stored, now or earlier by another checker.
    pub sent_from_spool: usize,
    /// The names of these rounds' check files in the store.
    pub sent: Vec<CheckFileName>,
    /// How many rounds are still waiting.
    pub still_waiting: usize,
    /// Warnings to report even though the round was stored, for example about quarantined rounds or an unreadable
    /// spool.
    pub warnings: Vec<String>,
}

/// Stores a round, after the rounds that are waiting in the spool, oldest first.
///
/// If the store does not accept the round, it is kept in the spool, and the error contains its file; only with
/// [`StoreError::NotKept`] does the caller have the only copy. If the store refuses a waiting round but accepts this
/// one, the waiting round is quarantined: it no longer blocks others, and is not lost.
///
/// While the store is slow, or was unreachable until recently, the round is also kept in the spool, so that it is not
/// lost if the process is killed.
pub async fn store_round(
    store: &Store,
    spool: &Spool,
    name: CheckFileName,
    content: &Bytes,
) -> Result<Upload, StoreError> {
    upload(store, spool, name, content).await
}

/// Writes check files that must not replace existing ones: see [`Store::put`].
trait ObjectWriter: Sync {
    fn put(&self, name: &CheckFileName, content: &Bytes) -> impl Future<Output = Result<(), StoreError>> + Send;
}

impl ObjectWriter for Store {
    async fn put(&self, name: &CheckFileName, content: &Bytes) -> Result<(), StoreError> {
        Store::put(self, name, content.clone()).await
    }
}

/// [`store_round`] with any writer, so that tests can use one that fails or hangs.
async fn upload(
    store: &impl ObjectWriter,
    spool: &Spool,
    name: CheckFileName,
    content: &Bytes,
) -> Result<Upload, StoreError> {
    let mut warnings = Vec::new();
    // An unreadable spool must not prevent the current round from being stored.
    let waiting = spool.waiting().await.unwrap_or_else(|error| {
        warnings.push(error.to_string());
        Vec::new()
    });
    // The file in the spool that contains the round until it is stored.
    let mut kept = if waiting.is_empty() { None } else { spool.keep(&name, content).await.ok() };
    let mut to_send = waiting.iter().take(SPOOL_BATCH);
    let mut sent_from_spool = 0;
    let mut sent = Vec::new();
    let mut stuck = None;
    for old in to_send.by_ref() {
        match send_waiting(store, spool, old, ATTEMPTS).await {
            Ok(stored) => {
                sent_from_spool += 1;
                sent.extend(stored);
            }
            Err(cause) => {
                stuck = Some((old, cause));
                break;
            }
        }
    }
    // Either the store or the stuck round is the problem; storing the current round shows which.
    let attempts = if stuck.as_ref().is_some_and(|(_, cause)| cause.is_transient()) { 1 } else { ATTEMPTS };
    let mut storing = Box::pin(put_with_retries(store, &name, content, attempts));
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
        warnings.push(error.to_string());
    }
    let mut left = 0;
    if let Some((old, cause)) = stuck {
        left += quarantine_if_refused(spool, old, &cause, &mut warnings).await;
        // A second transient error means that the store is slow again, so the remaining rounds keep waiting.
        let mut is_slow = false;
        for old in to_send {
            if is_slow {
                left += 1;
                continue;
            }
            match send_waiting(store, spool, old, 1).await {
                Ok(stored) => {
                    sent_from_spool += 1;
                    sent.extend(stored);
                }
                Err(cause) => {
                    is_slow = cause.is_transient();
                    left += quarantine_if_refused(spool, old, &cause, &mut warnings).await;
                }
            }
        }
    }
    let still_waiting = left + waiting.len().saturating_sub(SPOOL_BATCH);
    Ok(Upload { name: stored, sent_from_spool, sent, still_waiting, warnings })
}

/// Sends a waiting round, and returns its name in the store. The round is removed from the spool only after it is in
/// the store.
async fn send_waiting(
    store: &impl ObjectWriter,
    spool: &Spool,
    name: &CheckFileName,
    attempts: usize,
) -> Result<Option<CheckFileName>, StoreError> {
    // Another checker that shares the spool may have sent it.
    let Some(content) = spool.read(name).await? else { return Ok(None) };
    let stored = put_with_retries(store, name, &content, attempts).await?;
    spool.delete(name).await?;
    Ok(Some(stored))
}

/// Quarantines a waiting round that the store refuses permanently. Adds a warning, and returns the number of rounds
/// that are still waiting (0 or 1).
async fn quarantine_if_refused(
    spool: &Spool,
    name: &CheckFileName,
    cause: &StoreError,
    warnings: &mut Vec<String>,
) -> usize {
    if cause.is_transient() {
        warnings.push(format!("failed to send a waiting round: {cause}; it will be retried next time"));
        return 1;
    }
    match spool.quarantine(name).await {
        Ok(path) => {
            warnings.push(format!(
                "failed to send a waiting round: {cause}; because the store accepts other rounds, this one was moved to `{}`; \
                 move it back to `{}` to send it again",
                path.display(),
                spool.folder().display()
            ));
            0
        }
        Err(error) => {
            warnings.push(format!("failed to send a waiting round: {cause}; it is still waiting: {error}"));
            1
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

/// Stores a check file, retrying transient errors after increasing delays.
async fn put_with_retries(
    store: &impl ObjectWriter,
    name: &CheckFileName,
    content: &Bytes,
    attempts: usize,
) -> Result<CheckFileName, StoreError> {
    let start = tokio::time::Instant::now();
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

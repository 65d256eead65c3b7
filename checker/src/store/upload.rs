//! Stores check files reliably: rounds from the spool first, failures are retried, and what still cannot be stored waits
//! in the [`Spool`].

use std::time::Duration;

use backon::{ExponentialBuilder, Retryable as _};
use bytes::Bytes;
use shared::object_name::CheckFileName;

use super::spool::Spool;
use super::{NAMES_TO_TRY, Store, StoreError, next_name};

/// The number of attempts for one file while the store is busy or unreachable.
const ATTEMPTS: usize = 4;

/// The shortest delay before the second attempt. Each further delay is twice as long; jitter adds up to the same again,
/// so that nodes that failed together do not return together.
const FIRST_DELAY: Duration = Duration::from_millis(125);

/// No attempt starts later than this after the first: other rounds wait for a store that hangs.
const RETRY_WINDOW: Duration = Duration::from_secs(10);

/// How long the store may take before the spool keeps the round, too, in case that the process is killed.
const PATIENCE: Duration = Duration::from_secs(2);

/// The most waiting rounds that are sent before the current one. After a long outage, several rounds together empty the
/// spool, so that none is late by minutes.
const SPOOL_BATCH: usize = 500;

/// The outcome of storing a round and those that waited before it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Upload {
    /// The name of the round's check file in the store.
    pub name: CheckFileName,
    /// How many waiting rounds were stored or already sent by another checker.
    pub sent_from_spool: usize,
    /// The names of these rounds' check files in the store.
    pub sent: Vec<CheckFileName>,
    /// How many rounds still wait.
    pub still_waiting: usize,
    /// Warnings for the operator although the round is stored: quarantined rounds, an unreadable spool.
    pub warnings: Vec<String>,
}

/// Stores a round, after the rounds that wait in the spool, oldest first.
///
/// If the store does not take the round, the spool keeps it, and the error contains the file; only with
/// [`StoreError::NotKept`] does the caller have the only copy. If the store refuses a waiting round but takes this one,
/// the waiting round is quarantined: it blocks nothing and is not lost.
///
/// While the store is slow, or was unreachable until recently, the spool also keeps the round, so that killing the process
/// does not lose it.
pub async fn store_round(
    store: &Store,
    spool: &Spool,
    name: CheckFileName,
    content: &Bytes,
) -> Result<Upload, StoreError> {
    upload(store, spool, name, content).await
}

/// Writes check files that must not replace any: see [`Store::put`].
trait ObjectWriter: Sync {
    fn put(&self, name: &CheckFileName, content: &Bytes) -> impl Future<Output = Result<(), StoreError>> + Send;
}

impl ObjectWriter for Store {
    async fn put(&self, name: &CheckFileName, content: &Bytes) -> Result<(), StoreError> {
        Store::put(self, name, content.clone()).await
    }
}

/// [`store_round`] with any writer.
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
    // The file in the spool that holds the round until it is stored.
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
    // Either the store or the stuck round has a problem; storing the current round shows which.
    let attempts = if stuck.as_ref().is_some_and(|(_, cause)| cause.is_transient()) { 1 } else { ATTEMPTS };
    let mut storing = Box::pin(put_with_retries(store, &name, content, attempts));
    let stored = if let Ok(stored) = tokio::time::timeout(PATIENCE, storing.as_mut()).await {
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
        // A second transient error means that the store is slow again: the remaining rounds wait.
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

/// Sends a waiting round, and returns its name in the store. The round leaves the spool only after the store has it.
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

/// Quarantines a waiting round that the store refuses permanently. Adds a warning, and returns the number of rounds that
/// still wait (0 or 1).
async fn quarantine_if_refused(
    spool: &Spool,
    name: &CheckFileName,
    cause: &StoreError,
    warnings: &mut Vec<String>,
) -> usize {
    if cause.is_transient() {
        warnings.push(format!("a waiting round was not sent: {cause}; it is sent again next time"));
        return 1;
    }
    match spool.quarantine(name).await {
        Ok(path) => {
            warnings.push(format!(
                "a waiting round was not sent: {cause}; because the store takes other rounds, this one was moved to `{}`; \
                 move it back to `{}` to send it again",
                path.display(),
                spool.folder().display()
            ));
            0
        }
        Err(error) => {
            warnings.push(format!("a waiting round was not sent: {cause}; it still waits: {error}"));
            1
        }
    }
}

/// Keeps a round in the spool, once, after the store did not take it. Returns the error for the caller.
pub async fn keep_for_next_time(spool: &Spool, name: &CheckFileName, content: &Bytes, cause: StoreError) -> StoreError {
    let cause = Box::new(cause);
    match spool.keep(name, content).await {
        // An absolute path is valid wherever the operator works.
        Ok(path) => StoreError::Kept { path: std::path::absolute(&path).unwrap_or(path), cause },
        Err(spool_cause) => StoreError::NotKept { cause, spool_cause: Box::new(spool_cause) },
    }
}

/// Stores a check file, and retries transient errors after growing delays.
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

/// Stores a check file under its name, or under the next free nanosecond. Returns the name that it got.
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

/// Stores a check file in tests of other modules.
#[cfg(test)]
pub(crate) async fn put_check_file(
    store: &Store,
    name: &CheckFileName,
    content: impl Into<Bytes>,
) -> Result<CheckFileName, StoreError> {
    put_under_free_name(store, name, &content.into()).await
}

#[cfg(test)]
mod tests {
    use crate::store::settings::{Storage, StoreLocation};
    use crate::store::upload::*;
    use backon::BackoffBuilder as _;
    use std::io;
    use std::path::Path;
    use std::sync::Mutex;

    const SOME_TIME: i64 = 1_795_330_254_340_493_978;

    fn name(step: i64) -> CheckFileName {
        CheckFileName::parse(&format!("{}-a-check.json", SOME_TIME + step)).expect("it is a name")
    }

    fn busy() -> StoreError {
        StoreError::File { task: "write".to_owned(), cause: io::ErrorKind::TimedOut.into() }
    }

    fn refused() -> StoreError {
        StoreError::File { task: "write".to_owned(), cause: io::ErrorKind::PermissionDenied.into() }
    }

    fn spool(directory: &Path) -> Spool {
        Spool::open(
            directory,
            &Storage {
                location: StoreLocation::Directory("checks".into()),
                check_expiry: None,
                history_expiry: shared::DAY,
            },
        )
    }

    /// A store that responds as `answer` does, and records the names.
    struct FakeStore<F> {
        answer: F,
        names: Mutex<Vec<CheckFileName>>,
    }

    impl<F: Fn(usize, &CheckFileName) -> Result<(), StoreError> + Sync> FakeStore<F> {
        fn new(answer: F) -> Self {
            FakeStore { answer, names: Mutex::default() }
        }

        async fn upload(&self, spool: &Spool, step: i64) -> Result<Upload, StoreError> {
            upload(self, spool, name(step), &format!("[{step}]").into()).await
        }

        fn names(&self) -> Vec<CheckFileName> {
            self.names.lock().unwrap().clone()
        }
    }

    impl<F: Fn(usize, &CheckFileName) -> Result<(), StoreError> + Sync> ObjectWriter for FakeStore<F> {
        async fn put(&self, name: &CheckFileName, _: &Bytes) -> Result<(), StoreError> {
            let mut names = self.names.lock().unwrap();
            names.push(name.clone());
            (self.answer)(names.len() - 1, name)
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_busy_store_is_retried() {
        let directory = tempfile::tempdir().unwrap();
        let store = FakeStore::new(|before, _| if before < 3 { Err(busy()) } else { Ok(()) });
        let upload = store.upload(&spool(directory.path()), 0).await.unwrap();
        assert_eq!(store.names(), vec![name(0); 4]);
        let expected = Upload { name: name(0), sent_from_spool: 0, sent: vec![], still_waiting: 0, warnings: vec![] };
        assert_eq!(upload, expected);
    }

    #[tokio::test(start_paused = true)]
    async fn a_round_that_cannot_be_stored_is_sent_first_next_time() {
        let directory = tempfile::tempdir().unwrap();
        let spool = spool(directory.path());
        let down = FakeStore::new(|_, _| Err(busy()));
        for step in 0..2 {
            let error = down.upload(&spool, step).await.unwrap_err();
            assert!(matches!(error, StoreError::Kept { .. }));
            assert!(error.to_string().contains("is kept in") && error.to_string().contains("sent first next time"));
        }
        assert_eq!(spool.waiting().await.unwrap(), [name(0), name(1)]);
        let up = FakeStore::new(|_, _| Ok(()));
        let upload = up.upload(&spool, 2).await.unwrap();
        assert_eq!(upload.sent_from_spool, 2);
        assert_eq!(up.names(), [name(0), name(1), name(2)]);
        assert_eq!(spool.waiting().await.unwrap(), []);
    }

    /// A store that takes this long for every response, and records the spool's content before it.
    struct Slow<'a> {
        takes: Duration,
        answer: fn() -> Result<(), StoreError>,
        spool: &'a Spool,
        seen: Mutex<Vec<(CheckFileName, Vec<CheckFileName>)>>,
    }

    impl ObjectWriter for Slow<'_> {
        async fn put(&self, name: &CheckFileName, _: &Bytes) -> Result<(), StoreError> {
            tokio::time::sleep(self.takes).await;
            let waiting = self.spool.waiting().await.unwrap();
            self.seen.lock().unwrap().push((name.clone(), waiting));
            (self.answer)()
        }
    }

    #[tokio::test(start_paused = true)]
    async fn the_spool_keeps_the_round_while_the_store_hangs() {
        let directory = tempfile::tempdir().unwrap();
        let spool = spool(directory.path());
        let takes = Duration::from_secs(30);
        let store = Slow { takes, answer: || Err(busy()), spool: &spool, seen: Mutex::default() };
        let error = upload(&store, &spool, name(0), &"[]".into()).await.unwrap_err();
        assert!(matches!(error, StoreError::Kept { .. }), "{error}");
        assert_eq!(store.seen.into_inner().unwrap(), [(name(0), vec![name(0)])]);
        assert_eq!(spool.waiting().await.unwrap(), [name(0)], "once and not twice");
    }

    #[tokio::test(start_paused = true)]
    async fn a_round_leaves_the_spool_once_a_slow_store_takes_it() {
        let directory = tempfile::tempdir().unwrap();
        let spool = spool(directory.path());
        let takes = Duration::from_secs(5);
        let store = Slow { takes, answer: || Ok(()), spool: &spool, seen: Mutex::default() };
        let upload = upload(&store, &spool, name(0), &"[]".into()).await.unwrap();
        assert_eq!((upload.name, upload.sent_from_spool, upload.warnings), (name(0), 0, vec![]));
        assert_eq!(spool.waiting().await.unwrap(), []);
    }

    #[tokio::test(start_paused = true)]
    async fn the_spool_keeps_the_round_while_waiting_rounds_are_sent() {
        let directory = tempfile::tempdir().unwrap();
        let spool = spool(directory.path());
        spool.keep(&name(0), &"[0]".into()).await.unwrap();
        let store = Slow { takes: Duration::ZERO, answer: || Ok(()), spool: &spool, seen: Mutex::default() };
        upload(&store, &spool, name(1), &"[1]".into()).await.unwrap();
        let seen = store.seen.into_inner().unwrap();
        assert_eq!(seen, [(name(0), vec![name(0), name(1)]), (name(1), vec![name(1)])]);
        assert_eq!(spool.waiting().await.unwrap(), []);
    }

    #[tokio::test(start_paused = true)]
    async fn a_permanent_error_is_not_retried() {
        let directory = tempfile::tempdir().unwrap();
        let store = FakeStore::new(|_, _| Err(refused()));
        store.upload(&spool(directory.path()), 0).await.unwrap_err();
        assert_eq!(store.names(), [name(0)]);
    }

    #[tokio::test(start_paused = true)]
    async fn a_refused_waiting_round_is_quarantined() {
        let directory = tempfile::tempdir().unwrap();
        let spool = spool(directory.path());
        for step in 0..3 {
            spool.keep(&name(step), &"[]".into()).await.unwrap();
        }
        let store = FakeStore::new(|_, object| if *object == name(1) { Err(refused()) } else { Ok(()) });
        let upload = store.upload(&spool, 3).await.unwrap();
        assert_eq!((upload.name, upload.sent_from_spool, upload.still_waiting), (name(3), 2, 0));
        assert_eq!(spool.waiting().await.unwrap(), []);
        let aside = spool.folder().join("refused").join(name(1).to_string());
        assert!(aside.exists());
        assert!(upload.warnings[0].contains(&*aside.to_string_lossy()), "{:?}", upload.warnings);
    }

    #[tokio::test(start_paused = true)]
    async fn a_waiting_round_that_always_times_out_blocks_no_other() {
        let directory = tempfile::tempdir().unwrap();
        let spool = spool(directory.path());
        for step in 0..3 {
            spool.keep(&name(step), &"[]".into()).await.unwrap();
        }
        let store = FakeStore::new(|_, object| if *object == name(0) { Err(busy()) } else { Ok(()) });
        let upload = store.upload(&spool, 3).await.unwrap();
        assert_eq!((upload.name, upload.sent_from_spool, upload.still_waiting), (name(3), 2, 1));
        assert_eq!(spool.waiting().await.unwrap(), [name(0)]);
    }

    #[tokio::test(start_paused = true)]
    async fn a_store_that_refuses_everything_quarantines_nothing() {
        let directory = tempfile::tempdir().unwrap();
        let spool = spool(directory.path());
        for step in 0..3 {
            spool.keep(&name(step), &"[]".into()).await.unwrap();
        }
        let store = FakeStore::new(|_, _| Err(refused()));
        store.upload(&spool, 3).await.unwrap_err();
        assert_eq!(store.names(), [name(0), name(3)]);
        assert_eq!(spool.waiting().await.unwrap(), [name(0), name(1), name(2), name(3)]);
    }

    #[tokio::test(start_paused = true)]
    async fn without_a_spool_the_error_has_both_causes() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("file");
        std::fs::write(&file, "").unwrap();
        let store = FakeStore::new(|_, _| Err(busy()));
        let error = store.upload(&spool(&file), 0).await.unwrap_err();
        assert!(matches!(error, StoreError::NotKept { .. }));
        let text = error.to_string();
        assert!(text.starts_with("failed to write: ") && text.contains("could not be kept"), "{text}");
        assert!(text.contains("a file is in the way of a directory"), "{text}");
        let up = FakeStore::new(|_, _| Ok(()));
        let upload = up.upload(&spool(&file), 1).await.unwrap();
        assert_eq!((upload.name, upload.warnings.len()), (name(1), 1));
    }

    #[tokio::test(start_paused = true)]
    async fn after_a_long_outage_several_rounds_empty_the_spool() {
        let directory = tempfile::tempdir().unwrap();
        let spool = spool(directory.path());
        std::fs::create_dir_all(spool.folder()).unwrap();
        let waiting = SPOOL_BATCH as i64 + 20;
        for step in 0..waiting {
            std::fs::write(spool.folder().join(name(step).to_string()), "[]").unwrap();
        }
        let store = FakeStore::new(|_, _| Ok(()));
        let first = store.upload(&spool, waiting).await.unwrap();
        assert_eq!((first.sent_from_spool, first.still_waiting), (SPOOL_BATCH, 20));
        let second = store.upload(&spool, waiting + 1).await.unwrap();
        assert_eq!((second.sent_from_spool, second.still_waiting), (20, 0));
    }

    #[test]
    fn storing_a_round_can_be_spawned_as_a_task() {
        fn is_a_task<T: Send>(_: T) {}
        fn proves(store: &Store, spool: &Spool, content: &Bytes) {
            is_a_task(store_round(store, spool, name(0), content));
        }
        let _: fn(&Store, &Spool, &Bytes) = proves;
    }

    #[test]
    fn delays_double_and_have_jitter() {
        for _ in 0..100 {
            let delays: Vec<_> = backoff(ATTEMPTS).build().map(|delay| delay.as_millis()).collect();
            assert_eq!(delays.len(), ATTEMPTS - 1);
            for (delay, (least, most)) in delays.into_iter().zip([(125, 250), (250, 500), (500, 1000)]) {
                assert!((least..=most).contains(&delay), "{delay}");
            }
        }
        assert_eq!(backoff(1).build().count(), 0);
    }

    #[tokio::test(start_paused = true)]
    async fn a_round_gets_the_next_free_name() {
        let directory = tempfile::tempdir().unwrap();
        let exists = || StoreError::AlreadyExists { name: "x".to_owned(), store: "the store".to_owned() };
        let store = FakeStore::new(|_, object| if *object == name(0) { Err(exists()) } else { Ok(()) });
        assert_eq!(store.upload(&spool(directory.path()), 0).await.unwrap().name, name(1));
        let full = FakeStore::new(|_, _| Err(exists()));
        let error = full.upload(&spool(directory.path()), 0).await.unwrap_err();
        assert_eq!(full.names().len(), NAMES_TO_TRY);
        assert!(!error.is_transient() && error.to_string().contains("the same node name"), "{error}");
    }
}

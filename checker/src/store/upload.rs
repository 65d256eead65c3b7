//! Bringing rounds to the store so that none is ever lost: what waits goes first, failures are tried again, and what
//! still cannot be stored waits in the [`Spool`].

use std::time::Duration;

use bytes::Bytes;
use shared::object_name::CheckFileName;

use super::spool::Spool;
use super::{Store, StoreError};

/// How often one file is tried while the store is busy or out of reach.
const TRIES: u32 = 4;

/// How long to wait before the second try; each later wait is twice as long.
const FIRST_WAIT: Duration = Duration::from_millis(250);

/// After this long no further try begins: a store that hangs is not asked again and again while others wait.
const TRYING: Duration = Duration::from_secs(10);

/// How long a store may take before the round is kept in the spool as well, so that it outlives whoever kills us meanwhile.
const PATIENCE: Duration = Duration::from_secs(2);

/// How many waiting rounds are sent at most before this one: after a long outage the store is caught up with over
/// several rounds, instead of this one being late by minutes.
const WAITING_TO_SEND: usize = 500;

/// What became of a round, and of those that waited before it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Delivered {
    /// The name the round really has in the store.
    pub name: CheckFileName,
    /// How many rounds that had waited are in the store now.
    pub sent_from_spool: usize,
    /// The names that these really have in the store.
    pub sent: Vec<CheckFileName>,
    /// How many rounds wait still.
    pub still_waiting: usize,
    /// What a person should know although the round is stored, each a fragment that fits after "failed to":
    /// rounds that were set aside, a spool that cannot be read.
    pub concerns: Vec<String>,
}

/// Stores a round, and what waits before it, oldest first.
///
/// If the store cannot take the round, it is kept in the spool and the error says so; only
/// [`StoreError::NotKept`] leaves the caller with the only copy. A waiting round that the store refuses while it
/// takes this one is set aside in the spool and told of, so that it blocks nothing and is not lost.
///
/// While the store is slow, or was out of reach of late, the round is in the spool, too: whoever ends this process does not
/// lose it.
pub async fn store_round(
    store: &Store,
    spool: &Spool,
    name: CheckFileName,
    content: &Bytes,
) -> Result<Delivered, StoreError> {
    deliver(store, spool, name, content).await
}

/// What can store one check file, as [`Store::put_check_file`] does.
trait Put: Sync {
    fn put(
        &self,
        name: &CheckFileName,
        content: &Bytes,
    ) -> impl Future<Output = Result<CheckFileName, StoreError>> + Send;
}

impl Put for Store {
    async fn put(&self, name: &CheckFileName, content: &Bytes) -> Result<CheckFileName, StoreError> {
        self.put_check_file(name, content).await
    }
}

/// [`store_round`] with anything that can store a check file.
async fn deliver(
    store: &impl Put,
    spool: &Spool,
    name: CheckFileName,
    content: &Bytes,
) -> Result<Delivered, StoreError> {
    let mut concerns = Vec::new();
    // A spool that cannot be read must not keep the newest round from the store.
    let waiting = spool.waiting().await.unwrap_or_else(|error| {
        concerns.push(error.to_string());
        Vec::new()
    });
    // The file in which the round waits while it may still be stored; it is forgotten then.
    let mut kept = if waiting.is_empty() { None } else { spool.keep(&name, content).await.ok() };
    let mut to_send = waiting.iter().take(WAITING_TO_SEND);
    let mut sent_from_spool = 0;
    let mut sent = Vec::new();
    let mut stuck = None;
    for old in to_send.by_ref() {
        match send_waiting(store, spool, old, TRIES).await {
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
    // If an old round is stuck, the store may be at fault or that round: this one tells.
    let tries = if stuck.as_ref().is_some_and(|(_, cause)| cause.is_passing()) { 1 } else { TRIES };
    let mut storing = Box::pin(with_retries(store, &name, content, tries));
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
        && let Err(error) = spool.forget_at(path).await
    {
        concerns.push(error.to_string());
    }
    let mut left = 0;
    if let Some((old, cause)) = stuck {
        left += set_aside_if_refused(spool, old, &cause, &mut concerns).await;
        // A second one that only time can help means that the store is slow again: the rest waits.
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
                    is_slow = cause.is_passing();
                    left += set_aside_if_refused(spool, old, &cause, &mut concerns).await;
                }
            }
        }
    }
    let still_waiting = left + waiting.len().saturating_sub(WAITING_TO_SEND);
    Ok(Delivered { name: stored, sent_from_spool, sent, still_waiting, concerns })
}

/// Sends a round that waits, and says which name it has now; it leaves the spool only after the store has it.
async fn send_waiting(
    store: &impl Put,
    spool: &Spool,
    name: &CheckFileName,
    tries: u32,
) -> Result<Option<CheckFileName>, StoreError> {
    // Another checker with this spool may have been quicker.
    let Some(content) = spool.read(name).await? else { return Ok(None) };
    let stored = with_retries(store, name, &content, tries).await?;
    spool.forget(name).await?;
    Ok(Some(stored))
}

/// Sets a round aside if the store refuses it for good, and says so; returns how many rounds wait because of it.
async fn set_aside_if_refused(
    spool: &Spool,
    name: &CheckFileName,
    cause: &StoreError,
    concerns: &mut Vec<String>,
) -> usize {
    if cause.is_passing() {
        concerns.push(format!("a waiting round was not sent: {cause}; it is sent again next time"));
        return 1;
    }
    match spool.set_aside(name).await {
        Ok(path) => {
            concerns.push(format!(
                "a waiting round was not sent: {cause}; since the store takes other rounds, this one is set aside in `{}`; \
                 move it back to `{}` to send it again",
                path.display(),
                spool.folder().display()
            ));
            0
        }
        Err(error) => {
            concerns.push(format!("a waiting round was not sent: {cause}; it still waits: {error}"));
            1
        }
    }
}

/// Keeps a round that is not in the store, and says so. One that waits in the spool already, waits there once.
pub async fn keep_for_next_time(spool: &Spool, name: &CheckFileName, content: &Bytes, cause: StoreError) -> StoreError {
    let cause = Box::new(cause);
    match spool.keep(name, content).await {
        // A path as a person can use it from anywhere.
        Ok(path) => StoreError::Kept { path: std::path::absolute(&path).unwrap_or(path), cause },
        Err(spool_cause) => StoreError::NotKept { cause, spool_cause: Box::new(spool_cause) },
    }
}

/// Stores one file; as long as what fails may pass, it is tried again after a wait.
async fn with_retries(
    store: &impl Put,
    name: &CheckFileName,
    content: &Bytes,
    tries: u32,
) -> Result<CheckFileName, StoreError> {
    let mut count = 1;
    let start = tokio::time::Instant::now();
    loop {
        match store.put(name, content).await {
            Err(error) if error.is_passing() && count < tries && start.elapsed() < TRYING => {
                tokio::time::sleep(wait_after(count, jitter(name, count))).await;
                count += 1;
            }
            done => return done,
        }
    }
}

/// How long to wait after a number of tries, by a jitter from 0 to 1: half of the wait is fixed, half is chance.
fn wait_after(tried: u32, jitter: f64) -> Duration {
    let whole = FIRST_WAIT * 2_u32.saturating_pow(tried.saturating_sub(1));
    whole / 2 + whole.mul_f64(jitter.clamp(0.0, 1.0) / 2.0)
}

/// Some number from 0 to 1, so that nodes that failed together do not come back together. A hash seeded by the
/// process is chance enough for that.
fn jitter(name: &CheckFileName, tried: u32) -> f64 {
    use std::hash::BuildHasher as _;
    let hash = std::collections::hash_map::RandomState::new().hash_one((name, tried));
    hash as f64 / u64::MAX as f64
}

#[cfg(test)]
mod tests {
    use crate::store::settings::{Storage, StoreLocation};
    use crate::store::upload::*;
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

    /// A store that does what `answer` says, and the names it was asked for.
    struct Told<F> {
        answer: F,
        asked: Mutex<Vec<CheckFileName>>,
    }

    impl<F: Fn(usize, &CheckFileName) -> Result<(), StoreError> + Sync> Told<F> {
        fn new(answer: F) -> Self {
            Told { answer, asked: Mutex::default() }
        }

        async fn deliver(&self, spool: &Spool, step: i64) -> Result<Delivered, StoreError> {
            deliver(self, spool, name(step), &format!("[{step}]").into()).await
        }

        fn asked(&self) -> Vec<CheckFileName> {
            self.asked.lock().unwrap().clone()
        }
    }

    impl<F: Fn(usize, &CheckFileName) -> Result<(), StoreError> + Sync> Put for Told<F> {
        async fn put(&self, name: &CheckFileName, _: &Bytes) -> Result<CheckFileName, StoreError> {
            let mut asked = self.asked.lock().unwrap();
            asked.push(name.clone());
            (self.answer)(asked.len() - 1, name).map(|()| name.clone())
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_busy_store_is_asked_again() {
        let directory = tempfile::tempdir().unwrap();
        let store = Told::new(|before, _| if before < 3 { Err(busy()) } else { Ok(()) });
        let delivered = store.deliver(&spool(directory.path()), 0).await.unwrap();
        assert_eq!(store.asked(), vec![name(0); 4]);
        let expected =
            Delivered { name: name(0), sent_from_spool: 0, sent: vec![], still_waiting: 0, concerns: vec![] };
        assert_eq!(delivered, expected);
    }

    #[tokio::test(start_paused = true)]
    async fn a_round_that_cannot_be_stored_waits_and_goes_first_next_time() {
        let directory = tempfile::tempdir().unwrap();
        let spool = spool(directory.path());
        let down = Told::new(|_, _| Err(busy()));
        for step in 0..2 {
            let error = down.deliver(&spool, step).await.unwrap_err();
            assert!(matches!(error, StoreError::Kept { .. }));
            assert!(error.to_string().contains("is kept in") && error.to_string().contains("sent first next time"));
        }
        assert_eq!(spool.waiting().await.unwrap(), [name(0), name(1)]);
        let up = Told::new(|_, _| Ok(()));
        let delivered = up.deliver(&spool, 2).await.unwrap();
        assert_eq!(delivered.sent_from_spool, 2);
        assert_eq!(up.asked(), [name(0), name(1), name(2)]);
        assert_eq!(spool.waiting().await.unwrap(), []);
    }

    /// A store that takes this long for every answer, and looks into the spool before it gives one.
    struct Slow<'a> {
        takes: Duration,
        answer: fn() -> Result<(), StoreError>,
        spool: &'a Spool,
        seen: Mutex<Vec<(CheckFileName, Vec<CheckFileName>)>>,
    }

    impl Put for Slow<'_> {
        async fn put(&self, name: &CheckFileName, _: &Bytes) -> Result<CheckFileName, StoreError> {
            tokio::time::sleep(self.takes).await;
            let waiting = self.spool.waiting().await.unwrap();
            self.seen.lock().unwrap().push((name.clone(), waiting));
            (self.answer)().map(|()| name.clone())
        }
    }

    #[tokio::test(start_paused = true)]
    async fn while_a_store_hangs_the_round_is_in_the_spool_and_the_store_is_not_asked_again() {
        let directory = tempfile::tempdir().unwrap();
        let spool = spool(directory.path());
        let takes = Duration::from_secs(30);
        let store = Slow { takes, answer: || Err(busy()), spool: &spool, seen: Mutex::default() };
        let error = deliver(&store, &spool, name(0), &"[]".into()).await.unwrap_err();
        assert!(matches!(error, StoreError::Kept { .. }), "{error}");
        assert_eq!(store.seen.into_inner().unwrap(), [(name(0), vec![name(0)])]);
        assert_eq!(spool.waiting().await.unwrap(), [name(0)], "once and not twice");
    }

    #[tokio::test(start_paused = true)]
    async fn a_round_that_a_slow_store_takes_in_the_end_waits_no_more() {
        let directory = tempfile::tempdir().unwrap();
        let spool = spool(directory.path());
        let takes = Duration::from_secs(5);
        let store = Slow { takes, answer: || Ok(()), spool: &spool, seen: Mutex::default() };
        let delivered = deliver(&store, &spool, name(0), &"[]".into()).await.unwrap();
        assert_eq!((delivered.name, delivered.sent_from_spool, delivered.concerns), (name(0), 0, vec![]));
        assert_eq!(spool.waiting().await.unwrap(), []);
    }

    #[tokio::test(start_paused = true)]
    async fn while_others_wait_the_round_is_in_the_spool_before_any_is_sent() {
        let directory = tempfile::tempdir().unwrap();
        let spool = spool(directory.path());
        spool.keep(&name(0), &"[0]".into()).await.unwrap();
        let store = Slow { takes: Duration::ZERO, answer: || Ok(()), spool: &spool, seen: Mutex::default() };
        deliver(&store, &spool, name(1), &"[1]".into()).await.unwrap();
        let seen = store.seen.into_inner().unwrap();
        assert_eq!(seen, [(name(0), vec![name(0), name(1)]), (name(1), vec![name(1)])]);
        assert_eq!(spool.waiting().await.unwrap(), []);
    }

    #[tokio::test(start_paused = true)]
    async fn what_cannot_pass_is_not_asked_again() {
        let directory = tempfile::tempdir().unwrap();
        let store = Told::new(|_, _| Err(refused()));
        store.deliver(&spool(directory.path()), 0).await.unwrap_err();
        assert_eq!(store.asked(), [name(0)]);
    }

    #[tokio::test(start_paused = true)]
    async fn a_waiting_round_that_the_store_refuses_blocks_nothing_and_is_not_lost() {
        let directory = tempfile::tempdir().unwrap();
        let spool = spool(directory.path());
        for step in 0..3 {
            spool.keep(&name(step), &"[]".into()).await.unwrap();
        }
        let store = Told::new(|_, asked| if *asked == name(1) { Err(refused()) } else { Ok(()) });
        let delivered = store.deliver(&spool, 3).await.unwrap();
        assert_eq!((delivered.name, delivered.sent_from_spool, delivered.still_waiting), (name(3), 2, 0));
        assert_eq!(spool.waiting().await.unwrap(), []);
        let aside = spool.folder().join("refused").join(name(1).to_string());
        assert!(aside.exists());
        assert!(delivered.concerns[0].contains(&*aside.to_string_lossy()), "{:?}", delivered.concerns);
    }

    #[tokio::test(start_paused = true)]
    async fn a_waiting_round_that_always_times_out_blocks_nothing_and_keeps_waiting() {
        let directory = tempfile::tempdir().unwrap();
        let spool = spool(directory.path());
        for step in 0..3 {
            spool.keep(&name(step), &"[]".into()).await.unwrap();
        }
        let store = Told::new(|_, asked| if *asked == name(0) { Err(busy()) } else { Ok(()) });
        let delivered = store.deliver(&spool, 3).await.unwrap();
        assert_eq!((delivered.name, delivered.sent_from_spool, delivered.still_waiting), (name(3), 2, 1));
        assert_eq!(spool.waiting().await.unwrap(), [name(0)]);
    }

    #[tokio::test(start_paused = true)]
    async fn a_store_that_refuses_everything_sets_nothing_aside() {
        let directory = tempfile::tempdir().unwrap();
        let spool = spool(directory.path());
        for step in 0..3 {
            spool.keep(&name(step), &"[]".into()).await.unwrap();
        }
        let store = Told::new(|_, _| Err(refused()));
        store.deliver(&spool, 3).await.unwrap_err();
        assert_eq!(store.asked(), [name(0), name(3)]);
        assert_eq!(spool.waiting().await.unwrap(), [name(0), name(1), name(2), name(3)]);
    }

    #[tokio::test(start_paused = true)]
    async fn without_a_spool_the_caller_learns_both_causes() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("file");
        std::fs::write(&file, "").unwrap();
        let store = Told::new(|_, _| Err(busy()));
        let error = store.deliver(&spool(&file), 0).await.unwrap_err();
        assert!(matches!(error, StoreError::NotKept { .. }));
        let text = error.to_string();
        assert!(text.starts_with("failed to write: ") && text.contains("could not be kept"), "{text}");
        assert!(text.contains("a file stands where a directory is needed"), "{text}");
        let up = Told::new(|_, _| Ok(()));
        let delivered = up.deliver(&spool(&file), 1).await.unwrap();
        assert_eq!((delivered.name, delivered.concerns.len()), (name(1), 1));
    }

    #[tokio::test(start_paused = true)]
    async fn a_long_outage_is_caught_up_with_over_several_rounds() {
        let directory = tempfile::tempdir().unwrap();
        let spool = spool(directory.path());
        std::fs::create_dir_all(spool.folder()).unwrap();
        let waiting = WAITING_TO_SEND as i64 + 20;
        for step in 0..waiting {
            std::fs::write(spool.folder().join(name(step).to_string()), "[]").unwrap();
        }
        let store = Told::new(|_, _| Ok(()));
        let first = store.deliver(&spool, waiting).await.unwrap();
        assert_eq!((first.sent_from_spool, first.still_waiting), (WAITING_TO_SEND, 20));
        let second = store.deliver(&spool, waiting + 1).await.unwrap();
        assert_eq!((second.sent_from_spool, second.still_waiting), (20, 0));
    }

    #[test]
    fn delivering_may_be_a_task_of_its_own() {
        fn is_a_task<T: Send>(_: T) {}
        fn proves(store: &Store, spool: &Spool, content: &Bytes) {
            is_a_task(store_round(store, spool, name(0), content));
        }
        let _: fn(&Store, &Spool, &Bytes) = proves;
    }

    #[test]
    fn waits_double_and_vary_by_half() {
        for (tried, least, most) in [(1, 125, 250), (2, 250, 500), (3, 500, 1000)] {
            assert_eq!(wait_after(tried, 0.0), Duration::from_millis(least));
            assert_eq!(wait_after(tried, 1.0), Duration::from_millis(most));
        }
        assert!((0.0..=1.0).contains(&jitter(&name(0), 1)));
    }
}

use crate::store::settings::{Storage, StoreLocation};
use crate::store::upload::*;
use backon::BackoffBuilder as _;
use shared::object_name::NodeName;
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
        &NodeName::new("a").expect("it is a name"),
    )
}

/// A store that responds as `answer` does, and records the names of the objects.
struct FakeStore<F> {
    answer: F,
    names: Mutex<Vec<CheckFileName>>,
}

impl<F: Fn(usize, &CheckFileName) -> Result<(), StoreError> + Sync> FakeStore<F> {
    fn new(answer: F) -> Self {
        FakeStore { answer, names: Mutex::default() }
    }

    async fn upload(&self, spool: &Spool, step: i64) -> Result<Upload, StoreError> {
        upload(self, spool, name(step), &format!("[{step}]").into(), None).await
    }

    fn names(&self) -> Vec<CheckFileName> {
        self.names.lock().unwrap().clone()
    }
}

impl<F: Fn(usize, &CheckFileName) -> Result<(), StoreError> + Sync> ObjectWriter for FakeStore<F> {
    fn describe(&self) -> String {
        "the store".to_owned()
    }

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
        assert!(error.to_string().contains("is kept in") && error.to_string().contains("sent before the next one"));
    }
    assert_eq!(spool.waiting().await.unwrap(), [name(0), name(1)]);
    let up = FakeStore::new(|_, _| Ok(()));
    let upload = up.upload(&spool, 2).await.unwrap();
    assert_eq!(upload.sent_from_spool, 2);
    assert_eq!(up.names(), [name(0), name(1), name(2)]);
    assert_eq!(spool.waiting().await.unwrap(), []);
}

/// A store that takes this long for each response, and records the spool's contents before it responds.
struct Slow<'a> {
    takes: Duration,
    answer: fn() -> Result<(), StoreError>,
    spool: &'a Spool,
    seen: Mutex<Vec<(CheckFileName, Vec<CheckFileName>)>>,
}

impl ObjectWriter for Slow<'_> {
    fn describe(&self) -> String {
        "the store".to_owned()
    }

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
    let error = upload(&store, &spool, name(0), &"[]".into(), None).await.unwrap_err();
    assert!(matches!(error, StoreError::Kept { .. }), "{error}");
    assert_eq!(store.seen.into_inner().unwrap(), [(name(0), vec![name(0)])]);
    assert_eq!(spool.waiting().await.unwrap(), [name(0)], "once and not twice");
}

#[tokio::test(start_paused = true)]
async fn a_round_leaves_the_spool_once_a_slow_store_accepts_it() {
    let directory = tempfile::tempdir().unwrap();
    let spool = spool(directory.path());
    let takes = Duration::from_secs(5);
    let store = Slow { takes, answer: || Ok(()), spool: &spool, seen: Mutex::default() };
    let upload = upload(&store, &spool, name(0), &"[]".into(), None).await.unwrap();
    assert_eq!((upload.name, upload.sent_from_spool, upload.warnings), (name(0), 0, vec![]));
    assert_eq!(spool.waiting().await.unwrap(), []);
}

#[tokio::test(start_paused = true)]
async fn the_spool_keeps_the_round_while_waiting_rounds_are_sent() {
    let directory = tempfile::tempdir().unwrap();
    let spool = spool(directory.path());
    spool.keep(&name(0), &"[0]".into()).await.unwrap();
    let store = Slow { takes: Duration::ZERO, answer: || Ok(()), spool: &spool, seen: Mutex::default() };
    upload(&store, &spool, name(1), &"[1]".into(), None).await.unwrap();
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
async fn a_round_that_always_times_out_does_not_block_others() {
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
    assert!(text.contains("a file exists where a directory is expected"), "{text}");
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
        is_a_task(store_round(store, spool, name(0), content, None));
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

#[tokio::test(start_paused = true)]
async fn a_store_that_never_answers_delays_a_round_only_up_to_a_limit() {
    let directory = tempfile::tempdir().unwrap();
    let spool = spool(directory.path());
    let store = Slow { takes: Duration::from_hours(1), answer: || Ok(()), spool: &spool, seen: Mutex::default() };
    let start = Instant::now();
    let error = upload(&store, &spool, name(0), &"[]".into(), None).await.unwrap_err();
    assert!(error.to_string().starts_with("the store did not store `"), "{error}");
    assert!(matches!(error, StoreError::Kept { .. }) && error.is_transient());
    assert!(start.elapsed() <= ROUND_TIMEOUT + SPOOL_AFTER, "{:?}", start.elapsed());
    assert_eq!(spool.waiting().await.unwrap(), [name(0)]);
}

#[tokio::test(start_paused = true)]
async fn a_slow_store_delays_a_round_only_up_to_a_limit_for_waiting_rounds() {
    let directory = tempfile::tempdir().unwrap();
    let spool = spool(directory.path());
    for step in 0..50 {
        spool.keep(&name(step), &"[]".into()).await.unwrap();
    }
    let takes = Duration::from_secs(8);
    let store = Slow { takes, answer: || Ok(()), spool: &spool, seen: Mutex::default() };
    let start = Instant::now();
    let upload = upload(&store, &spool, name(50), &"[]".into(), None).await.unwrap();
    assert_eq!((upload.name, upload.sent_from_spool, upload.still_waiting), (name(50), 4, 46));
    assert!(start.elapsed() <= SPOOL_TIME + 2 * takes, "{:?}", start.elapsed());
    assert_eq!(spool.waiting().await.unwrap().len(), 46, "the round left the spool, and the others wait");
}

#[tokio::test(start_paused = true)]
async fn a_round_that_is_already_kept_is_sent_once() {
    let directory = tempfile::tempdir().unwrap();
    let spool = spool(directory.path());
    spool.keep(&name(0), &"[0]".into()).await.unwrap();
    let kept = spool.keep(&name(1), &"[1]".into()).await.unwrap();
    let store = FakeStore::new(|_, _| Ok(()));
    let upload = upload(&store, &spool, name(1), &"[1]".into(), Some(kept)).await.unwrap();
    assert_eq!((store.names(), upload.sent_from_spool), (vec![name(0), name(1)], 1));
    assert_eq!(spool.waiting().await.unwrap(), []);
}

#[tokio::test(start_paused = true)]
async fn invalid_files_are_quarantined_and_not_sent() {
    let directory = tempfile::tempdir().unwrap();
    let spool = spool(directory.path());
    spool.keep(&name(1), &"[1]".into()).await.unwrap();
    std::os::unix::fs::symlink("/etc/passwd", spool.folder().join(name(0).to_string())).unwrap();
    std::fs::write(spool.folder().join(name(2).to_string()), "half").unwrap();
    let store = FakeStore::new(|_, _| Ok(()));
    let upload = store.upload(&spool, 3).await.unwrap();
    assert_eq!((store.names(), upload.sent_from_spool), (vec![name(1), name(3)], 1));
    assert!(upload.warnings[0].contains("not a regular file"), "{:?}", upload.warnings);
    assert!(upload.warnings[1].contains("invalid check file"), "{:?}", upload.warnings);
    assert_eq!(spool.waiting().await.unwrap(), []);
}

#[tokio::test(start_paused = true)]
async fn rounds_of_other_nodes_stay_and_are_named() {
    let directory = tempfile::tempdir().unwrap();
    let spool = spool(directory.path());
    let others = ["", "b-", "a-2-"].map(|node| format!("{SOME_TIME}-{node}check.json"));
    for name in &others {
        spool.keep(&CheckFileName::parse(name).unwrap(), &"[]".into()).await.unwrap();
    }
    spool.keep(&name(0), &"[0]".into()).await.unwrap();
    let store = FakeStore::new(|_, _| Ok(()));
    let upload = store.upload(&spool, 1).await.unwrap();
    assert_eq!((store.names(), upload.still_waiting), (vec![name(0), name(1)], 0));
    let [warning] = upload.warnings.as_slice() else { panic!("{:?}", upload.warnings) };
    assert!(warning.contains(&format!("contains 3 rounds from other nodes (such as `{SOME_TIME}-")), "{warning}");
    assert!(others.iter().all(|name| spool.folder().join(name).exists()));
}

#[tokio::test(start_paused = true)]
async fn a_round_that_the_page_does_not_load_is_stored_with_a_warning() {
    let directory = tempfile::tempdir().unwrap();
    let spool = spool(directory.path());
    let store = FakeStore::new(|_, _| Ok(()));
    for (size, warnings) in [(8 << 20, 0), ((8 << 20) + 1, 1)] {
        let content = Bytes::from(vec![b' '; size]);
        let upload = upload(&store, &spool, name(0), &content, None).await.unwrap();
        assert_eq!(upload.warnings.len(), warnings, "{:?}", upload.warnings);
        assert!(upload.warnings.iter().all(|warning| warning.contains("--shard")), "{:?}", upload.warnings);
    }
}

//! Tests of a directory store, including many concurrent writers.

use std::fs::{self, File};
use std::time::{Duration, SystemTime};

use shared::UnixNanos;
use shared::object_name::{CheckFileName, HEARTBEAT_FOLDER, HeartbeatName, HistoryName, INDEX};

use super::files::{LOCK, lock};
use super::folder::Folder;
use super::*;
use crate::store::object::ObjectName;
use crate::store::{NAMES_TO_TRY, Store, upload};

const SOME_TIME: UnixNanos = 1_795_330_254_340_493_978;

fn name(stored_at: UnixNanos, node: &str) -> CheckFileName {
    CheckFileName::parse(&format!("{stored_at}-{node}-check.json")).expect("it is a name")
}

async fn store() -> (tempfile::TempDir, DirectoryStore) {
    let directory = tempfile::tempdir().unwrap();
    let store = DirectoryStore::open(directory.path().join("checks")).await;
    (directory, store)
}

/// Stores a check file under its name or the next free one.
async fn put(store: &DirectoryStore, name: &CheckFileName, content: &str) -> Result<CheckFileName, StoreError> {
    upload::put_check_file(&Store::Directory(store.clone()), name, content.to_owned()).await
}

async fn get(store: &DirectoryStore, name: &impl ObjectName) -> Result<Option<Vec<u8>>, StoreError> {
    store.get(Object::new(name)).await
}

async fn check_files(store: &DirectoryStore, listing: Listing) -> Vec<CheckFileName> {
    store.list(listing).await.unwrap()
}

fn indexed(store: &DirectoryStore) -> Vec<CheckFileName> {
    index::parse(&fs::read(store.path.join(INDEX)).unwrap()).into_keys().collect()
}

/// Returns the files in the directory that are neither check files nor belong to the store.
fn foreign(store: &DirectoryStore) -> Vec<String> {
    let mut names: Vec<_> =
        fs::read_dir(&store.path).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.retain(|name| CheckFileName::parse(name).is_none() && name != INDEX && name != LOCK);
    names.sort();
    names
}

#[tokio::test]
async fn stored_check_files_can_be_listed_and_read() {
    let (_directory, store) = store().await;
    let (late, early) = (name(SOME_TIME + 5, "a"), name(SOME_TIME, "b"));
    for (name, content) in [(&late, "[1]"), (&early, "[2]")] {
        assert_eq!(&put(&store, name, content).await.unwrap(), name);
    }
    assert_eq!(check_files(&store, Listing::all()).await, [early.clone(), late.clone()]);
    assert_eq!(check_files(&store, Listing::since(SOME_TIME + 1)).await, std::slice::from_ref(&late));
    assert_eq!(check_files(&store, Listing::until(SOME_TIME + 4)).await, std::slice::from_ref(&early));
    assert_eq!(indexed(&store), [early.clone(), late.clone()]);
    assert_eq!(get(&store, &early).await.unwrap().as_deref(), Some(b"[2]".as_slice()));
    assert_eq!(get(&store, &name(1_000_000_000_000_000_000, "b")).await.unwrap(), None);
}

#[tokio::test]
async fn a_round_gets_the_next_nanosecond_if_its_name_is_taken() {
    let (_directory, store) = store().await;
    let wanted = name(SOME_TIME, "a");
    put(&store, &wanted, "[1]").await.unwrap();
    let second = put(&store, &wanted, "[2]").await.unwrap();
    assert_eq!(second, name(SOME_TIME + 1, "a"));
    assert_eq!(get(&store, &wanted).await.unwrap().as_deref(), Some(b"[1]".as_slice()));
}

#[tokio::test]
async fn storing_the_same_round_again_changes_nothing() {
    let (_directory, store) = store().await;
    let wanted = name(SOME_TIME, "a");
    for _ in 0..2 {
        assert_eq!(put(&store, &wanted, "[1]").await.unwrap(), wanted);
    }
    assert_eq!(indexed(&store), [wanted]);
}

#[tokio::test]
async fn only_regular_files_are_read() {
    use std::os::unix::fs::{PermissionsExt as _, symlink};
    let (outside, store) = store().await;
    let names: Vec<CheckFileName> = (0..5).map(|step| name(SOME_TIME + step, "a")).collect();
    let path = |index: usize| store.path.join(names[index].to_string());
    fs::write(path(0), "[0]").unwrap();
    fs::create_dir(path(1)).unwrap();
    fs::write(outside.path().join("secret"), "secret").unwrap();
    symlink(outside.path().join("secret"), path(2)).unwrap();
    rustix::fs::mkfifoat(rustix::fs::CWD, path(3), rustix::fs::Mode::RUSR).unwrap();
    fs::write(path(4), "[4]").unwrap();
    for odd in &names[1..4] {
        assert_eq!(get(&store, odd).await.unwrap(), None, "{odd}");
    }
    let read = store.get_batch(&names, None).await.unwrap().objects;
    assert_eq!(read, [(names[0].clone(), Ok(b"[0]".to_vec())), (names[4].clone(), Ok(b"[4]".to_vec()))]);

    fs::set_permissions(path(4), fs::Permissions::from_mode(0o0)).unwrap();
    let read = store.get_batch(&names, None).await.unwrap().objects;
    assert_eq!(read[0].1.as_deref(), Ok(b"[0]".as_slice()));
    // Root can read every file regardless of its permissions.
    if fs::read(path(4)).is_err() {
        assert!(read[1].1.as_ref().is_err_and(|why| why.contains("permission denied")), "{read:?}");
    }
}

#[tokio::test]
async fn large_objects_are_read_in_several_batches() {
    let (_directory, store) = store().await;
    let names: Vec<CheckFileName> = (0..4).map(|step| name(SOME_TIME + step, "a")).collect();
    for name in &names {
        fs::File::create(store.path.join(name.to_string())).and_then(|file| file.set_len(30 << 20)).unwrap();
    }
    let (batch, next) =
        (store.get_batch(&names, None).await.unwrap(), store.get_batch(&names[1..], None).await.unwrap());
    assert_eq!((batch.names, batch.objects.len(), next.names, next.objects.len()), (1, 1, 1, 1));
    // A file that is too large for any batch is named, and the next one is read.
    fs::File::create(store.path.join(names[1].to_string())).and_then(|file| file.set_len(1 << 30)).unwrap();
    fs::write(store.path.join(names[2].to_string()), "[]").unwrap();
    let read = store.get_batch(&names[1..3], None).await.unwrap().objects;
    assert!(read[0].1.as_ref().is_err_and(|why| why.contains("32 MiB")), "{read:?}");
    assert_eq!(read[1].1.as_deref(), Ok(b"[]".as_slice()));
    let missing = store.get_batch(&[name(SOME_TIME + 9, "a")], None).await.unwrap();
    assert_eq!((missing.objects.len(), missing.names), (0, 1));
}

#[tokio::test]
async fn if_all_names_are_taken_storing_fails() {
    let (_directory, store) = store().await;
    for step in 0..NAMES_TO_TRY as i64 {
        fs::write(store.path.join(name(SOME_TIME + step, "a").to_string()), "[0]").unwrap();
    }
    let error = put(&store, &name(SOME_TIME, "a"), "[1]").await.unwrap_err();
    assert!(error.to_string().contains("the same node name"), "{error}");
    assert!(!error.is_transient());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn concurrent_writers_lose_nothing() {
    let (_directory, store) = store().await;
    let mut writers = tokio::task::JoinSet::new();
    for writer in 0..10 {
        // Each writer opens the directory, as separate processes would. Half of them use the same names.
        let store = DirectoryStore::open(store.path.clone()).await;
        writers.spawn(async move {
            for round in 0..20 {
                let node = if writer % 2 == 0 { "same".to_owned() } else { format!("node-{writer}") };
                let content = format!("[{writer}, {round}]");
                let wanted = name(SOME_TIME + round * 1000, &node);
                // On a busy disk, a writer may wait too long for the lock; a checker would retry.
                while let Err(error) = put(&store, &wanted, &content).await {
                    assert!(error.is_transient(), "{error}");
                }
            }
        });
    }
    writers.join_all().await;
    let names = check_files(&store, Listing::all()).await;
    assert_eq!(indexed(&store), names);
    let mut contents = std::collections::BTreeSet::new();
    for name in &names {
        contents.insert(get(&store, name).await.unwrap().unwrap());
    }
    assert_eq!((names.len(), contents.len()), (200, 200));
    assert_eq!(foreign(&store), [""; 0], "no temporary file is left");
}

#[tokio::test]
async fn storing_corrects_the_index_and_keeps_other_files() {
    let (_directory, store) = store().await;
    let originals = CheckFileName { stored_at: SOME_TIME, node: None };
    let path = |name: &str| store.path.join(name);
    fs::write(path(&originals.to_string()), "[]").unwrap();
    fs::write(path("notes.txt"), "mine").unwrap();
    fs::write(path(".hidden.tmp"), "mine, too").unwrap();
    fs::write(path(INDEX), format!("{{\"{originals}\":7,\"{}\":8}}", name(SOME_TIME, "gone"))).unwrap();
    let ours = name(SOME_TIME + 1, "a");
    put(&store, &ours, "[1]").await.unwrap();
    let index = index::parse(&fs::read(path(INDEX)).unwrap());
    assert_eq!(index.into_iter().collect::<Vec<_>>(), [(originals, 7), (ours, SOME_TIME + 1)]);
    fs::write(path(INDEX), "{\"17953").unwrap();
    put(&store, &name(SOME_TIME + 2, "a"), "[2]").await.unwrap();
    assert_eq!(indexed(&store).len(), 3);
    assert_eq!(foreign(&store), [".hidden.tmp", "notes.txt"]);
}

#[tokio::test]
async fn temporary_files_of_crashed_writers_are_deleted() {
    let (_directory, store) = store().await;
    let stale = store.path.join(".checkup-0123456789abcdef.tmp");
    fs::write(&stale, "half").unwrap();
    let long_ago = SystemTime::now() - Duration::from_hours(2);
    File::options().write(true).open(&stale).unwrap().set_modified(long_ago).unwrap();
    put(&store, &name(SOME_TIME, "a"), "[1]").await.unwrap();
    assert_eq!(foreign(&store), [""; 0]);
}

#[tokio::test]
async fn deletion_removes_files_and_index_entries_only() {
    let (_directory, store) = store().await;
    let all: Vec<_> = (0..30).map(|step| name(SOME_TIME + step, "a")).collect();
    for name in &all {
        put(&store, name, "[]").await.unwrap();
    }
    fs::write(store.path.join("notes.txt"), "mine").unwrap();
    fs::remove_file(store.path.join(all[3].to_string())).unwrap();
    assert_eq!(store.delete(&all[..10]).await.deleted, 10);
    assert_eq!(check_files(&store, Listing::all()).await, all[10..]);
    assert_eq!(indexed(&store), all[10..]);
    assert_eq!(foreign(&store), ["notes.txt"]);
}

#[tokio::test]
async fn a_heartbeat_replaces_the_previous_one() {
    let (_directory, store) = store().await;
    let name = HeartbeatName::new("backup").unwrap();
    assert_eq!(get(&store, &name).await.unwrap(), None);
    for content in ["{\"at\":1}", "{\"at\":2}"] {
        store.put(Object::new(&name), content.into()).await.unwrap();
        assert_eq!(get(&store, &name).await.unwrap().as_deref(), Some(content.as_bytes()));
    }
    let names: Vec<_> = fs::read_dir(store.path.join(HEARTBEAT_FOLDER)).unwrap().flatten().collect();
    assert_eq!(names.len(), 1, "no temporary file is left");
    assert_eq!(check_files(&store, Listing::all()).await, []);
    assert_eq!(store.list::<HistoryName>(Listing::all()).await.unwrap(), []);
}

#[tokio::test]
async fn a_missing_store_is_not_a_missing_heartbeat() {
    let (_directory, store) = store().await;
    fs::remove_dir_all(&store.path).unwrap();
    assert!(get(&store, &HeartbeatName::new("backup").unwrap()).await.is_err());
}

#[tokio::test]
async fn a_suspended_writer_blocks_others_only_for_a_while() {
    let (_directory, store) = store().await;
    let suspended = lock(&Folder::open(&store.path).unwrap(), Duration::ZERO).unwrap();
    let cause = lock(&Folder::open(&store.path).unwrap(), Duration::ZERO).unwrap_err();
    let error = StoreError::File { task: "write".to_owned(), cause };
    assert!(error.is_transient() && error.to_string().contains("holds the lock `.index.lock`"), "{error}");
    drop(suspended);
    put(&store, &name(SOME_TIME, "a"), "[1]").await.unwrap();
}

#[tokio::test]
async fn the_error_of_an_unusable_directory_has_a_remedy() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("file");
    fs::write(&path, "").unwrap();
    let store = DirectoryStore::open(path.join("checks")).await;
    let error = put(&store, &name(SOME_TIME, "a"), "[]").await.unwrap_err().to_string();
    assert!(error.contains(&format!("to the directory `{}/checks`: ", path.display())), "{error}");
    assert!(error.contains("configure another directory"), "{error}");
}

#[tokio::test]
async fn only_a_regular_file_is_locked() {
    let (_directory, store) = store().await;
    let path = store.path.join(LOCK);
    let make: [fn(&Path); 3] = [
        |path| rustix::fs::mkfifoat(rustix::fs::CWD, path, rustix::fs::Mode::RWXU).unwrap(),
        |path| fs::create_dir(path).unwrap(),
        |path| std::os::unix::fs::symlink("index.json", path).unwrap(),
    ];
    for make in make {
        make(&path);
        // A pipe with a reader can be opened for writing.
        let reader = File::options().read(true).write(true).open(&path).ok();
        for _reader in [None, reader] {
            let error = put(&store, &name(SOME_TIME, "a"), "[1]").await.unwrap_err();
            assert!(!error.is_transient(), "{error}");
            assert!(error.to_string().contains("the lock `.index.lock` is not a regular file; delete it"), "{error}");
        }
        fs::remove_file(&path).or_else(|_| fs::remove_dir(&path)).unwrap();
    }
    put(&store, &name(SOME_TIME, "a"), "[1]").await.unwrap();
}

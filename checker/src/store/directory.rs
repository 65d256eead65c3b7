//! A directory as store: check files as files, and beside them the index that plain HTTP readers need, so that any
//! static web server over the directory is enough for the page.
//!
//! Many processes may write at once. A check file is in place or not there at all; the index is rewritten whole,
//! under a lock, from what is there, so that it is right again after any interruption.

use std::fs::{self, File, TryLockError};
use std::io::{self, Read as _};
use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant, SystemTime};

use bytes::Bytes;
use rustix::fs::OFlags;
use rustix::io::Errno;
use shared::UnixNanos;
use shared::object_name::{
    CheckFileName, HEARTBEAT_FOLDER, HISTORY_FOLDER, HISTORY_INDEX, HeartbeatName, HistoryName, INDEX, SummaryName,
};

use super::disk::{Disk, MANY_FILES_LIMIT, PIECE_LIMIT};
use super::durable::{self, Placed};
use super::index::{self, Index};
use super::{FileProblem, HEARTBEAT_LIMIT, NAMES_TO_TRY, ReadFile, Removal, StoreError, next_name};

/// The file that writers lock while they change the index. It stays, empty: to remove it would let two writers in.
const LOCK: &str = ".index.lock";

/// A writer holds the lock for milliseconds; whoever waits this long waits for one that is halted.
const LOCK_TIMEOUT: Duration = Duration::from_secs(15);

/// How long to wait before the lock is tried again: shorter than a writer holds it.
const LOCK_PAUSE: Duration = Duration::from_micros(500);

/// A directory that keeps check files.
#[derive(Debug, Clone)]
pub struct DirectoryStore {
    path: PathBuf,
    disk: Disk,
}

impl DirectoryStore {
    /// Opens the directory; it is created if it is not there. That it cannot be now is told by whoever uses it: a round that
    /// is made meanwhile waits in the spool.
    pub(super) async fn open(path: PathBuf) -> DirectoryStore {
        let store = DirectoryStore { path, disk: Disk::default() };
        let _ = store.blocking(String::new(), durable::create_directory).await;
        store
    }

    pub(super) fn describe(&self) -> String {
        format!("the directory `{}`", self.path.display())
    }

    pub(super) async fn put_check_file(
        &self,
        name: &CheckFileName,
        content: &Bytes,
    ) -> Result<CheckFileName, StoreError> {
        let task = format!("write `{name}` to {}", self.describe());
        let (wanted, content) = (name.clone(), content.clone());
        let stored = self.blocking(task, move |path| put(path, &wanted, &content)).await?;
        stored.ok_or_else(|| StoreError::NamesTaken { name: name.clone() })
    }

    pub(super) async fn list_check_files(
        &self,
        times: RangeInclusive<UnixNanos>,
    ) -> Result<Vec<CheckFileName>, StoreError> {
        let task = format!("list {}", self.describe());
        self.blocking_up_to(MANY_FILES_LIMIT, task, move |path| {
            let mut names = check_files(path, |_| {})?;
            names.retain(|name| times.contains(&name.stored_at));
            names.sort_unstable();
            Ok(names)
        })
        .await
    }

    pub(super) async fn read_check_file(&self, name: &CheckFileName) -> Result<Option<Vec<u8>>, StoreError> {
        let task = format!("read `{name}` from {}", self.describe());
        let name = name.to_string();
        self.blocking(task, move |path| read_if_there(&path.join(name))).await
    }

    pub(super) async fn read_check_files(
        &self,
        names: &[CheckFileName],
    ) -> Result<Vec<(CheckFileName, ReadFile)>, StoreError> {
        let task = format!("read check files from {}", self.describe());
        let names = names.to_vec();
        // One piece of work for all of them: to hand over each would take longer than to read it.
        self.blocking_up_to(MANY_FILES_LIMIT, task, move |path| {
            let mut files = Vec::with_capacity(names.len());
            for name in names {
                match read_if_there(&path.join(name.to_string())) {
                    Ok(Some(content)) => files.push((name, Ok(content))),
                    Ok(None) => {}
                    // That one file belongs to somebody else says nothing about the others.
                    Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {
                        files.push((name, Err(FileProblem(&error).to_string())));
                    }
                    Err(error) => return Err(error),
                }
            }
            Ok(files)
        })
        .await
    }

    pub(super) async fn put_history(&self, name: &HistoryName, content: String) -> Result<(), StoreError> {
        let task = format!("write `{name}` to {}", self.describe());
        let name = name.to_string();
        self.blocking(task, move |path| {
            let folder = path.join(HISTORY_FOLDER);
            durable::create_directory(&folder)?;
            let temporary = durable::write_temporary(path, content.as_bytes())?;
            let _lock = lock(path, LOCK_TIMEOUT)?;
            durable::place(temporary, &path.join(name))?;
            let list = index::recent(check_files(path, |_| {})?, &histories(path)?);
            durable::place(durable::write_temporary(path, list.as_bytes())?, &path.join(HISTORY_INDEX))?;
            durable::sync_directory(&folder)
        })
        .await
    }

    pub(super) async fn read_history(&self, name: &HistoryName) -> Result<Option<Vec<u8>>, StoreError> {
        let task = format!("read `{name}` from {}", self.describe());
        let name = name.to_string();
        self.blocking(task, move |path| read_if_there(&path.join(name))).await
    }

    pub(super) async fn list_histories(&self) -> Result<Vec<HistoryName>, StoreError> {
        let task = format!("list {}", self.describe());
        self.blocking(task, histories).await
    }

    pub(super) async fn put_summaries(&self, objects: Vec<(SummaryName, String)>) -> Result<(), StoreError> {
        let task = format!("write summaries to {}", self.describe());
        self.blocking(task, move |path| {
            let mut folders = std::collections::BTreeSet::new();
            for (name, content) in objects {
                let target = path.join(name.to_string());
                if let Some(folder) = target.parent().filter(|folder| folders.insert(folder.to_path_buf())) {
                    durable::create_directory(folder)?;
                }
                // What a power cut takes is made again in a few minutes: nobody has to wait for the disk.
                durable::place(durable::write_fleeting(path, content.as_bytes())?, &target)?;
            }
            Ok(())
        })
        .await
    }

    pub(super) async fn read_summary(&self, name: &SummaryName) -> Result<Option<Vec<u8>>, StoreError> {
        let task = format!("read `{name}` from {}", self.describe());
        let name = name.to_string();
        self.blocking(task, move |path| read_if_there(&path.join(name))).await
    }

    pub(super) async fn put_heartbeat(&self, name: &HeartbeatName, content: &str) -> Result<(), StoreError> {
        let task = format!("write `{name}` to {}", self.describe());
        let (name, content) = (name.to_string(), content.as_bytes().to_vec());
        self.blocking(task, move |path| {
            // All of it happens in this folder, so that a job needs no right to write anywhere else.
            let folder = path.join(HEARTBEAT_FOLDER);
            durable::create_directory(&folder)?;
            let now = SystemTime::now();
            for entry in fs::read_dir(&folder)?.flatten() {
                if entry.file_name().to_str().is_some_and(durable::is_temporary) {
                    durable::sweep_if_stale(&entry, now);
                }
            }
            durable::place(durable::write_temporary(&folder, &content)?, &path.join(name))?;
            durable::sync_directory(&folder)
        })
        .await
    }

    pub(super) async fn read_heartbeat(&self, name: &HeartbeatName) -> Result<Option<Vec<u8>>, StoreError> {
        let task = format!("read `{name}` from {}", self.describe());
        let name = name.to_string();
        self.blocking(task, move |path| {
            let file = match open_file(&path.join(name)) {
                // A store that has gone is no store without heartbeats.
                Err(error) if error.kind() == io::ErrorKind::NotFound && path.is_dir() => return Ok(None),
                opened => opened?,
            };
            let mut content = Vec::new();
            file.take(HEARTBEAT_LIMIT as u64).read_to_end(&mut content)?;
            Ok(Some(content))
        })
        .await
    }

    pub(super) async fn remove_check_files(&self, names: &[CheckFileName]) -> Removal {
        if names.is_empty() {
            return Removal::default();
        }
        let task = |what: &str| format!("remove {what} from {}", self.describe());
        let to_remove = names.to_vec();
        let work = move |path: &Path| remove(path, &to_remove);
        let done = self.blocking_up_to(MANY_FILES_LIMIT, task("check files"), work).await;
        let Some((left, cause)) = (match done {
            Ok(left) => left,
            Err(error) => return error.into(),
        }) else {
            return Removal { removed: names.len(), failure: None };
        };
        let task = task(&format!("{left} of {} check files", names.len()));
        Removal { removed: names.len() - left, failure: Some(StoreError::File { task, cause }) }
    }

    /// Runs file system work where it may block, and says what was tried if it fails.
    async fn blocking<T: Send + 'static>(
        &self,
        task: String,
        work: impl FnOnce(&Path) -> io::Result<T> + Send + 'static,
    ) -> Result<T, StoreError> {
        self.blocking_up_to(PIECE_LIMIT, task, work).await
    }

    /// The same for work that may take this long.
    async fn blocking_up_to<T: Send + 'static>(
        &self,
        limit: Duration,
        task: String,
        work: impl FnOnce(&Path) -> io::Result<T> + Send + 'static,
    ) -> Result<T, StoreError> {
        let path = self.path.clone();
        let done = self.disk.work(limit, move || work(&path)).await;
        done.map_err(|cause| StoreError::File { task, cause })
    }
}

/// A file's content; `None` if there is no such file.
fn read_if_there(path: &Path) -> io::Result<Option<Vec<u8>>> {
    let mut content = Vec::new();
    match open_file(path).and_then(|mut file| file.read_to_end(&mut content)) {
        Ok(_) => Ok(Some(content)),
        Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::InvalidInput) => Ok(None),
        Err(error) => Err(error),
    }
}

/// Opens a file, and nothing else: a link would let whoever writes here show readers what lies elsewhere, and a pipe would be
/// waited for.
fn open_file(path: &Path) -> io::Result<File> {
    use std::os::unix::fs::OpenOptionsExt as _;
    let no_file = || io::Error::new(io::ErrorKind::InvalidInput, "it is no file");
    let flags = OFlags::NOFOLLOW | OFlags::NONBLOCK;
    let opened = File::options().read(true).custom_flags(flags.bits().cast_signed()).open(path);
    let file = opened.map_err(|error| match Errno::from_io_error(&error) {
        Some(Errno::LOOP | Errno::NXIO) => no_file(),
        _ => error,
    })?;
    if file.metadata()?.is_file() { Ok(file) } else { Err(no_file()) }
}

/// Puts a check file in place and into the index; `None` if all names tried are taken.
fn put(directory: &Path, wanted: &CheckFileName, content: &[u8]) -> io::Result<Option<CheckFileName>> {
    // The directory may have been removed since it was opened: better a new one than a lost round.
    durable::create_directory(directory)?;
    let mut name = wanted.clone();
    for _ in 0..NAMES_TO_TRY {
        let path = directory.join(name.to_string());
        // What is slow is done before the lock is taken.
        let temporary = durable::write_temporary(directory, content)?;
        let _lock = lock(directory, LOCK_TIMEOUT)?;
        let placed = durable::place_new(temporary, &path)?;
        // A file with our name and our content is our own, from an attempt whose end was not seen.
        if placed == Placed::New || read_if_there(&path).is_ok_and(|there| there.is_some_and(|there| there == content))
        {
            heal_index(directory, |_| true)?;
            return Ok(Some(name));
        }
        name = next_name(&name);
    }
    Ok(None)
}

/// Takes names out of the index, and then the files out of the directory, so that no reader is sent to a file
/// that is gone; says how many cannot be removed and why the first of them cannot.
fn remove(directory: &Path, names: &[CheckFileName]) -> io::Result<Option<(usize, io::Error)>> {
    let removed: std::collections::BTreeSet<&CheckFileName> = names.iter().collect();
    let _lock = lock(directory, LOCK_TIMEOUT)?;
    heal_index(directory, |name| !removed.contains(name))?;
    let mut left: Option<(usize, io::Error)> = None;
    for name in &removed {
        match fs::remove_file(directory.join(name.to_string())) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                left = Some(left.map_or((1, error), |(count, first)| (count + 1, first)));
            }
            _ => {}
        }
    }
    Ok(left)
}

/// Waits until no other writer changes the index. The lock ends with the file that is returned, or the process.
fn lock(directory: &Path, timeout: Duration) -> io::Result<File> {
    let file = File::options().create(true).truncate(false).write(true).open(directory.join(LOCK))?;
    let start = Instant::now();
    loop {
        match file.try_lock() {
            Ok(()) => return Ok(file),
            // Where there are no locks, names are still unique, and the next store heals an index that lost a race.
            Err(TryLockError::Error(error)) if error.kind() == io::ErrorKind::Unsupported => return Ok(file),
            Err(TryLockError::Error(error)) => return Err(error),
            // A writer that was halted in the middle must not halt all others for ever.
            Err(TryLockError::WouldBlock) if start.elapsed() >= timeout => {
                return Err(io::Error::new(
                    io::ErrorKind::TimedOut,
                    format!("another program holds the lock `{LOCK}`"),
                ));
            }
            Err(TryLockError::WouldBlock) => thread::sleep(LOCK_PAUSE),
        }
    }
}

/// Rewrites the index from the files that are there and that `keeps` wants. The caller holds the lock.
fn heal_index(directory: &Path, keeps: impl Fn(&CheckFileName) -> bool) -> io::Result<()> {
    let now = SystemTime::now();
    let there = check_files(directory, |other| durable::sweep_if_stale(other, now))?;
    let before = read_if_there(&directory.join(INDEX))?.map_or_else(Index::new, |json| index::read(&json));
    let index = index::of(there.into_iter().filter(keeps), &before);
    durable::replace(directory, INDEX, index::write(&index).as_bytes())?;
    durable::sync_directory(directory)
}

/// The histories of a directory, in order.
fn histories(directory: &Path) -> io::Result<Vec<HistoryName>> {
    let entries = match fs::read_dir(directory.join(HISTORY_FOLDER)) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(error),
    };
    let mut names = Vec::new();
    for entry in entries {
        let file_name = entry?.file_name();
        names.extend(file_name.to_str().and_then(|name| HistoryName::parse(&format!("{HISTORY_FOLDER}{name}"))));
    }
    names.sort_unstable();
    Ok(names)
}

/// The check files of a directory, in no order and nothing else of such a name; temporary files of ours are given to `temporary`.
fn check_files(directory: &Path, temporary: impl Fn(&fs::DirEntry)) -> io::Result<Vec<CheckFileName>> {
    let mut names = Vec::new();
    for entry in fs::read_dir(directory)? {
        let entry = entry?;
        let file_name = entry.file_name();
        let Some(text) = file_name.to_str() else { continue };
        if durable::is_temporary(text) {
            temporary(&entry);
        } else if let Some(name) = CheckFileName::parse(text)
            && entry.file_type()?.is_file()
        {
            names.push(name);
        }
    }
    Ok(names)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SOME_TIME: UnixNanos = 1_795_330_254_340_493_978;

    fn name(stored_at: UnixNanos, node: &str) -> CheckFileName {
        CheckFileName::parse(&format!("{stored_at}-{node}-check.json")).expect("it is a name")
    }

    async fn store() -> (tempfile::TempDir, DirectoryStore) {
        let directory = tempfile::tempdir().unwrap();
        let store = DirectoryStore::open(directory.path().join("checks")).await;
        (directory, store)
    }

    fn indexed(store: &DirectoryStore) -> Vec<CheckFileName> {
        index::read(&fs::read(store.path.join(INDEX)).unwrap()).into_keys().collect()
    }

    /// What lies in the directory and is neither a check file nor ours beside them.
    fn foreign(store: &DirectoryStore) -> Vec<String> {
        let mut names: Vec<_> =
            fs::read_dir(&store.path).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.retain(|name| CheckFileName::parse(name).is_none() && name != INDEX && name != LOCK);
        names.sort();
        names
    }

    #[tokio::test]
    async fn what_is_stored_can_be_listed_and_read() {
        let (_directory, store) = store().await;
        let (late, early) = (name(SOME_TIME + 5, "a"), name(SOME_TIME, "b"));
        for (name, content) in [(&late, "[1]"), (&early, "[2]")] {
            assert_eq!(&store.put_check_file(name, &content.into()).await.unwrap(), name);
        }
        assert_eq!(store.list_check_files(0..=UnixNanos::MAX).await.unwrap(), [early.clone(), late.clone()]);
        assert_eq!(store.list_check_files(SOME_TIME + 1..=UnixNanos::MAX).await.unwrap(), std::slice::from_ref(&late));
        assert_eq!(store.list_check_files(0..=SOME_TIME + 4).await.unwrap(), std::slice::from_ref(&early));
        assert_eq!(indexed(&store), [early.clone(), late.clone()]);
        assert_eq!(store.read_check_file(&early).await.unwrap().as_deref(), Some(b"[2]".as_slice()));
        assert_eq!(store.read_check_file(&name(1_000_000_000_000_000_000, "b")).await.unwrap(), None);
    }

    #[tokio::test]
    async fn a_taken_name_gives_the_next_nanosecond_and_replaces_nothing() {
        let (_directory, store) = store().await;
        let wanted = name(SOME_TIME, "a");
        store.put_check_file(&wanted, &"[1]".into()).await.unwrap();
        let second = store.put_check_file(&wanted, &"[2]".into()).await.unwrap();
        assert_eq!(second, name(SOME_TIME + 1, "a"));
        assert_eq!(store.read_check_file(&wanted).await.unwrap().as_deref(), Some(b"[1]".as_slice()));
    }

    #[tokio::test]
    async fn to_store_the_same_round_again_changes_nothing() {
        let (_directory, store) = store().await;
        let wanted = name(SOME_TIME, "a");
        for _ in 0..2 {
            assert_eq!(store.put_check_file(&wanted, &"[1]".into()).await.unwrap(), wanted);
        }
        assert_eq!(indexed(&store), [wanted]);
    }

    #[tokio::test]
    async fn only_files_are_read_and_one_that_cannot_be_keeps_no_other() {
        use std::os::unix::fs::{PermissionsExt as _, symlink};
        let (outside, store) = store().await;
        let names: Vec<CheckFileName> = (0..5).map(|step| name(SOME_TIME + step, "a")).collect();
        let path = |place: usize| store.path.join(names[place].to_string());
        fs::write(path(0), "[0]").unwrap();
        fs::create_dir(path(1)).unwrap();
        fs::write(outside.path().join("secret"), "secret").unwrap();
        symlink(outside.path().join("secret"), path(2)).unwrap();
        rustix::fs::mkfifoat(rustix::fs::CWD, path(3), rustix::fs::Mode::RUSR).unwrap();
        fs::write(path(4), "[4]").unwrap();
        for odd in &names[1..4] {
            assert_eq!(store.read_check_file(odd).await.unwrap(), None, "{odd}");
        }
        let read = store.read_check_files(&names).await.unwrap();
        assert_eq!(read, [(names[0].clone(), Ok(b"[0]".to_vec())), (names[4].clone(), Ok(b"[4]".to_vec()))]);

        fs::set_permissions(path(4), fs::Permissions::from_mode(0o0)).unwrap();
        let read = store.read_check_files(&names).await.unwrap();
        assert_eq!(read[0].1.as_deref(), Ok(b"[0]".as_slice()));
        // Root reads whatever it likes.
        if fs::read(path(4)).is_err() {
            assert!(read[1].1.as_ref().is_err_and(|why| why.contains("permission denied")), "{read:?}");
        }
    }

    #[tokio::test]
    async fn names_that_are_all_taken_end_in_an_error() {
        let (_directory, store) = store().await;
        for step in 0..NAMES_TO_TRY as i64 {
            fs::write(store.path.join(name(SOME_TIME + step, "a").to_string()), "[0]").unwrap();
        }
        let error = store.put_check_file(&name(SOME_TIME, "a"), &"[1]".into()).await.unwrap_err();
        assert!(error.to_string().contains("the same node name"), "{error}");
        assert!(!error.is_passing());
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 4)]
    async fn many_writers_at_once_lose_nothing() {
        let (_directory, store) = store().await;
        let mut writers = tokio::task::JoinSet::new();
        for writer in 0..10 {
            // Each writer opens the directory as a process of its own would; half of them want the same names.
            let store = DirectoryStore::open(store.path.clone()).await;
            writers.spawn(async move {
                for round in 0..20 {
                    let node = if writer % 2 == 0 { "same".to_owned() } else { format!("node-{writer}") };
                    let content = format!("[{writer}, {round}]");
                    let (wanted, content) = (name(SOME_TIME + round * 1000, &node), content.into());
                    // On a very busy disk one of them may wait too long for its turn; whoever delivers tries again.
                    while let Err(error) = store.put_check_file(&wanted, &content).await {
                        assert!(error.is_passing(), "{error}");
                    }
                }
            });
        }
        writers.join_all().await;
        let names = store.list_check_files(0..=UnixNanos::MAX).await.unwrap();
        assert_eq!(indexed(&store), names);
        let mut contents = std::collections::BTreeSet::new();
        for name in &names {
            contents.insert(store.read_check_file(name).await.unwrap().unwrap());
        }
        assert_eq!((names.len(), contents.len()), (200, 200));
        assert_eq!(foreign(&store), [""; 0], "no temporary file is left");
    }

    #[tokio::test]
    async fn a_store_heals_the_index_and_leaves_foreign_files_alone() {
        let (_directory, store) = store().await;
        let originals = CheckFileName { stored_at: SOME_TIME, node: None };
        let path = |name: &str| store.path.join(name);
        fs::write(path(&originals.to_string()), "[]").unwrap();
        fs::write(path("notes.txt"), "mine").unwrap();
        fs::write(path(".hidden.tmp"), "mine, too").unwrap();
        fs::write(path(INDEX), format!("{{\"{originals}\":7,\"{}\":8}}", name(SOME_TIME, "gone"))).unwrap();
        let ours = name(SOME_TIME + 1, "a");
        store.put_check_file(&ours, &"[1]".into()).await.unwrap();
        let index = index::read(&fs::read(path(INDEX)).unwrap());
        assert_eq!(index.into_iter().collect::<Vec<_>>(), [(originals, 7), (ours, SOME_TIME + 1)]);
        fs::write(path(INDEX), "{\"17953").unwrap();
        store.put_check_file(&name(SOME_TIME + 2, "a"), &"[2]".into()).await.unwrap();
        assert_eq!(indexed(&store).len(), 3);
        assert_eq!(foreign(&store), [".hidden.tmp", "notes.txt"]);
    }

    #[tokio::test]
    async fn temporary_files_of_dead_writers_are_swept() {
        let (_directory, store) = store().await;
        let (_, stale) = durable::write_temporary(&store.path, b"half").unwrap().keep().unwrap();
        let long_ago = SystemTime::now() - Duration::from_hours(2);
        File::options().write(true).open(&stale).unwrap().set_modified(long_ago).unwrap();
        store.put_check_file(&name(SOME_TIME, "a"), &"[1]".into()).await.unwrap();
        assert_eq!(foreign(&store), [""; 0]);
    }

    #[tokio::test]
    async fn removal_takes_the_files_and_their_names_and_nothing_else() {
        let (_directory, store) = store().await;
        let all: Vec<_> = (0..30).map(|step| name(SOME_TIME + step, "a")).collect();
        for name in &all {
            store.put_check_file(name, &"[]".into()).await.unwrap();
        }
        fs::write(store.path.join("notes.txt"), "mine").unwrap();
        fs::remove_file(store.path.join(all[3].to_string())).unwrap();
        assert_eq!(store.remove_check_files(&all[..10]).await.removed, 10);
        assert_eq!(store.list_check_files(0..=UnixNanos::MAX).await.unwrap(), all[10..]);
        assert_eq!(indexed(&store), all[10..]);
        assert_eq!(foreign(&store), ["notes.txt"]);
    }

    #[tokio::test]
    async fn a_heartbeat_takes_the_place_of_the_one_before() {
        let (_directory, store) = store().await;
        let name = HeartbeatName::of("backup").unwrap();
        assert_eq!(store.read_heartbeat(&name).await.unwrap(), None);
        for content in ["{\"at\":1}", "{\"at\":2}"] {
            store.put_heartbeat(&name, content).await.unwrap();
            assert_eq!(store.read_heartbeat(&name).await.unwrap().as_deref(), Some(content.as_bytes()));
        }
        let names: Vec<_> = fs::read_dir(store.path.join(HEARTBEAT_FOLDER)).unwrap().flatten().collect();
        assert_eq!(names.len(), 1, "no temporary file is left");
        assert_eq!(store.list_check_files(0..=UnixNanos::MAX).await.unwrap(), []);
        assert_eq!(store.list_histories().await.unwrap(), []);
    }

    #[tokio::test]
    async fn a_store_that_has_gone_is_not_taken_for_one_without_heartbeats() {
        let (_directory, store) = store().await;
        fs::remove_dir_all(&store.path).unwrap();
        assert!(store.read_heartbeat(&HeartbeatName::of("backup").unwrap()).await.is_err());
    }

    #[tokio::test]
    async fn a_halted_writer_does_not_halt_all_others_for_ever() {
        let (_directory, store) = store().await;
        let halted = lock(&store.path, Duration::ZERO).unwrap();
        let cause = lock(&store.path, Duration::ZERO).unwrap_err();
        let error = StoreError::File { task: "write".to_owned(), cause };
        assert!(error.is_passing() && error.to_string().contains("holds the lock `.index.lock`"), "{error}");
        drop(halted);
        store.put_check_file(&name(SOME_TIME, "a"), &"[1]".into()).await.unwrap();
    }

    #[tokio::test]
    async fn a_directory_that_cannot_be_says_what_helps() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("file");
        fs::write(&path, "").unwrap();
        let store = DirectoryStore::open(path.join("checks")).await;
        let error = store.put_check_file(&name(SOME_TIME, "a"), &"[]".into()).await.unwrap_err().to_string();
        assert!(error.contains(&format!("to the directory `{}/checks`: ", path.display())), "{error}");
        assert!(error.contains("name another directory"), "{error}");
    }
}

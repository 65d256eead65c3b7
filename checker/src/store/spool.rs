//! The spool: rounds that could not be stored yet, as files on this machine. Each store has its own folder, so a round
//! is never sent to another store. Several nodes can share the folder, and each sends only its own rounds.
//! [`super::upload`] sends the rounds.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use sha2::{Digest as _, Sha256};
use shared::UnixNanos;
use shared::check_file::{CheckFile, CheckResult};
use shared::civil::rfc3339;
use shared::object_name::{CheckFileName, NodeName};

use super::blocking_io::BlockingIo;
use super::directory::folder::{Folder, PersistOutcome, is_temporary, read_whole};
use super::limits::{CHECK_FILE_LIMIT, describe_size};
use super::{NAMES_TO_TRY, StoreError, next_name};
use crate::counted;
use crate::redact::redact_userinfo;
use crate::store::settings::{Storage, StoreLocation};

/// The folder for rounds that the store refuses although it accepts others.
const QUARANTINE: &str = "refused";

/// The time limit for one operation. The spool is on a local disk, and storing a round does not depend on it.
const TIME_LIMIT: Duration = Duration::from_secs(10);

/// One node's waiting rounds for one store.
#[derive(Debug, Clone)]
pub struct Spool {
    folder: PathBuf,
    node: NodeName,
    io: BlockingIo,
    /// The other nodes whose rounds were reported.
    reported: Arc<Mutex<BTreeSet<Option<NodeName>>>>,
}

/// The rounds in a spool's folder, oldest first.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct WaitingRounds {
    /// The rounds of the spool's node.
    pub own: Vec<CheckFileName>,
    /// The rounds of other nodes. This node's keys may not be allowed to store them.
    pub others: Vec<CheckFileName>,
}

impl WaitingRounds {
    /// Describes the rounds of other nodes: ``2 rounds of the node `b` since 2026-11-22T13:02:00Z``. Returns `None` if no
    /// other node has rounds there.
    #[must_use]
    pub fn describe_others(&self) -> Option<String> {
        let mut nodes: BTreeMap<&Option<NodeName>, (usize, UnixNanos)> = BTreeMap::new();
        for round in &self.others {
            let (count, since) = nodes.entry(&round.node).or_insert((0, round.stored_at));
            (*count, *since) = (*count + 1, round.stored_at.min(*since));
        }
        let described = nodes.iter().take(NODES_LIMIT).map(|(node, (count, since))| {
            let node =
                node.as_ref().map_or_else(|| "a node without a name".to_owned(), |node| format!("the node `{node}`"));
            format!("{} of {node} since {}", counted(*count, "round"), rfc3339(*since))
        });
        let mut described = described.collect::<Vec<_>>().join(", ");
        if nodes.len() > NODES_LIMIT {
            described = format!("{described} and rounds of {}", counted(nodes.len() - NODES_LIMIT, "more node"));
        }
        (!nodes.is_empty()).then_some(described)
    }
}

/// The maximum number of other nodes to name.
const NODES_LIMIT: usize = 5;

/// The remedy for rounds of other nodes.
pub const OTHERS_REMEDY: &str = "each node sends only its own; if a node was renamed or removed, send its rounds with `checker run --node NAME`, or delete them";

impl Spool {
    /// Opens a node's spool for a store, in a directory that several stores and nodes may share. Nothing is created
    /// until a round must be kept.
    #[must_use]
    pub fn open(directory: &Path, storage: &Storage, node: &NodeName) -> Spool {
        let folder = directory.join(short_hash(&identity(&storage.location)));
        // Messages with this path must be useful outside of the current directory.
        let folder = std::path::absolute(&folder).unwrap_or(folder);
        Spool { folder, node: node.clone(), io: BlockingIo::default(), reported: Arc::default() }
    }

    /// Returns the folder of the waiting rounds.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Stores a round durably, and returns the path to its file.
    pub async fn keep(&self, name: &CheckFileName, content: &Bytes) -> Result<PathBuf, StoreError> {
        let (wanted, content) = (name.clone(), content.clone());
        let kept = self.blocking(format!("keep `{name}`"), move |folder| keep(folder, &wanted, &content)).await?;
        kept.ok_or_else(|| StoreError::NamesTaken { name: name.clone() })
    }

    /// Returns the node's waiting rounds, oldest first.
    pub async fn waiting(&self) -> Result<Vec<CheckFileName>, StoreError> {
        Ok(self.rounds().await?.own)
    }

    /// Returns the waiting rounds of all nodes.
    pub async fn rounds(&self) -> Result<WaitingRounds, StoreError> {
        let names = self.blocking("list waiting rounds".to_owned(), waiting).await?;
        let (own, others) = names.into_iter().partition(|name| name.node.as_ref() == Some(&self.node));
        Ok(WaitingRounds { own, others })
    }

    /// Describes the rounds of other nodes, once for each of these nodes, because a process can run many rounds.
    pub(super) fn new_others(&self, rounds: &WaitingRounds) -> Option<String> {
        let nodes = rounds.others.iter().map(|round| round.node.clone());
        let mut reported = self.reported.lock().unwrap_or_else(PoisonError::into_inner);
        let count = reported.len();
        reported.extend(nodes);
        if reported.len() > count { rounds.describe_others() } else { None }
    }

    /// Reads a waiting round, and checks it before it is sent: the folder may contain files that no checker wrote.
    pub(super) async fn read(&self, name: &CheckFileName) -> Result<WaitingRound, StoreError> {
        let file = name.to_string();
        self.blocking(format!("read `{name}`"), move |folder| read_round(&Folder::open(folder)?, &file)).await
    }

    /// Returns the results of a waiting round, or none if the file is invalid or was sent in the meantime.
    pub async fn results(&self, name: &CheckFileName) -> Vec<CheckResult> {
        match self.read(name).await {
            Ok(WaitingRound::Round(content)) => CheckFile::parse(&content).map(|file| file.results).unwrap_or_default(),
            Ok(WaitingRound::Gone | WaitingRound::Invalid(_)) | Err(_) => Vec::new(),
        }
    }

    /// Deletes a waiting round after it was stored.
    pub(super) async fn delete(&self, name: &CheckFileName) -> Result<(), StoreError> {
        let file = name.to_string();
        self.blocking(format!("delete `{name}`"), move |folder| Folder::open(folder)?.remove(&file)).await
    }

    /// Deletes a round's file after the round was stored.
    pub(crate) async fn delete_file(&self, path: PathBuf) -> Result<(), StoreError> {
        let Some(file) = path.file_name().and_then(|name| name.to_str()).map(str::to_owned) else { return Ok(()) };
        let task = format!("delete `{}`", path.display());
        self.blocking(task, move |folder| Folder::open(folder)?.remove(&file)).await
    }

    /// Moves a round that the store refuses, or an invalid file, to a folder whose rounds are not sent again. Returns
    /// the path to its file.
    pub(super) async fn quarantine(&self, name: &CheckFileName) -> Result<PathBuf, StoreError> {
        let file = name.to_string();
        self.blocking(format!("move `{name}` away"), move |path| {
            let folder = Folder::open(path)?;
            folder.move_to(&file, &folder.create_subfolder(QUARANTINE)?)?;
            Ok(path.join(QUARANTINE).join(file))
        })
        .await
    }

    /// Runs file system work on a thread that may block. `task` describes it in errors.
    async fn blocking<T: Send + 'static>(
        &self,
        task: String,
        work: impl FnOnce(&Path) -> io::Result<T> + Send + 'static,
    ) -> Result<T, StoreError> {
        let folder = self.folder.clone();
        let result = self.io.run(TIME_LIMIT, move || work(&folder)).await;
        let task = || format!("{task} in the spool `{}`", self.folder.display());
        result.map_err(|cause| StoreError::File { task: task(), cause })
    }
}

/// The contents of the spool under a round's name.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum WaitingRound {
    Round(Bytes),
    /// Another checker has already sent the round.
    Gone,
    /// Why the file is not one of this checker's rounds.
    Invalid(String),
}

fn keep(path: &Path, wanted: &CheckFileName, content: &[u8]) -> io::Result<Option<PathBuf>> {
    let folder = Folder::create(path)?;
    let mut name = wanted.clone();
    for _ in 0..NAMES_TO_TRY {
        let file = name.to_string();
        let has_content = || folder.read(&file, content.len() as u64).is_ok_and(|existing| existing == content);
        // If the round is already in the spool, do not write it again.
        if has_content() {
            return Ok(Some(path.join(file)));
        }
        let outcome = folder.write_temporary(content)?.persist_new(&folder, &file)?;
        if outcome == PersistOutcome::Created || has_content() {
            folder.sync()?;
            return Ok(Some(path.join(file)));
        }
        name = next_name(&name);
    }
    Ok(None)
}

fn waiting(path: &Path) -> io::Result<Vec<CheckFileName>> {
    let folder = match Folder::open(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        opened => opened?,
    };
    let now = SystemTime::now();
    let mut names = Vec::new();
    folder.each_name(|name, _| {
        if is_temporary(name) {
            folder.remove_if_stale(name, now);
        } else {
            names.extend(CheckFileName::parse(name));
        }
        Ok(())
    })?;
    names.sort_unstable();
    Ok(names)
}

fn read_round(folder: &Folder, name: &str) -> io::Result<WaitingRound> {
    let invalid = |reason: &str| Ok(WaitingRound::Invalid(reason.to_owned()));
    let file = match folder.open_file(name) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(WaitingRound::Gone),
        Err(error) if error.kind() == io::ErrorKind::InvalidInput => return invalid("it is not a regular file"),
        opened => opened?,
    };
    if !is_ours(&file)? {
        return invalid("it belongs to another user");
    }
    let content = match read_whole(file, CHECK_FILE_LIMIT, Vec::with_capacity) {
        Err(error) if error.kind() == io::ErrorKind::FileTooLarge => {
            return invalid(&format!("it is larger than the limit of {}", describe_size(CHECK_FILE_LIMIT)));
        }
        read => read?,
    };
    match CheckFile::parse(&content) {
        Ok(_) => Ok(WaitingRound::Round(content.into())),
        Err(error) => invalid(&error.to_string()),
    }
}

/// Returns whether a file belongs to this user or to root, who can write any file anyway.
fn is_ours(file: &File) -> io::Result<bool> {
    let owner = file.metadata()?.uid();
    Ok(owner == 0 || owner == rustix::process::geteuid().as_raw())
}

/// Returns a string that identifies a store. Keys are not part of it: if they change, waiting rounds still belong to
/// the same bucket.
fn identity(location: &StoreLocation) -> String {
    match location {
        StoreLocation::S3(bucket) => {
            let endpoint = bucket.endpoint_url.as_deref().map(redact_userinfo).unwrap_or_default();
            let endpoint = endpoint.trim_end_matches('/');
            format!("s3\n{endpoint}\n{}\n{}", bucket.name, bucket.prefix)
        }
        StoreLocation::Directory(path) => {
            // Make the path absolute, because a relative one depends on the working directory.
            format!("directory\n{}", std::path::absolute(path).unwrap_or_else(|_| path.clone()).display())
        }
    }
}

/// Returns sixteen hexadecimal digits: enough to distinguish a few stores, and short enough for a folder name.
fn short_hash(text: &str) -> String {
    let hash = Sha256::digest(text).first_chunk().map_or(0, |start| u64::from_be_bytes(*start));
    format!("{hash:016x}")
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::symlink;

    use super::*;
    use crate::redact::Secret;
    use crate::store::settings::{Bucket, WriterKeys};
    use shared::page_config::AddressStyle;

    fn storage(location: StoreLocation) -> Storage {
        Storage { location, check_expiry: None, history_expiry: shared::DAY }
    }

    fn bucket(name: &str, secret: &str) -> Storage {
        storage(StoreLocation::S3(Bucket {
            name: name.to_owned(),
            region: None,
            endpoint_url: None,
            address_style: AddressStyle::Path,
            prefix: String::new(),
            keys: Some(WriterKeys {
                access_key_id: "AKIA".to_owned(),
                secret_access_key: Secret::new(secret.to_owned()),
            }),
        }))
    }

    fn name(stored_at: i64) -> CheckFileName {
        CheckFileName::parse(&format!("{stored_at}-a-check.json")).expect("it is a name")
    }

    const SOME_TIME: i64 = 1_795_330_254_340_493_978;

    fn open(directory: &Path, storage: &Storage) -> Spool {
        Spool::open(directory, storage, &NodeName::new("a").expect("it is a name"))
    }

    #[tokio::test]
    async fn rounds_wait_in_order_until_they_are_deleted() {
        let directory = tempfile::tempdir().unwrap();
        let spool = open(directory.path(), &bucket("b", "x"));
        assert_eq!(spool.waiting().await.unwrap(), []);
        for step in [2, 0, 1] {
            spool.keep(&name(SOME_TIME + step), &format!("[{step}]").into()).await.unwrap();
        }
        let all: Vec<_> = (0..3).map(|step| name(SOME_TIME + step)).collect();
        assert_eq!(spool.waiting().await.unwrap(), all);
        assert_eq!(spool.read(&all[1]).await.unwrap(), WaitingRound::Round("[1]".into()));
        spool.delete(&all[1]).await.unwrap();
        spool.delete(&all[1]).await.unwrap();
        assert_eq!(spool.read(&all[1]).await.unwrap(), WaitingRound::Gone);
        assert_eq!(spool.waiting().await.unwrap(), [all[0].clone(), all[2].clone()]);
    }

    #[tokio::test]
    async fn each_node_has_its_own_rounds() {
        let directory = tempfile::tempdir().unwrap();
        let spool = open(directory.path(), &bucket("b", "x"));
        let named = |name: &str| CheckFileName::parse(&format!("{SOME_TIME}-{name}check.json")).expect("it is a name");
        let (own, others) = (named("a-"), [named(""), named("a-b-"), named("b-")]);
        for name in [std::slice::from_ref(&own), &others].concat() {
            spool.keep(&name, &"[]".into()).await.unwrap();
        }
        assert_eq!(spool.waiting().await.unwrap(), std::slice::from_ref(&own));
        let expected = WaitingRounds { own: vec![own], others: others.into() };
        assert_eq!(spool.rounds().await.unwrap(), expected);
        let since = "since 2026-11-22T06:50:54Z";
        let described = ["a node without a name", "the node `a-b`", "the node `b`"]
            .map(|node| format!("1 round of {node} {since}"));
        assert_eq!(spool.new_others(&expected), Some(described.join(", ")));
        assert_eq!(spool.clone().new_others(&expected), None, "they were already reported");
        let others = ["b-", "c-", "d-", "e-", "f-", "g-", "h-"].map(named).into();
        let described = WaitingRounds { own: Vec::new(), others }.describe_others().unwrap();
        assert!(
            described.ends_with("of the node `f` since 2026-11-22T06:50:54Z and rounds of 2 more nodes"),
            "{described}"
        );
    }

    #[tokio::test]
    async fn a_kept_round_never_replaces_another() {
        let directory = tempfile::tempdir().unwrap();
        let spool = open(directory.path(), &bucket("b", "x"));
        let first = spool.keep(&name(SOME_TIME), &"[1]".into()).await.unwrap();
        assert_eq!(spool.keep(&name(SOME_TIME), &"[1]".into()).await.unwrap(), first);
        assert_ne!(spool.keep(&name(SOME_TIME), &"[2]".into()).await.unwrap(), first);
        assert_eq!(spool.waiting().await.unwrap(), [name(SOME_TIME), name(SOME_TIME + 1)]);
    }

    #[tokio::test]
    async fn only_rounds_in_regular_files_are_read() {
        let directory = tempfile::tempdir().unwrap();
        let spool = open(directory.path(), &bucket("b", "x"));
        spool.keep(&name(SOME_TIME), &"[0]".into()).await.unwrap();
        let path = |step| spool.folder().join(name(SOME_TIME + step).to_string());
        let secret = directory.path().join("secret");
        fs::write(&secret, "[\"secret\"]").unwrap();
        symlink(&secret, path(1)).unwrap();
        fs::create_dir(path(2)).unwrap();
        rustix::fs::mkfifoat(rustix::fs::CWD, path(3), rustix::fs::Mode::RUSR).unwrap();
        fs::write(path(4), "[{\"title\":").unwrap();
        File::create(path(5)).unwrap().set_len(1 << 30).unwrap();
        for (step, reason) in [(1, "regular"), (2, "regular"), (3, "regular"), (4, "invalid"), (5, "32 MiB")] {
            let WaitingRound::Invalid(why) = spool.read(&name(SOME_TIME + step)).await.unwrap() else { panic!() };
            assert!(why.contains(reason), "{step}: {why}");
            spool.quarantine(&name(SOME_TIME + step)).await.unwrap();
        }
        assert_eq!(spool.waiting().await.unwrap(), [name(SOME_TIME)]);
        assert_eq!(fs::read_to_string(&secret).unwrap(), "[\"secret\"]", "only the link was moved");
    }

    #[tokio::test]
    async fn files_of_other_users_are_not_sent() {
        let directory = tempfile::tempdir().unwrap();
        let spool = open(directory.path(), &bucket("b", "x"));
        let path = spool.keep(&name(SOME_TIME), &"[0]".into()).await.unwrap();
        assert_eq!(spool.read(&name(SOME_TIME)).await.unwrap(), WaitingRound::Round("[0]".into()));
        // Only root can change a file's owner.
        if std::os::unix::fs::chown(path, Some(65_534), None).is_ok() {
            let invalid = WaitingRound::Invalid("it belongs to another user".to_owned());
            assert_eq!(spool.read(&name(SOME_TIME)).await.unwrap(), invalid);
        }
    }

    #[tokio::test]
    async fn a_quarantined_round_is_kept_but_no_longer_waits() {
        let directory = tempfile::tempdir().unwrap();
        let spool = open(directory.path(), &bucket("b", "x"));
        spool.keep(&name(SOME_TIME), &"[1]".into()).await.unwrap();
        let path = spool.quarantine(&name(SOME_TIME)).await.unwrap();
        assert_eq!(spool.waiting().await.unwrap(), []);
        assert_eq!(fs::read_to_string(path).unwrap(), "[1]");
    }

    #[test]
    fn each_store_has_its_folder_whatever_its_keys() {
        let folder = |storage: &Storage| open(Path::new("spool"), storage).folder().to_owned();
        assert!(folder(&bucket("b", "one")).is_absolute());
        assert_eq!(folder(&bucket("b", "one")), folder(&bucket("b", "other")));
        assert_ne!(folder(&bucket("b", "one")), folder(&bucket("c", "one")));
        assert_ne!(folder(&bucket("b", "one")), folder(&storage(StoreLocation::Directory("b".into()))));
        let relative = storage(StoreLocation::Directory("checks".into()));
        let absolute = storage(StoreLocation::Directory(std::path::absolute("checks").unwrap()));
        assert_eq!(folder(&relative), folder(&absolute));
    }
}

//! The spool: rounds that could not be stored yet, as files on this machine. Each store has its own folder, so that a
//! round is never sent to another store. [`super::upload`] sends the rounds.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use sha2::{Digest as _, Sha256};
use shared::object_name::CheckFileName;

use super::blocking_io::BlockingIo;
use super::directory::atomic_file::{self, PersistOutcome};
use super::{NAMES_TO_TRY, StoreError, next_name};
use crate::redact::redact_userinfo;
use crate::store::settings::{Storage, StoreLocation};

/// The folder for rounds that the store refuses although it accepts others.
const QUARANTINE: &str = "refused";

/// The time limit for one operation. The spool is on a local disk, and storing a round does not depend on it.
const TIME_LIMIT: Duration = Duration::from_secs(10);

/// The waiting rounds of one store.
#[derive(Debug, Clone)]
pub struct Spool {
    folder: PathBuf,
    io: BlockingIo,
}

impl Spool {
    /// Opens the spool of a store, in a directory that several stores may share. Nothing is created until a round
    /// must be kept.
    #[must_use]
    pub fn open(directory: &Path, storage: &Storage) -> Spool {
        Spool { folder: directory.join(short_hash(&identity(&storage.location))), io: BlockingIo::default() }
    }

    /// The folder of the waiting rounds.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Keeps a round durably, and returns its file.
    pub async fn keep(&self, name: &CheckFileName, content: &Bytes) -> Result<PathBuf, StoreError> {
        let (wanted, content) = (name.clone(), content.clone());
        let kept = self.blocking(format!("keep `{name}`"), move |folder| keep(folder, &wanted, &content)).await?;
        kept.ok_or_else(|| StoreError::NamesTaken { name: name.clone() })
    }

    /// The waiting rounds, oldest first.
    pub async fn waiting(&self) -> Result<Vec<CheckFileName>, StoreError> {
        self.blocking("list waiting rounds".to_owned(), waiting).await
    }

    /// The contents of a waiting round; `None` if another checker already sent it.
    pub(super) async fn read(&self, name: &CheckFileName) -> Result<Option<Bytes>, StoreError> {
        let file = name.to_string();
        self.blocking(format!("read `{name}`"), move |folder| match fs::read(folder.join(file)) {
            Ok(content) => Ok(Some(content.into())),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        })
        .await
    }

    /// Deletes a round that is in the store.
    pub(super) async fn delete(&self, name: &CheckFileName) -> Result<(), StoreError> {
        let file = name.to_string();
        self.blocking(format!("delete `{name}`"), move |folder| ignore_missing(fs::remove_file(folder.join(file))))
            .await
    }

    /// Deletes the file of a round that is in the store.
    pub(super) async fn delete_file(&self, path: PathBuf) -> Result<(), StoreError> {
        let task = format!("delete `{}`", path.display());
        self.blocking(task, move |_| ignore_missing(fs::remove_file(path))).await
    }

    /// Moves a round that the store refuses to a folder whose rounds are not sent again. Returns its file.
    pub(super) async fn quarantine(&self, name: &CheckFileName) -> Result<PathBuf, StoreError> {
        let file = name.to_string();
        self.blocking(format!("move `{name}` away"), move |folder| {
            let refused = folder.join(QUARANTINE);
            atomic_file::create_directory(&refused)?;
            ignore_missing(fs::rename(folder.join(&file), refused.join(&file)))?;
            Ok(refused.join(file))
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

fn keep(folder: &Path, wanted: &CheckFileName, content: &[u8]) -> io::Result<Option<PathBuf>> {
    atomic_file::create_directory(folder)?;
    let mut name = wanted.clone();
    for _ in 0..NAMES_TO_TRY {
        let path = folder.join(name.to_string());
        let has_content = |path: &Path| fs::read(path).is_ok_and(|existing| existing == content);
        // A round that is already in the spool is not written again.
        if has_content(&path) {
            return Ok(Some(path));
        }
        let outcome = atomic_file::persist_new(atomic_file::write_temporary(folder, content)?, &path)?;
        if outcome == PersistOutcome::Created || has_content(&path) {
            atomic_file::sync_directory(folder)?;
            return Ok(Some(path));
        }
        name = next_name(&name);
    }
    Ok(None)
}

fn waiting(folder: &Path) -> io::Result<Vec<CheckFileName>> {
    let entries = match fs::read_dir(folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries?,
    };
    let now = SystemTime::now();
    let mut names = Vec::new();
    for entry in entries {
        let entry = entry?;
        let file_name = entry.file_name();
        let Some(text) = file_name.to_str() else { continue };
        if atomic_file::is_temporary(text) {
            atomic_file::remove_if_stale(&entry, now);
        } else if let Some(name) = CheckFileName::parse(text) {
            names.push(name);
        }
    }
    names.sort_unstable();
    Ok(names)
}

fn ignore_missing(result: io::Result<()>) -> io::Result<()> {
    match result {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        result => result,
    }
}

/// What distinguishes one store from another. Keys are not part of it: if they change, waiting rounds still belong to
/// the same bucket.
fn identity(location: &StoreLocation) -> String {
    match location {
        StoreLocation::S3(bucket) => {
            let endpoint = bucket.endpoint_url.as_deref().map(redact_userinfo).unwrap_or_default();
            let endpoint = endpoint.trim_end_matches('/');
            format!("s3\n{endpoint}\n{}\n{}", bucket.name, bucket.prefix)
        }
        StoreLocation::Directory(path) => {
            // A relative path depends on the working directory.
            format!("directory\n{}", std::path::absolute(path).unwrap_or_else(|_| path.clone()).display())
        }
    }
}

/// Sixteen hexadecimal digits: enough to distinguish a few stores, and short enough for a folder name.
fn short_hash(text: &str) -> String {
    let hash = Sha256::digest(text).first_chunk().map_or(0, |start| u64::from_be_bytes(*start));
    format!("{hash:016x}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::settings::{Bucket, Secret, WriterKeys};
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

    #[tokio::test]
    async fn rounds_wait_in_order_until_they_are_deleted() {
        let directory = tempfile::tempdir().unwrap();
        let spool = Spool::open(directory.path(), &bucket("b", "x"));
        assert_eq!(spool.waiting().await.unwrap(), []);
        for step in [2, 0, 1] {
            spool.keep(&name(SOME_TIME + step), &format!("[{step}]").into()).await.unwrap();
        }
        let all: Vec<_> = (0..3).map(|step| name(SOME_TIME + step)).collect();
        assert_eq!(spool.waiting().await.unwrap(), all);
        assert_eq!(spool.read(&all[1]).await.unwrap().as_deref(), Some(b"[1]".as_slice()));
        spool.delete(&all[1]).await.unwrap();
        spool.delete(&all[1]).await.unwrap();
        assert_eq!(spool.read(&all[1]).await.unwrap(), None);
        assert_eq!(spool.waiting().await.unwrap(), [all[0].clone(), all[2].clone()]);
    }

    #[tokio::test]
    async fn a_kept_round_never_replaces_another() {
        let directory = tempfile::tempdir().unwrap();
        let spool = Spool::open(directory.path(), &bucket("b", "x"));
        let first = spool.keep(&name(SOME_TIME), &"[1]".into()).await.unwrap();
        assert_eq!(spool.keep(&name(SOME_TIME), &"[1]".into()).await.unwrap(), first);
        assert_ne!(spool.keep(&name(SOME_TIME), &"[2]".into()).await.unwrap(), first);
        assert_eq!(spool.waiting().await.unwrap(), [name(SOME_TIME), name(SOME_TIME + 1)]);
    }

    #[tokio::test]
    async fn a_quarantined_round_is_kept_but_no_longer_waits() {
        let directory = tempfile::tempdir().unwrap();
        let spool = Spool::open(directory.path(), &bucket("b", "x"));
        spool.keep(&name(SOME_TIME), &"[1]".into()).await.unwrap();
        let path = spool.quarantine(&name(SOME_TIME)).await.unwrap();
        assert_eq!(spool.waiting().await.unwrap(), []);
        assert_eq!(fs::read_to_string(path).unwrap(), "[1]");
    }

    #[test]
    fn each_store_has_its_folder_whatever_its_keys() {
        let folder = |storage: &Storage| Spool::open(Path::new("spool"), storage).folder().to_owned();
        assert_eq!(folder(&bucket("b", "one")), folder(&bucket("b", "other")));
        assert_ne!(folder(&bucket("b", "one")), folder(&bucket("c", "one")));
        assert_ne!(folder(&bucket("b", "one")), folder(&storage(StoreLocation::Directory("b".into()))));
        let relative = storage(StoreLocation::Directory("checks".into()));
        let absolute = storage(StoreLocation::Directory(std::path::absolute("checks").unwrap()));
        assert_eq!(folder(&relative), folder(&absolute));
    }
}

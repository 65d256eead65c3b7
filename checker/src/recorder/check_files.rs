//! Reads and parses many check files in batches, which limits memory use regardless of their total size.

use std::error::Error;
use std::sync::Arc;
use std::{io, mem};

use futures_util::{Stream, TryStreamExt as _, stream};
use shared::check_file::{CheckFile, SkippedElement};
use shared::object_name::CheckFileName;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::store::{ReadObject, Store, StoreError};

/// The maximum number of check files in a batch.
const BATCH_LENGTH: usize = 512;

/// The size of the contents to parse together, in bytes. A larger file is parsed alone, because its results take more
/// memory than its contents.
const PARSED_SIZE: usize = 4 << 20;

/// How many batches are parsed at once, while the next ones are read.
const PARSED_AT_ONCE: usize = 2;

/// The size of contents, in bytes, above which the next ones are read only after their results were used. Both at once
/// could take too much memory.
const LARGE_SIZE: usize = 8 << 20;

type ReadFile = (CheckFileName, ReadObject);

/// Check files that were parsed together. After a large batch, the next one is read only once the first one is dropped.
#[derive(Debug, Default)]
pub(super) struct CheckFileBatch {
    /// The files in the order of their names. Files that cannot be parsed are empty, so that the history covers them and
    /// they are not read again.
    pub files: Vec<(CheckFileName, CheckFile)>,
    pub problems: FileProblems,
    _turn: Option<Arc<OwnedSemaphorePermit>>,
}

/// Problems found in check files.
#[derive(Debug, Default)]
pub struct FileProblems {
    /// The files that cannot be parsed, with reasons.
    pub unreadable: Vec<(CheckFileName, String)>,
    /// The other files that contain invalid results.
    pub skipped: Vec<SkippedResults>,
}

/// The invalid results of a check file.
#[derive(Debug)]
pub struct SkippedResults {
    pub file: CheckFileName,
    pub count: usize,
    pub first: SkippedElement,
}

impl FileProblems {
    /// Adds the problems of other files.
    pub(super) fn extend(&mut self, others: FileProblems) {
        self.unreadable.extend(others.unreadable);
        self.skipped.extend(others.skipped);
    }
}

/// Reads and parses check files in the order of `names`. Missing files are skipped.
pub(super) fn check_files(
    store: &Arc<Store>,
    names: Vec<CheckFileName>,
) -> impl Stream<Item = Result<CheckFileBatch, StoreError>> {
    let (store, turns) = (Arc::clone(store), Arc::new(Semaphore::new(1)));
    stream::try_unfold(names.into_iter(), move |mut names| {
        let (store, turns) = (Arc::clone(&store), Arc::clone(&turns));
        async move {
            let next = &names.as_slice()[..names.len().min(BATCH_LENGTH)];
            if next.is_empty() {
                return Ok(None);
            }
            let turn = turns.acquire_owned().await.map_err(failed)?;
            let batch = store.get_batch(next).await?;
            names.by_ref().take(batch.names.max(1)).for_each(drop);
            let turn = Some(Arc::new(turn)).filter(|_| size(&batch.objects) > LARGE_SIZE);
            let parts = split(batch.objects).into_iter().map(move |objects| Ok((objects, turn.clone())));
            Ok(Some((stream::iter(parts), names)))
        }
    })
    .try_flatten()
    .map_ok(async |(objects, turn)| {
        if size(&objects) < PARSED_SIZE / 16 {
            return Ok(CheckFileBatch::parse(objects));
        }
        // Parse on another thread, because parsing inline would block the next batch.
        let parsed = tokio::task::spawn_blocking(|| CheckFileBatch::parse(objects)).await;
        Ok(CheckFileBatch { _turn: turn, ..parsed.map_err(failed)? })
    })
    .try_buffered(PARSED_AT_ONCE)
}

fn failed(cause: impl Into<Box<dyn Error + Send + Sync>>) -> StoreError {
    StoreError::File { task: "read check files".to_owned(), cause: io::Error::other(cause) }
}

/// Splits objects into parts that are parsed together.
fn split(objects: Vec<ReadFile>) -> Vec<Vec<ReadFile>> {
    let mut parts: Vec<Vec<ReadFile>> = Vec::new();
    for object in objects {
        match parts.last_mut().filter(|part| size(part) < PARSED_SIZE) {
            Some(part) => part.push(object),
            None => parts.push(vec![object]),
        }
    }
    parts
}

/// Returns the total size of objects, in bytes.
fn size(objects: &[ReadFile]) -> usize {
    objects.iter().map(|(_, content)| content.as_ref().map_or(0, Vec::len)).sum()
}

impl CheckFileBatch {
    fn parse(objects: Vec<ReadFile>) -> CheckFileBatch {
        let mut batch = CheckFileBatch::default();
        for (name, content) in objects {
            let parsed = content.and_then(|content| CheckFile::parse(&content).map_err(|error| error.to_string()));
            let mut file = parsed.unwrap_or_else(|why| {
                batch.problems.unreadable.push((name.clone(), why));
                CheckFile::default()
            });
            let skipped = mem::take(&mut file.skipped);
            let count = skipped.len();
            if let Some(first) = skipped.into_iter().next() {
                batch.problems.skipped.push(SkippedResults { file: name.clone(), count, first });
            }
            batch.files.push((name, file));
        }
        batch
    }
}

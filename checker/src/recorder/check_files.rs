//! Reads and parses many check files in batches, which limits memory use regardless of their total size.

use std::sync::Arc;
use std::{io, mem};

use futures_util::{Stream, StreamExt as _, TryStreamExt as _, stream};
use shared::check_file::{CheckFile, SkippedElement};
use shared::object_name::CheckFileName;

use crate::store::{ReadObject, Store, StoreError};

/// The maximum number of check files in a batch.
const BATCH_LENGTH: usize = 512;

/// The size of the contents to parse together, in bytes. A larger file is parsed alone, because its results take more
/// memory than its contents.
const PARSED_SIZE: usize = 4 << 20;

/// How many batches are parsed at once, while the next ones are read.
const PARSED_AT_ONCE: usize = 2;

type ReadFile = (CheckFileName, ReadObject);

/// Check files that were parsed together.
#[derive(Debug, Default)]
pub(super) struct CheckFileBatch {
    /// The files in the order of their names. Files that cannot be parsed are empty, so that the history covers them and
    /// they are not read again.
    pub files: Vec<(CheckFileName, CheckFile)>,
    pub problems: FileProblems,
}

/// Problems found in check files.
#[derive(Debug, Default)]
pub struct FileProblems {
    /// The files that cannot be parsed, with reasons.
    pub unreadable: Vec<(CheckFileName, String)>,
    /// The invalid results of the other files.
    pub skipped: Vec<(CheckFileName, Vec<SkippedElement>)>,
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
    let store = Arc::clone(store);
    stream::try_unfold(names.into_iter(), move |mut names| {
        let store = Arc::clone(&store);
        async move {
            let next = &names.as_slice()[..names.len().min(BATCH_LENGTH)];
            if next.is_empty() {
                return Ok(None);
            }
            let batch = store.get_batch(next).await?;
            names.by_ref().take(batch.names.max(1)).for_each(drop);
            Ok(Some((stream::iter(split(batch.objects)).map(Ok), names)))
        }
    })
    .try_flatten()
    .map_ok(async |objects| {
        if size(&objects) < PARSED_SIZE / 16 {
            return Ok(CheckFileBatch::parse(objects));
        }
        // Parse on another thread, because parsing inline would block the next batch.
        tokio::task::spawn_blocking(|| CheckFileBatch::parse(objects))
            .await
            .map_err(|error| StoreError::File { task: "read check files".to_owned(), cause: io::Error::other(error) })
    })
    .try_buffered(PARSED_AT_ONCE)
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
            if !skipped.is_empty() {
                batch.problems.skipped.push((name.clone(), skipped));
            }
            batch.files.push((name, file));
        }
        batch
    }
}

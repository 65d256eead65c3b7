//! Reads and parses many check files in batches, which limits memory use regardless of their total size.

use std::error::Error;
use std::sync::Arc;
use std::{io, mem};

use futures_util::{Stream, TryStreamExt as _, stream};
use shared::check_file::{CheckFile, CheckResult, InvalidCheckFile, SkippedElement, each_result};
use shared::object_name::CheckFileName;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::store::read_buffer::{BufferedContent, LARGE_SIZE, ReadBuffer};
use crate::store::{ReadObject, Store, StoreError};

/// The maximum number of check files in a batch.
const BATCH_LENGTH: usize = 512;

/// The size of the contents to parse together, in bytes.
const PARSED_SIZE: usize = 2 << 20;

/// The memory of results that are parsed together, in bytes. A file whose results could take more is only validated, and
/// its results are parsed one at a time when they are used. A file with 10,000 typical results fits.
const PARSED_MEMORY: usize = 8 << 20;

/// How many batches are parsed at once, while the next ones are read.
const PARSED_AT_ONCE: usize = 2;

type ReadFile = (CheckFileName, ReadObject);

/// Check files that were parsed together. After more than [`LARGE_SIZE`], the next ones are read only once these are
/// dropped, because both at once could take too much memory.
#[derive(Debug, Default)]
pub(super) struct CheckFileBatch {
    /// The files in the order of their names. Files that cannot be parsed are empty, so that the history covers them and
    /// they are not read again.
    pub files: Vec<(CheckFileName, FileResults)>,
    pub problems: FileProblems,
    _turn: Option<Arc<OwnedSemaphorePermit>>,
}

/// The results of a check file.
#[derive(Debug)]
pub(super) enum FileResults {
    Parsed(CheckFile),
    /// The valid content of a file whose results could take too much memory.
    Unparsed(BufferedContent),
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
    stream::try_unfold((names.into_iter(), None::<ReadBuffer>), move |(mut names, buffer)| {
        let (store, turns) = (Arc::clone(&store), Arc::clone(&turns));
        async move {
            let next = &names.as_slice()[..names.len().min(BATCH_LENGTH)];
            if next.is_empty() {
                return Ok(None);
            }
            let turn = turns.acquire_owned().await.map_err(failed)?;
            let buffer = buffer.unwrap_or_default();
            let batch = store.get_batch_with(next, Some(&buffer)).await?;
            names.by_ref().take(batch.names.max(1)).for_each(drop);
            let turn = Some(Arc::new(turn)).filter(|_| size(&batch.objects) > LARGE_SIZE);
            let reused = buffer.clone();
            let parts =
                split(batch.objects).into_iter().map(move |objects| Ok((objects, turn.clone(), reused.clone())));
            Ok(Some((stream::iter(parts), (names, Some(buffer)))))
        }
    })
    .try_flatten()
    .map_ok(async |(objects, turn, buffer)| {
        if size(&objects) < PARSED_SIZE / 16 {
            return Ok(CheckFileBatch::parse(objects, &buffer));
        }
        // Parse on another thread, because parsing inline would block the next batch.
        let parsed = tokio::task::spawn_blocking(move || CheckFileBatch::parse(objects, &buffer)).await;
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
    fn parse(objects: Vec<ReadFile>, buffer: &ReadBuffer) -> CheckFileBatch {
        let (mut batch, mut room) = (CheckFileBatch::default(), PARSED_MEMORY);
        for (name, content) in objects {
            let mut skipped = Skipped::default();
            let parsed = content.and_then(|content| {
                FileResults::parse(buffer.lend(content), &mut room, &mut skipped).map_err(|error| error.to_string())
            });
            match parsed {
                Ok(results) => {
                    if let Some(first) = skipped.first {
                        let count = skipped.count;
                        batch.problems.skipped.push(SkippedResults { file: name.clone(), count, first });
                    }
                    batch.files.push((name, results));
                }
                Err(why) => {
                    batch.problems.unreadable.push((name.clone(), why));
                    batch.files.push((name, FileResults::Parsed(CheckFile::default())));
                }
            }
        }
        batch
    }
}

/// The invalid elements of a check file.
#[derive(Debug, Default)]
struct Skipped {
    count: usize,
    first: Option<SkippedElement>,
}

impl Skipped {
    fn add(&mut self, element: SkippedElement) {
        self.count += 1;
        self.first.get_or_insert(element);
    }
}

impl FileResults {
    /// Parses a file if its results fit into `room`, in bytes, and reduces the room. Otherwise, only validates it.
    fn parse(
        content: BufferedContent,
        room: &mut usize,
        skipped: &mut Skipped,
    ) -> Result<FileResults, InvalidCheckFile> {
        let Some(left) = room.checked_sub(CheckFile::memory_bound(&content)) else {
            each_result(&content, &mut |element| {
                if let Err(element) = element {
                    skipped.add(element);
                }
            })?;
            return Ok(FileResults::Unparsed(content));
        };
        *room = left;
        let mut file = CheckFile::parse(&content)?;
        for element in mem::take(&mut file.skipped) {
            skipped.add(element);
        }
        Ok(FileResults::Parsed(file))
    }

    /// Passes each result to `take`.
    pub(super) fn each(&self, take: &mut dyn FnMut(&CheckResult)) {
        match self {
            FileResults::Parsed(file) => file.results.iter().for_each(take),
            FileResults::Unparsed(content) => each_valid(content, &mut |result| take(&result)),
        }
    }

    /// Passes each result to `take`, which can keep it.
    pub(super) fn into_each(self, take: &mut dyn FnMut(CheckResult)) {
        match self {
            FileResults::Parsed(file) => file.results.into_iter().for_each(take),
            FileResults::Unparsed(content) => each_valid(&content, take),
        }
    }

    pub(super) fn into_file(self) -> CheckFile {
        match self {
            FileResults::Parsed(file) => file,
            FileResults::Unparsed(content) => CheckFile::parse(&content).unwrap_or_default(),
        }
    }
}

/// Passes each result of a valid file to `take`.
fn each_valid(content: &[u8], take: &mut dyn FnMut(CheckResult)) {
    let read = each_result(content, &mut |element| {
        if let Ok(result) = element {
            take(result);
        }
    });
    debug_assert!(read.is_ok(), "the content was validated");
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn parse(contents: &[&str]) -> CheckFileBatch {
        let name = |number: i64| CheckFileName { stored_at: 1_795_330_254_340_493_978 + number, node: None };
        let objects = (0..).zip(contents).map(|(number, content)| (name(number), Ok(content.as_bytes().to_vec())));
        CheckFileBatch::parse(objects.collect(), &ReadBuffer::default())
    }

    fn titles(results: &FileResults) -> Vec<String> {
        let mut titles = Vec::new();
        results.each(&mut |result| titles.push(result.title.clone()));
        titles
    }

    #[test]
    fn files_with_too_many_results_are_parsed_one_result_at_a_time() {
        let small = json!([{ "title": "A" }, 1]).to_string();
        let many: Vec<_> = (0..50_000).map(|number| json!({ "title": number.to_string() })).chain([json!(2)]).collect();
        let many = json!(many).to_string();
        let batch = parse(&[&small, &many, &small]);
        let kinds: Vec<bool> =
            batch.files.iter().map(|(_, results)| matches!(results, FileResults::Parsed(_))).collect();
        assert_eq!(kinds, [true, false, true]);
        let skipped = batch.problems.skipped.iter().map(|skipped| (skipped.count, skipped.first.index));
        assert_eq!(skipped.collect::<Vec<_>>(), [(1, 1), (1, 50_000), (1, 1)]);
        for (_, results) in batch.files {
            let mut each = Vec::new();
            let borrowed = titles(&results);
            let file = FileResults::Parsed(CheckFile::parse(many.as_bytes()).unwrap());
            let expected = if borrowed.len() == 1 { vec!["A".to_owned()] } else { titles(&file) };
            results.into_each(&mut |result| each.push(result.title));
            assert!(borrowed == expected && each == expected);
        }
    }

    #[test]
    fn a_part_has_limited_memory_for_parsed_results() {
        // Each file has 10,000 results in 30 KB.
        let tiny = format!("[{}{{}}]", "{},".repeat(9_999));
        let batch = parse(&[tiny.as_str(); 20]);
        let parsed = batch.files.iter().filter(|(_, results)| matches!(results, FileResults::Parsed(_))).count();
        assert_eq!(parsed, PARSED_MEMORY / CheckFile::memory_bound(tiny.as_bytes()));
        assert!((1..20).contains(&parsed));
        assert!(batch.files.into_iter().all(|(_, results)| results.into_file().results.len() == 10_000));
    }

    #[test]
    fn an_invalid_large_file_is_empty() {
        let batch = parse(&[&format!("[1,{}", "{},".repeat(100_000))]);
        assert_eq!((batch.problems.unreadable.len(), batch.problems.skipped.len()), (1, 0));
        assert_eq!(titles(&batch.files[0].1), [""; 0]);
    }
}

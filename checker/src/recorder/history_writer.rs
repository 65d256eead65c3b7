//! Keeps this node's history in the store: adds each round, and makes it again from the check files where it is
//! lost or a round came late. What a history is, is [`shared::history`]'s business.

use std::sync::Arc;

use futures_util::{StreamExt as _, stream};
use shared::check_file::{CheckFile, CheckResult};
use shared::history::{History, HistoryBuilder, InvalidHistory, Latencies, RebuildFrom, own_check_files};
use shared::object_name::{CheckFileName, HistoryName, HistoryPart, NodeName};
use shared::{MINUTE, Nanos, SECOND, UnixNanos};

use crate::store::{Listing, Store, StoreError};

/// How often a checker that repeats looks whether another run of this node stored something: more often than
/// [`shared::history::OVERLAP`], so that nothing is missed.
const LIST_SPACING: Nanos = 10 * MINUTE;

/// How often a checker that repeats writes its history at most; readers add the check files that are newer.
const WRITE_SPACING: Nanos = 30 * SECOND;

/// How many check files are read beside a round at most. Above this it takes too long, and a person has to ask for it.
const FILES_BESIDE_A_ROUND: usize = 5_000;

/// How many check files are read and parsed in one piece of work.
const PIECE: usize = 512;

/// How many pieces are in hand at once.
const PIECES_AT_ONCE: usize = 4;

/// The history could not be kept. No round is lost by that: the check files are there to make it from.
#[derive(Debug, thiserror::Error)]
pub enum HistoryError {
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The object in the store is from a newer program and must not be replaced.
    #[error("`{name}` cannot be updated: {cause}")]
    NotOurs {
        /// Which object.
        name: HistoryName,
        /// Why.
        cause: InvalidHistory,
    },
    /// It would take too long.
    #[error(
        "the history lacks more than {FILES_BESIDE_A_ROUND} check files; run `checker history rebuild` once (until then, readers use the check files)"
    )]
    TooMuch,
}

/// What is known of this node's history between two rounds.
#[derive(Debug)]
pub struct KeptHistory {
    node: NodeName,
    expiry: Nanos,
    known: Option<History>,
    listed_at: Option<UnixNanos>,
    written_at: Option<UnixNanos>,
}

impl KeptHistory {
    /// Nothing is read yet.
    #[must_use]
    pub fn new(node: NodeName, expiry: Nanos) -> KeptHistory {
        KeptHistory { node, expiry, known: None, listed_at: None, written_at: None }
    }

    /// Adds a round that was stored, beside others that were sent with it.
    pub async fn add(
        &mut self,
        store: &Arc<Store>,
        round: (&CheckFileName, &[CheckResult]),
        sent: &[CheckFileName],
        now: UnixNanos,
    ) -> Result<(), HistoryError> {
        let history = match self.known.take() {
            Some(history) => history,
            None => match read(store, Some(&self.node)).await? {
                Found::Good(history) => history,
                Found::Missing | Found::Broken(_) => History::new(Some(self.node.clone())),
            },
        };
        if history.newest().is_none() {
            let oldest = store.list::<CheckFileName>(Listing::oldest(FILES_BESIDE_A_ROUND)).await?;
            if oldest.len() >= FILES_BESIDE_A_ROUND {
                return Err(HistoryError::TooMuch);
            }
        }
        let mut listed = Vec::new();
        if self.listed_at.is_none_or(|listed| !(0..LIST_SPACING).contains(&now.saturating_sub(listed))) {
            listed = store.list(Listing::since(history.list_from())).await?;
            self.listed_at = Some(now);
        }
        let folded = fold(store, history, round, &listed, sent, self.expiry, now).await?;
        // A day that was closed, or anything that was made again, is written at once.
        let is_due = self.written_at.is_none_or(|written| !(0..WRITE_SPACING).contains(&now.saturating_sub(written)));
        if is_due || folded.latencies.is_some() {
            write(store, &folded).await?;
            self.written_at = Some(now);
        }
        self.known = Some(folded.history);
        Ok(())
    }
}

/// A history after a fold, with its latencies if they have changed.
#[derive(Debug)]
struct Folded {
    history: History,
    latencies: Option<Latencies>,
}

async fn fold(
    store: &Arc<Store>,
    mut history: History,
    (name, results): (&CheckFileName, &[CheckResult]),
    listed: &[CheckFileName],
    sent: &[CheckFileName],
    expiry: Nanos,
    now: UnixNanos,
) -> Result<Folded, HistoryError> {
    // What was sent just now is known to be missing, however old it is.
    let mut names = history.uncovered(listed, now);
    names.extend(own_check_files(&history, sent, now));
    names.retain(|other| other != name);
    names.sort_unstable();
    names.dedup();
    let others = read_and_parse(Arc::clone(store), names).await?.0;
    let mut files: Vec<(&CheckFileName, &[CheckResult])> =
        others.iter().map(|(name, file)| (name, file.results.as_slice())).collect();
    files.insert(files.partition_point(|(other, _)| *other < name), (name, results));
    let mut gap = history.can_append(files.iter().copied(), now).err();
    let closes = files.iter().any(|(name, _)| history.closes_with(name.stored_at));
    if gap.is_none() && !closes {
        go_on(&mut history, &mut Latencies::default(), &files, expiry);
        return Ok(Folded { history, latencies: None });
    }
    let mut latencies = read_latencies(store, history.node.as_ref()).await?.unwrap_or_default();
    gap = [gap, history.rebuild_for(&latencies)].into_iter().flatten().min();
    match gap {
        None => go_on(&mut history, &mut latencies, &files, expiry),
        Some(gap) => {
            let listed: Vec<CheckFileName> = store.list(Listing::since(gap.list_from())).await?;
            if own_check_files(&history, &listed, now).len() > FILES_BESIDE_A_ROUND {
                return Err(HistoryError::TooMuch);
            }
            make_again(store, (&mut history, &mut latencies), gap, &listed, expiry, now, |_| {}).await?;
        }
    }
    Ok(Folded { history, latencies: Some(latencies) })
}

fn go_on(history: &mut History, latencies: &mut Latencies, files: &[(&CheckFileName, &[CheckResult])], expiry: Nanos) {
    let mut builder = HistoryBuilder::append(history, latencies);
    for (name, results) in files {
        builder.add_results(name, results);
    }
    builder.finish(expiry);
}

/// What became of a rebuild.
#[derive(Debug, Default)]
pub struct Rebuilt {
    /// How many check files were read.
    pub files: usize,
    /// Which of them are none inside, each with the reason.
    pub unreadable: Vec<(CheckFileName, String)>,
    /// How many results were left out, since their time cannot be true.
    pub implausible: usize,
    /// Why the history that was there before could not be used.
    pub replaced: Option<InvalidHistory>,
}

/// Makes a history again from all check files that are there. What it knew from before them stays.
///
/// `progress` is told how many files are done, of how many.
pub async fn rebuild(
    store: &Arc<Store>,
    node: Option<&NodeName>,
    expiry: Nanos,
    now: UnixNanos,
    mut progress: impl FnMut(usize, usize),
) -> Result<Rebuilt, HistoryError> {
    let (mut history, replaced) = match read(store, node).await? {
        Found::Good(history) => (history, None),
        Found::Missing => (History::new(node.cloned()), None),
        Found::Broken(cause) => (History::new(node.cloned()), Some(cause)),
    };
    let mut latencies = read_latencies(store, node).await?.unwrap_or_default();
    let listed: Vec<CheckFileName> = store.list(Listing::all()).await?;
    let total = own_check_files(&history, &listed, now).len();
    let both = (&mut history, &mut latencies);
    let done = make_again(store, both, RebuildFrom::START, &listed, expiry, now, |done| progress(done, total)).await?;
    // Where there is nothing to know, nothing is written.
    if history.newest().is_some() {
        write(store, &Folded { history, latencies: Some(latencies) }).await?;
    }
    Ok(Rebuilt { replaced, ..done })
}

async fn make_again(
    store: &Arc<Store>,
    (history, latencies): (&mut History, &mut Latencies),
    gap: RebuildFrom,
    listed: &[CheckFileName],
    expiry: Nanos,
    now: UnixNanos,
    mut progress: impl FnMut(usize),
) -> Result<Rebuilt, HistoryError> {
    let names: Vec<CheckFileName> = own_check_files(history, listed, now).into_iter().collect();
    let mut rebuilt = Rebuilt::default();
    let mut builder = HistoryBuilder::rebuild(history, latencies, gap, listed, now);
    let mut pieces = stream::iter(names.chunks(PIECE))
        .map(|piece| read_and_parse(Arc::clone(store), piece.to_vec()))
        .buffered(PIECES_AT_ONCE);
    while let Some(piece) = pieces.next().await {
        let (files, unreadable) = piece?;
        rebuilt.files += files.len();
        rebuilt.unreadable.extend(unreadable);
        for (name, file) in files {
            builder.add(&name, &file);
        }
        progress(rebuilt.files);
    }
    rebuilt.implausible = builder.finish(expiry).implausible;
    Ok(rebuilt)
}

/// Check files with what they say.
type Files = Vec<(CheckFileName, CheckFile)>;

/// Reads check files; those that are none inside are named with the reason.
pub async fn read_and_parse(
    store: Arc<Store>,
    names: Vec<CheckFileName>,
) -> Result<(Files, Vec<(CheckFileName, String)>), StoreError> {
    if names.is_empty() {
        return Ok((Vec::new(), Vec::new()));
    }
    let contents = store.get_all(&names).await?;
    let parse = move || {
        let (mut files, mut unreadable) = (Vec::with_capacity(contents.len()), Vec::new());
        for (name, content) in contents {
            match content.and_then(|content| CheckFile::parse(&content).map_err(|error| error.to_string())) {
                Ok(file) => files.push((name, file)),
                Err(why) => {
                    // It counts as a file, so that the history knows it and never asks for it again.
                    unreadable.push((name.clone(), why));
                    files.push((name, CheckFile::default()));
                }
            }
        }
        (files, unreadable)
    };
    if names.len() < PIECE / 8 {
        return Ok(parse());
    }
    // Parsing is work, and other pieces should go on meanwhile.
    tokio::task::spawn_blocking(parse)
        .await
        .map_err(|error| StoreError::File { task: "read check files".to_owned(), cause: std::io::Error::other(error) })
}

/// What stands where a history should be.
#[derive(Debug)]
pub enum Found {
    /// A history.
    Good(History),
    /// Nothing.
    Missing,
    /// Something that is none.
    Broken(InvalidHistory),
}

/// Reads a node's history.
pub async fn read(store: &Store, node: Option<&NodeName>) -> Result<Found, HistoryError> {
    let name = HistoryName { node: node.cloned(), part: HistoryPart::Main };
    let Some(content) = store.get(&name).await? else { return Ok(Found::Missing) };
    match History::parse(&content) {
        Ok(history) if history.node.as_ref() == node => Ok(Found::Good(history)),
        Ok(_) => Ok(Found::Broken(InvalidHistory::Inconsistent("the node's name"))),
        Err(cause @ InvalidHistory::UnsupportedVersion(_)) => Err(HistoryError::NotOurs { name, cause }),
        Err(cause) => Ok(Found::Broken(cause)),
    }
}

/// Reads a node's latencies; where they cannot be used there are none, and the node makes them again.
pub async fn read_latencies(store: &Store, node: Option<&NodeName>) -> Result<Option<Latencies>, HistoryError> {
    let name = HistoryName { node: node.cloned(), part: HistoryPart::Latency };
    let content = store.get(&name).await?;
    match content.map(|content| Latencies::parse(&content)) {
        Some(Err(cause @ InvalidHistory::UnsupportedVersion(_))) => Err(HistoryError::NotOurs { name, cause }),
        Some(Ok(latencies)) => Ok(Some(latencies)),
        Some(Err(_)) | None => Ok(None),
    }
}

/// Writes the latencies first: should it break off in between, the history tells that they do not belong to it.
async fn write(store: &Store, Folded { history, latencies }: &Folded) -> Result<(), HistoryError> {
    let name = |part| HistoryName { node: history.node.clone(), part };
    if let Some(latencies) = latencies {
        store.put(&name(HistoryPart::Latency), latencies.to_json().into()).await?;
    }
    store.put(&name(HistoryPart::Main), history.to_json().into()).await?;
    Ok(())
}

#[cfg(test)]
mod tests;

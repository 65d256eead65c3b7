//! Reads the histories of all nodes, and extends them with newer check files.

use std::collections::BTreeSet;
use std::fmt;
use std::pin::pin;
use std::sync::Arc;

use futures_util::TryStreamExt as _;
use shared::civil::rfc3339;
use shared::history::planner::{ReadPlanner, changed_histories};
use shared::history::{
    BuildReport, History, HistoryBuilder, InvalidHistory, Latencies, MAX_ROUND_DURATION, OVERLAP, RebuildFrom,
    own_check_files,
};
use shared::object_name::{CheckFileName, DigestName, HistoryName, HistoryPart, NodeName};
use shared::quorum::CLOCK_TOLERANCE;
use shared::{Nanos, UnixNanos};

use super::check_files::{FileProblems, check_files};
use super::history_writer::{HistoryError, LoadedHistory, read};
use crate::counted;
use crate::store::object::HistoryFolderName;
use crate::store::{Listing, Store, StoreError};

/// The parts of the histories to read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Detail {
    Status,
    /// Status and latencies. Latencies are ten times as large.
    Latencies,
}

/// The histories of all nodes.
#[derive(Debug, Default)]
pub struct Histories {
    /// One history per node, extended to its newest check file.
    pub histories: Vec<History>,
    /// The valid latencies of all nodes, if requested.
    pub latencies: Vec<Latencies>,
    /// The invalid histories in the store, with reasons. Their nodes' check files are used instead.
    pub unreadable: Vec<(HistoryName, InvalidHistory)>,
    /// Why the histories of a directory store cannot be listed, as a complete clause. Check files are used instead.
    pub unlisted: Option<String>,
    /// The digests of posts in the store, which are listed with the histories.
    pub digests: Vec<DigestName>,
    /// Problems found in the check files.
    pub file_problems: FileProblems,
    /// The nodes whose check files take too much memory.
    pub left_out: Vec<LeftOut>,
    /// Whether endpoints may be missing: a node's newest check file is invalid, its history is invalid and no check
    /// files replace it, histories cannot be listed, or a node's check files take too much memory.
    pub is_incomplete: bool,
}

/// Results that are missing because the check files of their node take too much memory. Displayed as a warning.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LeftOut {
    pub node: Option<NodeName>,
    /// What is missing: `results` or `response times`.
    pub what: &'static str,
    pub report: BuildReport,
    /// The memory limit, in bytes.
    pub limit: usize,
}

impl fmt::Display for LeftOut {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let node =
            self.node.as_ref().map_or_else(|| "the unnamed node".to_owned(), |node| format!("the node `{node}`"));
        let (what, BuildReport { left_out_before, excess, late, .. }) = (self.what, self.report);
        match left_out_before.map(rfc3339) {
            Some(before) if excess > 0 => {
                write!(f, "left out the {what} of {node} from before {before} and {excess} other results")?;
            }
            Some(before) => write!(f, "left out the {what} of {node} from before {before}")?,
            None if excess > 0 => write!(f, "left out {} of {node}", counted(excess, "result"))?,
            None => write!(f, "left out {} of {node}", counted(late, "late result"))?,
        }
        write!(f, ", because its check files take more than {} MiB of memory", self.limit >> 20)
    }
}

/// The maximum memory of the history that is built from a node's check files, or by which they extend it, in bytes. This
/// is enough for 10,000 healthy endpoints in a file, or twice as many that are not healthy.
const MEMORY_LIMIT: usize = 12 << 20;

/// The limit if response times are read as well, which take most of the memory.
pub(super) const MEMORY_LIMIT_WITH_RESPONSE_TIMES: usize = 256 << 20;

impl Detail {
    fn memory_limit(self) -> usize {
        match self {
            Detail::Status => MEMORY_LIMIT,
            Detail::Latencies => MEMORY_LIMIT_WITH_RESPONSE_TIMES,
        }
    }
}

/// Reads all histories for the period from `from` to `now`.
pub async fn histories(
    store: &Arc<Store>,
    from: UnixNanos,
    now: UnixNanos,
    detail: Detail,
) -> Result<Histories, HistoryError> {
    let (Stored { histories: mut stored, unreadable, digests }, unlisted) = match read_stored(store).await {
        Ok(stored) => (stored, None),
        // If the whole directory is unreadable, listing its check files fails as well.
        Err(HistoryError::Store(error)) if error.is_lasting_file_error() => {
            (Stored::default(), Some(error.to_string()))
        }
        Err(error) => return Err(error),
    };
    let mut result = Histories { unreadable, unlisted, digests, ..Histories::default() };
    // Nodes without a history need the check files of the whole range, and some from before it.
    let needed_from = from.saturating_sub(2 * MAX_ROUND_DURATION).max(0);
    let planner = planner(needed_from, now);
    let listed_from = planner.first_listing(&stored);
    let mut listed: Vec<CheckFileName> = store.list(Listing::since(listed_from)).await?;
    if let Some(earlier) = planner.second_listing(&stored, &listed, listed_from, |_| needed_from) {
        listed = store.list(Listing::since(earlier)).await?;
    }
    let nodes: BTreeSet<Option<NodeName>> = listed.iter().map(|name| name.node.clone()).collect();
    let nodes: BTreeSet<_> = nodes.into_iter().chain(stored.iter().map(|history| history.node.clone())).collect();
    for node in nodes {
        let (history, latencies) = if let Some(index) = stored.iter().position(|history| history.node == node) {
            let mut history = stored.swap_remove(index);
            if detail == Detail::Status {
                history.remove_latencies();
            }
            let mut latencies = match detail {
                Detail::Status => None,
                Detail::Latencies => result.read_latencies(store, node.as_ref()).await?,
            };
            // Ignore latencies that do not match the history: they come from an interrupted write.
            latencies = latencies.filter(|latencies| history.rebuild_for(latencies).is_none());
            let mut updated = latencies.clone().unwrap_or_default();
            let extended = update(store, (history, &mut updated), &listed, now, detail).await?;
            (result.add(extended), latencies.map(|_| updated))
        } else {
            let (extended, latencies) = from_check_files(store, node, &listed, now, detail).await?;
            (result.add(extended), Some(latencies))
        };
        result.histories.push(history);
        result.latencies.extend(latencies);
    }
    result.is_incomplete |= result.unlisted.is_some() || result.lacks_a_node() || result.lacks_newest_files();
    Ok(result)
}

/// A history that was extended with check files.
struct Extended {
    history: History,
    problems: FileProblems,
    report: BuildReport,
    /// The memory limit, in bytes.
    limit: usize,
}

impl Histories {
    /// Adds what was found in a node's check files, and returns its history.
    fn add(&mut self, Extended { history, problems, report, limit }: Extended) -> History {
        self.file_problems.extend(problems);
        if report.exceeds_memory() {
            self.left_out.push(LeftOut { node: history.node.clone(), what: "results", report, limit });
            self.is_incomplete = true;
        }
        history
    }

    /// Returns whether a node has an invalid history that no check files replace.
    fn lacks_a_node(&self) -> bool {
        let is_present = |name: &HistoryName| self.histories.iter().any(|history| history.node == name.node);
        self.unreadable.iter().any(|(name, _)| name.part == HistoryPart::Main && !is_present(name))
    }

    /// Reads a node's latencies. Returns `None` if they are missing or invalid.
    async fn read_latencies(
        &mut self,
        store: &Store,
        node: Option<&NodeName>,
    ) -> Result<Option<Latencies>, HistoryError> {
        let name = HistoryName { node: node.cloned(), part: HistoryPart::Latency };
        let content = match store.get(&name).await {
            Err(error @ StoreError::TooLarge { .. }) => Err(InvalidHistory::Malformed(error.to_string())),
            read => Ok(read?),
        };
        match content.and_then(|content| content.map(|content| Latencies::parse(&content)).transpose()) {
            Ok(latencies) => Ok(latencies),
            Err(cause) => {
                self.unreadable.push((name, cause));
                Ok(None)
            }
        }
    }

    /// Returns whether the newest check file of any node is invalid.
    fn lacks_newest_files(&self) -> bool {
        let is_newest = |name: &CheckFileName| {
            let history = self.histories.iter().find(|history| history.node == name.node);
            history.and_then(History::newest).is_none_or(|newest| newest <= name.stored_at)
        };
        self.file_problems.unreadable.iter().any(|(name, _)| is_newest(name))
    }
}

/// Returns the histories of all nodes that have one, up to `now`. Other nodes are skipped, because reading all of their
/// check files after each round would take too long.
pub async fn histories_up_to(store: &Arc<Store>, now: UnixNanos) -> Result<Histories, HistoryError> {
    let Stored { histories, unreadable, digests } = read_stored(store).await?;
    let listed = if histories.iter().any(|history| history.newest().is_some()) {
        store.list(Listing::since(planner(0, now).first_listing(&histories))).await?
    } else {
        Vec::new()
    };
    let mut result = Histories { is_incomplete: !unreadable.is_empty(), unreadable, digests, ..Histories::default() };
    for history in histories {
        let latencies = &mut Latencies::default();
        let extended = update(store, (history, latencies), &listed, now, Detail::Status).await?;
        let updated = result.add(extended);
        result.histories.push(updated);
    }
    result.is_incomplete |= result.lacks_newest_files();
    Ok(result)
}

/// Creates a planner for the check files that extend the histories to the present. Nodes without a history are read
/// starting at `from`.
fn planner(from: UnixNanos, now: UnixNanos) -> ReadPlanner {
    let until = now.saturating_add(CLOCK_TOLERANCE);
    ReadPlanner { from, checks_from: UnixNanos::MAX, until, overlap: OVERLAP }
}

/// The objects in the folder of histories.
#[derive(Debug, Default)]
struct Stored {
    histories: Vec<History>,
    /// The invalid histories, with reasons.
    unreadable: Vec<(HistoryName, InvalidHistory)>,
    digests: Vec<DigestName>,
}

/// Reads all histories in the store, and lists the digests of posts.
async fn read_stored(store: &Store) -> Result<Stored, HistoryError> {
    let (mut histories, mut unreadable, mut digests) = (Vec::new(), Vec::new(), Vec::new());
    let mut listed = Vec::new();
    for name in store.list::<HistoryFolderName>(Listing::all()).await? {
        match name {
            HistoryFolderName::History(name) => listed.push((name, None::<()>)),
            HistoryFolderName::Digest(name) => digests.push(name),
        }
    }
    for (name, _) in changed_histories(&listed, &[HistoryPart::Main], |_| None) {
        match read(store, name.node.as_ref()).await {
            Ok(LoadedHistory::Valid(history)) => histories.push(history),
            Ok(LoadedHistory::Invalid(cause)) | Err(HistoryError::Newer { cause, .. }) => {
                unreadable.push((name.clone(), cause));
            }
            Ok(LoadedHistory::Missing) => {}
            // The permissions of one file do not affect the others.
            Err(HistoryError::Store(error @ StoreError::File { .. })) if error.is_denied() => {
                unreadable.push((name.clone(), InvalidHistory::Malformed(error.to_string())));
            }
            Err(error) => return Err(error),
        }
    }
    Ok(Stored { histories, unreadable, digests })
}

/// Adds the check files that a history does not cover. Files that were stored late are added only by the node itself.
async fn update(
    store: &Arc<Store>,
    (mut history, latencies): (History, &mut Latencies),
    listed: &[CheckFileName],
    now: UnixNanos,
    detail: Detail,
) -> Result<Extended, HistoryError> {
    let planner = planner(0, now);
    let is_own = |name: &&CheckFileName| name.node == history.node;
    let needed = listed.iter().filter(is_own).filter(|name| planner.is_needed(std::slice::from_ref(&history), name));
    let needed: Vec<CheckFileName> = needed.cloned().collect();
    let (before, limit) = (history.memory(), detail.memory_limit());
    let (mut problems, mut report) = (FileProblems::default(), BuildReport::default());
    let mut batches = pin!(check_files(store, needed));
    while let Some(batch) = batches.try_next().await? {
        problems.extend(batch.problems);
        for (name, results) in batch.files {
            if history.can_append_each(&name, now, |take| results.each(take)) {
                let mut builder = HistoryBuilder::append(&mut history, latencies).with_memory_limit(before, limit);
                if detail == Detail::Status {
                    builder = builder.without_latencies();
                }
                builder.add_each(&name, |take| results.into_each(take));
                report.extend(builder.finish(NO_EXPIRY));
            }
        }
    }
    Ok(Extended { history, problems, report, limit })
}

async fn from_check_files(
    store: &Arc<Store>,
    node: Option<NodeName>,
    listed: &[CheckFileName],
    now: UnixNanos,
    detail: Detail,
) -> Result<(Extended, Latencies), HistoryError> {
    let (mut history, mut latencies) = (History::new(node), Latencies::default());
    let names: Vec<CheckFileName> = own_check_files(&history, listed, now).into_iter().collect();
    let (mut problems, limit) = (FileProblems::default(), detail.memory_limit());
    let mut builder = HistoryBuilder::rebuild(&mut history, &mut latencies, RebuildFrom::START, listed, now)
        .with_memory_limit(0, limit);
    if detail == Detail::Status {
        builder = builder.without_latencies();
    }
    let mut batches = pin!(check_files(store, names));
    while let Some(batch) = batches.try_next().await? {
        problems.extend(batch.problems);
        for (name, results) in batch.files {
            builder.add_each(&name, |take| results.into_each(take));
        }
    }
    let report = builder.finish(NO_EXPIRY);
    Ok((Extended { history, problems, report, limit }, latencies))
}

/// Histories in memory do not expire.
const NO_EXPIRY: Nanos = Nanos::MAX;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn left_out_results_are_named_and_the_status_is_incomplete() {
        let add = |node: Option<&str>, report| {
            let node = node.and_then(|node| NodeName::new(node).ok());
            let mut read = Histories::default();
            let (history, problems) = (History::new(node), FileProblems::default());
            let history = read.add(Extended { history, problems, report, limit: MEMORY_LIMIT });
            assert_eq!(history.newest(), None);
            (read.is_incomplete, read.left_out.iter().map(ToString::to_string).collect::<Vec<_>>())
        };
        assert_eq!(add(Some("eu"), BuildReport { implausible: 1, ..BuildReport::default() }), (false, Vec::new()));
        let before =
            BuildReport { left_out_before: Some(1_795_330_254_340_493_978), late: 3, ..BuildReport::default() };
        let cause = "because its check files take more than 12 MiB of memory";
        let of_eu = "left out the results of the node `eu` from before 2026-11-22T06:50:54Z";
        assert_eq!(add(Some("eu"), before), (true, vec![format!("{of_eu}, {cause}")]));
        let both = BuildReport { excess: 20_000, ..before };
        assert_eq!(add(Some("eu"), both), (true, vec![format!("{of_eu} and 20000 other results, {cause}")]));
        let excess = BuildReport { excess: 1, late: 1, ..BuildReport::default() };
        assert_eq!(add(None, excess), (true, vec![format!("left out 1 result of the unnamed node, {cause}")]));
        let late = BuildReport { late: 1, ..BuildReport::default() };
        assert_eq!(add(None, late), (true, vec![format!("left out 1 late result of the unnamed node, {cause}")]));
    }
}

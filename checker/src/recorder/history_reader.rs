//! What a store says about all nodes: their histories, the check files that these do not cover yet, and on request what
//! was measured check by check.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use shared::check_file::EndpointKey;
use shared::history::planner::{ReadPlanner, changed_histories};
use shared::history::{
    History, HistoryBuilder, InvalidHistory, Latencies, MAX_ROUND_DURATION, OVERLAP, RebuildFrom, own_check_files,
};
use shared::object_name::{CheckFileName, HistoryName, HistoryPart, NodeName};
use shared::quorum::CLOCK_TOLERANCE;
use shared::response_times::{Measurement, answered};
use shared::{Nanos, UnixNanos};

use super::history_writer::{Found, HistoryError, read, read_and_parse, read_latencies};
use crate::store::{Listing, Store};

/// How many check files are read in one piece of work.
const PIECE: usize = 512;

/// How much is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Depth {
    /// What tells how everything stands and stood.
    Standings,
    /// The latencies, too, which weigh ten times as much.
    Latencies,
}

/// Everything that is known of the nodes.
#[derive(Debug, Default)]
pub struct Outlook {
    /// A history of each node, up to the newest check file.
    pub histories: Vec<History>,
    /// The latencies that belong to them, of those nodes whose are asked for and can be used.
    pub latencies: Vec<Latencies>,
    /// Nodes whose history in the store cannot be used, each with the reason; check files filled in.
    pub unreadable: Vec<(HistoryName, InvalidHistory)>,
}

/// Reads what the store knows of the time from `from` to `now`.
pub async fn outlook(
    store: &Arc<Store>,
    from: UnixNanos,
    now: UnixNanos,
    depth: Depth,
) -> Result<Outlook, HistoryError> {
    let mut outlook = Outlook::default();
    let (mut histories, unreadable) = read_histories(store).await?;
    outlook.unreadable = unreadable;
    // Nodes without a history are known by their check files alone; these reach a little into the time asked for.
    let reaches = from.saturating_sub(2 * MAX_ROUND_DURATION).max(0);
    let planner = planner(reaches, now);
    let listed_from = planner.first_listing(&histories);
    let mut listed: Vec<CheckFileName> = store.list(Listing::since(listed_from)).await?;
    if let Some(earlier) = planner.second_listing(&histories, &listed, listed_from, |_| reaches) {
        listed = store.list(Listing::since(earlier)).await?;
    }
    let nodes: BTreeSet<Option<NodeName>> = listed.iter().map(|name| name.node.clone()).collect();
    let nodes: BTreeSet<_> = nodes.into_iter().chain(histories.iter().map(|history| history.node.clone())).collect();
    for node in nodes {
        let (history, latencies) = if let Some(index) = histories.iter().position(|history| history.node == node) {
            let history = histories.swap_remove(index);
            let mut latencies = match depth {
                Depth::Standings => None,
                Depth::Latencies => read_latencies(store, node.as_ref()).await?,
            };
            // Those that another run has left behind belong to another history.
            latencies = latencies.filter(|latencies| history.rebuild_for(latencies).is_none());
            let mut grown = latencies.clone().unwrap_or_default();
            let history = bring_up_to_date(store, history, &mut grown, &listed, now).await?;
            (history, latencies.map(|_| grown))
        } else {
            let (history, latencies) = from_check_files(store, node, &listed, now).await?;
            (history, Some(latencies))
        };
        outlook.histories.push(history);
        outlook.latencies.extend(latencies);
    }
    Ok(outlook)
}

/// What was measured, by node and endpoint, in the order of time.
pub type Checks = BTreeMap<(Option<NodeName>, EndpointKey), Vec<Measurement>>;

/// Reads every check file that was stored in the time from `from` to `now`.
pub async fn checks(store: &Arc<Store>, from: UnixNanos, now: UnixNanos) -> Result<Checks, HistoryError> {
    let mut names: Vec<CheckFileName> = store.list(Listing::since(from)).await?;
    names.retain(|name| (from..=now.saturating_add(CLOCK_TOLERANCE)).contains(&name.stored_at));
    let mut checks = Checks::new();
    for piece in names.chunks(PIECE) {
        let (files, _) = read_and_parse(Arc::clone(store), piece.to_vec()).await?;
        for result in files.into_iter().flat_map(|(name, file)| file.stored_as(&name).results) {
            let measured = Measurement { at: result.timestamp, length: 0, rtts: answered(&result.attempts) };
            checks.entry((result.node.clone(), result.endpoint_key())).or_default().push(measured);
        }
    }
    for measured in checks.values_mut() {
        measured.sort_by_key(|measured| measured.at);
    }
    Ok(checks)
}

/// What the nodes know that have a history, up to `now`. Those without one have to be asked check file by check file,
/// which is too much beside a round.
pub async fn histories_up_to(store: &Arc<Store>, now: UnixNanos) -> Result<Vec<History>, HistoryError> {
    let (histories, _) = read_histories(store).await?;
    let listed = if histories.iter().any(|history| history.newest().is_some()) {
        store.list(Listing::since(planner(0, now).first_listing(&histories))).await?
    } else {
        Vec::new()
    };
    let mut up_to_date = Vec::with_capacity(histories.len());
    for history in histories {
        up_to_date.push(bring_up_to_date(store, history, &mut Latencies::default(), &listed, now).await?);
    }
    Ok(up_to_date)
}

/// What the check files up to now add to histories; nodes without one are read from `from` on.
fn planner(from: UnixNanos, now: UnixNanos) -> ReadPlanner {
    let until = now.saturating_add(CLOCK_TOLERANCE);
    ReadPlanner { from, checks_from: UnixNanos::MAX, until, overlap: OVERLAP }
}

/// Reads all histories; those that cannot be used are named with the reason.
async fn read_histories(store: &Store) -> Result<(Vec<History>, Vec<(HistoryName, InvalidHistory)>), HistoryError> {
    let (mut histories, mut unreadable) = (Vec::new(), Vec::new());
    let listed: Vec<_> =
        store.list::<HistoryName>(Listing::all()).await?.into_iter().map(|name| (name, None::<()>)).collect();
    for (name, _) in changed_histories(&listed, &[HistoryPart::Main], |_| None) {
        match read(store, name.node.as_ref()).await {
            Ok(Found::Good(history)) => histories.push(history),
            Ok(Found::Broken(cause)) | Err(HistoryError::NotOurs { cause, .. }) => {
                unreadable.push((name.clone(), cause));
            }
            Ok(Found::Missing) => {}
            Err(error) => return Err(error),
        }
    }
    Ok((histories, unreadable))
}

/// Adds the check files that a history does not cover. Late ones are left to the node itself.
async fn bring_up_to_date(
    store: &Arc<Store>,
    mut history: History,
    latencies: &mut Latencies,
    listed: &[CheckFileName],
    now: UnixNanos,
) -> Result<History, HistoryError> {
    let planner = planner(0, now);
    let is_own = |name: &&CheckFileName| name.node == history.node;
    let needed = listed.iter().filter(is_own).filter(|name| planner.is_needed(std::slice::from_ref(&history), name));
    for name in needed.cloned().collect::<Vec<_>>() {
        let (files, _) = read_and_parse(Arc::clone(store), vec![name]).await?;
        if history.can_append(files.iter().map(|(name, file)| (name, file.results.as_slice())), now).is_ok() {
            add(&mut history, latencies, files);
        }
    }
    Ok(history)
}

async fn from_check_files(
    store: &Arc<Store>,
    node: Option<NodeName>,
    listed: &[CheckFileName],
    now: UnixNanos,
) -> Result<(History, Latencies), HistoryError> {
    let (mut history, mut latencies) = (History::new(node), Latencies::default());
    let names: Vec<CheckFileName> = own_check_files(&history, listed, now).into_iter().collect();
    let mut builder = HistoryBuilder::rebuild(&mut history, &mut latencies, RebuildFrom::START, listed, now);
    for piece in names.chunks(PIECE) {
        let (files, _) = read_and_parse(Arc::clone(store), piece.to_vec()).await?;
        for (name, file) in files {
            builder.add(&name, &file);
        }
    }
    builder.finish(FOREVER);
    Ok((history, latencies))
}

/// Nothing is forgotten in memory.
const FOREVER: Nanos = Nanos::MAX;

fn add(history: &mut History, latencies: &mut Latencies, files: Vec<(CheckFileName, shared::check_file::CheckFile)>) {
    let mut builder = HistoryBuilder::append(history, latencies);
    for (name, file) in files {
        builder.add(&name, &file);
    }
    builder.finish(FOREVER);
}

//! What a store says about all nodes: their histories, and the check files that these do not cover yet.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use shared::history::{
    Folding, Gap, History, LONGEST_ROUND, Latencies, NotAHistory, look_from, look_further, own_names,
};
use shared::object_name::{CheckFileName, HistoryName, HistoryPart, NodeName};
use shared::{Nanos, UnixNanos};

use crate::history::{Found, HistoryError, read, read_and_parse};
use crate::store::Store;

/// How many check files are read in one piece of work.
const PIECE: usize = 512;

/// Everything that is known of the nodes.
#[derive(Debug, Default)]
pub struct Outlook {
    /// A history of each node, up to the newest check file.
    pub histories: Vec<History>,
    /// Nodes whose history in the store cannot be used, each with the reason; check files filled in.
    pub unreadable: Vec<(HistoryName, NotAHistory)>,
}

/// Reads what the store knows of the time from `from` to `now`.
pub async fn outlook(store: &Arc<Store>, from: UnixNanos, now: UnixNanos) -> Result<Outlook, HistoryError> {
    let mut outlook = Outlook::default();
    let (mut histories, unreadable) = read_histories(store).await?;
    outlook.unreadable = unreadable;
    // Nodes without a history are known by their check files alone; these reach a little into the time asked for.
    let reaches = from.saturating_sub(2 * LONGEST_ROUND).max(0);
    let looked_from = look_from(histories.values()).unwrap_or(reaches);
    let mut listed = store.list_check_files(looked_from).await?;
    if let Some(further) = look_further(histories.values(), &listed, looked_from, reaches) {
        listed = store.list_check_files(further).await?;
    }
    let nodes: BTreeSet<Option<NodeName>> = listed.iter().map(|name| name.node.clone()).collect();
    for node in nodes {
        let known = histories.remove(&node);
        let history = match known {
            Some(history) => bring_up_to_date(store, history, &listed, now).await?,
            None => from_check_files(store, node.clone(), &listed, now).await?,
        };
        histories.insert(node, history);
    }
    outlook.histories = histories.into_values().collect();
    Ok(outlook)
}

/// What the nodes know that have a history, up to `now`. Those without one have to be asked check file by check file,
/// which is too much beside a round.
pub async fn histories_up_to(store: &Arc<Store>, now: UnixNanos) -> Result<Vec<History>, HistoryError> {
    let (histories, _) = read_histories(store).await?;
    let listed = match look_from(histories.values()) {
        Some(from) => store.list_check_files(from).await?,
        None => Vec::new(),
    };
    let mut up_to_date = Vec::with_capacity(histories.len());
    for history in histories.into_values() {
        up_to_date.push(bring_up_to_date(store, history, &listed, now).await?);
    }
    Ok(up_to_date)
}

/// The histories in the store by their nodes.
type Histories = BTreeMap<Option<NodeName>, History>;

/// Reads all histories; those that cannot be used are named with the reason.
async fn read_histories(store: &Store) -> Result<(Histories, Vec<(HistoryName, NotAHistory)>), HistoryError> {
    let (mut histories, mut unreadable) = (Histories::new(), Vec::new());
    for name in store.list_histories().await?.into_iter().filter(|name| name.part == HistoryPart::Main) {
        match read(store, name.node.as_ref()).await {
            Ok(Found::Good(history)) => drop(histories.insert(name.node, history)),
            Ok(Found::Broken(cause)) | Err(HistoryError::NotOurs { cause, .. }) => unreadable.push((name, cause)),
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
    listed: &[CheckFileName],
    now: UnixNanos,
) -> Result<History, HistoryError> {
    for name in history.uncovered(listed, now) {
        let (files, _) = read_and_parse(Arc::clone(store), vec![name]).await?;
        if history.can_go_on(files.iter().map(|(name, file)| (name, file.results.as_slice())), now).is_ok() {
            add(&mut history, &mut Latencies::default(), files);
        }
    }
    Ok(history)
}

async fn from_check_files(
    store: &Arc<Store>,
    node: Option<NodeName>,
    listed: &[CheckFileName],
    now: UnixNanos,
) -> Result<History, HistoryError> {
    let (mut history, mut latencies) = (History::of(node), Latencies::default());
    let names: Vec<CheckFileName> = own_names(&history, listed, now).into_iter().collect();
    let mut folding = Folding::again(&mut history, &mut latencies, Gap::WHOLE, listed, now);
    for piece in names.chunks(PIECE) {
        let (files, _) = read_and_parse(Arc::clone(store), piece.to_vec()).await?;
        for (name, file) in files {
            folding.add(&name, &file);
        }
    }
    folding.finish(FOREVER);
    Ok(history)
}

/// Nothing is forgotten in memory.
const FOREVER: Nanos = Nanos::MAX;

fn add(history: &mut History, latencies: &mut Latencies, files: Vec<(CheckFileName, shared::result::CheckFile)>) {
    let mut folding = Folding::going_on(history, latencies);
    for (name, file) in files {
        folding.add(&name, &file);
    }
    folding.finish(FOREVER);
}

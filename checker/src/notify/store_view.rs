//! Keeps copies of the other nodes' histories and notification logs, and of all authors' posts, and reads them again
//! only if they have changed.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use shared::history::History;
use shared::notification_log::NotificationLog;
use shared::object_name::{CheckFileName, DigestName, HistoryName, HistoryPart, LogName, NodeName};
use shared::post::digest::PostDigest;
use shared::{Nanos, UnixNanos};

use super::copies::Copies;
use crate::store::object::HistoryFolderName;
use crate::store::{Listing, Store, StoreError};

/// This node's copies of the other nodes' histories and logs, and of all authors' posts.
#[derive(Debug)]
pub struct StoreView {
    store: Arc<Store>,
    /// The node to skip, because its history and log are already in memory.
    node: Option<NodeName>,
    /// The maximum age of the spans to keep.
    reach: Nanos,
    histories: Copies<HistoryName, History>,
    logs: Copies<LogName, NotificationLog>,
    unlisted: Option<Unlisted>,
    digests: Copies<DigestName, PostDigest>,
    /// The reason why no posts could be read.
    unreadable_posts: Option<String>,
    /// The problems that were already reported, as complete clauses.
    reported: BTreeSet<String>,
}

/// Histories that cannot be listed.
#[derive(Debug)]
pub struct Unlisted {
    /// The reason, as a complete clause.
    pub cause: String,
    /// The nodes that stored check files, and when each stored the newest one.
    pub nodes: BTreeMap<NodeName, UnixNanos>,
}

impl StoreView {
    /// Creates a view for a node. `reach` is the maximum age of the spans to keep.
    #[must_use]
    pub fn new(store: Arc<Store>, node: NodeName, reach: Nanos) -> StoreView {
        StoreView { node: Some(node), reach, ..StoreView::of_all_nodes(store) }
    }

    /// Creates a view that includes all nodes, but no past spans.
    #[must_use]
    pub fn of_all_nodes(store: Arc<Store>) -> StoreView {
        StoreView {
            store,
            node: None,
            reach: 0,
            histories: Copies::default(),
            logs: Copies::default(),
            unlisted: None,
            digests: Copies::default(),
            unreadable_posts: None,
            reported: BTreeSet::new(),
        }
    }

    /// Changes the maximum age of the spans to keep. Histories that lack earlier spans are read again.
    pub fn set_reach(&mut self, reach: Nanos) {
        if reach > self.reach {
            self.histories.forget();
        }
        self.reach = reach;
    }

    #[must_use]
    pub fn store(&self) -> &Arc<Store> {
        &self.store
    }

    /// Reads the other nodes' histories that have changed. Skips invalid ones until they change again: see
    /// [`StoreView::take_problems`].
    pub async fn refresh_histories(&mut self, now: UnixNanos) -> Result<(), StoreError> {
        let missing_before = self.histories.missing();
        if self.histories.is_listing_due(now) {
            self.list_histories(now).await?;
        }
        let since = now.saturating_sub(self.reach);
        let parse = |name: &HistoryName, content: &[u8]| {
            let mut history = History::parse(content).map_err(|error| error.to_string())?;
            if history.node != name.node {
                return Err("it belongs to another node".to_owned());
            }
            prune(&mut history, since);
            Ok(history)
        };
        self.histories.refresh(&self.store, &parse).await?;
        if !self.histories.missing().is_subset(&missing_before) {
            // A history that was deleted is not unreadable.
            self.list_histories(now).await?;
            self.histories.refresh(&self.store, &parse).await?;
        }
        let unread = self.histories.known.iter().filter(|(_, (_, index))| index.is_none());
        for name in unread.map(|(name, _)| name) {
            let problem = || "it is not a readable file".to_owned();
            self.histories.problems.entry(name.clone()).or_insert_with(problem);
        }
        Ok(())
    }

    /// Lists the histories of other nodes, and the digests of posts. If that is impossible, a view of all nodes shows the
    /// rest. The view of a node must not: if it ignored the other nodes, it would send every message again.
    async fn list_histories(&mut self, now: UnixNanos) -> Result<(), StoreError> {
        self.unlisted = None;
        let listed = match self.store.list::<HistoryFolderName>(Listing::all()).await {
            Err(error) if self.node.is_none() && error.is_lasting_file_error() => {
                let files: Vec<CheckFileName> = self.store.list(Listing::since(now.saturating_sub(self.reach))).await?;
                let nodes = files.into_iter().filter_map(|name| Some((name.node?, name.stored_at))).collect();
                self.unlisted = Some(Unlisted { cause: error.to_string(), nodes });
                Vec::new()
            }
            listed => listed?,
        };
        let (mut histories, mut digests) = (Vec::new(), Vec::new());
        for name in listed {
            match name {
                HistoryFolderName::History(name) => histories.push(name),
                HistoryFolderName::Digest(name) => digests.push(name),
            }
        }
        histories.retain(|name| name.part == HistoryPart::Main && (name.node.is_none() || name.node != self.node));
        self.histories.keep_listed(&histories, now);
        self.digests.keep_listed(&digests, now);
        Ok(())
    }

    /// Reads the other nodes' logs that have changed. Only nodes with a history can have a log. Skips invalid logs
    /// until they change again: see [`StoreView::take_problems`].
    pub async fn refresh_logs(&mut self, now: UnixNanos) -> Result<(), StoreError> {
        let names: Vec<LogName> = self.nodes().map(|node| LogName { node: node.clone() }).collect();
        self.logs.keep_listed(&names, now);
        let parse = |name: &LogName, content: &[u8]| parse_log(content, &name.node);
        self.logs.refresh(&self.store, parse).await?;
        for log in self.logs.values.iter().filter(|log| log.ignored > 0) {
            let problem = format!("only the first {} of its entries are used", log.registers.len());
            self.logs.problems.entry(LogName { node: log.node.clone() }).or_insert(problem);
        }
        Ok(())
    }

    /// Sets the authors whose posts are read even before a listing contains them.
    pub fn expect_authors(&mut self, authors: impl IntoIterator<Item = NodeName>) {
        self.digests.expect(authors.into_iter().map(|author| DigestName { author }));
    }

    /// Lists the authors and reads their posts, unless that was already done at this time. Before news is sent, the
    /// posts of authors who are not known yet must also be read, because they can hold the news back.
    pub async fn refresh_authors(&mut self, now: UnixNanos) {
        if self.digests.listed_at == Some(now) {
            return;
        }
        match self.store.list::<DigestName>(Listing::all()).await {
            Ok(listed) => {
                self.digests.keep_listed(&listed, now);
                self.refresh_digests().await;
            }
            Err(error) => self.unreadable_posts = Some(error.to_string()),
        }
    }

    /// Reads the posts of all known authors that have changed. [`StoreView::refresh_histories`] finds authors. If posts
    /// cannot be read, the last ones that were read still count, because that must not prevent notifications: see
    /// [`StoreView::take_problems`].
    pub async fn refresh_digests(&mut self) {
        let parse = |name: &DigestName, content: &[u8]| {
            let digest = PostDigest::parse(content).map_err(|error| error.to_string())?;
            if digest.author == name.author { Ok(digest) } else { Err(format!("they are by `{}`", digest.author)) }
        };
        let refreshed = self.digests.refresh(&self.store, parse).await;
        self.unreadable_posts = refreshed.err().map(|error| error.to_string());
    }

    /// Returns the reasons why histories are ignored, and logs and posts only partly used or ignored, as complete
    /// clauses. Returns each problem once, until the object changes or the problem is over.
    pub fn take_problems(&mut self) -> Vec<String> {
        let histories = self.histories.problems.iter().map(|(name, problem)| {
            format!("outages are not closed while the history `{name}` is unreadable: {problem}; replace or delete it")
        });
        let logs = self.logs.problems.iter().map(|(name, problem)| log_problem(name, problem));
        let digests = self.digests.problems.iter();
        let digests = digests.map(|(name, problem)| {
            format!(
                "the posts in `{name}` were ignored, so their maintenance windows and silences do not apply: {problem}"
            )
        });
        let unreadable = self.unreadable_posts.iter();
        let unreadable = unreadable.map(|problem| {
            format!("posts could not be read, so new maintenance windows and silences do not apply yet: {problem}")
        });
        let current: BTreeSet<String> = histories.chain(logs).chain(digests).chain(unreadable).collect();
        let unreported = current.difference(&self.reported).cloned().collect();
        self.reported = current;
        unreported
    }

    /// Returns whether the logs are old enough to be read again even without news: another node may have stopped,
    /// leaving news that only its log mentions.
    #[must_use]
    pub fn are_logs_old(&self, now: UnixNanos) -> bool {
        self.logs.is_listing_due(now)
    }

    /// Returns the other nodes that have a history, even if it is unreadable.
    pub fn nodes(&self) -> impl Iterator<Item = &NodeName> {
        let unlisted = self.unlisted.iter().flat_map(|unlisted| unlisted.nodes.keys());
        self.histories.known.keys().filter_map(|name| name.node.as_ref()).chain(unlisted)
    }

    /// Returns why the histories cannot be listed, and the nodes that are known from their check files.
    #[must_use]
    pub fn unlisted(&self) -> Option<&Unlisted> {
        self.unlisted.as_ref()
    }

    /// Returns whether a history is unreadable, including one of files without a node.
    #[must_use]
    pub fn has_unreadable(&self) -> bool {
        self.histories.known.values().any(|(_, index)| index.is_none())
    }

    /// Returns the other nodes' valid histories.
    #[must_use]
    pub fn histories(&self) -> &[History] {
        &self.histories.values
    }

    /// Returns whether the digests contain everything that was posted, as far as the last listing shows.
    #[must_use]
    pub fn has_all_posts(&self) -> bool {
        self.unreadable_posts.is_none() && self.digests.problems.is_empty()
    }

    /// Returns the valid digests of all authors' posts.
    #[must_use]
    pub fn digests(&self) -> &[PostDigest] {
        &self.digests.values
    }

    /// Returns the other nodes' valid logs.
    #[must_use]
    pub fn logs(&self) -> &[NotificationLog] {
        &self.logs.values
    }
}

/// Parses a node's log. Returns the reason if it is invalid, as a clause.
pub(super) fn parse_log(content: &[u8], node: &NodeName) -> Result<NotificationLog, String> {
    let log = NotificationLog::parse(content).map_err(|error| error.to_string())?;
    if log.node == *node { Ok(log) } else { Err(format!("it belongs to the node `{}`", log.node)) }
}

pub(super) fn log_problem(name: &LogName, problem: &str) -> String {
    format!("the notification log `{name}` was ignored or truncated: {problem}")
}

/// Removes data that notifications do not need, which is most of a history with thousands of endpoints.
fn prune(history: &mut History, since: UnixNanos) {
    history.messages.clear();
    for endpoint in history.endpoints.values_mut() {
        endpoint.days.clear();
        endpoint.hours.clear();
        endpoint.open = Vec::new();
        endpoint.events.retain(|event| event.at >= since);
        endpoint.timeline.spans.retain(|span| span.end >= since);
        endpoint.timeline.spans.shrink_to_fit();
    }
}

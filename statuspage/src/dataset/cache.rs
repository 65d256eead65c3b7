//! What was loaded and what was not, and what has to be asked for next. Pure; [`super::loader`] asks.

use shared::check_file::CheckFile;
use shared::history::{HistoryRows, LatencyRows};
use shared::object_name::{CheckFileName, HEARTBEAT_FOLDER, HISTORY_FOLDER, HistoryName, HistoryPart, NodeName};
use shared::{HOUR, UnixNanos};

use super::hour::HourChecks;
use super::model::Dataset;
use super::request::LoadRequest;
use crate::source::{CHECK_FILE_LIMIT, InlineContents, Listing, SourceError, StoreObject};

/// The most files that are loaded: a month of checks every minute and a bit. The newest count.
pub const FILES_LIMIT: usize = 50_000;

/// How far behind the newest known file a refresh looks: rounds of other nodes may have been stored a little late.
const LIST_OVERLAP: i64 = HOUR;

/// Every so many refreshes the whole range is listed, since a round may be stored hours late after an outage of
/// the store.
pub(super) const REFRESHES_PER_FULL_LIST: u32 = 15;

/// Everything that was loaded, and everything that was not.
#[derive(Debug, Default)]
pub struct Cache {
    /// What the files say.
    pub dataset: Dataset,
    /// When the store was last heard, by the page's clock.
    pub last_response_at: Option<UnixNanos>,
    /// When the last list was known, if it was one that the browser had kept.
    pub cached_at: Option<UnixNanos>,
    /// Why the store could not be listed at the last attempt.
    pub list_error: Option<SourceError>,
    /// Files nobody could get; they are asked for again. Newest first.
    pub failed: Vec<(CheckFileName, SourceError)>,
    /// Files that are no check files inside; since they never change they are not asked for again.
    pub unreadable: Vec<(CheckFileName, SourceError)>,
    /// The latencies of nodes, if they were asked for.
    pub latencies: Vec<LatencyRows>,
    /// The hour whose checks were asked for.
    pub hour: Option<HourChecks>,
    /// Histories that cannot be used, and why; the check files of their nodes fill in.
    pub unreadable_histories: Vec<(HistoryName, SourceError)>,
    /// The first objects in the store whose names are none of ours.
    pub unrelated: Vec<String>,
    /// How many there were in the last list.
    pub unrelated_count: usize,
    /// How many files are in range but too old to be among the newest [`FILES_LIMIT`].
    pub left_out: usize,
    /// How many files of the load in hand are dealt with.
    pub done: usize,
    /// How many files the load in hand has to deal with.
    pub total: usize,
    /// What the store's list said of each history that was read.
    tags: Vec<(HistoryName, String)>,
    /// How often a list was read.
    lists_read: u32,
}

/// How many foreign objects are remembered by name; nobody reads more.
const UNRELATED_KEPT: usize = 10;

/// Names that a store may hold beside check files, and that nobody needs to hear of.
fn is_expected(name: &str) -> bool {
    let known = ["index.json", "config.json", "index.html"];
    let folders = [HISTORY_FOLDER, HEARTBEAT_FOLDER, "messages/"];
    name.is_empty()
        || known.contains(&name)
        || name.ends_with('/')
        || folders.iter().any(|folder| name.starts_with(folder))
}

impl Cache {
    /// Notes at the end of a load that the store was heard at `now`, if it was.
    pub fn note_response(&mut self, now: UnixNanos) {
        if self.list_error.is_none() && self.cached_at.is_none() {
            self.last_response_at = Some(now);
        }
    }

    /// When all that is known was known, if the store says nothing any more.
    #[must_use]
    pub fn stale_since(&self) -> Option<UnixNanos> {
        if self.list_error.is_some() { self.last_response_at } else { None }.or(self.cached_at)
    }

    /// From when on a refresh has to list.
    pub(super) fn list_from(&self, from: UnixNanos) -> UnixNanos {
        match self.dataset.newest_file() {
            Some(newest) if !self.lists_read.is_multiple_of(REFRESHES_PER_FULL_LIST) => {
                (newest - LIST_OVERLAP).max(from)
            }
            _ => from,
        }
    }

    /// Makes the next refresh list everything that is wanted, since that is of another time.
    pub fn relist_all(&mut self) {
        self.lists_read = 0;
    }

    /// From when on a node without a history has to be listed: all that is wanted, unless it was listed before.
    pub(super) fn list_from_for(&self, node: Option<&NodeName>, from: UnixNanos) -> UnixNanos {
        if self.dataset.has_files_of(node) { self.list_from(from) } else { from }
    }

    pub(super) fn etag_of(&self, name: &HistoryName) -> Option<&String> {
        self.tags.iter().find(|(known, _)| known == name).map(|(_, tag)| tag)
    }

    fn add_history(
        &mut self,
        name: &HistoryName,
        tag: Option<String>,
        answer: Result<Vec<u8>, SourceError>,
        keep_from: UnixNanos,
    ) {
        self.unreadable_histories.retain(|(known, _)| known != name);
        self.tags.retain(|(known, _)| known != name);
        let taken =
            answer.and_then(|content| self.add_part(name, &content, keep_from).map_err(SourceError::InvalidObject));
        match taken {
            Ok(()) => self.tags.extend(tag.map(|tag| (name.clone(), tag))),
            Err(error) => self.unreadable_histories.push((name.clone(), error)),
        }
    }

    fn add_part(&mut self, name: &HistoryName, content: &[u8], keep_from: UnixNanos) -> Result<(), String> {
        let owner = match name.part {
            HistoryPart::Main => {
                let history = HistoryRows::parse(content).map_err(|error| error.to_string())?;
                let owner = history.node.clone();
                if owner == name.node {
                    self.dataset.add_history(history, keep_from);
                }
                owner
            }
            HistoryPart::Latency => {
                let latencies = LatencyRows::parse(content).map_err(|error| error.to_string())?;
                let owner = latencies.node.clone();
                if owner == name.node {
                    self.latencies.retain(|known| known.node != owner);
                    self.latencies.push(latencies);
                }
                owner
            }
        };
        if owner == name.node { Ok(()) } else { Err("use it: it is another node's".to_owned()) }
    }

    /// A first list is worth its contents; a later one has few files that are new.
    pub(super) fn contents(&self) -> InlineContents {
        if self.dataset.file_count() == 0 { InlineContents::Allowed } else { InlineContents::Omitted }
    }

    /// The files to get, newest first, so that the present is known before the past.
    pub(super) fn choose(&mut self, listing: Listing, request: LoadRequest) -> Vec<CheckFileName> {
        self.lists_read = self.lists_read.wrapping_add(1);
        self.list_error = None;
        let mut unrelated = listing.unrelated;
        unrelated.retain(|name| !is_expected(name));
        // A refresh that lists the newest alone must not forget what the whole list held.
        if unrelated.len() >= self.unrelated_count {
            self.unrelated_count = unrelated.len();
            unrelated.truncate(UNRELATED_KEPT);
            self.unrelated = unrelated;
        }
        let mut names: Vec<CheckFileName> =
            std::mem::take(&mut self.failed).into_iter().map(|(name, _)| name).collect();
        for listed in listing.files {
            let name = listed.name;
            if name.stored_at < request.from
                || !request.planner().is_needed(&self.dataset.histories, &name)
                || self.dataset.contains(&name)
                || self.is_unreadable(&name)
            {
                continue;
            }
            match listed.size {
                Some(size) if size > CHECK_FILE_LIMIT => {
                    self.unreadable.push((name, SourceError::TooLarge(CHECK_FILE_LIMIT)));
                }
                _ => match listed.file {
                    Some(file) if self.dataset.file_count() < FILES_LIMIT => self.dataset.add(&name, file),
                    _ => names.push(name),
                },
            }
        }
        // Those that failed before are listed again as a rule.
        names.sort_by_cached_key(|name| -name.stored_at);
        names.dedup();
        let room = FILES_LIMIT.saturating_sub(self.dataset.file_count());
        self.left_out = names.len().saturating_sub(room);
        names.truncate(room);
        (self.done, self.total) = (0, names.len());
        names
    }

    fn is_unreadable(&self, name: &CheckFileName) -> bool {
        self.unreadable.iter().any(|(known, _)| known == name)
    }

    /// Takes what came of asking for an object; of the check files that a history covers, those stay in memory that
    /// were stored at `keep_from` or later.
    pub(super) fn take(&mut self, object: StoreObject, answer: Result<Vec<u8>, SourceError>, keep_from: UnixNanos) {
        let name = match object {
            StoreObject::CheckFile(name) => name,
            StoreObject::History(name, tag) => return self.add_history(&name, tag, answer, keep_from),
        };
        self.done += 1;
        match answer {
            Ok(content) => match CheckFile::parse(&content) {
                Ok(file) => self.dataset.add(&name, file),
                Err(error) => self.unreadable.push((name, SourceError::InvalidObject(error.to_string()))),
            },
            Err(error) if error.is_retryable() => self.failed.push((name, error)),
            Err(error) => self.unreadable.push((name, error)),
        }
    }

    /// Marks the files that nobody asked for any more as failed, for the reason of the last one that did.
    pub(super) fn give_up_on(&mut self, request: &[CheckFileName]) {
        let Some((_, reason)) = self.failed.last().cloned() else { return };
        let dealt_with = self.failed.len();
        for name in request {
            let failed = || self.failed[..dealt_with].iter().any(|(known, _)| known == name);
            if !self.dataset.contains(name) && !self.is_unreadable(name) && !failed() {
                self.failed.push((name.clone(), reason.clone()));
            }
        }
        self.done = self.total;
    }

    pub(super) fn drop_before(&mut self, from: UnixNanos) {
        self.dataset.drop_before(from);
        self.failed.retain(|(name, _)| name.stored_at >= from);
        self.unreadable.retain(|(name, _)| name.stored_at >= from);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_checkers_store_beside_check_files_is_no_news_to_anybody() {
        for name in ["index.json", "history/eu-west.json", "heartbeats/backup.json", "messages/1.json", "folder/"] {
            assert!(is_expected(name), "{name}");
        }
        assert!(!is_expected("notes.txt"));
    }
}

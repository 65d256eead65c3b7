//! Keeps what was loaded and what failed, and decides what to request next. This module is pure: [`super::loader`]
//! sends the requests.

use shared::check_file::CheckFile;
use shared::history::{HistoryRows, LatencyRows};
use shared::object_name::{CheckFileName, HEARTBEAT_FOLDER, HISTORY_FOLDER, HistoryName, HistoryPart, NodeName};
use shared::post::fold::Announcements;
use shared::quorum::CLOCK_TOLERANCE;
use shared::sorting::sort_by_integer;
use shared::{HOUR, UnixNanos};

use super::hour::HourChecks;
use super::limits::{FILES, NODES_LIMIT};
use super::model::Dataset;
use super::posts::Posts;
use super::request::LoadRequest;
use crate::store::{InlineContents, Listing, OBJECT_SIZE_LIMIT, StoreError, StoreObject};

/// How far before the newest known file a refresh starts its listing, because other nodes may have stored their files a
/// little late.
const LIST_OVERLAP: i64 = HOUR;

/// One in this many refreshes lists the whole range, because an outage of the store can delay files by hours.
pub(super) const REFRESHES_PER_FULL_LIST: u32 = 15;

/// All data that was loaded, and all objects that failed to load.
#[derive(Debug, Default)]
pub struct Cache {
    pub dataset: Dataset,
    /// The digests of what people posted.
    pub posts: Posts,
    /// The state of what people posted, as of the time of the last view.
    pub announcements: Announcements,
    /// When the store last responded, by the page's clock.
    pub last_response_at: Option<UnixNanos>,
    /// When the last listing was received, if it came from the service worker's cache.
    pub cached_at: Option<UnixNanos>,
    /// The error, if the last listing failed.
    pub list_error: Option<StoreError>,
    /// Files that will be requested again, newest first.
    pub failed: Vec<(CheckFileName, StoreError)>,
    /// Invalid files, newest first. They never change, so they are not requested again.
    pub unreadable: Vec<(CheckFileName, StoreError)>,
    /// The latencies of all nodes, if percentiles are shown.
    pub latencies: Vec<LatencyRows>,
    /// The hour whose checks a visitor opened.
    pub hour: Option<HourChecks>,
    /// Invalid histories; the check files of their nodes are used instead.
    pub unreadable_histories: Vec<(HistoryName, StoreError)>,
    /// The names of the first few objects that do not belong to a checker.
    pub unrelated: Vec<String>,
    /// The number of objects in the last full listing that do not belong to a checker.
    pub unrelated_count: usize,
    /// The number of files in the range that were omitted for lack of room.
    pub left_out: usize,
    /// Whether there are more nodes than [`NODES_LIMIT`].
    pub nodes_left_out: bool,
    /// The number of files that the current load has processed.
    pub done: usize,
    /// The number of files in the current load.
    pub total: usize,
    /// The entity tag of each loaded history.
    etags: Vec<(HistoryName, String)>,
    /// The nodes that are loaded, in name order.
    nodes: Vec<Option<NodeName>>,
    listing_count: u32,
}

/// The maximum number of unrelated objects whose names are kept.
const UNRELATED_KEPT: usize = 10;

/// Returns whether an object with this name belongs to a checker or to the page itself.
fn is_expected(name: &str) -> bool {
    let known = ["index.json", "config.json", "index.html"];
    let folders = [HISTORY_FOLDER, HEARTBEAT_FOLDER];
    name.is_empty()
        || known.contains(&name)
        || name.ends_with('/')
        || folders.iter().any(|folder| name.starts_with(folder))
}

impl Cache {
    /// Records, at the end of a load, that the store responded.
    pub fn record_response(&mut self, now: UnixNanos) {
        if self.list_error.is_none() && self.cached_at.is_none() {
            self.last_response_at = Some(now);
        }
    }

    /// Returns the time of the data if the store does not respond.
    #[must_use]
    pub fn stale_since(&self) -> Option<UnixNanos> {
        if self.list_error.is_some() { self.last_response_at } else { None }.or(self.cached_at)
    }

    /// Returns whether endpoints may be missing as of `now`: there is no room for them, a node's newest check file is
    /// invalid, or none of a node's data could be loaded.
    #[must_use]
    pub fn is_incomplete(&self, now: UnixNanos) -> bool {
        let newest_of = |node: &Option<NodeName>| {
            let index = self.dataset.nodes.partition_point(|known| known.node < *node);
            let known = self.dataset.nodes.get(index).filter(|known| known.node == *node);
            known.map_or(UnixNanos::MIN, |known| known.newest_file.max(known.newest))
        };
        let is_newest = |(name, _): &(CheckFileName, StoreError)| {
            name.stored_at <= now + CLOCK_TOLERANCE && newest_of(&name.node) < name.stored_at
        };
        let is_unknown = |(name, _): &(CheckFileName, StoreError)| newest_of(&name.node) == UnixNanos::MIN;
        let is_unlisted = self.list_error.is_some() && self.last_response_at.is_none();
        self.nodes_left_out
            || self.left_out > 0
            || is_unlisted
            || self.dataset.left_out() > 0
            || self.unreadable.iter().any(is_newest)
            || self.failed.iter().any(is_unknown)
    }

    /// Returns whether a node is among the first [`NODES_LIMIT`] nodes.
    pub(super) fn admits(&mut self, node: Option<&NodeName>) -> bool {
        let index = self.nodes.partition_point(|known| known.as_ref() < node);
        if self.nodes.get(index).is_some_and(|known| known.as_ref() == node) {
            return true;
        }
        let has_room = self.nodes.len() < NODES_LIMIT;
        if has_room {
            self.nodes.insert(index, node.cloned());
        }
        self.nodes_left_out |= !has_room;
        has_room
    }

    /// Returns whether the next listing of check files covers the whole range.
    fn lists_all(&self) -> bool {
        self.listing_count.is_multiple_of(REFRESHES_PER_FULL_LIST)
    }

    /// Before a refresh, clears everything that the next listing determines.
    pub(super) fn start_refresh(&mut self) {
        self.nodes_left_out &= !self.lists_all();
    }

    /// Returns the time from which a refresh lists files.
    pub(super) fn list_from(&self, from: UnixNanos) -> UnixNanos {
        match self.dataset.newest_file() {
            Some(newest) if !self.lists_all() => (newest - LIST_OVERLAP).max(from),
            _ => from,
        }
    }

    /// Makes the next refresh list the whole range.
    pub fn relist_all(&mut self) {
        self.listing_count = 0;
    }

    /// Returns the time from which a refresh lists the files of a node without a history.
    pub(super) fn list_from_for(&self, node: Option<&NodeName>, from: UnixNanos) -> UnixNanos {
        if self.dataset.has_files_of(node) { self.list_from(from) } else { from }
    }

    pub(super) fn etag_of(&self, name: &HistoryName) -> Option<&String> {
        self.etags.iter().find(|(known, _)| known == name).map(|(_, etag)| etag)
    }

    fn add_history(
        &mut self,
        name: &HistoryName,
        etag: Option<String>,
        content: Result<Vec<u8>, StoreError>,
        keep_from: UnixNanos,
    ) {
        self.unreadable_histories.retain(|(known, _)| known != name);
        self.etags.retain(|(known, _)| known != name);
        let added =
            content.and_then(|content| self.add_part(name, &content, keep_from).map_err(StoreError::InvalidObject));
        match added {
            Ok(()) => self.etags.extend(etag.map(|etag| (name.clone(), etag))),
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
        if owner == name.node { Ok(()) } else { Err("invalid history: it belongs to another node".to_owned()) }
    }

    /// Returns whether a listing should contain file contents. The first one should. Later ones return few new files.
    pub(super) fn contents(&self) -> InlineContents {
        if self.dataset.file_count() == 0 { InlineContents::Allowed } else { InlineContents::Omitted }
    }

    /// Selects the files to fetch, newest first, so the current status is known early.
    pub(super) fn choose(&mut self, listing: Listing, request: LoadRequest) -> Vec<CheckFileName> {
        if self.lists_all() {
            self.left_out = 0;
        }
        self.listing_count = self.listing_count.wrapping_add(1);
        self.list_error = None;
        let mut unrelated = listing.unrelated;
        unrelated.retain(|name| !is_expected(name));
        // Most refreshes list only the newest objects, and must not replace the result of a full listing.
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
                || self.find_unreadable(&name).is_ok()
                || !self.admits(name.node.as_ref())
            {
                continue;
            }
            match listed.size {
                Some(size) if size > OBJECT_SIZE_LIMIT => {
                    self.add_unreadable(name, StoreError::TooLarge(OBJECT_SIZE_LIMIT));
                }
                _ => match listed.file {
                    Some(file) if self.dataset.file_count() < FILES.node => self.add_file(&name, file),
                    _ => names.push(name),
                },
            }
        }
        // Files that failed before are usually listed again, so duplicates are removed.
        sort_by_integer(&mut names, |name| -name.stored_at);
        names.dedup();
        let count = names.len();
        let names = FILES.choose(names, self.dataset.files());
        self.left_out = self.left_out.max(count - names.len());
        (self.done, self.total) = (0, names.len());
        names
    }

    fn add_file(&mut self, name: &CheckFileName, file: CheckFile) {
        if self.dataset.has_room_for(name, &file) {
            self.dataset.add(name, file);
        } else {
            self.left_out += 1;
        }
    }

    /// Adds a digest as if it had been fetched.
    #[cfg(test)]
    pub(crate) fn add_digest(&mut self, author: &NodeName, content: &[u8]) {
        let name = shared::object_name::DigestName { author: author.clone() };
        self.posts.add(name, None, Ok(content.to_vec()));
    }

    fn find_unreadable(&self, name: &CheckFileName) -> Result<usize, usize> {
        self.unreadable.binary_search_by(|(other, _)| name.cmp(other))
    }

    fn add_unreadable(&mut self, name: CheckFileName, error: StoreError) {
        if let Err(index) = self.find_unreadable(&name) {
            self.unreadable.insert(index, (name, error));
        }
    }

    /// Adds a fetched object to the cache. A history replaces the check files that it covers, except those stored at
    /// `keep_from` or later.
    pub(super) fn add_response(
        &mut self,
        object: StoreObject,
        content: Result<Vec<u8>, StoreError>,
        keep_from: UnixNanos,
    ) {
        let name = match object {
            StoreObject::CheckFile(name) => name,
            StoreObject::History(name, etag) => return self.add_history(&name, etag, content, keep_from),
            StoreObject::Digest(name, etag) => return self.posts.add(name, etag, content),
        };
        self.done += 1;
        match content {
            Ok(content) => match CheckFile::parse(&content) {
                Ok(file) => self.add_file(&name, file),
                Err(error) => self.add_unreadable(name, StoreError::InvalidObject(error.to_string())),
            },
            Err(error) if error.is_retryable() => self.failed.push((name, error)),
            Err(error) => self.add_unreadable(name, error),
        }
    }

    /// Marks files of a load that are still missing as failed, with the error of the last request.
    pub(super) fn give_up_on(&mut self, names: &[CheckFileName]) {
        let Some((_, reason)) = self.failed.last().cloned() else { return };
        let failed_count = self.failed.len();
        for name in names {
            let failed = || self.failed[..failed_count].iter().any(|(known, _)| known == name);
            if !self.dataset.contains(name) && self.find_unreadable(name).is_err() && !failed() {
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
    fn objects_of_checkers_are_expected() {
        for name in ["index.json", "history/eu-west.json", "heartbeats/backup.json", "folder/"] {
            assert!(is_expected(name), "{name}");
        }
        assert!(!is_expected("notes.txt") && !is_expected("messages/1.json"));
    }

    #[test]
    fn more_nodes_than_the_limit_are_left_out() {
        let mut cache = Cache::default();
        let name = |number: usize| NodeName::new(&format!("node-{number}")).ok();
        assert!((0..NODES_LIMIT).all(|number| cache.admits(name(number).as_ref())));
        assert!(!cache.is_incomplete(0));
        assert!(!cache.admits(None) && cache.admits(name(0).as_ref()) && cache.is_incomplete(0));
        cache.start_refresh();
        assert!(!cache.is_incomplete(0));
    }

    #[test]
    fn an_invalid_newest_file_of_a_node_makes_the_data_incomplete() {
        let file = |stored_at, node: &str| CheckFileName { stored_at, node: NodeName::new(node).ok() };
        let mut cache = Cache::default();
        cache.add_unreadable(file(1, "eu"), StoreError::TooLarge(1));
        assert!(cache.is_incomplete(1));
        cache.dataset.add(&file(2, "us"), CheckFile::default());
        assert!(cache.is_incomplete(2));
        cache.dataset.add(&file(2, "eu"), CheckFile::default());
        assert!(!cache.is_incomplete(2));
        cache.add_unreadable(file(i64::MAX / 2, "eu"), StoreError::TooLarge(1));
        assert!(!cache.is_incomplete(2), "files from the future are ignored");
        cache.failed.push((file(1, "eu"), StoreError::InvalidListing));
        assert!(!cache.is_incomplete(2), "it is requested again");
        cache.failed.push((file(1, "ap"), StoreError::InvalidListing));
        assert!(cache.is_incomplete(2), "nothing of this node is known");
    }
}

//! What was loaded, what failed, and what to request next. Pure; [`super::loader`] sends the requests.

use shared::check_file::CheckFile;
use shared::history::{HistoryRows, LatencyRows};
use shared::object_name::{CheckFileName, HEARTBEAT_FOLDER, HISTORY_FOLDER, HistoryName, HistoryPart, NodeName};
use shared::{HOUR, UnixNanos};

use super::hour::HourChecks;
use super::model::Dataset;
use super::request::LoadRequest;
use crate::store::{InlineContents, Listing, OBJECT_SIZE_LIMIT, StoreError, StoreObject};

/// The maximum number of check files in memory, newest first: a little more than a month of checks every minute.
pub const FILES_LIMIT: usize = 50_000;

/// A refresh lists files from this long before the newest known file, because other nodes may have stored theirs a
/// little late.
const LIST_OVERLAP: i64 = HOUR;

/// One in this many refreshes lists the whole range, because files may be stored hours late after an outage of the
/// store.
pub(super) const REFRESHES_PER_FULL_LIST: u32 = 15;

/// Everything that was loaded, and everything that failed to load.
#[derive(Debug, Default)]
pub struct Cache {
    pub dataset: Dataset,
    /// When the store last responded, by the page's clock.
    pub last_response_at: Option<UnixNanos>,
    /// When the last listing was received, if it comes from the service worker's cache.
    pub cached_at: Option<UnixNanos>,
    /// Why the last listing failed.
    pub list_error: Option<StoreError>,
    /// Files that will be requested again, newest first.
    pub failed: Vec<(CheckFileName, StoreError)>,
    /// Invalid files. They never change, so they are not requested again.
    pub unreadable: Vec<(CheckFileName, StoreError)>,
    /// The latencies of nodes, if percentiles are shown.
    pub latencies: Vec<LatencyRows>,
    /// The hour whose checks a visitor opened.
    pub hour: Option<HourChecks>,
    /// Invalid histories; the check files of their nodes are used instead.
    pub unreadable_histories: Vec<(HistoryName, StoreError)>,
    /// The names of the first objects that do not belong to a checker.
    pub unrelated: Vec<String>,
    /// The number of such objects in the last full listing.
    pub unrelated_count: usize,
    /// The number of files in range that are not among the newest [`FILES_LIMIT`].
    pub left_out: usize,
    /// The number of files that the current load has finished.
    pub done: usize,
    /// The number of files in the current load.
    pub total: usize,
    /// The entity tag of each loaded history.
    etags: Vec<(HistoryName, String)>,
    listing_count: u32,
}

/// The maximum number of names of unrelated objects to keep.
const UNRELATED_KEPT: usize = 10;

/// Whether an object with this name belongs to checkers or to the page itself.
fn is_expected(name: &str) -> bool {
    let known = ["index.json", "config.json", "index.html"];
    let folders = [HISTORY_FOLDER, HEARTBEAT_FOLDER, "messages/"];
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

    /// The time of the data, if the store does not respond.
    #[must_use]
    pub fn stale_since(&self) -> Option<UnixNanos> {
        if self.list_error.is_some() { self.last_response_at } else { None }.or(self.cached_at)
    }

    /// The time from which a refresh lists files.
    pub(super) fn list_from(&self, from: UnixNanos) -> UnixNanos {
        match self.dataset.newest_file() {
            Some(newest) if !self.listing_count.is_multiple_of(REFRESHES_PER_FULL_LIST) => {
                (newest - LIST_OVERLAP).max(from)
            }
            _ => from,
        }
    }

    /// Makes the next refresh list the whole range.
    pub fn relist_all(&mut self) {
        self.listing_count = 0;
    }

    /// The time from which a refresh lists the files of a node without a history.
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

    /// Whether a listing should contain file contents. The first one should; later ones return few new files.
    pub(super) fn contents(&self) -> InlineContents {
        if self.dataset.file_count() == 0 { InlineContents::Allowed } else { InlineContents::Omitted }
    }

    /// Selects the files to fetch, newest first, so that the current status is known early.
    pub(super) fn choose(&mut self, listing: Listing, request: LoadRequest) -> Vec<CheckFileName> {
        self.listing_count = self.listing_count.wrapping_add(1);
        self.list_error = None;
        let mut unrelated = listing.unrelated;
        unrelated.retain(|name| !is_expected(name));
        // Most refreshes list only the newest objects and must not replace the result of a full listing.
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
                Some(size) if size > OBJECT_SIZE_LIMIT => {
                    self.unreadable.push((name, StoreError::TooLarge(OBJECT_SIZE_LIMIT)));
                }
                _ => match listed.file {
                    Some(file) if self.dataset.file_count() < FILES_LIMIT => self.dataset.add(&name, file),
                    _ => names.push(name),
                },
            }
        }
        // Files that failed before are usually listed again.
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

    /// Adds a fetched object. A history replaces the check files that it covers, except those stored at `keep_from` or later.
    pub(super) fn add_response(
        &mut self,
        object: StoreObject,
        content: Result<Vec<u8>, StoreError>,
        keep_from: UnixNanos,
    ) {
        let name = match object {
            StoreObject::CheckFile(name) => name,
            StoreObject::History(name, etag) => return self.add_history(&name, etag, content, keep_from),
        };
        self.done += 1;
        match content {
            Ok(content) => match CheckFile::parse(&content) {
                Ok(file) => self.dataset.add(&name, file),
                Err(error) => self.unreadable.push((name, StoreError::InvalidObject(error.to_string()))),
            },
            Err(error) if error.is_retryable() => self.failed.push((name, error)),
            Err(error) => self.unreadable.push((name, error)),
        }
    }

    /// Marks files of a load that are still missing as failed, with the error of the last request.
    pub(super) fn give_up_on(&mut self, names: &[CheckFileName]) {
        let Some((_, reason)) = self.failed.last().cloned() else { return };
        let failed_count = self.failed.len();
        for name in names {
            let failed = || self.failed[..failed_count].iter().any(|(known, _)| known == name);
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
    fn objects_of_checkers_are_expected() {
        for name in ["index.json", "history/eu-west.json", "heartbeats/backup.json", "messages/1.json", "folder/"] {
            assert!(is_expected(name), "{name}");
        }
        assert!(!is_expected("notes.txt"));
    }
}

//! What a node remembers about the outputs that it wrote: the identities of outages, and which contents are stored.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::RETENTION;
use crate::UnixNanos;
use crate::check_file::EndpointKey;
use crate::civil::CivilTime;
use crate::status::Status;

/// The current version of the format. An index with another version is ignored.
const VERSION: u32 = 1;

/// The maximum number of outages of an endpoint whose identities are kept: enough for all entries of its feed.
const OUTAGES_LIMIT: usize = super::ENTRY_LIMIT / 2;

/// The authority in the identities of entries if no public URL is configured.
const DEFAULT_AUTHORITY: &str = "checkup.invalid";

/// The identities of outages, and the contents that are stored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OutputIndex {
    version: u32,
    /// When the first outputs were written, which identifies the feeds.
    pub created: UnixNanos,
    /// The host name in the identities of entries. It never changes, so that identities do not change with the
    /// configuration.
    authority: String,
    /// The outages of each endpoint, oldest first.
    #[serde(default)]
    outages: BTreeMap<String, Vec<KnownOutage>>,
    /// The hash of each stored output, by path.
    #[serde(default)]
    pub written: BTreeMap<String, String>,
}

/// An outage that outputs contain or have contained.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct KnownOutage {
    /// The identity, which is the start of the outage when it was first written.
    pub id: UnixNanos,
    /// When the outage began, as last written.
    pub start: UnixNanos,
    /// When the outage ended, or `None` if it was ongoing.
    pub end: Option<UnixNanos>,
    /// Whether the endpoint was down. Otherwise, it was degraded.
    pub down: bool,
}

impl KnownOutage {
    fn overlaps(&self, start: UnixNanos, end: UnixNanos) -> bool {
        self.start < end && self.end.is_none_or(|own_end| start < own_end)
    }
}

/// An outage without its identity.
#[derive(Debug, Clone, Copy)]
pub(super) struct OutageSpan {
    pub(super) start: UnixNanos,
    pub(super) end: UnixNanos,
    pub(super) is_ongoing: bool,
    pub(super) status: Status,
}

impl OutputIndex {
    /// Creates the index of a node that has not written any outputs. `host` is the host name of the public URL.
    #[must_use]
    pub fn new(host: Option<&str>, now: UnixNanos) -> OutputIndex {
        let is_name = |host: &&str| {
            let is_valid = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || matches!(byte, b'.' | b'-');
            !host.is_empty() && host.bytes().all(is_valid)
        };
        OutputIndex {
            version: VERSION,
            created: now,
            authority: host.filter(is_name).unwrap_or(DEFAULT_AUTHORITY).to_owned(),
            outages: BTreeMap::new(),
            written: BTreeMap::new(),
        }
    }

    /// Parses a stored index. Returns `None` if it is invalid, for example because another version wrote it.
    #[must_use]
    pub fn parse(json: &[u8]) -> Option<OutputIndex> {
        serde_json::from_slice(json).ok().filter(|index: &OutputIndex| index.version == VERSION)
    }

    /// Returns the index as JSON. [`OutputIndex::parse`] returns an equal index.
    #[must_use]
    pub fn to_json(&self) -> String {
        // Serializing numbers and strings cannot fail.
        serde_json::to_string(self).unwrap_or_default()
    }

    /// Returns a `tag:` URI (RFC 4151). `since` is a time at which the identified thing existed.
    #[must_use]
    pub fn tag(&self, since: UnixNanos, specific: &str) -> String {
        let CivilTime { year, month, day, .. } = CivilTime::from_unix(since);
        format!("tag:{},{year:04}-{month:02}-{day:02}:{specific}", self.authority)
    }

    /// Returns the identities of an endpoint's outages, and remembers them. `spans` are in order.
    ///
    /// An outage that overlaps a known one keeps its identity, although results that arrive late can change its start. The
    /// identities of outages that have disappeared are kept in case they return.
    pub(super) fn identify(&mut self, key: &EndpointKey, spans: &[OutageSpan], now: UnixNanos) -> Vec<UnixNanos> {
        let key = endpoint_key(key);
        let known = self.outages.get(&key).map(Vec::as_slice).unwrap_or_default();
        let mut ids: Vec<Option<usize>> = vec![None; spans.len()];
        let mut is_taken = vec![false; known.len()];
        // First match outages with the same status, because the boundary between two adjacent outages can move.
        for needs_same_status in [true, false] {
            for (span, id) in spans.iter().zip(&mut ids).filter(|(_, id)| id.is_none()) {
                let is_match = |(index, known): &(usize, &KnownOutage)| {
                    let has_status = known.down == (span.status == Status::Down);
                    !is_taken[*index] && (has_status || !needs_same_status) && known.overlaps(span.start, span.end)
                };
                *id = known.iter().enumerate().find(is_match).map(|(index, _)| index);
                if let Some(index) = *id {
                    is_taken[index] = true;
                }
            }
        }
        let mut outages: Vec<KnownOutage> = Vec::new();
        let mut used: Vec<UnixNanos> = known.iter().map(|known| known.id).collect();
        let mut identities = Vec::new();
        for (span, index) in spans.iter().zip(ids) {
            let id = index.map_or_else(|| unused(&used, span.start), |index| known[index].id);
            used.push(id);
            identities.push(id);
            let end = (!span.is_ongoing).then_some(span.end);
            outages.push(KnownOutage { id, start: span.start, end, down: span.status == Status::Down });
        }
        for (known, is_taken) in known.iter().zip(is_taken) {
            // An outage without an end would otherwise match all later ones.
            let end = known.end.unwrap_or_else(|| now.max(known.start));
            if !is_taken && end > now.saturating_sub(RETENTION) {
                outages.push(KnownOutage { end: Some(end), ..*known });
            }
        }
        outages.sort_by_key(|outage| (outage.start, outage.id));
        outages.drain(..outages.len().saturating_sub(OUTAGES_LIMIT));
        if outages.is_empty() {
            self.outages.remove(&key);
        } else {
            self.outages.insert(key, outages);
        }
        identities
    }
}

/// Returns the text that identifies an endpoint in the index.
pub(super) fn endpoint_key(key: &EndpointKey) -> String {
    match &key.id {
        Some(id) => format!("id:{id}"),
        None => format!("{}\n{}", key.title, key.locator),
    }
}

/// Returns the first identity at or after a time that is not in use.
fn unused(used: &[UnixNanos], start: UnixNanos) -> UnixNanos {
    let mut id = start;
    while used.contains(&id) {
        id = id.saturating_add(1);
    }
    id
}

//! Reads the response times of individual checks from the check files of all nodes. Like histories, those of a node take
//! a limited amount of memory.

use std::collections::{BTreeMap, HashSet};
use std::pin::pin;
use std::sync::Arc;

use futures_util::TryStreamExt as _;
use shared::UnixNanos;
use shared::check_file::{CheckResult, EndpointKey, answered};
use shared::history::BuildReport;
use shared::object_name::{CheckFileName, NodeName};
use shared::quorum::CLOCK_TOLERANCE;
use shared::response_times::Measurement;

use super::check_files::check_files;
use super::history_reader::{LeftOut, MEMORY_LIMIT_WITH_RESPONSE_TIMES};
use crate::store::{Listing, Store, StoreError};

/// The memory for an entry of a map or an allocation, in addition to its contents, in bytes.
const OVERHEAD: usize = 32;

/// Measurements of individual checks by node and endpoint, in chronological order.
pub type CheckMeasurements = BTreeMap<Option<NodeName>, BTreeMap<EndpointKey, Vec<Measurement>>>;

/// The endpoints whose measurements are read. Those of endpoints that were left out of the histories would only take
/// memory.
#[derive(Debug)]
pub struct ShownEndpoints<'a> {
    names: HashSet<(&'a str, &'a str)>,
    ids: HashSet<&'a str>,
}

impl<'a> ShownEndpoints<'a> {
    #[must_use]
    pub fn new(keys: impl Iterator<Item = &'a EndpointKey> + Clone) -> ShownEndpoints<'a> {
        let names = keys.clone().map(|key| (key.title.as_str(), key.locator.as_str())).collect();
        ShownEndpoints { names, ids: keys.filter_map(|key| key.id.as_deref()).collect() }
    }

    fn contains(&self, result: &CheckResult) -> bool {
        self.names.contains(&(result.title.as_str(), result.locator.as_str()))
            || result.id.as_deref().is_some_and(|id| self.ids.contains(id))
    }
}

/// Reads the measurements from `from` to `now` in all check files that were stored since `from`. Also returns the nodes
/// whose measurements take too much memory.
pub async fn measurements(
    store: &Arc<Store>,
    shown: &ShownEndpoints<'_>,
    from: UnixNanos,
    now: UnixNanos,
) -> Result<(CheckMeasurements, Vec<LeftOut>), StoreError> {
    let mut names: Vec<CheckFileName> = store.list(Listing::since(from)).await?;
    names.retain(|name| (from..=now.saturating_add(CLOCK_TOLERANCE)).contains(&name.stored_at));
    let mut nodes: BTreeMap<Option<NodeName>, NodeMeasurements> = BTreeMap::new();
    let mut batches = pin!(check_files(store, names));
    while let Some(batch) = batches.try_next().await? {
        for (name, results) in batch.files {
            let node = nodes.entry(name.node.clone()).or_default();
            results.into_each(&mut |result| {
                let at = if result.timestamp > 0 { result.timestamp } else { name.stored_at };
                if (from..=now).contains(&at) && shown.contains(&result) {
                    node.add(result, at, MEMORY_LIMIT_WITH_RESPONSE_TIMES);
                }
            });
        }
    }
    let (mut measurements, mut left_out) = (CheckMeasurements::new(), Vec::new());
    for (node, NodeMeasurements { mut endpoints, left_out_before, .. }) in nodes {
        if left_out_before.is_some() {
            let report = BuildReport { left_out_before, ..BuildReport::default() };
            let (what, limit) = ("response times", MEMORY_LIMIT_WITH_RESPONSE_TIMES);
            left_out.push(LeftOut { node: node.clone(), what, report, limit });
        }
        for measured in endpoints.values_mut() {
            measured.sort_by_key(|measured| measured.at);
        }
        measurements.insert(node, endpoints);
    }
    Ok((measurements, left_out))
}

/// The measurements of one node.
#[derive(Debug, Default)]
struct NodeMeasurements {
    endpoints: BTreeMap<EndpointKey, Vec<Measurement>>,
    /// The memory of the measurements, in bytes.
    memory: usize,
    /// The time before which measurements were removed.
    left_out_before: Option<UnixNanos>,
}

impl NodeMeasurements {
    /// Adds a check that started at this time. If the measurements then take more than `limit` bytes, the oldest ones are
    /// removed until the others take half of it.
    fn add(&mut self, result: CheckResult, at: UnixNanos, limit: usize) {
        let measurement = Measurement { at, length: 0, rtts: answered(&result.attempts) };
        self.memory += memory_of(&measurement);
        let key = EndpointKey { title: result.title, locator: result.locator, id: result.id };
        let of_key = memory_of_key(&key);
        let measured = self.endpoints.entry(key).or_default();
        if measured.is_empty() {
            self.memory += of_key;
        }
        measured.push(measurement);
        if self.memory > limit {
            while self.memory > limit / 2 {
                self.remove_older_half();
            }
        }
    }

    /// Removes everything from the first half of the period.
    fn remove_older_half(&mut self) {
        let times = || self.endpoints.values().flatten().map(|measured| measured.at);
        let (oldest, newest) = (times().min().unwrap_or_default(), times().max().unwrap_or_default());
        let from = oldest + (newest - oldest) / 2 + 1;
        self.endpoints.retain(|_, measured| {
            measured.retain(|measured| measured.at >= from);
            measured.shrink_to_fit();
            !measured.is_empty()
        });
        let of_endpoint = |(key, measured): (&EndpointKey, &Vec<Measurement>)| {
            memory_of_key(key) + measured.iter().map(memory_of).sum::<usize>()
        };
        self.memory = self.endpoints.iter().map(of_endpoint).sum();
        self.left_out_before = self.left_out_before.max(Some(from));
    }
}

fn memory_of(measurement: &Measurement) -> usize {
    size_of::<Measurement>() + size_of_val(&*measurement.rtts) + OVERHEAD
}

fn memory_of_key(key: &EndpointKey) -> usize {
    let texts = key.title.len() + key.locator.len() + key.id.as_deref().map_or(0, str::len);
    size_of::<EndpointKey>() + size_of::<Vec<Measurement>>() + 4 * OVERHEAD + texts
}

#[cfg(test)]
mod tests {
    use shared::check_file::Attempt;
    use shared::{MINUTE, SECOND};

    use super::*;

    const NOW: UnixNanos = 1_795_330_254_340_493_978;

    fn result(title: &str) -> CheckResult {
        let attempts = vec![Attempt { rtt: SECOND, ..Attempt::default() }; 3];
        CheckResult { title: title.to_owned(), attempts, ..CheckResult::default() }
    }

    #[test]
    fn the_oldest_response_times_of_a_node_are_left_out() {
        const LIMIT: usize = 64 << 10;
        let (mut same, mut different) = (NodeMeasurements::default(), NodeMeasurements::default());
        for step in 0..10_000 {
            same.add(result("Shop"), NOW + step * MINUTE, LIMIT);
            different.add(result(&step.to_string()), NOW + step * MINUTE, LIMIT);
            assert!(same.memory <= LIMIT && different.memory <= LIMIT);
        }
        let newest = NOW + 9_999 * MINUTE;
        for node in [same, different] {
            let before = node.left_out_before.expect("measurements were left out");
            assert!((newest - 2_000 * MINUTE..newest).contains(&before), "{before}");
            let mut times: Vec<UnixNanos> = node.endpoints.values().flatten().map(|measured| measured.at).collect();
            times.sort_unstable();
            assert!(times[0] >= before && times.last() == Some(&newest));
            let of_endpoint = |(key, measured): (&EndpointKey, &Vec<Measurement>)| {
                memory_of_key(key) + measured.iter().map(memory_of).sum::<usize>()
            };
            assert_eq!(node.memory, node.endpoints.iter().map(of_endpoint).sum::<usize>());
        }
    }

    #[test]
    fn checks_at_the_same_time_are_limited_as_well() {
        let mut node = NodeMeasurements::default();
        for step in 0..1_000 {
            node.add(result(&step.to_string()), NOW, 64 << 10);
        }
        assert!(node.memory <= 64 << 10);
        assert_eq!(node.left_out_before, Some(NOW + 1));
    }

    #[test]
    fn endpoints_are_shown_by_title_and_locator_or_id() {
        let key = |title: &str, id: Option<&str>| EndpointKey {
            title: title.to_owned(),
            id: id.map(Into::into),
            ..EndpointKey::default()
        };
        let keys = [key("Shop", None), key("Blog", Some("blog"))];
        let shown = ShownEndpoints::new(keys.iter());
        let is_shown =
            |title: &str, id: Option<&str>| shown.contains(&CheckResult { id: id.map(Into::into), ..result(title) });
        assert!(is_shown("Shop", None) && is_shown("Blog", None) && is_shown("Old blog", Some("blog")));
        assert!(!is_shown("Old blog", None) && !is_shown("Other", Some("other")));
        let elsewhere = CheckResult { locator: "https://example.com".to_owned(), ..result("Shop") };
        assert!(!shown.contains(&elsewhere));
    }

    #[test]
    fn response_times_within_the_limit_are_complete() {
        let mut node = NodeMeasurements::default();
        (0..100).for_each(|step| node.add(result("Shop"), NOW + step, 64 << 10));
        assert_eq!((node.endpoints.values().flatten().count(), node.left_out_before), (100, None));
    }
}

//! The contents of the loaded check files, by endpoint and node. Files are added one by one and dropped by age.

use shared::check_file::{CheckFile, CheckResult, EndpointKey, SkippedElement};
use shared::history::HistoryRows;
use shared::object_name::{CheckFileName, NodeName};
use shared::quorum::Quorum;
use shared::response_times;
use shared::uptime::{Span, StatusTimeline};
use shared::{Nanos, UnixNanos};

use super::sample::{NodeHistory, Sample, samples_from};

/// The maximum number of endpoints to keep. A store with more is hostile, or too large for a page.
pub const ENDPOINTS_LIMIT: usize = 10_000;

/// The contents of the loaded check files and histories.
#[derive(Debug, Default)]
pub struct Dataset {
    /// The check files in memory, newest first, which is the order in which they are loaded.
    files: Vec<CheckFileName>,
    /// The endpoints, in order of first appearance. Their indexes are their ids and never change.
    pub endpoints: Vec<EndpointData>,
    /// The indexes of the endpoints, in key order. A hash map would add a kilobyte to the page.
    pub by_key: Vec<usize>,
    /// The nodes by name, each with the time of its newest result; `None` is a checker without a name.
    pub nodes: Vec<(Option<NodeName>, UnixNanos)>,
    /// The messages, in no particular order.
    pub messages: Vec<StoredMessage>,
    /// The invalid elements of check files.
    pub skipped: Vec<(CheckFileName, Vec<SkippedElement>)>,
    /// Whether endpoints were omitted because there are more than [`ENDPOINTS_LIMIT`].
    pub overflowed: bool,
    /// The histories without the parts that were moved to `endpoints` and `messages`.
    pub histories: Vec<HistoryRows>,
}

#[derive(Debug)]
pub struct StoredMessage {
    pub at: UnixNanos,
    pub html: String,
    /// The ids of the endpoints that the message is about.
    pub about: Vec<usize>,
}

/// The results of one endpoint.
#[derive(Debug)]
pub struct EndpointData {
    pub key: EndpointKey,
    /// The index in the newest check file that contains the endpoint. Check files have the order of the checker's
    /// configuration.
    pub position: usize,
    /// When that check file was stored.
    positioned_at: UnixNanos,
    /// The quorum from the same check file.
    pub quorum: Quorum,
    pub nodes: Vec<NodeSamples>,
}

/// The results of one endpoint from one node.
#[derive(Debug)]
pub struct NodeSamples {
    /// `None` is a checker without a name.
    pub node: Option<NodeName>,
    /// The results in check files, oldest first after [`Dataset::sort_samples`].
    pub samples: Vec<Sample>,
    pub history: Option<NodeHistory>,
}

impl Dataset {
    /// The number of check files in memory.
    #[must_use]
    pub fn file_count(&self) -> usize {
        self.files.len()
    }

    /// The longest interval in results of nodes without a history; 0 if there are no such results. A history contains
    /// the status at the start of a period.
    #[must_use]
    pub fn longest_interval(&self) -> Nanos {
        let nodes = self.endpoints.iter().flat_map(|endpoint| &endpoint.nodes);
        let samples = nodes.filter(|node| node.history.is_none()).flat_map(|node| &node.samples);
        samples.filter_map(|sample| sample.interval).max().unwrap_or(0)
    }

    /// Whether a check file is in memory.
    #[must_use]
    pub fn contains(&self, name: &CheckFileName) -> bool {
        self.find_file(name).is_ok()
    }

    fn find_file(&self, name: &CheckFileName) -> Result<usize, usize> {
        self.files.binary_search_by(|other| name.cmp(other))
    }

    /// Whether check files of a node are in memory.
    #[must_use]
    pub fn has_files_of(&self, node: Option<&NodeName>) -> bool {
        self.files.iter().any(|name| name.node.as_ref() == node)
    }

    /// When the newest check file in memory was stored.
    #[must_use]
    pub fn newest_file(&self) -> Option<UnixNanos> {
        self.files.first().map(|name| name.stored_at)
    }

    /// Adds a check file, unless it was added before.
    pub fn add(&mut self, name: &CheckFileName, file: CheckFile) {
        let Err(index) = self.find_file(name) else { return };
        self.files.insert(index, name.clone());
        let file = file.stored_as(name);
        if !file.skipped.is_empty() {
            self.skipped.push((name.clone(), file.skipped));
        }
        let first_message = self.messages.len();
        for (position, result) in file.results.into_iter().enumerate() {
            self.add_result(name, position, first_message, &result);
        }
    }

    fn add_result(&mut self, name: &CheckFileName, position: usize, first_message: usize, result: &CheckResult) {
        let Some(id) = self.id_of(&result.endpoint_key()) else { return };
        if !result.message.trim().is_empty() {
            // The message is in the results of every endpoint that it is about.
            let same_file = self.messages[first_message..].iter().position(|message| message.html == result.message);
            let is_same = |message: &StoredMessage| message.at == name.stored_at && message.html == result.message;
            if let Some(index) = same_file {
                self.messages[first_message + index].about.push(id);
            } else if !self.messages.iter().any(is_same) {
                self.messages.push(StoredMessage { at: name.stored_at, html: result.message.clone(), about: vec![id] });
            }
        }
        self.record_report(result.node.as_ref(), result.timestamp);
        let endpoint = &mut self.endpoints[id];
        endpoint.update_settings(name.stored_at, position, result.quorum);
        endpoint.node_mut(result.node.as_ref()).samples.push(Sample::new(result));
    }

    fn record_report(&mut self, node: Option<&NodeName>, at: UnixNanos) {
        let index = self.nodes.partition_point(|(known, _)| known.as_ref() < node);
        match self.nodes.get_mut(index) {
            Some((known, newest)) if known.as_ref() == node => *newest = (*newest).max(at),
            _ => self.nodes.insert(index, (node.cloned(), at)),
        }
    }

    /// The id of an endpoint, which is added if it is new; `None` if there are too many.
    fn id_of(&mut self, key: &EndpointKey) -> Option<usize> {
        let index = match self.by_key.binary_search_by(|id| self.endpoints[*id].key.cmp(key)) {
            Ok(index) => return Some(self.by_key[index]),
            Err(index) => index,
        };
        if self.endpoints.len() >= ENDPOINTS_LIMIT {
            self.overflowed = true;
            return None;
        }
        let id = self.endpoints.len();
        self.by_key.insert(index, id);
        self.endpoints.push(EndpointData {
            key: key.clone(),
            position: 0,
            positioned_at: UnixNanos::MIN,
            quorum: Quorum::default(),
            nodes: Vec::new(),
        });
        Some(id)
    }

    /// Adds the history of a node, which replaces its previous history and the check files that it covers, except those
    /// stored at `keep_from` or later.
    pub fn add_history(&mut self, mut history: HistoryRows, keep_from: UnixNanos) {
        let before = self.histories.iter().position(|known| known.node == history.node);
        if before.is_some_and(|before| self.histories[before].newest == history.newest) {
            return;
        }
        self.files.retain(|name| name.node != history.node || name.stored_at >= keep_from || !history.covers(name));
        let mut ids = Vec::with_capacity(history.endpoints.len());
        for rows in std::mem::take(&mut history.endpoints) {
            let Some(id) = self.id_of(&rows.key) else { break };
            ids.push(id);
            let endpoint = &mut self.endpoints[id];
            let newest = rows.timeline.last.map_or(0, |last| last.at);
            endpoint.update_settings(newest, rows.latest.position, rows.latest.quorum);
            let node = endpoint.node_mut(history.node.as_ref());
            node.samples.retain(|sample| sample.at >= keep_from || sample.at > newest);
            node.history = Some(NodeHistory { samples: samples_from(&rows), timeline: rows.timeline, open: rows.open });
            self.record_report(history.node.as_ref(), newest);
        }
        for posted in std::mem::take(&mut history.messages) {
            let about = posted.about.iter().filter_map(|index| ids.get(*index).copied()).collect();
            if !self.messages.iter().any(|known| known.at == posted.at && known.html == posted.message) {
                self.messages.push(StoredMessage { at: posted.at, html: posted.message, about });
            }
        }
        match before {
            Some(before) => self.histories[before] = history,
            None => self.histories.push(history),
        }
    }

    /// Drops results and messages from before a time.
    pub fn drop_before(&mut self, time: UnixNanos) {
        if self.files.last().is_none_or(|oldest| oldest.stored_at >= time) {
            return;
        }
        self.files.truncate(self.files.partition_point(|name| name.stored_at >= time));
        self.skipped.retain(|(name, _)| name.stored_at >= time);
        self.messages.retain(|message| message.at >= time);
        for endpoint in &mut self.endpoints {
            for node in &mut endpoint.nodes {
                node.samples.retain(|sample| sample.at >= time);
            }
            endpoint.nodes.retain(|node| !node.samples.is_empty() || node.history.is_some());
        }
        // Endpoints are kept, because messages and the page refer to them by id. Those without samples are not shown.
        let histories = &self.histories;
        self.nodes.retain(|(node, newest)| *newest >= time || histories.iter().any(|known| known.node == *node));
    }

    /// Sorts the samples of each node by time. This is nearly free if they are already sorted.
    pub fn sort_samples(&mut self) {
        for node in self.endpoints.iter_mut().flat_map(|endpoint| &mut endpoint.nodes) {
            if !node.samples.is_sorted_by_key(|sample| sample.at) {
                node.samples.sort_by_cached_key(|sample| sample.at);
            }
        }
    }
}

impl EndpointData {
    /// Updates position and quorum, unless they come from a newer check file.
    fn update_settings(&mut self, at: UnixNanos, position: usize, quorum: Quorum) {
        if at >= self.positioned_at {
            (self.positioned_at, self.position, self.quorum) = (at, position, quorum);
        }
    }

    fn node_mut(&mut self, node: Option<&NodeName>) -> &mut NodeSamples {
        // Nodes are in name order.
        let index = self.nodes.partition_point(|known| known.node.as_ref() < node);
        if self.nodes.get(index).is_none_or(|known| known.node.as_ref() != node) {
            self.nodes.insert(index, NodeSamples { node: node.cloned(), samples: Vec::new(), history: None });
        }
        &mut self.nodes[index]
    }
}

impl NodeSamples {
    /// The spans of status up to and including `now`. `interval` applies to a single result without an interval.
    #[must_use]
    pub fn spans(&self, now: UnixNanos, interval: Nanos) -> Vec<Span> {
        let known = self.samples.partition_point(|sample| sample.at <= now);
        let mut samples = &self.samples[..known];
        let mut timeline = StatusTimeline::default();
        if let Some(history) = &self.history {
            timeline = history.timeline.clone();
            samples =
                &samples[samples.partition_point(|sample| timeline.last.is_some_and(|last| sample.at <= last.at))..];
        }
        // With several results, the time between them determines the interval.
        let is_single =
            self.history.is_none() && samples.first().is_none_or(|oldest| oldest.at == samples[samples.len() - 1].at);
        let mut samples: Vec<&Sample> = samples.iter().collect();
        // The worst of several results from the same time is the last one.
        samples.sort_by_cached_key(|sample| sample.status as i64);
        samples.sort_by_cached_key(|sample| sample.at);
        for sample in samples {
            let mut observation = sample.observation();
            if is_single {
                observation.interval = observation.interval.or(Some(interval));
            }
            timeline.add(observation);
        }
        timeline.cut(now.saturating_add(1));
        timeline.spans
    }

    /// The samples of a period (`from <= t < to`): checks, or hours and days where checks are not loaded.
    pub fn samples(&self, from: UnixNanos, to: UnixNanos) -> impl Iterator<Item = &Sample> {
        let history = self.history.as_ref().map_or(&[][..], |history| &history.samples);
        response_times::known(history, &self.samples, from, to)
    }

    /// The newest sample that is not in the future.
    #[must_use]
    pub fn newest(&self, now: UnixNanos) -> Option<&Sample> {
        let newest_of = |samples: &[Sample]| samples.partition_point(|sample| sample.at <= now).checked_sub(1);
        let loaded = newest_of(&self.samples).map(|index| &self.samples[index]);
        let history = self.history.as_ref().map_or(&[][..], |history| &history.samples);
        let recorded = newest_of(history).map(|index| &history[index]);
        match (loaded, recorded) {
            (Some(loaded), Some(recorded)) if recorded.at > loaded.at => Some(recorded),
            (loaded, recorded) => loaded.or(recorded),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use shared::MINUTE;
    use shared::history::Series;
    use shared::status::Status;

    fn file(at: UnixNanos, titles: &[&str]) -> (CheckFileName, CheckFile) {
        let results = titles
            .iter()
            .map(|title| CheckResult {
                title: (*title).to_owned(),
                timestamp: at,
                status: Status::Healthy,
                message: if *title == "A" { "hello".to_owned() } else { String::new() },
                ..CheckResult::default()
            })
            .collect();
        (CheckFileName { stored_at: at, node: None }, CheckFile { results, skipped: Vec::new() })
    }

    fn dataset_of(files: &[(CheckFileName, CheckFile)]) -> Dataset {
        let mut dataset = Dataset::default();
        for (name, file) in files {
            dataset.add(name, file.clone());
        }
        dataset.sort_samples();
        dataset
    }

    #[test]
    fn a_file_is_added_only_once() {
        let one = file(MINUTE, &["A"]);
        let dataset = dataset_of(&[one.clone(), one]);
        assert_eq!((dataset.file_count(), dataset.endpoints[0].nodes[0].samples.len()), (1, 1));
    }

    #[test]
    fn endpoints_are_identified_by_title_in_any_order() {
        let files = [["D", "B"], ["C", "A"], ["B", "D"], ["A", "C"]];
        let files: Vec<_> = (1..).zip(files).map(|(minute, titles)| file(minute * MINUTE, &titles)).collect();
        let dataset = dataset_of(&files);
        let titles: Vec<&str> = dataset.endpoints.iter().map(|endpoint| endpoint.key.title.as_str()).collect();
        assert_eq!(titles, ["D", "B", "C", "A"]);
        assert!(dataset.endpoints.iter().all(|endpoint| endpoint.nodes[0].samples.len() == 2));
    }

    #[test]
    fn the_order_of_arrival_does_not_matter() {
        let (one, two) = (file(MINUTE, &["A", "B"]), file(2 * MINUTE, &["B", "A"]));
        for dataset in [dataset_of(&[one.clone(), two.clone()]), dataset_of(&[two, one])] {
            let a = dataset.endpoints.iter().find(|endpoint| endpoint.key.title == "A").expect("it was seen");
            assert_eq!(a.position, 1);
            assert_eq!(a.nodes[0].samples.iter().map(|sample| sample.at).collect::<Vec<_>>(), [MINUTE, 2 * MINUTE]);
        }
    }

    #[test]
    fn the_longest_interval_ignores_nodes_with_a_history() {
        let (name, mut one) = file(MINUTE, &["A", "B"]);
        (one.results[0].interval, one.results[1].interval) = (Some(MINUTE), Some(3 * MINUTE));
        let mut dataset = dataset_of(&[(name, one)]);
        assert_eq!(dataset.longest_interval(), 3 * MINUTE);
        let history = NodeHistory { timeline: StatusTimeline::default(), samples: Vec::new(), open: Series::default() };
        dataset.endpoints[1].nodes[0].history = Some(history);
        assert_eq!(dataset.longest_interval(), MINUTE);
    }

    #[test]
    fn files_outside_the_range_are_dropped() {
        let mut dataset = dataset_of(&[file(MINUTE, &["A"]), file(2 * MINUTE, &["B"])]);
        dataset.drop_before(2 * MINUTE);
        assert_eq!(dataset.file_count(), 1);
        assert!(dataset.endpoints[0].nodes.is_empty() && dataset.messages.is_empty());
        assert_eq!(dataset.endpoints[1].nodes[0].samples.len(), 1);
    }

    #[test]
    fn two_titles_of_one_url_are_two_endpoints() {
        assert_eq!(dataset_of(&[file(MINUTE, &["A", "B"])]).endpoints.len(), 2);
    }

    #[test]
    fn too_many_endpoints_are_reported() {
        let titles: Vec<String> = (0..=ENDPOINTS_LIMIT).map(|number| number.to_string()).collect();
        let dataset = dataset_of(&[file(MINUTE, &titles.iter().map(String::as_str).collect::<Vec<_>>())]);
        assert_eq!((dataset.endpoints.len(), dataset.overflowed), (ENDPOINTS_LIMIT, true));
    }
}

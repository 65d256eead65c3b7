//! What the loaded check files say, by endpoint and node, in a form that is quick to reckon with. Files are added
//! one by one and forgotten by age; nothing is reckoned here.

use shared::check_file::{CheckFile, CheckResult, EndpointKey, SkippedElement};
use shared::history::HistoryRows;
use shared::object_name::{CheckFileName, NodeName};
use shared::quorum::Quorum;
use shared::response_times;
use shared::uptime::{Span, StatusTimeline};
use shared::{Nanos, UnixNanos};

use super::sample::{NodeHistory, Sample, samples_from};

/// The most endpoints that are kept: a store that names more is hostile or not meant for a page.
pub const ENDPOINTS_LIMIT: usize = 10_000;

/// Everything the page knows.
#[derive(Debug, Default)]
pub struct Dataset {
    /// The check files that are in memory, newest first, which is the order in which they come.
    files: Vec<CheckFileName>,
    /// The endpoints, in the order in which they were first seen.
    pub endpoints: Vec<EndpointData>,
    /// Their places in the order of their keys, by which they are found: what finds them by hashes would weigh a kilobyte.
    pub by_key: Vec<usize>,
    /// The nodes by name, with the moment of the newest result of each; `None` is a checker that gives no name.
    pub nodes: Vec<(Option<NodeName>, UnixNanos)>,
    /// What was said, in no order.
    pub messages: Vec<StoredMessage>,
    /// The elements of files that could not be read, with their files.
    pub skipped: Vec<(CheckFileName, Vec<SkippedElement>)>,
    /// Whether endpoints were left out, since there are more than [`ENDPOINTS_LIMIT`].
    pub overflowed: bool,
    /// The histories of nodes that keep one, without what was taken from them.
    pub histories: Vec<HistoryRows>,
}

/// A message as it was stored.
#[derive(Debug)]
pub struct StoredMessage {
    /// When.
    pub at: UnixNanos,
    /// The words, as HTML.
    pub html: String,
    /// The places of the endpoints it was said about.
    pub about: Vec<usize>,
}

/// What is known of one endpoint.
#[derive(Debug)]
pub struct EndpointData {
    /// Which one it is.
    pub key: EndpointKey,
    /// Its place in the newest file that names it: the order of the checker's configuration.
    pub position: usize,
    /// When that file was stored.
    positioned_at: UnixNanos,
    /// How several nodes agree on it, by the same file.
    pub quorum: Quorum,
    /// What each node saw.
    pub nodes: Vec<NodeSamples>,
}

/// What one node saw of one endpoint.
#[derive(Debug)]
pub struct NodeSamples {
    /// Which node; `None` is a checker that gives no name.
    pub node: Option<NodeName>,
    /// What it saw by its check files, oldest first after [`Dataset::sort_samples`].
    pub samples: Vec<Sample>,
    /// What its history says.
    pub past: Option<NodeHistory>,
}

impl Dataset {
    /// How many check files are in memory.
    #[must_use]
    pub fn file_count(&self) -> usize {
        self.files.len()
    }

    /// The longest interval that a result tells whose node keeps no history; 0 if none does. A history reaches into
    /// any period by itself.
    #[must_use]
    pub fn longest_interval(&self) -> Nanos {
        let nodes = self.endpoints.iter().flat_map(|endpoint| &endpoint.nodes);
        let samples = nodes.filter(|node| node.past.is_none()).flat_map(|node| &node.samples);
        samples.filter_map(|sample| sample.interval).max().unwrap_or(0)
    }

    /// Whether a check file is in memory.
    #[must_use]
    pub fn contains(&self, name: &CheckFileName) -> bool {
        self.files.binary_search_by(|other| name.cmp(other)).is_ok()
    }

    /// Whether any check file of a node is in memory.
    #[must_use]
    pub fn has_files_of(&self, node: Option<&NodeName>) -> bool {
        self.files.iter().any(|name| name.node.as_ref() == node)
    }

    /// When the newest check file in memory was stored.
    #[must_use]
    pub fn newest_file(&self) -> Option<UnixNanos> {
        self.files.first().map(|name| name.stored_at)
    }

    /// Adds a check file, once; the same one again changes nothing.
    pub fn add(&mut self, name: &CheckFileName, file: CheckFile) {
        let Err(place) = self.files.binary_search_by(|other| name.cmp(other)) else { return };
        self.files.insert(place, name.clone());
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
        let Some(place) = self.place_of(&result.endpoint_key()) else { return };
        if !result.message.trim().is_empty() {
            // One message about several endpoints stands in the result of each of them.
            let here = self.messages[first_message..].iter().position(|said| said.html == result.message);
            let told = |said: &StoredMessage| said.at == name.stored_at && said.html == result.message;
            if let Some(here) = here {
                self.messages[first_message + here].about.push(place);
            } else if !self.messages.iter().any(told) {
                self.messages.push(StoredMessage {
                    at: name.stored_at,
                    html: result.message.clone(),
                    about: vec![place],
                });
            }
        }
        self.record_report(result.node.as_ref(), result.timestamp);
        let endpoint = &mut self.endpoints[place];
        endpoint.update_settings(name.stored_at, position, result.quorum);
        endpoint.node_mut(result.node.as_ref()).samples.push(Sample::new(result));
    }

    fn record_report(&mut self, node: Option<&NodeName>, at: UnixNanos) {
        let place = self.nodes.partition_point(|(known, _)| known.as_ref() < node);
        match self.nodes.get_mut(place) {
            Some((known, newest)) if known.as_ref() == node => *newest = (*newest).max(at),
            _ => self.nodes.insert(place, (node.cloned(), at)),
        }
    }

    /// The number of an endpoint; `None` if there are too many.
    fn place_of(&mut self, key: &EndpointKey) -> Option<usize> {
        let here = match self.by_key.binary_search_by(|place| self.endpoints[*place].key.cmp(key)) {
            Ok(here) => return Some(self.by_key[here]),
            Err(here) => here,
        };
        if self.endpoints.len() >= ENDPOINTS_LIMIT {
            self.overflowed = true;
            return None;
        }
        let place = self.endpoints.len();
        self.by_key.insert(here, place);
        self.endpoints.push(EndpointData {
            key: key.clone(),
            position: 0,
            positioned_at: UnixNanos::MIN,
            quorum: Quorum::default(),
            nodes: Vec::new(),
        });
        Some(place)
    }

    /// Takes a node's history in the place of the one before. Of the check files that it covers, those that were stored
    /// at `keep_from` or later stay in memory.
    pub fn add_history(&mut self, mut history: HistoryRows, keep_from: UnixNanos) {
        let before = self.histories.iter().position(|known| known.node == history.node);
        if before.is_some_and(|before| self.histories[before].newest == history.newest) {
            return;
        }
        self.files.retain(|name| name.node != history.node || name.stored_at >= keep_from || !history.covers(name));
        let mut places = Vec::with_capacity(history.endpoints.len());
        for past in std::mem::take(&mut history.endpoints) {
            let Some(place) = self.place_of(&past.key) else { break };
            places.push(place);
            let endpoint = &mut self.endpoints[place];
            let newest = past.timeline.last.map_or(0, |last| last.at);
            endpoint.update_settings(newest, past.latest.position, past.latest.quorum);
            let of_node = endpoint.node_mut(history.node.as_ref());
            of_node.samples.retain(|sample| sample.at >= keep_from || sample.at > newest);
            of_node.past = Some(NodeHistory { samples: samples_from(&past), timeline: past.timeline, open: past.open });
            self.record_report(history.node.as_ref(), newest);
        }
        for said in std::mem::take(&mut history.messages) {
            let about = said.about.iter().filter_map(|place| places.get(*place).copied()).collect();
            if !self.messages.iter().any(|known| known.at == said.at && known.html == said.message) {
                self.messages.push(StoredMessage { at: said.at, html: said.message, about });
            }
        }
        match before {
            Some(before) => self.histories[before] = history,
            None => self.histories.push(history),
        }
    }

    /// Forgets what was stored before `time`: results, messages and the endpoints nothing is left of.
    pub fn drop_before(&mut self, time: UnixNanos) {
        if self.files.last().is_none_or(|oldest| oldest.stored_at >= time) {
            return;
        }
        self.files.truncate(self.files.partition_point(|name| name.stored_at >= time));
        self.skipped.retain(|(name, _)| name.stored_at >= time);
        self.messages.retain(|said| said.at >= time);
        for endpoint in &mut self.endpoints {
            for node in &mut endpoint.nodes {
                node.samples.retain(|sample| sample.at >= time);
            }
            endpoint.nodes.retain(|node| !node.samples.is_empty() || node.past.is_some());
        }
        // Places stay what they are, since messages and the page refer to them; an endpoint without looks is
        // not shown.
        let histories = &self.histories;
        self.nodes.retain(|(node, newest)| *newest >= time || histories.iter().any(|known| known.node == *node));
    }

    /// Puts every node's looks in the order of time; nearly free where they are.
    pub fn sort_samples(&mut self) {
        for node in self.endpoints.iter_mut().flat_map(|endpoint| &mut endpoint.nodes) {
            node.samples.sort_by_cached_key(|sample| sample.at);
        }
    }
}

impl EndpointData {
    /// Takes what the newest file says of the endpoint's place and verdict.
    fn update_settings(&mut self, at: UnixNanos, position: usize, quorum: Quorum) {
        if at >= self.positioned_at {
            (self.positioned_at, self.position, self.quorum) = (at, position, quorum);
        }
    }

    fn node_mut(&mut self, node: Option<&NodeName>) -> &mut NodeSamples {
        // In the order of their names, whichever came first.
        let place = self.nodes.partition_point(|known| known.node.as_ref() < node);
        if self.nodes.get(place).is_none_or(|known| known.node.as_ref() != node) {
            self.nodes.insert(place, NodeSamples { node: node.cloned(), samples: Vec::new(), past: None });
        }
        &mut self.nodes[place]
    }
}

impl NodeSamples {
    /// Its spans up to and with `now`; `interval` is how long a single look stands that does not say so.
    #[must_use]
    pub fn spans(&self, now: UnixNanos, interval: Nanos) -> Vec<Span> {
        let known = self.samples.partition_point(|sample| sample.at <= now);
        let mut samples = &self.samples[..known];
        let mut timeline = StatusTimeline::default();
        if let Some(past) = &self.past {
            timeline = past.timeline.clone();
            samples =
                &samples[samples.partition_point(|sample| timeline.last.is_some_and(|last| sample.at <= last.at))..];
        }
        // One look has no neighbors to tell how often it is repeated.
        let is_alone =
            self.past.is_none() && samples.first().is_none_or(|oldest| oldest.at == samples[samples.len() - 1].at);
        let mut seen: Vec<&Sample> = samples.iter().collect();
        seen.sort_by_cached_key(|sample| sample.status as i64);
        seen.sort_by_cached_key(|sample| sample.at);
        for sample in seen {
            let mut observation = sample.observation();
            if is_alone {
                observation.interval = observation.interval.or(Some(interval));
            }
            timeline.add(observation);
        }
        timeline.cut(now.saturating_add(1));
        timeline.spans
    }

    /// What is known of each check, or of hours and days where it is not, from `from` to before `to`.
    pub fn samples(&self, from: UnixNanos, to: UnixNanos) -> impl Iterator<Item = &Sample> {
        let past = self.past.as_ref().map_or(&[][..], |past| &past.samples);
        response_times::known(past, &self.samples, from, to)
    }

    /// The newest look that is not in the future.
    #[must_use]
    pub fn newest(&self, now: UnixNanos) -> Option<&Sample> {
        let of = |samples: &[Sample]| samples.partition_point(|sample| sample.at <= now).checked_sub(1);
        let own = of(&self.samples).map(|place| &self.samples[place]);
        let past = self.past.as_ref().and_then(|past| of(&past.samples).map(|place| &past.samples[place]));
        match (own, past) {
            (Some(own), Some(past)) if past.at > own.at => Some(past),
            (own, past) => own.or(past),
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

    fn record_of(files: &[(CheckFileName, CheckFile)]) -> Dataset {
        let mut dataset = Dataset::default();
        for (name, file) in files {
            dataset.add(name, file.clone());
        }
        dataset.sort_samples();
        dataset
    }

    #[test]
    fn a_file_counts_once_however_often_it_is_added() {
        let one = file(MINUTE, &["A"]);
        let dataset = record_of(&[one.clone(), one]);
        assert_eq!((dataset.file_count(), dataset.endpoints[0].nodes[0].samples.len()), (1, 1));
    }

    #[test]
    fn an_endpoint_is_the_same_one_in_whatever_order_titles_come() {
        let files = [["D", "B"], ["C", "A"], ["B", "D"], ["A", "C"]];
        let files: Vec<_> = (1..).zip(files).map(|(minute, titles)| file(minute * MINUTE, &titles)).collect();
        let dataset = record_of(&files);
        let titles: Vec<&str> = dataset.endpoints.iter().map(|endpoint| endpoint.key.title.as_str()).collect();
        assert_eq!(titles, ["D", "B", "C", "A"]);
        assert!(dataset.endpoints.iter().all(|endpoint| endpoint.nodes[0].samples.len() == 2));
    }

    #[test]
    fn the_order_of_arrival_does_not_matter() {
        let (one, two) = (file(MINUTE, &["A", "B"]), file(2 * MINUTE, &["B", "A"]));
        for dataset in [record_of(&[one.clone(), two.clone()]), record_of(&[two, one])] {
            let a = dataset.endpoints.iter().find(|endpoint| endpoint.key.title == "A").expect("it was seen");
            assert_eq!(a.position, 1);
            assert_eq!(a.nodes[0].samples.iter().map(|sample| sample.at).collect::<Vec<_>>(), [MINUTE, 2 * MINUTE]);
        }
    }

    #[test]
    fn the_longest_interval_is_that_of_nodes_without_a_history() {
        let (name, mut one) = file(MINUTE, &["A", "B"]);
        (one.results[0].interval, one.results[1].interval) = (Some(MINUTE), Some(3 * MINUTE));
        let mut dataset = record_of(&[(name, one)]);
        assert_eq!(dataset.longest_interval(), 3 * MINUTE);
        let past = NodeHistory { timeline: StatusTimeline::default(), samples: Vec::new(), open: Series::default() };
        dataset.endpoints[1].nodes[0].past = Some(past);
        assert_eq!(dataset.longest_interval(), MINUTE);
    }

    #[test]
    fn what_left_the_range_leaves_memory() {
        let mut dataset = record_of(&[file(MINUTE, &["A"]), file(2 * MINUTE, &["B"])]);
        dataset.drop_before(2 * MINUTE);
        assert_eq!(dataset.file_count(), 1);
        assert!(dataset.endpoints[0].nodes.is_empty() && dataset.messages.is_empty());
        assert_eq!(dataset.endpoints[1].nodes[0].samples.len(), 1);
    }

    #[test]
    fn two_checks_of_one_url_under_two_titles_stay_apart() {
        assert_eq!(record_of(&[file(MINUTE, &["A", "B"])]).endpoints.len(), 2);
    }

    #[test]
    fn endpoints_beyond_the_limit_are_left_out_and_said_to_be() {
        let titles: Vec<String> = (0..=ENDPOINTS_LIMIT).map(|number| number.to_string()).collect();
        let dataset = record_of(&[file(MINUTE, &titles.iter().map(String::as_str).collect::<Vec<_>>())]);
        assert_eq!((dataset.endpoints.len(), dataset.overflowed), (ENDPOINTS_LIMIT, true));
    }
}

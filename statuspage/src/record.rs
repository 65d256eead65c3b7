//! What the loaded check files say, by endpoint and node, in a form that is quick to reckon with. Files are added
//! one by one and forgotten by age; nothing is reckoned here.

use std::collections::HashMap;
use std::sync::Arc;

use shared::object_name::{CheckFileName, NodeName};
use shared::result::{CheckFile, CheckResult, EndpointKey};
use shared::status::Status;
use shared::uptime::Observation;
use shared::{Nanos, UnixNanos};

use shared::sorted::{self, find_descending};

/// The most endpoints that are kept: a store that names more is hostile or not meant for a page.
pub const ENDPOINTS_LIMIT: usize = 10_000;

/// Everything the page knows.
#[derive(Debug, Default)]
pub struct Record {
    /// The check files that are in memory, newest first, which is the order in which they come.
    files: Vec<CheckFileName>,
    /// The endpoints, in the order in which they were first seen.
    pub endpoints: Vec<EndpointRecord>,
    places: HashMap<EndpointKey, usize>,
    /// The nodes with the moment of the newest result of each; `None` is a checker that gives no name.
    pub nodes: Vec<(Option<NodeName>, UnixNanos)>,
    /// What was said, in no order.
    pub messages: Vec<Said>,
    /// The elements of files that could not be read, each in words, with its file.
    pub skipped: Vec<(CheckFileName, String)>,
    /// Whether endpoints were left out, since there are more than [`ENDPOINTS_LIMIT`].
    pub overflowed: bool,
}

/// A message as it was stored.
#[derive(Debug)]
pub struct Said {
    /// When.
    pub at: UnixNanos,
    /// The words, as HTML.
    pub html: String,
    /// The places of the endpoints it was said about.
    pub about: Vec<usize>,
}

/// What is known of one endpoint.
#[derive(Debug)]
pub struct EndpointRecord {
    /// Which one it is.
    pub key: EndpointKey,
    /// Its place in the newest file that names it: the order of the checker's configuration.
    pub position: usize,
    /// When that file was stored.
    positioned_at: UnixNanos,
    /// What each node saw.
    pub nodes: Vec<NodeLooks>,
}

/// What one node saw of one endpoint.
#[derive(Debug)]
pub struct NodeLooks {
    /// Which node; `None` is a checker that gives no name.
    pub node: Option<NodeName>,
    /// What it saw, oldest first after [`Record::put_in_order`].
    pub looks: Vec<Look>,
}

/// One check, reduced to what the page shows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Look {
    /// When.
    pub at: UnixNanos,
    /// What was concluded.
    pub status: Status,
    /// How long it stands, if it says so.
    pub interval: Option<Nanos>,
    /// The round-trip times of the attempts that were answered well. How quickly a connection was refused is no
    /// response time.
    pub rtts: Box<[Nanos]>,
    /// Whether any attempt failed.
    pub failed: bool,
    /// The response time above which the endpoint is degraded; 0 is none.
    pub threshold: Nanos,
    /// What was wrong, in words.
    pub reason: Option<Arc<str>>,
}

impl Record {
    /// How many check files are in memory.
    #[must_use]
    pub fn file_count(&self) -> usize {
        self.files.len()
    }

    /// Whether a check file is in memory.
    #[must_use]
    pub fn contains(&self, name: &CheckFileName) -> bool {
        find_descending(&self.files, name).is_ok()
    }

    /// When the newest check file in memory was stored.
    #[must_use]
    pub fn newest_file(&self) -> Option<UnixNanos> {
        self.files.first().map(|name| name.stored_at)
    }

    /// Adds a check file, once; the same one again changes nothing.
    pub fn add(&mut self, name: &CheckFileName, file: CheckFile) {
        let Err(place) = find_descending(&self.files, name) else { return };
        self.files.insert(place, name.clone());
        let file = file.stored_as(name);
        if let Some(first) = file.skipped.first() {
            let count = file.skipped.len();
            let others = if count > 1 { format!(" (and {} more)", count - 1) } else { String::new() };
            self.skipped
                .push((name.clone(), format!("element {}{others} is no result: {}", first.index, first.reason)));
        }
        let first_message = self.messages.len();
        for (position, result) in file.results.into_iter().enumerate() {
            self.add_result(name, position, first_message, &result);
        }
    }

    fn add_result(&mut self, name: &CheckFileName, position: usize, first_message: usize, result: &CheckResult) {
        let key = result.endpoint_key();
        let place = match self.places.get(&key) {
            Some(place) => *place,
            None if self.endpoints.len() >= ENDPOINTS_LIMIT => {
                self.overflowed = true;
                return;
            }
            None => {
                self.places.insert(key.clone(), self.endpoints.len());
                self.endpoints.push(EndpointRecord { key, position, positioned_at: name.stored_at, nodes: Vec::new() });
                self.endpoints.len() - 1
            }
        };
        if !result.message.trim().is_empty() {
            // One message about several endpoints stands in the result of each of them.
            match self.messages[first_message..].iter_mut().find(|said| said.html == result.message) {
                Some(said) => said.about.push(place),
                None => {
                    self.messages.push(Said { at: name.stored_at, html: result.message.clone(), about: vec![place] });
                }
            }
        }
        match self.nodes.iter_mut().find(|(node, _)| *node == result.node) {
            Some((_, newest)) => *newest = (*newest).max(result.timestamp),
            None => self.nodes.push((result.node.clone(), result.timestamp)),
        }
        let endpoint = &mut self.endpoints[place];
        if name.stored_at >= endpoint.positioned_at {
            (endpoint.position, endpoint.positioned_at) = (position, name.stored_at);
        }
        let known = endpoint.nodes.iter().position(|known| known.node == result.node);
        let of_node = known.unwrap_or_else(|| {
            endpoint.nodes.push(NodeLooks { node: result.node.clone(), looks: Vec::new() });
            endpoint.nodes.len() - 1
        });
        endpoint.nodes[of_node].looks.push(Look::of(result));
    }

    /// Forgets what was stored before `time`: results, messages and the endpoints nothing is left of.
    pub fn forget_before(&mut self, time: UnixNanos) {
        if self.files.last().is_none_or(|oldest| oldest.stored_at >= time) {
            return;
        }
        self.files.truncate(self.files.partition_point(|name| name.stored_at >= time));
        self.skipped.retain(|(name, _)| name.stored_at >= time);
        self.messages.retain(|said| said.at >= time);
        for endpoint in &mut self.endpoints {
            for node in &mut endpoint.nodes {
                node.looks.retain(|look| look.at >= time);
            }
            endpoint.nodes.retain(|node| !node.looks.is_empty());
        }
        // Places stay what they are, since messages and the page refer to them; an endpoint without looks is
        // not shown.
        self.nodes.retain(|(_, newest)| *newest >= time);
    }

    /// Puts every node's looks in the order of time; nearly free where they are.
    pub fn put_in_order(&mut self) {
        for node in self.endpoints.iter_mut().flat_map(|endpoint| &mut endpoint.nodes) {
            sorted::by_key(&mut node.looks, |look| look.at);
        }
    }
}

impl Look {
    fn of(result: &CheckResult) -> Look {
        Look {
            at: result.timestamp,
            status: result.status,
            interval: result.interval,
            rtts: result.attempts.iter().filter(|attempt| attempt.error.is_none()).map(|attempt| attempt.rtt).collect(),
            failed: result.attempts.iter().any(|attempt| attempt.error.is_some()),
            threshold: result.threshold,
            reason: if result.status == Status::Healthy { None } else { result.reason().map(Arc::from) },
        }
    }

    /// What it says about time.
    #[must_use]
    pub fn observation(&self) -> Observation {
        Observation { at: self.at, status: self.status, interval: self.interval }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use shared::MINUTE;

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

    fn record_of(files: &[(CheckFileName, CheckFile)]) -> Record {
        let mut record = Record::default();
        for (name, file) in files {
            record.add(name, file.clone());
        }
        record.put_in_order();
        record
    }

    #[test]
    fn a_file_counts_once_however_often_it_is_added() {
        let one = file(MINUTE, &["A"]);
        let record = record_of(&[one.clone(), one]);
        assert_eq!((record.file_count(), record.endpoints[0].nodes[0].looks.len()), (1, 1));
    }

    #[test]
    fn the_order_of_arrival_does_not_matter() {
        let (one, two) = (file(MINUTE, &["A", "B"]), file(2 * MINUTE, &["B", "A"]));
        for record in [record_of(&[one.clone(), two.clone()]), record_of(&[two, one])] {
            let a = record.endpoints.iter().find(|endpoint| endpoint.key.title == "A").expect("it was seen");
            assert_eq!(a.position, 1);
            assert_eq!(a.nodes[0].looks.iter().map(|look| look.at).collect::<Vec<_>>(), [MINUTE, 2 * MINUTE]);
        }
    }

    #[test]
    fn what_left_the_range_leaves_memory() {
        let mut record = record_of(&[file(MINUTE, &["A"]), file(2 * MINUTE, &["B"])]);
        record.forget_before(2 * MINUTE);
        assert_eq!(record.file_count(), 1);
        assert!(record.endpoints[0].nodes.is_empty() && record.messages.is_empty());
        assert_eq!(record.endpoints[1].nodes[0].looks.len(), 1);
    }

    #[test]
    fn two_checks_of_one_url_under_two_titles_stay_apart() {
        assert_eq!(record_of(&[file(MINUTE, &["A", "B"])]).endpoints.len(), 2);
    }

    #[test]
    fn endpoints_beyond_the_limit_are_left_out_and_said_to_be() {
        let titles: Vec<String> = (0..=ENDPOINTS_LIMIT).map(|number| number.to_string()).collect();
        let record = record_of(&[file(MINUTE, &titles.iter().map(String::as_str).collect::<Vec<_>>())]);
        assert_eq!((record.endpoints.len(), record.overflowed), (ENDPOINTS_LIMIT, true));
    }
}

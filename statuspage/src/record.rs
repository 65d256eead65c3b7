//! What the loaded check files say, by endpoint and node, in a form that is quick to reckon with. Files are added
//! one by one and forgotten by age; nothing is reckoned here.

use std::sync::Arc;

use shared::history::{Outline, PastOutline, Row};
use shared::latency::Sketch;
use shared::object_name::{CheckFileName, NodeName};
use shared::response_times::{self, Sample};
use shared::result::{CheckFile, CheckResult, EndpointKey, Skipped};
use shared::status::Status;
use shared::uptime::{self, Observation, Span, Track};
use shared::verdict::Policy;
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
    /// Their places in the order of their keys, by which they are found: what finds them by hashes would weigh a kilobyte.
    pub by_key: Vec<usize>,
    /// The nodes by name, with the moment of the newest result of each; `None` is a checker that gives no name.
    pub nodes: Vec<(Option<NodeName>, UnixNanos)>,
    /// What was said, in no order.
    pub messages: Vec<Said>,
    /// The elements of files that could not be read, with their files.
    pub skipped: Vec<(CheckFileName, Vec<Skipped>)>,
    /// Whether endpoints were left out, since there are more than [`ENDPOINTS_LIMIT`].
    pub overflowed: bool,
    /// The histories of nodes that keep one, without what was taken from them.
    pub histories: Vec<Outline>,
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
    /// How several nodes agree on it, by the same file.
    pub verdict: Policy,
    /// What each node saw.
    pub nodes: Vec<NodeLooks>,
}

/// What one node saw of one endpoint.
#[derive(Debug)]
pub struct NodeLooks {
    /// Which node; `None` is a checker that gives no name.
    pub node: Option<NodeName>,
    /// What it saw by its check files, oldest first after [`Record::put_in_order`].
    pub looks: Vec<Look>,
    /// What its history says.
    pub past: Option<KnownPast>,
}

/// What a node's history says of an endpoint.
#[derive(Debug)]
pub struct KnownPast {
    /// The statuses over time.
    pub track: Track,
    /// The percentiles of each day or hour, the errors and the newest result, as looks, oldest first.
    pub looks: Vec<Look>,
    /// The latencies of the hours that are not closed.
    pub open: Row<Sketch>,
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
    /// The round-trip times of the attempts that were answered well.
    pub rtts: Box<[Nanos]>,
    /// When the first good attempt had looked up the name, was connected, was sure of whom it spoke to, and got the first
    /// byte, in microseconds from its beginning; a phase that nobody timed took no time.
    pub phases: [u32; 4],
    /// Whether any attempt failed.
    pub failed: bool,
    /// The response time above which the endpoint is degraded; 0 is none.
    pub threshold: Nanos,
    /// What was wrong, in words.
    pub reason: Option<Arc<str>>,
    /// The length of the hour or day whose percentiles these are; 0 if it is one check.
    pub length: Nanos,
}

impl Record {
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
        let looks = nodes.filter(|node| node.past.is_none()).flat_map(|node| &node.looks);
        looks.filter_map(|look| look.interval).max().unwrap_or(0)
    }

    /// Whether a check file is in memory.
    #[must_use]
    pub fn contains(&self, name: &CheckFileName) -> bool {
        find_descending(&self.files, name).is_ok()
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
        let Err(place) = find_descending(&self.files, name) else { return };
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
            let told = |said: &Said| said.at == name.stored_at && said.html == result.message;
            if let Some(here) = here {
                self.messages[first_message + here].about.push(place);
            } else if !self.messages.iter().any(told) {
                self.messages.push(Said { at: name.stored_at, html: result.message.clone(), about: vec![place] });
            }
        }
        self.has_reported(result.node.as_ref(), result.timestamp);
        let endpoint = &mut self.endpoints[place];
        endpoint.take_settings(name.stored_at, position, result.verdict);
        endpoint.of_node(result.node.as_ref()).looks.push(Look::of(result));
    }

    fn has_reported(&mut self, node: Option<&NodeName>, at: UnixNanos) {
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
        self.endpoints.push(EndpointRecord {
            key: key.clone(),
            position: 0,
            positioned_at: UnixNanos::MIN,
            verdict: Policy::default(),
            nodes: Vec::new(),
        });
        Some(place)
    }

    /// Takes a node's history in the place of the one before. Of the check files that it covers, those that were stored
    /// at `keep_from` or later stay in memory.
    pub fn take_history(&mut self, mut history: Outline, keep_from: UnixNanos) {
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
            let newest = past.track.last.map_or(0, |last| last.at);
            endpoint.take_settings(newest, past.latest.place, past.latest.verdict);
            let of_node = endpoint.of_node(history.node.as_ref());
            of_node.looks.retain(|look| look.at >= keep_from || look.at > newest);
            of_node.past = Some(KnownPast { looks: looks_of(&past), track: past.track, open: past.open });
            self.has_reported(history.node.as_ref(), newest);
        }
        for said in std::mem::take(&mut history.messages) {
            let about = said.about.iter().filter_map(|place| places.get(*place).copied()).collect();
            if !self.messages.iter().any(|known| known.at == said.at && known.html == said.message) {
                self.messages.push(Said { at: said.at, html: said.message, about });
            }
        }
        match before {
            Some(before) => self.histories[before] = history,
            None => self.histories.push(history),
        }
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
            endpoint.nodes.retain(|node| !node.looks.is_empty() || node.past.is_some());
        }
        // Places stay what they are, since messages and the page refer to them; an endpoint without looks is
        // not shown.
        let histories = &self.histories;
        self.nodes.retain(|(node, newest)| *newest >= time || histories.iter().any(|known| known.node == *node));
    }

    /// Puts every node's looks in the order of time; nearly free where they are.
    pub fn put_in_order(&mut self) {
        for node in self.endpoints.iter_mut().flat_map(|endpoint| &mut endpoint.nodes) {
            sorted::by_key(&mut node.looks, |look| look.at);
        }
    }
}

impl EndpointRecord {
    /// Takes what the newest file says of the endpoint's place and verdict.
    fn take_settings(&mut self, at: UnixNanos, position: usize, verdict: Policy) {
        if at >= self.positioned_at {
            (self.positioned_at, self.position, self.verdict) = (at, position, verdict);
        }
    }

    fn of_node(&mut self, node: Option<&NodeName>) -> &mut NodeLooks {
        // In the order of their names, whichever came first.
        let place = self.nodes.partition_point(|known| known.node.as_ref() < node);
        if self.nodes.get(place).is_none_or(|known| known.node.as_ref() != node) {
            self.nodes.insert(place, NodeLooks { node: node.cloned(), looks: Vec::new(), past: None });
        }
        &mut self.nodes[place]
    }
}

/// What a history says about response times and errors, as looks: one for each hour of the last days and for each day,
/// one for each error, and the newest result.
fn looks_of(past: &PastOutline) -> Vec<Look> {
    let blank = |at, reason: Option<&str>| Look {
        at,
        status: uptime::status_at(&past.track.spans, at),
        interval: past.track.last.and_then(|last| last.interval),
        rtts: Box::default(),
        phases: [0; 4],
        failed: reason.is_some(),
        threshold: past.latest.threshold,
        reason: reason.map(Arc::from),
        length: 0,
    };
    let mut looks: Vec<Look> =
        response_times::of_past(past, |at, length, rtts| Look { rtts, length, ..blank(at, None) });
    looks.extend(past.events.iter().map(|event| blank(event.at, Some(&event.reason))));
    sorted::by_key(&mut looks, |look| look.at);
    if let Some(last) = past.track.last {
        looks.push(Look { status: last.status, ..blank(last.at, past.latest.reason.as_deref()) });
    }
    looks
}

impl NodeLooks {
    /// Its spans up to and with `now`; `interval` is how long a single look stands that does not say so.
    #[must_use]
    pub fn spans(&self, now: UnixNanos, interval: Nanos) -> Vec<Span> {
        let known = self.looks.partition_point(|look| look.at <= now);
        let mut looks = &self.looks[..known];
        let mut track = Track::default();
        if let Some(past) = &self.past {
            track = past.track.clone();
            looks = &looks[looks.partition_point(|look| track.last.is_some_and(|last| look.at <= last.at))..];
        }
        // One look has no neighbours to tell how often it is repeated.
        let is_alone = self.past.is_none() && looks.first().is_none_or(|oldest| oldest.at == looks[looks.len() - 1].at);
        let mut seen: Vec<&Look> = looks.iter().collect();
        sorted::by_key(&mut seen, |look| look.status as i64);
        sorted::by_key(&mut seen, |look| look.at);
        for look in seen {
            let mut observation = look.observation();
            if is_alone {
                observation.interval = observation.interval.or(Some(interval));
            }
            track.add(observation);
        }
        track.cut(now.saturating_add(1));
        track.spans
    }

    /// What is known of each check, or of hours and days where it is not, from `from` to before `to`.
    pub fn looks(&self, from: UnixNanos, to: UnixNanos) -> impl Iterator<Item = &Look> {
        let past = self.past.as_ref().map_or(&[][..], |past| &past.looks);
        response_times::known(past, &self.looks, from, to)
    }

    /// The newest look that is not in the future.
    #[must_use]
    pub fn newest(&self, now: UnixNanos) -> Option<&Look> {
        let of = |looks: &[Look]| looks.partition_point(|look| look.at <= now).checked_sub(1);
        let own = of(&self.looks).map(|place| &self.looks[place]);
        let past = self.past.as_ref().and_then(|past| of(&past.looks).map(|place| &past.looks[place]));
        match (own, past) {
            (Some(own), Some(past)) if past.at > own.at => Some(past),
            (own, past) => own.or(past),
        }
    }
}

impl Sample for Look {
    fn at(&self) -> UnixNanos {
        self.at
    }

    fn length(&self) -> Nanos {
        self.length
    }

    fn rtts(&self) -> &[Nanos] {
        &self.rtts
    }
}

impl Look {
    fn of(result: &CheckResult) -> Look {
        let good = result.attempts.iter().find(|attempt| attempt.error.is_none());
        let phases = good.map(|attempt| attempt.phases).unwrap_or_default();
        let mut end = 0_i64;
        let phases = [phases.dns, phases.connect, phases.tls, phases.ttfb].map(|length| {
            end = end.saturating_add(length.unwrap_or(0) / 1_000);
            end.clamp(0, i64::from(u32::MAX)) as u32
        });
        Look {
            phases,
            at: result.timestamp,
            status: result.status,
            interval: result.interval,
            rtts: response_times::answered(&result.attempts),
            failed: result.attempts.iter().any(|attempt| attempt.error.is_some()),
            threshold: result.threshold,
            reason: if result.status == Status::Healthy { None } else { result.reason().map(Arc::from) },
            length: 0,
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
    fn an_endpoint_is_the_same_one_in_whatever_order_titles_come() {
        let files = [["D", "B"], ["C", "A"], ["B", "D"], ["A", "C"]];
        let files: Vec<_> = (1..).zip(files).map(|(minute, titles)| file(minute * MINUTE, &titles)).collect();
        let record = record_of(&files);
        let titles: Vec<&str> = record.endpoints.iter().map(|endpoint| endpoint.key.title.as_str()).collect();
        assert_eq!(titles, ["D", "B", "C", "A"]);
        assert!(record.endpoints.iter().all(|endpoint| endpoint.nodes[0].looks.len() == 2));
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
    fn the_longest_interval_is_that_of_nodes_without_a_history() {
        let (name, mut one) = file(MINUTE, &["A", "B"]);
        (one.results[0].interval, one.results[1].interval) = (Some(MINUTE), Some(3 * MINUTE));
        let mut record = record_of(&[(name, one)]);
        assert_eq!(record.longest_interval(), 3 * MINUTE);
        let past = KnownPast { track: Track::default(), looks: Vec::new(), open: Row::default() };
        record.endpoints[1].nodes[0].past = Some(past);
        assert_eq!(record.longest_interval(), MINUTE);
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

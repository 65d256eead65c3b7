//! A store that several nodes have filled with days of rounds, including outages at known times. The same seed always
//! produces the same store. Histories are built as checkers build them, but without storing the check files in between.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::ops::Range;
use std::path::Path;

use flate2::Compression;
use flate2::write::GzEncoder;
use shared::budget::Objective;
use shared::check_file::{Attempt, CheckFile, CheckResult, Phases, write_check_file};
use shared::history::{DEFAULT_EXPIRY, History, HistoryBuilder, Latencies, OVERLAP};
use shared::object_name::{CheckFileName, HISTORY_INDEX, HistoryName, HistoryPart, NodeName};
use shared::quorum::Quorum;
use shared::status::Status;
use shared::{DAY, HOUR, MINUTE, Nanos, SECOND, UnixNanos};

use crate::bucket::Bucket;

/// Several nodes and their measurements.
#[derive(Debug, Clone)]
pub struct FakeNodes {
    /// The names of the nodes.
    pub names: Vec<String>,
    /// The titles of the first endpoints. The others are numbered.
    pub titles: Vec<&'static str>,
    /// The number of endpoints that each node checks.
    pub endpoints: usize,
    /// The interval between two checks of an endpoint.
    pub interval: Nanos,
    /// The number of days that the nodes have run.
    pub days: i64,
    /// The current time, which is after the last round.
    pub now: UnixNanos,
    pub quorum: Quorum,
    /// The service level objective of all endpoints.
    pub objective: Option<Objective>,
    /// The periods in which endpoints are unreachable from some nodes.
    pub outages: Vec<Outage>,
    /// The periods in which endpoints respond to some nodes, but too slowly.
    pub slowness: Vec<Outage>,
    /// Messages posted by the first node.
    pub messages: Vec<FakeMessage>,
    /// The periods in which a node, given by its index, did not check anything.
    pub silences: Vec<(usize, Range<UnixNanos>)>,
    /// How far the clock of a node, given by its index, is ahead.
    pub clocks: Vec<(usize, Nanos)>,
    /// The amplitude of a nine-day cycle in response times, in percent.
    pub swing: i64,
    /// The seed for response times and random failures.
    pub seed: u64,
    /// The number of random failures per endpoint, from the fourth endpoint on. Each lasts up to 40 minutes.
    pub failures: u64,
}

/// The response time above which an endpoint is degraded.
const THRESHOLD: Nanos = 800_000_000;

/// The notice that checkers write for a slow endpoint.
const TOO_SLOW: &str = "median round trip time exceeded threshold (800ms)";

/// A period in which an endpoint is unreachable from some nodes, or too slow for them.
#[derive(Debug, Clone)]
pub struct Outage {
    pub endpoint: usize,
    pub nodes: Range<usize>,
    /// The start and the end are exact if they are multiples of the interval.
    pub time: Range<UnixNanos>,
}

/// A message posted with one of the rounds.
#[derive(Debug, Clone)]
pub struct FakeMessage {
    /// The time of the round with the message.
    pub at: UnixNanos,
    pub endpoints: Range<usize>,
    pub html: &'static str,
}

impl FakeNodes {
    /// Nodes that have checked two endpoints every ten minutes for twelve days without any failure.
    #[must_use]
    pub fn small(names: &[&str], now: UnixNanos) -> FakeNodes {
        FakeNodes {
            names: names.iter().map(ToString::to_string).collect(),
            endpoints: 2,
            interval: 10 * MINUTE,
            days: 12,
            // The last round was one interval ago, and remains valid for a few more minutes.
            now: now / MINUTE * MINUTE,
            quorum: Quorum::Majority,
            objective: None,
            titles: Vec::new(),
            outages: Vec::new(),
            slowness: Vec::new(),
            messages: Vec::new(),
            silences: Vec::new(),
            clocks: Vec::new(),
            swing: 0,
            seed: 4,
            failures: 0,
        }
    }

    /// Nodes that have checked endpoints every minute for `days` days. Every endpoint except the first three fails about
    /// once a week.
    #[must_use]
    pub fn large(nodes: usize, endpoints: usize, days: i64, now: UnixNanos) -> FakeNodes {
        let nodes = (0..nodes).map(|number| format!("node-{number}"));
        let failures = days.unsigned_abs() / 7;
        FakeNodes {
            names: nodes.collect(),
            endpoints,
            interval: MINUTE,
            days,
            now: now / MINUTE * MINUTE,
            failures,
            ..FakeNodes::small(&[], now)
        }
    }

    /// Returns the title of an endpoint, given by its index.
    #[must_use]
    pub fn title(&self, endpoint: usize) -> String {
        self.titles.get(endpoint).map_or_else(|| format!("Service {endpoint:02}"), ToString::to_string)
    }

    /// Returns the times of a node's rounds, according to the node's clock.
    fn rounds(&self, node: usize) -> impl Iterator<Item = UnixNanos> + '_ {
        let wrong = self.clocks.iter().find(|(number, _)| *number == node).map_or(0, |(_, wrong)| *wrong);
        let first = self.now - self.days * DAY;
        (first..self.now)
            .step_by(self.interval.unsigned_abs() as usize)
            .filter(move |at| !self.silences.iter().any(|(silent, time)| *silent == node && time.contains(at)))
            .map(move |at| at + wrong)
    }

    fn name(&self, node: usize) -> NodeName {
        NodeName::new(&self.names[node]).expect("it is a name")
    }

    fn file_name(&self, node: usize, at: UnixNanos) -> CheckFileName {
        // The rounds of different nodes are stored at slightly different times.
        CheckFileName { stored_at: at + SECOND / 4 + node as i64 * 1_000_003, node: Some(self.name(node)) }
    }

    /// Whether an endpoint is failing at this time. Failures are random, based on a hash of the hour.
    fn fails(&self, endpoint: usize, at: UnixNanos) -> bool {
        if endpoint < 3 || self.failures == 0 {
            return false;
        }
        let (hour, minute) = (at.div_euclid(HOUR) as u64, at.rem_euclid(HOUR) / MINUTE);
        let hours = self.days.unsigned_abs() * 24;
        let chance = hash(self.seed ^ (endpoint as u64) << 32 ^ hour);
        chance % hours < self.failures && minute < 1 + (chance >> 32) as i64 % 40
    }

    fn is_down(&self, node: usize, endpoint: usize, at: UnixNanos) -> bool {
        self.is_among(&self.outages, node, endpoint, at) || self.fails(endpoint, at)
    }

    fn is_among(&self, outages: &[Outage], node: usize, endpoint: usize, at: UnixNanos) -> bool {
        let wrong = self.clocks.iter().find(|(number, _)| *number == node).map_or(0, |(_, wrong)| *wrong);
        let is_this = |outage: &Outage| {
            outage.endpoint == endpoint && outage.nodes.contains(&node) && outage.time.contains(&(at - wrong))
        };
        outages.iter().any(is_this)
    }

    /// Returns the response time of an endpoint at this time, as measured by a node.
    #[must_use]
    pub fn rtt(&self, node: usize, endpoint: usize, at: UnixNanos) -> Nanos {
        let base = 20_000_000 + (endpoint as i64 * 37 + node as i64 * 61) % 180 * 1_000_000;
        let course = (at as f64 / (9 * DAY) as f64 * std::f64::consts::TAU + endpoint as f64).sin();
        let base = base + (base as f64 * course * self.swing as f64 / 100.0) as Nanos;
        let chance = hash(self.seed ^ at as u64 ^ (endpoint as u64) << 40 ^ (node as u64) << 52);
        // Most response times are close to the median, and a few are far slower.
        let spread = base / 100 * (chance % 20) as i64;
        if self.is_among(&self.slowness, node, endpoint, at) {
            return THRESHOLD + base + spread;
        }
        if (chance >> 32).is_multiple_of(32) { base * 3 + spread } else { base + spread }
    }

    /// Returns an endpoint's response times since `from`, as measured by a node.
    #[must_use]
    pub fn answers(&self, node: usize, endpoint: usize, from: UnixNanos) -> Vec<Nanos> {
        let answered = self.rounds(node).filter(|at| *at >= from && !self.is_down(node, endpoint, *at));
        answered.map(|at| self.rtt(node, endpoint, at)).collect()
    }

    /// Returns the results of one of a node's rounds.
    #[must_use]
    pub fn results(&self, node: usize, at: UnixNanos) -> Vec<CheckResult> {
        (0..self.endpoints).map(|endpoint| self.result(node, endpoint, at)).collect()
    }

    fn result(&self, node: usize, endpoint: usize, at: UnixNanos) -> CheckResult {
        let status = match () {
            () if self.is_down(node, endpoint, at) => Status::Down,
            () if self.is_among(&self.slowness, node, endpoint, at) => Status::Degraded,
            () => Status::Healthy,
        };
        let error = (status == Status::Down).then(|| "connection refused".to_owned());
        let is_ever_slow = self.slowness.iter().any(|slowness| slowness.endpoint == endpoint);
        let is_posted = |message: &&FakeMessage| node == 0 && message.at == at && message.endpoints.contains(&endpoint);
        let message = self.messages.iter().find(is_posted);
        let title = self.title(endpoint);
        let rtt = self.rtt(node, endpoint, at);
        let tenths = |count: i64| error.is_none().then_some(rtt / 10 * count);
        let phases = Phases { dns: tenths(1), connect: tenths(2), tls: tenths(3), ttfb: tenths(3) };
        CheckResult {
            locator: format!("https://{}.example/health", title.to_lowercase().replace(' ', "-")),
            title,
            timestamp: at,
            attempts: vec![Attempt { rtt, error, phases }],
            threshold: if is_ever_slow { THRESHOLD } else { 0 },
            status,
            notice: if status == Status::Degraded { TOO_SLOW.to_owned() } else { String::new() },
            message: message.map(|message| message.html.to_owned()).unwrap_or_default(),
            node: Some(self.name(node)),
            kind: Some("http".to_owned()),
            interval: Some(self.interval),
            quorum: self.quorum,
            code: None,
            certificate_expiry: None,
            objective: self.objective.map(Box::new),
            id: None,
            position: None,
            post: None,
        }
    }

    /// Returns a node's check files since `from`, as names and contents.
    #[must_use]
    pub fn check_files(&self, node: usize, from: UnixNanos) -> Vec<(String, String)> {
        let rounds = self.rounds(node).filter(|at| *at >= from);
        rounds.map(|at| (self.file_name(node, at).to_string(), write_check_file(&self.results(node, at)))).collect()
    }

    /// Returns a node's history and its latency sketches.
    #[must_use]
    pub fn history(&self, node: usize) -> (History, Latencies) {
        let (mut history, mut latencies) = (History::new(Some(self.name(node))), Latencies::default());
        let mut builder = HistoryBuilder::append(&mut history, &mut latencies);
        for at in self.rounds(node) {
            let file = CheckFile { results: self.results(node, at), skipped: Vec::new() };
            builder.add(&self.file_name(node, at), &file);
        }
        builder.finish(DEFAULT_EXPIRY);
        (history, latencies)
    }

    /// Returns all histories and the most recent check files, as object names and contents.
    #[must_use]
    pub fn objects(&self) -> BTreeMap<String, String> {
        let of_node = |node: usize| {
            let (history, latencies) = self.history(node);
            let name = |part| HistoryName { node: Some(self.name(node)), part }.to_string();
            let mut objects = self.check_files(node, self.now - OVERLAP);
            objects.push((name(HistoryPart::Main), history.to_json()));
            objects.push((name(HistoryPart::Latency), latencies.to_json()));
            objects
        };
        let threads = std::thread::available_parallelism().map_or(1, usize::from);
        let nodes: Vec<usize> = (0..self.names.len()).collect();
        let mut objects = BTreeMap::new();
        for together in nodes.chunks(threads) {
            std::thread::scope(|scope| {
                let working: Vec<_> = together.iter().map(|node| scope.spawn(|| of_node(*node))).collect();
                for work in working {
                    objects.extend(work.join().expect("the thread finishes"));
                }
            });
        }
        objects
    }
}

/// Writes objects to a directory, along with the index of histories, which pages need over plain HTTP.
pub fn into_directory(objects: &BTreeMap<String, String>, directory: &Path) {
    std::fs::create_dir_all(directory.join("history")).expect("the folder can be created");
    for (name, content) in objects {
        std::fs::write(directory.join(name), content).expect("the file can be written");
    }
    let index: BTreeMap<&String, u8> = objects.keys().map(|name| (name, 0)).collect();
    let index = serde_json::to_string(&index).expect("it is JSON");
    std::fs::write(directory.join(HISTORY_INDEX), index).expect("the file can be written");
}

/// Stores objects in a bucket. Histories are compressed with gzip.
pub async fn into_bucket(objects: &BTreeMap<String, String>, bucket: &Bucket) {
    let (histories, check_files): (Vec<_>, Vec<_>) = objects.iter().partition(|(name, _)| name.starts_with("history/"));
    for (name, content) in histories {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
        encoder.write_all(content.as_bytes()).expect("memory can be written");
        let packed = encoder.finish().expect("memory can be written");
        bucket.put_gzip(&format!("{}{name}", bucket.prefix), packed).await;
    }
    let prefixed = |(name, content): (&String, &String)| (format!("{}{name}", bucket.prefix), content.clone());
    bucket.put_each(check_files.into_iter().map(prefixed).collect()).await;
}

/// Returns a pseudorandom number, which is the same in every run: one step of splitmix64.
fn hash(seed: u64) -> u64 {
    let mut mixed = seed.wrapping_add(0x9e37_79b9_7f4a_7c15);
    mixed = (mixed ^ mixed >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ mixed >> 31
}

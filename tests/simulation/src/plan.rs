//! Everything that a world's seed determines in advance: its nodes, outages and faults.

use std::collections::BTreeSet;

use shared::notification::event::EventKind;
use shared::notification::policy::{ChannelPolicy, Flapping, Pace};
use shared::notification::reconcile::Period;
use shared::quorum::Quorum;
use shared::status::Status;
use shared::{HOUR, MINUTE, Nanos, SECOND, UnixNanos};

use crate::random::Random;

/// The time at which each world begins. Any time far from 0 works.
pub(crate) const START: UnixNanos = 1_795_330_254_340_493_978;
/// How long after the start of a world outages and other faults can begin.
const EVENTFUL: Nanos = 3 * HOUR;
/// The length of a world. It ends without faults, so that all news can be sent.
const LENGTH: Nanos = 7 * HOUR;

#[derive(Debug)]
pub(crate) struct WorldPlan {
    pub(crate) nodes: Vec<NodePlan>,
    /// The periods in which each endpoint fails, with its status in each period.
    pub(crate) endpoints: Vec<Vec<(Period, Status)>>,
    pub(crate) quorum: Quorum,
    pub(crate) policy: ChannelPolicy,
    pub(crate) flapping: Flapping,
    /// A silence for the first endpoint.
    pub(crate) silence: Option<Period>,
    /// The periods in which the provider does not accept messages.
    pub(crate) provider_down: Vec<Period>,
    /// The maximum delay before changes in the store become visible.
    pub(crate) visibility: Nanos,
    /// The percentage of messages after which the sender is killed before it stores its log.
    pub(crate) crashes: u64,
    pub(crate) end: UnixNanos,
}

#[derive(Debug)]
pub(crate) struct NodePlan {
    pub(crate) every: Nanos,
    /// The time from the start of the world to the node's first round.
    pub(crate) phase: Nanos,
    pub(crate) rank: u32,
    /// The error of the node's clock.
    pub(crate) skew: Nanos,
    pub(crate) round: Nanos,
    /// The pace of a daemon, which evaluates between rounds and keeps its state in memory. Without it, each round is a
    /// separate process.
    pub(crate) pace: Option<Pace>,
    /// Whether rounds that could not be stored are stored later.
    pub(crate) has_spool: bool,
    /// The periods in which the node does not run.
    pub(crate) dead: Vec<Period>,
    /// The periods in which the node cannot reach the store.
    pub(crate) partitioned: Vec<Period>,
    /// The endpoints that the node checks.
    pub(crate) checks: Vec<usize>,
}

impl WorldPlan {
    pub(crate) fn new(seed: u64) -> WorldPlan {
        let random = &mut Random::new(seed);
        let has_faults = random.chance(70);
        let fault = |percent: u64, random: &mut Random| has_faults && random.chance(percent);
        let count = random.pick(&[1, 2, 2, 3, 3, 3, 4]);
        let endpoints: Vec<_> = (0..random.pick(&[1, 1, 2, 3])).map(|_| outages(random)).collect();
        let is_skewed = fault(50, random);
        let has_spool = random.chance(70);
        let mut nodes = Vec::new();
        for index in 0..count {
            let every = random.pick(&[20 * SECOND, MINUTE, MINUTE, 2 * MINUTE, 5 * MINUTE]);
            // The first node always runs until the end.
            let dead = if index > 0 && fault(40, random) { periods(random, 2, MINUTE, 2 * HOUR) } else { Vec::new() };
            let is_daemon = random.chance(50);
            let pace =
                if random.chance(50) { Pace { gather: 30 * SECOND, spacing: 5 * MINUTE } } else { Pace::default() };
            let mut checks: Vec<usize> = (0..endpoints.len()).filter(|_| random.chance(85)).collect();
            if checks.is_empty() || index == 0 {
                checks = (0..endpoints.len()).collect();
            }
            nodes.push(NodePlan {
                every,
                phase: random.between(0, every),
                rank: random.pick(&[100, 100, 100, 50, 150]),
                skew: if is_skewed { random.between(-MINUTE, MINUTE) } else { 0 },
                round: random.between(0, (every / 3).min(15 * SECOND)),
                pace: is_daemon.then_some(pace),
                has_spool,
                dead,
                partitioned: if fault(30, random) { periods(random, 2, 20 * SECOND, HOUR) } else { Vec::new() },
                checks,
            });
        }
        let mut on = BTreeSet::from([EventKind::Down, EventKind::Recovered]);
        if random.chance(30) {
            on.insert(EventKind::Degraded);
        }
        let repeat = if random.chance(20) {
            on.insert(EventKind::Reminder);
            vec![20 * MINUTE, HOUR]
        } else {
            Vec::new()
        };
        WorldPlan {
            nodes,
            quorum: random.pick(&[Quorum::Majority, Quorum::Majority, Quorum::Any, Quorum::All]),
            policy: ChannelPolicy {
                on,
                endpoints: Vec::new(),
                after: random.pick(&[0, 0, 0, 2 * MINUTE, 5 * MINUTE]),
                recovered_after: random.pick(&[0, 2 * MINUTE, 2 * MINUTE, 5 * MINUTE]),
                repeat,
                incidents: None,
            },
            flapping: Flapping { outages: 4, within: HOUR },
            silence: random.chance(20).then(|| period(random, 10 * MINUTE, 2 * HOUR)),
            provider_down: if fault(40, random) { periods(random, 2, SECOND, 33 * MINUTE) } else { Vec::new() },
            visibility: if fault(50, random) { 2 * SECOND } else { 0 },
            crashes: if fault(20, random) { 5 } else { 0 },
            endpoints,
            end: START + LENGTH,
        }
    }

    /// Returns the status that a check of the endpoint would find.
    pub(crate) fn status(&self, endpoint: usize, moment: UnixNanos) -> Status {
        let wrong = self.endpoints[endpoint].iter().find(|(period, _)| period.contains(moment));
        wrong.map_or(Status::Healthy, |(_, status)| *status)
    }
}

pub(crate) fn is_in(periods: &[Period], moment: UnixNanos) -> bool {
    periods.iter().any(|period| period.contains(moment))
}

fn outages(random: &mut Random) -> Vec<(Period, Status)> {
    let count = random.pick(&[0, 1, 1, 2, 3, 6]);
    let status = |random: &mut Random| if random.chance(15) { Status::Degraded } else { Status::Down };
    let mut found: Vec<_> = (0..count).map(|_| (period(random, 20 * SECOND, 50 * MINUTE), status(random))).collect();
    found.sort_by_key(|(period, _)| *period);
    found
}

fn periods(random: &mut Random, limit: usize, shortest: Nanos, longest: Nanos) -> Vec<Period> {
    (0..=random.below(limit)).map(|_| period(random, shortest, longest)).collect()
}

/// Returns a period that begins after the first 20 minutes, in which all nodes start.
fn period(random: &mut Random, shortest: Nanos, longest: Nanos) -> Period {
    let start = START + random.between(20 * MINUTE, EVENTFUL);
    // Half of the periods are short.
    let longest = if random.chance(50) { longest } else { longest.min(shortest * 10) };
    Period { start, end: start + random.between(shortest, longest) }
}

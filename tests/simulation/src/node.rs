//! The state of a simulated node: its history, its spool and its memory.

use std::collections::VecDeque;

use shared::UnixNanos;
use shared::history::OVERLAP;
use shared::notification_log::NotificationLog;
use shared::object_name::NodeName;
use shared::status::Status;
use shared::uptime::{Observation, StatusTimeline};

use crate::plan::NodePlan;
use crate::store::StoredHistory;

#[derive(Debug)]
pub(crate) struct Node {
    pub(crate) name: NodeName,
    /// The stored status history of each endpoint.
    timelines: Vec<StatusTimeline>,
    /// Rounds that could not be stored.
    spool: Vec<Round>,
    /// The storage times of the rounds in the node's history.
    pub(crate) stored: VecDeque<UnixNanos>,
    /// The time of the latest round, if rounds from the spool were stored before it.
    pub(crate) behind_at: Option<UnixNanos>,
    /// The log that a daemon keeps in memory.
    pub(crate) log: Option<NotificationLog>,
    /// Whether the log in memory differs from the stored one.
    pub(crate) is_unsaved: bool,
    /// Whether the node is currently sending a message.
    pub(crate) is_busy: bool,
    /// When a daemon evaluates next if no round is stored before then.
    pub(crate) timer: UnixNanos,
}

/// The results of one round, in the order of the endpoints.
#[derive(Debug, Clone)]
pub(crate) struct Round {
    pub(crate) at: UnixNanos,
    pub(crate) results: Vec<(usize, Status)>,
}

impl Node {
    pub(crate) fn new(index: usize, endpoints: usize) -> Option<Node> {
        Some(Node {
            name: NodeName::new(["a", "b", "c", "d"].get(index)?).ok()?,
            timelines: vec![StatusTimeline::default(); endpoints],
            spool: Vec::new(),
            stored: VecDeque::new(),
            behind_at: None,
            log: None,
            is_unsaved: false,
            is_busy: false,
            timer: UnixNanos::MAX,
        })
    }

    /// Adds a round that cannot be stored to the spool, if the node has one.
    pub(crate) fn keep(&mut self, round: Round, plan: &NodePlan) {
        if plan.has_spool {
            self.spool.push(round);
        }
    }

    /// Stores the rounds in the spool, followed by this round.
    pub(crate) fn store(&mut self, round: Round, plan: &NodePlan) -> StoredHistory {
        if !self.spool.is_empty() {
            self.behind_at = Some(round.at);
        }
        for round in std::mem::take(&mut self.spool).into_iter().chain([round]) {
            for (endpoint, status) in round.results {
                let observation = Observation { at: round.at, status, interval: Some(plan.every) };
                self.timelines[endpoint].add(observation);
            }
            self.stored.push_back(round.at);
            self.stored.retain(|stored| round.at - stored <= OVERLAP);
        }
        let last = |timeline: &StatusTimeline| timeline.last.map(|last| last.at);
        StoredHistory {
            endpoints: self.timelines.iter().map(|timeline| (timeline.spans.clone(), last(timeline))).collect(),
            newest: self.stored.back().copied().unwrap_or(0),
        }
    }

    /// Discards everything that the node keeps only in memory.
    pub(crate) fn restart(&mut self) {
        (self.log, self.is_unsaved, self.is_busy, self.timer) = (None, false, false, UnixNanos::MAX);
    }
}

//! Makes one check and makes a result of what it observed, whatever happens on the way.

use std::panic::AssertUnwindSafe;

use futures_util::FutureExt as _;
use shared::check_file::CheckResult;
use shared::object_name::NodeName;
use shared::status::Status;
use shared::{Nanos, UnixNanos};

use super::evaluate::{Evaluation, evaluate};
use crate::checks::Check;
use crate::checks::{CheckContext, CheckOutcome, run};
use crate::config::model::Config;

/// Why nothing is concluded from a node that is offline.
const OFFLINE: &str = "this node is offline: none of its `online_check` addresses can be reached";

/// The context for the checks of a configuration, without a reader of heartbeats.
#[must_use]
pub fn new_context(config: &Config, clock: fn() -> UnixNanos) -> CheckContext {
    CheckContext::new(config.address_policy, clock).with_online_check(config.online_check.clone())
}

/// What a look at an endpoint needs to know besides how to make it.
#[derive(Debug, Clone)]
pub struct Look {
    node: NodeName,
    /// A time that every result carries instead of the clock's.
    timestamp: Option<UnixNanos>,
    pub(super) interval: Option<Nanos>,
}

impl Look {
    /// A look in the name of this configuration, whose result is meant to stand for `interval`.
    #[must_use]
    pub fn of(config: &Config, interval: Option<Nanos>) -> Look {
        Look { node: config.node.clone(), timestamp: config.timestamp, interval }
    }

    /// Makes one check, which starts at `started`, and concludes. A fault in it is no reason to give the others up.
    pub async fn make(&self, check: &Check, context: &CheckContext, started: UnixNanos) -> CheckResult {
        let made = AssertUnwindSafe(self.make_to_the_end(check, context, started)).catch_unwind().await;
        made.unwrap_or_else(|_| self.broken_off(check, started))
    }

    async fn make_to_the_end(&self, check: &Check, context: &CheckContext, started: UnixNanos) -> CheckResult {
        let observation = run(check, context).await;
        self.result(check, started, evaluate_on_this_node(observation, check, context).await)
    }

    /// What is stored of windows in which nobody looked, the first of them at `since`.
    #[must_use]
    pub fn missed(&self, check: &Check, since: UnixNanos, count: i64) -> CheckResult {
        let times = if count == 1 { "once".to_owned() } else { format!("{count} times") };
        let notice = format!("not looked at {times}: this checker was suspended or had too much to do");
        self.result(check, since, Evaluation { status: Status::Unknown, notice, attempts: Vec::new() })
    }

    /// What is stored of a check that never came to its end.
    fn broken_off(&self, check: &Check, started: UnixNanos) -> CheckResult {
        let why = "the check broke off; please report it as a fault of the checker".to_owned();
        self.result(check, started, evaluate(CheckOutcome::Skipped { reason: why }, check))
    }

    fn result(&self, check: &Check, started: UnixNanos, evaluation: Evaluation) -> CheckResult {
        CheckResult {
            title: check.title.clone(),
            locator: check.kind.locator().to_owned(),
            timestamp: self.timestamp.unwrap_or(started),
            attempts: evaluation.attempts,
            threshold: check.threshold,
            status: evaluation.status,
            notice: evaluation.notice,
            message: String::new(),
            node: Some(self.node.clone()),
            kind: Some(check.kind.type_name().to_owned()),
            interval: self.interval,
            quorum: check.quorum,
        }
    }
}

/// Concludes on this node: if it is offline itself, what looks down is unknown.
pub async fn evaluate_on_this_node(observation: CheckOutcome, check: &Check, context: &CheckContext) -> Evaluation {
    let mut evaluation = evaluate(observation, check);
    if evaluation.status == Status::Down && check.kind.probe().uses_network() && !context.is_online().await {
        evaluation.status = Status::Unknown;
        OFFLINE.clone_into(&mut evaluation.notice);
    }
    evaluation
}

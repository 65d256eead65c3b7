//! Runs one check and turns its outcome into a result, even if the check panics.

use std::panic::AssertUnwindSafe;

use futures_util::FutureExt as _;
use shared::check_file::{CheckResult, decisive_attempt};
use shared::object_name::NodeName;
use shared::status::Status;
use shared::{Nanos, UnixNanos};

use super::result_status::{Evaluation, evaluate};
use crate::checks::{Check, CheckContext, CheckOutcome, run};
use crate::config::model::Config;

/// The notice attached to results from an offline node.
const OFFLINE: &str = "this node is offline: none of its `online_check` addresses can be reached";

/// Creates the context for a configuration's checks, without a heartbeat reader.
#[must_use]
pub fn new_context(config: &Config, clock: fn() -> UnixNanos) -> CheckContext {
    CheckContext::new(config.address_policy, clock)
        .with_online_check(config.online_check.clone())
        .with_proxies(config.proxies.clone())
}

/// Runs checks on behalf of a node.
#[derive(Debug, Clone)]
pub struct CheckRunner {
    node: NodeName,
    /// A fixed time for all results, if one is configured.
    timestamp: Option<UnixNanos>,
    pub(super) interval: Option<Nanos>,
}

impl CheckRunner {
    /// Creates a runner whose results are valid for `interval`.
    #[must_use]
    pub fn new(config: &Config, interval: Option<Nanos>) -> CheckRunner {
        CheckRunner { node: config.node.clone(), timestamp: config.timestamp, interval }
    }

    /// Runs a check whose start time is `started`. If the check panics, its result is unknown, and other checks are not
    /// affected.
    pub async fn run(&self, check: &Check, context: &CheckContext, started: UnixNanos) -> CheckResult {
        let mut result = self.run_guarded(check, context, started).await;
        for other in &check.duplicates {
            let another = self.run_guarded(other, context, started).await;
            if is_worse(another.status, result.status) {
                let CheckResult { status, notice, attempts, kind, threshold, code, .. } = another;
                result = CheckResult { status, notice, attempts, kind, threshold, code, ..result };
            }
        }
        result
    }

    async fn run_guarded(&self, check: &Check, context: &CheckContext, started: UnixNanos) -> CheckResult {
        let result = AssertUnwindSafe(self.run_unguarded(check, context, started)).catch_unwind().await;
        result.unwrap_or_else(|_| self.panicked(check, started))
    }

    async fn run_unguarded(&self, check: &Check, context: &CheckContext, started: UnixNanos) -> CheckResult {
        let outcome = run(check, context).await;
        let (certificate_expiry, codes) = (outcome.certificate_expiry(), outcome.codes());
        let evaluation = evaluate_on_this_node(outcome, check, context).await;
        let decisive = decisive_attempt(&evaluation.attempts, evaluation.status);
        let code = decisive.and_then(|index| codes.get(index).copied().flatten());
        CheckResult { code, certificate_expiry, ..self.result(check, started, evaluation) }
    }

    /// Returns the result for missed checks, the first of which was due at `since`.
    #[must_use]
    pub fn missed(&self, check: &Check, since: UnixNanos, count: i64) -> CheckResult {
        let checks = if count == 1 { "1 check".to_owned() } else { format!("{count} checks") };
        let notice = format!("{checks} missed: the checker was suspended or overloaded");
        self.result(check, since, Evaluation { status: Status::Unknown, notice, attempts: Vec::new() })
    }

    fn panicked(&self, check: &Check, started: UnixNanos) -> CheckResult {
        let reason = "the check panicked; please report this bug".to_owned();
        self.result(check, started, evaluate(CheckOutcome::Skipped { reason }, check))
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
            post: None,
            node: Some(self.node.clone()),
            kind: Some(check.kind.type_name().to_owned()),
            interval: self.interval,
            quorum: check.quorum,
            code: None,
            certificate_expiry: None,
            objective: check.objective.clone(),
            id: check.id.clone(),
            position: None,
        }
    }
}

/// Returns whether a status is worse than another. An unknown status is worse than a healthy one, because the endpoint
/// may not be healthy.
fn is_worse(status: Status, than: Status) -> bool {
    let severity = |status| match status {
        Status::Healthy => 0,
        Status::Unknown => 1,
        Status::Degraded => 2,
        Status::Down => 3,
    };
    severity(status) > severity(than)
}

/// Evaluates an outcome on this node. If the node is offline, the status "unknown" replaces "down", or "healthy" for a
/// check that must fail.
pub async fn evaluate_on_this_node(outcome: CheckOutcome, check: &Check, context: &CheckContext) -> Evaluation {
    let mut evaluation = evaluate(outcome, check);
    let is_failure =
        if check.invert { evaluation.status == Status::Healthy } else { evaluation.status == Status::Down };
    if is_failure && check.kind.probe().uses_network() && !context.is_online().await {
        evaluation.status = Status::Unknown;
        OFFLINE.clone_into(&mut evaluation.notice);
    }
    evaluation
}

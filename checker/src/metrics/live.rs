//! The metrics and the health of a running daemon. Its tasks add what they learn, and the web server reads it.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use shared::check_file::{CheckResult, EndpointKey};
use shared::object_name::NodeName;
use shared::{MINUTE, Nanos, SECOND, UnixNanos};

use super::document::MetricsDocument;
use super::exposition::Exposition;
use super::figures::StoreFigures;
use super::health::RoundHealth;
use super::operation::NotificationCounts;
use crate::config::model::Config;
use crate::monitor::schedule::stable_hash;
use crate::notify::evaluate::{EvaluationReport, MessageOutcome};
use crate::recorder::queue::RecordEvent;

/// The age at which figures of the store are too old to be reported.
const FIGURES_LIMIT: Nanos = 2 * MINUTE;
/// How long a response is reused, so that many requests cost no more than one.
const REUSE: Nanos = SECOND;

/// The metrics and the health of this process.
#[derive(Debug)]
pub struct LiveMetrics {
    node: NodeName,
    /// Whether the configuration exports metrics. Otherwise, results are not kept.
    is_exported: bool,
    state: Mutex<LiveState>,
}

#[derive(Debug)]
struct LiveState {
    /// The newest result of each check.
    results: HashMap<EndpointKey, CheckResult>,
    figures: Option<Arc<StoreFigures>>,
    spool_rounds: Option<usize>,
    notifications: NotificationCounts,
    health: RoundHealth,
    rendered: Vec<Rendered>,
}

/// The text of the last response in one format.
#[derive(Debug)]
struct Rendered {
    format: Exposition,
    at: UnixNanos,
    body: Bytes,
}

impl LiveMetrics {
    /// Creates the state of a daemon that starts at `now`.
    #[must_use]
    pub fn new(config: &Config, now: UnixNanos) -> LiveMetrics {
        let state = LiveState {
            results: HashMap::new(),
            figures: None,
            spool_rounds: None,
            notifications: NotificationCounts::new(),
            health: RoundHealth::new(now),
            rendered: Vec::new(),
        };
        let is_exported = config.metrics.is_some() || config.metrics_file.is_some();
        let live = LiveMetrics { node: config.node.clone(), is_exported, state: Mutex::new(state) };
        live.configure(config);
        live
    }

    /// Returns whether the configuration exports metrics.
    #[must_use]
    pub fn is_exported(&self) -> bool {
        self.is_exported
    }

    fn state(&self) -> MutexGuard<'_, LiveState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Applies a configuration: forgets the endpoints that it does not contain, and begins to count the messages of its
    /// channels.
    pub fn configure(&self, config: &Config) {
        let hashes: HashSet<u64> =
            config.checks.iter().map(|check| stable_hash(&check.title, check.kind.locator())).collect();
        let mut state = self.state();
        state.health.retain(|hash| hashes.contains(&hash));
        state.results.retain(|key, _| hashes.contains(&stable_hash(&key.title, &key.locator)));
        for channel in config.notifications.iter().flat_map(|notifications| &notifications.channels) {
            for outcome in MessageOutcome::ALL {
                state.notifications.entry((channel.id.to_string(), outcome)).or_insert(0);
            }
        }
    }

    /// Applies an event that occurred at `now`.
    pub fn report(&self, event: &RecordEvent<'_>, now: UnixNanos) {
        let mut state = self.state();
        match event {
            RecordEvent::Received(results) => {
                state.health.received(results, now);
                if self.is_exported {
                    state.add(results);
                }
            }
            RecordEvent::Stored { results, .. } => state.health.stored(results.len()),
            RecordEvent::NotStored { results, .. } => state.health.not_stored(results.len(), now),
            RecordEvent::UpkeepDone(_) => {}
        }
    }

    /// Counts the messages of an evaluation.
    pub fn notified(&self, report: &EvaluationReport) {
        let mut state = self.state();
        for (channel, outcome) in &report.outcomes {
            *state.notifications.entry((channel.to_string(), *outcome)).or_insert(0) += 1;
        }
    }

    pub fn set_figures(&self, figures: Option<StoreFigures>) {
        let mut state = self.state();
        state.figures = figures.map(Arc::new);
        // Free the memory of earlier responses.
        state.rendered.clear();
    }

    pub fn set_spool_rounds(&self, rounds: Option<usize>) {
        self.state().spool_rounds = rounds;
    }

    /// Returns the metrics at `now`.
    #[must_use]
    pub fn render(&self, format: Exposition, now: UnixNanos) -> Bytes {
        let mut state = self.state();
        let is_fresh = |one: &&Rendered| one.format == format && (0..REUSE).contains(&(now - one.at));
        if let Some(rendered) = state.rendered.iter().find(is_fresh) {
            return rendered.body.clone();
        }
        let body = Bytes::from(state.write(&self.node, format, now));
        state.rendered.retain(|one| one.format != format);
        state.rendered.push(Rendered { format, at: now, body: body.clone() });
        body
    }

    /// Returns the metrics at `now`, without keeping them for another request.
    #[must_use]
    pub fn text(&self, now: UnixNanos) -> String {
        self.state().write(&self.node, Exposition::Text, now)
    }

    /// Returns why rounds are not made or stored on time.
    #[must_use]
    pub fn problem(&self, now: UnixNanos) -> Option<String> {
        self.state().health.problem(now)
    }
}

impl LiveState {
    fn add(&mut self, results: &[CheckResult]) {
        for result in results {
            let known = self.results.entry(result.endpoint_key()).or_default();
            if result.timestamp >= known.timestamp {
                known.clone_from(result);
            }
        }
    }

    fn write(&self, node: &NodeName, format: Exposition, now: UnixNanos) -> String {
        let is_current = |figures: &&Arc<StoreFigures>| now - figures.at < FIGURES_LIMIT;
        let figures = self.figures.as_ref().filter(is_current);
        let document = MetricsDocument {
            node,
            results: self.results.values(),
            figures: figures.map(|figures| &**figures),
            spool_rounds: self.spool_rounds,
            notifications: &self.notifications,
        };
        document.write(format, now)
    }
}

//! Notifies channels from a separate task of the daemon, so that slow providers delay neither checks nor uploads. The
//! task evaluates the rules after each round and whenever a message becomes due.

use std::collections::BTreeMap;
use std::sync::{Arc, Weak};
use std::time::Duration;

use shared::check_file::EndpointKey;
use shared::history::History;
use shared::{Nanos, UnixNanos};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::sync::watch;
use tokio::task::JoinHandle;

use super::{notifier, report_notifications};
use crate::config::model::Config;
use crate::metrics::live::LiveMetrics;
use crate::notify::conditions::{SeenCertificate, seen_certificates};
use crate::notify::evaluate::{Notifier, RoundOutcome, StoredHistory};
use crate::notify::rules::NotifierMode;
use crate::now;
use crate::platform::shutdown::ShutdownBudget;
use crate::recorder::queue::RecordEvent;
use crate::store::Store;

/// The maximum wait for a due message. The rules are then evaluated again, in case the system clock jumped.
const LONGEST_WAIT: Duration = Duration::from_mins(1);

/// A handle to the running task. Dropping it does not wait for the current evaluation: see [`NotifierTask::finish`].
pub(super) struct NotifierTask {
    rounds: UnboundedSender<RoundEvent>,
    working: JoinHandle<()>,
}

/// The recording events that notifications depend on.
enum RoundEvent {
    Stored { was_behind: bool, certificates: Vec<SeenCertificate> },
    InHistory(Arc<History>),
    NotStored,
}

impl NotifierTask {
    /// Starts a task that notifies the channels of the current configuration. `every` is the time between rounds.
    pub(super) fn start(
        store: Arc<Store>,
        every: Nanos,
        config: watch::Receiver<Arc<Config>>,
        budget: ShutdownBudget,
        live: Arc<LiveMetrics>,
    ) -> NotifierTask {
        let (rounds, receiver) = unbounded_channel();
        let notifiers = CurrentNotifier { store, every, notifier: None, config };
        let state =
            DaemonState { history: Weak::new(), was_behind: false, is_failing: false, certificates: BTreeMap::new() };
        NotifierTask { rounds, working: tokio::spawn(run(notifiers, receiver, budget, state, live)) }
    }

    /// Passes a recording event to the task.
    pub(super) fn report(&self, event: &RecordEvent<'_>) {
        let event = match event {
            RecordEvent::UpkeepDone(upkeep) => upkeep.current.clone().map(RoundEvent::InHistory),
            RecordEvent::Stored { results, upload } => {
                let certificates = seen_certificates(results);
                Some(RoundEvent::Stored { was_behind: !upload.sent.is_empty(), certificates })
            }
            RecordEvent::NotStored { .. } => Some(RoundEvent::NotStored),
            RecordEvent::Received(_) => None,
        };
        if let Some(event) = event {
            // Sending fails only if the task has exceeded its shutdown budget and exited.
            let _ = self.rounds.send(event);
        }
    }

    /// Waits for pending evaluations to finish. Must be called after the last round was recorded.
    pub(super) async fn finish(self) {
        drop(self.rounds);
        let _ = self.working.await;
    }
}

/// State that the task keeps between evaluations.
struct DaemonState {
    /// The newest history. The reference cannot be upgraded while the recorder updates the history.
    history: Weak<History>,
    was_behind: bool,
    /// Whether the last round could not be stored.
    is_failing: bool,
    certificates: BTreeMap<EndpointKey, u32>,
}

impl DaemonState {
    /// Applies an event. Returns the outcome to evaluate, if any.
    fn apply(&mut self, event: RoundEvent) -> Option<RoundOutcome> {
        match event {
            RoundEvent::Stored { was_behind, certificates } => {
                self.is_failing = false;
                self.was_behind |= was_behind;
                self.certificates.extend(certificates.into_iter().map(|seen| (seen.key, seen.days)));
                None
            }
            RoundEvent::InHistory(history) => {
                self.history = Arc::downgrade(&history);
                Some(self.outcome(history, true))
            }
            RoundEvent::NotStored => {
                self.is_failing = true;
                Some(RoundOutcome::NotStored)
            }
        }
    }

    /// Returns the outcome to evaluate when a message becomes due between rounds.
    fn between_rounds(&mut self) -> Option<RoundOutcome> {
        if self.is_failing {
            return Some(RoundOutcome::NotStored);
        }
        // If the history is being updated, skip this evaluation: the end of the update triggers another one.
        self.history.upgrade().map(|history| self.outcome(history, false))
    }

    fn outcome(&mut self, history: Arc<History>, has_round: bool) -> RoundOutcome {
        let certificates =
            self.certificates.iter().map(|(key, days)| SeenCertificate { key: key.clone(), days: *days });
        let (was_behind, certificates) = (std::mem::take(&mut self.was_behind), certificates.collect());
        RoundOutcome::Stored(StoredHistory { history, has_round, was_behind, certificates })
    }
}

/// A notifier that follows configuration reloads.
struct CurrentNotifier {
    store: Arc<Store>,
    every: Nanos,
    /// `None` until a configuration enables at least one channel.
    notifier: Option<Notifier>,
    config: watch::Receiver<Arc<Config>>,
}

impl CurrentNotifier {
    fn get(&mut self) -> Option<&mut Notifier> {
        let has_changed = self.config.has_changed().unwrap_or(false);
        if self.notifier.is_none() || has_changed {
            let config = Arc::clone(&self.config.borrow_and_update());
            match &mut self.notifier {
                Some(notifier) => notifier.configure(config.notifications.clone(), Arc::clone(&config.objectives)),
                None => {
                    self.notifier = notifier(&config, &self.store, Some(self.every), NotifierMode::Repeated);
                }
            }
        }
        self.notifier.as_mut()
    }
}

async fn run(
    mut notifiers: CurrentNotifier,
    mut rounds: UnboundedReceiver<RoundEvent>,
    mut budget: ShutdownBudget,
    mut state: DaemonState,
    live: Arc<LiveMetrics>,
) {
    let mut due: Option<UnixNanos> = None;
    loop {
        let outcome = tokio::select! {
            event = rounds.recv() => match event {
                None => return,
                Some(event) => {
                    let mut outcome = state.apply(event);
                    // Skip to the newest state, because earlier ones no longer matter.
                    while let Ok(event) = rounds.try_recv() {
                        outcome = state.apply(event).or(outcome);
                    }
                    outcome
                }
            },
            () = until(due) => {
                due = None;
                state.between_rounds()
            }
        };
        let Some(outcome) = outcome else { continue };
        let Some(notifier) = notifiers.get() else { continue };
        let evaluating = notifier.evaluate(outcome, now());
        let Some(report) = budget.run(Box::pin(evaluating)).await else { return };
        due = report.due;
        report_notifications(&report);
        live.notified(&report);
    }
}

async fn until(due: Option<UnixNanos>) {
    match due {
        Some(due) => {
            let wait = u64::try_from(due.saturating_sub(now())).unwrap_or(0);
            tokio::time::sleep(Duration::from_nanos(wait).min(LONGEST_WAIT)).await;
        }
        None => std::future::pending().await,
    }
}

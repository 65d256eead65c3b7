//! Notifies channels alongside a daemon's rounds. A separate task evaluates the rules after each stored round and when
//! something becomes due, so that slow providers delay neither checks nor storing.

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
use crate::notify::conditions::{SeenCertificate, seen_certificates};
use crate::notify::evaluate::{Notifier, NotifierMode, RoundOutcome, StoredHistory};
use crate::now;
use crate::platform::shutdown::ShutdownBudget;
use crate::recorder::queue::RecordEvent;
use crate::store::Store;

/// The longest wait for something that becomes due. Clocks can jump.
const LONGEST_WAIT: Duration = Duration::from_mins(1);

/// A running task. Dropping it does not stop the task: see [`NotifierTask::finish`].
pub(super) struct NotifierTask {
    rounds: UnboundedSender<RoundEvent>,
    working: JoinHandle<()>,
}

/// An event about a round that matters for notifications.
enum RoundEvent {
    Stored { was_behind: bool, certificates: Vec<SeenCertificate> },
    InHistory(Arc<History>),
    NotStored,
}

impl NotifierTask {
    /// Starts a task that notifies the channels of the configuration in effect. `every` is the time between rounds.
    pub(super) fn start(
        store: Arc<Store>,
        every: Nanos,
        config: watch::Receiver<Arc<Config>>,
        budget: ShutdownBudget,
    ) -> NotifierTask {
        let (rounds, receiver) = unbounded_channel();
        let notifiers = CurrentNotifier { store, every, notifier: None, config };
        let state = DaemonState { history: Weak::new(), was_behind: false, certificates: BTreeMap::new() };
        NotifierTask { rounds, working: tokio::spawn(run(notifiers, receiver, budget, state)) }
    }

    /// Evaluates the rules after a round.
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
            // The receiver is dropped only after a shutdown whose time has run out.
            let _ = self.rounds.send(event);
        }
    }

    /// Waits until the current evaluation has ended. All rounds must have been recorded before.
    pub(super) async fn finish(self) {
        drop(self.rounds);
        let _ = self.working.await;
    }
}

/// The state that is kept between evaluations.
struct DaemonState {
    /// The newest history, unless it is being updated.
    history: Weak<History>,
    was_behind: bool,
    certificates: BTreeMap<EndpointKey, u32>,
}

impl DaemonState {
    /// Applies an event. Returns what to evaluate, if anything.
    fn apply(&mut self, event: RoundEvent) -> Option<RoundOutcome> {
        match event {
            RoundEvent::Stored { was_behind, certificates } => {
                self.was_behind |= was_behind;
                self.certificates.extend(certificates.into_iter().map(|seen| (seen.key, seen.days)));
                None
            }
            RoundEvent::InHistory(history) => {
                self.history = Arc::downgrade(&history);
                Some(self.outcome(history, true))
            }
            RoundEvent::NotStored => Some(RoundOutcome::NotStored),
        }
    }

    fn outcome(&mut self, history: Arc<History>, has_round: bool) -> RoundOutcome {
        let certificates =
            self.certificates.iter().map(|(key, days)| SeenCertificate { key: key.clone(), days: *days });
        let (was_behind, certificates) = (std::mem::take(&mut self.was_behind), certificates.collect());
        RoundOutcome::Stored(StoredHistory { history, has_round, was_behind, certificates })
    }
}

/// The notifier for the configuration in effect.
struct CurrentNotifier {
    store: Arc<Store>,
    every: Nanos,
    /// The notifier, unless no configuration so far had an enabled channel.
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
) {
    let mut due: Option<UnixNanos> = None;
    loop {
        let outcome = tokio::select! {
            event = rounds.recv() => match event {
                None => return,
                Some(event) => {
                    let mut outcome = state.apply(event);
                    // Only the newest state matters, whatever happened before it.
                    while let Ok(event) = rounds.try_recv() {
                        outcome = state.apply(event).or(outcome);
                    }
                    outcome
                }
            },
            () = until(due) => {
                due = None;
                // While the history is being updated, the end of the update causes the evaluation.
                state.history.upgrade().map(|history| state.outcome(history, false))
            }
        };
        let Some(outcome) = outcome else { continue };
        let Some(notifier) = notifiers.get() else { continue };
        let evaluating = notifier.evaluate(outcome, now());
        let Some(report) = budget.run(Box::pin(evaluating)).await else { return };
        due = report.due;
        report_notifications(&report);
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

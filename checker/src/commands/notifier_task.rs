//! Notifies channels alongside a daemon's rounds. A task of its own evaluates the rules after each stored round and
//! when something becomes due, so that slow providers delay neither checks nor storing.

use std::sync::{Arc, Weak};
use std::time::Duration;

use shared::UnixNanos;
use shared::history::History;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::config::model::Config;
use crate::notify::evaluate::{Notifier, RoundOutcome};
use crate::now;
use crate::platform::shutdown::ShutdownBudget;
use crate::recorder::queue::RecordEvent;
use crate::ui;

/// The longest time until rules are evaluated again while news is waiting.
const LONGEST_WAIT: Duration = Duration::from_mins(1);

/// A running task. Dropping it does not stop the task: see [`NotifierTask::finish`].
pub(super) struct NotifierTask {
    rounds: UnboundedSender<RoundOutcome>,
    working: JoinHandle<()>,
}

impl NotifierTask {
    /// Starts a task that notifies the channels of the configuration in effect.
    pub(super) fn start(
        notifier: Notifier,
        config: watch::Receiver<Arc<Config>>,
        budget: ShutdownBudget,
    ) -> NotifierTask {
        let (rounds, receiver) = unbounded_channel();
        NotifierTask { rounds, working: tokio::spawn(run(notifier, config, receiver, budget)) }
    }

    /// Evaluates the rules after a round.
    pub(super) fn report(&self, event: &RecordEvent<'_>) {
        let outcome = match event {
            RecordEvent::UpkeepDone(upkeep) => upkeep.current.clone().map(RoundOutcome::Stored),
            RecordEvent::NotStored { .. } => Some(RoundOutcome::NotStored),
            RecordEvent::Received(_) | RecordEvent::Stored { .. } => None,
        };
        if let Some(outcome) = outcome {
            // The receiver is dropped only if the task has panicked.
            let _ = self.rounds.send(outcome);
        }
    }

    /// Waits until the current evaluation has ended, after all rounds were recorded.
    pub(super) async fn finish(self) {
        drop(self.rounds);
        let _ = self.working.await;
    }
}

async fn run(
    mut notifier: Notifier,
    mut config: watch::Receiver<Arc<Config>>,
    mut rounds: UnboundedReceiver<RoundOutcome>,
    mut budget: ShutdownBudget,
) {
    let mut history: Weak<History> = Weak::new();
    let mut due: Option<UnixNanos> = None;
    loop {
        let outcome = tokio::select! {
            outcome = rounds.recv() => match outcome {
                Some(outcome) => newest(outcome, &mut rounds),
                None => return,
            },
            () = until(due) => match history.upgrade() {
                Some(history) => RoundOutcome::Stored(history),
                // The history is being updated, so a round follows.
                None => {
                    due = None;
                    continue;
                }
            },
        };
        if config.has_changed().unwrap_or(false) {
            notifier.configure(&config.borrow_and_update().clone());
        }
        if let RoundOutcome::Stored(newest) = &outcome {
            history = Arc::downgrade(newest);
        }
        let evaluating = notifier.evaluate(outcome, now());
        let Some(evaluation) = budget.run(Box::pin(evaluating)).await else { return };
        due = evaluation.due;
        super::report_notifications(&evaluation);
    }
}

/// Returns the newest outcome. Only the last state matters, whatever happened before it.
fn newest(
    first: RoundOutcome,
    rounds: &mut UnboundedReceiver<RoundOutcome>,
) -> RoundOutcome {
    let mut newest = first;
    while let Ok(next) = rounds.try_recv() {
        newest = next;
    }
    newest
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

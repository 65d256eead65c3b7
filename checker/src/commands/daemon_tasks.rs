//! The tasks of a daemon that follow its recorded rounds: notifications and metrics.

use std::sync::Arc;

use shared::Nanos;
use tokio::sync::watch;

use super::metrics_task::DaemonMetrics;
use super::notifier_task::NotifierTask;
use crate::config::model::Config;
use crate::metrics::live::LiveMetrics;
use crate::platform::shutdown::ShutdownBudget;
use crate::recorder::Recorder;
use crate::recorder::queue::RecordEvent;

pub(super) struct DaemonTasks {
    metrics: DaemonMetrics,
    /// `None` if channels must not be notified.
    notifier: Option<NotifierTask>,
}

impl DaemonTasks {
    /// Starts the tasks. `every` is the time between rounds.
    pub(super) fn start(
        live: &Arc<LiveMetrics>,
        recorder: &Recorder,
        config: &watch::Receiver<Arc<Config>>,
        (every, sends_news): (Nanos, bool),
        budget: ShutdownBudget,
    ) -> DaemonTasks {
        let start_notifier =
            || NotifierTask::start(Arc::clone(recorder.store()), every, config.clone(), budget, Arc::clone(live));
        let notifier = sends_news.then(start_notifier);
        DaemonTasks { metrics: DaemonMetrics::start(live, recorder, config.clone()), notifier }
    }

    /// Passes a recording event to the tasks.
    pub(super) fn report(&mut self, event: &RecordEvent<'_>) {
        self.metrics.report(event);
        if let Some(notifier) = &self.notifier {
            notifier.report(event);
        }
    }

    /// Waits for pending messages. Must be called after the last round was recorded.
    pub(super) async fn finish(self) {
        if let Some(notifier) = self.notifier {
            notifier.finish().await;
        }
        self.metrics.stop();
    }
}

//! Refreshes a daemon's metrics in a separate task, so that a slow store delays neither checks nor uploads, and writes
//! the metrics file.

use std::sync::{Arc, Weak};
use std::time::Duration;

use shared::history::History;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep_until};

use crate::config::model::Config;
use crate::metrics::file;
use crate::metrics::live::LiveMetrics;
use crate::metrics::reader::FiguresReader;
use crate::now;
use crate::recorder::Recorder;
use crate::recorder::queue::RecordEvent;
use crate::store::spool::Spool;
use crate::ui;

/// The minimum time between refreshes, because each reads from the store.
const REFRESH_INTERVAL: Duration = Duration::from_secs(10);
/// The time to the next refresh without new rounds: results expire.
const LONGEST_WAIT: Duration = Duration::from_secs(30);
/// The time after which a refresh is repeated if the history was being updated.
const RETRY_DELAY: Duration = Duration::from_secs(1);

/// A daemon's metrics and health, and the task that refreshes them.
pub(super) struct DaemonMetrics {
    live: Arc<LiveMetrics>,
    config: watch::Receiver<Arc<Config>>,
    /// `None` if the configuration exports no metrics.
    task: Option<MetricsTask>,
}

impl DaemonMetrics {
    pub(super) fn start(
        live: &Arc<LiveMetrics>,
        recorder: &Recorder,
        config: watch::Receiver<Arc<Config>>,
    ) -> DaemonMetrics {
        let task = live.is_exported().then(|| MetricsTask::start(live, recorder, config.clone()));
        DaemonMetrics { live: Arc::clone(live), config, task }
    }

    /// Applies a recording event, and passes it to the task.
    pub(super) fn report(&mut self, event: &RecordEvent<'_>) {
        if self.config.has_changed().unwrap_or(false) {
            self.live.configure(&self.config.borrow_and_update());
        }
        self.live.report(event, now());
        if let Some(task) = &self.task {
            task.report(event);
        }
    }

    /// Ends the task. The metrics file is always complete, because it is replaced at once.
    pub(super) fn stop(self) {
        if let Some(task) = self.task {
            task.working.abort();
        }
    }
}

/// A handle to the running task.
struct MetricsTask {
    rounds: UnboundedSender<RefreshEvent>,
    working: JoinHandle<()>,
}

/// The recording events that change metrics.
enum RefreshEvent {
    InHistory(Arc<History>),
    NotStored,
}

impl MetricsTask {
    fn start(live: &Arc<LiveMetrics>, recorder: &Recorder, config: watch::Receiver<Arc<Config>>) -> MetricsTask {
        let (rounds, receiver) = unbounded_channel();
        let node = config.borrow().node.clone();
        let refresher = Refresher {
            live: Arc::clone(live),
            reader: FiguresReader::new(Arc::clone(recorder.store()), node),
            spool: recorder.spool().clone(),
            config,
            history: None,
            problem: None,
        };
        MetricsTask { rounds, working: tokio::spawn(run(refresher, receiver)) }
    }

    /// Passes a recording event to the task.
    fn report(&self, event: &RecordEvent<'_>) {
        let event = match event {
            RecordEvent::UpkeepDone(upkeep) => upkeep.current.clone().map(RefreshEvent::InHistory),
            RecordEvent::NotStored { .. } => Some(RefreshEvent::NotStored),
            RecordEvent::Received(_) | RecordEvent::Stored { .. } => None,
        };
        if let Some(event) = event {
            // Sending fails only if the task has panicked.
            let _ = self.rounds.send(event);
        }
    }
}

struct Refresher {
    live: Arc<LiveMetrics>,
    reader: FiguresReader,
    spool: Spool,
    config: watch::Receiver<Arc<Config>>,
    /// The newest history. The reference cannot be upgraded while the recorder updates the history.
    history: Option<Weak<History>>,
    /// The last problem that was reported.
    problem: Option<String>,
}

impl Refresher {
    fn apply(&mut self, event: RefreshEvent) {
        if let RefreshEvent::InHistory(history) = event {
            self.history = Some(Arc::downgrade(&history));
        }
    }

    /// Refreshes the metrics. Returns whether they contain the newest history.
    async fn refresh(&mut self) -> bool {
        let config = Arc::clone(&self.config.borrow_and_update());
        self.live.configure(&config);
        self.live.set_spool_rounds(self.spool.waiting().await.ok().map(|rounds| rounds.len()));
        let (mut problem, mut is_complete) = (None, true);
        match self.reader.refresh(now()).await {
            Ok(()) => is_complete = self.compute_figures(&config),
            Err(error) => {
                self.live.set_figures(None);
                problem = Some(format!("metrics lack the figures of the store: {error}"));
            }
        }
        if let Some(path) = config.metrics_file.clone() {
            let text = self.live.text(now());
            let written = tokio::task::spawn_blocking(move || file::write(&path, &text)).await;
            if let Ok(Err(error)) = written {
                problem = Some(error.to_string());
            }
        }
        if let Some(problem) = problem.as_ref().filter(|problem| self.problem.as_ref() != Some(*problem)) {
            ui::warn(problem);
        }
        self.problem = problem;
        is_complete
    }

    /// Computes the figures of the store, if a round was stored. Returns `false` if the history is being updated.
    fn compute_figures(&self, config: &Config) -> bool {
        let Some(history) = &self.history else { return true };
        let Some(own) = history.upgrade() else { return false };
        let figures = self.reader.figures(&own, &config.page.config, &config.objectives, now());
        self.live.set_figures(Some(figures));
        true
    }
}

async fn run(mut refresher: Refresher, mut rounds: UnboundedReceiver<RefreshEvent>) {
    let (mut earliest, mut is_pending) = (Instant::now(), false);
    loop {
        let due = if is_pending { earliest } else { earliest + LONGEST_WAIT };
        tokio::select! {
            event = rounds.recv() => match event {
                None => return,
                Some(event) => {
                    refresher.apply(event);
                    is_pending = true;
                }
            },
            () = sleep_until(due) => {
                let is_complete = refresher.refresh().await;
                is_pending = !is_complete;
                earliest = Instant::now() + if is_complete { REFRESH_INTERVAL } else { RETRY_DELAY };
            }
        }
    }
}

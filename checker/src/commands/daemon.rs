//! The parts that `checker run --every` and `checker serve` share: a scheduler that runs until a shutdown request and
//! reloads its configuration, and the log of status changes.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use shared::check_file::{CheckResult, EndpointKey};
use shared::object_name::NodeName;
use shared::status::Status;
use shared::{Nanos, UnixNanos};
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::mpsc::{Receiver, Sender, UnboundedReceiver, channel, unbounded_channel};
use tokio::sync::{oneshot, watch};
use tracing::{info, warn};

use super::load_with_page_address;
use crate::checks::CheckContext;
use crate::config::model::Config;
use crate::counted;
use crate::monitor::confirmation::ConfirmationState;
use crate::monitor::confirmation_file;
use crate::monitor::round::{RoundProgress, run_round};
use crate::monitor::schedule::{Shard, stable_hash};
use crate::monitor::scheduler::{Control, Scheduler, StartMode};
use crate::now;
use crate::platform::clock;
use crate::platform::shutdown::Shutdown;
use crate::ui;
use crate::ui::log::LogFormat;
use crate::ui::progress::WaitingLine;

/// How often the configuration file is checked for changes.
const FILE_CHECK_INTERVAL: Duration = Duration::from_secs(2);

/// Redirects all further messages to the log.
pub(super) fn start_log(format: LogFormat) {
    ui::log::start(format, std::env::var("RUST_LOG").ok().as_deref());
}

/// Logs each endpoint whose status differs from the last one logged.
pub(super) struct StatusLog {
    node: NodeName,
    statuses: HashMap<EndpointKey, Status>,
}

impl StatusLog {
    pub(super) fn new(node: NodeName) -> StatusLog {
        StatusLog { node, statuses: HashMap::new() }
    }

    pub(super) fn report(&mut self, results: &[CheckResult]) {
        for result in results {
            let previous = self.statuses.insert(result.endpoint_key(), result.status);
            if previous != Some(result.status) {
                self.log(result, previous);
            }
        }
    }

    fn log(&self, result: &CheckResult, previous: Option<Status>) {
        let (node, endpoint) = (self.node.as_str(), result.title.as_str());
        let (status, previous) = (result.status.as_str(), previous.map(Status::as_str));
        let (reason, message) = (result.reason(), if previous.is_some() { "status changed" } else { "first status" });
        match result.status {
            Status::Down | Status::Degraded => warn!(node, endpoint, status, previous, reason, "{message}"),
            Status::Healthy | Status::Unknown => info!(node, endpoint, status, previous, reason, "{message}"),
        }
    }
}

/// The configuration file, and the flags that override it.
#[derive(Debug, Clone)]
pub(super) struct ConfigSource {
    pub path: PathBuf,
    pub node: Option<NodeName>,
    /// The shard of endpoints that this process checks, or `None` for all endpoints.
    pub shard: Option<Shard>,
    pub every: Option<Nanos>,
    /// The page's address, if this process serves the page.
    pub page_address: Option<SocketAddr>,
    /// The version of the file just before it was last read.
    pub loaded: Option<FileVersion>,
}

/// A file's modification time and size. At least one of them changes when the contents change.
pub(super) type FileVersion = (SystemTime, u64);

impl ConfigSource {
    pub(super) fn load(&mut self) -> Result<Config, crate::config::ConfigError> {
        self.loaded = self.version();
        let mut config = load_with_page_address(&self.path, self.node.as_ref(), self.page_address)?;
        if let Some(shard) = self.shard {
            config.checks.retain(|check| shard.contains(stable_hash(&check.title, check.kind.locator())));
        }
        config.every = self.every.or(config.every);
        Ok(config)
    }

    fn version(&self) -> Option<FileVersion> {
        let file = std::fs::metadata(&self.path).ok()?;
        Some((file.modified().ok()?, file.len()))
    }
}

/// Returns the time at which results are stored: the current time or, if that time cannot be stored, the time of the
/// newest result.
pub(super) fn storing_time(results: &[CheckResult]) -> UnixNanos {
    let now = now();
    let newest = || results.iter().map(|result| result.timestamp).max().unwrap_or(clock::EARLIEST);
    if clock::verify(now).is_ok() { now } else { newest() }
}

/// Runs one round. Returns its results and the confirmation state for the next round.
pub(super) async fn first_round(
    config: &Config,
    context: &Arc<CheckContext>,
    interval: Option<Nanos>,
) -> (Vec<CheckResult>, Vec<ConfirmationState>) {
    let mut confirmations = confirmation_file::load(config);
    let mut line = WaitingLine::default();
    let mut report = |progress: RoundProgress<'_>| line.draw(progress.done, progress.total, progress.waiting_for);
    let mut results = run_round(config, context, interval, now, &mut report).await;
    line.clear();
    let mut earlier = Vec::new();
    for ((result, confirmation), check) in results.iter_mut().zip(&mut confirmations).zip(&config.checks) {
        earlier.extend(confirmation.confirm(result, check.failures_before_down));
    }
    if !earlier.is_empty() {
        // Append the current results to the earlier ones so that each endpoint's newest result comes last: its index
        // determines the order of endpoints on the page.
        earlier.append(&mut results);
        results = earlier;
    }
    save_confirmations(config, &confirmations);
    (results, confirmations)
}

fn save_confirmations(config: &Config, confirmations: &[ConfirmationState]) {
    if let Err(error) = confirmation_file::save(config, confirmations) {
        ui::error(&error);
    }
}

/// A daemon's signals. Handlers are installed before the first round, because an unhandled signal would end the
/// process.
pub(super) struct Signals {
    pub shutdown: Shutdown,
    hangup: Signal,
}

impl Signals {
    pub(super) fn with_hangup(shutdown: Shutdown) -> std::io::Result<Signals> {
        Ok(Signals { shutdown, hangup: signal(SignalKind::hangup())? })
    }
}

/// A scheduler on a separate thread, so that storing, serving and updating histories do not delay checks. Checks never
/// move between threads.
pub(super) struct Daemon {
    batches: UnboundedReceiver<Vec<CheckResult>>,
    stopped: oneshot::Receiver<(Arc<Config>, Vec<ConfirmationState>)>,
    config: watch::Receiver<Arc<Config>>,
}

impl Daemon {
    /// Starts the scheduler. It checks all endpoints immediately or, after a round, continues with that round's
    /// confirmation state.
    pub(super) fn start(
        config: Config,
        context: Arc<CheckContext>,
        every: Nanos,
        round: Option<Vec<ConfirmationState>>,
        source: ConfigSource,
        signals: Signals,
    ) -> std::io::Result<Daemon> {
        let start = match round {
            Some(confirmations) => (StartMode::AfterRound, confirmations),
            None => (StartMode::CheckAll, confirmation_file::load(&config)),
        };
        let (sender, batches) = unbounded_channel();
        let config = Arc::new(config);
        let (controls, current) = listen(source, Arc::clone(&config), signals);
        let scheduler = Scheduler::new(config, context, every, start, now, sender);
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let (send_stopped, stopped) = oneshot::channel();
        // If the receiver was dropped, no caller needs the state.
        let work = move || drop(send_stopped.send(runtime.block_on(scheduler.run(controls))));
        std::thread::Builder::new().name("checks".to_owned()).spawn(work)?;
        Ok(Daemon { batches, stopped, config: current })
    }

    /// Returns the channel of results, which arrive as checks finish. It closes after the scheduler has stopped.
    pub(super) fn batches(&mut self) -> &mut UnboundedReceiver<Vec<CheckResult>> {
        &mut self.batches
    }

    /// Returns the configuration in effect, which changes with each reload.
    pub(super) fn config(&self) -> watch::Receiver<Arc<Config>> {
        self.config.clone()
    }

    /// Waits for the scheduler to stop, and saves its confirmation state.
    pub(super) async fn stop(self) {
        if let Ok((config, confirmations)) = self.stopped.await {
            save_confirmations(&config, &confirmations);
        }
    }
}

/// Returns the requests to the scheduler, and the configuration in effect.
fn listen(
    source: ConfigSource,
    config: Arc<Config>,
    signals: Signals,
) -> (Receiver<Control>, watch::Receiver<Arc<Config>>) {
    let (sender, receiver) = channel(1);
    let (in_effect, current) = watch::channel(config);
    tokio::spawn(send_controls(source, in_effect, signals, sender));
    (receiver, current)
}

async fn send_controls(
    mut source: ConfigSource,
    in_effect: watch::Sender<Arc<Config>>,
    Signals { shutdown, mut hangup }: Signals,
    controls: Sender<Control>,
) {
    let started_with = Arc::clone(&in_effect.borrow());
    loop {
        let is_requested = tokio::select! {
            () = shutdown.requested() => {
                // Sending fails if the scheduler has already stopped.
                let _ = controls.send(Control::Stop).await;
                return;
            }
            received = hangup.recv() => received.is_some(),
            () = tokio::time::sleep(FILE_CHECK_INTERVAL) => false,
        };
        let version = source.version();
        let has_changed = version.is_some() && version != source.loaded;
        if (is_requested || has_changed)
            && let Some(config) = reload(&mut source, &started_with)
        {
            let config = Arc::new(config);
            in_effect.send_replace(Arc::clone(&config));
            if controls.send(Control::Reload(config)).await.is_err() {
                return;
            }
        }
    }
}

/// Loads the current configuration. Returns `None` if it is invalid; the previous one then stays in effect.
fn reload(source: &mut ConfigSource, started_with: &Config) -> Option<Config> {
    match source.load() {
        Ok(mut config) => {
            let fixed =
                |config: &Config| format!("{:?}", (&config.node, &config.storage, &config.spool_dir, &config.page));
            // The token of `metrics` is not shown, so only its comparison finds changes.
            if fixed(&config) != fixed(started_with) || config.metrics != started_with.metrics {
                ui::note("changes to `node`, `storage`, `spool_dir`, `page` and `metrics` take effect after a restart");
            }
            config.node.clone_from(&started_with.node);
            config.storage.clone_from(&started_with.storage);
            config.spool_dir.clone_from(&started_with.spool_dir);
            config.page.clone_from(&started_with.page);
            config.metrics.clone_from(&started_with.metrics);
            ui::info(&format!("configuration reloaded: checking {}", endpoint_count(config.checks.len())));
            Some(config)
        }
        Err(error) => {
            ui::error(&error);
            ui::info("keeping the previous configuration");
            None
        }
    }
}

pub(super) fn endpoint_count(count: usize) -> String {
    counted(count, "endpoint")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reload_applies_changes_of_notifications() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("checker.json");
        let write = |members: &str| {
            let check = r#"{ "type": "exec", "name": "Shop", "command": "true", "notify": ["ops"] }"#;
            let text = format!(
                r#"{{ "checkers": [{check}], "storage": {{ "type": "fs", "dir": "checks" }},
                "notifiers": [{{ "type": "ntfy", "id": "ops", "url": "https://ntfy.sh/topic" }}{members} }}"#
            );
            std::fs::write(&path, text).expect("it can be written");
        };
        let mut source =
            ConfigSource { path: path.clone(), node: None, shard: None, every: None, page_address: None, loaded: None };
        write("]");
        let started_with = source.load().expect("it is valid");
        write(r#", { "type": "ping", "url": "https://hc-ping.com/x" }], "notify": { "rank": 7 }"#);
        let config = reload(&mut source, &started_with).expect("it is valid");
        let notifications = config.notifications.expect("there are notifiers");
        assert_eq!((notifications.channels.len(), notifications.rules.rank), (2, 7));
        write(r#", { "type": "ping", "url": "" }]"#);
        assert!(reload(&mut source, &started_with).is_none());
    }
}

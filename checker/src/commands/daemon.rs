//! What `checker run --every` and `checker serve` have in common: a watch without end that listens for the wish to
//! stop, for SIGHUP, and for a configuration file that has changed. And the round that is made at once.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use shared::Nanos;
use shared::check_file::{CheckResult, EndpointKey};
use shared::object_name::NodeName;
use shared::status::Status;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::mpsc::{Receiver, Sender, UnboundedReceiver, channel, unbounded_channel};
use tokio::sync::oneshot;
use tracing::{info, warn};

use super::load_beside_page;
use crate::checks::CheckContext;
use crate::config::model::Config;
use crate::monitor::confirmation::Memory;
use crate::monitor::confirmation_file;
use crate::monitor::round::make_round;
use crate::monitor::schedule::{Shard, stable_hash};
use crate::monitor::scheduler::{Beginning, Event, Watch};
use crate::now;
use crate::platform::shutdown::Stop;
use crate::ui::{self, log::LogFormat};

/// How often the configuration file is looked at: soon enough for whoever has just saved it.
const LOOK_AT_FILE_EVERY: Duration = Duration::from_secs(2);

/// From how many results on no further batch is put with them: of one check file the page reads 8 MiB, which are a thousand
/// results with long errors.
const MOST_AT_ONCE: usize = 500;

/// Where the configuration comes from, and what the command line has to say about it.
#[derive(Debug, Clone)]
pub(super) struct Origin {
    /// The file.
    pub path: PathBuf,
    /// The node's name, if the command line has one.
    pub node: Option<NodeName>,
    /// The part of the endpoints that this process watches, if not all.
    pub shard: Option<Shard>,
    /// The interval, if the command line has one.
    pub every: Option<Nanos>,
    /// Where this process serves the page, if it does.
    pub own_address: Option<SocketAddr>,
    /// What the file was like just before it was read last; whatever is different since then is news.
    pub read: Option<Stamp>,
}

/// What tells one content of a file from another without reading it.
pub(super) type Stamp = (SystemTime, u64);

impl Origin {
    /// The configuration, with the last word that the command line has.
    pub(super) fn load(&mut self) -> Result<Config, crate::config::ConfigError> {
        self.read = self.stamp();
        let mut config = load_beside_page(&self.path, self.node.as_ref(), self.own_address)?;
        if let Some(shard) = self.shard {
            config.checks.retain(|check| shard.contains(stable_hash(&check.title, check.kind.locator())));
        }
        config.every = self.every.or(config.every);
        Ok(config)
    }

    fn stamp(&self) -> Option<Stamp> {
        let file = std::fs::metadata(&self.path).ok()?;
        Some((file.modified().ok()?, file.len()))
    }
}

/// Sends all messages from now on to the log.
pub(super) fn start_log(format: LogFormat) {
    ui::log::start(format, std::env::var("RUST_LOG").ok().as_deref());
}

/// Logs endpoints whose status differs from the last one that was logged.
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

/// One round, and what is remembered of it from now on.
pub(super) async fn first_round(
    config: &Config,
    context: &Arc<CheckContext>,
    interval: Option<Nanos>,
) -> (Vec<CheckResult>, Vec<Memory>) {
    let mut memories = confirmation_file::load(config);
    let mut results = make_round(config, context, interval, now).await;
    let mut again = Vec::new();
    for ((result, memory), check) in results.iter_mut().zip(&mut memories).zip(&config.checks) {
        again.extend(memory.take(result, check.failures_before_down));
    }
    if !again.is_empty() {
        // The newest result of an endpoint comes last: its place is the endpoint's, on the page, too.
        again.append(&mut results);
        results = again;
    }
    keep_in_mind(config, &memories);
    (results, memories)
}

fn keep_in_mind(config: &Config, memories: &[Memory]) {
    if let Err(error) = confirmation_file::save(config, memories) {
        ui::error(&error);
    }
}

/// The signals that a watch listens to. They are caught from before the first round on, since one that is not
/// caught ends the process.
pub(super) struct Signals {
    /// SIGTERM and Ctrl-C.
    pub stop: Stop,
    /// SIGHUP.
    hangup: Signal,
}

impl Signals {
    /// Starts listening for what `stop` does not.
    pub(super) fn beside(stop: Stop) -> std::io::Result<Signals> {
        Ok(Signals { stop, hangup: signal(SignalKind::hangup())? })
    }
}

/// A watch that goes on by itself, on a thread of its own: storing, serving and folding histories delay no check, and
/// no check is handed from thread to thread.
pub(super) struct Watching {
    /// What was seen.
    batches: UnboundedReceiver<Vec<CheckResult>>,
    ended: oneshot::Receiver<(Arc<Config>, Vec<Memory>)>,
}

impl Watching {
    /// Begins with looking at everything, or after a round that remembers this.
    pub(super) fn begin(
        config: Config,
        context: Arc<CheckContext>,
        every: Nanos,
        round: Option<Vec<Memory>>,
        origin: Origin,
        signals: Signals,
    ) -> std::io::Result<Watching> {
        let known = match round {
            Some(memories) => (Beginning::AfterARound, memories),
            None => (Beginning::Fresh, confirmation_file::load(&config)),
        };
        let (sender, batches) = unbounded_channel();
        let config = Arc::new(config);
        let events = listen(origin, Arc::clone(&config), signals);
        let watch = Watch::new(config, context, every, known, now, sender);
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let (end, ended) = oneshot::channel();
        // Should nobody wait for the end, there is nobody to tell what is remembered.
        let work = move || drop(end.send(runtime.block_on(watch.run(events))));
        std::thread::Builder::new().name("checks".to_owned()).spawn(work)?;
        Ok(Watching { batches, ended })
    }

    /// What was seen since the last time; `None` when the watch is over. What has come together while a slow store kept us
    /// waiting goes on as one: each by itself would have to wait for the store again.
    pub(super) async fn next(&mut self) -> Option<Vec<CheckResult>> {
        next_of(&mut self.batches).await
    }

    /// Ends when the watch has, and keeps in mind what the next one should know.
    pub(super) async fn end(self) {
        if let Ok((config, memories)) = self.ended.await {
            keep_in_mind(&config, &memories);
        }
    }
}

async fn next_of(batches: &mut UnboundedReceiver<Vec<CheckResult>>) -> Option<Vec<CheckResult>> {
    let mut results = batches.recv().await?;
    while results.len() < MOST_AT_ONCE
        && let Ok(more) = batches.try_recv()
    {
        results.extend(more);
    }
    Some(results)
}

fn listen(origin: Origin, config: Arc<Config>, signals: Signals) -> Receiver<Event> {
    let (sender, receiver) = channel(1);
    tokio::spawn(tell_events(origin, config, signals.stop, signals.hangup, sender));
    receiver
}

async fn tell_events(mut origin: Origin, config: Arc<Config>, stop: Stop, mut hangup: Signal, events: Sender<Event>) {
    loop {
        let is_asked_for = tokio::select! {
            () = stop.clone().wished() => {
                // Should the watch be over already, nobody has to be told.
                let _ = events.send(Event::Stop).await;
                return;
            }
            received = hangup.recv() => received.is_some(),
            () = tokio::time::sleep(LOOK_AT_FILE_EVERY) => false,
        };
        let present = origin.stamp();
        let is_news = present.is_some() && present != origin.read;
        if (is_asked_for || is_news)
            && let Some(config) = reload(&mut origin, &config)
            && events.send(Event::Reload(Arc::new(config))).await.is_err()
        {
            return;
        }
    }
}

/// The configuration as it stands now; one that cannot be used is told, and the old one stays.
fn reload(origin: &mut Origin, started_with: &Config) -> Option<Config> {
    match origin.load() {
        Ok(mut config) => {
            let fixed =
                |config: &Config| format!("{:?}", (&config.node, &config.storage, &config.spool_dir, &config.page));
            if fixed(&config) != fixed(started_with) {
                ui::note("changes of `node`, `storage`, `spool_dir` and `page` take effect after a restart");
            }
            config.node.clone_from(&started_with.node);
            config.storage.clone_from(&started_with.storage);
            config.spool_dir.clone_from(&started_with.spool_dir);
            config.page.clone_from(&started_with.page);
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
    if count == 1 { "1 endpoint".to_owned() } else { format!("{count} endpoints") }
}

#[cfg(test)]
mod tests {
    use crate::commands::daemon::*;

    #[tokio::test]
    async fn what_came_while_nobody_took_it_is_taken_as_one_in_its_order_and_up_to_a_limit() {
        let (sender, mut batches) = unbounded_channel();
        let seen = |timestamp| CheckResult { timestamp, ..CheckResult::default() };
        let send = |times: std::ops::Range<i64>| sender.send(times.map(seen).collect()).expect("it is open");
        send(0..1);
        send(1..3);
        let most = MOST_AT_ONCE as i64;
        send(3..most + 3);
        send(most + 3..most + 4);
        let times = |results: Vec<CheckResult>| results.iter().map(|result| result.timestamp).collect::<Vec<i64>>();
        assert_eq!(next_of(&mut batches).await.map(times), Some((0..most + 3).collect()));
        assert_eq!(next_of(&mut batches).await.map(times), Some(vec![most + 3]));
        drop(sender);
        assert!(next_of(&mut batches).await.is_none());
    }
}

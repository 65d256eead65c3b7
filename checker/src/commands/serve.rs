//! `checker serve`: runs checks and serves the status page in one process.

use std::path::Path;
use std::sync::Arc;

use shared::{MINUTE, Nanos};

use super::daemon::{ConfigSource, Daemon, Signals, StatusLog, endpoint_count, start_log, storing_time};
use super::daemon_tasks::DaemonTasks;
use super::{MissingStorage, Outcome, check_context, reachable, report_upkeep, report_upload};
use crate::cli::ServeArguments;
use crate::config::model::Config;
use crate::config::starter::is_unchanged;
use crate::metrics::live::LiveMetrics;
use crate::now;
use crate::platform::huge_pages;
use crate::platform::shutdown::{Shutdown, ShutdownBudget};
use crate::recorder::Recorder;
use crate::recorder::queue::RecordEvent;
use crate::server;
use crate::server::PortRemedy;
use crate::server::assets::{PageFiles, PageFilesError};
use crate::server::host::AllowedHosts;
use crate::ui;

/// A variable that the Makefile sets, so that errors can mention the Makefile's own variables.
const MAKE_VARIABLE: &str = "CHECKUP_RUN_BY_MAKE";

const DEFAULT_EVERY: Nanos = MINUTE;

/// The URL of the folder with the feeds and the calendar of the web server, relative to the page.
const SERVED_OUTPUTS: &str = "./";

pub async fn serve(arguments: &ServeArguments) -> anyhow::Result<Outcome> {
    huge_pages::disable();
    start_log(arguments.log_format);
    let listener = server::bind(arguments.address.listen, port_remedy()).await?;
    let address = listener.local_addr()?;
    let mut source = ConfigSource {
        path: arguments.config.config.clone(),
        node: arguments.node.clone(),
        shard: arguments.shard,
        every: None,
        page_address: Some(address),
        loaded: None,
    };
    let mut config = source.load()?;
    with_served_outputs(&mut config);
    // Visitors from other machines cannot edit the file.
    if address.ip().is_loopback() && is_unchanged(&config.checks) {
        config.page.config.starter_file = Some(arguments.config.config.display().to_string());
    }
    // Without a name for a reverse proxy, only this machine's users see the page.
    if address.ip().is_loopback() && arguments.allowed_host.is_empty() {
        config.page.config.appearance.details.get_or_insert(true);
    }
    ui::log::set_node(&config.node);
    let page = page_files(arguments.page.as_deref())?;
    let signals = Signals::with_hangup(Shutdown::on_signals_in_thread(ui::info)?)?;
    let Some(recorder) = Recorder::open(&config, &signals.shutdown).await else {
        return Err(MissingStorage(arguments.config.config.display().to_string()).into());
    };
    let every = config.every.unwrap_or(DEFAULT_EVERY);
    let budget = ShutdownBudget::for_notifying(signals.shutdown.clone());
    let page_address = reachable(address);
    ui::info(&format!("serving the status page at http://{page_address}/ from {}", recorder.store().describe()));
    ui::info(&format!(
        "checking {} every {}; press Ctrl-C to stop",
        endpoint_count(config.checks.len()),
        shared::duration::format_exact(every)
    ));
    let live = Arc::new(LiveMetrics::new(&config, now()));
    let serving = tokio::spawn(server::serve(
        listener,
        page,
        config.clone(),
        AllowedHosts::new(&arguments.allowed_host, address.ip().is_loopback()),
        (Arc::clone(recorder.store()), Arc::clone(&live)),
        signals.shutdown.token(),
    ));

    let check_context = check_context(&config);
    let mut status_log = StatusLog::new(config.node.clone());
    let mut daemon = Daemon::start(config, check_context, every, None, source, signals)?;
    let mut tasks = DaemonTasks::start(&live, &recorder, &daemon.config(), (every, !arguments.no_notify), budget);
    let mut outcome = Outcome::Done;
    let report = |event: RecordEvent<'_>| {
        tasks.report(&event);
        match event {
            RecordEvent::Received(results) => status_log.report(results),
            RecordEvent::Stored { upload, .. } => {
                report_upload(upload);
                outcome = Outcome::Done;
            }
            RecordEvent::NotStored { error, .. } => {
                ui::error(error);
                outcome = Outcome::Failed;
            }
            RecordEvent::UpkeepDone(upkeep) => report_upkeep(upkeep),
        }
    };
    recorder.record_all(daemon.batches(), storing_time, report).await;
    tasks.finish().await;
    daemon.stop().await;
    serving.await??;
    Ok(outcome)
}

/// Returns the page in a folder, or the built-in one.
pub(super) fn page_files(folder: Option<&Path>) -> Result<PageFiles, PageFilesError> {
    folder.map_or_else(|| Ok(PageFiles::embedded()), PageFiles::from_directory)
}

/// Lets the page link to the feeds and the calendar, if the server has both.
pub(super) fn with_served_outputs(config: &mut Config) {
    if config.outputs.fill_subscribe_menu() {
        config.page.config.outputs.get_or_insert_with(|| SERVED_OUTPUTS.to_owned());
    }
}

/// Returns how the operator can choose another port.
pub(super) fn port_remedy() -> PortRemedy {
    match std::env::var_os(MAKE_VARIABLE) {
        Some(_) => PortRemedy::Make,
        None => PortRemedy::Flag,
    }
}

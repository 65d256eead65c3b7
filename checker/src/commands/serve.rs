//! `checker serve`: rounds of checks, the store and the page in one process.

use std::sync::Arc;

use shared::{MINUTE, Nanos};

use super::daemon::{self, Origin, Signals, StatusLog, Watching};
use super::{NoStorage, Outcome, check_context, reachable};
use crate::cli::ServeArguments;
use crate::platform::huge_pages;
use crate::platform::shutdown::{Patience, Stop};
use crate::recorder::{RecordOutcome, Recorder};
use crate::server::PortRemedy;
use crate::server::assets::PageFiles;
use crate::store::StoreError;
use crate::ui;
use crate::{now, server};

/// Set by the Makefile for what it runs.
const MAKE_VARIABLE: &str = "CHECKUP_RUN_BY_MAKE";

/// How often rounds are made if the configuration does not say.
const DEFAULT_EVERY: Nanos = MINUTE;

/// Serves the page and makes rounds until somebody wants it to stop.
pub async fn serve(arguments: &ServeArguments) -> anyhow::Result<Outcome> {
    huge_pages::go_without();
    daemon::start_log(arguments.log_format);
    let listener = server::bind(arguments.listen, port_remedy()).await?;
    let address = listener.local_addr()?;
    let mut origin = Origin {
        path: arguments.config.config.clone(),
        node: arguments.node.clone(),
        shard: arguments.shard,
        every: None,
        own_address: Some(address),
        read: None,
    };
    let config = origin.load()?;
    ui::log::set_node(&config.node);
    let page = match &arguments.page {
        Some(folder) => PageFiles::from_directory(folder)?,
        None => PageFiles::embedded(),
    };
    let Some(mut record) = Recorder::open(&config).await else {
        return Err(NoStorage(arguments.config.config.display().to_string()).into());
    };
    let signals = Signals::beside(Stop::on_signals_whatever_happens()?)?;
    let mut patience = Patience::until(signals.stop.clone());
    let every = config.every.unwrap_or(DEFAULT_EVERY);
    let here = reachable(address);
    ui::info(&format!("serving the status page at http://{here}/ from {}", record.store().describe()));
    ui::info(&format!(
        "checking {} every {}; press Ctrl-C to stop",
        daemon::endpoint_count(config.checks.len()),
        shared::duration::format_exact(every)
    ));
    let serving = tokio::spawn(server::serve(
        listener,
        page,
        config.clone(),
        Arc::clone(record.store()),
        signals.stop.clone().wished(),
    ));

    let check_context = check_context(&config);
    let mut status_log = StatusLog::new(config.node.clone());
    let mut watching = Watching::begin(config, check_context, every, None, origin, signals)?;
    let mut outcome = Outcome::Done;
    while let Some(results) = watching.next().await {
        status_log.report(&results);
        outcome = tell_what_failed(record.record(&results, now(), &mut patience, |_, _| {}).await);
    }
    watching.end().await;
    serving.await??;
    Ok(outcome)
}

/// How whoever started this says another port. The Makefile tells that it was `make run`.
fn port_remedy() -> PortRemedy {
    match std::env::var_os(MAKE_VARIABLE) {
        Some(_) => PortRemedy::Make,
        None => PortRemedy::Flag,
    }
}

/// What went well is no news; what did not is told on standard error. Says whether the round is in the store.
fn tell_what_failed(kept: Result<RecordOutcome, StoreError>) -> Outcome {
    match kept {
        Ok(RecordOutcome { upload, expired, history, summary }) => {
            for concern in &upload.warnings {
                ui::warn(concern);
            }
            if let Err(error) = history {
                ui::warn(&format!("history not updated: {error}"));
            }
            if let Err(error) = summary {
                ui::warn(&format!("summary not updated: {error}"));
            }
            if let Some(error) = expired.failure {
                ui::error(&error);
            }
            Outcome::Done
        }
        Err(error) => {
            ui::error(&error);
            Outcome::Failed
        }
    }
}

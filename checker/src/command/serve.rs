//! `checker serve`: rounds of checks, the store and the page in one process.

use std::sync::Arc;
use std::time::Duration;

use chrono::Local;
use shared::{MINUTE, Nanos};
use tokio::time::Instant;

use crate::check::Probes;
use crate::cli::ServeArguments;
use crate::command::{Outcome, load, tell, tell_error};
use crate::page_files::PageFiles;
use crate::record::{Record, Recorded};
use crate::round::make_round;
use crate::stop::Stop;
use crate::store::StoreError;
use crate::{now, report, schedule, serve as server};

/// How often rounds are made if the configuration does not say.
const DEFAULT_EVERY: Nanos = MINUTE;

/// The configuration names no store to serve.
#[derive(Debug, thiserror::Error)]
#[error(
    "serve the page: `{0}` names no `storage`; add one, such as `\"storage\": {{ \"type\": \"fs\", \"dir\": \"checks\" }}`"
)]
struct NoStorage(String);

/// Serves the page and makes rounds until somebody wants it to stop.
pub async fn serve(arguments: &ServeArguments) -> anyhow::Result<Outcome> {
    let config = load(&arguments.config.config, arguments.node.as_ref())?;
    let page = match &arguments.page {
        Some(folder) => PageFiles::from_directory(folder)?,
        None => PageFiles::embedded(),
    };
    let listener = server::bind(arguments.listen).await?;
    let Some(mut record) = Record::open(&config).await? else {
        return Err(NoStorage(arguments.config.config.display().to_string()).into());
    };
    let stop = Stop::on_signals()?;
    let address = listener.local_addr()?;
    let every = config.every.unwrap_or(DEFAULT_EVERY);
    tell(&format!("serving the page at http://{address}/ from {}", record.store().describe()));
    tell(&format!(
        "checking {} every {}; stop with Ctrl-C",
        count_of_endpoints(config.checks.len()),
        shared::duration::exact(every)
    ));
    let serving =
        tokio::spawn(server::serve(listener, page, config.clone(), Arc::clone(record.store()), stop.clone().wished()));

    let probes = Arc::new(Probes::new(config.reach, now));
    let started = Instant::now();
    let mut due: Nanos = 0;
    let mut before = Vec::new();
    while !stop.is_wished() {
        let results = make_round(&config, &probes, Some(every), now).await;
        tell_what_failed(record.keep(&results, now()).await);
        let statuses: Vec<_> = results.iter().map(|result| result.status).collect();
        // A round that found what the one before found is no news.
        if statuses != before {
            anstream::print!("{}\n{}", Local::now().format("%Y-%m-%d %H:%M:%S"), report::table(&results));
            before = statuses;
        }
        due = schedule::next(due, every, started.elapsed().as_nanos() as Nanos).at;
        tokio::select! {
            () = tokio::time::sleep_until(started + Duration::from_nanos(due.unsigned_abs())) => {}
            () = stop.clone().wished() => {}
        }
    }
    serving.await??;
    Ok(Outcome::Done)
}

/// What went well is no news; what did not is told on standard error.
fn tell_what_failed(kept: Result<Recorded, StoreError>) {
    match kept {
        Ok(Recorded { delivered, removed }) => {
            for concern in &delivered.concerns {
                tell(&format!("warning: failed to {concern}"));
            }
            if let Err(error) = removed {
                tell_error(&error);
            }
        }
        Err(error) => tell_error(&error),
    }
}

fn count_of_endpoints(count: usize) -> String {
    if count == 1 { "one endpoint".to_owned() } else { format!("{count} endpoints") }
}

//! `checker beat`: a job reports in, by writing its heartbeat to the store.

use shared::check_file::shortened;
use shared::heartbeat::{FAILURE_LIMIT, Heartbeat};
use shared::suggest::suggest;

use super::{NoStorage, Outcome, load};
use crate::checks::CheckKind;
use crate::cli::BeatArguments;
use crate::config::model::Config;
use crate::now;
use crate::store::Store;
use crate::ui;

/// Writes the heartbeat.
pub async fn beat(arguments: &BeatArguments) -> anyhow::Result<Outcome> {
    let config = load(&arguments.config.config, None)?;
    let Some(storage) = &config.storage else {
        return Err(NoStorage(arguments.config.config.display().to_string()).into());
    };
    let failed = arguments.failed.clone().map(|text| shortened(text, FAILURE_LIMIT));
    let beat = Heartbeat { at: now(), exit_status: arguments.exit_status, failed };
    let store = Store::open(storage).await;
    store.put(&arguments.job, beat.write().into()).await?;
    // On standard output, so that a job in cron can send it away and still hear of what goes wrong.
    let what = if beat.failure().is_some() { "failure" } else { "heartbeat" };
    ui::print_line(&format!("{what} of `{}` stored as {} in {}", arguments.job.job(), arguments.job, store.describe()));
    note_if_nobody_waits(&config, arguments.job.job());
    Ok(Outcome::Done)
}

/// A name that is only nearly right would leave a check waiting for ever. Where the file has no such checks, they
/// are made elsewhere.
fn note_if_nobody_waits(config: &Config, job: &str) {
    let watched = config.checks.iter().filter_map(|check| match &check.kind {
        CheckKind::Heartbeat(heartbeat) => Some(heartbeat.name.job()),
        _ => None,
    });
    let watched: Vec<&str> = watched.collect();
    if watched.is_empty() || watched.contains(&job) {
        return;
    }
    let remedy = suggest(job, watched.iter().copied()).map(|near| format!("; did you mean `{near}`?"));
    ui::note(&format!("no check of this configuration waits for `{job}`{}", remedy.unwrap_or_default()));
}

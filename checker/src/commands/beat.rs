//! `checker beat`: stores a job's heartbeat.

use shared::check_file::shortened;
use shared::heartbeat::{FAILURE_LIMIT, Heartbeat};
use shared::suggest::suggest;

use super::{MissingStorage, Outcome, load};
use crate::checks::CheckKind;
use crate::cli::BeatArguments;
use crate::config::model::Config;
use crate::now;
use crate::store::Store;
use crate::ui;

pub async fn beat(arguments: &BeatArguments) -> anyhow::Result<Outcome> {
    let config = load(&arguments.config.config, None)?;
    let Some(storage) = &config.storage else {
        return Err(MissingStorage(arguments.config.config.display().to_string()).into());
    };
    let failed = arguments.failed.clone().map(|text| shortened(text, FAILURE_LIMIT));
    let beat = Heartbeat { at: now(), exit_status: arguments.exit_status, failed };
    let store = Store::open(storage).await;
    store.put(&arguments.job, beat.write().into()).await?;
    // The confirmation goes to standard output, so a cron job can discard it and still report errors.
    let what = if beat.failure().is_some() { "failure" } else { "heartbeat" };
    ui::print_line(&format!("{what} of `{}` stored as {} in {}", arguments.job.job(), arguments.job, store.describe()));
    note_if_unused(&config, arguments.job.job());
    Ok(Outcome::Done)
}

/// Prints a note if no check in this configuration uses the job: its name may be misspelled, and its check would then
/// wait indefinitely. Without any heartbeat checks, nothing is printed, because another node may have them.
fn note_if_unused(config: &Config, job: &str) {
    let jobs = config.checks.iter().filter_map(|check| match &check.kind {
        CheckKind::Heartbeat(heartbeat) => Some(heartbeat.name.job()),
        _ => None,
    });
    let jobs: Vec<&str> = jobs.collect();
    if jobs.is_empty() || jobs.contains(&job) {
        return;
    }
    let remedy = suggest(job, jobs.iter().copied()).map(|near| format!("; did you mean `{near}`?"));
    ui::note(&format!("no check in this configuration uses the job `{job}`{}", remedy.unwrap_or_default()));
}

//! Writes the metrics of a single round to a file, and the metrics that `checker status` prints.

use shared::UnixNanos;
use shared::announced::Posted;
use shared::check_file::CheckResult;
use shared::object_name::NodeName;

use super::announcements::announcements;
use crate::config::model::Config;
use crate::metrics::document::MetricsDocument;
use crate::metrics::exposition::Exposition;
use crate::metrics::figures::{LONGEST_RANGE, StoreFigures};
use crate::metrics::{NotificationCounts, file};
use crate::recorder::Recorder;
use crate::recorder::history_reader::{Detail, histories};
use crate::recorder::history_writer::HistoryError;
use crate::store::spool::Spool;
use crate::time_range;
use crate::ui;

/// Writes the metrics after a round, if a file is configured. Problems are reported, and do not fail the round.
pub(super) async fn write_metrics_file(config: &Config, recorder: &Recorder, results: &[CheckResult], now: UnixNanos) {
    let Some(path) = &config.metrics_file else { return };
    let figures = match figures(config, recorder, now).await {
        Ok(figures) => Some(figures),
        Err(error) => {
            ui::warn(&format!("metrics lack the figures of the store: {error}"));
            None
        }
    };
    let text = document(&config.node, results, figures.as_ref(), recorder.spool(), now).await;
    if let Err(error) = file::write(path, &text) {
        ui::warn(&error.to_string());
    }
}

/// Reads the store and computes its figures.
async fn figures(config: &Config, recorder: &Recorder, now: UnixNanos) -> Result<StoreFigures, HistoryError> {
    let (store, page) = (recorder.store(), &config.page.config);
    let loaded = histories(store, time_range::start(LONGEST_RANGE, now), now, Detail::Status).await?;
    let announcements = announcements(store, loaded.digests, page, now).await;
    let posted = Posted { announcements: &announcements, groups: &page.appearance.groups };
    Ok(StoreFigures::new(&loaded.histories, posted, &config.objectives, now))
}

/// Returns the metrics of a process that runs at most one round.
pub(super) async fn document(
    node: &NodeName,
    results: &[CheckResult],
    figures: Option<&StoreFigures>,
    spool: &Spool,
    now: UnixNanos,
) -> String {
    let spool_rounds = spool.waiting().await.ok().map(|rounds| rounds.len());
    let notifications = &NotificationCounts::new();
    let results = newest(results).into_iter();
    MetricsDocument { node, results, figures, spool_rounds, notifications }.write(Exposition::Text, now)
}

/// Returns the newest result of each check. A round can also contain earlier results of unconfirmed failures.
fn newest(results: &[CheckResult]) -> Vec<&CheckResult> {
    let mut newest: Vec<&CheckResult> = results.iter().collect();
    newest.sort_by(|one, other| {
        let key = |result: &CheckResult| (result.endpoint_key(), -result.timestamp);
        key(one).cmp(&key(other))
    });
    newest.dedup_by(|one, other| one.endpoint_key() == other.endpoint_key());
    newest
}

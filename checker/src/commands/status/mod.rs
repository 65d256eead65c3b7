//! `checker status`: prints the status of all endpoints and nodes from stored results, as a table for people and, in
//! [`json`], as JSON for programs. The figures are the same as on the page.

mod announced;
mod json;
mod percentiles;
mod table;

use std::sync::Arc;
use std::time::Duration;

use jiff::tz::TimeZone;
use shared::UnixNanos;
use shared::announced::Posted;
use shared::budget::{ErrorBudget, Objective};
use shared::endpoint_map::EndpointMap;
use shared::endpoint_status::{EndpointStatus, current_statuses, endpoint_statuses, of_incomplete, overall_status};
use shared::history::History;
use shared::object_name::{HistoryPart, NodeName};
use shared::response_times::MAX_CHECK_RANGE;
use shared::status::Status;
use shared::uptime::Ratio;

use super::announcements::announcements;
use super::metrics_file::document;
use super::{MissingStorage, Outcome, load};
use crate::cli::{StatusArguments, StatusFormat};
use crate::config::model::Config;
use crate::counted;
use crate::doctor::kind_conflict;
use crate::metrics::figures::{self, StoreFigures};
use crate::now;
use crate::recorder::check_files::SkippedResults;
use crate::recorder::history_reader::{Detail, Histories, histories};
use crate::recorder::history_writer::HistoryError;
use crate::recorder::measurements::{ShownEndpoints, measurements};
use crate::recorder::own_results::newest_results;
use crate::sanitize::sanitize_for_terminal;
use crate::store::Store;
use crate::store::settings::Storage;
use crate::store::spool::Spool;
use crate::time_range;
use crate::ui;
use json::{Details, JsonReport, Measurements};
use percentiles::percentiles;

/// The maximum number of endpoints for which the table has response times. More would take long to read.
const MAX_WITH_PERCENTILES: usize = 1_000;
/// The maximum number of unreadable check files to list by name. Others are only counted.
const FILES_NAMED: usize = 5;
/// The maximum length of a reason, in characters. Longer reasons are truncated.
const REASON_WIDTH: usize = 160;

pub async fn status(arguments: &StatusArguments) -> anyhow::Result<Outcome> {
    let config = load(&arguments.config.config, None)?;
    let Some(storage) = &config.storage else {
        return Err(MissingStorage(arguments.config.config.display().to_string()).into());
    };
    let store = Arc::new(Store::open(storage).await);
    if arguments.watch {
        return watch(arguments, &config, storage, &store).await;
    }
    show(arguments, &config, storage, &store).await
}

/// Shows the table again after each refresh interval of the page, until the operator stops the command.
async fn watch(
    arguments: &StatusArguments,
    config: &Config,
    storage: &Storage,
    store: &Arc<Store>,
) -> anyhow::Result<Outcome> {
    loop {
        ui::clear_screen();
        // A store that is unreachable for a while does not end the command.
        if let Err(error) = show(arguments, config, storage, store).await {
            ui::error(error.as_ref());
        }
        tokio::time::sleep(Duration::from_nanos(config.page.config.refresh.unsigned_abs())).await;
    }
}

/// Reads the store and shows the status in the selected format.
async fn show(
    arguments: &StatusArguments,
    config: &Config,
    storage: &Storage,
    store: &Arc<Store>,
) -> anyhow::Result<Outcome> {
    let now = now();
    let format = arguments.format();
    let range = match format {
        // Metrics have several ranges, and the longest one includes the others.
        StatusFormat::Prometheus => figures::LONGEST_RANGE,
        StatusFormat::Table | StatusFormat::Json => arguments.range.unwrap_or(config.page.config.range),
    };
    let edges = time_range::edges(range, now);
    let from = time_range::start(range, now);
    // Only the JSON output includes details.
    let is_detailed = arguments.full && format == StatusFormat::Json;
    let is_by_check = range <= MAX_CHECK_RANGE;
    let detail = if is_detailed && !is_by_check { Detail::Latencies } else { Detail::Status };
    let loaded = histories(store, from, now, detail).await.map_err(without_history_context)?;
    report_unreadable(&loaded);
    let mut endpoints = endpoint_statuses(&loaded.histories);
    endpoints.retain(|endpoint| endpoint.is_within(from));
    let statuses = current_statuses(&endpoints, now);
    report_conflicts(&endpoints, now);
    let is_incomplete = loaded.is_incomplete;
    let objectives = Arc::clone(&config.objectives);
    let histories = &loaded.histories;
    let page = &config.page.config;
    let announcements = announcements(store, loaded.digests, page, now).await;
    let posted = Posted { announcements: &announcements, groups: &page.appearance.groups };
    let mut report = StatusReport { from, now, endpoints, statuses, is_incomplete, objectives, histories, posted };
    match format {
        StatusFormat::Json if is_detailed => {
            let measurements = if is_by_check {
                let shown = ShownEndpoints::new(report.endpoints.iter().map(|endpoint| &*endpoint.key));
                let (measurements, left_out) = measurements(store, &shown, from, now).await?;
                for left_out in &left_out {
                    ui::warn(&left_out.to_string());
                }
                report.is_incomplete |= !left_out.is_empty();
                Measurements::Checks(measurements)
            } else {
                Measurements::from_histories(report.histories, &loaded.latencies)?
            };
            let details = Details { edges: &edges, measurements };
            ui::stdout_json(&JsonReport { report: &report, details: Some(&details) })?;
        }
        StatusFormat::Json => ui::stdout_json(&JsonReport { report: &report, details: None })?,
        StatusFormat::Table => {
            let measured = if report.endpoints.len() <= MAX_WITH_PERCENTILES {
                percentiles(store, report.histories, &report.endpoints, (from, now + 1)).await
            } else {
                Vec::new()
            };
            ui::stdout(&report.table(&measured, &TimeZone::system()))?;
        }
        StatusFormat::Prometheus => {
            let figures = StoreFigures::new(report.histories, report.posted, &report.objectives, now);
            let own = report.histories.iter().find(|history| history.node.as_ref() == Some(&config.node));
            let results = match own {
                Some(own) => newest_results(store, &config.node, own, now).await?,
                None => Vec::new(),
            };
            let spool = Spool::open(&config.spool_dir, storage, &config.node);
            ui::stdout(&document(&config.node, &results, Some(&figures), &spool, now).await)?;
        }
    }
    Ok(match arguments.fail_on {
        Some(limit) if report.overall() >= limit => Outcome::Found,
        _ => Outcome::Done,
    })
}

/// Warns about invalid objects in the store. All others are still used.
fn report_unreadable(loaded: &Histories) {
    if let Some(cause) = &loaded.unlisted {
        ui::warn(&format!("using check files instead of histories: {cause}"));
    }
    for (name, cause) in &loaded.unreadable {
        ui::warn(&match name.part {
            HistoryPart::Main => format!("using check files instead of the unreadable history `{name}`: {cause}"),
            HistoryPart::Latency => format!("percentiles are missing because `{name}` is unreadable: {cause}"),
        });
    }
    for (name, cause) in loaded.file_problems.unreadable.iter().take(FILES_NAMED) {
        let cause = sanitize_for_terminal(cause, REASON_WIDTH);
        ui::warn(&format!("skipped the unreadable check file `{name}`: {cause}"));
    }
    let others = loaded.file_problems.unreadable.len().saturating_sub(FILES_NAMED);
    if others > 0 {
        ui::warn(&format!("skipped {}", counted(others, "more unreadable check file")));
    }
    for SkippedResults { file, count, first } in loaded.file_problems.skipped.iter().take(FILES_NAMED) {
        let reason = sanitize_for_terminal(&first.reason, REASON_WIDTH);
        let (count, index) = (counted(*count, "invalid result"), first.index);
        ui::warn(&format!("skipped {count} in the check file `{file}`, the first at index {index}: {reason}"));
    }
    for left_out in &loaded.left_out {
        ui::warn(&left_out.to_string());
    }
}

/// Warns about endpoints that nodes check in different ways.
fn report_conflicts(endpoints: &[EndpointStatus<'_>], now: UnixNanos) {
    for endpoint in endpoints {
        if let Some(conflict) = kind_conflict::describe(endpoint, now) {
            ui::warn(&format!("{conflict}: {}", kind_conflict::REMEDY));
        }
    }
}

/// Unwraps a store error, because this command does not update histories.
fn without_history_context(error: HistoryError) -> anyhow::Error {
    match error {
        HistoryError::Store(error) => error.into(),
        other => other.into(),
    }
}

struct StatusReport<'a> {
    from: UnixNanos,
    now: UnixNanos,
    endpoints: Vec<EndpointStatus<'a>>,
    /// The status of each endpoint, and whether it is retired.
    statuses: Vec<(Status, bool)>,
    /// Whether the store may contain endpoints that are not shown, because part of it is unreadable.
    is_incomplete: bool,
    objectives: Arc<EndpointMap<Objective>>,
    histories: &'a [History],
    posted: Posted<'a>,
}

impl StatusReport<'_> {
    fn overall(&self) -> Status {
        let status = overall_status(&mut self.statuses.iter().copied());
        if self.is_incomplete { of_incomplete(status) } else { status }
    }

    /// Returns the objective of an endpoint and its error budget, if it has an objective: the configured one, or the one
    /// that another node stored.
    fn budget(&self, endpoint: &EndpointStatus<'_>) -> Option<(Objective, ErrorBudget)> {
        let objective =
            self.objectives.get(&endpoint.key).copied().or(endpoint.latest.objective.as_deref().copied())?;
        Some((objective, objective.budget(&endpoint.spans(self.now), self.now)))
    }

    /// Returns an endpoint's uptime outside of maintenance that was announced before it began.
    fn uptime_outside(&self, endpoint: &EndpointStatus<'_>) -> Option<Ratio> {
        let spans = endpoint.spans(self.now);
        self.posted.planned(&endpoint.key.title, &spans).outside(&spans, self.from, self.now).uptime()
    }
}

fn name_of(node: Option<&NodeName>) -> String {
    node.map_or_else(|| "the unnamed node".to_owned(), ToString::to_string)
}

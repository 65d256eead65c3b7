//! `checker status`: prints the status of all endpoints and nodes from stored results, as a table for people and, in
//! [`json`], as JSON for programs. The figures are the same as on the page.

mod announced;
mod json;

use std::fmt::Write as _;
use std::sync::Arc;

use anstyle::{AnsiColor, Style};
use jiff::tz::TimeZone;
use shared::announced::Posted;
use shared::budget::{ErrorBudget, Objective};
use shared::endpoint_map::EndpointMap;
use shared::endpoint_status::{
    EndpointStatus, NodeStatus, current_statuses, endpoint_statuses, of_incomplete, overall_status, status_words,
};
use shared::history::History;
use shared::object_name::{HistoryPart, NodeName};
use shared::quorum::Tally;
use shared::response_times::MAX_CHECK_RANGE;
use shared::status::Status;
use shared::uptime::{Ratio, UptimeBreakdown};
use shared::{UnixNanos, duration};

use super::announcements::announcements;
use super::metrics_file::document;
use super::{MissingStorage, Outcome, load};
use crate::cli::{StatusArguments, StatusFormat};
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
use crate::store::spool::Spool;
use crate::time_range;
use crate::ui;
use crate::ui::table::style_of;
use json::{Details, JsonReport, Measurements};

/// The minimum width of the status column, in characters.
const STATUS_WIDTH: usize = 9;
/// The maximum width of the title column, in characters.
const TITLE_WIDTH: usize = 40;
/// The maximum number of unreadable check files to list by name. Others are only counted.
const FILES_NAMED: usize = 5;
/// The style of a problem that announced maintenance covers.
const PLANNED: Style = AnsiColor::Blue.on_default();
/// The maximum length of a reason, in characters. Longer reasons are truncated.
const REASON_WIDTH: usize = 160;

pub async fn status(arguments: &StatusArguments) -> anyhow::Result<Outcome> {
    let config = load(&arguments.config.config, None)?;
    let Some(storage) = &config.storage else {
        return Err(MissingStorage(arguments.config.config.display().to_string()).into());
    };
    let now = now();
    let range = match arguments.format {
        // Metrics have several ranges, and the longest one includes the others.
        StatusFormat::Prometheus => figures::LONGEST_RANGE,
        StatusFormat::Table | StatusFormat::Json => arguments.range.unwrap_or(config.page.config.range),
    };
    let edges = time_range::edges(range, now);
    let from = time_range::start(range, now);
    let store = Arc::new(Store::open(storage).await);
    // Only the JSON output includes details.
    let is_detailed = arguments.full && arguments.format == StatusFormat::Json;
    let is_by_check = range <= MAX_CHECK_RANGE;
    let detail = if is_detailed && !is_by_check { Detail::Latencies } else { Detail::Status };
    let loaded = histories(&store, from, now, detail).await.map_err(without_history_context)?;
    report_unreadable(&loaded);
    let mut endpoints = endpoint_statuses(&loaded.histories);
    endpoints.retain(|endpoint| endpoint.is_within(from));
    let statuses = current_statuses(&endpoints, now);
    report_conflicts(&endpoints, now);
    let is_incomplete = loaded.is_incomplete;
    let objectives = Arc::clone(&config.objectives);
    let histories = &loaded.histories;
    let page = &config.page.config;
    let announcements = announcements(&store, loaded.digests, page, now).await;
    let posted = Posted { announcements: &announcements, groups: &page.appearance.groups };
    let mut report = StatusReport { from, now, endpoints, statuses, is_incomplete, objectives, histories, posted };
    match arguments.format {
        StatusFormat::Json if is_detailed => {
            let measurements = if is_by_check {
                let shown = ShownEndpoints::new(report.endpoints.iter().map(|endpoint| &*endpoint.key));
                let (measurements, left_out) = measurements(&store, &shown, from, now).await?;
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
        StatusFormat::Table => ui::stdout(&report.table())?,
        StatusFormat::Prometheus => {
            let figures = StoreFigures::new(report.histories, report.posted, &report.objectives, now);
            let own = report.histories.iter().find(|history| history.node.as_ref() == Some(&config.node));
            let results = match own {
                Some(own) => newest_results(&store, &config.node, own, now).await?,
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

    fn table(&self) -> String {
        let mut text = String::new();
        let width = self
            .endpoints
            .iter()
            .map(|endpoint| sanitize_for_terminal(&endpoint.key.title, TITLE_WIDTH).chars().count());
        let width = width.max().unwrap_or(0).max("ENDPOINT".len());
        let rows = self.endpoints.iter().zip(&self.statuses);
        let rows: Vec<(&EndpointStatus<'_>, Tally, &str)> = rows
            .map(|(endpoint, (_, is_retired))| {
                let tally = endpoint.tally(self.now);
                let words = status_words(tally.status, tally.is_localized(), *is_retired);
                (endpoint, tally, words)
            })
            .collect();
        let status_width = rows.iter().map(|(_, _, words)| words.len()).max().unwrap_or(0).max(STATUS_WIDTH);
        let heading =
            format!("  {:<status_width$} {:<width$}  {:>9}  {:>9}", "STATUS", "ENDPOINT", "UPTIME", "OBSERVED");
        let bold = anstyle::Style::new().bold();
        let _ = writeln!(text, "{bold}{heading}{bold:#}");
        for (endpoint, tally, words) in rows {
            self.row(&mut text, endpoint, &tally, &format!("{words:<status_width$}"), width);
        }
        if self.endpoints.is_empty() {
            let _ = writeln!(text, "  no results in this time range");
        }
        text.push_str(&announced::table(&self.posted, self.now, &TimeZone::system()));
        let _ = writeln!(text);
        for history in self.histories {
            let _ = writeln!(text, "{}", self.node_line(history));
        }
        text
    }

    fn row(&self, text: &mut String, endpoint: &EndpointStatus<'_>, tally: &Tally, words: &str, width: usize) {
        let breakdown = endpoint.breakdown(self.from, self.now);
        let UptimeColumns { uptime, observed } = UptimeColumns::new(breakdown);
        let planned = self.posted.planned(&endpoint.key.title, &endpoint.spans(self.now));
        let planned_until = planned.until(tally.status, self.now);
        // A problem that was announced is not an alarm.
        let style = if planned_until.is_some() { PLANNED } else { style_of(tally.status) };
        let symbol = if tally.is_localized() { '◐' } else { tally.status.symbol() };
        let budget = self
            .budget(endpoint)
            .map(|(objective, budget)| format!("  error budget: {} left ({objective})", budget.percent_left()));
        let _ = writeln!(
            text,
            "{style}{symbol} {words}{style:#} {:<width$}  {uptime:>9}  {observed:>9}{}{}{style}{}{}{style:#}",
            sanitize_for_terminal(&endpoint.key.title, TITLE_WIDTH),
            announced::outside(self.uptime_outside(endpoint), &uptime),
            budget.unwrap_or_default(),
            announced::planned(planned_until, self.now, &TimeZone::system()),
            detail(endpoint, tally),
        );
    }

    fn node_line(&self, history: &History) -> String {
        let name = name_of(history.node.as_ref());
        let Some(newest) = history.newest() else { return format!("{name} has not reported") };
        let ago = duration::format_coarse(self.now.saturating_sub(newest));
        let mut line = if history.is_overdue(self.now) {
            let style = style_of(Status::Down);
            format!("{style}{name} is late: it last reported {ago} ago{style:#}")
        } else if newest > self.now {
            let ahead = duration::format_coarse(newest.saturating_sub(self.now));
            format!("{name} last reported just now (its clock is {ahead} ahead)")
        } else {
            format!("{name} last reported {ago} ago")
        };
        if let Some(evidence) = history.duplicate_node_evidence() {
            let _ = write!(
                line,
                "; it stored {} rounds instead of {}: if two checkers share this name, give each its own",
                evidence.stored, evidence.expected
            );
        }
        line
    }
}

struct UptimeColumns {
    uptime: String,
    observed: String,
}

impl UptimeColumns {
    fn new(breakdown: UptimeBreakdown) -> UptimeColumns {
        let text = |ratio: Option<Ratio>| ratio.map_or_else(|| "–".to_owned(), Ratio::percent);
        UptimeColumns { uptime: text(breakdown.uptime()), observed: text(breakdown.coverage()) }
    }
}

/// Describes why the endpoint is not healthy, and which nodes report it.
fn detail(endpoint: &EndpointStatus<'_>, tally: &Tally) -> String {
    let down = || tally.down.iter().filter_map(|index| endpoint.nodes.get(*index));
    let reason = |mut nodes: Box<dyn Iterator<Item = &NodeStatus<'_>> + '_>| {
        let reason = nodes.find_map(|node| node.reason);
        reason.map(|reason| format!(": {}", sanitize_for_terminal(reason, REASON_WIDTH))).unwrap_or_default()
    };
    if tally.is_localized() {
        let names: Vec<String> = down().map(|node| name_of(node.node)).collect();
        let others = tally.voters - tally.down.len();
        return format!(
            "  unreachable from {}, reachable from {}{}",
            names.join(", "),
            if others == 1 { "one other".to_owned() } else { format!("{others} others") },
            reason(Box::new(down()))
        );
    }
    match tally.status {
        Status::Down => reason(Box::new(down())).replacen(": ", "  ", 1),
        Status::Degraded => reason(Box::new(endpoint.nodes.iter())).replacen(": ", "  ", 1),
        Status::Healthy | Status::Unknown => String::new(),
    }
}

fn name_of(node: Option<&NodeName>) -> String {
    node.map_or_else(|| "the unnamed node".to_owned(), ToString::to_string)
}

//! `checker status`: what the store says about all endpoints and nodes, for people and, in [`json`], for machines. The
//! figures are those of the page.

mod json;

use std::fmt::Write as _;
use std::sync::Arc;

use chrono::{DateTime, Days, Local, NaiveDate, NaiveTime, Timelike as _};
use shared::aggregate::{EndpointStatus, NodeStatus, current_statuses, endpoint_statuses, overall_status};
use shared::history::History;
use shared::object_name::NodeName;
use shared::quorum::Tally;
use shared::response_times::MAX_CHECK_RANGE;
use shared::status::Status;
use shared::uptime::{Ratio, UptimeBreakdown};
use shared::{DAY, HOUR, Nanos, SECOND, UnixNanos, duration};

use super::{NoStorage, Outcome, load};
use crate::cli::{Format, StatusArguments};
use crate::now;
use crate::recorder::history_reader::{Detail, histories, measurements};
use crate::recorder::history_writer::HistoryError;
use crate::sanitize::sanitize_for_terminal;
use crate::store::Store;
use crate::ui;
use crate::ui::table::style_of;
use json::{Details, Measurements};

/// The widest a column of titles gets, in characters.
const TITLE_WIDTH: usize = 40;
/// The most of a reason that is printed, in characters.
const REASON_WIDTH: usize = 160;

/// Prints how everything stands.
pub async fn status(arguments: &StatusArguments) -> anyhow::Result<Outcome> {
    let config = load(&arguments.config.config, None)?;
    let Some(storage) = &config.storage else {
        return Err(NoStorage(arguments.config.config.display().to_string()).into());
    };
    let now = now();
    let range = arguments.range.unwrap_or(config.page.told.range);
    let edges = edges_of(range, now);
    let from = edges[0];
    let store = Arc::new(Store::open(storage).await);
    // A table has no room for details.
    let is_detailed = arguments.details && arguments.format == Format::Json;
    let is_by_check = range <= MAX_CHECK_RANGE;
    let detail = if is_detailed && !is_by_check { Detail::Latencies } else { Detail::Status };
    let outlook = histories(&store, from, now, detail).await.map_err(to_be_told)?;
    for (name, cause) in &outlook.unreadable {
        ui::warn(&format!("history unreadable, check files fill in: `{name}`: {cause}"));
    }
    let mut standings = endpoint_statuses(&outlook.histories);
    standings.retain(|standing| standing.is_within(from));
    let statuses = current_statuses(&standings, now);
    let told = Told { from, now, standings, statuses, histories: outlook.histories };
    match arguments.format {
        Format::Json if is_detailed => {
            let measurements = if is_by_check {
                Measurements::Checks(measurements(&store, from, now).await.map_err(to_be_told)?)
            } else {
                Measurements::kept(&told.histories, &outlook.latencies)?
            };
            ui::stdout(&format!("{}\n", told.json(Some(&Details { edges: &edges, measurements }))))?;
        }
        Format::Json => ui::stdout(&format!("{}\n", told.json(None)))?,
        Format::Table => ui::stdout(&told.table())?,
    }
    Ok(match arguments.fail_on {
        Some(limit) if told.overall() >= limit => Outcome::Found,
        _ => Outcome::Done,
    })
}

/// A store that cannot be read is told as that: nobody keeps a history here.
fn to_be_told(error: HistoryError) -> anyhow::Error {
    match error {
        HistoryError::Store(error) => error.into(),
        other => other.into(),
    }
}

/// The edges of the hours or days of a range that ends now, by this machine's clock: as on the page, hours up to
/// [`MAX_CHECK_RANGE`], days else, of which the last one holds now.
fn edges_of(range: Nanos, now: UnixNanos) -> Vec<UnixNanos> {
    let local = |moment| DateTime::from_timestamp_nanos(moment).with_timezone(&Local);
    if range <= MAX_CHECK_RANGE {
        let in_hour = |moment| {
            let local = local(moment);
            let seconds = i64::from(local.minute()) * 60 + i64::from(local.second());
            seconds * SECOND + i64::from(local.nanosecond() % 1_000_000_000)
        };
        let mut edges = vec![now - range - in_hour(now - range)];
        while edges[edges.len() - 1] <= now {
            let last = edges[edges.len() - 1];
            edges.push(last + HOUR - in_hour(last));
        }
        return edges;
    }
    let days = ((range + DAY - 1) / DAY).unsigned_abs();
    let first = local(now).date_naive() - Days::new(days - 1);
    (0..=days).map(|day| start_of_day(first + Days::new(day))).collect()
}

/// The first moment of a day by this machine's clock; where it is set forward at midnight, the first one that it shows.
fn start_of_day(date: NaiveDate) -> UnixNanos {
    let shown = (0..4).find_map(|hour| date.and_hms_opt(hour, 0, 0)?.and_local_timezone(Local).earliest());
    let shown = shown.and_then(|shown| shown.timestamp_nanos_opt());
    shown.unwrap_or_else(|| date.and_time(NaiveTime::MIN).and_utc().timestamp_nanos_opt().unwrap_or_default())
}

/// All that is told.
struct Told {
    from: UnixNanos,
    now: UnixNanos,
    standings: Vec<EndpointStatus>,
    /// The status of each of them, and whether nobody means to look at it any more.
    statuses: Vec<(Status, bool)>,
    histories: Vec<History>,
}

impl Told {
    fn overall(&self) -> Status {
        overall_status(&mut self.statuses.iter().copied())
    }

    fn table(&self) -> String {
        let mut text = String::new();
        let width = self
            .standings
            .iter()
            .map(|standing| sanitize_for_terminal(&standing.key.title, TITLE_WIDTH).chars().count());
        let width = width.max().unwrap_or(0).max("ENDPOINT".len());
        let heading = format!("  {:<9} {:<width$}  {:>9}  {:>9}", "STATUS", "ENDPOINT", "UPTIME", "OBSERVED");
        let bold = anstyle::Style::new().bold();
        let _ = writeln!(text, "{bold}{heading}{bold:#}");
        for standing in &self.standings {
            self.row(&mut text, standing, width);
        }
        if self.standings.is_empty() {
            let _ = writeln!(text, "  nothing is known: no check file is in this time");
        }
        let _ = writeln!(text);
        for history in &self.histories {
            let _ = writeln!(text, "{}", self.observer(history));
        }
        text
    }

    fn row(&self, text: &mut String, standing: &EndpointStatus, width: usize) {
        let present = standing.tally(self.now);
        let Reckoned { uptime, observed } = Reckoned::of(standing.breakdown(self.from, self.now));
        let style = style_of(present.status);
        let (shape, word) = if present.is_localized() {
            ('◐', "localized")
        } else {
            (present.status.symbol(), present.status.as_str())
        };
        let _ = writeln!(
            text,
            "{style}{shape} {word:<9}{style:#} {:<width$}  {uptime:>9}  {observed:>9}{style}{}{style:#}",
            sanitize_for_terminal(&standing.key.title, TITLE_WIDTH),
            detail(standing, &present),
        );
    }

    fn observer(&self, history: &History) -> String {
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
        if let Some(crowd) = history.duplicate_node_evidence() {
            let _ = write!(
                line,
                "; it stored {} rounds where its interval gives {}: have two checkers this name? Give each one of its own",
                crowd.stored, crowd.expected
            );
        }
        line
    }
}

/// Shares as text.
struct Reckoned {
    uptime: String,
    observed: String,
}

impl Reckoned {
    fn of(breakdown: UptimeBreakdown) -> Reckoned {
        let text = |share: Option<Ratio>| share.map_or_else(|| "–".to_owned(), Ratio::percent);
        Reckoned { uptime: text(breakdown.uptime()), observed: text(breakdown.coverage()) }
    }
}

/// Who sees what, where not all is well.
fn detail(standing: &EndpointStatus, present: &Tally) -> String {
    let down = || present.down.iter().filter_map(|place| standing.nodes.get(*place));
    let reason = |mut nodes: Box<dyn Iterator<Item = &NodeStatus> + '_>| {
        let reason = nodes.find_map(|node| node.reason.as_deref());
        reason.map(|reason| format!(": {}", sanitize_for_terminal(reason, REASON_WIDTH))).unwrap_or_default()
    };
    if present.is_localized() {
        let names: Vec<String> = down().map(|node| name_of(node.node.as_ref())).collect();
        let others = present.voters - present.down.len();
        return format!(
            "  unreachable from {}, reachable from {}{}",
            names.join(", "),
            if others == 1 { "one other".to_owned() } else { format!("{others} others") },
            reason(Box::new(down()))
        );
    }
    match present.status {
        Status::Down => reason(Box::new(down())).replacen(": ", "  ", 1),
        Status::Degraded => reason(Box::new(standing.nodes.iter())).replacen(": ", "  ", 1),
        Status::Healthy | Status::Unknown => String::new(),
    }
}

fn name_of(node: Option<&NodeName>) -> String {
    node.map_or_else(|| "a checker without a name".to_owned(), ToString::to_string)
}

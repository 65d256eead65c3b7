//! The table of `checker status`: the overall status in a sentence, a row for each endpoint, announcements, and a line for
//! each node. Pure.

use std::fmt::Write as _;

use anstyle::{AnsiColor, Style};
use jiff::tz::TimeZone;
use shared::endpoint_status::{EndpointStatus, NodeStatus, status_words};
use shared::history::History;
use shared::quorum::Tally;
use shared::status::Status;
use shared::uptime::Ratio;
use shared::{Nanos, duration};

use super::{REASON_WIDTH, StatusReport, announced, name_of};
use crate::headline::{Audience, CurrentStatus, HeadlineContext, headline};
use crate::notify::time_text::Clock;
use crate::sanitize::sanitize_for_terminal;
use crate::ui::table::style_of;

/// The minimum width of the status column, in characters.
const STATUS_WIDTH: usize = 9;
/// The maximum width of the title column, in characters.
const TITLE_WIDTH: usize = 40;
/// The style of a problem that announced maintenance covers.
const PLANNED: Style = AnsiColor::Blue.on_default();

/// The cells of an endpoint's row. A figure that was not measured is blank.
struct Row {
    style: Style,
    symbol: char,
    words: &'static str,
    title: String,
    since: String,
    uptime: String,
    observed: String,
    p95: String,
    /// The error budget, maintenance, and the reason for a problem.
    remarks: String,
}

/// The widths of the columns, in characters.
struct Widths {
    words: usize,
    title: usize,
    since: usize,
}

impl StatusReport<'_> {
    /// Formats the report with ANSI styles, which the output stream removes if necessary. `percentiles` are those of the
    /// endpoints, if they are known, and times are in `zone`.
    pub(super) fn table(&self, percentiles: &[Option<Nanos>], zone: &TimeZone) -> String {
        let clock = Clock::new(self.now, zone);
        let mut current = Vec::with_capacity(self.endpoints.len());
        let mut rows = Vec::with_capacity(self.endpoints.len());
        let percentiles = percentiles.iter().copied().chain(std::iter::repeat(None));
        for ((endpoint, (_, is_retired)), p95) in self.endpoints.iter().zip(&self.statuses).zip(percentiles) {
            let tally = endpoint.tally(self.now);
            let planned = self.posted.planned(&endpoint.key.title, &endpoint.spans(self.now));
            let status = CurrentStatus::new(endpoint, *is_retired, planned.until(tally.status, self.now), self.now);
            rows.push(self.row(endpoint, &status, &tally, (p95, zone, &clock)));
            current.push(status);
        }
        let context = HeadlineContext {
            audience: Audience::Operators,
            is_incomplete: self.is_incomplete,
            from: self.from,
            now: self.now,
            zone,
        };
        let headline = headline(&current, context);
        let (bold, style) = (Style::new().bold(), style_of(headline.status));
        let mut text = format!("{style}{bold}{}{style:#}{bold:#}\n", headline.sentence);
        if !headline.details.is_empty() {
            let _ = writeln!(text, "{}", headline.details);
        }
        if !rows.is_empty() {
            let _ = writeln!(text);
            write_rows(&mut text, &rows);
        }
        text.push_str(&announced::table(&self.posted, self.now, zone));
        let _ = writeln!(text);
        for history in self.histories {
            let _ = writeln!(text, "{}", self.node_line(history));
        }
        text
    }

    fn row(
        &self,
        endpoint: &EndpointStatus<'_>,
        current: &CurrentStatus,
        tally: &Tally,
        (p95, zone, clock): (Option<Nanos>, &TimeZone, &Clock),
    ) -> Row {
        let breakdown = endpoint.breakdown(self.from, self.now);
        let percent = |ratio: Option<Ratio>| ratio.map(Ratio::percent).unwrap_or_default();
        let uptime = percent(breakdown.uptime());
        // A problem that was announced is not an alarm.
        let style = if current.planned_until.is_some() { PLANNED } else { style_of(tally.status) };
        let budget = self
            .budget(endpoint)
            .map(|(objective, budget)| format!("  error budget: {} left ({objective})", budget.percent_left()));
        let planned = announced::planned(current.planned_until, self.now, zone);
        let mut remarks = announced::outside(self.uptime_outside(endpoint), &uptime) + &budget.unwrap_or_default();
        match planned + &detail(endpoint, tally) {
            problem if problem.is_empty() => {}
            problem => remarks = format!("{remarks}{style}{problem}{style:#}"),
        }
        Row {
            style,
            symbol: if current.is_partial { '◐' } else { tally.status.symbol() },
            words: status_words(tally.status, current.is_partial, current.is_retired),
            title: sanitize_for_terminal(&endpoint.key.title, TITLE_WIDTH),
            since: current.since.map(|since| clock.time(since)).unwrap_or_default(),
            observed: percent(breakdown.coverage()),
            uptime,
            p95: p95.map(duration::format_rtt).unwrap_or_default(),
            remarks,
        }
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

fn write_rows(text: &mut String, rows: &[Row]) {
    let longest = |cell: fn(&Row) -> &str, heading: usize| {
        rows.iter().map(|row| cell(row).chars().count()).max().unwrap_or_default().max(heading)
    };
    let widths = Widths {
        words: longest(|row| row.words, STATUS_WIDTH),
        title: longest(|row| &row.title, "ENDPOINT".len()),
        since: longest(|row| &row.since, "SINCE".len()),
    };
    let Widths { words, title, since } = widths;
    let bold = Style::new().bold();
    let heading = format!(
        "  {:<words$} {:<title$}  {:<since$}  {:>9}  {:>9}  {:>8}",
        "STATUS", "ENDPOINT", "SINCE", "UPTIME", "OBSERVED", "P95"
    );
    let _ = writeln!(text, "{bold}{heading}{bold:#}");
    for row in rows {
        let Row { style, symbol, remarks, .. } = row;
        let line = format!(
            "{style}{symbol} {:<words$}{style:#} {:<title$}  {:<since$}  {:>9}  {:>9}  {:>8}{remarks}",
            row.words, row.title, row.since, row.uptime, row.observed, row.p95
        );
        let _ = writeln!(text, "{}", line.trim_end());
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

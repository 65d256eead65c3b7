//! The results of a round: a table for people, with colors if the terminal supports them, or JSON for programs.

use std::fmt::Write as _;
use std::iter;

use anstyle::{AnsiColor, Style};
use chrono::{DateTime, Local};
use serde_json::json;
use shared::check_file::{Attempt, CheckResult, answered, write_check_file};
use shared::object_name::{CheckFileName, NodeName};
use shared::stats::Stats;
use shared::status::Status;
use shared::{Nanos, UnixNanos, duration};

use crate::sanitize::{is_safe, sanitize_for_terminal};

/// The maximum width of the title column, in characters. Longer titles are truncated.
const TITLE_WIDTH: usize = 40;
/// The maximum length of an error in a row, in characters; the check file contains the full text.
const REASON_WIDTH: usize = 160;
/// The approximate size of a row without its title, in bytes.
const ROW_BYTES: usize = 64;

/// Whether a table contains ANSI styles.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Styles {
    Ansi,
    Plain,
}

impl Styles {
    fn or_none(self, style: Style) -> Style {
        match self {
            Styles::Ansi => style,
            Styles::Plain => Style::new(),
        }
    }
}

/// Formats results as a table, followed by a line of counts.
#[must_use]
pub fn render(results: &[CheckResult], styles: Styles) -> String {
    let bold = styles.or_none(Style::new().bold());
    let width = results
        .iter()
        .map(|result| match result.title.as_str() {
            title if is_safe(title, TITLE_WIDTH) => title.len(),
            title => sanitize_for_terminal(title, TITLE_WIDTH).chars().count(),
        })
        .max()
        .unwrap_or(0)
        .max("ENDPOINT".len());
    let mut table = String::with_capacity((results.len() + 2) * (width + ROW_BYTES));
    let heading =
        format!("  {:<9} {:<width$}  {:>8}  {:>19}  {:>6}", "STATUS", "ENDPOINT", "MEDIAN", "MIN – MAX", "FAILED");
    let _ = writeln!(table, "{bold}{heading}{bold:#}");
    let styles_by_status = Status::ALL.map(|status| {
        let style = styles.or_none(style_of(status));
        (format!("{style}{} {:<9}{style:#} ", status.symbol(), status.as_str()), style.render().to_string())
    });
    let reset = styles.or_none(style_of(Status::Down)).render_reset().to_string();
    for result in results {
        // Append pieces instead of formatting rows: there can be thousands of them, and formatting would take longer
        // than everything else in a round.
        let (start, style) = &styles_by_status[result.status as usize];
        table.push_str(start);
        let title = sanitize_for_terminal(&result.title, TITLE_WIDTH);
        table.push_str(&title);
        pad(&mut table, width, &title);
        let (median, spread) = times(&result.attempts);
        pad(&mut table, 2 + 8, &median);
        table.push_str(&median);
        pad(&mut table, 2 + 19, &spread);
        table.push_str(&spread);
        push_failed(&mut table, &result.attempts);
        if let Some(reason) = result.reason() {
            for piece in [style, "  ", &sanitize_for_terminal(reason, REASON_WIDTH), &reset] {
                table.push_str(piece);
            }
        }
        table.push('\n');
    }
    let _ = writeln!(table, "{}", count(results, styles));
    table
}

/// Appends the number of failed attempts and of all attempts, or spaces if no attempt was made.
fn push_failed(table: &mut String, attempts: &[Attempt]) {
    const WIDTH: usize = 2 + 6;
    if attempts.is_empty() {
        return pad(table, WIDTH, "");
    }
    let failed = attempts.iter().filter(|attempt| attempt.error.is_some()).count();
    let (mut failed_digits, mut all_digits) = (itoa::Buffer::new(), itoa::Buffer::new());
    let (failed, all) = (failed_digits.format(failed), all_digits.format(attempts.len()));
    pad(table, WIDTH.saturating_sub(1 + all.len()), failed);
    for piece in [failed, "/", all] {
        table.push_str(piece);
    }
}

/// Formats the median round-trip time of the successful attempts, and the range from shortest to longest.
fn times(attempts: &[Attempt]) -> (String, String) {
    let Some(stats) = Stats::from_rtts(answered(attempts).into_vec()) else {
        return (String::new(), String::new());
    };
    let median = duration::format_rtt(stats.median);
    let format = |rtt: Nanos| if rtt == stats.median { median.clone() } else { duration::format_rtt(rtt) };
    let mut spread = format(stats.min);
    spread.push_str(" – ");
    spread.push_str(&format(stats.max));
    (median, spread)
}

/// Pads text with spaces to a width.
fn pad(table: &mut String, width: usize, text: &str) {
    let length = if text.is_ascii() { text.len() } else { text.chars().count() };
    table.extend(iter::repeat_n(' ', width.saturating_sub(length)));
}

/// Formats the local time of a round as a line.
#[must_use]
pub fn time_line(at: UnixNanos, styles: Styles) -> String {
    let bold = styles.or_none(Style::new().bold());
    let local = DateTime::from_timestamp_nanos(at).with_timezone(&Local);
    format!("{bold}{}{bold:#}\n", local.format("%Y-%m-%d %H:%M:%S"))
}

/// Formats the number of endpoints by status, such as `1 down, 3 healthy`.
#[must_use]
pub fn count(results: &[CheckResult], styles: Styles) -> String {
    let counts: Vec<String> = [Status::Down, Status::Degraded, Status::Unknown, Status::Healthy]
        .into_iter()
        .map(|status| (status, results.iter().filter(|result| result.status == status).count()))
        .filter(|(_, count)| *count > 0)
        .map(|(status, count)| {
            let style = styles.or_none(style_of(status));
            format!("{style}{count} {status}{style:#}")
        })
        .collect();
    if counts.is_empty() { "no endpoints".to_owned() } else { counts.join(", ") }
}

/// Formats results as a line of JSON: `{"node":…,"stored":…,"results":[…]}`, with results in check file format.
#[must_use]
pub fn json_line(node: &NodeName, stored: Option<&CheckFileName>, results: &[CheckResult]) -> String {
    let stored = json!(stored.map(ToString::to_string));
    format!("{{\"node\":{},\"stored\":{stored},\"results\":{}}}", json!(node.as_str()), write_check_file(results))
}

/// Returns the color for a status.
#[must_use]
pub fn style_of(status: Status) -> Style {
    let color = match status {
        Status::Healthy => AnsiColor::Green,
        Status::Degraded => AnsiColor::Yellow,
        Status::Down => AnsiColor::Red,
        Status::Unknown => AnsiColor::BrightBlack,
    };
    Style::new().fg_color(Some(color.into()))
}

#[cfg(test)]
mod tests {
    use crate::ui::table::*;

    fn results() -> Vec<CheckResult> {
        let attempt = |rtt, error: Option<&str>| Attempt { rtt, error: error.map(str::to_owned), ..Attempt::default() };
        vec![
            CheckResult {
                title: "Shop".to_owned(),
                status: Status::Healthy,
                attempts: vec![attempt(95_000_000, None), attempt(88_000_000, None)],
                ..CheckResult::default()
            },
            CheckResult {
                title: "API".to_owned(),
                status: Status::Down,
                attempts: vec![attempt(1_000_000, Some("connection refused"))],
                ..CheckResult::default()
            },
            CheckResult { title: "Port".to_owned(), notice: "not yet supported".to_owned(), ..CheckResult::default() },
        ]
    }

    #[test]
    fn a_round_is_a_readable_table() {
        let expected = "\x20 STATUS    ENDPOINT    MEDIAN            MIN – MAX  FAILED
● healthy   Shop       91.5 ms    88.0 ms – 95.0 ms     0/2
■ down      API                                         1/1  connection refused
○ unknown   Port                                             not yet supported
1 down, 1 unknown, 1 healthy
";
        assert_eq!(render(&results(), Styles::Plain), expected);
        let styled = render(&results(), Styles::Ansi);
        assert_ne!(styled, expected);
        assert_eq!(anstream::adapter::strip_str(&styled).to_string(), expected);
    }

    #[test]
    fn a_round_is_a_line_of_json_with_results_as_stored() {
        let node = NodeName::new("eu-west").expect("a name");
        let line = json_line(&node, None, &results());
        assert!(!line.contains('\n'));
        let value: serde_json::Value = serde_json::from_str(&line).expect("it is JSON");
        assert_eq!((value["node"].as_str(), value["stored"].is_null()), (Some("eu-west"), true));
        assert_eq!(value["results"][1]["times"][0]["error"], "connection refused");
    }
}

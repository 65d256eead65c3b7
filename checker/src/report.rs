//! A round as people read it: a table, coloured where the terminal shows colours; and as machines read it.

use std::fmt::Write as _;

use anstyle::{AnsiColor, Style};
use serde_json::json;
use shared::duration;
use shared::object_name::{CheckFileName, NodeName};
use shared::result::{CheckResult, write_check_file};
use shared::stats::Stats;
use shared::status::Status;

/// The widest a column of titles gets, in characters; longer titles are cut.
const TITLE_WIDTH: usize = 40;
/// The most of an error that fits behind a row, in characters; the whole of it is in the check file.
const REASON_WIDTH: usize = 160;

/// A round as a table with a line below that counts. It carries ANSI styles, for a stream that knows whether to
/// show them.
#[must_use]
pub fn table(results: &[CheckResult]) -> String {
    let bold = Style::new().bold();
    let width = results
        .iter()
        .map(|result| plain(&result.title, TITLE_WIDTH).chars().count())
        .max()
        .unwrap_or(0)
        .max("ENDPOINT".len());
    let mut table = String::new();
    let heading =
        format!("  {:<9} {:<width$}  {:>8}  {:>19}  {:>6}", "STATUS", "ENDPOINT", "MEDIAN", "MIN – MAX", "FAILED");
    let _ = writeln!(table, "{bold}{heading}{bold:#}");
    for result in results {
        let stats = Stats::of_attempts(&result.attempts);
        let (median, spread) = stats.map_or_else(
            || ("–".to_owned(), "–".to_owned()),
            |stats| {
                (duration::rtt(stats.median), format!("{} – {}", duration::rtt(stats.min), duration::rtt(stats.max)))
            },
        );
        let failed = result.attempts.iter().filter(|attempt| attempt.error.is_some()).count();
        let style = style_of(result.status);
        let reason = result.reason().map(|reason| format!("  {}", plain(reason, REASON_WIDTH))).unwrap_or_default();
        let _ = writeln!(
            table,
            "{style}{} {:<9}{style:#} {:<width$}  {median:>8}  {spread:>19}  {:>6}{style}{reason}{style:#}",
            shape_of(result.status),
            result.status,
            plain(&result.title, TITLE_WIDTH),
            format!("{failed}/{}", result.attempts.len()),
        );
    }
    let _ = writeln!(table, "{}", count(results));
    table
}

/// How many endpoints have which status: `3 healthy, 1 down`.
#[must_use]
pub fn count(results: &[CheckResult]) -> String {
    let counts: Vec<String> = [Status::Down, Status::Degraded, Status::Unknown, Status::Healthy]
        .into_iter()
        .map(|status| (status, results.iter().filter(|result| result.status == status).count()))
        .filter(|(_, count)| *count > 0)
        .map(|(status, count)| {
            let style = style_of(status);
            format!("{style}{count} {status}{style:#}")
        })
        .collect();
    if counts.is_empty() { "nothing is watched".to_owned() } else { counts.join(", ") }
}

/// A round as one line of JSON: `{"node":…,"stored":…,"results":[…]}` with the results as in a check file.
#[must_use]
pub fn json(node: &NodeName, stored: Option<&CheckFileName>, results: &[CheckResult]) -> String {
    let stored = json!(stored.map(ToString::to_string));
    format!("{{\"node\":{},\"stored\":{stored},\"results\":{}}}", json!(node.as_str()), write_check_file(results))
}

/// A text that a terminal can do nothing with but show it: control characters gone, in one line, cut.
#[must_use]
pub fn plain(text: &str, limit: usize) -> String {
    let is_usual = |byte: u8| byte == b' ' || byte.is_ascii_graphic();
    if text.len() <= limit && text.bytes().all(is_usual) && !text.contains("  ") && text.trim() == text {
        return text.to_owned();
    }
    let one_line: String = text.split_whitespace().collect::<Vec<_>>().join(" ");
    let harmless: String = one_line.chars().filter(|character| !character.is_control()).collect();
    shared::result::shortened(harmless, limit)
}

/// The shape that stands for a status, for those who see no colours.
#[must_use]
pub fn shape_of(status: Status) -> char {
    match status {
        Status::Healthy => '●',
        Status::Degraded => '▲',
        Status::Down => '■',
        Status::Unknown => '○',
    }
}

/// The colour of a status.
#[must_use]
pub fn style_of(status: Status) -> Style {
    let colour = match status {
        Status::Healthy => AnsiColor::Green,
        Status::Degraded => AnsiColor::Yellow,
        Status::Down => AnsiColor::Red,
        Status::Unknown => AnsiColor::BrightBlack,
    };
    Style::new().fg_color(Some(colour.into()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use shared::result::Attempt;

    fn without_styles(text: &str) -> String {
        anstream::adapter::strip_str(text).to_string()
    }

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
    fn a_round_is_a_table_people_can_read() {
        let expected = "\x20 STATUS    ENDPOINT    MEDIAN            MIN – MAX  FAILED
● healthy   Shop       91.5 ms    88.0 ms – 95.0 ms     0/2
■ down      API        1.00 ms    1.00 ms – 1.00 ms     1/1  connection refused
○ unknown   Port             –                    –     0/0  not yet supported
1 down, 1 unknown, 1 healthy
";
        assert_eq!(without_styles(&table(&results())), expected);
    }

    #[test]
    fn a_title_cannot_drive_the_terminal() {
        assert_eq!(plain("a\u{1b}[2Jb\r\nc", 40), "a[2Jb c");
    }

    #[test]
    fn a_round_is_one_line_of_json_with_the_results_as_stored() {
        let node = NodeName::new("eu-west").expect("a name");
        let line = json(&node, None, &results());
        assert!(!line.contains('\n'));
        let value: serde_json::Value = serde_json::from_str(&line).expect("it is JSON");
        assert_eq!((value["node"].as_str(), value["stored"].is_null()), (Some("eu-west"), true));
        assert_eq!(value["results"][1]["times"][0]["error"], "connection refused");
    }
}

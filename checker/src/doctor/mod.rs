//! Verifies a setup: uses each side's keys to test what must work and what must be refused, and suggests fixes.
//!
//! [`checker_side`] covers the checker, [`page_side`] the browser and [`channels`] notifications. [`probe`] sends the requests, [`address`] builds
//! their URLs, [`clock`] compares clocks, [`freshness`] evaluates the names of stored check files, `digests` finds posts
//! that readers do not see, [`kind_conflict`] finds endpoints that nodes check in different ways, [`maintenance`]
//! finds recurring plans that must be renewed, and [`outputs`] and [`web_outputs`] find what everyone can read.

pub mod address;
pub mod channels;
pub mod checker_side;
pub mod clock;
mod digests;
pub mod freshness;
pub mod kind_conflict;
pub mod maintenance;
pub mod outputs;
pub mod page_side;
pub mod probe;
pub mod web_outputs;

use std::fmt;

use anstyle::{AnsiColor, Style};
use serde_json::{Value, json};

/// The severity of a finding. More severe levels compare as greater.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    Ok,
    /// The setup works, but not as well as it should.
    Warning,
    /// The setup does not work, or is not secure.
    Failure,
}

impl fmt::Display for Level {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(match self {
            Level::Ok => "ok",
            Level::Warning => "warning",
            Level::Failure => "failure",
        })
    }
}

/// The part of the setup that a finding concerns.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    Checker,
    Page,
    Store,
}

impl fmt::Display for Side {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(match self {
            Side::Checker => "checker",
            Side::Page => "page",
            Side::Store => "store",
        })
    }
}

/// One result of the doctor's tests.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    pub level: Level,
    pub side: Side,
    /// The result of a test, and its consequence.
    pub what: String,
    /// How to fix the problem, or an empty string if nothing needs fixing.
    pub remedy: String,
}

impl Finding {
    #[must_use]
    pub fn ok(side: Side, what: impl Into<String>) -> Finding {
        Finding { level: Level::Ok, side, what: what.into(), remedy: String::new() }
    }

    #[must_use]
    pub fn warning(side: Side, what: impl Into<String>, remedy: impl Into<String>) -> Finding {
        Finding { level: Level::Warning, side, what: what.into(), remedy: remedy.into() }
    }

    #[must_use]
    pub fn failure(side: Side, what: impl Into<String>, remedy: impl Into<String>) -> Finding {
        Finding { level: Level::Failure, side, what: what.into(), remedy: remedy.into() }
    }
}

/// Returns the level of the worst finding.
#[must_use]
pub fn worst(findings: &[Finding]) -> Level {
    findings.iter().map(|finding| finding.level).max().unwrap_or(Level::Ok)
}

/// Formats the findings, one per line, with ANSI styles; the output stream removes the styles if necessary.
#[must_use]
pub fn text(findings: &[Finding]) -> String {
    let line = |finding: &Finding| {
        let color = match finding.level {
            Level::Ok => AnsiColor::Green,
            Level::Warning => AnsiColor::Yellow,
            Level::Failure => AnsiColor::Red,
        };
        let style = Style::new().fg_color(Some(color.into()));
        let remedy = if finding.remedy.is_empty() { String::new() } else { format!("; {}", finding.remedy) };
        format!("{style}{:<8}{style:#}{:<8} {}{remedy}\n", finding.level, finding.side, finding.what)
    };
    findings.iter().map(line).collect()
}

#[must_use]
pub fn to_json(findings: &[Finding]) -> Value {
    let findings_json = findings.iter().map(|finding| {
        json!({
            "level": finding.level.to_string(), "side": finding.side.to_string(),
            "what": finding.what, "remedy": finding.remedy,
        })
    });
    json!({ "worst": worst(findings).to_string(), "findings": findings_json.collect::<Vec<_>>() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_finding_has_a_line_and_the_worst_sets_the_level() {
        let findings = [
            Finding::ok(Side::Store, "fine"),
            Finding::failure(Side::Page, "broken", "fix it"),
            Finding::warning(Side::Checker, "odd", "check it"),
        ];
        assert_eq!(worst(&findings), Level::Failure);
        assert_eq!(worst(&[]), Level::Ok);
        let lines = text(&findings);
        assert_eq!(lines.lines().count(), 3);
        assert!(lines.contains("broken; fix it"), "{lines}");
        assert_eq!(to_json(&findings)["worst"], "failure");
        assert_eq!(to_json(&findings)["findings"][2]["remedy"], "check it");
    }
}

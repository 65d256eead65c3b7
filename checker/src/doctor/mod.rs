//! Proving a set-up: each side is tried with its own keys, what must work and what must be refused, and each finding
//! says what it means and what to do. [`checker_side`] is the checker's side, [`page_side`] the browser's; [`probe`] makes the
//! requests, [`address`] (pure) their URLs; [`clock`] compares clocks; [`freshness`] (pure) judges what the store holds.

pub mod address;
pub mod checker_side;
pub mod clock;
pub mod freshness;
pub mod page_side;
pub mod probe;

use std::fmt;

use anstyle::{AnsiColor, Style};
use serde_json::{Value, json};

/// How bad a finding is; the worst is the greatest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// As it should be.
    Ok,
    /// It works, but not as well as it should.
    Warning,
    /// It does not work, or is not safe.
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

/// Whose side a finding is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    /// The checker that writes.
    Checker,
    /// The page that reads.
    Page,
    /// What is stored.
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

/// One thing that was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// How bad.
    pub level: Level,
    /// On whose side.
    pub side: Side,
    /// What was found and what it means.
    pub what: String,
    /// What to do; empty if there is nothing to do.
    pub remedy: String,
}

impl Finding {
    /// As it should be.
    #[must_use]
    pub fn ok(side: Side, what: impl Into<String>) -> Finding {
        Finding { level: Level::Ok, side, what: what.into(), remedy: String::new() }
    }

    /// It works, but not as well as it should.
    #[must_use]
    pub fn warning(side: Side, what: impl Into<String>, remedy: impl Into<String>) -> Finding {
        Finding { level: Level::Warning, side, what: what.into(), remedy: remedy.into() }
    }

    /// It does not work, or is not safe.
    #[must_use]
    pub fn failure(side: Side, what: impl Into<String>, remedy: impl Into<String>) -> Finding {
        Finding { level: Level::Failure, side, what: what.into(), remedy: remedy.into() }
    }
}

/// The worst of all findings.
#[must_use]
pub fn worst(findings: &[Finding]) -> Level {
    findings.iter().map(|finding| finding.level).max().unwrap_or(Level::Ok)
}

/// The findings for people, one line each. It carries ANSI styles, for a stream that knows whether to show them.
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

/// The findings for machines.
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
    fn the_worst_finding_decides_and_each_has_a_line() {
        let findings = [
            Finding::ok(Side::Store, "fine"),
            Finding::failure(Side::Page, "broken", "mend it"),
            Finding::warning(Side::Checker, "odd", "look at it"),
        ];
        assert_eq!(worst(&findings), Level::Failure);
        assert_eq!(worst(&[]), Level::Ok);
        let lines = text(&findings);
        assert_eq!(lines.lines().count(), 3);
        assert!(lines.contains("broken; mend it"), "{lines}");
        assert_eq!(to_json(&findings)["worst"], "failure");
        assert_eq!(to_json(&findings)["findings"][2]["remedy"], "look at it");
    }
}

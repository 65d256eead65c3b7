//! Problems in a configuration file, with positions. All problems are collected before any is reported.

use std::collections::hash_map::Entry;
use std::collections::{HashMap, HashSet};
use std::fmt;
use std::hash::{BuildHasher as _, RandomState};

use crate::sanitize::sanitize;

/// The maximum number of problems shown per severity. The rest are only counted, because a file with many problems
/// usually repeats one mistake.
pub const SHOWN_PROBLEMS: usize = 300;

/// The severity of a problem.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// The configuration works as intended. Only `checker validate` reports a notice.
    Notice,
    /// The configuration is used, but part of it is ignored or unsafe.
    Warning,
    /// One check is invalid. The other checks run. The result of the invalid check is unknown, with this problem as the
    /// reason.
    CheckError,
    /// The configuration cannot be used.
    Error,
}

impl fmt::Display for Severity {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Severity::Notice => "notice",
            Severity::Warning => "warning",
            Severity::CheckError | Severity::Error => "error",
        })
    }
}

/// A problem with its position and a remedy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// The byte offset in the file.
    pub at: usize,
    pub severity: Severity,
    /// The description of the mistake and its remedy.
    pub text: String,
}

impl Problem {
    #[must_use]
    pub fn error(at: usize, text: String) -> Problem {
        Problem { at, severity: Severity::Error, text }
    }

    #[must_use]
    pub fn check_error(at: usize, text: String) -> Problem {
        Problem { at, severity: Severity::CheckError, text }
    }

    #[must_use]
    pub fn notice(at: usize, text: String) -> Problem {
        Problem { at, severity: Severity::Notice, text }
    }

    #[must_use]
    pub fn warning(at: usize, text: String) -> Problem {
        Problem { at, severity: Severity::Warning, text }
    }
}

/// All problems found in a file.
#[derive(Debug, Clone, Default)]
pub struct Problems {
    list: Vec<Problem>,
    /// The index of each problem, by its position and a hash of its text.
    known: HashMap<(usize, u64), usize>,
    hasher: RandomState,
    /// The number of problems by severity.
    counts: [usize; 4],
    /// The positions of values with a variable that is not set. Their other errors are not reported.
    unset: HashSet<usize>,
}

impl Problems {
    /// Adds the error for a value with a variable that is not set.
    pub fn add_unset(&mut self, at: usize, text: String) {
        self.add(Problem::error(at, text));
        self.unset.insert(at);
    }

    /// Adds a problem. If it was already found, it is kept only once, with the higher severity.
    pub fn add(&mut self, problem: Problem) {
        if problem.severity >= Severity::CheckError && self.unset.contains(&problem.at) {
            return;
        }
        self.counts[problem.severity as usize] += 1;
        match self.known.entry((problem.at, self.hasher.hash_one(&problem.text))) {
            Entry::Vacant(vacant) => {
                vacant.insert(self.list.len());
                self.list.push(problem);
            }
            Entry::Occupied(known) => {
                let known = &mut self.list[*known.get()].severity;
                let lower = (*known).min(problem.severity);
                self.counts[lower as usize] -= 1;
                *known = (*known).max(problem.severity);
            }
        }
    }

    /// Adds all problems from another collection.
    pub fn extend(&mut self, others: Problems) {
        others.list.into_iter().for_each(|problem| self.add(problem));
        self.unset.extend(others.unset);
    }

    /// Returns the first problem that makes a check unusable, in the order in which problems were added.
    #[must_use]
    pub fn first_check_error(&self) -> Option<&Problem> {
        self.list.iter().find(|problem| problem.severity == Severity::CheckError)
    }

    /// Returns whether `checker validate` should fail.
    #[must_use]
    pub fn has_errors(&self) -> bool {
        self.count(Severity::CheckError) + self.count(Severity::Error) > 0
    }

    /// Returns the errors at a position.
    pub(super) fn errors_at(&self, at: usize) -> impl Iterator<Item = &Problem> {
        self.list.iter().filter(move |problem| problem.at == at && problem.severity == Severity::Error)
    }

    /// Returns all problems, in the order in which they were added.
    pub(super) fn into_list(self) -> Vec<Problem> {
        self.list
    }

    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    /// Returns the number of problems that make the configuration unusable.
    #[must_use]
    pub fn errors(&self) -> usize {
        self.count(Severity::Error)
    }

    fn count(&self, severity: Severity) -> usize {
        self.counts[severity as usize]
    }

    /// Formats the problems as `file:line:column: severity: text`, ordered by position. At most [`SHOWN_PROBLEMS`] of
    /// each severity are listed, followed by the number of remaining problems.
    #[must_use]
    pub fn lines(&self, file: &str, text: &str) -> Vec<String> {
        self.lines_from(Severity::Notice, file, text)
    }

    /// Formats only the problems that have at least this severity, like [`Self::lines`].
    #[must_use]
    pub fn lines_from(&self, least: Severity, file: &str, text: &str) -> Vec<String> {
        let mut sorted: Vec<&Problem> = self.list.iter().filter(|problem| problem.severity >= least).collect();
        sorted.sort_by_key(|problem| problem.at);
        let mut positions = Positions::new(text);
        let (mut lines, mut shown) = (Vec::new(), [0; 4]);
        for problem in sorted {
            let shown = &mut shown[problem.severity as usize];
            if *shown < SHOWN_PROBLEMS {
                *shown += 1;
                let (line, column) = positions.line_and_column(problem.at);
                lines.push(format!("{file}:{line}:{column}: {}: {}", problem.severity, safe(&problem.text)));
            }
        }
        let left =
            |severity: Severity| if severity >= least { self.count(severity) - shown[severity as usize] } else { 0 };
        let errors = left(Severity::CheckError) + left(Severity::Error);
        let others = [(errors, "error"), (left(Severity::Warning), "warning"), (left(Severity::Notice), "notice")];
        for (count, name) in others.into_iter().filter(|(count, _)| *count > 0) {
            let plural = if count == 1 { "" } else { "s" };
            lines.push(format!("{file}: … and {} more {name}{plural}", grouped(count)));
        }
        lines
    }
}

/// Returns a message as a single line without characters that control a terminal, because messages quote values from
/// the file.
fn safe(text: &str) -> String {
    sanitize(text.to_owned(), usize::MAX)
}

/// Formats a number with commas between groups of three digits.
fn grouped(number: usize) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() * 4 / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// Returns the line and column of a byte offset, both starting at 1. Columns count characters.
#[must_use]
pub fn line_and_column(text: &str, at: usize) -> (usize, usize) {
    Positions::new(text).line_and_column(at)
}

/// Finds the lines and columns of increasing offsets in one pass through the text.
struct Positions<'t> {
    text: &'t str,
    /// The most recent offset, followed by its line and column.
    at: usize,
    line: usize,
    column: usize,
    /// The number of bytes examined so far.
    #[cfg(test)]
    examined: usize,
}

impl<'t> Positions<'t> {
    fn new(text: &'t str) -> Self {
        Positions {
            text,
            at: 0,
            line: 1,
            column: 1,
            #[cfg(test)]
            examined: 0,
        }
    }

    /// Returns the line and column of an offset, which must not be before the previous one.
    fn line_and_column(&mut self, at: usize) -> (usize, usize) {
        let mut at = at.min(self.text.len());
        while !self.text.is_char_boundary(at) {
            at -= 1;
        }
        let between = self.text.get(self.at..at).unwrap_or_default();
        match between.rfind('\n') {
            Some(newline) => {
                self.line += between.matches('\n').count();
                self.column = between[newline + 1..].chars().count() + 1;
            }
            None => self.column += between.chars().count(),
        }
        #[cfg(test)]
        {
            self.examined += between.len();
        }
        self.at = self.at.max(at);
        (self.line, self.column)
    }
}

/// Turns a sentence into a clause that can follow a colon.
pub(super) fn lower_case_first(sentence: &str) -> String {
    let mut characters = sentence.chars();
    characters.next().map(|first| first.to_lowercase().chain(characters).collect()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_and_columns_are_counted_from_one() {
        let text = "{\n  \"ä\": 1}";
        assert_eq!(line_and_column(text, 0), (1, 1));
        assert_eq!(line_and_column(text, 2), (2, 1));
        assert_eq!(line_and_column(text, text.find('1').expect("it is there")), (2, 8));
        assert_eq!(line_and_column(text, 999), (2, 10));
    }

    #[test]
    fn a_repeated_problem_is_kept_once_with_the_higher_severity() {
        let mut problems = Problems::default();
        problems.add(Problem::check_error(4, "odd".to_owned()));
        assert!(problems.errors() == 0 && problems.has_errors());
        problems.add(Problem::error(4, "odd".to_owned()));
        problems.add(Problem::check_error(4, "odd".to_owned()));
        assert!(problems.errors() == 1 && problems.first_check_error().is_none());
        assert_eq!(problems.lines("c.json", "abcdef"), ["c.json:1:5: error: odd"]);
    }

    #[test]
    fn many_problems_are_counted_and_located_in_one_pass() {
        let text = "x\n".repeat(20_000);
        let mut problems = Problems::default();
        for number in 0..20_000 {
            problems.add(Problem::warning(2 * number, "odd".to_owned()));
            // Reporting the same problem again raises its severity.
            problems.add(Problem::check_error(2 * number, "odd".to_owned()));
        }
        problems.add(Problem::error(39_999, "fatal".to_owned()));
        problems.add(Problem::notice(39_999, "renamed".to_owned()));
        assert_eq!((problems.errors(), problems.has_errors()), (1, true));
        let lines = problems.lines("c.json", &text);
        // Problems of other severities are shown no matter how many errors there are.
        assert_eq!(lines.len(), SHOWN_PROBLEMS + 3);
        assert_eq!(lines[1], "c.json:2:1: error: odd");
        assert_eq!(lines[SHOWN_PROBLEMS], "c.json:20000:2: error: fatal");
        assert_eq!(lines[SHOWN_PROBLEMS + 2], "c.json: … and 19,700 more errors");

        let mut positions = Positions::new(&text);
        for number in 0..20_000 {
            assert_eq!(positions.line_and_column(2 * number), (number + 1, 1));
        }
        assert!(positions.examined <= text.len(), "{}", positions.examined);
    }

    #[test]
    fn a_file_with_many_invalid_checks_reports_the_first_ones() {
        let check = r#"{"type":"http","endpoint_name":"A","endpoint_url":"ftp://a","treshold_rtt":1}"#;
        let text = format!("{{\"checkers\":[{}]}}", vec![check; 10_000].join(",\n"));
        let environment = crate::config::Environment { variable: &|_| None, host_name: "here".to_owned() };
        let (config, problems) = crate::config::from_text(&text, std::path::Path::new(""), &environment);
        let lines = problems.lines("c.json", &text);
        // Each check has two errors: one affects only the check, and the other affects the whole file.
        assert!(config.is_none() && lines.len() == 2 * SHOWN_PROBLEMS + 1, "{}", lines.len());
        assert_eq!(lines.last().map(String::as_str), Some("c.json: … and 19,400 more errors"));
    }

    #[test]
    fn values_in_messages_cannot_control_the_terminal() {
        let mut problems = Problems::default();
        problems.add(Problem::error(0, "odd `a\u{202e}b\u{1b}[2J\nc`".to_owned()));
        assert_eq!(problems.lines("c.json", "x"), ["c.json:1:1: error: odd `ab[2J c`"]);
    }

    #[test]
    fn numbers_have_groups_of_three_digits() {
        assert_eq!([7, 999, 1_000, 19_700, 1_234_567].map(grouped), ["7", "999", "1,000", "19,700", "1,234,567"]);
    }

    #[test]
    fn problems_are_sorted_by_position() {
        let mut problems = Problems::default();
        problems.add(Problem::error(4, "second".to_owned()));
        problems.add(Problem::warning(0, "first".to_owned()));
        assert_eq!(problems.lines("c.json", "ab\ncd"), ["c.json:1:1: warning: first", "c.json:2:2: error: second"]);
    }
}

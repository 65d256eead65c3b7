//! Problems of a configuration file, with positions. All of them are collected before any is reported.

use std::fmt;

/// The severity of a problem.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// Everything works. Only `checker validate` reports it.
    Notice,
    /// The configuration is used, but part of it is ignored or unsafe.
    Warning,
    /// One check is invalid. The others run; its result is unknown, with this problem as the reason.
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

/// A problem with its position and its remedy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// Byte offset in the file.
    pub at: usize,
    pub severity: Severity,
    /// States the mistake and what to write instead.
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

/// All the problems of a file.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Problems(Vec<Problem>);

impl Problems {
    /// Adds a problem. If it was already found, it is kept only once, with the higher severity.
    pub fn add(&mut self, problem: Problem) {
        match self.0.iter_mut().find(|known| known.at == problem.at && known.text == problem.text) {
            Some(known) => known.severity = known.severity.max(problem.severity),
            None => self.0.push(problem),
        }
    }

    /// Adds all problems from another collection.
    pub fn extend(&mut self, others: Problems) {
        others.0.into_iter().for_each(|problem| self.add(problem));
    }

    /// The first problem that makes a check unusable, in the order in which problems were added.
    #[must_use]
    pub fn first_check_error(&self) -> Option<&Problem> {
        self.0.iter().find(|problem| problem.severity == Severity::CheckError)
    }

    /// Whether `checker validate` should fail.
    #[must_use]
    pub fn has_errors(&self) -> bool {
        self.0.iter().any(|problem| problem.severity > Severity::Warning)
    }

    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The number of problems that make the configuration unusable.
    #[must_use]
    pub fn errors(&self) -> usize {
        self.0.iter().filter(|problem| problem.severity == Severity::Error).count()
    }

    /// Formats each problem as `file:line:column: severity: text`, in order of position.
    #[must_use]
    pub fn lines(&self, file: &str, text: &str) -> Vec<String> {
        self.lines_from(Severity::Notice, file, text)
    }

    /// Like [`Self::lines`], but only for problems that are at least this severe.
    #[must_use]
    pub fn lines_from(&self, least: Severity, file: &str, text: &str) -> Vec<String> {
        let mut sorted: Vec<&Problem> = self.0.iter().filter(|problem| problem.severity >= least).collect();
        sorted.sort_by_key(|problem| problem.at);
        sorted
            .into_iter()
            .map(|problem| {
                let (line, column) = line_and_column(text, problem.at);
                format!("{file}:{line}:{column}: {}: {}", problem.severity, problem.text)
            })
            .collect()
    }
}

/// Line and column of a byte offset, both starting at 1. Columns count characters.
#[must_use]
pub fn line_and_column(text: &str, at: usize) -> (usize, usize) {
    let mut at = at.min(text.len());
    while !text.is_char_boundary(at) {
        at -= 1;
    }
    let before = &text[..at];
    let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
    (before.matches('\n').count() + 1, before[line_start..].chars().count() + 1)
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
    fn problems_are_sorted_by_position() {
        let mut problems = Problems::default();
        problems.add(Problem::error(4, "second".to_owned()));
        problems.add(Problem::warning(0, "first".to_owned()));
        assert_eq!(problems.lines("c.json", "ab\ncd"), ["c.json:1:1: warning: first", "c.json:2:2: error: second"]);
    }
}
